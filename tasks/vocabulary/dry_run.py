"""What an extended tokenizer does to the texts of a corpus, measured before any model is touched."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from tasks.model.tokens import Encoded, encode
from tasks.text.words import word_spans
from tasks.vocabulary.align import shared_tokens
from tasks.vocabulary.append import pre_tokens
from tasks.vocabulary.extend import Added, Extension, unreachable

_BATCH = 1000
"""Texts that are encoded together."""


class Collision(NamedTuple):
    """A word of the texts in which an added token stands for a part: "covidiots" once "covid" is a token."""

    word: str
    """The token was added for this word."""
    found: str
    """The word of the texts, as it is written."""
    texts: int


@dataclass(frozen=True)
class Measured:
    """Before is the tokenizer as it is, after the extended one. Tokens are those of whole texts, with special ones."""

    texts: int
    tokens_before: int
    tokens_after: int
    saved: dict[str, int]
    """Word -> tokens saved where its token stands, in all texts; they add up to what all texts save."""
    affected: tuple[int, ...]
    """Texts (by index) that hold an added token."""
    offenders: tuple[int, ...]
    """Texts whose ids change although they hold no added token: there must be none."""
    collisions: tuple[Collision, ...]
    unreachable: tuple[int, ...]
    """New ids that no text with their word has: there must be none."""
    bad_offsets: tuple[tuple[int, str], ...]
    """(text, rule id): `range`, `order`, `token` (the offsets of a new token are not those of its word), `covered`
    (other characters have a token than before)."""
    longer: tuple[int, ...]
    """Texts that have more tokens than before."""
    no_longer_cut: tuple[int, ...]
    """Texts that were cut at the limit, and are whole now."""
    cut: int
    """Texts that are cut today."""
    encode_seconds: tuple[float, float]
    """All texts, before and after."""
    load_seconds: tuple[float, float]
    """Reading tokenizer.json, before and after."""
    rows_before: int
    rows_after: int
    """Embeddings that the tokenizer needs."""

    @property
    def tokens_saved(self) -> int:
        return self.tokens_before - self.tokens_after

    def bytes_added(self, width: int, bytes_each: int = 4) -> int:
        """Size of the new rows in a checkpoint whose embeddings have this width."""
        return (self.rows_after - self.rows_before) * width * bytes_each


@dataclass
class _Counts:
    tokens: list[int] = field(default_factory=lambda: [0, 0])
    saved: Counter[str] = field(default_factory=Counter)
    lists: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    collided: Counter[tuple[str, str]] = field(default_factory=Counter)
    bad: list[tuple[int, str]] = field(default_factory=list)
    cut: int = 0
    seconds: list[float] = field(default_factory=lambda: [0.0, 0.0])


def measured(before: Any, extension: Extension, texts: Sequence[str], max_tokens: int) -> Measured:
    """Encode all texts with both tokenizers and compare."""
    counts = _Counts()
    for first in range(0, len(texts), _BATCH):
        batch = list(texts[first : first + _BATCH])
        old, counts.seconds[0] = _timed(before, batch, counts.seconds[0])
        new, counts.seconds[1] = _timed(extension.tokenizer, batch, counts.seconds[1])
        for place, (text, was, now) in enumerate(zip(batch, old, new, strict=True), first):
            _compare(counts, extension, place, text, was, now, max_tokens)
    lists = {name: tuple(counts.lists[name]) for name in ("affected", "offenders", "longer", "no_longer_cut")}
    return Measured(
        texts=len(texts),
        tokens_before=counts.tokens[0],
        tokens_after=counts.tokens[1],
        saved={one.word: counts.saved[one.word] for one in extension.added},
        collisions=tuple(Collision(*words, number) for words, number in _largest_first(counts.collided)),
        unreachable=tuple(one.new_id for one in unreachable(extension)),
        bad_offsets=tuple(counts.bad),
        cut=counts.cut,
        encode_seconds=(counts.seconds[0], counts.seconds[1]),
        load_seconds=(_load_seconds(before), _load_seconds(extension.tokenizer)),
        rows_before=_rows(before),
        rows_after=_rows(extension.tokenizer),
        **lists,
    )


def _largest_first(counts: Counter[tuple[str, str]]) -> list[tuple[tuple[str, str], int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def require_clean(measured: Measured, texts: Sequence[str]) -> None:
    """
    Raises:
        AssertionError: a text that holds no added token has other ids, or a new id is unreachable.
    """
    assert not measured.offenders, f"other ids without an added token: {texts[measured.offenders[0]]!r}"
    assert not measured.unreachable, f"unreachable: {measured.unreachable}"


def _compare(
    counts: _Counts, extension: Extension, place: int, text: str, was: Encoded, now: Encoded, max_tokens: int
) -> None:
    new = extension.new_ids
    counts.tokens[0] += len(was.ids)
    counts.tokens[1] += len(now.ids)
    counts.cut += len(was.ids) > max_tokens
    held = [i for i, number in enumerate(now.ids) if number in new]
    if not held:
        if was.ids != now.ids:
            counts.lists["offenders"].append(place)
        return
    counts.lists["affected"].append(place)
    if len(now.ids) > len(was.ids):
        counts.lists["longer"].append(place)
    if len(was.ids) > max_tokens >= len(now.ids):
        counts.lists["no_longer_cut"].append(place)
    for i, saved in _savings(extension, was, now, held).items():
        counts.saved[new[now.ids[i]].word] += saved
    counts.bad += [(place, rule) for rule in _bad_offsets(extension, text, was, now, held)]
    for pair in dict.fromkeys(_collisions(extension, text, now, held)):
        counts.collided[pair] += 1


def _savings(extension: Extension, was: Encoded, now: Encoded, held: Sequence[int]) -> dict[int, int]:
    """Position of each new token -> tokens that it saves: its pieces but one. Between two tokens that both ways of
    cutting share, the first new one has what this stretch saves more, or less."""
    anchors = [*zip(*shared_tokens(was, now), strict=True), (len(was.ids), len(now.ids))]
    savings: dict[int, int] = {}
    before, after = -1, -1
    for theirs, ours in anchors:
        inside = {i: len(extension.new_ids[now.ids[i]].pieces) - 1 for i in held if after < i < ours}
        if inside:
            inside[min(inside)] += (theirs - before) - (ours - after) - sum(inside.values())
        savings |= inside
        before, after = theirs, ours
    return savings


def _bad_offsets(extension: Extension, text: str, was: Encoded, now: Encoded, held: Sequence[int]) -> list[str]:
    spans = [offsets for offsets, special in zip(now.offsets, now.special, strict=True) if not special]
    wrong = []
    if any(not 0 <= first <= past <= len(text) for first, past in spans):
        wrong.append("range")
    if any(spans[i][0] > spans[i + 1][0] or spans[i][1] > spans[i + 1][1] for i in range(len(spans) - 1)):
        wrong.append("order")
    backend = extension.tokenizer.backend_tokenizer
    if any(not _stands_for(backend, extension.new_ids[now.ids[i]], text[slice(*now.offsets[i])].strip()) for i in held):
        wrong.append("token")
    if _visible(text, was) != _visible(text, now):
        wrong.append("covered")
    return wrong


def _stands_for(backend: Tokenizer, added: Added, stretch: str) -> bool:
    """Whether a stretch of text is what the tokenizer takes for the word."""
    if stretch == added.word:
        return True
    return bool(stretch) and pre_tokens(backend, stretch) == pre_tokens(backend, added.word)


def _visible(text: str, encoded: Encoded) -> set[int]:
    """Places of the characters that have a token, without spaces, which some tokenizers give to the token behind."""
    return {
        place
        for (first, past), special in zip(encoded.offsets, encoded.special, strict=True)
        if not special
        for place in range(first, past)
        if not text[place].isspace()
    }


def _collisions(extension: Extension, text: str, now: Encoded, held: Sequence[int]) -> list[tuple[str, str]]:
    """(word of the token, word of the text) where the token stands for a part of a word of the text."""
    spans = word_spans(text)
    found = []
    for i in held:
        first, past = now.offsets[i]
        while first < past and text[first].isspace():
            first += 1
        around = [span for span in spans if span[0] < past and span[1] > first]
        start, end = (min(span[0] for span in around), max(span[1] for span in around)) if around else (first, past)
        if (start, end) != (first, past):
            found.append((extension.new_ids[now.ids[i]].word, text[start:end]))
    return found


def _timed(tokenizer: Any, texts: Sequence[str], spent: float) -> tuple[list[Encoded], float]:
    start = time.perf_counter()
    found = encode(tokenizer, texts, None, None)
    return found, spent + time.perf_counter() - start


def _load_seconds(tokenizer: Any) -> float:
    text = tokenizer.backend_tokenizer.to_str()
    return _seconds(lambda: Tokenizer.from_str(text))


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _rows(tokenizer: Any) -> int:
    ids: list[int] = list(tokenizer.backend_tokenizer.get_vocab(with_added_tokens=True).values())
    return max(ids) + 1
