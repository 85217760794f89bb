"""The operators of trials: ways to take a word out of a text, or to put it into one.

    delete  a word that carries meaning is taken out
    swap    a word whose type should not decide is replaced by others of its type: its stand-ins
    insert  the word is put into a text without it that is read as another label

Delete and swap work on all occurrences in a text. All words are inserted into a text at the same place, so that what
any word of the type does there, the placebo, is made once. Stand-ins are drawn anew for every text: the difference
between them is in the effects of the texts, and so in the interval of their mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from tasks.attribution.batches import draw
from tasks.text.edits import Span, Text, deleted, inserted, replaced
from tasks.trials.reader import Reader

_SEED = 0
"""Seed of the places where words are inserted, and of the stand-ins."""
STAND_INS = 4
"""Stand-ins of a word in a text; two of them where it is tried in many texts, since texts differ by more."""

MAX_STAND_INS = 24
"""Most words that stand in for one word."""
MIN_STAND_INS = 8
"""A type of fewer words has no stand-ins of its own; content words stand in for it."""

Operator = Literal["delete", "swap", "insert"]


class Candidate(NamedTuple):
    kind: str
    label: str
    word: str


def candidate_of(row: Mapping[str, Any]) -> Candidate:
    return Candidate(row["kind"], row["label"], row["word"])


@dataclass(frozen=True)
class Trial:
    """A text after an operator."""

    example_id: int
    after: Text
    replacement: str | None


@dataclass
class Operation:
    """An operator on one candidate: the trials of each text in their order, and the rows of those that were run."""

    candidate: Candidate
    operator: Operator
    texts: list[list[Trial]]
    placebo_type: str | None = None
    rows: list[list[dict[str, Any]]] = field(default_factory=list)

    def effects(self, placebos: Mapping[tuple[str, int, str], float]) -> list[float]:
        """What the word adds to the log-odds of its label in each text, less the placebo."""
        found = []
        for rows in self.rows:
            after = float(np.mean([row["margin_after"] for row in rows]))
            if self.placebo_type is None:
                found.append(rows[0]["margin_before"] - after)
            else:
                found.append(after - placebos[self.placebo_type, rows[0]["example_id"], self.candidate.label])
        return found


def operations_on(row: Mapping[str, Any], reader: Reader, max_documents: int) -> tuple[Operation, Operation]:
    """The removal and the insertion of a candidate, a row of `verify/plan`, each on its first `max_documents` texts."""
    candidate = candidate_of(row)
    texts = []
    chosen = row["held"][:max_documents]
    num = int(np.clip(2 * max_documents // max(len(chosen), 1), 2, STAND_INS))
    for held in chosen:
        example_id, spans = held["example_id"], spans_of(held["spans"])
        text = reader.text(example_id)
        if row["within_type"]:
            words = drawn_words(row["replacements"], f"{candidate.word} {example_id}", num)
            texts.append([Trial(example_id, replaced(text, spans, word), word) for word in words])
        else:
            texts.append([Trial(example_id, deleted(text, spans), None)])
    removal = Operation(candidate, "swap" if row["within_type"] else "delete", [trials for trials in texts if trials])
    texts = []
    for k, other in enumerate(row["others"][:max_documents]):
        word = row["inserts"][k % len(row["inserts"])]
        texts.append([Trial(other["example_id"], inserted_into(other, word, reader), word)])
    return removal, Operation(candidate, "insert", texts, row["placebo_type"])


def inserted_into(other: Mapping[str, Any], word: str, reader: Reader) -> Text:
    """The text with the word at its place, which is the same for every word and in what the model reads."""
    # What is cut is counted in tokens and the place in words.
    read = 1.0 if other["read_share"] == 1 else 0.9 * other["read_share"]
    return inserted(reader.text(other["example_id"]), word, read * draw(_SEED, str(other["example_id"]).encode()))


def drawn_words(words: Sequence[str], content: str, num: int) -> list[str]:
    """So many of the words, by a hash of them and of the content."""
    return sorted(words, key=lambda word: draw(_SEED, f"{content} {word}".encode()))[:num]


def spans_of(spans: Sequence[Mapping[str, int]]) -> list[Span]:
    return [(span["span_start"], span["span_end"]) for span in spans]
