"""Append tokens to the model of a tokenizer, as its tokenizer.json has it."""

import contextlib
import logging
import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import regex
from skeletoken import TokenizerModel
from tokenizers import Tokenizer

from tasks.text.words import SPACELESS

_SPACELESS = regex.compile(f"[{SPACELESS}]")
_ABOVE = 1e-4
"""By how much a Unigram word scores more than its pieces: enough to be chosen, and next to nothing elsewhere."""
_UNKNOWN_PENALTY = 10.0
"""By how much `tokenizers` scores an unknown character below the least likely piece."""


class AppendError(Exception):
    """What comes out is not the vocabulary with these tokens behind it; the message says what it is."""


class Token(Protocol):
    """A token to append."""

    @property
    def token(self) -> str: ...
    @property
    def pieces(self) -> tuple[str, ...]: ...
    @property
    def new_id(self) -> int: ...


def pre_tokens(backend: Tokenizer, word: str) -> list[str]:
    """What the model is given of a word behind a space: one string with the marks of a word, or several.

    Where no space divides words (Chinese, Thai), behind another letter.
    """
    space = "" if _SPACELESS.match(word) else " "
    alone, both = _cut(backend, "a"), _cut(backend, f"a{space}{word}")
    if len(both) == len(alone):
        # Nothing is cut before the model: the whole text is one string.
        rest = both[-1].removeprefix(alone[-1]) if both else ""
        return [rest] if rest.strip(" ▁") else []
    return both[len(alone) :] if both[: len(alone)] == alone else both


def _cut(backend: Tokenizer, text: str) -> list[str]:
    normal = text if backend.normalizer is None else backend.normalizer.normalize_str(text)
    if backend.pre_tokenizer is None:
        return [normal] if normal else []
    return [part for part, _ in backend.pre_tokenizer.pre_tokenize_str(normal)]


def looks_up_whole_words(backend: Tokenizer) -> bool:
    """Whether a BPE can look up words before it merges, and cuts every text as it does today.

    It has to be given words, and to merge each word of its vocabulary to that same word.
    """
    model: Any = backend.model
    if len(_cut(backend, "a b")) != 2:
        return False
    if model.ignore_merges:
        return True
    special = {token.content for token in backend.get_added_tokens_decoder().values()}
    other = [
        token
        for token in backend.get_vocab(with_added_tokens=False)
        if token not in special and [piece.value for piece in model.tokenize(token)] != [token]
    ]
    decoder = backend.decoder
    return not any(decoder is None or token in _cut(backend, decoder.decode([token])) for token in other)


def appended_model(backend: Tokenizer, before: dict[str, Any], added: Sequence[Token]) -> dict[str, Any]:
    """The model of a tokenizer.json with these tokens behind its vocabulary.

    Raises:
        AppendError: the ids would not follow each other.
    """
    with _quiet():
        model = TokenizerModel.from_tokenizer(backend)
        for one in added:
            if before["type"] == "BPE" and len(one.pieces) != 2:
                model.model.vocab.add_token(one.token)
            else:
                model.model.add_token(one.token)
    after: dict[str, Any] = model.model.model_dump(mode="json")
    after = {key: after[key] for key in before}
    if before["type"] == "Unigram":
        _score(after["vocab"], before, added)
    else:
        # Tokens added behind the vocabulary, and by their ids alone, do not become pieces.
        new = {one.token for one in added}
        after["vocab"] = {token: i for token, i in after["vocab"].items() if token in before["vocab"] or token in new}
    if before["type"] == "BPE" and any(len(one.pieces) != 2 for one in added):
        after["ignore_merges"] = True
    _require_behind(before, after, added)
    return after


def _score(vocab: list[Any], before: dict[str, Any], added: Sequence[Token]) -> None:
    scores = dict(before["vocab"])
    lowest = min(scores.values())
    # A character without a piece of its own is unknown, and costs the more the lower the lowest score is: that matters
    # for texts in which a longer piece holds such a character.
    floor = lowest if any(letter not in scores for piece in scores for letter in piece) else -math.inf
    for one in added:
        total = sum(scores.get(piece, len(piece) * (lowest - _UNKNOWN_PENALTY)) for piece in one.pieces)
        vocab[one.new_id] = [one.token, max(total + _ABOVE, floor)]


def _require_behind(before: dict[str, Any], after: dict[str, Any], added: Sequence[Token]) -> None:
    listed = before["type"] == "Unigram"
    old, new = (
        {piece: i for i, (piece, _) in enumerate(model["vocab"])} if listed else model["vocab"]
        for model in (before, after)
    )
    wanted = {one.token: one.new_id for one in added}
    extra = {token: i for token, i in new.items() if token not in old and token not in wanted}
    if any(new.get(token) != i for token, i in (old | wanted).items()) or (extra and not listed):
        raise AppendError("the numbers of its tokens have gaps, so that new ones would not stand behind them.")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What skeletoken warns of is checked here."""
    logger = logging.getLogger("skeletoken")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
