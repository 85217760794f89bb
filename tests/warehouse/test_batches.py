"""Batches of files and rows: each sees its own, and together they are the whole."""

import math
from collections import defaultdict
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.warehouse.helpers import (
    DOUBLED,
    LISTED,
    SIZES,
    built,
    in_batches,
)
from warehouse import WarehouseError, open_warehouse, scratch

pytestmark = pytest.mark.slow


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


@pytest.mark.slow
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


@pytest.mark.slow
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
