"""Quadrature rules on [0, 1]: their nodes and their weights."""

import numpy as np

from configs.errors import AttributionError
from configs.schema import Rule


def quadrature(rule: Rule, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a rule with `steps` nodes on [0, 1], in float64.

    Polynomials are integrated exactly up to degree 1 (midpoint, trapezoid), 3 (simpson),
    2 * steps - 1 (gauss_legendre), and 3 * (steps // 2) + 1 (gauss_kronrod, Laurie 1997). The weights sum to 1, but for `inclusive_sum`: steps + 1 nodes from 0
    to 1 of weight 1 / steps each, as some tutorials compute integrated gradients.

    Raises:
        AttributionError: the rule does not exist with so many nodes.
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
    if rule == "trapezoid":
        if steps < 2:
            raise AttributionError(f"attribution.steps: the trapezoid rule needs 2 nodes or more, got {steps}.")
        weights = np.full(steps, 1 / (steps - 1))
        weights[[0, -1]] /= 2
        return np.linspace(0, 1, steps), weights
    if steps < 3 or steps % 2 == 0:
        raise AttributionError(
            f"attribution.steps: the rule {rule} exists for odd numbers of nodes from 3 on, got {steps}. Try {max(3, steps + 1 - steps % 2)}."
        )
    if rule == "simpson":
        weights = np.full(steps, 2.0)
        weights[1::2] = 4
        weights[[0, -1]] = 1
        return np.linspace(0, 1, steps), weights / (3 * (steps - 1))
    return _gauss_kronrod(steps // 2)


def embedded_weights(rule: Rule, steps: int) -> np.ndarray | None:
    """Weights of a coarser rule on the nodes of `quadrature(rule, steps)`, for an error estimate; None if there is none.

    gauss_kronrod: the Gauss rule on every second node. simpson: the trapezoid rule on
    all. trapezoid with an odd number of nodes: the one on every second node.
    """
    if rule == "gauss_kronrod":
        weights = np.zeros(steps)
        weights[1::2] = quadrature("gauss_legendre", steps // 2)[1]
        return weights
    if rule == "simpson":
        return quadrature("trapezoid", steps)[1]
    if rule == "trapezoid" and steps >= 3 and steps % 2:
        weights = np.zeros(steps)
        weights[::2] = quadrature("trapezoid", steps // 2 + 1)[1]
        return weights
    return None


def _gauss_kronrod(gauss: int) -> tuple[np.ndarray, np.ndarray]:
    """The 2 * gauss + 1 nodes of the Kronrod extension of the Gauss-Legendre rule, for any number of Gauss nodes.

    D. P. Laurie, Calculation of Gauss-Kronrod quadrature rules, Math. Comp. 66 (1997): its mixed moments give the
    recurrence coefficients of the Jacobi-Kronrod matrix, whose eigenvalues are the nodes (Golub and Welsch 1969).
    """
    num = 2 * gauss + 1
    # Legendre polynomials on [-1, 1]: all a are 0; b_0 is the integral of 1.
    b = np.zeros(num)
    known = (3 * gauss + 1) // 2 + 1
    order = np.arange(1, known)
    b[0], b[1:known] = 2, order**2 / (4.0 * order**2 - 1)
    a = np.zeros(num)
    s, t = np.zeros(gauss // 2 + 2), np.zeros(gauss // 2 + 2)
    t[1] = b[gauss + 1]
    for m in range(gauss - 1):
        total = 0.0
        for k in range((m + 1) // 2, -1, -1):
            i = m - k
            total += (a[k + gauss + 1] - a[i]) * t[k + 1] + b[k + gauss + 1] * s[k] - b[i] * s[k + 1]
            s[k + 1] = total
        s, t = t, s
    s[1:] = s[:-1].copy()
    for m in range(gauss - 1, 2 * gauss - 2):
        total = 0.0
        for k in range(m + 1 - gauss, (m - 1) // 2 + 1):
            i, j = m - k, gauss - 1 - (m - k)
            total += -(a[k + gauss + 1] - a[i]) * t[j + 1] - b[k + gauss + 1] * s[j + 1] + b[i] * s[j + 2]
            s[j + 1] = total
        k = (m + 1) // 2
        if m % 2 == 0:
            a[k + gauss + 1] = a[k] + (s[j + 1] - b[k + gauss + 1] * s[j + 2]) / t[j + 2]
        else:
            b[k + gauss + 1] = s[j + 1] / s[j + 2]
        s, t = t, s
    a[2 * gauss] = a[gauss - 1] - b[2 * gauss] * s[1] / t[1]
    jacobi = np.diag(a) + np.diag(np.sqrt(b[1:]), 1) + np.diag(np.sqrt(b[1:]), -1)
    nodes, vectors = np.linalg.eigh(jacobi)
    return (nodes + 1) / 2, vectors[0] ** 2
