"""Random corpora as plain Python, and the oracles that several tables share."""

import math
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

FILLING = {
    "n_occurrences": 1,
    "n_pieces": 1,
    "share": 0.5,
    "gradient_norm": 1.0,
    "gradient_x_input": 1.0,
    "contrast": 0.0,
}


MIN, PRIOR = 3, 4.0


LABELS = {True: ["a", "b"], False: ["a", "b", "c"]}


class Corpus:
    """Random examples with words of random frequency, as plain Python."""

    def __init__(self, seed, mirrored, num_examples=90, num_words=25):
        random = np.random.default_rng(seed)
        self.mirrored, self.labels = mirrored, LABELS[mirrored]
        size = len(self.labels)
        gold = random.integers(0, size, num_examples)
        predicted = np.where(random.random(num_examples) < 0.7, gold, random.integers(0, size, num_examples))
        self.gold = [self.labels[i] for i in gold]
        self.predicted = [self.labels[i] for i in predicted]
        self.group = [["train", "test", "dev"][i] for i in random.integers(0, 3, num_examples)]
        rate = random.random(num_words) ** 2
        self.rows = [
            ("bigram" if w % 5 == 4 else "word", i, f"w{w}", float(random.normal(w / num_words, 1 + w % 3)))
            for i, w in product(range(num_examples), range(num_words))
            if random.random() < rate[w]
        ]

    def insert(self, world):
        kinds, ids, words, scores = zip(*self.rows, strict=True)
        size = len(self.gold)
        tables = {
            "examples": {
                "example_id": range(size), "gold_label": self.gold, "predicted_label": self.predicted, "target_label": self.predicted,
                "converged": [True] * size,
            },
            "word_scores": {
                "kind": kinds, "example_id": ids, "word": words, "score": scores,
                **{name: [value] * len(ids) for name, value in FILLING.items()},
            },
            "example_slices": {"example_id": range(size), "slice": ["split"] * size, "value": self.group},
        }  # fmt: skip
        for name, columns in tables.items():
            world.connection.register(
                "incoming", pa.table({key: pa.array(list(value)) for key, value in columns.items()})
            )
            world.connection.execute(f"create or replace table {name} as from incoming")
            world.connection.unregister("incoming")
        world.insert("piece_occurrences", "example_id:bigint | piece:varchar | source_word:varchar")

    def scores(self, label, keep=lambda i: True):
        """(kind, word) -> scores towards `label`."""
        found = {}
        for kind, i, word, score in self.rows:
            if keep(i) and (self.mirrored or self.predicted[i] == label):
                found.setdefault((kind, word), []).append(score if self.predicted[i] == label else -score)
        return {key: np.array(values) for key, values in found.items() if len(values) >= MIN}

    def moderated(self, label, keep=lambda i: True):
        """(kind, word) -> (n, mean, standard error, degrees of freedom, typical score)."""
        found = {}
        scores = self.scores(label, keep)
        for kind in {kind for kind, _ in scores}:
            family = {key: values for key, values in scores.items() if key[0] == kind}
            typical_variance = np.median([values.var(ddof=1) for values in family.values()])
            typical = 0 if self.mirrored else np.median([values.mean() for values in family.values()])
            for key, values in family.items():
                n = len(values)
                variance = (PRIOR * typical_variance + (n - 1) * values.var(ddof=1)) / (n - 1 + PRIOR)
                found[key] = n, values.mean(), math.sqrt(variance / n), n - 1 + PRIOR, typical
        return found


CORPORA = list(product(range(4), (True, False)))


def families(rows, *keys):
    found = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(found.values())


def assert_benjamini_hochberg(rows, *keys):
    for family in families(rows, *keys):
        wanted = stats.false_discovery_control([row["p_value"] for row in family])
        np.testing.assert_allclose([row["q_value"] for row in family], wanted, rtol=1e-9)


def assert_student_p(row, t, degrees):
    # Wallace's approximation: DECISIONS and macros.sql state its bounds; 15 % out in the tail
    wanted = 2 * stats.t.sf(abs(t), degrees)
    assert row["p_value"] == pytest.approx(wanted, rel=0.15 if wanted > 1e-5 else 1)
