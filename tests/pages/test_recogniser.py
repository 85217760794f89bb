"""A recogniser of the user's: it decides what a word is, is asked once, and fails in one clear sentence."""

import importlib
import shutil
import sys
from dataclasses import replace

import pytest

from configs.errors import AuditError
from tasks.screen import screen_words
from warehouse import open_warehouse

pytestmark = pytest.mark.slow


@pytest.fixture
def recogniser(audited, tmp_path, monkeypatch):
    """The audited config with a recogniser whose answers a test sets, and the texts that it was given."""
    config, run, _ = audited
    (tmp_path / "my_names.py").write_text(
        "given, answer = [], None\n"
        "def find(texts):\n    given.extend(texts)\n    return [answer(text) for text in texts]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_names", raising=False)
    module = importlib.import_module("my_names")
    screening = config.screening.model_copy(update={"recogniser": "my_names:find"})
    own = config.model_copy(update={"screening": screening, "warehouse": tmp_path / "copy.duckdb"})
    shutil.copy(config.warehouse, own.warehouse)
    return own, replace(run, folder=tmp_path), module


def test_a_recogniser_decides_what_a_word_is_and_is_asked_once(recogniser):
    config, run, module = recogniser
    module.answer = lambda text: [(text.index("film"), text.index("film") + 4, "place")]
    for _ in range(2):
        screen_words.fn(config, run, "scores")
        assert len(module.given) == 20
        with open_warehouse(config.warehouse, read_only=True) as warehouse:
            warehouse.use(run.run_id)
            types = warehouse._connection.execute(
                "select type, rule, figures['n_votes'], figures['n_seen'] from word_types where word = 'film'"
            )
            assert types.fetchall() == [("place", "place.ner", 20, 20)]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            lambda text: [(0, 2, "person")],
            r"answered \(0, 2, 'person'\) for a text of \d+ characters, expected \(start, end, 'name' or 'place'\)\.$",
        ),
        (lambda text: [(5, 5, "name")], r"answered \(5, 5, 'name'\)"),
        (lambda text: [(0, 10**6, "name")], r"answered \(0, 1000000, 'name'\)"),
        (lambda text: 1 / 0, r"my_names:find failed \(ZeroDivisionError: division by zero\)\.$"),
    ],
)
def test_a_recogniser_that_answers_something_else_is_one_clear_sentence(recogniser, answer, said):
    config, run, module = recogniser
    module.answer = answer
    with pytest.raises(AuditError, match=said):
        screen_words.fn(config, run, "scores")
    assert not (run.folder / "recognised.json").exists()
