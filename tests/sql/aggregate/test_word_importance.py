"""Importance of words by hand, and against NumPy and SciPy in float64 on random corpora."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sql.aggregate.corpus import (
    CORPORA,
    PRIOR,
    Corpus,
    assert_benjamini_hochberg,
    assert_student_p,
)
from tests.sql.helpers import PROPERTY, by, only

FILLING = {
    "kind": "word",
    "n_occurrences": 1,
    "n_pieces": 1,
    "share": 0.5,
    "gradient_norm": 1.0,
    "gradient_x_input": 1.0,
    "contrast": 0.0,
}


NO_PIECES = "example_id:bigint | position | piece:varchar | source_word:varchar"


def importance(
    warehouse, examples, scores, labels=("a", "b"), mirrored=True, min_examples=2, prior_examples=7.0, pieces=NO_PIECES
):
    warehouse.insert("examples", examples)
    warehouse.insert("word_scores", scores, **FILLING)
    warehouse.insert("piece_occurrences", pieces)
    return warehouse.build(
        "aggregate/word_importance",
        labels=list(labels),
        mirrored=mirrored,
        min_examples=min_examples,
        prior_examples=prior_examples,
    )


TWO = """
    example_id | target_label | converged
    1          | a            | true
    2          | a            | true
    3          | b            | true
    4          | b            | false
"""


def test_importance_of_two_words_by_hand(warehouse):
    rows = importance(warehouse, TWO, """
        example_id | word | score
        1          | x    | 3.0
        3          | x    | -1.0
        1          | y    | 1.0
        2          | y    | -1.0
        2          | rare | 9.0
    """)  # fmt: skip
    # Towards a, x scores 3 and -(-1) = 1: mean 2, variance 2. y: mean 0, variance 2. Their median: 2. With prior 7:
    # (7 * 2 + 1 * 2) / (7 + 1) = 2; standard error sqrt(2 / 2) = 1; 8 degrees of freedom; 3 explained examples.
    half = stats.t.ppf(0.975, 8)
    p = 2 * stats.t.sf(2, 8)
    found = by(rows, "label", "word")
    assert list(found) == [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    x = found["a", "x"]
    assert x == {
        "label": "a", "word": "x", "kind": "word", "n_examples": 2, "mean_score": 2.0, "std_error": 1.0, "noise_share": 0.0,
        "rms": pytest.approx(math.sqrt(5)),  # of 3 and 1
        "ci_low": pytest.approx(2 - half, abs=1e-4), "ci_high": pytest.approx(2 + half, abs=1e-4),
        "p_value": pytest.approx(p, rel=0.003), "q_value": pytest.approx(2 * x["p_value"]),  # the smaller of two: p * 2 / 1
        "mean_share": 0.5, "document_frequency": 2 / 3, "impact": 4 / 3, "mean_gradient_x_input": 0.0,  # 1 and -1
        "mean_gradient_norm": 1.0, "pieces_per_word": 1.0, "n_words": 1, "source_words": None, "typical_score": 0.0,
        # Two means, 2 and 0, both with squared error 1: centre 1, Q = 1 + 1, tau2 = (2 - 1) / (2 - 2 / 2) = 1, half is kept:
        # 1 + (2 - 1) / 2, with variance 1 / 2 + 1 / 4 of the centre's, which is 1 / (1 / 2 + 1 / 2)
        "shrunk_score": pytest.approx(1.5), "shrunk_sd": pytest.approx(math.sqrt(0.75)),
        "lower_bound": pytest.approx(1.5 - 1.645 * math.sqrt(0.75)),
    }  # fmt: skip
    assert found["b", "x"] == {
        **x, "label": "b", "mean_score": -2.0, "ci_low": -x["ci_high"], "ci_high": -x["ci_low"], "impact": -4 / 3,
        "shrunk_score": pytest.approx(-1.5), "lower_bound": pytest.approx(-x["lower_bound"]),
    }  # fmt: skip
    assert found["a", "y"]["p_value"] == found["a", "y"]["q_value"] == pytest.approx(1)


def test_each_word_s_variance_is_drawn_towards_the_median_variance(warehouse):
    rows = importance(warehouse, TWO, """
        example_id | word | score
        1          | x    | 3.0
        2          | x    | 1.0
        1          | y    | 0.5
        2          | y    | 0.5
        1          | z    | 4.0
        2          | z    | 0.0
    """)  # fmt: skip
    # variances 2, 0 and 8, median 2; moderated and divided by 2 examples:
    # x (7 * 2 + 2) / 8 / 2 = 1; y (7 * 2 + 0) / 8 / 2 = 7/8; z (7 * 2 + 8) / 8 / 2 = 11/8
    squares = {row["word"]: row["std_error"] ** 2 for row in rows if row["label"] == "a"}
    assert squares == pytest.approx({"x": 1, "y": 7 / 8, "z": 11 / 8})


def test_with_three_labels_a_score_speaks_only_for_its_target(warehouse):
    rows = importance(warehouse, """
        example_id | target_label | converged
        1          | a            | true
        2          | a            | true
        3          | b            | true
        4          | c            | true
    """, """
        example_id | word | score
        1          | x    | 3.0
        2          | x    | 1.0
        3          | x    | -1.0
        4          | x    | 7.0
    """, labels=("a", "b", "c"), mirrored=False)  # fmt: skip
    # b and c have one example each: below min_examples
    assert only(rows, "label", "n_examples", "mean_score", "document_frequency", "impact") == [("a", 2, 2.0, 0.5, 1.0)]


def test_a_word_enters_at_exactly_min_examples(warehouse):
    scores = "\nexample_id | word | score\n1 | x | 1.0\n2 | x | 2.0\n1 | y | 1.0"
    assert {row["word"] for row in importance(warehouse, TWO, scores, min_examples=2)} == {"x"}
    assert importance(warehouse, TWO, scores, min_examples=3) == []


@pytest.mark.parametrize(("score", "p"), [(0.0, 1.0), (0.5, 0.0)])
def test_scores_without_any_variance_are_certain_unless_they_are_zero(warehouse, score, p):
    rows = importance(warehouse, TWO, f"\nexample_id | word | score\n1 | x | {score}\n2 | x | {score}")
    x = by(rows, "label", "word")["a", "x"]
    assert (x["mean_score"], x["ci_low"], x["ci_high"], x["p_value"], x["q_value"]) == (score, score, score, p, p)
    assert warehouse.rows("checks/word_importance__interval_holds_mean") == []


def test_a_model_whose_scores_are_all_zero_passes_the_checks(warehouse):
    scores = "\nexample_id | word | score | share:double\n1 | x | 0.0 | null\n2 | x | 0.0 | null"
    rows = importance(warehouse, TWO, scores)
    assert only(rows, "word", "mean_share", "impact", "p_value") == [("x", None, 0.0, 1.0)] * 2
    assert warehouse.rows("checks/word_importance__interval_holds_mean") == []


def test_one_example_gives_no_importance_and_no_association(warehouse):
    examples = "\nexample_id | target_label | gold_label | predicted_label | converged\n1 | a | a | a | true"
    assert importance(warehouse, examples, "\nexample_id | word | score\n1 | x | 1.0") == []
    assert warehouse.build("aggregate/label_association", labels=["a", "b"], min_examples=2, prior_examples=4.0) == []
    assert warehouse.build("aggregate/minority_gap", min_examples=2) == []


def test_no_explained_example_gives_empty_tables(warehouse):
    examples = "\nexample_id | target_label | gold_label | predicted_label | converged\n1 | a | a | a | false"
    assert (
        importance(
            warehouse,
            examples,
            "\nexample_id:bigint | word:varchar | score:double | kind:varchar | n_pieces:bigint | n_occurrences:bigint | share:double | gradient_norm:double | gradient_x_input:double",
        )
        == []
    )
    assert warehouse.build("aggregate/label_association", labels=["a", "b"], min_examples=2, prior_examples=4.0) == []
    assert warehouse.build("aggregate/minority_gap", min_examples=2) == []


def test_pieces_are_a_family_of_their_own_and_name_their_words_most_frequent_first(warehouse):
    rows = importance(warehouse, TWO, """
        example_id | kind  | word | score
        1          | word  | x    | 1.0
        2          | word  | x    | 1.5
        1          | piece | ta·  | 2.0
        2          | piece | ta·  | 2.5
    """, mirrored=False, labels=("a",), pieces="""
        example_id | position | piece | source_word
        1          | 1        | ta·   | tale
        1          | 2        | ta·   | tale
        1          | 3        | ta·   | tale
        1          | 4        | ta·   | tan
        2          | 1        | ta·   | tan
    """)  # fmt: skip
    # tan stands in two examples, tale three times in one
    assert only(rows, "kind", "word", "n_words", "source_words") == [
        ("word", "x", 1, None),
        ("piece", "ta·", 2, "tan, tale"),
    ]
    assert [row["q_value"] for row in rows] == [row["p_value"] for row in rows]  # one test in each family


@pytest.mark.slow
@PROPERTY
@given(
    scores=st.lists(st.lists(st.sampled_from([-2.0, 0.0, 1.0, 3.0]), min_size=2, max_size=5), min_size=1, max_size=8)
)
def test_q_values_of_importance_are_benjamini_and_hochberg_s_in_each_family(warehouse, scores):
    kinds = ["word" if unit % 3 else "piece" for unit in range(len(scores))]
    lines = [
        f"{i} | u{unit} | {value} | {kinds[unit]}"
        for unit, values in enumerate(scores)
        for i, value in enumerate(values)
    ]
    examples = "\nexample_id | target_label | converged\n" + "\n".join(f"{i} | a | true" for i in range(5))
    scored = "\nexample_id | word | score | kind\n" + "\n".join(lines)
    rows = importance(warehouse, examples, scored, labels=("a",), mirrored=False)
    assert len(rows) == len(scores)
    for kind in set(kinds):
        family = [row for row in rows if row["kind"] == kind]
        wanted = stats.false_discovery_control([row["p_value"] for row in family])
        np.testing.assert_allclose([row["q_value"] for row in family], wanted, rtol=1e-12)
    assert warehouse.rows("checks/word_importance__interval_holds_mean") == []


def test_with_three_labels_what_the_typical_word_gets_is_the_null(warehouse):
    """Means of 1, 2 and 6: the median 2 is what every word gets, so the word at 2 is not used at all."""
    examples = "example_id | target_label\n" + "\n".join(f"{i} | a" for i in range(6))
    warehouse.insert("examples", examples, converged=True)
    scores = {"low": (0.5, 1.5), "typical": (1.5, 2.5), "high": (5.5, 6.5)}
    lines = [
        f"{2 * k + j} | {word} | {score}"
        for k, (word, pair) in enumerate(scores.items())
        for j, score in enumerate(pair)
    ]
    warehouse.insert(
        "word_scores", "example_id | word | score\n" + "\n".join(lines),
        kind="word", n_occurrences=1, n_pieces=1, share=0.5, gradient_x_input=0.0, gradient_norm=1.0, contrast=0.0,
    )  # fmt: skip
    warehouse.insert("piece_occurrences", "example_id:bigint | piece:varchar | source_word:varchar")
    rows = warehouse.build(
        "aggregate/word_importance", labels=["a", "b", "c"], mirrored=False, min_examples=2, prior_examples=4
    )
    found = {row["word"]: row for row in rows}
    assert {row["typical_score"] for row in rows} == {2.0}
    assert found["typical"]["p_value"] == pytest.approx(1, abs=1e-6)
    # Variances are all 0.5, so moderated ones too: t = (6 - 2) / sqrt(0.5 / 2) = 8 with 5 degrees of freedom, p = 0.0005;
    # Wallace's approximation is off by a tenth out there.
    assert found["high"]["p_value"] == pytest.approx(2 * stats.t.sf(8, 5), rel=0.15)
    assert found["low"]["p_value"] == pytest.approx(2 * stats.t.sf(2, 5), rel=0.01)


def test_the_noise_of_a_word_s_mean_is_a_share_of_its_squared_standard_error(warehouse):
    rows = importance(warehouse, TWO, """
        example_id | word | score | contrast:double
        1          | x    | 3.0   | 0.5
        3          | x    | -1.0  | -0.5
        1          | y    | 1.0   | 9.0
        2          | y    | -1.0  | 9.0
    """)  # fmt: skip
    # As above, the standard error of both is 1. Noise of x: (0.25 + 0.25) / 2 ** 2 = 0.125; of y more than there is.
    assert {(row["word"], row["noise_share"]) for row in rows} == {("x", 0.125), ("y", 1.0)}
    rows = importance(
        warehouse, TWO, "example_id | word | score | contrast:double\n1 | x | 3.0 | null\n3 | x | -1.0 | null"
    )
    assert {row["noise_share"] for row in rows} == {None}


@pytest.mark.parametrize(("seed", "mirrored"), CORPORA)
def test_importance_and_its_shrinkage_are_numpy_s(build, seed, mirrored):
    corpus = Corpus(seed, mirrored)
    rows = build(corpus, "word_importance")
    assert_benjamini_hochberg(rows, "kind", "label")
    found = {(row["kind"], row["label"], row["word"]): row for row in rows}
    expected = {
        (k, label, w): figures for label in corpus.labels for (k, w), figures in corpus.moderated(label).items()
    }
    assert found.keys() == expected.keys()
    for kind, label in {key[:2] for key in expected}:
        words = [key for key in expected if key[:2] == (kind, label)]
        n, a, se, degrees, typical = (
            np.array(column, float) for column in zip(*(expected[key] for key in words), strict=True)
        )
        if len(words) == 1:
            assert found[words[0]]["shrunk_score"] == pytest.approx(a[0], rel=1e-9)
            continue
        # DerSimonian and Laird 1986
        v, w = se**2, 1 / se**2
        q = (w * (a - (w * a).sum() / w.sum()) ** 2).sum()
        tau2 = max(0, (q - (len(a) - 1)) / (w.sum() - (w**2).sum() / w.sum()))
        centre, centre_variance = (a / (tau2 + v)).sum() / (1 / (tau2 + v)).sum(), 1 / (1 / (tau2 + v)).sum()
        kept = tau2 / (tau2 + v)
        shrunk, sd = centre + kept * (a - centre), np.sqrt(kept * v + (1 - kept) ** 2 * centre_variance)
        bound = np.sign(shrunk - typical) * np.maximum(np.abs(shrunk - typical) - 1.645 * sd, 0)
        columns = {"n_examples": n, "mean_score": a, "std_error": se, "typical_score": typical, "shrunk_score": shrunk, "shrunk_sd": sd, "lower_bound": bound}  # fmt: skip
        for column, wanted in columns.items():
            np.testing.assert_allclose(
                [found[key][column] for key in words], wanted, rtol=1e-9, atol=1e-12, err_msg=column
            )
        for key, t, v in zip(words, (a - typical) / se, degrees, strict=True):
            if v >= 8:
                assert_student_p(found[key], t, v)


def test_one_word_is_not_shrunk_and_constant_scores_are_sure(build):
    corpus = Corpus(0, mirrored=True)
    corpus.rows = [("word", i, "x", 1.0 if corpus.predicted[i] == "a" else -1.0) for i in range(5)]
    for row in build(corpus, "word_importance"):
        sign = 1 if row["label"] == "a" else -1
        assert (row["mean_score"], row["shrunk_score"], row["shrunk_sd"], row["lower_bound"]) == (sign, sign, 0, sign)


@pytest.mark.parametrize(("seed", "mirrored"), CORPORA)
def test_label_association_is_numpy_s(build, seed, mirrored):
    corpus = Corpus(seed, mirrored)
    rows = build(corpus, "label_association")
    assert_benjamini_hochberg(rows, "kind", "label")
    assert {row["kind"] for row in rows} == {"word", "bigram"}
    for row in rows:
        mine = [i for k, i, w, _ in corpus.rows if (k, w) == (row["kind"], row["word"])]
        n, k = len(mine), sum(corpus.gold[i] == row["label"] for i in mine)
        size, share = len(corpus.gold), corpus.gold.count(row["label"]) / len(corpus.gold)
        pairs = [corpus.gold[i] == row["label"] for kind, i, *_ in corpus.rows if kind == row["kind"]]
        rate = (k + PRIOR * share) / (n + PRIOR)
        # Monroe et al. 2008 with the counts of the corpus as the prior: a = n, a0 = all pairs
        with_label, with_others = k + n, n - k + n
        d = math.log(with_label / (sum(pairs) + len(pairs) - with_label)) - math.log(
            with_others / (len(pairs) - sum(pairs) + len(pairs) - with_others)
        )
        wanted = {
            "n_examples": n, "n_label": k, "shrunken_rate": rate, "pmi": math.log(rate / share),
            "lmi": 0 if k == 0 else k / size * math.log(k / n / share), "dirichlet_log_odds": d,
            "dirichlet_z": d / math.sqrt(1 / with_label + 1 / with_others), "z": (k / n - share) / math.sqrt(share * (1 - share) / n),
        }  # fmt: skip
        assert {name: row[name] for name in wanted} == pytest.approx(wanted, rel=1e-9, abs=1e-12)
