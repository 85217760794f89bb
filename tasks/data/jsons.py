"""Read JSON files: an object a line, or one array of objects. Other known shapes are named."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.errors import DataError
from configs.schema import DataConfig
from tasks.data.files import BATCH, MALFORMED, Lines, num_lines, text_file

ENDINGS = (".jsonl", ".ndjson", ".json")

_Row = dict[str, object] | None
"""None for what is no object, cannot be parsed, or names a key twice."""


def array_of(path: Path) -> list[_Row] | None:
    """The rows of a file that is one array, which is parsed as a whole; None for a file of lines."""
    if path.suffix.lower() != ".json":
        return None
    with text_file(path, newline="\n") as file:
        start = file.read(1)
        while start.isspace():
            start = file.read(1)
        return [_as_row(row) for row in _parsed(start + file.read())] if start == "[" else None


def line_rows(path: Path) -> Iterator[_Row]:
    """The rows of a file of lines, without its empty ones."""
    with text_file(path, newline="\n") as file:
        for line in file:
            if line.strip():
                try:
                    yield _as_row(_parsed(line))
                except (ValueError, RecursionError):
                    yield None


def _parsed(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, object]]) -> object:
    """The object; what names a key twice is malformed, in a file of lines and in an array alike."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else MALFORMED


def _as_row(value: object) -> _Row:
    return value if isinstance(value, dict) else None


def lines_of(path: Path) -> Lines:
    with text_file(path, newline="\n") as file:
        return Lines(num_lines(path), 0, sum(not line.strip() for line in file), 0)


def columns_of(path: Path, data: DataConfig, rows: Iterable[_Row]) -> tuple[str, ...]:
    """The keys of the first rows.

    Raises:
        DataError: they are no objects, or the file is one object that holds all rows.
    """
    first = list(itertools.islice(rows, BATCH))
    objects = [row for row in first if row is not None]
    wanted = [name for name in (data.text, data.label) if name is not None]
    inside = any(isinstance(value, dict | list) for value in objects[0].values()) if objects else False
    # One object with lists or objects where a text should be.
    if not objects or (len(first) == 1 and inside and not all(isinstance(objects[0].get(key), str) for key in wanted)):
        shape = _shape(path, data)
        example = ", ".join(f'"{name}": ...' for name in wanted)
        raise DataError(
            f"{path} {shape or f'holds no JSON object in its first {BATCH} lines'}. Each line should be one object, "
            f"such as {{{example}}}, or the file one array of them."
        )
    return tuple(dict.fromkeys(key for row in objects for key in row))


def _shape(path: Path, data: DataConfig) -> str | None:
    """A known shape of a file that is one JSON value, and how to write it as rows; None for any other."""
    try:
        with text_file(path, newline="\n") as file:
            whole = json.load(file)
    except (ValueError, RecursionError):
        return None
    if isinstance(whole, list):
        return "is an array, but not of objects with a text each"
    if not isinstance(whole, dict):
        return None
    values = list(whole.values())
    lists = [key for key, value in whole.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if lists:
        return f"is one object that holds the rows under {lists[0]!r}: write that array alone"
    pandas = "with pandas: frame.to_json(path, orient='records', lines=True)"
    if {"columns", "data"} <= whole.keys():
        return f"is one object of columns and data (pandas, orient='split'): write it again {pandas}"
    if all(isinstance(value, dict) for value in values) and data.text in values[0]:
        return f"is one object that holds a row under each key (pandas, orient='index'): write it again {pandas}"
    if all(isinstance(value, dict | list) for value in values):
        return f"is one object of columns (as pandas writes it by default): write it again {pandas}"
    return "is one object"


def json_batches(rows: Iterable[_Row], columns: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
    left = iter(rows)
    while batch := list(itertools.islice(left, BATCH)):
        yield {name: [MALFORMED if row is None else row.get(name) for row in batch] for name in columns}
