"""Stages: what the attribution methods, and the whole audit, found of what was planted.

`rank_methods` reads the planted copy and its attributed probes, and writes the part `ranks-<hash>`
beside the copy. `certify_audit` adds what the audit of the copy made of every planted word, in the part
`certificate-<hash>`, and enters both in the warehouse of the config: `certificates` and
`certificate_words`, `_shortcuts` and `_methods` in the schema `main`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from configs.schema import SIGNED, AttributionConfig, AuditConfig, digest
from tasks.certificate import Certificate, Planted, Probe, subject
from tasks.classifier import encode, load_classifier
from tasks.explained import engine_for, predict
from tasks.model import ModelSpec
from tasks.parts import file_hash, part_file, read_manifest, write_part
from tasks.run import Run
from warehouse import open_warehouse, query, scratch


@task(name="rank methods", cache_policy=NO_CACHE, timeout_seconds=3600)
def rank_methods(config: AuditConfig, planted: Planted, clean: ModelSpec, probes: Sequence[Probe]) -> Path:
    """Whether the shortcuts were learned, and how high each method and baseline ranks their words. Returns the part."""
    limit = config.certification.min_learned
    sql = [query(f"certify/{name}").sql for name in ("learned", "method_ranks", "best_method")]
    key = digest(file_hash(planted.manifest), clean.fingerprint, [probe.run.run_id for probe in probes], limit, sql)
    manifest = planted.folder / f"ranks-{key[:12]}.json"
    if read_manifest(manifest) is not None:
        return manifest
    shards = [part_file(shard, "examples") for shard in probes[0].shards]
    with scratch(planted.folder) as database:
        predictions = manifest.with_name(f"{manifest.stem}-clean.json")
        write_part(predictions, {"rows": _predictions(clean, shards)}, {})
        learned = database.rows("certify/learned", {
            "planted_rows": planted.rows, "shards": shards, "clean": part_file(predictions, "rows"), "min_learned": limit,
            "example_parts": [part_file(part, "examples") for part in probes[0].parts],
        })  # fmt: skip
        ranks = [
            database.rows("certify/method_ranks", {
                "planted_rows": planted.rows, "baseline": probe.baseline,
                "shards": [part_file(shard, "examples") for shard in probe.shards],
                "token_parts": [part_file(part, "tokens") for part in probe.parts],
            })
            for probe in probes
        ]  # fmt: skip
        write_part(manifest, {"shortcuts": learned, "methods": pa.concat_tables(ranks)}, {})
    return manifest


def _predictions(model: ModelSpec, shards: Sequence[str]) -> pa.Table:
    """What a model says about the probes, by their id in the planted copy."""
    rows = pa.concat_tables([pq.read_table(shard, columns=["source_id", "text"]) for shard in shards])
    engine = engine_for(load_classifier(model), AttributionConfig())
    texts = encode(engine.classifier.tokenizer, rows["text"].to_pylist(), None, engine.classifier.max_tokens)
    return pa.table({
        "source_id": rows["source_id"], "predicted_id": pa.array(predict(engine, texts).argmax(axis=1), pa.int32()),
    })  # fmt: skip


def best_method(planted: Planted, ranks: Path) -> dict[str, Any] | None:
    """Method and baseline that won among those an audit can add up; None if the model learned no shortcut."""
    params = {name: part_file(ranks, name) for name in ("methods", "shortcuts")}
    with scratch(planted.folder) as database:
        rows = database.rows("certify/best_method", {**params, "signed": list(SIGNED)}).to_pylist()
    return rows[0] if rows else None


@task(name="certify", cache_policy=NO_CACHE, timeout_seconds=3600)
def certify_audit(
    config: AuditConfig,
    planted: Planted,
    clean: ModelSpec,
    trained: ModelSpec,
    ranks: Path,
    audited: AuditConfig,
    run: Run,
) -> Certificate:
    """Judge the audit `run` of the planted copy, which has the settings `audited`, and enter the certificate.

    Raises:
        WarehouseError: a database is locked.
    """
    settings = audited.model_dump(mode="json", exclude={"warehouse", "output", "models", "report", "limits"})
    sql = [query(f"certify/{name}").sql for name in ("planted_words", "unplanted")]
    with open_warehouse(audited.warehouse) as warehouse:
        state = warehouse.rows("registry/stage_key", {"run_id": run.run_id, "stage": "recommend"})[
            "stage_key"
        ].to_pylist()
        key = digest(file_hash(ranks), run.run_id, state, settings, sql)
        manifest = planted.folder / f"certificate-{key[:12]}.json"
        if read_manifest(manifest) is None:
            warehouse.use(run.run_id)
            tables = {
                name: warehouse.rows(f"certify/{name}", {"planted_words": planted.words})
                for name in ("planted_words", "unplanted")
            }
            write_part(manifest, tables, {})
    best = best_method(planted, ranks) or {"method": None, "baseline": None}
    accuracy = [
        json.loads((model.folder / "training.json").read_text())["heldout_accuracy"] for model in (clean, trained)
    ]
    certificate_id = f"{config.name}_{key[:12]}"
    params = {
        "certificate_id": certificate_id, "subject": subject(config, clean), "name": config.name, "folder": str(planted.folder),
        "run_id": run.run_id, "seed": config.certification.seed, **best, "clean_accuracy": accuracy[0],
        "planted_accuracy": accuracy[1], "config": config.model_dump_json(), "unplanted": part_file(manifest, "unplanted"),
    }  # fmt: skip
    files_of = {
        "words": part_file(manifest, "planted_words"),
        **{name: part_file(ranks, name) for name in ("shortcuts", "methods")},
    }
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.run_together({
            "registry/enter_certificates": params,
            **{f"registry/enter_certificate_{name}": {"certificate_id": certificate_id, name: file} for name, file in files_of.items()},
        })  # fmt: skip
    return Certificate(certificate_id, run.folder / "report.html")
