"""Read the values of local files, batch by batch.

CSV and JSON files are not read with `datasets`: pandas, which it uses, shifts a row with a field too many, turns "NA"
into a missing value, and fails on a file with one line that it cannot parse. Here such a row is rejected with a reason,
and the others are read unchanged.
"""

import contextlib
import csv
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import DataError
from configs.schema import DataConfig

BATCH = 1000

_LONGEST_FIELD = 2**24

SEPARATORS = {".csv": ",", ".tsv": "\t"}

JSON_LINES = (".jsonl", ".ndjson", ".json")

MALFORMED = object()
"""Stands for every value of a row that does not have the form of its file."""


def num_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))


def parquet_batches(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
    with path.open("rb") as stream, pq.ParquetFile(stream) as file:
        for batch in file.iter_batches(batch_size=BATCH, columns=list(columns)):
            yield {name: values_of(batch[name]) for name in columns}


def values_of(column: Any) -> list[object]:
    """The column as Python values; bytes in a text column that are not UTF-8 become lone surrogates."""
    if pa.types.is_dictionary(column.type):
        column = (
            column.cast(column.type.value_type) if isinstance(column, pa.ChunkedArray) else column.dictionary_decode()
        )
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        values = [
            None if raw is None else raw.decode("utf-8", "surrogateescape")
            for raw in column.cast(pa.large_binary()).to_pylist()
        ]
    return values


def _text_file(path: Path, newline: str) -> Any:
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise DataError(f"{path} is UTF-16. Save it as UTF-8.")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline=newline)


def csv_rows(path: Path, separator: str) -> Iterator[list[str]]:
    """The rows of a CSV file, unconverted, the header first, without empty lines."""
    csv.field_size_limit(_LONGEST_FIELD)
    with _text_file(path, newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader, None)
            except csv.Error as error:
                # After a misplaced quote it is not known where the next row begins.
                reasons = {
                    "unexpected end": "its quoted field is never closed",
                    "expected after": "a quote inside its quoted field is not doubled",
                }
                reason = next(
                    (said for part, said in reasons.items() if part in str(error)), f"{error}; is a quote left open?"
                )
                raise DataError(
                    f"{path}: the row that begins in line {line} cannot be read ({reason}). "
                    "Mend it, or save the data as JSONL or Parquet."
                ) from error
            if row is None:
                return
            if row:
                yield row


def csv_batches(
    path: Path, separator: str, header: Sequence[str], columns: Sequence[str]
) -> Iterator[Mapping[str, Sequence[object]]]:
    rows = itertools.islice(csv_rows(path, separator), 1, None)
    places = {name: header.index(name) for name in columns}
    while batch := list(itertools.islice(rows, BATCH)):
        yield {
            name: [row[place] if len(row) == len(header) else MALFORMED for row in batch]
            for name, place in places.items()
        }


def json_rows(path: Path) -> Iterator[dict[str, object] | None]:
    """The objects of a file of JSON lines, or of one JSON array; None for what is no object or names a key twice."""
    with _text_file(path, newline="\n") as file:
        if path.suffix.lower() == ".json":
            start = file.read(1)
            while start.isspace():
                start = file.read(1)
            if start == "[":
                # An array is parsed as a whole, lines one by one.
                yield from (row if isinstance(row, dict) else None for row in json.loads(start + file.read()))
                return
            file.seek(0)
        for line in file:
            if line.strip():
                try:
                    row = json.loads(line, object_pairs_hook=_object_of_unique_keys)
                except (ValueError, RecursionError):
                    row = None
                yield row if isinstance(row, dict) else None


def _object_of_unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def json_batches(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
    rows = json_rows(path)
    while batch := list(itertools.islice(rows, BATCH)):
        yield {name: [MALFORMED if row is None else row.get(name) for row in batch] for name in columns}


@contextlib.contextmanager
def errors_as_sentences(data: DataConfig) -> Iterator[None]:
    try:
        yield
    except (
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        TypeError,
        pa.ArrowException,
        datasets.exceptions.DatasetsError,
    ) as error:
        reason = (str(error.__cause__ or error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        if data.hub is not None:
            raise DataError(
                f"data.hub: {data.hub} at {data.revision} cannot be fetched from the Hugging Face hub ({reason}). "
                "Check the name, the commit and the network, or save the dataset to a folder and set data.path."
            ) from error
        raise DataError(f"{data.path} cannot be read as a dataset: {reason}.") from error


def guarded(
    batches: Iterator[Mapping[str, Sequence[object]]], data: DataConfig
) -> Iterator[Mapping[str, Sequence[object]]]:
    with errors_as_sentences(data):
        yield from batches


def listed(names: Sequence[object]) -> str:
    """Names for a message, shortened and escaped: they come from the file and may hold anything."""
    shown = [name if name.isprintable() and len(name) <= 60 else ascii(name[:60]) for name in map(str, names[:20])]
    return ", ".join(shown) + (", ..." if len(names) > 20 else "")
