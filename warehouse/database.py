"""A database is opened: its lock and the wait for it, its limits on memory and disk, and its errors as sentences."""

import glob
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from filelock import FileLock

from configs.schema import LimitsConfig
from configs.section import digest
from warehouse.build import Warehouse
from warehouse.query import WarehouseError, shipped

_limits = LimitsConfig()
_SILENT_SECONDS = 2.0
"""Stages of small audits hold the database for less: not worth a line."""
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    # The sum of floats depends on the order of the terms, and two runs must give the same bits (DECISIONS.md).
    "threads": 1,
    "memory_limit": _limits.memory_limit,
    # The newest format would shut out every DuckDB before 2.0, and with it most people's `duckdb` command.
    "storage_compatibility_version": "v1.4.0",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_registered = set[tuple[int, int, int, int]]()
"""Databases whose registry this process has made, or brought up to date, as it left them: that takes as long as to open
one."""


@contextmanager
def open_warehouse(path: Path, read_only: bool = False, wait_seconds: float = 3600.0) -> Iterator[Warehouse]:
    """Open the database; while another process writes it, wait: for as long as a stage of a large audit may take.

    Raises:
        WarehouseError: it is still locked after `wait_seconds`, or the file is no DuckDB database of this version.
    """
    if read_only and not path.is_file():
        raise WarehouseError(f"There is no warehouse {path} yet. Run an audit first: token-audit run CONFIG.")
    if not path.exists():
        _create(path)
    started, told = time.monotonic(), False
    while True:
        is_current = not read_only and path.exists() and _state_of(path) in _registered
        try:
            connection = duckdb.connect(str(path), read_only=read_only, config=_SETTINGS)
            break
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error):
                raise WarehouseError(f"The warehouse {path} cannot be opened: {str(error).splitlines()[0]}") from error
            found = re.search(r"PID (\d+)", str(error))
            holder = f" ({found.group(0)})" if found else ""
            waited = time.monotonic() - started
            if waited > wait_seconds:
                raise WarehouseError(
                    f"The warehouse {path} is in use by another process{holder}, and still was "
                    f"after {wait_seconds:.0f} s. Try again when it has ended, or name another file under `warehouse`."
                ) from error
            if waited > _SILENT_SECONDS and not told:
                print(f"warehouse\twaiting for another process{holder}\t{path}", file=sys.stderr, flush=True)
                told = True
            time.sleep(0.2)
        except duckdb.Error as error:
            raise WarehouseError(f"The warehouse {path} cannot be opened: {str(error).splitlines()[0]}") from error
    try:
        with (
            _sentences(f"The warehouse {path}", "The tables were left as they were."),
            _spill(connection, path, read_only),
        ):
            warehouse = Warehouse(connection)
            if not read_only and not is_current:
                connection.execute(_registry())
                is_current = True
            yield warehouse
    finally:
        connection.close()
        if is_current and path.exists():
            _registered.add(_state_of(path))


def _create(path: Path) -> None:
    """Make a database with an empty registry, whole from the first moment.

    One that was cut off while it was made could never be opened again.
    """
    beside = path.with_name(f".{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _sentences(f"The warehouse {path}", "There is none yet."), FileLock(path.with_name(f".{path.name}.lock")):
        if path.exists():
            return
        for stale in (beside, Path(f"{beside}.wal")):
            stale.unlink(missing_ok=True)
        with duckdb.connect(str(beside), config=_SETTINGS) as connection:
            connection.execute(_registry())
        beside.rename(path)
        _registered.add(_state_of(path))


def _state_of(path: Path) -> tuple[int, int, int, int]:
    """What is another one where the file was replaced: its number alone goes to the next file when it is deleted."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _registry() -> str:
    return "\n".join(shipped(name).read_text(encoding="utf-8") for name in ("registry.sql", "kept_tables.sql"))


@contextmanager
def _sentences(what: str, left: str) -> Iterator[None]:
    """A full disk, a damaged block, too little memory or a store out of reach as one sentence.

    Other database errors are mistakes of ours and keep their traceback. A disk that is full is an IOException
    in a query, but a TransactionException in a commit and a FatalException in a checkpoint.
    """
    try:
        yield
    except (duckdb.OperationalError, duckdb.FatalException) as error:
        raise WarehouseError(f"{what}: {str(error).splitlines()[0].rstrip('.')}. {left}") from error
    except duckdb.Error as error:
        # An object store's client, in Python, has failed inside a query: an error of no kind, its text a traceback.
        if type(error) is not duckdb.Error or not str(error).startswith("Traceback"):
            raise
        raise WarehouseError(
            f"{what} cannot read the parts: {str(error).strip().splitlines()[-1].rstrip('.')}. {left}"
        ) from error
    except RuntimeError as error:
        # Ctrl-C in the middle of a query.
        if "interrupted" in str(error).lower():
            raise KeyboardInterrupt from error
        raise


@contextmanager
def _spill(connection: duckdb.DuckDBPyConnection, path: Path, read_only: bool) -> Iterator[None]:
    """A folder for what does not fit into memory.

    For this process alone: DuckDB's files have the same names in every process.
    """
    folder, name = path.absolute().parent, f"{path.name}.tmp"
    if _limits.temp_directory is not None:
        folder, name = _limits.temp_directory.absolute(), f"{path.name}-{digest(str(path.absolute()))[:8]}.tmp"
        folder.mkdir(parents=True, exist_ok=True)
    if not read_only:
        # While it is open for writing nobody else has it open: what is there was left by processes that were killed.
        for stale in folder.glob(f"{glob.escape(name)}-*"):
            shutil.rmtree(stale, ignore_errors=True)
    own = folder / f"{name}-{os.getpid()}"
    connection.execute("set temp_directory = $folder", {"folder": str(own)})
    try:
        yield
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def scratch(folder: Path) -> Iterator[Warehouse]:
    """A database in memory that spills to `folder`.

    Raises:
        WarehouseError: the disk is full.
    """
    connection = duckdb.connect(config={**_SETTINGS, "temp_directory": str(folder), "memory_limit": "1GB"})
    try:
        with _sentences(f"Sorting in {folder}", "Nothing was changed."):
            yield Warehouse(connection)
    finally:
        connection.close()


def set_limits(limits: LimitsConfig) -> None:
    """What the databases that this process opens from now on may take of the machine."""
    global _limits
    _limits = limits
    _SETTINGS["memory_limit"] = limits.memory_limit
