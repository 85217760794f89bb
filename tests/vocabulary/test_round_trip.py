"""A patch goes into a checkpoint of every family and out again; transformers alone is the judge."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tasks.vocabulary.checkpoint import apply_patch, removed
from tasks.vocabulary.extend import extended
from tasks.vocabulary.patch import write_patch
from tasks.vocabulary.rows import load_any, mean_rows
from tests.vocabulary.families import FAMILIES, TEXTS, WORDS, saved


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def logits(folder, ids):
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return [model(input_ids=torch.tensor([row])).logits[0].numpy() for row in ids if row]


@pytest.mark.parametrize("family", FAMILIES)
def test_transformers_alone_reads_the_words_as_one_token_and_all_other_texts_as_before(family, checkpoint, tmp_path):
    source = checkpoint(family)
    before, at_first = AutoTokenizer.from_pretrained(source), contents(source)
    extension = extended(source, WORDS)
    assert [one.word for one in extension.added] == list(WORDS)
    rows = mean_rows(load_any(source), extension)
    write_patch(tmp_path / "words.json", source, extension, rows, "mean")
    target = apply_patch(tmp_path / "words.json", source, tmp_path / "new")
    after = AutoTokenizer.from_pretrained(target)
    size = len(before)
    assert [one.new_id for one in extension.added] == list(range(size, size + 3))
    assert len(after) == size + 3
    for word, number in zip(WORDS, range(size, size + 3), strict=True):
        assert number in after(f"a {word} film")["input_ids"]
        assert len(after.tokenize(f"a {word} film")) < len(before.tokenize(f"a {word} film"))
    held = [bool(set(after(text)["input_ids"]) & set(range(size, size + 3))) for text in TEXTS]
    assert sum(held) >= 3
    same = [before(text)["input_ids"] for text, one in zip(TEXTS, held, strict=True) if not one]
    assert [after(text)["input_ids"] for text, one in zip(TEXTS, held, strict=True) if not one] == same
    np.testing.assert_array_equal(logits(target, same), logits(source, same))
    old, new = (AutoModelForSequenceClassification.from_pretrained(folder) for folder in (source, target))
    tables = [model.get_input_embeddings().weight.detach().numpy() for model in (old, new)]
    assert new.config.vocab_size == len(tables[1]) == size + 3
    wanted = [np.mean([tables[0][before.convert_tokens_to_ids(piece)] for piece in one.pieces], axis=0) for one in extension.added]  # fmt: skip
    np.testing.assert_allclose(tables[1][size:], wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(tables[1][:size], tables[0])
    assert contents(source) == at_first
    assert contents(removed(tmp_path / "words.json", target, tmp_path / "old")) == at_first
    assert json.loads((target / "added_words.json").read_text()) == {one.token: one.new_id for one in extension.added}


@pytest.mark.parametrize("family", ["bert uncased", "xlm-roberta", "gpt2"])
def test_words_as_added_tokens_go_round_too(family, checkpoint, tmp_path):
    source = checkpoint(family)
    extension = extended(source, ["covid-19", "Benigni"], how="added_token")
    write_patch(tmp_path / "words.json", source, extension, mean_rows(load_any(source), extension), "mean")
    target = apply_patch(tmp_path / "words.json", source, tmp_path / "new")
    after, texts = AutoTokenizer.from_pretrained(target), ["so covid-19, it is", "Benigni (Benigni)"]
    assert [after(text)["input_ids"] for text in texts] == [extension.tokenizer(text)["input_ids"] for text in texts]
    assert set(extension.new_ids) <= {number for text in texts for number in after(text)["input_ids"]}
    assert contents(removed(tmp_path / "words.json", target, tmp_path / "old")) == contents(source)


def test_rows_that_no_token_used_are_taken_first_and_given_back(tmp_path):
    source = saved(tmp_path / "source", "deberta-v3", spare=8)
    at_first = contents(source)
    extension = extended(source, WORDS)
    rows = mean_rows(load_any(source), extension)
    write_patch(tmp_path / "words.json", source, extension, rows, "mean")
    target = apply_patch(tmp_path / "words.json", source, tmp_path / "new")
    table = AutoModelForSequenceClassification.from_pretrained(target).get_input_embeddings().weight.detach()
    assert len(table) == len(AutoTokenizer.from_pretrained(source)) + 8
    torch.testing.assert_close(table[[one.new_id for one in extension.added]], rows)
    assert contents(removed(tmp_path / "words.json", target, tmp_path / "old")) == at_first


@pytest.mark.slow
def test_a_checkpoint_in_half_precision_and_in_several_files_stays_so(tmp_path):
    source = saved(tmp_path / "source", "bert cased", dtype=torch.bfloat16)
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.bfloat16)
    (source / "model.safetensors").unlink()
    model.save_pretrained(source, max_shard_size="8KB")
    assert len(list(source.glob("*.safetensors"))) > 1
    at_first = contents(source)
    extension = extended(source, WORDS)
    write_patch(tmp_path / "words.json", source, extension, mean_rows(load_any(source), extension), "mean")
    target = apply_patch(tmp_path / "words.json", source, tmp_path / "new")
    assert AutoModelForSequenceClassification.from_pretrained(target, dtype="auto").dtype == torch.bfloat16
    assert contents(removed(tmp_path / "words.json", target, tmp_path / "old")) == at_first
