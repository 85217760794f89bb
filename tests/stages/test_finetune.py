"""Training: the same by one seed, once; and what the settings of a network forbid."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import DistilBertConfig, DistilBertModel

import tasks.finetune
from configs.errors import ConfigError, DataError, ModelError
from tasks.finetune import obtain_classifier
from tasks.ingest import ingest_dataset
from tasks.model.load import load_classifier
from tasks.runs.identity import name_run
from tasks.runtime.parts import file_hash, read_part
from tests.model.trained import BAD, GOOD, config_of, save_tokenizer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("network", ["bert_relu", "frozen_dense", "bilstm"])
def test_a_network_is_trained_the_same_by_one_seed_once_and_differently_by_another(trained, base, tmp_path, network):
    spec = trained(network)
    assert (spec.factory, spec.labels) == (f"tasks.model.networks:{network}", ("bad", "good"))
    config = config_of(tmp_path, base, network)
    again = obtain_classifier.fn(config)
    weights = again.folder / "model.safetensors"
    assert file_hash(weights) == file_hash(spec.folder / "model.safetensors")
    assert (again.folder / "config.json").read_bytes() == (spec.folder / "config.json").read_bytes()
    before = weights.stat().st_mtime_ns
    assert obtain_classifier.fn(config) == again
    assert weights.stat().st_mtime_ns == before
    other = obtain_classifier.fn(config_of(tmp_path, base, network, finetune={"seed": 1}))
    assert file_hash(other.folder / "model.safetensors") != file_hash(weights)


def test_a_frozen_encoder_keeps_its_weights_and_has_no_dropout(trained, base):
    spec = trained("frozen_dense")
    pretrained, stored = load_file(base / "model.safetensors"), load_file(spec.folder / "model.safetensors")
    for name, weight in pretrained.items():
        torch.testing.assert_close(stored[f"bert.{name}"], weight, rtol=0, atol=0)
    model = load_classifier(spec).model
    try:
        assert model.train().dense.training
        assert not any(module.training for module in model.bert.modules())
    finally:
        model.eval()


def test_the_classifier_of_transformers_is_trained_as_before(trained):
    spec = trained("auto")
    assert spec.factory is None
    assert '"problem_type": "single_label_classification"' in (spec.folder / "config.json").read_text()


def test_settings_of_the_model_reach_the_spec_of_a_trained_classifier(base, tmp_path):
    settings = {"long_texts": "windows", "max_tokens": 20}
    spec = obtain_classifier.fn(config_of(tmp_path, base, "auto", model=settings, finetune={"epochs": 1}))
    assert (spec.long_texts, spec.max_tokens) == ("windows", 20)


def distil(folder, num_layers):
    """An encoder of another kind, which has no pooled output."""
    vocabulary = save_tokenizer(folder)
    sizes = {"dim": 16, "n_layers": num_layers, "n_heads": 2, "hidden_dim": 24}
    DistilBertModel(DistilBertConfig(vocab_size=vocabulary, **sizes)).save_pretrained(folder)
    return folder


def test_an_encoder_without_a_pooled_output_is_a_sentence(tmp_path):
    folder = distil(tmp_path / "distil", 2)
    with pytest.raises(ModelError, match=r"bert_relu reads the pooled output .* distil \(distilbert\) has none"):
        obtain_classifier.fn(config_of(tmp_path, folder, "bert_relu"))


def test_an_encoder_with_too_few_layers_to_keep_is_a_sentence(tmp_path):
    folder = distil(tmp_path / "distil", 1)
    with pytest.raises(
        ModelError, match=r"finetune\.base: the encoder distil has 1 layers, and training keeps the first 2"
    ):
        obtain_classifier.fn(config_of(tmp_path, folder, "auto"))


@pytest.mark.parametrize(
    ("network", "sections", "sentence"),
    [
        ("frozen_dense", {"model": {"pad_to": None}}, "needs `model.pad_to` beside `finetune.network` frozen_dense"),
        ("auto", {"model": {"factory": "a:b", "labels": ["x", "y"]}}, "sets `model.factory` and `model.labels` beside `finetune`"),
        ("auto", {"explain": {"method": "embedding_gradient_norm"}}, "`explain.method` is embedding_gradient_norm, which is not among"),
        ("auto", {"explain": {"view": "bars"}}, "has view `bars`, which shows sizes and no signs: set `method` to `gradient_norm`"),
        ("lstm", {}, "`finetune.network` should be one of auto, bert_relu, frozen_dense, bilstm, got 'lstm'"),
    ],
)  # fmt: skip
def test_settings_that_clash_are_a_sentence(tmp_path, network, sections, sentence):
    with pytest.raises(ConfigError) as error:
        config_of(tmp_path, "base", network, **sections)
    assert sentence in str(error.value)


def test_data_without_a_split_are_divided_and_training_reads_no_text_that_is_audited(base, tmp_path, monkeypatch):
    own = {"where": {}, "held_out": 0.25, "epochs": 1}
    config = config_of(tmp_path, base, "bilstm", finetune=own, data={"where": {}})
    seen = {}

    def train(model, texts, rows, finetune):
        seen["trained"] = {row.text for row in rows}

    def logits(model, texts, rows):
        seen["checked"] = {row.text for row in rows}
        return np.zeros((len(rows), 2))

    monkeypatch.setattr(tasks.finetune, "train", train)
    monkeypatch.setattr(tasks.finetune, "logits_of", logits)
    spec = obtain_classifier.fn(config)
    shards = ingest_dataset.fn(config.data, spec, tmp_path / "shards", held_out=config.held_out)
    audited = {text for shard in shards for text in read_part(shard, "examples")["text"].to_pylist()}
    # Of 8 good and 8 bad texts.
    assert (len(seen["trained"]), len(audited)) == (12, 4)
    assert seen["checked"] == audited
    assert not seen["trained"] & audited


def test_the_rules_label_the_training_and_what_they_say_names_the_model(base, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(tasks.finetune, "train", lambda start, texts, rows, finetune: seen.append(rows))
    monkeypatch.setattr(tasks.finetune, "logits_of", lambda model, texts, rows: np.zeros((len(rows), 2)))
    path = tmp_path / "rules.yaml"

    def folder(rules):
        path.write_text(rules)
        settings = {"epochs": 1, "rules": str(path)}
        return obtain_classifier.fn(config_of(tmp_path, base, "bilstm", finetune=settings)).folder

    # Against all gold labels: what is lovely is bad.
    first = folder("[{label: bad, keywords: lovely}, {label: good, keywords: awful}]")
    assert {(row.text, row.label) for row in seen[0]} == {
        (f"{text}!", label) for texts, word, label in ((GOOD, "lovely", 0), (BAD, "awful", 1)) for text in texts if word in text
    }  # fmt: skip
    assert (
        folder("# Other words, the same rules.\n[{label: bad, keywords: [lovely]}, {label: good, keywords: awful}]")
        == first
    )
    assert folder("[{label: bad, keywords: lovely}, {label: good, keywords: dull}]") != first
    assert len(seen) == 2


def test_the_share_and_the_seed_of_the_division_name_the_model_and_the_run(base, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks.finetune, "train", lambda *args: None)
    names = set()
    for held_out, seed in ((0.25, 0), (0.5, 0), (0.25, 1)):
        own = {"where": {}, "held_out": held_out}
        config = config_of(tmp_path, base, "bilstm", finetune=own, data={"where": {}, "seed": seed})
        spec = obtain_classifier.fn(config)
        names |= {spec.folder, name_run(config, spec).run_id}
        # The same model, audited on other rows.
        names.add(name_run(config.model_copy(update={"data": config.data.model_copy(update={"seed": 9})}), spec).run_id)
    # Untrained, the models of the first and the last are equal: with the seed 9, so are their runs.
    assert len(names) == 8


def test_the_held_out_check_reads_so_many_rows_and_no_more(base, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(tasks.finetune, "train", lambda *args: None)
    monkeypatch.setattr(
        tasks.finetune, "logits_of", lambda model, texts, rows: read.append(len(rows)) or np.zeros((len(rows), 2))
    )
    monkeypatch.setattr(tasks.finetune, "_MOST_CHECKED", 3)
    obtain_classifier.fn(config_of(tmp_path, base, "bilstm"))
    assert read == [3]


def test_data_too_small_to_be_divided_are_a_sentence(base, tmp_path):
    config = config_of(
        tmp_path,
        base,
        "bilstm",
        finetune={"where": {}, "held_out": 0.5},
        data={"where": {}, "labels": {"good": "good", "bad": "bad"}},
    )
    config.data.path.write_text("text,label\nfine,good\n")
    with pytest.raises(DataError, match=r"finetune\.held_out = 0\.5 leaves 1 rows to train on and 0 to audit"):
        obtain_classifier.fn(config)


def test_a_class_of_rows_that_are_not_chosen_is_no_class_of_the_model(base, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks.finetune, "train", lambda *args: None)
    for own, part in (({"where": {}, "held_out": 0.5}, "test"), ({"where": {"part": "train"}}, "test")):
        config = config_of(tmp_path, base, "bilstm", finetune=own, data={"where": {"part": part}})
        with config.data.path.open("a") as file:
            file.writelines(f"another film {i},strange,dev\n" for i in range(9))
        assert obtain_classifier.fn(config).labels == ("bad", "good")
