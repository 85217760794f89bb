"""How scores are stored."""

import numpy as np
import pyarrow.parquet as pq
import pytest

import tasks.attribution.part
from tests.attribution.minilm import TEXTS, attributed, reviews

pytestmark = pytest.mark.usefixtures("small_pilot")


def test_columns_of_methods_that_were_not_chosen_are_empty(shallow, tmp_path):
    tokens, examples = attributed(tmp_path, shallow, TEXTS[:2], methods=("gradient_x_input",))
    assert {token["integrated_gradients"] for token in tokens} == {None}
    assert {token["gradient_norm"] for token in tokens} == {None}
    assert all(token["gradient_x_input"] is not None for token in tokens)
    assert all(example["gap"] is None and example["converged"] for example in examples)
    special = [
        token["gradient_x_input"] for token in tokens if token["example_id"] == 0 and token["word_start"] is None
    ]
    assert examples[0]["special_score"] == pytest.approx(sum(special), abs=1e-6)


def test_a_text_is_counted_once_when_the_last_of_its_windows_is_done():
    counted = []
    # Text 0 has one window, text 1 three, text 2 two.
    done = tasks.attribution.part._text_by_text([0, 1, 1, 1, 2, 2], counted.append)
    for windows in ([1, 4], [0, 2, 5], [3]):
        done(windows)
    assert counted == [0, 2, 1]


@pytest.mark.slow
def test_a_token_takes_at_most_16_bytes(shallow, tmp_path):
    """On 600 real sentences, three methods and the size of the noise together."""
    attributed(tmp_path, shallow, reviews(600), mode="corpus", gradients=2)
    file = tmp_path / "part-00000.tokens.parquet"
    assert file.stat().st_size / pq.read_metadata(file).num_rows <= 16


def test_norms_keep_six_digits_and_the_noise_one(shallow, tmp_path):
    values = np.array([1.2345678, -3.3333333e-5, 7.7e8, np.nan, np.inf, 0.0], dtype=np.float32)
    for name, digits in (("gradient_norm", 2e-6), ("contrast", 0.125)):
        rounded = tasks.attribution.part._rounded(name, values)
        finite = np.isfinite(values)
        assert np.array_equal(rounded[~finite], values[~finite], equal_nan=True)
        assert rounded[finite] == pytest.approx(values[finite], rel=digits)
        assert not np.array_equal(rounded[finite], values[finite])
    assert tasks.attribution.part._rounded("integrated_gradients", values) is values
