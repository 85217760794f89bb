"""Harm of words by hand and against Fisher's exact test."""

import math

import numpy as np
import pytest
from scipy import stats

from tests.sql.aggregate.corpus import CORPORA, Corpus, assert_benjamini_hochberg


def test_minority_gap_is_newcombe_s_difference_among_the_other_label_s_examples(warehouse):
    warehouse.insert("examples", """
        example_id | gold_label | predicted_label | converged
        1          | b          | a               | true
        2          | b          | a               | true
        3          | b          | b               | true
        4          | b          | b               | true
        5          | b          | b               | true
        6          | a          | a               | true
        7          | b          | c               | false
    """)  # fmt: skip
    warehouse.insert("word_scores", """
        example_id | word | kind
        1          | x    | word
        2          | x    | word
        3          | x    | word
        6          | x    | word
        1          | all  | word
        2          | all  | word
        3          | all  | word
        4          | all  | word
        5          | all  | word
        4          | rare | word
        1          | x    | piece
    """)  # fmt: skip
    rows = warehouse.build("aggregate/minority_gap", min_examples=2)
    # towards a, the gold label is b: x in 1, 2, 3, of which 1, 2 are called a: 2/3; without x 0 of 2. `all` has nothing to compare with.
    low1, high1 = stats.binomtest(2, 3).proportion_ci(method="wilson")
    low2, high2 = stats.binomtest(0, 2).proportion_ci(method="wilson")
    # Fisher: both of the 2 pulled among the 3 of 5 that hold x: 3 choose 2 of 5 choose 2 = 3 / 10; harm 3 * 2 / 3 = 2
    assert rows == [{
        "kind": "word", "n_harmed": 2, "p_value": pytest.approx(0.3), "q_value": pytest.approx(0.3),
        "label": "a", "word": "x", "n_minority": 3, "n_pulled": 2, "gap": pytest.approx(2 / 3),
        "gap_low": pytest.approx(2 / 3 - math.hypot(2 / 3 - low1, high2 - 0)),
        "gap_high": pytest.approx(2 / 3 + math.hypot(high1 - 2 / 3, 0 - low2)),
    }]  # fmt: skip
    assert isinstance(rows[0]["n_pulled"], int)


@pytest.mark.parametrize(("seed", "mirrored"), CORPORA)
def test_harm_is_fisher_s_exact_test(build, seed, mirrored):
    corpus = Corpus(seed, mirrored)
    rows = build(corpus, "minority_gap")
    assert_benjamini_hochberg(rows, "kind", "label")
    assert rows
    for row in rows:
        others = [i for i, gold in enumerate(corpus.gold) if gold != row["label"]]
        pulled = {i for i in others if corpus.predicted[i] == row["label"]}
        mine = {i for k, i, w, _ in corpus.rows if (k, w) == (row["kind"], row["word"])} & set(others)
        table = [[len(mine & pulled), len(mine - pulled)], [len(pulled - mine), len(others) - len(mine | pulled)]]
        assert row["p_value"] == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue, rel=1e-9)
        gap = table[0][0] / len(mine) - table[1][0] / (len(others) - len(mine))
        assert row["gap"] == pytest.approx(gap, rel=1e-9, abs=1e-12)
        assert row["n_harmed"] == max(round(len(mine) * gap), 0)


def test_beyond_200_examples_harm_is_within_2_percent_of_fisher_s_test(build):
    random = np.random.default_rng(0)
    corpus = Corpus(0, mirrored=True, num_examples=6000, num_words=2)
    corpus.rows = [("word", i, word, 0.0) for word, rate in (("x", 0.1), ("y", 0.3)) for i in range(6000) if random.random() < rate]  # fmt: skip
    rows = build(corpus, "minority_gap")
    assert min(row["n_minority"] for row in rows) > 200
    for row in rows:
        others = [i for i, gold in enumerate(corpus.gold) if gold != row["label"]]
        pulled = sum(corpus.predicted[i] == row["label"] for i in others)
        exact = stats.hypergeom.sf(row["n_pulled"] - 1, len(others), pulled, row["n_minority"])
        assert row["p_value"] == pytest.approx(exact, rel=0.02)
