"""Stage: every example's prediction, and the score of each of its tokens.

Reads the shards of ingest. Writes, in `<run>/parts/`, the plan of the run (`plan.json`,
see tasks/attribution/pilot.py) and one part per shard (its tables: tasks/attribution/part.py).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import torch

from configs.attribution import AttributionConfig
from configs.errors import AttributionError
from tasks.attribution.batches import Engine, batch_tokens, engine_for
from tasks.attribution.gradients import Budget
from tasks.attribution.part import attribute_shard
from tasks.attribution.pilot import example_ids, pilot_ids, plan_of
from tasks.attribution.plan import MAX_DOUBLINGS, stored_plan
from tasks.model.forward import Classifier
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec
from tasks.runtime.bisect import Job
from tasks.runtime.parts import Shard, file_hash, num_rows, read_manifest
from tasks.runtime.progress import progress
from tasks.runtime.stage import stage
from tasks.runtime.workers import Facts, fan_out, target_of
from tasks.text.words import segmenter


@stage("attribute", hours=48)
def attribute_shards(
    texts: Sequence[Path],
    model: ModelSpec,
    attribution: AttributionConfig,
    folder: Path,
) -> list[Shard]:
    """Attribute every shard of `texts` that has no whole part in `folder` yet; return all shards, in order.

    Raises:
        AttributionError: the forward pass with the layer replaced is not the model's forward pass, the pilot's
            held-out texts fail the plan, or more than `attribution.max_quarantined` of the examples are quarantined.
    """
    shards = [Shard(path, folder / path.name.replace("shard", "part")) for path in texts]
    facts = [read_manifest(shard.scores) for shard in shards]
    # A part of a shard that was made anew since is no part of this one.
    missing = {i for i, fact in enumerate(facts) if fact is None or fact["shard"] != file_hash(shards[i].texts)}
    sizes = [num_rows(path, "examples") for path in texts]
    done = sum(size for i, size in enumerate(sizes) if i not in missing)
    if missing:
        # A worker may be in another folder.
        model = replace(model, folder=model.folder.absolute())
        paths = [path.absolute() for path in texts]
        plan = (folder / "plan.json").absolute()
        jobs = [
            Job(
                paths[i].stem,
                (paths[i], model, attribution, plan, shards[i].scores.absolute(), segmenter()),
                sizes[i],
                partial(example_ids, paths[i]),
            )
            for i in sorted(missing)
        ]
        with fan_out() as run_everywhere:
            if stored_plan(plan) is None:
                ids = pilot_ids(paths, attribution.seed)
                pilot = Job("the pilot", (paths, model, attribution, plan), len(ids), lambda: ids)
                with progress("pilot", len(ids), "examples") as meter:
                    run_everywhere(plan_run, [pilot], meter)
            with progress("attribute", sum(sizes), "examples", done, artifact="attribution") as meter:
                run_everywhere(attribute_part, jobs, meter)
    written = [_written(shard.scores) for shard in shards]
    quarantined, died, planned = (
        sum(int(str(facts[name])) for facts in written) for name in ("num_quarantined", "num_died", "num_planned")
    )
    if quarantined > attribution.max_quarantined * planned:
        raise AttributionError(_too_many(quarantined, died, planned, attribution))
    return shards


def _written(part: Path) -> Facts:
    facts = read_manifest(part)
    if facts is None:
        raise AttributionError(
            f"{part} was written by a worker and cannot be read here. "
            "Workers on other machines need a folder that all share: set `output` to one."
        )
    return facts


def plan_run(
    texts: Sequence[Path],
    model: ModelSpec,
    attribution: AttributionConfig,
    manifest: Path,
    *,
    left_out: frozenset[int],
    dry: bool,
    advance: Callable[[int], None],
) -> Facts:
    """Make the plan of a run, without some of the pilot's texts; a dry run stores none."""
    with target_of(manifest, dry=dry) as target:
        plan_of(_engine(model, attribution), texts, model, target.parent, left_out, advance)
    return {}


def attribute_part(
    texts: Path,
    model: ModelSpec,
    attribution: AttributionConfig,
    plan: Path,
    part: Path,
    words_by: str | None,
    *,
    left_out: frozenset[int],
    dry: bool,
    advance: Callable[[int], None],
) -> Facts:
    """Write the part of one shard by the stored plan, without the examples that are left out; a dry run writes none.

    `words_by` is what cuts texts without spaces into words where the run was named.
    """
    if segmenter() != words_by:
        raise AttributionError(
            f"A worker would cut words by {segmenter() or 'graphemes'}, the run does so by {words_by or 'graphemes'}. "
            "Install the same version of the extra `icu` on every machine, or on none."
        )
    engine = _engine(model, attribution)
    stored = stored_plan(plan)
    if stored is None:
        raise AttributionError(
            f"{plan} cannot be read. Workers on other machines need a folder that all share: set `output` to one."
        )
    with _flushed_denormals(), target_of(part, dry=dry) as target:
        return attribute_shard(texts, engine, model, stored, target, advance, left_out)


def _engine(model: ModelSpec, attribution: AttributionConfig) -> Engine:
    classifier = load_classifier(model, attribution.dtype)
    return replace(_checked_engine(classifier, attribution), budget=Budget(batch_tokens(classifier.device)))


@lru_cache(maxsize=2)
def _checked_engine(classifier: Classifier, attribution: AttributionConfig) -> Engine:
    """Once in a process, since its checks are forward passes."""
    return engine_for(classifier, attribution)


@contextmanager
def _flushed_denormals() -> Iterator[None]:
    """GELU far below 0 gives denormal numbers, which processors compute ten times slower than others.

    The switch is the whole thread's, and a database in it would round small p-values to 0: so only for the while.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _too_many(quarantined: int, died: int, planned: int, attribution: AttributionConfig) -> str:
    tolerance, max_gap, most_steps = attribution.tolerance, attribution.max_gap, attribution.steps * 2**MAX_DOUBLINGS
    wanted = {
        "document": f"miss attribution.tolerance = {tolerance} after {MAX_DOUBLINGS} doublings of their gradients",
        "fixed": f"miss attribution.max_gap = {max_gap} even with {most_steps} steps",
        "corpus": "have scores that are no numbers, or do not fit into memory",
    }[attribution.mode]
    killed = f" or kill their worker ({died} of them)" if died else ""
    return (
        f"{quarantined} of {planned} examples {wanted}{killed}, "
        f"more than attribution.max_quarantined = {attribution.max_quarantined}. "
        "The column reason of the parts says why; allow more gradients, or try another baseline."
    )
