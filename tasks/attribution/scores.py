"""The scores of windows (texts, or windows of long texts), in each of the three modes of `attribution.mode`.

Shape letters: B windows of a batch, R rows of one forward pass, S places on the path, T tokens, K labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.attribution.batches import (
    Batch,
    Engine,
    batches,
    shift_of,
)
from tasks.attribution.gradients import Sweep, embedding_gradient_norm, gradient_norm, gradient_x_input
from tasks.attribution.plan import MAX_DOUBLINGS, Plan
from tasks.attribution.quadrature import quadrature
from tasks.attribution.warp import drawn, nested
from tasks.model.baselines import gram_matrix
from tasks.model.tokens import Encoded


@dataclass
class Scored:
    """Scores of one window."""

    scores: dict[str, np.ndarray]
    score: float
    change: float
    gradients: int
    error: float
    """Estimated sum of absolute errors; NaN where nothing estimates it."""
    met: bool = True
    reason: str | None = None


def score_windows(
    engine: Engine,
    plan: Plan,
    windows: Sequence[Encoded],
    targets: Sequence[int],
    logits: np.ndarray,
    done: Callable[[Sequence[int]], None],
) -> list[Scored]:
    """Scores of every window, by the plan. `done` is told which are done, by their place among the windows."""
    found: dict[int, Scored] = {}
    gram_DD = gram_matrix(engine.classifier) if "gradient_norm" in engine.attribution.computed else None
    for chosen, batch in batches(engine, windows, targets, logits, engine.attribution.baseline):
        shifts = [shift_of(windows[i], engine.attribution.seed) for i in chosen]
        found.update(zip(chosen, _score_batch(batch, plan, shifts, gram_DD), strict=True))
        done(chosen)
    return [found[i] for i in range(len(windows))]


def _score_batch(batch: Batch, plan: Plan, shifts: Sequence[float], gram_DD: Tensor | None) -> list[Scored]:
    attribution = batch.engine.attribution
    num_windows, num_tokens, _ = batch.inputs_BTD.shape
    everyone = list(range(num_windows))
    path = "integrated_gradients" in attribution.computed
    # The places on the path, then the text itself: the other methods and the parity check use its gradient.
    if not path:
        visited = [np.empty(0)] * num_windows
    elif attribution.mode == "fixed":
        visited = [_open(quadrature(attribution.rule, attribution.steps)[0])] * num_windows
    elif attribution.mode == "document":
        assert plan.warp is not None
        rule = nested(plan.warp.density(num_tokens), plan.gradients)
        visited = [rule.places_S[1:-1]] * num_windows
    else:
        assert plan.warp is not None
        density = plan.warp.density(num_tokens)
        rules = [drawn(density, plan.gradients, shift) for shift in shifts]
        visited = [rule.places_S[1:-1] for rule in rules]
    values_BST, swept = _visit(batch, everyone, [np.append(places, 1.0) for places in visited])
    scores = _at_input(batch, swept, gram_DD)
    too_large = swept.too_large
    if "relevance" in attribution.computed:
        _, frozen = _visit(batch, everyone, [np.ones(1)] * num_windows, frozen=True)
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
    _finish(batch, results, too_large)
    return results


def _finish(batch: Batch, results: Sequence[Scored], too_large: frozenset[int]) -> None:
    """Move the padding of each window to its end, and say why its scores cannot be used, if they cannot."""
    real_BT = batch.inputs.mask_NT.bool().cpu().numpy()
    for b, result in enumerate(results):
        order = np.argsort(~real_BT[b], kind="stable")
        result.scores = {name: column[order] for name, column in result.scores.items()}
        if b in too_large:
            result.reason = "out of memory"
        elif not all(np.isfinite(column).all() for column in result.scores.values()):
            result.reason = "not finite"
        elif not result.met:
            result.reason = "tolerance"


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
    methods = batch.engine.attribution.computed
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
    """`document` mode: the nested rule, with twice the gradients for the windows whose estimated error is too large."""
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
    for retry in range(MAX_DOUBLINGS + 1):
        places_S, weights_S = quadrature(attribution.rule, steps)
        if retry:
            values_BST, _ = _visit(batch, left, [_open(places_S)] * len(left))
        for k, b in enumerate(list(left)):
            inner_ST = values_BST[k][: len(_open(places_S))]
            ends = ([start_BT[b]] if places_S[0] == 0 else [], [end_BT[b]] if places_S[-1] == 1 else [])
            values_ST = np.stack([*ends[0], *inner_ST, *ends[1]])
            scores_T = weights_S @ values_ST
            results[b].scores["integrated_gradients"] = scores_T
            results[b].gradients = steps
            gap = abs(float(scores_T.sum()) - results[b].change)
            # not >, so that NaN counts as a miss
            results[b].met = attribution.max_gap is None or gap <= attribution.max_gap * max(abs(results[b].change), 1)
        left = [b for b in left if not results[b].met]
        if not left:
            return
        steps = 2 * steps + (1 if attribution.rule == "trapezoid" and steps % 2 else 0)


def stitched(engine: Engine, windows: Sequence[tuple[Scored, np.ndarray]], num_tokens: int) -> Scored:
    """The scores of one text from those of its windows.

    The explained scalar of a text is its mean over the windows. So a token's score is the mean over all windows of its
    score in each, 0 where it is not in the window, and completeness holds for the mean change.

    Args:
        windows: the scores of each window, and the positions of its tokens in the text.
        num_tokens: of the text.
    """
    if len(windows) == 1 and len(windows[0][1]) == num_tokens:
        return windows[0][0]
    share = 1 / len(windows)
    scores: dict[str, np.ndarray] = {}
    for scored, positions in windows:
        for name, column in scored.scores.items():
            # A column may be longer than the text by its padding.
            whole = scores.setdefault(name, np.zeros(num_tokens + len(column) - len(positions)))
            np.add.at(whole, positions, share * column[: len(positions)])
            whole[num_tokens:] += share * column[len(positions) :]
    found = [scored for scored, _ in windows]
    return Scored(
        scores,
        share * sum(own.score for own in found),
        share * sum(own.change for own in found),
        sum(own.gradients for own in found),
        share * sum(own.error for own in found),
        all(own.met for own in found),
        next((own.reason for own in found if own.reason is not None), None),
    )
