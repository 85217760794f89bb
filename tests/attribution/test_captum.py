"""Attribution of real text by a real transformer, with Captum as the oracle."""

import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradientXActivation, LayerIntegratedGradients, Saliency
from transformers import AutoModelForSequenceClassification

from tasks.attribution.gradients import explained_scalar
from tasks.attribution.relevance import FrozenFactors
from tasks.model.load import load_classifier
from tests.attribution.minilm import EVERYTHING, TEXTS, attributed, captum_batch, of, scalar_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_pilot")]


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
        ("gauss_legendre", 20, "embeddings", "pad", "logit"),
        ("gauss_legendre", 5, "word_embeddings", "mask", "margin"),
        ("gauss_legendre", 20, "word_embeddings", "mask", "probability"),
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


@pytest.mark.parametrize("rule", ["trapezoid", "inclusive_sum", "midpoint", "riemann_left"])
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
