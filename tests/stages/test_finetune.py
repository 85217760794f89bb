"""Training: the same by one seed, once; and what the settings of a network forbid."""

import pytest
import torch
from safetensors.torch import load_file
from transformers import DistilBertConfig, DistilBertModel

from configs.errors import ConfigError, ModelError
from tasks.finetune import obtain_classifier
from tasks.model.load import load_classifier
from tasks.runtime.parts import file_hash
from tests.model.trained import config_of, save_tokenizer


@pytest.mark.parametrize("network", ["bert_relu", "frozen_dense", "bilstm"])
def test_a_network_is_trained_the_same_by_one_seed_once_and_differently_by_another(trained, base, tmp_path, network):
    spec = trained(network)
    assert (spec.factory, spec.labels) == (f"tasks.model.networks:{network}", ("bad", "good"))
    config = config_of(tmp_path, base, network)
    again = obtain_classifier.fn(config)
    weights = again.folder / "model.safetensors"
    assert file_hash(weights) == file_hash(spec.folder / "model.safetensors")
    assert (again.folder / "config.json").read_bytes() == (spec.folder / "config.json").read_bytes()
    before = weights.stat().st_mtime_ns
    assert obtain_classifier.fn(config) == again
    assert weights.stat().st_mtime_ns == before
    other = obtain_classifier.fn(config_of(tmp_path, base, network, finetune={"seed": 1}))
    assert file_hash(other.folder / "model.safetensors") != file_hash(weights)


def test_a_frozen_encoder_keeps_its_weights_and_has_no_dropout(trained, base):
    spec = trained("frozen_dense")
    pretrained, stored = load_file(base / "model.safetensors"), load_file(spec.folder / "model.safetensors")
    for name, weight in pretrained.items():
        torch.testing.assert_close(stored[f"bert.{name}"], weight, rtol=0, atol=0)
    model = load_classifier(spec).model
    try:
        assert model.train().dense.training
        assert not any(module.training for module in model.bert.modules())
    finally:
        model.eval()


def test_the_classifier_of_transformers_is_trained_as_before(trained):
    spec = trained("auto")
    assert spec.factory is None
    assert '"problem_type": "single_label_classification"' in (spec.folder / "config.json").read_text()


def test_settings_of_the_model_reach_the_spec_of_a_trained_classifier(base, tmp_path):
    settings = {"long_texts": "windows", "max_tokens": 20}
    spec = obtain_classifier.fn(config_of(tmp_path, base, "auto", model=settings, finetune={"epochs": 1}))
    assert (spec.long_texts, spec.max_tokens) == ("windows", 20)


def distil(folder, num_layers):
    """An encoder of another kind, which has no pooled output."""
    vocabulary = save_tokenizer(folder)
    sizes = {"dim": 16, "n_layers": num_layers, "n_heads": 2, "hidden_dim": 24}
    DistilBertModel(DistilBertConfig(vocab_size=vocabulary, **sizes)).save_pretrained(folder)
    return folder


def test_an_encoder_without_a_pooled_output_is_a_sentence(tmp_path):
    folder = distil(tmp_path / "distil", 2)
    with pytest.raises(ModelError, match=r"bert_relu reads the pooled output .* distil \(distilbert\) has none"):
        obtain_classifier.fn(config_of(tmp_path, folder, "bert_relu"))


def test_an_encoder_with_too_few_layers_to_keep_is_a_sentence(tmp_path):
    folder = distil(tmp_path / "distil", 1)
    with pytest.raises(
        ModelError, match=r"finetune\.base: the encoder distil has 1 layers, and training keeps the first 2"
    ):
        obtain_classifier.fn(config_of(tmp_path, folder, "auto"))


@pytest.mark.parametrize(
    ("network", "sections", "sentence"),
    [
        ("frozen_dense", {"model": {"pad_to": None}}, "needs `model.pad_to` beside `finetune.network` frozen_dense"),
        ("auto", {"model": {"factory": "a:b", "labels": ["x", "y"]}}, "sets `model.factory` and `model.labels` beside `finetune`"),
        ("auto", {"explain": {"method": "embedding_gradient_norm"}}, "`explain.method` is embedding_gradient_norm, which is not among"),
        ("auto", {"explain": {"view": "bars"}}, "has view `bars`, which shows sizes and no signs: set `method` to `gradient_norm`"),
        ("lstm", {}, "`finetune.network` should be one of auto, bert_relu, frozen_dense, bilstm, got 'lstm'"),
    ],
)  # fmt: skip
def test_settings_that_clash_are_a_sentence(tmp_path, network, sections, sentence):
    with pytest.raises(ConfigError) as error:
        config_of(tmp_path, "base", network, **sections)
    assert sentence in str(error.value)
