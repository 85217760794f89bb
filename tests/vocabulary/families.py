"""A small checkpoint of each family, with the tokenizer class that transformers has for it, trained on film reviews."""

import functools
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import (
    BertTokenizer,
    DebertaV2Tokenizer,
    GPT2Tokenizer,
    RobertaTokenizer,
    XLMRobertaTokenizer,
)

from tasks.model.load import load_classifier
from tasks.model.spec import model_spec

SENTENCES = [
    "Roberto Benigni is a benign clown, and Pinocchio a tired, formulaic film.",
    "A formula is a form, a former form of formal thought.", "Benign is what the benign do, in a benign and formal way.",
    "If you sometimes like to go to the movies to have fun, Wasabi is a good place to start, and it doesn't cost the earth.",
    "Steven Seagal's worst: unfunny, humorless and badly directed.", "the quick brown fox jumps over the lazy dog",
    "0 1 2 3 4 5 6 7 8 9 A B C D E F G H I J K L M N O P Q R S T U V W X Y Z a b c d e f g h i j k l m n o p q r s t u v w x y z - ' é É",
]  # fmt: skip
TEXTS = [
    "Benigni is benign.", "A film with Roberto Benigni in it, and Benigni again: BENIGNI!", "Nothing of that kind is here.",
    "The benign are formal.", "Benigni's films, (Benigni) and mid-Benigni-word.", "covidiots and covid", "Two  spaces\nand a line",
    "", "emoji 🤖 and 電影 and café", "[MASK] <mask> [SEP] </s>", "formulaic formulaics formula", "a" * 130,
    "A formulaic film with covid in it.",
]  # fmt: skip
WORDS = ("Benigni", "formulaic", "covid")
FAMILIES = ("bert cased", "bert uncased", "roberta", "xlm-roberta", "deberta-v3", "gpt2")
BY_HAND = "bert by hand"
"""A vocabulary that is written down: those that are trained differ a little from process to process."""
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
GPT2 = {
    "n_embd": 16,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 200,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}


@functools.cache
def reviews():
    file = Path(__file__).parents[2] / "warehouse/seeds/movie_reviews.parquet"
    return pq.read_table(file, columns=["text"]).slice(0, 1000)["text"].to_pylist()


def trained(model, trainer, pre_tokenizer, normalizer=None):
    core = Tokenizer(model)
    if normalizer is not None:
        core.normalizer = normalizer
    core.pre_tokenizer = pre_tokenizer
    core.train_from_iterator([*SENTENCES, *reviews()], trainer)
    return core


@functools.cache
def tokenizer_of(family):
    if family == BY_HAND:
        letters = "".join(sorted(set("".join(SENTENCES)) - {" "}))
        words = (
            "Benign formula co film here worst a is the of all so and fun Steven go fox no like or not ##i ##ic ##vid"
        )
        pieces = [
            "[PAD]",
            "[UNK]",
            "[CLS]",
            "[SEP]",
            "[MASK]",
            *letters,
            *(f"##{one}" for one in letters),
            *words.split(),
        ]
        return BertTokenizer(vocab={piece: i for i, piece in enumerate(dict.fromkeys(pieces))}, do_lower_case=False)
    if family.startswith("bert"):
        lower = family == "bert uncased"
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        core = trained(models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer(vocab_size=150, special_tokens=special, show_progress=False), pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer(lowercase=lower))  # fmt: skip
        return BertTokenizer(vocab=core.get_vocab(), do_lower_case=lower)
    if family in ("roberta", "gpt2"):
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if family == "roberta" else ["<|endoftext|>"]
        core = trained(models.BPE(), trainers.BpeTrainer(vocab_size=340, special_tokens=special, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()), pre_tokenizers.ByteLevel(add_prefix_space=False))  # fmt: skip
        state = core.model.__getstate__()
        merges = __import__("json").loads(state)["merges"]
        pairs = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in merges]
        kind = RobertaTokenizer if family == "roberta" else GPT2Tokenizer
        more = {} if family == "roberta" else {"pad_token": "<|endoftext|>"}
        return kind(vocab=core.get_vocab(), merges=pairs, **more)
    special = ["<s>", "<pad>", "</s>", "<unk>"] if family == "xlm-roberta" else ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    core = trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=150, special_tokens=special, unk_token=special[3], show_progress=False), pre_tokenizers.Metaspace())  # fmt: skip
    pieces = [tuple(piece) for piece in __import__("json").loads(core.to_str())["model"]["vocab"]]
    if family == "xlm-roberta":
        return XLMRobertaTokenizer(vocab=[*pieces, ("<mask>", 0.0)])
    # Its [MASK] stands behind the vocabulary of the model, as in the published checkpoints.
    return DebertaV2Tokenizer(vocab=pieces, unk_id=3)


def model_of(family, size):
    torch.manual_seed(0)
    if family.startswith("bert"):
        config, kind = transformers.BertConfig(vocab_size=size, max_position_embeddings=200, **SMALL), "Bert"
    elif family == "roberta":
        config, kind = transformers.RobertaConfig(vocab_size=size, max_position_embeddings=202, pad_token_id=1, type_vocab_size=1, **SMALL), "Roberta"  # fmt: skip
    elif family == "xlm-roberta":
        config, kind = transformers.XLMRobertaConfig(vocab_size=size, max_position_embeddings=202, pad_token_id=1, type_vocab_size=1, **SMALL), "XLMRoberta"  # fmt: skip
    elif family == "deberta-v3":
        config, kind = transformers.DebertaV2Config(vocab_size=size, max_position_embeddings=200, type_vocab_size=0, relative_attention=True, pos_att_type=["c2p", "p2c"], position_biased_input=False, **SMALL), "DebertaV2"  # fmt: skip
    else:
        config, kind = transformers.GPT2Config(vocab_size=size, **GPT2), "GPT2"
    config.num_labels = 3
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.data.normal_(0, 0.3)
    return model.eval()


def saved(folder, family, spare=0, dtype=torch.float32):
    """The folder of a checkpoint, with `spare` rows of embeddings that no token uses."""
    tokenizer = tokenizer_of(family)
    model_of(family, len(tokenizer) + spare).to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    known = {}

    def folder(family):
        if family not in known:
            known[family] = saved(tmp_path_factory.mktemp(family.replace(" ", "-")), family)
        return known[family]

    return folder


def classifier_of(folder):
    return load_classifier(model_spec(folder, 160), keep=False)
