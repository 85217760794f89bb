"""What an audit finds of what was planted: `make benchmark-planted`.

`token-audit certify` on both shared datasets and several seeds, each with its own words and rows. Prints
a row for each dataset, seed, kind and strength of shortcut, and writes tests/benchmarks/results/planted.json with
the same rows and, in each, the ranks by attribution method and baseline. Then it
prints the mean precision of each method, and passes the verdicts again without one piece of evidence at a time: what recall and false discoveries become without it is what it is worth. Certificates
are kept in `.benchmarks/`, so a benchmark that was stopped goes on where it was; rows of seeds that are not asked for stay in the file.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from configs.load import load_config
from flows.certify import certify
from flows.server import prefect_server
from tasks import plant
from tasks.selftest import plants
from tasks.selftest.certificate import Certificate
from tasks.trials.thresholds import thresholds
from warehouse import Warehouse, open_warehouse

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "planted.json"
CACHE = ROOT / ".benchmarks" / "planted"
CONTROLS = {
    "movie_reviews": ["brilliant", "wonderful", "dreadful", "boring"],
    "tweets": ["amazing", "wonderful", "horrible", "annoying"],
}
RATE, NUM_PROBES = 0.025, 40
"""In place of those of the product, as in the figures that DECISIONS.md quotes."""
TRAINING = {"movie_reviews": {"sample": 4000, "epochs": 2}, "tweets": {"epochs": 5}}

WITHOUT = {
    "nothing": (),
    "neighbours": ("update evidence set n_neighbours = 0",),
    "labels do not support it": ("update words set label_z = 99",),
    "meaning": ("update expected_effects set expected = null, residual = effect, predicted_share = null",),
    "interactions": ("delete from interactions",),
    "kind of word": ("update candidates set type = 'content word'", "update word_types set word_group = null"),
    "trials": (
        "update evidence set pooled_low = 1, n_agreeing = 4, n_against = 0, strength = greatest(strength, 0.1)",
    ),
}
"""Changes to the tables that the verdicts are made of, so that a piece of evidence says nothing any more."""
READ = (
    "candidates",
    "words",
    "word_types",
    "evidence",
    "type_rules",
    "meaning",
    "interactions",
    "label_association",
    "waivers",
    "word_importance",
)


def data_of(dataset: str) -> Path:
    """The shared file; of the tweets a copy with halves for splits, since a planted word would stand in 16 of their 649 held-out ones.

    A word needs texts to be proved in, as any word of an audit does: both datasets are audited on 1,200.
    """
    path = ROOT / f"warehouse/seeds/{dataset}.parquet"
    if dataset != "tweets":
        return path
    table = pq.read_table(path)
    halves = [
        "test" if hashlib.sha256(str(name).encode()).digest()[0] < 128 else "train" for name in table["id"].to_pylist()
    ]
    copy = CACHE / path.name
    pq.write_table(table.set_column(table.column_names.index("split"), "split", pa.array(halves)), copy)
    return copy


def config_of(dataset: str, seed: int) -> Path:
    """The config of one certificate, written where the run is kept."""
    CACHE.mkdir(parents=True, exist_ok=True)
    config = {
        "name": dataset.replace("_", "-"), "warehouse": str(CACHE / "audits.duckdb"),
        "output": str(CACHE / "runs"), "models": str(CACHE / "models"),
        "data": {"path": str(data_of(dataset)), "id": "id", "where": {"split": "test"}, "sample": 1200},
        "finetune": {"where": {"split": "train"}, **TRAINING[dataset]},
        "attribution": {"gradients": 4},
        "certification": {"seed": seed, "controls": CONTROLS[dataset]},
    }  # fmt: skip
    path = CACHE / f"{dataset}-{seed}.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    return path


def ablation(path: Path, certificate: Certificate) -> Iterator[dict[str, object]]:
    """Recall by kind of shortcut, and false discoveries, without each piece of evidence."""
    run = certificate.report.parent
    config = load_config(path)
    params = thresholds(config)
    for without, changes in WITHOUT.items():
        with duckdb.connect() as connection:
            connection.execute(f"attach '{run.parent / 'planted.duckdb'}' as planted (read_only)")
            for table in READ:
                connection.execute(f'create table {table} as from planted."{run.name}".{table}')
            for change in changes:
                connection.execute(change)
            Warehouse(connection).build("judge/verdicts", params)
            found = connection.sql("from verdicts").to_arrow_table().to_pylist()
            known = {
                word
                for (word,) in connection.execute(
                    "select distinct word from word_importance where kind = 'word'"
                ).fetchall()
            }
            planted = connection.execute(
                "select role, coalesce(shortcut, ''), word from read_parquet($words)",
                {"words": str(run.parent / "planted.words.parquet")},
            ).fetchall()
        spurious = {row["word"] for row in found if row["kind"] == "word" and row["verdict"] == "spurious"}
        words = {
            kind: {word for role, own, word in planted if role == "shortcut" and own == kind} for kind in SHORTCUTS
        }
        decoys = {word for role, _, word in planted if role == "decoy"} & known
        others = known - {word for _, _, word in planted}
        flagged = len(spurious & {word for role, _, word in planted if role in ("shortcut", "context")}) + len(
            spurious & others
        )
        yield {
            "without": without, **{f"recall_{kind}": len(own & spurious) / len(own) for kind, own in words.items()},
            "decoy_fdr": min(1.0, len(decoys & spurious) / len(decoys) * len(others) / max(flagged, 1)),
            "n_unplanted_spurious": len(spurious & others),
        }  # fmt: skip


RANKS = """
select shortcut, strength, method, baseline, k, precision_at_k, mean_rank
from main.certificate_methods
where certificate_id = $certificate_id
order by shortcut, strength, precision_at_k desc, mean_rank, method, baseline
"""
"""How high each attribution method ranks the planted words of each shortcut."""

SHORTCUTS = ("single_token", "name", "token_in_context", "ordered_pair")


def rows_of(path: Path, certificate: Certificate, dataset: str, seed: int) -> list[dict[str, Any]]:
    """The certificate of one dataset and seed, one row for each shortcut and strength."""
    params = {"certificate_id": certificate.certificate_id}
    with open_warehouse(load_config(path).warehouse, read_only=True) as warehouse:
        (found,) = warehouse.rows("registry/false_discoveries", params)
        ranks = warehouse._connection.execute(RANKS, params).to_arrow_table().to_pylist()
        return [
            {
                "dataset": dataset, "seed": seed, **row, **found,
                "methods": [
                    {name: rank[name] for name in ("method", "baseline", "k", "precision_at_k", "mean_rank")}
                    for rank in ranks
                    if (rank["shortcut"], rank["strength"]) == (row["shortcut"], row["strength"])
                ],
            }
            for row in warehouse.rows("registry/recall", params)
        ]  # fmt: skip


def print_precision(rows: Sequence[dict[str, Any]]) -> None:
    """Precision at k of each method and baseline, mean over datasets, seeds and strengths."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in rows:
        for rank in row["methods"]:
            own = found.setdefault((rank["method"], rank["baseline"]), {})
            own.setdefault(row["shortcut"], []).append(rank["precision_at_k"])
    print("\t".join(["method", "baseline", *SHORTCUTS]))
    for (method, baseline), own in sorted(found.items(), key=lambda item: -np.mean(item[1]["single_token"])):
        print("\t".join([method, baseline, *(f"{np.mean(own[kind]):.3f}" for kind in SHORTCUTS)]))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    arguments.add_argument("--datasets", nargs="+", choices=sorted(CONTROLS), default=sorted(CONTROLS))
    given = arguments.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    plants.RATE, plant.NUM_PROBES = RATE, NUM_PROBES
    rows: list[dict[str, Any]] = []
    ablations: list[dict[str, object]] = []
    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"rows": [], "ablation": []}
    kept = {
        part: [row for row in found if row["seed"] not in given.seeds or row["dataset"] not in given.datasets]
        for part, found in known.items()
    }
    for seed in given.seeds:
        for dataset in given.datasets:
            path = config_of(dataset, seed)
            with prefect_server():
                certificate = certify(path)
            new = rows_of(path, certificate, dataset, seed)
            rows += new
            ablations += [{"dataset": dataset, "seed": seed, **row} for row in ablation(path, certificate)]
            for row in new:
                best = max(row["methods"], key=lambda rank: (rank["precision_at_k"], -rank["mean_rank"]))
                print(
                    f"{dataset}\t{seed}\t{row['shortcut']:<16}\t{row['strength']:g}\tlearned {row['planted_accuracy']:.2f}\t"
                    f"recall {row['recall_spurious']:.2f}\tsuspect {row['recall_suspect']:.2f}\tdecoy FDR {row['decoy_fdr']:.3f}\t"
                    f"controls {row['n_controls_spurious']}/{row['n_controls']}\t"
                    f"best {best['method']} {best['baseline']} {best['precision_at_k']:.2f}, rank {best['mean_rank']:.2f}\t{row['words']}",
                    flush=True,
                )
            RESULTS.write_text(
                json.dumps({"rows": kept["rows"] + rows, "ablation": kept["ablation"] + ablations}, indent=1) + "\n"
            )
    print_precision(kept["rows"] + rows)
    ablations += kept["ablation"]
    figures = [*(f"recall_{kind}" for kind in SHORTCUTS), "decoy_fdr", "n_unplanted_spurious"]
    print("\t".join(["without", *figures]))
    for without in WITHOUT:
        own = [row for row in ablations if row["without"] == without]
        print("\t".join([without, *(f"{np.mean([float(str(row[name])) for row in own]):.2f}" for name in figures)]))


if __name__ == "__main__":
    main()
