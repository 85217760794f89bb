"""Whether more texts make more rows, whether words that say the same are found together, and whether estimates near the
boundary hold: `make benchmark-growth`.

One copy of the film reviews with the ten tied patterns of patterns.py and, in rows of their own, five pairs of words
that always stand together, apart from each other, and are tied to a label. A classifier is trained on half of it, for
each audit the same; the other half is audited on 400, 1,200 and 4,000 texts. A pair is found if one finding of the largest audit names both of
its words. Last, every pattern of the largest audit that stands in twice as many texts as are tried is taken out of all
of them; 20 draws of as many as are tried give intervals of its effect near the boundary, which have to hold that of all
texts. Writes `growth` (findings of the largest audit over those of the smallest), what was found of the pairs, and
`coverage` into the summary of tests/benchmarks/results/patterns.json.
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
from configs.schema import AuditConfig
from flows.audit import audit
from flows.server import prefect_server
from tasks.model.spec import model_spec
from tasks.runs.run import Run
from tasks.runtime.parts import Shard, part_file
from tasks.trials.operators import MAX_STAND_INS, MIN_STAND_INS
from tasks.trials.patterns import PATTERN_TRIAL, try_patterns
from tasks.verify import MAX_TYPE_TEXTS
from tests.benchmarks.patterns import BASE, CACHE, RESULTS, inside, planted
from warehouse import Warehouse, open_warehouse

SIZES = (400, 1200, 4000)
NUM_PAIRS = 5
PAIR_WORDS = [
    "anchor", "bonfire", "cactus", "dolphin", "eclipse", "fiddle", "glacier", "hammock", "igloo", "jigsaw", "kettle", "ladder",
    "mitten", "napkin", "otter", "parsley", "quarry", "radish",
]  # fmt: skip
"""Words of no pattern, and next to none of the reviews."""
RATE = 0.04
STRENGTH = 0.95
FINDINGS = """
select kind, word, type, label, status, round(effect, 2) as effect, round(per_1000, 1) as per_1000
from verdicts
where verdict = 'spurious'
order by rank
"""


COVERED = """
select
    own.pattern, own.label, truth.n_removal as n_all, round(truth.removal_effect, 3) as effect, count(*) as n_draws,
    round(avg(own.n_removal), 1) as n_near,
    count(*) filter (
        where abs(own.removal_effect - truth.removal_effect) <= t_975(own.n_removal - 1) * own.removal_se
    ) as n_hold
from pattern_effects as own
inner join pattern_effects as truth on truth.type = 'all' and own.pattern = truth.pattern and own.label = truth.label
where own.type != 'all' and own.label = (select min(label) from pattern_effects)
group by all
order by own.pattern
"""
NUM_DRAWS = 20


def copy_with_pairs(seed: int) -> tuple[Path, list[tuple[str, str]]]:
    """The copy of patterns.py with pairs of words in rows that nothing was planted into, and with halves for splits."""
    folder, _ = planted("movie_reviews", seed)
    rng = random.Random(f"pairs {seed}")
    table = pq.read_table(folder / "copy.parquet").to_pylist()
    words = rng.sample(PAIR_WORDS, 2 * NUM_PAIRS)
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


def audited(folder: Path, size: int) -> tuple[Run, AuditConfig, list[dict[str, Any]]]:
    """An audit of so many texts, its config, and its findings."""
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
    loaded = load_config(path)
    with duckdb.connect(str(loaded.warehouse), read_only=True) as connection:
        connection.execute(f'use "{run.run_id}"')
        found: list[dict[str, Any]] = connection.sql(FINDINGS).to_arrow_table().to_pylist()
    return run, loaded, found


def covered(run: Run, config: AuditConfig, folder: Path) -> list[dict[str, Any]]:
    """A row for each pattern that stands in enough texts: its effect near the boundary in all, and how many draws hold it."""
    (classifier,) = (path.parent for path in (folder / "models").glob(f"{config.name}_*/config.json"))
    model = model_spec(classifier, config.model.max_tokens)
    scores = sorted((run.storage / "parts").glob("part-*.json"))
    shards = [Shard(run.storage / "shards" / part.name.replace("part", "shard"), part) for part in scores]
    params = {
        "max_documents": 999_999, "max_stand_ins": MAX_STAND_INS, "min_stand_ins": MIN_STAND_INS,
    }  # fmt: skip
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.use(run.run_id)
        plan = [row for row in warehouse.rows("verify/pattern_plan", params) if len(row["held"]) >= 2 * MAX_TYPE_TEXTS]
    part = folder / "all_texts.json"
    given = [{**row, "others": []} for row in plan]
    try_patterns(given, shards, model, config.attribution.dtype, config.verification, part)
    rows = pq.read_table(part_file(part, "pattern_trials")).to_pylist()
    drawn = []
    for pattern in plan:
        own = [row for row in rows if (row["type"], row["pattern"]) == (pattern["type"], pattern["pattern"])]
        ids = sorted({row["example_id"] for row in own})
        for draw in range(NUM_DRAWS):
            chosen = set(random.Random(f"{pattern['pattern']} {draw}").sample(ids, MAX_TYPE_TEXTS))
            drawn += [{**row, "type": f"draw {draw}"} for row in own if row["example_id"] in chosen]
        drawn += [{**row, "type": "all"} for row in own]
    pq.write_table(pa.Table.from_pylist(drawn, schema=PATTERN_TRIAL), folder / "drawn.parquet")
    with duckdb.connect(str(config.warehouse), read_only=True) as stored, duckdb.connect() as connection:
        stored.execute(f'use "{run.run_id}"')
        connection.register("examples", stored.sql("select example_id, predicted_label from examples").to_arrow_table())
        warehouse = Warehouse(connection)
        warehouse.build(
            "verify/pattern_effects",
            {"pattern_trial_parts": [str(folder / "drawn.parquet")], "min_effect": config.verification.min_effect},
        )
        found: list[dict[str, Any]] = connection.sql(COVERED).to_arrow_table().to_pylist()
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=11)
    arguments.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    given = arguments.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    folder, pairs = copy_with_pairs(given.seed)
    by_size = {}
    for size in sorted(given.sizes):
        run, config, found = audited(folder, size)
        by_size[size] = found
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
    draws = covered(run, config, folder)
    for row in draws:
        print(
            f"{row['pattern']}\t{row['effect']:+.2f} in {row['n_all']}\t{row['n_hold']} of {row['n_draws']} draws hold it"
        )
    num_draws = sum(row["n_draws"] for row in draws)
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"summary": {}}
    if len(listed) > 1:
        results["summary"]["growth"] = listed[max(listed)] / max(listed[min(listed)], 1)
        results["growth"] = {"seed": given.seed, "findings": listed, "rows": by_size}
    results["summary"] |= {"redundant": len(named), "redundant_found": sum(bool(rows) for rows in named.values())}
    results["pairs"] = {"seed": given.seed, "texts": max(listed), "found": named}
    if num_draws:
        results["summary"] |= {"coverage": sum(row["n_hold"] for row in draws) / num_draws, "n_intervals": num_draws}
        results["coverage"] = {"seed": given.seed, "texts": max(listed), "rows": draws}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results["summary"], indent=1))


if __name__ == "__main__":
    main()
