"""Stage: obtain the classifier that is audited: fine-tune it once, or find it in its folder or on the hub.

A fine-tuned one is written to `models/<name>_<hash>/`: the model as `save_pretrained` writes it, or a network of
tasks/model/networks.py as its factory reads it, and `training.json` with the held-out accuracy. The folder is named by
a hash of its inputs (data, encoder, settings, code) and renamed into place when it is complete, so a repeat finds it
and returns at once.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
from filelock import FileLock

from configs.errors import DataError, ModelError
from configs.schema import AuditConfig, FinetuneConfig
from configs.section import digest
from tasks.data.hub import is_transient
from tasks.data.rows import label_names
from tasks.data.sources import dataset_fingerprint
from tasks.data.split import audited_and_trained, sampled
from tasks.data.votes import labelling_key, read_labelling
from tasks.model.load import device_from_environment
from tasks.model.spec import ModelSpec, encoder_folder, model_fingerprint, model_spec, resolve_model
from tasks.model.trainer import logits_of, save_classifier, train
from tasks.model.training import Texts, new_classifier, said_of_training
from tasks.runtime.code import code_of
from tasks.runtime.stage import stage

_MOST_CHECKED = 2000
"""Rows that the accuracy on held-out data is measured on: within 2 % of that on all of them, 95 times in 100."""


@stage("finetune", hours=6, retry_if=is_transient)
def obtain_classifier(config: AuditConfig) -> ModelSpec:
    """The classifier of a config: fine-tuned where it has a `finetune` section, else the one under `model`.

    A hub model is downloaded once, at its pinned commit; a classifier is fine-tuned once.

    Raises:
        DataError: the dataset cannot be read, or no row is left to train on.
        ModelError: the model or the encoder cannot be found, has no safetensors weights, or its held-out accuracy is
            below `finetune.min_accuracy`.
    """
    return resolve_model(config) if config.finetune is None else _finetuned(config, config.finetune)


def _finetuned(config: AuditConfig, finetune: FinetuneConfig) -> ModelSpec:
    """Fine-tune the encoder on its rows, unless that was done before."""
    base = encoder_folder(finetune.base)
    used = finetune.model_dump(mode="json", exclude={"min_accuracy", "network", "rules"})
    data = config.data.model_dump(mode="json", include={"text", "pair", "label", "labels", "where", "split", "dialect"})
    own = (finetune.network, config.model.pad_to)
    key = digest(
        code_of("tasks.finetune", "tasks.text", "tasks.data", "tasks.model"),
        dataset_fingerprint(config.data),
        model_fingerprint(base),
        used,
        data,
        *(own if own != ("auto", None) else ()),
        *(() if finetune.held_out is None else (config.data.seed,)),
        *_rules_key(config, finetune),
    )
    folder = config.models / f"{config.name}_{key[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A second audit that needs the same classifier waits for the first one's.
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not (folder / "training.json").is_file():
            # Left by processes that were killed: nobody else writes here while the lock is held.
            for stale in folder.parent.glob(f".{folder.name}.*[0-9]"):
                shutil.rmtree(stale)
            _finetune(config, finetune, base, folder)
    accuracy = json.loads((folder / "training.json").read_text())["heldout_accuracy"]
    if accuracy < finetune.min_accuracy:
        raise ModelError(
            f"The fine-tuned classifier {folder} is right on {accuracy:.1%} of the held-out examples, "
            f"finetune.min_accuracy asks for {finetune.min_accuracy:.1%}. "
            "Train longer or on more rows, or lower the limit."
        )
    model = config.model
    return model_spec(
        folder,
        model.max_tokens,
        factory=None if finetune.network == "auto" else f"tasks.model.networks:{finetune.network}",
        long_texts=model.long_texts,
        pad_to=model.pad_to,
    )


def _rules_key(config: AuditConfig, finetune: FinetuneConfig) -> tuple[str, ...]:
    if finetune.rules is None:
        return ()
    labels = label_names(config.data, config.data.where)
    return (labelling_key(read_labelling(finetune.rules, config.data, labels)),)


def _finetune(config: AuditConfig, finetune: FinetuneConfig, base: Path, folder: Path) -> None:
    own = finetune.held_out is None and finetune.rules is None
    choices = [config.data.where, finetune.where] if own else [config.data.where]
    labels = label_names(config.data, *choices)
    # Before the rows are read: what the base cannot do is said at once.
    start = new_classifier(finetune, base, labels, config.model.pad_to)
    heldout, rows = audited_and_trained(config, labels)
    if finetune.held_out is not None and (len(rows) < 2 or not heldout):
        raise DataError(
            f"finetune.held_out = {finetune.held_out:g} leaves {len(rows)} rows to train on and {len(heldout)} to "
            "audit: the dataset is too small to be divided."
        )
    if len(rows) < 2 or not heldout:
        raise DataError(
            f"finetune.where leaves {len(rows)} rows to train on and data.where {len(heldout)} to test on; "
            "rows that are audited are never trained on. Choose rows that do not overlap."
        )
    rows = sampled(rows, finetune)
    device = device_from_environment()
    model, tokenizer, texts = start.model.to(device), start.tokenizer, Texts(start, device)
    said = said_of_training(start)
    print(f"trained\t{said}", file=sys.stderr, flush=True)
    train(start, texts, rows, finetune)
    if len(heldout) > _MOST_CHECKED:
        drawn = np.random.default_rng(finetune.seed).permutation(len(heldout))[:_MOST_CHECKED]
        heldout = [heldout[i] for i in sorted(drawn)]
    predicted_N = logits_of(model, texts, heldout).argmax(axis=1)
    facts = {
        "heldout_accuracy": float(np.mean(predicted_N == [row.label for row in heldout])),
        "num_heldout": len(heldout),
        "num_trained": len(rows),
        "base": finetune.base,
        "trained": said,
        "settings": finetune.model_dump(mode="json"),
    }
    save_classifier(model, tokenizer, finetune, folder, facts)
