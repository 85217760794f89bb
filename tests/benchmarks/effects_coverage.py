"""Coverage of the 95 % intervals of effects: `make benchmark-effects`, after `make benchmark-placebo`.

Candidates of the four audits of placebo.py that stand in at least 60 texts of their dataset. The effect of each is
computed once in all of its texts (removal: for a word of a type that should not decide, against eight others in its
place; else against nothing) and in 1,000 texts that are read as another label (insertion, less four words of its type
at the same place, the same for all words of the type). Then audits are drawn from these: 16 texts of either arm, four
stand-ins in each, stopped early where the product would stop, the interval by Student's t, that of both arms together
by Welch. A word is inserted only where its removal shows the smallest effect that counts, as in the product. Coverage
is the share of intervals that hold the mean over all texts.

Texts are drawn without replacement, as an audit takes them, from as few as 60: an interval that knows nothing of that
is a little too wide. `with_replacement` is the coverage without this help. Prints a line for each kind and type, and
writes tests/benchmarks/results/effects_coverage.json.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tasks.trials.runner import FIRST, is_settled, may_be_spurious
from tests.benchmarks.audited import SPLITS, Audited, audit_of, classifier_of, seed_of
from tests.benchmarks.measured import (
    Bench,
    Corpus,
    Key,
    Network,
    StandIns,
    arguments,
    combined,
    interval,
    margins_of,
    rng_of,
    share,
)

RESULTS = Path(__file__).parent / "results" / "effects_coverage.json"
STANDS_IN = 60
"""Fewest texts of a candidate."""
POOL = 1200
"""Texts to put words into, for each label: more than are used, since the word itself stands in some."""
DRAWN = 4
"""Stand-ins of a text in an audit."""
ARMS = ("removal", "insertion", "combined")


class Rule(NamedTuple):
    """How an audit takes its texts."""

    most: int
    """Texts of an arm."""
    min_effect: float

    def stop(self, effects: Sequence[float]) -> int:
        """After how many of these texts the product would stop."""
        number = min(FIRST, len(effects))
        while number < len(effects) and not is_settled(effects[:number], self.min_effect):
            number = min(2 * number, len(effects))
        return number


class Candidate(NamedTuple):
    key: Key
    label: str
    type: str
    within: bool


class Population(NamedTuple):
    """Effects of a word in every text, less each stand-in (text, stand-in)."""

    removal: np.ndarray
    insertion: np.ndarray


def drawn(effects_NS: np.ndarray, rng: np.random.Generator, rule: Rule, *, replace: bool) -> list[float]:
    """The effects in the texts that an audit takes."""
    texts = rng.choice(len(effects_NS), min(rule.most, len(effects_NS)), replace=replace)
    num_stand_ins = effects_NS.shape[1]
    effects = [float(effects_NS[i, rng.permutation(num_stand_ins)[:DRAWN]].mean()) for i in texts]
    return effects[: rule.stop(effects)]


def coverage(population: Population, draws: int, rule: Rule, seed: int, *, replace: bool) -> dict[str, Any]:
    """Of each arm: whether each interval holds the truth; and the texts that an audit took."""
    truth = [float(effects_NS.mean()) for effects_NS in population]
    truths = dict(zip(ARMS, (*truth, sum(truth) / 2), strict=True))
    held: dict[str, list[bool]] = {arm: [] for arm in ARMS}
    texts: list[int] = []
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        removal, insertion = (drawn(effects_NS, rng, rule, replace=replace) for effects_NS in population)
        found = {"removal": interval(removal)}
        if may_be_spurious(removal, rule.min_effect):
            found |= {"insertion": interval(insertion)}
            found |= {"combined": combined(found["removal"], found["insertion"])}
        for arm, own in found.items():
            # Rounding: a word that does the same in every text has an interval of no width.
            held[arm].append(own.low - 1e-9 <= truths[arm] <= own.high + 1e-9)
        texts.append(len(removal) + (len(insertion) if "insertion" in found else 0))
    return {"held": held, "texts": float(np.mean(texts))}


def candidates_of(audits: Sequence[Audited], corpus: Corpus) -> list[Candidate]:
    """Words and pieces that were tried in either audit and stand in enough texts, once for each."""
    found: dict[Key, Candidate] = {}
    for audit in audits:
        for row in audit.candidates:
            key = (row["kind"], row["word"])
            if corpus.frequency(key) >= STANDS_IN:
                found.setdefault(
                    key, Candidate(key, row["label"], row["type"], audit.expectations[row["type"]] == "none")
                )
    return list(found.values())


class Effects:
    """The effects of any candidate in all texts of a dataset; placebos of a type are computed once."""

    def __init__(
        self, bench: Bench, network: Network, predicted: Sequence[str], most: int, num_insertions: int
    ) -> None:
        self.bench, self.network, self.most, self.num_insertions = bench, network, most, num_insertions
        self.order = list(range(len(predicted)))
        rng_of("order").shuffle(self.order)
        self.pools = {
            label: [i for i in self.order if predicted[i] != label][: num_insertions * POOL // 1000]
            for label in network.labels
        }
        self.placebos: dict[tuple[str, str, str], dict[int, np.ndarray]] = {}

    def of(self, candidate: Candidate) -> Population:
        others, _ = self.bench.stand_ins.near(candidate.key, candidate.type, frozenset())
        trials = self.bench.held(candidate.key, others if candidate.within else None, self.order, self.most)
        found = margins_of(trials, self.network.margin(candidate.label))
        # A text in which fewer stand-ins fit has some of them twice.
        width = max((len(absent) for _, absent in found), default=1)
        removal = np.array([present.mean() - np.resize(absent, width) for present, absent in found])
        return Population(removal, self._insertion(candidate))

    def _insertion(self, candidate: Candidate) -> np.ndarray:
        corpus, key = self.bench.corpus, candidate.key
        texts = [i for i in self.pools[candidate.label] if i not in corpus.places[key]][: self.num_insertions]
        versions = [corpus.with_word(i, self._place(i), self.bench.whole(key, rng_of("whole", key, i))) for i in texts]
        present_N = self.network.margin(candidate.label)(versions)
        placebos = self._placebos(candidate)
        return np.array([present - placebos[i] for present, i in zip(present_N, texts, strict=True)])

    def _placebos(self, candidate: Candidate) -> dict[int, np.ndarray]:
        """Margins of each text of the pool with each of its stand-ins."""
        kind, type_, label = candidate.key[0], candidate.type, candidate.label
        if (kind, type_, label) not in self.placebos:
            corpus, pool = self.bench.corpus, self.pools[label]
            words = [
                key
                for sort, keys in self.bench.stand_ins.words.items()
                if (sort.kind, sort.type) == (kind, type_)
                for key in keys
            ]
            versions = []
            for i in pool:
                rng = rng_of("placebo", kind, type_, i)
                drawn_words = rng.sample(words, min(DRAWN, len(words)))
                versions += [corpus.with_word(i, self._place(i), self.bench.whole(key, rng)) for key in drawn_words]
            margins = self.network.margin(label)(versions).reshape(len(pool), -1)
            self.placebos[kind, type_, label] = dict(zip(pool, margins, strict=True))
        return self.placebos[kind, type_, label]

    def _place(self, number: int) -> int:
        """One for each text, the same for every word."""
        return rng_of("place", self.bench.corpus.ids[number]).choice(self.bench.corpus.ends[number])


def rows_of(
    dataset: str, chosen: Sequence[Candidate], effects: Effects, given: Any, min_effect: float
) -> Iterator[dict[str, Any]]:
    for candidate in chosen:
        population = effects.of(candidate)
        if min(map(len, population)) < STANDS_IN:
            continue
        own, again = (
            coverage(population, given.draws, Rule(given.most, min_effect), number, replace=replace)
            for number, replace in enumerate((False, True))
        )
        yield {
            "dataset": dataset, "kind": candidate.key[0], "word": candidate.key[1], "label": candidate.label, "type": candidate.type,
            **{f"n_{arm}": len(found) for arm, found in zip(ARMS[:2], population, strict=True)},
            **{arm: float(found.mean()) for arm, found in zip(ARMS[:2], population, strict=True)},
            **{f"held{name}": {arm: [sum(flags), len(flags)] for arm, flags in one["held"].items()} for name, one in (("", own), ("_with_replacement", again))},
            "texts": own["texts"],
        }  # fmt: skip


def chosen_of(eligible: dict[str, list[Candidate]], number: int) -> dict[str, list[Candidate]]:
    """So many of all datasets together, drawn by their names."""
    every = [(dataset, candidate) for dataset, own in eligible.items() for candidate in own]
    rng_of("candidates").shuffle(every)
    kept = set(every[:number])
    return {
        dataset: [candidate for candidate in own if (dataset, candidate) in kept] for dataset, own in eligible.items()
    }


def summarized(rows: Sequence[dict[str, Any]], held: str = "held") -> dict[str, Any]:
    """Coverage of the intervals of removal and of insertion together, and of each arm."""
    numbers = {arm: [sum(row[held][arm][part] for row in rows) for part in (0, 1)] for arm in ARMS}
    both, n_intervals = (numbers["removal"][part] + numbers["insertion"][part] for part in (0, 1))
    return {
        "n": len(rows),
        "coverage": both / n_intervals if n_intervals else None,
        "n_intervals": n_intervals,
        **{f"coverage_{arm}": own / n if n else None for arm, (own, n) in numbers.items()},
    }


def written(rows: Sequence[dict[str, Any]], draws: int, path: Path) -> dict[str, Any]:
    found = {
        "summary": summarized(rows) | {"texts": float(np.mean([row["texts"] for row in rows])) if rows else None},
        "with_replacement": summarized(rows, "held_with_replacement"),
        **{
            f"{column}s": {own: summarized([row for row in rows if row[column] == own]) for own in sorted({row[column] for row in rows})}
            for column in ("dataset", "type")
        },
        "draws": draws, "share_of_candidates_below_85": share([any(own < 0.85 * n for own, n in row["held"].values()) for row in rows]),
        "rows": list(rows),
    }  # fmt: skip
    path.write_text(json.dumps(found, indent=1) + "\n")
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--most", type=int, default=16, help="texts of an arm that an audit takes at most")
    parser.add_argument("--insertions", type=int, default=1000, help="texts that make the truth of insertion")
    parser.set_defaults(texts=1000)
    given = parser.parse_args()
    begun = time.perf_counter()
    audits, networks, corpora, eligible = {}, {}, {}, {}
    for dataset in given.datasets:
        folder = classifier_of(dataset, given.models)
        networks[dataset] = Network(folder)
        audits[dataset] = [audit_of(dataset, split, folder, sample=given.sample) for split in SPLITS]
        corpora[dataset] = Corpus.read(seed_of(dataset), networks[dataset].pieces)
        eligible[dataset] = candidates_of(audits[dataset], corpora[dataset])
        print(f"{dataset}\t{len(eligible[dataset])} candidates in {STANDS_IN} texts or more", flush=True)
    rows: list[dict[str, Any]] = []
    for dataset, chosen in chosen_of(eligible, given.candidates).items():
        network, corpus = networks[dataset], corpora[dataset]
        predicted = [network.labels[i] for i in network.logits(corpus.texts).argmax(axis=1)]
        types = {key: type_ for audit in audits[dataset] for key, type_ in audit.types.items()}
        bench = Bench(StandIns(corpus, types), network.pieces)
        effects = Effects(bench, network, predicted, given.texts, given.insertions)
        for row in rows_of(dataset, chosen, effects, given, audits[dataset][0].min_effect):
            rows.append(row)
            print(
                f"{dataset}\t{len(rows)}\t{row['word']}\t{row['type']}\tremoval {row['removal']:+.2f} in {row['n_removal']}\t"
                f"insertion {row['insertion']:+.2f} in {row['n_insertion']}\theld {row['held']}\t{time.perf_counter() - begun:.0f} s",
                flush=True,
            )
    found = written(rows, given.draws, given.results or RESULTS)
    print(json.dumps({name: own for name, own in found.items() if name != "rows"}, indent=1))


if __name__ == "__main__":
    main()
