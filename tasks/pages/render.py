"""Rendering a page. Whatever a dataset holds is escaped and written out visibly; scripts are allowed by their hash."""

import base64
import hashlib
import math
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from configs.attribution import Method
from configs.where import bounds
from tasks.pages.headlines import anchor, percent, signed
from tasks.pages.rules import fired, meanings, told
from tasks.pages.sentences import clip, excerpt, level, read, visible

METHODS: dict[Method, str] = {
    "integrated_gradients": "integrated gradients",
    "gradient_x_input": "gradient × input",
    "relevance": "layer-wise relevance",
    "gradient_norm": "norm of the gradient to the one-hot input",
    "embedding_gradient_norm": "norm of the gradient to the layer",
}
"""Attribution methods as a page names them."""


def render(template: str, **values: object) -> str:
    """The page of a template in this package."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # A template that is included ends its last line.
        keep_trailing_newline=True,
        # Every text that reaches the page, in an attribute too; Markup is the template's own.
        finalize=lambda value: visible(str(value)) if type(value) is str or isinstance(value, Path) else value,
    )
    environment.globals.update(fired=fired, told=told, meanings=meanings())
    environment.globals.update(level=level, excerpt=excerpt, clip=clip, content_hash=_content_hash, own=_own)
    environment.globals.update(anchor=anchor, read=read, on_axis=_on_axis)
    environment.filters["share"] = lambda value, digits=0: "–" if value is None else percent(value, digits)
    environment.filters["signed"] = lambda value: "–" if value is None else signed(value)
    environment.filters["significant"] = lambda value: "–" if value is None else f"{value:+.2g}".replace("-", "−")
    environment.filters["bounds"] = bounds
    environment.filters["count"] = lambda value: f"{value:,}"
    return environment.get_template(template).render(**values)


def _on_axis(value: float, reach: float) -> str:
    """Place of an effect on the axis of its row, from -reach at 2 to +reach at 118: by its square root, since the
    effects of one audit differ a hundredfold."""
    share = min(max(value / reach, -1), 1)
    return f"{60 + math.copysign(58 * math.sqrt(abs(share)), share):.1f}"


def _text(name: str) -> str:
    """A file of this package: a template, a style sheet or a script."""
    return files("tasks.pages").joinpath(name).read_text(encoding="utf-8")


def _own(name: str) -> Markup:
    """A style sheet or a script of this package, for a template to write into the page as it is."""
    return Markup(_text(name))


def _content_hash(script: str) -> str:
    """What a content security policy calls a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
