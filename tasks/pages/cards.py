"""A finding as a card: what, how much, one real text before and after the change, and what to do."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tasks.attribution.batches import draw
from tasks.pages.headlines import Headline, quoted
from tasks.text.edits import Text, cased, inserted

MAX_CARDS = 3
"""Findings above the fold; the others follow in their sections."""

_CONTEXT = 110
"""Characters shown on either side of a change."""

_SEED = 0
"""Seed of the places where words are inserted (tasks/trials/operators.py)."""


@dataclass(frozen=True)
class Changed:
    """One text of the trials, and what the model says of it before and after the change."""

    parts: tuple[tuple[str, str], ...]
    """Stretches of the text: same, out or in, and what stands there."""
    label: str
    """Label of the finding."""
    before: float
    """Its probability in the text."""
    after: float
    """Its probability in the changed text."""
    predicted_before: str
    predicted_after: str
    how: str
    """The change in words."""
    first: str
    """What `before` was measured in."""
    counts: str
    """In how many texts the same change turned the prediction."""


@dataclass(frozen=True)
class Card:
    """One finding."""

    headline: Headline
    changed: Changed | None
    """None for pairs, capitals and length, or where a text is two."""
    advice: str
    code: str
    """What to copy."""


def cards(found: Sequence[Headline], changed: Sequence[Mapping[str, Any]], until: Any) -> list[Card]:
    """The first findings as cards. `changed` are rows of report/changed_texts and of report/changed_groups; a proposed
    waiver ends a year after `until`."""
    texts = {(row.get("kind", "word"), row["label"], row["word"]): row for row in changed}
    made = []
    for headline in [headline for headline in found if headline.rows and not headline.is_light][:MAX_CARDS]:
        keys = [_key(row) for row in headline.rows]
        known = [texts[key] for key in keys if key in texts]
        # Of the words of one finding, the first whose text is predicted otherwise after the change.
        known.sort(key=lambda row: row["predicted_before"] == row["predicted_after"])
        made.append(Card(headline, changed_text(known[0]) if known else None, *_advice(headline, until)))
    return made


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Kind, label and word of a finding, as the changed texts have them."""
    kind = row.get("kind") or ("pattern" if "pattern" in row else "type")
    return kind, row["label"], row.get("word") or row[kind]


def changed_text(row: Mapping[str, Any]) -> Changed:
    """What the trial did to the text, made again by the functions that made it."""
    word, first = quoted(row["word"]), "in the text"
    if row["operator"] == "pattern":
        parts, how = _taken_out(row["text"], row["spans"], ""), "with as many neutral words in its place"
    elif row["operator"] == "type":
        parts, how = _taken_out(row["text"], row["spans"], ""), f"without what is marked, of the type {word}"
        first = "without as many other words"
    elif row["operator"] == "insert":
        place = 1.0 if row["read_share"] == 1 else 0.9 * (row["read_share"] or 1.0)
        after = inserted(
            Text(row["text"], None), row["replacement"], place * draw(_SEED, str(row["example_id"]).encode())
        )
        parts, how = _put_in(row["text"], after.text), f"with {word} put in"
    else:
        parts = _taken_out(row["text"], row["spans"], row["replacement"] or "")
        how = f"with {quoted(row['replacement'])} in its place" if row["replacement"] else f"without {word}"
    return Changed(
        _clipped(parts),
        row["label"],
        _probability(row["margin_before"]),
        _probability(row["margin_after"]),
        row["predicted_before"],
        row["predicted_after"],
        how,
        first,
        _counts(row),
    )


def _counts(row: Mapping[str, Any]) -> str:
    """The honest rest: how many texts did not change."""
    ways = {"swap": "swapped for other words", "pattern": "in the place of neutral words"}
    out = ways.get(row["operator"], "taken out")
    said = [f"{out}, it changes the prediction of {row['n_removal_flips']:,} of {row['n_removal']:,} texts tried"] * (
        row["n_removal"] > 0
    )
    if row["n_insertion"]:
        said.append(f"put in, of {row['n_insertion_flips']:,} of {row['n_insertion']:,} others")
    sentence = "; ".join(said)
    return f"{quoted(row['word'])}: {sentence}."


def _probability(margin: float) -> float:
    return 1 / (1 + math.exp(-margin)) if margin > -700 else 0.0


def _taken_out(text: str, spans: Sequence[Mapping[str, int]], new: str) -> list[tuple[str, str]]:
    parts, at = [], 0
    for span in spans:
        start, end = span["span_start"], span["span_end"]
        old = text[start:end]
        parts += [("same", text[at:start]), ("out", old)] + [("in", cased(new, old))] * bool(new)
        at = end
    return [*parts, ("same", text[at:])]


def _put_in(before: str, after: str) -> list[tuple[str, str]]:
    at = next((i for i, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), len(before))
    end = at + len(after) - len(before)
    return [("same", before[:at]), ("in", after[at:end].strip()), ("same", f" {before[at:]}" if before[at:] else "")]


def _clipped(parts: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The parts with long unchanged stretches cut in the middle, or at their outer end."""
    kept = []
    for i, (mark, text) in enumerate(parts):
        if mark == "same" and i == 0 and len(text) > _CONTEXT:
            text = f"… {text[-_CONTEXT:]}"
        elif mark == "same" and i == len(parts) - 1 and len(text) > _CONTEXT:
            text = f"{text[:_CONTEXT]} …"
        elif mark == "same" and len(text) > 2 * _CONTEXT:
            text = f"{text[:_CONTEXT]} … {text[-_CONTEXT:]}"
        kept.append((mark, text))
    return tuple(kept)


def _advice(headline: Headline, until: Any) -> tuple[str, str]:
    """What to do in a sentence, and what to copy for it."""
    first = headline.rows[0]
    if first.get("taught_by"):
        return (
            f"Change the labelling rule {quoted(first['taught_by'])}: exports/rules.yaml holds the proposal, untried. "
            "This command retrains with it and says what was gained:",
            "token-audit fix CONFIG",
        )
    if first.get("place", "whole") != "whole":
        return (
            "Take it out of the texts before training and prediction: exports/preprocess.json holds the expression "
            "with tests. This command retrains without it and says what was gained:",
            "token-audit fix CONFIG",
        )
    if "kind" not in first:
        return "This command retrains with what the audit proposes and says what was gained:", "token-audit fix CONFIG"
    lines = [
        f"- word: {json.dumps(first['word'], ensure_ascii=False)}",
        f"  label: {json.dumps(first['label'], ensure_ascii=False)}",
        "  reason: why it may decide",
        "  owner: your name",
        f"  expires: {(until + timedelta(days=365)):%Y-%m-%d}",
    ]
    return (
        "Read the texts. token-audit fix CONFIG retrains with other words in its place and says what was gained; if "
        "the word may decide, accept it in the file that the setting waivers names:",
        "\n".join(lines),
    )
