"""Heads of a classifier, and the folders that are refused."""

import json

import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

from configs.errors import ModelError
from tasks.model.forward import inputs_of, plain_logits
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tests.model.families import NAMES, changed, logits_of_transformers, saved, texts_of_one_length


def test_the_model_is_loaded_once_frozen_in_eval_mode_and_without_a_cache(folder_of):
    classifier = load_classifier(model_spec(folder_of("gpt2"), 64))
    assert load_classifier(model_spec(folder_of("gpt2"), 64)) is classifier
    assert not any(module.training for module in classifier.model.modules())
    assert not any(parameter.requires_grad for parameter in classifier.model.parameters())
    assert classifier.model.config.use_cache is False


# ---------------------------------------------------------------- heads


def test_the_log_odds_of_a_single_output_are_the_output(tmp_path):
    folder = saved(tmp_path, "bert", num_labels=1)
    classifier = load_classifier(model_spec(folder, 64, labels=["bad", "good"], head="sigmoid"))
    texts = texts_of_one_length(classifier)
    logits_NK = plain_logits(classifier, inputs_of(classifier, texts))
    for text, (bad, good) in zip(texts, logits_NK, strict=True):
        assert bad == 0
        assert float(good) == pytest.approx(float(logits_of_transformers(folder, text)[0]), abs=1e-6)
        assert float(logits_NK.softmax(dim=1)[0, 1]) == pytest.approx(float(logits_NK[0, 1].sigmoid()))
    assert classifier.labels == ("bad", "good")


def test_several_labels_at_once_keep_their_logits(tmp_path):
    folder = saved(tmp_path, "bert", problem_type="multi_label_classification")
    classifier = load_classifier(model_spec(folder, 64, head="multi_label"))
    texts = texts_of_one_length(classifier)
    for text, logits_K in zip(texts, plain_logits(classifier, inputs_of(classifier, texts)), strict=True):
        torch.testing.assert_close(logits_K, logits_of_transformers(folder, text), rtol=0, atol=1e-6)


def test_a_yes_or_no_output_may_have_been_trained_as_one_of_several_labels(tmp_path):
    """The loss of a single logit goes by the name multi_label_classification in transformers."""
    folder = saved(tmp_path, "bert", num_labels=1, problem_type="multi_label_classification")
    assert load_classifier(model_spec(folder, 64, labels=["no", "yes"], head="sigmoid")).head == "sigmoid"


# ---------------------------------------------------------------- refusals


ONE = {"id2label": {"0": "x"}, "label2id": {"x": 0}}
SINGLE = {"finetuning_task": "one output", **ONE}


@pytest.mark.parametrize(
    ("config", "settings", "sentence"),
    [
        ({"auto_map": {"AutoModel": "evil.Evil"}}, {}, "needs Python code of its own"),
        (ONE, {}, r"has 1 label \(x\), a classifier with a softmax head has 2 or more\. .* set model\.head: sigmoid and both names in model\.labels"),
        (SINGLE, {"labels": ["a", "b"]}, r"is a regression \(one output\).* model\.head: sigmoid, two names in model\.labels"),
        (SINGLE | {"problem_type": "regression"}, {"labels": ["a", "b"], "head": "sigmoid"}, r"is a regression \(problem_type regression\).* no other problem_type"),
        ({"problem_type": "regression"}, {}, r"is a regression \(problem_type regression\)"),
        ({"problem_type": "multi_label_classification"}, {}, r"no single-label classifier.*Set model\.head: multi_label"),
        ({"problem_type": "single_label_classification"}, {"head": "multi_label"}, "model.head multi_label says otherwise"),
        (ONE, {"head": "sigmoid"}, r"has 1 label \(x\), a classifier with a sigmoid head has 2\. .*both names in model\.labels"),
        ({}, {"head": "sigmoid", "labels": ["a", "b"]}, "the model has 3 outputs, 1 are expected of a sigmoid head"),
        ({}, {"labels": ["a", "b"]}, "the model has 3 outputs, 2 are expected of a softmax head with the labels a, b"),
        ({}, {"labels": ["LABEL_0", "LABEL_2", "LABEL_1"]}, "model.labels calls output 1 'LABEL_2', which is output 2 in"),
        ({}, {"labels": ["a", "A", "b"]}, "model.labels names a label twice"),
        ({"id2label": {"0": "same", "1": "Same", "2": "x"}}, {}, "id2label names a label twice"),
        ({"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}, {}, "cannot be loaded as a sequence classifier"),
        ({"model_type": "no-such-model"}, {}, "cannot be loaded as a sequence classifier"),
        ({"id2label": {"0": "a", "2": "b"}}, {}, r"id2label should map 0, 1, \.\.\."),
        ({"label2id": {"LABEL_0": 1, "LABEL_1": 0, "LABEL_2": 2}}, {}, "label2id says it is output 1"),
        ({"num_hidden_layers": 3}, {}, "it is not a fine-tuned classifier"),
    ],
)  # fmt: skip
def test_a_model_of_the_wrong_kind_is_refused_in_one_sentence(folder_of, tmp_path, config, settings, sentence):
    folder = changed(folder_of, tmp_path, config, base="single output" if "finetuning_task" in config else "bert")
    with pytest.raises(ModelError, match=sentence) as caught:
        load_classifier(model_spec(folder, 64, **settings))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("remove", "sentence"),
    [
        (["model.safetensors"], r"holds no safetensors weights \(found: config\.json, tokenizer\.json"),
        (["config.json"], r"config\.json cannot be read"),
        (["tokenizer.json"], "tokenizer"),
    ],
)
def test_a_folder_with_a_missing_file_is_refused(folder_of, tmp_path, remove, sentence):
    with pytest.raises(ModelError, match=sentence) as caught:
        load_classifier(model_spec(changed(folder_of, tmp_path, remove=remove), 64))
    assert "\n" not in str(caught.value)


def test_a_vocabulary_that_was_not_read_is_refused(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path)
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"[UNK]": 0}, "[UNK]")), **NAMES).save_pretrained(folder)  # fmt: skip
    with pytest.raises(ModelError, match="the tokenizer knows only 5 tokens; its vocabulary file is missing or was not read"):  # fmt: skip
        load_classifier(model_spec(folder, 64))


def test_nan_weights_are_refused(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.classifier.bias.data[0] = float("nan")
    model.save_pretrained(folder)
    with pytest.raises(ModelError, match=r"classifier\.bias holds NaN or infinite weights"):
        load_classifier(model_spec(folder, 64))


def test_a_model_that_changed_since_it_was_named_is_refused(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path)
    spec = model_spec(folder, 64)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, "layer_norm_eps": 0.1}))
    with pytest.raises(ModelError, match="changed while the audit was running"):
        load_classifier(spec)


def test_an_unknown_device_is_a_sentence(folder_of, monkeypatch):
    monkeypatch.setenv("TOKEN_AUDIT_DEVICE", "cuda:77")
    with pytest.raises(ModelError, match="TOKEN_AUDIT_DEVICE=cuda:77 is no device of this machine"):
        load_classifier(model_spec(folder_of("bert"), 64))
