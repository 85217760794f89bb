"""Every check passes a good table and catches a bad one."""

from pathlib import Path

import pytest

import warehouse as warehouse_package
from tests.sql.helpers import only

KEYS = "example_id | relative_gap:double | error:double | score:double | converged:boolean"


FLIPS = "n_texts | mean_effect | effect_low:double | effect_high:double | flip_rate:double | flip_low:double | flip_high:double | n_opposite | n_signed"


CHECKS = {
    "examples__explained_ones_met_their_tolerance": (
        # a quarantined example may miss it, so may one that was predicted only, and rounding may lift it over
        {
            "examples": KEYS
            + "\n1 | 0.1 | 9 | 1.0 | true\n2 | 0.5 | 9 | 1.0 | false\n3 | null | null | null | null\n4 | 0.10000001 | 9 | 1.0 | true"
        },
        {
            "too wide": {"examples": KEYS + "\n1 | 0.11 | 0.0 | 1.0 | true"},
            "no gap": {"examples": KEYS + "\n1 | null | 0.0 | 1.0 | true"},
            "no number": {"examples": KEYS + "\n1 | 0.0 | 0.0 | NaN | true"},
        },
    ),
    "bigram_occurrences__both_words_are_there": (
        {
            "bigram_occurrences": "example_id | word_start | word | score\n1 | 0 | new york | 3.0\n1 | 9 | new york | 7.0",
            "word_occurrences": "example_id | word_start | word_end | word | score\n1 | 0 | 3 | new | 1.0\n1 | 4 | 8 | york | 2.0\n1 | 9 | 12 | new | 5.0\n1 | 13 | 17 | york | 2.0",
        },
        {
            "other sum": {"bigram_occurrences": "example_id | word_start | word | score\n1 | 0 | new york | 3.5"},
            "no such word": {"bigram_occurrences": "example_id | word_start | word | score\n1 | 0 | new jersey | 3.0"},
        },
    ),
    "example_slices__every_example_is_in_every_slice": (
        {"examples": "example_id\n1\n2", "example_slices": "example_id | slice\n1 | split\n2 | split"},
        {"one missing": {"example_slices": "example_id | slice\n1 | split\n1 | source\n2 | split"}},
    ),
    "expected_effects__every_tried_word_is_predicted": (
        {
            "evidence": "kind | label | word | effect:double\nword | a | x | 2.0\nword | a | y | 1.0\nword | a | z | null\npiece | a | p | 1.0",
            "expected_effects": "label | word | expected:double\na | x | 0.5\na | y | null",
        },
        {"missing": {"expected_effects": "label | word | expected:double\na | x | 0.5"}},
    ),
    "label_association__rates_add_up": (
        {"label_association": "word | label | n_label | n_examples\nx | a | 2 | 3\nx | b | 1 | 3"},
        {
            "one short": {"label_association": "word | label | n_label | n_examples\nx | a | 1 | 3\nx | b | 1 | 3"},
            "a label lost": {"label_association": "word | label | n_label | n_examples\nx | a | 2 | 3"},
        },
    ),
    "labelling_hints__no_word_is_both": (
        {"labelling_hints": "word | label | action\nx | a | add\nx | b | add\ny | a | drop"},
        {"both": {"labelling_hints": "word | label | action\nx | a | add\nx | b | drop"}},
    ),
    "minority_gap__interval_holds_gap": (
        {
            "minority_gap": "n_minority | n_pulled | gap | gap_low | gap_high | n_harmed | p_value | q_value\n4 | 2 | 0.25 | -0.1 | 0.6 | 1 | 0.2 | 0.3"
        },
        {
            name: {
                "minority_gap": f"n_minority | n_pulled | gap | gap_low | gap_high | n_harmed | p_value:double | q_value\n{row}"
            }
            for name, row in {
                "gap above": "4 | 2 | 0.25 | -0.1 | 0.2 | 1 | 0.2 | 0.3",
                "gap below": "4 | 2 | 0.25 | 0.3 | 0.6 | 1 | 0.2 | 0.3",
                "more harm than cases": "4 | 2 | 0.25 | -0.1 | 0.6 | 3 | 0.2 | 0.3",
                "q below p": "4 | 2 | 0.25 | -0.1 | 0.6 | 1 | 0.2 | 0.1",
                "no p": "4 | 2 | 0.25 | -0.1 | 0.6 | 1 | null | 0.3",
            }.items()
        },
    ),
    "slice_importance__slices_add_up_to_the_whole": (
        {
            "slice_importance": "slice | value | n_examples\nsplit | train | 3\nsplit | test | 2",
            "word_importance": "n_examples\n6",
        },
        {"too many": {"word_importance": "n_examples\n4"}, "unknown": {"word_importance": "word | n_examples\ny | 9"}},
    ),
    "stability__absence_is_no_evidence": (
        {
            "stability": "n_corpora_present | n_examples:list | mean_scores:list | q_stat | p_value | q_value | i2\n"
            '2 | ["5", "6"] | ["0.5", "0.6"] | 1.0 | 0.3 | 0.3 | 0.0'
        },
        {
            name: {
                "stability": f"n_corpora_present | n_examples:list | mean_scores:list | q_stat | p_value | q_value | i2\n{row}"
            }
            for name, row in {
                "one corpus": '1 | ["5"] | ["0.5"] | 1.0 | 0.3 | 0.3 | 0.0',
                "a figure short": '2 | ["5"] | ["0.5", "0.6"] | 1.0 | 0.3 | 0.3 | 0.0',
                "q below p": '2 | ["5", "6"] | ["0.5", "0.6"] | 1.0 | 0.3 | 0.2 | 0.0',
                "i2 above 1": '2 | ["5", "6"] | ["0.5", "0.6"] | 1.0 | 0.3 | 0.3 | 1.5',
            }.items()
        },
    ),
    "vocabulary_candidates__none_is_spurious": (
        {
            "vocabulary_candidates": "word\nx",
            "verdicts": "word | kind | status\nx | word | waived\ny | word | spurious\nx | piece | spurious",
        },
        {"spurious": {"vocabulary_candidates": "word\nx", "verdicts": "word | kind | status\nx | word | spurious"}},
    ),
    "split_words__every_cut_word_is_there": (
        {
            "cut_words": "word | n_occurrences | pieces_per_word:double\nx | 3 | 2.3333333333333335",
            "split_words": "word | type | tokens_over | cancelled:double\nx | name | 4 | 0.5",
        },
        {
            "lost": {"split_words": "word | type | tokens_over | cancelled:double\ny | name | 4 | 0.5"},
            "other tokens": {"split_words": "word | type | tokens_over | cancelled:double\nx | name | 3 | 0.5"},
            "no share": {"split_words": "word | type | tokens_over | cancelled:double\nx | name | 4 | 1.5"},
        },
    ),
    "token_words__every_cut_word_has_an_answer": (
        {
            "split_words": "word\nx\ny",
            "token_words": "word | answer | token\nx | token.candidate | x\ny | token.rare | null",
        },
        {
            "none": {"token_words": "word | answer | token\nx | token.candidate | x"},
            "not proposed": {"token_words": "word | answer | token\nx | token.candidate | x\ny | token.rare | y"},
        },
    ),
    "verdicts__every_candidate_has_one": (
        {"candidates": "word\nx", "verdicts": 'word | verdict | rules:list\nx | unclear | ["not proven"]'},
        {
            "none": {"candidates": "word\nx", "verdicts": 'word | verdict | rules:list\ny | unclear | ["not proven"]'},
            "no rule": {"candidates": "word\nx", "verdicts": "word | verdict | rules:list\nx | unclear | []"},
        },
    ),
    "effects__intervals_hold_their_mean": (
        {
            "effects": f"{FLIPS}\n3 | 1.0 | 0.5 | 1.5 | 0.5 | 0.1 | 0.9 | 1 | 2\n2 | 1.0 | null | null | 0.0 | 0.0 | 0.7 | 0 | 0"
        },
        {
            "no interval": {"effects": f"{FLIPS}\n3 | 1.0 | null | null | 0.5 | 0.1 | 0.9 | 1 | 2"},
            "mean above": {"effects": f"{FLIPS}\n3 | 2.0 | 0.5 | 1.5 | 0.5 | 0.1 | 0.9 | 1 | 2"},
            "rate above": {"effects": f"{FLIPS}\n3 | 1.0 | 0.5 | 1.5 | 1.0 | 0.1 | 0.9 | 1 | 2"},
            "no rate": {"effects": f"{FLIPS}\n3 | 1.0 | 0.5 | 1.5 | null | null | null | 1 | 2"},
            "more opposite than signed": {"effects": f"{FLIPS}\n3 | 1.0 | 0.5 | 1.5 | 0.5 | 0.1 | 0.9 | 3 | 2"},
        },
    ),
    "word_importance__interval_holds_mean": (
        {
            "word_importance": "mean_score | ci_low | ci_high | p_value | q_value | document_frequency | mean_share\n1.0 | 0.5 | 1.5 | 0.01 | 0.02 | 0.5 | 1.0"
        },
        {
            name: {
                "word_importance": f"mean_score | ci_low | ci_high | p_value:double | q_value | document_frequency | mean_share:double\n{row}"
            }
            for name, row in {
                "mean above": "2.0 | 0.5 | 1.5 | 0.01 | 0.02 | 0.5 | 1.0",
                "mean below": "0.0 | 0.5 | 1.5 | 0.01 | 0.02 | 0.5 | 1.0",
                "q below p": "1.0 | 0.5 | 1.5 | 0.02 | 0.01 | 0.5 | 1.0",
                "p above 1": "1.0 | 0.5 | 1.5 | 1.02 | 1.03 | 0.5 | 1.0",
                "no p": "1.0 | 0.5 | 1.5 | null | 1.0 | 0.5 | 1.0",
                "document_frequency above 1": "1.0 | 0.5 | 1.5 | 0.01 | 0.02 | 1.5 | 1.0",
                "share above 1": "1.0 | 0.5 | 1.5 | 0.01 | 0.02 | 0.5 | 1.1",
                "no share": "1.0 | 0.5 | 1.5 | 0.01 | 0.02 | 0.5 | null",
            }.items()
        },
    ),
    "word_importance__mirrored_labels_agree": (
        {
            "word_importance": "kind | word | label | mean_score\nword | x | a | 1.0\nword | x | b | -1.0\npiece | x | a | 3.0"
        },
        {"same sign": {"word_importance": "kind | word | label | mean_score\nword | x | a | 1.0\nword | x | b | 1.0"}},
    ),
    "word_importance__shrinking_moves_inwards": (
        {
            "word_importance": "mean_score | std_error | typical_score | shrunk_score | shrunk_sd | lower_bound\n"
            "1.0 | 0.1 | 0.0 | 0.9 | 0.1 | 0.7\n-1.0 | 0.1 | 0.0 | -0.9 | 0.1 | 0.0"
        },
        {
            name: {
                "word_importance": f"mean_score | std_error | typical_score | shrunk_score | shrunk_sd:double | lower_bound\n{row}"
            }
            for name, row in {
                "other sign": "1.0 | 0.1 | 0.0 | 0.9 | 0.1 | -0.7",
                "further out": "1.0 | 0.1 | 0.0 | 0.9 | 0.1 | 0.95",
                "no deviation": "1.0 | 0.1 | 0.0 | 0.9 | null | 0.7",
            }.items()
        },
    ),
    "word_scores__shares_add_up_to_1": (
        {
            "word_scores": "kind | example_id | share:double\nword | 1 | 0.25\nword | 1 | 0.75\npiece | 1 | 0.75\nword | 2 | null"
        },
        {"too little": {"word_scores": "kind | example_id | share:double\nword | 1 | 0.25\nword | 1 | 0.5"}},
    ),
    "word_types__every_word_has_one": (
        {
            "word_importance": "kind | word\nword | x\npiece | y",
            "word_types": "kind | word | type\nword | x | name\npiece | y | affix",
        },
        {
            "other kind": {
                "word_importance": "kind | word\nword | x",
                "word_types": "kind | word | type\npiece | x | name",
            }
        },
    ),
}


CHECK_PARAMS = {"mode": "fixed", "tolerance": 0.02, "max_gap": 0.1, "mirrored": True}


def test_every_check_has_a_test():
    stored = {file.stem for file in (Path(warehouse_package.__file__).parent / "checks").glob("*.sql")}
    own = {"word_occurrences__words_and_special_tokens_add_up", "examples__every_shard_row_is_there"}
    assert stored == {*CHECKS, *own}


def test_a_row_of_a_shard_without_its_part_is_caught(warehouse):
    shards = [warehouse.part("example_id\n1\n2")]
    warehouse.insert("examples", "example_id\n1\n2")
    assert warehouse.rows("checks/examples__every_shard_row_is_there", shards=shards) == []
    warehouse.insert("examples", "example_id\n2")
    assert warehouse.rows("checks/examples__every_shard_row_is_there", shards=shards) == [{"example_id": 1}]


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_passes_a_good_table_and_catches_a_bad_one(warehouse, check):
    good, bad = CHECKS[check]
    tables = [("good", good), *bad.items()]
    found = {}
    for name, world in tables:
        for table, text in world.items():
            warehouse.insert(table, text, kind="word", label="a", word="x", operator="delete")
        found[name] = bool(warehouse.warehouse.rows(f"checks/{check}", CHECK_PARAMS))
    assert found == {name: name != "good" for name, _ in tables}


@pytest.mark.parametrize(
    ("mode", "max_gap", "row", "caught"),
    [
        ("document", None, "9.0 | 0.02 | 1.0", False),
        ("document", None, "0.0 | 0.021 | 1.0", True),
        ("document", None, "null | null | 1.0", False),  # gradient x input has no error
        ("fixed", None, "9.0 | 9.0 | 1.0", False),
        ("corpus", None, "9.0 | 9.0 | 1.0", False),
        ("corpus", None, "0.0 | 0.0 | NaN", True),
        ("corpus", None, "0.0 | 0.0 | null", True),
    ],
)
def test_an_explained_example_is_held_to_what_its_mode_promises(warehouse, mode, max_gap, row, caught):
    warehouse.insert("examples", f"{KEYS}\n1 | {row} | true")
    rows = warehouse.rows(
        "checks/examples__explained_ones_met_their_tolerance", mode=mode, tolerance=0.02, max_gap=max_gap
    )
    assert bool(rows) == caught


def test_a_token_lost_from_gradient_x_input_is_found_without_a_change_to_add_up_to(warehouse):
    warehouse.insert("examples", "example_id | change:double | gap:double | converged\n1 | 3.0 | null | true")
    tokens = warehouse.part(
        "example_id | word_start:integer | integrated_gradients:float | gradient_x_input:float | relevance:float\n1 | null | null | 0.5 | -3.0\n1 | 0 | null | 2.0 | -3.0"
    )
    for score, lost in ((2.0, False), (1.5, True)):
        warehouse.insert("word_occurrences", f"example_id | score\n1 | {score}")
        rows = warehouse.rows(
            "checks/word_occurrences__words_and_special_tokens_add_up", token_parts=[tokens], method="gradient_x_input"
        )
        assert bool(rows) == lost


def test_labels_that_do_not_mirror_each_other_need_not_agree(warehouse):
    warehouse.insert("word_importance", "kind | word | label | mean_score\nword | x | a | 1.0\nword | x | b | 1.0")
    assert warehouse.rows("checks/word_importance__mirrored_labels_agree", mirrored=False) == []


@pytest.mark.parametrize(
    ("change", "quarantined", "lost"),
    [
        (3.5, False, False),
        (3.505, False, False),
        (3.506, False, True),
        (2.5, False, True),
        (99.0, True, False),
        ("NaN", False, True),
    ],
)
def test_words_special_tokens_and_runs_of_spaces_add_up_to_change_and_gap(warehouse, change, quarantined, lost):
    # words 2 - 1 = 1, [CLS] 0.5, a token of spaces 1.75: 3.25 = change 3.5 + gap -0.25; sum of |scores| 5.25, so 0.00525 may be lost
    warehouse.insert(
        "examples",
        f"example_id | change:double | gap | converged\n1 | {change} | -0.25 | {str(not quarantined).lower()}",
    )
    warehouse.insert("word_occurrences", "example_id | score\n1 | 2.0\n1 | -1.0")
    tokens = warehouse.part(
        "example_id | word_start:integer | integrated_gradients:float | gradient_x_input:float | relevance:float\n1 | null | 0.5 | 0 | 0\n1 | null | 1.75 | 0 | 0\n1 | 0 | 2.0 | 0 | 0\n1 | 5 | -1.0 | 0 | 0"
    )
    rows = warehouse.rows(
        "checks/word_occurrences__words_and_special_tokens_add_up", token_parts=[tokens], method="integrated_gradients"
    )
    assert bool(rows) == lost


def test_an_example_of_special_tokens_only_adds_up_too(warehouse):
    warehouse.insert("examples", "example_id | change | gap | converged\n1 | 0.5 | 0.0 | true\n2 | 0.5 | 0.0 | true")
    warehouse.insert("word_occurrences", "example_id:bigint | score:double")
    tokens = warehouse.part(
        "example_id | word_start:integer | integrated_gradients:float | gradient_x_input:float | relevance:float\n1 | null | 0.5 | 0 | 0"
    )
    rows = warehouse.rows(
        "checks/word_occurrences__words_and_special_tokens_add_up", token_parts=[tokens], method="integrated_gradients"
    )
    assert only(rows, "example_id", "added_up", "expected") == [(2, 0.0, 0.5)]
