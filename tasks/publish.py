"""Stage: copy the page and its exports to where others read them.

Reads what the report stage wrote, writes into a folder of the run's name below `report.publish_to`. The page comes
after what it links to, and the manifest last: a copy that was stopped is made again, a whole one is left alone.
"""

from pathlib import Path

from tasks.data.hub import is_transient
from tasks.runs.run import Run
from tasks.runtime.parts import read_manifest, write_whole
from tasks.runtime.stage import stage

MANIFEST = "report.json"


@stage("publish", hours=1, retry_if=is_transient)
def publish_report(run: Run, target: Path) -> Path:
    """Copy the report of a run below `target`, a folder or the URL of one; return the published page.

    Raises:
        AuditError: the place cannot be written.
    """
    place, page = target / run.folder.name, "report.html"
    facts = read_manifest(run.folder / MANIFEST)
    assert facts is not None, "the stage before this one wrote it"
    written = facts["written"]
    assert isinstance(written, dict)
    manifest = (run.folder / MANIFEST).read_bytes()
    if _content(place / MANIFEST) == manifest:
        return place / page
    for name in sorted(written, key=lambda name: (name == page, name)):
        write_whole(place / name, (run.folder / name).read_bytes())
    write_whole(place / MANIFEST, manifest)
    return place / page


def _content(path: Path) -> bytes | None:
    """None where there is no file, or no answer: then the copy is made, and says so itself."""
    try:
        return path.read_bytes()
    except Exception:  # the errors of an object store's client share no class
        return None
