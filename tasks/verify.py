"""Stage: intervention. What the model predicts when a word is taken out of a text, or put into one.

Reads the tables of `warehouse/screen/`, the texts of the shards and their logits in the parts of attribution. Writes,
in `<run>/trials/`, one part for every `GROUP` candidates and one of what words mean (tasks/trials/meaning.py), and
builds the tables of `warehouse/verify/` from the trials.

`trials`, one row per candidate, operator (tasks/trials/operators.py) and text: `kind`, `label`, `word`, `operator`,
`replacement` (what was put in the place of the word; null for none), `example_id`,
`margin_before`, `margin_after` (log-odds of the candidate's label against all others),
`predicted_before`, `predicted_after` and `gold` (indices of labels).

`vectors`, one row per word that is used or tried: `word`, `vector`, and `meaning`, one figure a label.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

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
from tasks.trials.reader import texts_of
from tasks.trials.runner import facts_of, trials_key, try_group
from tasks.trials.thresholds import MIN_FLIP_RATE
from warehouse import open_warehouse

GROUP = 75
"""Candidates in a part, about: half a minute on two cores. Smaller groups fill their last batches less: with 25
candidates a group, 300 words on two cores took a third longer than in one group."""


_TABLES = ("trials", "effects", "interactions", "evidence", "verification_cost")


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
    params = {
        "token_parts": [part_file(shard.scores, "tokens") for shard in shards],
        "max_documents": config.verification.max_documents,
    }
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        candidates = warehouse.rows("verify/plan", params)
        words = [row["word"] for row in warehouse.rows("verify/meant_words", {})]
    # Groups of about the same size: a small last one would fill no batch.
    cuts = np.linspace(0, len(candidates), max(round(len(candidates) / GROUP), 1) + 1).astype(int)
    groups = [candidates[start:end] for start, end in pairwise(cuts)]
    folder = run.storage / "trials"
    trials = [folder / f"part-{number:05d}.json" for number in range(len(groups))]
    # A worker may be in another folder.
    model = replace(model, folder=model.folder.absolute())
    settled = (model, config.attribution.dtype, config.verification)
    places = [Shard(shard.texts.absolute(), shard.scores.absolute()) for shard in shards]
    missing = [
        Job(part.stem, (group, places, *settled, part.absolute()), len(group), partial(texts_of, group))
        for group, part in zip(groups, trials, strict=True)
        if facts_of(part, trials_key(group, *settled)) is None
    ]
    done = len(candidates) - sum(job.size for job in missing)
    with progress("verify", len(candidates), "words", done, artifact="verification") as meter:
        if missing:
            with fan_out() as run_everywhere:
                run_everywhere(try_group, missing, meter)
    meanings = folder / "meanings.json"
    write_meanings(words, model, base_folder(config), meanings)
    return Verified(build_evidence(config, run, model, screened, trials), tuple(trials), meanings)


def build_evidence(config: AuditConfig, run: Run, model: ModelSpec, screened: str, trials: Sequence[Path]) -> str:
    """Build the tables of this stage from the parts of trials; return their key.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    facts = [read_manifest(part) or {} for part in trials]
    params = {
        "trial_parts": [part_file(part, "trials") for part in trials],
        "labels": list(model.labels),
        "passes": sum(int(str(fact["num_passes"])) for fact in facts),
        "lost": sum(int(str(fact["num_quarantined"])) for fact in facts),
        "max_documents": config.verification.max_documents,
        "min_flip_rate": MIN_FLIP_RATE,
    }
    upstream = digest(screened, [fact["key"] for fact in facts])
    with open_warehouse(config.warehouse) as warehouse:
        return warehouse.build_stage(run.run_id, "verify", [f"verify/{name}" for name in _TABLES], params, upstream)
