"""What an attribution stores: what is explained, in which text, once."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from configs.attribution import AttributionConfig
from configs.errors import AttributionError
from tasks.attribute import attribute_part, attribute_shards
from tasks.attribution.gradients import explained_scalar
from tasks.model.layers import logits_at
from tasks.model.load import load_classifier
from tasks.runtime.parts import read_manifest
from tasks.text.words import word_spans
from tests.attribution.minilm import TEXTS, attributed, captum_batch, of, reviews, scalar_of, shard_of, tables

pytestmark = pytest.mark.usefixtures("small_pilot")


def test_the_stored_gap_is_the_sum_of_scores_minus_the_change_of_the_plain_forward(shallow, tmp_path):
    tokens, examples = attributed(tmp_path, shallow, TEXTS, steps=5, baseline="pad")
    model, batch, target_B = captum_batch(shallow)
    empty_BT = torch.where(batch["special_tokens_mask"].bool(), batch["input_ids"], 0)
    # The attention mask stays: the baseline is padding tokens that are attended to, as in Captum.
    explained = scalar_of(model, target_B, "margin")
    with torch.no_grad():
        change_B = explained(batch["input_ids"], batch["attention_mask"]) - explained(empty_BT, batch["attention_mask"])
        logits_BK = model(batch["input_ids"], batch["attention_mask"]).logits
    for i, example in enumerate(examples):
        assert example["logits"] == pytest.approx(logits_BK[i].tolist(), abs=1e-5)
        assert example["change"] == pytest.approx(float(change_B[i]), abs=1e-4)
        assert example["gap"] == pytest.approx(sum(of(tokens, i)) - float(change_B[i]), abs=1e-4)


@pytest.mark.parametrize(
    ("target", "expected"), [("predicted", None), ("gold", [0, 1, 0, 1]), ("good", [1, 1, 1, 1]), ("bad", [0, 0, 0, 0])]
)
def test_the_target_is_what_the_setting_says(shallow, tmp_path, target, expected):
    _, examples = attributed(tmp_path, shallow, TEXTS, labels=[0, 1, 0, 1], target=target, steps=2)
    targets = [example["target_id"] for example in examples]
    assert targets == (expected or [example["predicted_id"] for example in examples])


def test_a_contrast_with_two_labels_is_the_margin(shallow, tmp_path):
    plain, _ = attributed(tmp_path / "a", shallow, TEXTS, steps=3, target="good")
    contrast, _ = attributed(tmp_path / "b", shallow, TEXTS, steps=3, target="good", against="bad")
    assert [row["integrated_gradients"] for row in contrast] == pytest.approx(
        [row["integrated_gradients"] for row in plain], abs=1e-6
    )


@pytest.mark.parametrize("settings", [{"target": "great"}, {"against": "awful"}])
def test_a_label_the_model_does_not_have_is_refused(shallow, tmp_path, settings):
    with pytest.raises(AttributionError, match=r"the model has no label '\w+'. Its labels: bad, good."):
        attributed(tmp_path, shallow, TEXTS, **settings)


def test_tokens_cover_the_text_and_words_are_their_pieces(shallow, tmp_path):
    tokens, _ = attributed(tmp_path, shallow, TEXTS, steps=1)
    for i, text in enumerate(TEXTS):
        rows = [token for token in tokens if token["example_id"] == i]
        assert [row["position"] for row in rows] == list(range(len(rows)))
        assert [rows[0]["word_start"], rows[-1]["word_start"]] == [None, None]
        assert all(row["word_start"] is not None for row in rows[1:-1])
        assert sorted({(row["word_start"], row["word_end"]) for row in rows[1:-1]}) == word_spans(text)


# ---------------------------------------------------------------- long texts and pairs


def test_long_texts_are_cut_at_the_limit(shallow, tmp_path):
    tokens, _ = attributed(tmp_path, shallow, ["good " * 200], steps=1)
    assert len(tokens) == 64


@pytest.mark.slow
def test_windows_explain_the_mean_of_their_logits_and_leave_no_token_out(shallow, tmp_path, monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr("tasks.model.windows.OVERLAP", 16)
    spec = replace(shallow, long_texts="windows")
    long = " ".join(reviews(8))
    tokens, examples = attributed(tmp_path, spec, [long, TEXTS[1]], steps=24)
    classifier = load_classifier(shallow)
    whole = classifier.tokenizer(long)["input_ids"]
    assert len(of(tokens, 0)) == len(whole)
    assert [token["token_id"] for token in tokens if token["example_id"] == 0] == whole
    assert examples[1]["n_windows"] == 1
    # By hand: windows of 62 tokens and two special ones, 46 apart, the last one flush with the end.
    body = whole[1:-1]
    starts = [*range(0, len(body) - 62, 46), len(body) - 62]
    assert examples[0]["n_windows"] == len(starts)
    ids = torch.tensor([[whole[0], *body[start : start + 62], whole[-1]] for start in starts])
    model = AutoModelForSequenceClassification.from_pretrained(shallow.folder).eval()
    with torch.no_grad():
        logits_W2 = model(input_ids=ids).logits
        empty_W2 = model(input_ids=torch.where((ids == whole[0]) | (ids == whole[-1]), ids, 103)).logits
    mean = logits_W2.mean(dim=0)
    target = int(mean.argmax())
    assert examples[0]["logits"] == pytest.approx(mean.tolist(), abs=1e-5)
    assert examples[0]["predicted_id"] == target
    assert examples[0]["confidence"] == pytest.approx(float(mean.softmax(dim=0)[target]), abs=1e-5)
    margins = [explained_scalar(each, torch.full((len(starts),), target), "margin") for each in (logits_W2, empty_W2)]
    assert examples[0]["score"] == pytest.approx(float(margins[0].mean()), abs=1e-4)
    assert examples[0]["change"] == pytest.approx(float((margins[0] - margins[1]).mean()), abs=1e-4)
    # Completeness survives the stitching.
    assert sum(of(tokens, 0)) == pytest.approx(examples[0]["change"], rel=0.05)
    assert sum(of(tokens, 0)) == pytest.approx(examples[0]["change"] + examples[0]["gap"], abs=1e-4)


def test_a_pair_is_read_as_two_texts_and_its_offsets_point_into_both(shallow, tmp_path):
    first, second = "The plot is thin.", "Nothing happens, twice."
    tokens, examples = attributed(
        tmp_path, shallow, [f"{first}\n{second}"], pairs=[len(first) + 1], steps=20, rule="gauss_legendre"
    )
    joined = f"{first}\n{second}"
    model = AutoModelForSequenceClassification.from_pretrained(shallow.folder).eval()
    batch = load_classifier(shallow).tokenizer(first, second, return_tensors="pt")
    with torch.no_grad():
        logits = model(**batch).logits
    assert examples[0]["confidence"] == pytest.approx(float(logits.softmax(dim=1).max()), abs=1e-5)
    assert [token["token_id"] for token in tokens] == batch["input_ids"][0].tolist()
    surfaces = [
        joined[token["token_start"] : token["token_end"]].lower() for token in tokens if token["word_start"] is not None
    ]
    assert surfaces == ["the", "plot", "is", "thin", ".", "nothing", "happens", ",", "twice", "."]
    assert sum(of(tokens, 0)) == pytest.approx(examples[0]["change"], abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["corpus", "document"])
def test_neither_shards_nor_their_order_nor_the_batches_change_a_score(shallow, tmp_path, monkeypatch, mode):
    texts = reviews(20)
    config = AttributionConfig(mode=mode, max_quarantined=1.0)
    whole = [shard_of(tmp_path / "whole", texts)]
    numbers = list(range(20))
    split = [
        shard_of(tmp_path / "split", [texts[i] for i in some], ids=some, number=k)
        for k, some in enumerate((numbers[::-1][:5], numbers[:9], numbers[9:15]))
    ]
    scores = []
    for name, shards, budget in (("whole", whole, "1024"), ("split", split, "40")):
        monkeypatch.setenv("TOKEN_AUDIT_BATCH_TOKENS", budget)
        attributed = attribute_shards.fn(shards, shallow, config, tmp_path / name)
        rows = [row for shard in attributed for row in tables(shard.scores)[0]]
        scores.append({(row["example_id"], row["position"]): row["integrated_gradients"] for row in rows})
    assert scores[0].keys() == scores[1].keys()
    differences = [abs(scores[0][key] - scores[1][key]) for key in scores[0]]
    assert max(differences) <= 1e-5


def test_too_many_quarantined_examples_stop_the_run(shallow, tmp_path, doublings):
    doublings(0)
    with pytest.raises(AttributionError, match=r"of 4 examples miss attribution.max_gap = 0.001 even with 1 steps"):
        attributed(tmp_path, shallow, TEXTS, steps=1, max_gap=0.001, max_quarantined=0.0)


@pytest.mark.slow
def test_a_whole_part_is_left_alone_and_a_damaged_one_is_made_again(shallow, tmp_path):
    attributed(tmp_path, shallow, reviews(4), mode="corpus", gradients=2)
    manifest, file = tmp_path / "part-00000.json", tmp_path / "part-00000.tokens.parquet"
    plan = (tmp_path / "plan.json").read_bytes()
    content, written = file.read_bytes(), manifest.stat().st_mtime_ns
    attributed(tmp_path, shallow, reviews(4), mode="corpus", gradients=2)
    assert manifest.stat().st_mtime_ns == written
    file.write_bytes(content[:-7])
    assert read_manifest(manifest) is None
    # The plan is read back from its part, not made anew.
    attributed(tmp_path, shallow, reviews(4), mode="corpus", gradients=2)
    assert file.read_bytes() == content
    assert (tmp_path / "plan.json").read_bytes() == plan


def test_a_forward_pass_that_is_not_the_models_own_stops_the_run(shallow, tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.attribution.batches.logits_at", lambda *given: logits_at(*given) * 1.05)
    with pytest.raises(AttributionError, match="The explained forward pass is not the model's own"):
        attributed(tmp_path, shallow, TEXTS, steps=1)
    assert not list(tmp_path.glob("part-*"))


@pytest.mark.parametrize("text", ["!", "a", "\u200b.", "x" * 100_000, "☃" * 300, "good\n\n\tgood"])
def test_awkward_texts_get_a_finite_score_for_every_token(shallow, tmp_path, text):
    tokens, examples = attributed(tmp_path, shallow, [text, TEXTS[1]], mode="corpus", gradients=3)
    assert examples[0]["converged"]
    assert all(np.isfinite(of(tokens, 0)))
    assert len(of(tokens, 0)) <= 64


def test_a_text_that_is_its_own_baseline_has_no_score_and_no_error(shallow, tmp_path):
    tokens, examples = attributed(tmp_path, shallow, ["[MASK] [MASK]", TEXTS[1]], mode="document")
    assert of(tokens, 0) == [0.0] * 4
    assert examples[0]["change"] == pytest.approx(0, abs=1e-6)
    assert examples[0]["converged"]


def test_attribution_leaves_the_arithmetic_of_its_process_as_it_was(shallow, tmp_path):
    attributed(tmp_path, shallow, TEXTS[:1], steps=1)
    assert float(torch.tensor([1e-40]) * 0.5) > 0


def test_a_worker_with_another_dictionary_of_words_stops_in_one_sentence(tmp_path):
    """Its words would not be those that the run is named after."""
    shard = shard_of(tmp_path, TEXTS)
    with pytest.raises(AttributionError, match=r"the run does so by icu4py 0\.1\. Install the same version") as caught:
        attribute_part(
            shard, None, AttributionConfig(), tmp_path / "plan.json", tmp_path / "part.json", "icu4py 0.1",
            left_out=frozenset(), dry=False, advance=lambda number: None,
        )  # fmt: skip
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "part.json").exists()
