"""The operators of trials: ways to change a text that holds a word, or to insert the word into a text.

    delete     the word is taken out
    mask       the tokenizer's mask token is put in its place
    swap       another word of its type, which the model does not use, is put in its place
    neighbour  a word that is close to it for the model, if it has such neighbours
    insert     the word is put into a text without it that is read as another label

All but insert work on all occurrences in a text.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from configs.schema import VerificationConfig
from tasks.attribution.batches import draw
from tasks.text.edits import Span, Text, deleted, inserted, masked, replaced
from tasks.trials.reader import Reader, neighbourhood
from warehouse import seed

_SEED = 0
"""Seed of the places where words are inserted."""
NEIGHBOURS = 5
MIN_SIMILARITY = 0.4
"""Words are neighbours if the cosine of their input embeddings, less the mean of all, is at least this."""

MAX_NEIGHBOURTRIALS = 16
"""Trials with neighbours only tell the word from its meaning; they need no narrow interval."""

Operator = Literal["delete", "mask", "swap", "neighbour", "insert"]

OPERATORS: tuple[Operator, ...] = ("delete", "mask", "swap", "neighbour", "insert")


class Candidate(NamedTuple):
    kind: str
    label: str
    word: str


def candidate_of(row: Mapping[str, Any]) -> Candidate:
    return Candidate(row["kind"], row["label"], row["word"])


@dataclass
class Trial:
    """A text before and after an operator."""

    example_id: int
    after: Text
    replacement: str | None


@dataclass
class Operation:
    """An operator on one candidate: its trials in their order, and the rows of those that were run."""

    candidate: Candidate
    operator: Operator
    trials: list[Trial]
    rows: list[dict[str, Any]]

    def effects(self) -> list[float]:
        """What the word adds to the log-odds of its label."""
        sign = 1 if self.operator == "insert" else -1
        return [sign * (row["margin_after"] - row["margin_before"]) for row in self.rows]


def operations_on(
    candidate: Candidate, row: Mapping[str, Any], reader: Reader, verification: VerificationConfig
) -> list[Operation]:
    """All trials that could be made of a candidate; k texts share out the replacements in turn."""
    held = [
        (
            text["example_id"],
            reader.text(text["example_id"]),
            [(span["span_start"], span["span_end"]) for span in text["spans"]],
        )
        for text in row["held"]
    ]
    trials: dict[Operator, list[Trial]] = {operator: [] for operator in OPERATORS}
    neighbours = _neighbours(candidate, reader, verification)
    for k, (example_id, text, spans) in enumerate(held):
        trials["delete"].append(Trial(example_id, deleted(text, spans), None))
        if reader.mask is not None:
            trials["mask"].append(Trial(example_id, masked(text, spans, reader.mask), None))
        trials["swap"] += _replacing(example_id, text, spans, row["replacements"], k)
        if k < MAX_NEIGHBOURTRIALS:
            trials["neighbour"] += _replacing(example_id, text, spans, neighbours, k)
    for k, example_id in enumerate(row["others"]):
        word = row["inserts"][k % len(row["inserts"])]
        place = draw(_SEED, f"{candidate.word} {example_id}".encode())
        trials["insert"].append(Trial(example_id, inserted(reader.text(example_id), word, place), word))
    return [Operation(candidate, operator, trials[operator], []) for operator in OPERATORS]


def _replacing(example_id: int, text: Text, spans: Sequence[Span], words: Sequence[str], k: int) -> list[Trial]:
    word = words[k % len(words)] if words else None
    return [] if word is None else [Trial(example_id, replaced(text, spans, word), word)]


def _neighbours(candidate: Candidate, reader: Reader, verification: VerificationConfig) -> list[str]:
    if candidate.kind == "piece":
        return []
    near = neighbourhood(reader.classifier)
    return near.of(candidate.word, NEIGHBOURS, MIN_SIMILARITY, _function_words())


@lru_cache(maxsize=1)
def _function_words() -> frozenset[str]:
    with Path(seed("function_words.csv")).open(encoding="utf-8", newline="") as file:
        return frozenset(row["word"] for row in csv.DictReader(file))
