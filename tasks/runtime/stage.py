"""The decorator that makes a function a stage: a Prefect task."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

P = ParamSpec("P")
R = TypeVar("R")


def stage(
    name: str, *, hours: float, retry_if: Callable[[Any, Any, Any], bool] | None = None
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make the function a Prefect task that ends after `hours`, tried twice more where `retry_if` says so.

    Prefect stores no result: the files and tables of a stage are named by a hash of their inputs, and found by that
    name.
    """
    return task(
        name=name,
        cache_policy=NO_CACHE,
        timeout_seconds=hours * 3600,
        retries=2 if retry_if else 0,
        retry_delay_seconds=5,
        retry_condition_fn=retry_if,
    )
