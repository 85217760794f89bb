"""The script that awaits a GPU runs in miniature on a CPU, and finds what is wrong."""

import json

import pytest
import torch

from tests.benchmarks import gpu

pytestmark = pytest.mark.slow


def test_all_that_a_gpu_has_to_show_is_shown_in_miniature_by_a_cpu(tmp_path):
    found = gpu.measured("cpu", gpu.SMALL, tmp_path / "gpu.json")
    assert json.loads((tmp_path / "gpu.json").read_text()) == found
    assert found["ok"]
    seen = {(row["network"], row["dtype"]) for row in found["parity"]}
    assert seen == {("transformer", dtype) for dtype in gpu.TOLERANCE} | {("recurrent", "float32")}
    exact = [row["largest"] for row in found["parity"] if row["dtype"] == "float32"]
    assert max(exact) < 1e-6
    rounded = [row["median"] for row in found["parity"] if row["dtype"] != "float32"]
    assert min(rounded) > 1e-4
    memory = found["out_of_memory"]
    assert memory["tokens at the end"] <= memory["tokens asked for"] // 2
    assert found["two_workers"]["texts"] == gpu.SMALL.short
    rates = [row for row in found["speed"] if "texts a second" in row]
    assert {row["method"].partition(",")[0] for row in rates} >= {"Captum", "relevance", "integrated gradients"}
    assert all(row["share of the matrix peak"] > 0 for row in rates if "Captum" not in row["method"])


def test_scores_that_are_off_fail_parity(tmp_path, monkeypatch):
    """A device whose layer norm is wrong by 2 % at one place in ten."""
    norm = torch.nn.functional.layer_norm
    loaded = []

    def wrong(*given, **named):
        found = norm(*given, **named)
        return found if not loaded else found * (1 + 0.02 * (torch.arange(found.shape[-1]) % 10 == 0))

    bench = gpu.Bench(tmp_path, "cpu", gpu.SMALL)
    spec, method = bench.transformer(), "gradient_x_input"
    engine = bench.engine(spec, "cpu", methods=(method,))
    wanted = bench.explained(engine, spec, bench.checked)()
    monkeypatch.setattr(torch.nn.functional, "layer_norm", wrong)
    loaded.append(True)
    found = bench.explained(engine, spec, bench.checked)()
    assert min(gpu.errors(found, wanted, method)) > gpu.TOLERANCE["float32"]
