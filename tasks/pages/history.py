"""All audits of a config, over time: small multiples, and which findings each of them had."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pyarrow as pa
from markupsafe import Markup

from tasks.pages.charts import BLUE, INK, ORANGE
from tasks.pages.drawn import drawn
from tasks.pages.render import render
from tasks.runs.kept import causes

MOST_FINDINGS, MOST_COLUMNS = 60, 14
"""Rows and columns of the table of findings; more are counted."""
MOST_DATES = 11
"""Audits whose day is written below the chart."""
_MOMENT = "%Y-%m-%d %H:%M"


def history_page(
    name: str,
    runs: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    reports: Mapping[str, str] | None = None,
) -> str:
    """The page of a config: `runs`, newest first, as in warehouse/registry/kept.sql; `found`, their findings.

    `reports`: run -> its page as this one links to it, where it is still there.
    """
    oldest_first = list(reversed(runs))
    shown = oldest_first[-MOST_COLUMNS:]
    known: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in found:
        known.setdefault((row["word"], row["label"], row["kind"]), {})[row["run_id"]] = row["status"]
    newest = [run["run_id"] for run in runs]
    # Those of the newest run first, then those seen in most runs.
    ordered = sorted(
        known.items(), key=lambda item: (newest[0] not in item[1] if newest else True, -len(item[1]), item[0])
    )
    rows = [
        {
            **run,
            "accuracy": run["n_correct"] / run["n_gold"] if run["n_gold"] else None,
            "causes": () if before is None else causes(before, run),
            "report": (reports or {}).get(run["run_id"]),
        }
        for before, run in zip([None, *oldest_first], oldest_first, strict=False)
    ]
    return render(
        "history.html.jinja",
        name=name,
        rows=rows[::-1],
        shown=shown,
        findings=[
            {"word": word, "label": label, "kind": kind, "statuses": statuses}
            for (word, label, kind), statuses in ordered[:MOST_FINDINGS]
        ],
        left=max(len(ordered) - MOST_FINDINGS, 0),
        chart=chart_of_runs(oldest_first),
        moment=_MOMENT,
    )


def chart_of_runs(runs: Sequence[Mapping[str, Any]]) -> Markup:
    """Predictions per 1,000, findings and accuracy of each run, oldest first, with 95 % intervals."""
    rows = []
    for number, run in enumerate(runs):
        own = {"run": number, "state": run["state"]}
        if run["per_1000"] is not None:
            low, high = run["per_1000_low"], run["per_1000_high"]
            rows.append({**own, "figure": "per 1,000", "value": run["per_1000"], "low": low, "high": high})
        findings = float(run["n_findings"])
        rows.append({**own, "figure": "findings", "value": findings, "low": findings, "high": findings})
        if run["n_gold"]:
            accuracy = 100 * run["n_correct"] / run["n_gold"]
            half = 196 * math.sqrt(accuracy / 100 * (1 - accuracy / 100) / run["n_gold"])
            rows.append(
                {**own, "figure": "accuracy", "value": accuracy, "low": accuracy - half, "high": accuracy + half}
            )
    if not rows:
        return Markup("")
    titles = {"per 1,000": "per 1,000", "findings": "findings", "accuracy": "accuracy (%)"}
    present = {row["figure"] for row in rows}
    figures = [figure for figure in titles if figure in present]
    days = [f"{run['finished_at']:%m-%d}" for run in runs]
    panels = [
        _panel([row for row in rows if row["figure"] == figure], titles[figure], days, dated=figure == figures[-1])
        for figure in figures
    ]
    chart = (
        alt.vconcat(*panels, spacing=14)
        .configure(background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor="#52606d", gridColor="#e9edf1", domainColor="#c3cad2", tickColor="#c3cad2"
        )
    )
    return drawn("history", chart.to_dict())


def _panel(
    rows: Sequence[Mapping[str, Any]], title: str, days: Sequence[str], *, dated: bool
) -> alt.LayerChart | alt.FacetChart:
    last, step = len(days) - 1, math.ceil(len(days) / MOST_DATES)
    dates = alt.Axis(labels=False, ticks=False)
    if dated:
        shown = [number for number in range(len(days)) if (last - number) % step == 0]
        dates = alt.Axis(values=shown, labelAngle=0, labelExpr=f"{json.dumps(days)}[datum.value]")
    base = alt.Chart(pa.Table.from_pylist(list(rows))).encode(
        # All audits in each panel, also where one has no such figure: a date is below its points.
        x=alt.X("run:O", title=None, axis=dates, scale=alt.Scale(domain=list(range(len(days))))),
    )
    ticks = alt.Axis(tickCount=4)
    if title == "findings":
        # There is no half of a finding.
        most = round(max(row["value"] for row in rows))
        ticks = alt.Axis(values=list(range(0, most + 1, max(math.ceil(most / 4), 1))))
    values = alt.Y("value:Q", title=title, scale=alt.Scale(zero=title != "accuracy (%)", padding=6), axis=ticks)
    lines = base.mark_line(color=BLUE, strokeWidth=1.5).encode(y=values)
    intervals = base.mark_rule(color=BLUE, strokeWidth=1.5).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    points = base.mark_point(filled=True, size=45, opacity=1).encode(
        y=values,
        color=alt.condition("datum.state == 'Act'", alt.value(ORANGE), alt.value(BLUE)),
        shape=alt.condition("datum.state == 'Act'", alt.value("square"), alt.value("circle")),
    )
    return alt.layer(intervals, lines, points).properties(width=680, height=96)
