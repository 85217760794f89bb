"""The arms of a retraining: each remedy that an audit proposes, all of them together, and a placebo.

An arm changes what a classifier is trained on: the labelling rules, the words of the training texts, or what is taken
out of every text, before training and before each prediction. The placebo has as many changes of the same kinds, drawn
at random: a gain that it shows, too, is none of the audit's.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import regex

from configs.section import digest
from tasks.data.rows import Row
from tasks.data.rules import Rules, Term, with_term, without_term, write_rules
from tasks.data.votes import rule_labels
from tasks.model.spec import ModelSpec
from tasks.text.edits import Text, edited
from tasks.text.folding import folded_surfaces
from tasks.text.words import word_spans

AS_IT_IS, RULES, TOGETHER, PLACEBO = "as it is", "labelling rules", "all together", "placebo"
SWAPPED = 0.5
"""Share of the occurrences of a word that another of its type takes the place of: the word stays one of many."""


@dataclass(frozen=True)
class Swap:
    """A word that should decide no more than another of its type."""

    word: str
    """In lower case, as the tables hold it."""
    type: str
    stand_ins: tuple[str, ...]


@dataclass(frozen=True)
class Arm:
    """What a classifier is trained on."""

    name: str
    rules: Rules | None = None
    """Labelling rules; None where the rows keep the labels they have."""
    swaps: tuple[Swap, ...] = ()
    strips: tuple[str, ...] = ()
    """Regular expressions: what they match is taken out of every text."""
    unlearned: tuple[tuple[str, int], ...] = ()
    """Words, each with the index of the label it pushes towards: the last layer is fitted again on rows with weights at
    which the word tells nothing of that label. Such an arm trains nothing else."""
    changes: tuple[str, ...] = field(default=(), compare=False)
    """What it changes, one sentence each."""

    @property
    def key(self) -> str:
        """A hash of what it changes."""
        rules = None if self.rules is None else write_rules(self.rules)
        swaps = [(swap.word, swap.type, swap.stand_ins) for swap in self.swaps]
        return digest(rules, swaps, self.strips, self.unlearned)


@dataclass(frozen=True)
class Proposals:
    """What an audit proposes to change."""

    rules: Rules | None = None
    """The labelling rules as they are."""
    patched: Rules | None = None
    """The same, as the audit proposes them."""
    swaps: tuple[Swap, ...] = ()
    strips: tuple[str, ...] = ()
    unlearned: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Retrained:
    """What a retraining wrote."""

    predictions: tuple[Path, ...]
    """Manifests, one for each arm and seed that was trained."""
    held_out: Path
    """Manifest of the texts."""
    best: ModelSpec | None
    """The classifier of the arm that was kept."""


def arms_of(proposals: Proposals, placebo: Arm) -> list[Arm]:
    """The arms, that of no change first and the placebo last. A single remedy is not repeated as `all together`."""
    base = Arm(AS_IT_IS, proposals.rules)
    single = []
    if proposals.rules is not None and proposals.patched is not None and proposals.patched != proposals.rules:
        said = said_of_rules(proposals.rules, proposals.patched)
        single.append(replace(base, name=RULES, rules=proposals.patched, changes=said))
    if proposals.swaps:
        said = tuple(f"{swap.word}: another {swap.type} in its place, half of the time" for swap in proposals.swaps)
        single.append(replace(base, name="swapped words", swaps=proposals.swaps, changes=said))
    if proposals.strips:
        said = tuple(f"taken out of every text: {pattern}" for pattern in proposals.strips)
        single.append(replace(base, name="text taken out", strips=proposals.strips, changes=said))
    if not single and not proposals.unlearned:
        return [base]
    together = Arm(
        TOGETHER,
        proposals.patched or proposals.rules,
        proposals.swaps,
        proposals.strips,
        changes=tuple(change for arm in single for change in arm.changes),
    )
    last_layer = (
        [
            replace(
                base,
                name="last layer",
                unlearned=proposals.unlearned,
                changes=tuple(f"{word} tells nothing of the label" for word, _ in proposals.unlearned),
            )
        ]
        if proposals.unlearned
        else []
    )
    retrained = [*single, together] if len(single) > 1 else [replace(together, name=arm.name) for arm in single]
    return [base, *retrained, *last_layer, *([placebo] if retrained else [])]


def said_of_rules(rules: Rules, patched: Rules) -> tuple[str, ...]:
    """What a change of labelling rules takes out and adds."""
    before, after = terms_of(rules), terms_of(patched)
    gone = [f"{rule}: {term.text} dropped" for rule, _, term in before if (rule, term) not in _named(after)]
    new = [
        f"{rule}: {term.text} added, for {label}" for rule, label, term in after if (rule, term) not in _named(before)
    ]
    return (*gone, *new)


def terms_of(rules: Rules) -> list[tuple[str, str, Term]]:
    """Every term, with the name and the label of its rule."""
    return [(rule.name, rule.label, term) for rule in rules.rules for term in rule.terms]


def _named(terms: Sequence[tuple[str, str, Term]]) -> set[tuple[str, Term]]:
    return {(rule, term) for rule, _, term in terms}


# ---------------------------------------------------------------- the placebo


def placebo_of(
    proposals: Proposals,
    frequencies: Mapping[str, int],
    others: Mapping[str, Sequence[str]],
    rng: random.Random,
) -> Arm:
    """As many changes of the same kinds as the proposals, drawn at random.

    `frequencies` are the numbers of training texts that hold each word: a keyword is dropped or added about as frequent
    as one that is proposed. `others`: words of each type that are no finding, in the place of those to be swapped.
    What is taken out has no placebo: a random part of a text is no pattern.
    """
    rules, swaps = proposals.rules, list[Swap]()
    if rules is not None and proposals.patched is not None:
        rules = _random_rules(rules, proposals.patched, frequencies, rng)
    for kind in sorted({swap.type for swap in proposals.swaps}):
        own = [swap for swap in proposals.swaps if swap.type == kind]
        words = sorted(set(others.get(kind, ())) - {swap.word for swap in own})
        drawn = rng.sample(words, min(len(words), len(own)))
        swaps += [replace(swap, word=word) for swap, word in zip(own, drawn, strict=False)]
    changes = () if rules is None or proposals.rules is None else said_of_rules(proposals.rules, rules)
    said = tuple(f"{swap.word}: another {swap.type} in its place, half of the time" for swap in swaps)
    return Arm(PLACEBO, rules, tuple(swaps), changes=(*changes, *said))


def _random_rules(rules: Rules, patched: Rules, frequencies: Mapping[str, int], rng: random.Random) -> Rules:
    before, after = terms_of(rules), terms_of(patched)
    gone = [entry for entry in before if (entry[0], entry[2]) not in _named(after)]
    new = [entry for entry in after if (entry[0], entry[2]) not in _named(before)]
    left = [entry for entry in before if entry not in gone]
    known = {term.text.casefold() for _, _, term in (*before, *after)}
    changed = rules
    for name, _, term in _as_frequent(gone, left, frequencies, rng)[: max(len(left) - 1, 0)]:
        changed = without_term(changed, name, term.text)
    for name, label, term in new:
        wanted = frequencies.get(term.text.casefold(), 0)
        near = [
            word
            for word, count in frequencies.items()
            if word.isalpha() and word not in known and wanted / 2 <= count <= 2 * max(wanted, 1)
        ]
        if near:
            word = rng.choice(sorted(near))
            known.add(word)
            changed = with_term(changed, name, Term("keyword", word), label)
    return changed


def _as_frequent(
    gone: Sequence[tuple[str, str, Term]],
    left: Sequence[tuple[str, str, Term]],
    frequencies: Mapping[str, int],
    rng: random.Random,
) -> list[tuple[str, str, Term]]:
    """As many others, each in about as many texts as one of those that go: drawn from the three nearest."""
    rest, drawn = list(left), []
    for _, _, term in gone[: len(left)]:
        wanted = frequencies.get(term.text.casefold(), 0)
        rest.sort(key=lambda entry: (abs(frequencies.get(entry[2].text.casefold(), 0) - wanted), entry[2].text))
        drawn.append(rest.pop(rng.randrange(min(3, len(rest)))))
    return drawn


# ---------------------------------------------------------------- rows


def training_rows(arm: Arm, rows: Sequence[Row], labels: Sequence[str], seed: int) -> list[Row]:
    """The rows that an arm trains on, without those that its rules do not label."""
    found = list(rows)
    if arm.rules is not None:
        given = rule_labels(arm.rules, found, labels)
        found = [replace(row, label=label) for row, label in zip(found, given, strict=True) if label >= 0]
    if arm.swaps:
        found = _swapped(found, arm.swaps, seed)
    return read_rows_of(arm, found)


def read_rows_of(arm: Arm, rows: Sequence[Row]) -> list[Row]:
    """The rows as an arm's classifier reads them: without what is taken out. A text that would be empty is kept."""
    if not arm.strips:
        return list(rows)
    patterns = [regex.compile(pattern) for pattern in arm.strips]
    return [_with_text(row, _stripped(row, patterns)) for row in rows]


def _stripped(row: Row, patterns: Sequence["regex.Pattern[str]"]) -> Text:
    own = row.text if row.pair_start is None else row.text[: row.pair_start - 1]
    rest = "" if row.pair_start is None else row.text[row.pair_start - 1 :]
    left = own
    for pattern in patterns:
        left = pattern.sub("", left)
    left = left.strip() or own
    return Text(left + rest, None if row.pair_start is None else len(left) + 1)


def _swapped(rows: Sequence[Row], swaps: Sequence[Swap], seed: int) -> list[Row]:
    known = {swap.word: swap for swap in swaps}
    words = folded_surfaces(row.text for row in rows)
    found = []
    for row in rows:
        rng = random.Random(f"{seed} swap {row.number}")
        edits = [
            ((start, end), rng.choice(known[word].stand_ins))
            for start, end in word_spans(row.text)
            if (word := words[row.text[start:end]]) in known and rng.random() < SWAPPED
        ]
        found.append(_with_text(row, edited(Text(row.text, row.pair_start), edits)) if edits else row)
    return found


def _with_text(row: Row, text: Text) -> Row:
    return replace(row, text=text.text, pair_start=text.pair_start)
