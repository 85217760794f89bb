"""The configs of the source systems whose data or model needs a network, on stand-ins with the recorded metadata.

`tests/configs/hub_metadata.json` has the columns and labels of the datasets, and the config.json of the models, as the
hub has them. A stand-in has the same names, labels, layers and kind; only its weights are random, and narrow.
"""

import csv
import json
from pathlib import Path

import datasets
import pytest
import torch
from transformers import (
    AutoConfig,
    BertForMaskedLM,
    BertForPreTraining,
    DistilBertForSequenceClassification,
)

from configs.load import load_config
from tasks.data.sources import open_dataset
from tests.model.trained import BAD, GOOD, save_tokenizer
from tests.stages.explained import explain, visible_text

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RECORDED = json.loads((ROOT / "tests/configs/hub_metadata.json").read_text(encoding="utf-8"))
NARROW = {
    "distilbert": {"dim": 24, "hidden_dim": 24},
    "bert": {"hidden_size": 24, "intermediate_size": 24},
}
CLASSES = {
    "distilbert/distilbert-base-uncased-finetuned-sst-2-english": DistilBertForSequenceClassification,
    "google-bert/bert-base-cased": BertForPreTraining,
}


@pytest.fixture
def stand_in(tmp_path):
    """The folder of a model of the hub: its recorded config.json, with narrow random weights."""

    def make(name):
        folder = tmp_path / "stand-in"
        written = {key: value for key, value in RECORDED[name]["config"].items() if key != "model_type"}
        kind = RECORDED[name]["config"]["model_type"]
        written |= {**NARROW[kind], "vocab_size": save_tokenizer(folder)}
        config = AutoConfig.for_model(kind, **written)
        torch.manual_seed(0)
        model = (BertForMaskedLM if kind == "bert" else CLASSES[name])(config)
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.data.normal_(0, 0.3)
        model.save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def dataset(monkeypatch):
    """The hub's dataset by its recorded columns, with rows of the tests."""

    def make(name, split, texts):
        def load_dataset(asked, subset, split, revision):
            recorded = RECORDED[asked]
            assert revision == recorded["revision"]
            assert split in recorded["rows"]
            columns = recorded["features"]
            features = datasets.Features(
                {
                    column: datasets.ClassLabel(names=kind) if isinstance(kind, list) else datasets.Value(kind)
                    for column, kind in columns.items()
                }
            )
            number = len(columns["label"])
            rows = [
                {
                    column: i % number if isinstance(kind, list) else text if kind == "string" else i
                    for column, kind in columns.items()
                }
                for i, text in enumerate(texts)
            ]
            return datasets.Dataset.from_list(rows, features=features)

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)

    return make


def config_of(name, folder, *overrides):
    places = [f"{key}={folder / key}" for key in ("output", "models", "warehouse")]
    return load_config(ROOT / "configs" / f"{name}.yaml", [*places, *overrides])


def test_distilbert_of_sst_2_is_explained_at_its_second_block_for_typed_sentences(stand_in, dataset, tmp_path):
    name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
    config = config_of("source_sst2", tmp_path)
    assert (config.model.hub, config.model.revision) == (name, RECORDED[name]["revision"])
    folder = stand_in(name)
    found, data = explain(
        config_of("source_sst2", tmp_path, "model.hub=null", "model.revision=null", f"model.path={folder}")
    )
    assert data["labels"] == ["NEGATIVE", "POSITIVE"]
    assert [text["sentence"] for text in data["texts"]] == [
        "I love you, I like you", "I love you, I like you, but I also kind of dislike you",
    ]  # fmt: skip
    for text in data["texts"]:
        assert len(text["tokens"]) - 1 + text["padding"] == 100
        assert (text["tokens"].count("[PAD]"), text["tokens"][-1]) == (1, "[PAD]"), "one mark for all padding"
        assert text["target"] == text["prediction"]
    said = visible_text(found.page)
    assert f"[PAD] × {data['texts'][0]['padding']}" in said
    assert "at distilbert.transformer.layer.1; baseline pad everywhere, Gauss-Legendre rule, 5 steps" in said
    dataset("stanfordnlp/sst2", "validation", ["a film"] * 4)
    assert {config.data.text, config.data.label} <= set(open_dataset(config.data).columns)


def test_a_bilstm_on_ag_news_shows_a_right_answer_beside_a_mistake(base, dataset, tmp_path):
    texts = [f"{text} {'abcdefghij'[i]}" for i in range(8) for text in (*GOOD, *BAD)]
    dataset("fancyzhx/ag_news", "train", texts)
    found, data = explain(
        config_of("source_ag_news", tmp_path, f"finetune.base={base}", "finetune.epochs=1", "finetune.held_out=0.5")
    )
    assert data["labels"] == ["World", "Sports", "Business", "Sci/Tech"]
    assert {text["label"] for text in data["texts"]} == set(data["labels"])
    assert all(text["target"] == text["label"] for text in data["texts"]), "the true class is explained"
    said = visible_text(found.page)
    assert "Read wrong Read as labelled" in said
    assert "stand in" not in said


def test_the_table_of_the_captum_post_takes_a_bert_base_cased(stand_in, tmp_path):
    config = config_of("source_bert_cased", tmp_path)
    assert config.finetune.base == "models/bert-base-cased"
    rows = [(text + "!" * (split == "train"), label, split) for split in ("train", "test") for texts, label in ((GOOD, "positive"), (BAD, "negative")) for text in texts]  # fmt: skip
    with (tmp_path / "texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label", "split"), *rows])
    data = f"data={{path: {tmp_path / 'texts.csv'}, where: {{split: test}}}}"
    found, data = explain(
        config_of("source_bert_cased", tmp_path, data, f"finetune.base={stand_in('google-bert/bert-base-cased')}")
    )
    assert data["texts"][0]["sentence"] == "This movie is superb"
    assert all(abs(text["delta"]) < 1e-3 for text in data["texts"])
    assert "Attribution score" in visible_text(found.page)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("source_gradients", "stand in for political and general tweets"),
        ("source_inner_layer", "stand in for IMDB"),
        ("source_captum_table", "MiniLM stands in for bert-base-cased"),
        ("source_bilstm", "stand in for AG News"),
    ],
)
def test_the_heading_of_a_page_says_what_stands_in_for_the_data_of_its_source(name, says):
    assert says in config_of(name, Path()).title
