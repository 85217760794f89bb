"""Names behind placeholders: in texts, spans, tables and whole reports."""

import dataclasses
import html
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.pages.redact import Redactor, edited, moved, redactor_of, shown_at
from tasks.pages.sentences import Finding, find_sentences, pieces_of
from tasks.report import write_report
from tests.pages.world import warehouse_of

WORDS = {"seagal": True, "adam": True, "o'hara": True, "@film_fan": True, "film": False, "hope": False, "don": True, "don't": False, "paris": True}  # fmt: skip


@pytest.fixture
def redactor():
    return Redactor("salt", WORDS, ["sea·", "·gal"])


def placeholder(redactor, name):
    return redactor.text(name)


def test_a_placeholder_is_one_word_the_same_for_a_name_in_every_case_and_another_for_each_name(redactor):
    found = [placeholder(redactor, name) for name, is_name in WORDS.items() if is_name]
    assert all(re.fullmatch("name[0-9a-f]{4}", name) for name in found)
    assert len(set(found)) == len(found)
    assert redactor.text("Seagal, SEAGAL and seagal's film") == (
        f"{found[0].capitalize()}, {found[0].capitalize()} and {found[0]}'s film"
    )
    assert Redactor("another salt", WORDS).text("seagal") != found[0], "no list of words undoes it"
    assert Redactor("salt", dict(reversed(WORDS.items()))).text("seagal") == found[0]


def test_what_the_run_calls_no_name_stays_and_other_texts_are_read_by_the_lists(redactor):
    assert redactor.text("I hope that film; don't") == "I hope that film; don't"
    # Mary is in the census, in no word of the run: with a capital, or as a keyword alone.
    assert "Mary" not in redactor.text("A film with Mary")
    assert redactor.text("mary") != "mary"
    assert redactor.text("to marry mary") == "to marry mary"
    assert "seagal" not in redactor.text('http://x.org/seagal_1 and #seagal, "seagal", write to a.b@seagal.com').lower()
    assert redactor.texts([r"film: \bseagal\b added"])[0] == rf"film: \b{redactor.text('seagal')}\b added"


def test_the_spans_of_a_text_stand_for_the_same_words_as_before(redactor):
    text = "Adam saw O'Hara and Seagal."
    edits = redactor.edits(text)
    new = edited(text, edits)
    for word in ("saw", "and", "."):
        start = text.index(word)
        at, end = moved(edits, start, start + len(word))
        assert new[at:end] == word
    start = text.index("Seagal")
    whole = edits[2].new
    for span in ((start, start + 6), (start, start + 3), (start + 3, start + 6)):
        at, end = moved(edits, *span)
        assert new[at:end] == whole == shown_at(edits, *span)[1]
    assert moved(edits, len(text), len(text)) == (len(new), len(new))
    assert shown_at(edits, 5, 8) == ((len(edits[0].new) + 1, len(edits[0].new) + 4), "")


def test_the_tokens_of_a_name_become_one_piece_with_their_summed_score(redactor):
    text = "A Seagal film"
    spans = [(0, 1, 0.1), (2, 5, 1.0), (5, 8, 0.5), (9, 13, -0.2)]
    edits = redactor.edits(text)
    tokens = []
    for start, end, score in spans:
        at, to = moved(edits, start, end)
        tokens.append({"token_start": at, "token_end": to, "score": score, "word": "x"})
    shown = [(piece.text, piece.score) for piece in pieces_of(edited(text, edits), tokens)]
    assert shown == [("A", 0.1), (" ", None), (edits[0].new, 1.5), (" ", None), ("film", -0.2)]


def test_a_table_leaves_without_names_and_a_placeholder_goes_in_as_its_name(redactor):
    rule = pa.struct([("rule", pa.string()), ("figures", pa.map_(pa.string(), pa.float64())), ("words", pa.map_(pa.string(), pa.string()))])  # fmt: skip
    given = pa.table(
        {
            "text": ["by Seagal: a film"],
            "word": ["seagal"],
            "label": ["seagal"],
            "pieces": [["sea·", "·gal"]],
            "rules": pa.array([[{"rule": "adam", "figures": [("n", 2.0)], "words": [("partner", "adam film"), ("label", "adam")]}]], pa.list_(rule)),
            "spans": [[{"span_start": 3, "span_end": 9}, {"span_start": 13, "span_end": 17}]],
            "match_start": [13],
            "match_end": [17],
        }
    )  # fmt: skip
    left = redactor.outward("report/anything", given)
    assert left.schema == given.schema
    (row,) = left.to_pylist()
    seagal, adam = redactor.text("seagal"), redactor.text("adam")
    assert [row["text"][span["span_start"] : span["span_end"]] for span in row["spans"]] == [
        seagal.capitalize(),
        "film",
    ]
    assert row["text"][row["match_start"] : row["match_end"]] == "film"
    assert row["rules"] == [{"rule": "adam", "figures": [("n", 2.0)], "words": [("partner", f"{adam} film"), ("label", "adam")]}]  # fmt: skip
    assert row["label"] == "seagal", "labels are the model's own"
    assert redactor.inward({"words": [row["word"], f"{adam} film", *row["pieces"]], "n": 3}) == {
        "words": ["seagal", "adam film", "sea·", "·gal"],
        "n": 3,
    }


def test_a_name_that_an_example_of_a_rule_cuts_does_not_leave_in_part(redactor):
    given = pa.table({"before": ["agal in the "], "surface": ["film"], "behind": [" by Adam and Sea"]})
    (row,) = redactor.outward("report/rule_examples", given).to_pylist()
    assert row == {"before": " in the ", "surface": "film", "behind": f" by {redactor.text('Adam')} and "}


@pytest.fixture(scope="module")
def redacted(audited, tmp_path_factory):
    """Two reports of the run in which `lovely` and `awful` are names: a folder each."""
    config, run, key = audited
    config = config.model_copy(update={"report": config.report.model_copy(update={"redact": "names"})})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.pages.redact._of_tables", lambda salt, warehouse: made(salt))
        folders = [tmp_path_factory.mktemp("redacted") for _ in range(2)]
        for folder in folders:
            write_report.fn(config, dataclasses.replace(run, folder=folder), key)
    (run.storage / "redaction.json").unlink()
    return folders


def made(salt):
    return Redactor(salt, {"lovely": True, "awful": True, "film": False, "seen": False}, ["awf·", "·ul"])


def content_of(path):
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist())
    return html.unescape(path.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_no_name_is_in_any_file_and_both_renderings_are_the_same(redacted, page_path):
    one, again = (
        {path.relative_to(folder): content_of(path) for path in folder.rglob("*.*") if path.name != "report.json"}
        for folder in redacted
    )
    known = {path.relative_to(page_path.parent) for path in page_path.parent.rglob("*.*") if "exports" in path.parts}
    assert known <= one.keys()
    assert any("awful" in content_of(page_path.parent / name).lower() for name in known), "there is something to hide"
    assert [str(name) for name, content in one.items() if re.search("(?i)lovely|awful", content)] == []
    assert one == again


@pytest.mark.slow
def test_a_coloured_text_shows_the_placeholder_with_the_score_of_the_name(audited, page_path):
    with warehouse_of(audited) as warehouse:
        run = audited[1]
        asked = [Finding("word", "", word) for word in ("awful", "film")]
        plain = find_sentences(warehouse, run.storage, asked, 3, mirrored=False)
        warehouse.curtain = made("salt")
        name = warehouse.curtain.text("awful")
        hidden = find_sentences(warehouse, run.storage, [Finding("word", "", name), asked[1]], 3, mirrored=False)
    for before, after in zip(plain[asked[0]], hidden[Finding("word", "", name)], strict=True):
        assert after.text.startswith(f"{name.capitalize()} 1999 film")
        # It is cut into two tokens, of which the placeholder has the sum.
        assert sum(piece.score for piece in before.pieces if piece.focus) == pytest.approx(
            *[piece.score for piece in after.pieces if piece.focus]
        )
        assert before.text[5:] == after.text[len(name) :]
    assert [piece.text for piece in hidden[asked[1]][0].pieces if piece.focus] == ["film"]


@pytest.mark.slow
def test_the_salt_is_kept_beside_the_texts_and_settings_decide(audited, tmp_path):
    config, run, _ = audited
    run = dataclasses.replace(run, storage=tmp_path)
    config = config.model_copy(update={"warehouse": tmp_path / "none.duckdb"})
    assert redactor_of(config, run) is None
    assert not (tmp_path / "redaction.json").exists()
    hiding = config.model_copy(update={"report": config.report.model_copy(update={"redact": "names"})})
    first, again = (redactor_of(hiding, run).text("Mary") for _ in range(2))
    assert first == again
    other = dataclasses.replace(run, storage=tmp_path / "other")
    assert redactor_of(hiding, other).text("Mary") != first
