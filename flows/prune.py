"""What old audits take up is given back: their parts first, then the audits; what is compared is kept."""

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from configs.errors import AuditError
from flows.compare import config_name
from flows.runs import opened
from tasks.runs.kept import facts_in, keep_run
from tasks.runs.run import stored_run
from warehouse import open_warehouse

_PARTS = ("shards", "parts", "trials", "rules", "compare_*")
"""Folders of a run that its report, its tables and a comparison do without."""
_ASIDE = ".pruned-"
"""What is removed gets this name first, at once: nothing half removed looks like a run."""


@dataclass(frozen=True)
class Planned:
    """What is to become of a run."""

    run_id: str
    what: str
    """`run`, `parts`, or `left`: it would go, but for the reason."""
    places: tuple[Any, ...] = ()
    """Folders that go."""
    reason: str = ""

    @property
    def size(self) -> int:
        """Bytes on this machine."""
        files = (path for place in self.places if isinstance(place, Path) for path in place.rglob("*"))
        return sum(path.stat().st_size for path in files if path.is_file())


def planned(path: Path, keep: int, parts: int, config: str | None = None) -> list[Planned]:
    """What goes if of each config the newest `keep` finished runs are to stay, and the parts of the newest `parts`.

    Raises:
        AuditError: nothing would stay, or parts of more runs than stay.
    """
    if keep < 1 or not 0 <= parts <= keep:
        raise AuditError(
            f"--keep {keep} --parts {parts} is refused: at least one run stays, and no more parts than runs."
        )
    with opened(path) as warehouse:
        rows = warehouse.rows("registry/runs", {})
        tables = {row["table_name"] for row in warehouse.rows("registry/comments", {"run_id": "main"})}
        certified = warehouse.rows("registry/certificate_folders", {}) if "certificates" in tables else []
    chosen = config_name(config) if config is not None else None
    finished = [row for row in rows if row["status"] == "finished"]
    plans: dict[str, Planned] = {}
    seen: dict[str, int] = {}
    for row in finished:
        place = seen[row["name"]] = seen.get(row["name"], 0) + 1
        if chosen not in (None, row["name"]) or place <= parts:
            continue
        folder, storage = _places(row)
        if place > keep:
            plans[row["run_id"]] = Planned(row["run_id"], "run", tuple(dict.fromkeys((folder, storage))))
        elif found := tuple(_parts_in(storage)):
            plans[row["run_id"]] = Planned(row["run_id"], "parts", found)
    return [_unless_needed(plan, rows, plans, certified) for plan in plans.values()]


def _places(row: Mapping[str, Any]) -> tuple[Any, Any]:
    folder = storage = Path(row["folder"])
    with contextlib.suppress(AuditError):  # settings of another version: it kept its parts in the folder
        storage = stored_run(row)[1].storage
    return folder, storage


def _parts_in(storage: Any) -> Iterator[Any]:
    for name in _PARTS:
        yield from sorted(place for place in storage.glob(name) if place.is_dir())


def _unless_needed(
    plan: Planned,
    rows: Sequence[Mapping[str, Any]],
    plans: Mapping[str, Planned],
    certified: Sequence[Mapping[str, Any]],
) -> Planned:
    """The plan, or why the run is left: a run that stays, or a certificate, names a file in what would go."""
    (own,) = [row for row in rows if row["run_id"] == plan.run_id]
    if Path(own["folder"]).name != plan.run_id:
        return Planned(plan.run_id, "left", reason=f"its folder {own['folder']} is not named after it")
    staying = [row for row in rows if plans.get(row["run_id"]) is None or plans[row["run_id"]].what != "run"]
    for place in plan.places:
        for row in staying:
            if row["run_id"] != plan.run_id and any(_is_in(text, place) for text in _texts(json.loads(row["config"]))):
                return Planned(plan.run_id, "left", reason=f"the config of {row['run_id']} names a file in it")
        for certificate in certified:
            if _is_in(certificate["folder"], place):
                return Planned(plan.run_id, "left", reason=f"the certificate {certificate['certificate_id']} is in it")
    return plan


def _texts(value: Any) -> Iterator[str]:
    """Every text in a config."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _is_in(text: str, place: Any) -> bool:
    if not isinstance(place, Path):
        return text.startswith(str(place))
    with contextlib.suppress(OSError, ValueError):
        return Path(text).absolute().is_relative_to(place.absolute())
    return False


def prune(path: Path, plan: Planned) -> str | None:
    """Carry out one plan; return why it was left, or None. What was stopped half-way can be repeated.

    Raises:
        WarehouseError: the database is locked.
    """
    with opened(path) as warehouse:
        (row,) = [row for row in warehouse.rows("registry/runs", {}) if row["run_id"] == plan.run_id]
        is_kept = any(each["run_id"] == plan.run_id for each in facts_in(warehouse))
    folder, storage = _places(row)
    with contextlib.ExitStack() as held:
        if folder.is_dir():
            try:
                held.enter_context(FileLock(folder / ".lock", timeout=0))
            except Timeout:
                return "it is being audited right now"
        if plan.what == "run" and not is_kept:
            try:
                keep_run(path, plan.run_id)
            except AuditError as error:
                return f"what is compared could not be kept: {error}"
        aside = [found for place in plan.places if (found := _set_aside(place)) is not None]
        if plan.what == "run":
            with open_warehouse(path) as warehouse:
                warehouse.forget(plan.run_id, compared=False)
    for place in (*aside, *_left_behind(folder), *_left_behind(storage)):
        shutil.rmtree(place, ignore_errors=True)
    return None


def _set_aside(place: Any) -> Path | None:
    """Take a folder out of sight at once; on an object store, which cannot rename, its manifests go first."""
    if not place.is_dir():
        return None
    if isinstance(place, Path):
        aside = place.with_name(f"{_ASIDE}{place.name}")
        shutil.rmtree(aside, ignore_errors=True)
        return place.rename(aside)
    # A part without its manifest does not count.
    for manifest in [found for found in place.rglob("*.json") if found.is_file()]:
        manifest.unlink()
    place.fs.rm(place.path, recursive=True)
    return None


def _left_behind(place: Any) -> list[Path]:
    """What a prune that was killed had set aside, in the folder of the run or beside it."""
    if not isinstance(place, Path):
        return []
    return [place.with_name(f"{_ASIDE}{place.name}"), *(place.glob(f"{_ASIDE}*") if place.is_dir() else ())]
