"""The functions of macros.sql against SciPy."""

import math
from itertools import product

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sql.helpers import PROPERTY
from warehouse import Warehouse


@pytest.fixture(scope="module")
def macro():
    connection = duckdb.connect()
    Warehouse(connection)
    yield lambda call, **values: connection.execute(f"select {call}", values).fetchone()[0]
    connection.close()


@PROPERTY
@given(z=st.floats(-30, 30))
def test_normal_p_is_the_two_sided_tail_to_seven_digits(macro, z):
    assert macro("normal_p($z)", z=z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1.3e-7)


def test_normal_p_underflows_to_0_and_not_to_nan(macro):
    assert macro("normal_p(50.0)") == 0
    assert macro("normal_p(1e200)") == 0
    assert macro("normal_p('infinity'::double)") == 0


@PROPERTY
@given(v=st.floats(8, 1e6))
def test_t_975_is_within_1e4_of_student_s_quantile(macro, v):
    assert macro("t_975($v)", v=v) == pytest.approx(stats.t.ppf(0.975, v), abs=3e-5)


@PROPERTY
@given(
    v=st.floats(8, 1e5),
    p_and_bound=st.sampled_from([(0.9, 0.003), (0.05, 0.003), (0.004, 0.02), (4e-5, 0.1)]),
    sign=st.sampled_from([-1, 1]),
)
def test_t_to_normal_keeps_the_p_value_within_the_stated_bounds(macro, v, p_and_bound, sign):
    p, bound = p_and_bound
    z = macro("t_to_normal($t, $v)", t=sign * stats.t.isf(p / 2, v), v=v)
    assert math.copysign(1, z) == sign
    assert 2 * stats.norm.sf(abs(z)) == pytest.approx(p, rel=bound)


@PROPERTY
@given(n=st.integers(1, 5000), share=st.floats(0, 1))
def test_wilson_bounds_are_scipy_s(macro, n, share):
    k = round(share * n)
    low, high = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert macro("wilson_low($k, $n)", k=k, n=n) == pytest.approx(low, abs=1e-12)
    assert macro("wilson_high($k, $n)", k=k, n=n) == pytest.approx(high, abs=1e-12)


def test_wilson_of_nothing_is_null(macro):
    assert macro("wilson_low(0, 0)") is None
    assert macro("wilson_high(0, 0)") is None


@pytest.mark.parametrize(
    ("x", "degrees"), list(product([0.0, 1e-9, 0.3, 1.0, 4.0, 30.0, 200.0], [1, 2, 3, 4, 7, 12, 25]))
)
def test_the_chi_square_tail_is_scipy_s(warehouse, x, degrees):
    (found,) = warehouse.connection.execute("select chi_square_p($x, $v)", {"x": x, "v": degrees}).fetchone()
    assert found == pytest.approx(stats.chi2.sf(x, degrees), rel=1.3e-7 if degrees % 2 else 1e-9)
