"""Rules of quadrature against what they integrate exactly."""

import numpy as np
import pytest

from configs.errors import AttributionError
from tasks.attribution.quadrature import quadrature

DEGREE = {
    "midpoint": lambda n: 1,
    "trapezoid": lambda n: 1,
    "riemann_left": lambda n: 0,
    "riemann_right": lambda n: 0,
    "gauss_legendre": lambda n: 2 * n - 1,
}


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
    power = degree + 1 if rule.startswith("riemann") else degree + 1 + (degree + 1) % 2
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
    # The sum over linspace(0, 1, m + 1) divided by m: it overcounts by half an end on each side.
    assert both("inclusive_sum", 2) == [[0, 0.5, 1], [0.5, 0.5, 0.5]]
    nodes, weights = quadrature("gauss_legendre", 2)
    assert nodes == pytest.approx([0.5 - 0.5 / 3**0.5, 0.5 + 0.5 / 3**0.5])
    assert weights == pytest.approx([0.5, 0.5])


def test_a_trapezoid_rule_of_one_node_is_refused_in_a_sentence():
    with pytest.raises(AttributionError, match=r"^attribution.steps: the .*, got \d"):
        quadrature("trapezoid", 1)
