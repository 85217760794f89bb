"""Texts that do not fit into memory, and scores that are no numbers."""

import pytest
import torch

from configs.errors import AttributionError
from tasks.attribution.batches import batch_tokens
from tasks.model.layers import logits_at
from tasks.model.load import load_classifier
from tests.attribution.minilm import TEXTS, attributed, of

pytestmark = pytest.mark.usefixtures("small_pilot")


@pytest.mark.slow
def test_out_of_memory_halves_the_batch_and_quarantines_what_does_not_fit_alone(shallow, tmp_path, monkeypatch):
    """A device that holds 60 tokens: the longest text does not fit, the others do, with the scores they always have."""
    plain, _ = attributed(tmp_path / "plain", shallow, TEXTS, steps=4)
    length = len(of(plain, 3))

    def tight(classifier, layer, inputs, points):
        if points.shape[0] * points.shape[1] > (60 if points.shape[1] < length else 0):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return logits_at(classifier, layer, inputs, points)

    monkeypatch.setattr("tasks.attribution.batches.logits_at", tight)
    tokens, examples = attributed(tmp_path / "tight", shallow, TEXTS, steps=4)
    assert [example["reason"] for example in examples] == [None, None, None, "out of memory"]
    assert [example["converged"] for example in examples] == [True, True, True, False]
    for i in range(3):
        assert of(tokens, i) == pytest.approx(of(plain, i), abs=1e-5)
    with pytest.raises(AttributionError, match=r"1 of 4 examples .* do not fit into memory"):
        attributed(tmp_path / "strict", shallow, TEXTS, mode="corpus", gradients=2, max_quarantined=0.1)


def test_scores_that_are_no_numbers_are_quarantined(shallow, tmp_path, monkeypatch):
    short = len(load_classifier(shallow).tokenizer(TEXTS[0])["input_ids"])

    def broken(classifier, layer, inputs, points):
        logits = logits_at(classifier, layer, inputs, points)
        if points.shape[1] == short:
            # The logits are right and their gradient is not: the root of 0 has none.
            return logits + (points - points).sum(dim=(1, 2)).abs().sqrt()[:, None]
        return logits

    monkeypatch.setattr("tasks.attribution.batches.logits_at", broken)
    _, examples = attributed(tmp_path, shallow, TEXTS[:2], steps=2)
    assert [(example["converged"], example["reason"]) for example in examples] == [(False, "not finite"), (True, None)]


def test_the_budget_is_read_from_the_environment(monkeypatch):
    assert batch_tokens(torch.device("cpu")) == 1024
    assert batch_tokens(torch.device("cuda")) > 1024
    monkeypatch.setenv("TOKEN_AUDIT_BATCH_TOKENS", "77")
    assert batch_tokens(torch.device("cuda")) == 77
    monkeypatch.setenv("TOKEN_AUDIT_BATCH_TOKENS", "many")
    with pytest.raises(AttributionError, match="TOKEN_AUDIT_BATCH_TOKENS=many should be a whole number"):
        batch_tokens(torch.device("cpu"))


def test_a_gap_over_the_limit_gets_more_steps_and_then_quarantine(shallow, tmp_path, doublings):
    doublings(0)
    _, coarse = attributed(tmp_path / "a", shallow, TEXTS, steps=1, max_gap=0.002)
    assert not all(example["converged"] for example in coarse)
    doublings(6)
    _, retried = attributed(tmp_path / "b", shallow, TEXTS, steps=1, max_gap=0.002)
    for before, after in zip(coarse, retried, strict=True):
        relative = abs(after["gap"]) / max(abs(after["change"]), 1)
        assert after["converged"] == (relative <= 0.002)
        assert after["gradients"] == 1 if before["converged"] else after["gradients"] in (2, 4, 8, 16, 32, 64)
    assert sum(example["converged"] for example in retried) > sum(example["converged"] for example in coarse)
