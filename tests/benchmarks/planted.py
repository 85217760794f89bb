"""What an audit finds of what was planted: `make benchmark-planted`.

`token-audit certify` on both shared datasets and several seeds, each with its own words, rows and training. Prints
a row for each dataset, seed, kind and strength of shortcut, and writes tests/benchmarks/results/planted.json with
the same rows and, in each, the ranks by attribution method and baseline. Certificates are kept in `.benchmarks/`,
so a benchmark that was stopped goes on where it was.
"""

import argparse
import json
from pathlib import Path

from configs.load import load_config
from flows.certify import certify
from warehouse import open_warehouse

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "planted.json"
CACHE = ROOT / ".benchmarks" / "planted"
CONTROLS = {
    "movie_reviews": ["brilliant", "wonderful", "dreadful", "boring"],
    "tweets": ["amazing", "wonderful", "horrible", "annoying"],
}
TRAINING = {"movie_reviews": {"sample": 4000, "epochs": 1}, "tweets": {"epochs": 2}}


def config_of(dataset: str, seed: int) -> Path:
    """The config of one certificate, written where the run is kept."""
    config = {
        "name": f"{dataset.replace('_', '-')}-{seed}", "warehouse": str(CACHE / "audits.duckdb"),
        "output": str(CACHE / "runs"), "models": str(CACHE / "models"),
        "data": {"path": str(ROOT / f"warehouse/seeds/{dataset}.parquet"), "id": "id", "where": {"split": "test"}, "sample": 1200},
        "finetune": {"where": {"split": "train"}, "seed": seed, **TRAINING[dataset]},
        "attribution": {"gradients": 4},
        "certification": {"seed": seed, "controls": CONTROLS[dataset]},
    }  # fmt: skip
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"{dataset}-{seed}.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    return path


def rows_of(dataset: str, seed: int) -> list[dict[str, object]]:
    """The certificate of one dataset and seed, one row for each shortcut and strength."""
    path = config_of(dataset, seed)
    params = {"certificate_id": certify(path).certificate_id}
    with open_warehouse(load_config(path).warehouse, read_only=True) as warehouse:
        (found,) = warehouse.rows("certify/false_discoveries", params).to_pylist()
        ranks = warehouse.rows("certify/ranks", params).to_pylist()
        return [
            {
                "dataset": dataset, "seed": seed, **row, **found,
                "methods": [
                    {name: rank[name] for name in ("method", "baseline", "k", "precision_at_k", "mean_rank")}
                    for rank in ranks
                    if (rank["shortcut"], rank["strength"]) == (row["shortcut"], row["strength"])
                ],
            }
            for row in warehouse.rows("certify/recall", params).to_pylist()
        ]  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments.add_argument("--datasets", nargs="+", choices=sorted(CONTROLS), default=sorted(CONTROLS))
    given = arguments.parse_args()
    rows: list[dict[str, object]] = []
    for seed in given.seeds:
        for dataset in given.datasets:
            new = rows_of(dataset, seed)
            rows += new
            for row in new:
                best = max(row["methods"], key=lambda rank: (rank["precision_at_k"], -rank["mean_rank"]))
                print(
                    f"{dataset}\t{seed}\t{row['shortcut']:<16}\t{row['strength']:g}\tlearned {row['planted_accuracy']:.2f}\t"
                    f"recall {row['recall_spurious']:.2f}\tsuspect {row['recall_suspect']:.2f}\tdecoy FDR {row['decoy_fdr']:.3f}\t"
                    f"controls {row['n_controls_spurious']}/{row['n_controls']}\t"
                    f"best {best['method']} {best['baseline']} {best['precision_at_k']:.2f}, rank {best['mean_rank']:.2f}\t{row['words']}",
                    flush=True,
                )
            RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
