"""The stage that matches labelling rules with the texts of the audit and of the training."""

import numpy as np
import pyarrow as pa
import pytest

from configs.schema import AuditConfig
from tasks import trace
from tasks.model.spec import ModelSpec
from tasks.runs.run import Run
from tasks.trace import trace_rules
from tasks.trials.meaning import Meanings
from warehouse import open_warehouse

pytestmark = pytest.mark.slow

LINES = [
    ("a fine film", "other", "train"),
    ("a sunny DAY", "film", "train"),
    ("what a day for a film", "other", "train"),
    ("nothing", "film", "train"),
    ("an audited day", "other", "test"),
    ("an audited film", "film", "test"),
]
RULES = "otherwise: other\nrules:\n- {name: topic, label: film, keywords: film}\n- {name: names, label: film, keywords: [Day, rose]}\n"


@pytest.fixture
def world(tmp_path):
    """An audit that came as far as its verdicts: day is spurious."""
    data = tmp_path / "texts.csv"
    data.write_text("\n".join(["text,label,part", *(",".join(line) for line in LINES)]))
    (tmp_path / "rules.yaml").write_text(RULES)
    config = AuditConfig(
        warehouse=tmp_path / "audits.duckdb",
        data={"path": data, "where": {"part": "test"}, "labels": {"other": "other", "film": "film"}},
        finetune={"where": {"part": "train"}, "rules": tmp_path / "rules.yaml"},
    )
    run = Run("run_1", tmp_path / "run", tmp_path / "run", {"data": "d"})
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.use("run_1", create=True)
        tables = {
            "examples": {
                "example_id": [4, 5], "source_id": ["4", "5"], "text": [LINES[4][0], LINES[5][0]], "gold_label": ["other", "film"],
                "predicted_label": ["film", "film"], "converged": [True, True],
            },
            "verdicts": {"kind": ["word"], "label": ["film"], "word": ["day"]},
        }  # fmt: skip
        for name, columns in tables.items():
            warehouse._connection.register("incoming", pa.table(columns))
            warehouse._connection.execute(f"create table {name} as from incoming")
            warehouse._connection.unregister("incoming")
    return config, run, ModelSpec(tmp_path / "model", 64, "m" * 64, ("other", "film"))


def read(config, table):
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        return warehouse._connection.sql(f"from run_1.{table}").to_arrow_table().to_pylist()


def test_labels_of_the_training_and_what_they_hang_on_are_in_the_tables(world):
    config, run, model = world
    trace_rules.fn(config, run, model, "key")
    # The text that both rules match is a film without either of them.
    assert [(row["corpus"], row["example_id"], row["given_label"], row["gold_label"]) for row in read(config, "rule_texts")] == [
        ("audited", 4, "film", "other"), ("audited", 5, "film", "film"),
        ("trained", 0, "film", None), ("trained", 1, "film", None), ("trained", 2, "film", None), ("trained", 3, "other", None),
    ]  # fmt: skip
    (day,) = read(config, "taught_words")
    assert [day[name] for name in ("word", "rule", "term", "how", "corpus", "n_with", "n_labelled", "n_decided")] == [
        "day", "names", "Day", "is it", "trained", 2, 2, 1,
    ]  # fmt: skip
    assert [row["text"] for row in read(config, "rule_examples") if row["corpus"] == "trained"] == ["a fine film", "a sunny DAY"]  # fmt: skip
    sides = {
        (row["example_id"], row["surface"]): (row["before"], row["after"])
        for row in read(config, "rule_matches") if row["corpus"] == "trained" and row["surface"]
    }  # fmt: skip
    assert sides == {
        (0, "film"): ("fine", None), (1, "DAY"): ("sunny", None), (2, "day"): ("a", "for"), (2, "film"): ("a", None),
    }  # fmt: skip
    (written,) = read(config, "labelling")
    assert written["otherwise"] == "other"


def test_a_second_call_matches_nothing_again_and_other_rules_do(world):
    config, run, model = world
    part = run.storage / "rules" / "matches.json"
    first = trace_rules.fn(config, run, model, "key")
    before = part.read_bytes()
    config.finetune.rules.write_text("# A comment.\n" + RULES)
    assert trace_rules.fn(config, run, model, "key") == first
    assert part.read_bytes() == before
    config.finetune.rules.write_text(RULES.replace("Day, rose", "rose"))
    assert trace_rules.fn(config, run, model, "key") != first
    assert read(config, "taught_words") == []


def test_words_of_the_training_texts_that_mean_a_label_are_looked_for_though_none_was_tried(world, monkeypatch):
    """day and film are near to film, a is not, and nothing is near to other; fine is in one text alone."""
    config, run, model = world
    near = {"a": (0.1, 0.2), "day": (-0.6, 0.6), "film": (-0.4, 0.4)}

    def meanings(words, *_):
        return Meanings(np.zeros((len(words), 1)), np.array([near[word] for word in words]))

    monkeypatch.setattr(trace, "meanings_of", meanings)
    monkeypatch.setattr(trace, "MIN_TEXTS", 2)
    monkeypatch.setattr(trace, "MIN_MEANING", 0.4)
    trace_rules.fn(config, run, model, "key")
    found = [(row["label"], row["word"], row["meaning"]) for row in read(config, "word_meanings")]
    assert found == [("film", "day", 0.6), ("film", "film", 0.4)]
    words = {(row["corpus"], row["word"]): set() for row in read(config, "rule_words")}
    for row in read(config, "rule_words"):
        words[row["corpus"], row["word"]].add(row["example_id"])
    # Of the verdicts there is day alone.
    assert words == {
        ("trained", "day"): {1, 2}, ("trained", "film"): {0, 2}, ("audited", "day"): {4}, ("audited", "film"): {5},
    }  # fmt: skip


def test_without_rules_the_tables_are_empty(world):
    config, run, model = world
    plain = config.model_copy(update={"finetune": config.finetune.model_copy(update={"rules": None})})
    trace_rules.fn(plain, run, model, "key")
    assert [read(config, table) for table in ("rule_terms", "rule_texts", "taught_words", "labelling")] == [[]] * 4
