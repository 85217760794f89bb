"""Spuriousness of words, its reasons, and the candidates."""

import pytest

from tests.sql.helpers import judged, only


def test_spuriousness_is_1_minus_the_product_of_1_minus_each_weight(warehouse):
    found = judged(
        warehouse,
        "word\nrome\nplain",
        "word  | type         | rule          | evidence\nrome  | name         | name.casing   | capitalised\nplain | content word | content.other | seen",
        association="word | label_rate | label_share | rate_low | z\nrome | 0.5 | 0.5 | 0.3 | 0.0\nplain | 0.8 | 0.5 | 0.6 | 3.0",
        gaps="word | n_minority | n_pulled | gap | gap_low\nrome | 4 | 3 | 0.25 | 0.01\nplain | 4 | 1 | 0.1 | -0.2",
    )
    assert found["rome"]["reasons"] == [
        {"reason": "name", "weight": 0.6, "detail": "capitalised"},
        {"reason": "labels do not support it", "weight": 0.2, "detail": "50 % of its examples are a, against 50 % of all"},
        {
            "reason": "pulls wrong examples over", "weight": 0.2,
            "detail": "3 of 4 examples with another label are called a, 25 points more than without the word",
        },
    ]  # fmt: skip
    # 1 - 0.4 * 0.8 * 0.8 = 0.744
    assert found["rome"]["spuriousness"] == pytest.approx(0.744)
    assert (found["rome"]["used"], found["rome"]["flagged"]) == (True, True)
    assert (found["plain"]["reasons"], found["plain"]["spuriousness"], found["plain"]["flagged"]) == (None, 0, False)


WEIGHTS = {
    "markup": 0.7, "mixed script": 0.6, "name": 0.6, "place": 0.6, "number": 0.6, "fragment": 0.6, "punctuation": 0.5, "function word": 0.35, "symbol": 0.3, "content word": 0, "affix": 0,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "weight"), WEIGHTS.items())
def test_a_type_alone_weighs_this_much(warehouse, kind, weight):
    found = judged(warehouse, "word\nw", f"word | type | word_group:varchar\nw | {kind} | null")
    assert found["w"]["spuriousness"] == pytest.approx(weight)
    assert found["w"]["flagged"] == (weight >= 0.5)


@pytest.mark.parametrize("group", ["negation", "intensifier", "contrast"])
def test_negation_intensifiers_and_contrast_are_never_suspect_by_type(warehouse, group):
    found = judged(warehouse, "word\nw", f"word | type | word_group\nw | function word | {group}")
    assert (found["w"]["reasons"], found["w"]["spuriousness"]) == (None, 0)


def test_label_hangs_on_it_from_a_rate_that_is_surely_nine_in_ten(warehouse):
    found = judged(
        warehouse,
        "word\nx\ny",
        "word\nx\ny",
        association="word | label_rate | label_share | rate_low | z\nx | 1.0 | 0.5 | 0.9 | 4.0\ny | 1.0 | 0.5 | 0.89 | 0.5",
    )
    # n_examples of the importance is 10, but the labels are those of all 20 examples with the word
    assert found["x"]["reasons"] == [
        {"reason": "label hangs on it", "weight": 0.3, "detail": "in 20 examples 100 % have the label"}
    ]
    assert found["y"]["reasons"] is None  # and z = 0.5 is support


def test_wrong_examples_are_pulled_over_only_if_there_are_three(warehouse):
    found = judged(
        warehouse,
        "word\nx\ny\nz",
        "word\nx\ny\nz",
        gaps="word | n_minority | n_pulled | gap | gap_low\nx | 3 | 3 | 0.5 | 0.1\ny | 2 | 2 | 0.5 | 0.1\nz | 9 | 9 | 0.5 | 0.0",
    )
    assert [row["reason"] for row in found["x"]["reasons"]] == ["pulls wrong examples over"]
    assert found["y"]["reasons"] is None
    assert found["z"]["reasons"] is None


def test_a_content_word_in_two_pieces_is_slightly_suspect(warehouse):
    found = judged(
        warehouse,
        "word | pieces_per_word\nx | 2.0\ny | 1.9\nrome | 3.0",
        "word | type\nx | content word\ny | content word\nrome | name",
    )
    assert found["x"]["reasons"] == [
        {"reason": "cut into pieces", "weight": 0.1, "detail": "2.0 pieces per occurrence"}
    ]
    assert found["y"]["reasons"] is None
    assert [row["reason"] for row in found["rome"]["reasons"]] == ["name"]


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
    assert (found["x"]["used"], found["x"]["flagged"]) == (used, used)


def test_words_that_speak_against_the_label_and_pieces_of_one_word_are_left_out(warehouse):
    found = judged(
        warehouse,
        "word | kind | mean_score | source_words:varchar\nx | word | 1.0 | null\nbad | word | -1.0 | null\n·ar· | piece | 1.0 | sonar, tiara\nclic· | piece | 1.0 | cliche",
        "word | kind | type | rule\nx | word | content word | content.other\nbad | word | content word | content.other\n"
        "·ar· | piece | fragment | fragment.piece\nclic· | piece | fragment | fragment.one_word",
    )
    assert set(found) == {"x", "·ar·"}
    assert found["·ar·"]["reasons"] == [{"reason": "fragment", "weight": 0.6, "detail": "seen (sonar, tiara)"}]


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
    columns = ("label_rate", "label_z", "n_minority", "minority_gap", "reasons")
    assert only([found["x"], found["·ar·"]], *columns) == [(0.9, 3.0, 4, 0.1, None), (None, None, None, None, None)]


def test_a_word_of_either_direction_is_a_candidate_if_its_scores_are_as_large_as_those_of_used_words(warehouse):
    found = judged(
        warehouse,
        "word | mean_score | impact | q_value | size | reach\nheavy | 1.0 | 1.0 | 0.01 | 1.0 | 0.5\nlight | 1.0 | 0.5 | 0.01 | 3.0 | 0.5\n"
        "turncoat | 0.1 | 0.01 | 0.9 | 2.0 | 0.5\nrare | 0.1 | 0.01 | 0.9 | 2.5 | 0.1\nquiet | 0.1 | 0.01 | 0.9 | 1.9 | 0.5",
        "word\nheavy\nlight\nturncoat\nrare\nquiet",
    )
    # The median size of the used words is 2.
    assert {word: row["either_way"] for word, row in found.items()} == {
        "heavy": False, "light": False, "turncoat": True, "rare": True, "quiet": False,
    }  # fmt: skip
    rows = warehouse.build("screen/candidates", max_candidates=9, min_spuriousness=0.5)
    # The quiet one gets the room that is left.
    assert only(rows, "place", "word", "n_used", "is_used") == [
        (1, "heavy", 4, True),
        (2, "turncoat", 4, True),
        (3, "light", 4, True),
        (4, "rare", 4, True),
        (5, "quiet", 4, False),
    ]


def test_without_a_reason_nothing_is_flagged_however_low_the_threshold(warehouse):
    assert judged(warehouse, "word\nx", "word\nx", min_spuriousness=0.0)["x"]["flagged"] is False
    assert warehouse.rows("checks/words__every_flag_has_a_reason") == []


def test_the_weightiest_and_the_most_suspect_words_take_turns_as_candidates_and_the_rest_is_counted(warehouse):
    judged(
        warehouse,
        "word | impact | q_value | size | reach\nheavy | 2.0 | 0.01 | 1 | 0.5\nplain | 1.0 | 0.01 | 1 | 0.5\nname | 0.1 | 0.01 | 1 | 0.5\n"
        "number | 0.2 | 0.01 | 1 | 0.5\nidle | 9.0 | 0.5 | 0.9 | 0.5\nunused | 9.0 | 0.5 | 0.1 | 0.5",
        "word | type\nheavy | content word\nplain | content word\nname | name\nnumber | number\nidle | content word\nunused | name",
    )
    # By impact: heavy, plain, number, name. By spuriousness, then impact: number and name (0.6), heavy and plain (0). Of
    # those that are not used, names have a turn; a content word waits until there is room.
    rows = warehouse.build("screen/candidates", max_candidates=4, min_spuriousness=0.5)
    assert only(rows, "place", "word", "n_used") == [
        (1, "number", 4), (2, "heavy", 4), (3, "unused", 4), (4, "name", 4),
    ]  # fmt: skip
    rows = warehouse.build("screen/candidates", max_candidates=9, min_spuriousness=0.5)
    assert only(rows, "word", "is_used")[4:] == [("plain", True), ("idle", False)]
