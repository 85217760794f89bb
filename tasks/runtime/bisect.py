"""Retry jobs whose worker dies: the policy of retries, of halving, and of leaving out the items at fault.

A job is attempted whole, and attempted again if its worker dies. If its worker keeps dying, a search begins: dry runs
of no item and of each half of the items. A dry run of several items whose worker dies is halved; an item that by itself
keeps killing its worker is at fault. When all dry runs of a search have ended, the job is attempted without the items
at fault, and searched again if its worker still dies. The policy gives up if a run of no item keeps dying, or if too
many searches of one job find nothing.

Nothing here runs a job or reads a clock: the caller runs each attempt of `next()` and reports its outcome.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from configs.errors import AttributionError

RETRIES = 3
"""How often a job, or an item by itself, is attempted again after its worker died."""

MAX_IN_VAIN = 2
"""Searches of a job that find nothing until it is an error. More than one, because a node may have been lost."""


@dataclass(frozen=True)
class Job:
    """The arguments of one call, with paths in the place of data.

    The function is called with them and with `left_out` (items to skip), `dry` (compute, but write nothing) and
    `advance`. It returns counts; `num_quarantined` is shown while it runs.
    """

    name: str
    arguments: tuple[Any, ...]
    size: int
    """Its share of the progress."""
    items: Callable[[], Collection[int]]
    """The items it can be split into. Called only when its worker dies, and never sent to a worker."""


@dataclass(frozen=True)
class Attempt:
    """One call of a job's function: the job itself, or a dry run of some of its items."""

    job: Job
    number: int
    """The job's place among all jobs."""
    left_out: frozenset[int] = frozenset()
    tried: tuple[int, ...] | None = None
    """The items of a dry run; None for the job itself."""
    num_deaths: int = 0
    """Workers that died at this attempt."""
    num_in_vain: int = 0
    """Searches of this job that found nothing."""

    @property
    def dry(self) -> bool:
        return self.tried is not None


@dataclass(frozen=True)
class _Search:
    """The dry runs of one job that look for the items at fault."""

    attempt: Attempt
    """The job itself, as it died."""
    items: frozenset[int]
    """All items of the job."""
    num_open: int = 0
    """Dry runs without an answer."""
    at_fault: frozenset[int] = frozenset()


class Attempts:
    """The attempts still to be made. Each one that is handed out ends in one call of `finished`, `failed` or `died`."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._waiting = deque(Attempt(job, number) for number, job in enumerate(jobs))
        self._searches: dict[int, _Search] = {}
        """The search of each job that is searched, by the job's number."""
        self._reason = ""
        """Why the last worker died."""

    def __len__(self) -> int:
        """How many can be handed out now. More may follow when those under way end."""
        return len(self._waiting)

    def next(self) -> Attempt:
        return self._waiting.popleft()

    def finished(self, attempt: Attempt) -> None:
        if attempt.dry:
            self._close(attempt)

    def failed(self, attempt: Attempt, error: Exception) -> None:
        """The function raised an error; its worker is alive."""
        if not attempt.dry:
            raise error
        # The item does not kill its worker. The job itself will raise the same error, and end with it.
        self._close(attempt)

    def died(self, attempt: Attempt, *, late: bool, reason: str) -> None:
        """The worker died; `late` if it had reached the time limit.

        Raises:
            AttributionError: the workers die whatever the items of the job.
        """
        self._reason = reason
        attempt = replace(attempt, num_deaths=attempt.num_deaths + 1)
        if attempt.num_deaths <= _num_retries(attempt, late=late):
            self._waiting.appendleft(attempt)
        elif attempt.tried is None:
            self._begin_search(attempt)
        elif not attempt.tried:
            raise AttributionError(
                f"Workers die at {attempt.job.name} before its first example ({reason}). "
                "Is there memory for the model? "
                "Ray's logs say more, on the worker's machine: /tmp/ray/session_latest/logs."
            )
        elif len(attempt.tried) == 1:
            search = self._searches[attempt.number]
            self._searches[attempt.number] = replace(search, at_fault=search.at_fault.union(attempt.tried))
            self._close(attempt)
        else:
            # Before this attempt is closed, or the search would end here.
            self._add_dry_runs(attempt.number, *_halves(attempt.tried))
            self._close(attempt)

    def _begin_search(self, attempt: Attempt) -> None:
        search = _Search(attempt, frozenset(attempt.job.items()))
        self._searches[attempt.number] = search
        # A run of no item shows whether the items are at fault at all.
        self._add_dry_runs(attempt.number, (), *_halves(sorted(search.items - attempt.left_out)))

    def _add_dry_runs(self, number: int, *groups: Sequence[int]) -> None:
        search = self._searches[number]
        for group in reversed(groups):
            left_out = search.items.difference(group)
            self._waiting.appendleft(replace(search.attempt, left_out=left_out, tried=tuple(group), num_deaths=0))
        self._searches[number] = replace(search, num_open=search.num_open + len(groups))

    def _close(self, attempt: Attempt) -> None:
        """A dry run has its answer; after the last one, attempt the job without the items at fault."""
        search = self._searches[attempt.number]
        search = self._searches[attempt.number] = replace(search, num_open=search.num_open - 1)
        if search.num_open:
            return
        del self._searches[attempt.number]
        num_in_vain = search.attempt.num_in_vain + (not search.at_fault)
        if num_in_vain == MAX_IN_VAIN:
            raise AttributionError(
                f"Workers die at {attempt.job.name}, and at none of its examples by itself ({self._reason}). "
                "Give them more memory, or more time by TOKEN_AUDIT_JOB_MINUTES."
            )
        left_out = search.attempt.left_out | search.at_fault
        self._waiting.appendleft(Attempt(attempt.job, attempt.number, left_out, num_in_vain=num_in_vain))


def _num_retries(attempt: Attempt, *, late: bool) -> int:
    if attempt.tried is not None and len(attempt.tried) > 1:
        # Its halves tell more than a retry.
        return 0
    # Each wait for the time limit costs much.
    return 1 if late else RETRIES


def _halves(items: Sequence[int]) -> list[Sequence[int]]:
    """Two halves of the items, the first one longer if they differ; only those that are not empty."""
    middle = (len(items) + 1) // 2
    return [half for half in (items[:middle], items[middle:]) if half]
