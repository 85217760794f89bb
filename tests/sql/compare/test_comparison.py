"""Words, ranks, labels and groups of two runs, against hand-made figures, NumPy and SciPy."""

import math

import numpy as np
import pytest
from scipy import stats

from tests.sql.compare.made import insert_runs
from tests.sql.helpers import by, only

PAIR = {"before": "a", "after": "b"}


def lines(*rows):
    return "\n".join(" | ".join(map(str, row)) for row in rows)


# ---------------------------------------------------------------- words


def words(warehouse, means, counted, fdr=0.05, max_rows=9):
    insert_runs(warehouse, means=lines(*means), words=lines(*counted))
    return warehouse.rows("compare/word_changes", **PAIR, fdr=fdr, max_rows=max_rows)


def test_a_word_is_stronger_or_weaker_by_welch_s_test_and_new_or_gone_by_its_frequency(warehouse):
    figures = {  # mean and standard error before and after, texts before and after
        "up": (0.2, 0.05, 0.8, 0.05, 40, 60), "down": (0.9, 0.05, 0.3, 0.05, 40, 40),
        "same": (0.5, 0.1, 0.6, 0.1, 40, 40),
    }  # fmt: skip
    means = [
        (run, "word", label, word, n, sign * mean, se)
        for word, (mean_a, se_a, mean_b, se_b, n_a, n_b) in figures.items()
        for run, mean, se, n in (("a", mean_a, se_a, n_a), ("b", mean_b, se_b, n_b))
        # Two classes: scores are mirrored.
        for label, sign in (("film", 1), ("other", -1))
    ]
    # In 3 texts before, in 40 since; the other way round; and rare in one, by chance.
    means += [("b", "word", "film", "new", 40, 1, 0.1), ("a", "word", "film", "gone", 40, 1, 0.1)]
    means += [("b", "word", "film", "rare", 5, 1, 0.1), ("b", "piece", "film", "·ing", 90, 1, 0.1)]
    counted = [(run, word, n, 0.1) for word, own in figures.items() for run, n in (("a", own[4]), ("b", own[5]))]
    counted += [
        ("a", "new", 3, 0.0),
        ("b", "new", 40, 0.3),
        ("a", "gone", 40, 0.2),
        ("a", "rare", 4, 0),
        ("b", "rare", 5, 0),
    ]
    rows = words(warehouse, means, counted)
    assert only(rows, "word", "change", "label") == [
        ("new", "new", "film"), ("up", "stronger", "film"), ("down", "weaker", "film"), ("gone", "gone", "film"),
    ]  # fmt: skip
    assert {row["n_compared"] for row in rows} == {6}
    up = by(rows, "word")["up"]
    se = math.hypot(0.05, 0.05)
    dof = se**4 / (0.05**4 / 39 + 0.05**4 / 59)
    assert up["score_change"] == pytest.approx(0.6)
    assert up["score_high"] == pytest.approx(0.6 + stats.t.ppf(0.975, dof) * se, rel=1e-4)


def test_of_many_words_that_change_by_chance_none_is_told(warehouse):
    rng = np.random.default_rng(7)
    z = rng.normal(size=400)
    means = [("a", "word", "film", f"w{i}", 50, 1.0, 0.1) for i in range(400)]
    means += [("b", "word", "film", f"w{i}", 50, 1 + z[i] * math.hypot(0.1, 0.1), 0.1) for i in range(400)]
    means += [(run, "word", "film", "real", 50, mean, 0.1) for run, mean in (("a", 1.0), ("b", 2.0))]
    counted = [(run, f"w{i}", 50, 0.1) for run in "ab" for i in range(400)] + [(run, "real", 50, 0.1) for run in "ab"]
    found = [row["word"] for row in words(warehouse, means, counted)]
    p_values = [2 * stats.t.sf(abs(value), 98) for value in [*z, 1 / math.hypot(0.1, 0.1)]]
    wanted = stats.false_discovery_control(p_values) <= 0.05
    assert found == [name for name, kept in zip([*(f"w{i}" for i in range(400)), "real"], wanted, strict=True) if kept]
    assert found == ["real"]


def test_a_list_is_cut_and_counted(warehouse):
    means = [(run, "word", "film", f"w{i}", 50, mean, 0.05) for run, mean in (("a", 1), ("b", 3)) for i in range(5)]
    counted = [(run, f"w{i}", 50, weight) for run, weight in (("a", 0), ("b", 1)) for i in range(5)]
    rows = words(warehouse, means, counted, max_rows=2)
    assert only(rows, "word", "n_changes") == [("w0", 5), ("w1", 5)]


def test_a_word_whose_p_value_is_just_below_the_level_is_told_whatever_its_texts(warehouse):
    """What is passed over before p-values are computed would not have passed."""
    for fdr, n in ((0.01, 10), (0.05, 4000), (0.3, 40)):
        told = []
        for share in (0.97, 1.03):
            t = stats.t.isf(share * fdr / 2, 2 * (n - 1))
            means = [(run, "word", "film", "w", n, mean, 0.1) for run, mean in (("a", 1), ("b", 1 + t * 0.1 * 2**0.5))]
            told.append(len(words(warehouse, means, [("a", "w", n, 1), ("b", "w", n, 1)], fdr=fdr)))
        assert told == [1, 0], (fdr, n)


# ---------------------------------------------------------------- ranks


def ranking(warehouse, before, after, p=0.9, max_depth=1000):
    counted = [("a", word, 9, weight) for word, weight in before.items()]
    insert_runs(warehouse, words=lines(*counted, *(("b", word, 9, weight) for word, weight in after.items())))
    (row,) = warehouse.rows("compare/ranking", **PAIR, p=p, max_depth=max_depth)
    return row


def test_ndcg_by_hand(warehouse):
    """Before: film 4, day 2, sun 1. After: day, new, film; sun is not there."""
    row = ranking(warehouse, {"film": 4, "day": 2, "sun": 1}, {"day": 9, "new": 5, "film": 1})
    ideal = 4 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    found = 2 / math.log2(2) + 0 / math.log2(3) + 4 / math.log2(4) + 1 / math.log2(5)
    assert row["ndcg"] == pytest.approx(found / ideal)
    assert (row["n_before"], row["n_after"], row["n_shared"]) == (3, 3, 2)


def test_rank_biased_overlap_by_hand(warehouse):
    """Overlaps at depths 1 to 3 are 0, 1 and 2: [film, day, sun] and [day, new, film]."""
    row = ranking(warehouse, {"film": 4, "day": 2, "sun": 1}, {"day": 9, "new": 5, "film": 1})
    p = 0.9
    wanted = 2 / 3 * p**3 + (1 - p) / p * (0 / 1 * p + 1 / 2 * p**2 + 2 / 3 * p**3)
    assert row["rbo"] == pytest.approx(wanted)
    # Two words deep: the overlap is 1 of 2.
    cut = ranking(warehouse, {"film": 4, "day": 2, "sun": 1}, {"day": 9, "new": 5, "film": 1}, max_depth=2)
    assert cut["rbo"] == pytest.approx(1 / 2 * p**2 + (1 - p) / p * (0 + 1 / 2 * p**2))


def test_the_same_order_is_1_and_no_common_word_is_0(warehouse):
    same = ranking(warehouse, {"film": 4, "day": 2}, {"film": 2, "day": 1})
    assert (same["ndcg"], same["rbo"]) == (pytest.approx(1), pytest.approx(1))
    other = ranking(warehouse, {"film": 4, "day": 2}, {"sun": 2, "moon": 1})
    assert other["rbo"] == 0
    assert ranking(warehouse, {}, {"sun": 2})["ndcg"] is None


# ---------------------------------------------------------------- labels and groups


def test_accuracy_and_gold_labels_of_both_runs(warehouse):
    groups = [
        ("a", "", "film", 600, 540),
        ("a", "", "other", 400, 300),
        ("b", "", "film", 500, 400),
        ("b", "", "other", 500, 450),
    ]
    insert_runs(warehouse, groups=lines(*groups, ("a", "day", "film", 9, 1)))
    every, film, other = warehouse.rows("compare/label_changes", **PAIR)
    assert (every["label"], film["label"], other["label"]) == (None, "film", "other")
    assert (every["accuracy_before"], every["accuracy_after"]) == (0.84, 0.85)
    assert (film["share_before"], film["share_after"], film["change"]) == (0.6, 0.5, pytest.approx(-0.1))
    assert every["gold_p"] == pytest.approx(stats.chi2_contingency([[600, 400], [500, 500]], correction=False).pvalue)
    before = stats.binomtest(540, 600).proportion_ci(method="wilson")
    after = stats.binomtest(400, 500).proportion_ci(method="wilson")
    assert film["change_low"] == pytest.approx(-0.1 - math.hypot(0.8 - after.low, before.high - 0.9))
    assert film["change_high"] == pytest.approx(-0.1 + math.hypot(after.high - 0.8, 0.9 - before.low))


def test_the_worst_group_of_a_finding_is_that_of_the_later_run_and_has_texts_enough(warehouse):
    row = "{} | word | film | {} | name | {} | 1 | 0.5 | 1.5 | 1 | 1 | 1 | 0.1"
    groups = [
        ("a", "day", "film", 20, 18), ("a", "day", "other", 20, 12), ("b", "day", "film", 20, 19), ("b", "day", "other", 20, 4),
        ("b", "rare", "film", 9, 0), ("b", "rare", "other", 40, 30), ("b", "fine", "film", 30, 0),
    ]  # fmt: skip
    verdicts = lines(
        [row.format("a", "day", "spurious")], [row.format("b", "rare", "part")], [row.format("b", "fine", "genuine")]
    )
    insert_runs(warehouse, verdicts=verdicts, groups=lines(*groups))
    rows = warehouse.rows("compare/group_changes", **PAIR, min_texts=10)
    assert only(rows, "word", "label", "accuracy_before", "accuracy_after") == [
        ("day", "other", 0.6, 0.2), ("rare", "other", None, 0.75),
    ]  # fmt: skip
    assert rows[0]["change_low"] < rows[0]["change"] == pytest.approx(-0.4)
    assert rows[1]["change"] is None


def test_a_difference_of_data_and_model_is_split_over_the_four_runs(warehouse):
    """Accuracy 0.90 as it was; the new data cost 0.10 under the old model and 0.02 under the new one; the new model costs
    0.04 on the old data, so that both together cost 0.06."""
    facts = lines(
        ("run_id", "n_gold", "n_correct", "per_1000:double"),
        ("a", 100, 90, 10), ("b", 100, 84, 20), ("model", 100, 86, 16), ("data", 100, 80, 12),
    )  # fmt: skip
    row = "{} | word | film | day | name | spurious | {} | 0 | 0 | 1 | 1 | 1 | 0.1"
    effects = {"a": 1.0, "b": 2.0, "model": 1.5}
    insert_runs(warehouse, facts, verdicts=lines(*([row.format(run, effect)] for run, effect in effects.items())))
    params = {**PAIR, "model_alone": "model", "data_alone": "data"}
    rows = by(warehouse.rows("compare/split", **params), "figure")
    # The effect is unknown in one of the runs.
    assert rows.keys() == {"accuracy", "per_1000"}
    assert rows["accuracy"]["of_data"] == pytest.approx((-0.10 - 0.02) / 2)
    assert rows["accuracy"]["of_model"] == pytest.approx((-0.04 + 0.04) / 2)
    assert rows["accuracy"]["difference"] == pytest.approx(-0.06)
    assert rows["accuracy"]["interaction"] == pytest.approx(0.04 - -0.04)
    assert (rows["per_1000"]["of_data"], rows["per_1000"]["of_model"]) == (3, 7)
