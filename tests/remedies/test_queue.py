"""Texts to be relabelled go to labelling tools and come back with their labels, and nothing else of them changes."""

import csv
import io
import json
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import ConfigError, DataError
from configs.schema import AuditConfig
from tasks.remedies.queue import (
    HIGHLIGHT,
    label_studio_config,
    queue_files,
    queue_table,
    read_relabelled,
)
from tasks.remedies.relabel import apply_labels

LABELS = ("other", "film")
TEXTS = ["a good day 🙂 for a film", "🙂🙂 Day\r\nof rest, \"quoted\", 'x'", "=sum(day) \u202e étè", "nothing"]


def queued(number, suggested="other"):
    text = TEXTS[number]
    start = text.lower().index("day")
    return {
        "rank": number + 1, "example_id": number, "source_id": f"id {number}", "text": text, "label": "film", "rule": "surnames", "term": "day",
        "match_start": start, "match_end": start + 3, "score": 2.5, "suggested": suggested,
    }  # fmt: skip


ROWS = [queued(0), queued(1), queued(2, None)]
FILES = queue_files(ROWS, LABELS, "run_1")


def test_spans_are_code_points_of_the_text_in_every_format():
    tasks = json.loads(FILES["label_studio.json"])
    for task, text in zip(tasks, TEXTS, strict=False):
        assert task["data"]["text"] == text
        (value,) = [part["value"] for part in task["predictions"][0]["result"] if part["type"] == "labels"]
        assert text[value["start"] : value["end"]] == value["text"]
        assert value["text"].lower() == "day"
    for record, text in zip(json.loads(FILES["argilla.json"]), TEXTS, strict=False):
        (span,) = record["suggestions"][1]["value"]
        assert (record["fields"]["text"], text[span["start"] : span["end"]].lower()) == (text, "day")
    prodigy = [json.loads(line) for line in FILES["prodigy.jsonl"].decode().split("\n") if line]
    assert [row["text"][row["spans"][0]["start"] : row["spans"][0]["end"]].lower() for row in prodigy] == ["day"] * 3
    table = pq.read_table(io.BytesIO(FILES["relabel_queue.parquet"])).to_pylist()
    assert [(row["text"], row["text"][row["start"] : row["end"]].lower()) for row in table] == [(text, "day") for text in TEXTS[:3]]  # fmt: skip


def test_a_task_suggests_the_label_of_the_changed_rules_or_the_one_it_has():
    tasks = json.loads(FILES["label_studio.json"])
    choices = [task["predictions"][0]["result"][0]["value"]["choices"] for task in tasks]
    assert choices == [["other"], ["other"], ["film"]]
    assert [task["predictions"][0]["score"] for task in tasks] == [0.0025] * 3
    interface = label_studio_config(['a "b" & <c>', "film"])
    assert """<Choice value='a "b" &amp; &lt;c&gt;'/>""" in interface
    assert f'<Label value="{HIGHLIGHT}"/>' in interface


def answered(tasks, labels):
    """The export of Label Studio: its tasks with annotations."""
    return [
        {
            **task,
            "id": 100 + i,
            "annotations": [
                {
                    "was_cancelled": label is None,
                    "result": [{"type": "choices", "from_name": "label", "to_name": "text", "value": {"choices": [label]}}]
                    if label
                    else [],
                }
            ],
        }
        for i, (task, label) in enumerate(zip(tasks, labels, strict=True))
    ]  # fmt: skip


def test_the_export_of_label_studio_is_read_back_by_row(tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(answered(json.loads(FILES["label_studio.json"]), ["other", "film", None])))
    assert read_relabelled(path, LABELS) == ({0: 0, 1: 1}, 1)


def test_a_csv_is_read_back_by_row(tmp_path):
    path = tmp_path / "queue.csv"
    sink = io.StringIO()
    writer = csv.DictWriter(sink, queue_table(ROWS).column_names)
    writer.writeheader()
    writer.writerows({**row, "label": label} for row, label in zip(queue_table(ROWS).to_pylist(), ["other", "FILM", ""], strict=True))  # fmt: skip
    path.write_text(sink.getvalue(), newline="")
    assert read_relabelled(path, LABELS) == ({0: 0, 1: 1}, 1)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", "id,label\n1,film\n", "no column 'example_id'"),
        ("a.csv", "example_id,label\nx,film\n", "example_id should be the number of a row, got 'x'"),
        ("a.csv", "example_id,label\n1,book\n", "the text 1 has the label 'book', which is none of the model's: other, film"),
        ("a.csv", "example_id,label\n1,film\n1,other\n", "the text 1 has two labels"),
        ("a.json", "{}", "no JSON export of Label Studio"),
        ("a.json", "[1]", "no JSON export of Label Studio"),
        ("a.json", '[{"data": {"text": "x"}, "annotations": []}]', "no JSON export of Label Studio"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_back_is_a_sentence(tmp_path, name, content, sentence):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as error:
        read_relabelled(tmp_path / name, LABELS)
    assert sentence in str(error.value)
    with pytest.raises(DataError, match="cannot be read"):
        read_relabelled(tmp_path / "none.csv", LABELS)


@pytest.fixture
def world(tmp_path):
    """Six rows: two that are audited, four to train on, which a rule labels by the word day."""
    path = tmp_path / "texts.parquet"
    texts = [*TEXTS, "an audited day", "an audited film"]
    table = {
        "text": texts,
        "label": ["x", "f", None, "x", "x", "f"],
        "part": ["train"] * 4 + ["test"] * 2,
        "size": [1.5] * 6,
    }
    pq.write_table(pa.table(table), path)
    (tmp_path / "rules.yaml").write_text("- {label: film, keywords: day}\n")
    (tmp_path / "answers.csv").write_text("example_id,label\n1,other\n2,film\n")
    config = AuditConfig(
        data={"path": path, "labels": {"x": "other", "f": "film"}, "where": {"part": "test"}},
        finetune={"where": {"part": "train"}, "rules": tmp_path / "rules.yaml"},
    )
    return SimpleNamespace(config=config, table=table, folder=tmp_path)


def relabelled(world, answers, name="new.parquet", config=None):
    target = world.folder / name
    counts = apply_labels(config or world.config, LABELS, answers, world.folder / "answers.csv", target)
    return counts, pq.read_table(target), json.loads((world.folder / f"{name}.json").read_text())


def test_the_new_dataset_has_labels_of_people_of_rules_and_of_the_dataset_and_all_else_as_it_was(world):
    counts, table, provenance = relabelled(world, {1: 0, 2: 1})
    # Rows 0 to 2 hold day; no rule matches row 3; 4 and 5 are audited and keep their gold label.
    assert table["label"].to_pylist() == ["film", "other", "film", None, "other", "film"]
    assert table["label_source"].to_pylist() == ["rules", "person", "person", "rules", "gold", "gold"]
    assert table["label_before"].to_pylist() == world.table["label"]
    for name in ("text", "part", "size"):
        assert table[name].to_pylist() == world.table[name]
    assert counts == {"gold": 2, "rules": 2, "person": 2, "changed": 1}
    assert (provenance["rows"], provenance["changed_by_person"], provenance["labels_from_person"]) == (6, 1, 2)
    assert provenance["read_it_with"]["labels"] == {"other": "other", "film": "film"}


def test_without_rules_rows_keep_the_label_of_the_dataset(world):
    plain = world.config.model_copy(update={"finetune": world.config.finetune.model_copy(update={"rules": None})})
    counts, table, _ = relabelled(world, {0: 1}, config=plain)
    assert table["label"].to_pylist() == ["film", "film", None, "other", "other", "film"]
    assert counts == {"gold": 5, "rules": 0, "person": 1, "changed": 1}


def test_nothing_is_written_over_and_strange_rows_are_a_sentence(world):
    relabelled(world, {1: 0})
    before = (world.folder / "new.parquet").read_bytes()
    with pytest.raises(ConfigError, match="is there already, and nothing is written over"):
        relabelled(world, {1: 1})
    assert (world.folder / "new.parquet").read_bytes() == before
    with pytest.raises(DataError, match="a label for row 6, and the dataset has 6 rows"):
        relabelled(world, {6: 1}, "other.parquet")
    with pytest.raises(ConfigError, match=r"ends in \.parquet"):
        relabelled(world, {1: 1}, "other.csv")
    assert sorted(path.name for path in world.folder.iterdir() if "other" in path.name) == []
