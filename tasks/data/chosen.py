"""Rows by comparison: whether the value of a column is at least, before, ... what a config asks for."""

import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from configs.section import shown
from configs.where import DATES, moment

_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "at_least": operator.ge,
    "at_most": operator.le,
    "more_than": operator.gt,
    "less_than": operator.lt,
    "since": operator.ge,
    "before": operator.lt,
}


@dataclass(frozen=True)
class Comparison:
    """Bounds that a value has to keep."""

    bounds: tuple[tuple[Callable[[Any, Any], bool], Any], ...]
    of_dates: bool

    def holds(self, value: object) -> bool:
        """Whether a value keeps all bounds; one that is missing keeps none.

        Raises:
            ValueError: it is none that can be compared.
        """
        if value is None or value != value or (isinstance(value, str) and not value.strip()):
            return False
        read = _moment(value) if self.of_dates else _number(value)
        return all(holds(read, bound) for holds, bound in self.bounds)


def comparison(wanted: Mapping[str, Any]) -> Comparison:
    """What a config asks for, made ready for many rows."""
    of_dates = any(word in DATES for word in wanted)
    bounds = [(_HOLDS[word], _moment(bound) if of_dates else bound) for word, bound in wanted.items()]
    return Comparison(tuple(bounds), of_dates)


def _moment(value: object) -> datetime:
    try:
        return _moment_of_text(value) if isinstance(value, str) else moment(value)
    except ValueError as error:
        raise ValueError(f"{shown(value)}, which is no date such as 2026-11-29") from error


# A column of dates has few values.
_moment_of_text = functools.lru_cache(maxsize=4096)(moment)


def _number(value: object) -> float | int:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    elif isinstance(value, Decimal):
        # 1.1 is less than the float 1.1, which is what a config holds.
        return int(value) if value == value.to_integral_value() else float(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ValueError(f"{shown(value)}, which is no number")
