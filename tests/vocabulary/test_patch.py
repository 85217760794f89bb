"""A patch goes into one checkpoint only, writes over nothing, and leaves nothing half-written."""

import json
import os
import shutil
import subprocess

import pytest
import torch
from safetensors.torch import load_file, save_file

from configs.errors import ModelError
from flows.vocabulary_files import apply_vocabulary, undo_vocabulary
from tasks.model.pretrained import load_tokenizer
from tasks.runtime.parts import file_hash
from tasks.vocabulary import checkpoint as checkpoints
from tasks.vocabulary.checkpoint import apply_patch, removed
from tasks.vocabulary.extend import extended
from tasks.vocabulary.patch import read_patch, write_patch
from tasks.vocabulary.rows import load_any, mean_rows
from tests.vocabulary.families import WORDS, saved


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("source") / "model", "bert cased")


@pytest.fixture(scope="module")
def stored(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("patch")
    extension = extended(source, WORDS)
    write_patch(folder / "words.json", source, extension, mean_rows(load_any(source), extension), "mean", {"flips": 0})
    return folder


@pytest.fixture
def patch(stored, tmp_path):
    shutil.copytree(stored, tmp_path / "patch")
    return tmp_path / "patch" / "words.json"


def changed(patch, **values):
    patch.write_text(json.dumps({**json.loads(patch.read_text()), **values}))


def refused(run, folder):
    """The sentence of the refusal; nothing is left beside what was there."""
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(ModelError) as caught:
        run()
    assert sorted(path.name for path in folder.iterdir()) == before
    assert str(caught.value).endswith(".")
    return str(caught.value)


def test_a_patch_says_which_words_where_their_rows_come_from_and_for_which_checkpoint(patch, source):
    read = read_patch(patch)
    assert [one.word for one in read.words] == list(WORDS)
    assert (read.how, read.method, read.facts, read.embeddings) == ("model", "mean", {"flips": 0}, read.words[0].new_id)
    torch.testing.assert_close(read.rows_WD, mean_rows(load_any(source), extended(source, WORDS)))


def test_another_checkpoint_is_refused(patch, tmp_path):
    other = saved(tmp_path / "other", "bert uncased")
    assert "for another checkpoint" in refused(lambda: apply_patch(patch, other, tmp_path / "new"), tmp_path)


def test_a_target_that_exists_or_lies_in_the_source_is_refused(patch, source, tmp_path):
    (tmp_path / "new").mkdir()
    assert "exists" in refused(lambda: apply_patch(patch, source, tmp_path / "new"), tmp_path)
    assert "exists" in refused(lambda: apply_patch(patch, source, source), tmp_path)
    assert "lies in" in refused(lambda: apply_patch(patch, source, source / "new"), source)


def test_a_patch_that_was_changed_by_hand_is_refused(patch, source, tmp_path):
    words = json.loads(patch.read_text())["words"]
    changed(patch, words=[{**words[0], "new_id": 7}, *words[1:]])
    assert "changed by hand" in refused(lambda: apply_patch(patch, source, tmp_path / "new"), tmp_path)
    changed(patch, words=words[:1])
    assert "names 1 words" in refused(lambda: apply_patch(patch, source, tmp_path / "new"), tmp_path)
    changed(patch, words=words, how="magic")
    assert "no patch" in refused(lambda: apply_patch(patch, source, tmp_path / "new"), tmp_path)


def test_words_or_rows_that_no_review_writes_are_refused(patch, source, tmp_path):
    content, beside = json.loads(patch.read_text()), patch.with_suffix(".safetensors")
    tensors = load_file(beside)

    def said(words, rows, embeddings=content["source"]["embeddings"]):
        save_file({**tensors, "rows": rows.contiguous()}, beside)
        hashed = content["rows"] | {"sha256": file_hash(beside)}
        changed(patch, words=words, rows=hashed, source=content["source"] | {"embeddings": embeddings})
        return refused(lambda: apply_patch(patch, source, tmp_path / "new"), tmp_path)

    words, rows = content["words"], tensors["rows"]
    assert "no patch" in said([{**words[0], "word": 5}, *words[1:]], rows)
    assert "no patch" in said([], rows[:0])
    assert "has other rows" in said(words, rows[:, 0])
    assert "changed by hand" in said(words, rows[:, :5])
    # It would be applied, and could not be undone.
    assert "changed by hand" in said(words, rows, embeddings=7)
    beside.write_bytes(b"none")
    changed(patch, rows=content["rows"] | {"sha256": file_hash(beside)})
    assert "holds no tensors" in refused(lambda: apply_patch(patch, source, tmp_path / "new"), tmp_path)


def test_a_second_patch_names_the_words_of_both_and_each_is_undone(patch, source, tmp_path):
    once = apply_patch(patch, source, tmp_path / "once")
    extension = extended(once, ["zyzzyva"])
    assert len(extension.added) == 1
    second = tmp_path / "second" / "words.json"
    write_patch(second, once, extension, mean_rows(load_any(once), extension), "mean")
    twice = apply_patch(second, once, tmp_path / "twice")
    # By these training knows which rows are new.
    assert set(json.loads((twice / "added_words.json").read_text())) == {*WORDS, "zyzzyva"}
    back = removed(second, twice, tmp_path / "back")
    assert (back / "added_words.json").read_bytes() == (once / "added_words.json").read_bytes()
    first = removed(patch, back, tmp_path / "first")
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {path.name: path.read_bytes() for path in source.iterdir()}  # fmt: skip


def test_tensors_that_are_not_those_of_the_patch_are_refused(patch, source, tmp_path):
    beside = patch.with_suffix(".safetensors")
    save_file({**load_file(beside), "rows": torch.zeros(3, 16)}, beside)
    assert "is not the file" in refused(lambda: apply_patch(patch, source, tmp_path / "new"), tmp_path)
    beside.unlink()
    assert "is missing" in refused(lambda: apply_patch(patch, source, tmp_path / "new"), tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": "token-audit vocabulary patch 1"}', "[" * 100_000])
def test_a_file_that_is_no_patch_is_refused(content, source, tmp_path):
    (tmp_path / "words.json").write_text(content)
    assert "no patch of a vocabulary" in refused(lambda: apply_patch(tmp_path / "words.json", source, tmp_path / "new"), tmp_path)  # fmt: skip
    assert "no patch of a vocabulary" in refused(lambda: apply_patch(tmp_path / "none.json", source, tmp_path / "new"), tmp_path)  # fmt: skip


def test_what_was_trained_since_is_not_taken_back(patch, source, tmp_path):
    target = apply_patch(patch, source, tmp_path / "new")
    weights = load_file(target / "model.safetensors")
    weights["classifier.bias"] += 1
    save_file(weights, target / "model.safetensors", {"format": "pt"})
    assert "trained or changed since" in refused(lambda: removed(patch, target, tmp_path / "old"), tmp_path)
    assert "not what the patch made" in refused(lambda: removed(patch, source, tmp_path / "old"), tmp_path)


def test_a_full_disk_leaves_nothing(patch, source, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "write_rows", full)
    assert "No space left on device" in refused(lambda: apply_patch(patch, source, tmp_path / "new"), tmp_path)


def test_what_a_killed_process_left_is_taken_away(patch, source, tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    stale, living = tmp_path / f".new.{ended.pid}", tmp_path / f".new.{os.getppid()}"
    for left in (stale, living):
        left.mkdir()
    apply_patch(patch, source, tmp_path / "new")
    assert (stale.exists(), living.exists()) == (False, True)


def test_a_tokenizer_that_transformers_would_build_otherwise_is_not_kept(patch, source, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "load_tokenizer", lambda folder: load_tokenizer(source))
    assert "another tokenizer" in refused(lambda: apply_patch(patch, source, tmp_path / "new"), tmp_path)


def test_other_files_go_with_the_checkpoint_and_old_weights_do_not(patch, source, tmp_path):
    copied = tmp_path / "source"
    shutil.copytree(source, copied)
    (copied / "1_Pooling").mkdir()
    (copied / "1_Pooling" / "config.json").write_text("{}")
    (copied / "training.json").write_text("{}")
    (copied / "pytorch_model.bin").write_bytes(b"old")
    target = apply_patch(patch, copied, tmp_path / "new")
    assert (target / "1_Pooling" / "config.json").read_text() == "{}"
    assert (target / "training.json").is_file()
    assert not (target / "pytorch_model.bin").exists()


def test_the_commands_say_what_they_wrote(patch, source, tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    assert apply_vocabulary(patch, source, new) == f"{new} is {source} with 3 more words in its vocabulary."
    assert "the same to the byte" in undo_vocabulary(patch, new, old)
    assert (old / "model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()
    assert "no folder" in refused(lambda: apply_vocabulary(patch, tmp_path / "none", tmp_path / "newer"), tmp_path)


def test_no_words_make_no_patch(source, tmp_path):
    extension = extended(source, ["a film"])
    assert "No word can be added" in refused(lambda: write_patch(tmp_path / "p.json", source, extension, torch.zeros(0, 16), "mean"), tmp_path)  # fmt: skip


def test_a_head_that_predicts_words_in_the_file_is_refused(source, tmp_path):
    copied = tmp_path / "source"
    shutil.copytree(source, copied)
    weights = load_file(copied / "model.safetensors")
    weights["cls.predictions.bias"] = torch.zeros(3)
    save_file(weights, copied / "model.safetensors", {"format": "pt"})
    extension = extended(copied, WORDS)
    rows = mean_rows(load_any(copied), extension)
    assert "cls.predictions.bias" in refused(lambda: write_patch(tmp_path / "p.json", copied, extension, rows, "mean"), tmp_path)  # fmt: skip
