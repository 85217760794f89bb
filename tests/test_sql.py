"""Every query of the warehouse on a world small enough to work out on paper, or against scipy.

A test that computes its answer shows the sum in a comment. Where the sum is long, the oracle is scipy.
"""

import hashlib
import json
import math
import unicodedata
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

import warehouse as warehouse_package
from warehouse import Warehouse

PROPERTY = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def by(rows, *keys):
    """Rows under their key."""
    found = {tuple(row[key] for key in keys) if len(keys) > 1 else row[keys[0]]: row for row in rows}
    assert len(found) == len(rows)
    return found


def only(rows, *columns):
    """Rows as tuples of these columns."""
    return [tuple(row[column] for column in columns) for row in rows]


# ---------------------------------------------------------------- macros.sql


@pytest.fixture(scope="module")
def macro():
    connection = duckdb.connect()
    Warehouse(connection)
    yield lambda call, **values: connection.execute(f"select {call}", values).fetchone()[0]
    connection.close()


@PROPERTY
@given(z=st.floats(-30, 30))
def test_normal_p_is_the_two_sided_tail_to_seven_digits(macro, z):
    assert macro("normal_p($z)", z=z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1.3e-7)


def test_normal_p_underflows_to_0_and_not_to_nan(macro):
    assert macro("normal_p(50.0)") == 0
    assert macro("normal_p(1e200)") == 0
    assert macro("normal_p('infinity'::double)") == 0


@PROPERTY
@given(v=st.floats(8, 1e6))
def test_t_975_is_within_1e4_of_student_s_quantile(macro, v):
    assert macro("t_975($v)", v=v) == pytest.approx(stats.t.ppf(0.975, v), abs=3e-5)


@PROPERTY
@given(
    v=st.floats(8, 1e5),
    p_and_bound=st.sampled_from([(0.9, 0.003), (0.05, 0.003), (0.004, 0.02), (4e-5, 0.1)]),
    sign=st.sampled_from([-1, 1]),
)
def test_t_to_normal_keeps_the_p_value_within_the_stated_bounds(macro, v, p_and_bound, sign):
    p, bound = p_and_bound
    z = macro("t_to_normal($t, $v)", t=sign * stats.t.isf(p / 2, v), v=v)
    assert math.copysign(1, z) == sign
    assert 2 * stats.norm.sf(abs(z)) == pytest.approx(p, rel=bound)


@PROPERTY
@given(n=st.integers(1, 5000), share=st.floats(0, 1))
def test_wilson_bounds_are_scipy_s(macro, n, share):
    k = round(share * n)
    low, high = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert macro("wilson_low($k, $n)", k=k, n=n) == pytest.approx(low, abs=1e-12)
    assert macro("wilson_high($k, $n)", k=k, n=n) == pytest.approx(high, abs=1e-12)


def test_wilson_of_nothing_is_null(macro):
    assert macro("wilson_low(0, 0)") is None
    assert macro("wilson_high(0, 0)") is None


# ---------------------------------------------------------------- ingest


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


# ---------------------------------------------------------------- aggregate/examples, rejects


def test_an_example_has_its_labels_by_name_and_its_gap_relative_to_the_change(warehouse):
    shards = warehouse.part("""
        example_id | source_id | text | label_id | n_tokens | n_cut
        1          | b         | two  | 2        | 4        | 1
        0          | a         | one  | 0        | 3        | 0
    """)  # fmt: skip
    parts = warehouse.part("""
        example_id | predicted_id | target_id | confidence | score | change | gap  | special_score | gradients | error:double | converged | reason    | n_windows
        0          | 0            | 2         | 0.75       | 1.5   | -4.0   | -1.0 | 0.25          | 12        | 0.5          | false     | tolerance | 1
        1          | 1            | 1         | 0.5        | 0.5   | 0.5    | 0.25 | 0.0           | 24        | null         | true      | null      | 3
    """)  # fmt: skip
    rows = warehouse.build("aggregate/examples", shards=[shards], example_parts=[parts], labels=["no", "yes", "maybe"])
    assert rows == [
        {
            "example_id": 0, "source_id": "a", "text": "one", "gold_label": "no", "predicted_label": "no", "target_label": "maybe",
            "correct": True, "confidence": 0.75, "score": 1.5, "change": -4.0, "gap": -1.0,
            "relative_gap": 0.25,  # 1 / 4
            "special_score": 0.25, "gradients": 12, "error": 0.5, "converged": False, "reason": "tolerance", "n_windows": 1, "n_tokens": 3, "n_cut": 0,
        },
        {
            "example_id": 1, "source_id": "b", "text": "two", "gold_label": "maybe", "predicted_label": "yes", "target_label": "yes",
            "correct": False, "confidence": 0.5, "score": 0.5, "change": 0.5, "gap": 0.25,
            "relative_gap": 0.25,  # 0.25 / 1: a change below 1 counts as 1
            "special_score": 0.0, "gradients": 24, "error": None, "converged": True, "reason": None, "n_windows": 3, "n_tokens": 4, "n_cut": 1,
        },
    ]  # fmt: skip


def test_the_rejects_of_all_parts_are_in_one_table(warehouse):
    a = warehouse.part("example_id | source_id | text | reason\n 5 | f |  | empty")
    b = warehouse.part("example_id | source_id | text | reason\n 2 | c | x | duplicate")
    assert only(warehouse.build("aggregate/rejects", reject_parts=[a, b]), "example_id", "reason") == [
        (2, "duplicate"),
        (5, "empty"),
    ]


# ---------------------------------------------------------------- aggregate/word_occurrences, piece_occurrences

TOKENS = """
    example_id | position | token_start | token_end | word_start:integer | word_end:integer | gradient_norm:float | gradient_x_input:float | integrated_gradients:float | contrast:float | relevance:float
"""


def test_a_word_is_the_sum_of_its_pieces_and_special_tokens_are_no_words(warehouse):
    warehouse.insert("examples", """
        example_id | text     | converged
        0          | Sad tale | true
        1          | Sad      | false
        2          | ""       | true
    """)  # fmt: skip
    tokens = warehouse.part(TOKENS + """
        0          | 0        | 0           | 0         | null               | null             | 9.0           | 9.0              | 9.0 | 1.0 | -3.0
        0          | 1        | 0           | 3         | 0                  | 3                | 2.0           | 1.0              | -0.5 | 0.25 | -3.0
        0          | 2        | 4           | 6         | 4                  | 8                | 3.0           | 0.5              | 0.25 | 0.5 | -3.0
        0          | 3        | 6           | 8         | 4                  | 8                | 4.0           | -1.5             | 0.5 | -2.0 | -3.0
        1          | 0        | 0           | 3         | 0                  | 3                | 1.0           | 1.0              | 1.0 | 1.0 | -3.0
        2          | 0        | 0           | 0         | null               | null             | 1.0           | 1.0              | 1.0 | 1.0 | -3.0
    """)  # fmt: skip
    # norm of (3, 4) is 5; example 1 is quarantined; example 2 has special tokens only
    assert warehouse.build("aggregate/word_occurrences", token_parts=[tokens], method="integrated_gradients") == [
        {
            "example_id": 0, "word_start": 0, "word_end": 3, "surface": "Sad", "word": "sad", "n_pieces": 1, "starts_sentence": True,
            "score": -0.5, "gradient_x_input": 1.0, "gradient_norm": 2.0, "contrast": 0.25,
        },
        {
            "example_id": 0, "word_start": 4, "word_end": 8, "surface": "tale", "word": "tale", "n_pieces": 2, "starts_sentence": False,
            "score": 0.75, "gradient_x_input": -1.0, "gradient_norm": 5.0, "contrast": -1.5,
        },
    ]  # fmt: skip
    assert only(
        warehouse.build("aggregate/piece_occurrences", token_parts=[tokens], method="integrated_gradients"),
        "position",
        "piece",
        "source_word",
        "score",
    ) == [
        (2, "ta·", "tale", 0.25),
        (3, "·le", "tale", 0.5),
    ]
    # By gradient x input: the other column, whatever is in this one.
    by_product = warehouse.build("aggregate/word_occurrences", token_parts=[tokens], method="gradient_x_input")
    assert only(by_product, "word", "score") == [("sad", 1.0), ("tale", -1.0)]
    pieces = warehouse.build("aggregate/piece_occurrences", token_parts=[tokens], method="gradient_x_input")
    assert only(pieces, "piece", "score", "contrast") == [("ta·", 0.5, 0.5), ("·le", -1.5, -2.0)]
    by_relevance = warehouse.build("aggregate/word_occurrences", token_parts=[tokens], method="relevance")
    assert only(by_relevance, "word", "score") == [("sad", -3.0), ("tale", -6.0)]


def test_sentences_of_a_run_whose_parts_have_no_relevance_can_still_be_shown(warehouse):
    tokens = warehouse.part("""
        example_id | position | token_start | token_end | word_start:integer | gradient_x_input:float | integrated_gradients:float
        7          | 0        | 0           | 0         | null               | 1.0                    | 9.0
        7          | 1        | 0           | 3         | 0                  | 1.0                    | -0.5
        8          | 1        | 0           | 3         | 0                  | 1.0                    | 2.0
    """)  # fmt: skip
    warehouse.insert("attribution_quality", "method\nintegrated_gradients")
    warehouse.insert("word_occurrences", "example_id | word_start | word\n7 | 0 | sad")
    warehouse.insert("piece_occurrences", "example_id | position | piece\n7 | 9 | no")
    rows = warehouse.rows("report/sentence_tokens", token_parts=[tokens], example_ids=[7])
    assert only(rows, "example_id", "position", "score", "word", "piece") == [(7, 1, -0.5, "sad", None)]


def occurrences(warehouse, *texts):
    """word_occurrences of texts whose words and marks stand apart by spaces."""
    lines, examples = [], ["example_id | text:varchar | converged"]
    for i, text in enumerate(texts):
        examples.append(f"{i} | {quoted(text)} | true")
        start = 0
        for position, word in enumerate(text.split(" ")):
            end = start + len(word)
            lines.append(f"{i} | {position} | {start} | {end} | {start} | {end} | 1.0 | 1.0 | 1.0 | 0.5 | -3.0")
            start = end + 1
    warehouse.insert("examples", "\n".join(examples))
    part = warehouse.part(TOKENS + "\n".join(lines))
    return warehouse.build("aggregate/word_occurrences", token_parts=[part], method="integrated_gradients")


def quoted(text):
    return '"' + text.replace('"', '\\"') + '"'


@pytest.mark.parametrize(
    ("surface", "word"),
    [
        ("FILM", "film"),
        ("don’t", "don't"),  # curly apostrophe
        ("Café", "café"),
        (unicodedata.normalize("NFD", "Café"), "café"),
        ("Ωμέγα", "ωμέγα"),
        ("電", "電"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("<BR", "<br"),
    ],
)
def test_a_word_is_lower_case_nfc_with_a_straight_apostrophe(warehouse, surface, word):
    # behind a family of five code points, so that offsets in graphemes or bytes would miss it
    rows = occurrences(warehouse, f"👩‍👩‍👧 {surface} end")
    assert only(rows, "surface", "word")[1:] == [(surface, word), ("end", "end")]


def test_a_sentence_starts_behind_a_stop_a_quote_or_a_bracket_but_not_behind_a_possessive(warehouse):
    rows = occurrences(warehouse, """A film . By ( some ) “ Big ” guy 's Story — End , So … Yes""")
    assert [row["surface"] for row in rows if row["starts_sentence"]] == [
        "A",
        "By",
        "some",
        "“",
        "Big",
        "guy",
        "End",
        "Yes",
    ]


def test_pieces_of_a_byte_level_tokenizer_lose_the_space_and_the_curly_apostrophe(warehouse):
    warehouse.insert("examples", "example_id | text | converged\n 0 | so unDON’T | true")
    tokens = warehouse.part(TOKENS + """
        0          | 0        | 0           | 2         | 0                  | 2                | 1.0           | 1.0              | 1.0 | null | -3.0
        0          | 1        | 2           | 5         | 3                  | 10               | 1.0           | 1.0              | 1.0 | null | -3.0
        0          | 2        | 5           | 8         | 3                  | 10               | 1.0           | 1.0              | 1.0 | null | -3.0
        0          | 3        | 8           | 10        | 3                  | 10               | 1.0           | 1.0              | 1.0 | null | -3.0
    """)  # fmt: skip
    warehouse.build("aggregate/word_occurrences", token_parts=[tokens], method="integrated_gradients")
    rows = warehouse.build("aggregate/piece_occurrences", token_parts=[tokens], method="integrated_gradients")
    assert only(rows, "position", "piece", "source_word") == [
        (1, "un·", "undon't"),
        (2, "·don·", "undon't"),
        (3, "·'t", "undon't"),
    ]


# ---------------------------------------------------------------- aggregate/word_scores


NO_BIGRAMS = "example_id:bigint | word:varchar | n_pieces:bigint | score:double | gradient_x_input:double | gradient_norm:double | contrast:double"


def word_scores(warehouse, text):
    warehouse.insert("bigram_occurrences", NO_BIGRAMS)
    warehouse.insert("piece_occurrences", """
        example_id | piece | score | gradient_x_input | gradient_norm | contrast:double
        1          | ta·   | 5.0   | 1.0              | 2.0           | null
    """)  # fmt: skip
    warehouse.insert("word_occurrences", text)
    return warehouse.build("aggregate/word_scores")


def test_repeated_words_are_summed_and_shares_are_of_the_example_s_words(warehouse):
    rows = word_scores(warehouse, """
        example_id | word | n_pieces | score | gradient_x_input | gradient_norm | contrast
        1          | bad  | 1        | 2.0   | 1.0              | 3.0           | 0.5
        1          | bad  | 2        | -0.5  | 2.0              | 4.0           | -0.75
        1          | tale | 2        | -4.5  | 1.0              | 1.0           | 2.0
    """)  # fmt: skip
    # bad: 2 - 0.5 = 1.5, norm of (3, 4) = 5; |1.5| + |-4.5| = 6, shares 1.5 / 6 and 4.5 / 6; the piece is no word of the sum
    columns = (
        "kind",
        "word",
        "n_occurrences",
        "n_pieces",
        "share",
        "score",
        "gradient_x_input",
        "gradient_norm",
        "contrast",
    )
    # Contrasts add up with their signs: the noise of two places in one text is one draw.
    assert only(rows, *columns) == [
        ("piece", "ta·", 1, 1, 5 / 6, 5.0, 1.0, 2.0, None),
        ("word", "bad", 2, 3, 0.25, 1.5, 3.0, 5.0, -0.25),
        ("word", "tale", 1, 2, 0.75, -4.5, 1.0, 1.0, 2.0),
    ]


def test_an_example_whose_scores_are_all_zero_has_no_shares(warehouse):
    rows = word_scores(warehouse, """
        example_id | word | n_pieces | score | gradient_x_input | gradient_norm | contrast
        1          | bad  | 1        | 0.0   | 1.0              | 3.0           | 0.0
        1          | tale | 1        | 0.0   | 1.0              | 1.0           | 0.0
    """)  # fmt: skip
    assert [row["share"] for row in rows] == [None, None, None]


# ---------------------------------------------------------------- aggregate/word_importance

FILLING = {
    "kind": "word",
    "n_occurrences": 1,
    "n_pieces": 1,
    "share": 0.5,
    "gradient_norm": 1.0,
    "gradient_x_input": 1.0,
    "contrast": 0.0,
}
NO_PIECES = "example_id:bigint | position | piece:varchar | source_word:varchar"


def importance(
    warehouse, examples, scores, labels=("a", "b"), mirrored=True, min_examples=2, prior_examples=7.0, pieces=NO_PIECES
):
    warehouse.insert("examples", examples)
    warehouse.insert("word_scores", scores, **FILLING)
    warehouse.insert("piece_occurrences", pieces)
    return warehouse.build(
        "aggregate/word_importance",
        labels=list(labels),
        mirrored=mirrored,
        min_examples=min_examples,
        prior_examples=prior_examples,
    )


TWO = """
    example_id | target_label | converged
    1          | a            | true
    2          | a            | true
    3          | b            | true
    4          | b            | false
"""


def test_importance_of_two_words_by_hand(warehouse):
    rows = importance(warehouse, TWO, """
        example_id | word | score
        1          | x    | 3.0
        3          | x    | -1.0
        1          | y    | 1.0
        2          | y    | -1.0
        2          | rare | 9.0
    """)  # fmt: skip
    # Towards a, x scores 3 and -(-1) = 1: mean 2, variance 2. y: mean 0, variance 2. Their median: 2. With prior 7:
    # (7 * 2 + 1 * 2) / (7 + 1) = 2; standard error sqrt(2 / 2) = 1; 8 degrees of freedom; 3 explained examples.
    half = stats.t.ppf(0.975, 8)
    p = 2 * stats.t.sf(2, 8)
    found = by(rows, "label", "word")
    assert list(found) == [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    x = found["a", "x"]
    assert x == {
        "label": "a", "word": "x", "kind": "word", "n_examples": 2, "mean_score": 2.0, "std_error": 1.0, "noise_share": 0.0,
        "size": pytest.approx(math.sqrt(5)),  # of 3 and 1
        "ci_low": pytest.approx(2 - half, abs=1e-4), "ci_high": pytest.approx(2 + half, abs=1e-4),
        "p_value": pytest.approx(p, rel=0.003), "q_value": pytest.approx(2 * x["p_value"]),  # the smaller of two: p * 2 / 1
        "mean_share": 0.5, "reach": 2 / 3, "impact": 4 / 3, "mean_gradient_x_input": 0.0,  # 1 and -1
        "mean_gradient_norm": 1.0, "pieces_per_word": 1.0, "n_words": 1, "source_words": None, "typical_score": 0.0,
        # Two means, 2 and 0, both with squared error 1: centre 1, Q = 1 + 1, tau2 = (2 - 1) / (2 - 2 / 2) = 1, half is kept:
        # 1 + (2 - 1) / 2, with variance 1 / 2 + 1 / 4 of the centre's, which is 1 / (1 / 2 + 1 / 2)
        "shrunk_score": pytest.approx(1.5), "shrunk_sd": pytest.approx(math.sqrt(0.75)),
        "lower_bound": pytest.approx(1.5 - 1.645 * math.sqrt(0.75)),
    }  # fmt: skip
    assert found["b", "x"] == {
        **x, "label": "b", "mean_score": -2.0, "ci_low": -x["ci_high"], "ci_high": -x["ci_low"], "impact": -4 / 3,
        "shrunk_score": pytest.approx(-1.5), "lower_bound": pytest.approx(-x["lower_bound"]),
    }  # fmt: skip
    assert found["a", "y"]["p_value"] == found["a", "y"]["q_value"] == pytest.approx(1)


def test_each_word_s_variance_is_drawn_towards_the_median_variance(warehouse):
    rows = importance(warehouse, TWO, """
        example_id | word | score
        1          | x    | 3.0
        2          | x    | 1.0
        1          | y    | 0.5
        2          | y    | 0.5
        1          | z    | 4.0
        2          | z    | 0.0
    """)  # fmt: skip
    # variances 2, 0 and 8, median 2; moderated and divided by 2 examples:
    # x (7 * 2 + 2) / 8 / 2 = 1; y (7 * 2 + 0) / 8 / 2 = 7/8; z (7 * 2 + 8) / 8 / 2 = 11/8
    squares = {row["word"]: row["std_error"] ** 2 for row in rows if row["label"] == "a"}
    assert squares == pytest.approx({"x": 1, "y": 7 / 8, "z": 11 / 8})


def test_with_three_labels_a_score_speaks_only_for_its_target(warehouse):
    rows = importance(warehouse, """
        example_id | target_label | converged
        1          | a            | true
        2          | a            | true
        3          | b            | true
        4          | c            | true
    """, """
        example_id | word | score
        1          | x    | 3.0
        2          | x    | 1.0
        3          | x    | -1.0
        4          | x    | 7.0
    """, labels=("a", "b", "c"), mirrored=False)  # fmt: skip
    # b and c have one example each: below min_examples
    assert only(rows, "label", "n_examples", "mean_score", "reach", "impact") == [("a", 2, 2.0, 0.5, 1.0)]


def test_a_word_enters_at_exactly_min_examples(warehouse):
    scores = "\nexample_id | word | score\n1 | x | 1.0\n2 | x | 2.0\n1 | y | 1.0"
    assert {row["word"] for row in importance(warehouse, TWO, scores, min_examples=2)} == {"x"}
    assert importance(warehouse, TWO, scores, min_examples=3) == []


@pytest.mark.parametrize(("score", "p"), [(0.0, 1.0), (0.5, 0.0)])
def test_scores_without_any_variance_are_certain_unless_they_are_zero(warehouse, score, p):
    rows = importance(warehouse, TWO, f"\nexample_id | word | score\n1 | x | {score}\n2 | x | {score}")
    x = by(rows, "label", "word")["a", "x"]
    assert (x["mean_score"], x["ci_low"], x["ci_high"], x["p_value"], x["q_value"]) == (score, score, score, p, p)
    assert warehouse.rows("checks/word_importance__interval_holds_mean") == []


def test_a_model_whose_scores_are_all_zero_passes_the_checks(warehouse):
    scores = "\nexample_id | word | score | share:double\n1 | x | 0.0 | null\n2 | x | 0.0 | null"
    rows = importance(warehouse, TWO, scores)
    assert only(rows, "word", "mean_share", "impact", "p_value") == [("x", None, 0.0, 1.0)] * 2
    assert warehouse.rows("checks/word_importance__interval_holds_mean") == []


def test_one_example_gives_no_importance_and_no_association(warehouse):
    examples = "\nexample_id | target_label | gold_label | predicted_label | converged\n1 | a | a | a | true"
    assert importance(warehouse, examples, "\nexample_id | word | score\n1 | x | 1.0") == []
    assert warehouse.build("aggregate/label_association", labels=["a", "b"], min_examples=2, prior_examples=4.0) == []
    assert warehouse.build("aggregate/minority_gap", min_examples=2) == []


def test_no_explained_example_gives_empty_tables(warehouse):
    examples = "\nexample_id | target_label | gold_label | predicted_label | converged\n1 | a | a | a | false"
    assert (
        importance(
            warehouse,
            examples,
            "\nexample_id:bigint | word:varchar | score:double | kind:varchar | n_pieces:bigint | n_occurrences:bigint | share:double | gradient_norm:double | gradient_x_input:double",
        )
        == []
    )
    assert warehouse.build("aggregate/label_association", labels=["a", "b"], min_examples=2, prior_examples=4.0) == []
    assert warehouse.build("aggregate/minority_gap", min_examples=2) == []


def test_pieces_are_a_family_of_their_own_and_name_their_words_most_frequent_first(warehouse):
    rows = importance(warehouse, TWO, """
        example_id | kind  | word | score
        1          | word  | x    | 1.0
        2          | word  | x    | 1.5
        1          | piece | ta·  | 2.0
        2          | piece | ta·  | 2.5
    """, mirrored=False, labels=("a",), pieces="""
        example_id | position | piece | source_word
        1          | 1        | ta·   | tale
        1          | 2        | ta·   | tale
        1          | 3        | ta·   | tale
        1          | 4        | ta·   | tan
        2          | 1        | ta·   | tan
    """)  # fmt: skip
    # tan stands in two examples, tale three times in one
    assert only(rows, "kind", "word", "n_words", "source_words") == [
        ("word", "x", 1, None),
        ("piece", "ta·", 2, "tan, tale"),
    ]
    assert [row["q_value"] for row in rows] == [row["p_value"] for row in rows]  # one test in each family


@PROPERTY
@given(
    scores=st.lists(st.lists(st.sampled_from([-2.0, 0.0, 1.0, 3.0]), min_size=2, max_size=5), min_size=1, max_size=8)
)
def test_q_values_of_importance_are_benjamini_and_hochberg_s_in_each_family(warehouse, scores):
    kinds = ["word" if unit % 3 else "piece" for unit in range(len(scores))]
    lines = [
        f"{i} | u{unit} | {value} | {kinds[unit]}"
        for unit, values in enumerate(scores)
        for i, value in enumerate(values)
    ]
    examples = "\nexample_id | target_label | converged\n" + "\n".join(f"{i} | a | true" for i in range(5))
    scored = "\nexample_id | word | score | kind\n" + "\n".join(lines)
    rows = importance(warehouse, examples, scored, labels=("a",), mirrored=False)
    assert len(rows) == len(scores)
    for kind in set(kinds):
        family = [row for row in rows if row["kind"] == kind]
        wanted = stats.false_discovery_control([row["p_value"] for row in family])
        np.testing.assert_allclose([row["q_value"] for row in family], wanted, rtol=1e-12)
    assert warehouse.rows("checks/word_importance__interval_holds_mean") == []


# ---------------------------------------------------------------- aggregate/label_association


def association(warehouse, examples, scores, labels=("a", "b"), min_examples=2, prior_examples=4.0):
    warehouse.insert("examples", examples, target_label="a", predicted_label="a")
    warehouse.insert("word_scores", scores, kind="word")
    rows = warehouse.build(
        "aggregate/label_association", labels=list(labels), min_examples=min_examples, prior_examples=prior_examples
    )
    assert warehouse.rows("checks/label_association__rates_add_up") == []
    return rows


def test_label_association_by_hand(warehouse):
    rows = association(warehouse, """
        example_id | gold_label | converged
        1          | a          | true
        2          | a          | true
        3          | b          | true
        4          | b          | true
        5          | b          | false
    """, """
        example_id | word
        1          | x
        2          | x
        1          | all
        2          | all
        3          | all
        4          | all
    """)  # fmt: skip
    found = by(rows, "label", "word")
    x = found["a", "x"]
    # share of a 2 / 4; shrunken rate (2 + 4 * 0.5) / (2 + 4) = 2 / 3, log-odds ln 2 - ln 1; z = 0.5 / sqrt(0.25 / 2) = sqrt 2
    p = 2 * stats.norm.sf(math.sqrt(2))
    low, high = stats.binomtest(2, 2).proportion_ci(method="wilson")
    # pmi ln(2/3 / 1/2); lmi 2 / 4 * ln(1 / (1/2)). Label a has 2 + 2 of 6 pairs, the others 2; the prior adds 2 of x and 6 in
    # all to each side: x has 2 + 2 against 4 + 6 - 4 and 0 + 2 against 2 + 6 - 2, so ln(4 / 6) - ln(2 / 6) = ln 2
    assert x == {
        "kind": "word", "label": "a", "word": "x", "n_examples": 2, "n_label": 2, "label_rate": 1.0, "label_share": 0.5,
        "rate_low": pytest.approx(low), "rate_high": pytest.approx(high), "log_odds": pytest.approx(math.log(2)),
        "shrunken_rate": pytest.approx(2 / 3), "pmi": pytest.approx(math.log(4 / 3)), "lmi": pytest.approx(math.log(2) / 2),
        "dirichlet_log_odds": pytest.approx(math.log(2)), "dirichlet_z": pytest.approx(math.log(2) / math.sqrt(1 / 4 + 1 / 2)),
        "z": pytest.approx(math.sqrt(2)), "p_value": pytest.approx(p, rel=2e-7), "q_value": pytest.approx(2 * p, rel=2e-7),
    }  # fmt: skip
    # no example of x has label b: (0 + 2) / 6 = 1 / 3
    assert (found["b", "x"]["n_label"], found["b", "x"]["log_odds"]) == (0, pytest.approx(-math.log(2)))
    # a word of every example says nothing
    assert (found["a", "all"]["label_rate"], found["a", "all"]["z"], found["a", "all"]["log_odds"]) == (0.5, 0.0, 0.0)
    assert found["a", "all"]["p_value"] == pytest.approx(1)


def test_where_all_have_one_label_no_word_is_associated(warehouse):
    examples = "example_id | gold_label | converged\n1 | a | true\n2 | a | true"
    assert association(warehouse, examples, "example_id | word\n1 | x\n2 | x") == []


def test_association_of_three_labels_leaves_out_the_one_nobody_has(warehouse):
    rows = association(warehouse, """
        example_id | gold_label | converged
        1          | a          | true
        2          | b          | true
        3          | c          | true
        4          | c          | true
    """, "example_id | word\n1 | x\n3 | x\n4 | x", labels=("a", "b", "c", "d"))  # fmt: skip
    # z of c: (2/3 - 1/2) / sqrt(1/4 / 3) = 1/6 * sqrt(12)
    found = by(rows, "label")
    assert {label: (row["n_label"], row["label_share"]) for label, row in found.items()} == {
        "a": (1, 0.25),
        "b": (0, 0.25),
        "c": (2, 0.5),
    }
    assert found["c"]["z"] == pytest.approx(math.sqrt(12) / 6)


@PROPERTY
@given(words=st.lists(st.sets(st.integers(0, 7), min_size=2), min_size=1, max_size=8), n_a=st.integers(1, 7))
def test_q_values_of_association_are_benjamini_and_hochberg_s(warehouse, words, n_a):
    examples = "example_id | gold_label | converged\n" + "\n".join(
        f"{i} | {'a' if i < n_a else 'b'} | true" for i in range(8)
    )
    scores = "example_id | word\n" + "\n".join(
        f"{i} | w{word}" for word, members in enumerate(words) for i in sorted(members)
    )
    rows = association(warehouse, examples, scores)
    for label in "ab":
        family = [row for row in rows if row["label"] == label]
        assert len(family) == len(words)
        wanted = stats.false_discovery_control([row["p_value"] for row in family])
        np.testing.assert_allclose([row["q_value"] for row in family], wanted, rtol=1e-12)


# ---------------------------------------------------------------- aggregate/minority_gap


def test_minority_gap_is_newcombe_s_difference_among_the_other_label_s_examples(warehouse):
    warehouse.insert("examples", """
        example_id | gold_label | predicted_label | converged
        1          | b          | a               | true
        2          | b          | a               | true
        3          | b          | b               | true
        4          | b          | b               | true
        5          | b          | b               | true
        6          | a          | a               | true
        7          | b          | c               | false
    """)  # fmt: skip
    warehouse.insert("word_scores", """
        example_id | word | kind
        1          | x    | word
        2          | x    | word
        3          | x    | word
        6          | x    | word
        1          | all  | word
        2          | all  | word
        3          | all  | word
        4          | all  | word
        5          | all  | word
        4          | rare | word
        1          | x    | piece
    """)  # fmt: skip
    rows = warehouse.build("aggregate/minority_gap", min_examples=2)
    # towards a, the gold label is b: x in 1, 2, 3, of which 1, 2 are called a: 2/3; without x 0 of 2. `all` has nothing to compare with.
    low1, high1 = stats.binomtest(2, 3).proportion_ci(method="wilson")
    low2, high2 = stats.binomtest(0, 2).proportion_ci(method="wilson")
    # Fisher: both of the 2 pulled among the 3 of 5 that hold x: 3 choose 2 of 5 choose 2 = 3 / 10; harm 3 * 2 / 3 = 2
    assert rows == [{
        "kind": "word", "n_harmed": 2, "p_value": pytest.approx(0.3), "q_value": pytest.approx(0.3),
        "label": "a", "word": "x", "n_minority": 3, "n_pulled": 2, "gap": pytest.approx(2 / 3),
        "gap_low": pytest.approx(2 / 3 - math.hypot(2 / 3 - low1, high2 - 0)),
        "gap_high": pytest.approx(2 / 3 + math.hypot(high1 - 2 / 3, 0 - low2)),
    }]  # fmt: skip
    assert isinstance(rows[0]["n_pulled"], int)


# ---------------------------------------------------------------- flag/words

THRESHOLDS = {"max_q": 0.05, "min_score": 0.1, "min_spuriousness": 0.5, "min_examples": 2}

IMPORTANCE = {
    "size": 1.0,
    "label": "a", "kind": "word", "n_examples": 10, "mean_score": 1.0, "ci_low": 0.5, "ci_high": 1.5, "std_error": 0.2, "p_value": 0.01, "q_value": 0.01,
    "mean_share": 0.5, "typical_score": 0.0, "reach": 0.5, "impact": 0.5, "pieces_per_word": 1.0, "source_words": None, "n_words": 1,
    "mean_gradient_x_input": 1.0, "mean_gradient_norm": 1.0,
}  # fmt: skip

TYPE = {"kind": "word", "type": "content word", "rule": "content.other", "word_group": None, "evidence": "seen"}


def judged(warehouse, importance, types, association="", gaps="", **thresholds):
    warehouse.insert("word_importance", importance, **IMPORTANCE)
    warehouse.insert("word_types", types, **TYPE)
    warehouse.insert(
        "label_association",
        association or "word:varchar | label_rate:double | label_share:double | rate_low:double | z:double",
        label="a", n_examples=20, log_odds=1.0, q_value=0.5,
    )  # fmt: skip
    warehouse.insert(
        "minority_gap",
        gaps or "word:varchar | n_minority:bigint | n_pulled:bigint | gap:double | gap_low:double",
        label="a",
        gap_high=1.0,
    )
    return by(warehouse.build("screen/words", **{**THRESHOLDS, **thresholds}), "word")


def test_spuriousness_is_1_minus_the_product_of_1_minus_each_weight(warehouse):
    found = judged(
        warehouse,
        "word\nrome\nplain",
        "word  | type         | rule          | evidence\nrome  | name         | name.casing   | capitalised\nplain | content word | content.other | seen",
        association="word | label_rate | label_share | rate_low | z\nrome | 0.5 | 0.5 | 0.3 | 0.0\nplain | 0.8 | 0.5 | 0.6 | 3.0",
        gaps="word | n_minority | n_pulled | gap | gap_low\nrome | 4 | 3 | 0.25 | 0.01\nplain | 4 | 1 | 0.1 | -0.2",
    )
    assert found["rome"]["reasons"] == [
        {"reason": "name", "weight": 0.6, "detail": "capitalised"},
        {"reason": "labels do not support it", "weight": 0.2, "detail": "50 % of its examples are a, against 50 % of all"},
        {
            "reason": "pulls wrong examples over", "weight": 0.2,
            "detail": "3 of 4 examples with another label are called a, 25 points more than without the word",
        },
    ]  # fmt: skip
    # 1 - 0.4 * 0.8 * 0.8 = 0.744
    assert found["rome"]["spuriousness"] == pytest.approx(0.744)
    assert (found["rome"]["used"], found["rome"]["flagged"]) == (True, True)
    assert (found["plain"]["reasons"], found["plain"]["spuriousness"], found["plain"]["flagged"]) == (None, 0, False)


WEIGHTS = {
    "markup": 0.7, "mixed script": 0.6, "name": 0.6, "place": 0.6, "number": 0.6, "fragment": 0.6, "punctuation": 0.5, "function word": 0.35, "symbol": 0.3, "content word": 0, "affix": 0,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "weight"), WEIGHTS.items())
def test_a_type_alone_weighs_this_much(warehouse, kind, weight):
    found = judged(warehouse, "word\nw", f"word | type | word_group:varchar\nw | {kind} | null")
    assert found["w"]["spuriousness"] == pytest.approx(weight)
    assert found["w"]["flagged"] == (weight >= 0.5)


@pytest.mark.parametrize("group", ["negation", "intensifier", "contrast"])
def test_negation_intensifiers_and_contrast_are_never_suspect_by_type(warehouse, group):
    found = judged(warehouse, "word\nw", f"word | type | word_group\nw | function word | {group}")
    assert (found["w"]["reasons"], found["w"]["spuriousness"]) == (None, 0)


def test_label_hangs_on_it_from_a_rate_that_is_surely_nine_in_ten(warehouse):
    found = judged(
        warehouse,
        "word\nx\ny",
        "word\nx\ny",
        association="word | label_rate | label_share | rate_low | z\nx | 1.0 | 0.5 | 0.9 | 4.0\ny | 1.0 | 0.5 | 0.89 | 0.5",
    )
    # n_examples of the importance is 10, but the labels are those of all 20 examples with the word
    assert found["x"]["reasons"] == [
        {"reason": "label hangs on it", "weight": 0.3, "detail": "in 20 examples 100 % have the label"}
    ]
    assert found["y"]["reasons"] is None  # and z = 0.5 is support


def test_wrong_examples_are_pulled_over_only_if_there_are_three(warehouse):
    found = judged(
        warehouse,
        "word\nx\ny\nz",
        "word\nx\ny\nz",
        gaps="word | n_minority | n_pulled | gap | gap_low\nx | 3 | 3 | 0.5 | 0.1\ny | 2 | 2 | 0.5 | 0.1\nz | 9 | 9 | 0.5 | 0.0",
    )
    assert [row["reason"] for row in found["x"]["reasons"]] == ["pulls wrong examples over"]
    assert found["y"]["reasons"] is None
    assert found["z"]["reasons"] is None


def test_a_content_word_in_two_pieces_is_slightly_suspect(warehouse):
    found = judged(
        warehouse,
        "word | pieces_per_word\nx | 2.0\ny | 1.9\nrome | 3.0",
        "word | type\nx | content word\ny | content word\nrome | name",
    )
    assert found["x"]["reasons"] == [
        {"reason": "cut into pieces", "weight": 0.1, "detail": "2.0 pieces per occurrence"}
    ]
    assert found["y"]["reasons"] is None
    assert [row["reason"] for row in found["rome"]["reasons"]] == ["name"]


@pytest.mark.parametrize(
    ("figures", "used"),
    [
        ("0.05 | 0.5 | 0.375", True),  # 0.125 above the typical word
        ("0.051 | 0.5 | 0.375", False),
        ("0.05 | 0.25 | 0.375", False),
        ("0.05 | 0.5 | 0.4375", False),
    ],
)
def test_a_word_is_used_within_the_thresholds(warehouse, figures, used):
    found = judged(warehouse, f"word | q_value | ci_low | typical_score\nx | {figures}", "word | type\nx | markup")
    assert (found["x"]["used"], found["x"]["flagged"]) == (used, used)


def test_words_that_speak_against_the_label_and_pieces_of_one_word_are_left_out(warehouse):
    found = judged(
        warehouse,
        "word | kind | mean_score | source_words:varchar\nx | word | 1.0 | null\nbad | word | -1.0 | null\n·ar· | piece | 1.0 | sonar, tiara\nclic· | piece | 1.0 | cliche",
        "word | kind | type | rule\nx | word | content word | content.other\nbad | word | content word | content.other\n"
        "·ar· | piece | fragment | fragment.piece\nclic· | piece | fragment | fragment.one_word",
    )
    assert set(found) == {"x", "·ar·"}
    assert found["·ar·"]["reasons"] == [{"reason": "fragment", "weight": 0.6, "detail": "seen (sonar, tiara)"}]


def test_the_figures_of_a_word_are_those_of_its_label_and_a_piece_has_none(warehouse):
    found = judged(
        warehouse,
        "word | kind | source_words:varchar\nx | word | null\n·ar· | piece | sonar",
        "word | kind\nx | word\n·ar· | piece",
        association="word | label | label_rate | label_share | rate_low | z\n"
        "x | b | 0.1 | 0.5 | 0.0 | -3.0\nx | a | 0.9 | 0.5 | 0.8 | 3.0\n·ar· | a | 0.9 | 0.5 | 0.8 | 3.0",
        gaps="word | label | n_minority | n_pulled | gap | gap_low\n"
        "x | b | 9 | 9 | 0.9 | 0.5\nx | a | 4 | 1 | 0.1 | -0.2\n·ar· | a | 4 | 1 | 0.1 | -0.2",
    )
    columns = ("label_rate", "label_z", "n_minority", "minority_gap", "reasons")
    assert only([found["x"], found["·ar·"]], *columns) == [(0.9, 3.0, 4, 0.1, None), (None, None, None, None, None)]


def test_a_word_of_either_direction_is_a_candidate_if_its_scores_are_as_large_as_those_of_used_words(warehouse):
    found = judged(
        warehouse,
        "word | mean_score | impact | q_value | size | reach\nheavy | 1.0 | 1.0 | 0.01 | 1.0 | 0.5\nlight | 1.0 | 0.5 | 0.01 | 3.0 | 0.5\n"
        "turncoat | 0.1 | 0.01 | 0.9 | 2.0 | 0.5\nrare | 0.1 | 0.01 | 0.9 | 2.5 | 0.1\nquiet | 0.1 | 0.01 | 0.9 | 1.9 | 0.5",
        "word\nheavy\nlight\nturncoat\nrare\nquiet",
    )
    # The median size of the used words is 2.
    assert {word: row["either_way"] for word, row in found.items()} == {
        "heavy": False, "light": False, "turncoat": True, "rare": True, "quiet": False,
    }  # fmt: skip
    rows = warehouse.build("screen/candidates", max_candidates=9, min_spuriousness=0.5)
    # The quiet one gets the room that is left.
    assert only(rows, "place", "word", "n_used", "is_used") == [
        (1, "heavy", 4, True),
        (2, "turncoat", 4, True),
        (3, "light", 4, True),
        (4, "rare", 4, True),
        (5, "quiet", 4, False),
    ]


def test_without_a_reason_nothing_is_flagged_however_low_the_threshold(warehouse):
    assert judged(warehouse, "word\nx", "word\nx", min_spuriousness=0.0)["x"]["flagged"] is False
    assert warehouse.rows("checks/words__every_flag_has_a_reason") == []


def test_the_weightiest_and_the_most_suspect_words_take_turns_as_candidates_and_the_rest_is_counted(warehouse):
    judged(
        warehouse,
        "word | impact | q_value | size | reach\nheavy | 2.0 | 0.01 | 1 | 0.5\nplain | 1.0 | 0.01 | 1 | 0.5\nname | 0.1 | 0.01 | 1 | 0.5\n"
        "number | 0.2 | 0.01 | 1 | 0.5\nidle | 9.0 | 0.5 | 0.9 | 0.5\nunused | 9.0 | 0.5 | 0.1 | 0.5",
        "word | type\nheavy | content word\nplain | content word\nname | name\nnumber | number\nidle | content word\nunused | name",
    )
    # By impact: heavy, plain, number, name. By spuriousness, then impact: number and name (0.6), heavy and plain (0). Of
    # those that are not used, names have a turn; a content word waits until there is room.
    rows = warehouse.build("screen/candidates", max_candidates=4, min_spuriousness=0.5)
    assert only(rows, "place", "word", "n_used") == [
        (1, "number", 4), (2, "heavy", 4), (3, "unused", 4), (4, "name", 4),
    ]  # fmt: skip
    rows = warehouse.build("screen/candidates", max_candidates=9, min_spuriousness=0.5)
    assert only(rows, "word", "is_used")[4:] == [("plain", True), ("idle", False)]


# ---------------------------------------------------------------- verify

TRIALS = """
    operator  | example_id | replacement:varchar | margin_before | margin_after | predicted_before | predicted_after
    delete    | 1          | null                | 2.0           | 1.0          | 1                | 1
    delete    | 2          | null                | 1.0           | -1.0         | 1                | 0
    delete    | 3          | null                | -1.0          | -1.5         | 0                | 0
    delete    | 4          | null                | 1.0           | 1.5          | 1                | 1
    neighbour | 1          | near                | 2.0           | 1.5          | 1                | 1
    neighbour | 2          | close               | 1.0           | 0.0          | 1                | 1
    insert    | 5          | x                   | -1.0          | 1.0          | 0                | 1
    insert    | 6          | x                   | -1.0          | -0.5         | 0                | 0
"""


def tried(warehouse):
    part = warehouse.part(TRIALS, kind="word", label="b", word="x", gold=1)
    warehouse.build("verify/trials", trial_parts=[part], labels=["a", "b"])
    return by(warehouse.build("verify/effects"), "operator")


def test_effects_are_those_of_scipy_and_a_flip_is_to_or_from_the_label(warehouse):
    found = tried(warehouse)
    effects = [1.0, 2.0, 0.5, -0.5]
    row = found["delete"]
    assert (row["n_trials"], row["mean_effect"], row["opposite_share"]) == (4, 0.75, 0.25)
    assert row["sd"] == pytest.approx(np.std(effects, ddof=1))
    assert row["mean_size"] == 1.0
    low, high = stats.t.interval(0.95, 3, np.mean(effects), stats.sem(effects))
    # The quantile of the macro is 0.2 % off at 3 degrees of freedom.
    assert (row["effect_low"], row["effect_high"]) == (pytest.approx(low, rel=0.01), pytest.approx(high, rel=0.01))
    assert (row["n_flippable"], row["n_flipped"]) == (3, 1)
    wilson = stats.binomtest(1, 3).proportion_ci(method="wilson")
    assert (row["flip_low"], row["flip_high"]) == (pytest.approx(wilson.low), pytest.approx(wilson.high))
    assert (found["insert"]["mean_effect"], found["insert"]["n_flippable"], found["insert"]["n_flipped"]) == (
        1.25,
        2,
        1,
    )
    assert (found["insert"]["effect_low"], found["insert"]["effect_high"]) == (None, None)
    assert warehouse.rows("checks/effects__intervals_hold_their_mean") == []


def test_neighbours_are_compared_with_no_word_on_the_same_texts(warehouse):
    tried(warehouse)
    (row,) = warehouse.build("verify/evidence", min_turned=0.15)
    assert (row["delete_effect"], row["insert_effect"], row["mask_effect"], row["strength"]) == (0.75, 1.25, None, 1.0)
    # In texts 1 and 2 delete loses 1 and 2, a neighbour 0.5 and 1: half. Neighbour and nothing differ by 0.5 and 1.
    assert (row["n_neighbours"], row["neighbour_loss"], row["neighbour_size"]) == (2, 0.5, 0.5)
    # Of four texts one changes its prediction without the word: surely more than 4.6 %, by Wilson's interval.
    assert row["n_texts"] == 4
    assert (row["turned"], row["turned_low"], row["n_turning"]) == (0.25, pytest.approx(0.0456, abs=1e-4), 0)
    assert (row["necessity"], row["sufficiency"]) == (pytest.approx(1 / 3), 0.5)
    assert row["spread"] == pytest.approx(np.std([1.0, 2.0, 0.5, -0.5], ddof=1) / 0.75)


def test_independent_witnesses_are_pooled_and_operators_on_the_same_texts_are_one(warehouse):
    """Oracle: Welch's interval by SciPy, of the means of texts and of the inserts."""
    rng = np.random.default_rng(0)
    removed, added = rng.normal(1.0, 0.5, (20, 3)), rng.normal(0.4, 0.8, 12)
    rows = [
        f"{operator} | {i} | {effect} | 0.0"
        for i, texts in enumerate(removed)
        for operator, effect in zip(("delete", "mask", "swap"), texts, strict=True)
    ]
    rows += [f"insert | {100 + i} | 0.0 | {effect}" for i, effect in enumerate(added)]
    part = warehouse.part(
        "operator | example_id | margin_before | margin_after\n" + "\n".join(rows), kind="word", label="b", word="x",
        replacement=None, predicted_before=0, predicted_after=0, gold=0,
    )  # fmt: skip
    warehouse.build("verify/trials", trial_parts=[part], labels=["a", "b"])
    warehouse.build("verify/effects")
    (row,) = warehouse.build("verify/evidence", min_turned=0.15)
    texts = removed.mean(axis=1)
    # The mean of two means is half of the difference of one and the other's negative.
    welch = stats.ttest_ind(texts, -added, equal_var=False).confidence_interval(0.95)
    assert (row["pooled_low"], row["pooled_high"]) == (
        pytest.approx(welch.low / 2, rel=1e-4),
        pytest.approx(welch.high / 2, rel=1e-4),
    )
    assert (row["n_agreeing"], row["n_turning"]) == (4, 0)


def company_of(warehouse, effects, words):
    """`effects` by text; `words`: the words of each text in their order."""
    rows = "\n".join(f"{i} | {effect}" for i, effect in enumerate(effects))
    warehouse.insert("trials", "example_id | effect\n" + rows, kind="word", label="a", word="x", operator="delete")
    places = "\n".join(f"{i} | {word} | {k}" for i, text in enumerate(words) for k, word in enumerate(text))
    warehouse.insert("word_occurrences", "example_id | word | word_start\n" + places)
    return warehouse.build("verify/company")


def test_a_word_that_acts_only_beside_another_is_found_with_it(warehouse):
    rng = np.random.default_rng(1)
    together, alone = rng.normal(4, 0.4, 6), rng.normal(0, 0.4, 6)
    (row,) = company_of(warehouse, [*together, *alone], [["key", "x", "often"]] * 6 + [["x", "often"]] * 6)
    t = stats.ttest_ind(together, alone).statistic
    every = np.concatenate([together, alone])
    within = sum(((part - part.mean()) ** 2).sum() for part in (together, alone))
    assert only([row], "companion", "contrast", "n_texts", "n_others") == [("key", "presence", 6, 6)]
    assert row["t"] == pytest.approx(t, rel=1e-9)
    assert row["explained"] == pytest.approx(1 - within / ((every - every.mean()) ** 2).sum(), rel=1e-9)
    assert (row["effect"], row["other_effect"]) == (pytest.approx(together.mean()), pytest.approx(alone.mean()))


def test_a_word_whose_sign_hangs_on_the_order_is_found_with_the_other(warehouse):
    effects = [3.0, 3.1, 2.9, 3.2, -3.0, -3.1, -2.8, -3.0]
    (row,) = company_of(warehouse, effects, [["pair", "x"]] * 4 + [["x", "pair"]] * 4)
    assert only([row], "companion", "contrast", "n_texts", "n_others") == [("pair", "order", 4, 4)]
    assert (row["effect"], row["other_effect"]) == (pytest.approx(3.05), pytest.approx(-2.975))


def test_noise_has_no_company(warehouse):
    rng = np.random.default_rng(2)
    texts = [["x", *(f"w{k}" for k in range(60) if rng.random() < 0.4)] for _ in range(32)]
    assert company_of(warehouse, rng.normal(1, 1, 32), texts) == []


def test_three_texts_are_too_few_for_company(warehouse):
    assert company_of(warehouse, [4.0, 4.1, 4.2, 0.0, 0.1, 0.2, 0.0], [["key", "x"]] * 3 + [["x"]] * 4) == []


# ---------------------------------------------------------------- judge

JUDGING = {
    "min_effect": 0.1, "min_operators": 2, "min_texts": 12, "min_turned": 0.125, "max_foretold": 0.15, "max_opposite": 0.25, "max_spread": 1.0, "min_surface": 0.6, "max_surface": 0.2,
}  # fmt: skip
EVIDENCE = {
    "kind": "word", "label": "a", "n_trials": 32, "n_texts": 16, "delete_effect": 1.0, "mask_effect": 1.0, "swap_effect": 1.0, "insert_effect": 1.0,
    "strength": 1.0, "pooled_low": 0.5, "pooled_high": 1.5, "n_agreeing": 4, "n_for": 4, "n_against": 0, "turned": 0.2, "turned_low": 0.1, "n_turning": 0, "necessity": 0.5, "sufficiency": 0.25, "swap_size": 1.0, "opposite_share": 0.0,
    "spread": 0.5, "n_neighbours": 0, "neighbour_loss": 0.0, "neighbour_size": 0.0, "stand_in_size": 1.0,
}  # fmt: skip


NO_COMPANY = "word:varchar | companion:varchar"


def verdicts_of(
    warehouse, evidence, types, waivers=(), association="", company=NO_COMPANY, meaning="word:varchar", **params
):
    judged(warehouse, "word\n" + "\n".join(row.split("|")[0] for row in types.splitlines()[1:]), types, association)
    warehouse.build("screen/candidates", max_candidates=99, min_spuriousness=0.5)
    warehouse.insert("evidence", evidence, **EVIDENCE)
    warehouse.insert("company", company, label="a", contrast="presence", effect=2.0, other_effect=0.0)
    columns = meaning.splitlines()[0]
    missing = {name: None for name in ("expected", "foretold", "residual") if name not in columns}
    warehouse.insert("meaning", meaning, label="a", strength=1.0, **missing)
    warehouse.build("judge/waivers", waivers=json.dumps(list(waivers)))
    rows = warehouse.build("judge/verdicts", **{**JUDGING, **params})
    assert warehouse.rows("checks/verdicts__every_candidate_has_one") == []
    return by(rows, "word")


@pytest.mark.parametrize(
    ("kind", "group", "evidence", "verdict"),
    [
        ("name", "null", "n_agreeing | n_against\n4 | 0", "spurious"),
        ("number", "null", "n_agreeing | n_against\n2 | 0", "spurious"),
        ("name", "null", "n_agreeing | n_against\n1 | 0", "unclear"),
        ("name", "null", "n_agreeing | n_against\n3 | 1", "unclear"),
        ("name", "null", "pooled_low\n-0.01", "unclear"),
        # Not by their mean, but two operators change predictions for sure.
        ("name", "null", "pooled_low | strength | n_turning\n-0.01 | 0.0 | 2", "spurious"),
        ("name", "null", "pooled_low | strength | n_turning\n-0.01 | 0.0 | 1", "unclear"),
        ("name", "null", "strength\n0.09", "unclear"),
        ("name", "null", "opposite_share\n0.5", "spurious"),
        ("punctuation", "null", "spread\n0.9", "spurious"),
        ("punctuation", "null", "spread\n1.1", "context-dependent"),
        ("function word", "negation", "spread\n0.5", "genuine"),
        ("function word", "negation", "spread\n1.1", "context-dependent"),
        ("function word", "intensifier", "opposite_share\n0.25", "context-dependent"),
        ("function word", "preposition", "spread\n0.5", "unclear"),
        ("content word", "null", "spread\n0.5", "genuine"),
        ("content word", "null", "spread\n1.1", "context-dependent"),
        ("content word", "null", "n_neighbours | neighbour_loss | neighbour_size\n4 | 1.0 | 0.5", "unclear"),
        # Opposites among the neighbours do more than any word does.
        ("content word", "null", "n_neighbours | neighbour_loss | neighbour_size\n4 | 1.0 | 2.0", "genuine"),
    ],
)
def test_a_verdict_is_by_the_first_rule_that_fits(warehouse, kind, group, evidence, verdict):
    header, row = evidence.split("\n")
    found = verdicts_of(
        warehouse, f"word | {header}\nx | {row}", f"word | type | word_group:varchar\nx | {kind} | {group}"
    )
    assert (found["x"]["verdict"], found["x"]["standing"]) == (verdict, verdict)
    assert len(found["x"]["rules"]) >= 1


@pytest.mark.parametrize(
    ("loss", "foretold", "verdict"),
    [
        (0.5, "null", "unclear"),
        (0.2, "null", "genuine"),  # neighbours do the same
        (0.5, 0.49, "unclear"),
        (0.5, 0.5, "genuine"),  # words of similar meaning foretell half of it
        (0.6, 0.9, "unclear"),  # tied to its surface
    ],
)
def test_a_word_without_support_of_the_labels_is_genuine_only_by_its_meaning(warehouse, loss, foretold, verdict):
    found = verdicts_of(
        warehouse, f"word | n_neighbours | neighbour_loss | neighbour_size\nx | 4 | {loss} | 0.5", "word | type\nx | content word",
        association="word | label_rate | label_share | rate_low | z\nx | 0.5 | 0.5 | 0.4 | 0.0",
        meaning=f"word | foretold:double\nx | {foretold}",
    )  # fmt: skip
    assert found["x"]["verdict"] == verdict
    assert ("explained by its meaning" in [rule["rule"] for rule in found["x"]["rules"]]) == (foretold in (0.5, 0.9))


@pytest.mark.parametrize(
    ("kind", "n_texts", "verdict"),
    [("content word", 12, "spurious"), ("content word", 11, "unclear"), ("name", 3, "spurious")],
)
def test_few_texts_convict_no_content_word(warehouse, kind, n_texts, verdict):
    found = verdicts_of(
        warehouse, f"word | n_texts\nx | {n_texts}", f"word | type\nx | {kind}", company="word | companion\nx | y"
    )
    assert found["x"]["verdict"] == verdict
    assert ("too few texts" in [rule["rule"] for rule in found["x"]["rules"]]) == (verdict == "unclear")


@pytest.mark.parametrize(
    ("company", "kind", "group", "verdict"),
    [
        ("word | companion\nx | y", "content word", "null", "spurious"),
        ("word | companion\nother | y", "content word", "null", "genuine"),
        ("word | companion\nx | not", "content word", "null", "genuine"),  # beside a negation anybody would
        ("word | companion\nx | y", "function word", "negation", "genuine"),
        ("word | companion\nx | y", "function word", "preposition", "unclear"),
    ],
)
def test_a_content_word_that_acts_beside_another_is_spurious(warehouse, company, kind, group, verdict):
    found = verdicts_of(
        warehouse, "word\nx", f"word | type | word_group:varchar\nx | {kind} | {group}\nnot | function word | negation", company=company
    )  # fmt: skip
    assert found["x"]["verdict"] == verdict


@pytest.mark.parametrize(
    ("beyond", "sign", "foretold", "turned_low", "kind", "verdict"),
    [
        (0.01, 1, 0.14, 0.0, "content word", "spurious"),
        (-0.01, 1, 0.14, 0.0, "content word", "genuine"),
        (0.01, -1, -0.3, 0.0, "content word", "spurious"),  # a word without a score may speak for the other label
        (0.01, 1, 0.15, 0.0, "content word", "genuine"),  # its meaning explains a part
        (0.01, 1, 0.14, 0.0, "function word", "unclear"),
        # Where embeddings foretell nothing.
        (0.01, 1, "null", 0.125, "content word", "spurious"),
        (0.01, 1, "null", 0.124, "content word", "genuine"),
        (-0.01, 1, "null", 0.5, "content word", "genuine"),
    ],
)
def test_an_effect_far_beyond_what_its_meaning_explains_is_spurious(
    warehouse, beyond, sign, foretold, turned_low, kind, verdict
):
    """Oracle: median and median absolute deviation by SciPy."""
    residuals = {f"w{i}": i / 20 for i in range(13)}

    # Neither depends on how far out it is.
    every = [*residuals.values(), sign * 99.0]
    distance = 5 * float(stats.median_abs_deviation(every, scale="normal"))
    residuals["x"] = float(np.median(every)) + sign * (distance + beyond)
    expected = "null" if foretold == "null" else 0.1
    meaning = "word | residual | foretold:double | expected:double\n" + "\n".join(
        f"{word} | {own} | {foretold if word == 'x' else 0.14} | {expected}" for word, own in residuals.items()
    )
    strength = 3.0 * sign
    agree, against = (4, 0) if sign == 1 else (0, 4)
    verdicts_of(
        warehouse,
        f"word | strength | pooled_low | pooled_high | n_agreeing | n_for | n_against | turned_low\nx | {strength} | {strength - 1} | {strength + 1} | {agree} | {agree} | {against} | {turned_low}",
        f"word | type\nx | {kind}", meaning=meaning,
    )  # fmt: skip
    warehouse.connection.execute("update candidates set is_used = false")
    (row,) = warehouse.build("judge/verdicts", **JUDGING)
    assert row["verdict"] == verdict
    told = {"not explained by its meaning", "outweighs other words"} & {rule["rule"] for rule in row["rules"]}
    assert bool(told) == (verdict != "genuine")


@pytest.mark.parametrize(
    ("loss", "rate_low", "verdict"), [(0.2, 0.4, "unclear"), (0.21, 0.4, "spurious"), (0.2, 0.6, "spurious")]
)
def test_what_neighbours_do_as_well_and_no_label_supports_was_learned_from_one_of_them(
    warehouse, loss, rate_low, verdict
):
    meaning = "word | residual | foretold:double | expected\nx | 9.0 | 0.1 | 0.9\n" + "\n".join(
        f"w{i} | {i / 10} | 0.5 | 0.1" for i in range(12)
    )
    found = verdicts_of(
        warehouse, f"word | n_neighbours | neighbour_loss | neighbour_size\nx | 4 | {loss} | 0.5", "word | type\nx | content word",
        association=f"word | label_rate | label_share | rate_low | z\nx | 0.5 | 0.5 | {rate_low} | {10 * (rate_low - 0.4)}", meaning=meaning,
    )  # fmt: skip
    assert found["x"]["verdict"] == verdict


def test_eleven_words_are_too_few_to_tell_what_is_far_out(warehouse):
    meaning = "word | residual\nx | 99.0\n" + "\n".join(f"w{i} | {i / 10}" for i in range(10))
    assert (
        verdicts_of(warehouse, "word\nx", "word | type\nx | content word", meaning=meaning)["x"]["verdict"] == "genuine"
    )


@pytest.mark.parametrize(("num_right", "num_wrong"), [(40, 10), (37, 13), (5, 0), (6, 0)])
def test_embeddings_count_if_they_foretell_the_direction_of_surely_more_than_three_in_five(
    warehouse, num_right, num_wrong
):
    """Oracle: Wilson's interval by SciPy."""
    total = num_right + num_wrong
    words = [f"w{i}" for i in range(total)]
    # One below the smallest effect that counts; a fragment is not asked.
    evidence = "\n".join(f"{word} | 2.0 | word" for word in words) + "\nsmall | 0.09 | word\nw0 | 9.0 | piece"
    warehouse.insert("evidence", f"word | strength | kind\n{evidence}", **{**EVIDENCE, "kind": None, "strength": None})
    expected = [*(0.5 for _ in range(num_right)), *(-0.5 for _ in range(num_wrong)), -1.0]
    told = [
        {"label": "a", "word": word, "expected": own} for word, own in zip([*words, "small"], expected, strict=True)
    ]
    rows = by(warehouse.build("judge/meaning", meaning=json.dumps(told), min_effect=0.1), "word")
    known = stats.binomtest(num_right, total).proportion_ci(method="wilson").low > 0.6
    assert len(rows) == total + 1
    assert (rows["w0"]["expected"], rows["w0"]["residual"], rows["w0"]["foretold"]) == (
        (0.5, 1.5, 0.25) if known else (None, 2.0, None)
    )
    assert rows["small"]["residual"] == pytest.approx(1.09 if known else 0.09)


@pytest.mark.parametrize(
    ("strength", "low", "high", "n_for", "n_against", "verdict"),
    [
        (1.0, 0.51, 1.49, 4, 0, "spurious"),
        (1.0, 0.49, 1.51, 4, 0, "unclear"),  # twice as wide, the interval would hold 0
        (-1.0, -1.49, -0.51, 0, 3, "spurious"),  # for the other label
        (-1.0, -1.51, -0.49, 0, 3, "unclear"),
        (-1.0, -1.49, -0.51, 1, 3, "unclear"),
        (-1.0, -1.49, -0.51, 0, 1, "unclear"),
        (-0.09, -0.10, -0.08, 0, 3, "unclear"),
    ],
)
def test_a_word_without_a_score_needs_twice_the_interval_and_may_speak_for_either_label(
    warehouse, strength, low, high, n_for, n_against, verdict
):
    verdicts_of(
        warehouse,
        f"word | strength | pooled_low | pooled_high | n_agreeing | n_for | n_against\nx | {strength} | {low} | {high} | {n_for} | {n_for} | {n_against}",
        "word | type\nx | name",
    )
    warehouse.connection.execute("update candidates set is_used = false")
    (row,) = warehouse.build("judge/verdicts", **JUDGING)
    assert row["verdict"] == verdict
    # reach 0.5 of the importance, harm 0.5 of the evidence
    assert row["severity"] == 0.5 * abs(strength) * 0.5


def test_severity_is_reach_times_strength_times_harm(warehouse):
    found = verdicts_of(warehouse, "word | strength\nx | 2.0", "word | type\nx | name")
    # reach 0.5 of the importance, strength 2, harm the larger of 0.5 and 0.25
    assert found["x"]["severity"] == 0.5 * 2.0 * 0.5


def waiver(word, label="", expired=False):
    return {
        "word": word,
        "label": label,
        "reason": "known",
        "owner": "desk",
        "expires": "2027-06-30",
        "expired": expired,
    }


@pytest.mark.parametrize(
    ("waivers", "standing"),
    [
        ([waiver("x")], "waived"),
        ([waiver("x", "a")], "waived"),
        ([waiver("x", "b")], "spurious"),
        ([waiver("x", expired=True)], "spurious"),
        ([waiver("x", "a", expired=True), waiver("x")], "waived"),
    ],
)
def test_a_waiver_keeps_the_verdict_and_changes_its_standing_until_it_expires(warehouse, waivers, standing):
    found = verdicts_of(warehouse, "word\nx", "word | type\nx | name", waivers)
    assert (found["x"]["verdict"], found["x"]["standing"]) == ("spurious", standing)
    assert found["x"]["waived_by"] == ("desk" if standing == "waived" else None)


# ---------------------------------------------------------------- report: elsewhere


def test_the_unstable_words_of_the_report_are_those_that_surely_differ(warehouse):
    warehouse.insert(
        "corpora",
        "corpus\ndata\ncompare",
        n_examples=9,
        accuracy=0.5,
        accuracy_low=0.4,
        accuracy_high=0.6,
        mean_size=1.0,
        n_words=3,
    )
    warehouse.insert(
        "stability",
        "word | label | q_value | n_examples | mean_scores\n"
        "flips | a | 0.01 | [5, 6] | [1.0, -1.0]\nflips | b | 0.01 | [5, 6] | [-1.0, 1.0]\nsame | a | 0.06 | [5, 6] | [1.0, 0.9]",
        kind="word", sign_flip=True,
    )  # fmt: skip
    warehouse.insert("word_types", "word\nflips\nsame", kind="word", type="content word")
    warehouse.insert("verdicts", "word | label\nflips | a", kind="word", verdict="genuine")
    rows = warehouse.rows("report/unstable", labels=["a"], sure_q=0.05)
    assert only(rows, "word", "label", "n_examples", "n_elsewhere", "mean_score", "elsewhere", "verdict") == [
        ("flips", "a", 5, 6, 1.0, -1.0, "genuine")
    ]
    rows = warehouse.rows("report/corpora", sure_q=0.05)
    assert only(rows, "corpus", "n_shared", "n_unstable") == [("data", 2, 1), ("compare", 2, 1)]


def test_the_slices_of_the_report_count_their_words_and_right_answers(warehouse):
    warehouse.insert("examples", "example_id | correct\n1 | true\n2 | false\n3 | true")
    warehouse.insert("example_slices", "example_id | value\n1 | x\n2 | x\n3 | y", slice="s")
    warehouse.insert(
        "slice_difference",
        "value | label | word | q_value | difference\nx | a | w | 0.01 | 1.5\nx | b | w | 0.01 | -1.5\nx | a | v | 0.5 | 0.1\ny | a | w | 0.01 | -1.5",
        slice="s", kind="word", n_examples=4, n_others=3,
    )  # fmt: skip
    warehouse.insert("word_types", "word\nw\nv", kind="word", type="name")
    rows = warehouse.rows("report/slices", sure_q=0.05)
    assert only(rows, "value", "n_examples", "accuracy", "n_words", "n_different") == [
        ("x", 2, 0.5, 2, 1),
        ("y", 1, 1.0, 1, 1),
    ]
    rows = warehouse.rows("report/slice_words", labels=["a"], sure_q=0.05)
    assert only(rows, "value", "label", "word", "difference") == [("x", "a", "w", 1.5), ("y", "a", "w", -1.5)]


def test_harm_is_listed_by_the_mistakes_it_costs_and_quadrants_are_counted(warehouse):
    warehouse.insert(
        "quadrants",
        "word | quadrant | hurts | n_harmed | lower_bound\nbig | used only | true | 9 | 1.0\nsmall | used only | true | 2 | 3.0\nnone | neither | false | 0 | 0.0",
        kind="word", label="a", log_odds=0.0,
    )  # fmt: skip
    warehouse.insert(
        "minority_gap",
        "word\nbig\nsmall\nnone",
        kind="word",
        label="a",
        n_minority=10,
        n_pulled=5,
        gap=0.4,
        gap_low=0.1,
        gap_high=0.6,
    )
    warehouse.insert("verdicts", "word\nsmall", kind="word", label="a", verdict="spurious")
    assert only(warehouse.rows("report/harmful"), "word", "n_harmed", "verdict") == [
        ("big", 9, None),
        ("small", 2, "spurious"),
    ]
    rows = warehouse.rows("report/quadrant_counts", labels=["a"])
    assert only(rows, "quadrant", "n_words", "n_hurts", "words") == [
        ("used only", 2, 2, ["small", "big"]), ("neither", 1, 0, ["none"]),
    ]  # fmt: skip


# ---------------------------------------------------------------- recommend

WORDS = {
    "label": "a", "kind": "word", "type": "content word", "n_examples": 10, "mean_score": 1.0, "impact": 0.5, "label_rate": 0.9, "used": True,
    "reasons": None, "pieces_per_word": 2.0, "spuriousness": 0.0,
}  # fmt: skip
VERDICT = {"label": "a", "kind": "word", "severity": 0.1, "standing": "genuine"}


def test_vocabulary_is_what_saves_most_tokens_of_most_weight_and_never_a_spurious_word(warehouse):
    warehouse.insert("word_occurrences", """
        example_id | word     | n_pieces
        1          | tedious  | 3
        1          | tedious  | 3
        2          | tedious  | 3
        1          | gripping | 2
        1          | kane     | 4
        1          | plain    | 1
        1          | plain    | 2
        1          | 1990s    | 3
        1          | drab     | 2
    """)  # fmt: skip
    warehouse.insert("words", """
        word     | type         | label | mean_score
        tedious  | content word | a     | 0.5
        tedious  | content word | b     | 2.0
        gripping | content word | a     | 4.0
        kane     | name         | a     | 9.0
        kane     | name         | b     | 1.0
        plain    | content word | a     | 9.0
        1990s    | number       | a     | 9.0
        drab     | content word | a     | 4.0
    """, **WORDS)  # fmt: skip
    warehouse.insert("verdicts", "word | standing\nkane | spurious\ntedious | genuine", **VERDICT)
    # tedious saves 2 * 3 = 6 tokens at 2.0 = 12, for b; gripping and drab save 1 at 4.0 = 4 each, by name
    rows = warehouse.build("recommend/vocabulary_candidates", max_vocabulary=2)
    assert rows == [
        {
            "place": 1, "word": "tedious", "type": "content word", "n_examples": 2, "n_occurrences": 3, "pieces_per_word": 3.0,
            "tokens_saved": 6, "label": "b", "mean_score": 2.0, "value": 12.0,
        },
        {
            "place": 2, "word": "drab", "type": "content word", "n_examples": 1, "n_occurrences": 1, "pieces_per_word": 2.0,
            "tokens_saved": 1, "label": "a", "mean_score": 4.0, "value": 4.0,
        },
    ]  # fmt: skip
    assert isinstance(rows[0]["tokens_saved"], int)
    assert {row["word"] for row in warehouse.build("recommend/vocabulary_candidates", max_vocabulary=9)} == {
        "tedious",
        "gripping",
        "drab",
    }
    assert warehouse.rows("checks/vocabulary_candidates__none_is_spurious") == []


def hints(warehouse, words, association, verdicts, **params):
    warehouse.insert("words", words, **WORDS)
    warehouse.insert("label_association", association, label_share=0.5)
    warehouse.insert("verdicts", verdicts, **VERDICT)
    warehouse.connection.execute(
        "alter table verdicts add column rules struct(rule varchar, detail varchar)[] default [{'rule': 'name', 'detail': 'seen'}]"
    )
    rows = warehouse.build(
        "recommend/labelling_hints", **{"max_hints": 9, "min_hint_examples": 8, "min_hint_lift": 0.2, **params}
    )
    assert warehouse.rows("checks/labelling_hints__no_word_is_both") == []
    return rows


def test_labelling_hints_drop_the_spurious_and_add_what_is_genuine_and_surely_right(warehouse):
    rows = hints(warehouse, """
        word    | type         | label_rate
        kane    | name         | 0.6
        rome    | name         | 0.6
        dull    | content word | 0.9
        drab    | content word | 0.95
        edge    | content word | 0.9
        below   | content word | 0.9
        rare    | content word | 1.0
        unclear | content word | 0.9
        untried | content word | 0.9
        but     | function word | 0.9
    """, """
        label | word    | n_examples | rate_low
        a     | kane    | 40         | 0.4
        a     | rome    | 40         | 0.4
        a     | dull    | 30         | 0.75
        a     | drab    | 8          | 0.8
        a     | edge    | 10         | 0.7
        a     | below   | 10         | 0.699
        a     | rare    | 7          | 0.9
        a     | unclear | 30         | 0.75
        a     | untried | 30         | 0.75
        a     | but     | 30         | 0.75
    """, """
        word    | standing | severity
        kane    | spurious | 0.2
        rome    | spurious | 0.4
        dull    | genuine  | 0.1
        drab    | genuine  | 0.1
        edge    | genuine  | 0.1
        below   | genuine  | 0.1
        rare    | genuine  | 0.1
        unclear | unclear  | 0.1
        but     | genuine  | 0.1
    """)  # fmt: skip
    # usefulness of add, n * (2 * rate_low - 1): dull 30 * 0.5 = 15, drab 8 * 0.6 = 4.8, edge 10 * 0.4 = 4
    assert only(rows, "action", "place", "word", "n_examples", "reason") == [
        ("drop", 1, "rome", 40, "name: seen"),
        ("drop", 2, "kane", 40, "name: seen"),
        ("add", 1, "dull", 30, "right in 90 % of 30 examples, at least 75 % with 95 % confidence"),
        ("add", 2, "drab", 8, "right in 95 % of 8 examples, at least 80 % with 95 % confidence"),
        ("add", 3, "edge", 10, "right in 90 % of 10 examples, at least 70 % with 95 % confidence"),
    ]


def test_the_list_of_hints_is_cut_per_action_and_label(warehouse):
    rows = hints(warehouse, """
        word | label
        x    | a
        y    | a
        z    | b
        v    | b
        w    | b
    """, """
        label | word | n_examples | rate_low
        a     | x    | 10         | 0.8
        a     | y    | 10         | 0.9
        b     | z    | 10         | 0.8
        b     | v    | 10         | 0.8
        b     | w    | 10         | 0.8
    """, """
        word | label | standing
        x    | a     | genuine
        y    | a     | genuine
        z    | b     | genuine
        v    | b     | spurious
        w    | b     | spurious
    """, max_hints=1)  # fmt: skip
    assert only(rows, "action", "label", "word") == [("drop", "b", "v"), ("add", "a", "y"), ("add", "b", "z")]


def test_a_keyword_spurious_for_one_label_is_not_proposed_for_another(warehouse):
    rows = hints(
        warehouse,
        "word | label\nx | a\nx | b",
        "label | word | n_examples | rate_low\na | x | 10 | 0.1\nb | x | 10 | 0.8",
        "word | label | standing\nx | a | spurious\nx | b | genuine",
    )
    assert only(rows, "action", "label", "word") == [("drop", "a", "x")]


# ---------------------------------------------------------------- checks

KEYS = "example_id | relative_gap:double | error:double | score:double | converged:boolean"

FLIPS = "n_trials | mean_effect | effect_low:double | effect_high:double | flip_rate:double | flip_low:double | flip_high:double | n_flipped | n_flippable"

CHECKS = {
    "examples__explained_ones_met_their_tolerance": (
        # a quarantined example may miss it, so may one that was predicted only, and rounding may lift it over
        {
            "examples": KEYS
            + "\n1 | 0.1 | 9 | 1.0 | true\n2 | 0.5 | 9 | 1.0 | false\n3 | null | null | null | null\n4 | 0.10000001 | 9 | 1.0 | true"
        },
        {
            "too wide": {"examples": KEYS + "\n1 | 0.11 | 0.0 | 1.0 | true"},
            "no gap": {"examples": KEYS + "\n1 | null | 0.0 | 1.0 | true"},
            "no number": {"examples": KEYS + "\n1 | 0.0 | 0.0 | NaN | true"},
        },
    ),
    "bigram_occurrences__both_words_are_there": (
        {
            "bigram_occurrences": "example_id | word_start | word | score\n1 | 0 | new york | 3.0\n1 | 9 | new york | 7.0",
            "word_occurrences": "example_id | word_start | word_end | word | score\n1 | 0 | 3 | new | 1.0\n1 | 4 | 8 | york | 2.0\n1 | 9 | 12 | new | 5.0\n1 | 13 | 17 | york | 2.0",
        },
        {
            "other sum": {"bigram_occurrences": "example_id | word_start | word | score\n1 | 0 | new york | 3.5"},
            "no such word": {"bigram_occurrences": "example_id | word_start | word | score\n1 | 0 | new jersey | 3.0"},
        },
    ),
    "example_slices__every_example_is_in_every_slice": (
        {"examples": "example_id\n1\n2", "example_slices": "example_id | slice\n1 | split\n2 | split"},
        {"one missing": {"example_slices": "example_id | slice\n1 | split\n1 | source\n2 | split"}},
    ),
    "meaning__every_tried_word_is_foretold": (
        {
            "evidence": "kind | label | word | strength:double\nword | a | x | 2.0\nword | a | y | 1.0\nword | a | z | null\npiece | a | p | 1.0",
            "meaning": "label | word | expected:double | residual\na | x | 0.5 | 1.5\na | y | null | 1.0",
        },
        {
            "missing": {"meaning": "label | word | expected:double | residual\na | x | 0.5 | 1.5"},
            "other sum": {
                "meaning": "label | word | expected:double | residual\na | x | 0.5 | 1.4\na | y | null | 1.0"
            },
        },
    ),
    "label_association__rates_add_up": (
        {"label_association": "word | label | n_label | n_examples\nx | a | 2 | 3\nx | b | 1 | 3"},
        {
            "one short": {"label_association": "word | label | n_label | n_examples\nx | a | 1 | 3\nx | b | 1 | 3"},
            "a label lost": {"label_association": "word | label | n_label | n_examples\nx | a | 2 | 3"},
        },
    ),
    "labelling_hints__no_word_is_both": (
        {"labelling_hints": "word | label | action\nx | a | add\nx | b | add\ny | a | drop"},
        {"both": {"labelling_hints": "word | label | action\nx | a | add\nx | b | drop"}},
    ),
    "minority_gap__interval_holds_gap": (
        {
            "minority_gap": "n_minority | n_pulled | gap | gap_low | gap_high | n_harmed | p_value | q_value\n4 | 2 | 0.25 | -0.1 | 0.6 | 1 | 0.2 | 0.3"
        },
        {
            name: {
                "minority_gap": f"n_minority | n_pulled | gap | gap_low | gap_high | n_harmed | p_value:double | q_value\n{row}"
            }
            for name, row in {
                "gap above": "4 | 2 | 0.25 | -0.1 | 0.2 | 1 | 0.2 | 0.3",
                "gap below": "4 | 2 | 0.25 | 0.3 | 0.6 | 1 | 0.2 | 0.3",
                "more harm than cases": "4 | 2 | 0.25 | -0.1 | 0.6 | 3 | 0.2 | 0.3",
                "q below p": "4 | 2 | 0.25 | -0.1 | 0.6 | 1 | 0.2 | 0.1",
                "no p": "4 | 2 | 0.25 | -0.1 | 0.6 | 1 | null | 0.3",
            }.items()
        },
    ),
    "slice_importance__slices_add_up_to_the_whole": (
        {
            "slice_importance": "slice | value | n_examples\nsplit | train | 3\nsplit | test | 2",
            "word_importance": "n_examples\n6",
        },
        {"too many": {"word_importance": "n_examples\n4"}, "unknown": {"word_importance": "word | n_examples\ny | 9"}},
    ),
    "stability__absence_is_no_evidence": (
        {
            "stability": "n_corpora_present | n_examples:list | mean_scores:list | q_stat | p_value | q_value | i2\n"
            '2 | ["5", "6"] | ["0.5", "0.6"] | 1.0 | 0.3 | 0.3 | 0.0'
        },
        {
            name: {
                "stability": f"n_corpora_present | n_examples:list | mean_scores:list | q_stat | p_value | q_value | i2\n{row}"
            }
            for name, row in {
                "one corpus": '1 | ["5"] | ["0.5"] | 1.0 | 0.3 | 0.3 | 0.0',
                "a figure short": '2 | ["5"] | ["0.5", "0.6"] | 1.0 | 0.3 | 0.3 | 0.0',
                "q below p": '2 | ["5", "6"] | ["0.5", "0.6"] | 1.0 | 0.3 | 0.2 | 0.0',
                "i2 above 1": '2 | ["5", "6"] | ["0.5", "0.6"] | 1.0 | 0.3 | 0.3 | 1.5',
            }.items()
        },
    ),
    "vocabulary_candidates__none_is_spurious": (
        {
            "vocabulary_candidates": "word\nx",
            "verdicts": "word | kind | standing\nx | word | waived\ny | word | spurious\nx | piece | spurious",
        },
        {"spurious": {"vocabulary_candidates": "word\nx", "verdicts": "word | kind | standing\nx | word | spurious"}},
    ),
    "verdicts__every_candidate_has_one": (
        {"candidates": "word\nx", "verdicts": 'word | verdict | rules:list\nx | unclear | ["not proven"]'},
        {
            "none": {"candidates": "word\nx", "verdicts": 'word | verdict | rules:list\ny | unclear | ["not proven"]'},
            "no rule": {"candidates": "word\nx", "verdicts": "word | verdict | rules:list\nx | unclear | []"},
        },
    ),
    "effects__intervals_hold_their_mean": (
        {
            "effects": f"{FLIPS}\n3 | 1.0 | 0.5 | 1.5 | 0.5 | 0.1 | 0.9 | 1 | 2\n2 | 1.0 | null | null | null | null | null | 0 | 0"
        },
        {
            "no interval": {"effects": f"{FLIPS}\n3 | 1.0 | null | null | 0.5 | 0.1 | 0.9 | 1 | 2"},
            "mean above": {"effects": f"{FLIPS}\n3 | 2.0 | 0.5 | 1.5 | 0.5 | 0.1 | 0.9 | 1 | 2"},
            "rate above": {"effects": f"{FLIPS}\n3 | 1.0 | 0.5 | 1.5 | 1.0 | 0.1 | 0.9 | 1 | 2"},
            "too many flips": {"effects": f"{FLIPS}\n3 | 1.0 | 0.5 | 1.5 | 0.5 | 0.1 | 0.9 | 3 | 2"},
        },
    ),
    "word_bootstrap__ends_are_in_order": (
        {"word_bootstrap": "boot_low | boot_high | n_replicates\n0.1 | 0.1 | 200"},
        {
            "reversed": {"word_bootstrap": "boot_low | boot_high | n_replicates\n0.2 | 0.1 | 200"},
            "no replicate": {"word_bootstrap": "boot_low:double | boot_high:double | n_replicates\nnull | null | 0"},
        },
    ),
    "word_importance__interval_holds_mean": (
        {
            "word_importance": "mean_score | ci_low | ci_high | p_value | q_value | reach | mean_share\n1.0 | 0.5 | 1.5 | 0.01 | 0.02 | 0.5 | 1.0"
        },
        {
            name: {
                "word_importance": f"mean_score | ci_low | ci_high | p_value:double | q_value | reach | mean_share:double\n{row}"
            }
            for name, row in {
                "mean above": "2.0 | 0.5 | 1.5 | 0.01 | 0.02 | 0.5 | 1.0",
                "mean below": "0.0 | 0.5 | 1.5 | 0.01 | 0.02 | 0.5 | 1.0",
                "q below p": "1.0 | 0.5 | 1.5 | 0.02 | 0.01 | 0.5 | 1.0",
                "p above 1": "1.0 | 0.5 | 1.5 | 1.02 | 1.03 | 0.5 | 1.0",
                "no p": "1.0 | 0.5 | 1.5 | null | 1.0 | 0.5 | 1.0",
                "reach above 1": "1.0 | 0.5 | 1.5 | 0.01 | 0.02 | 1.5 | 1.0",
                "share above 1": "1.0 | 0.5 | 1.5 | 0.01 | 0.02 | 0.5 | 1.1",
                "no share": "1.0 | 0.5 | 1.5 | 0.01 | 0.02 | 0.5 | null",
            }.items()
        },
    ),
    "word_importance__mirrored_labels_agree": (
        {
            "word_importance": "kind | word | label | mean_score\nword | x | a | 1.0\nword | x | b | -1.0\npiece | x | a | 3.0"
        },
        {"same sign": {"word_importance": "kind | word | label | mean_score\nword | x | a | 1.0\nword | x | b | 1.0"}},
    ),
    "word_importance__shrinking_moves_inwards": (
        {
            "word_importance": "mean_score | std_error | typical_score | shrunk_score | shrunk_sd | lower_bound\n"
            "1.0 | 0.1 | 0.0 | 0.9 | 0.1 | 0.7\n-1.0 | 0.1 | 0.0 | -0.9 | 0.1 | 0.0"
        },
        {
            name: {
                "word_importance": f"mean_score | std_error | typical_score | shrunk_score | shrunk_sd:double | lower_bound\n{row}"
            }
            for name, row in {
                "other sign": "1.0 | 0.1 | 0.0 | 0.9 | 0.1 | -0.7",
                "further out": "1.0 | 0.1 | 0.0 | 0.9 | 0.1 | 0.95",
                "no deviation": "1.0 | 0.1 | 0.0 | 0.9 | null | 0.7",
            }.items()
        },
    ),
    "word_scores__shares_add_up_to_1": (
        {
            "word_scores": "kind | example_id | share:double\nword | 1 | 0.25\nword | 1 | 0.75\npiece | 1 | 0.75\nword | 2 | null"
        },
        {"too little": {"word_scores": "kind | example_id | share:double\nword | 1 | 0.25\nword | 1 | 0.5"}},
    ),
    "word_types__every_word_has_one": (
        {
            "word_importance": "kind | word\nword | x\npiece | y",
            "word_types": "kind | word | type\nword | x | name\npiece | y | affix",
        },
        {
            "other kind": {
                "word_importance": "kind | word\nword | x",
                "word_types": "kind | word | type\npiece | x | name",
            }
        },
    ),
    "words__every_flag_has_a_reason": (
        {
            "words": 'kind | label | word | spuriousness:double | flagged | reasons:list\nword | a | x | 0.5 | true | ["name"]\nword | a | y | 0 | false | null'
        },
        {
            name: {"words": f"kind | label | word | spuriousness:double | flagged | reasons:list\nword | a | x | {row}"}
            for name, row in {
                "none": "0.5 | true | null",
                "empty": "0.5 | true | []",
                "above 1": '1.5 | false | ["a"]',
                "null": "null | false | null",
            }.items()
        },
    ),
}
CHECK_PARAMS = {"mode": "fixed", "tolerance": 0.02, "max_gap": 0.1, "mirrored": True}


def test_every_check_has_a_test():
    stored = {file.stem for file in (Path(warehouse_package.__file__).parent / "checks").glob("*.sql")}
    own = {"word_occurrences__words_and_special_tokens_add_up", "examples__every_shard_row_is_there"}
    assert stored == {*CHECKS, *own}


def test_a_row_of_a_shard_without_its_part_is_caught(warehouse):
    shards = [warehouse.part("example_id\n1\n2")]
    warehouse.insert("examples", "example_id\n1\n2")
    assert warehouse.rows("checks/examples__every_shard_row_is_there", shards=shards) == []
    warehouse.insert("examples", "example_id\n2")
    assert warehouse.rows("checks/examples__every_shard_row_is_there", shards=shards) == [{"example_id": 1}]


def test_with_three_labels_what_the_typical_word_gets_is_the_null(warehouse):
    """Means of 1, 2 and 6: the median 2 is what every word gets, so the word at 2 is not used at all."""
    examples = "example_id | target_label\n" + "\n".join(f"{i} | a" for i in range(6))
    warehouse.insert("examples", examples, converged=True)
    scores = {"low": (0.5, 1.5), "typical": (1.5, 2.5), "high": (5.5, 6.5)}
    lines = [
        f"{2 * k + j} | {word} | {score}"
        for k, (word, pair) in enumerate(scores.items())
        for j, score in enumerate(pair)
    ]
    warehouse.insert(
        "word_scores", "example_id | word | score\n" + "\n".join(lines),
        kind="word", n_occurrences=1, n_pieces=1, share=0.5, gradient_x_input=0.0, gradient_norm=1.0, contrast=0.0,
    )  # fmt: skip
    warehouse.insert("piece_occurrences", "example_id:bigint | piece:varchar | source_word:varchar")
    rows = warehouse.build(
        "aggregate/word_importance", labels=["a", "b", "c"], mirrored=False, min_examples=2, prior_examples=4
    )
    found = {row["word"]: row for row in rows}
    assert {row["typical_score"] for row in rows} == {2.0}
    assert found["typical"]["p_value"] == pytest.approx(1, abs=1e-6)
    # Variances are all 0.5, so moderated ones too: t = (6 - 2) / sqrt(0.5 / 2) = 8 with 5 degrees of freedom, p = 0.0005;
    # Wallace's approximation is off by a tenth out there.
    assert found["high"]["p_value"] == pytest.approx(2 * stats.t.sf(8, 5), rel=0.15)
    assert found["low"]["p_value"] == pytest.approx(2 * stats.t.sf(2, 5), rel=0.01)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_passes_a_good_table_and_catches_a_bad_one(warehouse, check):
    good, bad = CHECKS[check]
    tables = [("good", good), *bad.items()]
    found = {}
    for name, world in tables:
        for table, text in world.items():
            warehouse.insert(table, text, kind="word", label="a", word="x", operator="delete")
        found[name] = bool(warehouse.warehouse.rows(f"checks/{check}", CHECK_PARAMS).num_rows)
    assert found == {name: name != "good" for name, _ in tables}


@pytest.mark.parametrize(
    ("mode", "max_gap", "row", "caught"),
    [
        ("document", None, "9.0 | 0.02 | 1.0", False),
        ("document", None, "0.0 | 0.021 | 1.0", True),
        ("document", None, "null | null | 1.0", False),  # gradient x input has no error
        ("fixed", None, "9.0 | 9.0 | 1.0", False),
        ("corpus", None, "9.0 | 9.0 | 1.0", False),
        ("corpus", None, "0.0 | 0.0 | NaN", True),
        ("corpus", None, "0.0 | 0.0 | null", True),
    ],
)
def test_an_explained_example_is_held_to_what_its_mode_promises(warehouse, mode, max_gap, row, caught):
    warehouse.insert("examples", f"{KEYS}\n1 | {row} | true")
    rows = warehouse.rows(
        "checks/examples__explained_ones_met_their_tolerance", mode=mode, tolerance=0.02, max_gap=max_gap
    )
    assert bool(rows) == caught


def test_the_noise_of_a_word_s_mean_is_a_share_of_its_squared_standard_error(warehouse):
    rows = importance(warehouse, TWO, """
        example_id | word | score | contrast:double
        1          | x    | 3.0   | 0.5
        3          | x    | -1.0  | -0.5
        1          | y    | 1.0   | 9.0
        2          | y    | -1.0  | 9.0
    """)  # fmt: skip
    # As above, the standard error of both is 1. Noise of x: (0.25 + 0.25) / 2 ** 2 = 0.125; of y more than there is.
    assert {(row["word"], row["noise_share"]) for row in rows} == {("x", 0.125), ("y", 1.0)}
    rows = importance(
        warehouse, TWO, "example_id | word | score | contrast:double\n1 | x | 3.0 | null\n3 | x | -1.0 | null"
    )
    assert {row["noise_share"] for row in rows} == {None}


def test_what_a_run_can_promise_is_in_one_row(warehouse):
    warehouse.insert("examples", """
        gradients:integer | converged:boolean | reason:varchar
        6                 | true              | null
        10                | true              | null
        null              | null              | null
        8                 | false             | tolerance
        8                 | false             | out of memory
        8                 | false             | not finite
        null              | false             | worker died
    """)  # fmt: skip
    warehouse.insert("word_importance", "noise_share:double\n0.01\n0.02\n0.09\nnull")
    pilot = warehouse.part("example_id | role\n1 | fitted\n2 | held out\n3 | held out")
    plan = {
        "mode": "corpus",
        "method": "integrated_gradients",
        "gradients": 6,
        "noise": 0.08,
        "width": None,
        "n_planned": 5,
    }
    (row,) = warehouse.build("aggregate/attribution_quality", plan=json.dumps(plan), pilot_parts=[pilot])
    assert {name: value for name, value in row.items() if value is not None} == {
        "mode": "corpus", "method": "integrated_gradients", "gradients": 6, "mean_gradients": 8.0, "n_planned": 5, "n_explained": 2,
        "n_predicted_only": 1, "n_tolerance": 1, "n_not_finite": 1, "n_out_of_memory": 1, "n_worker_died": 1, "n_held_out": 2, "noise": 0.08,
        "median_noise_share": 0.02, "worst_noise_share": 0.09,
    }  # fmt: skip


def test_a_token_lost_from_gradient_x_input_is_found_without_a_change_to_add_up_to(warehouse):
    warehouse.insert("examples", "example_id | change:double | gap:double | converged\n1 | 3.0 | null | true")
    tokens = warehouse.part(
        "example_id | word_start:integer | integrated_gradients:float | gradient_x_input:float | relevance:float\n1 | null | null | 0.5 | -3.0\n1 | 0 | null | 2.0 | -3.0"
    )
    for score, lost in ((2.0, False), (1.5, True)):
        warehouse.insert("word_occurrences", f"example_id | score\n1 | {score}")
        rows = warehouse.rows(
            "checks/word_occurrences__words_and_special_tokens_add_up", token_parts=[tokens], method="gradient_x_input"
        )
        assert bool(rows) == lost


def test_labels_that_do_not_mirror_each_other_need_not_agree(warehouse):
    warehouse.insert("word_importance", "kind | word | label | mean_score\nword | x | a | 1.0\nword | x | b | 1.0")
    assert warehouse.rows("checks/word_importance__mirrored_labels_agree", mirrored=False) == []


@pytest.mark.parametrize(
    ("change", "quarantined", "lost"),
    [
        (3.5, False, False),
        (3.505, False, False),
        (3.506, False, True),
        (2.5, False, True),
        (99.0, True, False),
        ("NaN", False, True),
    ],
)
def test_words_special_tokens_and_runs_of_spaces_add_up_to_change_and_gap(warehouse, change, quarantined, lost):
    # words 2 - 1 = 1, [CLS] 0.5, a token of spaces 1.75: 3.25 = change 3.5 + gap -0.25; sum of |scores| 5.25, so 0.00525 may be lost
    warehouse.insert(
        "examples",
        f"example_id | change:double | gap | converged\n1 | {change} | -0.25 | {str(not quarantined).lower()}",
    )
    warehouse.insert("word_occurrences", "example_id | score\n1 | 2.0\n1 | -1.0")
    tokens = warehouse.part(
        "example_id | word_start:integer | integrated_gradients:float | gradient_x_input:float | relevance:float\n1 | null | 0.5 | 0 | 0\n1 | null | 1.75 | 0 | 0\n1 | 0 | 2.0 | 0 | 0\n1 | 5 | -1.0 | 0 | 0"
    )
    rows = warehouse.rows(
        "checks/word_occurrences__words_and_special_tokens_add_up", token_parts=[tokens], method="integrated_gradients"
    )
    assert bool(rows) == lost


def test_an_example_of_special_tokens_only_adds_up_too(warehouse):
    warehouse.insert("examples", "example_id | change | gap | converged\n1 | 0.5 | 0.0 | true\n2 | 0.5 | 0.0 | true")
    warehouse.insert("word_occurrences", "example_id:bigint | score:double")
    tokens = warehouse.part(
        "example_id | word_start:integer | integrated_gradients:float | gradient_x_input:float | relevance:float\n1 | null | 0.5 | 0 | 0"
    )
    rows = warehouse.rows(
        "checks/word_occurrences__words_and_special_tokens_add_up", token_parts=[tokens], method="integrated_gradients"
    )
    assert only(rows, "example_id", "added_up", "expected") == [(2, 0.0, 0.5)]
