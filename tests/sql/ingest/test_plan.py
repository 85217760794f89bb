"""Which rows are kept, sampled and put into which shard."""

import hashlib

import pytest

from tests.sql.helpers import only


def plan(warehouse, staged, **params):
    settled = {"sample": None, "seed": 0, "max_tokens": 100, "shard_tokens": 1000, **params}
    return warehouse.build("ingest/plan", staging=warehouse.part(staged, pair_start=None), **settled)


def test_a_repeated_text_counts_once_and_its_copies_say_why_they_are_out(warehouse):
    rows = plan(warehouse, """
        example_id | source_id | text | label_id | n_tokens | reason:varchar
        0          | a         | good | 1        | 3        | null
        1          | b         | good | 1        | 3        | null
        2          | c         | good | 0        | 3        | null
        3          | d         | bad  | 0        | 3        | undecodable
        4          | e         | bad  | 0        | 3        | null
    """)  # fmt: skip
    assert only(sorted(rows, key=lambda row: row["example_id"]), "example_id", "reason", "shard") == [
        (0, None, 0),
        (1, "duplicate", None),
        (2, "duplicate with another label", None),
        (3, "undecodable", None),
        (4, None, 0),  # its only copy is unusable
    ]


def test_a_pair_is_repeated_only_if_both_of_its_texts_are(warehouse):
    # 0 and 1 read the same once joined: ("a", "b\nc") and ("a\nb", "c")
    rows = plan(warehouse, """
        example_id | source_id | text      | pair_start | label_id | n_tokens | reason:varchar
        0          | a         | "a\\nb\\nc" | 2          | 1        | 3        | null
        1          | b         | "a\\nb\\nc" | 4          | 1        | 3        | null
        2          | c         | "a\\nb\\nc" | 4          | 1        | 3        | null
    """)  # fmt: skip
    assert sorted(only(rows, "example_id", "pair_start", "reason")) == [(0, 2, None), (1, 4, None), (2, 4, "duplicate")]


def test_shards_hold_equal_numbers_of_kept_tokens_shortest_text_first(warehouse):
    rows = plan(warehouse, """
        example_id | source_id | text | label_id | n_tokens | reason:varchar
        0          | a         | t0   | 1        | 9        | null
        1          | b         | t1   | 0        | 2        | null
        2          | c         | t2   | 1        | 4        | null
        3          | d         | t3   | 0        | 3        | null
    """, max_tokens=4, shard_tokens=5)  # fmt: skip
    # kept, in order: 2 3 4 4; running sum 2 5 9 13; (sum - 1) // 5 = 0 0 1 2
    assert only(rows, "example_id", "n_tokens", "n_cut", "shard") == [
        (1, 2, 0, 0),
        (3, 3, 0, 0),
        (0, 9, 5, 1),
        (2, 4, 0, 2),
    ]


def test_shards_are_counted_without_gaps_when_a_text_is_longer_than_a_shard(warehouse):
    rows = plan(warehouse, """
        example_id | source_id | text | label_id | n_tokens | reason:varchar
        0          | a         | t0   | 1        | 7        | null
        1          | b         | t1   | 0        | 30       | null
        2          | c         | t2   | 1        | 31       | null
    """, shard_tokens=5)  # fmt: skip
    assert only(rows, "example_id", "shard") == [(0, 0), (1, 1), (2, 2)]


STAGED = "example_id | source_id | text | label_id | n_tokens | reason:varchar\n" + "\n".join(
    f"{i} | s{i} | t{i} | {int(i % 3 == 0)} | 3 | null" for i in range(12)
)


def drawn(rows):
    return {row["example_id"] for row in rows if row["shard"] is not None}


@pytest.mark.parametrize("seed", [0, 7])
def test_a_sample_keeps_the_shares_of_the_labels_and_goes_by_the_md5_of_the_seed(warehouse, seed):
    # 4 of 12 have label 1, 8 have label 0: of 6, 6 * 4 / 12 = 2 and 6 * 8 / 12 = 4
    def first(ids, n):
        return sorted(ids, key=lambda i: hashlib.md5(f"{seed}:{i}".encode()).hexdigest())[:n]

    wanted = {*first([0, 3, 6, 9], 2), *first([1, 2, 4, 5, 7, 8, 10, 11], 4)}
    rows = plan(warehouse, STAGED, sample=6, seed=seed)
    assert drawn(rows) == wanted
    assert {row["reason"] for row in rows if row["shard"] is None} == {"not sampled"}


def test_another_seed_draws_another_sample_and_no_sample_keeps_all(warehouse):
    assert drawn(plan(warehouse, STAGED, sample=6, seed=0)) != drawn(plan(warehouse, STAGED, sample=6, seed=1))
    assert drawn(plan(warehouse, STAGED)) == set(range(12))
    assert drawn(plan(warehouse, STAGED, sample=1000)) == set(range(12))


PLAN = """
    example_id | source_id | text | label_id | n_tokens | n_cut | reason:varchar | shard:integer
    4          | e         | five | 0        | 9        | 5     | null           | 1
    2          | c         | thre | 1        | 4        | 0     | null           | 1
    3          | d         | four | 1        | 3        | 0     | null           | 1
    1          | b         | one  | 1        | 3        | 0     | duplicate      | null
    0          | a         | ""   | 1        | 0        | 0     | empty          | null
    5          | f         | six  | 1        | 3        | 0     | not sampled    | null
    6          | g         | sev  | 1        | 2        | 0     | null           | 0
"""


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (4, [6, 3, 2, 4]),
        (9, [6, 3, 2, 4]),
        # Of the places 1 to 4, every second: 2 and 4.
        (2, [3, 4]),
        (1, [4]),
    ],
)
def test_texts_to_compare_are_audited_ones_of_all_lengths_with_the_longest(warehouse, most, expected):
    warehouse.insert("plan", PLAN, pair_start=2)
    assert [row["example_id"] for row in warehouse.rows("ingest/compared", most=most)] == expected


def test_rejects_are_all_unusable_rows_but_not_those_the_sample_left_out(warehouse):
    warehouse.insert("plan", PLAN)
    assert only(warehouse.build("ingest/rejects"), "example_id", "source_id", "text", "reason") == [
        (0, "a", "", "empty"),
        (1, "b", "one", "duplicate"),
    ]


def test_a_shard_is_ordered_by_the_tokens_the_model_sees(warehouse):
    warehouse.insert("plan", PLAN, pair_start=2)
    assert warehouse.build("ingest/shard", shard=1) == [
        {"example_id": 3, "source_id": "d", "text": "four", "pair_start": 2, "label_id": 1, "n_tokens": 3, "n_cut": 0},
        {"example_id": 2, "source_id": "c", "text": "thre", "pair_start": 2, "label_id": 1, "n_tokens": 4, "n_cut": 0},
        {"example_id": 4, "source_id": "e", "text": "five", "pair_start": 2, "label_id": 0, "n_tokens": 9, "n_cut": 5},
    ]
    assert warehouse.rows("ingest/shard", shard=2) == []


def test_every_row_has_one_fate_and_texts_to_train_on_are_no_rejects(warehouse):
    plan(warehouse, """
        example_id | source_id | text | label_id | n_tokens | reason:varchar
        0          | a         | t0   | 1        | 9        | null
        1          | b         |      | 1        | 0        | "for training"
        2          | c         | t0   | 1        | 9        | null
        3          | d         |      | -1       | 0        | empty
        4          | e         | t1   | 1        | 2        | null
        5          | f         |      | 0        | 0        | "for training"
    """, sample=1)  # fmt: skip
    assert only(warehouse.build("ingest/fates"), "fate", "n_rows") == [
        ("audited", 1), ("duplicate", 1), ("empty", 1), ("for training", 2), ("not sampled", 1),
    ]  # fmt: skip
    assert only(warehouse.build("ingest/rejects"), "example_id", "reason") == [(2, "duplicate"), (3, "empty")]
