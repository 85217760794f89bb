"""Write and read parts: immutable files that are complete if they exist.

A part is a few Parquet files and a manifest with their row counts and content
hashes, and with the place it was written for. Every file is written beside its
place, flushed to the disk and renamed; on an object store, where an upload is seen as
a whole or not at all and nothing can be renamed, it is uploaded. The manifest comes last.
A part without a manifest does not count and is written again. A part whose files differ from
the manifest, or which was written for another place (another run), is set aside and written again.

A place is a `Path`, or a `UPath`, which has the same methods: `Location` in configs/section.py.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import AuditError
from tasks.runtime.plugins import first_line

_DAMAGED = ".damaged"

_seen = set[str]()
"""Not empty once this process has written or found a whole part."""


def what_is_kept(first: str = "") -> str:
    """What becomes of the work, for the end of an error's message; `first` is what the reader has to do before."""
    if _seen:
        return f"Finished parts are kept; {first}the same command goes on from here."
    return f"Nothing was made yet; {first}run the command again."


@dataclass(frozen=True)
class Shard:
    """A shard of a dataset once it has been attributed: the manifests of two parts with the same examples."""

    texts: Path
    """Written by ingest: the texts and their labels (tasks/ingest.py)."""
    scores: Path
    """Written by attribution: the predictions and the scores of every token (tasks/attribution/part.py)."""


@contextmanager
def _store_answers(path: Path) -> Iterator[None]:
    """Turn the errors of an object store's client, which share no class, into one sentence. FileNotFoundError passes.

    Raises:
        AuditError: the store went away, or refuses the keys.
    """
    try:
        yield
    except (FileNotFoundError, AuditError):
        raise
    except Exception as error:
        if isinstance(path, Path):
            raise
        raise AuditError(f"{path} is out of reach: {first_line(error)}. {what_is_kept()}") from error


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, in constant memory."""
    with _store_answers(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically: a reader, or a crash, sees the old content or the new one.

    Raises:
        AuditError: the disk is full, or the folder must not be written.
    """
    try:
        if isinstance(path, Path):
            _write_and_rename(path, content)
        else:
            path.fs.pipe_file(path.path, content)
    except Exception as error:  # the errors of an object store's client share no class
        if isinstance(path, Path) and not isinstance(error, OSError):
            raise
        # The message of the system names no file when the disk is full.
        reason = getattr(error, "strerror", None) or first_line(error)
        raise AuditError(f"{path} cannot be written: {reason}. {what_is_kept('mend that, and ')}") from error


def _write_and_rename(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Flush the folder, so that renames in it survive a power failure, in their order."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_reachable(folder: Path) -> None:
    """Ask an object store before anything slow starts.

    Raises:
        AuditError: it does not answer, or refuses the keys.
    """
    try:
        folder.exists()
    except Exception as error:  # of the store's client
        raise AuditError(f"storage: {folder} cannot be reached ({first_line(error)}).") from error


def remove_unfinished(folder: Path) -> None:
    """Remove half-written files of killed processes below `folder`, where nobody else may be writing.

    An object store holds none.
    """
    if not isinstance(folder, Path):
        return
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


def num_damaged(folder: Path) -> int:
    """Parts below `folder` that were set aside and made anew."""
    with _store_answers(folder):
        return sum(1 for _ in folder.rglob(f"*.json{_DAMAGED}"))


def flush_files(folder: Path) -> None:
    """Flush files that a library wrote to the disk, before the folder gets its name."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _encodings(schema: pa.Schema) -> dict[str, str]:
    """Encodings that keep a token under 16 bytes: offsets as differences, other numbers split by byte."""
    numbers = [field for field in schema if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)]
    return {
        field.name: "DELTA_BINARY_PACKED" if field.name.endswith(("_start", "_end")) else "BYTE_STREAM_SPLIT"
        for field in numbers
    }


def write_part(manifest: Path, tables: Mapping[str, pa.Table], facts: Mapping[str, object]) -> None:
    """Write `tables` as `<manifest stem>.<name>.parquet`, then the manifest, which also keeps `facts`."""
    # Otherwise a crash between the files of a part that is replaced would look like damage.
    with _store_answers(manifest):
        manifest.unlink(missing_ok=True)
    files = {}
    for name, table in tables.items():
        path = _table(manifest, name)
        sink = pa.BufferOutputStream()
        pq.write_table(
            table,
            sink,
            compression="zstd",
            compression_level=15,
            use_dictionary=False,
            column_encoding=_encodings(table.schema),
        )
        whole = sink.getvalue().to_pybytes()
        write_whole(path, whole)
        files[path.name] = {"rows": table.num_rows, "sha256": hashlib.sha256(whole).hexdigest()}
    content = {"place": _place(manifest), "files": files, "facts": dict(facts)}
    write_whole(manifest, json.dumps(content, indent=1).encode())
    _seen.add("a part")


def _place(manifest: Path) -> str:
    """`<run>/parts/part-00000.json`: a folder of runs can be moved, a part cannot be copied to another run."""
    return "/".join(manifest.absolute().parts[-3:])


def read_manifest(manifest: Path) -> dict[str, object] | None:
    """The facts of a complete part; None if it is missing or unfinished, or damaged, in which case it is set aside."""
    try:
        # Not is_file(): it returns False for an object store that does not answer, and the part would be made again.
        with _store_answers(manifest):
            written = manifest.read_bytes()
    except FileNotFoundError:
        return None
    try:
        content = json.loads(written)
        whole = content["place"] == _place(manifest) and all(
            file_hash(manifest.with_name(name)) == file["sha256"] for name, file in content["files"].items()
        )
        facts: dict[str, object] = content["facts"]
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if whole:
        _seen.add("a part")
        return facts
    _set_aside(manifest)
    return None


def _set_aside(manifest: Path) -> None:
    """Rename the files of a part to `<name>.damaged`, the manifest last."""
    with _store_answers(manifest):
        files = [path for path in manifest.parent.glob(f"{manifest.stem}.*.parquet") if path.is_file()]
        for path in [*files, manifest]:
            aside = path.with_name(path.name + _DAMAGED)
            if isinstance(path, Path):
                path.replace(aside)
            else:
                path.fs.mv(path.path, aside.path)
    print(f"damaged\t{manifest}\tset aside as {manifest.name}{_DAMAGED}, made anew", file=sys.stderr, flush=True)


def _table(manifest: Path, name: str) -> Path:
    return manifest.with_name(f"{manifest.stem}.{name}.parquet")


def part_file(manifest: Path, name: str) -> str:
    """Path or URL of one Parquet file of a part, as DuckDB wants it."""
    return str(_table(manifest, name))


def read_part(manifest: Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """One table of a part, or some columns of it."""
    path = _table(manifest, name)
    with _store_answers(path), path.open("rb") as file:
        return pq.read_table(file, columns=None if columns is None else list(columns))


def num_rows(manifest: Path, name: str) -> int:
    """Rows of one table of a part."""
    path = _table(manifest, name)
    with _store_answers(path), path.open("rb") as file:
        count: int = pq.read_metadata(file).num_rows
    return count
