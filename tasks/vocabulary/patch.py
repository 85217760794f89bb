"""A patch, which adds words to a checkpoint: written and read.

It is `NAME.json` (words, their pieces and ids, where their embeddings come from, and the fingerprint of the one
checkpoint it is for) and `NAME.safetensors` beside it (the embeddings, and what it takes to undo it to the byte).
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from configs.errors import ModelError
from tasks.model.spec import model_fingerprint
from tasks.runtime.parts import file_hash, write_whole
from tasks.vocabulary.extend import Added, Extension, How
from tasks.vocabulary.rows import embeddings_of, load_any
from tasks.vocabulary.weights import embedding_places, header_bytes, stored_rows

_KIND = "token-audit vocabulary patch 1"
WORDS = "added_words.json"
"""In a patched checkpoint: which tokens were added, and their ids; by this patch, or by one before it."""
OLD_VOCABULARIES = ("vocab.txt", "vocab.json", "merges.txt", "added_tokens.json", "*.model")
"""Files that tokenizer.json stands for, and which would not know the words."""
INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, eq=False)
class Patch:
    words: tuple[Added, ...]
    how: How
    method: str
    """Where the embeddings come from."""
    source: str
    """Fingerprint of the checkpoint it is for."""
    embeddings: int
    """Rows of that checkpoint's embeddings."""
    tensors: Mapping[str, Tensor]
    """`rows` (W, D), and what it takes to undo it."""
    facts: Mapping[str, Any]

    @property
    def rows_WD(self) -> Tensor:
        return self.tensors["rows"]


def write_patch(
    file: Path, source: Path, extension: Extension, rows_WD: Tensor, method: str, facts: Mapping[str, Any] | None = None
) -> Patch:
    """Write a patch for this checkpoint, as `file` (.json) and a file of tensors beside it.

    Raises:
        ModelError: nothing is added, or the checkpoint cannot be extended.
    """
    if not extension.added:
        raise ModelError("No word can be added, so there is no patch to write.")
    fingerprint = model_fingerprint(source)
    table_VD = embeddings_of(load_any(source))
    tensors = {"rows": rows_WD.float().contiguous(), **_undo(source, table_VD, extension)}
    beside = file.with_suffix(".safetensors")
    write_whole(beside, save(tensors))
    content = {
        "kind": _KIND,
        "source": {"fingerprint": fingerprint, "embeddings": len(table_VD)},
        "how": extension.added[0].how,
        "rows": {"method": method, "file": beside.name, "sha256": file_hash(beside)},
        "words": [one._asdict() for one in extension.added],
        "facts": dict(facts or {}),
    }
    write_whole(file, json.dumps(content, indent=1, ensure_ascii=False).encode())
    return read_patch(file)


def _undo(source: Path, table_VD: Tensor, extension: Extension) -> dict[str, Tensor]:
    """The files that a patch changes or leaves out, and the rows that it overwrites."""
    changed = ["tokenizer.json", "tokenizer_config.json", "config.json", WORDS, INDEX, *OLD_VOCABULARIES]
    kept = {path.name: path for pattern in changed for path in source.glob(pattern)}
    undo = {f"file {name}": packed(path.read_bytes()) for name, path in kept.items()}
    used = [one.new_id for one in extension.added if one.new_id < len(table_VD)]
    for file, names in embedding_places(source, table_VD).items():
        undo[f"header {file}"] = packed(header_bytes(source / file))
        if used:
            undo[f"replaced {file}"] = stored_rows(source / file, names[0], used).contiguous()
    return undo


def read_patch(file: Path) -> Patch:
    """
    Raises:
        ModelError: it is no patch, or its tensors are not those it was written with.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        assert content["kind"] == _KIND
        assert content["how"] in get_args(How)
        rows, source = content["rows"], content["source"]
        words = tuple(
            Added(**{**word, "pieces": tuple(word["pieces"]), "piece_ids": tuple(word["piece_ids"])})
            for word in content["words"]
        )
        assert words
        assert all(isinstance(text, str) for word in words for text in (word.word, word.token, *word.pieces))
        beside = file.with_name(Path(rows["file"]).name)
        fields = (content["how"], str(rows["method"]), str(source["fingerprint"]), int(source["embeddings"]))
    except (OSError, ValueError, KeyError, TypeError, AssertionError, RecursionError) as error:
        raise ModelError(f"{file} is no patch of a vocabulary. `token-audit vocabulary` writes them.") from error
    if not beside.is_file() or file_hash(beside) != rows["sha256"]:
        raise ModelError(f"{beside} is missing, or is not the file that was written with {file.name}. Copy both.")
    try:
        tensors = load_file(beside)
    except SafetensorError as error:
        raise ModelError(f"{beside} holds no tensors. Review the checkpoint again.") from error
    if (rows_WD := tensors.get("rows")) is None or rows_WD.dim() != 2 or len(rows_WD) != len(words):
        raise ModelError(f"{file} names {len(words)} words, and {beside.name} has other rows.")
    return Patch(words, *fields, tensors, content.get("facts") or {})


def packed(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(zlib.compress(content)), dtype=torch.uint8)


def unpacked(tensor: Tensor) -> bytes:
    """
    Raises:
        ModelError: it is not what was packed.
    """
    try:
        return zlib.decompress(tensor.numpy().tobytes())
    except zlib.error as error:
        raise ModelError("The patch was changed by hand: what it takes to undo it is damaged.") from error
