"""Which dataset a path means, and whether it is still the same."""

import datasets
import pytest

from configs.errors import DataError
from configs.schema import DataConfig
from tasks.data.sources import dataset_fingerprint
from tests.data.files import csv_of, rows_of, texts_of


def test_a_dataset_without_the_second_text_names_its_columns(tmp_path):
    path = csv_of(tmp_path, "text,label\na,positive\n")
    with pytest.raises(DataError, match=r"has no column 'hypothesis'\. Columns: text, label\. Set data\.pair\."):
        rows_of(path, pair="hypothesis")


def test_an_edited_file_is_read_again_and_has_another_fingerprint(tmp_path):
    """`datasets` keeps a copy of every file it has read."""
    path = csv_of(tmp_path, "text,label\na,positive\n")
    data = DataConfig(path=path)
    first = dataset_fingerprint(data)
    assert texts_of(path) == ["a"]
    path.write_text("text,label\nb,positive\n")
    assert texts_of(path) == ["b"]
    assert dataset_fingerprint(data) != first


def test_a_missing_file_a_folder_without_a_dataset_and_a_missing_split(tmp_path):
    with pytest.raises(
        DataError,
        match=r"data\.path: there is no file or folder /.*none\.csv\. Relative paths start at the current folder\.",
    ):
        rows_of(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"there is no file or folder"):
        dataset_fingerprint(DataConfig(path=tmp_path / "none.csv"))
    with pytest.raises(
        DataError,
        match=r"is a folder without \.parquet files, and not one that `datasets\.save_to_disk` wrote\. Set data\.path",
    ):
        rows_of(tmp_path)
    one = datasets.Dataset.from_dict({"text": ["a"], "label": ["positive"]})
    datasets.DatasetDict({"train": one, "dev": one}).save_to_disk(tmp_path / "saved")
    with pytest.raises(DataError, match=r"saved has no split 'test'\. Splits: train, dev\. Set data\.split\."):
        rows_of(tmp_path / "saved")
    assert texts_of(tmp_path / "saved", split="dev") == ["a"]
