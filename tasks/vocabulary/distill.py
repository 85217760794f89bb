"""Embeddings of added words, fitted so that the model says of a text with the one token what it says with the pieces.

Token Distillation (Dobler et al., ICLR 2026): only the new rows are fitted, on the corpus's own texts; the model as it
is, reading the pieces, is the teacher.

Shape letters: N texts, T tokens, W words added, D embedding width, K labels.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tasks.model.embeddings import reading
from tasks.model.tokens import Encoded, encode
from tasks.vocabulary.align import shared_tokens
from tasks.vocabulary.extend import Extension
from tasks.vocabulary.rows import embeddings_of, mean_rows, with_rows

_READ = 32
"""Texts that are read together where nothing is fitted."""


@dataclass(frozen=True)
class Fit:
    """How long and on what the rows are fitted."""

    texts_per_word: int = 100
    epochs: int = 8
    most_steps: int = 600
    batch: int = 16
    learning_rate: float = 0.05
    """Relative to the size of the embeddings."""
    max_tokens: int = 128
    seed: int = 0


class Distilled(NamedTuple):
    rows_WD: Tensor
    loss: tuple[float, float]
    """Before and after, on the texts it was fitted on, relative to the size of what is matched."""
    texts: int


class _Pair(NamedTuple):
    """A text for the teacher (with pieces) and for the student, and the tokens that both have, by position."""

    teacher: Encoded
    student: Encoded
    shared: tuple[list[int], list[int]]


def distilled_rows(
    model: Any, tokenizer: Any, extension: Extension, texts: Sequence[str], fit: Fit | None = None
) -> Distilled:
    """Fit the rows, from the mean of the pieces; deterministic on one machine. Words in none of the texts keep it."""
    fit = fit or Fit()
    start_WD = mean_rows(model, extension)
    pairs = _pairs(tokenizer, extension, texts, fit)
    if not pairs or not len(start_WD):
        return Distilled(start_WD, (0.0, 0.0), 0)
    model = model.eval()
    targets = _targets(model, pairs)
    copied = with_rows(model, extension, start_WD).requires_grad_(requires_grad=False)
    student = _Student(copied, extension, start_WD)
    before = student.loss(pairs, targets)
    student.fit(pairs, targets, fit)
    after = student.loss(pairs, targets)
    student.close()
    rows_WD = student.rows_WD.detach() if after < before else start_WD
    return Distilled(rows_WD, (before, min(before, after)), len(pairs))


def _targets(model: Any, pairs: Sequence[_Pair]) -> "list[_States]":
    """What the teacher says of each text."""
    found: dict[int, _States] = {}
    with torch.no_grad():
        for group in _of_one_length([len(pair.teacher.ids) for pair in pairs]):
            states = _states(model, [pairs[i].teacher for i in group])
            for row, i in enumerate(group):
                logits_NK = states.logits_NK
                found[i] = _States(states.hidden_NTD[[row]], None if logits_NK is None else logits_NK[[row]])
    return [found[i] for i in range(len(pairs))]


def _of_one_length(lengths: Sequence[int], most: int = _READ) -> Iterator[list[int]]:
    """Batches of texts (by index) of one length, so that nothing is padded."""
    groups = defaultdict(list)
    for i, length in enumerate(lengths):
        groups[length].append(i)
    for group in groups.values():
        yield from (group[first : first + most] for first in range(0, len(group), most))


class _States(NamedTuple):
    hidden_NTD: Tensor
    logits_NK: Tensor | None


def _states(model: Any, texts: Sequence[Encoded]) -> _States:
    """Last hidden states and logits (for an encoder its pooled output, if it has one) of texts of one length."""
    ids_NT = torch.tensor([text.ids for text in texts])
    more = {}
    if texts[0].types is not None and "token_type_ids" in model.forward.__code__.co_varnames:
        more["token_type_ids"] = torch.tensor([text.types for text in texts])
    found = model(input_ids=ids_NT, attention_mask=torch.ones_like(ids_NT), output_hidden_states=True, **more)
    hidden = getattr(found, "hidden_states", None) or getattr(found, "decoder_hidden_states", None)
    hidden_NTD = found.last_hidden_state if hidden is None else hidden[-1]
    logits = getattr(found, "logits", None)
    return _States(hidden_NTD, logits if logits is not None else getattr(found, "pooler_output", None))


class _Student:
    """The extended model, reading the rows that are fitted in the place of those it holds."""

    def __init__(self, model: Any, extension: Extension, start_WD: Tensor) -> None:
        self.model = model
        self.rows_WD = start_WD.clone().requires_grad_()
        hook = reading(self.rows_WD, [one.new_id for one in extension.added], len(embeddings_of(model)))
        self._hook = model.get_input_embeddings().register_forward_hook(hook)

    def close(self) -> None:
        self._hook.remove()

    def fit(self, pairs: Sequence[_Pair], targets: Sequence[_States], fit: Fit) -> None:
        size = float(embeddings_of(self.model).std())
        optimizer = torch.optim.Adam([self.rows_WD], lr=fit.learning_rate * size)
        batches = list(islice(_batches(pairs, fit), fit.most_steps))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(batches))
        for chosen in batches:
            loss = torch.stack(self._losses(pairs, targets, chosen)).mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()

    def loss(self, pairs: Sequence[_Pair], targets: Sequence[_States]) -> float:
        with torch.no_grad():
            groups = _of_one_length([len(pair.student.ids) for pair in pairs])
            losses = [loss for group in groups for loss in self._losses(pairs, targets, group)]
            return float(torch.stack(losses).mean())

    def _losses(self, pairs: Sequence[_Pair], targets: Sequence[_States], chosen: Sequence[int]) -> list[Tensor]:
        """For each text the squared difference to the teacher's, relative to the size of what is matched."""
        losses = []
        found = _states(self.model, [pairs[i].student for i in chosen])
        for row, i in enumerate(chosen):
            theirs, ours = pairs[i].shared
            wanted_TD = targets[i].hidden_NTD[0, theirs]
            loss = (found.hidden_NTD[row, ours] - wanted_TD).square().mean() / wanted_TD.square().mean().clamp(min=1e-9)
            if found.logits_NK is not None:
                wanted_K = targets[i].logits_NK[0]  # type: ignore[index]
                loss = loss + (found.logits_NK[row] - wanted_K).square().mean()
            losses.append(loss)
        return losses


def _batches(pairs: Sequence[_Pair], fit: Fit) -> Iterator[list[int]]:
    """All texts once an epoch, in another order, those of one length together."""
    rng = np.random.default_rng(fit.seed)
    lengths = [len(pair.student.ids) for pair in pairs]
    for _ in range(fit.epochs):
        order = rng.permutation(len(pairs)).tolist()
        epoch = list(_of_one_length([lengths[i] for i in order], fit.batch))
        yield from ([order[i] for i in epoch[place]] for place in rng.permutation(len(epoch)))


def _pairs(tokenizer: Any, extension: Extension, texts: Sequence[str], fit: Fit) -> list[_Pair]:
    """The first texts that hold each word, cut at the limit."""
    new, seen, pairs = set(extension.new_ids), Counter[int](), []
    for first in range(0, len(texts), 1000):
        batch = list(texts[first : first + 1000])
        students = encode(extension.tokenizer, batch, None, fit.max_tokens)
        chosen = []
        for i, student in enumerate(students):
            held = new & set(student.ids)
            if any(seen[number] < fit.texts_per_word for number in held):
                seen.update(held)
                chosen.append(i)
        teachers = encode(tokenizer, [batch[i] for i in chosen], None, fit.max_tokens)
        for i, teacher in zip(chosen, teachers, strict=True):
            shared = shared_tokens(teacher, students[i])
            if shared[0]:
                pairs.append(_Pair(teacher, students[i], shared))
    return pairs
