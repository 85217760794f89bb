"""What words do to predictions, measured beside the product: shared by placebo.py, replication.py and effects_coverage.py.

Nothing here calls the product's trials or their statistics. Texts are cut into words by `tasks/text/words.py` and
classified by transformers alone; what is read from an audit is whom it convicted, what type a word has, and which
texts and stand-ins it used. The text is the unit: an effect is averaged within a text first, and an interval is
Student's t over texts.
"""

import argparse
import hashlib
import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from scipy import stats

from tasks.text.edits import cased
from tasks.text.words import word_spans, words_of_tokens
from warehouse import folded

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".benchmarks"
DATASETS = ("movie_reviews", "tweets")
STAND_INS = 8
"""Other words in the slot of a word, drawn anew for every text."""
NEAREST = 64
"""Stand-ins are drawn from as many words of the type, those nearest in frequency and length."""
BATCH_TOKENS = 4096

Margin = Callable[[Sequence[str]], np.ndarray]
"""Log-odds (N,) of one label in N texts."""
Key = tuple[str, str]
"""Kind (word or piece) and word, as in the tables."""


# ---------------------------------------------------------------- statistics


class Estimate(NamedTuple):
    """A mean over texts with its 95 % interval; without one below three texts."""

    mean: float
    low: float
    high: float
    variance: float
    dof: float
    n: int


def interval(effects: Sequence[float] | np.ndarray) -> Estimate:
    """Mean of the effects (N,) [log-odds] and its interval by Student's t."""
    n = len(effects)
    mean = float(np.mean(effects)) if n else float("nan")
    if n < 3:
        return Estimate(mean, float("nan"), float("nan"), float("nan"), n - 1, n)
    return _estimate(mean, float(np.var(effects, ddof=1)) / n, n - 1, n)


def combined(first: Estimate, second: Estimate) -> Estimate:
    """Mean of two independent estimates (Welch 1947, Satterthwaite 1946); of one, if the other has under three texts."""
    if first.n < 3 or second.n < 3:
        return first if second.n < 3 else second
    variance = first.variance + second.variance
    parts = first.variance**2 / first.dof + second.variance**2 / second.dof
    dof = variance**2 / parts if parts > 0 else first.dof + second.dof
    return _estimate((first.mean + second.mean) / 2, variance / 4, dof, first.n + second.n)


def _estimate(mean: float, variance: float, dof: float, n: int) -> Estimate:
    half = float(stats.t.ppf(0.975, dof)) * variance**0.5
    return Estimate(mean, mean - half, mean + half, variance, dof, n)


def figures(found: Estimate) -> dict[str, Any]:
    """As they stand in the file; null where there is no interval."""
    ends = {"effect": found.mean, "low": found.low, "high": found.high}
    return {**{name: None if np.isnan(value) else value for name, value in ends.items()}, "n": found.n}


def share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def rng_of(*content: object) -> random.Random:
    """Draws that depend on the content alone, not on what is measured beside it."""
    return random.Random(hashlib.sha256(repr(content).encode()).digest())


# ---------------------------------------------------------------- the classifier


class Network:
    """A classifier of transformers: texts to logits, padded batches of similar length."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        self.model = AutoModelForSequenceClassification.from_pretrained(str(folder), local_files_only=True).eval()
        self.labels = [self.model.config.id2label[i] for i in range(self.model.config.num_labels)]
        self.limit = self.model.config.max_position_embeddings
        self.num_passes = 0
        self._torch = torch

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """Logits (N, K) of the texts."""
        distinct = list(dict.fromkeys(texts))
        ids = self.tokenizer(distinct, truncation=True, max_length=self.limit)["input_ids"]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        found = np.empty((len(ids), len(self.labels)))
        start = 0
        while start < len(order):
            # The last of the next texts is the longest: at least one fits.
            stop = start + 1
            while stop < len(order) and (stop + 1 - start) * len(ids[order[stop]]) <= BATCH_TOKENS:
                stop += 1
            found[order[start:stop]] = self._batch([ids[i] for i in order[start:stop]])
            start = stop
        self.num_passes += len(distinct)
        place = {text: i for i, text in enumerate(distinct)}
        return found[[place[text] for text in texts]]

    def _batch(self, ids: Sequence[list[int]]) -> np.ndarray:
        torch, longest = self._torch, max(map(len, ids))
        pad = self.tokenizer.pad_token_id
        with torch.inference_mode():
            return self.model(
                input_ids=torch.tensor([row + [pad] * (longest - len(row)) for row in ids]),
                attention_mask=torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids]),
            ).logits.double().numpy()  # fmt: skip

    def margin(self, label: str) -> Margin:
        return lambda texts: log_odds(self.logits(texts), self.labels.index(label))

    def pieces(self, text: str) -> list[tuple[int, int]]:
        """Spans of the tokens of a text, special ones left out."""
        return list(self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"])


def log_odds(logits_NK: np.ndarray, label: int) -> np.ndarray:
    """Log-odds (N,) of a label against all others together."""
    others = np.delete(logits_NK, label, axis=1)
    return logits_NK[:, label] - np.logaddexp.reduce(others, axis=1)


# ---------------------------------------------------------------- texts and their words


class Place(NamedTuple):
    """Where a word or a piece of one stands in a text [code points], and the whole word."""

    start: int
    end: int
    word_start: int
    word_end: int


@dataclass
class Corpus:
    """All texts of a dataset, cut into words and pieces."""

    ids: list[str]
    texts: list[str]
    parts: list[str]
    """Of each text: its split."""
    places: dict[Key, dict[int, list[Place]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    surfaces: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    sources: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Piece -> words that it is cut from, as they are written."""
    num_pieces: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, pieces: Callable[[str], list[tuple[int, int]]], part: str = "split") -> "Corpus":
        """The rows of a Parquet file, with the tokenizer's spans of a text."""
        table = pq.read_table(path, columns=["id", "text", part]).to_pydict()
        corpus = cls([str(name) for name in table["id"]], table["text"], [str(name) for name in table[part]])
        corpus.cut(pieces)
        return corpus

    def cut(self, pieces: Callable[[str], list[tuple[int, int]]]) -> None:
        """Cut all texts into words and pieces."""
        found = [(own := pieces(text), *words_of_tokens(own, [0] * len(own), text)) for text in self.texts]
        written = {
            text[start:end]
            for text, (own, spans, _) in zip(self.texts, found, strict=True)
            for start, end in [*own, *spans]
        }
        # All at once: every call opens a database.
        known = dict(zip(written, folded(list(written)), strict=True))
        for number, (text, (own, spans, owner)) in enumerate(zip(self.texts, found, strict=True)):
            for which, (start, end) in enumerate(spans):
                word = known[text[start:end]]
                self.places["word", word][number].append(Place(start, end, start, end))
                self.surfaces[word][text[start:end]] += 1
                cut = [piece for piece, its in zip(own, owner, strict=True) if its == which]
                self.num_pieces[word] = len(cut)
                if len(cut) < 2:
                    continue
                for first, last in cut:
                    piece = f"{'·' * (first > start)}{known[text[first:last]]}{'·' * (last < end)}"
                    self.places["piece", piece][number].append(Place(first, last, start, end))
                    self.sources[piece].add(text[start:end])

    def frequency(self, key: Key) -> int:
        """Texts with the word."""
        return len(self.places[key]) if key in self.places else 0

    def spelling(self, key: Key) -> str:
        """How a word is usually written; of a piece its own letters."""
        kind, word = key
        return word.replace("·", "") if kind == "piece" else self.surfaces[word].most_common(1)[0][0]

    @cached_property
    def ends(self) -> list[list[int]]:
        """Places of each text where a word may be put: before any word but the first, behind a space, or at the end."""
        return [
            [*(start for start, _ in word_spans(text)[1:] if text[start - 1].isspace()), len(text)]
            for text in self.texts
        ]

    def with_word(self, number: int, at: int, word: str) -> str:
        """A text with the word put at one of its places."""
        text = self.texts[number]
        if at < len(text):
            return f"{text[:at]}{word} {text[at:]}"
        return f"{text}{'' if not text or text[-1].isspace() else ' '}{word}"


def replaced(text: str, spans: Iterable[Place], word: str) -> str:
    """The text with a word, in their letter case, in the place of those at the spans."""
    for place in sorted(spans, reverse=True):
        text = f"{text[: place.start]}{cased(word, text[place.start : place.end])}{text[place.end :]}"
    return text


def deleted(text: str, spans: Iterable[Place]) -> str:
    """The text without the words at the spans, nor the double space that one would leave."""
    for place in sorted(spans, reverse=True):
        before, after = text[: place.start], text[place.end :]
        if (not before or before[-1].isspace()) and after[:1].isspace():
            after = after[1:]
        text = before + after
    return text if text.strip() else "."


# ---------------------------------------------------------------- stand-ins


class Sort(NamedTuple):
    """What may stand in the place of what: the type, the kind, and for a piece which ends of it the word goes on."""

    kind: str
    type: str
    ends: str


def sort_of(key: Key, type_: str) -> Sort:
    kind, word = key
    return Sort(kind, type_, f"{word[0] == '·':d}{word[-1] == '·':d}" if kind == "piece" else "")


ENDINGS = ("ly", "ing", "ed", "est", "er", "ness", "ion", "able", "ful", "less", "ous", "ive", "s")


def part_of_speech(word: str) -> str:
    """Roughly, by the ending."""
    return next((ending for ending in ENDINGS if len(word) > len(ending) + 2 and word.endswith(ending)), "")


class StandIns:
    """The words of each type of a dataset, as an audit has them, and those nearest to one."""

    def __init__(self, corpus: Corpus, types: Mapping[Key, str]) -> None:
        self.corpus = corpus
        self.types = types
        self.words: dict[Sort, list[Key]] = defaultdict(list)
        for key, type_ in sorted(types.items()):
            if corpus.frequency(key):
                self.words[sort_of(key, type_)].append(key)

    def near(self, key: Key, type_: str, used: frozenset[str], *, speech: bool = False) -> tuple[list[Key], int]:
        """Other words of the type, up to `NEAREST`, and how many of them are not among `used`, in lower case.

        Words that it used come only where fewer than `STAND_INS` others are there.
        """
        own = [other for other in self.words[sort_of(key, type_)] if other != key]
        if speech:
            alike = [other for other in own if part_of_speech(other[1]) == part_of_speech(key[1])]
            own = alike if len(alike) >= NEAREST else own
        own.sort(key=lambda other: (self.distance(key, other), other))
        spelt = folded([self.corpus.spelling(other) for other in own])
        fresh = [other for other, word in zip(own, spelt, strict=True) if word not in used]
        rest = [] if len(fresh) >= STAND_INS else [other for other in own if other not in set(fresh)]
        return [*fresh, *rest[: STAND_INS - len(fresh)]][:NEAREST], min(len(fresh), NEAREST)

    def whole_words(self, type_: str, used: frozenset[str]) -> list[Key]:
        """The words of a type that are in no such list of used ones."""
        return [key for key in self.words[Sort("word", type_, "")] if key[1] not in used]

    def distance(self, key: Key, other: Key) -> float:
        corpus = self.corpus
        frequency = np.log(corpus.frequency(other) / max(corpus.frequency(key), 1))
        length = len(other[1]) - len(key[1])
        tokens = corpus.num_pieces.get(other[1], 1) - corpus.num_pieces.get(key[1], 1)
        return abs(float(frequency)) + abs(length) / 2 + abs(tokens)


# ---------------------------------------------------------------- trials


class Trial(NamedTuple):
    """Versions of one text with a word, and without it."""

    number: int
    present: list[str]
    absent: list[str]


def effects_of(trials: Sequence[Trial], margin: Margin) -> np.ndarray:
    """Effect (N,) in each text: the mean margin of its versions with the word less that without it."""
    return np.array([present.mean() - absent.mean() for present, absent in margins_of(trials, margin)])


def margins_of(trials: Sequence[Trial], margin: Margin) -> list[tuple[np.ndarray, np.ndarray]]:
    """Margins of the versions of each text, with the word and without it."""
    versions = [text for trial in trials for text in (*trial.present, *trial.absent)]
    if not versions:
        return []
    found, start, pairs = margin(versions), 0, []
    for trial in trials:
        middle, stop = start + len(trial.present), start + len(trial.present) + len(trial.absent)
        pairs.append((found[start:middle], found[middle:stop]))
        start = stop
    return pairs


class Bench:
    """Makes trials of words on the texts of a corpus; `texts` are numbers of texts in the order they are taken."""

    def __init__(self, stand_ins: StandIns, pieces: Callable[[str], list[tuple[int, int]]]) -> None:
        self.stand_ins = stand_ins
        self.corpus = stand_ins.corpus
        self.pieces = pieces

    def swap_in(self, key: Key, type_: str, others: Sequence[Key], texts: Iterable[int], most: int) -> list[Trial]:
        """The word in the slot of another one of its type, against other words in that slot."""
        slots: dict[int, list[Place]] = defaultdict(list)
        for other in self.stand_ins.words[sort_of(key, type_)]:
            if other != key:
                for number, places in self.corpus.places[other].items():
                    slots[number] += places
        trials: list[Trial] = []
        for number in texts:
            if len(trials) == most:
                break
            if number in slots and number not in self.corpus.places.get(key, ()):
                rng = rng_of("slot", key, self.corpus.ids[number])
                slot = [rng.choice(sorted(slots[number]))]
                trials += self._in_slots(key, others, number, slot, rng)
        return trials

    def _in_slots(
        self, key: Key, others: Sequence[Key], number: int, slot: list[Place], rng: random.Random
    ) -> list[Trial]:
        text = self.corpus.texts[number]
        if not all(self.fits(key, text, place) for place in slot):
            return []
        fitting = (
            other for other in rng.sample(others, len(others)) if all(self.fits(other, text, place) for place in slot)
        )
        drawn = [other for _, other in zip(range(STAND_INS), fitting, strict=False)]
        absent = [replaced(text, slot, self.corpus.spelling(other)) for other in drawn]
        return [Trial(number, [replaced(text, slot, self.corpus.spelling(key))], absent)] if len(drawn) >= 3 else []

    def fits(self, key: Key, text: str, place: Place) -> bool:
        """Whether a piece put there is one that the tokenizer makes; any word fits in the place of a word."""
        if key[0] == "word":
            return True
        letters = self.corpus.spelling(key)
        start = place.start - place.word_start
        word = text[place.word_start : place.start] + letters + text[place.end : place.word_end]
        return (start, start + len(letters)) in self.pieces(word)

    def held(self, key: Key, others: Sequence[Key] | None, texts: Iterable[int], most: int) -> list[Trial]:
        """The word where it stands, against other words in its place (`others`), or against nothing."""
        trials: list[Trial] = []
        holding = self.corpus.places.get(key, {})
        for number in texts:
            if len(trials) == most:
                break
            if number not in holding:
                continue
            text, spans = self.corpus.texts[number], holding[number]
            if others is None:
                trials.append(Trial(number, [text], [deleted(text, spans)]))
            else:
                rng = rng_of("held", key, self.corpus.ids[number])
                trials += [trial._replace(present=[text]) for trial in self._in_slots(key, others, number, spans, rng)]
        return trials

    def insertion(self, words: Sequence[Key], others: Sequence[Key], texts: Iterable[int], most: int) -> list[Trial]:
        """A word put at a place of its own in each text, against other words there; of several words, `STAND_INS` drawn."""
        trials: list[Trial] = []
        for number in texts:
            if len(trials) == most:
                break
            if len(words) == 1 and number in self.corpus.places.get(words[0], ()):
                continue
            rng = rng_of("insertion", words, self.corpus.ids[number])
            at = rng.choice(self.corpus.ends[number])
            present, absent = (
                [
                    self.corpus.with_word(number, at, self.whole(key, rng))
                    for key in rng.sample(keys, min(STAND_INS, len(keys)))
                ]
                for keys in (words, others)
            )
            if len(absent) >= 3:
                trials.append(Trial(number, present, absent))
        return trials

    def whole(self, key: Key, rng: random.Random) -> str:
        """A word as it is written; in the place of a piece a word that is cut so."""
        return rng.choice(sorted(self.corpus.sources[key[1]])) if key[0] == "piece" else self.corpus.spelling(key)


# ---------------------------------------------------------------- command line


def arguments(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument(
        "--models",
        type=Path,
        default=CACHE / "models",
        help="folder with movie_reviews/ and tweets/, or where they are made",
    )
    parser.add_argument("--sample", type=int, help="audit as many texts only")
    parser.add_argument("--texts", type=int, default=256, help="texts in which a word is measured")
    parser.add_argument("--words", type=int, help="measure as many words of an audit only")
    parser.add_argument("--results", type=Path, help="write there")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return parser
