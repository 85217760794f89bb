"""Running a classifier from a layer on, in many families; transformers on one text at a time is the oracle."""

import pytest
import torch

from configs.attribution import AttributionConfig
from configs.errors import AttributionError
from tasks.attribution.batches import engine_for
from tasks.attribution.relevance import FrozenFactors
from tasks.model.baselines import baseline_activations
from tasks.model.forward import inputs_of, plain_logits
from tasks.model.layers import WORD_EMBEDDINGS, activations, find_layer, logits_at, require_explainable
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tests.model.families import FAMILIES, logits_of_transformers, of_transformers, points_of, texts_of_one_length

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_one_text_at_a_time(folder_of, family):
    classifier = load_classifier(model_spec(folder_of(family), 64))
    texts = texts_of_one_length(classifier)
    logits_NK = plain_logits(classifier, inputs_of(classifier, texts))
    for text, logits_K in zip(texts, logits_NK, strict=True):
        expected_K = logits_of_transformers(folder_of(family), text)
        torch.testing.assert_close(logits_K, expected_K, rtol=0, atol=1e-5)
    assert not torch.equal(logits_NK[0], logits_NK[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_gradient_at_the_word_embeddings_is_the_gradient_of_the_embedding_matrix(folder_of, family):
    """All tokens differ, so the row of a token in the gradient of the matrix is the gradient at its place, by whichever way it is read."""
    classifier = load_classifier(model_spec(folder_of(family), 64))
    texts = texts_of_one_length(classifier)
    inputs = inputs_of(classifier, texts)
    points_NTD = activations(classifier, WORD_EMBEDDINGS, inputs).requires_grad_()
    logits_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)
    (gradient_NTD,) = torch.autograd.grad(logits_NK[:, 1].sum(), points_NTD)
    # BART multiplies what it looks up by the root of its width.
    scale = 4.0 if family == "bart" else 1.0
    for n, text in enumerate(texts):
        model, logits_K = of_transformers(folder_of(family), text)
        logits_K[1].backward()
        matrices = {parameter for parameter in model.parameters() if parameter.shape == points_of(classifier)}
        gradient_VD = sum(matrix.grad for matrix in matrices if matrix.grad is not None)
        ordinary = [t for t in range(len(text.ids)) if not text.special[t]]
        expected_TD = gradient_VD[[text.ids[t] for t in ordinary]]
        assert expected_TD.abs().max() > 1e-3
        torch.testing.assert_close(scale * gradient_NTD[n, ordinary], expected_TD, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_only_a_head_that_reads_the_first_position_leaves_the_others_out(folder_of, family):
    """Their gradients are compared with those of the whole model above."""
    classifier = load_classifier(model_spec(folder_of(family), 64))
    assert (classifier.last_block is not None) == (family in ("bert", "roberta", "xlm-roberta", "electra"))


def test_explained_passes_of_a_bert_compute_its_last_block_at_one_position_unless_it_is_the_layer(bert):
    inputs = inputs_of(bert, texts_of_one_length(bert))
    num_tokens = inputs.ids_NT.shape[1]
    inner = find_layer(bert, "bert.encoder.layer.1.attention")
    seen = []
    handle = bert.last_block.intermediate.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[1]))
    try:
        plain_NK = plain_logits(bert, inputs)
        for layer in (WORD_EMBEDDINGS, inner):
            points_NTD = activations(bert, layer, inputs)
            seen.clear()
            torch.testing.assert_close(logits_at(bert, layer, inputs, points_NTD), plain_NK, rtol=0, atol=1e-5)
            assert seen == [1 if layer is WORD_EMBEDDINGS else num_tokens]
    finally:
        handle.remove()


@pytest.mark.parametrize("family", FAMILIES)
def test_relevance_adds_up_to_the_logit_without_biases_or_is_refused(folder_of, family):
    classifier = load_classifier(model_spec(folder_of(family), 64), keep=False)
    if family not in ("bert", "distilbert", "roberta", "xlm-roberta", "electra", "deberta-v2"):
        with pytest.raises(AttributionError, match="relevance is defined for models of the types bert"):
            engine_for(classifier, AttributionConfig(methods=("relevance",)))
        return
    for name, parameter in classifier.model.named_parameters():
        if name.endswith("bias") or "position" in name or "token_type" in name:
            parameter.data.zero_()
    inputs = inputs_of(classifier, texts_of_one_length(classifier))
    points_NTD = activations(classifier, WORD_EMBEDDINGS, inputs).requires_grad_()
    with FrozenFactors():
        logits_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)
    (gradient_NTD,) = torch.autograd.grad(logits_NK[:, 1].sum(), points_NTD)
    relevance_N = (gradient_NTD * points_NTD).sum(dim=(1, 2))
    torch.testing.assert_close(relevance_N, logits_NK[:, 1], rtol=1e-4, atol=1e-5)
    assert logits_NK[:, 1].abs().min() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_at_the_baseline_nothing_is_left_of_the_text(folder_of, family):
    """A decoder that goes on reading the text, or a head that does, would tell two texts apart."""
    classifier = load_classifier(model_spec(folder_of(family), 64))
    require_explainable(classifier, WORD_EMBEDDINGS)
    texts = texts_of_one_length(classifier)
    inputs = inputs_of(classifier, texts)
    special_NT = torch.tensor([text.special for text in texts]).bool()
    empty_NTD = baseline_activations(classifier, WORD_EMBEDDINGS, inputs, special_NT, "mean")
    logits_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, empty_NTD)
    torch.testing.assert_close(logits_NK[1:], logits_NK[:1].expand_as(logits_NK[1:]), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("family", "dtype"), [("bert", "bfloat16"), ("bert", "autocast"), ("t5", "bfloat16"), ("gpt2", "autocast")])  # fmt: skip
def test_low_precision_is_close_and_its_logits_are_float32(folder_of, family, dtype):
    exact = load_classifier(model_spec(folder_of(family), 64))
    inputs = inputs_of(exact, texts_of_one_length(exact))
    expected_NK = plain_logits(exact, inputs)
    classifier = load_classifier(model_spec(folder_of(family), 64), dtype)
    require_explainable(classifier, WORD_EMBEDDINGS)
    low_NTD = activations(classifier, WORD_EMBEDDINGS, inputs)
    assert low_NTD.dtype == (torch.bfloat16 if dtype == "bfloat16" else torch.float32)
    points_NTD = low_NTD.float().requires_grad_()
    logits_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)
    (gradient_NTD,) = torch.autograd.grad(logits_NK.sum(), points_NTD)
    assert (logits_NK.dtype, gradient_NTD.dtype) == (torch.float32, torch.float32)
    assert not torch.equal(logits_NK, expected_NK)
    assert float((logits_NK.detach() - expected_NK).abs().max()) < 0.05 * max(1.0, float(expected_NK.abs().max()))


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_decoder_without_a_padding_token_takes_several_texts_at_once(folder_of, family):
    classifier = load_classifier(model_spec(folder_of(family), 64))
    texts = texts_of_one_length(classifier, num_texts=2)
    model, _ = of_transformers(folder_of(family), texts[0])
    assert model.config.pad_token_id is None
    with pytest.raises(ValueError, match="Cannot handle batch sizes > 1"):
        model(input_ids=torch.tensor([text.ids for text in texts]))
    assert plain_logits(classifier, inputs_of(classifier, texts)).shape == (2, 3)


@pytest.mark.parametrize("family", ["bart", "t5"])
def test_texts_with_a_written_end_token_are_taken_together_with_others(folder_of, family):
    """The heads of these families want as many end tokens in every text of a batch."""
    classifier = load_classifier(model_spec(folder_of(family), 64))
    texts = texts_of_one_length(classifier, num_texts=4)
    for n in (0, 2):
        texts[n].ids[3] = classifier.tokenizer.eos_token_id
    inputs = inputs_of(classifier, texts)
    expected_NK = torch.stack([logits_of_transformers(folder_of(family), text) for text in texts])
    torch.testing.assert_close(plain_logits(classifier, inputs), expected_NK, rtol=0, atol=1e-5)
    points_NTD = activations(classifier, WORD_EMBEDDINGS, inputs).requires_grad_()
    logits_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)
    torch.testing.assert_close(logits_NK.detach(), expected_NK, rtol=0, atol=1e-5)
    # The gradient of a text's logits is at that text's own places.
    (gradient_NTD,) = torch.autograd.grad(logits_NK[2, 0], points_NTD)
    assert [bool(rows.any()) for rows in gradient_NTD] == [False, False, True, False]
    layer = find_layer(classifier, "model.encoder" if family == "bart" else "transformer.encoder")
    alone = [activations(classifier, layer, inputs_of(classifier, [text])) for text in texts]
    torch.testing.assert_close(activations(classifier, layer, inputs), torch.cat(alone), rtol=0, atol=1e-5)
