"""The findings in words."""

from tasks.pages.headlines import Headline, headlines

OVERVIEW = {"n_used": 7}
COMMA = {
    "rank": 1,
    "label": "good",
    "word": ",",
    "kind": "word",
    "type": "punctuation",
    "title": "Punctuation counts as evidence",
    "n_examples": 1200,
    "impact": 0.2,
    "severity": 0.2,
    "effect": 0.5,
    "necessity": 0.25,
    "label_rate": 0.49,
    "label_share": 0.48,
    "source_words": None,
}


def test_an_audit_without_findings_says_so_and_promises_nothing():
    (headline,) = headlines([], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert headline.anchor == "spurious"
    assert headline.text.startswith("None of the 7 words and fragments the model relies on is spurious")
    assert "no proof" in headline.text


def test_a_suspect_word_is_told_with_its_figures():
    assert headlines([COMMA], [], [], [], OVERVIEW, "log-odds", 0.05) == [
        Headline(
            "Punctuation counts as evidence",
            "Taken out, masked, swapped and put in, “,” changes the log-odds of “good” by +0.50 on average; "
            "it stands in 1,200 texts. 25\u202f% of the texts read as “good” flip without it. "
            "Yet 49\u202f% of its texts are “good”, against 48\u202f% of all.",
            "spurious-1",
        )
    ]


def test_suspect_words_of_one_type_share_a_headline_and_the_type_of_most_impact_leads():
    others = [COMMA | {"rank": i, "word": word} for i, word in enumerate(":;!", start=3)]
    name = COMMA | {"rank": 2, "word": "kim\u202e", "type": "name", "title": "Names move predictions", "severity": 5.0}
    found = headlines([COMMA, name, *others], [], [], [], OVERVIEW, "logits", 0.05)
    assert [(headline.title, headline.anchor) for headline in found] == [
        ("Names move predictions", "spurious-2"),
        ("Punctuation counts as evidence", "spurious-1"),
    ]
    assert found[1].text.endswith("Also spurious: “:”, “;” and “!”.")
    assert "“kim\\u202E”" in found[0].text


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
    found = headlines([COMMA], names, [], [], OVERVIEW, "log-odds", 0.05)[1:]
    return [(headline.title, headline.text, headline.anchor) for headline in found]


def test_one_name_the_labels_lean_on_is_told_in_the_singular():
    assert names_headline(TV) == [
        (
            "A name: one-sided in the labels, hardly used by the model",
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
            "Markup and names: one-sided in the labels, hardly used by the model",
            "Texts that mention “tv” (20 of 20 bad) and “br” (20 of 20 bad) mostly have one label. "
            "Of the 3 most one-sided such words the model clearly relies on 1; "
            "a labelling rule could still pick them up.",
            "names",
        )
    ]


def test_without_a_significant_name_there_is_no_headline_on_names():
    assert names_headline(TV | {"label_q": 0.051}) == []
    assert names_headline(TV | {"used": True}) == []
