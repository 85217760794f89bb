"""Stage: cut a dataset into shards of equal token count, and list the rows that cannot be audited.

Reads the dataset the config names. Writes, in `<run>/shards/`: one part per shard
(`example_id`, `source_id`, `text`, `pair_start`, `label_id`, `n_tokens`, `n_cut`), one part with
the rejected rows and their reasons, and `ingest.json` last. A repeat finds
`ingest.json` with whole shards and returns at once.

The columns of `data.slices` are a part of their own, `slices.json` (`example_id`, `slice`,
`value`), so that no shard, and so no attribution, depends on them.
"""

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import DataError
from configs.schema import DataConfig
from configs.section import digest
from tasks.data.files import listed
from tasks.data.hub import is_transient
from tasks.data.rows import Row, read_rows, read_slices
from tasks.data.sources import dataset_fingerprint, errors_of, open_dataset
from tasks.data.split import held_out_of
from tasks.model.forward import Classifier
from tasks.model.load import load_classifier
from tasks.model.parity import MOST_TEXTS, require_parity
from tasks.model.spec import ModelSpec
from tasks.model.tokens import token_counts
from tasks.runs.run import SHARD_TOKENS
from tasks.runtime.parts import read_manifest, read_part, write_part
from tasks.runtime.progress import progress
from tasks.runtime.stage import stage
from warehouse import scratch

_BATCH = 1000

FOR_TRAINING = "for training"
"""Reason of a usable row that `finetune.held_out` leaves to the trainer. It is no reject."""

_MAX_VALUES = 20
"""Most different values of a slice column: with more, hardly any word would be frequent enough in one of them."""

_ENDLESS = 2**31 - 1

_STAGED = pa.schema(
    [
        ("example_id", pa.int64()),
        ("source_id", pa.string()),
        ("text", pa.string()),
        ("pair_start", pa.int32()),
        ("label_id", pa.int32()),
        ("n_tokens", pa.int32()),
        ("reason", pa.string()),
    ]
)


@stage("ingest", hours=6, retry_if=is_transient)
def ingest_dataset(
    data: DataConfig,
    model: ModelSpec,
    folder: Path,
    section: str = "data",
    held_out: float | None = None,
    least: int = 2,
) -> list[Path]:
    """Shard the dataset below `folder` and return the manifests of the shards, in order.

    Memory holds a batch of rows at a time; the database sorts the rest on disk. `section` is
    where the config names the dataset. `held_out` is the share of its texts that no model was trained on: the others
    are left out. `least` is the number of texts that an audit needs.

    Raises:
        DataError: the dataset cannot be read, a column or label does not fit, more than
            `data.max_rejected` of the rows are unusable, or fewer than `least` texts are left.
    """
    with errors_of(section):
        return _ingested(data, model, folder, held_out, least)


def _ingested(data: DataConfig, model: ModelSpec, folder: Path, held_out: float | None, least: int) -> list[Path]:
    done = folder / "ingest.json"
    facts = read_manifest(done)
    if facts is None or any(read_manifest(part) is None for part in [folder / "rejects.json", *_shards(folder, facts)]):
        facts = _ingest(data, load_classifier(model), model, folder, held_out)
        write_part(done, {}, facts)
    if (found := int(str(facts["num_examples"]))) < least:
        raise DataError(
            f"Only {found} of {facts['num_rows']} rows can be audited. Words in fewer than {least} texts get no figure "
            "(statistics.min_examples), so nothing could be judged: give more texts."
        )
    shards = _shards(folder, facts)
    wanted = {"slices": list(data.slices)}
    if read_manifest(folder / "slices.json") != wanted:
        write_part(folder / "slices.json", {"rows": _slices(data, shards)}, wanted)
    return shards


def _shards(folder: Path, facts: Mapping[str, object]) -> list[Path]:
    return [folder / f"shard-{i:05d}.json" for i in range(int(str(facts["num_shards"])))]


def _ingest(
    data: DataConfig, classifier: Classifier, model: ModelSpec, folder: Path, held_out: float | None
) -> dict[str, object]:
    # The database sorts on a disk.
    elsewhere = Path(tempfile.gettempdir(), f"token-audit-{digest(str(folder))[:12]}")
    staging = folder / "staging" if isinstance(folder, Path) else elsewhere
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    # Whatever is not a damaged file that was set aside.
    for stale in (*folder.glob("*.json"), *folder.glob("*.parquet")):
        stale.unlink()
    content = dataset_fingerprint(data)
    source = open_dataset(data)
    num_rows = _stage_rows(data, classifier, staging / "rows.parquet", source.num_rows, held_out)
    if dataset_fingerprint(data) != content:
        raise DataError(f"{data.path} was changed while it was read. Run the audit again: it will be a new run.")
    with scratch(staging) as database:
        database.build(
            "ingest/plan",
            {
                "staging": str(staging / "rows.parquet"),
                "sample": data.sample,
                "seed": data.seed,
                "max_tokens": _ENDLESS if model.long_texts == "windows" else classifier.max_tokens,
                "shard_tokens": SHARD_TOKENS,
            },
        )
        rejects = database.table("ingest/rejects", {})
        # Not duplicates: their text is audited, once.
        counts = Counter(reason for reason in rejects["reason"].to_pylist() if not reason.startswith("duplicate"))
        if counts.total() > data.max_rejected * num_rows:
            reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
            raise DataError(
                f"{counts.total()} of {num_rows} rows cannot be audited ({reasons}), "
                f"more than data.max_rejected = {data.max_rejected}. Check data.text, data.label and data.labels."
            )
        # Before anything is stored.
        parity = require_parity(classifier, model, database.rows("ingest/compared", {"most": MOST_TEXTS}))
        write_part(folder / "rejects.json", {"rows": rejects}, {})
        shard, num_examples = 0, 0
        while (examples := database.table("ingest/shard", {"shard": shard})).num_rows:
            write_part(folder / f"shard-{shard:05d}.json", {"examples": examples}, {"num_examples": examples.num_rows})
            shard, num_examples = shard + 1, num_examples + examples.num_rows
        fates = Counter({row["fate"]: row["n_rows"] for row in database.table("ingest/fates", {}).to_pylist()})
    if not num_examples:
        raise DataError(f"None of {num_rows} rows can be audited.")
    shutil.rmtree(staging)
    facts: dict[str, object] = {
        "num_shards": shard,
        "num_in_data": source.num_rows,
        "num_not_chosen": source.num_rows - num_rows,
        "num_rows": num_rows,
        "num_for_training": fates[FOR_TRAINING],
        "num_rejected": rejects.num_rows,
        "num_not_sampled": fates["not sampled"],
        "num_examples": num_examples,
        "lines": None if source.lines is None else asdict(source.lines),
        "parity": parity,
    }
    if num_rows != fates[FOR_TRAINING] + rejects.num_rows + fates["not sampled"] + num_examples:
        raise DataError(f"Of {num_rows} rows of {data.path or data.hub} some have no fate: {facts}. Report this fault.")
    if fates["not sampled"]:
        _say_what_is_left_out(num_examples, num_examples + fates["not sampled"])
    return facts


def _say_what_is_left_out(num_drawn: int, num_usable: int) -> None:
    print(
        f"sample\t{num_drawn:,} of {num_usable:,} usable texts are audited (data.sample)\t"
        f"all of them would take about {num_usable / num_drawn:.1f} times as long",
        file=sys.stderr,
        flush=True,
    )


def _stage_rows(data: DataConfig, classifier: Classifier, path: Path, num_rows: int, held_out: float | None) -> int:
    """Write every row that `data.where` keeps with its number of tokens; return how many there are. `num_rows` is the
    number of all rows."""
    num_staged = position = 0
    nothing, start = ("", None) if data.pair is None else ("\n", 1)
    (special,) = token_counts(classifier.tokenizer, [nothing], [start])
    audited = None if held_out is None else held_out_of(data, held_out, tuple(classifier.labels))
    with progress("ingest", num_rows, "rows") as advance, pq.ParquetWriter(path, _STAGED) as writer:
        batch: list[Row] = []
        for found in read_rows(data, data.where, classifier.labels):
            is_left = audited is not None and found.reason is None and found not in audited
            row = replace(found, text="", pair_start=None, reason=FOR_TRAINING) if is_left else found
            batch.append(row)
            num_staged += 1
            if len(batch) == _BATCH:
                writer.write_table(_staged(batch, classifier, special))
                # Progress is the place in the dataset: rows that data.where leaves out take time, too.
                advance(row.number + 1 - position)
                batch, position = [], row.number + 1
        if batch:
            writer.write_table(_staged(batch, classifier, special))
        advance(num_rows - position)
    return num_staged


def _slices(data: DataConfig, shards: list[Path]) -> pa.Table:
    """One row per audited example and column of `data.slices`."""
    schema = pa.schema([("example_id", pa.int64()), ("slice", pa.string()), ("value", pa.string())])
    if not data.slices:
        return schema.empty_table()
    content = dataset_fingerprint(data)
    audited = np.concatenate(
        [read_part(shard, "examples", ["example_id"])["example_id"].to_numpy() for shard in shards]
    )
    audited.sort()
    tables: list[pa.Table] = []
    seen: dict[str, set[str]] = {name: set() for name in data.slices}
    position = 0
    for batch in read_slices(data):
        size = len(batch[data.slices[0]])
        start, end = np.searchsorted(audited, [position, position + size])
        numbers = audited[start:end]
        for name in data.slices:
            values = [batch[name][number - position] for number in numbers]
            seen[name].update(values)
            tables.append(pa.table([numbers, pa.repeat(name, len(numbers)), values], schema=schema))
            if len(seen[name]) > _MAX_VALUES:
                raise DataError(
                    f"data.slices: column {name!r} has more than {_MAX_VALUES} different values "
                    f"({listed(sorted(seen[name])[:5])}, ...). "
                    "Name columns with few values, such as the split."
                )
        position += size
    if dataset_fingerprint(data) != content:
        raise DataError(f"{data.path} was changed while it was read. Run the audit again: it will be a new run.")
    return pa.concat_tables(tables).combine_chunks()


def _staged(batch: list[Row], classifier: Classifier, special: int) -> pa.Table:
    usable = [row for row in batch if row.reason is None]
    counts = token_counts(classifier.tokenizer, [row.text for row in usable], [row.pair_start for row in usable])
    lengths = {row.number: count for row, count in zip(usable, counts, strict=True)}
    reasons = [row.reason or ("no tokens" if lengths[row.number] <= special else None) for row in batch]
    columns = [
        [row.number for row in batch],
        [row.source_id for row in batch],
        [row.text for row in batch],
        [row.pair_start for row in batch],
        [row.label for row in batch],
        [lengths.get(row.number, 0) for row in batch],
        reasons,
    ]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _STAGED, strict=True)], schema=_STAGED
    )
