"""Which run `latest` is, and what is said of those that have not come to their end."""

from types import SimpleNamespace

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from configs.errors import DataError
from flows.cli import app
from tasks.runs.run import Run, failure_recorded
from warehouse import open_warehouse


def enter(path, *runs):
    """Runs in the order of their start: (id, whether it is finished)."""
    with open_warehouse(path) as warehouse:
        for run_id, is_finished in runs:
            folder = path.parent / run_id
            folder.mkdir(exist_ok=True)
            facts = {"folder": str(folder), "labels": ["a", "b"], "config": "{}", "inputs": "{}", "versions": "{}"}
            warehouse.run("registry/start_run", {"run_id": run_id, "name": "n", **facts})
            if is_finished:
                warehouse.run("registry/finish_run", {"run_id": run_id})


def fail(path, run_id, error):
    """An error in the middle of a run."""
    with (
        pytest.raises(type(error)),
        failure_recorded(SimpleNamespace(warehouse=path), Run(run_id, path.parent, path.parent, {})),
    ):
        raise error


@pytest.fixture
def said(tmp_path):
    """What a command says of a warehouse with these runs."""

    def call(*words, runs):
        enter(tmp_path / "a.duckdb", *runs)
        return CliRunner().invoke(app, [*words, "--warehouse", str(tmp_path / "a.duckdb")])

    return call


@pytest.mark.parametrize("command", ["show", "report"])
def test_a_run_that_was_stopped_is_a_sentence_and_not_the_latest(said, command):
    stopped = said(command, "latest", runs=[("n_1", False)])
    assert stopped.exit_code == 1
    assert stopped.stderr == (
        "token-audit: No audit has finished yet; n_1 is unfinished (its process was stopped or killed). "
        "Go on with token-audit run CONFIG.\n"
    )
    by_name = said(command, "n_1", runs=[])
    assert by_name.exit_code == 1
    assert "n_1 has not come as far as its " in by_name.stderr
    assert by_name.stderr.endswith("Go on with token-audit run CONFIG.\n")


def test_the_latest_is_the_last_that_finished(said):
    """It has no tables here, which its sentence says by name."""
    found = said("show", "latest", runs=[("n_1", True), ("n_2", False)])
    assert "n_1 has not come as far as its findings" in found.stderr


def rows_of(result):
    return {line.split("\t")[0]: line.split("\t")[1:5:3] for line in result.stdout.splitlines()[1:]}


def test_runs_says_which_are_finished_failed_unfinished_or_running_and_why(said, tmp_path):
    enter(tmp_path / "a.duckdb", ("n_1", True), ("n_2", False), ("n_3", False), ("n_4", False), ("n_5", False))
    fail(tmp_path / "a.duckdb", "n_2", DataError("Only 3 of 9 rows can be audited.\nMore."))
    fail(tmp_path / "a.duckdb", "n_5", ZeroDivisionError("division by zero"))
    with FileLock(tmp_path / "n_4" / ".lock"):
        result = said("runs", runs=[])
    assert rows_of(result) == {
        "n_1": ["finished", str(tmp_path / "n_1" / "report.html")],
        "n_2": ["failed", "Only 3 of 9 rows can be audited. More."],
        "n_3": ["unfinished", "its process was stopped or killed"],
        "n_4": ["running", ""],
        "n_5": ["failed", "ZeroDivisionError: division by zero"],
    }
    # Started again, it has no reason any more.
    with FileLock(tmp_path / "n_2" / ".lock"):
        assert rows_of(said("runs", runs=[("n_2", False)]))["n_2"] == ["running", ""]


def test_a_failed_run_says_why_where_the_latest_is_asked_for(said, tmp_path):
    enter(tmp_path / "a.duckdb", ("n_1", False))
    fail(tmp_path / "a.duckdb", "n_1", DataError("No row is left to read."))
    found = said("show", "latest", runs=[])
    assert "No audit has finished yet; n_1 has failed (No row is left to read). Go on" in found.stderr


def test_runs_of_an_earlier_version_are_listed(said, tmp_path):
    enter(tmp_path / "a.duckdb", ("n_1", False))
    with open_warehouse(tmp_path / "a.duckdb") as warehouse:
        warehouse._connection.execute("alter table main.runs drop column reason")
    result = CliRunner().invoke(app, ["runs", "--warehouse", str(tmp_path / "a.duckdb")])
    assert rows_of(result)["n_1"] == ["unfinished", "its process was stopped or killed"]
