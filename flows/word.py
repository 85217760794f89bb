"""One word of an audit: its figures, and the sentences that hold it."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from configs.errors import AuditError
from flows.runs import near
from flows.terminal import print_table

if TYPE_CHECKING:
    from warehouse import Warehouse

_NEGATIVE, _POSITIVE = "#e08214", "#4393c3"


def word_facts(
    warehouse: "Warehouse", folder: Path, word: str, num_sentences: int, no_run: str | None = None
) -> dict[str, Any]:
    """Figures of a word and the texts that hold it, as plain values.

    Raises:
        AuditError: no text holds it; with the words that are spelt nearly so.
    """
    from tasks.pages.rules import fired
    from tasks.pages.sentences import sentences_with

    figures = warehouse.rows("report/word", {"word": word})
    kind = figures[0]["kind"] if figures else "piece" if "·" in word else "word"
    asked, word = word, warehouse.seen(word)
    found = sentences_with(warehouse, folder, word, kind, num_sentences)
    if not found:
        guess = near(asked, [row["word"] for row in warehouse.rows("report/known_words", {})])
        before = f"{no_run} As a word, " if no_run else ""
        raise AuditError(f"{before}{asked!r} is in none of the explained texts.{guess}")
    for fact in figures:
        fact["rules"] = [rule.sentence for rule in fired(fact["rules"])]
    texts = [
        {
            "text": sentence.text,
            "label": sentence.gold,
            "predicted": sentence.predicted,
            "confidence": sentence.confidence,
            "tokens": [{"text": piece.text, "score": piece.score} for piece in sentence.pieces],
        }
        for sentence in found
    ]
    return {"word": word, "figures": figures, "sentences": texts}


def print_word(warehouse: "Warehouse", folder: Path, word: str, num_sentences: int, no_run: str | None = None) -> None:
    from tasks.pages.sentences import visible

    facts = word_facts(warehouse, folder, word, num_sentences, no_run)
    word = facts["word"]
    for fact in facts["figures"]:
        rate = "" if fact["label_rate"] is None else f", {fact['label_rate']:.0%} of them have the label"
        waived = "" if fact["waived_by"] is None else f", waived by {fact['waived_by']}"
        print(visible(f"{fact['word']} ({fact['kind']}, {fact['type']}) pushes towards {fact['label']}"))
        rows = [
            (
                "score",
                f"{_figure(fact['mean_score'])} (95 % interval {_figure(fact['ci_low'])} to "
                f"{_figure(fact['ci_high'])}, q {fact['q_value']:.2g})",
            ),
            ("texts", f"{fact['n_examples']:,}{rate}"),
            ("verdict", f"{fact['verdict'] or 'not tried'}{waived}"),
            *(("rule" if i == 0 else "", sentence) for i, sentence in enumerate(fact["rules"])),
            *((effect["operator"], _effect(effect)) for effect in fact["effects"] or ()),
        ]
        if sys.stdout.isatty():
            print_table(("", ""), rows, header=False)
        else:
            for name, text in rows:
                print(visible(f"{name or 'rule'}\t{text}"))
    if not facts["figures"]:
        print(visible(f"{word}\tno figures: it is in fewer texts than statistics.min_examples"))
    console = Console()
    for example in facts["sentences"]:
        console.print(_coloured(example, word), soft_wrap=not sys.stdout.isatty())


def _figure(value: float) -> str:
    """A real minus, as on the page."""
    return f"{value:+z.3f}".replace("-", "−")


def _effect(effect: dict[str, Any]) -> str:
    interval = (
        ""
        if effect["effect_low"] is None
        else f" (95 % interval {_figure(effect['effect_low'])} to {_figure(effect['effect_high'])})"
    )
    return f"{_figure(effect['mean_effect'])} log-odds in {effect['n_texts']} texts{interval}"


def _coloured(sentence: Mapping[str, Any], word: str) -> Text:
    """The sentence with its tokens coloured by score, and on a terminal with the sign written out: colour alone does
    not reach everybody. The word that was asked for is underlined."""
    from tasks.pages.sentences import visible

    pieces = sentence["tokens"]
    largest = max((abs(piece["score"]) for piece in pieces if piece["score"] is not None), default=0.0) or 1.0
    text = Text()
    header = f"\nlabelled {sentence['label']}, predicted {sentence['predicted']} ({sentence['confidence']:.0%} sure)\n"
    text.append(visible(header), style="dim")
    start = len(text)
    for piece in pieces:
        strength = 0.0 if piece["score"] is None else piece["score"] / largest
        shown = visible(piece["text"])
        if abs(strength) < 0.15:
            text.append(shown)
        else:
            colour = _POSITIVE if strength > 0 else _NEGATIVE
            style = f"bold {colour}" if abs(strength) > 0.5 else colour
            text.append(f"{shown}{'+' if strength > 0 else '−'}", style=style)
    for found in re.finditer(rf"(?<!\w){re.escape(word.strip('·'))}(?!\w)", text.plain[start:], re.IGNORECASE):
        text.stylize("underline", start + found.start(), start + found.end())
    return text
