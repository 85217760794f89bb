"""The rules of the verdicts, one after the other."""

import json

import numpy as np
import pytest
from scipy import stats

from tasks.pages.rules import told
from tests.sql.helpers import by, judged

JUDGING = {
    "min_effect": 0.1, "min_operators": 2, "min_texts": 12, "min_flip_rate": 0.125, "max_predicted": 0.15, "max_opposite": 0.25, "max_variation": 1.0, "min_surface": 0.6, "max_surface": 0.2,
}  # fmt: skip


EVIDENCE = {
    "kind": "word", "label": "a", "n_trials": 32, "n_texts": 16, "delete_effect": 1.0, "mask_effect": 1.0, "swap_effect": 1.0, "insert_effect": 1.0,
    "effect": 1.0, "pooled_low": 0.5, "pooled_high": 1.5, "n_agreeing": 4, "n_for": 4, "n_against": 0, "flip_rate": 0.2, "flip_rate_low": 0.1, "n_flipping": 0, "necessity": 0.5, "sufficiency": 0.25, "swap_size": 1.0, "opposite_share": 0.0,
    "coefficient_of_variation": 0.5, "n_neighbours": 0, "neighbour_loss": 0.0, "neighbour_size": 0.0, "replacement_size": 1.0,
}  # fmt: skip


NO_INTERACTIONS = "word:varchar | partner:varchar"


def verdicts_of(
    warehouse,
    evidence,
    types,
    waivers=(),
    association="",
    interactions=NO_INTERACTIONS,
    meaning="word:varchar",
    **params,
):
    judged(warehouse, "word\n" + "\n".join(row.split("|")[0] for row in types.splitlines()[1:]), types, association)
    warehouse.build("screen/candidates", max_candidates=99)
    warehouse.insert("evidence", evidence, **EVIDENCE)
    warehouse.insert("interactions", interactions, label="a", comparison="presence", effect=2.0, other_effect=0.0)
    columns = meaning.splitlines()[0]
    missing = {name: None for name in ("expected", "predicted_share", "residual") if name not in columns}
    warehouse.insert("expected_effects", meaning, label="a", effect=1.0, **missing)
    warehouse.build("judge/waivers", waivers=json.dumps(list(waivers)))
    rows = warehouse.build("judge/verdicts", **{**JUDGING, **params})
    assert warehouse.rows("checks/verdicts__every_candidate_has_one") == []
    # Every rule that fires has a sentence, with all of its figures.
    assert all(told(row["rules"]) for row in rows)
    return by(rows, "word")


@pytest.mark.parametrize(
    ("kind", "group", "evidence", "verdict"),
    [
        ("name", "null", "n_agreeing | n_against\n4 | 0", "spurious"),
        ("number", "null", "n_agreeing | n_against\n2 | 0", "spurious"),
        ("mixed script", "null", "n_agreeing | n_against\n4 | 0", "spurious"),
        ("markup", "negation", "n_agreeing | n_against\n4 | 0", "genuine"),
        ("name", "null", "n_agreeing | n_against\n1 | 0", "unclear"),
        ("name", "null", "n_agreeing | n_against\n3 | 1", "unclear"),
        ("name", "null", "pooled_low\n-0.01", "unclear"),
        # Not by their mean, but two operators change predictions for sure.
        ("name", "null", "pooled_low | effect | n_flipping\n-0.01 | 0.0 | 2", "spurious"),
        ("name", "null", "pooled_low | effect | n_flipping\n-0.01 | 0.0 | 1", "unclear"),
        ("name", "null", "effect\n0.09", "unclear"),
        ("name", "null", "opposite_share\n0.5", "spurious"),
        ("punctuation", "null", "coefficient_of_variation\n0.9", "spurious"),
        ("punctuation", "null", "coefficient_of_variation\n1.1", "context-dependent"),
        ("function word", "negation", "coefficient_of_variation\n0.5", "genuine"),
        ("function word", "negation", "coefficient_of_variation\n1.1", "context-dependent"),
        ("function word", "intensifier", "opposite_share\n0.25", "context-dependent"),
        ("function word", "preposition", "coefficient_of_variation\n0.5", "unclear"),
        ("content word", "null", "coefficient_of_variation\n0.5", "genuine"),
        ("content word", "null", "coefficient_of_variation\n1.1", "context-dependent"),
        ("content word", "null", "n_neighbours | neighbour_loss | neighbour_size\n4 | 1.0 | 0.5", "unclear"),
        # Opposites among the neighbours do more than any word does.
        ("content word", "null", "n_neighbours | neighbour_loss | neighbour_size\n4 | 1.0 | 2.0", "genuine"),
    ],
)
def test_a_verdict_is_by_the_first_rule_that_fits(warehouse, kind, group, evidence, verdict):
    header, row = evidence.split("\n")
    found = verdicts_of(
        warehouse, f"word | {header}\nx | {row}", f"word | type | word_group:varchar\nx | {kind} | {group}"
    )
    assert (found["x"]["verdict"], found["x"]["status"]) == (verdict, verdict)
    assert len(found["x"]["rules"]) >= 1


@pytest.mark.parametrize(
    ("loss", "predicted_share", "verdict"),
    [
        (0.5, "null", "unclear"),
        (0.2, "null", "genuine"),  # neighbours do the same
        (0.5, 0.49, "unclear"),
        (0.5, 0.5, "genuine"),  # words of similar meaning predict half of it
        (0.6, 0.9, "unclear"),  # tied to its surface
    ],
)
def test_a_word_without_support_of_the_labels_is_genuine_only_by_its_meaning(warehouse, loss, predicted_share, verdict):
    found = verdicts_of(
        warehouse, f"word | n_neighbours | neighbour_loss | neighbour_size\nx | 4 | {loss} | 0.5", "word | type\nx | content word",
        association="word | label_rate | label_share | rate_low | z\nx | 0.5 | 0.5 | 0.4 | 0.0",
        meaning=f"word | predicted_share:double\nx | {predicted_share}",
    )  # fmt: skip
    assert found["x"]["verdict"] == verdict
    assert ("meaning.explains" in [rule["rule"] for rule in found["x"]["rules"]]) == (predicted_share in (0.5, 0.9))


@pytest.mark.parametrize(
    ("kind", "n_texts", "verdict"),
    [("content word", 12, "spurious"), ("content word", 11, "unclear"), ("name", 3, "spurious")],
)
def test_few_texts_make_no_content_word_spurious(warehouse, kind, n_texts, verdict):
    found = verdicts_of(
        warehouse, f"word | n_texts\nx | {n_texts}", f"word | type\nx | {kind}", interactions="word | partner\nx | y"
    )
    assert found["x"]["verdict"] == verdict
    assert ("texts.too_few" in [rule["rule"] for rule in found["x"]["rules"]]) == (verdict == "unclear")


@pytest.mark.parametrize(
    ("interactions", "kind", "group", "verdict"),
    [
        ("word | partner\nx | y", "content word", "null", "spurious"),
        ("word | partner\nother | y", "content word", "null", "genuine"),
        ("word | partner\nx | not", "content word", "null", "genuine"),  # beside a negation anybody would
        ("word | partner\nx | y", "function word", "negation", "genuine"),
        ("word | partner\nx | y", "function word", "preposition", "unclear"),
    ],
)
def test_a_content_word_that_acts_beside_another_is_spurious(warehouse, interactions, kind, group, verdict):
    found = verdicts_of(
        warehouse, "word\nx", f"word | type | word_group:varchar\nx | {kind} | {group}\nnot | function word | negation", interactions=interactions
    )  # fmt: skip
    assert found["x"]["verdict"] == verdict


@pytest.mark.parametrize(
    ("beyond", "sign", "predicted_share", "flip_rate_low", "kind", "verdict"),
    [
        (0.01, 1, 0.14, 0.0, "content word", "spurious"),
        (-0.01, 1, 0.14, 0.0, "content word", "genuine"),
        (0.01, -1, -0.3, 0.0, "content word", "spurious"),  # a word without a score may push towards the other label
        (0.01, 1, 0.15, 0.0, "content word", "genuine"),  # its meaning explains a part
        (0.01, 1, 0.14, 0.0, "function word", "unclear"),
        # Where embeddings predict nothing.
        (0.01, 1, "null", 0.125, "content word", "spurious"),
        (0.01, 1, "null", 0.124, "content word", "genuine"),
        (-0.01, 1, "null", 0.5, "content word", "genuine"),
    ],
)
def test_an_effect_far_beyond_what_its_meaning_explains_is_spurious(
    warehouse, beyond, sign, predicted_share, flip_rate_low, kind, verdict
):
    """Oracle: median and median absolute deviation by SciPy."""
    residuals = {f"w{i}": i / 20 for i in range(13)}

    # Neither depends on how far out it is.
    every = [*residuals.values(), sign * 99.0]
    distance = 5 * float(stats.median_abs_deviation(every, scale="normal"))
    residuals["x"] = float(np.median(every)) + sign * (distance + beyond)
    expected = "null" if predicted_share == "null" else 0.1
    meaning = "word | residual | predicted_share:double | expected:double\n" + "\n".join(
        f"{word} | {own} | {predicted_share if word == 'x' else 0.14} | {expected}" for word, own in residuals.items()
    )
    effect = 3.0 * sign
    agree, against = (4, 0) if sign == 1 else (0, 4)
    verdicts_of(
        warehouse,
        f"word | effect | pooled_low | pooled_high | n_agreeing | n_for | n_against | flip_rate_low\nx | {effect} | {effect - 1} | {effect + 1} | {agree} | {agree} | {against} | {flip_rate_low}",
        f"word | type\nx | {kind}", meaning=meaning,
    )  # fmt: skip
    warehouse.connection.execute("update candidates set is_used = false")
    (row,) = warehouse.build("judge/verdicts", **JUDGING)
    assert row["verdict"] == verdict
    told = {"meaning.unexplained", "meaning.outweighs"} & {rule["rule"] for rule in row["rules"]}
    assert bool(told) == (verdict != "genuine")


@pytest.mark.parametrize(
    ("loss", "rate_low", "verdict"), [(0.2, 0.4, "unclear"), (0.21, 0.4, "spurious"), (0.2, 0.6, "spurious")]
)
def test_what_neighbours_do_as_well_and_no_label_supports_was_learned_from_one_of_them(
    warehouse, loss, rate_low, verdict
):
    meaning = "word | residual | predicted_share:double | expected\nx | 9.0 | 0.1 | 0.9\n" + "\n".join(
        f"w{i} | {i / 10} | 0.5 | 0.1" for i in range(12)
    )
    found = verdicts_of(
        warehouse, f"word | n_neighbours | neighbour_loss | neighbour_size\nx | 4 | {loss} | 0.5", "word | type\nx | content word",
        association=f"word | label_rate | label_share | rate_low | z\nx | 0.5 | 0.5 | {rate_low} | {10 * (rate_low - 0.4)}", meaning=meaning,
    )  # fmt: skip
    assert found["x"]["verdict"] == verdict


def test_eleven_words_are_too_few_to_tell_what_is_far_out(warehouse):
    meaning = "word | residual\nx | 99.0\n" + "\n".join(f"w{i} | {i / 10}" for i in range(10))
    assert (
        verdicts_of(warehouse, "word\nx", "word | type\nx | content word", meaning=meaning)["x"]["verdict"] == "genuine"
    )


@pytest.mark.parametrize(
    ("effect", "low", "high", "n_for", "n_against", "verdict"),
    [
        (1.0, 0.51, 1.49, 4, 0, "spurious"),
        (1.0, 0.49, 1.51, 4, 0, "unclear"),  # twice as wide, the interval would hold 0
        (-1.0, -1.49, -0.51, 0, 3, "spurious"),  # for the other label
        (-1.0, -1.51, -0.49, 0, 3, "unclear"),
        (-1.0, -1.49, -0.51, 1, 3, "unclear"),
        (-1.0, -1.49, -0.51, 0, 1, "unclear"),
        (-0.09, -0.10, -0.08, 0, 3, "unclear"),
    ],
)
def test_a_word_without_a_score_needs_twice_the_interval_and_may_speak_for_either_label(
    warehouse, effect, low, high, n_for, n_against, verdict
):
    verdicts_of(
        warehouse,
        f"word | effect | pooled_low | pooled_high | n_agreeing | n_for | n_against\nx | {effect} | {low} | {high} | {n_for} | {n_for} | {n_against}",
        "word | type\nx | name",
    )
    warehouse.connection.execute("update candidates set is_used = false")
    (row,) = warehouse.build("judge/verdicts", **JUDGING)
    assert row["verdict"] == verdict
    # document_frequency 0.5 of the importance, harm 0.5 of the evidence
    assert row["severity"] == 0.5 * abs(effect) * 0.5


def test_severity_is_reach_times_strength_times_harm(warehouse):
    found = verdicts_of(warehouse, "word | effect\nx | 2.0", "word | type\nx | name")
    # document_frequency 0.5 of the importance, effect 2, harm the larger of 0.5 and 0.25
    assert found["x"]["severity"] == 0.5 * 2.0 * 0.5


def waiver(word, label="", expired=False):
    return {
        "word": word,
        "label": label,
        "reason": "known",
        "owner": "desk",
        "expires": "2027-06-30",
        "expired": expired,
    }


@pytest.mark.parametrize(
    ("waivers", "status"),
    [
        ([waiver("x")], "waived"),
        ([waiver("x", "a")], "waived"),
        ([waiver("x", "b")], "spurious"),
        ([waiver("x", expired=True)], "spurious"),
        ([waiver("x", "a", expired=True), waiver("x")], "waived"),
    ],
)
def test_a_waiver_keeps_the_verdict_and_changes_its_standing_until_it_expires(warehouse, waivers, status):
    found = verdicts_of(warehouse, "word\nx", "word | type\nx | name", waivers)
    assert (found["x"]["verdict"], found["x"]["status"]) == ("spurious", status)
    assert found["x"]["waived_by"] == ("desk" if status == "waived" else None)
