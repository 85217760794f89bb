"""What the warehouse keeps of a finished run, from tables by hand."""

import json

import pytest

from configs.schema import AuditConfig
from tasks.runs.kept import keep_run, kept_runs
from tests.conftest import text_table
from warehouse import open_warehouse

pytestmark = pytest.mark.slow

CONFIG = AuditConfig.model_validate({"name": "films", "data": {"path": "x.csv"}, "model": {"path": "m"}})
TABLES = {
    # The last text missed its tolerance; it is in no figure.
    "examples": """
        example_id | gold_label:varchar | correct:boolean | converged
        1          | film               | true            | true
        2          | film               | false           | true
        3          | other              | true            | true
        4          | null               | null            | true
        5          | other              | false           | false
    """,
    "rejects": "example_id\n7\n8",
    "word_scores": """
        kind  | example_id | word | score:double
        word  | 1          | day  | 0.5
        word  | 2          | day  | -0.3
        word  | 2          | sun  | 0.1
        piece | 2          | ·un  | 0.1
        word  | 3          | day  | 0.2
    """,
    "word_importance": """
        kind | label | word | n_examples | mean_score:double | std_error:double
        word | film  | day  | 3          | 0.2               | 0.05
    """,
    "waivers": """
        word | label:varchar | owner | reason
        day  | ""            | all   | any
        day  | film          | desk  | his films
    """,
    "verdicts": """
        rank | kind | label | word | type | verdict  | status   | part_of:varchar | effect:double | effect_low:double | effect_high:double | per_1000:double | per_1000_low:double | per_1000_high:double | document_frequency:double | waived_by:varchar | waiver_reason:varchar | waiver_expires:varchar
        1    | word | film  | day  | name | spurious | spurious | null            | 1.0           | 0.5               | 1.5                | 4               | 2                   | 7                    | 0.75                      | null              | null                  | 2026-01-01
    """,
    "total": """
        state | per_1000:double | per_1000_low:double | per_1000_high:double | n_findings | n_used
        Minor | 4               | 2                   | 7                    | 1          | 2
    """,
}  # fmt: skip


def insert(connection, tables):
    for name, text in tables.items():
        connection.register("incoming", text_table(text))
        connection.execute(f"create or replace table {name} as select * from incoming")
        connection.unregister("incoming")
    connection.execute("alter table verdicts alter waiver_expires type date")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "audits.duckdb"
    with open_warehouse(path) as warehouse:
        facts = {"folder": str(tmp_path / "films_1"), "labels": ["other", "film"], "versions": '{"duckdb": "2.0"}'}
        inputs = {"data": "d", "model": "m", "weights": "w", "tokenizer": "t", "subject": "s"}
        warehouse.run(
            "registry/start_run",
            {
                "run_id": "films_1",
                "name": "films",
                "config": CONFIG.model_dump_json(),
                "inputs": json.dumps(inputs),
                **facts,
            },
        )
        warehouse.run("registry/finish_run", {"run_id": "films_1"})
        warehouse.use("films_1", create=True)
        insert(warehouse._connection, TABLES)
    return path


def read(path, table, columns="* exclude (run_id)"):
    with open_warehouse(path, read_only=True) as warehouse:
        return warehouse._connection.execute(f"select {columns} from main.run_{table} order by all").fetchall()


def test_a_run_is_kept_in_short(path):
    (facts,) = kept_runs(path, ["films_1"])
    wanted = {
        "name": "films", "n_read": 5, "n_rejected": 2, "n_quarantined": 1, "n_texts": 4, "n_gold": 3, "n_correct": 2, "min_examples": 5,
        "state": "Minor", "per_1000": 4, "n_findings": 1, "n_used": 2, "weights": "w", "tokenizer": "t", "subject": "s",
    }  # fmt: skip
    assert {name: facts[name] for name in wanted} == wanted
    # Mean absolute score over all four texts that were explained.
    assert read(path, "words") == [("day", 3, pytest.approx(1.0 / 4)), ("sun", 1, pytest.approx(0.1 / 4))]
    assert read(path, "means") == [("word", "film", "day", 3, 0.2, 0.05)]
    assert read(path, "groups") == [
        ("", "film", 2, 1),
        ("", "other", 1, 1),
        ("day", "film", 2, 1),
        ("day", "other", 1, 1),
    ]
    # A waiver that has expired keeps its owner, and that of the label goes first.
    assert read(path, "verdicts", "word, status, waived_by, waiver_reason") == [
        ("day", "spurious", "desk", "his films")
    ]


def test_what_is_kept_is_entered_anew_only_when_tables_have_changed(path):
    keep_run(path, "films_1")
    with open_warehouse(path) as warehouse:
        warehouse._connection.execute("update main.run_words set n_examples = 99")
    keep_run(path, "films_1")
    assert {n for _, n, _ in read(path, "words")} == {99}
    with open_warehouse(path) as warehouse:
        warehouse.run(
            "registry/finish_stage", {"run_id": "films_1", "stage": "judge", "stage_key": "new", "seconds": 1.0}
        )
    keep_run(path, "films_1")
    assert read(path, "words", "word, n_examples") == [("day", 3), ("sun", 1)]


def test_what_is_kept_outlives_the_tables_and_goes_with_the_run(path):
    keep_run(path, "films_1")
    with open_warehouse(path) as warehouse:
        warehouse._connection.execute("drop schema films_1 cascade")
    assert [row["run_id"] for row in kept_runs(path, ["films_1"])] == ["films_1"]
    with open_warehouse(path) as warehouse:
        warehouse.forget("films_1")
    assert kept_runs(path) == []
    assert [read(path, table) for table in ("words", "means", "verdicts", "groups")] == [[]] * 4


def test_the_data_are_the_file_and_the_choice_of_its_rows(path):
    hashes = set()
    for chosen in (
        {},
        {"where": {"date": "2026-11-29"}},
        {"sample": 100},
        {"sample": 100, "seed": 1},
        {"text": "review"},
    ):
        settings = CONFIG.model_copy(update={"data": CONFIG.data.model_copy(update=chosen)})
        with open_warehouse(path) as warehouse:
            warehouse._connection.execute("update main.runs set config = $c", {"c": settings.model_dump_json()})
        keep_run(path, "films_1")
        (facts,) = kept_runs(path)
        hashes.add(facts["data"])
    assert len(hashes) == 5
