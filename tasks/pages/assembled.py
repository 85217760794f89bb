"""The page of an audit, put together: what its queries say, its charts and its words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from configs.schema import AuditConfig
from tasks.pages.banner import read_banner
from tasks.pages.cards import cards
from tasks.pages.charts import specifications
from tasks.pages.drawn import drawn
from tasks.pages.exports import EXPORTS
from tasks.pages.headlines import default_title, headlines, main_sentence
from tasks.pages.languages import language_sentences
from tasks.pages.render import METHODS, render
from tasks.pages.sentences import Finding, find_sentences, sentences_of, visible
from tasks.runs.run import Run
from tasks.runtime.parts import part_file, read_manifest
from tasks.trials.thresholds import MIN_RATE, PRIOR_EXAMPLES, thresholds
from warehouse import Warehouse

MAX_VERDICTS = 200
"""Words of each verdict with a place on the page; the exports hold all."""

MAX_SPURIOUS = 50
"""Spurious words with sentences on the page."""

MAX_LISTED = 50
"""Rows of a list that grows with the texts (vocabulary, keywords); the exports hold all."""

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


def render_page(config: AuditConfig, run: Run, warehouse: Warehouse, certificate: Mapping[str, Any] | None) -> str:
    """The page as text. `warehouse` is open and uses the schema of the run."""
    registered = warehouse.rows("report/run", {"run_id": run.run_id})[0]
    labels, unit = registered["labels"], UNITS[config.attribution.scalar]
    mirrored = config.attribution.mirrored(len(labels), config.model.head)
    shown = labels[1:] if mirrored else labels[:_MAX_LABELS]
    tables = _tables(config, warehouse, shown, mirrored)
    rows = {name: table.to_pylist() for name, table in tables.items()}
    overview = rows["overview"][0]
    words = _words(rows, run, warehouse, mirrored)
    state = read_banner(warehouse)
    (total,) = warehouse.rows("report/total", {})
    found = headlines(
        words["spurious"],
        rows["kinds"],
        rows["patterns"],
        rows["one_sided_names"],
        rows["top_words"],
        rows["vocabulary"],
        overview,
        unit,
        config.statistics.fdr,
    )
    changed = [] if config.data.pair else _changed_texts(warehouse, run, labels)
    shown_cards = cards(found, changed, registered["started_at"])
    return render(
        "report.html.jinja",
        config=config,
        heading=config.title or default_title(config.model, config.data, config.name),
        thresholds=thresholds(config),
        run=run,
        registered=registered,
        certificate=certificate,
        banner=state,
        language=language_sentences(warehouse, run.run_id),
        labels=labels,
        most=MAX_LISTED,
        shown=shown,
        unit=unit,
        min_rate=MIN_RATE,
        overview=overview,
        rows=rows,
        quality=rows["attribution_quality"][0],
        method=METHODS[config.attribution.summed],
        versions=json.loads(registered["versions"]),
        ingest=read_manifest(run.storage / "shards" / "ingest.json") or {},
        main_sentence=main_sentence(found, state.title, total),
        cards=shown_cards,
        light=[headline for headline in found if headline.is_light],
        others=[
            headline
            for headline in found
            if headline not in [card.headline for card in shown_cards] and not headline.is_light
        ],
        total=total,
        flipped=len(labels) == 2 and overview["n_examples"] > 0 and overview["accuracy_high"] < 0.5,
        confusion={(row["gold_label"], row["predicted_label"]): row["n_examples"] for row in rows["confusion"]},
        cost=rows["verification"][0],
        exports=EXPORTS,
        **words,
        **_charts(tables, shown, labels, unit),
    )


def _tables(config: AuditConfig, warehouse: Warehouse, shown: Sequence[str], mirrored: bool) -> dict[str, pa.Table]:
    params = {
        "max_verdicts": MAX_VERDICTS,
        "labels": shown,
        "mirrored": mirrored,
        "max_points": 250,
        "prior_examples": PRIOR_EXAMPLES,
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
    spurious = by_status.get("spurious", [])[:MAX_SPURIOUS]
    effects: dict[int, list[dict[str, Any]]] = {}
    for row in rows["effects"]:
        effects.setdefault(row["rank"], []).append(row)
    findings = [Finding(row["kind"], row["label"], row["word"]) for row in spurious if row["kind"] != "pair"]
    aside = [
        Finding("word", row["label"], row["word"])
        for row in (*rows["one_sided_names"], *rows["vocabulary"][:MAX_LISTED])
    ]
    found = find_sentences(warehouse, run.storage, findings, SENTENCES, mirrored)
    beside = find_sentences(warehouse, run.storage, aside, MAX_ASIDE, mirrored)
    parts = {row["example_id"]: row["part"] for row in rows["browser"]}
    return {
        "spurious": spurious,
        "by_status": by_status,
        "effects": effects,
        "shown_words": {(row["label"], row["word"]) for row in spurious if row["kind"] == "word"},
        "tried": rows["verdicts"],
        "n_hidden": sum({row["status"]: row["n_status"] for row in rows["verdicts"]}.values()) - len(rows["verdicts"]),
        "reach": _reach(rows["verdicts"]),
        "sentences": {tuple(finding): sentences for finding, sentences in found.items()},
        "beside": {(finding.label, finding.word): sentences for finding, sentences in beside.items()},
        "browser": [
            (parts[sentence.example_id], sentence) for sentence in sentences_of(warehouse, run.storage, list(parts))
        ],
    }


def _reach(rows: Sequence[Mapping[str, Any]]) -> float:
    """End of the axis of the effects."""
    ends = (max(abs(row["effect_low"]), abs(row["effect_high"])) for row in rows if row["effect_low"] is not None)
    return max(ends, default=0.0) or 1.0


def _changed_texts(warehouse: Warehouse, run: Run, labels: Sequence[str]) -> list[dict[str, Any]]:
    folder = run.storage / "trials"
    parts = [part_file(part, "trials") for part in sorted(folder.glob("part-*.json"))]
    found = warehouse.rows("report/changed_texts", {"trial_parts": parts, "names": labels}) if parts else []
    params = {
        "pattern_trial_parts": [part_file(folder / "patterns.json", "pattern_trials")],
        "type_trial_parts": [part_file(folder / "placebos.json", "type_trials")],
        "names": labels,
    }
    return found + warehouse.rows("report/changed_groups", params)


def _charts(tables: Mapping[str, pa.Table], shown: Sequence[str], labels: Sequence[str], unit: str) -> dict[str, Any]:
    """The charts as drawings, and their ids."""
    specs = specifications(
        {name: _visible_table(table) for name, table in tables.items()},
        [visible(label) for label in shown],
        [visible(label) for label in labels[:_MAX_LABELS]],
        unit,
    )
    return {"drawings": {name: drawn(name, spec) for name, spec in specs.items()}, "chart_ids": sorted(specs)}


def _visible_table(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            values = [None if value is None else visible(value) for value in table[field.name].to_pylist()]
            table = table.set_column(i, field.name, pa.array(values, pa.string()))
    return table
