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


@PROPERTY
@given(mean=st.floats(-3, 3), std_error=st.floats(0.01, 10), v=st.integers(8, 500))
def test_student_above_is_the_upper_tail_of_student_s_t(macro, mean, std_error, v):
    t = mean / std_error
    found = macro("student_above($mean, $std_error, $v)", mean=mean, std_error=std_error, v=v)
    if abs(t) < 3:
        assert found == pytest.approx(stats.t.sf(t, v), rel=0.02)
    # Further out, by a larger share of less.
    assert found == pytest.approx(stats.t.sf(t, v), abs=1e-4)


@PROPERTY
@given(values=st.lists(st.floats(-5, 5), min_size=9, max_size=30, unique=True), null=st.floats(-1, 1))
def test_student_above_is_scipy_s_one_sided_test_of_a_mean(macro, values, null):
    std_error = stats.sem(values)
    p = stats.ttest_1samp(values, null, alternative="greater").pvalue
    found = macro("student_above($d, $e, $v)", d=sum(values) / len(values) - null, e=std_error, v=len(values) - 1)
    assert found == pytest.approx(p, rel=0.02, abs=1e-4)


@pytest.mark.parametrize(("difference", "p"), [(0.5, 0.0), (-0.5, 1.0), (0.0, 0.5)])
def test_where_nothing_varies_a_difference_is_certain(macro, difference, p):
    assert macro("student_above($d, 0.0, 8)", d=difference) == p


@pytest.mark.parametrize("call", ["student_above", "student_p"])
@pytest.mark.parametrize("values", ["null, 1.0, 8", "1.0, null, 8", "1.0, 1.0, null", "null, null, null"])
def test_of_what_was_not_measured_there_is_no_p_value(macro, call, values):
    assert macro(f"{call}({values})") is None


@PROPERTY
@given(n=st.integers(0, 200), k=st.integers(-1, 201), p=st.sampled_from([0.05, 0.25, 0.5, 0.9]))
def test_binomial_above_is_the_upper_tail_of_the_binomial_distribution(macro, n, k, p):
    assert macro("binomial_above($k, $n, $p)", k=k, n=n, p=p) == pytest.approx(stats.binom.sf(k - 1, n, p), abs=1e-11)


def test_an_emoticon_is_told_from_words_numbers_and_marks(macro):
    faces, others = (
        " :) :-( =D :D :p xD <3 </3 (: ^_^ -_- T_T o_O ;) :)) :/ >:( ^^ T.T :-/ ;-P",
        " :a :the [a] 00 0. @x it : -- ox to 8) x wow oo xx ok ~~ ** - --- ... [PERSON] (a) 1: a: http:// =",
    )
    found = {chunk: macro("is_emoticon($chunk)", chunk=chunk) for chunk in f"{faces}{others}".split()}
    assert [chunk for chunk, is_face in found.items() if is_face] == faces.split()
