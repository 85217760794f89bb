"""Retraining: each arm and seed once, the same by one seed, and a classifier that an audit can read."""

import pytest

import tasks.retrain
from tasks.data.rules import parse_rules, without_term
from tasks.finetune import obtain_classifier
from tasks.model.load import load_classifier
from tasks.remedies.arms import AS_IT_IS, PLACEBO, Arm
from tasks.retrain import retrain_arms
from tasks.runs.identity import name_run
from tasks.runtime.parts import part_file, read_part
from tests.model.trained import config_of

pytestmark = pytest.mark.slow

RULES = """
otherwise: bad
rules:
- {name: praise, label: good, keywords: [lovely, fine]}
- {name: topic, label: good, keywords: [story]}
"""


@pytest.fixture(scope="module")
def setting(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("retrain")
    (folder / "rules.yaml").write_text(RULES)
    config = config_of(folder, base, "auto", finetune={"rules": str(folder / "rules.yaml"), "epochs": 8})
    model = obtain_classifier.fn(config)
    rules = parse_rules(RULES, "rules.yaml")
    better = without_term(rules, "topic", "story")
    arms = [
        Arm(AS_IT_IS, rules), Arm("labelling rules", better, changes=("topic: story dropped",)),
        Arm("last layer", rules, unlearned=(("story", 1),)), Arm(PLACEBO, without_term(rules, "praise", "fine")),
    ]  # fmt: skip
    run = name_run(config, model)
    return config, run, model, arms, retrain_arms.fn(config, run, model, arms, ["story"], "labelling rules")


def predictions(parts):
    return [row for part in parts for row in read_part(part, "predictions").to_pylist()]


def test_every_arm_is_read_with_every_seed_and_the_last_layer_forecasts(setting):
    *_, found = setting
    assert len(found.predictions) == 9
    counted = {}
    for row in predictions(found.predictions):
        counted.setdefault((row["arm"], row["figure"]), set()).add((row["seed"], row["row_number"]))
    # Eight held-out texts, three seeds. A placebo has no forecast.
    assert {key: len(own) for key, own in counted.items()} == {
        (AS_IT_IS, "measured"): 24, ("labelling rules", "measured"): 24, (PLACEBO, "measured"): 24, ("last layer", "measured"): 24,
        (AS_IT_IS, "forecast"): 24, ("labelling rules", "forecast"): 24,
    }  # fmt: skip
    texts = read_part(found.held_out, "held_out").to_pylist()
    assert {row["text"] for row in texts if row["words"] == ["story"]} == {
        "fine acting and a lovely story", "dull acting and an awful story",
    }  # fmt: skip


def test_the_first_seed_of_no_change_is_the_audited_classifier(setting):
    config, _, model, _, found = setting
    own = {
        row["row_number"]: row["predicted"]
        for row in predictions(found.predictions)
        if (row["arm"], row["figure"], row["seed"]) == (AS_IT_IS, "measured", config.finetune.seed)
    }
    texts = read_part(found.held_out, "held_out").to_pylist()
    classifier = load_classifier(model)
    ids = classifier.tokenizer([row["text"] for row in texts], padding=True, return_tensors="pt")
    expected = classifier.model(**ids).logits.argmax(dim=1).tolist()
    assert [own[row["row_number"]] for row in texts] == expected


def test_every_arm_is_trained_on_the_labels_of_its_rules(setting, monkeypatch):
    config, run, model, arms, _ = setting
    seen = {}
    monkeypatch.setattr(
        tasks.retrain, "train",
        lambda start, texts, rows, finetune, said: seen.update({said.partition(",")[0]: {row.text: row.label for row in rows}}),
    )  # fmt: skip
    other = run.__class__(run.run_id, run.folder, run.storage / "elsewhere", run.inputs)
    retrain_arms.fn(config, other, model, arms, ["story"], "")
    text = "dull acting and an awful story!"
    assert {arm: labels[text] for arm, labels in seen.items()} == {AS_IT_IS: 1, "labelling rules": 0, PLACEBO: 1}
    assert len({len(labels) for labels in seen.values()}) == 1


def test_a_repeat_does_no_work_and_a_lost_part_is_written_the_same(setting, monkeypatch):
    config, run, model, arms, found = setting
    trained = []
    monkeypatch.setattr(tasks.retrain, "train", lambda *args, said: trained.append(said))
    assert retrain_arms.fn(config, run, model, arms, ["story"], "labelling rules") == found
    assert trained == []
    monkeypatch.undo()
    lost = found.predictions[4]
    before = read_part(lost, "predictions")
    lost.unlink()
    assert retrain_arms.fn(config, run, model, arms, ["story"], "labelling rules") == found
    assert read_part(lost, "predictions").equals(before)


def test_the_kept_classifier_can_be_audited(setting):
    *_, model, _, found = setting
    assert found.best.labels == model.labels
    assert found.best.folder != model.folder
    assert load_classifier(found.best).model.config.id2label == {0: "bad", 1: "good"}
    assert part_file(found.held_out, "held_out")
