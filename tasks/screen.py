"""Stage: what kind of thing each word is, and which words are worth a test.

Builds the tables of `warehouse/screen/`: what leads to `word_types`, `type_rules` and `word_types`, `words` (everything
known about a word) and `candidates`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import AuditError
from configs.schema import AuditConfig
from configs.section import digest
from tasks.runs.run import Run
from tasks.runtime.parts import file_hash, read_manifest, read_part, write_part
from tasks.runtime.plugins import first_line, plugin, plugin_sources
from tasks.runtime.progress import progress
from tasks.runtime.stage import stage
from tasks.text.language import MAX_TEXTS, Language, languages_of
from warehouse import open_warehouse, seed

_MAX_SURNAMES = 5000
"""Rarer surnames add more ordinary words (best, love, grace) than names."""

_TEXTS_AT_A_TIME = 64
MIN_CAPITALISED = 0.8
"""A word is a name if at least this share of its occurrences inside a sentence is capitalised."""
MIN_CASING_EXAMPLES = 3
"""Occurrences inside a sentence that casing alone needs to decide."""

MAX_POOL_TEXTS = 24
"""Texts read as each label into which words are inserted."""

MAX_PATTERNS = 24
"""Most patterns that are tried."""
MAX_PATTERN_Q = 0.05
"""False discovery rate of the association with a label, for a pattern to be tried."""

QUERIES = (
    "screen/languages",
    "screen/language_lists",
    "screen/telling_texts",
    "screen/casing",
    "screen/listed_words",
    "screen/boilerplate",
    "screen/place_pairs",
    "screen/adjacent_words",
    "screen/word_evidence",
    "screen/rule_types",
    "screen/word_rules",
    "screen/type_rules",
    "screen/piece_types",
    "screen/bigram_types",
    "screen/word_types",
    "screen/words",
    "screen/candidates",
    "screen/chunks",
    "screen/pattern_spans",
    "screen/patterns",
    "screen/pattern_words",
    "screen/spellings",
    "screen/stand_ins",
    "screen/pool_texts",
)
"""In an order in which each reads only those before it."""

LISTS = (
    "function_words",
    "fixed_words",
    "places",
    "ordinary_words",
    "word_types",
    "rule_types",
    "word_lists",
    "language_names",
)
"""CSV files that the queries read, under these names."""

_VOTE = pa.schema([("word", pa.string()), ("type", pa.string()), ("n_votes", pa.int64()), ("n_seen", pa.int64())])


@stage("screen", hours=2)
def screen_words(config: AuditConfig, run: Run, scores: str) -> str:
    """Build the tables of this stage from those of key `scores`, and return their key.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
        AuditError: the recogniser of `screening.recogniser` cannot be imported, fails, or does not answer with spans.
    """
    first_names, surnames = _names()
    params = {
        "first_names": list(first_names),
        "surnames": list(surnames),
        "ner_votes": json.dumps(_votes(config, run, scores)),
        **{name: seed(f"{name}.csv") for name in LISTS},
        "languages": json.dumps([own._asdict() for own in _languages(config, run)]),
        "identity_list": seed("identity_terms.csv"),
        **config.screening.model_dump(exclude={"recogniser"}),
        "fdr": config.statistics.fdr,
        "min_capitalised": MIN_CAPITALISED,
        "min_casing_examples": MIN_CASING_EXAMPLES,
        "max_pool_texts": MAX_POOL_TEXTS,
        "max_patterns": MAX_PATTERNS,
        "max_q": MAX_PATTERN_Q,
    }
    with open_warehouse(config.warehouse) as warehouse:
        return warehouse.build_stage(run.run_id, "screen", QUERIES, params, scores)


def _languages(config: AuditConfig, run: Run) -> list[Language]:
    """Those of `data.language`, or of the explained texts."""
    if config.data.language:
        return languages_of(config.data.language, ())
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        return languages_of((), warehouse.table("screen/language_sample", {"max_texts": MAX_TEXTS})["text"].to_pylist())


def _votes(config: AuditConfig, run: Run, scores: str) -> list[dict[str, Any]]:
    """What the user's recogniser says of each word: rows of `ner_votes`, kept as a part because it may take long."""
    name = config.screening.recogniser
    if name is None:
        return []
    recogniser = plugin(name, "screening.recogniser", AuditError)
    manifest = run.folder / "recognised.json"
    key = digest(scores, name, [file_hash(source) for source in plugin_sources(name, recogniser)])
    facts = read_manifest(manifest)
    if facts is None or facts["key"] != key:
        with open_warehouse(config.warehouse, read_only=True) as warehouse:
            warehouse.use(run.run_id)
            texts = warehouse.rows("screen/texts", {})
        seen: Counter[str] = Counter()
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        with progress("recognise", len(texts), "examples") as advance:
            for start in range(0, len(texts), _TEXTS_AT_A_TIME):
                chosen = texts[start : start + _TEXTS_AT_A_TIME]
                answers = _entities(name, recogniser, [row["text"] for row in chosen])
                for row, entities in zip(chosen, answers, strict=True):
                    for own in row["words"] or ():
                        seen[own["word"]] += 1
                        kind = next((kind for a, b, kind in entities if a < own["end"] and own["start"] < b), None)
                        if kind is not None:
                            votes[own["word"]][kind] += 1
                advance(len(chosen))
        rows = [
            {"word": word, "type": kind, "n_votes": count, "n_seen": seen[word]}
            for word in sorted(votes)
            for kind, count in sorted(votes[word].items())
        ]
        write_part(manifest, {"votes": pa.Table.from_pylist(rows, schema=_VOTE)}, {"key": key})
    found: list[dict[str, Any]] = read_part(manifest, "votes").to_pylist()
    return found


def _entities(name: str, recogniser: Any, texts: Sequence[str]) -> Iterator[list[tuple[int, int, str]]]:
    try:
        answers = list(recogniser(list(texts)))
    except Exception as error:  # a user's function may raise anything
        raise AuditError(
            f"screening.recogniser: {name} failed ({type(error).__name__}: {first_line(error)})."
        ) from error
    if len(answers) != len(texts):
        raise AuditError(
            f"screening.recogniser: {name} answered {len(answers)} times for {len(texts)} texts, "
            "expected one list of spans each."
        )
    for text, answer in zip(texts, answers, strict=True):
        spans = []
        for span in answer:
            match span:
                case (int() as first, int() as last, "name" | "place" as kind) if 0 <= first < last <= len(text):
                    spans.append((first, last, kind))
                case _:
                    raise AuditError(
                        f"screening.recogniser: {name} answered {span!r} for a text of {len(text)} characters, "
                        "expected (start, end, 'name' or 'place')."
                    )
        yield spans


@lru_cache(maxsize=1)
def _names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """First names and the most common surnames of the US census, lower case."""
    rows = pq.read_table(seed("census_names.parquet")).to_pylist()
    first_names = sorted(row["name"] for row in rows if row["kind"] == "first")
    surnames = [row["name"] for row in rows if row["kind"] == "surname" and row["rank"] <= _MAX_SURNAMES]
    return tuple(first_names), tuple(surnames)
