"""Find out with probe texts how a classifier embeds a text and what it returns.

Shape letters: N texts, T tokens, K labels.
"""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from configs.errors import ModelError
from tasks.model.forward import ROUNDING, Classifier, Inputs, Role, first_position, forward, inputs_of, plain_logits
from tasks.model.pretrained import is_made_of
from tasks.model.tokens import Encoded, encode, quiet_transformers
from tasks.runtime.plugins import first_line

ENDLESS = 10**9

_PROBE = "one probe that is read, and then it is read once more."


def watched(classifier: Classifier, folder: Path) -> tuple[tuple[tuple[nn.Embedding, Role], ...], int]:
    """Watch one forward pass: the calls of the modules that embed the text, and the most tokens it has positions for.

    `get_input_embeddings()` is another module, never called, in encoder-decoder families. A decoder that is fed the
    text shifted right reads it as well: there it has to be replaced too, or the text would still be there at the
    baseline.

    Raises:
        ModelError: the model cannot read a text, does not embed it in one place, or its outputs are not its labels'
        logits.
    """
    probes = probe_texts(classifier, 4)
    inputs, other = inputs_of(classifier, probes[:2]), inputs_of(classifier, probes[2:])
    logits_NK, calls = _calls(classifier, inputs, folder)
    _require_logits(classifier, logits_NK, folder)
    roles = [_role(call.given, inputs.ids_NT) for call in calls]
    # Some families pass the token ids to their position embeddings, for the shape alone: other ids give the same value.
    _, other_calls = _calls(classifier, other, folder)
    readers = {
        call.module
        for call, role, other_call in zip(calls, roles, other_calls, strict=False)
        if role != "other" and not torch.equal(call.output, other_call.output)
    }
    lookups = [(call.module, role) for call, role in zip(calls, roles, strict=True) if call.module in readers]
    entrances = len([role for _, role in lookups if role in ("text", "transposed")])
    if entrances != 1:
        raise ModelError(
            f"{folder}: {entrances} embedding modules are called with the token ids, expected one; "
            "this architecture cannot be explained."
        )
    places = [_places(call, inputs) for call, role in zip(calls, roles, strict=True) if role == "other"]
    return tuple(lookups), min(places, default=ENDLESS)


_BERT_BLOCKS = ("BertLayer", "RobertaLayer", "XLMRobertaLayer", "CamembertLayer", "ElectraLayer")
"""Blocks that are one code under several names in transformers: `attention.self`, `attention.output`, then the
feed-forward part."""


def block_read_at_first_position(classifier: Classifier) -> nn.Module | None:
    """The last block, if the logits of probes do not change when it computes the first position alone."""
    blocks = [module for module in classifier.model.modules() if type(module).__name__ in _BERT_BLOCKS]
    if not blocks or classifier.pad_to is not None:
        return None
    inputs = inputs_of(classifier, probe_texts(classifier, 4))
    plain_NK = plain_logits(classifier, inputs)
    try:
        with torch.no_grad(), first_position(blocks[-1]):
            found_NK = forward(classifier, inputs)
    except Exception:  # a head that reads all positions may fail in any way
        return None
    allowed = ROUNDING[classifier.dtype] * max(1.0, float(plain_NK.abs().max()))
    same = found_NK.shape == plain_NK.shape and float((found_NK - plain_NK).abs().max()) <= allowed
    return blocks[-1] if same else None


class _Call(NamedTuple):
    module: nn.Embedding
    given: Tensor
    output: Tensor


def _calls(classifier: Classifier, inputs: Inputs, folder: Path) -> tuple[Tensor, list[_Call]]:
    """Logits of a plain forward pass, and the calls of embedding modules in it."""
    calls: list[_Call] = []

    def watch(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        given = args[0] if args else kwargs.get("input")
        if isinstance(module, nn.Embedding) and isinstance(given, Tensor):
            calls.append(_Call(module, given, output))

    handles = [module.register_forward_hook(watch, with_kwargs=True) for module in classifier.model.modules()]
    try:
        with quiet_transformers(), torch.no_grad():
            return forward(classifier, inputs), calls
    except Exception as error:  # a network of the user's may raise anything
        own = not is_made_of("PreTrainedModel", classifier.model) and classifier.pad_to is None
        advice = " If it reads a fixed number of positions, set model.pad_to." if own else ""
        raise ModelError(
            f"{folder}: the model cannot read two texts of {inputs.ids_NT.shape[1]} tokens ({type(error).__name__}: "
            f"{first_line(error)}).{advice}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()


def probe_texts(classifier: Classifier, num_texts: int) -> list[Encoded]:
    """Texts of one length and of ordinary tokens, different from each other as far as the vocabulary goes."""
    tokenizer = classifier.tokenizer
    template = encode(tokenizer, [_PROBE], None, classifier.max_tokens)[0]
    ordinary = [t for t in range(len(template.ids)) if not template.special[t]]
    # Without tokens that were added to the vocabulary: a model may have no embedding for them.
    known = sorted(set(range(tokenizer.vocab_size)) - set(tokenizer.all_special_ids))
    num_tokens = num_texts * len(ordinary)
    texts = []
    for n in range(num_texts):
        ids = list(template.ids)
        for k, t in enumerate(ordinary):
            ids[t] = known[(k * num_texts + n) * len(known) // num_tokens]
        texts.append(Encoded(ids, template.offsets, template.special, template.types))
    return texts


def _role(given: Tensor, ids_NT: Tensor) -> Role:
    num_tokens = ids_NT.shape[1]
    # The model may append padding of its own (Longformer).
    if given.dim() == 2 and torch.equal(given[:, :num_tokens], ids_NT):
        return "text"
    if torch.equal(given, ids_NT.T):
        return "transposed"
    if given.shape == ids_NT.shape and torch.equal(given[:, 1:], ids_NT[:, :-1]):
        return "shifted"
    return "other"


def _places(call: _Call, inputs: Inputs) -> int:
    """For how many tokens a module has position embeddings.

    RoBERTa and its relatives count positions from the padding id on, so fewer are left than the module has.
    """
    num_tokens = inputs.ids_NT.shape[1]
    given = call.given
    if given.dim() == 0 or given.shape[-1] < num_tokens or given.is_floating_point():
        return ENDLESS
    places_T = given.reshape(-1, given.shape[-1])[0, :num_tokens][inputs.mask_NT[0].bool()]
    counted = bool((places_T.diff() == 1).all()) and len(places_T) > 2
    return call.module.num_embeddings - int(places_T[0]) if counted else ENDLESS


def _require_logits(classifier: Classifier, logits_NK: Tensor, folder: Path) -> None:
    num_labels = len(classifier.labels)
    if logits_NK.shape != (2, num_labels):
        wanted = (2, 1) if classifier.head == "sigmoid" else (2, num_labels)
        raise ModelError(
            f"{folder}: for two texts the model returns {_shape_of(logits_NK, classifier.head)}, expected {wanted}: "
            f"the logits of a {classifier.head} head with the labels {', '.join(classifier.labels)}."
        )
    if not bool(torch.isfinite(logits_NK).all()):
        raise ModelError(
            f"{folder}: the logits of an ordinary text are no numbers (NaN or infinite) in {classifier.dtype}. "
            "The weights are damaged, or try attribution.dtype float32."
        )
    if classifier.head == "softmax" and bool(
        ((logits_NK >= 0).all()) & ((logits_NK.sum(dim=1) - 1).abs() < 1e-4).all()
    ):
        raise ModelError(
            f"{folder}: the model returns probabilities, which would go through a softmax twice. "
            "Let its forward pass return the logits."
        )


def _shape_of(logits: Tensor, head: str) -> tuple[int, ...]:
    """The shape as the model returned it."""
    return (len(logits), logits.shape[1] // 2) if head == "sigmoid" else tuple(logits.shape)
