"""Which words name a class."""

from tasks.trials.topics import MAX_TOPICS, topic_words


def row(word, first=0.0, second=0.0, kind="content word"):
    return {"word": word, "type": kind, "meaning": [first, second]}


def named(words, given=None, labels=("Sports news", "other"), rules=None):
    found = topic_words(words, labels, given or {}, rules or {})
    return {(row["label"], row["word"]): row["source"] for row in found}


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


def test_a_keyword_of_a_labelling_rule_names_the_class_if_it_is_nearer_to_its_name_than_nine_in_ten():
    words = [
        row("striker", 1.3),
        row("day", 1.2),
        row("goalie", 1.3),
        row("pele", 9.0, kind="name"),
        row("miss", 0.0, 1.3),
    ]
    rules = {"Sports news": ["striker", "day", "pele", "miss", "unheard"]}
    assert named(words, rules=rules) == {("Sports news", "striker"): "rule"}


def test_keywords_that_mean_the_class_are_added_to_the_ten():
    words = [*(row(f"w{i:02}", 10.0 - i / 10) for i in range(12)), row("striker", 1.3)]
    found = named(words, rules={"Sports news": ["striker", "w11"]})
    assert [found.get(("Sports news", word)) for word in ("w09", "w10", "w11", "striker")] == [
        "meaning",
        None,
        "rule",
        "rule",
    ]
