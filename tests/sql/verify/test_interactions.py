"""Words that act only beside another."""

import numpy as np
import pytest
from scipy import stats

from tests.sql.helpers import only


def company_of(warehouse, effects, words, flips=None):
    """`effects` by text; `words`: the words of each text in their order; `flips`: of predictions, by text."""
    shares = [0.0] * len(effects) if flips is None else flips
    rows = "\n".join(f"{i} | {effect} | {share}" for i, (effect, share) in enumerate(zip(effects, shares, strict=True)))
    warehouse.insert(
        "trials", "example_id | effect | share_flipped\n" + rows, kind="word", label="a", word="x", operator="delete"
    )
    places = "\n".join(f"{i} | {word} | {k}" for i, text in enumerate(words) for k, word in enumerate(text))
    warehouse.insert("word_occurrences", "example_id | word | word_start\n" + places)
    return warehouse.build("verify/interactions")


def test_a_word_that_acts_only_beside_another_is_found_with_it(warehouse):
    rng = np.random.default_rng(1)
    together, alone = rng.normal(4, 0.4, 6), rng.normal(0, 0.4, 6)
    (row,) = company_of(warehouse, [*together, *alone], [["key", "x", "often"]] * 6 + [["x", "often"]] * 6)
    t = stats.ttest_ind(together, alone).statistic
    every = np.concatenate([together, alone])
    within = sum(((part - part.mean()) ** 2).sum() for part in (together, alone))
    assert only([row], "partner", "comparison", "n_texts", "n_others") == [("key", "presence", 6, 6)]
    assert row["t"] == pytest.approx(t, rel=1e-9)
    assert row["explained"] == pytest.approx(1 - within / ((every - every.mean()) ** 2).sum(), rel=1e-9)
    assert (row["effect"], row["other_effect"]) == (pytest.approx(together.mean()), pytest.approx(alone.mean()))


def test_a_word_whose_sign_hangs_on_the_order_is_found_with_the_other(warehouse):
    effects = [3.0, 3.1, 2.9, 3.2, -3.0, -3.1, -2.8, -3.0]
    (row,) = company_of(warehouse, effects, [["pair", "x"]] * 4 + [["x", "pair"]] * 4)
    assert only([row], "partner", "comparison", "n_texts", "n_others") == [("pair", "order", 4, 4)]
    assert (row["effect"], row["other_effect"]) == (pytest.approx(3.05), pytest.approx(-2.975))


def test_noise_has_no_company(warehouse):
    rng = np.random.default_rng(2)
    texts = [["x", *(f"w{k}" for k in range(60) if rng.random() < 0.4)] for _ in range(32)]
    assert company_of(warehouse, rng.normal(1, 1, 32), texts) == []


def test_three_texts_are_too_few_for_company(warehouse):
    assert company_of(warehouse, [4.0, 4.1, 4.2, 0.0, 0.1, 0.2, 0.0], [["key", "x"]] * 3 + [["x"]] * 4) == []


def test_the_p_value_counts_every_interaction_that_was_tested(warehouse):
    """Oracle: SciPy's p-value, times the number of tests by hand."""
    rng = np.random.default_rng(3)
    together, alone = rng.normal(1.2, 0.4, 12), rng.normal(0, 0.4, 12)
    words = [["key", "x"] if i < 12 else ["x"] for i in range(24)]
    for i, text in enumerate(words):
        # Behind it in half of the texts, and before it in the others: two tests. In three texts: none. In all: order.
        text[0:0] = ["half"] if i % 4 == 0 else []
        text += ["half"] if i % 4 == 2 else []
        text += ["rare"] if i < 3 else []
        text[0:0] = ["every"] if i % 2 else []
        text += [] if i % 2 else ["every"]
    flips = [0.5] * 6 + [0.0] * 6 + [1.0] * 12
    (row,) = company_of(warehouse, [*together, *alone], words, flips)
    test = stats.ttest_ind(together, alone)
    # presence of key, presence and order of half, order of every
    assert row["partner"] == "key"
    assert row["p_value"] == pytest.approx(4 * test.pvalue, rel=0.15)
    assert row["flip_rate"] == 0.25
