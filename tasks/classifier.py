"""Leaf: a sequence classifier, loaded and checked, and its forward pass on texts of one length."""

import contextlib
import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors.torch import load_model
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from configs.schema import ModelError
from tasks.model import ModelSpec, config_of, model_fingerprint, names_in
from tasks.plugins import first_line, plugin

_WEIGHTS = "model.safetensors"
_ENDLESS = 10**9
ROUNDING = {"float32": 1e-5, "bfloat16": 1e-2, "autocast": 1e-2}
"""What arithmetic alone may change in a logit, relative to the largest."""
_PROBE = "one probe that is read, and then it is read once more."


class Inputs(NamedTuple):
    """Rows of one length as the model reads them."""

    ids_NT: Tensor
    mask_NT: Tensor
    """1 for a token, 0 for padding."""
    types_NT: Tensor | None
    """Segments of a sentence pair, for models that tell them apart."""

    def rows(self, index_N: Tensor) -> "Inputs":
        types_NT = None if self.types_NT is None else self.types_NT[index_N]
        return Inputs(self.ids_NT[index_N], self.mask_NT[index_N], types_NT)


@dataclass(frozen=True)
class Encoded:
    """One text as the tokenizer cut it."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    special: list[int]
    types: list[int] | None


Role = Literal["text", "shifted", "transposed", "other"]
"""What a call of an embedding module looks up: the text, the text one place to the right (a decoder), the text with places before rows (XLNet), or something else."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """A loaded classifier and what the audit needs to know about it."""

    model: nn.Module
    tokenizer: Any
    labels: tuple[str, ...]
    head: str
    max_tokens: int
    device: torch.device
    dtype: str
    pad_to: int | None
    pad_id: int
    lookups: tuple[tuple[nn.Embedding, Role], ...]
    """The calls of the modules that embed the text, in their order in a forward pass."""
    two_attentions: bool = False
    """Whether the model takes the plain attention in the place of the fused one, and runs on a processor, where that matters."""
    last_block: nn.Module | None = None
    """The last block of a BERT whose head reads the first position alone: explained passes compute that one only."""

    @property
    def word_embeddings(self) -> nn.Embedding:
        return next(module for module, role in self.lookups if role in ("text", "transposed"))


def device_from_environment() -> torch.device:
    """The device of `TOKEN_AUDIT_DEVICE`, or the first GPU, or the CPU.

    Raises:
        ModelError: the variable names no device of this machine.
    """
    name = os.environ.get("TOKEN_AUDIT_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"TOKEN_AUDIT_DEVICE={name} is no device of this machine ({reason}). Try cpu or cuda:0."
        ) from error
    return device


def load_classifier(spec: ModelSpec, dtype: str = "float32", *, keep: bool = True) -> Classifier:
    """The classifier in eval mode on the device of the environment, its parameters frozen, ready to be explained.

    A process loads it once and keeps it; with `keep` false it is the caller's alone, to be forgotten.

    Raises:
        ModelError: it needs its own code, is of a kind that cannot be audited, has no fast
            tokenizer, or its weights are damaged.
    """
    load = _load_classifier if keep else _load_classifier.__wrapped__
    return load(spec, dtype, device_from_environment())


@lru_cache(maxsize=2)
def _load_classifier(spec: ModelSpec, dtype: str, device: torch.device) -> Classifier:
    folder = spec.folder
    # Without gradients torch's own transformer layers leave the padding out, and an inner layer has no (N, T, D) to show.
    torch.backends.mha.set_fastpath_enabled(False)
    model = _custom(spec) if spec.factory is not None else _of_transformers(spec)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(
                f"{folder}/{_WEIGHTS}: {name} holds NaN or infinite weights. The file is damaged or the training diverged."
            )
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # as for the model: whatever the files provoke
        raise ModelError(f"{folder}: the tokenizer cannot be loaded ({first_line(error)}).") from error
    if not tokenizer.is_fast:
        raise ModelError(
            f"{folder}: the tokenizer reports no character offsets. Save it with tokenizer.json (a fast tokenizer)."
        )
    if len(tokenizer) - len(tokenizer.all_special_ids) < 10:
        # A vocabulary that could not be read is replaced by the special tokens alone, without an error.
        raise ModelError(
            f"{folder}: the tokenizer knows only {len(tokenizer)} pieces; its vocabulary file is missing or was not read."
        )
    config = model.config if isinstance(getattr(model, "config", None), PreTrainedConfig) else None
    model = model.float().eval().requires_grad_(requires_grad=False).to(device)
    if dtype == "bfloat16":
        model = model.to(torch.bfloat16)
    pad_id = next(
        (int(i) for i in (tokenizer.pad_token_id, getattr(config, "pad_token_id", None)) if i is not None and i >= 0),
        None,
    )
    if pad_id is None and spec.pad_to is not None:
        raise ModelError(f"{folder}: model.pad_to is set, but the tokenizer has no padding token.")
    limit = min(spec.max_tokens, tokenizer.model_max_length, spec.pad_to or _ENDLESS)
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        limit = min(limit, positions)
    classifier = Classifier(
        model, tokenizer, spec.labels, spec.head, limit, device, dtype, spec.pad_to, pad_id or 0, (),
        device.type == "cpu" and _takes_plain_attention(model),
    )  # fmt: skip
    lookups, places = _watched(classifier, folder)
    if model_fingerprint(folder, spec.factory) != spec.fingerprint:
        raise ModelError(f"{folder} changed while the audit was running. Start the audit again: it will be a new run.")
    return replace(
        classifier, lookups=lookups, max_tokens=min(limit, places), last_block=_block_read_at_first_position(classifier)
    )


def _custom(spec: ModelSpec) -> Any:
    """The network that the factory builds, with the weights of the folder."""
    assert spec.factory is not None
    build: Callable[[Path], nn.Module] = plugin(spec.factory, "model.factory", ModelError)
    try:
        model = build(spec.folder)
    except Exception as error:  # a user's code may raise anything
        raise ModelError(
            f"model.factory: {spec.factory}({str(spec.folder)!r}) failed ({type(error).__name__}: {first_line(error)})."
        ) from error
    if not isinstance(model, nn.Module):
        raise ModelError(f"model.factory: {spec.factory} returned {type(model).__name__}, expected a torch.nn.Module.")
    file = spec.folder / _WEIGHTS
    try:
        missing, unexpected = load_model(model, file, strict=False)
    except Exception as error:  # shapes that differ, a damaged file, no file of this name
        raise ModelError(
            f"{file} does not fit the network of {spec.factory}: {str(error).splitlines()[-1].strip()}"
        ) from error
    if missing or unexpected:
        names = [*(f"{name} is missing" for name in missing), *(f"{name} has no place" for name in unexpected)]
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        raise ModelError(f"{file} does not fit the network of {spec.factory}: {', '.join(names[:4])}{more}.")
    return model


def _of_transformers(spec: ModelSpec) -> Any:
    """A sequence classifier of transformers."""
    folder = spec.folder
    if "auto_map" in config_of(folder):
        raise ModelError(
            f"{folder} needs Python code of its own (auto_map in config.json), which is refused. Use an architecture of transformers."
        )
    model = _load(folder)
    outputs, kind = int(model.config.num_labels), model.config.problem_type
    if kind == "regression" or (outputs == 1 and spec.head != "sigmoid"):
        raise ModelError(
            f"{folder} is a regression ({f'problem_type {kind}' if kind else 'one output'}), which has no classes to audit. If its one output is the "
            "logit of the second of two classes, say so: model.head: sigmoid, two names in model.labels, and no other problem_type in config.json."
        )
    # The loss of a single yes-or-no output goes by the same name in transformers.
    if kind == "multi_label_classification" and spec.head == "softmax":
        raise ModelError(
            f"{folder} is no single-label classifier (problem_type {kind}): each of its labels is a question of its own. Set model.head: multi_label."
        )
    if kind == "single_label_classification" and spec.head != "softmax":
        raise ModelError(
            f"{folder}/config.json says that one of its labels is right (problem_type {kind}), model.head {spec.head} says otherwise. Correct one."
        )
    wanted = 1 if spec.head == "sigmoid" else len(spec.labels)
    if outputs != wanted:
        raise ModelError(
            f"{folder}: the model has {outputs} outputs, {wanted} are expected of a {spec.head} head with the labels {', '.join(spec.labels)}."
        )
    labels = tuple(str(model.config.id2label[i]) for i in range(outputs))
    named = names_in(config_of(folder))
    if spec.head != "sigmoid" and named is not None and labels != named:
        raise ModelError(
            f"{folder}/config.json: its id2label reads {', '.join(named)}, but the loaded model has {', '.join(labels)}. Number the labels 0, 1, 2, ..."
        )
    model.config.use_cache = False
    text_config = model.config.get_text_config()
    if text_config.pad_token_id is None:
        # The head of a decoder looks for the last token that is no padding. Without a padding id it reads the last one,
        # but takes one text at a time; our batches hold texts of one length, and no token has the id -1.
        text_config.pad_token_id = -1
    return model


def _load(folder: Path) -> Any:
    with quiet_transformers():
        try:
            model, info = AutoModelForSequenceClassification.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True, output_loading_info=True,
                dtype=torch.float32,
            )  # fmt: skip
        except Exception as error:  # transformers raises whatever the file provokes: ValueError, KeyError, RuntimeError, SafetensorError
            reason = first_line(error)
            if "mismatched" in reason:
                reason = "its weights do not have the shapes that its config.json asks for (number of labels, sizes)"
            raise ModelError(f"{folder} cannot be loaded as a sequence classifier: {reason}") from error
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"])[:3])
        raise ModelError(
            f"{folder} has no weights for {missing}: it is not a fine-tuned classifier, and transformers would fill "
            "in random numbers. Fine-tune it first (`token-audit finetune`)."
        )
    return model


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' own bars and advice off the terminal; what matters is checked by us and raised."""
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def _watched(classifier: Classifier, folder: Path) -> tuple[tuple[tuple[nn.Embedding, Role], ...], int]:
    """Watch one forward pass: the calls of the modules that embed the text, and the most tokens it has positions for.

    `get_input_embeddings()` is another module, never called, in encoder-decoder families. A decoder that is fed the text
    shifted right reads it as well: there it has to be replaced too, or the text would still be there at the baseline.

    Raises:
        ModelError: the model cannot read a text, does not embed it in one place, or its outputs are not its labels' logits.
    """
    probes = probe_texts(classifier, 4)
    inputs, other = inputs_of(classifier, probes[:2]), inputs_of(classifier, probes[2:])
    logits_NK, calls = _calls(classifier, inputs, folder)
    _require_logits(classifier, logits_NK, folder)
    roles = [_role(call.given, inputs.ids_NT) for call in calls]
    # Some families give their position embeddings the token ids too, for the shape alone: other ids, the same value.
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
            f"{folder}: {entrances} embedding modules are called with the token ids, expected one; this architecture cannot be explained."
        )
    places = [_places(call, inputs) for call, role in zip(calls, roles, strict=True) if role == "other"]
    return tuple(lookups), min(places, default=_ENDLESS)


_BERT_BLOCKS = ("BertLayer", "RobertaLayer", "XLMRobertaLayer", "CamembertLayer", "ElectraLayer")
"""Blocks that are one code under several names in transformers: `attention.self`, `attention.output`, then the feed-forward part."""


def _block_read_at_first_position(classifier: Classifier) -> nn.Module | None:
    """The last block, if the logits of probes stay what they are when it computes the first position alone."""
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


@contextlib.contextmanager
def first_position(block: Any) -> Iterator[None]:
    """Behind the attention of this block only the first position goes on: three quarters of the block's work are left out."""
    handles = [
        block.attention.self.register_forward_hook(lambda m, args, output: (output[0][:, :1], *output[1:])),
        block.attention.output.register_forward_pre_hook(lambda m, args: (args[0], args[1][:, :1])),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


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
        own = not isinstance(classifier.model, PreTrainedModel) and classifier.pad_to is None
        advice = " If it reads a fixed number of positions, set model.pad_to." if own else ""
        raise ModelError(
            f"{folder}: the model cannot read two texts of {inputs.ids_NT.shape[1]} tokens ({type(error).__name__}: {first_line(error)}).{advice}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()


def probe_texts(classifier: Classifier, num_texts: int) -> list[Encoded]:
    """Texts of one length and of ordinary tokens, different from each other as far as the vocabulary goes."""
    tokenizer = classifier.tokenizer
    template = encode(tokenizer, [_PROBE], None, classifier.max_tokens)[0]
    ordinary = [t for t in range(len(template.ids)) if not template.special[t]]
    # Not the tokens that were added to the vocabulary: a model may have no embedding for them.
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
    # Behind the text there may be padding of the model's own (Longformer).
    if given.dim() == 2 and torch.equal(given[:, :num_tokens], ids_NT):
        return "text"
    if torch.equal(given, ids_NT.T):
        return "transposed"
    if given.shape == ids_NT.shape and torch.equal(given[:, 1:], ids_NT[:, :-1]):
        return "shifted"
    return "other"


def _places(call: _Call, inputs: Inputs) -> int:
    """For how many tokens a module has embeddings, if what it is given are their positions.

    RoBERTa and its relatives count positions from the padding id on, so fewer are left than the module has.
    """
    num_tokens = inputs.ids_NT.shape[1]
    given = call.given
    if given.dim() == 0 or given.shape[-1] < num_tokens or given.is_floating_point():
        return _ENDLESS
    places_T = given.reshape(-1, given.shape[-1])[0, :num_tokens][inputs.mask_NT[0].bool()]
    counted = bool((places_T.diff() == 1).all()) and len(places_T) > 2
    return call.module.num_embeddings - int(places_T[0]) if counted else _ENDLESS


def _require_logits(classifier: Classifier, logits_NK: Tensor, folder: Path) -> None:
    num_labels = len(classifier.labels)
    if logits_NK.shape != (2, num_labels):
        wanted = (2, 1) if classifier.head == "sigmoid" else (2, num_labels)
        raise ModelError(
            f"{folder}: for two texts the model returns {_shape_of(logits_NK, classifier.head)}, expected {wanted}: the logits of a "
            f"{classifier.head} head with the labels {', '.join(classifier.labels)}."
        )
    if not bool(torch.isfinite(logits_NK).all()):
        raise ModelError(
            f"{folder}: the logits of an ordinary text are no numbers (NaN or infinite) in {classifier.dtype}. The weights are damaged, or try attribution.dtype float32."
        )
    if classifier.head == "softmax" and bool(
        ((logits_NK >= 0).all()) & ((logits_NK.sum(dim=1) - 1).abs() < 1e-4).all()
    ):
        raise ModelError(
            f"{folder}: the model returns probabilities, which would go through a softmax twice. Let its forward pass return the logits."
        )


def inputs_of(classifier: Classifier, encoded: Sequence[Encoded]) -> Inputs:
    """Texts of one length as the model reads them, padded where the network wants a fixed length."""
    num_tokens = len(encoded[0].ids)
    missing = (classifier.pad_to or num_tokens) - num_tokens
    left = classifier.tokenizer.padding_side == "left"

    def padded(row: list[int], value: int) -> list[int]:
        return [value] * missing + row if left else row + [value] * missing

    ids_NT = torch.tensor([padded(text.ids, classifier.pad_id) for text in encoded])
    if classifier.lookups and int(ids_NT.max()) >= classifier.word_embeddings.num_embeddings:
        # On a GPU an index out of range would take the whole process with it.
        raise ModelError(
            f"The tokenizer gives a text the token {int(ids_NT.max())}, the model has embeddings for {classifier.word_embeddings.num_embeddings} tokens only. "
            "Resize its embeddings to the tokenizer."
        )
    mask_NT = torch.tensor([padded([1] * num_tokens, 0) for _ in encoded])
    types = [text.types for text in encoded if text.types is not None]
    takes_types = "token_type_ids" in inspect.signature(classifier.model.forward).parameters
    types_NT = torch.tensor([padded(row, 0) for row in types]).to(classifier.device) if types and takes_types else None
    return Inputs(ids_NT.to(classifier.device), mask_NT.to(classifier.device), types_NT)


def forward(classifier: Classifier, inputs: Inputs) -> Tensor:
    """Logits (N, K) in float32; K = 2 with a single output z, as [0, z]: the log-odds of the second label are z."""
    types = {} if inputs.types_NT is None else {"token_type_ids": inputs.types_NT}
    low = classifier.dtype == "autocast"
    _suit_attention(classifier, inputs.ids_NT.shape[1])
    with torch.autocast(classifier.device.type, dtype=torch.bfloat16, enabled=low):
        found = classifier.model(input_ids=inputs.ids_NT, attention_mask=inputs.mask_NT, **types)
    logits: Tensor = (found if isinstance(found, Tensor) else found.logits).float()
    if classifier.head == "sigmoid":
        single_N1 = logits.reshape(len(logits), -1)
        logits = torch.cat([torch.zeros_like(single_N1), single_N1], dim=1)
    return logits


_SHORT = 128
"""Tokens up to which plain attention is faster than the fused one on a processor (6 % of a gradient at 28 tokens; at 256 it costs 10 %)."""


def _takes_plain_attention(model: Any) -> bool:
    if not isinstance(model, PreTrainedModel) or model.config._attn_implementation != "sdpa":
        return False
    try:
        model.set_attn_implementation("eager")
    except ValueError:
        return False
    return str(model.config._attn_implementation) == "eager"


def _suit_attention(classifier: Classifier, num_tokens: int) -> None:
    """The faster of two ways to compute the same attention, for a model that takes both.

    In bfloat16 on a processor the fused one has no fast backward pass at any length: it takes more time than all the rest.
    """
    if classifier.two_attentions:
        wanted = "eager" if num_tokens <= _SHORT or classifier.dtype != "float32" else "sdpa"
        model: Any = classifier.model
        # To set it walks through all modules, changed or not.
        if model.config._attn_implementation != wanted:
            model.set_attn_implementation(wanted)


def _shape_of(logits: Tensor, head: str) -> tuple[int, ...]:
    """The shape as the model returned it."""
    return (len(logits), logits.shape[1] // 2) if head == "sigmoid" else tuple(logits.shape)


def together(classifier: Classifier, inputs: Inputs, run: Callable[[Tensor], Tensor]) -> Tensor:
    """`run` on the rows (by their index) that the model takes together, put in their order again.

    The heads of encoder-decoders read the last end token, and take only texts with equally many; one may be written in a text.
    """
    config = getattr(classifier.model, "config", None)
    everyone = torch.arange(len(inputs.ids_NT), device=inputs.ids_NT.device)
    if config is None or not getattr(config, "is_encoder_decoder", False):
        return run(everyone)
    num_ends_N = inputs.ids_NT.eq(config.eos_token_id).sum(dim=1)
    alike = [everyone[num_ends_N == number] for number in torch.unique(num_ends_N)]
    return torch.cat([run(index) for index in alike])[torch.cat(alike).argsort()]


def plain_logits(classifier: Classifier, inputs: Inputs) -> Tensor:
    """Logits (N, K) of texts of one length, as the model gives them in production."""
    # Not inference mode: a network may keep what it computes first, a mask for example, and need it for gradients later.
    with torch.no_grad():
        return together(classifier, inputs, lambda index: forward(classifier, inputs.rows(index)))


def encode(
    tokenizer: Any, texts: Sequence[str], pair_starts: Sequence[int | None] | None, max_tokens: int | None
) -> list[Encoded]:
    """Raw texts as the tokenizer cuts them, cut off at `max_tokens`; offsets are code points of the raw text.

    A text with a place in `pair_starts` is two, the second of which starts there, behind a line break. Of two that are
    too long together, the longer one loses its end first.
    """
    if not texts:
        return []
    starts = list(pair_starts or [None] * len(texts))
    with quiet_transformers():
        found = tokenizer(
            *_texts_and_seconds(texts, starts), truncation=max_tokens is not None, max_length=max_tokens, padding=False,
            return_offsets_mapping=True, return_special_tokens_mask=True, return_attention_mask=False,
        )  # fmt: skip
    types = found.get("token_type_ids")
    encoded = []
    for i, start in enumerate(starts):
        offsets = [(int(first), int(last)) for first, last in found["offset_mapping"][i]]
        if start is not None:
            offsets = [
                (first + start, last + start) if text == 1 else (first, last)
                for (first, last), text in zip(offsets, found.sequence_ids(i), strict=True)
            ]
        special = [int(flag) for flag in found["special_tokens_mask"][i]]
        encoded.append(
            Encoded(list(found["input_ids"][i]), offsets, special, None if types is None else list(types[i]))
        )
    return encoded


def token_counts(tokenizer: Any, texts: Sequence[str], pair_starts: Sequence[int | None]) -> list[int]:
    """How many tokens each whole text has, special ones included."""
    if not texts:
        return []
    with quiet_transformers():
        found = tokenizer(
            *_texts_and_seconds(texts, pair_starts), truncation=False, padding=False,
            return_attention_mask=False, return_token_type_ids=False,
        )  # fmt: skip
    return [len(ids) for ids in found["input_ids"]]


def _texts_and_seconds(texts: Sequence[str], starts: Sequence[int | None]) -> tuple[list[str], list[str] | None]:
    given = list(zip(texts, starts, strict=True))
    firsts = [text if start is None else text[: start - 1] for text, start in given]
    seconds = [text[start:] for text, start in given if start is not None]
    assert len(seconds) in (0, len(texts)), "a dataset holds texts or pairs of texts"
    return firsts, seconds or None
