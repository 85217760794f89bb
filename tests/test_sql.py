"""Every query of the warehouse on a world small enough to work out on paper, or against scipy.

A test that computes its answer shows the sum in a comment. Where the sum is long, the oracle is scipy.
"""

import hashlib
import math
import unicodedata

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from warehouse import Warehouse, seed

PROPERTY = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
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
@given(v=st.floats(8, 1e5), p_and_bound=st.sampled_from([(0.9, 0.003), (0.05, 0.003), (0.004, 0.02), (4e-5, 0.1)]), sign=st.sampled_from([-1, 1]))
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
    return warehouse.build("ingest/plan", staging=warehouse.part(staged), **settled)


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


def test_shards_hold_equal_numbers_of_kept_tokens_shortest_text_first(warehouse):
    rows = plan(warehouse, """
        example_id | source_id | text | label_id | n_tokens | reason:varchar
        0          | a         | t0   | 1        | 9        | null
        1          | b         | t1   | 0        | 2        | null
        2          | c         | t2   | 1        | 4        | null
        3          | d         | t3   | 0        | 3        | null
    """, max_tokens=4, shard_tokens=5)  # fmt: skip
    # kept, in order: 2 3 4 4; running sum 2 5 9 13; (sum - 1) // 5 = 0 0 1 2
    assert only(rows, "example_id", "n_tokens", "n_cut", "shard") == [(1, 2, 0, 0), (3, 3, 0, 0), (0, 9, 5, 1), (2, 4, 0, 2)]


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
    warehouse.insert("plan", PLAN)
    assert warehouse.build("ingest/shard", shard=1) == [
        {"example_id": 3, "source_id": "d", "text": "four", "label_id": 1, "n_tokens": 3, "n_cut": 0},
        {"example_id": 2, "source_id": "c", "text": "thre", "label_id": 1, "n_tokens": 4, "n_cut": 0},
        {"example_id": 4, "source_id": "e", "text": "five", "label_id": 0, "n_tokens": 9, "n_cut": 5},
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
        example_id | predicted_id | target_id | confidence | score | change | gap  | special_score | steps | converged
        0          | 0            | 2         | 0.75       | 1.5   | -4.0   | -1.0 | 0.25          | 12    | false
        1          | 1            | 1         | 0.5        | 0.5   | 0.5    | 0.25 | 0.0           | 24    | true
    """)  # fmt: skip
    rows = warehouse.build("aggregate/examples", shards=[shards], example_parts=[parts], labels=["no", "yes", "maybe"])
    assert rows == [
        {
            "example_id": 0, "source_id": "a", "text": "one", "gold_label": "no", "predicted_label": "no", "target_label": "maybe",
            "correct": True, "confidence": 0.75, "score": 1.5, "change": -4.0, "gap": -1.0,
            "relative_gap": 0.25,  # 1 / 4
            "special_score": 0.25, "steps": 12, "converged": False, "n_tokens": 3, "n_cut": 0,
        },
        {
            "example_id": 1, "source_id": "b", "text": "two", "gold_label": "maybe", "predicted_label": "yes", "target_label": "yes",
            "correct": False, "confidence": 0.5, "score": 0.5, "change": 0.5, "gap": 0.25,
            "relative_gap": 0.25,  # 0.25 / 1: a change below 1 counts as 1
            "special_score": 0.0, "steps": 24, "converged": True, "n_tokens": 4, "n_cut": 1,
        },
    ]  # fmt: skip


def test_the_rejects_of_all_parts_are_in_one_table(warehouse):
    a = warehouse.part("example_id | source_id | text | reason\n 5 | f | "" | empty")
    b = warehouse.part("example_id | source_id | text | reason\n 2 | c | x | duplicate")
    assert only(warehouse.build("aggregate/rejects", reject_parts=[a, b]), "example_id", "reason") == [(2, "duplicate"), (5, "empty")]


# ---------------------------------------------------------------- aggregate/word_occurrences, piece_occurrences

TOKENS = """
    example_id | position | token_start | token_end | word_start:integer | word_end:integer | gradient_norm:float | gradient_x_input:float | integrated_gradients:float
"""


def test_a_word_is_the_sum_of_its_pieces_and_special_tokens_are_no_words(warehouse):
    warehouse.insert("examples", """
        example_id | text     | converged
        0          | Sad tale | true
        1          | Sad      | false
        2          | ""       | true
    """)  # fmt: skip
    tokens = warehouse.part(TOKENS + """
        0          | 0        | 0           | 0         | null               | null             | 9.0           | 9.0              | 9.0
        0          | 1        | 0           | 3         | 0                  | 3                | 2.0           | 1.0              | -0.5
        0          | 2        | 4           | 6         | 4                  | 8                | 3.0           | 0.5              | 0.25
        0          | 3        | 6           | 8         | 4                  | 8                | 4.0           | -1.5             | 0.5
        1          | 0        | 0           | 3         | 0                  | 3                | 1.0           | 1.0              | 1.0
        2          | 0        | 0           | 0         | null               | null             | 1.0           | 1.0              | 1.0
    """)  # fmt: skip
    # norm of (3, 4) is 5; example 1 is quarantined; example 2 has special tokens only
    assert warehouse.build("aggregate/word_occurrences", token_parts=[tokens]) == [
        {
            "example_id": 0, "word_start": 0, "word_end": 3, "surface": "Sad", "word": "sad", "n_pieces": 1, "starts_sentence": True,
            "integrated_gradients": -0.5, "gradient_x_input": 1.0, "gradient_norm": 2.0,
        },
        {
            "example_id": 0, "word_start": 4, "word_end": 8, "surface": "tale", "word": "tale", "n_pieces": 2, "starts_sentence": False,
            "integrated_gradients": 0.75, "gradient_x_input": -1.0, "gradient_norm": 5.0,
        },
    ]  # fmt: skip
    assert only(warehouse.build("aggregate/piece_occurrences", token_parts=[tokens]), "position", "piece", "source_word", "integrated_gradients") == [
        (2, "ta·", "tale", 0.25),
        (3, "·le", "tale", 0.5),
    ]


def occurrences(warehouse, *texts):
    """word_occurrences of texts whose words and marks stand apart by spaces."""
    lines, examples = [], ["example_id | text:varchar | converged"]
    for i, text in enumerate(texts):
        examples.append(f'{i} | {quoted(text)} | true')
        start = 0
        for position, word in enumerate(text.split(" ")):
            end = start + len(word)
            lines.append(f"{i} | {position} | {start} | {end} | {start} | {end} | 1.0 | 1.0 | 1.0")
            start = end + 1
    warehouse.insert("examples", "\n".join(examples))
    return warehouse.build("aggregate/word_occurrences", token_parts=[warehouse.part(TOKENS + "\n".join(lines))])


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
    assert [row["surface"] for row in rows if row["starts_sentence"]] == ["A", "By", "some", "“", "Big", "”", "guy", "End", "Yes"]


def test_pieces_of_a_byte_level_tokenizer_lose_the_space_and_the_curly_apostrophe(warehouse):
    warehouse.insert("examples", "example_id | text | converged\n 0 | so unDON’T | true")
    tokens = warehouse.part(TOKENS + """
        0          | 0        | 0           | 2         | 0                  | 2                | 1.0           | 1.0              | 1.0
        0          | 1        | 2           | 5         | 3                  | 10               | 1.0           | 1.0              | 1.0
        0          | 2        | 5           | 8         | 3                  | 10               | 1.0           | 1.0              | 1.0
        0          | 3        | 8           | 10        | 3                  | 10               | 1.0           | 1.0              | 1.0
    """)  # fmt: skip
    warehouse.build("aggregate/word_occurrences", token_parts=[tokens])
    rows = warehouse.build("aggregate/piece_occurrences", token_parts=[tokens])
    assert only(rows, "position", "piece", "source_word") == [(1, "un·", "undon't"), (2, "·don·", "undon't"), (3, "·'t", "undon't")]


# ---------------------------------------------------------------- aggregate/word_scores


def word_scores(warehouse, text):
    warehouse.insert("piece_occurrences", """
        example_id | piece | integrated_gradients | gradient_x_input | gradient_norm
        1          | ta·   | 5.0                  | 1.0              | 2.0
    """)  # fmt: skip
    warehouse.insert("word_occurrences", text)
    return warehouse.build("aggregate/word_scores")


def test_repeated_words_are_summed_and_shares_are_of_the_example_s_words(warehouse):
    rows = word_scores(warehouse, """
        example_id | word | n_pieces | integrated_gradients | gradient_x_input | gradient_norm
        1          | bad  | 1        | 2.0                  | 1.0              | 3.0
        1          | bad  | 2        | -0.5                 | 2.0              | 4.0
        1          | tale | 2        | -4.5                 | 1.0              | 1.0
    """)  # fmt: skip
    # bad: 2 - 0.5 = 1.5, norm of (3, 4) = 5; |1.5| + |-4.5| = 6, shares 1.5 / 6 and 4.5 / 6; the piece is no word of the sum
    columns = ("kind", "word", "n_occurrences", "n_pieces", "share", "integrated_gradients", "gradient_x_input", "gradient_norm")
    assert only(rows, *columns) == [
        ("piece", "ta·", 1, 1, 5 / 6, 5.0, 1.0, 2.0),
        ("word", "bad", 2, 3, 0.25, 1.5, 3.0, 5.0),
        ("word", "tale", 1, 2, 0.75, -4.5, 1.0, 1.0),
    ]


def test_an_example_whose_scores_are_all_zero_has_no_shares(warehouse):
    rows = word_scores(warehouse, """
        example_id | word | n_pieces | integrated_gradients | gradient_x_input | gradient_norm
        1          | bad  | 1        | 0.0                  | 1.0              | 3.0
        1          | tale | 1        | 0.0                  | 1.0              | 1.0
    """)  # fmt: skip
    assert [row["share"] for row in rows] == [None, None, None]


# ---------------------------------------------------------------- aggregate/word_importance

FILLING = {"kind": "word", "n_occurrences": 1, "n_pieces": 1, "share": 0.5, "gradient_norm": 1.0, "gradient_x_input": 1.0}
NO_PIECES = "example_id:bigint | position | piece:varchar | source_word:varchar"


def importance(warehouse, examples, scores, labels=("a", "b"), mirrored=True, min_examples=2, prior_examples=7.0, pieces=NO_PIECES):
    warehouse.insert("examples", examples)
    warehouse.insert("word_scores", scores, **FILLING)
    warehouse.insert("piece_occurrences", pieces)
    return warehouse.build(
        "aggregate/word_importance", labels=list(labels), mirrored=mirrored, min_examples=min_examples, prior_examples=prior_examples
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
        example_id | word | integrated_gradients
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
        "label": "a", "word": "x", "kind": "word", "n_examples": 2, "mean_score": 2.0, "std_error": 1.0,
        "ci_low": pytest.approx(2 - half, abs=1e-4), "ci_high": pytest.approx(2 + half, abs=1e-4),
        "p_value": pytest.approx(p, rel=0.003), "q_value": pytest.approx(2 * x["p_value"]),  # the smaller of two: p * 2 / 1
        "mean_share": 0.5, "reach": 2 / 3, "impact": 4 / 3, "mean_gradient_x_input": 0.0,  # 1 and -1
        "mean_gradient_norm": 1.0, "pieces_per_word": 1.0, "n_words": 1, "source_words": None,
    }  # fmt: skip
    assert found["b", "x"] == {
        **x, "label": "b", "mean_score": -2.0, "ci_low": -x["ci_high"], "ci_high": -x["ci_low"], "impact": -4 / 3,
    }  # fmt: skip
    assert found["a", "y"]["p_value"] == found["a", "y"]["q_value"] == pytest.approx(1)


def test_each_word_s_variance_is_drawn_towards_the_median_variance(warehouse):
    rows = importance(warehouse, TWO, """
        example_id | word | integrated_gradients
        1          | x    | 3.0
        2          | x    | 1.0
        1          | y    | 0.5
        2          | y    | 0.5
    """)  # fmt: skip
    # variances 2 and 0, median 1; x: (7 * 1 + 1 * 2) / 8 = 9/8, / 2 = 9/16; y: (7 * 1 + 1 * 0) / 8 = 7/8, / 2 = 7/16
    found = by(rows, "label", "word")
    assert found["a", "x"]["std_error"] == pytest.approx(0.75)
    assert found["a", "y"]["std_error"] == pytest.approx(math.sqrt(7) / 4)


def test_with_three_labels_a_score_speaks_only_for_its_target(warehouse):
    rows = importance(warehouse, """
        example_id | target_label | converged
        1          | a            | true
        2          | a            | true
        3          | b            | true
        4          | c            | true
    """, """
        example_id | word | integrated_gradients
        1          | x    | 3.0
        2          | x    | 1.0
        3          | x    | -1.0
        4          | x    | 7.0
    """, labels=("a", "b", "c"), mirrored=False)  # fmt: skip
    # b and c have one example each: below min_examples
    assert only(rows, "label", "n_examples", "mean_score", "reach", "impact") == [("a", 2, 2.0, 0.5, 1.0)]


def test_a_word_enters_at_exactly_min_examples(warehouse):
    scores = "\nexample_id | word | integrated_gradients\n1 | x | 1.0\n2 | x | 2.0\n1 | y | 1.0"
    assert {row["word"] for row in importance(warehouse, TWO, scores, min_examples=2)} == {"x"}
    assert importance(warehouse, TWO, scores, min_examples=3) == []


@pytest.mark.parametrize(("score", "p"), [(0.0, 1.0), (0.5, 0.0)])
def test_scores_without_any_variance_are_certain_unless_they_are_zero(warehouse, score, p):
    rows = importance(warehouse, TWO, f"\nexample_id | word | integrated_gradients\n1 | x | {score}\n2 | x | {score}")
    x = by(rows, "label", "word")["a", "x"]
    assert (x["mean_score"], x["ci_low"], x["ci_high"], x["p_value"], x["q_value"]) == (score, score, score, p, p)
    assert warehouse.rows("checks/word_importance__interval_holds_mean") == []


def test_a_model_whose_scores_are_all_zero_passes_the_checks(warehouse):
    scores = "\nexample_id | word | integrated_gradients | share:double\n1 | x | 0.0 | null\n2 | x | 0.0 | null"
    rows = importance(warehouse, TWO, scores)
    assert only(rows, "word", "mean_share", "impact", "p_value") == [("x", None, 0.0, 1.0)] * 2
    assert warehouse.rows("checks/word_importance__interval_holds_mean") == []


def test_one_example_gives_no_importance_and_no_association(warehouse):
    examples = "\nexample_id | target_label | gold_label | predicted_label | converged\n1 | a | a | a | true"
    assert importance(warehouse, examples, "\nexample_id | word | integrated_gradients\n1 | x | 1.0") == []
    assert warehouse.build("aggregate/label_association", labels=["a", "b"], min_examples=2, prior_examples=4.0) == []
    assert warehouse.build("aggregate/minority_gap", min_examples=2) == []


def test_no_explained_example_gives_empty_tables(warehouse):
    examples = "\nexample_id | target_label | gold_label | predicted_label | converged\n1 | a | a | a | false"
    assert importance(warehouse, examples, "\nexample_id:bigint | word:varchar | integrated_gradients:double | kind:varchar | n_pieces:bigint | n_occurrences:bigint | share:double | gradient_norm:double | gradient_x_input:double") == []
    assert warehouse.build("aggregate/label_association", labels=["a", "b"], min_examples=2, prior_examples=4.0) == []
    assert warehouse.build("aggregate/minority_gap", min_examples=2) == []


def test_pieces_are_a_family_of_their_own_and_name_their_words_most_frequent_first(warehouse):
    rows = importance(warehouse, TWO, """
        example_id | kind  | word | integrated_gradients
        1          | word  | x    | 1.0
        2          | word  | x    | 1.5
        1          | piece | ta·  | 2.0
        2          | piece | ta·  | 2.5
    """, mirrored=False, labels=("a",), pieces="""
        example_id | position | piece | source_word
        1          | 1        | ta·   | tale
        1          | 2        | ta·   | tan
        2          | 1        | ta·   | tan
        2          | 2        | ta·   | tan
    """)  # fmt: skip
    # tan stands in two examples, tale in one
    assert only(rows, "kind", "word", "n_words", "source_words") == [("word", "x", 1, None), ("piece", "ta·", 2, "tan, tale")]
    assert [row["q_value"] for row in rows] == [row["p_value"] for row in rows]  # one test in each family


@PROPERTY
@given(scores=st.lists(st.lists(st.sampled_from([-2.0, 0.0, 1.0, 3.0]), min_size=2, max_size=5), min_size=1, max_size=8))
def test_q_values_of_importance_are_benjamini_and_hochberg_s(warehouse, scores):
    lines = [f"{i} | w{word} | {value}" for word, values in enumerate(scores) for i, value in enumerate(values)]
    examples = "\nexample_id | target_label | converged\n" + "\n".join(f"{i} | a | true" for i in range(5))
    rows = importance(warehouse, examples, "\nexample_id | word | integrated_gradients\n" + "\n".join(lines), labels=("a",), mirrored=False)
    assert len(rows) == len(scores)
    wanted = stats.false_discovery_control([row["p_value"] for row in rows])
    np.testing.assert_allclose([row["q_value"] for row in rows], wanted, rtol=1e-12)
    assert warehouse.rows("checks/word_importance__interval_holds_mean") == []


# ---------------------------------------------------------------- aggregate/label_association


def association(warehouse, examples, scores, labels=("a", "b"), min_examples=2, prior_examples=4.0):
    warehouse.insert("examples", examples, target_label="a", predicted_label="a")
    warehouse.insert("word_scores", scores, kind="word")
    rows = warehouse.build("aggregate/label_association", labels=list(labels), min_examples=min_examples, prior_examples=prior_examples)
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
    assert x == {
        "label": "a", "word": "x", "n_examples": 2, "n_label": 2, "label_rate": 1.0, "label_share": 0.5,
        "rate_low": pytest.approx(low), "rate_high": pytest.approx(high), "log_odds": pytest.approx(math.log(2)),
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
    assert {label: (row["n_label"], row["label_share"]) for label, row in found.items()} == {"a": (1, 0.25), "b": (0, 0.25), "c": (2, 0.5)}
    assert found["c"]["z"] == pytest.approx(math.sqrt(12) / 6)


@PROPERTY
@given(words=st.lists(st.sets(st.integers(0, 7), min_size=2), min_size=1, max_size=8), n_a=st.integers(1, 7))
def test_q_values_of_association_are_benjamini_and_hochberg_s(warehouse, words, n_a):
    examples = "example_id | gold_label | converged\n" + "\n".join(f"{i} | {'a' if i < n_a else 'b'} | true" for i in range(8))
    scores = "example_id | word\n" + "\n".join(f"{i} | w{word}" for word, members in enumerate(words) for i in sorted(members))
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
    assert rows == [{
        "label": "a", "word": "x", "n_minority": 3, "n_pulled": 2, "gap": pytest.approx(2 / 3),
        "gap_low": pytest.approx(2 / 3 - math.hypot(2 / 3 - low1, high2 - 0)),
        "gap_high": pytest.approx(2 / 3 + math.hypot(high1 - 2 / 3, 0 - low2)),
    }]  # fmt: skip
    assert isinstance(rows[0]["n_pulled"], int)
