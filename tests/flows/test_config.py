"""`token-audit config`: what there is to set, and a file to start from."""

import re
import signal

import pytest
from typer.testing import CliRunner

from configs.load import load_config, settings
from configs.schema import BASIC, AuditConfig
from flows.cli import app

MOST_SETTINGS = 90
"""75 in version 0.2; verdicts, and data in other languages and formats, may add five each."""
KEYS = [row["key"] for row in settings()]


@pytest.fixture
def config():
    """A function that runs the command with these words."""
    before = signal.getsignal(signal.SIGTERM)
    yield lambda *words: CliRunner().invoke(app, ["config", *words])
    signal.signal(signal.SIGTERM, before)


def listed(result):
    """The keys of a list, which has a header."""
    assert result.exit_code == 0, result.stderr
    header, *lines = result.stdout.splitlines()
    assert header.split("\t") == ["setting", "type", "unit", "default", "meaning"]
    return [line.split("\t")[0] for line in lines]


def test_there_are_not_more_settings_than_people_can_read(config):
    result = config("--count")
    assert result.stdout == f"settings\t{len(KEYS)}\n"
    assert len(KEYS) <= MOST_SETTINGS


def test_the_list_is_of_about_twenty_basic_settings_and_says_where_the_others_are(config):
    result = config()
    assert set(listed(result)) == set(BASIC)
    assert 15 <= len(BASIC) <= 25
    assert set(BASIC) <= set(KEYS)
    for section in {key.partition(".")[0] for key in KEYS if "." in key}:
        left = [key for key in KEYS if key.startswith(f"{section}.") and key not in BASIC]
        assert f"{section}\t{len(left)} more: token-audit config {section}\t" in result.stderr


def test_all_lists_every_setting_and_a_section_lists_its_own(config):
    result = config("--all")
    assert listed(result) == KEYS
    assert result.stderr == ""
    assert listed(config("screening")) == [key for key in KEYS if key.startswith("screening.")]
    assert config("screening", "--count").stdout == "settings\t4\n"


def test_an_unknown_section_is_one_sentence_and_bad_usage(config):
    result = config("flagging")
    assert result.exit_code == 2
    assert result.stdout == ""
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith("flagging is no section of the settings. Sections: data, model, ")


def test_the_yaml_file_loads_as_it_is_written(config, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(config("--yaml").stdout, encoding="utf-8")
    assert load_config(path) == AuditConfig.model_validate(
        {"name": "my-audit", "data": {"path": "reviews.csv"}, "model": {"path": "checkpoints/my-classifier"}}
    )


def test_the_yaml_file_holds_every_default(config, tmp_path):
    """Every line `#name: value` is uncommented, but for the section `finetune`, which goes with no `model.path`."""
    written, uncommented, section = config("--yaml").stdout, [], ""
    for line in written.splitlines():
        found = re.match(r"(\s*)#?(\w+):(?= |$)", line)
        if found and not found[1]:
            section = found[2]
        uncommented.append(line if section == "finetune" else re.sub(r"^(\s*)#(\w+:)(?= |$)", r"\1\2", line))
    path, plain = tmp_path / "all.yaml", tmp_path / "mine.yaml"
    path.write_text("\n".join(uncommented), encoding="utf-8")
    plain.write_text(written, encoding="utf-8")
    assert load_config(path) == load_config(plain)
    names = [found[1] for line in uncommented if (found := re.match(r"\s*#?(\w+):(?= |$)", line))]
    sections = list(dict.fromkeys(key.partition(".")[0] for key in KEYS if "." in key))
    assert sorted(names) == sorted([*(key.rpartition(".")[2] for key in KEYS), *sections])
