"""Quadrature rules on [0, 1]: their nodes and their weights."""

import numpy as np

from configs.attribution import Rule
from configs.errors import AttributionError


def quadrature(rule: Rule, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a rule with `steps` nodes on [0, 1], in float64.

    Polynomials are integrated exactly up to degree 1 (midpoint, trapezoid) or 2 * steps - 1 (gauss_legendre). The
    weights sum to 1, but for `inclusive_sum`: steps + 1 nodes from 0 to 1 of weight 1 / steps each, as some tutorials
    compute integrated gradients.

    Raises:
        AttributionError: the trapezoid rule with a single node.
    """
    if rule == "midpoint":
        return (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)
    if rule == "riemann_left":
        return np.arange(steps) / steps, np.full(steps, 1 / steps)
    if rule == "riemann_right":
        return np.arange(1, steps + 1) / steps, np.full(steps, 1 / steps)
    if rule == "inclusive_sum":
        return np.linspace(0, 1, steps + 1), np.full(steps + 1, 1 / steps)
    if rule == "gauss_legendre":
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        return (nodes + 1) / 2, weights / 2
    if steps < 2:
        raise AttributionError(f"attribution.steps: the trapezoid rule needs 2 nodes or more, got {steps}.")
    weights = np.full(steps, 1 / (steps - 1))
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, steps), weights
