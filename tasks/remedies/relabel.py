"""A new dataset with the labels that people gave, beside a file that says where each came from."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import ConfigError, DataError
from configs.schema import AuditConfig
from tasks.data.labels import label_resolver
from tasks.data.rows import Row
from tasks.data.sources import dataset_fingerprint, open_dataset
from tasks.data.split import audited_and_unlabelled, labelled
from tasks.data.votes import read_labelling
from tasks.runtime.parts import file_hash, write_whole

BEFORE, SOURCE = "label_before", "label_source"
"""Columns of the new dataset: the label as it was, and where the new one is from (gold, rules or person)."""


def apply_labels(
    config: AuditConfig, labels: tuple[str, ...], answers: Mapping[int, int], export: Path, target: Path
) -> dict[str, int]:
    """Write the dataset of a config with new labels to the Parquet file `target`, and `target` + .json beside it.

    `answers` are rows of the dataset with the index of the label that a person gave. Rows that the rules label keep the
    label of the rules, all others that of the dataset; all by the names of the model's labels. Returns how many labels
    are from where, and how many a person changed.

    Raises:
        ConfigError: the target is there already, or is no Parquet file.
        DataError: the dataset cannot be read, or has no such row.
    """
    data, beside = config.data, target.with_name(target.name + ".json")
    if target.suffix != ".parquet":
        raise ConfigError(f"{target}: the new dataset is a Parquet file. Give it a name that ends in .parquet.")
    for path in (target, beside):
        if path.exists():
            raise ConfigError(f"{path} is there already, and nothing is written over. Give another name.")
    source = open_dataset(data)
    strange = sorted(row for row in answers if not 0 <= row < source.num_rows)
    if strange:
        raise DataError(f"{export} has a label for row {strange[0]}, and the dataset has {source.num_rows} rows.")
    taken = [name for name in (BEFORE, SOURCE) if name in source.columns]
    if taken:
        raise DataError(f"The dataset has a column {taken[0]!r} already: it was relabelled before. Relabel its source.")
    ruled = _ruled(config, labels)
    # Texts without labels get a column of them.
    name_of_label = data.label or "label"
    resolve = label_resolver(source.class_names.get(name_of_label), data, labels)
    columns: dict[str, list[object]] = {name: [] for name in source.columns}
    for batch in source.batches(list(source.columns)):
        for name in columns:
            columns[name] += [_writable(value) for value in batch[name]]
    counts = Counter[str]()
    new: list[str | None] = []
    origins: list[str] = []
    own = columns.get(name_of_label) or [None] * source.num_rows
    for row, value in enumerate(own):
        before = ruled.get(row, resolve(value))
        after = answers.get(row, before)
        origin = "person" if row in answers else "rules" if row in ruled else "gold"
        counts[origin] += 1
        counts["changed"] += row in answers and after != before
        new.append(labels[after] if after >= 0 else None)
        origins.append(origin)
    table = pa.table({**columns, name_of_label: new, BEFORE: own, SOURCE: origins})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    whole = sink.getvalue().to_pybytes()
    provenance = {
        "made_from": str(data.path or f"{data.hub} at {data.revision}"),
        "fingerprint": dataset_fingerprint(data),
        "answers": str(export),
        "answers_sha256": file_hash(export),
        "rules": None if config.finetune is None or config.finetune.rules is None else str(config.finetune.rules),
        "rows": len(new),
        "sha256": hashlib.sha256(whole).hexdigest(),
        **{f"labels_from_{name}": counts[name] for name in ("gold", "rules", "person")},
        "changed_by_person": counts["changed"],
        "read_it_with": {"label": data.label, "labels": {label: label for label in labels}},
    }
    write_whole(beside, (json.dumps(provenance, indent=1, ensure_ascii=False) + "\n").encode())
    write_whole(target, whole)
    return {name: counts[name] for name in ("gold", "rules", "person", "changed")}


def _ruled(config: AuditConfig, labels: tuple[str, ...]) -> dict[int, int]:
    """Rows to train on -> the label that the rules give them, -1 for none; no row without `finetune.rules`."""
    if config.finetune is None or config.finetune.rules is None:
        return {}
    rest: list[Row] = audited_and_unlabelled(config, labels)[1]
    labelling = read_labelling(config.finetune.rules, config.data, labels)
    return {row.number: -1 for row in rest} | {row.number: row.label for row in labelled(labelling, rest, labels)}


def _writable(value: object) -> object:
    """What is no text of UTF-8 is escaped, as in an audit; what is malformed is missing."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return None if type(value) is object else value
