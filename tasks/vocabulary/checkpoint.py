"""A patch applied to a checkpoint in a new folder, and taken back from that.

What comes out is a checkpoint of `transformers`: a tokenizer.json, a config and weights with more rows.
"""

import glob
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from configs.errors import ModelError
from tasks.model.pretrained import load_tokenizer
from tasks.model.spec import model_fingerprint
from tasks.runtime.parts import flush_files
from tasks.vocabulary.extend import Extension, extended
from tasks.vocabulary.patch import INDEX, OLD_VOCABULARIES, WORDS, Patch, read_patch, unpacked
from tasks.vocabulary.rows import embeddings_of, load_any
from tasks.vocabulary.weights import embedding_places, header_bytes, with_header, write_rows

_STALE = ("*.bin", "*.pt", "*.pth", "*.onnx", "*.h5", "*.msgpack", "*.ot")
"""The same weights in other formats, without the words."""


def apply_patch(patch: Patch | Path, source: Path, target: Path) -> Path:
    """Write a checkpoint with the words of the patch; the source stays as it is.

    Raises:
        ModelError: the patch is for another checkpoint, the target exists, or what would come out is not what the patch
            says.
    """
    patch = read_patch(patch) if isinstance(patch, Path) else patch
    _require_new(target, source)
    found = model_fingerprint(source)
    if found != patch.source:
        raise ModelError(
            f"The patch is for another checkpoint: {source} has the fingerprint {found[:12]}, and the patch was made "
            f"for {patch.source[:12]}. Give the folder that was reviewed, or review this one."
        )
    extension = extended(load_tokenizer(source), [one.word for one in patch.words], how=patch.how)
    if extension.added != patch.words:
        raise ModelError(
            "The words of the patch are not added here as it says: it was written with another version of token-audit, "
            "or changed by hand. Review the checkpoint again."
        )
    return _built(target, source, lambda folder: _patched(folder, source, patch, extension))


def removed(patch: Patch | Path, applied: Path, target: Path) -> Path:
    """Write the checkpoint that a patch was applied to, the same to the byte.

    Raises:
        ModelError: the folder is not what the patch made (it was trained since, for example), or the target exists.
    """
    patch = read_patch(patch) if isinstance(patch, Path) else patch
    _require_new(target, applied)
    if not _numbers(patch).items() <= _recorded(applied).items():
        raise ModelError(
            f"{applied} is not what the patch made: its {WORDS} does not name the patch's words. Give the folder that "
            "`token-audit vocabulary apply` wrote."
        )
    return _built(target, applied, lambda folder: _restored(folder, applied, patch))


def _require_new(target: Path, source: Path) -> None:
    if target.exists() or target.is_symlink():
        raise ModelError(f"{target} exists, and nothing is written over. Give a folder that does not exist.")
    if source.resolve() in target.resolve().parents:
        raise ModelError(f"{target} lies in {source}, which stays as it is. Give a folder elsewhere.")


def _built(target: Path, source: Path, build: Callable[[Path], None]) -> Path:
    """Build a copy beside its place, and rename it: whole or not at all."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    # A copy of weights whose process was killed is taken away; one that is being made is left alone.
    for stale in target.parent.glob(f".{glob.escape(target.name)}.*"):
        number = stale.name.rpartition(".")[2]
        if number.isdigit() and (int(number) == os.getpid() or not _runs(int(number))):
            shutil.rmtree(stale, ignore_errors=True)
    try:
        shutil.copytree(source, beside, ignore=shutil.ignore_patterns("*.safetensors", *_STALE))
        build(beside)
        flush_files(beside)
        beside.rename(target)
    except OSError as error:
        raise ModelError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def _patched(folder: Path, source: Path, patch: Patch, extension: Extension) -> None:
    table_VD = embeddings_of(load_any(source))
    if (len(table_VD), table_VD.shape[1]) != (patch.embeddings, patch.rows_WD.shape[1]):
        raise ModelError(
            f"The patch has rows for {patch.embeddings} embeddings of {patch.rows_WD.shape[1]} numbers, and {source} "
            f"has {len(table_VD)} of {table_VD.shape[1]}: it was changed by hand. Review the checkpoint again."
        )
    size = max(len(table_VD), *(one.new_id + 1 for one in patch.words))
    places = embedding_places(source, table_VD)
    rows = {one.new_id: row_D for one, row_D in zip(patch.words, patch.rows_WD, strict=True)}
    for file in source.glob("*.safetensors"):
        if file.name in places:
            write_rows(file, folder / file.name, places[file.name], size, rows)
        else:
            shutil.copyfile(file, folder / file.name)
    if size != len(table_VD):
        _set_size(folder / "config.json", size)
        _set_total(folder)
    for pattern in OLD_VOCABULARIES:
        for path in folder.glob(pattern):
            path.unlink()
    extension.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    # Of a checkpoint that was patched before, the words of both: training reads here which rows are new.
    _write(folder / WORDS, _recorded(source) | _numbers(patch))
    _require_loads(folder, patch, extension)


def _set_size(file: Path, size: int) -> None:
    config = json.loads(file.read_text(encoding="utf-8"))
    inner = config.get("text_config")
    holder = inner if isinstance(inner, dict) and "vocab_size" in inner else config
    holder["vocab_size"] = size
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _set_total(folder: Path) -> None:
    """The size in the index of weights in several files, where there is one."""
    index = folder / INDEX
    if index.is_file():
        content = json.loads(index.read_text(encoding="utf-8"))
        sizes = (file.stat().st_size - 8 - len(header_bytes(file)) for file in folder.glob("*.safetensors"))
        content.setdefault("metadata", {})["total_size"] = sum(sizes)
        _write(index, content)


def _require_loads(folder: Path, patch: Patch, extension: Extension) -> None:
    """
    Raises:
        ModelError: transformers reads another tokenizer from the folder, or other embeddings.
    """
    wanted = json.loads(extension.tokenizer.backend_tokenizer.to_str())
    if _core(load_tokenizer(folder)) != _core(extension.tokenizer):
        # Some classes build a tokenizer of their own from its vocabulary, without what looks up whole words.
        settings = folder / "tokenizer_config.json"
        content = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
        content["tokenizer_class"] = "PreTrainedTokenizerFast"
        content["model_input_names"] = list(extension.tokenizer.model_input_names)
        _write(settings, content)
    if _core(load_tokenizer(folder)) != _core(extension.tokenizer):
        raise ModelError(
            f"transformers would build another tokenizer from the checkpoint than one with these words "
            f"({wanted['model']['type']}, {type(extension.tokenizer).__name__}), so nothing is written."
        )
    table_VD = embeddings_of(load_any(folder))
    rows_WD = table_VD[[one.new_id for one in patch.words]]
    if not torch.allclose(rows_WD, patch.rows_WD.to(rows_WD), rtol=1e-2, atol=1e-4):
        raise ModelError(
            "transformers reads other embeddings from the checkpoint than were written, so it is not kept."
        )


def _core(tokenizer: Any) -> tuple[Any, ...]:
    """What decides how a text is cut."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    added = [(token["id"], token["content"]) for token in state["added_tokens"]]
    return state["model"], sorted(added), state["normalizer"], state["pre_tokenizer"], state["post_processor"]


def _restored(folder: Path, applied: Path, patch: Patch) -> None:
    used = [one.new_id for one in patch.words if one.new_id < patch.embeddings]
    table_VD = embeddings_of(load_any(applied))
    places = embedding_places(applied, table_VD)
    for file in applied.glob("*.safetensors"):
        if file.name not in places:
            shutil.copyfile(file, folder / file.name)
            continue
        replaced = patch.tensors.get(f"replaced {file.name}")
        rows = {} if replaced is None else dict(zip(used, replaced, strict=True))
        write_rows(file, folder / file.name, places[file.name], patch.embeddings, rows)
        if f"header {file.name}" in patch.tensors:
            with_header(folder / file.name, unpacked(patch.tensors[f"header {file.name}"]))
    for name in ("tokenizer.json", "tokenizer_config.json", WORDS):
        (folder / name).unlink(missing_ok=True)
    for name, tensor in patch.tensors.items():
        if name.startswith("file "):
            (folder / Path(name.removeprefix("file ")).name).write_bytes(unpacked(tensor))
    if model_fingerprint(folder) != patch.source:
        raise ModelError(
            f"{applied} is not what the patch made: without its words it is another checkpoint than the patch was made "
            "for. It was trained or changed since; the checkpoint it came from is in its own folder, as it was."
        )


def _numbers(patch: Patch) -> dict[str, int]:
    return {one.token: one.new_id for one in patch.words}


def _recorded(folder: Path) -> dict[str, int]:
    """The words that patches added to a checkpoint, as it says itself."""
    try:
        found = json.loads((folder / WORDS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(file: Path, content: object) -> None:
    file.write_text(_text(content), encoding="utf-8")


def _text(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
