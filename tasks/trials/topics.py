"""Words that name a class: they are expected to act."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import regex

from warehouse import folded

MAX_TOPICS = 10
"""Most words of a class, those of the config first."""
MIN_MEANING = 3.0
"""How close to the name of its label a word must be, in standard deviations between the words, by an encoder that has
seen no training label (tasks/trials/meaning.py)."""
MIN_NAMED = 1.28
"""The same for a word that a labelling rule of the label names: it is nearer to the name than nine in ten words are, so
that the rule and the encoder agree on what it means."""
MIN_STEM = 4
"""Letters that a word and a label name share at their start, at least, and all but one of the shorter."""
MAX_ENDING = 4
"""Letters of the longer that follow, at most."""


def topic_words(
    words: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    given: Mapping[str, Sequence[str]],
    named: Mapping[str, Sequence[str]],
) -> list[dict[str, str]]:
    """Rows of `judge/topics`: `label`, `word` and `source` (given, name, meaning, or rule).

    `words` has a row for each word whose meaning was looked up: `word`, `type` and `meaning`, one figure a label, or
    None. Only content words are close to a name by their meaning; a name of a person is none of a class. `named` has
    the keywords of labelling rules for each label; those that mean it are added to the others, however many they are.
    """
    found = []
    for k, label in enumerate(labels):
        rows = dict[str, str]()
        for word, source in _ranked(words, k, label, given.get(label, ())):
            rows.setdefault(word, source)
        kept = dict(list(rows.items())[:MAX_TOPICS])
        for row in words:
            if row["word"] in named.get(label, ()) and _means(row, k, MIN_NAMED):
                kept.setdefault(row["word"], "rule")
        found += [{"label": label, "word": word, "source": source} for word, source in kept.items()]
    return found


def _ranked(words: Sequence[Mapping[str, Any]], k: int, label: str, given: Sequence[str]) -> Iterator[tuple[str, str]]:
    names = folded(regex.findall(r"\p{L}{3,}", label))
    for word in folded(given):
        yield word, "given"
    for row in words:
        if any(row["word"] == name or _share_a_stem(row["word"], name) for name in names):
            yield row["word"], "name"
    close = [(row["meaning"][k], row["word"]) for row in words if _means(row, k, MIN_MEANING)]
    for _, word in sorted(close, reverse=True):
        yield word, "meaning"


def _means(row: Mapping[str, Any], k: int, least: float) -> bool:
    return row["type"] == "content word" and row["meaning"] is not None and row["meaning"][k] >= least


def _share_a_stem(word: str, name: str) -> bool:
    shared = next((n for n, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name)))
    shorter, longer = sorted((len(word), len(name)))
    return shared >= max(MIN_STEM, shorter - 1) and longer - shared <= MAX_ENDING
