"""The effects of patterns against NumPy."""

import numpy as np
import pytest

HEADER = "type | pattern | operator | example_id | label | margin_with:double | margin_without:double | predicted_with | predicted_without\n"


def effects_of(warehouse, trials, min_effect=0.1):
    """Removal trials of one pattern for label a: (margin with it, margin without it)."""
    lines = [
        f'shape | "[a]" | removal | {i} | a | {a} | {b} | {int(a > 0)} | {int(b > 0)}'
        for i, (a, b) in enumerate(trials)
    ]
    part = warehouse.part(HEADER + "\n".join(lines))
    warehouse.insert("examples", "example_id | predicted_label\n" + "\n".join(f"{i} | b" for i in range(len(trials))))
    (row,) = warehouse.build("verify/pattern_effects", pattern_trial_parts=[part], min_effect=min_effect)
    return row


def test_the_effect_near_the_boundary_and_that_of_all_texts(warehouse):
    rng = np.random.default_rng(1)
    without = np.concatenate([rng.uniform(-2, 2, 9), rng.uniform(3, 5, 15)])
    effects = np.concatenate([rng.normal(2, 0.5, 9), rng.normal(0.5, 0.2, 15)])
    row = effects_of(warehouse, list(zip(without + effects, without, strict=True)))
    near = effects[:9]
    assert (row["n_removal"], row["n_removal_all"], row["n_insertion"], row["n_insertion_all"]) == (9, 24, 0, 0)
    assert row["removal_effect"] == pytest.approx(near.mean())
    assert row["removal_se"] == pytest.approx(near.std(ddof=1) / 3)
    assert row["removal_mean"] == pytest.approx(effects.mean())
    assert row["removal_mean_se"] == pytest.approx(effects.std(ddof=1) / 24**0.5)
    flips = (without + effects > 0) != (without > 0)
    assert row["flip_rate"] == pytest.approx(flips.mean())


def test_with_few_texts_near_the_boundary_the_nearest_third_is_taken(warehouse):
    without = np.concatenate([np.linspace(0, 2, 7), np.linspace(2.1, 8, 23)])
    row = effects_of(warehouse, [(value + 1 + number, value) for number, value in enumerate(without)])
    # Ten of thirty, in the order of their distance: effects 1 to 10.
    assert (row["n_removal"], row["removal_effect"]) == (10, pytest.approx(5.5))
    assert row["removal_mean"] == pytest.approx(15.5)
    # Away from the label by a tenth of the smallest effect or more: none.
    assert (row["n_opposite"], row["n_signed"]) == (0, 10)
