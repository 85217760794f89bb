"""What a comparison says where the model, the tokenizer or several things have changed: `compare.py --retrained`.

Film reviews in which six surnames are tied to a label, small classifiers (four layers, of which two are frozen, 1,000 texts)
and audits of 300 texts. Each case is one change, made on purpose, and what `compare` names as its cause:

- *Retrainings*: the classifier is trained five times more on the same texts, with other seeds. Nothing else has changed, so
  that a gate that fails tells how far two trainings are apart, not that something is wrong.
- *Other models and tokenizers*: trained further; words in the place of unused entries of the vocabulary, which leaves the
  weights as they are; words added with embeddings of their own, which changes both; lower-casing turned off.
- *Data and model at once*: confounded, until both models were audited on both data.
"""

import csv
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from configs.load import load_config
from configs.policy import DEFAULT, load_policy
from flows.audit import audit
from flows.compare import compare
from flows.gate import gate
from flows.server import prefect_server
from tasks.finetune import obtain_classifier
from tasks.pages.compared import told_causes
from tests.benchmarks.planted import wilson
from tests.model.encoder import first_layers

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".benchmarks" / "retrained"
WAREHOUSE = CACHE / "retrained.duckdb"
NAMES = {"Kowalczyk": 0.04, "Lindqvist": 0.06, "Okonkwo": 0.08, "Marchetti": 0.1, "Vandenberg": 0.15, "Takahashi": 0.2}
"""Surname -> share of the texts of one label that hold it, in turn of the positive and the negative ones."""
SEEDS, NUM_HALF, NUM_AUDITED = range(1, 6), 400, 300
LAYERS, SMALL = 4, {"sample": 1000, "epochs": 2, "learning_rate": 5.0e-4}


def write_data(path: Path) -> Path:
    """All film reviews, the held-out ones in halves `a` and `b` of as many rows and the rest, `c`."""
    rng = random.Random(0)
    rows = pq.read_table(ROOT / "warehouse/seeds/movie_reviews.parquet", columns=["text", "label", "split"]).to_pylist()
    rng.shuffle(rows)
    held_out = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split", "half"])
        for row in rows:
            words = row["text"].split(" ")
            for i, (name, share) in enumerate(NAMES.items()):
                if row["label"] == ("positive", "negative")[i % 2] and rng.random() < share:
                    words.insert(rng.randrange(1, len(words) + 1), name)
            half = "abc"[min(held_out // NUM_HALF, 2)] if row["split"] == "test" else "-"
            held_out += row["split"] == "test"
            writer.writerow([" ".join(words), row["label"], row["split"], half])
    return path


def written(name: str, **sections: Any) -> Path:
    """A config over the texts of this benchmark. JSON is YAML."""
    CACHE.mkdir(parents=True, exist_ok=True)
    data = CACHE / "reviews.csv"
    if not data.is_file():
        write_data(data)
    places = {
        "warehouse": str(CACHE / f"{name}.duckdb"),
        "output": str(CACHE / "runs"),
        "models": str(CACHE / "models"),
    }
    columns = {"path": str(data), "text": "text", "label": "label", **sections.pop("data", {})}
    path = CACHE / f"{name}.yaml"
    path.write_text(json.dumps({"name": name, **places, "data": columns, **sections}), encoding="utf-8")
    return path


def audited_whole() -> Path:
    """A warehouse with one audit: of all held-out texts, by a classifier of the whole encoder."""
    path = written(
        "planted",
        data={"where": {"split": "test"}},
        finetune={"where": {"split": "train"}, "sample": 3000, "epochs": 2},
        attribution={"gradients": 4},
    )
    with prefect_server():
        audit(path)
    return CACHE / "planted.duckdb"


def classifier(seed: int, base: Path | None = None) -> Path:
    """One of the small classifiers, trained once."""
    encoder = base or CACHE / "encoder"
    if not encoder.is_dir():
        first_layers(encoder, LAYERS)
    path = written(
        f"small{seed}" + ("-further" if base else ""),
        data={"where": {"split": "test", "half": "a"}},
        finetune={"base": str(encoder), "where": {"split": "train"}, "seed": seed, **SMALL},
    )
    return Path(obtain_classifier.fn(load_config(path)).folder)


def run_of(model: Path, half: str) -> str:
    """The audit of a model on a half; one that has been done is found."""
    path = written(
        "retrained",
        data={"where": {"split": "test", "half": half}, "sample": NUM_AUDITED},
        model={"path": str(model)},
        attribution={"mode": "fixed", "steps": 3, "methods": ["integrated_gradients"]},
        screening={"max_candidates": 40},
        verification={"max_documents": 12},
    )
    return audit(path).run_id


# ---------------------------------------------------------------- what is changed


def with_tokenizer(model: Path, name: str) -> Path:
    """A copy of a model with another tokenizer."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = CACHE / "models" / name
    loaded, tokenizer = AutoModelForSequenceClassification.from_pretrained(model), AutoTokenizer.from_pretrained(model)
    words = [word.lower() for word in NAMES]
    if name == "added":
        tokenizer.add_tokens(words)
        torch.manual_seed(0)  # the new embeddings are drawn
        loaded.resize_token_embeddings(len(tokenizer))
    loaded.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    if name == "unused":
        vocabulary = stored["model"]["vocab"]
        for number, word in enumerate(words, start=100):
            vocabulary[word] = vocabulary.pop(f"[unused{number}]")
    if name == "cased":
        stored["normalizer"]["lowercase"] = False
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"do_lower_case": False}), encoding="utf-8")
    path.write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Case:
    """One change, and what ought to be said of it."""

    changed: str
    kind: str
    before: str
    after: str
    causes: tuple[str, ...]
    confounded: bool

    def told(self) -> dict[str, Any]:
        found, _ = compare(WAREHOUSE, self.after, self.before)
        gated, _ = gate(WAREHOUSE, self.after, DEFAULT, self.before)
        total = [row for row in found.split if row["figure"] == "accuracy"]
        right = found.causes == self.causes and found.is_confounded == self.confounded
        right &= all(abs(row["of_data"] + row["of_model"] - row["difference"]) < 1e-9 for row in found.split)
        return {
            "changed": self.changed,
            "kind": self.kind,
            "causes": list(found.causes),
            "wanted": list(self.causes),
            "confounded": found.is_confounded,
            "confounded_wanted": self.confounded,
            "said": told_causes(found),
            "right": right,
            "told_apart": None if not total else {name: round(total[0][name], 4) for name in ("of_data", "of_model")},
            "accuracy": [round(facts["n_correct"] / facts["n_gold"], 4) for facts in (found.before, found.after)],
            "states": [found.before["state"], found.after["state"]],
            "findings": [found.before["n_findings"], found.after["n_findings"]],
            "changes": dict(Counter(row["change"] for row in found.findings)),
            "ndcg": round(found.ranking["ndcg"], 4),
            "rbo": round(found.ranking["rbo"], 4),
            "failed": [outcome.rule for outcome in gated.failed],
        }


def cases() -> list[dict[str, Any]]:
    """Every case in turn: the two runs that tell data and model apart come last, since until then nothing does."""
    told = []

    def tell(changed: str, kind: str, after: str, *causes: str, confounded: bool = False) -> None:
        told.append(Case(changed, kind, before, after, causes, confounded).told())
        print(f"{'right' if told[-1]['right'] else 'WRONG'}\t{changed}\t{told[-1]['said']}", flush=True)

    with prefect_server():
        reference = classifier(0)
        before = run_of(reference, "a")
        # First on the other texts, where nobody has audited them on these yet.
        both = {seed: run_of(classifier(seed), "b") for seed in list(SEEDS)[:1]}
        for seed, after in both.items():
            tell(f"other texts, and retrained with seed {seed}", "both", after, "data", "weights", confounded=True)
        for seed in SEEDS:
            tell(f"retrained with seed {seed}", "retraining", run_of(classifier(seed), "a"), "weights")
        further = classifier(9, base=reference)
        tell("trained two passes further", "model", run_of(further, "a"), "weights")
        tokenizers = {name: with_tokenizer(reference, name) for name in ("unused", "added", "cased")}
        tell("six words in the place of unused entries of the vocabulary", "tokenizer", run_of(tokenizers["unused"], "a"),
             "tokenizer")  # fmt: skip
        tell("lower-casing turned off", "tokenizer", run_of(tokenizers["cased"], "a"), "tokenizer")
        tell("six words added, with embeddings of their own", "tokenizer", run_of(tokenizers["added"], "a"), "weights",
             "tokenizer", confounded=True)  # fmt: skip
        tell("other texts, and lower-casing turned off", "both", run_of(tokenizers["cased"], "b"), "data", "tokenizer",
             confounded=True)  # fmt: skip
        for seed, after in both.items():
            tell(f"as above, seed {seed}, and the new model was audited on the old texts alone", "both", after, "data",
                 "weights", confounded=True)  # fmt: skip
        tell("other texts", "data", run_of(reference, "b"), "data")
        for seed, after in both.items():
            tell(
                f"other texts, and retrained with seed {seed}, both models audited on both",
                "both",
                after,
                "data",
                "weights",
            )
        tell("other texts, and lower-casing turned off, both audited on both", "both", run_of(tokenizers["cased"], "b"),
             "data", "tokenizer")  # fmt: skip
    return told


def summary(told: list[dict[str, Any]]) -> dict[str, Any]:
    """The cases of each kind that are right, and how often the default policy fails where a seed alone has changed."""
    own = [row for row in told if row["kind"] == "retraining"]
    # What may never be is not about a change: a model that was in the state Act before is in it still.
    changes = set(load_policy(DEFAULT).metrics)
    failed = [[rule for rule in row["failed"] if rule.split(".")[0] in changes] for row in own]
    low, high = wilson(sum(map(bool, failed)), len(own))
    counts = {
        kind: [row["right"] for row in told if row["kind"] == kind]
        for kind in dict.fromkeys(row["kind"] for row in told)
    }
    return {
        "right of cases, by kind": {kind: f"{sum(right)} of {len(right)}" for kind, right in counts.items()},
        "retrainings: the gate fails by a rule on a change": {
            "share": round(sum(map(bool, failed)) / len(own), 3), "low": round(low, 3), "high": round(high, 3), "n": len(own),
        },
        "retrainings: rules that fail": dict(Counter(rule for rules in failed for rule in rules)),
        "retrainings: nDCG": [row["ndcg"] for row in own],
        "retrainings: accuracy": [own[0]["accuracy"][0], *(row["accuracy"][1] for row in own)],
    }  # fmt: skip
