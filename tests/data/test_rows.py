"""A reason for every row that cannot be used, and which rows are chosen."""

import json

import datasets
import pyarrow as pa
import pytest

from configs.errors import DataError
from configs.schema import DataConfig
from tasks.data.sources import open_dataset
from tests.data.files import csv_of, parquet_of, reasons_of, rows_of


def test_a_pair_is_joined_by_a_line_break_and_both_texts_are_judged(tmp_path):
    lines = [
        {"text": "👩 first", "second": "then", "label": "positive"},
        {"text": "first", "second": None, "label": "positive"},
        {"text": 7, "second": "then", "label": "positive"},
        {"text": "first", "second": "\ud800", "label": "positive"},
        {"text": "first", "second": " ", "label": "meh"},
        {"text": "first", "second": "then", "label": "meh"},
    ]
    path = csv_of(tmp_path, "\n".join(map(json.dumps, lines)), "d.jsonl")
    assert [(row.text, row.pair_start, row.reason) for row in rows_of(path, pair="second")] == [
        ("👩 first\nthen", 8, None), ("first", None, "empty (second text)"), ("then", None, "not text"),
        ("first\n\\ud800", 6, "undecodable (second text)"), ("first\n ", 6, "empty (second text)"), ("first\nthen", 6, "unknown label"),
    ]  # fmt: skip


def test_bad_rows_of_a_csv_have_a_reason_and_all_keep_their_number(tmp_path):
    content = (
        b"text,label\ngood,positive\n,positive\n \t ,positive\n\xe2\x80\x8b\xef\xbb\xbf,negative\n\ncaf\xe9 \\,negative\n"
        b"a, b,negative\nshort\nfine,neutral\nfine,\nalso good,negative\n"
    )
    assert [(row.number, row.text, row.label, row.reason) for row in rows_of(csv_of(tmp_path, content))] == [
        (0, "good", 1, None),
        (1, "", 1, "empty"),
        (2, " \t ", 1, "empty"),
        (3, "\u200b\ufeff", 0, "empty"),
        (4, "caf\\udce9 \\", 0, "undecodable"),
        (5, "", -1, "malformed"),
        (6, "", -1, "malformed"),
        (7, "fine", -1, "unknown label"),
        (8, "fine", -1, "unknown label"),
        (9, "also good", 0, None),
    ]


def test_a_row_with_a_field_too_many_never_moves_into_other_columns(tmp_path):
    """pandas takes the first column for row names if the first row has one field more than the header."""
    content = "text,label\nYes, it is good,positive\nbad,negative\n"
    assert [(row.text, row.reason) for row in rows_of(csv_of(tmp_path, content))] == [("", "malformed"), ("bad", None)]


def test_bad_rows_of_json_lines_have_a_reason_and_all_keep_their_number(tmp_path):
    lines = [
        b'{"text": "good", "label": "positive"}', b'{"text": 5, "label": "positive"}', b'{"text": null, "label": "positive"}', b'{"label": "negative"}',
        b'{"text": {"a": 1}, "label": "positive"}', b'{"text": ["a"], "label": "positive"}', b'{"text": "caf\xe9", "label": "positive"}',
        b'{"text": "lone \\ud800", "label": "positive"}', b'{"text": "x", "label": ["positive"]}', b'{"text": "x"}', b"not json", b'["text", "label"]', b"",
        b'{"text": "a", "text": "b", "label": "positive"}', b"[" * 3000, b'{"text": NaN, "label": "positive"}', b'{"text": "last", "label": "negative", "more": [1]}',
    ]  # fmt: skip
    assert [(row.number, row.text, row.reason) for row in rows_of(csv_of(tmp_path, b"\n".join(lines), "d.jsonl"))] == [
        (0, "good", None), (1, "", "not text"), (2, "", "empty"), (3, "", "empty"), (4, "", "not text"), (5, "", "not text"),
        (6, "caf\\udce9", "undecodable"), (7, "lone \\ud800", "undecodable"), (8, "x", "unknown label"), (9, "x", "unknown label"),
        (10, "", "malformed"), (11, "", "malformed"), (12, "", "malformed"), (13, "", "malformed"), (14, "", "empty"), (15, "last", None),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_bytes_in_a_parquet_text_column_that_are_no_text_cost_one_row(tmp_path, kind):
    raw = pa.array([b"good", b"caf\xe9", None, b"fine"], pa.binary())
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_large_string(value):
        raw = raw.cast(pa.large_binary())
    texts = pa.Array.from_buffers(value, len(raw), raw.buffers(), null_count=1)
    if pa.types.is_dictionary(kind):
        texts = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 2], pa.int32()), texts.take(pa.array([0, 1, 3])))
    path = parquet_of(tmp_path, {"text": texts, "label": ["positive"] * 4})
    assert [(row.text, row.reason) for row in rows_of(path)] == [
        ("good", None),
        ("caf\\udce9", "undecodable"),
        ("", "empty"),
        ("fine", None),
    ]


def test_a_text_column_of_another_type_is_not_text(tmp_path):
    for column in (
        pa.array([1, 2]),
        pa.array([b"a", b"b"]),
        pa.array([["a"], ["b"]]),
        pa.array([{"a": "b"}, {"a": None}]),
    ):
        assert reasons_of(parquet_of(tmp_path, {"text": column, "label": ["positive", "negative"]})) == [
            (0, "not text"),
            (1, "not text"),
        ]


def test_the_id_column_is_shown_and_the_row_number_where_it_is_empty(tmp_path):
    path = csv_of(tmp_path, "key,text,label\n007,a,positive\n,b,negative\n")
    assert [row.source_id for row in rows_of(path, id="key")] == ["007", "1"]
    floats = parquet_of(
        tmp_path, {"key": pa.array([12.0, None]), "text": ["a", "b"], "label": ["positive", "negative"]}
    )
    assert [row.source_id for row in rows_of(floats, id="key")] == ["12", "1"]


# Choosing rows


def test_rows_are_chosen_by_the_values_of_columns_and_keep_their_number(tmp_path):
    path = csv_of(
        tmp_path, "text,label,split,n,ok\na,positive,test,1,True\nb,negative,train,01,false\nc,negative,test,1,FALSE\n"
    )
    assert [row.number for row in rows_of(path, where={"split": "test"})] == [0, 2]
    assert [row.number for row in rows_of(path, where={"n": 1})] == [0, 2]
    assert [row.number for row in rows_of(path, where={"n": "01"})] == [1]
    assert [row.number for row in rows_of(path, where={"ok": False})] == [1, 2]
    with pytest.raises(DataError, match=r"No row is left to read\. Values found: split: test, train\."):
        rows_of(path, where={"split": "dev"})
    with pytest.raises(
        DataError, match=r"There is no column 'part' to choose rows by\. Columns: text, label, split, n, ok\."
    ):
        rows_of(path, where={"part": "test"})
    with pytest.raises(
        DataError, match=r"has no column 'part'\. Columns: text, label, split, n, ok\. Set data\.where\."
    ):
        open_dataset(DataConfig(path=path, where={"part": "test"}))


def test_rows_are_chosen_by_typed_columns_and_by_the_names_of_a_classlabel(tmp_path):
    table = {
        "text": list("abc"),
        "label": [0, 1, None],
        "n": [1.0, None, 2.0],
        "ok": [True, False, None],
        "none": [None, "None", None],
    }
    features = datasets.Features({
        "text": datasets.Value("string"), "label": datasets.ClassLabel(names=["positive", "negative"]), "n": datasets.Value("float64"),
        "ok": datasets.Value("bool"), "none": datasets.Value("string"),
    })  # fmt: skip
    datasets.Dataset.from_dict(table, features=features).save_to_disk(tmp_path / "saved")
    for where, numbers in (({"label": "negative"}, [1]), ({"n": 1}, [0]), ({"ok": True}, [0]), ({"none": "None"}, [1])):
        assert [row.number for row in rows_of(tmp_path / "saved", where=where)] == numbers, where


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_texts_without_labels_have_no_label_and_the_reasons_of_others(tmp_path, kind):
    texts = ["a film", "", "\u200b", "another"]
    path = {
        "csv": lambda: csv_of(tmp_path, "text,id\n" + "".join(f'"{text}",n{i}\n' for i, text in enumerate(texts))),
        "jsonl": lambda: csv_of(tmp_path, "".join(json.dumps({"text": text, "id": f"n{i}"}) + "\n" for i, text in enumerate(texts)), "d.jsonl"),
        "parquet": lambda: parquet_of(tmp_path, {"text": texts, "id": [f"n{i}" for i in range(4)]}),
    }[kind]()  # fmt: skip
    rows = rows_of(path, label=None, id="id")
    assert [(row.source_id, row.text, row.label, row.reason) for row in rows] == [
        ("n0", "a film", -1, None), ("n1", "", -1, "empty"), ("n2", "\u200b", -1, "empty"), ("n3", "another", -1, None),
    ]  # fmt: skip


def test_a_header_that_is_repeated_is_no_text_without_labels_either(tmp_path):
    path = csv_of(tmp_path, "text,id\na film,1\ntext,id\nanother,2\n")
    assert reasons_of(path, label=None, id="id") == [(0, None), (1, "header again"), (2, None)]


def test_an_empty_dataset_without_labels_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match=r"^No row is left to read\. The dataset is empty\.$"):
        rows_of(csv_of(tmp_path, "text\n"), label=None)


def test_a_dataset_that_lacks_its_labels_is_a_sentence_that_says_how_to_go_on_without(tmp_path):
    with pytest.raises(DataError, match=r"has no column 'label'\. Columns: text\. Set data\.label \(null for token-audit explain"):  # fmt: skip
        rows_of(csv_of(tmp_path, "text\na film\n"))
