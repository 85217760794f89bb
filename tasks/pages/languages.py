"""What the page and the terminal say of the language of the texts: which it is, which rules are off, what a word is."""

import json

from warehouse import Warehouse

LISTS = {
    "affixes": "fragments (no list of affixes)",
    "contractions": "contractions that a tokenizer took apart",
    "dates_and_numbers": "months, weekdays and numbers in words",
    "function_words": "function words, negations, intensifiers, single letters and content words",
    "identity_terms": "identity terms",
    "ordinary_words": "names and places that only a list tells (no list of ordinary words)",
}
"""The rules that rest on each word list."""


def language_sentences(warehouse: Warehouse, run_id: str) -> tuple[str, str]:
    """The languages, and what is off or else for them; empty where nothing is."""
    languages = warehouse.rows("report/languages", {})
    names = " and ".join(row["name"] if row["share"] is None else _share(row) for row in languages)
    detected = any(row["share"] is not None for row in languages)
    said = f"{names}, {'detected' if detected else 'by data.language'}" if languages else "none was recognised"
    off: dict[str, list[str]] = {}
    for row in warehouse.rows("report/language_lists", {}):
        off.setdefault(" and ".join(row["missing"]), []).append(LISTS[row["list"]])
    lines = [
        f"Off for {names or 'these texts, whose language nobody knows'}: {', '.join(rules)}."
        for names, rules in sorted(off.items())
    ]
    if lines and (detected or not languages):
        lines.append("If the language is another one, set data.language.")
    return said, " ".join([*lines, *_spaceless(warehouse, run_id)])


def _share(row: dict[str, object]) -> str:
    return f"{row['name']} ({row['share']:.0%})"


def _spaceless(warehouse: Warehouse, run_id: str) -> list[str]:
    (found,) = warehouse.rows("report/spaceless", {})
    if not found["n_spaceless"]:
        return []
    (run,) = warehouse.rows("report/run", {"run_id": run_id})
    by = json.loads(run["versions"]).get("segmenter", "none")
    if by != "none":
        return [f"What is written without spaces is cut into words by ICU ({by}); words that share a token are one."]
    return [
        "What is written without spaces is not cut into words: its units are single characters, or a tokenizer's "
        "pieces of several. For words, pip install 'token-audit[icu]' and run again."
    ]
