"""What leads to the type of a word, each table by itself."""

import pytest

from tests.sql.helpers import by, only
from tests.sql.screen.texts import LISTS

TEXTS = """
    example_id | word_start | word_end | word  | surface | starts_sentence
    1          | 0          | 2        | we    | We      | true
    1          | 3          | 7        | zork  | Zork    | false
    1          | 8          | 11       | saw   | saw     | false
    1          | 12         | 16       | zork  | zork    | false
    2          | 0          | 3        | not   | NOT     | true
    2          | 4          | 8        | zork  | ZORK    | false
    3          | 0          | 4        | zork  | zork    | true
    4          | 0          | 3        | oil   | Oil     | true
    4          | 4          | 10       | prices| Prices  | false
    4          | 11         | 15       | fell  | Fell    | false
    4          | 16         | 18       | to    | to      | false
    4          | 19         | 23       | zork  | Zork    | false
"""
"""Text 1 says something by its capitals; the others are shouted, without any capital, and a headline."""


def test_casing_counts_only_texts_whose_capitals_say_something(warehouse):
    warehouse.insert("word_occurrences", TEXTS)
    assert warehouse.build("screen/telling_texts") == [{"example_id": 1}]
    found = by(warehouse.build("screen/casing"), "word")
    assert only([found["zork"], found["saw"], found["we"]], "n_occurrences", "n_inside", "n_capitalised") == [
        (5, 2, 1),
        (1, 1, 0),
        (1, 0, 0),
    ]


def test_of_several_kinds_of_boilerplate_a_word_has_the_one_it_stands_in_most(warehouse):
    texts = [f"From: a{i}\\n> old text\\nold sign" for i in range(5)]
    rows = "\n".join(f'{i} | "{text}"' for i, text in enumerate(texts))
    warehouse.insert("examples", f"example_id | text\n{rows}")
    # From: a0, 8 characters with the end of the line; > old text, 11; old sign.
    places = [("from", 0, 4), ("a", 6, 8), (">", 9, 10), ("old", 11, 14), ("text", 15, 19), ("old", 20, 23)]
    rows = "\n".join(f"{i} | {word} | {start} | {end}" for i in range(5) for word, start, end in places)
    warehouse.insert("word_occurrences", f"example_id | word | word_start | word_end\n{rows}")
    assert only(warehouse.build("screen/boilerplate"), "word", "boilerplate_rule", "n_in_boilerplate") == [
        (">", "markup.quote", 5),
        ("from", "markup.header", 5),
        # > old text is a line that all texts share as well.
        ("old", "markup.repeated_line", 10),
        ("text", "markup.repeated_line", 5),
    ]


def test_what_stands_beside_a_word_is_counted(warehouse):
    warehouse.insert(
        "word_occurrences",
        """
        example_id | word_start | word_end | word    | surface
        1          | 0          | 4        | john    | John
        1          | 5          | 11       | vexley  | Vexley
        1          | 12         | 14       | in      | in
        1          | 15         | 18       | new     | New
        1          | 19         | 23       | york    | York
        2          | 0          | 3        | don     | don
        2          | 4          | 5        | '       | '
        2          | 6          | 7        | t       | t
        2          | 8          | 11       | new     | new
        2          | 12         | 16       | york    | york
        """,
        starts_sentence=False,
    )
    warehouse.insert("telling_texts", "example_id\n1\n2")
    pairs = warehouse.build("screen/place_pairs", places=LISTS["places"])
    assert only(pairs, "place", "first_word", "second_word", "n_possible", "capitalised_share") == [
        ("new york", "new", "york", 1, 0.5)
    ]
    warehouse.build("screen/casing")
    warehouse.insert("listed_words", "word | word_group\nin | preposition")
    rows = warehouse.build("screen/adjacent_words", first_names=["john"])
    figures = {word: figures for word, *figures in only(rows, "word", *list(rows[0])[1:])}
    nothing = [0, 0, 0, 0, 0]
    assert figures == {
        **dict.fromkeys(("'", "in"), nothing),
        # after a first name, before a capital, after in or from, in New York, in don ' t
        "john": [0, 1, 0, 0, 0],
        "vexley": [1, 0, 0, 0, 0],
        "new": [0, 0, 1, 1, 0],
        "york": [0, 0, 0, 1, 0],
        "don": [0, 0, 0, 0, 1],
        "t": [0, 0, 0, 0, 1],
    }


@pytest.mark.parametrize(
    ("share", "rule"), [("null", "place.bigram_list"), (0.8, "place.bigram_list"), (0.7, "name.bigram")]
)
def test_a_pair_is_a_place_of_the_list_unless_it_is_mostly_written_small(warehouse, share, rule):
    warehouse.build("screen/type_rules", word_types=LISTS["word_types"], identity_terms=False)
    warehouse.build("screen/rule_types", rule_types=LISTS["rule_types"])
    warehouse.insert("word_rules", "word | type | word_group:varchar\nnew | name | null\nyork | name | null")
    warehouse.insert("word_importance", "word\nnew york", kind="bigram")
    warehouse.insert("place_pairs", f"place | capitalised_share:double\nnew york | {share}")
    assert only(warehouse.build("screen/bigram_types", min_capitalised=0.8), "word", "rule") == [("new york", rule)]
