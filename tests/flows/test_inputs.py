"""A wrong config is refused before anything slow is imported: here torch, transformers and Prefect cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]

COMMAND = """
import sys
for name in ("torch", "transformers", "prefect"):
    sys.modules[name] = None
from flows.cli import main
sys.argv = ["token-audit", *sys.argv[1:]]
main()
"""
REVIEWS = "text,label\na lovely film,good\nan awful film,bad\n"


def refused(folder, command, text):
    (folder / "a.yaml").write_text(text)
    (folder / "reviews.csv").write_text(REVIEWS)
    (folder / "pairs.csv").write_text(REVIEWS.replace("text,", "sentence,"))
    (folder / "empty").mkdir()
    result = subprocess.run(
        [sys.executable, "-c", COMMAND, command, "a.yaml"],
        cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": ""}, text=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert result.returncode in (1, 2), result.stderr
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize(
    ("command", "text", "said"),
    [
        ("run", "data: {path: nowhere.csv}\nmodel: {path: empty}", "data.path: there is no file or folder "),
        ("run", "data: {path: pairs.csv}\nmodel: {path: empty}", "pairs.csv has no column 'text'. Columns: sentence, label."),
        ("run", "data: {path: reviews.csv}\ncompare: {path: pairs.csv}\nmodel: {path: empty}", "Set compare.text."),
        ("run", "data: {path: reviews.csv}\nmodel: {path: nowhere}", "There is no folder nowhere with a model."),
        ("explain", "data: {path: reviews.csv}\nmodel: {path: empty}", "empty holds no safetensors weights"),
        ("run", "data: {path: reviews.csv}\nfinetune: {base: nowhere, held_out: 0.2}", "There is no folder nowhere"),
        ("run", "data: {path: reviews.csv}\nfinetune: {base: 'package:no_such_package', held_out: 0.2}", "the package no_such_package is not installed"),
        ("finetune", "data: {path: reviews.csv}\nmodel: {path: empty}", "has no `finetune` section"),
        ("certify", "data: {path: reviews.csv}\nmodel: {path: empty}", "`finetune` is missing: certify trains"),
        ("run", "data: {path: reviews.csv, label: null}\nmodel: {path: empty}", "`data.label` is null: token-audit run compares"),
        ("explain", "data: {path: reviews.csv, label: sentiment}\nmodel: {path: empty}", "Set data.label (null for token-audit explain, if there are no labels)."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_config_is_told_without_torch_and_prefect(tmp_path, command, text, said):
    errors = refused(tmp_path, command, text)
    assert said in errors
    assert "Traceback" not in errors
    assert len(errors.splitlines()) == 1


def test_typed_sentences_need_no_dataset(tmp_path):
    """The next thing that is wrong is the model."""
    errors = refused(tmp_path, "explain", "data: {path: nowhere.csv}\nmodel: {path: empty}\nexplain: {texts: [a film]}")
    assert "empty holds no safetensors weights" in errors
