"""What is expected of words, and their grades, as tables."""

import json

import pytest
from scipy import stats

from tests.sql.helpers import by


def expected_of(warehouse, evidence, expected, expectations=None):
    words = [word for word, _ in evidence]
    table = "word | effect:double | kind\n" + "\n".join(f"{word} | {effect} | word" for word, effect in evidence)
    warehouse.insert("evidence", table + "\nw0 | 9.0 | piece", label="a")
    rows = "\n".join(f"{word} | {(expectations or {}).get(word, 'meaning')}" for word in words)
    warehouse.insert("candidates", f"word | expectation\n{rows}", kind="word", label="a")
    told = [
        {"label": "a", "word": word, "expected": own, "expected_se": 0.3}
        for word, own in zip(words, expected, strict=True)
    ]
    return by(warehouse.build("judge/expected_effects", expected_effects=json.dumps(told), min_effect=0.1), "word")


@pytest.mark.parametrize(("num_right", "num_wrong"), [(40, 10), (37, 13), (5, 0), (6, 0)])
def test_vectors_count_if_they_predict_the_direction_of_significantly_more_than_three_in_five(
    warehouse, num_right, num_wrong
):
    """Oracle: Wilson's interval by SciPy. One word is below the smallest effect that counts, and two that should not
    decide are not asked; a fragment has no row."""
    total = num_right + num_wrong
    words = [f"w{i}" for i in range(total)]
    evidence = [*((word, 2.0) for word in words), ("small", 0.09), ("kane", 2.0), ("welles", 2.0)]
    expected = [*(0.5 for _ in range(num_right)), *(-0.5 for _ in range(num_wrong)), -1.0, 0.0, 0.0]
    rows = expected_of(warehouse, evidence, expected, {"kane": "none", "welles": "none"})
    known = stats.binomtest(num_right, total).proportion_ci(method="wilson").low > 0.6
    assert len(rows) == total + 3
    found = rows["w0"]
    assert (found["expected"], found["expected_se"], found["predicted_share"]) == (
        (0.5, 0.3, 0.25) if known else (None, None, None)
    )
    assert (rows["kane"]["expected"], rows["kane"]["predicted_share"]) == (0.0, 0.0)


def test_grades_are_those_that_were_told(warehouse):
    told = [
        {
            "kind": "word", "label": "a", "word": word, "predicted_effect": effect, "predicted_low": -1.0,
            "predicted_high": 1.0, "meaning": None, "grade": grade, "tried": False,
        }
        for word, effect, grade in (("x", 0.5, 0.9), ("w", None, 0.1))
    ]  # fmt: skip
    rows = warehouse.build("judge/grades", grades=json.dumps(told))
    assert rows == sorted(told, key=lambda row: row["word"])
    assert warehouse.build("judge/grades", grades="[]") == []


def test_used_words_are_what_the_model_uses_in_either_way_or_what_is_tried(warehouse):
    warehouse.insert(
        "words",
        "word | kind | used:boolean | either_way:boolean\n"
        "used | word | true | false\neither | word | false | true\ntried | word | false | false\n"
        "neither | word | false | false\na b | bigram | true | false\nad· | piece | true | false",
        label="a",
        type="content word",
        expectation="meaning",
        mean_score=1.0,
        document_frequency=0.1,
        n_examples=5,
    )
    warehouse.insert(
        "word_importance",
        "word | kind\nused | word\neither | word\ntried | word\nneither | word\na b | bigram\nad· | piece",
        label="a",
        mean_share=0.2,
    )
    warehouse.insert("candidates", "word\nused\ntried", kind="word", label="a")
    warehouse.insert("evidence", "word | effect | effect_se\ntried | 1.0 | 0.1", kind="word", label="a")
    rows = by(warehouse.rows("judge/used_words"), "word")
    assert sorted(rows) == ["ad·", "either", "tried", "used"]
    assert rows["tried"]["effect_se"] == pytest.approx(0.1)
    assert rows["used"]["effect"] is None
    warehouse.insert("pattern_words", "word\nwrote", type="line", pattern="wrote *", share=1.0)
    meant = [row["word"] for row in warehouse.rows("verify/meant_words")]
    assert meant == ["either", "neither", "tried", "used", "wrote"]


def test_meanings_are_told_among_the_commonest_words_too(warehouse):
    rows = [f"w{n:04} | {n} | false" for n in range(1, 1101)] + ["rare | 1 | true"]
    warehouse.insert(
        "words",
        "word | n_examples | used:boolean\n" + "\n".join(rows),
        kind="word",
        label="a",
        either_way=False,
    )
    warehouse.insert("candidates", "word\nw0007", kind="word", label="a")
    warehouse.insert("pattern_words", "word:varchar")
    meant = [row["word"] for row in warehouse.rows("verify/meant_words")]
    assert meant == ["rare", "w0007", *(f"w{n:04}" for n in range(101, 1101))]
