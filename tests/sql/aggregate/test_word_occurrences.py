"""Words and pieces where they stand, with the sums of their tokens."""

import unicodedata

import pytest

from tests.sql.helpers import only

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
        ("Ωμέγα", "ωμεγα"),
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
