"""Whether a finding has changed between two runs, against SciPy."""

import math

import pytest
from scipy import stats

from tests.sql.compare.made import insert_runs
from tests.sql.helpers import by

Z = stats.norm.ppf(0.975)


def verdict(run, word, status, effect, se, rate=5, share=0.05, kind="word"):
    low, high = effect - Z * se, effect + Z * se
    return f"{run} | {kind} | film | {word} | name | {status} | {effect} | {low} | {high} | {rate} | {rate - 2} | {rate + 3} | {share}"


def counts(run, **words):
    return "\n".join(f"{run} | {word} | {n} | 0.1" for word, n in words.items())


def changes(warehouse, fdr=0.05, **tables):
    insert_runs(warehouse, **{name: "\n".join(rows) for name, rows in tables.items()})
    return by(warehouse.rows("compare/finding_changes", before="a", after="b", fdr=fdr), "word")


def test_a_finding_is_new_only_where_the_difference_is_more_than_chance(warehouse):
    """day: the effect differs by 10 standard errors. may: by one. sun: it stood in no text before."""
    rows = changes(
        warehouse,
        verdicts=[
            verdict("a", "day", "genuine", 0.1, 0.1), verdict("b", "day", "spurious", 1.5, 0.1),
            verdict("a", "may", "unclear", 0.4, 0.2), verdict("b", "may", "spurious", 0.7, 0.2),
            verdict("b", "sun", "spurious", 0.9, 0.1, share=0.03),
        ],
        words=[counts("a", day=50, may=50), counts("b", day=50, may=50, sun=30)],
    )  # fmt: skip
    assert {word: row["change"] for word, row in rows.items()} == {"day": "new", "may": "only after", "sun": "new"}
    effect = rows["may"]
    se = math.hypot(0.2, 0.2)
    # Two figures are in both runs, effect and share: the smaller p-value counts twice.
    assert effect["p_value"] == pytest.approx(2 * 2 * stats.norm.sf(0.3 / se), rel=1e-5)
    assert effect["effect_change_low"] == pytest.approx(0.3 - Z * se, rel=1e-6)
    # Of shares with continuity correction; no other figure of sun is in both runs.
    pooled = 30 / 2000
    z = (0.03 - (1 / 1000 + 1 / 1000) / 2) / math.sqrt(pooled * (1 - pooled) * (2 / 1000))
    assert rows["sun"]["p_value"] == pytest.approx(2 * stats.norm.sf(z), rel=1e-5)
    # What stands in no text changes no prediction.
    assert (rows["sun"]["per_1000_before"], rows["sun"]["status_before"]) == (0, None)


def test_q_values_are_those_of_benjamini_and_hochberg_over_the_findings(warehouse):
    differences = {"a1": 0.2, "a2": 0.35, "a3": 0.5, "a4": 0.05}
    verdicts = [verdict("a", word, "spurious", 1.0, 0.1) for word in differences]
    verdicts += [verdict("b", word, "spurious", 1.0 + value, 0.1) for word, value in differences.items()]
    # Not spurious in either run: not compared here.
    verdicts += [verdict("a", "plain", "genuine", 1, 0.1), verdict("b", "plain", "genuine", 3, 0.1)]
    same = counts("a", **dict.fromkeys(differences, 50)), counts("b", **dict.fromkeys(differences, 50))
    rows = changes(warehouse, verdicts=verdicts, words=same)
    p_values = [min(2 * 2 * stats.norm.sf(value / math.hypot(0.1, 0.1)), 1) for value in differences.values()]
    wanted = stats.false_discovery_control(p_values)
    assert [rows[word]["q_value"] for word in differences] == pytest.approx(list(wanted), rel=1e-5)


def test_a_finding_of_both_runs_is_stronger_or_weaker_by_what_tells_them_apart(warehouse):
    """up: its effect grew. down: the same effect, in a tenth of the texts. lower: its attribution fell."""
    words = ("up", "down", "lower", "same")
    effects = {"up": (1, 2), "down": (1, 1), "lower": (1, 1), "same": (1, 1.1)}
    rows = changes(
        warehouse,
        verdicts=[
            verdict(run, word, "spurious", effects[word][i], 0.1) for i, run in enumerate("ab") for word in words
        ],
        words=[counts("a", up=100, down=100, lower=100, same=100), counts("b", up=100, down=10, lower=100, same=100)],
        means=[
            f"{run} | word | film | lower | 100 | {score} | 0.05" for run, score in (("a", 1.0), ("b", 0.4))
        ],
    )  # fmt: skip
    assert {word: rows[word]["change"] for word in words} == {
        "up": "stronger", "down": "weaker", "lower": "weaker", "same": "as before",
    }  # fmt: skip
    t = (0.4 - 1.0) / math.hypot(0.05, 0.05)
    assert rows["lower"]["p_value"] == pytest.approx(3 * 2 * stats.t.sf(-t, 198), rel=0.1)


def test_gone_is_not_said_of_what_was_merely_not_found_again(warehouse):
    rows = changes(
        warehouse,
        verdicts=[
            verdict("a", "gone", "spurious", 1.5, 0.1), verdict("b", "gone", "negligible", 0.0, 0.02),
            verdict("a", "part", "part", 1.0, 0.3), verdict("b", "part", "unclear", 0.8, 0.3),
            verdict("a", "… bye", "spurious", 1.0, 0.3, kind="pattern"),
        ],
        words=[counts("a", gone=50, part=50), counts("b", gone=50, part=50)],
    )  # fmt: skip
    assert {word: row["change"] for word, row in rows.items()} == {
        "gone": "gone", "part": "only before", "… bye": "only before",
    }  # fmt: skip
    # Nothing is known of the pattern in the later run: no test, and no figure.
    pattern = rows["… bye"]
    assert (pattern["p_value"], pattern["q_value"], pattern["per_1000_change"], pattern["share_after"]) == (None,) * 4


def test_the_interval_of_a_change_is_put_together_from_both(warehouse):
    rows = changes(
        warehouse,
        verdicts=[verdict("a", "day", "spurious", 1, 0.1, rate=5), verdict("b", "day", "spurious", 1, 0.1, rate=9)],
        words=[counts("a", day=50), counts("b", day=50)],
    )
    # 5 (3 to 8), 9 (7 to 12): down 2 and up 3 on both sides.
    row = rows["day"]
    assert row["per_1000_change"] == 4
    assert row["per_1000_change_low"] == pytest.approx(4 - math.hypot(2, 3))
    assert row["per_1000_change_high"] == pytest.approx(4 + math.hypot(3, 2))
