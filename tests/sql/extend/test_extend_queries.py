"""What the dry run is given."""


def test_the_explained_texts_are_tried_and_no_others(warehouse):
    warehouse.insert(
        "examples", "example_id | text | converged\n2 | b | true\n1 | a | true\n3 | c | false\n4 | d | null"
    )
    assert warehouse.rows("extend/texts") == [{"example_id": 1, "text": "a"}, {"example_id": 2, "text": "b"}]


def test_words_come_in_the_order_of_their_rank(warehouse):
    own = {
        "spelling": "Yay",
        "stem": "yay",
        "weights": 1.0,
        "n_examples": 5,
        "pieces_per_word": 2.0,
        "can_be_token": True,
    }
    warehouse.insert("split_words", "rank | word | value\n2 | lol | 3.0\n1 | yay | 4.0", **own)
    assert [row["word"] for row in warehouse.rows("extend/words")] == ["yay", "lol"]
