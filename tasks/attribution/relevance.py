"""Layer-wise relevance: gradient x input of a network whose nonlinear factors are held constant."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from tasks.attribution.families import defines_relevance
from tasks.model.pretrained import is_made_of

_ATTENTION_WEIGHTS = (functional.softmax, torch.softmax, Tensor.softmax)

_ACTIVATIONS = (functional.gelu, torch.tanh)

_LEAST = 1e-12


def takes_relevance(model: nn.Module) -> bool:
    """Whether all nonlinear operations of a loaded model are handled."""
    loaded: Any = model
    return is_made_of("PreTrainedModel", model) and defines_relevance(loaded.config.to_dict())


class FrozenFactors(TorchFunctionMode):
    """Within this mode forward passes give the same values, and gradients treat the nonlinear factors as constants.

    Constant are the attention weights and the standard deviation of a layer norm (Ali et al. 2022, arXiv 2202.07304),
    and the ratio f(x) / x of an activation, which so passes relevance on unchanged (Bach et al. 2015, doi
    10.1371/journal.pone.0130140). The rest is linear in the input: in a network without biases, gradient x input adds
    up to the logit. The plain gradient instead measures an infinitesimal change, which is small where an attention or
    an activation saturates.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if func is functional.scaled_dot_product_attention:
            query, key, *others = args
            return func(query.detach(), key.detach(), *others, **named)
        found = func(*args, **named)
        if func in _ATTENTION_WEIGHTS:
            return found.detach()
        if func in _ACTIVATIONS:
            value = args[0]
            ratio = found / torch.where(value.abs() < _LEAST, torch.full_like(value, _LEAST), value)
            return _with_gradient_of(value * ratio.detach(), found)
        if func is functional.layer_norm:
            return _with_gradient_of(_layer_norm(*args, **named), found)
        return found


def _with_gradient_of(linear: Tensor, value: Tensor) -> Tensor:
    """`value`, bit for bit, with the gradient of `linear`, which rounds differently."""
    linear = linear.to(value.dtype)
    return value.detach() + (linear - linear.detach())


def _layer_norm(
    value: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """A layer norm without its bias, linear in the value."""
    dims = tuple(range(-len(normalized_shape), 0))
    # In float32, as the fused layer norm: sums in half precision would be inaccurate.
    value = value.to(torch.promote_types(value.dtype, torch.float32))
    centred = value - value.mean(dim=dims, keepdim=True)
    scaled = centred / (centred.square().mean(dim=dims, keepdim=True) + eps).sqrt().detach()
    return scaled if weight is None else scaled * weight
