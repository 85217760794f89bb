"""Import a function that the config names as `module:function`."""

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from configs.errors import AuditError


def plugin(name: str, setting: str, error: type[AuditError]) -> Callable[..., Any]:
    """The function that the setting names. Its module is imported, which runs it.

    Raises:
        AuditError: of the kind given; there is no such module, or nothing in it that can be called.
    """
    module, _, attribute = name.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
    except Exception as cause:  # a user's module may raise anything
        raise error(
            f"{setting}: {name} cannot be imported ({type(cause).__name__}: {first_line(cause)}). "
            "Give `module:function` of a module on the Python path; PYTHONPATH=. puts the current folder on it."
        ) from cause
    if not callable(found):
        raise error(f"{setting}: {name} is no function, but {type(found).__name__}.")
    function: Callable[..., Any] = found
    return function


def plugin_sources(name: str, function: Callable[..., Any]) -> list[Path]:
    """Source files of the function: the module that is named, and the modules of its package that it uses."""
    module = name.partition(":")[0]
    package = module.partition(".")[0]
    waiting, found = [module, function.__module__], set[str]()
    while waiting:
        module = waiting.pop()
        if module in found or module.partition(".")[0] != package or module not in sys.modules:
            continue
        found.add(module)
        for value in vars(sys.modules[module]).values():
            waiting.append(value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None) or "")
    files = [getattr(sys.modules[module], "__file__", None) for module in sorted(found)]
    return [Path(file) for file in files if file is not None]


def first_line(error: Exception) -> str:
    """The first line of an exception's message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
