"""How far the logits of texts move when some of their words become one token.

Shape letters: N texts, K labels.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from tasks.model.forward import Classifier, inputs_of, plain_logits
from tasks.model.tokens import Encoded, encode
from tasks.vocabulary.extend import Extension
from tasks.vocabulary.rows import with_rows

_BATCH = 64


@dataclass(frozen=True)
class Shift:
    """Of the texts whose ids change (affected), and of all others."""

    affected: int
    others: int
    median: float
    p99: float
    """The largest |change of a logit| of an affected text: its median and 99th percentile."""
    flips_affected: int
    flips_others: int
    others_max: float
    """Largest change of a logit of another text: 0, since their ids are the same."""

    @property
    def flip_rate(self) -> float:
        """Share of affected texts whose predicted label changes."""
        return self.flips_affected / self.affected if self.affected else 0.0


def classifier_with(classifier: Classifier, extension: Extension, rows_WD: torch.Tensor) -> Classifier:
    """A classifier that reads the extended tokenizer's tokens, with these rows for the new ones; it can be run, not
    explained."""
    model = with_rows(classifier.model, extension, rows_WD, share=True)
    return replace(classifier, model=model, tokenizer=extension.tokenizer, lookups=(), last_block=None)


def logit_shift(old: Classifier, new: Classifier, texts: Sequence[str]) -> Shift:
    """Classify all texts with both, cut at the limit as in production."""
    before = encode(old.tokenizer, texts, None, old.max_tokens)
    after = encode(new.tokenizer, texts, None, new.max_tokens)
    is_affected_N = np.array([was.ids != now.ids for was, now in zip(before, after, strict=True)], dtype=bool)
    affected, others = np.flatnonzero(is_affected_N), np.flatnonzero(~is_affected_N)
    moved_NK = _logits(new, [after[i] for i in affected]) - (was_NK := _logits(old, [before[i] for i in affected]))
    same_NK = _logits(old, [before[i] for i in others])
    now_NK = _logits(new, [after[i] for i in others])
    largest_N = np.abs(moved_NK).max(axis=1) if len(affected) else np.zeros(1)
    return Shift(
        len(affected),
        len(others),
        float(np.median(largest_N)),
        float(np.quantile(largest_N, 0.99)),
        int((was_NK.argmax(axis=1) != (was_NK + moved_NK).argmax(axis=1)).sum()),
        int((same_NK.argmax(axis=1) != now_NK.argmax(axis=1)).sum()),
        float(np.abs(same_NK - now_NK).max(initial=0.0)),
    )


def _logits(classifier: Classifier, texts: Sequence[Encoded]) -> np.ndarray:
    """Logits (N, K) in the order of the texts, in batches of one length."""
    groups = defaultdict(list)
    for i, text in enumerate(texts):
        groups[len(text.ids)].append(i)
    found = np.zeros((len(texts), len(classifier.labels)), dtype=np.float64)
    for group in groups.values():
        for first in range(0, len(group), _BATCH):
            chosen = group[first : first + _BATCH]
            found[chosen] = plain_logits(classifier, inputs_of(classifier, [texts[i] for i in chosen])).cpu().numpy()
    return found
