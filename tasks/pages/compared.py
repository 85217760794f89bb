"""Two runs side by side, in sentences and in a chart."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pyarrow as pa
from markupsafe import Markup

from tasks.pages.charts import BLUE, GREY, INK, ORANGE
from tasks.pages.drawn import drawn
from tasks.runs.kept import Comparison, change_per_1000, per_1000

ALIKE = 0.9
"""nDCG below this is drift, by the rule of SageMaker Clarify."""
_MOST_BARS = 24
_CHANGED = {True: "shown to have changed", False: "not shown to have changed"}


def headline(comparison: Comparison) -> str:
    """What changed among the findings, and what hangs on all of them."""
    counts = counted(comparison)
    said = [
        f"{counts[change]:,} {'finding is' if counts[change] == 1 else 'findings are'} {change}"
        for change in ("new", "gone", "stronger", "weaker")
        if counts[change]
    ]
    # Contract of the whole product: what was not significant is not told as absent.
    alone = counts["only after"] + counts["only before"]
    chance = f"{alone:,} {'is' if alone == 1 else 'are'} spurious in one run alone, which shows no change by itself"
    if not said:
        said = ["No finding is shown to have changed"]
    return f"{', '.join(said)}{f'; {chance}' if alone else ''}. {_harm(comparison)}"


def counted(comparison: Comparison) -> dict[str, int]:
    """Kind of change -> findings."""
    found = dict.fromkeys(("new", "gone", "stronger", "weaker", "only after", "only before", "as before"), 0)
    for row in comparison.findings:
        found[row["change"]] += 1
    return found


def _harm(comparison: Comparison) -> str:
    before, after = per_1000(comparison.before), per_1000(comparison.after)
    change = change_per_1000(comparison.before, comparison.after, comparison.findings)
    if before is None or after is None or change is None:
        return "What hangs on all findings together could not be measured in both runs."
    interval = (
        "" if change.low is None else f", 95 % interval {_signed(change.low)} to {_signed(change.high or change.value)}"
    )
    return (
        f"On all findings together hang {after.value:.1f} of 1,000 predictions, before {before.value:.1f} "
        f"({_signed(change.value)}{interval})."
    )


def _signed(value: float) -> str:
    # Less than half of the last digit below 0 is no negative number.
    return f"{round(value, 1) + 0.0:+.1f}".replace("-", "−")


_NAMES = {
    "data": "the data",
    "weights": "the weights",
    "tokenizer": "the tokenizer",
    "model": "the model",
    "settings": "the settings of the audit",
    "versions": "the versions of the packages",
}


def told_causes(comparison: Comparison) -> str:
    """What of data, model, tokenizer, settings and packages differs, and whether their shares can be told apart."""
    names = [_NAMES[cause] for cause in comparison.causes]
    if not names:
        return "Nothing that went in differs: data, model, settings and packages are the same."
    if len(names) == 1:
        verb = "differ" if comparison.causes[0] in ("data", "weights", "settings", "versions") else "differs"
        return f"Of all that went in only {names[0]} {verb}: what has changed is due to that, or to chance."
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    listed = f"{listed[0].upper()}{listed[1:]}"
    if comparison.split:
        return (
            f"{listed} differ. Both models were audited on both data, so the difference is split: "
            f"{_split(comparison.split)}"
        )
    hint = ""
    if (
        comparison.before["data"] != comparison.after["data"]
        and comparison.before["model"] != comparison.after["model"]
    ):
        hint = " Audit the new model on the old data and the old model on the new, and compare again."
    return f"{listed} differ: what is due to which is confounded.{hint}"


def _split(rows: Sequence[Mapping[str, Any]]) -> str:
    said = []
    for row in rows:
        if row["figure"] == "per_1000":
            said.append(
                f"of {_signed(row['difference'])} per 1,000 predictions {_signed(row['of_data'])} are of the data and "
                f"{_signed(row['of_model'])} of the model"
            )
        elif row["figure"] == "accuracy":
            data, model, whole = (_signed(100 * row[name]) for name in ("of_data", "of_model", "difference"))
            said.append(f"of {whole} points of accuracy {data} are of the data and {model} of the model")
    return f"{'; '.join(said)}." if said else "the table has the shares of each finding."


def told_ranking(comparison: Comparison) -> str:
    """How alike the two runs rank words."""
    ndcg, rbo = comparison.ranking["ndcg"], comparison.ranking["rbo"]
    if ndcg is None or rbo is None:
        return "The importance of words cannot be compared: one of the runs has none."
    drift = f"nDCG {ndcg:.3f}" + (f", drift by the rule of SageMaker Clarify (below {ALIKE:g})" if ndcg < ALIKE else "")
    return f"How alike both rank words by importance: {drift}; rank-biased overlap {rbo:.3f}."


def chart_of_changes(findings: Sequence[Mapping[str, Any]]) -> Markup:
    """Change of the predictions per 1,000 that hang on each finding, with its interval."""
    rows = [
        {
            "finding": f"{row['word']} → {row['label']}",
            "change": row["per_1000_change"],
            "low": row["per_1000_change_low"],
            "high": row["per_1000_change_high"],
            "what": _CHANGED[row["change"] in ("new", "gone", "stronger", "weaker")],
        }
        for row in findings
        if row["per_1000_change"] is not None
    ][:_MOST_BARS]
    if not rows:
        return Markup("")
    base = alt.Chart(pa.Table.from_pylist(rows)).encode(
        y=alt.Y("finding:N", sort=[row["finding"] for row in rows], title=None, axis=alt.Axis(labelLimit=240)),
        color=alt.Color(
            "what:N",
            scale=alt.Scale(domain=[_CHANGED[True], _CHANGED[False]], range=[ORANGE, BLUE]),
            legend=alt.Legend(title=None, orient="top"),
        ),
    )
    zero = alt.Chart(pa.table({"zero": [0.0]})).mark_rule(color=GREY, strokeDash=[4, 3]).encode(x="zero:Q")
    intervals = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title="change in predictions per 1,000 texts, with its 95 % interval"), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x="change:Q", shape=alt.Shape("what:N", legend=None)
    )
    chart = (
        alt.layer(zero, intervals, points)
        .properties(width=680, height=alt.Step(26), background="transparent")
        .configure_view(stroke=None)
        .configure_axis(labelColor=INK, titleColor="#52606d", gridColor="#e9edf1", domainColor="#c3cad2")
        .configure_legend(labelColor=INK)
    )
    return drawn("changes", chart.to_dict())
