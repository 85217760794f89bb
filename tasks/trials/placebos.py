"""Run the placebo trials of all types, which are made once, and write them as one part."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from configs.schema import VerificationConfig
from tasks.model.spec import ModelSpec
from tasks.runtime.parts import Shard
from tasks.runtime.workers import Facts
from tasks.text.edits import deleted
from tasks.trials.operators import STAND_INS, drawn_words, inserted_into, spans_of
from tasks.trials.part import Group, trials_key, write_trials
from tasks.trials.reader import Arithmetic, Reader

PLACEBO = pa.schema(
    [
        ("type", pa.string()),
        ("example_id", pa.int64()),
        ("replacement", pa.string()),
        ("label", pa.string()),
        ("margin", pa.float64()),
        ("predicted", pa.int32()),
    ]
)

TYPE_TRIAL = pa.schema(
    [
        ("type", pa.string()),
        ("example_id", pa.int64()),
        ("label", pa.string()),
        ("margin_with", pa.float64()),
        ("margin_without", pa.float64()),
        ("margin_control", pa.float64()),
        ("predicted_with", pa.int32()),
        ("predicted_without", pa.int32()),
    ]
)


def try_placebos(
    group: Group,
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
    """Write the part of the placebo trials, unless it exists; return its facts.

    `group` holds a row for each type: `type`; of `verify/pool`, `stand_ins` and `others`; of `verify/type_plan`,
    `held`. The columns of its tables are described in tasks/verify.py. Nothing is tried on the texts in `left_out`; a
    dry run writes no part.
    """

    def run(kept: list[dict[str, Any]], reader: Reader | None) -> tuple[dict[str, pa.Table], dict[str, int]]:
        placebos = _placebo_rows(kept, reader) if reader else []
        taken_out = _type_rows(kept, reader) if reader else []
        advance(len(group))
        return {
            "placebos": pa.Table.from_pylist(placebos, schema=PLACEBO),
            "type_trials": pa.Table.from_pylist(taken_out, schema=TYPE_TRIAL),
        }, {}

    key = trials_key(group, model, dtype, verification)
    return write_trials(group, shards, model, dtype, part, key, run, left_out=left_out, dry=dry)


def _placebo_rows(group: Group, reader: Reader) -> list[dict[str, Any]]:
    """A row for each type, text, stand-in and label."""
    chosen = [
        (row["type"], other, word)
        for row in group
        for other in row["others"]
        for word in drawn_words(row["stand_ins"], f"{row['type']} {other['example_id']}", STAND_INS)
    ]
    if not chosen:
        return []
    logits_NK = reader.logits([inserted_into(other, word, reader) for _, other, word in chosen])
    predicted_N = logits_NK.argmax(axis=1).tolist()
    margins = [reader.margins(logits_NK, [k] * len(chosen)) for k in range(len(reader.model.labels))]
    return [
        {
            "type": kind,
            "example_id": other["example_id"],
            "replacement": word,
            "label": label,
            "margin": margins[k][n],
            "predicted": predicted_N[n],
        }
        for n, (kind, other, word) in enumerate(chosen)
        for k, label in enumerate(reader.model.labels)
    ]


def _type_rows(group: Group, reader: Reader) -> list[dict[str, Any]]:
    """A row for each type, text and label: all its words taken out, as many others, and, as the control, both."""
    chosen = [(row["type"], held) for row in group for held in row["held"]]
    if not chosen:
        return []
    ids = [held["example_id"] for _, held in chosen]
    logits: dict[str, np.ndarray] = {
        name: reader.logits(
            [
                deleted(reader.text(i), sorted(span for name in spans for span in spans_of(held[name])))
                for i, (_, held) in zip(ids, chosen, strict=True)
            ]
        )
        for name, spans in (
            ("with", ["control_spans"]),
            ("without", ["spans"]),
            ("control", ["control_spans", "spans"]),
        )
    }
    rows = []
    for k, label in enumerate(reader.model.labels):
        margins = {name: reader.margins(own, [k] * len(chosen)) for name, own in logits.items()}
        rows += [
            {
                "type": kind,
                "example_id": ids[n],
                "label": label,
                **{f"margin_{name}": margins[name][n] for name in logits},
                **{f"predicted_{name}": int(logits[name][n].argmax()) for name in ("with", "without")},
            }
            for n, (kind, _) in enumerate(chosen)
        ]
    return rows
