"""Labels that are probably wrong: flipped on purpose, at random and by a word."""

import sys

import numpy as np
import pytest

from configs.errors import AuditError, DataError
from tasks.data.rows import Row
from tasks.remedies.doubts import out_of_fold, suspected, without_words

RNG = np.random.default_rng(0)
GOLD = np.arange(300) % 3
CENTRES = np.eye(6)[:3]


def vectors(gold):
    found = CENTRES[gold] + RNG.normal(0, 0.15, (len(gold), 6))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_flipped_labels_are_suspected_and_others_are_not():
    flipped = RNG.choice(300, 30, replace=False)
    labels = GOLD.copy()
    labels[flipped] = (labels[flipped] + 1) % 3
    # The model has a fourth label, which no text has.
    probability = out_of_fold(vectors(GOLD), labels, 4, seed=0)
    assert probability.sum(axis=1) == pytest.approx(1)
    assert not probability[:, 3].any()
    found = np.flatnonzero(suspected(labels, probability))
    assert len(np.intersect1d(found, flipped)) >= 28
    assert len(np.setdiff1d(found, flipped)) <= 3


def test_a_label_that_a_word_taught_is_suspected_only_without_the_word():
    """The word is one direction of the vectors, as an encoder has it."""
    held = np.flatnonzero(GOLD == 1)[:20]
    labels = GOLD.copy()
    labels[held] = 0
    without = vectors(GOLD)
    read = without.copy()
    read[held, 5] += 3
    shares = [out_of_fold(own, labels, 3, seed=0) for own in (read, without)]
    first = [np.argsort(share[np.arange(300), labels])[:20] for share in shares]
    assert [len(np.intersect1d(found, held)) for found in first] == [pytest.approx(0, abs=3), pytest.approx(20, abs=2)]
    flagged = [suspected(labels, share)[held].sum() for share in shares]
    assert flagged[0] <= 2
    assert flagged[1] >= 8


def test_words_go_in_any_letter_case_and_no_text_is_left_empty():
    def row(text, pair_start=None):
        return Row(0, "a", text, pair_start, 0, None)

    folded = {"A": "a", "Day": "day", "off": "off", "day": "day"}
    assert without_words(row("A Day off"), frozenset({"day"}), folded).text == "A off"
    assert without_words(row("Day"), frozenset({"day"}), folded).text == "Day"
    assert without_words(row("Day off\nday off", 8), frozenset({"day"}), folded) == ("off\noff", 4)


def test_a_label_with_one_text_ends_in_a_sentence():
    with pytest.raises(DataError, match="Of 3 texts with a label, 1 have the rarest"):
        out_of_fold(vectors(GOLD[:3]), [0, 0, 1], 2, seed=0)


def test_without_cleanlab_the_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(AuditError, match=r"pip install 'cleanlab>=2\.9,<3'"):
        suspected([0, 1], np.eye(2))
