"""What few gradients a text do to the figures on words: `make benchmark`, after `make audit`.

The integrands of held-out reviews are computed on the dense grid of the pilot, so that the score of every word by any
rule, at any shift, is a sum over 33 numbers. Prints, for each number of gradients: how far word means are from those of
exact scores in units of their standard error, by how much the standard errors grow, how often the 95 % intervals of
random corpora (drawn with replacement, new shifts for every text) hold the mean of the whole population, and what the
parts say about the noise beside what it is. Before that, rules are compared at equal numbers of gradients. Writes tests/benchmarks/results/corpus.json.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from attribution import CACHE, THREADS, encoded, model, texts
from scipy.stats import t

from configs.attribution import AttributionConfig
from configs.schema import StatisticsConfig
from tasks.aggregate import PRIOR_EXAMPLES as PRIOR
from tasks.attribution.batches import engine_for, predict, target_ids
from tasks.attribution.pilot import dense_integrands, pilot_texts
from tasks.attribution.quadrature import quadrature
from tasks.attribution.warp import (
    SHIFTS,
    Density,
    Integrand,
    Rule,
    Warp,
    drawn,
    drawn_scores,
    fit_warp,
    grid,
    grid_weights,
    interpolation,
    nested,
    relative_error,
)
from tasks.model.load import load_classifier
from tasks.text.words import words_of_tokens

RESULTS = Path(__file__).parent / "results" / "corpus.json"
GRADIENTS = (2, 3, 4, 5, 6, 7, 8)
SEEDS = 20
MIN_EXAMPLES = StatisticsConfig().min_examples


def population(kind: str) -> tuple[list[Integrand], list[int]]:
    """Dense integrands of the texts, and the sign that turns them towards `positive`."""
    path = CACHE / f"dense-{kind}-{model().fingerprint[:12]}-{len(texts(kind))}.npz"
    pieces = encoded(kind)
    engine = engine_for(load_classifier(model()), AttributionConfig())
    logits = predict(engine, pieces)
    targets = target_ids(engine, logits, [0] * len(pieces))
    if path.is_file():
        with np.load(path) as stored:
            found = [Integrand(i, len(piece.ids), stored[f"arr_{i}"]) for i, piece in enumerate(pieces)]
    else:
        found = dense_integrands(engine, range(len(pieces)), pieces, targets, logits, "mask")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, *[text.values_GT for text in found])
    return found, [1 if target == 1 else -1 for target in targets]


def words_of(i: int) -> list[str | None]:
    text, piece = texts("short960")[i], encoded("short960")[i]
    spans, words = words_of_tokens(piece.offsets, piece.special, text)
    return [text[slice(*spans[word])].lower() if word >= 0 else None for word in words]


def interval(scores: np.ndarray, typical: float) -> tuple[float, float]:
    """Mean and half width as in warehouse/aggregate/word_importance.sql (moderated variance, Student's t)."""
    freedom = len(scores) - 1 + PRIOR
    variance = (PRIOR * typical + (len(scores) - 1) * scores.var(ddof=1)) / freedom
    return float(scores.mean()), float(t.ppf(0.975, freedom) * np.sqrt(variance / len(scores)))


def designs(kind: str) -> list[dict[str, object]]:
    """Token error of rules at the same number of gradients; the warp is fitted on every second of 64 texts, the others are judged."""
    integrands, _ = population(kind)
    chosen = pilot_texts(range(len(integrands)), [text.num_tokens for text in integrands], 0)
    fitted, judged = [integrands[i] for i in chosen[::2]], [integrands[i] for i in chosen[1::2]]
    warp = fit_warp(fitted)
    even = fit_warp([Integrand(0, 20, np.zeros((len(grid()), 1)))]).density(20)

    def warped(nodes: np.ndarray, weights: np.ndarray, density: Density) -> Rule:
        places = density.places(nodes)
        return Rule(places, weights / density.at(places), weights)

    def uncorrected(density: Density, num: int, shift: float) -> Rule:
        return warped((np.arange(num) + shift) / num, np.full(num, 1 / num), density)

    rows = []
    for num in (4, 6, 8, 10, 12, 16):
        rules: dict[str, Callable[[Density, float], Rule]] = {
            "gauss_legendre": lambda density, shift, num=num: warped(*quadrature("gauss_legendre", num), even),
            "midpoint": lambda density, shift, num=num: warped(*quadrature("midpoint", num), even),
            "warped gauss_legendre": lambda density, shift, num=num: warped(*quadrature("gauss_legendre", num), density),
            "warped midpoint": lambda density, shift, num=num: warped(*quadrature("midpoint", num), density),
            "nested (warped trapezoid)": lambda density, shift, num=num: nested(density, num),
            "random shift, warped": lambda density, shift, num=num: uncorrected(density, num, shift),
            "drawn (random shift, warped, ends corrected)": lambda density, shift, num=num: drawn(density, num, shift),
        }  # fmt: skip
        for name, rule_of in rules.items():
            errors, squares = [], []
            for text in judged:
                for shift in SHIFTS if "shift" in name else [0.5]:
                    rule = rule_of(warp.density(text.num_tokens), float(shift))
                    found = rule.weights_S @ (text.at(rule.places_S))
                    errors.append(relative_error(found, text.integral_T))
                    squares.append(((found - text.integral_T) ** 2).sum() / (text.integral_T**2).sum())
            row = {
                "texts": kind,
                "rule": name,
                "gradients": num,
                "p50": float(np.median(errors)),
                "p90": float(np.quantile(errors, 0.9)),
                "rms": float(np.sqrt(np.mean(squares))),
            }
            rows.append(row)
            print(
                f"{kind}\t{num}\t{name:<45}\tp50 {row['p50']:.3f}\tp90 {row['p90']:.3f}\trms {row['rms']:.3f}",
                flush=True,
            )
    return rows


def main() -> None:
    torch.set_num_threads(THREADS)
    compared = designs("short960") + designs("long")
    integrands, signs = population("short960")
    # A word's integrand in a text is the sum of those of its tokens: (word, G, sum).
    in_text: list[list[tuple[str, np.ndarray]]] = []
    for i, (text, sign) in enumerate(zip(integrands, signs, strict=True)):
        summed: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(grid_weights())))
        for place, word in enumerate(words_of(i)):
            if word is not None:
                summed[word] += sign * text.values_GT[:, place]
        in_text.append(list(summed.items()))
    chosen = pilot_texts(range(len(integrands)), [text.num_tokens for text in integrands], 0)
    warp = fit_warp([integrands[i] for i in chosen[::2]])
    grid = [np.stack([values for _, values in words], axis=1) for words in in_text]
    exact = [grid_weights() @ values for values in grid]
    holders: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for i, words in enumerate(in_text):
        for k, (word, _) in enumerate(words):
            holders[word].append((i, k))
    frequent = {word: places for word, places in holders.items() if len(places) >= MIN_EXAMPLES}
    truth = {word: float(np.mean([exact[i][k] for i, k in places])) for word, places in frequent.items()}
    spread = {word: float(np.std([exact[i][k] for i, k in places], ddof=1)) for word, places in frequent.items()}
    print(f"{len(integrands)} reviews, {len(frequent)} words in {MIN_EXAMPLES} or more, {SEEDS} seeds")
    rows = []
    for gradients in (None, *GRADIENTS):
        rng = np.random.default_rng(0)
        deviations, inflations, held, said, true = [], [], [], [], []
        factor = noise_factor(integrands, warp, chosen, gradients) if gradients else 0.0
        for _ in range(SEEDS):
            if gradients:
                once = [
                    scored(grid[i], warp, text.num_tokens, gradients, rng.random()) for i, text in enumerate(integrands)
                ]
                for word, places in frequent.items():
                    scores = np.array([once[i][0][k] for i, k in places])
                    error = spread[word] / np.sqrt(len(places))
                    if error > 0:
                        deviations.append(abs(scores.mean() - truth[word]) / error)
                        inflations.append(scores.std(ddof=1) / np.sqrt(len(places)) / error)
                said.append(np.mean([(factor * change) ** 2 for _, changes in once for change in changes]))
                true.append(
                    np.mean(
                        [
                            (a - b) ** 2
                            for (found, _), wanted in zip(once, exact, strict=True)
                            for a, b in zip(found, wanted, strict=True)
                        ]
                    )
                )
            drawn_texts = rng.integers(0, len(integrands), len(integrands))
            seen: dict[str, list[float]] = defaultdict(list)
            for i in drawn_texts:
                scores_W = exact[i]
                if gradients:
                    scores_W, _ = scored(grid[i], warp, integrands[i].num_tokens, gradients, rng.random())
                for k, (word, _) in enumerate(in_text[i]):
                    if word in frequent:
                        seen[word].append(float(scores_W[k]))
            samples = {word: np.array(scores) for word, scores in seen.items() if len(scores) >= MIN_EXAMPLES}
            typical = float(np.median([scores.var(ddof=1) for scores in samples.values()]))
            for word, scores in samples.items():
                mean, half = interval(scores, typical)
                held.append(abs(mean - truth[word]) <= half)
        rows.append({
            "gradients": gradients, "coverage": float(np.mean(held)), "intervals": len(held), "words": len(frequent),
            "word_error_in_se": float(np.median(deviations)) if deviations else 0.0, "se_inflation": float(np.median(inflations)) - 1 if inflations else 0.0,
            "predicted_over_true_noise": float(np.sqrt(np.mean(said) / np.mean(true))) if said else None,
        })  # fmt: skip
        row = rows[-1]
        ratio = (
            f", noise as the parts state it over the true one {row['predicted_over_true_noise']:.2f}" if said else ""
        )
        print(
            f"{gradients or 'exact'} gradients: word error {row['word_error_in_se']:.3f} SE, SE {row['se_inflation']:+.1%}, coverage {row['coverage']:.3f} of {row['intervals']}{ratio}",
            flush=True,
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"designs": compared, "corpus": rows}, indent=1) + "\n")


def scored(
    values_GW: np.ndarray, warp: Warp, num_tokens: int, gradients: int, shift: float
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a text's words by the drawn rule, and their difference to the coarser rule."""
    rule = drawn(warp.density(num_tokens), gradients, shift)
    values_SW = interpolation(rule.places_S) @ values_GW
    return rule.weights_S @ values_SW, (rule.weights_S - rule.coarse_S) @ values_SW


def noise_factor(integrands: list[Integrand], warp: Warp, chosen: list[int], gradients: int) -> float:
    """As the plan calibrates it: on the tokens of the pilot."""
    error = change = 0.0
    for i in chosen:
        text = integrands[i]
        for scores_T, change_T in drawn_scores(text, warp.density(text.num_tokens), gradients):
            error += float(((scores_T - text.integral_T) ** 2).sum())
            change += float((change_T**2).sum())
    return float(np.sqrt(error / change))


if __name__ == "__main__":
    main()
