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
