"""How long a file may be: what does not fit is two things."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("configs", "flows", "tasks", "warehouse")
MOST_LINES = {"modules": 400, "queries": 200, "tests": 500}
MOST_UNFORMATTED = 0
"""Places with `fmt: skip` in the product."""


def modules():
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


FILES = {
    "modules": modules(),
    "queries": sorted((ROOT / "warehouse").rglob("*.sql")),
    "tests": [path for path in sorted((ROOT / "tests").rglob("*.py")) if "benchmarks" not in path.parts],
}


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("kind", FILES)
def test_no_file_is_longer_than_one_can_keep_in_mind(kind):
    sizes = {path.relative_to(ROOT).as_posix(): len(lines_of(path)) for path in FILES[kind]}
    assert len(sizes) > 50
    assert {name: size for name, size in sizes.items() if size > MOST_LINES[kind]} == {}


def test_the_formatter_is_rarely_switched_off():
    unformatted = [path for path in modules() for line in lines_of(path) if "fmt: skip" in line or "fmt: off" in line]
    assert len(unformatted) <= MOST_UNFORMATTED
