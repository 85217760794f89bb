"""Leaf: the name of a run, where its files are, and the lock that keeps a second audit off them."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout

from configs.schema import AuditConfig, AuditError, digest
from tasks.dataset import dataset_fingerprint
from tasks.gradients import MATHS_VERSION
from tasks.model import ModelSpec

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


def name_run(config: AuditConfig, model: ModelSpec, shard_tokens: int) -> Run:
    """Name the run by its inputs: data, model and tokenizer, attribution settings, version of the maths.

    Thresholds and the report are not among them: changing those computes no attribution again.
    """
    inputs = {"data": dataset_fingerprint(config.data), "model": model.fingerprint}
    rows = config.data.model_dump(mode="json", include=_SETTLES_THE_ROWS)
    attribution = config.attribution.model_dump(mode="json")
    key = digest(MATHS_VERSION, shard_tokens, inputs, rows, model.max_tokens, attribution)
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


def package_versions() -> dict[str, str]:
    """Versions of what computes the numbers."""
    names = ("token-audit", "torch", "transformers", "tokenizers", "datasets", "duckdb", "prefect", "altair")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
