"""All audits of a config on a page."""

import os
from pathlib import Path
from urllib.parse import quote

from configs.errors import AuditError
from flows.runs import curtain_of, opened
from tasks.pages.history import history_page
from tasks.runs.kept import facts_in, keep_run
from tasks.runtime.parts import write_whole


def write_history(path: Path, name: str, page: Path) -> None:
    """Write the page; runs of before that can be entered are.

    Raises:
        AuditError: no audit of the config has finished.
    """
    with opened(path) as warehouse:
        known = {row["run_id"] for row in facts_in(warehouse)}
        rows = warehouse.rows("registry/runs", {})
    for row in rows:
        if row["name"] == name and row["status"] == "finished" and row["run_id"] not in known:
            keep_run(path, row["run_id"])
    with opened(path) as warehouse:
        runs = [row for row in facts_in(warehouse) if row["name"] == name]
        if not runs:
            raise AuditError(f"No audit of {name} has finished in {path}. Run it: token-audit run CONFIG.")
        found = warehouse.table("registry/found_over_runs", {"name": name})
    newest = next((row for row in rows if row["name"] == name and row["status"] == "finished"), None)
    if (curtain := curtain_of(path, newest)) is not None:
        found = curtain.outward("", found)
    reports = {
        row["run_id"]: quote(Path(os.path.relpath(row["folder"], page.absolute().parent), "report.html").as_posix())
        for row in rows
        if row["name"] == name and Path(row["folder"], "report.html").is_file()
    }
    write_whole(page, history_page(name, runs, found.to_pylist(), reports).encode())
