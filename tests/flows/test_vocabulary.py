"""A review with training through its command: codes that help are accepted and others are not, and a kill changes nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from transformers import AutoTokenizer

from tasks.vocabulary.choice import CANDIDATES, PLACEBO
from tests.benchmarks.vocabulary import Sizes, codes, config_of, judged, small_encoder, summary_of

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]

SMALL = """
import os

from flows import cli

os.environ.update(cli.ENVIRONMENT)
import tasks.teach

# No time for other seeds.
tasks.teach.NUM_SEEDS = 1
cli.main()
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory, prefect_home, prefect_api):
    """The config of a small copy of the benchmark, the codes that say something, and what starts the command."""
    home = tmp_path_factory.mktemp("vocabulary")
    encoder = small_encoder(home / "encoder")
    rows, meant = codes(AutoTokenizer.from_pretrained(encoder), 100, Sizes(40, 24, 8, 20, 20))
    path = config_of("codes", 100, encoder, rows, home / "codes")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    environment |= {"PREFECT_HOME": str(prefect_home), "PREFECT_API_URL": prefect_api}

    def start():
        return subprocess.Popen(
            [sys.executable, "-c", SMALL, "vocabulary", "review", str(path), "--train", "--set", "screening.max_candidates=8"], cwd=home, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return path.parent, {code.lower() for code in meant}, start


@pytest.fixture(scope="module")
def done(world):
    """What the command printed."""
    out, errors = (process := world[2]()).communicate(timeout=400)
    assert process.returncode == 0, errors
    return out


def tables(folder):
    """Every table of the review, as text."""
    with duckdb.connect(str(folder / "audits.duckdb"), read_only=True) as connection:
        ((run,),) = connection.execute("select run_id from main.runs").fetchall()
        return {
            name: connection.execute(f'select * from "{run}".{name} order by all').fetchall()
            for name in ("token_words", "token_texts", "token_gains")
        }


def test_codes_that_help_as_one_token_are_accepted_and_no_others(world, done):
    folder, meant, _ = world
    (page,) = folder.glob("runs/codes-100_*/vocabulary.html")
    assert f"vocabulary\t{page}" in done.splitlines()
    facts = json.loads(page.with_suffix(".json").read_text())
    gains = {row["arm"]: row for row in facts["gains"] if row["texts"] == "affected"}
    assert gains[CANDIDATES]["gain_low"] > 0
    assert gains[PLACEBO]["n_texts"] > 100
    found = judged(facts, meant)
    assert found["accepted"]
    assert set(found["accepted"]) <= meant
    assert set(found["proposed"]) - meant
    # That nothing should have been accepted would be wrong.
    assert not judged(facts, None)["is_right"]
    row = {"set": "codes", "seed": 100, **found, "shifts": facts["shifts"], "seconds": {"audit": 60.0}}
    summary = summary_of({"rows": [row]})
    assert all(isinstance(value, int | float | bool | None) for value in summary.values())
    assert (summary["codes_seeds"], summary["codes_minutes"]) == (1, 1.0)
    assert summary["codes_meant"] == 8
    assert summary["codes_meant_accepted"] == summary["codes_words_accepted"] == len(found["accepted"])
    assert summary["codes_flips_others"] == 0


def test_a_killed_retraining_ends_with_the_same_tables(world, done):
    folder, _, start = world
    before = tables(folder)
    (parts,) = folder.glob("runs/codes-100_*/vocabulary")
    kept = {part.name for part in parts.iterdir()}
    trained = sorted(parts.glob("*-100-*.json"), key=lambda manifest: manifest.stat().st_mtime_ns)
    assert len(trained) == 4
    # The last two arms are trained again.
    for part in parts.iterdir():
        if part.name.split(".")[0] in {manifest.stem for manifest in trained[2:]}:
            part.unlink()
    process = start()
    deadline = time.monotonic() + 300
    while len(list(parts.glob("*-100-*.json"))) < 3 and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert {part.name for part in parts.glob("*.json")} < kept
    first = [manifest.stat().st_mtime_ns for manifest in trained[:2]]
    _, errors = (process := start()).communicate(timeout=400)
    assert process.returncode == 0, errors
    assert {part.name for part in parts.iterdir()} == kept
    assert [manifest.stat().st_mtime_ns for manifest in trained[:2]] == first
    assert tables(folder) == before
