"""When trials are enough, and trials of a model whose effects are known."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

import tasks.trials.operators
import tasks.trials.reader
import tasks.trials.runner
from configs.schema import VerificationConfig
from tasks.model.spec import ModelSpec
from tasks.runtime.parts import Shard, part_file, read_manifest, write_part
from tasks.trials.runner import is_settled, try_group


def test_an_operator_is_settled_by_the_99_percent_interval_or_by_being_next_to_nothing():
    rng = np.random.default_rng(0)
    for mean in (0.0, 0.3, 0.6, 1.0, 2.0):
        effects = list(rng.normal(mean, 1, 8))
        low, high = stats.t.interval(0.99, 7, np.mean(effects), stats.sem(effects))
        assert is_settled(effects, 0.001) == (low > 0 or high < 0)
    assert is_settled([0.01, -0.01] * 4, 0.1)
    assert not is_settled([1.0, -1.0] * 4, 0.1)


def test_an_operator_is_not_settled_while_its_effects_vary_by_more_than_their_mean():
    effects = [0.0, 2.2] * 16
    assert stats.t.interval(0.99, 31, np.mean(effects), stats.sem(effects))[0] > 0
    assert not is_settled(effects, 0.1)
    assert is_settled([0.2, 2.0] * 16, 0.1)


# ---------------------------------------------------------------- a model that adds up its words

WEIGHTS = {"kane": 2.0, "odd": 0.5}


def logits_of(text):
    return [0.0, sum(WEIGHTS.get(word.lower(), 0.0) for word in text.split()) - 0.5]


class Linear(tasks.trials.reader.Reader):
    """The margin of the second label is the sum of the weights of the words."""

    def __init__(self, model, dtype, rows):
        self.model, self.rows, self.num_passes, self.mask = model, rows, 0, "[MASK]"

    def logits(self, texts):
        self.num_passes += len(texts)
        return np.array([logits_of(text.text) for text in texts])

    def margins(self, logits_NK, labels):
        return [float(logits_K[label] - logits_K[1 - label]) for logits_K, label in zip(logits_NK, labels, strict=True)]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Forty texts, half of them with the word, a model of two labels, and the plan of three candidates."""
    monkeypatch.setattr(tasks.trials.runner, "Reader", Linear)
    monkeypatch.setattr(tasks.trials.operators, "_neighbours", lambda candidate, reader, verification: ["near"])
    texts = [f"it is Kane again number {i}" if i % 2 else f"it is film number {i}" for i in range(40)]
    rows = [{"example_id": i, "text": text, "pair_start": None, "label_id": i % 2} for i, text in enumerate(texts)]
    shard = tmp_path / "shard-00000.json"
    table = pa.Table.from_pylist(rows).set_column(2, "pair_start", pa.nulls(40, pa.int32()))
    write_part(shard, {"examples": table}, {})
    logits = pa.array([logits_of(text) for text in texts], pa.list_(pa.float32()))
    write_part(tmp_path / "part-of-shard.json", {"examples": pa.table({"example_id": range(40), "logits": logits})}, {})
    held = [{"example_id": i, "spans": [{"span_start": 6, "span_end": 10}]} for i in range(1, 40, 2)]
    plan = [
        {"kind": "word", "label": "b", "word": word, "type": "name", "held": held, "others": list(range(0, 40, 2)), "replacements": ["Odd", "Lee"], "inserts": [word.title()]}
        for word in ("kane", "welles", "hitch")
    ]  # fmt: skip
    return tmp_path, shard, ModelSpec(tmp_path, 64, "m", ("a", "b")), plan


def tried(world, group, name="part-00000.json", **settings):
    folder, shard, model, _ = world
    part = folder / name
    explained = [Shard(shard, folder / "part-of-shard.json")]
    try_group(group, explained, model, "float32", VerificationConfig(**settings), part)
    return part, pq.read_table(part_file(part, "trials")).to_pylist()


def test_the_effects_on_a_linear_model_are_its_weights_and_the_first_texts_are_enough(world):
    part, rows = tried(world, world[3][:1])
    found = {}
    for row in rows:
        found.setdefault((row["operator"], row["replacement"]), []).append(row["margin_after"] - row["margin_before"])
    assert {key: set(effects) for key, effects in found.items()} == {
        ("delete", None): {-2.0}, ("mask", None): {-2.0}, ("swap", "Odd"): {-1.5}, ("swap", "Lee"): {-2.0},
        ("neighbour", "near"): {-2.0}, ("insert", "Kane"): {2.0},
    }  # fmt: skip
    assert len(rows) == 5 * 16
    # The texts as they are were read before.
    assert read_manifest(part)["num_passes"] == 80


def test_trials_do_not_depend_on_what_is_tried_beside_them(world):
    _, together = tried(world, world[3], "together.json")
    alone = [row for i in range(3) for row in tried(world, world[3][i : i + 1], f"alone-{i}.json")[1]]
    assert together == alone


def test_a_whole_part_is_left_untouched_a_damaged_or_outdated_one_is_made_again(world):
    part, rows = tried(world, world[3])
    stamp = part.stat().st_mtime_ns
    assert tried(world, world[3])[0].stat().st_mtime_ns == stamp
    tried(world, world[3][:2])
    assert part.stat().st_mtime_ns > stamp
    Path(part_file(part, "trials")).write_bytes(b"cut")
    assert tried(world, world[3])[1] == rows


def test_without_candidates_there_is_an_empty_part(world):
    part, rows = tried(world, [])
    assert (rows, read_manifest(part)["num_passes"]) == ([], 0)


@pytest.mark.parametrize("held", [True, False])
def test_every_word_of_a_group_is_counted_once_in_the_progress(world, held):
    folder, shard, model, plan = world
    bare = {**plan[0], "word": "rare", "held": [], "others": []}
    told = []
    try_group(
        [*(plan if held else []), bare], [Shard(shard, folder / "part-of-shard.json")], model, "float32", VerificationConfig(), folder / "part.json",
        advance=told.append,
    )  # fmt: skip
    assert sum(told) == (4 if held else 1)
    assert min(told) >= 0
