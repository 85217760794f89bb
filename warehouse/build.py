"""Queries build tables, checks test them, and views publish them."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

import duckdb
import pyarrow as pa

from configs.section import digest, on_store
from warehouse.batches import Batches
from warehouse.query import Query, WarehouseError, identifier, literal, query, shipped

PUBLIC = (
    "verdicts",
    "effects",
    "candidates",
    "trials",
    "evidence",
    "expected_effects",
    "grades",
    "interactions",
    "type_effects",
    "patterns",
    "pattern_spans",
    "pattern_effects",
    "pattern_parts",
    "turning_trials",
    "expected_patterns",
    "waivers",
    "topics",
    "named_words",
    "power",
    "total",
    "verification_cost",
    "word_importance",
    "words",
    "label_association",
    "minority_gap",
    "word_types",
    "vocabulary_candidates",
    "labelling_hints",
    "rule_terms",
    "rule_texts",
    "rule_matches",
    "rule_figures",
    "taught_words",
    "rule_examples",
    "rule_words",
    "word_meanings",
    "labelling",
    "rule_proposals",
    "changed_rules",
    "relabel_queue",
    "examples",
    "rejects",
    "word_scores",
    "word_occurrences",
    "bigram_occurrences",
    "quadrants",
    "example_slices",
    "slice_importance",
    "slice_association",
    "slice_difference",
    "corpora",
    "stability",
    "attribution_quality",
    "pilot",
)
STAGES = ("aggregate", "screen", "verify", "judge", "remove", "trace", "recommend")
"""Those that build tables, in their order."""

KEPT = ("facts", "words", "means", "verdicts", "groups")
"""What `main` keeps of every finished run, in tables `run_...`."""


class Curtain(Protocol):
    """What stands between the tables of a run and who reads them."""

    def inward(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """The parameters of a query, as the tables know them."""

    def outward(self, path: str, table: pa.Table) -> pa.Table:
        """What the query returned, as it may be seen."""

    def text(self, text: str) -> str:
        """A text, as it may be seen."""


class Warehouse:
    """One open connection."""

    curtain: Curtain | None = None
    """Behind it is everything but the registry."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._batches = Batches(connection)
        connection.execute(_macros())

    def use(self, run_id: str, create: bool = False) -> None:
        """Resolve table names in the schema of this run."""
        if create:
            self._connection.execute(f"create schema if not exists {identifier(run_id)}")
        self._connection.execute(f"use {identifier(run_id)}")
        self._batches.forget()

    def build(self, path: str, params: Mapping[str, object]) -> None:
        """Make or replace the table that the query is named after, and check the contract in its header.

        A query that names batches is run once for each `batch_files` of the files it reads, in order of its key.

        Raises:
            WarehouseError: columns differ from the header, the key is not unique, or an example is in two batches.
        """
        wanted = query(path)
        self._make(wanted, params)
        self._connection.execute(f"comment on table {wanted.table} is {literal(wanted.about)}")
        for name, text in wanted.columns.items():
            self._connection.execute(f"comment on column {wanted.table}.{identifier(name)} is {literal(text)}")

    def _make(self, wanted: Query, params: Mapping[str, object]) -> None:
        """The table without its comments, and before it its helpers, which are dropped again."""
        for helper in wanted.first:
            self._make(query(helper), params)
        sizes: list[int] = []
        for batch in self._batches.cut(wanted, params):
            how = f"insert into {wanted.table}" if sizes else f"create or replace table {wanted.table} as"
            named = self._named(wanted, batch)
            ((num_rows,),) = self._connection.execute(f"{how} (\n{wanted.sql}\n)", named).fetchall()
            sizes.append(num_rows)
        for helper in wanted.first:
            self._connection.execute(f"drop table {query(helper).table}")
        self._batches.remember(wanted.table, sizes)
        built = [row[0] for row in self._connection.execute(f"describe {wanted.table}").fetchall()]
        if built != list(wanted.columns):
            raise WarehouseError(
                f"{wanted.path}.sql: its header promises the columns {list(wanted.columns)}, it builds {built}."
            )
        self._batches.check_key(wanted)

    def check(self, tables: Sequence[str], params: Mapping[str, object]) -> None:
        """Run the checks of these tables.

        Raises:
            WarehouseError: a check found counter-examples; the message holds the first five.
        """
        for file in sorted(shipped("checks").iterdir(), key=lambda entry: entry.name):
            name = file.name.removesuffix(".sql")
            if name.partition("__")[0] not in tables:
                continue
            checked = query(f"checks/{name}")
            rows = pa.concat_tables([self._table(checked, batch) for batch in self._batches.cut(checked, params)])
            if rows.num_rows:
                raise WarehouseError(
                    f"The check {name} found {rows.num_rows} counter-examples, "
                    f"for example {rows.slice(0, 5).to_pylist()}. The tables of this stage were left as they were."
                )

    def build_stage(
        self, run_id: str, stage: str, paths: Sequence[str], params: Mapping[str, object], upstream: str
    ) -> str:
        """Build and check the tables of a stage in one transaction; do nothing if they are current.

        Returns the stage's key.

        The key covers the queries, the word lists shipped with them, their parameters and `upstream`, the
        key of what they read, so a changed threshold rebuilds what depends on it and nothing else.
        """
        key = _stage_key(paths, params, upstream)
        self.use(run_id, create=True)
        stored = self.table("registry/stage_key", {"run_id": run_id, "stage": stage})["stage_key"].to_pylist()
        if stored == [key]:
            return key
        started = time.monotonic()
        with self._transaction():
            later = STAGES[STAGES.index(stage) + 1 :] if stage in STAGES else ()
            self.run("registry/forget_stages", {"run_id": run_id, "stages": list(later)})
            for path in paths:
                self.build(path, params)
            self.check([query(path).table for path in paths], params)
            self.run(
                "registry/finish_stage",
                {"run_id": run_id, "stage": stage, "stage_key": key, "seconds": time.monotonic() - started},
            )
        return key

    def table(self, path: str, params: Mapping[str, object]) -> pa.Table:
        """The table that a query returns."""
        if self.curtain is None or path.startswith("registry/"):
            return self._table(query(path), params)
        return self.curtain.outward(path, self._table(query(path), self.curtain.inward(params)))

    def rows(self, path: str, params: Mapping[str, object]) -> list[dict[str, Any]]:
        """The rows that a query returns, as dictionaries."""
        return cast(list[dict[str, Any]], self.table(path, params).to_pylist())

    def _table(self, wanted: Query, params: Mapping[str, object]) -> pa.Table:
        # Temporary, since the database may be open for reading only.
        for helper in map(query, wanted.first):
            made = f"create or replace temp table {helper.table} as (\n{helper.sql}\n)"
            self._connection.execute(made, self._named(helper, params))
        found = self._connection.sql(wanted.sql, params=self._named(wanted, params)).to_arrow_table()
        for helper in map(query, wanted.first):
            self._connection.execute(f"drop table temp.{helper.table}")
        return found

    def seen(self, word: str) -> str:
        """The word as it may be seen."""
        return word if self.curtain is None else self.curtain.text(word)

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
        with self._transaction():
            self._point_views(run_id, PUBLIC)
            self.run("registry/finish_run", {"run_id": run_id})

    def _point_views(self, run_id: str, names: Sequence[str]) -> None:
        comments = self.rows("registry/comments", {"run_id": run_id})
        for name in names:
            self._connection.execute(
                f"create or replace view main.{name} as "
                f"select {literal(run_id)} as run_id, * from {identifier(run_id)}.{name}"
            )
            self._connection.execute(f"comment on column main.{name}.run_id is 'the run of this row'")
        for row in comments:
            if row["table_name"] in names and row["comment"]:
                column = row["column_name"]
                what = (
                    f"column main.{row['table_name']}.{identifier(column)}"
                    if column
                    else f"view main.{row['table_name']}"
                )
                self._connection.execute(f"comment on {what} is {literal(row['comment'])}")

    def keep(self, run_id: str, facts: Mapping[str, object], key: str) -> None:
        """Enter what is kept of a finished run, to be compared with later ones; do nothing if that is current.

        `facts`: parameters of `registry/keep_facts.sql`; `key`: a hash of all that goes into the tables of the run.
        """
        self.use(run_id)
        key = digest(key, dict(facts), [query(f"registry/keep_{table}").sql for table in KEPT])
        if self.table("registry/stage_key", {"run_id": run_id, "stage": "keep"})["stage_key"].to_pylist() == [key]:
            return
        started, run = time.monotonic(), {"run_id": run_id}
        with self._transaction():
            for table in KEPT:
                self.run(f"registry/forget_{table}", run)
                self.run(f"registry/keep_{table}", {**run, **(facts if table == "facts" else {})})
            stage = {"stage": "keep", "stage_key": key, "seconds": time.monotonic() - started}
            self.run("registry/finish_stage", run | stage)

    def forget(self, run_id: str, *, compared: bool = True) -> None:
        """Drop the tables of a run and its entry, and what is kept to be compared unless `compared` is false.

        If the public views show it, they show the last finished one after it, or nothing.
        """
        views = self._connection.execute(
            "select view_name from duckdb_views() where schema_name = 'main' and contains(sql, $run)",
            {"run": literal(run_id)},
        ).fetchall()
        with self._transaction():
            for (name,) in views:
                self._connection.execute(f"drop view main.{identifier(name)}")
            self._connection.execute(f"drop schema if exists {identifier(run_id)} cascade")
            for table in KEPT if compared else ():
                self.run(f"registry/forget_{table}", {"run_id": run_id})
            self.run("registry/forget_all_stages", {"run_id": run_id})
            self.run("registry/forget_run", {"run_id": run_id})
            finished = [row["run_id"] for row in self.rows("registry/runs", {}) if row["status"] == "finished"]
            if views and finished:
                tables = {row["table_name"] for row in self.rows("registry/comments", {"run_id": finished[0]})}
                self._point_views(finished[0], [name for name in PUBLIC if name in tables])

    def _named(self, wanted: Query, params: Mapping[str, object]) -> dict[str, Any]:
        """The parameters of a query: the database refuses others, and a stage passes all of its own to each query."""
        named: dict[str, Any] = {name: params[name] for name in wanted.params}
        # By their names: other parameters hold words of the dataset, which may look like URLs.
        # The parts of a run are in one place.
        for name, files_of_parts in named.items():
            if (name == "shards" or name.endswith("_parts")) and files_of_parts and "://" in files_of_parts[0]:
                self._reach(files_of_parts[0])
        return named

    def _reach(self, url: str) -> None:
        """Let the database read from this object store.

        By the client that wrote there: one set of keys, and no extension to fetch.
        """
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


def folded(words: Sequence[str]) -> list[str]:
    """The words as the tables hold them, by the macro that folds them there.

    In a database of its own, because not every word comes from a run.
    """
    # Half of a surrogate pair, from a command line, is no text to the database.
    given = [word.encode("utf-8", "replace").decode() for word in words]
    with duckdb.connect() as connection:
        connection.execute(_macros())
        found = connection.execute("select list_transform($words::varchar[], lambda w: folded(w))", {"words": given})
        ((known,),) = found.fetchall()
    return cast(list[str], known)


def _macros() -> str:
    return shipped("macros.sql").read_text(encoding="utf-8")


def _steps(path: str) -> list[str]:
    """The query, behind the helpers that are built before it."""
    return [step for helper in query(path).first for step in _steps(helper)] + [path]


def _stage_key(paths: Sequence[str], params: Mapping[str, object], upstream: str) -> str:
    checks = [file.name for file in shipped("checks").iterdir()]
    tables = [query(path).table for path in paths]
    used = [query(step).sql for path in paths for step in _steps(path)] + [
        query(f"checks/{name.removesuffix('.sql')}").sql for name in sorted(checks) if name.partition("__")[0] in tables
    ]
    lists = {
        file.name: file.read_text(encoding="utf-8") for file in shipped("seeds").iterdir() if file.name.endswith(".csv")
    }
    return digest(upstream, _macros(), lists, used, {name: params[name] for name in sorted(params)})
