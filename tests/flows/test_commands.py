"""What the commands share: groups, help, versions, names of runs and words, and what is removed."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from itertools import pairwise

import pytest
from filelock import FileLock
from typer.main import get_command
from typer.testing import CliRunner

from configs.errors import ConfigError
from flows.cli import app
from flows.command.options import unwrapped
from flows.facts import age, next_command
from flows.runs import near
from tests.flows.test_latest import enter
from warehouse import PUBLIC, open_warehouse

GROUPS = {
    "Audit": ["run", "explain", "certify", "fix", "finetune", "vocabulary"],
    "Compare": ["compare", "gate"],
    "Read": ["show", "report", "open", "runs", "rm", "prune", "export"],
    "Set up": ["init", "check", "config", "labels"],
}


def called(*words, width=80, **options):
    return CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": str(width), "TERM": "dumb"}, **options)


def test_every_command_is_in_one_of_four_groups():
    shown, group = {}, None
    for line in called("--help").stdout.splitlines():
        if title := re.match(r"╭─ (.*?) ─", line):
            group = title[1]
        elif entry := re.match(r"│ ([a-z]+) ", line):
            shown.setdefault(group, []).append(entry[1])
    assert shown == GROUPS


def commands():
    for name, command in get_command(app).commands.items():
        yield name, command
        yield from ((f"{name} {sub}", each) for sub, each in getattr(command, "commands", {}).items())


@pytest.mark.parametrize(("name", "command"), [pytest.param(*pair, id=pair[0]) for pair in commands()])
def test_the_help_of_every_command_ends_with_an_example(name, command):
    last = re.sub(r"\[/?bold\]", "", command.help.split("\n\n")[-1])
    assert last.startswith("Example: token-audit ")


@pytest.mark.parametrize(("name", "command"), [pytest.param(*pair, id=pair[0]) for pair in commands()])
def test_the_usage_of_a_command_names_what_it_takes_in_capitals_and_one_pair_of_brackets(name, command):
    usage = next(line for line in called(*name.split(), "--help", width=200).stdout.splitlines() if "Usage:" in line)
    taken = usage.partition("[OPTIONS]")[2].split()
    assert [word for word in taken if not re.fullmatch(r"\{[A-Z]+\}|\[[A-Z]+\](\.\.\.)?|[A-Z]+", word)] == []


def test_the_help_waits_for_no_settings_no_data_and_no_statistics_and_settings_for_no_object_store():
    """The command starts in half the time without them."""
    code = """
import json, sys
from flows.cli import app
help = set(sys.modules)
from configs.load import load_config
print(json.dumps([sorted(help), sorted(sys.modules)]))
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for_help, for_settings = map(set, json.loads(printed))
    heavy = {"configs.schema", "duckdb", "fsspec", "numpy", "prefect", "pyarrow", "pydantic", "torch", "upath", "yaml"}
    assert heavy & for_help == set()
    assert {"fsspec", "asyncio"} & for_settings == set()


@pytest.mark.parametrize("width", [80, 120])
def test_paragraphs_of_the_help_fill_the_width(width):
    """A line ends only where the next word would not fit."""
    lines = [line.strip() for line in called("run", "--help", width=width).stdout.splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith("An audit that was stopped"))
    paragraph = lines[start : lines.index("", start)]
    assert len(paragraph) >= 3
    for line, following in pairwise(paragraph):
        assert len(line) + 1 + len(following.split()[0]) > width - 2


def test_a_paragraph_is_one_line():
    assert (
        unwrapped("""One two
        three.

        Four
        five.
        """)
        == "One two three.\n\nFour five."
    )


def test_the_version_is_that_of_the_package():
    assert called("--version").stdout == f"token-audit {version('token-audit')}\n"


@pytest.mark.parametrize(
    ("given", "known", "said"),
    [
        ("seagul", ["seagal", "boring"], " Did you mean seagal?"),
        ("di", ["di·", "disco", "film"], " Did you mean di·?"),
        ("less", ["·less", "lesson"], " Did you mean ·less or lesson?"),
        ("film_12", ["films_1a2b3c4d5e6f"], " Did you mean films_1a2b3c4d5e6f?"),
        ("zzzz", ["seagal"], ""),
        ("x", [], ""),
    ],
)  # fmt: skip
def test_what_is_spelt_nearly_so_is_suggested(given, known, said):
    assert near(given, known) == said


def test_a_name_alone_is_a_run_if_there_is_one_and_else_a_word_of_the_latest(tmp_path):
    path = tmp_path / "a.duckdb"
    enter(path, ("films_1", True))
    # Neither has tables: the sentence says which run was looked at.
    assert "films_1 has not come as far" in called("show", "film", "--warehouse", path).stderr
    assert "films_1 has not come as far" in called("show", "seagal", "--warehouse", path).stderr
    assert "films_1 has not come as far" in called("show", "--warehouse", path).stderr
    assert (
        "No run begins with 'fulms'. Did you mean films_1?" in called("show", "fulms", "x", "--warehouse", path).stderr
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "just now"), (60, "1 min ago"), (119, "1 min ago"), (180, "3 min ago"), (7200, "2 h ago"), (259200, "3 d ago")],
)  # fmt: skip
def test_an_age_is_told_in_its_largest_unit(seconds, said):
    assert age(seconds) == said


def test_the_next_command_can_be_pasted_in_an_active_environment_and_beside_one(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    program = tmp_path / ".venv" / "bin" / "token-audit"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    monkeypatch.setenv("PATH", "/nowhere")
    assert next_command(["day"]) == ".venv/bin/token-audit show latest day"
    monkeypatch.setenv("PATH", str(program.parent))
    assert next_command(["it's"]) == """token-audit show latest 'it'"'"'s'"""
    assert next_command([]) == "token-audit open"


def published(path, run_id):
    """The run with a table for each public view."""
    with open_warehouse(path) as warehouse:
        warehouse.use(run_id, create=True)
        for name in PUBLIC:
            warehouse._connection.execute(f"create table {name} as select '{run_id}' as x")
        warehouse.publish(run_id)


def shown_in_views(path):
    with open_warehouse(path, read_only=True) as warehouse:
        connection = warehouse._connection
        views = connection.sql("select view_name from duckdb_views() where schema_name = 'main' and not internal")
        names = [name for (name,) in views.fetchall()]
        return {x for name in names for (x,) in connection.sql(f"select x from main.{name}").fetchall()}


def test_rm_removes_folder_tables_and_entry_and_the_views_show_the_run_before(tmp_path):
    path = tmp_path / "a.duckdb"
    enter(path, ("n_1", False), ("n_2", False))
    published(path, "n_1")
    published(path, "n_2")
    (tmp_path / "n_2" / "parts").mkdir()
    assert shown_in_views(path) == {"n_2"}
    asked = called("rm", "n_2", "--warehouse", path, input="n\n")
    assert asked.exit_code == 1
    assert (tmp_path / "n_2").is_dir()
    assert called("rm", "n_2", "--yes", "--warehouse", path).exit_code == 0
    assert not (tmp_path / "n_2").exists()
    assert (tmp_path / "n_1").is_dir()
    assert shown_in_views(path) == {"n_1"}
    with open_warehouse(path, read_only=True) as warehouse:
        assert [row["run_id"] for row in warehouse.rows("registry/runs", {})] == ["n_1"]
        assert warehouse.rows("registry/comments", {"run_id": "n_2"}) == []
    assert called("rm", "n_1", "--yes", "--warehouse", path).exit_code == 0
    assert shown_in_views(path) == set()


def test_rm_leaves_a_run_alone_that_is_running_and_a_folder_that_is_none(tmp_path):
    path = tmp_path / "a.duckdb"
    enter(path, ("n_1", False))
    with FileLock(tmp_path / "n_1" / ".lock"):
        refused = called("rm", "n_1", "--yes", "--warehouse", path)
    assert refused.exit_code == 1
    assert "n_1 is being audited right now" in refused.stderr
    assert (tmp_path / "n_1").is_dir()
    with open_warehouse(path) as warehouse:
        warehouse._connection.execute("update main.runs set folder = ?", [str(tmp_path)])
    refused = called("rm", "n_1", "--yes", "--warehouse", path)
    assert "which is not named after it" in refused.stderr
    assert path.is_file()


@pytest.mark.parametrize(("given", "said"), [("2026-11-29", "asked for 2026-11-29"), ("soon", "soon")])
def test_the_day_of_a_run_is_a_date_and_reaches_its_config(tmp_path, monkeypatch, given, said):
    def asked(path, overrides, command, as_of):
        raise ConfigError(f"asked for {as_of}")

    monkeypatch.setattr("flows.command.audits.checked_config", asked)
    done = called("run", tmp_path / "a.yaml", "--as-of", given)
    assert done.exit_code == 2
    assert said in done.stderr


def test_what_is_no_command_of_vocabulary_is_reviewed(tmp_path):
    """`token-audit vocabulary latest` and `token-audit vocabulary review latest` are one."""
    for words in (("latest",), ("review", "latest")):
        found = called("vocabulary", *words, "--set", "data.sample=3")
        assert (found.exit_code, found.stderr.strip()) == (
            2, "--set and --redact are for a config: the settings of a run are those it was made with.",
        )  # fmt: skip
    (tmp_path / "a.yaml").write_text("data: {path: texts.csv}\nmodel: {path: nowhere}\n")
    found = called("vocabulary", tmp_path / "a.yaml", "--train")
    assert found.exit_code == 2
    assert "no `finetune` section, so there is nothing to train." in found.stderr
