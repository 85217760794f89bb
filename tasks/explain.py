"""Stage: write a self-contained page of single texts with the scores of their tokens.

Reads the shards of a run, and writes into its folder `explained.html`, the same texts as `explained.json`, and a plot
of each in `explained/`. The template is tasks/pages/explained.html.jinja; a second call writes the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from prefect.artifacts import create_markdown_artifact
from prefect.context import TaskRunContext

from configs.attribution import SIGNED, Method
from configs.errors import AttributionError
from configs.schema import AuditConfig
from tasks.model.forward import Classifier
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec
from tasks.pages.artifacts import place_of
from tasks.pages.explained import Example, Token, choose, json_of, svg_of, told_predictions
from tasks.pages.redact import Redactor, edited, redactor_of, shown_at
from tasks.pages.render import METHODS, render
from tasks.pages.sentences import Piece, pieces_of
from tasks.runs.run import Run
from tasks.runtime.parts import Shard, read_part, write_whole
from tasks.runtime.progress import artifact_key
from tasks.runtime.stage import stage


@dataclass(frozen=True)
class Explained:
    """The page, and what it says about the model."""

    page: Path
    num_texts: int
    """Texts that were predicted and explained."""
    num_correct: int | None
    """None where the texts have no labels."""
    num_shown: int
    num_left_out: int
    """Texts that were predicted only, or whose attribution failed."""
    predictions: tuple[tuple[str, int], ...]
    """Label -> explained texts that are read as it, the most frequent first."""

    @property
    def data(self) -> Path:
        """The texts of the page as JSON."""
        return self.page.with_suffix(".json")

    @property
    def accuracy(self) -> float | None:
        return None if self.num_correct is None else self.num_correct / self.num_texts


@stage("explain", hours=1)
def write_explained(config: AuditConfig, run: Run, model: ModelSpec, shards: Sequence[Shard]) -> Explained:
    """Write `explained.html`, `explained.json` and the plots into the folder of the run.

    Raises:
        AttributionError: no text has scores.
    """
    rows = [row for shard in shards for row in _predicted(shard)]
    explained = [row for row in rows if row["converged"]]
    if not explained:
        raise AttributionError(
            f"None of {len(rows)} texts has scores: attribution.max_gap, or a budget, left none. Loosen it to see some."
        )
    groups = choose(explained, config.explain.examples, config.explain.choose)
    examples = _examples(config, load_classifier(model), model, list(chain(*groups)), redactor_of(config, run))
    is_labelled = config.data.label is not None
    found = Explained(
        run.folder / "explained.html",
        len(explained),
        sum(row["label_id"] == row["predicted_id"] for row in explained) if is_labelled else None,
        len(examples),
        len(rows) - len(explained),
        tuple(told_predictions(explained, model.labels)),
    )
    _write(config, run, model, found, examples, [len(group) for group in groups])
    if TaskRunContext.get() is not None:
        create_markdown_artifact(
            key=artifact_key("explained", config.name),
            markdown=f"Texts of `{run.run_id}`: {place_of(config, run.folder, 'explained.html')}",
        )
    return found


def _write(
    config: AuditConfig, run: Run, model: ModelSpec, found: Explained, examples: Sequence[Example], sizes: Sequence[int]
) -> None:
    """The page last: what it is made of is there if it is. `sizes` are those of the groups of examples."""
    method = config.explain.method or config.attribution.summed
    attribution = config.attribution
    about = {
        "run": run.run_id,
        "title": config.title,
        "method": method,
        "scalar": attribution.scalar,
        "target": attribution.target,
        "mode": attribution.mode,
        "layer": attribution.layer,
        "baseline": attribution.baseline,
        "normalise": config.explain.normalise,
        "labels": list(model.labels),
        "accuracy": found.accuracy,
        "num_texts": found.num_texts,
    }
    plots = {
        run.folder / example.plot: svg_of(
            example, f"{METHODS[method]}, towards {example.target}" if method in SIGNED else METHODS[method]
        )
        for example in examples
    }
    for stale in set((run.folder / "explained").glob("*.svg")) - set(plots):
        stale.unlink()
    for path, plot in plots.items():
        write_whole(path, plot)
    write_whole(found.data, json_of(examples, about))
    ends = np.cumsum(sizes).tolist()
    html = render(
        "explained.html.jinja",
        config=config,
        run=run,
        found=found,
        groups=[examples[end - size : end] for size, end in zip(sizes, ends, strict=True)],
        labels=model.labels,
        method=METHODS[method],
        integrated=method == "integrated_gradients",
        signed_scores=method in SIGNED,
    )
    write_whole(found.page, html.encode())


def _predicted(shard: Shard) -> list[dict[str, Any]]:
    """Text and prediction of every example of a shard, and the part its tokens are in."""
    texts = {row["example_id"]: row for row in read_part(shard.texts, "examples").to_pylist()}
    facts = read_part(shard.scores, "examples").to_pylist()
    return [{**texts[row["example_id"]], **row, "part": shard.scores} for row in facts]


def _examples(
    config: AuditConfig,
    classifier: Classifier,
    model: ModelSpec,
    rows: Sequence[Mapping[str, Any]],
    redactor: Redactor | None,
) -> list[Example]:
    method = config.explain.method or config.attribution.summed
    tokens = _tokens({row["part"] for row in rows}, [row["example_id"] for row in rows], method)
    found = []
    for row in rows:
        own = tokens[row["example_id"]]
        padding = [_num_padding(token, classifier) for token in own]
        scores_T = normalised(
            np.array([token["score"] for token in own]), np.array(padding) > 0, config.explain.normalise
        )
        edits = [] if redactor is None else redactor.edits(row["text"])
        text = edited(row["text"], edits)
        named = [
            Token(
                new or str(classifier.tokenizer.convert_ids_to_tokens(token["token_id"])),
                float(score),
                *place,
                number,
            )
            for token, score, number in zip(own, scores_T, padding, strict=True)
            for place, new in [shown_at(edits, token["token_start"], token["token_end"])]
        ]
        found.append(
            Example(
                row["example_id"],
                row["source_id"] if redactor is None else redactor.text(row["source_id"]),
                text,
                model.labels[row["label_id"]] if row["label_id"] >= 0 else None,
                model.labels[row["predicted_id"]],
                row["confidence"],
                model.labels[row["target_id"]],
                tuple(named),
                _pieces(text, named),
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


def _num_padding(token: Mapping[str, Any], classifier: Classifier) -> int:
    """Positions of the one row that stands for all the padding of a text; 0 for any other token."""
    is_padding = classifier.pad_to is not None and token["token_end"] == 0 and token["token_id"] == classifier.pad_id
    return (classifier.pad_to or 0) - int(token["position"]) if is_padding else 0


def normalised(scores_T: np.ndarray, is_padding_T: np.ndarray, how: str) -> np.ndarray:
    """The scores of a text divided by the largest |score| of its tokens (max), by their L2 norm (l2), or by nothing.

    Special tokens count. The padding does not: its one score is the sum over many positions. Where all scores are 0,
    they stay.
    """
    tokens_T = np.abs(scores_T[~is_padding_T])
    size = {"max": tokens_T.max(initial=0.0), "l2": np.sqrt((tokens_T**2).sum()), "none": 1.0}[how]
    return scores_T / size if size > 0 else scores_T


def _pieces(text: str, tokens: Sequence[Token]) -> tuple[Piece, ...]:
    """The raw text cut at its tokens, between the tokens that stand for none of it, which are called as the tokenizer
    calls them."""
    inside = [t for t, token in enumerate(tokens) if token.end > token.start]
    first = inside[0] if inside else len(tokens)
    before, after = [], []
    for t, token in enumerate(tokens):
        if token.end > token.start:
            continue
        name = f"{token.name}\u00a0×\u00a0{token.num_padding}" if token.num_padding else token.name
        if t < first:
            before += [Piece(name, token.score, name=name), Piece(" ", None)]
        else:
            after += [Piece(" ", None), Piece(name, token.score, name=name)]
    spans = [
        {
            "token_start": token.start,
            "token_end": token.end,
            "score": token.score,
            "name": token.name,
        }
        for token in (tokens[t] for t in sorted(inside, key=lambda t: (tokens[t].start, t)))
    ]
    return (*before, *pieces_of(text, spans), *after)
