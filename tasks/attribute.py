"""Stage: every example's prediction, and the score of each of its tokens.

Reads the shards of ingest. Writes, in `<run>/parts/`, one part per shard with two
tables. `tokens`, one row per token: `example_id`, `position` (0-based, special tokens
included), `token_id`, `token_start`, `token_end`, `word_start`, `word_end` (code
points of the raw text; the word is null for special tokens), `gradient_norm`,
`gradient_x_input`, `integrated_gradients` (float32). `examples`, one row per example:
prediction, explained score, completeness gap, steps spent, converged or not.
"""

import os
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext
from torch import Tensor

from configs.schema import AttributionConfig, AttributionError
from tasks.gradients import Scores, attribute_batch, explained_scalar
from tasks.model import (
    Classifier,
    ModelSpec,
    baseline_ids,
    device_from_environment,
    encode,
    gram_matrix,
    load_classifier,
    logits_at,
    plain_logits,
)
from tasks.parts import file_hash, part_file, read_manifest, write_part
from tasks.progress import progress
from tasks.words import word_spans, words_of_pieces

_PARITY = 1e-3
"""Largest difference of explained and plain logits, relative to the largest logit. Wrong positions or masks show up at 1e-2 and above."""


def batch_tokens(device: torch.device) -> int:
    """Tokens that go through the model at a time: `TOKEN_AUDIT_BATCH_TOKENS`, or what suits the device."""
    given = os.environ.get("TOKEN_AUDIT_BATCH_TOKENS")
    if not given:
        return 1024 if device.type == "cpu" else 32768
    if not given.isdecimal() or int(given) < 1:
        raise AttributionError(f"TOKEN_AUDIT_BATCH_TOKENS={given} should be a whole number of tokens, 1 or more.")
    return int(given)


@task(name="attribute", cache_policy=NO_CACHE, timeout_seconds=48 * 3600)
def attribute_shards(
    shards: Sequence[Path], model: ModelSpec, attribution: AttributionConfig, folder: Path
) -> list[Path]:
    """Attribute every shard that has no whole part in `folder` yet; return the manifests of all parts, in order.

    Raises:
        AttributionError: the forward pass with the embeddings replaced is not the model's forward pass,
            or more than `attribution.max_quarantined` of the examples miss the tolerance.
    """
    parts = [folder / shard.name.replace("shard", "part") for shard in shards]
    facts = [read_manifest(part) for part in parts]
    # A part of a shard that was made anew since is no part of this one.
    missing = [i for i, fact in enumerate(facts) if fact is None or fact["shard"] != file_hash(shards[i])]
    artifact = _start_progress_artifact(100.0 * (1 - len(missing) / len(shards)))
    sizes = [pq.read_metadata(part_file(shard, "examples")).num_rows for shard in shards]
    with progress("attribute", sum(sizes), "examples") as advance:
        advance(sum(size for i, size in enumerate(sizes) if i not in set(missing)))
        for num_done, i in enumerate(missing, start=len(shards) - len(missing) + 1):
            try:
                attribute_shard(shards[i], load_classifier(model), attribution, parts[i], advance)
            except torch.OutOfMemoryError as error:
                raise AttributionError(
                    f"The device ran out of memory. Finished shards are kept; set TOKEN_AUDIT_BATCH_TOKENS below "
                    f"{batch_tokens(device_from_environment())} and run again."
                ) from error
            if artifact is not None:
                update_progress_artifact(artifact_id=artifact, progress=100.0 * num_done / len(shards))
    quarantined = sum(int(str((read_manifest(part) or {}).get("num_quarantined", 0))) for part in parts)
    if quarantined > attribution.max_quarantined * sum(sizes):
        raise AttributionError(
            f"{quarantined} of {sum(sizes)} examples miss attribution.max_gap = {attribution.max_gap} even with "
            f"{attribution.steps * 2**attribution.max_retries} steps, more than attribution.max_quarantined = {attribution.max_quarantined}. "
            "Raise attribution.steps, or try rule gauss_legendre or another baseline."
        )
    return parts


def _start_progress_artifact(percent: float) -> UUID | None:
    """Progress in Prefect's pages; None outside a task run."""
    if TaskRunContext.get() is None:
        return None
    artifact = create_progress_artifact(percent, key="attribution", description="Shards attributed")
    assert isinstance(artifact, UUID), "only an async caller gets a coroutine"
    return artifact


def attribute_shard(
    shard: Path, classifier: Classifier, attribution: AttributionConfig, part: Path, advance: Callable[[int], None]
) -> None:
    """Write the part of one shard. See the module for its columns."""
    examples = pq.read_table(part_file(shard, "examples"))
    texts = examples["text"].to_pylist()
    encoded = encode(classifier.tokenizer, texts, classifier.max_tokens)
    lengths = [len(ids) for ids in encoded["input_ids"]]
    gold = examples["label_id"].to_pylist()
    baseline = baseline_ids(classifier, attribution.baseline)
    gram_DD = gram_matrix(classifier.embedding)
    results: dict[int, tuple[np.ndarray, dict[str, object]]] = {}
    order = sorted(range(len(texts)), key=lambda i: (lengths[i], i))
    for length, group in groupby(order, key=lambda i: lengths[i]):
        # Texts of one length need neither padding nor a mask: each is computed as if it were alone.
        members = list(group)
        size = max(1, batch_tokens(classifier.device) // length)
        for start in range(0, len(members), size):
            chosen = members[start : start + size]
            batch = _attribute(chosen, encoded, gold, classifier, attribution, baseline, gram_DD)
            results.update(zip(chosen, batch, strict=True))
            advance(len(chosen))
    tokens, facts = [], []
    for i, example_id in enumerate(examples["example_id"].to_pylist()):
        scores_3T, row = results[i]
        table = _token_table(example_id, texts[i], encoded, i, scores_3T)
        outside = pc.sum(table["integrated_gradients"].filter(pc.is_null(table["word_start"]))).as_py()
        tokens.append(table)
        facts.append({"example_id": example_id, "special_score": outside or 0.0, **row})
    quarantined = sum(not row["converged"] for row in facts)
    tables = {
        "tokens": pa.concat_tables(tokens).combine_chunks(),
        "examples": pa.Table.from_pylist(facts, schema=_EXAMPLE),
    }
    write_part(part, tables, {"shard": file_hash(shard), "num_examples": len(facts), "num_quarantined": quarantined})


_EXAMPLE = pa.schema([
    ("example_id", pa.int64()), ("predicted_id", pa.int32()), ("target_id", pa.int32()), ("confidence", pa.float64()),
    ("score", pa.float64()), ("change", pa.float64()), ("gap", pa.float64()), ("special_score", pa.float64()),
    ("steps", pa.int32()), ("converged", pa.bool_()),
])  # fmt: skip


def _attribute(
    chosen: Sequence[int],
    encoded: Any,
    gold: Sequence[int],
    classifier: Classifier,
    attribution: AttributionConfig,
    baseline: int | None,
    gram_DD: Tensor,
) -> list[tuple[np.ndarray, dict[str, object]]]:
    """Scores (method, token) and facts of examples of one length. Shape letters as in tasks/gradients.py."""
    ids_BT = torch.tensor([encoded["input_ids"][i] for i in chosen], device=classifier.device)
    special_BT = torch.tensor([encoded["special_tokens_mask"][i] for i in chosen], device=classifier.device).bool()
    plain_BK = plain_logits(classifier, ids_BT)
    predicted_B = plain_BK.argmax(dim=1)
    target_B = (
        predicted_B
        if attribution.target == "predicted"
        else torch.tensor([gold[i] for i in chosen], device=classifier.device)
    )
    with torch.no_grad():
        inputs_BTD = classifier.embedding(ids_BT)
        empty_BTD = (
            torch.zeros_like(inputs_BTD)
            if baseline is None
            else classifier.embedding(torch.full_like(ids_BT, baseline))
        )
        baseline_BTD = torch.where(special_BT[:, :, None], inputs_BTD, empty_BTD)
        baseline_B = explained_scalar(logits_at(classifier, ids_BT, baseline_BTD), target_B, attribution.scalar)
    score_B = explained_scalar(plain_BK, target_B, attribution.scalar)
    change_B = score_B - baseline_B
    max_rows = max(1, batch_tokens(classifier.device) // ids_BT.shape[1])

    def attributed(rows_R: Tensor, steps: int) -> Scores:
        ids_RT = ids_BT[rows_R]
        return attribute_batch(
            lambda points_NTD, example_N: logits_at(classifier, ids_RT[example_N], points_NTD),
            inputs_BTD[rows_R], baseline_BTD[rows_R], target_B[rows_R], gram_DD,
            attribution.rule, steps, attribution.scalar, max_rows,
        )  # fmt: skip

    def relative_gap(integral_RT: Tensor, rows_R: Tensor) -> Tensor:
        return (integral_RT.sum(dim=1) - change_B[rows_R]).abs() / change_B[rows_R].abs().clamp_min(1)

    everyone_B = torch.arange(len(chosen), device=classifier.device)
    scores = attributed(everyone_B, attribution.steps)
    _require_parity(scores.logits_BK, plain_BK)
    integral_BT = scores.integrated_gradients_BT
    steps_B = torch.full_like(everyone_B, attribution.steps)
    for retry in range(1, attribution.max_retries + 1):
        # not <=, so that NaN counts as a miss
        missed_R = everyone_B[~(relative_gap(integral_BT, everyone_B) <= attribution.max_gap)]
        if not len(missed_R):
            break
        integral_BT[missed_R] = attributed(missed_R, attribution.steps * 2**retry).integrated_gradients_BT
        steps_B[missed_R] = attribution.steps * 2**retry
    converged_B = relative_gap(integral_BT, everyone_B) <= attribution.max_gap
    stacked = torch.stack([scores.gradient_norm_BT, scores.gradient_x_input_BT, integral_BT], dim=1).cpu().numpy()
    columns = {
        "predicted_id": predicted_B, "target_id": target_B, "confidence": plain_BK.softmax(dim=1).amax(dim=1), "score": score_B,
        "change": change_B, "gap": integral_BT.sum(dim=1) - change_B, "steps": steps_B, "converged": converged_B,
    }  # fmt: skip
    rows = [
        dict(zip(columns, values, strict=True))
        for values in zip(*(column.tolist() for column in columns.values()), strict=True)
    ]
    return list(zip(stacked, rows, strict=True))


def _require_parity(explained_BK: Tensor, plain_BK: Tensor) -> None:
    difference = float((explained_BK - plain_BK).abs().max())
    allowed = _PARITY * max(1.0, float(plain_BK.abs().max()))
    if not difference <= allowed:
        raise AttributionError(
            f"The explained forward pass is not the model's own: logits differ by {difference:.2g}, allowed is {allowed:.2g}. "
            "Nothing was stored. This architecture does something between its embeddings and its first layer that cannot be explained here."
        )


def _token_table(example_id: int, text: str, encoded: Any, i: int, scores_3T: np.ndarray) -> pa.Table:
    offsets, special = encoded["offset_mapping"][i], encoded["special_tokens_mask"][i]
    spans = word_spans(text)
    words = words_of_pieces(offsets, special, spans, text)
    num_tokens = len(offsets)
    integer = pa.int32()
    return pa.table({
        "example_id": pa.array(np.full(num_tokens, example_id), pa.int64()),
        "position": pa.array(np.arange(num_tokens), integer),
        "token_id": pa.array(encoded["input_ids"][i], integer),
        "token_start": pa.array([start for start, _ in offsets], integer),
        "token_end": pa.array([end for _, end in offsets], integer),
        "word_start": pa.array([spans[word][0] if word >= 0 else None for word in words], integer),
        "word_end": pa.array([spans[word][1] if word >= 0 else None for word in words], integer),
        "gradient_norm": pa.array(scores_3T[0], pa.float32()),
        "gradient_x_input": pa.array(scores_3T[1], pa.float32()),
        "integrated_gradients": pa.array(scores_3T[2], pa.float32()),
    })  # fmt: skip
