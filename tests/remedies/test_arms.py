"""What each arm of a retraining changes."""

import random

import pytest

from tasks.data.rows import Row
from tasks.data.rules import parse_rules, without_term
from tasks.remedies.arms import (
    AS_IT_IS,
    PLACEBO,
    TOGETHER,
    Arm,
    Proposals,
    Swap,
    arms_of,
    placebo_of,
    read_rows_of,
    terms_of,
    training_rows,
)

RULES = parse_rules(
    """
otherwise: other
rules:
- {name: words, label: film, keywords: [film, movie, cinema]}
- {name: surnames, label: film, keywords: [day, hope, Grant, rock]}
""",
    "rules.yaml",
)
LABELS = ("film", "other")


def without(*words):
    """The rules without some of the surnames."""
    changed = RULES
    for word in words:
        changed = without_term(changed, "surnames", word)
    return changed


SWAP = Swap("hope", "name", ("smith", "jones"))


def rows_of(*texts, label=0):
    return [Row(i, str(i), text, None, label, None) for i, text in enumerate(texts)]


def test_the_arms_are_each_remedy_all_of_them_the_last_layer_and_the_placebo():
    placebo = Arm(PLACEBO)
    changed = without("day")
    arms = arms_of(Proposals(RULES, changed, (SWAP,), (r"\d+",), (("day", 0),)), placebo)
    assert [arm.name for arm in arms] == [
        AS_IT_IS, "labelling rules", "swapped words", "text taken out", TOGETHER, "last layer", PLACEBO,
    ]  # fmt: skip
    together = arms[4]
    assert (together.rules, together.swaps, together.strips) == (changed, (SWAP,), (r"\d+",))
    assert "surnames: day dropped" in together.changes
    # Every arm but that of the rules keeps them as they are.
    assert [arm.rules == RULES for arm in arms[:4]] == [True, False, True, True]
    # A single remedy is not trained twice; with none there is nothing to try.
    assert [arm.name for arm in arms_of(Proposals(RULES, changed), placebo)] == [AS_IT_IS, "labelling rules", PLACEBO]
    assert [arm.name for arm in arms_of(Proposals(RULES, RULES), placebo)] == [AS_IT_IS]


def test_a_placebo_changes_as_much_at_random():
    changed = without("day", "hope")
    frequencies = {"week": 9, "town": 11, "the": 400}
    arm = placebo_of(Proposals(RULES, changed, (SWAP,)), frequencies, {"name": ["hope", "lee"]}, random.Random(1))
    kept = {term.text for _, _, term in terms_of(arm.rules)}
    # Two keywords are gone, and none of those that the audit drops.
    assert len(kept) == 5
    assert {"day", "hope"} <= kept
    assert [(swap.word, swap.stand_ins) for swap in arm.swaps] == [("lee", SWAP.stand_ins)]


def test_a_placebo_adds_keywords_as_frequent_as_those_that_are_proposed():
    changed = parse_rules(
        "otherwise: other\nrules:\n- {name: words, label: film, keywords: [film, movie, cinema, actor]}\n"
        "- {name: surnames, label: film, keywords: [day, hope, Grant, rock]}\n",
        "rules.yaml",
    )
    frequencies = {"actor": 10, "week": 9, "the": 400, "rare": 1}
    arm = placebo_of(Proposals(RULES, changed), frequencies, {}, random.Random(0))
    assert [term.text for _, _, term in terms_of(arm.rules) if term not in [t for _, _, t in terms_of(RULES)]] == [
        "week"
    ]


def test_a_placebo_drops_keywords_as_frequent_as_those_that_are_to_go():
    """To drop "film" at random would cost more than any surname."""
    rules = parse_rules(
        "otherwise: other\nrules:\n- {name: words, label: film, keywords: [film, movie, cinema]}\n"
        "- {name: surnames, label: film, keywords: [day, hope, Grant, rock]}\n",
        "rules.yaml",
    )
    frequencies = {"film": 300, "movie": 280, "cinema": 90, "day": 20, "hope": 22, "grant": 18, "rock": 15}
    dropped = set()
    for seed in range(20):
        arm = placebo_of(Proposals(rules, without_term(rules, "surnames", "day")), frequencies, {}, random.Random(seed))
        kept = {term.text for _, _, term in terms_of(arm.rules)}
        (gone,) = {term.text for _, _, term in terms_of(rules)} - kept
        dropped.add(gone)
    assert dropped == {"hope", "Grant", "rock"}


def test_training_rows_have_the_labels_of_the_arm_s_rules():
    rows = rows_of("a film", "good day", "no rule here", label=-1)
    changed = without("day")
    assert [row.label for row in training_rows(Arm("x", RULES), rows, LABELS, 0)] == [0, 0, 1]
    assert [row.label for row in training_rows(Arm("x", changed), rows, LABELS, 0)] == [0, 1, 1]
    # Without `otherwise` a text that no rule matches is not trained on.
    bare = parse_rules("- {label: film, keywords: [film]}", "rules.yaml")
    assert [row.text for row in training_rows(Arm("x", bare), rows, LABELS, 0)] == ["a film"]


def test_half_of_the_occurrences_of_a_word_are_another_of_its_type_in_its_letter_case():
    rows = rows_of(*["Hope for Hopeful HOPE"] * 400)
    found = training_rows(Arm("x", swaps=(SWAP,)), rows, LABELS, 0)
    words = [word for row in found for word in row.text.split()]
    assert set(words) == {"Hope", "Smith", "Jones", "for", "Hopeful", "HOPE", "SMITH", "JONES"}
    share = sum(word in ("Hope", "HOPE") for word in words) / 800
    # Five standard errors of a share of 800.
    assert share == pytest.approx(0.5, abs=5 * (0.25 / 800) ** 0.5)
    assert found == training_rows(Arm("x", swaps=(SWAP,)), rows, LABELS, 0)
    assert found != training_rows(Arm("x", swaps=(SWAP,)), rows, LABELS, 1)


def test_what_is_taken_out_is_taken_out_of_the_first_text_of_a_pair_and_never_all_of_it():
    arm = Arm("x", strips=(r"(?i)\A\s*\[\w+\]\s*", r"\d{5,}"))
    assert [row.text for row in read_rows_of(arm, rows_of("[News] a film", "no tag 123456", "123456"))] == [
        "a film", "no tag", "123456",
    ]  # fmt: skip
    pair = Row(0, "0", "[News] one\n[News] two", 11, 0, None)
    (read,) = read_rows_of(arm, [pair])
    assert (read.text, read.text[read.pair_start :]) == ("one\n[News] two", "[News] two")
