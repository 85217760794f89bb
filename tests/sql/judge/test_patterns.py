"""Verdicts on patterns, what is a part of them, and words that name a class."""

import pytest
from scipy import stats

from tasks.pages.rules import told
from tests.sql.judge.made import evidence, verdicts_of

pytestmark = pytest.mark.slow

EFFECTS = (
    "type | pattern | label | removal_effect | removal_se:double | n_removal | insertion_effect | insertion_se:double | "
    "n_insertion | removal_turning:double | removal_turning_se:double | n_removal_turning | insertion_turning:double | "
    "insertion_turning_se:double | n_insertion_turning | n_opposite | n_signed | flip_rate:double\n"
)
PATTERNS = "type | pattern | n_examples\n"


def patterns_of(
    rows,
    expected="type:varchar | pattern:varchar | label:varchar | expected:double | expected_se:double",
    spans=None,
    turning=None,
):
    """Tables of patterns: (type, pattern, examples, removal, its error, insertion, its error, texts against). It can
    turn twice as many texts as are near the boundary, with half of the effect and a quarter of the error."""
    tables = {
        "patterns": PATTERNS + "\n".join(f'{kind} | "{pattern}" | {n}' for kind, pattern, n, *_ in rows),
        "pattern_effects": EFFECTS + "\n".join(
            f'{kind} | "{pattern}" | a | {removal} | {removal_se} | 24 | {insertion} | {insertion_se} | 24 | {removal / 2} | {removal_se / 4} | 48 | {insertion / 2} | {insertion_se / 4} | 48 | {against} | {(*signed, 48)[0]} | 0.5'
            for kind, pattern, _, removal, removal_se, insertion, insertion_se, against, *signed in rows
        ),
        "expected_patterns": expected,
    }  # fmt: skip
    given = {"pattern_spans": spans, "turning_trials": turning}
    return tables | {name: rows for name, rows in given.items() if rows is not None}


def test_a_pattern_that_does_more_than_its_words_whatever_fills_it_is_spurious(warehouse):
    """Oracle: Student's t, for the mean of both arms less the smallest effect that counts; two-sided."""
    found = verdicts_of(warehouse, [], {}, patterns=patterns_of([("shape", "[a]", 20, 1.0, 0.2, 0.8, 0.2, 2)]))
    row = found["pattern", "[a]"]
    error = (0.2**2 + 0.2**2) ** 0.5 / 2
    assert row["effect"] == pytest.approx(0.9)
    assert row["effect_low"] == pytest.approx(0.9 + stats.t.ppf(0.025, 23) * error, rel=1e-4)
    # Of texts that it can turn, which have half of the effect and a quarter of the error.
    largest = max(2 * stats.t.sf(value, 47) for value in (0.5 / 0.05, 0.4 / 0.05, (0.45 - 0.1) / (error / 4)))
    assert row["p_value"] == pytest.approx(largest, rel=0.02)
    assert (row["verdict"], row["status"], row["type"]) == ("spurious", "spurious", "shape")
    # 20 of 100 texts, half of which flip.
    assert row["per_1000"] == pytest.approx(100)
    assert "pattern.moves" in [rule["rule"] for rule in row["rules"]]


def test_what_an_emoticon_means_is_not_known(warehouse):
    for surfaces, verdict in (([":)", ":D", "x:y"], "unclear"), ([":)", "x:y", "a:b"], "spurious")):
        spans = "type | pattern | place | example_id | span_start | span_end | surface\n" + "\n".join(
            f'shape | ":a" | inside | {i} | 5 | 11 | "{surface}"' for i, surface in enumerate(surfaces)
        )
        tables = patterns_of([("shape", ":a", 20, 1.0, 0.1, 1.0, 0.1, 0)], spans=spans)
        found = verdicts_of(warehouse, [], {}, patterns=tables)["pattern", ":a"]
        assert (found["verdict"], found["expected"] is None) == (verdict, verdict == "unclear")
        assert told(found["rules"])


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        # One arm alone; an effect too small to count; the opposite in half of the texts; nothing.
        (("shape", "[a]", 20, 1.0, 0.1, 0.05, 0.2, 2), "unclear"),
        # Both arms are surely above 0, and one of them is too small to count.
        (("shape", "[a]", 20, 0.05, 0.005, 1.0, 0.1, 2), "unclear"),
        (("shape", "[a]", 20, 0.12, 0.05, 0.12, 0.05, 2), "unclear"),
        (("shape", "[a]", 20, 1.0, 0.1, 1.0, 0.1, 24), "context-dependent"),
        (("shape", "[a]", 20, 0.0, 0.02, 0.01, 0.02, 20), "negligible"),
        (("shape", "[a]", 20, 1.0, 0.1, 1.0, 0.1, 1, 4), "unclear"),
    ],
)
def test_a_pattern_that_is_not_shown_to_do_so_is_not(warehouse, row, verdict):
    found = verdicts_of(warehouse, [], {}, patterns=patterns_of([row]))["pattern", "[a]"]
    assert found["verdict"] == verdict
    # Every rule can be told.
    assert told(found["rules"])


def test_what_the_words_of_a_template_are_expected_to_do_is_no_shortcut(warehouse):
    expected = "type | pattern | label | expected | expected_se\nopening | best film … | a | {} | 0.1"
    row = ("opening", "best film …", 20, 1.0, 0.1, 1.0, 0.1, 0)
    for amount, verdict in ((0.9, "genuine"), (0.05, "spurious"), ("null", "unclear")):
        tables = patterns_of([row], expected.replace("expected |", "expected:double |", 1).format(amount))
        found = verdicts_of(warehouse, [], {}, patterns=tables)["pattern", "best film …"]
        assert found["verdict"] == verdict
        assert found["excess"] == (None if amount == "null" else pytest.approx(1.0 - amount))
    # Nothing is known of its words: nothing explains it.
    tables = patterns_of([row])
    assert verdicts_of(warehouse, [], {}, patterns=tables)["pattern", "best film …"]["verdict"] == "spurious"


OCCURRENCES = "example_id | word | word_start | word_end\n"
SPANS = "type | pattern | place | example_id | span_start | span_end | surface:varchar\n"


def test_what_stands_in_a_spurious_pattern_is_a_part_of_it(warehouse):
    """wrote in 9 of 10 places within the header, mail in 5 of 10; a second pattern in the same texts."""
    words = [f"{i} | wrote | 5 | 10" for i in range(9)] + ["20 | wrote | 50 | 55"]
    words += [f"{i} | mail | 0 | 4" for i in range(5)] + [f"{i} | mail | 40 | 44" for i in range(20, 25)]
    spans = [f'opening | "* wrote: …" | start | {i} | 0 | 11 | null' for i in range(10)]
    spans += [f'shape | "a:" | inside | {i} | 5 | 11 | null' for i in range(8)]
    rows = [("opening", "* wrote: …", 10, 1.0, 0.1, 1.0, 0.1, 0), ("shape", "a:", 8, 1.0, 0.1, 1.0, 0.1, 0)]
    found = verdicts_of(
        warehouse, [evidence("wrote"), evidence("mail")], {"wrote": "name", "mail": "name"},
        patterns=patterns_of(rows, spans=SPANS + "\n".join(spans)), occurrences=OCCURRENCES + "\n".join(words),
    )  # fmt: skip
    assert {key: (row["verdict"], row["status"], row["part_of"]) for key, row in found.items()} == {
        ("word", "wrote"): ("spurious", "part", "* wrote: …"),
        ("word", "mail"): ("spurious", "spurious", None),
        ("pattern", "* wrote: …"): ("spurious", "spurious", None),
        ("pattern", "a:"): ("spurious", "part", "* wrote: …"),
    }


NUMBERS = "type | label | removal_effect | removal_se:double | n_removal | insertion_effect:double | insertion_se:double | n_insertion | n_examples | flip_rate | flip_se\n"


@pytest.mark.parametrize(("inside", "whole"), [(6, "[a]"), (5, None)])
def test_a_word_is_a_part_of_the_pattern_that_holds_more_than_half_of_its_places(warehouse, inside, whole):
    spans = [f'shape | "[a]" | inside | {i} | 0 | 6 | null' for i in range(20, 30)]
    places = [(20 + i, 1) for i in range(inside)] + [(i, 1) for i in range(10 - inside)]
    found = verdicts_of(
        warehouse, [evidence("kelp")], {"kelp": "name"},
        patterns=patterns_of([("shape", "[a]", 10, 1.0, 0.1, 1.0, 0.1, 0)], spans=SPANS + "\n".join(spans)),
        occurrences=OCCURRENCES + "\n".join(f"{i} | kelp | {start} | {start + 4}" for i, start in places),
    )  # fmt: skip
    assert found["word", "kelp"]["part_of"] == whole


def test_a_word_within_two_patterns_together_is_a_part_and_a_pair_where_both_of_its_words_are(warehouse):
    """kelp in 4 and 6 of 10 places within the patterns; weber beside it in 9 texts, and alone in 20 long ones."""
    spans = [f'opening | "* kelp: …" | start | {i} | 0 | 20 | null' for i in range(4)]
    spans += [f'ending | "… kelp *" | end | {i} | 0 | 20 | null' for i in range(4, 10)]
    spans += [f'length | "the longest tenth" | whole | {i} | 0 | 99 | null' for i in range(20, 40)]
    words = [f"{i} | kelp | 5 | 9" for i in range(10)] + [f"{i} | weber | 10 | 15" for i in range(9)]
    words += [f"{i} | weber | 30 | 35" for i in range(20, 40)]
    rows = [("opening", "* kelp: …", 8, 1.0, 0.1, 1.0, 0.1, 0), ("ending", "… kelp *", 9, 1.0, 0.1, 1.0, 0.1, 0)]
    rows.append(("length", "the longest tenth", 20, 1.0, 0.1, 1.0, 0.1, 0))
    pairs = "word | partner | comparison | effect | other_effect | t | p_value | n_texts | n_others | flip_rate\n"
    found = verdicts_of(
        warehouse, [evidence("kelp"), evidence("weber")], {"kelp": "content word", "weber": "name"},
        patterns=patterns_of(rows, spans=SPANS + "\n".join(spans)), occurrences=OCCURRENCES + "\n".join(words),
        interactions=f"{pairs}kelp | weber | presence | 2.0 | 0.0 | 9.0 | 0.001 | 8 | 8 | 0.5",
        meaning="word | expected | expected_se\nkelp | 0.0 | 0.1",
    )  # fmt: skip
    parts = {("word", "kelp"), ("pair", "kelp … weber")}
    assert {key for key, row in found.items() if row["status"] == "part"} == parts
    assert {found[key]["part_of"] for key in parts} == {"… kelp *"}
    assert found["word", "weber"]["status"] == "spurious"
    # Whatever label the pattern pushes towards.
    tables = patterns_of(rows, spans=SPANS + "\n".join(spans))
    tables["pattern_effects"] = tables["pattern_effects"].replace(" | a | ", " | b | ")
    other = verdicts_of(
        warehouse, [evidence("kelp")], {"kelp": "name"}, patterns=tables, occurrences=OCCURRENCES + "\n".join(words)
    )
    assert (other["word", "kelp"]["label"], other["word", "kelp"]["part_of"]) == ("a", "… kelp *")


TURNING = "kind | word | label | example_id | effect:double\n"


def turning(kind, word, effects):
    """Rows of what it does in these texts. `effects`: text -> effect."""
    return TURNING + "\n".join(f"{kind} | {word} | a | {i} | {effect}" for i, effect in effects.items())


def numbers_of(warehouse, effects, other="a", own=1.0):
    """(status, whole) of two patterns of ten texts each and of numbers, whose forty texts hold them; all push by 1,
    the patterns by `own`. `effects`: what numbers do in texts of their own. The second pattern pushes towards `other`."""
    texts = {"#0": range(10), "0.": range(10, 20)}
    spans = [f'shape | "{pattern}" | inside | {i} | 0 | 1 | null' for pattern, its in texts.items() for i in its]
    tables = patterns_of(
        [("shape", pattern, 10, own, 0.1, own, 0.1, 0) for pattern in texts],
        spans=SPANS + "\n".join(spans), turning=turning("type", "number", {0: 9.0, 10: 9.0, **effects}),
    )  # fmt: skip
    *others, last = tables["pattern_effects"].split("\n")
    tables["pattern_effects"] = "\n".join([*others, last.replace(" | a | ", f" | {other} | ")])
    words = "\n".join(f"{i} | seven | 0 | 1" for i in range(40))
    found = verdicts_of(
        warehouse, [evidence("seven")], {"seven": "number"}, patterns=tables, occurrences=OCCURRENCES + words,
        type_effects=f"{NUMBERS}number | a | 1.0 | 0.1 | 30 | 1.0 | 0.1 | 30 | 40 | 0.5 | 0.1",
    )  # fmt: skip
    return {word: (row["status"], row["part_of"]) for (kind, word), row in found.items() if kind != "word"}


def effects_of(mean, num):
    """Effects of texts 20 and on: their mean, and a standard error of 0.1."""
    spread = 0.1 * (num - 1) ** 0.5
    return {20 + i: mean + spread * (-1) ** i for i in range(num)}


ALONE = ("spurious", None)
NUMBERS_ARE_THE_FINDING = {"number": ALONE, "#0": ("part", "number"), "0.": ("part", "number")}
PATTERNS_ARE_THE_FINDINGS = {"number": ("part", "#0"), "#0": ALONE, "0.": ALONE}


@pytest.mark.parametrize(
    ("effects", "found"),
    [
        (effects_of(1.0, 20), NUMBERS_ARE_THE_FINDING),
        (effects_of(0.0, 20), PATTERNS_ARE_THE_FINDINGS),
        (effects_of(-1.0, 20), PATTERNS_ARE_THE_FINDINGS),
        # Seven texts say nothing, eight do; t of 1.72 with 19 degrees of freedom is 5.1 %, of 1.74 4.9 %.
        (effects_of(1.0, 7), PATTERNS_ARE_THE_FINDINGS),
        (effects_of(1.0, 8), NUMBERS_ARE_THE_FINDING),
        (effects_of(0.172, 20), PATTERNS_ARE_THE_FINDINGS),
        (effects_of(0.174, 20), NUMBERS_ARE_THE_FINDING),
    ],
)
def test_a_type_that_does_nothing_apart_from_its_patterns_is_these_patterns(warehouse, effects, found):
    assert numbers_of(warehouse, effects) == found


def test_a_pattern_that_does_more_than_its_type_is_no_part_of_it(warehouse):
    assert numbers_of(warehouse, effects_of(1.0, 20), own=2.0) == {"number": ALONE, "#0": ALONE, "0.": ALONE}


def test_a_line_with_a_number_is_more_than_a_number_and_a_part_of_a_part_is_a_part_of_the_whole(warehouse):
    """0. stands for two characters, one of which is a number; 0. so for five, in texts with 0."""
    spans = [f'opening | "0. …" | start | {i} | 0 | 2 | null' for i in range(20)]
    spans += [f'opening | "0. so …" | start | {i} | 0 | 5 | null' for i in range(10)]
    spans += [f'opening | "on 0 wrote: …" | start | {i} | 0 | 19 | null' for i in range(20, 30)]
    rows = [
        ("opening", pattern, n, 1.0, 0.1, 1.0, 0.1, 0)
        for pattern, n in (("0. …", 20), ("0. so …", 10), ("on 0 wrote: …", 10))
    ]
    found = verdicts_of(
        warehouse, [evidence("seven")], {"seven": "number"},
        patterns=patterns_of(
            rows, spans=SPANS + "\n".join(spans), turning=turning("type", "number", {30 + i: 1 + i / 9 for i in range(9)})
        ),
        occurrences=OCCURRENCES + "\n".join(f"{i} | seven | 0 | 1" for i in range(40)),
        type_effects=f"{NUMBERS}number | a | 1.0 | 0.1 | 30 | 1.0 | 0.1 | 30 | 40 | 0.5 | 0.1",
    )  # fmt: skip
    assert {word: row["part_of"] for (kind, word), row in found.items() if kind != "word"} == {
        "number": None, "0. …": "number", "0. so …": "number", "on 0 wrote: …": None,
    }  # fmt: skip


def test_patterns_that_push_towards_another_label_are_left_out_too(warehouse):
    assert numbers_of(warehouse, effects_of(0.0, 20), "b") == {"number": ("part", "#0"), "#0": ALONE, "0.": ALONE}


@pytest.mark.parametrize(
    ("effects", "whole"), [(effects_of(0.0, 9), "0."), (effects_of(1.0, 9), "00"), (effects_of(0.0, 7), "00")]
)
def test_of_two_patterns_the_one_that_does_nothing_apart_is_the_part(warehouse, effects, whole):
    """0. in 10 of the 29 texts with two digits."""
    spans = [f'opening | "0." | start | {i} | 0 | 3 | null' for i in range(10)]
    spans += [f'shape | "00" | inside | {i} | 0 | 2 | null' for i in range(29)]
    tables = patterns_of(
        [("opening", "0.", 10, 1.0, 0.1, 1.0, 0.1, 0), ("shape", "00", 29, 1.0, 0.1, 1.0, 0.1, 0)],
        spans=SPANS + "\n".join(spans), turning=turning("pattern", "00", {0: 9.0, **effects}),
    )  # fmt: skip
    found = verdicts_of(warehouse, [], {}, patterns=tables)
    (part,) = {"0.", "00"} - {whole}
    assert found["pattern", whole]["status"] == "spurious"
    assert (found["pattern", part]["status"], found["pattern", part]["part_of"]) == ("part", whole)


def test_a_word_that_names_the_class_is_expected_to_act_for_that_class_alone(warehouse):
    found = verdicts_of(
        warehouse, [evidence("film"), evidence("day")], {"film": "name", "day": "name"},
        topics="label | word | source\na | film | name\nb | day | given",
    )  # fmt: skip
    assert found["word", "film"]["verdict"] == "genuine"
    assert found["word", "film"]["p_value"] is None
    assert "type.names_the_class" in [rule["rule"] for rule in found["word", "film"]["rules"]]
    assert found["word", "day"]["verdict"] == "spurious"
