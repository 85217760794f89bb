"""A grade for every word that the model uses, tried or not: how likely it is that it should not decide.

Shape letters: N words, F features.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tasks.trials.expected import expected_effects

WEIGHTS = np.array([2.0, 1.0, 0.7, 0.3])
"""Of a type other than content word, of the share, of the zero-shot meaning, and of how words of similar meaning act.
The last three as a logistic regression on evaluative words of film reviews gives them (tests/benchmarks/grade.py)."""

CONVINCING = 4.0
"""Standard errors by which an excess must exceed the smallest effect to count by half."""

FEW = 20
"""Tried words under which no effect is predicted."""

_RIDGE = 1.0


class Meant(NamedTuple):
    """What a word means to the encoder before fine-tuning."""

    vector: list[float]
    meaning: list[float] | None
    """Its zero-shot meaning for each label; None where it is not known."""


def grade_words(
    rows: Sequence[Mapping[str, Any]],
    meant: Mapping[str, Meant],
    labels: Sequence[str],
    min_effect: float,
    topics: Collection[tuple[str, str]] = (),
) -> list[dict[str, object]]:
    """A row for each word: what its effect is predicted to be, its meaning for its label, and its grade.

    The grade is 1 - (1 - w) (1 - x), in 0..1, large for a word that is likely spurious; it orders words, and is no
    share of them. Two things speak for it, and either is enough:

    - w = 1 / (1 + exp(-s)): the word does not look like one that should decide. s is the sum of minus the logarithm of
      its mean share of a text's scores, of its zero-shot meaning for the label, and of the effect that words of
      similar meaning have, each in standard deviations between the words and times its weight; and 2 if it is no
      content word.
    - x = Phi(z - 4), z = (excess - min_effect) / its standard error: it does far more than is expected of it. The
      effect is measured, else predicted from the attributions. 0 for a word of a type that is never judged.

    So a large share, as a strong planted word has, never acquits alone.

    Args:
        rows: of `judge/used_words`.
        meant: of words, what they mean; nothing of pieces.
        labels: of the model.
        min_effect: smallest effect that counts, in log-odds.
        topics: (label, word) of the words that name a class.
    """
    if not rows:
        return []
    effects_N = np.array([np.nan if row["effect"] is None else row["effect"] for row in rows], dtype=float)
    errors_N = np.array([np.nan if row["effect_se"] is None else row["effect_se"] for row in rows], dtype=float)
    predicted_N, half = predicted_effects(_features(rows), effects_N)
    tried_N = np.isfinite(effects_N)
    meaning_N = meanings_of_rows(rows, meant, labels)
    similar_N, similar_se_N = similar_effects(rows, meant, labels, effects_N, meaning_N, topics)
    ahead_N = _ahead(
        rows,
        np.where(tried_N, effects_N, predicted_N) - min_effect,
        np.where(tried_N, errors_N, half / 1.96),
        similar_N,
        similar_se_N,
    )
    weak_N = looks(rows, meaning_N, np.where(_has_vector(rows, meant), similar_N, np.nan)) @ WEIGHTS
    grade_N = 1 - (1 - 1 / (1 + np.exp(-weak_N))) * (1 - _phi(ahead_N - CONVINCING))
    columns = (predicted_N, predicted_N - half, predicted_N + half, meaning_N, grade_N)
    names = ("predicted_effect", "predicted_low", "predicted_high", "meaning", "grade")
    return [
        {
            **{name: row[name] for name in ("kind", "label", "word")},
            # A linear algebra library does not promise the last digits.
            **{name: round(float(x), 6) if math.isfinite(x) else None for name, x in zip(names, figures, strict=True)},
            "tried": bool(tried),
        }
        for row, tried, *figures in zip(rows, tried_N, *columns, strict=True)
    ]


def looks(rows: Sequence[Mapping[str, Any]], meaning_N: np.ndarray, similar_N: np.ndarray) -> np.ndarray:
    """What speaks against each word (N, 4) before it is tried: its type, a small share, another meaning, and words of
    similar meaning that do little; the last three in standard deviations, 0 where they are not known."""
    share_N = np.log([max(row["mean_share"] or 0.0, 1e-9) for row in rows])
    type_N = np.array([row["type"] != "content word" for row in rows], dtype=float)
    return np.column_stack([type_N, -_standardised(share_N), -_standardised(meaning_N), -_standardised(similar_N)])


def _ahead(
    rows: Sequence[Mapping[str, Any]],
    effect_N: np.ndarray,
    errors_N: np.ndarray,
    similar_N: np.ndarray,
    similar_se_N: np.ndarray,
) -> np.ndarray:
    """Standard errors by which each effect exceeds what is expected (N,); minus infinity where nothing is known, or
    the word is never judged. Nothing is expected of a type that should not decide."""
    judged_N = np.array([row["expectation"] != "none" for row in rows])
    never_N = np.array([row["expectation"] in ("exempt", "unknown") for row in rows])
    error_N = np.sqrt(errors_N**2 + np.where(judged_N, similar_se_N, 0.0) ** 2)
    known_N = np.isfinite(effect_N) & (error_N > 0) & ~never_N
    excess_N = effect_N - np.where(judged_N, similar_N, 0.0)
    found: np.ndarray = np.divide(excess_N, error_N, out=np.full(len(rows), -np.inf), where=known_N)
    return found


def predicted_effects(features_NF: np.ndarray, effects_N: np.ndarray) -> tuple[np.ndarray, float]:
    """The effect of each word (N,) from its attributions, by ridge regression on the tried ones, each of these left
    out; and half the width of a 95 % interval.

    The width is that of the leave-one-out errors (the jackknife interval of Barber et al. 2021). NaN for all
    where fewer than `FEW` words were tried.

    Args:
        features_NF: what attributions say.
        effects_N: in log-odds; NaN where a word was not tried.
    """
    tried_N = np.isfinite(effects_N)
    if tried_N.sum() < FEW:
        return np.full(len(effects_N), np.nan), math.nan
    centre_F, spread_F = features_NF[tried_N].mean(axis=0), features_NF[tried_N].std(axis=0)
    columns_NF = (features_NF - centre_F) / np.where(spread_F > 0, spread_F, 1.0)
    design_NG = np.hstack([np.ones((len(columns_NF), 1)), columns_NF])
    penalty_GG = _RIDGE * np.diag([0.0] + [1.0] * columns_NF.shape[1])
    known_MG, effects_M = design_NG[tried_N], effects_N[tried_N]
    inverse_GG = np.linalg.inv(known_MG.T @ known_MG + penalty_GG)
    predicted_N = design_NG @ (inverse_GG @ (known_MG.T @ effects_M))
    leverage_M = np.einsum("mg,gh,mh->m", known_MG, inverse_GG, known_MG)
    errors_M = (effects_M - predicted_N[tried_N]) / (1 - leverage_M)
    predicted_N[tried_N] = effects_M - errors_M
    return predicted_N, float(np.quantile(np.abs(errors_M), 0.95))


def _features(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    return np.array(
        [
            [
                row["mean_score"],
                row["mean_share"] or 0.0,
                math.log(row["document_frequency"]),
                row["expectation"] == "none",
                row["type"] == "function word",
                row["kind"] == "piece",
            ]
            for row in rows
        ],
        dtype=float,
    )


def meanings_of_rows(
    rows: Sequence[Mapping[str, Any]], meant: Mapping[str, Meant], labels: Sequence[str]
) -> np.ndarray:
    """The zero-shot meaning of each word for its own label (N,); NaN where it is not known."""
    own = [meant.get(row["word"]) if row["kind"] == "word" else None for row in rows]
    return np.array(
        [
            math.nan if word is None or word.meaning is None else word.meaning[labels.index(row["label"])]
            for row, word in zip(rows, own, strict=True)
        ]
    )


def _has_vector(rows: Sequence[Mapping[str, Any]], meant: Mapping[str, Meant]) -> np.ndarray:
    return np.array([row["kind"] == "word" and row["word"] in meant for row in rows])


def similar_effects(
    rows: Sequence[Mapping[str, Any]],
    meant: Mapping[str, Meant],
    labels: Sequence[str],
    effects_N: np.ndarray,
    meaning_N: np.ndarray,
    topics: Collection[tuple[str, str]] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """The effect (N,) that words of similar meaning have, and its standard error (N,); 0 and the largest standard error
    without a vector."""
    has_N = _has_vector(rows, meant)
    similar_N, se_N = np.zeros(len(rows)), np.zeros(len(rows))
    if not has_N.any():
        return similar_N, se_N
    own = [row for row, has in zip(rows, has_N, strict=True) if has]
    # A word whose type should not decide says nothing of what words mean.
    judged_N = np.array([row["expectation"] != "none" for row in rows])
    similar_N[has_N], se_N[has_N] = expected_effects(
        np.array([meant[row["word"]].vector for row in own]),
        np.where(judged_N, effects_N, np.nan)[has_N],
        [labels.index(row["label"]) for row in own],
        [row["word"] for row in own],
        len(labels),
        meaning_N[has_N] if np.isfinite(meaning_N[has_N]).all() else None,
        np.array([(row["label"], row["word"]) in topics for row in own]),
    )
    se_N[~has_N] = se_N.max()
    return similar_N, se_N


def _standardised(values_N: np.ndarray) -> np.ndarray:
    """In standard deviations from the mean of what is known; 0 for what is not."""
    known_N = values_N[np.isfinite(values_N)]
    if not len(known_N) or known_N.std() == 0:
        return np.zeros(len(values_N))
    found: np.ndarray = np.nan_to_num((values_N - known_N.mean()) / known_N.std())
    return found


def _phi(z_N: np.ndarray) -> np.ndarray:
    return np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in z_N])
