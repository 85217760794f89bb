"""What the documents name is there, and what there is to know stands in them."""

import re
from pathlib import Path

import pytest
import yaml

from configs.load import commented_yaml, load_config, sections, settings
from flows.cli import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "DECISIONS.md", "SCALE.md", "tests/benchmarks/README.md")
MOST_LINES = 130
PLACES = ("", "tests/benchmarks", "tests/benchmarks/results", "warehouse/seeds", "warehouse/verify", "configs")
"""Where a file may be that a document names without its folder."""
MADE = {"report.json", "my.yaml"}
"""Files that an audit or its reader makes."""
ENDINGS = r"\.(?:py|sql|md|yaml|yml|toml|csv|json|jsonl|parquet|jinja|css|js|png|txt)"


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def quoted(text):
    """What stands in backticks on one line or across the end of one, outside blocks of code."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(found.split()) for found in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose)]


def paths_of(text):
    """Names of files and folders in backticks. Patterns (*, <>, NAME) and addresses are none."""
    for word in quoted(text):
        if re.search(r"[*<>{}() ]|://|[A-Z]{4}", word.replace("README", "").replace("CHANGELOG", "")):
            continue
        if re.fullmatch(rf"[\w./-]+{ENDINGS}", word) or re.fullmatch(r"[\w.-]+(?:/[\w.-]+)*/", word):
            yield word


def code_blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(name), re.MULTILINE | re.DOTALL)


def commands():
    return [command.name or command.callback.__name__ for command in app.registered_commands]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document):
    named = set(paths_of(text_of(document)))
    assert named
    assert [path for path in named if path not in MADE and not any((ROOT / at / path).exists() for at in PLACES)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_leads_to_a_file(document):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text_of(document))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (ROOT / document).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_target_of_make_that_a_document_names_is_one(document):
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    code = "\n".join([*quoted(text_of(document)), *code_blocks(document, "bash")])
    assert [target for target in re.findall(r"^make ([a-z-]+)", code, re.MULTILINE) if target not in targets] == []


def test_every_command_stands_in_the_readme():
    assert len(commands()) >= 8
    assert [name for name in commands() if f"token-audit {name}" not in text_of("README.md")] == []


def test_every_section_of_the_settings_stands_in_the_file_to_start_from():
    written = text_of("README.md") + text_of("configs/local_csv.yaml") + commented_yaml()
    assert [name for name in sections() if not re.search(rf"^\s*#?{name}:", written, re.MULTILINE)] == []


def test_every_setting_in_the_text_of_a_document_is_one():
    """In backticks, such as `limits.memory_limit`. DECISIONS tells of settings that are gone."""
    keys = {row["key"] for row in settings()}
    names = "|".join(sections())
    for document in DOCUMENTS:
        named = {word for word in quoted(text_of(document)) if re.fullmatch(rf"(?:{names})\.[a-z_]+", word)}
        files = {word for word in named if re.search(rf"{ENDINGS}$", word)}
        assert named - files - keys == set() or document == "DECISIONS.md"


def test_the_readme_is_short():
    assert len(text_of("README.md").splitlines()) <= MOST_LINES


def test_the_configs_in_the_readme_load(tmp_path):
    examples = code_blocks("README.md", "yaml")
    assert examples
    for example in examples:
        path = tmp_path / "my.yaml"
        path.write_text(example, encoding="utf-8")
        assert load_config(path).name


def test_the_settings_in_the_other_documents_load(tmp_path):
    """They are parts of a config: with the data and the model of one, they are one."""
    for document in DOCUMENTS[1:]:
        for example in code_blocks(document, "yaml"):
            path = tmp_path / "part.yaml"
            whole = {"data": {"path": "x.csv"}, "model": {"path": "m"}, **yaml.safe_load(example)}
            path.write_text(yaml.safe_dump(whole), encoding="utf-8")
            assert load_config(path)


def test_the_configs_in_the_readme_and_its_commands_are_there():
    named = re.findall(r"\bconfigs/\w+\.yaml", text_of("README.md"))
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
