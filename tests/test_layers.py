"""The architecture as claims: who imports whom, which query reads which table, what a header must say."""

import ast
import json
import re
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("configs", "warehouse", "tasks", "flows")
"""Each imports only from those before it, and from itself."""
STAGES = ("aggregate", "flag", "verify", "judge", "recommend", "certify", "report")
"""Folders of queries on a run, in the order they are built; ingest works on a database of its own."""
SQL = sorted((ROOT / "warehouse").rglob("*.sql"))
QUERIES = [path for path in SQL if path.parent.name in ("ingest", "export", *STAGES)]
TEXT = {".py", ".sql", ".md", ".yaml", ".yml", ".toml", ".txt", ".csv", ".jinja", ""}
STATEMENTS = {
    "macros", "registry", "finish_run", "finish_stage", "forget_stages", "start_run", "enter_certificates",
    "enter_certificate_words", "enter_certificate_shortcuts", "enter_certificate_methods",
}  # fmt: skip
"""Files of `warehouse/` that are no SELECT."""


def name(path):
    return path.relative_to(ROOT).as_posix()


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported(path):
    """Dotted names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_stage(path):
    """Whether some function of the file is a Prefect task."""
    functions = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    return any(
        "task" in re.findall(r"\w+", ast.unparse(decorator))[:1]
        for node in functions
        for decorator in node.decorator_list
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_from_those_before_them(package):
    after = PACKAGES[PACKAGES.index(package) + 1 :]
    upward = [
        (name(path), module) for path in modules(package) for module in imported(path) if module.split(".")[0] in after
    ]
    assert upward == []


def test_in_tasks_nothing_imports_a_stage():
    stages = {f"tasks.{path.stem}" for path in modules("tasks") if is_stage(path)}
    assert {"tasks.ingest", "tasks.attribute", "tasks.aggregate", "tasks.flag", "tasks.recommend"} <= stages
    assert [(name(path), module) for path in modules("tasks") for module in imported(path) if module in stages] == []


def test_flows_define_no_tasks():
    assert [name(path) for path in modules("flows") if is_stage(path)] == []


def test_the_product_never_imports_the_oracle_and_one_leaf_alone_a_cluster():
    forbidden = {"captum", "alibi", "scipy", "pytest", "hypothesis", "ray"}
    assert [
        (name(path), module)
        for package in PACKAGES
        for path in modules(package)
        for module in imported(path)
        if module.split(".")[0] in forbidden
    ] == [("tasks/fanout.py", "ray")]


def test_every_seed_is_described():
    described = (ROOT / "warehouse/seeds/README.md").read_text(encoding="utf-8")
    seeds = [path.name for path in (ROOT / "warehouse/seeds").iterdir() if path.name != "README.md"]
    assert [seed for seed in seeds if f"`{seed}`" not in described] == []


# ---------------------------------------------------------------- SQL


def parsed(path):
    """The syntax tree of a SELECT, as the database itself reads it."""
    row = duckdb.execute("select json_serialize_sql($sql)", {"sql": path.read_text(encoding="utf-8")}).fetchone()
    return json.loads(row[0])


def nodes(tree):
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from nodes(branch)


def tables_read(path):
    """(schema, table) of every table a query reads that it does not define itself."""
    tree = parsed(path)
    own = {entry["key"] for node in nodes(tree) for entry in (node.get("cte_map") or {}).get("map", [])}
    return {(node["schema_name"], node["table_name"]) for node in nodes(tree) if node.get("type") == "BASE_TABLE"} - {
        ("", cte) for cte in own
    }


def header(path, kind):
    return [
        entry.split()[0].rstrip(",")
        for entry in re.findall(rf"^-- {kind}\s+(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]


@pytest.mark.parametrize("path", SQL, ids=name)
def test_a_file_parses_is_lower_case_and_fits_the_screen(path):
    text = path.read_text(encoding="utf-8")
    if path.stem in STATEMENTS:
        assert duckdb.extract_statements(text)
    else:
        tree = parsed(path)
        assert not tree["error"], tree
        assert len(tree["statements"]) == 1
    assert [
        line for line in text.splitlines()[1:] if len(line) > 120
    ] == []  # the first line is the comment of the table
    code = re.sub(r"--.*|'[^']*'|\"[^\"]*\"", "", text)
    assert (
        re.findall(
            r"\b(?:SELECT|FROM|WHERE|JOIN|GROUP|ORDER|BY|AS|AND|OR|NOT|CASE|WHEN|THEN|ELSE|END|WITH|UNION|OVER|NULL|TABLE|CREATE)\b",
            code,
        )
        == []
    )


@pytest.mark.parametrize("path", QUERIES, ids=name)
def test_a_query_says_what_it_builds_one_row_per_what_and_every_parameter(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"-- {path.stem}: ")
    assert re.search(r"^-- One row(\.$| per )", text, re.MULTILINE)
    assert header(path, "column") or "Its columns are those of" in text
    assert header(path, "unique") or path.parent.name in ("report", "export")


@pytest.mark.parametrize("path", [path for path in SQL if path.stem not in STATEMENTS], ids=name)
def test_a_file_has_the_parameters_of_its_header(path):
    code = re.sub(r"--.*|'[^']*'", "", path.read_text(encoding="utf-8"))
    assert set(re.findall(r"\$(\w+)", code)) == set(header(path, "param"))


@pytest.mark.parametrize("path", QUERIES, ids=name)
def test_a_query_reads_only_tables_that_are_built_before_it(path):
    if path.parent.name == "ingest":
        known = {("", "plan")} if path.stem != "plan" else set()
    else:
        folder = next(stage for stage in STAGES if stage in path.parts)
        before = [stage for stage in STAGES[: STAGES.index(folder) + 1] if stage != "report"]
        known = {("", built.stem) for stage in before for built in (ROOT / "warehouse" / stage).glob("*.sql")} - {
            ("", path.stem if folder != "report" else "")
        }
        known |= {("main", "runs"), ("main", "stages")}
        known |= {("main", f"certificate{table}") for table in ("s", "_words", "_shortcuts", "_methods")}
    assert tables_read(path) - known == set()


@pytest.mark.parametrize("path", [path for path in SQL if path.stem not in STATEMENTS], ids=name)
def test_a_query_reads_what_its_header_cuts_into_batches_or_makes_first(path):
    text, read = path.read_text(encoding="utf-8"), {table for _, table in tables_read(path)}
    named = {
        kind: [name for entry in re.findall(rf"^-- {kind}\s+(.+)$", text, re.MULTILINE) for name in entry.split(", ")]
        for kind in ("batch", "first")
    }
    assert set(named["batch"]) <= read | set(header(path, "param"))
    assert all((ROOT / "warehouse" / f"{helper}.sql").is_file() for helper in named["first"])
    # Those are ready before the helpers are.
    assert {helper.rpartition("/")[2] for helper in named["first"][-1:]} <= read


@pytest.mark.parametrize("path", sorted((ROOT / "warehouse/checks").glob("*.sql")), ids=name)
def test_a_check_is_named_after_its_table_and_reads_it(path):
    table, _, claim = path.stem.partition("__")
    assert claim
    assert ("", table) in tables_read(path)
    assert any((ROOT / "warehouse" / stage / f"{table}.sql").is_file() for stage in STAGES)
