"""Load a model or a tokenizer of transformers from a folder, whole: nothing made up, and nothing left out."""

import importlib.util
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import transformers

from configs.errors import ModelError
from tasks.model.folder import config_of
from tasks.model.tokens import quiet_transformers
from tasks.runtime.plugins import first_line

_MODULES = {"PreTrainedModel": "transformers.modeling_utils", "PreTrainedConfig": "transformers.configuration_utils"}


def is_made_of(name: Literal["PreTrainedModel", "PreTrainedConfig"], thing: Any) -> bool:
    """Whether a thing is of this class of transformers.

    Not imported for the answer: that takes seconds, and what is of the class has done it.
    """
    module = sys.modules.get(_MODULES[name])
    return module is not None and isinstance(thing, getattr(module, name))


def require_classifier(folder: Path) -> None:
    """
    Raises:
        ModelError: the model was saved with another head than that of a sequence classifier, whose weights may fit.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

    config = config_of(folder)
    wanted = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.get(str(config.get("model_type")))
    saved = config.get("architectures")
    names = [str(name) for name in saved] if isinstance(saved, list) else []
    if wanted is None or wanted in names:
        # A type that transformers does not know fails at its loading.
        return
    if not names:
        raise ModelError(
            f"{folder}/config.json names no architecture, so nothing says which head the model was trained with. "
            f'If it is a text classifier, add "architectures": ["{wanted}"].'
        )
    raise ModelError(
        f"{folder} is no text classifier: its config.json says {', '.join(names[:3])}, and {wanted} is expected. "
        "Fine-tune it first (`token-audit finetune`), or give another model."
    )


_NO_PLACE_NEEDED = re.compile(
    r"(^|\.)(position_ids|inv_freq|masked_bias|attn\.bias|pooler\.dense\.(weight|bias))$"
    r"|^(lm_head|cls\.predictions|cls\.seq_relationship)\."
)
"""Weights that a classifier's file may hold and nothing reads: constants that older versions saved, the pooled output
of encoders whose head reads the first position, and the heads of the pretraining."""


def load_pretrained(kind: str, folder: Path, what: str, head_is_new: bool = False, **settings: Any) -> Any:
    """A model of transformers with the weights of a folder; `kind` is the name of one of its auto classes.

    Raises:
        ModelError: it cannot be loaded, some of its weights are not in the files, or weights of the files have no place
            in it. Where the head is new, that goes for the encoder.
    """
    with quiet_transformers():
        try:
            model, info = getattr(transformers, kind).from_pretrained(
                str(folder),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                dtype=torch.float32,
                ignore_mismatched_sizes=head_is_new,
                **settings,
            )
        # transformers raises whatever the file provokes: ValueError, KeyError, RuntimeError, SafetensorError.
        except Exception as error:
            reason = first_line(error)
            if "mismatched" in reason:
                reason = "its weights do not have the shapes that its config.json asks for (number of labels, sizes)"
            raise ModelError(f"{folder} cannot be loaded as {what}: {reason}") from error
    _require_whole(folder, model, info, head_is_new)
    return model


def _require_whole(folder: Path, model: Any, info: Mapping[str, Any], head_is_new: bool) -> None:
    # A head of another number of labels is not read.
    missing = sorted(info["missing_keys"] | {name for name, *_ in info["mismatched_keys"]})
    unread = sorted(info["unexpected_keys"])
    unread = [name for name in unread if _NO_PLACE_NEEDED.search(name) is None]
    if head_is_new:
        missing, unread = _of_encoder(model, missing), _of_encoder(model, unread)
    if missing:
        raise ModelError(
            f"{folder} has no weights for {', '.join(missing[:3])}: "
            + (
                "its config.json asks for another encoder than the one that was saved."
                if head_is_new
                else "it is not a fine-tuned classifier, and transformers would fill in random numbers. "
                "Fine-tune it first (`token-audit finetune`)."
            )
        )
    if unread:
        more = f" and {len(unread) - 3} more" if len(unread) > 3 else ""
        raise ModelError(
            f"{folder} holds weights that have no place in {type(model).__name__} ({', '.join(unread[:3])}{more}), so "
            "it is another model than its config.json says. Save it as that class, or correct config.json."
        )


def _of_encoder(model: Any, names: Sequence[str]) -> list[str]:
    """Those of the names that are of the encoder, but for its pooled output, which is trained."""
    encoder = model.base_model
    modules = {name for name, _ in encoder.named_children()} - {"pooler"}
    return [name for name in names if name.removeprefix(f"{model.base_model_prefix}.").partition(".")[0] in modules]


def load_tokenizer(folder: Path) -> Any:
    """The fast tokenizer of a folder.

    Raises:
        ModelError: it cannot be loaded, reports no offsets, or has lost its vocabulary.
    """
    pieces = [] if (folder / "tokenizer.json").is_file() else sorted(folder.glob("*.model"))
    needed = [name for name in ("sentencepiece", "google.protobuf") if not _is_installed(name)]
    if pieces and needed:
        raise ModelError(
            f"{folder} has its tokenizer as a SentencePiece file only ({pieces[0].name}), and reading it needs "
            "packages that are not installed: `pip install sentencepiece protobuf`. Or, where they are installed, save "
            f"tokenizer.json once: `AutoTokenizer.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})`."
        )
    try:
        with quiet_transformers():
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # a damaged file may raise anything
        raise ModelError(f"{folder}: the tokenizer cannot be loaded ({first_line(error)}).") from error
    if not tokenizer.is_fast:
        raise ModelError(
            f"{folder}: the tokenizer reports no character offsets. Save it with tokenizer.json (a fast tokenizer)."
        )
    if len(tokenizer) - len(tokenizer.all_special_ids) < 10:
        # Without a readable vocabulary, transformers returns a tokenizer of the special tokens alone, without an error.
        raise ModelError(
            f"{folder}: the tokenizer knows only {len(tokenizer)} tokens; "
            "its vocabulary file is missing or was not read."
        )
    return tokenizer


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it is in
        return False
