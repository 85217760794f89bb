"""The part with the attributions of one shard: its columns, and how it is computed.

`tokens`, one row per token: `example_id`, `position` (0-based, special tokens included),
`token_id`, `token_start`, `token_end`, `word_start`, `word_end` (code points of the raw
text; the word is null for special tokens), `gradient_norm`, `embedding_gradient_norm`,
`gradient_x_input`, `relevance`, `integrated_gradients` (float32; null if not among the methods) and
`contrast`, whose square, summed over the tokens of a word first, estimates the variance of
the word's quadrature noise (`corpus` mode). Padding, where a network wants it, is one row.

`examples`, one row per example: prediction, logits, explained score, its change from the baseline,
completeness gap, gradients spent, estimated error, explained or not and why. For an example that
killed its worker only the reason is known.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from tasks.attribution.batches import (
    Engine,
    draw,
    predict,
    target_ids,
)
from tasks.attribution.plan import Plan
from tasks.attribution.scores import Scored, score_windows, stitched
from tasks.model.spec import ModelSpec
from tasks.model.tokens import Encoded
from tasks.model.windows import mean_over_windows, read_texts, windows_of
from tasks.runtime.parts import file_hash, read_part, write_part
from tasks.runtime.workers import Facts
from tasks.text.words import words_of_tokens

COLUMNS = (
    "gradient_norm",
    "embedding_gradient_norm",
    "gradient_x_input",
    "relevance",
    "integrated_gradients",
    "contrast",
)


def attribute_shard(
    shard: Path,
    engine: Engine,
    model: ModelSpec,
    plan: Plan,
    part: Path,
    advance: Callable[[int], None],
    left_out: frozenset[int] = frozenset(),
) -> Facts:
    """Write the part of one shard and return its facts. See the module for its columns.

    Examples in `left_out`, which kill their worker, are listed in it as quarantined.
    """
    examples = read_part(shard, "examples").to_pylist()
    read = [row for row in examples if row["example_id"] not in left_out]
    tokens, outcomes = _explained(engine, model, plan, read, advance) if read else ([], [])
    known = {own["example_id"]: own for own in outcomes}
    lost = {"converged": False, "reason": "worker died"}
    facts = [known.get(row["example_id"]) or {"example_id": row["example_id"], **lost} for row in examples]
    tables = {
        "tokens": pa.concat_tables(tokens).combine_chunks() if tokens else _TOKEN.empty_table(),
        "examples": pa.Table.from_pylist(facts, schema=_EXAMPLE),
    }
    num_died = len(examples) - len(read)
    advance(num_died)
    counts = {
        "shard": file_hash(shard),
        "num_examples": len(facts),
        "num_planned": len(tokens) + num_died,
        "num_died": num_died,
        "num_quarantined": sum(own["converged"] is False for own in facts),
    }
    write_part(part, tables, counts)
    return counts


def _explained(
    engine: Engine,
    model: ModelSpec,
    plan: Plan,
    examples: Sequence[Mapping[str, Any]],
    advance: Callable[[int], None],
) -> tuple[list[pa.Table], list[dict[str, object]]]:
    """The tokens of each example that the plan explains, and the facts of every example."""
    encoded = read_texts(engine.classifier, examples, model)
    windows = [windows_of(text, engine.classifier, model) for text in encoded]
    owner = [i for i, text in enumerate(windows) for _ in text]
    flat = [window for text in windows for window, _ in text]
    logits = predict(engine, flat)
    mean_logits = mean_over_windows(logits, windows)
    targets = target_ids(engine, mean_logits, [row["label_id"] for row in examples])
    planned = [draw(engine.attribution.seed, f"text {row['example_id']}".encode()) < plan.last_draw for row in examples]
    index = [w for w, i in enumerate(owner) if planned[i]]
    scored = score_windows(
        engine,
        plan,
        [flat[w] for w in index],
        [targets[owner[w]] for w in index],
        logits[index],
        _text_by_text([owner[w] for w in index], advance),
    )
    by_text: dict[int, list[tuple[Scored, np.ndarray]]] = {}
    positions = [place for text in windows for _, place in text]
    for k, w in enumerate(index):
        by_text.setdefault(owner[w], []).append((scored[k], positions[w]))
    tokens, facts = [], []
    for i, row in enumerate(examples):
        own = _facts(engine, row["example_id"], mean_logits[i], targets[i], len(windows[i]))
        if i in by_text:
            text = stitched(engine, by_text[i], len(encoded[i].ids))
            table = _token_table(engine, row["example_id"], str(row["text"]), encoded[i], text.scores)
            tokens.append(table)
            own |= _outcome(engine, text, table)
        facts.append(own)
    advance(len(examples) - len(by_text))
    return tokens, facts


def _text_by_text(owners: Sequence[int], advance: Callable[[int], None]) -> Callable[[Sequence[int]], None]:
    """What counts a text once, when the last of its windows is done; `owners` has the text of each window."""
    left = Counter(owners)

    def done(windows: Sequence[int]) -> None:
        left.subtract(owners[w] for w in windows)
        advance(sum(left[text] == 0 for text in {owners[w] for w in windows}))

    return done


_EXAMPLE = pa.schema(
    [
        ("example_id", pa.int64()),
        ("predicted_id", pa.int32()),
        ("target_id", pa.int32()),
        ("confidence", pa.float64()),
        ("score", pa.float64()),
        ("change", pa.float64()),
        ("gap", pa.float64()),
        ("special_score", pa.float64()),
        ("gradients", pa.int32()),
        ("error", pa.float64()),
        ("converged", pa.bool_()),
        ("reason", pa.string()),
        ("n_windows", pa.int32()),
        ("logits", pa.list_(pa.float32())),
    ]
)

_TOKEN = pa.schema(
    [
        ("example_id", pa.int64()),
        *(
            (name, pa.int32())
            for name in ("position", "token_id", "token_start", "token_end", "word_start", "word_end")
        ),
        *((name, pa.float32()) for name in COLUMNS),
    ]
)


def _facts(engine: Engine, example_id: int, logits_K: np.ndarray, target: int, num_windows: int) -> dict[str, object]:
    """The facts of an example that need no gradients."""
    logits = torch.tensor(logits_K)[None].double()
    probabilities = logits.sigmoid() if engine.classifier.head == "multi_label" else logits.softmax(dim=1)
    predicted = int(logits_K.argmax())
    return {
        "example_id": example_id,
        "predicted_id": predicted,
        "target_id": target,
        "confidence": float(probabilities[0, predicted]),
        "n_windows": num_windows,
        "converged": None,
        "reason": None,
        "logits": logits_K.tolist(),
    }


def _outcome(engine: Engine, text: Scored, table: pa.Table) -> dict[str, object]:
    """The facts of an example that its gradients give."""
    method = engine.attribution.summed
    scores = table[method].to_numpy().astype(float)
    outside = float(scores[table["word_start"].is_null().to_numpy()].sum())
    known = {"score": text.score, "special_score": outside, "gradients": text.gradients, "change": text.change}
    if method == "integrated_gradients":
        total = float(np.abs(text.scores[method]).sum())
        known["gap"] = float(text.scores[method].sum()) - text.change
        known["error"] = text.error / total if total > 0 else 0.0
    kept = {name: number for name, number in known.items() if np.isfinite(number)}
    return {**kept, "converged": text.reason is None, "reason": text.reason}


def _token_table(
    engine: Engine, example_id: int, text: str, encoded: Encoded, scores: dict[str, np.ndarray]
) -> pa.Table:
    spans, words = words_of_tokens(encoded.offsets, encoded.special, text)
    num_tokens = len(encoded.ids)
    places: dict[str, Any] = {
        "position": np.arange(num_tokens),
        "token_id": encoded.ids,
        "token_start": [start for start, _ in encoded.offsets],
        "token_end": [end for _, end in encoded.offsets],
        "word_start": [spans[word][0] if word >= 0 else None for word in words],
        "word_end": [spans[word][1] if word >= 0 else None for word in words],
    }
    columns: dict[str, list[Any]] = {name: list(column) for name, column in places.items()}
    padding = max(len(column) for column in scores.values()) - num_tokens
    if padding:
        for name, number in zip(places, (num_tokens, engine.classifier.pad_id, 0, 0, None, None), strict=True):
            columns[name].append(number)
    filled = {name: pa.array(column, pa.int32()) for name, column in columns.items()}
    length = num_tokens + (padding > 0)
    for name in COLUMNS:
        filled[name] = pa.nulls(length, pa.float32())
        if name in scores:
            column = scores[name][:num_tokens]
            if padding:
                column = np.append(column, scores[name][num_tokens:].sum())
            filled[name] = pa.array(_rounded(name, column.astype(np.float32)), pa.float32())
    return pa.table({"example_id": pa.array(np.full(length, example_id), pa.int64()), **filled}, schema=_TOKEN)


_BITS = {"gradient_norm": 18, "contrast": 2}
"""Bits of the mantissa that are kept: the norm to 2e-6, the size of the noise to 12 %. The rest would take the room of
a column."""


def _rounded(name: str, column: np.ndarray) -> np.ndarray:
    if name not in _BITS:
        return column
    dropped = np.uint32(23 - _BITS[name])
    half = np.uint32(1) << (dropped - np.uint32(1))
    bits = column.view(np.uint32)
    rounded: np.ndarray = np.where(np.isfinite(column), (bits + half) >> dropped << dropped, bits).view(np.float32)
    return rounded
