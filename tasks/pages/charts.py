"""The charts of the page. One chart is one query of `warehouse/report/` and one pure function.

Blue is for what pushes towards a label or is in order, orange for what is spurious: a pair
that stays apart for every kind of colour vision. Shapes and words say the same again.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import pyarrow as pa
import pyarrow.compute

AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart

BLUE, ORANGE, GREY, INK = "#2f6ea5", "#c05a00", "#8a94a0", "#1f2933"

_MARGIN_LEFT = 100
"""Room for the words beside the bars, the same in every chart of a row."""

_WIDE, _NARROW = 720, 360
"""Widths of drawings: of a whole column, and of one of two columns or a phone.  [px]"""

_VERDICT = alt.Scale(domain=["not spurious", "spurious"], range=[BLUE, ORANGE])

_SHAPES = {"meaning": "has a meaning", "none": "should not decide", "exempt": "not judged"}
"""What is expected of a type -> the legend of its shape."""
_FRAGMENT = "fragment"

MAX_QUADRANTS = 4
"""Labels with a quadrant; the table beside them has all."""


def quadrant(source: pa.Table, label: str, other: str, unit: str) -> AnyChart:
    """Label association against model use, seen from one label."""
    shapes = list(_SHAPES.values())
    groups = [
        _FRAGMENT if row["kind"] == "piece" else _SHAPES.get(row["expectation"], shapes[-1])
        for row in source.select(["kind", "expectation"]).to_pylist()
    ]
    shapes = [shape for shape in (*shapes, _FRAGMENT) if shape in groups]
    kinds = dict(zip([*_SHAPES.values(), _FRAGMENT], ["circle", "square", "triangle-up", "cross"], strict=True))
    source = source.append_column("group", pa.array(groups, pa.string()))
    source = source.append_column("side", pa.array(sides_of_captions(source.to_pylist()), pa.string()))
    base = alt.Chart(source).encode(
        x=alt.X(
            "log_odds:Q",
            title="label association (log-odds)",
            scale=alt.Scale(padding=24, nice=False),
            axis=alt.Axis(tickCount=8),
        ),
        # Room above and below for the captions of the corners.
        y=alt.Y(
            "mean_score:Q",
            title=f"model use: mean score ({unit})",
            scale=alt.Scale(padding=52, nice=False),
            axis=alt.Axis(tickCount=8),
        ),
    )
    verdict = alt.Color("verdict:N", scale=_VERDICT, legend=alt.Legend(title=None, orient="top"))
    points = base.mark_point(filled=True, opacity=0.6, size=45).encode(
        shape=alt.Shape(
            "group:N",
            scale=alt.Scale(domain=shapes, range=[kinds[shape] for shape in shapes]),
            legend=alt.Legend(title=None, orient="top", labelLimit=260, symbolFillColor="#52606d"),
        ),
        color=verdict,
    )
    words = [
        base.transform_filter(alt.datum.side == side)
        .mark_text(align="right" if dx < 0 else "left", dx=dx, dy=dy, fontSize=11)
        .encode(text="caption:N", color=verdict)
        for side, (dx, dy) in _SIDES.items()
        if side in source["side"].to_pylist()
    ]
    return _styled(alt.layer(*_corners(label, other), points, *words), _HIGH, _WIDE)


_HIGH = 420
_SIDES = {"right": (8, 0), "left": (-8, 0), "above": (6, -14), "below": (6, 14)}
"""Where a caption stands beside its point, tried in this order.  [px]"""
_LETTER, _LINE = 6.4, 13.0
"""Width of a letter and height of a line of a caption.  [px]"""
_POINT = 4.0
"""Half of the width of a point.  [px]"""
_CORNER = (140.0, 44.0)
"""What the caption of a corner takes.  [px]"""


def sides_of_captions(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where each caption of the quadrant stands so that none touches another, a corner or the frame; '' for those that
    have no caption, or no room. Spurious words are placed first, then those that the model uses most."""
    places = {axis: _pixels([row[axis] for row in rows], size, padding) for axis, size, padding in _AXES}
    captioned = [n for n, row in enumerate(rows) if row["caption"]]
    captioned.sort(key=lambda n: (rows[n]["verdict"] != "spurious", -abs(rows[n]["mean_score"]), n))
    wide, high = _CORNER
    taken = [(x, y, x + wide, y + high) for x in (0.0, _WIDE - wide) for y in (0.0, _HIGH - high)]
    points = [(places["log_odds"][n], _HIGH - places["mean_score"][n]) for n in captioned]
    taken += [(x - _POINT, y - _POINT, x + _POINT, y + _POINT) for x, y in points]
    found = [""] * len(rows)
    for n in captioned:
        x, y = places["log_odds"][n], _HIGH - places["mean_score"][n]
        for side, (dx, dy) in _SIDES.items():
            width = _LETTER * len(rows[n]["caption"])
            left = x + dx - (width if dx < 0 else 0)
            box = (left, y + dy - _LINE / 2, left + width, y + dy + _LINE / 2)
            inside = box[0] >= 0 and box[2] <= _WIDE
            if inside and not any(_touch(box, other) for other in taken):
                found[n] = side
                taken.append(box)
                break
    return found


_AXES = (("log_odds", _WIDE, 24), ("mean_score", _HIGH, 52))
"""Column, length of its axis and the padding at both of its ends.  [px]"""

_Box = tuple[float, float, float, float]


def _touch(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _pixels(values: Sequence[float], length: int, padding: int) -> list[float]:
    # The axes are drawn through 0.
    low, high = min(0.0, *values), max(0.0, *values)
    return [padding + (length - 2 * padding) * (value - low) / ((high - low) or 1.0) for value in values]


def _corners(label: str, other: str) -> list[AnyChart]:
    """The two axes through 0, and what each corner between them stands for."""
    zero = alt.Chart(pa.table({"zero": [0]}))
    rules = zero.mark_rule(color="#c3cad2").encode(x="zero:Q") + zero.mark_rule(color="#c3cad2").encode(y="zero:Q")
    corners: list[tuple[str, str, str | int, str | int, Literal["left", "right"]]] = [
        (label, label, "width", 0, "right"),
        (label, other, 0, 0, "left"),
        (other, label, "width", "height", "right"),
        (other, other, 0, "height", "left"),
    ]
    ahead = {(True, False): ["model ahead of labels"], (False, True): ["labels ahead of model"]}
    captions: list[AnyChart] = [
        zero.mark_text(
            text=[f"model: {model}", f"labels: {gold}", *ahead.get((model == label, gold == label), [])],
            align=align,
            baseline="top" if y == 0 else "bottom",
            color="#66717d",
            fontSize=11,
            lineHeight=14,
            dx=-6 if align == "right" else 6,
            dy=6 if y == 0 else (-34 if model != gold else -20),
            limit=140,
        ).encode(x=alt.value(x), y=alt.value(y))
        for model, gold, x, y, align in corners
    ]
    return [rules, *captions]


def top_words(source: pa.Table, unit: str, highest: float) -> AnyChart:
    """The strongest words of one label, with 95 % intervals, on an axis that ends at `highest`."""
    base = alt.Chart(source).encode(
        y=alt.Y(
            "word:N",
            sort=None,
            title=None,
            axis=alt.Axis(minExtent=_MARGIN_LEFT, maxExtent=_MARGIN_LEFT, labelLimit=_MARGIN_LEFT - 22),
        ),
        color=alt.Color("verdict:N", scale=_VERDICT, legend=None),
    )
    interval = base.mark_rule(strokeWidth=2).encode(
        x=alt.X(
            "ci_low:Q", title=f"mean score ({unit})", scale=alt.Scale(domain=[0, highest]), axis=alt.Axis(tickCount=5)
        ),
        x2="ci_high:Q",
    )
    point = base.mark_point(filled=True, size=60, opacity=1).encode(
        x="mean_score:Q",
        shape=alt.Shape(
            "verdict:N", scale=alt.Scale(domain=["not spurious", "spurious"], range=["circle", "diamond"]), legend=None
        ),
    )
    return _styled(interval + point, max(80, 22 * source.num_rows), _NARROW)


_ARMS = ["taken out", "swapped", "inserted"]


def effects(source: pa.Table) -> AnyChart:
    """What findings do where they stand and where they are inserted, less the placebo, with 95 % intervals."""
    legend = alt.Legend(title=None, orient="top", columns=3)
    arms = [arm for arm in _ARMS if arm in source["arm"].to_pylist()]
    looks = {"taken out": (BLUE, "circle"), "swapped": ("#5b9bd0", "square"), "inserted": (ORANGE, "triangle-up")}
    colours = alt.Scale(domain=arms, range=[looks[arm][0] for arm in arms])
    shapes = alt.Scale(domain=arms, range=[looks[arm][1] for arm in arms])
    base = alt.Chart(source).encode(
        y=alt.Y(
            "caption:N",
            sort=None,
            title=None,
            axis=alt.Axis(minExtent=_MARGIN_LEFT, maxExtent=_MARGIN_LEFT, labelLimit=_MARGIN_LEFT - 22),
        ),
        yOffset=alt.YOffset("arm:N", sort=_ARMS),
        color=alt.Color("arm:N", sort=_ARMS, legend=legend, scale=colours),
    )
    interval = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("effect_low:Q", title="effect (log-odds)", axis=alt.Axis(tickCount=6)),
        x2="effect_high:Q",
    )
    point = base.mark_point(filled=True, size=45, opacity=1).encode(
        x="effect:Q", shape=alt.Shape("arm:N", sort=_ARMS, scale=shapes, legend=legend)
    )
    zero = alt.Chart(pa.table({"zero": [0]})).mark_rule(color="#c3cad2").encode(x="zero:Q")
    num_rows = len(set(source["caption"].to_pylist()))
    return _styled(zero + interval + point, max(80, 14 * (len(arms) + 1) * num_rows), _WIDE)


def specifications(
    tables: Mapping[str, pa.Table], shown: Sequence[str], labels: Sequence[str], unit: str
) -> dict[str, dict[str, Any]]:
    """Chart id -> Vega-Lite specification, for every chart that has data.

    `tables` are the rows of the queries of these names; `shown` the labels of the quadrants, one of two that mirror
    each other.
    """
    drawn: dict[str, AnyChart] = {}
    arms = tables["effects"].filter(pa.compute.not_equal(tables["effects"]["arm"], "both"))
    of_types = pa.compute.equal(arms["kind"], "type")
    most_severe = pa.compute.and_(pa.compute.invert(of_types), pa.compute.less_equal(arms["rank"], 12))
    for name, rows in (("kinds", arms.filter(of_types)), ("effects", arms.filter(most_severe))):
        if rows.num_rows:
            drawn[name] = effects(rows)
    for i, label in enumerate(shown[:MAX_QUADRANTS]):
        words = tables["quadrant"].filter(pa.compute.equal(tables["quadrant"]["label"], label))
        if words.num_rows:
            other = labels[0] if len(shown) == 1 and len(labels) == 2 else "another"
            drawn[f"quadrant-{i}"] = quadrant(words, label, other, unit)
    highest = max(tables["top_words"]["ci_high"].to_pylist(), default=0.0)
    for i, label in enumerate(labels):
        words = tables["top_words"].filter(pa.compute.equal(tables["top_words"]["label"], label))
        if words.num_rows:
            drawn[f"words-{i}"] = top_words(words, unit, highest)
    return {name: chart.to_dict() for name, chart in drawn.items()}


def _styled(chart: AnyChart, height: int, width: int) -> AnyChart:
    font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
    styled: AnyChart = (
        chart.properties(width=width, height=height, background="transparent")
        .configure(font=font, autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
        .configure_axis(
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titleColor="#52606d",
            labelColor=INK,
            gridColor="#e9edf1",
            domainColor="#c3cad2",
            tickColor="#c3cad2",
            titlePadding=10,
            labelLimit=150,
        )
        .configure_legend(labelFontSize=12, symbolSize=80, labelColor=INK, columnPadding=18)
        .configure_view(stroke=None)
    )
    return styled
