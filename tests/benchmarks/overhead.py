"""What an audit costs beside its model: `make benchmark-overhead`, after `make audit`.

The demo's classifier and 2,000 held-out reviews, through `token-audit run` as a user starts it. Each stage is timed by
the start of the next one. Then a bare process imports torch and transformers and loads the model, and the same shards and
what is tried go through `attribute_part`, `try_placebos`, `try_patterns` and `try_group` again: no flow, no Prefect, no database, no progress. What the run
took longer than these three is its overhead.

A run and a bare process take turns, since a machine may be a twentieth faster or slower some minutes later. Prints the stages of each round and
the median overhead, and writes tests/benchmarks/results/overhead.json.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from tests.benchmarks.chaos import World

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "overhead.json"
BARE = """
import json, sys, time
from pathlib import Path

begun = time.perf_counter()
from transformers import AutoModelForSequenceClassification, AutoTokenizer

AutoTokenizer.from_pretrained(sys.argv[3])
AutoModelForSequenceClassification.from_pretrained(sys.argv[3])
start = time.perf_counter() - begun
from configs.load import load_config
from tasks.attribute import attribute_part, plan_run
from tasks.model.load import load_classifier
from tasks.finetune import obtain_classifier
from tasks.runtime.parts import Shard
from tasks.text.words import segmenter
from tasks.trials.patterns import try_patterns
from tasks.trials.placebos import try_placebos
from tasks.trials.runner import try_group
from tasks.verify import plans_of

config = load_config(Path(sys.argv[1]))
model = obtain_classifier.fn(config)
(run,) = Path(config.output).glob("reviews_*")
texts = sorted((run / "shards").glob("shard-*.json"))
folder = Path(sys.argv[2])
quiet = {"left_out": frozenset(), "dry": False, "advance": lambda amount: None}
load_classifier(model, config.attribution.dtype)
started = time.perf_counter()
plan_run(texts, model, config.attribution, folder / "parts/plan.json", **quiet)
for path in texts:
    part = folder / "parts" / path.name
    attribute_part(path, model, config.attribution, folder / "parts/plan.json", part, segmenter(), **quiet)
attributed = time.perf_counter()
shards = [Shard(path, run / "parts" / path.name.replace("shard", "part")) for path in texts]
planned = plans_of(config, run.name, model, shards)
given = (shards, model, config.attribution.dtype, config.verification)
begun = time.perf_counter()
trials = folder / "trials"
try_placebos(planned.types, *given, trials / "placebos.json")
try_patterns(planned.patterns, *given, trials / "patterns.json")
try_group(planned.candidates, *given, trials / "placebos.json", trials / "part-00000.json")
print(json.dumps({"start": start, "attribution": attributed - started, "verification": time.perf_counter() - begun}))
"""


Seconds = dict[str, float]


def timed(sample: int) -> tuple[Seconds, Seconds]:
    """Seconds of each stage of a run, and of each part of the bare process."""
    with tempfile.TemporaryDirectory() as scratch:
        world = World(Path(scratch), threads=os.cpu_count() or 1)
        demo = yaml.safe_load((ROOT / "configs/reviews.yaml").read_text())
        demo |= {"warehouse": f"{world.made}/audits.duckdb", "output": f"{world.made}/runs"}
        demo["models"] = str(ROOT / "models")
        demo["data"] |= {"path": str(ROOT / demo["data"]["path"]), "sample": sample}
        world.config.write_text(yaml.safe_dump(demo))
        # The model is there before the clock starts, and Prefect's own database, which takes seconds once on a machine.
        if (made := world.run("finetune", world.config)).returncode:
            raise SystemExit(made.stderr)
        model = made.stdout.split()[-1]
        stages = world.timeline()
        done = subprocess.run(
            [sys.executable, "-c", BARE, world.config, Path(scratch) / "bare", model], cwd=world.folder, check=True, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        )  # fmt: skip
        return dict(stages), json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    rounds = []
    for number in range(1, given.rounds + 1):
        stages, bare = timed(given.sample)
        wall = sum(stages.values())
        overhead = wall - sum(bare.values())
        rounds.append(
            {"stages": stages, "bare": bare, "seconds": wall, "overhead_seconds": overhead, "overhead": overhead / wall}
        )
        for stage, seconds in stages.items():
            print(f"{number}\t{stage:20}{seconds:8.1f} s{seconds / wall:8.1%}")
        print(f"{number}\t{'all':20}{wall:8.1f} s")
        for part, seconds in bare.items():
            print(f"{number}\tbare {part:15}{seconds:8.1f} s")
        print(f"{number}\toverhead {overhead:.1f} s, {overhead / wall:.1%}", flush=True)
    median = {
        name: statistics.median(own[name] for own in rounds) for name in ("seconds", "overhead_seconds", "overhead")
    }
    print(
        f"overhead {median['overhead_seconds']:.1f} s, {median['overhead']:.1%} of the run on {given.sample} reviews: medians of {given.rounds} rounds"
    )
    header = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "started": time.strftime("%Y-%m-%d"), "reviews": given.sample}  # fmt: skip
    RESULTS.write_text(json.dumps({"header": header, **median, "rounds": rounds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
