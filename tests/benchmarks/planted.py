"""What an audit finds of what was planted: `make benchmark-planted`.

`token-audit certify` on both shared datasets and several seeds, each with its own words and rows. Prints a row for each
dataset, seed, kind and strength of shortcut, and writes tests/benchmarks/results/planted.json: `rows` with the same
rows and, in each, the ranks by attribution method and baseline; `decoys` by type and `missed` words with why; `summary`
over all copies, and `halves` of them: the rule was fixed on the first seeds and is reported on the others. Then it
prints the mean precision of each method, and passes the verdicts again without one part of the rule at a time: what
recall and false discoveries become without it is what it is worth. Certificates are kept in `.benchmarks/`, so a
benchmark that was stopped goes on where it was; rows of seeds that are not asked for stay in the file.
"""

import argparse
import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import NormalDist
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
from tasks.selftest.certificate import Certificate, missed
from tasks.trials.thresholds import thresholds
from warehouse import Warehouse, open_warehouse, query

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

TYPED_DECOYS = 10
"""Decoys of each type in a copy: 80 over the eight copies, of which some are in too few texts to be judged."""
FIXED_ON = (0, 1)
"""Seeds on which the rule was fixed."""


def _without_insertion() -> str:
    """Removal in place of both arms. There is no opposite: what removal does not show is not inserted."""
    own = {"effect": "effect", "se": "effect_se", "dof": "effect_dof", "low": "effect_low", "high": "effect_high"}
    copied = [f"insertion_{part} = removal_{part}, {name} = removal_{part}" for part, name in own.items()]
    return f"update evidence set {', '.join([*copied, 'n_insertion = n_removal'])}"


WITHOUT = {
    "nothing": (),
    "insertion": (_without_insertion(),),
    "excess": ("update expected_effects set expected = 0, expected_se = 0, predicted_share = 0",),
    "consistency": ("update evidence set n_opposite = 0, n_signed = greatest(n_signed, 64)",),
    "interactions": ("delete from interactions",),
    "control of multiplicity": (),
}
"""Changes to the tables that the verdicts are made of, so that a part of the rule says nothing any more. Control of
multiplicity is a setting: see `uncontrolled`."""
CHANGED = ("evidence", "expected_effects", "interactions")


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
        "certification": {"seed": seed, "controls": CONTROLS[dataset], "typed_decoys": TYPED_DECOYS},
    }  # fmt: skip
    path = CACHE / f"{dataset}-{seed}.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    return path


def ablation(path: Path, certificate: Certificate) -> Iterator[dict[str, object]]:
    """Recall by kind of shortcut, and false discoveries, without each part of the rule."""
    run = certificate.report.parent
    config = load_config(path)
    params = thresholds(config)
    for without, changes in WITHOUT.items():
        with duckdb.connect() as connection:
            warehouse = copied(connection, run)
            for change in changes:
                connection.execute(change)
            warehouse.build("judge/verdicts", params)
            if without == "control of multiplicity":
                warehouse.build("judge/verdicts", {**params, "fdr": uncontrolled(connection, config.statistics.fdr)})
            limits = {
                "min_examples": config.statistics.min_examples, "min_effect": config.verification.min_effect,
                "fdr": config.statistics.fdr,
            }  # fmt: skip
            planted = {"planted_words": str(run.parent / "planted.words.parquet")}
            words = warehouse.rows("certify/planted_words", {**planted, **limits})
            (unplanted,) = warehouse.rows("certify/unplanted", planted)
        spurious = {row["word"] for row in words if row["verdict"] == "spurious"}
        kinds = {
            kind: [row["word"] for row in words if (row["role"], row["shortcut"]) == ("shortcut", kind)]
            for kind in SHORTCUTS
        }
        decoys = [row["word"] for row in words if row["role"] == "decoy" and row["has_figures"]]
        yield {
            "without": without,
            **{f"recall_{kind}": float(np.mean([word in spurious for word in own])) for kind, own in kinds.items()},
            "decoys_convicted": sum(word in spurious for word in decoys), "decoys": len(decoys),
            "n_unplanted_spurious": unplanted["n_spurious"],
        }  # fmt: skip


def copied(connection: duckdb.DuckDBPyConnection, run: Path) -> Warehouse:
    """The tables of an audit of a planted copy, to be judged again; those in `CHANGED` can be changed."""
    connection.execute(f"attach '{run.parent / 'planted.duckdb'}' as planted (read_only)")
    rebuilt = {"verdicts", *(name.rpartition("/")[2] for name in query("judge/verdicts").first)}
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'planted' and schema_name = $run",
        {"run": run.name},
    ).fetchall()
    for (table,) in tables:
        if table not in rebuilt:
            kind = "table" if table in CHANGED else "view"
            connection.execute(f'create {kind} {table} as from planted."{run.name}".{table}')
    return Warehouse(connection)


def uncontrolled(connection: duckdb.DuckDBPyConnection, fdr: float) -> float:
    """The false discovery rate at which all candidates pass whose own p-value is at most `fdr`."""
    passing = "select coalesce(max(q_value), $fdr) from verdicts where p_value <= $fdr"
    ((rate,),) = connection.execute(passing, {"fdr": fdr}).fetchall()
    return min(max(float(rate), fdr), 0.999)


RANKS = """
select shortcut, strength, method, baseline, k, precision_at_k, mean_rank
from main.certificate_methods
where certificate_id = $certificate_id
order by shortcut, strength, precision_at_k desc, mean_rank, method, baseline
"""
"""How high each attribution method ranks the planted words of each shortcut."""

WORDS = ("single_token", "name", "token_in_context", "ordered_pair")
"""Kinds of shortcut that are words."""
SHORTCUTS = (*WORDS, "number_type", "boilerplate_line")


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


def by_copy(path: Path, certificate: Certificate, dataset: str, seed: int, table: str) -> list[dict[str, Any]]:
    """The rows of `registry/decoys`, or of what was missed, of one certificate."""
    with open_warehouse(load_config(path).warehouse, read_only=True) as warehouse:
        if table == "missed":
            found = missed(warehouse, certificate.certificate_id)
        else:
            found = warehouse.rows(f"registry/{table}", {"certificate_id": certificate.certificate_id})
    return [{"dataset": dataset, "seed": seed, **row} for row in found]


def wilson(n_found: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); 0 to 1 without cases."""
    if n == 0:
        return 0.0, 1.0
    z, share = NormalDist().inv_cdf(0.975), n_found / n
    middle, half = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


def summary_of(rows: Sequence[dict[str, Any]], decoys: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Recall over the planted words and groups, and convicted decoys by type with Wilson intervals."""
    words = [row for row in rows if row["shortcut"] in WORDS]
    groups = [row for row in rows if row["shortcut"] not in WORDS]
    counts = {
        f"{name}{part}": sum(row[f"n_{column}"] for row in own)
        for name, own in (("words", words), ("groups", groups))
        for part, column in (("", "words"), ("_found", "spurious"))
    }
    by_type = {}
    for kind in sorted({row["decoy_type"] for row in decoys}):
        own = [row for row in decoys if row["decoy_type"] == kind]
        n, convicted = sum(row["n_decoys"] for row in own), sum(row["n_spurious"] for row in own)
        low, high = wilson(convicted, n)
        by_type[kind] = {
            "n": n, "convicted": convicted, "low": low, "high": high,
            "n_unlisted": sum(row["n_unlisted"] for row in own),
            "unlisted_convicted": sum(row["n_unlisted_spurious"] for row in own),
            "words": ", ".join(row["words"] for row in own if row["words"]),
        }  # fmt: skip
    n, convicted = (sum(own[name] for own in by_type.values()) for name in ("n", "convicted"))
    low, high = wilson(convicted, n)
    copies = {(row["dataset"], row["seed"]): row["n_controls_spurious"] for row in rows}
    return {
        "recall": counts["words_found"] / max(counts["words"], 1), **counts,
        "decoys": n, "decoys_convicted": convicted, "decoys_low": low, "decoys_high": high,
        "controls_convicted": sum(copies.values()), "by_type": by_type,
    }  # fmt: skip


def print_summary(title: str, summary: dict[str, Any]) -> None:
    print(
        f"{title}\twords {summary['words_found']}/{summary['words']}\tgroups {summary['groups_found']}/{summary['groups']}\t"
        f"controls {summary['controls_convicted']}"
    )
    for kind, own in (*summary["by_type"].items(), ("all", None)):
        n, convicted, low, high = (
            (own["n"], own["convicted"], own["low"], own["high"])
            if own
            else (summary["decoys"], summary["decoys_convicted"], summary["decoys_low"], summary["decoys_high"])
        )
        print(
            f"{title}\tdecoys\t{kind:<16}\t{convicted} of {n}\t95 % interval {low:.1%} to {high:.1%}\t"
            f"{own['words'] if own else ''}"
        )


def results_of(parts: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What is written: the parts, with the summary of all copies and of either half of the seeds."""
    halves = {}
    for title, is_fixed in (("rule fixed on", True), ("reported on", False)):
        rows, decoys = (
            [row for row in parts[name] if (row["seed"] in FIXED_ON) == is_fixed] for name in ("rows", "decoys")
        )
        seeds = ", ".join(str(seed) for seed in sorted({row["seed"] for row in rows}))
        if rows:
            halves[f"{title} seeds {seeds}"] = summary_of(rows, decoys)
    return {"summary": summary_of(parts["rows"], parts["decoys"]), "halves": halves, **parts}


def print_precision(rows: Sequence[dict[str, Any]]) -> None:
    """Precision at k of each method and baseline, mean over datasets, seeds and strengths."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in rows:
        for rank in row["methods"]:
            own = found.setdefault((rank["method"], rank["baseline"]), {})
            own.setdefault(row["shortcut"], []).append(rank["precision_at_k"])
    print("\t".join(["method", "baseline", *SHORTCUTS]))
    nothing = [float("nan")]
    for (method, baseline), own in sorted(found.items(), key=lambda item: -np.mean(item[1]["single_token"])):
        print("\t".join([method, baseline, *(f"{np.mean(own.get(kind, nothing)):.3f}" for kind in SHORTCUTS)]))


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        best = max(row["methods"], key=lambda rank: (rank["precision_at_k"], -rank["mean_rank"]))
        print(
            f"{row['dataset']}\t{row['seed']}\t{row['shortcut']:<16}\t{row['strength']:g}\tlearned {row['planted_accuracy']:.2f}\t"
            f"recall {row['recall_spurious']:.2f}\tsuspect {row['recall_suspect']:.2f}\tdecoy FDR {row['decoy_fdr']:.3f}\t"
            f"controls {row['n_controls_spurious']}/{row['n_controls']}\t"
            f"best {best['method']} {best['baseline']} {best['precision_at_k']:.2f}, rank {best['mean_rank']:.2f}\t{row['words']}",
            flush=True,
        )


def print_ablation(ablations: Sequence[dict[str, Any]]) -> None:
    figures = [*(f"recall_{kind}" for kind in SHORTCUTS), "decoys_convicted", "decoys", "n_unplanted_spurious"]
    print("\t".join(["without", *figures]))
    for without in WITHOUT:
        own = [row for row in ablations if row["without"] == without and row.keys() >= set(figures)]
        if own:
            print("\t".join([without, *(f"{np.mean([row[name] for row in own]):.2f}" for name in figures)]))


PARTS = ("rows", "decoys", "missed", "ablation")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    arguments.add_argument("--datasets", nargs="+", choices=sorted(CONTROLS), default=sorted(CONTROLS))
    given = arguments.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    plants.RATE, plant.NUM_PROBES = RATE, NUM_PROBES
    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    parts: dict[str, list[dict[str, Any]]] = {
        part: [
            row for row in known.get(part, []) if row["seed"] not in given.seeds or row["dataset"] not in given.datasets
        ]
        for part in PARTS
    }
    for seed in given.seeds:
        for dataset in given.datasets:
            path = config_of(dataset, seed)
            with prefect_server():
                certificate = certify(path)
            rows = rows_of(path, certificate, dataset, seed)
            parts["rows"] += rows
            for table in ("decoys", "missed"):
                parts[table] += by_copy(path, certificate, dataset, seed, table)
            parts["ablation"] += [{"dataset": dataset, "seed": seed, **row} for row in ablation(path, certificate)]
            print_rows(rows)
            results = results_of(parts)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print_precision(parts["rows"])
    print_ablation(parts["ablation"])
    for row in parts["missed"]:
        print(f"not found\t{row['dataset']}\t{row['seed']}\t{row['word']} ({row['shortcut']}) {row['sentence']}")
    for title, summary in {**results["halves"], "all seeds": results["summary"]}.items():
        print_summary(title, summary)


if __name__ == "__main__":
    main()
