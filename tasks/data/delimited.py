"""Read CSV and TSV files: what separates the fields, whether quotes join lines, and what becomes of every line.

They are not read with `datasets`: pandas, which it uses, shifts a row with a field too many, turns "NA" into a missing
value, and fails on a file with one line that it cannot parse. Here such a row is rejected with a reason, and the others
are read unchanged.
"""

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.errors import DataError
from configs.schema import DataConfig
from configs.section import label_form
from tasks.data.files import BATCH, MALFORMED, Lines, num_lines, text_file

SEPARATORS = {".csv": (",", ";", "\t", "|"), ".tsv": ("\t",)}
"""Ending of a file -> what may separate its fields. The first under which the columns of the config are found is it."""

_LONGEST_FIELD = 2**24

_PEEK = 1000
"""Rows that are looked at to tell a header from data."""

_MOST_LABELS = 10_000
"""Different values of the label column that are kept to tell a row from a line of a text."""


@dataclass(frozen=True)
class Layout:
    """How a file is written."""

    separator: str
    quoted: bool
    """Whether a field in double quotes may hold separators and line breaks; else every line is a row."""
    header: tuple[str, ...]


@dataclass(frozen=True)
class _Survey:
    """A file as it is under one layout."""

    num_blank: int
    num_joined: int
    """Lines beyond the first one of their row."""
    num_bad: int
    """Lines of rows with another number of fields than the header."""
    disputed: tuple[int, bool] | None
    """Of a row that could as well be several, the number of its first line, and whether its lines have labels: its
    first and its last line have as many fields as the header. None if there is no such row."""


def csv_rows(path: Path, layout: Layout) -> Iterator[tuple[list[str], int]]:
    """The rows of a file, unconverted, the header first, each with the number of its last line; empty lines are
    rows without fields."""
    csv.field_size_limit(_LONGEST_FIELD)
    with text_file(path, newline="") as file:
        reader = csv.reader(
            file,
            delimiter=layout.separator,
            strict=True,
            quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE,
        )
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
                    "Mend it, or save the data as JSONL or Parquet. If quotes are ordinary characters in this file "
                    "and every line is a row, set data.dialect: plain."
                ) from error
            if row is None:
                return
            yield row, reader.line_num


def csv_batches(path: Path, layout: Layout, columns: Sequence[str]) -> Iterator[Mapping[str, Sequence[object]]]:
    rows = itertools.islice((row for row, _ in csv_rows(path, layout) if row), 1, None)
    places = {name: layout.header.index(name) for name in columns}
    while batch := list(itertools.islice(rows, BATCH)):
        yield {
            name: [row[place] if len(row) == len(layout.header) else MALFORMED for row in batch]
            for name, place in places.items()
        }


def layout_of(path: Path, data: DataConfig) -> tuple[Layout, Lines]:
    """How the file is written, and which of its lines are no rows.

    Raises:
        DataError: it is empty or cannot be parsed, or its lines are rows by one reading and parts of rows by another.
    """
    is_tsv = path.suffix.lower() == ".tsv"
    plain = _with_header(path, data, quoted=False)
    if data.dialect == "plain":
        return _counted(path, plain, _survey(path, plain, data))
    quoted = _with_header(path, data, quoted=True)
    # A writer that quotes names quotes everything.
    if data.dialect == "quoted" or quoted.header != plain.header or not _has_quotes(path):
        return _counted(path, quoted, _survey(path, quoted, data))
    try:
        by_quotes = _survey(path, quoted, data)
    except DataError:
        if not is_tsv or _doubles_quotes(path, quoted):
            raise
        return _counted(path, plain, _survey(path, plain, data))
    line, is_labelled = by_quotes.disputed or (0, False)
    # A text hardly ever holds as many tabs as a row has, but often as many commas.
    is_disputed = line > 0 and (is_tsv or is_labelled)
    if not is_tsv and not is_disputed:
        return _counted(path, quoted, by_quotes)
    by_lines = _survey(path, plain, data)
    if is_disputed:
        if is_tsv and by_lines.num_bad < by_quotes.num_bad + is_labelled:
            return _counted(path, plain, by_lines)
        raise DataError(
            f"{path}: the row that begins in line {line} is one row if quotes join lines, and several if they do not: "
            "its first and last lines have as many fields as the header. Set data.dialect: "
            "plain if every line of the file is a row, or quoted if that one is a text of several lines."
        )
    # Writers quote a field only if it holds a separator, a line break or a quote, which they double: without any of
    # these, quotes are part of the texts.
    is_quoted = by_quotes.num_bad < by_lines.num_bad or (
        by_quotes.num_bad == by_lines.num_bad and (by_quotes.num_joined or _doubles_quotes(path, quoted))
    )
    return _counted(path, quoted, by_quotes) if is_quoted else _counted(path, plain, by_lines)


def _counted(path: Path, layout: Layout, found: _Survey) -> tuple[Layout, Lines]:
    return layout, Lines(num_lines(path, lone_returns=True), 1, found.num_blank, found.num_joined)


def _with_header(path: Path, data: DataConfig, quoted: bool) -> Layout:
    """The layout whose header names the columns of the config; if there is none, with the first separator."""
    separators = SEPARATORS[path.suffix.lower()]
    wanted = {name for name in (data.text, data.label, data.pair, data.id) if name}
    found: list[Layout] = []
    failed: list[DataError] = []
    for separator in separators:
        try:
            header = next((row for row, _ in csv_rows(path, Layout(separator, quoted, ())) if row), None)
        except DataError as error:
            # Quotes are misplaced where the fields are separated by something else.
            failed.append(error)
            continue
        if header is None:
            raise DataError(f"{path} is empty. Its first line should name the columns.")
        found.append(Layout(separator, quoted, tuple(header)))
    if not found:
        raise failed[0]
    return next((layout for layout in found if wanted <= set(layout.header)), found[0])


def _has_quotes(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(2**20), b""))


def _doubles_quotes(path: Path, layout: Layout) -> bool:
    """Whether a field that begins and ends with a quote doubles those inside."""
    separator = re.escape(layout.separator)
    field = re.compile(rf'(?:^|{separator})"(?:[^"]|"")*""(?:[^"]|"")*"(?:{separator}|\r?\n|$)')
    with text_file(path, newline="") as file:
        return any(field.search(line) for line in file if '""' in line)


def _survey(path: Path, layout: Layout, data: DataConfig) -> _Survey:
    """Count the lines of a file. One that has no column of labels holds no disputed row."""
    place = layout.header.index(data.label) if data.label in layout.header else None
    num_blank = num_joined = num_bad = last = 0
    in_header = True
    labels: set[str] = set()
    several = _Several()
    with text_file(path, newline="") as lines:
        for row, number in csv_rows(path, layout):
            own = list(itertools.islice(lines, number - last))
            first, last = last + 1, number
            if not row:
                num_blank += 1
                continue
            num_joined += len(own) - 1
            is_bad = len(row) != len(layout.header)
            num_bad += len(own) if is_bad else 0
            if place is not None and not in_header and len(labels) < _MOST_LABELS:
                if not is_bad:
                    labels.add(row[place])
                if len(own) > 1:
                    several.add(_labels_of_lines((own[0], own[-1]), layout, place), first)
            in_header = False
    return _Survey(num_blank, num_joined, num_bad, several.disputed({label_form(label) for label in labels}))


class _Several:
    """The rows of several lines: of which of them could the first and the last line be rows by themselves?"""

    def __init__(self) -> None:
        self._num_rows = 0
        self._names = Counter[tuple[str, ...]]()
        self._lines: dict[tuple[str, ...], int] = {}

    def add(self, names: tuple[str, ...], line: int) -> None:
        """`names`: the labels of the two lines; none if one of them has not the fields of a row."""
        self._num_rows += 1
        if names:
            self._names[names] += 1
            self._lines.setdefault(names, line)

    def disputed(self, labels: set[str]) -> tuple[int, bool] | None:
        """Number of the first line of the first of them, and whether its lines have the labels of rows: `labels`, or,
        where most rows of several lines could be so divided, few different ones."""
        count = self._names.total()
        are_few = 2 * count > self._num_rows and 2 * len(self._names) <= count
        found = [(are_few or labels.issuperset(names), line) for names, line in self._lines.items()]
        sure = [line for is_sure, line in found if is_sure]
        return None if not found else (min(sure), True) if sure else (min(line for _, line in found), False)


def _labels_of_lines(lines: Sequence[str], layout: Layout, place: int) -> tuple[str, ...]:
    """The labels of lines that have as many fields as the header; nothing if one has not."""
    fields = [line.rstrip("\r\n").split(layout.separator) for line in lines]
    if any(len(cells) != len(layout.header) or not cells[place] for cells in fields):
        return ()
    return tuple(label_form(cells[place].strip('"')) for cells in fields)


def looks_like_data(path: Path, layout: Layout) -> str | None:
    """A cell of the first line that is no name of a column: a sentence, or one that stands in the same column below."""
    rows = itertools.islice((row for row, _ in csv_rows(path, layout) if row), 1, _PEEK)
    below = [row for row in rows if len(row) == len(layout.header) and tuple(row) != layout.header]
    for i, cell in enumerate(layout.header):
        if cell.strip() and (len(cell.split()) > 6 or any(row[i] == cell for row in below)):
            return cell
    return None
