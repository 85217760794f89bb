"""Stage: extend a copy of the tokenizer by words that it cuts, and see what that changes before anything is trained.

Which words are tried is settled here, from the tables of `warehouse/scan/`. Writes `<run>/vocabulary/extended-<key>`,
a part with these tables, and the patch of the candidates.

`words`, one row per word that is cut: `word`, `answer` (rule), `token`, `tokens_saved`, `collisions`, `is_placebo`.
`arms`, one row per word of an arm: `arm`, `word` (lower case), `spelling`.
`sizes`, one row per arm: what its words do to the texts (see `_size`).
`shifts`, one row per way to make new rows and kind of texts: `method`, `texts` (affected or other), `n_texts`,
`median` and `p99` of the largest |change of a logit| of a text, `n_flips`, `is_best`.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from torch import Tensor

from configs.errors import ModelError
from configs.schema import AuditConfig
from configs.section import digest
from tasks.model.forward import Classifier
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec
from tasks.runs.run import Run
from tasks.runtime.code import code_of
from tasks.runtime.parts import file_hash, read_manifest, write_part
from tasks.runtime.progress import progress
from tasks.runtime.stage import stage
from tasks.vocabulary.choice import CANDIDATES, EVERY, LEAST_PROBED, PLACEBO, Choice, choose
from tasks.vocabulary.distill import distilled_rows
from tasks.vocabulary.dry_run import Measured, measured
from tasks.vocabulary.extend import Extension, How, extended
from tasks.vocabulary.patch import write_patch
from tasks.vocabulary.rows import Method, embeddings_of, mean_rows, resized_rows, weighted_rows
from tasks.vocabulary.shift import Shift, classifier_with, logit_shift
from warehouse import open_warehouse

MAX_AFFECTED, MAX_OTHERS = 1000, 500
"""Most texts whose logits are compared: with a word that was added, and without one."""

_WORDS = pa.schema(
    {
        "word": pa.string(),
        "answer": pa.string(),
        "token": pa.string(),
        "tokens_saved": pa.int64(),
        "collisions": pa.list_(pa.string()),
        "is_placebo": pa.bool_(),
    }.items()
)
_ARMS = pa.schema({"arm": pa.string(), "word": pa.string(), "spelling": pa.string()}.items())


class Ways(NamedTuple):
    """How words may be added."""

    how: How = "model"
    monotone: bool = False
    """Only words of two pieces, and none that gives a text more tokens."""


WAYS = Ways()


class Extended(NamedTuple):
    """What a dry run wrote."""

    part: Path
    patch: Path | None
    """None where there is no candidate, or where other texts would be read otherwise."""


@stage("extend", hours=4)
def extend_vocabulary(config: AuditConfig, run: Run, model: ModelSpec, scanned: str, ways: Ways = WAYS) -> Extended:
    """Choose the words, try them on all explained texts, and write the patch, unless that was done.

    `scanned` is the key of the tables that it reads, `ways` how words may be added. The patch is among the exports, or
    beside the texts where names are hidden.

    Raises:
        ModelError: the tokenizer cannot be extended, or the classifier cannot be loaded or is of a kind that no patch
            fits.
        WarehouseError: the database is locked.
    """
    require_patchable(config, model)
    least = config.statistics.min_examples
    code = code_of("tasks.extend", "tasks.text", "tasks.data", "tasks.model", "tasks.vocabulary")
    key = digest(code, scanned, model.fingerprint, least, config.data.seed, *ways)
    part = run.storage / "vocabulary" / f"extended-{key[:12]}.json"
    patch = run.folder / ("exports" if config.report.redact is None else "vocabulary") / "vocabulary_patch.json"
    facts = read_manifest(part)
    if facts is None or facts["patch"] not in (None, _hash(patch)):
        with open_warehouse(config.warehouse, read_only=True) as warehouse:
            warehouse.use(run.run_id)
            rows = warehouse.rows("extend/words", {})
            texts = warehouse.table("extend/texts", {})["text"].to_pylist()
        tried = _tried(load_classifier(model), rows, texts, least, config.data.seed, ways)
        if tried.method is not None:
            write_patch(patch, model.folder, tried.extension, tried.rows_WD, tried.method, {"run": run.run_id})
        facts = {"key": key, "patch": None if tried.method is None else _hash(patch), "how": ways.how}
        write_part(part, tried.tables, facts)
    if facts["patch"] is None:
        # One that was written with other ways to add words.
        for file in (patch, patch.with_suffix(".safetensors")):
            file.unlink(missing_ok=True)
    return Extended(part, None if facts["patch"] is None else patch)


def _hash(file: Path) -> str:
    """Of a file, if it is there."""
    return file_hash(file) if file.is_file() else "none"


def require_patchable(config: AuditConfig, model: ModelSpec) -> None:
    """
    Raises:
        ModelError: no patch fits such a classifier.
    """
    if model.factory is not None:
        raise ModelError(
            f"The vocabulary of {model.folder.name} cannot be reviewed: it is a network of your own ({model.factory}), "
            "and a patch makes a checkpoint of transformers. Review the encoder that it is made of."
        )
    if config.data.pair is not None:
        raise ModelError(
            "The vocabulary of a classifier of pairs cannot be reviewed: its tokens are counted in single texts. Take "
            "`data.pair` out and join the two texts in one column."
        )


class _Tried(NamedTuple):
    tables: dict[str, pa.Table]
    extension: Extension
    """By the candidates."""
    rows_WD: Tensor
    method: str | None
    """Of the new rows; None where there are none, or other texts would be read otherwise."""


def _tried(
    classifier: Classifier, rows: Sequence[dict[str, Any]], texts: Sequence[str], least: int, seed: int, ways: Ways
) -> _Tried:
    given: dict[str, Any] = {"how": ways.how, "monotone": ways.monotone, "texts": texts}
    tokenizer, spelling = classifier.tokenizer, {row["word"]: row["spelling"] for row in rows}
    with progress("words tried", 4, "lists") as advance:
        asked = [row for row in rows if row["can_be_token"] and row["n_examples"] >= LEAST_PROBED]
        rules = dict(extended(tokenizer, [row["spelling"] for row in asked], **given).refused)
        refused = {row["word"]: f"token.{rules[row['spelling']]}" for row in asked if row["spelling"] in rules}
        choice = choose(rows, refused, least, seed)
        arms = {CANDIDATES: choice.candidates, PLACEBO: choice.placebo, EVERY: choice.every}
        advance(1)
        found = dict[str, tuple[Extension, Measured]]()
        for arm, words in arms.items():
            extension = extended(tokenizer, [spelling[word] for word in words], **given)
            found[arm] = extension, measured(tokenizer, extension, texts, classifier.max_tokens)
            advance(1)
    table_VD = embeddings_of(classifier.model)
    extension, size = found[CANDIDATES]
    weights = {spelling[row["word"]]: row["weights"] for row in rows if row["word"] in choice.candidates}
    shifts, rows_WD, best = list[dict[str, Any]](), table_VD[:0], None
    if extension.added:
        shifts, rows_WD, best = _shifts(classifier, extension, size, texts, weights)
    is_clean = not size.offenders and not size.unreachable and not size.bad_offsets
    in_arms = [{"arm": arm, "word": word, "spelling": spelling[word]} for arm, own in arms.items() for word in own]
    sizes = [_size(arm, *own, table_VD.shape[1]) for arm, own in found.items()]
    tables = {
        "words": _words(rows, choice, spelling, found[CANDIDATES]),
        "arms": pa.Table.from_pylist(in_arms, _ARMS),
        "sizes": pa.Table.from_pylist(sizes, _SIZES),
        "shifts": pa.Table.from_pylist(shifts, _SHIFTS),
    }
    return _Tried(tables, extension, rows_WD, best if is_clean else None)


def _words(
    rows: Sequence[Mapping[str, Any]], choice: Choice, spelling: Mapping[str, str], tried: tuple[Extension, Measured]
) -> pa.Table:
    extension, size = tried
    tokens = {one.word: one.token for one in extension.added}
    collisions: dict[str, list[str]] = {}
    for one in size.collisions:
        collisions.setdefault(one.word, []).append(one.found)
    return pa.Table.from_pylist(
        [
            {
                "word": row["word"],
                "answer": choice.answers[row["word"]],
                "token": tokens.get(spelling[row["word"]]) if row["word"] in choice.candidates else None,
                "tokens_saved": size.saved.get(spelling[row["word"]]) if row["word"] in choice.candidates else None,
                "collisions": collisions.get(spelling[row["word"]], []),
                "is_placebo": row["word"] in choice.placebo,
            }
            for row in rows
        ],
        _WORDS,
    )


_SIZES = pa.schema(
    [
        ("arm", pa.string()),
        *((name, pa.int64()) for name in ("n_words", "n_texts", "tokens_before", "tokens_after", "n_affected")),
        *((name, pa.int64()) for name in ("n_strays", "n_unreachable", "n_moved", "n_longer", "n_collisions")),
        *((name, pa.int64()) for name in ("n_cut", "n_uncut", "rows_before", "rows_after", "bytes_added")),
        *((name, pa.float64()) for name in ("encode_before", "encode_after", "load_before", "load_after")),
    ]
)
"""`n_strays`: texts whose ids change though they hold no added word; `n_moved`: texts with wrong offsets; `n_longer`:
texts with more tokens than before; `n_cut`, `n_uncut`: texts cut at the limit today, and no longer; seconds."""


def _size(arm: str, extension: Extension, size: Measured, width: int) -> dict[str, Any]:
    return {
        "arm": arm,
        "n_words": len(extension.added),
        "n_texts": size.texts,
        "tokens_before": size.tokens_before,
        "tokens_after": size.tokens_after,
        "n_affected": len(size.affected),
        "n_strays": len(size.offenders),
        "n_unreachable": len(size.unreachable),
        "n_moved": len({place for place, _ in size.bad_offsets}),
        "n_longer": len(size.longer),
        "n_collisions": len(size.collisions),
        "n_cut": size.cut,
        "n_uncut": len(size.no_longer_cut),
        "rows_before": size.rows_before,
        "rows_after": size.rows_after,
        "bytes_added": size.bytes_added(width),
        "encode_before": size.encode_seconds[0],
        "encode_after": size.encode_seconds[1],
        "load_before": size.load_seconds[0],
        "load_after": size.load_seconds[1],
    }


_SHIFTS = pa.schema(
    [
        ("method", pa.string()),
        ("texts", pa.string()),
        ("n_texts", pa.int64()),
        ("median", pa.float64()),
        ("p99", pa.float64()),
        ("n_flips", pa.int64()),
        ("is_best", pa.bool_()),
    ]
)


def _shifts(
    classifier: Classifier,
    extension: Extension,
    size: Measured,
    texts: Sequence[str],
    weights: Mapping[str, Sequence[float]],
) -> tuple[list[dict[str, Any]], Tensor, Method]:
    """How far the logits move by each way to make new rows, and the rows of the best of them with its name.

    The best changes fewest predictions and, among equals, logits least.
    """
    model, affected = classifier.model, set(size.affected)
    # Rows are fitted on the CPU, wherever the classifier is read.
    teacher = model if classifier.device.type == "cpu" else copy.deepcopy(model).cpu()
    chosen = [texts[i] for i in size.affected[:MAX_AFFECTED]]
    chosen += [text for i, text in enumerate(texts) if i not in affected][:MAX_OTHERS]
    rows_of: dict[Method, Callable[[], Tensor]] = {
        "mean": lambda: mean_rows(model, extension),
        "weighted": lambda: weighted_rows(model, extension, _fitting(extension, weights)),
        "mean_resizing": lambda: resized_rows(model, extension),
        "distilled": lambda: distilled_rows(teacher, classifier.tokenizer, extension, texts).rows_WD,
    }
    found = dict[Method, tuple[Tensor, Shift]]()
    with progress("new rows", len(rows_of), "ways") as advance:
        for method, make in rows_of.items():
            rows_WD = make()
            found[method] = rows_WD, logit_shift(classifier, classifier_with(classifier, extension, rows_WD), chosen)
            advance(1)
    best = min(found, key=lambda method: (found[method][1].flips_affected, found[method][1].median))
    table = [
        {"method": method, "is_best": method == best, "texts": kind} | figures
        for method, (_, shift) in found.items()
        for kind, figures in _figures(shift).items()
    ]
    return table, found[best][0].cpu(), best


def _figures(shift: Shift) -> dict[str, dict[str, Any]]:
    return {
        "affected": {
            "n_texts": shift.affected,
            "median": shift.median,
            "p99": shift.p99,
            "n_flips": shift.flips_affected,
        },
        "other": {"n_texts": shift.others, "median": None, "p99": shift.others_max, "n_flips": shift.flips_others},
    }


def _fitting(extension: Extension, weights: Mapping[str, Sequence[float]]) -> dict[str, Sequence[float]]:
    """Of the weights those that have one for each piece: a mark of a word can be a piece that no text shows."""
    return {
        one.word: weights[one.word] for one in extension.added if len(weights.get(one.word, ())) == len(one.piece_ids)
    }
