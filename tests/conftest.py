"""Fixtures that several test files share."""

import json
import os
import shutil
import socket
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from itertools import count

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

from warehouse import Warehouse

# A loaded machine is no failure.
settings.register_profile("product", deadline=None)
settings.load_profile("product")

TYPES = {
    "varchar": pa.string(), "bigint": pa.int64(), "integer": pa.int32(), "double": pa.float64(), "float": pa.float32(),
    "boolean": pa.bool_(), "list": pa.list_(pa.string()),
}  # fmt: skip


NEEDED = {"browser": "browser", "cluster": "ray"}
"""Fixture -> the marker of tests that need it."""
HEAVY = ("server", "ray", "slow", "browser")


def pytest_collection_modifyitems(items):
    """A process takes one file after the other: those with the most heavy tests come first, or the last of them ends alone."""
    files = {}
    for item in items:
        for fixture in NEEDED.keys() & set(item.fixturenames):
            item.add_marker(NEEDED[fixture])
        files.setdefault(item.path, []).append(item)

    def rank(tests):
        return [-sum(item.get_closest_marker(marker) is not None for item in tests) for marker in HEAVY]

    items[:] = [item for tests in sorted(files.values(), key=rank) for item in tests]


def free_port():
    """A port of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def text_table(text, **constants):
    """A table written as text: `name` or `name:type`, then a row a line, cells between bars.

    A cell is JSON where that reads as JSON (1, -0.5, true, null, "a b"), and plain text otherwise.
    `constants` are columns with one value in every row, unless the text has them.
    """
    header, *lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [[_cell(cell) for cell in line.split("|")] for line in lines]
    assert all(len(row) == len(header.split("|")) for row in rows), f"a row does not fit the header {header}"
    columns = {}
    for i, heading in enumerate(header.split("|")):
        name, _, kind = heading.strip().partition(":")
        columns[name] = pa.array([row[i] for row in rows], TYPES.get(kind))
    for name, value in constants.items():
        columns.setdefault(name, pa.array([value] * len(rows)))
    return pa.table(columns)


def _cell(cell):
    try:
        return json.loads(cell)
    except ValueError:
        return cell.strip()


class World:
    """A warehouse in memory whose tables are written as text, in a database of its own."""

    _worlds = count()

    def __init__(self, folder, warehouse):
        self.warehouse = warehouse
        self.connection = warehouse._connection
        self._name = f"world_{next(self._worlds)}"
        self._folder = folder
        self._numbers = count()
        self.connection.execute(f"attach ':memory:' as {self._name}")
        warehouse.use(self._name)

    def close(self):
        self.warehouse.use("memory")
        self.connection.execute(f"detach {self._name}")

    def insert(self, name, text, **constants):
        """Make the table `name`, or replace it."""
        self.connection.register("incoming", text_table(text, **constants))
        self.connection.execute(f"create or replace table {name} as select * from incoming")
        self.connection.unregister("incoming")

    def part(self, text, **constants):
        """Path of a Parquet file with this table."""
        path = self._folder / f"part-{next(self._numbers)}.parquet"
        pq.write_table(text_table(text, **constants), path)
        return str(path)

    def build(self, path, **params):
        """Build the table of a query, with the contract of its header checked; return its rows in their order."""
        self.warehouse.build(path, params)
        return self.connection.sql(f"from {path.rsplit('/', 1)[-1]}").to_arrow_table().to_pylist()

    def rows(self, path, **params):
        """The rows of a query that builds no table, such as a check."""
        return self.warehouse.rows(path, params)


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory):
    """One PREFECT_HOME for all commands: a new one costs ten seconds."""
    return tmp_path_factory.getbasetemp() / "prefect"


@pytest.fixture(scope="session")
def prefect_api(prefect_home):
    """URL of a server for commands that are not there to start their own, which takes each of them seconds."""
    from flows.server import server_process, wait_until_ready

    with tempfile.TemporaryFile() as log, ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PREFECT_HOME", str(prefect_home))
            port = stack.enter_context(server_process(log))
        wait_until_ready(port, log)
        yield f"http://127.0.0.1:{port}/api"


@pytest.fixture(scope="module", autouse=True)
def denormal_numbers():
    """Loading a classifier rounds them to 0 in the whole process; the statistics are tested down to the smallest."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="session")
def shared_warehouse():
    """One for all worlds: to open it and to define its macros takes as long as a test."""
    with duckdb.connect(config={"threads": 1}) as connection:
        yield Warehouse(connection)


@pytest.fixture(scope="session")
def make_world(shared_warehouse):
    """Makes a world in a folder; one after the other."""
    return partial(World, warehouse=shared_warehouse)


@pytest.fixture
def warehouse(make_world, tmp_path):
    world = make_world(tmp_path)
    yield world
    world.close()


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium. Without it the tests are skipped, but never in CI."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        message = "no Chromium found; on Debian: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    quiet = ("gpu", "quic", "background-networking", "component-update", "sync")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)]
        )
        yield chromium
        chromium.close()
