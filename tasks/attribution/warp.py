"""Where on its path a text gets its few gradients, and how accurate the result is.

A path runs from the baseline (place 0) to the text (place 1). The integrand of integrated gradients changes fast on
one part of the path, which depends on model, baseline and text length, and hardly elsewhere. So gradients are taken
where it changes: a *warp* u -> place is fitted on a pilot of texts whose integrands are known on a dense grid, and the
quadrature rules take equal steps in u. Both rules use the gradient at the text, which other methods need anyway, and
the one at the baseline, which texts of one length and target share:

- `drawn`: equal steps with one random shift a text (systematic sampling), corrected for the
  difference between the ends (first term of the Euler-Maclaurin formula). The expected
  correction is 0, so the rule is unbiased at any number of gradients.
- `nested`: the trapezoid rule, whose nodes are kept when their number is doubled; the change
  on doubling estimates the error.

All in NumPy and float64: nothing here runs a model. Shape letters as in tasks/attribution/gradients.py; G places of
the dense grid.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.attribution.quadrature import quadrature

Array = NDArray[np.float64]

Kind = Literal["size", "slope", "even"]

KINDS: tuple[Kind, ...] = ("size", "slope", "even")

PANELS = 32
"""Panels of the dense grid: its integrals are within 0.1 % (median) and 0.5 % (90th percentile) of those of 96
panels."""

FINE_PANELS = 64
"""Panels where errors of a percent are measured: interpolation between the points of 32 panels would double them
(DECISIONS.md)."""

_FINE: Array = np.linspace(0, 1, 257)

_EVEN_SHARE = 0.2
"""Share of the gradients that is spread evenly, so that no part of the path is skipped."""

_LENGTH_SCALE = 0.35
"""Texts whose lengths differ by a factor of exp(0.35) share a warp nearly in full."""

SHIFTS: Array = (np.arange(8) + 0.5) / 8
"""Shifts by which the noise of the drawn rule is computed on the pilot."""


@cache
def grid(panels: int = PANELS) -> Array:
    """Chebyshev points (G,) of [0, 1], ends included: the pilot's integrands are polynomials through them."""
    return (1 - np.cos(np.pi * np.arange(panels + 1) / panels)) / 2


def interpolation(places: Array, panels: int = PANELS) -> Array:
    """Matrix (len(places), G) from values on the grid to values at `places` (barycentric, Berrut and Trefethen
    2004)."""
    signs = (-1.0) ** np.arange(panels + 1)
    signs[[0, -1]] /= 2
    distance = places[:, None] - grid(panels)[None, :]
    exact = np.abs(distance) < 1e-14
    matrix: Array = signs / np.where(exact, 1.0, distance)
    matrix /= matrix.sum(axis=1, keepdims=True)
    hit = exact.any(axis=1)
    matrix[hit] = exact[hit]
    return matrix


@cache
def grid_weights(panels: int = PANELS) -> Array:
    """Weights (G,) of the integral of the polynomial through the grid (Clenshaw and Curtis 1960): the reference of the
    pilot."""
    nodes, weights = quadrature("gauss_legendre", panels)
    return weights @ interpolation(nodes, panels)


@dataclass(frozen=True)
class Integrand:
    """One pilot text's integrand on the dense grid."""

    example_id: int
    num_tokens: int
    values_GT: Array
    unrounded_T: Array | None = None
    """Its integral in float32, given where the arithmetic of the run rounds more."""

    @property
    def integral_T(self) -> Array:
        """The scores (T,) that a rule with many gradients converges to."""
        return grid_weights(len(self.values_GT) - 1) @ self.values_GT

    def at(self, places_S: Array) -> Array:
        """The integrand (S, T) at these places."""
        return interpolation(places_S, len(self.values_GT) - 1) @ self.values_GT

    @property
    def reference_T(self) -> Array:
        """The scores (T,) that errors are measured against, of the rule and of rounding."""
        return self.integral_T if self.unrounded_T is None else self.unrounded_T


@dataclass(frozen=True)
class Density:
    """How gradients are spread over a path, for texts of one length."""

    density_F: Array
    """On `_FINE`; integrates to 1."""
    share_F: Array
    """Its cumulative integral, from 0 to 1."""

    def places(self, u_S: Array) -> Array:
        """Places on the path with these shares of the gradients before them."""
        return np.interp(u_S, self.share_F, _FINE)

    def at(self, places_S: Array) -> Array:
        """The density at these places."""
        return np.interp(places_S, _FINE, self.density_F)


def _density(raw_F: Array) -> Density:
    mixed_F = (1 - _EVEN_SHARE) * raw_F + _EVEN_SHARE
    share_F = np.concatenate([[0.0], np.cumsum((mixed_F[1:] + mixed_F[:-1]) / 2 * np.diff(_FINE))])
    return Density(mixed_F / share_F[-1], share_F / share_F[-1])


@dataclass(frozen=True)
class Rule:
    """Places on the path and the weights of the gradients there. The first place is 0 and the last is 1."""

    places_S: Array
    weights_S: Array
    coarse_S: Array
    """Weights of a coarser rule on the same places."""


def drawn(density: Density, num_gradients: int, shift: float) -> Rule:
    """`num_gradients` in equal steps of u, the first at `shift` steps from the baseline, and the ends.

    The gradient at the text is one of `num_gradients`; the one at the baseline is not counted, being shared.
    The coarser rule is the trapezoid rule on every second place, for the size of the noise.
    """
    num = num_gradients - 1
    inner_S = (np.arange(num) + shift) / num
    correction = (shift - 0.5) / num
    weights_S = np.concatenate([[correction], np.full(num, 1 / num), [-correction]])
    kept = (
        np.concatenate([[0], np.arange(1 + (num + 1) % 2, num + 1, 2), [num + 1]])
        if num > 1
        else np.array([0, num + 1])
    )
    u_S = np.concatenate([[0.0], inner_S, [1.0]])
    coarse_S = np.zeros(num + 2)
    panels = np.diff(u_S[kept])
    coarse_S[kept[:-1]] += panels / 2
    coarse_S[kept[1:]] += panels / 2
    return _in_places(density, u_S, weights_S, coarse_S)


def nested(density: Density, num_gradients: int) -> Rule:
    """The trapezoid rule with `num_gradients` panels: an even number; the gradient at the baseline is not counted."""
    u_S = np.linspace(0, 1, num_gradients + 1)
    weights_S, coarse_S = np.full(num_gradients + 1, 1 / num_gradients), np.zeros(num_gradients + 1)
    coarse_S[::2] = 2 / num_gradients
    for ends_S in (weights_S, coarse_S):
        ends_S[[0, -1]] /= 2
    return _in_places(density, u_S, weights_S, coarse_S)


def _in_places(density: Density, u_S: Array, weights_S: Array, coarse_S: Array) -> Rule:
    places_S = density.places(u_S)
    places_S[[0, -1]] = 0, 1
    spread_S = density.at(places_S)
    return Rule(places_S, weights_S / spread_S, coarse_S / spread_S)


@dataclass(frozen=True)
class Warp:
    """The densities of the pilot texts, from which that of any length is made."""

    lengths_P: Array
    raw: dict[Kind, Array]
    """Densities (P, F) by kind: proportional to the size of the integrand, to the root of its slope, and even."""
    noise: dict[Kind, Array]
    """Squared relative noise (P,) that a pilot text would have by a density fitted on the others."""

    def density(self, num_tokens: int) -> Density:
        """The density for texts of this length: of the kind that does best on pilot texts of about that length."""
        closeness_P = _closeness(self.lengths_P, num_tokens)
        kind = min(KINDS, key=lambda kind: float(closeness_P @ self.noise[kind]))
        return _density(closeness_P @ self.raw[kind])


def _closeness(lengths_P: Array, num_tokens: float) -> Array:
    distance_P = np.log(lengths_P / num_tokens) / _LENGTH_SCALE
    # Counted from the nearest, so that a length far from all of them does not divide 0 by 0.
    weights_P: Array = np.exp(-(distance_P**2 - (distance_P**2).min()) / 2)
    weights_P /= weights_P.sum()
    return weights_P


def fit_warp(pilot: Sequence[Integrand]) -> Warp:
    """Fit the warp to a pilot of one text or more."""
    lengths_P = np.array([float(text.num_tokens) for text in pilot])
    raw: dict[Kind, Array] = {"even": np.ones((len(pilot), len(_FINE)))}
    sizes, slopes = [], []
    for text in pilot:
        values_FT = text.at(_FINE)
        sizes.append(_normalised(np.abs(values_FT).sum(axis=1)))
        slopes.append(_normalised(np.sqrt(np.abs(np.gradient(values_FT, _FINE, axis=0)).sum(axis=1))))
    raw["size"], raw["slope"] = np.array(sizes), np.array(slopes)
    noise: dict[Kind, Array] = {}
    for kind in KINDS:
        squares = []
        for p, text in enumerate(pilot):
            closeness_P = _closeness(lengths_P, text.num_tokens)
            if len(pilot) > 1:
                closeness_P[p] = 0
                total = closeness_P.sum()
                closeness_P = closeness_P / total if total > 0 else np.full(len(pilot), 1 / len(pilot))
            squares.append(squared_noise(text, _density(closeness_P @ raw[kind]), num_gradients=6))
        noise[kind] = np.array(squares)
    return Warp(lengths_P, raw, noise)


def _normalised(size_F: Array) -> Array:
    total = float(np.trapezoid(size_F, _FINE))
    # A text whose integrand is 0 everywhere has no preferred places.
    return size_F / total if total > 0 else np.ones_like(size_F)


def squared_noise(text: Integrand, density: Density, num_gradients: int) -> float:
    """Mean over shifts of the squared error of the drawn rule, as a share of the sum of squared scores."""
    total = float((text.integral_T**2).sum())
    errors = [((scores_T - text.integral_T) ** 2).sum() for scores_T, _ in drawn_scores(text, density, num_gradients)]
    return float(np.mean(errors)) / total if total > 0 else 0.0


def drawn_scores(text: Integrand, density: Density, num_gradients: int) -> Iterator[tuple[Array, Array]]:
    """Scores (T,) by the drawn rule, and their difference to the coarser rule, at each of `SHIFTS`."""
    for shift in SHIFTS:
        rule = drawn(density, num_gradients, float(shift))
        values_ST = text.at(rule.places_S)
        yield rule.weights_S @ values_ST, (rule.weights_S - rule.coarse_S) @ values_ST


def nested_scores(text: Integrand, density: Density, num_gradients: int) -> tuple[Array, Array]:
    """Scores (T,) by the nested rule, and their difference to the coarser rule."""
    rule = nested(density, num_gradients)
    values_ST = text.at(rule.places_S)
    return rule.weights_S @ values_ST, (rule.weights_S - rule.coarse_S) @ values_ST


def relative_error(found_T: Array, reference_T: Array) -> float:
    """Sum of absolute errors as a share of the sum of absolute reference scores."""
    total = float(np.abs(reference_T).sum())
    return float(np.abs(found_T - reference_T).sum()) / total if total > 0 else 0.0
