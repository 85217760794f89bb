"""Predict the effect of a word from the effects of words of similar meaning, and how far off that may be.

Shape letters: N candidates, D width of a vector.
"""

from collections.abc import Sequence

import numpy as np

PENALTIES = tuple(10.0**power for power in np.arange(-2, 2.5, 0.5))

FAR_OUT = 3.0
"""Robust standard deviations from 0 at which effects are clipped before the regression."""

MEANING = 0.5
"""Weight of the zero-shot meaning beside the vectors, whose length is 1."""

TAIL = 0.9
"""Quantile of the absolute errors that sets the standard error, as the tail that counts."""

_NORMAL_TAIL = 1.6448536269514722
"""The same quantile of the absolute value of a standard normal variable."""


def expected_effects(
    vectors_ND: np.ndarray,
    effects_N: np.ndarray,
    labels: Sequence[int],
    words: Sequence[str],
    num_labels: int,
    meanings_N: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Predict each effect (N,) from all others, by ridge regression on the vectors of the words, one direction for each
    label; and the standard error (N,) of each prediction.

    The directions sum to 0 over the labels, so a word that pushes towards one pushes away from the rest: two candidates
    are as similar as their vectors, times -1 / (num_labels - 1) where their labels differ. A word that is a candidate
    for several labels is left out with all of them. The penalty is the one with the smallest squared error of these
    leave-one-out predictions, which have a closed form (Golub, Heath and Wahba 1979); predictions that are no better
    than 0 are 0.

    Effects are clipped at three robust standard deviations from 0: otherwise a few planted words with effects ten times
    as large would decide the whole regression, and explain each other.

    The standard error is that of a Gaussian process with the same kernel (Rasmussen and Williams 2006, 5.4.2): larger
    for a word far from all others. Its unit is set so that nine in ten of the words lie as far from their prediction as
    a normal variable would. The median would miss the tail of words that mean more than their neighbours; the mean of
    the squares would count what was planted.

    Args:
        vectors_ND: vectors of the words, each of length 1, less the mean of all words.
        effects_N: effect of each candidate on the log-odds of its label.
        labels: index of each candidate's label.
        words: the candidates.
        num_labels: of the model.
        meanings_N: zero-shot meaning of each candidate for its label (tasks/trials/meaning.py), if known.
    """
    own = np.array(labels)
    kernel_NN = vectors_ND @ vectors_ND.T * np.where(own[:, None] == own, 1.0, -1.0 / (max(num_labels, 2) - 1))
    if meanings_N is not None:
        kernel_NN = kernel_NN + MEANING**2 * np.outer(meanings_N, meanings_N)
    groups = [np.flatnonzero(np.array(words) == word) for word in dict.fromkeys(words)]
    most = FAR_OUT * 1.4826 * np.median(np.abs(effects_N))
    clipped_N = np.clip(effects_N, -most, most)
    best_N, spread_N, smallest = np.zeros(len(own)), np.ones(len(own)), float(clipped_N @ clipped_N)
    for penalty in PENALTIES:
        errors_N, variances_N = _left_out(kernel_NN, penalty, clipped_N, groups)
        if errors_N @ errors_N < smallest:
            best_N, smallest = clipped_N - errors_N, float(errors_N @ errors_N)
            spread_N = np.sqrt(variances_N)
    unit = np.quantile(np.abs(effects_N - best_N) / spread_N, TAIL) / _NORMAL_TAIL
    return best_N, unit * spread_N


def _left_out(
    kernel_NN: np.ndarray, penalty: float, effects_N: np.ndarray, groups: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Errors (N,) of the predictions without each group, and their variances (N,) in units of the noise's."""
    inverse_NN = np.linalg.inv(kernel_NN + penalty * np.eye(len(effects_N)))
    weights_N = inverse_NN @ effects_N
    errors_N, variances_N = np.empty(len(effects_N)), np.empty(len(effects_N))
    for group in groups:
        covariance = np.linalg.inv(inverse_NN[np.ix_(group, group)])
        errors_N[group] = covariance @ weights_N[group]
        variances_N[group] = np.diag(covariance) / penalty
    return errors_N, variances_N
