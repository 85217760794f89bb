"""Which labelling rules match a text, where, and the label that they give it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import regex

from configs.errors import DataError
from tasks.data.rules import SECONDS, Rule, Rules, Term
from tasks.text.words import Span

# As the words of an audit end: Spielberg's is spielberg, don't is not don; a hashtag holds its word.
_LETTER = r"[\p{L}\p{M}\p{N}_]"
_BEFORE = rf"(?<!{_LETTER})(?<!\p{{L}}['’])"
_BEHIND = rf"(?!{_LETTER})(?!['’](?![sS](?!{_LETTER}))\p{{L}})"


@dataclass(frozen=True)
class Match:
    """One place where a term stands."""

    rule: int
    """Index in `Rules.rules`."""
    term: int
    """Index in `Rule.terms`."""
    start: int
    end: int
    """Code points of the text, end exclusive."""


_Finder = Callable[[str, str], list[Span]]
"""The places of a term in a text, given the text and its case-folded form."""


class Matcher:
    """Rules, ready to be matched with many texts."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._finders: list[list[tuple[_Finder, Sequence[_Finder]]]] = [
            [(_finder(term), [_context(text) for text in (*term.unless, *rule.unless)]) for term in rule.terms]
            for rule in rules.rules
        ]

    def matches(self, text: str) -> list[Match]:
        """Every place where a term stands in a text that has none of its exceptions, in the order of the rules.

        Raises:
            DataError: a pattern backtracks without bound on the text.
        """
        folded = text.casefold()
        return [
            Match(i, j, start, end)
            for i, terms in enumerate(self._finders)
            for j, (find, exceptions) in enumerate(terms)
            if (spans := find(text, folded)) and not any(exception(text, folded) for exception in exceptions)
            for start, end in spans
        ]

    def label(self, text: str) -> str | None:
        """The label that the rules give a text; None where none matches and the rules do not say `otherwise`."""
        return resolved(self.rules, {match.rule for match in self.matches(text)})


def resolved(rules: Rules, matching: Collection[int]) -> str | None:
    """The label of a text that the rules of these indices match: most votes, among equals the first rule's."""
    if not matching:
        return rules.otherwise
    votes: dict[str, float] = {}
    for i in sorted(matching):
        rule: Rule = rules.rules[i]
        votes[rule.label] = votes.get(rule.label, 0) + rule.weight
    # max() keeps the first of equals.
    return max(votes, key=lambda label: votes[label])


def labels_of(rules: Rules, texts: Sequence[str]) -> list[str | None]:
    """The label of each text. Raises as `Matcher.matches`."""
    matcher = Matcher(rules)
    return [matcher.label(text) for text in texts]


def _context(text: str) -> _Finder:
    return _finder(Term("phrase", text))


def _finder(term: Term) -> _Finder:
    flags = regex.V0 if term.case else regex.V0 | regex.IGNORECASE
    if term.kind == "regex":
        pattern = regex.compile(term.text, flags)
        return lambda text, folded: list(_found(pattern, text, term.text))
    words = term.text.split()
    whole = regex.compile(_BEFORE + r"\s+".join(regex.escape(word) for word in words) + _BEHIND, flags)
    # Cheaper by far than the pattern, which most texts do not match.
    first = words[0].casefold()
    if not first.isascii():
        return lambda text, folded: list(_found(whole, text, term.text))
    return lambda text, folded: list(_found(whole, text, term.text)) if first in folded else []


def _found(pattern: "regex.Pattern[str]", text: str, written: str) -> Iterator[Span]:
    try:
        for match in pattern.finditer(text, timeout=SECONDS):
            if match.end() > match.start():
                yield match.span()
    except TimeoutError as error:
        raise DataError(
            f"The labelling rule {written!r} backtracks without bound: it takes more than {SECONDS:g} s on a text of "
            f"{len(text)} characters. Two ways to read one thing inside a repeat are the usual cause; (a|aa)+ is a+."
        ) from error
