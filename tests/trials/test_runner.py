"""When trials are enough, and trials of a model whose effects are known."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tasks.runtime.parts import part_file, read_manifest
from tasks.trials.runner import is_settled
from tests.trials.linear import STAND_INS, WEIGHTS

# ---------------------------------------------------------------- enough


def test_trials_are_enough_when_the_99_percent_interval_is_narrow_or_within_what_counts():
    """Oracle: the interval by SciPy, but for where it is nearer to the threshold than Hill's quantile is good for."""
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(400):
        effects = list(rng.normal(rng.choice([0.0, 0.06, 0.5, 3.0]), rng.choice([0.02, 0.05, 0.1, 1.0]), 8))
        low, high = stats.t.interval(0.99, 7, np.mean(effects), stats.sem(effects))
        half, furthest = (high - low) / 2, max(abs(low), abs(high))
        if min(abs(half / 0.05 - 1), abs(furthest / 0.1 - 1)) < 0.03:
            continue
        expected = half <= 0.05 or furthest < 0.1
        assert is_settled(effects, 0.1) == expected
        seen.add((expected, half <= 0.05))
    assert seen == {(True, True), (True, False), (False, False)}


def test_no_effect_is_enough_because_it_is_significant():
    effects = [2.0, 3.0] * 16
    assert stats.ttest_1samp(effects, 0).pvalue < 1e-20
    assert not is_settled(effects, 0.1)
    assert is_settled([2.5] * 8, 0.1)


# ---------------------------------------------------------------- effects


def effects_of(rows):
    """(operator, text) -> margin of the text as it is less that of the changed one, mean over the stand-ins."""
    found = {}
    for row in rows:
        found.setdefault((row["operator"], row["example_id"]), []).append(row["margin_before"] - row["margin_after"])
    return {key: float(np.mean(own)) for key, own in found.items()}


def test_deleting_and_inserting_a_word_change_the_margin_by_its_weight(linear):
    meaning = {"within_type": False, "type": "content word", "placebo_type": "content word", "replacements": []}
    group = [linear.candidate(word, **meaning) for word in ("kane", "dull")]
    part, rows = linear.tried(group)
    for word in ("kane", "dull"):
        effects = effects_of([row for row in rows if row["word"] == word])
        assert {own for (operator, _), own in effects.items() if operator == "delete"} == {WEIGHTS[word]}
        assert {own for (operator, _), own in effects.items() if operator == "insert"} == {-WEIGHTS[word]}
    kane = next(row for row in rows if row["word"] == "kane" and row["operator"] == "insert")
    assert (kane["replacement"], kane["placebo_type"], kane["gold"]) == ("Kane", "content word", 0)
    # -0.5 without it, 1.5 with it.
    assert (kane["predicted_before"], kane["predicted_after"]) == (0, 1)
    # Two candidates by two operators settle in the first 8 texts; no text is read as it is.
    assert len(rows) == 2 * 2 * 8
    assert (read_manifest(part)["num_trials"], read_manifest(part)["num_passes"]) == (32, 32)
    assert read_manifest(part)["num_candidates"] == 2


def test_a_word_whose_removal_shows_too_little_is_not_inserted(linear):
    """-1 of "dull", 0 of "plain"; of "s9", which weighs 1.1 and its stand-ins .7 on average, less than .9."""
    meaning = {"within_type": False, "type": "content word", "placebo_type": "content word", "replacements": []}
    group = [linear.candidate("plain", **meaning), linear.candidate("dull", **meaning), linear.candidate("s9")]
    part, rows = linear.tried(group, min_effect=0.9)
    tried = {(row["word"], row["operator"]) for row in rows}
    assert tried == {("plain", "delete"), ("dull", "delete"), ("dull", "insert"), ("s9", "swap")}
    assert read_manifest(part)["num_candidates"] == 3


def test_a_swap_compares_the_word_with_stand_ins_drawn_anew_for_every_text(linear):
    _, rows = linear.tried([linear.candidate("kane")])
    swaps = [row for row in rows if row["operator"] == "swap"]
    assert len(swaps) == 2 * 20  # two in each of many texts
    assert all(row["margin_before"] - row["margin_after"] == 2.0 - STAND_INS[row["replacement"]] for row in swaps)
    drawn = {}
    for row in swaps:
        drawn.setdefault(row["example_id"], set()).add(row["replacement"])
    assert all(len(own) == 2 for own in drawn.values())
    # Of twelve, one in six texts each: any one is drawn in none of twenty with probability .03.
    assert len({word for own in drawn.values() for word in own}) >= 10
    assert len({frozenset(own) for own in drawn.values()}) > 12
    assert {row["placebo_type"] for row in swaps} == {None}


def test_a_word_of_few_texts_has_four_stand_ins_in_each(linear):
    row = linear.candidate("kane")
    _, rows = linear.tried([{**row, "held": row["held"][:8]}])
    assert len({(row["example_id"], row["replacement"]) for row in rows if row["operator"] == "swap"}) == 4 * 8


def test_trials_do_not_depend_on_what_is_tried_beside_them(linear):
    group = [linear.candidate(word) for word in ("kane", "dull", "s3")]
    _, together = linear.tried(group, "together")
    alone = [row for i, row in enumerate(group) for row in linear.tried([row], f"alone-{i}")[1]]
    assert together == alone


def test_words_that_stand_in_for_one_another_do_not_share_their_draw(linear):
    _, rows = linear.tried([linear.candidate("kane"), linear.candidate("dull")])
    drawn = {}
    for row in rows:
        if row["operator"] == "swap":
            drawn.setdefault(row["word"], {}).setdefault(row["example_id"], []).append(row["replacement"])
    shared = drawn["kane"].keys() & drawn["dull"].keys()
    assert sum(drawn["kane"][i] != drawn["dull"][i] for i in shared) > len(shared) / 2


# ---------------------------------------------------------------- less the placebo


@pytest.mark.parametrize(
    ("margins", "num_texts"),
    [
        # A text without the word has -0.5, one with it 1.5.
        ({i: [-0.5, -0.5] for i in range(0, 40, 2)}, 8),
        # The mean of a text counts, not its placebo words.
        ({i: [-3.5, 2.5] for i in range(0, 40, 2)}, 8),
        ({i: [-3.5, 2.5 + i % 8] for i in range(0, 40, 2)}, 20),
        # A placebo that does what the word does.
        ({i: [1.5] for i in range(0, 40, 2)}, 8),
    ],
)
def test_insertions_end_when_their_difference_to_the_placebo_part_is_known(linear, margins, num_texts):
    linear.written_placebos(margins)
    _, rows = linear.tried([linear.candidate("kane")])
    assert sum(row["operator"] == "insert" for row in rows) == num_texts


def test_nothing_is_inserted_where_no_placebo_was_tried(linear):
    linear.written_placebos({i: [-0.5] for i in (0, 2, 4)})
    _, rows = linear.tried([linear.candidate("kane")])
    assert {row["example_id"] for row in rows if row["operator"] == "insert"} == {0, 2, 4}


def test_a_word_that_is_never_judged_is_tried_in_eight_texts_though_its_effect_is_not_known_by_then(linear):
    row = linear.candidate("kane", is_judged=False)
    _, rows = linear.tried([row])
    texts = {operator: {row["example_id"] for row in rows if row["operator"] == operator} for operator in ("swap", "insert")}  # fmt: skip
    assert texts["swap"] == {held["example_id"] for held in row["held"][:8]}
    assert len(texts["insert"]) == 8
    _, judged = linear.tried([linear.candidate("kane")], "judged")
    assert len({row["example_id"] for row in judged if row["operator"] == "swap"}) == 20


# ---------------------------------------------------------------- parts


def test_a_whole_part_is_left_untouched_a_damaged_or_outdated_one_is_made_again(linear):
    group = [linear.candidate("kane"), linear.candidate("dull")]
    part, rows = linear.tried(group)
    stamp = part.stat().st_mtime_ns
    assert linear.tried(group)[0].stat().st_mtime_ns == stamp
    linear.tried(group[:1])
    assert part.stat().st_mtime_ns > stamp
    linear.tried(group)
    Path(part_file(part, "trials")).write_bytes(b"cut")
    assert linear.tried(group)[1] == rows
    # Other placebos, other trials.
    stamp = part.stat().st_mtime_ns
    linear.written_placebos({0: [-0.5]})
    _, rows = linear.tried(group)
    assert part.stat().st_mtime_ns > stamp
    assert {row["example_id"] for row in rows if row["operator"] == "insert"} == {0}


def test_a_text_that_is_left_out_is_in_no_trial_and_a_dry_run_leaves_no_part(linear):
    group = [linear.candidate("kane")]
    _, rows = linear.tried(group, options={"left_out": frozenset({0, 1, 3, 99})})
    assert {row["example_id"] for row in rows if row["operator"] == "swap"} == set(range(5, 40, 2))
    assert {row["example_id"] for row in rows if row["operator"] == "insert"} == set(range(2, 40, 2))
    facts = read_manifest(linear.folder / "part.json")
    # Text 99 is none of the group.
    assert facts["num_quarantined"] == 3
    with pytest.raises(FileNotFoundError):
        linear.tried(group, "dry", options={"dry": True})
    assert list(linear.folder.glob("dry*")) == []


def test_without_candidates_there_is_an_empty_part(linear):
    part, rows = linear.tried([])
    assert (rows, read_manifest(part)["num_passes"]) == ([], 0)


@pytest.mark.parametrize("num_held", [0, 2])
def test_every_word_of_a_group_is_counted_once_in_the_progress(linear, num_held):
    bare = linear.candidate("welles", held=[], others=[])
    told = []
    linear.tried([*map(linear.candidate, ("kane", "dull")[:num_held]), bare], options={"advance": told.append})
    assert sum(told) == num_held + 1
    assert min(told) >= 0
