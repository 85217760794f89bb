"""Decoys of every type: how many, from which lists, and that they are words that the corpus does not hold."""

import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import regex

from configs.errors import DataError
from tasks.selftest.decoys import MARKS, Decoy, type_numbers, typed_decoys
from tasks.text.words import word_spans
from warehouse import folded

pytestmark = pytest.mark.slow

SEEDS = Path(__file__).parents[2] / "warehouse/seeds"
NAMES = ("Kowalczyk", "Wisniewski", "Abramowitz", "Okonkwo", "Trumble", "Marenco", "Bocanegra", "Lacourse")
SHAPES = {
    "surname": r"\p{Lu}\p{Ll}{4,}", "place": r"\p{Lu}\p{Ll}{4,}", "fragment": r"\p{Ll}{8,}", "letter": r"\p{Ll}", "handle": r"@\p{Ll}{5,}\d\d",
    "hashtag": r"#\p{Lu}\p{Ll}{4,}", "number": r"\d{3,4}|\d{1,2}[,.]\d{2,3}|\d\d%|\d\dth", "mark": r"[^\p{L}\p{N}\s]",
}  # fmt: skip


def pieces(words):
    return [1 if len(word) < 8 else 3 for word in words]


@cache
def decoys(num=6, seed=0, seen=frozenset(), is_known=lambda _: True, names=NAMES):
    return typed_decoys(num, seed, set(seen), names, pieces, is_known)


@pytest.fixture(scope="module")
def lists():
    names = pq.read_table(SEEDS / "census_names.parquet", filters=[("kind", "=", "surname")])["name"].to_pylist()
    with (SEEDS / "places.csv").open(encoding="utf-8", newline="") as file:
        return {"surname": set(names), "place": {row["place"] for row in csv.DictReader(file)}}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_type_has_its_number_and_each_is_one_word_of_its_shape(seed):
    found = decoys(seed=seed)
    assert Counter(decoy.type for decoy in found) == dict.fromkeys(SHAPES, 6)
    assert len({decoy.word.lower() for decoy in found}) == len(found)
    for decoy in found:
        assert regex.fullmatch(SHAPES[decoy.type], decoy.word), decoy
        text = f"a {decoy.word} b"
        assert [text[start:end] for start, end in word_spans(text)] == ["a", decoy.word, "b"]
    # As the queries write them.
    assert folded([decoy.word for decoy in found]) == [decoy.word.lower() for decoy in found]


def test_half_of_each_type_is_in_no_list(lists):
    for kind, known in lists.items():
        own = [decoy for decoy in decoys() if decoy.type == kind]
        assert [decoy.listed for decoy in own] == [True, False] * 3
        assert [decoy.word.lower() in known for decoy in own] == [True, False] * 3
    for kind, of in (("handle", "surname"), ("hashtag", "place")):
        own = [decoy for decoy in decoys() if decoy.type == kind]
        assert [decoy.listed for decoy in own] == [True, False] * 3
        assert [re.sub(r"[@#\d]", "", decoy.word).lower() in lists[of] for decoy in own] == [True, False] * 3
    assert not any(decoy.listed for decoy in decoys() if decoy.type in ("number", "fragment", "letter", "mark"))


def test_fragments_are_made_up_words_that_the_tokenizer_cuts():
    # `pieces` cuts words of eight letters or more.
    own = [decoy.word for decoy in decoys() if decoy.type == "fragment"]
    assert all(len(word) >= 8 for word in own)


def test_nothing_that_the_corpus_holds_or_begins_like_it_is_planted():
    first = decoys()
    seen = {decoy.word.lower() for decoy in first}
    second = decoys(
        seen=frozenset(seen),
        names=(*NAMES, "Zukowski", "Yevtushenko", "Quisenberry", "Hollingsworth", "Ferrante", "Delacroix"),
    )
    stems = {word[:5] for word in seen if word.isalpha() and len(word) > 1}
    assert not seen & {decoy.word.lower() for decoy in second}
    assert not stems & {decoy.word.lower()[:5] for decoy in second if decoy.word.isalpha() and len(decoy.word) > 1}


def test_of_marks_and_letters_only_those_that_the_vocabulary_can_tell_apart():
    own = decoys(num=4, is_known=lambda mark: mark in "§¶†‡αβγδ")
    assert {decoy.word for decoy in own if decoy.type == "mark"} == set("§¶†‡")
    assert {decoy.word for decoy in own if decoy.type == "letter"} == set("αβγδ")


def test_too_few_marks_are_one_sentence():
    with pytest.raises(DataError, match=r"leave too few marks to plant\. Lower certification\.typed_decoys"):
        decoys(num=4, seen=frozenset(MARKS) - set("§¶†"))


def test_what_is_drawn_is_settled_by_the_seed():
    assert decoys() == decoys.__wrapped__()
    assert set(decoys()) != set(decoys(seed=1))
    assert Decoy("Kowalczyk", "surname", listed=True) in decoys()


def test_planted_numbers_are_of_a_shape_that_no_decoy_has_and_are_no_dates():
    numbers = type_numbers(30, 0, {"41/52"})
    assert len(set(numbers)) == 30
    assert "41/52" not in numbers
    assert {number for number in numbers if not re.fullmatch(r"[3-9]\d/[3-9]\d", number)} == set()
    assert not any(int(part) < 32 for number in numbers for part in number.split("/"))
    assert not any("/" in decoy.word for decoy in decoys() if decoy.type == "number")
