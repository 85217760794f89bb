"""What a command looks at before anything slow starts."""

from collections.abc import Sequence
from pathlib import Path

from configs.errors import ConfigError
from configs.load import load_config
from configs.schema import AuditConfig

NEEDS_TRAINING = {
    "finetune": "there is nothing to fine-tune",
    "fix": "nothing says how the classifier is trained again: its base encoder and its training rows",
    "vocabulary review --train": "there is nothing to train",
}
"""Commands that cannot do without a `finetune` section, and why."""


def checked_config(path: Path, overrides: Sequence[str] | None, command: str) -> AuditConfig:
    """The config, and a look at what it names: a mistake in it is told before anything slow starts."""
    config = load_config(path, tuple(overrides or ()))
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
