"""Stage: proof by intervention. What the model says when a word is taken out of a text, or put into one.

Reads the tables of `warehouse/flag/`, the texts of the shards and their logits in the parts of attribution. Writes, in `<run>/trials/`,
one part for every `GROUP` candidates, with two tables.

`trials`, one row per candidate, operator and text: `kind`, `label`, `word`, `operator`,
`replacement` (what was put in the place of the word; null where nothing was), `example_id`,
`margin_before`, `margin_after` (log-odds of the candidate's label against all others),
`predicted_before`, `predicted_after` and `gold` (indices of labels).

`vectors`, one row per candidate that is a word: `kind`, `label`, `word`, `vector`, where it is for the model (tasks/neighbours.py).

The operators, on all occurrences in a text:

    delete     the word is taken out
    mask       the tokenizer's mask token is put in its place
    swap       another word of its type, which the model does not use, is put in its place
    neighbour  a word that is close to it for the model, if it has such neighbours
    insert     the word is put into a text without it that is read as another label
"""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from prefect import task
from prefect.cache_policies import NO_CACHE

from configs.schema import AttributionConfig, AuditConfig, VerificationConfig, digest
from tasks.classifier import Classifier, first_position, load_classifier
from tasks.edits import Span, Text, deleted, inserted, masked, replaced
from tasks.explained import Engine, batch_tokens, draw, predict
from tasks.fanout import Facts, Job, fan_out, target_of
from tasks.gradients import Budget, explained_scalar
from tasks.layers import WORD_EMBEDDINGS
from tasks.model import ModelSpec
from tasks.neighbours import Neighbourhood
from tasks.parts import part_file, read_manifest, read_part, write_part
from tasks.progress import progress
from tasks.reading import mean_over_windows, read_texts, windows_of
from tasks.run import Run
from warehouse import open_warehouse, seed

GROUP = 75
"""Candidates in a part, about: half a minute of two cores. The last rounds of few words fill no batch: with 25, 300 words
on two cores took a third longer than in one part."""
FIRST = 16
"""Texts of an operator before it is asked whether more are needed; then twice as many, and so on."""
NEIGHBOURS = 5
MAX_NEIGHBOURTRIALS = 16
"""Neighbours tell apart what the proof of use has already shown; they need no narrow interval."""

Operator = Literal["delete", "mask", "swap", "neighbour", "insert"]
OPERATORS: tuple[Operator, ...] = ("delete", "mask", "swap", "neighbour", "insert")
_CODE = (
    "classifier.py", "edits.py", "explained.py", "layers.py", "model.py", "neighbours.py", "reading.py", "verify.py", "words.py",
)  # fmt: skip


@task(name="verify", cache_policy=NO_CACHE, timeout_seconds=48 * 3600)
def verify_candidates(
    config: AuditConfig, run: Run, model: ModelSpec, shards: Sequence[Path], parts: Sequence[Path]
) -> list[Path]:
    """Try every group of candidates that has no whole part of the same candidates yet; return the parts, in order.

    Raises:
        AttributionError: a text does not fit into memory even alone.
        WarehouseError: the database is locked.
    """
    params = {
        "token_parts": [part_file(part, "tokens") for part in parts],
        "max_documents": config.verification.max_documents,
    }
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        candidates = warehouse.rows("verify/plan", params).to_pylist()
    # Of about the same size: a part of a few words that are left fills no batch.
    cuts = np.linspace(0, len(candidates), max(round(len(candidates) / GROUP), 1) + 1).astype(int)
    groups = [candidates[start:end] for start, end in pairwise(cuts)]
    folder = run.storage / "trials"
    trials = [folder / f"part-{number:05d}.json" for number in range(len(groups))]
    # A worker may be in another folder.
    model = replace(model, folder=model.folder.absolute())
    settled = (model, config.attribution.dtype, config.verification)
    places = ([shard.absolute() for shard in shards], [part.absolute() for part in parts])
    missing = [
        Job(part.stem, (group, *places, *settled, part.absolute()), len(group), partial(_texts_of, group))
        for group, part in zip(groups, trials, strict=True)
        if _facts_of(part, _key(group, *settled)) is None
    ]
    done = len(candidates) - sum(job.size for job in missing)
    with progress("verify", len(candidates), "words", done, artifact="verification") as meter:
        if missing:
            with fan_out(config.workers) as run_everywhere:
                run_everywhere(try_group, missing, meter)
    return trials


Arithmetic = Literal["float32", "bfloat16", "autocast"]


def _key(
    group: Sequence[Mapping[str, Any]], model: ModelSpec, dtype: Arithmetic, verification: VerificationConfig
) -> str:
    code = [files("tasks").joinpath(name).read_text(encoding="utf-8") for name in _CODE]
    return digest(list(group), model.fingerprint, dtype, verification.model_dump(exclude={"max_candidates"}), code)


def _facts_of(part: Path, key: str) -> Facts | None:
    """The facts of a whole part, unless it is of other candidates."""
    facts = read_manifest(part)
    return facts if facts is not None and facts["key"] == key else None


def _texts_of(group: Sequence[Mapping[str, Any]]) -> set[int]:
    return {held["example_id"] for row in group for held in row["held"]} | {i for row in group for i in row["others"]}


def try_group(
    group: Sequence[Mapping[str, Any]],
    shards: Sequence[Path],
    parts: Sequence[Path],
    model: ModelSpec,
    dtype: Arithmetic,
    verification: VerificationConfig,
    part: Path,
    *,
    left_out: frozenset[int] = frozenset(),
    dry: bool = False,
    advance: Callable[[int], None] = lambda amount: None,
) -> Facts:
    """Write the part of one group of candidates, rows of `verify/plan`, unless it is there; return its facts. See the module for its columns.

    `parts` are those of attribution, of the same shards by the same model in the same arithmetic. Nothing is tried on the
    texts that are left out; a dry run writes no part.
    """
    key = _key(group, model, dtype, verification)
    if not dry and (known := _facts_of(part, key)) is not None:
        return known
    lost = left_out & _texts_of(group)
    tried = [
        {**row, "held": [text for text in row["held"] if text["example_id"] not in lost], "others": [i for i in row["others"] if i not in lost]}
        for row in group
    ]  # fmt: skip
    rows: list[dict[str, Any]] = []
    vectors: list[dict[str, Any]] = []
    num_passes = 0
    if group:
        reader = Reader(model, dtype, _rows_of(tried, shards, parts))
        operations = [
            operation for row in tried for operation in _operations(_candidate(row), row, reader, verification)
        ]
        _run(operations, reader, verification, advance)
        rows = [row for operation in operations for row in operation.rows]
        words = [row for row in group if row["kind"] == "word"]
        vectors = [
            {**_candidate(row)._asdict(), "vector": vector}
            for row, vector in zip(words, reader.vectors([row["inserts"][0] for row in words]), strict=True)
        ]
        num_passes = reader.num_passes
    facts = {
        "key": key, "num_candidates": len(group), "num_trials": len(rows), "num_passes": num_passes, "num_quarantined": len(lost),
    }  # fmt: skip
    with target_of(part, dry=dry) as target:
        tables = {
            "trials": pa.Table.from_pylist(rows, schema=TRIAL),
            "vectors": pa.Table.from_pylist(vectors, schema=_VECTOR),
        }
        write_part(target, tables, facts)
    return facts


TRIAL = pa.schema([
    *((name, pa.string()) for name in ("kind", "label", "word", "operator", "replacement")), ("example_id", pa.int64()),
    ("margin_before", pa.float64()), ("margin_after", pa.float64()),
    *((name, pa.int32()) for name in ("predicted_before", "predicted_after", "gold")),
])  # fmt: skip
_VECTOR = pa.schema([*((name, pa.string()) for name in ("kind", "label", "word")), ("vector", pa.list_(pa.float32()))])


class Candidate(NamedTuple):
    kind: str
    label: str
    word: str


def _candidate(row: Mapping[str, Any]) -> Candidate:
    return Candidate(row["kind"], row["label"], row["word"])


@dataclass
class Trial:
    """A text, and what becomes of it."""

    example_id: int
    after: Text
    replacement: str | None


@dataclass
class Operation:
    """An operator on one candidate: its trials in their order, and what those that were run have shown."""

    candidate: Candidate
    operator: Operator
    trials: list[Trial]
    rows: list[dict[str, Any]]

    def effects(self) -> list[float]:
        """What the word adds to the log-odds of its label."""
        sign = 1 if self.operator == "insert" else -1
        return [sign * (row["margin_after"] - row["margin_before"]) for row in self.rows]


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
        self.mask = _mask_token(classifier.tokenizer)

    def text(self, example_id: int) -> Text:
        row = self.rows[example_id]
        return Text(row["text"], row["pair_start"])

    def logits(self, texts: Sequence[Text]) -> np.ndarray:
        """Logits (text, K) of any texts, counted."""
        encoded = read_texts(self.classifier, [text._asdict() for text in texts], self.model)
        windows = [[piece for piece, _ in windows_of(text, self.classifier, self.model)] for text in encoded]
        pieces = [piece for text in windows for piece in text]
        self.num_passes += len(pieces)
        # The logits of the untouched texts are those of the whole block: in low precision the two are rounded otherwise.
        block = self.classifier.last_block if self.classifier.dtype == "float32" else None
        with nullcontext() if block is None else first_position(block):
            found = predict(self._engine, pieces)
        return mean_over_windows(found, windows)

    def vectors(self, words: Sequence[str]) -> list[list[float]]:
        return _neighbourhood(self.classifier).vectors(words)

    def margins(self, logits_NK: np.ndarray, labels: Sequence[int]) -> list[float]:
        """Log-odds of a label of its own in each row."""
        margin_N = explained_scalar(
            torch.tensor(logits_NK).double(), torch.tensor(labels), "margin", None, self._engine.head
        )
        found: list[float] = margin_N.tolist()
        return found


def _mask_token(tokenizer: Any) -> str | None:
    """What stands for "nothing here"; without a mask token the unknown one, as in attribution."""
    token: str | None = tokenizer.mask_token or tokenizer.unk_token
    return token


def _rows_of(
    group: Sequence[Mapping[str, Any]], shards: Sequence[Path], parts: Sequence[Path]
) -> dict[int, dict[str, Any]]:
    ids = pa.array(sorted(_texts_of(group)), pa.int64())

    def chosen(manifests: Sequence[Path], *columns: str) -> dict[int, dict[str, Any]]:
        tables = [read_part(manifest, "examples", ["example_id", *columns]) for manifest in manifests]
        rows = [row for table in tables for row in table.filter(pc.is_in(table["example_id"], ids)).to_pylist()]
        return {row["example_id"]: row for row in rows}

    predicted = chosen(parts, "logits")
    return {i: row | predicted[i] for i, row in chosen(shards, "text", "pair_start", "label_id").items()}


def _operations(
    candidate: Candidate, row: Mapping[str, Any], reader: Reader, verification: VerificationConfig
) -> list[Operation]:
    """All trials that could be made of a candidate; k texts share out the replacements in turn."""
    held = [
        (text["example_id"], reader.text(text["example_id"]), [(span["span_start"], span["span_end"]) for span in text["spans"]])
        for text in row["held"]
    ]  # fmt: skip
    trials: dict[Operator, list[Trial]] = {operator: [] for operator in OPERATORS}
    neighbours = _neighbours(candidate, reader, verification)
    for k, (example_id, text, spans) in enumerate(held):
        trials["delete"].append(Trial(example_id, deleted(text, spans), None))
        if reader.mask is not None:
            trials["mask"].append(Trial(example_id, masked(text, spans, reader.mask), None))
        trials["swap"] += _replacing(example_id, text, spans, row["replacements"], k)
        if k < MAX_NEIGHBOURTRIALS:
            trials["neighbour"] += _replacing(example_id, text, spans, neighbours, k)
    for k, example_id in enumerate(row["others"]):
        word = row["inserts"][k % len(row["inserts"])]
        place = draw(verification.seed, f"{candidate.word} {example_id}".encode())
        trials["insert"].append(Trial(example_id, inserted(reader.text(example_id), word, place), word))
    return [Operation(candidate, operator, trials[operator], []) for operator in OPERATORS]


def _replacing(example_id: int, text: Text, spans: Sequence[Span], words: Sequence[str], k: int) -> list[Trial]:
    word = words[k % len(words)] if words else None
    return [] if word is None else [Trial(example_id, replaced(text, spans, word), word)]


def _neighbours(candidate: Candidate, reader: Reader, verification: VerificationConfig) -> list[str]:
    if candidate.kind == "piece":
        return []
    near = _neighbourhood(reader.classifier)
    return near.of(candidate.word, NEIGHBOURS, verification.min_similarity, _function_words())


@lru_cache(maxsize=1)
def _neighbourhood(classifier: Classifier) -> Neighbourhood:
    return Neighbourhood(classifier)


@lru_cache(maxsize=1)
def _function_words() -> frozenset[str]:
    with Path(seed("function_words.csv")).open(encoding="utf-8", newline="") as file:
        return frozenset(row["word"] for row in csv.DictReader(file))


def _run(
    operations: Sequence[Operation], reader: Reader, verification: VerificationConfig, advance: Callable[[int], None]
) -> None:
    """Run trials, all operations side by side so that batches are large, until every operation is settled or at its end."""
    num_texts = FIRST
    labels = reader.model.labels
    going_on = [operation for operation in operations if operation.trials]
    num_open = len({operation.candidate for operation in operations})
    while going_on:
        chosen = [
            (operation, trial) for operation in going_on for trial in operation.trials[len(operation.rows) : num_texts]
        ]
        before_NK = np.array([reader.rows[trial.example_id]["logits"] for _, trial in chosen])
        after_NK = reader.logits([trial.after for _, trial in chosen])
        targets = [labels.index(operation.candidate.label) for operation, _ in chosen]
        margins = zip(reader.margins(before_NK, targets), reader.margins(after_NK, targets), strict=True)
        predicted = zip(before_NK.argmax(axis=1).tolist(), after_NK.argmax(axis=1).tolist(), strict=True)
        for (operation, trial), margin, label in zip(chosen, margins, predicted, strict=True):
            operation.rows.append({
                **operation.candidate._asdict(), "operator": operation.operator,
                "replacement": trial.replacement, "example_id": trial.example_id,
                "margin_before": margin[0], "margin_after": margin[1], "predicted_before": label[0], "predicted_after": label[1],
                "gold": reader.rows[trial.example_id]["label_id"],
            })  # fmt: skip
        going_on = [
            operation
            for operation in going_on
            if len(operation.rows) < len(operation.trials)
            and not is_settled(operation.effects(), verification.min_effect)
        ]
        num_texts *= 2
        still_open = len({operation.candidate for operation in going_on})
        advance(num_open - still_open)
        num_open = still_open
    # Where no word has a trial.
    advance(num_open)


def is_settled(effects: Sequence[float], min_effect: float) -> bool:
    """Whether the 99 % interval of the mean effect is on one side of 0, or within `min_effect` of it.

    Not while the effects vary by more than their mean: then it is not the mean that has to be known, but where they differ.

    Whoever looks several times at 95 % finds something more often than once in twenty; at 99 % the looks before the
    last add up to two in a hundred.
    """
    mean, half = (
        float(np.mean(effects)),
        _t_995(len(effects) - 1) * float(np.std(effects, ddof=1)) / math.sqrt(len(effects)),
    )
    varied = float(np.std(effects, ddof=1)) > abs(mean)
    return (abs(mean) > half and not varied) or abs(mean) + half < min_effect


def _t_995(freedom: int) -> float:
    """0.995 quantile of Student's t (Hill 1970, by Cornish-Fisher): within 1 % from 7 degrees of freedom on."""
    z = 2.5758293035489004
    return z * (
        1
        + (z**2 + 1) / (4 * freedom)
        + (5 * z**4 + 16 * z**2 + 3) / (96 * freedom**2)
        + (3 * z**6 + 19 * z**4 + 17 * z**2 - 15) / (384 * freedom**3)
    )
