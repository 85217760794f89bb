"""Stage: intervention. What the model predicts when a word is taken out of a text, or put into one.

Reads the tables of `warehouse/screen/`, the texts of the shards and their logits in the parts of attribution. Writes,
in `<run>/trials/`, one part of placebo trials, one of patterns, one for every `GROUP` candidates and one of what words
mean (tasks/trials/meaning.py), and builds the tables of `warehouse/verify/` from the trials.

The part `placebos` has two tables. `placebos`, one row per type, text, stand-in and label: `type`, `example_id`,
`replacement` (a word of the type, inserted), `label`, `margin` (log-odds of the label), `predicted` (index of the label
that is predicted). `type_trials`, one row per type, text and label: `type`, `example_id`, `label`, and for the text
without as many other words (`with`) and without all words of the type (`without`) `margin_...` and `predicted_...`;
`margin_control` without either.

The part `patterns` has two tables. `pattern_trials`, one row per pattern, operator, text and label: `type`, `pattern`,
`operator` (removal or insertion), `example_id`, `label`, and for the text with the pattern (`with`) and with neutral
words in its place (`without`) `margin_...` and `predicted_...`; `margin_control` without it again, by other neutral
words or before anything was put in, null where there is no other way. `pattern_parts`, one row per pattern of which a
part does nearly all: `type`, `pattern`, `label`, `part`, `effect` and `whole_effect` (log-odds, put in), `n_texts`.

The parts of candidates have the table `trials`, one row per candidate, operator (tasks/trials/operators.py), text and
stand-in: `kind`, `label`, `word`, `operator`, `placebo_type` (of the placebo words of an insertion; else null),
`replacement` (what was put in the place of the word, or how it was inserted; null for none), `example_id`,
`margin_before`, `margin_after` (log-odds of the candidate's label against all others), `predicted_before`,
`predicted_after` and `gold` (indices of labels).

The part `meanings` has the table `vectors`, one row per word that is used or tried: `word`, `vector`, and `meaning`,
one figure a label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from configs.schema import AuditConfig
from configs.section import digest
from tasks.model.spec import ModelSpec
from tasks.runs.run import Run
from tasks.runtime.bisect import Job
from tasks.runtime.parts import Shard, part_file, read_manifest
from tasks.runtime.progress import progress
from tasks.runtime.stage import stage
from tasks.runtime.workers import fan_out
from tasks.trials.meaning import base_folder, write_meanings
from tasks.trials.operators import MAX_STAND_INS, MIN_STAND_INS
from tasks.trials.part import Group, facts_of, trials_key
from tasks.trials.patterns import try_patterns
from tasks.trials.placebos import try_placebos
from tasks.trials.reader import texts_of
from tasks.trials.runner import try_group
from warehouse import open_warehouse

GROUP = 75
"""Candidates in a part, about: half a minute on two cores. Smaller groups fill their last batches less: with 25
candidates a group, 300 words on two cores took a third longer than in one group."""


POOL = 48
"""Most placebo words of a type: enough that four of them, drawn for each text, are others in most texts."""
MAX_TYPE_TEXTS = 48
"""Most texts that all words of a type, or a pattern, are taken out of: there are few of them, and texts differ more in
them than in one word."""
MIN_HALVED = 10
"""Texts from which on the texts of a word are tried by halves."""

_TABLES = (
    "placebos",
    "trials",
    "effects",
    "interactions",
    "type_effects",
    "pattern_effects",
    "pattern_parts",
    "turning_trials",
    "evidence",
    "verification_cost",
)


class Verified(NamedTuple):
    """What verification leaves behind."""

    key: str
    """Of the tables of `warehouse/verify/`."""
    parts: tuple[Path, ...]
    """The trials, in the order of the candidates."""
    meanings: Path
    """What the words that are used or tried mean."""


@stage("verify", hours=48)
def verify_candidates(
    config: AuditConfig,
    run: Run,
    model: ModelSpec,
    screened: str,
    shards: Sequence[Shard],
) -> Verified:
    """Try every group of candidates that has no whole part of the same candidates yet, and build the tables of this
    stage.

    The candidates are those of the tables of key `screened`.

    Raises:
        AttributionError: a text does not fit into memory even alone.
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    planned = plans_of(config, run.run_id, model, shards)
    candidates, types, patterns = planned.candidates, planned.types, planned.patterns
    # Groups of about the same size: a small last one would fill no batch.
    cuts = np.linspace(0, len(candidates), max(round(len(candidates) / GROUP), 1) + 1).astype(int)
    groups = [candidates[start:end] for start, end in pairwise(cuts)]
    folder = run.storage / "trials"
    placebos, shapes = folder / "placebos.json", folder / "patterns.json"
    trials = [folder / f"part-{number:05d}.json" for number in range(len(groups))]
    # A worker may be in another folder.
    model = replace(model, folder=model.folder.absolute())
    settled = (model, config.attribution.dtype, config.verification)
    places = [Shard(shard.texts.absolute(), shard.scores.absolute()) for shard in shards]
    key = trials_key(types, *settled)

    def missing(group: Group, part: Path, group_key: str, *more: Path) -> list[Job]:
        if facts_of(part, group_key) is not None:
            return []
        given = (group, places, *settled, *more, part.absolute())
        return [Job(part.stem, given, len(group), partial(texts_of, group))]

    of_types = missing(types, placebos, key)
    of_patterns = missing(patterns, shapes, trials_key(patterns, *settled))
    of_words = [
        job
        for group, part in zip(groups, trials, strict=True)
        for job in missing(group, part, trials_key(group, *settled, key), placebos.absolute())
    ]
    total = len(candidates) + len(types) + len(patterns)
    done = total - sum(job.size for job in (*of_types, *of_patterns, *of_words))
    with progress("verify", total, "words and patterns", done, artifact="verification") as meter:
        if of_types or of_patterns or of_words:
            with fan_out() as run_everywhere:
                run_everywhere(try_placebos, of_types, meter)
                run_everywhere(try_patterns, of_patterns, meter)
                run_everywhere(try_group, of_words, meter)
    meanings = folder / "meanings.json"
    write_meanings(planned.words, model, base_folder(config), meanings)
    return Verified(build_evidence(config, run, model, screened, [placebos, shapes, *trials]), tuple(trials), meanings)


class Plans(NamedTuple):
    """What is tried: rows of the queries of `warehouse/verify/`."""

    candidates: list[dict[str, Any]]
    types: list[dict[str, Any]]
    patterns: list[dict[str, Any]]
    words: list[str]
    """Those whose meaning is looked up."""


def plans_of(config: AuditConfig, run_id: str, model: ModelSpec, shards: Sequence[Shard]) -> Plans:
    """What is tried in a run whose candidates are settled.

    Raises:
        WarehouseError: the database is locked.
    """
    params = {
        "token_parts": [part_file(shard.scores, "tokens") for shard in shards],
        "mirrored": config.attribution.mirrored(len(model.labels), model.head),
        "max_documents": config.verification.max_documents,
        "max_stand_ins": MAX_STAND_INS,
        "min_stand_ins": MIN_STAND_INS,
        "min_halved": MIN_HALVED,
        "min_examples": config.statistics.min_examples,
    }
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run_id)
        types = _types(
            warehouse.rows("verify/pool", {**params, "max_stand_ins": POOL}),
            warehouse.rows("verify/type_plan", {**params, "max_documents": MAX_TYPE_TEXTS}),
        )
        return Plans(
            warehouse.rows("verify/plan", params),
            types,
            warehouse.rows("verify/pattern_plan", {**params, "max_documents": MAX_TYPE_TEXTS}),
            [row["word"] for row in warehouse.rows("verify/meant_words", {})],
        )


def _types(pool: Sequence[Mapping[str, Any]], plan: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each type with placebo words or texts."""
    found: dict[str, dict[str, Any]] = {}
    for row in pool:
        found[row["type"]] = {"type": row["type"], "stand_ins": row["stand_ins"], "others": row["texts"], "held": []}
    for row in plan:
        own = found.setdefault(row["type"], {"type": row["type"], "stand_ins": [], "others": [], "held": []})
        own["held"] = row["held"]
    return [found[kind] for kind in sorted(found)]


def build_evidence(config: AuditConfig, run: Run, model: ModelSpec, screened: str, trials: Sequence[Path]) -> str:
    """Build the tables of this stage from the parts of trials, placebos and patterns first; return their key.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    placebos, patterns, *parts = trials
    facts = [read_manifest(part) or {} for part in trials]
    params = {
        "placebo_parts": [part_file(placebos, "placebos")],
        "type_parts": [part_file(placebos, "type_trials")],
        "pattern_trial_parts": [part_file(patterns, "pattern_trials")],
        "pattern_parts": [part_file(patterns, "pattern_parts")],
        "trial_parts": [part_file(part, "trials") for part in parts],
        "labels": list(model.labels),
        "passes": sum(int(str(fact["num_passes"])) for fact in facts),
        "lost": sum(int(str(fact["num_quarantined"])) for fact in facts),
        "early": sum(int(str(fact.get("num_early", 0))) for fact in facts),
        "max_documents": config.verification.max_documents,
        "min_effect": config.verification.min_effect,
    }
    upstream = digest(screened, [fact["key"] for fact in facts])
    with open_warehouse(config.warehouse) as warehouse:
        return warehouse.build_stage(run.run_id, "verify", [f"verify/{name}" for name in _TABLES], params, upstream)
