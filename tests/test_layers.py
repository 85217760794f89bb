"""The architecture as claims: who imports whom, which query reads which table, what a header must say."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("configs", "warehouse", "tasks", "flows")
"""Each imports only from those before it, and from itself."""
SHARED = (
    {"runtime", "text"}, {"data"}, {"model"}, {"vocabulary"}, {"attribution"}, {"trials"}, {"runs"}, {"selftest", "remedies", "pages"},
)  # fmt: skip
"""Folders of `tasks/`, which stages share: each imports only from folders before it, and from itself."""
NO_FIGURES = {"runtime", "runs", "pages"}
"""Folders of `tasks/` that decide no figure: how far a stage is, where its files are, and how they look. Keys leave them
out, so that a changed progress bar computes nothing again; pages have a key of their own, in tasks/report.py."""
STAGES = (
    "aggregate", "screen", "verify", "judge", "remove", "trace", "recommend", "rank", "certify", "report", "propose", "measure", "suspect", "compare", "gate", "scan", "extend", "assess",
)  # fmt: skip
"""Folders of queries on a run, in the order they are built; ingest works on a database of its own."""
SQL = sorted((ROOT / "warehouse").rglob("*.sql"))
QUERIES = [path for path in SQL if path.parent.name in ("ingest", "export", *STAGES)]
STATEMENTS = {
    "macros", "registry", "kept_tables", "finish_run", "fail_run", "finish_stage", "forget_stages", "forget_run", "forget_all_stages", "start_run", "enter_certificates",
    "enter_certificate_words", "enter_certificate_shortcuts", "enter_certificate_methods",
    *(f"{verb}_{table}" for verb in ("keep", "forget") for table in ("facts", "words", "means", "verdicts", "groups")),
}  # fmt: skip
"""Files of `warehouse/` that are no SELECT."""


def name(path):
    return path.relative_to(ROOT).as_posix()


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


@cache
def syntax(path):
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported(path):
    """Dotted names of the modules that a file imports, anywhere in it."""
    for node in syntax(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_stage(path):
    """Whether some function of the file is a Prefect task."""
    return bool(stages_of(path))


def stages_of(path):
    """Names of the stages that a file defines."""
    calls = [
        decorator
        for node in syntax(path)
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if re.findall(r"\w+", ast.unparse(decorator))[:1] in (["stage"], ["task"])
    ]
    return [call.args[0].value for call in calls]


def folder_of(module):
    """The folder of `tasks/` a module is in; None for a stage."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 else None


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports_in_tasks():
    """Module -> the modules of `tasks/` that it imports."""
    found = {module_of(path): set(imported(path)) for path in modules("tasks") if path.stem != "__init__"}
    return {module: {other for other in names if other in found} for module, names in found.items()}


def reached(graph, start):
    waiting, found = [start], set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += graph[module]
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_from_those_before_them(package):
    after = PACKAGES[PACKAGES.index(package) + 1 :]
    upward = [
        (name(path), module) for path in modules(package) for module in imported(path) if module.split(".")[0] in after
    ]
    assert upward == []


def test_folders_of_tasks_import_only_from_those_before_them():
    place = {folder: i for i, folders in enumerate(SHARED) for folder in folders}
    graph = imports_in_tasks()
    assert {folder_of(module) for module in graph} - {None} <= set(place)
    wrong = [
        (module, other)
        for module, others in graph.items()
        for other in others
        if (folder := folder_of(module)) is not None and folder_of(other) != folder
        if folder_of(other) is None or place[folder_of(other)] >= place[folder]
    ]
    assert wrong == []


def test_no_module_of_tasks_reaches_itself():
    graph = imports_in_tasks()
    assert [module for module in graph if any(module in reached(graph, other) for other in graph[module])] == []


def test_a_file_directly_in_tasks_is_one_stage_of_its_name_and_no_stage_imports_another():
    stages = [path for path in modules("tasks") if path.parent.name == "tasks" and path.stem != "__init__"]
    assert {path.stem: stages_of(path) for path in stages} == {path.stem: [path.stem] for path in stages}
    assert [module_of(path) for path in modules("tasks") if path not in stages and is_stage(path)] == []
    named = {module_of(path) for path in stages}
    assert [(module, other) for module, others in imports_in_tasks().items() for other in others & named] == []


def test_a_folder_of_queries_is_built_by_the_stage_of_its_name():
    folders = {path.relative_to(ROOT / "warehouse").parts[0] for path in QUERIES}
    built = {
        (folder, module_of(path))
        for package in ("tasks", "flows")
        for path in modules(package)
        for folder in re.findall(r"\"(\w+)/[\w{}]+\"", path.read_text(encoding="utf-8"))
        if folder in folders
    }
    # What a page or a terminal shows is read in several places, and built nowhere.
    assert built - {(folder, f"tasks.{folder}") for folder in folders} <= {
        ("report", "flows.terminal"), ("report", "flows.shown"), ("report", "flows.facts"), ("report", "flows.word"), ("report", "flows.python"), ("report", "tasks.pages.assembled"), ("report", "tasks.pages.banner"), ("report", "tasks.pages.exports"), ("report", "tasks.pages.languages"),
        ("report", "tasks.pages.preprocess"), ("report", "tasks.pages.redact"), ("report", "tasks.pages.sentences"),
        ("ingest", "tasks.runs.identity"),
    }  # fmt: skip


def covered(path):
    """What the calls of `code_of` in a file name."""
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "code_of"
    ]
    return {argument.value for call in calls for argument in call.args}


@pytest.mark.parametrize(
    ("keyed_in", "stages"),
    [
        ("tasks.finetune", ["finetune"]), ("tasks.trace", ["trace"]), ("tasks.plant", ["plant"]), ("tasks.rank", ["rank"]), ("tasks.report", ["report"]), ("tasks.extend", ["extend"]), ("tasks.teach", ["teach"]),
        # The name of the run is the key of its shards and parts.
        ("tasks.runs.identity", ["ingest", "attribute"]),
        ("tasks.trials.part", ["verify", "remove"]),
    ],
)  # fmt: skip
def test_the_key_of_a_stage_covers_every_module_that_decides_its_figures(keyed_in, stages):
    """A key that misses one would go on showing figures of code that is no more."""
    names = covered(ROOT / f"{keyed_in.replace('.', '/')}.py")
    graph = imports_in_tasks()
    for stage in stages:
        own = f"tasks.{stage}"
        assert own in names or own in ("tasks.verify", "tasks.remove"), (
            "the stage itself"
        )  # trials depend on the group alone, which is in the key
        needed = {module for module in reached(graph, own) if folder_of(module) not in NO_FIGURES | {None}}
        assert [module for module in needed if f"tasks.{folder_of(module)}" not in names] == []


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
    ] == [("tasks/runtime/workers.py", "ray")]


def test_every_seed_is_described():
    described = (ROOT / "warehouse/seeds/README.md").read_text(encoding="utf-8")
    seeds = [path.name for path in (ROOT / "warehouse/seeds").iterdir() if path.name != "README.md"]
    assert [seed for seed in seeds if f"`{seed}`" not in described] == []


# ---------------------------------------------------------------- SQL


@cache
def parsed(path):
    """The syntax tree of a SELECT, as the database itself reads it."""
    # A connection of its own: what one test leaves unread on the shared one is an error in another.
    with duckdb.connect() as connection:
        sql = {"sql": path.read_text(encoding="utf-8")}
        ((tree,),) = connection.execute("select json_serialize_sql($sql)", sql).fetchall()
    return json.loads(tree)


def nodes(tree):
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from nodes(branch)


@cache
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
    assert header(path, "unique") or path.parent.name in ("report", "export", "compare", "gate")


@pytest.mark.parametrize("path", [path for path in SQL if path.stem not in STATEMENTS], ids=name)
def test_a_file_has_the_parameters_of_its_header(path):
    code = re.sub(r"--.*|'[^']*'", "", path.read_text(encoding="utf-8"))
    assert set(re.findall(r"\$(\w+)", code)) == set(header(path, "param"))


@pytest.mark.parametrize("path", QUERIES, ids=name)
def test_a_query_reads_only_tables_that_are_built_before_it(path):
    if path.parent.name == "ingest":
        known = {("", "plan")} if path.stem != "plan" else set()
    else:
        folder = next(stage for stage in STAGES if stage in path.relative_to(ROOT).parts)
        before = [stage for stage in STAGES[: STAGES.index(folder) + 1] if stage != "report"]
        known = {("", built.stem) for stage in before for built in (ROOT / "warehouse" / stage).glob("*.sql")} - {
            ("", path.stem if folder != "report" else "")
        }
        known |= {("main", "runs"), ("main", "stages")}
        known |= {("main", f"run_{table}") for table in ("facts", "words", "means", "verdicts", "groups")}
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
