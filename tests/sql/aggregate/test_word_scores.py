"""Scores of words, pieces and pairs of words by example."""

import math

import pyarrow as pa
import pytest

from tests.sql.helpers import only

NO_BIGRAMS = "example_id:bigint | word:varchar | n_pieces:bigint | score:double | gradient_x_input:double | gradient_norm:double | contrast:double"


def word_scores(warehouse, text, pieces=None, bigrams=NO_BIGRAMS):
    warehouse.insert("bigram_occurrences", bigrams)
    warehouse.insert("piece_occurrences", """
        example_id | piece | score | gradient_x_input | gradient_norm | contrast:double
        1          | ta·   | 5.0   | 1.0              | 2.0           | null
    """ if pieces is None else pieces)  # fmt: skip
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
        # of 2 + 5, the word in one piece and the pieces of the others
        ("piece", "ta·", 1, 1, 5 / 7, 5.0, 1.0, 2.0, None),
        ("word", "bad", 2, 3, 0.25, 1.5, 3.0, 5.0, -0.25),
        ("word", "tale", 1, 2, 0.75, -4.5, 1.0, 1.0, 2.0),
    ]


def test_the_share_of_a_piece_or_a_pair_is_of_a_whole_that_holds_it(warehouse):
    """The pieces of a single long word pull in opposite directions: 100 times its score, and an audit that stopped."""
    rows = word_scores(
        warehouse,
        """
        example_id | word    | n_pieces | score | gradient_x_input | gradient_norm | contrast
        1          | hunston | 2        | 0.25  | 0.0              | 1.0           | 0.0
        2          | new     | 1        | 2.0   | 0.0              | 1.0           | 0.0
        2          | york    | 1        | 3.0   | 0.0              | 1.0           | 0.0
        2          | york    | 1        | -3.0  | 0.0              | 1.0           | 0.0
        """,
        """
        example_id | piece   | score  | gradient_x_input | gradient_norm | contrast
        1          | hun·    | 15.25  | 0.0              | 1.0           | 0.0
        1          | ·ston   | -15.0  | 0.0              | 1.0           | 0.0
        """,
        """
        example_id | word     | n_pieces | score | gradient_x_input | gradient_norm | contrast
        2          | new york | 2        | 5.0   | 0.0              | 1.0           | 0.0
        """,
    )
    assert only(rows, "kind", "example_id", "word", "share") == [
        ("bigram", 2, "new york", 5 / 8),
        ("piece", 1, "hun·", 15.25 / 30.25), ("piece", 1, "·ston", 15 / 30.25),
        ("word", 1, "hunston", 1.0), ("word", 2, "new", 1.0), ("word", 2, "york", 0.0),
    ]  # fmt: skip


def test_an_example_whose_scores_are_all_zero_has_no_shares(warehouse):
    rows = word_scores(warehouse, """
        example_id | word | n_pieces | score | gradient_x_input | gradient_norm | contrast
        1          | bad  | 1        | 0.0   | 1.0              | 3.0           | 0.0
        1          | tale | 1        | 0.0   | 1.0              | 1.0           | 0.0
    """)  # fmt: skip
    # the piece has all of what there is
    assert only(rows, "kind", "share") == [("piece", 1.0), ("word", None), ("word", None)]


def test_words_that_stand_together_are_a_pair_and_no_pair_crosses_a_mark_or_a_line(warehouse):
    texts = ["new york is big", "i like new york", "is new, york", "new\nyork like", "big is it", "like it"]
    lines, examples = [], []
    for i, text in enumerate(texts):
        start = 0
        examples.append({"example_id": i, "text": text, "converged": True})
        for word in text.replace(",", " ,").replace("\n", " \n ").split(" "):
            if word == "\n":
                continue
            start = text.index(word, start)
            lines.append({
                "example_id": i, "word_start": start, "word_end": start + len(word), "word": word, "n_pieces": 2, "score": float(len(lines)),
                "gradient_x_input": 1.0, "gradient_norm": 3.0 if word == "new" else 4.0, "contrast": 0.5,
                "starts_sentence": start == 0 or text[start - 1] == "\n",
            })  # fmt: skip
            start += len(word)
    for name, rows in (("examples", examples), ("word_occurrences", lines)):
        warehouse.connection.register("incoming", pa.Table.from_pylist(rows))
        warehouse.connection.execute(f"create table {name} as from incoming")
        warehouse.connection.unregister("incoming")
    rows = warehouse.build("aggregate/bigram_occurrences", min_examples=2, min_pmi=0.2)
    # new and york are in 4 of 6 texts each, together in 2: ln(2 * 6 / (4 * 4)) < 0.2; no pair of the others is there twice
    assert rows == []
    rows = warehouse.build("aggregate/bigram_occurrences", min_examples=2, min_pmi=-1)
    assert [(row["example_id"], row["word_start"], row["word"], row["score"]) for row in rows] == [
        (0, 0, "new york", 0.0 + 1.0), (1, 7, "new york", 6.0 + 7.0),
    ]  # fmt: skip
    assert {(row["n_pieces"], row["gradient_norm"], row["contrast"], row["n_pair"]) for row in rows} == {
        (4, 5.0, 1.0, 2)
    }
    assert [row["pmi"] for row in rows] == pytest.approx([math.log(2 * 6 / 16)] * 2)
    warehouse.insert("piece_occurrences", "example_id:bigint | piece:varchar | score:double | gradient_x_input:double | gradient_norm:double | contrast:double")  # fmt: skip
    scores = warehouse.build("aggregate/word_scores")
    assert [row["word"] for row in scores if row["kind"] == "bigram"] == ["new york"] * 2
    assert warehouse.rows("checks/word_scores__shares_add_up_to_1") == []
