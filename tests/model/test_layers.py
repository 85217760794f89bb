"""Layers whose values can be explained, and one sentence for those that cannot."""

import pytest
import torch

import tasks.model.layers
from configs.errors import AttributionError
from tasks.model.forward import inputs_of, plain_logits
from tasks.model.layers import WORD_EMBEDDINGS, activations, find_layer, logits_at, require_explainable
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tests.model.families import texts_of_one_length

pytestmark = pytest.mark.slow

LAYERS = {
    "embeddings": 0,
    "bert.embeddings": 0,
    "bert.encoder.layer.0": 1,
    "bert.encoder.layer.0:output": 1,
    "bert.encoder.layer.1:input": 1,
    "bert.encoder.layer.1": 2,
    "bert.encoder": 2,
    "bert.pooler:input": 2,
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_value_is_the_hidden_state_of_transformers_and_can_be_replaced(bert, name):
    texts = texts_of_one_length(bert, num_texts=4)
    own, other = inputs_of(bert, texts[:2]), inputs_of(bert, texts[2:])
    layer = find_layer(bert, name)
    found = bert.model(input_ids=other.ids_NT, attention_mask=other.mask_NT, output_hidden_states=True)
    other_NTD = activations(bert, layer, other)
    torch.testing.assert_close(other_NTD, found.hidden_states[LAYERS[name]], rtol=0, atol=1e-6)
    assert not other_NTD.requires_grad
    points_NTD = other_NTD.requires_grad_()
    logits_NK = logits_at(bert, layer, own, points_NTD)
    torch.testing.assert_close(logits_NK, found.logits, rtol=0, atol=1e-6)
    assert torch.autograd.grad(logits_NK.sum(), points_NTD)[0].abs().max() > 0
    assert not torch.allclose(plain_logits(bert, own), found.logits, atol=1e-3), "the hooks are gone again"
    require_explainable(bert, layer)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("t5", "transformer.decoder.block.1"),
        ("xlnet", "transformer"),
        ("deberta-v2", "deberta.encoder.layer.0"),
        ("distilbert", "distilbert.transformer.layer.0"),
        ("gpt2", "transformer.h.0"),
        ("llama", "model.layers.1:input"),
        ("electra", "electra.embeddings_project"),
        ("modernbert", "embeddings"),
    ],
)
def test_layers_of_other_families_work_as_well(folder_of, family, name):
    classifier = load_classifier(model_spec(folder_of(family), 64))
    require_explainable(classifier, find_layer(classifier, name))


@pytest.mark.parametrize(
    ("family", "name", "sentence"),
    [
        ("bart", "model.encoder.layers.0", r"depends on the text by another way than model\.encoder\.layers\.0"),
        ("bart", "model.encoder", "depends on the text by another way"),
        ("t5", "transformer.encoder.block.0", "depends on the text by another way"),
        ("t5", "transformer.decoder.block.0", "depends on the text by another way"),
        ("bert", "bert.encoder.layer.0.attention.self", "depends on the text by another way"),
        ("bert", "bert.embeddings:input", r"bert\.embeddings:input is given no vectors for 2 texts of \d+ tokens"),
        ("bert", "classifier", r"classifier gives a value of shape \(2, 3\) for 2 texts of"),
        ("bert", "bert.pooler", r"gives a value of shape \(2, 16\)"),
        ("longformer", "embeddings", r"embeddings gives a value of shape \(2, 32, 16\) for 2 texts of 29 tokens"),
        ("xlnet", "transformer.layer.0", r"gives a value of shape \(32, 2, 16\) for 2 texts of 32 tokens"),
        ("albert", "albert.encoder.albert_layer_groups.0", "is called 2 times in a forward pass, expected once"),
        ("gpt2", "embeddings", "has no embedding block"),
        ("bart", "embeddings", "has no embedding block"),
        ("bart", "model.shared", "is called 0 times in a forward pass"),
        ("bert", "bert.encoder.layer.9", r"has no module 'bert\.encoder\.layer\.9'\. Close to it: bert\.encoder\.layer\.\d, bert\.encoder\.layer"),
        ("bert", "zzz", "has no module 'zzz'"),
        ("bert", "bert.encoder:inside", "behind the colon of 'bert.encoder:inside' stands 'inside', expected input or output"),
    ],
)  # fmt: skip
def test_a_layer_that_cannot_be_explained_is_refused_in_one_sentence(folder_of, family, name, sentence):
    classifier = load_classifier(model_spec(folder_of(family), 64))
    with pytest.raises(AttributionError, match=sentence) as caught:
        require_explainable(classifier, find_layer(classifier, name))
    assert "\n" not in str(caught.value)


def test_a_replacement_that_is_not_the_models_own_value_is_found_out(bert, monkeypatch):
    honest = tasks.model.layers.activations
    monkeypatch.setattr(tasks.model.layers, "activations", lambda *args: honest(*args) * 1.05)
    with pytest.raises(
        AttributionError, match="goes on from the model's own value at word_embeddings ends in other logits"
    ):
        require_explainable(bert, WORD_EMBEDDINGS)
