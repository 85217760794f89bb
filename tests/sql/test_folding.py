"""One word has one form, however it is written, in tables, lists, commands and waivers."""

import csv
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sql.helpers import PROPERTY
from warehouse import folded

SEEDS = Path(__file__).parents[2] / "warehouse/seeds"


@pytest.mark.parametrize(
    ("spellings", "form"),
    [
        (("Κόσμος", "ΚΟΣΜΟΣ", "κόσμος", "ΚΌΣΜΟΣ", "κόσμοσ"), "κοσμος"),
        (("ΤΈΛΟΣ", "τέλος"), "τελος"),
        (("σ", "Σ", "ς"), "σ"),
        (("İzmir", "I\u0307ZMİR", "izmir", "i\u0307zmir"), "izmir"),
        (("Straße", "STRAẞE"), "straße"),
        (("Don’t", "don't"), "don't"),
        (("CAFE\u0301", "Café"), "café"),
        (("Ёж", "ЁЖ", "е\u0308ж"), "ёж"),
        (("K", "\u212a"), "k"),
        (("电影",), "电影"),
    ],
)
def test_spellings_of_a_word_are_one(spellings, form):
    assert folded(spellings) == [form] * len(spellings)


def test_half_of_a_surrogate_pair_from_a_command_line_is_no_error():
    assert folded(["a\ud800"]) == ["a?"]


def test_every_letter_is_folded_as_unicode_lowers_it_but_for_greek_and_the_dotted_i():
    letters = [
        chr(code) for code in range(1, 0x110000)
        if not 0xD800 <= code < 0xE000 and chr(code) not in "’İ" and "GREEK" not in unicodedata.name(chr(code), "")
    ]  # fmt: skip
    known = [unicodedata.normalize("NFC", letter.lower()) for letter in letters if unicodedata.name(letter, "")]
    assert folded([letter for letter in letters if unicodedata.name(letter, "")]) == known


@pytest.mark.slow
@settings(PROPERTY, max_examples=8)
@given(st.lists(st.text(max_size=8), min_size=20, max_size=80))
def test_folding_twice_is_folding_once_and_no_normal_form_makes_a_difference(words):
    words = [word.replace("\x00", "") for word in words]
    forms = [unicodedata.normalize(form, word) for form in ("NFC", "NFD") for word in words]
    once = folded([*words, *forms])
    assert once[len(words) :] == once[: len(words)] * 2
    assert folded(once) == once


def test_the_lists_hold_words_in_that_form():
    """A word of another form would never be found."""
    for name, column in (("function_words", "word"), ("fixed_words", "word"), ("places", "place"), ("ordinary_words", "word")):  # fmt: skip
        with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            words = [row[column] for row in csv.DictReader(file)]
        assert folded(words) == words, name


def test_the_tables_have_one_row_for_one_word(warehouse):
    texts = ["Ο ΚΟΣΜΟΣ", "ο κόσμος", "İzmir", "IZMIR"]
    rows = [(i, start, end) for i, text in enumerate(texts) for start, end in ([(0, 1), (2, 8)] if i < 2 else [(0, 5)])]
    part = warehouse.part(
        "example_id | word_start | word_end\n" + "\n".join(" | ".join(map(str, row)) for row in rows),
        integrated_gradients=1.0, gradient_x_input=1.0, relevance=1.0, gradient_norm=1.0, contrast=0.0,
    )  # fmt: skip
    warehouse.insert(
        "examples", "example_id | text\n" + "\n".join(f"{i} | {text}" for i, text in enumerate(texts)), converged=True
    )
    found = warehouse.build("aggregate/word_occurrences", token_parts=[part], method="integrated_gradients")
    assert [row["word"] for row in found] == ["ο", "κοσμος", "ο", "κοσμος", "izmir", "izmir"]
