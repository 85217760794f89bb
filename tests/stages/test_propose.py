"""Which arms a retraining has, by what an audit found and where the labels to train on came from."""

import re
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import yaml

import tasks.propose
from configs.load import load_config
from tasks.propose import propose_arms
from tasks.remedies.arms import AS_IT_IS, PLACEBO, Arm

RULES = """
otherwise: other
rules:
- {name: film words, label: film, keywords: [film, STRASSE]}
- {name: surnames, label: film, keywords: [day]}
"""
CHANGED = RULES.replace("- {name: surnames, label: film, keywords: [day]}\n", "")
TEXTS = [("a film on a day", "film", "train"), ("a Straße, a day", "other", "train"), ("nothing", "other", "test")]


@pytest.fixture
def proposed(tmp_path, monkeypatch):
    """The arms of an audit that found the word `day`, for a config with these sections beside its data."""
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "texts.csv").write_text("text,label,part\n" + "".join(f'"{a}",{b},{c}\n' for a, b, c in TEXTS))
    tables = {
        "propose/spurious": [{"label": "film", "word": "day", "type": "name", "stand_ins": []}],
        "propose/unused": [],
        "propose/rule_files": [{"rules": RULES, "changed": CHANGED}],
        "report/names": [{"kind": "word", "word": "day", "is_named": True}],
    }

    @contextmanager
    def opened(path, read_only):
        yield SimpleNamespace(use=lambda run: None, rows=lambda name, params: tables[name], curtain=None)

    monkeypatch.setattr(tasks.propose, "open_warehouse", opened)
    monkeypatch.setattr(tasks.propose, "preprocess_file", lambda warehouse: "[]")

    def proposed(data=(), finetune=(), **others):
        data = {"path": str(tmp_path / "texts.csv"), "where": {"part": "test"}, **dict(data)}
        sections = {"data": data, "finetune": {"where": {"part": "train"}, **dict(finetune)}, **others}
        (tmp_path / "audit.yaml").write_text(yaml.safe_dump({"name": "films", **sections}))
        model = SimpleNamespace(labels=("film", "other"))
        run = SimpleNamespace(run_id="films_1", storage=tmp_path)
        return propose_arms.fn(load_config(tmp_path / "audit.yaml"), run, model)

    proposed.rules = str(tmp_path / "rules.yaml")
    return proposed


def test_rules_that_labelled_the_training_texts_are_an_arm(proposed):
    found = proposed(finetune={"rules": proposed.rules})
    assert [arm.name for arm in found.arms] == [AS_IT_IS, "labelling rules", "last layer", PLACEBO]
    assert found.arms[1].changes == ("surnames: day dropped",)
    assert found.found == ("day",)


def test_what_an_arm_changes_is_told_without_names_and_made_with_them(proposed):
    shown, hidden = (
        proposed(finetune={"rules": proposed.rules}, **more) for more in ({}, {"report": {"redact": "names"}})
    )
    assert "day" in str([arm.changes for arm in shown.arms])
    assert "day" not in str([arm.changes for arm in hidden.arms])
    assert re.fullmatch("surnames: name[0-9a-f]{4} dropped", hidden.arms[1].changes[0])
    assert hidden.arms == shown.arms
    assert hidden.found == ("day",)


def test_rules_that_labelled_nothing_to_train_on_relabel_nothing(proposed):
    """They are listed beside the data, whose own labels the classifier learned."""
    found = proposed(data={"rules": proposed.rules})
    assert {arm.rules for arm in found.arms} == {None}
    assert not [change for arm in found.arms for change in arm.changes if "dropped" in change]


def test_a_placebo_counts_words_as_keywords_are_compared(proposed, monkeypatch):
    counted = []
    monkeypatch.setattr(
        tasks.propose, "placebo_of", lambda proposals, counts, *rest: counted.append(counts) or Arm(PLACEBO)
    )
    proposed(finetune={"rules": proposed.rules})
    assert counted[0]["strasse"] == 1
    assert counted[0]["day"] == 2
    assert "nothing" not in counted[0]
