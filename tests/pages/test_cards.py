"""Finding cards: one real text before and after the change, and what to do."""

from datetime import date

import pytest

from tasks.pages.cards import cards, changed_text
from tasks.pages.headlines import Headline, main_sentence

DAY = {
    "label": "film", "word": "day", "operator": "swap", "replacement": "year", "example_id": 7, "text": "Day by day, it rains.",
    "spans": [{"span_start": 0, "span_end": 3}, {"span_start": 7, "span_end": 10}], "read_share": None, "margin_before": 0.0,
    "margin_after": -1.3862943611, "predicted_before": "film", "predicted_after": "other", "n_removal": 8, "n_removal_flips": 5,
    "n_insertion": 3, "n_insertion_flips": 2,
}  # fmt: skip
ROW = {"kind": "word", "word": "day", "label": "film", "taught_by": None, "per_1000": 7.5}
TOTAL = {"n_findings": 2, "per_1000": -0.4}


def test_a_swapped_word_is_struck_out_beside_the_word_of_its_case_that_took_its_place():
    changed = changed_text(DAY)
    assert changed.parts == (
        ("same", ""), ("out", "Day"), ("in", "Year"), ("same", " by "), ("out", "day"), ("in", "year"), ("same", ", it rains."),
    )  # fmt: skip
    # Log-odds of 0 and of -ln 4.
    assert (changed.before, changed.after) == pytest.approx((0.5, 0.2))
    assert changed.counts == (
        "“day”: swapped for other words, it changes the prediction of 5 of 8 texts tried; put in, of 2 of 3 others."
    )


def test_a_word_that_was_taken_out_or_put_in_leaves_the_rest_of_the_text_as_it_is():
    out = changed_text(DAY | {"operator": "delete", "replacement": None})
    assert [text for mark, text in out.parts if mark == "same"] == ["", " by ", ", it rains."]
    assert out.how == "without “day”"
    put = changed_text(DAY | {"operator": "insert", "replacement": "Zoo", "spans": None, "read_share": 1.0})
    assert [text for mark, text in put.parts if mark == "in"] == ["Zoo"]
    assert " ".join("".join(text for mark, text in put.parts if mark == "same").split()) == DAY["text"]


def test_a_pattern_and_a_type_of_words_are_struck_out_and_said_to_have_other_words_in_their_place():
    group = DAY | {
        "replacement": None,
        "n_insertion": 0,
        "text": "Al and Bo",
        "spans": [{"span_start": 0, "span_end": 2}, {"span_start": 7, "span_end": 9}],
    }
    pattern = group | {"kind": "pattern", "operator": "pattern", "word": "Aa", "n_insertion": 4, "n_insertion_flips": 1}
    name = group | {"kind": "type", "operator": "type", "word": "name"}
    rows = [
        {"pattern": "Aa", "label": "film", "place": "start", "per_1000": 2.0},
        {"type": "name", "label": "film", "per_1000": 2.0},
    ]
    made = cards([Headline("", "", "x", (row,)) for row in rows], [pattern, name, DAY], date(2026, 11, 30))
    assert [card.changed.parts for card in made] == [
        (("same", ""), ("out", "Al"), ("same", " and "), ("out", "Bo"), ("same", ""))
    ] * 2
    assert (made[0].changed.first, made[0].changed.how) == ("in the text", "with as many neutral words in its place")
    assert (
        made[0].changed.counts
        == "“Aa”: in the place of neutral words, it changes the prediction of 5 of 8 texts tried; put in, of 1 of 4 others."
    )
    assert (made[1].changed.first, made[1].changed.how) == (
        "without as many other words",
        "without what is marked, of the type “name”",
    )


def test_a_long_text_is_cut_around_the_change():
    text = f"{'a ' * 500}day{' b' * 500}"
    first, _, _, last = changed_text(DAY | {"text": text, "spans": [{"span_start": 1000, "span_end": 1003}]}).parts
    assert (first[1][:2], last[1][-2:]) == ("… ", " …")
    assert len(first[1]) == len(last[1]) == 112


def test_a_finding_on_which_no_prediction_hangs_is_no_card_and_is_told_in_a_line():
    none = {
        "kind": "word",
        "word": "kid",
        "label": "film",
        "effect": 1.216,
        "effect_low": 0.87,
        "effect_high": 1.57,
        "per_1000": 0.04,
    }
    light = Headline("Single words", "", "x", (none, none | {"word": "days", "per_1000": 0.0}))
    unmeasured = Headline("unmeasured", "", "x", (none | {"per_1000": None},))
    summed = Headline("summed", "", "x", (none, none | {"per_1000": 0.02}))
    assert [headline.is_light for headline in (light, unmeasured, summed, Headline("no finding", "", "x"))] == [
        True,
        False,
        False,
        False,
    ]
    assert light.brief == "“kid” and “days” (+1.22 log-odds (95\u202f% interval +0.87 to +1.57))"
    assert [card.headline.title for card in cards([light, unmeasured, summed], [], date(2026, 11, 30))] == [
        "unmeasured",
        "summed",
    ]


def test_there_are_three_cards_at_most_and_each_says_what_to_do():
    taught = ROW | {"word": "may", "taught_by": "surnames"}
    found = [
        Headline("no finding", "", "x"),
        *(
            Headline(str(i), "", "x", (row,))
            for i, row in enumerate(
                (taught, ROW, {"pattern": "a", "label": "film", "place": "start", "per_1000": 1.0}, ROW)
            )
        ),
    ]
    made = cards(found, [DAY], date(2026, 11, 30))
    assert [card.headline.title for card in made] == ["0", "1", "2"]
    assert "surnames" in made[0].advice
    assert made[0].code == "token-audit fix CONFIG"
    assert made[1].code.splitlines()[0] == '- word: "day"'
    assert made[1].code.endswith("expires: 2027-11-30")
    assert [card.changed is not None for card in made] == [False, True, False]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("Act", "“day” decides"),
        ("Minor, could be more", "“day” decides"),
        ("No shortcut found", "No shortcut that counts: 2 weak findings change 0.0 of 1,000 predictions"),
        ("Too little data", "Too little data to say which words decide"),
    ],
)
def test_the_first_sentence_says_no_more_than_the_state(state, sentence):
    assert main_sentence([Headline("“day” decides", "", "x", (ROW,))], state, TOTAL) == sentence
