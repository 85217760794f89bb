"""Cut raw texts into tokens."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from transformers.utils import logging as transformers_logging


@dataclass(frozen=True)
class Encoded:
    """One text as the tokenizer cut it."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    special: list[int]
    types: list[int] | None


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' progress bars and warnings off the terminal; what matters is checked and raised here."""
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def encode(
    tokenizer: Any, texts: Sequence[str], pair_starts: Sequence[int | None] | None, max_tokens: int | None
) -> list[Encoded]:
    """Raw texts as the tokenizer cuts them, cut off at `max_tokens`; offsets are code points of the raw text.

    A text with a place in `pair_starts` is two, the second of which starts there, behind a line break. Of two that are
    too long together, the longer one loses its end first.
    """
    if not texts:
        return []
    starts = list(pair_starts or [None] * len(texts))
    with quiet_transformers():
        found = tokenizer(
            *_texts_and_seconds(texts, starts),
            truncation=max_tokens is not None,
            max_length=max_tokens,
            padding=False,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_attention_mask=False,
        )
    types = found.get("token_type_ids")
    encoded = []
    for i, start in enumerate(starts):
        offsets = [(int(first), int(last)) for first, last in found["offset_mapping"][i]]
        if start is not None:
            offsets = [
                (first + start, last + start) if text == 1 else (first, last)
                for (first, last), text in zip(offsets, found.sequence_ids(i), strict=True)
            ]
        special = [int(flag) for flag in found["special_tokens_mask"][i]]
        encoded.append(
            Encoded(list(found["input_ids"][i]), offsets, special, None if types is None else list(types[i]))
        )
    return encoded


def token_counts(tokenizer: Any, texts: Sequence[str], pair_starts: Sequence[int | None]) -> list[int]:
    """How many tokens each whole text has, special ones included."""
    if not texts:
        return []
    with quiet_transformers():
        found = tokenizer(
            *_texts_and_seconds(texts, pair_starts),
            truncation=False,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
    return [len(ids) for ids in found["input_ids"]]


def _texts_and_seconds(texts: Sequence[str], starts: Sequence[int | None]) -> tuple[list[str], list[str] | None]:
    pairs = [split_pair(text, start) for text, start in zip(texts, starts, strict=True)]
    seconds = [second for _, second in pairs if second is not None]
    assert len(seconds) in (0, len(texts)), "a dataset holds texts or pairs of texts"
    return [first for first, _ in pairs], seconds or None


def split_pair(text: str, start: int | None) -> tuple[str, str | None]:
    """The two texts of a pair, the second of which starts there, behind a line break; a single text, and None."""
    return (text, None) if start is None else (text[: start - 1], text[start:])
