"""Which texts and words a candidate is tried with, and the pools they are drawn from."""

import pytest

from tests.sql.helpers import by

PARAMS = {"mirrored": True, "max_documents": 99, "max_stand_ins": 24, "min_stand_ins": 8, "min_halved": 10}
NAMES = [("name", "name ", f"lee{i}", 5) for i in range(9)]
CONTENT = [("content word", "content word ", f"box{i}", 5) for i in range(9)]


def planned(
    warehouse, scores, *, kind="name", expectation="none", group="null", used=True, label="a", stand_ins=(*NAMES, *CONTENT), n_examples=None, **params
):  # fmt: skip
    """The plan of the candidate x in the texts 0, 1, …, each explained for label a, with these scores."""
    n = n_examples or len(scores)
    warehouse.insert("candidates", f"label | type | expectation | rank\n{label} | {kind} | {expectation} | 1", kind="word", word="x")  # fmt: skip
    warehouse.insert("words", f"label | used | n_examples\n{label} | {str(used).lower()} | {n}", kind="word", word="x")
    warehouse.insert("word_types", f"type | word_group:varchar\n{kind} | {group}", kind="word", word="x")
    places = "\n".join(f"{i} | {3 + i} | {4 + i}\n{i} | 40 | 41" for i in range(len(scores)))
    warehouse.insert("word_occurrences", "example_id | word_start | word_end\n" + places, word="x", surface="X")
    warehouse.insert("piece_occurrences", "piece:varchar | source_word:varchar | example_id:bigint | position:bigint")
    rows = "\n".join(f"{i} | {score}" for i, score in enumerate(scores))
    warehouse.insert("word_scores", "example_id | score:double\n" + rows, kind="word", word="x")
    warehouse.insert("examples", "example_id\n" + "\n".join(map(str, range(len(scores)))), target_label="a")
    listed = "\n".join(f"{own} | {sort}. | {word} | {n}" for own, sort, word, n in stand_ins)
    warehouse.insert("stand_ins", "type:varchar | sort:varchar | word:varchar | n_examples:bigint\n" + listed, kind="word")  # fmt: skip
    # A cell loses the space at its end; a dot keeps it.
    warehouse.connection.execute("update stand_ins set sort = replace(sort, '.', '')")
    warehouse.connection.execute("alter table stand_ins add column surface varchar; alter table stand_ins add column inserted varchar")  # fmt: skip
    warehouse.connection.execute("update stand_ins set surface = upper(word), inserted = upper(word)")
    pool = "\n".join(f"{i} | {'a' if i % 2 else 'b'}" for i in range(200, 240))
    warehouse.insert("pool_texts", f"example_id | predicted_label\n0 | b\n{pool}", read_share=1.0)
    warehouse.insert("spellings", "word | surface\nx | X")
    tokens = warehouse.part("example_id:bigint | position:bigint | token_start:bigint | token_end:bigint")
    (row,) = warehouse.rows("verify/plan", token_parts=[tokens], **{**PARAMS, **params})
    return row


def held(row):
    return {text["example_id"] for text in row["held"]}


# ---------------------------------------------------------------- no text both chooses and convicts


def test_the_texts_of_a_half_are_tried_only_if_the_other_half_points_to_the_label(warehouse):
    """One text with a huge score decides its half: which half that is shows in what is left out."""
    halves = set()
    for i in range(16):
        scores = [1.0] * 16
        scores[i] = -1000.0
        own = held(planned(warehouse, scores))
        # Its own half is tried, by the scores of the other; the other is not, by its score.
        assert i in own
        halves.add(frozenset(own))
    assert len(halves) == 2
    first, second = halves
    assert first | second == set(range(16))
    assert not first & second
    assert min(len(first), len(second)) >= 3


def test_the_score_of_a_text_never_decides_whether_it_is_tried(warehouse):
    base = held(planned(warehouse, [1.0, -0.8] * 8))
    for i in range(0, 16, 5):
        for score in (-1000.0, 1000.0):
            scores = [1.0, -0.8] * 8
            scores[i] = score
            assert (i in held(planned(warehouse, scores))) == (i in base)


@pytest.mark.parametrize(
    ("scores", "options", "n_texts"),
    [
        ([1.0] * 16, {}, 16),
        ([-1.0] * 16, {}, 0),
        # Of the other label: minus the score, where the labels mirror each other; nothing where not.
        ([-1.0] * 16, {"label": "b"}, 16),
        ([-1.0] * 16, {"label": "b", "mirrored": False}, 0),
        # Too few texts for halves.
        ([-1.0] * 9, {}, 9),
        ([-1.0] * 10, {}, 0),
        # A word that no score has chosen.
        ([-1.0] * 16, {"used": False}, 16),
        ([1.0] * 40, {"max_documents": 24}, 24),
    ],
)
def test_the_texts_that_are_tried(warehouse, scores, options, n_texts):
    assert len(held(planned(warehouse, scores, **options))) == n_texts


def test_a_word_is_tried_where_it_stands_and_inserted_where_it_does_not_and_another_label_is_read(warehouse):
    row = planned(warehouse, [1.0] * 16)
    spans = {text["example_id"]: text["spans"] for text in row["held"]}
    assert spans[5] == [{"span_start": 8, "span_end": 9}, {"span_start": 40, "span_end": 41}]
    # Text 0 holds it; odd ones are read as a.
    assert {text["example_id"] for text in row["others"]} == set(range(200, 240, 2))
    assert row["inserts"] == ["X"]


# ---------------------------------------------------------------- words beside it


def test_a_word_is_compared_with_words_of_its_type_or_of_content_where_these_are_too_few(warehouse):
    row = planned(warehouse, [1.0] * 8)
    assert set(row["replacements"]) == {f"LEE{i}" for i in range(9)}
    assert (row["within_type"], row["placebo_type"], row["is_judged"]) == (True, "name", True)
    row = planned(warehouse, [1.0] * 8, stand_ins=(*NAMES[:7], *CONTENT))
    assert set(row["replacements"]) == {f"BOX{i}" for i in range(9)}
    assert row["placebo_type"] == "content word"


@pytest.mark.parametrize(
    ("kind", "expectation", "group", "within_type", "is_judged"),
    [
        ("content word", "meaning", "null", False, True),
        ("function word", "meaning", "preposition", False, False),
        ("function word", "exempt", "negation", False, False),
        ("identity term", "exempt", "null", False, False),
        ("identity term", "none", "null", True, True),
    ],
)
def test_what_is_compared_with_its_type_and_what_is_judged(warehouse, kind, expectation, group, within_type, is_judged):
    row = planned(warehouse, [1.0] * 8, kind=kind, expectation=expectation, group=group)
    assert (row["within_type"], row["is_judged"]) == (within_type, is_judged)


def test_the_stand_ins_are_the_nearest_in_frequency_and_length(warehouse):
    # |ln(n / 10)|: 10 is at 0, 11 at .10, 9 at .11, 12 at .18, 8 at .22, 13 at .26; a letter more costs .5.
    stand_ins = [("name", "name ", chr(96 + n), n) for n in range(1, 21)] + [("name", "name ", "zz", 10)]
    row = planned(warehouse, [1.0] * 9, n_examples=10, stand_ins=stand_ins, max_stand_ins=5)
    assert set(row["replacements"]) == {chr(64 + n) for n in range(8, 13)}


# ---------------------------------------------------------------- pools


def test_the_placebo_words_of_a_type_and_their_texts(warehouse):
    rows = "\n".join(f"name | n{i} | N{i} | {1 if i < 3 else 5}" for i in range(12))
    rows += "\n" + "\n".join(f"number | ten{i} | TEN{i % 7} | 5" for i in range(12))
    warehouse.insert("stand_ins", "type | word | inserted | n_examples\n" + rows, kind="word")
    warehouse.insert("pool_texts", "example_id | predicted_label | read_share\n2 | a | 1.0\n1 | b | 0.5")
    (row,) = warehouse.rows("verify/pool", max_stand_ins=9, min_stand_ins=8)
    # Twelve numbers have seven spellings. Names of one text come last.
    assert (row["type"], set(row["stand_ins"])) == ("name", {f"N{i}" for i in range(3, 12)})
    assert row["texts"] == [{"example_id": 1, "read_share": 0.5}, {"example_id": 2, "read_share": 1.0}]


def test_the_pool_has_whole_texts_of_each_label_first(warehouse):
    rows = "\n".join(f"{i} | {'a' if i < 6 else 'b'} | {10 if i in (0, 1, 2) else 0} | true" for i in range(8))
    warehouse.insert("examples", f"example_id | predicted_label | n_cut | converged\n{rows}\n9 | b | 0 | false", n_tokens=40)  # fmt: skip
    found = by(warehouse.build("screen/pool_texts", max_pool_texts=4), "example_id")
    assert {3, 4, 5, 6, 7} < found.keys()
    assert len(found) == 6
    (cut,) = found.keys() & {0, 1, 2}
    assert (found[cut]["read_share"], found[3]["read_share"]) == (0.75, 1.0)


def test_what_may_stand_in_is_not_used_and_of_the_same_sort(warehouse):
    warehouse.insert("word_scores", "kind | word | example_id\nword | lee | 1\nword | lee | 2\nword | ford | 1\nword | of | 1\nword | not | 1\nword | used | 1\npiece | ab· | 1\npiece | ·cd | 1")  # fmt: skip
    warehouse.insert("word_types", "kind | word | type | word_group:varchar\nword | lee | name | null\nword | ford | name | null\nword | of | function word | preposition\nword | not | function word | negation\nword | used | name | null\npiece | ab· | fragment | null\npiece | ·cd | fragment | null")  # fmt: skip
    warehouse.insert("words", "kind | word | used\nword | used | true\nword | lee | false")
    warehouse.insert(
        "spellings", "word | surface\nlee | Lee\nford | Ford\nof | of\nnot | not\nused | Used\nabby | Abby\nxcd | xcd"
    )
    warehouse.insert("piece_occurrences", "piece | source_word\nab· | abby\n·cd | xcd")
    # Ford stands in a pattern that goes with a label in one of two places, and in one that goes with none.
    places = ["1 | ford | 1 | 5", "2 | ford | 1 | 5", "3 | lee | 0 | 3"]
    warehouse.insert("word_occurrences", "example_id | word | word_start | word_end\n" + "\n".join(places))
    warehouse.insert("patterns", "type | pattern\nshape | [a]\nlength | long")
    spans = "type | pattern | place | example_id | span_start | span_end\n"
    rows = ["shape | [a] | inside | 1 | 0 | 6", "shape | (a) | inside | 2 | 0 | 6", "length | long | whole | 3 | 0 | 9"]
    warehouse.insert("pattern_spans", spans + "\n".join(rows))
    found = by(warehouse.build("screen/stand_ins"), "word")
    assert found.keys() == {"lee", "ford", "of", "not", "ab·", "·cd"}
    assert (found["lee"]["n_examples"], found["lee"]["surface"], found["lee"]["inserted"]) == (2, "Lee", "Lee")
    assert found["lee"]["sort"] == found["ford"]["sort"]
    assert len({row["sort"] for row in found.values()}) == 5
    assert (found["ab·"]["surface"], found["ab·"]["inserted"]) == ("ab", "Abby")
    assert (found["·cd"]["surface"], found["·cd"]["inserted"]) == ("cd", "xcd")
    # In both of them.
    warehouse.insert("pattern_spans", spans + "\n".join([rows[0], rows[0].replace("| 1 |", "| 2 |")]))
    assert by(warehouse.build("screen/stand_ins"), "word").keys() == {"lee", "of", "not", "ab·", "·cd"}


def test_all_words_of_a_type_are_taken_out_beside_as_many_content_words_of_the_text(warehouse):
    words = ["lee | 0 | 1", "ford | 4 | 1", "box | 8 | 1", "jar | 12 | 1", "cup | 28 | 1", "cup | 32 | 1", "good | 16 | 1", "good | 20 | 1", "good | 24 | 1", "lee | 0 | 2", "ford | 4 | 2", "box | 8 | 2"]  # fmt: skip
    rows = "\n".join(f"{line} | {int(line.split('|')[1]) + 3}" for line in words)
    warehouse.insert("word_occurrences", "word | word_start | example_id | word_end\n" + rows)
    types = {"lee": "name | none", "ford": "name | none", **dict.fromkeys(("box", "jar", "cup", "good"), "content word | meaning")}  # fmt: skip
    listed = "\n".join(f"{word} | {kind}" for word, kind in types.items())
    warehouse.insert("word_types", "word | type | expectation\n" + listed, kind="word")
    # The model uses good; nobody knows whether it uses cup.
    warehouse.insert("stand_ins", "word | n_examples\nbox | 5\njar | 9\ncup | 4\nlee | 9", kind="word")
    (row,) = warehouse.rows("verify/type_plan", max_documents=9, min_examples=5)
    assert row["type"] == "name"
    # Text 2 has two names and one such word.
    (text,) = row["held"]
    assert text["example_id"] == 1
    assert text["spans"] == [{"span_start": 0, "span_end": 3}, {"span_start": 4, "span_end": 7}]
    assert text["control_spans"] == [{"span_start": 8, "span_end": 11}, {"span_start": 12, "span_end": 15}]
