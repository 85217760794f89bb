"""What a model is known by."""

import json
import pickle
import shutil
from dataclasses import replace

import pytest

from configs.errors import ModelError
from configs.schema import AuditConfig
from tasks.model import spec
from tasks.model.spec import ModelSpec, content_hashes, model_spec, resolve_model
from tasks.runs.identity import name_run


def test_every_setting_of_the_model_reaches_its_spec(folder_of):
    config = AuditConfig(
        data={"path": "d.csv"},
        model={
            "path": folder_of("bert"), "max_tokens": 48, "labels": ["x", "y", "z"], "head": "multi_label", "long_texts": "windows",
            "pad_to": 32,
        },
    )  # fmt: skip
    spec = resolve_model(config)
    assert (spec.folder, spec.max_tokens, spec.labels, spec.head, spec.factory, spec.long_texts, spec.pad_to) == (
        folder_of("bert"), 48, ("x", "y", "z"), "multi_label", None, "windows", 32,
    )  # fmt: skip
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_run_is_named_by_how_the_model_reads_and_cuts_words_and_by_the_second_text(folder_of, tmp_path, monkeypatch):
    (tmp_path / "d.csv").write_text("text,second,label\na,b,LABEL_0\n")
    spec = model_spec(folder_of("bert"), 64)
    config = AuditConfig(data={"path": tmp_path / "d.csv"}, model={"path": spec.folder})
    changes = [
        {"max_tokens": 63}, {"labels": ("x", "y", "z")}, {"head": "multi_label"}, {"factory": "m:f"}, {"long_texts": "windows"},
        {"pad_to": 64}, {"fingerprint": "x"},
    ]  # fmt: skip
    pairs = config.model_copy(update={"data": config.data.model_copy(update={"pair": "second"})})
    names = [name_run(config, replace(spec, **change)).run_id for change in [{}, *changes]]
    names.append(name_run(pairs, spec).run_id)
    with monkeypatch.context() as patch:
        patch.setattr("tasks.runs.identity.segmenter", lambda: "another dictionary")
        names.append(name_run(config, spec).run_id)
    assert len(set(names)) == len(names)
    # The language is one of the tables, and computes no attribution again.
    named = config.model_copy(update={"data": config.data.model_copy(update={"language": ("ru",)})})
    assert name_run(config, spec).run_id == name_run(named, spec).run_id == names[0]


def test_a_spec_needs_no_more_than_a_folder_and_a_length(folder_of):
    assert model_spec(folder_of("bert"), 64) == ModelSpec(
        folder_of("bert"), 64, model_spec(folder_of("bert"), 64).fingerprint, ("LABEL_0", "LABEL_1", "LABEL_2")
    )


def test_numbers_of_labels_may_be_written_as_text(folder_of, tmp_path):
    shutil.copytree(folder_of("bert"), tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    names = {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": "0", "b": "1", "c": "2"}}
    path.write_text(json.dumps({**json.loads(path.read_text()), **names}))
    assert model_spec(tmp_path / "model", 64).labels == ("a", "b", "c")
    names["label2id"] = {"a": "1", "b": "0", "c": "2"}
    path.write_text(json.dumps({**json.loads(path.read_text()), **names}))
    with pytest.raises(ModelError, match="id2label calls output 0 'a', label2id says it is output 1"):
        model_spec(tmp_path / "model", 64)


def test_weights_and_tokenizer_have_hashes_of_their_own(folder_of, tmp_path):
    """By which a comparison of two runs says which of them has changed."""
    (tmp_path / "d.csv").write_text("text,label\na,LABEL_0\n")

    def inputs(folder):
        config = AuditConfig(data={"path": tmp_path / "d.csv"}, model={"path": folder})
        found = name_run(config, model_spec(folder, 64)).inputs
        return found["weights"], found["tokenizer"]

    before = inputs(folder_of("bert"))
    for name, changed in (("tokenizer_config.json", 1), ("config.json", 0)):
        folder = tmp_path / name
        shutil.copytree(folder_of("bert"), folder)
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | {"a_new_key": 1}))
        after = inputs(folder)
        assert (after[changed] != before[changed], after[1 - changed] != before[1 - changed]) == (True, False)


def test_a_file_is_read_once_for_the_fingerprint_and_the_name_of_a_run_and_again_once_it_has_changed(
    tmp_path, monkeypatch
):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"one")
    read = []
    monkeypatch.setattr(spec, "file_hash", lambda path: read.append(path.name) or str(path.read_bytes()))
    monkeypatch.setattr(spec, "require_model_folder", lambda folder, factory: sorted(folder.iterdir()))
    first = content_hashes(tmp_path)
    assert content_hashes(tmp_path) == first
    assert read == ["config.json", "model.safetensors"]
    (tmp_path / "model.safetensors").write_bytes(b"other")
    assert content_hashes(tmp_path)["model.safetensors"] != first["model.safetensors"]
    assert content_hashes(tmp_path)["config.json"] == first["config.json"]
