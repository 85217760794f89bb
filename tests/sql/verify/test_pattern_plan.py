"""With what a pattern is tried."""

from tests.sql.helpers import only

SETTLED = {"max_documents": 4, "max_stand_ins": 24, "min_stand_ins": 2}


def planned(warehouse, num_neutral):
    """A header in texts 0 to 4 of ten; texts 5 to 9 are read as the other label, with rising confidence."""
    texts = "\n".join(f"{i} | {'a' if i < 5 else 'b'} | {0.5 + i / 20} | {0 if i != 5 else 3} | 10" for i in range(10))
    warehouse.insert(
        "examples", "example_id | predicted_label | confidence:double | n_cut | n_tokens\n" + texts, converged=True
    )
    warehouse.insert("patterns", 'type | pattern | place | label | rank\nopening | "wrote: …" | start | a | 1')
    spans = "\n".join(f'opening | "wrote: …" | start | {i} | 0 | 6 | wrote:' for i in range(5))
    warehouse.insert("pattern_spans", "type | pattern | place | example_id | span_start | span_end | surface\n" + spans)
    warehouse.insert(
        "word_occurrences", "example_id | word | word_start | word_end\n0 | film | 7 | 11\n1 | film | 7 | 11"
    )
    warehouse.insert("word_types", "word | type | expectation\nfilm | content word | meaning", kind="word")
    warehouse.insert("words", "word:varchar | used:boolean | either_way:boolean", kind="word")
    neutral = "\n".join(f"w{i} | w{i}" for i in range(num_neutral))
    warehouse.insert("stand_ins", "word:varchar | inserted:varchar\n" + neutral, kind="word", type="content word")
    return warehouse.rows("verify/pattern_plan", **SETTLED)


def test_a_pattern_is_tried_on_texts_with_it_and_on_the_least_certain_of_the_other_label(warehouse):
    (row,) = planned(warehouse, 3)
    assert [(text["example_id"], text["spans"]) for text in row["held"]] == [
        (text["example_id"], [{"span_start": 0, "span_end": 6}]) for text in row["held"]
    ]
    assert {text["example_id"] for text in row["held"]} < set(range(5))
    assert len(row["held"]) == 4
    # The least certain first; of text 5 seven tokens of ten are read.
    assert only(row["others"], "example_id", "read_share") == [(5, 0.7), (6, 1.0), (7, 1.0), (8, 1.0)]
    assert (set(row["fillings"]), set(row["neutral"])) == ({"wrote:"}, {"w0", "w1", "w2"})


def test_without_neutral_words_no_pattern_is_tried(warehouse):
    assert planned(warehouse, 1) == []
    assert planned(warehouse, 0) == []


def test_a_long_text_loses_words_that_are_not_used_down_to_the_typical_length(warehouse):
    """Texts 0 and 1 have 14 and 6 words, the typical text 5; text 1 is long by its tokens, and loses four."""
    planned(warehouse, 3)
    sizes = {0: 14, 1: 6, **dict.fromkeys(range(2, 9), 5)}
    words = [f"{i} | w{k} | {3 * k} | {3 * k + 2}" for i, num in sizes.items() for k in range(num)]
    warehouse.insert("word_occurrences", "example_id | word | word_start | word_end\n" + "\n".join(words))
    types = "\n".join(f"word | w{k} | {'none' if k == 0 else 'meaning'}" for k in range(14))
    warehouse.insert("word_types", f"kind | word | expectation\n{types}")
    warehouse.insert("words", "kind | word | used | either_way\nword | w1 | true | false\nword | w2 | false | true")
    warehouse.insert("patterns", "rank | type | pattern | place | label\n1 | length | long | whole | a")
    spans = "\n".join(f"length | long | whole | {i} | 0 | 99 | " for i in (0, 1))
    warehouse.insert("pattern_spans", f"type | pattern | place | example_id | span_start | span_end | surface\n{spans}")
    (row,) = warehouse.rows("verify/pattern_plan", **SETTLED)
    taken = {held["example_id"]: [span["span_start"] // 3 for span in held["spans"]] for held in row["held"]}
    assert {i: len(own) for i, own in taken.items()} == {0: 9, 1: 3}
    assert all(own == sorted(own) and not {0, 1, 2} & set(own) for own in taken.values())
    # Nine more in one and, at least, four in the other: the middle.
    assert row["n_words"] == 6


def test_companions_are_put_in_together(warehouse):
    planned(warehouse, 3)
    warehouse.insert("patterns", "rank | type | pattern | place | label\n1 | companions | marble & quill | inside | a")
    spans = "\n".join(
        f"companions | marble & quill | inside | {i} | {start} | {start + 6} | {word}"
        for i in (0, 1)
        for start, word in ((9, "marble"), (0, "Quill"))
    )
    warehouse.insert("pattern_spans", f"type | pattern | place | example_id | span_start | span_end | surface\n{spans}")
    (row,) = warehouse.rows("verify/pattern_plan", **SETTLED)
    assert set(row["fillings"]) == {"Quill marble"}
