"""The audit, start to finish. Read this file first.

A stage is one module of `tasks/`. It reads only what the stages above it wrote, and writes files or tables that are
complete if they exist. So an audit that was killed continues where it stopped, and a repeat of a finished one does no
work. Attributions and trials are kept in immutable files, named by a hash of their inputs; the tables are rebuilt from
them when a setting changes.
"""

from datetime import date
from pathlib import Path

from prefect import flow

from configs.policy import load_policy
from configs.schema import AuditConfig
from configs.waivers import load_waivers
from flows.checked import read_config
from flows.gate import gate as judge
from flows.shown import end_state, flow_run_name, scheduled_day, show_artifacts, tag_flow_run
from flows.sizes import later_stages
from tasks.aggregate import aggregate_scores
from tasks.attribute import attribute_shards
from tasks.finetune import obtain_classifier
from tasks.ingest import ingest_dataset
from tasks.judge import judge_candidates
from tasks.model.spec import ModelSpec
from tasks.publish import publish_report
from tasks.recommend import recommend_changes
from tasks.remove import remove_findings
from tasks.report import write_report
from tasks.runs.identity import compare_folder, enter_run, name_run
from tasks.runs.inputs import require_labels
from tasks.runs.kept import keep_run
from tasks.runs.run import Run, failure_recorded, finish_run, locked
from tasks.runtime.progress import planned
from tasks.screen import screen_words
from tasks.selftest.method import with_method_chosen
from tasks.trace import trace_rules
from tasks.verify import verify_candidates
from warehouse import folded, set_limits

SHOWN = (("ingest",), ("pilot", "attribute"), ("recognise", "verify"), ("remove",), ("trace",), ("report",))
"""The stages that take time, as their bars number them; the others are queries of seconds."""


@flow(name="audit", flow_run_name=flow_run_name)
def audit(
    config_path: Path, overrides: tuple[str, ...] = (), gate: Path | None = None, as_of: date | None = None
) -> Run:
    """Audit one classifier on one dataset; the report is `report.html` in the folder of the run.

    Args:
        config_path: The config, a YAML file.
        overrides: Settings in the place of those of the config, such as data.sample=2000.
        gate: A policy, a YAML file. A flow run whose audit does not pass it ends as "Gate failed", and says why.
        as_of: The day that dates in data.where are relative to; by default that of the schedule, in UTC.

    Raises:
        AuditError: with one finished sentence; `configs/errors.py` lists its kinds.
        GateFailed: the audit is done, and does not pass.
    """
    config = read_config(config_path, overrides, as_of or scheduled_day())
    if gate is not None:
        load_policy(gate)
    run = audit_config(config)
    gated = None if gate is None else judge(config.warehouse, run.run_id, gate, location=config_path)[0]
    return end_state(config, run, gated)  # type: ignore[return-value]


def audit_config(config: AuditConfig, classifier: ModelSpec | None = None) -> Run:
    """The stages, inside a flow; `classifier` is audited in the place of that of the config."""
    require_labels(config, "an audit")
    set_limits(config.limits)
    waivers = load_waivers(config.waivers, folded)
    model = classifier or obtain_classifier(config)
    config = with_method_chosen(config, model)
    run = name_run(config, model)
    plan = planned(*SHOWN, later=later_stages(config), unknown=("remove",), name=config.name)
    with locked(run), failure_recorded(config, run), plan:
        enter_run(config, run, model)
        tag_flow_run(config, run, model)
        enough = config.statistics.min_examples
        texts = ingest_dataset(config.data, model, run.storage / "shards", held_out=config.held_out, least=enough)
        shards = attribute_shards(texts, model, config.attribution, run.storage / "parts")
        compared = None
        if config.compare is not None:
            beside = compare_folder(config.compare, run)
            texts = ingest_dataset(config.compare, model, beside / "shards", section="compare")
            compared = attribute_shards(texts, model, config.attribution, beside / "parts")
        scores = aggregate_scores(config, run, model, shards, compared)
        screened = screen_words(config, run, scores)
        verified, _, meanings = verify_candidates(config, run, model, screened, shards)
        verdicts = judge_candidates(config, run, model, verified, meanings, waivers)
        removed = remove_findings(config, run, model, verdicts, shards)
        traced = trace_rules(config, run, model, removed)
        recommendations = recommend_changes(config, run, traced)
        write_report(config, run, recommendations)
        if config.report.publish_to is not None:
            publish_report(run, config.report.publish_to)
        finish_run(config, run)
        keep_run(config.warehouse, run.run_id)
        show_artifacts(config, run)
    return run
