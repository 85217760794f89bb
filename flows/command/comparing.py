"""Commands that compare audits, and let them pass or fail."""

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from configs.errors import ConfigError
from flows.command.options import GATE_FAILED, WAREHOUSE, AsJson, WarehousePath, command
from flows.facts import as_json
from flows.terminal import errors_as_sentences, print_table

GROUP = "Compare"

AGAINST_HELP = "The earlier run, its config, or 'last': the run of the same config that finished before."

RunOrConfig = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Id of a run or its beginning, 'latest', or a config: its newest run."),
]


@command(GROUP)
def compare(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The earlier run, or a config; with --against, the later one.")
    ],
    other: Annotated[str | None, typer.Argument(metavar="RUN", help="The later run, or a config.")] = None,
    against: Annotated[str | None, typer.Option("--against", help=AGAINST_HELP)] = None,
    warehouse: WarehousePath = WAREHOUSE,
    json_facts: AsJson = False,
) -> None:
    """Compare two audits: findings that are new, gone, stronger or weaker, and whether data or model are the cause.

    Each change is tested, since two samples of the same data have findings of their own, too. Needs neither the parts
    nor the tables of the runs: what is compared is kept in the warehouse. A page and tables are written into the folder
    of the later run. (A section [bold]compare[/bold] in a config is something else: a second dataset in one audit.)

    Example: [bold]token-audit compare films_1a2b films_3c4d[/bold]

    Example: [bold]token-audit compare latest --against last[/bold]
    """
    with errors_as_sentences():
        if (other is None) == (against is None):
            raise ConfigError("token-audit compare needs two runs: compare A B, or compare RUN --against last.")
        from flows.compare import compare as compare_flow
        from tasks.pages.compared import headline, told_causes, told_ranking
        from tasks.pages.sentences import visible

        earlier, later = (run, other) if other is not None else (against, run)
        found, page = compare_flow(warehouse, str(later), str(earlier))
        if json_facts:
            facts = {"headline": headline(found), "attribution": told_causes(found)}
            print(as_json(facts | asdict(found) | {"is_confounded": found.is_confounded, "page": page}))
            return
        print(visible(f"{headline(found)}\n{told_causes(found)}\n{told_ranking(found)}"))
        if found.findings:
            print_table(
                ("change", "finding", "pushes towards", "per 1,000 before", "after", "effect before", "after", "q"),
                [
                    (
                        row["change"],
                        row["word"],
                        row["label"],
                        *(_number(row[name]) for name in ("per_1000_before", "per_1000_after")),
                        *(_number(row[name], 2) for name in ("effect_before", "effect_after")),
                        "" if row["q_value"] is None else f"{row['q_value']:.2g}",
                    )
                    for row in found.findings
                ],
            )
        print(f"compared\t{found.before['run_id']}\t{found.after['run_id']}")
        if page is not None:
            print(f"page\t{page}")


def _number(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:.{digits}f}"


@command(GROUP)
def gate(
    run: RunOrConfig = "latest",
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="YAML file with what must hold. Without it: configs/policies/gate.yaml."),
    ] = None,
    against: Annotated[str | None, typer.Option("--against", help=f"{AGAINST_HELP} The default.")] = None,
    warehouse: WarehousePath = WAREHOUSE,
    json_facts: AsJson = False,
) -> None:
    """Let an audit pass or fail by a policy, and exit with 3 if it fails.

    A policy names metrics in the words of MLflow (threshold, min_absolute_change, min_relative_change), words and types
    that may never be used, and states that may never be; copy configs/policies/gate.yaml, by which [bold]Act[/bold]
    fails. Writes junit.xml, gate.sarif, summary.md, gate.json into the folder gate of the run, and the summary to
    $GITHUB_STEP_SUMMARY. Waivers are honoured until their last day.

    Example: [bold]token-audit gate latest --policy gate.yaml[/bold]
    """
    with errors_as_sentences():
        from flows.gate import gate as gate_flow
        from tasks.pages.gated import line

        gated, folder = gate_flow(warehouse, run, policy, against, None)
        facts = asdict(gated) | {"passed": gated.passed, "line": line(gated)}
        passed = told(facts, folder, silent=json_facts)
        if json_facts:
            print(as_json(facts | {"files": folder}))
    if not passed:
        raise typer.Exit(GATE_FAILED)


def told(gated: Mapping[str, Any], folder: Path | None, *, silent: bool = False) -> bool:
    """Print what a gate found, as gate.json has it; return whether the run passes."""
    from tasks.pages.sentences import visible

    if not silent:
        rows = [(each["rule"], each["status"], each["said"]) for each in gated["outcomes"]]
        print_table(("rule", "status", "figure"), rows)
        for row in gated["waived"]:
            state = "expired" if row["is_expired"] else "waived"
            said = f"{state}\t{row['word']}\t{row['label']}\tuntil {row['expires']}\t{row['owner']}: {row['reason']}"
            print(visible(said))
        if folder is not None:
            print(f"files\t{folder}")
        print(gated["line"])
    if os.environ.get("GITHUB_ACTIONS") == "true" and not gated["passed"]:
        # One annotation: GitHub shows ten a step. On stderr, so that --json prints JSON alone.
        print(f"::error title=token-audit::{gated['line']}", file=sys.stderr)
    return bool(gated["passed"])
