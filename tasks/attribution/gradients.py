"""The maths of attribution: functions from tensors to tensors.

Shape letters: B examples, R = N rows of one forward pass (an example at a place of its
path), S places on the path, T tokens, D width of the explained layer, K labels, V vocabulary.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Scalar = Literal["margin", "logit", "probability"]

Head = Literal["softmax", "sigmoid", "multi_label"]


def explained_scalar(
    logits_NK: Tensor, target_N: Tensor, scalar: Scalar, against: int | None = None, head: Head = "softmax"
) -> Tensor:
    """The scalar that is attributed to the tokens (N,).

    `margin` is the log-odds of the target against all other classes, z_c - logsumexp over k != c of z_k, which does not
    saturate as a probability does; against one class k it is z_c - z_k. Labels of a multi-label head are independent:
    the log-odds of one is its logit.
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
    """(x - x') . gradient at each place: what integrated gradients integrates (Sundararajan et al. 2017, equation
    1)."""
    gradient_ETD: Tensor
    """The gradient at the input itself, for the rows whose place is 1, in their order."""
    logits_EK: Tensor
    """The logits there."""
    too_large: frozenset[int]
    """Examples that do not fit into memory even alone; their rows are NaN."""


class Budget:
    """How many tokens go through the model at a time. Each time memory runs out, it is halved for good."""

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
    """Gradients at places (0 the baseline, 1 the input) on the straight paths of a batch of examples of one length.

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
