"""Open a dataset: from the hub, a saved folder, or a local file."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq

from configs.errors import DataError
from configs.schema import DataConfig
from configs.section import digest
from tasks.data.files import (
    BATCH,
    JSON_LINES,
    SEPARATORS,
    csv_batches,
    csv_rows,
    errors_as_sentences,
    json_batches,
    json_rows,
    listed,
    num_lines,
    parquet_batches,
    values_of,
)
from tasks.data.hub import short_way_offline
from tasks.runtime.parts import file_hash
from tasks.runtime.plugins import first_line


@dataclass(frozen=True)
class Source:
    """An opened dataset. It may be larger than memory: a batch of rows is read at a time."""

    columns: tuple[str, ...]
    class_names: Mapping[str, Sequence[str]]
    """For each ClassLabel column, the names its integers stand for."""
    batches: Callable[[Sequence[str]], Iterator[Mapping[str, Sequence[object]]]]
    """The values of some columns, batch by batch. A string that UTF-8 cannot encode was not UTF-8 in the file."""
    num_rows: int
    """Rows, for a progress bar; for a CSV or JSON file its lines, which is close."""


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
    except Exception as error:  # the errors of an object store's client share no class
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
    with errors_as_sentences(data):
        source = _open_hub(data) if data.path is None else _open_path(data.path, data)
    twice = sorted({name for name in source.columns if name and source.columns.count(name) > 1})
    if twice:
        raise DataError(
            f"{data.path or data.hub} has several columns named {listed(twice)}. Rename them: "
            "a guess could audit the wrong one."
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


def _open_hub(data: DataConfig) -> Source:
    name = str(data.hub)
    if Path(name).exists():
        raise DataError(
            f"data.hub: there is a local folder {name}, which would be read in the place of the hub dataset. "
            "Run elsewhere, or set data.path."
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
            f"data.hub: {name} at {data.revision} is not at hand, only another commit of it ({other[0]}). "
            "Connect to the network, or pin that commit."
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
            lambda columns: parquet_batches(path, columns),
            num_rows,
        )
    if suffix in SEPARATORS:
        header = next(csv_rows(path, SEPARATORS[suffix]), None)
        if header is None:
            raise DataError(f"{path} is empty. Its first line should name the columns.")
        return Source(
            tuple(header),
            {},
            lambda columns: csv_batches(path, SEPARATORS[suffix], header, columns),
            num_lines(path),
        )
    if suffix in JSON_LINES:
        rows = itertools.islice(json_rows(path), BATCH)
        found = tuple(dict.fromkeys(key for row in rows if row is not None for key in row))
        if not found:
            raise DataError(
                f"{path} holds no JSON object in its first {BATCH} lines. Each line should be one, "
                f'such as {{"{data.text}": ..., "{data.label}": ...}}.'
            )
        return Source(found, {}, lambda columns: json_batches(path, columns), num_lines(path))
    known = ", ".join([*SEPARATORS, *JSON_LINES, ".parquet"])
    raise DataError(
        f"{path}: files of type {suffix or '(none)'} are not read. "
        f"Known: {known}, or a folder written by `datasets.save_to_disk`."
    )


def _source_of(opened: datasets.Dataset) -> Source:
    def batches(columns: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
        for table in opened.select_columns(list(columns)).with_format("arrow").iter(batch_size=BATCH):
            yield {name: values_of(table[name]) for name in columns}

    return Source(tuple(opened.column_names), _class_names(opened.features), batches, len(opened))


def _class_names(features: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    return {name: feature.names for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)}
