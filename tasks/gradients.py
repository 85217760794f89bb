"""Leaf: the attribution maths, tensors in and tensors out.

Shape letters: B examples, R = N rows of one forward pass (an example at a place of its
path), S places on the path, T tokens, D width of the explained layer, K labels, V vocabulary.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from configs.schema import AttributionError, Rule

Scalar = Literal["margin", "logit", "probability"]
Head = Literal["softmax", "sigmoid", "multi_label"]


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


def explained_scalar(
    logits_NK: Tensor, target_N: Tensor, scalar: Scalar, against: int | None = None, head: Head = "softmax"
) -> Tensor:
    """The number that is shared out among the tokens: one per row.

    margin is the log-odds of the target against all other classes,
    z_c - logsumexp over k != c of z_k, which does not saturate as a probability does; against one
    class k it is z_c - z_k. Labels of a multi-label head are independent: the log-odds of one is its logit.
    """
    target_N1 = target_N[:, None]
    logit_N = logits_NK.gather(1, target_N1).squeeze(1)
    if against is not None:
        return logit_N - logits_NK[:, against]
    if scalar == "logit":
        return logit_N
    if scalar == "probability":
        return logit_N.sigmoid() if head == "multi_label" else logits_NK.softmax(dim=1).gather(1, target_N1).squeeze(1)
    if head == "multi_label":
        return logit_N
    return logit_N - logits_NK.scatter(1, target_N1, float("-inf")).logsumexp(dim=1)


def gradient_norm(gradient_BTD: Tensor, gram_DD: Tensor) -> Tensor:
    """||E g|| (B, T): L2 norm over the vocabulary of the gradient with respect to the one-hot input.

    Simonyan et al. 2014 (arXiv 1312.6034), in the one-hot form. The one-hot input times the embedding
    matrix E (V x D) is the embedding, so its gradient is E g, whose norm is sqrt(g' E'E g): through the
    D x D Gram matrix no vocabulary-sized tensor is built.
    """
    return ((gradient_BTD @ gram_DD) * gradient_BTD).sum(dim=-1).clamp_min(0).sqrt()


def embedding_gradient_norm(gradient_BTD: Tensor) -> Tensor:
    """||g|| (B, T): L2 norm of the gradient with respect to the explained layer (Bastings et al. 2022, Grad-L2)."""
    norm_BT: Tensor = gradient_BTD.norm(dim=-1)
    return norm_BT


def gradient_x_input(gradient_BTD: Tensor, inputs_BTD: Tensor) -> Tensor:
    """g . x (B, T): Shrikumar et al. 2016 (arXiv 1605.01713)."""
    return (gradient_BTD * inputs_BTD).sum(dim=-1)


class Sweep(NamedTuple):
    """Gradients at places on the paths of some examples."""

    integrand_RT: Tensor
    """(x - x') . gradient at each place: what integrated gradients integrates (Sundararajan et al. 2017, equation 1)."""
    gradient_ETD: Tensor
    """The gradient at the input itself, for the rows whose place is 1, in their order."""
    logits_EK: Tensor
    """The logits there."""
    too_large: frozenset[int]
    """Examples that do not fit into memory even alone; their rows are NaN."""


class Budget:
    """How many tokens go through the model at a time. Running out of memory halves it, for good."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens

    def rows(self, num_tokens: int) -> int:
        """Rows of this length that fit."""
        return max(1, self.tokens // num_tokens)


def sweep(
    logits_of: Callable[[Tensor, Tensor], Tensor],
    value_of: Callable[[Tensor, Tensor], Tensor],
    inputs_BTD: Tensor,
    baseline_BTD: Tensor,
    example_R: Tensor,
    place_R: Tensor,
    budget: Budget,
) -> Sweep:
    """Run through places (0 the baseline, 1 the input) on the straight paths of a batch of examples of one length.

    `logits_of(points_NTD, example_N)` runs the model with these activations in the explained layer,
    `value_of(logits_NK, example_N)` is the explained scalar of each row; `example_N` says which example of the
    batch a row belongs to. Rows are dense: no padding, at most `budget` tokens at a time. Sums are float32.
    """
    device = inputs_BTD.device
    integrands, gradients, logits = [], [], []
    too_large: set[int] = set()
    start = 0
    while start < len(example_R):
        rows = budget.rows(inputs_BTD.shape[1])
        example_N, place_N = example_R[start : start + rows], place_R[start : start + rows]
        at_input = place_N == 1
        inputs_NTD = inputs_BTD[example_N]
        step_NTD = inputs_NTD - baseline_BTD[example_N]
        try:
            # Counted from the input, so that the row at 1 is the input to the last bit: parity is checked on it.
            points_NTD = (inputs_NTD - (1 - place_N)[:, None, None].to(step_NTD.dtype) * step_NTD).requires_grad_()
            logits_NK = logits_of(points_NTD, example_N)
            (gradient_NTD,) = torch.autograd.grad(value_of(logits_NK, example_N).sum(), points_NTD)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if device.type == "cuda":
                torch.cuda.empty_cache()
            if len(example_N) > 1:
                budget.tokens = len(example_N) // 2 * inputs_BTD.shape[1]
                continue
            too_large.add(int(example_N[0]))
            gradient_NTD = torch.full_like(step_NTD, torch.nan)
            logits_NK = torch.full((1, 1), torch.nan, device=device)
        integrands.append((step_NTD * gradient_NTD).sum(dim=-1).float())
        if at_input.any():
            gradients.append(gradient_NTD[at_input].float())
            logits.append(logits_NK.detach()[at_input].float())
        start += len(example_N)
    num_labels = max((block.shape[1] for block in logits), default=1)
    return Sweep(
        torch.cat(integrands),
        torch.cat(gradients) if gradients else inputs_BTD.new_empty(0, *inputs_BTD.shape[1:]),
        torch.cat([block.expand(-1, num_labels) for block in logits]) if logits else inputs_BTD.new_empty(0, 1),
        frozenset(too_large),
    )


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the device, or the machine, ran out of memory; the CPU allocator has no error class of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator: can't allocate" in str(error)
