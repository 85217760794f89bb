"""What kind of thing a piece is."""

import pytest

from tests.sql.screen.texts import PLAIN, typed

pytestmark = pytest.mark.slow


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
        ("·90", "1990"), ("·90", "2090"), ("·5", "45"), ("·5", "1995"), ("·5", "75"),
        ("·://·", "http://a.org"),
    ]  # fmt: skip
    texts = ["they said don't isn't wasn't i'm you're 1990 2090 45 1995 75 http://a.org"]
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
        "·90": ("date", "date.piece"),
        "·5": ("number", "number.piece"),
        "·://·": ("link", "link.piece"),
    }
    assert rows["·ar·"]["said"] == "It is a piece of 3 words with nothing in common."
    # log2(3); -(0.6 log2 0.6 + 0.4 log2 0.2)
    assert rows["·ar·"]["entropy"] == pytest.approx(1.584962501)
    assert rows["ba·"]["entropy"] == pytest.approx(1.370950594)
    assert rows["clic·"]["entropy"] == 0


def test_the_first_letters_of_an_affix_that_half_of_the_words_have_are_the_affix(warehouse):
    pieces = [
        # 3 of 6 words begin with dis-, though di· stands oftener for the others
        *[("di·", word) for word in ("disjointed", "dishonest", "dislikable")],
        *[("di·", word) for word in ("director", "dizzying", "dialled")] * 2,
        # 2 of 5 do
        *[("mi·", word) for word in ("misjudged", "misfire", "mirthful", "mildewed", "minuscule")],
        *[("·ss", word) for word in ("joyless", "plotless", "clueless", "sadness")],
        # as many words end in -tion as in -ation, which says more
        *[("·on", word) for word in ("damnation", "narration", "hesitation")],
        # one letter; the middle of words; words that are the affix alone
        *[("u·", word) for word in ("unfunny", "unloved", "unkempt")],
        *[("·di·", word) for word in ("disjointed", "dishonest", "dislikable")],
        *[("ov·", word) for word in ("over", "ovations", "ovarian")],
        # one word in many forms stays that word
        *[("no·", word) for word in ("nonsense", "nonsensical", "nonsensically")],
    ]  # fmt: skip
    found = typed(warehouse, PLAIN, pieces)
    assert {piece: found["piece", piece]["rule"] for piece, _ in pieces} == {
        "di·": "affix.of_words", "mi·": "fragment.piece", "·ss": "affix.of_words", "·on": "affix.of_words",
        "u·": "fragment.piece", "·di·": "fragment.piece", "ov·": "fragment.piece", "no·": "fragment.one_word",
    }  # fmt: skip
    assert found["piece", "di·"]["said"] == "It is the beginning of dis- in 3 of 6 words."
    assert found["piece", "·ss"]["said"] == "It is the end of -less in 3 of 4 words."
    assert found["piece", "·on"]["said"] == "It is the end of -ation in 3 of 3 words."
    assert (found["piece", "di·"]["type"], found["piece", "di·"]["expectation"]) == ("affix", "exempt")
    assert found["piece", "mi·"]["said"] == "It is a piece of 5 words with nothing in common."
    assert dict(found["piece", "di·"]["words"]) == {"affix": "dis-", "affix_side": "beginning"}
    assert dict(found["piece", "mi·"]["words"]) == {"affix": None, "affix_side": None}


def test_a_piece_of_words_of_several_types_that_should_not_decide_is_of_the_commonest(warehouse):
    texts = ["#zorks @zorka @zorkb plain text"]
    pieces = [("zork·", word) for word in ("#zorks", "@zorka", "@zorkb", "plain", "text", "text")]
    # 3 of 6 words are handles or hashtags, 2 of them handles
    assert typed(warehouse, [*PLAIN, *texts], pieces)["piece", "zork·"]["rule"] == "handle.piece"
    few = [*pieces, ("zork·", "saw")]
    assert typed(warehouse, [*PLAIN, *texts], few)["piece", "zork·"]["type"] == "fragment"
