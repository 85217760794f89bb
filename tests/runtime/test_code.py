"""What is computed again when code changes: what decides figures, and nothing else."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEYED = ("tasks/finetune.py", "tasks/plant.py", "tasks/rank.py", "tasks/runs/identity.py", "tasks/trials/part.py")
"""Modules with the keys of classifiers, planted copies, ranks, runs (shards and attributions) and trials."""


@pytest.fixture
def product(tmp_path):
    """A copy of the code that the hash is taken of."""
    for package in ("configs", "tasks"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def keys(product):
    """The hash of the code in each key, as a new process takes it."""
    calls = [
        re.search(r"code_of\(([^)]*)\)", (product / module).read_text(encoding="utf-8"), re.DOTALL)[1]
        for module in KEYED
    ]
    program = f"from tasks.runtime.code import code_of\nprint(*[{', '.join(f'code_of({call})' for call in calls)}])"
    run = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(product)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(zip(KEYED, run.stdout.split(), strict=True))


def append(path, text="\n# another line\n"):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.parametrize(
    "module", ["runtime/progress.py", "runtime/workers.py", "runs/run.py", "pages/charts.py", "report.py"]
)
def test_a_changed_progress_bar_or_chart_computes_nothing_again(product, module):
    before = keys(product)
    append(product / "tasks" / module)
    assert keys(product) == before


@pytest.mark.parametrize(
    ("module", "stale"),
    [
        ("attribution/quadrature.py", {"tasks/rank.py", "tasks/runs/identity.py", "tasks/trials/part.py"}),
        ("text/words.py", set(KEYED)),
        ("selftest/plants.py", {"tasks/plant.py", "tasks/rank.py"}),
        ("trials/operators.py", {"tasks/trials/part.py"}),
        ("ingest.py", {"tasks/runs/identity.py"}),
    ],
)
def test_what_depends_on_changed_code_is_computed_again_and_nothing_else(product, module, stale):
    before = keys(product)
    append(product / "tasks" / module)
    after = keys(product)
    assert {name for name in KEYED if after[name] != before[name]} == stale
