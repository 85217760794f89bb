"""Texts as the model reads them: their tokens, and the windows of long ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.model.forward import Classifier
from tasks.model.spec import ModelSpec
from tasks.model.tokens import Encoded, encode

OVERLAP = 64
"""Tokens that neighbouring windows share, or half a window, if that is less, so that no token is in three windows."""


def read_texts(classifier: Classifier, rows: Sequence[Mapping[str, Any]], model: ModelSpec) -> list[Encoded]:
    """Tokens of each row's `text`, a pair of texts where `pair_start` says so; cut at the limit unless there are
    windows."""
    limit = None if model.long_texts == "windows" else classifier.max_tokens
    return encode(classifier.tokenizer, [str(row["text"]) for row in rows], [row["pair_start"] for row in rows], limit)


def windows_of(text: Encoded, classifier: Classifier, model: ModelSpec) -> list[tuple[Encoded, np.ndarray]]:
    """A text as windows that the model can read, each with the positions of its tokens in the text.

    Neighbours share `OVERLAP` tokens, or more at the end of the text. Every window has the special tokens of the
    whole text around it, so the scores of these are summed over the windows.
    """
    num_tokens = len(text.ids)
    everything = np.arange(num_tokens)
    if num_tokens <= classifier.max_tokens:
        return [(text, everything)]
    ordinary = np.flatnonzero(~np.array(text.special, dtype=bool))
    first, last = int(ordinary[0]), int(ordinary[-1]) + 1
    size = classifier.max_tokens - first - (num_tokens - last)
    starts = [*range(first, last - size, size - min(OVERLAP, size // 2)), last - size]
    found = []
    for start in starts:
        positions = np.concatenate([everything[:first], everything[start : start + size], everything[last:]])
        found.append((_part_of(text, positions), positions))
    return found


def _part_of(text: Encoded, positions: np.ndarray) -> Encoded:
    return Encoded(
        [text.ids[t] for t in positions],
        [text.offsets[t] for t in positions],
        [text.special[t] for t in positions],
        None if text.types is None else [text.types[t] for t in positions],
    )


def mean_over_windows(logits: np.ndarray, windows: Sequence[Sequence[object]]) -> np.ndarray:
    """Logits (text, K): a long text is classified by the mean of its windows' logits."""
    first = np.cumsum([0, *(len(text) for text in windows)])
    mean: np.ndarray = np.add.reduceat(logits, first[:-1]) / np.diff(first)[:, None]
    return mean
