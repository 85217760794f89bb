"""What each labelling rule does in a text: where it matches, and whether the label hangs on it."""

from collections.abc import Sequence
from dataclasses import dataclass

from configs.section import label_form
from tasks.data.matching import Matcher, resolved
from tasks.data.rows import Row
from tasks.data.rules import Rules
from tasks.data.votes import Votes, majority

WHOLE = -1
"""Stands for all terms of a rule together."""


@dataclass(frozen=True)
class Hit:
    """A rule, or one of its terms, that matches a text."""

    rule: int
    term: int
    """Index in the rule, or WHOLE."""
    start: int | None
    end: int | None
    """The first place, in code points; None for a whole rule."""
    decides: bool
    """Whether the text would have another label, or none, without it."""


class Coverage:
    """The rules or votes of a dataset, ready to be asked what they do in a row."""

    def __init__(self, labelling: Rules | Votes, labels: Sequence[str]) -> None:
        self._labelling = labelling
        self._index = {label_form(label): i for i, label in enumerate(labels)}
        self._matcher = Matcher(labelling) if isinstance(labelling, Rules) else None

    def terms(self) -> list[dict[str, object]]:
        """A row for each rule and each of its terms: `rule_id`, `rule`, `label_id`, `term_id`, `term`, `kind`."""
        if isinstance(self._labelling, Votes):
            # One rule may vote for several labels.
            return [_entry(i, name, None, WHOLE, None, None) for i, name in enumerate(self._labelling.rules)]
        return [
            _entry(i, rule.name, self._index[label_form(rule.label)], j, text, kind)
            for i, rule in enumerate(self._labelling.rules)
            for j, text, kind in [
                (WHOLE, None, None),
                *((j, term.text, term.kind) for j, term in enumerate(rule.terms)),
            ]
        ]

    def of(self, row: Row) -> tuple[int, list[tuple[Hit, int]]]:
        """The label that the row gets, -1 for none; and what matches it, with the label that it votes for.

        Raises:
            DataError: as `Matcher.matches` and `Votes.of`.
        """
        return self._of_votes(row) if self._matcher is None else self._of_rules(row, self._matcher)

    def _of_votes(self, row: Row) -> tuple[int, list[tuple[Hit, int]]]:
        assert isinstance(self._labelling, Votes), "there is no matcher"
        given = self._labelling.of(row)
        label = majority(given)
        return label, [
            (Hit(rule, WHOLE, None, None, majority({i: v for i, v in given.items() if i != rule}) != label), vote)
            for rule, vote in given.items()
        ]

    def _of_rules(self, row: Row, matcher: Matcher) -> tuple[int, list[tuple[Hit, int]]]:
        rules = matcher.rules
        places: dict[int, dict[int, tuple[int, int]]] = {}
        for match in matcher.matches(row.text):
            places.setdefault(match.rule, {}).setdefault(match.term, (match.start, match.end))
        label = resolved(rules, places)
        found: list[tuple[Hit, int]] = []
        for rule, terms in places.items():
            vote = self._index[label_form(rules.rules[rule].label)]
            decides = resolved(rules, [other for other in places if other != rule]) != label
            found.append((Hit(rule, WHOLE, None, None, decides), vote))
            for term, (start, end) in terms.items():
                found.append((Hit(rule, term, start, end, decides and len(terms) == 1), vote))
        return -1 if label is None else self._index[label_form(label)], found


def _entry(
    rule_id: int, rule: str, label_id: int | None, term_id: int, term: str | None, kind: str | None
) -> dict[str, object]:
    return {"rule_id": rule_id, "rule": rule, "label_id": label_id, "term_id": term_id, "term": term, "kind": kind}
