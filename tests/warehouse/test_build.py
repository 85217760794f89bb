"""A stage is all or nothing, and the registry knows of it."""

import duckdb
import pytest

from tests.warehouse.helpers import NUMBERS, content, numbers_stage, stages
from warehouse import WarehouseError, open_warehouse, query

SMALL = """
    -- A number that is too large.
    -- param  largest  largest number
    select i from numbers where i > $largest
"""


def test_a_stage_that_is_current_is_left_alone_and_one_whose_input_changed_is_rebuilt(queries, tmp_path):
    queries("stage/numbers", NUMBERS)
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        key = numbers_stage(database)
        first = stages(database)
        assert [row["stage_key"] for row in first] == [key]
        assert numbers_stage(database) == key
        assert stages(database) == first  # finished_at included: nothing was done
        assert numbers_stage(database, n=4) != key
        assert content(database, "run", "numbers").num_rows == 4
        assert numbers_stage(database, upstream="other facts") != key
        assert numbers_stage(database) == key  # and back
        assert stages(database)[0]["finished_at"] > first[0]["finished_at"]


@pytest.mark.parametrize("changed", ["stage/numbers.sql", "checks/numbers__small.sql", "macros.sql", "seeds/words.csv"])
def test_a_changed_query_check_macro_or_word_list_rebuilds_the_stage(queries, tmp_path, changed):
    queries("stage/numbers", NUMBERS)
    queries("checks/numbers__small", SMALL)
    file = tmp_path / "package" / changed
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        key = numbers_stage(database)
        file.write_text((file.read_text() if file.is_file() else "") + "\n-- changed")
        query.cache_clear()
        assert numbers_stage(database) != key


def test_a_stage_that_is_rebuilt_forgets_the_later_ones_whatever_the_clock_said(queries, tmp_path):
    queries("stage/numbers", NUMBERS)
    order = ["screen", "judge", "aggregate"]
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        for stage in order:
            database.build_stage("run", stage, ["stage/numbers"], {"n": 3}, "facts")
        # As a clock that was wrong leaves it: the first stage finished last.
        database._connection.execute(
            "update main.stages set finished_at = finished_at + to_days(900) where stage = 'aggregate'"
        )
        database.build_stage("run", "screen", ["stage/numbers"], {"n": 4}, "facts")
        assert [row["stage"] for row in stages(database)] == ["aggregate", "screen"]


def test_a_failed_check_leaves_the_old_tables_as_they_were(queries, tmp_path):
    queries("stage/numbers", NUMBERS)
    queries("checks/numbers__small", SMALL)
    queries("checks/others__small", "select nothing from nowhere")  # of another table: not run
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        numbers_stage(database, largest=2)
        before = (content(database, "run", "numbers"), stages(database))
        with pytest.raises(WarehouseError) as caught:
            numbers_stage(database, n=9, largest=2)
        assert str(caught.value) == (
            "The check numbers__small found 6 counter-examples, for example [{'i': 3}, {'i': 4}, {'i': 5}, {'i': 6}, {'i': 7}]. "
            "The tables of this stage were left as they were."
        )
        assert (content(database, "run", "numbers"), stages(database)) == before
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        assert (content(database, "run", "numbers"), stages(database)) == before


def test_a_stage_that_fails_halfway_keeps_none_of_its_tables(queries, tmp_path):
    queries("stage/numbers", NUMBERS)
    queries("stage/broken", "-- broken: x\n-- column  i  x\n-- unique  i\nselect error('no') as i")
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        with pytest.raises(duckdb.Error, match="no"):
            database.build_stage("run", "stage", ["stage/numbers", "stage/broken"], {"n": 3}, "facts")
        assert database._connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'run'"
        ).fetchall() == [(0,)]
        assert stages(database) == []


def test_the_registry_knows_a_run_from_its_start_to_its_end(tmp_path):
    def status(database):
        return [
            (row["run_id"], row["status"], row["finished_at"] is None, row["config"])
            for row in database.rows("registry/runs", {})
        ]

    facts = {
        "run_id": "run",
        "name": "demo",
        "folder": "runs",
        "labels": ["no", "yes"],
        "config": '{"a": 1}',
        "inputs": "{}",
        "versions": "{}",
    }
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        database.run("registry/start_run", facts)
        assert status(database) == [("run", "running", True, '{"a": 1}')]
        database.run("registry/finish_run", {"run_id": "run"})
        assert status(database) == [("run", "finished", False, '{"a": 1}')]
        database.run("registry/start_run", {**facts, "config": '{"a": 2}'})
        assert status(database) == [("run", "running", True, '{"a": 2}')]
        database.run("registry/finish_run", {"run_id": "run"})
        database.run("registry/start_run", {**facts, "run_id": "later"})
        assert [row[0] for row in status(database)] == ["later", "run"]
