"""Stage: trace words to the labelling rules that taught them.

Reads the labelling rules, the rows that they labelled for the training, the texts of the audit and the verdicts. Writes
`<run>/rules/matches.json` and builds the tables of `warehouse/trace/` from it; without rules they are empty.

The part has four tables. `texts`, one row per text: `corpus` (audited or trained), `example_id`, `source_id`, `text`
and `given_id`, the index of the label that the rules give, -1 for none. `matches`, one row per rule and per term that
matches a text: `rule_id`, `term_id` (-1 for the whole rule), `label_id`, `match_start`, `match_end`, `surface`,
`before` and `after` (the words beside it) and `decides`. `words`, one row per text and word in it that the verdicts
have or that means a label: `word`. `meanings`, one row per word that means a label to the encoder before fine-tuning:
`label`, `word`, `meaning`.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from configs.schema import AuditConfig
from configs.section import digest
from tasks.data.coverage import Coverage, Hit
from tasks.data.rows import Row
from tasks.data.rules import Rules, write_rules
from tasks.data.split import audited_and_trained, sampled
from tasks.data.votes import Votes, labelling_key, read_labelling
from tasks.model.spec import ModelSpec
from tasks.remedies.keywords import MIN_MEANING, MIN_TEXTS
from tasks.runs.run import Run
from tasks.runtime.code import code_of
from tasks.runtime.parts import part_file, read_manifest, write_part
from tasks.runtime.progress import progress
from tasks.runtime.stage import stage
from tasks.text.folding import folded_surfaces
from tasks.text.words import word_spans
from tasks.trials.meaning import base_folder, meanings_of
from warehouse import Warehouse, open_warehouse

MAX_TEXTS = 6
"""Texts that are kept to be shown for each term and corpus."""
_TABLES = (
    "rule_terms",
    "rule_texts",
    "rule_matches",
    "rule_figures",
    "taught_words",
    "rule_examples",
    "rule_words",
    "word_meanings",
    "labelling",
)
_SCHEMAS = {
    "texts": pa.schema(
        {
            "corpus": pa.string(),
            "example_id": pa.int64(),
            "source_id": pa.string(),
            "text": pa.string(),
            "given_id": pa.int64(),
        }.items()
    ),
    "matches": pa.schema(
        {
            "corpus": pa.string(),
            "example_id": pa.int64(),
            "rule_id": pa.int64(),
            "term_id": pa.int64(),
            "label_id": pa.int64(),
            "match_start": pa.int64(),
            "match_end": pa.int64(),
            "surface": pa.string(),
            "before": pa.string(),
            "after": pa.string(),
            "decides": pa.bool_(),
        }.items()
    ),
    "words": pa.schema({"corpus": pa.string(), "example_id": pa.int64(), "word": pa.string()}.items()),
    "meanings": pa.schema({"label": pa.string(), "word": pa.string(), "meaning": pa.float64()}.items()),
}


@stage("trace", hours=2)
def trace_rules(config: AuditConfig, run: Run, model: ModelSpec, removed: str) -> str:
    """Match the rules with the texts unless that was done, build the tables of this stage from those of key `removed`,
    and return their key.

    Raises:
        ConfigError: as `read_rules`.
        DataError: as `read_labelling` and `audited_and_trained`, or a rule backtracks without bound.
        ModelError: the encoder before fine-tuning cannot be loaded.
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    path = config.rules
    labelling = None if path is None else read_labelling(path, config.data, model.labels)
    coverage = None if labelling is None else Coverage(labelling, model.labels)
    part = run.storage / "rules" / "matches.json"
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        asked = [row["word"] for row in warehouse.rows("trace/asked_words", {})] if coverage else []
        rules = None if labelling is None else labelling_key(labelling)
        own = None if config.finetune is None else config.finetune.model_dump(mode="json")
        code = code_of("tasks.trace", "tasks.text", "tasks.data", "tasks.model", "tasks.trials", "tasks.remedies")
        key = digest(code, rules, run.key, own, config.data.model_dump(mode="json"), asked)
        if (read_manifest(part) or {}).get("key") != key:
            tables = _matched(config, model, coverage, warehouse, set(asked))
            write_part(part, tables, {"key": key})
    params = {
        "labelling": json.dumps(_written(labelling)),
        "terms": json.dumps([] if coverage is None else coverage.terms()),
        "labels": list(model.labels),
        "max_texts": MAX_TEXTS,
        "rule_text_parts": [part_file(part, "texts")],
        "rule_match_parts": [part_file(part, "matches")],
        "rule_word_parts": [part_file(part, "words")],
        "rule_meaning_parts": [part_file(part, "meanings")],
    }
    with open_warehouse(config.warehouse) as warehouse:
        tables_of_stage = [f"trace/{name}" for name in _TABLES]
        return warehouse.build_stage(run.run_id, "trace", tables_of_stage, params, digest(removed, key))


def _written(labelling: Rules | Votes | None) -> list[dict[str, str | None]]:
    if labelling is None:
        return []
    if isinstance(labelling, Votes):
        return [{"rules": None, "otherwise": None}]
    return [{"rules": write_rules(labelling), "otherwise": labelling.otherwise}]


def _matched(
    config: AuditConfig, model: ModelSpec, coverage: Coverage | None, warehouse: Warehouse, asked: set[str]
) -> dict[str, pa.Table]:
    columns: dict[str, list[dict[str, Any]]] = {name: [] for name in _SCHEMAS}
    if coverage is not None:
        corpora = {"audited": _audited(warehouse), "trained": _trained(config, model)}
        word_of = folded_surfaces(row.text for rows in corpora.values() for row in rows)
        columns["meanings"] = _meanings(config, model, corpora["trained"] or corpora["audited"], word_of)
        asked = asked | {row["word"] for row in columns["meanings"]}
        known = {surface: word for surface, word in word_of.items() if word in asked}
        with progress("trace", sum(map(len, corpora.values())), "texts") as advance:
            for corpus, rows in corpora.items():
                for row in rows:
                    _match(columns, corpus, row, coverage, known)
                    advance(1)
    return {name: pa.Table.from_pylist(rows, _SCHEMAS[name]) for name, rows in columns.items()}


def _meanings(
    config: AuditConfig, model: ModelSpec, rows: Sequence[Row], word_of: dict[str, str]
) -> list[dict[str, Any]]:
    """The words that mean a label to the encoder before fine-tuning, of those in enough of the texts for a keyword."""
    frequencies = Counter(
        word for row in rows for word in {word_of[row.text[start:end]] for start, end in word_spans(row.text)}
    )
    words = sorted(word for word, count in frequencies.items() if count >= MIN_TEXTS)
    base = base_folder(config)
    zero_shot_NK = None if base is None or not words else meanings_of(words, model, base).zero_shot_NK
    if zero_shot_NK is None:
        return []
    return [
        {"label": label, "word": word, "meaning": float(meaning)}
        for word, meaning_K in zip(words, zero_shot_NK, strict=True)
        for label, meaning in zip(model.labels, meaning_K, strict=True)
        if meaning >= MIN_MEANING
    ]


def _match(
    columns: dict[str, list[dict[str, Any]]], corpus: str, row: Row, coverage: Coverage, known: dict[str, str]
) -> None:
    place = {"corpus": corpus, "example_id": row.number}
    label, hits = coverage.of(row)
    columns["texts"].append({**place, "source_id": row.source_id, "text": row.text, "given_id": label})
    spans = word_spans(row.text)
    for hit, vote in hits:
        before, after = _neighbours(row.text, spans, hit)
        columns["matches"].append(
            {
                **place,
                "rule_id": hit.rule,
                "term_id": hit.term,
                "label_id": vote,
                "match_start": hit.start,
                "match_end": hit.end,
                "surface": None if hit.start is None else row.text[hit.start : hit.end],
                "before": before,
                "after": after,
                "decides": hit.decides,
            }
        )
    words = dict.fromkeys(known[surface] for start, end in spans if (surface := row.text[start:end]) in known)
    columns["words"] += [{**place, "word": word} for word in words]


def _neighbours(text: str, spans: Sequence[tuple[int, int]], hit: Hit) -> tuple[str | None, str | None]:
    """The words on both sides of what matches, with nothing but white space between."""
    before = after = None
    if hit.start is not None and hit.end is not None:
        before = next((text[a:b] for a, b in spans if b < hit.start and text[b : hit.start].isspace()), None)
        after = next((text[a:b] for a, b in spans if a > hit.end and text[hit.end : a].isspace()), None)
    return before, after


def _audited(warehouse: Warehouse) -> list[Row]:
    rows = warehouse.rows("trace/audited_texts", {})
    return [Row(row["example_id"], row["source_id"], row["text"], None, -1, None) for row in rows]


def _trained(config: AuditConfig, model: ModelSpec) -> list[Row]:
    """The rows that the classifier was trained on, if the rules labelled them."""
    if config.finetune is None or config.finetune.rules is None:
        return []
    return sampled(audited_and_trained(config, model.labels)[1], config.finetune)
