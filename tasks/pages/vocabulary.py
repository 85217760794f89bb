"""The page of a vocabulary review: its sentences and its charts."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pyarrow as pa
from markupsafe import Markup

from tasks.pages.charts import BLUE, GREY, ORANGE
from tasks.pages.drawn import drawn_in_rows
from tasks.pages.headlines import percent
from tasks.pages.sentences import visible
from tasks.vocabulary.choice import CANDIDATES, PLACEBO

Row = Mapping[str, Any]

ANSWERS = {
    "token.candidate": "yes: proposed",
    "token.light": "no: its pieces decide little",
    "token.rare": "no: it stands in too few texts",
    "token.no_word": "no: it is no word",
    "token.split": "no: the tokenizer cuts it before its vocabulary is asked",
    "token.same_token": "no: another word has the same token",
    "token.one_token": "it is one token in another spelling",
    "token.special": "no: it holds a special token",
    "token.empty": "no: nothing of it is left after the tokenizer's cleaning",
    "token.pieces_between": "no: its merges would change other words",
    "token.more_than_two_pieces": "no: it is cut into more than two pieces",
    "token.unreachable": "no: no text would be cut into it",
    "token.lengthens": "no: a text would have more tokens",
}
"""Rule of `answer` in token_words -> what it says to: should it be one token?"""

_DECIDES = {
    "spurious": "no: spurious",
    "part": "no: spurious",
    "context-dependent": "depends on the text",
    "genuine": "yes: genuine",
    "waived": "waived by a person",
    "unclear": "unclear",
    "negligible": "it hardly does",
}
_UNTRIED = {"none": "no, by its type; not tried", "meaning": "by its meaning; not tried"}

METHODS = {
    "mean": "mean of the pieces",
    "weighted": "mean, weighted by what each piece decides",
    "mean_resizing": "mean of all embeddings (mean_resizing)",
    "distilled": "distilled from texts with the word",
}
"""Ways to make new rows -> how a page names them."""

MAX_FLIPPED = 0.005
"""Share of the affected texts whose prediction may change by new rows alone."""


def decides(row: Row) -> str:
    """The verdict's answer to: should the word decide?"""
    status = row["status"]
    return _DECIDES[status] if status is not None else _UNTRIED.get(row["expectation"], "not tried")


def answer(row: Row) -> str:
    """The answer to: should the word be one token?"""
    return ANSWERS[row["answer"]]


def headline(facts: Row, sizes: Sequence[Row]) -> str:
    """What cutting costs and what the candidates would save, in one sentence."""
    if not facts["n_words"]:
        return "No word of the texts could be read."
    cut = (
        f"The tokenizer cuts {facts['n_split']:,} of {facts['n_words']:,} words "
        f"({percent(facts['n_split'] / facts['n_words'], 1)}) and spends {facts['n_over']:,} tokens on it, "
        f"{percent(facts['n_over'] / facts['n_tokens'], 1)} of all"
    )
    own = [row for row in sizes if row["arm"] == CANDIDATES]
    if not own or not own[0]["n_words"]:
        return f"{cut}; no word is frequent enough, or can be, one token of its own."
    row = own[0]
    saved = row["tokens_before"] - row["tokens_after"]
    words, they = ("word", "it") if row["n_words"] == 1 else (f"{row['n_words']:,} words", "each of them")
    return (
        f"{cut}. The {words} whose cut matters most would save {saved:,} tokens "
        f"({percent(saved / row['tokens_before'], 1)}) if {they} were one token."
    )


def conclusion(gains: Sequence[Row]) -> str:
    """What retraining says of the candidates, beside the placebo; nothing before a retraining."""
    found = {(row["arm"], row["texts"]): row for row in gains}
    own = found.get((CANDIDATES, "affected"))
    if own is None:
        return "Retraining says nothing of these words: no held-out text holds one of them." if gains else ""
    shown = "Retraining with them helps" if own["gain_low"] > 0 else "No gain in accuracy is shown"
    if own["gain_high"] < 0:
        shown = "Retraining with them harms"
    said = (
        f"{shown}: {points(own['gain'])} points on {own['n_texts']:,} texts with such a word, 95 % interval "
        f"{points(own['gain_low'])} to {points(own['gain_high'])}"
    )
    beside = found.get((PLACEBO, own["texts"]))
    if beside is not None:
        said += (
            f"; other words as frequent and in as many pieces, {points(beside['gain'])} on {beside['n_texts']:,} "
            f"({points(beside['gain_low'])} to {points(beside['gain_high'])})"
        )
        if beside["gain_low"] > 0:
            return f"{said}. Those help too: more words of this kind may be worth a token, whichever weigh most."
    return f"{said}."


def safe(sizes: Sequence[Row]) -> str:
    """Whether all other texts are read as before, in one sentence; nothing where no word is added."""
    own = [row for row in sizes if row["arm"] == CANDIDATES]
    if not own or not own[0]["n_words"]:
        return ""
    row = own[0]
    faults = [
        f"{row[name]:,} {what}"
        for name, what in (
            ("n_strays", "texts without a new token are cut otherwise"),
            ("n_unreachable", "new tokens stand in no text"),
            ("n_moved", "texts have tokens at wrong places"),
        )
        if row[name]
    ]
    if faults:
        return f"Not safe: {'; '.join(faults)}."
    return (
        f"Checked on {row['n_texts']:,} texts: every text without a new token has the same tokens as before, every new "
        "token is reached, and all tokens stand where their text stands."
    )


def said_of_rows(shifts: Sequence[Row]) -> str:
    """The best way to make new rows, in one sentence."""
    own = [row for row in shifts if row["texts"] == "affected" and row["n_texts"]]
    if not own:
        return ""
    row = next(row for row in own if row["is_best"])
    share = row["n_flips"] / row["n_texts"]
    kept = "within" if share <= MAX_FLIPPED else "beyond"
    return (
        f"Before any training, the best new rows ({METHODS[row['method']]}) change the prediction of "
        f"{row['n_flips']:,} of {row['n_texts']:,} affected texts ({percent(share, 1)}, {kept} the "
        f"{percent(MAX_FLIPPED, 1)} that may change); the best is chosen on these texts"
        f"{' and fitted on some of them' if row['method'] == 'distilled' else ''}, so that more may change on other "
        "texts with such a word."
    )


def points(share: float) -> str:
    """A difference of shares in points, with a real minus."""
    return f"{100 * share:+z.1f}".replace("-", "−")


def cut_of(row: Row) -> str:
    """How a word is cut today."""
    return "·".join(visible(piece) for piece in row["pieces"])


# ---------------------------------------------------------------- charts

_TOP = 20
_SHORT = {"token.candidate": "proposed", "token.light": "not proposed"}


def chart_of_words(rows: Sequence[Row]) -> Markup:
    """The words whose cut weighs most, as an SVG that needs no script."""
    shown = [row for row in rows if row["answer"] not in ("token.rare", "token.no_word")][:_TOP]
    if not shown:
        return Markup("")
    table = [
        {
            "word": _caption(row),
            "value": row["value"],
            "what": "proposed" if row["answer"] == "token.candidate" else "not proposed",
            "why": _SHORT.get(row["answer"], "refused"),
        }
        for row in shown
    ]
    base = alt.Chart(pa.Table.from_pylist(table)).encode(
        y=alt.Y("word:N", sort=None, title=None, axis=alt.Axis(minExtent=210, labelLimit=210)),
        x=alt.X("value:Q", title="tokens to save × what the pieces decide", axis=alt.Axis(tickCount=5)),
    )
    colour = alt.Color("what:N", scale=alt.Scale(domain=["proposed", "not proposed"], range=[BLUE, GREY]), legend=None)
    why = base.mark_text(align="left", dx=5, fontSize=11, color="#52606d").encode(text="why:N")
    return drawn_in_rows("words", alt.layer(base.mark_bar(height=13).encode(color=colour), why), 22)


def chart_of_gains(gains: Sequence[Row]) -> Markup:
    """The gains of the arms on affected and on all texts, with their intervals."""
    shown = [row for row in gains if row["word"] is None and row["texts"] in ("affected", "all")]
    if not shown:
        return Markup("")
    table = [
        {
            "arm": f"{row['arm']}, {row['texts']} texts",
            "gain": 100 * row["gain"],
            "low": 100 * row["gain_low"],
            "high": 100 * row["gain_high"],
            "what": "placebo" if row["arm"] == PLACEBO else "review",
        }
        for row in shown
    ]
    base = alt.Chart(pa.Table.from_pylist(table)).encode(
        y=alt.Y("arm:N", sort=[row["arm"] for row in table], title=None, axis=alt.Axis(minExtent=210, labelLimit=210))
    )
    colour = alt.Color("what:N", scale=alt.Scale(domain=["review", "placebo"], range=[BLUE, ORANGE]), legend=None)
    zero = alt.Chart(pa.table({"zero": [0.0]})).mark_rule(color="#c3cad2", strokeDash=[4, 3]).encode(x="zero:Q")
    interval = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", title="gain in accuracy (points), with its 95 % interval", axis=alt.Axis(tickCount=7)),
        x2="high:Q",
        color=colour,
    )
    point = base.mark_point(filled=True, size=90).encode(
        x="gain:Q", color=colour, shape=alt.Shape("what:N", legend=None)
    )
    return drawn_in_rows("gains", alt.layer(zero, interval, point), 30)


def _caption(row: Row) -> str:
    """A word and its cut, short enough for an axis."""
    word, cut = (text if len(text) <= 22 else f"{text[:21]}…" for text in (visible(row["word"]), cut_of(row)))
    return f"{word} ({cut})" if cut else word
