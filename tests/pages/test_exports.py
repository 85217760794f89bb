"""The tables beside the page: CSV that no spreadsheet runs, and JSON with the same rows."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.pages.exports import to_csv
from tasks.pages.model_card import shortcut
from tests.pages.world import PATTERN, TAG

pytestmark = pytest.mark.slow


def test_a_text_that_begins_like_a_formula_is_quoted_and_a_number_is_not():
    rows = pa.table(
        {
            "text": ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "a=b", None],
            "number": [-1.5, 2, 3, 4, 5, 6, 7, 8],
            "list": [["=a"], [], None, ["b"], ["c"], ["d"], ["e"], ["é"]],
            "other": ["\nx", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "a\uff1d", "", None],
        }
    )
    cells = list(csv.reader(io.StringIO(to_csv(rows).decode(), newline="")))
    assert [row[0] for row in cells] == ["text", "'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "a=b", ""]
    assert cells[1][1:3] == ["-1.5", '["=a"]']
    assert [row[3] for row in cells[1:]] == ["'\nx", "'\uff1d1", "'\uff0b1", "'\uff0d1", "'\uff20x", "a\uff1d", "", ""]
    assert cells[8][2] == '["é"]'


def test_every_table_is_exported_as_csv_and_json_with_the_same_rows(page_path):
    folder = page_path.parent / "exports"
    assert {path.stem for path in folder.iterdir()} == {
        "verdicts",
        "effects",
        "patterns",
        "preprocess",
        "words",
        "model_card",
        "word_importance",
        "vocabulary_candidates",
        "labelling_hints",
        "rejects",
        "rule_figures",
        "taught_words",
        "rule_proposals",
        "rules",
        "labelling_functions",
        "relabel_queue",
        "label_studio",
        "argilla",
        "prodigy",
    }
    for path in set(folder.glob("*.csv")) - {folder / "relabel_queue.csv"}:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))), path.name
    for path in folder.glob("*.parquet"):
        known = path.with_suffix(".json")
        if path.stem != "relabel_queue" and known.is_file():
            assert pq.read_table(path).num_rows == len(json.loads(known.read_text(encoding="utf-8"))), path.name
    assert json.loads((folder / "rejects.json").read_text())[0]["reason"] == "empty"
    verdicts = json.loads((folder / "verdicts.json").read_text())
    assert [row["word"] for row in verdicts if row["verdict"] == "spurious"] == [TAG, "markup", PATTERN]


def test_the_model_card_names_the_shortcuts_and_nothing_in_it_is_markup(page_path):
    card = (page_path.parent / "exports" / "model_card.md").read_text(encoding="utf-8")
    for heading in ("Known shortcuts", "Data", "Method", "Waivers", "Limits"):
        assert f"### {heading}" in card
    # A quarter of 20 of 20 texts change without the tag, as the page says.
    assert r"- \<img src=x onerror=window.hit=1\> (markup) pushes towards good" in card
    assert "without it 250.0 of 1,000 predictions change" in card
    assert "<img" not in card.replace(r"\<img", "")


def test_a_pair_in_the_model_card_is_called_one():
    pair = {"kind": "pair", "word": "happy … birthday", "type": "content word", "label": "other", "effect": 0.81, "per_1000": 0.0}  # fmt: skip
    assert shortcut(pair) == "- happy … birthday (pair) pushes towards other, +0.81 log-odds; without it 0.0 of 1,000 predictions change"  # fmt: skip
    assert "(content word)" in shortcut(pair | {"kind": "word"})
