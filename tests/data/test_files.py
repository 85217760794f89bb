"""Rows as they are in the file, to the byte, and one sentence where it cannot be read."""

import json

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import DataError
from tests.data.files import csv_of, parquet_of, rows_of, texts_of

AWKWARD = [
    "NA", "null", "None", "nan", "007", "1e5", "TRUE", "-", "  spaced  ", "tab\there", "MiXed CaSe", "café", "cafe\u0301", "a\r\nb\nc\rd",
    'say "hi", twice', "=1+1", "שלום עולם", "مرحبا", "👩\u200d👩\u200d👧👍🏽", "nul\x00 bell\x07 esc\x1b[2J", "\ufeffbom inside", "line\u2028sep\x85nel", "\ufffd", "<br />",
]  # fmt: skip


# The text is kept to the byte


@pytest.mark.parametrize("name", ["d.csv", "d.tsv", "d.CSV"])
def test_a_csv_keeps_every_text_to_the_byte(tmp_path, name):
    separator = "\t" if name.endswith("tsv") else ","
    lines = ["text" + separator + "label"] + [
        '"' + text.replace('"', '""') + '"' + separator + "positive" for text in AWKWARD
    ]
    assert texts_of(csv_of(tmp_path, "\r\n".join(lines), name)) == AWKWARD


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("name", ["d.jsonl", "d.ndjson", "d.json"])
def test_json_lines_keep_every_text_to_the_byte(tmp_path, name, escaped):
    lines = [json.dumps({"text": text, "label": "positive"}, ensure_ascii=escaped) for text in AWKWARD]
    assert texts_of(csv_of(tmp_path, "\n".join(lines), name)) == AWKWARD


def test_a_json_array_is_read_as_rows(tmp_path):
    content = json.dumps([{"text": text, "label": "positive"} for text in AWKWARD], indent=1)
    assert texts_of(csv_of(tmp_path, "\ufeff \n" + content, "d.json")) == AWKWARD


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
def test_parquet_keeps_every_text_to_the_byte(tmp_path, kind):
    strings = pa.array(AWKWARD)
    texts = strings.dictionary_encode() if pa.types.is_dictionary(kind) else strings.cast(kind)
    assert texts_of(parquet_of(tmp_path, {"text": texts, "label": ["positive"] * len(AWKWARD)})) == AWKWARD


def test_a_saved_folder_keeps_every_text_to_the_byte_whatever_format_it_was_saved_in(tmp_path):
    saved = datasets.Dataset.from_dict({"text": AWKWARD, "label": ["positive"] * len(AWKWARD)}).with_format(
        "numpy", columns=["label"]
    )
    saved.save_to_disk(tmp_path / "saved")
    assert texts_of(tmp_path / "saved") == AWKWARD


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    assert texts_of(csv_of(tmp_path, b"\xef\xbb\xbftext,label\na,positive\n")) == ["a"]
    assert texts_of(csv_of(tmp_path, b'\xef\xbb\xbf{"text": "a", "label": "positive"}\n', "d.jsonl")) == ["a"]


def test_a_long_text_is_read(tmp_path):
    """Python's csv module stops at 131,072 characters if it is not told otherwise."""
    assert texts_of(csv_of(tmp_path, f"text,label\n{'x' * 300_000},positive\n")) == ["x" * 300_000]


# Files that cannot be read at all: one sentence


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("d.csv", b"", r"d\.csv is empty\. Its first line should name the columns\."),
        ("d.csv", b"text,label\n", r"No row is left to read\. The dataset is empty\."),
        ("d.csv", b"review,label\na,b\n", r"d\.csv has no column 'text'\. Columns: review, label\. Set data\.text\."),
        ("d.csv", b"text:label\na:b\n", r"has no column 'text'\. Columns: text:label\."),
        ("d.csv", b"text,label,text\na,b,c\n", r"d\.csv has several columns named text\. Rename them: a guess could audit the wrong one\."),
        ("d.csv", b'text,label\n"never closed,positive\nb,negative\n', r"d\.csv: the row that begins in line 2 cannot be read \(its quoted field is never closed\)\. Mend it"),
        ("d.csv", b'text,label\na,negative\n"say "hi" to",positive\n', r"the row that begins in line 3 cannot be read \(a quote inside its quoted field is not doubled\)"),
        ("d.csv", b'text,label\n"' + b"x" * (2**24 + 9), r"the row that begins in line 2 cannot be read \(field larger than field limit .*; is a quote left open\?\)"),
        ("d.csv", "text,label\na,positive\n".encode("utf-16"), r"d\.csv is UTF-16\. Save it as UTF-8\."),
        ("d.jsonl", b"", r"d\.jsonl holds no JSON object in its first 1000 lines\. Each line should be one object, such as \{\"text\": \.\.\., \"label\": \.\.\.\}, or"),
        ("d.jsonl", b'{"review": "a", "label": "positive"}\n', r"has no column 'text'\. Columns: review, label\. Set data\.text\."),
        ("d.json", b'[{"text": "a", "label": ', r"d\.json cannot be read as a dataset: Expecting value"),
        ("d.parquet", b"PAR1 no", r"d\.parquet cannot be read as a dataset: "),
        ("d.parquet", b"", r"d\.parquet cannot be read as a dataset: "),
        ("d.xlsx", b"PK", r"files of type \.xlsx are not read\. Known: \.csv, \.tsv, \.jsonl, \.ndjson, \.json, \.parquet, a folder of"),
        ("data", b"x", r"files of type \(none\) are not read"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_gives_one_sentence(tmp_path, name, content, said):
    with pytest.raises(DataError, match=said) as caught:
        rows_of(csv_of(tmp_path, content, name))
    assert "\n" not in str(caught.value)


def test_a_parquet_file_with_a_column_twice_is_refused(tmp_path):
    path = tmp_path / "d.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 3, ["text", "label", "text"]), path)
    with pytest.raises(DataError, match="has several columns named text"):
        rows_of(path)


def test_a_parquet_file_that_breaks_off_in_the_middle_is_refused(tmp_path):
    path = parquet_of(tmp_path, {"text": [f"text {i}" * 50 for i in range(5000)], "label": ["positive"] * 5000})
    content = bytearray(path.read_bytes())
    content[100:4000] = bytes(3900)
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as a dataset: "):
        rows_of(path)
