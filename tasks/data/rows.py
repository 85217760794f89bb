"""Read the rows of a labelled dataset, and give every row that cannot be used its reason."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from configs.errors import DataError
from configs.schema import DataConfig
from configs.section import label_form, label_key, label_name
from configs.where import bounds
from tasks.data.chosen import Comparison, comparison
from tasks.data.files import MALFORMED, guarded, listed
from tasks.data.labels import advice, counted_name, label_resolver, named_labels, names_of, require_all_named
from tasks.data.sources import Source, open_dataset
from tasks.text.words import is_visible


@dataclass(frozen=True)
class Row:
    """One row of the dataset. `reason` says why it cannot be audited; None for a usable row."""

    number: int
    """0-based place in the dataset, before any filter."""
    source_id: str
    text: str
    """Raw text; bytes that are not UTF-8 are escaped (\\udce9 is the byte E9). A pair is joined by a line break."""
    pair_start: int | None
    """Where the second text of a pair begins, in code points; None for a single text, and where one of a pair is
    missing."""
    label: int
    """Index of the model's label; -1 where it is unknown, and where the dataset has none."""
    reason: str | None


Where = Mapping[str, object]
"""Column -> value or comparison that rows are chosen by (configs/where.py)."""


@dataclass(frozen=True)
class _Kept:
    """A row that is chosen, before its label is known."""

    number: int
    cells: Mapping[str, object]
    texts: Sequence[object]
    reason: str | None


@dataclass(frozen=True)
class _Reader:
    """Goes through a dataset once."""

    source: Source
    data: DataConfig
    choices: Sequence[Mapping[str, object]]
    """A row is chosen if one of these does: column -> value or `Comparison`. A malformed row always is."""
    seen: dict[str, set[str]]
    """Some values of the columns that rows are chosen by."""

    def __iter__(self) -> Iterator[_Kept]:
        """The rows that are chosen.

        Raises:
            DataError: the dataset holds more or fewer rows than its files say.
        """
        data, number = self.data, 0
        optional = [name for name in (data.label, data.pair, data.id) if name]
        columns = list(dict.fromkeys([data.text, *optional, *self.seen]))
        for batch in guarded(self.source.batches(columns), data):
            for values in zip(*(batch[name] for name in columns), strict=True):
                number += 1
                cells = dict(zip(columns, values, strict=True))
                texts = [cells[data.text], cells[data.pair]] if data.pair else [cells[data.text]]
                reason = "malformed" if texts[0] is MALFORMED else _header_again(cells, data.label) or _reason(texts)
                if reason in ("malformed", "header again") or self._is_chosen(cells, number):
                    yield _Kept(number - 1, cells, texts, reason)
        if number != self.source.num_rows:
            raise DataError(
                f"{data.path or data.hub} holds {self.source.num_rows} rows, of which {number} were read. "
                "If nothing has changed it meanwhile, it is damaged."
            )

    def _is_chosen(self, cells: Mapping[str, object], number: int) -> bool:
        if not self.seen:
            return True
        for name, some in self.seen.items():
            if len(some) < 10:
                some.add(label_key(cells[name])[:60])
        names = self.source.class_names
        return any(
            all(
                self._keeps(wanted, name, cells[name], number)
                if isinstance(wanted, Comparison)
                else _matches(cells[name], wanted, names.get(name))
                for name, wanted in where.items()
            )
            for where in self.choices
        )

    def _keeps(self, wanted: Comparison, name: str, value: object, number: int) -> bool:
        try:
            return value is not MALFORMED and wanted.holds(value)
        except ValueError as error:
            raise DataError(
                f"{self.data.path or self.data.hub}: row {number} has {error}, in the column {listed([name])} that "
                "data.where compares. Correct it, or empty the cell: a row without a value is not chosen."
            ) from error


def _reader(data: DataConfig, choices: Sequence[Where]) -> _Reader:
    source = open_dataset(data)
    chosen_by = list(dict.fromkeys(name for where in choices for name in where))
    missing = [name for name in chosen_by if name not in source.columns]
    if missing:
        raise DataError(f"There is no column {missing[0]!r} to choose rows by. Columns: {listed(source.columns)}.")
    ready = [
        {name: comparison(wanted) if isinstance(wanted, Mapping) else wanted for name, wanted in where.items()}
        for where in choices
    ]
    return _Reader(source, data, ready, {name: set() for name in chosen_by})


def _header_again(cells: Mapping[str, object], label: str | None) -> str | None:
    """A row of the names of the columns: where files were joined that each had a header."""
    # The label first: it decides for nearly all rows.
    is_header = (label is None or _is_name(cells[label], label)) and all(
        _is_name(value, name) for name, value in cells.items()
    )
    return "header again" if is_header else None


def _is_name(cell: object, column: str) -> bool:
    return isinstance(cell, str) and label_form(cell.lstrip("\ufeff")) == label_form(column)


def read_rows(data: DataConfig, where: Where, model_labels: Sequence[str]) -> Iterator[Row]:
    """Every row that `where` keeps, usable or not, in the order of the dataset. A malformed row, and one that repeats
    the header, is always kept.

    Raises:
        DataError: as `open_dataset` and `label_resolver`, or no row is kept, or none has a label of the model,
            or a label of `data.labels` never occurs while others do that it does not name.
    """
    reader = _reader(data, [where])
    if data.label is None:
        yield from _unlabelled(reader, data, where)
        return
    resolve = label_resolver(reader.source.class_names.get(data.label), data, model_labels)
    kept = labelled = 0
    known: set[str] = set()
    other: set[str] = set()
    for row in reader:
        label = row.cells[data.label]
        kept += 1
        label_id = resolve(label)
        labelled += label_id >= 0
        if label_id >= 0 and len(known) < 1000:
            known.add(label_form(_shown_label(label, reader.source, data)))
        elif row.reason != "header again" and label not in (None, "", MALFORMED) and len(other) < 10:
            other.add(_shown_label(label, reader.source, data)[:60])
        yield _row(row, data, label_id)
    _require_some(kept, reader, where)
    if not labelled:
        raise DataError(advice(data, sorted(other), model_labels))
    require_all_named(data, known, other)


def unlabelled_rows(data: DataConfig, where: Where) -> Iterator[Row]:
    """The usable rows that `where` keeps, whose label is not read: it is -1.

    Raises:
        DataError: as `open_dataset`.
    """
    for row in _reader(data, [where]):
        if row.reason is None:
            yield replace(_row(row, data, 0), label=-1)


def _unlabelled(reader: _Reader, data: DataConfig, where: Where) -> Iterator[Row]:
    """The rows of a dataset without labels."""
    kept = 0
    for row in reader:
        kept += 1
        yield replace(_row(row, data, -1), reason=row.reason)
    _require_some(kept, reader, where)


def _require_some(kept: int, reader: _Reader, where: Where) -> None:
    if not kept:
        asked = [f"{listed([name])} {bounds(value)}" for name, value in where.items() if isinstance(value, Mapping)]
        none = f": none has {' and '.join(asked)}" if asked else ""
        found = "; ".join(f"{name}: {listed(sorted(some))}" for name, some in reader.seen.items() if some)
        raise DataError(
            f"No row is left to read{none}. {f'Values found: {found}.' if found else 'The dataset is empty.'}"
        )


def _row(row: _Kept, data: DataConfig, label_id: int) -> Row:
    own_id = row.cells[data.id] if data.id else None
    shown_id = str(row.number) if own_id in (None, "", MALFORMED) else label_key(own_id)
    readable = [_encodable(one) for one in row.texts if isinstance(one, str)]
    start = len(readable[0]) + 1 if len(readable) == 2 else None
    reason = row.reason or ("unknown label" if label_id < 0 else None)
    return Row(row.number, _encodable(shown_id), "\n".join(readable), start, label_id, reason)


def label_names(data: DataConfig, *choices: Where) -> tuple[str, ...]:
    """The labels of a dataset for which no model exists yet, in a fixed order.

    Those of `data.labels` if given, else the ClassLabel's names, else the sorted values of the column in the usable
    rows that one of `choices` keeps, or in all usable rows.

    Raises:
        DataError: as `open_dataset` and `names_of`.
    """
    if data.labels:
        return named_labels(data)
    assert data.label is not None, "the schema demands one for training"
    reader = _reader(data, choices or [{}])
    if data.label in reader.source.class_names:
        return tuple(reader.source.class_names[data.label])
    values = Counter[str]()
    for row in reader:
        name = counted_name(row.cells[data.label]) if row.reason is None else None
        if name is not None:
            values[name] += 1
            if len(values) > 10_000:
                break
    return names_of(data, values)


def read_slices(data: DataConfig) -> Iterator[Mapping[str, Sequence[str]]]:
    """The values of the columns of `data.slices` as text, batch by batch, for every row of the dataset in its order.

    A ClassLabel's integer is its name; a missing value is empty.

    Raises:
        DataError: as `open_dataset`.
    """
    source = open_dataset(data)
    for values in guarded(source.batches(data.slices), data):
        yield {name: [_named_value(value, source.class_names.get(name)) for value in values[name]] for name in values}


def _named_value(value: object, class_names: Sequence[str] | None) -> str:
    if value is MALFORMED or value is None or value != value:
        return ""
    if class_names is not None and isinstance(value, int) and 0 <= value < len(class_names):
        return class_names[value]
    return _encodable(label_key(value))


def _shown_label(value: object, source: Source, data: DataConfig) -> str:
    names = source.class_names.get(str(data.label))
    return (
        names[value] if names is not None and isinstance(value, int) and 0 <= value < len(names) else label_name(value)
    )


def _matches(value: object, wanted: object, class_names: Sequence[str] | None) -> bool:
    if class_names is not None and isinstance(wanted, str) and isinstance(value, int) and 0 <= value < len(class_names):
        value = class_names[value]
    if value is None:
        return False
    # In a CSV file a truth value is text (True, TRUE or true), and so is a number: 1.0 where some are missing.
    key = label_form(value) if isinstance(wanted, bool | int) else unicodedata.normalize("NFC", label_key(value))
    return key == unicodedata.normalize("NFC", label_key(wanted))


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _reason(texts: Sequence[object]) -> str | None:
    """Why a text, or one of a pair, cannot be read."""
    for text, which in zip(texts, ("", " (second text)"), strict=False):
        if text is MALFORMED:
            return "malformed" + which
        # A CSV file writes a text that is missing as an empty one.
        if text is None or text != text:
            return "empty" + which
        if not isinstance(text, str):
            return "not text" + which
        if text != _encodable(text):
            return "undecodable" + which
        if not is_visible(text):
            return "empty" + which
    return None
