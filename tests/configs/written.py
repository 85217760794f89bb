"""Configs as users write them."""

from configs.load import load_config

MINIMAL = "data: {path: x.csv}\nmodel: {path: m}\n"


def config_of(tmp_path, text, *overrides):
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, overrides)
