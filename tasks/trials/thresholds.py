"""What the rule of `warehouse/judge/verdicts.sql` compares its evidence with."""

from configs.schema import AuditConfig

MIN_FLIP_RATE = 0.125
"""A word decides texts if at least this share of the predictions changes significantly when it goes, to whichever
label."""


def thresholds(config: AuditConfig) -> dict[str, float]:
    """Parameter of the query -> value."""
    return {
        "min_effect": config.verification.min_effect,
        "max_foretold": config.verdicts.max_predicted,
        "min_operators": 2,
        # A content word needs this many texts to be called spurious; names, fragments and the like need no such number.
        "min_texts": 12,
        "min_turned": MIN_FLIP_RATE,
        "max_opposite": 0.25,
        "max_spread": 1.0,
        # Shares of the effect that are lost with a neighbour in the word's place: the word itself, or its meaning.
        "min_surface": 0.6,
        "max_surface": 0.2,
    }
