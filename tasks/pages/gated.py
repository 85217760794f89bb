"""What a gate says: one line for people, markdown for a pull request, JUnit XML and SARIF for machines."""

import hashlib
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal
from xml.etree import ElementTree

from tasks.pages.sentences import visible

MOST_RESULTS = 5_000
"""Results of a SARIF file that GitHub shows."""
_MOST_ROWS = 100
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True)
class Outcome:
    """What became of one rule."""

    rule: str
    about: str
    status: Literal["passed", "failed", "skipped"]
    said: str
    """The figure beside what is asked for, or why it is not judged."""


@dataclass(frozen=True)
class Gated:
    """A run judged by a policy."""

    facts: dict[str, Any]
    reference: str | None
    outcomes: tuple[Outcome, ...]
    new: tuple[dict[str, Any], ...]
    """Findings that are shown to be new."""
    waived: tuple[dict[str, Any], ...]
    """Rows of warehouse/gate/waived.sql."""
    location: str

    @property
    def passed(self) -> bool:
        return not self.failed

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.status == "failed")


def line(gated: Gated) -> str:
    """The whole result on one line."""
    run, rules = gated.facts["run_id"], f"{len(gated.outcomes)} {'rule' if len(gated.outcomes) == 1 else 'rules'}"
    skipped = sum(outcome.status == "skipped" for outcome in gated.outcomes)
    aside = f", {skipped} not judged" if skipped else ""
    against = f" against {gated.reference}" if gated.reference else " without a reference"
    if gated.passed:
        return visible(f"PASSED {run}{against}: no failure among {rules}{aside}. {gated.facts['state']}.")
    said = "; ".join(f"{outcome.rule}: {outcome.said}" for outcome in gated.failed)
    verb = "fails" if len(gated.failed) == 1 else "fail"
    return visible(f"FAILED {run}{against}: {len(gated.failed)} of {rules} {verb}{aside}. {said}.")


def summary(gated: Gated) -> str:
    """Markdown, far below the limit of GitHub: the longest lists are cut, and counted."""
    icons = {"passed": "✅", "failed": "❌", "skipped": "⚪"}
    against = f"against `{_code(gated.reference)}`" if gated.reference else "without a reference"
    parts = [
        f"## token-audit: {'passed' if gated.passed else 'failed'}",
        f"Run `{_code(gated.facts['run_id'])}` {against}: **{markdown_cell(gated.facts['state'])}**, "
        f"{gated.facts['n_texts']:,} texts.",
        markdown_table(
            ("", "rule", "result"),
            [
                (icons[outcome.status], markdown_cell(outcome.rule), markdown_cell(outcome.said))
                for outcome in sorted(gated.outcomes, key=lambda each: each.status)
            ],
        ),
    ]
    if gated.new:
        heading = ("new finding", "pushes towards", "type", "effect (log-odds)", "per 1,000")
        rows = [
            (
                *(markdown_cell(row[name]) for name in ("word", "label", "type")),
                _number(row["effect_after"]),
                _number(row["per_1000_after"]),
            )
            for row in gated.new
        ]
        parts.append(markdown_table(heading, rows))
    if gated.waived:
        rows = [
            (
                *(markdown_cell(row[name] or "–") for name in ("word", "label", "owner", "reason")),
                f"{row['expires']}{' **expired**' if row['is_expired'] else ''}",
            )
            for row in gated.waived
        ]
        parts.append(markdown_table(("waiver", "label", "owner", "reason", "last day"), rows))
    return "\n\n".join(parts) + "\n"


def markdown_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of markdown, of at most `_MOST_ROWS`; the others are counted below it."""
    lines = [f"| {' | '.join(cells)} |" for cells in (heading, *rows[:_MOST_ROWS])]
    left = len(rows) - _MOST_ROWS
    more = f"\n\nand {left:,} more" if left > 0 else ""
    return "\n".join([lines[0], "|--" * len(heading) + "|", *lines[1:]]) + more


def markdown_cell(text: object, most: int = 300) -> str:
    """A text of the dataset in a table of markdown: neither markup nor a link."""
    found = html.escape(visible(str(text))[:most], quote=False)
    for sign in "\\`*_[]|#~@":
        found = found.replace(sign, f"&#{ord(sign)};")
    return " ".join(found.split())


def _code(text: str) -> str:
    return visible(text).replace("`", "")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def junit(gated: Gated) -> str:
    """JUnit XML: a test case for each rule."""
    counts = {status: sum(each.status == status for each in gated.outcomes) for status in ("failed", "skipped")}
    numbers = {
        "tests": str(len(gated.outcomes)),
        "failures": str(counts["failed"]),
        "errors": "0",
        "skipped": str(counts["skipped"]),
    }
    suites = ElementTree.Element("testsuites", {"name": "token-audit", **numbers})
    suite = ElementTree.SubElement(suites, "testsuite", {"name": gated.facts["run_id"], **numbers})
    for outcome in gated.outcomes:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": "token-audit.gate", "name": visible(outcome.rule), "time": "0"}
        )
        if outcome.status != "passed":
            kind = {"failed": "failure", "skipped": "skipped"}[outcome.status]
            told = ElementTree.SubElement(case, kind, {"message": visible(outcome.said)})
            if kind == "failure":
                told.attrib["type"] = "policy"
                told.text = visible(f"{outcome.about}: {outcome.said}")
        else:
            ElementTree.SubElement(case, "system-out").text = visible(f"{outcome.about}: {outcome.said}")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def sarif(gated: Gated) -> dict[str, Any]:
    """SARIF 2.1.0: a result for each rule that fails, each new finding, and each waiver, as suppressed."""
    rules = {outcome.rule: outcome.about for outcome in gated.outcomes}
    results = [
        _result(outcome.rule, "error", f"{outcome.rule}: {outcome.said}", gated.location, (outcome.rule,))
        for outcome in gated.failed
    ]
    if gated.new:
        rules["finding.new"] = "a finding that is shown to be new"
    results += [
        _result(
            "finding.new",
            "warning",
            f"{row['word']} is newly spurious for {row['label']} ({row['type']})",
            gated.location,
            (row["kind"], row["label"], row["word"]),
        )
        for row in gated.new
    ]
    if gated.waived:
        rules["finding.waived"] = "a verdict that a person has overruled"
    results += [
        {
            **_result(
                "finding.waived",
                "note",
                f"{row['word']} is {row['verdict']} for {row['label']}, waived until {row['expires']}",
                gated.location,
                (row["kind"], row["label"], row["word"]),
            ),
            **(
                {}
                if row["is_expired"]
                else {
                    "suppressions": [
                        {"kind": "external", "justification": visible(f"{row['owner'] or ''}: {row['reason'] or ''}")}
                    ]
                }
            ),
        }
        for row in gated.waived
    ]
    driver = {
        "name": "token-audit",
        "version": version("token-audit"),
        "rules": [
            {"id": visible(rule), "shortDescription": {"text": visible(about)}} for rule, about in sorted(rules.items())
        ],
    }
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "automationDetails": {"id": f"token-audit/{gated.facts['name']}/{gated.facts['run_id']}"},
                "results": results[:MOST_RESULTS],
            }
        ],
    }


def _result(rule: str, level: str, text: str, location: str, named: tuple[str, ...]) -> dict[str, Any]:
    fingerprint = hashlib.sha256("\x1f".join((rule, *named)).encode("utf-8", "replace")).hexdigest()
    place: Mapping[str, Any] = {"artifactLocation": {"uri": location}, "region": {"startLine": 1}}
    return {
        "ruleId": visible(rule),
        "level": level,
        "message": {"text": visible(text)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"finding/v1": fingerprint},
    }
