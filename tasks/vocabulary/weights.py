"""Rows of the word embeddings in files of weights: all other bytes of a file are copied as they are.

A file of safetensors is the length of its header (8 bytes), a header of JSON with each tensor's type, shape and place,
and the tensors' bytes.

Shape letters: V vocabulary, D embedding width.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import safe_open
from torch import Tensor

from configs.errors import ModelError

_TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_OF_HEADS = ("lm_head.", "cls.predictions.", "generator_lm_head.", "predictions.", "discriminator_predictions.")
"""Names of weights of heads that predict words."""


def embedding_places(folder: Path, table_VD: Tensor) -> dict[str, list[str]]:
    """File of weights -> names of the tensors in it that are the word embeddings.

    Raises:
        ModelError: no file holds them as the model reads them, or a head that predicts words is saved with them.
    """
    found: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as stored:
            names = list(stored.keys())
            heads = [name for name in names if name.startswith(_OF_HEADS)]
            if heads:
                raise ModelError(
                    f"{folder} holds a head that predicts words ({heads[0]}), tied to the embeddings or as long as "
                    "they are: new words would have no place in it. Save the model without it, as the class you use."
                )
            alike = [name for name in names if stored.get_slice(name).get_shape() == list(table_VD.shape)]
            same = [name for name in alike if torch.equal(stored.get_tensor(name).to(table_VD), table_VD)]
        if same:
            found[file.name] = same
    kinds = {header_of(folder / file)[name]["dtype"] for file, names in found.items() for name in names}
    if not found or not kinds <= set(_TYPES):
        what = f"stored as {', '.join(sorted(kinds))}" if kinds else "not stored as the model reads them"
        raise ModelError(
            f"The word embeddings of {folder} are {what}, so that no rows can be added. Load the model, and "
            "save it anew in float32, float16 or bfloat16."
        )
    return found


def header_bytes(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(int.from_bytes(stream.read(8), "little"))


def header_of(file: Path) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(header_bytes(file))
    header.pop("__metadata__", None)
    return header


def stored_rows(file: Path, name: str, ids: Sequence[int]) -> Tensor:
    with safe_open(file, framework="pt") as stored:
        rows: Tensor = stored.get_tensor(name)[list(ids)]
    return rows


def write_rows(source: Path, target: Path, names: Sequence[str], size: int, rows: Mapping[int, Tensor]) -> None:
    """Copy a file of weights with embeddings of `size` rows, longer or shorter, and these rows at their places."""
    header = json.loads(header_bytes(source))
    with safe_open(source, framework="pt") as stored:
        tables = {name: _resized(stored.get_tensor(name), size, rows) for name in names}
    changed = {name: table_VD.contiguous().view(torch.uint8).numpy().tobytes() for name, table_VD in tables.items()}
    place = 0
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    order = sorted(entries, key=lambda name: entries[name]["data_offsets"])
    old = {name: tuple(entry["data_offsets"]) for name, entry in entries.items()}
    for name in order:
        length = len(changed[name]) if name in changed else old[name][1] - old[name][0]
        if name in changed:
            entries[name]["shape"] = list(tables[name].shape)
        entries[name]["data_offsets"] = [place, place + length]
        place += length
    content = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    content += b" " * (-len(content) % 8)
    with source.open("rb") as read, target.open("wb") as write:
        start = 8 + int.from_bytes(read.read(8), "little")
        write.write(len(content).to_bytes(8, "little") + content)
        for name in order:
            if name in changed:
                write.write(changed[name])
            else:
                _copy(read, write, start + old[name][0], old[name][1] - old[name][0])


def with_header(file: Path, header: bytes) -> None:
    """Write the header of another writer in the place of an equal one, so that the file is the same to the byte.

    Raises:
        ModelError: the header is of other tensors.
    """
    if header_of(file) != {name: one for name, one in json.loads(header).items() if name != "__metadata__"}:
        raise ModelError(f"{file.name} holds other weights than the patch was made for.")
    beside = file.with_name(f".{file.name}")
    with file.open("rb") as read, beside.open("wb") as write:
        read.seek(8 + int.from_bytes(read.read(8), "little"))
        write.write(len(header).to_bytes(8, "little") + header)
        shutil.copyfileobj(read, write)
    beside.replace(file)


def _resized(table_VD: Tensor, size: int, rows: Mapping[int, Tensor]) -> Tensor:
    found = table_VD.new_zeros(size, table_VD.shape[1])
    kept = min(size, len(table_VD))
    found[:kept] = table_VD[:kept]
    for number, row_D in rows.items():
        found[number] = row_D.to(found)
    return found


def _copy(read: BinaryIO, write: BinaryIO, start: int, length: int) -> None:
    read.seek(start)
    while length:
        piece = read.read(min(length, 1 << 24))
        assert piece, "the file ends before its last tensor"
        write.write(piece)
        length -= len(piece)
