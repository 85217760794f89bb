"""Fit the last layer of a classifier again, on other labels or weights: seconds, and a forecast of a retraining.

Kirichenko et al. 2023 (deep feature reweighting): the features below the last layer of a network that learned a
shortcut suffice to do without it. Here rows are weighted so that a word tells nothing of the label.

Shape letters: N texts, K labels, D features, W words.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tasks.data.rows import Row
from tasks.model.trainer import in_order, read_in_batches
from tasks.model.training import Texts

PENALTY = 1.0
"""Of half the squared weights, beside the sum of the losses: that of scikit-learn's LogisticRegression with C = 1."""
_ITERATIONS = 200


class Layer(NamedTuple):
    """A linear layer, float64."""

    weight_KD: Tensor
    bias_K: Tensor

    def predicted(self, features_ND: np.ndarray) -> np.ndarray:
        """The index of the label of each row (N)."""
        logits_NK = torch.tensor(features_ND, dtype=torch.float64) @ self.weight_KD.T + self.bias_K
        return logits_NK.argmax(dim=1).numpy()


def last_layer(model: Any, num_labels: int) -> nn.Linear | None:
    """The linear layer that makes the logits; None if there is none of that size."""
    own = [module for module in model.modules() if isinstance(module, nn.Linear) and module.out_features == num_labels]
    return own[-1] if own else None


def features_of(model: Any, texts: Texts, rows: Sequence[Row], num_labels: int, said: str) -> np.ndarray | None:
    """What the last layer reads of each row (N, D); None where it reads more than one vector a text, as over tokens."""
    layer = last_layer(model, num_labels)
    if layer is None or not rows:
        return None
    read: list[np.ndarray] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].detach().float().cpu().numpy()))
    try:
        order = read_in_batches(texts, rows, said, partial(texts.logits, model))
    finally:
        handle.remove()
    return None if any(batch.ndim != 2 for batch in read) else in_order(read, order)


def fitted(
    features_ND: np.ndarray, labels_N: Sequence[int], num_labels: int, weights_N: np.ndarray | None = None
) -> Layer:
    """Multinomial logistic regression: cross-entropy, weighted, and half of `PENALTY` times the squared weights."""
    inputs_ND = torch.tensor(features_ND, dtype=torch.float64)
    targets_N = torch.tensor(list(labels_N))
    mass_N = torch.ones(len(targets_N), dtype=torch.float64) if weights_N is None else torch.tensor(weights_N)
    weight_KD = torch.zeros(num_labels, inputs_ND.shape[1], dtype=torch.float64, requires_grad=True)
    bias_K = torch.zeros(num_labels, dtype=torch.float64, requires_grad=True)
    optimizer: Any = torch.optim.LBFGS([weight_KD, bias_K], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        each_N = cross_entropy(inputs_ND @ weight_KD.T + bias_K, targets_N, reduction="none")
        total: Tensor = (each_N * mass_N).sum() + PENALTY / 2 * (weight_KD**2).sum()
        torch.autograd.backward(total)
        return total

    optimizer.step(loss)
    return Layer(weight_KD.detach(), bias_K.detach())


def weights_without(
    has_word_NW: np.ndarray, toward_W: Sequence[int], labels_N: Sequence[int], num_labels: int
) -> np.ndarray:
    """Weights (N), at most 1, at which each word tells nothing of the label that it pushes towards.

    Of the rows with a word, those of its label count so much less that their share is that among rows with none of the
    words. A row with several words has the smallest of its weights.
    """
    labels = np.asarray(labels_N)
    free = labels[~has_word_NW.any(axis=1)]
    weights_N = np.ones(len(labels))
    for w, label in enumerate(toward_W):
        share = float(np.mean(free == label)) if len(free) else 1 / num_labels
        own = has_word_NW[:, w] & (labels == label)
        num_others = int((has_word_NW[:, w] & (labels != label)).sum())
        wanted = num_others * share / max(1 - share, 1e-9)
        if own.sum() > wanted:
            weights_N[own] = np.minimum(weights_N[own], wanted / own.sum())
    return weights_N
