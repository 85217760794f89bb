"""Cost of the statistics on 10 million (document, word) rows: `make benchmark-statistics`.

Words are drawn by Zipf's law, 20 to a text, texts have two labels and one slice column; every hundredth word leans towards a
label and some neighbours belong together, so that the gate of the bigrams is passed. The tables
`examples`, `word_occurrences`, `piece_occurrences` and `example_slices` are made first; timed is everything that the
aggregate stage adds up from them, in a database on the disk, as it is opened by the product (one thread, so that sums
of floats are the same from run to run). Prints seconds of each query and the peak memory of the process, and writes
tests/benchmarks/results/statistics.json.
"""

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa

from configs.schema import StatisticsConfig
from tasks.aggregate import MIN_PMI, PRIOR_EXAMPLES
from warehouse import Warehouse, open_warehouse

RESULTS = Path(__file__).parent / "results" / "statistics.json"
VOCABULARY = 100_000
WORDS_PER_TEXT = 20
BATCH = 50_000
QUERIES = (
    "bigram_occurrences", "word_scores", "word_importance", "label_association", "minority_gap", "quadrants",
    "slice_importance", "slice_association", "slice_difference", "corpus_means", "stability",
)  # fmt: skip
"""Those of the aggregate stage that add up scores or labels."""
PREPARED = ("bigram_occurrences", "word_scores")
"""They bring occurrences into the shape that the statistics read; listed apart."""


def fill(warehouse: Warehouse, num_rows: int) -> None:
    """The tables that the timed queries read."""
    random = np.random.default_rng(0)
    connection = warehouse._connection
    weights = 1 / np.arange(1, VOCABULARY + 1)
    cumulative = np.cumsum(weights / weights.sum())
    vocabulary = pa.array([f"w{i}" for i in range(VOCABULARY)])
    leaning = np.where(np.arange(VOCABULARY) % 100 == 17, 1.0, 0.0)
    num_texts = num_rows // WORDS_PER_TEXT
    for first in range(0, num_texts, BATCH):
        size = min(BATCH, num_texts - first)
        gold, right = random.integers(0, 2, size), random.random(size) < 0.85
        predicted = np.where(right, gold, 1 - gold)
        names = np.array(["negative", "positive"])
        examples = pa.table({
            "example_id": np.arange(first, first + size), "text": pa.repeat("x " * WORDS_PER_TEXT, size),
            "gold_label": names[gold], "predicted_label": names[predicted], "target_label": names[predicted],
            "converged": np.ones(size, bool),
        })  # fmt: skip
        words = np.searchsorted(cumulative, random.random((size, WORDS_PER_TEXT)))
        # A word of the first thousand drags its own successor along.
        follows = (words[:, :-1] % 50 == 7) & (words[:, :-1] < 1000)
        words[:, 1:] = np.where(follows, words[:, :-1] + VOCABULARY // 2, words[:, 1:])
        flat = words.ravel()
        towards = np.repeat(np.where(predicted == 1, 1.0, -1.0), WORDS_PER_TEXT)
        places = np.tile(2 * np.arange(WORDS_PER_TEXT), size)
        occurrences = pa.table({
            "example_id": np.repeat(np.arange(first, first + size), WORDS_PER_TEXT), "word_start": places, "word_end": places + 1,
            "word": vocabulary.take(pa.array(flat)), "n_pieces": np.ones(flat.size, np.int64), "starts_sentence": places == 0,
            "score": random.normal(size=flat.size) + leaning[flat] * towards, "gradient_x_input": random.normal(size=flat.size),
            "gradient_norm": random.random(flat.size), "contrast": 0.1 * random.normal(size=flat.size),
        })  # fmt: skip
        slices = pa.table({
            "example_id": examples["example_id"], "slice": pa.repeat("split", size),
            "value": np.where(random.random(size) < 0.8, "train", "test"),
        })  # fmt: skip
        for name, table in (("examples", examples), ("word_occurrences", occurrences), ("example_slices", slices)):
            connection.register("incoming", table)
            exists = "insert into" if first else "create table"
            connection.execute(f"{exists} {name} {'' if first else 'as'} select * from incoming")
            connection.unregister("incoming")
    connection.execute(
        "create table piece_occurrences as select example_id, word as piece, word as source_word, score, gradient_x_input, "
        "gradient_norm, contrast from word_occurrences where false"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=11_000_000, help="words of all texts; one in fourteen is there twice"
    )
    num_rows = parser.parse_args().rows
    params = {
        "labels": ["negative", "positive"], "mirrored": True, "corpus": "data", "corpora": ["corpus_means", "corpus_means"],
        **StatisticsConfig().model_dump(), "prior_examples": PRIOR_EXAMPLES, "min_pmi": MIN_PMI,
    }  # fmt: skip
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder, open_warehouse(Path(folder) / "audits.duckdb") as warehouse:
        fill(warehouse, num_rows)
        filled = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"filled, peak {filled:.0f} MB", flush=True)
        for name in QUERIES:
            started = time.monotonic()
            warehouse.build(f"aggregate/{name}", params)
            seconds = time.monotonic() - started
            (size,) = warehouse._connection.execute(f"select count(*) from {name}").fetchall()[0]
            rows.append({"table": name, "rows": size, "seconds": round(seconds, 2)})
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{name:20} {size:>12,} rows {seconds:7.2f} s   peak {peak:6.0f} MB", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    statistics = sum(float(str(row["seconds"])) for row in rows if row["table"] not in PREPARED)
    print(f"statistics {statistics:.1f} s, peak {peak:.0f} MB")
    header = {
        "machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "python": platform.python_version(),
        "duckdb": version("duckdb"), "rows": num_rows, "statistics_seconds": round(statistics, 1), "peak_rss_mb": round(peak),
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"header": header, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
