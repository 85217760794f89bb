"""Rules of quadrature against what they integrate exactly."""

import numpy as np
import pytest

from configs.errors import AttributionError
from tasks.attribution.quadrature import embedded_weights, quadrature

DEGREE = {
    "midpoint": lambda n: 1, "trapezoid": lambda n: 1, "simpson": lambda n: 3, "riemann_left": lambda n: 0, "riemann_right": lambda n: 0,
    "gauss_legendre": lambda n: 2 * n - 1, "gauss_kronrod": lambda n: 3 * (n // 2) + 1,
}  # fmt: skip


# ---------------------------------------------------------------- quadrature


@pytest.mark.parametrize("rule", DEGREE)
@pytest.mark.parametrize("steps", [3, 5, 7, 15, 21, 31])
def test_a_rule_integrates_polynomials_up_to_its_degree_and_no_further(rule, steps):
    nodes, weights = quadrature(rule, steps)
    assert len(nodes) == len(weights) == steps
    degree = DEGREE[rule](steps)
    for power in range(degree + 1):
        assert np.dot(weights, nodes**power) == pytest.approx(1 / (power + 1), rel=1e-12)
    # Symmetric rules get odd powers for nothing, so the next even one is looked at, in the variable 2 x - 1.
    power = degree + 1 if rule.startswith("riemann") else degree + 1 + (degree + 1) % 2 + 2 * (rule == "gauss_kronrod")
    if power < 20:
        assert np.dot(weights, (2 * nodes - 1) ** power) != pytest.approx(
            (1 + (-1) ** power) / 2 / (power + 1), rel=1e-9
        )


def test_rules_of_few_nodes_are_known_by_hand():
    def both(rule, steps):
        return [column.tolist() for column in quadrature(rule, steps)]

    assert both("midpoint", 2) == [[0.25, 0.75], [0.5, 0.5]]
    assert both("riemann_left", 4) == [[0, 0.25, 0.5, 0.75], [0.25] * 4]
    assert both("riemann_right", 4) == [[0.25, 0.5, 0.75, 1], [0.25] * 4]
    assert both("trapezoid", 3) == [[0, 0.5, 1], [0.25, 0.5, 0.25]]
    assert quadrature("simpson", 3)[1] == pytest.approx([1 / 6, 4 / 6, 1 / 6])
    # The sum over linspace(0, 1, m + 1) divided by m: it overcounts by half an end on each side.
    assert both("inclusive_sum", 2) == [[0, 0.5, 1], [0.5, 0.5, 0.5]]
    nodes, weights = quadrature("gauss_legendre", 2)
    assert nodes == pytest.approx([0.5 - 0.5 / 3**0.5, 0.5 + 0.5 / 3**0.5])
    assert weights == pytest.approx([0.5, 0.5])


def test_gauss_kronrod_15_has_the_published_nodes_and_weights():
    """QUADPACK's qk15 (Piessens et al. 1983), on [-1, 1]: largest node, its weight, and the weight of the centre."""
    nodes, weights = quadrature("gauss_kronrod", 15)
    assert 2 * nodes[-1] - 1 == pytest.approx(0.991455371120812639206854697526329, abs=1e-14)
    assert 2 * weights[-1] == pytest.approx(0.022935322010529224963732008058970, abs=1e-14)
    assert 2 * weights[7] == pytest.approx(0.209482141084727828012999174891714, abs=1e-14)


def test_the_embedded_rules_are_coarser_rules_on_the_same_nodes():
    for rule, steps, coarse, fewer in (
        ("gauss_kronrod", 15, "gauss_legendre", 7), ("trapezoid", 9, "trapezoid", 5), ("simpson", 7, "trapezoid", 7),
    ):  # fmt: skip
        nodes, _ = quadrature(rule, steps)
        embedded = embedded_weights(rule, steps)
        for function in (np.exp, np.cos, np.sqrt):
            coarse_nodes, coarse_weights = quadrature(coarse, fewer)
            assert embedded @ function(nodes) == pytest.approx(coarse_weights @ function(coarse_nodes), rel=1e-12)
    assert embedded_weights("midpoint", 8) is None
    assert embedded_weights("trapezoid", 8) is None


@pytest.mark.parametrize(
    ("rule", "steps"), [("simpson", 4), ("gauss_kronrod", 2), ("gauss_kronrod", 8), ("trapezoid", 1)]
)
def test_a_number_of_nodes_that_a_rule_does_not_have_is_refused_in_a_sentence(rule, steps):
    with pytest.raises(AttributionError, match=r"^attribution.steps: the .*, got \d"):
        quadrature(rule, steps)
