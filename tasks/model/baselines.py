"""Baselines of attribution at a layer, and statistics of the embedding matrix.

Shape letters: N texts, T tokens, D width, V vocabulary.
"""

from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor

from configs.errors import ModelError
from tasks.model.forward import Classifier, Inputs, together
from tasks.model.layers import WORD_EMBEDDINGS, Layer, captured, embedded, replaced

PAD_EVERYWHERE = "pad_everywhere"
"""The baseline in which special tokens are padding, too."""


def baseline_activations(
    classifier: Classifier, layer: Layer, inputs: Inputs, keep_NT: Tensor, baseline: str
) -> Tensor:
    """Output of the layer (N, T, D) when every token's embedding, but for those to keep, is the baseline's.

    Raises:
        ModelError: the tokenizer has no such token.
    """
    embedded_NTD = embedded(classifier.word_embeddings, inputs.ids_NT)
    token, used = baseline_token(classifier, baseline)
    if token is not None:
        empty_NTD = embedded(classifier.word_embeddings, torch.full_like(inputs.ids_NT, token))
    elif used == "mean":
        empty_NTD = _mean_embedding(classifier).to(embedded_NTD.dtype).expand_as(embedded_NTD)
    else:
        empty_NTD = torch.zeros_like(embedded_NTD)
    points_NTD = torch.where(keep_NT[:, :, None], embedded_NTD, empty_NTD)
    if layer.module is None:
        return points_NTD

    def run(index: Tensor) -> Tensor:
        with replaced(classifier, WORD_EMBEDDINGS, points_NTD[index]):
            return captured(classifier, layer, inputs.rows(index))

    return together(classifier, inputs, run)


def baseline_token(classifier: Classifier, baseline: str) -> tuple[int | None, str]:
    """Id of the baseline's token, None if its vector is that of no token, and the name of the baseline that is used.

    Without a mask token, `mask` falls back on the unknown token.

    Raises:
        ModelError: the tokenizer has no such token.
    """
    if baseline in ("zero", "mean"):
        return None, baseline
    size = classifier.word_embeddings.num_embeddings
    tokenizer = classifier.tokenizer
    choices = {"mask": tokenizer.mask_token_id, "pad": tokenizer.pad_token_id, "unk": tokenizer.unk_token_id}
    choices[PAD_EVERYWHERE] = choices["pad"]
    usable = {name: int(token) for name, token in choices.items() if token is not None and 0 <= token < size}
    used = "unk" if baseline == "mask" and "mask" not in usable else baseline
    if used not in usable:
        raise ModelError(
            f"attribution.baseline: the tokenizer has no {baseline.partition('_')[0]} token. Use one of: "
            f"{', '.join([*usable, 'zero', 'mean'])}."
        )
    return usable[used], used


def _embedding_rows(classifier: Classifier) -> Iterator[Tensor]:
    """The embeddings of all tokens, some at a time: the matrix of a large vocabulary is a gigabyte."""
    module = classifier.word_embeddings
    # Through the module, for families that scale what they look up.
    every_V = torch.arange(module.num_embeddings, device=classifier.device)
    for start in range(0, len(every_V), 32768):
        yield embedded(module, every_V[None, start : start + 32768])[0].float()


@lru_cache(maxsize=2)
def _mean_embedding(classifier: Classifier) -> Tensor:
    total_D = sum(rows_VD.double().sum(dim=0) for rows_VD in _embedding_rows(classifier))
    assert isinstance(total_D, Tensor)
    return (total_D / classifier.word_embeddings.num_embeddings).float()


@lru_cache(maxsize=2)
def gram_matrix(classifier: Classifier) -> Tensor:
    """E'E (D, D) of the embedding matrix E, in float32: what `gradient_norm` needs of the vocabulary."""
    gram_DD = sum(rows_VD.T @ rows_VD for rows_VD in _embedding_rows(classifier))
    assert isinstance(gram_DD, Tensor)
    return gram_DD
