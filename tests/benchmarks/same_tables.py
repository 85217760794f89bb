"""Whether two warehouses hold the same tables, to the byte: for changes that should change no figure.

    python tests/benchmarks/same_tables.py OLD.duckdb NEW.duckdb

Run ids, hashes of code and times are masked. What differs on purpose stands in tests/data/reference/changes.yaml, and is
counted; anything else is printed, and the exit code is 1.
"""

import hashlib
import re
import sys
from pathlib import Path

import duckdb
import yaml

CHANGES = Path(__file__).parents[1] / "data" / "reference" / "changes.yaml"
_HASH = re.compile(r"_[0-9a-f]{12}(?=_compare$|$)")
_OF_A_WORD = ("kind", "label", "word")
_UNCOMPARED = {"runs", "stages"}
"""Tables of ids, keys, times and settings."""
_MASKED = {"certificate_id", "run_id", "subject", "folder", "config", "created_at", "made_at", "finished_at"}


def digests(connection, schema, *, exact=True):
    """Table -> number of rows, and a digest of every column in the order of its rows.

    Not `exact`: floats to 12 digits, for tables that were made on another machine, and the rows of words in the order of
    the words, so that a list in another order is the same.
    """
    names = connection.execute(
        "select table_name from information_schema.tables where table_schema = $schema and table_type = 'BASE TABLE'"
        " order by table_name",
        {"schema": schema},
    ).fetchall()
    found = {}
    for (table,) in names:
        columns = connection.sql(f'select * from "{schema}"."{table}"').to_arrow_table()
        if not exact and set(_OF_A_WORD) <= set(columns.column_names):
            columns = columns.sort_by([(name, "ascending") for name in _OF_A_WORD])
        found[table] = {
            "rows": columns.num_rows,
            "columns": {name: _digest(columns[name].to_pylist(), exact) for name in columns.column_names},
        }
    return found


def _digest(values, exact):
    return hashlib.sha256(
        "\n".join(_text(value, exact) for value in values).encode("utf-8", "surrogatepass")
    ).hexdigest()


def _text(value, exact):
    if isinstance(value, float):
        return value.hex() if exact else f"{value:.12g}"
    if isinstance(value, list):
        return f"[{', '.join(_text(entry, exact) for entry in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_text(entry, exact)}' for key, entry in value.items())}}}"
    return repr(value)


def differences(old, new, changes):
    """A line for every table or column that is not the same and does not stand in `changes`; and how many columns are the same."""
    lines, same = [], 0
    for table, before in sorted(old.items()):
        if table in changes["dropped_tables"]:
            continue
        after = new.get(changes["renamed_tables"].get(table, table))
        if after is None:
            lines.append(f"{table} is gone")
            continue
        if before["rows"] != after["rows"] and table not in changes["changed_rows"]:
            lines.append(f"{table} has {after['rows']} rows, had {before['rows']}")
            continue
        for column, digest in before["columns"].items():
            name = f"{table}.{column}"
            renamed = changes["renamed_columns"].get(name, column)
            if (
                name in changes["dropped_columns"]
                or name in changes["changed_columns"]
                or table in changes["changed_rows"]
            ):
                continue
            if after["columns"].get(renamed) != digest:
                lines.append(f"{name} differs" if renamed in after["columns"] else f"{name} is gone")
            else:
                same += 1
    return lines, same


def load_changes():
    """The differences on purpose, each with its reason."""
    return yaml.safe_load(CHANGES.read_text(encoding="utf-8"))


def _schemas(connection):
    rows = connection.execute(
        "select schema_name from information_schema.schemata where catalog_name = current_database()"
    )
    return {
        _HASH.sub("_*", name): name for (name,) in rows.fetchall() if name not in ("information_schema", "pg_catalog")
    }


def main(old_path, new_path):
    changes, lines, same = load_changes(), [], 0
    with duckdb.connect(old_path, read_only=True) as old, duckdb.connect(new_path, read_only=True) as new:
        olds, news = _schemas(old), _schemas(new)
        lines += [f"schema {name} is gone" for name in sorted(olds.keys() - news.keys())]
        for name in sorted(olds.keys() & news.keys()):
            before, after = digests(old, olds[name]), digests(new, news[name])
            if name == "main":
                for tables in (before, after):
                    for table in _UNCOMPARED:
                        tables.pop(table, None)
                    for table in tables.values():
                        table["columns"] = {key: own for key, own in table["columns"].items() if key not in _MASKED}
            found, number = differences(before, after, changes)
            lines += [f"{name}: {line}" for line in found]
            same += number
            print(f"{name}: {len(before)} tables, {number} columns the same")
    print("\n".join(lines) or "no other difference")
    print(f"same columns {same}, differences {len(lines)}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
