"""What a tracker and a model card are given, read back from them."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries
from typer.testing import CliRunner

from configs.errors import AuditError
from configs.schema import AuditConfig
from flows.cli import app
from flows.export import BEGIN, END, find_exported, to_card, to_mlflow, to_wandb
from tasks.runtime.parts import write_part
from tests.stages.kept import enter

pytestmark = pytest.mark.slow

CONFIG = AuditConfig.model_validate(
    {
        "name": "films",
        "data": {"hub": "owner/films", "revision": "a" * 40, "where": {"stars": {"at_least": 4}}},
        "model": {"path": "m"},
        "report": {"address": "https://audits.example"},
    }
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """An audit with a page, an export and a card; `films_0`, of which only figures are kept."""
    path = tmp_path / "audits.duckdb"
    enter(path, "films_0", 1, registered=False, per_1000=None, n_gold=0)
    enter(path, "films_1", 2)
    exports = tmp_path / "films_1" / "exports"
    exports.mkdir()
    (tmp_path / "films_1" / "report.html").write_text("<p>page")
    (exports / "model_card.md").write_text("### Known shortcuts\n\n- day\n")
    # Of a review before the names were hidden.
    (exports / "token_words.csv").write_text("word\nseagal\n")
    write_part(tmp_path / "films_1" / "report.json", {}, {"written": {"report.html": "", "exports/model_card.md": ""}})
    stored = (CONFIG, None)
    monkeypatch.setattr("flows.export.stored_run", lambda row: stored)
    return path


def test_one_dictionary_holds_ids_figures_and_state(run):
    tracked = find_exported(run, "films_1").tracked
    assert {name: tracked.params[name] for name in ("run_id", "name", "data", "model", "dataset", "where.stars")} == {
        "run_id": "films_1", "name": "films", "data": "d1", "model": "m1", "dataset": f"owner/films@{'a' * 40}",
        "where.stars": '{"at_least": 4}',
    }  # fmt: skip
    # Of the table in tests/stages/kept.py: 900 of 1,000 right, 5 (3 to 8) per 1,000.
    assert tracked.metrics == {
        "texts": 1000, "findings": 1, "words_used": 9, "quarantined": 0, "rejected": 0, "accuracy": 0.9, "per_1000": 5,
        "per_1000_low": 3, "per_1000_high": 8,
    }  # fmt: skip
    assert tracked.tags == {
        "token-audit.run": "films_1", "token-audit.config": "films", "token-audit.state": "Minor",
        "token-audit.report": "https://audits.example/films_1/report.html",
    }  # fmt: skip


def test_a_run_that_was_removed_has_its_figures_and_one_without_a_figure_has_none(run):
    found = find_exported(run, "films_0")
    assert (found.config, found.folder) == (None, None)
    assert not {"accuracy", "per_1000"} & found.tracked.metrics.keys()
    with pytest.raises(AuditError, match=r"films_0 has no exports/model_card\.md any more"):
        to_card(found)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mlflow_holds_the_audit_once_with_its_files_and_the_tags_of_its_model(run, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    store = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: store)
    client = mlflow.MlflowClient(store)
    monkeypatch.setattr(mlflow, "MlflowClient", lambda: client)
    client.create_experiment("token-audit/films", artifact_location=str(tmp_path / "artifacts"))
    client.create_registered_model("film-model")
    client.create_model_version("film-model", source=str(tmp_path), run_id=None)
    found = find_exported(run, "films_1")
    for _ in range(2):
        assert "experiment token-audit/films" in to_mlflow(found, "film-model/1")
    (entered,) = client.search_runs([client.get_experiment_by_name("token-audit/films").experiment_id])
    assert entered.data.params == found.tracked.params
    assert entered.data.metrics == found.tracked.metrics
    assert entered.data.tags.items() >= found.tracked.tags.items()
    assert (entered.info.run_name, entered.info.status) == ("films_1", "FINISHED")
    assert entered.info.end_time == 1000 * found.tracked.finished_at
    assert {file.path for file in client.list_artifacts(entered.info.run_id)} == {"report.html", "exports"}
    names = [Path(file.path).name for file in client.list_artifacts(entered.info.run_id, "exports")]
    assert names == ["model_card.md"]
    assert client.get_model_version("film-model", "1").tags == found.tracked.tags
    with pytest.raises(AuditError, match=r"MLflow does not take the audit \(MlflowException: .*not found"):
        to_mlflow(found, "film-model/7")
    with pytest.raises(AuditError, match="should be MODEL/VERSION"):
        to_mlflow(found, "film-model")


def test_weights_and_biases_is_offline_and_gets_the_same_dictionary(run, monkeypatch):
    """Its client is not installed here: what it is called with."""
    calls = {}
    ended = SimpleNamespace(log=lambda metrics: calls.update(log=metrics), finish=lambda: None, dir="wandb/offline-1")
    client = SimpleNamespace(init=lambda **given: calls.update(init=given) or ended)
    monkeypatch.setitem(sys.modules, "wandb", client)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    found = find_exported(run, "films_1")
    assert to_wandb(found) == "wandb/offline-1"
    assert calls["log"] == found.tracked.metrics
    assert calls["init"]["config"] == found.tracked.params | found.tracked.tags
    assert (calls["init"]["mode"], calls["init"]["id"]) == ("offline", "films_1")


def test_a_tracker_that_is_not_installed_is_named_with_its_package(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(AuditError, match="needs the package mlflow-skinny: pip install mlflow-skinny"):
        to_mlflow(find_exported(run, "films_1"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "{section}"),
        ("# A model\n\nText.\n", "# A model\n\nText.\n\n{section}"),
        (f"# A model\n\n{BEGIN}\nold\n{END}\n\n## More\n", "# A model\n\n{section}\n## More\n"),
    ],
)
def test_the_section_of_a_card_takes_the_place_of_the_one_before(run, tmp_path, before, after):
    folder = tmp_path / "model"
    folder.mkdir()
    if before is not None:
        (folder / "README.md").write_text(before)
    for _ in range(2):
        to_card(find_exported(run, "films_1"), folder)
        section = f"{BEGIN}\n### Known shortcuts\n\n- day\n{END}\n"
        assert (folder / "README.md").read_text() == after.format(section=section)


def test_results_of_a_dataset_of_the_hub_are_read_by_its_library(run):
    readme, results = to_card(find_exported(run, "films_1"))
    assert readme.parent.name == "card"
    entries = parse_eval_result_entries(yaml.safe_load(results.read_text()))
    assert [(entry.dataset_id, entry.task_id, entry.value) for entry in entries] == [
        ("owner/films", "default.test.accuracy", 0.9),
        ("owner/films", "default.test.per_1000", 5.0),
    ]
    assert {(entry.dataset_revision, entry.date) for entry in entries} == {("a" * 40, "2026-11-02")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["card", "films_1", "--model-version", "m/3"], "--model-version is of MLflow's registry"),
        (["mlflow", "films_1", "--into", "m"], "--into is the folder of a model card"),
        (["card", "films_1", "--into", "nowhere"], "--into nowhere is no folder"),
        (["card", "films_9"], "No finished run begins with 'films_9'"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(run, words, said):
    done = CliRunner().invoke(app, ["export", *words, "--warehouse", str(run)])
    assert done.exit_code in (1, 2)
    assert said in done.stderr


def test_a_card_with_half_a_section_is_left_as_it_is(run, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"text\n{END}\n{BEGIN}\n")
    with pytest.raises(AuditError, match="has not one pair of"):
        to_card(find_exported(run, "films_1"), tmp_path)
    assert readme.read_text() == f"text\n{END}\n{BEGIN}\n"


def test_what_stands_outside_the_section_keeps_its_bytes_or_is_refused(run, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_bytes(b"---\r\nlicense: mit\r\n---\r\n# M\r\n")
    to_card(find_exported(run, "films_1"), tmp_path)
    assert readme.read_bytes().startswith(b"---\r\nlicense: mit\r\n---\r\n# M")
    readme.write_bytes(b"caf\xe9\n")
    with pytest.raises(AuditError, match="is not written in UTF-8"):
        to_card(find_exported(run, "films_1"), tmp_path)
    assert readme.read_bytes() == b"caf\xe9\n"
