"""Stage: write a self-contained page of single texts with the scores of their tokens.

Reads the shards of a run, and writes `explained.html` into its folder. The template is
tasks/pages/explained.html.jinja; a second call writes the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from prefect.artifacts import create_link_artifact
from prefect.context import TaskRunContext

from configs.attribution import SIGNED, Method
from configs.errors import AttributionError
from configs.schema import AuditConfig
from tasks.model.forward import Classifier
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec
from tasks.pages.render import METHODS, render
from tasks.pages.sentences import Piece, pieces_of
from tasks.runs.run import Run
from tasks.runtime.parts import Shard, read_part, write_whole
from tasks.runtime.stage import stage


@dataclass(frozen=True)
class Explained:
    """The page, and what it says about the model."""

    page: Path
    num_texts: int
    """Texts that were predicted and explained."""
    num_correct: int
    num_shown: int
    num_left_out: int
    """Texts that were predicted only, or whose attribution failed."""

    @property
    def accuracy(self) -> float:
        return self.num_correct / self.num_texts


@dataclass(frozen=True)
class Example:
    """One text with its scored pieces, which cover it."""

    example_id: int
    source_id: str
    text: str
    gold: str
    predicted: str
    confidence: float
    target: str
    """Label whose score is explained."""
    pieces: tuple[Piece, ...]
    """In the order of the text, special tokens and padding at its ends; scores are normalised."""
    total: float
    """Sum of the normalised scores."""
    delta: float | None
    """Convergence delta: sum of the raw scores minus the change of the explained scalar."""
    num_cut: int
    """Tokens the model did not see."""

    @property
    def wrong(self) -> bool:
        return self.gold != self.predicted

    @property
    def tokens(self) -> tuple[Piece, ...]:
        return tuple(piece for piece in self.pieces if piece.score is not None)

    @property
    def scale(self) -> float:
        """Largest |score|: the end of the colour scale, on both sides of 0."""
        return max((abs(piece.score) for piece in self.pieces if piece.score is not None), default=0.0)


@stage("explain", hours=1)
def write_explained(config: AuditConfig, run: Run, model: ModelSpec, shards: Sequence[Shard]) -> Explained:
    """Write `explained.html` into the folder of the run.

    Raises:
        AttributionError: no text has scores.
    """
    rows = [row for shard in shards for row in _predicted(shard)]
    explained = [row for row in rows if row["converged"]]
    if not explained:
        raise AttributionError(
            f"None of {len(rows)} texts has scores: attribution.max_gap, or a budget, left none. Loosen it to see some."
        )
    chosen = choose(explained, config.explain.examples, config.explain.mistakes_first)
    examples = _examples(config, load_classifier(model), model, chosen)
    page = run.folder / "explained.html"
    found = Explained(
        page,
        len(explained),
        sum(row["label_id"] == row["predicted_id"] for row in explained),
        len(examples),
        len(rows) - len(explained),
    )
    method = config.explain.method or config.attribution.summed
    html = render(
        "explained.html.jinja",
        config=config,
        run=run,
        found=found,
        examples=examples,
        labels=model.labels,
        method=METHODS[method],
        integrated=method == "integrated_gradients",
        signed_scores=method in SIGNED,
    )
    write_whole(page, html.encode())
    if TaskRunContext.get() is not None:
        create_link_artifact(key="explained", link=page.as_uri(), link_text=f"Texts of {run.run_id}")
    return found


def _predicted(shard: Shard) -> list[dict[str, Any]]:
    """Text and prediction of every example of a shard, and the part its tokens are in."""
    texts = {row["example_id"]: row for row in read_part(shard.texts, "examples").to_pylist()}
    facts = read_part(shard.scores, "examples").to_pylist()
    return [{**texts[row["example_id"]], **row, "part": shard.scores} for row in facts]


def choose(rows: Sequence[Mapping[str, Any]], most: int, mistakes_first: bool) -> list[Mapping[str, Any]]:
    """The texts to show: mistakes, the surest first, then the others; each in the order of the dataset where nothing
    else decides."""

    def place(row: Mapping[str, Any]) -> tuple[bool, float, int]:
        mistake = mistakes_first and row["label_id"] != row["predicted_id"]
        return not mistake, -row["confidence"] if mistake else 0.0, row["example_id"]

    return sorted(rows, key=place)[:most]


def _examples(
    config: AuditConfig, classifier: Classifier, model: ModelSpec, rows: Sequence[Mapping[str, Any]]
) -> list[Example]:
    method = config.explain.method or config.attribution.summed
    tokens = _tokens({row["part"] for row in rows}, [row["example_id"] for row in rows], method)
    found = []
    for row in rows:
        own = tokens[row["example_id"]]
        is_padding = [_is_padding(token, classifier) for token in own]
        scores_T = normalised(
            np.array([token["score"] for token in own]), np.array(is_padding), config.explain.normalise
        )
        scored = [{**token, "score": float(score)} for token, score in zip(own, scores_T, strict=True)]
        found.append(
            Example(
                row["example_id"],
                row["source_id"],
                row["text"],
                model.labels[row["label_id"]],
                model.labels[row["predicted_id"]],
                row["confidence"],
                model.labels[row["target_id"]],
                _pieces(row["text"], scored, is_padding, classifier),
                float(scores_T.sum()),
                row["gap"] if method == "integrated_gradients" else None,
                row["n_cut"],
            )
        )
    return found


def _tokens(parts: set[Path], example_ids: Sequence[int], method: Method) -> dict[int, list[dict[str, Any]]]:
    """The tokens of some examples, in the order of the model's input."""
    found: dict[int, list[dict[str, Any]]] = {}
    wanted = pa.array(sorted(example_ids), pa.int64())
    columns = ["example_id", "position", "token_id", "token_start", "token_end", method]
    for part in sorted(parts):
        table = read_part(part, "tokens", columns)
        for row in table.filter(pc.is_in(table["example_id"], wanted)).sort_by("position").to_pylist():
            found.setdefault(row["example_id"], []).append({**row, "score": row[method]})
    return found


def _is_padding(token: Mapping[str, Any], classifier: Classifier) -> bool:
    """Whether it is the one row that stands for all the padding of a text."""
    return classifier.pad_to is not None and token["token_end"] == 0 and bool(token["token_id"] == classifier.pad_id)


def normalised(scores_T: np.ndarray, is_padding_T: np.ndarray, how: str) -> np.ndarray:
    """The scores of a text divided by the largest |score| of its tokens (max), by their L2 norm (l2), or by nothing.

    Special tokens count. The padding does not: its one score is the sum over many positions. Where all scores are 0,
    they stay.
    """
    tokens_T = np.abs(scores_T[~is_padding_T])
    size = {"max": tokens_T.max(initial=0.0), "l2": np.sqrt((tokens_T**2).sum()), "none": 1.0}[how]
    return scores_T / size if size > 0 else scores_T


def _pieces(
    text: str, tokens: Sequence[Mapping[str, Any]], is_padding: Sequence[bool], classifier: Classifier
) -> tuple[Piece, ...]:
    """The raw text cut at its tokens, between the tokens that stand for none of it, which are called as the tokenizer
    calls them."""
    inside = [t for t, token in enumerate(tokens) if token["token_end"] > token["token_start"]]
    first = inside[0] if inside else len(tokens)
    before, after = [], []
    for t, token in enumerate(tokens):
        if token["token_end"] > token["token_start"]:
            continue
        name = str(classifier.tokenizer.convert_ids_to_tokens(token["token_id"]))
        if is_padding[t] and classifier.pad_to is not None:
            name = f"{name}\u00a0×\u00a0{classifier.pad_to - token['position']}"
        if t < first:
            before += [Piece(name, token["score"]), Piece(" ", None)]
        else:
            after += [Piece(" ", None), Piece(name, token["score"])]
    ordered = sorted((tokens[t] for t in inside), key=lambda token: (token["token_start"], token["position"]))
    return (*before, *pieces_of(text, ordered), *after)
