"""Figures of slices, and Welch's difference between one and the others."""

import math
from itertools import product

import numpy as np
import pytest

from tests.sql.aggregate.corpus import CORPORA, Corpus, assert_benjamini_hochberg, assert_student_p


@pytest.mark.parametrize(("seed", "mirrored"), CORPORA)
def test_slices_have_the_figures_of_their_own_examples_and_welch_s_difference(build, warehouse, seed, mirrored):
    corpus = Corpus(seed, mirrored, num_examples=240)
    differences = build(corpus, "slice_importance", "slice_difference")
    rows = warehouse.connection.sql("from slice_importance").to_arrow_table().to_pylist()
    assert_benjamini_hochberg(rows, "value", "kind", "label")
    assert_benjamini_hochberg(differences, "value", "kind", "label")
    figures = {}
    for value, label in product(sorted(set(corpus.group)), corpus.labels):
        for (kind, word), wanted in corpus.moderated(label, lambda i, value=value: corpus.group[i] == value).items():
            figures[value, kind, label, word] = wanted
    assert {(row["value"], row["kind"], row["label"], row["word"]) for row in rows} == figures.keys()
    for row in rows:
        wanted = figures[row["value"], row["kind"], row["label"], row["word"]]
        found = [row[name] for name in ("n_examples", "mean_score", "std_error", "degrees_of_freedom", "typical_score")]
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    for row in differences:
        key = row["kind"], row["label"], row["word"]
        others = [figures[(value, *key)] for value in set(corpus.group) - {row["value"]} if (value, *key) in figures]
        n, mean, se, degrees, typical = figures[(row["value"], *key)]
        weights = np.array([other[0] for other in others]) / sum(other[0] for other in others)
        difference = mean - typical - sum(w * (o[1] - o[4]) for w, o in zip(weights, others, strict=True))
        parts = [(se**2, degrees), *((w * w * o[2] ** 2, o[3]) for w, o in zip(weights, others, strict=True))]
        variance = sum(v for v, _ in parts)
        welch = variance**2 / sum(v * v / d for v, d in parts)
        assert [row[name] for name in ("n_examples", "difference", "std_error", "degrees_of_freedom")] == pytest.approx(
            [n, difference, math.sqrt(variance), welch], rel=1e-9, abs=1e-12
        )
        assert_student_p(row, difference / math.sqrt(variance), welch)


def test_the_labels_of_a_slice_are_its_own(build):
    corpus = Corpus(2, mirrored=False, num_examples=240)
    rows = build(corpus, "slice_association")
    assert_benjamini_hochberg(rows, "value", "kind", "label")
    for row in rows:
        here = [i for i, value in enumerate(corpus.group) if value == row["value"]]
        share = sum(corpus.gold[i] == row["label"] for i in here) / len(here)
        mine = [i for k, i, w, _ in corpus.rows if (k, w) == (row["kind"], row["word"]) and i in set(here)]
        k = sum(corpus.gold[i] == row["label"] for i in mine)
        assert (row["n_examples"], row["n_label"]) == (len(mine), k)
        z = (k / len(mine) - share) / math.sqrt(share * (1 - share) / len(mine))
        assert row["z"] == pytest.approx(z, rel=1e-9, abs=1e-12)
