"""Choose the words that are planted into a copy of a dataset, and insert them into its texts."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import regex

from configs.errors import DataError
from configs.schema import CertificationConfig
from tasks.data.rows import Row
from tasks.selftest.decoys import Decoy

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
NUM_NUMBERS = 30
"""Numbers of one shape that are tied to a label together."""
NUM_LINE_WORDS = 5
"""Words of the line that is tied to a label."""
_GROUP_RATE = 2
"""Rows of the numbers, and of the line, in units of `RATE`."""
_GROUP_STRENGTH = 0.9

_FEWEST_DECOYS = 3.0
"""Decoys are planted into 3 rows to `_MOST_DECOYS` of the rows, in equal steps of the logarithm; of the decoys of each
type every second one is as frequent as the words that are tied to a label."""

_MOST_DECOYS = 0.05


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
    one_of: bool = False
    """Whether a text gets one of the words, drawn for it, or all of them."""
    is_line: bool = False
    """Whether the words, in this order, are a line of their own behind the text."""


@dataclass(frozen=True)
class Group:
    """What many planted words are together."""

    type: str
    """The type that an audit should report."""
    name: str
    """How the group is shown; no word is called so."""


@dataclass(frozen=True)
class Plant:
    """One thing that was planted."""

    role: str
    """shortcut, control or decoy."""
    kind: str
    """Kind of shortcut: single_token, token_in_context, ordered_pair, name, number_type or boilerplate_line; else the
    role."""
    words: dict[str, int | None]
    """The words that carry the rule, each with the label it was tied to, if it was to one."""
    patterns: tuple[Pattern, ...]
    context: str | None = None
    """The word with which the others decide the label; alone it has no label."""
    group: Group | None = None
    """Set if the words are tied to the label as a group, and are to be found as one."""
    decoy: Decoy | None = None
    """Type and origin of a decoy."""

    @property
    def name(self) -> str:
        return self.group.name if self.group else " and ".join(self.words)

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
    numbers: Sequence[str] = (),
    typed: Sequence[Decoy] = (),
) -> list[Plant]:
    """The plants of a copy, each with rows of its own. Words are used up in the order they are given.

    Of more than two labels, two are drawn for the rules. `typed` are the decoys of every type but content words, as
    many of each as the settings say.

    Raises:
        DataError: there are too few unseen words or names.
    """
    rng = random.Random(f"{certification.seed} labels")
    first, second = rng.sample(list(labels), 2)
    num_tokens = num_unseen_tokens(certification)
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
    decoys = [Decoy(next(left), "vocabulary word") for _ in range(certification.decoys)]
    rates = [float(share) for share in np.geomspace(few, many, certification.decoys)]
    groups = _groups(left, numbers, first, second)
    content = [Decoy(next(left), "content word") for _ in range(certification.typed_decoys)]
    for kind in dict.fromkeys(decoy.type for decoy in (*typed, *content)):
        own = [decoy for decoy in (*typed, *content) if decoy.type == kind]
        decoys += own
        rates += _typed_rates(len(own), few, many)
    return plants + groups + [_decoy(decoy, share) for decoy, share in zip(decoys, rates, strict=True)]


def num_unseen_tokens(certification: CertificationConfig) -> int:
    """Words of the vocabulary that a copy takes."""
    rules = 2 * len(STRENGTHS) + 5
    return rules + NUM_LINE_WORDS + certification.decoys + certification.typed_decoys


def _typed_rates(num: int, few: float, many: float) -> list[float]:
    """Rates of the decoys of one type, listed and made ones in turn: of either, half are at the rate of the shortcuts,
    and the others spread from `few` to `many`."""
    at_rate = [(i + i // 2) % 2 == 0 for i in range(num)]
    spread = iter(np.geomspace(few, many, num - sum(at_rate)))
    return [RATE if fixed else float(next(spread)) for fixed in at_rate]


def _decoy(decoy: Decoy, share: float) -> Plant:
    return Plant("decoy", "decoy", {decoy.word: None}, (Pattern((decoy.word,), share),), decoy=decoy)


def _groups(left: Iterator[str], numbers: Sequence[str], first: int, second: int) -> list[Plant]:
    """Numbers of one shape, each in few texts, and a line of unseen words: each group is tied to a label."""
    rate, strength = _GROUP_RATE * RATE, _GROUP_STRENGTH
    line = tuple(next(left) for _ in range(NUM_LINE_WORDS))
    one = Pattern(tuple(numbers), rate, first, strength, one_of=True)
    whole = Pattern(line, rate, second, strength, in_order=True, is_line=True)
    found = [
        Plant("shortcut", kind, dict.fromkeys(pattern.words, pattern.label), (pattern,), group=group)
        for kind, pattern, group in (
            ("number_type", one, Group("number", "00/00")),
            ("boilerplate_line", whole, Group("boilerplate", " ".join(line))),
        )
    ]
    return [plant for plant in found if plant.words]


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
                    f"{pattern.rate:.1%} of {len(rows)} rows cannot be planted for {plant.name}: "
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
    words = [rng.choice(pattern.words)] if pattern.one_of else list(pattern.words)
    if not pattern.in_order:
        rng.shuffle(words)
    held = tuple(words) if pattern.one_of else pattern.words
    text = with_line(row.text, words, within) if pattern.is_line else with_words(row.text, words, rng, within)
    return PlantedRow(row, text, label, plant, held)


def _with_decoys(planted: PlantedRow, decoys: Sequence[Plant], seed: int, within: int) -> PlantedRow:
    rng = _rng(seed, "decoys", planted.row)
    rates = [(plant.patterns[0].words[0], plant.patterns[0].rate) for plant in decoys]
    words = [word for word, rate in rates if rng.random() < rate]
    rng.shuffle(words)
    if planted.plant is not None and planted.plant.patterns[0].is_line:
        # The line stays whole.
        text = with_line(with_words(planted.row.text, words, rng, within), planted.words, within)
    else:
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


def with_line(text: str, words: Sequence[str], within: int) -> str:
    """The text with `words` as a line of its own at its end, or behind its first `within` words: training cuts long
    texts off."""
    ends = [match.end() for match in _SEPARATED.finditer(text)]
    line = " ".join(words)
    if len(ends) <= within:
        return f"{text}\n{line}"
    return f"{text[: ends[within - 1]]}\n{line}\n{text[ends[within - 1] :].lstrip()}"


def _rng(seed: int, what: str, row: Row) -> random.Random:
    return random.Random(f"{seed} {what} {row.number}")
