"""Spurious patterns as regular expressions that take them out of a text, each with tests."""

import json
import re

from warehouse import Warehouse

_RUN = re.compile(r"aaa\+|a|A|00000\+|0+|[^aA0]")


def preprocess_file(warehouse: Warehouse) -> bytes:
    """JSON: for each spurious pattern of which there is a text to take out, `regex` (Python's `re`), `replacement` and
    `tests`: texts before and after.

    Untried: whether a model that is trained on such texts is better is for a retraining to say.
    """
    found = []
    for row in warehouse.rows("report/preprocess", {}):
        regex = regex_of(row["type"], row["pattern"])
        tests = [{"before": text, "after": re.sub(regex, "", text).strip()} for text in row["texts"]]
        # A regular expression that does not do what it is for is no advice.
        if tests and all(test["after"] != test["before"].strip() for test in tests):
            own = {name: row[name] for name in ("pattern", "type", "label", "effect", "effect_low", "effect_high")}
            found.append({**own, "regex": regex, "replacement": "", "tests": tests})
    return (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode()


def regex_of(kind: str, pattern: str) -> str:
    """What matches a pattern of `warehouse/screen/pattern_spans.sql`, with the space behind it."""
    match kind:
        case "shape":
            inner = "".join(_REPLACED.get(run, _digits(run)) for run in _RUN.findall(pattern))
            return rf"(?<![^\W\d_])(?<!\d){inner}(?![^\W\d_])(?!\d)\s?"
        case "element":
            return rf"(?i)</?\s*{re.escape(pattern[1:-1])}\b[^<>]*>"
        case "address":
            domain = re.escape(pattern[2:]) + r"(?![\w-])(?!\.\w)"
            if pattern.startswith("*@"):
                return rf"(?i)[\w.+-]+@{domain}\s?"
            return rf"(?i)(?<!\w)(?:https?://(?:www\.)?|www\.){domain}(?:[^\s<>\"]*[^\s<>\".,;:!?)\]])?\s?"
        case "opening":
            return rf"(?i)\A\s*{_chunks(pattern.removesuffix(' …'))}(?!\S)\s*"
        case "ending":
            return rf"(?i)\s*(?<!\S){_chunks(pattern.removeprefix('… '))}\s*\Z"
        case "companions":
            words = "|".join(re.escape(word) for word in pattern.split(" & "))
            return rf"(?i)(?<!\w)(?:{words})(?!\w)\s?"
        case _:
            return rf"(?im)^[^\S\n]*{_chunks(pattern)}[^\S\n]*(?:\n|\Z)"


_REPLACED = {"aaa+": r"[^\W\d_]*([^\W\d_])\1\1[^\W\d_]*", "a": r"[^\W\d_]+", "A": r"[^\W\d_]{2,}", "00000+": r"\d{5,}"}


def _digits(run: str) -> str:
    return rf"\d{{{len(run)}}}" if set(run) == {"0"} else re.escape(run)


def _chunks(template: str) -> str:
    """A template: `*` is any chunk, `0` any number."""
    parts = [r"\S+" if part == "*" else re.escape(part).replace("0", r"\d+") for part in template.split()]
    return r"\s+".join(parts)
