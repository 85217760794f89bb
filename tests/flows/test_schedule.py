"""prefect.yaml as it ships, against a server as the README starts it: a schedule, a worker that is killed, another one, and
a gate that fails, of which an automation tells. `make nights` plays three nights so."""

import os
import signal
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
import yaml

from tests.benchmarks.chaos import World
from tests.benchmarks.served import WORKER, Server, listener, shipped, until

pytestmark = pytest.mark.server

STAGES = {
    "finetune", "ingest", "attribute", "aggregate", "screen", "verify", "judge", "remove", "trace", "recommend", "report",
}  # fmt: skip


def test_a_schedule_runs_the_audit_another_worker_ends_it_and_its_failed_gate_is_heard_of(tmp_path):
    world = World(tmp_path / "world")
    world.prepare()
    server = Server(tmp_path / "prefect")
    policy = tmp_path / "gate.yaml"
    policy.write_text("metrics: {accuracy: {threshold: 1.01}}\n")
    whole = shipped(config_path=str(world.config), gate=str(policy))
    # In the place of every night at three.
    soon = datetime.now(UTC) + timedelta(seconds=20)
    whole["deployments"][0]["schedules"] = [{"interval": 15, "anchor_date": soon.isoformat(), "timezone": "UTC"}]
    (tmp_path / "prefect.yaml").write_text(yaml.safe_dump(whole))

    with ExitStack() as stack:
        address, heard = stack.enter_context(listener())
        stack.enter_context(server.running(tmp_path / "server.log"))
        server.automate(tmp_path, server.webhook(address))
        server.command("deploy", "--all", "--prefect-file", str(tmp_path / "prefect.yaml"))

        with server.process(*WORKER, log=tmp_path / "first.log") as first_worker:
            (first, *_) = until(lambda: server.runs("RUNNING"), 120, "the schedule starts a run")
            parts = until(lambda: sorted(world.made.glob("runs/*/parts/part-*.json")), 120, "a first part")
            # The flow has a process group of its own, which would outlive its worker.
            flows = server.flow_processes()
            for victim in (first_worker.pid, *flows):
                os.kill(victim, signal.SIGKILL)
        begun = {part: part.stat().st_mtime_ns for part in parts}
        assert flows
        assert not list(world.made.glob("runs/*/report.html"))
        # As the automation of heartbeats would in some minutes: the killed run gives its slot back.
        server.post(f"flow_runs/{first['id']}/set_state", state={"type": "CRASHED"}, force=True)

        with server.process(*WORKER, log=tmp_path / "second.log"):
            (done, *_) = until(lambda: server.runs("FAILED"), 180, "a scheduled run ends")
            (message, *_) = until(lambda: heard, 30, "the listener hears of it")
        tasks = server.ask("task_runs", flow_runs={"id": {"any_": [done["id"]]}})
        artifacts = server.ask("artifacts", flow_runs={"id": {"any_": [done["id"]]}})

    assert done["auto_scheduled"]
    assert done["id"] != first["id"]
    assert {task["name"].rsplit("-", 1)[0] for task in tasks} >= STAGES
    assert {task["state_type"] for task in tasks} == {"COMPLETED"}
    assert {"attribution-chaos", "verification-chaos", "report-chaos"} <= {artifact["key"] for artifact in artifacts}
    assert {part: part.stat().st_mtime_ns for part in begun} == begun
    (page,) = world.made.glob("runs/*/report.html")
    assert page.stat().st_size > 100_000
    with duckdb.connect(str(world.made / "audits.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) > 0 from verdicts").fetchall() == [(True,)]
        ((run_id, status),) = connection.execute("select run_id, status from runs").fetchall()
    assert status == "finished"
    assert (done["state"]["name"], done["name"].split(":")[0]) == ("Gate failed", "chaos")
    assert done["state"]["message"].startswith(
        f"FAILED {run_id} without a reference: 1 of 1 rule fails. accuracy.threshold"
    )
    assert {"config:chaos", "dataset:movie_reviews.parquet", f"run:{run_id}"} <= set(done["tags"])
    assert message == {"subject": "chaos: the gate has failed", "body": done["state"]["message"]}
