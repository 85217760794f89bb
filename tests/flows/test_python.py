"""`import token_audit`: what is given becomes a config, and what was found tables that a notebook shows."""

import os
from pathlib import Path

import datasets
import nbformat
import pandas
import pytest
from nbclient import NotebookClient

import token_audit
from configs.errors import ConfigError
from configs.load import load_config
from flows.python import Audited, Explained, _config

ROOT = Path(__file__).parents[2]
COLUMNS = {"text": "review", "label": "sentiment"}
FRAME = pandas.DataFrame({"review": ["fine", "awful"], "sentiment": ["good", "bad"], "other": [1, 2]})


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The config that is made of these arguments."""
    monkeypatch.chdir(tmp_path)
    return lambda data, model="m", columns=COLUMNS, revision=None, **settings: load_config(
        _config(data, model, columns, revision, settings)
    )


def test_a_path_or_a_section_is_taken_as_it_is(made):
    assert str(made("r.csv").data.path) == "r.csv"
    section = made({"path": "r.csv", "text": "body", "where": {"part": "test"}}).data
    assert (section.text, section.label, section.where) == ("body", "sentiment", {"part": "test"})
    assert made("r.csv", "user/model", revision="abcdef0").model.hub == "user/model"
    assert made("r.csv", {"path": "m", "max_tokens": 64}).model.max_tokens == 64
    assert made("r.csv", screening={"max_candidates": 7}, name="mine").screening.max_candidates == 7


def test_a_frame_is_a_file_named_by_its_content(made):
    one, again = made(FRAME).data.path, made(FRAME.copy()).data.path
    assert one == again
    pandas.testing.assert_frame_equal(pandas.read_parquet(one), FRAME)
    assert made(FRAME.head(1)).data.path != one


def test_a_dataset_keeps_the_names_of_its_classes(made):
    features = datasets.Features(
        {"review": datasets.Value("string"), "sentiment": datasets.ClassLabel(names=["bad", "good"])}
    )
    given = datasets.Dataset.from_dict({"review": ["fine", "awful"], "sentiment": [1, 0]}, features=features)
    written = pandas.read_parquet(made(given).data.path)
    assert written.to_dict("list") == {"review": ["fine", "awful"], "sentiment": ["good", "bad"]}


def test_a_mistake_is_a_sentence(made):
    with pytest.raises(ConfigError, match="found list"):
        made(["a text"])
    with pytest.raises(ConfigError, match="Did you mean `screening`"):
        made("r.csv", screning={})
    with pytest.raises(AttributeError, match="no attribute 'audits'"):
        token_audit.audits  # noqa: B018 (the look-up is the test)


def facts(folder, *findings):
    return {"report": str(folder / "report.html"), "state": "Act", "sentence": "Without <all>.", "findings": findings}


FINDING = {
    "word": "<b>", "kind": "word", "label": "good", "type": "markup", "n_examples": 12, "effect": 0.5, "probability_shift": 0.1,
    "per_1000": 3.0, "per_1000_low": 1.0, "per_1000_high": 5.0, "why": [{"rule": "a", "title": "t", "sentence": "One."}, {"rule": "b", "title": "", "sentence": "Two."}],
}  # fmt: skip


CELLS = """
from pathlib import Path
import token_audit
from flows.python import Audited, Explained
Audited("run_1", Path("."), {found!r})
# ---
Audited("run_1", Path("."), {nothing!r})
# ---
Explained(Path("explained.html").absolute(), {{"texts": {texts!r}}})
# ---
token_audit.audit(7, "model")
"""
TEXTS = [{"sentence": "a <b>", "tokens": ["a", "<b>"], "scores": [0.5, -1.0], "prediction": "good", "confidence": 0.75}]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """The outputs of each cell of a notebook that a kernel has executed."""
    folder = tmp_path_factory.mktemp("notebook")
    code = CELLS.format(found=facts(folder, FINDING), nothing=facts(folder), texts=TEXTS)
    cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in code.split("# ---")]
    made = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(made, timeout=120, kernel_name="python3", allow_errors=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=str(folder))
    return folder, [cell.outputs for cell in made.cells]


def html_of(outputs):
    """Of what the last line of a cell is shown as; libraries may have warned before."""
    (output,) = [output for output in outputs if output["output_type"] != "stream"]
    return output["data"]["text/html"]


@pytest.mark.slow
def test_a_notebook_shows_state_findings_report_and_texts_as_text(notebook):
    folder, (found, nothing, explained, _) = notebook
    shown = html_of(found)
    assert "<strong>Act.</strong> Without &lt;all&gt;." in shown
    assert "<td>&lt;b&gt;</td>" in shown
    assert shown.count("<tr") == 2
    assert (folder / "report.html").as_uri() in shown
    assert "<table" not in html_of(nothing)
    assert "<td>a &lt;b&gt;</td>" in html_of(explained)
    assert "0.750" in html_of(explained)


@pytest.mark.slow
def test_a_mistake_in_a_notebook_ends_in_its_sentence(notebook):
    (error,) = [output for output in notebook[1][-1] if output["output_type"] != "stream"]
    assert error["ename"] == "ConfigError"
    assert "found int" in error["evalue"]


def test_findings_are_a_frame_with_its_columns_even_if_there_are_none(tmp_path):
    assert Audited("r", tmp_path, facts(tmp_path, FINDING)).findings["why"].tolist() == ["One. Two."]
    empty = Audited("r", tmp_path, facts(tmp_path)).findings
    assert len(empty) == 0
    assert {"word", "label", "effect", "per_1000", "why"} <= set(empty.columns)


def test_tokens_of_explained_texts_are_a_frame(tmp_path):
    found = Explained(tmp_path / "explained.html", {"texts": TEXTS})
    assert found.tokens.to_dict("list") == {"text": [0, 0], "token": ["a", "<b>"], "score": [0.5, -1.0]}
