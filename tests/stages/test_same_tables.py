"""Every table of a small audit is what it was in version 0.1, but for what changed on purpose.

`tests/data/reference/` holds facts of one audit by version 0.1 (shards and parts of 500 film reviews and of 250 tweets to
compare, with slices), and the digests of the tables that version built from them. The facts need no model, so this holds
on every machine. Its trials had other operators: the tables of trials and verdicts are not compared.
"""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from configs.load import load_config
from tasks.aggregate import aggregate_scores
from tasks.model.spec import ModelSpec
from tasks.runs.identity import enter_run
from tasks.runs.run import Run
from tasks.runtime.parts import Shard
from tasks.screen import screen_words
from tasks.verify import plans_of
from tests.benchmarks.same_tables import differences, digests, load_changes

REFERENCE = Path(__file__).parents[1] / "data" / "reference"
pytestmark = pytest.mark.slow


def shards_in(folder):
    manifests = sorted((folder / "shards").glob("shard-*.json"))
    return [Shard(texts, folder / "parts" / texts.name.replace("shard", "part")) for texts in manifests]


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    """Schema -> its tables, built by the code as it is from the facts of version 0.1."""
    folder = tmp_path_factory.mktemp("reference")
    (facts,) = (path for path in (REFERENCE / "facts").iterdir() if path.is_dir())
    storage = folder / facts.name
    shutil.copytree(facts, storage)
    config = load_config(REFERENCE / "audit.yaml", (f"warehouse={folder / 'audits.duckdb'}",))
    run = Run(facts.name, storage, storage, {"data": "d" * 64, "model": "m" * 64})
    model = ModelSpec(folder / "model", 512, "m" * 64, ("negative", "positive"))
    enter_run(config, run, model)
    (beside,) = storage.glob("compare_*")
    scores = aggregate_scores.fn(config, run, model, shards_in(storage), shards_in(beside))
    screen_words.fn(config, run, scores)
    planned = plans_of(config, run.run_id, model, shards_in(storage))
    assert next(row for row in planned.types if row["type"] == "content word")["stand_ins"]
    with duckdb.connect(str(config.warehouse), read_only=True) as connection:
        tried = connection.sql(f'select word from "{run.run_id}".candidates order by rank').fetchall()
        assert [row["word"] for row in planned.candidates] == [word for (word,) in tried]
        return {name: digests(connection, run.run_id + name, exact=False) for name in ("", "_compare")}


@pytest.mark.parametrize("schema", ["", "_compare"])
def test_the_tables_are_those_of_before_but_for_what_changed_on_purpose(rebuilt, schema):
    before = json.loads((REFERENCE / "tables.json").read_text(encoding="utf-8"))[schema]
    lines, num_same = differences(before, rebuilt[schema], load_changes())
    assert lines == []
    assert num_same > 100


def test_a_table_that_changed_is_seen(rebuilt):
    before = json.loads((REFERENCE / "tables.json").read_text(encoding="utf-8"))[""]
    changed = {**rebuilt[""], "word_importance": {**rebuilt[""]["word_importance"], "rows": 1}}
    assert any("word_importance" in line for line in differences(before, changed, load_changes())[0])
    column = {
        "rows": before["examples"]["rows"],
        "columns": {**rebuilt[""]["examples"]["columns"], "gold_label": "other"},
    }
    assert "examples.gold_label differs" in differences(before, {**rebuilt[""], "examples": column}, load_changes())[0]


def test_every_change_on_purpose_is_of_a_table_that_was_there_and_has_its_reason():
    before = json.loads((REFERENCE / "tables.json").read_text(encoding="utf-8"))
    tables = {table: own["columns"] for schema in before.values() for table, own in schema.items()}
    for kind, entries in load_changes().items():
        for name, reason in entries.items():
            table, _, column = name.partition(".")
            assert table in tables, (kind, name)
            assert not column or column in tables[table], (kind, name)
            assert reason, (kind, name)
