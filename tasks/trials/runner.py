"""Run the trials of a group of candidates until they are settled, and write them as one part."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from configs.schema import VerificationConfig
from tasks.model.spec import ModelSpec
from tasks.runtime.parts import Shard, read_manifest, read_part
from tasks.runtime.workers import Facts
from tasks.trials.operators import Operation, operations_on
from tasks.trials.part import Group, trials_key, write_trials
from tasks.trials.reader import Arithmetic, Reader

FIRST = 8
"""Texts of an operator before the first test whether more are needed; their number then doubles each time."""

Placebos = Mapping[tuple[str, int, str], float]
"""Type, example and label -> mean log-odds of the label with placebo words of the type in the text."""


def try_group(
    group: Group,
    shards: Sequence[Shard],
    model: ModelSpec,
    dtype: Arithmetic,
    verification: VerificationConfig,
    placebos: Path,
    part: Path,
    *,
    left_out: frozenset[int] = frozenset(),
    dry: bool = False,
    advance: Callable[[int], None] = lambda amount: None,
) -> Facts:
    """Write the part of one group of candidates, rows of `verify/plan`, unless it exists; return its facts.

    The columns of its tables are described in tasks/verify.py. The scores of `shards` are of the same model in the same
    arithmetic; `placebos` is the part of the placebo trials. Nothing is tried on the texts in `left_out`; a dry run
    writes no part.
    """
    key = trials_key(group, model, dtype, verification, str((read_manifest(placebos) or {})["key"]))
    known = _read_placebos(placebos)

    def run(kept: list[dict[str, Any]], reader: Reader | None) -> tuple[dict[str, pa.Table], dict[str, int]]:
        tried = [
            {
                **row,
                "others": [
                    text for text in row["others"] if (row["placebo_type"], text["example_id"], row["label"]) in known
                ],
            }
            for row in kept
        ]
        rows, num_early = list[dict[str, Any]](), 0
        if reader:
            rows, num_early = _trial_rows(tried, reader, verification, known, advance)
        else:
            advance(len(group))
        facts = {"num_candidates": len(group), "num_trials": len(rows), "num_early": num_early}
        return {"trials": pa.Table.from_pylist(rows, schema=TRIAL)}, facts

    return write_trials(group, shards, model, dtype, part, key, run, left_out=left_out, dry=dry)


TRIAL = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "label", "word", "operator", "placebo_type", "replacement")),
        ("example_id", pa.int64()),
        ("margin_before", pa.float64()),
        ("margin_after", pa.float64()),
        *((name, pa.int32()) for name in ("predicted_before", "predicted_after", "gold")),
    ]
)


def _read_placebos(part: Path) -> Placebos:
    found: dict[tuple[str, int, str], list[float]] = {}
    for row in read_part(part, "placebos").to_pylist():
        found.setdefault((row["type"], row["example_id"], row["label"]), []).append(row["margin"])
    return {key: float(np.mean(margins)) for key, margins in found.items()}


def _trial_rows(
    tried: Sequence[Mapping[str, Any]],
    reader: Reader,
    verification: VerificationConfig,
    placebos: Placebos,
    advance: Callable[[int], None],
) -> tuple[list[dict[str, Any]], int]:
    """The rows, and how many operations were settled before their last text."""
    pairs = [operations_on(row, reader, _num_texts(row, verification)) for row in tried]
    run_operations(pairs, reader, verification, placebos, advance)
    run = [operation for pair in pairs for operation in pair if operation.rows]
    rows = [row for operation in run for rows in operation.rows for row in rows]
    return rows, sum(len(operation.rows) < len(operation.texts) for operation in run)


def may_be_spurious(removed: Sequence[float], min_effect: float) -> bool:
    """Whether a word whose removal has these effects is to be inserted: a spurious one shows `min_effect` in both."""
    return abs(float(np.mean(removed))) >= min_effect


def _num_texts(row: Mapping[str, Any], verification: VerificationConfig) -> int:
    # What is never judged is only shown.
    return verification.max_documents if row["is_judged"] else min(FIRST, verification.max_documents)


def run_operations(
    pairs: Sequence[tuple[Operation, Operation]],
    reader: Reader,
    verification: VerificationConfig,
    placebos: Placebos,
    advance: Callable[[int], None],
) -> None:
    """Run the trials of all candidates side by side, in large batches: of each its removal, until that is settled or
    has no trial left, and then its insertion, if the word may still be spurious."""
    going_on = [removal for removal, _ in pairs if removal.texts]
    insertions = {removal.candidate: insertion for removal, insertion in pairs}
    num_open = len(pairs)
    while going_on:
        chosen = [
            (operation, trials)
            for operation in going_on
            for trials in operation.texts[len(operation.rows) : max(FIRST, 2 * len(operation.rows))]
        ]
        rows = _run([(operation, trial) for operation, trials in chosen for trial in trials], reader)
        for operation, trials in chosen:
            operation.rows.append([next(rows) for _ in trials])
        unsettled, inserted = list[Operation](), list[Operation]()
        for operation in going_on:
            effects = operation.effects(placebos)
            if len(operation.rows) < len(operation.texts) and not is_settled(effects, verification.min_effect):
                unsettled.append(operation)
            elif operation.operator != "insert" and may_be_spurious(effects, verification.min_effect):
                inserted.append(insertions[operation.candidate])
        going_on = unsettled + [operation for operation in inserted if operation.texts]
        advance(num_open - len(going_on))
        num_open = len(going_on)
    # Candidates without a trial.
    advance(num_open)


def _run(chosen: Sequence[tuple[Operation, Any]], reader: Reader) -> Any:
    labels = reader.model.labels
    before_NK = np.array([reader.rows[trial.example_id]["logits"] for _, trial in chosen])
    after_NK = reader.logits([trial.after for _, trial in chosen])
    targets = [labels.index(operation.candidate.label) for operation, _ in chosen]
    margins = zip(reader.margins(before_NK, targets), reader.margins(after_NK, targets), strict=True)
    predicted = zip(before_NK.argmax(axis=1).tolist(), after_NK.argmax(axis=1).tolist(), strict=True)
    for (operation, trial), margin, label in zip(chosen, margins, predicted, strict=True):
        yield {
            **operation.candidate._asdict(),
            "operator": operation.operator,
            "placebo_type": operation.placebo_type,
            "replacement": trial.replacement,
            "example_id": trial.example_id,
            "margin_before": margin[0],
            "margin_after": margin[1],
            "predicted_before": label[0],
            "predicted_after": label[1],
            "gold": reader.rows[trial.example_id]["label_id"],
        }


def is_settled(effects: Sequence[float], min_effect: float) -> bool:
    """Whether the mean effect is known to within half of `min_effect`, or lies within `min_effect` of 0.

    By the 99 % interval, because the test is repeated: at 95 % the errors of several tests would add up to more than
    5 %, at 99 % those before the last add up to 2 %. Trials never end because an effect is significant: they would
    more often end where it is too large by chance, and the interval of what is left would be wrong.
    """
    mean, half = (
        float(np.mean(effects)),
        _t_995(len(effects) - 1) * float(np.std(effects, ddof=1)) / math.sqrt(len(effects)),
    )
    return half <= min_effect / 2 or abs(mean) + half < min_effect


def _t_995(freedom: int) -> float:
    """0.995 quantile of Student's t (Hill 1970, by Cornish-Fisher): within 1 % from 7 degrees of freedom on."""
    z = 2.5758293035489004
    return z * (
        1
        + (z**2 + 1) / (4 * freedom)
        + (5 * z**4 + 16 * z**2 + 3) / (96 * freedom**2)
        + (3 * z**6 + 19 * z**4 + 17 * z**2 - 15) / (384 * freedom**3)
    )
