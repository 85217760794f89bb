"""The words of a raw text, and which token belongs to which word.

Words are found in the raw text, not taken from the tokenizer, so that WordPiece,
byte-level BPE and SentencePiece models are audited in the same unit. No word is smaller
than a token: where one covers a part of two words, they are one. All offsets are Unicode
code points of the raw text, end exclusive.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from itertools import accumulate
from typing import Any

import regex

Span = tuple[int, int]

# Chinese, Japanese, Thai, Khmer, Lao, Burmese and others: scripts whose words no space divides.
SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}ーｰ\p{Line_Break=Complex_Context}"
# An address ends where such a script begins, or its punctuation.
_ADDRESS = rf"""\s<>"{SPACELESS}\u3000-\u303F\uFF00-\uFFEF"""
_NAME = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--[{SPACELESS}]]"
_TOPIC = r"[[\p{L}\p{M}\p{N}_·《》—-]--[\p{Hiragana}\p{Katakana}\p{Hangul}]]"
_BARE = (
    "allowfullscreen|async|autofocus|autoplay|checked|compact|controls|defer|disabled|download|hidden|loop|multiple"
    "|muted|noshade|novalidate|nowrap|open|readonly|required|reversed|selected"
)

# In this order: what looks like markup or an address is one unit, without the punctuation that ends the sentence. A
# tag is a name alone or with attributes: <a warm welcome> is none. A hashtag and a handle end as on X and Instagram, a
# topic of Weibo at its second #. A number keeps its separators; an apostrophe stays inside a word (don't, O'Hara) but a
# possessive 's is cut off, so that "Spielberg's" counts as Spielberg; joiners without width stay inside a word; what is
# written without spaces is cut into words by ICU, or falls apart into graphemes without it; anything else visible is
# one grapheme, so that an emoji with modifiers or a letter with a stray accent is whole.
#
# A text may be built to make matching slow. Possessive quantifiers (++) and bounded repeats keep every
# alternative linear; flags have one of their own because \X counts a run of them from its start.
_WORD = regex.compile(
    rf"""
      (?:(?i:https?://)|(?i:www\.))[^{_ADDRESS}]*[^{_ADDRESS}\p{{P}}]/?
    | (?<!{_NAME}){_NAME}[{_NAME}.+-]{{0,63}}+@[{_NAME}-]++(?:\.[{_NAME}-]++)++
    | </?[A-Za-z][\w:.-]{{0,40}}+
        (?:\s++(?:
          [A-Za-z_:@][\w:.@-]{{0,40}}+\s*+=\s*+(?:"[^"<>]{{0,500}}+"|'[^'<>]{{0,500}}+'|[^\s"'<>]{{1,500}}+)
          | (?i:{_BARE})(?![\w=-])
        ))*+\s*+/?>
    | \[(?:CLS|SEP|PAD|UNK|MASK)\] | <\|[^<>|\s]{{1,60}}\|>
    | &(?:[A-Za-z][A-Za-z0-9]{{1,30}}|\#[0-9]{{1,7}}|\#[xX][0-9A-Fa-f]{{1,6}});
    | [\#＃](?=[^\#＃]{{0,39}}\p{{Han}}){_TOPIC}{{1,40}}+[\#＃](?![\p{{Hiragana}}\p{{Katakana}}\p{{Hangul}}])
    | [\#＃]{_TOPIC}{{1,40}}+[\#＃](?![[\p{{L}}\p{{N}}_]--\p{{Han}}])
    | [@＠]{_NAME}++(?:@[{_NAME}-]++(?:\.[{_NAME}-]++)++)?+
    | [@＠\#＃][\p{{L}}\p{{M}}\p{{N}}_]++
    | \p{{N}}++(?:[.,:/٫٬]\p{{N}}++)++(?:(?:st|nd|rd|th|s)(?![\p{{L}}\p{{M}}\p{{N}}]))?+%?
    | \p{{N}}++(?:st|nd|rd|th|s)?+(?![\p{{L}}\p{{M}}\p{{N}}])%?
    | (?P<spaceless>(?:(?=[{SPACELESS}])\X)++)
    | (?:
        (?!['’][sS](?![\p{{L}}\p{{M}}\p{{N}}]))
        [[\p{{L}}\p{{M}}\p{{N}}]--[{SPACELESS}]]
        (?:[\u00AD\u200C\u200D\u2060](?=[\p{{L}}\p{{M}}]))?+
        (?:['’](?=\p{{L}})(?![sS](?![\p{{L}}\p{{M}}\p{{N}}])))?+
      )++
    | ['’][sS](?![\p{{L}}\p{{M}}\p{{N}}])
    | [\U0001F1E6-\U0001F1FF]{{1,2}}
    | (?![\s\p{{Cc}}\p{{Cs}}\p{{DI}}\uFFF9-\uFFFB])\X
    """,
    regex.VERBOSE | regex.V1,
)
_GRAPHEME = regex.compile(r"\X")
_INVISIBLE = regex.compile(r"[\s\p{Cc}\p{Cs}\p{DI}\uFFF9-\uFFFB]*+", regex.V1)


def segmenter() -> str | None:
    """The library that cuts what is written without spaces into words, with its version; None without the extra `icu`.

    Part of the name of a run, since the words depend on it.
    """
    return None if find_spec("icu4py") is None else f"icu4py {version('icu4py')}"


def word_spans(text: str) -> list[Span]:
    """(start, end) of every word of `text`, in order, without overlap; every visible character is in one."""
    spans: list[Span] = []
    for match in _WORD.finditer(text):
        if match.lastgroup == "spaceless":
            first = match.start()
            spans += [(first + start, first + end) for start, end in _segments(match[0])]
        else:
            spans.append(match.span())
    return spans


def is_visible(text: str) -> bool:
    """Whether anything of `text` can be seen: not only spaces, controls and characters without width."""
    return _INVISIBLE.fullmatch(text) is None


def words_of_tokens(offsets: Sequence[Span], special: Sequence[int], text: str) -> tuple[list[Span], list[int]]:
    """The words of a text, and the one each token belongs to, as an index; -1 for special tokens and those of no word.

    Words that share a token are one word: their parts of its score cannot be told apart. A token belongs to the word
    that holds its visible characters: tokens of byte-level BPE and SentencePiece start with the space before the word.
    A token of invisible characters only belongs to the word around it, if there is one.
    """
    spans = word_spans(text)
    starts = [start for start, _ in spans]
    places: list[int | None] = []
    joined = [False] * len(spans)
    for (start, end), is_special in zip(offsets, special, strict=True):
        if is_special or start >= end:
            places.append(None)
            continue
        first = _INVISIBLE.match(text, start, end).end()
        place = first if first < end else start
        places.append(place)
        word = bisect_right(starts, place) - 1
        if first == end or spans[word][1] >= end:
            continue
        last = next(i for i in range(end - 1, first - 1, -1) if is_visible(text[i]))
        for other in range(word + 1, bisect_right(starts, last)):
            joined[other] = True
    whole: list[Span] = []
    for span, is_joined in zip(spans, joined, strict=True):
        first = whole.pop()[0] if is_joined else span[0]
        whole.append((first, span[1]))
    return whole, _owners(places, whole)


def _owners(places: Sequence[int | None], spans: Sequence[Span]) -> list[int]:
    starts = [start for start, _ in spans]
    words = [-1 if place is None else bisect_right(starts, place) - 1 for place in places]
    return [
        -1 if place is None or word < 0 or place >= spans[word][1] else word
        for place, word in zip(places, words, strict=True)
    ]


def _segments(run: str) -> list[Span]:
    breaker = _breaker()
    if breaker is None:
        return [match.span() for match in _GRAPHEME.finditer(run)]
    # The words themselves: the library's offsets count UTF-16 units, two for a rare Chinese character.
    ends = list(accumulate(len(word) for word in breaker(run, "root")))
    return list(zip([0, *ends], ends, strict=False))


@cache
def _breaker() -> Any:
    if segmenter() is None:
        return None
    from icu4py.breakers import WordBreaker

    return WordBreaker
