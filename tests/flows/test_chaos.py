"""A short `make chaos`: audits that are killed, damaged and in company. In a process of its own, since it forks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]


# All in one process: each would train and audit undisturbed once more.
FAULTS = ("damaged_parts",)
# The first kill is in the load of the database; test_killed.py stops and kills an audit in the attribution, and
# test_audit.py starts one twice.
SEEDS = ("7",)


def test_an_audit_ends_as_if_nothing_had_happened():
    words, tried = ("--seeds", *SEEDS, "--faults", *FAULTS), len(SEEDS) + len(FAULTS)
    result = subprocess.run(
        [sys.executable, ROOT / "tests/benchmarks/chaos.py", *words], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert result.stdout.splitlines()[-1:] == [f"survived {tried} / tried {tried}"], result.stdout + result.stderr
