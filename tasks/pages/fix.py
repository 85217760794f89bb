"""The page of a retraining: its headline and its chart."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pyarrow as pa
from markupsafe import Markup

from tasks.pages.charts import BLUE, INK, ORANGE
from tasks.pages.drawn import drawn_in_rows
from tasks.pages.headlines import percent

PLACEBO, TOGETHER = "placebo", "all together"


def headline(gains: Sequence[Mapping[str, Any]]) -> str:
    """What the arm of all remedies gained, beside the placebo, in one sentence."""
    every = {row["arm"]: row for row in gains if row["texts"] == "all"}
    # A classifier that was trained again goes before one whose last layer was fitted.
    tried = sorted((row for arm, row in every.items() if arm != PLACEBO), key=lambda row: "last layer" in row["arm"])
    if not tried:
        return "No remedy was tried."
    best = every.get(TOGETHER) or tried[0]
    before, after = percent(best["before"], 1), percent(best["after"], 1)
    said = (
        f"right on {after} of {best['n_texts']:,} held-out texts instead of {before}: "
        f"{_points(best['gain'])} points, 95 % interval {_points(best['gain_low'])} to {_points(best['gain_high'])}"
    )
    shown = "Retraining helps" if best["gain_low"] > 0 else "No gain shown"
    if best["gain_high"] < 0:
        shown = "Retraining harms"
    beside = every.get(PLACEBO)
    if beside is not None:
        low, high = _points(beside["gain_low"]), _points(beside["gain_high"])
        said += f"; as many random changes, {_points(beside['gain'])} ({low} to {high})"
    return f"{shown}: {said}."


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def chart_of_gains(every: Sequence[Mapping[str, Any]]) -> Markup:
    """The gains with their intervals, as an SVG that needs no script."""
    rows = [
        {
            "arm": row["arm"],
            "gain": 100 * row["gain"],
            "low": 100 * row["gain_low"],
            "high": 100 * row["gain_high"],
            "forecast": None if row["forecast"] is None else 100 * row["forecast"],
            "what": "placebo" if row["arm"] == PLACEBO else "remedy",
        }
        for row in every
    ]
    if not rows:
        return Markup("")
    base = alt.Chart(pa.Table.from_pylist(rows)).encode(
        y=alt.Y("arm:N", sort=[row["arm"] for row in rows], title=None, axis=alt.Axis(labelLimit=260))
    )
    colour = alt.Color("what:N", scale=alt.Scale(domain=["remedy", "placebo"], range=[BLUE, ORANGE]), legend=None)
    zero = alt.Chart(pa.table({"zero": [0.0]})).mark_rule(color="#c3cad2", strokeDash=[4, 3]).encode(x="zero:Q")
    intervals = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", title="gain in accuracy (points), with its 95 % interval; a tick is the forecast"),
        x2="high:Q",
        color=colour,
    )
    gains = base.mark_point(filled=True, size=90).encode(
        x="gain:Q", color=colour, shape=alt.Shape("what:N", legend=None)
    )
    forecasts = base.mark_tick(thickness=2, size=18, color=INK).encode(x="forecast:Q")
    return drawn_in_rows("gains", alt.layer(zero, intervals, gains, forecasts), 34)
