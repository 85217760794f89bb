"""What is found out about a model by running it."""

from dataclasses import replace

import pytest
import torch
import transformers
from transformers import AutoModelForSequenceClassification

from configs.errors import ModelError
from tasks.model.forward import inputs_of, plain_logits
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tests.model.families import changed, texts_of_one_length, tokenizer_of


@pytest.mark.parametrize(
    ("family", "positions"),
    [("bert", 64), ("roberta", 64), ("mpnet", 64), ("longformer", 64), ("gpt2", 64), ("bart", 64), ("xlnet", 512), ("t5", 512)],
)  # fmt: skip
def test_texts_are_cut_to_the_positions_the_model_has(folder_of, family, positions):
    """RoBERTa's relatives have 66, of which the first two belong to padding."""
    classifier = load_classifier(model_spec(folder_of(family), 512))
    assert classifier.max_tokens == positions
    if positions == 64:
        longest = texts_of_one_length(classifier, num_texts=1)[0]
        ordinary = next(i for i, special in zip(longest.ids, longest.special, strict=True) if not special)
        missing = 64 - len(longest.ids)
        long = replace(longest, ids=longest.ids[:2] + [ordinary] * missing + longest.ids[2:], types=None)
        assert bool(torch.isfinite(plain_logits(classifier, inputs_of(classifier, [long]))).all())


def test_weights_that_overflow_are_refused(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.classifier.weight.data.fill_(3e38)
    model.bert.pooler.dense.bias.data.fill_(10)
    model.save_pretrained(folder)
    with pytest.raises(ModelError, match="the logits of an ordinary text are no numbers"):
        load_classifier(model_spec(folder, 64))


def test_an_architecture_whose_text_is_not_looked_up_in_one_place_is_refused(tmp_path):
    config = transformers.CanineConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, num_hash_functions=2, num_hash_buckets=32, max_position_embeddings=256)  # fmt: skip
    transformers.CanineForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer_of("bert").save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"0 embedding modules are called with the token ids, expected one; this architecture cannot be explained"):  # fmt: skip
        load_classifier(model_spec(tmp_path, 64))
