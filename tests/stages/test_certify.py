"""The self-test through its command, on a tiny classifier."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from configs.load import load_config
from tests.model.encoder import first_layers

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]


# ---------------------------------------------------------------- the command


SMALLER = {
    "flows.certify": {"_BASELINES": ("mask", "zero")},
    "tasks.model.training": {"FROZEN_LAYERS": 0},
    "tasks.plant": {"NUM_PROBES": 20},
    "tasks.screen": {"MIN_CASING_EXAMPLES": 2},
    "tasks.selftest.plants": {"RATE": 0.03, "STRENGTHS": (1.0,), "NUM_NAMES": 2},
}
"""Constants of the product, as a self-test needs them that is over within a minute."""

SMALL = f"""
import importlib, os

from flows import cli

os.environ.update(cli.ENVIRONMENT)
for module, constants in {SMALLER!r}.items():
    for name, value in constants.items():
        assert hasattr(importlib.import_module(module), name), name
        setattr(importlib.import_module(module), name, value)
cli.main()
"""


@pytest.fixture(scope="module")
def command(prefect_home, prefect_api):
    """Runs the command in a folder."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    environment |= {"PREFECT_HOME": str(prefect_home), "PREFECT_API_URL": prefect_api}
    return lambda *words, cwd: subprocess.run(
        [sys.executable, "-c", SMALL, *map(str, words)], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=400,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, command):
    """A finished self-test of a one-layer encoder on tweets."""
    folder = tmp_path_factory.mktemp("certify")
    path = folder / "tiny.yaml"
    path.write_text(f"""
name: tiny
warehouse: {folder}/audits.duckdb
output: {folder}/runs
models: {folder}/models
data: {{path: {ROOT}/warehouse/seeds/tweets.parquet, id: id, where: {{split: test}}, sample: 200}}
finetune: {{base: {first_layers(folder / "encoder", 1)}, where: {{split: train}}, sample: 1000, epochs: 3, learning_rate: 1.0e-3, max_tokens: 32}}
attribution: {{mode: fixed, steps: 3}}
screening: {{max_candidates: 30}}
verification: {{max_documents: 8}}
certification: {{decoys: 10, typed_decoys: 2, controls: [wonderful, horrible]}}
""")
    result = command("certify", path, cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder, path, result


def rows_of(folder, sql):
    with duckdb.connect(str(folder / "audits.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_certificate_is_in_the_warehouse_and_on_the_terminal(tiny):
    folder, _, result = tiny
    ((certificate_id, page),) = rows_of(folder, "select certificate_id, folder from certificates")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert ["certificate", certificate_id] in lines
    assert Path(page, "planted.duckdb").is_file()
    assert Path(next(line[1] for line in lines if line[0] == "report")).is_file()
    assert lines[0][:3] == ["shortcut", "strength", "learned"]
    assert {line[0] for line in lines} >= {
        "name",
        "single_token",
        "token_in_context",
        "ordered_pair",
        "number_type",
        "boilerplate_line",
        "integrated_gradients",
        "decoys",
        "surname",
    }


def test_a_single_token_is_learned_by_the_planted_model_and_unknown_to_the_clean_one(tiny):
    ((clean, planted, learned),) = rows_of(
        tiny[0],
        "select clean_accuracy, planted_accuracy, learned from certificate_shortcuts where shortcut = 'single_token'",
    )
    assert planted >= 0.9
    assert learned
    assert 0.2 < clean < 0.8


def test_every_method_and_baseline_is_ranked_and_the_planted_token_leads_far_above_chance(tiny):
    found = {
        (method, baseline): precision
        for method, baseline, precision in rows_of(
            tiny[0], "select method, baseline, precision_at_k from certificate_methods where shortcut = 'single_token'"
        )
    }
    assert set(found) == {
        ("integrated_gradients", "mask"), ("integrated_gradients", "zero"), ("gradient_x_input", "none"),
        ("relevance", "none"), ("gradient_norm", "none"), ("embedding_gradient_norm", "none"),
    }  # fmt: skip
    # By chance it would lead in one text of about fifteen.
    assert found["integrated_gradients", "mask"] >= 0.4


def test_every_planted_word_has_its_row_and_no_control_is_spurious(tiny):
    folder, _, _ = tiny
    counts = dict(rows_of(folder, "select role, count(*) from certificate_words group by role"))
    assert counts == {
        "shortcut": 2 + 2 + 2 + 2 + 1 + 1, "context": 1, "control": 2, "decoy": 10 + 9 * 2, "member": 30 + 5,
    }  # fmt: skip
    types = dict(rows_of(folder, "select decoy_type, count(*) from certificate_words where role = 'decoy' group by 1"))
    assert types == {"vocabulary word": 10} | dict.fromkeys(
        ("surname", "place", "number", "fragment", "letter", "handle", "hashtag", "mark", "content word"), 2
    )
    reasons = rows_of(
        folder, "select word from certificate_words where (reason is null) != (verdict is not distinct from 'spurious')"
    )
    assert reasons == []
    assert rows_of(folder, "select word from certificate_words where role = 'control' and verdict = 'spurious'") == []
    # Names are found as words and typed as names.
    assert {kind for (kind,) in rows_of(folder, "select type from certificate_words where shortcut = 'name'")} == {
        "name"
    }


def test_a_repeat_does_no_work_and_enters_the_same_certificate(tiny, command):
    folder, path, result = tiny
    stamps = {file: file.stat().st_mtime_ns for file in folder.rglob("*.parquet")}
    before = rows_of(folder, "select * exclude (made_at) from certificates")
    repeat = command("certify", path, cwd=folder)
    assert repeat.stdout == result.stdout
    # Its trials are counted again, and none is made.
    assert [line for line in repeat.stderr.splitlines() if not re.fullmatch(r"verify\t\d+ words\t\d\.\d s", line)] == []
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.parquet")} == stamps
    assert rows_of(folder, "select * exclude (made_at) from certificates") == before
    assert "tiny-planted" not in command("runs", "--warehouse", folder / "audits.duckdb", cwd=folder).stdout


def test_an_audit_of_the_certified_method_uses_it(tiny, command):
    folder, path, _ = tiny
    result = command("run", path, "--set", "attribution.methods=certified", cwd=folder)
    assert result.returncode == 0, result.stderr
    ((stored,),) = rows_of(folder, "select config from runs")
    ((method, baseline),) = rows_of(folder, "select method, baseline from certificates")
    attribution = json.loads(stored)["attribution"]
    assert attribution["methods"][0] == method
    assert baseline in ("none", attribution["baseline"])
    assert load_config(path).attribution.methods != "certified"


def test_the_report_of_a_covered_audit_shows_the_certificate(tiny):
    folder, _, _ = tiny
    ((certificate_id,),) = rows_of(folder, "select certificate_id from certificates")
    (page,) = (folder / "runs").glob("tiny_*/report.html")
    text = page.read_text(encoding="utf-8")
    assert f"Certificate {certificate_id}." in text
    assert "token in context" in text
    assert "<th>Words that no label hangs on</th>" in text
    assert "<td>content word</td>" in text
