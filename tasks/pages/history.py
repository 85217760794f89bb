"""All audits of a config, over time: small multiples, and which findings each of them had."""

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
_NO_DATE = "%Y-%m-%d %H:%M"


def history_page(name: str, runs: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> str:
    """The page of a config: `runs`, newest first, as in warehouse/registry/kept.sql; `found`, their findings."""
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
        moment=_NO_DATE,
    )


def chart_of_runs(runs: Sequence[Mapping[str, Any]]) -> Markup:
    """Predictions per 1,000, findings and accuracy of each run, oldest first, with 95 % intervals."""
    rows = []
    for number, run in enumerate(runs):
        own = {"run": number, "when": f"{run['finished_at']:%m-%d}", "state": run["state"]}
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
    panels = [
        _panel([row for row in rows if row["figure"] == figure], title)
        for figure, title in titles.items()
        if figure in present
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


def _panel(rows: Sequence[Mapping[str, Any]], title: str) -> alt.LayerChart | alt.FacetChart:
    base = alt.Chart(pa.Table.from_pylist(list(rows))).encode(
        x=alt.X("run:O", title=None, axis=alt.Axis(labels=False, ticks=False)),
    )
    values = alt.Y(
        "value:Q", title=title, scale=alt.Scale(zero=title != "accuracy (%)", padding=6), axis=alt.Axis(tickCount=4)
    )
    lines = base.mark_line(color=BLUE, strokeWidth=1.5).encode(y=values)
    intervals = base.mark_rule(color=BLUE, strokeWidth=1.5).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    points = base.mark_point(filled=True, size=45, opacity=1).encode(
        y=values,
        color=alt.condition("datum.state == 'Act'", alt.value(ORANGE), alt.value(BLUE)),
        shape=alt.condition("datum.state == 'Act'", alt.value("square"), alt.value("circle")),
    )
    return alt.layer(intervals, lines, points).properties(width=680, height=96)
