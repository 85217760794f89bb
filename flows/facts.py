"""The facts of an audit, from which the terminal, `--json` and the Python interface say the same."""

import json
import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs.errors import AuditError

if TYPE_CHECKING:
    from warehouse import Warehouse

MOST_FINDINGS = 12
"""Findings that a summary names; `--json` has them all."""


def require_findings(warehouse: "Warehouse", run_id: str) -> None:
    """
    Raises:
        AuditError: the run has not come as far as its findings.
    """
    if not warehouse.rows("registry/stage_key", {"run_id": run_id, "stage": "remove"}):
        raise AuditError(f"{run_id} has not come as far as its findings. Go on with token-audit run CONFIG.")


def brief(warehouse: "Warehouse", run_id: str) -> dict[str, Any] | None:
    """Texts, right predictions and state of a run; None where it has no tables yet, or those of an earlier version."""
    described = warehouse.rows("registry/comments", {"run_id": run_id})
    columns = {(row["table_name"], row["column_name"]) for row in described}
    if not {("total", "state"), ("total", "n_texts"), ("examples", "correct")} <= columns:
        return None
    warehouse.use(run_id)
    return warehouse.rows("report/brief", {})[0]


def facts_of(warehouse: "Warehouse", row: Mapping[str, Any], strongest: int = 5) -> dict[str, Any]:
    """What an audit found, as plain values; the run's schema is in use afterwards."""
    from tasks.pages.banner import read_banner
    from tasks.pages.rules import fired

    run_id = row["run_id"]
    require_findings(warehouse, run_id)
    warehouse.use(run_id)
    state, (total,) = read_banner(warehouse), warehouse.rows("report/total", {})
    (counts,) = warehouse.rows("report/brief", {})
    findings = warehouse.rows("report/findings", {"n_rows": 1_000_000})
    for finding in findings:
        rules = fired(finding.pop("rules"))
        finding["why"] = [{"rule": rule.rule, "title": rule.title, "sentence": rule.sentence} for rule in rules]
    words = warehouse.rows("report/top_words", {"top_words": strongest})
    return {
        "run": run_id,
        "name": row["name"],
        "state": state.title,
        "sentence": state.text,
        "texts": counts["n_texts"],
        "right": counts["n_correct"],
        "per_1000": {end: total[f"per_1000{tail}"] for end, tail in (("mean", ""), ("low", "_low"), ("high", "_high"))},
        "words_used": total["n_used"],
        "words_tried": total["n_tried"],
        "findings": findings,
        "strongest": words,
        "folder": str(row["folder"]),
        "report": str(Path(row["folder"]) / "report.html"),
        "next": next_command([finding["word"] for finding in findings]),
    }


def next_command(found: list[str]) -> str:
    """What to type after an audit: the first finding, else its page."""
    return f"{_command()} show latest {shlex.quote(found[0])}" if found else f"{_command()} open"


def _command() -> str:
    """The name of the command as a shell finds it: by its path while the environment is not active."""
    own = Path(sys.executable).parent / "token-audit"
    if shutil.which("token-audit") or not own.is_file():
        return "token-audit"
    here = Path.cwd()
    return shlex.quote(str(own.relative_to(here) if own.is_relative_to(here) else own))


def as_json(facts: Any) -> str:
    """Dates and paths as text."""
    return json.dumps(facts, ensure_ascii=False, indent=2, default=str)


def age(seconds: float) -> str:
    """How long ago, in the largest unit of which two have passed."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now" if seconds < 60 else "1 min ago"


def seconds_since(moment: Any) -> float:
    """Of a moment as the registry keeps it, in local time."""
    return max(time.time() - float(moment.timestamp()), 0.0)
