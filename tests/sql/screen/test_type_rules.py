"""The one list of types: it holds what is made and nothing else, and nobody writes a list of his own."""

import ast
import re
from pathlib import Path

import pytest

from tests.sql.screen.made import WAREHOUSE, named_in, rows_of, rules_of_types, rules_of_words, type_of

ROWS = {row["type"]: row for row in rows_of("word_types")}
GROUPS = {row["word_group"] for row in rows_of("function_words")}


def test_every_type_that_is_made_has_a_row_and_every_row_is_made():
    made = {type_of(rule) for rule in rules_of_types()}
    assert made <= set(ROWS)
    # unlisted: what no list of its language says anything about
    of_patterns = {name for name, row in ROWS.items() if row["pattern"]}
    assert not of_patterns & made
    assert set(ROWS) - made <= GROUPS | {"unlisted"} | of_patterns
    # Both halves of the claim rest on what is read from the queries.
    assert {"number.roman", "fragment.letter", "mixed.scripts"} <= named_in("screen/word_rules")


def test_the_type_of_every_rule_is_written_once_and_of_no_other_rule():
    written = [row["rule"] for row in rows_of("rule_types")]
    assert len(written) == len(set(written))
    assert set(written) == rules_of_types()


def test_every_type_that_a_word_can_have_has_its_place_among_pairs_and_one_rule_for_them():
    of_words = {type_of(rule) for rule in rules_of_words()}
    order = {name: row["pair_order"] for name, row in ROWS.items() if row["pair_order"]}
    assert set(order) == of_words
    assert sorted(map(int, order.values())) == [*range(1, len(order) + 1)]
    pairs = [row["type"] for row in rows_of("rule_types") if row["rule"].endswith(".bigram")]
    assert sorted(pairs) == sorted(of_words)
    pieces = [row["type"] for row in rows_of("rule_types") if row["rule"].endswith(".piece")]
    assert len(pieces) == len(set(pieces))
    assert {ROWS[name]["expectation"] for name in pieces} == {"none"}


def test_identity_terms_are_in_one_list_only_and_each_has_a_group():
    rows = rows_of("identity_terms")
    terms = [row["word"].lower() for row in rows]
    assert terms == sorted(set(terms))
    assert {row["identity_group"] for row in rows} == {
        "gender",
        "religion",
        "origin",
        "age",
        "orientation",
        "disability",
    }
    others = {
        row["word"]
        for seed in ("function_words", "fixed_words")
        for row in rows_of(seed)
        if row["language"] in ("", "en")
    }
    assert not others & set(terms)


def test_a_group_has_a_row_only_where_more_is_expected_of_it_than_of_function_words():
    groups = {name: row["expectation"] for name, row in ROWS.items() if name in GROUPS}
    assert set(groups.values()) == {"exempt"}
    assert ROWS["function word"]["expectation"] == "meaning"


def test_a_row_is_whole():
    for row in ROWS.values():
        assert row["expectation"] in ("none", "meaning", "exempt", "unknown"), row
        assert row["title"].endswith(("move predictions", "moves predictions", "as evidence", "than similar words")), (
            row
        )
        assert row["as_token"] in ("", "own", "term", "code", "never"), row
        assert row["pattern"] in ("", "part", "template", "whole"), row
        assert row["one"], row
        assert row["several"], row
        assert {row[name] for name in ("is_mark", "is_personal", "in_vocabulary", "in_labelling")} <= {
            "true",
            "false",
        }, row
    assert {
        name for name, row in ROWS.items() if row["expectation"] == "none" and row["in_labelling"] == "true"
    } == set()


def types_in(names):
    return set(names) & set(ROWS)


def lists_in_sql(path):
    """The texts of every list of literals: within brackets, or rows of values."""
    code = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    for found in re.findall(r"[(\[]\s*'[^']*'(?:\s*\)?\s*,\s*\(?\s*(?:'[^']*'|[\d.]+))+", code):
        yield re.findall(r"'([^']*)'", found)


def lists_in_python(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        entries = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", ())
        yield [entry.value for entry in entries if isinstance(entry, ast.Constant) and isinstance(entry.value, str)]


@pytest.mark.parametrize("folder", ["warehouse", "tasks", "flows"])
def test_no_query_and_no_module_writes_out_a_list_of_types(folder):
    root = WAREHOUSE.parent / folder
    readers = {".sql": lists_in_sql, ".py": lists_in_python}
    files = [path for path in sorted(root.rglob("*")) if path.suffix in readers]
    assert files
    written = [
        (path.relative_to(root).as_posix(), sorted(types_in(names)))
        for path in files
        for names in readers[path.suffix](path)
        if len(types_in(names)) > 1
        # How a decoy of each type is made.
        and path.name != "decoys.py"
    ]
    assert written == []


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".sql", "select 1 where type in ('name', 'number')"),
        (".sql", "values\n ('name', 0.7),\n ('number', 0.6)"),
        (".sql", "select 1 where word_group not in ('negation',\n 'adversative')"),
        (".sql", "values\n ('name'), ('number')"),
        (".py", "TITLES = {'name': 1, 'number': 2}"),
        (".py", "x in ('name', 'content word')"),
    ],
)
def test_a_list_is_found_however_it_is_written(tmp_path, suffix, text):
    path: Path = tmp_path / f"file{suffix}"
    path.write_text(text)
    found = lists_in_sql(path) if suffix == ".sql" else lists_in_python(path)
    assert any(len(types_in(names)) > 1 for names in found)
