"""What a rule says in words: one template for each rule that a query can name, in `rules.csv`.

Queries return ids and figures; the page, the terminal, the exports and Prefect's artifacts print these sentences.
A template is one of `str.format`, with formats of its own (`count`, `percent`, `percent1`, `points`, `signed`). What
stands in square brackets is left out where one of its figures is missing.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, NamedTuple

from tasks.pages.headlines import signed

_OPTIONAL = re.compile(r"\[(.*?)\]")

_FORMATS = {
    "count": lambda value: f"{value:,.0f}",
    "percent": lambda value: f"{100 * value:.0f} %",
    "percent1": lambda value: f"{100 * value:.1f} %",
    "points": lambda value: f"{100 * value:.0f}",
    "signed": signed,
}


class Rule(NamedTuple):
    """One row of the file."""

    title: str
    """The rule in two or three words; empty for why a word has its type."""
    template: str


@cache
def meanings() -> Mapping[str, str]:
    """What each verdict means, in the order in which they are tried: the one table that page and README quote."""
    with files("tasks.pages").joinpath("verdicts.csv").open(encoding="utf-8") as file:
        return {row["verdict"]: row["meaning"] for row in csv.DictReader(file)}


class _Figures(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            raise ValueError("a figure of the rule is missing")
        own = _FORMATS.get(format_spec)
        return str(super().format_field(value, format_spec)) if own is None else own(value)


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule under its id."""
    with files("tasks.pages").joinpath("rules.csv").open(encoding="utf-8") as file:
        return {row["id"]: Rule(row["title"], row["template"]) for row in csv.DictReader(file)}


def figures_in(template: str) -> set[str]:
    """Names of the figures that a template needs."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def sentence(rule_id: str, figures: Mapping[str, Any]) -> str:
    """The rule as one sentence."""

    def kept(found: re.Match[str]) -> str:
        return found[1] if all(figures.get(name) is not None for name in figures_in(found[1])) else ""

    return _Figures().vformat(_OPTIONAL.sub(kept, rules()[rule_id].template), (), figures)


def title(rule_id: str, figures: Mapping[str, Any]) -> str:
    """The rule in two or three words, or nothing."""
    return _Figures().vformat(rules()[rule_id].title, (), figures)


class Fired(NamedTuple):
    """A rule that fired."""

    rule: str
    figures: Mapping[str, Any]
    """Its numbers and its texts."""

    @property
    def title(self) -> str:
        return title(self.rule, self.figures)

    @property
    def sentence(self) -> str:
        return sentence(self.rule, self.figures)


def fired(facts: Iterable[Mapping[str, Any]] | None) -> list[Fired]:
    """Rules that fired as a query returns them: `rule`, and `figures` and `words` by their names."""
    return [Fired(fact["rule"], {**dict(fact["figures"] or ()), **dict(fact["words"] or ())}) for fact in facts or ()]


def told(facts: Iterable[Mapping[str, Any]] | None) -> str:
    """Their sentences."""
    return " ".join(rule.sentence for rule in fired(facts))


def titles(facts: Iterable[Mapping[str, Any]] | None) -> str:
    """The rules in a few words."""
    return ", ".join(filter(None, (rule.title for rule in fired(facts))))


def ids(facts: Iterable[Mapping[str, Any]] | None) -> str:
    """Their ids."""
    return ";".join(rule.rule for rule in fired(facts))
