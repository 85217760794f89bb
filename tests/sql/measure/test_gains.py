"""What a retraining gained, against NumPy and SciPy."""

import numpy as np
import pytest
from scipy import stats

VERDICTS = """
    kind | label | word | status
    word | film  | day  | spurious
    word | film  | hope | part
    word | other | lol  | genuine
"""
LABELS = ["film", "other"]


def part(warehouse, rights, figure="measured"):
    """Predictions by arm: for each seed, whether each text is read rightly. Text i is labelled i % 2."""
    lines = [
        f"{arm} | {seed} | {figure} | {i} | {i % 2} | {i % 2 if right else 1 - i % 2}"
        for arm, seeds in rights.items()
        for seed, own in enumerate(seeds)
        for i, right in enumerate(own)
    ]
    return warehouse.part("arm | seed | figure | row_number | label:integer | predicted:integer\n" + "\n".join(lines))


def gains_of(warehouse, parts, words):
    """The rows by arm and texts; `words`: the findings that each text holds."""
    warehouse.insert("verdicts", VERDICTS)
    held = [f"{i} | t{i} | text | {own}" for i, own in enumerate(words)]
    held_out = warehouse.part("row_number | source_id | text | joined:varchar\n" + "\n".join(held))
    # A list of words is written with + in a table of text.
    held_out = split(warehouse, held_out)
    params = {"prediction_parts": parts, "held_out_parts": [held_out], "labels": LABELS, "base": "as it is"}
    warehouse.build("measure/arm_texts", **params)
    return {(row["arm"], row["texts"]): row for row in warehouse.build("measure/gains", **params)}


def split(warehouse, path):
    other = path.replace("part-", "split-")
    warehouse.connection.execute(
        f"copy (select * exclude joined, if(joined is null, [], string_split(joined, '+')) as words "
        f"from read_parquet('{path}')) to '{other}' (format parquet)"
    )
    return other


def test_the_gain_varies_with_texts_and_with_seeds(warehouse):
    rng = np.random.default_rng(0)
    before, after = rng.random((3, 40)) < 0.6, rng.random((3, 40)) < 0.8
    part_ = part(warehouse, {"as it is": before, "rules": after})
    row = gains_of(warehouse, [part_], ["null"] * 40)["rules", "all"]
    by_text = after.mean(axis=0) - before.mean(axis=0)
    by_seed = after.mean(axis=1) - before.mean(axis=1)
    texts, seeds = by_text.var(ddof=1) / 40, by_seed.var(ddof=1) / 3
    freedom = (texts + seeds) ** 2 / (texts**2 / 39 + seeds**2 / 2)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(texts + seeds)
    assert (row["before"], row["after"]) == (pytest.approx(before.mean()), pytest.approx(after.mean()))
    assert row["gain"] == pytest.approx(by_text.mean())
    assert row["gain_low"] == pytest.approx(by_text.mean() - half, rel=1e-2)
    assert row["gain_high"] == pytest.approx(by_text.mean() + half, rel=1e-2)
    most_before, most_after = before.mean(axis=0) > 0.5, after.mean(axis=0) > 0.5
    better, worse = int((most_after & ~most_before).sum()), int((most_before & ~most_after).sum())
    assert (row["n_better"], row["n_worse"]) == (better, worse)
    assert row["p_value"] == pytest.approx(stats.binomtest(better, better + worse).pvalue)


def test_p_values_are_adjusted_by_holm_and_the_arm_of_no_change_is_none(warehouse):
    # Better in 10, 6 and 4 of 20 texts, worse in none: p = 2 / 2^n.
    arms = {name: [[False] * 20] for name in ("as it is", "a", "b", "c")}
    for name, n in (("a", 10), ("b", 6), ("c", 4)):
        arms[name] = [[i < n for i in range(20)]]
    rows = gains_of(warehouse, [part(warehouse, arms)], ["null"] * 20)
    assert {arm for arm, _ in rows} == {"a", "b", "c"}
    adjusted = [rows[name, "all"]["p_holm"] for name in "abc"]
    assert adjusted == [pytest.approx(3 * 2**-9), pytest.approx(2 * 2**-5), pytest.approx(2**-3)]
    # One seed: only texts vary.
    own = np.repeat([1.0, 0.0], [10, 10])
    half = stats.t.ppf(0.975, 19) * own.std(ddof=1) / np.sqrt(20)
    assert rows["a", "all"]["gain_high"] == pytest.approx(0.5 + half, rel=1e-3)


def test_texts_with_a_finding_and_those_that_it_misleads(warehouse):
    # Even texts are films, odd ones are not. lol is no finding.
    words = ["day", "day+hope", "hope", "lol", "null", "day"]
    arms = {"as it is": [[True, False, True, True, True, False]], "rules": [[True, True, True, True, True, False]]}
    rows = gains_of(warehouse, [part(warehouse, arms)], words)
    found = {texts: (row["n_texts"], row["before"], row["after"]) for (_, texts), row in rows.items()}
    assert found == {
        "all": (6, pytest.approx(4 / 6), pytest.approx(5 / 6)),
        "with a finding": (4, pytest.approx(2 / 4), pytest.approx(3 / 4)),
        "against a finding": (2, 0, pytest.approx(1 / 2)),
        "with day": (3, pytest.approx(1 / 3), pytest.approx(2 / 3)),
        "against day": (2, 0, pytest.approx(1 / 2)),
        "with hope": (2, pytest.approx(1 / 2), 1),
        "against hope": (1, 0, 1),
    }


def test_a_forecast_stands_beside_what_was_measured(warehouse):
    measured = part(warehouse, {"as it is": [[True, False]], "rules": [[True, True]]})
    forecast = part(warehouse, {"as it is": [[True, True]], "rules": [[True, False]]}, "forecast")
    row = gains_of(warehouse, [measured, forecast], ["null", "null"])["rules", "all"]
    assert (row["gain"], row["forecast"]) == (0.5, -0.5)
    row = gains_of(warehouse, [measured], ["null", "null"])["rules", "all"]
    assert row["forecast"] is None


def test_findings_before_and_after(warehouse):
    warehouse.insert("verdicts", """
        kind | label | word | type         | status   | effect:double | per_1000:double
        word | film  | day  | content word | spurious | 1.0           | 9
        word | film  | hope | name         | spurious | 0.8           | 5
        word | film  | rock | content word | part     | 0.7           | 4
        word | film  | epic | content word | genuine  | 0.7           | 4
    """)  # fmt: skip
    again = warehouse.part("""
        kind | label | word | type         | status   | effect:double | per_1000:double
        word | film  | hope | name         | spurious | 0.3           | 2
        word | film  | rock | content word | unclear  | 0.1           | 0
        word | film  | epic | content word | genuine  | 0.9           | 4
        word | other | lol  | content word | spurious | 0.9           | 3
    """)
    rows = warehouse.build("measure/audited_again", tried_parts=[again])
    assert {row["word"]: (row["change"], row["status_before"], row["status_after"]) for row in rows} == {
        "day": ("gone", "spurious", None), "hope": ("stays", "spurious", "spurious"), "rock": ("gone", "part", "unclear"),
        "lol": ("new", None, "spurious"),
    }  # fmt: skip
