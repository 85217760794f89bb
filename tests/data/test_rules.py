"""Labelling rules: a file a person writes, read, changed and written; and what is wrong with one, in a sentence."""

import pytest

from configs.errors import ConfigError, DataError
from tasks.data.rules import (
    Rule,
    Rules,
    Term,
    narrowed,
    parse_rules,
    read_rules,
    require_known_labels,
    with_term,
    without_term,
    write_rules,
)

WRITTEN = """
otherwise: other
rules:
- label: film
  keywords: [film, movie, cinema, 'yes']
- name: surnames
  label: film
  keywords: [rock, {term: Day, case: true}, {term: hope, unless: [i hope, hopefully]}]
  phrases: [box office]
  unless: [rock band]
  weight: 2
- label: other
  regex: '[0-9]{2}:[0-9]{2}'
"""
SURNAMES = Rule(
    "surnames",
    "film",
    (
        Term("keyword", "rock"),
        Term("keyword", "Day", case=True),
        Term("keyword", "hope", unless=("i hope", "hopefully")),
        Term("phrase", "box office"),
    ),
    ("rock band",),
    2.0,
)
RULES = Rules(
    (
        Rule(
            "film, movie, cinema and 1 more",
            "film",
            tuple(Term("keyword", w) for w in ("film", "movie", "cinema", "yes")),
        ),
        SURNAMES,
        Rule("[0-9]{2}:[0-9]{2}", "other", (Term("regex", "[0-9]{2}:[0-9]{2}"),)),
    ),
    "other",
)


def test_rules_are_read_as_they_are_written_and_named_by_their_words():
    assert parse_rules(WRITTEN, "x") == RULES


def test_what_is_written_is_read_back_equal():
    assert parse_rules(write_rules(RULES), "x") == RULES
    odd = Rules((Rule("a: b", "1", (Term("keyword", "#no"), Term("keyword", "1999"), Term("phrase", "été — 'x'"))),))
    assert parse_rules(write_rules(odd), "x") == odd


def test_a_list_alone_is_a_file_of_rules_and_a_label_may_be_a_number():
    assert parse_rules("- {label: 1, keywords: a}", "x") == Rules((Rule("a", "1", (Term("keyword", "a"),)),))


def test_a_term_is_taken_out_put_in_and_narrowed_and_the_rest_stays():
    less = without_term(RULES, "surnames", "ROCK")
    assert [term.text for term in less.rule("surnames").terms] == ["Day", "hope", "box office"]
    assert (less.rules[0], less.rules[2], less.otherwise) == (RULES.rules[0], RULES.rules[2], "other")
    more = with_term(RULES, "surnames", Term("keyword", "lee"))
    assert [term.text for term in more.rule("surnames").terms] == ["rock", "Day", "hope", "lee", "box office"]
    assert parse_rules(write_rules(more), "x") == more
    new = with_term(RULES, "proposed", Term("phrase", "the plot"), "film")
    assert new.rules == (*RULES.rules, Rule("proposed", "film", (Term("phrase", "the plot"),)))
    other = narrowed(RULES, "surnames", "rock", Term("phrase", "Chris Rock", case=True))
    assert other.rule("surnames").terms[-2] == Term("phrase", "Chris Rock", case=True)
    assert parse_rules(write_rules(other), "x") == other


def test_a_rule_without_terms_goes():
    last = "[0-9]{2}:[0-9]{2}"
    assert without_term(RULES, last, last).rules == RULES.rules[:2]


def test_a_change_of_what_is_not_there_is_a_sentence():
    with pytest.raises(DataError, match=r"no labelling rule 'names'. Rules: film, movie"):
        without_term(RULES, "names", "rock")
    with pytest.raises(DataError, match=r"'surnames' has no 'green'. It has rock, Day, hope, box office"):
        without_term(RULES, "surnames", "green")
    with pytest.raises(DataError, match=r"'surnames' has 'day' already"):
        with_term(RULES, "surnames", Term("keyword", "day"))
    with pytest.raises(ConfigError, match=r"'film' stands for 'film' in the rule .* and for 'other' in 'more'"):
        with_term(RULES, "more", Term("keyword", "film"), "other")


BAD = {
    "[]": "a list of labelling rules under `rules`, found",
    "rules: []": "a list of labelling rules under `rules`",
    "rule: [{label: a, keywords: b}]": "a list of labelling rules under `rules`",
    "{rules: [{label: a, keywords: b}], else: c}": "`else` is not known. Known here: rules, otherwise",
    "[word]": "rule 1 should be a mapping with `label` and `keywords`, found 'word'",
    "[{label: a, words: b}]": "rule 1 has `words`, which is not known. Known here: name, label, keywords",
    "[{keywords: b}]": "rule 1 has no `label`",
    "[{label: a}]": "rule 1 is empty: it needs one of `keywords`, `phrases`, `regex`",
    "[{label: a, keywords: []}]": "rule 1 is empty",
    "[{label: a, keywords: [b, B]}]": "rule 1 has 'B' twice",
    "[{label: a, keywords: [b c]}]": "'b c' has a space, and a keyword is one word. Write it under `phrases`",
    "[{label: a, keywords: [1999]}]": "rule 1: `keywords` should be text, got 1999. Put it in quotes",
    "[{label: a, keywords: ['']}]": "should be text, got an empty one",
    "[{label: a, keywords: b, weight: 0}]": "`weight` should be a number above 0, got 0",
    "[{label: a, keywords: b, weight: .nan}]": "`weight` should be a number above 0",
    "[{label: a, keywords: b, case: 1}]": "`case` should be true or false, got 1",
    "[{label: a, keywords: b}, {label: a, keywords: b}]": "two rules are named 'b'",
    "[{label: a, keywords: b}, {label: c, name: x, keywords: B}]": "'B' stands for 'a' in the rule 'b' and for 'c' in 'x'",
    "[{label: a, regex: '(b'}]": "'(b' is no regular expression (missing )",
    "[{label: a, regex: 'b*'}]": "'b*' matches the empty text, and so every text",
    "[{label: a, regex: '(b|bb)+c'}]": "'(b|bb)+c' backtracks without bound",
    "[{label: a, regex: '(\\w|s|\\w\\w)+!'}]": "backtracks without bound: a text of some 60 characters takes more than 1 s",
}  # fmt: skip


@pytest.mark.parametrize("written", BAD)
def test_what_is_wrong_with_a_file_is_one_sentence(written):
    with pytest.raises(ConfigError) as error:
        parse_rules(written, "r.yaml")
    assert str(error.value).startswith("r.yaml: ")
    assert BAD[written] in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"Labelling rules: .*none.yaml cannot be read \(No such file"):
        read_rules(tmp_path / "none.yaml")


def test_a_label_that_the_model_lacks_is_a_sentence():
    require_known_labels(RULES, ("Other", "FILM"), "r.yaml")
    with pytest.raises(
        ConfigError, match=r"r\.yaml: the label 'other' of a rule is none of the model's. Its labels: film"
    ):
        require_known_labels(RULES, ("film", "books"), "r.yaml")
