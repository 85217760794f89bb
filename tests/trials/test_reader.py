"""Trials read texts as transformers does."""

import numpy as np
import pytest
import torch

from tasks.model.spec import model_spec
from tasks.text.edits import Text
from tasks.trials.reader import Reader
from tests.model.families import FAMILIES, logits_of_transformers, pieces

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("family", FAMILIES)
def test_trials_get_the_logits_that_transformers_gives(folder_of, family):
    model = model_spec(folder_of(family), 64)
    reader = Reader(model, "float32", {})
    texts = ["one probe that is read", "and then another one", "one probe that is [MASK]"]
    found_NK = reader.logits([Text(text, None) for text in texts])
    for text, found_K in zip(pieces(reader.classifier, *texts), found_NK, strict=True):
        expected_K = logits_of_transformers(folder_of(family), text)
        torch.testing.assert_close(torch.tensor(found_K, dtype=torch.float32), expected_K, rtol=0, atol=1e-5)


def test_margins_of_trials_are_the_log_odds_of_each_rows_own_label(folder_of):
    reader = Reader(model_spec(folder_of("bert"), 64), "float32", {})
    logits_NK = np.random.default_rng(0).normal(size=(4, 3)) * 5
    labels = [2, 0, 1, 2]
    shares_NK = np.exp(logits_NK) / np.exp(logits_NK).sum(axis=1, keepdims=True)
    expected = [
        np.log(shares_K[label] / (1 - shares_K[label])) for shares_K, label in zip(shares_NK, labels, strict=True)
    ]
    assert reader.margins(logits_NK, labels) == pytest.approx(expected, rel=1e-9)


def test_trials_compute_the_last_block_of_a_bert_at_one_position(folder_of):
    reader = Reader(model_spec(folder_of("bert"), 64), "float32", {})
    seen = []
    handle = reader.classifier.last_block.intermediate.register_forward_pre_hook(
        lambda module, args: seen.append(args[0].shape[1])
    )
    try:
        reader.logits([Text("one probe that is read", None)])
    finally:
        handle.remove()
    assert seen == [1]
