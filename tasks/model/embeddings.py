"""Embeddings of words in the input layer of a model.

Shape letters: V whole words of the vocabulary, D embedding width, W words whose rows are apart.
"""

from collections.abc import Callable, Sequence
from typing import Any

import regex
import torch
from torch import Tensor
from torch.nn.functional import embedding

from tasks.model.forward import Classifier

_WORD = regex.compile(r"\p{L}{3,}")


# Marks of a token that begins a word: SentencePiece, byte-level BPE; WordPiece marks those that do not.
_BEGINS = ("▁", "Ġ")

_GOES_ON = "##"


def reading(rows_WD: Tensor, ids: Sequence[int], size: int) -> Callable[[Any, Any, Tensor], Tensor]:
    """A hook by which an embedding of `size` rows reads these in the place of its own with these ids."""
    place_V = torch.full((size,), -1, device=rows_WD.device)
    place_V[list(ids)] = torch.arange(len(ids), device=rows_WD.device)

    def read(module: Any, args: Any, output: Tensor) -> Tensor:
        place_BT = place_V[args[0]]
        own_BTD = embedding(place_BT.clamp(min=0), rows_WD) * getattr(module, "embed_scale", 1.0)
        return torch.where((place_BT >= 0)[..., None], own_BTD, output)

    return read


class Neighbourhood:
    """The whole words of the vocabulary with their embeddings."""

    def __init__(self, classifier: Classifier) -> None:
        ids: dict[str, int] = {}
        mark = _mark_of_beginnings(classifier)
        for token, number in sorted(classifier.tokenizer.get_vocab().items(), key=lambda item: item[1]):
            word = _whole_word(token, mark)
            if word is not None and number < classifier.word_embeddings.num_embeddings:
                ids.setdefault(word, number)
        self.words = list(ids)
        with torch.no_grad():
            rows_VD: Tensor = classifier.word_embeddings(
                torch.tensor(list(ids.values()), dtype=torch.long, device=classifier.device)
            )
        self._classifier = classifier
        # A direction that all embeddings share would make all words similar.
        self._mean_D = rows_VD.float().mean(dim=0)

    def _unit(self, rows_RD: Tensor) -> Tensor:
        return torch.nn.functional.normalize(rows_RD.float() - self._mean_D, dim=1)

    def vectors(self, words: Sequence[str]) -> list[list[float]]:
        """Embeddings (word, D) of any words: the mean over their tokens, less the mean of all words, of length 1.

        Zeros for a word without tokens.
        """
        embeddings, tokenizer = self._classifier.word_embeddings, self._classifier.tokenizer
        # With a space before it, as inside a text: some tokenizers have other tokens for the beginning of a text.
        tokens = [tokenizer(f" {word}", add_special_tokens=False)["input_ids"] for word in words]
        with torch.no_grad():
            rows_ND = [
                embeddings(torch.tensor(ids, dtype=torch.long, device=self._classifier.device)).float().mean(dim=0)
                for ids in tokens
            ]
        return self._unit(torch.stack(rows_ND)).nan_to_num().tolist() if rows_ND else []


def _mark_of_beginnings(classifier: Classifier) -> str | None:
    tokens: Sequence[str] = list(classifier.tokenizer.get_vocab())
    return next((mark for mark in _BEGINS if sum(token.startswith(mark) for token in tokens) > len(tokens) // 10), None)


def _whole_word(token: str, mark: str | None) -> str | None:
    if mark is not None:
        if not token.startswith(mark):
            return None
        token = token.removeprefix(mark)
    elif token.startswith(_GOES_ON):
        return None
    return token.lower() if _WORD.fullmatch(token) else None
