"""What the readers of local files share: the values of Parquet columns, lines of text, and errors as sentences."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import DataError
from configs.schema import DataConfig

BATCH = 1000

MALFORMED = object()
"""Stands for every value of a row that does not have the form of its file."""


@dataclass(frozen=True)
class Lines:
    """The lines of a text file that are no rows."""

    num_lines: int
    """All lines, counted without a parser."""
    num_header: int
    num_blank: int
    num_joined: int
    """Lines within the quotes of a field, beyond the first line of their row."""

    @property
    def num_rows(self) -> int:
        return self.num_lines - self.num_header - self.num_blank - self.num_joined


def num_lines(path: Path, lone_returns: bool = False) -> int:
    """Lines of a file. They end with a line feed; a carriage return alone may end one as well."""
    found, last = 0, b""
    with path.open("rb") as file:
        while block := file.read(2**20):
            found += block.count(b"\n")
            if lone_returns:
                found += block.count(b"\r") - block.count(b"\r\n") - (last == b"\r" and block.startswith(b"\n"))
            last = block[-1:]
    return found + (last not in (b"", b"\n", *([b"\r"] if lone_returns else [])))


def parquet_batches(
    path: Path, columns: Sequence[str], constants: Mapping[str, str]
) -> Iterator[Mapping[str, Sequence[object]]]:
    """The values of some columns; those of `constants` have one value in the whole file and are not read."""
    own = [name for name in columns if name not in constants]
    fixed = [name for name in columns if name in constants]
    with path.open("rb") as stream, pq.ParquetFile(stream) as file:
        for batch in file.iter_batches(batch_size=BATCH, columns=own):
            yield {
                **{name: values_of(batch[name]) for name in own},
                **{name: [constants[name]] * batch.num_rows for name in fixed},
            }


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


def text_file(path: Path, newline: str) -> Any:
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise DataError(f"{path} is UTF-16. Save it as UTF-8.")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline=newline)


_OF_FILES = (
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    TypeError,
    pa.ArrowException,
)
"""What the readers of files raise, beside the errors of `datasets`, which is not imported for most of them."""


@contextlib.contextmanager
def errors_as_sentences(data: DataConfig) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        # The hub's client raises what its transport does, of whatever class.
        if data.hub is None and not (isinstance(error, _OF_FILES) or type(error).__module__.startswith("datasets.")):
            raise
        said = (str(error.__cause__ or error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        # Libraries quote damaged files.
        reason = said if said.isprintable() else ascii(said)[1:-1]
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
