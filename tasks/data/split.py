"""Divide a dataset into the rows that are audited and those to train on, which share no text."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from configs.errors import DataError
from configs.schema import AuditConfig, DataConfig, FinetuneConfig
from tasks.data.rows import Row, read_rows, unlabelled_rows
from tasks.data.rules import Rules
from tasks.data.votes import Votes, read_labelling, rule_labels


@dataclass(frozen=True)
class HeldOut:
    """The texts that `finetune.held_out` sets aside, by their hash: they may be many."""

    seed: int
    hashes: frozenset[int]

    def __contains__(self, row: Row) -> bool:
        return _hash(self.seed, row.text) in self.hashes


def held_out_texts(rows: Iterable[Row], share: float, seed: int) -> HeldOut:
    """Of the usable texts of each label, this share in the order of their hash, but neither none nor all of them.

    Equal texts are one, and have the label of the first. So another row changes the part of hardly any other.
    """
    labels: dict[int, int] = {}
    for row in rows:
        if row.reason is None:
            labels.setdefault(_hash(seed, row.text), row.label)
    groups: dict[int, list[int]] = {}
    for text, label in labels.items():
        groups.setdefault(label, []).append(text)
    chosen: set[int] = set()
    for texts in groups.values():
        number = min(max(round(share * len(texts)), 1), len(texts) - 1)
        chosen.update(sorted(texts)[:number])
    return HeldOut(seed, frozenset(chosen))


def _hash(seed: int, text: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{text}".encode(), digest_size=8).digest())


def held_out_of(data: DataConfig, share: float, labels: tuple[str, ...]) -> HeldOut:
    """The texts of a dataset that are set aside. Memory holds a number for each text."""
    return held_out_texts(read_rows(data, data.where, labels), share, data.seed)


def audited_and_trained(config: AuditConfig, labels: tuple[str, ...]) -> tuple[list[Row], list[Row]]:
    """The usable rows that may be audited, and those to train on.

    With `finetune.rules` the rows to train on have the label that the rules give them, and their own is not read; rows
    that no rule labels are not trained on.

    Raises:
        ConfigError: as `read_rules`.
        DataError: as `read_rows` and `read_labelling`, or no row to train on has a label.
    """
    assert config.finetune is not None, "the caller asked for it"
    data = config.data
    if config.finetune.rules is not None:
        return _labelled_by_rules(config, config.finetune.rules, labels)
    usable = [row for row in read_rows(data, data.where, labels) if row.reason is None]
    if config.finetune.held_out is not None:
        held_out = held_out_texts(usable, config.finetune.held_out, data.seed)
        return [row for row in usable if row in held_out], [row for row in usable if row not in held_out]
    audited = {row.text for row in usable}
    rest = (row for row in read_rows(data, config.finetune.where, labels) if row.reason is None)
    return usable, [row for row in rest if row.text not in audited]


def _labelled_by_rules(config: AuditConfig, path: Path, labels: tuple[str, ...]) -> tuple[list[Row], list[Row]]:
    labelling = read_labelling(path, config.data, labels)
    audited, rest = audited_and_unlabelled(config, labels)
    trained = labelled(labelling, rest, labels)
    if rest and not trained:
        raise DataError(
            f"{path}: no rule matches any of the {len(rest)} rows to train on. "
            "Add keywords, or a line `otherwise: LABEL`."
        )
    return audited, trained


def sampled(rows: Sequence[Row], finetune: FinetuneConfig) -> list[Row]:
    """The rows that are trained on, in their order: those of `finetune.sample`, or all."""
    if finetune.sample is None or finetune.sample >= len(rows):
        return list(rows)
    chosen = np.random.default_rng(finetune.seed).permutation(len(rows))[: finetune.sample]
    return [rows[i] for i in sorted(chosen)]


def audited_and_unlabelled(config: AuditConfig, labels: tuple[str, ...]) -> tuple[list[Row], list[Row]]:
    """The usable rows that may be audited, with their gold label, and those to train on, whose label is -1."""
    assert config.finetune is not None, "the caller asked for it"
    data, own = config.data, config.finetune
    usable = [row for row in read_rows(data, data.where, labels) if row.reason is None]
    if own.held_out is not None:
        held_out = held_out_texts(usable, own.held_out, data.seed)
        rest = [row for row in unlabelled_rows(data, data.where) if row not in held_out]
        return [row for row in usable if row in held_out], rest
    audited = {row.text for row in usable}
    return usable, [row for row in unlabelled_rows(data, own.where) if row.text not in audited]


def labelled(labelling: Rules | Votes, rows: Sequence[Row], labels: Sequence[str]) -> list[Row]:
    """The rows with the labels of the rules, without those that the rules do not label."""
    given = rule_labels(labelling, rows, labels)
    return [replace(row, label=label) for row, label in zip(rows, given, strict=True) if label >= 0]
