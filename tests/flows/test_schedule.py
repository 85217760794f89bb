"""prefect.yaml as it ships, against a server as the README starts it: a schedule, a worker that is killed, and another one."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.benchmarks.chaos import World
from tests.conftest import free_port

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).with_name("prefect")
STAGES = {
    "finetune", "ingest", "attribute", "aggregate", "screen", "verify", "judge", "remove", "trace", "recommend", "report",
}  # fmt: skip


class Server:
    def __init__(self, folder):
        self.url = f"http://127.0.0.1:{free_port()}/api"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        self.environment = {
            **inherited, "PREFECT_HOME": str(folder), "PREFECT_API_URL": self.url, "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "NO_COLOR": "1",
        }  # fmt: skip

    @contextmanager
    def process(self, *words, log):
        """A command that runs until it is killed, with all that it started."""
        with log.open("w") as out:
            process = subprocess.Popen(
                [PREFECT, *words], env=self.environment, stdout=out, stderr=out, cwd=ROOT, start_new_session=True
            )
        try:
            yield process
        finally:
            # The server's own process is in no group of its parent's: it ends with it only if that may say so.
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def command(self, *words):
        done = subprocess.run(
            [PREFECT, "--no-prompt", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, what, **body):
        request = urllib.request.Request(
            f"{self.url}/{what}/filter", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def flow_processes(self):
        """Ids of the processes that a worker of this server started."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                ours = f"PREFECT_API_URL={self.url}".encode() in (process / "environ").read_bytes()
                if ours and b"PREFECT__FLOW_RUN_ID=" in (process / "environ").read_bytes():
                    found.append(int(process.name))
            except OSError:
                continue
        return found

    def ready(self):
        with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
            return answer.status == 200


def until(holds, seconds, what):
    """What `holds` returns, once that is true of it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := holds():
                return found
        except OSError:
            pass
        time.sleep(0.5)
    pytest.fail(f"not within {seconds} s: {what}")


def test_a_schedule_runs_the_audit_and_another_worker_ends_what_a_killed_one_began(tmp_path):
    world = World(tmp_path / "world")
    world.prepare()
    server = Server(tmp_path / "prefect")
    shipped = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    (deployment,) = shipped["deployments"]
    deployment["parameters"]["config_path"] = str(world.config)
    # In the place of every night at three.
    soon = datetime.now(UTC) + timedelta(seconds=20)
    deployment["schedules"] = [{"interval": 15, "anchor_date": soon.isoformat(), "timezone": "UTC"}]
    (tmp_path / "prefect.yaml").write_text(yaml.safe_dump(shipped))
    worker = ("worker", "start", "--pool", "audits", "--limit", "1")

    def runs(*states):
        kinds = {"flow_runs": {"state": {"type": {"any_": list(states)}}}}
        return server.ask("flow_runs", sort="EXPECTED_START_TIME_ASC", **kinds)

    with ExitStack() as stack:
        place = server.url.removeprefix("http://").removesuffix("/api").split(":")
        stack.enter_context(
            server.process("server", "start", "--host", place[0], "--port", place[1], log=tmp_path / "server.log")
        )
        until(server.ready, 90, "the server answers")
        server.command("work-pool", "create", "audits", "--type", "process")
        server.command("deploy", "--all", "--prefect-file", str(tmp_path / "prefect.yaml"))

        with server.process(*worker, log=tmp_path / "first.log") as first_worker:
            (first, *_) = until(lambda: runs("RUNNING"), 120, "the schedule starts a run")
            parts = until(lambda: sorted(world.made.glob("runs/*/parts/part-*.json")), 120, "a first part")
            # The flow has a process group of its own, which would outlive its worker.
            flows = server.flow_processes()
            for victim in (first_worker.pid, *flows):
                os.kill(victim, signal.SIGKILL)
        begun = {part: part.stat().st_mtime_ns for part in parts}
        assert flows
        assert not list(world.made.glob("runs/*/report.html"))

        with server.process(*worker, log=tmp_path / "second.log"):
            (done, *_) = until(lambda: runs("COMPLETED"), 180, "a scheduled run ends")
        tasks = server.ask("task_runs", flow_runs={"id": {"any_": [done["id"]]}})
        artifacts = server.ask("artifacts", flow_runs={"id": {"any_": [done["id"]]}})

    assert done["auto_scheduled"]
    assert done["id"] != first["id"]
    assert {task["name"].rsplit("-", 1)[0] for task in tasks} >= STAGES
    assert {task["state_type"] for task in tasks} == {"COMPLETED"}
    assert {artifact["key"] for artifact in artifacts} >= {"attribution", "verification", "state"}
    assert {part: part.stat().st_mtime_ns for part in begun} == begun
    (page,) = world.made.glob("runs/*/report.html")
    assert page.stat().st_size > 100_000
    with duckdb.connect(str(world.made / "audits.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) > 0 from verdicts").fetchall() == [(True,)]
        assert connection.execute("select status from runs").fetchall() == [("finished",)]
