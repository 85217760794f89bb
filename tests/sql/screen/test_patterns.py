"""What many texts share, and which of it is put to the test."""

import re

import pyarrow as pa
import pytest
from scipy import stats

from tests.sql.helpers import by, only
from warehouse import seed


def examples(warehouse, texts, predicted=None, n_cut=0):
    """The texts, all explained, read as these labels."""
    table = pa.table({
        "example_id": pa.array(range(len(texts)), pa.int64()), "text": texts,
        "predicted_label": predicted or ["a", "b"] * (len(texts) // 2) + ["a"] * (len(texts) % 2),
        "n_tokens": pa.array([len(text.split()) for text in texts], pa.int64()),
        "n_cut": pa.array([n_cut] * len(texts), pa.int64()), "converged": [True] * len(texts),
    })  # fmt: skip
    warehouse.connection.register("given", table)
    warehouse.connection.execute("create or replace table examples as from given")
    columns = "example_id:bigint | word:varchar | surface:varchar | word_start:bigint | word_end:bigint"
    warehouse.insert("word_occurrences", columns)
    warehouse.insert("candidates", "kind:varchar | word:varchar | type:varchar")
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)


def spans_of(warehouse, texts, **more):
    examples(warehouse, texts, **more)
    warehouse.build("screen/chunks")
    return warehouse.build("screen/pattern_spans")


@pytest.mark.parametrize(
    ("chunk", "core", "shape"),
    [
        ("04/17", "04/17", "00/00"),
        ("1234567", "1234567", "00000+"),
        ("[Quote],", "[Quote]", "[a]"),
        ("“USA!”", "USA", "A"),
        ("(aside", "aside", "a"),
        ("(whole)", "(whole)", "(a)"),
        ("iPhone4s", "iPhone4s", "a0a"),
        ("<PERSON_3>", "<PERSON_3>", "<A_0>"),
        ("--", "--", ""),
        ("don't", "don't", "a'a"),
        ("München:", "München", "a"),
        ("Soooo!", "Soooo", "aaa+"),
        ("good", "good", "a"),
        ("$1,000", "$1,000", "$0,000"),
    ],
)
def test_a_chunk_has_the_shape_of_its_letters_digits_and_marks(warehouse, chunk, core, shape):
    examples(warehouse, [f"so {chunk} it is"])
    found = by(warehouse.build("screen/chunks"), "position")[2]
    assert (found["core"], found["shape"]) == (core, shape)
    text = f"so {chunk} it is"
    assert text[found["core_start"] : found["core_start"] + len(core)] == core
    assert text[found["chunk_start"] : found["chunk_end"]] == chunk


def test_places_are_code_points_of_the_text_line_by_line(warehouse):
    text = "Ein 😀 Fall\n\n  zwei\tÄpfel"
    examples(warehouse, [text])
    rows = warehouse.build("screen/chunks")
    assert [text[row["chunk_start"] : row["chunk_end"]] for row in rows] == text.split()
    assert only(rows, "position", "from_end", "line") == [(1, 5, 1), (2, 4, 1), (3, 3, 1), (4, 2, 3), (5, 1, 3)]


NUMBERED = [f"film {chr(97 + i)}{chr(97 + i)} was number {i:02}/{i + 30} here" for i in range(10)]
PLAIN = [f"some other film {chr(97 + i)} of {chr(99 + i)} style" for i in range(10)]


def test_a_shape_an_opening_an_ending_and_a_line_stand_where_their_texts_have_them(warehouse):
    headed = [f"From: {name} Sent\n{text}" for name, text in zip("abcdefghij", PLAIN, strict=True)]
    rows = spans_of(warehouse, [*headed, *NUMBERED])
    found = {}
    for row in rows:
        found.setdefault((row["type"], row["pattern"]), []).append(row)
    assert {row["surface"] for row in found["shape", "00/00"]} == {f"{i:02}/{i + 30}" for i in range(10)}
    assert {row["place"] for row in found["shape", "00/00"]} == {"inside"}
    assert len(found["line", "from: * sent"]) == 10
    assert {(row["place"], row["span_start"]) for row in found["line", "from: * sent"]} == {("first line", 0)}
    assert {row["surface"] for row in found["opening", "from: * sent …"]} == {
        f"From: {name} Sent" for name in "abcdefghij"
    }
    assert {row["place"] for row in found["ending", "… number 0/0 here"]} == {"end"}
    # One word at its place is a word, unless it has a mark.
    assert ("opening", "film …") not in found
    assert ("opening", "from: …") in found
    for row in rows:
        text = [*headed, *NUMBERED][row["example_id"]]
        assert row["surface"] == ("" if row["place"] == "whole" else text[row["span_start"] : row["span_end"]])


def test_what_the_model_does_not_read_is_no_pattern(warehouse):
    texts = [f"{text} {i:02}/{i:02}" for i, text in enumerate(PLAIN)]
    assert ("shape", "00/00") in set(only(spans_of(warehouse, texts), "type", "pattern"))
    assert ("shape", "00/00") not in set(only(spans_of(warehouse, texts, n_cut=3), "type", "pattern"))


def test_whole_texts_are_patterns_by_their_capitals_and_their_length(warehouse):
    loud = [text.upper() for text in PLAIN]
    rows = spans_of(warehouse, [*loud, *(f"{text} {'more and ' * 9}" for text in NUMBERED)])
    assert [row["example_id"] for row in rows if row["type"] == "capitals"] == list(range(10))
    assert {row["example_id"] for row in rows if row["type"] == "length"} <= set(range(10, 20))


def test_a_pattern_is_tried_if_its_texts_go_with_a_label_beyond_chance(warehouse):
    """Oracle: the hypergeometric distribution of SciPy."""
    spans_of(warehouse, [*NUMBERED, *PLAIN], predicted=["a"] * 9 + ["b"] + ["a"] * 2 + ["b"] * 8)
    row, *_ = warehouse.build("screen/patterns", max_patterns=24, max_q=0.05)
    chance = stats.hypergeom(20, 11, 10)
    assert row["z"] == pytest.approx((9 - chance.mean()) / chance.std())
    assert (row["label"], row["n_examples"], row["n_surfaces"], row["place"]) == ("a", 10, 10, "start")
    # As many texts of either label: nothing to try.
    spans_of(warehouse, [*NUMBERED, *PLAIN], predicted=["a", "b"] * 10)
    assert warehouse.build("screen/patterns", max_patterns=24, max_q=0.05) == []


def test_of_patterns_in_the_same_texts_one_is_tried(warehouse):
    texts = [*(f"[tag{chr(97 + i)}] so {text}" for i, text in enumerate(PLAIN)), *NUMBERED]
    spans_of(warehouse, texts, predicted=["a"] * 10 + ["b"] * 10)
    rows = warehouse.build("screen/patterns", max_patterns=24, max_q=0.05)
    assert sum(row["label"] == "a" for row in rows) == 1
    assert len({row["pattern"] for row in rows}) == len(rows)


def test_the_words_of_a_template_are_those_in_a_tenth_of_its_texts(warehouse):
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)
    warehouse.insert("patterns", 'type | pattern\nopening | "from: * sent …"\nshape | "[sent]"')
    warehouse.insert("word_types", "word\nfrom\nsent\nother\nanna\nrare", kind="word")
    # from and sent are 0 to 4 and 12 to 16 of the texts; what fills it is anna in one of two texts, rare in one of twelve.
    spans = [f'opening | "from: * sent …" | {i} | 0 | 16' for i in range(12)] + ['shape | "[sent]" | 0 | 11 | 17']
    warehouse.insert("pattern_spans", "type | pattern | example_id | span_start | span_end\n" + "\n".join(spans))
    words = [f"{i} | from | 0 | 4" for i in range(12)] + [f"{i} | sent | 12 | 16" for i in range(12)]
    words += [f"{i} | {'anna' if i % 2 else 'rare' if i == 0 else 'unlisted'} | 6 | 10" for i in range(12)]
    words += [f"{i} | other | 20 | 25" for i in range(12)]
    warehouse.insert("word_occurrences", "example_id | word | word_start | word_end\n" + "\n".join(words))
    assert only(warehouse.build("screen/pattern_words"), "type", "word", "share") == [
        ("opening", "anna", 0.5), ("opening", "from", 1.0), ("opening", "sent", 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("chunk", "address", "pattern"),
    [
        ("kim.lee@cs.example.edu", "kim.lee@cs.example.edu", "*@cs.example.edu"),
        ("<Kim@Example.EDU>,", "Kim@Example.EDU", "*@example.edu"),
        ("(http://t.co/aB3x).", "http://t.co/aB3x", "*/t.co"),
        ("https://www.Example.com:8080/a?b=c@d.ef", "https://www.Example.com:8080/a?b=c@d.ef", "*/example.com"),
        ("www.example.com", "www.example.com", "*/example.com"),
        ("http://url_removed", None, None),
        ("@kim.lee", None, None),
        ("so@so", None, None),
        ("ex.ample", None, None),
    ],
)
def test_an_address_is_known_by_its_domain(warehouse, chunk, address, pattern):
    text = f"so many words before it that it stands inside {chunk} and as many words behind it so it does"
    examples(warehouse, [text])
    warehouse.build("screen/chunks")
    rows = warehouse.build("screen/addresses")
    assert [(text[row["span_start"] : row["span_end"]], row["pattern"]) for row in rows] == (
        [] if address is None else [(address, pattern)]
    )


def test_addresses_of_one_domain_are_a_pattern(warehouse):
    texts = [f"{text} by {chr(97 + i)}@state.edu {'' if i else 'so'}" for i, text in enumerate(PLAIN)]
    rows = [row for row in spans_of(warehouse, texts) if row["type"] == "address"]
    assert {row["pattern"] for row in rows} == {"*@state.edu"}
    assert len(rows) == 10
    assert {row["surface"] for row in rows} == {f"{chr(97 + i)}@state.edu" for i in range(10)}


def companions_of(warehouse, texts, words):
    """Spans of companions. `words`: those that may be tried -> type."""
    examples(warehouse, texts)
    places = [
        f"{i} | {match[0]} | {match[0]} | {match.start()} | {match.end()}"
        for i, text in enumerate(texts)
        for match in re.finditer(r"\S+", text)
    ]
    warehouse.insert("word_occurrences", "example_id | word | surface | word_start | word_end\n" + "\n".join(places))
    rows = "\n".join(f"word | {word} | {kind}" for word, kind in words.items())
    warehouse.insert("candidates", f"kind | word | type\n{rows}")
    return warehouse.build("screen/companions")


def test_words_that_stand_in_the_same_texts_are_one_pattern_wherever_they_stand(warehouse):
    """quill and marble in 8 of 10 texts of either, slate in 7 of its 10; so, it, is and oak in 47 or 48 of 55."""
    texts = ["quill so oak marble slate"] * 7 + ["marble it is quill oak"] + ["quill"] * 2 + ["marble"] * 2
    texts += ["slate"] * 3 + ["so it is oak"] * 40
    words = dict.fromkeys(("quill", "marble", "slate", "oak", "so", "it", "is"), "content word")
    found = companions_of(warehouse, texts, words)
    assert {row["pattern"] for row in found} == {"marble & quill"}
    places = sorted(
        (row["example_id"], row["span_start"], row["span_end"]) for row in found if row["example_id"] in (0, 7)
    )
    assert places == [(0, 0, 5), (0, 13, 19), (7, 0, 6), (7, 13, 18)]
    # Texts with one of them hold no companions.
    assert {row["example_id"] for row in found} == set(range(8))


def test_three_companions_are_one_pattern_and_marks_are_none(warehouse):
    texts = ["( quill slate marble )"] * 9 + ["so it is"] * 30
    words = {
        **dict.fromkeys(("quill", "slate", "marble"), "name"),
        "(": "punctuation",
        ")": "punctuation",
        "it": "function word",
    }
    assert {row["pattern"] for row in companions_of(warehouse, texts, words)} == {"marble & quill & slate"}


def test_companions_of_fewer_texts_than_a_pattern_needs_are_none(warehouse):
    words = dict.fromkeys(("quill", "marble"), "name")
    assert companions_of(warehouse, ["quill and marble"] * 7 + ["so"] * 30, words) == []
