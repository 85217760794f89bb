"""Stage: train the classifier again with each remedy, and read the held-out texts with every one of them.

Of a single remedy that changes texts the last layer alone is fitted, in seconds, unless all arms are asked for. All
arms of a seed have the same start, the same order of batches and, where the rules label the same rows, the same
rows. Writes, in `<run>/remedies/`, a part for each arm and seed with one table, `predictions`, one row per held-out
text and figure: `arm`, `seed`, `figure` (measured, or forecast: the last layer alone was fitted again), `row_number`,
`label` (gold) and `predicted`, indices of the model's labels. The part `held_out` has the texts: `row_number`,
`source_id`, `text` and `words`, those of the findings that it holds.

The classifier of one arm is kept as a folder that an audit can read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from configs.errors import DataError
from configs.schema import AuditConfig
from configs.section import digest
from tasks.data.rows import Row
from tasks.data.sources import dataset_fingerprint
from tasks.data.split import audited_and_trained, audited_and_unlabelled, sampled
from tasks.model.load import device_from_environment
from tasks.model.spec import ModelSpec, encoder_folder, model_fingerprint, model_spec
from tasks.model.trainer import logits_of, save_classifier, train
from tasks.model.training import Texts, new_classifier, said_of_training
from tasks.remedies.arms import AS_IT_IS, PLACEBO, RULES, TOGETHER, Arm, Retrained, read_rows_of, training_rows
from tasks.remedies.last_layer import features_of, fitted, weights_without
from tasks.runs.run import Run
from tasks.runtime.code import code_of
from tasks.runtime.parts import read_manifest, write_part
from tasks.runtime.stage import stage
from tasks.text.folding import folded_surfaces
from tasks.text.words import word_spans

NUM_SEEDS = 3
BY_LAYER = ", last layer only"
"""Behind the name of an arm of which the last layer alone was fitted."""

PREDICTION = pa.schema(
    [
        ("arm", pa.string()),
        ("seed", pa.int64()),
        ("figure", pa.string()),
        ("row_number", pa.int64()),
        ("label", pa.int32()),
        ("predicted", pa.int32()),
    ]
)

HELD_OUT = pa.schema(
    [
        ("row_number", pa.int64()),
        ("source_id", pa.string()),
        ("text", pa.string()),
        ("words", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class _Job:
    """What is the same for all arms."""

    config: AuditConfig
    labels: tuple[str, ...]
    base: Path
    folder: Path
    arms: Sequence[Arm]
    rows: Sequence[Row]
    heldout: Sequence[Row]
    words: Sequence[Sequence[str]]
    """Of the findings that `last layer` unlearns, those that each training row holds."""
    key: str
    retrained: frozenset[str]
    """Names of the arms that are trained as a whole; the last layer alone is fitted for the others."""


@stage("retrain", hours=48)
def retrain_arms(
    config: AuditConfig,
    run: Run,
    model: ModelSpec,
    arms: Sequence[Arm],
    found: Sequence[str],
    kept: str,
    *,
    every: bool = False,
) -> Retrained:
    """Train the arms with every seed, unless that was done, and keep the classifier of the arm named `kept`.

    `found` are the words whose texts are looked at by themselves, in lower case; with `every` arm those of a single
    remedy that changes texts are trained as a whole, too.

    Raises:
        DataError: the dataset cannot be read, or no row is left to train on.
        ModelError: the encoder cannot be found, or a classifier cannot be written.
    """
    assert config.finetune is not None, "the flow asked for it"
    heldout, rows = _rows(config, model.labels, by_rules=arms[0].rules is not None)
    whole = {AS_IT_IS, RULES, TOGETHER, PLACEBO, kept}
    names = frozenset(arm.name for arm in arms if not arm.unlearned and (every or arm.name in whole))
    job = _job(config, run, model, arms, rows, heldout, names)
    held_out = _write_held_out(job, found)
    trained = [arm for arm in arms if arm.name in names]
    parts = list[Path]()
    best: ModelSpec | None = None
    for number in range(NUM_SEEDS):
        for i, arm in enumerate(trained):
            said = f"{arm.name}, {number * len(trained) + i + 1} of {NUM_SEEDS * len(trained)}"
            folder = config.models / f"{config.name}-fixed_{digest(job.key, arm.key)[:12]}"
            keep = folder if arm.name == kept and number == 0 else None
            parts.append(_retrain(job, arm, config.finetune.seed + number, keep, said))
            best = model_spec(folder, config.model.max_tokens, **_reading(config)) if keep else best
    return Retrained(tuple(parts), held_out, best)


def _reading(config: AuditConfig) -> dict[str, Any]:
    assert config.finetune is not None, "the flow asked for it"
    network = config.finetune.network
    return {
        "factory": None if network == "auto" else f"tasks.model.networks:{network}",
        "long_texts": config.model.long_texts,
        "pad_to": config.model.pad_to,
    }


def _rows(config: AuditConfig, labels: tuple[str, ...], *, by_rules: bool) -> tuple[list[Row], list[Row]]:
    """Held-out rows with gold labels; rows to train on, whose gold is not read where the arms have rules."""
    assert config.finetune is not None, "the flow asked for it"
    heldout, rows = audited_and_unlabelled(config, labels) if by_rules else audited_and_trained(config, labels)
    return heldout, sampled(rows, config.finetune)


def _job(
    config: AuditConfig,
    run: Run,
    model: ModelSpec,
    arms: Sequence[Arm],
    rows: Sequence[Row],
    heldout: Sequence[Row],
    retrained: frozenset[str],
) -> _Job:
    assert config.finetune is not None, "the flow asked for it"
    own = config.finetune
    base = encoder_folder(own.base)
    key = digest(
        code_of("tasks.retrain", "tasks.text", "tasks.data", "tasks.model", "tasks.remedies"),
        dataset_fingerprint(config.data),
        model_fingerprint(base),
        own.model_dump(mode="json", exclude={"min_accuracy", "rules"}),
        config.data.model_dump(mode="json", include={"text", "pair", "label", "labels", "where", "split", "dialect"}),
        config.data.seed,
        config.model.pad_to,
    )
    unlearned = [word for arm in arms for word, _ in arm.unlearned]
    words = _words_in(rows, unlearned) if unlearned else [()] * len(rows)
    return _Job(config, model.labels, base, run.storage / "remedies", arms, rows, heldout, words, key, retrained)


def _words_in(rows: Sequence[Row], wanted: Sequence[str]) -> list[tuple[str, ...]]:
    """Of the wanted words, those that each row holds, in lower case."""
    words = folded_surfaces(row.text for row in rows)
    own = [{words[row.text[start:end]] for start, end in word_spans(row.text)} for row in rows]
    return [tuple(sorted(each & set(wanted))) for each in own]


def _write_held_out(job: _Job, found: Sequence[str]) -> Path:
    key = digest(job.key, sorted(found))
    manifest = job.folder / f"held-out-{key[:12]}.json"
    if read_manifest(manifest) is None:
        words = _words_in(job.heldout, found)
        table = [
            {"row_number": row.number, "source_id": row.source_id, "text": row.text, "words": list(own)}
            for row, own in zip(job.heldout, words, strict=True)
        ]
        write_part(manifest, {"held_out": pa.Table.from_pylist(table, schema=HELD_OUT)}, {"key": key})
    return manifest


def _retrain(job: _Job, arm: Arm, seed: int, keep: Path | None, said: str) -> Path:
    """Write the part of an arm and a seed, unless it exists, and its classifier if it is to be kept."""
    forecasts = [(other.key, other.name in job.retrained) for other in job.arms] if arm.name == AS_IT_IS else []
    key = digest(job.key, seed, arm.name, arm.key, forecasts)
    name = re.sub(r"\W+", "-", arm.name)
    manifest = job.folder / f"{name}-{seed}-{key[:12]}.json"
    if read_manifest(manifest) is not None and (keep is None or (keep / "training.json").is_file()):
        return manifest
    assert job.config.finetune is not None, "the flow asked for it"
    finetune = job.config.finetune.model_copy(update={"seed": seed})
    rows = training_rows(arm, job.rows, job.labels, seed)
    if len({row.label for row in rows}) < 2:
        raise DataError(f"The arm {arm.name!r} leaves {len(rows)} rows to train on, all of one label.")
    start = new_classifier(finetune, job.base, job.labels, job.config.model.pad_to)
    device = device_from_environment()
    model, texts = start.model.to(device), Texts(start, device)
    train(start, texts, rows, finetune, said=said)
    heldout = read_rows_of(arm, job.heldout)
    predicted_N = logits_of(model, texts, heldout).argmax(axis=1)
    table = _table(job, arm.name, seed, "measured", predicted_N)
    if arm.name == AS_IT_IS:
        table += [entry for own in _by_last_layer(job, model, texts, seed) for entry in own]
    if keep is not None:
        gold_N = [row.label for row in job.heldout]
        facts = {
            "heldout_accuracy": float(np.mean(predicted_N == gold_N)),
            "num_heldout": len(gold_N),
            "num_trained": len(rows),
            "base": finetune.base,
            "trained": said_of_training(start),
            "settings": finetune.model_dump(mode="json"),
            "remedies": list(arm.changes),
        }
        keep.parent.mkdir(parents=True, exist_ok=True)
        save_classifier(model, start.tokenizer, finetune, keep, facts)
    write_part(manifest, {"predictions": pa.Table.from_pylist(table, schema=PREDICTION)}, {"key": key})
    return manifest


def _table(job: _Job, arm: str, seed: int, figure: str, predicted_N: np.ndarray) -> list[dict[str, Any]]:
    own = {"arm": arm, "seed": seed, "figure": figure}
    return [
        {**own, "row_number": row.number, "label": row.label, "predicted": int(predicted)}
        for row, predicted in zip(job.heldout, predicted_N, strict=True)
    ]


def _by_last_layer(job: _Job, model: Any, texts: Texts, seed: int) -> Iterator[list[dict[str, Any]]]:
    """What the last layer of a classifier says if it alone is fitted again: of every arm but the placebo."""
    cached: dict[tuple[Any, ...], np.ndarray | None] = {}
    num = len(job.labels)

    def features(arm: Arm, rows: Sequence[Row], what: str) -> np.ndarray | None:
        place = (what, arm.strips, arm.swaps)
        if place not in cached:
            cached[place] = features_of(model, texts, rows, num, f"forecast, {what}")
        return cached[place]

    for arm in job.arms:
        if arm.name == PLACEBO:
            continue
        rows = training_rows(arm, job.rows, job.labels, seed)
        # All rows have features: which of them an arm labels is another matter.
        every = read_rows_of(arm, job.rows) if not arm.swaps else rows
        train_ND = features(arm, every, "training texts")
        test_ND = features(arm, read_rows_of(arm, job.heldout), "held-out texts")
        if train_ND is None or test_ND is None:
            return
        at = {row.number: i for i, row in enumerate(every)}
        chosen = [at[row.number] for row in rows]
        labels_N = [row.label for row in rows]
        weights_N = _weights(job, arm, chosen, labels_N) if arm.unlearned else None
        layer = fitted(train_ND[chosen], labels_N, num, weights_N)
        # What is not trained as a whole is a classifier of its own.
        name, figure = (arm.name, "forecast") if arm.name in job.retrained else (f"{arm.name}{BY_LAYER}", "measured")
        yield _table(job, arm.name if arm.unlearned else name, seed, figure, layer.predicted(test_ND))


def _weights(job: _Job, arm: Arm, chosen: Sequence[int], labels_N: Sequence[int]) -> np.ndarray:
    has_word_NW = np.array([[word in job.words[i] for word, _ in arm.unlearned] for i in chosen])
    return weights_without(has_word_NW, [label for _, label in arm.unlearned], labels_N, len(job.labels))
