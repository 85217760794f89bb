"""Look at what a config names before anything slow is imported: torch and Prefect take ten seconds and more."""

from pathlib import Path

from configs.errors import ConfigError
from configs.schema import AuditConfig, DataConfig
from configs.waivers import load_waivers
from tasks.data.sources import errors_of, open_dataset, require_path
from tasks.model.spec import encoder_folder, require_model_folder

_MOST_BYTES = 20_000_000
"""Of a text file whose lines are counted to find its columns: a tenth of a second."""


def require_inputs(config: AuditConfig, *, data: bool = True) -> None:
    """Check that the files of a config are there and have the columns it names. The hub and object stores are left to
    the stages, and so are large files.

    `data`: whether the dataset is read at all.

    Raises:
        AuditError: the sentence of the stage that would have found it.
    """
    if data or config.finetune is not None:
        _require_data(config.data, "data")
    if config.compare is not None:
        _require_data(config.compare, "compare")
    if config.model.path is not None:
        require_model_folder(config.model.path, config.model.factory)
    if config.finetune is not None:
        require_model_folder(encoder_folder(config.finetune.base))
    load_waivers(config.waivers, list)


def require_labels(config: AuditConfig, command: str) -> None:
    """
    Raises:
        ConfigError: the texts have no labels, and the command needs some.
    """
    for section, data in (("data", config.data), ("compare", config.compare)):
        if data is not None and data.label is None:
            raise ConfigError(
                f"`{section}.label` is null: {command} compares predictions with labels. Name their column, or look at "
                "single texts without labels by token-audit explain."
            )


def _require_data(data: DataConfig, section: str) -> None:
    if not isinstance(data.path, Path):
        return
    with errors_of(section):
        require_path(data.path)
        if data.path.is_dir() or data.path.stat().st_size <= _MOST_BYTES:
            open_dataset(data)
