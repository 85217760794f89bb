"""Stage: from trials to verdicts.

Builds the tables of `warehouse/verify/` (`trials`, `effects`, `company`, `evidence`,
`verification_cost`) and of `warehouse/judge/` (`waivers`, `meaning`, `verdicts`).
"""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from configs.schema import AuditConfig, digest
from configs.waivers import Waiver
from tasks.meaning import expected_effects
from tasks.model import ModelSpec
from tasks.parts import part_file, read_manifest, read_part
from tasks.run import Run
from tasks.words import as_in_the_tables
from warehouse import open_warehouse

_EVIDENCE = ("trials", "effects", "company", "evidence", "verification_cost")


@task(name="judge", cache_policy=NO_CACHE, timeout_seconds=2 * 3600)
def judge_candidates(
    config: AuditConfig, run: Run, model: ModelSpec, flags: str, trials: Sequence[Path], waivers: Sequence[Waiver]
) -> str:
    """Build the tables of this stage from those of key `flags` and from the parts of verification; return their key.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    facts = [read_manifest(part) or {} for part in trials]
    evidence = {
        "trial_parts": [part_file(part, "trials") for part in trials],
        "labels": list(model.labels),
        "passes": sum(int(str(fact["num_passes"])) for fact in facts),
        "lost": sum(int(str(fact["num_quarantined"])) for fact in facts),
        "max_documents": config.verification.max_documents,
        "min_turned": config.verdicts.min_turned,
    }
    verdicts = {
        **config.verdicts.model_dump(),
        "min_effect": config.verification.min_effect,
        "waivers": json.dumps([_row(waiver) for waiver in waivers]),
    }
    vectors = [row for part in trials for row in read_part(part, "vectors").to_pylist()]
    upstream = digest(flags, [fact["key"] for fact in facts])
    with open_warehouse(config.warehouse) as warehouse:
        tried = warehouse.build_stage(
            run.run_id, "verify", [f"verify/{name}" for name in _EVIDENCE], evidence, upstream
        )
        strengths = warehouse.rows("judge/strengths", {}).to_pylist()
        verdicts["meaning"] = json.dumps(_meaning(vectors, strengths, model.labels))
        tables = [f"judge/{name}" for name in ("waivers", "meaning", "verdicts")]
        return warehouse.build_stage(run.run_id, "judge", tables, verdicts, tried)


def _meaning(
    vectors: Sequence[dict[str, Any]], strengths: Sequence[dict[str, Any]], labels: Sequence[str]
) -> list[dict[str, object]]:
    """What the words of similar meaning foretell of each word's effect."""
    place = {(row["label"], row["word"]): row["vector"] for row in vectors}
    tried = [row for row in strengths if (row["label"], row["word"]) in place]
    if not tried:
        return []
    expected_N = expected_effects(
        np.array([place[row["label"], row["word"]] for row in tried]),
        np.array([row["strength"] for row in tried]),
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
        "word": as_in_the_tables(waiver.word), "label": waiver.label or "", "reason": waiver.reason, "owner": waiver.owner,
        "expires": waiver.expires.isoformat(), "expired": waiver.expires < date.today(),
    }  # fmt: skip
