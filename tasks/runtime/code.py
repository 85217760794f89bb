"""Hash the code that the results of a stage depend on.

Separate from tasks/runtime/stage.py, so that workers need not import Prefect.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


@cache
def code_of(*names: str) -> str:
    """Hash of the sources of these modules and of whole packages, by their dotted names.

    Part of the key of whatever a stage computes and keeps. A test walks the imports of every stage and fails if a
    module that the stage can reach is missing here; modules that decide no figure (configs, runtime, runs, pages) are
    left out.
    """
    sources = [entry for name in sorted(names) for entry in _sources(name)]
    return hashlib.sha256(repr(sources).encode()).hexdigest()


def _sources(name: str) -> Iterator[tuple[str, str]]:
    """Path and content hash of every file of a module or package; templates and scripts of a page among them."""
    top, *rest = name.split(".")
    place = files(top).joinpath(*rest)
    yield from _hashed(name, place if place.is_dir() else files(top).joinpath(*rest[:-1], f"{rest[-1]}.py"))


def _hashed(name: str, place: Traversable) -> Iterator[tuple[str, str]]:
    if place.is_file():
        yield name, hashlib.sha256(place.read_bytes()).hexdigest()
        return
    for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
        if entry.name != "__pycache__":
            yield from _hashed(f"{name}/{entry.name}", entry)
