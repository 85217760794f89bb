"""Whole audits for people: the end of one, and the list of all."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from flows.facts import MOST_FINDINGS, age, seconds_since
from flows.terminal import per_1000, print_table


def print_summary(facts: Mapping[str, Any], title: str, seconds: float) -> None:
    """The end of an audit, for people: state, findings, strongest words, where the report is and what is next."""
    from tasks.pages.headlines import signed
    from tasks.pages.sentences import visible

    right = "" if not facts["texts"] else f", {100 * facts['right'] / facts['texts']:.1f} % right"
    console = Console(highlight=False)
    print(visible(f"\n{title} · {facts['run']} · {facts['texts']:,} texts{right} · {_lasted(seconds)}\n"))
    console.print(Text.assemble((f"{facts['state'].upper()}  ", "bold"), visible(facts["sentence"])), "", sep="\n")
    shown = facts["findings"][:MOST_FINDINGS]
    if shown:
        print_table(
            ("finding", "pushes towards", "texts", "effect", "per 1,000", "why spurious"),
            [
                (
                    row["word"],
                    row["label"],
                    f"{row['n_examples']:,}",
                    signed(row["effect"]),
                    per_1000(row),
                    ", ".join(rule["title"] for rule in row["why"] if rule["title"]),
                )
                for row in shown
            ],
        )
        if left := len(facts["findings"]) - len(shown):
            print(f"and {left:,} more in the report")
        print()
    if facts["strongest"]:
        by_label: dict[str, list[str]] = {}
        for row in facts["strongest"]:
            by_label.setdefault(row["label"], []).append(row["word"])
        uses = ";  ".join(f"{', '.join(words)} → {label}" for label, words in by_label.items())
        console.print(Text(visible(f"Uses most: {uses}")))
    # On a line of its own, and whole: a path is copied.
    print(f"Report     {facts['report']}")
    print(visible(f"Next       {facts['next']}"))


def _lasted(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def print_runs(rows: Sequence[Mapping[str, Any]]) -> None:
    """Of a finished run what it found, of another one why it has not ended; without a terminal, every fact."""
    if not sys.stdout.isatty():
        header = ("run", "status", "started", "finished", "report or reason", "texts", "right", "state")
        print_table(
            header,
            [
                (
                    row["run_id"],
                    row["status"],
                    moment_of(row["started_at"]),
                    moment_of(row["finished_at"]),
                    str(Path(row["folder"]) / "report.html") if row["status"] == "finished" else row["reason"] or "",
                    "" if row.get("n_texts") is None else str(row["n_texts"]),
                    _right(row),
                    row.get("state") or "",
                )
                for row in rows
            ],
        )
        return
    print_table(
        ("run", "when", "texts", "right", "state"),
        [
            (
                row["run_id"],
                age(seconds_since(row["finished_at"] or row["started_at"])),
                "" if row.get("n_texts") is None else f"{row['n_texts']:,}",
                _right(row),
                (row.get("state") or "finished")
                if row["status"] == "finished"
                else f"{row['status']}: {row['reason']}"
                if row["reason"]
                else row["status"],
            )
            for row in rows
        ],
    )


def _right(row: Mapping[str, Any]) -> str:
    return f"{100 * row['n_correct'] / row['n_predicted']:.1f} %" if row.get("n_predicted") else ""


def moment_of(moment: Any) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
