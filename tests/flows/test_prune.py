"""What old audits take up is given back, and nothing that a later run needs."""

import json
import re
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from flows.cli import app
from flows.compare import compare
from flows.prune import planned, prune
from tests.stages.kept import enter
from warehouse import open_warehouse

pytestmark = pytest.mark.slow

PARTS = ("shards", "parts", "trials", "rules", "compare_0123456789ab")


@pytest.fixture(scope="module")
def entered(tmp_path_factory):
    path = tmp_path_factory.mktemp("pruned") / "audits.duckdb"
    for day in range(1, 5):
        enter(path, f"films_{day}", day)
    enter(path, "reviews_1", 1, name="reviews")
    return path


@pytest.fixture
def path(entered, tmp_path):
    """Four nights of films with their files, one of reviews, and one that is not finished."""
    path = tmp_path / "audits.duckdb"
    shutil.copytree(entered.parent, tmp_path, dirs_exist_ok=True)
    for folder in tmp_path.glob("*_[0-9]"):
        for name in PARTS:
            (folder / name).mkdir()
            (folder / name / "part-00000.json").write_text("{}")
        (folder / "report.html").write_text("page")
    with open_warehouse(path) as warehouse:
        facts = {"folder": str(tmp_path / "films_0"), "labels": ["a"], "config": "{}", "inputs": "{}", "versions": "{}"}
        warehouse.run("registry/start_run", {"run_id": "films_0", "name": "films", **facts})
        moved = {"old": str(entered.parent), "new": str(tmp_path)}
        warehouse._connection.execute("update main.runs set folder = replace(folder, $old, $new)", moved)
    return path


def plans(path, keep, parts, config=None):
    return {plan.run_id: plan.what for plan in planned(path, keep, parts, config)}


def runs_of(path):
    with open_warehouse(path, read_only=True) as warehouse:
        return {row["run_id"] for row in warehouse.rows("registry/runs", {})}


def test_of_each_config_the_newest_runs_stay_and_the_parts_of_fewer(path):
    assert plans(path, 3, 1) == {"films_1": "run", "films_2": "parts", "films_3": "parts"}
    assert plans(path, 4, 4) == {}
    # Other configs are counted by themselves; an audit that is not finished goes on with its parts.
    assert plans(path, 1, 0) == {
        "films_1": "run", "films_2": "run", "films_3": "run", "films_4": "parts", "reviews_1": "parts",
    }  # fmt: skip
    assert plans(path, 1, 0, "reviews") == {"reviews_1": "parts"}


def test_what_goes_is_said_first_and_done_on_demand(path, tmp_path):
    words = ["prune", "--keep", "3", "--parts", "1", "--warehouse", str(path)]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0
    assert "would free" in said.stdout
    assert runs_of(path) >= {"films_1"}
    assert all((tmp_path / f"films_{day}" / name).is_dir() for day in range(1, 5) for name in PARTS)
    done = CliRunner().invoke(app, [*words, "--yes"])
    assert done.exit_code == 0
    assert runs_of(path) == {"films_0", "films_2", "films_3", "films_4", "reviews_1"}
    assert not (tmp_path / "films_1").exists()
    assert {entry.name for entry in (tmp_path / "films_2").iterdir()} == {".lock", "report.html"}
    assert {entry.name for entry in (tmp_path / "films_4").iterdir()} == {*PARTS, "report.html"}
    assert CliRunner().invoke(app, words).stdout == "would free\t0.0 MB (--yes does it)\n"
    # What is compared is left.
    assert compare(path, "films_4", "films_1")[0].ranking["ndcg"] == pytest.approx(1)


def test_a_run_whose_files_another_one_names_is_left(path, tmp_path):
    settings = {"data": {"path": str(tmp_path / "films_1" / "exports" / "relabelled.parquet")}}
    with open_warehouse(path) as warehouse:
        warehouse._connection.execute(
            "update main.runs set config = $c where run_id = 'films_4'", {"c": json.dumps(settings)}
        )
    (left,) = [plan for plan in planned(path, 3, 3) if plan.run_id == "films_1"]
    assert (left.what, left.reason) == ("left", "the config of films_4 names a file in it")
    # Of a run that goes itself, the config needs nothing.
    assert plans(path, 1, 1)["films_1"] == "left"
    with open_warehouse(path) as warehouse:
        warehouse._connection.execute(
            "update main.runs set config = $c where run_id = 'films_2'", {"c": json.dumps(settings)}
        )
        warehouse._connection.execute("update main.runs set config = '{}' where run_id = 'films_4'")
    assert plans(path, 1, 1) == {"films_1": "run", "films_2": "run", "films_3": "run"}
    assert plans(path, 3, 3)["films_1"] == "left"


def test_a_certificate_keeps_its_folder(path, tmp_path):
    with open_warehouse(path) as warehouse:
        warehouse._connection.execute(
            "insert into main.certificates values ('c_1', 's', 'films', now(), $folder, 'r', 0, null, null, 1, 1, 1, 1, '{}')",
            {"folder": str(tmp_path / "films_1" / "certify")},
        )
    (left,) = planned(path, 3, 3)
    assert left.reason == "the certificate c_1 is in it"


def test_a_run_that_is_being_audited_is_left(path, tmp_path):
    (plan,) = planned(path, 3, 3)
    with FileLock(tmp_path / "films_1" / ".lock"):
        assert prune(path, plan) == "it is being audited right now"
    assert (tmp_path / "films_1" / "parts").is_dir()


def test_a_prune_that_was_killed_is_ended_by_the_next(path, tmp_path, monkeypatch):
    """Killed when the folder was out of sight and the tables were not: the run is there without files, and goes next."""
    (plan,) = planned(path, 3, 3)
    monkeypatch.setattr("flows.prune.open_warehouse", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        prune(path, plan)
    monkeypatch.undo()
    assert "films_1" in runs_of(path)
    assert not (tmp_path / "films_1").exists()
    (again,) = planned(path, 3, 3)
    assert prune(path, again) is None
    assert "films_1" not in runs_of(path)
    assert not [entry for entry in tmp_path.iterdir() if "pruned" in entry.name]


@pytest.mark.parametrize(("keep", "parts"), [("0", "0"), ("2", "3"), ("2", "-1")])
def test_at_least_one_run_stays_and_no_more_parts_than_runs(path, keep, parts):
    said = CliRunner().invoke(app, ["prune", "--keep", keep, "--parts", parts, "--warehouse", str(path)])
    assert said.exit_code == 1
    assert "at least one run stays" in said.stderr


def test_the_history_of_a_config_has_its_pruned_runs_too(path, tmp_path):
    for plan in planned(path, 3, 3):
        assert prune(path, plan) is None
    page = tmp_path / "history.html"
    said = CliRunner().invoke(app, ["runs", "--config", "films", "--page", str(page), "--warehouse", str(path)])
    assert said.exit_code == 0
    assert "reviews_1" not in said.stdout
    text = Path(page).read_text()
    assert all(f"films_{day}" in text for day in range(1, 5))
    drawing = text[text.index("<svg") : text.index("</svg>")]
    assert all(f">11-0{day}<" in drawing for day in range(1, 5))
    assert ">0.5<" not in drawing  # of a finding
    # Of those that are still there, one click away.
    links = re.findall(r'href="(.*?)"', text)
    assert links == [f"films_{day}/report.html" for day in (4, 3, 2)]
    assert all((tmp_path / link).is_file() for link in links)
    assert CliRunner().invoke(app, ["runs", "--page", str(page), "--warehouse", str(path)]).exit_code == 2
