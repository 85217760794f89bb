"""Stage: measure how high each attribution method ranks the planted words, and whether the model learned them.

Reads the planted copy and its attributed probes, and writes the part `ranks-<hash>` beside the copy.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from configs.attribution import SIGNED, AttributionConfig
from configs.schema import AuditConfig
from configs.section import digest
from tasks.attribution.batches import engine_for, predict
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec
from tasks.model.tokens import encode
from tasks.runtime.code import code_of
from tasks.runtime.parts import file_hash, part_file, read_manifest, write_part
from tasks.runtime.stage import stage
from tasks.selftest.certificate import Planted, Probe
from warehouse import query, scratch

_MIN_LEARNED = 0.9
"""A shortcut counts as learned if the planted model is right on at least this share of its probes."""


@stage("rank", hours=1)
def rank_methods(config: AuditConfig, planted: Planted, clean: ModelSpec, probes: Sequence[Probe]) -> Path:
    """Write whether the shortcuts were learned and how high each method and baseline ranks their words; return the
    part."""
    limit = _MIN_LEARNED
    code = code_of("tasks.rank", "tasks.text", "tasks.data", "tasks.model", "tasks.attribution", "tasks.selftest")
    sql = [query(f"rank/{name}").sql for name in ("learned", "method_ranks", "best_method")]
    key = digest(
        file_hash(planted.manifest), clean.fingerprint, [probe.run.run_id for probe in probes], limit, sql, code
    )
    manifest = planted.folder / f"ranks-{key[:12]}.json"
    if read_manifest(manifest) is not None:
        return manifest
    shards = [part_file(shard.texts, "examples") for shard in probes[0].shards]
    with scratch(planted.folder) as database:
        predictions = manifest.with_name(f"{manifest.stem}-clean.json")
        write_part(predictions, {"rows": _predictions(clean, shards)}, {})
        learned = database.table(
            "rank/learned",
            {
                "planted_rows": planted.rows,
                "shards": shards,
                "clean": part_file(predictions, "rows"),
                "min_learned": limit,
                "example_parts": [part_file(shard.scores, "examples") for shard in probes[0].shards],
            },
        )
        ranks = [
            database.table(
                "rank/method_ranks",
                {
                    "planted_rows": planted.rows,
                    "baseline": probe.baseline,
                    "shards": [part_file(shard.texts, "examples") for shard in probe.shards],
                    "token_parts": [part_file(shard.scores, "tokens") for shard in probe.shards],
                },
            )
            for probe in probes
        ]
        write_part(manifest, {"shortcuts": learned, "methods": pa.concat_tables(ranks)}, {})
    return manifest


def _predictions(model: ModelSpec, shards: Sequence[str]) -> pa.Table:
    """What a model predicts for the probes, by their id in the planted copy."""
    rows = pa.concat_tables([pq.read_table(shard, columns=["source_id", "text"]) for shard in shards])
    engine = engine_for(load_classifier(model), AttributionConfig())
    texts = encode(engine.classifier.tokenizer, rows["text"].to_pylist(), None, engine.classifier.max_tokens)
    return pa.table(
        {
            "source_id": rows["source_id"],
            "predicted_id": pa.array(predict(engine, texts).argmax(axis=1), pa.int32()),
        }
    )


def best_method(planted: Planted, ranks: Path) -> dict[str, Any] | None:
    """Method and baseline that won among those an audit can add up; None if the model learned no shortcut."""
    params = {name: part_file(ranks, name) for name in ("methods", "shortcuts")}
    with scratch(planted.folder) as database:
        rows = database.rows("rank/best_method", {**params, "signed": list(SIGNED)})
    return rows[0] if rows else None
