"""Sentences that somebody typed, as a dataset."""

import json
from collections.abc import Sequence
from pathlib import Path

from configs.errors import DataError
from configs.schema import DataConfig
from configs.section import digest
from tasks.runtime.parts import write_whole
from tasks.text.words import is_visible


def typed_dataset(texts: Sequence[str], folder: Path) -> DataConfig:
    """A file in `folder` with each sentence once, without a label.

    Raises:
        DataError: a sentence holds nothing that can be seen, or bytes that are no UTF-8.
    """
    for number, text in enumerate(texts, 1):
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise DataError(f"explain.texts: sentence {number} is not UTF-8: {text[:60]!a}.")
        if not is_visible(text):
            raise DataError(f"explain.texts: sentence {number} holds nothing that can be seen.")
    own = list(dict.fromkeys(texts))
    path = folder / f"{digest(own)[:12]}.jsonl"
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in own]
    write_whole(path, ("\n".join(lines) + "\n").encode())
    return DataConfig(path=path, text="text", label=None, max_rejected=0)
