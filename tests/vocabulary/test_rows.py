"""New rows of embeddings: numpy is the oracle of means, the model that reads the pieces is that of fitted ones."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from configs.errors import ModelError
from tasks.vocabulary.distill import Fit, distilled_rows
from tasks.vocabulary.extend import extended
from tasks.vocabulary.rows import load_any, mean_rows, resized_rows, weighted_rows, with_rows
from tasks.vocabulary.shift import classifier_with, logit_shift
from tests.vocabulary.families import BY_HAND, TEXTS, WORDS, classifier_of, model_of, saved, tokenizer_of

CONTEXTS = ["a {} film", "{} is here", "the worst {} of all", "{}", "so {}, {} and fun", "Steven and {} go", "is {} a fox? no", "like {} or not"]  # fmt: skip


def pieces_of(tokenizer, extension, model):
    table = model.get_input_embeddings().weight.detach().numpy()
    return [[table[tokenizer.convert_tokens_to_ids(piece)] for piece in one.pieces] for one in extension.added]


@pytest.fixture(scope="module")
def bert():
    tokenizer = tokenizer_of(BY_HAND)
    return tokenizer, model_of(BY_HAND, len(tokenizer)), extended(tokenizer, WORDS)


def test_the_mean_is_that_of_the_pieces_and_the_weighted_one_that_of_their_shares(bert):
    tokenizer, model, extension = bert
    pieces = pieces_of(tokenizer, extension, model)
    np.testing.assert_allclose(mean_rows(model, extension), [np.mean(one, axis=0) for one in pieces], atol=1e-6)
    assert len(pieces[0]) == 2
    weighted = weighted_rows(model, extension, {"Benigni": [3, 1], "formulaic": [0, 0]})
    np.testing.assert_allclose(weighted[0], 0.75 * pieces[0][0] + 0.25 * pieces[0][1], atol=1e-6)
    np.testing.assert_allclose(weighted[1:], mean_rows(model, extension)[1:])


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [], [0, 0]])
def test_words_without_a_weight_for_each_piece_have_the_mean(bert, weights):
    _, model, extension = bert
    assert torch.equal(weighted_rows(model, extension, {"Benigni": weights}), mean_rows(model, extension))


def test_a_negative_weight_is_refused(bert):
    _, model, extension = bert
    with pytest.raises(ValueError, match="Benigni"):
        weighted_rows(model, extension, {"Benigni": [2, -1]})


def test_what_transformers_gives_new_rows_is_next_to_the_mean_of_all_rows_and_repeats(bert):
    _, model, extension = bert
    rows = resized_rows(model, extension)
    table = model.get_input_embeddings().weight.detach()
    np.testing.assert_allclose(rows, table.mean(dim=0).expand(3, -1), atol=1e-3)
    assert torch.equal(rows, resized_rows(model, extension))
    assert len(model.get_input_embeddings().weight) == len(table)


@pytest.mark.parametrize("share", [False, True])
def test_a_model_with_new_rows_is_a_copy_whose_other_rows_are_the_same(bert, share):
    _, model, extension = bert
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    rows = torch.arange(3 * 16, dtype=torch.float32).reshape(3, 16)
    copied = with_rows(model, extension, rows, share=share)
    table = copied.get_input_embeddings().weight.detach()
    assert torch.equal(table[-3:], rows)
    assert torch.equal(table[:-3], model.get_input_embeddings().weight)
    assert copied.config.vocab_size == len(table)
    assert model.config.vocab_size == len(table) - 3
    name = "bert.encoder.layer.0.output.dense.weight"
    assert (copied.state_dict()[name].data_ptr() == model.state_dict()[name].data_ptr()) is share
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.slow
def test_fitted_rows_move_logits_less_than_half_as_far_as_the_mean_and_repeat(tmp_path):
    classifier = classifier_of(saved(tmp_path / "model", BY_HAND))
    # What moves a text's other words by a place cannot be undone by the row of one word.
    classifier.model.bert.embeddings.position_embeddings.weight.zero_()
    extension = extended(classifier.tokenizer, WORDS)
    texts = [context.replace("{}", word) for word in WORDS for context in CONTEXTS]
    mean, fit = mean_rows(classifier.model, extension), Fit(epochs=8, learning_rate=0.1)
    fitted = distilled_rows(classifier.model, classifier.tokenizer, extension, texts, fit)
    assert fitted.loss[1] < fitted.loss[0] / 2
    shifts = [logit_shift(classifier, classifier_with(classifier, extension, rows), texts) for rows in (mean, fitted.rows_WD)]  # fmt: skip
    assert shifts[1].median < shifts[0].median / 2
    assert shifts[1].p99 < shifts[0].p99
    short = Fit(most_steps=4)
    once, again = (distilled_rows(classifier.model, classifier.tokenizer, extension, texts, short) for _ in range(2))
    assert torch.equal(again.rows_WD, once.rows_WD)
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in classifier.model.parameters())


def test_words_that_no_text_holds_keep_the_mean(bert):
    tokenizer, model, extension = bert
    fitted = distilled_rows(model, tokenizer, extension, ["nothing here"])
    assert torch.equal(fitted.rows_WD, mean_rows(model, extension))
    assert fitted.texts == 0
    part = distilled_rows(model, tokenizer, extension, ["a Benigni film"], Fit(most_steps=3))
    assert torch.equal(part.rows_WD[1:], mean_rows(model, extension)[1:])
    assert not torch.equal(part.rows_WD[0], mean_rows(model, extension)[0])


@pytest.mark.parametrize("family", ["bert uncased", pytest.param("roberta", marks=pytest.mark.slow)])
def test_the_shift_is_that_of_transformers_and_texts_without_the_words_do_not_move_at_all(family, tmp_path):
    folder = saved(tmp_path / "model", family)
    classifier = classifier_of(folder)
    extension = extended(classifier.tokenizer, WORDS)
    rows = mean_rows(classifier.model, extension) + 0.5
    shift = logit_shift(classifier, classifier_with(classifier, extension, rows), TEXTS)
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)  # fmt: skip
    new = with_rows(model, extension, rows)
    moved, flips = [], 0
    for text in TEXTS:
        ids = [one(text, truncation=True, max_length=160)["input_ids"] for one in (tokenizer, extension.tokenizer)]
        if ids[0] != ids[1]:
            with torch.no_grad():
                logits = [one(input_ids=torch.tensor([row])).logits[0].numpy() for one, row in zip((model, new), ids, strict=True)]  # fmt: skip
            moved.append(np.abs(logits[0] - logits[1]).max())
            flips += int(logits[0].argmax() != logits[1].argmax())
    assert (shift.affected, shift.others) == (len(moved), len(TEXTS) - len(moved))
    assert shift.median == pytest.approx(np.median(moved), abs=1e-5)
    assert shift.p99 == pytest.approx(np.quantile(moved, 0.99), abs=1e-5)
    assert (shift.flips_affected, shift.flips_others, shift.others_max) == (flips, 0, 0.0)
    assert shift.flip_rate == flips / len(moved)


def test_no_texts_move_nothing(tmp_path):
    classifier = classifier_of(saved(tmp_path / "model", BY_HAND))
    extension = extended(classifier.tokenizer, WORDS)
    shift = logit_shift(
        classifier, classifier_with(classifier, extension, mean_rows(classifier.model, extension)), ["fox"]
    )
    assert (shift.affected, shift.others, shift.median, shift.flip_rate) == (0, 1, 0.0, 0.0)


def test_a_model_that_predicts_words_is_refused_with_what_to_do(tmp_path):
    import transformers

    config = transformers.BertConfig(vocab_size=60, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)  # fmt: skip
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path / "lm")
    with pytest.raises(ModelError, match=r"BertForMaskedLM: its head predicts words.+AutoModel"):
        load_any(tmp_path / "lm")
    (tmp_path / "lm" / "config.json").write_text('{"model_type": "frobnicate", "architectures": ["FrobModel"]}')
    with pytest.raises(ModelError, match="cannot be loaded as an encoder"):
        load_any(tmp_path / "lm")
