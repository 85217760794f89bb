"""Suspected labels and the words that go with them, on hand-made rows."""

import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

VERDICTS = """
    kind | label | word  | status   | per_1000:double
    word | film  | day   | spurious | 2.0
    word | film  | may   | part     | 5.0
    word | other | hope  | spurious | 1.0
    word | film  | great | genuine  | 0.0
    type | film  | name  | spurious | 1.0
"""
LABELS = ["film", "other"]


@pytest.fixture
def built(warehouse, tmp_path):
    """Ten texts: four suspected, of which one only without the words in it."""
    suspected = {0: 0.1, 1: 0.3, 2: 0.2, 3: 0.2}
    words = {0: ["day", "may"], 1: ["hope", "great"], 2: ["day"], 4: ["great"], 5: ["great", "day"]}
    rows = [
        {
            "example_id": i, "source_id": f"t{i}", "text": f"text {i}", "label_id": int(i == 1), "likely_id": int(i != 1),
            "own_share": suspected.get(i, 0.9), "own_share_read": 0.8, "is_suspected": i in suspected,
            "is_suspected_read": i == 2, "words": words.get(i, []),
        }
        for i in range(10)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "texts.parquet")
    warehouse.insert("verdicts", VERDICTS)
    return warehouse, {"text_parts": [str(tmp_path / "texts.parquet")], "labels": LABELS, "max_queue": 1000}


def test_the_least_probable_label_is_read_first_with_the_word_that_hid_it(built):
    warehouse, params = built
    rows = warehouse.build("suspect/suspected_labels", **params)
    # Text 2 is suspected with its word too, and hope pushes towards the label that text 1 has.
    expected = [
        (0, "film", "other", "may"),
        (2, "film", "other", None),
        (3, "film", "other", None),
        (1, "other", "film", "hope"),
    ]
    assert [(row["example_id"], row["label"], row["likely"], row["misled_by"]) for row in rows] == expected
    queue = warehouse.rows("suspect/queue", **params)
    assert next((row["text"], row["suggested"], row["term"], row["score"]) for row in queue) == (
        "text 0",
        "other",
        "may",
        900,
    )
    assert warehouse.rows("suspect/counts", **params) == [{"n_texts": 10, "n_suspected": 4}]
    assert len(warehouse.build("suspect/suspected_labels", **{**params, "max_queue": 2})) == 2


def test_a_word_that_pushes_towards_another_label_hid_nothing(built):
    warehouse, params = built
    warehouse.insert("verdicts", VERDICTS.replace("word | other | hope", "word | film | hope"))
    rows = warehouse.build("suspect/suspected_labels", **params)
    assert [row["misled_by"] for row in rows if row["example_id"] == 1] == [None]


def test_the_odds_ratio_of_a_word_is_that_of_its_table_of_four_with_half_a_text_each(built):
    warehouse, params = built
    rows = {row["word"]: row for row in warehouse.build("suspect/suspected_words", **params)}
    day = rows["day"]
    # Suspected with it 2 of 3, without it 2 of 7.
    assert [day[name] for name in ("n_texts", "n_suspected", "n_others", "n_suspected_others")] == [3, 2, 7, 2]
    assert day["odds_ratio"] == pytest.approx((2.5 / 1.5) / (2.5 / 5.5))
    half = 1.959964 * math.sqrt(1 / 2.5 + 1 / 1.5 + 1 / 2.5 + 1 / 5.5)
    assert day["odds_ratio_low"] == pytest.approx((2.5 / 1.5) / (2.5 / 5.5) * math.exp(-half))
    assert (day["is_finding"], rows["great"]["is_finding"]) == (True, False)
    assert warehouse.rows("suspect/taught") == []


def test_words_are_those_that_were_tried(built):
    warehouse, _ = built
    tried = {row["word"]: row["is_finding"] for row in warehouse.rows("suspect/tried_words")}
    assert tried == {"day": True, "may": True, "hope": True, "great": False}, json.dumps(tried)
