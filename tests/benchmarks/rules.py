"""Whether bad labelling rules are dropped and good ones kept: `make benchmark-rules`, for `results/rules.json`.

Film reviews, labelled by 30 keywords, 15 of each label. Most are good: words that go with a label in the training texts
and mean it (VADER's valence), drawn by the seed. The others are bad: made-up names and everyday things, put into the
reviews. A bad keyword has a good one for its twin: it is put into as many texts, of which as many have its label. So no
count tells them apart, and only the bad ones mean nothing. Each copy trains a classifier on the rules' labels and audits
it. Of `drop` (or `narrow`): precision and recall. Of keywords that are added: whether the share of the label in
held-out texts of no audit is at least what the audit stated.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from configs.load import load_config
from flows.audit import audit
from flows.server import prefect_server
from tasks.text.folding import folded_surfaces
from tasks.text.words import word_spans
from tests.benchmarks.planted import wilson
from warehouse import open_warehouse

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "rules.json"
CACHE = ROOT / ".benchmarks" / "rules"
LABELS = ("negative", "positive")
NUM_RULES, NUM_BAD = 30, 6
MOST_TEXTS, FEWEST_TEXTS, FEWEST_RIGHT, VALENCE = 250, 18, 0.6, 1.0
BAD = ("kowalczyk", "wisniewski", "harrington", "umbrella", "bicycle", "curtain", "pavement", "drawer", "marmalade")
SPLITS = {"train": 6000, "test": 2400, "rest": 1600}


def words_of(texts: Sequence[str]) -> list[frozenset[str]]:
    """The words of each text, in lower case."""
    known = folded_surfaces(texts)
    return [frozenset(known[text[start:end]] for start, end in word_spans(text)) for text in texts]


def good_words(rows: Sequence[Mapping[str, str]], rng: random.Random) -> dict[str, tuple[str, int, int]]:
    """Words that go with a label: word -> label, training texts, those of them with the label."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    valence = SentimentIntensityAnalyzer().lexicon
    for row, words in zip(rows, words_of([row["text"] for row in rows]), strict=True):
        for word in words:
            counts[word][row["label"]] += 1
    found: dict[str, tuple[str, int, int]] = {}
    for label in LABELS:
        side = 1 if label == "positive" else -1
        fit = [
            word
            for word, own in sorted(counts.items())
            if FEWEST_TEXTS <= own.total() <= MOST_TEXTS
            and own[label] >= FEWEST_RIGHT * own.total()
            and side * valence.get(word, 0) >= VALENCE
        ]
        for word in rng.sample(fit, (NUM_RULES - NUM_BAD) // 2):
            found[word] = (label, counts[word].total(), counts[word][label])
    return found


def with_bad_words(
    rows: list[dict[str, str]], good: Mapping[str, tuple[str, int, int]], rng: random.Random
) -> dict[str, str]:
    """Put a bad keyword into the rows for each of some good ones, as often in each split; return word -> label."""
    used = {word for words in words_of([row["text"] for row in rows]) for word in words}
    names = rng.sample([word for word in BAD if word not in used], NUM_BAD)
    by_label = {label: rng.sample([w for w, own in sorted(good.items()) if own[0] == label], NUM_BAD // 2) for label in LABELS}  # fmt: skip
    twins = [twin for own in by_label.values() for twin in own]
    num_train = sum(row["split"] == "train" for row in rows)
    found = {}
    for name, twin in zip(names, twins, strict=True):
        label, n, right = good[twin]
        for split in ("train", "test"):
            own = [i for i, row in enumerate(rows) if row["split"] == split]
            rate = len(own) / num_train
            for wanted, is_label in ((right, True), (n - right, False)):
                fit = [i for i in own if (rows[i]["label"] == label) == is_label]
                for i in rng.sample(fit, round(wanted * rate)):
                    words = rows[i]["text"].split(" ")
                    shown = name.capitalize() if name in BAD[:3] else name
                    words.insert(rng.randrange(1, len(words) + 1), shown)
                    rows[i] = {**rows[i], "text": " ".join(words)}
        found[name] = label
    return found


def made(number: int) -> tuple[Path, dict[str, str], list[dict[str, str]]]:
    """The config of a copy, its bad keywords with their labels, and its rows."""
    rng = random.Random(f"rules {number}")
    rows = pq.read_table(ROOT / "warehouse/seeds/movie_reviews.parquet", columns=["id", "text", "label"]).to_pylist()
    rng.shuffle(rows)
    splits = [split for split, n in SPLITS.items() for _ in range(n)]
    rows = [{**row, "split": split} for row, split in zip(rows, splits, strict=False)]
    good = good_words([row for row in rows if row["split"] == "train"], rng)
    bad = with_bad_words(rows, good, rng)
    folder = CACHE / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "reviews.parquet")
    keywords = {word: label for word, (label, _, _) in good.items()} | bad
    order = sorted(keywords)
    rng.shuffle(order)
    rules = [{"name": word, "label": keywords[word], "keywords": [word]} for word in order]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"rules": rules}, sort_keys=False), encoding="utf-8")
    config = {
        "name": f"rules-{number}", "warehouse": str(CACHE / "audits.duckdb"), "output": str(CACHE / "runs"),
        "models": str(CACHE / "models"),
        "data": {"path": str(folder / "reviews.parquet"), "id": "id", "where": {"split": "test"}},
        "finetune": {"where": {"split": "train"}, "rules": str(folder / "rules.yaml"), "epochs": 3, "seed": number},
        "attribution": {"gradients": 4},
    }  # fmt: skip
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path, bad, rows


def judged(number: int) -> dict[str, Any]:
    """What the audit of a copy proposes, beside what was planted."""
    path, bad, rows = made(number)
    run = audit(path)
    with open_warehouse(load_config(path).warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        proposals = warehouse.rows("report/rule_proposals", {})
        verdicts = {(row["word"], row["label"]): row for row in warehouse.rows("report/export/verdicts", {})}
    dropped = {row["term"] for row in proposals if row["action"] in ("drop", "narrow")}
    rest = [row for row in rows if row["split"] == "rest"]
    words = words_of([row["text"] for row in rest])
    added = []
    for row in proposals:
        if row["action"] == "add":
            own = [text["label"] for text, has in zip(rest, words, strict=True) if row["term"] in has]
            # What the model reads is a stated share; a meaning is none.
            is_read = row["reason"][0]["rule"] == "proposal.add"
            stated = dict(row["reason"][0]["figures"])["read_low"] if is_read else None
            right = sum(label == row["label"] for label in own)
            added.append({"word": row["term"], "label": row["label"], "stated": stated, "n": len(own), "right": right})
    missed = {
        word: str(verdicts.get((word, label), {}).get("verdict", "not tried"))
        for word, label in bad.items()
        if word not in dropped
    }
    return {
        "seed": number, "bad": sorted(bad), "dropped": sorted(dropped), "right": sorted(dropped & bad.keys()),
        "wrong": sorted(dropped - bad.keys()), "missed": missed, "added": added,
    }  # fmt: skip


def summary_of(copies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    dropped, right, bad = (sum(len(copy[name]) for copy in copies) for name in ("dropped", "right", "bad"))
    # The upper bound of what is seen in few texts is compared: a share of 1 of 2 refutes nothing.
    added = [row for copy in copies for row in copy["added"] if row["n"] and row["stated"] is not None]
    held = sum(wilson(row["right"], row["n"])[1] >= row["stated"] for row in added)
    found = {"copies": len(copies), "bad": bad, "dropped": dropped, "right": right, "added": len(added), "held": held}
    for name, k, n in (("precision", right, dropped), ("recall", right, bad), ("added_held", held, len(added))):
        low, high = wilson(k, n) if n else (None, None)
        found |= {name: k / n if n else None, f"{name}_low": low, f"{name}_high": high}
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", nargs="*", type=int, default=list(range(5)))
    copies = []
    with prefect_server():
        for number in arguments.parse_args().seeds:
            copies.append(judged(number))
            print(json.dumps(copies[-1]), flush=True)
            results = {"summary": summary_of(copies), "copies": copies}
            RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for name, value in results["summary"].items():
        print(f"{name}\t{value}")


if __name__ == "__main__":
    main()
