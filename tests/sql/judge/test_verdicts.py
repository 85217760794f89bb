"""The rule of the verdicts on words and pieces: one small table for each of its rows."""

import json

import pytest
from scipy import stats

from tasks.pages.rules import told
from tests.sql.judge.made import evidence, verdicts_of

pytestmark = pytest.mark.slow

NEGATION = ("function word", "negation")
PREPOSITION = ("function word", "preposition")


def verdicts_on(warehouse, *words):
    """The rows of words that are judged together, each given by its type, or type and group of function words, and what
    was measured of it."""
    rows, types, unused = [], {}, []
    meaning = ["word | expected:double | expected_se:double"]
    spread = ["type:varchar | label:varchar | between_sd:double"]
    for number, (kind, measured) in enumerate(words):
        word, own = f"x{number}", dict(measured)
        if own.pop("unused", False):
            unused.append(word)
        expected, expected_se = own.pop("expected", None), own.pop("expected_se", 0.1)
        if expected is not None:
            meaning.append(f"{word} | {expected} | {expected_se}")
        if "between_sd" in own:
            spread.append(f"{kind} | a | {own.pop('between_sd')}")
        types[word] = kind
        rows.append(evidence(word, **own))
    found = verdicts_of(
        warehouse, rows, types, unused=unused, meaning="\n".join(meaning), type_effects="\n".join(spread)
    )
    return [found[row["kind"], row["word"]] for row in rows]


def verdict_on(warehouse, type_of_word, **measured):
    (row,) = verdicts_on(warehouse, (type_of_word, measured))
    return row


def test_a_word_whose_type_should_not_decide(warehouse):
    cases = [
        ("name", {}, "spurious"),
        ("number", {}, "spurious"),
        ("mixed script", {}, "spurious"),
        ("fragment", {"kind": "piece"}, "spurious"),
        # Both arms must show min_effect or more, for sure.
        ("name", {"removal": 0.09, "removal_se": 0.01}, "unclear"),
        ("name", {"insertion": 0.09, "insertion_se": 0.01}, "unclear"),
        ("name", {"removal_se": 0.6}, "unclear"),
        ("name", {"insertion_se": 0.6}, "unclear"),
        ("name", {"removal": -0.5}, "unclear"),
        ("name", {"insertion": None}, "unclear"),
        ("name", {"removal": None}, "unclear"),
        # An arm of two texts has no error, and proves nothing.
        ("name", {"removal_se": None}, "unclear"),
        ("name", {"insertion_se": None}, "unclear"),
        # Above 0 for sure, above min_effect not: .15 with an error of .04.
        ("name", {"removal": 0.15, "insertion": 0.15, "removal_se": 0.05, "insertion_se": 0.05}, "unclear"),
        ("name", {"removal": 0.25, "insertion": 0.25, "removal_se": 0.05, "insertion_se": 0.05}, "spurious"),
        # More than what its words differ by anyway.
        ("date", {"between_sd": 0.4}, "spurious"),
        ("money", {"between_sd": 0.8}, "unclear"),
        # Of a few texts only, if insertion shows it too.
        ("name", {"n_signed": 3, "n_signed_all": 20}, "spurious"),
        ("name", {"n_signed": 3}, "unclear"),
        ("name", {"n_opposite": 10}, "context-dependent"),
        ("name", {"removal": 0.02, "insertion": 0.02, "removal_se": 0.02, "insertion_se": 0.02}, "negligible"),
        ("name", {"removal": -1.0, "insertion": -1.0}, "unclear"),
    ]  # fmt: skip
    found = verdicts_on(warehouse, *((kind, measured) for kind, measured, _ in cases))
    assert [(*case[:2], row["verdict"]) for case, row in zip(cases, found, strict=True)] == cases


def test_a_content_word(warehouse):
    cases = [
        ({"expected": 0.0}, "spurious"),
        ({"expected": 0.24}, "spurious"),
        # Words of similar meaning predict a quarter.
        ({"expected": 0.25}, "genuine"),
        ({"expected": 0.9}, "genuine"),
        # They predict the other direction.
        ({"expected": -0.5}, "spurious"),
        ({}, "unclear"),  # nothing is known of its meaning
        ({"expected": 0.1, "expected_se": 0.8}, "unclear"),  # too little is
        ({"expected": 0.9, "expected_se": 0.8}, "genuine"),
        ({"expected": 0.1, "removal": 0.05}, "unclear"),
        ({"expected": 0.1, "insertion": 0.05}, "unclear"),
        ({"expected": 0.1, "insertion": None}, "unclear"),
        # Too few texts to say that it is the same in most: 4 of 4 by chance one time in sixteen, 5 of 5 in 32.
        ({"expected": 0.9, "n_signed": 4}, "unclear"),
        ({"expected": 0.9, "n_signed": 5}, "genuine"),
        ({"expected": 0.9, "n_signed": 16, "n_opposite": 6}, "unclear"),
        ({"expected": 0.9, "n_signed": 16, "n_opposite": 4}, "genuine"),
        ({"expected": 0.9, "n_signed": 0, "n_signed_all": 0}, "unclear"),
        # The texts that it was inserted into say so, too; whether it varies, those that hold it alone.
        ({"expected": 0.9, "n_signed": 4, "n_signed_all": 20}, "genuine"),
        ({"expected": 0.9, "n_signed": 4, "n_signed_all": 20, "n_opposite_all": 10}, "unclear"),
        ({"expected": 0.9, "n_signed": 16, "n_opposite": 0, "n_signed_all": 40, "n_opposite_all": 24}, "unclear"),
        # Not shown to move predictions, or too little.
        ({"expected": 0.9, "removal_se": 1.5}, "unclear"),
        ({"expected": 0.09, "removal": 0.09, "insertion": 0.09, "removal_se": 0.03, "insertion_se": 0.03}, "unclear"),
        ({"expected": 0.0, "removal": 0.02, "insertion": 0.02, "removal_se": 0.02, "insertion_se": 0.02}, "negligible"),
        ({"expected": 0.9, "n_opposite": 10}, "context-dependent"),
    ]  # fmt: skip
    found = verdicts_on(warehouse, *(("content word", measured) for measured, _ in cases))
    assert [(case[0], row["verdict"]) for case, row in zip(cases, found, strict=True)] == cases


@pytest.mark.parametrize("kind", [NEGATION, ("function word", "intensifier"), ("function word", "adversative")])  # fmt: skip
def test_what_is_exempt_is_never_spurious(warehouse, kind):
    cases = [
        ({"expected": 0.0}, "genuine"),
        ({}, "genuine"),
        ({"n_opposite": 10}, "context-dependent"),
        ({"n_signed": 4}, "unclear"),
        ({"removal_se": 1.5}, "unclear"),
        ({"removal": 0.02, "insertion": 0.02, "removal_se": 0.02, "insertion_se": 0.02}, "negligible"),
    ]
    found = verdicts_on(warehouse, *((kind, measured) for measured, _ in cases))
    assert [(case[0], row["verdict"]) for case, row in zip(cases, found, strict=True)] == cases
    assert {(row["p_value"], row["q_value"]) for row in found} == {(None, None)}


@pytest.mark.parametrize("measured", [{}, {"n_opposite": 10}, {"removal": 0.0, "insertion": 0.0, "removal_se": 0.01, "insertion_se": 0.01}])  # fmt: skip
def test_an_identity_term_is_not_judged_unless_the_config_says_so(warehouse, measured):
    row = verdict_on(warehouse, "identity term", **measured)
    assert (row["verdict"], row["p_value"]) == ("unclear", None)


def test_an_affix_is_never_spurious(warehouse):
    assert verdict_on(warehouse, "affix", kind="piece")["verdict"] == "genuine"


@pytest.mark.parametrize("measured", [{"expected": 0.0}, {"expected": 0.9}, {}])
def test_other_function_words_are_neither_spurious_nor_genuine(warehouse, measured):
    row = verdict_on(warehouse, PREPOSITION, **measured)
    assert (row["verdict"], row["q_value"]) == ("unclear", None)


def test_context_dependent_is_significantly_over_one_text_in_four(warehouse):
    """Oracle: the exact binomial tests of SciPy."""
    counts = [(0, 1), (2, 4), (3, 4), (3, 5), (4, 8), (5, 8), (7, 16), (8, 16), (10, 24), (11, 24)]
    words = [("content word", {"expected": 0.9, "n_opposite": k, "n_signed": n}) for k, n in counts]
    for (n_opposite, n_signed), row in zip(counts, verdicts_on(warehouse, *words), strict=True):
        over = stats.binomtest(n_opposite, n_signed, 0.25, alternative="greater").pvalue < 0.05
        under = stats.binomtest(n_opposite, n_signed, 0.5, alternative="less").pvalue < 0.05
        assert row["verdict"] == ("context-dependent" if over else "genuine" if under else "unclear")


# ---------------------------------------------------------------- p-values and directions


def test_the_p_value_is_the_largest_of_three_tests_of_student(warehouse):
    """Oracle: SciPy. What is expected adds its error to that of the effect."""
    measured = {"removal": 0.5, "removal_se": 0.2, "insertion": 0.9, "insertion_se": 0.2, "expected": 0.3}
    row = verdict_on(warehouse, "content word", expected_se=0.1, **measured)
    # effect .7 with an error of .1414; excess .4, less .1.
    p_excess = stats.t.sf((0.4 - 0.1) / (0.02 + 0.01) ** 0.5, 30)
    assert max(stats.t.sf(2.5, 15), stats.t.sf(4.5, 15), p_excess) == p_excess
    assert row["p_value"] == pytest.approx(p_excess, rel=0.01)
    assert (row["effect"], row["expected"], row["excess"]) == (pytest.approx(0.7), 0.3, pytest.approx(0.4))
    # An error of what is expected that is the larger one counts as known: the normal distribution.
    row = verdict_on(warehouse, "content word", expected_se=0.5, **measured)
    assert row["p_value"] == pytest.approx(stats.norm.sf(0.3 / (0.02 + 0.25) ** 0.5), rel=0.01)
    row = verdict_on(warehouse, "name", **{**measured, "expected": None})
    assert row["p_value"] == pytest.approx(stats.t.sf(2.5, 15), rel=0.01)
    assert (row["expected"], row["excess"]) == (0.0, pytest.approx(0.7))


@pytest.mark.parametrize(("unused", "verdict"), [(False, "spurious"), (True, "unclear")])
def test_where_the_trials_choose_the_direction_the_test_has_two_sides(warehouse, unused, verdict):
    error = 1 / stats.t.isf(0.03, 15)
    row = verdict_on(warehouse, "name", removal_se=error, unused=unused)
    assert row["p_value"] == pytest.approx(0.06 if unused else 0.03, rel=0.01)
    assert row["verdict"] == verdict


@pytest.mark.parametrize(
    ("unused", "n_opposite", "verdict"),
    [
        (True, 16, "spurious"),
        (True, 12, "spurious"),
        (True, 6, "context-dependent"),  # ten texts of 16 against its direction
        (False, 16, "unclear"),  # chosen for the label that it pushes away from
    ],
)
def test_a_word_that_was_not_chosen_for_its_label_may_push_away_from_it(warehouse, unused, n_opposite, verdict):
    row = verdict_on(warehouse, "name", removal=-1.0, insertion=-1.0, n_opposite=n_opposite, unused=unused)
    assert row["verdict"] == verdict
    assert row["probability_shift"] == pytest.approx(1 / (1 + 2.718281828) - 0.5)


def test_without_any_trial_a_candidate_is_unclear(warehouse):
    found = verdicts_of(warehouse, [evidence("y")], {"x": "name", "y": "name"})
    row = found["word", "x"]
    assert (row["verdict"], row["effect"], row["p_value"], row["per_1000"]) == ("unclear", None, None, None)
    assert row["rules"][0]["rule"] == "effect.not_measured"
    assert found["word", "y"]["verdict"] == "spurious"


@pytest.mark.parametrize("changed", [{"min_effect": 0.95}, {"max_explained": 0.2}])
def test_a_threshold_is_a_setting(warehouse, changed):
    rows = [evidence("x")]
    meaning = "word | expected | expected_se\nx | 0.2 | 0.1"
    assert verdicts_of(warehouse, rows, {"x": "content word"}, meaning=meaning)["word", "x"]["verdict"] == "spurious"
    other = verdicts_of(warehouse, rows, {"x": "content word"}, meaning=meaning, **changed)["word", "x"]["verdict"]
    assert other == ("genuine" if "max_explained" in changed else "unclear")


# ---------------------------------------------------------------- what is shown


def rules_of(row):
    return [fact["rule"] for fact in row["rules"]]


def test_rules_give_the_figures_of_both_arms(warehouse):
    row = verdict_on(warehouse, "name", removal=0.5, insertion=0.9)
    figures = {fact["rule"]: dict(fact["figures"] or {}) for fact in row["rules"]}
    assert figures["arm.swap"]["effect"] == 0.5
    assert figures["arm.insert"]["effect"] == 0.9
    assert figures["arm.swap"]["n_texts"] == 16
    assert figures["effect.moves"]["effect"] == pytest.approx(0.7)
    assert "type.should_not_decide" in figures


def test_the_rules_that_are_told(warehouse):
    cases = [
        ("content word", {"expected": 0.9}, {"meaning.explains", "arm.delete", "effect.flips"}, {"arm.swap"}),
        ("content word", {"expected": 0.1}, {"meaning.unexplained"}, {"meaning.explains", "control.not_passed"}),
        ("content word", {"expected": 0.9, "n_signed": 4}, {"texts.too_few"}, {"effect.varies"}),
        ("content word", {"expected": 0.9, "n_opposite": 10}, {"effect.varies"}, {"texts.too_few"}),
        ("content word", {"removal_se": 1.5}, {"effect.not_shown"}, {"effect.moves"}),
        ("name", {"removal": None}, {"arm.insert"}, {"arm.swap"}),
        ("name", {"removal_se": 0.6, "insertion_se": 0.6}, {"control.not_passed"}, set()),
        (NEGATION, {}, {"type.carries_meaning"}, {"type.function_word", "type.should_not_decide"}),
        (PREPOSITION, {}, {"type.function_word"}, {"type.carries_meaning"}),
        ("name", {"removal": 0.0, "insertion": 0.0, "removal_se": 0.01, "insertion_se": 0.01, "flip_rate": 0.0}, {"effect.negligible"}, {"effect.flips"}),
    ]  # fmt: skip
    rows = verdicts_on(warehouse, *(case[:2] for case in cases))
    for (_, _, fired, untold), row in zip(cases, rows, strict=True):
        found = set(rules_of(row))
        assert fired <= found
        assert not untold & found


def test_severity_is_the_predictions_that_change_in_a_thousand_texts(warehouse):
    row = verdict_on(warehouse, "name", flip_rate=0.2, flip_low=0.1, flip_high=0.4)
    # It stands in half of the texts.
    assert (row["per_1000"], row["per_1000_low"], row["per_1000_high"]) == (100.0, 50.0, 200.0)
    # At one half, one more log-odds: .731.
    assert row["probability_shift"] == pytest.approx(0.2311, abs=1e-4)


def test_the_list_begins_with_what_is_spurious_and_changes_most(warehouse):
    rows = [
        evidence("small", flip_rate=0.1), evidence("large", flip_rate=0.3), evidence("none", flip_rate=0.0), evidence("weak", 0.5, 0.5, flip_rate=0.0),
        evidence("varied", n_opposite=10, flip_rate=0.9), evidence("nothing", 0.0, 0.0, 0.01, 0.01, flip_rate=0.9), evidence("vague", removal_se=0.9, flip_rate=0.9),
    ]  # fmt: skip
    found = verdicts_of(warehouse, rows, {row["word"]: "name" for row in rows})
    ranked = sorted(found.values(), key=lambda row: row["rank"])
    assert [row["word"] for row in ranked] == ["large", "small", "none", "weak", "varied", "vague", "nothing"]
    assert [row["rank"] for row in ranked] == list(range(1, 8))


# ---------------------------------------------------------------- waivers


def waiver(word, label="", expired=False):
    return {
        "word": word,
        "label": label,
        "reason": "known",
        "owner": "desk",
        "expires": "2027-06-30",
        "expired": expired,
    }


@pytest.mark.parametrize(
    ("waivers", "status"),
    [
        ([waiver("x")], "waived"),
        ([waiver("x", "a")], "waived"),
        ([waiver("x", "b")], "spurious"),
        ([waiver("x", expired=True)], "spurious"),
        ([waiver("x", "a", expired=True), waiver("x")], "waived"),
    ],
)
def test_a_waiver_keeps_the_verdict_and_changes_its_standing_until_it_expires(warehouse, waivers, status):
    row = verdicts_of(warehouse, [evidence("x")], {"x": "name"}, waivers=waivers)["word", "x"]
    assert (row["verdict"], row["status"]) == ("spurious", status)
    assert row["waived_by"] == ("desk" if status == "waived" else None)


def test_words_that_the_model_is_not_seen_to_use_are_a_family_of_their_own(warehouse):
    """Three used ones, a pattern among them, and 20 that have spare trials: Benjamini and Hochberg in each by hand."""
    used = [("word", "x", 0.004), ("word", "y", 0.9), ("pattern", "[a]", 0.03)]
    spare = [("word", f"w{i:02}", 0.004 if i == 0 else 0.5) for i in range(20)]
    plain = {
        "label": "a", "type": "name", "is_judged": True, "is_negligible": False, "is_contextual": False, "moves": True,
        "shows_in_both": True, "is_consistent": True, "is_exempt": False, "within_type": True, "predicted_share": 0.0,
    }  # fmt: skip
    lines = [f"{kind} | {word} | {p}" for kind, word, p in (*used, *spare)]
    warehouse.insert("tested", "kind | word | p_value:double\n" + "\n".join(lines), **plain)
    held = [
        f"word | {word} | {json.dumps(not word.startswith('w'))}" for kind, word, _ in (*used, *spare) if kind == "word"
    ]
    warehouse.insert("candidates", "kind | word | is_used:boolean\n" + "\n".join(held), label="a")
    warehouse.insert("named_words", "label:varchar | word:varchar")
    warehouse.insert("grades", "kind:varchar | label:varchar | word:varchar | grade:double")
    found = {row["word"]: row for row in warehouse.build("judge/judged", fdr=0.05, max_explained=0.25, min_grade=0.5)}
    assert found["x"]["q_value"] == pytest.approx(3 * 0.004)
    assert found["[a]"]["q_value"] == pytest.approx(3 * 0.03 / 2)
    assert found["w00"]["q_value"] == pytest.approx(20 * 0.004)
    assert [found[word]["verdict"] for word in ("x", "[a]", "w00")] == ["spurious", "spurious", "unclear"]


def test_words_that_a_labelling_rule_names_are_a_family_of_their_own_and_function_words_among_them_are_judged(
    warehouse,
):
    """p-values of .02: of 20 others each, q = .02 at best if all are alike; here the named two have 2 tests, not 22."""
    words = [f"w{i:02}" for i in range(20)]
    rows = [
        evidence("day", 1.0, 1.0, 0.25, 0.25),
        evidence("may", 1.0, 1.0, 0.25, 0.25),
        evidence("today", 1.0, 1.0, 0.25, 0.25),
        *(evidence(word, 0.0, 0.0) for word in words),
    ]
    types = {
        "day": "content word",
        "may": "function word",
        "today": "content word",
        **dict.fromkeys(words, "content word"),
    }
    meaning = "word | expected | expected_se\n" + "\n".join(f"{row['word']} | 0.0 | 0.4" for row in rows)
    found = verdicts_of(warehouse, rows, types, meaning=meaning, named="label | word\na | day\na | may")
    p_value = found["word", "day"]["p_value"]
    assert 0.01 < p_value < 0.04
    assert [found["word", word]["p_value"] for word in ("may", "today")] == [pytest.approx(p_value)] * 2
    # Two tests with the same p-value: 2 p / 2. The other family has 21, and this is the smallest of them.
    assert [found["word", word]["q_value"] for word in ("day", "may")] == [pytest.approx(p_value)] * 2
    assert found["word", "today"]["q_value"] == pytest.approx(min(21 * p_value, 1))
    assert [found["word", word]["verdict"] for word in ("day", "may", "today")] == ["spurious", "spurious", "unclear"]
    rules = {word: [rule["rule"] for rule in found["word", word]["rules"]] for word in ("day", "may", "today")}
    assert [("labelling.named" in fired) for fired in rules.values()] == [True, True, False]
    assert "type.function_word" not in rules["may"]


@pytest.mark.parametrize(("grade", "verdict"), [(0.49, "unclear"), (0.5, "spurious"), ("null", "spurious")])
def test_a_word_that_may_mean_what_it_does_is_not_spurious(warehouse, grade, verdict):
    """Whether a labelling rule names it or not; of a name the grade decides nothing."""
    words = {"dull": "content word", "grey": "content word", "rose": "name"}
    found = verdicts_of(
        warehouse, [evidence(word) for word in words], words, named="label | word\na | dull\na | rose",
        meaning="word | expected | expected_se\ndull | 0.1 | 0.1\ngrey | 0.1 | 0.1",
        grades="kind | label | word | grade:double\n" + "\n".join(f"word | a | {word} | {grade}" for word in words),
    )  # fmt: skip
    assert {word: found["word", word]["verdict"] for word in words} == {
        "dull": verdict,
        "grey": verdict,
        "rose": "spurious",
    }
    fired = {word: [rule["rule"] for rule in found["word", word]["rules"]] for word in words}
    assert ["meaning.not_ruled_out" in fired[word] for word in words] == [verdict == "unclear"] * 2 + [False]
    assert told(found["word", "dull"]["rules"])
