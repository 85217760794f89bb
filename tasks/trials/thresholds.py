"""The thresholds of the rule in `warehouse/judge/verdicts.sql`."""

from configs.schema import AuditConfig

MIN_FLIP_RATE = 0.125
"""A word decides texts if its removal significantly changes at least this share of the predictions, to any label."""


def thresholds(config: AuditConfig) -> dict[str, float]:
    """Parameter of the query -> value."""
    return {
        "min_effect": config.verification.min_effect,
        "max_predicted": config.verdicts.max_predicted,
        "min_operators": 2,
        # Only content words need this many texts to be called spurious.
        "min_texts": 12,
        "min_flip_rate": MIN_FLIP_RATE,
        "max_opposite": 0.25,
        "max_variation": 1.0,
        # Shares of the effect that are lost with a neighbour in the word's place: large if the model uses the word
        # itself,
        # small if it uses the meaning.
        "min_surface": 0.6,
        "max_surface": 0.2,
    }
