"""Tiny encoders and the networks that are trained on them."""

import csv
import json

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from configs.load import load_config
from tasks.finetune import obtain_classifier

GOOD = ["a lovely film", "lovely, truly lovely acting", "what a fine film", "fine acting and a lovely story"]
BAD = ["an awful film", "awful, truly awful acting", "what a dull film", "dull acting and an awful story"]
POSITIONS = 24


def save_tokenizer(folder):
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", "pad_token": "[PAD]", "unk_token": "[UNK]"}  # fmt: skip
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    letters = "one probe that is read, and then it is read once more. abcdefghijklmnopqrstuvwxyz"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    core.train_from_iterator([*GOOD, *BAD, letters], trainers.WordPieceTrainer(vocab_size=120, special_tokens=special))
    ids = [(token, core.token_to_id(token)) for token in special]
    core.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ids)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, **names)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A tiny encoder with random weights of some size, so that texts differ in their logits."""
    folder = tmp_path_factory.mktemp("base")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=save_tokenizer(folder), max_position_embeddings=64, **sizes))
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    return folder


def config_of(folder, base, network, **sections):
    """A config on a small CSV file, with anything in it replaced by `sections`."""
    rows = [(text, label, part) for part in ("train", "test") for texts, label in ((GOOD, "good"), (BAD, "bad")) for text in texts]  # fmt: skip
    with (folder / "texts.csv").open("w", newline="") as file:
        # Other texts to train on than to test: those that are audited are left out of the training.
        csv.writer(file).writerows([("text", "label", "part"), *((text + "!" * (part == "train"), label, part) for text, label, part in rows)])  # fmt: skip
    values = {
        "data": {"path": str(folder / "texts.csv"), "where": {"part": "test"}},
        "model": {"pad_to": POSITIONS} if network == "frozen_dense" else {},
        "finetune": {"base": str(base), "network": network, "where": {"part": "train"}, "epochs": 16, "learning_rate": 0.01},
        "models": str(folder / "models"), "output": str(folder / "runs"), "warehouse": str(folder / "audits.duckdb"),
    }  # fmt: skip
    for name, section in sections.items():
        values[name] = None if section is None else {**values.get(name, {}), **section}
    path = folder / "audit.yaml"
    path.write_text(json.dumps(values))
    return load_config(path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, base):
    """The spec of a network of this name, trained once."""
    known = {}

    def spec(network):
        if network not in known:
            folder = tmp_path_factory.mktemp(network)
            known[network] = obtain_classifier.fn(config_of(folder, base, network))
        return known[network]

    return spec
