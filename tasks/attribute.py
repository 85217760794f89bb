"""Stage: every example's prediction, and the score of each of its tokens.

Reads the shards of ingest. Writes, in `<run>/parts/`, the plan of the run (`plan.json`,
see tasks/pilot.py) and one part per shard with two tables.

`tokens`, one row per token: `example_id`, `position` (0-based, special tokens included),
`token_id`, `token_start`, `token_end`, `word_start`, `word_end` (code points of the raw
text; the word is null for special tokens), `gradient_norm`, `embedding_gradient_norm`,
`gradient_x_input`, `relevance`, `integrated_gradients` (float32; null if not among the methods) and
`contrast`, whose square, summed over the tokens of a word first, estimates the variance of
the word's quadrature noise (`corpus` mode). Padding, where a network wants it, is one row.

`examples`, one row per example: prediction, logits, explained score, its change from the baseline,
completeness gap, gradients spent, estimated error, explained or not and why. Of an example that
killed its worker there is nothing but the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from prefect import task
from prefect.cache_policies import NO_CACHE
from torch import Tensor

from configs.schema import AttributionConfig, AttributionError, WorkersConfig
from tasks.classifier import Classifier, Encoded, load_classifier
from tasks.explained import Batch, Engine, batch_tokens, batches, draw, engine_for, predict, shift_of
from tasks.fanout import Facts, Job, fan_out, target_of
from tasks.gradients import (
    Budget,
    Sweep,
    embedded_weights,
    embedding_gradient_norm,
    gradient_norm,
    gradient_x_input,
    quadrature,
)
from tasks.layers import gram_matrix
from tasks.model import ModelSpec
from tasks.parts import file_hash, num_rows, read_manifest, read_part, write_part
from tasks.path import drawn, nested
from tasks.pilot import Plan, make_plan, pilot_texts, stored_plan, target_ids
from tasks.progress import progress
from tasks.reading import mean_over_windows, read_texts, windows_of
from tasks.words import word_spans, words_of_pieces

COLUMNS = (
    "gradient_norm", "embedding_gradient_norm", "gradient_x_input", "relevance", "integrated_gradients", "contrast",
)  # fmt: skip


@task(name="attribute", cache_policy=NO_CACHE, timeout_seconds=48 * 3600)
def attribute_shards(
    shards: Sequence[Path],
    model: ModelSpec,
    attribution: AttributionConfig,
    folder: Path,
    limits: WorkersConfig | None = None,
) -> list[Path]:
    """Attribute every shard that has no whole part in `folder` yet; return the manifests of all parts, in order.

    Raises:
        AttributionError: the forward pass with the layer replaced is not the model's forward pass, the pilot's
            held-out texts fail the plan, or more than `attribution.max_quarantined` of the examples are quarantined.
    """
    parts = [folder / shard.name.replace("shard", "part") for shard in shards]
    facts = [read_manifest(part) for part in parts]
    # A part of a shard that was made anew since is no part of this one.
    missing = {i for i, fact in enumerate(facts) if fact is None or fact["shard"] != file_hash(shards[i])}
    sizes = [num_rows(shard, "examples") for shard in shards]
    done = sum(size for i, size in enumerate(sizes) if i not in missing)
    if missing:
        # A worker may be in another folder.
        model = replace(model, folder=model.folder.absolute())
        paths = [shard.absolute() for shard in shards]
        plan = (folder / "plan.json").absolute()
        jobs = [
            Job(shards[i].stem, (paths[i], model, attribution, plan, parts[i].absolute()), sizes[i], partial(_ids, paths[i]))
            for i in sorted(missing)
        ]  # fmt: skip
        with fan_out(limits or WorkersConfig()) as run_everywhere:
            if stored_plan(plan) is None:
                ids = _pilot_ids(paths, attribution.seed)
                pilot = Job("the pilot", (paths, model, attribution, plan), len(ids), lambda: ids)
                with progress("pilot", len(ids), "examples") as meter:
                    run_everywhere(plan_run, [pilot], meter)
            with progress("attribute", sum(sizes), "examples", done, artifact="attribution") as meter:
                run_everywhere(attribute_part, jobs, meter)
    counts = [read_manifest(part) for part in parts]
    for part, count in zip(parts, counts, strict=True):
        if count is None:
            raise AttributionError(
                f"{part} was written by a worker and cannot be read here. Workers on other machines need a folder that all share: set `output` to one."
            )
    quarantined, died, planned = (
        sum(int(str(count[name])) for count in counts if count) for name in ("num_quarantined", "num_died", "num_planned")
    )  # fmt: skip
    if quarantined > attribution.max_quarantined * planned:
        raise AttributionError(_too_many(quarantined, died, planned, attribution))
    return parts


def _ids(shard: Path) -> list[int]:
    ids: list[int] = read_part(shard, "examples", ["example_id"])["example_id"].to_pylist()
    return ids


def plan_run(
    shards: Sequence[Path],
    model: ModelSpec,
    attribution: AttributionConfig,
    manifest: Path,
    *,
    left_out: frozenset[int],
    dry: bool,
    advance: Callable[[int], None],
) -> Facts:
    """Make the plan of a run, without some of the pilot's texts; a dry run stores none."""
    with target_of(manifest, dry=dry) as target:
        plan_of(_engine(model, attribution), shards, model, target.parent, left_out, advance)
    return {}


def attribute_part(
    shard: Path,
    model: ModelSpec,
    attribution: AttributionConfig,
    plan: Path,
    part: Path,
    *,
    left_out: frozenset[int],
    dry: bool,
    advance: Callable[[int], None],
) -> Facts:
    """Write the part of one shard by the stored plan, without the examples that are left out; a dry run writes none."""
    engine = _engine(model, attribution)
    stored = stored_plan(plan)
    if stored is None:
        raise AttributionError(
            f"{plan} cannot be read. Workers on other machines need a folder that all share: set `output` to one."
        )
    with _flushed_denormals(), target_of(part, dry=dry) as target:
        return attribute_shard(shard, engine, model, stored, target, advance, left_out)


def _engine(model: ModelSpec, attribution: AttributionConfig) -> Engine:
    classifier = load_classifier(model, attribution.dtype)
    return replace(_checked_engine(classifier, attribution), budget=Budget(batch_tokens(classifier.device)))


@lru_cache(maxsize=2)
def _checked_engine(classifier: Classifier, attribution: AttributionConfig) -> Engine:
    """Once in a process, since its checks are forward passes."""
    return engine_for(classifier, attribution)


@contextmanager
def _flushed_denormals() -> Iterator[None]:
    """GELU far below 0 gives denormal numbers, which processors compute ten times slower than others.

    The switch is the whole thread's, and a database in it would round small p-values to 0: so only for the while.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _too_many(quarantined: int, died: int, planned: int, attribution: AttributionConfig) -> str:
    wanted = {
        "document": f"miss attribution.tolerance = {attribution.tolerance} after {attribution.max_doublings} doublings of their gradients",
        "fixed": f"miss attribution.max_gap = {attribution.max_gap} even with {attribution.steps * 2**attribution.max_doublings} steps",
        "corpus": "have scores that are no numbers, or do not fit into memory",
    }[attribution.mode]
    killed = f" or kill their worker ({died} of them)" if died else ""
    return (
        f"{quarantined} of {planned} examples {wanted}{killed}, more than attribution.max_quarantined = {attribution.max_quarantined}. "
        "The column reason of the parts says why; allow more gradients, or try another baseline."
    )


def plan_of(
    engine: Engine,
    shards: Sequence[Path],
    model: ModelSpec,
    folder: Path,
    left_out: frozenset[int] = frozenset(),
    advance: Callable[[int], None] = lambda amount: None,
) -> Plan:
    """The stored plan of this run, or a new one from a pilot of its texts, without those that are left out."""
    manifest = folder / "plan.json"
    stored = stored_plan(manifest)
    if stored is not None:
        return stored
    chosen = [i for i in _pilot_ids(shards, engine.attribution.seed) if i not in left_out]
    if not chosen:
        raise AttributionError("Workers die at every text of the pilot.")
    place = {example_id: k for k, example_id in enumerate(chosen)}
    rows: list[dict[str, Any]] = []
    num_examples = 0
    for shard in shards:
        ids = _ids(shard)
        num_examples += len(ids)
        if place.keys() & ids:
            table = read_part(shard, "examples")
            rows += table.filter(pc.is_in(table["example_id"], pa.array(sorted(place), pa.int64()))).to_pylist()
    rows.sort(key=lambda row: place[row["example_id"]])
    encoded = read_texts(engine.classifier, rows, model)
    pieces = [windows_of(text, engine.classifier, model)[0][0] for text in encoded]
    labels = [row["label_id"] for row in rows]
    attribution = engine.attribution
    unrounded = None
    if attribution.adaptive and attribution.dtype != "float32":
        unrounded = engine_for(load_classifier(model, keep=False), attribution.model_copy(update={"dtype": "float32"}))
    plan = make_plan(engine, chosen, pieces, labels, num_examples, manifest, unrounded)
    advance(len(rows))
    return plan


def _pilot_ids(shards: Sequence[Path], seed: int) -> list[int]:
    columns = ["example_id", "n_tokens"]
    index = pa.concat_tables([read_part(shard, "examples", columns) for shard in shards])
    ids = index["example_id"].to_pylist()
    return [ids[i] for i in pilot_texts(ids, index["n_tokens"].to_pylist(), seed)]


@dataclass
class Scored:
    """Scores of one piece."""

    scores: dict[str, np.ndarray]
    score: float
    change: float
    gradients: int
    error: float
    """Estimated sum of absolute errors; NaN where nothing estimates it."""
    met: bool = True
    reason: str | None = None


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

    Examples that are left out, because their worker dies, are in it as quarantined.
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
        "shard": file_hash(shard), "num_examples": len(facts), "num_planned": len(tokens) + num_died, "num_died": num_died,
        "num_quarantined": sum(own["converged"] is False for own in facts),
    }  # fmt: skip
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
    logits = predict(engine, [piece for text in windows for piece, _ in text])
    mean_logits = mean_over_windows(logits, windows)
    targets = target_ids(engine, mean_logits, [row["label_id"] for row in examples])
    planned = [draw(engine.attribution.seed, f"text {row['example_id']}".encode()) < plan.last_draw for row in examples]
    index = [w for w, i in enumerate(owner) if planned[i]]
    flat = [piece for text in windows for piece, _ in text]
    scored = _score(engine, plan, [flat[w] for w in index], [targets[owner[w]] for w in index], logits[index], advance)
    by_text: dict[int, list[tuple[Scored, np.ndarray]]] = {}
    positions = [place for text in windows for _, place in text]
    for k, w in enumerate(index):
        by_text.setdefault(owner[w], []).append((scored[k], positions[w]))
    tokens, facts = [], []
    for i, row in enumerate(examples):
        own = _facts(engine, row["example_id"], mean_logits[i], targets[i], len(windows[i]))
        if i in by_text:
            text = _stitched(engine, by_text[i], len(encoded[i].ids))
            table = _token_table(engine, row["example_id"], str(row["text"]), encoded[i], text.scores)
            tokens.append(table)
            own |= _outcome(engine, text, table)
        facts.append(own)
    advance(len(examples) - len(by_text))
    return tokens, facts


_EXAMPLE = pa.schema([
    ("example_id", pa.int64()), ("predicted_id", pa.int32()), ("target_id", pa.int32()), ("confidence", pa.float64()),
    ("score", pa.float64()), ("change", pa.float64()), ("gap", pa.float64()), ("special_score", pa.float64()),
    ("gradients", pa.int32()), ("error", pa.float64()), ("converged", pa.bool_()), ("reason", pa.string()), ("n_windows", pa.int32()),
    ("logits", pa.list_(pa.float32())),
])  # fmt: skip
_TOKEN = pa.schema([
    ("example_id", pa.int64()), *((name, pa.int32()) for name in ("position", "token_id", "token_start", "token_end", "word_start", "word_end")),
    *((name, pa.float32()) for name in COLUMNS),
])  # fmt: skip


def _score(
    engine: Engine,
    plan: Plan,
    pieces: Sequence[Encoded],
    targets: Sequence[int],
    logits: np.ndarray,
    advance: Callable[[int], None],
) -> list[Scored]:
    """Scores of every piece, by the plan."""
    found: dict[int, Scored] = {}
    gram_DD = gram_matrix(engine.classifier) if "gradient_norm" in engine.attribution.methods else None
    for chosen, batch in batches(engine, pieces, targets, logits, engine.attribution.baseline):
        shifts = [shift_of(pieces[i], engine.attribution.seed) for i in chosen]
        found.update(zip(chosen, _score_batch(batch, plan, shifts, gram_DD), strict=True))
        advance(len(chosen))
    return [found[i] for i in range(len(pieces))]


def _score_batch(batch: Batch, plan: Plan, shifts: Sequence[float], gram_DD: Tensor | None) -> list[Scored]:
    attribution = batch.engine.attribution
    num_pieces, num_tokens, _ = batch.inputs_BTD.shape
    everyone = list(range(num_pieces))
    path = "integrated_gradients" in attribution.methods
    # The places on the way, then the text itself, whose gradient serves the other methods and the parity check.
    if not path:
        visited = [np.empty(0)] * num_pieces
    elif attribution.mode == "fixed":
        visited = [_open(quadrature(attribution.rule, attribution.steps)[0])] * num_pieces
    elif attribution.mode == "document":
        assert plan.warp is not None
        rule = nested(plan.warp.density(num_tokens), plan.gradients)
        visited = [rule.places_S[1:-1]] * num_pieces
    else:
        assert plan.warp is not None
        density = plan.warp.density(num_tokens)
        rules = [drawn(density, plan.gradients, shift) for shift in shifts]
        visited = [rule.places_S[1:-1] for rule in rules]
    values_BST, swept = _visit(batch, everyone, [np.append(places, 1.0) for places in visited])
    scores = _at_input(batch, swept, gram_DD)
    too_large = swept.too_large
    if "relevance" in attribution.methods:
        _, frozen = _visit(batch, everyone, [np.ones(1)] * num_pieces, frozen=True)
        scores["relevance"] = _array(gradient_x_input(frozen.gradient_ETD, batch.inputs_BTD))
        too_large |= frozen.too_large
    start_BT, change_B = _array(batch.start_BT), _array(batch.score_B - batch.baseline_score_B)
    score_B = _array(batch.score_B)
    results = []
    for b in everyone:
        own = {name: column[b] for name, column in scores.items()}
        results.append(Scored(own, float(score_B[b]), float(change_B[b]), len(visited[b]) + 1, float("nan")))
    if path and attribution.mode == "corpus":
        for b, rule in enumerate(rules):
            values_ST = np.concatenate([start_BT[b : b + 1], values_BST[b]])
            results[b].scores["integrated_gradients"] = rule.weights_S @ values_ST
            if attribution.summed == "integrated_gradients":
                results[b].scores["contrast"] = plan.noise_factor * ((rule.weights_S - rule.coarse_S) @ values_ST)
    elif path and attribution.mode == "document":
        _double_until_exact(batch, plan, results, start_BT, values_BST)
    elif path:
        _fixed(batch, results, start_BT, values_BST)
    real_BT = batch.inputs.mask_NT.bool().cpu().numpy()
    for b, result in enumerate(results):
        # Padding goes to the end, on whichever side the tokenizer puts it.
        order = np.argsort(~real_BT[b], kind="stable")
        result.scores = {name: column[order] for name, column in result.scores.items()}
        if b in too_large:
            result.reason = "out of memory"
        elif not all(np.isfinite(column).all() for column in result.scores.values()):
            result.reason = "not finite"
        elif not result.met:
            result.reason = "tolerance"
    return results


def _open(places_S: np.ndarray) -> np.ndarray:
    """Without the ends, whose integrands are known."""
    return places_S[(places_S > 0) & (places_S < 1)]


def _visit(
    batch: Batch, members: Sequence[int], places: Sequence[np.ndarray], *, frozen: bool = False
) -> tuple[list[np.ndarray], Sweep]:
    """Integrands (S, T) of some members of a batch at their places."""
    device = batch.target_B.device
    sizes = [len(places_S) for places_S in places]
    example_R = torch.tensor(members, device=device).repeat_interleave(torch.tensor(sizes, device=device))
    place_R = torch.tensor(np.concatenate(places), dtype=torch.float64, device=device)
    swept = batch.sweep(example_R, place_R, frozen=frozen)
    values_RT = _array(swept.integrand_RT)
    return np.split(values_RT, np.cumsum(sizes)[:-1]), swept


def _at_input(batch: Batch, swept: Sweep, gram_DD: Tensor | None) -> dict[str, np.ndarray]:
    """The methods that need one gradient, at the text itself: (B, T) each."""
    methods = batch.engine.attribution.methods
    found = {}
    if gram_DD is not None:
        found["gradient_norm"] = gradient_norm(swept.gradient_ETD, gram_DD)
    if "embedding_gradient_norm" in methods:
        found["embedding_gradient_norm"] = embedding_gradient_norm(swept.gradient_ETD)
    if "gradient_x_input" in methods:
        found["gradient_x_input"] = gradient_x_input(swept.gradient_ETD, batch.inputs_BTD)
    return {name: _array(column) for name, column in found.items()}


def _array(values: Tensor) -> np.ndarray:
    found: np.ndarray = values.cpu().double().numpy()
    return found


def _double_until_exact(
    batch: Batch, plan: Plan, results: list[Scored], start_BT: np.ndarray, values_BST: list[np.ndarray]
) -> None:
    """`document` mode: the nested rule, with twice the gradients for the pieces whose estimated error is too large."""
    attribution = batch.engine.attribution
    assert plan.warp is not None
    density = plan.warp.density(batch.inputs_BTD.shape[1])
    known = {b: np.concatenate([start_BT[b : b + 1], values_BST[b]]) for b in range(len(results))}
    for doubling, factor in enumerate(plan.error_factors):
        num_gradients = plan.gradients * 2**doubling
        rule = nested(density, num_gradients)
        if doubling:
            # Every second place is new; the others were visited with half as many gradients.
            new, _ = _visit(batch, sorted(known), [rule.places_S[1::2]] * len(known))
            for b, new_ST in zip(sorted(known), new, strict=True):
                merged = np.empty((num_gradients + 1, new_ST.shape[1]))
                merged[::2], merged[1::2] = known[b], new_ST
                known[b] = merged
        for b in list(known):
            scores_T = rule.weights_S @ known[b]
            error = factor * float(np.abs(scores_T - rule.coarse_S @ known[b]).sum())
            met = error <= attribution.tolerance * float(np.abs(scores_T).sum())
            results[b].scores["integrated_gradients"] = scores_T
            results[b].gradients, results[b].error, results[b].met = num_gradients, error, met
            if met or not np.isfinite(error):
                del known[b]
        if not known:
            return


def _fixed(batch: Batch, results: list[Scored], start_BT: np.ndarray, values_BST: list[np.ndarray]) -> None:
    """`fixed` mode: the rule as given, again with twice the steps while the completeness gap is too large."""
    attribution = batch.engine.attribution
    left = list(range(len(results)))
    end_BT = np.stack([values_ST[-1] for values_ST in values_BST])
    steps = attribution.steps
    for retry in range(attribution.max_doublings + 1):
        places_S, weights_S = quadrature(attribution.rule, steps)
        embedded_S = embedded_weights(attribution.rule, steps)
        if retry:
            values_BST, _ = _visit(batch, left, [_open(places_S)] * len(left))
        for k, b in enumerate(list(left)):
            inner_ST = values_BST[k][: len(_open(places_S))]
            ends = ([start_BT[b]] if places_S[0] == 0 else [], [end_BT[b]] if places_S[-1] == 1 else [])
            values_ST = np.stack([*ends[0], *inner_ST, *ends[1]])
            scores_T = weights_S @ values_ST
            results[b].scores["integrated_gradients"] = scores_T
            results[b].gradients = steps
            if embedded_S is not None:
                results[b].error = float(np.abs(scores_T - embedded_S @ values_ST).sum())
            gap = abs(float(scores_T.sum()) - results[b].change)
            # not >, so that NaN counts as a miss
            results[b].met = attribution.max_gap is None or gap <= attribution.max_gap * max(abs(results[b].change), 1)
        left = [b for b in left if not results[b].met]
        if not left:
            return
        steps = 2 * steps + (1 if attribution.rule in ("simpson", "gauss_kronrod", "trapezoid") and steps % 2 else 0)


def _stitched(engine: Engine, pieces: Sequence[tuple[Scored, np.ndarray]], num_tokens: int) -> Scored:
    """One text from its windows: the scores of the mean over its windows of the explained scalar.

    That mean is what is explained, so a token's score is the mean over all windows of its score in each, 0 where it is
    not in it. Its sum is the mean change: completeness survives. To keep only the window a token is most central in
    would read better context, but explain no scalar.
    """
    if len(pieces) == 1 and len(pieces[0][1]) == num_tokens:
        return pieces[0][0]
    share = 1 / len(pieces)
    scores: dict[str, np.ndarray] = {}
    for scored, positions in pieces:
        for name, column in scored.scores.items():
            # A column may be longer than the text by its padding.
            whole = scores.setdefault(name, np.zeros(num_tokens + len(column) - len(positions)))
            np.add.at(whole, positions, share * column[: len(positions)])
            whole[num_tokens:] += share * column[len(positions) :]
    windows = [scored for scored, _ in pieces]
    return Scored(
        scores, share * sum(w.score for w in windows), share * sum(w.change for w in windows),
        sum(w.gradients for w in windows), share * sum(w.error for w in windows), all(w.met for w in windows),
        next((w.reason for w in windows if w.reason is not None), None),
    )  # fmt: skip


def _facts(engine: Engine, example_id: int, logits_K: np.ndarray, target: int, num_windows: int) -> dict[str, object]:
    """What is known of an example without its gradients."""
    logits = torch.tensor(logits_K)[None].double()
    probabilities = logits.sigmoid() if engine.classifier.head == "multi_label" else logits.softmax(dim=1)
    predicted = int(logits_K.argmax())
    return {
        "example_id": example_id, "predicted_id": predicted, "target_id": target,
        "confidence": float(probabilities[0, predicted]), "n_windows": num_windows, "converged": None, "reason": None,
        "logits": logits_K.tolist(),
    }  # fmt: skip


def _outcome(engine: Engine, text: Scored, table: pa.Table) -> dict[str, object]:
    """What the gradients of an example gave."""
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
    spans = word_spans(text)
    words = words_of_pieces(encoded.offsets, encoded.special, spans, text)
    num_tokens = len(encoded.ids)
    places: dict[str, Any] = {
        "position": np.arange(num_tokens), "token_id": encoded.ids,
        "token_start": [start for start, _ in encoded.offsets], "token_end": [end for _, end in encoded.offsets],
        "word_start": [spans[word][0] if word >= 0 else None for word in words],
        "word_end": [spans[word][1] if word >= 0 else None for word in words],
    }  # fmt: skip
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
"""Bits of the mantissa that are kept: the norm to 2e-6, the size of the noise to 12 %. The rest would take the room of a column."""


def _rounded(name: str, column: np.ndarray) -> np.ndarray:
    if name not in _BITS:
        return column
    dropped = np.uint32(23 - _BITS[name])
    half = np.uint32(1) << (dropped - np.uint32(1))
    bits = column.view(np.uint32)
    rounded: np.ndarray = np.where(np.isfinite(column), (bits + half) >> dropped << dropped, bits).view(np.float32)
    return rounded
