"""Which words should be one token, and which others are tried beside them.

A row of `split_words` (warehouse/scan/) is a mapping with its columns.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

AS_IT_IS, CANDIDATES, PLACEBO, EVERY = "as it is", "candidates", "placebo words", "all split words"
"""Arms: which words are one token."""
MAX_CANDIDATES = 50
HELD = 0.5
"""Share of what all words of the list decide that the candidates hold together: the values fall off fast, and the rest
of the list adds rows to train and little else."""
LEAST_PROBED = 2
"""Words in fewer texts are not offered to the tokenizer, not even as placebo words."""
_NEAREST = 3
"""Placebo words are drawn from so many that match a candidate best."""

Word = Mapping[str, Any]


class Choice(NamedTuple):
    """The words of the arms of a vocabulary review, in lower case."""

    candidates: tuple[str, ...]
    placebo: tuple[str, ...]
    """Others, about as frequent and in as many pieces; none has the stem of a candidate."""
    every: tuple[str, ...]
    """All words that are frequent enough and can be one token."""
    answers: dict[str, str]
    """Word -> rule id of the answer to: should it be one token?"""


def choose(rows: Sequence[Word], refused: Mapping[str, str], least: int, seed: int) -> Choice:
    """The candidates, their placebo and an answer for each word.

    `rows` in the order of their rank; `refused`: words that the tokenizer cannot take, with the rule; `least`: fewest
    texts of a candidate. No label is read: a choice by accuracy would have to be made again on other texts.
    """
    usable = [row for row in rows if row["can_be_token"] and row["word"] not in refused]
    eligible = [row for row in usable if row["n_examples"] >= least]
    chosen = _of_most_weight(eligible)
    names = {row["word"] for row in chosen}
    answers = {row["word"]: _answer(row, refused, least, names) for row in rows}
    probed = [row for row in usable if row["n_examples"] >= LEAST_PROBED]
    placebo = _placebo(chosen, probed, random.Random(f"{seed} placebo words"))
    return Choice(tuple(row["word"] for row in chosen), placebo, tuple(row["word"] for row in eligible), answers)


def _of_most_weight(eligible: Sequence[Word]) -> list[Word]:
    """The fewest words that hold their share of the value of all."""
    wanted = HELD * sum(row["value"] for row in eligible)
    chosen: list[Word] = []
    for row in eligible[:MAX_CANDIDATES]:
        if wanted <= 0:
            break
        chosen.append(row)
        wanted -= row["value"]
    return chosen


def _answer(row: Word, refused: Mapping[str, str], least: int, chosen: set[str]) -> str:
    if row["word"] in chosen:
        return "token.candidate"
    if not row["can_be_token"]:
        return "token.no_word"
    if row["word"] in refused:
        return refused[row["word"]]
    return "token.rare" if row["n_examples"] < least else "token.light"


def _placebo(chosen: Sequence[Word], usable: Sequence[Word], rng: random.Random) -> tuple[str, ...]:
    stems = {row["stem"] for row in chosen}
    rest = [row for row in usable if row["stem"] not in stems]
    drawn: list[str] = []
    for own in chosen:
        if not rest:
            break
        rest.sort(key=lambda row: (*_distance(row, own), row["word"]))
        drawn.append(rest.pop(rng.randrange(min(_NEAREST, len(rest))))["word"])
    return tuple(drawn)


def _distance(row: Word, own: Word) -> tuple[float, float]:
    """In pieces and, among as many, in texts: as a ratio, since ten texts are no nearer to one than to a hundred."""
    several = (row["n_examples"], own["n_examples"])
    return abs(round(row["pieces_per_word"]) - round(own["pieces_per_word"])), max(several) / max(min(several), 1)
