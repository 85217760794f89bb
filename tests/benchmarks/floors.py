"""Resolve the wheel at the lowest versions that it allows, and compare them with those that mend known holes.

Needs `uv` and a package index: `make floors`, some ten seconds.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
FLOORS = {
    # CVE-2026-4372 (5.3), CVE-2026-5241 (5.5), CVE-2026-9856 (5.10).
    "transformers": "5.10",
    # CVE-2026-27482 (2.54), CVE-2026-32981 (2.55).
    "ray": "2.55",
    # CVE-2026-24747.
    "torch": "2.10",
}


def requirements():
    """What the wheel asks for, with the extras of users: built, because users install no pyproject.toml."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(ROOT)]
        subprocess.run(build, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as content:
            (file,) = [name for name in content.namelist() if name.endswith(".dist-info/METADATA")]
            raw, _ = parse_email(content.read(file))
    for line in map(Requirement, raw["requires_dist"]):
        if line.marker is None or any(line.marker.evaluate({"extra": extra}) for extra in ("ray", "s3")):
            line.marker = None
            yield str(line)


def lowest_versions():
    """Name -> version of all that is installed at the lowest versions of these requirements."""
    resolve = [Path(sys.executable).with_name("uv"), "pip", "compile", "--quiet", "--resolution", "lowest-direct", "-"]
    done = subprocess.run(resolve, input="\n".join(requirements()), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    lines = [
        Requirement(line) for line in done.stdout.splitlines() if "==" in line and not line.lstrip().startswith("#")
    ]
    return {line.name: Version(next(iter(line.specifier)).version) for line in lines}


if __name__ == "__main__":
    found = lowest_versions()
    print(f"{len(found)} packages at the lowest versions that the wheel allows")
    for name, floor in FLOORS.items():
        print(f"{name}\t{found[name]}\tat least {floor}")
    low = [name for name, floor in FLOORS.items() if found[name] < Version(floor)]
    if low:
        sys.exit(f"too low: {', '.join(low)}")
