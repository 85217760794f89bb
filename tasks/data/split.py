"""Divide a dataset into the rows that are audited and those to train on, which share no text."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from configs.schema import AuditConfig, DataConfig
from tasks.data.rows import Row, read_rows


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

    Raises:
        DataError: as `read_rows`.
    """
    assert config.finetune is not None, "the caller asked for it"
    data = config.data
    usable = [row for row in read_rows(data, data.where, labels) if row.reason is None]
    if config.finetune.held_out is not None:
        held_out = held_out_texts(usable, config.finetune.held_out, data.seed)
        return [row for row in usable if row in held_out], [row for row in usable if row not in held_out]
    audited = {row.text for row in usable}
    rest = (row for row in read_rows(data, config.finetune.where, labels) if row.reason is None)
    return usable, [row for row in rest if row.text not in audited]
