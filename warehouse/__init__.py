"""The warehouse: the only Python that touches DuckDB.

A query is a file. `aggregate/word_importance.sql` builds the table `word_importance`;
its header names its parameters, its columns and its key, and all three are checked
whenever it is built. One whose header names batches is run for some files at a time, so that memory does not grow and
what it builds is in order without being sorted as a whole. A check is a query of counter-examples, `checks/<table>__<claim>.sql`.

Every run has a schema of its own, named after the run. The schema `main` holds the
registry (`runs`, `stages`) and one view per public table, on the run that finished last.
"""

import contextlib
import glob
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
from filelock import FileLock

from configs.errors import AuditError
from configs.schema import LimitsConfig
from configs.section import digest, on_store

PUBLIC = (
    "verdicts", "effects", "candidates", "trials", "evidence", "meaning", "company", "waivers", "verification_cost", "word_importance", "words",
    "label_association", "minority_gap", "word_types", "vocabulary_candidates", "labelling_hints", "examples", "rejects",
    "word_scores", "word_occurrences", "bigram_occurrences", "quadrants", "example_slices", "slice_importance",
    "slice_association", "slice_difference", "corpora", "stability", "attribution_quality", "pilot",
)  # fmt: skip
STAGES = ("aggregate", "screen", "verify", "judge", "recommend")
"""Those that build tables, in their order."""
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
    sql = files("warehouse").joinpath(f"{path}.sql").read_text(encoding="utf-8")
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
    return str(files("warehouse").joinpath("seeds", name))


@contextmanager
def open_warehouse(path: Path, read_only: bool = False, wait_seconds: float = 3600.0) -> Iterator["Warehouse"]:
    """Open the database; while another process writes it, wait: for as long as a stage of a large audit may take.

    Raises:
        WarehouseError: it is still locked after `wait_seconds`, or the file is no DuckDB database of this version.
    """
    if read_only and not path.is_file():
        raise WarehouseError(f"There is no warehouse {path} yet. Run an audit first: token-audit run CONFIG.")
    if not path.exists():
        _create(path)
    started, told = time.monotonic(), False
    while True:
        try:
            connection = duckdb.connect(str(path), read_only=read_only, config=_SETTINGS)
            break
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error):
                raise WarehouseError(f"The warehouse {path} cannot be opened: {str(error).splitlines()[0]}") from error
            found = re.search(r"PID (\d+)", str(error))
            holder = f" ({found.group(0)})" if found else ""
            waited = time.monotonic() - started
            if waited > wait_seconds:
                raise WarehouseError(
                    f"The warehouse {path} is in use by another process{holder}, and still was "
                    f"after {wait_seconds:.0f} s. Try again when it has ended, or name another file under `warehouse`."
                ) from error
            if waited > _SILENT_SECONDS and not told:
                print(f"warehouse\twaiting for another process{holder}\t{path}", file=sys.stderr, flush=True)
                told = True
            time.sleep(0.2)
        except duckdb.Error as error:
            raise WarehouseError(f"The warehouse {path} cannot be opened: {str(error).splitlines()[0]}") from error
    try:
        with (
            _sentences(f"The warehouse {path}", "The tables were left as they were."),
            _spill(connection, path, read_only),
        ):
            warehouse = Warehouse(connection)
            if not read_only:
                connection.execute(_registry())
            yield warehouse
    finally:
        connection.close()


def _create(path: Path) -> None:
    """A database with an empty registry, whole from the first moment: one cut off while it was made could never be opened again."""
    beside = path.with_name(f".{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _sentences(f"The warehouse {path}", "There is none yet."), FileLock(path.with_name(f".{path.name}.lock")):
        if path.exists():
            return
        for stale in (beside, Path(f"{beside}.wal")):
            stale.unlink(missing_ok=True)
        with duckdb.connect(str(beside), config=_SETTINGS) as connection:
            connection.execute(_registry())
        beside.rename(path)


def _registry() -> str:
    return files("warehouse").joinpath("registry.sql").read_text(encoding="utf-8")


@contextmanager
def _sentences(what: str, left: str) -> Iterator[None]:
    """A full disk, a damaged block, too little memory or a store out of reach as one sentence. Other database errors are mistakes of ours and keep their traceback.

    A disk that is full is an IOException in a query, but a TransactionException in a commit and a FatalException in a checkpoint.
    """
    try:
        yield
    except (duckdb.OperationalError, duckdb.FatalException) as error:
        raise WarehouseError(f"{what}: {str(error).splitlines()[0].rstrip('.')}. {left}") from error
    except duckdb.Error as error:
        # An object store's client, in Python, has failed inside a query: an error of no kind, its text a traceback.
        if type(error) is not duckdb.Error or not str(error).startswith("Traceback"):
            raise
        raise WarehouseError(
            f"{what} cannot read the parts: {str(error).strip().splitlines()[-1].rstrip('.')}. {left}"
        ) from error
    except RuntimeError as error:
        # Ctrl-C in the middle of a query.
        if "interrupted" in str(error).lower():
            raise KeyboardInterrupt from error
        raise


@contextmanager
def _spill(connection: duckdb.DuckDBPyConnection, path: Path, read_only: bool) -> Iterator[None]:
    """A folder for what does not fit into memory, for this process alone: DuckDB's files have the same names in every process."""
    folder, name = path.absolute().parent, f"{path.name}.tmp"
    if _limits.temp_directory is not None:
        folder, name = _limits.temp_directory.absolute(), f"{path.name}-{digest(str(path.absolute()))[:8]}.tmp"
        folder.mkdir(parents=True, exist_ok=True)
    if not read_only:
        # While it is open for writing nobody else has it open: what is there was left by processes that were killed.
        for stale in folder.glob(f"{glob.escape(name)}-*"):
            shutil.rmtree(stale, ignore_errors=True)
    own = folder / f"{name}-{os.getpid()}"
    connection.execute("set temp_directory = $folder", {"folder": str(own)})
    try:
        yield
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def scratch(folder: Path) -> Iterator["Warehouse"]:
    """A database in memory that spills to `folder`.

    Raises:
        WarehouseError: the disk is full.
    """
    connection = duckdb.connect(config={**_SETTINGS, "temp_directory": str(folder), "memory_limit": "1GB"})
    try:
        with _sentences(f"Sorting in {folder}", "Nothing was changed."):
            yield Warehouse(connection)
    finally:
        connection.close()


def set_limits(limits: LimitsConfig) -> None:
    """What the databases that this process opens from now on may take of the machine."""
    global _limits
    _limits = limits
    _SETTINGS["memory_limit"] = limits.memory_limit


_limits = LimitsConfig()
_SILENT_SECONDS = 2.0
"""Stages of small audits hold the database for less: not worth a line."""
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    # The sum of floats depends on the order of the terms, and two runs must give the same bits (DECISIONS.md).
    "threads": 1,
    "memory_limit": _limits.memory_limit,
    # The newest format would shut out every DuckDB before 2.0, and with it most people's `duckdb` command.
    "storage_compatibility_version": "v1.4.0",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class Warehouse:
    """One open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._ends: dict[str, list[int]] = {}
        connection.execute(files("warehouse").joinpath("macros.sql").read_text(encoding="utf-8"))

    def use(self, run_id: str, create: bool = False) -> None:
        """Resolve table names in the schema of this run."""
        if create:
            self._connection.execute(f"create schema if not exists {_identifier(run_id)}")
        self._connection.execute(f"use {_identifier(run_id)}")
        self._ends = {}

    def build(self, path: str, params: Mapping[str, object]) -> None:
        """Make or replace the table that the query is named after, and check the contract in its header.

        A query that names batches is run once for each `batch_files` of the files it reads, in order of its key.

        Raises:
            WarehouseError: columns differ from the header, the key is not unique, or an example is in two batches.
        """
        wanted = query(path)
        for helper in wanted.first:
            self.build(helper, params)
        ends: list[int] = []
        for named in self._batches(wanted, params):
            how = f"insert into {wanted.table}" if ends else f"create or replace table {wanted.table} as"
            ((num_rows,),) = self._connection.execute(f"{how} (\n{wanted.sql}\n)", named).fetchall()
            ends.append(num_rows + sum(ends[-1:]))
        for helper in wanted.first:
            self._connection.execute(f"drop table {query(helper).table}")
        self._ends.pop(wanted.table, None)
        if len(ends) > 1:
            self._ends[wanted.table] = ends
        built = [row[0] for row in self._connection.execute(f"describe {wanted.table}").fetchall()]
        if built != list(wanted.columns):
            raise WarehouseError(
                f"{path}.sql: its header promises the columns {list(wanted.columns)}, it builds {built}."
            )
        self._check_key(wanted)
        self._connection.execute(f"comment on table {wanted.table} is {_literal(wanted.about)}")
        for name, text in wanted.columns.items():
            self._connection.execute(f"comment on column {wanted.table}.{_identifier(name)} is {_literal(text)}")

    def _batches(self, wanted: Query, params: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        """The parameters of a query, for one batch after the other. Meanwhile the tables it reads by batches hold the batch alone."""
        cut = {name: _in_batches(params, name) for name in wanted.batch if name in wanted.params}
        tables = {name: self._slices(name) for name in wanted.batch if name not in cut}
        try:
            for batch in zip(*cut.values(), *tables.values(), strict=True) if wanted.batch else [()]:
                own = dict(zip([*cut, *tables], batch, strict=True))
                for name in tables:
                    self._connection.execute(f"create or replace temp view {name} as from {own[name]}")
                yield self._named(wanted, {**params, **own})
        finally:
            for name in tables:
                # In a transaction that has failed this fails as well; its end takes the views along.
                with contextlib.suppress(duckdb.Error):
                    self._connection.execute(f"drop view if exists temp.{name}")

    def _slices(self, table: str) -> list[str]:
        """The rows of each batch that the table was built in."""
        ((database, schema),) = self._connection.execute("select current_database(), current_schema()").fetchall()
        name = ".".join(map(_identifier, (database, schema, table)))
        if table not in self._ends:
            return [name]
        # In the transaction that makes them, rows are not numbered from 0.
        ((first,),) = self._connection.execute(f"select coalesce(min(rowid), 0) from {name}").fetchall()
        return [
            # The limit tells the planner how few rows these are.
            f"(select * from {name} where rowid between {first + start} and {first + end - 1} limit {end - start})"
            for start, end in pairwise([0, *self._ends[table]])
        ]

    def _check_key(self, wanted: Query) -> None:
        key = ", ".join(wanted.unique)
        broken, how = f"select {key} from {{}} group by {key} having count(*) > 1", "unique"
        if wanted.batch:
            # In order it takes no hash table to see that none is there twice.
            broken = (
                f"select {key} from (select {key}, lag(({key})) over () as before from {{}}) where ({key}) <= before"
            )
            how = "unique and in order"
        for rows in self._slices(wanted.table):
            found = self._connection.execute(f"{broken.format(rows)} limit 1").fetchall()
            if found:
                raise WarehouseError(f"{wanted.path}.sql: the key ({key}) is not {how}, for example {found[0]}.")
        if wanted.table in self._ends:
            whole, *batches = (
                self._connection.execute(f"select count(distinct example_id) from {rows}").fetchall()[0][0]
                for rows in (wanted.table, *self._slices(wanted.table))
            )
            if sum(batches) != whole:
                raise WarehouseError(f"{wanted.path}.sql: {sum(batches) - whole} examples are in more than one batch.")

    def check(self, tables: Sequence[str], params: Mapping[str, object]) -> None:
        """Run the checks of these tables.

        Raises:
            WarehouseError: a check found counter-examples; the message holds the first five.
        """
        for file in sorted(files("warehouse").joinpath("checks").iterdir(), key=lambda entry: entry.name):
            name = file.name.removesuffix(".sql")
            if name.partition("__")[0] not in tables:
                continue
            checked = query(f"checks/{name}")
            rows = pa.concat_tables([self._select(checked, named) for named in self._batches(checked, params)])
            if rows.num_rows:
                raise WarehouseError(
                    f"The check {name} found {rows.num_rows} counter-examples, for example {rows.slice(0, 5).to_pylist()}. "
                    "The tables of this stage were left as they were."
                )

    def build_stage(
        self, run_id: str, stage: str, paths: Sequence[str], params: Mapping[str, object], upstream: str
    ) -> str:
        """Build and check the tables of a stage in one transaction; do nothing if they are current. Returns the stage's key.

        The key covers the queries, the word lists shipped with them, their parameters and `upstream`, the
        key of what they read, so a changed threshold rebuilds what depends on it and nothing else.
        """
        checks = [file.name for file in files("warehouse").joinpath("checks").iterdir()]
        tables = [query(path).table for path in paths]
        macros = files("warehouse").joinpath("macros.sql").read_text(encoding="utf-8")
        used = [query(step).sql for path in paths for step in (*query(path).first, path)] + [
            query(f"checks/{name.removesuffix('.sql')}").sql
            for name in sorted(checks)
            if name.partition("__")[0] in tables
        ]
        lists = {
            file.name: file.read_text(encoding="utf-8")
            for file in files("warehouse").joinpath("seeds").iterdir()
            if file.name.endswith(".csv")
        }
        key = digest(upstream, macros, lists, used, {name: params[name] for name in sorted(params)})
        self.use(run_id, create=True)
        stored = self.rows("registry/stage_key", {"run_id": run_id, "stage": stage})["stage_key"].to_pylist()
        if stored == [key]:
            return key
        started = time.monotonic()
        with self._transaction():
            later = STAGES[STAGES.index(stage) + 1 :] if stage in STAGES else ()
            self.run("registry/forget_stages", {"run_id": run_id, "stages": list(later)})
            for path in paths:
                self.build(path, params)
            self.check(tables, params)
            self.run(
                "registry/finish_stage",
                {"run_id": run_id, "stage": stage, "stage_key": key, "seconds": time.monotonic() - started},
            )
        return key

    def rows(self, path: str, params: Mapping[str, object]) -> pa.Table:
        """The rows of a query."""
        wanted = query(path)
        return self._select(wanted, self._named(wanted, params))

    def _select(self, wanted: Query, named: dict[str, Any]) -> pa.Table:
        return self._connection.sql(wanted.sql, params=named).to_arrow_table()

    def run(self, path: str, params: Mapping[str, object]) -> None:
        """Execute a statement that returns nothing."""
        self._connection.execute(query(path).sql, dict(params))

    def run_together(self, statements: Mapping[str, Mapping[str, object]]) -> None:
        """Execute several statements, each with its parameters: all of them, or none."""
        with self._transaction():
            for path, params in statements.items():
                self.run(path, params)

    def publish(self, run_id: str) -> None:
        """The run is finished: point the public views in `main` at it, all at once, with the comments of its tables."""
        comments = self.rows("registry/comments", {"run_id": run_id}).to_pylist()
        with self._transaction():
            for name in PUBLIC:
                self._connection.execute(
                    f"create or replace view main.{name} as select {_literal(run_id)} as run_id, * from {_identifier(run_id)}.{name}"
                )
                self._connection.execute(f"comment on column main.{name}.run_id is 'the run of this row'")
            for row in comments:
                if row["table_name"] in PUBLIC and row["comment"]:
                    column = row["column_name"]
                    what = (
                        f"column main.{row['table_name']}.{_identifier(column)}"
                        if column
                        else f"view main.{row['table_name']}"
                    )
                    self._connection.execute(f"comment on {what} is {_literal(row['comment'])}")
            self.run("registry/finish_run", {"run_id": run_id})

    def _named(self, wanted: Query, params: Mapping[str, object]) -> dict[str, Any]:
        """The parameters of a query: the database refuses others, and the stages pass all of theirs to each of their queries."""
        named: dict[str, Any] = {name: params[name] for name in wanted.params}
        # By their names: other parameters hold words of the dataset, which may look like URLs. The parts of a run are in one place.
        for name, files_of_parts in named.items():
            if (name == "shards" or name.endswith("_parts")) and files_of_parts and "://" in files_of_parts[0]:
                self._reach(files_of_parts[0])
        return named

    def _reach(self, url: str) -> None:
        """Let the database read from this object store, by the client that wrote there: one set of keys, and no extension to fetch."""
        client = on_store(url).fs
        protocol = client.protocol if isinstance(client.protocol, str) else client.protocol[0]
        if not self._connection.filesystem_is_registered(protocol):
            self._connection.register_filesystem(client)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            # After some errors the database has done so itself, or has shut down; the first error is the one to tell.
            with contextlib.suppress(duckdb.Error):
                self._connection.execute("rollback")
            raise


def _in_batches(params: Mapping[str, object], name: str) -> list[list[str]]:
    paths = cast(list[str], params[name])
    size = cast(int, params.get("batch_files", len(paths) or 1))
    return [paths[i : i + size] for i in range(0, len(paths), size)] or [paths]


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
