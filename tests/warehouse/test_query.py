"""The contract in the header of a query."""

import pytest

from tests.warehouse.helpers import NUMBERS
from warehouse import WarehouseError, query, scratch


def test_a_query_is_its_file_with_the_contract_in_its_header(queries):
    queries("stage/numbers", NUMBERS)
    found = query("stage/numbers")
    assert (found.table, found.about, found.params, found.unique) == ("numbers", "the first numbers.", ("n",), ("i",))
    assert found.columns == {"i": "the number [1]", "twice": "its double; don't panic"}


def test_a_built_table_carries_the_words_of_its_header(queries, tmp_path):
    queries("stage/numbers", NUMBERS)
    with scratch(tmp_path) as database:
        database.build("stage/numbers", {"n": 3, "surplus": 1})
        assert database._connection.execute("from numbers").fetchall() == [(0, 0), (1, 2), (2, 4)]
        assert database._connection.execute("select comment from duckdb_tables()").fetchall() == [
            ("the first numbers.",)
        ]
        described = "select column_name, comment from duckdb_columns() where table_name = 'numbers'"
        assert dict(database._connection.execute(described).fetchall()) == query("stage/numbers").columns


@pytest.mark.parametrize(
    ("header", "built"),
    [
        ("twice  its double", "i, 2 * i as double"),
        ("twice  its double", "i"),
        ("twice  its double", "2 * i as twice, i"),
        ("", "i, 2 * i as twice"),
    ],
    ids=["renamed", "missing", "swapped", "surplus"],
)
def test_a_header_that_does_not_fit_the_columns_is_an_error_that_names_both(queries, tmp_path, header, built):
    lines = [
        "-- numbers: x",
        "-- column  i  the number",
        *([f"-- column  {header}"] if header else []),
        "-- unique  i",
        f"select {built} from range(3) as n (i)",
    ]
    queries("stage/numbers", "\n".join(lines))
    with scratch(tmp_path) as database, pytest.raises(WarehouseError) as caught:
        database.build("stage/numbers", {})
    promised = ["i", "twice"] if header else ["i"]
    actual = [column.split(" as ")[-1].strip() for column in built.split(",")]
    assert str(caught.value) == f"stage/numbers.sql: its header promises the columns {promised}, it builds {actual}."


def test_a_key_that_is_not_unique_is_an_error_with_an_example(queries, tmp_path):
    queries("stage/numbers", NUMBERS.replace("select i,", "select i // 2 as i,"))
    with (
        scratch(tmp_path) as database,
        pytest.raises(WarehouseError, match=r"stage/numbers\.sql: the key \(i\) is not unique, for example \(0,\)\."),
    ):
        database.build("stage/numbers", {"n": 3})
