"""Kills, damage, company and readers, on whole audits in processes of their own. `make chaos` does this at length."""

import random
import signal
import threading
import time

import pytest

from tests.benchmarks import chaos
from warehouse import open_warehouse


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = chaos.World(tmp_path_factory.mktemp("chaos"))
    world.prepare()
    world.timeline_ = world.timeline()
    world.expected = world.state()
    return world


def test_parts_that_were_damaged_or_belong_to_another_run_are_made_anew(world):
    chaos.damaged_parts(world, world.expected, random.Random(0))


@pytest.mark.parametrize("stage", ["attribute_shards", "aggregate_scores"])
def test_an_audit_that_was_killed_ends_the_same_to_the_byte(world, stage):
    chaos.kill_round(world, world.expected, world.timeline_, [name for name, _ in world.timeline_].index(stage), 1)


def test_sigterm_stops_within_seconds_and_the_next_run_goes_on(world):
    chaos.stopped(world, world.expected, world.timeline_, random.Random(1), signal.SIGTERM)


def test_two_audits_on_one_warehouse_end_as_if_they_were_alone_and_readers_get_their_turn(world):
    world.reset()
    mine = world.start("run", world.config)
    theirs = world.start("run", world.config, "--set", "attribution.seed=7", "--set", f"output={world.folder}/other")
    path, read, ended = world.made / "audits.duckdb", [], threading.Event()

    def read_on():
        while not ended.is_set():
            if path.exists():
                with open_warehouse(path, read_only=True) as warehouse:
                    read.append(warehouse.rows("registry/runs", {}).num_rows)
            time.sleep(0.05)

    reader = threading.Thread(target=read_on)
    reader.start()
    while not path.exists():
        assert mine.poll() is None or theirs.poll() is None
        time.sleep(0.01)
    shown = world.run("runs", "--warehouse", path)
    results = [process.communicate(timeout=200) for process in (mine, theirs)]
    ended.set()
    reader.join()
    assert shown.returncode == 0, shown.stderr
    assert [mine.returncode, theirs.returncode] == [0, 0], results
    assert len(read) > 10
    assert read[-1] == 2
    ours = {
        name: content for name, content in world.state().items() if not name.startswith("main.") and name != "views"
    }
    assert {name for name in ours if name in world.expected and ours[name] != world.expected[name]} == set()
    assert set(world.expected) - set(ours) <= {name for name in world.expected if name.startswith("main.")} | {"views"}


def test_of_two_audits_of_one_config_one_is_made_and_the_other_refused_in_a_sentence(world):
    world.reset()
    both = [world.start("run", world.config) for _ in range(2)]
    results = [process.communicate(timeout=200) for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 1], [0, 0]), results
    for process, (_, errors) in zip(both, results, strict=True):
        assert "Traceback" not in errors
        if process.returncode:
            assert "is being audited by another process. Wait for it: the result will be the same." in errors
    chaos.require_same(world, world.expected)
