"""Leaf: a progress bar with the time left on a terminal, one plain line without one."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def progress(stage: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Yield `advance(n)`. Writes to standard error, so that standard output stays parseable.

    Without a terminal nothing is drawn; the finished stage is one line of three
    tab-separated fields: stage, amount with unit, seconds.
    """
    started, done = time.monotonic(), 0
    columns = (
        TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
    with bar:
        row = bar.add_task(stage, total=total)

        def advance(amount: int) -> None:
            nonlocal done
            done += amount
            bar.advance(row, amount)

        yield advance
    if not sys.stderr.isatty():
        print(f"{stage}\t{done} {unit}\t{time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
