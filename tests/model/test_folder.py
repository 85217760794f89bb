"""Folders that are refused before anything in them is loaded: what could run code, and weights that nobody would read."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from packaging.version import Version
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from configs.errors import ModelError
from tasks.finetune import obtain_classifier
from tasks.model.load import load_classifier
from tasks.model.spec import model_fingerprint, model_spec
from tests.benchmarks.floors import FLOORS
from tests.model.families import changed
from tests.model.trained import config_of

HOSTILE = {
    "auto_map": {
        "AutoModelForSequenceClassification": "modeling.Evil",
        "AutoTokenizer": "evil/repo--tokenization.Evil",
    },
    "trust_remote_code": True,
    "_attn_implementation_internal": "evil/kernel",
    "_experts_implementation_internal": "evil/kernel",
    "attn_implementation": "evil/kernel",
    "_attn_implementation": {"": "eager", "text_config": "paged|evil/kernel@main:run"},
    "experts_implementation": ["evil/kernel"],
}
DEPTHS = {
    "at the top": lambda inner: inner,
    "in a part of the model": lambda inner: {"text_config": inner},
    "in lists of lists": lambda inner: {"layers": [[{"more": [inner]}]]},
}


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "adapter_config.json"])
@pytest.mark.parametrize("key", HOSTILE)
@pytest.mark.parametrize("depth", DEPTHS)
def test_a_key_that_would_run_code_is_refused(tmp_path, file, key, depth):
    (tmp_path / file).write_text(json.dumps(DEPTHS[depth]({key: HOSTILE[key]})))
    with pytest.raises(ModelError) as caught:
        model_fingerprint(tmp_path)
    assert f"needs Python code of its own ({key} in {file}), which is refused." in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_same_keys_are_harmless_where_they_ask_for_nothing(folder_of, tmp_path):
    nothing = {"auto_map": {}, "trust_remote_code": False, "_attn_implementation_internal": None, "attn_implementation": "eager"}  # fmt: skip
    assert load_classifier(model_spec(changed(folder_of, tmp_path, nothing), 64))


@pytest.mark.parametrize(("depth", "sentence"), [(150, r"auto_map in config\.json"), (9000, "too many levels inside")])
def test_no_key_is_so_deep_that_it_is_not_found(tmp_path, depth, sentence):
    (tmp_path / "config.json").write_text('{"a": [' * depth + json.dumps({"auto_map": {"A": "b.C"}}) + "]}" * depth)
    with pytest.raises(ModelError, match=sentence):
        model_fingerprint(tmp_path)


@pytest.mark.parametrize("network", ["auto", "bilstm", "frozen_dense"])
def test_an_encoder_to_fine_tune_is_held_to_the_same(base, tmp_path, network):
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": ["evil.Evil", None]}}))
    with pytest.raises(ModelError, match=r"auto_map in tokenizer_config\.json"):
        obtain_classifier.fn(config_of(tmp_path, folder, network))


def test_the_folder_of_a_factory_is_held_to_the_same(trained, tmp_path):
    spec = trained("bert_relu")
    folder = tmp_path / "model"
    shutil.copytree(spec.folder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "encoder": {**config["encoder"], "_attn_implementation": "evil/kernel"}}))  # fmt: skip
    with pytest.raises(ModelError, match=r"_attn_implementation in config\.json"):
        model_spec(folder, 64, factory=spec.factory)


def test_a_chat_template_writes_no_file_outside_its_folder(base, tmp_path):
    """CVE-2026-9856: `save_pretrained` named a file by a key of the chat template."""
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    templates = [{"name": "../../../escaped", "template": "x"}, {"name": "default", "template": "y"}]
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": templates}))
    obtain_classifier.fn(config_of(tmp_path, folder, "auto", finetune={"epochs": 1}))
    assert [*tmp_path.rglob("*escaped*"), *tmp_path.parent.glob("*escaped*")] == []


def test_no_version_with_a_known_hole_can_be_installed(project):
    required = [Requirement(line) for group in project.values() for line in group]
    found = {name: [one.specifier for one in required if one.name == name] for name in FLOORS}
    for name, floor in FLOORS.items():
        assert found[name], name
        for specifier in found[name]:
            lowest = max(Version(one.version) for one in specifier if one.operator in (">=", "=="))
            assert lowest >= Version(floor), f"{name}{specifier}"


@pytest.fixture
def project():
    """The dependencies of the package and of its extras."""
    content = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": content["dependencies"], **content["optional-dependencies"]}


# ---------------------------------------------------------------- weights that would not be read


def test_an_adapter_beside_the_weights_is_refused_with_the_call_that_merges_it(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "base"}))
    save_file({"base_model.model.bert.pooler.dense.lora_A.weight": torch.ones(4, 16)}, folder / "adapter_model.safetensors")  # fmt: skip
    with pytest.raises(ModelError) as caught:
        model_spec(folder, 64)
    assert "holds an adapter (adapter_config.json), which would not be read." in str(caught.value)
    assert f"AutoPeftModelForSequenceClassification.from_pretrained({str(folder)!r}, num_labels=...).merge_and_unload()" in str(caught.value)  # fmt: skip


def test_a_folder_of_an_adapter_alone_is_refused_with_the_same_sentence(tmp_path):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    (tmp_path / "adapter_model.bin").touch()
    with pytest.raises(ModelError, match="holds an adapter"):
        model_spec(tmp_path, 64)


def test_an_adapter_beside_an_encoder_to_fine_tune_is_refused(base, tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="holds an adapter"):
        obtain_classifier.fn(config_of(tmp_path, folder, "auto"))


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "model.fp16.safetensors", "model-00001-of-00002.safetensors"])  # fmt: skip
def test_a_second_file_of_weights_is_refused(folder_of, tmp_path, name):
    folder = changed(folder_of, tmp_path)
    save_file({"x": torch.ones(2)}, folder / name)
    with pytest.raises(ModelError, match=rf"weights that would not be read: {name} beside model\.safetensors\. Move"):
        model_spec(folder, 64)
    (folder / name).unlink()
    assert load_classifier(model_spec(folder, 64))


def test_weights_in_several_files_are_all_read_and_one_more_is_refused(folder_of, tmp_path):
    folder = tmp_path / "model"
    AutoModelForSequenceClassification.from_pretrained(folder_of("bert")).save_pretrained(folder, max_shard_size="4KB")
    AutoTokenizer.from_pretrained(folder_of("bert")).save_pretrained(folder)
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert load_classifier(model_spec(folder, 64))
    save_file({"x": torch.ones(2)}, folder / "model-00099-of-00099.safetensors")
    with pytest.raises(ModelError, match="weights that would not be read: model-00099-of-00099"):
        model_spec(folder, 64)
