"""Rows as they are in the file, labels as the model names them, and a reason for every row that cannot be used."""

import json
import socket
import time

import datasets
import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import DataError
from configs.schema import DataConfig
from tasks.data.rows import label_names, label_resolver, read_rows
from tasks.data.sources import dataset_fingerprint, open_dataset

LABELS = ("NEGATIVE", "POSITIVE")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("a local dataset was looked for in the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def rows_of(path, labels=LABELS, where=None, **settings):
    return list(read_rows(DataConfig(path=path, **settings), where or settings.get("where", {}), labels))


def texts_of(path, **settings):
    return [row.text for row in rows_of(path, **settings)]


def reasons_of(path, **settings):
    return [(row.number, row.reason) for row in rows_of(path, **settings)]


def csv_of(tmp_path, content, name="d.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def parquet_of(tmp_path, columns, name="d.parquet"):
    path = tmp_path / name
    pq.write_table(pa.table(columns), path)
    return path


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
        ("👩 first\nthen", 8, None), ("first", None, "not text (second text)"), ("then", None, "not text"),
        ("first\n\\ud800", 6, "undecodable (second text)"), ("first\n ", 6, "empty (second text)"), ("first\nthen", 6, "unknown label"),
    ]  # fmt: skip


def test_a_dataset_without_the_second_text_names_its_columns(tmp_path):
    path = csv_of(tmp_path, "text,label\na,positive\n")
    with pytest.raises(DataError, match=r"has no column 'hypothesis'\. Columns: text, label\. Set data\.pair\."):
        rows_of(path, pair="hypothesis")


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


def test_an_edited_file_is_read_again_and_has_another_fingerprint(tmp_path):
    """`datasets` keeps a copy of every file it has read."""
    path = csv_of(tmp_path, "text,label\na,positive\n")
    data = DataConfig(path=path)
    first = dataset_fingerprint(data)
    assert texts_of(path) == ["a"]
    path.write_text("text,label\nb,positive\n")
    assert texts_of(path) == ["b"]
    assert dataset_fingerprint(data) != first


# Bad rows are set aside with a reason; the others keep their place


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
        (0, "good", None), (1, "", "not text"), (2, "", "not text"), (3, "", "not text"), (4, "", "not text"), (5, "", "not text"),
        (6, "caf\\udce9", "undecodable"), (7, "lone \\ud800", "undecodable"), (8, "x", "unknown label"), (9, "x", "unknown label"),
        (10, "", "malformed"), (11, "", "malformed"), (12, "", "malformed"), (13, "", "malformed"), (14, "", "not text"), (15, "last", None),
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
        ("", "not text"),
        ("fine", None),
    ]


def test_a_text_column_of_another_type_is_not_text(tmp_path):
    for column in (pa.array([1, 2]), pa.array([b"a", b"b"]), pa.array([["a"], ["b"]]), pa.array([{"a": "b"}, None])):
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


# Files that cannot be read at all: one sentence


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("d.csv", b"", r"d\.csv is empty\. Its first line should name the columns\."),
        ("d.csv", b"text,label\n", r"No row is left to read\. The dataset is empty\."),
        ("d.csv", b"review,label\na,b\n", r"d\.csv has no column 'text'\. Columns: review, label\. Set data\.text\."),
        ("d.csv", b"text;label\na;b\n", r"has no column 'text'\. Columns: text;label\."),
        ("d.csv", b"text,label,text\na,b,c\n", r"d\.csv has several columns named text\. Rename them: a guess could audit the wrong one\."),
        ("d.csv", b'text,label\n"never closed,positive\nb,negative\n', r"d\.csv: the row that begins in line 2 cannot be read \(its quoted field is never closed\)\. Mend it"),
        ("d.csv", b'text,label\na,negative\n"say "hi" to",positive\n', r"the row that begins in line 3 cannot be read \(a quote inside its quoted field is not doubled\)"),
        ("d.csv", b'text,label\n"' + b"x" * (2**24 + 9), r"the row that begins in line 2 cannot be read \(field larger than field limit .*; is a quote left open\?\)"),
        ("d.csv", "text,label\na,positive\n".encode("utf-16"), r"d\.csv is UTF-16\. Save it as UTF-8\."),
        ("d.jsonl", b"", r"d\.jsonl holds no JSON object in its first 1000 lines\. Each line should be one, such as \{\"text\": \.\.\., \"label\": \.\.\.\}\."),
        ("d.jsonl", b'{"review": "a", "label": "positive"}\n', r"has no column 'text'\. Columns: review, label\. Set data\.text\."),
        ("d.json", b'[{"text": "a", "label": ', r"d\.json cannot be read as a dataset: Expecting value"),
        ("d.parquet", b"PAR1 no", r"d\.parquet cannot be read as a dataset: "),
        ("d.parquet", b"", r"d\.parquet cannot be read as a dataset: "),
        ("d.xlsx", b"PK", r"files of type \.xlsx are not read\. Known: \.csv, \.tsv, \.jsonl, \.ndjson, \.json, \.parquet, or a folder"),
        ("data", b"x", r"files of type \(none\) are not read"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_gives_one_sentence(tmp_path, name, content, said):
    with pytest.raises(DataError, match=said) as caught:
        rows_of(csv_of(tmp_path, content, name))
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_folder_without_a_dataset_and_a_missing_split(tmp_path):
    with pytest.raises(
        DataError,
        match=r"data\.path: there is no file or folder /.*none\.csv\. Relative paths start at the current folder\.",
    ):
        rows_of(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"there is no file or folder"):
        dataset_fingerprint(DataConfig(path=tmp_path / "none.csv"))
    with pytest.raises(
        DataError,
        match=r"cannot be read as a dataset: Directory .* is neither a `Dataset` directory nor a `DatasetDict` directory",
    ):
        rows_of(tmp_path)
    one = datasets.Dataset.from_dict({"text": ["a"], "label": ["positive"]})
    datasets.DatasetDict({"train": one, "dev": one}).save_to_disk(tmp_path / "saved")
    with pytest.raises(DataError, match=r"saved has no split 'test'\. Splits: train, dev\. Set data\.split\."):
        rows_of(tmp_path / "saved")
    assert texts_of(tmp_path / "saved", split="dev") == ["a"]


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


# Labels are joined by name


def labels_of(tmp_path, column, labels=LABELS, feature=None, **settings):
    """The model's labels for a column of labels, by name; None where the label is unknown."""
    table = {"text": [f"text {i}" for i in range(len(column))], "label": column}
    if feature is None:
        path = parquet_of(tmp_path, table)
    else:
        path = tmp_path / "saved"
        datasets.Dataset.from_dict(
            table, features=datasets.Features({"text": datasets.Value("string"), "label": feature})
        ).save_to_disk(path)
    return [labels[row.label] if row.label >= 0 else None for row in rows_of(path, labels, **settings)]


def test_a_classlabel_in_another_order_than_the_models_is_joined_by_name(tmp_path):
    feature = datasets.ClassLabel(names=["positive", "negative"])
    assert labels_of(tmp_path, [0, 1, 1, 0], feature=feature) == ["POSITIVE", "NEGATIVE", "NEGATIVE", "POSITIVE"]


def test_the_names_of_a_classlabel_survive_in_parquet(tmp_path):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["positive", "negative"])}
    )
    datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}, features=features).to_parquet(
        tmp_path / "d.parquet"
    )
    assert [row.label for row in rows_of(tmp_path / "d.parquet")] == [1, 0]


def test_a_classlabel_without_a_name_is_unknown(tmp_path):
    feature = datasets.ClassLabel(names=["negative", "positive"])
    assert labels_of(tmp_path, [0, -1, None, 1], feature=feature) == ["NEGATIVE", None, None, "POSITIVE"]


@pytest.mark.parametrize(
    "column",
    [[0, 1], pa.array([0, 1], pa.int8()), ["0", "1"], [False, True], pa.array([0.0, 1.0]), [b"0", b"1"]],
    ids=lambda column: str(getattr(column, "type", type(column[0]).__name__)),
)
def test_numbers_are_not_guessed_to_be_places_in_the_models_list(tmp_path, column):
    with pytest.raises(
        DataError,
        match=r"are not the model's labels by name \(LABEL_0, LABEL_1\)\. Say which is which under data\.labels",
    ):
        labels_of(tmp_path, column, labels=("LABEL_0", "LABEL_1"))


def test_the_advice_names_the_labels_that_were_found(tmp_path):
    with pytest.raises(DataError) as caught:
        labels_of(tmp_path, [4, 7, 4])
    assert str(caught.value) == (
        "The labels of column 'label' (4, 7) are not the model's labels by name (NEGATIVE, POSITIVE). "
        "Say which is which under data.labels, for example {4: ..., 7: ...}: a guess could flip every label."
    )


@pytest.mark.parametrize(
    "column",
    [
        [0, 1, None, 5], pa.array([0, 1, None, 5], pa.uint8()), pa.array([0.0, 1.0, None, 1.5]), pa.array([0.0, 1.0, float("nan"), float("inf")]),
        ["0", " 1 ", None, ""], ["0", "1", "00", "1.0"],
    ],
    ids=lambda column: str(getattr(column, "type", type(column[0]).__name__)),
)  # fmt: skip
def test_numbers_are_joined_through_the_mapping(tmp_path, column):
    table = parquet_of(tmp_path, {"text": list("abcd"), "label": column})
    data = DataConfig(path=table, labels={0: "POSITIVE", 1: "NEGATIVE"})
    assert [row.label for row in read_rows(data, {}, LABELS)] == [1, 0, -1, -1]


def test_a_model_whose_labels_are_digits_is_joined_by_those_names_and_not_by_place(tmp_path):
    assert labels_of(tmp_path, [0, 1], labels=("1", "0")) == ["0", "1"]
    assert labels_of(tmp_path, ["0", "1"], labels=("1", "0")) == ["0", "1"]
    assert labels_of(tmp_path, [1.0, 0.0, None], labels=("1", "0")) == ["1", "0", None]


def test_truth_values_are_the_labels_true_and_false(tmp_path):
    assert labels_of(tmp_path, [True, False, None], labels=("False", "True")) == ["True", "False", None]
    table = parquet_of(tmp_path, {"text": ["a", "b"], "label": [True, False]})
    data = DataConfig(path=table, labels={True: "POSITIVE", "FALSE": "NEGATIVE"})
    assert [row.label for row in read_rows(data, {}, LABELS)] == [1, 0]


def test_a_truth_value_is_not_a_one(tmp_path):
    with pytest.raises(DataError, match=r"\(false, true\) are not the model's labels by name \(0, 1\)"):
        labels_of(tmp_path, [True, False], labels=("0", "1"))


def test_case_and_outer_spaces_do_not_count(tmp_path):
    assert labels_of(tmp_path, ["Positive", " negative\t", "POSITIVE", "positiv"]) == [
        "POSITIVE",
        "NEGATIVE",
        "POSITIVE",
        None,
    ]


def test_two_labels_of_the_dataset_may_be_one_of_the_model(tmp_path):
    table = parquet_of(tmp_path, {"text": list("abcde"), "label": [1, 2, 3, 4, 5]})
    data = DataConfig(path=table, labels={1: "NEGATIVE", 2: "negative", 4: "POSITIVE", 5: "POSITIVE"})
    assert [(row.label, row.reason) for row in read_rows(data, {}, LABELS)] == [
        (0, None),
        (0, None),
        (-1, "unknown label"),
        (1, None),
        (1, None),
    ]


def test_a_label_left_out_of_the_mapping_is_unknown_even_if_the_model_has_its_name(tmp_path):
    table = parquet_of(tmp_path, {"text": ["a", "b"], "label": ["bad", "positive"]})
    assert [row.label for row in read_rows(DataConfig(path=table, labels={"bad": "NEGATIVE"}), {}, LABELS)] == [0, -1]


@pytest.mark.parametrize(
    ("names", "mapping", "said"),
    [
        (
            ["neg", "pos"],
            {},
            r"The labels of column 'label' \(neg, pos\) are not the model's labels by name \(NEGATIVE, POSITIVE\)\.",
        ),
        (["negative", "pos"], {}, r"are not the model's labels by name"),
        (["0", "1"], {}, r"are not the model's labels by name"),
        (
            ["neg", "pos"],
            {"neg": "BAD", "pos": "POSITIVE"},
            r"data\.labels: the model has no label 'BAD'\. Its labels: NEGATIVE, POSITIVE\.",
        ),
        (
            ["neg", "pos"],
            {"negative": "NEGATIVE", "pos": "POSITIVE"},
            r"data\.labels: column 'label' has no label 'negative'\. Its labels: neg, pos\.",
        ),
        (
            ["neg", "pos"],
            {0: "NEGATIVE", 1: "POSITIVE"},
            r"data\.labels: column 'label' has no label '0'\. Its labels: neg, pos\.",
        ),
    ],
)
def test_names_that_do_not_match_stop_before_the_first_row(names, mapping, said):
    with pytest.raises(DataError, match=said):
        label_resolver(names, DataConfig(path="x", labels=mapping), LABELS)


def test_a_model_with_one_name_twice_is_refused():
    with pytest.raises(DataError, match="The model names a label twice: good, Good "):
        label_resolver(None, DataConfig(path="x"), ("good", "Good "))


def test_a_misspelt_name_in_the_mapping_does_not_drop_a_class(tmp_path):
    path = csv_of(tmp_path, "text,label\na,neg\nb,pos\nc,pos\n")
    with pytest.raises(
        DataError, match=r"data\.labels names pso, which column 'label' never holds, but not pos, which it does\."
    ):
        list(read_rows(DataConfig(path=path, labels={"neg": "NEGATIVE", "pso": "POSITIVE"}), {}, LABELS))


def test_labels_in_a_message_cannot_drive_the_terminal(tmp_path):
    with pytest.raises(DataError) as caught:
        labels_of(tmp_path, ["\x1b[2J\nfake line", "x" * 500])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


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


# Labels of a dataset without a model


@pytest.mark.parametrize(
    ("column", "names"),
    [
        (["b", "a", None, " b", ""], ("a", "b")),
        (["Pos", "neg", "pos"], ("Pos", "neg")),
        ([1, 0, 1], ("0", "1")),
        (pa.array([1.0, 0.0, None, float("nan")]), ("0", "1")),
        ([True, False], ("false", "true")),
    ],
)
def test_label_names_are_those_of_the_column_and_all_its_labels_are_known(tmp_path, column, names):
    path = parquet_of(tmp_path, {"text": [f"t{i}" for i in range(len(column))], "label": column})
    assert label_names(DataConfig(path=path)) == names
    assert {row.label for row in rows_of(path, labels=names)} >= {0, 1}


def test_label_names_come_from_the_classlabel_or_the_mapping_first(tmp_path):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["z", "a", "unused"])}
    )
    datasets.Dataset.from_dict({"text": ["x"], "label": [0]}, features=features).save_to_disk(tmp_path / "saved")
    assert label_names(DataConfig(path=tmp_path / "saved")) == ("z", "a", "unused")
    assert label_names(DataConfig(path="x", labels={1: "bad", 2: "Bad", 5: "good"})) == ("bad", "good")


def test_a_column_that_cannot_hold_labels_is_refused(tmp_path):
    one = parquet_of(tmp_path, {"text": ["a"], "label": ["x"]})
    with pytest.raises(DataError, match="Column 'label' holds 1 different values; a classifier needs 2 to 1000 labels"):
        label_names(DataConfig(path=one))
    many = parquet_of(tmp_path, {"text": ["a"] * 1001, "label": list(range(1001))})
    with pytest.raises(DataError, match="Column 'label' holds more than 1000 different values"):
        label_names(DataConfig(path=many))


# The hub

HUB = DataConfig(hub="owner/name", revision="8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb")


def test_without_a_network_a_hub_dataset_gives_one_sentence_within_seconds(monkeypatch, tmp_path):
    def unreachable(*args, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    started = time.monotonic()
    with pytest.raises(DataError) as caught:
        open_dataset(HUB)
    assert time.monotonic() - started < 5
    assert str(caught.value) == (
        "data.hub: owner/name at 8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb cannot be fetched from the Hugging Face hub (huggingface.co cannot be "
        "reached, and no copy of the dataset was kept from before). Check the name, the commit and the network, or save the dataset to a folder and set data.path."
    )
    assert isinstance(caught.value.__cause__, ConnectionError), "what makes Prefect try again"
    assert not datasets.config.HF_HUB_OFFLINE
    assert not huggingface_hub.constants.HF_HUB_OFFLINE


def test_offline_mode_needs_no_network_to_say_no(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(
        DataError,
        match=r"cannot be fetched from the Hugging Face hub \(Couldn't reach 'owner/name' on the Hub \(OfflineModeIsEnabled\)\)",
    ):
        open_dataset(HUB)


def test_a_cached_copy_of_another_commit_is_refused(monkeypatch):
    """Without a network `datasets` takes the latest copy it has of that name, whatever commit was asked for."""
    opened = datasets.Dataset.from_dict({"text": ["a"], "label": ["x"]})
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **options: opened)
    opened.info.download_checksums = {
        f"hf://datasets/owner/name@{HUB.revision}/data/test.parquet": {"num_bytes": 9, "checksum": None}
    }
    assert open_dataset(HUB).columns == ("text", "label")
    opened.info.download_checksums = {
        "hf://datasets/owner/name@0000000000/data/test.parquet": {"num_bytes": 9, "checksum": None}
    }
    with pytest.raises(
        DataError, match=r"is not at hand, only another commit of it \(hf://datasets/owner/name@0000000000/data"
    ):
        open_dataset(HUB)


def test_a_local_folder_with_the_name_of_the_hub_dataset_is_not_read_in_its_place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    with pytest.raises(
        DataError, match="there is a local folder owner/name, which would be read in the place of the hub dataset"
    ):
        open_dataset(HUB)


def test_a_hub_dataset_is_named_by_its_address():
    other = HUB.model_copy(update={"split": "train"})
    assert dataset_fingerprint(HUB) == dataset_fingerprint(HUB.model_copy())
    assert dataset_fingerprint(HUB) != dataset_fingerprint(other)
