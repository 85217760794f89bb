"""What cuts a query into batches of files and rows, so that memory does not grow with the dataset.

What a table of batches holds is in the order of its key without being sorted as a whole.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import cast

import duckdb

from warehouse.query import Query, WarehouseError, identifier


class Batches:
    """Which rows of the tables of one schema were built together."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._ends: dict[str, list[int]] = {}

    def forget(self) -> None:
        """From now on names of tables mean those of another schema."""
        self._ends = {}

    def remember(self, table: str, sizes: Sequence[int]) -> None:
        """The table was built in batches of so many rows."""
        self._ends.pop(table, None)
        if len(sizes) > 1:
            self._ends[table] = list(accumulate(sizes))

    def cut(self, wanted: Query, params: Mapping[str, object]) -> Iterator[dict[str, object]]:
        """The parameters of a query, for one batch after the other.

        Meanwhile the tables that it reads by batches hold the batch alone.
        """
        files = {name: _in_batches(params, name) for name in wanted.batch if name in wanted.params}
        tables = {name: self.rows(name) for name in wanted.batch if name not in files}
        try:
            for batch in zip(*files.values(), *tables.values(), strict=True) if wanted.batch else [()]:
                own = dict(zip([*files, *tables], batch, strict=True))
                for name in tables:
                    self._connection.execute(f"create or replace temp view {name} as from {own[name]}")
                yield {**params, **own}
        finally:
            for name in tables:
                # In a transaction that has failed this fails as well; its end takes the views along.
                with contextlib.suppress(duckdb.Error):
                    self._connection.execute(f"drop view if exists temp.{name}")

    def rows(self, table: str) -> list[str]:
        """The rows of each batch that the table was built in."""
        ((database, schema),) = self._connection.execute("select current_database(), current_schema()").fetchall()
        name = ".".join(map(identifier, (database, schema, table)))
        if table not in self._ends:
            return [name]
        # In the transaction that makes them, rows are not numbered from 0.
        ((first,),) = self._connection.execute(f"select coalesce(min(rowid), 0) from {name}").fetchall()
        return [
            # The limit tells the planner how few rows these are.
            f"(select * from {name} where rowid between {first + start} and {first + end - 1} limit {end - start})"
            for start, end in pairwise([0, *self._ends[table]])
        ]

    def check_key(self, wanted: Query) -> None:
        """Look for a key that is there twice, and for an example that is in two batches.

        Raises:
            WarehouseError: there is one.
        """
        key = ", ".join(wanted.unique)
        broken, how = f"select {key} from {{}} group by {key} having count(*) > 1", "unique"
        if wanted.batch:
            # In order it takes no hash table to see that none is there twice.
            broken = (
                f"select {key} from (select {key}, lag(({key})) over () as before from {{}}) where ({key}) <= before"
            )
            how = "unique and in order"
        for rows in self.rows(wanted.table):
            found = self._connection.execute(f"{broken.format(rows)} limit 1").fetchall()
            if found:
                raise WarehouseError(f"{wanted.path}.sql: the key ({key}) is not {how}, for example {found[0]}.")
        if wanted.table in self._ends:
            whole, *batches = (
                self._connection.execute(f"select count(distinct example_id) from {rows}").fetchall()[0][0]
                for rows in (wanted.table, *self.rows(wanted.table))
            )
            if sum(batches) != whole:
                raise WarehouseError(f"{wanted.path}.sql: {sum(batches) - whole} examples are in more than one batch.")


def _in_batches(params: Mapping[str, object], name: str) -> list[list[str]]:
    paths = cast(list[str], params[name])
    size = cast(int, params.get("batch_files", len(paths) or 1))
    return [paths[i : i + size] for i in range(0, len(paths), size)] or [paths]
