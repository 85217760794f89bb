"""A chart as a drawing inside the page: it needs no script, prints, and takes its colours from the style sheet."""

import math
import re
from typing import Any
from xml.etree import ElementTree

import altair as alt
import vl_convert
from markupsafe import Markup

from tasks.pages.charts import INK, AnyChart

_SVG = "http://www.w3.org/2000/svg"

_ALLOWED = {"svg", "g", "path", "text", "tspan", "rect", "line", "circle", "defs", "clipPath"}
"""Nothing that loads, links or runs."""

_DROPPED = ("aria-", "role", "xmlns", "font-family", "pointer-events")
"""Attributes that the drawing is smaller without: the page describes the chart, and has a table of its figures."""

_WIDEST = 0.62
"""Mean width of a letter, in font sizes, in the widest of the fonts in which a browser may set a label."""

_MOVED = re.compile(r"translate\((-?[\d.]+)")

_LONG = re.compile(r"-?\d+\.\d{2,}")


def drawn(name: str, spec: dict[str, Any]) -> Markup:
    """The chart as SVG, whose ids begin with `name`.

    It is read and written anew: whatever the data hold is text, and an element that is no shape is an error.
    """
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(spec))
    for element in root.iter():
        tag = element.tag.removeprefix(f"{{{_SVG}}}")
        if tag not in _ALLOWED:
            raise ValueError(f"a chart holds an element <{tag}>")
        for key, value in list(element.attrib.items()):
            if key.startswith(_DROPPED) or key.startswith("on") or value == "":
                del element.attrib[key]
            elif key == "id":
                element.attrib[key] = f"{name}-{value}"
            elif "url(#" in value:
                element.attrib[key] = value.replace("url(#", f"url(#{name}-")
            elif key in ("d", "transform", "x", "y", "x1", "y1", "x2", "y2", "width", "height"):
                element.attrib[key] = _LONG.sub(lambda number: f"{float(number[0]):.1f}", value)
            if key == "class" and element is not root:
                del element.attrib[key]
    _make_room(root)
    root.attrib["aria-hidden"] = "true"
    # Written by ElementTree: text and attributes are escaped.
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def drawn_in_rows(name: str, chart: AnyChart, height: int) -> Markup:
    """A chart whose rows have this height, in pixels."""
    styled = (
        chart.properties(width=520, height=alt.Step(height))
        .configure(font="system-ui, sans-serif", background="transparent")
        .configure_view(stroke=None)
        # Colours that the style sheet knows, so that the drawing is read in the dark, too.
        .configure_axis(
            labelColor=INK,
            titleColor="#52606d",
            titleFontWeight="normal",
            gridColor="#e9edf1",
            domainColor="#c3cad2",
            tickColor="#c3cad2",
        )
    )
    return drawn(name, styled.to_dict())


def _make_room(root: ElementTree.Element) -> None:
    """Widen the drawing to the left where a label would begin outside: it was measured in another font."""
    out = math.ceil(max(_sticks_out(root, 0.0), 0.0))
    if out:
        x, y, width, height = root.attrib["viewBox"].split()
        root.attrib["viewBox"] = f"{float(x) - out:g} {y} {float(width) + out:g} {height}"
        root.attrib["width"] = f"{float(root.attrib['width']) + out:g}"


def _sticks_out(element: ElementTree.Element, x: float) -> float:
    """How far a label that ends at its place begins left of 0; `x` is where the element is."""
    transform = element.get("transform", "")
    if "rotate" in transform:
        return 0.0
    if moved := _MOVED.match(transform):
        x += float(moved[1])
    own = 0.0
    if element.get("text-anchor") == "end":
        letters = len("".join(element.itertext()))
        own = _WIDEST * float(element.get("font-size", "10px").removesuffix("px")) * letters - x
    return max([own, *(_sticks_out(child, x) for child in element)])
