"""The scripts run in processes of their own, because only a process that ends can leave a server behind."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
HOLD = """
import time
from flows.server import prefect_server

with prefect_server():
    from prefect.settings import PREFECT_API_URL

    print(PREFECT_API_URL.value(), flush=True)
    time.sleep(100)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One PREFECT_HOME for all tests: a new one costs ten seconds."""
    return tmp_path_factory.mktemp("prefect")


@contextmanager
def running(script, home, **environment):
    path = home / f"script-{time.monotonic_ns()}.py"
    path.write_text(script)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with subprocess.Popen(
        [sys.executable, str(path)],
        env={**inherited, "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(home), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run(script, home, **environment):
    """Return what the script printed, as JSON."""
    with running(script, home, **environment) as process:
        out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    return json.loads(out)


def servers_of(process):
    table = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in table.splitlines() if line.endswith(f"-m flows.server {process.pid}")]


def is_open(url):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", int(url.split(":")[2].split("/")[0]))) == 0


def assert_gone_within_10_seconds(process, url):
    for _ in range(100):
        if not is_open(url) and not servers_of(process):
            return
        time.sleep(0.1)
    pytest.fail(f"still there: {url} {servers_of(process)}")


def test_a_flow_is_recorded_for_later_readers_and_no_server_stays(home):
    script = """
import json
from flows.server import prefect_server

imported = []
urls = []
with prefect_server(meanwhile=lambda: imported.append("prefect")):
    from prefect import flow, task
    from prefect.artifacts import create_markdown_artifact
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    @task
    def double(n):
        create_markdown_artifact("**four**", key="result")
        return 2 * n

    @flow
    def small():
        return double(2)

    urls.append(PREFECT_API_URL.value())
    answer = small()

with prefect_server():
    urls.append(PREFECT_API_URL.value())
    client = get_client(sync_client=True)
    flow_states = [run.state_name for run in client.read_flow_runs()]
    task_states = [run.state_name for run in client.read_task_runs()]
    artifacts = client.request("POST", "/artifacts/filter", json={}).json()

print(json.dumps({
    "answer": answer,
    "imported": imported,
    "flows": flow_states,
    "tasks": task_states,
    "artifacts": [(artifact["key"], artifact["data"]) for artifact in artifacts],
    "url after": PREFECT_API_URL.value(),
    "urls": urls,
}))
"""
    seen = run(script, home)
    urls = seen.pop("urls")
    assert seen == {
        "answer": 4,
        "imported": ["prefect"],
        "flows": ["Completed"],
        "tasks": ["Completed"],
        "artifacts": [["result", "**four**"]],
        "url after": None,
    }
    assert [is_open(url) for url in urls] == [False, False]


def test_ctrl_c_records_the_crash_of_the_flow_and_no_server_stays(home):
    script = """
import time
from flows.server import prefect_server

with prefect_server():
    from prefect import flow
    from prefect.settings import PREFECT_API_URL

    @flow
    def interrupted():
        print(PREFECT_API_URL.value(), flush=True)
        time.sleep(100)

    interrupted()
"""
    with running(script, home) as process:
        url = process.stdout.readline()
        assert is_open(url)
        assert len(servers_of(process)) == 1
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does: to the whole process group
        assert "KeyboardInterrupt" in process.communicate(timeout=20)[1]
        assert not is_open(url)
        assert not servers_of(process)
    with sqlite3.connect(home / "prefect.db") as database:
        states = database.execute("select state_type from flow_run order by created desc limit 1").fetchall()
    database.close()
    assert states == [("CRASHED",)]


def test_two_servers_share_one_home_and_neither_survives_a_killed_parent(home):
    with running(HOLD, home) as first, running(HOLD, home) as second:
        for process, death in ((first, signal.SIGKILL), (second, signal.SIGTERM)):
            url = process.stdout.readline()
            assert is_open(url)
            assert len(servers_of(process)) == 1
            process.send_signal(death)
            assert process.wait(10) == -death
            assert_gone_within_10_seconds(process, url)


def test_a_server_whose_parent_is_already_gone_ends_itself():
    parent_of_nobody = str(os.getpid() + 1)
    command = [sys.executable, "-m", "flows.server", parent_of_nobody]
    assert subprocess.run(command, cwd=ROOT, timeout=10, stdout=subprocess.DEVNULL).returncode == -signal.SIGTERM


def test_a_configured_api_is_used_and_no_server_is_started(home):
    asked = []

    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"true")

        def log_message(self, *args):
            pass

    script = """
import json, os, subprocess
from flows.server import prefect_server

with prefect_server():
    from prefect.settings import PREFECT_API_URL

    children = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    print(json.dumps([PREFECT_API_URL.value(), f"-m flows.server {os.getpid()}" in children]))
"""
    with HTTPServer(("127.0.0.1", 0), Health) as api:
        Thread(target=api.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{api.server_port}/api"
        assert run(script, home, PREFECT_API_URL=url) == [url, False]
        api.shutdown()
    assert asked == ["/api/health"]


def failure(home, **environment):
    script = """
import json
from configs.errors import AuditError
from flows.server import prefect_server

try:
    with prefect_server():
        print(json.dumps("it started"))
except AuditError as error:
    print(json.dumps(str(error)))
"""
    return run(script, home, **environment)


def test_a_configured_api_that_does_not_answer_is_named_in_one_sentence(home):
    url = "http://127.0.0.1:9/api"
    expected = f"Prefect API at {url} does not answer; start it or unset PREFECT_API_URL."
    assert failure(home, PREFECT_API_URL=url) == expected


def test_a_server_that_cannot_start_says_why_in_the_last_lines_of_its_log(home):
    message = failure(home, PREFECT_API_DATABASE_CONNECTION_URL="sqlite+aiosqlite:////no/such/folder/prefect.db")
    assert message.startswith("The temporary Prefect server did not start; the end of its log: ")
    assert "unable to open database file" in message


# ---------------------------------------------------------------- what the environment gets wrong

ENTER = """
import sys
from configs.errors import AuditError
from flows.server import prefect_server

try:
    with prefect_server():
        print("entered")
except AuditError as error:
    sys.exit(str(error))
"""


def complaint(home, **environment):
    """The error output, line by line, of a process that is refused a server."""
    with running(ENTER, home, **environment) as process:
        out, err = process.communicate(timeout=90)
    assert (process.returncode, out) == (1, "")
    return err.splitlines()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PREFECT_API_REQUEST_TIMEOUT": "soon"}, "PREFECT_API_REQUEST_TIMEOUT=soon is no setting of Prefect's ("),
        # Prefect's validator makes it upper-case.
        ({"PREFECT_LOGGING_LEVEL": "loud"}, "PREFECT_LOGGING_LEVEL=loud is no setting of Prefect's ("),
    ],
)
def test_a_wrong_variable_is_named_in_one_line(tmp_path, environment, said):
    (line,) = complaint(tmp_path, **environment)
    assert line.startswith(said)
    assert line.endswith("Correct it, or unset it.")


def test_a_broken_profile_is_named_in_one_line(tmp_path):
    (tmp_path / "profiles.toml").write_text('active = "x\n[profiles')
    (line,) = complaint(tmp_path)
    assert line.startswith(f"{tmp_path}/profiles.toml, a file of Prefect's settings, cannot be read (Illegal character")


def test_a_wrong_setting_of_a_profile_is_named_with_the_files_it_may_stand_in(tmp_path):
    (tmp_path / "profiles.toml").write_text('active = "p"\n[profiles.p]\nPREFECT_API_REQUEST_TIMEOUT = "soon"\n')
    (line,) = complaint(tmp_path)
    assert "request_timeout: Input should be a valid number" in line
    assert str(tmp_path / "profiles.toml") in line


def test_a_home_that_cannot_be_written_is_named_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    (line,) = complaint(tmp_path, PREFECT_HOME=str(tmp_path / "file"))
    assert line.startswith(f"PREFECT_HOME={tmp_path / 'file'} cannot be written (File exists)")
