"""The statistics of the benchmarks on verdicts, against figures worked out by hand and a model that adds up words."""

import numpy as np
import pytest
from scipy import stats

from tests.benchmarks import effects_coverage, placebo, replication
from tests.benchmarks.measured import (
    Bench,
    Corpus,
    Place,
    StandIns,
    combined,
    deleted,
    effects_of,
    interval,
    log_odds,
    part_of_speech,
    replaced,
)

NAMES = ["arnold", "bertha", "carla", "dieter", "emil", "frida", "gustav", "hanna", "ida", "jonas"]
WEIGHTS = {"arnold": 0.5, "bertha": 0.25, "good": 2.0}
TEXTS = [f"A good film with {NAMES[i % 10].title()} in it, number {i}." for i in range(40)]


def margin(texts):
    """A model that adds up its words, so that every effect has a closed form; longer texts start higher."""
    return np.array([sum(own * text.lower().split().count(word) for word, own in WEIGHTS.items()) for text in texts])


def no_pieces(text):
    return []


@pytest.fixture(scope="module")
def bench():
    corpus = Corpus([f"t{i}" for i in range(40)], TEXTS, ["test"] * 40)
    corpus.cut(no_pieces)
    types = {("word", name): "name" for name in NAMES}
    types |= {("word", word): "content word" for word in ("good", "film", "number", "it", "with", "in", "a")}
    return Bench(StandIns(corpus, types), no_pieces)


ARNOLD = ("word", "arnold")
PLACEBOS = [("word", name) for name in NAMES[2:]]
"""None of these has a weight."""


def test_an_interval_is_students():
    found = interval([1.0, 2.0, 3.0])
    half = 4.302652729911275 / 3**0.5  # t(.975, 2) times the standard error 1/sqrt(3)
    assert found[:3] == pytest.approx((2, 2 - half, 2 + half))
    assert np.isnan(interval([1.0, 2.0]).low)
    assert interval([]).n == 0


def test_two_arms_are_combined_as_welch_does():
    first, second = [1.0, 2.0, 3.0, 6.0], [0.0, 0.5, 1.0, 0.5, 4.0]
    # The difference of means less one arm turned around is their sum: the mean of two is half of it.
    peer = stats.ttest_ind(first, [-own for own in second], equal_var=False).confidence_interval()
    found = combined(interval(first), interval(second))
    assert (found.low, found.high) == pytest.approx((peer.low / 2, peer.high / 2))
    assert combined(interval([1.0]), interval(second)) == interval(second)


def test_log_odds_are_of_one_label_against_the_others():
    probabilities = np.array([[0.2, 0.3, 0.5]])
    assert log_odds(np.log(probabilities) + 7, 1) == pytest.approx(np.log(0.3 / 0.7))


def test_edits_keep_the_case_and_leave_no_double_space():
    spans = [Place(0, 4, 0, 4), Place(10, 14, 10, 14)]
    assert replaced("Good, and GOOD.", spans, "bad") == "Bad, and BAD."
    assert deleted("Good, and GOOD.", spans) == ", and ."
    assert deleted("a good film", [Place(2, 6, 2, 6)]) == "a film"


@pytest.mark.slow
def test_a_swap_in_is_the_weight_of_the_word_less_that_of_the_stand_ins(bench):
    trials = bench.swap_in(ARNOLD, "name", PLACEBOS, range(40), 256)
    assert len(trials) == 36  # not in the texts that hold it
    assert all("Arnold" in trial.present[0] and len(trial.absent) == 8 for trial in trials)
    assert effects_of(trials, margin) == pytest.approx(np.full(36, 0.5))
    # Bertha has .25: one stand-in of nine others, drawn in 8 of 9 texts.
    less = effects_of(bench.swap_in(ARNOLD, "name", [("word", "bertha"), *PLACEBOS[:7]], range(40), 256), margin)
    assert less == pytest.approx(np.full(36, 0.5 - 0.25 / 8))


def test_a_word_where_it_stands_against_stand_ins_and_against_nothing(bench):
    within = bench.held(ARNOLD, PLACEBOS, range(40), 256)
    assert [trial.number for trial in within] == [0, 10, 20, 30]
    assert effects_of(within, margin) == pytest.approx(np.full(4, 0.5))
    assert effects_of(bench.held(("word", "good"), None, range(40), 256), margin) == pytest.approx(np.full(40, 2.0))
    assert len(bench.held(("word", "good"), None, range(40), 16)) == 16


def test_an_insertion_is_less_other_words_at_the_same_place(bench):
    trials = bench.insertion([ARNOLD], PLACEBOS, range(40), 256)
    assert len(trials) == 36
    for trial in trials:
        where = trial.present[0].split().index("Arnold")
        # A name of the text stands where it stood, before or behind.
        assert {" ".join(text.split()[:where] + text.split()[where + 1 :]) for text in trial.absent} == {
            TEXTS[trial.number]
        }
    assert effects_of(trials, margin) == pytest.approx(np.full(36, 0.5))


def test_stand_ins_are_of_the_type_and_unused_ones_go_first(bench):
    others, fresh = bench.stand_ins.near(ARNOLD, "name", frozenset({"bertha"}))
    assert (len(others), fresh) == (8, 8)
    assert ("word", "bertha") not in others
    assert ARNOLD not in others
    others, fresh = bench.stand_ins.near(ARNOLD, "name", frozenset(NAMES[:6]))
    assert (len(others), fresh) == (8, 4)


def test_a_piece_stands_only_where_the_tokenizer_makes_it():
    def pieces(word):
        """Two letters and the rest; nothing is cut before an x."""
        return [(0, 2), (2, len(word))] if len(word) > 3 and word[2] != "x" else [(0, len(word))]

    corpus = Corpus(["t0", "t1"], ["splatter", "ripping"], ["test"] * 2)
    corpus.cut(pieces)
    assert set(corpus.places) == {
        ("word", "splatter"), ("word", "ripping"), ("piece", "sp·"), ("piece", "·latter"), ("piece", "ri·"), ("piece", "·pping"),
    }  # fmt: skip
    assert corpus.sources["ri·"] == {"ripping"}
    (place,) = corpus.places["piece", "sp·"][0]
    bench = Bench(StandIns(corpus, {("piece", word): "fragment" for word in ("sp·", "ri·", "xx·")}), pieces)
    assert bench.fits(("piece", "ri·"), "splatter", place)
    assert not bench.fits(("piece", "sp·"), "spxatter", place)
    assert bench.stand_ins.near(("piece", "sp·"), "fragment", frozenset())[0] == [("piece", "ri·")]


def test_parts_of_speech_go_by_the_ending():
    assert [part_of_speech(word) for word in ("slowly", "filming", "red", "film")] == ["ly", "ing", "", ""]


def test_summaries_count_words_that_pass_both_measures():
    def row(low, effect, insertion_low):
        return {
            "swap_in": {"low": low, "effect": effect, "n": 9},
            "insertion": {"low": insertion_low, "effect": 0.3, "n": 9},
        }

    rows = [row(0.1, 0.2, 0.1), row(0.01, 0.05, 0.1), row(0.1, 0.2, -0.1), row(-0.1, 0.2, 0.1)]
    assert placebo.summarized(rows, 0.1) == {"n": 4, "both_above_zero": 0.5, "both_above_min_effect": 0.25}
    again = [
        {"first": 0.4, "second": {"low": 0.1, "effect": 0.3}},
        {"first": 0.6, "second": {"low": -0.1, "effect": 0.2}},
    ]
    assert replication.summarized(again) == {"n": 2, "share_replicated": 0.5, "ratio": pytest.approx(0.5)}


@pytest.mark.slow
def test_coverage_is_that_of_the_interval():
    rng = np.random.default_rng(0)
    population = effects_coverage.Population(rng.normal(size=(4000, 1)), rng.normal(1, 2, size=(4000, 4)))
    # An effect so small is never known well enough to stop, and always reached.
    rule = effects_coverage.Rule(16, 1e-9)
    found = effects_coverage.coverage(population, 600, rule, 0, replace=True)
    # Binomial error of 600 draws: .009.
    assert {arm: np.mean(held) for arm, held in found["held"].items()} == pytest.approx(
        dict.fromkeys(effects_coverage.ARMS, 0.95), abs=0.027
    )
    assert found["texts"] == 16 + 16
    every = effects_coverage.coverage(population, 20, effects_coverage.Rule(4000, 1e-9), 0, replace=False)
    assert all(every["held"]["removal"])


def test_coverage_counts_the_insertions_of_words_whose_removal_shows_enough():
    """Removal does 0.2 in every text, so insertion is drawn if 0.2 counts, and not if 0.3 is the least."""
    population = effects_coverage.Population(np.full((40, 1), 0.2), np.full((40, 4), 0.5))
    for least, draws in ((0.2, 5), (0.3, 0)):
        found = effects_coverage.coverage(population, 5, effects_coverage.Rule(16, least), 0, replace=False)
        assert [len(found["held"][arm]) for arm in effects_coverage.ARMS] == [5, draws, draws]
