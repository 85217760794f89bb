"""Types of the words of the two corpora against labels by hand."""

import csv
from importlib.resources import files
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.sql.screen.texts import typed
from warehouse import seed

pytestmark = pytest.mark.slow

LABELLED = list(csv.DictReader((Path(__file__).parent / "word_types.csv").open(encoding="utf-8", newline="")))
"""Words of the two corpora with their type as a reader of the texts gave it."""


@pytest.fixture(scope="module")
def corpora(make_world, tmp_path_factory):
    """{corpus: (types of its words, its words most frequent first)}"""
    found = {}
    for name in ("movie_reviews", "tweets"):
        world = make_world(tmp_path_factory.mktemp(name))
        rows = typed(world, pq.read_table(seed(f"{name}.parquet"))["text"].to_pylist())
        counts = world.connection.execute(
            "select word from word_occurrences group by word order by count(*) desc, word"
        )
        found[name] = ({word: row for (_, word), row in rows.items()}, [word for (word,) in counts.fetchall()])
        world.close()
    return found


@pytest.mark.parametrize(("kind", "precision", "recall"), [
    ("name", 0.9, 0.9), ("place", 0.9, 0.9), ("identity term", 0.9, 0.9), ("number", 0.95, 0.95), ("date", 0.95, 0.95), ("money", 0.95, 0.95),
    ("single letter", 0.95, 0.95), ("link", 0.95, 0.95), ("handle", 0.95, 0.95), ("hashtag", 0.95, 0.95), ("markup", 0.95, 0.95),
    ("function word", 0.95, 0.95), ("content word", 0.9, 0.85),
])  # fmt: skip
def test_types_agree_with_labels_by_hand(corpora, kind, precision, recall):
    pairs = [(row["type"], corpora[row["corpus"]][0][row["word"]]["type"], row["word"]) for row in LABELLED]
    assert len(pairs) >= 150
    given = [(wanted, word) for wanted, got, word in pairs if got == kind]
    wanted = [(got, word) for wanted, got, word in pairs if wanted == kind]
    assert sum(label == kind for label, _ in given) >= precision * len(given), given
    assert sum(label == kind for label, _ in wanted) >= recall * len(wanted), wanted


def test_no_common_evaluative_word_is_taken_for_a_name_a_place_or_a_fragment(corpora):
    lines = files("vaderSentiment").joinpath("vader_lexicon.txt").read_text(encoding="utf-8").splitlines()
    strong = {line.split("\t")[0] for line in lines if abs(float(line.split("\t")[1])) >= 2}
    for types, frequent in corpora.values():
        evaluative = [word for word in frequent[:300] if word in strong]
        assert len(evaluative) >= 10
        assert {types[word]["type"] for word in evaluative} & {"name", "place", "fragment"} == set()


def test_lower_cased_and_shouted_corpora_take_hardly_an_evaluative_word_for_a_name(make_world, tmp_path_factory):
    texts = pq.read_table(seed("tweets.parquet"))["text"].to_pylist()
    for change in (str.lower, str.upper):
        world = make_world(tmp_path_factory.mktemp("changed"))
        rows = typed(world, [change(text) for text in texts])
        names = {word for (_, word), row in rows.items() if row["type"] in ("name", "place")}
        assert "chicago" in names
        assert not names & (
            {"best", "love", "grace", "nice", "joy", "good", "happy", "hope", "sunny", "reading", "mobile"}
        )
        world.close()
