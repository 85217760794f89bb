"""Words as they are written, and as the tables hold them."""

from collections.abc import Iterable

from tasks.text.words import word_spans
from warehouse import folded


def folded_surfaces(texts: Iterable[str]) -> dict[str, str]:
    """Every word of the texts as it is written, with the form that the tables hold; folded in one query."""
    surfaces = sorted({text[start:end] for text in texts for start, end in word_spans(text)})
    return dict(zip(surfaces, folded(surfaces), strict=True)) if surfaces else {}
