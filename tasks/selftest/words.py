"""Words that are fit for planting: the corpus holds none of them, or, of controls, they decide its labels."""

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tasks.data.rows import Row
from tasks.text.words import word_spans
from warehouse import seed as seed_file

NUM_SURNAMES = 20_000
STEM = 5
"""A planted word shares so many first letters with no word of the corpus, of which it could be a form."""

_SPACE_MARKS = "Ġ▁"
"""How byte-level and SentencePiece vocabularies write the space before a word."""


def words_of(text: str) -> set[str]:
    """The words of a text in lower case."""
    return {text[start:end].lower() for start, end in word_spans(text)}


def unseen_tokens(
    vocabulary: Iterable[str], seen: set[str], num_tokens: Callable[[Sequence[str]], list[int]], seed: int
) -> list[str]:
    """Lower-case words that are one token each and unlike every word seen, in an order drawn by `seed`.

    One token, so that a network can learn it without its fragments, and a word of the vocabulary, so that its embedding
    is trained.
    """
    stems = {word[:STEM] for word in seen}
    found: dict[str, str] = {}
    for entry in sorted(vocabulary):
        word = entry.lstrip(_SPACE_MARKS)
        if word.isalpha() and word.islower() and 4 <= len(word) <= 10 and word[:STEM] not in stems:
            found.setdefault(word[:STEM], word)
    drawn = shuffled(found.values(), seed, "token")
    return [word for word, count in zip(drawn, num_tokens(drawn), strict=True) if count == 1]


def unseen_names(
    names: Sequence[str], seen: set[str], num_tokens: Callable[[Sequence[str]], list[int]], seed: int
) -> list[str]:
    """Surnames that the corpus does not hold, each of several tokens, in an order drawn by `seed`."""
    stems = {word[:STEM] for word in seen}
    drawn = shuffled([name for name in names if len(name) > STEM and name[:STEM].lower() not in stems], seed, "name")
    return [name for name, count in zip(drawn, num_tokens(drawn), strict=True) if count >= 2]


def surnames() -> list[str]:
    """Surnames of the US census, the most common first."""
    rows = pq.read_table(seed_file("census_names.parquet"), filters=[("kind", "=", "surname")])
    return [name.capitalize() for name in rows["name"].to_pylist()]


def identity_terms() -> set[str]:
    """Terms of gender, religion, origin and the like, in lower case: shown and not judged, so no test of the rule."""
    with Path(seed_file("identity_terms.csv")).open(encoding="utf-8", newline="") as file:
        return {entry["word"].lower() for entry in csv.DictReader(file)}


def typical_words(
    rows: Sequence[Row], num_labels: int, languages: Collection[str], per_label: int = 2
) -> tuple[str, ...]:
    """The content words most associated with each label: what a model should use.

    Words that the lists of `languages` hold are function words.
    They have the largest z-scores of their label rate among words in at least 20 rows and 0.2 % of them, and at most 4
    %: words of the whole domain (movie) are associated with a label, too.
    """
    with Path(seed_file("function_words.csv")).open(encoding="utf-8", newline="") as file:
        listed = {entry["word"] for entry in csv.DictReader(file) if entry["language"] in languages}
    left_out = listed | identity_terms()
    totals = Counter(row.label for row in rows)
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        for word in {row.text[start:end] for start, end in word_spans(row.text)}:
            if word.isalpha() and word.islower() and len(word) >= 4 and word not in left_out:
                counts[word][row.label] += 1
    least = max(20, 0.002 * len(rows))
    most = 0.04 * len(rows)
    frequent = {word: count for word, count in counts.items() if least <= count.total() <= most}

    def z(word: str, label: int) -> float:
        share, num = totals[label] / len(rows), frequent[word].total()
        return float((frequent[word][label] / num - share) / np.sqrt(max(share * (1 - share), 1e-12) / num))

    chosen: list[str] = []
    for label in range(num_labels):
        ranked = sorted(frequent, key=lambda word: (-z(word, label), word))
        chosen += [word for word in ranked if word not in chosen][:per_label]
    return tuple(chosen)


def shuffled(words: Iterable[str], seed: int, what: str) -> list[str]:
    """The words in an order drawn by `seed`, whatever others there are."""
    return sorted(words, key=lambda word: random.Random(f"{seed} {what} {word}").random())
