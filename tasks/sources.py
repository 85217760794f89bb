"""Leaf: where a dataset comes from, and its values batch by batch.

Hub datasets and saved folders are read by `datasets`. Local CSV and JSON files are not:
pandas, behind it, moves a row with a field too many one column to the left and turns
"NA" into nothing, and one line it cannot parse ends the whole file. Here such a row is
set aside with a reason, and the others are kept to the byte.
"""

import contextlib
import csv
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from configs.schema import DataConfig, DataError, digest
from tasks.hub import short_way_offline
from tasks.parts import file_hash
from tasks.plugins import first_line

_BATCH = 1000
_LONGEST_FIELD = 2**24
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson", ".json")
MALFORMED = object()
"""Stands for every value of a row that does not have the form of its file."""


@dataclass(frozen=True)
class Source:
    """An opened dataset. It may be larger than memory: a batch of rows is read at a time."""

    columns: tuple[str, ...]
    class_names: Mapping[str, Sequence[str]]
    """For each ClassLabel column, the names its integers stand for."""
    batches: Callable[[Sequence[str]], Iterator[Mapping[str, Sequence[object]]]]
    """The values of some columns, batch by batch. A string that UTF-8 cannot encode was not UTF-8."""
    num_rows: int
    """Rows, for a progress bar; of a CSV or JSON file its lines, which is close."""


def dataset_fingerprint(data: DataConfig) -> str:
    """Hash of the dataset's content; of its pinned address, for a hub dataset.

    Raises:
        DataError: the path does not exist.
    """
    if data.path is None:
        return digest("hub", data.hub, data.subset, data.revision, data.split)
    _require_path(data.path)
    if data.path.is_dir():
        files = sorted(path for path in data.path.rglob("*") if path.is_file())
        return digest(data.split, {str(path.relative_to(data.path)): file_hash(path) for path in files})
    return digest(data.path.suffix, file_hash(data.path))


def _require_path(path: Path) -> None:
    try:
        there = path.exists()
    except Exception as error:  # of an object store its client's own
        raise DataError(f"data.path: {path} cannot be reached ({first_line(error)}).") from error
    if not there:
        raise DataError(
            f"data.path: there is no file or folder {path.absolute()}."
            + (" Relative paths start at the current folder." if isinstance(path, Path) else "")
        )


def open_dataset(data: DataConfig) -> Source:
    """The dataset, with the columns that the config names.

    Raises:
        DataError: it cannot be reached or parsed, or lacks the split or a column.
    """
    with _errors_as_sentences(data):
        source = _open_hub(data) if data.path is None else _open_path(data.path, data)
    twice = sorted({name for name in source.columns if name and source.columns.count(name) > 1})
    if twice:
        raise DataError(
            f"{data.path or data.hub} has several columns named {listed(twice)}. Rename them: a guess could audit the wrong one."
        )
    for key, column in (
        ("text", data.text),
        ("pair", data.pair),
        ("label", data.label),
        ("id", data.id),
        *(("where", name) for name in data.where),
        *(("slices", name) for name in data.slices),
    ):
        if column is not None and column not in source.columns:
            raise DataError(
                f"{data.path or data.hub} has no column {column!r}. Columns: {listed(source.columns)}. Set data.{key}."
            )
    return source


@contextlib.contextmanager
def _errors_as_sentences(data: DataConfig) -> Iterator[None]:
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


def _open_hub(data: DataConfig) -> Source:
    name = str(data.hub)
    if Path(name).exists():
        raise DataError(
            f"data.hub: there is a local folder {name}, which would be read in the place of the hub dataset. Run elsewhere, or set data.path."
        )
    datasets.disable_progress_bars()
    with short_way_offline() as unreachable:
        try:
            opened = datasets.load_dataset(name, data.subset, split=data.split, revision=data.revision)
        except ConnectionError:
            if unreachable is None:
                raise
            raise ConnectionError(
                f"{unreachable} cannot be reached, and no copy of the dataset was kept from before"
            ) from None
    # Without a network, `datasets` falls back on its latest cached copy of that name, of whatever commit.
    origins = [str(url) for url in opened.info.download_checksums or {} if str(url).startswith("hf://")]
    other = [url for url in origins if f"@{data.revision}" not in url]
    if other:
        raise DataError(
            f"data.hub: {name} at {data.revision} is not at hand, only another commit of it ({other[0]}). Connect to the network, or pin that commit."
        )
    return _source_of(opened)


def _open_path(path: Path, data: DataConfig) -> Source:
    _require_path(path)
    suffix = path.suffix.lower()
    if path.is_dir():
        opened = datasets.load_from_disk(str(path))
        if isinstance(opened, datasets.DatasetDict):
            if data.split not in opened:
                raise DataError(f"{path} has no split {data.split!r}. Splits: {listed(list(opened))}. Set data.split.")
            opened = opened[data.split]
        return _source_of(opened)
    if suffix == ".parquet":
        with path.open("rb") as stream, pq.ParquetFile(stream) as file:
            schema, num_rows = file.schema_arrow, file.metadata.num_rows
        return Source(
            tuple(schema.names),
            _class_names(datasets.Features.from_arrow_schema(schema)),
            lambda columns: _parquet_batches(path, columns),
            num_rows,
        )
    if suffix in _SEPARATORS:
        header = next(_csv_rows(path, _SEPARATORS[suffix]), None)
        if header is None:
            raise DataError(f"{path} is empty. Its first line should name the columns.")
        return Source(
            tuple(header),
            {},
            lambda columns: _csv_batches(path, _SEPARATORS[suffix], header, columns),
            _num_lines(path),
        )
    if suffix in _JSON_LINES:
        rows = itertools.islice(_json_rows(path), _BATCH)
        found = tuple(dict.fromkeys(key for row in rows if row is not None for key in row))
        if not found:
            raise DataError(
                f'{path} holds no JSON object in its first {_BATCH} lines. Each line should be one, such as {{"{data.text}": ..., "{data.label}": ...}}.'
            )
        return Source(found, {}, lambda columns: _json_batches(path, columns), _num_lines(path))
    known = ", ".join([*_SEPARATORS, *_JSON_LINES, ".parquet"])
    raise DataError(
        f"{path}: files of type {suffix or '(none)'} are not read. Known: {known}, or a folder written by `datasets.save_to_disk`."
    )


def _source_of(opened: datasets.Dataset) -> Source:
    def batches(columns: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
        for table in opened.select_columns(list(columns)).with_format("arrow").iter(batch_size=_BATCH):
            yield {name: _values(table[name]) for name in columns}

    return Source(tuple(opened.column_names), _class_names(opened.features), batches, len(opened))


def _num_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))


def _class_names(features: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    return {name: feature.names for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)}


def _parquet_batches(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
    with path.open("rb") as stream, pq.ParquetFile(stream) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=list(columns)):
            yield {name: _values(batch[name]) for name in columns}


def _values(column: Any) -> list[object]:
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


def _csv_rows(path: Path, separator: str) -> Iterator[list[str]]:
    """The rows of a CSV file as they are written, the header first. Lines without anything are no rows."""
    csv.field_size_limit(_LONGEST_FIELD)
    with _text_file(path, newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader, None)
            except csv.Error as error:
                # Past a misplaced quote nobody knows where the next row begins.
                reasons = {
                    "unexpected end": "its quoted field is never closed",
                    "expected after": "a quote inside its quoted field is not doubled",
                }
                reason = next(
                    (said for part, said in reasons.items() if part in str(error)), f"{error}; is a quote left open?"
                )
                raise DataError(
                    f"{path}: the row that begins in line {line} cannot be read ({reason}). Mend it, or save the data as JSONL or Parquet."
                ) from error
            if row is None:
                return
            if row:
                yield row


def _csv_batches(
    path: Path, separator: str, header: Sequence[str], columns: Sequence[str]
) -> Iterator[Mapping[str, Sequence[object]]]:
    rows = itertools.islice(_csv_rows(path, separator), 1, None)
    places = {name: header.index(name) for name in columns}
    while batch := list(itertools.islice(rows, _BATCH)):
        yield {
            name: [row[place] if len(row) == len(header) else MALFORMED for row in batch]
            for name, place in places.items()
        }


def _json_rows(path: Path) -> Iterator[dict[str, object] | None]:
    """The objects of a file of JSON lines, or of one JSON array; None for what is no object or names a key twice."""
    with _text_file(path, newline="\n") as file:
        if path.suffix.lower() == ".json":
            start = file.read(1)
            while start.isspace():
                start = file.read(1)
            if start == "[":
                # One array has to be parsed as a whole; lines need a line of memory.
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


def _json_batches(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
    rows = _json_rows(path)
    while batch := list(itertools.islice(rows, _BATCH)):
        yield {name: [MALFORMED if row is None else row.get(name) for row in batch] for name in columns}


def guarded(
    batches: Iterator[Mapping[str, Sequence[object]]], data: DataConfig
) -> Iterator[Mapping[str, Sequence[object]]]:
    with _errors_as_sentences(data):
        yield from batches


def listed(names: Sequence[object]) -> str:
    """Names for a message, cut to what fits: they come from the file and may hold anything."""
    shown = [name if name.isprintable() and len(name) <= 60 else ascii(name[:60]) for name in map(str, names[:20])]
    return ", ".join(shown) + (", ..." if len(names) > 20 else "")
