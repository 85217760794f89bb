"""Rules that need a word list are right in its language, and off without one."""

import csv
from collections import Counter

import pytest

from tests.sql.screen.made import WAREHOUSE, rows_of
from tests.sql.screen.texts import typed

pytestmark = pytest.mark.slow

RUSSIAN = ["Я был в кино, и он не был там, но фильм очень хороший; она и я молчим."] * 30
LISTED = {row["language"] for row in rows_of("word_lists") if row["list"] == "function_words"}


def kinds(found, *words):
    return {word: (found["word", word]["rule"], found["word", word]["word_group"]) for word in words}


def test_one_letter_words_negations_and_the_like_are_known_in_russian(warehouse):
    found = typed(warehouse, RUSSIAN, languages=["ru"])
    assert kinds(found, "я", "в", "и", "не", "но", "очень", "фильм") == {
        "я": ("function.list", "stop word"), "в": ("function.list", "stop word"), "и": ("function.list", "stop word"),
        "не": ("function.list", "negation"), "но": ("function.list", "adversative"), "очень": ("function.list", "intensifier"),
        "фильм": ("content.other", None),
    }  # fmt: skip
    assert {found["word", word]["expectation"] for word in ("не", "очень", "но")} == {"exempt"}


def test_without_a_list_of_its_language_no_word_is_suspect_for_being_short_or_unlike_others(warehouse):
    """я, и and в were fragments of one letter, and spurious, by the rules of English."""
    pieces = [("·ил·", "фильм"), ("·ил·", "милый"), ("·ил·", "сила"), ("·ил·", "пила")]
    found = typed(warehouse, RUSSIAN, pieces, languages=["be"])
    assert kinds(found, "я", "в", "не", "фильм") == dict.fromkeys(
        ("я", "в", "не", "фильм"), ("content.unlisted", "unlisted")
    )
    assert found["piece", "·ил·"]["rule"] == "fragment.unlisted"
    assert {found[key]["expectation"] for key in (("word", "я"), ("word", "фильм"), ("piece", "·ил·"))} == {"unknown"}
    assert "in no list" in found["word", "я"]["said"]
    # What needs no list is known as ever.
    found = typed(warehouse, [*RUSSIAN, "В 2014 году @me http://a.org <br/> 😀 !"], languages=[])
    assert kinds(found, "2014", "@me", "http://a.org", "<br/>", "😀", "!") == {
        "2014": ("number.date", None), "@me": ("markup.handle", None), "http://a.org": ("markup.url", None),
        "<br/>": ("markup.tag", None), "😀": ("symbol.emoji", None), "!": ("punctuation.character", None),
    }  # fmt: skip


def test_a_list_of_names_alone_makes_none_where_nobody_listed_the_ordinary_words(warehouse):
    texts = ["la rosa y el angel son grandes en granada"] * 30
    assert kinds(typed(warehouse, texts, languages=["en"]), "rosa", "granada") == {
        "rosa": ("name.list", None), "granada": ("place.list", None),
    }  # fmt: skip
    assert kinds(typed(warehouse, texts, languages=["es"]), "rosa", "granada", "y", "son") == {
        "rosa": ("content.other", None), "granada": ("content.other", None), "y": ("function.list", "stop word"),
        "son": ("function.list", "stop word"),
    }  # fmt: skip


def test_english_lists_are_for_english(warehouse):
    texts = ["Ein alter Mann und eine Frau, man sagt im Mai nichts davon und der Film war gut."] * 30
    found = typed(warehouse, texts, languages=["de"])
    assert kinds(found, "man", "nichts", "im") == {
        "man": ("function.list", "stop word"), "nichts": ("function.list", "negation"), "im": ("function.list", "stop word"),
    }  # fmt: skip
    assert found["word", "mann"]["type"] != "identity term"


def test_letters_of_full_width_are_no_disguise_where_they_are_usual(warehouse):
    texts = ["ＣＤ 很好。"] * 30
    assert typed(warehouse, texts, languages=["zh"])["word", "ｃｄ"]["rule"] == "content.other"
    assert typed(warehouse, texts, languages=["en"])["word", "ｃｄ"]["rule"] == "mixed.look_alikes"


def test_a_word_that_leans_on_the_next_is_a_function_word_if_both_are(warehouse):
    texts = ["Il n'aime pas l'été, c'est qu'il n'est jamais d'un avis ; l'homme dort."] * 30
    found = typed(warehouse, texts, languages=["fr"])
    assert kinds(found, "n'aime", "n'est", "c'est", "qu'il", "d'un", "l'homme") == {
        "n'aime": ("function.list", "negation"), "n'est": ("function.list", "negation"), "c'est": ("function.list", "stop word"),
        "qu'il": ("function.list", "stop word"), "d'un": ("function.list", "stop word"), "l'homme": ("content.other", None),
    }  # fmt: skip


def test_of_two_languages_both_lists_count_and_a_rule_needs_both(warehouse):
    texts = ["The film was not good and b was there.", "Der Film war nicht gut und b war da."] * 20
    found = typed(warehouse, texts, languages=["de", "en"])
    assert kinds(found, "not", "nicht", "b") == {
        "not": ("function.list", "negation"), "nicht": ("function.list", "negation"), "b": ("fragment.letter", None),
    }  # fmt: skip
    rows = {row["list"]: row for row in warehouse.rows("report/language_lists")}
    assert set(rows) == {"affixes", "contractions", "dates_and_numbers", "identity_terms", "ordinary_words"}
    assert rows["affixes"]["missing"] == ["German"]


@pytest.mark.parametrize("language", sorted(LISTED))
def test_a_language_has_negations_intensifiers_adversatives_and_function_words(language):
    groups = Counter(row["word_group"] for row in rows_of("function_words") if row["language"] == language)
    assert groups["negation"] >= 8, groups
    assert groups["intensifier"] >= 15, groups
    assert groups["adversative"] >= 4, groups
    assert groups.total() >= 80, groups


def test_ten_languages_and_more_have_lists_and_no_word_stands_twice_in_one():
    assert len(LISTED) >= 15
    rows = [(row["language"], row["word"]) for row in rows_of("function_words")]
    assert len(rows) == len(set(rows))


def test_the_file_that_says_which_lists_there_are_agrees_with_them():
    said = {(row["list"], row["language"]) for row in rows_of("word_lists")}
    words = {row["language"] for row in rows_of("function_words")}
    affixes = {row["language"] for row in rows_of("function_words") if row["word_group"] == "affix"}
    dates = {row["language"] for row in rows_of("fixed_words") if row["language"]}
    made = {("function_words", code) for code in words} | {("affixes", code) for code in affixes}
    assert said == made | {("dates_and_numbers", code) for code in dates} | {
        ("contractions", "en"), ("identity_terms", "en"), ("ordinary_words", "en"),
    }  # fmt: skip
    with (WAREHOUSE / "seeds/language_names.csv").open(encoding="utf-8", newline="") as file:
        assert {row["language"] for row in csv.DictReader(file)} >= LISTED
