"""A first config, from what a person says of the data and the model."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from configs.errors import ConfigError
from configs.schema import DataConfig, ModelConfig
from flows.runs import near

Ask = Callable[[str, str | None, list[str]], str]
"""Called with a question, what is meant if nothing is typed, and the answers that there are."""


def chosen(name: str, given: str, columns: Sequence[str]) -> str:
    """
    Raises:
        ConfigError: the dataset has no such column.
    """
    if given not in columns:
        raise ConfigError(f"--{name} {given}: no such column.{near(given, columns)} Columns: {', '.join(columns)}.")
    return given


def mapped_labels(data: DataConfig, model: ModelConfig, given: Mapping[str, str], ask: Ask | None) -> dict[str, str]:
    """The model's label of each label of the dataset; nothing where the names are the same.

    Raises:
        ConfigError: the names differ, and nobody is there to be asked.
    """
    from tasks.data.rows import label_names
    from tasks.model.spec import model_spec

    assert model.path is not None
    known = model_spec(model.path, model.max_tokens).labels
    found = label_names(data, data.where)
    if given:
        wrong = [f"{one}={other}" for one, other in given.items() if one not in found or other not in known]
        if wrong:
            raise ConfigError(
                f"--map {wrong[0]}: should be a label of the data ({', '.join(found)}) = one of the model "
                f"({', '.join(known)})."
            )
        return dict(given)
    if {name.casefold() for name in found} <= {name.casefold() for name in known}:
        return {}
    if ask is None:
        pairs = " ".join(f"--map {name}={known[i % len(known)]}" for i, name in enumerate(found))
        raise ConfigError(
            f"The labels of the data ({', '.join(found)}) are not those of the model ({', '.join(known)}). Say which "
            f"is which, for example {pairs}: a guess could flip every label."
        )
    return {name: ask(f"Label {name!r} of the data is which of the model's", None, list(known)) for name in found}


def write_config(target: Path, name: str, data: DataConfig, model: ModelConfig) -> None:
    """Write the config, never over a file.

    Raises:
        ConfigError: there is one of this name.
    """
    settings: dict[str, Any] = {
        "name": name,
        "data": {"path": str(data.path), "text": data.text, "label": data.label},
        "model": {"path": str(model.path)},
    }
    if data.labels:
        settings["data"]["labels"] = dict(data.labels)
    text = "# Written by token-audit init. token-audit config lists what else can be set.\n"
    text += yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError(f"{target} is there already, and is left as it is. Name another file.") from error
