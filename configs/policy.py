"""Policies: what makes an audit fail, in a YAML file and in the words of MLflow's MetricThreshold.

metrics:
  per_1000: {threshold: 20, min_absolute_change: -5}   # at most 20, and at most 5 more than in the reference
  new_findings: {threshold: 0}
never:
  - word: spielberg        # may not move predictions
  - type: identity term
  - state: Act              # of the audit as a whole
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from configs.errors import ConfigError
from configs.load import parse_yaml
from configs.section import shown
from configs.waivers import Line


class Metric(NamedTuple):
    """What a rule can be about."""

    about: str
    greater_is_better: bool = False
    compares: bool = False
    """It is of two runs: it has a threshold, and no change."""
    changes: bool = True
    """It has a value in the reference, too."""


METRICS: Mapping[str, Metric] = {
    "per_1000": Metric("predictions per 1,000 texts that hang on all findings together"),
    "findings": Metric("findings: spurious words, pieces, pairs, types and patterns"),
    "new_findings": Metric("findings shown to be new since the reference", compares=True),
    "accuracy": Metric("share of the labelled texts predicted as labelled, 0 to 1", greater_is_better=True),
    "worst_group_accuracy": Metric(
        "lowest accuracy, 0 to 1, of the texts with one gold label, or with one and a finding", greater_is_better=True
    ),
    "ndcg": Metric("nDCG of the importance of words, 0 to 1, to the reference", greater_is_better=True, compares=True),
    "rbo": Metric("rank-biased overlap of the important words, 0 to 1", greater_is_better=True, compares=True),
    "quarantined": Metric("share of the texts, 0 to 1, whose attribution missed its tolerance"),
    "rejected": Metric("share of the rows, 0 to 1, that were set aside"),
    "expired_waivers": Metric("waivers whose last day has passed", changes=False),
    "certificate_age": Metric("days since the self-test that covers the run", changes=False),
    "certificate_recall": Metric(
        "share, 0 to 1, of the learned shortcuts that the self-test found", greater_is_better=True, changes=False
    ),
}
"""Name in a policy -> what it is."""

CONDITIONS = ("threshold", "min_absolute_change", "min_relative_change")


class Rule(BaseModel):
    """The conditions on one metric."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    threshold: float | None = None
    """The value may be at most this, or at least this if greater is better."""
    min_absolute_change: float | None = None
    """It has to be better than in the reference by this; a negative number says by how much it may be worse."""
    min_relative_change: float | None = None
    """The same as a share of the value in the reference."""
    greater_is_better: bool | None = None
    significant: bool = True
    """It fails only if its whole 95 % interval does; false: by its value."""


class Never(BaseModel):
    """A word or a type of words that may not move predictions, or a state that an audit may not end in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    word: Line | None = None
    type: Line | None = None
    state: Literal["Act", "Minor", "No shortcut found", "Too little data"] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Never":
        if sum(value is not None for value in (self.word, self.type, self.state)) != 1:
            raise ValueError("needs exactly one of `word`, `type` and `state`")
        return self


class Policy(BaseModel):
    """What makes an audit fail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metrics: dict[str, Rule] = {}
    never: tuple[Never, ...] = ()


DEFAULT = Path(str(files("configs").joinpath("policies", "gate.yaml")))
"""The policy that is used where none is named."""


def load_policy(path: Path) -> Policy:
    """
    Raises:
        ConfigError: the file cannot be read, or is no policy.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"The policy {path} cannot be read ({reason}). Correct the path.") from error
    values = parse_yaml(text, str(path))
    try:
        policy = Policy.model_validate({} if values is None else values)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        said = "is not known here" if problem["type"] == "extra_forbidden" else problem["msg"]
        raise ConfigError(
            f"{path}: {place}: {said}, found {shown(problem['input'])}. A policy has `metrics`, each with "
            f"{', '.join(CONDITIONS)} or greater_is_better, and `never`, a list of `word`, `type` or `state`."
        ) from error
    if not policy.metrics and not policy.never:
        raise ConfigError(f"{path} is a policy without a rule: everything would pass. Give it `metrics` or `never`.")
    for name, rule in policy.metrics.items():
        if problem_of := _clash(name, rule):
            raise ConfigError(f"{path}: metrics.{name} {problem_of}.")
    return policy


def _clash(name: str, rule: Rule) -> str | None:
    metric = METRICS.get(name)
    if metric is None:
        return f"is no metric. Metrics: {', '.join(METRICS)}"
    conditions: dict[str, Any] = {condition: getattr(rule, condition) for condition in CONDITIONS}
    if all(value is None for value in conditions.values()):
        return f"has no condition. Give it one of {', '.join(CONDITIONS)}"
    if metric.compares and any(conditions[condition] is not None for condition in CONDITIONS[1:]):
        return "compares two runs already; it takes a threshold alone"
    if not metric.changes and any(conditions[condition] is not None for condition in CONDITIONS[1:]):
        return "has no value in the reference; it takes a threshold alone"
    if rule.greater_is_better not in (None, metric.greater_is_better):
        return f"sets greater_is_better: {shown(rule.greater_is_better)}, but {_better(metric)}"
    return None


def _better(metric: Metric) -> str:
    return "more of it is better" if metric.greater_is_better else "less of it is better"
