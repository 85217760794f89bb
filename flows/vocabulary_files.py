"""Apply a patch of a vocabulary to a checkpoint, and take it back: files in, a new folder out."""

from pathlib import Path

from configs.errors import ModelError
from tasks.vocabulary.checkpoint import apply_patch, removed
from tasks.vocabulary.patch import read_patch


def apply_vocabulary(patch: Path, model: Path, to: Path) -> str:
    """`token-audit vocabulary apply PATCH --model FOLDER --to FOLDER`: a sentence that says what was written.

    Raises:
        ModelError: it cannot be applied there.
    """
    read = read_patch(patch)
    apply_patch(read, _folder(model), to)
    words = len(read.words)
    return f"{to} is {model} with {words} more word{'s' if words > 1 else ''} in its vocabulary."


def undo_vocabulary(patch: Path, model: Path, to: Path) -> str:
    """`token-audit vocabulary undo PATCH --model FOLDER --to FOLDER`: a sentence that says what was written.

    Raises:
        ModelError: the folder is not what the patch made.
    """
    removed(read_patch(patch), _folder(model), to)
    return f"{to} is the checkpoint that the patch was applied to, the same to the byte."


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ModelError(f"There is no folder {path} with a model. Give the folder of a checkpoint.")
    return path
