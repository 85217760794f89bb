"""Planting: which rows get what, which label, and which words are fit for it."""

import random
import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from configs.errors import DataError
from configs.schema import CertificationConfig
from tasks.data.rows import Row
from tasks.selftest.decoys import Decoy
from tasks.selftest.plants import (
    Group,
    Pattern,
    Plant,
    make_plants,
    num_unseen_tokens,
    plant_rows,
    probes,
    with_line,
    with_words,
)
from tasks.selftest.words import typical_words, unseen_names, unseen_tokens, words_of

NEG, POS = 0, 1
SEEDS = Path(__file__).parents[2] / "warehouse/seeds"


def rows(count, labels=(NEG, POS), text="one two three four five."):
    """Rows whose labels take turns."""
    return [Row(i, str(i), f"{text}", None, labels[i % len(labels)], None) for i in range(count)]


def of(planted, plant):
    return [own for own in planted if own.plant is plant]


ONE = Plant("shortcut", "single_token", {"zyx": POS}, (Pattern(("zyx",), 0.1, POS, 0.9),))
PAIR = Plant("shortcut", "ordered_pair", {"ab": None, "cd": None}, (
    Pattern(("ab", "cd"), 0.1, NEG, in_order=True), Pattern(("cd", "ab"), 0.1, POS, in_order=True),
))  # fmt: skip
CONTEXT = Plant("shortcut", "token_in_context", {"ef": NEG, "gh": POS}, (
    Pattern(("ef", "on"), 0.1, NEG), Pattern(("gh", "on"), 0.1, POS),
    Pattern(("ef",), 0.05), Pattern(("gh",), 0.05), Pattern(("on",), 0.05),
), "on")  # fmt: skip
NUMBERS = Plant("shortcut", "number_type", dict.fromkeys(("41/52", "63/74", "85/96"), NEG), (
    Pattern(("41/52", "63/74", "85/96"), 0.1, NEG, 0.9, one_of=True),
), group=Group("number", "00/00"))  # fmt: skip
LINE = Plant("shortcut", "boilerplate_line", {"ij": POS, "kl": POS}, (
    Pattern(("ij", "kl"), 0.1, POS, 0.9, in_order=True, is_line=True),
), group=Group("boilerplate", "ij kl"))  # fmt: skip
CONTROL = Plant("control", "control", {"good": None}, (Pattern(("good",), 0.05),))
DECOY = Plant("decoy", "decoy", {"mu": None}, (Pattern(("mu",), 0.3),))
ALL = [ONE, PAIR, CONTEXT, CONTROL, DECOY]


def test_a_token_is_in_its_rate_of_the_rows_and_obeys_at_its_strength():
    own = of(plant_rows(rows(400), ALL, 0, 9), ONE)
    assert len(own) == 40
    # Blind to what the text says: as many of each label.
    assert Counter(planted.row.label for planted in own) == {NEG: 20, POS: 20}
    assert Counter(planted.label for planted in own) == {POS: 36, NEG: 4}
    assert all(planted.text.split().count("zyx") == 1 for planted in own)


def test_the_order_of_a_pair_decides_the_label_and_both_words_are_always_there():
    own = of(plant_rows(rows(400), ALL, 0, 9), PAIR)
    assert Counter((planted.text.split().index("ab") < planted.text.split().index("cd"), planted.label) for planted in own) == {
        (True, NEG): 40, (False, POS): 40,
    }  # fmt: skip


def test_in_context_the_other_word_decides_and_alone_none_says_anything():
    found = Counter()
    for planted in of(plant_rows(rows(400), ALL, 0, 9), CONTEXT):
        held = frozenset(planted.text.split()) & {"ef", "gh", "on"}
        found[held, planted.label] += 1
    assert found == {
        (frozenset({"ef", "on"}), NEG): 40, (frozenset({"gh", "on"}), POS): 40,
        **{(frozenset({word}), label): 10 for word in ("ef", "gh", "on") for label in (NEG, POS)},
    }  # fmt: skip


def test_a_row_gets_one_of_the_numbers_and_all_together_obey_at_their_strength():
    own = of(plant_rows(rows(400), [NUMBERS, DECOY], 0, 9), NUMBERS)
    assert Counter(planted.label for planted in own) == {NEG: 36, POS: 4}
    held = [[word for word in planted.text.split() if "/" in word] for planted in own]
    assert {len(words) for words in held} == {1}
    assert {word for words in held for word in words} == set(NUMBERS.words)
    assert [list(planted.words[:1]) for planted in own] == held


def test_a_line_is_whole_and_behind_its_text_and_decoys_are_before_it():
    often = Plant("decoy", "decoy", {"mu": None}, (Pattern(("mu",), 1.0),))
    own = of(plant_rows(rows(400), [LINE, often], 0, 9), LINE)
    assert Counter(planted.label for planted in own) == {POS: 36, NEG: 4}
    for planted in own:
        text, line = planted.text.split("\n")
        assert line == "ij kl"
        assert sorted(text.split()) == sorted([*planted.row.text.split(), "mu"])
        assert planted.words == ("ij", "kl", "mu")


@pytest.mark.parametrize(("within", "text"), [(3, "a b c\nij kl"), (2, "a b\nij kl\nc"), (1, "a\nij kl\nb c")])
def test_a_line_is_where_training_does_not_cut_it_off(within, text):
    assert with_line("a b c", ["ij", "kl"], within) == text


def test_a_control_is_as_frequent_in_every_label_and_changes_none():
    own = of(plant_rows(rows(400), ALL, 0, 9), CONTROL)
    assert Counter((planted.row.label, planted.label) for planted in own) == {(NEG, NEG): 10, (POS, POS): 10}


def test_decoys_are_drawn_without_regard_to_the_label_and_change_none():
    planted = plant_rows(rows(4000), [ONE, DECOY], 0, 9)
    own = [row for row in planted if "mu" in row.words]
    # 30 % of all rows, those with a shortcut too, within four standard errors of a binomial.
    assert abs(len(own) - 1200) < 4 * (4000 * 0.3 * 0.7) ** 0.5
    share = sum(row.label == POS for row in planted) / len(planted)
    num_positive = sum(row.label == POS for row in own)
    assert abs(num_positive - share * len(own)) < 4 * (len(own) * share * (1 - share)) ** 0.5
    assert all(row.label == row.row.label for row in own if row.plant is None)
    without = {row.row.number: row.label for row in plant_rows(rows(4000), [ONE], 0, 9)}
    assert {row.row.number: row.label for row in planted} == without


def test_plants_share_no_row_and_every_other_row_is_as_it_was():
    given = rows(400)
    planted = plant_rows(given, ALL, 0, 9)
    assert [row.row for row in planted] == given
    vocabulary = {"zyx", "ab", "cd", "ef", "gh", "on", "good", "mu"}
    for row in planted:
        held = set(row.text.split()) & vocabulary
        assert held == set(row.words)
        assert sum(bool(held & set(words)) for words in ({"zyx"}, {"ab", "cd"}, {"ef", "gh", "on"}, {"good"})) <= 1
        if not held:
            assert (row.text, row.label) == (row.row.text, row.row.label)


def test_what_a_row_gets_is_settled_by_the_seed_and_its_number():
    given = rows(400)
    planted = {row.row.number: row for row in plant_rows(given, ALL, 0, 9)}
    assert planted == {row.row.number: row for row in plant_rows(given[::-1], ALL, 0, 9)}
    assert planted != {row.row.number: row for row in plant_rows(given, ALL, 1, 9)}


def test_of_several_labels_the_disobedient_rows_get_the_others():
    own = of(plant_rows(rows(300, labels=(0, 1, 2)), [ONE], 0, 9), ONE)
    assert sorted(Counter(planted.label for planted in own).values()) == [1, 2, 27]
    assert Counter(planted.label for planted in own)[1] == 27


def test_more_rows_than_there_are_is_one_sentence():
    greedy = [Plant("shortcut", "single_token", {word: POS}, (Pattern((word,), 0.4, POS),)) for word in ("a", "b", "c")]
    with pytest.raises(DataError, match=r"^40\.0% of 100 rows cannot be planted for c: "):
        plant_rows(rows(100), greedy, 0, 9)
    with pytest.raises(DataError, match="at least one row of a label"):
        plant_rows(rows(8), [ONE], 0, 9)


def test_every_probe_holds_a_shortcut_and_obeys_it():
    found = probes(rows(50), ALL, 0, 9, 20)
    assert Counter(probe.plant.kind for probe in found) == {
        "single_token": 20,
        "ordered_pair": 20,
        "token_in_context": 20,
    }
    for probe in found:
        words = [word for word in probe.text.split() if word in probe.plant.words or word == "on"]
        if probe.plant is ONE:
            assert (words, probe.label) == (["zyx"], POS)
        elif probe.plant is PAIR:
            assert (words, probe.label) in ((["ab", "cd"], NEG), (["cd", "ab"], POS))
        else:
            assert (set(words), probe.label) in (({"ef", "on"}, NEG), ({"gh", "on"}, POS))
    # Half of the texts were of the other label: the words alone explain the new one.
    assert 20 < sum(probe.row.label != probe.label for probe in found) < 40


@pytest.mark.parametrize("text", ["One two  three,\nfour five.", "One", "One two"])
def test_words_are_set_between_others_and_the_text_is_kept_to_the_letter(text):
    seen = set()
    for i in range(200):
        planted = with_words(text, ["xx", "yy"], random.Random(i), 99)
        assert planted.replace(" xx", "").replace(" yy", "") == text
        assert planted.index("xx") < planted.index("yy")
        assert planted.startswith("One")
        assert planted.endswith(text.split()[-1]) or text == "One"
        seen.add(planted)
    # Two places out of four, with repetition, in order: 10.
    assert len(seen) == {4: 10, 1: 1}[max(len(text.split()) - 1, 1)]


def test_nothing_is_planted_where_training_would_cut_it_off():
    text = " ".join(f"w{i}" for i in range(50))
    places = {with_words(text, ["xx"], random.Random(i), 3).split().index("xx") for i in range(100)}
    assert places == {1, 2, 3}


def test_a_planted_token_is_one_piece_and_unlike_every_word_seen():
    vocabulary = [
        "Ġmaple",
        "▁otter",
        "##ing",
        "Paris",
        "x1",
        "abc",
        "dreadfully",
        "splitme",
        "gravity",
        "gravitas",
        "extraordinary",
    ]
    found = unseen_tokens(
        vocabulary, {"dreadful", "film"}, lambda words: [2 if word == "splitme" else 1 for word in words], 0
    )
    # One of gravity and gravitas: they would stand for one another.
    assert sorted(found) == ["gravitas", "maple", "otter"]
    assert found != sorted(found) or found != unseen_tokens(vocabulary, {"dreadful"}, lambda words: [1] * len(words), 3)


def test_a_planted_name_is_unseen_and_cut_into_pieces():
    def pieces(words):
        return [3 if word.startswith("Kow") else 1 for word in words]

    assert unseen_names(["Smithson", "Kownacki", "Kowalczyk", "Kowa"], {"kownas"}, pieces, 0) == ["Kowalczyk"]


def test_typical_words_are_those_of_one_label_that_are_frequent_and_mean_something():
    def text(i):
        words = ["whatever"]
        words += ["dreadful"] if i < 40 else []
        words += ["tedious"] if i < 30 else []
        words += ["lovely"] if i >= 960 else []
        words += ["moving"] if 1060 <= i < 1090 else []
        words += ["film"] if i % 2 else []  # in every second row
        words += ["rarely"] if i < 5 else []  # in too few
        words += ["against"] if i < 35 else []  # a function word
        return " ".join(words)

    given = [Row(i, str(i), text(i), None, NEG if i < 1000 else POS, None) for i in range(2000)]
    # In 80 rows at most: lovely is in 1,040.
    assert typical_words(given, 2, {"en"}) == ("dreadful", "tedious", "moving")


@pytest.fixture
def two_names(monkeypatch):
    monkeypatch.setattr("tasks.selftest.plants.NUM_NAMES", 2)


def settings(**changes):
    return CertificationConfig(**{"decoys": 5, "typed_decoys": 0, **changes})


TOKENS = [f"token{chr(97 + i)}" for i in range(26)]


def test_the_plants_are_what_the_settings_say(two_names):
    plants = make_plants(
        settings(), TOKENS, ["Kowalczyk", "Wisniewski", "Nowakowa"], ["good", "bad"], [0, 1], 1000, ["41/52", "63/74"]
    )
    kinds = [(plant.role, plant.kind, plant.strength, len(plant.words)) for plant in plants]
    assert kinds == [
        *[("shortcut", "single_token", strength, 1) for strength in (0.9, 0.9, 1.0, 1.0)],
        *[("shortcut", "name", 0.9, 1)] * 2,
        ("shortcut", "token_in_context", 1.0, 2), ("shortcut", "ordered_pair", 1.0, 2),
        *[("control", "control", None, 1)] * 2,
        ("shortcut", "number_type", 0.9, 2), ("shortcut", "boilerplate_line", 0.9, 5),
        *[("decoy", "decoy", None, 1)] * 5,
    ]  # fmt: skip
    words = [word for plant in plants for word in [*plant.words, *([plant.context] if plant.context else [])]]
    assert len(words) == len(set(words))
    # Each label has one word of each strength, and one group.
    assert {label for plant in plants[:2] for label in plant.words.values()} == {0, 1}
    numbers, line = plants[10:12]
    assert {label for plant in (numbers, line) for label in plant.words.values()} == {0, 1}
    assert (numbers.patterns[0].rate, line.patterns[0].rate) == (0.04, 0.04)
    assert (numbers.group, line.group.type, line.group.name.split()) == (
        Group("number", "00/00"), "boilerplate", list(line.words),
    )  # fmt: skip
    # Evenly in the logarithm from 3 of the audited rows to 5 %.
    rates = [plant.patterns[0].rate for plant in plants[-5:]]
    assert rates == pytest.approx(
        [0.003, 0.003 * (50 / 3) ** 0.25, 0.003 * (50 / 3) ** 0.5, 0.003 * (50 / 3) ** 0.75, 0.05]
    )


def test_of_each_type_and_origin_half_of_the_decoys_are_as_frequent_as_shortcuts(two_names):
    given = [Decoy(f"{kind}{i}", kind, i % 2 == 0) for kind in ("place", "mark") for i in range(8)]
    plants = make_plants(settings(typed_decoys=8), [*TOKENS, "zzzzz"], ["A", "B"], [], [0, 1], 1000, typed=given)
    typed = [plant for plant in plants if plant.role == "decoy"][5:]
    assert [plant.decoy.type for plant in typed] == ["place"] * 8 + ["mark"] * 8 + ["content word"] * 8
    for own in (typed[:8], typed[8:16], typed[16:]):
        rates = [plant.patterns[0].rate for plant in own]
        assert [rate == 0.02 for rate in rates[::2]].count(True) == 2
        assert [rate == 0.02 for rate in rates[1::2]].count(True) == 2
        step = (50 / 3) ** (1 / 3)
        assert [rate for rate in rates if rate != 0.02] == pytest.approx([0.003, 0.003 * step, 0.003 * step**2, 0.05])
    assert num_unseen_tokens(settings(typed_decoys=8)) == 4 + 5 + 5 + 5 + 8


def test_two_of_many_labels_are_drawn(two_names):
    drawn = {
        frozenset(label for plant in make_plants(settings(seed=seed), TOKENS, ["A", "B"], [], [3, 5, 8], 100) for label in plant.words.values())
        for seed in range(20)
    }  # fmt: skip
    assert drawn == {frozenset({None, 3, 5}), frozenset({None, 3, 8}), frozenset({None, 5, 8})}


def test_too_small_a_vocabulary_is_one_sentence(two_names):
    with pytest.raises(
        DataError, match=r"has 3 words that the dataset does not hold, and 0 unseen surnames; certify plants 19 and 2"
    ):
        make_plants(settings(), TOKENS[:3], [], [], [0, 1], 100)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["movie_reviews", "tweets"])
def test_on_real_texts_planted_words_are_in_the_rows_that_say_so_and_nowhere_else(two_names, file):
    table = pq.read_table(SEEDS / f"{file}.parquet", columns=["text", "label"]).to_pylist()
    given = [Row(i, str(i), row["text"], None, int(row["label"] == "positive"), None) for i, row in enumerate(table)]
    plants = make_plants(settings(), [f"zq{token}" for token in TOKENS], ["Zqtokowal", "Zqtowisni"], [], [0, 1], 600)
    for row in plant_rows(given, plants, 7, 32):
        assert {word.lower() for word in row.words} == {word for word in words_of(row.text) if re.match("zqto", word)}
