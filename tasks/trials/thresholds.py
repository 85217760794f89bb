"""The thresholds of the rule in `warehouse/judge/judged.sql`, and of the state of a whole audit."""

from statistics import NormalDist

from configs.schema import AuditConfig

MIN_GRADE = 0.5
"""A word that is judged by its meaning is spurious from this grade on: below, it is as words that mean what they do."""


def thresholds(config: AuditConfig) -> dict[str, float]:
    """Parameter of the query -> value."""
    return {
        "fdr": config.statistics.fdr,
        "min_effect": config.verification.min_effect,
        "max_explained": config.verdicts.max_explained,
        "min_grade": MIN_GRADE,
    }


PRIOR_EXAMPLES = 4.0
"""Weight of the typical word's variance in each word's own variance (moderated variance), and of the class shares in
label rates."""

MIN_RATE = 0.05
"""A word goes with a label if its texts have it this much more often than all texts do, as a share; surely less is no
association."""

NONE_BELOW = 1.0
"""No shortcut: all findings together change fewer predictions per 1,000 texts than this, by the upper end."""
ACT_FROM = 10.0
"""Act: they change this many or more, by the lower end."""
ACT_ALONE = 5.0
"""Act, too: a name, an identity term, a type or a pair changes this many or more by itself."""
SEEN_EFFECT = 0.3
"""The effect that an audit should be able to see, in log-odds."""
POWER = 0.8
"""The probability with which it should see it, by its 95 % interval."""
MIN_POWERED = 0.5
"""Too little data: words in as many texts as that takes have less of the occurrences of all used words. Most used words
are rare, and what stands in few texts changes few predictions."""


def state_thresholds() -> dict[str, float]:
    """Parameter of `warehouse/remove/` -> value."""
    return {
        "none_below": NONE_BELOW,
        "act_from": ACT_FROM,
        "act_alone": ACT_ALONE,
        "seen_effect": SEEN_EFFECT,
        "power_z": NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(POWER),
        "min_powered": MIN_POWERED,
    }
