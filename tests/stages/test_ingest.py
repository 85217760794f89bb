"""Shards: which rows are in them, in which order, and what is left when an ingest is killed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

import tasks.ingest
from configs.errors import DataError, ModelError
from configs.schema import DataConfig
from tasks.ingest import ingest_dataset
from tasks.runtime.parts import part_file, read_manifest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


class Words:
    """A tokenizer with one piece a word and two special ones, so that lengths can be counted by hand. It has no piece for `~`."""

    def __call__(self, texts, seconds, truncation, **options):
        assert not truncation, "ingest counts the tokens of the whole text"
        pieces = [[7 for word in text.split() if word != "~"] for text in [*texts, *(seconds or [])]]
        firsts, others = pieces[: len(texts)], pieces[len(texts) :]
        if seconds is None:
            return {"input_ids": [[1, *own, 2] for own in firsts]}
        return {"input_ids": [[1, *own, 2, *other, 2] for own, other in zip(firsts, others, strict=True)]}


@pytest.fixture(autouse=True)
def classifier(monkeypatch):
    """A classifier that is never run: ingest needs its tokenizer, its labels and its limit."""
    fake = SimpleNamespace(tokenizer=Words(), labels=("neg", "pos"), max_tokens=10)
    monkeypatch.setattr(tasks.ingest, "load_classifier", lambda model: fake)
    monkeypatch.setattr(tasks.ingest, "require_parity", lambda *given: "compared")
    monkeypatch.setattr(tasks.ingest, "SHARD_TOKENS", 20)
    return fake


TRUNCATE = SimpleNamespace(long_texts="truncate")
WINDOWS = SimpleNamespace(long_texts="windows")


def csv_of(tmp_path, rows):
    """Rows of a text, or of a pair of texts, and a label."""
    path = tmp_path / "d.csv"
    header = "text,label\n" if len(rows[0]) == 2 else "text,second,label\n"
    lines = [",".join([*(f'"{text}"' for text in row[:-1]), row[-1]]) for row in rows]
    path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def ingested(tmp_path, rows, name="shards", model=TRUNCATE, held_out=None, **settings):
    """The shards as lists of rows, the rejected rows, and the facts."""
    folder = tmp_path / name
    shards = ingest_dataset.fn(DataConfig(path=csv_of(tmp_path, rows), **settings), model, folder, held_out=held_out)
    tables = [pq.read_table(part_file(shard, "examples")).to_pylist() for shard in shards]
    rejects = pq.read_table(part_file(folder / "rejects.json", "rows")).to_pylist()
    return tables, rejects, read_manifest(folder / "ingest.json")


def content_of(folder):
    """Of every file but those that were set aside."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.suffix != ".damaged"}


def words(count, i=0):
    return " ".join([f"w{i}", *["w"] * (count - 1)])


def test_shards_are_sorted_by_length_and_closed_at_the_token_budget(tmp_path):
    """Lengths with the two special tokens: 6, 10 (of 14), 4, 8, 7, 3. Sorted 3 4 6 7 | 8 10: sums 3 7 13 20 | 28 38."""
    rows = [
        (words(4, 0), "neg"),
        (words(12, 1), "pos"),
        (words(2, 2), "neg"),
        (words(6, 3), "pos"),
        (words(5, 4), "pos"),
        (words(1, 5), "neg"),
    ]
    shards, rejects, facts = ingested(tmp_path, rows)
    assert [
        [(row["example_id"], row["n_tokens"], row["n_cut"], row["label_id"]) for row in shard] for shard in shards
    ] == [
        [(5, 3, 0, 0), (2, 4, 0, 0), (0, 6, 0, 0), (4, 7, 0, 1)],
        [(3, 8, 0, 1), (1, 14, 4, 1)],
    ]
    assert rejects == []
    assert (facts["num_shards"], facts["num_in_data"], facts["num_examples"]) == (2, 6, 6)


def test_nothing_is_stored_of_a_model_that_is_read_otherwise_than_its_users_run_it(tmp_path, monkeypatch):
    given = []

    def refuse(classifier, model, texts):
        given.extend(text["text"] for text in texts)
        raise ModelError("other tokens")

    monkeypatch.setattr(tasks.ingest, "require_parity", refuse)
    with pytest.raises(ModelError, match="other tokens"):
        ingested(tmp_path, [("one two three", "neg"), ("one", "pos"), ("", "pos")], max_rejected=0.5)
    assert given == ["one", "one two three"], "texts that are audited, by their length"
    assert [path.name for path in (tmp_path / "shards").rglob("*.json")] == []


def test_every_row_is_an_example_or_has_a_reason(tmp_path):
    rows = [
        ("fine", "pos"), ("", "pos"), ("\u200b", "neg"), ("~", "pos"), ("fine", "pos"), ("Fine", "neg"), ("fine", "neg"), ("other", "meh"), ("good\ngood", "neg"),
        ("bad, worse\t", "pos"),
    ]  # fmt: skip
    shards, rejects, facts = ingested(tmp_path, rows, max_rejected=0.6)
    assert {row["example_id"]: row["text"] for shard in shards for row in shard} == {
        0: "fine",
        5: "Fine",
        8: "good\ngood",
        9: "bad, worse\t",
    }
    assert [(row["example_id"], row["source_id"], row["text"], row["reason"]) for row in rejects] == [
        (1, "1", "", "empty"), (2, "2", "\u200b", "empty"), (3, "3", "~", "no tokens"), (4, "4", "fine", "duplicate"),
        (6, "6", "fine", "duplicate with another label"), (7, "7", "other", "unknown label"),
    ]  # fmt: skip
    assert facts == {
        "num_shards": 1, "num_in_data": 10, "num_not_chosen": 0, "num_rows": 10, "num_for_training": 0, "num_rejected": 6,
        "num_not_sampled": 0, "num_examples": 4, "lines": {"num_lines": 12, "num_header": 1, "num_blank": 0, "num_joined": 1}, "parity": "compared",
    }  # fmt: skip


def test_nothing_is_cut_off_a_text_that_is_read_in_windows(tmp_path):
    """With the special tokens 14 and 3, of which the model takes 10."""
    rows = [(words(12, 0), "neg"), (words(1, 1), "pos")]
    (shard,), _, _ = ingested(tmp_path, rows, "whole", model=WINDOWS)
    assert [(row["example_id"], row["n_tokens"], row["n_cut"]) for row in shard] == [(1, 3, 0), (0, 14, 0)]
    shards, _, _ = ingested(tmp_path, rows, "cut")
    assert [(row["n_tokens"], row["n_cut"]) for shard in shards for row in shard] == [(3, 0), (14, 4)]


def test_a_pair_is_one_example_of_both_texts_whose_second_begins_where_it_says(tmp_path):
    """Three special tokens: 2 + 3 + 3 = 8 tokens, and 1 + 8 + 3 = 12, of which the model takes 10."""
    rows = [
        ("it rains", "the ground is", "pos"),
        ("no\nway", "", "neg"),
        ("", "~ ok", "neg"),
        ("a", words(8), "neg"),
        ("it rains", "the ground is", "neg"),
        ("~", "", "pos"),
        ("x", "y", "meh"),
        ("~", "~", "pos"),
    ]
    shards, rejects, _ = ingested(tmp_path, rows, pair="second", max_rejected=1.0)
    found = [row for shard in shards for row in shard]
    assert [(row["text"], row["pair_start"], row["n_tokens"], row["n_cut"], row["label_id"]) for row in found] == [
        ("it rains\nthe ground is", 9, 8, 0, 1),
        ("a\n" + words(8), 2, 12, 2, 0),
    ]
    assert [row["text"][row["pair_start"] :] for row in found] == ["the ground is", words(8)]
    assert [(row["example_id"], row["text"], row["reason"]) for row in rejects] == [
        (1, "no\nway\n", "empty (second text)"), (2, "\n~ ok", "empty"), (4, "it rains\nthe ground is", "duplicate with another label"),
        (5, "~\n", "empty (second text)"), (6, "x\ny", "unknown label"), (7, "~\n~", "no tokens"),
    ]  # fmt: skip


def test_a_single_text_has_no_second(tmp_path):
    (shard,), _, _ = ingested(tmp_path, [("a", "pos"), ("b", "neg")])
    assert [row["pair_start"] for row in shard] == [None, None]


def test_a_text_reaches_the_shard_to_the_byte(tmp_path):
    texts = ["cafe\u0301", "café", "a\r\nb", "nul\x00 in", "👩\u200d👧 ok", "שלום", "\x1b[2J", "NA", " a", "a "]
    shards, _, _ = ingested(tmp_path, [(text, "pos") for text in texts])
    found = {row["example_id"]: row["text"] for shard in shards for row in shard}
    assert [found[i] for i in range(len(texts))] == texts


def test_too_many_unusable_rows_stop_with_their_reasons(tmp_path):
    rows = [("a", "pos"), ("b", "neg"), ("", "neg"), ("c", "meh"), ("d", "meh")]
    with pytest.raises(DataError) as caught:
        ingested(tmp_path, rows)
    assert str(caught.value) == (
        "3 of 5 rows cannot be audited (unknown label 2, empty 1), more than data.max_rejected = 0.2. Check data.text, data.label and data.labels."
    )
    assert len(ingested(tmp_path, rows, max_rejected=0.6)[1]) == 3


def test_one_usable_row_is_too_few(tmp_path):
    with pytest.raises(DataError, match=r"Only 1 of 2 rows can be audited; at least 2 are needed\."):
        ingested(tmp_path, [("a", "pos"), ("a", "pos")])


def test_an_audit_of_too_few_texts_is_refused_and_a_page_of_single_texts_is_not(tmp_path):
    data = DataConfig(path=csv_of(tmp_path, [("a", "pos"), ("b", "neg")]))
    with pytest.raises(DataError) as caught:
        ingest_dataset.fn(data, TRUNCATE, tmp_path / "few", least=5)
    assert str(caught.value) == (
        "Only 2 of 2 rows can be audited. Words in fewer than 5 texts get no figure (statistics.min_examples), so nothing "
        "could be judged: give more texts."
    )
    assert len(ingest_dataset.fn(data, TRUNCATE, tmp_path / "few")) == 1


MIXED = [(f"text {i} " + "w " * (i % 5), "pos" if i % 4 else "neg") for i in range(400)]
FEW = MIXED[:80]


def sampled(tmp_path, name, **settings):
    shards, _, facts = ingested(tmp_path, MIXED, name, sample=40, **settings)
    return sorted(row["example_id"] for shard in shards for row in shard), facts


def test_a_sample_keeps_the_label_shares_and_is_fixed_by_its_seed(tmp_path):
    first, facts = sampled(tmp_path, "a")
    assert sum(i % 4 == 0 for i in first) == 10
    assert (facts["num_rows"], facts["num_rejected"], facts["num_not_sampled"], facts["num_examples"]) == (
        400,
        0,
        360,
        40,
    )
    assert sampled(tmp_path, "b")[0] == first
    other = sampled(tmp_path, "c", seed=1)[0]
    assert sum(i % 4 == 0 for i in other) == 10
    assert len(set(first) & set(other)) < 20, "two draws of a tenth share a tenth"


def test_a_sample_says_in_the_terminal_what_it_leaves_out(tmp_path, capsys):
    ingested(tmp_path, FEW, sample=32)
    said = "sample\t32 of 80 usable texts are audited (data.sample)\tall of them would take about 2.5 times as long\n"
    assert said in capsys.readouterr().err
    ingested(tmp_path, FEW, "all", sample=400)
    assert "sample" not in capsys.readouterr().err


def test_texts_to_train_on_are_left_out_and_counted(tmp_path):
    """Three quarters of 300 texts of one label and of 100 of the other are for training; the rejected rows are on neither side."""
    rows = [*MIXED, ("", "pos"), ("other", "meh"), MIXED[0], MIXED[1]]
    shards, rejects, facts = ingested(tmp_path, rows, held_out=0.25)
    found = [row for shard in shards for row in shard]
    assert [sum(row["label_id"] == label for row in found) for label in (0, 1)] == [25, 75]
    assert facts["num_rows"] == 404 == facts["num_for_training"] + facts["num_rejected"] + facts["num_examples"]
    audited = {row["text"] for row in found}
    copies = sum(text in audited for text, _ in MIXED[:2])
    assert (facts["num_for_training"], facts["num_rejected"]) == (300 + 2 - copies, 2 + copies)
    assert [row["reason"] for row in rejects] == ["empty", "unknown label"] + ["duplicate"] * copies
    assert {
        row["text"] for shard in ingested(tmp_path, rows, "b", held_out=0.25, seed=1)[0] for row in shard
    } != audited


def test_a_sample_is_drawn_from_the_texts_that_are_held_out(tmp_path):
    whole, _, _ = ingested(tmp_path, FEW, held_out=0.25)
    some, _, facts = ingested(tmp_path, FEW, "b", held_out=0.25, sample=12)
    ids = [{row["example_id"] for shard in shards for row in shard} for shards in (whole, some)]
    assert ids[1] < ids[0]
    assert (facts["num_for_training"], facts["num_not_sampled"], facts["num_examples"]) == (60, 8, 12)


def test_few_rows_that_cannot_be_read_do_not_stop_an_audit_of_a_small_part(tmp_path):
    """10 of 410 rows are a fortieth; of the 40 texts that are held out they would be a fifth."""
    rows = [*MIXED, *[("", "pos")] * 10]
    assert ingested(tmp_path, rows, held_out=0.1, max_rejected=0.03)[2]["num_examples"] == 40


def test_a_sample_larger_than_the_dataset_is_the_dataset(tmp_path):
    shards, _, facts = ingested(tmp_path, MIXED, sample=5000)
    assert sum(map(len, shards)) == facts["num_examples"] == 400


def test_two_ingests_are_equal_to_the_byte(tmp_path):
    ingested(tmp_path, FEW, "a/run/shards")
    ingested(tmp_path, FEW, "b/run/shards")
    assert content_of(tmp_path / "a/run/shards") == content_of(tmp_path / "b/run/shards")


def test_a_finished_ingest_is_not_touched(tmp_path, monkeypatch):
    ingested(tmp_path, FEW)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "shards").iterdir()}
    monkeypatch.setattr(tasks.ingest, "read_rows", None)
    monkeypatch.setattr(tasks.ingest, "load_classifier", None)
    ingested(tmp_path, FEW)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "shards").iterdir()} == before
    assert not (tmp_path / "shards" / "staging").exists()


@pytest.mark.parametrize(
    "broken", ["shard-00001.json", "shard-00001.examples.parquet", "rejects.rows.parquet", "ingest.json"]
)
@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_an_ingest_with_a_missing_or_damaged_file_is_done_again(tmp_path, broken, how):
    ingested(tmp_path, FEW)
    before = content_of(tmp_path / "shards")
    if how == "missing":
        (tmp_path / "shards" / broken).unlink()
    else:
        (tmp_path / "shards" / broken).write_bytes(before[broken][:-9])
    ingested(tmp_path, FEW)
    assert content_of(tmp_path / "shards") == before


@pytest.mark.parametrize("place", ["read_rows", "token_counts", "write_part"])
def test_a_killed_ingest_starts_again_and_ends_the_same(tmp_path, monkeypatch, place):
    ingested(tmp_path, FEW, "undisturbed/run/shards")
    calls = 0
    whole = getattr(tasks.ingest, place)

    def killed(*args, **options):
        nonlocal calls
        calls += 1
        if place == "read_rows":
            return (row if i < 60 else 1 / 0 for i, row in enumerate(whole(*args, **options)))
        return whole(*args, **options) if (calls < 3 and place == "write_part") or calls < 2 else 1 / 0

    with monkeypatch.context() as patch:
        patch.setattr(tasks.ingest, place, killed)
        with pytest.raises(ZeroDivisionError):
            ingested(tmp_path, FEW, "run/shards")
    assert read_manifest(tmp_path / "run/shards" / "ingest.json") is None
    ingested(tmp_path, FEW, "run/shards")
    assert content_of(tmp_path / "run/shards") == content_of(tmp_path / "undisturbed/run/shards")


def test_what_a_killed_ingest_left_behind_does_not_get_into_the_next(tmp_path):
    ingested(tmp_path, FEW, "undisturbed/run/shards")
    left = tmp_path / "run/shards"
    shutil.copytree(tmp_path / "undisturbed/run/shards", left)
    (left / "ingest.json").unlink()
    (left / "staging").mkdir()
    (left / "staging" / "rows.parquet").write_bytes(b"PAR1 half a file")
    (left / "shard-99999.json").write_text(json.dumps({"files": {}, "facts": {}}))
    ingested(tmp_path, FEW, "run/shards")
    assert content_of(left) == content_of(tmp_path / "undisturbed/run/shards")
    assert not (left / "staging").exists()


INGEST = """
import resource, sys
from pathlib import Path
from types import SimpleNamespace
import tasks.ingest
from configs.schema import DataConfig

class Words:
    def __call__(self, texts, *rest, **options):
        return {"input_ids": [[1, *range(len(text.split())), 2] for text in texts]}

tasks.ingest.load_classifier = lambda model: SimpleNamespace(tokenizer=Words(), labels=("neg", "pos"), max_tokens=64)
tasks.ingest.require_parity = lambda *given: "compared"
tasks.ingest.SHARD_TOKENS = 100_000
for num_rows in (20_000, 200_000):
    folder = Path(sys.argv[1]) / str(num_rows)
    folder.mkdir()
    with (folder / "d.csv").open("w") as file:
        file.write("text,label\\n")
        file.writelines(f"review number {i} of a film that was not that bad in the end,{'pos' if i % 3 else 'neg'}\\n" for i in range(num_rows))
    tasks.ingest.ingest_dataset.fn(DataConfig(path=folder / "d.csv"), SimpleNamespace(long_texts="truncate"), folder / "shards")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path):
    """Held as Python objects, 180,000 more rows would be several hundred megabytes. Also: it works without a network."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", INGEST, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    small, large = map(int, done.stdout.split())
    assert large - small < 160, f"megabytes: {small}, {large}"


def test_a_file_that_changes_while_it_is_read_stops_the_ingest(tmp_path, monkeypatch):
    hashes = iter(["before", "after"])
    monkeypatch.setattr("tasks.ingest.dataset_fingerprint", lambda data: next(hashes))
    with pytest.raises(DataError, match="was changed while it was read"):
        ingested(tmp_path, [("a", "pos"), ("b", "neg")])


# ---------------------------------------------------------------- slices


def sliced(tmp_path, values, **settings):
    """Ingest texts with a column `part` of these values; return the rows of the slices."""
    path = tmp_path / "sliced.csv"
    lines = [f"text w{i},{'neg' if i % 2 else 'pos'},{value}" for i, value in enumerate(values)]
    path.write_text("text,label,part\n" + "\n".join(lines) + "\n", encoding="utf-8")
    ingest_dataset.fn(DataConfig(path=path, **settings), TRUNCATE, tmp_path / "sliced")
    return pq.read_table(part_file(tmp_path / "sliced" / "slices.json", "rows")).to_pylist()


def test_every_audited_example_has_the_value_of_its_slice_and_no_other_row_has(tmp_path):
    rows = sliced(tmp_path, ["train", "test", "", "dev", "train"], slices=("part", "label"), where={"label": "pos"})
    assert sorted((row["example_id"], row["slice"], row["value"]) for row in rows) == [
        (0, "label", "pos"), (0, "part", "train"), (2, "label", "pos"), (2, "part", ""), (4, "label", "pos"), (4, "part", "train"),
    ]  # fmt: skip


def test_another_slice_touches_no_shard(tmp_path):
    assert sliced(tmp_path, ["train", "test", "train"]) == []
    folder = tmp_path / "sliced"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir() if not path.name.startswith("slices")}
    assert len(sliced(tmp_path, ["train", "test", "train"], slices=("part",))) == 3
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_column_that_is_no_slice_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"data\.slices: column 'part' has more than 20 different values \(v0, v1, "):
        sliced(tmp_path, [f"v{i}" for i in range(30)], slices=("part",))
    with pytest.raises(DataError, match=r"has no column 'nowhere'\. Columns: text, label, part\. Set data\.slices\."):
        sliced(tmp_path, ["a", "b"], slices=("nowhere",))


def test_a_message_about_the_second_dataset_names_its_own_settings(tmp_path):
    path = csv_of(tmp_path, [("good film", "pos"), ("bad film", "neg")])
    with pytest.raises(DataError, match=r"has no column 'review'\..* Set compare\.text\."):
        ingest_dataset.fn(DataConfig(path=path, text="review"), TRUNCATE, tmp_path / "other", section="compare")
