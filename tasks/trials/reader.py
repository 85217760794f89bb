"""The model that trials run, and the texts they start from."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from configs.attribution import AttributionConfig
from tasks.attribution.batches import Engine, batch_tokens, predict
from tasks.attribution.gradients import Budget, explained_scalar
from tasks.model.forward import first_position
from tasks.model.layers import WORD_EMBEDDINGS
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec
from tasks.model.windows import mean_over_windows, read_texts, windows_of
from tasks.runtime.parts import Shard, read_part
from tasks.text.edits import Text

Arithmetic = Literal["float32", "bfloat16", "autocast"]


class Reader:
    """The model, and the texts of a group with their logits."""

    def __init__(self, model: ModelSpec, dtype: Any, rows: Mapping[int, Mapping[str, Any]]) -> None:
        classifier = load_classifier(model, dtype)
        self.classifier = classifier
        self.model = model
        self.rows = rows
        self.num_passes = 0
        settings = AttributionConfig(dtype=dtype)
        self._engine = Engine(classifier, settings, WORD_EMBEDDINGS, None, Budget(batch_tokens(classifier.device)))

    def text(self, example_id: int) -> Text:
        row = self.rows[example_id]
        return Text(row["text"], row["pair_start"])

    def logits(self, texts: Sequence[Text]) -> np.ndarray:
        """Logits (text, K) of any texts; their forward passes are counted."""
        encoded = read_texts(self.classifier, [text._asdict() for text in texts], self.model)
        windows = [[window for window, _ in windows_of(text, self.classifier, self.model)] for text in encoded]
        flat = [window for text in windows for window in text]
        self.num_passes += len(flat)
        # In low precision the whole block is computed: the unchanged texts have its logits, and the shortcut rounds
        # differently.
        block = self.classifier.last_block if self.classifier.dtype == "float32" else None
        with nullcontext() if block is None else first_position(block):
            found = predict(self._engine, flat)
        return mean_over_windows(found, windows)

    def margins(self, logits_NK: np.ndarray, labels: Sequence[int]) -> list[float]:
        """Log-odds (N,) of one label in each row."""
        margin_N = explained_scalar(
            torch.tensor(logits_NK).double(), torch.tensor(labels), "margin", None, self._engine.head
        )
        found: list[float] = margin_N.tolist()
        return found


def rows_of(group: Sequence[Mapping[str, Any]], shards: Sequence[Shard]) -> dict[int, dict[str, Any]]:
    """The examples of a group, by their id, with their text and logits."""
    ids = pa.array(sorted(texts_of(group)), pa.int64())

    def chosen(manifests: Sequence[Path], *columns: str) -> dict[int, dict[str, Any]]:
        tables = [read_part(manifest, "examples", ["example_id", *columns]) for manifest in manifests]
        rows = [row for table in tables for row in table.filter(pc.is_in(table["example_id"], ids)).to_pylist()]
        return {row["example_id"]: row for row in rows}

    predicted = chosen([shard.scores for shard in shards], "logits")
    texts = chosen([shard.texts for shard in shards], "text", "pair_start", "label_id")
    return {i: row | predicted[i] for i, row in texts.items()}


def texts_of(group: Sequence[Mapping[str, Any]]) -> set[int]:
    return {text["example_id"] for row in group for text in (*row["held"], *row["others"])}
