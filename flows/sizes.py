"""How large the stages of an audit are, in passes of the model, before they have begun."""

from collections.abc import Callable, Mapping

from configs.schema import AuditConfig

_GRADIENTS, _DOCUMENT_GRADIENTS = 5, 16
"""Gradients a text where the pilot decides: what it decided on the datasets of tests/benchmarks, rounded up."""
_PASSES_A_TRIAL = 4
"""Forward passes a text of a trial: without the word, with it elsewhere, and a placebo beside each."""
_A_GRADIENT = 3
"""Forward passes that take as long as one with its backward pass."""
_TRIED = 0.5
"""Share of the trials that are made: most effects are known early (13,204 of 28,800 passes in the demo)."""


def gradients_of(config: AuditConfig) -> int:
    """Gradients a text, of a config whose methods are chosen."""
    if "integrated_gradients" not in config.attribution.computed:
        return 1
    by_mode = {"corpus": _GRADIENTS, "document": _DOCUMENT_GRADIENTS, "fixed": config.attribution.steps}
    return config.attribution.gradients or by_mode[config.attribution.mode]


def trial_passes(config: AuditConfig, num_texts: int) -> int:
    """Most forward passes of the trials."""
    # A word is in five texts or more, so that a small dataset has fewer candidates than are allowed.
    candidates = min(config.screening.max_candidates, num_texts // 4)
    return candidates * config.verification.max_documents * _PASSES_A_TRIAL


def later_stages(config: AuditConfig) -> dict[str, Callable[[int], Mapping[str, float]]]:
    """Stage -> from its amount, how long each later stage takes, as a multiple of its own time. Of `remove` nothing is
    known before the verdicts; the others take seconds."""
    gradient_passes = _A_GRADIENT * gradients_of(config)
    return {
        "attribute": lambda num_texts: {
            "verify": _TRIED * trial_passes(config, num_texts) / max(gradient_passes * num_texts, 1)
        }
    }
