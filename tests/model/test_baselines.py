"""The text that says nothing, at every layer."""

import pytest
import torch

from configs.errors import ModelError
from tasks.model.baselines import baseline_activations, baseline_token, gram_matrix
from tasks.model.forward import inputs_of
from tasks.model.layers import WORD_EMBEDDINGS, find_layer
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tests.model.families import texts_of_one_length


def test_every_baseline_is_the_vector_it_is_called_after(bert):
    texts = texts_of_one_length(bert)
    inputs = inputs_of(bert, texts)
    special_NT = torch.tensor([text.special for text in texts]).bool()
    matrix_VD = bert.model.bert.embeddings.word_embeddings.weight
    expected = {
        "mask": matrix_VD[bert.tokenizer.mask_token_id], "pad": matrix_VD[bert.tokenizer.pad_token_id],
        "unk": matrix_VD[bert.tokenizer.unk_token_id], "zero": torch.zeros(16), "mean": matrix_VD.sum(dim=0) / len(matrix_VD),
    }  # fmt: skip
    for name, vector_D in expected.items():
        points_NTD = baseline_activations(bert, WORD_EMBEDDINGS, inputs, special_NT, name)
        torch.testing.assert_close(points_NTD[special_NT], matrix_VD[inputs.ids_NT[special_NT]])
        torch.testing.assert_close(points_NTD[~special_NT], vector_D.expand(int((~special_NT).sum()), 16))
        token, used = baseline_token(bert, name)
        assert used == name
        assert (token is None) == (name in ("zero", "mean"))


def test_the_baseline_of_an_inner_layer_is_its_value_for_a_text_of_masks(bert):
    texts = texts_of_one_length(bert)
    inputs = inputs_of(bert, texts)
    special_NT = torch.tensor([text.special for text in texts]).bool()
    masked_NT = torch.where(special_NT, inputs.ids_NT, bert.tokenizer.mask_token_id)
    states = bert.model(input_ids=masked_NT, output_hidden_states=True).hidden_states
    found = baseline_activations(bert, find_layer(bert, "bert.encoder.layer.0"), inputs, special_NT, "mask")
    torch.testing.assert_close(found, states[1], rtol=0, atol=1e-6)


def test_without_a_mask_token_the_unknown_token_stands_in_and_says_so(folder_of):
    classifier = load_classifier(model_spec(folder_of("llama"), 64))
    assert baseline_token(classifier, "mask") == (classifier.tokenizer.unk_token_id, "unk")
    with pytest.raises(ModelError, match=r"the tokenizer has no pad token\. Use one of: unk, zero, mean\."):
        baseline_token(classifier, "pad")


def test_the_gram_matrix_is_of_what_the_module_looks_up(folder_of):
    for family, scale in (("bert", 1.0), ("bart", 4.0)):
        classifier = load_classifier(model_spec(folder_of(family), 64))
        matrix_VD = scale * classifier.word_embeddings.weight
        torch.testing.assert_close(gram_matrix(classifier), torch.einsum("vd,ve->de", matrix_VD, matrix_VD), rtol=1e-5, atol=1e-4)  # fmt: skip
