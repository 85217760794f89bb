"""The attribution maths against closed forms."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tasks.attribution.gradients import (
    Budget,
    embedding_gradient_norm,
    explained_scalar,
    gradient_norm,
    gradient_x_input,
    sweep,
)
from tasks.attribution.quadrature import quadrature


def rows(num_examples, places):
    """Every example at every place."""
    example_R = torch.arange(num_examples).repeat_interleave(len(places))
    return example_R, torch.tensor(places, dtype=torch.float64).repeat(num_examples)


def integrated(logits_of, inputs_BTD, baseline_BTD, target_B, rule="midpoint", steps=16, scalar="margin", budget=10**6):
    """Integrated gradients by a rule, and the sweep at the input."""
    nodes, weights = quadrature(rule, steps)

    def value_of(logits_NK, example_N):
        return explained_scalar(logits_NK, target_B[example_N], scalar)

    def run(places):
        example_R, place_R = rows(len(inputs_BTD), places)
        return sweep(
            lambda points, _: logits_of(points), value_of, inputs_BTD, baseline_BTD, example_R, place_R, Budget(budget)
        )

    values_BST = run(list(nodes)).integrand_RT.view(len(inputs_BTD), len(nodes), -1)
    weights_S = torch.tensor(weights, dtype=torch.float32)
    return (weights_S[None, :, None] * values_BST).sum(dim=1), run([1.0])


# ---------------------------------------------------------------- explained scalar


def test_the_margin_is_the_log_odds_of_the_target():
    logits_NK = torch.tensor([[1.0, 3.0, -2.0]], dtype=torch.float64)
    probabilities = torch.softmax(logits_NK, dim=1)[0]
    for target in range(3):
        p = float(probabilities[target])
        margin = explained_scalar(logits_NK, torch.tensor([target]), "margin")
        assert float(margin) == pytest.approx(np.log(p / (1 - p)), rel=1e-12)


def test_against_one_label_it_is_the_log_odds_of_these_two():
    logits_NK = torch.tensor([[1.0, 3.0, -2.0]], dtype=torch.float64)
    probabilities = torch.softmax(logits_NK, dim=1)[0]
    contrast = explained_scalar(logits_NK, torch.tensor([0]), "margin", against=2)
    assert float(contrast) == pytest.approx(float(torch.log(probabilities[0] / probabilities[2])), rel=1e-12)


def test_logit_and_probability_are_what_they_are_called():
    logits_NK = torch.tensor([[0.0, np.log(3.0)]])
    assert float(explained_scalar(logits_NK, torch.tensor([1]), "logit")) == pytest.approx(np.log(3.0))
    assert float(explained_scalar(logits_NK, torch.tensor([1]), "probability")) == pytest.approx(0.75)


def test_labels_of_a_multi_label_head_are_independent():
    logits_NK = torch.tensor([[np.log(3.0), 5.0, -7.0]])
    target_N = torch.tensor([0])
    assert float(explained_scalar(logits_NK, target_N, "margin", head="multi_label")) == pytest.approx(np.log(3.0))
    assert float(explained_scalar(logits_NK, target_N, "probability", head="multi_label")) == pytest.approx(0.75)


def test_two_class_margins_are_mirrored():
    logits_NK = torch.tensor([[0.3, -1.1]])
    margins = [float(explained_scalar(logits_NK, torch.tensor([target]), "margin")) for target in (0, 1)]
    assert margins[0] == pytest.approx(-margins[1])


# ---------------------------------------------------------------- closed forms


@pytest.mark.parametrize("rule", ["midpoint", "gauss_legendre", "trapezoid"])
def test_all_methods_of_a_linear_model_are_weight_times_input(rule):
    # logit_k = sum over tokens of x_t . w_k: the gradient is w_k everywhere, so the path does not matter.
    weight_DK = torch.tensor([[1.0, -1.0], [0.5, 2.0]])
    inputs_BTD = torch.tensor([[[2.0, 0.0], [0.0, 4.0], [1.0, 1.0]]])
    baseline_BTD = torch.tensor([[[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    scores_BT, at_input = integrated(
        lambda x: x.sum(dim=1) @ weight_DK, inputs_BTD, baseline_BTD, torch.tensor([1]), rule, 3, "logit"
    )
    # (x - x') . w_1 with w_1 = (-1, 2): -2, 2 * 3, 0; x . w_1: -2, 8, 1
    torch.testing.assert_close(scores_BT, torch.tensor([[-2.0, 6.0, 0.0]]))
    torch.testing.assert_close(gradient_x_input(at_input.gradient_ETD, inputs_BTD), torch.tensor([[-2.0, 8.0, 1.0]]))
    # ||w_1|| = sqrt(5) for every token, in the embedding and, through the identity, in the vocabulary.
    torch.testing.assert_close(embedding_gradient_norm(at_input.gradient_ETD), torch.full((1, 3), 5**0.5))
    torch.testing.assert_close(gradient_norm(at_input.gradient_ETD, torch.eye(2)), torch.full((1, 3), 5**0.5))


def test_integrated_gradients_of_a_quadratic_are_known_and_differ_from_gradient_times_input():
    # logit_0 = sum of squares: IG from 0 is x^2 per coordinate, gradient x input is 2 x^2.
    inputs_BTD = torch.tensor([[[1.0, 2.0], [-3.0, 0.5]]])

    def squares(x):
        return torch.stack([(x**2).sum(dim=(1, 2)), torch.zeros(len(x))], dim=1)

    scores_BT, at_input = integrated(
        squares, inputs_BTD, torch.zeros_like(inputs_BTD), torch.tensor([0]), steps=1, scalar="logit"
    )
    torch.testing.assert_close(scores_BT, torch.tensor([[5.0, 9.25]]))
    torch.testing.assert_close(gradient_x_input(at_input.gradient_ETD, inputs_BTD), torch.tensor([[10.0, 18.5]]))


def test_completeness_of_a_smooth_network_closes_with_15_gauss_nodes():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 3)).requires_grad_(
        requires_grad=False
    )
    inputs_BTD, baseline_BTD = torch.randn(5, 4, 3), torch.randn(5, 4, 3)
    target_B = torch.tensor([0, 1, 2, 0, 1])
    ends = [explained_scalar(network(points), target_B, "margin") for points in (inputs_BTD, baseline_BTD)]
    gaps = {}
    for steps in (3, 15):
        scores_BT, _ = integrated(network, inputs_BTD, baseline_BTD, target_B, "gauss_legendre", steps)
        gaps[steps] = float((scores_BT.sum(dim=1) - (ends[0] - ends[1])).abs().max())
    assert gaps[15] < 1e-6
    assert gaps[3] > 10 * gaps[15]


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
    _, at_input = integrated(head, inputs_BTD, torch.zeros_like(inputs_BTD), target_B)
    found_BT = gradient_norm(at_input.gradient_ETD, embedding_VD.T @ embedding_VD)
    torch.testing.assert_close(found_BT, naive_BT, rtol=1e-5, atol=0)


# ---------------------------------------------------------------- memory


def small_network():
    torch.manual_seed(1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2)).requires_grad_(
        requires_grad=False
    )
    return network, torch.randn(4, 2, 3), torch.zeros(4, 2, 3), torch.tensor([0, 1, 1, 0])


@pytest.mark.parametrize("budget", [1, 6, 10**6])
def test_the_number_of_tokens_at_a_time_changes_no_score(budget):
    network, inputs_BTD, baseline_BTD, target_B = small_network()
    whole, _ = integrated(network, inputs_BTD, baseline_BTD, target_B)
    split, _ = integrated(network, inputs_BTD, baseline_BTD, target_B, budget=budget)
    torch.testing.assert_close(split, whole, rtol=0, atol=1e-6)


def swept(network, inputs_BTD, baseline_BTD, target_B, budget, places=(0.25, 0.75, 1.0)):
    example_R, place_R = rows(len(inputs_BTD), list(places))
    return sweep(
        lambda points, example: network(points, example),
        lambda logits, example: explained_scalar(logits, target_B[example], "margin"),
        inputs_BTD, baseline_BTD, example_R, place_R, budget,
    )  # fmt: skip


def test_running_out_of_memory_halves_the_budget_for_good_and_changes_no_score():
    network, *texts = small_network()
    sizes = []

    def tight(points, _):
        sizes.append(len(points))
        if len(points) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return network(points)

    budget = Budget(1000)
    found = swept(tight, *texts, budget)
    torch.testing.assert_close(found.integrand_RT, swept(lambda x, _: network(x), *texts, Budget(1000)).integrand_RT)
    assert sizes[:3] == [12, 6, 3]
    assert budget.tokens == 3 * 2
    assert found.too_large == frozenset()
    swept(tight, *texts, budget)
    assert max(sizes[7:]) == 3


def test_a_text_that_does_not_fit_even_alone_is_named_and_spares_the_others():
    network, *texts = small_network()

    def without_the_third(points, example):
        if 2 in example.tolist():
            raise torch.OutOfMemoryError("CUDA out of memory")
        return network(points)

    found = swept(without_the_third, *texts, Budget(1000))
    whole = swept(lambda x, _: network(x), *texts, Budget(1000))
    assert found.too_large == {2}
    assert found.integrand_RT[6:9].isnan().all()
    others = torch.tensor([0, 1, 2, 3, 4, 5, 9, 10, 11])
    torch.testing.assert_close(found.integrand_RT[others], whole.integrand_RT[others])
    torch.testing.assert_close(found.gradient_ETD[[0, 1, 3]], whole.gradient_ETD[[0, 1, 3]])


def test_any_other_error_of_the_device_is_not_swallowed():
    _, *texts = small_network()

    def broken(points, _):
        raise RuntimeError("CUDA error: device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side assert"):
        swept(broken, *texts, Budget(1000))


def test_the_row_at_the_input_is_the_input_to_the_last_bit():
    torch.manual_seed(3)
    inputs_BTD, baseline_BTD = torch.randn(3, 2, 3) * 1e3, torch.randn(3, 2, 3)
    seen = []

    def watching(points, _):
        seen.append(points.detach().clone())
        return points.flatten(1)[:, :2]

    swept(watching, inputs_BTD, baseline_BTD, torch.tensor([0, 1, 0]), Budget(1000), places=(0.3, 1.0))
    assert torch.equal(seen[0][1::2], inputs_BTD)
