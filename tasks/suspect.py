"""Stage: suspect labels that are probably wrong, for people to read.

The labels are those that the classifier is trained on, by rules or as they are, or of the audited texts where it is
not trained here. Writes `<run>/labels/suspected-<key>.json`, builds the tables of `warehouse/suspect/` from it, and
writes the files of labelling tools into `<run>/exports/suspected_labels/`.

The part has one table, `texts`, one row per text: `example_id`, `source_id`, `text`, `label_id`, `likely_id`,
`own_share` (probability of the label, out of fold, without the findings in the text), `own_share_read` (with them),
`is_suspected`, `is_suspected_read` and `words`, those of the verdicts in the text, in lower case.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from configs.schema import AuditConfig
from configs.section import digest
from tasks.data.rows import Row, read_rows
from tasks.data.sources import dataset_fingerprint
from tasks.data.split import audited_and_trained, sampled
from tasks.data.votes import labelling_key, read_labelling
from tasks.model.spec import ModelSpec, model_fingerprint
from tasks.pages.exports import to_csv
from tasks.pages.redact import hide_names
from tasks.remedies.doubts import out_of_fold, require_cleanlab, suspected, without_words
from tasks.remedies.queue import queue_files, queue_table
from tasks.runs.run import Run
from tasks.runtime.code import code_of
from tasks.runtime.parts import part_file, read_manifest, write_part, write_whole
from tasks.runtime.stage import stage
from tasks.text.folding import folded_surfaces
from tasks.text.words import word_spans
from tasks.trials.meaning import Encoder, base_folder
from warehouse import open_warehouse

MAX_QUEUE = 1000
"""Most texts that a person is asked to read."""

_TEXTS = pa.schema(
    {
        "example_id": pa.int64(),
        "source_id": pa.string(),
        "text": pa.string(),
        "label_id": pa.int64(),
        "likely_id": pa.int64(),
        "own_share": pa.float64(),
        "own_share_read": pa.float64(),
        "is_suspected": pa.bool_(),
        "is_suspected_read": pa.bool_(),
        "words": pa.list_(pa.string()),
    }.items()
)


class Suspected(NamedTuple):
    """What is to be read again."""

    folder: Path
    """With the files of labelling tools."""
    num_texts: int
    num_suspected: int
    words: list[dict[str, Any]]
    """The words that go with suspected labels, those of the largest odds first."""


@stage("suspect", hours=4)
def suspect_labels(config: AuditConfig, run: Run, model: ModelSpec) -> Suspected:
    """Find the labels that are probably wrong, unless that was done, and write them down.

    Raises:
        AuditError: cleanlab is not installed.
        DataError: the dataset cannot be read, or too few texts have a label.
        ModelError: the encoder cannot be loaded.
        WarehouseError: the database is locked.
    """
    require_cleanlab()
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        tried = warehouse.rows("suspect/tried_words", {})
    asked = [row["word"] for row in tried]
    found = frozenset(row["word"] for row in tried if row["is_finding"])
    rules = None if config.finetune is None else config.finetune.rules
    encoder = base_folder(config) or model.folder
    shared = ("tasks.text", "tasks.data", "tasks.model", "tasks.trials.meaning", "tasks.remedies.doubts")
    key = digest(
        code_of("tasks.suspect", *shared),
        None if rules is None else labelling_key(read_labelling(rules, config.data, model.labels)),
        dataset_fingerprint(config.data),
        config.data.model_dump(mode="json"),
        None if config.finetune is None else config.finetune.model_dump(mode="json"),
        model_fingerprint(encoder),
        [asked, sorted(found)],
    )
    part = run.storage / "labels" / f"suspected-{key[:12]}.json"
    if read_manifest(part) is None:
        rows = _rows(config, model)
        write_part(part, {"texts": _table(config, model, Encoder(encoder), rows, asked, found)}, {"key": key})
    params = {
        "text_parts": [part_file(part, "texts")],
        "labels": list(model.labels),
        "max_queue": MAX_QUEUE,
    }
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.build_stage(
            run.run_id, "suspect", ["suspect/suspected_labels", "suspect/suspected_words"], params, key
        )
        warehouse.use(run.run_id)
        hide_names(warehouse, config, run)
        queue = [{**row, **_span(row["text"], row["term"])} for row in warehouse.rows("suspect/queue", params)]
        counts = warehouse.rows("suspect/counts", params)[0]
        words = warehouse.rows("suspect/taught", {})
    folder = run.folder / "exports" / "suspected_labels"
    files = {"relabel_queue.csv": to_csv(queue_table(queue)), **queue_files(queue, model.labels, run.run_id)}
    for name, content in files.items():
        write_whole(folder / name, content)
    return Suspected(folder, counts["n_texts"], counts["n_suspected"], words)


def _span(text: str, word: str | None) -> dict[str, int | None]:
    """Where the word stands first in the text."""
    spans = [] if word is None else word_spans(text)
    words = folded_surfaces([text] if spans else [])
    places = [span for span in spans if words[text[slice(*span)]] == word]
    start, end = places[0] if places else (None, None)
    return {"match_start": start, "match_end": end}


def _rows(config: AuditConfig, model: ModelSpec) -> list[Row]:
    """The rows whose labels are asked about."""
    if config.finetune is None:
        return [row for row in read_rows(config.data, config.data.where, model.labels) if row.reason is None]
    return sampled(audited_and_trained(config, model.labels)[1], config.finetune)


def _table(
    config: AuditConfig,
    model: ModelSpec,
    encoder: Encoder,
    rows: Sequence[Row],
    asked: Sequence[str],
    found: frozenset[str],
) -> pa.Table:
    words_of = folded_surfaces(row.text for row in rows)
    labels_N = [row.label for row in rows]
    read_ND = encoder.of([row.text for row in rows])
    changed = [without_words(row, found, words_of).text for row in rows]
    places = [i for i, (row, text) in enumerate(zip(rows, changed, strict=True)) if text != row.text]
    without_ND = read_ND.copy()
    if places:
        without_ND[places] = encoder.of([changed[i] for i in places])
    read_NK, without_NK = (
        out_of_fold(features_ND, labels_N, len(model.labels), config.data.seed) for features_ND in (read_ND, without_ND)
    )
    each, wanted = np.arange(len(rows)), set(asked)
    columns = zip(
        without_NK.argmax(axis=1).tolist(),
        without_NK[each, labels_N].tolist(),
        read_NK[each, labels_N].tolist(),
        suspected(labels_N, without_NK).tolist(),
        suspected(labels_N, read_NK).tolist(),
        strict=True,
    )
    return pa.Table.from_pylist(
        [
            {
                "example_id": row.number,
                "source_id": row.source_id,
                "text": row.text,
                "label_id": row.label,
                **dict(zip(_TEXTS.names[4:9], figures, strict=True)),
                "words": sorted({words_of[row.text[slice(*span)]] for span in word_spans(row.text)} & wanted),
            }
            for row, figures in zip(rows, columns, strict=True)
        ],
        _TEXTS,
    )
