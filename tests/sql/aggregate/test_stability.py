"""Words in several corpora against Cochran's Q."""

import pytest
from scipy import stats

from tests.sql.aggregate.corpus import assert_benjamini_hochberg


def test_stability_is_cochran_s_q_over_the_corpora_that_know_the_word(warehouse):
    columns = "corpus | word | n_examples | distance | std_error | low | high\n"
    warehouse.insert("here", columns + "data | x | 9 | 1.0 | 0.5 | 0.1 | 1.9\ndata | flip | 9 | 2.0 | 0.5 | 1.1 | 2.9\ndata | only | 9 | 1.0 | 0.5 | 0.1 | 1.9", kind="word", label="a")  # fmt: skip
    warehouse.insert("there", columns + "compare | x | 7 | 0.5 | 1.0 | -1.5 | 2.5\ncompare | flip | 7 | -2.0 | 0.5 | -2.9 | -1.1", kind="word", label="a")  # fmt: skip
    rows = {row["word"]: row for row in warehouse.build("aggregate/stability", corpora=["here", "there"])}
    # a word that one corpus lacks is not judged
    assert rows.keys() == {"x", "flip"}
    for word, (a, b, u, v) in {"x": (1.0, 0.5, 0.25, 1.0), "flip": (2.0, -2.0, 0.25, 0.25)}.items():
        # of two means Q is their squared difference over the sum of the variances
        q = (a - b) ** 2 / (u + v)
        assert rows[word]["q_stat"] == pytest.approx(q, rel=1e-9)
        assert rows[word]["p_value"] == pytest.approx(stats.chi2.sf(q, 1), rel=2e-7)
        assert rows[word]["i2"] == pytest.approx(max(0, 1 - 1 / q), rel=1e-9)
        assert (rows[word]["corpora"], rows[word]["mean_scores"]) == (["data", "compare"], [a, b])
        assert (rows[word]["n_examples"], rows[word]["degrees_of_freedom"]) == ([9, 7], 1)
    assert (rows["x"]["sign_flip"], rows["flip"]["sign_flip"]) == (False, True)
    assert_benjamini_hochberg(list(rows.values()), "kind", "label")
    assert warehouse.build("aggregate/stability", corpora=["here"]) == []
