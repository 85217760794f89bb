"""The audit, start to finish. Read this file first.

A stage is one module of `tasks/`. It reads only what the stages above it wrote, and writes files or tables that are
complete if they exist. So an audit that was killed continues where it stopped, and a repeat of a finished one does no
work. Attributions and trials are kept in immutable files, named by a hash of their inputs; the tables are rebuilt from
them when a setting changes.
"""

from pathlib import Path

from prefect import flow
from prefect.states import Completed, Failed

from configs.load import load_config
from configs.policy import load_policy
from configs.schema import AuditConfig
from configs.waivers import load_waivers
from flows.gate import gate as judge
from flows.sizes import later_stages
from tasks.aggregate import aggregate_scores
from tasks.attribute import attribute_shards
from tasks.finetune import obtain_classifier
from tasks.ingest import ingest_dataset
from tasks.judge import judge_candidates
from tasks.model.spec import ModelSpec
from tasks.pages.banner import read_banner
from tasks.pages.gated import line
from tasks.recommend import recommend_changes
from tasks.remove import remove_findings
from tasks.report import write_report
from tasks.runs.identity import compare_folder, enter_run, name_run
from tasks.runs.inputs import require_labels
from tasks.runs.kept import keep_run
from tasks.runs.run import Run, failure_recorded, finish_run, locked
from tasks.runtime.progress import planned
from tasks.screen import screen_words
from tasks.selftest.certificate import with_certified_method
from tasks.trace import trace_rules
from tasks.verify import verify_candidates
from warehouse import folded, open_warehouse, set_limits

SHOWN = (("ingest",), ("pilot", "attribute"), ("recognise", "verify"), ("remove",), ("trace",), ("report",))
"""The stages that take time, as their bars number them; the others are queries of seconds."""


@flow(name="audit", validate_parameters=False)
def audit(config_path: Path, overrides: tuple[str, ...] = (), gate: Path | None = None) -> Run:
    """Audit one classifier on one dataset; the report is `report.html` in the folder of the run.

    `gate` is a policy: a flow run whose audit does not pass it ends as failed, with what fails as its message.

    Raises:
        AuditError: with one finished sentence; `configs/errors.py` lists its kinds.
    """
    config = load_config(Path(config_path), overrides)
    if gate is not None:
        load_policy(Path(gate))
    run = audit_config(config)
    if gate is not None:
        gated, _ = judge(config.warehouse, run.run_id, Path(gate), location=Path(config_path))
        if not gated.passed:
            return Failed(message=line(gated), data=run)  # type: ignore[return-value]
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        # Prefect's pages show the message; the caller gets the run.
        return Completed(message=str(read_banner(warehouse)), data=run)  # type: ignore[return-value]


def audit_config(config: AuditConfig, classifier: ModelSpec | None = None) -> Run:
    """The stages, inside a flow; `classifier` is audited in the place of that of the config."""
    require_labels(config, "an audit")
    set_limits(config.limits)
    waivers = load_waivers(config.waivers, folded)
    model = classifier or obtain_classifier(config)
    config = with_certified_method(config, model)
    run = name_run(config, model)
    with locked(run), failure_recorded(config, run), planned(*SHOWN, later=later_stages(config), unknown=("remove",)):
        enter_run(config, run, model)
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
        finish_run(config, run)
        keep_run(config.warehouse, run.run_id)
    return run
