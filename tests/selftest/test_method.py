"""What `attribution.methods: auto` computes."""

import json

import pytest

from configs.schema import AuditConfig
from flows.sizes import gradients_of
from tasks.selftest.method import with_method_for

BERT = {"model_type": "bert", "hidden_act": "gelu"}
ON_THE_PATH = ("integrated_gradients", "gradient_x_input", "gradient_norm")


def chosen(folder, settings, model=None, explain=None, **attribution):
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    given = {
        "data": {"path": "d.csv"}, "model": {"path": folder, **(model or {})}, "attribution": attribution,
        "explain": explain or {},
    }  # fmt: skip
    return with_method_for(AuditConfig.model_validate(given), folder)


@pytest.mark.parametrize(
    "settings",
    [
        BERT,
        {"model_type": "roberta", "hidden_act": "gelu"},
        {"model_type": "distilbert", "activation": "relu"},
        {"model_type": "deberta-v2", "hidden_act": "gelu"},
    ],
)
def test_auto_is_one_gradient_where_relevance_is_defined(tmp_path, settings):
    config = chosen(tmp_path, settings)
    assert config.attribution.methods == ("relevance",)
    assert gradients_of(config) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"model_type": "modernbert", "hidden_act": "gelu"},
        {"model_type": "gpt2", "activation_function": "gelu_new"},
        {"model_type": "bert", "hidden_act": "silu"},
        {},
    ],
)
def test_auto_is_integrated_gradients_where_it_is_not(tmp_path, settings):
    config = chosen(tmp_path, settings)
    assert config.attribution.methods == ON_THE_PATH
    assert gradients_of(config) > 1


@pytest.mark.parametrize(
    "setting",
    [{"mode": "document"}, {"scalar": "logit"}, {"baseline": "pad"}, {"gradients": 4}, {"interval_width": 0.1}],
)
def test_a_setting_that_only_integrated_gradients_have_asks_for_them(tmp_path, setting):
    assert chosen(tmp_path, BERT, **setting).attribution.methods == ON_THE_PATH


def test_a_method_that_a_page_of_texts_is_to_show_is_computed(tmp_path):
    found = chosen(tmp_path, BERT, explain={"method": "gradient_norm"}).attribution.methods
    assert found == ON_THE_PATH


def test_at_an_inner_layer_there_is_no_gradient_to_the_one_hot_input(tmp_path):
    assert chosen(tmp_path, BERT, layer="bert.encoder.layer.3").attribution.methods == ON_THE_PATH[:2]


def test_an_adapter_and_a_network_of_ones_own_have_no_relevance(tmp_path):
    own = {"factory": "networks:make", "labels": ["no", "yes"]}
    assert chosen(tmp_path, BERT, own).attribution.methods == ON_THE_PATH
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert chosen(tmp_path, BERT).attribution.methods == ON_THE_PATH


def test_methods_that_are_listed_are_taken_as_they_are(tmp_path):
    assert chosen(tmp_path, BERT, methods=["gradient_x_input"]).attribution.methods == ("gradient_x_input",)
