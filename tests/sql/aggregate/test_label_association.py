"""Association of words with labels by hand and against SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sql.helpers import PROPERTY, by


def association(warehouse, examples, scores, labels=("a", "b"), min_examples=2, prior_examples=4.0):
    warehouse.insert("examples", examples, target_label="a", predicted_label="a")
    warehouse.insert("word_scores", scores, kind="word")
    rows = warehouse.build(
        "aggregate/label_association", labels=list(labels), min_examples=min_examples, prior_examples=prior_examples
    )
    assert warehouse.rows("checks/label_association__rates_add_up") == []
    return rows


def test_label_association_by_hand(warehouse):
    rows = association(warehouse, """
        example_id | gold_label | converged
        1          | a          | true
        2          | a          | true
        3          | b          | true
        4          | b          | true
        5          | b          | false
    """, """
        example_id | word
        1          | x
        2          | x
        1          | all
        2          | all
        3          | all
        4          | all
    """)  # fmt: skip
    found = by(rows, "label", "word")
    x = found["a", "x"]
    # share of a 2 / 4; shrunken rate (2 + 4 * 0.5) / (2 + 4) = 2 / 3, log-odds ln 2 - ln 1; z = 0.5 / sqrt(0.25 / 2) = sqrt 2
    p = 2 * stats.norm.sf(math.sqrt(2))
    low, high = stats.binomtest(2, 2).proportion_ci(method="wilson")
    # pmi ln(2/3 / 1/2); lmi 2 / 4 * ln(1 / (1/2)). Label a has 2 + 2 of 6 pairs, the others 2; the prior adds 2 of x and 6 in
    # all to each side: x has 2 + 2 against 4 + 6 - 4 and 0 + 2 against 2 + 6 - 2, so ln(4 / 6) - ln(2 / 6) = ln 2
    assert x == {
        "kind": "word", "label": "a", "word": "x", "n_examples": 2, "n_label": 2, "label_rate": 1.0, "label_share": 0.5,
        "rate_low": pytest.approx(low), "rate_high": pytest.approx(high), "log_odds": pytest.approx(math.log(2)),
        "shrunken_rate": pytest.approx(2 / 3), "pmi": pytest.approx(math.log(4 / 3)), "lmi": pytest.approx(math.log(2) / 2),
        "dirichlet_log_odds": pytest.approx(math.log(2)), "dirichlet_z": pytest.approx(math.log(2) / math.sqrt(1 / 4 + 1 / 2)),
        "z": pytest.approx(math.sqrt(2)), "p_value": pytest.approx(p, rel=2e-7), "q_value": pytest.approx(2 * p, rel=2e-7),
    }  # fmt: skip
    # no example of x has label b: (0 + 2) / 6 = 1 / 3
    assert (found["b", "x"]["n_label"], found["b", "x"]["log_odds"]) == (0, pytest.approx(-math.log(2)))
    # a word of every example says nothing
    assert (found["a", "all"]["label_rate"], found["a", "all"]["z"], found["a", "all"]["log_odds"]) == (0.5, 0.0, 0.0)
    assert found["a", "all"]["p_value"] == pytest.approx(1)


def test_where_all_have_one_label_no_word_is_associated(warehouse):
    examples = "example_id | gold_label | converged\n1 | a | true\n2 | a | true"
    assert association(warehouse, examples, "example_id | word\n1 | x\n2 | x") == []


def test_association_of_three_labels_leaves_out_the_one_nobody_has(warehouse):
    rows = association(warehouse, """
        example_id | gold_label | converged
        1          | a          | true
        2          | b          | true
        3          | c          | true
        4          | c          | true
    """, "example_id | word\n1 | x\n3 | x\n4 | x", labels=("a", "b", "c", "d"))  # fmt: skip
    # z of c: (2/3 - 1/2) / sqrt(1/4 / 3) = 1/6 * sqrt(12)
    found = by(rows, "label")
    assert {label: (row["n_label"], row["label_share"]) for label, row in found.items()} == {
        "a": (1, 0.25),
        "b": (0, 0.25),
        "c": (2, 0.5),
    }
    assert found["c"]["z"] == pytest.approx(math.sqrt(12) / 6)


@pytest.mark.slow
@PROPERTY
@given(words=st.lists(st.sets(st.integers(0, 7), min_size=2), min_size=1, max_size=8), n_a=st.integers(1, 7))
def test_q_values_of_association_are_benjamini_and_hochberg_s(warehouse, words, n_a):
    examples = "example_id | gold_label | converged\n" + "\n".join(
        f"{i} | {'a' if i < n_a else 'b'} | true" for i in range(8)
    )
    scores = "example_id | word\n" + "\n".join(
        f"{i} | w{word}" for word, members in enumerate(words) for i in sorted(members)
    )
    rows = association(warehouse, examples, scores)
    for label in "ab":
        family = [row for row in rows if row["label"] == label]
        assert len(family) == len(words)
        wanted = stats.false_discovery_control([row["p_value"] for row in family])
        np.testing.assert_allclose([row["q_value"] for row in family], wanted, rtol=1e-12)
