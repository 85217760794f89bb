"""Vocabulary and hints for labelling."""

from tasks.pages.rules import told
from tests.sql.helpers import only
from warehouse import seed

WORDS = {
    "label": "a", "kind": "word", "type": "content word", "n_examples": 10, "mean_score": 1.0, "impact": 0.5, "label_rate": 0.9, "used": True,
    "pieces_per_word": 2.0,
}  # fmt: skip


VERDICT = {"label": "a", "kind": "word", "per_1000": 0.1, "status": "genuine"}


def test_vocabulary_is_what_saves_most_tokens_of_most_weight_and_never_a_spurious_word(warehouse):
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)
    warehouse.insert("word_occurrences", """
        example_id | word     | n_pieces
        1          | tedious  | 3
        1          | tedious  | 3
        2          | tedious  | 3
        1          | gripping | 2
        1          | kane     | 4
        1          | plain    | 1
        1          | plain    | 2
        1          | 1990s    | 3
        1          | drab     | 2
    """)  # fmt: skip
    warehouse.insert("words", """
        word     | type         | label | mean_score
        tedious  | content word | a     | 0.5
        tedious  | content word | b     | 2.0
        gripping | content word | a     | 4.0
        kane     | name         | a     | 9.0
        kane     | name         | b     | 1.0
        plain    | content word | a     | 9.0
        1990s    | number       | a     | 9.0
        drab     | content word | a     | 4.0
    """, **WORDS)  # fmt: skip
    warehouse.insert("verdicts", "word | status\nkane | spurious\ntedious | genuine", **VERDICT)
    # tedious saves 2 * 3 = 6 tokens at 2.0 = 12, for b; gripping and drab save 1 at 4.0 = 4 each, by name
    rows = warehouse.build("recommend/vocabulary_candidates", max_vocabulary=2)
    assert rows == [
        {
            "rank": 1, "word": "tedious", "type": "content word", "n_examples": 2, "n_occurrences": 3, "pieces_per_word": 3.0,
            "tokens_saved": 6, "label": "b", "mean_score": 2.0, "value": 12.0,
        },
        {
            "rank": 2, "word": "drab", "type": "content word", "n_examples": 1, "n_occurrences": 1, "pieces_per_word": 2.0,
            "tokens_saved": 1, "label": "a", "mean_score": 4.0, "value": 4.0,
        },
    ]  # fmt: skip
    assert isinstance(rows[0]["tokens_saved"], int)
    assert {row["word"] for row in warehouse.build("recommend/vocabulary_candidates", max_vocabulary=9)} == {
        "tedious",
        "gripping",
        "drab",
    }
    assert warehouse.rows("checks/vocabulary_candidates__none_is_spurious") == []


def hints(warehouse, words, association, verdicts, **params):
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)
    warehouse.insert("words", words, **WORDS)
    warehouse.insert("label_association", association, label_share=0.5)
    warehouse.insert("verdicts", verdicts, **VERDICT)
    warehouse.connection.execute(
        "alter table verdicts"
        " add column rules struct(rule varchar, figures map(varchar, double), words map(varchar, varchar))[]"
        " default [{'rule': 'number.date', 'figures': map {}, 'words': map {}}]"
    )
    warehouse.connection.execute(
        "create or replace table taught_words (kind varchar, label varchar, word varchar,"
        " reason struct(rule varchar, figures map(varchar, double), words map(varchar, varchar)))"
    )
    rows = warehouse.build(
        "recommend/labelling_hints", **{"max_hints": 9, "min_hint_examples": 8, "min_hint_lift": 0.2, **params}
    )
    assert warehouse.rows("checks/labelling_hints__no_word_is_both") == []
    return rows


def test_labelling_hints_drop_the_spurious_and_add_what_is_genuine_and_right_with_confidence(warehouse):
    rows = hints(warehouse, """
        word    | type         | label_rate
        kane    | name         | 0.6
        rome    | name         | 0.6
        dull    | content word | 0.9
        drab    | content word | 0.95
        edge    | content word | 0.9
        below   | content word | 0.9
        rare    | content word | 1.0
        unclear | content word | 0.9
        untried | content word | 0.9
        but     | function word | 0.9
    """, """
        label | word    | n_examples | rate_low
        a     | kane    | 40         | 0.4
        a     | rome    | 40         | 0.4
        a     | dull    | 30         | 0.75
        a     | drab    | 8          | 0.8
        a     | edge    | 10         | 0.7
        a     | below   | 10         | 0.699
        a     | rare    | 7          | 0.9
        a     | unclear | 30         | 0.75
        a     | untried | 30         | 0.75
        a     | but     | 30         | 0.75
    """, """
        word    | status | per_1000
        kane    | spurious | 0.2
        rome    | spurious | 0.4
        dull    | genuine  | 0.1
        drab    | genuine  | 0.1
        edge    | genuine  | 0.1
        below   | genuine  | 0.1
        rare    | genuine  | 0.1
        unclear | unclear  | 0.1
        but     | genuine  | 0.1
    """)  # fmt: skip
    # usefulness of add, n * (2 * rate_low - 1): dull 30 * 0.5 = 15, drab 8 * 0.6 = 4.8, edge 10 * 0.4 = 4
    said = [(*only([row], "action", "rank", "word", "n_examples")[0], told(row["reason"])) for row in rows]
    assert said == [
        ("drop", 1, "rome", 40, "It is a date, or part of one."),
        ("drop", 2, "kane", 40, "It is a date, or part of one."),
        ("add", 1, "dull", 30, "It is right in 90 % of 30 texts, and in 75 % or more with 95 % confidence."),
        ("add", 2, "drab", 8, "It is right in 95 % of 8 texts, and in 80 % or more with 95 % confidence."),
        ("add", 3, "edge", 10, "It is right in 90 % of 10 texts, and in 70 % or more with 95 % confidence."),
    ]
    assert [fact["figures"] for fact in rows[2]["reason"]] == [
        [("label_rate", 0.9), ("n_examples", 30.0), ("rate_low", 0.75)]
    ]


def test_the_list_of_hints_is_cut_per_action_and_label(warehouse):
    rows = hints(warehouse, """
        word | label
        x    | a
        y    | a
        z    | b
        v    | b
        w    | b
    """, """
        label | word | n_examples | rate_low
        a     | x    | 10         | 0.8
        a     | y    | 10         | 0.9
        b     | z    | 10         | 0.8
        b     | v    | 10         | 0.8
        b     | w    | 10         | 0.8
    """, """
        word | label | status
        x    | a     | genuine
        y    | a     | genuine
        z    | b     | genuine
        v    | b     | spurious
        w    | b     | spurious
    """, max_hints=1)  # fmt: skip
    assert only(rows, "action", "label", "word") == [("drop", "b", "v"), ("add", "a", "y"), ("add", "b", "z")]


def test_a_keyword_spurious_for_one_label_is_not_proposed_for_another(warehouse):
    rows = hints(
        warehouse,
        "word | label\nx | a\nx | b",
        "label | word | n_examples | rate_low\na | x | 10 | 0.1\nb | x | 10 | 0.8",
        "word | label | status\nx | a | spurious\nx | b | genuine",
    )
    assert only(rows, "action", "label", "word") == [("drop", "a", "x")]
