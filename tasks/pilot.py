"""Leaf: the pilot of a run: where on the path gradients go, how many, and the proof that it is enough.

Some texts, stratified by length, are computed on a dense grid of places. Half of them fit the
warp and choose the number of gradients, the other half verify it: they are the held-out texts
whose error the report shows. All of it is one part, `plan.json`, so that a run that was killed
goes on with the same plan.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from configs.schema import AttributionConfig, AttributionError
from tasks.classifier import Encoded
from tasks.explained import Engine, batches, draw, predict
from tasks.layers import baseline_token
from tasks.parts import read_manifest, read_part, write_part
from tasks.path import (
    FINE_PANELS,
    KINDS,
    PANELS,
    Array,
    Integrand,
    Warp,
    drawn_scores,
    fit_warp,
    grid,
    nested_scores,
    relative_error,
    squared_noise,
)

TEXTS = 64
"""Texts of the pilot: half to fit, half to verify."""
_FEWEST_TO_JUDGE = 8
"""Held-out texts without which a verification says too little to stop a run."""
_NESTED = (4, 6, 8, 10, 12, 14, 16, 20, 24)
_COVERED = 0.9
"""Share of the texts whose error the estimate of `document` mode covers before it is multiplied by the caution."""
_CAUTION = (0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 3.0, 5.0)
"""What that estimate is multiplied by: the smallest that still is sure of the texts it accepts. Below 1, because most texts end well
within the tolerance and only those near it can miss."""
_SURE = 0.95
"""Share of the pilot's accepted texts whose error must be within the tolerance, so that nine in ten of the others' are."""


@dataclass(frozen=True)
class Plan:
    """How the texts of a run are attributed."""

    gradients: int
    """Gradients a text, the one at the text itself included; in `document` mode before any doubling."""
    last_draw: float
    """Texts whose draw is larger are predicted only."""
    noise_factor: float
    """`corpus`: root mean square of the quadrature error over that of its difference to the coarser rule."""
    error_factors: tuple[float, ...]
    """`document`: error over its difference to the coarser rule, by number of doublings."""
    warp: Warp | None


def pilot_texts(example_ids: Sequence[int], num_tokens: Sequence[int], seed: int) -> list[int]:
    """Indices of the pilot's texts, evenly spread over the lengths, in the order of length."""
    order = sorted(range(len(example_ids)), key=lambda i: (num_tokens[i], draw(seed, str(example_ids[i]).encode())))
    wanted = min(TEXTS, len(order))
    return [order[int((k + 0.5) * len(order) / wanted)] for k in range(wanted)]


def make_plan(
    engine: Engine,
    ids: Sequence[int],
    pieces: Sequence[Encoded],
    gold: Sequence[int],
    num_examples: int,
    manifest: Path,
    unrounded: Engine | None = None,
) -> Plan:
    """Compute the pilot on these texts, choose and verify the plan for `num_examples`, and write it as a part.

    `unrounded` is the same engine in float32, for one whose arithmetic rounds more: more gradients cannot make up
    for rounding, so errors that do not hold it would promise too much.

    Raises:
        AttributionError: the held-out texts show that the plan does not keep what the settings ask for.
    """
    attribution = engine.attribution
    facts: dict[str, Any] = {
        "mode": attribution.mode, "rule": None, "warp": None, "gradients": None, "n_planned": num_examples, "noise": None,
        "error_p50": None, "error_p90": None, "error_p99": None, "inflation": None, "width": None, "pilot_gradients": 0,
        "baseline_used": baseline_token(engine.classifier, attribution.baseline)[1],
        "last_draw": 1.0, "noise_factor": 0.0, "error_factors": [],
    }  # fmt: skip
    logits = predict(engine, pieces)
    targets = target_ids(engine, logits, gold)
    dense: dict[str, list[Integrand]] = {}
    path = "integrated_gradients" in attribution.methods
    if attribution.adaptive or (path and attribution.baseline_sweep):
        panels = FINE_PANELS if attribution.mode == "document" else PANELS
        dense[attribution.baseline] = dense_integrands(
            engine, ids, pieces, targets, logits, attribution.baseline, panels
        )
        for baseline in attribution.baseline_sweep:
            if baseline not in dense:
                dense[baseline] = dense_integrands(engine, ids, pieces, targets, logits, baseline)
        facts["pilot_gradients"] = (panels + PANELS * (len(dense) - 1)) * len(pieces)
    rows: list[dict[str, object]] = []
    warp = None
    if attribution.adaptive:
        texts = dense[attribution.baseline]
        if unrounded is not None:
            logits = predict(unrounded, pieces)
            exact = dense_integrands(unrounded, ids, pieces, targets, logits, attribution.baseline)
            texts = [replace(text, unrounded_T=other.integral_T) for text, other in zip(texts, exact, strict=True)]
            facts["pilot_gradients"] += PANELS * len(pieces)
        texts = [text for text in texts if np.isfinite(text.values_GT).all()]
        if not texts:
            raise AttributionError(
                "The gradients of none of the pilot's texts are numbers. Try attribution.dtype float32."
            )
        fitted, held_out = texts[::2], texts[1::2] or texts
        warp = fit_warp(fitted)
        choose = _corpus_plan if attribution.mode == "corpus" else _document_plan
        chosen, rows = choose(attribution, warp, fitted, held_out, num_examples)
        facts |= {"warp": _in_words(warp), **chosen}
    plan = Plan(
        facts["gradients"] or attribution.steps, facts["last_draw"], facts["noise_factor"],
        tuple(facts["error_factors"]), warp,
    )  # fmt: skip
    if attribution.mode == "fixed" and path:
        facts |= {"rule": attribution.rule, "gradients": attribution.steps}
    tables = {
        "pilot": pa.Table.from_pylist(rows, schema=PILOT),
        "baselines": pa.Table.from_pylist(_agreement(dense, pieces) if len(dense) > 1 else [], schema=BASELINES),
        "warp": _warp_table(warp),
    }
    write_part(manifest, tables, facts)
    return plan


def stored_plan(manifest: Path) -> Plan | None:
    """The plan of a run that has one."""
    facts: Any = read_manifest(manifest)
    if facts is None:
        return None
    table = read_part(manifest, "warp")
    warp = None
    if table.num_rows:
        warp = Warp(
            np.array(table["n_tokens"].to_pylist()),
            {kind: np.array(table[kind].to_pylist()) for kind in KINDS},
            {kind: np.array(table[f"{kind}_noise"].to_pylist()) for kind in KINDS},
        )
    return Plan(facts["gradients"] or 0, facts["last_draw"], facts["noise_factor"], tuple(facts["error_factors"]), warp)


PILOT = pa.schema([
    ("example_id", pa.int64()), ("n_tokens", pa.int32()), ("role", pa.string()), ("error", pa.float64()),
    ("estimate", pa.float64()), ("noise", pa.float64()),
])  # fmt: skip
BASELINES = pa.schema([
    ("baseline_a", pa.string()), ("baseline_b", pa.string()), ("n_examples", pa.int32()),
    ("rank_agreement", pa.float64()), ("top_agreement", pa.float64()),
])  # fmt: skip


def _warp_table(warp: Warp | None) -> pa.Table:
    columns: dict[str, Any] = {"n_tokens": [] if warp is None else warp.lengths_P.tolist()}
    for kind in KINDS:
        columns[kind] = [] if warp is None else warp.raw[kind].tolist()
        columns[f"{kind}_noise"] = [] if warp is None else warp.noise[kind].tolist()
    types = {"n_tokens": pa.float64()}
    types |= {
        name: pa.float64() if name.endswith("_noise") else pa.list_(pa.float64())
        for name in columns
        if name not in types
    }
    return pa.table({name: pa.array(column, types[name]) for name, column in columns.items()})


def target_ids(engine: Engine, logits: np.ndarray, gold: Sequence[int]) -> list[int]:
    """The explained label of each text.

    Raises:
        AttributionError: the target of a text is the label it is explained against.
    """
    target = engine.attribution.target
    if target == "predicted":
        found = [int(label) for label in logits.argmax(axis=1)]
    elif target == "gold":
        found = list(gold)
    else:
        found = [engine.classifier.labels.index(target)] * len(gold)
    return found


def dense_integrands(
    engine: Engine,
    ids: Sequence[int],
    pieces: Sequence[Encoded],
    targets: Sequence[int],
    logits: np.ndarray,
    baseline: str,
    panels: int = PANELS,
) -> list[Integrand]:
    """The integrand of each text on the dense grid."""
    found: dict[int, Integrand] = {}
    for chosen, batch in batches(engine, pieces, targets, logits, baseline):
        device = batch.target_B.device
        example_R = torch.arange(len(chosen), device=device).repeat_interleave(panels)
        place_R = torch.tensor(grid(panels)[1:], device=device).repeat(len(chosen))
        swept = batch.sweep(example_R, place_R).integrand_RT.view(len(chosen), panels, -1)
        values_BGT = torch.cat([batch.start_BT[:, None], swept], dim=1).double().cpu().numpy()
        for b, i in enumerate(chosen):
            found[i] = Integrand(ids[i], len(pieces[i].ids), values_BGT[b])
    return [found[i] for i in range(len(pieces))]


def _corpus_plan(
    attribution: AttributionConfig,
    warp: Warp,
    fitted: Sequence[Integrand],
    held_out: Sequence[Integrand],
    num_examples: int,
) -> tuple[dict[str, Any], list[dict[str, object]]]:
    """Gradients a text and number of texts."""

    def noise(texts: Sequence[Integrand], num_gradients: int) -> float:
        return math.sqrt(np.mean([squared_noise(text, warp.density(text.num_tokens), num_gradients) for text in texts]))

    share, width = 1.0, None
    cost = {num: (num, 1 + noise(fitted, num) ** 2) for num in range(2, 17)}
    # Work to a given width goes with gradients a text times the variance of one text's score.
    if attribution.interval_width is not None:
        squared_width = (attribution.interval_width / (2 * 1.96)) ** 2 * attribution.interval_examples
        needed = {num: variance * _typical_variance(fitted) / squared_width for num, (_, variance) in cost.items()}
        reached = [num for num in cost if needed[num] <= 1]
        if reached:
            num_gradients = min(reached, key=lambda num: num * needed[num])
            share = needed[num_gradients]
        else:
            num_gradients = _quiet_enough(attribution, noise, fitted, held_out)
    elif attribution.max_gradients is not None:
        budget = attribution.max_gradients
        # Squared width with as many texts as the budget pays for at so many gradients.
        squared = {num: variance / min(num_examples, budget / num) for num, (_, variance) in cost.items()}
        num_gradients = min(squared, key=lambda num: squared[num])
        share = min(1.0, budget / num_gradients / num_examples)
    else:
        num_gradients = attribution.gradients or _quiet_enough(attribution, noise, fitted, held_out)
    num_planned = max(2, round(share * num_examples))
    held_noise = noise(held_out, num_gradients)
    error, difference, errors, rows = 0.0, 0.0, [], []
    for role, texts in (("fitted", fitted), ("held out", held_out)):
        for text in texts:
            pairs = list(drawn_scores(text, warp.density(text.num_tokens), num_gradients))
            error += sum(float(((scores_T - text.integral_T) ** 2).sum()) for scores_T, _ in pairs)
            difference += sum(float((change_T**2).sum()) for _, change_T in pairs)
            relative = [relative_error(scores_T, text.reference_T) for scores_T, _ in pairs]
            if role == "held out":
                errors += relative
            rows.append({
                "example_id": text.example_id, "n_tokens": text.num_tokens, "role": role, "error": float(np.mean(relative)), "estimate": None,
                "noise": math.sqrt(squared_noise(text, warp.density(text.num_tokens), num_gradients)),
            })  # fmt: skip
    if attribution.interval_width is not None or attribution.max_gradients is not None:
        words = attribution.interval_examples * num_planned / num_examples
        width = 2 * 1.96 * math.sqrt((1 + held_noise**2) * _typical_variance(fitted) / words)
    return {
        "rule": "drawn", "gradients": num_gradients, "n_planned": num_planned, "noise": held_noise, "width": width,
        "inflation": math.sqrt(1 + held_noise**2) - 1, "noise_factor": math.sqrt(error / difference) if difference else 0.0,
        "last_draw": share, **_quantiles(errors),
    }, rows  # fmt: skip


def _quiet_enough(
    attribution: AttributionConfig,
    noise: Callable[[Sequence[Integrand], int], float],
    fitted: Sequence[Integrand],
    held_out: Sequence[Integrand],
) -> int:
    """Fewest gradients whose noise is within `max_noise`, on the texts that fitted the warp and on those that did not."""
    fewest = next((num for num in range(3, 65) if noise(fitted, num) <= attribution.max_noise), 64)
    for num in range(fewest, 2 * fewest + 1):
        if noise(held_out, num) <= attribution.max_noise:
            return num
    if len(held_out) >= _FEWEST_TO_JUDGE:
        raise AttributionError(
            f"The places on the path that suit {len(fitted)} pilot texts do not suit {len(held_out)} others: with {2 * fewest} gradients their "
            f"noise is {noise(held_out, 2 * fewest):.0%} of the scores, attribution.max_noise is {attribution.max_noise:.0%}. Try mode document, or another baseline."
        )
    return 2 * fewest


def _typical_variance(texts: Sequence[Integrand]) -> float:
    """Variance of a token's score in one text: about 0, which most tokens' means are close to."""
    return float(np.mean(np.concatenate([text.integral_T for text in texts]) ** 2))


def _document_plan(
    attribution: AttributionConfig,
    warp: Warp,
    fitted: Sequence[Integrand],
    held_out: Sequence[Integrand],
    num_examples: int,
) -> tuple[dict[str, Any], list[dict[str, object]]]:
    """Gradients to start with, and what the change on doubling says about the error."""

    def levels(text: Integrand, start: int) -> list[tuple[float, float]]:
        """Error and uncalibrated estimate after each doubling."""
        found = []
        for doubling in range(attribution.max_doublings + 1):
            scores_T, change_T = nested_scores(text, warp.density(text.num_tokens), start * 2**doubling)
            found.append((relative_error(scores_T, text.reference_T), relative_error(scores_T - change_T, scores_T)))
        return found

    def spent(found: Sequence[tuple[float, float]], factors: Sequence[float], start: int) -> tuple[int, float, float]:
        """Gradients, error and estimate of a text that stops as soon as its estimate is within the tolerance."""
        estimates = [factor * change for (_, change), factor in zip(found, factors, strict=True)]
        stop = next((d for d, estimate in enumerate(estimates) if estimate <= attribution.tolerance), len(found) - 1)
        return start * 2**stop, found[stop][0], estimates[stop]

    # The cheapest start whose estimate holds on the held-out texts too.
    plans = []
    misses = []
    for start in _NESTED:
        everyone = [levels(text, start) for text in (*fitted, *held_out)]
        calibrated = [
            min(2.0, float(np.quantile([_ratio(*table[doubling]) for table in everyone[: len(fitted)]], _COVERED)))
            for doubling in range(attribution.max_doublings + 1)
        ]
        for caution in _CAUTION:
            factors = [caution * factor for factor in calibrated]
            ended = [spent(table, factors, start) for table in everyone]
            accepted = [error if estimate <= attribution.tolerance else None for _, error, estimate in ended]
            errors = [error for error in accepted[len(fitted) :] if error is not None]
            known = [error for error in accepted if error is not None]
            miss = float(np.quantile(known, _SURE)) if known else 0.0
            if miss <= attribution.tolerance or len(errors) < _FEWEST_TO_JUDGE:
                plans.append((float(np.mean([gradients for gradients, _, _ in ended])), start, factors, ended, errors))
                break
        else:
            misses.append(miss)
    if not plans:
        raise AttributionError(
            f"The error estimate that suits {len(fitted)} pilot texts does not suit {len(held_out)} others: one in ten misses the reference by "
            f"{min(misses):.1%} or more, attribution.tolerance is {attribution.tolerance:.1%}. Try another baseline, mode corpus"
            f"{'' if fitted[0].unrounded_T is None else ', dtype float32'}, or a larger tolerance."
        )
    _, start, factors, ended, errors = min(plans, key=lambda plan: plan[0])
    rows: list[dict[str, object]] = [
        {
            "example_id": text.example_id, "n_tokens": text.num_tokens, "role": "fitted" if k < len(fitted) else "held out",
            "error": error, "estimate": estimate, "noise": None,
        }
        for k, (text, (_, error, estimate)) in enumerate(zip((*fitted, *held_out), ended, strict=True))
    ]  # fmt: skip
    return {"rule": "nested", "gradients": start, "error_factors": factors, **_quantiles(errors)}, rows


def _ratio(error: float, change: float) -> float:
    return error / change if change > 0 else 0.0


def _quantiles(errors: Sequence[float]) -> dict[str, float | None]:
    if not errors:
        return {"error_p50": None, "error_p90": None, "error_p99": None}
    p50, p90, p99 = (float(q) for q in np.quantile(errors, [0.5, 0.9, 0.99]))
    return {"error_p50": p50, "error_p90": p90, "error_p99": p99}


def _in_words(warp: Warp) -> str:
    lengths = sorted({int(warp.lengths_P.min()), int(np.median(warp.lengths_P)), int(warp.lengths_P.max())})
    peaks = []
    for length in lengths:
        density = warp.density(length)
        peak = float(np.linspace(0, 1, len(density.density_F))[int(density.density_F.argmax())])
        peaks.append(f"{density.density_F.max():.1f} times the average at {peak:.2f} for {length} tokens")
    return "densest " + ", ".join(peaks)


def _agreement(dense: dict[str, list[Integrand]], pieces: Sequence[Encoded]) -> list[dict[str, object]]:
    """How far two baselines agree on the order of a text's tokens, special ones left out."""
    names = list(dense)
    rows: list[dict[str, object]] = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            ranks, tops = [], []
            for a, b, piece in zip(dense[first], dense[second], pieces, strict=True):
                ordinary = ~np.array(piece.special, dtype=bool)
                # With pad_to the integrand is longer than the text; padding has no score at the embeddings.
                scores = [text.integral_T[: len(ordinary)][ordinary] for text in (a, b)]
                if ordinary.sum() > 2 and all(np.isfinite(score).all() for score in scores):
                    ranks.append(_spearman(*scores))
                    tops.append(np.abs(scores[0]).argmax() == np.abs(scores[1]).argmax())
            rows.append({
                "baseline_a": first, "baseline_b": second, "n_examples": len(ranks),
                "rank_agreement": float(np.mean(ranks)) if ranks else None, "top_agreement": float(np.mean(tops)) if tops else None,
            })  # fmt: skip
    return rows


def _spearman(a_T: Array, b_T: Array) -> float:
    ranks = [score_T.argsort().argsort().astype(float) for score_T in (a_T, b_T)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
