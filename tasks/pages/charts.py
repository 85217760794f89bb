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

_VERDICT = alt.Scale(domain=["not spurious", "spurious"], range=[BLUE, ORANGE])

_STATUS = alt.Scale(domain=["explained", "quarantined"], range=[BLUE, ORANGE])


def quadrant(source: pa.Table, label: str, other: str, unit: str) -> AnyChart:
    """Label association against model use. With several labels in `source` the reader picks one."""
    labels = sorted(source["label"].unique().to_pylist())
    legend = alt.Legend(title=None, orient="bottom", columns=alt.ExprRef("width < 450 ? 2 : 8"))
    verdict = alt.Color("verdict:N", scale=_VERDICT, legend=alt.Legend(title=None, orient="top"))
    base = alt.Chart(source).encode(
        x=alt.X(
            "log_odds:Q", title="label association (log-odds)", scale=alt.Scale(padding=24), axis=alt.Axis(tickCount=8)
        ),
        # Room above and below for the captions of the corners.
        y=alt.Y(
            "mean_score:Q",
            title=f"model use: mean score ({unit})",
            scale=alt.Scale(padding=52, nice=False),
            axis=alt.Axis(tickCount=8),
        ),
    )
    several = len(labels) > 1
    if several:
        chosen = alt.param(
            name="label",
            value=label if label in labels else labels[0],
            bind=alt.binding_select(options=labels, name="Label "),
        )
        base = base.transform_filter(alt.datum.label == chosen)
        label = "the label"
    points = base.mark_point(filled=True, opacity=0.6, strokeWidth=0.8).encode(
        size=alt.Size("document_frequency:Q", scale=alt.Scale(type="sqrt", range=[25, 700]), legend=None),
        shape=alt.Shape("type:N", legend=legend),
        color=verdict,
        tooltip=[
            alt.Tooltip("word:N"),
            alt.Tooltip("type:N"),
            alt.Tooltip("label:N"),
            alt.Tooltip("verdict:N"),
            alt.Tooltip("mean_score:Q", title=f"mean score ({unit})", format="+.2f"),
            alt.Tooltip("ci_low:Q", title="95 % from", format="+.2f"),
            alt.Tooltip("ci_high:Q", title="95 % to", format="+.2f"),
            alt.Tooltip("label_rate:Q", title="texts with the label", format=".0%"),
            alt.Tooltip("n_examples:Q", title="texts with the word", format=","),
        ],
    )
    if several:
        points = points.add_params(chosen)
    words = base.mark_text(align="left", dx=11, fontSize=11).encode(text="caption:N", color=verdict)
    halo = base.mark_text(align="left", dx=11, fontSize=11, stroke="white", strokeWidth=3, opacity=0.85).encode(
        text="caption:N"
    )
    return _styled(alt.layer(*_corners(label, other), points, halo, words), 440)


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
    captions: list[AnyChart] = [
        zero.mark_text(
            text=[f"model: {model}", f"labels: {gold}"],
            align=align,
            baseline="top" if y == 0 else "bottom",
            color="#66717d",
            fontSize=11,
            lineHeight=14,
            dx=-6 if align == "right" else 6,
            dy=6 if y == 0 else -20,
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
            axis=alt.Axis(minExtent=_MARGIN_LEFT, maxExtent=_MARGIN_LEFT, labelLimit=_MARGIN_LEFT - 8),
        ),
        color=alt.Color("verdict:N", scale=_VERDICT, legend=None),
        tooltip=[
            alt.Tooltip("word:N"),
            alt.Tooltip("type:N"),
            alt.Tooltip("verdict:N"),
            alt.Tooltip("mean_score:Q", title=f"mean score ({unit})", format="+.2f"),
            alt.Tooltip("ci_low:Q", title="95 % from", format="+.2f"),
            alt.Tooltip("ci_high:Q", title="95 % to", format="+.2f"),
            alt.Tooltip("label_rate:Q", title="texts with the label", format=".0%"),
            alt.Tooltip("n_examples:Q", title="texts with the word", format=","),
        ],
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
    return _styled(interval + point, max(80, 24 * source.num_rows))


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
            axis=alt.Axis(minExtent=_MARGIN_LEFT, maxExtent=_MARGIN_LEFT, labelLimit=_MARGIN_LEFT - 8),
        ),
        yOffset=alt.YOffset("arm:N", sort=_ARMS),
        color=alt.Color("arm:N", sort=_ARMS, legend=legend, scale=colours),
        tooltip=[
            alt.Tooltip("word:N"),
            alt.Tooltip("label:N", title="pushes towards"),
            alt.Tooltip("arm:N"),
            alt.Tooltip("effect:Q", title="mean effect (log-odds)", format="+.2f"),
            alt.Tooltip("effect_low:Q", title="95 % from", format="+.2f"),
            alt.Tooltip("effect_high:Q", title="95 % to", format="+.2f"),
            alt.Tooltip("n_texts:Q", title="texts", format=","),
        ],
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
    return _styled(zero + interval + point, max(80, 18 * (len(arms) + 1) * num_rows))


def type_importance(source: pa.Table) -> AnyChart:
    """Share of the words of the texts beside the share of the scores, by type."""
    return _styled(
        alt.Chart(source)
        .transform_fold(["score_share", "text_share"], as_=["what", "share"])
        .transform_calculate(measure="datum.what == 'score_share' ? 'of the scores' : 'of the words'")
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=alt.Y(
                "type:N",
                sort=None,
                title=None,
                axis=alt.Axis(minExtent=_MARGIN_LEFT, maxExtent=_MARGIN_LEFT, labelLimit=_MARGIN_LEFT - 8),
            ),
            yOffset=alt.YOffset("measure:N", sort=["of the scores", "of the words"]),
            x=alt.X("share:Q", title="share", axis=alt.Axis(format="%", tickCount=4)),
            color=alt.Color(
                "measure:N",
                legend=alt.Legend(title=None, orient="top"),
                scale=alt.Scale(domain=["of the scores", "of the words"], range=[BLUE, "#c3cad2"]),
            ),
            tooltip=[
                alt.Tooltip("type:N"),
                alt.Tooltip("score_share:Q", title="share of all |scores|", format=".1%"),
                alt.Tooltip("text_share:Q", title="share of all words", format=".1%"),
                alt.Tooltip("n_words:Q", title="different words", format=","),
            ],
        ),
        max(80, 36 * source.num_rows),
    )


def fragmentation(source: pa.Table, unit: str) -> AnyChart:
    """Mean |score| of a word by the number of pieces it is cut into."""
    base = alt.Chart(source).encode(
        x=alt.X("pieces:N", title="pieces per word", axis=alt.Axis(labelAngle=0)),
        tooltip=[
            alt.Tooltip("pieces:N"),
            alt.Tooltip("mean_size:Q", title=f"mean |score| ({unit})", format=".2f"),
            alt.Tooltip("ci_low:Q", title="95 % from", format=".2f"),
            alt.Tooltip("ci_high:Q", title="95 % to", format=".2f"),
            alt.Tooltip("n_occurrences:Q", title="words of the texts", format=","),
            alt.Tooltip("n_words:Q", title="different words", format=","),
        ],
    )
    bars = base.mark_bar(color=BLUE, opacity=0.75, cornerRadiusEnd=2).encode(
        y=alt.Y("mean_size:Q", title=f"mean |score| of a word ({unit})")
    )
    intervals = base.mark_rule(color=INK, strokeWidth=1.5).encode(y="ci_low:Q", y2="ci_high:Q")
    return _styled(bars + intervals, 250)


def gaps(source: pa.Table, max_gap: float | None) -> AnyChart:
    """Histogram of the completeness gap, with its tolerance if there is one."""
    bars = (
        alt.Chart(source)
        .mark_bar()
        .encode(
            x=alt.X(
                "bin_start:Q", title="completeness gap (share of the change)", axis=alt.Axis(format=".0%"), bin="binned"
            ),
            x2="bin_end:Q",
            y=alt.Y("n_examples:Q", title="examples"),
            color=alt.Color("status:N", scale=_STATUS, legend=alt.Legend(title=None, orient="top")),
            tooltip=[
                alt.Tooltip("bin_start:Q", title="gap from", format=".1%"),
                alt.Tooltip("bin_end:Q", title="to", format=".1%"),
                alt.Tooltip("status:N"),
                alt.Tooltip("n_examples:Q", title="examples", format=","),
            ],
        )
    )
    if max_gap is None:
        return _styled(bars, 230)
    limit = alt.Chart(pa.table({"gap": [max_gap]}))
    rule = limit.mark_rule(color=ORANGE, strokeDash=[5, 4], strokeWidth=1.5).encode(x="gap:Q")
    text = limit.mark_text(text="tolerance", color=ORANGE, align="right", dx=-5, baseline="top").encode(
        x="gap:Q", y=alt.value(2)
    )
    return _styled(bars + rule + text, 230)


def completeness(source: pa.Table, unit: str) -> AnyChart:
    """Sum of the scores against the change they should add up to."""
    points = (
        alt.Chart(source)
        .mark_point(filled=True, size=22, opacity=0.5)
        .encode(
            x=alt.X("change:Q", title=f"change from baseline to text ({unit})"),
            y=alt.Y("total:Q", title=f"sum of the scores ({unit})"),
            color=alt.Color("status:N", scale=_STATUS, legend=None),
            tooltip=[
                alt.Tooltip("example_id:Q", title="example", format="d"),
                alt.Tooltip("change:Q", format="+.2f"),
                alt.Tooltip("total:Q", title="sum of the scores", format="+.2f"),
                alt.Tooltip("status:N"),
            ],
        )
    )
    diagonal = (
        alt.Chart(source)
        .transform_aggregate(low="min(change)", high="max(change)")
        .mark_rule(color=GREY, strokeDash=[5, 4])
        .encode(x="low:Q", y="low:Q", x2="high:Q", y2="high:Q")
    )
    return _styled(diagonal + points, 230)


def specifications(
    tables: Mapping[str, pa.Table], shown: Sequence[str], labels: Sequence[str], unit: str, max_gap: float | None
) -> dict[str, dict[str, Any]]:
    """Chart id -> Vega-Lite specification, for every chart that has data.

    `tables` are the rows of the queries of these names; `shown` the labels of the quadrant, one of two that mirror each
    other.
    """
    drawn: dict[str, AnyChart] = {}
    arms = tables["effects"].filter(pa.compute.not_equal(tables["effects"]["arm"], "both"))
    of_types = pa.compute.equal(arms["kind"], "type")
    most_severe = pa.compute.and_(pa.compute.invert(of_types), pa.compute.less_equal(arms["rank"], 12))
    for name, rows in (("kinds", arms.filter(of_types)), ("effects", arms.filter(most_severe))):
        if rows.num_rows:
            drawn[name] = effects(rows)
    if tables["quadrant"].num_rows:
        other = labels[0] if len(shown) == 1 and len(labels) == 2 else "another"
        drawn["quadrant"] = quadrant(tables["quadrant"], shown[0], other, unit)
    highest = max(tables["top_words"]["ci_high"].to_pylist(), default=0.0)
    for i, label in enumerate(labels):
        words = tables["top_words"].filter(pa.compute.equal(tables["top_words"]["label"], label))
        if words.num_rows:
            drawn[f"words-{i}"] = top_words(words, unit, highest)
    if tables["type_importance"].num_rows:
        drawn["types"] = type_importance(tables["type_importance"])
        drawn["fragmentation"] = fragmentation(tables["fragmentation"], unit)
    if tables["gaps"].num_rows:
        drawn["gaps"] = gaps(tables["gaps"], max_gap)
    if tables["completeness"].num_rows:
        drawn["completeness"] = completeness(tables["completeness"], unit)
    return {name: chart.to_dict() for name, chart in drawn.items()}


def _styled(chart: AnyChart, height: int) -> AnyChart:
    font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
    styled: AnyChart = (
        chart.properties(width="container", height=height, background="transparent")
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
        .configure_legend(labelFontSize=12, symbolSize=80, labelColor=INK)
        .configure_view(stroke=None)
    )
    return styled
