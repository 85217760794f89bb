"""What a message of an error says of the work that was done."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys
from pathlib import Path
from configs.errors import AuditError
from tasks.runtime.parts import read_manifest, write_part, write_whole
folder = Path(sys.argv[1])
(folder / "file").write_bytes(b"")
{before}
try:
    write_whole(folder / "file" / "report.html", b"x")
except AuditError as error:
    print(error)
"""


def said(folder, before=""):
    """In a process of its own, which has made nothing before."""
    script = SCRIPT.format(before=before)
    done = subprocess.run([sys.executable, "-c", script, folder], cwd=ROOT, text=True, capture_output=True, check=True)
    return re.sub(r".* cannot be written: .+?\. ", "", done.stdout.strip())


def test_parts_are_kept_only_if_one_was_made_or_found(tmp_path):
    assert said(tmp_path) == "Nothing was made yet; mend that, and run the command again."
    kept = "Finished parts are kept; mend that, and the same command goes on from here."
    assert said(tmp_path, "read_manifest(folder / 'part.json')") != kept
    assert said(tmp_path, "write_part(folder / 'part.json', {}, {})") == kept
    assert said(tmp_path, "read_manifest(folder / 'part.json')") == kept
