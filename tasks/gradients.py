"""Leaf: the attribution maths, tensors in and tensors out.

Shape letters: B examples, S path points, N = rows of one forward pass, T tokens,
D embedding width, K labels, V vocabulary.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

Rule = Literal["midpoint", "gauss_legendre"]
Scalar = Literal["margin", "logit", "probability"]


class Scores(NamedTuple):
    """Token scores of a batch, in the unit of the explained scalar."""

    gradient_norm_BT: Tensor
    """Norm of the gradient with respect to the one-hot input."""
    gradient_x_input_BT: Tensor
    integrated_gradients_BT: Tensor
    logits_BK: Tensor
    """Logits of the explained path at the input itself, to be compared with the plain forward."""


def quadrature(rule: Rule, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a rule on [0, 1] in float64; the weights sum to 1.

    midpoint: exact for polynomials of degree 1. gauss_legendre: of degree 2 * steps - 1.
    """
    if rule == "midpoint":
        return (np.arange(steps) + 0.5) / steps, np.full(steps, 1.0 / steps)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return (nodes + 1) / 2, weights / 2


def explained_scalar(logits_NK: Tensor, target_N: Tensor, scalar: Scalar) -> Tensor:
    """The number that is shared out among the tokens: one per row.

    margin is the log-odds of the target against all other classes,
    z_c - logsumexp over k != c of z_k, which does not saturate as a probability does.
    """
    target_N1 = target_N[:, None]
    logit_N = logits_NK.gather(1, target_N1).squeeze(1)
    if scalar == "logit":
        return logit_N
    if scalar == "probability":
        return logits_NK.softmax(dim=1).gather(1, target_N1).squeeze(1)
    return logit_N - logits_NK.scatter(1, target_N1, float("-inf")).logsumexp(dim=1)


def attribute_batch(
    logits_of: Callable[[Tensor, Tensor], Tensor],
    inputs_BTD: Tensor,
    baseline_BTD: Tensor,
    target_B: Tensor,
    gram_DD: Tensor,
    rule: Rule = "midpoint",
    steps: int = 16,
    scalar: Scalar = "margin",
    max_rows: int = 32,
) -> Scores:
    """Three attribution methods from one sweep over steps + 1 points of the path.

    - gradient norm: ||E g|| for the embedding matrix E, the L2 norm over the vocabulary
      of the gradient with respect to the one-hot input (Simonyan et al. 2014 for the
      gradient; the one-hot form as in saliency for text). Through the D x D Gram
      matrix, sqrt(g' E'E g), no vocabulary-sized tensor is built.
    - gradient x input: g . x (Shrikumar et al. 2016).
    - integrated gradients: (x - x') . integral of g along the straight path from the
      baseline x' to the input x (Sundararajan et al. 2017, equation 1).

    `logits_of(points_NTD, example_N)` runs the model with these embeddings; `example_N`
    says which example of the batch each row belongs to. At most `max_rows` rows go
    through the model at a time, whatever the number of steps.
    """
    num_examples, num_tokens, _ = inputs_BTD.shape
    device = inputs_BTD.device
    nodes, weights = quadrature(rule, steps)
    alphas_S = torch.tensor([*nodes, 1.0], dtype=inputs_BTD.dtype, device=device)
    weights_S = torch.tensor([*weights, 0.0], dtype=torch.float32, device=device)
    last: list[tuple[Tensor, Tensor, Tensor]] = []
    # One row per (example, point), summed at the end: adding rows up where they fall is not reproducible on a GPU.
    shares_RT = torch.empty(num_examples * (steps + 1), num_tokens, device=device)
    example_R = torch.arange(num_examples, device=device).repeat_interleave(steps + 1)
    step_R = torch.arange(steps + 1, device=device).repeat(num_examples)
    for start in range(0, len(example_R), max_rows):
        example_N, step_N = example_R[start : start + max_rows], step_R[start : start + max_rows]
        inputs_NTD, baseline_NTD = inputs_BTD[example_N], baseline_BTD[example_N]
        points_NTD = torch.lerp(baseline_NTD, inputs_NTD, alphas_S[step_N, None, None])
        # lerp(a, b, 1) is not always b to the last bit, and the parity check compares this row with the plain forward.
        points_NTD = torch.where((step_N == steps)[:, None, None], inputs_NTD, points_NTD).requires_grad_()
        logits_NK = logits_of(points_NTD, example_N)
        scalar_N = explained_scalar(logits_NK, target_B[example_N], scalar)
        (gradient_NTD,) = torch.autograd.grad(scalar_N.sum(), points_NTD)
        share_NT = ((inputs_NTD - baseline_NTD) * gradient_NTD).sum(dim=-1).float()
        shares_RT[start : start + max_rows] = share_NT * weights_S[step_N, None]
        at_input = step_N == steps
        if at_input.any():
            gradient_ETD = gradient_NTD[at_input].float()
            norm_ET = ((gradient_ETD @ gram_DD) * gradient_ETD).sum(dim=-1).clamp_min(0).sqrt()
            product_ET = (gradient_ETD * inputs_NTD[at_input].float()).sum(dim=-1)
            last.append((norm_ET, product_ET, logits_NK[at_input].detach().float()))
    norm_BT, product_BT, logits_BK = (torch.cat(column) for column in zip(*last, strict=True))
    integral_BT = shares_RT.view(num_examples, steps + 1, num_tokens).sum(dim=1)
    return Scores(norm_BT, product_BT, integral_BT, logits_BK)
