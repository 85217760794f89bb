"""Stage: one self-contained HTML page, the tables as CSV and JSON, and what Prefect shows of them.

The queries are in `warehouse/report/`; charts, words and layout are in `tasks/pages/`, a
section a file in `tasks/pages/report/`. The page fetches nothing, and its scripts are allowed
by their hash: nothing a dataset holds can run, load or reorder anything.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import vl_convert
from markupsafe import Markup
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.context import TaskRunContext

from configs.schema import AuditConfig
from configs.section import digest
from tasks.data.matching import Matcher
from tasks.data.rules import parse_rules, write_rules
from tasks.pages.banner import read_banner
from tasks.pages.charts import specifications
from tasks.pages.exports import EXPORTS, export_tables, to_csv
from tasks.pages.headlines import default_title, headlines
from tasks.pages.languages import language_sentences
from tasks.pages.render import METHODS, render
from tasks.pages.rules import told
from tasks.pages.sentences import Finding, find_sentences, sentences_of, visible
from tasks.remedies.functions import functions_module
from tasks.remedies.queue import queue_files, queue_table
from tasks.runs.run import Run
from tasks.runtime.code import code_of
from tasks.runtime.parts import file_hash, part_file, read_manifest, write_part, write_whole
from tasks.runtime.progress import progress
from tasks.runtime.stage import stage
from tasks.selftest.certificate import covering
from tasks.trials.thresholds import MIN_RATE, thresholds
from warehouse import Warehouse, open_warehouse

MAX_VERDICTS = 50
"""Words of each verdict with a place on the page; the exports hold all."""

MAX_ASIDE = 2
"""Sentences for each word that is shown but not spurious."""

_GAP_SCALE = 0.1
"""Completeness gap, as a share of the change, that the histogram is drawn around where no tolerance is set."""

TOP_WORDS = 15
"""Words in the chart of each label."""
SENTENCES = 4
"""Texts shown with each finding."""
BROWSER_SENTENCES = 60
"""Texts in the example browser."""
UNITS = {"margin": "log-odds", "logit": "logits", "probability": "probability"}

_MAX_LABELS = 8
_QUERIES = (
    "overview",
    "rejected",
    "labels",
    "confusion",
    "verdicts",
    "effects",
    "kinds",
    "patterns",
    "topics",
    "verification",
    "expired_waivers",
    "quadrant",
    "top_words",
    "type_importance",
    "fragmentation",
    "gaps",
    "steps",
    "completeness",
    "attribution_quality",
    "worst_gaps",
    "one_sided_names",
    "vocabulary",
    "labelling_hints",
    "browser",
    "corpora",
    "unstable",
    "slices",
    "slice_words",
    "harmful",
    "quadrant_counts",
    "rule_figures",
    "rule_proposals",
    "rule_examples",
)
"""Queries of `warehouse/report/` whose rows the page shows."""


@stage("report", hours=2)
def write_report(config: AuditConfig, run: Run, recommendations: str) -> Path:
    """Write `report.html` and `exports/` into the run's folder, and return the path of the page.

    Files that were made from the tables of key `recommendations`, by this code and with
    these settings, are left untouched.

    Raises:
        WarehouseError: the database is locked.
    """
    page, manifest = run.folder / "report.html", run.folder / "report.json"
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        certificate = covering(warehouse, run.inputs.get("subject"))
    certified = certificate and certificate["certificate_id"]
    key = digest(recommendations, config.title, config.statistics.fdr, certified, _code())
    facts = read_manifest(manifest)
    if facts is None or facts["key"] != key or not _untouched(run.folder, facts["written"]):
        num_files = 2 * len(EXPORTS) + 2
        with progress("report", num_files, "files") as advance:
            with open_warehouse(config.warehouse, read_only=True) as warehouse:
                warehouse.use(run.run_id)
                written = {f"exports/{name}": content for name, content in export_tables(warehouse).items()}
                advance(len(written))
                written |= _labelling_files(warehouse, run)
                written["report.html"] = render_page(config, run, warehouse).encode()
                state = read_banner(warehouse)
            for name, content in written.items():
                write_whole(run.folder / name, content)
            advance(1)
        write_part(
            manifest,
            {},
            {
                "key": key,
                "state": state.title,
                "banner": state.text,
                "written": {name: hashlib.sha256(content).hexdigest() for name, content in written.items()},
            },
        )
    if TaskRunContext.get() is not None:
        _show_in_prefect(config, run, page)
    return page


def _labelling_files(warehouse: Warehouse, run: Run) -> dict[str, bytes]:
    """What people take to their labelling: the changed rules, the rules as a Python module, and texts to be read."""
    found = warehouse.rows("report/changed_rules", {})
    if not found:
        return {}
    labels = warehouse.rows("report/run", {"run_id": run.run_id})[0]["labels"]
    changed = parse_rules(found[0]["changed"], "the changed rules")
    texts = part_file(run.storage / "rules" / "matches.json", "texts")
    queue = warehouse.rows("report/relabel_queue", {"rule_text_parts": [texts]})
    matcher = Matcher(changed)
    queue = [{**row, "suggested": matcher.label(row["text"])} for row in queue]
    files = {
        "rules.yaml": write_rules(changed).encode(),
        "labelling_functions.py": functions_module(changed, labels).encode(),
        "relabel_queue.csv": to_csv(queue_table(queue)),
        **queue_files(queue, labels, run.run_id),
    }
    return {f"exports/{name}": content for name, content in files.items()}


def _show_in_prefect(config: AuditConfig, run: Run, page: Path) -> None:
    """Also for a page that was left untouched: whoever opens this flow run looks for its findings here."""
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        findings = warehouse.rows("report/findings", {"n_rows": 20})
        state = read_banner(warehouse)
    create_markdown_artifact(key="state", markdown=f"**{state.title}.** {state.text}", description=state.title)
    create_table_artifact(
        key="findings", table=[_artifact_row(row) for row in findings], description=f"Spurious words of {run.run_id}"
    )
    create_link_artifact(key="report", link=page.as_uri(), link_text=f"Report of {run.run_id}")


def _code() -> list[str]:
    """Everything but data and settings that the page is made of."""
    queries = [
        entry
        for folder in ("report", "report/export", "registry")
        for entry in files("warehouse").joinpath(folder).iterdir()
        if entry.name.endswith(".sql")
    ]
    sources = sorted((entry.name, hashlib.sha256(entry.read_bytes()).hexdigest()) for entry in queries)
    return [
        code_of(
            "tasks.report",
            "tasks.pages",
            "tasks.remedies",
            "tasks.selftest",
            "tasks.trials",
            "tasks.text",
            "tasks.data",
            "tasks.model",
            "tasks.attribution",
            "tasks.trials",
        ),
        *(source for _, source in sources),
        version("altair"),
        version("vl-convert-python"),
    ]


def _untouched(folder: Path, written: Any) -> bool:
    return all((folder / name).is_file() and file_hash(folder / name) == content for name, content in written.items())


def _artifact_row(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "word": visible(row["word"]),
        "pushes towards": visible(row["label"]),
        "type": row["type"],
        "texts": f"{row['n_examples']:,}",
        "effect": f"{row['effect']:+.2f} log-odds",
        "per 1,000 texts": "" if row["per_1000"] is None else f"{row['per_1000']:.1f}",
        "why": visible(told(row["rules"])),
    }


def render_page(config: AuditConfig, run: Run, warehouse: Warehouse) -> str:
    """The page as text. `warehouse` is open and uses the schema of the run."""
    registered = warehouse.rows("report/run", {"run_id": run.run_id})[0]
    labels, unit = registered["labels"], UNITS[config.attribution.scalar]
    mirrored = config.attribution.mirrored(len(labels), config.model.head)
    shown = labels[1:] if mirrored else labels[:_MAX_LABELS]
    tables = _tables(config, warehouse, shown, mirrored)
    rows = {name: table.to_pylist() for name, table in tables.items()}
    overview = rows["overview"][0]
    words = _words(rows, run, warehouse, mirrored)
    return render(
        "report.html.jinja",
        config=config,
        heading=config.title or default_title(config.model, config.data, config.name),
        thresholds=thresholds(config),
        run=run,
        registered=registered,
        certificate=covering(warehouse, run.inputs.get("subject")),
        banner=read_banner(warehouse),
        language=language_sentences(warehouse, run.run_id),
        labels=labels,
        shown=shown,
        unit=unit,
        min_rate=MIN_RATE,
        overview=overview,
        rows=rows,
        quality=rows["attribution_quality"][0],
        method=METHODS[config.attribution.summed],
        versions=json.loads(registered["versions"]),
        ingest=read_manifest(run.storage / "shards" / "ingest.json") or {},
        headlines=headlines(
            words["spurious"],
            rows["kinds"],
            rows["patterns"],
            rows["one_sided_names"],
            rows["top_words"],
            rows["vocabulary"],
            overview,
            unit,
            config.statistics.fdr,
        ),
        flipped=len(labels) == 2 and overview["n_examples"] > 0 and overview["accuracy_high"] < 0.5,
        confusion={(row["gold_label"], row["predicted_label"]): row["n_examples"] for row in rows["confusion"]},
        cost=rows["verification"][0],
        exports=EXPORTS,
        snippet=_snippet([row["word"] for row in rows["vocabulary"]]),
        **words,
        **_charts(tables, shown, labels, unit, config.attribution.max_gap),
    )


def _tables(config: AuditConfig, warehouse: Warehouse, shown: Sequence[str], mirrored: bool) -> dict[str, pa.Table]:
    params = {
        "max_verdicts": MAX_VERDICTS,
        "labels": shown,
        "mirrored": mirrored,
        "max_points": 250,
        "max_names": 12,
        "max_gaps": 20,
        "max_gap": config.attribution.max_gap or _GAP_SCALE,
        "fdr": config.statistics.fdr,
        "top_words": TOP_WORDS,
        "browser_sentences": BROWSER_SENTENCES,
    }
    return {name: warehouse.table(f"report/{name}", params) for name in _QUERIES}


def _words(
    rows: Mapping[str, Sequence[dict[str, Any]]], run: Run, warehouse: Warehouse, mirrored: bool
) -> dict[str, Any]:
    """Verdicts by their status, the effects behind them, and the texts that show them."""
    by_status: dict[str, list[dict[str, Any]]] = {}
    for row in rows["verdicts"]:
        by_status.setdefault(row["status"], []).append(row)
    spurious = by_status.get("spurious", [])
    effects: dict[int, list[dict[str, Any]]] = {}
    for row in rows["effects"]:
        effects.setdefault(row["rank"], []).append(row)
    findings = [Finding(row["kind"], row["label"], row["word"]) for row in spurious if row["kind"] != "pair"]
    aside = [Finding("word", row["label"], row["word"]) for row in (*rows["one_sided_names"], *rows["vocabulary"])]
    found = find_sentences(warehouse, run.storage, findings, SENTENCES, mirrored)
    beside = find_sentences(warehouse, run.storage, aside, MAX_ASIDE, mirrored)
    parts = {row["example_id"]: row["part"] for row in rows["browser"]}
    return {
        "spurious": spurious,
        "by_status": by_status,
        "effects": effects,
        "ranks": {(row["label"], row["word"]): row["rank"] for row in spurious if row["kind"] == "word"},
        "sentences": {tuple(finding): sentences for finding, sentences in found.items()},
        "beside": {(finding.label, finding.word): sentences for finding, sentences in beside.items()},
        "browser": [
            (parts[sentence.example_id], sentence) for sentence in sentences_of(warehouse, run.storage, list(parts))
        ],
    }


def _charts(
    tables: Mapping[str, pa.Table], shown: Sequence[str], labels: Sequence[str], unit: str, max_gap: float | None
) -> dict[str, Any]:
    """The charts as JSON, the script that draws them, and their ids."""
    specs = specifications(
        {name: _visible_table(table) for name, table in tables.items()},
        [visible(label) for label in shown],
        [visible(label) for label in labels[:_MAX_LABELS]],
        unit,
        max_gap,
    )
    # JSON inside a script element: no character may end the element or, in old engines, the line.
    data = "".join(
        f"\\u{ord(c):04x}" if c in "<>&\u2028\u2029" else c
        for c in json.dumps(specs, ensure_ascii=False, sort_keys=True)
    )
    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub leaves out the default
    return {"specs": Markup(data), "bundle": Markup(bundle), "chart_ids": sorted(specs)}


def _visible_table(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            values = [None if value is None else visible(value) for value in table[field.name].to_pylist()]
            table = table.set_column(i, field.name, pa.array(values, pa.string()))
    return table


def _snippet(words: Sequence[str]) -> str:
    # JSON's escape of a character beyond U+FFFF is two characters to Python.
    listed = ",\n".join(f"    {json.dumps(word, ensure_ascii=False)}" for word in words)
    return (
        "from tokenizers import AddedToken\n\n"
        f"words = [\n{listed},\n]\n"
        "tokenizer.add_tokens([AddedToken(word, single_word=True) for word in words])\n"
        "model.resize_token_embeddings(len(tokenizer))\n"
        "# The new rows know nothing yet: fine-tune the model before you use it."
    )
