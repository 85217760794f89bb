"""A loaded classifier, and its forward pass on texts of one length.

Shape letters: N texts, T tokens, K labels.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from configs.errors import ModelError
from tasks.model.pretrained import is_made_of
from tasks.model.tokens import Encoded

ROUNDING = {"float32": 1e-5, "bfloat16": 1e-2, "autocast": 1e-2}
"""Largest rounding error of a logit, relative to the largest logit."""


class Inputs(NamedTuple):
    """Rows of one length as the model reads them."""

    ids_NT: Tensor
    mask_NT: Tensor
    """1 for a token, 0 for padding."""
    types_NT: Tensor | None
    """Segments of a sentence pair, for models that tell them apart."""

    def rows(self, index_N: Tensor) -> "Inputs":
        types_NT = None if self.types_NT is None else self.types_NT[index_N]
        return Inputs(self.ids_NT[index_N], self.mask_NT[index_N], types_NT)


Role = Literal["text", "shifted", "transposed", "other"]
"""What a call of an embedding module looks up: the text, the text shifted right by one (a decoder), the text with
positions before rows (XLNet), or something else."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """A loaded classifier and what the audit needs to know about it."""

    model: nn.Module
    tokenizer: Any
    labels: tuple[str, ...]
    head: str
    max_tokens: int
    device: torch.device
    dtype: str
    pad_to: int | None
    pad_id: int
    lookups: tuple[tuple[nn.Embedding, Role], ...]
    """The calls of the modules that embed the text, in their order in a forward pass."""
    two_attentions: bool = False
    """Whether the model can switch between plain and fused attention, and runs on a CPU, where that matters."""
    last_block: nn.Module | None = None
    """The last block of a BERT whose head reads the first position alone: explained passes compute only that
    position."""

    @property
    def word_embeddings(self) -> nn.Embedding:
        return next(module for module, role in self.lookups if role in ("text", "transposed"))


@contextlib.contextmanager
def first_position(block: Any) -> Iterator[None]:
    """Drop all positions but the first after the attention of this block, which saves three quarters of its work."""
    handles = [
        block.attention.self.register_forward_hook(lambda m, args, output: (output[0][:, :1], *output[1:])),
        block.attention.output.register_forward_pre_hook(lambda m, args: (args[0], args[1][:, :1])),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def inputs_of(classifier: Classifier, encoded: Sequence[Encoded]) -> Inputs:
    """Texts of one length as the model reads them, padded where the network wants a fixed length."""
    num_tokens = len(encoded[0].ids)
    missing = (classifier.pad_to or num_tokens) - num_tokens
    left = classifier.tokenizer.padding_side == "left"

    def padded(row: list[int], value: int) -> list[int]:
        return [value] * missing + row if left else row + [value] * missing

    ids_NT = torch.tensor([padded(text.ids, classifier.pad_id) for text in encoded])
    if classifier.lookups and int(ids_NT.max()) >= classifier.word_embeddings.num_embeddings:
        # On a GPU an index out of range would end the whole process.
        raise ModelError(
            f"The tokenizer gives a text the token {int(ids_NT.max())}, the model has embeddings for "
            f"{classifier.word_embeddings.num_embeddings} tokens only. "
            "Resize its embeddings to the tokenizer."
        )
    mask_NT = torch.tensor([padded([1] * num_tokens, 0) for _ in encoded])
    types = [text.types for text in encoded if text.types is not None]
    takes_types = "token_type_ids" in inspect.signature(classifier.model.forward).parameters
    types_NT = torch.tensor([padded(row, 0) for row in types]).to(classifier.device) if types and takes_types else None
    return Inputs(ids_NT.to(classifier.device), mask_NT.to(classifier.device), types_NT)


def forward(classifier: Classifier, inputs: Inputs) -> Tensor:
    """Logits (N, K) in float32; K = 2 with a single output z, as [0, z]: the log-odds of the second label are z."""
    types = {} if inputs.types_NT is None else {"token_type_ids": inputs.types_NT}
    low = classifier.dtype == "autocast"
    _suit_attention(classifier, inputs.ids_NT.shape[1])
    with torch.autocast(classifier.device.type, dtype=torch.bfloat16, enabled=low):
        found = classifier.model(input_ids=inputs.ids_NT, attention_mask=inputs.mask_NT, **types)
    logits: Tensor = (found if isinstance(found, Tensor) else found.logits).float()
    if classifier.head == "sigmoid":
        single_N1 = logits.reshape(len(logits), -1)
        logits = torch.cat([torch.zeros_like(single_N1), single_N1], dim=1)
    return logits


_SHORT = 128
"""Most tokens at which plain attention is faster on a CPU than the fused one: it saves 6 % of a gradient at 28 tokens
and costs 10 % at 256."""


def takes_plain_attention(model: Any) -> bool:
    if not is_made_of("PreTrainedModel", model) or model.config._attn_implementation != "sdpa":
        return False
    try:
        model.set_attn_implementation("eager")
    except ValueError:
        return False
    return str(model.config._attn_implementation) == "eager"


def _suit_attention(classifier: Classifier, num_tokens: int) -> None:
    """Choose the faster of two ways to compute the same attention, for a model that can switch.

    In bfloat16 on a CPU the fused one has no fast backward pass at any length: it takes more time than all the rest.
    """
    if classifier.two_attentions:
        wanted = "eager" if num_tokens <= _SHORT or classifier.dtype != "float32" else "sdpa"
        model: Any = classifier.model
        # Setting it walks through all modules, even if nothing changes.
        if model.config._attn_implementation != wanted:
            model.set_attn_implementation(wanted)


def together(classifier: Classifier, inputs: Inputs, run: Callable[[Tensor], Tensor]) -> Tensor:
    """`run` on groups of rows (by index) that the model accepts in one batch; the results are in the order of the rows.

    The heads of encoder-decoders read the last end token, and require equally many in all texts of a batch. A text may
    contain one.
    """
    config = getattr(classifier.model, "config", None)
    everyone = torch.arange(len(inputs.ids_NT), device=inputs.ids_NT.device)
    if config is None or not getattr(config, "is_encoder_decoder", False):
        return run(everyone)
    num_ends_N = inputs.ids_NT.eq(config.eos_token_id).sum(dim=1)
    alike = [everyone[num_ends_N == number] for number in torch.unique(num_ends_N)]
    return torch.cat([run(index) for index in alike])[torch.cat(alike).argsort()]


def plain_logits(classifier: Classifier, inputs: Inputs) -> Tensor:
    """Logits (N, K) of texts of one length, as the model gives them in production."""
    # Not inference mode: a network may cache a tensor, a mask for example, and use it for gradients later.
    with torch.no_grad():
        return together(classifier, inputs, lambda index: forward(classifier, inputs.rows(index)))
