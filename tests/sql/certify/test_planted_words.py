"""What an audit made of planted words, and why it did not find them, by hand."""

import pytest

LIMITS = {"min_examples": 3, "min_effect": 0.1, "fdr": 0.05}
PLANTED = """
    role     | shortcut:varchar | strength:double | word                | label:varchar | decoy_type:varchar | listed:boolean | group_type:varchar
    shortcut | single_token     | 0.9             | aa                  | pos           | null               | null           | null
    shortcut | ordered_pair     | 1.0             | bb                  | null          | null               | null           | null
    shortcut | ordered_pair     | 1.0             | cc                  | null          | null               | null           | null
    shortcut | number_type      | 0.9             | 00/00               | pos           | null               | null           | number
    member   | number_type      | 0.9             | 41/52               | pos           | null               | null           | null
    member   | number_type      | 0.9             | 63/74               | pos           | null               | null           | null
    shortcut | boilerplate_line | 0.9             | dd ee               | neg           | null               | null           | boilerplate
    member   | boilerplate_line | 0.9             | dd                  | neg           | null               | null           | null
    member   | boilerplate_line | 0.9             | ee                  | neg           | null               | null           | null
    decoy    | null             | null            | velnor              | null          | fragment           | false          | null
    decoy    | null             | null            | velkam              | null          | fragment           | false          | null
    decoy    | null             | null            | houston             | null          | place              | true           | null
"""
VERDICTS = """
    kind  | label | word          | verdict | effect_low:double | p_value:double | q_value:double
    word  | pos   | aa            | {aa}    | {low}             | {p}            | {q}
    pair  | pos   | {pair}        | {bb}    | 0.5               | 0.001          | 0.01
    word  | neg   | bb            | unclear | 0.0               | 0.4            | 0.9
    type  | neg   | number        | spurious | 0.5              | 0.001          | 0.01
    type  | pos   | number        | {number} | 0.0              | 0.3            | 0.5
    word  | neg   | ee            | {ee}    | 0.3               | 0.001          | 0.01
    word  | neg   | dd            | genuine | 0.3               | 0.3            | 0.5
    piece | pos   | vel·          | {piece} | 0.3               | 0.001          | 0.01
    word  | pos   | velkam        | unclear | 0.0               | 0.4            | 0.9
"""
PLAIN = {
    "aa": "spurious", "low": 0.5, "p": 0.001, "q": 0.01, "pair": "cc … bb", "bb": "genuine", "number": "unclear",
    "ee": "unclear", "piece": "unclear",
}  # fmt: skip


@pytest.fixture
def judged(warehouse):
    """The rows by word, after an audit whose verdicts differ from `PLAIN` by what is given."""
    texts = {
        "aa": 9, "bb": 5, "cc": 5, "41/52": 3, "63/74": 2, "dd": 4, "ee": 4, "velnor": 3, "velkam": 5, "houston": 2, "film": 9,
    }  # fmt: skip
    warehouse.insert("word_occurrences", "example_id | word\n" + "\n".join(
        f"{i} | {word}" for word, count in texts.items() for i in range(count)
    ))  # fmt: skip
    warehouse.insert("word_importance", "kind | word\n" + "\n".join(
        f"word | {word}" for word, count in texts.items() if count >= LIMITS["min_examples"]
    ))  # fmt: skip
    warehouse.insert("word_types", """
        kind | word    | type
        word | aa      | content word
        word | 41/52   | number
        word | houston | place
    """)  # fmt: skip
    # Of the nine occurrences of vel· three are of velnor, five of velkam; of nor most are of a word of the corpus.
    warehouse.insert("piece_occurrences", "piece | source_word\n" + "\n".join(
        f"{piece} | {word}"
        for piece, word, count in [("vel·", "velnor", 3), ("vel·", "velkam", 5), ("vel·", "velvet", 1), ("·nor", "velnor", 3), ("·nor", "honor", 3)]
        for _ in range(count)
    ))  # fmt: skip
    warehouse.insert("evidence", """
        kind | label | word | removal_low:double | insertion_low:double
        word | pos   | aa   | 0.4                | 0.6
    """)  # fmt: skip
    # Of the texts with the shape two of three hold 41/52 (texts 0 to 2), of the longest one of three.
    warehouse.insert("pattern_spans", "pattern | example_id\n" + "\n".join(
        f"{pattern} | {i}"
        for pattern, texts in {"00/00 x": (1, 2, 7), "longest": (2, 7, 8), "dd ee": (2, 3, 3)}.items()
        for i in texts
    ))  # fmt: skip
    planted = warehouse.part(PLANTED)

    def rows(**changes):
        warehouse.insert("verdicts", VERDICTS.format_map(PLAIN | changes))
        found = warehouse.rows("certify/planted_words", planted_words=planted, **LIMITS)
        return {row["word"]: row for row in found}

    return rows


def test_texts_and_figures_are_those_of_the_word_or_of_its_group(judged):
    rows = judged()
    # 41/52 is in texts 0 to 2, 63/74 in 0 and 1; the group is in enough texts, the second member is not.
    assert {word: (row["n_examples"], row["has_figures"]) for word, row in rows.items()} == {
        "aa": (9, True), "bb": (5, True), "cc": (5, True), "00/00": (3, True), "41/52": (3, True), "63/74": (2, False),
        "dd ee": (4, True), "dd": (4, True), "ee": (4, True), "velnor": (3, True), "velkam": (5, True), "houston": (2, False),
    }  # fmt: skip
    assert {word: row["type"] for word, row in rows.items() if row["type"]} == {
        "aa": "content word", "00/00": "number", "41/52": "number", "dd ee": "boilerplate", "houston": "place",
    }  # fmt: skip
    assert (rows["houston"]["decoy_type"], rows["houston"]["listed"], rows["velnor"]["listed"]) == (
        "place",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({}, "spurious", None),
        ({"aa": "context-dependent"}, "context-dependent", "not consistent"),
        ({"aa": "genuine"}, "genuine", "explained"),
        ({"aa": "negligible"}, "negligible", "not shown"),
        ({"aa": "unclear", "low": 0.05}, "unclear", "not shown"),
        ({"aa": "unclear", "low": "null", "p": "null", "q": "null"}, "unclear", "explained"),
        ({"aa": "unclear", "p": 0.2, "q": 0.3}, "unclear", "explained"),
        ({"aa": "unclear", "p": 0.03, "q": 0.3}, "unclear", "does not pass the control of false discoveries"),
        # It passes, and still is not spurious: too few texts say in which direction it pushes.
        ({"aa": "unclear", "q": 0.04}, "unclear", "not consistent"),
    ],
)
def test_a_word_that_is_not_spurious_has_the_first_reason_that_fits(judged, changes, verdict, reason):
    row = judged(**changes)["aa"]
    assert (row["verdict"], row["reason"]) == (verdict, reason)


def test_an_arm_under_the_smallest_effect_is_not_shown(judged, warehouse):
    warehouse.insert("verdicts", VERDICTS.format_map(PLAIN | {"aa": "unclear"}))
    warehouse.insert("evidence", """
        kind | label | word | removal_low:double | insertion_low:double
        word | pos   | aa   | 0.4                | 0.1
    """)  # fmt: skip
    found = warehouse.rows("certify/planted_words", planted_words=warehouse.part(PLANTED), **LIMITS)
    assert next(row["reason"] for row in found if row["word"] == "aa") == "not shown"


def test_words_in_too_few_texts_and_words_that_were_no_candidates_are_told_apart(judged):
    rows = judged()
    assert {word: rows[word]["reason"] for word in ("houston", "63/74", "41/52")} == {
        "houston": "too few texts", "63/74": "too few texts", "41/52": "not tried",
    }  # fmt: skip


def test_a_pair_that_is_spurious_finds_both_of_its_words(judged):
    rows = judged(bb="spurious")
    assert [rows[word]["verdict"] for word in ("bb", "cc")] == ["spurious", "spurious"]
    rows = judged()
    # The graver of the word's own verdict and the pair's.
    assert [rows[word]["verdict"] for word in ("bb", "cc")] == ["unclear", "genuine"]
    assert judged(bb="spurious", pair="cc … film")["bb"]["verdict"] == "unclear"


def test_numbers_are_found_by_the_verdict_on_their_type_for_the_label_they_are_tied_to(judged):
    row = judged()["00/00"]
    # The type is spurious for the other label only.
    assert (row["verdict"], row["group_verdict"], row["reason"]) == ("unclear", "unclear", "not shown")
    assert (row["n_members"], row["n_members_spurious"]) == (1, 0)
    row = judged(number="spurious")["00/00"]
    assert (row["verdict"], row["group_verdict"], row["reason"]) == ("spurious", "spurious", None)


def test_numbers_are_found_if_half_of_the_frequent_ones_are_spurious(judged, warehouse):
    text = VERDICTS.format_map(PLAIN) + "    word | pos | 41/52 | spurious | 0.5 | 0.001 | 0.01\n"
    judged()
    warehouse.insert("verdicts", text)
    found = warehouse.rows("certify/planted_words", planted_words=warehouse.part(PLANTED), **LIMITS)
    row = next(row for row in found if row["word"] == "00/00")
    assert (row["n_members"], row["n_members_spurious"]) == (1, 1)
    assert (row["verdict"], row["group_verdict"], row["reason"]) == ("spurious", "unclear", None)


def test_a_line_is_found_by_any_of_its_words(judged):
    row = judged()["dd ee"]
    # `ee` is unclear, which is graver than genuine; its p-value passes, so what is missing is consistency.
    assert (row["verdict"], row["reason"], row["group_verdict"]) == ("unclear", "not consistent", None)
    assert (row["n_members"], row["n_members_spurious"]) == (2, 0)
    row = judged(ee="spurious")["dd ee"]
    assert (row["verdict"], row["reason"], row["n_members_spurious"]) == ("spurious", None, 1)


@pytest.mark.parametrize(("pattern", "label", "found"), [
    ("00/00 x", "pos", "00/00"), ("longest", "pos", None), ("dd ee", "neg", "dd ee"), ("dd ee", "pos", None),
])  # fmt: skip
def test_a_group_is_found_by_a_pattern_most_of_whose_texts_hold_it(judged, warehouse, pattern, label, found):
    judged()
    line = f"    pattern | {label} | {pattern} | spurious | 0.5 | 0.001 | 0.01\n"
    warehouse.insert("verdicts", VERDICTS.format_map(PLAIN) + line)
    rows = warehouse.rows("certify/planted_words", planted_words=warehouse.part(PLANTED), **LIMITS)
    assert [row["word"] for row in rows if row["group_type"] and row["verdict"] == "spurious"] == [found] * bool(found)


def test_a_piece_convicts_the_decoy_that_most_of_it_is_cut_from(judged):
    rows = judged(piece="spurious")
    assert {word: rows[word]["verdict"] for word in ("velnor", "velkam")} == {"velnor": None, "velkam": "spurious"}
    rows = judged()
    assert {word: rows[word]["verdict"] for word in ("velnor", "velkam")} == {"velnor": None, "velkam": "unclear"}
