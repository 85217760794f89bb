"""Take all findings out of texts at once, and as many other words, and write the predictions as one part."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from configs.schema import VerificationConfig
from tasks.model.spec import ModelSpec
from tasks.runtime.parts import Shard
from tasks.runtime.workers import Facts
from tasks.text.edits import Edit, edited
from tasks.trials.part import Group, trials_key, write_trials
from tasks.trials.reader import Arithmetic, Reader

REMOVED = pa.schema(
    [
        ("example_id", pa.int64()),
        *((name, pa.int32()) for name in ("n_edits", "n_controls")),
        *((name, pa.int32()) for name in ("predicted", "predicted_without", "predicted_control")),
    ]
)


def planned_texts(plan: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `remove/plan` with their `controls`: as many words of `remove/others`, changed like the findings.

    Where a finding is replaced a content word is; the others are deleted, and so are all where a text holds no content
    word more. A text with too few other words has fewer controls than edits.
    """
    free = {row["example_id"]: row["others"] for row in others}
    texts = []
    for row in plan:
        num_swapped = sum(edit["word"] != "" for edit in row["edits"])
        controls = [
            {**other, "word": other["word"] if k < num_swapped else ""}
            for k, other in enumerate(_apart(free.get(row["example_id"], ()), row["edits"])[: len(row["edits"])])
        ]
        controls.sort(key=lambda control: control["span_start"])
        texts.append({"example_id": row["example_id"], "edits": row["edits"], "controls": controls})
    return texts


def _apart(others: Sequence[dict[str, Any]], edits: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The words that no edit touches."""
    return [
        other
        for other in others
        if all(other["span_end"] <= edit["span_start"] or edit["span_end"] <= other["span_start"] for edit in edits)
    ]


def try_removal(
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
    """Write the part of the texts without the findings, unless it exists; return its facts.

    `group` is one row, with the texts of `planned_texts` as `held`. The columns of the table are described in
    tasks/remove.py. Nothing is tried on the texts in `left_out`; a dry run writes no part.
    """

    def run(kept: list[dict[str, Any]], reader: Reader | None) -> tuple[dict[str, pa.Table], dict[str, int]]:
        rows = _rows([text for row in kept for text in row["held"]], reader) if reader else []
        advance(sum(len(row["held"]) for row in group))
        return {"removed": pa.Table.from_pylist(rows, schema=REMOVED)}, {}

    key = trials_key(group, model, dtype, verification)
    return write_trials(group, shards, model, dtype, part, key, run, left_out=left_out, dry=dry)


def _rows(texts: Sequence[Mapping[str, Any]], reader: Reader) -> list[dict[str, Any]]:
    predicted = {
        name: reader.logits([edited(reader.text(text["example_id"]), _edits(text[name])) for text in texts]).argmax(1)
        for name in ("edits", "controls")
    }
    return [
        {
            "example_id": text["example_id"],
            "n_edits": len(text["edits"]),
            "n_controls": len(text["controls"]),
            "predicted": max(range(len(logits)), key=logits.__getitem__),
            "predicted_without": int(predicted["edits"][n]),
            "predicted_control": int(predicted["controls"][n]),
        }
        for n, text in enumerate(texts)
        for logits in [reader.rows[text["example_id"]]["logits"]]
    ]


def _edits(rows: Sequence[Mapping[str, Any]]) -> list[Edit]:
    return [((row["span_start"], row["span_end"]), row["word"]) for row in rows]
