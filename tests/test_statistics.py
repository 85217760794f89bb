"""The corpus statistics against NumPy and SciPy in float64, on random tables and at their edges."""

import hashlib
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


@pytest.fixture
def build(warehouse):
    def built(corpus, *names, **params):
        corpus.insert(warehouse)
        settled = {
            "labels": corpus.labels,
            "mirrored": corpus.mirrored,
            "min_examples": MIN,
            "prior_examples": PRIOR,
            **params,
        }
        return [warehouse.build(f"aggregate/{name}", **settled) for name in names][-1]

    return built


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


# ---------------------------------------------------------------- chi-square


@pytest.mark.parametrize(
    ("x", "degrees"), list(product([0.0, 1e-9, 0.3, 1.0, 4.0, 30.0, 200.0], [1, 2, 3, 4, 7, 12, 25]))
)
def test_the_chi_square_tail_is_scipy_s(warehouse, x, degrees):
    (found,) = warehouse.connection.execute("select chi_square_p($x, $v)", {"x": x, "v": degrees}).fetchone()
    assert found == pytest.approx(stats.chi2.sf(x, degrees), rel=1.3e-7 if degrees % 2 else 1e-9)


# ---------------------------------------------------------------- importance


@pytest.mark.parametrize(("seed", "mirrored"), CORPORA)
def test_importance_and_its_shrinkage_are_numpy_s(build, seed, mirrored):
    corpus = Corpus(seed, mirrored)
    rows = build(corpus, "word_importance")
    assert_benjamini_hochberg(rows, "kind", "label")
    found = {(row["kind"], row["label"], row["word"]): row for row in rows}
    expected = {
        (k, label, w): figures for label in corpus.labels for (k, w), figures in corpus.moderated(label).items()
    }
    assert found.keys() == expected.keys()
    for kind, label in {key[:2] for key in expected}:
        words = [key for key in expected if key[:2] == (kind, label)]
        n, a, se, degrees, typical = (
            np.array(column, float) for column in zip(*(expected[key] for key in words), strict=True)
        )
        if len(words) == 1:
            assert found[words[0]]["shrunk_score"] == pytest.approx(a[0], rel=1e-9)
            continue
        # DerSimonian and Laird 1986
        v, w = se**2, 1 / se**2
        q = (w * (a - (w * a).sum() / w.sum()) ** 2).sum()
        tau2 = max(0, (q - (len(a) - 1)) / (w.sum() - (w**2).sum() / w.sum()))
        centre, centre_variance = (a / (tau2 + v)).sum() / (1 / (tau2 + v)).sum(), 1 / (1 / (tau2 + v)).sum()
        kept = tau2 / (tau2 + v)
        shrunk, sd = centre + kept * (a - centre), np.sqrt(kept * v + (1 - kept) ** 2 * centre_variance)
        bound = np.sign(shrunk - typical) * np.maximum(np.abs(shrunk - typical) - 1.645 * sd, 0)
        columns = {"n_examples": n, "mean_score": a, "std_error": se, "typical_score": typical, "shrunk_score": shrunk, "shrunk_sd": sd, "lower_bound": bound}  # fmt: skip
        for column, wanted in columns.items():
            np.testing.assert_allclose(
                [found[key][column] for key in words], wanted, rtol=1e-9, atol=1e-12, err_msg=column
            )
        for key, t, v in zip(words, (a - typical) / se, degrees, strict=True):
            if v >= 8:
                assert_student_p(found[key], t, v)


def test_one_word_is_not_shrunk_and_constant_scores_are_sure(build):
    corpus = Corpus(0, mirrored=True)
    corpus.rows = [("word", i, "x", 1.0 if corpus.predicted[i] == "a" else -1.0) for i in range(5)]
    for row in build(corpus, "word_importance"):
        sign = 1 if row["label"] == "a" else -1
        assert (row["mean_score"], row["shrunk_score"], row["shrunk_sd"], row["lower_bound"]) == (sign, sign, 0, sign)


# ---------------------------------------------------------------- bootstrap


@pytest.mark.parametrize("seed", [0, 5])
def test_the_bootstrap_is_numpy_s_with_the_same_weights(build, seed):
    corpus, replicates, prime = Corpus(1, mirrored=True), 60, 2**31 - 1
    rows = build(
        corpus, "word_importance", "word_bootstrap",
        sure_q=0.9, bootstrap_words=12, bootstrap_examples=80, bootstrap_replicates=replicates, bootstrap_seed=seed,
    )  # fmt: skip
    assert len(rows) == 12
    cuts = [math.ceil(prime * stats.poisson.cdf(k, 1)) for k in range(12)]

    def number(replicate, power):
        # md5_number reads the digest as a little-endian integer
        return int.from_bytes(hashlib.md5(f"{seed}:{replicate}:{power}".encode()).digest(), "little") % prime

    def weight(i, replicate):
        c0, c1, c2, c3 = (number(replicate, power) for power in range(4))
        return int(np.searchsorted(cuts, (((c3 * i + c2) * i + c1) * i + c0) % prime, side="right"))

    weights = np.array([[weight(i, replicate) for i in range(len(corpus.gold))] for replicate in range(replicates)])
    assert weights.mean() == pytest.approx(1, abs=0.06)
    assert weights.var() == pytest.approx(1, abs=0.12)
    for row in rows:
        mine = [(i, s if corpus.predicted[i] == row["label"] else -s) for k, i, w, s in corpus.rows if (k, w) == (row["kind"], row["word"])]  # fmt: skip
        ids, scores = [i for i, _ in mine], np.array([s for _, s in mine])
        drawn = weights[:, ids]
        drawn = drawn[drawn.sum(axis=1) > 0]
        low, high = np.quantile((drawn * scores).sum(axis=1) / drawn.sum(axis=1), [0.025, 0.975])
        assert (row["boot_low"], row["boot_high"]) == (pytest.approx(low, rel=1e-9), pytest.approx(high, rel=1e-9))
        assert row["n_replicates"] == len(drawn)


# ---------------------------------------------------------------- labels, harm, quadrants


@pytest.mark.parametrize(("seed", "mirrored"), CORPORA)
def test_label_association_is_numpy_s(build, seed, mirrored):
    corpus = Corpus(seed, mirrored)
    rows = build(corpus, "label_association")
    assert_benjamini_hochberg(rows, "kind", "label")
    assert {row["kind"] for row in rows} == {"word", "bigram"}
    for row in rows:
        mine = [i for k, i, w, _ in corpus.rows if (k, w) == (row["kind"], row["word"])]
        n, k = len(mine), sum(corpus.gold[i] == row["label"] for i in mine)
        size, share = len(corpus.gold), corpus.gold.count(row["label"]) / len(corpus.gold)
        pairs = [corpus.gold[i] == row["label"] for kind, i, *_ in corpus.rows if kind == row["kind"]]
        rate = (k + PRIOR * share) / (n + PRIOR)
        # Monroe et al. 2008 with the counts of the corpus as the prior: a = n, a0 = all pairs
        with_label, with_others = k + n, n - k + n
        d = math.log(with_label / (sum(pairs) + len(pairs) - with_label)) - math.log(
            with_others / (len(pairs) - sum(pairs) + len(pairs) - with_others)
        )
        wanted = {
            "n_examples": n, "n_label": k, "shrunken_rate": rate, "pmi": math.log(rate / share),
            "lmi": 0 if k == 0 else k / size * math.log(k / n / share), "dirichlet_log_odds": d,
            "dirichlet_z": d / math.sqrt(1 / with_label + 1 / with_others), "z": (k / n - share) / math.sqrt(share * (1 - share) / n),
        }  # fmt: skip
        assert {name: row[name] for name in wanted} == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("seed", "mirrored"), CORPORA)
def test_harm_is_fisher_s_exact_test(build, seed, mirrored):
    corpus = Corpus(seed, mirrored)
    rows = build(corpus, "minority_gap")
    assert_benjamini_hochberg(rows, "kind", "label")
    assert rows
    for row in rows:
        others = [i for i, gold in enumerate(corpus.gold) if gold != row["label"]]
        pulled = {i for i in others if corpus.predicted[i] == row["label"]}
        mine = {i for k, i, w, _ in corpus.rows if (k, w) == (row["kind"], row["word"])} & set(others)
        table = [[len(mine & pulled), len(mine - pulled)], [len(pulled - mine), len(others) - len(mine | pulled)]]
        assert row["p_value"] == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue, rel=1e-9)
        gap = table[0][0] / len(mine) - table[1][0] / (len(others) - len(mine))
        assert row["gap"] == pytest.approx(gap, rel=1e-9, abs=1e-12)
        assert row["n_harmed"] == max(round(len(mine) * gap), 0)


def test_beyond_200_examples_harm_is_within_2_percent_of_fisher_s_test(build):
    random = np.random.default_rng(0)
    corpus = Corpus(0, mirrored=True, num_examples=6000, num_words=2)
    corpus.rows = [("word", i, word, 0.0) for word, rate in (("x", 0.1), ("y", 0.3)) for i in range(6000) if random.random() < rate]  # fmt: skip
    rows = build(corpus, "minority_gap")
    assert min(row["n_minority"] for row in rows) > 200
    for row in rows:
        others = [i for i, gold in enumerate(corpus.gold) if gold != row["label"]]
        pulled = sum(corpus.predicted[i] == row["label"] for i in others)
        exact = stats.hypergeom.sf(row["n_pulled"] - 1, len(others), pulled, row["n_minority"])
        assert row["p_value"] == pytest.approx(exact, rel=0.02)


def test_the_quadrants_join_what_the_labels_say_what_is_used_and_what_hurts(warehouse):
    warehouse.insert("label_association", """
        word | n_examples | log_odds | z    | q_value
        both | 9          | 1.0      | 3.0  | 0.01
        data | 9          | 1.0      | 3.0  | 0.01
        none | 9          | -1.0     | -3.0 | 0.01
        uses | 9          | 0.1      | 0.3  | 0.9
    """, kind="word", label="a")  # fmt: skip
    warehouse.insert("word_importance", """
        word | n_examples | mean_score | typical_score | lower_bound | q_value
        both | 9          | 1.0        | 0.0           | 0.5         | 0.01
        data | 9          | 1.0        | 0.0           | 0.0         | 0.5
        none | 9          | -1.0       | 0.0           | -0.5        | 0.01
        uses | 9          | 1.0        | 0.0           | 0.5         | 0.01
        ta·  | 9          | 1.0        | 0.0           | 0.5         | 0.01
    """, kind="word", label="a")  # fmt: skip
    warehouse.connection.execute("update word_importance set kind = 'piece' where word = 'ta·'")
    warehouse.insert("minority_gap", "word | gap | n_harmed | q_value\nuses | 0.5 | 4 | 0.01\nboth | -0.5 | 0 | 0.01", kind="word", label="a")  # fmt: skip
    rows = {row["word"]: row for row in warehouse.build("aggregate/quadrants", sure_q=0.05)}
    assert {word: (row["quadrant"], row["hurts"], row["n_harmed"]) for word, row in rows.items()} == {
        "both": ("used and correlated", False, 0), "data": ("correlated only", False, 0), "none": ("neither", False, 0),
        "uses": ("used only", True, 4),
    }  # fmt: skip


# ---------------------------------------------------------------- slices and corpora


@pytest.mark.parametrize(("seed", "mirrored"), CORPORA)
def test_slices_have_the_figures_of_their_own_examples_and_welch_s_difference(build, warehouse, seed, mirrored):
    corpus = Corpus(seed, mirrored, num_examples=240)
    differences = build(corpus, "slice_importance", "slice_difference")
    rows = warehouse.connection.sql("from slice_importance").to_arrow_table().to_pylist()
    assert_benjamini_hochberg(rows, "value", "kind", "label")
    assert_benjamini_hochberg(differences, "value", "kind", "label")
    figures = {}
    for value, label in product(sorted(set(corpus.group)), corpus.labels):
        for (kind, word), wanted in corpus.moderated(label, lambda i, value=value: corpus.group[i] == value).items():
            figures[value, kind, label, word] = wanted
    assert {(row["value"], row["kind"], row["label"], row["word"]) for row in rows} == figures.keys()
    for row in rows:
        wanted = figures[row["value"], row["kind"], row["label"], row["word"]]
        found = [row[name] for name in ("n_examples", "mean_score", "std_error", "degrees_of_freedom", "typical_score")]
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    for row in differences:
        key = row["kind"], row["label"], row["word"]
        others = [figures[(value, *key)] for value in set(corpus.group) - {row["value"]} if (value, *key) in figures]
        n, mean, se, degrees, typical = figures[(row["value"], *key)]
        weights = np.array([other[0] for other in others]) / sum(other[0] for other in others)
        difference = mean - typical - sum(w * (o[1] - o[4]) for w, o in zip(weights, others, strict=True))
        parts = [(se**2, degrees), *((w * w * o[2] ** 2, o[3]) for w, o in zip(weights, others, strict=True))]
        variance = sum(v for v, _ in parts)
        welch = variance**2 / sum(v * v / d for v, d in parts)
        assert [row[name] for name in ("n_examples", "difference", "std_error", "degrees_of_freedom")] == pytest.approx(
            [n, difference, math.sqrt(variance), welch], rel=1e-9, abs=1e-12
        )
        assert_student_p(row, difference / math.sqrt(variance), welch)


def test_the_labels_of_a_slice_are_its_own(build):
    corpus = Corpus(2, mirrored=False, num_examples=240)
    rows = build(corpus, "slice_association")
    assert_benjamini_hochberg(rows, "value", "kind", "label")
    for row in rows:
        here = [i for i, value in enumerate(corpus.group) if value == row["value"]]
        share = sum(corpus.gold[i] == row["label"] for i in here) / len(here)
        mine = [i for k, i, w, _ in corpus.rows if (k, w) == (row["kind"], row["word"]) and i in set(here)]
        k = sum(corpus.gold[i] == row["label"] for i in mine)
        assert (row["n_examples"], row["n_label"]) == (len(mine), k)
        z = (k / len(mine) - share) / math.sqrt(share * (1 - share) / len(mine))
        assert row["z"] == pytest.approx(z, rel=1e-9, abs=1e-12)


def test_stability_is_cochran_s_q_over_the_corpora_that_know_the_word(warehouse):
    columns = "corpus | word | n_examples | distance | std_error | low | high\n"
    warehouse.insert("here", columns + "data | x | 9 | 1.0 | 0.5 | 0.1 | 1.9\ndata | flip | 9 | 2.0 | 0.5 | 1.1 | 2.9\ndata | only | 9 | 1.0 | 0.5 | 0.1 | 1.9", kind="word", label="a")  # fmt: skip
    warehouse.insert("there", columns + "compare | x | 7 | 0.5 | 1.0 | -1.5 | 2.5\ncompare | flip | 7 | -2.0 | 0.5 | -2.9 | -1.1", kind="word", label="a")  # fmt: skip
    rows = {row["word"]: row for row in warehouse.build("aggregate/stability", corpora=["here", "there"])}
    # a word that one corpus lacks is not judged
    assert rows.keys() == {"x", "flip"}
    for word, (a, b, u, v) in {"x": (1.0, 0.5, 0.25, 1.0), "flip": (2.0, -2.0, 0.25, 0.25)}.items():
        # of two means Q is their squared difference over the sum of the variances
        q = (a - b) ** 2 / (u + v)
        assert rows[word]["q_stat"] == pytest.approx(q, rel=1e-9)
        assert rows[word]["p_value"] == pytest.approx(stats.chi2.sf(q, 1), rel=2e-7)
        assert rows[word]["i2"] == pytest.approx(max(0, 1 - 1 / q), rel=1e-9)
        assert (rows[word]["corpora"], rows[word]["mean_scores"]) == (["data", "compare"], [a, b])
        assert (rows[word]["n_examples"], rows[word]["degrees_of_freedom"]) == ([9, 7], 1)
    assert (rows["x"]["sign_flip"], rows["flip"]["sign_flip"]) == (False, True)
    assert_benjamini_hochberg(list(rows.values()), "kind", "label")
    assert warehouse.build("aggregate/stability", corpora=["here"]) == []


# ---------------------------------------------------------------- bigrams


def test_words_that_stand_together_are_a_pair_and_no_pair_crosses_a_mark_or_a_line(warehouse):
    texts = ["new york is big", "i like new york", "is new, york", "new\nyork like", "big is it", "like it"]
    lines, examples = [], []
    for i, text in enumerate(texts):
        start = 0
        examples.append({"example_id": i, "text": text, "converged": True})
        for word in text.replace(",", " ,").replace("\n", " \n ").split(" "):
            if word == "\n":
                continue
            start = text.index(word, start)
            lines.append({
                "example_id": i, "word_start": start, "word_end": start + len(word), "word": word, "n_pieces": 2, "score": float(len(lines)),
                "gradient_x_input": 1.0, "gradient_norm": 3.0 if word == "new" else 4.0, "contrast": 0.5,
                "starts_sentence": start == 0 or text[start - 1] == "\n",
            })  # fmt: skip
            start += len(word)
    for name, rows in (("examples", examples), ("word_occurrences", lines)):
        warehouse.connection.register("incoming", pa.Table.from_pylist(rows))
        warehouse.connection.execute(f"create table {name} as from incoming")
        warehouse.connection.unregister("incoming")
    rows = warehouse.build("aggregate/bigram_occurrences", min_examples=2, min_pmi=0.2)
    # new and york are in 4 of 6 texts each, together in 2: ln(2 * 6 / (4 * 4)) < 0.2; no pair of the others is there twice
    assert rows == []
    rows = warehouse.build("aggregate/bigram_occurrences", min_examples=2, min_pmi=-1)
    assert [(row["example_id"], row["word_start"], row["word"], row["score"]) for row in rows] == [
        (0, 0, "new york", 0.0 + 1.0), (1, 7, "new york", 6.0 + 7.0),
    ]  # fmt: skip
    assert {(row["n_pieces"], row["gradient_norm"], row["contrast"], row["n_pair"]) for row in rows} == {
        (4, 5.0, 1.0, 2)
    }
    assert [row["pmi"] for row in rows] == pytest.approx([math.log(2 * 6 / 16)] * 2)
    warehouse.insert("piece_occurrences", "example_id:bigint | piece:varchar | score:double | gradient_x_input:double | gradient_norm:double | contrast:double")  # fmt: skip
    scores = warehouse.build("aggregate/word_scores")
    assert [row["word"] for row in scores if row["kind"] == "bigram"] == ["new york"] * 2
    assert warehouse.rows("checks/word_scores__shares_add_up_to_1") == []
