"""The settings of the page of single texts."""

import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from configs.attribution import SIGNED, Method
from configs.section import Section, setting


class ExplainConfig(Section):
    """The page of single texts that `token-audit explain` writes."""

    texts: tuple[str, ...] = ()
    """Sentences of your own, explained in the place of the dataset's; `token-audit explain --text` sets them. Like all
    texts without labels they are explained towards the predicted class, and in mode `document` in the place of
    `corpus`."""
    view: Literal["bars", "tokens", "table"] = "tokens"
    """What it shows. `bars`: one text at a time, a bar a token from 0 to 1, for norms. `tokens`: coloured texts,
    against and for the explained label. `table`: a row a text, with labels, sums and convergence delta."""
    method: Method | None = None
    """Whose scores are shown, one of `attribution.methods`. Without it the first signed one."""
    normalise: Literal["max", "l2", "none"] = "max"
    """What the scores of a text are divided by: the largest |score| among its tokens, their L2 norm, or nothing."""
    examples: int = setting(20, "texts", ge=1, le=500)
    """Most texts shown."""
    choose: Literal["both", "mistakes", "first"] = "both"
    """Which texts. `both`: the most confident mistakes, each beside a right answer of the same label. `mistakes`: the
    most confident mistakes first. `first`: in the order of the dataset."""

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        texts = given.get("texts")
        if isinstance(texts, list | tuple) and any(isinstance(text, str) and not text.strip() for text in texts):
            yield "has an empty sentence among `texts`; give some words"
        method = given.get("method")
        if given.get("view") == "bars" and (method is None or method in SIGNED):
            norms = " or ".join(f"`{name}`" for name in typing.get_args(Method) if name not in SIGNED)
            yield f"has view `bars`, which shows sizes and no signs: set `method` to {norms}, or another `view`"
