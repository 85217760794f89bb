"""Loading a classifier and running it from a layer on, in many families; transformers on one text at a time is the oracle."""

import contextlib
import importlib
import inspect
import json
import pickle
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

import tasks.model.layers
from configs.errors import AttributionError, ModelError
from configs.schema import AttributionConfig, AuditConfig
from tasks.attribution.batches import engine_for
from tasks.attribution.relevance import FrozenFactors
from tasks.model.baselines import baseline_activations, baseline_token, gram_matrix
from tasks.model.forward import inputs_of, plain_logits
from tasks.model.layers import WORD_EMBEDDINGS, activations, find_layer, logits_at, require_explainable
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec, model_spec, resolve_model
from tasks.model.tokens import Encoded, encode, token_counts
from tasks.runs.identity import name_run
from tasks.text.edits import Text
from tasks.trials.reader import Reader

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


# ---------------------------------------------------------------- families


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_one_text_at_a_time(folder_of, family):
    classifier = load_classifier(model_spec(folder_of(family), 64))
    texts = texts_of_one_length(classifier)
    logits_NK = plain_logits(classifier, inputs_of(classifier, texts))
    for text, logits_K in zip(texts, logits_NK, strict=True):
        expected_K = logits_of_transformers(folder_of(family), text)
        torch.testing.assert_close(logits_K, expected_K, rtol=0, atol=1e-5)
    assert not torch.equal(logits_NK[0], logits_NK[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_gradient_at_the_word_embeddings_is_the_gradient_of_the_embedding_matrix(folder_of, family):
    """All tokens differ, so the row of a token in the gradient of the matrix is the gradient at its place, by whichever way it is read."""
    classifier = load_classifier(model_spec(folder_of(family), 64))
    texts = texts_of_one_length(classifier)
    inputs = inputs_of(classifier, texts)
    points_NTD = activations(classifier, WORD_EMBEDDINGS, inputs).requires_grad_()
    logits_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)
    (gradient_NTD,) = torch.autograd.grad(logits_NK[:, 1].sum(), points_NTD)
    # BART multiplies what it looks up by the root of its width.
    scale = 4.0 if family == "bart" else 1.0
    for n, text in enumerate(texts):
        model, logits_K = of_transformers(folder_of(family), text)
        logits_K[1].backward()
        matrices = {parameter for parameter in model.parameters() if parameter.shape == points_of(classifier)}
        gradient_VD = sum(matrix.grad for matrix in matrices if matrix.grad is not None)
        ordinary = [t for t in range(len(text.ids)) if not text.special[t]]
        expected_TD = gradient_VD[[text.ids[t] for t in ordinary]]
        assert expected_TD.abs().max() > 1e-3
        torch.testing.assert_close(scale * gradient_NTD[n, ordinary], expected_TD, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_only_a_head_that_reads_the_first_position_leaves_the_others_out(folder_of, family):
    """Their gradients are compared with those of the whole model above."""
    classifier = load_classifier(model_spec(folder_of(family), 64))
    assert (classifier.last_block is not None) == (family in ("bert", "roberta", "xlm-roberta", "electra"))


def test_explained_passes_of_a_bert_compute_its_last_block_at_one_position_unless_it_is_the_layer(bert):
    inputs = inputs_of(bert, texts_of_one_length(bert))
    num_tokens = inputs.ids_NT.shape[1]
    inner = find_layer(bert, "bert.encoder.layer.1.attention")
    seen = []
    handle = bert.last_block.intermediate.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[1]))
    try:
        plain_NK = plain_logits(bert, inputs)
        for layer in (WORD_EMBEDDINGS, inner):
            points_NTD = activations(bert, layer, inputs)
            seen.clear()
            torch.testing.assert_close(logits_at(bert, layer, inputs, points_NTD), plain_NK, rtol=0, atol=1e-5)
            assert seen == [1 if layer is WORD_EMBEDDINGS else num_tokens]
    finally:
        handle.remove()


@pytest.mark.parametrize("family", FAMILIES)
def test_relevance_adds_up_to_the_logit_without_biases_or_is_refused(folder_of, family):
    classifier = load_classifier(model_spec(folder_of(family), 64), keep=False)
    if family not in ("bert", "distilbert", "roberta", "xlm-roberta", "electra", "deberta-v2"):
        with pytest.raises(AttributionError, match="relevance is defined for models of the types bert"):
            engine_for(classifier, AttributionConfig(methods=("relevance",)))
        return
    for name, parameter in classifier.model.named_parameters():
        if name.endswith("bias") or "position" in name or "token_type" in name:
            parameter.data.zero_()
    inputs = inputs_of(classifier, texts_of_one_length(classifier))
    points_NTD = activations(classifier, WORD_EMBEDDINGS, inputs).requires_grad_()
    with FrozenFactors():
        logits_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)
    (gradient_NTD,) = torch.autograd.grad(logits_NK[:, 1].sum(), points_NTD)
    relevance_N = (gradient_NTD * points_NTD).sum(dim=(1, 2))
    torch.testing.assert_close(relevance_N, logits_NK[:, 1], rtol=1e-4, atol=1e-5)
    assert logits_NK[:, 1].abs().min() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_trials_get_the_logits_that_transformers_gives(folder_of, family):
    model = model_spec(folder_of(family), 64)
    reader = Reader(model, "float32", {})
    texts = ["one probe that is read", "and then another one", "one probe that is [MASK]"]
    found_NK = reader.logits([Text(text, None) for text in texts])
    for text, found_K in zip(pieces(reader.classifier, *texts), found_NK, strict=True):
        expected_K = logits_of_transformers(folder_of(family), text)
        torch.testing.assert_close(torch.tensor(found_K, dtype=torch.float32), expected_K, rtol=0, atol=1e-5)


def test_margins_of_trials_are_the_log_odds_of_each_rows_own_label(folder_of):
    reader = Reader(model_spec(folder_of("bert"), 64), "float32", {})
    logits_NK = np.random.default_rng(0).normal(size=(4, 3)) * 5
    labels = [2, 0, 1, 2]
    shares_NK = np.exp(logits_NK) / np.exp(logits_NK).sum(axis=1, keepdims=True)
    expected = [
        np.log(shares_K[label] / (1 - shares_K[label])) for shares_K, label in zip(shares_NK, labels, strict=True)
    ]
    assert reader.margins(logits_NK, labels) == pytest.approx(expected, rel=1e-9)


def test_trials_compute_the_last_block_of_a_bert_at_one_position(folder_of):
    reader = Reader(model_spec(folder_of("bert"), 64), "float32", {})
    seen = []
    handle = reader.classifier.last_block.intermediate.register_forward_pre_hook(
        lambda module, args: seen.append(args[0].shape[1])
    )
    try:
        reader.logits([Text("one probe that is read", None)])
    finally:
        handle.remove()
    assert seen == [1]


def points_of(classifier):
    return classifier.word_embeddings.weight.shape


@pytest.mark.parametrize("family", FAMILIES)
def test_at_the_baseline_nothing_is_left_of_the_text(folder_of, family):
    """A decoder that goes on reading the text, or a head that does, would tell two texts apart."""
    classifier = load_classifier(model_spec(folder_of(family), 64))
    require_explainable(classifier, WORD_EMBEDDINGS)
    texts = texts_of_one_length(classifier)
    inputs = inputs_of(classifier, texts)
    special_NT = torch.tensor([text.special for text in texts]).bool()
    empty_NTD = baseline_activations(classifier, WORD_EMBEDDINGS, inputs, special_NT, "mean")
    logits_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, empty_NTD)
    torch.testing.assert_close(logits_NK[1:], logits_NK[:1].expand_as(logits_NK[1:]), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("family", "dtype"), [("bert", "bfloat16"), ("bert", "autocast"), ("t5", "bfloat16"), ("gpt2", "autocast")])  # fmt: skip
def test_low_precision_is_close_and_its_logits_are_float32(folder_of, family, dtype):
    exact = load_classifier(model_spec(folder_of(family), 64))
    inputs = inputs_of(exact, texts_of_one_length(exact))
    expected_NK = plain_logits(exact, inputs)
    classifier = load_classifier(model_spec(folder_of(family), 64), dtype)
    require_explainable(classifier, WORD_EMBEDDINGS)
    low_NTD = activations(classifier, WORD_EMBEDDINGS, inputs)
    assert low_NTD.dtype == (torch.bfloat16 if dtype == "bfloat16" else torch.float32)
    points_NTD = low_NTD.float().requires_grad_()
    logits_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)
    (gradient_NTD,) = torch.autograd.grad(logits_NK.sum(), points_NTD)
    assert (logits_NK.dtype, gradient_NTD.dtype) == (torch.float32, torch.float32)
    assert not torch.equal(logits_NK, expected_NK)
    assert float((logits_NK.detach() - expected_NK).abs().max()) < 0.05 * max(1.0, float(expected_NK.abs().max()))


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_decoder_without_a_padding_token_takes_several_texts_at_once(folder_of, family):
    classifier = load_classifier(model_spec(folder_of(family), 64))
    texts = texts_of_one_length(classifier, num_texts=2)
    model, _ = of_transformers(folder_of(family), texts[0])
    assert model.config.pad_token_id is None
    with pytest.raises(ValueError, match="Cannot handle batch sizes > 1"):
        model(input_ids=torch.tensor([text.ids for text in texts]))
    assert plain_logits(classifier, inputs_of(classifier, texts)).shape == (2, 3)


@pytest.mark.parametrize("family", ["bart", "t5"])
def test_texts_with_a_written_end_token_are_taken_together_with_others(folder_of, family):
    """The heads of these families want as many end tokens in every text of a batch."""
    classifier = load_classifier(model_spec(folder_of(family), 64))
    texts = texts_of_one_length(classifier, num_texts=4)
    for n in (0, 2):
        texts[n].ids[3] = classifier.tokenizer.eos_token_id
    inputs = inputs_of(classifier, texts)
    expected_NK = torch.stack([logits_of_transformers(folder_of(family), text) for text in texts])
    torch.testing.assert_close(plain_logits(classifier, inputs), expected_NK, rtol=0, atol=1e-5)
    points_NTD = activations(classifier, WORD_EMBEDDINGS, inputs).requires_grad_()
    logits_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)
    torch.testing.assert_close(logits_NK.detach(), expected_NK, rtol=0, atol=1e-5)
    # The gradient of a text's logits is at that text's own places.
    (gradient_NTD,) = torch.autograd.grad(logits_NK[2, 0], points_NTD)
    assert [bool(rows.any()) for rows in gradient_NTD] == [False, False, True, False]
    layer = find_layer(classifier, "model.encoder" if family == "bart" else "transformer.encoder")
    alone = [activations(classifier, layer, inputs_of(classifier, [text])) for text in texts]
    torch.testing.assert_close(activations(classifier, layer, inputs), torch.cat(alone), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("family", "positions"),
    [("bert", 64), ("roberta", 64), ("mpnet", 64), ("longformer", 64), ("gpt2", 64), ("bart", 64), ("xlnet", 512), ("t5", 512)],
)  # fmt: skip
def test_texts_are_cut_to_the_positions_the_model_has(folder_of, family, positions):
    """RoBERTa's relatives have 66, of which the first two belong to padding."""
    classifier = load_classifier(model_spec(folder_of(family), 512))
    assert classifier.max_tokens == positions
    if positions == 64:
        longest = texts_of_one_length(classifier, num_texts=1)[0]
        ordinary = next(i for i, special in zip(longest.ids, longest.special, strict=True) if not special)
        missing = 64 - len(longest.ids)
        long = replace(longest, ids=longest.ids[:2] + [ordinary] * missing + longest.ids[2:], types=None)
        assert bool(torch.isfinite(plain_logits(classifier, inputs_of(classifier, [long]))).all())


def test_the_model_is_loaded_once_frozen_in_eval_mode_and_without_a_cache(folder_of):
    classifier = load_classifier(model_spec(folder_of("gpt2"), 64))
    assert load_classifier(model_spec(folder_of("gpt2"), 64)) is classifier
    assert not any(module.training for module in classifier.model.modules())
    assert not any(parameter.requires_grad for parameter in classifier.model.parameters())
    assert classifier.model.config.use_cache is False


# ---------------------------------------------------------------- texts


def test_the_second_text_of_a_pair_has_its_own_segment_and_points_into_the_joined_text(bert):
    first, second = "it rains", "ça, movie"
    text = f"{first}\n{second}"
    (encoded,) = encode(bert.tokenizer, [text], [len(first) + 1], None)
    expected = bert.tokenizer(first, second)
    assert encoded.ids == expected["input_ids"]
    assert encoded.types == expected["token_type_ids"]
    assert sorted(set(encoded.types)) == [0, 1]
    assert inputs_of(bert, [encoded]).types_NT.tolist() == [encoded.types]
    read = [
        text[start:end] for (start, end), special in zip(encoded.offsets, encoded.special, strict=True) if not special
    ]
    assert "".join(read) == "itrainsça,movie"
    logits_K = bert.model(**bert.tokenizer(first, second, return_tensors="pt")).logits[0]
    torch.testing.assert_close(plain_logits(bert, inputs_of(bert, [encoded]))[0], logits_K, rtol=0, atol=1e-6)


def test_of_a_pair_that_is_too_long_the_longer_text_is_cut(bert):
    first, second = "a b", "a b c d e f g h i j"
    (encoded,) = encode(bert.tokenizer, [f"{first}\n{second}"], [4], 10)
    assert bert.tokenizer.decode(encoded.ids) == "[CLS] a b [SEP] a b c d e [SEP]"
    assert token_counts(bert.tokenizer, [f"{first}\n{second}"], [4]) == [2 + 10 + 3]
    assert token_counts(bert.tokenizer, [first, second], [None, None]) == [4, 12]


def test_padding_to_a_fixed_length_is_on_the_tokenizers_side_and_masked(folder_of):
    for family, side in (("bert", "right"), ("xlnet", "left")):
        classifier = load_classifier(model_spec(folder_of(family), 64, pad_to=12))
        (text,) = pieces(classifier, "a b")
        padding = [classifier.tokenizer.pad_token_id] * (12 - len(text.ids))
        inputs = inputs_of(classifier, [text])
        ids, ones, zeros = text.ids, [1] * len(text.ids), [0] * len(padding)
        assert inputs.ids_NT.tolist() == [ids + padding if side == "right" else padding + ids]
        assert inputs.mask_NT.tolist() == [ones + zeros if side == "right" else zeros + ones]
        expected_K = logits_of_transformers(folder_of(family), text)
        torch.testing.assert_close(plain_logits(classifier, inputs)[0], expected_K, rtol=0, atol=1e-5)
        require_explainable(classifier, WORD_EMBEDDINGS)
        assert len(pieces(classifier, "a " * 40)[0].ids) == 12


def test_rows_are_chosen_by_their_index(bert):
    texts = [Encoded([5, i, 6], [(0, 1)] * 3, [0, 0, 0], [0, i, 0]) for i in range(4)]
    inputs = inputs_of(bert, texts).rows(torch.tensor([3, 3, 1]))
    assert inputs.ids_NT.tolist() == [[5, 3, 6], [5, 3, 6], [5, 1, 6]]
    assert inputs.types_NT.tolist() == [[0, 3, 0], [0, 3, 0], [0, 1, 0]]
    assert inputs.mask_NT.shape == (3, 3)


def test_a_token_the_model_has_no_embedding_for_is_a_sentence(bert):
    with pytest.raises(ModelError, match=r"gives a text the token 9999, the model has embeddings for \d+ tokens only"):
        inputs_of(bert, [Encoded([0, 9999], [(0, 1)] * 2, [1, 0], None)])


# ---------------------------------------------------------------- layers


LAYERS = {
    "embeddings": 0,
    "bert.embeddings": 0,
    "bert.encoder.layer.0": 1,
    "bert.encoder.layer.0:output": 1,
    "bert.encoder.layer.1:input": 1,
    "bert.encoder.layer.1": 2,
    "bert.encoder": 2,
    "bert.pooler:input": 2,
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_value_is_the_hidden_state_of_transformers_and_can_be_replaced(bert, name):
    texts = texts_of_one_length(bert, num_texts=4)
    own, other = inputs_of(bert, texts[:2]), inputs_of(bert, texts[2:])
    layer = find_layer(bert, name)
    found = bert.model(input_ids=other.ids_NT, attention_mask=other.mask_NT, output_hidden_states=True)
    other_NTD = activations(bert, layer, other)
    torch.testing.assert_close(other_NTD, found.hidden_states[LAYERS[name]], rtol=0, atol=1e-6)
    assert not other_NTD.requires_grad
    points_NTD = other_NTD.requires_grad_()
    logits_NK = logits_at(bert, layer, own, points_NTD)
    torch.testing.assert_close(logits_NK, found.logits, rtol=0, atol=1e-6)
    assert torch.autograd.grad(logits_NK.sum(), points_NTD)[0].abs().max() > 0
    assert not torch.allclose(plain_logits(bert, own), found.logits, atol=1e-3), "the hooks are gone again"
    require_explainable(bert, layer)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("t5", "transformer.decoder.block.1"),
        ("xlnet", "transformer"),
        ("deberta-v2", "deberta.encoder.layer.0"),
        ("distilbert", "distilbert.transformer.layer.0"),
        ("gpt2", "transformer.h.0"),
        ("llama", "model.layers.1:input"),
        ("electra", "electra.embeddings_project"),
        ("modernbert", "embeddings"),
    ],
)
def test_layers_of_other_families_work_as_well(folder_of, family, name):
    classifier = load_classifier(model_spec(folder_of(family), 64))
    require_explainable(classifier, find_layer(classifier, name))


@pytest.mark.parametrize(
    ("family", "name", "sentence"),
    [
        ("bart", "model.encoder.layers.0", r"depends on the text by another way than model\.encoder\.layers\.0"),
        ("bart", "model.encoder", "depends on the text by another way"),
        ("t5", "transformer.encoder.block.0", "depends on the text by another way"),
        ("t5", "transformer.decoder.block.0", "depends on the text by another way"),
        ("bert", "bert.encoder.layer.0.attention.self", "depends on the text by another way"),
        ("bert", "bert.embeddings:input", r"bert\.embeddings:input is given no vectors for 2 texts of \d+ tokens"),
        ("bert", "classifier", r"classifier gives a value of shape \(2, 3\) for 2 texts of"),
        ("bert", "bert.pooler", r"gives a value of shape \(2, 16\)"),
        ("longformer", "embeddings", r"embeddings gives a value of shape \(2, 32, 16\) for 2 texts of 29 tokens"),
        ("xlnet", "transformer.layer.0", r"gives a value of shape \(32, 2, 16\) for 2 texts of 32 tokens"),
        ("albert", "albert.encoder.albert_layer_groups.0", "is called 2 times in a forward pass, expected once"),
        ("gpt2", "embeddings", "has no embedding block"),
        ("bart", "embeddings", "has no embedding block"),
        ("bart", "model.shared", "is called 0 times in a forward pass"),
        ("bert", "bert.encoder.layer.9", r"has no module 'bert\.encoder\.layer\.9'\. Close to it: bert\.encoder\.layer\.\d, bert\.encoder\.layer"),
        ("bert", "zzz", "has no module 'zzz'"),
        ("bert", "bert.encoder:inside", "behind the colon of 'bert.encoder:inside' stands 'inside', expected input or output"),
    ],
)  # fmt: skip
def test_a_layer_that_cannot_be_explained_is_refused_in_one_sentence(folder_of, family, name, sentence):
    classifier = load_classifier(model_spec(folder_of(family), 64))
    with pytest.raises(AttributionError, match=sentence) as caught:
        require_explainable(classifier, find_layer(classifier, name))
    assert "\n" not in str(caught.value)


def test_a_replacement_that_is_not_the_models_own_value_is_found_out(bert, monkeypatch):
    honest = tasks.model.layers.activations
    monkeypatch.setattr(tasks.layers, "activations", lambda *args: honest(*args) * 1.05)
    with pytest.raises(
        AttributionError, match="goes on from the model's own value at word_embeddings ends in other logits"
    ):
        require_explainable(bert, WORD_EMBEDDINGS)


# ---------------------------------------------------------------- baselines


def test_every_baseline_is_the_vector_it_is_called_after(bert):
    texts = texts_of_one_length(bert)
    inputs = inputs_of(bert, texts)
    special_NT = torch.tensor([text.special for text in texts]).bool()
    matrix_VD = bert.model.bert.embeddings.word_embeddings.weight
    expected = {
        "mask": matrix_VD[bert.tokenizer.mask_token_id], "pad": matrix_VD[bert.tokenizer.pad_token_id],
        "unk": matrix_VD[bert.tokenizer.unk_token_id], "zero": torch.zeros(16), "mean": matrix_VD.sum(dim=0) / len(matrix_VD),
    }  # fmt: skip
    for name, vector_D in expected.items():
        points_NTD = baseline_activations(bert, WORD_EMBEDDINGS, inputs, special_NT, name)
        torch.testing.assert_close(points_NTD[special_NT], matrix_VD[inputs.ids_NT[special_NT]])
        torch.testing.assert_close(points_NTD[~special_NT], vector_D.expand(int((~special_NT).sum()), 16))
        token, used = baseline_token(bert, name)
        assert used == name
        assert (token is None) == (name in ("zero", "mean"))


def test_the_baseline_of_an_inner_layer_is_its_value_for_a_text_of_masks(bert):
    texts = texts_of_one_length(bert)
    inputs = inputs_of(bert, texts)
    special_NT = torch.tensor([text.special for text in texts]).bool()
    masked_NT = torch.where(special_NT, inputs.ids_NT, bert.tokenizer.mask_token_id)
    states = bert.model(input_ids=masked_NT, output_hidden_states=True).hidden_states
    found = baseline_activations(bert, find_layer(bert, "bert.encoder.layer.0"), inputs, special_NT, "mask")
    torch.testing.assert_close(found, states[1], rtol=0, atol=1e-6)


def test_without_a_mask_token_the_unknown_token_stands_in_and_says_so(folder_of):
    classifier = load_classifier(model_spec(folder_of("llama"), 64))
    assert baseline_token(classifier, "mask") == (classifier.tokenizer.unk_token_id, "unk")
    with pytest.raises(ModelError, match=r"the tokenizer has no pad token\. Use one of: unk, zero, mean\."):
        baseline_token(classifier, "pad")


def test_the_gram_matrix_is_of_what_the_module_looks_up(folder_of):
    for family, scale in (("bert", 1.0), ("bart", 4.0)):
        classifier = load_classifier(model_spec(folder_of(family), 64))
        matrix_VD = scale * classifier.word_embeddings.weight
        torch.testing.assert_close(gram_matrix(classifier), torch.einsum("vd,ve->de", matrix_VD, matrix_VD), rtol=1e-5, atol=1e-4)  # fmt: skip


# ---------------------------------------------------------------- heads


def test_the_log_odds_of_a_single_output_are_the_output(tmp_path):
    folder = saved(tmp_path, "bert", num_labels=1)
    classifier = load_classifier(model_spec(folder, 64, labels=["bad", "good"], head="sigmoid"))
    texts = texts_of_one_length(classifier)
    logits_NK = plain_logits(classifier, inputs_of(classifier, texts))
    for text, (bad, good) in zip(texts, logits_NK, strict=True):
        assert bad == 0
        assert float(good) == pytest.approx(float(logits_of_transformers(folder, text)[0]), abs=1e-6)
        assert float(logits_NK.softmax(dim=1)[0, 1]) == pytest.approx(float(logits_NK[0, 1].sigmoid()))
    assert classifier.labels == ("bad", "good")


def test_several_labels_at_once_keep_their_logits(tmp_path):
    folder = saved(tmp_path, "bert", problem_type="multi_label_classification")
    classifier = load_classifier(model_spec(folder, 64, head="multi_label"))
    texts = texts_of_one_length(classifier)
    for text, logits_K in zip(texts, plain_logits(classifier, inputs_of(classifier, texts)), strict=True):
        torch.testing.assert_close(logits_K, logits_of_transformers(folder, text), rtol=0, atol=1e-6)


def test_a_yes_or_no_output_may_have_been_trained_as_one_of_several_labels(tmp_path):
    """The loss of a single logit goes by the name multi_label_classification in transformers."""
    folder = saved(tmp_path, "bert", num_labels=1, problem_type="multi_label_classification")
    assert load_classifier(model_spec(folder, 64, labels=["no", "yes"], head="sigmoid")).head == "sigmoid"


# ---------------------------------------------------------------- refusals


def changed(folder_of, tmp_path, config=None, remove=(), base="bert"):
    folder = tmp_path / "model"
    shutil.copytree(folder_of(base), folder)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **(config or {})}))
    for name in remove:
        (folder / name).unlink()
    return folder


ONE = {"id2label": {"0": "x"}, "label2id": {"x": 0}}
SINGLE = {"architectures": ["one output"], **ONE}


@pytest.mark.parametrize(
    ("config", "settings", "sentence"),
    [
        ({"auto_map": {"AutoModel": "evil.Evil"}}, {}, "needs Python code of its own"),
        (ONE, {}, r"has 1 label \(x\), a classifier with a softmax head has 2 or more\. .* set model\.head: sigmoid and both names in model\.labels"),
        (SINGLE, {"labels": ["a", "b"]}, r"is a regression \(one output\).* model\.head: sigmoid, two names in model\.labels"),
        (SINGLE | {"problem_type": "regression"}, {"labels": ["a", "b"], "head": "sigmoid"}, r"is a regression \(problem_type regression\).* no other problem_type"),
        ({"problem_type": "regression"}, {}, r"is a regression \(problem_type regression\)"),
        ({"problem_type": "multi_label_classification"}, {}, r"no single-label classifier.*Set model\.head: multi_label"),
        ({"problem_type": "single_label_classification"}, {"head": "multi_label"}, "model.head multi_label says otherwise"),
        (ONE, {"head": "sigmoid"}, r"has 1 label \(x\), a classifier with a sigmoid head has 2\. .*both names in model\.labels"),
        ({}, {"head": "sigmoid", "labels": ["a", "b"]}, "the model has 3 outputs, 1 are expected of a sigmoid head"),
        ({}, {"labels": ["a", "b"]}, "the model has 3 outputs, 2 are expected of a softmax head with the labels a, b"),
        ({}, {"labels": ["LABEL_0", "LABEL_2", "LABEL_1"]}, "model.labels calls output 1 'LABEL_2', which is output 2 in"),
        ({}, {"labels": ["a", "A", "b"]}, "model.labels names a label twice"),
        ({"id2label": {"0": "same", "1": "Same", "2": "x"}}, {}, "id2label names a label twice"),
        ({"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}, {}, "cannot be loaded as a sequence classifier"),
        ({"model_type": "no-such-model"}, {}, "cannot be loaded as a sequence classifier"),
        ({"id2label": {"0": "a", "2": "b"}}, {}, r"id2label should map 0, 1, \.\.\."),
        ({"label2id": {"LABEL_0": 1, "LABEL_1": 0, "LABEL_2": 2}}, {}, "label2id says it is output 1"),
        ({"num_hidden_layers": 3}, {}, "it is not a fine-tuned classifier"),
    ],
)  # fmt: skip
def test_a_model_of_the_wrong_kind_is_refused_in_one_sentence(folder_of, tmp_path, config, settings, sentence):
    folder = changed(folder_of, tmp_path, config, base="single output" if "architectures" in config else "bert")
    with pytest.raises(ModelError, match=sentence) as caught:
        load_classifier(model_spec(folder, 64, **settings))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("remove", "sentence"),
    [
        (["model.safetensors"], r"holds no safetensors weights \(found: config\.json, tokenizer\.json"),
        (["config.json"], r"config\.json cannot be read"),
        (["tokenizer.json"], "tokenizer"),
    ],
)
def test_a_folder_with_a_missing_file_is_refused(folder_of, tmp_path, remove, sentence):
    with pytest.raises(ModelError, match=sentence) as caught:
        load_classifier(model_spec(changed(folder_of, tmp_path, remove=remove), 64))
    assert "\n" not in str(caught.value)


def test_a_vocabulary_that_was_not_read_is_refused(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path)
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"[UNK]": 0}, "[UNK]")), **NAMES).save_pretrained(folder)  # fmt: skip
    with pytest.raises(ModelError, match="the tokenizer knows only 5 pieces; its vocabulary file is missing or was not read"):  # fmt: skip
        load_classifier(model_spec(folder, 64))


def test_nan_weights_are_refused(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.classifier.bias.data[0] = float("nan")
    model.save_pretrained(folder)
    with pytest.raises(ModelError, match=r"classifier\.bias holds NaN or infinite weights"):
        load_classifier(model_spec(folder, 64))


def test_weights_that_overflow_are_refused(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.classifier.weight.data.fill_(3e38)
    model.bert.pooler.dense.bias.data.fill_(10)
    model.save_pretrained(folder)
    with pytest.raises(ModelError, match="the logits of an ordinary text are no numbers"):
        load_classifier(model_spec(folder, 64))


def test_a_model_that_changed_since_it_was_named_is_refused(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path)
    spec = model_spec(folder, 64)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, "layer_norm_eps": 0.1}))
    with pytest.raises(ModelError, match="changed while the audit was running"):
        load_classifier(spec)


def test_an_unknown_device_is_a_sentence(folder_of, monkeypatch):
    monkeypatch.setenv("TOKEN_AUDIT_DEVICE", "cuda:77")
    with pytest.raises(ModelError, match="TOKEN_AUDIT_DEVICE=cuda:77 is no device of this machine"):
        load_classifier(model_spec(folder_of("bert"), 64))


def test_an_architecture_whose_text_is_not_looked_up_in_one_place_is_refused(tmp_path):
    config = transformers.CanineConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, num_hash_functions=2, num_hash_buckets=32, max_position_embeddings=256)  # fmt: skip
    transformers.CanineForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer_of("bert").save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"0 embedding modules are called with the token ids, expected one; this architecture cannot be explained"):  # fmt: skip
        load_classifier(model_spec(tmp_path, 64))


# ---------------------------------------------------------------- networks that are not of transformers


NETWORKS = '''
import torch
from torch import nn
from transformers import BertConfig, BertModel

class BiLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(200, 16)
        self.lstm = nn.LSTM(16, 16, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(32, 4)

    def forward(self, input_ids, attention_mask):
        states, _ = self.lstm(self.embedding(input_ids))
        return self.head(self.dropout(states.mean(dim=1)))

class FixedLength(nn.Module):
    """A frozen encoder's place taken by an embedding: all positions flattened into one dense layer, padding masked."""
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(200, 6)
        self.places = nn.Embedding(16, 6)
        self.head = nn.Linear(96, 4)

    def forward(self, input_ids, attention_mask):
        states = self.words(input_ids) + self.places(torch.arange(input_ids.shape[1]))
        return self.head((states * attention_mask[:, :, None]).flatten(1))

class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(200, 8)
        self.segments = nn.Embedding(2, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(8, 4)

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        states = self.words(input_ids)
        if token_type_ids is not None:
            states = states + self.segments(token_type_ids)
        return self.head(self.encoder(src=states, src_key_padding_mask=attention_mask == 0)[:, 0])

class OnBert(nn.Module):
    def __init__(self):
        super().__init__()
        self.bert = BertModel(BertConfig(vocab_size=200, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=40))
        self.dense = nn.Linear(16, 4)

    def forward(self, input_ids, attention_mask):
        return torch.relu(self.dense(self.bert(input_ids=input_ids, attention_mask=attention_mask).pooler_output))

class Probabilities(BiLSTM):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask).softmax(dim=1)

class TwoTables(BiLSTM):
    def __init__(self):
        super().__init__()
        self.second = nn.Embedding(200, 8)

    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask) + self.second(input_ids).sum(dim=(1, 2))[:, None]

class Keeps(BiLSTM):
    """Computes a scale for each length of text once and keeps it."""
    def __init__(self):
        super().__init__()
        self.scales = {}

    def forward(self, input_ids, attention_mask):
        scale = self.scales.setdefault(input_ids.shape[1], torch.ones(4) * 2)
        return super().forward(input_ids, attention_mask) * scale

class Single(BiLSTM):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask)[:, 0]

def bilstm(folder): return BiLSTM()
def fixed(folder): return FixedLength()
def attentive(folder): return Attentive()
def on_bert(folder): return OnBert()
def probabilities(folder): return Probabilities()
def two_tables(folder): return TwoTables()
def keeps(folder): return Keeps()
def single(folder): return Single()
def reads_the_folder(folder): return BiLSTM() if (folder / "tokenizer.json").is_file() else None
def nothing(folder): return None
def failing(folder): raise RuntimeError("no\\nsuch thing")
number = 7
'''
TOPICS = ("World", "Sports", "Business", "Sci/Tech")


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """A module `my_networks` on the Python path, and a folder with its weights and a tokenizer."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "my_networks.py").write_text(NETWORKS)
    monkeypatch.syspath_prepend(str(code))
    monkeypatch.delitem(sys.modules, "my_networks", raising=False)
    yield importlib.import_module("my_networks")
    sys.modules.pop("my_networks", None)


def saved_network(folder, network, **changed):
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    weights = {name: torch.randn_like(weight) * 0.5 for name, weight in network.state_dict().items()}
    safetensors.torch.save_file(weights | changed, folder / "model.safetensors")
    tokenizer_of("bert").save_pretrained(folder)
    network.load_state_dict(weights)
    return folder


def network_spec(folder, name, labels=TOPICS, **settings):
    return model_spec(folder, 64, labels=labels, factory=f"my_networks:{name}", **settings)


@pytest.mark.parametrize(("name", "settings"), [("bilstm", {}), ("attentive", {}), ("fixed", {"pad_to": 16}), ("on_bert", {}), ("keeps", {})])  # fmt: skip
def test_a_network_of_ones_own_gives_its_own_logits_and_gradients(networks, tmp_path, name, settings):
    network = getattr(networks, name)(tmp_path).eval()
    folder = saved_network(tmp_path / "model", network)
    classifier = load_classifier(network_spec(folder, name, **settings))
    texts = texts_of_one_length(classifier)
    inputs = inputs_of(classifier, texts)
    types = {} if inputs.types_NT is None else {"token_type_ids": inputs.types_NT}
    assert bool(types) == (name == "attentive")
    logits_NK = plain_logits(classifier, inputs)
    expected_NK = network(inputs.ids_NT, inputs.mask_NT, **types)
    torch.testing.assert_close(logits_NK, expected_NK.detach(), rtol=0, atol=1e-5)
    require_explainable(classifier, WORD_EMBEDDINGS)
    points_NTD = activations(classifier, WORD_EMBEDDINGS, inputs).requires_grad_()
    (gradient_NTD,) = torch.autograd.grad(logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)[:, 2].sum(), points_NTD)  # fmt: skip
    expected_NK[:, 2].sum().backward()
    matrix = next(weight for weight in network.parameters() if weight.shape == points_of(classifier))
    for n, text in enumerate(texts):
        ordinary = [t for t in range(len(text.ids)) if not text.special[t]]
        torch.testing.assert_close(gradient_NTD[n, ordinary], matrix.grad[[text.ids[t] for t in ordinary]], rtol=1e-4, atol=1e-6)  # fmt: skip


def test_a_network_of_ones_own_is_cut_at_its_positions_and_has_its_layers(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.OnBert())
    classifier = load_classifier(network_spec(folder, "on_bert"))
    assert classifier.max_tokens == 40
    for name in ("embeddings", "bert.encoder.layer.0"):
        require_explainable(classifier, find_layer(classifier, name))


def test_layers_of_torchs_own_encoder_have_values_and_inputs_given_by_name(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.Attentive())
    classifier = load_classifier(network_spec(folder, "attentive"))
    inputs = inputs_of(classifier, texts_of_one_length(classifier))
    for name in ("encoder:input", "encoder.layers.0", "encoder.layers.1:input", "encoder"):
        layer = find_layer(classifier, name)
        require_explainable(classifier, layer)
        points_NTD = activations(classifier, layer, inputs).requires_grad_()
        logits_NK = logits_at(classifier, layer, inputs, points_NTD)
        assert torch.autograd.grad(logits_NK[:, 0].sum(), points_NTD)[0].any()


def test_a_recurrent_network_stays_in_eval_mode_and_leaves_cudnn_for_its_gradients(networks, tmp_path, monkeypatch):
    """cuDNN has no backward pass in eval mode; the device is made up, since there is none here."""
    folder = saved_network(tmp_path / "model", networks.BiLSTM())
    classifier = load_classifier(network_spec(folder, "bilstm"))
    inputs = inputs_of(classifier, texts_of_one_length(classifier))
    points_NTD = activations(classifier, WORD_EMBEDDINGS, inputs)
    asked = []

    @contextlib.contextmanager
    def flags(**settings):
        asked.append(settings)
        yield

    monkeypatch.setattr(torch.backends.cudnn, "flags", flags)
    monkeypatch.setattr(torch, "autocast", lambda *args, **options: contextlib.nullcontext())
    expected_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)
    assert asked == []
    there = replace(classifier, device=torch.device("cuda"))
    torch.testing.assert_close(logits_at(there, WORD_EMBEDDINGS, inputs, points_NTD), expected_NK)
    assert asked == [{"enabled": False}]
    assert not any(module.training for module in classifier.model.modules())


def test_a_network_with_a_single_output_has_two_labels(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.Single())
    classifier = load_classifier(network_spec(folder, "single", ["no", "yes"], head="sigmoid"))
    inputs = inputs_of(classifier, texts_of_one_length(classifier))
    logits_NK = plain_logits(classifier, inputs)
    torch.testing.assert_close(logits_NK[:, 1], classifier.model(inputs.ids_NT, inputs.mask_NT))
    assert logits_NK[:, 0].tolist() == [0, 0, 0]


def test_labels_of_a_network_may_come_from_a_config(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.BiLSTM())
    with pytest.raises(ModelError, match=r"model\.labels is needed"):
        network_spec(folder, "bilstm", labels=())
    (folder / "config.json").write_text(json.dumps({"id2label": {str(i): name for i, name in enumerate(TOPICS)}}))
    assert load_classifier(network_spec(folder, "bilstm", labels=())).labels == TOPICS


@pytest.mark.parametrize(
    ("factory", "settings", "sentence"),
    [
        ("no_such_module:build", {}, r"no_such_module:build cannot be imported \(ModuleNotFoundError: No module named"),
        ("my_networks:no_such", {}, r"my_networks:no_such cannot be imported \(AttributeError"),
        ("my_networks:number", {}, "my_networks:number is no function, but int"),
        ("my_networks:failing", {}, r"failed \(RuntimeError: no\)"),
        ("my_networks:nothing", {}, r"returned NoneType, expected a torch\.nn\.Module"),
        ("my_networks:on_bert", {}, r"does not fit the network of my_networks:on_bert: \S+ is missing, \S+ is missing, .* and \d+ more\."),
        ("my_networks:two_tables", {}, r"does not fit the network of my_networks:two_tables: second\.weight is missing\."),
        ("my_networks:probabilities", {}, "returns probabilities, which would go through a softmax twice"),
        ("my_networks:bilstm", {"labels": ["a", "b", "c"]}, r"for two texts the model returns \(2, 4\), expected \(2, 3\): the logits of a softmax head with the labels a, b, c"),
        ("my_networks:bilstm", {"labels": ["a", "b"], "head": "sigmoid"}, r"the model returns \(2, 4\), expected \(2, 1\)"),
        ("my_networks:single", {}, r"the model returns \(2,\), expected \(2, 4\)"),
    ],
)  # fmt: skip
def test_a_network_that_does_not_work_is_refused_in_one_sentence(networks, tmp_path, factory, settings, sentence):
    folder = saved_network(tmp_path / "model", networks.BiLSTM())
    with pytest.raises(ModelError, match=sentence) as caught:
        load_classifier(model_spec(folder, 64, **{"labels": TOPICS, **settings}, factory=factory))
    assert "\n" not in str(caught.value)


def test_weights_of_another_shape_or_too_many_are_refused(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.BiLSTM(), extra=torch.zeros(2))
    with pytest.raises(ModelError, match=r"extra has no place\."):
        load_classifier(network_spec(folder, "bilstm"))
    saved_network(tmp_path / "model", networks.BiLSTM(), **{"head.weight": torch.zeros(3, 32)})
    with pytest.raises(ModelError, match=r"size mismatch for head\.weight"):
        load_classifier(network_spec(folder, "bilstm"))


def test_a_network_of_a_fixed_length_says_that_it_needs_padding(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.FixedLength())
    with pytest.raises(ModelError, match=r"cannot read two texts of \d+ tokens .* set model\.pad_to"):
        load_classifier(network_spec(folder, "fixed"))


def test_a_network_that_looks_its_text_up_twice_is_refused(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.TwoTables())
    with pytest.raises(ModelError, match="2 embedding modules are called with the token ids, expected one"):
        load_classifier(network_spec(folder, "two_tables"))


def test_the_code_of_a_network_is_part_of_its_identity(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.BiLSTM())
    first = network_spec(folder, "bilstm").fingerprint
    assert network_spec(folder, "bilstm").fingerprint == first
    assert network_spec(folder, "reads_the_folder").fingerprint != first
    (folder / "sizes.json").write_text("{}")
    second = network_spec(folder, "bilstm").fingerprint
    assert second != first, "the factory may read it"
    file = Path(networks.__file__)
    file.write_text(NETWORKS.replace("states.mean(dim=1)", "states.amax(dim=1)"))
    assert network_spec(folder, "bilstm").fingerprint != second


def test_so_is_the_code_it_takes_from_other_modules_of_its_package(networks, tmp_path, monkeypatch):
    folder = saved_network(tmp_path / "model", networks.BiLSTM())
    package = Path(networks.__file__).parent / "my_package"
    package.mkdir()
    for name, content in {
        "__init__": "", "network": NETWORKS, "unused": "x = 1",
        "middle": "from my_package.network import BiLSTM", "factory": "from my_package.middle import BiLSTM\ndef build(folder): return BiLSTM()",
    }.items():  # fmt: skip
        (package / f"{name}.py").write_text(content)
    spec = model_spec(folder, 64, labels=TOPICS, factory="my_package.factory:build")
    importlib.import_module("my_package.unused")
    (package / "unused.py").write_text("x = 2")
    assert model_spec(folder, 64, labels=TOPICS, factory="my_package.factory:build") == spec
    (package / "network.py").write_text(NETWORKS.replace("0.5", "0.4"))
    with pytest.raises(ModelError, match="changed while the audit was running"):
        load_classifier(spec)
    for name in [name for name in sys.modules if name.startswith("my_package")]:
        monkeypatch.delitem(sys.modules, name)


# ---------------------------------------------------------------- settings


def test_every_setting_of_the_model_reaches_its_spec(folder_of):
    config = AuditConfig(
        data={"path": "d.csv"},
        model={
            "path": folder_of("bert"), "max_tokens": 48, "labels": ["x", "y", "z"], "head": "multi_label", "long_texts": "windows",
            "overlap": 7, "pad_to": 32,
        },
    )  # fmt: skip
    spec = resolve_model(config)
    assert (spec.folder, spec.max_tokens, spec.labels, spec.head, spec.factory, spec.long_texts, spec.overlap, spec.pad_to) == (
        folder_of("bert"), 48, ("x", "y", "z"), "multi_label", None, "windows", 7, 32,
    )  # fmt: skip
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_run_is_named_by_how_the_model_reads_and_by_the_second_text(folder_of, tmp_path):
    (tmp_path / "d.csv").write_text("text,second,label\na,b,LABEL_0\n")
    spec = model_spec(folder_of("bert"), 64)
    config = AuditConfig(data={"path": tmp_path / "d.csv"}, model={"path": spec.folder})
    changes = [
        {"max_tokens": 63}, {"labels": ("x", "y", "z")}, {"head": "multi_label"}, {"factory": "m:f"}, {"long_texts": "windows"}, {"overlap": 8},
        {"pad_to": 64}, {"fingerprint": "x"},
    ]  # fmt: skip
    pairs = config.model_copy(update={"data": config.data.model_copy(update={"pair": "second"})})
    names = [name_run(config, replace(spec, **change)).run_id for change in [{}, *changes]]
    names.append(name_run(pairs, spec).run_id)
    assert len(set(names)) == len(names)
    assert name_run(config, spec).run_id == names[0]


def test_a_spec_needs_no_more_than_a_folder_and_a_length(folder_of):
    assert model_spec(folder_of("bert"), 64) == ModelSpec(
        folder_of("bert"), 64, model_spec(folder_of("bert"), 64).fingerprint, ("LABEL_0", "LABEL_1", "LABEL_2")
    )
