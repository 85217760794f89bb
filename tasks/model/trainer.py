"""Train a network, read its predictions, and write it as a folder that an audit loads.

Shape letters: N texts, K labels.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch.nn.functional import cross_entropy

from configs.errors import ModelError
from configs.schema import FinetuneConfig
from tasks.data.rows import Row
from tasks.model.networks import save_network
from tasks.model.tokens import Encoded, quiet_transformers
from tasks.model.training import Start, Texts, added_rows, parameter_groups
from tasks.runtime.parts import flush_files, write_whole
from tasks.runtime.progress import progress

BATCH_SIZE = 32


def train(start: Start, texts: Texts, rows: Sequence[Row], finetune: FinetuneConfig, *, said: str = "finetune") -> None:
    """AdamW, linear warm-up and decay, batches of texts of similar length, bf16 autocast on a GPU, seeded.

    `said` names the progress. With one seed, equally many rows are read in the same order.
    """
    encoded = texts.encoded(rows)
    rng = np.random.default_rng(finetune.seed)
    batches: list[np.ndarray] = []
    for _ in range(finetune.epochs):
        # Shuffled before the stable sort, so that texts of one length meet others in each epoch.
        order = rng.permutation(len(encoded))
        order = order[np.argsort([len(encoded[i].ids) for i in order], kind="stable")]
        epoch = [order[start : start + BATCH_SIZE] for start in range(0, len(order), BATCH_SIZE)]
        batches += [epoch[i] for i in rng.permutation(len(epoch))]
    model = start.model
    with added_rows(start) as rows_WD:
        groups = parameter_groups(start, rows_WD)
        trained = [parameter for group in groups for parameter in group["params"]]
        optimizer = torch.optim.AdamW(groups, lr=finetune.learning_rate, weight_decay=0.01)
        warmup = max(1, len(batches) // 10)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: min((step + 1) / warmup, max(0.0, (len(batches) - step) / max(1, len(batches) - warmup))),
        )
        model.train()
        torch.manual_seed(finetune.seed)
        with progress(said, len(rows) * finetune.epochs, "examples") as advance:
            for chosen in batches:
                labels_N = torch.tensor([rows[i].label for i in chosen], device=texts.device)
                with _autocast(texts.device):
                    loss = cross_entropy(texts.logits(model, [encoded[i] for i in chosen]), labels_N)
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                torch.nn.utils.clip_grad_norm_(trained, 1.0)
                optimizer.step()
                schedule.step()
                advance(len(chosen))
    model.eval()


def logits_of(model: Any, texts: Texts, rows: Sequence[Row], *, said: str = "held-out") -> np.ndarray:
    """Logits (N, K) of the rows, in their order; `model` is in eval mode."""
    found: list[np.ndarray] = []
    order = read_in_batches(
        texts, rows, said, lambda batch: found.append(texts.logits(model, batch).float().cpu().numpy())
    )
    return in_order(found, order)


def read_in_batches(
    texts: Texts, rows: Sequence[Row], said: str, read: Callable[[Sequence[Encoded]], object]
) -> list[int]:
    """Call `read` with batches of rows of similar length; return the order in which they were read."""
    encoded = texts.encoded(rows)
    order = sorted(range(len(rows)), key=lambda i: len(encoded[i].ids))
    with progress(said, len(rows), "examples") as advance, torch.inference_mode():
        for first in range(0, len(order), 64):
            chosen = order[first : first + 64]
            read([encoded[i] for i in chosen])
            advance(len(chosen))
    return order


def in_order(batches: Sequence[np.ndarray], order: Sequence[int]) -> np.ndarray:
    """What was read in another order, in that of the rows."""
    read = np.concatenate(batches)
    found = np.empty_like(read)
    found[list(order)] = read
    return found


def save_classifier(
    model: Any, tokenizer: Any, finetune: FinetuneConfig, folder: Path, facts: Mapping[str, object]
) -> None:
    """Write the folder of a trained classifier, whole or not at all; `facts` becomes its `training.json`.

    Raises:
        ModelError: it cannot be written.
    """
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        with quiet_transformers():
            if finetune.network == "auto":
                model.save_pretrained(beside)
            else:
                save_network(model, beside)
            tokenizer.save_pretrained(beside)
        write_whole(beside / "training.json", json.dumps(facts, indent=1).encode())
        flush_files(beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    except SafetensorError as error:
        raise ModelError(f"The fine-tuned classifier {folder} cannot be written: {error}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _autocast(device: torch.device) -> contextlib.AbstractContextManager[object]:
    # Not on the CPU: bf16 is emulated on many, where it takes twice the time of float32 (measured).
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
