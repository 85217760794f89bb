"""Examples, rejects, and what a run can promise of its attributions."""

import json

from tests.sql.helpers import only


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
