"""The thresholds of the rule in `warehouse/judge/judged.sql`."""

from configs.schema import AuditConfig


def thresholds(config: AuditConfig) -> dict[str, float]:
    """Parameter of the query -> value."""
    return {
        "fdr": config.statistics.fdr,
        "min_effect": config.verification.min_effect,
        "max_explained": config.verdicts.max_explained,
    }
