"""A run: the folders of its files, and the lock that excludes a second audit."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from configs.errors import AuditError
from configs.schema import AuditConfig
from configs.section import digest
from tasks.runtime.parts import remove_unfinished, require_reachable
from tasks.runtime.plugins import first_line
from warehouse import open_warehouse

SHARD_TOKENS = 8192
"""Tokens in a shard: half a minute of work on two cores. It is in the key of a run, whose parts are named by shard."""

_FAILED_SECONDS = 20.0
"""Wait for the warehouse, in which a failure is entered: nobody should wait an hour for a sentence."""

BATCH_FILES = max(1, 2**18 // SHARD_TOKENS)
"""Shards that are loaded into tables at a time: hash tables of so many tokens stay in a processor's cache."""


@dataclass(frozen=True)
class Run:
    """One audit, named by a hash of its inputs."""

    run_id: str
    folder: Path
    """Report, exports and the lock."""
    storage: Path
    """Shards, parts and trials."""
    inputs: dict[str, str]
    """Content hashes of the data and the model."""

    @property
    def key(self) -> str:
        """The key from which those of the derived tables are computed: a hash of all inputs of the attributions."""
        return digest(self.run_id, self.inputs)


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Hold the run's folder; the lock ends with the process, however it ends.

    Raises:
        AuditError: another process holds it, or the storage of its parts does not answer.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    require_reachable(run.storage)
    try:
        # `is_locked` holds the lock for a moment, for `token-audit runs`.
        with FileLock(run.folder / ".lock", timeout=2):
            for folder in {run.folder, run.storage}:
                remove_unfinished(folder)
            yield
    except Timeout as error:
        raise AuditError(
            f"{run.run_id} is being audited by another process. Wait for it: the result will be the same."
        ) from error


def is_locked(folder: Path) -> bool:
    """Whether a process is auditing the run in this folder right now."""
    lock = folder / ".lock"
    if not lock.is_file():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except PermissionError:
        return False


def finish_run(config: AuditConfig, run: Run) -> None:
    """Enter the end of the run and point the public views of the warehouse at it."""
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.publish(run.run_id)


@contextmanager
def failure_recorded(config: AuditConfig, run: Run) -> Iterator[None]:
    """Enter the sentence of an error into the registry, for `token-audit runs`."""
    try:
        yield
    except Exception as error:
        said = str(error) if isinstance(error, AuditError | OSError) else f"{type(error).__name__}: {first_line(error)}"
        # The error is told, whatever becomes of its entry.
        with suppress(Exception), open_warehouse(config.warehouse, wait_seconds=_FAILED_SECONDS) as warehouse:
            warehouse.run("registry/fail_run", {"run_id": run.run_id, "reason": said})
        raise


def stored_run(row: Mapping[str, Any]) -> tuple[AuditConfig, Run]:
    """A run and its settings as the registry holds them.

    Raises:
        AuditError: the settings are those of another version of token-audit.
    """
    try:
        config = AuditConfig.model_validate_json(row["config"])
    except ValidationError as error:
        raise AuditError(
            f"{row['run_id']} was made by another version of token-audit. Run its config again."
        ) from error
    folder = Path(row["folder"])
    return config, Run(row["run_id"], folder, storage_of(config, folder), json.loads(row["inputs"]))


def storage_of(config: AuditConfig, folder: Path) -> Path:
    """Where a run with this folder keeps its shards, parts and trials."""
    return folder if config.storage is None else config.storage.absolute() / folder.name
