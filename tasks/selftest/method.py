"""Which attribution methods an audit computes: those of its config, of its model, or of its certificate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.attribution import Method
from configs.errors import AuditError
from configs.schema import AuditConfig
from tasks.attribution.families import defines_relevance
from tasks.model.folder import config_of
from tasks.model.spec import ModelSpec
from tasks.runs.identity import subject
from tasks.selftest.certificate import covering
from warehouse import open_warehouse


def with_method_for(config: AuditConfig, folder: Path) -> AuditConfig:
    """The config with what `auto` means for a model's folder; adapters and networks of one's own have no relevance.

    Raises:
        ModelError: the settings of the model cannot be read.
    """
    attribution = config.attribution
    if attribution.methods != "auto":
        return config
    # A method that `explain` names is one of those on the path.
    may_be = attribution.may_be_relevance and config.model.factory is None and config.explain.method is None
    if may_be and not (folder / "adapter_config.json").is_file() and defines_relevance(config_of(folder)):
        return _with(config, {"methods": ("relevance",)})
    return _with(config, {"methods": attribution.computed})


def with_method_chosen(config: AuditConfig, model: ModelSpec) -> AuditConfig:
    """The config with the methods that `auto` means for this model, or with the best method and baseline of its
    certificate, if it asks for them.

    Raises:
        AuditError: there is no certificate for this data and kind of model, or its model learned no shortcut.
    """
    config = with_method_for(config, model.folder)
    if config.attribution.methods != "certified":
        return config
    with open_warehouse(config.warehouse) as warehouse:
        found = covering(warehouse, subject(config, model))
    if found is None or found["method"] is None:
        raise AuditError(
            "attribution.methods: certified needs a certificate for this kind of model on this data, and "
            f"{config.warehouse} {'holds one whose model learned no shortcut' if found else 'holds none'}. "
            "Make one with token-audit certify CONFIG, or list attribution.methods."
        )
    return with_method(config, found)


_BESIDE: tuple[Method, ...] = ("gradient_x_input", "gradient_norm")
"""Methods that are computed beside the best one, because they use the same gradients."""


def with_method(config: AuditConfig, row: Mapping[str, Any]) -> AuditConfig:
    """The config with this method as the first signed one, and with its baseline, if it needs one.

    Without integrated gradients unless they are the best method: they cost more than all others, and need a pilot.
    """
    others = [method for method in config.attribution.defined(_BESIDE) if method != row["method"]]
    chosen: dict[str, Any] = {"methods": (row["method"], *others)}
    if row["baseline"] != "none":
        chosen["baseline"] = row["baseline"]
    return _with(config, chosen)


def _with(config: AuditConfig, chosen: Mapping[str, Any]) -> AuditConfig:
    return config.model_copy(update={"attribution": config.attribution.model_copy(update=chosen)})
