"""A network before its training: what it can read, what of it is trained, and how texts become its batches.

Shape letters: N texts, T tokens, K labels, V vocabulary, D embedding width, W words added.
"""

import contextlib
import inspect
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from configs.errors import ModelError
from configs.schema import FinetuneConfig
from tasks.data.rows import Row
from tasks.model.embeddings import reading
from tasks.model.forward import Classifier
from tasks.model.networks import new_network
from tasks.model.parity import MOST_TEXTS, require_saved_tokenizer
from tasks.model.pretrained import load_pretrained, load_tokenizer
from tasks.model.probe import ENDLESS, watched
from tasks.model.tokens import Encoded, encode

FROZEN_LAYERS = 2
"""The embeddings and this many of the first transformer layers keep their pretrained weights."""
ADDED_WORDS = "added_words.json"
"""In the folder of an encoder: tokens that a patch put into its vocabulary, and their ids. Its tokenizer says nothing
of them: to WordPiece, BPE and Unigram they are tokens like all others."""
_MOST_NAMED = 5


@dataclass(frozen=True)
class Start:
    """A network before its training."""

    base: Path
    model: Any
    tokenizer: Any
    max_tokens: int
    pad_to: int | None
    embeddings: nn.Embedding | None
    """Those of an encoder whose first layers are frozen."""
    added: Mapping[str, int]
    """Words that were added to the vocabulary after the pretraining, and their ids: of all embeddings, theirs are
    trained, unless the encoder keeps its weights."""


def new_classifier(finetune: FinetuneConfig, base: Path, labels: tuple[str, ...], pad_to: int | None) -> Start:
    """A network to train, and its tokenizer.

    Raises:
        ModelError: the base cannot be loaded, or a setting asks for what it cannot do.
    """
    torch.manual_seed(finetune.seed)
    tokenizer = load_tokenizer(base)
    if tokenizer.pad_token_id is None:
        raise ModelError(
            f"finetune.base: the tokenizer of {base.name} has no padding token, and training reads texts in batches. "
            "Give it one (`tokenizer.pad_token = tokenizer.eos_token`), and save it in a copy of the folder."
        )
    # A classifier holds no conversation, and the name of a template could be a path.
    tokenizer.chat_template = None
    if finetune.network == "auto":
        model = encoder = load_pretrained(
            "AutoModelForSequenceClassification",
            base,
            "a sequence classifier",
            head_is_new=True,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: i for i, label in enumerate(labels)},
            problem_type="single_label_classification",
        )
        if (text_config := model.config.get_text_config()).pad_token_id is None:
            # By this id the head of a decoder finds the last token of a text.
            text_config.pad_token_id = tokenizer.pad_token_id
    else:
        model = new_network(finetune.network, base, labels, len(tokenizer), pad_to)
        encoder = getattr(model, "bert", None)
    # Sentence encoders ship their own, shorter limit; the position embeddings, if any, set the real one.
    cpu, longest, pad_id = torch.device("cpu"), pad_to or finetune.max_tokens, tokenizer.pad_token_id
    probed = Classifier(model.eval(), tokenizer, labels, "softmax", longest, cpu, "float32", pad_to, pad_id, ())
    tokenizer.model_max_length = _places(probed, encoder, base)
    embeddings: nn.Embedding | None = None if encoder is None else encoder.get_input_embeddings()
    added = {} if embeddings is None else _added_words(tokenizer, embeddings, base)
    if embeddings is not None and finetune.network in ("auto", "bert_relu"):
        _freeze(encoder, embeddings, base)
    else:
        embeddings = None
    max_tokens = min(finetune.max_tokens, pad_to or finetune.max_tokens)
    return Start(base, model, tokenizer, max_tokens, pad_to, embeddings, added)


def _places(probed: Classifier, encoder: Any, base: Path) -> int:
    """How many tokens the network can read.

    Raises:
        ModelError: it cannot read as many as the settings ask for.
    """
    setting = "finetune.max_tokens" if probed.pad_to is None else "model.pad_to"

    def require(places: int) -> int:
        if probed.max_tokens > places:
            raise ModelError(
                f"{setting} is {probed.max_tokens}, and {base.name} has positions for {places} tokens only. "
                f"Set {setting} to {places} or less."
            )
        return places

    positions = None if encoder is None else getattr(encoder.config, "max_position_embeddings", None)
    # Before the probe, which a network with too few positions for its padding cannot read.
    most = require(positions if isinstance(positions, int) and positions > 0 else ENDLESS)
    return require(min(most, watched(probed, base)[1]))


def _freeze(encoder: Any, embeddings: nn.Embedding, base: Path) -> None:
    """Freeze the embeddings and the first layers; those of added words are trained by `added_rows`."""
    layers = next((module for module in encoder.modules() if isinstance(module, nn.ModuleList)), nn.ModuleList())
    if len(layers) < FROZEN_LAYERS:
        raise ModelError(
            f"finetune.base: the encoder {base.name} has {len(layers)} layers, and training keeps the first "
            f"{FROZEN_LAYERS} as they are."
        )
    embeddings.requires_grad_(requires_grad=False)
    for layer in layers[:FROZEN_LAYERS]:
        layer.requires_grad_(requires_grad=False)


def _added_words(tokenizer: Any, embeddings: nn.Embedding, base: Path) -> dict[str, int]:
    """The tokens behind the vocabulary that the tokenizer was trained with, and their ids, in the order of these.

    Without those that frame a text, which some tokenizers keep there.
    """
    frame = {getattr(tokenizer, f"{role}_token_id") for role in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")}
    places = range(tokenizer.vocab_size, embeddings.num_embeddings)
    found = {token: number for token, number in tokenizer.get_added_vocab().items() if number in places}
    if (base / ADDED_WORDS).is_file():
        patched = json.loads((base / ADDED_WORDS).read_text(encoding="utf-8"))
        known = tokenizer.get_vocab()
        wrong = [token for token, number in patched.items() if known.get(token) != number]
        if wrong:
            raise ModelError(
                f"finetune.base: {ADDED_WORDS} in {base.name} names {wrong[0]!r}, which is not that token of its "
                "tokenizer. The folder was changed after the patch: apply the patch again."
            )
        found |= patched
    return {token: number for token, number in sorted(found.items(), key=lambda item: item[1]) if number not in frame}


@contextlib.contextmanager
def added_rows(start: Start) -> Iterator[nn.Parameter | None]:
    """The embeddings (W, D) of the W added words as a parameter of their own, which nothing else would ever train; at
    the end they are put into the table. None where there are none, or the encoder keeps its weights.

    A gradient of the whole table, and an optimizer's state of it, can take longer than the rest of a step.
    """
    if start.embeddings is None or not start.added:
        yield None
        return
    weight: Tensor = start.embeddings.weight
    ids = list(start.added.values())
    rows_WD = nn.Parameter(weight.detach()[ids].clone())
    hook = start.embeddings.register_forward_hook(reading(rows_WD, ids, len(weight)))
    try:
        yield rows_WD
    finally:
        hook.remove()
        with torch.no_grad():
            weight[ids] = rows_WD


def parameter_groups(start: Start, rows_WD: nn.Parameter | None) -> list[dict[str, Any]]:
    """The trained parameters for an optimizer. Embeddings have no decay, which would move words that no text holds."""
    groups: list[dict[str, Any]] = [
        {"params": [parameter for parameter in start.model.parameters() if parameter.requires_grad]}
    ]
    return groups if rows_WD is None else [*groups, {"params": [rows_WD], "weight_decay": 0.0}]


def said_of_training(start: Start) -> str:
    """How many parameters are trained, and which are not."""
    parameters = list(start.model.parameters())
    everything = sum(parameter.numel() for parameter in parameters)
    trained = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    if start.embeddings is None:
        kept = "" if trained == everything else ": the encoder keeps its weights"
        if start.added and kept:
            kept += f", those of {len(start.added)} added words ({_named(start.added)}) among them"
        return f"{trained:,} of {everything:,} parameters{kept}"
    kept = f"all but the word embeddings and the first {FROZEN_LAYERS} layers"
    if start.added:
        trained += len(start.added) * start.embeddings.embedding_dim
        kept += f", and the embeddings of {len(start.added)} added words ({_named(start.added)})"
    return f"{trained:,} of {everything:,} parameters: {kept}"


def _named(words: Collection[str]) -> str:
    return ", ".join(list(words)[:_MOST_NAMED]) + (", ..." if len(words) > _MOST_NAMED else "")


class Texts:
    """How texts become batches: cut, and padded to the longest of a batch or to the length the network reads."""

    def __init__(self, start: Start, device: torch.device) -> None:
        self.device = device
        self._start = start
        self._takes_types = "token_type_ids" in inspect.signature(start.model.forward).parameters

    def encoded(self, rows: Sequence[Row]) -> list[Encoded]:
        """
        Raises:
            ModelError: the tokenizer is not the saved one, or gives a token that the encoder has no embedding for.
        """
        start = self._start
        first = [{"text": row.text, "pair_start": row.pair_start} for row in rows[:MOST_TEXTS]]
        require_saved_tokenizer(start.tokenizer, start.base, first)
        found = encode(start.tokenizer, [row.text for row in rows], [row.pair_start for row in rows], start.max_tokens)
        largest = max(max(text.ids) for text in found)
        if start.embeddings is not None and largest >= start.embeddings.num_embeddings:
            token = start.tokenizer.convert_ids_to_tokens(largest)
            raise ModelError(
                f"finetune.base: the tokenizer of {start.base.name} has the token {token!r} ({largest}), and the "
                f"encoder has embeddings for {start.embeddings.num_embeddings} tokens only. "
                "Call `model.resize_token_embeddings(len(tokenizer))`, and save both."
            )
        return found

    def logits(self, model: Any, texts: Sequence[Encoded]) -> Tensor:
        """Logits (N, K) of some texts, as one batch."""
        length = self._start.pad_to or max(len(text.ids) for text in texts)
        left = self._start.tokenizer.padding_side == "left"

        def padded(rows: Sequence[list[int]], value: int) -> Tensor:
            missing = [[value] * (length - len(row)) for row in rows]
            whole = [padding + row if left else row + padding for row, padding in zip(rows, missing, strict=True)]
            return torch.tensor(whole, device=self.device)

        types = [text.types for text in texts if text.types is not None]
        found = model(
            input_ids=padded([text.ids for text in texts], self._start.tokenizer.pad_token_id),
            attention_mask=padded([[1] * len(text.ids) for text in texts], 0),
            **({"token_type_ids": padded(types, 0)} if types and self._takes_types else {}),
        )
        logits_NK: Tensor = found if isinstance(found, Tensor) else found.logits
        return logits_NK
