"""What the labels say of a word beside what the model does with it."""


def test_the_quadrants_join_what_the_labels_say_what_is_used_and_what_hurts(warehouse):
    warehouse.insert("label_association", """
        word | n_examples | log_odds | z    | q_value
        both | 9          | 1.0      | 3.0  | 0.01
        data | 9          | 1.0      | 3.0  | 0.01
        none | 9          | -1.0     | -3.0 | 0.01
        uses | 9          | 0.1      | 0.3  | 0.9
    """, kind="word", label="a")  # fmt: skip
    warehouse.insert("word_importance", """
        word | n_examples | mean_score | typical_score | lower_bound | q_value
        both | 9          | 1.0        | 0.0           | 0.5         | 0.01
        data | 9          | 1.0        | 0.0           | 0.0         | 0.5
        none | 9          | -1.0       | 0.0           | -0.5        | 0.01
        uses | 9          | 1.0        | 0.0           | 0.5         | 0.01
        ta·  | 9          | 1.0        | 0.0           | 0.5         | 0.01
    """, kind="word", label="a")  # fmt: skip
    warehouse.connection.execute("update word_importance set kind = 'piece' where word = 'ta·'")
    warehouse.insert("minority_gap", "word | gap | n_harmed | q_value\nuses | 0.5 | 4 | 0.01\nboth | -0.5 | 0 | 0.01", kind="word", label="a")  # fmt: skip
    rows = {row["word"]: row for row in warehouse.build("aggregate/quadrants", fdr=0.05)}
    assert {word: (row["quadrant"], row["hurts"], row["n_harmed"]) for word, row in rows.items()} == {
        "both": ("used and correlated", False, 0), "data": ("correlated only", False, 0), "none": ("neither", False, 0),
        "uses": ("used only", True, 4),
    }  # fmt: skip
