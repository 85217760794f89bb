"""Which words name a class."""

from tasks.trials.topics import MAX_TOPICS, topic_words


def row(word, first=0.0, second=0.0, kind="content word"):
    return {"word": word, "type": kind, "meaning": [first, second]}


def named(words, given=None, labels=("Sports news", "other")):
    return {(found["label"], found["word"]): found["source"] for found in topic_words(words, labels, given or {})}


def test_a_name_its_stem_and_what_is_close_to_it_name_the_class():
    words = [
        row("sports"),
        row("sport"),
        row("sporting"),
        row("spores"),
        row("football", 3.5),
        row("ball", 2.9),
        row("oth"),
    ]
    assert named(words) == {
        ("Sports news", "sports"): "name", ("Sports news", "sport"): "name", ("Sports news", "football"): "meaning",
    } | {("Sports news", "sporting"): "name"}  # fmt: skip


def test_a_name_of_a_person_is_close_to_no_class_and_each_label_has_its_own():
    words = [row("pele", 9.0, kind="name"), row("misc", 0.0, 4.0)]
    assert named(words) == {("other", "misc"): "meaning"}
    assert named([{**words[1], "meaning": None}]) == {}


def test_words_of_the_config_come_first_and_ten_are_enough():
    words = [row(f"w{i:02}", 10.0 - i / 10) for i in range(20)]
    found = named(words, {"Sports news": ("Goal", "w05")})
    assert len(found) == MAX_TOPICS
    assert found["Sports news", "goal"] == "given"
    assert found["Sports news", "w05"] == "given"
    # Then the closest.
    assert {word for _, word in found} == {"goal", "w05", *(f"w{i:02}" for i in range(9) if i != 5)}
