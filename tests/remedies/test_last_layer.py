"""The last layer, fitted again."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp
from torch import nn

from tasks.remedies.last_layer import fitted, last_layer, weights_without


def test_the_fit_is_that_of_a_penalised_multinomial_regression():
    """Oracle: SciPy's BFGS on the loss as it is written down."""
    rng = np.random.default_rng(0)
    features, labels, weights = rng.normal(size=(60, 4)), rng.integers(0, 3, 60), rng.random(60)

    def loss(flat):
        weight, bias = flat[:12].reshape(3, 4), flat[12:]
        logits = features @ weight.T + bias
        each = logsumexp(logits, axis=1) - logits[np.arange(60), labels]
        return (weights * each).sum() + (weight**2).sum() / 2

    best = minimize(loss, np.zeros(15), method="BFGS", options={"gtol": 1e-8}).x
    found = fitted(features, labels.tolist(), 3, weights)
    assert found.weight_KD.numpy() == pytest.approx(best[:12].reshape(3, 4), abs=1e-4)
    predicted = (features @ best[:12].reshape(3, 4).T + best[12:]).argmax(axis=1)
    assert (found.predicted(features) == predicted).all()


def test_with_weights_a_word_tells_nothing_of_the_label():
    # 40 texts without the word, 3 of 4 labelled 1; 20 with it: 18 labelled 1, 2 labelled 0.
    labels = [1] * 30 + [0] * 10 + [1] * 18 + [0] * 2
    has = np.array([[False]] * 40 + [[True]] * 20)
    weights = weights_without(has, [1], labels, 2)
    own = weights[40:]
    share = own[:18].sum() / own.sum()
    assert share == pytest.approx(0.75)
    assert weights[:40].tolist() == [1] * 40
    assert own[18:].tolist() == [1, 1]
    # A word that is rarer with the label than it would be by chance keeps its rows.
    assert weights_without(has, [0], labels, 2).tolist() == [1] * 60


def test_rows_of_a_word_that_stands_beside_one_label_only_say_nothing():
    labels, has = [1, 0, 1, 0, 1, 1], np.array([[False]] * 4 + [[True]] * 2)
    assert weights_without(has, [1], labels, 2).tolist() == [1, 1, 1, 1, 0, 0]


def test_the_last_layer_is_the_one_that_makes_the_logits():
    model = nn.Sequential(nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 2), nn.Dropout())
    assert last_layer(model, 2) is model[2]
    assert last_layer(model, 5) is None
    assert torch.equal(last_layer(model, 2).weight, model[2].weight)
