"""Labels as the model names them."""

import re

import datasets
import pyarrow as pa
import pytest

from configs.errors import DataError
from configs.load import parse_yaml
from configs.schema import DataConfig
from configs.section import label_form
from tasks.data.rows import label_names, label_resolver, read_rows
from tests.data.files import LABELS, csv_of, labels_of, parquet_of, rows_of


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
        ["0", " 1 ", None, ""], ["0", "1.0", "00", "1.5"], ["-0", "+1", "01", "1.00.0"],
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


# Labels as files have them


def yaml_of(message):
    """The mapping that a message proposes, with the model's labels in their order where it leaves them open."""
    proposed = re.search(r"for example (\{.*\}): a guess", message)[1]
    for label in LABELS:
        proposed = proposed.replace(": ...", f": {label}", 1)
    return parse_yaml(proposed, "advice")


@pytest.mark.parametrize(
    "column",
    [
        ["0.0", "1.0"], ["+1", "-1"], ["no", "yes"], ["true", "FALSE"], ["null", "~"], ["a: b", "c, d"], ["1_000", "0x1F"], ["2026-01-01", "#2"],
        ["sehr gut", "mangelhaft"], ["n\u0303", "ø"], ['say "x"', "{y}"], [1.0, 0.0], [True, False], ["1.5", "1.50"],
    ],
    ids=str,
)  # fmt: skip
def test_the_advice_on_labels_followed_to_the_letter_works(tmp_path, column):
    table = parquet_of(tmp_path, {"text": ["a", "b"], "label": column})
    with pytest.raises(DataError) as caught:
        rows_of(table)
    rows = list(read_rows(DataConfig(path=table, labels=yaml_of(str(caught.value))), {}, LABELS))
    assert sorted(row.label for row in rows) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("1", 1),
        ("-0", "0.0"),
        ("é", "e\u0301"),
        ("Straße", "STRASSE"),
        ("x", " x\u200b"),
        ("ΣΟΦΟΣ", "σοφος"),
    ],
)
def test_two_spellings_of_one_label_are_one(one, other):
    assert label_form(one) == label_form(other)


@pytest.mark.parametrize(("one", "other"), [("1", "01"), ("1.1", "1.10"), ("1", "1.5"), ("e", "é"), ("1", "true")])
def test_labels_that_only_look_alike_are_two(one, other):
    assert label_form(one) != label_form(other)


def test_a_class_of_a_dataset_has_one_name_however_it_is_encoded(tmp_path):
    column = ["négatif", "ne\u0301gatif", "positif", "Positif "] * 3
    path = parquet_of(tmp_path, {"text": [f"t{i}" for i in range(12)], "label": column})
    assert label_names(DataConfig(path=path)) == ("Positif", "négatif")
    assert {row.label for row in rows_of(path, ("négatif", "positif"))} == {0, 1}


def test_a_row_that_repeats_the_header_or_cannot_be_read_makes_no_class(tmp_path):
    lines = [f"text {i},{'pos' if i % 2 else 'neg'},{'train' if i % 3 else 'test'}" for i in range(60)]
    lines[30:30] = ["text,label,split", "\ufeffText,Label,Split", ",nothing,test", "one field", "other,elsewhere,dev"]
    path = csv_of(tmp_path, "text,label,split\n" + "\n".join(lines))
    assert label_names(DataConfig(path=path), {"split": "test"}, {"split": "train"}) == ("neg", "pos")
    reasons = [row.reason for row in rows_of(path, ("neg", "pos"), where={"split": "test"})]
    assert [reason for reason in reasons if reason] == ["header again", "header again", "empty", "malformed"]


def test_a_value_in_few_rows_is_asked_about_and_both_answers_work(tmp_path):
    column = ["neg", "pos"] * 40 + ["pso"]
    path = parquet_of(tmp_path, {"text": [f"t{i}" for i in range(81)], "label": column})
    with pytest.raises(DataError) as caught:
        label_names(DataConfig(path=path))
    assert str(caught.value) == (
        "Column 'label' holds pso in 1 of 81 rows only. If it is a slip, name the labels without it: "
        "data.labels: {neg: neg, pos: pos}. If it is a class, name it as well: {pso: pso}."
    )
    without = {"neg": "neg", "pos": "pos"}
    assert label_names(DataConfig(path=path, labels=without)) == ("neg", "pos")
    assert rows_of(path, ("neg", "pos"))[-1].reason == "unknown label"
    assert label_names(DataConfig(path=path, labels={**without, "pso": "pso"})) == ("neg", "pos", "pso")


def test_a_class_that_is_small_among_small_ones_is_none_to_ask_about(tmp_path):
    """4 of 44 rows: a tenth of the most frequent label is 4."""
    column = ["a"] * 40 + ["b"] * 4
    path = parquet_of(tmp_path, {"text": [f"t{i}" for i in range(44)], "label": column})
    assert label_names(DataConfig(path=path)) == ("a", "b")
