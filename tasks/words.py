"""Leaf: the words of a raw text, and which piece of a tokenizer belongs to which word.

Words are found in the raw text, not taken from the tokenizer, so that WordPiece,
byte-level BPE and SentencePiece models are audited in the same unit. All offsets
are Unicode code points of the raw text, end exclusive.
"""

from bisect import bisect_right

import regex

# In this order: what looks like markup or an address is one unit; a number keeps its
# separators; an apostrophe stays inside a word (don't, O'Hara) but a possessive 's is
# cut off, so that "Spielberg's" counts as Spielberg; scripts written without spaces
# have no cheap word boundary and fall apart into characters; anything else visible is
# one grapheme, so that an emoji with modifiers or a letter with a stray accent is whole.
_WORD = regex.compile(
    r"""
      (?:https?://|www\.)[^\s<>"]+
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
    | </?[A-Za-z][^<>]*>
    | [@\#][\p{L}\p{N}_]+
    | \p{N}+(?:[.,:/]\p{N}+)*(?:st|nd|rd|th|s)?(?![\p{L}\p{M}])%?
    | [\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*
    | (?:(?!['’]s(?![\p{L}\p{M}\p{N}]))[\p{L}\p{M}\p{N}](?:['’](?=\p{L})(?!s(?![\p{L}\p{M}\p{N}])))?)+
    | ['’]s(?![\p{L}\p{M}\p{N}])
    | (?![\s\p{C}])\X
    """,
    regex.VERBOSE,
)


def word_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every word of `text`, in order, without overlap."""
    return [match.span() for match in _WORD.finditer(text)]


def words_of_pieces(
    offsets: list[tuple[int, int]], special: list[int], spans: list[tuple[int, int]], text: str
) -> list[int]:
    """The word each piece belongs to, as an index into `spans`; -1 for special tokens and for pieces of no word.

    A piece belongs to the word that holds its first visible character: byte-level and
    SentencePiece pieces start with the space before the word.
    """
    starts = [start for start, _ in spans]
    words = []
    for (start, end), is_special in zip(offsets, special, strict=True):
        while start < end and text[start].isspace():
            start += 1
        word = -1 if is_special or start >= end else bisect_right(starts, start) - 1
        if word >= 0 and start >= spans[word][1]:
            word = -1
        words.append(word)
    return words
