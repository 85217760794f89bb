"""Effects of trials against SciPy, and the evidence made of them."""

import numpy as np
import pytest
from scipy import stats

from tests.sql.helpers import by

TRIALS = """
    operator  | example_id | replacement:varchar | margin_before | margin_after | predicted_before | predicted_after
    delete    | 1          | null                | 2.0           | 1.0          | 1                | 1
    delete    | 2          | null                | 1.0           | -1.0         | 1                | 0
    delete    | 3          | null                | -1.0          | -1.5         | 0                | 0
    delete    | 4          | null                | 1.0           | 1.5          | 1                | 1
    neighbour | 1          | near                | 2.0           | 1.5          | 1                | 1
    neighbour | 2          | close               | 1.0           | 0.0          | 1                | 1
    insert    | 5          | x                   | -1.0          | 1.0          | 0                | 1
    insert    | 6          | x                   | -1.0          | -0.5         | 0                | 0
"""


def tried(warehouse):
    part = warehouse.part(TRIALS, kind="word", label="b", word="x", gold=1)
    warehouse.build("verify/trials", trial_parts=[part], labels=["a", "b"])
    return by(warehouse.build("verify/effects"), "operator")


def test_effects_are_those_of_scipy_and_a_flip_is_to_or_from_the_label(warehouse):
    found = tried(warehouse)
    effects = [1.0, 2.0, 0.5, -0.5]
    row = found["delete"]
    assert (row["n_trials"], row["mean_effect"], row["opposite_share"]) == (4, 0.75, 0.25)
    assert row["sd"] == pytest.approx(np.std(effects, ddof=1))
    assert row["mean_size"] == 1.0
    low, high = stats.t.interval(0.95, 3, np.mean(effects), stats.sem(effects))
    # The quantile of the macro is 0.2 % off at 3 degrees of freedom.
    assert (row["effect_low"], row["effect_high"]) == (pytest.approx(low, rel=0.01), pytest.approx(high, rel=0.01))
    assert (row["n_flippable"], row["n_flipped"]) == (3, 1)
    wilson = stats.binomtest(1, 3).proportion_ci(method="wilson")
    assert (row["flip_low"], row["flip_high"]) == (pytest.approx(wilson.low), pytest.approx(wilson.high))
    assert (found["insert"]["mean_effect"], found["insert"]["n_flippable"], found["insert"]["n_flipped"]) == (
        1.25,
        2,
        1,
    )
    assert (found["insert"]["effect_low"], found["insert"]["effect_high"]) == (None, None)
    assert warehouse.rows("checks/effects__intervals_hold_their_mean") == []


def test_neighbours_are_compared_with_no_word_on_the_same_texts(warehouse):
    tried(warehouse)
    (row,) = warehouse.build("verify/evidence", min_flip_rate=0.15)
    assert (row["delete_effect"], row["insert_effect"], row["mask_effect"], row["effect"]) == (0.75, 1.25, None, 1.0)
    # In texts 1 and 2 delete loses 1 and 2, a neighbour 0.5 and 1: half. Neighbour and nothing differ by 0.5 and 1.
    assert (row["n_neighbours"], row["neighbour_loss"], row["neighbour_size"]) == (2, 0.5, 0.5)
    # Of four texts one changes its prediction without the word: significantly more than 4.6 %, by Wilson's interval.
    assert row["n_texts"] == 4
    assert (row["flip_rate"], row["flip_rate_low"], row["n_flipping"]) == (0.25, pytest.approx(0.0456, abs=1e-4), 0)
    assert (row["necessity"], row["sufficiency"]) == (pytest.approx(1 / 3), 0.5)
    assert row["coefficient_of_variation"] == pytest.approx(np.std([1.0, 2.0, 0.5, -0.5], ddof=1) / 0.75)


def test_independent_per_text_effects_are_pooled_and_operators_on_the_same_texts_are_one(warehouse):
    """Oracle: Welch's interval by SciPy, of the means of texts and of the inserts."""
    rng = np.random.default_rng(0)
    removed, added = rng.normal(1.0, 0.5, (20, 3)), rng.normal(0.4, 0.8, 12)
    rows = [
        f"{operator} | {i} | {effect} | 0.0"
        for i, texts in enumerate(removed)
        for operator, effect in zip(("delete", "mask", "swap"), texts, strict=True)
    ]
    rows += [f"insert | {100 + i} | 0.0 | {effect}" for i, effect in enumerate(added)]
    part = warehouse.part(
        "operator | example_id | margin_before | margin_after\n" + "\n".join(rows), kind="word", label="b", word="x",
        replacement=None, predicted_before=0, predicted_after=0, gold=0,
    )  # fmt: skip
    warehouse.build("verify/trials", trial_parts=[part], labels=["a", "b"])
    warehouse.build("verify/effects")
    (row,) = warehouse.build("verify/evidence", min_flip_rate=0.15)
    texts = removed.mean(axis=1)
    # The mean of two means is half of the difference of one and the other's negative.
    welch = stats.ttest_ind(texts, -added, equal_var=False).confidence_interval(0.95)
    assert (row["pooled_low"], row["pooled_high"]) == (
        pytest.approx(welch.low / 2, rel=1e-4),
        pytest.approx(welch.high / 2, rel=1e-4),
    )
    assert (row["n_agreeing"], row["n_flipping"]) == (4, 0)
