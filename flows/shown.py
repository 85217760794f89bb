"""What Prefect shows of an audit: name, tags and end state of its flow run, artifacts, and events for automations.

Events have the run as their resource (`token-audit.run.RUN`, with `token-audit.config`), are related to the flow run,
and have a payload:

- `token-audit.audit.completed`: config, run, state, sentence, texts, right, findings, per_1000, report
- `token-audit.finding.new`, one for each: config, run, against, word, label, type, effect, per_1000, of (how many)
- `token-audit.gate.failed`: config, run, against, sentence, rules

`configs/automations/` has automations for them.
"""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from prefect import runtime
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from configs.errors import AuditError
from configs.load import load_config
from configs.schema import AuditConfig
from configs.where import moment
from flows.compare import chosen, compared
from flows.gate import GateFailed
from tasks.model.spec import ModelSpec
from tasks.pages.artifacts import address_of, finding_row, report_markdown
from tasks.pages.banner import Banner, read_banner
from tasks.pages.gated import Gated, line
from tasks.pages.redact import hide_names
from tasks.runs.run import Run
from tasks.runtime.parts import write_whole
from tasks.runtime.progress import artifact_key
from warehouse import open_warehouse

MOST_EVENTS = 20
"""New findings that are told by an event each; every event says how many there are."""


def flow_run_name() -> str:
    """The name of the config, by which a flow run is found before it has ended."""
    given = runtime.flow_run.parameters
    path = Path(str(given.get("config_path", "audit")))
    try:
        return load_config(path, tuple(given.get("overrides") or ())).name
    except AuditError:
        return path.stem  # the flow will say what is wrong with it


def scheduled_day() -> date | None:
    """The day that this flow run was meant for, in UTC, also where it starts late or is run again; None outside a
    deployment."""
    if runtime.deployment.id is None:
        return None
    at = runtime.flow_run.scheduled_start_time
    return None if at is None else moment(at).date()


def tag_flow_run(config: AuditConfig, run: Run, model: ModelSpec) -> None:
    """Tag the flow run with config, data, model and run."""
    data = config.data.path.name if config.data.path is not None else config.data.hub
    tags = {f"config:{config.name}", f"dataset:{data}", f"model:{config.model.hub or model.folder.name}"}
    _change_flow_run(tags=tags | {f"run:{run.run_id}"})


def show_artifacts(config: AuditConfig, run: Run) -> None:
    """Also for a report that was left untouched: whoever opens this flow run looks for its findings here."""
    if FlowRunContext.get() is None:
        return
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        hide_names(warehouse, config, run)
        state, (facts,) = read_banner(warehouse), warehouse.rows("report/brief", {})
        rows = warehouse.rows("report/findings", {"n_rows": 20})
    create_markdown_artifact(
        key=artifact_key("report", config.name),
        markdown=report_markdown(config, run.folder, state, facts, rows),
        description=state.title,
    )
    create_table_artifact(
        key=artifact_key("findings", config.name),
        table=[finding_row(row) for row in rows],
        description=f"Spurious words of {run.run_id}",
    )


def end_state(config: AuditConfig, run: Run, gated: Gated | None) -> State[Any]:
    """Name the flow run after what was found, emit the events, and return the state that it ends in."""
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        state, (facts,) = read_banner(warehouse), warehouse.rows("report/brief", {})
        (total,) = warehouse.rows("report/total", {})
    told = _headline(config.name, state, facts["n_findings"], total["per_1000"])
    failed = gated is not None and not gated.passed
    _change_flow_run(name=f"{told}; gate failed" if failed else told)
    about = {"config": config.name, "run": run.run_id}
    _emit_new(config, run, gated)
    if gated is not None and failed:
        rules = [outcome.rule for outcome in gated.failed]
        _emit(run, "gate.failed", about | {"against": gated.reference, "sentence": line(gated), "rules": rules})
    figures = {"texts": facts["n_texts"], "right": facts["n_correct"], "findings": facts["n_findings"]}
    report = address_of(config, run.folder.name) or str(run.folder / "report.html")
    said = {"state": state.title, "sentence": state.text, "per_1000": total["per_1000"], "report": report}
    _emit(run, "audit.completed", about | figures | said)
    # Prefect's pages show the message; the caller gets the run, or the error that a failed state holds.
    if gated is not None and failed:
        return Failed(name="Gate failed", message=line(gated), data=GateFailed(run, line(gated)))
    return Completed(name=facts["state"], message=str(state), data=run)


def _headline(name: str, state: Banner, findings: int, per_1000: float | None) -> str:
    if not findings:
        return f"{name}: {state.title}"
    rate = "" if per_1000 is None else f", {max(per_1000, 0.0):.1f} of 1,000"
    return f"{name}: {state.title}, {findings:,} {'finding' if findings == 1 else 'findings'}{rate}"


def _emit_new(config: AuditConfig, run: Run, gated: Gated | None) -> None:
    """An event for each finding that the run of before did not have; a repeat of the run emits none again."""
    mark = run.folder / "told.json"
    known = json.loads(mark.read_text(encoding="utf-8")) if mark.is_file() else []
    try:
        after, before = chosen(config.warehouse, run.run_id, None)
        if before is None or before["run_id"] in known:
            return
        reference, rows = before["run_id"], () if gated is None else gated.new
        if gated is None:
            found, _ = compared(config.warehouse, before, after)
            rows = tuple(row for row in found.findings if row["change"] == "new")
    except AuditError as error:  # a run of another version: the audit itself is done
        get_run_logger().warning("not compared with the run before: %s", error)
        return
    for row in rows[:MOST_EVENTS]:
        figures = {"effect": row["effect_after"], "per_1000": row["per_1000_after"], "of": len(rows)}
        named = {name: row[name] for name in ("word", "label", "type")}
        _emit(run, "finding.new", {"config": config.name, "run": run.run_id, "against": reference, **named, **figures})
    write_whole(mark, json.dumps([*known, reference]).encode())


def _emit(run: Run, event: str, payload: Mapping[str, Any]) -> None:
    resource = {
        "prefect.resource.id": f"token-audit.run.{run.run_id}",
        "prefect.resource.name": run.run_id,
        "token-audit.config": str(payload["config"]),
    }
    emit_event(f"token-audit.{event}", resource=resource, payload=dict(payload))


def _change_flow_run(name: str | None = None, tags: set[str] | None = None) -> None:
    """Rename the flow run, or add tags to it. It is a name: an audit does not fail for it."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    own = context.flow_run
    own.tags = sorted({*own.tags, *(tags or ())})
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run(own.id, name=name, tags=own.tags).raise_for_status()
    except Exception as error:  # of Prefect's client, and of its transport
        get_run_logger().warning("the flow run keeps its name and tags: %s", error)
