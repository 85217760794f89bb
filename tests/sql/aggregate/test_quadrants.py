"""What the labels say of a word beside what the model does with it."""

import pytest


def test_the_quadrants_join_what_the_labels_say_what_is_used_and_what_hurts(warehouse):
    warehouse.insert("label_association", """
        word | n_examples | log_odds | label_share | rate_low | rate_high
        both | 9          | 1.0      | 0.5         | 0.6      | 0.9
        data | 9          | 1.0      | 0.5         | 0.6      | 0.9
        none | 9          | -1.0     | 0.5         | 0.1      | 0.4
        uses | 9          | 0.1      | 0.5         | 0.3      | 0.8
    """, kind="word", label="a", q_value=0.01)  # fmt: skip
    warehouse.insert("word_importance", """
        word | n_examples | mean_score | typical_score | lower_bound | q_value | ci_low | ci_high
        both | 9          | 1.0        | 0.0           | 0.5         | 0.01    | 0.5    | 1.5
        data | 9          | 1.0        | 0.0           | 0.0         | 0.5     | -0.5   | 2.5
        none | 9          | -1.0       | 0.0           | -0.5        | 0.01    | -1.5   | -0.5
        uses | 9          | 1.0        | 0.0           | 0.5         | 0.01    | 0.5    | 1.5
        ta·  | 9          | 1.0        | 0.0           | 0.5         | 0.01    | 0.5    | 1.5
    """, kind="word", label="a")  # fmt: skip
    warehouse.connection.execute("update word_importance set kind = 'piece' where word = 'ta·'")
    warehouse.insert("minority_gap", "word | gap | n_harmed | q_value\nuses | 0.5 | 4 | 0.01\nboth | -0.5 | 0 | 0.01", kind="word", label="a")  # fmt: skip
    rows = built(warehouse)
    assert {word: (row["labels"], row["model"], row["hurts"], row["n_harmed"]) for word, row in rows.items()} == {
        "both": ("clearly", "clearly", False, 0),
        "data": ("clearly", "not shown", False, 0),
        "none": ("clearly not", "clearly not", False, 0),
        "uses": ("not shown", "clearly", True, 4),
    }


def built(warehouse):
    rows = warehouse.build("aggregate/quadrants", fdr=0.05, min_rate=0.05, min_score=0.1)
    return {row["word"]: row for row in rows}


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [
        (0.51, 0.99, "clearly"),
        (0.5, 0.99, "not shown"),
        # An interval of a fifth of the texts says nothing, a narrow one says that there is nothing.
        (0.4, 0.6, "not shown"),
        (0.48, 0.54, "clearly not"),
        (0.48, 0.56, "not shown"),
        (0.1, 0.3, "clearly not"),
    ],
)
def test_no_association_is_told_only_where_the_interval_holds_none(warehouse, low, high, state):
    warehouse.insert("label_association", f"word | rate_low | rate_high\nx | {low} | {high}", kind="word", label="a", n_examples=9, log_odds=0.0, label_share=0.5, q_value=0.5)  # fmt: skip
    for table in ("word_importance", "minority_gap"):
        columns = "word | kind | label | n_examples | mean_score | typical_score | lower_bound | q_value | ci_low | ci_high | gap | n_harmed"
        values = "y | word | a | 9 | 0.0 | 0.0 | 0.0 | 1.0 | -0.2 | 0.05 | 0.0 | 0"
        warehouse.insert(table, f"{columns}\n{values}")
    rows = built(warehouse)
    assert rows["x"]["labels"] == state
    # What has no figures is not shown, and a score of surely under 0.1 is not used.
    assert (rows["x"]["model"], rows["y"]["labels"], rows["y"]["model"]) == ("not shown", "not shown", "clearly not")
