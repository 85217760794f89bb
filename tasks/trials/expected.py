"""Predict the effect of a word from the effects of words of similar meaning.

Shape letters: N candidates, D embedding width.
"""

from collections.abc import Sequence

import numpy as np

PENALTIES = tuple(10.0**power for power in np.arange(-2, 2.5, 0.5))

FAR_OUT = 5.0
"""Robust standard deviations from 0 at which effects are clipped, as in the verdicts."""


def expected_effects(
    vectors_ND: np.ndarray, effects_N: np.ndarray, labels: Sequence[int], words: Sequence[str], num_labels: int
) -> np.ndarray:
    """Predict each effect (N,) from all others, by ridge regression on the words' embeddings, one direction for each
    label.

    The directions sum to 0 over the labels, so a word that pushes towards one pushes away from the rest: two candidates
    are as similar as their embeddings, times -1 / (num_labels - 1) where their labels differ. A word that is a
    candidate for several labels is left out with all of them. The penalty is the one with the smallest squared error of
    these leave-one-out predictions, which have a closed form (Golub, Heath and Wahba 1979); predictions that are no
    better than 0 are 0.

    Effects are clipped at five robust standard deviations from 0: otherwise a few planted words with effects ten times
    as large would decide the whole regression.

    Args:
        vectors_ND: embeddings, each of length 1 and less the mean of all words of the vocabulary.
        effects_N: effect of each candidate on the log-odds of its label.
        labels: index of each candidate's label.
        words: the candidates.
        num_labels: of the model.
    """
    own = np.array(labels)
    kernel_NN = vectors_ND @ vectors_ND.T * np.where(own[:, None] == own, 1.0, -1.0 / (max(num_labels, 2) - 1))
    groups = [np.flatnonzero(np.array(words) == word) for word in dict.fromkeys(words)]
    most = FAR_OUT * 1.4826 * np.median(np.abs(effects_N))
    clipped_N = np.clip(effects_N, -most, most)
    best_N, smallest = np.zeros(len(own)), float(clipped_N @ clipped_N)
    for penalty in PENALTIES:
        inverse_NN = np.linalg.inv(kernel_NN + penalty * np.eye(len(own)))
        weights_N = inverse_NN @ clipped_N
        errors_N = np.empty(len(own))
        for group in groups:
            errors_N[group] = np.linalg.solve(inverse_NN[np.ix_(group, group)], weights_N[group])
        if errors_N @ errors_N < smallest:
            best_N, smallest = clipped_N - errors_N, float(errors_N @ errors_N)
    return best_N
