"""Loading at size: `make benchmark-loading`. Token rows in Parquet, as attribution writes them, into the tables of words.

Parts of 8,192 tokens, texts of 20 words drawn by Zipf's law from 100,000, the rarer half of them in two pieces; one word in
sixty draws its own successor along, so that there are pairs. The ids of a part's texts are scattered over the dataset, as
shards of texts of one length are. For each number of token rows, in a process of its own and in one transaction: seconds of
every query from the parts to `word_importance` and of the commit, in brackets those of the processor (other work on the
machine does not count in them), peak memory of the process, the exponent of the cost, and by themselves the checks of these
tables. Beside them, by the same database with the same settings (one thread, the same memory):

- `place`: a bare `GROUP BY` of the same Parquet columns by example and word place, into a table;
- `place and word`: after it, a second one of that table by example and the word's text, which it takes from the shards. No
  product that adds up words can do with less; none of the rest (sentences, pieces, pairs, importance, keys) is in it.

The same sums are in `word_occurrences` and `word_scores`: what these two take, with sentences, shares, order and keys, is
compared with the bare ones as well as what everything takes.

Writes tests/benchmarks/results/loading.json. Parts are made once and kept in `.benchmarks/`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from configs.schema import LimitsConfig, StatisticsConfig
from tasks.aggregate import MIN_PMI, PRIOR_EXAMPLES
from tasks.runs.run import BATCH_FILES, SHARD_TOKENS
from tests.benchmarks.memory import peak_rss_mb
from warehouse import open_warehouse, set_limits

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "loading.json"
CACHE = ROOT / ".benchmarks" / "parts"
VOCABULARY = 100_000
WORDS = 20
SCATTER = 4_999_999
"""A prime beyond the number of texts: multiples of a number modulo it are ids in no order."""
QUERIES = ("examples", "word_occurrences", "piece_occurrences", "bigram_occurrences", "word_scores", "word_importance")
BARE = {
    "place": """
create table place as
select example_id, word_start, word_end, count(*) as n, sum(integrated_gradients::double) as score,
    sum(gradient_x_input::double) as product, sum(gradient_norm::double ** 2) as norm, sum(contrast::double) as contrast
from read_parquet($tokens) where word_start is not null group by all
""",
    "word": """
create table word as
select example_id, lower(substring(text, word_start + 1, word_end - word_start)) as word, count(*) as n, sum(n) as pieces,
    sum(score) as score, sum(product) as product, sum(norm) as norm, sum(contrast) as contrast
from place inner join read_parquet($shard) using (example_id) group by all
""",
}


def write_parts(folder: Path, num_rows: int) -> None:
    """Shards, examples and tokens of texts until there are so many token rows."""
    done = folder / "done"
    if done.is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    weights = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    words = np.array([f"w{i}" for i in range(VOCABULARY)])
    sizes = np.char.str_len(words)
    vocabulary = pa.array(words)
    rows = first = shard = 0
    while rows < num_rows:
        drawn = np.searchsorted(weights / weights[-1], random.random((SHARD_TOKENS // (WORDS + 6), WORDS)))
        follows = (drawn[:, :-1] % 50 == 7) & (drawn[:, :-1] < 1000)
        drawn[:, 1:] = np.where(follows, drawn[:, :-1] + VOCABULARY // 2, drawn[:, 1:])
        num_texts = len(drawn)
        ids = np.arange(first, first + num_texts) * 1_000_003 % SCATTER
        length = sizes[drawn]
        start = np.cumsum(length + 1, axis=1) - length - 1
        pieces = 1 + (drawn >= VOCABULARY // 2)
        # A token of no word at each end: [CLS] and [SEP].
        counts = np.concatenate([np.ones((num_texts, 1), int), pieces, np.ones((num_texts, 1), int)], axis=1)
        total = int(counts.sum())
        slot = np.repeat(np.tile(np.arange(WORDS + 2), num_texts), counts.ravel())
        text = np.repeat(np.arange(num_texts), counts.sum(axis=1))
        position = np.arange(total) - np.repeat(np.cumsum(counts.sum(axis=1)) - counts.sum(axis=1), counts.sum(axis=1))
        special = (slot == 0) | (slot == WORDS + 1)
        place = np.clip(slot - 1, 0, WORDS - 1)
        word_start, word_end = start[text, place], start[text, place] + length[text, place]
        second = np.zeros(total, bool)
        second[1:] = (slot[1:] == slot[:-1]) & (text[1:] == text[:-1])
        cut = pieces[text, place] == 2
        scores = random.normal(size=(total, 3)).astype(np.float32)
        tokens = pa.table({
            "example_id": ids[text], "position": position.astype(np.int32), "token_id": drawn[text, place].astype(np.int32),
            "token_start": np.where(second, word_start + 2, word_start).astype(np.int32),
            "token_end": np.where(cut & ~second, word_start + 2, word_end).astype(np.int32),
            "word_start": pa.array(word_start.astype(np.int32), mask=special),
            "word_end": pa.array(word_end.astype(np.int32), mask=special),
            "gradient_norm": np.abs(scores[:, 0]), "gradient_x_input": scores[:, 1], "integrated_gradients": scores[:, 2],
            "contrast": (0.1 * scores[:, 0]).astype(np.float32), "relevance": pa.nulls(total, pa.float32()),
        })  # fmt: skip
        offsets = pa.array(np.arange(0, num_texts * WORDS + 1, WORDS), pa.int32())
        texts = pc.binary_join(pa.ListArray.from_arrays(offsets, vocabulary.take(pa.array(drawn.ravel()))), " ")
        gold, right = random.integers(0, 2, num_texts), random.random(num_texts) < 0.85
        predicted = np.where(right, gold, 1 - gold)
        num_tokens = counts.sum(axis=1).astype(np.int32)
        examples = pa.table({
            "example_id": ids, "source_id": pc.cast(pa.array(ids), pa.string()), "text": texts,
            "pair_start": pa.nulls(num_texts, pa.int32()), "label_id": gold.astype(np.int32), "n_tokens": num_tokens,
            "n_cut": np.zeros(num_texts, np.int32),
        })  # fmt: skip
        outcomes = pa.table({
            "example_id": ids, "predicted_id": predicted.astype(np.int32), "target_id": predicted.astype(np.int32),
            "confidence": random.random(num_texts), "score": random.random(num_texts), "change": np.bincount(text, scores[:, 2]),
            "gap": np.zeros(num_texts), "special_score": np.zeros(num_texts), "gradients": np.full(num_texts, 5, np.int32),
            "error": pa.nulls(num_texts, pa.float64()), "converged": np.ones(num_texts, bool),
            "reason": pa.nulls(num_texts, pa.string()), "n_windows": np.ones(num_texts, np.int32),
        })  # fmt: skip
        for name, table in (("tokens", tokens), ("shard", examples), ("examples", outcomes)):
            pq.write_table(table, folder / f"part-{shard:05d}.{name}.parquet", compression="zstd", use_dictionary=False)
        rows, first, shard = rows + total, first + num_texts, shard + 1
    done.write_text(str(rows))


def measure(folder: Path, bare: bool) -> dict[str, object]:
    set_limits(LimitsConfig(memory_limit="4500MB"))
    named = {
        name: [str(path) for path in sorted(folder.glob(f"part-*.{name}.parquet"))]
        for name in ("tokens", "shard", "examples")
    }
    params = {
        "token_parts": named["tokens"], "shards": named["shard"], "example_parts": named["examples"], "method": "integrated_gradients",
        "labels": ["negative", "positive"], "mirrored": True, "mode": "corpus", "tolerance": 0.025, "max_gap": None,
        "batch_files": BATCH_FILES, **StatisticsConfig().model_dump(),
        "prior_examples": PRIOR_EXAMPLES, "min_pmi": MIN_PMI,
    }  # fmt: skip
    steps: dict[str, dict[str, float]] = {
        "seconds": {},
        "cpu_seconds": {},
        "check_seconds": {},
        "check_cpu_seconds": {},
    }

    def timed(kind: str, name: str, step: Callable[[], object]) -> None:
        started, used = time.perf_counter(), time.process_time()
        step()
        steps[f"{kind}seconds"][name] = time.perf_counter() - started
        steps[f"{kind}cpu_seconds"][name] = time.process_time() - used

    with (
        tempfile.TemporaryDirectory(dir=CACHE) as scratch,
        open_warehouse(Path(scratch) / "audits.duckdb") as warehouse,
    ):
        connection = warehouse._connection
        connection.execute("begin")
        if bare:
            for name, sql in BARE.items():
                used = {key: paths for key, paths in named.items() if f"${key}" in sql}
                timed("", name, partial(connection.execute, sql, used))
        else:
            for name in QUERIES:
                timed("", name, partial(warehouse.build, f"aggregate/{name}", params))
            for name in QUERIES:
                timed("check_", name, partial(warehouse.check, [name], params))
        timed("", "commit", partial(connection.execute, "commit"))
        size = (Path(scratch) / "audits.duckdb").stat().st_size
    return {
        "rows": int((folder / "done").read_text()), "parts": len(named["tokens"]), **steps, "total": sum(steps["seconds"].values()),
        "cpu_total": sum(steps["cpu_seconds"].values()), "checks": sum(steps["check_seconds"].values()), "peak_rss_mb": peak_rss_mb(), "database_bytes": size,
        "token_bytes": sum(Path(path).stat().st_size for path in named["tokens"]),
    }  # fmt: skip


def print_ratios(ours: dict[str, Any], bare: dict[str, Any]) -> None:
    """How many times as long as a bare one the tables with its sums take, and how many times all of them."""

    def times(tables: Iterable[str], steps: Iterable[str], kind: str) -> float:
        return sum(ours[kind][name] for name in tables) / sum(bare[kind][name] for name in steps)

    for what, tables, steps in (
        ("place", ["word_occurrences"], ["place"]),
        ("place and word", ["word_occurrences", "word_scores"], ["place", "word"]),
    ):
        same, everything = (
            [times(names, steps, kind) for kind in ("seconds", "cpu_seconds")] for names in (tables, ours["seconds"])
        )
        print(
            f"\tbare, by {what}\tthe tables of the same sums take {same[0]:.2f} times as long ({same[1]:.2f}), "
            f"everything {everything[0]:.1f} times ({everything[1]:.1f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000, 100_000_000])
    parser.add_argument("--measure", type=Path)
    parser.add_argument("--bare", action="store_true")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.bare)))
        return
    found = []
    for num_rows in given.rows:
        folder = CACHE / str(num_rows)
        write_parts(folder, num_rows)
        ours, bare = (
            json.loads(subprocess.run([sys.executable, __file__, "--measure", folder, *flags], check=True, capture_output=True, text=True).stdout.splitlines()[-1])
            for flags in ([], ["--bare"])
        )  # fmt: skip
        found.append({**ours, "bare": bare})
        print(
            f"{ours['rows']:,} tokens in {ours['parts']} parts: {ours['total']:.1f} s ({ours['cpu_total']:.1f} of a processor), "
            f"peak {ours['peak_rss_mb']:.0f} MB; checks {ours['checks']:.1f} s"
        )
        for step, spent in ours["seconds"].items():
            print(f"\t{step}\t{spent:.1f} s ({ours['cpu_seconds'][step]:.1f})")
        print_ratios(ours, bare)
        print(f"\tpeak of the bare ones\t{bare['peak_rss_mb']:.0f} MB", flush=True)
    exponents = {}
    for name in ("total", "cpu_total") if len(found) > 1 else ():
        rows, totals = (np.log([float(one[key]) for one in found]) for key in ("rows", name))
        exponents[name] = float(np.polyfit(rows, totals, 1)[0])
    print(f"cost grows like rows to the power {exponents}")
    header = {
        "machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "python": platform.python_version(),
        "duckdb": version("duckdb"), "exponents": exponents,
    }  # fmt: skip
    RESULTS.write_text(json.dumps({"header": header, "sizes": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
