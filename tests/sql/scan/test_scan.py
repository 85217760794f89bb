"""What is split and what it decides, on hand-made rows."""

import pytest

from tests.sql.helpers import by, only
from warehouse import seed

FACTS = {"n_cut": 0, "converged": True, "target_label": "good"}


def insert_words(warehouse, occurrences, pieces):
    """Words as they stand in the texts, and the pieces of those that are cut."""
    warehouse.insert("occurrences", occurrences)
    warehouse.connection.execute(
        "create or replace table word_occurrences as select *, word as surface from occurrences"
    )
    warehouse.insert("piece_occurrences", pieces)


def test_fertility_and_unknown_tokens_by_script_and_character(warehouse):
    insert_words(warehouse, """
        example_id | word_start | word    | n_pieces
        1          | 0          | film    | 1
        1          | 5          | 東京    | 3
        2          | 0          | film    | 2
        2          | 5          | 1-2     | 1
        2          | 8          | !       | 1
        3          | 0          | 京     | 1
    """, "piece | example_id | position | source_word | score\nx | 9 | 1 | x | 1.0")  # fmt: skip
    tokens = warehouse.part("""
        example_id | token_id | token_start | token_end | word_start | word_end
        1          | 7        | 0           | 4         | 0          | 4
        1          | 100      | 5           | 6         | 5          | 7
        1          | 100      | 6           | 7         | 5          | 7
        2          | 101      | null        | null      | null       | null
        3          | 8        | 0           | 1         | 0          | 1
    """)
    params = {"token_parts": [tokens], "unknown_id": 100}
    rows = by(warehouse.build("scan/scripts", **params), "script")
    shown = {
        script: (row["n_words"], row["n_split"], row["n_tokens"], row["n_unknown"]) for script, row in rows.items()
    }
    assert shown == {"Latin": (2, 1, 3, 0), "Han": (2, 1, 4, 2), "digits": (1, 0, 1, 0), "marks": (1, 0, 1, 0)}
    assert (rows["Latin"]["fertility"], rows["Han"]["unknown_share"]) == (1.5, 0.5)
    characters = warehouse.build("scan/unknown_characters", **params)
    assert only(characters, "character", "script", "n_characters", "n_unknown", "words") == [
        ("京", "Han", 2, 1, ["東京"]), ("東", "Han", 1, 1, ["東京"]),
    ]  # fmt: skip
    warehouse.insert("examples", "example_id | n_cut\n1 | 4\n2 | 0", **{"converged": True})
    facts = warehouse.build("scan/token_facts")
    assert facts == [
        {"n_texts": 2, "n_words": 6, "n_tokens": 9, "n_split": 2, "n_over": 3, "n_unknown": 2, "n_truncated": 1, "n_cut": 4}
    ]  # fmt: skip
    # A tokenizer without an unknown token has none.
    assert {row["n_unknown"] for row in warehouse.build("scan/scripts", **{**params, "unknown_id": None})} == {0}
    assert warehouse.build("scan/unknown_characters", **{**params, "unknown_id": None}) == []


OCCURRENCES = """
    example_id | word_start | word       | n_pieces
    1          | 0          | benigni    | 2
    1          | 9          | benigni    | 2
    2          | 0          | benigni's  | 4
    2          | 9          | film       | 1
    3          | 0          | film       | 2
    3          | 9          | overlord   | 2
    4          | 0          | i'm        | 3
"""
PIECES = """
    example_id | position | source_word | piece   | score
    1          | 1        | benigni     | benign· | -1.0
    1          | 2        | benigni     | ·i      | 3.0
    1          | 4        | benigni     | benign· | 1.0
    1          | 5        | benigni     | ·i      | 1.0
    2          | 1        | benigni's   | benign· | 0.5
    2          | 2        | benigni's   | ·i·     | 0.5
    2          | 3        | benigni's   | ·'·     | 0.0
    2          | 4        | benigni's   | ·s      | 0.0
    3          | 1        | film        | fi·     | 1.0
    3          | 2        | film        | ·lm     | 1.0
    3          | 5        | overlord    | over·   | -2.0
    3          | 6        | overlord    | ·lord   | 2.0
    4          | 1        | i'm         | i·      | 0.0
    4          | 2        | i'm         | ·'·     | 0.0
    4          | 3        | i'm         | ·m      | 0.0
"""


def test_a_cut_word_has_its_pieces_what_they_do_and_the_stem_of_its_inflections(warehouse):
    insert_words(warehouse, OCCURRENCES, PIECES)
    rows = by(warehouse.build("scan/cut_words"), "word")
    # film is cut only once of twice.
    assert sorted(rows) == ["benigni", "benigni's", "i'm", "overlord"]
    own = rows["benigni"]
    assert (own["pieces"], own["n_examples"], own["n_occurrences"], own["tokens_over"]) == (["benign", "i"], 1, 2, 2)
    # |-1| + |3| and |1| + |1|: 4 and 2, of which 2 and 2 are left with their signs.
    assert own["importance"] == pytest.approx(3)
    assert own["weights"] == [1, 2]
    assert own["cancelled"] == pytest.approx(1 - 4 / 6)
    assert (rows["overlord"]["importance"], rows["overlord"]["cancelled"]) == (4, 1)
    assert rows["i'm"]["cancelled"] == 0
    stems = {word: row["stem"] for word, row in rows.items()}
    # The last piece of overlord is too long for an ending, and nothing of i'm is left.
    assert stems == {"benigni": "benign", "benigni's": "benign", "overlord": "overlord", "i'm": "i'm"}


def test_a_piece_that_only_marks_the_start_of_a_word_begins_it(warehouse):
    """SentencePiece writes the space before a rare word as a token of its own."""
    insert_words(warehouse, "example_id | word_start | word | n_pieces\n1 | 0 | zyx | 3\n1 | 4 | zyx | 3", """
        example_id | position | source_word | piece | score
        1          | 1        | zyx         | ·     | 1.0
        1          | 2        | zyx         | zy·   | 1.0
        1          | 3        | zyx         | ·x    | 1.0
        1          | 4        | zyx         | ·     | 1.0
        1          | 5        | zyx         | zy·   | 1.0
        1          | 6        | zyx         | ·x    | 1.0
    """)  # fmt: skip
    (row,) = warehouse.build("scan/cut_words")
    assert (row["pieces"], row["importance"], row["n_occurrences"]) == (["zy", "x"], 3, 2)


def test_split_words_are_ranked_by_tokens_and_what_their_pieces_do_names_beside_their_verdict(warehouse):
    insert_words(warehouse, OCCURRENCES + "    4 | 9 | xj900 | 3\n    4 | 20 | http://a.b | 5\n    4 | 40 | 2nd | 2\n", PIECES + """
    4 | 5  | xj900      | x·    | 1.0
    4 | 6  | xj900      | ·j·   | 1.0
    4 | 7  | xj900      | ·900  | 1.0
    4 | 9  | http://a.b | http· | 9.0
    4 | 10 | 2nd        | 2·    | 0.1
    4 | 11 | 2nd        | ·nd   | 0.1
    """)  # fmt: skip
    warehouse.build("scan/cut_words")
    warehouse.insert("examples", "example_id\n1\n2\n3\n4\n5", **FACTS)
    warehouse.insert("spellings", "word | surface\nbenigni | Benigni\nxj900 | XJ900")
    warehouse.insert("word_types", """
        word       | type         | expectation
        benigni    | name         | none
        benigni's  | name         | none
        overlord   | content word | meaning
        i'm        | function word | meaning
        xj900      | content word | meaning
        http://a.b | link         | none
        2nd        | number       | none
    """, kind="word")  # fmt: skip
    warehouse.insert(
        "word_importance", "word | label | mean_score\nbenigni | good | 2.0\nbenigni | bad | -2.0", kind="word"
    )
    warehouse.insert("verdicts", "word | status\nbenigni | genuine\nbenigni | spurious", kind="word")
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)
    rows = warehouse.build("scan/split_words")
    # 4 tokens at 9; 2 tokens at 3 twice; 1 token at 4; 3 tokens at 1; 1 token at 0.2.
    assert only(rows, "rank", "word", "value")[:4] == [
        (1, "http://a.b", 36), (2, "benigni", 6), (3, "xj900", 6), (4, "overlord", 4),
    ]  # fmt: skip
    found = by(rows, "word")
    assert {word: row["sort"] for word, row in found.items()} == {
        "benigni": "name", "benigni's": "name", "overlord": "term", "i'm": "function word", "xj900": "code",
        "http://a.b": "link", "2nd": "number",
    }  # fmt: skip
    assert {word for word, row in found.items() if not row["can_be_token"]} == {"http://a.b", "2nd"}
    own = found["benigni"]
    assert (own["spelling"], own["expectation"], own["status"], own["label"]) == ("Benigni", "none", "spurious", "good")
    assert (own["n_inflections"], own["document_frequency"]) == (2, pytest.approx(1 / 5))
    assert found["xj900"]["status"] is None
    groups = warehouse.build("scan/inflections")
    assert only(groups, "stem", "words", "tokens_over", "value") == [("benign", ["benigni", "benigni's"], 5, 9)]


def test_a_piece_is_opposed_where_it_pushes_away_from_the_label_of_its_word(warehouse):
    insert_words(warehouse, OCCURRENCES, PIECES)
    warehouse.build("scan/cut_words")
    warehouse.insert("word_importance", """
        kind  | word     | label | mean_score | ci_low | ci_high | n_words
        word  | benigni  | good  | 1.0        | 0.5    | 1.5     | 1
        word  | overlord | good  | 1.0        | 0.5    | 1.5     | 1
        piece | benign·  | good  | -0.5       | -0.9   | -0.1    | 3
        piece | ·i       | good  | -0.5       | -0.9   | 0.1     | 3
        piece | over·    | good  | -0.5       | -0.9   | -0.1    | 1
        piece | ·lord    | bad   | -0.5       | -0.9   | -0.1    | 3
    """, n_examples=9, typical_score=0.0)  # fmt: skip
    rows = warehouse.build("scan/opposed_pieces")
    # Of ·i the interval holds 0; over· stands in one word alone; ·lord is against another label.
    assert only(rows, "word", "piece", "label", "word_score", "piece_score", "n_words") == [
        ("benigni", "benign·", "good", 1.0, -0.5, 3)
    ]  # fmt: skip


def test_a_piece_is_ambiguous_where_it_stands_in_unrelated_words(warehouse):
    insert_words(
        warehouse,
        """
        example_id | word_start | word       | n_pieces
        1          | 0          | overlord   | 2
        2          | 0          | overjoyed  | 2
        3          | 0          | overdone   | 2
        4          | 0          | benigni    | 2
        4          | 9          | benignit   | 2
        """,
        """
        example_id | position | source_word | piece   | score
        1          | 1        | overlord    | over·   | 1.0
        1          | 2        | overlord    | ·lord   | 1.0
        2          | 1        | overjoyed   | over·   | 1.0
        2          | 2        | overjoyed   | ·joyed  | 1.0
        3          | 1        | overdone    | over·   | 1.0
        3          | 2        | overdone    | ·done   | 1.0
        4          | 1        | benigni     | benign· | 1.0
        4          | 2        | benigni     | ·i      | 1.0
        4          | 3        | benignit    | benign· | 1.0
        4          | 4        | benignit    | ·it     | 1.0
        """,
    )
    warehouse.build("scan/cut_words")
    # The second text was explained towards the other label: there over· pushes away from the last one.
    warehouse.insert("examples", "example_id | target_label\n1 | good\n2 | bad\n3 | good\n4 | good")
    (row,) = warehouse.build("scan/ambiguous_pieces", labels=["bad", "good"], mirrored=True)
    assert (row["piece"], row["n_stems"], row["n_examples"], row["words"]) == (
        "over·", 3, 3, ["overdone", "overjoyed", "overlord"],
    )  # fmt: skip
    assert (row["disagreement"], row["spread"]) == (pytest.approx(1 / 3), 1)
    # Towards each label by itself nothing disagrees.
    (row,) = warehouse.build("scan/ambiguous_pieces", labels=["bad", "good"], mirrored=False)
    assert row["disagreement"] == 0
