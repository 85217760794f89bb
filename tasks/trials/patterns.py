"""Run the trials of all patterns and write them as one part.

A pattern is tried as a whole. Where it stands it is replaced by as many neutral words, and it is put into other texts,
as it stands elsewhere and at its place, less as many neutral words there. A text in capitals is written without them,
and the reverse; a long text loses words that the model is not seen to use, and a shorter one gets such words; a text
full of marks keeps the last, and others get such marks behind their words.

Every contrast has a control that says how the text is read without the pattern and has no part in the effect: other
neutral words in its place, or the text before anything was put into it. Texts chosen by the words that the effect is
measured with would have larger effects by chance alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import regex

from configs.schema import VerificationConfig
from tasks.model.spec import ModelSpec
from tasks.runtime.parts import Shard
from tasks.runtime.workers import Facts
from tasks.text.edits import Text, deleted, edited, put_at
from tasks.text.words import word_spans
from tasks.trials.operators import drawn_words, inserted_into, spans_of
from tasks.trials.part import Group, trials_key, write_trials
from tasks.trials.reader import Arithmetic, Reader

MAX_NEUTRAL = 12
"""Most neutral words in the place of what stands at one place."""
MIN_PART = 0.8
"""Share of the effect of the whole that a part must have to carry it."""
MAX_PART_TEXTS = 16

PATTERN_TRIAL = pa.schema(
    [
        *((name, pa.string()) for name in ("type", "pattern", "operator")),
        ("example_id", pa.int64()),
        ("label", pa.string()),
        *((name, pa.float64()) for name in ("margin_with", "margin_without", "margin_control")),
        *((name, pa.int32()) for name in ("predicted_with", "predicted_without")),
    ]
)

PATTERN_PART = pa.schema(
    [
        *((name, pa.string()) for name in ("type", "pattern", "label", "part")),
        *((name, pa.float64()) for name in ("effect", "whole_effect")),
        ("n_texts", pa.int64()),
    ]
)


class Contrast(NamedTuple):
    """A text with a pattern, and the same without."""

    operator: str
    example_id: int
    present: Text
    absent: Text
    control: Text | None = None
    """The text without the pattern again, by a way that owes nothing to `absent`; None where there is no other way."""


def try_patterns(
    group: Group,
    shards: Sequence[Shard],
    model: ModelSpec,
    dtype: Arithmetic,
    verification: VerificationConfig,
    part: Path,
    *,
    left_out: frozenset[int] = frozenset(),
    dry: bool = False,
    advance: Callable[[int], None] = lambda amount: None,
) -> Facts:
    """Write the part of the trials of patterns, unless it exists; return its facts.

    `group` holds rows of `verify/pattern_plan`. The columns of its tables are described in tasks/verify.py. Nothing is
    tried on the texts in `left_out`; a dry run writes no part.
    """

    def run(kept: list[dict[str, Any]], reader: Reader | None) -> tuple[dict[str, pa.Table], dict[str, int]]:
        trials, parts = list[dict[str, Any]](), list[dict[str, Any]]()
        for row in kept:
            if reader:
                own = _trials(row, list(_contrasts(row, reader)), reader)
                trials += own
                parts += _parts(row, own, reader, verification.min_effect)
            advance(1)
        return {
            "pattern_trials": pa.Table.from_pylist(trials, schema=PATTERN_TRIAL),
            "pattern_parts": pa.Table.from_pylist(parts, schema=PATTERN_PART),
        }, {}

    key = trials_key(group, model, dtype, verification)
    return write_trials(group, shards, model, dtype, part, key, run, left_out=left_out, dry=dry)


def _contrasts(row: Mapping[str, Any], reader: Reader) -> Iterator[Contrast]:
    marks = marks_of([reader.text(held["example_id"]).text for held in row["held"]]) if row["type"] == "marks" else []
    for held in row["held"]:
        text = reader.text(held["example_id"])
        if row["type"] == "capitals":
            absent, control = Text(text.text[:1] + _recased(text.text[1:], str.lower), text.pair_start), None
        elif row["type"] == "length":
            absent, control = deleted(text, spans_of(held["spans"])), None
        elif row["type"] == "marks":
            absent, control = deleted(text, mark_spans(text.text)[:-1]), None
        else:
            absent, control = (_replaced(row, held, text, draw) for draw in ("", "control "))
        yield Contrast("removal", held["example_id"], text, absent, control)
    for k, other in enumerate(row["others"]):
        present, absent = _put_in(row, other, k, marks, reader)
        untouched = reader.text(other["example_id"])
        yield Contrast("insertion", other["example_id"], present, absent, None if absent == untouched else untouched)


def _replaced(row: Mapping[str, Any], held: Mapping[str, Any], text: Text, draw: str) -> Text:
    """The text with neutral words in the place of the pattern; others for every `draw`."""
    edits = [
        ((start, end), neutral_words(row, text.text[start:end], f"{draw}{held['example_id']} {start}"))
        for start, end in spans_of(held["spans"])
    ]
    return edited(text, edits)


_MARKS = regex.compile(r"(?<!\S)[\p{P}\p{S}]+|[\p{P}\p{S}]+(?!\S)")


def mark_spans(text: str) -> list[tuple[int, int]]:
    """Runs of marks at the ends of words, and alone."""
    return [match.span() for match in _MARKS.finditer(text)]


def marks_of(texts: Sequence[str]) -> list[list[str]]:
    """The runs of marks of each text."""
    return [[text[start:end] for start, end in mark_spans(text)] for text in texts]


def marked(text: Text, marks: Sequence[str], content: str) -> Text:
    """The text with these runs of marks behind words of its own, drawn by the content of the text."""
    ends = [str(end) for _, end in word_spans(text.text)]
    places = sorted(int(end) for end in drawn_words(ends, content, len(marks)))
    return edited(text, [((end, end), mark) for end, mark in zip(places, marks, strict=False)])


def _put_in(
    row: Mapping[str, Any], other: Mapping[str, Any], k: int, marks: Sequence[Sequence[str]], reader: Reader
) -> tuple[Text, Text]:
    """The text with the pattern, and with neutral words at its place. `marks`: of each text that is full of them."""
    example_id, text = other["example_id"], reader.text(other["example_id"])
    if row["type"] == "capitals":
        return Text(_recased(text.text, str.upper), text.pair_start), text
    if row["type"] == "length":
        added = drawn_words(
            row["neutral"] * (1 + row["n_words"] // len(row["neutral"])), str(example_id), row["n_words"]
        )
        return put_at(text, " ".join(added), "end"), text
    if row["type"] == "marks":
        return marked(text, marks[k % len(marks)], str(example_id)), text
    filling = row["fillings"][k % len(row["fillings"])]
    words = neutral_words(row, filling, str(example_id))
    return placed(row, other, filling, reader), placed(row, other, words, reader)


def _recased(text: str, change: Callable[[str], str]) -> str:
    # Some letters become two, which would move the second text of a pair.
    return "".join(changed if len(changed := change(letter)) == 1 else letter for letter in text)


def placed(row: Mapping[str, Any], other: Mapping[str, Any], words: str, reader: Reader) -> Text:
    """The text with the words where the pattern mostly stands, and in what the model reads."""
    place = row["place"]
    if place == "inside" or (place in ("end", "last line") and other["read_share"] < 1):
        return inserted_into(other, words, reader)
    return put_at(reader.text(other["example_id"]), words, place)


def neutral_words(row: Mapping[str, Any], filling: str, content: str) -> str:
    """As many neutral words as the filling has words, at least one."""
    spans = word_spans(filling)
    num = sum(any(letter.isalnum() for letter in filling[start:end]) for start, end in spans)
    return " ".join(drawn_words(row["neutral"], content, min(max(num, 1), MAX_NEUTRAL)))


def _trials(row: Mapping[str, Any], contrasts: Sequence[Contrast], reader: Reader) -> list[dict[str, Any]]:
    """A row for each contrast and label."""
    if not contrasts:
        return []
    # What several contrasts share is read once, and what the audit has read not again.
    known = {reader.text(contrast.example_id): reader.rows[contrast.example_id]["logits"] for contrast in contrasts}
    used = [text for contrast in contrasts for text in (contrast.present, contrast.absent, contrast.control)]
    texts = list(dict.fromkeys(text for text in used if text is not None))
    unread = [text for text in texts if text not in known]
    known |= dict(zip(unread, reader.logits(unread), strict=True)) if unread else {}
    logits_NK = np.array([known[text] for text in texts])
    number = {text: n for n, text in enumerate(texts)}
    margins = [reader.margins(logits_NK, [k] * len(texts)) for k in range(len(reader.model.labels))]
    predicted_N = logits_NK.argmax(axis=1).tolist()
    return [
        {
            "type": row["type"],
            "pattern": row["pattern"],
            "operator": contrast.operator,
            "example_id": contrast.example_id,
            "label": label,
            "margin_with": margins[k][number[contrast.present]],
            "margin_without": margins[k][number[contrast.absent]],
            "margin_control": None if contrast.control is None else margins[k][number[contrast.control]],
            "predicted_with": predicted_N[number[contrast.present]],
            "predicted_without": predicted_N[number[contrast.absent]],
        }
        for contrast in contrasts
        for k, label in enumerate(reader.model.labels)
    ]


# ---------------------------------------------------------------- the part that carries the effect


def _parts(
    row: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], reader: Reader, min_effect: float
) -> list[dict[str, Any]]:
    """The smallest part of the pattern, found by halving, that has nearly the effect of the whole when it is inserted;
    none if the pattern moves nothing, or only as a whole."""
    names = split_pattern(row["pattern"])
    label, whole = _strongest(trials)
    if row["place"] == "whole" or label is None or whole < min_effect or len(names) < 2:
        return []
    fillings = [filling for filling in row["fillings"] if len(split_filling(filling, names)) == len(names)]
    others = [text for text in row["others"] if text["example_id"] in {trial["example_id"] for trial in trials}]
    found: dict[str, Any] | None = None
    start, end = 0, len(names)
    while fillings and end - start > 1:
        middle = (start + end) // 2
        effects = {
            half: _effect_of(row, names, half, fillings, others, label, reader)
            for half in ((start, middle), (middle, end))
        }
        half = max(effects, key=lambda half: effects[half][0])
        effect, num_texts = effects[half]
        if effect < MIN_PART * whole:
            break
        start, end = half
        found = {
            "type": row["type"],
            "pattern": row["pattern"],
            "label": label,
            "part": joined(row["pattern"], names[start:end]),
            "effect": effect,
            "whole_effect": whole,
            "n_texts": num_texts,
        }
    return [] if found is None else [found]


def _strongest(trials: Sequence[Mapping[str, Any]]) -> tuple[str | None, float]:
    """The label that the pattern pushes towards most when it is put into texts, and by how much."""
    effects: dict[str, list[float]] = {}
    for trial in trials:
        if trial["operator"] == "insertion":
            effects.setdefault(trial["label"], []).append(trial["margin_with"] - trial["margin_without"])
    means = {label: float(np.mean(own)) for label, own in effects.items()}
    return max(means.items(), key=lambda item: item[1], default=(None, 0.0))


def _effect_of(
    row: Mapping[str, Any],
    names: Sequence[str],
    half: tuple[int, int],
    fillings: Sequence[str],
    others: Sequence[Mapping[str, Any]],
    label: str,
    reader: Reader,
) -> tuple[float, int]:
    """Mean effect of a part of the pattern, inserted, less neutral words; and the number of texts."""
    contrasts = list[Contrast]()
    target = reader.model.labels.index(label)
    for k, other in enumerate(others):
        if int(np.argmax(reader.rows[other["example_id"]]["logits"])) == target or len(contrasts) == MAX_PART_TEXTS:
            continue
        filling = fillings[k % len(fillings)]
        part = joined(row["pattern"], split_filling(filling, names)[slice(*half)])
        words = neutral_words(row, part, str(other["example_id"]))
        contrasts.append(
            Contrast("part", other["example_id"], placed(row, other, part, reader), placed(row, other, words, reader))
        )
    own = [trial for trial in _trials(row, contrasts, reader) if trial["label"] == label]
    return float(np.mean([trial["margin_with"] - trial["margin_without"] for trial in own] or [0.0])), len(own)


_RUNS = regex.compile(r"[\p{L}\p{M}]+|\p{N}+\+?|[^\p{L}\p{M}\p{N}\s]+")


def split_pattern(pattern: str) -> list[str]:
    """Its parts: what stands between spaces, or of a single chunk the runs of letters, digits and marks."""
    return [part for part in pattern.split() if part != "…"] if " " in pattern else _RUNS.findall(pattern)


def joined(pattern: str, parts: Sequence[str]) -> str:
    """Some parts of a pattern or of a filling, as they stand there."""
    return (" " if " " in pattern else "").join(parts)


def split_filling(filling: str, names: Sequence[str]) -> list[str]:
    """The same parts of a filling; another number of parts if it is put together differently."""
    chunks = filling.split()
    return chunks if len(chunks) == len(names) else _RUNS.findall(filling)
