"""Trials, effects and evidence against SciPy and figures by hand."""

import numpy as np
import pytest
from scipy import stats

from tests.sql.helpers import by

PLACEBOS = """
    type | example_id | replacement | label | margin | predicted
    name | 5          | lee         | b     | -1.0   | 0
    name | 5          | ford        | b     | 0.0    | 0
    name | 5          | wood        | b     | -0.5   | 1
    name | 5          | lee         | a     | 9.0    | 0
    name | 6          | lee         | b     | 0.5    | 1
    name | 6          | ford        | b     | -0.5   | 1
    number | 5        | ten         | b     | 9.0    | 1
"""

DELETED = """
    operator  | example_id | placebo_type:varchar | replacement:varchar | margin_before | margin_after | predicted_before | predicted_after
    delete    | 1          | null                 | null                | 2.0           | 1.0          | 1                | 1
    delete    | 2          | null                 | null                | 1.0           | -1.0         | 1                | 0
    delete    | 3          | null                 | null                | -1.0          | -1.009       | 0                | 0
    delete    | 4          | null                 | null                | 1.0           | 1.5          | 1                | 1
"""

SWAPPED = """
    swap      | 1          | null                 | lee                 | 2.0           | 1.0          | 1                | 1
    swap      | 1          | null                 | ford                | 2.0           | -2.0         | 1                | 0
    swap      | 1          | null                 | wood                | 2.0           | -2.0         | 1                | 0
    swap      | 2          | null                 | lee                 | 1.0           | 0.5          | 1                | 1
"""

INSERTED = """
    insert    | 5          | name                 | X                   | -2.0          | 1.0          | 0                | 1
    insert    | 6          | name                 | X                   | -2.0          | -0.5         | 0                | 0
"""

HEADER = DELETED.strip().split("\n")[0]


def trials_of(warehouse, rows):
    warehouse.build("verify/placebos", placebo_parts=[warehouse.part(PLACEBOS)], labels=["a", "b"])
    part = warehouse.part(rows, kind="word", label="b", word="x", gold=1)
    return by(warehouse.build("verify/trials", trial_parts=[part], labels=["a", "b"]), "operator", "example_id")


def effects_of(warehouse, rows, min_effect=0.1):
    trials_of(warehouse, rows)
    found = by(warehouse.build("verify/effects", min_effect=min_effect), "operator")
    assert warehouse.rows("checks/effects__intervals_hold_their_mean") == []
    return found


def evidence_of(warehouse, expectation="meaning"):
    warehouse.insert("candidates", f"expectation\n{expectation}", kind="word", label="b", word="x")
    (row,) = warehouse.build("verify/evidence")
    return row


def test_stand_ins_are_averaged_to_one_trial_of_each_text(warehouse):
    found = trials_of(warehouse, HEADER + SWAPPED)
    row = found["swap", 1]
    assert (row["margin_with"], row["margin_without"], row["effect"]) == (2.0, -1.0, 3.0)
    assert (row["n_placebos"], row["share_flipped"]) == (3, pytest.approx(2 / 3))
    assert (row["predicted_with"], row["predicted_without"], row["gold_label"]) == ("b", "a", "b")
    assert row["replacement"] == "ford"
    assert (found["swap", 2]["effect"], found["swap", 2]["share_flipped"]) == (0.5, 0.0)


def test_an_insertion_is_less_the_placebo_words_of_its_type_in_the_same_text(warehouse):
    found = trials_of(warehouse, HEADER + INSERTED)
    row = found["insert", 5]
    # 1.0 less the mean of -1.0, 0.0 and -0.5: not the other label, not the other type.
    assert (row["margin_with"], row["margin_without"], row["effect"], row["n_placebos"]) == (1.0, -0.5, 1.5, 3)
    # The text as it is was read as a; with the word as b, with two of three placebo words as a.
    assert (row["predicted_with"], row["predicted_without"]) == ("b", "a")
    assert row["share_flipped"] == pytest.approx(2 / 3)
    row = found["insert", 6]
    assert (row["effect"], row["share_flipped"], row["predicted_without"]) == (-0.5, 1.0, "b")


def test_effects_are_those_of_scipy(warehouse):
    row = effects_of(warehouse, DELETED)["delete"]
    effects = [1.0, 2.0, 0.009, -0.5]
    assert (row["n_texts"], row["mean_effect"]) == (4, pytest.approx(np.mean(effects)))
    assert row["sd"] == pytest.approx(np.std(effects, ddof=1))
    low, high = stats.t.interval(0.95, 3, np.mean(effects), stats.sem(effects))
    # The quantile of the macro is 0.2 % off at 3 degrees of freedom.
    assert (row["effect_low"], row["effect_high"]) == (pytest.approx(low, rel=0.01), pytest.approx(high, rel=0.01))
    # 0.009 is less than a tenth of 0.1: it has no sign.
    assert (row["n_signed"], row["n_opposite"]) == (3, 1)
    wilson = stats.binomtest(1, 4).proportion_ci(method="wilson")
    assert (row["flip_rate"], row["flip_low"], row["flip_high"]) == (
        0.25,
        pytest.approx(wilson.low),
        pytest.approx(wilson.high),
    )


@pytest.mark.parametrize(
    ("min_effect", "n_signed", "n_opposite"), [(0.05, 4, 1), (4.9, 3, 1), (5.1, 2, 0), (21.0, 0, 0)]
)
def test_an_effect_below_a_tenth_of_what_counts_has_no_sign(warehouse, min_effect, n_signed, n_opposite):
    row = effects_of(warehouse, DELETED, min_effect)["delete"]
    assert (row["n_signed"], row["n_opposite"]) == (n_signed, n_opposite)


def test_a_flip_of_some_stand_ins_counts_in_part(warehouse):
    row = effects_of(warehouse, HEADER + SWAPPED)["swap"]
    assert (row["n_texts"], row["mean_effect"], row["flip_rate"]) == (2, 1.75, pytest.approx(1 / 3))
    assert (row["effect_low"], row["effect_high"]) == (None, None)
    assert 0 < row["flip_low"] < 1 / 3 < row["flip_high"] < 1


# ---------------------------------------------------------------- evidence


def arms(warehouse, removed, added, operator="delete"):
    """Effects by hand, as the table that evidence reads."""
    rows = [f"{operator} | {i} | {own}" for i, own in enumerate(removed)]
    rows += [f"insert | {100 + i} | {own}" for i, own in enumerate(added)]
    warehouse.insert("trials", "operator | example_id | effect:double\n" + "\n".join(rows), kind="word", label="b", word="x", share_flipped=0.5)  # fmt: skip
    warehouse.build("verify/effects", min_effect=0.1)


def assert_near(found, interval, dof):
    """The quantile of the macro is exact from 8 degrees of freedom on, and 0.8 % off at 2."""
    width = interval[1] - interval[0]
    assert found == pytest.approx(interval, abs=width * (1e-4 if dof >= 8 else 0.01))


@pytest.mark.parametrize("sizes", [(20, 12), (9, 40), (3, 24)])
def test_both_arms_together_are_welch_s_interval(warehouse, sizes):
    """Oracle: SciPy, of the texts with the word and the negative of the others."""
    rng = np.random.default_rng(sizes[0])
    removed, added = rng.normal(1.0, 0.5, sizes[0]), rng.normal(0.4, 0.9, sizes[1])
    arms(warehouse, removed, added)
    row = evidence_of(warehouse)
    # The mean of two means is half of the difference of one and the other's negative.
    welch = stats.ttest_ind(removed, -added, equal_var=False)
    low, high = welch.confidence_interval(0.95)
    assert row["effect"] == pytest.approx((removed.mean() + added.mean()) / 2)
    assert row["effect_dof"] == pytest.approx(welch.df)
    assert_near((row["effect_low"], row["effect_high"]), (low / 2, high / 2), welch.df)
    for name, effects in (("removal", removed), ("insertion", added)):
        assert row[f"{name}_effect"] == pytest.approx(effects.mean())
        assert row[f"{name}_se"] == pytest.approx(stats.sem(effects))
        assert (row[f"{name}_dof"], row[f"n_{name}"]) == (len(effects) - 1, len(effects))
        low, high = stats.t.interval(0.95, len(effects) - 1, effects.mean(), stats.sem(effects))
        assert_near((row[f"{name}_low"], row[f"{name}_high"]), (low, high), len(effects) - 1)
    assert row["n_trials"] == sum(sizes)


def test_an_arm_of_two_texts_stays_out_of_the_effect(warehouse):
    added = [0.5, 1.0, 1.5, 2.0]
    arms(warehouse, [9.0, 11.0], added)
    row = evidence_of(warehouse)
    assert (row["removal_effect"], row["removal_se"], row["removal_low"], row["n_removal"]) == (10.0, None, None, 2)
    assert (row["effect"], row["effect_se"], row["effect_dof"]) == (1.25, pytest.approx(stats.sem(added)), 3)


def test_arms_in_which_nothing_varies_have_an_interval_without_width(warehouse):
    arms(warehouse, [2.0] * 8, [1.0] * 8)
    row = evidence_of(warehouse)
    assert (row["effect"], row["effect_low"], row["effect_high"], row["effect_dof"]) == (1.5, 1.5, 1.5, 14)


def test_a_word_with_too_few_texts_has_evidence_and_no_effect(warehouse):
    arms(warehouse, [1.0], [])
    row = evidence_of(warehouse)
    assert (row["removal_effect"], row["n_removal"], row["n_insertion"]) == (1.0, 1, 0)
    assert (row["effect"], row["effect_low"], row["effect_se"], row["insertion_effect"]) == (None,) * 4


@pytest.mark.parametrize(
    ("expectation", "removed", "estimand"),
    [
        ("none", [1.0, 2.0], "within type"),
        ("none", [], "within type"),
        ("meaning", [1.0, 2.0], "against nothing"),
        # What was only inserted, too.
        ("meaning", [], "against nothing"),
        ("exempt", [], "against nothing"),
    ],
)
def test_the_estimand_is_that_of_the_expectation(warehouse, expectation, removed, estimand):
    arms(warehouse, removed, [1.0, 2.0, 1.5], "swap" if expectation == "none" else "delete")
    assert evidence_of(warehouse, expectation)["estimand"] == estimand


def test_signs_and_flips_are_those_of_the_texts_with_the_word(warehouse):
    arms(warehouse, [1.0, -1.0, 0.005, 1.0], [-1.0] * 9)
    row = evidence_of(warehouse)
    assert (row["n_signed"], row["n_opposite"], row["flip_rate"]) == (3, 1, 0.5)
    wilson = stats.binomtest(2, 4).proportion_ci(method="wilson")
    assert (row["flip_low"], row["flip_high"]) == (pytest.approx(wilson.low), pytest.approx(wilson.high))


def test_the_cost_counts_every_stand_in(warehouse):
    trials_of(warehouse, DELETED + SWAPPED.lstrip("\n") + INSERTED.lstrip("\n"))
    warehouse.build("verify/effects", min_effect=0.1)
    warehouse.insert("candidates", "n_used | is_used | n_examples\n3 | true | 4", kind="word", label="b", word="x")
    (row,) = warehouse.build("verify/verification_cost", passes=50, lost=1, early=2)
    assert (row["n_trials"], row["n_passes"], row["n_lost"]) == (4 + 4 + 2, 50, 1)
    assert (row["n_used"], row["n_candidates"], row["n_cut"], row["n_operations"]) == (3, 1, 2, 3)
    assert row["n_early"] == 2
