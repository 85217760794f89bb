"""What words of a type do, by NumPy and SciPy."""

import numpy as np
import pytest
from scipy import stats

from tests.sql.helpers import by

TYPE_TRIALS = "type:varchar | example_id:bigint | label:varchar | margin_with:double | margin_without:double | margin_control:double | predicted_with:integer | predicted_without:integer"


def type_effects_of(warehouse, placebos, trials=TYPE_TRIALS, predicted="a"):
    """`placebos`: (type, text, stand-in, margin of b); all texts are read as `predicted`."""
    texts = sorted({text for _, text, _, _ in placebos} | set(range(1000, 1010)))
    warehouse.insert("examples", "example_id\n" + "\n".join(map(str, texts)), predicted_label=predicted)
    rows = "\n".join(f"{kind} | {text} | {word} | {margin}" for kind, text, word, margin in placebos)
    warehouse.insert("placebos", "type | example_id | replacement | margin:double\n" + rows, label="b")
    warehouse.insert("word_occurrences", "example_id | word\n1000 | lee\n1000 | lee\n1001 | lee\n1001 | box")
    warehouse.insert("word_types", "word | type\nlee | name\nbox | content word", kind="word")
    part = warehouse.part(trials)
    return by(warehouse.build("verify/type_effects", type_parts=[part], labels=["a", "b"]), "type", "label")


def pool_of(seed, between, noise=0.2, num_texts=150, num_words=24):
    """Words of one type with effects of their own, four in each text; and the deviation of the effects."""
    rng = np.random.default_rng(seed)
    own, texts = rng.normal(0.3, between, num_words), rng.normal(0, 2, num_texts)
    placebos = [
        ("name", i, f"w{word}", texts[i] + own[word] + rng.normal(0, noise))
        for i in range(num_texts)
        for word in rng.choice(num_words, 4, replace=False)
    ]
    placebos += [
        ("content word", i, f"c{k}", texts[i] + rng.normal(0, noise)) for i in range(num_texts) for k in range(4)
    ]
    return placebos, np.std(own, ddof=1)


@pytest.mark.parametrize("between", [0.1, 0.4, 1.0])
def test_the_deviation_between_words_is_found_without_that_within(warehouse, between):
    """Oracle: a simulation whose words' effects are known."""
    ratios = []
    for seed in range(6):
        placebos, known = pool_of(seed, between)
        ratios.append(type_effects_of(warehouse, placebos)["name", "b"]["between_sd"] / known)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.08)


def test_words_that_all_do_the_same_have_next_to_no_deviation_between_them(warehouse):
    found = [type_effects_of(warehouse, pool_of(seed, 0.0)[0])["name", "b"]["between_sd"] for seed in range(6)]
    # The mean of a word over 25 texts has an error of .2 / 5.
    assert np.mean(found) < 0.03


def test_words_of_fewer_than_three_texts_and_fewer_than_five_words_say_nothing(warehouse):
    placebos, _ = pool_of(0, 0.4, num_texts=60, num_words=4)
    assert type_effects_of(warehouse, placebos)["name", "b"]["between_sd"] is None


def test_insertion_is_less_content_words_in_the_same_texts(warehouse):
    rng = np.random.default_rng(0)
    names, content = rng.normal(1, 1, (20, 4)), rng.normal(0, 1, (20, 4))
    placebos = [("name", i, f"n{k}", names[i, k]) for i in range(20) for k in range(4)]
    # Three texts without content words do not count.
    placebos += [("content word", i, f"c{k}", content[i, k]) for i in range(17) for k in range(4)]
    row = type_effects_of(warehouse, placebos)["name", "b"]
    per_text = names[:17].mean(axis=1) - content[:17].mean(axis=1)
    assert row["insertion_effect"] == pytest.approx(per_text.mean())
    assert row["insertion_se"] == pytest.approx(stats.sem(per_text))
    assert (row["n_insertion"], row["n_removal"], row["removal_effect"]) == (17, 0, None)
    # Texts 1000 and 1001 hold names.
    assert row["n_examples"] == 2


def test_texts_that_are_read_as_the_label_are_none_it_is_inserted_into(warehouse):
    placebos, _ = pool_of(0, 0.4, num_texts=20)
    assert type_effects_of(warehouse, placebos, predicted="b") == {}


def test_removal_is_less_as_many_other_words_taken_out(warehouse):
    rows = [(1.0, 0.25, 9, 0, 1), (2.0, 1.0, 9, 0, 1), (0.5, 1.0, 9, 1, 0), (1.0, 0.5, 9, 0, 0), (1.0, 1.0, 9, 1, 1)]
    trials = "\n".join(f"name | {1000 + i} | b | " + " | ".join(map(str, row)) for i, row in enumerate(rows))
    row = type_effects_of(warehouse, [("name", 1, "lee", 0.0)], f"{TYPE_TRIALS}\n{trials}")["name", "b"]
    effects = [0.75, 1.0, -0.5, 0.5, 0.0]
    assert row["removal_effect"] == pytest.approx(np.mean(effects))
    assert row["removal_se"] == pytest.approx(stats.sem(effects))
    assert row["n_removal"] == 5
    # All are read as a. Two change without the names alone, one without the other words alone, one without either.
    flips = [1, 1, -1, 0, 0]
    assert (row["flip_rate"], row["flip_se"]) == (pytest.approx(0.2), pytest.approx(stats.sem(flips)))


@pytest.mark.parametrize(("num_turning", "counted"), [(12, 12), (3, 8)])
def test_a_type_is_tested_in_the_texts_that_it_can_turn(warehouse, num_turning, counted):
    """Those read as another label without its words and without the others; at least the eight closest to it."""
    rng = np.random.default_rng(3)
    control = np.concatenate([rng.uniform(-4, 0, num_turning), np.linspace(0.1, 4, 30 - num_turning)])
    effects = rng.normal(1, 1, 30)
    trials = "\n".join(
        f"name | {2000 + i} | b | {effect} | 0.0 | {own} | 0 | 1"
        for i, (effect, own) in enumerate(zip(effects, control, strict=True))
    )
    warehouse.insert("examples", "example_id\n" + "\n".join(map(str, range(2000, 2030))), predicted_label="a")
    part = warehouse.part(f"{TYPE_TRIALS}\n{trials}")
    warehouse.insert("placebos", "type | example_id | replacement | margin:double\nname | 1 | lee | 0.0", label="b")
    warehouse.insert("word_occurrences", "example_id | word\n2000 | lee")
    warehouse.insert("word_types", "word | type\nlee | name", kind="word")
    (row,) = warehouse.build("verify/type_effects", type_parts=[part], labels=["a", "b"])
    assert (row["n_removal"], row["n_removal_turning"]) == (30, counted)
    assert row["removal_turning"] == pytest.approx(effects[:counted].mean())
    assert row["removal_turning_se"] == pytest.approx(stats.sem(effects[:counted]))
