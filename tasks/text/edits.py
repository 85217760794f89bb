"""Delete, replace and insert words in a raw text, by their spans.

Spans are (start, end) in code points of the text, in order and without overlap. A text
with `pair_start` is two, the second of which starts there, behind a line break.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from tasks.text.words import word_spans

Span = tuple[int, int]

Edit = tuple[Span, str]
"""A span, and what to put there."""

Place = Literal["start", "end", "first line", "last line"]


class Text(NamedTuple):
    """One text, or two."""

    text: str
    pair_start: int | None


def deleted(text: Text, spans: Sequence[Span]) -> Text:
    """The text without the words at `spans`, and without the double space that one between two spaces would leave."""
    return edited(text, [(span, "") for span in spans])


def replaced(text: Text, spans: Sequence[Span], replacement: str) -> Text:
    """The text with `replacement` in the place of each word, in the letter case of that word."""
    return edited(text, [(span, replacement) for span in spans])


def edited(text: Text, edits: Sequence[Edit]) -> Text:
    """The text with a word in the place of each span, in its letter case; an empty word deletes what stands there."""
    return _edited(text, [((start, end), cased(word, text.text[start:end])) for (start, end), word in edits])


def inserted(text: Text, word: str, place: float) -> Text:
    """The text with `word` before any word but the first, or at the end; `place` in [0, 1) chooses where.

    In a pair of texts, the word goes into the first.
    """
    own = text.text if text.pair_start is None else text.text[: text.pair_start - 1]
    # Not inside what is written without a space, such as "don't" or a word and its comma.
    starts = [start for start, _ in word_spans(own)[1:] if own[start - 1].isspace()]
    at = [*starts, len(own)][int(place * (len(starts) + 1))]
    around = (" " if at == len(own) and own and not own[-1].isspace() else "", " " if at < len(own) else "")
    added = f"{around[0]}{word}{around[1]}"
    start = None if text.pair_start is None else text.pair_start + len(added)
    return Text(f"{text.text[:at]}{added}{text.text[at:]}", start)


def put_at(text: Text, words: str, place: Place) -> Text:
    """The text with `words` at its start or its end, or as its first or its last line.

    In a pair of texts, the words go into the first.
    """
    if place in ("start", "first line"):
        added = f"{words}\n" if place == "first line" else f"{words} "
        return Text(f"{added}{text.text}", None if text.pair_start is None else text.pair_start + len(added))
    own, rest = text.text, ""
    if text.pair_start is not None:
        own, rest = text.text[: text.pair_start - 1], text.text[text.pair_start - 1 :]
    added = f"\n{words}" if place == "last line" else f" {words}"
    return Text(f"{own}{added}{rest}", None if text.pair_start is None else text.pair_start + len(added))


def cased(word: str, like: str) -> str:
    """`word` in the letter case of `like`: in capitals, with a capital initial, or unchanged."""
    letters = [letter for letter in like if letter.isalpha()]
    if len(letters) > 1 and all(letter.isupper() for letter in letters):
        return word.upper()
    return word[:1].upper() + word[1:] if letters and like[0].isupper() else word


def _edited(text: Text, edits: Sequence[Edit]) -> Text:
    if text.pair_start is None:
        return Text(_changed(text.text, edits), None)
    border = text.pair_start
    first = _changed(text.text[: border - 1], [edit for edit in edits if edit[0][1] < border])
    second = [((start - border, end - border), new) for (start, end), new in edits if start >= border]
    return Text(f"{first}\n{_changed(text.text[border:], second)}", len(first) + 1)


def _changed(text: str, edits: Sequence[Edit]) -> str:
    for (start, end), new in reversed(edits):
        before, after = text[:start], text[end:]
        if not new and (not before or before[-1].isspace()):
            if after[:1].isspace():
                after = after[1:]
            elif not after:
                before = before[:-1]
        text = f"{before}{new}{after}"
    return text
