"""Run the trials of a group of candidates side by side, until each is settled, and write them as one part."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from configs.schema import VerificationConfig
from configs.section import digest
from tasks.model.spec import ModelSpec
from tasks.runtime.code import code_of
from tasks.runtime.parts import Shard, read_manifest, write_part
from tasks.runtime.workers import Facts, target_of
from tasks.trials.operators import Operation, candidate_of, operations_on
from tasks.trials.reader import Arithmetic, Reader, rows_of, texts_of

FIRST = 16
"""Texts of an operator before the first test whether more are needed; their number then doubles each time."""


def trials_key(
    group: Sequence[Mapping[str, Any]], model: ModelSpec, dtype: Arithmetic, verification: VerificationConfig
) -> str:
    """What the trials of a group depend on."""
    code = code_of("tasks.text", "tasks.data", "tasks.model", "tasks.attribution", "tasks.trials")
    return digest(list(group), model.fingerprint, dtype, verification.model_dump(), code)


def facts_of(part: Path, key: str) -> Facts | None:
    """The facts of a complete part with this key; None if it is missing or has another key."""
    facts = read_manifest(part)
    return facts if facts is not None and facts["key"] == key else None


def try_group(
    group: Sequence[Mapping[str, Any]],
    shards: Sequence[Shard],
    model: ModelSpec,
    dtype: Arithmetic,
    verification: VerificationConfig,
    part: Path,
    *,
    left_out: frozenset[int] = frozenset(),
    dry: bool = False,
    advance: Callable[[int], None] = lambda amount: None,
) -> Facts:
    """Write the part of one group of candidates, rows of `verify/plan`, unless it exists; return its facts.

    The columns of its tables are described in tasks/verify.py. The scores of `shards` are of the same model in the same
    arithmetic. Nothing is tried on the texts in `left_out`; a dry run writes no part.
    """
    key = trials_key(group, model, dtype, verification)
    if not dry and (known := facts_of(part, key)) is not None:
        return known
    lost = left_out & texts_of(group)
    tried = [
        {
            **row,
            "held": [text for text in row["held"] if text["example_id"] not in lost],
            "others": [i for i in row["others"] if i not in lost],
        }
        for row in group
    ]
    rows, num_passes = list[dict[str, Any]](), 0
    if group:
        reader = Reader(model, dtype, rows_of(tried, shards))
        rows = _trial_rows(tried, reader, verification, advance)
        num_passes = reader.num_passes
    facts = {
        "key": key,
        "num_candidates": len(group),
        "num_trials": len(rows),
        "num_passes": num_passes,
        "num_quarantined": len(lost),
    }
    with target_of(part, dry=dry) as target:
        write_part(target, {"trials": pa.Table.from_pylist(rows, schema=TRIAL)}, facts)
    return facts


TRIAL = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "label", "word", "operator", "replacement")),
        ("example_id", pa.int64()),
        ("margin_before", pa.float64()),
        ("margin_after", pa.float64()),
        *((name, pa.int32()) for name in ("predicted_before", "predicted_after", "gold")),
    ]
)


def _trial_rows(
    tried: Sequence[Mapping[str, Any]], reader: Reader, verification: VerificationConfig, advance: Callable[[int], None]
) -> list[dict[str, Any]]:
    operations = [
        operation for row in tried for operation in operations_on(candidate_of(row), row, reader, verification)
    ]
    run_operations(operations, reader, verification, advance)
    return [row for operation in operations for row in operation.rows]


def run_operations(
    operations: Sequence[Operation], reader: Reader, verification: VerificationConfig, advance: Callable[[int], None]
) -> None:
    """Run trials of all operations side by side, in large batches, until each operation is settled or has no trial
    left."""
    num_texts = FIRST
    labels = reader.model.labels
    going_on = [operation for operation in operations if operation.trials]
    num_open = len({operation.candidate for operation in operations})
    while going_on:
        chosen = [
            (operation, trial) for operation in going_on for trial in operation.trials[len(operation.rows) : num_texts]
        ]
        before_NK = np.array([reader.rows[trial.example_id]["logits"] for _, trial in chosen])
        after_NK = reader.logits([trial.after for _, trial in chosen])
        targets = [labels.index(operation.candidate.label) for operation, _ in chosen]
        margins = zip(reader.margins(before_NK, targets), reader.margins(after_NK, targets), strict=True)
        predicted = zip(before_NK.argmax(axis=1).tolist(), after_NK.argmax(axis=1).tolist(), strict=True)
        for (operation, trial), margin, label in zip(chosen, margins, predicted, strict=True):
            operation.rows.append(
                {
                    **operation.candidate._asdict(),
                    "operator": operation.operator,
                    "replacement": trial.replacement,
                    "example_id": trial.example_id,
                    "margin_before": margin[0],
                    "margin_after": margin[1],
                    "predicted_before": label[0],
                    "predicted_after": label[1],
                    "gold": reader.rows[trial.example_id]["label_id"],
                }
            )
        going_on = [
            operation
            for operation in going_on
            if len(operation.rows) < len(operation.trials)
            and not is_settled(operation.effects(), verification.min_effect)
        ]
        num_texts *= 2
        still_open = len({operation.candidate for operation in going_on})
        advance(num_open - still_open)
        num_open = still_open
    # Candidates without a trial.
    advance(num_open)


def is_settled(effects: Sequence[float], min_effect: float) -> bool:
    """Whether the 99 % interval of the mean effect is on one side of 0, or within `min_effect` of it.

    It is not settled while the effects vary by more than their mean: then the single effects matter, not the mean.

    The interval is one of 99 %, because the test is repeated: at 95 % the false positives of several tests would add up
    to more than 5 %, at 99 % those before the last add up to 2 %.
    """
    mean, half = (
        float(np.mean(effects)),
        _t_995(len(effects) - 1) * float(np.std(effects, ddof=1)) / math.sqrt(len(effects)),
    )
    varied = float(np.std(effects, ddof=1)) > abs(mean)
    return (abs(mean) > half and not varied) or abs(mean) + half < min_effect


def _t_995(freedom: int) -> float:
    """0.995 quantile of Student's t (Hill 1970, by Cornish-Fisher): within 1 % from 7 degrees of freedom on."""
    z = 2.5758293035489004
    return z * (
        1
        + (z**2 + 1) / (4 * freedom)
        + (5 * z**4 + 16 * z**2 + 3) / (96 * freedom**2)
        + (3 * z**6 + 19 * z**4 + 17 * z**2 - 15) / (384 * freedom**3)
    )
