"""The attribution maths against closed forms."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tasks.gradients import attribute_batch, explained_scalar, quadrature


def attribute(logits_of, inputs_BTD, baseline_BTD, target_B, **options):
    gram_DD = options.pop("gram_DD", torch.eye(inputs_BTD.shape[-1]))
    return attribute_batch(lambda points, _: logits_of(points), inputs_BTD, baseline_BTD, target_B, gram_DD, **options)


@pytest.mark.parametrize("rule", ["midpoint", "gauss_legendre"])
@pytest.mark.parametrize("steps", [1, 2, 5, 16])
def test_a_rule_integrates_polynomials_up_to_its_degree(rule, steps):
    nodes, weights = quadrature(rule, steps)
    degree = 1 if rule == "midpoint" else 2 * steps - 1
    for power in range(degree + 1):
        assert np.dot(weights, nodes**power) == pytest.approx(1 / (power + 1), rel=1e-12)
    assert nodes.min() > 0
    assert nodes.max() < 1


def test_the_midpoint_rule_of_two_steps_is_known():
    nodes, weights = quadrature("midpoint", 2)
    assert nodes.tolist() == [0.25, 0.75]
    assert weights.tolist() == [0.5, 0.5]


def test_the_margin_is_the_log_odds_of_the_target():
    logits_NK = torch.tensor([[1.0, 3.0, -2.0]], dtype=torch.float64)
    probabilities = torch.softmax(logits_NK, dim=1)[0]
    for target in range(3):
        p = float(probabilities[target])
        margin = explained_scalar(logits_NK, torch.tensor([target]), "margin")
        assert float(margin) == pytest.approx(np.log(p / (1 - p)), rel=1e-12)


def test_logit_and_probability_are_what_they_are_called():
    logits_NK = torch.tensor([[0.0, np.log(3.0)]])
    assert float(explained_scalar(logits_NK, torch.tensor([1]), "logit")) == pytest.approx(np.log(3.0))
    assert float(explained_scalar(logits_NK, torch.tensor([1]), "probability")) == pytest.approx(0.75)


def test_two_class_margins_are_mirrored():
    logits_NK = torch.tensor([[0.3, -1.1]])
    margins = [float(explained_scalar(logits_NK, torch.tensor([target]), "margin")) for target in (0, 1)]
    assert margins[0] == pytest.approx(-margins[1])


def test_all_methods_of_a_linear_model_are_weight_times_input():
    # logit_k = sum over tokens of x_t . w_k: the gradient is w_k everywhere, so the path does not matter.
    weight_DK = torch.tensor([[1.0, -1.0], [0.5, 2.0]])
    inputs_BTD = torch.tensor([[[2.0, 0.0], [0.0, 4.0], [1.0, 1.0]]])
    baseline_BTD = torch.tensor([[[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    for rule in ("midpoint", "gauss_legendre"):
        scores = attribute(
            lambda x: x.sum(dim=1) @ weight_DK, inputs_BTD, baseline_BTD, torch.tensor([1]), rule=rule, steps=3, scalar="logit"
        )  # fmt: skip
        # (x - x') . w_1 with w_1 = (-1, 2): -2, 2 * 3, 0; x . w_1: -2, 8, 1
        torch.testing.assert_close(scores.integrated_gradients_BT, torch.tensor([[-2.0, 6.0, 0.0]]))
        torch.testing.assert_close(scores.gradient_x_input_BT, torch.tensor([[-2.0, 8.0, 1.0]]))
        # The embedding matrix is the identity here: ||w_1|| = sqrt(5) for every token.
        torch.testing.assert_close(scores.gradient_norm_BT, torch.full((1, 3), 5**0.5))


def test_integrated_gradients_of_a_quadratic_are_known_and_differ_from_gradient_times_input():
    # logit_0 = sum of squares: IG from 0 is x^2 per coordinate, gradient x input is 2 x^2.
    inputs_BTD = torch.tensor([[[1.0, 2.0], [-3.0, 0.5]]])
    scores = attribute(
        lambda x: torch.stack([(x**2).sum(dim=(1, 2)), torch.zeros(len(x))], dim=1),
        inputs_BTD, torch.zeros_like(inputs_BTD), torch.tensor([0]), steps=1, scalar="logit",
    )  # fmt: skip
    torch.testing.assert_close(scores.integrated_gradients_BT, torch.tensor([[5.0, 9.25]]))
    torch.testing.assert_close(scores.gradient_x_input_BT, torch.tensor([[10.0, 18.5]]))


def test_completeness_of_a_smooth_network_closes_as_the_steps_grow():
    torch.manual_seed(0)
    network = (
        nn.Sequential(nn.Flatten(), nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 3))
        .double()
        .requires_grad_(requires_grad=False)
    )
    inputs_BTD, baseline_BTD = torch.randn(5, 4, 3, dtype=torch.float64), torch.randn(5, 4, 3, dtype=torch.float64)
    target_B = torch.tensor([0, 1, 2, 0, 1])
    change_B = explained_scalar(network(inputs_BTD), target_B, "margin") - explained_scalar(
        network(baseline_BTD), target_B, "margin"
    )
    gaps = []
    for steps in (1, 3, 16):
        scores = attribute(
            network, inputs_BTD, baseline_BTD, target_B, rule="gauss_legendre", steps=steps, gram_DD=torch.eye(3)
        )
        gaps.append(float((scores.integrated_gradients_BT.sum(dim=1) - change_B).abs().max()))
    assert gaps[0] > 10 * gaps[1]
    assert gaps[2] < 1e-6  # the sums are float32


@pytest.mark.parametrize("max_rows", [1, 3, 1000])
def test_the_number_of_rows_at_a_time_changes_no_score(max_rows):
    torch.manual_seed(1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2)).requires_grad_(
        requires_grad=False
    )
    inputs_BTD, baseline_BTD, target_B = torch.randn(4, 2, 3), torch.zeros(4, 2, 3), torch.tensor([0, 1, 1, 0])
    whole = attribute(network, inputs_BTD, baseline_BTD, target_B, steps=5)
    split = attribute(network, inputs_BTD, baseline_BTD, target_B, steps=5, max_rows=max_rows)
    for a, b in zip(whole, split, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_the_gradient_norm_is_the_norm_over_the_vocabulary():
    """Against the naive way: a one-hot input times the embedding matrix, differentiated with respect to the one-hot."""
    torch.manual_seed(2)
    embedding_VD = torch.randn(50, 6)
    head = nn.Sequential(nn.Flatten(), nn.Linear(24, 2)).requires_grad_(requires_grad=False)
    ids_BT = torch.randint(0, 50, (3, 4))
    one_hot_BTV = nn.functional.one_hot(ids_BT, 50).float().requires_grad_()
    target_B = torch.tensor([0, 1, 0])
    explained_scalar(head(one_hot_BTV @ embedding_VD), target_B, "margin").sum().backward()
    assert one_hot_BTV.grad is not None
    naive_BT: Tensor = one_hot_BTV.grad.norm(dim=-1)
    inputs_BTD = embedding_VD[ids_BT]
    scores = attribute(
        head, inputs_BTD, torch.zeros_like(inputs_BTD), target_B, steps=1, gram_DD=embedding_VD.T @ embedding_VD
    )
    torch.testing.assert_close(scores.gradient_norm_BT, naive_BT, rtol=1e-5, atol=0)
