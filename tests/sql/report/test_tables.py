"""The tables of the report that need more than a filter."""

import math

import pytest

from tests.sql.helpers import only
from warehouse import seed


def test_sentences_of_a_run_whose_parts_have_no_relevance_can_still_be_shown(warehouse):
    tokens = warehouse.part("""
        example_id | position | token_start | token_end | word_start:integer | gradient_x_input:float | integrated_gradients:float
        7          | 0        | 0           | 0         | null               | 1.0                    | 9.0
        7          | 1        | 0           | 3         | 0                  | 1.0                    | -0.5
        8          | 1        | 0           | 3         | 0                  | 1.0                    | 2.0
    """)  # fmt: skip
    warehouse.insert("attribution_quality", "method\nintegrated_gradients")
    warehouse.insert("word_occurrences", "example_id | word_start | word\n7 | 0 | sad")
    warehouse.insert("piece_occurrences", "example_id | position | piece\n7 | 9 | no")
    rows = warehouse.rows("report/sentence_tokens", token_parts=[tokens], example_ids=[7])
    assert only(rows, "example_id", "position", "score", "word", "piece") == [(7, 1, -0.5, "sad", None)]


def test_a_pattern_and_a_type_are_shown_in_a_text_that_turns_and_the_rest_is_counted(warehouse):
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)
    trials = """
        operator | example_id | margin_with:double | margin_without:double | predicted_with:integer | predicted_without:integer
        removal  | 1 | 2.0 | -1.0 | 1 | 1
        removal  | 2 | 1.0 | -0.5 | 1 | 0
        removal  | 3 | 1.0 | 1.5  | 1 | 0
    """
    patterns = warehouse.part(
        f"{trials.rstrip()}\ninsertion | 4 | 1.0 | -9.0 | 1 | 0", type="opening", pattern="a *", label="good"
    )
    types = warehouse.part(trials, type="name", label="good")
    warehouse.insert(
        "verdicts",
        "kind | type | word | label | status\npattern | opening | a * | good | spurious\ntype | name | name | good | spurious\n"
        "type | name | name | bad | unclear",
    )
    warehouse.insert(
        "examples", "example_id | source_id | text\n1 | x | a b Al\n2 | y | a c Al Bo\n3 | z | a d Al\n4 | u | e"
    )
    warehouse.insert(
        "pattern_spans", "pattern | example_id | span_start | span_end\na * | 1 | 0 | 3\na * | 2 | 0 | 3\nb | 2 | 4 | 6"
    )
    warehouse.insert(
        "word_types",
        "kind | word | type\nword | al | name\nword | bo | name\nword | c | content word\npiece | al | fragment",
    )
    warehouse.insert(
        "word_occurrences",
        "example_id | word | word_start | word_end\n2 | al | 4 | 6\n2 | bo | 7 | 9\n2 | c | 2 | 3\n1 | al | 4 | 6",
    )
    pattern, kind = warehouse.rows(
        "report/changed_groups", pattern_trial_parts=[patterns], type_trial_parts=[types], names=["bad", "good"]
    )
    columns = (
        "word",
        "text",
        "margin_after",
        "predicted_before",
        "predicted_after",
        "n_removal",
        "n_removal_flips",
        "n_insertion",
        "n_insertion_flips",
    )
    assert only([pattern], *columns) == [("a *", "a c Al Bo", -0.5, "good", "bad", 3, 2, 1, 1)]
    assert only([kind], *columns) == [("name", "a c Al Bo", -0.5, "good", "bad", 3, 2, 0, 0)]
    assert [[tuple(span.values()) for span in row["spans"]] for row in (pattern, kind)] == [[(0, 3)], [(4, 6), (7, 9)]]


def test_a_fragment_that_was_tried_has_the_association_of_the_texts_that_hold_it(warehouse):
    # Label a: 3 of 6 texts, and both with the fragment; two more at the overall share make 3 of 4.
    warehouse.insert("examples", "example_id | gold_label\n1 | a\n2 | a\n3 | a\n4 | b\n5 | b\n6 | b", converged=True)
    warehouse.insert(
        "word_scores", "kind | word | example_id\npiece | di· | 1\npiece | di· | 2\npiece | un· | 4\nword | w | 1"
    )
    scores = "kind | word | mean_score\npiece | di· | 1.5\npiece | un· | 0.5\nword | w | 0.2"
    warehouse.insert(
        "word_importance", scores, label="a", ci_low=0.1, ci_high=2.0, n_examples=2, document_frequency=0.3, impact=0.1
    )
    warehouse.insert("label_association", "word\nw", kind="word", label="a", label_rate=0.5, log_odds=0.0, z=0.1)
    warehouse.insert("word_types", "kind | word | type\npiece | di· | fragment\npiece | un· | affix\nword | w | name")
    warehouse.insert("type_rules", "type | expectation\nfragment | none\naffix | exempt\nname | none")
    warehouse.insert("verdicts", "kind | word | label | status\npiece | di· | a | spurious")
    rows = warehouse.rows("report/quadrant", labels=["a"], mirrored=False, prior_examples=2.0, max_points=9)
    assert only(rows, "word", "kind", "verdict") == [("w", "word", "not spurious"), ("di·", "piece", "spurious")]
    assert rows[1]["log_odds"] == pytest.approx(math.log(3), abs=1e-3)


def test_a_piece_is_hidden_if_it_stands_in_names_alone(warehouse):
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)
    warehouse.insert(
        "word_types",
        "kind | word | type\nword | seagal | name\nword | paris | place\nword | @x | handle\nword | sea | content word\n"
        "word | galaxy | content word\npiece | sea· | fragment\nbigram | steven seagal | name",
    )
    warehouse.insert(
        "piece_occurrences",
        "piece | source_word\nsea· | seagal\n·gal | seagal\n·gal | galgal\nga· | galaxy\nga· | seagal",
    )
    assert only(warehouse.rows("report/names"), "kind", "word", "is_named") == [
        ("piece", "ga·", False), ("piece", "sea·", True), ("piece", "·gal", True),
        ("word", "@x", True), ("word", "galaxy", False), ("word", "paris", True), ("word", "sea", False), ("word", "seagal", True),
    ]  # fmt: skip


def test_the_unstable_words_of_the_report_are_those_that_differ_significantly(warehouse):
    warehouse.insert(
        "corpora",
        "corpus\ndata\ncompare",
        n_examples=9,
        accuracy=0.5,
        accuracy_low=0.4,
        accuracy_high=0.6,
        mean_size=1.0,
        n_words=3,
    )
    warehouse.insert(
        "stability",
        "word | label | q_value | n_examples | mean_scores\n"
        "flips | a | 0.01 | [5, 6] | [1.0, -1.0]\nflips | b | 0.01 | [5, 6] | [-1.0, 1.0]\nsame | a | 0.06 | [5, 6] | [1.0, 0.9]",
        kind="word", sign_flip=True,
    )  # fmt: skip
    warehouse.insert("word_types", "word\nflips\nsame", kind="word", type="content word")
    warehouse.insert("verdicts", "word | label\nflips | a", kind="word", verdict="genuine")
    rows = warehouse.rows("report/unstable", labels=["a"], fdr=0.05)
    assert only(rows, "word", "label", "n_examples", "n_elsewhere", "mean_score", "elsewhere", "verdict") == [
        ("flips", "a", 5, 6, 1.0, -1.0, "genuine")
    ]
    rows = warehouse.rows("report/corpora", fdr=0.05)
    assert only(rows, "corpus", "n_shared", "n_unstable") == [("data", 2, 1), ("compare", 2, 1)]


def test_the_slices_of_the_report_count_their_words_and_right_answers(warehouse):
    warehouse.insert("examples", "example_id | correct\n1 | true\n2 | false\n3 | true")
    warehouse.insert("example_slices", "example_id | value\n1 | x\n2 | x\n3 | y", slice="s")
    warehouse.insert(
        "slice_difference",
        "value | label | word | q_value | difference\nx | a | w | 0.01 | 1.5\nx | b | w | 0.01 | -1.5\nx | a | v | 0.5 | 0.1\ny | a | w | 0.01 | -1.5",
        slice="s", kind="word", n_examples=4, n_others=3,
    )  # fmt: skip
    warehouse.insert("word_types", "word\nw\nv", kind="word", type="name")
    rows = warehouse.rows("report/slices", fdr=0.05)
    assert only(rows, "value", "n_examples", "accuracy", "n_words", "n_different") == [
        ("x", 2, 0.5, 2, 1),
        ("y", 1, 1.0, 1, 1),
    ]
    rows = warehouse.rows("report/slice_words", labels=["a"], fdr=0.05)
    assert only(rows, "value", "label", "word", "difference") == [("x", "a", "w", 1.5), ("y", "a", "w", -1.5)]


def test_harm_is_listed_by_the_mistakes_it_costs_and_quadrants_are_counted(warehouse):
    warehouse.insert(
        "quadrants",
        "word | labels | model | hurts | n_harmed | lower_bound\nbig | not shown | clearly | true | 9 | 1.0\nsmall | not shown | clearly | true | 2 | 3.0\nnone | clearly | clearly not | false | 0 | 0.0",
        kind="word", label="a", log_odds=0.0,
    )  # fmt: skip
    warehouse.insert(
        "minority_gap",
        "word\nbig\nsmall\nnone",
        kind="word",
        label="a",
        n_minority=10,
        n_pulled=5,
        gap=0.4,
        gap_low=0.1,
        gap_high=0.6,
    )
    warehouse.insert("verdicts", "word\nsmall", kind="word", label="a", verdict="spurious")
    assert only(warehouse.rows("report/harmful"), "word", "n_harmed", "verdict") == [
        ("big", 9, None),
        ("small", 2, "spurious"),
    ]
    rows = warehouse.rows("report/quadrant_counts", labels=["a"])
    assert only(rows, "labels", "model", "n_words", "n_hurts", "words") == [
        ("clearly", "clearly not", 1, 0, ["none"]), ("not shown", "clearly", 2, 2, ["small", "big"]),
    ]  # fmt: skip


def test_the_strongest_words_are_counted_by_their_own_rank_and_not_by_that_of_their_verdict(warehouse):
    warehouse.insert(
        "words", "word | ci_low\nfirst | 0.9\nsecond | 0.5\nthird | 0.1", kind="word", label="a", used=True,
        type="content word", n_examples=9, mean_score=1.0, ci_high=2.0, label_rate=0.5,
    )  # fmt: skip
    warehouse.insert(
        "verdicts", "word | rank | status\nfirst | 40 | genuine\nsecond | 50 | spurious", kind="word", label="a"
    )
    rows = warehouse.rows("report/top_words", top_words=2)
    assert only(rows, "rank", "word", "verdict") == [(1, "first", "not spurious"), (2, "second", "spurious")]


TYPE_EFFECT = {"n_removal": 9, "n_insertion": 9, "removal_se": 0.1, "insertion_se": 0.2}


def test_types_of_words_have_both_arms_with_their_intervals_and_are_listed_without_a_verdict_too(warehouse):
    """Oracle: Student's t, 2.306 for eight degrees of freedom."""
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)
    warehouse.insert(
        "word_types", "word | type\nseven | number\neight | number\nkim | name\ngood | content word", kind="word"
    )
    warehouse.insert("word_occurrences", "example_id | word\n1 | seven\n2 | eight\n3 | eight\n1 | kim\n1 | good")
    warehouse.insert(
        "type_effects",
        "type | label | removal_effect:double | insertion_effect\nnumber | a | 0.4 | 0.2\nnumber | b | -0.4 | -0.2\n"
        "name | a | -0.1 | 0.1\nname | b | 0.1 | 0.3\nidentity term | b | null | 0.1",
        **TYPE_EFFECT,
    )  # fmt: skip
    warehouse.insert(
        "verdicts",
        "kind | word | label | type | rank | status\ntype | number | a | number | 3 | spurious\n"
        "word | eight | a | number | 2 | spurious\nword | seven | a | number | 5 | unclear\nword | good | a | content word | 1 | spurious",
        effect=0.3, effect_low=0.1, effect_high=0.5, probability_shift=0.07, per_1000=2.0, per_1000_low=1.0, per_1000_high=3.0,
    )  # fmt: skip
    rows = warehouse.rows("report/kinds")
    # A type without a verdict: the label that its words push towards most where they are inserted.
    assert only(rows, "type", "n_words", "n_examples", "label", "status", "n_tried", "n_spurious", "words") == [
        ("number", 2, 3, "a", "spurious", 2, 1, ["eight"]),
        ("name", 1, 1, "b", "no verdict", 0, 0, []),
        ("identity term", 0, 0, "b", "not judged", 0, 0, []),
    ]
    (number,) = (row for row in rows if row["type"] == "number")
    assert (number["removal_low"], number["removal_high"]) == pytest.approx((0.4 - 0.2306, 0.4 + 0.2306), abs=1e-4)
    assert (number["insertion_low"], number["insertion_high"]) == pytest.approx((0.2 - 0.4612, 0.2 + 0.4612), abs=1e-4)


def test_pairs_and_affixes_stand_among_the_verdicts_though_words_does_not_hold_them_all(warehouse):
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)
    warehouse.insert("examples", "example_id | converged\n1 | true\n2 | true\n3 | true\n4 | true\n5 | false")
    warehouse.insert("label_association", "word | label\nnone | a", kind="word", label_share=0.5)
    warehouse.insert(
        "words",
        "word | n_examples\ndi· | 3",
        kind="piece",
        label="a",
        mean_score=0.1,
        label_rate=0.5,
        source_words="dislike",
    )
    warehouse.connection.execute(
        "alter table words add column type_evidence struct(rule varchar, figures map(varchar, double), words map(varchar, varchar))"
        " default {'rule': 'affix.of_words', 'figures': map {}, 'words': map {'affix': 'dis-'}}"
    )
    warehouse.insert(
        "verdicts",
        "kind | word | type | rank | document_frequency\npair | fails … to | content word | 1 | 0.5\npiece | di· | affix | 2 | 0.75\n"
        "type | number | number | 3 | 0.5",
        label="a", status="unclear", verdict="unclear", effect=0.3, effect_low=0.1, effect_high=0.5, probability_shift=0.07,
        per_1000=2.0, per_1000_low=1.0, per_1000_high=3.0, waived_by="", waiver_reason="", waiver_expires="",
    )  # fmt: skip
    fact = "struct(rule varchar, figures map(varchar, double), words map(varchar, varchar))"
    warehouse.connection.execute(
        f"alter table verdicts add column rules {fact}[] default [{{'rule': 'effect.moves', 'figures': map {{}}, 'words': map {{}}}}]"
    )
    warehouse.insert("taught_words", "kind | label | word | rule\npiece | a | di· | names")
    warehouse.connection.execute(
        f"alter table taught_words add column reason {fact} default {{'rule': 'labelling.piece', 'figures': map {{}}, 'words': map {{}}}}"
    )
    rows = warehouse.rows("report/verdicts", max_verdicts=5)
    said = {row["word"]: ([fact["rule"] for fact in row["rules"]], row["taught_by"]) for row in rows}
    assert said == {"fails … to": (["effect.moves"], None), "di·": (["effect.moves", "labelling.piece"], "names")}
    # The pair stands in a half of the four explained texts; a type has a table of its own.
    assert only(rows, "word", "n_examples", "affix", "n_status") == [("fails … to", 2, None, 2), ("di·", 3, "dis-", 2)]
    rows = warehouse.rows("report/findings", n_rows=5)
    assert rows == []


@pytest.mark.parametrize(("could_be_more", "state"), [(False, "Minor"), (True, "Minor, could be more")])
def test_an_audit_in_brief_counts_predictions_apart_from_texts(warehouse, could_be_more, state):
    """A text without a prediction to compare is neither right nor wrong."""
    warehouse.insert("total", "n_texts:bigint\n4", state="Minor", could_be_more=could_be_more, n_findings=2)
    warehouse.insert("examples", "correct:boolean\ntrue\ntrue\nfalse\nnull")
    (row,) = warehouse.rows("report/brief")
    assert row == {"n_texts": 4, "n_predicted": 3, "n_correct": 2, "state": state, "n_findings": 2}


def test_a_word_of_two_labels_and_kinds_is_known_once(warehouse):
    warehouse.insert("words", "word | label | kind\nsad | a | word\nsad | b | word\ndi· | a | piece")
    assert only(warehouse.rows("report/known_words"), "word") == [("di·",), ("sad",)]


def test_the_changed_text_of_a_finding_is_one_whose_prediction_turns_and_the_others_are_counted(warehouse):
    columns = "operator | example_id | replacement | margin_before:double | margin_after:double | predicted_before:integer | predicted_after:integer"
    part = warehouse.part(
        f"{columns}\nswap | 1 | red | 2.0 | 1.5 | 1 | 1\nswap | 2 | red | 1.0 | -1.0 | 1 | 0\nswap | 2 | blue | 1.0 | -0.5 | 1 | 0\n"
        "insert | 3 | Day | -1.0 | 4.0 | 0 | 1",
        kind="word", label="film", word="day",
    )  # fmt: skip
    warehouse.insert(
        "trials",
        "operator | predicted_with | predicted_without\nswap | film | film\nswap | film | other\ninsert | film | other",
        kind="word", label="film", word="day",
    )  # fmt: skip
    warehouse.insert("verdicts", "word | status\nday | spurious\nbig | genuine", kind="word", label="film")
    warehouse.insert("examples", "example_id | text\n1 | a day\n2 | Day by day\n3 | none", source_id="s")
    warehouse.insert(
        "word_occurrences", "example_id | word_start | word_end\n2 | 7 | 10\n2 | 0 | 3\n1 | 2 | 5", word="day"
    )
    warehouse.insert("pool_texts", "example_id | read_share\n3 | 1.0")
    (row,) = warehouse.rows("report/changed_texts", trial_parts=[part], names=["other", "film"])
    # Of the two texts that held it the second turns, most with "red".
    assert (row["example_id"], row["replacement"], row["predicted_after"]) == (2, "red", "other")
    assert row["spans"] == [{"span_start": 0, "span_end": 3}, {"span_start": 7, "span_end": 10}]
    counts = ("n_removal", "n_removal_flips", "n_insertion", "n_insertion_flips")
    assert [row[name] for name in counts] == [2, 1, 1, 1]
