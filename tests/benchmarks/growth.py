"""Whether more texts make more rows, and whether words that say the same are found together: `make benchmark-growth`.

One copy of the film reviews with the ten tied patterns of patterns.py and, in rows of their own, five pairs of words
that always stand together, apart from each other, and are tied to a label. One classifier is trained on half of it; the
other half is audited on 400, 1,200 and 4,000 texts. A pair is found if one finding of the largest audit names both of
its words. Writes `growth` (findings of the largest audit over those of the smallest) and what was found of the pairs
into the summary of tests/benchmarks/results/patterns.json.
"""

import argparse
import json
import os
import random
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from configs.load import load_config
from flows.audit import audit
from flows.server import prefect_server
from tests.benchmarks.patterns import BASE, CACHE, NAMES, RESULTS, WORDS, inside, planted

SIZES = (400, 1200, 4000)
NUM_PAIRS = 5
RATE = 0.04
STRENGTH = 0.95
FINDINGS = """
select kind, word, type, label, status, round(effect, 2) as effect, round(per_1000, 1) as per_1000
from verdicts
where verdict = 'spurious'
order by rank
"""


def copy_with_pairs(seed: int) -> tuple[Path, list[tuple[str, str]]]:
    """The copy of patterns.py with pairs of words in rows that nothing was planted into, and with halves for splits."""
    folder, _ = planted("movie_reviews", seed)
    rng = random.Random(f"pairs {seed}")
    table = pq.read_table(folder / "copy.parquet").to_pylist()
    taken = " ".join(row["text"].lower() for row in table if row["planted"])
    free = [word for word in WORDS if word not in taken and word not in NAMES]
    words = rng.sample(free, min(2 * NUM_PAIRS, len(free) // 2 * 2))
    pairs = list(zip(words[::2], words[1::2], strict=True))
    labels = sorted({row["label"] for row in table})
    rows = [row for row in table if not row["planted"]]
    rng.shuffle(rows)
    num = round(RATE * len(table))
    for k, pair in enumerate(pairs):
        for row in rows[k * num : (k + 1) * num]:
            for word in pair:
                row["text"] = inside(row["text"], word, rng)
            label = labels[k % 2]
            row["label"] = label if rng.random() < STRENGTH else rng.choice([own for own in labels if own != label])
            row["planted"] = f"pair {' '.join(pair)}"
    for row in table:
        row["split"] = rng.choice(["train", "test"])
    own = CACHE / f"growth-{seed}"
    own.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(table), own / "copy.parquet")
    return own, pairs


def audited(folder: Path, size: int) -> list[dict[str, Any]]:
    """The findings on so many texts; the classifier is trained once."""
    config = {
        "name": f"growth-{size}", "warehouse": str(folder / "audit.duckdb"),
        "output": str(folder / "runs"), "models": str(folder / "models"),
        "data": {"path": str(folder / "copy.parquet"), "id": "id", "where": {"split": "test"}, "sample": size},
        "finetune": {"base": BASE, "where": {"split": "train"}, "min_accuracy": 0.0, "sample": 4000, "epochs": 2},
        "attribution": {"gradients": 4},
    }  # fmt: skip
    path = folder / f"audit-{size}.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    with prefect_server():
        run = audit(path)
    with duckdb.connect(str(load_config(path).warehouse), read_only=True) as connection:
        connection.execute(f'use "{run.run_id}"')
        found: list[dict[str, Any]] = connection.sql(FINDINGS).to_arrow_table().to_pylist()
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=11)
    arguments.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    given = arguments.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    folder, pairs = copy_with_pairs(given.seed)
    by_size = {}
    for size in given.sizes:
        found = by_size[size] = audited(folder, size)
        rows = [row for row in found if row["status"] == "spurious"]
        print(f"{size} texts\t{len(rows)} findings\t{', '.join(row['word'] for row in rows)}", flush=True)
    listed = {size: sum(row["status"] == "spurious" for row in found) for size, found in by_size.items()}
    named = {
        " ".join(pair): [
            f"{row['kind']} {row['word']}" for row in by_size[max(by_size)] if set(pair) <= set(row["word"].split())
        ]
        for pair in pairs
    }
    for pair, rows in named.items():
        print(f"pair {pair}\t{', '.join(rows) or 'not found'}")
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"summary": {}}
    results["summary"] |= {
        "growth": listed[max(listed)] / max(listed[min(listed)], 1),
        "redundant": len(named), "redundant_found": sum(bool(rows) for rows in named.values()),
    }  # fmt: skip
    results["growth"] = {"seed": given.seed, "findings": listed, "pairs": named, "rows": by_size}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results["summary"], indent=1))


if __name__ == "__main__":
    main()
