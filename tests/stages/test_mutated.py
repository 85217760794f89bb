"""Damaged files end in figures that add up, or in one sentence; nothing in between.

`make mutate` tries more files than the tests do. Each is one of a dozen whole ones with some bytes changed, from a seed.
"""

import json
import os
import random
import shutil
from collections import Counter
from types import SimpleNamespace

import datasets
import pandas as pd
import pyarrow.parquet as pq
import pytest

import tasks.ingest
from configs.errors import AuditError
from configs.schema import DataConfig
from tasks.data.files import num_lines
from tasks.ingest import ingest_dataset
from tasks.runtime.parts import part_file, read_manifest
from tests.stages.test_ingest import TRUNCATE, Words

pytestmark = pytest.mark.slow

NUM_FILES = int(os.environ.get("MUTATED_FILES", "20"))
BITS = (b'"', b"\n", b"\r", b",", b"\t", b";", b"{", b"}", b"[", b"]", b":", b"\\", b"\x00", b"\xff", b"\xc3", b"text", b"label", b"null", b"pos", b"1.0", b"")  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Files without a fault, one of each format."""
    folder = tmp_path_factory.mktemp("whole")
    texts = [f'text {i}{[" and more", ", too", chr(10) + "in two lines", " of é", " said " + chr(34) + "hi" + chr(34)][i % 5]}' for i in range(40)]  # fmt: skip
    frame = pd.DataFrame({"text": texts, "label": [("neg", "pos")[i % 2] for i in range(40)]})
    frame.to_csv(folder / "d.csv", index=False)
    frame.to_csv(folder / "e.csv", index=False, sep=";")
    frame.to_csv(folder / "d.tsv", index=False, sep="\t")
    plain = "".join(f'"text {i},\t{label}\n' for i, label in enumerate(frame["label"]))
    (folder / "e.tsv").write_text("text\tlabel\n" + plain)
    frame.to_json(folder / "d.jsonl", orient="records", lines=True)
    frame.to_json(folder / "e.json", orient="records", indent=1)
    frame.to_json(folder / "d.json")
    frame.to_parquet(folder / "d.parquet")
    (folder / "files").mkdir()
    frame[:20].to_parquet(folder / "files" / "0.parquet")
    frame[20:].to_parquet(folder / "files" / "1.parquet")
    datasets.Dataset.from_pandas(frame).save_to_disk(folder / "saved")
    return sorted(path for path in folder.iterdir())


def damage(path, dice):
    """Change some bytes of the file, or of one file of the folder."""
    file = dice.choice(sorted(one for one in path.rglob("*") if one.is_file())) if path.is_dir() else path
    content = bytearray(file.read_bytes())
    for _ in range(dice.choice((1, 1, 2, 5))):
        start = dice.randrange(len(content) + 1)
        how = dice.choice(("insert", "insert", "replace", "cut", "repeat", "truncate"))
        end = start + dice.choice((1, 3, 40))
        if how == "insert":
            content[start:start] = dice.choice(BITS)
        elif how == "repeat":
            content[start:start] = content[start:end]
        elif how == "truncate" and dice.random() < 0.2:
            del content[start:]
        else:
            content[start:end] = dice.choice(BITS) if how == "replace" else b""
    file.write_bytes(content)


@pytest.mark.parametrize("seed", range(NUM_FILES))
def test_a_damaged_file_ends_in_figures_that_add_up_or_in_one_sentence(tmp_path, monkeypatch, whole, seed):
    fake = SimpleNamespace(tokenizer=Words(), labels=("neg", "pos"), max_tokens=10)
    monkeypatch.setattr(tasks.ingest, "load_classifier", lambda model: fake)
    monkeypatch.setattr(tasks.ingest, "require_parity", lambda *given: "compared")
    dice = random.Random(seed)
    source = whole[seed % len(whole)]
    path = tmp_path / source.name
    (shutil.copytree if source.is_dir() else shutil.copy)(source, path)
    damage(path, dice)
    folder = tmp_path / "shards"
    data = DataConfig(path=path, max_rejected=1.0)
    held_out = dice.choice((None, None, 0.3))
    try:
        shards = ingest_dataset.fn(data, TRUNCATE, folder, held_out=held_out)
    except AuditError as error:
        said = str(error)
        assert said.isprintable()
        assert len(said) < 1500
        assert said.rstrip("`").endswith((".", "?")), said
        assert read_manifest(folder / "ingest.json") is None, "nothing half-written"
        return
    facts = read_manifest(folder / "ingest.json")
    rejects = pq.read_table(part_file(folder / "rejects.json", "rows")).to_pylist()
    examples = [row for shard in shards for row in pq.read_table(part_file(shard, "examples")).to_pylist()]
    assert facts["num_in_data"] == facts["num_for_training"] + len(rejects) + len(examples)
    numbers = Counter(row["example_id"] for row in (*rejects, *examples))
    assert max(numbers.values()) == 1
    assert max(numbers) < facts["num_in_data"]
    assert all(row["reason"] for row in rejects)
    lines = facts["lines"]
    if lines is not None:
        told = lines["num_header"] + lines["num_blank"] + lines["num_joined"] + facts["num_in_data"]
        assert told == lines["num_lines"] == num_lines(path, lone_returns=path.suffix in (".csv", ".tsv"))
    elif path.suffix == ".json":
        assert facts["num_in_data"] == len(json.loads(path.read_bytes().decode("utf-8-sig", "surrogateescape")))
