"""Sentences that somebody typed, and datasets without labels, explained from end to end by tiny models."""

import pytest
import torch

from configs.errors import ConfigError, DataError
from flows.explain import explained_config
from tasks.finetune import obtain_classifier
from tasks.model.load import load_classifier
from tasks.selftest.method import with_method_chosen
from tests.model.trained import config_of
from tests.stages.explained import explain, visible_text

pytestmark = pytest.mark.slow

TYPED = ["a lovely film", 'an "awful" story: 🙂', "yes", "a lovely film"]
VIEWS = [
    {"view": "tokens"},
    {"view": "table", "normalise": "l2"},
    {"view": "bars", "method": "gradient_norm"},
]
METHODS = ["integrated_gradients", "gradient_norm"]


def read_by(model, text):
    """Label and probability by the model itself."""
    classifier = load_classifier(model)
    batch = classifier.tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        logits = classifier.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[0]
    return classifier.labels[int(logits.argmax())], float(logits.softmax(dim=0).max())


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view["view"])
def test_typed_sentences_are_explained_in_every_view_towards_what_they_are_read_as(base, tmp_path, small_pilot, view):
    config = config_of(tmp_path, base, "auto", attribution={"methods": METHODS, "target": "gold"}, explain={**view, "texts": TYPED})  # fmt: skip
    found, data = explain(config)
    model = obtain_classifier.fn(config)
    assert [text["sentence"] for text in data["texts"]] == TYPED[:3], "each once, in the order they were typed"
    for text in data["texts"]:
        label, probability = read_by(model, text["sentence"])
        assert (text["label"], text["prediction"], text["target"]) == (None, label, label)
        assert text["confidence"] == pytest.approx(probability, abs=1e-4)
        assert text["tokens"] == load_classifier(model).tokenizer.tokenize(text["sentence"], add_special_tokens=True)
        assert [text["sentence"][start:end].lower() for start, end in text["spans"]][1:3] == [
            token.removeprefix("##") for token in text["tokens"][1:3]
        ] or "[UNK]" in text["tokens"]
        assert (found.page.parent / text["plot"]).read_bytes().startswith(b"<svg")
    assert (found.accuracy, data["accuracy"], found.num_texts) == (None, None, 3)
    said = visible_text(found.page)
    assert "labelled" not in said
    assert "True label" not in said
    assert "They were typed, and have no labels" in said
    assert sum(number for _, number in found.predictions) == 3


def test_texts_of_a_dataset_are_explained_as_by_its_audit_and_typed_ones_by_what_adds_up(base, tmp_path):
    config = config_of(tmp_path, base, "auto")
    model = obtain_classifier.fn(config)
    assert explained_config(config, model).attribution == with_method_chosen(config, model).attribution
    assert explained_config(config, model).attribution.methods == ("relevance",)
    typed = config_of(tmp_path, base, "auto", explain={"texts": TYPED[:2]})
    attribution = explained_config(typed, model).attribution
    assert (attribution.mode, attribution.summed) == ("document", "integrated_gradients")


def test_typed_sentences_have_scores_that_add_up_each_for_itself(base, tmp_path, small_pilot):
    """In `corpus` mode, the default, a text has few gradients, whose noise is averaged over the dataset."""
    config = config_of(tmp_path, base, "auto", explain={"texts": TYPED[:2], "normalise": "none"}, attribution={"gradients": 2})  # fmt: skip
    _, data = explain(config)
    for text in data["texts"]:
        assert sum(abs(score) for score in text["scores"]) > 0.1
        assert abs(text["delta"]) <= 0.025 * sum(abs(score) for score in text["scores"])


def test_one_typed_sentence_is_enough(base, tmp_path, small_pilot):
    assert explain(config_of(tmp_path, base, "auto", explain={"texts": ["a film"]}))[0].num_shown == 1


@pytest.mark.parametrize("name", ["new.csv", "new.jsonl"])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view["view"])
def test_a_file_without_labels_is_explained_in_every_view(base, tmp_path, small_pilot, view, name):
    trained = obtain_classifier.fn(config_of(tmp_path, base, "auto"))
    texts = ["a fine film", "an awful story", "a dull film"]
    rows = {
        "new.csv": ["text,id", *(f"{text},n{i}" for i, text in enumerate(texts))],
        "new.jsonl": [f'{{"text": "{text}", "id": "n{i}"}}' for i, text in enumerate(texts)],
    }[name]
    (tmp_path / name).write_text("\n".join(rows) + "\n")
    config = config_of(
        tmp_path, base, "auto", attribution={"methods": METHODS, "target": "gold"}, explain=view,
        data={"path": str(tmp_path / name), "label": None, "where": {}, "id": "id"}, model={"path": str(trained.folder)},
        finetune=None,
    )  # fmt: skip
    found, data = explain(config)
    assert [(text["id"], text["sentence"], text["label"]) for text in data["texts"]] == [
        (f"n{i}", text, None) for i, text in enumerate(texts)
    ]
    assert all(text["target"] == text["prediction"] for text in data["texts"])
    assert data["mode"] == "document"
    said = visible_text(found.page)
    assert "They have no labels" in said
    assert "labelled" not in said


def test_a_sentence_without_anything_to_see_is_named(base, tmp_path):
    with pytest.raises(DataError, match=r"^explain\.texts: sentence 2 holds nothing that can be seen\.$"):
        explain(config_of(tmp_path, base, "auto", explain={"texts": ["a film", "\u200b"]}))
    with pytest.raises(DataError, match=r"^explain\.texts: sentence 1 is not UTF-8: '\\udce9'\.$"):
        explain(config_of(tmp_path, base, "auto", explain={"texts": ["\udce9"]}))


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"explain": {"texts": ["a", " "]}}, "`explain` has an empty sentence among `texts`"),
        ({"explain": {"texts": ["a"]}, "data": {"pair": "part"}}, "sets `explain.texts` beside `data.pair`"),
        ({"data": {"label": None}}, "needs `data.label` beside `finetune`"),
        ({"data": {"label": None, "labels": {"a": "b"}}}, "has `labels` beside `label` null"),
    ],
)
def test_what_contradicts_texts_without_labels_is_a_sentence(base, tmp_path, sections, said):
    with pytest.raises(ConfigError, match=said):
        config_of(tmp_path, base, "auto", **sections)
