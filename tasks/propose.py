"""Stage: propose the arms of a retraining from the findings of an audit.

Reads the tables of `warehouse/judge/` and `warehouse/recommend/`; nothing is built. What is proposed rests on trials,
which know no gold label.
"""

import json
import random
from collections import Counter, defaultdict
from dataclasses import replace
from typing import NamedTuple

from configs.schema import AuditConfig
from tasks.data.rules import parse_rules
from tasks.data.split import audited_and_trained, audited_and_unlabelled, sampled
from tasks.model.spec import ModelSpec
from tasks.pages.preprocess import preprocess_file
from tasks.pages.redact import redactor_of
from tasks.remedies.arms import Arm, Proposals, Swap, arms_of, placebo_of
from tasks.runs.run import Run
from tasks.runtime.stage import stage
from tasks.text.words import word_spans
from tasks.trials.operators import MAX_STAND_INS, MIN_STAND_INS
from warehouse import open_warehouse


class Proposed(NamedTuple):
    """The arms of a retraining."""

    arms: tuple[Arm, ...]
    """That of no change first, the placebo last; only the first where an audit finds nothing to change."""
    found: tuple[str, ...]
    """Spurious words, in lower case: the texts with them are looked at by themselves."""


@stage("propose", hours=1)
def propose_arms(config: AuditConfig, run: Run, model: ModelSpec) -> Proposed:
    """The arms that the tables of the run propose.

    Raises:
        DataError: the dataset or the labelling rules cannot be read.
        WarehouseError: the database is locked.
    """
    assert config.finetune is not None, "the flow asked for it"
    limits = {"max_stand_ins": MAX_STAND_INS, "min_stand_ins": MIN_STAND_INS}
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        spurious = warehouse.rows("propose/spurious", limits)
        unused = warehouse.rows("propose/unused", {})
        strips = json.loads(preprocess_file(warehouse))
        # Rules that gave no label to train on cannot be tried.
        written = [] if config.finetune.rules is None else warehouse.rows("propose/rule_files", {})
        redactor = redactor_of(config, run, warehouse)
    given, changed = (
        parse_rules(written[0][name], "the labelling rules") if written else None for name in ("rules", "changed")
    )
    proposals = Proposals(
        given,
        changed,
        tuple(Swap(row["word"], row["type"], tuple(row["stand_ins"])) for row in spurious if row["stand_ins"]),
        tuple(entry["regex"] for entry in strips),
        tuple((row["word"], model.labels.index(row["label"])) for row in spurious),
    )
    others: dict[str, list[str]] = defaultdict(list)
    for row in unused:
        others[row["type"]].append(row["word"])
    rng = random.Random(f"{config.finetune.seed} placebo")
    placebo = placebo_of(proposals, _frequencies(config, model), others, rng)
    arms = arms_of(proposals, placebo)
    if redactor is not None:
        # What an arm changes is told on a page, and in the folder of its classifier.
        arms = [replace(arm, changes=redactor.texts(arm.changes)) for arm in arms]
    return Proposed(tuple(arms), tuple(sorted({row["word"] for row in spurious})))


def _frequencies(config: AuditConfig, model: ModelSpec) -> Counter[str]:
    """The number of training texts that hold each word, in the case in which keywords are compared."""
    assert config.finetune is not None, "the flow asked for it"
    read = audited_and_trained if config.finetune.rules is None else audited_and_unlabelled
    found = Counter[str]()
    for row in sampled(read(config, model.labels)[1], config.finetune):
        found.update({row.text[start:end].casefold() for start, end in word_spans(row.text)})
    return found
