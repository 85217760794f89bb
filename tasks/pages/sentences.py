"""Sentences with the score of each of their tokens, for the page and for the terminal.

The pieces of a sentence add up to its raw text, character for character: what stands
between tokens, and what was cut off, is a piece without a score.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from tasks.text.words import word_spans
from warehouse import Warehouse

# Characters that reorder or hide what stands around them. Joiners are not among them: scripts and emoji need them.
_HIDDEN = {
    0x061C,
    0x200B,
    0x200E,
    0x200F,
    0x2028,
    0x2029,
    0xFEFF,
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0x80, 0xA0),
}

_SYMBOLS = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: "\u2421",
    **{code: f"\\u{code:04X}" for code in (*sorted(_HIDDEN), *range(0xD800, 0xE000))},
}


def visible(text: str) -> str:
    """`text` with control, bidi and unpaired surrogate characters written out: it can reorder or end nothing."""
    return text.translate(_SYMBOLS)


class Finding(NamedTuple):
    """A word to find sentences for."""

    kind: str
    """word or piece"""
    label: str
    """Label it should push towards; empty for either direction."""
    word: str


@dataclass(frozen=True)
class Piece:
    """A stretch of the raw text."""

    text: str
    score: float | None
    """Towards the sentence's target label; None for what no token stands for."""
    focus: bool = False
    """It is the word, or part of the word, the sentence was chosen for."""
    name: str = ""
    """What the tokenizer calls its tokens, where that is asked for."""


@dataclass(frozen=True)
class Sentence:
    """One example with its scored pieces."""

    example_id: int
    source_id: str
    gold: str
    predicted: str
    target: str
    """Label whose score is explained."""
    confidence: float
    score: float
    relative_gap: float | None
    error: float | None
    """Estimated error of the scores, as a share of them."""
    num_cut: int
    """Tokens the model did not see."""
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def scale(self) -> float:
        """Largest |score| of a piece: the end of the colour scale, on both sides of 0."""
        return max((abs(piece.score) for piece in self.pieces if piece.score is not None), default=0.0)


def sentences_with(warehouse: Warehouse, storage: Path, word: str, kind: str, limit: int) -> list[Sentence]:
    """The examples in which a word weighs most, in either direction, strongest first."""
    finding = Finding(kind, "", word)
    return find_sentences(warehouse, storage, [finding], limit, mirrored=False)[finding]


def find_sentences(
    warehouse: Warehouse, storage: Path, findings: Sequence[Finding], limit: int, mirrored: bool
) -> dict[Finding, list[Sentence]]:
    """For every finding the examples in which it pushes hardest towards its label, strongest first.

    `mirrored`: a score towards one of the two labels is minus the score towards the other.
    """
    findings = list(dict.fromkeys(findings))
    rows = warehouse.rows(
        "report/word_examples",
        {
            "kinds": [finding.kind for finding in findings],
            "labels": [finding.label for finding in findings],
            "words": [finding.word for finding in findings],
            "mirrored": mirrored,
            "max_sentences": limit,
        },
    )
    wanted = [(Finding(row["kind"], row["label"], row["word"]), row["example_id"]) for row in rows]
    found: dict[Finding, list[Sentence]] = {finding: [] for finding in findings}
    material = _read(warehouse, storage, {example_id for _, example_id in wanted})
    for finding, example_id in wanted:
        found[finding].append(_sentence(*material[example_id], finding))
    return found


def sentences_of(warehouse: Warehouse, storage: Path, example_ids: Sequence[int]) -> list[Sentence]:
    """These examples, in this order; an id that was not audited is left out."""
    material = _read(warehouse, storage, example_ids)
    return [_sentence(*material[example_id]) for example_id in example_ids if example_id in material]


def _read(
    warehouse: Warehouse, storage: Path, example_ids: Iterable[int]
) -> dict[int, tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Row and tokens of every example, in two queries whatever their number."""
    params = {
        "example_ids": sorted(set(example_ids)),
        "token_parts": [str(path) for path in sorted((storage / "parts").glob("part-*.tokens.parquet"))],
    }
    if not params["example_ids"]:
        return {}
    # The texts first: where names are hidden, the places of their tokens move with them.
    examples = warehouse.rows("report/sentences", params)
    tokens = warehouse.rows("report/sentence_tokens", params)
    by_example = {
        example_id: list(rows) for example_id, rows in groupby(tokens, key=lambda row: int(row["example_id"]))
    }
    return {row["example_id"]: (row, by_example.get(row["example_id"], [])) for row in examples}


def _sentence(row: Mapping[str, Any], tokens: Sequence[Mapping[str, Any]], finding: Finding | None = None) -> Sentence:
    return Sentence(
        row["example_id"],
        str(row["source_id"]),
        row["gold_label"],
        row["predicted_label"],
        row["target_label"],
        row["confidence"],
        row["score"],
        row["relative_gap"],
        row["error"],
        row["n_cut"],
        pieces_of(row["text"], tokens, finding),
    )


def pieces_of(text: str, tokens: Iterable[Mapping[str, Any]], finding: Finding | None = None) -> tuple[Piece, ...]:
    """Cut `text` at its tokens; tokens that share characters become one piece with their summed score.

    `tokens` are in the order of the text: `token_start`, `token_end`, `score`; `word` and `piece` if there is a
    finding, `name` if it is to be shown.
    """
    spans: list[tuple[int, int, float, bool, str]] = []
    for token in tokens:
        start, end = token["token_start"], min(token["token_end"], len(text))
        # Byte-level and SentencePiece tokens start with the space before the word; a token of spaces only stays whole.
        stripped = end - len(text[start:end].lstrip())
        start = stripped if stripped < end else start
        focus = finding is not None and token[finding.kind] == finding.word
        name = str(token.get("name", ""))
        if spans and start < spans[-1][1]:
            # One character of several bytes can be several tokens.
            before = spans.pop()
            names = f"{before[4]} {name}".strip()
            spans.append((before[0], max(end, before[1]), before[2] + token["score"], before[3] or focus, names))
        else:
            spans.append((start, end, token["score"], focus, name))
    pieces, at = [], 0
    for start, end, score, focus, name in spans:
        if start > at:
            pieces.append(Piece(text[at:start], None))
        pieces.append(Piece(text[start:end], score, focus, name))
        at = end
    if at < len(text):
        pieces.append(Piece(text[at:], None))
    return tuple(pieces)


def level(score: float | None, scale: float) -> str:
    """CSS class of a piece: sign and fifth of the sentence's scale; z where the score is next to nothing."""
    if score is None or scale == 0 or abs(score) < 0.1 * scale:
        return "z"
    return f"{'p' if score > 0 else 'n'}{math.ceil(5 * abs(score) / scale - 1e-9)}"


def excerpt(pieces: Sequence[Piece], most: int) -> Sequence[Piece]:
    """At most `most` pieces, around the word in focus or else the strongest piece."""
    if len(pieces) <= most:
        return pieces
    centre = max(range(len(pieces)), key=lambda i: (pieces[i].focus, abs(pieces[i].score or 0)))
    start = min(max(0, centre - most // 2), len(pieces) - most)
    before, after = [Piece("… ", None)] * (start > 0), [Piece(" …", None)] * (start + most < len(pieces))
    return [*before, *pieces[start : start + most], *after]


class Word(NamedTuple):
    """A word of a text that is shown, with its tokens; or a stretch that no token stands for."""

    text: str
    score: float | None
    focus: bool
    pieces: tuple[Piece, ...]


class Reading(NamedTuple):
    """What a page shows of a sentence."""

    words: tuple[Word, ...]
    scale: float
    """Largest |score| of a word or a token of it."""


def read(sentence: Sentence, most: int) -> Reading:
    """At most `most` tokens of the sentence, those of one word together."""
    pieces = excerpt(sentence.pieces, most)
    spans = word_spans("".join(piece.text for piece in pieces))
    words, at, place = list[Word](), 0, 0
    groups = list[tuple[int | None, list[Piece]]]()
    for piece in pieces:
        while place < len(spans) and spans[place][1] <= at:
            place += 1
        inside = piece.score is not None and place < len(spans) and spans[place][0] <= at
        own = place if inside else None
        if own is not None and groups and groups[-1][0] == own and groups[-1][1][-1].score is not None:
            groups[-1][1].append(piece)
        else:
            groups.append((own, [piece]))
        at += len(piece.text)
    for _, own_pieces in groups:
        scores = [piece.score for piece in own_pieces if piece.score is not None]
        words.append(
            Word(
                "".join(piece.text for piece in own_pieces),
                math.fsum(scores) if scores else None,
                any(piece.focus for piece in own_pieces),
                tuple(own_pieces),
            )
        )
    largest = max((abs(word.score) for word in words if word.score is not None), default=0.0)
    return Reading(tuple(words), max(largest, sentence.scale))


def clip(text: str, most: int = 300) -> str:
    """A beginning of `text`, with the number of characters that are left out."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} characters not shown)"
