"""What a command looks at before anything slow starts."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from configs.errors import ConfigError

if TYPE_CHECKING:
    from configs.schema import AuditConfig

NEEDS_TRAINING = {
    "finetune": "there is nothing to fine-tune",
    "fix": "nothing says how the classifier is trained again: its base encoder and its training rows",
    "vocabulary review --train": "there is nothing to train",
}
"""Commands that cannot do without a `finetune` section, and why."""


def read_config(path: Path, overrides: Sequence[str] = (), as_of: date | None = None) -> "AuditConfig":
    """The config of a run that begins: with dates, and with the newest commit of a branch that it follows.

    Raises:
        ConfigError: as `load_config`.
        DataError: the branch is out of reach.
    """
    from configs.load import load_config

    return with_commits(load_config(path, overrides, as_of))


def with_commits(config: "AuditConfig") -> "AuditConfig":
    """The config with the newest commit of each branch that it follows.

    Raises:
        DataError: the branch is out of reach.
    """
    from configs.section import BRANCH

    followed = {
        name: section
        for name in ("data", "compare")
        if (section := getattr(config, name)) is not None and str(section.revision).startswith(BRANCH)
    }
    if not followed:
        return config
    from tasks.data.hub import pinned
    from tasks.data.sources import errors_of

    for name, section in followed.items():
        with errors_of(name):
            config = config.model_copy(update={name: pinned(section)})
    return config


def checked_config(
    path: Path, overrides: Sequence[str] | None, command: str, as_of: date | None = None
) -> "AuditConfig":
    """The config, and a look at what it names: a mistake in it is told before anything slow starts."""
    from configs.load import load_config

    config = load_config(path, tuple(overrides or ()), as_of)
    if config.finetune is None and command in NEEDS_TRAINING:
        raise ConfigError(f"{path}: has no `finetune` section, so {NEEDS_TRAINING[command]}.")
    from tasks.runs.inputs import require_inputs, require_labels

    if command == "certify":
        from tasks.selftest.certificate import require_certifiable

        require_certifiable(config)
    if command != "explain":
        require_labels(config, f"token-audit {command}")
    require_inputs(config, data=command != "explain" or not config.explain.texts)
    return config
