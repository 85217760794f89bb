"""Settings as a list, as values that do not change, and those that contradict each other."""

import json

import pytest

from configs.errors import ConfigError
from configs.load import settings
from configs.schema import AuditConfig
from tests.configs.written import MINIMAL, config_of


def test_a_config_survives_the_trip_through_the_registry(tmp_path):
    config = config_of(
        tmp_path, "data: {path: x, labels: {0: a, true: b}, where: {s: t, n: 1, b: false}}\nfinetune: {where: {s: u}}\n"
    )
    assert AuditConfig.model_validate_json(config.model_dump_json()) == config
    assert AuditConfig(data=config.data, finetune=config.finetune) == AuditConfig.model_validate(
        {"data": config.data, "finetune": config.finetune}
    )


def test_settings_are_frozen(tmp_path):
    config = config_of(tmp_path, MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        config.name = "other"


@pytest.mark.parametrize(("written", "languages"), [("ru", ("ru",)), ("[de, no, de]", ("de", "no")), ("no", ("no",))])
def test_the_language_is_a_code_or_several_and_norwegian_is_no_truth_value(tmp_path, written, languages):
    config = config_of(tmp_path, MINIMAL.replace("data: {", f"data: {{language: {written}, "))
    assert config.data.language == languages


@pytest.mark.parametrize("written", ["english", "pt-BR", "7", "[en, '']"])
def test_a_language_that_is_no_code_is_one_clear_sentence(tmp_path, written):
    with pytest.raises(ConfigError, match="codes of ISO 639 such as en or ru") as caught:
        config_of(tmp_path, MINIMAL.replace("data: {", f"data: {{language: {written}, "))
    assert "data.language" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_language_of_what_is_compared_would_have_no_effect(tmp_path):
    with pytest.raises(ConfigError, match=r"`compare\.language` has no effect"):
        config_of(tmp_path, f"{MINIMAL}compare: {{path: y, language: ru}}\n")


# The list of settings, and the ready configs


def test_every_setting_is_listed_with_type_unit_default_and_meaning():
    rows = {row["key"]: row for row in settings()}
    assert rows["attribution.steps"] == {
        "key": "attribution.steps", "type": "integer", "unit": "gradients per example, >= 1, <= 1024", "default": "16",
        "meaning": "`fixed` mode: points on the path from the baseline to the input.",
    }  # fmt: skip
    assert (rows["data.path"]["type"], rows["data.path"]["default"]) == ("path | none", "null")
    assert (rows["data.labels"]["type"], rows["attribution.rule"]["type"]) == (
        "mapping",
        "midpoint | gauss_legendre | trapezoid | riemann_left | riemann_right | inclusive_sum",
    )
    for row in rows.values():
        assert row["meaning"][0].isupper() or row["meaning"][0] == "`", row
        assert row["meaning"].endswith("."), row
        assert row["type"], row
        assert not {"<", "class", "Annotated"} & set(row["type"].split()), row
        assert row["unit"] or row["type"] not in ("integer", "number") or row["key"].endswith("seed"), row
        json.loads(row["default"] if row["default"] != "required" else "null")


# Settings of the attribution that contradict each other


@pytest.mark.parametrize(
    ("attribution", "clash"),
    [
        (
            "{methods: [gradient_norm]}",
            "needs `integrated_gradients`, `gradient_x_input` or `relevance` among `methods`",
        ),
        ("{methods: [gradient_x_input, gradient_x_input]}", "names one of `methods` twice"),
        (
            "{layer: bert.encoder.layer.3, methods: [gradient_x_input, gradient_norm]}",
            "cannot take `gradient_norm` at 'bert.encoder.layer.3'",
        ),
        ("{steps: 5}", "sets `steps`, which has an effect only in mode fixed; the mode is corpus"),
        (
            "{mode: document, steps: 4, max_gap: 0.2}",
            "sets `steps`, `max_gap`, which have an effect only in mode fixed",
        ),
        ("{mode: fixed, tolerance: 0.1}", "sets `tolerance`, which has an effect only in mode document"),
        (
            "{gradients: 4, interval_width: 0.1}",
            "needs at most one of `gradients` and `interval_width`",
        ),
        ("{target: good, against: good}", "has the same label as `target` and as `against`"),
        ("{against: good, scalar: logit}", "has `against` beside a scalar that looks at one class"),
    ],
)
def test_settings_that_clash_are_one_sentence(complaints, attribution, clash):
    (sentence,) = complaints(f"{MINIMAL}attribution: {attribution}\n")
    assert sentence.startswith(f"a.yaml: `attribution` {clash}")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("model", "clash"),
    [
        ("{hub: a/b, revision: abcdef0, factory: 'nets:make'}", "has `factory` beside `hub`"),
    ],
)
def test_model_settings_that_clash_are_one_sentence(complaints, model, clash):
    (sentence,) = complaints(f"data: {{path: x.csv}}\nmodel: {model}\n")
    assert sentence.startswith(f"a.yaml: `model` {clash}")


PAIR = "data: {path: x.csv, pair: second}\n"


@pytest.mark.parametrize(
    ("text", "clash"),
    [
        (f"{PAIR}model: {{path: m, long_texts: windows}}\n", "sets `model.long_texts` windows beside `data.pair`: a window would hold only one text of a pair."),
        (f"{PAIR}model: {{path: m}}\ncompare: {{path: y.csv}}\n", "sets only one of `data.pair` and `compare.pair`: a model reads single texts or pairs, not both."),
        ("data: {path: x.csv}\nmodel: {path: m}\ncompare: {path: y.csv, pair: second}\n", "sets only one of `data.pair` and `compare.pair`: a model reads single texts or pairs, not both."),
    ],
)  # fmt: skip
def test_pairs_are_refused_where_they_would_be_read_as_something_else(complaints, text, clash):
    assert complaints(text) == [f"a.yaml: {clash}"]


def test_pairs_beside_pairs_are_no_clash():
    AuditConfig.model_validate({"data": {"path": "x", "pair": "b"}, "model": {"path": "m"}, "compare": {"path": "y", "pair": "c"}})  # fmt: skip
