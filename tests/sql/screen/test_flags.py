"""What is known of a word, and the candidates."""

import pytest

from tests.sql.helpers import judged, only

EXPECTATIONS = {
    "markup": "none", "mixed script": "none", "name": "none", "place": "none", "number": "none", "fragment": "none", "punctuation": "none",
    "symbol": "none", "date": "none", "money": "none", "single letter": "none", "link": "none", "handle": "none", "hashtag": "none",
    "boilerplate": "none", "emoji": "none", "identity term": "exempt", "function word": "meaning", "content word": "meaning", "affix": "exempt",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "expectation"), EXPECTATIONS.items())
def test_a_type_says_whether_its_words_should_decide(warehouse, kind, expectation):
    found = judged(warehouse, "word\nw", f"word | type | word_group:varchar\nw | {kind} | null")
    assert found["w"]["expectation"] == expectation


@pytest.mark.parametrize("kind", ["function word", "markup"])
@pytest.mark.parametrize("group", ["negation", "intensifier", "adversative"])
def test_negation_intensifiers_and_adversatives_are_exempt_whatever_their_type(warehouse, kind, group):
    found = judged(warehouse, "word\nw", f"word | type | word_group\nw | {kind} | {group}")
    assert found["w"]["expectation"] == "exempt"


@pytest.mark.parametrize(
    ("figures", "used"),
    [
        ("0.05 | 0.5 | 0.375", True),  # 0.125 above the typical word
        ("0.051 | 0.5 | 0.375", False),
        ("0.05 | 0.25 | 0.375", False),
        ("0.05 | 0.5 | 0.4375", False),
    ],
)
def test_a_word_is_used_within_the_thresholds(warehouse, figures, used):
    found = judged(warehouse, f"word | q_value | ci_low | typical_score\nx | {figures}", "word | type\nx | markup")
    assert found["x"]["used"] == used


def test_words_that_speak_against_the_label_and_pieces_of_one_word_are_left_out(warehouse):
    found = judged(
        warehouse,
        "word | kind | mean_score | source_words:varchar\nx | word | 1.0 | null\nbad | word | -1.0 | null\n·ar· | piece | 1.0 | sonar, tiara\nclic· | piece | 1.0 | cliche",
        "word | kind | type | rule\nx | word | content word | content.other\nbad | word | content word | content.other\n"
        "·ar· | piece | fragment | fragment.piece\nclic· | piece | fragment | fragment.one_word",
    )
    assert set(found) == {"x", "·ar·"}
    assert found["·ar·"]["type_evidence"] == {
        "rule": "fragment.piece",
        "figures": [("n_occurrences", 9.0)],
        "words": [("word_group", None)],
    }
    assert found["·ar·"]["source_words"] == "sonar, tiara"


def test_the_figures_of_a_word_are_those_of_its_label_and_a_piece_has_none(warehouse):
    found = judged(
        warehouse,
        "word | kind | source_words:varchar\nx | word | null\n·ar· | piece | sonar",
        "word | kind\nx | word\n·ar· | piece",
        association="word | label | label_rate | label_share | rate_low | z\n"
        "x | b | 0.1 | 0.5 | 0.0 | -3.0\nx | a | 0.9 | 0.5 | 0.8 | 3.0\n·ar· | a | 0.9 | 0.5 | 0.8 | 3.0",
        gaps="word | label | n_minority | n_pulled | gap | gap_low\n"
        "x | b | 9 | 9 | 0.9 | 0.5\nx | a | 4 | 1 | 0.1 | -0.2\n·ar· | a | 4 | 1 | 0.1 | -0.2",
    )
    columns = ("label_rate", "label_z", "n_minority", "minority_gap")
    assert only([found["x"], found["·ar·"]], *columns) == [(0.9, 3.0, 4, 0.1), (None, None, None, None)]


def test_a_word_of_either_direction_is_a_candidate_if_its_scores_are_as_large_as_those_of_used_words(warehouse):
    found = judged(
        warehouse,
        "word | mean_score | impact | q_value | rms | document_frequency\nheavy | 1.0 | 1.0 | 0.01 | 1.0 | 0.5\nlight | 1.0 | 0.5 | 0.01 | 3.0 | 0.5\n"
        "turncoat | 0.1 | 0.01 | 0.9 | 2.0 | 0.5\nrare | 0.1 | 0.01 | 0.9 | 2.5 | 0.1\nquiet | 0.1 | 0.01 | 0.9 | 1.9 | 0.5",
        "word\nheavy\nlight\nturncoat\nrare\nquiet",
    )
    # The median rms of the used words is 2.
    assert {word: row["either_way"] for word, row in found.items()} == {
        "heavy": False, "light": False, "turncoat": True, "rare": True, "quiet": False,
    }  # fmt: skip
    rows = warehouse.build("screen/candidates", max_candidates=9)
    # The quiet one gets the room that is left.
    assert only(rows, "rank", "word", "n_used", "is_used") == [
        (1, "heavy", 4, True),
        (2, "turncoat", 4, True),
        (3, "light", 4, True),
        (4, "rare", 4, True),
        (5, "quiet", 4, False),
    ]


def test_the_weightiest_and_the_most_suspect_words_take_turns_as_candidates_and_the_rest_is_counted(warehouse):
    judged(
        warehouse,
        "word | impact | q_value | rms | document_frequency\nheavy | 2.0 | 0.01 | 1 | 0.5\nplain | 1.0 | 0.01 | 1 | 0.5\nname | 0.1 | 0.01 | 1 | 0.5\n"
        "number | 0.2 | 0.01 | 1 | 0.5\nidle | 9.0 | 0.5 | 0.9 | 0.5\nunused | 9.0 | 0.5 | 0.1 | 0.5",
        "word | type\nheavy | content word\nplain | content word\nname | name\nnumber | number\nidle | content word\nunused | name",
    )
    # By impact: heavy, plain, number, name. Those that should not decide first: number, name, heavy, plain. Of those that are not used, names have a turn; a content word waits until there is room.
    rows = warehouse.build("screen/candidates", max_candidates=4)
    assert only(rows, "rank", "word", "n_used") == [
        (1, "number", 4), (2, "heavy", 4), (3, "unused", 4), (4, "name", 4),
    ]  # fmt: skip
    rows = warehouse.build("screen/candidates", max_candidates=9)
    assert only(rows, "word", "is_used")[4:] == [("plain", True), ("idle", False)]


def test_only_types_that_should_not_decide_take_turns_without_being_used(warehouse):
    kinds = {"comma": "punctuation", "heart": "symbol", "of": "function word", "plain": "content word"}
    judged(
        warehouse,
        "word | q_value | impact | rms | document_frequency\nused | 0.01 | 1.0 | 9 | 0.1\n"
        + "\n".join(f"{word} | 0.9 | 9.0 | {i} | 0.5" for i, word in enumerate(kinds, start=1)),
        "word | type\nused | content word\n" + "\n".join(f"{word} | {kind}" for word, kind in kinds.items()),
    )
    # The used one, then of the types that should not decide the heart (2 * 0.5) before the comma (1 * 0.5); then the rest.
    rows = warehouse.build("screen/candidates", max_candidates=9)
    assert only(rows, "word", "expectation") == [
        ("used", "meaning"), ("heart", "none"), ("comma", "none"), ("plain", "meaning"), ("of", "meaning"),
    ]  # fmt: skip
