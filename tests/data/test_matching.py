"""What labelling rules match, and the label that they give."""

import pytest

from configs.errors import DataError
from tasks.data.matching import Matcher, labels_of
from tasks.data.rules import Rule, Rules, Term, parse_rules


def found(entry, text):
    rules = parse_rules(f"[{{label: a, {entry}}}]", "x")
    return [text[match.start : match.end] for match in Matcher(rules).matches(text)]


@pytest.mark.parametrize(
    ("entry", "text", "matched"),
    [
        ("keywords: day", "Day one, a DAY; today daylight day2", ["Day", "DAY"]),
        ("keywords: day", "#day @day day's Day’s", ["day", "day", "day", "Day"]),
        ("keywords: don", "don't Don", ["Don"]),
        ("keywords: t", "don't t", ["t"]),
        ("keywords: {term: Day, case: true}", "Day day DAY", ["Day"]),
        ("keywords: '#film'", "a #Film #filming", ["#Film"]),
        ("keywords: été", "ÉTÉ étés", ["ÉTÉ"]),
        ("keywords: a.b", "a.b axb", ["a.b"]),
        ("phrases: box office", "Box \n office, boxoffice, box offices", ["Box \n office"]),
        ("keywords: [rose, garden], phrases: rose garden", "rose garden", ["rose", "garden", "rose garden"]),
        ("regex: '(19|20)[0-9]{2} Remake'", "the 1999 remake", ["1999 remake"]),
        ("keywords: hope, unless: [i hope]", "I  hope so, Bob Hope", []),
        ("keywords: hope, unless: [i hope]", "Bob Hope", ["Hope"]),
        ("keywords: [{term: hope, unless: so}, so]", "I hope so", ["so"]),
    ],
)
def test_a_term_is_found_as_a_whole(entry, text, matched):
    assert found(entry, text) == matched


def rule(name, label, words, weight=1.0):
    return Rule(name, label, tuple(Term("keyword", word) for word in words.split()), (), weight)


VOTING = (rule("one", "a", "p q"), rule("two", "b", "r"), rule("three", "b", "s"), rule("four", "c", "t", 3.0))


@pytest.mark.parametrize(
    ("text", "label"),
    [("p", "a"), ("p q r", "a"), ("r p", "a"), ("p r s", "b"), ("p r s t", "c"), ("r t", "c"), ("none", "z")],
)
def test_a_text_has_the_label_with_the_most_votes_and_a_rule_votes_once(text, label):
    assert labels_of(Rules(VOTING, "z"), [text]) == [label]


def test_without_otherwise_a_text_that_no_rule_matches_has_no_label():
    assert labels_of(Rules(VOTING), ["none", "p"]) == [None, "a"]


def test_a_pattern_that_backtracks_on_a_text_is_a_sentence():
    # As the reader would not have let through.
    rules = Rules((Rule("slow", "a", (Term("regex", "(b|bb)+!"),)),))
    with pytest.raises(DataError, match="backtracks without bound: it takes more than 1 s on a text of 63 characters"):
        labels_of(rules, ["b" * 61 + " !"])
