"""A query is a file: its text, and the contract in its header."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from configs.errors import AuditError

_HEADER = re.compile(r"^-- (param|column|unique|batch|first)\s+(.*)$", re.MULTILINE)


class WarehouseError(AuditError):
    """The database is locked or unreadable, or a table breaks one of its checks."""


@dataclass(frozen=True)
class Query:
    """One SQL file and the contract in its header."""

    path: str
    table: str
    sql: str
    about: str
    params: tuple[str, ...]
    columns: Mapping[str, str]
    unique: tuple[str, ...]
    batch: tuple[str, ...]
    first: tuple[str, ...]


@cache
def query(path: str) -> Query:
    """The query at `path`, relative to this package, without its suffix."""
    sql = shipped(f"{path}.sql").read_text(encoding="utf-8")
    entries: dict[str, list[str]] = {"param": [], "column": [], "unique": [], "batch": [], "first": []}
    for kind, entry in _HEADER.findall(sql):
        entries[kind].append(entry)
    split = [entry.split(maxsplit=1) for entry in entries["column"]]
    names = {kind: tuple(name.strip() for entry in entries[kind] for name in entry.split(",")) for kind in entries}
    about = re.match(r"-- (?:\w+: )?(.*)", sql)
    return Query(
        path=path,
        table=path.rsplit("/", 1)[-1],
        sql=sql.strip().removesuffix(";"),
        about=about.group(1) if about else "",
        params=tuple(entry.split(maxsplit=1)[0] for entry in entries["param"]),
        columns={name: re.sub(r"\s+", " ", text) for name, text in split},
        unique=names["unique"],
        batch=names["batch"],
        first=names["first"],
    )


def seed(name: str) -> str:
    """Path of a data file that the package ships."""
    return str(shipped("seeds", name))


def shipped(*names: str) -> Traversable:
    """A file or folder of this package."""
    return files("warehouse").joinpath(*names)


def identifier(name: str) -> str:
    """The name of a schema, table or column as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"
