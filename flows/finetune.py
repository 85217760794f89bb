"""Make the classifier of a config with a `finetune` section, without auditing it."""

from pathlib import Path

from prefect import flow

from configs.errors import ConfigError
from flows.checked import read_config
from tasks.finetune import obtain_classifier
from tasks.model.spec import ModelSpec


@flow(name="finetune", validate_parameters=False)
def finetune(config_path: Path, overrides: tuple[str, ...] = ()) -> ModelSpec:
    """Fine-tune once; a repeat returns the finished classifier.

    Raises:
        ConfigError: the config has no `finetune` section.
        AuditError: as `tasks.finetune.obtain_classifier`.
    """
    config = read_config(Path(config_path), overrides)
    if config.finetune is None:
        raise ConfigError(f"{config_path}: has no `finetune` section, so there is nothing to fine-tune.")
    return obtain_classifier(config)
