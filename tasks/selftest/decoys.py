"""Decoys: words of every type that an audit can convict, planted without regard to the label.

Half of the names, places, handles and hashtags come from lists that the product decides types by, the others are made
by rule, so that no list knows them. Numbers, and words that the tokenizer cuts into fragments, are always made, and no
list holds letters or marks.
"""

import csv
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.errors import DataError
from tasks.selftest.words import STEM, shuffled, surnames, words_of
from warehouse import seed as seed_file

MARKS = "%&<>[]{}|\\~^_=§¶†‡•¦¬°±×÷·«»¿¡‖‹›№←↑→↓↔∂∆∇∈√∞∩∪∧∨≈≠≡≤≥⊂⊕⊗′″■▪●★☆♠♣♥♦♪♯♭─│"
"""Punctuation and symbols, none of which is a letter, a digit or a currency."""
_LETTERS = "qzxkjvwαβγδεζηθικλμνξπρτφχψωбгджзийлпфцчшщэюя"

_ONSETS = ("b", "bl", "d", "dr", "f", "g", "gr", "k", "kr", "l", "m", "n", "p", "pr", "r", "s", "sk", "t", "v", "z")
_CODAS = ("", "", "l", "n", "r", "s", "t", "k", "m", "x")
_SURNAME_ENDS = ("ski", "sen", "mann", "ov", "ez", "ing", "well", "ard")
_PLACE_ENDS = ("burg", "ville", "stad", "ford", "holm", "grad", "mouth", "stedt")

PieceCounts = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True)
class Decoy:
    """A word that no label hangs on."""

    word: str
    """As it is written into texts."""
    type: str
    listed: bool = False
    """Whether a list that the product decides types by holds it, or the word that it is made of."""


def typed_decoys(
    num: int, seed: int, seen: set[str], names: Sequence[str], num_tokens: PieceCounts, is_known: Callable[[str], bool]
) -> list[Decoy]:
    """`num` decoys of each type but content words, of which the vocabulary is the list.

    Args:
        num: words of each type.
        seed: of what is drawn.
        seen: words that a decoy must be unlike, in lower case: those of the corpus, and those planted.
        names: unseen surnames of the census, in the order in which they are used.
        num_tokens: how many tokens each of some words has.
        is_known: whether the vocabulary holds a mark or a letter; of those that it does not, none can be told apart.

    Raises:
        DataError: the corpus or the vocabulary leaves too few of a type.
    """
    places = _places(seed)
    numbers = _numbers(seed)
    fragments = (word for word in _coined(seed, "fragment") if num_tokens([word])[0] > 1)
    letters = (letter for letter in shuffled(_LETTERS, seed, "letter") if is_known(letter))
    marks = (mark for mark in shuffled(MARKS, seed, "mark") if is_known(mark))
    listed: dict[str, Iterator[str]] = {
        "surname": iter(names),
        "place": iter(places),
        "handle": (f"@{name.lower()}{_digits(seed, name)}" for name in reversed(names)),
        "hashtag": (f"#{place}" for place in reversed(places)),
        "number": numbers,
        "fragment": fragments,
        "letter": letters,
        "mark": marks,
    }
    made: dict[str, Iterator[str]] = {
        "surname": (word.capitalize() for word in _coined(seed, "surname", _SURNAME_ENDS)),
        "place": (word.capitalize() for word in _coined(seed, "place", _PLACE_ENDS)),
        "handle": (f"@{word}{_digits(seed, word)}" for word in _coined(seed, "handle")),
        "hashtag": (f"#{word.capitalize()}" for word in _coined(seed, "hashtag")),
        "number": numbers,
        "fragment": fragments,
        "letter": letters,
        "mark": marks,
    }
    stems = {_stem(word) for word in seen}
    decoys = []
    for kind in listed:
        for i in range(num):
            from_list = i % 2 == 0
            word = _next_unseen(listed[kind] if from_list else made[kind], seen, stems, kind)
            is_listed = from_list and kind in ("surname", "place", "handle", "hashtag")
            decoys.append(Decoy(word, kind, is_listed))
    return decoys


def type_numbers(num: int, seed: int, seen: set[str]) -> list[str]:
    """`num` different unseen numbers of one shape, `37/58`, which no decoy has. No part of one can be a month."""
    rng = random.Random(f"{seed} number type")
    drawn: dict[str, None] = {}
    while len(drawn) < num:
        number = f"{rng.randint(32, 99)}/{rng.randint(32, 99)}"
        if number not in seen:
            drawn[number] = None
    return list(drawn)


def _next_unseen(words: Iterator[str], seen: set[str], stems: set[str], kind: str) -> str:
    """The next word that is unlike all others; it is one of them from now on."""
    for word in words:
        stem = _stem(word)
        if words_of(word) == {word.lower()} and word.lower() not in seen and stem not in stems:
            stems.add(stem)
            return word
    raise DataError(f"The dataset and the vocabulary leave too few {kind}s to plant. Lower certification.typed_decoys.")


def _stem(word: str) -> str:
    """What no other planted word may begin with; the whole of a number or a mark."""
    bare = word.lower().lstrip("@#") or word
    return bare[:STEM] if bare[0].isalpha() else bare


def _all_places() -> list[str]:
    with Path(seed_file("places.csv")).open(encoding="utf-8", newline="") as file:
        return [entry["place"] for entry in csv.DictReader(file)]


def _places(seed: int) -> list[str]:
    """Places of one capitalised word of six letters or more, without those that are ordinary words as well."""
    with Path(seed_file("ordinary_words.csv")).open(encoding="utf-8", newline="") as file:
        ordinary = {entry["word"] for entry in csv.DictReader(file)}
    fit = [place for place in _all_places() if place.isascii() and place.isalpha() and len(place) > STEM]
    return shuffled([place.capitalize() for place in fit if place not in ordinary], seed, "place")


def _numbers(seed: int) -> Iterator[str]:
    """Numbers that are no dates, times or amounts of money."""
    rng = random.Random(f"{seed} numbers")
    while True:
        yield str(rng.randint(101, 999))
        yield str(rng.randint(2200, 9999))
        yield f"{rng.randint(2, 99)},{rng.randint(100, 999)}"
        yield f"{rng.randint(2, 99)}.{rng.randint(11, 99)}"
        yield f"{rng.randint(11, 99)}%"
        yield f"{rng.randint(2, 9)}{rng.randint(4, 9)}th"


def _coined(seed: int, kind: str, ends: Sequence[str] = ("",)) -> Iterator[str]:
    """Made-up words that are in no list: two syllables and an end, or three syllables where the end is empty."""
    rng = random.Random(f"{seed} coined {kind}")
    known = {name.lower() for name in (*surnames(), *_all_places())}
    while True:
        end = rng.choice(ends)
        syllables = [rng.choice(_ONSETS) + rng.choice("aeiou") + rng.choice(_CODAS) for _ in range(2 + (not end))]
        word = "".join(syllables) + end
        if word not in known:
            yield word


def _digits(seed: int, word: str) -> str:
    return f"{random.Random(f'{seed} digits {word}').randrange(100):02d}"
