"""Proposals of an audit for labelling rules: keywords to drop, to narrow and to add, and the rules with all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from configs.errors import AuditError
from tasks.data.rules import Rules, Term, narrowed, with_term, without_term

MAX_OVERLAP = 0.95
"""A keyword is not added if this share of its texts has the label already, by the rules or by keywords added before."""

MIN_TEXTS = 8
"""Fewest texts of a keyword that is added."""

MIN_MEANING = 1.96
"""Of a keyword that is added for its meaning: how much nearer it has to be to the name of the label than other words of
the training texts, in standard deviations. Of 40 words one is so near by chance."""

KNOWN = 0.2
"""What a word counts that the encoder knows for the label: as much as one that just passes by what the model reads."""

Proposal = Mapping[str, Any]
"""A row of `recommend/rule_proposals`, without its rank."""


def proposals(
    drops: Sequence[Mapping[str, Any]], candidates: Sequence[Mapping[str, Any]], least: int, most: int
) -> list[dict[str, Any]]:
    """What to change, in this order: keywords to drop or to narrow, the worst first; keywords to add, those first that
    label most texts that the rules do not.

    `drops` and `candidates` are rows of `recommend/keyword_drops` and `recommend/keyword_candidates`. At most `most` of
    a label are added, each with `least` new texts or more.
    """
    found = [_drop(row) for row in drops]
    for label in dict.fromkeys(row["label"] for row in candidates):
        found += _added([row for row in candidates if row["label"] == label], least, most)
    return found


def _drop(row: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "n_labelled",
        "n_decided",
        "effect",
        "q_value",
        "per_1000",
        "n_name",
        "n_name_also",
        "n_word",
        "n_word_also",
        "n_phrase",
        "n_phrase_also",
        "n_else",
        "n_else_also",
    )
    return {
        "action": "narrow" if row["is_name"] or row["phrase"] else "drop",
        "rule": row["rule"],
        "term": row["term"],
        "label": row["label"],
        "word": row["word"],
        "n_texts": row["n_decided"],
        "phrase": None if row["is_name"] else row["phrase"],
        "figures": {name: row[name] for name in names},
    }


def _added(candidates: Sequence[Mapping[str, Any]], least: int, most: int) -> list[dict[str, Any]]:
    """The words of one label, each time that with most new texts, weighted by how much it exceeds chance at least."""
    left, taken, found = list(candidates), set[int](), list[dict[str, Any]]()
    while left and len(found) < most:
        new = [set(row["new_ids"]) - taken for row in left]
        worth = [len(ids) * _weight(row) for ids, row in zip(new, left, strict=True)]
        best = max(range(len(left)), key=lambda i: (worth[i], left[i]["word"]))
        row, ids = left.pop(best), new[best]
        if len(ids) < least or 1 - len(ids) / len(row["text_ids"]) >= MAX_OVERLAP:
            continue
        taken |= ids
        names = ("effect", "n_examples", "n_read_so", "read_rate", "read_low", "read_share", "meaning")
        found.append(
            {
                "action": "add",
                "rule": f"added for {row['label']}",
                "term": row["word"],
                "label": row["label"],
                "word": row["word"],
                "n_texts": len(ids),
                "figures": {**{name: row[name] for name in names}, "n_with": len(row["text_ids"])},
            }
        )
    return found


def _weight(row: Mapping[str, Any]) -> float:
    """By how much more the texts of a word are read as its label than others are, at least."""
    return float(row["read_low"] - row["read_share"]) if row["meaning"] is None else KNOWN


def applied(rules: Rules, chosen: Sequence[Proposal]) -> Rules:
    """The rules with these proposals, in their order.

    Raises:
        AuditError: nothing would be left of the rules.
    """
    for row in chosen:
        if row["action"] == "add":
            # Of what the model reads: a keyword of any case, as most are.
            rules = with_term(rules, row["rule"], Term("keyword", row["term"]), row["label"])
        elif row["action"] == "narrow":
            term = rules.rule(row["rule"]).term(row["term"])
            assert term is not None, "the tables hold the rules"
            name = term.text[:1].upper() + term.text[1:]
            phrase = row["phrase"]
            narrower = (
                replace(term, text=name, case=True)
                if phrase is None
                else replace(term, kind="phrase", text=phrase, case=False)
            )
            rules = narrowed(rules, row["rule"], row["term"], narrower)
        else:
            rules = without_term(rules, row["rule"], row["term"])
    if not rules.rules:
        raise AuditError("Without the keywords that are to be dropped no labelling rule is left. Write others.")
    return rules
