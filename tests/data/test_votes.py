"""Rows labelled by rules and by tables of votes, and what each rule does in a row."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import ConfigError, DataError
from configs.schema import AuditConfig
from tasks.data.coverage import WHOLE, Coverage, Hit
from tasks.data.rows import Row
from tasks.data.split import audited_and_trained
from tasks.data.votes import labelling_key, read_labelling, rule_labels
from tests.data.files import csv_of, data_of

LABELS = ("other", "film")


def row(number, text="", source_id=None):
    return Row(number, source_id or str(number), text, None, -1, None)


@pytest.fixture
def dataset(tmp_path):
    """Four rows with ids, whose labels the model names otherwise."""
    return data_of(
        csv_of(tmp_path, "key,text,label\na,t0,x\nb,t1,f\nc,t2,x\nd,t3,f\n"), id="key", labels={"x": "other", "f": "film"}
    )  # fmt: skip


def votes_of(path, columns):
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        rows = zip(*columns.values(), strict=True)
        path.write_text(
            "\n".join(
                [",".join(columns), *(",".join("" if cell is None else str(cell) for cell in row) for row in rows)]
            )
        )
    return path


VOTES = {"lf_a": ["film", "-1", None, "other"], "lf_b": ["x", "f", "-1", "film"], "lf_c": ["f", "-1", "", "film"]}


@pytest.mark.parametrize("name", ["votes.parquet", "votes.csv"])
def test_a_table_of_votes_labels_rows_by_their_order(tmp_path, dataset, name):
    votes = read_labelling(votes_of(tmp_path / name, VOTES), dataset, LABELS)
    rows = [row(number) for number in range(4)]
    # film twice against other; film once; nothing; film twice against other.
    assert rule_labels(votes, rows, LABELS) == [1, 1, -1, 1]
    terms = Coverage(votes, LABELS).terms()
    assert [(term["rule"], term["term_id"], term["label_id"]) for term in terms] == [
        ("lf_a", WHOLE, None),
        ("lf_b", WHOLE, None),
        ("lf_c", WHOLE, None),
    ]
    label, hits = Coverage(votes, LABELS).of(rows[0])
    # Without the first or the third the others are one against one, and the first of the two wins.
    assert label == 1
    assert hits == [
        (Hit(0, WHOLE, None, None, decides=True), 1),
        (Hit(1, WHOLE, None, None, decides=False), 0),
        (Hit(2, WHOLE, None, None, decides=False), 1),
    ]


def test_rows_are_found_by_their_id(tmp_path, dataset):
    path = votes_of(tmp_path / "v.parquet", {"key": ["d", "a"], "lf": ["film", "other"]})
    votes = read_labelling(path, dataset, LABELS)
    assert rule_labels(votes, [row(0, source_id="a"), row(3, source_id="d")], LABELS) == [0, 1]
    with pytest.raises(DataError, match="no row for 'b' of the dataset: they are those of other rows"):
        rule_labels(votes, [row(1, source_id="b")], LABELS)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"lf": ["film"] * 3}, "has 3 rows of votes, the dataset 4: they are those of other rows"),
        (
            {"lf": ["film", "book", "film", "film"]},
            "the rule lf votes book, which is no label of the model (other, film)",
        ),
        ({"lf": [0, 1, -1, 1]}, "the rule lf votes 0, which is no label of the model"),
        ({"key": ["a", "a"], "lf": ["film", "film"]}, "has votes for 'a' twice"),
        ({"key": ["a", "b"]}, "has no votes: it needs a column for each rule"),
    ],
)
def test_votes_that_are_not_those_of_the_rows_are_a_sentence(tmp_path, dataset, columns, sentence):
    with pytest.raises(DataError) as error:
        read_labelling(votes_of(tmp_path / "v.parquet", columns), dataset, LABELS)
    assert sentence in str(error.value)


def test_numbers_are_votes_where_labels_are_numbers(tmp_path):
    data = data_of(csv_of(tmp_path, "text,label\nt0,0\nt1,1\n"), labels={"0": "other", "1": "film"})
    votes = read_labelling(votes_of(tmp_path / "v.parquet", {"lf": [1, -1]}), data, LABELS)
    assert rule_labels(votes, [row(0), row(1)], LABELS) == [1, -1]


def test_what_is_no_table_is_a_sentence(tmp_path, dataset):
    (tmp_path / "v.parquet").write_text("none")
    with pytest.raises(DataError, match=r"Votes: .*v\.parquet cannot be read as a table"):
        read_labelling(tmp_path / "v.parquet", dataset, LABELS)


RULES = """
otherwise: other
rules:
- {name: topic, label: film, keywords: [film, cast]}
- {name: names, label: film, keywords: day}
- {name: times, label: other, keywords: [noon], weight: 3}
"""


@pytest.mark.parametrize(
    ("text", "label", "hits"),
    [
        ("nothing", 0, []),
        ("film", 1, [(0, WHOLE, True), (0, 0, True)]),
        ("film cast", 1, [(0, WHOLE, True), (0, 0, False), (0, 1, False)]),
        ("a day film", 1, [(0, WHOLE, False), (0, 0, False), (1, WHOLE, False), (1, 0, False)]),
        ("film at noon", 0, [(0, WHOLE, False), (0, 0, False), (2, WHOLE, True), (2, 0, True)]),
    ],
)
def test_a_label_hangs_on_a_rule_if_it_would_be_another_without_it(tmp_path, dataset, text, label, hits):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    coverage = Coverage(read_labelling(path, dataset, LABELS), LABELS)
    found, places = coverage.of(row(0, text))
    assert found == label
    assert [(hit.rule, hit.term, hit.decides) for hit, _ in places] == hits
    assert all(text[hit.start : hit.end] in ("film", "cast", "day", "noon") for hit, _ in places if hit.term != WHOLE)


def trained(folder, rules, lines, **finetune):
    (folder / "rules.yaml").write_text(rules)
    path = csv_of(folder, "text,label,part\n" + "\n".join(lines))
    config = AuditConfig(
        data={"path": path, "where": {"part": "test"}, "labels": {"o": "other", "f": "film"}},
        finetune={"where": {"part": "train"}, "rules": folder / "rules.yaml", **finetune},
    )
    return audited_and_trained(config, LABELS)


def test_rows_to_train_on_have_the_label_of_the_rules_and_their_own_is_never_read(tmp_path):
    """Labels that would not be read otherwise: unknown, missing, the wrong one."""
    lines = [
        "a film,o,train",
        "a day,book,train",
        "nothing,,train",
        "a film at noon,f,train",
        "audited film,f,test",
        "audited,o,test",
    ]
    audited, rows = trained(tmp_path, RULES, lines)
    assert [(row.text, row.label) for row in audited] == [("audited film", 1), ("audited", 0)]
    assert [(row.text, row.label) for row in rows] == [
        ("a film", 1),
        ("a day", 1),
        ("nothing", 0),
        ("a film at noon", 0),
    ]


def test_rows_that_no_rule_labels_are_not_trained_on_and_none_at_all_is_a_sentence(tmp_path):
    lines = ["a film,o,train", "nothing,f,train", "audited film,f,test", "audited,o,test"]
    without = RULES.replace("otherwise: other", "")
    assert [row.text for row in trained(tmp_path, without, lines)[1]] == ["a film"]
    with pytest.raises(DataError, match=r"no rule matches any of the 1 rows to train on\. Add keywords"):
        trained(tmp_path, without, lines[1:])


def test_a_rule_for_a_label_that_the_model_lacks_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="the label 'book' of a rule is none of the model's"):
        trained(tmp_path, "- {label: book, keywords: x}", ["a,o,train", "b,o,test", "c,f,test"])


def test_the_key_of_rules_is_that_of_their_meaning(tmp_path, dataset):
    def key(text, name="r.yaml"):
        (tmp_path / name).write_text(text)
        return labelling_key(read_labelling(tmp_path / name, dataset, LABELS))

    assert key(RULES) == key(f"# A comment.\n{RULES}", "other.yaml")
    assert key(RULES) != key(RULES.replace("day", "may"))
    assert key(RULES) != key(RULES.replace("weight: 3", "weight: 2"))
