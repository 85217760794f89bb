"""What of a network is trained, what its encoder can read, and how a batch is padded."""

import csv
import json
import shutil

import pytest
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

from configs.errors import ModelError
from tasks.finetune import obtain_classifier
from tasks.model.load import load_classifier
from tasks.model.tokens import encode
from tasks.model.training import Texts, new_classifier
from tests.model.families import FAMILIES, saved
from tests.model.trained import BAD, GOOD, config_of

pytestmark = pytest.mark.slow

# ---------------------------------------------------------------- words that were added to a vocabulary


@pytest.fixture
def pieces(tmp_path):
    """An encoder whose tokenizer cuts the words of the texts into pieces."""
    return saved(tmp_path / "pieces", "bert")


def with_added_words(base, folder, *words, resize=True, special=()):
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModel.from_pretrained(base)
    tokenizer.add_tokens(list(words))
    tokenizer.add_special_tokens({"additional_special_tokens": list(special)})
    if resize:
        model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def moved(before, spec, prefix="bert."):
    """Rows of the word embeddings that training changed."""
    name = f"{prefix}embeddings.word_embeddings.weight"
    after = load_file(spec.folder / "model.safetensors")[name]
    return (after != load_file(before / "model.safetensors")[name.removeprefix(prefix)]).any(dim=1).nonzero()[:, 0].tolist()  # fmt: skip


def training_of(spec):
    return json.loads((spec.folder / "training.json").read_text())["trained"]


@pytest.mark.parametrize("network", ["auto", "bert_relu"])
def test_added_words_are_trained_and_no_other_row_moves(pieces, tmp_path, capfd, network):
    """The texts hold two of the three added words; `never` is in no text, so nothing moves its row, decay included."""
    size = len(AutoTokenizer.from_pretrained(pieces))
    folder = with_added_words(pieces, tmp_path / "base", "lovely", "awful", "never")
    spec = obtain_classifier.fn(config_of(tmp_path, folder, network))
    assert moved(folder, spec) == [size, size + 1]
    said = training_of(spec)
    assert said.endswith(
        "all but the word embeddings and the first 2 layers, and the embeddings of 3 added words (lovely, awful, never)"
    )
    assert f"trained\t{said}\n" in capfd.readouterr().err
    # By hand: what is not frozen, and three rows of 16.
    weights = load_file(spec.folder / "model.safetensors")
    frozen = ("bert.embeddings.word_embeddings", "bert.encoder.layer.0.", "bert.encoder.layer.1.")
    trained = sum(weight.numel() for name, weight in weights.items() if not name.startswith(frozen)) + 3 * 16
    assert said.startswith(f"{trained:,} of {sum(weight.numel() for weight in weights.values()):,} parameters: ")


def test_added_special_tokens_are_trained_too(pieces, tmp_path):
    size = len(AutoTokenizer.from_pretrained(pieces))
    folder = with_added_words(pieces, tmp_path / "base", special=["film"])
    assert moved(folder, obtain_classifier.fn(config_of(tmp_path, folder, "auto"))) == [size]


def test_without_added_words_no_embedding_is_trained(base, trained):
    assert moved(base, trained("auto")) == []
    assert training_of(trained("auto")).endswith("parameters: all but the word embeddings and the first 2 layers")


def test_other_networks_say_what_they_train(trained):
    assert training_of(trained("bilstm")).split(": ")[0].count(training_of(trained("bilstm")).split(" of ")[0]) == 2
    assert training_of(trained("frozen_dense")).endswith("parameters: the encoder keeps its weights")


def test_a_network_that_trains_no_encoder_says_that_added_words_stay_as_they_are(pieces, tmp_path):
    folder = with_added_words(pieces, tmp_path / "base", "lovely", "awful")
    spec = obtain_classifier.fn(config_of(tmp_path, folder, "frozen_dense", finetune={"epochs": 1}))
    assert moved(folder, spec) == []
    assert training_of(spec).endswith(
        ": the encoder keeps its weights, those of 2 added words (lovely, awful) among them"
    )


def test_tokens_that_frame_a_text_are_no_added_words(pieces, tmp_path):
    """DeBERTa keeps its mask behind its vocabulary; a padding token of GPT-2 is added by its users."""
    tokenizer, model = AutoTokenizer.from_pretrained(pieces), AutoModel.from_pretrained(pieces)
    tokenizer.add_special_tokens({"mask_token": "[MASK2]", "pad_token": "[PAD2]"})
    model.resize_token_embeddings(len(tokenizer))
    for part in (tokenizer, model):
        part.save_pretrained(tmp_path / "base")
    spec = obtain_classifier.fn(config_of(tmp_path, tmp_path / "base", "auto", finetune={"epochs": 1}))
    assert training_of(spec).endswith("all but the word embeddings and the first 2 layers")


def test_words_without_an_embedding_are_refused_and_the_advice_works(pieces, tmp_path):
    folder = with_added_words(pieces, tmp_path / "base", "lovely", resize=False)
    with pytest.raises(ModelError, match=r"has the token 'lovely' \(\d+\), and the encoder has embeddings for \d+ tokens only\. Call `model\.resize_token_embeddings"):  # fmt: skip
        obtain_classifier.fn(config_of(tmp_path, folder, "auto"))
    shutil.rmtree(folder)
    assert obtain_classifier.fn(config_of(tmp_path, with_added_words(pieces, folder, "lovely"), "auto"))


# ---------------------------------------------------------------- settings that cannot work


@pytest.mark.parametrize(
    ("family", "places"),
    [("bert", 64), ("distilbert", 64), ("modernbert", 64), ("bart", 64), ("deberta-v2", 64), ("qwen2", 64), ("roberta", 64), ("xlm-roberta", 64), ("mpnet", 64), ("longformer", 64)],
)  # fmt: skip
def test_texts_longer_than_the_encoder_reads_are_refused_and_the_advice_works(tmp_path, family, places):
    """RoBERTa and its kind have 66 positions and count them from 2, so they read 64 tokens."""
    folder = saved(tmp_path / "base", family)
    for wanted in (600, places + 1):
        with pytest.raises(ModelError, match=f"finetune.max_tokens is {wanted}, and base has positions for 6[46] tokens only") as caught:  # fmt: skip
            obtain_classifier.fn(config_of(tmp_path, folder, "auto", finetune={"max_tokens": wanted, "epochs": 1}))
        if "66" in str(caught.value):
            assert (wanted, FAMILIES[family][2]["max_position_embeddings"]) == (600, 66)
    assert f"Set finetune.max_tokens to {places} or less." in str(caught.value)
    assert obtain_classifier.fn(config_of(tmp_path, folder, "auto", finetune={"max_tokens": places, "epochs": 1}))


def test_a_padding_longer_than_the_encoder_reads_is_refused(base, tmp_path):
    with pytest.raises(ModelError, match=r"model\.pad_to is 600, and \S+ has positions for 64 tokens only"):
        obtain_classifier.fn(config_of(tmp_path, base, "frozen_dense", model={"pad_to": 600}))


def test_nothing_is_read_or_written_before_a_setting_is_refused(base, tmp_path):
    config = config_of(tmp_path, base, "auto", finetune={"max_tokens": 65})
    with pytest.raises(ModelError):
        obtain_classifier.fn(config)
    assert [path.name for path in (tmp_path / "models").iterdir() if path.suffix != ".lock"] == []


def test_an_encoder_with_fewer_weights_than_its_config_says_is_refused(base, tmp_path):
    for name, value in (("num_hidden_layers", 3), ("num_hidden_layers", 1), ("intermediate_size", 30)):
        folder = tmp_path / f"{name}-{value}"
        shutil.copytree(base, folder)
        content = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**content, name: value}))
        with pytest.raises(ModelError, match=r"another encoder than the one that was saved|weights that have no place"):
            obtain_classifier.fn(config_of(tmp_path, folder, "auto"))


def test_a_classifier_of_other_labels_is_an_encoder_with_a_new_head(tmp_path):
    spec = obtain_classifier.fn(config_of(tmp_path, saved(tmp_path / "base", "bert", num_labels=5), "auto", finetune={"epochs": 1}))  # fmt: skip
    assert spec.labels == ("bad", "good")


def test_a_decoder_without_a_padding_token_is_refused_and_the_advice_works(tmp_path):
    folder = saved(tmp_path / "base", "gpt2")
    with pytest.raises(ModelError, match="the tokenizer of base has no padding token"):
        obtain_classifier.fn(config_of(tmp_path, folder, "auto"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(folder)
    assert load_classifier(obtain_classifier.fn(config_of(tmp_path, folder, "auto", finetune={"epochs": 1})))


# ---------------------------------------------------------------- pairs of texts


def pairs_config(folder, base, network="auto", **finetune):
    """Pairs whose label is that of the second text alone. The first is as long as a training text may be."""
    config = config_of(folder, base, network, data={"pair": "second"}, finetune=finetune)
    premise = " ".join(["what a film"] * 30)
    rows = [(f"{premise} {part} {i}", text + "!" * (part == "train"), label, part) for part in ("train", "test") for texts, label in ((GOOD, "good"), (BAD, "bad")) for i, text in enumerate(texts)]  # fmt: skip
    with (folder / "texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "second", "label", "part"), *rows])
    return config


def test_the_second_text_of_a_pair_is_learned(base, tmp_path):
    """Joined to one text and cut, the second text would be gone, and half of the pairs would be right."""
    spec = obtain_classifier.fn(pairs_config(tmp_path, base, "bilstm", max_tokens=48, epochs=60))
    training = json.loads((spec.folder / "training.json").read_text())
    assert (training["num_trained"], training["num_heldout"], training["heldout_accuracy"]) == (8, 8, 1.0)


def test_a_classifier_of_pairs_has_a_name_of_its_own(tmp_path):
    base = saved(tmp_path / "base", "bert")
    pairs = pairs_config(tmp_path, base, epochs=1)
    single = pairs.model_copy(update={"data": pairs.data.model_copy(update={"pair": None})})
    assert obtain_classifier.fn(pairs).folder != obtain_classifier.fn(single).folder


@pytest.mark.parametrize("family", ["bert", "roberta", "xlnet", "t5"])
def test_a_batch_gives_each_pair_the_logits_of_transformers_for_it_alone(tmp_path, family):
    """Lengths differ, so one of each batch is padded, on the left for XLNet; segments are those of the tokenizer."""
    folder = saved(tmp_path, family, num_labels=2)
    config = config_of(tmp_path, folder, "auto")
    start = new_classifier(config.finetune, folder, ("bad", "good"), None)
    rows = [("a film", "dull"), ("the quick brown fox jumps", "over the lazy dog and reads")]
    joined = [f"{first}\n{second}" for first, second in rows]
    texts = encode(start.tokenizer, joined, [len(first) + 1 for first, _ in rows], 64)
    with torch.no_grad():
        found_NK = Texts(start, torch.device("cpu")).logits(start.model.eval(), texts)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for (first, second), logits_K in zip(rows, found_NK, strict=True):
        with torch.no_grad():
            expected_K = model(**tokenizer(first, second, return_tensors="pt")).logits[0]
        torch.testing.assert_close(logits_K, expected_K, rtol=0, atol=1e-5)
