"""How rows are chosen: by the value of a column, by comparisons, or by dates relative to the run.

where:
  split: test
  stars: {at_least: 4}                     # at_least, at_most, more_than, less_than
  date: {since: -1 day, before: 0 days}    # yesterday, in UTC; or a date such as 2026-11-29
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import PlainValidator

from configs.errors import ConfigError
from configs.section import shown

NUMBERS = ("at_least", "at_most", "more_than", "less_than")
DATES = ("since", "before")
"""`since` is from then on, `before` is without it."""
_RELATIVE = re.compile(r"([+-]?\d{1,5}) (day|week)s?")
_ONLY_DIGITS = re.compile(r"\d{9,}")
"""Seconds or milliseconds since 1970: Python reads 1712123012345 as half past eleven of a night in 1712."""


def _chosen(value: Any) -> Any:
    if isinstance(value, str | int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return _comparison(value)
    raise ValueError(f"should be text, a whole number, true or false, or a comparison, got {shown(value)}")


def _comparison(value: Mapping[Any, Any]) -> dict[str, Any]:
    words = ", ".join((*NUMBERS, *DATES))
    if not value:
        raise ValueError(f"is an empty comparison; give it one of {words}")
    for word in value:
        if word not in NUMBERS + DATES:
            raise ValueError(f"has {shown(word)}, which compares nothing; use {words}")
    if set(value) & set(NUMBERS) and set(value) & set(DATES):
        raise ValueError("is compared with numbers and with dates; a column holds one of them")
    return {word: _number(bound) if word in NUMBERS else _date(word, bound) for word, bound in value.items()}


def _number(bound: Any) -> int | float:
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
        raise ValueError(f"should be compared with a number, got {shown(bound)}")
    return bound


def _date(word: str, bound: Any) -> str:
    if isinstance(bound, date):
        return _written(moment(bound))
    if isinstance(bound, str) and _RELATIVE.fullmatch(bound.strip()):
        return bound.strip()
    try:
        return _written(moment(bound))
    except ValueError:
        raise ValueError(
            f"has {word} {shown(bound)}, which is no date such as 2026-11-29, and no span such as -1 day or -2 weeks"
        ) from None


def moment(value: Any) -> datetime:
    """A date, a time, or the text of one, in UTC; without a time zone it is in UTC.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str):
        if _ONLY_DIGITS.fullmatch(value.strip()):
            raise ValueError(f"{shown(value)} is no date")
        value = datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        try:
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError as error:
            raise ValueError(f"{shown(str(value))} is no date of the years 1 to 9999 in UTC") from error
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    raise ValueError(f"{shown(value)} is no date")


def _written(at: datetime) -> str:
    return at.date().isoformat() if at.time() == time() else at.isoformat()


Where = Annotated[
    dict[str, Annotated[str | int | bool | dict[str, int | float | str], PlainValidator(_chosen)]], "column -> wanted"
]


def resolved(where: Mapping[str, Any], as_of: date) -> dict[str, Any]:
    """The same with dates in the place of those relative to the day `as_of`.

    Raises:
        ConfigError: such a date is outside the years 1 to 9999.
    """
    return {
        column: {word: _absolute(column, bound, as_of) for word, bound in wanted.items()}
        if isinstance(wanted, dict)
        else wanted
        for column, wanted in where.items()
    }


def _absolute(column: str, bound: Any, as_of: date) -> Any:
    found = _RELATIVE.fullmatch(bound) if isinstance(bound, str) else None
    if found is None:
        return bound
    days = int(found[1]) * (7 if found[2] == "week" else 1)
    try:
        return _written(moment(as_of) + timedelta(days=days))
    except OverflowError as error:
        raise ConfigError(
            f"`where.{column}`: {bound} from {as_of} is outside the years 1 to 9999. Give a nearer date."
        ) from error


def bounds(wanted: Mapping[str, Any]) -> str:
    """A comparison in words."""
    return " and ".join(f"{word.replace('_', ' ')} {bound}" for word, bound in wanted.items())
