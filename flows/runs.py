"""The runs of a warehouse, as the commands find them: by name, and with what became of each."""

import contextlib
import difflib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs.errors import AuditError

if TYPE_CHECKING:
    from configs.schema import AuditConfig
    from tasks.pages.redact import Redactor
    from tasks.runs.run import Run
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
        raise AuditError(_no_single_run(name, [row["run_id"] for row in found], [row["run_id"] for row in rows]))
    return dict((exact or found)[0])


def use_run(warehouse: "Warehouse", row: Mapping[str, Any], redact: str | None = None) -> None:
    """Read the tables of a run, behind the placeholders that its settings ask for, or `redact`."""
    from tasks.pages.redact import hide_names

    warehouse.use(row["run_id"])
    if (stored := _stored(row, redact)) is not None:
        hide_names(warehouse, *stored)


def curtain_of(path: Path, row: Mapping[str, Any] | None) -> "Redactor | None":
    """The placeholders that the settings of a run ask for; None where names are shown, or the run was removed."""
    from tasks.pages.redact import redactor_of

    if row is None or (stored := _stored(row)) is None:
        return None
    config, run = stored
    return redactor_of(config.model_copy(update={"warehouse": path}), run)


def _stored(row: Mapping[str, Any], redact: str | None = None) -> "tuple[AuditConfig, Run] | None":
    """The settings of a run, with `redact` if that is given; None for one of another version, which hid nothing.

    Raises:
        AuditError: it is of another version, and `redact` is given.
    """
    from tasks.runs.run import stored_run

    try:
        config, run = stored_run(row)
    except AuditError:
        if redact:
            raise
        return None
    if redact:
        config = config.model_copy(update={"report": config.report.model_copy(update={"redact": redact})})
    return config, run


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """A run with its status as it is now, and with the reason where it has not come to its end."""
    from tasks.runs.run import is_locked

    # A warehouse of an earlier version has no reasons.
    found = {"reason": None, **row}
    if row["status"] == "running" and not is_locked(Path(row["folder"])):
        found |= {"status": "unfinished", "reason": "its process was stopped or killed"}
    return found


def _no_single_run(name: str, found: Sequence[str], every: Sequence[str]) -> str:
    known = ", ".join((found or every)[:8]) or "none"
    guess = "" if found else near(name, every)
    return f"{'Several runs begin' if found else 'No run begins'} with {name!r}.{guess} Runs: {known}."


def near(given: str, known: Sequence[str]) -> str:
    """A question that names what was probably meant, behind a space; nothing if nothing is near."""
    # Of a name with a hash only the beginning is typed, and of a piece without its mark all but that.
    short = {word[: max(len(given), 3)]: word for word in reversed(known)}
    marked = {f"{given}·", f"·{given}"} & set(known)
    guesses = [*sorted(marked), *difflib.get_close_matches(given, known, n=3)]
    guesses += [short[word] for word in difflib.get_close_matches(given, short, n=2)] if not guesses else []
    return f" Did you mean {' or '.join(dict.fromkeys(guesses[:3]))}?" if guesses else ""


def run_and_word(
    warehouse: "Warehouse", run: str | None, word: str | None
) -> tuple[dict[str, Any], str | None, str | None]:
    """The run that is meant, the word, and, of a name alone that is taken as a word, why it is no run."""
    if word is not None or run is None:
        return find_run(warehouse, run or "latest"), word, None
    rows = warehouse.rows("registry/runs", {})
    if run == "latest" or any(row["run_id"].startswith(run) for row in rows):
        return find_run(warehouse, run), None, None
    return find_run(warehouse, "latest"), run, _no_single_run(run, [], [row["run_id"] for row in rows])


def removed(path: Path, row: Mapping[str, Any]) -> list[str]:
    """Remove a run: its folders, then its tables, so that a removal that was stopped can be repeated.

    Raises:
        AuditError: it is running, or its entry names a folder that is not of a run.
    """
    from filelock import FileLock, Timeout

    from tasks.runs.run import stored_run
    from warehouse import open_warehouse

    run_id, folder = row["run_id"], Path(row["folder"])
    if folder.name != run_id:
        raise AuditError(f"{run_id} is entered with the folder {folder}, which is not named after it. Nothing removed.")
    storage: Any = folder
    with contextlib.suppress(AuditError):  # settings of another version: it kept its parts in the folder
        storage = stored_run(row)[1].storage
    gone = []
    with contextlib.ExitStack() as held:
        if folder.is_dir():
            try:
                held.enter_context(FileLock(folder / ".lock", timeout=0))
            except Timeout as error:
                raise AuditError(f"{run_id} is being audited right now. Stop it first, or wait for its end.") from error
        for place in dict.fromkeys((storage, folder)):
            if place.is_dir():
                _remove(place)
                gone.append(str(place))
        with open_warehouse(path) as warehouse:
            warehouse.forget(run_id)
    return [*gone, f"tables of {run_id} in {path}"]


def _remove(place: Any) -> None:
    if hasattr(place, "fs"):  # on an object store
        place.fs.rm(place.path, recursive=True)
    else:
        shutil.rmtree(place)
