"""What kind of thing a piece is."""

import pytest

from tests.sql.screen.texts import PLAIN, typed


def test_a_piece_is_a_fragment_only_where_it_stands_for_unrelated_words(warehouse):
    pieces = [
        ("·ar·", "sonar"), ("·ar·", "modar"), ("·ar·", "tiara"),  # three stems, none above half
        ("clic·", "cliche"), ("clic·", "cliched"), ("clic·", "cliches"),  # one stem
        ("ba·", "bant"), ("ba·", "bant"), ("ba·", "bant"), ("ba·", "balm"), ("ba·", "bark"),  # 3 of 5 are one word
        ("·ly", "sadly"), ("·ly", "oddly"), ("·ly", "gladly"),
        ("plain·", "plainish"), ("plain·", "plainness"),
        ("·t", "don't"), ("·t", "isn't"), ("·t", "wasn't"),  # WordPiece
        ("·'t", "don't"), ("·'t", "isn't"),  # byte-level BPE
        ("·'·", "i'm"), ("·'·", "you're"), ("·'·", "don't"),
        ("·90", "1990"), ("·90", "2090"),
        ("·://·", "http://a.org"),
    ]  # fmt: skip
    texts = ["they said don't isn't wasn't i'm you're 1990 2090 http://a.org"]
    found = typed(warehouse, [*PLAIN, *texts], pieces)
    rows = {piece: found["piece", piece] for piece, _ in pieces}
    assert {piece: (row["type"], row["rule"]) for piece, row in rows.items()} == {
        "·ar·": ("fragment", "fragment.piece"),
        "clic·": ("fragment", "fragment.one_word"),
        "ba·": ("fragment", "fragment.one_word"),
        "·ly": ("affix", "affix.list"),
        "plain·": ("affix", "affix.word"),
        "·t": ("affix", "affix.negation"),
        "·'t": ("affix", "affix.negation"),
        "·'·": ("affix", "affix.clitic"),
        "·90": ("number", "number.piece"),
        "·://·": ("markup", "markup.piece"),
    }
    assert rows["·ar·"]["said"] == "It is a piece of 3 words with nothing in common."
    # log2(3); -(0.6 log2 0.6 + 0.4 log2 0.2)
    assert rows["·ar·"]["entropy"] == pytest.approx(1.584962501)
    assert rows["ba·"]["entropy"] == pytest.approx(1.370950594)
    assert rows["clic·"]["entropy"] == 0
