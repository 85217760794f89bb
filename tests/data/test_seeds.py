"""The corpus of four classes is made of the two corpora."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

SEEDS = Path(__file__).parents[2] / "warehouse/seeds"


# ---------------------------------------------------------------- the four-class corpus


def test_the_corpus_of_four_classes_is_the_two_corpora():
    parts = [
        [(f"{kind}-{row['id']}", row["text"], f"{kind}_{row['label']}", row["split"]) for row in pq.read_table(SEEDS / name).to_pylist()]
        for kind, name in (("review", "movie_reviews.parquet"), ("tweet", "tweets.parquet"))
    ]  # fmt: skip
    joined = pq.read_table(SEEDS / "reviews_and_tweets.parquet")
    assert joined.column_names == ["id", "text", "label", "split"]
    assert [tuple(row.values()) for row in joined.to_pylist()] == parts[0] + parts[1]


def test_the_query_in_the_readme_makes_the_corpus_of_four_classes(tmp_path):
    query = (SEEDS / "README.md").read_text(encoding="utf-8").split("```sql\n")[1].split("```")[0]
    for name in ("movie_reviews", "tweets"):
        query = query.replace(f"'{name}.parquet'", f"'{SEEDS / name}.parquet'")
    with duckdb.connect() as connection:
        connection.execute(query.replace("'reviews_and_tweets.parquet'", f"'{tmp_path}/made.parquet'"))
    assert pq.read_table(tmp_path / "made.parquet").equals(pq.read_table(SEEDS / "reviews_and_tweets.parquet"))
