"""The page of a retraining."""

import re

import pytest

from configs.schema import AuditConfig
from tasks.pages.fix import chart_of_gains, headline
from tasks.pages.render import render
from tasks.remedies.arms import Arm


def gain(arm, value, low, high, texts="all", **more):
    row = {"arm": arm, "texts": texts, "word": None, "n_texts": 1317, "before": 0.64, "after": 0.64 + value}
    own = {
        "gain": value,
        "gain_low": low,
        "gain_high": high,
        "n_better": 9,
        "n_worse": 2,
        "p_value": 0.01,
        "p_holm": 0.02,
    }
    return row | own | {"forecast": None} | more


PLACEBO = gain("placebo", 0.003, -0.011, 0.017)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [gain("labelling rules", 0.02, 0.01, 0.03), gain("all together", 0.07, 0.041, 0.099), PLACEBO],
            "Retraining helps: right on 71.0\u202f% of 1,317 held-out texts instead of 64.0\u202f%: +7.0 points, 95 % interval +4.1 to "
            "+9.9; as many random changes, +0.3 (−1.1 to +1.7).",
        ),
        (
            [gain("labelling rules", 0.005, -0.01, 0.02)],
            "No gain shown: right on 64.5\u202f% of 1,317 held-out texts instead of 64.0\u202f%: +0.5 points, 95 % interval −1.0 to +2.0.",
        ),
        (
            [gain("labelling rules", -0.02, -0.03, -0.01)],
            "Retraining harms: right on 62.0\u202f% of 1,317 held-out texts instead of 64.0\u202f%: −2.0 points, 95 % interval −3.0 to "
            "−1.0.",
        ),
        (
            [gain("last layer", 0.3, 0.2, 0.4), gain("labelling rules", 0.005, -0.01, 0.02)],
            "No gain shown: right on 64.5\u202f% of 1,317 held-out texts instead of 64.0\u202f%: +0.5 points, 95 % interval −1.0 to +2.0.",
        ),
        ([PLACEBO], "No remedy was tried."),
        # The gain of other texts is not told as that of all.
        ([gain("labelling rules", 0.5, 0.4, 0.6, texts="with a finding"), PLACEBO], "No remedy was tried."),
    ],
)  # fmt: skip
def test_a_gain_is_told_with_its_interval_and_the_placebo(rows, sentence):
    assert headline(rows) == sentence


GAINS = [gain("all together", 0.07, 0.041, 0.099, forecast=0.05), PLACEBO]


def page_of(gains=GAINS):
    findings = [
        {
            "kind": "word", "label": "film", "word": "<b>day</b>", "type": "content word", "status_before": "spurious",
            "status_after": None, "effect_before": 1.2, "effect_after": None, "per_1000_before": 9.0, "per_1000_after": None,
            "change": "gone",
        }
    ]  # fmt: skip
    return render(
        "fix.html.jinja", config=AuditConfig(model={"path": "m"}, data={"path": "d.csv"}, name="films"),
        arms=[Arm("as it is"), Arm("all together", changes=("surnames: day dropped",))],
        facts={"headline": headline(gains), "audited_again": "films-fixed_1"}, every=gains,
        grouped=[gain("all together", 0.1, 0.05, 0.15, texts="with a finding")],
        by_word=[gain("all together", 0.2, 0.1, 0.3, texts="with day", word="day")],
        findings=findings, chart=chart_of_gains(gains),
    )  # fmt: skip


def test_the_page_needs_no_script_for_its_chart_and_says_what_every_arm_changes():
    chart = chart_of_gains(GAINS)
    assert chart.startswith("<svg")
    assert "<script" not in chart
    html = page_of()
    assert "surnames: day dropped" in html
    assert "1 of 1 findings are gone, 0 are new" in html
    assert "<b>day</b>" not in html
    assert "hardly used" in html
    # The chart says the forecast, too: a tick beside the point.
    # It is drawn in colours that the style sheet of the page changes in the dark.
    known = set(re.findall(r'\[(?:fill|stroke)="(#[0-9a-f]{6})"\]', html))
    assert set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{3,6})"', chart)) <= known
    without = chart_of_gains([row | {"forecast": None} for row in GAINS])
    assert chart.count("<path") > without.count("<path")


def test_nothing_is_drawn_where_nothing_was_tried():
    assert chart_of_gains([]) == ""
