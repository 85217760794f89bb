"""Embeddings of the words that were added: what they start from, before any training.

Shape letters: W words added, V vocabulary, D embedding width.
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from configs.errors import ModelError
from tasks.model.folder import config_of
from tasks.model.pretrained import load_pretrained
from tasks.model.tokens import quiet_transformers
from tasks.vocabulary.extend import Extension

Method = Literal["mean", "weighted", "mean_resizing", "distilled"]
_PREDICT_WORDS = ("ForCausalLM", "LMHeadModel", "ForMaskedLM", "ForPreTraining", "ForConditionalGeneration")
"""Ends of the names of classes whose head is as long as the vocabulary."""
METHODS: tuple[Method, ...] = ("mean", "weighted", "mean_resizing", "distilled")


def embeddings_of(model: Any) -> Tensor:
    """The word embeddings (V, D) of a model of transformers."""
    weight: Tensor = model.get_input_embeddings().weight
    return weight.detach()


def load_any(folder: Path) -> Any:
    """The classifier or the encoder in a folder.

    Raises:
        ModelError: it cannot be loaded, or predicts words, so that a new one would change every prediction.
    """
    config = config_of(folder)
    saved = [str(name) for name in config.get("architectures") or []]
    heads = [name for name in saved if name.endswith(_PREDICT_WORDS)]
    if heads:
        raise _predicts_words(folder, heads[0])
    is_classifier = any(name in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.values() for name in saved)
    kind = "AutoModelForSequenceClassification" if is_classifier else "AutoModel"
    model = load_pretrained(kind, folder, "a classifier" if is_classifier else "an encoder")
    if model.get_output_embeddings() is not None:
        raise _predicts_words(folder, type(model).__name__)
    return model.eval()


def _predicts_words(folder: Path, kind: str) -> ModelError:
    return ModelError(
        f"{folder} is a {kind}: its head predicts words and is tied to the embeddings, so that new words would change "
        "what it predicts. Extend its encoder: "
        f"`AutoModel.from_pretrained({str(folder)!r}).save_pretrained(...)`, and the tokenizer beside it."
    )


def mean_rows(model: Any, extension: Extension) -> Tensor:
    """(W, D): the mean of the pieces that a word is cut into today."""
    table = embeddings_of(model)
    rows = [table[list(one.piece_ids)].mean(dim=0) for one in extension.added]
    return torch.stack(rows) if rows else table[:0].clone()


def weighted_rows(model: Any, extension: Extension, weights: Mapping[str, Sequence[float]]) -> Tensor:
    """(W, D): a mean of the pieces, weighted by how much each matters (the size of its attribution). Words without one
    weight for each of their pieces, or with weights that are all 0, have the plain mean.

    Raises:
        ValueError: a weight is below 0.
    """
    rows = mean_rows(model, extension)
    table = embeddings_of(model)
    for place, one in enumerate(extension.added):
        given = weights.get(one.word) or []
        if given and min(given) < 0:
            raise ValueError(f"{one.word}: weights {list(given)} for the pieces {list(one.pieces)}")
        if len(given) == len(one.piece_ids) and sum(given) > 0:
            shares = torch.tensor(given, dtype=table.dtype) / sum(given)
            rows[place] = shares @ table[list(one.piece_ids)]
    return rows


def resized_rows(model: Any, extension: Extension, seed: int = 0) -> Tensor:
    """(W, D): what `resize_token_embeddings(mean_resizing=True)` gives: drawn around the mean of all embeddings."""
    copied = copy.deepcopy(model)
    size = len(embeddings_of(model))
    with torch.random.fork_rng(devices=[]), quiet_transformers():
        torch.manual_seed(seed)
        copied.resize_token_embeddings(size + len(extension.added), mean_resizing=True)
    return embeddings_of(copied)[size:].clone()


def with_rows(model: Any, extension: Extension, rows_WD: Tensor, *, share: bool = False) -> Any:
    """A copy of the model, in eval mode, in which these are the embeddings of the added words; all else is as it was.

    With `share` the copy has the very parameters of the model but for its word embeddings: to be read, not trained.
    """
    assert len(rows_WD) == len(extension.added)
    own = model.get_input_embeddings().weight
    kept = [*model.parameters(), *model.buffers()] if share else []
    copied = copy.deepcopy(model, {id(tensor): tensor for tensor in kept if tensor is not own})
    needed = max((one.new_id for one in extension.added), default=-1) + 1
    if needed > len(embeddings_of(copied)):
        with quiet_transformers():
            copied.resize_token_embeddings(needed, mean_resizing=False)
    table = embeddings_of(copied)
    with torch.no_grad():
        table[[one.new_id for one in extension.added]] = rows_WD.to(table)
    return copied.eval()
