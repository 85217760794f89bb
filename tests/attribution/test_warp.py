"""Where gradients go on the path: rules against closed forms, the warp against planted integrands."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.attribution import AttributionConfig
from configs.errors import AttributionError
from tasks.attribution.plan import document_plan
from tasks.attribution.warp import (
    Integrand,
    drawn,
    drawn_scores,
    fit_warp,
    grid,
    grid_weights,
    interpolation,
    nested,
    nested_scores,
    relative_error,
    squared_noise,
)

pytestmark = pytest.mark.slow


def bump(place, width=0.08):
    """An integrand that changes around one place, and its integral over [0, 1]."""
    from math import erf

    def values(alpha):
        return np.exp(-(((alpha - place) / width) ** 2) / 2)

    scale = width * 2**0.5
    return values, width * (np.pi / 2) ** 0.5 * (erf((1 - place) / scale) + erf(place / scale))


def text(place, num_tokens=20, example_id=0, width=0.05):
    values, _ = bump(place, width)
    return Integrand(example_id, num_tokens, np.stack([values(grid()), 2 * values(grid())], axis=1))


def pilot(place=0.3, count=8, num_tokens=20):
    return [text(place + 0.01 * k, num_tokens, k) for k in range(count)]


def test_the_dense_grid_integrates_and_interpolates_polynomials_exactly():
    places = np.array([0.0, 0.123, 0.5, grid()[7], 1.0])
    for power in range(32):
        assert grid_weights() @ grid() ** power == pytest.approx(1 / (power + 1), abs=1e-12)
        assert interpolation(places) @ grid() ** power == pytest.approx(places**power, abs=1e-9)


def test_the_dense_grid_integrates_a_narrow_bump():
    for place in (0.05, 0.2, 0.5, 0.9):
        values, integral = bump(place)
        assert grid_weights() @ values(grid()) == pytest.approx(integral, rel=1e-4)


@pytest.mark.parametrize("num_gradients", [2, 3, 4, 7])
def test_the_drawn_rule_is_unbiased(num_gradients):
    """The mean over all shifts is the integral, whatever the integrand and however few the gradients."""
    density = fit_warp(pilot()).density(20)
    values, integral = bump(0.5, 0.02)
    shifts = (np.arange(2000) + 0.5) / 2000
    means = []
    for function, wanted in ((values, integral), (lambda a: a**3 - a, -0.25), (np.exp, np.e - 1)):
        rules = [drawn(density, num_gradients, shift) for shift in shifts]
        means.append((np.mean([rule.weights_S @ function(rule.places_S) for rule in rules]), wanted))
    for mean, wanted in means:
        # The density is piecewise linear, so the mean over 2,000 shifts is off by its corners.
        assert mean == pytest.approx(wanted, abs=2e-3)


def test_the_correction_at_the_ends_makes_the_drawn_rule_exact_on_straight_lines():
    even = fit_warp([Integrand(0, 20, np.zeros((len(grid()), 1)))]).density(20)
    for shift in (0.0, 0.1, 0.5, 0.99):
        rule = drawn(even, 4, shift)
        assert rule.places_S.tolist() == pytest.approx([0, *((np.arange(3) + shift) / 3), 1])
        assert rule.weights_S @ (3 + 2 * rule.places_S) == pytest.approx(4)
        assert rule.coarse_S @ (3 + 2 * rule.places_S) == pytest.approx(4)


def test_without_a_warp_the_nested_rule_is_the_trapezoid_rule():
    even = fit_warp([Integrand(0, 20, np.zeros((len(grid()), 1)))]).density(20)
    rule = nested(even, 4)
    assert rule.places_S == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert rule.weights_S == pytest.approx([0.125, 0.25, 0.25, 0.25, 0.125])
    assert rule.coarse_S == pytest.approx([0.25, 0, 0.5, 0, 0.25])


def test_doubling_keeps_the_places_and_coarse_weights_are_those_of_half_as_many():
    density = fit_warp(pilot()).density(20)
    fine, half = nested(density, 16), nested(density, 8)
    assert np.array_equal(fine.places_S[::2], half.places_S)
    assert fine.coarse_S[::2] == pytest.approx(half.weights_S)
    assert fine.coarse_S[1::2] == pytest.approx(np.zeros(8))


@given(
    place=st.floats(0.05, 0.95), shift=st.floats(0, 1, exclude_max=True), num=st.integers(2, 40),
    num_tokens=st.integers(1, 4000),
)  # fmt: skip
def test_a_rule_stays_on_the_path_in_order(place, shift, num, num_tokens):
    density = fit_warp(pilot(place, 3)).density(num_tokens)
    for rule in (drawn(density, num, shift), nested(density, 2 * num)):
        assert rule.places_S[0] == 0
        assert rule.places_S[-1] == 1
        assert (np.diff(rule.places_S) >= 0).all()
        assert np.isfinite(rule.weights_S).all()
    assert np.trapezoid(density.density_F, np.linspace(0, 1, len(density.density_F))) == pytest.approx(1, rel=1e-6)


def test_the_warp_finds_the_place_where_the_integrand_changes_and_cuts_the_error():
    warp = fit_warp(pilot(0.3))
    density = warp.density(20)
    assert 0.2 < density.places(np.array([0.5]))[0] < 0.45
    even = fit_warp([Integrand(0, 20, np.zeros((len(grid()), 1)))]).density(20)
    other = text(0.345)
    assert squared_noise(other, density, 6) < 0.05 * squared_noise(other, even, 6)
    errors = [relative_error(nested_scores(other, rules, 6)[0], other.integral_T) for rules in (density, even)]
    assert errors[0] < 0.2 * errors[1]


def test_each_length_has_its_own_warp():
    warp = fit_warp([*pilot(0.2, 6, num_tokens=10), *pilot(0.7, 6, num_tokens=400)])
    middles = [float(warp.density(num_tokens).places(np.array([0.5]))[0]) for num_tokens in (10, 400)]
    assert middles[0] < 0.4 < 0.55 < middles[1]
    # A length between them gets something of both; one far from all of them that of the nearest.
    assert warp.density(63).density_F.max() < warp.density(10).density_F.max()
    assert np.allclose(warp.density(100_000).density_F, warp.density(400).density_F, atol=0.05)


def test_the_noise_is_the_root_mean_square_over_shifts():
    density = fit_warp(pilot()).density(20)
    found = text(0.33, width=0.08)
    shifts = (np.arange(8) + 0.5) / 8
    values, integral = bump(0.33)
    errors = []
    for shift in shifts:
        rule = drawn(density, 5, shift)
        errors.append(rule.weights_S @ values(rule.places_S) - integral)
    # Both tokens have the same relative error.
    assert squared_noise(found, density, 5) == pytest.approx(np.mean(np.square(errors)) / integral**2, rel=1e-3)
    assert len(list(drawn_scores(found, density, 5))) == 8


@pytest.mark.slow
def test_a_plan_whose_rounding_is_beyond_the_tolerance_is_refused():
    """Every score is off by a twentieth of its own, however many gradients it takes: 3 % cannot be held, 8 % can."""
    texts = [text(0.3 + 0.004 * k, example_id=k) for k in range(64)]
    rounded = [replace(one, unrounded_T=1.05 * one.integral_T) for one in texts]

    def planned(pilot, tolerance):
        settings = AttributionConfig(mode="document", tolerance=tolerance)
        return document_plan(settings, fit_warp(pilot[::2]), pilot[::2], pilot[1::2], 100)[0]["gradients"]

    with pytest.raises(AttributionError, match=r"attribution.tolerance is 3.0%.*dtype float32"):
        planned(rounded, 0.03)
    assert planned(rounded, 0.08) > 0
    assert planned(texts, 0.03) > 0


def test_an_integrand_of_zeros_has_no_error_and_breaks_nothing():
    nothing = Integrand(0, 5, np.zeros((len(grid()), 3)))
    warp = fit_warp([nothing, nothing])
    assert squared_noise(nothing, warp.density(5), 4) == 0
    assert relative_error(np.zeros(3), nothing.integral_T) == 0
