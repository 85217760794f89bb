"""Small datasets as files, and what is read of them."""

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from configs.schema import DataConfig
from tasks.data.rows import read_rows

LABELS = ("NEGATIVE", "POSITIVE")


def rows_of(path, labels=LABELS, where=None, **settings):
    return list(read_rows(DataConfig(path=path, **settings), where or settings.get("where", {}), labels))


def data_of(path, **settings):
    return DataConfig(path=path, **settings)


def texts_of(path, **settings):
    return [row.text for row in rows_of(path, **settings)]


def reasons_of(path, **settings):
    return [(row.number, row.reason) for row in rows_of(path, **settings)]


def csv_of(tmp_path, content, name="d.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def parquet_of(tmp_path, columns, name="d.parquet"):
    path = tmp_path / name
    pq.write_table(pa.table(columns), path)
    return path


def labels_of(tmp_path, column, labels=LABELS, feature=None, **settings):
    """The model's labels for a column of labels, by name; None where the label is unknown."""
    table = {"text": [f"text {i}" for i in range(len(column))], "label": column}
    if feature is None:
        path = parquet_of(tmp_path, table)
    else:
        path = tmp_path / "saved"
        datasets.Dataset.from_dict(
            table, features=datasets.Features({"text": datasets.Value("string"), "label": feature})
        ).save_to_disk(path)
    return [labels[row.label] if row.label >= 0 else None for row in rows_of(path, labels, **settings)]
