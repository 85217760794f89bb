"""Which models layer-wise relevance is defined for; told by their settings, so that nothing is loaded to know."""

from collections.abc import Mapping
from typing import Any

FAMILIES = ("bert", "camembert", "deberta-v2", "distilbert", "electra", "roberta", "xlm-roberta")
"""Types of models whose nonlinear operations are all handled in relevance.py, if their activation is GELU or ReLU."""


def defines_relevance(settings: Mapping[str, Any]) -> bool:
    """Whether all nonlinear operations of a model with this config.json are handled: gated, recurrent or inlined ones
    would not be."""
    activation = settings.get("hidden_act", settings.get("activation"))
    return settings.get("model_type") in FAMILIES and activation in ("gelu", "relu")
