"""The findings in plain words."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from configs.schema import DataConfig, ModelConfig
from tasks.pages.sentences import visible


@dataclass(frozen=True)
class Headline:
    """One finding in plain words."""

    title: str
    text: str
    anchor: str
    """Id of the place in the page that shows the sentences or figures behind it."""
    rows: tuple[Mapping[str, Any], ...] = field(default=(), compare=False, repr=False)
    """What is spurious; nothing for a headline that is no finding."""

    @property
    def is_light(self) -> bool:
        """It is a finding, and no prediction of a thousand was seen to hang on it."""
        rates = [row["per_1000"] for row in self.rows]
        return bool(rates) and None not in rates and sum(rates) < _LEAST_RATE

    @property
    def brief(self) -> str:
        """One line on a finding without consequence."""
        words = [quoted(row.get("word") or row.get("pattern") or row.get("type", "")) for row in self.rows]
        more = [f"{len(words) - 4} more"] if len(words) > 4 else []
        first = self.rows[0]
        return f"{_listed([*words[:4], *more])} ({signed(first['effect'])} log-odds{_between(first)})"


_LEAST_RATE = 0.05
"""Predictions per 1,000 that are printed as 0.0."""

_MAX_ANCHOR = 80
"""Characters of an id before it is cut."""

MIN_CUT = 0.2
"""Share of the tokens behind the limit of the model from which on that is a finding."""


def headlines(
    spurious: Sequence[Mapping[str, Any]],
    kinds: Sequence[Mapping[str, Any]],
    patterns: Sequence[Mapping[str, Any]],
    names: Sequence[Mapping[str, Any]],
    top_words: Sequence[Mapping[str, Any]],
    vocabulary: Sequence[Mapping[str, Any]],
    overview: Mapping[str, Any],
    unit: str,
    max_q: float,
) -> list[Headline]:
    """The findings a reader should take away, at most ten, from the rows of the queries of these names.

    `max_q`: a name makes a headline only if its association with the label has at most this false discovery rate.
    """
    taught, others = _by_title(spurious)
    spurious_patterns = [row for row in patterns if row["status"] == "spurious"]
    findings = [
        *(_of_spurious(title, rows) for title, rows in taught[:2]),
        *(
            Headline(
                _title_of_pattern(row), _about_pattern(row), anchor("pattern", row["pattern"], row["label"]), (row,)
            )
            for row in spurious_patterns[:3]
        ),
        *[Headline(_title_of(row), _about_kind(row), "kinds", (row,)) for row in kinds if row["status"] == "spurious"][
            :2
        ],
        *(_of_spurious(title, rows) for title, rows in others[:3]),
    ]
    findings.sort(key=lambda headline: -sum(row["per_1000"] or 0 for row in headline.rows))
    cut = [_about_cut_texts(overview)] if overview["n_cut"] >= MIN_CUT * overview["n_tokens"] > 0 else []
    found = [*cut, *findings]
    if not findings:
        text = (
            f"None of the {overview['n_tried']:,} words and fragments that were tried is shown to be spurious; "
            f"{overview['n_unclear']:,} of them are unclear. That is no proof that all is well."
        )
        found.append(Headline("No word is shown to be spurious", text, "spurious"))
    one_sided = [row for row in names if row["label_q"] <= max_q]
    unused = sorted(
        (row for row in one_sided if not row["used"]),
        key=lambda row: (-row["n_label"] / row["n_examples"], row["rank"]),
    )
    if unused:
        found.append(Headline(*_about_names(unused, len(one_sided)), "names"))
    genuine: dict[str, list[str]] = {}
    for row in top_words:
        if row["verdict"] != "spurious" and row["type"] == "content word":
            genuine.setdefault(row["label"], []).append(quoted(row["word"]))
    if genuine:
        text = "; ".join(f"for {quoted(label)}: {_listed(words[:5])}" for label, words in list(genuine.items())[:4])
        found.append(
            Headline(
                "The strongest content words that are not called spurious",
                f"By their scores, the model relies most on these: {text}. The scores do not say that it should.",
                "words",
            )
        )
    if vocabulary:
        found.append(Headline("The tokenizer cuts words that matter", _about_vocabulary(vocabulary), "vocabulary"))
    return found


_Titled = list[tuple[str, list[Mapping[str, Any]]]]


def _by_title(spurious: Sequence[Mapping[str, Any]]) -> tuple[_Titled, _Titled]:
    """Spurious words that labelling rules taught, and all others, under their titles, those of most impact first."""
    taught: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    others: dict[str, list[Mapping[str, Any]]] = {}
    for row in spurious:
        if row.get("taught_by") and row["kind"] != "pair":
            taught.setdefault((row["taught_by"], row["label"]), []).append(row)
        else:
            others.setdefault("Pairs of words act together" if row["kind"] == "pair" else row["title"], []).append(row)
    return (
        _sorted([(_title_of_taught(rows), rows) for rows in taught.values()]),
        _sorted(list(others.items())),
    )


def _sorted(titled: _Titled) -> _Titled:
    return sorted(titled, key=lambda entry: -sum(row["per_1000"] or 0 for row in entry[1]))


def _of_spurious(title: str, rows: Sequence[Mapping[str, Any]]) -> Headline:
    return Headline(
        title, _about_spurious(rows), anchor(rows[0]["kind"], rows[0]["word"], rows[0]["label"]), tuple(rows)
    )


def _about_vocabulary(rows: Sequence[Mapping[str, Any]]) -> str:
    examples = _listed(
        [f"{quoted(row['word'])} ({'·'.join(visible(piece) for piece in row['pieces'])})" for row in rows[:3]]
    )
    saved = sum(row["tokens_saved"] for row in rows)
    verb = "word that matters is" if len(rows) == 1 else "words that matter are"
    return (
        f"{len(rows)} {verb} cut into pieces, such as {examples}. A piece of its own for each would save {saved:,} "
        "tokens in these texts."
    )


def _title_of_taught(rows: Sequence[Mapping[str, Any]]) -> str:
    words = [quoted(row["word"]) for row in rows if row["kind"] == "word"] or [quoted(row["word"]) for row in rows]
    verb, them = ("pushes", "it") if len(words) == 1 else ("push", "them")
    return (
        f"{_listed(words[:4])} {verb} towards {quoted(rows[0]['label'])}: the labelling rule "
        f"{quoted(rows[0]['taught_by'])} taught {them}"
    )


def _title_of(row: Mapping[str, Any]) -> str:
    return f"{row['title']} towards {quoted(row['label'])}, whichever word it is"


def _about_cut_texts(overview: Mapping[str, Any]) -> Headline:
    return Headline(
        "Only the heads of the texts are audited",
        f"{percent(overview['n_cut'] / overview['n_tokens'])} of the tokens are behind the limit of the model, in "
        f"{overview['n_truncated']:,} of {overview['n_examples']:,} texts: no word there is read, "
        "and none can be found.",
        "quality",
    )


_PLACES = {
    "start": "at the start of a text",
    "end": "at the end of a text",
    "first line": "as the first line of a text",
    "last line": "as a line of a text",
    "inside": "in a text",
}


def _title_of_pattern(row: Mapping[str, Any]) -> str:
    label = quoted(row["label"])
    if row["type"] == "capitals":
        return f"Texts in capitals are predicted as {label}"
    if row["type"] == "length":
        return f"Long texts are predicted as {label}"
    if row["type"] == "marks":
        return f"Texts with many punctuation marks are predicted as {label}"
    if row["type"] == "shape" and row["n_surfaces"] > 1:
        return f"Anything like {quoted(row['surfaces'][0])} {_PLACES[row['place']]} moves it to {label}"
    if row["type"] == "companions":
        words = _listed([quoted(word) for word in row["pattern"].split(" & ")])
        return f"{words}, which stand together, move a text to {label}"
    if row["type"] == "address":
        kind = "An e-mail address" if row["pattern"].startswith("*@") else "A link"
        return f"{kind} of {quoted(row['pattern'][2:])} moves a text to {label}"
    return f"{quoted(row['pattern'])} {_PLACES[row['place']]} moves it to {label}, whatever fills it"


def _about_pattern(row: Mapping[str, Any]) -> str:
    such, carried, parts, placebo = "", "", "", ""
    if row["n_surfaces"] > 1 and row["surfaces"] and row["type"] != "companions":
        such = f" ({', '.join(quoted(surface) for surface in row['surfaces'][:3])}, …)"
    if row["carried_by"]:
        carried = f" Nearly all of that is done by {quoted(row['carried_by'])}."
    if row["parts"]:
        parts = f" Its parts are no findings of their own: {_listed([quoted(part) for part in row['parts']])}."
    if row["place"] != "whole":
        placebo = ", less neutral words in its place"
    return (
        f"{row['n_label']:,} of the {row['n_examples']:,} texts with it{such} are predicted so, "
        f"{percent(row['label_share'])} of all texts. Taken out and put in{placebo}, it changes the log-odds of "
        f"{quoted(row['label'])} by {_effect(row)}.{carried}{_changes(row)}{parts}"
    )


def _about_kind(row: Mapping[str, Any]) -> str:
    return (
        "Taken out and inserted, less other words in their places, they change the log-odds of "
        f"{quoted(row['label'])} by {_effect(row)}. They stand in {row['n_examples']:,} texts.{_changes(row, 'them')}"
    )


def _about_spurious(rows: Sequence[Mapping[str, Any]]) -> str:
    first = rows[0]
    label = quoted(first["label"])
    rate = ""
    if first["label_rate"] is not None and first["label_share"] is not None:
        rates = percent(first["label_rate"]), percent(first["label_share"])
        rate = f" Yet {rates[0]} of its texts are {label}, against {rates[1]} of all."
        rate = rate if first["label_rate"] < first["label_share"] + 0.05 else rate.removeprefix(" Yet")
    source = f" (from {visible(first['source_words'])})" if first["source_words"] else ""
    others = [quoted(row["word"]) for row in rows[1:5]] + ([f"{len(rows) - 5} more"] if len(rows) > 5 else [])
    also = f" Also spurious: {_listed(others)}." if others else ""
    if first["kind"] == "pair":
        acts = (
            f"In {quoted(first['word'])} the effect of the first word on the log-odds of {label} differs by "
            f"{signed(first['effect'])}{_between(first)} from what it is otherwise"
        )
    else:
        acts = (
            f"Where it stands, and inserted beside placebo words, {quoted(first['word'])}{source} "
            f"changes the log-odds of {label} by {_effect(first)}"
        )
    return f"{acts}. It stands in {first['n_examples']:,} texts.{_changes(first)}{rate}{also}"


def _effect(row: Mapping[str, Any]) -> str:
    """In log-odds, and what that is to a text on the fence."""
    goes_to = percent(0.5 + row["probability_shift"])
    return f"{signed(row['effect'])} on average{_between(row)}: a text at {percent(0.5)} goes to {goes_to}"


def _between(row: Mapping[str, Any]) -> str:
    low, high = row["effect_low"], row["effect_high"]
    return "" if low is None else f" (95\u202f% interval {signed(low)} to {signed(high)})"


def _changes(row: Mapping[str, Any], what: str = "it") -> str:
    """The severity with its interval."""
    if not row["per_1000"]:
        return ""
    between = f" (95\u202f% interval {row['per_1000_low']:.1f} to {row['per_1000_high']:.1f})"
    return f" Per 1,000 texts {row['per_1000']:.1f} predictions change without {what}{between}."


def _about_names(unused: Sequence[Mapping[str, Any]], num_one_sided: int) -> tuple[str, str]:
    """Title and text."""
    several = len(unused) > 1
    kind = _listed(sorted({row["several" if several else "one"] for row in unused}))
    examples = _listed(
        [
            f"{quoted(row['word'])} ({row['n_label']} of {row['n_examples']} {visible(row['label'])})"
            for row in unused[:4]
        ]
    )
    it, others = "them" if several else "it", num_one_sided - len(unused)
    beside = ""
    if others:
        beside = f" It relies on {others:,} other such {'word' if others == 1 else 'words'}."
    return (
        f"{kind[0].upper()}{kind[1:]}: one-sided in the labels, not clearly used by the model",
        f"Texts that mention {examples} mostly have one label. The model does not clearly rely on {it}; a labelling "
        f"rule could still pick {it} up.{beside}",
    )


def default_title(model: ModelConfig, data: DataConfig, name: str) -> str:
    """What is audited on what: the model's folder or name (`name`, where the audit trains it), and the data's."""
    own = model.path.name if model.path is not None else (model.hub or name)
    return f"{own} on {data.path.name if data.path is not None else data.hub}"


def anchor(*names: str) -> str:
    """Id of a place in the page, by what is there and not by its rank: a link stays good where ranks change."""
    whole = "-".join(_named(name) for name in names)
    if len(whole) <= _MAX_ANCHOR:
        return whole
    return f"{whole[:_MAX_ANCHOR]}-{hashlib.sha256(whole.encode(errors='surrogatepass')).hexdigest()[:8]}"


def _named(name: str) -> str:
    # Of one-to-one letters: two words never share a place.
    return "".join(c if c.isalnum() else f"_{ord(c):x}_" for c in name)


def main_sentence(found: Sequence[Headline], state: str, total: Mapping[str, Any]) -> str:
    """The first sentence of the page: the gravest finding, or why there is none."""
    findings = [headline for headline in found if headline.rows]
    if state.startswith(("Act", "Minor")) and findings:
        return findings[0].title
    if state.startswith("Too little data"):
        return "Too little data to say which words decide"
    if total["n_findings"] and total["per_1000"] is not None:
        weak = (
            "one weak finding changes" if total["n_findings"] == 1 else f"{total['n_findings']:,} weak findings change"
        )
        return f"No shortcut that counts: {weak} {max(total['per_1000'], 0):.1f} of 1,000 predictions"
    return "No word is shown to decide that should not"


def percent(value: float, digits: int = 0) -> str:
    """A share as a percentage, with a narrow no-break space before the sign."""
    return f"{100 * value:.{digits}f}\u202f%"


def signed(value: float) -> str:
    """A score with its sign, a real minus."""
    return f"{value:+z.2f}".replace("-", "−")


def quoted(word: str) -> str:
    """A word of the data in a sentence."""
    return f"“{visible(word)}”"


def _listed(items: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]])) if items else ""
