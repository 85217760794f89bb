"""Verdicts on pairs and types, and the control over all findings of a run."""

import numpy as np
import pytest
from scipy import stats

from tests.sql.judge.made import evidence, verdicts_of

pytestmark = pytest.mark.slow

PAIRS = "word | partner | comparison | effect | other_effect | t | p_value | n_texts | n_others | flip_rate"
TYPES = "type | label | removal_effect | removal_se:double | n_removal | insertion_effect:double | insertion_se:double | n_insertion | n_examples | flip_rate | flip_se"


def pairs_on(warehouse, *pairs):
    """The rows of pairs of words that are judged together, each given by its figures and the types of its words."""
    words = {
        f"{word}{number}": kind
        for number, (_, *kinds) in enumerate(pairs)
        for word, kind in zip("xy", kinds, strict=True)
    }
    rows = [f"x{number} | y{number} | {row}" for number, (row, *_) in enumerate(pairs)]
    found = verdicts_of(warehouse, [evidence(word) for word in words], words, interactions="\n".join([PAIRS, *rows]))
    return [found["pair", f"x{number} … y{number}"] for number in range(len(pairs))]


def test_a_pair_is_judged_by_what_its_words_do_together(warehouse):
    cases = [
        ("presence | 2.0 | 0.0 | 9.0 | 0.001 | 8 | 8 | 0.5", "content word", "content word", "spurious"),
        ("order | 2.0 | 0.0 | 9.0 | 0.001 | 8 | 8 | 0.5", "content word", "content word", "spurious"),
        # Either direction.
        ("presence | -1.0 | 1.0 | -9.0 | 0.001 | 8 | 8 | 0.5", "content word", "name", "spurious"),
        ("order | 0.0 | 2.0 | -9.0 | 0.001 | 8 | 8 | 0.5", "content word", "name", "spurious"),
        # What the word does without the other is its own.
        ("presence | 0.0 | 2.0 | -9.0 | 0.001 | 8 | 8 | 0.5", "content word", "name", "unclear"),
        ("presence | -0.05 | 0.2 | -5.3 | 0.001 | 10 | 14 | 0.0", "content word", "content word", "unclear"),
        ("presence | 0.5 | 2.0 | -9.0 | 0.001 | 8 | 8 | 0.5", "content word", "content word", "unclear"),
        ("presence | 2.0 | 0.0 | 5.5 | 0.2 | 8 | 8 | 0.5", "content word", "content word", "unclear"),
        # For sure, and next to nothing.
        ("presence | 0.55 | 0.5 | 9.0 | 0.001 | 8 | 8 | 0.5", "content word", "content word", "unclear"),
        # These are there to work beside other words.
        ("presence | 2.0 | 0.0 | 9.0 | 0.001 | 8 | 8 | 0.5", "content word", ("function word", "negation"), "context-dependent"),
        ("presence | 2.0 | 0.0 | 9.0 | 0.001 | 8 | 8 | 0.5", "identity term", "content word", "unclear"),
        ("presence | 2.0 | 0.0 | 9.0 | 0.001 | 8 | 8 | 0.5", "content word", ("function word", "preposition"), "context-dependent"),
    ]  # fmt: skip
    found = pairs_on(warehouse, *(case[:3] for case in cases))
    assert [(*case[:3], row["verdict"]) for case, row in zip(cases, found, strict=True)] == cases
    assert all(
        row["rules"][0]["rule"] == f"interaction.{case[0].split(' |')[0]}"
        for case, row in zip(cases, found, strict=True)
    )


def test_the_effect_of_a_pair_is_the_difference_and_its_interval_student_s(warehouse):
    """Oracle: SciPy's interval of the difference of two samples of equal variance."""
    rng = np.random.default_rng(0)
    together, apart = rng.normal(2, 0.5, 9), rng.normal(0.5, 0.5, 7)
    test = stats.ttest_ind(together, apart)
    low, high = test.confidence_interval(0.95)
    figures = f"presence | {together.mean()} | {apart.mean()} | {test.statistic} | 0.001 | 9 | 7 | 0.25"
    (row,) = pairs_on(warehouse, (figures, "content word", "content word"))
    assert row["effect"] == pytest.approx(together.mean() - apart.mean())
    assert (row["effect_low"], row["effect_high"]) == (pytest.approx(low, rel=1e-4), pytest.approx(high, rel=1e-4))
    # The word stands in half of the texts, the partner in nine of sixteen of these; a quarter of them change.
    assert row["document_frequency"] == pytest.approx(0.5 * 9 / 16)
    assert row["per_1000"] == pytest.approx(1000 * 0.5 * 9 / 16 * 0.25)
    assert row["p_value"] == 0.001


def type_on(warehouse, *rows):
    types = "\n".join([TYPES, *rows])
    return verdicts_of(warehouse, [evidence("x")], {"x": "name"}, type_effects=f"{types}", fdr=0.05)


def test_a_type_is_judged_by_what_its_words_do_whichever_they_are(warehouse):
    cases = {
        "number": ("0.4 | 0.05 | 20 | 0.4 | 0.05 | 20", "spurious"),
        # Both arms must show it.
        "name": ("0.8 | 0.05 | 20 | 0.05 | 0.01 | 20", "unclear"),
        "place": ("0.05 | 0.01 | 20 | 0.8 | 0.05 | 20", "unclear"),
        "date": ("0.8 | 0.60 | 20 | 0.8 | 0.05 | 20", "unclear"),
        # Above 0 for sure; above min_effect not.
        "money": ("0.15 | 0.05 | 20 | 0.15 | 0.05 | 20", "unclear"),
        "link": ("0.02 | 0.02 | 20 | 0.02 | 0.02 | 20", "negligible"),
        "handle": ("-0.5 | 0.05 | 20 | -0.5 | 0.05 | 20", "unclear"),
    }
    found = type_on(warehouse, *(f"{kind} | a | {row} | 30 | 0.1 | 0.02" for kind, (row, _) in cases.items()))
    assert {kind: (row, found["type", kind]["verdict"]) for kind, (row, _) in cases.items()} == cases


def test_a_type_of_fewer_than_eight_texts_has_no_verdict(warehouse):
    counts = {"number": (7, 20), "name": (20, 7), "place": (0, 20), "date": (20, 0), "money": (8, 8)}
    found = type_on(
        warehouse,
        *(f"{kind} | a | 0.4 | 0.05 | {n} | 0.4 | 0.05 | {m} | 30 | 0.1 | 0.02" for kind, (n, m) in counts.items()),
    )
    assert [name for kind, name in found if kind == "type"] == ["money"]


def test_a_type_whose_words_may_decide_has_none_either(warehouse):
    row = type_on(warehouse, "function word | a | 0.4 | 0.05 | 20 | 0.4 | 0.05 | 20 | 30 | 0.1 | 0.02")
    assert row["type", "function word"]["p_value"] is None
    assert row["type", "function word"]["verdict"] != "spurious"


def test_the_label_of_a_type_is_the_one_it_pushes_towards_most_so_its_test_has_two_sides(warehouse):
    rows = [f"number | {label} | {own} | 0.1 | 20 | {own} | 0.1 | 20 | 30 | 0.1 | 0.02" for label, own in (("a", -0.3), ("b", 0.3))]  # fmt: skip
    found = type_on(warehouse, *rows)
    assert [label for (kind, _), row in found.items() if kind == "type" for label in [row["label"]]] == ["b"]
    row = found["type", "number"]
    # effect .3 with an error of .1 / sqrt 2
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(0.2 / (0.1 / 2**0.5), 19), rel=0.02)
    low, high = stats.t.interval(0.95, 19, 0.3, 0.1 / 2**0.5)
    assert (row["effect_low"], row["effect_high"]) == (pytest.approx(low, rel=1e-3), pytest.approx(high, rel=1e-3))
    # Thirty of a hundred texts hold one; in a tenth of them the prediction changes.
    assert row["per_1000"] == pytest.approx(30.0)
    assert row["per_1000_low"] == pytest.approx(300 * (0.1 - stats.t.ppf(0.975, 19) * 0.02), rel=1e-3)


@pytest.mark.parametrize("weak", ["removal", "insertion"])
def test_each_arm_of_a_type_has_a_test_of_two_sides(warehouse, weak):
    weaker, stronger = f"1.0 | {1 / stats.t.isf(0.03, 19)} | 20", "2.0 | 0.05 | 20"
    arms = [weaker, stronger] if weak == "removal" else [stronger, weaker]
    row = type_on(warehouse, f"number | a | {arms[0]} | {arms[1]} | 30 | 0.1 | 0.02")["type", "number"]
    assert row["p_value"] == pytest.approx(0.06, rel=0.02)
    assert row["verdict"] == "unclear"


# ---------------------------------------------------------------- all findings together


def test_the_false_discovery_rate_is_controlled_over_words_pieces_pairs_and_types_together(warehouse):
    """Oracle: SciPy's procedure of Benjamini and Hochberg on all p-values of the run."""
    errors = [1 / stats.t.isf(p, 15) for p in (1e-4, 0.004, 0.02, 0.03, 0.2, 0.5 - 1e-9)]
    rows = [evidence(f"n{i}", removal_se=error) for i, error in enumerate(errors)]
    rows += [evidence("di·", kind="piece", removal_se=1 / stats.t.isf(0.01, 15)), evidence("not"), evidence("the")]
    types = {row["word"]: "name" for row in rows}
    types |= {"di·": "fragment", "not": ("function word", "negation"), "the": ("function word", "determiner")}
    found = verdicts_of(
        warehouse, rows, types, interactions=f"{PAIRS}\nn0 | n1 | presence | 2.0 | 0.0 | 9.0 | 0.002 | 8 | 8 | 0.5",
        type_effects=f"{TYPES}\nnumber | a | 0.3 | 0.1 | 20 | 0.3 | 0.1 | 20 | 30 | 0.1 | 0.02",
    )  # fmt: skip
    tested = [row for row in found.values() if row["p_value"] is not None]
    # Six names, a piece, a pair and a type; not what is never judged.
    assert len(tested) == 9
    q_values = stats.false_discovery_control([row["p_value"] for row in tested])
    assert [row["q_value"] for row in tested] == pytest.approx(list(q_values))
    assert all((row["verdict"] == "spurious") == (row["q_value"] <= 0.05) for row in tested)
    assert len([row for row in tested if row["verdict"] == "spurious"]) in range(3, 8)
    assert found["word", "not"]["q_value"] is None


def test_one_small_p_value_among_many_large_ones_is_not_enough(warehouse):
    rows = [evidence("x", removal_se=1 / stats.t.isf(0.03, 15))]
    assert verdicts_of(warehouse, rows, {"x": "name"})["word", "x"]["verdict"] == "spurious"
    rows += [evidence(f"w{i}", removal=0.0) for i in range(5)]
    found = verdicts_of(warehouse, rows, {row["word"]: "name" for row in rows})["word", "x"]
    # Six tests: .03 times six.
    assert found["q_value"] == pytest.approx(0.18, rel=0.01)
    assert found["verdict"] == "unclear"
    assert "control.not_passed" in [fact["rule"] for fact in found["rules"]]
    # What cannot be tested is no test.
    rows = [*rows[:1], *(evidence(f"w{i}", removal=None) for i in range(5))]
    found = verdicts_of(warehouse, rows, {row["word"]: "name" for row in rows})["word", "x"]
    assert (found["q_value"], found["verdict"]) == (pytest.approx(0.03, rel=0.01), "spurious")
