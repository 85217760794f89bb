"""What words of a type do, on a model whose effects are known."""

import pytest

from tasks.runtime.parts import read_manifest
from tests.trials.linear import STAND_INS, margin_of


def test_the_margin_of_a_placebo_is_that_of_the_text_and_the_weight_of_the_stand_in(linear):
    facts, placebos, _ = linear.tried_placebos()
    keys = {(row["type"], row["example_id"], row["replacement"], row["label"]) for row in placebos}
    # Two types, twenty texts, four stand-ins, two labels.
    assert len(keys) == len(placebos) == 2 * 20 * 4 * 2
    for row in placebos:
        margin = -0.5 + STAND_INS.get(row["replacement"], 0.0)
        assert row["margin"] == (margin if row["label"] == "b" else -margin)
        assert row["predicted"] == int(margin > 0)
    assert {row["example_id"] for row in placebos} == set(range(0, 40, 2))
    # And forty for the type that has texts.
    assert facts["num_passes"] == 2 * 20 * 4 + 3 * 20


def test_stand_ins_are_drawn_anew_for_every_text_and_do_not_depend_on_other_types(linear):
    _, placebos, _ = linear.tried_placebos()
    drawn = {}
    for row in placebos:
        if row["type"] == "name":
            drawn.setdefault(row["example_id"], set()).add(row["replacement"])
    assert {word for own in drawn.values() for word in own} == set(STAND_INS)
    assert len({frozenset(own) for own in drawn.values()}) > 12
    _, alone, _ = linear.tried_placebos(linear.types[1:], "alone")
    assert alone == [row for row in placebos if row["type"] == "name"]


def test_the_words_of_a_type_are_taken_out_beside_as_many_others(linear):
    _, _, rows = linear.tried_placebos()
    assert {row["type"] for row in rows} == {"name"}
    assert sorted((row["example_id"], row["label"]) for row in rows) == [(i, k) for i in range(1, 40, 2) for k in "ab"]
    for row in rows:
        sign = 1 if row["label"] == "b" else -1
        whole = margin_of(linear.texts[row["example_id"]])
        name = STAND_INS[f"s{row['example_id'] % 12}"]
        # Without Kane (2) and the other name; without the control words dull (-1) and film (0).
        assert row["margin_without"] == pytest.approx(sign * (whole - 2.0 - name))
        assert row["margin_with"] == pytest.approx(sign * (whole + 1.0))
        assert row["margin_control"] == pytest.approx(sign * (whole - 2.0 - name + 1.0))
        assert row["predicted_with"] == 1
        assert row["predicted_without"] == int(whole - 2.0 - name > 0)


def test_texts_that_are_left_out_are_in_neither_table(linear):
    facts, placebos, rows = linear.tried_placebos(left_out=frozenset({0, 1, 99}))
    assert {row["example_id"] for row in placebos} == set(range(2, 40, 2))
    assert {row["example_id"] for row in rows} == set(range(3, 40, 2))
    assert facts["num_quarantined"] == 2


def test_a_whole_part_is_left_untouched_and_other_stand_ins_make_another(linear):
    linear.tried_placebos()
    part = linear.folder / "placebos.json"
    stamp, key = part.stat().st_mtime_ns, read_manifest(part)["key"]
    linear.tried_placebos()
    assert part.stat().st_mtime_ns == stamp
    linear.tried_placebos([{**linear.types[1], "stand_ins": ["s0", "s1"]}])
    assert read_manifest(part)["key"] != key


def test_a_dry_run_leaves_no_part_and_nothing_to_try_is_an_empty_one(linear):
    told = []
    facts, _, _ = linear.tried_placebos(name="dry", dry=True, advance=told.append)
    assert (facts["num_passes"], sum(told)) == (220, 2)
    assert list(linear.folder.glob("dry*")) == []
    facts, placebos, rows = linear.tried_placebos([], "empty")
    assert (facts["num_passes"], placebos, rows) == (0, [], [])
