"""All findings taken out at once, on a model that adds up its words: what changes is known."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import tasks.trials.part
from configs.load import load_config
from tasks.model.spec import ModelSpec
from tasks.remove import remove_findings
from tasks.runs.identity import enter_run
from tasks.runs.run import Run
from tasks.runtime.parts import Shard, part_file, read_manifest, read_part, write_part
from tasks.trials.reader import Reader
from tasks.trials.removal import planned_texts
from tests.conftest import text_table
from tests.sql.helpers import NO_PATTERNS, only
from warehouse import open_warehouse

pytestmark = pytest.mark.slow

WEIGHTS = {"kane": 2.0, "fine": 1.2, "lee": 0.0, "dull": 1.0}
"""Towards the second label, which is predicted where they add up to more than 1.5. The control takes out "dull"."""


def logits_of(text):
    return [1.5, sum(WEIGHTS.get(word.lower(), 0.0) for word in text.split())]


class Linear(Reader):
    def __init__(self, model, dtype, rows):
        self.model, self.rows, self.num_passes = model, rows, 0

    def logits(self, texts):
        self.num_passes += len(texts)
        return np.array([logits_of(text.text) for text in texts])


TEXTS = ["so Kane dull"] * 6 + ["so Kane fine dull"] * 3 + ["so the dull"] * 11
"""Without Kane the first six are read as the other label; the next three, with 1.2 + 1, are not. Without "dull" nothing
changes: 2 and 3.2 are left."""


def tables(findings):
    places = [
        (i, word.lower(), text.index(word), text.index(word) + len(word))
        for i, text in enumerate(TEXTS)
        for word in text.split()
    ]
    occurrences = "\n".join(" | ".join(map(str, place)) for place in places)
    types = "word | type | expectation\nkane | name | none\nlee | name | none\nso | function word | meaning\nfine | content word | meaning\ndull | content word | meaning\nthe | function word | meaning"
    empty = "label:varchar | word:varchar | partner:varchar | comparison:varchar"
    used = "word | used | n_examples\nkane | true | 9\nfine | true | 3\ndull | false | 20"
    personal = "type | is_personal:boolean\nname | true\ncontent word | false\nnumber | false"
    return {
        "type_rules": text_table(personal),
        "word_occurrences": text_table("example_id | word | word_start | word_end\n" + occurrences),
        "word_types": text_table(types, kind="word", word_group=""),
        "verdicts": text_table("kind:varchar | word:varchar | type:varchar | per_1000:double\n" + findings, status="spurious", label="b"),
        "pattern_spans": text_table(NO_PATTERNS["pattern_spans"]),
        "interactions": text_table(empty),
        "piece_occurrences": text_table("example_id:bigint | position:bigint | piece:varchar | source_word:varchar"),
        "stand_ins": text_table("word | type | sort | n_examples | surface\nlee | name | \"name \" | 9 | Lee", kind="word"),
        "words": text_table(used, kind="word", label="b", either_way=False, mean_score=1.0),
        "effects": text_table("word | sd | n_texts\nkane | 0.1 | 9", kind="word", label="b", operator="swap"),
        "candidates": text_table("word\nkane", kind="word", label="b"),
        "examples": text_table("example_id\n" + "\n".join(map(str, range(len(TEXTS)))), converged=True),
    }  # fmt: skip


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Builds a run whose tables say that the findings are spurious; returns a call of the stage."""
    monkeypatch.setattr(tasks.trials.part, "Reader", Linear)
    monkeypatch.setattr("tasks.remove.MIN_STAND_INS", 1)
    path = tmp_path / "audit.yaml"
    path.write_text(
        json.dumps({"warehouse": str(tmp_path / "a.duckdb"), "data": {"path": "x.csv"}, "model": {"path": "m"}})
    )
    config = load_config(path)
    run = Run("run_1", tmp_path, tmp_path, {"data": "d" * 64, "model": "m" * 64})
    model = ModelSpec(tmp_path, 64, "m" * 64, ("a", "b"))
    rows = [{"example_id": i, "text": text, "label_id": 0} for i, text in enumerate(TEXTS)]
    shard = Shard(tmp_path / "shard-00000.json", tmp_path / "part-00000.json")
    examples = pa.Table.from_pylist(rows).append_column("pair_start", pa.nulls(len(rows), pa.int32()))
    write_part(shard.texts, {"examples": examples}, {})
    logits = pa.array([logits_of(text) for text in TEXTS], pa.list_(pa.float32()))
    tokens = text_table("example_id:bigint | position:bigint | token_start:bigint | token_end:bigint")
    scored = {"examples": pa.table({"example_id": range(len(rows)), "logits": logits}), "tokens": tokens}
    write_part(shard.scores, scored, {})
    enter_run(config, run, model)

    def call(findings):
        with open_warehouse(config.warehouse) as warehouse:
            warehouse.use(run.run_id, create=True)
            for name, table in tables(findings).items():
                warehouse._connection.register("incoming", table)
                warehouse._connection.execute(f"create or replace table {name} as select * from incoming")
                warehouse._connection.unregister("incoming")
        key = remove_findings.fn(config, run, model, findings, [shard])
        with open_warehouse(config.warehouse, read_only=True) as warehouse:
            warehouse.use(run.run_id)
            (total,) = warehouse.rows("report/total", {})
        return key, total, tmp_path / "trials" / "removed.json"

    return call


def test_the_predictions_that_change_are_those_that_the_weights_say(world):
    _, total, part = world("word | kane | name | 200.0")
    assert (total["n_texts"], total["n_texts_with"], total["n_removed"]) == (20, 9, 9)
    assert (total["n_changed"], total["n_control_changed"], total["n_short"]) == (6, 0, 0)
    assert total["per_1000"] == pytest.approx(1000 * 6 / 20)
    assert (total["state"], total["n_findings"], total["n_alone"]) == ("Act", 1, 1)
    rows = read_part(part, "removed").to_pylist()
    assert [row["predicted_without"] for row in rows] == [0] * 6 + [1] * 3
    assert only(rows, "n_edits", "n_controls", "predicted", "predicted_control") == [(1, 1, 1, 1)] * 9
    # Each text twice: without the finding, and without another word.
    assert read_manifest(part)["num_passes"] == 18


def test_findings_are_taken_out_together(world):
    """Neither word alone turns the texts that hold both; together they do, and beside two words the control is short."""
    _, total, _ = world("word | kane | name | 0.0\nword | fine | content word | 0.0")
    assert (total["n_removed"], total["n_changed"], total["n_control_changed"], total["n_short"]) == (9, 9, 0, 0)


def test_without_findings_nothing_is_read_and_the_part_is_empty(world):
    _, total, part = world("")
    assert read_part(part, "removed").num_rows == 0
    assert read_manifest(part)["num_passes"] == 0
    assert (total["state"], total["per_1000"], total["n_powered"]) == ("No shortcut found", 0, 1)


def test_a_repeat_reads_nothing_and_other_findings_are_tried_anew(world):
    key, _, part = world("word | kane | name | 200.0")
    stamp = part.stat().st_mtime_ns
    assert world("word | kane | name | 200.0")[0] == key
    assert part.stat().st_mtime_ns == stamp
    assert world("word | fine | content word | 5.0")[0] != key
    assert part.stat().st_mtime_ns > stamp
    assert len(read_part(part, "removed")) == 3


def test_a_damaged_part_is_made_again(world):
    key, total, part = world("word | kane | name | 200.0")
    Path(part_file(part, "removed")).write_bytes(b"cut")
    assert world("word | kane | name | 200.0")[:2] == (key, total)


def test_the_control_changes_as_many_other_words_and_replaces_as_many():
    def span(start, word):
        return {"span_start": start, "span_end": start + 2, "word": word}

    plan = [{"example_id": 1, "edits": [span(0, ""), span(3, "x"), span(6, "")]}]
    others = [{"example_id": 1, "others": [span(20, "p"), span(7, "q"), span(10, "r"), span(30, "s"), span(40, "t")]}]
    (text,) = planned_texts(plan, others)
    # One of three is replaced; what overlaps a finding stays; in the order of the text.
    assert text["controls"] == [span(10, ""), span(20, "p"), span(30, "")]
    (bare,) = planned_texts(plan, [])
    assert bare["controls"] == []
