"""Look at a model's folder before anything in it is loaded: what could run code, and weights that would not be read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from configs.errors import ModelError

_SETTINGS = ("config.json", "tokenizer_config.json", "adapter_config.json")
_RUNS_CODE = ("auto_map", "trust_remote_code", "_attn_implementation_internal", "_experts_implementation_internal")
"""Keys that name Python code of the folder or of a hub repository, or ask for it to be run."""
_IMPLEMENTATION = ("attn_implementation", "experts_implementation")
"""Ends of keys whose value, or one of the values in it, may be code of a hub repository: `owner/name`."""
_ADAPTER = "adapter_config.json"
_WHOLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"


def config_of(folder: Path) -> dict[str, Any]:
    """The config.json of a model's folder.

    Raises:
        ModelError: there is none, or it is no JSON object.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{folder}/config.json cannot be read: {error}. Give the folder that `save_pretrained` wrote."
        ) from error
    if not isinstance(config, dict):
        raise ModelError(f"{folder}/config.json should be a JSON object, found {type(config).__name__}.")
    return config


def require_no_code(folder: Path) -> None:
    """
    Raises:
        ModelError: a file of settings names code to run, at any depth.
    """
    for name in _SETTINGS:
        for key in _keys_that_run_code(_content(folder / name)):
            raise ModelError(
                f"{folder} needs Python code of its own ({key} in {name}), which is refused. Use an architecture of "
                f"transformers; if the model works without that code, take {key} out of a copy of {name}."
            )


def require_all_weights_read(folder: Path) -> None:
    """
    Raises:
        ModelError: the folder holds an adapter, or a file of weights beside those that transformers reads.
    """
    if (folder / _ADAPTER).is_file():
        raise ModelError(
            f"{folder} holds an adapter ({_ADAPTER}), which would not be read. Merge it into its model once, where "
            f"peft is installed: `peft.AutoPeftModelForSequenceClassification.from_pretrained({str(folder)!r}, "
            "num_labels=...).merge_and_unload().save_pretrained(...)`, save the tokenizer beside it, and give that "
            "folder."
        )
    read = _weight_files(folder)
    unread = sorted(path.name for path in folder.glob("*.safetensors") if path.name not in read)
    if read and unread:
        raise ModelError(
            f"{folder} holds weights that would not be read: {', '.join(unread[:4])} beside {sorted(read)[0]}. "
            "Move them out of the folder, or give a copy without them."
        )


def _weight_files(folder: Path) -> set[str]:
    """Names of the files that transformers reads weights from; none if it finds none."""
    if (folder / _WHOLE).is_file():
        return {_WHOLE}
    index = _content(folder / _INDEX)
    shards = index.get("weight_map") if isinstance(index, dict) else None
    return {str(name) for name in shards.values()} if isinstance(shards, dict) else set()


def _content(file: Path) -> object:
    """A file of JSON; None where there is none, and where it cannot be read, which its loading will say.

    Raises:
        ModelError: it has too many levels to be searched.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    except RecursionError as error:
        raise ModelError(f"{file} cannot be read: it has too many levels inside each other.") from error


def _keys_that_run_code(content: object) -> Iterator[str]:
    waiting: list[tuple[str | None, object]] = [(None, content)]
    while waiting:
        implementation, value = waiting.pop()
        if isinstance(value, dict):
            yield from (key for key in _RUNS_CODE if value.get(key))
            waiting += [
                (key if key.endswith(_IMPLEMENTATION) else implementation, inner) for key, inner in value.items()
            ]
        elif isinstance(value, list):
            waiting += [(implementation, inner) for inner in value]
        elif implementation is not None and isinstance(value, str) and "/" in value:
            yield implementation
