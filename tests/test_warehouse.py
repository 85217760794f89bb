"""The Python of the warehouse: contracts, transactions, locks, views, and the same bytes from the same parts."""

import math
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import warehouse as package
from configs.schema import LimitsConfig
from tasks.attribution.pilot import BASELINES, PILOT
from warehouse import PUBLIC, WarehouseError, open_warehouse, query, scratch, seed, set_limits

REAL = Path(package.__file__).parent


@pytest.fixture
def queries(tmp_path, monkeypatch):
    """A package with the real registry and no other query; returns a function that adds one."""
    folder = tmp_path / "package"
    shutil.copytree(REAL / "registry", folder / "registry")
    for name in ("macros.sql", "registry.sql"):
        shutil.copy(REAL / name, folder)
    for name in ("checks", "seeds", "stage"):
        (folder / name).mkdir()

    def add(path, text):
        (folder / f"{path}.sql").write_text(dedent(text).lstrip(), encoding="utf-8")
        query.cache_clear()

    monkeypatch.setattr(package, "files", lambda name: folder)
    query.cache_clear()
    yield add
    query.cache_clear()


NUMBERS = """
    -- numbers: the first numbers.
    -- One row per number.
    --
    -- param   n      how many
    -- column  i      the number    [1]
    -- column  twice  its double; don't panic
    -- unique  i
    select i, 2 * i as twice from range($n) as numbers (i)  -- a comment at the end
"""


def content(database, run_id, table):
    return database._connection.sql(f'from "{run_id}".{table}').to_arrow_table()


def stages(database):
    return database._connection.sql("from main.stages order by run_id, stage").to_arrow_table().to_pylist()


# ---------------------------------------------------------------- the contract in the header


def test_a_query_is_its_file_with_the_contract_in_its_header(queries):
    queries("stage/numbers", NUMBERS)
    found = query("stage/numbers")
    assert (found.table, found.about, found.params, found.unique) == ("numbers", "the first numbers.", ("n",), ("i",))
    assert found.columns == {"i": "the number [1]", "twice": "its double; don't panic"}


def test_a_built_table_carries_the_words_of_its_header(queries, tmp_path):
    queries("stage/numbers", NUMBERS)
    with scratch(tmp_path) as database:
        database.build("stage/numbers", {"n": 3, "surplus": 1})
        assert database._connection.execute("from numbers").fetchall() == [(0, 0), (1, 2), (2, 4)]
        assert database._connection.execute("select comment from duckdb_tables()").fetchall() == [
            ("the first numbers.",)
        ]
        described = "select column_name, comment from duckdb_columns() where table_name = 'numbers'"
        assert dict(database._connection.execute(described).fetchall()) == query("stage/numbers").columns


@pytest.mark.parametrize(
    ("header", "built"),
    [
        ("twice  its double", "i, 2 * i as double"),
        ("twice  its double", "i"),
        ("twice  its double", "2 * i as twice, i"),
        ("", "i, 2 * i as twice"),
    ],
    ids=["renamed", "missing", "swapped", "surplus"],
)
def test_a_header_that_does_not_fit_the_columns_is_an_error_that_names_both(queries, tmp_path, header, built):
    lines = [
        "-- numbers: x",
        "-- column  i  the number",
        *([f"-- column  {header}"] if header else []),
        "-- unique  i",
        f"select {built} from range(3) as n (i)",
    ]
    queries("stage/numbers", "\n".join(lines))
    with scratch(tmp_path) as database, pytest.raises(WarehouseError) as caught:
        database.build("stage/numbers", {})
    promised = ["i", "twice"] if header else ["i"]
    actual = [column.split(" as ")[-1].strip() for column in built.split(",")]
    assert str(caught.value) == f"stage/numbers.sql: its header promises the columns {promised}, it builds {actual}."


def test_a_key_that_is_not_unique_is_an_error_with_an_example(queries, tmp_path):
    queries("stage/numbers", NUMBERS.replace("select i,", "select i // 2 as i,"))
    with (
        scratch(tmp_path) as database,
        pytest.raises(WarehouseError, match=r"stage/numbers\.sql: the key \(i\) is not unique, for example \(0,\)\."),
    ):
        database.build("stage/numbers", {"n": 3})


# ---------------------------------------------------------------- a stage is all or nothing


SMALL = """
    -- A number that is too large.
    -- param  largest  largest number
    select i from numbers where i > $largest
"""


def numbers_stage(database, n=3, upstream="facts", largest=10):
    return database.build_stage("run", "stage", ["stage/numbers"], {"n": n, "largest": largest}, upstream)


def test_a_stage_that_is_current_is_left_alone_and_one_whose_input_changed_is_rebuilt(queries, tmp_path):
    queries("stage/numbers", NUMBERS)
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        key = numbers_stage(database)
        first = stages(database)
        assert [row["stage_key"] for row in first] == [key]
        assert numbers_stage(database) == key
        assert stages(database) == first  # finished_at included: nothing was done
        assert numbers_stage(database, n=4) != key
        assert content(database, "run", "numbers").num_rows == 4
        assert numbers_stage(database, upstream="other facts") != key
        assert numbers_stage(database) == key  # and back
        assert stages(database)[0]["finished_at"] > first[0]["finished_at"]


@pytest.mark.parametrize("changed", ["stage/numbers.sql", "checks/numbers__small.sql", "macros.sql", "seeds/words.csv"])
def test_a_changed_query_check_macro_or_word_list_rebuilds_the_stage(queries, tmp_path, changed):
    queries("stage/numbers", NUMBERS)
    queries("checks/numbers__small", SMALL)
    file = tmp_path / "package" / changed
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        key = numbers_stage(database)
        file.write_text((file.read_text() if file.is_file() else "") + "\n-- changed")
        query.cache_clear()
        assert numbers_stage(database) != key


def test_a_stage_that_is_rebuilt_forgets_the_later_ones_whatever_the_clock_said(queries, tmp_path):
    queries("stage/numbers", NUMBERS)
    order = ["screen", "judge", "aggregate"]
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        for stage in order:
            database.build_stage("run", stage, ["stage/numbers"], {"n": 3}, "facts")
        # As a clock that was wrong leaves it: the first stage finished last.
        database._connection.execute(
            "update main.stages set finished_at = finished_at + to_days(900) where stage = 'aggregate'"
        )
        database.build_stage("run", "screen", ["stage/numbers"], {"n": 4}, "facts")
        assert [row["stage"] for row in stages(database)] == ["aggregate", "screen"]


def test_a_failed_check_leaves_the_old_tables_as_they_were(queries, tmp_path):
    queries("stage/numbers", NUMBERS)
    queries("checks/numbers__small", SMALL)
    queries("checks/others__small", "select nothing from nowhere")  # of another table: not run
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        numbers_stage(database, largest=2)
        before = (content(database, "run", "numbers"), stages(database))
        with pytest.raises(WarehouseError) as caught:
            numbers_stage(database, n=9, largest=2)
        assert str(caught.value) == (
            "The check numbers__small found 6 counter-examples, for example [{'i': 3}, {'i': 4}, {'i': 5}, {'i': 6}, {'i': 7}]. "
            "The tables of this stage were left as they were."
        )
        assert (content(database, "run", "numbers"), stages(database)) == before
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        assert (content(database, "run", "numbers"), stages(database)) == before


def test_a_stage_that_fails_halfway_keeps_none_of_its_tables(queries, tmp_path):
    queries("stage/numbers", NUMBERS)
    queries("stage/broken", "-- broken: x\n-- column  i  x\n-- unique  i\nselect error('no') as i")
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        with pytest.raises(duckdb.Error, match="no"):
            database.build_stage("run", "stage", ["stage/numbers", "stage/broken"], {"n": 3}, "facts")
        assert database._connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'run'"
        ).fetchall() == [(0,)]
        assert stages(database) == []


def test_the_registry_knows_a_run_from_its_start_to_its_end(tmp_path):
    def status(database):
        return [
            (row["run_id"], row["status"], row["finished_at"] is None, row["config"])
            for row in database.rows("registry/runs", {}).to_pylist()
        ]

    facts = {
        "run_id": "run",
        "name": "demo",
        "folder": "runs",
        "labels": ["no", "yes"],
        "config": '{"a": 1}',
        "inputs": "{}",
        "versions": "{}",
    }
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        database.run("registry/start_run", facts)
        assert status(database) == [("run", "running", True, '{"a": 1}')]
        database.run("registry/finish_run", {"run_id": "run"})
        assert status(database) == [("run", "finished", False, '{"a": 1}')]
        database.run("registry/start_run", {**facts, "config": '{"a": 2}'})
        assert status(database) == [("run", "running", True, '{"a": 2}')]
        database.run("registry/finish_run", {"run_id": "run"})
        database.run("registry/start_run", {**facts, "run_id": "later"})
        assert [row[0] for row in status(database)] == ["later", "run"]


# ---------------------------------------------------------------- batches


LISTED = """
    -- listed: the numbers of some lists.
    -- One row per number.
    --
    -- batch   lists
    -- param   lists       lists of numbers
    -- column  example_id  the number
    -- unique  example_id
    select example_id from (select unnest($lists) as example_id)
"""
DOUBLED = """
    -- doubled: the same numbers, each with the size of its batch.
    -- One row per number.
    --
    -- first   stage/sizes
    -- batch   listed
    -- column  example_id  the number
    -- column  n_batch     numbers of its batch
    -- column  n_all       all numbers
    -- unique  example_id
    select example_id, count(*) over () as n_batch, n_all from listed, sizes order by example_id
"""
SIZES = """
    -- sizes: how many numbers there are.
    -- One row.
    --
    -- column  n_all  all numbers
    -- unique  n_all
    select count(*) as n_all from listed
"""


def test_a_batch_sees_its_own_rows_and_what_was_made_first_sees_all(queries, tmp_path):
    queries("stage/listed", LISTED)
    queries("stage/sizes", SIZES)
    queries("stage/doubled", DOUBLED)
    params = {"lists": [5, 9, 2, 3, 7], "batch_files": 2}
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        database.build_stage("run", "stage", ["stage/listed", "stage/doubled"], params, "facts")
        database.use("run")
        rows = "select * from {} order by rowid"
        assert database._connection.execute(rows.format("listed")).fetchall() == [(5,), (9,), (2,), (3,), (7,)]
        assert database._connection.execute(rows.format("doubled")).fetchall() == [
            (5, 2, 5), (9, 2, 5), (2, 2, 5), (3, 2, 5), (7, 1, 5),
        ]  # fmt: skip
        names = (
            "select table_name from information_schema.tables where table_schema != 'main' or table_catalog = 'temp'"
        )
        assert sorted(database._connection.execute(names).fetchall()) == [("doubled",), ("listed",)]


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ([1, 2, 2, 3], r"stage/listed\.sql: 1 examples are in more than one batch\."),
        ([1, 2, 3, 3], r"stage/listed\.sql: the key \(example_id\) is not unique and in order, for example \(3,\)\."),
        ([1, 2, 4, 3], r"stage/listed\.sql: the key \(example_id\) is not unique and in order, for example \(3,\)\."),
    ],
    ids=["in two batches", "twice in one", "out of order"],
)
def test_batches_that_share_an_example_and_batches_out_of_order_are_refused(queries, tmp_path, lists, said):
    queries("stage/listed", LISTED)
    with scratch(tmp_path) as database, pytest.raises(WarehouseError, match=said):
        database.build("stage/listed", {"lists": lists, "batch_files": 2})


def test_a_batch_that_fails_leaves_nothing_that_hides_a_table(queries, tmp_path):
    queries("stage/listed", LISTED)
    queries("stage/sizes", SIZES)
    queries("stage/doubled", DOUBLED.replace("n_all from", "if(example_id = 3, error('no'), n_all) as n_all from"))
    params = {"lists": [5, 9, 2, 3, 7], "batch_files": 2}
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        database.build_stage("run", "stage", ["stage/listed"], params, "facts")
        with pytest.raises(duckdb.Error, match="no"):
            database.build_stage("run", "stage", ["stage/listed", "stage/doubled"], params, "facts")
        database.use("run")
        assert database._connection.execute("select count(*) from listed").fetchall() == [(5,)]


# ---------------------------------------------------------------- other processes, other files


HOLD = """
import sys
from pathlib import Path
from warehouse import open_warehouse

with open_warehouse(Path(sys.argv[1]), read_only=sys.argv[2] == "read"):
    print("open", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held(path, mode):
    """Another process that has the database open, until it is sent a line."""
    command = [sys.executable, "-c", HOLD, str(path), mode]
    with subprocess.Popen(
        command, cwd=REAL.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("read_only", [False, True], ids=["writer", "reader"])
def test_while_another_process_writes_one_waits_and_then_says_who_it_is(tmp_path, read_only):
    path = tmp_path / "audits.duckdb"
    with held(path, "write") as process:
        started = time.monotonic()
        with pytest.raises(WarehouseError) as caught, open_warehouse(path, read_only=read_only, wait_seconds=0.6):
            pass
        assert 0.6 <= time.monotonic() - started < 5
        assert str(caught.value) == (
            f"The warehouse {path} is in use by another process (PID {process.pid}), and still was after 1 s. "
            "Try again when it has ended, or name another file under `warehouse`."
        )


def test_one_gets_the_database_when_the_other_process_lets_go(tmp_path):
    path = tmp_path / "audits.duckdb"
    with held(path, "write") as process:
        process.stdin.write("\n")
        process.stdin.flush()
        with open_warehouse(path, wait_seconds=30) as database:
            assert database.rows("registry/runs", {}).num_rows == 0


def test_readers_do_not_wait_for_each_other(tmp_path):
    path = tmp_path / "audits.duckdb"
    with open_warehouse(path):
        pass
    with held(path, "read"), open_warehouse(path, read_only=True, wait_seconds=0) as database:
        assert database.rows("registry/runs", {}).num_rows == 0


@pytest.mark.parametrize("read_only", [False, True], ids=["writer", "reader"])
@pytest.mark.parametrize("garbage", [b"", b"hello", b"hello world" * 1000])
def test_a_file_that_is_no_database_is_an_error_of_one_line_at_once(tmp_path, garbage, read_only):
    path = tmp_path / "blocked.duckdb"  # the name must not pass for a lock
    path.write_bytes(garbage)
    started = time.monotonic()
    with pytest.raises(WarehouseError) as caught, open_warehouse(path, read_only=read_only):
        pass
    assert str(caught.value).startswith(f"The warehouse {path} cannot be opened: ")
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 5
    assert path.read_bytes() == garbage


def test_who_waits_says_so_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(package, "_SILENT_SECONDS", 0.3)
    path = tmp_path / "audits.duckdb"
    with held(path, "write") as process:
        with pytest.raises(WarehouseError), open_warehouse(path, wait_seconds=1):
            pass
        assert capsys.readouterr().err == f"warehouse\twaiting for another process (PID {process.pid})\t{path}\n"


def test_a_database_that_is_being_made_is_seen_by_nobody_until_it_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "audits.duckdb"

    def stop(path, other):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", stop)
        with pytest.raises(KeyboardInterrupt), open_warehouse(path):
            pass
    assert not path.exists()
    with open_warehouse(path):
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == [".audits.duckdb.lock", "audits.duckdb"]


def test_whoever_makes_the_database_second_takes_the_first_ones(tmp_path, monkeypatch):
    path = tmp_path / "audits.duckdb"
    with open_warehouse(path) as database:
        database._connection.execute("create table main.mine as select 1 as i")
    package._create(path)
    with open_warehouse(path) as database:
        assert database._connection.execute("from main.mine").fetchall() == [(1,)]


FILL = """
import resource, signal, sys
from pathlib import Path
from warehouse import WarehouseError, open_warehouse

path = Path(sys.argv[1])
limit = path.stat().st_size + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with open_warehouse(path) as database, database._transaction():
        database._connection.execute("create or replace table main.kept as select i, hash(i) as h from range(2000000) as r (i)")
except WarehouseError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 20_000, 2_000_000], ids=["none", "a little", "for half of it"])
def test_a_disk_that_fills_up_is_a_sentence_and_leaves_the_tables_as_they_were(tmp_path, room):
    path = tmp_path / "audits.duckdb"
    with open_warehouse(path) as database:
        database._connection.execute("create table main.kept as select 1 as i")
    result = subprocess.run(
        [sys.executable, "-c", FILL, str(path), str(room)], cwd=REAL.parent, capture_output=True, text=True
    )
    assert "Traceback" not in result.stderr
    (sentence,) = result.stdout.splitlines()
    assert sentence.startswith(f"The warehouse {path}")
    assert "File too large" in sentence
    with open_warehouse(path) as database:
        assert database._connection.execute("from main.kept").fetchall() == [(1,)]


def test_limits_hold_and_what_was_spilled_is_removed(tmp_path):
    path, spill = tmp_path / "audits.duckdb", tmp_path / "spill"
    try:
        set_limits(LimitsConfig(memory_limit="100MB", temp_directory=spill))
        with open_warehouse(path) as database:
            (own,) = database._connection.execute("select current_setting('temp_directory')").fetchone()
            stale = Path(f"{own}1")
            stale.mkdir()
            assert database._connection.execute("select current_setting('memory_limit')").fetchall() == [("95.3 MiB",)]
            database._connection.execute(
                "create table t as select i, hash(i) as h from range(20_000_000) as r (i) order by h"
            )
            assert len(list(spill.iterdir())) == 2
        assert list(spill.iterdir()) == [stale]
        with open_warehouse(path, read_only=True):
            assert list(spill.iterdir()) == [stale]  # it may be another reader's
        with open_warehouse(path):
            assert list(spill.iterdir()) == []
    finally:
        set_limits(LimitsConfig())


def test_reading_a_warehouse_that_is_not_there_makes_none(tmp_path):
    with (
        pytest.raises(WarehouseError, match=r"There is no warehouse .* yet"),
        open_warehouse(tmp_path / "no.duckdb", read_only=True),
    ):
        pass
    assert not (tmp_path / "no.duckdb").exists()


# ---------------------------------------------------------------- the real queries, end to end

STAGES = {
    "aggregate": (
        "examples", "rejects", "word_occurrences", "piece_occurrences", "bigram_occurrences", "word_scores", "word_importance", "corpus_means",
        "corpus_facts",
        "word_bootstrap", "label_association", "minority_gap", "quadrants", "example_slices", "slice_importance", "slice_association",
        "slice_difference", "corpora", "stability", "attribution_quality", "pilot", "baseline_agreement",
    ),
    "screen": ("word_types", "words", "candidates"),
    "verify": ("trials", "effects", "company", "evidence", "verification_cost"),
    "judge": ("waivers", "meaning", "verdicts"),
    "recommend": ("vocabulary_candidates", "labelling_hints"),
}  # fmt: skip
TABLES = [table for tables in STAGES.values() for table in tables]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Shards and parts of 300 made-up examples: 60 words, a third of them in two pieces, scores of all sizes."""
    folder = tmp_path_factory.mktemp("parts")
    random = np.random.default_rng(0)
    roots = ["film", "plot", "gripp", "tedi", "nolan", "good", "bad", "not", "the", "19", "dull", "grac"]
    words = [root + ending for root in roots for ending in ("", "s", "ing", "ous", "ly")]
    shards, tokens, examples = [], [], []
    for i in range(300):
        label = int(random.integers(2))
        chosen = random.choice(len(words), 10)
        if i % 4 == 0:
            chosen[4:6] = words.index("nolan"), words.index("plots")
            chosen[chosen == words.index("gripp")] = words.index("the")
        if i % 8 == 0:
            chosen[6] = words.index("gripp")
        text, kept = "", []
        for position, word in enumerate(words[w] for w in chosen):
            shown = word.capitalize() if word.startswith("nolan") or not position else word
            start, text = len(text), f"{text}{shown} "
            cuts = [0, 4, len(shown)] if len(shown) > 5 else [0, len(shown)]
            lean = (2.0 if word.startswith(("good", "nolan")) else 0.0) * (1 if label else -1) + 0.1 * len(word)
            kept += [
                (start + a, start + b, start, start + len(shown), lean + float(random.normal()))
                for a, b in pairwise(cuts)
            ]
        scores = np.array([np.float32(score) for *_, score in kept])
        total = float(scores.astype(float).sum())
        predicted = label if random.random() < 0.8 else 1 - label
        shards.append(
            {"example_id": i, "source_id": f"s{i}", "text": text, "label_id": label, "n_tokens": len(kept), "n_cut": 0}
        )
        converged = bool(i % 50)
        facts = {
            "confidence": 0.9,
            "score": 1.0,
            "gap": 0.01,
            "special_score": 0.0,
            "gradients": 8,
            "error": None,
            "converged": converged,
            "reason": None if converged else "tolerance",
            "n_windows": 1,
        }
        examples.append(
            {"example_id": i, "predicted_id": predicted, "target_id": predicted, "change": total - 0.01, **facts}
        )
        tokens += [
            {
                "example_id": i, "position": p, "token_start": a, "token_end": b, "word_start": start, "word_end": end, "gradient_norm": abs(float(score)),
                "gradient_x_input": float(score) / 3, "relevance": None, "integrated_gradients": score, "contrast": 0.01,
            }
            for p, (a, b, start, end, score) in enumerate(kept)
        ]  # fmt: skip
    paths = {}
    for name, rows in (("shards", shards), ("example_parts", examples), ("token_parts", tokens)):
        paths[name] = []
        for number in range(3):
            path = folder / f"{name}-{number}.parquet"
            pq.write_table(pa.Table.from_pylist([row for row in rows if row["example_id"] // 100 == number]), path)
            paths[name].append(str(path))
    pilot, baselines = folder / "plan.pilot.parquet", folder / "plan.baselines.parquet"
    pq.write_table(pa.Table.from_pylist([{"example_id": 1, "role": "held out"}], schema=PILOT), pilot)
    pq.write_table(pa.Table.from_pylist([{"baseline_a": "mask", "baseline_b": "zero"}], schema=BASELINES), baselines)
    rejects = folder / "rejects.parquet"
    pq.write_table(pa.table({"example_id": [999], "source_id": ["s"], "text": ["=cmd"], "reason": ["empty"]}), rejects)
    slices = folder / "slices.parquet"
    halves = ["odd" if i % 2 else "even" for i in range(300)]
    pq.write_table(pa.table({"example_id": range(300), "slice": ["half"] * 300, "value": halves}), slices)
    trials = folder / "trials.parquet"
    pq.write_table(
        pa.Table.from_pylist([
            {
                "kind": "word", "label": "yes", "word": "nolan", "operator": operator, "replacement": None, "example_id": i,
                "margin_before": 2.0, "margin_after": 2.0 + sign * (3.0 * (i % 8 == 0) + 0.01 * i), "predicted_before": int(sign < 0),
                "predicted_after": 1, "gold": 1,
            }
            for operator, sign in (("delete", -1), ("mask", -1), ("insert", 1))
            for i in range(4, 49, 4)
        ]), trials,
    )  # fmt: skip
    return {
        **paths,
        "slice_parts": [str(slices)],
        "trial_parts": [str(trials)],
        "reject_parts": [str(rejects)],
        "pilot_parts": [str(pilot)],
        "baseline_parts": [str(baselines)],
    }


def settled(parts):
    """Every parameter of the stages."""
    return {
        **parts, "labels": ["no", "yes"], "mirrored": True, "mode": "fixed", "tolerance": 0.025, "max_gap": 0.1, "method": "integrated_gradients", "plan": "{\"mode\": \"fixed\"}", "min_examples": 5, "prior_examples": 4.0,
        "first_names": ["grace"], "surnames": ["nolan"], "ner_votes": "[]", "min_capitalised": 0.8, "min_casing_examples": 3,
        **{name: seed(f"{name}.csv") for name in ("function_words", "fixed_words", "places", "ordinary_words")},
        "max_q": 0.05, "min_score": 0.1, "min_spuriousness": 0.5,
        "sure_q": 0.05, "min_pmi": 0.5, "bootstrap_words": 50, "bootstrap_examples": 200, "bootstrap_replicates": 40, "bootstrap_seed": 0,
        "corpus": "data", "corpora": ["corpus_means", "corpus_means"], "facts": ["corpus_facts"],
        "max_candidates": 300, "passes": 48, "lost": 0, "max_documents": 32,
        "min_effect": 0.1, "min_operators": 2, "min_texts": 12, "min_turned": 0.125, "max_foretold": 0.15, "max_opposite": 0.25, "max_spread": 1.0, "min_surface": 0.6, "max_surface": 0.2,
        "waivers": '[{"word": "good", "label": "no", "reason": "r", "owner": "o", "expires": "2027-06-30", "expired": true}]',
        "meaning": '[{"label": "yes", "word": "nolan", "expected": 0.5}]',
        "max_vocabulary": 50, "max_hints": 30, "min_hint_examples": 8, "min_hint_lift": 0.05,
    }  # fmt: skip


def audit(database, parts, run_id="run", between=None):
    key = "facts"
    for stage, tables in STAGES.items():
        key = database.build_stage(run_id, stage, [f"{stage}/{table}" for table in tables], settled(parts), key)
        if between:
            between()


def exported(database, folder, run_id="run"):
    """The bytes of every table, as Parquet."""
    folder.mkdir()
    for table in TABLES:
        database._connection.execute(
            f'copy "{run_id}".{table} to $path (format parquet)', {"path": str(folder / table)}
        )
    return {table: (folder / table).read_bytes() for table in TABLES}


def test_the_same_parts_give_the_same_bytes_in_any_database(parts, tmp_path):
    with open_warehouse(tmp_path / "a.duckdb") as database:
        audit(database, parts)
        sizes = {table: content(database, "run", table).num_rows for table in TABLES}
        first = exported(database, tmp_path / "a")
    assert min(sizes.values()) > 0, sizes
    assert sizes["word_occurrences"] == 2940  # 10 words in each of 300 - 6 examples
    with open_warehouse(tmp_path / "b.duckdb") as database:
        audit(database, parts)
        again = exported(database, tmp_path / "b")
    with open_warehouse(tmp_path / "c.duckdb") as database:
        # Other work on the same connection, and an earlier build of the same run that is now replaced.
        audit(database, {**parts, "token_parts": parts["token_parts"][::-1]})
        audit(
            database,
            parts,
            between=lambda: database.build_stage("other", "aggregate", ["aggregate/rejects"], settled(parts), "x"),
        )
        third = exported(database, tmp_path / "c")
    assert {table for table in TABLES if first[table] != again[table]} == set()
    assert {table for table in TABLES if first[table] != third[table]} == set()


def in_batches(parts, files, **changed):
    return {**settled(parts), "batch_files": files, **changed}


def built(folder, params):
    """The tables of the aggregate stage, each in the order of its key."""
    with open_warehouse(folder / f"{params['batch_files']}-{params['method']}.duckdb") as database:
        database.build_stage("run", "aggregate", [f"aggregate/{table}" for table in STAGES["aggregate"]], params, "x")
        return {
            table: database._connection.sql(
                f"from run.{table} order by {', '.join(query(f'aggregate/{table}').unique)}"
            ).to_arrow_table()
            for table in STAGES["aggregate"]
        }


def test_batches_of_one_part_give_the_tables_of_one_batch(parts, tmp_path):
    one, all_at_once = (built(tmp_path, in_batches(parts, files)) for files in (1, 3))
    for table, expected in all_at_once.items():
        assert one[table].schema == expected.schema
        for name in expected.column_names:
            if pa.types.is_floating(expected[name].type):
                found, wanted = (column.fill_null(np.inf).to_numpy() for column in (one[table][name], expected[name]))
                # atol: what is nearly 0 is the difference of sums of size 1.
                np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14, err_msg=f"{table}.{name}")
            else:
                assert one[table][name].equals(expected[name]), (table, name)


def test_words_and_pairs_of_batches_are_those_that_python_counts(parts, tmp_path):
    tables = built(tmp_path, in_batches(parts, 1, min_pmi=-3.0))
    read = {name: pa.concat_tables([pq.read_table(path) for path in parts[name]]).to_pylist() for name in ("shards", "example_parts", "token_parts")}  # fmt: skip
    explained = {row["example_id"] for row in read["example_parts"] if row["converged"]}
    scores, holders = defaultdict(float), defaultdict(set)
    texts = {row["example_id"]: row["text"] for row in read["shards"] if row["example_id"] in explained}
    for row in read["token_parts"]:
        if row["example_id"] in explained:
            word = texts[row["example_id"]][row["word_start"] : row["word_end"]].lower()
            scores[row["example_id"], word] += row["integrated_gradients"]
    for example_id, text in texts.items():
        # Of these texts every word is letters, and one space stands between two.
        words = text.lower().split()
        for word in {*words, *pairwise(words)}:
            holders[word].add(example_id)
    found = {(r["example_id"], r["word"]): r["score"] for r in tables["word_scores"].to_pylist() if r["kind"] == "word"}
    assert found == pytest.approx(dict(scores), rel=1e-12)
    pairs = {}
    for pair in (key for key in holders if isinstance(key, tuple)):
        num_pair, num_first, num_second = (len(holders[key]) for key in (pair, *pair))
        pmi = math.log(num_pair * len(texts) / (num_first * num_second))
        if num_pair >= 5 and pmi >= -3:
            pairs[" ".join(pair)] = (num_pair, pmi)
    rows = tables["bigram_occurrences"].to_pylist()
    assert len(pairs) > 5
    assert {row["word"]: (row["n_pair"], pytest.approx(row["pmi"], rel=1e-12)) for row in rows} == pairs
    assert {(row["example_id"], row["word"]) for row in rows} == {
        (example_id, pair) for pair in pairs for example_id in holders[tuple(pair.split())]
    }


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_x_input"])
def test_parts_that_are_not_those_of_their_shards_are_refused(parts, tmp_path, method):
    swapped = [parts["token_parts"][i] for i in (1, 0, 2)]
    examples = []
    for number, path in enumerate(parts["example_parts"]):
        rows = pq.read_table(path).to_pylist()
        # Gradient x input has nothing to add up to but the tokens themselves.
        gap = {"gap": None} if method == "gradient_x_input" else {}
        pq.write_table(pa.Table.from_pylist([{**row, **gap} for row in rows]), tmp_path / f"{number}.parquet")
        examples.append(str(tmp_path / f"{number}.parquet"))
    changed = {"token_parts": swapped, "example_parts": examples, "method": method, "mode": "corpus"}
    built(tmp_path, in_batches(parts, 3, **changed))  # in one batch the order of the parts is no matter
    with pytest.raises(WarehouseError, match="The check word_occurrences__words_and_special_tokens_add_up found"):
        built(tmp_path, in_batches(parts, 1, **changed))


def test_a_shard_that_is_there_twice_is_refused_across_batches(parts, tmp_path):
    twice = {name: [*parts[name], parts[name][0]] for name in ("shards", "example_parts", "token_parts")}
    with pytest.raises(WarehouseError, match=r"aggregate/examples\.sql: 100 examples are in more than one batch\."):
        built(tmp_path, in_batches(parts, 1, **twice))


def test_a_quarantined_example_is_in_no_figure(parts, tmp_path):
    def figures(changed):
        with open_warehouse(tmp_path / f"{changed}.duckdb") as database:
            audit(database, {**parts, "example_parts": [str(tmp_path / changed)]})
            return {table: content(database, "run", table) for table in TABLES if table != "examples"}

    rows = pa.concat_tables([pq.read_table(path) for path in parts["example_parts"]])
    pq.write_table(rows, tmp_path / "plain")
    wild = [
        row
        if row["converged"]
        else {
            **row,
            "predicted_id": 1 - row["predicted_id"],
            "target_id": 1 - row["target_id"],
            "change": 1e9,
            "score": 1e9,
        }
        for row in rows.to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(wild, schema=rows.schema), tmp_path / "wild")
    assert figures("plain") == figures("wild")


def test_every_public_view_shows_the_run_and_explains_its_columns(parts, tmp_path):
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        for run_id in ("first", "second"):
            audit(database, parts, run_id)
            database.publish(run_id)
        connection = database._connection
        described = connection.execute(
            "select view_name, comment from duckdb_views() where schema_name = 'main' and not internal"
        ).fetchall()
        columns = connection.execute(
            "select table_name, column_name, comment from duckdb_columns() where schema_name = 'main'"
        ).fetchall()
        shown = {name: connection.execute(f"select distinct run_id from main.{name}").fetchall() for name in PUBLIC}
    assert set(PUBLIC) == set(TABLES) - {"piece_occurrences", "corpus_means", "corpus_facts"}
    assert shown == {name: [("second",)] for name in PUBLIC}
    written = {
        query(f"{stage}/{table}").table: query(f"{stage}/{table}")
        for stage, tables in STAGES.items()
        for table in tables
    }
    assert dict(described) == {name: written[name].about for name in PUBLIC}
    for name in PUBLIC:
        assert {column: text for view, column, text in columns if view == name} == {
            "run_id": "the run of this row",
            **written[name].columns,
        }


def test_no_table_holds_integers_that_python_reads_as_decimals(parts, tmp_path):
    with open_warehouse(tmp_path / "audits.duckdb") as database:
        audit(database, parts)
        wide = [
            (t, c)
            for t in TABLES
            for c, kind, *_ in database._connection.execute(f"describe run.{t}").fetchall()
            if kind in ("HUGEINT", "UHUGEINT") or kind.startswith("DECIMAL")
        ]
    assert wide == []


def test_the_file_can_be_opened_by_duckdb_from_1_4_on(tmp_path):
    path = tmp_path / "audits.duckdb"
    with open_warehouse(path):
        pass
    with duckdb.connect(str(path)) as connection:
        ((tags,),) = connection.execute("select tags from duckdb_databases() where database_name = 'audits'").fetchall()
    assert tags["storage_version"] == "v1.4.0+"
