"""The languages that texts are in."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

MAX_TEXTS = 2000
"""Texts of a dataset that are read for its languages."""
_BLOCK_LETTERS = 30
"""Short texts are read together, until they have so many letters: of a few words alone nobody can tell the language."""
_MIN_SHARE = 0.1
"""Share of the letters from which on a language is one of the dataset; below, it is a quotation or a mistake."""
_SAME = {"nb": "no", "nn": "no", "yue": "zh", "wuu": "zh", "pcm": "en"}
"""Code -> the one whose lists fit. Short informal English is often taken for Nigerian Pidgin (pcm)."""


class Language(NamedTuple):
    """A language of a dataset."""

    language: str
    """Its code by ISO 639."""
    share: float | None
    """Share of the letters that were read; None where nobody had to read."""


def languages_of(named: Sequence[str], texts: Sequence[str]) -> list[Language]:
    """The languages that the settings name, or those of the texts."""
    if named:
        return [Language(_SAME.get(code, code), None) for code in named]
    letters: Counter[str] = Counter()
    for block in _blocks(texts):
        code, _ = _identifier().classify(block)
        letters[_SAME.get(code, code)] += sum(map(str.isalpha, block))
    total = letters.total()
    # "zxx" is no language.
    found = [(code, number / total) for code, number in letters.most_common() if code != "zxx"]
    return [Language(code, round(share, 3)) for code, share in found if share >= _MIN_SHARE]


def _blocks(texts: Sequence[str]) -> Iterator[str]:
    block, num_letters = "", 0
    for text in texts:
        block = f"{block}\n{text}"
        num_letters += sum(map(str.isalpha, text))
        if num_letters >= _BLOCK_LETTERS:
            yield block
            block, num_letters = "", 0
    if num_letters:
        yield block


@cache
def _identifier() -> Any:
    # A model of a few MB, read only where no setting names the language.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)
