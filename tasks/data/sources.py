"""Open a dataset: from the hub, a saved folder, or local files."""

import json
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import DataError
from configs.schema import DataConfig
from configs.section import BRANCH, digest
from tasks.data.delimited import SEPARATORS, csv_batches, layout_of, looks_like_data
from tasks.data.files import BATCH, Lines, errors_as_sentences, listed, parquet_batches, values_of
from tasks.data.hub import short_way_offline
from tasks.data.jsons import ENDINGS, array_of, columns_of, json_batches, line_rows, lines_of
from tasks.runtime.parts import file_hash
from tasks.runtime.plugins import first_line

if TYPE_CHECKING:
    # Its import takes most of a second, which a local file should not cost.
    import datasets


@dataclass(frozen=True)
class Source:
    """An opened dataset. It may be larger than memory: a batch of rows is read at a time."""

    columns: tuple[str, ...]
    class_names: Mapping[str, Sequence[str]]
    """For each ClassLabel column, the names its integers stand for."""
    batches: Callable[[Sequence[str]], Iterator[Mapping[str, Sequence[object]]]]
    """The values of some columns, batch by batch. A string that UTF-8 cannot encode was not UTF-8 in the file."""
    num_rows: int
    """Rows, counted without reading them: by a Parquet file's own count, and by the lines of a text file."""
    lines: Lines | None = None
    """The lines of a text file that are no rows."""
    header_is_data: str | None = None
    """A cell of a CSV file's first line that is no name of a column."""


_SETTING = re.compile(rf"\bdata\.(?=(?:{'|'.join(DataConfig.model_fields)})\b)")


@contextmanager
def errors_of(section: str) -> Iterator[None]:
    """Name the section of the config in messages, which all speak of `data`."""
    try:
        yield
    except DataError as error:
        raise DataError(_SETTING.sub(f"{section}.", str(error))) from error


def dataset_fingerprint(data: DataConfig) -> str:
    """Hash of the dataset's content; of its pinned address, for a hub dataset.

    Raises:
        DataError: the path does not exist.
    """
    if data.path is None:
        assert not str(data.revision).startswith(BRANCH), "a branch is pinned before a run is named"
        return digest("hub", data.hub, data.subset, data.revision, data.split)
    require_path(data.path)
    if data.path.is_dir():
        files = sorted(path for path in data.path.rglob("*") if path.is_file())
        return digest(data.split, {str(path.relative_to(data.path)): file_hash(path) for path in files})
    return digest(data.path.suffix, file_hash(data.path))


def require_path(path: Path) -> None:
    """
    Raises:
        DataError: there is nothing, or its store does not answer.
    """
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
    for key, column in (
        ("text", data.text),
        ("pair", data.pair),
        ("label", data.label),
        ("id", data.id),
        *(("where", name) for name in data.where),
        *(("slices", name) for name in data.slices),
    ):
        if column is None:
            continue
        if column not in source.columns and source.header_is_data is not None:
            names = ",".join(filter(None, [data.text, data.pair, data.label]))
            raise DataError(
                f"{data.path} has no column {column!r}, and its first line looks like data "
                f"({listed([source.header_is_data])}). Put a line with the names of the columns on top: {names}."
            )
        if column not in source.columns:
            unlabelled = " (null for token-audit explain, if there are no labels)" if key == "label" else ""
            raise DataError(
                f"{data.path or data.hub} has no column {column!r}. Columns: {listed(source.columns)}. "
                f"Set data.{key}{unlabelled}."
            )
        if source.columns.count(column) > 1:
            raise DataError(
                f"{data.path or data.hub} has several columns named {listed([column])}. Rename them: "
                "a guess could audit the wrong one."
            )
    return source


def columns_at(path: Path) -> tuple[str, ...]:
    """The columns of a local dataset of which no config names any yet.

    Raises:
        DataError: it cannot be read.
    """
    data = DataConfig(path=path)
    with errors_as_sentences(data):
        return _open_path(path, data).columns


def _open_hub(data: DataConfig) -> Source:
    name = str(data.hub)
    if Path(name).exists():
        raise DataError(
            f"data.hub: there is a local folder {name}, which would be read in the place of the hub dataset. "
            "Run elsewhere, or set data.path."
        )
    import datasets

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
    require_path(path)
    suffix = path.suffix.lower()
    if data.dialect != "auto" and suffix not in SEPARATORS:
        raise DataError(f"data.dialect is about CSV and TSV files, and {path} is none. Take it out.")
    if path.is_dir():
        return _open_folder(path, data)
    if suffix == ".parquet":
        return _parquet_files({path: {}}, data)
    if suffix in SEPARATORS:
        layout, lines = layout_of(path, data)
        return Source(
            layout.header,
            {},
            lambda columns: csv_batches(path, layout, columns),
            lines.num_rows,
            lines,
            None if {data.text, data.label} - {None} <= set(layout.header) else looks_like_data(path, layout),
        )
    if suffix in ENDINGS:
        array = array_of(path)
        found = columns_of(path, data, line_rows(path) if array is None else array)
        if array is not None:
            return Source(found, {}, lambda columns: json_batches(array, columns), len(array))
        lines = lines_of(path)
        return Source(found, {}, lambda columns: json_batches(line_rows(path), columns), lines.num_rows, lines)
    known = ", ".join([*SEPARATORS, *ENDINGS, ".parquet"])
    raise DataError(
        f"{path}: files of type {suffix or '(none)'} are not read. "
        f"Known: {known}, a folder of .parquet files, or one written by `datasets.save_to_disk`."
    )


def _open_folder(path: Path, data: DataConfig) -> Source:
    """A dataset that `datasets` saved, or the Parquet files in the folder and below it."""
    if any((path / name).exists() for name in ("dataset_dict.json", "dataset_info.json")):
        import datasets

        opened = datasets.load_from_disk(str(path))
        if isinstance(opened, datasets.DatasetDict):
            if data.split not in opened:
                raise DataError(f"{path} has no split {data.split!r}. Splits: {listed(list(opened))}. Set data.split.")
            opened = opened[data.split]
        return _source_of(opened)
    files = {file: file.relative_to(path).parts for file in sorted(path.rglob("*.parquet")) if file.is_file()}
    # Names that begin so are no data to Hive, Spark and Arrow, which write them.
    files = {file: parts for file, parts in files.items() if not any(part[0] in "._" for part in parts)}
    if not files:
        raise DataError(
            f"{path} is a folder without .parquet files, and not one that `datasets.save_to_disk` wrote. "
            "Set data.path to a file, or to a folder of either kind."
        )
    splits = {file: _split_of(parts) for file, parts in files.items()}
    named = sorted({split for split in splits.values() if split is not None})
    unnamed = next((file for file, split in splits.items() if split is None), None)
    if named and unnamed is not None:
        raise DataError(
            f"{path}: files are named after a split ({listed(named)}), and {unnamed} is not. "
            "Set data.path to the files of one split: a file, or a folder that holds no others."
        )
    if named and data.split not in named:
        raise DataError(f"{path} has no split {data.split!r}. Splits: {listed(named)}. Set data.split.")
    chosen = {file: _partition(parts) for file, parts in files.items() if not named or splits[file] == data.split}
    return _parquet_files(chosen, data)


_SPLITS = re.compile(r"(train|training|test|testing|validation|valid|val|dev|eval)(?=[-._]|$)")


def _split_of(parts: Sequence[str]) -> str | None:
    """The split that a file or a folder is named after, as on the hub: train-00000-of-00002.parquet, test/0.parquet."""
    found = [match[1] for part in reversed(parts) if (match := _SPLITS.match(part))]
    return found[0] if found else None


def _partition(parts: Sequence[str]) -> dict[str, str]:
    """Columns that stand in the names of folders, as in year=2026/part-0.parquet."""
    pairs = [part.partition("=") for part in parts[:-1]]
    return {name: urllib.parse.unquote(value) for name, equals, value in pairs if name and equals}


def _parquet_files(files: Mapping[Path, Mapping[str, str]], data: DataConfig) -> Source:
    """Parquet files as one dataset, with the columns that all have: path -> columns that its folders name."""
    asked = {data.label, *data.where, *data.slices}
    columns: list[list[str]] = []
    classes: list[dict[str, Sequence[str]]] = []
    fixed: dict[Path, dict[str, str]] = {}
    num_rows = 0
    for path, constants in files.items():
        with path.open("rb") as stream, pq.ParquetFile(stream) as file:
            schema = file.schema_arrow
            num_rows += file.metadata.num_rows
        # Some writers keep the column in the file, too.
        fixed[path] = {name: value for name, value in constants.items() if name not in schema.names}
        columns.append([*schema.names, *fixed[path]])
        classes.append({name: names for name, names in _named_classes(schema).items() if name in asked})
        if classes[-1] != classes[0]:
            raise DataError(f"{path} names the classes of a column in another way than the files before it.")

    def batches(wanted: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
        for path, constants in fixed.items():
            yield from parquet_batches(path, wanted, constants)

    shared = [name for name in columns[0] if all(name in other for other in columns)]
    return Source(tuple(shared), classes[0], batches, num_rows)


def _named_classes(schema: pa.Schema) -> dict[str, Sequence[str]]:
    """The ClassLabel columns of a Parquet file that `datasets` wrote. Its other columns may have any type."""
    written = (schema.metadata or {}).get(b"huggingface")
    if written is None:
        return {}
    found = (json.loads(written).get("info") or {}).get("features") or {}
    return {
        name: feature["names"]
        for name, feature in found.items()
        if isinstance(feature, dict)
        and feature.get("_type") == "ClassLabel"
        # Another program may have written names over the numbers, and kept the note.
        and name in schema.names
        and pa.types.is_integer(schema.types[schema.names.index(name)])
    }


def _source_of(opened: "datasets.Dataset") -> Source:
    def batches(columns: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
        for table in opened.select_columns(list(columns)).with_format("arrow").iter(batch_size=BATCH):
            yield {name: values_of(table[name]) for name in columns}

    return Source(tuple(opened.column_names), _class_names(opened.features), batches, len(opened))


def _class_names(features: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    import datasets

    return {name: feature.names for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)}
