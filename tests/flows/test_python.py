"""`import token_audit`: what is given becomes a config, and what was found tables that a notebook shows."""

import datasets
import pandas
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import token_audit
from configs.errors import ConfigError
from configs.load import load_config
from flows.python import Audited, Explained, _config

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


@pytest.fixture
def cell():
    """What a notebook shows of the last line of a cell."""
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))

    def run(code, **names):
        shell.push(names)
        result = shell.run_cell(code)
        result.raise_error()
        return shell.display_formatter.format(result.result)[0]["text/html"]

    return run


def test_a_notebook_shows_state_findings_and_report_as_text(cell, tmp_path):
    shown = cell("audited", audited=Audited("run_1", tmp_path, facts(tmp_path, FINDING)))
    assert "<strong>Act.</strong> Without &lt;all&gt;." in shown
    assert "<td>&lt;b&gt;</td>" in shown
    assert shown.count("<tr") == 2
    assert (tmp_path / "report.html").as_uri() in shown
    assert "<table" not in cell("audited", audited=Audited("run_1", tmp_path, facts(tmp_path)))


def test_findings_are_a_frame_with_its_columns_even_if_there_are_none(tmp_path):
    assert Audited("r", tmp_path, facts(tmp_path, FINDING)).findings["why"].tolist() == ["One. Two."]
    empty = Audited("r", tmp_path, facts(tmp_path)).findings
    assert len(empty) == 0
    assert {"word", "label", "effect", "per_1000", "why"} <= set(empty.columns)


def test_tokens_of_explained_texts_are_a_frame(cell, tmp_path):
    texts = [
        {"sentence": "a <b>", "tokens": ["a", "<b>"], "scores": [0.5, -1.0], "prediction": "good", "confidence": 0.75}
    ]
    found = Explained(tmp_path / "explained.html", {"texts": texts})
    assert found.tokens.to_dict("list") == {"text": [0, 0], "token": ["a", "<b>"], "score": [0.5, -1.0]}
    shown = cell("found", found=found)
    assert "<td>a &lt;b&gt;</td>" in shown
    assert "0.750" in shown
