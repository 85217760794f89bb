"""Leaf: a network whose nonlinear factors are constants, so that its gradient times the input is layer-wise relevance."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_WEIGHTS = (functional.softmax, torch.softmax, Tensor.softmax, torch.rsqrt)
"""What becomes a factor of other values: attention weights, and the root mean square of a text's norm."""
_ACTIVATIONS = (functional.gelu, functional.silu, torch.tanh)
_LEAST = 1e-12


class FrozenFactors(TorchFunctionMode):
    """While it lasts, forward passes give the same values, and gradients take the factors of these values for constants.

    Attention weights, the standard deviation of a layer norm, and the ratio f(x) / x of an activation. What is left is linear in the
    input: in a network without biases gradient times input adds up to the output. A gradient looks at an infinitesimal
    change and goes to 0 where a prediction is sure; these scores do not.

    Ali et al. 2022 (arXiv 2202.07304, LayerNorm and attention), Bach et al. 2015 (the ratio of an activation). A product of two
    values, as in gated feed-forward parts, passes its share on to both.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if func in _WEIGHTS:
            return func(*args, **named).detach()
        if func is functional.scaled_dot_product_attention:
            query, key, *others = args
            return func(query.detach(), key.detach(), *others, **named)
        if func in _ACTIVATIONS:
            value, *others = args
            found = func(value, *others, **named)
            return value * (found / torch.where(value.abs() < _LEAST, torch.full_like(value, _LEAST), value)).detach()
        if func is functional.layer_norm:
            return _layer_norm(*args, **named)
        return func(*args, **named)


def _layer_norm(
    value: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    dims = tuple(range(-len(normalized_shape), 0))
    # Sums of half precision would be off by more than what they are for.
    wide = value.to(torch.promote_types(value.dtype, torch.float32))
    centred = wide - wide.mean(dim=dims, keepdim=True)
    scaled = centred / (centred.square().mean(dim=dims, keepdim=True) + eps).sqrt().detach()
    if weight is not None:
        scaled = scaled * weight
    if bias is not None:
        scaled = scaled + bias
    return scaled.to(value.dtype)
