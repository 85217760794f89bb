"""Leaf: the name of a run, made from what goes into it."""

import platform
from importlib.metadata import version

from configs.schema import AuditConfig, digest
from tasks.gradients import MATHS_VERSION
from tasks.model import ModelSpec
from tasks.run import SHARD_TOKENS, Run
from tasks.sources import dataset_fingerprint

_SETTLES_THE_ROWS = {"text", "label", "id", "labels", "where", "sample", "seed", "split", "max_rejected"}


def name_run(config: AuditConfig, model: ModelSpec) -> Run:
    """Name the run by its inputs: data, model and tokenizer, attribution settings, version of the maths.

    Thresholds and the report are not among them: changing those computes no attribution again.
    """
    inputs = {"data": dataset_fingerprint(config.data), "model": model.fingerprint}
    rows = config.data.model_dump(mode="json", include=_SETTLES_THE_ROWS)
    attribution = config.attribution.model_dump(mode="json")
    key = digest(MATHS_VERSION, SHARD_TOKENS, inputs, rows, model.max_tokens, attribution)
    run_id = f"{config.name}_{key[:12]}"
    return Run(run_id, (config.output / run_id).absolute(), inputs)


def package_versions() -> dict[str, str]:
    """Versions of what computes the numbers."""
    names = ("token-audit", "torch", "transformers", "tokenizers", "datasets", "duckdb", "prefect", "altair")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
