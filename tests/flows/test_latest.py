"""Which run `latest` is, and what is said of one that has not come to its end."""

import pytest
from typer.testing import CliRunner

from flows.cli import app
from warehouse import open_warehouse


def enter(path, *runs):
    """Runs in the order of their start: (id, whether it is finished)."""
    with open_warehouse(path) as warehouse:
        for run_id, is_finished in runs:
            facts = {"folder": str(path.parent), "labels": ["a", "b"], "config": "{}", "inputs": "{}", "versions": "{}"}
            warehouse.run("registry/start_run", {"run_id": run_id, "name": "n", **facts})
            if is_finished:
                warehouse.run("registry/finish_run", {"run_id": run_id})


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
        "token-audit: No audit has finished yet; n_1 has not come to its end. Go on with token-audit run CONFIG.\n"
    )
    by_name = said(command, "n_1", runs=[])
    assert by_name.exit_code == 1
    assert "n_1 has not come as far as its " in by_name.stderr
    assert by_name.stderr.endswith("Go on with token-audit run CONFIG.\n")


def test_the_latest_is_the_last_that_finished(said):
    """It has no tables here, which its sentence says by name."""
    found = said("show", "latest", runs=[("n_1", True), ("n_2", False)])
    assert "n_1 has not come as far as its findings" in found.stderr
