"""`token-audit explain`: it trains, explains, says where its page is, and repeats nothing. One process is all four calls."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = [pytest.mark.server, pytest.mark.slow]

ROOT = Path(__file__).parents[2]

CALLS = """
import json, os, sys
from pathlib import Path

from flows import cli

os.environ.update(cli.ENVIRONMENT)
for number, words in enumerate(json.loads(Path("calls.json").read_text())):
    for stream, name in ((sys.stdout, "out"), (sys.stderr, "err")):
        stream.flush()
        # Whoever writes: Python or a library.
        os.dup2(os.open(f"{number}.{name}", os.O_WRONLY | os.O_CREAT), stream.fileno())
    try:
        cli.app(words)
    except SystemExit as end:
        code = end.code or 0
    sys.stdout.flush()
    pages = {str(page): page.read_text() for page in Path("runs").absolute().glob("*/explained.html")}
    parts = {str(part): part.stat().st_mtime_ns for part in Path("runs").glob("*/parts/*")}
    Path(f"{number}.json").write_text(json.dumps({"code": code, "pages": pages, "parts": parts}))
os._exit(0)
"""
"""Each call by itself would import PyTorch and Prefect again."""

TYPED = ["A lovely film: = yes, #no", "awful 🙂\n'quoted' \"too\""]
CONFIG = """
data: {path: texts.csv, where: {part: test}}
finetune: {network: bilstm, where: {part: train}, epochs: 2, learning_rate: 0.01}
attribution:
    {mode: fixed, methods: [integrated_gradients], baseline: zero, scalar: probability, target: gold, rule: inclusive_sum, steps: 10}
explain: {view: table, normalise: l2, examples: 5}
"""


@pytest.fixture(scope="module")
def called(tmp_path_factory, prefect_home, prefect_api):
    """What four calls gave, each after the one before, in a folder with sixty short texts."""
    folder = tmp_path_factory.mktemp("explain")
    with (folder / "texts.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "part"])
        for i in range(60):
            word = ("lovely", "awful", "fine", "dull")[i % 4]
            text = f"a {word} film, number {i}"
            writer.writerow([text, "good" if i % 2 == 0 else "bad", "train" if i < 40 else "test"])
    (folder / "explain.yaml").write_text(CONFIG)
    calls = {
        "first": [],
        "again": ["--set", "explain.view=tokens"],
        "typed": ["--json", *(word for text in TYPED for word in ("--text", text))],
        "refused": ["--set", "explain.view=bars"],
    }
    (folder / "calls.json").write_text(json.dumps([["explain", "explain.yaml", *words] for words in calls.values()]))
    environment = {**os.environ, "PREFECT_HOME": str(prefect_home), "PREFECT_API_URL": prefect_api}
    environment |= {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, "-c", CALLS], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=300
    )  # fmt: skip
    assert process.returncode == 0, [path.read_text() for path in folder.glob("*.err")] or process.stderr
    return {
        name: SimpleNamespace(
            **json.loads((folder / f"{number}.json").read_text()),
            out=(folder / f"{number}.out").read_text(),
            err=(folder / f"{number}.err").read_text(),
        )
        for number, name in enumerate(calls)
    }


def test_the_command_trains_explains_and_names_the_page_and_a_repeat_attributes_nothing(called):
    first, again = called["first"], called["again"]
    assert first.code == 0, first.err
    lines = dict(line.split("\t", 1) for line in first.out.splitlines())
    assert re.fullmatch(r"\d+\.\d% of 20 texts are read as labelled", lines["accuracy"])
    assert lines["shown"] == "5"
    ((path, page),) = first.pages.items()
    assert Path(lines["explained"]) == Path(path)
    assert page.count('<p class="text"') == 5
    assert "<table>" in page
    assert again.code == 0, again.err
    assert again.out == first.out
    assert again.parts == first.parts
    assert first.parts
    assert "<table>" not in again.pages[path]


def test_typed_sentences_are_printed_as_json_and_as_nothing_else(called):
    typed = called["typed"]
    assert typed.code == 0, typed.err
    data = json.loads(typed.out)
    assert [text["sentence"] for text in data["texts"]] == TYPED
    assert all(len(text["tokens"]) == len(text["scores"]) for text in data["texts"])
    assert {text["label"] for text in data["texts"]} == {None}


def test_a_page_that_cannot_be_made_is_a_sentence(called):
    refused = called["refused"]
    assert refused.code == 2
    assert "which shows sizes and no signs: set `method` to `gradient_norm`" in refused.err
    assert "Traceback" not in refused.err
