"""Checkpoints of another task, and weights that have no place or are not there."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import tasks.model.pretrained
from configs.errors import ModelError
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tests.model.families import FAMILIES, changed, tokenizer_of


def saved_as(folder, family, head):
    """A checkpoint of the family with another head."""
    name, kind, config = FAMILIES[family]
    tokenizer = tokenizer_of(kind)
    torch.manual_seed(0)
    built = getattr(transformers, f"{name}Config")(vocab_size=len(tokenizer), num_labels=2, **config)
    getattr(transformers, f"{name}{head}")(built).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("family", "head"),
    [
        # The weights of these fit: BERT's with another pooler would be told by its missing ones.
        *((family, "ForTokenClassification") for family in ("modernbert", "bert", "roberta", "distilbert", "deberta-v2", "electra", "xlm-roberta", "gpt2", "qwen2")),
        *((family, "ForMultipleChoice") for family in ("bert", "albert", "mpnet")),
        *((family, "ForQuestionAnswering") for family in ("longformer", "xlm-roberta")),
        ("bert", "ForNextSentencePrediction"), ("roberta", "ForMaskedLM"), ("distilbert", "Model"),
    ],
)  # fmt: skip
def test_a_checkpoint_of_another_task_is_refused_by_its_head(tmp_path, family, head):
    name = FAMILIES[family][0]
    with pytest.raises(ModelError) as caught:
        load_classifier(model_spec(saved_as(tmp_path, family, head), 64))
    assert f"is no text classifier: its config.json says {name}{head}, and {name}ForSequenceClassification is expected." in str(caught.value)  # fmt: skip


@pytest.mark.parametrize("architectures", [None, [], "BertForSequenceClassification"])
def test_a_checkpoint_that_names_no_head_is_refused_and_the_advice_works(folder_of, tmp_path, architectures):
    folder = changed(folder_of, tmp_path, {"architectures": architectures})
    with pytest.raises(ModelError, match="names no architecture") as caught:
        load_classifier(model_spec(folder, 64))
    advice = str(caught.value).split("add ")[1].removesuffix(".")
    content = json.loads((folder / "config.json").read_text()) | json.loads(f"{{{advice}}}")
    (folder / "config.json").write_text(json.dumps(content))
    assert load_classifier(model_spec(folder, 64))


def with_weights(folder_of, tmp_path, more=(), less=(), base="bert", config=None):
    folder = changed(folder_of, tmp_path, config, base=base)
    weights = load_file(folder / "model.safetensors")
    weights = {name: weight for name, weight in weights.items() if name not in less}
    save_file(weights | {name: torch.ones(3, 3) for name in more}, folder / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    return folder


@pytest.mark.parametrize(
    ("base", "names"),
    [
        ("bert", ["bert.encoder.layer.2.attention.self.query.weight"]),
        ("bert", ["bert.encoder.layer.0.output.adapters.x.adapter_down.0.weight"]),
        ("bert", ["base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight"]),
        ("roberta", ["classifier2.weight", "gate.weight", "more.weight", "most.weight"]),
        ("distilbert", ["second_head.weight"]),
    ],
)
def test_weights_without_a_place_are_refused(folder_of, tmp_path, base, names):
    with pytest.raises(ModelError) as caught:
        load_classifier(model_spec(with_weights(folder_of, tmp_path, names, base=base), 64))
    shown = ", ".join(names[:3]) + (" and 1 more" if len(names) > 3 else "")
    assert f"holds weights that have no place in {FAMILIES[base][0]}ForSequenceClassification ({shown})" in str(caught.value)  # fmt: skip


@pytest.mark.parametrize(
    ("base", "names"),
    [
        ("bert", ["bert.embeddings.position_ids", "cls.predictions.bias", "cls.predictions.decoder.weight", "cls.seq_relationship.weight"]),
        ("roberta", ["roberta.pooler.dense.weight", "roberta.pooler.dense.bias", "lm_head.dense.weight", "lm_head.bias"]),
        ("gpt2", ["transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias", "lm_head.weight"]),
        ("llama", ["model.layers.0.self_attn.rotary_emb.inv_freq"]),
    ],
)  # fmt: skip
def test_weights_that_nothing_needs_are_no_reason_to_refuse(folder_of, tmp_path, base, names):
    assert load_classifier(model_spec(with_weights(folder_of, tmp_path, names, base=base), 64))


def test_a_place_that_no_weight_fills_is_refused(folder_of, tmp_path):
    missing = "bert.encoder.layer.1.output.dense.bias"
    with pytest.raises(ModelError, match=missing):
        load_classifier(model_spec(with_weights(folder_of, tmp_path, less=[missing]), 64))


# ---------------------------------------------------------------- tokenizers


@pytest.mark.parametrize("file", ["sentencepiece.bpe.model", "spm.model", "spiece.model"])
@pytest.mark.parametrize(("missing", "refused"), [(["sentencepiece"], True), (["google.protobuf"], True), ([], False)])
def test_a_sentencepiece_file_alone_is_refused_with_what_reads_it(folder_of, tmp_path, monkeypatch, file, missing, refused):  # fmt: skip
    folder = changed(folder_of, tmp_path, remove=["tokenizer.json"], base="xlm-roberta")
    (folder / file).write_bytes(b"no pieces")
    monkeypatch.setattr(tasks.model.pretrained, "_is_installed", lambda module: module not in missing)
    with pytest.raises(ModelError) as caught:
        load_classifier(model_spec(folder, 64))
    assert ("`pip install sentencepiece protobuf`" in str(caught.value)) is refused
    assert (f"as a SentencePiece file only ({file})" in str(caught.value)) is refused


def test_a_sentencepiece_file_beside_tokenizer_json_is_not_needed(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path, base="xlm-roberta")
    (folder / "sentencepiece.bpe.model").write_bytes(b"no pieces")
    assert load_classifier(model_spec(folder, 64))


def test_a_package_in_a_package_that_is_not_installed_is_not_installed():
    assert [tasks.model.pretrained._is_installed(name) for name in ("torch", "no_such_package", "no_such.package")] == [True, False, False]  # fmt: skip
