"""The layers of a classifier where gradients are taken: finding them, reading their values, and replacing these."""

import contextlib
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from configs.errors import AttributionError
from tasks.model.forward import (
    ROUNDING,
    Classifier,
    Inputs,
    Role,
    first_position,
    forward,
    inputs_of,
    plain_logits,
    together,
)
from tasks.model.probe import probe_texts

PARITY = {"float32": 1e-3, "bfloat16": 3e-2, "autocast": 3e-2}
"""Largest difference of explained and plain logits, relative to the largest logit. Wrong positions or masks show up at
1e-2 and above in float32."""


@dataclass(frozen=True)
class Layer:
    """Where gradients are taken: the value of `module`, its input or its output; None for the word embeddings."""

    name: str
    module: nn.Module | None
    takes_input: bool


WORD_EMBEDDINGS = Layer("word_embeddings", None, takes_input=False)


def find_layer(classifier: Classifier, name: str) -> Layer:
    """The layer of `attribution.layer`.

    Raises:
        AttributionError: the model has no such module.
    """
    if name == "word_embeddings":
        return WORD_EMBEDDINGS
    if name == "embeddings":
        return Layer(name, _embedding_block(classifier), takes_input=False)
    wanted, _, side = name.partition(":")
    modules = {path: module for path, module in classifier.model.named_modules() if path}
    if side not in ("", "input", "output"):
        raise AttributionError(
            f"attribution.layer: behind the colon of {name!r} stands {side!r}, expected input or output."
        )
    if wanted not in modules:
        close = difflib.get_close_matches(wanted, modules, n=3, cutoff=0.5) or list(modules)[:3]
        raise AttributionError(
            f"attribution.layer: the model has no module {wanted!r}. Close to it: {', '.join(close)}. "
            "`word_embeddings` and `embeddings` work with every family."
        )
    return Layer(name, modules[wanted], takes_input=side == "input")


def _embedding_block(classifier: Classifier) -> nn.Module:
    """The nearest module around the word embeddings that is named after embeddings."""
    modules = dict(classifier.model.named_modules())
    path = next(path for path, module in modules.items() if module is classifier.word_embeddings)
    while "." in path:
        path = path.rpartition(".")[0]
        if "embed" in path.rpartition(".")[2]:
            block: nn.Module = modules[path]
            return block
    raise AttributionError(
        "attribution.layer: this model has no embedding block, its word embeddings go straight into the network. "
        "Use word_embeddings, or name a module."
    )


def logits_at(classifier: Classifier, layer: Layer, inputs: Inputs, points_NTD: Tensor) -> Tensor:
    """Logits (N, K) when the layer has the value `points_NTD`; the rest of the forward pass starts from the token ids.

    A hook replaces the value of the layer. `inputs_embeds` is not used, because several families compute other things
    from it, such as the positions of padded decoders.
    """

    block = classifier.last_block
    # A layer inside the last block is explained at all of its positions.
    whole = block is None or any(module is layer.module for module in block.modules())

    def run(index: Tensor) -> Tensor:
        with (
            _backward_in_eval(classifier),
            replaced(classifier, layer, points_NTD[index]),
            contextlib.nullcontext() if whole else first_position(block),
        ):
            return forward(classifier, inputs.rows(index))

    return together(classifier, inputs, run)


@contextlib.contextmanager
def _backward_in_eval(classifier: Classifier) -> Iterator[None]:
    """cuDNN computes no backward pass of a recurrent network in eval mode, and train mode would switch dropout on."""
    recurrent = classifier.device.type == "cuda" and any(
        isinstance(module, nn.RNNBase) for module in classifier.model.modules()
    )
    if recurrent:
        with torch.backends.cudnn.flags(enabled=False):
            yield
    else:
        yield


@contextlib.contextmanager
def replaced(classifier: Classifier, layer: Layer, points_NTD: Tensor) -> Iterator[None]:
    if layer.module is None:
        handles = _replace_embeddings(classifier, points_NTD)
    elif layer.takes_input:
        handles = [
            layer.module.register_forward_pre_hook(
                lambda m, args, kwargs: _with_input(args, kwargs, points_NTD), with_kwargs=True
            )
        ]
    else:
        handles = [layer.module.register_forward_hook(lambda m, args, output: _with_output(output, points_NTD))]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _replace_embeddings(classifier: Classifier, points_NTD: Tensor) -> list[Any]:
    """Hooks on the embedding modules; each call of a module returns what it looks up, by its role."""
    handles = []
    for module in dict.fromkeys(module for module, _ in classifier.lookups):
        roles = iter([role for called, role in classifier.lookups if called is module])

        def replace_it(m: nn.Module, args: Any, output: Tensor, roles: Iterator[Role] = roles) -> Tensor:
            role = next(roles, "other")
            points = points_NTD.to(output.dtype)
            if role == "shifted":
                # After the start token comes the text without its last token.
                return torch.cat([output[:, :1], points[:, :-1]], dim=1)
            if role == "text":
                return torch.cat([points, output[:, points.shape[1] :]], dim=1)
            return points.transpose(0, 1) if role == "transposed" else output

        handles.append(module.register_forward_hook(replace_it))
    return handles


def _is_vectors(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _with_output(output: Any, points_NTD: Tensor) -> Any:
    if isinstance(output, Tensor):
        return points_NTD.to(output.dtype)
    if isinstance(output, Mapping):  # an output class of transformers
        name = next(name for name, value in output.items() if _is_vectors(value))
        return type(output)(**{**output, name: points_NTD.to(output[name].dtype)})
    place = next(i for i, value in enumerate(output) if _is_vectors(value))
    return (*output[:place], points_NTD.to(output[place].dtype), *output[place + 1 :])


def _with_input(args: tuple[Any, ...], kwargs: dict[str, Any], points_NTD: Tensor) -> Any:
    place = next((i for i, value in enumerate(args) if _is_vectors(value)), None)
    if place is not None:
        return (*args[:place], points_NTD.to(args[place].dtype), *args[place + 1 :]), kwargs
    name = next(name for name, value in kwargs.items() if _is_vectors(value))
    return args, {**kwargs, name: points_NTD.to(kwargs[name].dtype)}


def activations(classifier: Classifier, layer: Layer, inputs: Inputs) -> Tensor:
    """Value of the layer (N, T, D) for these texts, without a gradient.

    Raises:
        AttributionError: its value is not one vector a token.
    """
    if layer.module is None:
        return embedded(classifier.word_embeddings, inputs.ids_NT)
    return together(classifier, inputs, lambda index: captured(classifier, layer, inputs.rows(index)))


def captured(classifier: Classifier, layer: Layer, inputs: Inputs) -> Tensor:
    assert layer.module is not None
    seen: list[Any] = []

    def see_input(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        seen.append(next((value for value in (*args, *kwargs.values()) if _is_vectors(value)), None))

    def see_output(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        values = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple) else [output]
        seen.append(next((value for value in values if _is_vectors(value)), None))

    handle = (
        layer.module.register_forward_pre_hook(see_input, with_kwargs=True)
        if layer.takes_input
        else layer.module.register_forward_hook(see_output)
    )
    try:
        with torch.no_grad():
            forward(classifier, inputs)
    finally:
        handle.remove()
    verb = "is given" if layer.takes_input else "gives"
    if len(seen) != 1:
        raise AttributionError(
            f"attribution.layer: {layer.name} is called {len(seen)} times in a forward pass, expected once. "
            "Name a module that is called once, or word_embeddings."
        )
    value = seen[0]
    if value is None or value.dim() != 3 or value.shape[:2] != inputs.ids_NT.shape:
        num_texts, num_tokens = inputs.ids_NT.shape
        found = "no vectors" if value is None else f"a value of shape {tuple(value.shape)}"
        raise AttributionError(
            f"attribution.layer: {layer.name} {verb} {found} for {num_texts} texts of {num_tokens} tokens, "
            f"expected ({num_texts}, {num_tokens}, width): one vector a token."
        )
    captured: Tensor = value.detach()
    return captured


def embedded(module: nn.Embedding, ids: Tensor) -> Tensor:
    with torch.no_grad():
        embedded: Tensor = module(ids)
        return embedded


def require_explainable(classifier: Classifier, layer: Layer) -> None:
    """Check on probe texts that the logits depend on the text through this layer alone, and that replacing it is exact.

    With the layer's own value, the logits must be those of the plain forward pass. With its value for other texts of
    the same length, they must be those of the other texts. Only the second check finds a decoder that still reads the
    text while its encoder is explained.

    Raises:
        AttributionError: the logits are others.
    """
    probes = probe_texts(classifier, 4)
    own, other = inputs_of(classifier, probes[:2]), inputs_of(classifier, probes[2:])
    own_NK, other_NK = plain_logits(classifier, own), plain_logits(classifier, other)
    # Relative to what the text changes: the logits of an unconfident model hardly differ between any two texts.
    effect, largest = float((own_NK - other_NK).abs().max()), float(torch.cat([own_NK, other_NK]).abs().max())
    allowed = PARITY[classifier.dtype] * effect + ROUNDING[classifier.dtype] * largest
    for texts, wanted_NK in ((own, own_NK), (other, other_NK)):
        with torch.no_grad():
            explained_NK = logits_at(classifier, layer, own, activations(classifier, layer, texts))
        difference = float((explained_NK - wanted_NK).abs().max())
        if difference <= allowed:
            continue
        if texts is own:
            raise AttributionError(
                f"attribution.layer: a forward pass that goes on from the model's own value at {layer.name} ends in "
                f"other logits (by {difference:.2g}, allowed {allowed:.2g}), so this architecture cannot be explained "
                "there. Try another layer."
            )
        advice = (
            "this architecture cannot be explained"
            if layer.module is None
            else "choose an earlier layer, or word_embeddings"
        )
        raise AttributionError(
            f"attribution.layer: the prediction depends on the text by another way than {layer.name}: "
            f"with the value of another text there, the logits miss that text's by {difference:.2g} (allowed "
            f"{allowed:.2g}), so scores there would leave something out; {advice}."
        )
