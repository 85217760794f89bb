"""Data without a split: which texts are held out of the training."""

import json

import pytest

from configs.schema import AuditConfig
from tasks.data.split import audited_and_trained, held_out_of
from tests.data.files import csv_of, data_of, rows_of

LABELS = ("bad", "good")


def config_of(path, held_out=0.2, **data):
    return AuditConfig(data={"path": path, **data}, finetune={"held_out": held_out})


def parts(path, **settings):
    audited, trained = audited_and_trained(config_of(path, **settings), LABELS)
    return audited, trained


def lines_of(rows):
    return "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)


MIXED = [(f"text {i}", "good" if i % 5 else "bad") for i in range(500)]


def test_the_share_holds_for_each_label(tmp_path):
    """400 good texts and 100 bad ones: a fifth of each is 80 and 20."""
    audited, trained = parts(csv_of(tmp_path, lines_of(MIXED)))
    assert [sum(row.label == label for row in audited) for label in (0, 1)] == [20, 80]
    assert [sum(row.label == label for row in trained) for label in (0, 1)] == [80, 320]
    assert sorted(row.number for row in (*audited, *trained)) == list(range(500))


def test_equal_texts_are_on_one_side_whatever_their_label(tmp_path):
    rows = [*MIXED, *MIXED[:200], *((text, "bad") for text, _ in MIXED[200:300])]
    audited, trained = parts(csv_of(tmp_path, lines_of(rows)))
    assert len(audited) + len(trained) == 800
    assert not {row.text for row in audited} & {row.text for row in trained}
    assert len({row.text for row in audited}) == 100


def test_the_part_is_fixed_by_the_seed_and_not_by_the_order_of_the_rows(tmp_path):
    def texts(rows, name, **settings):
        return {row.text for row in parts(csv_of(tmp_path, lines_of(rows), name), **settings)[0]}

    first = texts(MIXED, "a.csv")
    assert texts(MIXED[::-1], "b.csv") == first
    assert len(texts(MIXED[:-1], "c.csv") ^ first) <= 2, "one row less moves hardly another"
    other = texts(MIXED, "d.csv", seed=1)
    assert len(other & first) < 50, "two draws of a fifth share a fifth"


def test_the_rows_are_those_that_are_chosen(tmp_path):
    rows = [{"text": f"t{i}", "label": LABELS[i % 2], "lang": "de" if i < 40 else "fr"} for i in range(100)]
    path = csv_of(tmp_path, "\n".join(map(json.dumps, rows)), "d.jsonl")
    audited, trained = parts(path, where={"lang": "de"}, held_out=0.5)
    assert (len(audited), len(trained)) == (20, 20)
    assert {row.number for row in (*audited, *trained)} == set(range(40))


@pytest.mark.parametrize(("share", "num_held_out"), [(0.01, 1), (0.5, 2), (0.99, 2)])
def test_no_label_is_all_on_one_side(tmp_path, share, num_held_out):
    """Three texts of each label; a half of three is rounded to two."""
    rows = [(f"{label} {i}", label) for label in LABELS for i in range(3)]
    audited, _ = parts(csv_of(tmp_path, lines_of(rows)), held_out=share)
    assert [sum(row.label == label for row in audited) for label in (0, 1)] == [num_held_out] * 2


def test_a_single_text_of_a_label_is_trained_on(tmp_path):
    rows = [("alone", "bad"), *((f"t{i}", "good") for i in range(10))]
    audited, trained = parts(csv_of(tmp_path, lines_of(rows)))
    assert "alone" in {row.text for row in trained}
    assert len(audited) == 2


def test_ingest_and_training_divide_alike(tmp_path):
    path = csv_of(tmp_path, lines_of([*MIXED, ("", "good"), ("text 3", "meh")]))
    held_out = held_out_of(data_of(path), 0.2, LABELS)
    usable = [row for row in rows_of(path, LABELS) if row.reason is None]
    assert [row for row in usable if row in held_out] == parts(path)[0]


def test_with_columns_that_choose_no_text_is_on_both_sides(tmp_path):
    rows = [{"text": f"t{i % 30}", "label": LABELS[i % 2], "part": "test" if i < 20 else "train"} for i in range(60)]
    path = csv_of(tmp_path, "\n".join(map(json.dumps, rows)), "d.jsonl")
    config = AuditConfig(data={"path": path, "where": {"part": "test"}}, finetune={"where": {"part": "train"}})
    audited, trained = audited_and_trained(config, LABELS)
    assert {row.text for row in audited} == {f"t{i}" for i in range(20)}
    assert {row.text for row in trained} == {f"t{i}" for i in range(20, 30)}
