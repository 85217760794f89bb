"""A part of trials: run once, written once."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from configs.schema import VerificationConfig
from configs.section import digest
from tasks.model.spec import ModelSpec
from tasks.runtime.code import code_of
from tasks.runtime.parts import Shard, read_manifest, write_part
from tasks.runtime.workers import Facts, target_of
from tasks.trials.reader import Arithmetic, Reader, rows_of, texts_of

Group = Sequence[Mapping[str, Any]]
"""What is tried in one part: rows with the texts that hold something, `held`, and without it, `others`."""


def trials_key(
    group: Group, model: ModelSpec, dtype: Arithmetic, verification: VerificationConfig, placebos: str = ""
) -> str:
    """What the trials of a group depend on; `placebos` is the key of the placebo trials."""
    code = code_of("tasks.text", "tasks.data", "tasks.model", "tasks.attribution", "tasks.trials")
    return digest(list(group), model.fingerprint, dtype, verification.model_dump(), code, placebos)


def facts_of(part: Path, key: str) -> Facts | None:
    """The facts of a complete part with this key; None if it is missing or has another key."""
    facts = read_manifest(part)
    return facts if facts is not None and facts["key"] == key else None


def without(group: Group, left_out: frozenset[int]) -> list[dict[str, Any]]:
    """The group without the texts in `left_out`."""
    return [
        {
            **row,
            **{name: [text for text in row[name] if text["example_id"] not in left_out] for name in ("held", "others")},
        }
        for row in group
    ]


def write_trials(
    group: Group,
    shards: Sequence[Shard],
    model: ModelSpec,
    dtype: Arithmetic,
    part: Path,
    key: str,
    run: Callable[[list[dict[str, Any]], Reader | None], tuple[dict[str, pa.Table], dict[str, int]]],
    *,
    left_out: frozenset[int],
    dry: bool,
) -> Facts:
    """Write the part unless it exists, and return its facts.

    `run` gets the group without the texts in `left_out`, and the model with them, or None where no text is left; it
    returns the tables of the part and further facts. A dry run writes nothing.
    """
    if not dry and (known := facts_of(part, key)) is not None:
        return known
    kept = without(group, left_out)
    reader = Reader(model, dtype, rows_of(kept, shards)) if texts_of(kept) else None
    tables, counts = run(kept, reader)
    facts = {
        "key": key,
        **counts,
        "num_passes": reader.num_passes if reader else 0,
        "num_quarantined": len(left_out & texts_of(group)),
    }
    with target_of(part, dry=dry) as target:
        write_part(target, tables, facts)
    return facts
