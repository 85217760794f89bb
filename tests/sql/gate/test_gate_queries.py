"""What a gate asks of a run."""

import datetime

import pytest
from scipy import stats

from tests.sql.compare.made import GROUPS, VERDICTS
from tests.sql.helpers import by, only

Z = stats.norm.ppf(0.975)


def row(word, effect, se, type_="name", status="genuine", kind="word"):
    return f"a | {kind} | film | {word} | {type_} | {status} | {effect} | {effect - Z * se} | {effect + Z * se} | 1 | 1 | 1 | 0.1"


def test_what_may_never_be_used_is_used_if_its_effect_is_above_0_for_all_of_its_type(warehouse):
    rows = [
        row("day", 0.21, 0.1), row("nolan", 0.21, 0.1, "surname"), row("smith", 0.9, 0.1, "surname"),
        row("lee", 0.05, 0.1, "surname", "negligible"), row("other", 3, 0.1), row("tiny", 0.09, 0.01, status="negligible"),
    ]  # fmt: skip
    warehouse.insert("run_verdicts", "\n".join([VERDICTS, *rows, *(each.replace("a |", "b |", 1) for each in rows)]))
    found = by(warehouse.rows("gate/used_words", run_id="a", words=["day", "tiny"], types=["surname"]), "word")
    assert {word: own["is_used"] for word, own in found.items()} == {
        "day": True, "nolan": False, "smith": True, "lee": False, "tiny": False,
    }  # fmt: skip
    assert found["day"]["p_value"] == pytest.approx(stats.norm.sf(2.1), rel=1e-5)
    assert found["nolan"]["p_value"] == pytest.approx(3 * stats.norm.sf(2.1), rel=1e-5)
    assert (found["day"]["entry"], found["nolan"]["entry"]) == ("day", "surname")


def test_a_waiver_holds_to_the_end_of_its_last_day(warehouse):
    warehouse.insert("run_verdicts", """
        run_id | kind | label | word | verdict  | waived_by:varchar | waiver_reason:varchar | expires:varchar
        a      | word | film  | day  | spurious | film desk         | his films             | 2027-06-30
        a      | word | film  | may  | spurious | film desk         | a month               | 2027-06-29
        a      | word | film  | sun  | spurious | null              | null                  | null
        b      | word | film  | sea  | spurious | x                 | y                     | 2020-01-01
    """)  # fmt: skip
    warehouse.connection.execute("alter table run_verdicts rename expires to waiver_expires")
    warehouse.connection.execute("alter table run_verdicts alter waiver_expires type date")
    rows = warehouse.rows("gate/waived", run_id="a", today=datetime.date(2027, 6, 30))
    assert only(rows, "word", "is_expired", "owner") == [("may", True, "film desk"), ("day", False, "film desk")]


def test_the_worst_group_is_compared_with_the_same_group(warehouse):
    warehouse.insert("run_verdicts", f"{VERDICTS}\n{row('day', 1, 0.1, status='spurious')}\n{row('fine', 1, 0.1)}")
    warehouse.insert("run_groups", f"""{GROUPS}
        a |      | film  | 100 | 90
        a |      | other | 100 | 80
        a | day  | film  | 9   | 0
        a | day  | other | 20  | 8
        a | fine | other | 50  | 0
        b | day  | other | 25  | 20
        b |      | other | 100 | 10
    """)  # fmt: skip
    (worst,) = warehouse.rows("gate/worst_group", run_id="a", reference="b", min_texts=10)
    assert (worst["word"], worst["label"], worst["accuracy"], worst["reference_accuracy"]) == ("day", "other", 0.4, 0.8)
    wilson = stats.binomtest(8, 20).proportion_ci(method="wilson")
    assert (worst["low"], worst["high"]) == (pytest.approx(wilson.low), pytest.approx(wilson.high))
    (alone,) = warehouse.rows("gate/worst_group", run_id="a", reference="", min_texts=10)
    assert alone["n_reference"] is None
    assert warehouse.rows("gate/worst_group", run_id="nobody", reference="", min_texts=10) == []
