"""Stage: teach the classifier words as one token, and read the held-out texts with every one of the arms.

The arms: as it is, the candidates, placebo words, and all split words. All arms of a seed have the same start but for
the new rows, which begin as the mean of their pieces, the same training rows and the same order of batches. Writes, in
`<run>/vocabulary/`, a part for each arm and seed with one table, `predictions`: `arm`, `seed`, `row_number`, `label`
(gold) and `predicted`, indices of the model's labels; its facts have the arm, the seconds of training and reading, the
tokens of the held-out texts, and which parameters were trained. The part `held-out` has `row_number` and `words`, those
of all arms that the text holds.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from configs.errors import ConfigError, DataError
from configs.schema import AuditConfig, FinetuneConfig
from configs.section import digest
from tasks.data.rows import Row
from tasks.data.sources import dataset_fingerprint
from tasks.data.split import audited_and_trained, sampled
from tasks.model.load import device_from_environment
from tasks.model.pretrained import load_tokenizer
from tasks.model.spec import ModelSpec, encoder_folder, model_fingerprint
from tasks.model.trainer import logits_of, train
from tasks.model.training import Texts, new_classifier, said_of_training
from tasks.runs.run import Run
from tasks.runtime.code import code_of
from tasks.runtime.parts import read_manifest, read_part, write_part
from tasks.runtime.stage import stage
from tasks.text.folding import folded_surfaces
from tasks.text.words import word_spans
from tasks.vocabulary.checkpoint import apply_patch
from tasks.vocabulary.choice import AS_IT_IS, CANDIDATES, EVERY, PLACEBO
from tasks.vocabulary.extend import How, extended
from tasks.vocabulary.patch import write_patch
from tasks.vocabulary.rows import load_any, mean_rows

NUM_SEEDS = 3

_PREDICTION = pa.schema(
    [
        ("arm", pa.string()),
        ("seed", pa.int64()),
        ("row_number", pa.int64()),
        ("label", pa.int32()),
        ("predicted", pa.int32()),
    ]
)
_HELD_OUT = pa.schema([("row_number", pa.int64()), ("words", pa.list_(pa.string()))])


class Taught(NamedTuple):
    """What a retraining wrote."""

    predictions: tuple[Path, ...]
    """Manifests, one for each arm and seed."""
    held_out: Path


@stage("teach", hours=48)
def teach_words(config: AuditConfig, run: Run, model: ModelSpec, tried: Path) -> Taught:
    """Train every arm with every seed, unless that was done. `tried` is the part of the dry run.

    Raises:
        ConfigError: the config has no `finetune` section.
        DataError: the dataset cannot be read, no row is left to train on, or no word is proposed.
        ModelError: the encoder cannot be found or extended.
    """
    if config.finetune is None:
        raise ConfigError(
            f"{config.name}: has no `finetune` section, so nothing says how the classifier is trained again."
        )
    arms = _arms(tried)
    how: Any = (read_manifest(tried) or {})["how"]
    if not arms[CANDIDATES]:
        raise DataError("No word is proposed as one token, so there is nothing to train with. Leave --train out.")
    heldout, rows = audited_and_trained(config, model.labels)
    rows = sampled(rows, config.finetune)
    own, base = config.finetune, encoder_folder(config.finetune.base)
    key = digest(
        code_of("tasks.teach", "tasks.text", "tasks.data", "tasks.model", "tasks.vocabulary"),
        dataset_fingerprint(config.data),
        model_fingerprint(base),
        own.model_dump(mode="json", exclude={"min_accuracy"}),
        config.data.model_dump(mode="json", include={"text", "pair", "label", "labels", "dialect"}),
        [[(row.number, row.label) for row in own] for own in (rows, heldout)],
        config.model.pad_to,
    )
    folder = run.storage / "vocabulary"
    held_out = _write_held_out(folder, key, heldout, arms)
    parts = list[Path]()
    every = {AS_IT_IS: dict[str, str]()} | {arm: words for arm, words in arms.items() if words}
    for number in range(NUM_SEEDS):
        for i, (arm, words) in enumerate(every.items()):
            said = f"{arm}, {number * len(every) + i + 1} of {NUM_SEEDS * len(every)}"
            finetune = own.model_copy(update={"seed": own.seed + number})
            name, words_key = arm.replace(" ", "-"), digest(key, list(words.values()), *([how] if words else []))
            part = folder / f"{name}-{finetune.seed}-{words_key[:12]}.json"
            if read_manifest(part) is None:
                table, facts = _taught(
                    config, finetune, model.labels, (list(words.values()), how), (rows, heldout), said
                )
                table = [{"arm": arm, "seed": finetune.seed, **row} for row in table]
                facts |= {"key": digest(words_key, finetune.seed), "arm": arm}
                write_part(part, {"predictions": pa.Table.from_pylist(table, schema=_PREDICTION)}, facts)
            parts.append(part)
    return Taught(tuple(parts), held_out)


def _arms(tried: Path) -> dict[str, dict[str, str]]:
    """Arm -> its words in lower case -> their spelling; without an arm that repeats the candidates."""
    arms: dict[str, dict[str, str]] = {CANDIDATES: {}, PLACEBO: {}, EVERY: {}}
    for row in read_part(tried, "arms").to_pylist():
        arms[row["arm"]][row["word"]] = row["spelling"]
    if arms[EVERY] == arms[CANDIDATES]:
        del arms[EVERY]
    return arms


def _write_held_out(folder: Path, key: str, rows: Sequence[Row], arms: Mapping[str, Mapping[str, str]]) -> Path:
    wanted = {word for words in arms.values() for word in words}
    own = digest(key, sorted(wanted))
    part = folder / f"held-out-{own[:12]}.json"
    if read_manifest(part) is None:
        words = folded_surfaces(row.text for row in rows)
        table = [
            {
                "row_number": row.number,
                "words": sorted({words[row.text[start:end]] for start, end in word_spans(row.text)} & wanted),
            }
            for row in rows
        ]
        write_part(part, {"held_out": pa.Table.from_pylist(table, schema=_HELD_OUT)}, {"key": own})
    return part


def _taught(
    config: AuditConfig,
    finetune: FinetuneConfig,
    labels: tuple[str, ...],
    words: tuple[Sequence[str], How],
    rows: tuple[Sequence[Row], Sequence[Row]],
    said: str,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Predictions on the held-out rows of a classifier that was trained on the others with these words as one token."""
    trained, heldout = rows
    with tempfile.TemporaryDirectory() as folder:
        base = _with_words(encoder_folder(finetune.base), *words, Path(folder))
        start = new_classifier(finetune, base, labels, config.model.pad_to)
        device = device_from_environment()
        model, texts = start.model.to(device), Texts(start, device)
        began = time.monotonic()
        train(start, texts, trained, finetune, said=said)
        done = time.monotonic()
        predicted_N = logits_of(model, texts, heldout).argmax(axis=1)
        read = time.monotonic()
        num_tokens = sum(len(text.ids) for text in texts.encoded(heldout))
    facts = {
        "num_trained": len(trained),
        "trained": said_of_training(start),
        "train_seconds": done - began,
        "read_seconds": read - done,
        "heldout_tokens": num_tokens,
    }
    table = [
        {"row_number": row.number, "label": row.label, "predicted": int(predicted)}
        for row, predicted in zip(heldout, predicted_N, strict=True)
    ]
    return table, facts


def _with_words(base: Path, words: Sequence[str], how: How, folder: Path) -> Path:
    """The encoder, with the words as one token each in a copy of it; each new row is the mean of its pieces."""
    extension = extended(load_tokenizer(base), words, how=how)
    if not extension.added:
        return base
    patch = write_patch(folder / "patch.json", base, extension, mean_rows(load_any(base), extension), "mean")
    return apply_patch(patch, base, folder / "encoder")
