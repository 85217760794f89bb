"""What makes an audit fail, as people write it."""

import re

import pytest

from configs.errors import ConfigError
from configs.policy import DEFAULT, METRICS, Rule, load_policy


def policy(tmp_path, text):
    path = tmp_path / "gate.yaml"
    path.write_text(text)
    return load_policy(path)


def test_a_policy_is_read_in_the_words_of_mlflow(tmp_path):
    found = policy(
        tmp_path,
        "metrics:\n  per_1000: {threshold: 20, min_absolute_change: -5, greater_is_better: false}\n"
        "  accuracy: {min_relative_change: -0.01, significant: false}\nnever:\n  - word: 1999\n  - type: surname\n",
    )
    assert found.metrics == {
        "per_1000": Rule(threshold=20, min_absolute_change=-5, greater_is_better=False),
        "accuracy": Rule(min_relative_change=-0.01, significant=False),
    }
    assert [(entry.word, entry.type) for entry in found.never] == [("1999", None), (None, "surname")]


def test_the_shipped_policy_is_one_and_its_comments_are_rules_too(tmp_path):
    shipped = load_policy(DEFAULT)
    assert {"new_findings", "ndcg", "expired_waivers"} <= shipped.metrics.keys()
    assert [entry.state for entry in shipped.never] == ["Act"]
    text = DEFAULT.read_text()
    whole = re.sub(r"^(\s*)# (?=certificate_age|- )", r"\1", text, flags=re.MULTILINE)
    assert policy(tmp_path, whole).metrics["certificate_age"].threshold == 90
    assert len(policy(tmp_path, whole).never) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "without a rule"),
        ("metrics: {harm: {threshold: 1}}", "metrics.harm is no metric. Metrics: per_1000, "),
        ("metrics: {per_1000: {}}", "metrics.per_1000 has no condition"),
        ("metrics: {per_1000: {threshold: a lot}}", "metrics.per_1000.threshold"),
        ("metrics: {per_1000: {most: 3}}", "metrics.per_1000.most: is not known here, found 3"),
        ("metrics: {ndcg: {min_absolute_change: 0}}", "metrics.ndcg compares two runs already"),
        ("metrics: {certificate_age: {min_absolute_change: 0}}", "metrics.certificate_age has no value in the reference"),
        (
            "metrics: {accuracy: {threshold: 0.9, greater_is_better: false}}",
            "metrics.accuracy sets greater_is_better: false, but more of it is better",
        ),
        ("never: [{word: a, type: b}]", "needs exactly one of `word`, `type` and `state`"),
        ("never: [{}]", "needs exactly one of `word`, `type` and `state`"),
        ("never: [{state: act}]", "never.0.state"),
        ("rules: []", "rules"),
        ("- a", "the file"),
    ],
)  # fmt: skip
def test_a_policy_that_is_none_is_one_sentence_with_a_way_out(tmp_path, text, said):
    with pytest.raises(ConfigError) as caught:
        policy(tmp_path, text)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_policy(tmp_path / "nothing.yaml")


def test_every_metric_says_what_it_is():
    assert all(metric.about for metric in METRICS.values())
