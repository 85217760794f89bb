"""Small models of many families with random weights; transformers on one text at a time is their oracle."""

import inspect
import json
import shutil
from dataclasses import replace

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tasks.model.tokens import encode

CORPUS = [
    "Too long.", "A gorgeous, witty, seductive movie.", "Steven Seagal's worst: unfunny, humorless and badly directed.",
    "If you sometimes like to go to the movies to have fun, Wasabi is a good place to start, and it doesn't cost the earth.",
    "one probe that is read, and then it is read once more.", "the quick brown fox jumps over the lazy dog", "0 1 2 3 4 5 6 7 8 9 A B C D E F G H I J K L M N O P Q R S T U V W X Y Z",
]  # fmt: skip
NAMES = {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
ROBERTA = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>", "pad_token": "<pad>", "unk_token": "<unk>"}  # fmt: skip


def tokenizer_of(kind):
    """A trained tokenizer with the special tokens, and their ids, of a kind of model."""
    if kind == "gpt2":
        special, names, template = ["<|endoftext|>"], {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}, None  # fmt: skip
    elif kind == "llama":
        special, names, template = ["<unk>", "<s>", "</s>"], {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}, ("<s> $A", None)  # fmt: skip
    elif kind == "roberta":
        special, names, template = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], ROBERTA, ("<s> $A </s>", "<s> $A </s> </s> $B </s>")  # fmt: skip
    elif kind == "t5":
        special, names, template = ["<pad>", "</s>", "<unk>"], {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}, ("$A </s>", "$A </s> $B </s>")  # fmt: skip
    elif kind == "xlnet":
        special, names, template = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>"], {
            "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<cls>", "sep_token": "<sep>", "pad_token": "<pad>", "mask_token": "<mask>"
        }, ("$A:0 <sep>:0 <cls>:2", "$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2")  # fmt: skip
    else:
        special, names, template = list(NAMES.values()), NAMES, ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    if kind in ("gpt2", "roberta"):
        core = Tokenizer(models.BPE())
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())  # fmt: skip
    elif kind in ("t5", "xlnet", "llama"):
        core = Tokenizer(models.Unigram())
        core.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=150, special_tokens=special, unk_token="<unk>")
    else:
        core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        core.normalizer = normalizers.BertNormalizer()
        core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=150, special_tokens=special)
    core.train_from_iterator(CORPUS, trainer)
    if template is not None:
        ids = [(token, core.token_to_id(token)) for token in special]
        core.post_processor = processors.TemplateProcessing(single=template[0], pair=template[1], special_tokens=ids)
    reads = ["input_ids", "token_type_ids", "attention_mask"] if kind in ("bert", "xlnet") else None
    side = {"padding_side": "left"} if kind == "xlnet" else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=core, **names, **side, **({"model_input_names": reads} if reads else {})
    )


SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
FAMILIES = {
    "bert": ("Bert", "bert", SMALL | {"max_position_embeddings": 64}),
    "distilbert": ("DistilBert", "wordpiece", {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "max_position_embeddings": 64}),
    "roberta": ("Roberta", "roberta", SMALL | {"max_position_embeddings": 66, "pad_token_id": 1, "type_vocab_size": 1}),
    "xlm-roberta": ("XLMRoberta", "roberta", SMALL | {"max_position_embeddings": 66, "pad_token_id": 1, "type_vocab_size": 1}),
    "albert": ("Albert", "bert", SMALL | {"embedding_size": 8, "max_position_embeddings": 64}),
    "electra": ("Electra", "bert", SMALL | {"embedding_size": 8, "max_position_embeddings": 64}),
    "deberta-v2": ("DebertaV2", "bert", SMALL | {"max_position_embeddings": 64, "type_vocab_size": 0, "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False}),
    "mpnet": ("MPNet", "roberta", SMALL | {"max_position_embeddings": 66, "pad_token_id": 1}),
    "xlnet": ("XLNet", "xlnet", {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 24, "pad_token_id": 5}),
    "modernbert": ("ModernBert", "wordpiece", SMALL | {"max_position_embeddings": 64, "pad_token_id": 3, "cls_token_id": 0, "sep_token_id": 1, "bos_token_id": 0, "eos_token_id": 1, "global_attn_every_n_layers": 2, "local_attention": 8}),
    "longformer": ("Longformer", "roberta", SMALL | {"max_position_embeddings": 66, "pad_token_id": 1, "type_vocab_size": 1, "attention_window": 8, "sep_token_id": 2}),
    "bart": ("Bart", "roberta", {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "max_position_embeddings": 64, "scale_embedding": True}),
    "t5": ("T5", "t5", {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}),
    "gpt2": ("GPT2", "gpt2", {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0}),
    "llama": ("Llama", "llama", SMALL | {"num_key_value_heads": 1, "max_position_embeddings": 64}),
    "qwen2": ("Qwen2", "gpt2", SMALL | {"num_key_value_heads": 1, "max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 0}),
}  # fmt: skip


def saved(folder, family, num_labels=3, **settings):
    """A model of the family with random weights of some size, so that its logits tell texts apart."""
    name, kind, config = FAMILIES[family]
    tokenizer = tokenizer_of(kind)
    torch.manual_seed(0)
    config_class = getattr(transformers, f"{name}Config")
    model = getattr(transformers, f"{name}ForSequenceClassification")(
        config_class(vocab_size=len(tokenizer), num_labels=num_labels, **config, **settings)
    )
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    known = {}

    def folder(family):
        if family not in known:
            folder = tmp_path_factory.mktemp(family.replace(" ", "-"))
            known[family] = saved(folder, "bert", 1) if family == "single output" else saved(folder, family)
        return known[family]

    return folder


def texts_of_one_length(classifier, num_texts=3):
    """Texts of ordinary tokens that all differ, in the tokenizer's frame of special tokens."""
    frame = encode(classifier.tokenizer, ["one probe that is read, and then"], None, 64)[0]
    known = sorted(set(range(len(classifier.tokenizer))) - set(classifier.tokenizer.all_special_ids))
    ids = iter(torch.tensor(known)[torch.randperm(len(known), generator=torch.Generator().manual_seed(1))].tolist())
    return [
        replace(frame, ids=[i if special else next(ids) for i, special in zip(frame.ids, frame.special, strict=True)])
        for _ in range(num_texts)
    ]


def of_transformers(folder, text):
    """A fresh model as transformers loads it, and its logits for this text alone."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    takes_types = "token_type_ids" in inspect.signature(model.forward).parameters
    types = {"token_type_ids": torch.tensor([text.types])} if takes_types and text.types is not None else {}
    ids = torch.tensor([text.ids])
    return model, model(input_ids=ids, attention_mask=torch.ones_like(ids), **types).logits[0]


def logits_of_transformers(folder, text):
    return of_transformers(folder, text)[1].detach()


def pieces(classifier, *texts):
    return encode(classifier.tokenizer, texts, None, classifier.max_tokens)


@pytest.fixture
def bert(folder_of):
    return load_classifier(model_spec(folder_of("bert"), 64))


def points_of(classifier):
    return classifier.word_embeddings.weight.shape


def changed(folder_of, tmp_path, config=None, remove=(), base="bert"):
    folder = tmp_path / "model"
    shutil.copytree(folder_of(base), folder)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **(config or {})}))
    for name in remove:
        (folder / name).unlink()
    return folder
