"""Sentences: the pieces of a text, which texts a word is shown in, and what of a text is shown."""

import pytest

from tasks.pages.sentences import (
    Piece,
    Sentence,
    excerpt,
    find_sentences,
    level,
    pieces_of,
    read,
    sentences_of,
    sentences_with,
    visible,
)
from tests.pages.world import text_of, warehouse_of


@pytest.mark.slow
def test_the_pieces_of_every_sentence_add_up_to_its_raw_text(audited):
    with warehouse_of(audited) as warehouse:
        sentences = sentences_of(warehouse, audited[1].folder, range(20))
    assert [sentence.text for sentence in sentences] == [text_of(i) for i in range(20)]


def test_the_text_behind_the_cut_is_kept_without_a_score(audited):
    with warehouse_of(audited) as warehouse:
        (sentence,) = sentences_of(warehouse, audited[1].folder, [19])
    assert sentence.pieces[-1] == Piece(" seen", None)
    assert sentence.num_cut == 2


def test_tokens_on_the_same_characters_become_one_piece_with_the_sum_of_their_scores():
    # A byte-level tokenizer: the space belongs to the token behind it, the emoji is three tokens.
    text = "so 🙂 ok…"
    tokens = [(0, 2, 0.5), (2, 4, 0.125), (3, 4, 0.25), (3, 4, -1.0), (4, 7, 2.0)]
    rows = [
        dict(zip(("token_start", "token_end", "score"), token, strict=True), word=None, piece=None) for token in tokens
    ]
    assert pieces_of(text, rows) == (
        Piece("so", 0.5),
        Piece(" ", None),
        Piece("🙂", -0.625),
        Piece(" ", None),
        Piece("ok", 2.0),
        Piece("…", None),
    )


def test_a_text_without_tokens_is_one_piece_without_a_score():
    assert pieces_of("nothing seen", []) == (Piece("nothing seen", None),)
    assert pieces_of("", []) == ()


def test_sentences_with_a_word_are_the_ones_where_it_weighs_most_and_mark_it(audited):
    with warehouse_of(audited) as warehouse:
        found = sentences_with(warehouse, audited[1].folder, "lovely", "word", 2)
    # lovely scores 2 + i / 1000 in the even texts
    assert [sentence.example_id for sentence in found] == [18, 16]
    assert [piece.text for piece in found[0].pieces if piece.focus] == ["Lovely"]
    assert found[0].predicted == "good"
    assert found[0].scale == pytest.approx(2.018)


def test_a_piece_is_marked_where_it_stands(audited):
    with warehouse_of(audited) as warehouse:
        (sentence,) = sentences_with(warehouse, audited[1].folder, "aw·", "piece", 1)
    assert [piece.text for piece in sentence.pieces if piece.focus] == ["Aw"]


def test_a_word_that_stands_nowhere_has_no_sentences(audited):
    with warehouse_of(audited) as warehouse:
        assert sentences_with(warehouse, audited[1].folder, "nowhere", "word", 3) == []
        assert find_sentences(warehouse, audited[1].folder, [], 3, mirrored=True) == {}


def test_characters_that_reorder_or_hide_are_written_out():
    assert visible("a\u202eb\x07\x1b[0m\x9b\ud800\u2066") == "a\\u202Eb␇␛[0m\\u009B\\uD800\\u2066"
    assert visible("tab\tline\nएक👩‍👧 שלום") == "tab\tline\nएक👩‍👧 שלום"


def test_the_scale_of_colours_is_symmetric_and_next_to_nothing_has_none():
    assert [level(score, 2.0) for score in (2.0, -2.0, 0.4, -0.41, 0.1, 0.0, None)] == [
        "p5",
        "n5",
        "p1",
        "n2",
        "z",
        "z",
        "z",
    ]
    assert level(0.0, 0.0) == "z"


def test_an_excerpt_keeps_the_word_in_focus_and_shows_where_it_was_cut():
    pieces = [Piece(str(i), 9.0 if i == 0 else 0.1, i == 50) for i in range(100)]
    kept = excerpt(pieces, 5)
    assert [piece.text for piece in kept] == ["… ", "48", "49", "50", "51", "52", " …"]
    assert excerpt(pieces[:5], 5) == pieces[:5]


def test_tokens_of_one_word_are_read_together_and_add_up():
    pieces = (Piece("Sea", 0.5), Piece("gal", -0.2, focus=True), Piece(" ", None), Piece("sat", 0.1), Piece(".", 0.05))
    sentence = Sentence(0, "0", "a", "a", "a", 0.9, 1.0, None, None, 0, pieces)
    words, scale = read(sentence, 70)
    assert [(word.text, word.focus, len(word.pieces)) for word in words] == [
        ("Seagal", True, 2),
        (" ", False, 1),
        ("sat", False, 1),
        (".", False, 1),
    ]
    assert words[0].score == pytest.approx(0.3)
    assert scale == 0.5
