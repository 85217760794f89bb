"""Jobs on Ray workers: what is done, what is left out, and how a run ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import ray

from configs.errors import AttributionError, AuditError
from tasks.runtime import bisect
from tasks.runtime import workers as workers_module
from tasks.runtime.workers import fan_out
from tests.conftest import free_port
from tests.runtime.jobs import NODE, Meter, done, jobs_of, write_numbers, written

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ROOT = Path(__file__).parents[2]


def test_items_that_kill_or_hold_up_their_worker_are_found_among_many(workers, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN_AUDIT_JOB_MINUTES", str(3 / 60))
    meter = done(write_numbers(deadly=[3, 17], stuck=[5]), jobs_of(tmp_path, 3, 8))
    assert written(tmp_path) == [number for number in range(24) if number not in (3, 5, 17)]
    assert (meter["done"], meter["quarantined"]) == (24, 3)
    assert meter["retries"] > 3


def test_workers_that_die_before_the_first_item_end_the_run_in_a_sentence(workers, tmp_path, monkeypatch):
    monkeypatch.setattr(bisect, "RETRIES", 0)
    with pytest.raises(AttributionError, match="Workers die at job 0 before its first example"):
        done(write_numbers(most=-1), jobs_of(tmp_path, 1))


def test_a_job_that_dies_without_a_culprit_ends_the_run_in_a_sentence(workers, tmp_path, monkeypatch):
    monkeypatch.setattr(bisect, "RETRIES", 0)
    with pytest.raises(AttributionError, match="at none of its examples by itself"):
        done(write_numbers(most=3), jobs_of(tmp_path, 1))


def test_errors_of_a_worker_are_the_sentences_they_are_here(workers, tmp_path, monkeypatch):
    def refuse(*arguments, left_out, dry, advance):
        from configs.errors import ModelError

        raise ModelError("The model is of a kind that is refused.")

    with pytest.raises(AuditError) as caught:
        done(refuse, jobs_of(tmp_path, 1))
    assert (type(caught.value).__name__, str(caught.value)) == ("ModelError", "The model is of a kind that is refused.")
    with pytest.raises(FileNotFoundError):
        done(write_numbers(), jobs_of(tmp_path / "not shared", 1))
    monkeypatch.setattr(workers_module, "code_version", lambda: "another")
    with pytest.raises(AuditError, match="another version of token-audit"):
        done(write_numbers(), jobs_of(tmp_path, 1))


def test_jobs_in_flight_are_few_and_every_worker_has_a_gpu_of_its_own(workers, tmp_path, monkeypatch):
    waited_for = []
    wait = ray.wait
    monkeypatch.setattr(ray, "wait", lambda refs, **how: waited_for.append(len(refs)) or wait(refs, **how))
    monkeypatch.setattr(workers_module, "IN_FLIGHT", 3)
    meter = done(write_numbers(), jobs_of(tmp_path, 60, 1))
    assert written(tmp_path) == list(range(60))
    assert max(waited_for) == 3 * 2
    seen = {tuple(path.read_text().split()[-3:-1]) for path in tmp_path.iterdir()}
    # One process for each of the two nodes, kept from job to job; each node calls its only GPU 0.
    assert {device for device, _ in seen} == {"0"}
    assert len(seen) == 2
    assert (meter["done"], meter["retries"]) == (60, 0)


def test_a_node_that_goes_away_loses_nothing(workers, tmp_path):
    third = workers.add_node(**NODE)
    raylet = str(third.all_processes["raylet"][0].process.pid)
    gone = []

    class Watching(Meter):
        def __call__(self, amount):
            super().__call__(amount)
            seen = [path.read_text().split() for path in tmp_path.iterdir()]
            # Its worker has begun, and is in the middle of its next job. It would outlive its node for a second.
            for pid in [int(line[-2]) for line in seen if line[-1:] == [raylet] and not gone]:
                time.sleep(0.2)
                os.kill(pid, signal.SIGKILL)
                gone.append(workers.remove_node(third, allow_graceful=False))
                break

    meter = Watching()
    with fan_out() as run_everywhere:
        run_everywhere(write_numbers(seconds=0.5), jobs_of(tmp_path, 40, 1), meter)
    assert gone
    assert written(tmp_path) == list(range(40))
    assert (meter["done"], meter["quarantined"]) == (40, 0)
    assert meter["retries"] >= 1


STOPPED = """
import signal, sys, time
from tasks.runtime.bisect import Job
from tasks.runtime.workers import fan_out

def job(*, left_out, dry, advance):
    time.sleep(1000)

class Meter:
    def count(self, **amounts): pass

signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    with fan_out() as run_everywhere:
        print("connected", flush=True)
        run_everywhere(job, [Job(str(i), (), 1, tuple) for i in range(4)], Meter())
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_ends_the_workers_within_seconds(tmp_path):
    """Local workers, which are processes of the one that is stopped."""
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED)
    environment = {**os.environ, "TOKEN_AUDIT_WORKERS": "2", "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, script], env=environment, start_new_session=True, **pipes)
    try:
        # Nothing else is on standard output, and the workers need a moment to begin.
        assert process.stdout.readline() == "connected\n"
        time.sleep(2)
        children = descendants(process.pid)
        assert len(children) > 3
        started = time.monotonic()
        # As a terminal does, to everything that is still in the group.
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, ""), err
        assert "Traceback" not in err
        assert time.monotonic() - started < 15
        deadline = time.monotonic() + 10
        while alive := [pid for pid in children if is_alive(pid)]:
            assert time.monotonic() < deadline, alive
            time.sleep(0.1)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


OUTSIDE = """
import os, sys
from pathlib import Path
from ray.util.client.worker import Worker
from tests.runtime.jobs import done, jobs_of, write_numbers

start, tries = Worker._server_init, []

def dies_first(*arguments):
    tries.append(arguments)
    if len(tries) == 1:
        raise ConnectionAbortedError("Initialization failure from server")
    return start(*arguments)

Worker._server_init = dies_first
done(write_numbers(), jobs_of(Path(sys.argv[1]), 4))
assert len(tries) > 1
print(os.getpid())
"""


def test_a_driver_outside_the_cluster_hands_out_the_same_jobs(tmp_path):
    """By ray://, through the Ray client, whose server dies at its start in one of 14 calls (ray-project/ray#63202)."""
    ports = [str(free_port()) for _ in range(3)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled"}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "TOKEN_AUDIT_WORKERS": f"ray://127.0.0.1:{ports[1]}"}
    ray_command = str(Path(sys.executable).with_name("ray"))
    options = {"--num-cpus": 2, "--include-dashboard": "false", "--object-store-memory": 100 * 2**20}
    options |= dict(zip(("--port", "--ray-client-server-port", "--runtime-env-agent-port"), ports, strict=True))
    command = [ray_command, "start", "--head", "--block", *(f"{name}={value}" for name, value in options.items())]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, start_new_session=True, **quiet) as head:
        try:
            deadline = time.monotonic() + 90
            # The client's server takes no driver before the agent is there.
            while not (answers("127.0.0.1", ports[1]) and answers(ray.util.get_node_ip_address(), ports[2])):
                assert time.monotonic() < deadline
                time.sleep(0.2)
            folder = tmp_path / "numbers"
            folder.mkdir()
            driver = subprocess.run(
                [sys.executable, "-c", OUTSIDE, folder], env=environment, capture_output=True, text=True, timeout=120
            )
            assert driver.returncode == 0, driver.stderr
            assert written(folder) == list(range(16))
            assert driver.stdout.strip() not in {path.read_text().split()[-2] for path in folder.iterdir()}
        finally:
            children = descendants(head.pid)
            head.terminate()
            with suppress(subprocess.TimeoutExpired):
                head.wait(20)
            for pid in (head.pid, *children):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def answers(host, port):
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def descendants(pid):
    """All processes below one, which have it for a parent, or for a parent's parent."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
