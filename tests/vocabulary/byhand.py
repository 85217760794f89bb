"""Tokenizers written by hand, so small that their encodings are worked out on paper."""

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast


def fast(model, pre_tokenizer=None, normalizer=None, **names):
    core = Tokenizer(model)
    core.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        core.normalizer = normalizer
    return PreTrainedTokenizerFast(tokenizer_object=core, **names)


def word_piece(*pieces, lower=False):
    """Its pieces, numbered in this order behind [UNK], which is 0."""
    vocab = {piece: i for i, piece in enumerate(["[UNK]", *pieces])}
    model = models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100)
    return fast(
        model, pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer(lowercase=lower), unk_token="[UNK]"
    )


def byte_bpe(letters, merges, extra=()):
    """Byte-level BPE with a mark before words: its letters, then what each merge gives, then tokens that none gives."""
    vocab = {token: i for i, token in enumerate([*letters, *(left + right for left, right in merges), *extra])}
    model = models.BPE(vocab, list(merges))
    tokenizer = fast(model, pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.backend_tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram(**scores):
    """Pieces with a mark before words, written `_`, and their scores; <unk> is 0."""
    pieces = [("<unk>", 0.0), *((piece.replace("_", "▁"), score) for piece, score in scores.items())]
    return fast(models.Unigram(pieces, unk_id=0), pre_tokenizers.Metaspace(), unk_token="<unk>")


def cut(tokenizer, text):
    return tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).tokens
