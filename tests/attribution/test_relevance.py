"""Layer-wise relevance of a small BERT, against the linear map that is left when its factors are held constant, in NumPy."""

import numpy as np
import pytest
import torch
from scipy.special import erf
from transformers import BertConfig, BertForSequenceClassification

from tasks.attribution.relevance import FrozenFactors

HEADS, WIDTH, TOKENS = 2, 8, 5


@pytest.fixture(params=["eager", "sdpa"])
def bert(request):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=11, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=12,
        max_position_embeddings=16, attn_implementation=request.param,
    )  # fmt: skip
    model = BertForSequenceClassification(config).double().eval()
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.6)
    return model


def relevance(model, embedded_TD):
    """Gradient times input (T,) of the first logit, with frozen factors, and that logit."""
    points_TD = embedded_TD.clone().requires_grad_()
    with FrozenFactors():
        logit = model(inputs_embeds=points_TD[None]).logits[0, 0]
        (gradient_TD,) = torch.autograd.grad(logit, points_TD)
    return (gradient_TD * embedded_TD).sum(dim=1).numpy(), float(logit.detach())


def linear_logit(model, embedded_TD, frozen_TD):
    """The first logit in NumPy for one embedding, with the attention weights, norms and ratios of activations of another."""
    weights = {name: value.detach().numpy() for name, value in model.state_dict().items()}

    def linear(name, value):
        return value @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name, value, frozen):
        scale = np.sqrt(frozen.var(axis=-1, keepdims=True) + 1e-12)
        return (value - value.mean(axis=-1, keepdims=True)) / scale * weights[f"{name}.weight"] + weights[
            f"{name}.bias"
        ]

    def pair(function, *values):
        """The function on the value that is explained and on the one that is frozen."""
        return function(values[0], values[-1]), function(values[-1], values[-1])

    positions = (
        weights["bert.embeddings.position_embeddings.weight"][:TOKENS]
        + weights["bert.embeddings.token_type_embeddings.weight"][0]
    )
    x, f = embedded_TD + positions, frozen_TD + positions
    x, f = pair(lambda v, w: norm("bert.embeddings.LayerNorm", v, w), x, f)
    for layer in range(2):
        block = f"bert.encoder.layer.{layer}"
        queries, keys = (linear(f"{block}.attention.self.{name}", f) for name in ("query", "key"))
        mixed = []
        for values in (linear(f"{block}.attention.self.value", x), linear(f"{block}.attention.self.value", f)):
            heads = []
            for head in np.split(np.arange(WIDTH), HEADS):
                scores = queries[:, head] @ keys[:, head].T / np.sqrt(len(head))
                attention = np.exp(scores - scores.max(axis=1, keepdims=True))
                heads.append(attention / attention.sum(axis=1, keepdims=True) @ values[:, head])
            mixed.append(linear(f"{block}.attention.output.dense", np.concatenate(heads, axis=1)))
        x, f = pair(lambda v, w: norm(f"{block}.attention.output.LayerNorm", v, w), x + mixed[0], f + mixed[1])  # noqa: B023
        inner_x, inner_f = linear(f"{block}.intermediate.dense", x), linear(f"{block}.intermediate.dense", f)
        # GELU(v) / v = the normal distribution function.
        ratio = (1 + erf(inner_f / np.sqrt(2))) / 2
        out_x, out_f = (linear(f"{block}.output.dense", inner * ratio) for inner in (inner_x, inner_f))
        x, f = pair(lambda v, w: norm(f"{block}.output.LayerNorm", v, w), x + out_x, f + out_f)  # noqa: B023
    pooled_x, pooled_f = linear("bert.pooler.dense", x[0]), linear("bert.pooler.dense", f[0])
    return float(linear("classifier", pooled_x * np.tanh(pooled_f) / pooled_f)[0])


def test_relevance_is_what_a_token_adds_to_the_linear_map_of_the_frozen_factors(bert):
    embedded_TD = torch.randn(TOKENS, WIDTH, dtype=torch.float64)
    found_T, logit = relevance(bert, embedded_TD)
    whole = embedded_TD.numpy()
    assert linear_logit(bert, whole, whole) == pytest.approx(logit, abs=1e-9)
    for token in range(TOKENS):
        without = whole.copy()
        without[token] = 0
        assert found_T[token] == pytest.approx(logit - linear_logit(bert, without, whole), abs=1e-9)
    assert np.abs(found_T).max() > 0.05


def test_relevance_adds_up_to_the_logit_of_a_network_without_biases(bert):
    for name, parameter in bert.named_parameters():
        if name.endswith("bias") or "position" in name or "token_type" in name:
            parameter.data.zero_()
    embedded_TD = torch.randn(TOKENS, WIDTH, dtype=torch.float64)
    found_T, logit = relevance(bert, embedded_TD)
    assert abs(logit) > 0.01
    assert found_T.sum() == pytest.approx(logit, rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_values_are_the_networks_own_to_the_bit_and_gradients_are_again_when_it_is_over(bert, dtype):
    bert = bert.to(dtype)
    embedded_TD = torch.randn(1, TOKENS, WIDTH, dtype=dtype).requires_grad_()

    def found():
        logit = bert(inputs_embeds=embedded_TD).logits[0, 0]
        return logit.detach(), torch.autograd.grad(logit, embedded_TD)[0]

    before = found()
    with FrozenFactors():
        inside = found()
    after = found()
    torch.testing.assert_close(inside[0], before[0], rtol=0, atol=0)
    assert (inside[1] - before[1]).abs().max() > 1e-3
    torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_an_activation_of_exactly_zero_passes_nothing_on():
    value = torch.zeros(3, requires_grad=True)
    with FrozenFactors():
        found = torch.nn.functional.gelu(value)
    assert found.tolist() == [0, 0, 0]
    (gradient,) = torch.autograd.grad(found.sum(), value)
    assert torch.isfinite(gradient).all()
