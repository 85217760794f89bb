"""Run a function on many jobs, in this process or on the workers of a Ray cluster.

`TOKEN_AUDIT_WORKERS` says where: nothing or 1 is this process; a number, or devices such as
`cuda:0,cuda:1`, are worker processes of this machine; `ray`, `auto`, `host:port` or `ray://...`
is a cluster. Workers read and write the run's folder by its path, so all machines must share
it, and return counts only. Jobs end in any order.

On workers a job that kills its process, or takes too long, is retried, halved, and done without the
items at fault: see tasks/runtime/bisect.py. In this process such a job ends the run.
"""

import faulthandler
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from configs.errors import AuditError
from configs.section import digest
from tasks.runtime.bisect import Attempt, Attempts, Job
from tasks.runtime.code import code_of
from tasks.runtime.plugins import first_line

if TYPE_CHECKING:
    # Workers import this module without Prefect.
    from tasks.runtime.progress import Meter

IN_FLIGHT = 4
"""Jobs that are submitted to the cluster at a time, for each worker: enough that none waits for its next job."""

Facts = Mapping[str, object]

Everywhere = Callable[[Callable[..., Facts], Sequence[Job], "Meter"], None]


_JOB_MINUTES = 30.0


def _job_seconds() -> float:
    """Time limit of one job on a worker: `TOKEN_AUDIT_JOB_MINUTES`, in seconds."""
    given = os.environ.get("TOKEN_AUDIT_JOB_MINUTES", "").strip()
    try:
        minutes = float(given) if given else _JOB_MINUTES
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= 10_000:
        raise AuditError(
            f"TOKEN_AUDIT_JOB_MINUTES={given} should be a number of minutes, more than 0 and at most 10,000."
        )
    return 60 * minutes


@contextmanager
def fan_out() -> Iterator[Everywhere]:
    """Yield `run_everywhere(function, jobs, meter)`, which returns when all jobs are done.

    The workers end with the block.

    Raises:
        AuditError: Ray is not installed, the cluster does not answer, there is no such device, or
            `TOKEN_AUDIT_JOB_MINUTES` is no number of minutes.
    """
    given = os.environ.get("TOKEN_AUDIT_WORKERS", "").strip()
    if given in ("", "1"):
        yield _in_this_process
        return
    seconds = _job_seconds()
    with _connected(given) as (ray, threads):

        def on_workers(function: Callable[..., Facts], jobs: Sequence[Job], meter: "Meter") -> None:
            _Crew(ray, function, threads, seconds, meter).do(jobs)

        yield on_workers


@contextmanager
def target_of(part: Path, *, dry: bool) -> Iterator[Path]:
    """Where a job writes its part; for a dry run, in a temporary folder."""
    if not dry:
        yield part
        return
    with TemporaryDirectory() as scratch:
        yield Path(scratch) / part.name


def _in_this_process(function: Callable[..., Facts], jobs: Sequence[Job], meter: "Meter") -> None:
    for job in jobs:
        before = meter.done
        facts = function(*job.arguments, left_out=frozenset(), dry=False, advance=meter)
        # A candidate without a trial is done as well.
        meter(before + job.size - meter.done)
        meter.count(quarantined=_quarantined(facts))


def _quarantined(facts: Facts) -> int:
    return int(str(facts.get("num_quarantined", 0)))


# ---------------------------------------------------------------- where


_RAY_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}
"""Read when Ray is imported: no telemetry, and no messages about dead workers in standard output."""


@contextmanager
def _connected(given: str) -> Iterator[tuple[Any, int]]:
    """Connect to Ray; yield its module and the number of threads of a worker."""
    for name, value in _RAY_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise AuditError(
            f"TOKEN_AUDIT_WORKERS={given} needs Ray, which is not installed. "
            "Install it with `pip install 'ray[client]'`, or unset the variable."
        ) from error
    where, threads, visible = _where(given)
    handler = signal.getsignal(signal.SIGTERM)
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        if visible is not None:
            # Local workers inherit the variable; Ray gives each of them one GPU.
            os.environ["CUDA_VISIBLE_DEVICES"] = visible
        logging.getLogger("ray").setLevel(logging.ERROR)
        _init(ray, where)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        advice = (
            " A cluster that asks for a token, as Ray does by default, is reached from outside with "
            "RAY_AUTH_MODE=token."
            if given.startswith("ray://") and "RAY_AUTH_MODE" not in os.environ
            else ""
        )
        raise AuditError(
            f"TOKEN_AUDIT_WORKERS={given}: no Ray cluster answers there ({first_line(error)}).{advice}"
        ) from error
    finally:
        if visible is not None:
            del os.environ["CUDA_VISIBLE_DEVICES"]
            if before is not None:
                os.environ["CUDA_VISIBLE_DEVICES"] = before
        # Ray has installed its own handler, which ends the process without a message.
        with suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGTERM, handler)
    try:
        yield ray, threads
    finally:
        ray.shutdown()


def _init(ray: Any, where: dict[str, Any]) -> None:
    """Connect, again if need be: in one of 14 calls the server that a cluster starts for a client dies as it is
    forked (ray-project/ray#63202)."""
    for _ in range(3):
        with suppress(ConnectionAbortedError):
            ray.init(**where, log_to_driver=False, configure_logging=False)
            return
    ray.init(**where, log_to_driver=False, configure_logging=False)


def _where(given: str) -> tuple[dict[str, Any], int, str | None]:
    """Arguments of `ray.init`, threads of a worker, and the GPUs that the workers may see, if that is to be set."""
    if re.fullmatch(r"ray|auto|ray://\S+|(?!cuda:)[^\s,/]+:\d+", given):
        address = os.environ.get("RAY_ADDRESS", "auto") if given in ("ray", "auto") else given
        # A worker reserves one processor, so it uses one thread.
        return {"address": address}, 1, None
    devices = _devices(given)
    local = {"address": "local", "include_dashboard": False, "object_store_memory": 100 * 2**20}
    threads = max(1, _num_processors() // len(devices))
    if devices[0] is None:
        return {**local, "num_cpus": len(devices), "num_gpus": 0}, threads, None
    return {**local, "num_cpus": len(devices), "num_gpus": len(devices)}, threads, ",".join(map(str, devices))


def _num_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _devices(given: str) -> list[int | None]:
    """The GPU of each worker of this machine; None for the processor."""
    import torch

    num_gpus = 0 if os.environ.get("TOKEN_AUDIT_DEVICE") == "cpu" else torch.cuda.device_count()
    if given.isdecimal() and int(given) > 1:
        if num_gpus and int(given) > num_gpus:
            raise AuditError(
                f"TOKEN_AUDIT_WORKERS={given}, but this machine has {num_gpus} GPUs. "
                "Ask for no more, or set TOKEN_AUDIT_DEVICE=cpu."
            )
        return [number if num_gpus else None for number in range(int(given))]
    names = [name.strip() for name in given.split(",")]
    numbers = [int(name.partition(":")[2]) for name in names if re.fullmatch(r"cuda:\d+", name)]
    if len(numbers) < len(names) or len(set(numbers)) < len(numbers):
        raise AuditError(
            f"TOKEN_AUDIT_WORKERS={given} should be a number of processes, devices such as cuda:0,cuda:1, "
            "or the address of a Ray cluster: ray, host:port or ray://host:port."
        )
    if max(numbers) >= num_gpus:
        raise AuditError(f"TOKEN_AUDIT_WORKERS={given}: torch finds {num_gpus} GPUs on this machine.")
    return list(numbers)


# ---------------------------------------------------------------- on a worker


def run_job(
    function: Callable[..., Facts],
    arguments: Sequence[Any],
    left_out: frozenset[int],
    dry: bool,
    code: str,
    threads: int,
    seconds: float,
) -> Facts | Exception:
    """Make one attempt, in a worker process. AuditError and OSError are returned, because Ray wraps what is raised."""
    if code != code_version():
        return AuditError(
            "A worker has another version of token-audit, torch or transformers than this process. "
            "Install the same on every machine."
        )
    # Only if the job has imported torch.
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    # Its timer is no Python thread: it also ends a process that hangs in a driver, and logs the stack.
    faulthandler.dump_traceback_later(seconds, exit=True, file=2)
    try:
        return function(*arguments, left_out=left_out, dry=dry, advance=lambda amount: None)
    except (AuditError, OSError) as error:
        return error
    except RuntimeError as error:
        if type(error).__name__ == "AcceleratorError":
            # The error also destroys the device's context, for every later job of this process.
            os._exit(1)
        raise
    finally:
        faulthandler.cancel_dump_traceback_later()


@lru_cache(maxsize=1)
def code_version() -> str:
    """Versions and hash of the code, which must be the same in all processes of a run."""
    return digest(code_of("configs", "tasks"), version("torch"), version("transformers"))


# ---------------------------------------------------------------- handing out


@dataclass(frozen=True)
class _Died:
    """The outcome of an attempt whose worker died."""

    reason: str


class _Crew:
    """Submits attempts to the workers and collects their outcomes."""

    def __init__(self, ray: Any, function: Callable[..., Facts], threads: int, seconds: float, meter: "Meter") -> None:
        self._ray, self._function, self._threads, self._seconds, self._meter = ray, function, threads, seconds, meter
        self._on_gpu = "GPU" in ray.cluster_resources()
        # max_calls: with a GPU Ray would start a process, and load the model, for every job. max_retries: Ray's own
        # retries cannot be seen, and a time limit would span them; those of `Attempts` are counted.
        self._run = ray.remote(num_cpus=1, num_gpus=int(self._on_gpu), max_calls=0, max_retries=0)(run_job)
        self._running: dict[Any, tuple[Attempt, float]] = {}
        """Ray's reference -> the attempt, and when it was handed out."""

    def do(self, jobs: Sequence[Job]) -> None:
        attempts = Attempts(jobs)
        try:
            while attempts or self._running:
                while attempts and len(self._running) < IN_FLIGHT * self._num_workers():
                    self._hand_out(attempts.next())
                # Returns now and then, to notice a signal, or a worker that was added or lost.
                ended, _ = self._ray.wait(list(self._running), num_returns=1, timeout=1.0)
                for reference in ended:
                    self._take_back(reference, attempts)
        finally:
            for reference in self._running:
                with suppress(Exception):  # another error is being raised already
                    self._ray.cancel(reference, force=True)

    def _num_workers(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("GPU" if self._on_gpu else "CPU", 0)))

    def _hand_out(self, attempt: Attempt) -> None:
        how = attempt.left_out, attempt.dry, code_version(), self._threads, self._seconds
        reference = self._run.remote(self._function, attempt.job.arguments, *how)
        self._running[reference] = attempt, time.monotonic()

    def _take_back(self, reference: Any, attempts: Attempts) -> None:
        attempt, since = self._running.pop(reference)
        outcome = self._outcome(reference)
        if isinstance(outcome, _Died):
            self._meter.count(retries=1)
            attempts.died(attempt, late=time.monotonic() - since >= self._seconds, reason=outcome.reason)
        elif isinstance(outcome, Exception):
            attempts.failed(attempt, outcome)
        else:
            attempts.finished(attempt)
            if not attempt.dry:
                self._meter(attempt.job.size)
                self._meter.count(quarantined=_quarantined(outcome))

    def _outcome(self, reference: Any) -> Facts | Exception | _Died:
        errors = self._ray.exceptions
        try:
            outcome: Facts | Exception = self._ray.get(reference)
            return outcome
        except errors.RayTaskError:
            raise  # a bug, with the worker's traceback
        except errors.RayError as error:
            return _Died(first_line(error))
