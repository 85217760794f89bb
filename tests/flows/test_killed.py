"""An audit that is stopped by SIGTERM and then killed in mid-attribution, through the command line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from tests.attribution.minilm import saved

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path, prefect_home, prefect_api):
    """Starts an audit in a folder: the demo's encoder, a layer of it with a seeded head, on film reviews."""
    model = saved(tmp_path / "model", num_hidden_layers=1).folder
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    environment |= {"PREFECT_HOME": str(prefect_home), "PREFECT_API_URL": prefect_api}

    def start(folder):
        folder.mkdir(exist_ok=True)
        config = folder / "killed.yaml"
        config.write_text(f"""
name: killed
warehouse: {folder}/audits.duckdb
output: {folder}/runs
data: {{path: {ROOT}/warehouse/seeds/movie_reviews.parquet, where: {{split: test}}, sample: 320}}
model: {{path: {model}, labels: [negative, positive]}}
attribution: {{gradients: 3, max_quarantined: 1.0}}
screening: {{max_candidates: 10}}
verification: {{min_effect: 0.001}}
""")
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "run", config], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


def ended(process):
    """Standard output of an audit that ends well."""
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return out


def derived_tables(folder, tmp_path):
    """Content of every derived table, byte by byte."""
    content = {}
    with duckdb.connect(str(folder / "audits.duckdb"), read_only=True) as connection:
        ((run_id,),) = connection.execute("select run_id from runs").fetchall()
        for (name,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = ?", [run_id]
        ).fetchall():
            file = tmp_path / f"{name}.parquet"
            connection.execute(f'copy "{run_id}"."{name}" to \'{file}\' (format parquet)')
            content[name] = file.read_bytes()
    return content


def wait_for(path, process):
    deadline = time.monotonic() + 300
    while not path():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_that_was_stopped_and_killed_ends_with_the_same_tables_to_the_byte(world, tmp_path):
    calm, folder = tmp_path / "calm", tmp_path / "disturbed"
    undisturbed = ended(world(calm))
    with duckdb.connect(str(calm / "audits.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) > 100 from trials").fetchall() == [(True,)]

    stopped = world(folder)
    wait_for(lambda: list(folder.glob("runs/*/shards/ingest.json")), stopped)
    time.sleep(1)
    stopped.send_signal(signal.SIGTERM)
    _, errors = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert errors.splitlines()[-1] == "token-audit: stopped. Nothing is lost: the same command goes on from here."
    assert "Traceback" not in errors

    killed = world(folder)
    wait_for(lambda: list(folder.glob("runs/*/parts/part-00000.json")), killed)
    killed.kill()
    killed.communicate()
    first = next(folder.glob("runs/*/parts/part-00000.tokens.parquet"))
    written = first.stat().st_mtime_ns
    assert not list(folder.glob("runs/*/parts/part-00001.json"))

    out = ended(world(folder))
    assert first.stat().st_mtime_ns == written
    expected, found = (derived_tables(place, tmp_path) for place in (calm, folder))
    assert len(expected) > 10
    assert found == expected
    assert out.splitlines()[:-2] == undisturbed.splitlines()[:-2]
