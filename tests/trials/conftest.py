"""Small models of many families, made once, and a model whose effects are known."""

import pytest

import tasks.trials.part
from tests.model.families import folder_of
from tests.trials.linear import Linear, LinearWorld

__all__ = ["folder_of"]


@pytest.fixture
def linear(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks.trials.part, "Reader", Linear)
    return LinearWorld(tmp_path)
