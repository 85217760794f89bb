"""Stage: from trials to verdicts.

Builds the tables of `warehouse/judge/`: `waivers`, `expected_effects` and `verdicts`.
"""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from configs.schema import AuditConfig
from configs.waivers import Waiver
from tasks.model.spec import ModelSpec
from tasks.runs.run import Run
from tasks.runtime.parts import read_part
from tasks.runtime.stage import stage
from tasks.text.words import as_in_the_tables
from tasks.trials.expected import expected_effects
from tasks.trials.thresholds import thresholds
from warehouse import open_warehouse


@stage("judge", hours=2)
def judge_candidates(
    config: AuditConfig, run: Run, model: ModelSpec, verified: str, trials: Sequence[Path], waivers: Sequence[Waiver]
) -> str:
    """Build the tables of this stage from those of key `verified` and from the parts of verification; return their key.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    verdicts = {
        **thresholds(config),
        "waivers": json.dumps([_row(waiver) for waiver in waivers]),
    }
    vectors = [row for part in trials for row in read_part(part, "vectors").to_pylist()]
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.use(run.run_id)
        word_effects = warehouse.rows("judge/word_effects", {})
        verdicts["expected_effects"] = json.dumps(_expected(vectors, word_effects, model.labels))
        tables = [f"judge/{name}" for name in ("waivers", "expected_effects", "verdicts")]
        return warehouse.build_stage(run.run_id, "judge", tables, verdicts, verified)


def _expected(
    vectors: Sequence[dict[str, Any]], word_effects: Sequence[dict[str, Any]], labels: Sequence[str]
) -> list[dict[str, object]]:
    """What the words of similar meaning predict of each word's effect."""
    place = {(row["label"], row["word"]): row["vector"] for row in vectors}
    tried = [row for row in word_effects if (row["label"], row["word"]) in place]
    if not tried:
        return []
    expected_N = expected_effects(
        np.array([place[row["label"], row["word"]] for row in tried]),
        np.array([row["effect"] for row in tried]),
        [labels.index(row["label"]) for row in tried],
        [row["word"] for row in tried],
        len(labels),
    )
    # A linear algebra library does not promise the last digits.
    return [
        {"label": row["label"], "word": row["word"], "expected": round(float(expected), 6)}
        for row, expected in zip(tried, expected_N, strict=True)
    ]


def _row(waiver: Waiver) -> dict[str, object]:
    # Only whether it has expired goes in, not today's date, or every day would have verdicts of its own.
    return {
        "word": as_in_the_tables(waiver.word),
        "label": waiver.label or "",
        "reason": waiver.reason,
        "owner": waiver.owner,
        "expires": waiver.expires.isoformat(),
        "expired": waiver.expires < date.today(),
    }
