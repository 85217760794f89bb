"""Whether what one half of the texts convicts does the same in the other: `make benchmark-replication`.

Both splits of both datasets are cut in two halves by a hash, and each half is audited alone. Every spurious word of one
half is measured in the texts of the other, by code of its own (measured.py): where it stands, against other words of
its type (a content word against nothing), and put into texts that are read as another label, less other words at the
same places; the two arms combined. A word that stands in under eight texts there is measured in the slots of other
words of its type instead. A type is measured by insertion of its words less content words.

A word replicates if its effect has the same sign in the other half, with a 95 % interval above 0. `ratio` is the sum of
the effects in the other half over the sum of those that the audits report: under 1 by what choosing adds to them.
Prints a line for each word and writes tests/benchmarks/results/replication.json.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.audited import HALVES, SPLITS, Audited, audit_of, classifier_of, rows_of
from tests.benchmarks.measured import (
    Bench,
    Corpus,
    Network,
    StandIns,
    Trial,
    arguments,
    combined,
    effects_of,
    figures,
    interval,
    rng_of,
    share,
)

RESULTS = Path(__file__).parent / "results" / "replication.json"
FEWEST = 8


def replicated(
    audit: Audited, there: Audited, bench: Bench, network: Network, predicted: Sequence[str], most: int
) -> Iterator[dict[str, Any]]:
    """A row for each word that an audit convicts, measured in the texts of the other half."""
    for verdict in audit.convicted():
        row = {name: verdict[name] for name in ("kind", "label", "word", "type")}
        row |= {"dataset": audit.dataset, "split": audit.split, "half": audit.half, "first": verdict["effect"]}
        label, margin = verdict["label"], network.margin(verdict["label"])
        texts = [i for i, name in enumerate(bench.corpus.ids) if name in there.audited]
        rng_of("half", verdict["word"]).shuffle(texts)
        other_label = [i for i in texts if predicted[i] != label]
        if verdict["kind"] == "type":
            how, removal = "insertion", list[Trial]()
            words, neutral = (
                bench.stand_ins.whole_words(type_, there.stand_ins) for type_ in (verdict["word"], "content word")
            )
            insertion = bench.insertion(words, neutral, other_label, most) if words else []
        elif verdict["kind"] in ("word", "piece"):
            how, removal, insertion = arms(audit, verdict, bench, texts, other_label, most)
        else:
            yield row | {"how": "not measured", "n": 0}
            continue
        found = combined(interval(effects_of(removal, margin)), interval(effects_of(insertion, margin)))
        yield row | {
            "how": how,
            "n_removal": len(removal),
            "n_insertion": len(insertion),
            "second": figures(found),
            "n": found.n,
        }


def arms(
    audit: Audited, verdict: dict[str, Any], bench: Bench, texts: Sequence[int], other_label: Sequence[int], most: int
) -> tuple[str, list[Trial], list[Trial]]:
    """How a word is taken out of texts, its trials, and those of insertion."""
    key, within = (verdict["kind"], verdict["word"]), audit.expectations[verdict["type"]] == "none"
    others, _ = bench.stand_ins.near(key, verdict["type"], audit.stand_ins, speech=not within)
    how, removal = "held", bench.held(key, others if within else None, texts, most)
    if len(removal) < FEWEST:
        how = "swap-in" if within else "insertion"
        removal = bench.swap_in(key, verdict["type"], others, texts, most) if within else []
    return how, removal, bench.insertion([key], others, other_label, most)


def summarized(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = sum(row["first"] for row in rows)
    return {
        "n": len(rows),
        "share_replicated": share([row["second"]["low"] > 0 for row in rows]),
        "ratio": sum(row["second"]["effect"] for row in rows) / first if first else None,
    }


def written(rows: Sequence[dict[str, Any]], path: Path) -> dict[str, Any]:
    whole = [row for row in rows if row["n"] >= FEWEST]
    found = {
        "summary": summarized(whole),
        "by_type": {type_: summarized([row for row in whole if row["type"] == type_]) for type_ in sorted({row["type"] for row in whole})},
        "by_way": {how: summarized([row for row in whole if row["how"] == how]) for how in sorted({row["how"] for row in whole})},
        "n_not_measured": len(rows) - len(whole),
        "rows": list(rows),
    }  # fmt: skip
    path.write_text(json.dumps(found, indent=1) + "\n")
    return found


def main() -> None:
    given = arguments(__doc__).parse_args()
    rows: list[dict[str, Any]] = []
    for dataset in given.datasets:
        folder = classifier_of(dataset, given.models)
        network = Network(folder)
        corpus = Corpus.read(rows_of(dataset), network.pieces)
        predicted = [network.labels[i] for i in network.logits(corpus.texts).argmax(axis=1)]
        for split in SPLITS:
            halves = [audit_of(dataset, split, folder, half, given.sample) for half in HALVES]
            for audit, there in (halves, halves[::-1]):
                begun, before = time.perf_counter(), network.num_passes
                # A word has the type that its own audit gives it; the other half adds words that it has not.
                bench = Bench(StandIns(corpus, there.types | audit.types), network.pieces)
                for number, row in enumerate(replicated(audit, there, bench, network, predicted, given.texts)):
                    if number == given.words:
                        break
                    rows.append(row)
                    second = row.get("second")
                    then = (
                        f"{second['effect']:+.2f} [{second['low']:+.2f}, {second['high']:+.2f}]"
                        if row["n"] >= 3
                        else "none"
                    )
                    print(
                        f"{dataset}\t{split}\t{audit.half}\t{row['word']}\t{row['type']}\t{row['label']}\t{row['how']}\t"
                        f"{row['first']:+.2f} then {then} in {row['n']}",
                        flush=True,
                    )
                print(
                    f"{dataset}\t{split}\t{audit.half}\t{network.num_passes - before} passes\t{time.perf_counter() - begun:.0f} s",
                    flush=True,
                )
    found = written(rows, given.results or RESULTS)
    print(json.dumps({name: found[name] for name in ("summary", "by_type", "by_way", "n_not_measured")}, indent=1))


if __name__ == "__main__":
    main()
