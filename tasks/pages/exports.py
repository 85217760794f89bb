"""The tables people take away, as CSV and JSON."""

import csv
import io
import json

import pyarrow as pa

from warehouse import Warehouse

# The full-width forms of the signs too: some spreadsheets read them as the plain ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

EXPORTS = ("verdicts", "effects", "words", "word_importance", "vocabulary_candidates", "labelling_hints", "rejects")


def export_tables(warehouse: Warehouse) -> dict[str, bytes]:
    """File name -> content of every exported table."""
    contents = {}
    for name in EXPORTS:
        rows = warehouse.rows(f"report/export/{name}", {})
        contents[f"{name}.csv"] = to_csv(rows)
        contents[f"{name}.json"] = (
            json.dumps(rows.to_pylist(), ensure_ascii=False, indent=1, default=str) + "\n"
        ).encode()
    return contents


def to_csv(rows: pa.Table) -> bytes:
    """UTF-8 CSV in which no text is a formula for a spreadsheet; lists and structs are JSON."""
    sink = io.StringIO()
    # With "\n" alone at the ends of lines, this writer would leave a lone "\r" in a text unquoted: a line break to others.
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in rows.column_names])
    writer.writerows([_cell(value) for value in row.values()] for row in rows.to_pylist())
    return sink.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
