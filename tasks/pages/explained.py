"""What the page of single texts shows of each text, the same as JSON, and its bars as an image."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pyarrow as pa
import vl_convert

from tasks.pages.charts import BLUE, INK, ORANGE
from tasks.pages.sentences import Piece, clip, visible


@dataclass(frozen=True)
class Token:
    """One token of the model's input."""

    name: str
    """As the tokenizer spells it."""
    score: float
    """Normalised."""
    start: int
    end: int
    """Its place in the text, in code points; both 0 for special tokens and padding."""
    num_padding: int = 0
    """Positions of padding that it stands for."""


@dataclass(frozen=True)
class Example:
    """One text with its scored tokens."""

    example_id: int
    source_id: str
    text: str
    gold: str | None
    """None for a text without a label."""
    predicted: str
    confidence: float
    target: str
    """Label whose score is explained."""
    tokens: tuple[Token, ...]
    """In the order of the model's input."""
    pieces: tuple[Piece, ...]
    """The same in the order of the text, which they cover; special tokens and padding are at its ends."""
    delta: float | None
    """Convergence delta: sum of the raw scores minus the change of the explained scalar."""
    num_cut: int
    """Tokens the model did not see."""

    @property
    def wrong(self) -> bool:
        return self.gold is not None and self.gold != self.predicted

    @property
    def total(self) -> float:
        """Sum of the normalised scores."""
        return sum(token.score for token in self.tokens)

    @property
    def scale(self) -> float:
        """Largest |score|: the end of the colour scale, on both sides of 0."""
        return max((abs(piece.score) for piece in self.pieces if piece.score is not None), default=0.0)

    @property
    def plot(self) -> str:
        """Where its image is, beside the page."""
        return f"explained/{self.example_id}.svg"


def choose(rows: Sequence[Mapping[str, Any]], most: int, how: str) -> list[list[Mapping[str, Any]]]:
    """The texts to show, in groups of those that stand side by side: a mistake and a right answer, or one alone.

    `both`: the surest mistakes, each beside the next right answer of the same label, or of another where there is no
    such; `mistakes`: the surest mistakes first. Where nothing else decides, texts are in the order of the dataset.
    """
    right = sorted((row for row in rows if not _is_mistake(row)), key=lambda row: row["example_id"])
    wrong = sorted((row for row in rows if _is_mistake(row)), key=lambda row: (-row["confidence"], row["example_id"]))
    if how == "first":
        return [[row] for row in sorted(rows, key=lambda row: row["example_id"])[:most]]
    if how == "mistakes":
        return [[row] for row in [*wrong, *right][:most]]
    pairs = []
    for row in wrong[: min(len(right), most // 2)]:
        beside = next((other for other in right if other["label_id"] == row["label_id"]), right[0])
        right.remove(beside)
        pairs.append([row, beside])
    alone = [*wrong[len(pairs) :], *right]
    return [*pairs, *([row] for row in alone[: most - 2 * len(pairs)])]


def _is_mistake(row: Mapping[str, Any]) -> bool:
    return bool(row["label_id"] >= 0 and row["label_id"] != row["predicted_id"])


def told_predictions(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[tuple[str, int]]:
    """Label -> texts that are read as it, the most frequent first."""
    counts = Counter(row["predicted_id"] for row in rows)
    return [(labels[label], number) for label, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def json_of(examples: Sequence[Example], about: Mapping[str, object]) -> bytes:
    """The texts of a page with every token and score, behind what holds for all of them."""
    texts = [
        {
            "id": example.source_id,
            "sentence": example.text,
            "tokens": [token.name for token in example.tokens],
            "scores": [float(f"{token.score:.6g}") for token in example.tokens],
            "spans": [[token.start, token.end] for token in example.tokens],
            "padding": sum(token.num_padding for token in example.tokens),
            "label": example.gold,
            "prediction": example.predicted,
            "confidence": float(f"{example.confidence:.6g}"),
            "target": example.target,
            "delta": None if example.delta is None else float(f"{example.delta:.3g}"),
            "tokens_cut_off": example.num_cut,
            "plot": example.plot,
        }
        for example in examples
    ]
    # A line a text, which people can read, and line tools as well.
    lines = ",\n".join(json.dumps(text, ensure_ascii=False) for text in texts)
    head = json.dumps({**about, "texts": []}, ensure_ascii=False).removesuffix("]}")
    return f"{head}\n{lines}\n]}}\n".encode()


def svg_of(example: Example, title: str) -> bytes:
    """A bar for each token, in the order of the model's input; `title` says what its length is."""
    rows = [
        {
            "place": i,
            "token": clip(visible(token.name), 24) + (f" × {token.num_padding}" if token.num_padding else ""),
            "score": token.score,
            "sign": "towards" if token.score >= 0 else "away",
        }
        for i, token in enumerate(example.tokens)
    ]
    place = alt.Y("place:O", axis=None)
    base = alt.Chart(pa.Table.from_pylist(rows))
    colour = alt.Color("sign:N", scale=alt.Scale(domain=["towards", "away"], range=[BLUE, ORANGE]), legend=None)
    bars = base.mark_bar(height=12).encode(x=alt.X("score:Q", title=clip(visible(title), 80)), y=place, color=colour)
    names = base.mark_text(align="right", x=-8, color=INK, fontSize=12).encode(y=place, text="token:N")
    read = f"read as {example.predicted}, {100 * example.confidence:.0f} %"
    heading = visible(read if example.gold is None else f"labelled {example.gold}, {read}")
    chart = alt.layer(bars, names).properties(
        width=420, height=alt.Step(18), title=alt.TitleParams(clip(heading, 80), anchor="start"), padding=12
    )
    return str(vl_convert.vegalite_to_svg(chart.configure(background="#ffffff").to_dict())).encode()
