"""The real queries, one after the other: the same parts give the same bytes."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.warehouse.helpers import STAGES, TABLES, audit, content, exported, settled
from warehouse import PUBLIC, open_warehouse, query

pytestmark = pytest.mark.slow


def test_the_same_parts_give_the_same_bytes_in_any_database(parts, tmp_path):
    with open_warehouse(tmp_path / "a.duckdb") as database:
        audit(database, parts)
        sizes = {table: content(database, "run", table).num_rows for table in TABLES}
        first = exported(database, tmp_path / "a")
    # These texts have no lines and no place of two words, and no pattern goes with a label.
    assert {table for table, size in sizes.items() if size == 0} == {
        "boilerplate", "place_pairs", "patterns", "pattern_words", "expected_patterns"
    }  # fmt: skip
    assert sizes["word_occurrences"] == 2940  # 10 words in each of 300 - 6 examples
    with open_warehouse(tmp_path / "b.duckdb") as database:
        audit(database, parts)
        again = exported(database, tmp_path / "b")
    with open_warehouse(tmp_path / "c.duckdb") as database:
        # Other work on the same connection, and an earlier build of the same run that is now replaced.
        audit(database, {**parts, "token_parts": parts["token_parts"][::-1]})
        audit(
            database,
            parts,
            between=lambda: database.build_stage("other", "aggregate", ["aggregate/rejects"], settled(parts), "x"),
        )
        third = exported(database, tmp_path / "c")
    assert {table for table in TABLES if first[table] != again[table]} == set()
    assert {table for table in TABLES if first[table] != third[table]} == set()


def test_a_quarantined_example_is_in_no_figure(parts, tmp_path):
    def figures(changed):
        with open_warehouse(tmp_path / f"{changed}.duckdb") as database:
            audit(database, {**parts, "example_parts": [str(tmp_path / changed)]})
            return {table: content(database, "run", table) for table in TABLES if table != "examples"}

    rows = pa.concat_tables([pq.read_table(path) for path in parts["example_parts"]])
    pq.write_table(rows, tmp_path / "plain")
    wild = [
        row
        if row["converged"]
        else {
            **row,
            "predicted_id": 1 - row["predicted_id"],
            "target_id": 1 - row["target_id"],
            "change": 1e9,
            "score": 1e9,
        }
        for row in rows.to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(wild, schema=rows.schema), tmp_path / "wild")
    assert figures("plain") == figures("wild")


def test_every_public_view_shows_the_run_and_explains_its_columns(parts, tmp_path):
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        for run_id in ("first", "second"):
            audit(database, parts, run_id)
            database.publish(run_id)
        connection = database._connection
        described = connection.execute(
            "select view_name, comment from duckdb_views() where schema_name = 'main' and not internal"
        ).fetchall()
        columns = connection.execute(
            "select table_name, column_name, comment from duckdb_columns() where schema_name = 'main'"
        ).fetchall()
        shown = {name: connection.execute(f"select distinct run_id from main.{name}").fetchall() for name in PUBLIC}
    inner = {
        "piece_occurrences",
        "corpus_means",
        "corpus_facts",
        *STAGES["screen"][: STAGES["screen"].index("word_types")],
        "spellings",
        "stand_ins",
        "pool_texts",
        "chunks",
        "pattern_words",
        "placebos",
    }
    assert set(PUBLIC) == set(TABLES) - inner
    assert shown == {name: [] if name in ("patterns", "expected_patterns") else [("second",)] for name in PUBLIC}, (
        "no pattern goes with a label here"
    )
    written = {
        query(f"{stage}/{table}").table: query(f"{stage}/{table}")
        for stage, tables in STAGES.items()
        for table in tables
    }
    assert dict(described) == {name: written[name].about for name in PUBLIC}
    for name in PUBLIC:
        assert {column: text for view, column, text in columns if view == name} == {
            "run_id": "the run of this row",
            **written[name].columns,
        }


def test_no_table_holds_integers_that_python_reads_as_decimals(parts, tmp_path):
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        audit(database, parts)
        wide = [
            (t, c)
            for t in TABLES
            for c, kind, *_ in database._connection.execute(f"describe run.{t}").fetchall()
            if kind in ("HUGEINT", "UHUGEINT") or kind.startswith("DECIMAL")
        ]
    assert wide == []
