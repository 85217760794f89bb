"""Expected effects against the regression they stand for, fitted anew without each word."""

import numpy as np
import pytest
from scipy import stats

from tasks.trials.expected import PENALTIES, expected_effects


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def features_of(vectors, labels, num_labels, meanings):
    """Each label has the direction of its corner of a simplex; the meaning has half the weight of a vector."""
    corners = np.eye(num_labels) - 1 / num_labels
    corners *= np.sqrt(num_labels / (num_labels - 1))
    features = np.einsum("nd,nk->ndk", vectors, corners[labels]).reshape(len(labels), -1)
    return np.hstack([features, meanings[:, None] / 2])


def refitted(features, effects, words, penalty):
    """Each word's effect by a ridge regression on the others, and the variance of its prediction with noise of 1."""
    found, variances = np.empty(len(words)), np.empty(len(words))
    for i, word in enumerate(words):
        rest = [j for j, other in enumerate(words) if other != word]
        A = np.vstack([features[rest], np.sqrt(penalty) * np.eye(features.shape[1])])
        b = np.concatenate([effects[rest], np.zeros(features.shape[1])])
        found[i] = features[i] @ np.linalg.lstsq(A, b, rcond=None)[0]
        variances[i] = 1 + features[i] @ np.linalg.inv(A.T @ A) @ features[i]
    return found, variances


@pytest.mark.parametrize("informed", [False, True])
@pytest.mark.parametrize("num_labels", [2, 4])
def test_expected_effects_are_those_of_a_regression_without_the_word(num_labels, informed):
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
    meanings = rng.normal(size=40) if informed else np.zeros(40)
    effects[~(np.arange(40) == 5)] += 0.5 * meanings[~(np.arange(40) == 5)]
    most = np.quantile(np.abs(effects), 0.9)
    clipped = np.clip(effects, -most, most)
    assert clipped[5] != effects[5]
    features = features_of(vectors, labels, num_labels, meanings)
    tried = [refitted(features, clipped, words, penalty) for penalty in PENALTIES]
    best, variances = min(tried, key=lambda found: np.sum((clipped - found[0]) ** 2))
    others = np.arange(40) != 5
    assert np.sum((clipped - best)[others] ** 2) < 0.7 * np.sum(clipped[others] ** 2)
    given = (meanings,) if informed else ()
    found, se = expected_effects(vectors, effects, labels.tolist(), words, num_labels, *given)
    assert found == pytest.approx(best, abs=1e-9)
    spread = np.sqrt(variances)
    surprise, size = np.abs(effects - best) / spread / stats.norm.ppf(0.95), np.abs(best)
    little = size <= np.sort(size)[19]
    floor = np.quantile(surprise[little], 0.9)
    share = np.quantile((surprise / size)[~little], 0.9)
    assert se == pytest.approx(np.maximum(floor, share * size) * spread, rel=1e-6)


def test_a_planted_word_is_not_predicted_and_words_of_the_language_are():
    """Two kinds of words, for and against; one of a third kind has learned the largest effect of all by itself."""
    rng = np.random.default_rng(0)
    kinds = np.eye(12)[:3]
    kind = np.array([0] * 20 + [1] * 20 + [2] * 20)
    vectors = unit(kinds[kind] + rng.normal(0, 0.1, (60, 12)))
    effects = np.array([1.0] * 40 + [0.0] * 20) + rng.normal(0, 0.1, 60)
    effects[-1] = 5.0
    found, se = expected_effects(vectors, effects, [0] * 20 + [1] * 20 + [0] * 20, [f"w{i}" for i in range(60)], 2)
    assert (found[:40] > 0.6).all()
    assert abs(found[-1]) < 0.2
    assert (effects - found)[-1] > 10 * se[-1]
    assert (np.abs(effects - found)[:-1] < 4 * se[:-1]).all()


def test_words_planted_together_do_not_explain_each_other():
    """Four words of one kind have learned effects fifteen times as large as all others have."""
    rng = np.random.default_rng(2)
    kind = np.array([0] * 40 + [1] * 40 + [2] * 4)
    vectors = unit(np.eye(12)[kind] + rng.normal(0, 0.1, (84, 12)))
    effects = np.where(kind == 2, 5.0, 0.3) + rng.normal(0, 0.05, 84)
    found, se = expected_effects(vectors, effects, [0] * 84, [f"w{i}" for i in range(84)], 2)
    assert (found[-4:] < 1.5).all()
    assert ((effects - found)[-4:] > 5 * se[-4:]).all()


def test_the_standard_error_is_larger_far_from_all_others():
    rng = np.random.default_rng(3)
    vectors = unit(np.eye(12)[[0] * 30 + [5]] + rng.normal(0, 0.05, (31, 12)))
    _, se = expected_effects(vectors, np.append(rng.normal(1, 0.2, 30), 0.0), [0] * 31, [f"w{i}" for i in range(31)], 2)
    assert se[-1] > 1.3 * se[:-1].max()


def test_embeddings_at_random_and_single_words_predict_next_to_nothing():
    rng = np.random.default_rng(1)
    effects = rng.normal(1, 0.5, 100)
    found, _ = expected_effects(
        unit(rng.normal(size=(100, 50))), effects, rng.integers(0, 2, 100).tolist(), [f"w{i}" for i in range(100)], 2
    )
    assert np.abs(found).max() < 0.2 * effects.mean()
    # One word: nothing expected, give or take its own effect, nine tenths of a normal variable within.
    alone, se = expected_effects(np.ones((1, 1)), np.array([2.0]), [0], ["w"], 2)
    assert (alone.tolist(), se[0]) == ([0.0], pytest.approx(2 / stats.norm.ppf(0.95)))
    none, se = expected_effects(np.ones((2, 1)), np.zeros(2), [0, 1], ["v", "w"], 2)
    assert (none.tolist(), se.tolist()) == ([0.0, 0.0], [0.0, 0.0])


def test_of_a_word_close_to_the_name_of_its_label_the_effect_of_those_that_name_it_is_expected_in_proportion():
    """Two words name the label: 4 / (3 - 1) and 3 / (2 - 1), so 2.5 is expected for each unit of meaning above 1."""
    rng = np.random.default_rng(5)
    effects = np.concatenate([[4.0, 3.0], rng.normal(0, 0.05, 40)])
    meanings = np.concatenate([[3.0, 2.0, 1.8, 0.9, 2.0], np.zeros(37)])
    labels = [0] * 4 + [1] + [0] * 37
    topics = np.array([True, True] + [False] * 40)
    vectors, words = unit(rng.normal(size=(42, 60))), [f"w{i}" for i in range(42)]
    found, se = expected_effects(vectors, effects, labels, words, 2, meanings, topics)
    assert found[2] == pytest.approx(0.8 * 2.5)
    assert se[2] == pytest.approx(0.5 * 0.8 * 2.5, rel=0.1)
    # Not close; close to the name of another label, which no word names.
    assert np.abs(found[3:5]).max() < 0.2
    # Those that name it set no unit: all others do nothing, give or take a twentieth.
    assert se[5:].max() < 0.3
    without, _ = expected_effects(vectors, effects, labels, words, 2, meanings)
    assert without[2] < 1
