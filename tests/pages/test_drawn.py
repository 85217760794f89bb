"""Drawings in the page: nothing of the data is more than text in them."""

import re

import altair as alt
import pyarrow as pa
import pytest

from tasks.pages import drawn as module
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
