"""Locks, limits, full disks, and files that are no database."""

import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

import warehouse.database as database_module
from configs.schema import LimitsConfig
from tests.warehouse.helpers import REAL
from warehouse import WarehouseError, open_warehouse, set_limits

pytestmark = pytest.mark.slow

HOLD = """
import sys
from pathlib import Path
from warehouse import open_warehouse

with open_warehouse(Path(sys.argv[1]), read_only=sys.argv[2] == "read"):
    print("open", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held(path, mode):
    """Another process that has the database open, until it is sent a line."""
    command = [sys.executable, "-c", HOLD, str(path), mode]
    with subprocess.Popen(
        command, cwd=REAL.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("read_only", [False, True], ids=["writer", "reader"])
def test_while_another_process_writes_one_waits_and_then_says_who_it_is(tmp_path, read_only):
    path = tmp_path / "audits.duckdb"
    with held(path, "write") as process:
        started = time.monotonic()
        with pytest.raises(WarehouseError) as caught, open_warehouse(path, read_only=read_only, wait_seconds=0.6):
            pass
        assert 0.6 <= time.monotonic() - started < 5
        assert str(caught.value) == (
            f"The warehouse {path} is in use by another process (PID {process.pid}), and still was after 1 s. "
            "Try again when it has ended, or name another file under `warehouse`."
        )


def test_one_gets_the_database_when_the_other_process_lets_go(tmp_path):
    path = tmp_path / "audits.duckdb"
    with held(path, "write") as process:
        process.stdin.write("\n")
        process.stdin.flush()
        with open_warehouse(path, wait_seconds=30) as database:
            assert database.rows("registry/runs", {}) == []


def test_readers_do_not_wait_for_each_other(tmp_path):
    path = tmp_path / "audits.duckdb"
    with open_warehouse(path):
        pass
    with held(path, "read"), open_warehouse(path, read_only=True, wait_seconds=0) as database:
        assert database.rows("registry/runs", {}) == []


@pytest.mark.parametrize("read_only", [False, True], ids=["writer", "reader"])
@pytest.mark.parametrize("garbage", [b"", b"hello", b"hello world" * 1000])
def test_a_file_that_is_no_database_is_an_error_of_one_line_at_once(tmp_path, garbage, read_only):
    path = tmp_path / "blocked.duckdb"  # the name must not pass for a lock
    path.write_bytes(garbage)
    started = time.monotonic()
    with pytest.raises(WarehouseError) as caught, open_warehouse(path, read_only=read_only):
        pass
    assert str(caught.value).startswith(f"The warehouse {path} cannot be opened: ")
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 5
    assert path.read_bytes() == garbage


def test_who_waits_says_so_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(database_module, "_SILENT_SECONDS", 0.1)
    path = tmp_path / "audits.duckdb"
    with held(path, "write") as process:
        with pytest.raises(WarehouseError), open_warehouse(path, wait_seconds=0.5):
            pass
        assert capsys.readouterr().err == f"warehouse\twaiting for another process (PID {process.pid})\t{path}\n"


def test_a_database_that_is_being_made_is_seen_by_nobody_until_it_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "audits.duckdb"

    def stop(path, other):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", stop)
        with pytest.raises(KeyboardInterrupt), open_warehouse(path):
            pass
    assert not path.exists()
    with open_warehouse(path):
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == [".audits.duckdb.lock", "audits.duckdb"]


def test_whoever_makes_the_database_second_takes_the_first_ones(tmp_path, monkeypatch):
    path = tmp_path / "audits.duckdb"
    with open_warehouse(path) as database:
        database._connection.execute("create table main.mine as select 1 as i")
    database_module._create(path)
    with open_warehouse(path) as database:
        assert database._connection.execute("from main.mine").fetchall() == [(1,)]


FILL = """
import resource, signal, sys
from pathlib import Path
from warehouse import WarehouseError, open_warehouse

path = Path(sys.argv[1])
limit = path.stat().st_size + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with open_warehouse(path) as database, database._transaction():
        database._connection.execute("create or replace table main.kept as select i, hash(i) as h from range(2000000) as r (i)")
except WarehouseError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 20_000, 2_000_000], ids=["none", "a little", "for half of it"])
def test_a_disk_that_fills_up_is_a_sentence_and_leaves_the_tables_as_they_were(tmp_path, room):
    path = tmp_path / "audits.duckdb"
    with open_warehouse(path) as database:
        database._connection.execute("create table main.kept as select 1 as i")
    result = subprocess.run(
        [sys.executable, "-c", FILL, str(path), str(room)], cwd=REAL.parent, capture_output=True, text=True
    )
    assert "Traceback" not in result.stderr
    (sentence,) = result.stdout.splitlines()
    assert sentence.startswith(f"The warehouse {path}")
    assert "File too large" in sentence
    with open_warehouse(path) as database:
        assert database._connection.execute("from main.kept").fetchall() == [(1,)]


@pytest.mark.slow
def test_limits_hold_and_what_was_spilled_is_removed(tmp_path):
    path, spill = tmp_path / "audits.duckdb", tmp_path / "spill"
    try:
        set_limits(LimitsConfig(memory_limit="100MB", temp_directory=spill))
        with open_warehouse(path) as database:
            (own,) = database._connection.execute("select current_setting('temp_directory')").fetchone()
            stale = Path(f"{own}1")
            stale.mkdir()
            assert database._connection.execute("select current_setting('memory_limit')").fetchall() == [("95.3 MiB",)]
            database._connection.execute(
                "create table t as select i, hash(i) as h from range(10_000_000) as r (i) order by h"
            )
            assert len(list(spill.iterdir())) == 2
        assert list(spill.iterdir()) == [stale]
        with open_warehouse(path, read_only=True):
            assert list(spill.iterdir()) == [stale]  # it may be another reader's
        with open_warehouse(path):
            assert list(spill.iterdir()) == []
    finally:
        set_limits(LimitsConfig())


def test_reading_a_warehouse_that_is_not_there_makes_none(tmp_path):
    with (
        pytest.raises(WarehouseError, match=r"There is no warehouse .* yet"),
        open_warehouse(tmp_path / "no.duckdb", read_only=True),
    ):
        pass
    assert not (tmp_path / "no.duckdb").exists()


def test_the_file_can_be_opened_by_duckdb_from_1_4_on(tmp_path):
    path = tmp_path / "audits.duckdb"
    with open_warehouse(path):
        pass
    with duckdb.connect(str(path)) as connection:
        ((tags,),) = connection.execute("select tags from duckdb_databases() where database_name = 'audits'").fetchall()
    assert tags["storage_version"] == "v1.4.0+"


def test_the_registry_is_made_once_and_again_in_a_file_that_was_put_in_its_place(tmp_path, monkeypatch):
    made, empty, path = [], tmp_path / "empty.duckdb", tmp_path / "audits.duckdb"
    registry = database_module._registry
    monkeypatch.setattr(database_module, "_registry", lambda: made.append(1) or registry())
    duckdb.connect(str(empty)).close()
    for times in (1, 1, 2, 2):
        if times == 2 and len(made) == 1:
            # A copy over the file has its number, as a new file has that of one deleted before it.
            shutil.copyfile(empty, path)
        with open_warehouse(path) as warehouse:
            assert warehouse.rows("registry/runs", {}) == []
        assert len(made) == times
