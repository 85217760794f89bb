"""Stage: measure what each remedy gained, and write it down.

Builds the tables of `warehouse/measure/` from the parts of the retraining, and writes `fix.html` and `fix.json` into
the folder of the run.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from configs.schema import AuditConfig
from configs.section import digest
from tasks.model.spec import ModelSpec
from tasks.pages.fix import chart_of_gains, headline
from tasks.pages.redact import hide_names
from tasks.pages.render import render
from tasks.remedies.arms import AS_IT_IS, Arm, Retrained
from tasks.runs.run import Run
from tasks.runtime.parts import part_file, read_manifest, write_part, write_whole
from tasks.runtime.stage import stage
from warehouse import open_warehouse

_TRIED = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "label", "word", "type", "status")),
        *((name, pa.float64()) for name in ("effect", "per_1000")),
    ]
)
"""The columns of `warehouse/measure/tried.sql`."""


@stage("measure", hours=1)
def measure_gains(
    config: AuditConfig, run: Run, model: ModelSpec, arms: Sequence[Arm], retrained: Retrained, again: Run | None
) -> Path:
    """Build the tables of this stage and write the page; return its path. `again` is the audit of the best arm.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    parts = [*retrained.predictions, retrained.held_out]
    params = {
        "prediction_parts": [part_file(part, "predictions") for part in retrained.predictions],
        "held_out_parts": [part_file(retrained.held_out, "held_out")],
        "labels": list(model.labels),
        "base": AS_IT_IS,
        "tried_parts": [part_file(_tried(config, run, again), "tried")],
    }
    upstream = digest(*((read_manifest(part) or {})["key"] for part in parts), params["tried_parts"])
    paths = ["measure/arm_texts", "measure/gains", "measure/audited_again"]
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.build_stage(run.run_id, "measure", paths, params, upstream)
        warehouse.use(run.run_id)
        hide_names(warehouse, config, run)
        gains = warehouse.rows("measure/gain_rows", {})
        findings = warehouse.rows("measure/finding_rows", {})
    facts = {
        "run": run.run_id,
        "audited_again": None if again is None else again.run_id,
        "headline": headline(gains),
        "arms": [{"arm": arm.name, "changes": list(arm.changes)} for arm in arms],
        "gains": gains,
        "findings": findings,
    }
    write_whole(run.folder / "fix.json", (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode())
    page = run.folder / "fix.html"
    write_whole(page, _page(config, arms, facts, gains, findings).encode())
    return page


def _tried(config: AuditConfig, run: Run, again: Run | None) -> Path:
    """The part with what the second audit tried; it is empty where there was none."""
    table = pa.Table.from_pylist([], schema=_TRIED)
    key = "none"
    if again is not None:
        with open_warehouse(config.warehouse, read_only=True) as warehouse:
            warehouse.use(again.run_id)
            table = warehouse.table("measure/tried", {})
        key = digest(again.run_id, table.to_pylist())
    manifest = run.storage / "remedies" / f"tried-{key[:12]}.json"
    if read_manifest(manifest) is None:
        write_part(manifest, {"tried": table}, {"key": key})
    return manifest


def _page(
    config: AuditConfig,
    arms: Sequence[Arm],
    facts: dict[str, Any],
    gains: list[dict[str, Any]],
    findings: list[dict[str, Any]],
) -> str:
    every = [row for row in gains if row["texts"] == "all"]
    return render(
        "fix.html.jinja",
        config=config,
        arms=arms,
        facts=facts,
        every=every,
        grouped=[row for row in gains if row["texts"] in ("with a finding", "against a finding")],
        by_word=[row for row in gains if row["word"] is not None],
        findings=findings,
        chart=chart_of_gains(every),
    )
