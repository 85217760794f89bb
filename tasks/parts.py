"""Leaf: immutable files that are whole if they exist.

A part is a few Parquet files and a manifest with their row counts and content
hashes. Every file is written beside its place, flushed to the disk and renamed;
the manifest comes last. A part without a manifest, or one whose files differ from
it, does not count and is written again.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new one and nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def flush_files(folder: Path) -> None:
    """Make sure that files others wrote are on the disk before the folder gets its name."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _encodings(schema: pa.Schema) -> dict[str, str]:
    """What keeps a token under 16 bytes: offsets as differences, other numbers split by byte, since their low bytes are noise."""
    numbers = [field for field in schema if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)]
    return {
        field.name: "DELTA_BINARY_PACKED" if field.name.endswith(("_start", "_end")) else "BYTE_STREAM_SPLIT"
        for field in numbers
    }


def write_part(manifest: Path, tables: Mapping[str, pa.Table], facts: Mapping[str, object]) -> None:
    """Write `tables` as `<manifest stem>.<name>.parquet`, then the manifest, which also keeps `facts`."""
    files = {}
    for name, table in tables.items():
        path = manifest.with_name(f"{manifest.stem}.{name}.parquet")
        sink = pa.BufferOutputStream()
        pq.write_table(
            table,
            sink,
            compression="zstd",
            compression_level=15,
            use_dictionary=False,
            column_encoding=_encodings(table.schema),
        )
        write_whole(path, sink.getvalue().to_pybytes())
        files[path.name] = {"rows": table.num_rows, "sha256": file_hash(path)}
    write_whole(manifest, json.dumps({"files": files, "facts": dict(facts)}, indent=1).encode())


def read_manifest(manifest: Path) -> dict[str, object] | None:
    """The facts of a whole part; None if the part is missing, unfinished or damaged."""
    try:
        content = json.loads(manifest.read_bytes())
        whole = all(file_hash(manifest.with_name(name)) == file["sha256"] for name, file in content["files"].items())
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
    facts: dict[str, object] = content["facts"]
    return facts if whole else None


def part_file(manifest: Path, name: str) -> str:
    """Path of one Parquet file of a part, as DuckDB wants it."""
    return str(manifest.with_name(f"{manifest.stem}.{name}.parquet"))
