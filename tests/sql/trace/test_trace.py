"""What labelling rules do in texts, and which of them taught a word."""

import json

import pytest

from tests.sql.helpers import by, only

LABELS = ["other", "film"]
TERMS = [
    {"rule_id": 0, "rule": "topic", "label_id": 1, "term_id": -1},
    {"rule_id": 0, "rule": "topic", "label_id": 1, "term_id": 0, "term": "film", "kind": "keyword"},
    {"rule_id": 0, "rule": "topic", "label_id": 1, "term_id": 1, "term": "box office", "kind": "phrase"},
    {"rule_id": 1, "rule": "names", "label_id": 1, "term_id": -1},
    {"rule_id": 1, "rule": "names", "label_id": 1, "term_id": 0, "term": "Day", "kind": "keyword"},
    {"rule_id": 2, "rule": "times", "label_id": 0, "term_id": -1},
    {"rule_id": 2, "rule": "times", "label_id": 0, "term_id": 0, "term": "[0-9]+:[0-9]+", "kind": "regex"},
]
"""Rules for films, and one against."""


def with_neighbours(matches):
    """The matches with columns for the words on both sides."""
    header, *rows = [line.strip() for line in matches.splitlines() if line.strip()]
    return "\n".join([f"{header} | before:varchar | after:varchar", *(f"{row} | a | null" for row in rows)])


def with_text(texts):
    """The rows with a column of texts."""
    header, *rows = [line.strip() for line in texts.splitlines() if line.strip()]
    return "\n".join([f"{header} | text:varchar | source_id:varchar", *(f"{row} | a text | s" for row in rows)])


def made(
    warehouse, texts, matches, words="corpus:varchar | example_id:bigint | word:varchar", verdicts="", terms=TERMS
):
    """The tables of the stage, from parts written as text."""
    warehouse.insert(
        "examples",
        "example_id | gold_label | predicted_label | converged:boolean\n1 | film | film | true\n2 | other | film | null\n3 | other | other | true",
    )
    warehouse.insert("verdicts", verdicts or "kind:varchar | label:varchar | word:varchar")
    params = {
        "terms": json.dumps(terms), "labels": LABELS, "max_texts": 2,
        "rule_text_parts": [warehouse.part(with_text(texts))],
        "rule_match_parts": [warehouse.part(with_neighbours(matches))], "rule_word_parts": [warehouse.part(words)],
    }  # fmt: skip
    tables = {}
    for name in ("rule_terms", "rule_texts", "rule_matches", "rule_figures", "taught_words", "rule_examples"):
        query = {"rule_terms": ["terms", "labels"], "rule_texts": ["rule_text_parts", "labels"], "rule_matches": ["rule_match_parts", "labels"],
                 "taught_words": ["rule_word_parts"], "rule_examples": ["rule_text_parts", "max_texts"]}.get(name, [])  # fmt: skip
        tables[name] = warehouse.build(f"trace/{name}", **{key: params[key] for key in query})
    return tables


MATCH = "corpus:varchar | example_id:bigint | rule_id:bigint | term_id:bigint | label_id:bigint | match_start:bigint | match_end:bigint | surface:varchar | decides:boolean"
TEXT = "corpus:varchar | example_id:bigint | given_id:bigint"


@pytest.fixture
def figures(warehouse):
    tables = made(
        warehouse,
        f"""{TEXT}
        audited | 1 | 1
        audited | 2 | 1
        audited | 3 | 0
        trained | 4 | 1
        trained | 5 | -1""",
        f"""{MATCH}
        audited | 1 | 0 | -1 | 1 | null | null | null | false
        audited | 1 | 0 | 0  | 1 | 0 | 4 | film | false
        audited | 1 | 0 | 1  | 1 | 5 | 9 | box office | false
        audited | 1 | 1 | -1 | 1 | null | null | null | false
        audited | 1 | 1 | 0  | 1 | 9 | 12 | Day | false
        audited | 2 | 1 | -1 | 1 | null | null | null | true
        audited | 2 | 1 | 0  | 1 | 0 | 3 | day | true
        audited | 2 | 2 | -1 | 0 | null | null | null | false
        audited | 2 | 2 | 0  | 0 | 5 | 9 | 1:30 | false
        trained | 4 | 1 | -1 | 1 | null | null | null | true
        trained | 4 | 1 | 0  | 1 | 0 | 3 | day | true""",
    )
    return tables


def test_coverage_overlap_conflict_and_accuracy_are_counted_by_rule_and_term(figures):
    rows = by(figures["rule_figures"], "corpus", "rule_id", "term_id")
    assert len(rows) == 2 * len(TERMS)
    counts = ("n_all", "n_texts", "n_overlap", "n_conflict", "n_decides", "n_gold", "n_right", "n_wrong", "n_read_so")

    def count(*key):
        return tuple(rows[key][name] for name in counts)

    # The rule stands beside names in text 1 and is right there; nothing of it matches elsewhere.
    assert count("audited", 0, -1) == (3, 1, 1, 0, 0, 1, 1, 0, 1)
    # Its terms overlap with each other and with names.
    assert count("audited", 0, 0) == count("audited", 0, 1) == (3, 1, 1, 0, 0, 1, 1, 0, 1)
    # In texts 1 (right) and 2 (wrong, beside a rule that says other, and it decides).
    assert count("audited", 1, -1) == count("audited", 1, 0) == (3, 2, 2, 1, 1, 2, 1, 1, 2)
    # Right in text 2, which the model reads as a film, and outvoted there.
    assert count("audited", 2, -1) == (3, 1, 1, 1, 0, 1, 1, 0, 0)
    # The texts of the training have no gold.
    assert count("trained", 1, 0) == (2, 1, 0, 0, 1, 0, 0, 0, 0)
    assert count("trained", 0, -1) == (2, 0, 0, 0, 0, 0, 0, 0, 0)
    own = rows["audited", 1, -1]
    assert (own["coverage"], own["accuracy"]) == (2 / 3, 0.5)
    # Wilson's interval of 1 of 2: (1 + 1.92 -/+ 1.96 sqrt(1/2 + 0.96)) / (2 + 3.84).
    assert own["accuracy_low"] == pytest.approx(0.0945, abs=5e-4)
    assert own["accuracy_high"] == pytest.approx(0.9055, abs=5e-4)
    assert rows["trained", 1, 0]["accuracy"] is None
    assert rows["trained", 1, 0]["accuracy_low"] is None


def test_a_text_that_no_rule_labels_has_no_label_and_no_gold_is_read_for_the_training(figures):
    assert only(figures["rule_texts"], "corpus", "example_id", "given_label", "gold_label", "predicted_label") == [
        ("audited", 1, "film", "film", "film"),
        ("audited", 2, "film", "other", "film"),
        ("audited", 3, "other", "other", "other"),
        ("trained", 4, "film", None, None),
        ("trained", 5, None, None, None),
    ]


def test_texts_that_a_term_decides_are_shown(figures):
    assert only(figures["rule_examples"], "corpus", "rule_id", "term_id", "place", "example_id", "match_end") == [
        ("audited", 1, 0, 1, 2, 3),
        ("trained", 1, 0, 1, 4, 3),
    ]


def row(corpus, example, term, start, surface, *, decides):
    rule, term = term
    whole = f"{corpus} | {example} | {rule} | -1 | 1 | null | null | null | {str(decides).lower()}\n"
    return f"{whole}{corpus} | {example} | {rule} | {term} | 1 | {start} | {start + 3} | {surface} | {str(decides).lower()}\n"


def test_the_rule_that_taught_a_word_is_the_keyword_itself_or_decides_the_labels_of_its_texts(warehouse):
    """100 texts of the training: day decides 20 of them, film 30; `good` stands in both kinds alike, `cast` with film."""
    texts, matches, words = TEXT, MATCH + "\n", "corpus:varchar | example_id:bigint | word:varchar"
    for i in range(100):
        texts += f"\ntrained | {i} | {int(i < 50)}"
        if i < 20:
            matches += row("trained", i, (1, 0), 0, "Day", decides=True)
            words += f"\ntrained | {i} | day"
        elif i < 50:
            matches += row("trained", i, (0, 0), 0, "films" if i < 40 else "film", decides=True)
            words += f"\ntrained | {i} | cast" if i < 35 else ""
        words += f"\ntrained | {i} | good" if i % 2 else ""
    # An audited text, which is not looked at.
    matches += row("audited", 1, (0, 1), 0, "good", decides=True)
    texts += "\naudited | 1 | 1"
    words += "\naudited | 1 | good"
    verdicts = "kind | label | word\nword | film | day\nword | other | day\npiece | film | day·\nword | film | good\nword | film | cast\nword | film | none\npiece | film | cast·"
    rows = made(warehouse, texts, matches, words, verdicts)["taught_words"]
    assert only(rows, "kind", "label", "word", "rule", "term", "how", "n_with", "n_matched", "n_labelled", "n_decided", "base_share", "corpus") == [
        ("piece", "film", "day·", "names", "Day", "piece of it", 20, 20, 20, 20, 0.2, "trained"),
        ("word", "film", "cast", "topic", "film", "beside it", 15, 15, 15, 15, 0.3, "trained"),
        ("word", "film", "day", "names", "Day", "is it", 20, 20, 20, 20, 0.2, "trained"),
    ]  # fmt: skip


def test_without_texts_of_the_training_the_audited_ones_are_looked_at_and_votes_are_rules_without_terms(warehouse):
    terms = [{"rule_id": 0, "rule": "lf_day", "term_id": -1}]
    few = f"{TEXT}\n" + "\n".join(f"audited | {i} | 1" for i in range(7))
    matches = f"{MATCH}\n" + "\n".join(f"audited | {i} | 0 | -1 | 1 | null | null | null | true" for i in range(5))
    words = "corpus:varchar | example_id:bigint | word:varchar\n" + "\n".join(f"audited | {i} | day" for i in range(5))
    tables = made(warehouse, few, matches, words, "kind | label | word\nword | film | day", terms)
    # Five of five are not shown to be over twice the five of seven of all texts.
    assert tables["taught_words"] == []
    many = f"{TEXT}\n" + "\n".join(f"audited | {i} | 1" for i in range(100))
    (row,) = made(warehouse, many, matches, words, "kind | label | word\nword | film | day", terms)["taught_words"]
    assert (row["rule"], row["term"], row["how"], row["corpus"]) == ("lf_day", None, "beside it", "audited")
    # Of four texts nothing is said.
    fewer = "\n".join(matches.splitlines()[:-1])
    assert made(warehouse, many, fewer, words, "kind | label | word\nword | film | day", terms)["taught_words"] == []


def test_without_rules_the_tables_are_empty(warehouse):
    tables = made(warehouse, TEXT, MATCH, terms=[])
    assert list(tables.values()) == [[]] * 6


def test_words_that_mean_a_label_are_listed_by_label(warehouse):
    part = warehouse.part("label | word | meaning\nother | rain | 2.0\nfilm | cast | 2.5\nfilm | actors | 3.0")
    rows = warehouse.build("trace/word_meanings", rule_meaning_parts=[part])
    assert only(rows, "label", "word", "meaning") == [
        ("film", "actors", 3.0), ("film", "cast", 2.5), ("other", "rain", 2.0),
    ]  # fmt: skip
