"""Stage: a classifier from a pretrained encoder and the training rows, made once.

Writes `models/<name>_<hash>/`: the model as `save_pretrained` writes it, and
`training.json` with the held-out accuracy. The folder is named by what went in (data,
encoder, settings, this recipe's version) and renamed into place when it is whole, so
a repeat finds it and returns at once.
"""

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from prefect import task
from prefect.cache_policies import NO_CACHE
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from configs.schema import AuditConfig, DataError, FinetuneConfig, ModelError, digest
from tasks.dataset import Row, label_names, read_rows
from tasks.model import (
    ModelSpec,
    device_from_environment,
    encode,
    model_fingerprint,
    model_spec,
    package_folder,
    quiet_transformers,
)
from tasks.parts import flush_files, write_whole
from tasks.progress import progress
from tasks.sources import dataset_fingerprint

RECIPE_VERSION = 1
"""Part of the folder's name. Raise it when a change here changes the weights."""


@task(name="finetune", cache_policy=NO_CACHE, timeout_seconds=6 * 3600)
def finetune_classifier(config: AuditConfig) -> ModelSpec:
    """Fine-tune the encoder of `config.finetune` on its rows, unless that was done before.

    Raises:
        DataError: the dataset cannot be read, or no row is left to train on.
        ModelError: the encoder cannot be found, or the held-out accuracy is below `finetune.min_accuracy`.
    """
    finetune = config.finetune
    assert finetune is not None, "only for configs with a finetune section"
    base = (
        package_folder(finetune.base.removeprefix("package:"))
        if finetune.base.startswith("package:")
        else Path(finetune.base)
    )
    used = finetune.model_dump(mode="json", exclude={"min_accuracy"})
    data = config.data.model_dump(mode="json", include={"text", "label", "labels", "where", "split"})
    key = digest(RECIPE_VERSION, dataset_fingerprint(config.data), model_fingerprint(base), used, data)
    folder = config.models / f"{config.name}_{key[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A second audit that needs the same classifier waits for the first one's.
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not (folder / "training.json").is_file():
            _finetune(config, finetune, base, folder)
    accuracy = json.loads((folder / "training.json").read_text())["heldout_accuracy"]
    if accuracy < finetune.min_accuracy:
        raise ModelError(
            f"The fine-tuned classifier {folder} is right on {accuracy:.1%} of the held-out examples, finetune.min_accuracy asks for "
            f"{finetune.min_accuracy:.1%}. Train longer or on more rows, or lower the limit."
        )
    return model_spec(folder, config.model.max_tokens)


def _finetune(config: AuditConfig, finetune: FinetuneConfig, base: Path, folder: Path) -> None:
    labels = label_names(config.data)
    heldout = [row for row in read_rows(config.data, config.data.where, labels) if row.reason is None]
    audited = {row.text for row in heldout}
    rows = [
        row for row in read_rows(config.data, finetune.where, labels) if row.reason is None and row.text not in audited
    ]
    if len(rows) < 2 or not heldout:
        raise DataError(
            f"finetune.where leaves {len(rows)} rows to train on and data.where {len(heldout)} to test on; rows that are audited are "
            "never trained on. Choose rows that do not overlap."
        )
    if finetune.sample is not None and finetune.sample < len(rows):
        chosen = np.random.default_rng(finetune.seed).permutation(len(rows))[: finetune.sample]
        rows = [rows[i] for i in sorted(chosen)]
    device = device_from_environment()
    model, tokenizer = _load_encoder(base, labels, finetune, device)
    _train(model, tokenizer, rows, finetune, device)
    accuracy = _accuracy(model, tokenizer, heldout, finetune, device)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        with quiet_transformers():
            model.save_pretrained(beside)
            tokenizer.save_pretrained(beside)
        write_whole(beside / "training.json", json.dumps({
            "heldout_accuracy": accuracy, "num_heldout": len(heldout), "num_trained": len(rows), "base": finetune.base,
            "settings": finetune.model_dump(mode="json"),
        }, indent=1).encode())  # fmt: skip
        flush_files(beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _load_encoder(
    base: Path, labels: tuple[str, ...], finetune: FinetuneConfig, device: torch.device
) -> tuple[Any, Any]:
    torch.manual_seed(finetune.seed)
    with quiet_transformers():
        model = AutoModelForSequenceClassification.from_pretrained(
            str(base), num_labels=len(labels), id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)},
            local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32,
        )  # fmt: skip
        tokenizer = AutoTokenizer.from_pretrained(str(base), local_files_only=True, trust_remote_code=False)
    # Sentence encoders ship their own, shorter limit; the position embeddings set the real one.
    tokenizer.model_max_length = int(model.config.max_position_embeddings)
    model.get_input_embeddings().requires_grad_(requires_grad=False)
    layers = next(
        (module for module in model.modules() if isinstance(module, torch.nn.ModuleList)), torch.nn.ModuleList()
    )
    if finetune.frozen_layers > len(layers):
        raise ModelError(
            f"finetune.frozen_layers is {finetune.frozen_layers}, the encoder {base.name} has {len(layers)} layers."
        )
    for layer in layers[: finetune.frozen_layers]:
        layer.requires_grad_(requires_grad=False)
    return model.to(device), tokenizer


def _train(model: Any, tokenizer: Any, rows: list[Row], finetune: FinetuneConfig, device: torch.device) -> None:
    """AdamW, linear warm-up and decay, batches of texts of similar length, bf16 autocast on a GPU, seeded."""
    ids = [text.ids for text in encode(tokenizer, [row.text for row in rows], None, finetune.max_tokens)]
    rng = np.random.default_rng(finetune.seed)
    batches: list[np.ndarray] = []
    for _ in range(finetune.epochs):
        # Shuffled before the stable sort, so that texts of one length meet others in each epoch.
        order = rng.permutation(len(ids))
        order = order[np.argsort([len(ids[i]) for i in order], kind="stable")]
        epoch = [order[start : start + finetune.batch_size] for start in range(0, len(order), finetune.batch_size)]
        batches += [epoch[i] for i in rng.permutation(len(epoch))]
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=finetune.learning_rate, weight_decay=0.01)
    warmup = max(1, len(batches) // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / warmup, max(0.0, (len(batches) - step) / max(1, len(batches) - warmup))),
    )
    model.train()
    torch.manual_seed(finetune.seed)
    with progress("finetune", len(rows) * finetune.epochs, "examples") as advance:
        for chosen in batches:
            ids_BT, mask_BT = _padded([ids[i] for i in chosen], tokenizer.pad_token_id or 0, device)
            labels_B = torch.tensor([rows[i].label for i in chosen], device=device)
            with _autocast(device):
                loss = model(input_ids=ids_BT, attention_mask=mask_BT, labels=labels_B).loss
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            schedule.step()
            advance(len(chosen))
    model.eval()


def _accuracy(model: Any, tokenizer: Any, rows: list[Row], finetune: FinetuneConfig, device: torch.device) -> float:
    ids = [text.ids for text in encode(tokenizer, [row.text for row in rows], None, finetune.max_tokens)]
    order = sorted(range(len(rows)), key=lambda i: len(ids[i]))
    num_correct = 0
    with progress("held-out", len(rows), "examples") as advance, torch.inference_mode():
        for start in range(0, len(order), 64):
            chosen = order[start : start + 64]
            ids_BT, mask_BT = _padded([ids[i] for i in chosen], tokenizer.pad_token_id or 0, device)
            predicted_B = model(input_ids=ids_BT, attention_mask=mask_BT).logits.argmax(dim=1)
            num_correct += int((predicted_B == torch.tensor([rows[i].label for i in chosen], device=device)).sum())
            advance(len(chosen))
    return num_correct / len(rows)


def _padded(ids: list[list[int]], pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    length = max(len(row) for row in ids)
    ids_BT = torch.tensor([row + [pad] * (length - len(row)) for row in ids], device=device)
    mask_BT = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in ids], device=device)
    return ids_BT, mask_BT


def _autocast(device: torch.device) -> contextlib.AbstractContextManager[object]:
    # Not on the CPU: bf16 is emulated on many, where it takes twice the time of float32 (measured).
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
