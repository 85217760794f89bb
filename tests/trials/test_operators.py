"""Where words are inserted, which stand-ins are drawn, and what counts as the effect of an operation."""

import pytest
from scipy import stats

from tasks.trials.operators import Candidate, Operation, drawn_words, inserted_into, operations_on
from tests.trials.linear import Linear

WORDS = " ".join(f"w{i}" for i in range(100))


def reader_of(*texts, pair_start=None):
    return Linear(None, None, {i: {"text": text, "pair_start": pair_start} for i, text in enumerate(texts)})


def words_before(example_id, reader, read_share, word="zzz"):
    return inserted_into({"example_id": example_id, "read_share": read_share}, word, reader).text.split().index(word)


def test_every_word_is_inserted_at_the_same_place_of_a_text():
    reader = reader_of(*[WORDS] * 50)
    for i in range(50):
        assert len({words_before(i, reader, 1.0, word) for word in ("Kane", "s1", "dullness")}) == 1


def test_places_are_spread_over_the_whole_text():
    """Oracle: the uniform distribution, by a test of Kolmogorov and Smirnov."""
    reader = reader_of(*[WORDS] * 400)
    places = [words_before(i, reader, 1.0) / 101 for i in range(400)]
    assert stats.kstest(places, "uniform").pvalue > 0.01
    assert max(places) > 0.95


@pytest.mark.parametrize("read_share", [0.1, 0.5, 0.99])
def test_no_word_is_inserted_behind_the_cut(read_share):
    reader = reader_of(*[WORDS] * 400)
    places = [words_before(i, reader, read_share) for i in range(400)]
    assert max(places) < 100 * read_share
    assert max(places) > 75 * read_share


def test_a_word_is_inserted_into_the_first_of_two_texts():
    reader = reader_of(*["one two\nthree four"] * 20, pair_start=8)
    for i in range(20):
        text = inserted_into({"example_id": i, "read_share": 1.0}, "zzz", reader)
        assert "zzz" in text.text[: text.pair_start]
        assert text.text[text.pair_start :] == "three four"


def test_stand_ins_are_drawn_by_the_text_and_not_by_their_order():
    words = [f"s{i}" for i in range(12)]
    drawn = [drawn_words(words, f"kane {i}", 4) for i in range(300)]
    assert drawn == [drawn_words(words[::-1], f"kane {i}", 4) for i in range(300)]
    assert all(len(set(own)) == 4 for own in drawn)
    # Each of twelve is drawn in a third of the texts, by the binomial distribution.
    counts = [sum(word in own for own in drawn) for word in words]
    assert all(stats.binomtest(count, 300, 1 / 3).pvalue > 0.001 for count in counts)
    # One word less leaves the draw of the texts that had not drawn it.
    without = [drawn_words(words[1:], f"kane {i}", 4) for i in range(300)]
    assert all(before == after for before, after in zip(drawn, without, strict=True) if "s0" not in before)


def test_the_effect_of_a_text_is_less_the_mean_of_its_stand_ins_or_of_its_placebo():
    candidate = Candidate("word", "b", "kane")
    swap = Operation(candidate, "swap", [], rows=[[{"margin_before": 2.0, "margin_after": own} for own in (1.0, 0.0, -1.0, -4.0)]])  # fmt: skip
    assert swap.effects({}) == [3.0]
    insert = Operation(candidate, "insert", [], "name", [[{"example_id": 7, "margin_after": 2.0}], [{"example_id": 8, "margin_after": 2.0}]])  # fmt: skip
    placebos = {("name", 7, "b"): 0.5, ("name", 8, "b"): 3.0, ("name", 7, "a"): 9.0, ("number", 7, "b"): 9.0}
    assert insert.effects(placebos) == [1.5, -1.0]


def plan(**changed):
    held = [{"example_id": i, "spans": [{"span_start": 3, "span_end": 7}]} for i in range(3)]
    others = [{"example_id": i, "read_share": 1.0} for i in range(3, 6)]
    return {
        "kind": "word", "label": "b", "word": "kane", "within_type": True, "placebo_type": "name", "held": held, "others": others,
        "replacements": ["lee", "ford"], "inserts": ["Kane"], **changed,
    }  # fmt: skip


READER = reader_of(*["as Kane did"] * 3, *["one two three"] * 3)


def trials_of(row, max_documents=24):
    return {
        operation.operator: [[(trial.after.text, trial.replacement) for trial in text] for text in operation.texts]
        for operation in operations_on(row, READER, max_documents)
    }


def test_a_word_within_its_type_is_swapped_and_another_deleted():
    swapped = trials_of(plan())
    assert swapped.keys() == {"swap", "insert"}
    # In the letter case of the word.
    assert {frozenset(text) for text in swapped["swap"]} == {
        frozenset({("as Lee did", "lee"), ("as Ford did", "ford")})
    }
    deleted = trials_of(plan(within_type=False))
    assert deleted == {"delete": [[("as did", None)]] * 3, "insert": swapped["insert"]}


def test_a_word_without_stand_ins_is_only_inserted():
    assert trials_of(plan(replacements=[]))["swap"] == []


def test_the_words_of_a_piece_take_turns():
    texts = trials_of(plan(kind="piece", inserts=["Kanes", "Kaned"]))["insert"]
    assert [word for ((_, word),) in texts] == ["Kanes", "Kaned", "Kanes"]
    assert all(word in text for ((text, word),) in texts)


@pytest.mark.parametrize("max_documents", [1, 2])
def test_no_more_texts_are_tried_than_asked_for(max_documents):
    found = trials_of(plan(), max_documents)
    assert [len(texts) for texts in found.values()] == [max_documents] * 2
