"""Folders of Parquet files."""

import datasets
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from configs.errors import DataError
from tasks.data.rows import read_slices
from tasks.data.sources import dataset_fingerprint, open_dataset
from tests.data.files import data_of, rows_of, texts_of


def parquet(path, texts, label="positive", **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"text": texts, "label": [label] * len(texts), **columns})
    with path.open("wb") as file:
        pq.write_table(table, file)


def test_the_files_of_a_folder_are_one_dataset_in_the_order_of_their_names(tmp_path):
    parquet(tmp_path / "d/part-00001.parquet", ["c"])
    parquet(tmp_path / "d/part-00000.parquet", ["a", "b"])
    parquet(tmp_path / "d/more/part-0.parquet", ["x"], other=[1])
    (tmp_path / "d/_SUCCESS").write_text("")
    parquet(tmp_path / "d/_temporary/part-9.parquet", ["half written"])
    parquet(tmp_path / "d/.part-0.parquet", ["hidden"])
    (tmp_path / "d/README.md").write_text("# A dataset")
    path = tmp_path / "d"
    assert texts_of(path) == ["x", "a", "b", "c"]
    assert open_dataset(data_of(path)).num_rows == 4
    before = dataset_fingerprint(data_of(path))
    parquet(tmp_path / "d/part-00002.parquet", ["d"])
    assert texts_of(path) == ["x", "a", "b", "c", "d"]
    assert dataset_fingerprint(data_of(path)) != before


def test_folders_may_name_a_column_as_writers_of_partitions_do(tmp_path):
    rows = "(values ('a', 'positive', 'de', 1), ('b', 'negative', 'fr ca', 1), ('c', 'positive', 'de', 2)) as t(text, label, lang, n)"
    with duckdb.connect() as connection:
        connection.execute(f"copy (from {rows}) to '{tmp_path}/d' (format parquet, partition_by (lang, n))")
    path = tmp_path / "d"
    assert sorted(texts_of(path)) == ["a", "b", "c"]
    assert sorted(texts_of(path, where={"lang": "de"})) == ["a", "c"]
    assert texts_of(path, where={"lang": "fr ca", "n": 1}) == ["b"]
    # Only columns that stand in no file.
    slices = [value for batch in read_slices(data_of(path, slices=("lang",))) for value in batch["lang"]]
    assert sorted(slices) == ["de", "de", "fr ca"]


@pytest.mark.parametrize(
    "names", [("train-00000-of-00001", "test-00000-of-00001"), ("train/0", "test/0"), ("data/train", "data/test")]
)
def test_of_files_that_are_named_after_splits_those_of_one_are_read(tmp_path, names):
    for name, texts in zip(names, (["a", "b"], ["c"]), strict=True):
        parquet(tmp_path / "d" / f"{name}.parquet", texts)
    assert texts_of(tmp_path / "d") == ["c"]
    assert texts_of(tmp_path / "d", split="train") == ["a", "b"]
    with pytest.raises(DataError, match=r"has no split 'dev'\. Splits: test, train\. Set data\.split\."):
        rows_of(tmp_path / "d", split="dev")
    parquet(tmp_path / "d" / "more.parquet", ["d"])
    with pytest.raises(DataError, match=r"files are named after a split \(test, train\), and .*more\.parquet is not\."):
        rows_of(tmp_path / "d")


def test_a_file_of_a_folder_without_a_column_is_a_sentence(tmp_path):
    parquet(tmp_path / "d/0.parquet", ["a"], stars=[1])
    parquet(tmp_path / "d/1.parquet", ["b"])
    assert texts_of(tmp_path / "d") == ["a", "b"]
    with pytest.raises(DataError, match=r"has no column 'stars'\. Columns: text, label\."):
        rows_of(tmp_path / "d", id="stars")


def test_two_files_must_name_their_classes_alike(tmp_path):
    for i, names in enumerate((["x", "y"], ["y", "x"])):
        features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
        (tmp_path / "d").mkdir(exist_ok=True)
        made = datasets.Dataset.from_dict({"text": ["a"], "label": [0]}, features=features)
        made.to_parquet(tmp_path / f"d/{i}.parquet")
    with pytest.raises(DataError, match=r"1\.parquet names the classes of a column in another way"):
        rows_of(tmp_path / "d", ("x", "y"))
    assert [row.label for row in rows_of(tmp_path / "d/1.parquet", ("x", "y"))] == [1]


def test_a_folder_of_an_object_store_is_read_alike():
    folder = UPath("memory://bucket/d")
    parquet(folder / "lang=de" / "1.parquet", ["b"])
    parquet(folder / "lang=de" / "0.parquet", ["a"])
    assert texts_of(folder, where={"lang": "de"}) == ["a", "b"]
