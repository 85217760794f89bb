"""The figures of a self-test, by hand."""

import json

import pytest

from configs.attribution import SIGNED


@pytest.fixture
def probes(warehouse):
    """Two probes. `ab` is planted in the first, which has four words; `ab` and `cd` in the second, which has three."""
    return {
        "planted_rows": warehouse.part("""
            id      | shortcut     | strength:double | planted:list
            probe-0 | single_token | 0.9             | ["ab"]
            probe-1 | ordered_pair | 1.0             | ["ab", "cd"]
        """),
        "shards": [warehouse.part("""
            example_id | source_id | text         | label_id
            10         | probe-0   | So AB it is  | 1
            11         | probe-1   | cd x ab      | 0
        """)],
        "token_parts": [warehouse.part("""
            example_id | word_start:integer | word_end:integer | integrated_gradients:float | gradient_x_input:float | gradient_norm:float | embedding_gradient_norm:float | relevance:float
            10         | null               | null             | 9.0                        | 9.0                    | 9.0                 | null | 9.0
            10         | 0                  | 2                | 0.5                        | 1.0                    | 1.0                 | null | 0.5
            10         | 3                  | 5                | -1.0                       | 0.25                   | 3.0                 | null | -4.0
            10         | 3                  | 5                | -1.0                       | -0.25                  | 4.0                 | null | 0.5
            10         | 6                  | 8                | 1.5                        | 0.5                    | 6.0                 | null | 0.25
            10         | 9                  | 11               | 0.5                        | 0.0                    | 1.0                 | null | 2.0
            11         | 0                  | 2                | 3.0                        | 1.0                    | 1.0                 | null | 3.0
            11         | 3                  | 4                | 2.0                        | 1.0                    | 2.0                 | null | -1.0
            11         | 5                  | 7                | -1.0                       | 1.0                    | 3.0                 | null | 2.0
        """)],
    }  # fmt: skip


def test_ranks_go_by_the_size_of_a_words_summed_score_without_special_tokens(warehouse, probes):
    rows = warehouse.rows("rank/method_ranks", baseline="pad", **probes)
    assert [tuple(row.values()) for row in rows] == [
        # Both planted words are among the three; `x` is second or, at equal scores, first.
        ("ordered_pair", 1.0, "gradient_norm", "none", 2, 1, 0.5, 3.0),
        ("ordered_pair", 1.0, "gradient_x_input", "none", 2, 1, 0.5, 3.0),
        ("ordered_pair", 1.0, "integrated_gradients", "pad", 2, 1, 0.5, 3.0),
        ("ordered_pair", 1.0, "relevance", "none", 2, 1, 1.0, 2.0),
        # |-1 - 1| = 2 leads; 0.25 - 0.25 = 0 ties with `is` and loses; the norm over its pieces is 5, under 6.
        ("single_token", 0.9, "gradient_norm", "none", 1, 1, 0.0, 2.0),
        ("single_token", 0.9, "gradient_x_input", "none", 1, 1, 0.0, 4.0),
        ("single_token", 0.9, "integrated_gradients", "pad", 1, 1, 1.0, 1.0),
        ("single_token", 0.9, "relevance", "none", 1, 1, 1.0, 1.0),
    ]


def test_a_shortcut_is_learned_if_the_planted_model_follows_it(warehouse, probes):
    rows = warehouse.rows(
        "rank/learned",
        planted_rows=probes["planted_rows"], shards=probes["shards"], min_learned=0.9,
        example_parts=[warehouse.part("""
            example_id | predicted_id
            10         | 1
            11         | 1
        """)],
        clean=warehouse.part("""
            source_id | predicted_id
            probe-1   | 0
            probe-0   | 0
        """),
    )  # fmt: skip
    assert [tuple(row.values()) for row in rows] == [
        ("ordered_pair", 1.0, 1, 1.0, 0.0, False), ("single_token", 0.9, 1, 0.0, 1.0, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("not_learned", "best"),
    [
        # .9 and .7 against .8 and .8: equal means, so the ranks decide; the norm is best and cannot be added up.
        ("", ("gradient_x_input", "none")),
        ("name", ("integrated_gradients", "mask")),
        ("name, single_token", None),
    ],
)
def test_the_best_method_is_signed_and_judged_on_what_was_learned(warehouse, not_learned, best):
    methods = warehouse.part("""
        shortcut     | strength | method               | baseline | precision_at_k | mean_rank
        single_token | 1.0      | gradient_norm        | none     | 1.0            | 1.0
        single_token | 1.0      | integrated_gradients | mask     | 0.9            | 1.5
        single_token | 1.0      | gradient_x_input     | none     | 0.8            | 1.25
        name         | 0.9      | gradient_norm        | none     | 1.0            | 1.0
        name         | 0.9      | integrated_gradients | mask     | 0.7            | 2.0
        name         | 0.9      | gradient_x_input     | none     | 0.8            | 1.25
    """)
    shortcuts = warehouse.part(f"""
        shortcut     | strength | learned
        single_token | 1.0      | {json.dumps("single_token" not in not_learned)}
        name         | 0.9      | {json.dumps("name" not in not_learned)}
    """)
    rows = warehouse.rows("rank/best_method", methods=methods, shortcuts=shortcuts, signed=list(SIGNED))
    assert [tuple(row.values()) for row in rows] == ([best] if best else [])
