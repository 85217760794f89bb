"""Load a classifier from its folder, and check that it can be explained."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model
from torch import nn

from configs.errors import ModelError
from tasks.model.folder import config_of
from tasks.model.forward import Classifier, takes_plain_attention
from tasks.model.pretrained import is_made_of, load_pretrained, load_tokenizer, require_classifier
from tasks.model.probe import ENDLESS, block_read_at_first_position, watched
from tasks.model.spec import ModelSpec, model_fingerprint, names_in
from tasks.runtime.plugins import first_line, plugin

_WEIGHTS = "model.safetensors"


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

    A process loads it once and caches it, unless `keep` is false.

    Raises:
        ModelError: it needs its own code, is of a kind that cannot be audited, has no fast
            tokenizer, or its weights are damaged.
    """
    load = _load_classifier if keep else _load_classifier.__wrapped__
    return load(spec, dtype, device_from_environment())


@lru_cache(maxsize=2)
def _load_classifier(spec: ModelSpec, dtype: str, device: torch.device) -> Classifier:
    folder = spec.folder
    # Without gradients torch's own transformer layers drop the padding, and an inner layer has no (N, T, D) value.
    torch.backends.mha.set_fastpath_enabled(False)
    model = _custom(spec) if spec.factory is not None else _of_transformers(spec)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(
                f"{folder}/{_WEIGHTS}: {name} holds NaN or infinite weights. "
                "The file is damaged or the training diverged."
            )
    tokenizer = load_tokenizer(folder)
    config = own if is_made_of("PreTrainedConfig", own := getattr(model, "config", None)) else None
    model = model.float().eval().requires_grad_(requires_grad=False).to(device)
    if dtype == "bfloat16":
        model = model.to(torch.bfloat16)
    pad_id = next(
        (int(i) for i in (tokenizer.pad_token_id, getattr(config, "pad_token_id", None)) if i is not None and i >= 0),
        None,
    )
    if pad_id is None and spec.pad_to is not None:
        raise ModelError(f"{folder}: model.pad_to is set, but the tokenizer has no padding token.")
    limit = min(spec.max_tokens, tokenizer.model_max_length, spec.pad_to or ENDLESS)
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        limit = min(limit, positions)
    classifier = Classifier(
        model,
        tokenizer,
        spec.labels,
        spec.head,
        limit,
        device,
        dtype,
        spec.pad_to,
        pad_id or 0,
        (),
        device.type == "cpu" and takes_plain_attention(model),
    )
    lookups, places = watched(classifier, folder)
    if model_fingerprint(folder, spec.factory) != spec.fingerprint:
        raise ModelError(f"{folder} changed while the audit was running. Start the audit again: it will be a new run.")
    return replace(
        classifier, lookups=lookups, max_tokens=min(limit, places), last_block=block_read_at_first_position(classifier)
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
    require_classifier(folder)
    model = load_pretrained("AutoModelForSequenceClassification", folder, "a sequence classifier")
    outputs, kind = int(model.config.num_labels), model.config.problem_type
    if kind == "regression" or (outputs == 1 and spec.head != "sigmoid"):
        raise ModelError(
            f"{folder} is a regression ({f'problem_type {kind}' if kind else 'one output'}), "
            "which has no classes to audit. If its one output is the logit of the second of two classes, say so: "
            "model.head: sigmoid, two names in model.labels, and no other problem_type in config.json."
        )
    # transformers uses the same name for the loss of a single yes-or-no output.
    if kind == "multi_label_classification" and spec.head == "softmax":
        raise ModelError(
            f"{folder} is no single-label classifier (problem_type {kind}): "
            "each of its labels is a question of its own. Set model.head: multi_label."
        )
    if kind == "single_label_classification" and spec.head != "softmax":
        raise ModelError(
            f"{folder}/config.json says that one of its labels is right (problem_type {kind}), "
            f"model.head {spec.head} says otherwise. Correct one."
        )
    wanted = 1 if spec.head == "sigmoid" else len(spec.labels)
    if outputs != wanted:
        raise ModelError(
            f"{folder}: the model has {outputs} outputs, {wanted} are expected of a {spec.head} head with the labels "
            f"{', '.join(spec.labels)}."
        )
    labels = tuple(str(model.config.id2label[i]) for i in range(outputs))
    named = names_in(config_of(folder))
    if spec.head != "sigmoid" and named is not None and labels != named:
        raise ModelError(
            f"{folder}/config.json: its id2label reads {', '.join(named)}, but the loaded model has "
            f"{', '.join(labels)}. Number the labels 0, 1, 2, ..."
        )
    model.config.use_cache = False
    text_config = model.config.get_text_config()
    if text_config.pad_token_id is None:
        # The head of a decoder reads the last token that is not padding. Without a padding id it reads the last one,
        # but accepts one text at a time. Batches here hold texts of one length, and no token has the id -1.
        text_config.pad_token_id = -1
    return model
