"""The labelling rules as a Python module of labelling functions, which imports only `re` of the standard library.

Snorkel takes each of its functions as `LabelingFunction(name, f)` on rows with a `text`, or as `f(text)` on a string.
"""

import keyword
import re
from collections.abc import Sequence

import regex

from configs.errors import AuditError
from configs.section import label_form
from tasks.data.rules import Rule, Rules, Term

_HEAD = '''"""Labelling functions made by token-audit: each returns the index of its label in LABELS, or ABSTAIN.

    votes = [[function(text) for function in FUNCTIONS] for text in texts]
    label(text)    # by the votes of all functions, as token-audit decides

With Snorkel: [LabelingFunction(f.__name__, lambda row, f=f: f(row.text)) for f in FUNCTIONS].
"""

import re

ABSTAIN = -1
LABELS = {labels!r}
OTHERWISE = {otherwise!r}  # index of the label of a text that no function labels, or ABSTAIN


def _has(pattern, text):
    return pattern.search(text) is not None


def _votes(text, label, terms, unless):
    """The label, if one of the terms is in the text and none of its exceptions."""
    for pattern, own in terms:
        if _has(pattern, text) and not any(_has(exception, text) for exception in own + unless):
            return label
    return ABSTAIN

'''
_TAIL = '''
FUNCTIONS = [{functions}]
WEIGHTS = {weights!r}


def label(text):
    """The label with the most votes, among equals that of the first function."""
    votes = {{}}
    for function, weight in zip(FUNCTIONS, WEIGHTS):
        vote = function(text)
        if vote != ABSTAIN:
            votes[vote] = votes.get(vote, 0) + weight
    return max(votes, key=lambda vote: votes[vote]) if votes else OTHERWISE
'''
# What `re` can say of tasks/data/matching.py: \w is a letter, a mark that is joined to one, a digit or _.
_BEFORE = r"(?<!\w)(?<![^\W\d_]['’])"
_BEHIND = r"(?!\w)(?!['’](?![sS](?!\w))[^\W\d_])"


def functions_module(rules: Rules, labels: Sequence[str]) -> str:
    """The module as text; `labels` are the model's, in their order.

    Raises:
        AuditError: a pattern is none of `re`.
    """
    index = {label_form(label): i for i, label in enumerate(labels)}
    names = _names([rule.name for rule in rules.rules])
    otherwise = -1 if rules.otherwise is None else index[label_form(rules.otherwise)]
    parts = [_HEAD.format(labels=list(labels), otherwise=otherwise)]
    parts += [
        _function(rule, name, index[label_form(rule.label)]) for rule, name in zip(rules.rules, names, strict=True)
    ]
    weights = [rule.weight for rule in rules.rules]
    return "".join([*parts, _TAIL.format(functions=", ".join(names), weights=weights)])


def _function(rule: Rule, name: str, label: int) -> str:
    terms = "".join(f"    ({_compiled(term)}, {_all(term.unless)}),\n" for term in rule.terms)
    return (
        f"\n_{name.upper()} = [\n{terms}]\n"
        f"_{name.upper()}_UNLESS = {_all(rule.unless)}\n\n\n"
        f"def {name}(text):\n"
        f"    # {_comment(rule.name)}: {_comment(rule.label)}\n"
        f"    return _votes(text, {label}, _{name.upper()}, _{name.upper()}_UNLESS)\n\n"
    )


def _all(texts: Sequence[str]) -> str:
    return f"[{', '.join(_compiled(Term('phrase', text)) for text in texts)}]"


def _compiled(term: Term) -> str:
    pattern = term.text
    if term.kind != "regex":
        pattern = _BEFORE + r"\s+".join(re.escape(word) for word in term.text.split()) + _BEHIND
    try:
        re.compile(pattern)
    except re.error as error:
        raise AuditError(
            f"The pattern {term.text!r} is one of the package `regex` and none of Python's `re` ({error}): the module "
            "of labelling functions would not run. Write it otherwise."
        ) from error
    return f"re.compile({pattern!r}{'' if term.case else ', re.IGNORECASE'})"


def _comment(text: str) -> str:
    return text.encode("unicode_escape").decode()


def _names(written: Sequence[str]) -> list[str]:
    """A name of Python for each rule, all of them different."""
    names: list[str] = []
    for text in written:
        base = "lf_" + (regex.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40] or "rule")
        name, number = base, 2
        while name in names or keyword.iskeyword(name):
            name, number = f"{base}_{number}", number + 1
        names.append(name)
    return names
