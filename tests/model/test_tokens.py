"""Texts as the token ids that a model reads."""

import pytest
import torch

from configs.errors import ModelError
from tasks.model.forward import inputs_of, plain_logits
from tasks.model.layers import WORD_EMBEDDINGS, require_explainable
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tasks.model.tokens import Encoded, encode, token_counts
from tests.model.families import logits_of_transformers, pieces


def test_the_second_text_of_a_pair_has_its_own_segment_and_points_into_the_joined_text(bert):
    first, second = "it rains", "ça, movie"
    text = f"{first}\n{second}"
    (encoded,) = encode(bert.tokenizer, [text], [len(first) + 1], None)
    expected = bert.tokenizer(first, second)
    assert encoded.ids == expected["input_ids"]
    assert encoded.types == expected["token_type_ids"]
    assert sorted(set(encoded.types)) == [0, 1]
    assert inputs_of(bert, [encoded]).types_NT.tolist() == [encoded.types]
    read = [
        text[start:end] for (start, end), special in zip(encoded.offsets, encoded.special, strict=True) if not special
    ]
    assert "".join(read) == "itrainsça,movie"
    logits_K = bert.model(**bert.tokenizer(first, second, return_tensors="pt")).logits[0]
    torch.testing.assert_close(plain_logits(bert, inputs_of(bert, [encoded]))[0], logits_K, rtol=0, atol=1e-6)


def test_of_a_pair_that_is_too_long_the_longer_text_is_cut(bert):
    first, second = "a b", "a b c d e f g h i j"
    (encoded,) = encode(bert.tokenizer, [f"{first}\n{second}"], [4], 10)
    assert bert.tokenizer.decode(encoded.ids) == "[CLS] a b [SEP] a b c d e [SEP]"
    assert token_counts(bert.tokenizer, [f"{first}\n{second}"], [4]) == [2 + 10 + 3]
    assert token_counts(bert.tokenizer, [first, second], [None, None]) == [4, 12]


def test_padding_to_a_fixed_length_is_on_the_tokenizers_side_and_masked(folder_of):
    for family, side in (("bert", "right"), ("xlnet", "left")):
        classifier = load_classifier(model_spec(folder_of(family), 64, pad_to=12))
        (text,) = pieces(classifier, "a b")
        padding = [classifier.tokenizer.pad_token_id] * (12 - len(text.ids))
        inputs = inputs_of(classifier, [text])
        ids, ones, zeros = text.ids, [1] * len(text.ids), [0] * len(padding)
        assert inputs.ids_NT.tolist() == [ids + padding if side == "right" else padding + ids]
        assert inputs.mask_NT.tolist() == [ones + zeros if side == "right" else zeros + ones]
        expected_K = logits_of_transformers(folder_of(family), text)
        torch.testing.assert_close(plain_logits(classifier, inputs)[0], expected_K, rtol=0, atol=1e-5)
        require_explainable(classifier, WORD_EMBEDDINGS)
        assert len(pieces(classifier, "a " * 40)[0].ids) == 12


def test_rows_are_chosen_by_their_index(bert):
    texts = [Encoded([5, i, 6], [(0, 1)] * 3, [0, 0, 0], [0, i, 0]) for i in range(4)]
    inputs = inputs_of(bert, texts).rows(torch.tensor([3, 3, 1]))
    assert inputs.ids_NT.tolist() == [[5, 3, 6], [5, 3, 6], [5, 1, 6]]
    assert inputs.types_NT.tolist() == [[0, 3, 0], [0, 3, 0], [0, 1, 0]]
    assert inputs.mask_NT.shape == (3, 3)


def test_a_token_the_model_has_no_embedding_for_is_a_sentence(bert):
    with pytest.raises(ModelError, match=r"gives a text the token 9999, the model has embeddings for \d+ tokens only"):
        inputs_of(bert, [Encoded([0, 9999], [(0, 1)] * 2, [1, 0], None)])
