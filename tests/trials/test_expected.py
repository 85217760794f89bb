"""Expected effects against the regression they stand for, fitted anew without each word."""

import numpy as np
import pytest

from tasks.trials.expected import PENALTIES, expected_effects


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def refitted(vectors, effects, labels, words, num_labels, penalty):
    """Each word's effect by a ridge regression on the others. Each label has the direction of its corner of a simplex."""
    corners = np.eye(num_labels) - 1 / num_labels
    corners *= np.sqrt(num_labels / (num_labels - 1))
    features = np.einsum("nd,nk->ndk", vectors, corners[labels]).reshape(len(labels), -1)
    found = np.empty(len(labels))
    for i, word in enumerate(words):
        rest = [j for j, other in enumerate(words) if other != word]
        A = np.vstack([features[rest], np.sqrt(penalty) * np.eye(features.shape[1])])
        b = np.concatenate([effects[rest], np.zeros(features.shape[1])])
        found[i] = features[i] @ np.linalg.lstsq(A, b, rcond=None)[0]
    return found


@pytest.mark.parametrize("num_labels", [2, 4])
def test_expected_effects_are_those_of_a_regression_without_the_word(num_labels):
    rng = np.random.default_rng(num_labels)
    vectors = unit(rng.normal(size=(40, 6)))
    labels = rng.integers(0, num_labels, 40)
    words = [f"w{i}" for i in range(38)] + ["w0", "w1"]
    vectors[38:] = vectors[:2]
    labels[38:] = (labels[:2] + 1) % num_labels
    directions = rng.normal(size=(num_labels, 6))
    directions -= directions.mean(axis=0)
    effects = np.einsum("nd,nd->n", vectors, directions[labels]) + rng.normal(0, 0.2, 40)
    effects[5] = 30.0
    # By hand: five times 1.4826 times the median distance from 0.
    clipped = np.minimum(effects, 7.413 * np.median(np.abs(effects)))
    assert np.flatnonzero(clipped != effects).tolist() == [5]
    tried = [refitted(vectors, clipped, labels, words, num_labels, penalty) for penalty in PENALTIES]
    best = min(tried, key=lambda found: np.sum((clipped - found) ** 2))
    others = np.arange(40) != 5
    assert np.sum((clipped - best)[others] ** 2) < 0.7 * np.sum(clipped[others] ** 2)
    found = expected_effects(vectors, effects, labels.tolist(), words, num_labels)
    assert found == pytest.approx(best, abs=1e-9)


def test_a_planted_word_is_not_predicted_and_words_of_the_language_are():
    """Two kinds of words, for and against; one of a third kind has learned the largest effect of all by itself."""
    rng = np.random.default_rng(0)
    kinds = np.eye(12)[:3]
    kind = np.array([0] * 20 + [1] * 20 + [2] * 20)
    vectors = unit(kinds[kind] + rng.normal(0, 0.1, (60, 12)))
    effects = np.array([1.0] * 40 + [0.0] * 20) + rng.normal(0, 0.1, 60)
    effects[-1] = 5.0
    found = expected_effects(vectors, effects, [0] * 20 + [1] * 20 + [0] * 20, [f"w{i}" for i in range(60)], 2)
    assert (found[:40] > 0.6).all()
    assert abs(found[-1]) < 0.2


def test_embeddings_at_random_and_single_words_predict_next_to_nothing():
    rng = np.random.default_rng(1)
    effects = rng.normal(1, 0.5, 100)
    found = expected_effects(
        unit(rng.normal(size=(100, 50))), effects, rng.integers(0, 2, 100).tolist(), [f"w{i}" for i in range(100)], 2
    )
    assert np.abs(found).max() < 0.2 * effects.mean()
    assert expected_effects(np.ones((1, 1)), np.array([2.0]), [0], ["w"], 2).tolist() == [0.0]
    assert expected_effects(np.ones((2, 1)), np.zeros(2), [0, 1], ["v", "w"], 2).tolist() == [0.0, 0.0]
