"""Two audits side by side: which ones are meant, and what is told of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.errors import AuditError
from configs.load import load_config
from flows.runs import curtain_of, near, opened
from tasks.compare import compare_runs
from tasks.runs.kept import Comparison, facts_in, kept_runs

LAST = "last"
"""The run of the same config that finished before."""


def compare(path: Path, later: str, earlier: str) -> tuple[Comparison, Path | None]:
    """Compare a run with an earlier one, or with the `last`; return the comparison, and the page if it was written.

    Raises:
        AuditError: there is no such run, or it has nothing to be compared by.
    """
    after, before = chosen(path, later, earlier)
    if before is None:
        raise AuditError(
            f"{after['run_id']} is the first finished run of {after['name']}: there is none before it to compare with."
        )
    return compared(path, before, after)


def compared(path: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Comparison, Path | None]:
    """Compare two runs by their facts; return the comparison, and the page if there is a folder for it."""
    kept = kept_runs(path, [before["run_id"], after["run_id"]])
    facts = {row["run_id"]: row for row in kept}
    row = row_of(path, after["run_id"])
    fdr = 0.05 if row is None else json.loads(row["config"]).get("statistics", {}).get("fdr", 0.05)
    folder = None if row is None else Path(row["folder"])
    if folder is not None and not folder.is_dir():
        folder = None
    curtain = curtain_of(path, row)
    found = compare_runs.fn(path, facts[before["run_id"]], facts[after["run_id"]], kept, fdr, folder, curtain)
    return found, None if folder is None else folder / "compare" / before["run_id"] / "compare.html"


def row_of(path: Path, run_id: str) -> dict[str, Any] | None:
    """Its entry in the registry; None for a run that was removed and of which only what is compared is left."""
    with opened(path) as warehouse:
        return next((row for row in warehouse.rows("registry/runs", {}) if row["run_id"] == run_id), None)


def chosen(path: Path, later: str, earlier: str | None) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The facts of a run, and those of the one it is compared with; None where `last` finds none before it.

    Raises:
        AuditError: there is no such run, or both are one.
    """
    with opened(path) as warehouse:
        rows, kept = warehouse.rows("registry/runs", {}), facts_in(warehouse)
    finished = [row for row in rows if row["status"] == "finished"]
    known = {row["run_id"]: row for row in kept} | {row["run_id"]: row for row in finished}
    newest = sorted(known.values(), key=lambda row: (row["finished_at"], row["run_id"]), reverse=True)
    after = _named(later, newest, [row["run_id"] for row in rows])
    if earlier in (None, LAST):
        older = [row for row in newest if row["finished_at"] < after["finished_at"] and row["name"] == after["name"]]
        wanted = older[0] if older else None
    else:
        wanted = _named(str(earlier), newest, [row["run_id"] for row in rows])
    if wanted is not None and wanted["run_id"] == after["run_id"]:
        raise AuditError(
            f"{after['run_id']} would be compared with itself. Name two runs; token-audit runs lists them."
        )
    facts = {row["run_id"]: row for row in kept_runs(path, [row["run_id"] for row in (after, wanted) if row])}
    return facts[after["run_id"]], None if wanted is None else facts[wanted["run_id"]]


def config_name(given: str) -> str:
    """The name of a config, given by its file or by itself."""
    return load_config(Path(given)).name if given.endswith((".yaml", ".yml")) else given


def _named(name: str, newest: Sequence[dict[str, Any]], every: Sequence[str]) -> dict[str, Any]:
    """A finished run by its id or the beginning of it; the newest of a config by its file or its name; the latest."""
    if name == "latest" and newest:
        return newest[0]
    if name.endswith((".yaml", ".yml")):
        name = config_name(name)
        own = [row for row in newest if row["name"] == name]
        if not own:
            raise AuditError(f"No audit of {name} has finished in this warehouse. Run it: token-audit run CONFIG.")
        return own[0]
    exact = [row for row in newest if row["run_id"] == name]
    begun = exact or [row for row in newest if row["run_id"].startswith(name)]
    same = [row for row in newest if row["name"] == name]
    if len(begun) == 1:
        return begun[0]
    if same:
        return same[0]
    if begun:
        raise AuditError(f"Several runs begin with {name!r}: {', '.join(row['run_id'] for row in begun[:8])}.")
    if any(run.startswith(name) for run in every):
        raise AuditError(f"The run {name} has not finished. Go on with token-audit run CONFIG, or name another run.")
    known = [row["run_id"] for row in newest]
    raise AuditError(
        f"No finished run begins with {name!r}.{near(name, known)} Finished runs: {', '.join(known[:8]) or 'none'}."
    )
