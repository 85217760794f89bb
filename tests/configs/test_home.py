"""A path that begins with ~ is one in the home folder, wherever it is written."""

from pathlib import Path

import pytest

from configs.errors import ConfigError
from tests.configs.written import config_of

HOME = """
data: {path: ~/d.csv}
model: {path: ~/m, base: ~/encoder}
warehouse: ~/w.duckdb
output: "~"
storage: ~/parts
models: ~/models
waivers: ~/waivers.yaml
limits: {temp_directory: ~/spill}
"""


def test_every_path_of_a_config_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    config = config_of(tmp_path, HOME, "compare.path=~/other.csv")
    assert config.data.path == Path("/home/ada/d.csv")
    assert config.compare.path == Path("/home/ada/other.csv")
    assert (config.model.path, config.model.base) == (Path("/home/ada/m"), "/home/ada/encoder")
    assert (config.warehouse, config.output) == (Path("/home/ada/w.duckdb"), Path("/home/ada"))
    assert (config.storage, config.models) == (Path("/home/ada/parts"), Path("/home/ada/models"))
    assert (config.waivers, config.limits.temp_directory) == (
        Path("/home/ada/waivers.yaml"),
        Path("/home/ada/spill"),
    )


def test_the_encoder_to_train_may_be_in_the_home_folder_and_a_package_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    text = "data: {path: x.csv}\nfinetune: {held_out: 0.2}\n"
    assert config_of(tmp_path, text, "finetune.base=~/minilm").finetune.base == "/home/ada/minilm"
    assert config_of(tmp_path, text, "finetune.base=package:~x").finetune.base == "package:~x"


def test_the_home_folder_of_nobody_is_a_sentence(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"`data\.path` begins with the home folder of nobody who is known here, got '~nobody-here/d\.csv'\.",
    ):
        config_of(tmp_path, "data: {path: ~nobody-here/d.csv}\nmodel: {path: m}\n")
