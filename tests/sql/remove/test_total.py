"""The total of all findings, what could have been seen, and the state, on hand-made tables."""

import numpy as np
import pytest
from scipy import stats

from tasks.trials.thresholds import state_thresholds
from tests.sql.helpers import by, only
from warehouse import seed

SETTLED = {**state_thresholds(), "max_documents": 32}
NO_EFFECTS = "kind:varchar | word:varchar | sd:double | n_texts:bigint"


def words_used(warehouse, words, effects=NO_EFFECTS, candidates="word:varchar"):
    warehouse.insert("words", words, kind="word", label="b", used=True, either_way=False, mean_score=1.0)
    warehouse.insert("effects", effects, kind="word", label="b", operator="delete")
    warehouse.insert("candidates", candidates, kind="word", label="b")
    return warehouse.build("remove/power", **SETTLED)


def total_of(warehouse, changes, texts_with=None, n_texts=1000, findings=("word | content word | 0.5",), powered=True):
    """`changes`: a pair for each text, whether its prediction changes without the findings, and in the control."""
    if powered is not None:
        effects = "word | sd | n_texts\nx | 0.3 | 32"
        words_used(warehouse, f"word | n_examples\nx | {32 if powered else 4}", effects, "word\nx")
    rows = "\n".join(f"{i} | {int(without)} | {int(control)}" for i, (without, control) in enumerate(changes))
    columns = "example_id:bigint | predicted_without:integer | predicted_control:integer\n"
    part = warehouse.part(columns + rows, predicted=0, n_edits=1, n_controls=1)
    warehouse.insert(
        "verdicts", "kind:varchar | type:varchar | per_1000:double\n" + "\n".join(findings), status="spurious"
    )
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)
    warehouse.insert("examples", "example_id\n" + "\n".join(map(str, range(n_texts))), converged=True)
    params = {"removed_parts": [part], "texts_with": len(changes) if texts_with is None else texts_with}
    (row,) = warehouse.build("remove/total", **SETTLED, **params)
    return row


def paired(without, control, num_texts):
    """Oracle: Agresti and Min 2005, from the table of two times two with half a text more in each cell."""
    both, only, other, neither = (
        sum(pair == cell for pair in zip(without, control, strict=True)) + 0.5
        for cell in ((1, 1), (1, 0), (0, 1), (0, 0))
    )
    n = both + only + other + neither
    differences = np.repeat([0.0, 1.0, -1.0, 0.0], [int(2 * cell) for cell in (both, only, other, neither)])
    # Every cell counts twice here, so the variance of the mean is that of n texts.
    half = stats.norm.ppf(0.975) * np.std(differences) / np.sqrt(n)
    scale = 1000 * len(without) / num_texts
    return scale * (differences.mean() - half), scale * (differences.mean() + half)


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_is_that_of_the_paired_difference_scaled_to_all_texts(warehouse, seed):
    rng = np.random.default_rng(seed)
    without, control = (rng.random(60) < 0.3).astype(int), (rng.random(60) < 0.1).astype(int)
    row = total_of(warehouse, list(zip(without, control, strict=True)))
    assert row["per_1000"] == pytest.approx(1000 * (without.mean() - control.mean()) * 60 / 1000)
    assert (row["per_1000_low"], row["per_1000_high"]) == pytest.approx(paired(without, control, 1000))
    assert row["per_1000_low"] < row["per_1000"] < row["per_1000_high"]
    assert (row["n_changed"], row["n_control_changed"], row["n_removed"]) == (without.sum(), control.sum(), 60)


def test_the_share_of_texts_that_were_drawn_is_scaled_up(warehouse):
    row = total_of(warehouse, [(1, 0)] * 10 + [(0, 0)] * 30, texts_with=200)
    # A quarter of the texts that hold a finding; a fifth of all hold one.
    assert row["per_1000"] == pytest.approx(1000 * 0.25 * 0.2)
    assert (row["n_removed"], row["n_texts_with"]) == (40, 200)


def test_no_change_in_a_few_texts_is_no_proof_that_there_is_none(warehouse):
    row = total_of(warehouse, [(0, 0)] * 20)
    assert row["per_1000"] == 0
    assert (row["per_1000_low"], row["per_1000_high"]) == pytest.approx(paired([0] * 20, [0] * 20, 1000))
    # The rule of three says at most 3 of 20 texts, one-sided; 1.8 of them by this interval.
    assert row["per_1000_high"] == pytest.approx(1.96 / 22 * 20, rel=1e-3)
    assert row["state"] == "Minor"


@pytest.mark.parametrize(
    ("changes", "powered", "state", "more"),
    [
        # Of 1,000 texts 400 hold a finding: a change in 1 of 400 texts is 1 per 1,000.
        ([(0, 0)] * 400, True, "Minor", False),
        ([(1, 0)] * 3 + [(0, 0)] * 397, True, "Minor", False),
        # 9 [2.6, 14.9], then 13 [5.4, 20]: not clearly 10.
        ([(1, 0)] * 9 + [(0, 0)] * 391, True, "Minor", True),
        ([(1, 0)] * 13 + [(0, 0)] * 387, True, "Minor", True),
        ([(1, 0)] * 20 + [(0, 0)] * 380, True, "Act", False),
        ([(1, 1)] * 20 + [(0, 0)] * 380, True, "Minor", False),
        ([(1, 0)] * 20 + [(0, 0)] * 380, False, "Act", False),
        ([(1, 0)] * 3 + [(0, 0)] * 397, False, "Too little data", False),
    ],
)
def test_the_state_follows_from_the_interval_and_from_what_could_be_seen(warehouse, changes, powered, state, more):
    row = total_of(warehouse, changes, powered=powered)
    assert (row["state"], row["could_be_more"]) == (state, more)
    if state == "Act":
        assert row["per_1000_low"] >= 10


@pytest.mark.parametrize(("n_texts", "state"), [(1000, "Minor"), (20000, "No shortcut found")])
def test_findings_that_change_less_than_one_in_a_thousand_are_no_shortcut(warehouse, n_texts, state):
    changes = [(1, 0)] * 2 + [(0, 0)] * 98
    _, high = paired([1, 1] + [0] * 98, [0] * 100, n_texts)
    row = total_of(warehouse, changes, n_texts=n_texts)
    assert (row["state"], row["per_1000_high"] < 1) == (state, high < 1)


@pytest.mark.parametrize(
    ("finding", "state"),
    [
        ("word | name | 5.0", "Act"), ("word | name | 4.9", "Minor"), ("word | identity term | 5.0", "Act"),
        ("type | number | 5.0", "Act"), ("pair | content word | 5.0", "Act"), ("word | content word | 50.0", "Minor"),
    ],
)  # fmt: skip
def test_one_name_identity_term_or_pattern_is_enough(warehouse, finding, state):
    row = total_of(warehouse, [(1, 0)] * 6 + [(0, 0)] * 394, findings=[finding])
    assert (row["state"], row["n_alone"]) == (state, int(state == "Act"))


def test_without_a_finding_the_total_is_none_and_power_decides(warehouse):
    row = total_of(warehouse, [], findings=[])
    assert (row["state"], row["per_1000"], row["per_1000_low"], row["per_1000_high"]) == ("No shortcut found", 0, 0, 0)
    row = total_of(warehouse, [], findings=[], powered=False)
    assert row["state"] == "Too little data"


def test_power_counts_the_occurrences_of_words_since_what_is_rare_changes_little(warehouse):
    """One word in 32 texts, enough, and three or nine in 4: 32 of 44 and of 68 occurrences."""
    for rare, state in ((3, "No shortcut found"), (9, "Too little data")):
        words = "word | n_examples\nx | 32\n" + "\n".join(f"w{i} | 4" for i in range(rare))
        words_used(warehouse, words, "word | sd | n_texts\nx | 0.3 | 32", "word\nx")
        row = total_of(warehouse, [], findings=[], powered=None)
        assert (row["state"], row["n_powered"], row["n_used"]) == (state, 1, 1 + rare)
        assert row["powered_share"] == pytest.approx(32 / (32 + 4 * rare))


def test_in_two_texts_nothing_can_be_judged(warehouse):
    assert words_used(warehouse, "word:varchar | n_examples:bigint") == []
    row = total_of(warehouse, [], findings=[], n_texts=2, powered=None)
    assert (row["state"], row["n_used"], row["n_needed"]) == ("Too little data", 0, None)


def test_findings_that_no_text_was_tried_for_are_not_measured(warehouse):
    row = total_of(warehouse, [])
    assert (row["per_1000"], row["per_1000_high"], row["state"]) == (None, None, "Minor")


def test_the_texts_needed_are_those_of_an_interval_above_0_with_that_power(warehouse):
    """Oracle: the power of a normal test by SciPy, of the number of texts and of one text less."""
    sds = [0.1, 0.3, 0.5, 0.8, 1.2]
    rows = [f"w{i} | {sd} | 20" for i, sd in enumerate(sds)]
    words = "\n".join(f"w{i} | 30" for i in range(5))
    found = words_used(
        warehouse, "word | n_examples\n" + words, "word | sd | n_texts\n" + "\n".join(rows), "word\nw0\nw1"
    )
    for i, row in enumerate(found):

        def power(n, sd=sds[i]):
            return stats.norm.cdf(0.3 * np.sqrt(n) / sd - stats.norm.ppf(0.975))

        assert power(row["n_needed"]) >= 0.8
        assert row["n_needed"] == 5 or power(row["n_needed"] - 1) < 0.8
        assert row["is_powered"] == (row["n_needed"] <= 30)
        assert row["is_tried"] == (i < 2)
    assert [row["n_needed"] == 5 for row in found] == [True, False, False, False, False]


def test_the_two_arms_share_what_the_mean_of_both_may_vary_by(warehouse):
    """Oracle: the power of a normal test of the mean of two independent arms, the insertion in 32 texts."""
    effects = "word | operator | sd | n_texts\nx | delete | 0.6 | 20\nx | insert | 0.7 | 32\ny | delete | 0.6 | 20\ny | insert | 3.0 | 32"
    found = by(words_used(warehouse, "word | n_examples\nx | 30\ny | 30", effects, "word\nx\ny"), "word")

    def power(n):
        return stats.norm.cdf(0.3 / (np.sqrt(0.6**2 / n + 0.7**2 / 32) / 2) - stats.norm.ppf(0.975))

    needed = found["x"]["n_needed"]
    assert needed > 5
    assert power(needed) >= 0.8 > power(needed - 1)
    assert found["x"]["is_powered"]
    # Insertions that vary so much hide the effect in any number of texts.
    assert (found["y"]["n_needed"], found["y"]["is_powered"]) == (None, False)


def test_a_word_of_few_trials_has_the_median_deviation_and_only_texts_that_can_be_tried_count(warehouse):
    found = by(words_used(
        warehouse, "word | n_examples\nown | 9\nfew | 9\nmany | 999\nuntried | 9",
        "word | sd | n_texts\nown | 0.9 | 8\nfew | 0.01 | 7\nmany | 0.5 | 32\nother | 0.3 | 32", "word\nown\nfew\nmany",
    ), "word")  # fmt: skip
    assert {word: row["sd"] for word, row in found.items()} == {"own": 0.9, "few": 0.5, "many": 0.5, "untried": 0.5}
    assert (found["many"]["n_texts"], found["many"]["is_powered"]) == (32, True)
    assert not found["untried"]["is_powered"]


def test_a_word_that_pushes_either_way_counts_once(warehouse):
    words = """
        kind   | word | label | used  | either_way | mean_score | n_examples
        word   | a    | b     | true  | false      | 1.0        | 9
        word   | c    | b     | false | true       | 0.2        | 9
        word   | c    | a     | false | true       | 0.1        | 9
        word   | d    | b     | false | false      | 0.1        | 9
        bigram | e f  | b     | true  | false      | 1.0        | 9
    """
    assert only(words_used(warehouse, words), "word", "label") == [("a", "b"), ("c", "b")]
