"""Datasets and parts on an object store: moto's server, which speaks S3 over HTTP, in the place of the real one."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import datasets
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from moto.server import ThreadedMotoServer

from configs.errors import AuditError, DataError
from configs.schema import DataConfig
from configs.section import on_store
from tasks.data.rows import read_rows
from tasks.data.sources import dataset_fingerprint
from tasks.publish import publish_report
from tasks.runs.run import Run
from tasks.runtime.parts import num_damaged, part_file, read_manifest, read_part, write_part, write_whole
from tests.benchmarks.chaos import World
from tests.conftest import text_table
from warehouse import WarehouseError, open_warehouse

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bucket():
    """URL of an empty bucket, and what a process needs in its environment to reach it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3").mkdir("audits")
        yield "s3://audits"
    server.stop()


@pytest.fixture(scope="module")
def new_world(tmp_path_factory, prefect_home, prefect_api):
    """Worlds that share a classifier, which is trained once, and a Prefect server; with two groups of candidates."""
    models = tmp_path_factory.mktemp("models")

    def make(folder, **settings):
        world = World(folder, home=prefect_home, api=prefect_api)
        world.prepare()
        config = yaml.safe_load(world.config.read_text())
        config |= {"models": str(models), "screening": {"max_candidates": 120}, **settings}
        del config["compare"]
        world.config.write_text(yaml.safe_dump(config))
        return world

    return make


@pytest.fixture
def part(bucket, request):
    manifest = on_store(f"{bucket}/{re.sub(chr(92) + 'W', '-', request.node.name)}/parts/part-00000.json")
    write_part(manifest, {"tokens": text_table("score:double\n0.5\n-1.5")}, {"num_examples": 2})
    return manifest


def test_a_part_is_read_back(part):
    assert read_manifest(part) == {"num_examples": 2}
    assert read_part(part, "tokens").to_pydict() == {"score": [0.5, -1.5]}
    assert part_file(part, "tokens") == f"s3://audits/{part.parts[-3]}/parts/part-00000.tokens.parquet"


def test_a_part_without_its_manifest_does_not_count(part):
    part.unlink()
    assert read_manifest(part) is None
    assert num_damaged(part.parent) == 0


def test_a_report_is_published_to_a_bucket_and_again_if_the_copy_was_stopped(bucket, tmp_path):
    folder = tmp_path / "n_1"
    files = {"report.html": b"<p>page</p>", "exports/words.csv": b"word\n"}
    for name, content in files.items():
        write_whole(folder / name, content)
    write_part(folder / "report.json", {}, {"written": dict.fromkeys(files, "hash")})
    target = on_store(f"{bucket}/published")
    run = Run("n_1", folder, folder, {"data": "d", "model": "m"})
    page = publish_report.fn(run, target)
    assert str(page) == "s3://audits/published/n_1/report.html"
    store = fsspec.filesystem("s3", skip_instance_cache=True)
    for name, content in files.items():
        assert store.cat(f"audits/published/n_1/{name}") == content
    # A copy without its manifest was stopped.
    store.rm("audits/published/n_1/report.json")
    store.rm("audits/published/n_1/exports/words.csv")
    assert publish_report.fn(run, target) == page
    store.invalidate_cache()
    assert store.cat("audits/published/n_1/exports/words.csv") == b"word\n"


@pytest.mark.parametrize("harm", ["cut", "lost", "other run"])
def test_a_damaged_part_is_set_aside(part, harm, capsys):
    tokens = part.with_name("part-00000.tokens.parquet")
    if harm == "cut":
        tokens.write_bytes(tokens.read_bytes()[:-7])
    elif harm == "lost":
        tokens.unlink()
    else:
        elsewhere = part.parent.parent.parent / "elsewhere" / "parts" / part.name
        for path in (tokens, part):
            elsewhere.with_name(path.name).write_bytes(path.read_bytes())
        part = elsewhere
    assert read_manifest(part) is None
    assert "set aside" in capsys.readouterr().err
    assert num_damaged(part.parent.parent) == 1
    assert not part.exists()


def test_a_store_that_refuses_is_told_in_a_sentence(bucket):
    with pytest.raises(AuditError, match=r"s3://nowhere/a/part.json cannot be written: "):
        write_whole(on_store("s3://nowhere/a/part.json"), b"x")


@pytest.mark.parametrize("name", ["reviews.csv", "reviews.jsonl", "reviews.parquet", "files", "saved"])
def test_a_dataset_is_the_same_by_url_and_by_path(bucket, tmp_path, name):
    local = tmp_path / name
    columns = {
        "text": ["a, fine\nfilm", "dull", "caf\u00e9", ""],
        "label": ["positive", "negative", "positive", "negative"],
    }
    if name == "reviews.csv":
        local.write_text(
            'text,label\n"a, fine\nfilm",positive\ndull,negative\ncaf\u00e9,positive\n"",negative\n', "utf-8"
        )
    elif name == "reviews.jsonl":
        lines = [json.dumps(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
        local.write_text("\n".join(lines), "utf-8")
    elif name == "reviews.parquet":
        pq.write_table(pa.table(columns), local)
    elif name == "files":
        pq.write_to_dataset(pa.table({**columns, "part": ["a", "a", "b", "b"]}), local, partition_cols=["part"])
    else:
        datasets.Dataset.from_dict(columns).save_to_disk(local)
    for path in [local] if local.is_file() else local.rglob("*"):
        if path.is_file():
            on_store(f"{bucket}/data/{path.relative_to(tmp_path)}").write_bytes(path.read_bytes())
    here, there = (DataConfig.model_validate({"path": path}) for path in (str(local), f"{bucket}/data/{name}"))
    labels = ["negative", "positive"]
    rows = list(read_rows(there, {}, labels))
    assert [(row.text, row.label) for row in rows[:3]] == [("a, fine\nfilm", 1), ("dull", 0), ("caf\u00e9", 1)]
    assert rows == list(read_rows(here, {}, labels))
    assert dataset_fingerprint(there) == dataset_fingerprint(here)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://audits/nothing.csv", "there is no file or folder s3://audits/nothing.csv."),
        ("s3://nowhere/nothing.csv", "there is no file or folder s3://nowhere/nothing.csv."),
    ],
)
def test_a_dataset_that_is_not_there_is_told_in_a_sentence(bucket, url, said):
    with pytest.raises(DataError, match=re.escape(said)):
        dataset_fingerprint(DataConfig.model_validate({"path": url}))


@pytest.mark.slow
def test_a_store_without_keys_is_told_in_a_sentence(bucket, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    code = """
from configs.errors import AuditError
from configs.schema import DataConfig
from tasks.data.sources import dataset_fingerprint
try:
    dataset_fingerprint(DataConfig.model_validate({"path": "s3://audits/reviews.csv"}))
except AuditError as error:
    print(error)
"""
    # An address where nobody listens: without keys none is asked.
    environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert re.fullmatch(r"data.path: s3://audits/reviews.csv cannot be reached \(.*credentials.*\)\.\n", done.stdout), (
        done.stdout + done.stderr
    )


@pytest.mark.parametrize(
    ("url", "said"),
    [("s4://audits/x.csv", r"cannot be reached \(.*s4"), ("gs://audits/x.csv", "gcsfs")],
)
def test_a_url_that_nothing_installed_can_read_is_a_wrong_setting(url, said):
    with pytest.raises(ValueError, match=said):
        DataConfig.model_validate({"path": url})


@pytest.mark.server
@pytest.mark.ray
def test_an_audit_whose_store_goes_away_loses_nothing_and_ends_as_on_a_disk(bucket, new_world, tmp_path, monkeypatch):
    """Dataset and parts on the store, which goes in mid-attribution and comes back; two workers finish.

    Beside it an audit in this process that keeps everything in a folder.
    """
    reviews = ROOT / "warehouse/seeds/movie_reviews.parquet"
    on_store(f"{bucket}/movie_reviews.parquet").write_bytes(reviews.read_bytes())
    rows = {"where": {"split": "test"}, "sample": 300}
    disk = new_world(tmp_path / "disk", data={"path": str(reviews), **rows})
    done = disk.run()
    assert done.returncode == 0, done.stderr

    # Of moto's servers in a process, each serves what all were given: a bucket outlives them.
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    store = fsspec.filesystem("s3", endpoint_url=f"http://{host}:{port}", skip_instance_cache=True)
    data = {"path": f"{bucket}/movie_reviews.parquet", **rows}
    world = new_world(tmp_path / "store", storage=f"{bucket}/audits", data=data)
    stages = world.watched()
    next(stage for stage in stages.stages() if stage == "attribute_shards")
    while not (finished := [name for name in store.find("audits") if re.search(r"/parts/part-\d+\.json$", name)]):
        time.sleep(0.2)
        store.invalidate_cache()
    written = {name: store.modified(name) for name in finished}
    server.stop()
    _, errors = stages.process.communicate(timeout=120)
    os.close(stages.pipe)
    assert stages.process.returncode == 1, errors
    assert "Traceback" not in errors
    assert re.search(
        rf"token-audit: {bucket}/audits/\S+ (is out of reach|cannot be written): .+ Finished parts are kept", errors
    ), errors

    monkeypatch.setenv("TOKEN_AUDIT_WORKERS", "2")
    back = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    back.start()
    try:
        done = world.run()
        assert done.returncode == 0, done.stderr
        store.invalidate_cache()
        assert {name: store.modified(name) for name in finished} == written
        kept = [str(path) for path in on_store(f"{bucket}/audits").rglob("*.json")]
    finally:
        back.stop()
    here, there = (
        {name.split(".")[1]: content for name, content in each._tables().items() if name.startswith("chaos_")}
        for each in (disk, world)
    )
    assert here.keys() == there.keys() > {"word_importance", "verdicts", "trials"}
    assert [name for name in here if here[name] != there[name]] == []
    assert any("/parts/part-00000" in path for path in kept)
    assert any("/trials/part-00001" in path for path in kept)
    (run,) = (tmp_path / "store/made/runs").iterdir()
    assert (run / "report.html").is_file()
    assert not list(run.rglob("part-*"))


def test_a_store_that_is_away_while_tables_are_made_is_told_in_a_sentence(tmp_path, monkeypatch):
    # Nobody listens there. The client is cached by its arguments, not by the environment it read.
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    store = fsspec.get_filesystem_class("s3")
    store.clear_instance_cache()
    try:
        with (
            pytest.raises(WarehouseError, match=r"cannot read the parts: .*[Cc]onnect.* left as they were"),
            open_warehouse(tmp_path / "audits.duckdb") as warehouse,
        ):
            warehouse.rows("aggregate/rejects", {"reject_parts": ["s3://audits/rejects.rows.parquet"]})
    finally:
        store.clear_instance_cache()
