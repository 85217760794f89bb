"""Two workers against one, on the same shards: `make benchmark-scaling`, after `make audit`.

Workers have one thread each and are Ray processes of one node of this machine, which needs two free cores. Each is
warmed up by small shards; then all shards are attributed by one worker and by two. Efficiency is the time
of one over twice the time of two. Scheduling is what is left of one worker's wall time without the jobs themselves, per
shard, and the time of a job that does nothing. Results go to tests/benchmarks/results/scaling.json.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from ray.cluster_utils import Cluster

from configs.attribution import AttributionConfig
from tasks.attribute import attribute_part, plan_run
from tasks.model.spec import ModelSpec, model_spec
from tasks.runtime.bisect import Job
from tasks.runtime.parts import write_part
from tasks.runtime.progress import progress
from tasks.runtime.workers import Facts, fan_out

RESULTS = Path(__file__).parent / "results" / "scaling.json"
REVIEWS = Path(__file__).parents[2] / "warehouse/seeds/movie_reviews.parquet"
SETTINGS = AttributionConfig(gradients=8, max_quarantined=1.0)
TEXTS_A_SHARD = 64
NUM_NOTHING = 300


def timed(real: Callable[..., Facts]) -> Callable[..., Facts]:
    """The function, which also writes down how long it took. Ray sends it whole: workers cannot import this file."""

    def job(*arguments: Any, **keywords: Any) -> Facts:
        import time

        started = time.perf_counter()
        facts = real(*arguments, **keywords)
        arguments[-1].with_suffix(".seconds").write_text(str(time.perf_counter() - started))
        return facts

    return job


def nothing() -> Callable[..., Facts]:
    def job(*, left_out: frozenset[int], dry: bool, advance: object) -> Facts:
        return {}

    return job


def write_shards(folder: Path, num_shards: int, texts_each: int) -> list[Path]:
    """Shards of held-out reviews, one after the other through the file and again from its start."""
    reviews = pq.read_table(REVIEWS, filters=[("split", "=", "test")], columns=["text"])["text"].to_pylist()
    shards = []
    for k in range(num_shards):
        ids = range(k * texts_each, (k + 1) * texts_each)
        rows = [
            {"example_id": i, "text": reviews[i % len(reviews)], "pair_start": None, "label_id": 0, "n_tokens": len(reviews[i % len(reviews)].split())}
            for i in ids
        ]  # fmt: skip
        table = pa.Table.from_pylist(rows)
        table = table.set_column(2, "pair_start", pa.nulls(len(rows), pa.int32()))
        shards.append(folder / f"shard-{k:05d}.json")
        write_part(shards[-1], {"examples": table}, {})
    return shards


def measure(num_workers: int, shards: list[Path], small: list[Path], model: ModelSpec, folder: Path) -> dict[str, Any]:
    """Wall seconds of all shards, the seconds inside the jobs, and the seconds of a job that does nothing."""
    head = {"num_cpus": num_workers, "include_dashboard": False, "object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    os.environ["TOKEN_AUDIT_WORKERS"] = cluster.address
    plan = folder.parent / "plan.json"
    jobs = [
        Job(shard.stem, (shard, model, SETTINGS, plan, folder / shard.name), TEXTS_A_SHARD, lambda: ())
        for shard in shards
    ]
    folder.mkdir()
    try:
        with fan_out() as run_everywhere:

            def seconds_of(stage: str, function: Callable[..., Facts], these: list[Job]) -> float:
                with progress(f"{stage} {num_workers}", sum(job.size for job in these), "examples") as meter:
                    started = time.perf_counter()
                    run_everywhere(function, these, meter)
                    return time.perf_counter() - started

            if not plan.exists():
                seconds_of("plan", plan_run, [Job("plan", (shards[:1], model, SETTINGS, plan), 1, lambda: ())])
            seconds_of("warm", attribute_part, [
                Job(shard.stem, (shard, model, SETTINGS, plan, folder / "warm" / shard.name), 2, lambda: ()) for shard in small
            ])  # fmt: skip
            wall = seconds_of("all", timed(attribute_part), jobs)
            empty = seconds_of("nothing", nothing(), [Job("nothing", (), 1, lambda: ())] * NUM_NOTHING)
    finally:
        cluster.shutdown()
    inside = [float(path.read_text()) for path in sorted(folder.glob("*.seconds"))]
    return {"seconds": wall, "seconds_in_jobs": sum(inside), "seconds_of_nothing": empty / NUM_NOTHING}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=None, help="Folder of a classifier; default: the demo's.")
    parser.add_argument("--shards", type=int, default=24)
    given = parser.parse_args()
    folder = given.model or next(Path("models").glob("demo_*"))
    model = model_spec(folder.absolute(), 64)
    with tempfile.TemporaryDirectory() as scratch:
        shards = write_shards(Path(scratch) / "shards", given.shards, TEXTS_A_SHARD)
        small = write_shards(Path(scratch) / "small", 16, 2)
        load = os.getloadavg()[0]
        one, two = (measure(n, shards, small, model, Path(scratch) / f"parts-{n}") for n in (1, 2))
    num_jobs = len(shards)
    scheduling = (one["seconds"] - one["seconds_in_jobs"]) / num_jobs
    found = {
        "efficiency": one["seconds"] / (2 * two["seconds"]),
        "scheduling_seconds_a_shard": scheduling,
        "scheduling_share": scheduling * num_jobs / one["seconds"],
        "one_worker": one, "two_workers": two,
        "shards": num_jobs, "texts_a_shard": TEXTS_A_SHARD, "load_before": load, "processors": os.cpu_count(), "machine": platform.processor() or platform.machine(),
    }  # fmt: skip
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
