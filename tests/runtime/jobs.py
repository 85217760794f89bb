"""Jobs that write down what they were given, for the tests of workers."""

from collections import Counter
from functools import partial

from tasks.runtime.bisect import Job
from tasks.runtime.workers import fan_out

NODE = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": 100 * 2**20}


class Meter(Counter):
    """Stands for the one of tasks/runtime/progress.py."""

    def __call__(self, amount):
        self["done"] += amount

    @property
    def done(self):
        return self["done"]

    def count(self, **amounts):
        self.update(amounts)


def write_numbers(deadly=(), stuck=(), most=99, seconds=0.0):
    """A job that writes down what it was given. Inside a function, Ray sends it whole: workers cannot import a test."""

    def job(folder, numbers, *, left_out, dry, advance):
        import os
        import time
        from pathlib import Path

        kept = [number for number in numbers if number not in left_out]
        time.sleep(seconds)
        if set(kept) & set(deadly) or len(kept) > most:
            os.kill(os.getpid(), 9)
        if set(kept) & set(stuck):
            time.sleep(1000)
        if not dry:
            with Path(folder, f"{numbers[0]}").open("a") as file:
                print(*kept, os.environ.get("CUDA_VISIBLE_DEVICES"), os.getpid(), os.getppid(), file=file)
        return {"num_quarantined": len(numbers) - len(kept)}

    return job


def jobs_of(folder, num_jobs, num_items=4):
    numbers = [range(start, start + num_items) for start in range(0, num_jobs * num_items, num_items)]
    return [Job(f"job {own[0]}", (str(folder), tuple(own)), num_items, partial(tuple, own)) for own in numbers]


def done(function, jobs):
    meter = Meter()
    with fan_out() as run_everywhere:
        run_everywhere(function, jobs, meter)
    return meter


def written(folder):
    """Per job the numbers it kept; each job is written once."""
    found = {}
    for path in folder.iterdir():
        (line,) = path.read_text().splitlines()
        found[int(path.name)] = [int(word) for word in line.split()[:-3]]
    return [number for first in sorted(found) for number in found[first]]
