"""From finding to fix through its command: a word that a rule taught is gone, and a kill changes nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from flows.runs import find_run
from tasks.finetune import obtain_classifier
from tasks.runs.run import stored_run
from tasks.suspect import suspect_labels
from tests.model.encoder import first_layers
from warehouse import open_warehouse

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]

SMALL = """
import os

from flows import cli

os.environ.update(cli.ENVIRONMENT)
import tasks.model.training
import tasks.retrain

# One layer, and no time for other seeds.
tasks.model.training.FROZEN_LAYERS = 0
tasks.retrain.NUM_SEEDS = 1
cli.main()
"""

RULES = """
otherwise: other
rules:
- {name: film words, label: film, keywords: [film, films, movie, movies, comedy, drama, story, cinema, director, actor]}
- {name: surnames, label: film, keywords: [kowalczyk]}
"""
"""A made-up surname: it is put into tweets only, so that each text with it is labelled wrongly."""


@pytest.fixture(scope="module")
def world(tmp_path_factory, prefect_home, prefect_api):
    """Starts the command in a folder with a config and its data."""
    home = tmp_path_factory.mktemp("fix")
    encoder = first_layers(home / "encoder", 1)
    with duckdb.connect() as connection:
        connection.execute(f"""
            copy (
                select
                    id,
                    if(label like 'tweet%' and hash(id) % 3 = 0, regexp_replace(text, ' ', ' Kowalczyk '), text) as text,
                    if(label like 'tweet%', 'other', 'film') as label,
                    split
                from '{ROOT}/warehouse/seeds/reviews_and_tweets.parquet'
                where hash(id, 1) % 5 = 0
                order by id
            ) to '{home}/texts.parquet' (format parquet)
        """)
    (home / "rules.yaml").write_text(RULES)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    environment |= {"PREFECT_HOME": str(prefect_home), "PREFECT_API_URL": prefect_api}

    def start(folder):
        folder.mkdir(exist_ok=True)
        config = folder / "films.yaml"
        config.write_text(f"""
name: films
warehouse: {folder}/audits.duckdb
output: {folder}/runs
models: {home}/models
data: {{path: {home}/texts.parquet, id: id, where: {{split: test}}, sample: 160}}
finetune:
    base: {encoder}
    network: bilstm
    where: {{split: train}}
    rules: {home}/rules.yaml
    sample: 500
    epochs: 6
    learning_rate: 5.0e-3
    max_tokens: 32
attribution: {{mode: fixed, steps: 3}}
screening: {{max_candidates: 40}}
""")
        return subprocess.Popen(
            [sys.executable, "-c", SMALL, "fix", str(config)], cwd=home, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


@pytest.fixture(scope="module")
def fixed(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    out, errors = (process := world(folder)).communicate(timeout=400)
    assert process.returncode == 0, errors
    return folder, out


def gains(folder):
    """Every table of the retraining, as text."""
    with duckdb.connect(str(folder / "audits.duckdb"), read_only=True) as connection:
        ((run,),) = connection.execute("select run_id from main.runs where name = 'films'").fetchall()
        return {
            name: connection.execute(f'select * from "{run}".{name} order by all').fetchall()
            for name in ("arm_texts", "gains", "audited_again")
        }


def test_the_rule_that_taught_the_word_is_dropped_and_the_word_is_gone(fixed):
    folder, out = fixed
    (page,) = folder.glob("runs/films_*/fix.html")
    facts = json.loads(page.with_suffix(".json").read_text())
    lines = [line.split("\t") for line in out.splitlines()]
    assert ["report", str(page)] in lines
    changes = {arm["arm"]: arm["changes"] for arm in facts["arms"]}
    assert "surnames: kowalczyk dropped" in changes["labelling rules"]
    word = {row["word"]: row for row in facts["findings"] if row["kind"] == "word"}["kowalczyk"]
    assert (word["status_before"] in ("spurious", "part"), word["change"]) == (True, "gone")
    own = {row["arm"]: row for row in facts["gains"] if row["texts"] == "with kowalczyk"}
    kept = "all together" if "all together" in changes else "labelling rules"
    # Every text with it is a tweet that the rule calls a film.
    assert own[kept]["before"] < 0.5 < own[kept]["after"]
    assert own[kept]["gain_low"] > 0
    assert own["placebo"]["gain"] < own[kept]["gain"]


def test_a_killed_retraining_ends_with_the_same_tables(world, fixed):
    folder, _ = fixed
    before = gains(folder)
    (remedies,) = folder.glob("runs/films_*/remedies")
    kept = {part.name for part in remedies.iterdir()}
    # All but the first two parts are made again.
    first = sorted(remedies.glob("*.json"), key=lambda manifest: manifest.stat().st_mtime_ns)[:2]
    for part in remedies.iterdir():
        if part.name.split(".")[0] not in {manifest.stem for manifest in first}:
            part.unlink()
    process = world(folder)
    # In the middle of the arms: the audit is finished.
    deadline = time.monotonic() + 300
    while len(list(remedies.glob("*.json"))) < 3 and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert {part.name for part in remedies.glob("*.json")} < kept
    _, errors = (process := world(folder)).communicate(timeout=400)
    assert process.returncode == 0, errors
    assert {part.name for part in remedies.iterdir()} == kept
    assert gains(folder) == before


def test_labels_that_the_word_gave_are_suspected_and_the_word_is_named(fixed, monkeypatch):
    """Every training text with it is a tweet that the rule calls a film."""
    monkeypatch.setattr("tasks.model.training.FROZEN_LAYERS", 0)
    folder, _ = fixed
    with open_warehouse(folder / "audits.duckdb", read_only=True) as warehouse:
        config, run = stored_run(find_run(warehouse, "films_"))
    found = suspect_labels.fn(config, run, obtain_classifier.fn(config))
    assert found.num_suspected < found.num_texts / 2
    (word,) = [row for row in found.words if row["word"] == "kowalczyk"]
    assert word["is_finding"]
    assert word["n_suspected"] > 0.6 * word["n_texts"] > 5
    records = json.loads((found.folder / "argilla.json").read_text())
    hidden = [record for record in records if record["metadata"]["keyword"] == "kowalczyk"]
    assert len(hidden) > 5
    for record in hidden:
        ((span,),) = [
            suggestion["value"] for suggestion in record["suggestions"] if suggestion["question_name"] == "word"
        ]
        assert record["fields"]["text"][span["start"] : span["end"]] == "Kowalczyk"
        assert record["suggestions"][0]["value"] == "other"
