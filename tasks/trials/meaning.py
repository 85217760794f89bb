"""What words mean to an encoder that has seen no training label: vectors, and how close they are to the label names.

The encoder is the one that the classifier was made from, before fine-tuning: `finetune.base` or `model.base`. Without
either, the classifier's own input embeddings give vectors, and a zero-shot meaning is not known.

Shape letters: N words, T templates, K labels, D width of a vector, B texts of a batch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import regex
import torch

from configs.schema import AuditConfig
from configs.section import digest
from tasks.model.embeddings import Neighbourhood
from tasks.model.load import device_from_environment, load_classifier
from tasks.model.pretrained import load_pretrained, load_tokenizer
from tasks.model.spec import ModelSpec, encoder_folder, model_fingerprint
from tasks.runtime.code import code_of
from tasks.runtime.parts import read_manifest, write_part
from tasks.runtime.workers import Facts

TEMPLATES = ("{}", "It was {}.", "The text says: {}.")
"""Short texts that say nothing of a task: what an encoder makes of a word depends on the text around it."""

SMOOTHING = 10.0
"""Penalty of the regression of zero-shot meanings on the vectors: words of similar vectors share their meaning. With it
88 % of the evaluative words that the demo uses have the right sign, without it 81 %."""

_BATCH = 256
_MAX_TOKENS = 64

_NAMELESS = regex.compile(r"(label|class|category|target)?[\W_]*\d+", regex.IGNORECASE)
"""Label names that mean nothing: LABEL_0, class 1, 2."""

MEANING = pa.schema([("word", pa.string()), ("vector", pa.list_(pa.float32())), ("meaning", pa.list_(pa.float32()))])


class Meanings(NamedTuple):
    """Of words, what an encoder says."""

    vectors_ND: np.ndarray
    """Each of length 1, less the mean of all words."""
    zero_shot_NK: np.ndarray | None
    """How much more a word means each label than the others, in standard deviations between the words."""


def base_folder(config: AuditConfig) -> Path | None:
    """The encoder before fine-tuning; None if the config names none.

    Raises:
        ModelError: it is in a package that is not installed.
    """
    if config.finetune is not None:
        name, setting = config.finetune.base, "finetune.base"
    elif config.model.base is not None:
        name, setting = config.model.base, "model.base"
    else:
        return None
    # A worker may be in another folder.
    return encoder_folder(name, setting).absolute()


def write_meanings(words: Sequence[str], model: ModelSpec, base: Path | None, part: Path) -> Facts:
    """Write one part with a table `vectors`, a row for each word, unless it exists; return its facts.

    `vectors` has `word`, `vector` and `meaning`, the zero-shot meaning for each label, null where it is not known.

    Raises:
        ModelError: the encoder cannot be loaded.
    """
    wanted = list(dict.fromkeys(words))
    source = model.fingerprint if base is None else model_fingerprint(base)
    key = digest(wanted, list(model.labels), source, base is None, code_of("tasks.model", "tasks.trials.meaning"))
    if (known := read_manifest(part)) is not None and known["key"] == key:
        return known
    found = meanings_of(wanted, model, base)
    zero_shot = [None] * len(wanted) if found.zero_shot_NK is None else found.zero_shot_NK.tolist()
    rows = [
        {"word": word, "vector": vector, "meaning": meaning}
        for word, vector, meaning in zip(wanted, found.vectors_ND.tolist(), zero_shot, strict=True)
    ]
    facts: Facts = {"key": key, "num_words": len(wanted)}
    write_part(part, {"vectors": pa.Table.from_pylist(rows, schema=MEANING)}, facts)
    return facts


def meanings_of(words: Sequence[str], model: ModelSpec, base: Path | None) -> Meanings:
    """Vectors of words and their zero-shot meanings; zeros for a word without tokens."""
    if not words:
        return Meanings(np.zeros((0, 0)), None)
    if base is None:
        return Meanings(np.array(Neighbourhood(load_classifier(model)).vectors(words)), None)
    encoder = Encoder(base)
    words_TND = [encoder.of([template.format(word) for word in words]) for template in TEMPLATES]
    vectors_ND = _unit(np.hstack([_centred(encoder.tokens(words)), _centred(np.mean(words_TND, axis=0))]))
    names = [label.replace("_", " ").strip() for label in model.labels]
    if any(_NAMELESS.fullmatch(name) for name in names):
        return Meanings(vectors_ND, None)
    labels_TKD = [encoder.of([template.format(name) for name in names]) for template in TEMPLATES]
    zero_shot_NK = np.mean([zero_shot(*pair) for pair in zip(words_TND, labels_TKD, strict=True)], axis=0)
    return Meanings(vectors_ND, smoothed(vectors_ND, zero_shot_NK))


def zero_shot(words_ND: np.ndarray, labels_KD: np.ndarray) -> np.ndarray:
    """How much closer each word is to each label than to the mean of the others (N, K), standardised over the words."""
    similarity_NK = words_ND @ labels_KD.T
    num_labels = len(labels_KD)
    ahead_NK = (similarity_NK - similarity_NK.mean(axis=1, keepdims=True)) * num_labels / (num_labels - 1)
    return _standardised(ahead_NK)


def smoothed(vectors_ND: np.ndarray, zero_shot_NK: np.ndarray) -> np.ndarray:
    """Zero-shot meanings (N, K) as words of similar vectors share them, by ridge regression; standardised again."""
    gram_DD = vectors_ND.T @ vectors_ND + SMOOTHING * np.eye(vectors_ND.shape[1])
    return _standardised(vectors_ND @ np.linalg.solve(gram_DD, vectors_ND.T @ zero_shot_NK))


class Encoder:
    """A pretrained encoder and its tokenizer."""

    def __init__(self, folder: Path) -> None:
        self._device = device_from_environment()
        model = load_pretrained("AutoModel", folder, "an encoder", head_is_new=True)
        self._tokenizer = load_tokenizer(folder)
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token or self._tokenizer.unk_token
        self._model = model.eval().requires_grad_(requires_grad=False).to(self._device)

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """Mean of the last layer over the tokens of each text (N, D), of length 1."""
        found = []
        for start in range(0, len(texts), _BATCH):
            batch = self._tokenizer(
                list(texts[start : start + _BATCH]),
                padding=True,
                truncation=True,
                max_length=_MAX_TOKENS,
                return_tensors="pt",
            ).to(self._device)
            with torch.inference_mode():
                last_BTD = self._model(**batch).last_hidden_state.float()
            mask_BT1 = batch["attention_mask"][..., None].float()
            found.append(((last_BTD * mask_BT1).sum(dim=1) / mask_BT1.sum(dim=1)).double().cpu().numpy())
        return _unit(np.concatenate(found))

    def tokens(self, words: Sequence[str]) -> np.ndarray:
        """Mean of the input embeddings over the tokens of each word (N, D); zeros for a word without tokens."""
        table: Any = self._model.get_input_embeddings().weight
        # With a space before it, as inside a text: some tokenizers have other tokens for the beginning of a text.
        ids = [self._tokenizer(f" {word}", add_special_tokens=False)["input_ids"] for word in words]
        rows = [table[torch.tensor(row, device=self._device)].mean(dim=0) if row else table[0] * 0 for row in ids]
        found: np.ndarray = torch.stack(rows).double().cpu().numpy()
        return found


def _centred(rows_ND: np.ndarray) -> np.ndarray:
    # A direction that all words share would make all words similar.
    return _unit(rows_ND - rows_ND.mean(axis=0))


def _unit(rows_ND: np.ndarray) -> np.ndarray:
    length_N1 = np.linalg.norm(rows_ND, axis=1, keepdims=True)
    found: np.ndarray = np.divide(rows_ND, length_N1, out=np.zeros_like(rows_ND), where=length_N1 > 0)
    return found


def _standardised(columns_NK: np.ndarray) -> np.ndarray:
    spread_K = columns_NK.std(axis=0)
    centred_NK = columns_NK - columns_NK.mean(axis=0)
    found: np.ndarray = np.divide(centred_NK, spread_K, out=np.zeros_like(centred_NK), where=spread_K > 1e-12)
    return found
