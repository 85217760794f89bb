"""What patterns do, on a model whose effects are known, and which part of them does it."""

import pyarrow.parquet as pq
import pytest

from configs.schema import VerificationConfig
from tasks.runtime.parts import part_file, read_manifest
from tasks.text.edits import Text, deleted, put_at
from tasks.trials.patterns import (
    mark_spans,
    marked,
    marks_of,
    neutral_words,
    split_filling,
    split_pattern,
    try_patterns,
)
from tests.trials.linear import margin_of, spans_in

NEUTRAL = [f"thing{i}" for i in range(12)]


def pattern(world, **changed):
    """An opening of three words, the middle one of which counts: Kane, 2 log-odds."""
    held = [{"example_id": i, "spans": spans_in(world.texts[i], "kane")} for i in range(1, 40, 2)]
    return {
        "type": "opening", "pattern": "well kane then …", "place": "start", "held": held, "others": world.others,
        "fillings": ["well Kane then"], "neutral": NEUTRAL, "n_words": 4, **changed,
    }  # fmt: skip


def tried(world, rows, name="patterns", **options):
    part = world.folder / f"{name}.json"
    facts = try_patterns(rows, world.shards, world.model, "float32", VerificationConfig(), part, **options)
    if options.get("dry"):
        return facts, None, None
    tables = ("pattern_trials", "pattern_parts")
    return facts, *(pq.read_table(part_file(part, table)).to_pylist() for table in tables)


def test_a_pattern_is_replaced_where_it_stands_and_put_at_its_place_elsewhere(linear):
    _, trials, _ = tried(linear, [pattern(linear)])
    of_b = [row for row in trials if row["label"] == "b"]
    for row in of_b:
        assert row["margin_with"] - row["margin_without"] == pytest.approx(2.0)
    removed = [row for row in of_b if row["operator"] == "removal"]
    put_in = [row for row in of_b if row["operator"] == "insertion"]
    assert (len(removed), len(put_in)) == (20, 20)
    assert {row["margin_with"] for row in removed} == {margin_of(text) for text in linear.texts[1::2]}
    assert {row["margin_with"] for row in put_in} == {1.5}
    # How a text is read without the pattern: as it was before, or with other neutral words, which mean nothing, too.
    assert {row["margin_control"] for row in put_in} == {margin_of(text) for text in linear.texts[0::2]}
    assert all(row["margin_control"] == pytest.approx(row["margin_without"]) for row in removed)
    # The texts as they are were read before; neutral words of both draws are sometimes the same.
    facts, _, _ = tried(linear, [pattern(linear, pattern="whole", type="shape", place="start")], "whole")
    assert 20 + 2 * 20 < facts["num_passes"] <= 2 * 20 + 2 * 20
    of_a = [row for row in trials if row["label"] == "a"]
    assert [row["margin_with"] for row in of_a] == [-row["margin_with"] for row in of_b]


def test_the_part_that_carries_the_effect_is_found_by_halving(linear):
    _, _, (part,) = tried(linear, [pattern(linear)])
    assert (part["part"], part["label"]) == ("kane", "b")
    assert part["effect"] == pytest.approx(2.0)
    assert part["whole_effect"] == pytest.approx(2.0)
    # Two words that count equally have no such part, and a pattern that does nothing has none.
    both = pattern(linear, pattern="kane kane …", fillings=["Kane Kane"])
    nothing = pattern(linear, pattern="well then …", fillings=["well then"])
    assert tried(linear, [both, nothing], "others")[2] == []


def test_neutral_words_are_as_many_as_the_words_they_stand_for():
    row = {"neutral": NEUTRAL}
    assert len(neutral_words(row, "- Kane, then:", "x").split()) == 2
    # A mark alone is one.
    assert len(neutral_words(row, "::", "x").split()) == 1
    assert set(neutral_words(row, "one two three", "x").split()) <= set(NEUTRAL)
    assert neutral_words(row, "one two three", "x") != neutral_words(row, "one two three", "y")


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("start", "so it is"),
        ("first line", "so\nit is"),
        ("end", "it is so"),
        ("last line", "it is\nso"),
    ],
)
def test_words_are_put_where_a_pattern_stands_and_into_the_first_of_two_texts(place, found):
    assert put_at(Text("it is", None), "so", place) == Text(found, None)
    pair = put_at(Text("it is\nthe second", 6), "so", place)
    assert pair.text == f"{found}\nthe second"
    assert pair.text[pair.pair_start :] == "the second"


def test_capitals_and_length_are_changed_in_the_whole_text(linear):
    held = [{"example_id": 1, "spans": spans_in(linear.texts[1], "dull", "not")}]
    rows = [
        pattern(linear, type="capitals", pattern="all capitals", place="whole", held=held, fillings=[]),
        pattern(linear, type="length", pattern="the longest tenth", place="whole", held=held, fillings=[]),
        pattern(linear, type="marks", pattern="the tenth with the most marks", place="whole", held=held, fillings=[]),
    ]
    _, trials, parts = tried(linear, rows)
    assert parts == []
    effects = {
        (row["type"], row["operator"]): row["margin_with"] - row["margin_without"]
        for row in trials
        if row["label"] == "b"
    }
    # There is one way to write a text in small letters, and none that owes nothing to it.
    assert {row["margin_control"] for row in trials} == {None}
    # The model reads any case alike, and no marks; the words taken out of a long text have -1 and 0.5.
    assert effects == {
        ("capitals", "removal"): 0, ("capitals", "insertion"): 0, ("length", "removal"): pytest.approx(-0.5),
        ("length", "insertion"): 0, ("marks", "removal"): 0, ("marks", "insertion"): 0,
    }  # fmt: skip


def test_a_text_full_of_marks_keeps_the_last_and_others_get_such_marks():
    assert deleted(
        Text("Well -- it isn't so!! (not) at all...", None), mark_spans("Well -- it isn't so!! (not) at all...")[:-1]
    ) == Text("Well it isn't so not at all...", None)
    marks = marks_of(["so!! -- so.", "It isn't."])
    assert marks == [["!!", "--", "."], ["."]]
    text = Text("it is as good as it gets", None)
    found = marked(text, marks[0], "1")
    assert sorted(char for char in found.text if char in "!-.") == sorted("!!--.")
    assert found.text.replace("!!", "").replace("--", "").replace(".", "") == text.text
    assert marked(text, marks[0], "2") != found
    # A text of fewer words than there are marks takes what it can; of a pair both texts may.
    assert marked(Text("so", None), marks[0], "1").text == "so!!"
    pair = marked(Text("so it\nwas", 6), marks[0], "1")
    assert pair.text[pair.pair_start - 1] == "\n"


def test_a_pattern_is_cut_into_the_parts_that_its_fillings_have():
    assert split_pattern("… on * wrote: 0") == ["on", "*", "wrote:", "0"]
    assert split_pattern("[a_00]") == ["[", "a", "_", "00", "]"]
    assert split_filling("[Kane_12]", split_pattern("[a_00]")) == ["[", "Kane", "_", "12", "]"]
    assert split_filling("On Monday wrote: 12", ["on", "*", "wrote:", "0"]) == ["On", "Monday", "wrote:", "12"]


def test_texts_that_are_left_out_are_not_tried_and_a_repeat_does_nothing(linear):
    facts, trials, _ = tried(linear, [pattern(linear)], left_out=frozenset({0, 1, 99}))
    assert facts["num_quarantined"] == 2
    assert {0, 1} & {row["example_id"] for row in trials} == set()
    part = linear.folder / "again.json"
    tried(linear, [pattern(linear)], "again")
    stamp = part.stat().st_mtime_ns
    tried(linear, [pattern(linear)], "again")
    assert part.stat().st_mtime_ns == stamp
    assert read_manifest(part)["num_passes"] > 0
    facts, _, _ = tried(linear, [pattern(linear)], "dry", dry=True)
    assert list(linear.folder.glob("dry*")) == []
