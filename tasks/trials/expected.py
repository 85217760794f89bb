"""Predict the effect of a word from the effects of words of similar meaning, and how far off that may be.

Shape letters: N words, M of them tried, D width of a vector, G groups of S words.
"""

from collections.abc import Sequence

import numpy as np

PENALTIES = tuple(10.0**power for power in np.arange(-2, 2.5, 0.5))

MEANING = 0.5
"""Weight of the zero-shot meaning beside the vectors, whose length is 1."""

CLOSE = 1.0
"""Zero-shot meaning, in standard deviations between the words, from which on a word is close to the name of its label:
closer than five words in six."""

TOPIC_SPREAD = 0.5
"""Standard error of what is expected of such a word, as a share of it."""

TAIL = 0.9
"""Quantile of absolute values that sets the scale: the median misses the few words that mean much, the mean of the
squares counts what was planted."""

_NORMAL_TAIL = 1.6448536269514722
"""The same quantile of the absolute value of a standard normal variable."""


def expected_effects(
    vectors_ND: np.ndarray,
    effects_N: np.ndarray,
    labels: Sequence[int],
    words: Sequence[str],
    num_labels: int,
    meanings_N: np.ndarray | None = None,
    topics_N: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Predict each effect (N,) from all others, by ridge regression on the vectors of the words, one direction for each
    label; and the standard error (N,) of each prediction. Words without an effect are predicted from all that have one.

    The directions sum to 0 over the labels, so a word that pushes towards one pushes away from the rest: two candidates
    are as similar as their vectors, times -1 / (num_labels - 1) where their labels differ. A word that is a candidate
    for several labels is left out with all of them. The penalty is the one with the smallest squared error of these
    leave-one-out predictions, which have a closed form (Golub, Heath and Wahba 1979); predictions that are no better
    than 0 are 0.

    Effects are clipped at the size that nine in ten do not exceed: otherwise a few planted words with effects ten times
    as large would decide the whole regression, and explain each other.

    The standard error is that of a Gaussian process with the same kernel (Rasmussen and Williams 2006, 5.4.2), larger
    for a word far from all others, times one of two units, whichever is larger: one for all, from the half of the words
    of which least is expected, and one in proportion to what is expected, from the other half, since a word that means
    much may do far more than its like. Both are set so that nine in ten of these words lie as close to their prediction
    as a normal variable would.

    Words that name a class are expected to act, however strongly: they set neither the clip, nor the penalty, nor the
    units. Of a word that is close to the name of its label, what those do is expected in proportion, if the regression
    says less: the median of their effect / (meaning - `CLOSE`), times its own meaning less `CLOSE`.

    Args:
        vectors_ND: vectors of the words, each of length 1, less the mean of all words.
        effects_N: effect of each candidate on the log-odds of its label; NaN where it was not tried.
        labels: index of each candidate's label.
        words: the candidates.
        num_labels: of the model.
        meanings_N: zero-shot meaning of each candidate for its label (tasks/trials/meaning.py), if known.
        topics_N: whether each candidate names its label (tasks/trials/topics.py).
    """
    tried_N = np.isfinite(effects_N)
    expected_N, spread_N = np.zeros(len(effects_N)), np.ones(len(effects_N))
    if not tried_N.any():
        return expected_N, np.zeros(len(effects_N))
    topics_N = np.zeros(len(effects_N), dtype=bool) if topics_N is None else topics_N
    topical_N = np.zeros(len(effects_N)) if meanings_N is None else _topical(effects_N, labels, meanings_N, topics_N)
    meanings_N = np.zeros(len(effects_N)) if meanings_N is None else MEANING * meanings_N
    other_M = ~topics_N[tried_N] if (~topics_N[tried_N]).any() else np.ones(int(tried_N.sum()), dtype=bool)
    own_N = np.array(labels)
    same_NM = np.where(own_N[:, None] == own_N[tried_N], 1.0, -1.0 / (max(num_labels, 2) - 1))
    kernel_NM = vectors_ND @ vectors_ND[tried_N].T * same_NM + np.outer(meanings_N, meanings_N[tried_N])
    size_N = (vectors_ND**2).sum(axis=1) + meanings_N**2
    effects_M, names_M = effects_N[tried_N], np.array(words)[tried_N]
    groups = [np.flatnonzero(names_M == word) for word in dict.fromkeys(names_M)]
    most = np.quantile(np.abs(effects_M[other_M]), TAIL)
    clipped_M = np.clip(effects_M, -most, most)
    best_M, smallest = np.zeros(len(effects_M)), float((clipped_M[other_M] ** 2).sum())
    for penalty in PENALTIES:
        inverse_MM = np.linalg.inv(kernel_NM[tried_N] + penalty * np.eye(len(effects_M)))
        errors_M, variances_M = _left_out(inverse_MM, penalty, clipped_M, groups)
        if (error := float((errors_M[other_M] ** 2).sum())) < smallest:
            best_M, smallest = clipped_M - errors_M, error
            expected_N = kernel_NM @ (inverse_MM @ clipped_M)
            told_N = (kernel_NM @ inverse_MM * kernel_NM).sum(axis=1)
            spread_N = np.sqrt(1 + (size_N - told_N) / penalty)
            spread_N[tried_N] = np.sqrt(variances_M)
    expected_N[tried_N] = best_M
    surprise_M = np.abs(effects_M - best_M) / spread_N[tried_N]
    order_M = np.flatnonzero(other_M)[np.argsort(np.abs(best_M[other_M]), kind="stable")]
    least, most_told = np.split(order_M, [(len(order_M) + 1) // 2])
    if not best_M.any():
        return _with_topics(expected_N, np.full(len(effects_N), _scale(surprise_M[other_M])), topical_N)
    unit_N = np.full(len(effects_N), _scale(surprise_M[least]))
    if len(most_told) and np.abs(best_M[most_told]).min() > 0:
        share = _scale(surprise_M[most_told] / np.abs(best_M[most_told]))
        unit_N = np.maximum(unit_N, share * np.abs(expected_N))
    return _with_topics(expected_N, unit_N * spread_N, topical_N)


def _topical(effects_N: np.ndarray, labels: Sequence[int], meanings_N: np.ndarray, topics_N: np.ndarray) -> np.ndarray:
    """What is expected of each word (N,) by how close it is to the name of its label; 0 where no word that names it was
    tried."""
    own_N, above_N = np.array(labels), np.maximum(meanings_N - CLOSE, 0.0)
    found_N = np.zeros(len(effects_N))
    for label in set(labels):
        named_N = (own_N == label) & topics_N & np.isfinite(effects_N) & (above_N > 0)
        if named_N.any():
            slope = max(float(np.median(effects_N[named_N] / above_N[named_N])), 0.0)
            found_N[own_N == label] = slope * above_N[own_N == label]
    return found_N


def _with_topics(expected_N: np.ndarray, errors_N: np.ndarray, topical_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    is_more_N = (topical_N > 0) & (topical_N > expected_N)
    return (
        np.where(is_more_N, topical_N, expected_N),
        np.where(is_more_N, np.hypot(errors_N, TOPIC_SPREAD * topical_N), errors_N),
    )


def _scale(absolute_M: np.ndarray) -> float:
    """Standard deviation of a normal variable whose absolute values have the same tail."""
    return float(np.quantile(absolute_M, TAIL)) / _NORMAL_TAIL


def _left_out(
    inverse_MM: np.ndarray, penalty: float, effects_M: np.ndarray, groups: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Errors (M,) of the predictions without each group, and their variances (M,) in units of the noise's."""
    weights_M = inverse_MM @ effects_M
    errors_M, variances_M = np.empty(len(effects_M)), np.empty(len(effects_M))
    # Groups of a size at once: nearly all are of one word, and there are thousands.
    for size in {len(group) for group in groups}:
        own_GS = np.array([group for group in groups if len(group) == size])
        covariances_GSS = np.linalg.inv(inverse_MM[own_GS[:, :, None], own_GS[:, None, :]])
        errors_M[own_GS] = (covariances_GSS @ weights_M[own_GS][:, :, None])[:, :, 0]
        variances_M[own_GS] = np.diagonal(covariances_GSS, axis1=1, axis2=2) / penalty
    return errors_M, variances_M
