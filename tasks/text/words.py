"""The words of a raw text, and which token belongs to which word.

Words are found in the raw text, not taken from the tokenizer, so that WordPiece,
byte-level BPE and SentencePiece models are audited in the same unit. All offsets
are Unicode code points of the raw text, end exclusive.
"""

import unicodedata
from bisect import bisect_right

import regex

# In this order: what looks like markup or an address is one unit, without the punctuation
# that ends the sentence; a number keeps its separators; an apostrophe stays inside a word
# (don't, O'Hara) but a possessive 's is cut off, so that "Spielberg's" counts as Spielberg;
# joiners without width stay inside a word; scripts written without spaces have no cheap word
# boundary and fall apart into graphemes; anything else visible is one grapheme, so that an
# emoji with modifiers or a letter with a stray accent is whole.
#
# A text may be built to make matching slow. Possessive quantifiers (++) and bounded repeats keep every
# alternative linear; flags have one of their own because \X counts a run of them from its start.
_WORD = regex.compile(
    r"""
      (?:(?i:https?://)|(?i:www\.))[^\s<>"]*[^\s<>"\p{P}]/?
    | (?<!\w)\w[\w.+-]{0,63}+@[\w-]++(?:\.[\w-]++)++
    | </?[A-Za-z][^<>]{0,500}> | \[(?:CLS|SEP|PAD|UNK|MASK)\] | <\|[^<>|\s]{1,60}\|>
    | &(?:[A-Za-z][A-Za-z0-9]{1,30}|\#[0-9]{1,7}|\#[xX][0-9A-Fa-f]{1,6});
    | [@\#][\p{L}\p{M}\p{N}_]++
    | \p{N}++(?:[.,:/٫٬]\p{N}++)++(?:(?:st|nd|rd|th|s)(?![\p{L}\p{M}\p{N}]))?+%?
    | \p{N}++(?:st|nd|rd|th|s)?+(?![\p{L}\p{M}\p{N}])%?
    | (?=[\p{Han}\p{Hiragana}\p{Katakana}ーｰ\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])\X
    | (?:
        (?!['’][sS](?![\p{L}\p{M}\p{N}]))
        [[\p{L}\p{M}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}ーｰ\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]
        (?:[\u00AD\u200C\u200D\u2060](?=[\p{L}\p{M}]))?+
        (?:['’](?=\p{L})(?![sS](?![\p{L}\p{M}\p{N}])))?+
      )++
    | ['’][sS](?![\p{L}\p{M}\p{N}])
    | [\U0001F1E6-\U0001F1FF]{1,2}
    | (?![\s\p{Cc}\p{Cs}\p{DI}\uFFF9-\uFFFB])\X
    """,
    regex.VERBOSE | regex.V1,
)

_INVISIBLE = regex.compile(r"[\s\p{Cc}\p{Cs}\p{DI}\uFFF9-\uFFFB]*+", regex.V1)


def word_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every word of `text`, in order, without overlap; every visible character is in one."""
    return [match.span() for match in _WORD.finditer(text)]


def is_visible(text: str) -> bool:
    """Whether anything of `text` can be seen: not only spaces, controls and characters without width."""
    return _INVISIBLE.fullmatch(text) is None


def words_of_tokens(
    offsets: list[tuple[int, int]], special: list[int], spans: list[tuple[int, int]], text: str
) -> list[int]:
    """The word each token belongs to, as an index into `spans`; -1 for special tokens and for tokens of no word.

    A token belongs to the word that holds its first visible character: tokens of byte-level BPE and SentencePiece start
    with the space before the word. A token of invisible characters only belongs to the word around it, if there is one.
    """
    starts = [start for start, _ in spans]
    words = []
    for (start, end), is_special in zip(offsets, special, strict=True):
        first = _INVISIBLE.match(text, start, end).end()
        place = first if first < end else start
        word = -1 if is_special or start >= end else bisect_right(starts, place) - 1
        words.append(-1 if word >= 0 and place >= spans[word][1] else word)
    return words


def as_in_the_tables(word: str) -> str:
    """The word in the form that the queries give it: lower case, composed, straight apostrophes."""
    encodable = word.encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFC", encodable.replace("’", "'")).lower()
