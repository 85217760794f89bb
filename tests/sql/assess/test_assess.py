"""What more tokens gain after retraining, and the verdict on each word, on hand-made rows."""

import numpy as np
import pytest
from scipy import stats

from tests.sql.helpers import by, only

ARMS = "arm | word\ncandidates | lol\ncandidates | yay\nplacebo | tatty"


def gains_of(warehouse, rights, words, least=20, arms=ARMS):
    """The rows by arm and texts. `rights`: for each arm and seed, whether each text is read rightly."""
    lines = [
        f"{arm} | {seed} | {i} | 1 | {int(right)}"
        for arm, seeds in rights.items()
        for seed, own in enumerate(seeds)
        for i, right in enumerate(own)
    ]
    parts = warehouse.part("arm | seed | row_number | label:integer | predicted:integer\n" + "\n".join(lines))
    held = warehouse.part("row_number | words:varchar\n" + "\n".join(f"{i} | {own}" for i, own in enumerate(words)))
    lists = held.replace("part-", "lists-")
    warehouse.connection.execute(
        f"copy (select row_number, if(words is null, []::varchar[], string_split(words, '+')) as words "
        f"from read_parquet('{held}')) to '{lists}' (format parquet)"
    )
    params = {
        "prediction_parts": [parts], "held_out_parts": [lists], "arm_parts": [warehouse.part(arms)], "base": "as it is",
        "tried": "candidates", "least_texts": least,
    }  # fmt: skip
    warehouse.build("assess/token_texts", **params)
    return by(warehouse.build("assess/token_gains", **params), "arm", "texts")


def test_gains_are_those_of_all_of_affected_and_of_other_texts_of_each_arm(warehouse):
    rights = {
        "as it is": [[1, 0, 0, 1]], "candidates": [[1, 1, 1, 1]], "placebo": [[1, 0, 0, 0]],
    }  # fmt: skip
    rows = gains_of(warehouse, rights, ["lol", "lol+yay", "null", "tatty"])
    found = {key: (row["n_texts"], row["before"], row["after"]) for key, row in rows.items()}
    assert found == {
        ("candidates", "all"): (4, 0.5, 1), ("candidates", "affected"): (2, 0.5, 1), ("candidates", "other"): (2, 0.5, 1),
        ("placebo", "all"): (4, 0.5, 0.25), ("placebo", "affected"): (1, 1, 0),
        ("placebo", "other"): (3, pytest.approx(1 / 3), pytest.approx(1 / 3)),
        ("candidates", "with lol"): (2, 0.5, 1), ("candidates", "with yay"): (1, 0, 1),
    }  # fmt: skip


def test_the_interval_covers_texts_and_seeds(warehouse):
    rng = np.random.default_rng(1)
    before, after = rng.random((3, 40)) < 0.6, rng.random((3, 40)) < 0.8
    row = gains_of(warehouse, {"as it is": before, "candidates": after}, ["lol"] * 40)["candidates", "affected"]
    texts = (after.mean(axis=0) - before.mean(axis=0)).var(ddof=1) / 40
    seeds = (after.mean(axis=1) - before.mean(axis=1)).var(ddof=1) / 3
    freedom = (texts + seeds) ** 2 / (texts**2 / 39 + seeds**2 / 2)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(texts + seeds)
    gain = after.mean() - before.mean()
    assert (row["gain"], row["gain_low"]) == (pytest.approx(gain), pytest.approx(gain - half, rel=1e-2))
    better = int(((after.mean(axis=0) > 0.5) & (before.mean(axis=0) < 0.5)).sum())
    worse = int(((after.mean(axis=0) < 0.5) & (before.mean(axis=0) > 0.5)).sum())
    assert row["p_value"] == pytest.approx(stats.binomtest(better, better + worse).pvalue)


def test_a_word_is_accepted_or_rejected_by_its_texts_after_holm_and_too_few_texts_are_no_evidence(warehouse):
    arms = "arm | word\n" + "\n".join(f"candidates | {word}" for word in ("up", "down", "weak", "rare"))
    words = ["up"] * 20 + ["down"] * 20 + ["weak"] * 20 + ["rare"] * 19
    before = [0] * 20 + [1] * 20 + [0] * 20 + [0] * 19
    after = [1] * 20 + [0] * 20 + [1] * 6 + [0] * 14 + [1] * 19
    rows = gains_of(warehouse, {"as it is": [before], "candidates": [after]}, words, arms=arms)
    found = {row["word"]: (row["verdict"], row["p_holm"]) for row in rows.values() if row["word"]}
    p = 2 * 0.5**20
    assert found == {
        "up": ("accept", pytest.approx(3 * p)), "down": ("reject", pytest.approx(3 * p)),
        "weak": ("accept", pytest.approx(2 * 0.5**6)), "rare": ("no evidence", None),
    }  # fmt: skip
    # Three words are tested. With a fourth, and five better texts of twenty, 0.0625 is too much.
    after[45] = 0
    rows = gains_of(warehouse, {"as it is": [before], "candidates": [after]}, words, arms=arms)
    assert rows["candidates", "with weak"]["verdict"] == "no evidence"
    assert {row["verdict"] for (_, texts), row in rows.items() if not texts.startswith("with ")} == {None}


def test_words_stand_beside_what_their_pieces_do(warehouse):
    warehouse.insert("split_words", "rank | word\n1 | benigni\n2 | overlord", spelling="x", sort="term")
    warehouse.connection.execute("""
        create or replace table split_words as select rank, word, spelling, 'name' as type, sort, 'Latin' as script, word as stem,
            1 as n_inflections, ['a', 'b'] as pieces, [1.0, 1.0] as weights, 9 as n_examples, 9 as n_occurrences, 0.1 as document_frequency,
            2.0 as pieces_per_word, 9 as tokens_over, 1.0 as importance, 0.0 as cancelled, 9.0 as value, 'good' as label,
            1.0 as mean_score, 'none' as expectation, 'spurious' as status, true as can_be_token
        from split_words
    """)
    warehouse.insert("opposed_pieces", "word | piece | piece_score\nbenigni | ·i | -1.0\nbenigni | benign· | -2.0")
    warehouse.insert("ambiguous_pieces", "piece | n_stems\nover· | 14\n·i | 3")
    warehouse.insert("piece_occurrences", """
        source_word | piece
        benigni     | benign·
        benigni     | ·i
        benigni     | ·i
        overlord    | over·
        overlord    | ·lord
    """)  # fmt: skip
    part = warehouse.part("""
        word     | answer          | token   | tokens_saved | collisions:list | is_placebo
        benigni  | token.candidate | benigni | 9            | ["benignity"]   | false
        overlord | token.light     | null    | null         | []              | true
    """)
    rows = warehouse.build("assess/token_words", word_parts=[part])
    assert only(rows, "word", "opposed", "ambiguous", "answer", "collisions", "is_placebo") == [
        ("benigni", ["benign·", "·i"], ["·i"], "token.candidate", ["benignity"], False),
        ("overlord", [], ["over·"], "token.light", [], True),
    ]  # fmt: skip


def test_words_are_summed_by_their_sort(warehouse):
    warehouse.insert("token_words", """
        rank | word    | sort | label | answer          | status   | tokens_over
        1    | benigni | name | good  | token.candidate | spurious | 9
        2    | lol     | term | good  | token.candidate | genuine  | 8
        3    | seagal  | name | good  | token.light     | part     | 3
        4    | kane    | name | null  | token.rare      | null     | 1
    """)  # fmt: skip
    columns = ("sort", "n_words", "n_frequent", "n_proposed", "n_spurious", "tokens_over", "words")
    assert only(warehouse.rows("assess/sort_rows"), *columns) == [
        ("name", 3, 2, 1, 2, 13, ["benigni", "seagal", "kane"]), ("term", 1, 1, 1, 0, 8, ["lol"]),
    ]  # fmt: skip
    assert [row["word"] for row in warehouse.rows("assess/word_rows")] == ["benigni", "lol", "seagal", "kane"]


def test_rows_of_the_page_come_in_the_order_in_which_they_are_told(warehouse):
    warehouse.insert("scripts", "script | n_words\nHan | 1\nLatin | 9")
    warehouse.insert("unknown_characters", "character | n_unknown\na | 1\nb | 2")
    warehouse.insert("inflections", "stem | value\na | 1.0\nb | 2.0")
    warehouse.insert("opposed_pieces", "word | piece | piece_score\nx | a | -1.0\nx | b | -2.0")
    warehouse.insert(
        "ambiguous_pieces",
        "piece | n_stems | disagreement | spread\na | 3 | 0.1 | 1.0\nb | 3 | 0.5 | 1.0\nc | 2 | 0.5 | 9.0",
    )
    warehouse.insert(
        "token_gains",
        "arm | texts | gain\na | other | 1.0\na | with x | 9.0\na | all | 1.0\nb | affected | 1.0\na | affected | 2.0",
    )
    warehouse.insert("token_facts", "n_texts\n5")
    shown = {
        "script_rows": ("script", ["Latin", "Han"]), "character_rows": ("character", ["b", "a"]), "inflection_rows": ("stem", ["b", "a"]),
        "opposed_rows": ("piece", ["b", "a"]), "ambiguous_rows": ("piece", ["b", "a"]), "fact_row": ("n_texts", [5]),
        "gain_rows": ("texts", ["affected", "affected", "all", "other", "with x"]),
    }  # fmt: skip
    for name, (column, expected) in shown.items():
        assert [row[column] for row in warehouse.rows(f"assess/{name}")] == expected
