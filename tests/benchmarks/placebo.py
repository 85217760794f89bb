"""Whether what audits call spurious does more than a placebo: `make benchmark-placebo`.

Both shared datasets, held-out and trained-on split: four audits. Every convicted word is measured again on texts that
its verdict did not rest on, against other words of its type that the audit did not use:

    swap-in    texts that hold another word of the type: that word replaced by the convicted one, less the mean of
               eight others in the same slot
    insertion  texts that are read as another label: the word at a fresh place, less eight others at that place

Words of types that should not decide make the summary, by both. Other words (content words) are measured by insertion
less words of their type of the same frequency and, roughly, part of speech. A type that was convicted: insertion of its
words less content words that the model does not use. Texts of the same split come first, then those of the other, then
those that were tried. Prints a line for each word and writes tests/benchmarks/results/placebo.json.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.audited import SPLITS, Audited, audit_of, classifier_of, seed_of
from tests.benchmarks.measured import (
    Bench,
    Corpus,
    Network,
    StandIns,
    arguments,
    effects_of,
    figures,
    interval,
    rng_of,
    share,
)

RESULTS = Path(__file__).parent / "results" / "placebo.json"
FEWEST = 8
"""Texts below which a word counts as not measured, not as refuted."""
MEASURES = ("swap_in", "insertion")


def measured(
    audit: Audited, bench: Bench, network: Network, predicted: Sequence[str], most: int
) -> Iterator[dict[str, Any]]:
    """A row for each convicted word, piece or type of an audit."""
    for verdict in audit.convicted():
        row = {name: verdict[name] for name in ("kind", "label", "word", "type")}
        row |= {"dataset": audit.dataset, "split": audit.split, "effect_of_the_audit": verdict["effect"]}
        if verdict["kind"] in ("word", "piece"):
            yield row | _word(audit, verdict, bench, network, predicted, most)
        elif verdict["kind"] == "type":
            yield row | _type(audit, verdict, bench, network, predicted, most)
        else:
            yield row | {"group": "not measured"}


def _word(
    audit: Audited, verdict: dict[str, Any], bench: Bench, network: Network, predicted: Sequence[str], most: int
) -> dict[str, Any]:
    key, label = (verdict["kind"], verdict["word"]), verdict["label"]
    within = audit.expectations[verdict["type"]] == "none"
    others, fresh = bench.stand_ins.near(key, verdict["type"], audit.stand_ins, speech=not within)
    texts = in_order(audit, bench.corpus, (key[0], label, key[1]))
    trials = {"insertion": bench.insertion([key], others, (i for i in texts if predicted[i] != label), most)}
    if within:
        trials["swap_in"] = bench.swap_in(key, verdict["type"], others, texts, most)
    tried = audit.texts.get((key[0], label, key[1]), frozenset())
    return {
        "group": "within type" if within else verdict["type"], "n_stand_ins": len(others), "n_unused_stand_ins": fresh,
        **{name: figures(interval(effects_of(own, network.margin(label)))) for name, own in trials.items()},
        "n_tried_texts": sum(bench.corpus.ids[trial.number] in tried for own in trials.values() for trial in own),
    }  # fmt: skip


def _type(
    audit: Audited, verdict: dict[str, Any], bench: Bench, network: Network, predicted: Sequence[str], most: int
) -> dict[str, Any]:
    """Words of the type against content words that are no candidates, neither used by the audit."""
    label, tried = verdict["label"], {(row["kind"], row["word"]) for row in audit.candidates}
    words, neutral = (
        [key for key in bench.stand_ins.whole_words(type_, audit.stand_ins) if key not in tried]
        for type_ in (verdict["word"], "content word")
    )
    texts = in_order(audit, bench.corpus, ("type", label, verdict["word"]))
    trials = bench.insertion(words, neutral, (i for i in texts if predicted[i] != label), most) if words else []
    return {
        "group": "type", "n_words": len(words), "insertion": figures(interval(effects_of(trials, network.margin(label))))
    }  # fmt: skip


def in_order(audit: Audited, corpus: Corpus, candidate: tuple[str, str, str]) -> list[int]:
    """All texts: those that the word was not tried on before the others, those of its split first."""
    tried = audit.texts.get(candidate, frozenset())
    numbers = list(range(len(corpus.ids)))
    rng_of("texts", candidate).shuffle(numbers)
    return sorted(numbers, key=lambda i: (corpus.ids[i] in tried, corpus.parts[i] != audit.split))


def passed(row: dict[str, Any], least: float = 0.0) -> bool:
    """Whether each of its intervals is above 0, and each effect at least so large."""
    own = [row[name] for name in MEASURES if name in row]
    return all(found["low"] > 0 and found["effect"] >= least for found in own)


def summarized(rows: Sequence[dict[str, Any]], least: float) -> dict[str, Any]:
    return {
        "n": len(rows),
        "both_above_zero": share([passed(row) for row in rows]),
        "both_above_min_effect": share([passed(row, least) for row in rows]),
    }


def is_measured(row: dict[str, Any]) -> bool:
    return row["group"] != "not measured" and all(row[name]["n"] >= FEWEST for name in MEASURES if name in row)


def written(rows: Sequence[dict[str, Any]], least: float, path: Path) -> dict[str, Any]:
    """The file, with what other scripts have put into its summary."""
    before = json.loads(path.read_text())["summary"] if path.is_file() else {}
    groups = sorted({row["group"] for row in rows} - {"not measured"})
    whole = [row for row in rows if is_measured(row)]
    by_group = {group: summarized([row for row in whole if row["group"] == group], least) for group in groups}
    own = by_group.get("within type", summarized([], least))
    by_type = {
        type_: summarized([row for row in whole if row["group"] == "within type" and row["type"] == type_], least)
        for type_ in sorted({row["type"] for row in whole if row["group"] == "within type"})
    }
    found = {
        "summary": before | own, "groups": by_group, "types": by_type, "min_effect": least,
        "not_measured": dict(Counter(f"{row['kind']}, {row['type']}" for row in rows if not is_measured(row))),
        "rows": list(rows),
    }  # fmt: skip
    path.write_text(json.dumps(found, indent=1) + "\n")
    return found


def told(row: dict[str, Any]) -> str:
    """A line for a word."""
    cells = [str(row[name]) for name in ("dataset", "split", "word", "type", "label")]
    cells.append(f"{row['effect_of_the_audit']:+.2f}")
    for name in MEASURES:
        if name in row and row[name]["n"]:
            own = row[name]
            ends = "no interval" if own["low"] is None else f"{own['low']:+.2f}, {own['high']:+.2f}"
            cells.append(f"{name} {own['effect']:+.2f} [{ends}] in {own['n']}")
    return "\t".join(cells)


def main() -> None:
    given = arguments(__doc__).parse_args()
    rows: list[dict[str, Any]] = []
    least = 0.1
    for dataset in given.datasets:
        folder = classifier_of(dataset, given.models)
        network = Network(folder)
        audits = [audit_of(dataset, split, folder, sample=given.sample) for split in SPLITS]
        corpus = Corpus.read(seed_of(dataset), network.pieces)
        predicted = [network.labels[i] for i in network.logits(corpus.texts).argmax(axis=1)]
        for audit in audits:
            least = audit.min_effect
            begun, before = time.perf_counter(), network.num_passes
            # A word has the type that its own audit gives it; the other split adds words that it has not.
            types = {key: type_ for other in (*audits, audit) for key, type_ in other.types.items()}
            bench = Bench(StandIns(corpus, types), network.pieces)
            for number, row in enumerate(measured(audit, bench, network, predicted, given.texts)):
                if number == given.words:
                    break
                rows.append(row)
                print(told(row), flush=True)
            print(
                f"{dataset}\t{audit.split}\t{network.num_passes - before} passes\t{time.perf_counter() - begun:.0f} s",
                flush=True,
            )
    found = written(rows, least, given.results or RESULTS)
    print(json.dumps({name: found[name] for name in ("summary", "groups", "types", "not_measured")}, indent=1))


if __name__ == "__main__":
    main()
