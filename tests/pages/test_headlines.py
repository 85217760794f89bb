"""The findings in words."""

from configs.schema import DataConfig, ModelConfig
from tasks.pages.headlines import Headline, anchor, default_title, headlines

OVERVIEW = {"n_tried": 7, "n_unclear": 3, "n_cut": 0, "n_tokens": 100, "n_truncated": 0, "n_examples": 10}
COMMA = {
    "rank": 1,
    "label": "good",
    "word": ",",
    "kind": "word",
    "type": "punctuation",
    "title": "Punctuation counts as evidence",
    "n_examples": 1200,
    "effect": 0.5,
    "effect_low": 0.25,
    "effect_high": 0.754,
    "probability_shift": 0.1225,
    "per_1000": 25.04,
    "per_1000_low": 12.0,
    "per_1000_high": 40.0,
    "label_rate": 0.49,
    "label_share": 0.48,
    "source_words": None,
}


def test_an_audit_without_findings_says_so_and_promises_nothing():
    (headline,) = headlines([], [], [], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert headline.anchor == "spurious"
    assert headline.text.startswith(
        "None of the 7 words and fragments that were tried is shown to be spurious; 3 of them are unclear."
    )
    assert "no proof" in headline.text


def test_a_suspect_word_is_told_with_its_figures():
    assert headlines([COMMA], [], [], [], [], [], OVERVIEW, "log-odds", 0.05) == [
        Headline(
            "Punctuation counts as evidence",
            "Where it stands, and inserted beside placebo words, “,” changes the log-odds of “good” by "
            "+0.50 on average (95\u202f% interval +0.25 to +0.75): a text at 50\u202f% goes to 62\u202f%. "
            "It stands in 1,200 texts. "
            "Per 1,000 texts 25.0 predictions change without it (95\u202f% interval 12.0 to 40.0). "
            "Yet 49\u202f% of its texts are “good”, against 48\u202f% of all.",
            "word-_2c_-good",
        )
    ]


def test_suspect_words_of_one_type_share_a_headline_and_the_type_of_most_impact_leads():
    others = [COMMA | {"rank": i, "word": word} for i, word in enumerate(":;!", start=3)]
    name = COMMA | {
        "rank": 2,
        "word": "kim\u202e",
        "type": "name",
        "title": "Names move predictions",
        "per_1000": 200.0,
    }
    found = headlines([COMMA, name, *others], [], [], [], [], [], OVERVIEW, "logits", 0.05)
    assert [(headline.title, headline.anchor) for headline in found] == [
        ("Names move predictions", "word-kim_202e_-good"),
        ("Punctuation counts as evidence", "word-_2c_-good"),
    ]
    assert found[1].text.endswith("Also spurious: “:”, “;” and “!”.")
    assert "“kim\\u202E”" in found[0].text


NUMBER = COMMA | {
    "type": "number",
    "title": "Numbers move predictions",
    "status": "spurious",
    "per_1000": 30.0,
    "per_1000_low": 9.0,
    "per_1000_high": 40.0,
}


def test_a_type_of_words_is_a_finding_of_its_own_if_it_is_spurious_and_the_gravest_comes_first():
    found = headlines([COMMA], [NUMBER, NUMBER | {"status": "unclear"}], [], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert [headline.anchor for headline in found] == ["kinds", "word-_2c_-good"]
    assert (found[0].title, found[0].text) == (
        "Numbers move predictions towards “good”, whichever word it is",
        "Taken out and inserted, less other words in their places, they change the log-odds of “good” by +0.50 on average "
        "(95\u202f% interval +0.25 to +0.75): a text at 50\u202f% goes to 62\u202f%. They stand in 1,200 texts. "
        "Per 1,000 texts 30.0 predictions change without them (95\u202f% interval 9.0 to 40.0).",
    )


def test_a_pair_of_words_is_told_by_the_difference_that_the_second_word_makes():
    pair = COMMA | {"word": "fails … to", "kind": "pair", "label_rate": None, "per_1000": None, "n_examples": 4}
    (headline,) = headlines([pair], [], [], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert (headline.title, headline.text) == (
        "Pairs of words act together",
        "In “fails … to” the effect of the first word on the log-odds of “good” differs by +0.50 "
        "(95\u202f% interval +0.25 to +0.75) from what it is otherwise. It stands in 4 texts.",
    )


TV = {
    "rank": 1,
    "label": "bad",
    "word": "tv",
    "type": "name",
    "one": "a name",
    "several": "names",
    "n_examples": 20,
    "n_label": 20,
    "label_share": 0.5,
    "label_q": 0.01,
    "mean_score": 0.02,
    "ci_low": -0.1,
    "ci_high": 0.1,
    "used": False,
}


def names_headline(*names):
    found = headlines([COMMA], [], [], names, [], [], OVERVIEW, "log-odds", 0.05)[1:]
    return [(headline.title, headline.text, headline.anchor) for headline in found]


def test_without_a_title_a_page_is_called_by_its_model_and_its_data():
    reviews = DataConfig(path="in/reviews.csv")
    assert default_title(ModelConfig(path="models/bert"), reviews, "audit") == "bert on reviews.csv"
    assert default_title(ModelConfig(), reviews, "films") == "films on reviews.csv"
    hub = DataConfig(hub="stanfordnlp/imdb", revision="0123456")
    assert default_title(ModelConfig(hub="a/b", revision="0123456"), hub, "audit") == "a/b on stanfordnlp/imdb"


def test_one_name_the_labels_lean_on_is_told_in_the_singular():
    assert names_headline(TV) == [
        (
            "A name: one-sided in the labels, not clearly used by the model",
            "Texts that mention “tv” (20 of 20 bad) mostly have one label. The model does not clearly rely on it; "
            "a labelling rule could still pick it up.",
            "names",
        )
    ]


def test_several_names_are_counted_and_an_insignificant_one_is_not():
    others = [
        TV | {"rank": 2, "word": "br", "type": "markup", "one": "markup", "several": "markup"},
        TV | {"rank": 3, "word": "kim", "used": True},
    ]
    assert names_headline(TV, *others, TV | {"rank": 4, "word": "chance", "label_q": 0.051}) == [
        (
            "Markup and names: one-sided in the labels, not clearly used by the model",
            "Texts that mention “tv” (20 of 20 bad) and “br” (20 of 20 bad) mostly have one label. "
            "The model does not clearly rely on them; a labelling rule could still pick them up. "
            "It relies on 1 other such word.",
            "names",
        )
    ]


def test_without_a_significant_name_there_is_no_headline_on_names():
    assert names_headline(TV | {"label_q": 0.051}) == []
    assert names_headline(TV | {"used": True}) == []


HEADER = COMMA | {
    "rank": 4, "type": "opening", "pattern": "on 0 * wrote: …", "place": "start", "status": "spurious", "n_examples": 55, "n_label": 54,
    "n_surfaces": 50, "surfaces": ["On 1 May Kim wrote:", "On 2 May Lee wrote:"], "carried_by": "wrote:", "parts": ["may"],
}  # fmt: skip


def test_a_pattern_is_told_with_what_fills_it_what_carries_it_and_what_is_a_part_of_it():
    found = headlines([COMMA], [], [HEADER, HEADER | {"status": "part"}], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert [headline.anchor for headline in found] == [
        "pattern-on_20_0_20__2a__20_wrote_3a__20__2026_-good",
        "word-_2c_-good",
    ]
    assert (found[0].title, found[0].text) == (
        "“on 0 * wrote: …” at the start of a text moves it to “good”, whatever fills it",
        "54 of the 55 texts with it (“On 1 May Kim wrote:”, “On 2 May Lee wrote:”, …) are predicted so, "
        "48\u202f% of all texts. Taken out and put in, less neutral words in its place, it changes the log-odds of “good” by "
        "+0.50 on average (95\u202f% interval +0.25 to +0.75): a text at 50\u202f% goes to 62\u202f%. Nearly all of that is done by "
        "“wrote:”. Per 1,000 texts 25.0 predictions change without it (95\u202f% interval 12.0 to 40.0). "
        "Its parts are no findings of their own: “may”.",
    )  # fmt: skip


def test_a_shape_is_named_by_what_has_it():
    tag = HEADER | {"type": "shape", "pattern": "[a]", "surfaces": ["[Kim]", "[Lee]"]}
    (found,) = headlines([], [], [tag], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert found.title == "Anything like “[Kim]” at the start of a text moves it to “good”"


def test_whole_texts_have_no_filling():
    loud = HEADER | {
        "type": "capitals",
        "place": "whole",
        "surfaces": [],
        "carried_by": None,
        "parts": [],
        "per_1000": 0,
    }
    (found,) = headlines([], [], [loud], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert found.title == "Texts in capitals are predicted as “good”"
    assert found.text.startswith(
        "54 of the 55 texts with it are predicted so, 48\u202f% of all texts. Taken out and put in, it changes the log-odds"
    )


def test_companions_are_told_by_their_words_and_marks_by_their_number():
    words = {
        "type": "companions",
        "place": "inside",
        "pattern": "marble & quill & slate",
        "surfaces": ["marble", "quill"],
    }
    (found,) = headlines([], [], [HEADER | words], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert found.title == "“marble”, “quill” and “slate”, which stand together, move a text to “good”"
    assert found.text.startswith("54 of the 55 texts with it are predicted so")
    mail = {"type": "address", "place": "inside", "pattern": "*@state.edu", "surfaces": ["a@state.edu"]}
    (found,) = headlines([], [], [HEADER | mail], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert found.title == "An e-mail address of “state.edu” moves a text to “good”"
    marks = {"type": "marks", "place": "whole", "surfaces": []}
    (found,) = headlines([], [], [HEADER | marks], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert found.title == "Texts with many punctuation marks are predicted as “good”"


def test_texts_that_are_mostly_cut_are_a_finding():
    cut = OVERVIEW | {"n_cut": 83, "n_truncated": 9}
    (found, _) = headlines([COMMA], [], [], [], [], [], cut, "log-odds", 0.05)
    assert (found.title, found.text) == (
        "Only the heads of the texts are audited",
        "83\u202f% of the tokens are behind the limit of the model, in 9 of 10 texts: no word there is read, and none can be found.",
    )


def test_what_a_labelling_rule_taught_leads_and_names_the_rule():
    taught = {"type": "content word", "title": "Single words do more than similar words", "taught_by": "surnames"}
    words = [COMMA | {"rank": 2 + i, "word": word, "per_1000": 50.0} | taught for i, word in enumerate(("day", "hope"))]
    alone = words[0] | {"rank": 9, "word": "noon", "taught_by": "times", "per_1000": 60.0}
    found = headlines([COMMA, *words, alone], [], [], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert [(headline.title, headline.anchor) for headline in found] == [
        ("“day” and “hope” push towards “good”: the labelling rule “surnames” taught them", "word-day-good"),
        ("“noon” pushes towards “good”: the labelling rule “times” taught it", "word-noon-good"),
        ("Punctuation counts as evidence", "word-_2c_-good"),
    ]
    assert found[0].text.endswith("Also spurious: “hope”.")


def test_a_place_is_named_by_its_word_and_two_words_never_share_one():
    assert anchor("word", "Seagal", "negative") == "word-Seagal-negative"
    places = {anchor("word", word, "a") for word in (",", ";", "a b", "a-b", "_2c_", "é", "x" * 200, "x" * 201)}
    assert len(places) == 8
    assert all(len(place) < 100 and " " not in place for place in places)
