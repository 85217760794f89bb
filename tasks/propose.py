"""Stage: propose the arms of a retraining from the findings of an audit.

Reads the tables of `warehouse/judge/` and `warehouse/recommend/`; nothing is built. What is proposed rests on trials,
which know no gold label.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from configs.schema import AuditConfig
from tasks.data.rows import Row
from tasks.data.rules import Rules, without_term
from tasks.data.split import audited_and_trained, audited_and_unlabelled
from tasks.data.votes import read_labelling
from tasks.model.spec import ModelSpec
from tasks.pages.preprocess import preprocess_file
from tasks.remedies.arms import Arm, Proposals, Swap, arms_of, placebo_of, terms_of
from tasks.runs.run import Run
from tasks.runtime.stage import stage
from tasks.text.words import word_spans
from tasks.trials.operators import MAX_STAND_INS, MIN_STAND_INS
from warehouse import folded, open_warehouse


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
    rules = _rules(config.finetune.rules, config, model)
    proposals = Proposals(
        rules,
        None if rules is None else patched(rules, {(row["word"], row["label"]) for row in spurious}),
        tuple(Swap(row["word"], row["type"], tuple(row["stand_ins"])) for row in spurious if row["stand_ins"]),
        tuple(entry["regex"] for entry in strips),
        tuple((row["word"], model.labels.index(row["label"])) for row in spurious),
    )
    others: dict[str, list[str]] = defaultdict(list)
    for row in unused:
        others[row["type"]].append(row["word"])
    rng = random.Random(f"{config.finetune.seed} placebo")
    placebo = placebo_of(proposals, _frequencies(config, model), others, rng)
    return Proposed(tuple(arms_of(proposals, placebo)), tuple(sorted({row["word"] for row in spurious})))


def _rules(path: Path | None, config: AuditConfig, model: ModelSpec) -> Rules | None:
    """The rules that gave the training labels; votes of a table cannot be changed word by word."""
    labelling = None if path is None else read_labelling(path, config.data, model.labels)
    return labelling if isinstance(labelling, Rules) else None


def patched(rules: Rules, spurious: set[tuple[str, str]]) -> Rules:
    """The rules without the keywords that are spurious for the label of their rule."""
    changed = rules
    for name, label, term in terms_of(rules):
        (word,) = folded([term.text])
        if term.kind == "keyword" and (word, label) in spurious:
            changed = without_term(changed, name, term.text)
    return changed


def _frequencies(config: AuditConfig, model: ModelSpec) -> Counter[str]:
    """The number of training texts that hold each word, in lower case."""
    assert config.finetune is not None, "the flow asked for it"
    by_rules = config.finetune.rules is not None
    rows: Sequence[Row] = (audited_and_unlabelled if by_rules else audited_and_trained)(config, model.labels)[1]
    return Counter(
        word for row in rows for word in {row.text[start:end].lower() for start, end in word_spans(row.text)}
    )
