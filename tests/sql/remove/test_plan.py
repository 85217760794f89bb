"""What is taken out of which text, and what may be changed in its place."""

import pytest

from tests.sql.helpers import NO_PATTERNS, by, insert_types, only

TYPES = """
    word   | type         | kind
    lee    | name         | word
    kane   | name         | word
    seven  | number       | word
    nine   | number       | word
    fails  | content word | word
    to     | content word | word
    dull   | content word | word
    the    | function word | word
    "··x"  | fragment     | piece
"""
TEXTS = [
    "Kane fails to the seven",
    "to the nine fails",
    "dull Kane the dull",
    "nothing the dull",
]
STAND_INS = """
    kind  | word | type         | sort            | n_examples | surface
    word  | lee  | name         | "name "         | 3          | Lee
    word  | dull | content word | "content word " | 3          | Dull
"""
SETTLED = {"max_texts": 400, "max_stand_ins": 24, "min_stand_ins": 1}


def world(
    warehouse,
    findings,
    interactions="label:varchar | word:varchar | partner:varchar | comparison:varchar",
    patterns=NO_PATTERNS["pattern_spans"],
):
    insert_types(warehouse, TYPES)
    warehouse.insert("verdicts", "kind:varchar | word:varchar\n" + findings, status="spurious", label="b", type="shape")
    warehouse.insert("interactions", interactions)
    rows = []
    for example_id, text in enumerate(TEXTS):
        start = 0
        for word in text.split():
            start = text.index(word, start)
            rows.append(f"{example_id} | {word.lower()} | {start} | {start + len(word)}")
            start += len(word)
    warehouse.insert("word_occurrences", "example_id | word | word_start | word_end\n" + "\n".join(rows))
    warehouse.insert("pattern_spans", patterns, **({} if "type:" in patterns else {"type": "shape"}))
    warehouse.insert("stand_ins", STAND_INS)
    warehouse.insert("piece_occurrences", "example_id:bigint | position:bigint | piece:varchar | source_word:varchar")
    return {
        "token_parts": [warehouse.part("example_id:bigint | position:bigint | token_start:bigint | token_end:bigint")]
    }


def plan_of(warehouse, findings, **more):
    rows = warehouse.rows("remove/plan", **{**SETTLED, **world(warehouse, findings, **more)})
    return {
        row["example_id"]: [
            (TEXTS[row["example_id"]][edit["span_start"] : edit["span_end"]], edit["word"]) for edit in row["edits"]
        ]
        for row in rows
    }


@pytest.mark.parametrize(
    ("findings", "found"),
    [
        ("", {}),
        # Within its type a word is replaced; what means something goes, wherever it stands.
        ("word | kane", {0: [("Kane", "Lee")], 2: [("Kane", "Lee")]}),
        ("word | dull", {2: [("dull", ""), ("dull", "")], 3: [("dull", "")]}),
        # A type goes as a whole, and so does a word of it that is spurious itself.
        ("type | number\nword | seven", {0: [("seven", "")], 1: [("nine", "")]}),
        ("word | kane\ntype | number", {0: [("Kane", "Lee"), ("seven", "")], 1: [("nine", "")], 2: [("Kane", "Lee")]}),
    ],
)
def test_words_within_a_type_are_replaced_and_all_else_is_deleted(warehouse, findings, found):
    assert plan_of(warehouse, findings) == found


SPANS = "pattern | place | example_id | span_start | span_end"


def test_a_pattern_is_deleted_with_the_words_in_it_and_the_longer_of_two_that_overlap_goes(warehouse):
    patterns = f"{SPANS}\na a | inside | 0 | 5 | 13\na | inside | 0 | 11 | 17\na a | inside | 1 | 0 | 6\nall | whole | 2 | 0 | 18"
    found = plan_of(
        warehouse, 'pattern | "a a"\npattern | a\npattern | all\nword | kane\nword | to\ntype | number',
        patterns=patterns,
    )  # fmt: skip
    assert found == {
        0: [("Kane", "Lee"), ("fails to", ""), ("seven", "")],
        1: [("to the", ""), ("nine", "")],
        2: [("Kane", "Lee")],
    }


@pytest.mark.parametrize(
    ("comparison", "texts"),
    [
        ("presence", {0: [("fails", ""), ("to", "")], 1: [("to", ""), ("fails", "")]}),
        ("order", {1: [("to", ""), ("fails", "")]}),
    ],
)
def test_both_words_of_a_pair_go_where_they_act(warehouse, comparison, texts):
    """An ordered pair acts where the partner comes first."""
    interactions = f"label | word | partner | comparison\nb | fails | to | {comparison}"
    assert plan_of(warehouse, 'pair | "fails … to"', interactions=interactions) == texts


def test_what_is_no_finding_stays(warehouse):
    params = world(warehouse, "word | kane")
    warehouse.connection.execute("update verdicts set status = 'waived'")
    assert warehouse.rows("remove/plan", **SETTLED, **params) == []


def test_texts_beyond_the_limit_are_counted_and_not_tried(warehouse):
    rows = warehouse.rows("remove/plan", **{**SETTLED, "max_texts": 1}, **world(warehouse, "word | the"))
    assert only(rows, "n_texts_with") == [(4,)]


def test_a_piece_is_replaced_by_a_piece_unless_its_word_goes(warehouse):
    params = world(warehouse, 'piece | "··x"\nword | dull')
    warehouse.insert(
        "stand_ins", 'kind | word | type | sort | n_examples | surface\npiece | "·yz·" | fragment | "·piece·" | 3 | yz'
    )
    insert_types(warehouse, TYPES.replace('"··x"', '"·an·"'))
    warehouse.connection.execute("update verdicts set word = '·an·' where kind = 'piece'")
    pieces = "0 | 1 | kane\n2 | 1 | dull"
    warehouse.insert("piece_occurrences", "example_id | position | source_word\n" + pieces, piece="·an·")
    token = "example_id | position | token_start | token_end\n0 | 1 | 1 | 3\n2 | 1 | 1 | 3"
    rows = by(
        warehouse.rows("remove/plan", **SETTLED, **{**params, "token_parts": [warehouse.part(token)]}), "example_id"
    )
    assert rows[0]["edits"] == [{"span_start": 1, "span_end": 3, "word": "yz"}]
    assert [edit["span_start"] for edit in rows[2]["edits"]] == [0, 14]


def test_controls_are_unused_words_first_those_that_are_known_to_be_and_never_a_used_one(warehouse):
    world(warehouse, "word | kane")
    warehouse.insert("words", """
        word | used  | either_way
        kane | true  | false
        to   | false | true
        the  | false | false
        dull | false | false
    """, kind="word")  # fmt: skip
    rows = by(warehouse.rows("remove/others", example_ids=[0, 2], max_stand_ins=24), "example_id")

    def told(i):
        return [(TEXTS[i][other["span_start"] : other["span_end"]], other["word"]) for other in rows[i]["others"]]

    # "fails" and "seven" are in too few texts to know; only "dull" may stand in, and never for itself.
    assert told(0) == [("the", ""), ("fails", "Dull"), ("seven", "")]
    assert told(2) == [("dull", ""), ("dull", ""), ("the", "")]
