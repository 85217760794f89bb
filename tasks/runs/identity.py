"""The name of a run, made from what goes into it, and its entry in the registry."""

import json
import platform
from importlib.metadata import version
from pathlib import Path

from safetensors import safe_open

from configs.schema import AuditConfig, DataConfig
from configs.section import digest
from tasks.data.sources import dataset_fingerprint
from tasks.model.spec import ModelSpec, content_hashes
from tasks.runs.run import SHARD_TOKENS, Run, storage_of
from tasks.runtime.code import code_of
from tasks.text.words import segmenter
from warehouse import open_warehouse, query


def subject(config: AuditConfig, model: ModelSpec) -> str:
    """Hash of what a certificate covers: the data, how they are read and explained, and the kind of model.

    Two models are of one kind if their weights have the same names and shapes. So a certificate also covers a model
    that was trained elsewhere from the same encoder.
    """
    shapes: dict[str, list[int]] = {}
    for file in sorted(model.folder.glob("*.safetensors")):
        with safe_open(file, framework="np") as weights:
            shapes |= {name: list(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118 (no mapping)
    explained = config.attribution.model_dump(mode="json", include={"layer", "scalar"})
    columns = [name for name in (config.data.text, config.data.label, config.data.pair) if name is not None]
    return digest(shapes, dataset_fingerprint(config.data), *columns, explained)


_SETTLES_THE_ROWS = {"text", "pair", "label", "id", "labels", "where", "dialect"}


_PACKAGES = ("torch", "transformers", "tokenizers", "datasets", "pyarrow", "regex", "numpy")


def name_run(config: AuditConfig, model: ModelSpec) -> Run:
    """Name the run by its inputs: data, model and tokenizer, attribution settings, code and packages of the maths.

    Thresholds, limits on rejected and quarantined examples, and the report are not among them: a change of these
    computes no attribution again.
    """
    inputs = {"data": dataset_fingerprint(config.data), "model": model.fingerprint, "subject": subject(config, model)}
    rows, sample = rows_of(config.data)
    attribution = config.attribution.model_dump(mode="json", exclude={"max_quarantined"})
    reading = (model.max_tokens, model.head, model.labels, model.factory, model.long_texts, model.pad_to)
    # By a hash: a version number would have to be raised by hand.
    code = code_of("tasks.ingest", "tasks.attribute", "tasks.text", "tasks.data", "tasks.model", "tasks.attribution")
    queries = [query(f"ingest/{name}").sql for name in ("plan", "shard", "rejects")]
    packages = {**{name: version(name) for name in _PACKAGES}, "segmenter": segmenter()}
    part = () if config.held_out is None else (config.held_out, config.data.seed)
    key = digest(code, queries, packages, SHARD_TOKENS, inputs, rows, sample, part, reading, attribution)
    run_id = f"{config.name}_{key[:12]}"
    folder = (config.output / run_id).absolute()
    return Run(run_id, folder, storage_of(config, folder), inputs | _model_hashes(model))


_TOKENIZER = {"tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt"}
_TOKENIZER |= {"special_tokens_map.json", "added_tokens.json"}


def _model_hashes(model: ModelSpec) -> dict[str, str]:
    """Content hashes of the weights with their configuration, and of the tokenizer: which of them has changed?"""
    contents = content_hashes(model.folder, model.factory)
    tokenizer = {name: found for name, found in contents.items() if name in _TOKENIZER or name.endswith(".model")}
    weights = {name: found for name, found in contents.items() if name not in tokenizer}
    return {"weights": digest(weights, model.factory), "tokenizer": digest(tokenizer)}


def compare_folder(data: DataConfig, run: Run) -> Path:
    """Folder of the shards and parts of a second dataset, named by the run and by the content of that dataset."""
    return run.storage / f"compare_{digest(run.run_id, dataset_fingerprint(data), *rows_of(data))[:12]}"


def rows_of(data: DataConfig) -> tuple[dict[str, object], tuple[int, int] | None]:
    """The settings that decide which rows of a dataset are read, and how."""
    sample = (data.sample, data.seed) if data.sample is not None else None
    return data.model_dump(mode="json", include=_SETTLES_THE_ROWS), sample


def enter_run(config: AuditConfig, run: Run, model: ModelSpec) -> None:
    """Enter the run in the registry before its long stages, which also shows that the warehouse can be written.

    Raises:
        WarehouseError: the database is locked or cannot be written.
    """
    names = ("token-audit", *_PACKAGES, "duckdb", "prefect", "altair")
    versions = {"python": platform.python_version(), **{name: version(name) for name in names}}
    versions["segmenter"] = segmenter() or "none"
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.run(
            "registry/start_run",
            {
                "run_id": run.run_id,
                "name": config.name,
                "folder": str(run.folder),
                "labels": list(model.labels),
                "config": config.model_dump_json(),
                "inputs": json.dumps(run.inputs),
                "versions": json.dumps(versions),
            },
        )
