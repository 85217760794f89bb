"""Files that are whole if they exist: what a crash, a bad disk or a careless copy leaves is never read."""

import errno
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import AuditError
from tasks.runtime import parts
from tasks.runtime.parts import num_damaged, part_file, read_manifest, remove_unfinished, write_part, write_whole

FACTS = {"shard": "abc", "num": 3}


@pytest.fixture
def part(tmp_path):
    """The manifest of a part with two tables."""
    manifest = tmp_path / "run_1" / "parts" / "part-00000.json"
    tables = {"tokens": pa.table({"score": pa.array([0.5, -1.5], pa.float32())}), "examples": pa.table({"id": [1, 2]})}
    write_part(manifest, tables, FACTS)
    return manifest


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_whole_part_is_read_as_it_was_written(part):
    assert read_manifest(part) == FACTS
    assert pq.read_table(part_file(part, "tokens")).to_pydict() == {"score": [0.5, -1.5]}
    assert names(part.parent) == ["part-00000.examples.parquet", "part-00000.json", "part-00000.tokens.parquet"]


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["part-00000.json", "part-00000.tokens.parquet", "part-00000.examples.parquet"])
@pytest.mark.parametrize("harm", [cut, flip, lambda path: path.write_bytes(b""), Path.unlink], ids=["cut", "flipped", "emptied", "lost"])  # fmt: skip
def test_a_damaged_part_is_set_aside_and_counted(part, capsys, name, harm):
    before = names(part.parent)
    harm(part.with_name(name))
    if name == part.name and not part.exists():
        # Without a manifest it is one that was never finished.
        assert read_manifest(part) is None
        assert num_damaged(part.parent.parent) == 0
        return
    assert read_manifest(part) is None
    left = [known for known in before if part.with_name(f"{known}.damaged").exists()]
    assert names(part.parent) == [f"{known}.damaged" for known in left]
    assert set(before) - set(left) <= {name}
    assert num_damaged(part.parent.parent) == 1
    assert capsys.readouterr().err == f"damaged\t{part}\tset aside as part-00000.json.damaged, made anew\n"
    assert read_manifest(part) is None  # and it stays so
    assert capsys.readouterr().err == ""


def test_a_part_of_another_run_is_never_picked_up(part, tmp_path):
    other = tmp_path / "run_2" / "parts"
    shutil.copytree(part.parent, other)
    assert read_manifest(other / part.name) is None
    assert num_damaged(tmp_path / "run_2") == 1
    assert read_manifest(part) == FACTS


def test_the_folder_of_all_runs_can_be_moved(part, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    part.parent.parent.rename(tmp_path / "elsewhere" / "run_1")
    assert read_manifest(tmp_path / "elsewhere" / "run_1" / "parts" / part.name) == FACTS


def test_a_part_that_is_replaced_counts_as_unfinished_from_the_first_new_file_on(part, monkeypatch):
    written = []

    def crash(path, content):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        write_whole(path, content)

    monkeypatch.setattr(parts, "write_whole", crash)
    with pytest.raises(KeyboardInterrupt):
        write_part(part, {"tokens": pa.table({"score": [9.0]}), "examples": pa.table({"id": [9]})}, FACTS)
    assert read_manifest(part) is None
    assert num_damaged(part.parent.parent) == 0


def test_what_a_killed_process_left_half_written_is_removed(part):
    stale = part.with_name(".part-00001.json.4711.tmp")
    stale.write_bytes(b"half")
    remove_unfinished(part.parent.parent)
    assert not stale.exists()
    assert read_manifest(part) == FACTS


def test_a_full_disk_is_a_sentence_and_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    write_whole(path, b"old")
    write_part(tmp_path / "elsewhere" / "part.json", {}, {})

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AuditError) as caught:
        write_whole(path, b"new")
    assert str(caught.value) == (
        f"{path} cannot be written: No space left on device. Finished parts are kept; mend that, and the same command goes on from here."
    )
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["elsewhere", "report.html"]


def test_a_path_that_is_no_folder_is_a_sentence(tmp_path):
    (tmp_path / "runs").write_bytes(b"")
    with pytest.raises(AuditError, match=r"runs/report\.html cannot be written: (Not a directory|File exists)\."):
        write_whole(tmp_path / "runs" / "report.html", b"new")
