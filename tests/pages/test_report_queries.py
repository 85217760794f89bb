"""What the report asks the warehouse, and a second dataset beside the first."""

from importlib.resources import files

import pytest

from tasks.aggregate import aggregate_scores
from tasks.model.spec import ModelSpec
from tests.pages.world import EVIL, make_run, warehouse_of
from warehouse import open_warehouse, query

pytestmark = pytest.mark.slow


def test_the_header_of_every_query_names_the_columns_it_returns(audited):
    _, run, _ = audited
    params = {
        "run_id": run.run_id,
        "max_verdicts": 5,
        "labels": ["good"],
        "mirrored": True,
        "max_points": 9,
        "prior_examples": 4.0,
        "max_names": 5,
        "max_gap": 0.1,
        "max_gaps": 5,
        "top_words": 5,
        "browser_sentences": 6,
        "kinds": ["word"],
        "words": ["lovely"],
        "max_sentences": 2,
        "example_ids": [0],
        "token_parts": [str(path) for path in (run.folder / "parts").glob("*.tokens.parquet")],
        "rule_text_parts": [str(run.folder / "rules" / "matches.texts.parquet")],
        "word": "lovely",
        "n_rows": 5,
        "trial_parts": [str(path) for path in (run.folder / "trials").glob("part-*.trials.parquet")],
        "pattern_trial_parts": [str(run.folder / "trials" / "patterns.pattern_trials.parquet")],
        "type_trial_parts": [str(run.folder / "trials" / "placebos.type_trials.parquet")],
        "names": ["bad", "good"],
        "fdr": 0.05,
    }
    with warehouse_of(audited) as warehouse:
        for file in files("warehouse").joinpath("report").iterdir():
            if file.name.endswith(".sql"):
                path = f"report/{file.name.removesuffix('.sql')}"
                assert warehouse.table(path, params).column_names == list(query(path).columns), path


@pytest.mark.slow
def test_a_second_dataset_is_compared_word_by_word_and_changes_nothing_else(audited, tmp_path):
    config, run, _ = audited
    config = config.model_copy(update={"warehouse": tmp_path / "compared.duckdb"})
    model = ModelSpec(tmp_path / "model", 64, "m" * 64, (EVIL, "good"))
    shards = make_run(tmp_path / "data")

    def figures(compared):
        aggregate_scores.fn(config, run, model, shards, compared)
        with open_warehouse(config.warehouse, read_only=True) as warehouse:
            tables = {
                name: warehouse._connection.sql(f'from "{run.run_id}".{name}').to_arrow_table()
                for name in ("stability", "word_importance")
            }
        return tables["stability"].to_pylist(), tables["word_importance"]

    nothing, alone = figures(None)
    found, beside = figures(make_run(tmp_path / "other"))
    assert nothing == []
    assert beside.equals(alone)
    # The second dataset is a copy of the first: every word means the same in both.
    assert found
    assert {(tuple(row["corpora"]), row["sign_flip"], row["i2"]) for row in found} == {
        (("data", "compare"), False, 0.0)
    }
    assert min(row["p_value"] for row in found) > 0.999


@pytest.mark.parametrize(
    ("rules", "caseless"),
    [
        (["name.list", "content.other"], True),
        # A word that stands at the start of sentences only is found by the list although capitals do speak.
        (["name.list", "name.casing"], False),
        (["name.list", "name.casing_and_list"], False),
        (["content.other"], False),
    ],
)
def test_capitals_say_nothing_only_where_no_name_was_found_by_them(warehouse, rules, caseless):
    warehouse.insert(
        "examples",
        "correct | converged | gradients | relative_gap | special_score | n_cut | n_tokens | confidence\n"
        "true | true | 5 | 0.1 | 0.0 | 0 | 9 | 0.9",
    )
    warehouse.insert("words", "kind | used | word\nword | true | x")
    warehouse.insert("verdicts", "kind | word | status\nword | x | unclear")
    warehouse.insert("word_scores", "kind | word | score\nword | x | 1.0")
    warehouse.insert("word_occurrences", "surface | starts_sentence\nX | false")
    warehouse.insert("word_types", "\n".join(["rule", *rules]))
    (row,) = warehouse.rows("report/overview")
    assert (row["caseless"], row["n_near"]) == (caseless, 0)
    # 0.88 is 1.99 log-odds, 0.89 is 2.09; of three labels the likeliest may have less than one half.
    warehouse.connection.execute(
        "create table more as select e.* replace (unnest([0.88, 0.89, 0.3, 0.1, null]) as confidence) from examples as e"
    )
    warehouse.connection.execute("create or replace table examples as from more")
    assert [row["n_near"] for row in warehouse.rows("report/overview")] == [2]
