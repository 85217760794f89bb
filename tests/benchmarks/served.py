"""A Prefect server as the README starts it, for nights.py and the test of the schedule: its commands, its API, a listener."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import yaml

from tests.conftest import free_port

ROOT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).with_name("prefect")
WORKER = ("worker", "start", "--pool", "audits", "--limit", "1")
T = TypeVar("T")


class Server:
    """A server of its own, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}/api"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        self.environment = {
            **inherited, "PREFECT_HOME": str(folder), "PREFECT_API_URL": self.url, "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "NO_COLOR": "1",
        }  # fmt: skip

    @contextmanager
    def process(self, *words: str, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
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

    @contextmanager
    def running(self, log: Path) -> Iterator[None]:
        """The server, with the pool of the deployments."""
        place = self.url.removeprefix("http://").removesuffix("/api").split(":")
        with self.process("server", "start", "--host", place[0], "--port", place[1], log=log):
            until(self.ready, 90, "the server answers")
            self.command("work-pool", "create", "audits", "--type", "process")
            yield

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [PREFECT, "--no-prompt", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def post(self, what: str, **body: object) -> Any:
        content = json.dumps(body).encode()
        return self._answer(urllib.request.Request(f"{self.url}/{what}", content, {"Content-Type": "application/json"}))

    def get(self, what: str) -> Any:
        return self._answer(urllib.request.Request(f"{self.url}/{what}"))

    @staticmethod
    def _answer(request: urllib.request.Request) -> Any:
        for attempt in range(10):
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                # A server whose database is locked asks to be asked again.
                if error.code != 503 or attempt == 9:
                    raise
                time.sleep(2)
        raise AssertionError("not reached")

    def ask(self, what: str, **body: object) -> Any:
        return self.post(f"{what}/filter", **body)

    def runs(self, *states: str) -> list[dict[str, Any]]:
        """Flow runs in one of these states, the first one first."""
        kinds = {"flow_runs": {"state": {"type": {"any_": list(states)}}}}
        found: list[dict[str, Any]] = self.ask("flow_runs", sort="EXPECTED_START_TIME_ASC", **kinds)
        return found

    def webhook(self, url: str) -> str:
        """A notification block that posts subject and body to this address; its id."""
        kind = self.get("block_types/slug/custom-webhook")["id"]
        schema = self.ask("block_schemas", block_schemas={"block_type_id": {"any_": [kind]}})[0]["id"]
        message = {"name": "team", "url": url, "json_data": {"subject": "{{subject}}", "body": "{{body}}"}}
        block = {"name": "team", "block_type_id": kind, "block_schema_id": schema, "data": message}
        return str(self.post("block_documents/", **block)["id"])

    def automate(self, folder: Path, block: str, within: int | None = None) -> None:
        """Apply the automations as they are shipped, by one command; `within`: seconds without a heartbeat."""
        whole = []
        for file in ("crashed", "notify"):
            text = (ROOT / f"configs/automations/{file}.yaml").read_text(encoding="utf-8").replace("BLOCK_ID", block)
            whole += yaml.safe_load(text)["automations"]
        if within is not None:
            whole[0]["trigger"]["within"] = within
        path = folder / "automations.yaml"
        path.write_text(yaml.safe_dump({"automations": whole}), encoding="utf-8")
        self.command("automation", "create", "--from-file", str(path))

    def flow_processes(self) -> list[int]:
        """Ids of the processes that a worker of this server started."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes()
                ours = f"PREFECT_API_URL={self.url}".encode() in environment
                if ours and b"PREFECT__FLOW_RUN_ID=" in environment:
                    found.append(int(process.name))
            except OSError:
                continue
        return found

    def ready(self) -> bool:
        return bool(self.get("health"))


def shipped(**changes: object) -> dict[str, Any]:
    """prefect.yaml with these parameters of its deployment."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    (deployment,) = found["deployments"]
    deployment["parameters"] |= changes
    return found


@contextmanager
def listener() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """An address that takes messages, and what it has taken."""
    heard: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", heard
        server.shutdown()


def until(holds: Callable[[], T], seconds: float, what: str) -> T:
    """What `holds` returns, once that is true of it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := holds():
                return found
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s: {what}")
