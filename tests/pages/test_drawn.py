"""Drawings in the page: nothing of the data is more than text in them."""

import re

import altair as alt
import pyarrow as pa
import pytest

from tasks.pages import drawn as module
from tasks.pages.charts import sides_of_captions
from tasks.pages.drawn import drawn

EVIL = "</svg><script>window.hit=1</script>"


def spec():
    data = pa.table({"word": [EVIL], "x": [1.0]})
    return alt.Chart(data).mark_point().encode(x="x:Q", y="word:N").to_dict()


def test_a_drawing_holds_the_words_as_text_and_its_ids_are_its_own():
    svg = str(drawn("effects", spec()))
    assert "<script" not in svg
    assert svg.count("</svg>") == 1
    assert "&lt;/svg&gt;" in svg
    ids = re.findall(r' id="([^"]+)"', svg)
    assert all(name.startswith("effects-") for name in ids)
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(ids)


def test_an_element_that_is_no_shape_is_refused(monkeypatch):
    image = '<svg xmlns="http://www.w3.org/2000/svg"><image href="http://a"/></svg>'
    monkeypatch.setattr(module.vl_convert, "vegalite_to_svg", lambda spec: image)
    with pytest.raises(ValueError, match="<image>"):
        drawn("effects", {})


def width_of(label):
    """Widths of a drawing of one point with this label: as drawn, and inside."""
    rows = alt.Chart(pa.table({"arm": [label], "x": [1.0]})).mark_point()
    chart = rows.encode(x="x:Q", y=alt.Y("arm:N", title=None, axis=alt.Axis(labelLimit=400))).properties(width=200)
    ((outer, left, inner),) = re.findall(
        r'width="([\d.]+)" height="[\d.]+" viewBox="(\S+) \S+ ([\d.]+)', drawn("a", chart.to_dict())
    )
    assert outer == inner
    assert float(left) <= 0
    return float(outer)


def test_a_drawing_has_room_for_its_labels_in_a_wider_font_than_they_were_measured_in():
    """Thirty letters of 10 pixels are 186 wide in DejaVu Sans, in which Chromium on Debian sets them; six are 37."""
    assert width_of("m" * 30) >= 200 + 186
    assert 186 + 200 <= width_of("swapped words, last layer only") < 186 + 200 + 25
    assert width_of("labels") < 37 + 200 + 25


def quadrant_row(word, log_odds, mean_score, verdict="not spurious"):
    return {"caption": word, "log_odds": log_odds, "mean_score": mean_score, "verdict": verdict}


def test_captions_of_the_quadrant_touch_neither_each_other_nor_a_corner():
    heap = [quadrant_row(f"word{i}", 2.0 + 0.001 * i, 5.0 - 0.001 * i) for i in range(8)]
    rows = [
        *heap,
        quadrant_row("spurious", 2.0, 5.0, "spurious"),
        quadrant_row("", 6.0, 1.0),
        quadrant_row("edge", -3.0, 9.0),
        quadrant_row("edge too", -3.0, 8.99),
    ]
    sides = sides_of_captions(rows)
    assert sides[8] == "right", "spurious words come first"
    assert sides[9] == "", "no caption"
    assert sides[10:] == ["right", "below"], "to the left is the frame, above the caption of the corner"
    assert sorted(filter(None, sides[:8])) == ["above", "below", "left"], "and the strongest have the other sides"
    assert sides[0] == "left"
    assert sides_of_captions([quadrant_row("far", 0.0, 0.0), quadrant_row("apart", 3.0, 2.0)]) == ["right", "left"]
