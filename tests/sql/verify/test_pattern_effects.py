"""The effects of patterns against NumPy."""

import numpy as np
import pytest
from scipy import stats

HEADER = (
    "type | pattern | operator | example_id | label | margin_with:double | margin_without:double | "
    "margin_control:double | predicted_with | predicted_without\n"
)


def effects_of(warehouse, trials, min_effect=0.1):
    """Removal trials of one pattern for label a: (margin with it, margin without it, margin of the control)."""
    lines = [
        f'shape | "[a]" | removal | {i} | a | {a} | {b} | {control} | {int(a > 0)} | {int(b > 0)}'
        for i, (a, b, control) in enumerate(trials)
    ]
    part = warehouse.part(HEADER + "\n".join(lines))
    warehouse.insert("examples", "example_id | predicted_label\n" + "\n".join(f"{i} | b" for i in range(len(trials))))
    (row,) = warehouse.build("verify/pattern_effects", pattern_trial_parts=[part], min_effect=min_effect)
    return row


def test_the_effect_near_the_boundary_and_where_the_pattern_can_turn_a_text(warehouse):
    rng = np.random.default_rng(1)
    control = np.concatenate([rng.uniform(-2, 2, 9), rng.uniform(3, 5, 15), rng.uniform(-5, -3, 12)])
    without, effects = control + rng.normal(0, 3, 36), rng.normal(1, 2, 36)
    row = effects_of(warehouse, list(zip(without + effects, without, control, strict=True)))
    near, turning = effects[:9], effects[control < 0]
    assert (row["n_removal"], row["n_removal_turning"]) == (9, len(turning))
    assert (row["n_insertion"], row["n_insertion_turning"]) == (0, 0)
    assert row["removal_effect"] == pytest.approx(near.mean())
    assert row["removal_se"] == pytest.approx(near.std(ddof=1) / 3)
    assert row["removal_turning"] == pytest.approx(turning.mean())
    assert row["removal_turning_se"] == pytest.approx(stats.sem(turning))
    flips = (without + effects > 0) != (without > 0)
    assert row["flip_rate"] == pytest.approx(flips.mean())


def test_with_few_texts_near_the_boundary_the_nearest_are_taken(warehouse):
    control = np.concatenate([np.linspace(0, 2, 7), np.linspace(2.1, 8, 23)])
    row = effects_of(warehouse, [(value + 1 + number, value, value) for number, value in enumerate(control)])
    # Ten of thirty, in the order of their distance: effects 1 to 10; none is read as another label, so the first eight.
    assert (row["n_removal"], row["removal_effect"]) == (10, pytest.approx(5.5))
    assert (row["n_removal_turning"], row["removal_turning"]) == (8, pytest.approx(4.5))
    # Away from the label by a tenth of the smallest effect or more: none.
    assert (row["n_opposite"], row["n_signed"]) == (0, 10)


def test_a_pattern_that_makes_certain_texts_certain_is_tested_where_it_can_turn_them(warehouse):
    """It sets the margin to 2.4, whatever the text says: half of the certain texts lose by it."""
    without = np.concatenate([np.linspace(4.5, 5.5, 20), np.linspace(-5.5, -4.5, 20)])
    row = effects_of(warehouse, [(2.4, value, value) for value in without])
    assert (row["n_removal_turning"], row["removal_turning"]) == (20, pytest.approx(7.4))


def test_texts_chosen_by_a_control_of_their_own_have_no_effect_by_chance(warehouse):
    """Neutral words that move texts as much as the pattern does: the effect is nothing, in chosen texts, too."""
    rng = np.random.default_rng(2)
    text = rng.normal(0, 4, 2000)
    present, without, control = (text + rng.normal(0, 3, 2000) for _ in range(3))
    row = effects_of(warehouse, list(zip(present, without, control, strict=True)))
    assert abs(row["removal_turning"]) < 3 * row["removal_turning_se"]
    # Chosen by what it is compared with, the effect is far from nothing.
    chosen = (present - without)[without < 0]
    assert chosen.mean() > 5 * stats.sem(chosen)


def test_without_a_control_of_its_own_all_texts_count(warehouse):
    without = np.linspace(-6, 6, 24)
    row = effects_of(warehouse, [(value + 1, value, "null") for value in without])
    assert (row["n_removal_turning"], row["removal_turning"]) == (24, pytest.approx(1.0))
    assert row["n_removal"] == 8
