"""The plan of a run: how many gradients a text gets and where, chosen on the integrands of a pilot."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from configs.attribution import AttributionConfig
from configs.errors import AttributionError
from tasks.attribution.warp import (
    KINDS,
    Integrand,
    Warp,
    drawn_scores,
    nested_scores,
    relative_error,
    squared_noise,
)
from tasks.runtime.parts import read_manifest, read_part

MAX_DOUBLINGS = 3
"""How often a text that misses its tolerance is tried again with twice the gradients before it is quarantined."""
_MAX_NOISE = 0.1
"""Largest quadrature noise of a text's scores, as a share of them (root mean square). It widens the interval of a word
by half a percent."""
_INTERVAL_EXAMPLES = 50
"""`attribution.interval_width` holds for words in at least this many of all the texts."""
_FEWEST_TO_JUDGE = 8
"""Fewest held-out texts on which a verification may stop a run."""

_NESTED = (4, 6, 8, 10, 12, 14, 16, 20, 24)

_COVERED = 0.9
"""Share of the texts whose error the estimate of `document` mode covers before it is multiplied by a factor of
`_CAUTION`."""

_CAUTION = (0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 3.0, 5.0)
"""Factors to multiply that estimate by; the smallest one that fulfils `_SURE` is used. They may be below 1, because
most texts end well within the tolerance and only those near it can miss."""

_SURE = 0.95
"""Share of the pilot's accepted texts whose error must be within the tolerance, so that it is for 90 % of all texts."""


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


def warp_table(warp: Warp | None) -> pa.Table:
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


def corpus_plan(
    attribution: AttributionConfig,
    warp: Warp,
    fitted: Sequence[Integrand],
    held_out: Sequence[Integrand],
    num_examples: int,
) -> tuple[dict[str, Any], list[dict[str, object]]]:
    """Gradients a text and number of texts."""

    def noise(texts: Sequence[Integrand], num_gradients: int) -> float:
        return math.sqrt(np.mean([squared_noise(text, warp.density(text.num_tokens), num_gradients) for text in texts]))

    found, width = None, None
    if attribution.interval_width is not None:
        found = _cheapest_of_width(attribution.interval_width, noise, fitted)
    num_gradients, share = found or (attribution.gradients or _quiet_enough(noise, fitted, held_out), 1.0)
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
            own_noise = math.sqrt(squared_noise(text, warp.density(text.num_tokens), num_gradients))
            rows.append(_pilot_row(text, role, error=float(np.mean(relative)), noise=own_noise))
    if attribution.interval_width is not None:
        words = _INTERVAL_EXAMPLES * num_planned / num_examples
        width = 2 * 1.96 * math.sqrt((1 + held_noise**2) * _typical_variance(fitted) / words)
    return {
        "rule": "drawn",
        "gradients": num_gradients,
        "n_planned": num_planned,
        "noise": held_noise,
        "width": width,
        "inflation": math.sqrt(1 + held_noise**2) - 1,
        "noise_factor": math.sqrt(error / difference) if difference else 0.0,
        "last_draw": share,
        **_quantiles(errors),
    }, rows


def _cheapest_of_width(
    width: float, noise: Callable[[Sequence[Integrand], int], float], fitted: Sequence[Integrand]
) -> tuple[int, float] | None:
    """Gradients a text and share of the texts that give intervals of this width; None if all texts give wider ones.

    The work is proportional to the gradients a text times the variance of a text's score.
    """
    squared_width = (width / (2 * 1.96)) ** 2 * _INTERVAL_EXAMPLES
    variance = _typical_variance(fitted)
    needed = {num: (1 + noise(fitted, num) ** 2) * variance / squared_width for num in range(2, 17)}
    enough = [num for num in needed if needed[num] <= 1]
    if not enough:
        return None
    cheapest = min(enough, key=lambda num: num * needed[num])
    return cheapest, needed[cheapest]


def _quiet_enough(
    noise: Callable[[Sequence[Integrand], int], float],
    fitted: Sequence[Integrand],
    held_out: Sequence[Integrand],
) -> int:
    """Fewest gradients whose noise is within `_MAX_NOISE`, on the fitted texts and on the held-out ones."""
    fewest = next((num for num in range(3, 65) if noise(fitted, num) <= _MAX_NOISE), 64)
    for num in range(fewest, 2 * fewest + 1):
        if noise(held_out, num) <= _MAX_NOISE:
            return num
    if len(held_out) >= _FEWEST_TO_JUDGE:
        raise AttributionError(
            f"The places on the path that suit {len(fitted)} pilot texts do not suit {len(held_out)} others: "
            f"with {2 * fewest} gradients their noise is {noise(held_out, 2 * fewest):.0%} of the scores, "
            f"at most {_MAX_NOISE:.0%} are allowed. Try mode document, or another baseline."
        )
    return 2 * fewest


def _typical_variance(texts: Sequence[Integrand]) -> float:
    """Variance of a token's score in one text, around 0, because the means of most tokens are close to 0."""
    return float(np.mean(np.concatenate([text.integral_T for text in texts]) ** 2))


def _pilot_row(
    text: Integrand, role: str, *, error: float, estimate: float | None = None, noise: float | None = None
) -> dict[str, object]:
    return {
        "example_id": text.example_id,
        "n_tokens": text.num_tokens,
        "role": role,
        "error": error,
        "estimate": estimate,
        "noise": noise,
    }


def _levels(text: Integrand, warp: Warp, start: int) -> list[tuple[float, float]]:
    """Error and uncalibrated estimate of a text after each doubling of `start` gradients."""
    found = []
    for doubling in range(MAX_DOUBLINGS + 1):
        scores_T, change_T = nested_scores(text, warp.density(text.num_tokens), start * 2**doubling)
        found.append((relative_error(scores_T, text.reference_T), relative_error(scores_T - change_T, scores_T)))
    return found


def document_plan(
    attribution: AttributionConfig,
    warp: Warp,
    fitted: Sequence[Integrand],
    held_out: Sequence[Integrand],
    num_examples: int,
) -> tuple[dict[str, Any], list[dict[str, object]]]:
    """Gradients to start with, and the factors that turn the change on doubling into an estimate of the error."""

    def spent(found: Sequence[tuple[float, float]], factors: Sequence[float], start: int) -> tuple[int, float, float]:
        """Gradients, error and estimate of a text that stops as soon as its estimate is within the tolerance."""
        estimates = [factor * change for (_, change), factor in zip(found, factors, strict=True)]
        stop = next((d for d, estimate in enumerate(estimates) if estimate <= attribution.tolerance), len(found) - 1)
        return start * 2**stop, found[stop][0], estimates[stop]

    # The cheapest start whose estimate holds on the held-out texts too.
    plans = []
    misses = []
    for start in _NESTED:
        everyone = [_levels(text, warp, start) for text in (*fitted, *held_out)]
        calibrated = [
            min(2.0, float(np.quantile([_ratio(*table[doubling]) for table in everyone[: len(fitted)]], _COVERED)))
            for doubling in range(MAX_DOUBLINGS + 1)
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
            f"The error estimate that suits {len(fitted)} pilot texts does not suit {len(held_out)} others: "
            f"one in ten misses the reference by {min(misses):.1%} or more, "
            f"attribution.tolerance is {attribution.tolerance:.1%}. Try another baseline, mode corpus"
            f"{'' if fitted[0].unrounded_T is None else ', dtype float32'}, or a larger tolerance."
        )
    _, start, factors, ended, errors = min(plans, key=lambda plan: plan[0])
    rows: list[dict[str, object]] = [
        _pilot_row(text, "fitted" if k < len(fitted) else "held out", error=error, estimate=estimate)
        for k, (text, (_, error, estimate)) in enumerate(zip((*fitted, *held_out), ended, strict=True))
    ]
    return {"rule": "nested", "gradients": start, "error_factors": factors, **_quantiles(errors)}, rows


def _ratio(error: float, change: float) -> float:
    return error / change if change > 0 else 0.0


def _quantiles(errors: Sequence[float]) -> dict[str, float | None]:
    if not errors:
        return {"error_p50": None, "error_p90": None, "error_p99": None}
    p50, p90, p99 = (float(q) for q in np.quantile(errors, [0.5, 0.9, 0.99]))
    return {"error_p50": p50, "error_p90": p90, "error_p99": p99}


def warp_in_words(warp: Warp) -> str:
    lengths = sorted({int(warp.lengths_P.min()), int(np.median(warp.lengths_P)), int(warp.lengths_P.max())})
    peaks = []
    for length in lengths:
        density = warp.density(length)
        peak = float(np.linspace(0, 1, len(density.density_F))[int(density.density_F.argmax())])
        peaks.append(f"{density.density_F.max():.1f} times the average at {peak:.2f} for {length} tokens")
    return "densest " + ", ".join(peaks)
