"""The policy of retries and halving, against workers that are a few lines of this file."""

import random
from collections import Counter
from dataclasses import dataclass, field
from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import AttributionError
from tasks.runtime.bisect import RETRIES, Attempts, Job


def job_of(items, name="job 0"):
    return Job(name, (), len(items), lambda: tuple(items))


@dataclass
class Made:
    """What was made of the jobs, by their number."""

    left_out: dict = field(default_factory=dict)
    """Items that a finished job was done without."""
    attempts: Counter = field(default_factory=Counter)
    tried: list = field(default_factory=list)
    """The items of each attempt, in the order they ended."""


def make(jobs, outcome, order=None):
    """Attempt all jobs; `outcome(items)` is None, "died", "late" or an error, and `order` picks who ends next."""
    attempts, running, made = Attempts(jobs), [], Made()
    while attempts or running:
        while attempts:
            running.append(attempts.next())
        attempt = running.pop(order.randrange(len(running)) if order else 0)
        made.attempts[attempt.number] += 1
        assert made.attempts.total() < 10_000, "it does not end"
        kept = tuple(sorted(set(attempt.job.items()) - attempt.left_out))
        assert not attempt.dry or kept == attempt.tried
        made.tried.append(kept)
        became = outcome(kept)
        if isinstance(became, Exception):
            attempts.failed(attempt, became)
        elif became is not None:
            attempts.died(attempt, late=became == "late", reason="killed")
        else:
            attempts.finished(attempt)
            if not attempt.dry:
                assert attempt.number not in made.left_out, "a job that was done is done again"
                made.left_out[attempt.number] = set(attempt.left_out)
    return made


def deadly(*items, how="died"):
    return lambda kept: how if set(items) & set(kept) else None


def most_attempts(num_items, num_deadly):
    """The job with its retries, a run of no item, two halves a level and retries for each item at fault, the job."""
    if not num_deadly:
        return 1
    levels = max(1, ceil(log2(num_items)))
    return (1 + RETRIES) + 1 + num_deadly * (2 * levels + RETRIES) + 1


# ---------------------------------------------------------------- what is left out


def test_healthy_jobs_are_attempted_once_and_in_their_order():
    made = make([job_of(range(k, k + 3)) for k in range(0, 9, 3)], deadly())
    assert made.tried == [(0, 1, 2), (3, 4, 5), (6, 7, 8)]
    assert made.left_out == {0: set(), 1: set(), 2: set()}


def test_the_search_for_one_item_halves_down_to_it():
    made = make([job_of(range(8))], deadly(5))
    assert made.left_out == {0: {5}}
    whole, rest = tuple(range(8)), (0, 1, 2, 3, 4, 6, 7)
    assert made.tried[: RETRIES + 2] == [whole] * (RETRIES + 1) + [()]
    assert Counter(made.tried[RETRIES + 2 :]) == Counter(
        [(0, 1, 2, 3), (4, 5, 6, 7), (4, 5), (6, 7), (4,), rest] + [(5,)] * (RETRIES + 1)
    )
    assert made.tried[-1] == rest


@pytest.mark.parametrize("at_fault", [{0}, {6}, {0, 1}, {2, 5, 6}, set(range(7))])
def test_exactly_the_deadly_items_are_left_out_in_few_attempts(at_fault):
    made = make([job_of(range(7)), job_of(range(7, 14))], deadly(*at_fault))
    assert made.left_out == {0: at_fault, 1: set()}
    assert made.attempts[0] <= most_attempts(7, len(at_fault))
    assert made.attempts[1] == 1


def test_a_job_of_one_item_is_left_with_none():
    made = make([job_of([7])], deadly(7))
    assert made.left_out == {0: {7}}
    assert made.tried == [(7,)] * (RETRIES + 1) + [()] + [(7,)] * (RETRIES + 1) + [()]


def test_items_found_by_a_first_search_stay_left_out_in_a_second():
    """Item 3 kills its worker only after item 1 is found."""
    found = []

    def outcome(kept):
        if kept == (1,):
            found.append(1)
        return "died" if 1 in kept or (3 in kept and len(found) > RETRIES) else None

    made = make([job_of(range(4))], outcome)
    assert made.left_out == {0: {1, 3}}


# ---------------------------------------------------------------- retries


def times(num_deaths, how="died"):
    """Whatever is attempted, the first workers die, as on a node that goes away."""
    left = [how] * num_deaths
    return lambda kept: left.pop() if left else None


def test_a_node_that_goes_away_once_costs_a_retry_and_no_item():
    made = make([job_of(range(4)), job_of(range(4, 8))], times(1))
    assert made.left_out == {0: set(), 1: set()}
    assert made.attempts == {0: 2, 1: 1}


def test_a_node_that_is_away_for_long_costs_a_search_and_no_item():
    made = make([job_of(range(4))], times(RETRIES + 1))
    assert made.left_out == {0: set()}
    assert made.tried[RETRIES + 1 :] == [(), (0, 1), (2, 3), (0, 1, 2, 3)]


def test_a_late_attempt_is_retried_once_and_late_halves_not_at_all():
    made = make([job_of(range(4))], deadly(2, how="late"))
    assert made.left_out == {0: {2}}
    times_tried = {(0, 1, 2, 3): 2, (): 1, (0, 1): 1, (2, 3): 1, (2,): 2, (3,): 1, (0, 1, 3): 1}
    assert Counter(made.tried) == times_tried


def test_a_late_attempt_that_then_dies_has_the_retries_of_one_that_dies():
    hows = ["late", *["died"] * (RETRIES - 1)]
    made = make([job_of(range(4))], lambda kept: hows.pop(0) if hows else None)
    assert made.tried == [(0, 1, 2, 3)] * (RETRIES + 1)


# ---------------------------------------------------------------- how it gives up


@pytest.mark.parametrize("items", [(), range(4)])
def test_a_job_that_dies_without_items_ends_in_a_sentence(items):
    with pytest.raises(AttributionError, match=r"Workers die at job 0 before its first example \(killed\)\."):
        make([job_of(items)], lambda kept: "died")


def test_a_job_that_dies_only_as_a_whole_ends_in_a_sentence_after_two_searches():
    seen = []

    def outcome(kept):
        seen.append(kept)
        return "died" if len(kept) > 3 else None

    with pytest.raises(AttributionError, match=r"at none of its examples by itself \(killed\)\. Give them more memory"):
        make([job_of(range(4))], outcome)
    assert seen.count((0, 1, 2, 3)) == 2 * (RETRIES + 1)
    assert seen.count(()) == 2


def test_an_error_of_a_job_is_raised_as_it_is():
    error = OSError("no space left")
    with pytest.raises(OSError, match="no space left") as caught:
        make([job_of(range(4))], lambda kept: error)
    assert caught.value is error


def test_an_error_of_a_dry_run_is_no_death():
    """The first half raises an error alone: it is not at fault, and the job goes on to its end."""
    made = make([job_of(range(4))], lambda kept: OSError() if kept == (0, 1) else deadly(3)(kept))
    assert made.left_out == {0: {3}}
    assert made.tried.count((0, 1)) == 1


# ---------------------------------------------------------------- any jobs


@st.composite
def jobs_and_deadly(draw):
    """Item numbers of some jobs, each with those that are deadly."""
    jobs = []
    for _ in range(draw(st.integers(1, 4))):
        items = draw(st.lists(st.integers(0, 1000), unique=True, max_size=40))
        chances = [draw(st.booleans()) for _ in items] if draw(st.booleans()) else [False] * len(items)
        jobs.append((items, {item for item, chance in zip(items, chances, strict=True) if chance}))
    return jobs


@settings(max_examples=150, deadline=None)
@given(jobs_and_deadly(), st.integers(), st.sampled_from(["died", "late"]))
def test_exactly_the_deadly_items_of_any_jobs_are_left_out_in_whatever_order_attempts_end(jobs, seed, how):
    # Numbers of their own for each job, as examples have.
    jobs = [([1001 * k + i for i in items], {1001 * k + i for i in bad}) for k, (items, bad) in enumerate(jobs)]
    all_deadly = set().union(*(bad for _, bad in jobs))
    made = make([job_of(items) for items, _ in jobs], deadly(*all_deadly, how=how), random.Random(seed))
    assert made.left_out == {number: bad for number, (_, bad) in enumerate(jobs)}
    for number, (items, bad) in enumerate(jobs):
        assert made.attempts[number] <= most_attempts(len(items), len(bad))
