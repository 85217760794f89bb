"""Which keywords are proposed, in which order, and the rules with them."""

import pytest

from configs.errors import AuditError
from tasks.data.rules import Rule, Rules, Term, parse_rules, write_rules
from tasks.remedies.keywords import applied, proposals

RULES = Rules(
    (
        Rule("topic", "film", (Term("keyword", "film"),)),
        Rule("names", "film", (Term("keyword", "day"), Term("keyword", "rose"))),
    ),
    "other",
)
FIGURES = {
    "effect": 1.0,
    "q_value": 0.01,
    "per_1000": 2.0,
    "n_name": 9,
    "n_name_also": 9,
    "n_word": 9,
    "n_word_also": 0,
    "n_phrase": None,
    "n_phrase_also": None,
    "n_else": None,
    "n_else_also": None,
}


def drop(term, *, is_name=False, phrase=None):
    return {"phrase": phrase, "rule": "names", "term": term, "label": "film", "word": term, "n_labelled": 9, "n_decided": 8, "is_name": is_name, **FIGURES}  # fmt: skip


def candidate(word, texts, new, low=0.7, meaning=None):
    return {
        "label": "film", "word": word, "effect": 0.5, "n_examples": 20, "n_read_so": 18, "read_rate": 0.9, "read_low": low,
        "read_share": 0.2, "meaning": meaning, "text_ids": list(texts), "new_ids": list(new),
    }  # fmt: skip


def chosen(rows):
    return [(row["action"], row["term"], row["n_texts"]) for row in rows]


def test_keywords_are_added_by_the_texts_that_no_rule_and_no_keyword_before_them_labels():
    """plot has 30 new texts, cast 20 of which 15 are those of plot, actors 8 of its own."""
    words = [candidate("cast", range(40), range(15, 35)), candidate("plot", range(50), range(30)), candidate("actors", range(60, 70), range(60, 68))]  # fmt: skip
    assert chosen(proposals([], words, 5, 9)) == [("add", "plot", 30), ("add", "actors", 8), ("add", "cast", 5)]
    assert chosen(proposals([], words, 6, 9)) == [("add", "plot", 30), ("add", "actors", 8)]
    assert chosen(proposals([], words, 5, 1)) == [("add", "plot", 30)]


def test_a_word_that_labels_rightly_more_often_goes_before_one_in_more_texts():
    # 30 * (0.3 - 0.2) = 3 and 10 * (0.7 - 0.2) = 5
    words = [candidate("wide", range(30), range(30), 0.3), candidate("sure", range(50, 60), range(50, 60))]
    assert [row["term"] for row in proposals([], words, 5, 9)] == ["sure", "wide"]


@pytest.mark.parametrize(("new", "added"), [(6, True), (5, False)])
def test_a_word_whose_texts_have_the_label_already_is_not_added(new, added):
    """Of 100 texts 95 or more have it: 1 - 5 / 100 = .95."""
    assert bool(proposals([], [candidate("cast", range(100), range(new))], 5, 9)) == added


def test_a_taught_word_is_dropped_or_kept_as_a_name():
    rows = proposals([drop("day"), drop("rose", is_name=True)], [], 5, 9)
    assert chosen(rows) == [("drop", "day", 8), ("narrow", "rose", 8)]
    assert rows[0]["figures"]["n_labelled"] == 9


def test_a_taught_word_is_kept_in_a_phrase_but_first_as_a_name():
    rows = proposals([drop("day", phrase="doris day"), drop("rose", is_name=True, phrase="rose red")], [], 5, 9)
    assert chosen(rows) == [("narrow", "day", 8), ("narrow", "rose", 8)]
    changed = applied(RULES, rows)
    assert changed.rules[1].terms == (Term("keyword", "Rose", case=True), Term("phrase", "doris day"))
    assert parse_rules(write_rules(changed), "x") == changed


def test_the_rules_with_all_proposals_are_read_back_equal():
    found = proposals([drop("day"), drop("rose", is_name=True)], [candidate("plot", range(50), range(30))], 5, 9)
    changed = applied(RULES, found)
    assert changed == Rules(
        (
            RULES.rules[0],
            Rule("names", "film", (Term("keyword", "Rose", case=True),)),
            Rule("added for film", "film", (Term("keyword", "plot"),)),
        ),
        "other",
    )
    assert parse_rules(write_rules(changed), "x") == changed


def test_a_rule_without_keywords_goes_and_no_rules_at_all_are_a_sentence():
    names = Rules(RULES.rules[1:], "other")
    with pytest.raises(AuditError, match="no labelling rule is left"):
        applied(names, proposals([drop("day"), drop("rose")], [], 5, 9))
    assert [rule.name for rule in applied(RULES, proposals([drop("day"), drop("rose")], [], 5, 9)).rules] == ["topic"]


def test_a_word_that_the_encoder_knows_counts_whatever_the_model_reads():
    # 20 * (0.4 - 0.2) = 4, 30 * 0.2 = 6
    words = [candidate("read", range(20), range(20), 0.4), candidate("known", range(30, 60), range(30, 60), 0.1, 2.5)]
    rows = proposals([], words, 5, 9)
    assert [(row["term"], row["figures"]["meaning"]) for row in rows] == [("known", 2.5), ("read", None)]
