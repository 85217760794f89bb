"""Leaf: open a labelled dataset, and read its rows with their labels as the model names them."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

from configs.schema import DataConfig, DataError, digest
from tasks.parts import file_hash

_BATCH = 1000
_FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json", ".parquet": "parquet"}
_UNREADABLE = object()


@dataclass(frozen=True)
class Row:
    """One row of the dataset. `reason` says why it cannot be audited; None for a usable row."""

    number: int
    """0-based place in the dataset, before any filter."""
    source_id: str
    text: str
    label: int
    """Index of the model's label; -1 where the row's label is unknown."""
    reason: str | None


def dataset_fingerprint(data: DataConfig) -> str:
    """Hash of the dataset's content; of its pinned address, for a hub dataset.

    Raises:
        DataError: the path does not exist.
    """
    if data.path is None:
        return digest("hub", data.hub, data.subset, data.revision, data.split)
    if data.path.is_dir():
        files = sorted(path for path in data.path.rglob("*") if path.is_file())
        return digest(data.split, {str(path.relative_to(data.path)): file_hash(path) for path in files})
    if not data.path.is_file():
        raise DataError(f"data.path: there is no file or folder {data.path.absolute()}. Relative paths start at the current folder.")
    return digest(data.path.suffix, file_hash(data.path))


def open_dataset(data: DataConfig) -> datasets.Dataset:
    """The dataset, memory-mapped: it may be larger than memory.

    Raises:
        DataError: it cannot be reached or parsed, or lacks the split or a column the config names.
    """
    datasets.disable_progress_bars()
    try:
        opened = _open(data)
    except DataError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, pa.ArrowException, datasets.exceptions.DatasetsError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        if data.hub is not None:
            raise DataError(
                f"data.hub: {data.hub} at {data.revision} cannot be fetched from the Hugging Face hub ({reason}). "
                "Check the name, the commit and the network, or save the dataset to a folder and set data.path."
            ) from error
        raise DataError(f"{data.path} cannot be read as a dataset: {reason}") from error
    if isinstance(opened, datasets.DatasetDict):
        if data.split not in opened:
            raise DataError(f"{data.path} has no split {data.split!r}. Splits: {', '.join(opened)}. Set data.split.")
        opened = opened[data.split]
    for key, column in (("text", data.text), ("label", data.label), ("id", data.id), *(("where", name) for name in data.where)):
        if column is not None and column not in opened.column_names:
            raise DataError(f"{data.path or data.hub} has no column {column!r}. Columns: {', '.join(opened.column_names)}. Set data.{key}.")
    return opened


def _open(data: DataConfig) -> Any:
    if data.path is None:
        return datasets.load_dataset(str(data.hub), data.subset, split=data.split, revision=data.revision)
    if data.path.is_dir():
        return datasets.load_from_disk(str(data.path))
    kind = _FORMATS.get(data.path.suffix.lower())
    if kind is None:
        raise DataError(f"{data.path}: files of type {data.path.suffix or '(none)'} are not read. Known: {', '.join(_FORMATS)}.")
    options: dict[str, Any] = {}
    if kind == "csv":
        # As text, column by column: type inference would turn the review "007" into 7 and "NA" into nothing.
        options = {"sep": "\t" if data.path.suffix.lower() == ".tsv" else ",", "keep_default_na": False, "encoding_errors": "replace"}
        with data.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = next(csv.reader(file, delimiter=str(options["sep"])), [])
        options["features"] = datasets.Features({name: datasets.Value("string") for name in header})
        options["encoding"] = "utf-8-sig"
    elif kind == "json":
        options = {"encoding_errors": "replace"}
    return datasets.load_dataset(kind, data_files=str(data.path), split="train", **options)


def label_resolver(feature: Any, data: DataConfig, model_labels: Sequence[str]) -> Callable[[object], int]:
    """A function from a value of the label column to the index of the model's label, -1 for unknown values.

    Labels are joined by name, never by number: two lists of the same names in another
    order are the silent flip that would turn an audit upside down.

    Raises:
        DataError: the names do not match, or the values are numbers without names.
    """
    names: Sequence[str] | None = getattr(feature, "names", None)
    index = {label.casefold(): i for i, label in enumerate(model_labels)}
    known = ", ".join(model_labels)
    mapping = {str(key).casefold(): value for key, value in data.labels.items()}
    wrong = [value for value in mapping.values() if value.casefold() not in index]
    if wrong:
        raise DataError(f"data.labels: the model has no label {wrong[0]!r}. Its labels: {known}.")
    if names is not None:
        unmatched = [name for name in names if name.casefold() not in (mapping or index)]
        if unmatched and (not mapping or len(unmatched) == len(names)):
            raise DataError(_advice(data, unmatched, known))
    elif not mapping and _is_number(feature) and not all(label.isdigit() for label in model_labels):
        raise DataError(_advice(data, list(range(len(model_labels))), known))

    def resolve(value: object) -> int:
        if value is None or value is _UNREADABLE:
            return -1
        if names is not None:
            if not isinstance(value, int) or not 0 <= value < len(names):
                return -1
            value = names[value]
        name = str(value).strip().casefold()
        return index.get(mapping.get(name, "").casefold(), -1) if mapping else index.get(name, -1)

    return resolve


def _is_number(feature: Any) -> bool:
    return str(getattr(feature, "dtype", "")).startswith(("int", "uint", "float", "bool"))


def _advice(data: DataConfig, unmatched: Sequence[object], known: str) -> str:
    example = ", ".join(f"{name}: ..." for name in unmatched)
    found = ", ".join(str(name) for name in unmatched)
    return (
        f"The labels of column {data.label!r} ({found}) are not the model's labels by name ({known}). "
        f"Say which is which under data.labels, for example {{{example}}}: a guess could flip every label."
    )


def read_rows(data: DataConfig, where: Mapping[str, object], model_labels: Sequence[str]) -> Iterator[Row]:
    """Every row that `where` keeps, usable or not, in the order of the dataset.

    Raises:
        DataError: as `open_dataset` and `label_resolver`, or no row is kept, or none has a label of the model.
    """
    opened = open_dataset(data)
    missing = [name for name in where if name not in opened.column_names]
    if missing:
        raise DataError(f"There is no column {missing[0]!r} to choose rows by. Columns: {', '.join(opened.column_names)}.")
    resolve = label_resolver(opened.features[data.label], data, model_labels)
    columns = list(dict.fromkeys([data.text, data.label, *([data.id] if data.id else []), *where]))
    kept = labelled = number = 0
    seen: dict[str, set[str]] = {name: set() for name in where}
    other: set[str] = set()
    for table in opened.select_columns(columns).with_format("arrow").iter(batch_size=_BATCH):
        values = {name: _values(table[name]) for name in columns}
        for i in range(table.num_rows):
            number += 1
            for name in where:
                if len(seen[name]) < 10:
                    seen[name].add(str(values[name][i]))
            if any(str(values[name][i]) != str(wanted) for name, wanted in where.items()):
                continue
            kept += 1
            text, label = values[data.text][i], resolve(values[data.label][i])
            labelled += label >= 0
            if label < 0 and len(other) < 10:
                other.add(str(values[data.label][i]))
            source_id = str(values[data.id][i]) if data.id else str(number - 1)
            yield Row(number - 1, source_id, text if isinstance(text, str) else "", label, _reason(text, label))
    if not kept:
        found = "; ".join(f"{name}: {', '.join(sorted(some))}" for name, some in seen.items())
        raise DataError(f"No row is left to read. {f'Values found: {found}.' if found else 'The dataset is empty.'}")
    if not labelled:
        raise DataError(_advice(data, sorted(other), ", ".join(model_labels)))


def _values(column: pa.ChunkedArray) -> list[object]:
    """The column as Python values; text that is not UTF-8 as a mark, row by row."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column.to_pylist()
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        raw = column.cast(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()).to_pylist()
        return [_decoded(value) for value in raw]


def _decoded(value: bytes | None) -> object:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return _UNREADABLE


def _reason(text: object, label: int) -> str | None:
    if text is _UNREADABLE or (isinstance(text, str) and "\N{REPLACEMENT CHARACTER}" in text):
        return "undecodable"
    if not isinstance(text, str):
        return "not text"
    if not text.strip():
        return "empty"
    return "unknown label" if label < 0 else None



def label_names(data: DataConfig) -> tuple[str, ...]:
    """The labels of a dataset for which no model exists yet, in a fixed order.

    Those of `data.labels` if given, else the ClassLabel's names, else the sorted values of the column.

    Raises:
        DataError: there are fewer than two labels, or so many that the column cannot hold labels.
    """
    if data.labels:
        return tuple(dict.fromkeys(data.labels.values()))
    opened = open_dataset(data)
    names = getattr(opened.features[data.label], "names", None)
    if names is not None:
        return tuple(names)
    values = {str(value).strip() for value in opened.unique(data.label) if value is not None and str(value).strip()}
    if not 2 <= len(values) <= 1000:
        raise DataError(f"Column {data.label!r} holds {len(values)} different values; a classifier needs 2 to 1000 labels. Set data.label or data.labels.")
    return tuple(sorted(values))
