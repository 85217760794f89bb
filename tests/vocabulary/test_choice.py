"""Which words should be one token: hand-made lists."""

import pytest

from tasks.vocabulary.choice import MAX_CANDIDATES, choose


def row(word, value, n=10, pieces=2, stem=None, can=True):
    return {
        "word": word, "value": value, "n_examples": n, "pieces_per_word": pieces, "stem": stem or word, "can_be_token": can,
    }  # fmt: skip


ROWS = [
    row("http://a", 99, can=False), row("don't", 50), row("lol", 6, n=20), row("rarely", 5, n=2), row("yay", 4, n=12),
    row("melodrama", 3, n=12, pieces=3), row("quirky", 2, n=11), row("tatty", 1, n=21), row("yays", 1, n=12, stem="yay"),
]  # fmt: skip
REFUSED = {"don't": "token.split"}


def test_the_fewest_words_that_hold_half_of_the_weight_are_the_candidates_and_every_word_has_an_answer():
    found = choose(ROWS, REFUSED, 5, 0)
    # 6 + 4 of 17: what cannot be one token, what the tokenizer refuses and what is too rare have no part in it.
    assert found.candidates == ("lol", "yay")
    assert found.every == ("lol", "yay", "melodrama", "quirky", "tatty", "yays")
    assert found.answers == {
        "http://a": "token.no_word", "don't": "token.split", "lol": "token.candidate", "rarely": "token.rare",
        "yay": "token.candidate", "melodrama": "token.light", "quirky": "token.light", "tatty": "token.light",
        "yays": "token.light",
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_the_placebo_has_as_many_pieces_and_about_as_many_texts_and_no_inflection_of_a_candidate(seed):
    many = ROWS + [row(f"w{n}", 0.001, n=n) for n in (1, 3, 100, 400, 500)]
    placebo = choose(many, REFUSED, 5, seed).placebo
    assert len(set(placebo)) == len(placebo) == 2
    # Of the words in two pieces, as ratios: tatty 21 of 20 texts, quirky 11, w100.
    assert placebo[0] in {"tatty", "quirky", "w100"}
    assert not {"yays", "lol", "yay", "melodrama", "http://a", "don't"} & set(placebo)
    assert choose(many, REFUSED, 5, seed).placebo == placebo


def test_another_seed_draws_other_placebo_words():
    many = ROWS + [row(f"w{n}", 0.001, n=n) for n in range(18, 23)]
    assert len({choose(many, REFUSED, 5, seed).placebo for seed in range(8)}) > 1


def test_a_list_without_weight_or_without_words_has_no_candidate():
    assert choose([], {}, 5, 0) == ((), (), (), {})
    found = choose([row("lol", 0.0)], {}, 5, 0)
    assert (found.candidates, found.placebo, found.answers) == ((), (), {"lol": "token.light"})


def test_there_are_at_most_so_many_candidates():
    found = choose([row(f"w{i:03}", 1.0) for i in range(300)], {}, 5, 0)
    assert len(found.candidates) == MAX_CANDIDATES
    assert len(found.placebo) == MAX_CANDIDATES
