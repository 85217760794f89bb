"""Leaf: the words that a model holds to be close to another, by its input embeddings.

Shape letters: V whole words of the vocabulary, D embedding width.
"""

from collections.abc import Sequence

import regex
import torch
from torch import Tensor

from tasks.classifier import Classifier

_WORD = regex.compile(r"\p{L}{3,}")
# Marks of a piece that begins a word: SentencePiece, byte-level BPE; WordPiece marks those that do not.
_BEGINS = ("▁", "Ġ")
_GOES_ON = "##"
_STEM = 4


class Neighbourhood:
    """The whole words of the vocabulary, to be asked for the neighbours of one."""

    def __init__(self, classifier: Classifier) -> None:
        ids: dict[str, int] = {}
        mark = _mark_of_beginnings(classifier)
        for piece, number in sorted(classifier.tokenizer.get_vocab().items(), key=lambda item: item[1]):
            word = _whole_word(piece, mark)
            if word is not None and number < classifier.word_embeddings.num_embeddings:
                ids.setdefault(word, number)
        self.words = list(ids)
        self._places = {word: i for i, word in enumerate(self.words)}
        with torch.no_grad():
            rows_VD: Tensor = classifier.word_embeddings(
                torch.tensor(list(ids.values()), dtype=torch.long, device=classifier.device)
            )
        # A direction that all embeddings share would make everything similar to everything.
        centred_VD = rows_VD.float() - rows_VD.float().mean(dim=0, keepdim=True)
        self._unit_VD = torch.nn.functional.normalize(centred_VD, dim=1)

    def of(self, word: str, number: int, min_similarity: float, without: frozenset[str]) -> list[str]:
        """The nearest words, at most `number`, none of `without` or of the same stem; none if the word is cut into pieces."""
        place = self._places.get(word)
        if place is None:
            return []
        similarity_V = self._unit_VD @ self._unit_VD[place]
        found: list[str] = []
        for i in torch.argsort(similarity_V, descending=True, stable=True).tolist()[:200]:
            if float(similarity_V[i]) < min_similarity or len(found) == number:
                break
            other = self.words[i]
            if other not in without and not any(_same_stem(other, known) for known in (word, *found)):
                found.append(other)
        return found


def _mark_of_beginnings(classifier: Classifier) -> str | None:
    pieces: Sequence[str] = list(classifier.tokenizer.get_vocab())
    return next((mark for mark in _BEGINS if sum(piece.startswith(mark) for piece in pieces) > len(pieces) // 10), None)


def _whole_word(piece: str, mark: str | None) -> str | None:
    if mark is not None:
        if not piece.startswith(mark):
            return None
        piece = piece.removeprefix(mark)
    elif piece.startswith(_GOES_ON):
        return None
    return piece.lower() if _WORD.fullmatch(piece) else None


def _same_stem(word: str, other: str) -> bool:
    return word[:_STEM] == other[:_STEM] or word.startswith(other) or other.startswith(word)
