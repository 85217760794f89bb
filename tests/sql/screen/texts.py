"""Types of the words of texts that are written for a test.

The texts go through the same word boundaries as an audit's; no model is needed.
"""

import json

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.pages.rules import told
from tasks.screen import LISTS as CSV_FILES
from tasks.screen import QUERIES, _names
from tasks.text.words import word_spans
from warehouse import seed

LISTS = {name: seed(f"{name}.csv") for name in CSV_FILES} | {"identity_list": seed("identity_terms.csv")}

PLAIN = ["We saw it in Rome on a plain day and then we went home to sleep, which is all there was to do."] * 30
"""Texts whose capitals say something, around those of a test."""


def typed(world, texts, pieces=(), bigrams=(), votes="[]", identity_terms=False, languages=("en",)):
    """word_types of these texts, in these languages, under (kind, word); pieces are (piece, source word)."""
    spans = [(i, start, end) for i, text in enumerate(texts) for start, end in word_spans(text)]
    ids, starts, ends = zip(*spans, strict=True)
    ones = [1.0] * len(spans)
    tokens = pa.table({
        "example_id": ids, "word_start": starts, "word_end": ends, "gradient_norm": ones, "gradient_x_input": ones, "integrated_gradients": ones,
        "contrast": ones, "relevance": ones,
    })  # fmt: skip
    path = world._folder / "tokens.parquet"
    pq.write_table(tokens, path)
    examples = pa.table({"example_id": range(len(texts)), "text": texts, "converged": [True] * len(texts)})
    for name, table in (
        ("examples", examples),
        ("piece_occurrences", pa.table({"piece": [p for p, _ in pieces], "source_word": [w for _, w in pieces]}, pa.schema([("piece", pa.string()), ("source_word", pa.string())]))),
        ("word_importance", pa.table({"kind": ["bigram"] * len(bigrams), "word": list(bigrams)}, pa.schema([("kind", pa.string()), ("word", pa.string())]))),
    ):  # fmt: skip
        world.connection.register("incoming", table)
        world.connection.execute(f"create or replace table {name} as from incoming")
        world.connection.unregister("incoming")
    world.build("aggregate/word_occurrences", token_parts=[str(path)], method="integrated_gradients")
    first_names, surnames = _names()
    params = {
        "first_names": list(first_names),
        "surnames": list(surnames),
        "min_capitalised": 0.8,
        "min_casing_examples": 3,
        "ner_votes": votes,
        "identity_terms": identity_terms,
        "languages": json.dumps([{"language": code} for code in languages]),
        **LISTS,
    }
    rows = [world.build(path, **params) for path in QUERIES[: QUERIES.index("screen/word_types") + 1]][-1]
    # Every rule has a sentence, with all of its figures.
    return {(row["kind"], row["word"]): {**row, "said": told([row])} for row in rows}


def rules(world, texts, *words, **given):
    found = typed(world, [*PLAIN, *texts], **given)
    return [found["word", word]["rule"] for word in words]
