"""Rows of the same content have the same fate in every format, and no row is without one."""

import dataclasses
import json

import datasets
import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import DataError
from tasks.data.rows import read_rows
from tasks.data.sources import open_dataset
from tests.data.files import csv_of, data_of, rows_of

NFD = "ne\u0301gatif"
TEXTS = [
    ("a fine day", "positif"), ("a poor day", NFD), ("another", "négatif"), ("", "positif"), (None, "positif"), ("text", "label"),
    ("cafe\u0301", "Positif "), ("fine", None), ("fine", ""), ("fine", "neutral"), (" \u200b", "positif"), ('say "hi",\nnow', "positif\ufeff"),
    ("NA", "négatif"), ("LABEL", "label"), ("\ufeffText", "Label"), ("semi;colon\ttab", "positif"), (" a ", " POSITIF"),
]  # fmt: skip
FATES = [
    (0, None), (1, None), (1, None), (0, "empty"), (0, "empty"), (-1, "header again"), (0, None), (-1, "unknown label"), (-1, "unknown label"),
    (-1, "unknown label"), (0, "empty"), (0, None), (1, None), (-1, "unknown label"), (-1, "header again"), (0, None), (0, None),
]  # fmt: skip
NUMBERS = [("a", 1.0), ("b", 0.0), ("c", None), ("d", 2.0), ("e", 0.5), ("", 1.0)]
NUMBER_FATES = [(0, None), (1, None), (-1, "unknown label"), (-1, "unknown label"), (-1, "unknown label"), (0, "empty")]


def write_csv(path, frame):
    frame.to_csv(path / "d.csv", index=False)
    return path / "d.csv"


def write_tsv(path, frame):
    frame.to_csv(path / "d.tsv", index=False, sep="\t")
    return path / "d.tsv"


def write_semicolons(path, frame):
    frame.to_csv(path / "e.csv", index=False, sep=";")
    return path / "e.csv"


def write_duckdb_csv(path, frame):
    with duckdb.connect() as connection:
        connection.register("rows", pa.Table.from_pandas(frame))
        connection.execute(f"copy (from rows) to '{path}/f.csv' (header)")
    return path / "f.csv"


def write_lines(path, frame):
    frame.to_json(path / "d.jsonl", orient="records", lines=True)
    return path / "d.jsonl"


def write_array(path, frame):
    frame.to_json(path / "d.json", orient="records", indent=1)
    return path / "d.json"


def write_parquet(path, frame):
    pq.write_table(pa.Table.from_pandas(frame), path / "d.parquet")
    return path / "d.parquet"


def write_parquet_files(path, frame):
    folder = path / "parts"
    folder.mkdir()
    for i in range(0, len(frame), 5):
        pq.write_table(pa.Table.from_pandas(frame[i : i + 5]), folder / f"part-{i:05}.parquet")
    return folder


def write_saved(path, frame):
    datasets.Dataset.from_pandas(frame).save_to_disk(path / "saved")
    return path / "saved"


WRITERS = (
    write_csv, write_tsv, write_semicolons, write_duckdb_csv, write_lines, write_array, write_parquet, write_parquet_files, write_saved,
)  # fmt: skip


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_texts_with_their_labels(tmp_path, write):
    path = write(tmp_path, pd.DataFrame(TEXTS, columns=["text", "label"]))
    rows = rows_of(path, ("POSITIF", "négatif"))
    assert [(row.label, row.reason) for row in rows] == FATES
    assert [row.number for row in rows] == list(range(len(TEXTS)))
    usable = [text for (text, _), (_, reason) in zip(TEXTS, FATES, strict=True) if reason is None]
    assert [row.text for row in rows if row.reason is None] == usable
    assert open_dataset(data_of(path)).num_rows == len(TEXTS)


@pytest.mark.parametrize(
    "labels", [{0: "bad", 1: "good"}, {"0": "bad", "1": "good"}, {0.0: "bad", "1.0": "good"}], ids=str
)
@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_labels_that_are_numbers(tmp_path, write, labels):
    """A column of whole numbers with a gap has decimals: 1.0 in a CSV file, too."""
    path = write(tmp_path, pd.DataFrame(NUMBERS, columns=["text", "label"]))
    rows = read_rows(data_of(path, labels=labels), {}, ("good", "bad"))
    assert [(row.label, row.reason) for row in rows] == NUMBER_FATES


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_rows_chosen_by_a_number(tmp_path, write):
    frame = pd.DataFrame({"text": list("abcd"), "label": "x", "fold": [1.0, 2.0, None, 1.0]})
    rows = rows_of(write(tmp_path, frame), ("x", "y"), where={"fold": 1})
    assert [row.text for row in rows] == ["a", "d"]


TWICE = [
    '{"text": "a", "label": "x", "label": "y"}',
    '{"text": "b", "label": "x", "more": {"k": 1, "k": 2}}',
    '{"text": "c", "label": "y"}',
]


@pytest.mark.parametrize("content", ["\n".join(TWICE), f"[{', '.join(TWICE)}]"], ids=["lines", "array"])
def test_a_key_that_is_given_twice_spoils_its_own_object_only(tmp_path, content):
    rows = rows_of(csv_of(tmp_path, content, "d.json"), ("x", "y"))
    assert [(row.text, row.reason) for row in rows] == [("", "malformed"), ("b", None), ("c", None)]


FRAME = pd.DataFrame({"text": ["fine", "bad"], "label": ["positive", "negative"]})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (FRAME.to_json(), "is one object of columns (as pandas writes it by default): write it again with pandas"),
        (FRAME.to_json(indent=2), "is one object of columns (as pandas writes it by default)"),
        (json.dumps(FRAME.to_dict("list")), "is one object of columns"),
        (FRAME.to_json(orient="split"), "is one object of columns and data (pandas, orient='split')"),
        (FRAME.to_json(orient="index"), "is one object that holds a row under each key (pandas, orient='index')"),
        (FRAME.to_json(orient="table"), "is one object that holds the rows under 'data': write that array alone"),
        (json.dumps({"version": 1, "rows": FRAME.to_dict("records")}, indent=1), "holds the rows under 'rows'"),
        (json.dumps(FRAME.values.tolist()), "is an array, but not of objects"),
        (json.dumps(FRAME.to_dict("records")[0], indent=1), "is one object. Each line should be one object"),
    ],
)
def test_a_file_of_another_shape_is_named(tmp_path, content, said):
    for name in ("d.json", "d.jsonl"):
        with pytest.raises(DataError) as caught:
            rows_of(csv_of(tmp_path, content, name))
        assert said in str(caught.value)


def test_the_advice_on_a_shape_works(tmp_path):
    path = tmp_path / "d.json"
    FRAME.to_json(path, orient="records", lines=True)
    assert [row.text for row in rows_of(path)] == ["fine", "bad"]


def test_columns_that_nobody_asked_for_may_have_any_type_and_any_name(tmp_path):
    columns = {
        "text": ["fine", "bad"],
        "label": pa.array(["positive", "negative"]).dictionary_encode(),
        "meta": pa.array([[("k", "v")], []], pa.map_(pa.string(), pa.string())),
        "price": pa.array([1, 2], pa.decimal256(40, 2)),
        "took": pa.array([1, 2], pa.duration("ns")),
        "view": pa.array([b"x", b"y"], pa.binary(1)),
        "twice": [1, 2],
    }
    table = pa.table(columns)
    table = table.append_column("twice", table["took"])
    pq.write_table(table, tmp_path / "d.parquet")
    assert [row.reason for row in rows_of(tmp_path / "d.parquet")] == [None, None]
    content = "text,twice,label,twice\nfine,1,positive,2\n"
    assert [row.text for row in rows_of(csv_of(tmp_path, content))] == ["fine"]


def test_a_label_with_decimals_of_fixed_size_is_a_number(tmp_path):
    labels = pa.array([1, 0], pa.decimal128(10, 2))
    pq.write_table(pa.table({"text": ["a", "b"], "label": labels}), tmp_path / "d.parquet")
    assert [row.label for row in rows_of(tmp_path / "d.parquet", ("0", "1"))] == [1, 0]


@pytest.mark.parametrize("change", [1, -1])
@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_rows_that_are_lost_on_the_way_stop_the_reading(tmp_path, monkeypatch, write, change):
    """The number of rows is known without reading them: from the lines of the file, or from what it says of itself."""
    path = write(tmp_path, FRAME)
    opened = open_dataset(data_of(path))
    wrong = dataclasses.replace(opened, num_rows=opened.num_rows + change)
    monkeypatch.setattr("tasks.data.rows.open_dataset", lambda data: wrong)
    with pytest.raises(DataError, match=rf"holds {2 + change} rows, of which 2 were read"):
        rows_of(path)
    assert open_dataset(data_of(path)).num_rows == 2
