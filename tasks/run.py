"""Leaf: the name of a run, where its files are, and the lock that keeps a second audit off them."""

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from configs.schema import AuditConfig, AuditError, digest
from tasks.dataset import dataset_fingerprint
from tasks.gradients import MATHS_VERSION
from tasks.model import ModelSpec
from warehouse import open_warehouse

SHARD_TOKENS = 8192
"""Tokens in a shard: half a minute of work on two cores. Part of the run's name, since parts are named by shard."""

_SETTLES_THE_ROWS = {"text", "label", "id", "labels", "where", "sample", "seed", "split", "max_rejected"}


@dataclass(frozen=True)
class Run:
    """One audit, named by what went in."""

    run_id: str
    folder: Path
    inputs: dict[str, str]
    """Content hashes of the data and the model."""

    @property
    def key(self) -> str:
        """Where the keys of the derived tables start: everything that settles the facts."""
        return digest(self.run_id, self.inputs)


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


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Hold the run's folder; the lock ends with the process, however it ends.

    Raises:
        AuditError: another process holds it.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run.folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise AuditError(f"{run.run_id} is being audited by another process. Wait for it: the result will be the same.") from error


def finish_run(config: AuditConfig, run: Run) -> None:
    """Enter the end of the run and point the public views of the warehouse at it."""
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.publish(run.run_id)
        warehouse.run("registry/finish_run", {"run_id": run.run_id})


def package_versions() -> dict[str, str]:
    """Versions of what computes the numbers."""
    names = ("token-audit", "torch", "transformers", "tokenizers", "datasets", "duckdb", "prefect", "altair")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def stored_run(row: Mapping[str, Any]) -> tuple[AuditConfig, Run]:
    """A run and its settings as the registry holds them.

    Raises:
        AuditError: the settings are those of another version of token-audit.
    """
    try:
        config = AuditConfig.model_validate_json(row["config"])
    except ValidationError as error:
        raise AuditError(f"{row['run_id']} was made by another version of token-audit. Run its config again.") from error
    return config, Run(row["run_id"], Path(row["folder"]), json.loads(row["inputs"]))
