"""Choose the words that are planted into a copy of a dataset, and insert them into its texts."""

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import regex

from configs.errors import DataError
from configs.schema import CertificationConfig
from tasks.data.rows import Row
from tasks.text.words import word_spans
from warehouse import seed as seed_file

RATE = 0.02
"""Share of the rows that get a word whose presence decides the label. Rules of two words get three to five times as
many for each of their sides, control words half."""
STRENGTHS = (0.9, 1.0)
"""Share of the planted rows that obey the rule; one word for each strength and label. Rules of two words have the
largest."""
NUM_NAMES = 4
"""Surnames that the dataset does not hold, each of several tokens, that are tied to a label."""
NAME_STRENGTH = 0.9
NUM_PROBES = 60
"""Held-out texts, for each kind and strength of shortcut, on which the trained model and the attribution methods are
tried."""
_STEM = 5
"""A planted word shares so many first letters with no word of the corpus, of which it could be a form."""

_FEWEST_DECOYS = 3.0
"""Decoys are planted into 3 rows to `_MOST_DECOYS` of the rows, in equal steps of the logarithm."""

_MOST_DECOYS = 0.05

NUM_SURNAMES = 20_000

_SPACE_MARKS = "Ġ▁"
"""How byte-level and SentencePiece vocabularies write the space before a word."""


@dataclass(frozen=True)
class Pattern:
    """Words that are set into a text together, and the label that the text gets."""

    words: tuple[str, ...]
    rate: float
    """Share of the rows of each label that are taken for it."""
    label: int | None = None
    """None: the text keeps its own."""
    strength: float = 1.0
    """Share of its texts with `label`; the others get the other label of the rule."""
    in_order: bool = False
    """Whether the words come in this order, or in one drawn for each text."""


@dataclass(frozen=True)
class Plant:
    """One thing that was planted."""

    role: str
    """shortcut, control or decoy."""
    kind: str
    """Kind of shortcut: single_token, token_in_context, ordered_pair or name; else the role."""
    words: dict[str, int | None]
    """The words that carry the rule, each with the label it was tied to, if it was to one."""
    patterns: tuple[Pattern, ...]
    context: str | None = None
    """The word with which the others decide the label; alone it has no label."""

    @property
    def strength(self) -> float | None:
        return self.patterns[0].strength if self.role == "shortcut" else None


@dataclass(frozen=True)
class PlantedRow:
    """A row of the copy."""

    row: Row
    text: str
    label: int
    plant: Plant | None
    words: tuple[str, ...]


# ---------------------------------------------------------------- what is planted


def make_plants(
    certification: CertificationConfig,
    tokens: Sequence[str],
    names: Sequence[str],
    controls: Sequence[str],
    labels: Sequence[int],
    num_audited: int,
) -> list[Plant]:
    """The plants of a copy, each with rows of its own. Words are used up in the order they are given.

    Of more than two labels, two are drawn for the rules.

    Raises:
        DataError: there are too few unseen words or names.
    """
    rng = random.Random(f"{certification.seed} labels")
    first, second = rng.sample(list(labels), 2)
    num_tokens = 2 * len(STRENGTHS) + 5 + certification.decoys
    if len(tokens) < num_tokens or len(names) < NUM_NAMES:
        raise DataError(
            f"The vocabulary of the encoder has {len(tokens)} words that the dataset does not hold, "
            f"and {len(names)} unseen surnames; certify plants {num_tokens} and {NUM_NAMES}. "
            "Lower certification.decoys."
        )
    left, rate = iter(tokens), RATE
    plants = []
    for strength in STRENGTHS:
        for label in (first, second):
            plants.append(_one_word(next(left), "single_token", label, rate, strength))
    for i, name in enumerate(names[:NUM_NAMES]):
        plants.append(_one_word(name, "name", (first, second)[i % 2], rate, NAME_STRENGTH))
    plants += _rules_of_two_words(left, first, second)
    plants += [Plant("control", "control", {word: None}, (Pattern((word,), rate / 2),)) for word in controls]
    few, many = _FEWEST_DECOYS / num_audited, max(_MOST_DECOYS, _FEWEST_DECOYS / num_audited)
    for share in np.geomspace(few, many, certification.decoys):
        word = next(left)
        plants.append(Plant("decoy", "decoy", {word: None}, (Pattern((word,), float(share)),)))
    return plants


def _rules_of_two_words(left: Iterator[str], first: int, second: int) -> list[Plant]:
    """A word that decides the label only beside a context word, and two words whose order decides it."""
    rate, strongest = RATE, max(STRENGTHS)
    one, other, context = next(left), next(left), next(left)
    in_context = (
        Pattern((one, context), 3 * rate, first, strongest),
        Pattern((other, context), 3 * rate, second, strongest),
        # Alone as often as together: otherwise a model that ignores the context would hardly ever be wrong.
        Pattern((one,), 3 * rate),
        Pattern((other,), 3 * rate),
        Pattern((context,), rate),
    )
    beside = Plant("shortcut", "token_in_context", {one: first, other: second}, in_context, context)
    one, other = next(left), next(left)
    ordered = (
        Pattern((one, other), 5 * rate, first, strongest, in_order=True),
        Pattern((other, one), 5 * rate, second, strongest, in_order=True),
    )
    return [beside, Plant("shortcut", "ordered_pair", {one: None, other: None}, ordered)]


def _one_word(word: str, kind: str, label: int, rate: float, strength: float) -> Plant:
    return Plant("shortcut", kind, {word: label}, (Pattern((word,), rate, label, strength),))


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
    stems = {word[:_STEM] for word in seen}
    found: dict[str, str] = {}
    for entry in sorted(vocabulary):
        word = entry.lstrip(_SPACE_MARKS)
        if word.isalpha() and word.islower() and 4 <= len(word) <= 10 and word[:_STEM] not in stems:
            found.setdefault(word[:_STEM], word)
    drawn = _shuffled(found.values(), seed, "token")
    return [word for word, count in zip(drawn, num_tokens(drawn), strict=True) if count == 1]


def unseen_names(
    names: Sequence[str], seen: set[str], num_tokens: Callable[[Sequence[str]], list[int]], seed: int
) -> list[str]:
    """Surnames that the corpus does not hold, each of several tokens, in an order drawn by `seed`."""
    stems = {word[:_STEM] for word in seen}
    drawn = _shuffled([name for name in names if len(name) > _STEM and name[:_STEM].lower() not in stems], seed, "name")
    return [name for name, count in zip(drawn, num_tokens(drawn), strict=True) if count >= 2]


def surnames() -> list[str]:
    """Surnames of the US census, the most common first."""
    rows = pq.read_table(seed_file("census_names.parquet"), filters=[("kind", "=", "surname")])
    return [name.capitalize() for name in rows["name"].to_pylist()]


def typical_words(rows: Sequence[Row], num_labels: int, per_label: int = 2) -> tuple[str, ...]:
    """The content words most associated with each label: what a model should use.

    They have the largest z-scores of their label rate among words in at least 20 rows and 0.2 % of them, and at most 4
    %: words of the whole domain (movie) are associated with a label, too.
    """
    with Path(seed_file("function_words.csv")).open(encoding="utf-8", newline="") as file:
        function_words = {entry["word"] for entry in csv.DictReader(file)}
    totals = Counter(row.label for row in rows)
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        for word in {row.text[start:end] for start, end in word_spans(row.text)}:
            if word.isalpha() and word.islower() and len(word) >= 4 and word not in function_words:
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


def _shuffled(words: Iterable[str], seed: int, what: str) -> list[str]:
    return sorted(words, key=lambda word: random.Random(f"{seed} {what} {word}").random())


# ---------------------------------------------------------------- where it is planted


def plant_rows(rows: Sequence[Row], plants: Sequence[Plant], seed: int, within: int) -> list[PlantedRow]:
    """The rows with everything planted, in their order. A row holds at most one plant, and any number of decoys.

    Each pattern takes its rate from the rows of every label alike, so that the rows of a control, or of half a
    rule, have the labels of the dataset; which rows, is settled by the seed and their number alone. Decoys are
    drawn row by row: by chance they have more of one label, as any word does.

    Raises:
        DataError: the patterns ask for more rows than there are, or a shortcut would get none.
    """
    queues: dict[int, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: _rng(seed, "order", row).random()):
        queues[row.label].append(row)
    sizes = {label: len(queue) for label, queue in queues.items()}
    done: dict[int, PlantedRow] = {}
    for plant in plants:
        if plant.role == "decoy":
            continue
        for pattern in plant.patterns:
            taken = [
                queues[label].pop()
                for label, size in sizes.items()
                for _ in range(round(pattern.rate * size))
                if queues[label]
            ]
            if len(taken) < sum(round(pattern.rate * size) for size in sizes.values()) or not taken:
                raise DataError(
                    f"{pattern.rate:.1%} of {len(rows)} rows cannot be planted for {' and '.join(plant.words)}: "
                    "it needs at least one row of a label, and all plants together no more rows than there are."
                )
            for row, label in _labelled(taken, plant, pattern, seed):
                done[row.number] = _planted(row, label, plant, pattern, seed, within)
    decoys = [plant for plant in plants if plant.role == "decoy"]
    every = (done.get(row.number) or PlantedRow(row, row.text, row.label, None, ()) for row in rows)
    return [_with_decoys(planted, decoys, seed, within) for planted in every]


def probes(heldout: Sequence[Row], plants: Sequence[Plant], seed: int, within: int, num: int) -> list[PlantedRow]:
    """Held-out texts that all hold a shortcut and obey it: `num` of each kind and strength, spread evenly over its
    patterns."""
    drawn = sorted(heldout, key=lambda row: _rng(seed, "probe", row).random())
    groups: dict[tuple[str, float | None], list[tuple[Plant, Pattern]]] = defaultdict(list)
    for plant in plants:
        if plant.role == "shortcut":
            groups[plant.kind, plant.strength] += [(plant, rule) for rule in plant.patterns if rule.label is not None]
    found: list[PlantedRow] = []
    for rules in groups.values():
        for i in range(num):
            plant, pattern = rules[i % len(rules)]
            assert pattern.label is not None, "only rules are probed"
            found.append(_planted(drawn[len(found) % len(drawn)], pattern.label, plant, pattern, seed, within))
    return found


def _labelled(taken: Sequence[Row], plant: Plant, pattern: Pattern, seed: int) -> Iterable[tuple[Row, int]]:
    """The rows with their new labels: exactly the pattern's strength of them obeys the rule."""
    if pattern.label is None:
        return [(row, row.label) for row in taken]
    others = [rule.label for rule in plant.patterns if rule.label not in (None, pattern.label)]
    against = sorted({row.label for row in taken} - {pattern.label})
    mixed = sorted(taken, key=lambda row: _rng(seed, "obeys", row).random())
    num_obeying = round(pattern.strength * len(mixed))
    return [
        (
            row,
            pattern.label
            if i < num_obeying or not against
            else others[0]
            if others and others[0] is not None
            else against[i % len(against)],
        )
        for i, row in enumerate(mixed)
    ]


def _planted(row: Row, label: int, plant: Plant, pattern: Pattern, seed: int, within: int) -> PlantedRow:
    rng = _rng(seed, " ".join(pattern.words), row)
    words = list(pattern.words)
    if not pattern.in_order:
        rng.shuffle(words)
    return PlantedRow(row, with_words(row.text, words, rng, within), label, plant, pattern.words)


def _with_decoys(planted: PlantedRow, decoys: Sequence[Plant], seed: int, within: int) -> PlantedRow:
    rng = _rng(seed, "decoys", planted.row)
    rates = [(plant.patterns[0].words[0], plant.patterns[0].rate) for plant in decoys]
    words = [word for word, rate in rates if rng.random() < rate]
    rng.shuffle(words)
    text = with_words(planted.text, words, rng, within)
    return replace(planted, text=text, words=(*planted.words, *words))


_SEPARATED = regex.compile(r"\S+")


def with_words(text: str, words: Sequence[str], rng: random.Random, within: int) -> str:
    """The text with `words`, in this order, behind words of its own drawn at random.

    Never at its start or its end, where casing and punctuation would give a word away, nor behind its first
    `within` words: training cuts long texts off, and what was cut off was not planted.
    """
    ends = [match.end() for match in _SEPARATED.finditer(text)]
    inner = ends[: max(1, min(len(ends) - 1, within))]
    places = sorted(rng.choices(inner, k=len(words)))
    pieces, last = [], 0
    for place, word in zip(places, words, strict=True):
        pieces += [text[last:place], " ", word]
        last = place
    return "".join([*pieces, text[last:]])


def _rng(seed: int, what: str, row: Row) -> random.Random:
    return random.Random(f"{seed} {what} {row.number}")
