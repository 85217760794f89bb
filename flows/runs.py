"""The runs of a warehouse, as the commands find them: by name, and with what became of each."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs.errors import AuditError

if TYPE_CHECKING:
    from warehouse import Warehouse


@contextlib.contextmanager
def opened(path: Path) -> "Iterator[Warehouse]":
    from warehouse import open_warehouse

    with open_warehouse(path, read_only=True) as warehouse:
        yield warehouse


def find_run(warehouse: "Warehouse", name: str) -> dict[str, Any]:
    """The run with this id or beginning of an id, or the latest that finished.

    Raises:
        AuditError: there is none, or there are several.
    """
    rows = warehouse.rows("registry/runs", {})
    if name == "latest" and rows:
        finished = [row for row in rows if row["status"] == "finished"]
        if not finished:
            last = told(rows[0])
            status = "has failed" if last["status"] == "failed" else f"is {last['status']}"
            why = f" ({last['reason'].rstrip('.')})" if last["reason"] else ""
            raise AuditError(
                f"No audit has finished yet; {last['run_id']} {status}{why}. Go on with token-audit run CONFIG."
            )
        return dict(finished[0])
    found = [row for row in rows if row["run_id"].startswith(name)]
    exact = [row for row in found if row["run_id"] == name]
    if len(exact or found) != 1:
        known = ", ".join(row["run_id"] for row in (found or rows)[:8]) or "none"
        raise AuditError(f"{'Several runs begin' if found else 'No run begins'} with {name!r}. Runs: {known}.")
    return dict((exact or found)[0])


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """A run with its status as it is now, and with the reason where it has not come to its end."""
    from tasks.runs.run import is_locked

    # A warehouse of an earlier version has no reasons.
    found = {"reason": None, **row}
    if row["status"] == "running" and not is_locked(Path(row["folder"])):
        found |= {"status": "unfinished", "reason": "its process was stopped or killed"}
    return found
