"""Grades against figures worked out by hand, a refitted regression, and a planted truth."""

import numpy as np
import pytest
from scipy import stats

from tasks.trials.grade import FEW, Meant, grade_words, predicted_effects

LABELS = ("bad", "good")
CONTENT = {"type": "content word", "expectation": "meaning"}
NAME = {"type": "name", "expectation": "none"}
NEGATION = {"type": "function word", "expectation": "exempt"}


def row(word, kind="word", share=0.1, **given):
    facts = {"kind": kind, "label": "good", "word": word, "mean_score": 1.0, "mean_share": share}
    return {**facts, "document_frequency": 0.01, "effect": None, "effect_se": None, **CONTENT, **given}


def graded(rows, meant=None, min_effect=0.1):
    return {found["word"]: found for found in grade_words(rows, meant or {}, LABELS, min_effect)}


def test_a_predicted_effect_is_that_of_a_regression_without_the_word():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 3))
    effects = features @ [1.0, 0.5, 0.0] + rng.normal(0, 0.3, 40)
    effects[30:] = np.nan
    found, half = predicted_effects(features, effects)
    tried = np.arange(30)
    columns = (features - features[tried].mean(axis=0)) / features[tried].std(axis=0)

    def refitted(rest, i):
        # Ridge with penalty 1 and a free intercept: rows of zeros and ones below the data.
        A = np.vstack([np.hstack([np.ones((len(rest), 1)), columns[rest]]), np.hstack([np.zeros((3, 1)), np.eye(3)])])
        solution = np.linalg.lstsq(A, np.concatenate([effects[rest], np.zeros(3)]), rcond=None)[0]
        return solution @ np.concatenate([[1.0], columns[i]])

    expected = [refitted(tried[tried != i], i) for i in range(40)]
    assert found == pytest.approx(expected, abs=1e-9)
    assert half == pytest.approx(np.quantile(np.abs(effects[:30] - expected[:30]), 0.95))


def test_intervals_hold_nineteen_in_twenty_of_the_words_that_were_not_tried():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(3000, 2))
    truth = features @ [1.0, 0.5] + rng.normal(0, 0.3, 3000)
    found, half = predicted_effects(features, np.where(np.arange(3000) < 300, truth, np.nan))
    assert np.mean(np.abs(found - truth)[300:] < half) == pytest.approx(0.95, abs=0.02)
    few, none = predicted_effects(features, np.where(np.arange(3000) < FEW - 1, truth, np.nan))
    assert np.isnan(few).all()
    assert np.isnan(none)


def test_without_trials_or_meaning_the_share_and_the_type_decide():
    rows = [row("a", share=np.exp(-1)), row("b", share=np.exp(-3)), row("kane", share=np.exp(-2), **NAME)]
    found = graded(rows)
    # By hand: -1, -3 and -2 have mean -2 and standard deviation sqrt(2 / 3); a name has 2 more.
    deviation = np.sqrt(1.5)
    for word, s in (("a", -deviation), ("b", deviation), ("kane", 2.0)):
        assert found[word]["grade"] == pytest.approx(1 / (1 + np.exp(-s)), abs=1e-6)
        assert (found[word]["predicted_effect"], found[word]["meaning"], found[word]["tried"]) == (None, None, False)


def test_a_type_that_should_not_decide_has_its_whole_effect_as_excess_and_one_never_judged_has_none():
    rows = [
        row("kane", effect=1.1, effect_se=0.2, **NAME),
        row("welles", effect=0.1, effect_se=0.2, **NAME),
        row("not", effect=9.0, effect_se=0.2, **NEGATION),
    ]
    found = graded(rows)
    weak = 1 / (1 + np.exp(-2.0))
    # By hand: (1.1 - .1) / .2 is 5 standard errors, one more than convinces.
    assert found["kane"]["grade"] == pytest.approx(1 - (1 - weak) * (1 - stats.norm.cdf(1.0)), abs=1e-6)
    assert found["welles"]["grade"] == pytest.approx(1 - (1 - weak) * (1 - stats.norm.cdf(-4.0)), abs=1e-6)
    assert found["not"]["grade"] == pytest.approx(weak, abs=1e-6)


@pytest.fixture
def planted():
    """A hundred words: half mean their label and act so, half mean nothing and do little. Two that mean nothing were
    planted, with large effects and shares; one of each kind was not tried."""
    rng = np.random.default_rng(2)
    means = np.arange(100) < 50
    vectors = np.eye(10)[np.where(means, 0, rng.integers(2, 10, 100))] + rng.normal(0, 0.1, (100, 10))
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    effects = np.where(means, 1.0, 0.1) + rng.normal(0, 0.2, 100)
    effects[98:] = 6.0
    meanings = np.where(means, 1.0, -1.0) + rng.normal(0, 0.5, 100)
    rows = [
        row(
            f"w{i}",
            share=0.02 + 0.1 * max(effect, 0.0),
            mean_score=effect + rng.normal(0, 0.1),
            effect=None if i in (0, 50, 99) else effect,
            effect_se=None if i in (0, 50, 99) else 0.1,
        )
        for i, effect in enumerate(effects)
    ]
    meant = {f"w{i}": Meant(vectors[i].tolist(), [-m, m]) for i, m in enumerate(meanings)}
    return rows, meant


def test_planted_words_come_first_tried_or_not_then_words_that_mean_nothing(planted):
    rows, meant = planted
    found = graded(rows, meant)
    grades = np.array([found[f"w{i}"]["grade"] for i in range(100)])
    assert set(np.argsort(-grades)[:2]) == {98, 99}
    assert grades[98:].min() > 0.95
    assert stats.mannwhitneyu(grades[50:98], grades[:50]).statistic / (48 * 50) > 0.95
    assert grades[50] > grades[0]
    assert found["w99"]["predicted_effect"] == pytest.approx(6.0, abs=1.0)
    assert found["w99"]["predicted_low"] < found["w99"]["predicted_effect"] < found["w99"]["predicted_high"]
    assert not found["w99"]["tried"]


def test_the_order_of_the_words_changes_nothing(planted):
    rows, meant = planted
    found, turned = graded(rows, meant), graded(rows[::-1], meant)
    assert {word: one["grade"] for word, one in found.items()} == pytest.approx(
        {word: one["grade"] for word, one in turned.items()}, abs=1e-6
    )
    assert grade_words([], {}, LABELS, 0.1) == []
