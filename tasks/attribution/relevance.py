"""A network whose nonlinear factors are constants, so that its gradient times the input is layer-wise relevance."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel

FAMILIES = ("bert", "camembert", "deberta-v2", "distilbert", "electra", "roberta", "xlm-roberta")
"""Types of models all of whose nonlinear parts are known here, if their activation is GELU or ReLU."""

_ATTENTION_WEIGHTS = (functional.softmax, torch.softmax, Tensor.softmax)

_ACTIVATIONS = (functional.gelu, torch.tanh)

_LEAST = 1e-12


def takes_relevance(model: nn.Module) -> bool:
    """Whether all nonlinear parts of a model are known: gated, recurrent and spelt-out ones would be left as they are,
    or half."""
    if not isinstance(model, PreTrainedModel):
        return False
    activation = getattr(model.config, "hidden_act", getattr(model.config, "activation", None))
    return model.config.model_type in FAMILIES and activation in ("gelu", "relu")


class FrozenFactors(TorchFunctionMode):
    """While it lasts, forward passes give the same values, and gradients take the factors of these values for
    constants.

    Attention weights, the standard deviation of a layer norm (Ali et al. 2022, arXiv 2202.07304), and the ratio f(x) /
    x of an activation, so that it passes relevance on as it is (Bach et al. 2015, doi 10.1371/journal.pone.0130140).
    What is left is linear in the input: in a network without biases gradient times input adds up to the logit. The
    gradient of the network itself tells what an infinitesimal change does, which is little where an attention or an
    activation saturates.
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
    """The value to the last bit: the linear form of it is rounded otherwise."""
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
    # As the fused one: sums of half precision would be off.
    value = value.to(torch.promote_types(value.dtype, torch.float32))
    centred = value - value.mean(dim=dims, keepdim=True)
    scaled = centred / (centred.square().mean(dim=dims, keepdim=True) + eps).sqrt().detach()
    return scaled if weight is None else scaled * weight
