"""The tables people take away, as CSV, JSON and Parquet."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.pages.preprocess import preprocess_file
from tasks.pages.rules import Fired, fired, ids, told
from warehouse import Warehouse

# The full-width forms of the signs too: some spreadsheets read them as the plain ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

EXPORTS = (
    "verdicts",
    "effects",
    "patterns",
    "words",
    "word_importance",
    "vocabulary_candidates",
    "labelling_hints",
    "rejects",
    "rule_figures",
    "taught_words",
    "rule_proposals",
)


def export_tables(warehouse: Warehouse) -> dict[str, bytes]:
    """File name -> content of every exported table."""
    contents = {}
    for name in EXPORTS:
        rows = warehouse.table(f"report/export/{name}", {})
        contents[f"{name}.csv"] = to_csv(rows)
        records = [_with_sentences(row, rows.schema) for row in rows.to_pylist()]
        contents[f"{name}.json"] = (json.dumps(records, ensure_ascii=False, indent=1, default=str) + "\n").encode()
        contents[f"{name}.parquet"] = _to_parquet(rows)
    return {**contents, "preprocess.json": preprocess_file(warehouse)}


def _to_parquet(rows: pa.Table) -> bytes:
    """The rows with their types; rules as in the warehouse."""
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd")
    return sink.getvalue()


def to_csv(rows: pa.Table) -> bytes:
    """UTF-8 CSV in which no text is a formula for a spreadsheet; lists and structs are JSON.

    Rules are their sentences, with their ids in a column `rule_ids` beside it, and of a list of rules a column for each
    rule of the table, true or false.
    """
    rows = _in_words(rows)
    sink = io.StringIO()
    # With "\n" alone at the ends of lines, this writer would leave a lone "\r" unquoted: a line break to other readers.
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in rows.column_names])
    writer.writerows([_cell(value) for value in row.values()] for row in rows.to_pylist())
    return sink.getvalue().encode()


def _in_words(rows: pa.Table) -> pa.Table:
    """The rows with the sentences of their rules, and behind them their ids, in place of the rules."""
    for i, field in reversed(list(enumerate(rows.schema))):
        if _holds_rules(field.type):
            every = [_listed(value) for value in rows[field.name].to_pylist()]
            rows = rows.set_column(i, field.name, pa.array([told(facts) for facts in every], pa.string()))
            rows = rows.add_column(i + 1, "rule_ids", pa.array([ids(facts) for facts in every], pa.string()))
            if pa.types.is_list(field.type):
                fired_in = [{rule.rule for rule in fired(facts)} for facts in every]
                for rule in sorted(set().union(*fired_in)):
                    rows = rows.append_column(rule, pa.array([rule in own for own in fired_in], pa.bool_()))
    return rows


def _with_sentences(row: Mapping[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """A row whose rules have their sentences, and of the figures those that there are."""
    values = dict(row)
    for field in schema:
        if _holds_rules(field.type):
            said = [_said(rule) for rule in fired(_listed(row[field.name]))]
            values[field.name] = said if pa.types.is_list(field.type) else said[0]
    return values


def _said(rule: Fired) -> dict[str, Any]:
    figures = {name: value for name, value in rule.figures.items() if value is not None}
    return {"rule": rule.rule, "sentence": rule.sentence, "figures": figures}


def _holds_rules(kind: pa.DataType) -> bool:
    """Whether a column holds rules that fired, or one of them."""
    one = kind.value_type if pa.types.is_list(kind) else kind
    return pa.types.is_struct(one) and {field.name for field in one.fields} == {"rule", "figures", "words"}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
