"""Interventions on raw text, by hand."""

import numpy as np
import pytest

from tasks.text.edits import Text, cased, deleted, inserted, replaced
from tasks.text.edits import edited as edited_at
from tasks.text.words import word_spans


def spans_of(text, word):
    return [(start, end) for start, end in word_spans(text) if text[start:end].lower() == word]


def edited(change, text, word, *more):
    return change(Text(text, None), spans_of(text, word), *more).text


@pytest.mark.parametrize(
    ("text", "word", "left"),
    [
        ("a great film", "great", "a film"),
        ("Great film", "great", "film"),
        ("so great", "great", "so"),
        ("great, great fun", "great", ", fun"),
        ("(great) fun", "great", "() fun"),
        ("das Café schließt", "café", "das schließt"),
        ("great", "great", ""),
        ("wow 👍 wow", "👍", "wow wow"),
    ],
)
def test_a_deleted_word_leaves_no_gap(text, word, left):
    assert edited(deleted, text, word) == left


@pytest.mark.parametrize(
    ("text", "word", "new", "left"),
    [
        ("Great and great, GREAT!", "great", "poor", "Poor and poor, POOR!"),
        ("by Kane", "kane", "Welles", "by Welles"),
        ("in 1999.", "1999", "2004", "in 2004."),
    ],
)
def test_a_replacement_takes_the_case_of_each_occurrence(text, word, new, left):
    assert edited(replaced, text, word, new) == left


def test_each_place_has_an_edit_of_its_own():
    text = Text("Kane met Lee, he said", None)
    assert edited_at(text, [((0, 4), "welles"), ((9, 12), ""), ((17, 21), "")]).text == "Welles met , he"
    pair = Text("so great\ngreat fun", 9)
    assert edited_at(pair, [((3, 8), ""), ((9, 14), "much")]) == Text("so\nmuch fun", 3)


def test_a_word_is_inserted_before_another_or_at_the_end_and_never_first():
    text = Text("it isn't bad", None)
    found = {inserted(text, "Kane", place).text for place in np.arange(0, 1, 0.05)}
    assert found == {"it Kane isn't bad", "it isn't Kane bad", "it isn't bad Kane"}
    assert inserted(Text("bad", None), "Kane", 0.9).text == "bad Kane"


def test_both_texts_of_a_pair_are_changed_and_the_second_still_starts_where_it_is_said_to():
    pair = Text("so great\ngreat fun", 9)
    for changed in (
        deleted(pair, [(3, 8), (9, 14)]),
        replaced(pair, [(3, 8), (9, 14)], "poor"),
        inserted(pair, "x", 0),
    ):
        assert changed.text[changed.pair_start - 1] == "\n"
    assert deleted(pair, [(3, 8), (9, 14)]) == Text("so\nfun", 3)


def test_the_case_of_a_single_capital_letter_is_no_shouting():
    assert (cased("we", "I"), cased("we", "IT"), cased("we", "it"), cased("Kane", "it")) == ("We", "WE", "we", "Kane")
