"""Which words a retraining should take their influence from."""

VERDICTS = """
    kind    | label | word  | type         | status   | per_1000:double
    word    | a     | day   | content word | spurious | 9
    word    | a     | hope  | name         | part     | 5
    word    | b     | lol   | name         | genuine  | 7
    word    | b     | alone | money        | spurious | 1
    pattern | a     | [x]   | shape        | spurious | 3
"""


def test_names_have_other_names_in_their_place_and_content_words_have_none(warehouse):
    warehouse.insert("verdicts", VERDICTS)
    warehouse.insert(
        "type_rules",
        """
        type         | expectation
        name         | none
        money        | none
        content word | meaning
        shape        | none
    """,
    )
    warehouse.insert(
        "stand_ins",
        """
        kind  | word  | type         | inserted
        word  | smith | name         | smith
        word  | jones | name         | Jones
        word  | hope  | name         | hope
        piece | sm·   | name         | smash
        word  | week  | content word | week
        word  | $     | money        | $
    """,
    )
    rows = warehouse.rows("propose/spurious", max_stand_ins=5, min_stand_ins=2)
    assert [(row["word"], row["label"], sorted(row["stand_ins"])) for row in rows] == [
        ("day", "a", []), ("hope", "a", ["Jones", "smith"]), ("alone", "b", []),
    ]  # fmt: skip
    (row,) = [
        row for row in warehouse.rows("propose/spurious", max_stand_ins=1, min_stand_ins=2) if row["word"] == "hope"
    ]
    assert len(row["stand_ins"]) == 1


def test_a_placebo_takes_words_of_the_same_types_that_are_no_finding(warehouse):
    warehouse.insert("verdicts", VERDICTS)
    warehouse.insert(
        "word_types",
        """
        kind | word  | type
        word | hope  | name
        word | smith | name
        word | jones | name
        word | lol   | handle
        word | week  | content word
    """,
    )
    warehouse.insert(
        "word_importance",
        """
        kind | word  | label
        word | hope  | a
        word | smith | a
        word | smith | b
        word | lol   | a
        word | week  | b
    """,
    )
    assert warehouse.rows("propose/unused") == [
        {"type": "content word", "word": "week"}, {"type": "name", "word": "smith"},
    ]  # fmt: skip
