"""The Prefect API that an audit reports to: the configured one, or a temporary server.

Prefect's own temporary server outlives a killed audit and loses task history at exit. This one ends with the process
that started it, however that process ends. The server is this same file, run as `python -m flows.server`.
"""

import ctypes
import gc
import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from configs.errors import AuditError

START_SECONDS = 90  # a new PREFECT_HOME gets its database first: 10 to 20 s on two cores
STOP_SECONDS = 5
SERVER_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_UI_ENABLED": "false",
    # One task state per transaction, the default, falls behind the flow and is lost at exit.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
}


@contextmanager
def prefect_server(meanwhile: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Run the flows of the `with` block against one Prefect API and leave no process behind.

    A configured API (PREFECT_API_URL, the active profile) is used as it is.
    Otherwise a temporary server on 127.0.0.1 ends with the block; its history
    stays in PREFECT_HOME, which several servers may share. `meanwhile` is called
    once while it starts, the place for slow imports. The thread that enters the
    block must outlive it.

    Raises:
        AuditError: Prefect's settings cannot be read, the configured API does not answer, or the server does not start.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")
    url = configured_api()
    # After the line above, which Prefect reads at import; and 1.5 s that `--help` must not pay.
    from prefect.settings import PREFECT_API_URL, temporary_settings

    if url:
        check_api(url)
        with without_collector():
            meanwhile()
        yield
        return
    require_writable_home()
    with tempfile.TemporaryFile() as log, server_process(log) as port:
        with without_collector():
            meanwhile()
        wait_until_ready(port, log)
        # Otherwise the proxy of a cluster gets the requests meant for this machine.
        no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
        os.environ["no_proxy"] = f"{no_proxy},127.0.0.1" if no_proxy else "127.0.0.1"
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{port}/api"}):
            try:
                yield
            finally:
                drain_history()


def configured_api() -> str | None:
    """The address of the API that Prefect's settings name.

    Raises:
        AuditError: a variable or a file of Prefect's settings cannot be read.
    """
    try:
        # Its import prints an error, over several lines, before it raises it.
        with redirect_stderr(io.StringIO()):
            from prefect.settings import PREFECT_API_URL

            url: str | None = PREFECT_API_URL.value()
            return url
    except Exception as error:  # of the parsers and validators behind its settings
        raise AuditError(_unreadable_settings(error)) from error


def _unreadable_settings(error: Exception) -> str:
    files = [Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser() / "profiles.toml"]
    if "PREFECT_PROFILES_PATH" in os.environ:
        files = [Path(os.environ["PREFECT_PROFILES_PATH"])]
    files += [Path(name).absolute() for name in ("prefect.toml", "pyproject.toml")]
    for file in files:
        try:
            tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as damage:
            return f"{file}, a file of Prefect's settings, cannot be read ({damage}). Correct it, or move it away."
    wrong: Any = error.errors()[0] if isinstance(error, ValidationError) else {}
    # A validator may have changed its case.
    given = str(wrong.get("input")).casefold()
    named = [name for name, value in os.environ.items() if name.startswith("PREFECT_") and value.casefold() == given]
    if named:
        return (
            f"{named[0]}={os.environ[named[0]]} is no setting of Prefect's ({wrong['msg']}). Correct it, or unset it."
        )
    reason = f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}, got {wrong['input']!r}" if wrong else str(error)
    return (
        f"Prefect's settings cannot be read ({reason}). They come from variables that begin with PREFECT_, and from "
        f"{', '.join(map(str, files))}. Correct the setting there."
    )


def require_writable_home() -> None:
    """
    Raises:
        AuditError: the temporary server could not keep its history in PREFECT_HOME.
    """
    from prefect.settings import PREFECT_HOME

    home = PREFECT_HOME.value()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise AuditError(
            f"PREFECT_HOME={home} cannot be written ({error.strerror}), and Prefect keeps the history of audits there. "
            "Set PREFECT_HOME to a folder that can be."
        ) from error


@contextmanager
def without_collector() -> Iterator[None]:
    """Switch garbage collection off for imports: it takes one second of five and finds nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def check_api(url: str) -> None:
    """Fail in one sentence within ten seconds, where Prefect would retry for minutes and end in a traceback."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            # JSON, because an address that lacks its /api answers as well: with the page of the UI.
            get_client(sync_client=True, httpx_settings={"timeout": 2}).request("GET", "/health").json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise AuditError(f"Prefect API at {url} does not answer; start it or unset PREFECT_API_URL.") from error


@contextmanager
def server_process(log: IO[bytes]) -> Iterator[str]:
    """Start the server and yield its port, which accepts connections long before it answers them."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "flows.server", str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        # The `flows` of this package, also when the current folder has one of its own.
        env={**os.environ, **SERVER_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)},
        # Ctrl-C in the terminal must not end it before the flow has recorded its last state.
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.terminate()
            try:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)
            finally:  # also after a second Ctrl-C
                process.kill()


def wait_until_ready(port: str, log: IO[bytes]) -> None:
    """Return once the server answers.

    Raises:
        AuditError: it ended or took longer than START_SECONDS; the message ends with its last log lines.
    """
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=START_SECONDS)
        connection.request("GET", "/api/health")
        status = connection.getresponse().status
        connection.close()
    except (ValueError, OSError, http.client.HTTPException):  # ValueError: it ended before it had a port
        status = 0
    if status != 200:
        log.seek(0)
        lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        end = " / ".join(lines[-3:]) or "(empty)"
        raise AuditError(f"The temporary Prefect server did not start; the end of its log: {end}")


def drain_history() -> None:
    """Send the task states and log lines that still wait here, then let the server record them."""
    from prefect.events.worker import EventsWorker

    # Also ends the senders: a later block would be given the same ones, still bound to this server.
    EventsWorker.drain_all(timeout=2)
    # No API tells when the recorder is done. Without the pause 79 of 200 task runs lost their last state, with it none.
    time.sleep(0.3)


def serve(parent: int) -> None:
    """Run the server of process `parent` until that process ends or asks the server to end."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    # For other systems, for a parent that ended before the line above, and for a server that does not stop.
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads stdout from here on

    with without_collector():
        import uvicorn
        from filelock import FileLock
        from prefect.server.api.server import create_app
        from prefect.settings import PREFECT_HOME

        app = create_app(ephemeral=True)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            # Two servers that create the database of a new PREFECT_HOME at once break each other's migrations.
            with FileLock(PREFECT_HOME.value() / "token-audit.lock"):
                await super().startup(sockets)

    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
    Server(config).run(sockets=[listener])


def end_with(parent: int) -> None:
    """End this process when `parent` is no longer its parent: by SIGTERM first, then at once."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
