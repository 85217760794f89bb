"""What kind of thing a pair of words is."""

from tests.sql.screen.texts import PLAIN, typed


def test_a_pair_of_words_is_typed_by_its_parts_and_new_york_by_the_list(warehouse):
    texts = ["Then came Rob Zork to New York, not very good of course."] * 3
    pairs = ["rob zork", "new york", "of course", "not very", "very good"]
    found = typed(warehouse, [*PLAIN, *texts], bigrams=pairs)
    assert {pair: tuple(found["bigram", pair][key] for key in ("type", "rule", "word_group")) for pair in pairs} == {
        "rob zork": ("name", "name.bigram", None),
        "new york": ("place", "place.bigram_list", None),
        "of course": ("content word", "content.bigram", None),
        "not very": ("function word", "function.bigram", "negation"),
        "very good": ("content word", "content.bigram", "intensifier"),
    }
    # The group that carries meaning is that of the pair.
    assert {pair: found["bigram", pair]["expectation"] for pair in pairs} == {
        "rob zork": "none", "new york": "none", "of course": "meaning", "not very": "exempt", "very good": "exempt",
    }  # fmt: skip
    assert found["word", "york"]["rule"] == "place.part"
    assert found["bigram", "rob zork"]["said"] == "“rob” is of the type name and “zork” of the type name."


def test_a_pair_is_of_the_type_of_its_word_that_comes_first_in_the_order_for_pairs(warehouse):
    texts = ["Then a woman saw http://a.org on Friday in Rome, $ 5 too, a plain 😀 q of @me #no."] * 3
    kinds = {
        "a woman": "identity term", "woman saw": "identity term", "saw http://a.org": "link", "on friday": "date",
        "in rome": "place", "$ 5": "money", "5 too": "number", "plain 😀": "content word", "😀 q": "single letter",
        "q of": "function word", "of @me": "handle", "@me #no": "handle",
    }  # fmt: skip
    found = typed(warehouse, [*PLAIN, *texts], bigrams=list(kinds))
    assert {pair: found["bigram", pair]["type"] for pair in kinds} == kinds
    assert found["bigram", "a woman"]["rule"] == "identity.bigram"
