"""`init` and `check`, on a folder that looks like a model and holds no network."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from flows.check import _by_settings, _speed, check_config
from flows.command import setting_up
from tests.flows.test_commands import called

GOOD, BAD = "a lovely film", "an awful film"


@pytest.fixture
def here(tmp_path, monkeypatch):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(
        json.dumps({"id2label": {"0": "bad", "1": "good"}, "label2id": {"bad": 0, "good": 1}})
    )
    save_file(
        {"embed.weight": np.zeros((50, 4), np.float32), "head.weight": np.zeros((2, 4), np.float32)},
        model / "model.safetensors",
    )
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "film": 1}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(model / "tokenizer.json"))
    rows = [f"{GOOD} {i},pos" for i in range(6)] + [f"{BAD} {i},neg" for i in range(6)] + [f"{BAD} 0,neg", " ,pos"]
    (tmp_path / "r.csv").write_text("\n".join(["review,sentiment", *rows]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


GIVEN = ("--data", "r.csv", "--text", "review", "--label", "sentiment", "--model", "model")
MAPPED = ("--map", "pos=good", "--map", "neg=bad")


def tree(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_the_written_file_passes_check_which_changes_nothing(here):
    written = called("init", *GIVEN, *MAPPED)
    assert written.exit_code == 0, written.stderr
    assert yaml.safe_load((here / "my.yaml").read_text()) == {
        "name": "my",
        "data": {"path": "r.csv", "text": "review", "label": "sentiment", "labels": {"pos": "good", "neg": "bad"}},
        "model": {"path": "model"},
    }
    before = tree(here)
    looked = called("check", "my.yaml", "--json")
    assert looked.exit_code == 0, looked.stderr
    assert tree(here) == before
    found = json.loads(looked.stdout)
    assert (found["rows"], found["usable"], found["audited"]) == (14, 13, 12)
    assert found["labels"] == {"bad": 7, "good": 6}
    assert found["unusable"] == {"empty": 1}
    # Four words a text; eight weights beside the embeddings.
    assert (found["tokens"], found["parameters"]) == (4.0, 8)
    lines = called("check", "my.yaml").stdout.splitlines()
    assert lines[0] == "data\t14 rows, 13 usable (not usable: empty 1); about 12 audited"
    assert lines[-1] == "ready\ttoken-audit run my.yaml"
    assert tree(here) == before


def test_more_texts_candidates_and_training_take_longer(here, monkeypatch):
    monkeypatch.setattr("flows.check._speed", lambda: 1.0)
    called("init", *GIVEN, *MAPPED)
    # 30 s; 4 tokens x 8 weights x (6 x 5 gradients x 12 texts + 2 x 3 candidates x 24 texts x 4 passes).
    assert check_config(here / "my.yaml", ()).seconds == 30 + 4 * 8 * (6 * 5 * 12 + 2 * 3 * 24 * 4)
    more = check_config(here / "my.yaml", ("attribution.gradients=10",))
    assert more.seconds == 30 + 4 * 8 * (6 * 10 * 12 + 2 * 3 * 24 * 4)
    assert _by_settings({"hidden_size": 10, "num_hidden_layers": 2}) == 2400


@pytest.mark.parametrize("others", [1, 10])
def test_the_speed_of_the_machine_is_the_same_while_others_use_it(monkeypatch, others):
    """A product takes a millisecond of a processor, and `others` times that until it is done."""
    clocks = {"wall": 0.0, "used": 0.0}

    def product(self, other):
        clocks["used"] += 0.001
        clocks["wall"] += 0.001 * others

    clock = SimpleNamespace(perf_counter=lambda: clocks["wall"], process_time=lambda: clocks["used"])
    matrix = type("Matrix", (), {"__matmul__": product})
    monkeypatch.setattr("flows.check.time", clock)
    monkeypatch.setattr("flows.check.np", SimpleNamespace(ones=lambda *_: matrix(), float32=None))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    # Half of the peak of two cores, of which each does 2 x 64 x 64 x 64 operations a millisecond.
    assert _speed() == pytest.approx(0.5 * 2 * (2 * 64**3 / 0.001))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("data.text=text", "r.csv has no column 'text'. Columns: review, sentiment. Set data.text."),
        ("data.labels={}", "Say which is which under data.labels"),
        ("data.max_rejected=0.01", "1 of 14 rows cannot be audited (empty 1), more than data.max_rejected = 0.01."),
        ("statistics.min_examples=13", "Only 12 of 14 rows can be audited."),
        ("model.path=none", "There is no folder none with a model."),
    ],
)  # fmt: skip
def test_what_run_would_refuse_is_told(here, changed, said):
    called("init", *GIVEN, *MAPPED)
    refused = called("check", "my.yaml", "--set", changed)
    assert refused.exit_code in (1, 2)
    assert said in refused.stderr


def test_a_file_is_never_written_over(here):
    (here / "my.yaml").write_text("mine")
    refused = called("init", *GIVEN, *MAPPED)
    assert refused.exit_code == 2
    assert "my.yaml is there already" in refused.stderr
    assert (here / "my.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (GIVEN, "for example --map neg=bad --map pos=good: a guess could flip every label."),
        ((*GIVEN[:3], "revew", *GIVEN[4:]), "--text revew: no such column. Did you mean review? Columns: review, sentiment."),
        ((*GIVEN, "--map", "pos=fine"), "--map pos=fine: should be a label of the data (neg, pos)"),
        (GIVEN[:6], "--model is missing, and nobody can be asked without a terminal."),
        (("--data", "none.csv"), "data.path: there is no file or folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_a_sentence_and_nothing_is_written(here, words, said):
    refused = called("init", *words)
    assert refused.exit_code in (1, 2)
    assert said in refused.stderr
    assert not (here / "my.yaml").exists()


def test_on_a_terminal_everything_is_asked_and_a_wrong_answer_again(here, monkeypatch):
    monkeypatch.setattr(setting_up, "_is_terminal", lambda: True)
    answers = ["r.csv", "revew", "review", "sentiment", "model", "bad", "good"]
    asked = called("init", "asked.yaml", input="\n".join(answers) + "\n")
    assert asked.exit_code == 0, asked.output
    assert "'revew' is none of them. Did you mean review?" in asked.stderr
    assert yaml.safe_load((here / "asked.yaml").read_text())["data"]["labels"] == {"neg": "bad", "pos": "good"}
