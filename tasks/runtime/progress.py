"""Show the progress of a stage: a bar on a terminal, lines elsewhere, an artifact and log lines in Prefect."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

ARTIFACT_SECONDS = 5.0
"""Seconds between two updates of the artifact, each of which is a request."""


LINE_SECONDS = 30.0
"""Seconds between two lines where there is no terminal."""


Later = Mapping[str, Callable[[int], Mapping[str, float]]]
"""Stage -> from its amount, how long each later stage takes, as a multiple of its own time."""


class _Plan(NamedTuple):
    steps: tuple[tuple[str, ...], ...] = ()
    later: Later | None = None
    unknown: tuple[str, ...] = ()
    name: str = ""


_plan = _Plan()


@contextmanager
def planned(
    *steps: tuple[str, ...], later: Later | None = None, unknown: tuple[str, ...] = (), name: str = ""
) -> Iterator[None]:
    """The steps of what runs in this block, each with the names of its stages: a bar says which of them it is of, and
    how long all takes, by the stages that are `later`; those whose size is `unknown` are named. Keys of artifacts end
    in the `name` of the config."""
    global _plan
    before, _plan = _plan, _Plan(steps, later, unknown, name)
    try:
        yield
    finally:
        _plan = before


def to_the_end(stage: str, total: int, left: float, rate: float) -> str:
    """How long all takes from now on, where a later stage takes longer than seconds; `left` is that of this stage."""
    place = next((i for i, names in enumerate(_plan.steps) if stage in names), None)
    if place is None or not rate:
        return ""
    after = {name for names in _plan.steps[place + 1 :] for name in names}
    sizes = (_plan.later or {}).get(stage)
    known = sizes(total) if sizes else {}
    waiting = [name for name in _plan.unknown if name in after]
    beside = f" ({', '.join(waiting)} unknown)" if waiting else ""
    if not known:
        return f"then{beside}" if waiting else ""
    return f"about {told_time(left + total / rate * sum(known.values()))} to the end{beside}"


def told_time(seconds: float) -> str:
    """As exact as an estimate is."""
    return f"{max(10 * round(seconds / 10), 10)} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def numbered(stage: str) -> str:
    """The stage behind its place in the plan, if it has one."""
    for i, names in enumerate(_plan.steps, start=1):
        if stage in names:
            return f"{i} of {len(_plan.steps)}  {stage}"
    return stage


class Meter:
    """The progress of a stage. Call it with the amount done; `count` other events."""

    def __init__(self, stage: str, total: int, unit: str, done: int, bar: Progress, artifact: UUID | None) -> None:
        self.done, self._counts = done, Counter[str]()
        self._stage, self._total, self._unit, self._resumed_at = stage, total, unit, done
        self._bar, self._artifact = bar, artifact
        self._started = self._shown = self._written = time.monotonic()
        self._row = bar.add_task(numbered(stage), total=total, completed=done, rate="", counts="", whole="")

    def __call__(self, amount: int) -> None:
        self.done += amount
        rate, counts = f"{self.rate:.1f}/s", self.counts
        self._bar.update(self._row, advance=amount, rate=rate, counts=counts and f"({counts})", whole=self._whole())
        now = time.monotonic()
        if self._artifact is not None and (now - self._shown >= ARTIFACT_SECONDS or self.done >= self._total):
            self._shown = now
            self._report(self._artifact)
        if not sys.stderr.isatty() and now - self._written >= LINE_SECONDS and self.done < self._total:
            self._written = now
            print(self._text(), file=sys.stderr, flush=True)

    def count(self, **amounts: int) -> None:
        """Count events by name, such as retries."""
        self._counts.update(amounts)
        self(0)

    @property
    def counts(self) -> str:
        return ", ".join(f"{number} {name}" for name, number in self._counts.items() if number)

    @property
    def rate(self) -> float:
        """Amount a second that this process has done."""
        return (self.done - self._resumed_at) / max(time.monotonic() - self._started, 1e-3)

    def _whole(self) -> str:
        left = (self._total - self.done) / self.rate if self.rate else 0.0
        return to_the_end(self._stage, self._total, left, self.rate) if self.done < self._total else ""

    def _text(self) -> str:
        left = f", {(self._total - self.done) / self.rate:.0f} s left" if self.rate and self.done < self._total else ""
        counts = self.counts and f", {self.counts}"
        whole = self._whole()
        whole = whole and f", {whole}"
        return f"{self._stage}: {self.done} of {self._total} {self._unit}, {self.rate:.1f}/s{left}{whole}{counts}"

    def _report(self, artifact: UUID) -> None:
        text = self._text()
        update_progress_artifact(artifact, 100.0 * self.done / max(self._total, 1), description=text)
        get_run_logger().info(text)


@contextmanager
def progress(stage: str, total: int, unit: str, done: int = 0, artifact: str | None = None) -> Iterator[Meter]:
    """Yield a meter that starts at `done`. Writes to standard error, so that standard output stays parseable.

    Without a terminal a line is written every half minute, and the finished stage is one line of tab-separated fields:
    stage, amount with unit, seconds, and what was counted, if anything. Of a stage that was done before nothing is
    shown. `artifact` is the key of a progress artifact, made inside a task run.
    """
    columns = (
        TextColumn("{task.description:<17}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[whole]}"),
        TextColumn("{task.fields[counts]}"),
    )
    started = time.monotonic()
    made = _artifact(artifact, 100.0 * done / max(total, 1), f"{stage}: {unit}") if artifact is not None else None
    repeated = 0 < total == done
    bar = Progress(*columns, console=Console(stderr=True), disable=repeated or not sys.stderr.isatty())
    with bar:
        meter = Meter(stage, total, unit, done, bar, made)
        yield meter
    if not repeated and not sys.stderr.isatty():
        counts = meter.counts and f"\t{meter.counts}"
        print(f"{stage}\t{meter.done} {unit}\t{time.monotonic() - started:.1f} s{counts}", file=sys.stderr, flush=True)


def artifact_key(kind: str, name: str) -> str:
    """Of an artifact of a config: the versions of one key are one history, and Prefect takes dashes alone."""
    return f"{kind}-{name}".replace("_", "-").strip("-")


def _artifact(key: str, percent: float, description: str) -> UUID | None:
    """Progress in Prefect's pages; None outside a task run."""
    if TaskRunContext.get() is None:
        return None
    artifact = create_progress_artifact(percent, key=artifact_key(key, _plan.name), description=description)
    assert isinstance(artifact, UUID), "only an async caller gets a coroutine"
    return artifact
