"""Add words to a copy of a fast tokenizer, each as one token of its model: WordPiece, BPE or Unigram.

A text that holds none of the tokens added keeps its ids. The append is skeletoken's, but for three things:

- the marks of a word (`Ġ`, `▁`) are those it has behind a space; skeletoken gives byte-level BPE none, unless the
  tokenizer puts a space before each text;
- a BPE word of three pieces or more needs no merges: it is looked up whole (`ignore_merges`). Merges would add the
  pieces between, which other words hold as well;
- a Unigram word scores a little more than its pieces together, so that it stands where these stood; skeletoken's
  score, the lowest of the vocabulary, is too low for some words and too high for others.

As the option it is, a word can be an added token instead: matched before the text is cut into words, with all that
brings (its neighbours may be cut otherwise, its offsets hold the space before it).
"""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tokenizers import AddedToken, Tokenizer

from configs.errors import ModelError
from tasks.model.pretrained import load_tokenizer
from tasks.vocabulary.append import AppendError, appended_model, looks_up_whole_words, pre_tokens

How = Literal["model", "added_token"]

REFUSALS = (
    "empty",  # nothing is left of it after the normaliser
    "special",  # it holds a special or an added token, or starts as the pieces inside words do
    "one_token",  # it is one token today
    "split",  # it holds a space, or the tokenizer cuts it before its model sees it: then an added token can hold it
    "same_token",  # another word that was asked for is the same token
    "more_than_two_pieces",  # asked to lengthen no text
    "pieces_between",  # BPE: its merges would add pieces that other words hold
    "unreachable",  # no text would be cut into it
    "lengthens",  # a text would have more tokens
)
"""Rule ids of words that are not added."""

_REBUILT = ("Qwen2Tokenizer",)
"""Classes that transformers takes whatever tokenizer_config.json says, and that look up no whole words."""


class Added(NamedTuple):
    """A word that is one token now."""

    word: str
    """As it was asked for."""
    token: str
    """As it stands in the vocabulary, with the marks of a word."""
    pieces: tuple[str, ...]
    """What it is cut into today, behind a space."""
    piece_ids: tuple[int, ...]
    new_id: int
    how: How


@dataclass(frozen=True, eq=False)
class Extension:
    """A copy of a tokenizer, with words added."""

    tokenizer: Any
    added: tuple[Added, ...]
    refused: tuple[tuple[str, str], ...]
    """(word, rule id), in the order asked."""

    @property
    def new_ids(self) -> dict[int, Added]:
        return {one.new_id: one for one in self.added}


def extended(
    tokenizer_or_folder: Any,
    words: Sequence[str],
    *,
    how: How = "model",
    monotone: bool = False,
    texts: Sequence[str] = (),
) -> Extension:
    """Add words; those that cannot be added are refused one by one.

    A word stands for itself behind a space, in the case it is written in (a tokenizer that lower-cases has one token
    for all). With `monotone` only words of exactly two pieces are added, and none that gives one of the texts more
    tokens.

    Raises:
        ModelError: no word can be added to this tokenizer.
    """
    tokenizer = tokenizer_or_folder
    if isinstance(tokenizer, str | Path):
        tokenizer = load_tokenizer(Path(tokenizer))
    model = require_extendable(tokenizer)
    found = {word: _candidate(tokenizer, word, how, monotone) for word in dict.fromkeys(words)}
    refused = {word: one for word, one in found.items() if isinstance(one, str)}
    chosen = {word: one for word, one in found.items() if not isinstance(one, str)}
    taken = set[str]()
    for word, (token, _, _) in list(chosen.items()):
        if token in taken:
            refused[word] = "same_token"
            del chosen[word]
        taken.add(token)
    if how == "model":
        between = _with_pieces_between(tokenizer, model["type"], chosen)
        refused |= dict.fromkeys(between, "pieces_between")
        chosen = {word: one for word, one in chosen.items() if word not in between}
    while True:
        extension = _appended(tokenizer, chosen, how)
        wrong = {one.word: "unreachable" for one in unreachable(extension)}
        if monotone and not wrong:
            wrong = _lengthening(tokenizer, extension, texts)
        if not wrong:
            refused = {word: refused[word] for word in dict.fromkeys(words) if word in refused}
            return Extension(extension.tokenizer, extension.added, tuple(refused.items()))
        refused |= wrong
        chosen = {word: one for word, one in chosen.items() if word not in wrong}


def require_extendable(tokenizer: Any) -> dict[str, Any]:
    """The model of its tokenizer.json.

    Raises:
        ModelError: no word can be added to this tokenizer.
    """
    kind = type(tokenizer).__name__
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if not getattr(tokenizer, "is_fast", False) or not isinstance(backend, Tokenizer):
        raise ModelError(
            f"No words can be added to a {kind}: it has no vocabulary of pieces in a tokenizer.json (a slow tokenizer, "
            "or one that reads bytes or characters). Use a model with a fast tokenizer."
        )
    model: dict[str, Any] = json.loads(backend.to_str())["model"]
    if model["type"] not in ("WordPiece", "BPE", "Unigram"):
        raise ModelError(
            f"No words can be added to this {kind}: its model is {model['type']}, and WordPiece, BPE or Unigram is "
            "needed, which cut a word into pieces."
        )
    marks = [name for name in ("continuing_subword_prefix", "end_of_word_suffix") if model.get(name)]
    if model["type"] == "BPE" and marks:
        raise ModelError(
            f"No words can be added to this {kind}: its BPE marks pieces by {marks[0]} ({model[marks[0]]!r}). "
            "Byte-level BPE, or BPE with a mark before a word, can be extended."
        )
    if model["type"] == "Unigram" and (behind := _words_behind(backend, model)):
        raise ModelError(
            f"No words can be added to this {kind}: it has added tokens ({', '.join(map(repr, behind[:3]))}), and "
            "the pieces of a Unigram model would have to stand behind them. Give the tokenizer as it was before these."
        )
    return model


def _words_behind(backend: Any, model: dict[str, Any]) -> list[str]:
    """Added tokens behind the vocabulary of the model that stand for ordinary text."""
    return [
        token.content
        for number, token in sorted(backend.get_added_tokens_decoder().items())
        if number >= len(model["vocab"]) and not token.special
    ]


Candidate = tuple[str, tuple[str, ...], tuple[int, ...]]
"""Token, its pieces today, and their ids."""


def _candidate(tokenizer: Any, word: str, how: How, monotone: bool) -> Candidate | str:
    """The token that a word would be, or the rule by which it is refused."""
    backend = tokenizer.backend_tokenizer
    try:
        parts = pre_tokens(backend, word)
    except UnicodeEncodeError:  # half of a pair of surrogates, which is in no file
        return "unreachable"
    if not word.strip() or not parts:
        return "empty"
    if len(word.split()) > 1 or word != word.strip():
        return "split"
    if any(token.content in word for token in backend.get_added_tokens_decoder().values()):
        return "special"
    cut = [piece for part in parts for piece in backend.model.tokenize(part)]
    pieces, ids = tuple(piece.value for piece in cut), tuple(int(piece.id) for piece in cut)
    if len(ids) <= 1 and (not ids or ids[0] != tokenizer.unk_token_id):
        return "one_token" if ids else "empty"
    if how == "model" and len(parts) > 1:
        return "split"
    if parts[0].startswith(getattr(backend.model, "continuing_subword_prefix", None) or "\0"):
        return "special"
    if monotone and len(ids) != 2:
        return "more_than_two_pieces"
    return (parts[0] if how == "model" else word), pieces, ids


def _with_pieces_between(tokenizer: Any, kind: str, chosen: dict[str, Candidate]) -> set[str]:
    longer = {word for word, (_, pieces, _) in chosen.items() if len(pieces) != 2}
    if kind != "BPE" or not longer:
        return set()
    is_rebuilt = type(tokenizer).__name__ in _REBUILT
    return longer if is_rebuilt or not looks_up_whole_words(tokenizer.backend_tokenizer) else set()


def _appended(tokenizer: Any, chosen: dict[str, Candidate], how: How) -> Extension:
    backend = tokenizer.backend_tokenizer
    first = max(backend.get_vocab(with_added_tokens=True).values()) + 1
    added = tuple(
        Added(word, token, pieces, ids, first + place, how)
        for place, (word, (token, pieces, ids)) in enumerate(chosen.items())
    )
    copied = copy.deepcopy(tokenizer)
    if how == "model":
        state = json.loads(backend.to_str())
        try:
            state["model"] = appended_model(backend, state["model"], added)
        except AppendError as error:
            raise ModelError(f"No words can be added to this {type(tokenizer).__name__}: {error}") from error
        copied._tokenizer = Tokenizer.from_str(json.dumps(state))
    else:
        # A token for all spellings of the normaliser, with the space before it, which would be a token of its own.
        spaced = len(pre_tokens(backend, "b")) == 1 and pre_tokens(backend, "b") != ["b"]
        copied.add_tokens([AddedToken(one.token, single_word=True, lstrip=spaced, normalized=True) for one in added])
    return Extension(copied, added, ())


def unreachable(extension: Extension) -> list[Added]:
    """Added words that no text is cut into: not alone, nor behind a space, nor behind another letter."""
    backend = extension.tokenizer.backend_tokenizer
    known = backend.get_vocab(with_added_tokens=True)
    return [
        one
        for one in extension.added
        if known.get(one.token) != one.new_id
        or not any(
            one.new_id in backend.encode(text, add_special_tokens=False).ids
            for text in (f"a {one.word} b", one.word, f"a{one.word}")
        )
    ]


def _lengthening(tokenizer: Any, extension: Extension, texts: Sequence[str]) -> dict[str, str]:
    """The added words in texts that have more tokens with them."""
    before = tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False)
    after = extension.tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False)
    new = extension.new_ids
    return {
        new[number].word: "lengthens"
        for old, now in zip(before, after, strict=True)
        if len(now.ids) > len(old.ids)
        for number in now.ids
        if number in new
    }
