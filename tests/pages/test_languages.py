"""The page and the terminal say which language was assumed, which rules are off for it, and what a word is."""

import json

import pytest

from tasks.pages.languages import LISTS, language_sentences
from tests.sql.screen.made import rows_of
from tests.sql.screen.texts import LISTS as SEEDS
from warehouse.query import shipped


@pytest.fixture
def said(warehouse):
    def told(languages, surfaces=("film",), segmenter="none"):
        given = [{"language": code, "share": share} for code, share in languages]
        names, lists = SEEDS["language_names"], SEEDS["word_lists"]
        warehouse.build("screen/languages", languages=json.dumps(given), language_names=names)
        warehouse.build("screen/language_lists", word_lists=lists)
        warehouse.insert("word_occurrences", "surface\n" + "\n".join(surfaces))
        connection = warehouse.connection
        connection.execute(shipped("registry.sql").read_text())
        facts = dict.fromkeys(("run_id", "name", "folder"), "r") | {"labels": [], "config": "{}", "inputs": "{}"}
        warehouse.warehouse.run("registry/start_run", {**facts, "versions": json.dumps({"segmenter": segmenter})})
        return language_sentences(warehouse.warehouse, "r")

    return told


def test_in_english_nothing_is_off_and_nothing_more_is_said(said):
    assert said([("en", 0.98)]) == ("English (98%), detected", "")


def test_the_rules_that_are_off_are_named_with_their_language(said):
    language, rules = said([("ru", None)])
    assert language == "Russian, by data.language"
    assert rules.startswith("Off for Russian: fragments (no list of affixes), contractions")
    assert "function words" not in rules
    assert "set data.language" not in rules
    language, rules = said([("be", 1.0)])
    assert "function words, negations" in rules
    assert rules.endswith("If the language is another one, set data.language.")


def test_of_two_languages_each_has_its_own(said):
    language, rules = said([("en", 0.6), ("hi", 0.4)])
    assert language == "English (60%) and Hindi (40%), detected"
    assert rules.startswith("Off for Hindi: ")
    assert "English" not in rules


def test_no_language_is_said_to_be_none(said):
    language, rules = said([])
    assert language == "none was recognised"
    assert rules.startswith("Off for these texts, whose language nobody knows: ")


def test_what_a_word_is_without_spaces_depends_on_the_dictionary(said):
    assert "pip install 'token-audit[icu]'" in said([("zh", 1.0)], ["电影"])[1]
    assert "cut into words by ICU (icu4py 1.2.0)" in said([("zh", 1.0)], ["电影"], "icu4py 1.2.0")[1]
    assert "spaces" not in said([("zh", 1.0)], ["film"])[1]


def test_every_list_has_its_words_on_the_page():
    assert set(LISTS) == {row["list"] for row in rows_of("word_lists")}
