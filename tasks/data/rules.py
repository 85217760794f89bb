"""Labelling rules: what a person writes into a YAML file to label texts without reading them.

otherwise: other                     # label of a text that no rule matches; without it such a text has no label
rules:
- name: surnames                     # may be left out
  label: film
  keywords: [rock, grant, {term: day, case: true}]     # whole words in any case, but for `case: true`
  phrases: [box office]              # several words, whatever white space stands between
  regex: (19|20)[0-9]{2} remake      # of the package `regex`, in any case
  unless: [rock band]                # no match in a text that has one of these
  weight: 2                          # votes; 1 if left out

The label with the most votes is the text's; among equals that of the rule that stands first. A rule votes once,
whatever number of its terms match. A term is what a proposal changes: a keyword, a phrase or the regex.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import regex
import yaml

from configs.errors import ConfigError, DataError
from configs.load import parse_yaml
from configs.section import label_form, label_key, shown

Kind = Literal["keyword", "phrase", "regex"]
_KINDS: Mapping[str, Kind] = {"keywords": "keyword", "phrases": "phrase", "regex": "regex"}
_KEYS = ("name", "label", *_KINDS, "unless", "case", "weight")
SECONDS = 1.0
"""Longest that one pattern may take on one text: thousands of times what it takes where it does not backtrack without
bound."""


@dataclass(frozen=True)
class Term:
    """One thing that a rule looks for."""

    kind: Kind
    text: str
    case: bool = False
    """Whether capitals matter."""
    unless: tuple[str, ...] = ()
    """Words and phrases: where a text has one of them, the term does not match it."""


@dataclass(frozen=True)
class Rule:
    """The texts that one of the terms matches have this label."""

    name: str
    label: str
    terms: tuple[Term, ...]
    unless: tuple[str, ...] = ()
    """As those of a term, for all terms of the rule."""
    weight: float = 1.0
    """Votes."""

    def term(self, text: str) -> Term | None:
        """The term of this text, in whatever case it is written."""
        return next((term for term in self.terms if _same(term.text, text)), None)


@dataclass(frozen=True)
class Rules:
    """The rules of a file, in its order."""

    rules: tuple[Rule, ...]
    otherwise: str | None = None
    """Label of a text that no rule matches; None where it has no label."""

    def rule(self, name: str) -> Rule:
        """The rule of this name.

        Raises:
            DataError: there is none.
        """
        found = next((rule for rule in self.rules if rule.name == name), None)
        if found is None:
            raise DataError(f"There is no labelling rule {name!r}. Rules: {_listed(rule.name for rule in self.rules)}.")
        return found

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that a text may get, in the order of the file."""
        named = [rule.label for rule in self.rules]
        return tuple(dict.fromkeys(named if self.otherwise is None else [*named, self.otherwise]))


def _same(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def _listed(names: Iterator[str] | Sequence[str]) -> str:
    some = list(names)
    return ", ".join(some[:10]) + (f" and {len(some) - 10} more" if len(some) > 10 else "")


# ---------------------------------------------------------------- reading


def read_rules(path: Path) -> Rules:
    """The rules of a YAML file.

    Raises:
        ConfigError: the file cannot be read, or is no list of rules; a rule is empty, names an unknown key, has the
            name of another, a pattern that does not compile or that backtracks without bound, or a keyword that another
            label has.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"Labelling rules: {path} cannot be read ({reason}). Correct the path.") from error
    return parse_rules(text, str(path))


def parse_rules(text: str, where: str) -> Rules:
    """The rules of a YAML text; `where` names it in messages. Raises as `read_rules`."""
    values = parse_yaml(text, where)
    if isinstance(values, list):
        values = {"rules": values}
    if not isinstance(values, dict) or not isinstance(values.get("rules"), list) or not values["rules"]:
        raise ConfigError(f"{where}: expected is a list of labelling rules under `rules`, found {shown(values)}.")
    unknown = [key for key in values if key not in ("rules", "otherwise")]
    if unknown:
        raise ConfigError(f"{where}: `{unknown[0]}` is not known. Known here: rules, otherwise.")
    otherwise = None if values.get("otherwise") is None else _label(values["otherwise"], f"{where}: `otherwise`")
    rules: list[Rule] = []
    for number, entry in enumerate(values["rules"], 1):
        rules.append(_rule(entry, f"{where}: rule {number}"))
    _require_one_meaning(rules, where)
    return Rules(tuple(rules), otherwise)


def _rule(entry: Any, where: str) -> Rule:
    if not isinstance(entry, dict):
        raise ConfigError(f"{where} should be a mapping with `label` and `keywords`, found {shown(entry)}.")
    unknown = [key for key in entry if key not in _KEYS]
    if unknown:
        raise ConfigError(f"{where} has `{unknown[0]}`, which is not known. Known here: {', '.join(_KEYS)}.")
    if entry.get("label") is None:
        raise ConfigError(f"{where} has no `label`: the label of the texts that it matches.")
    case = _truth(entry.get("case", False), f"{where}: `case`")
    terms = tuple(
        _term(value, kind, case, f"{where}: `{key}`")
        for key, kind in _KINDS.items()
        for value in _list(entry.get(key), f"{where}: `{key}`")
    )
    if not terms:
        raise ConfigError(f"{where} is empty: it needs one of {', '.join(f'`{key}`' for key in _KINDS)}.")
    for i, term in enumerate(terms):
        if any(_same(term.text, other.text) for other in terms[:i]):
            raise ConfigError(f"{where} has {term.text!r} twice. Keep one.")
    unless = _texts(entry.get("unless"), f"{where}: `unless`")
    weight = entry.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < float("inf"):
        raise ConfigError(f"{where}: `weight` should be a number above 0, got {shown(weight)}.")
    name = _text(entry["name"], f"{where}: `name`") if entry.get("name") is not None else _name_of(terms)
    return Rule(name, _label(entry["label"], f"{where}: `label`"), terms, unless, float(weight))


def _name_of(terms: Sequence[Term]) -> str:
    more = f" and {len(terms) - 3} more" if len(terms) > 3 else ""
    return ", ".join(term.text for term in terms[:3]) + more


def _term(value: Any, kind: Kind, case: bool, where: str) -> Term:
    if not isinstance(value, dict):
        value = {"term": value}
    unknown = [key for key in value if key not in ("term", "case", "unless")]
    if unknown:
        raise ConfigError(f"{where} has `{unknown[0]}`, which is not known. Known here: term, case, unless.")
    text = _text(value.get("term"), where)
    if kind == "keyword" and any(char.isspace() for char in text):
        raise ConfigError(f"{where}: {text!r} has a space, and a keyword is one word. Write it under `phrases`.")
    if kind == "regex":
        _require_bounded(text, where)
    own = _truth(value.get("case", case), f"{where}: `case` of {text!r}")
    return Term(kind, text, own, _texts(value.get("unless"), f"{where}: `unless` of {text!r}"))


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _texts(value: Any, where: str) -> tuple[str, ...]:
    return tuple(_text(one, where) for one in _list(value, where))


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        # YAML has read 007 as 7 and 1.10 as 1.1 by now.
        quotes = " Put it in quotes." if isinstance(value, bool | int | float) else ""
        raise ConfigError(f"{where} should be text, got {shown(value)}.{quotes}")
    if not value.strip():
        raise ConfigError(f"{where} should be text, got an empty one.")
    return value.strip()


def _label(value: Any, where: str) -> str:
    return label_key(value) if isinstance(value, bool | int | float) else _text(value, where)


def _truth(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{where} should be true or false, got {shown(value)}.")
    return value


def _require_bounded(pattern: str, where: str) -> None:
    """Patterns that backtrack without bound do so on a run of one of their own characters that ends otherwise."""
    try:
        compiled = regex.compile(pattern, regex.IGNORECASE)
    except (regex.error, ValueError) as error:
        raise ConfigError(f"{where}: {pattern!r} is no regular expression ({error}).") from error
    if compiled.search("") is not None:
        raise ConfigError(f"{where}: {pattern!r} matches the empty text, and so every text.")
    written = re.sub(r"[\\\[\](){}?*+|^$]", "", pattern)[:40]
    for character in dict.fromkeys([*written, *"aA0 ._-"]):
        # Behind the run what the pattern may ask for: `regex` gives up at once on a text that lacks it.
        for run in (character * 60, f"{character} " * 30):
            try:
                compiled.search(f"{run}\x01{written}", timeout=SECONDS)
            except TimeoutError as error:
                raise ConfigError(
                    f"{where}: {pattern!r} backtracks without bound: a text of some 60 characters takes more than "
                    f"{SECONDS:g} s. Two ways to read one thing inside a repeat are the usual cause; (a|aa)+ is a+."
                ) from error


def _require_one_meaning(rules: Sequence[Rule], where: str) -> None:
    names = [rule.name for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{where}: two rules are named {twice!r}. Give one of them another `name`.")
    seen: dict[tuple[str, str, bool], Rule] = {}
    for rule in rules:
        for term in rule.terms:
            key = (term.kind, " ".join((term.text if term.case else term.text.casefold()).split()), term.case)
            other = seen.setdefault(key, rule)
            if label_form(other.label) != label_form(rule.label):
                raise ConfigError(
                    f"{where}: {term.text!r} stands for {other.label!r} in the rule {other.name!r} and for "
                    f"{rule.label!r} in {rule.name!r}. Keep one."
                )


def require_known_labels(rules: Rules, labels: Sequence[str], where: str) -> None:
    """Raises:
    ConfigError: a rule has a label that is none of `labels`.
    """
    known = {label_form(label) for label in labels}
    for label in rules.labels:
        if label_form(label) not in known:
            raise ConfigError(
                f"{where}: the label {label!r} of a rule is none of the model's. Its labels: {', '.join(labels)}."
            )


# ---------------------------------------------------------------- writing


def write_rules(rules: Rules) -> str:
    """YAML that `parse_rules` reads as equal rules."""
    values: dict[str, Any] = {} if rules.otherwise is None else {"otherwise": rules.otherwise}
    values["rules"] = [_written(rule) for rule in rules.rules]
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


def _written(rule: Rule) -> dict[str, Any]:
    values: dict[str, Any] = {"name": rule.name, "label": rule.label}
    for key, kind in _KINDS.items():
        terms = [_written_term(term) for term in rule.terms if term.kind == kind]
        if terms:
            values[key] = terms
    if rule.unless:
        values["unless"] = list(rule.unless)
    if rule.weight != 1:
        values["weight"] = rule.weight
    return values


def _written_term(term: Term) -> str | dict[str, Any]:
    if not term.case and not term.unless:
        return term.text
    values: dict[str, Any] = {"term": term.text}
    if term.case:
        values["case"] = True
    if term.unless:
        values["unless"] = list(term.unless)
    return values


# ---------------------------------------------------------------- changing


def without_term(rules: Rules, rule: str, text: str) -> Rules:
    """The rules without one keyword, phrase or regex; a rule that has no other goes with it.

    Raises:
        DataError: there is no such rule or term.
    """
    term = _term_of(rules, rule, text)
    own = rules.rule(rule)
    left = tuple(other for other in own.terms if other != term)
    return _exchanged(rules, own, replace(own, terms=left) if left else None)


def with_term(rules: Rules, rule: str, term: Term, label: str | None = None) -> Rules:
    """The rules with one term more, in a rule that is made, at the end, if it is not there: then `label` is its label.

    Raises:
        ConfigError: another label has the term.
        DataError: there is no such rule, and no label for a new one; or the rule has the term.
    """
    if label is not None and all(other.name != rule for other in rules.rules):
        changed = replace(rules, rules=(*rules.rules, Rule(rule, label, (term,))))
    else:
        own = rules.rule(rule)
        if own.term(term.text) is not None:
            raise DataError(f"The labelling rule {rule!r} has {term.text!r} already.")
        # In the order of a file, which has keywords first: what is written is read back equal.
        terms = sorted((*own.terms, term), key=lambda one: list(_KINDS.values()).index(one.kind))
        changed = _exchanged(rules, own, replace(own, terms=tuple(terms)))
    _require_one_meaning(changed.rules, "The changed labelling rules")
    return changed


def narrowed(rules: Rules, rule: str, text: str, narrower: Term) -> Rules:
    """The rules with another term in the place of one: as it is written only (`case`), with `unless`, or a phrase.

    Raises:
        DataError: there is no such rule or term.
    """
    term, own = _term_of(rules, rule, text), rules.rule(rule)
    terms = [narrower if other == term else other for other in own.terms]
    terms.sort(key=lambda one: list(_KINDS.values()).index(one.kind))
    return _exchanged(rules, own, replace(own, terms=tuple(terms)))


def _term_of(rules: Rules, rule: str, text: str) -> Term:
    own = rules.rule(rule)
    term = own.term(text)
    if term is None:
        raise DataError(
            f"The labelling rule {rule!r} has no {text!r}. It has {_listed([one.text for one in own.terms])}."
        )
    return term


def _exchanged(rules: Rules, old: Rule, new: Rule | None) -> Rules:
    changed = [new if rule is old else rule for rule in rules.rules]
    return replace(rules, rules=tuple(rule for rule in changed if rule is not None))
