"""Which labels are probably wrong: confident learning on texts without the words that should not decide.

A label that a word taught looks right to whoever learned the word: confident learning (Northcutt et al. 2021) asks a
model that never saw the text, and that model has learned the word from the others. So the words are taken out first.

Shape letters: N texts, K labels, D width of a vector.
"""

from collections.abc import Sequence

import numpy as np

from configs.errors import AuditError, DataError
from tasks.data.rows import Row
from tasks.text.edits import Text, deleted
from tasks.text.words import word_spans

FOLDS = 5
_STRENGTH = 10.0
"""Of the logistic regression, scikit-learn's C: vectors of length 1 need large weights."""


def without_words(row: Row, words: frozenset[str], folded: dict[str, str]) -> Text:
    """The text of a row without these words, in lower case; `folded` has that of every surface. None is left empty."""
    spans = [span for span in word_spans(row.text) if folded[row.text[slice(*span)]] in words]
    found = deleted(Text(row.text, row.pair_start), spans)
    return found if found.text.strip() else Text(row.text, row.pair_start)


def out_of_fold(features_ND: np.ndarray, labels_N: Sequence[int], num_labels: int, seed: int) -> np.ndarray:
    """Probability of each label for each text (N, K), by logistic regressions that were fitted without it.

    Raises:
        AuditError: cleanlab is not installed, which brings scikit-learn.
        DataError: fewer than two labels have two texts or more.
    """
    require_cleanlab()
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    labels = np.asarray(labels_N)
    kinds, counts = np.unique(labels, return_counts=True)
    if len(kinds) < 2 or counts.min() < 2:
        raise DataError(
            f"Of {len(labels)} texts with a label, {int(counts.min()) if len(counts) else 0} have the rarest: to say "
            "which labels are wrong takes two labels with two texts each at least."
        )
    folds = StratifiedKFold(min(FOLDS, int(counts.min())), shuffle=True, random_state=seed)
    model = LogisticRegression(C=_STRENGTH, max_iter=1000)
    probability_NK = np.zeros((len(labels), num_labels))
    probability_NK[:, kinds] = cross_val_predict(model, features_ND, labels, cv=folds, method="predict_proba")
    return probability_NK


def suspected(labels_N: Sequence[int], probability_NK: np.ndarray) -> np.ndarray:
    """Whether each label is probably wrong (N): cleanlab's `prune_by_noise_rate`."""
    require_cleanlab()
    from cleanlab.filter import find_label_issues

    # Labels that no text has are none of cleanlab's classes.
    kinds, labels = np.unique(np.asarray(labels_N), return_inverse=True)
    found: np.ndarray = find_label_issues(labels, probability_NK[:, kinds], filter_by="prune_by_noise_rate", n_jobs=1)
    return found


def require_cleanlab() -> None:
    """Raises:
    AuditError: cleanlab is not installed.
    """
    try:
        import cleanlab.filter  # noqa: F401
    except ImportError as error:
        raise AuditError(
            "Labels that are probably wrong are found by cleanlab, which is not installed. "
            "Install it with `pip install 'cleanlab>=2.9,<3'`, then run the same command again."
        ) from error
