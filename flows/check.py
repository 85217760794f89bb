"""A look at a config before its audit: what `run` would refuse, and how long it may take. Nothing is written."""

import json
import math
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from configs.errors import DataError
from configs.load import override
from configs.schema import AuditConfig
from flows.checked import checked_config, with_commits
from flows.sizes import gradients_of, trial_passes
from tasks.data.rows import Row, label_names, read_rows
from tasks.data.split import audited_and_trained, sampled
from tasks.model.spec import encoder_folder, resolve_model
from tasks.selftest.method import with_method_for

MOST_ROWS = 100_000
"""Rows that are read; of a larger dataset the rest is taken to be like them."""
_COUNTED_TEXTS = 500
"""Texts whose tokens are counted."""
_START_SECONDS, _LIBRARY_GB = 30.0, 1.0
"""Imports, Prefect, tables and page; and what Python with its libraries takes before it has read a text."""
_FACTOR = 2
"""The audits of the demo and of tests/flows lasted between a half and the double of what is said here."""


@dataclass(frozen=True)
class Checked:
    """What a look found. An audit that would be refused has none: its sentence is raised."""

    rows: int
    """Rows that were read."""
    usable: int
    audited: int
    """About: texts that occur twice are audited once."""
    labels: dict[str, int]
    """Usable rows of each label of the model."""
    unusable: dict[str, int]
    """Rows of each reason why they are not."""
    tokens: float | None
    """Mean tokens of a text, at most model.max_tokens; None without a tokenizer.json."""
    parameters: int
    """Weights of the network without its word embeddings, which are looked up."""
    trained: int
    """Texts to train on before the audit."""
    seconds: float
    memory_gb: float
    not_read: str | None
    """What was left out, and why."""


def check_config(path: Path, overrides: Sequence[str]) -> Checked:
    """Look at the config, the head of its data, its labels and its model.

    Raises:
        AuditError: the sentence that `token-audit run` would end in.
    """
    config = checked_config(path, overrides, "run")
    with TemporaryDirectory(prefix="token-audit-check-") as folder:
        if config.model.hub is not None and config.finetune is None:
            given = [*overrides, override("model.hub", None), override("model.revision", None)]
            where = _fetched_head(config.model.hub, str(config.model.revision), Path(folder))
            config = checked_config(path, [*given, override("model.path", str(where))], "explain")
        return _looked(with_commits(config))


def _fetched_head(name: str, revision: str, folder: Path) -> Path:
    """The settings and tokenizer of a hub model with an empty file of weights: nothing large is fetched."""
    from huggingface_hub import snapshot_download
    from safetensors.numpy import save_file

    from configs.errors import ModelError
    from tasks.data.hub import short_way_offline
    from tasks.runtime.plugins import first_line

    files = ["config.json", "tokenizer.json", "tokenizer_config.json"]
    try:
        with short_way_offline():
            snapshot_download(name, revision=revision, allow_patterns=files, local_dir=folder)
    except Exception as error:  # whatever the client and its transport may raise
        raise ModelError(
            f"model.hub: {name} at {revision} cannot be reached on the Hugging Face hub ({first_line(error)}). "
            "Check the name, the commit and the network, or download the folder and set model.path."
        ) from error
    save_file({"none": np.zeros(1, np.float32)}, folder / "model.safetensors")
    return folder


def _looked(config: AuditConfig) -> Checked:
    folder = config.model.path if config.finetune is None else encoder_folder(config.finetune.base)
    assert folder is not None, "the schema demands a model"
    config = with_method_for(config, folder)
    labels = resolve_model(config).labels if config.finetune is None else label_names(config.data, config.data.where)
    rows: list[Row] = []
    trained = 0
    not_read = None
    if config.data.path is None:
        not_read = f"the dataset {config.data.hub}, which would have to be fetched as a whole"
    else:
        rows = list(islice(read_rows(config.data, config.data.where, labels), MOST_ROWS))
        if len(rows) == MOST_ROWS:
            not_read = f"rows after the first {MOST_ROWS:,}"
        elif config.finetune is not None:
            trained = len(sampled(audited_and_trained(config, labels)[1], config.finetune)) * config.finetune.epochs
    usable = [row for row in rows if row.reason is None]
    unusable = Counter(row.reason for row in rows if row.reason is not None)
    if not_read is None:
        _require_enough(config, len(rows), usable, unusable)
    audited = len({row.text for row in usable})
    if config.finetune is not None and config.finetune.held_out is not None:
        audited = round(audited * config.finetune.held_out)
    audited = min(audited, config.data.sample or audited)
    tokens = _mean_tokens(folder, [row.text for row in islice(usable, _COUNTED_TEXTS)], config.model.max_tokens)
    parameters, weight_gb = _size(folder)
    seconds = _START_SECONDS + _operations(config, audited, trained, tokens or 40.0, parameters) / _speed()
    return Checked(
        rows=len(rows),
        usable=len(usable),
        audited=audited,
        labels={label: sum(row.label == i for row in usable) for i, label in enumerate(labels)},
        unusable=dict(unusable),
        tokens=tokens,
        parameters=parameters,
        trained=trained,
        seconds=seconds,
        # Training holds gradients and two moments beside the weights.
        memory_gb=_LIBRARY_GB + weight_gb * (4 if trained else 2) + 0.5,
        not_read=not_read,
    )


def _require_enough(config: AuditConfig, num_rows: int, usable: Sequence[Row], unusable: Counter[str]) -> None:
    """The limits that the stage `ingest` sets, by its sentences."""
    if unusable.total() > config.data.max_rejected * num_rows:
        reasons = ", ".join(f"{reason} {count}" for reason, count in unusable.most_common())
        raise DataError(
            f"{unusable.total()} of {num_rows} rows cannot be audited ({reasons}), "
            f"more than data.max_rejected = {config.data.max_rejected}. Check data.text, data.label and data.labels."
        )
    if (found := len({row.text for row in usable})) < (least := config.statistics.min_examples):
        raise DataError(
            f"Only {found} of {num_rows} rows can be audited. Words in fewer than {least} texts get no figure "
            "(statistics.min_examples), so nothing could be judged: give more texts."
        )


def _mean_tokens(folder: Path, texts: Sequence[str], most: int) -> float | None:
    if not texts or not (folder / "tokenizer.json").is_file():
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return float(np.mean([min(len(encoded.ids), most) for encoded in tokenizer.encode_batch(list(texts))]))


def _size(folder: Path) -> tuple[int, float]:
    """Weights without the word embeddings, and the size of all in gigabytes, from the heads of the files."""
    from safetensors import safe_open

    parameters, every = 0, 0
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="np") as weights:
            for name in weights.keys():  # noqa: SIM118 (no mapping)
                number = math.prod(weights.get_slice(name).get_shape())
                every += number
                parameters += 0 if "embed" in name else number
    if every <= 1 and (folder / "config.json").is_file():  # a hub model whose weights were not fetched
        parameters = _by_settings(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        every = 2 * parameters
    return parameters, every * 4 / 1e9


def _by_settings(settings: dict[str, Any]) -> int:
    """Weights of a transformer of this shape: 12 squares of the width a layer."""
    width = int(settings.get("hidden_size") or settings.get("dim") or 768)
    layers = int(settings.get("num_hidden_layers") or settings.get("n_layers") or 12)
    return 12 * width * width * layers


def _operations(config: AuditConfig, audited: int, trained: int, tokens: float, parameters: int) -> float:
    """Multiplications and additions: 2 a weight and token in a forward pass, 6 with its backward pass."""
    gradients, trials = gradients_of(config), trial_passes(config, audited)
    return tokens * parameters * (6.0 * gradients * audited + 2.0 * trials + 6.0 * trained)


_WIDTH = 64


def _speed() -> float:
    """Operations a second of this machine, by products of matrices.

    In seconds of its processors: what else runs on the machine now does not count, or the estimate would be its mirror.
    The matrices are so small that one thread multiplies them; threads that wait for each other use processors, too.
    """
    one = np.ones((_WIDTH, _WIDTH), np.float32)
    one @ one
    num, used, end = 0, time.process_time(), time.perf_counter() + 0.2
    while num == 0 or time.perf_counter() < end:
        one @ one
        num += 1
    used = max(time.process_time() - used, 1e-6)
    # A network comes to half of that.
    return 0.5 * 2 * _WIDTH**3 * num * _cores() / used


def _cores() -> int:
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() and given != "0" else os.cpu_count() or 1


def lines_of(checked: Checked) -> Iterable[tuple[str, str]]:
    """What was seen, a line for each thing."""
    if checked.rows:
        left = ", ".join(f"{reason} {number:,}" for reason, number in checked.unusable.items())
        why = f" (not usable: {left})" if left else ""
        yield "data", f"{checked.rows:,} rows, {checked.usable:,} usable{why}; about {checked.audited:,} audited"
        yield "labels", ", ".join(f"{label} {number:,}" for label, number in checked.labels.items())
    if checked.tokens is not None:
        yield "tokens", f"{checked.tokens:.0f} a text on average"
    yield "model", f"{checked.parameters / 1e6:.0f} million weights beside the word embeddings"
    if checked.not_read:
        yield "not read", checked.not_read
    if checked.audited:
        trained = " with its training" if checked.trained else ""
        low, high = checked.seconds / _FACTOR, checked.seconds * _FACTOR
        yield "time", f"{_minutes(low)} to {_minutes(high)} on this machine's processor{trained}, if nothing else runs"
    yield "memory", f"about {checked.memory_gb:.1f} GB"


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def facts_of_check(checked: Checked) -> dict[str, Any]:
    """As plain values, for `--json`."""
    return asdict(checked)
