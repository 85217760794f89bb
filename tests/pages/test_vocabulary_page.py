"""The page of a vocabulary review, and its sentences."""

import re

import pytest

from configs.schema import AuditConfig
from tasks.pages import vocabulary as said
from tasks.pages.render import render
from tasks.vocabulary.choice import CANDIDATES, PLACEBO
from tasks.vocabulary.extend import REFUSALS
from tasks.vocabulary.rows import METHODS

FACTS = {
    "n_texts": 2000, "n_words": 40000, "n_tokens": 50000, "n_split": 4000, "n_over": 10000, "n_unknown": 0, "n_truncated": 3, "n_cut": 9,
}  # fmt: skip
SIZE = {
    "arm": CANDIDATES, "n_words": 9, "n_texts": 2000, "tokens_before": 54000, "tokens_after": 53460, "n_affected": 80, "n_strays": 0,
    "n_unreachable": 0, "n_moved": 0, "n_longer": 0, "n_collisions": 1, "n_cut": 3, "n_uncut": 1, "rows_before": 100, "rows_after": 109,
    "bytes_added": 13824, "encode_before": 0.5, "encode_after": 0.5, "load_before": 0.1, "load_after": 0.1,
}  # fmt: skip
SHIFT = {
    "method": "distilled",
    "texts": "affected",
    "n_texts": 80,
    "median": 0.01,
    "p99": 0.4,
    "n_flips": 1,
    "is_best": True,
}
WORD = {
    "word": "benigni", "sort": "name", "pieces": ["benign", "i"], "n_examples": 12, "tokens_over": 12, "importance": 0.8,
    "cancelled": 0.5, "status": "spurious", "expectation": "none", "answer": "token.candidate", "tokens_saved": 12,
    "collisions": ["benignity"], "value": 9.6, "label": "film",
}  # fmt: skip


def gain(arm, texts, value, low, high, word=None, verdict=None):
    return {
        "arm": arm, "texts": texts, "word": word, "n_texts": 300, "before": 0.8, "after": 0.8 + value, "gain": value, "gain_low": low,
        "gain_high": high, "n_better": 9, "n_worse": 2, "p_value": 0.01, "p_holm": 0.02, "verdict": verdict,
    }  # fmt: skip


def test_the_headline_says_what_cutting_costs_and_what_the_words_would_save():
    assert said.headline(FACTS, [SIZE]) == (
        "The tokenizer cuts 4,000 of 40,000 words (10.0\u202f%) and spends 10,000 tokens on it, 20.0\u202f% of all. The 9 "
        "words whose cut matters most would save 540 tokens (1.0\u202f%) if each of them were one token."
    )
    assert said.headline(FACTS, []).endswith("no word is frequent enough, or can be, one token of its own.")
    assert said.headline(FACTS | {"n_words": 0}, []) == "No word of the texts could be read."


@pytest.mark.parametrize(
    ("value", "low", "high", "beginning"),
    [
        (0.02, 0.01, 0.03, "Retraining with them helps: +2.0 points on 300 texts with such a word, 95 % interval +1.0 to +3.0"),
        (0.02, -0.01, 0.03, "No gain in accuracy is shown: +2.0"),
        (-0.02, -0.03, -0.01, "Retraining with them harms: −2.0"),
    ],
)  # fmt: skip
def test_a_retraining_is_told_by_its_affected_texts_and_beside_the_placebo(value, low, high, beginning):
    gains = [gain(CANDIDATES, "affected", value, low, high), gain(CANDIDATES, "all", 0.5, 0.4, 0.6)]
    told = said.conclusion([*gains, gain(PLACEBO, "affected", 0.001, -0.02, 0.02)])
    assert told.startswith(beginning)
    assert told.endswith("as frequent and in as many pieces, +0.1 on 300 (−2.0 to +2.0).")
    assert said.conclusion([]) == ""
    # The gain of texts without such a word is not told as theirs.
    assert said.conclusion(gains[1:]) == "Retraining says nothing of these words: no held-out text holds one of them."


def test_what_breaks_is_told_before_what_is_gained():
    assert said.safe([SIZE]).startswith("Checked on 2,000 texts: every text without a new token has the same tokens")
    assert said.safe([SIZE | {"n_strays": 4, "n_moved": 1}]) == (
        "Not safe: 4 texts without a new token are cut otherwise; 1 texts have tokens at wrong places."
    )
    assert said.safe([SIZE | {"n_words": 0}]) == ""
    assert "1 of 80 affected texts (1.2\u202f%, beyond the 0.5\u202f% that may change)" in said.said_of_rows([SHIFT])
    assert "within the 0.5" in said.said_of_rows([SHIFT | {"n_flips": 0}])
    # No part is held out, and 1 of 303 texts that rows were fitted on flipped where 3 of 304 others did.
    assert "chosen on these texts and fitted on some of them, so that more may" in said.said_of_rows([SHIFT])
    assert "chosen on these texts, so that more may" in said.said_of_rows([SHIFT | {"method": "mean"}])


@pytest.mark.parametrize(
    ("status", "expectation", "answer"),
    [("spurious", "none", "no: spurious"), ("genuine", "meaning", "yes: genuine"), (None, "none", "no, by its type; not tried")],
)  # fmt: skip
def test_whether_a_word_should_decide_is_its_verdict_or_else_its_type(status, expectation, answer):
    assert said.decides({"status": status, "expectation": expectation}) == answer


def test_the_page_has_both_answers_side_by_side_and_escapes_the_words():
    words = [WORD, WORD | {"word": "<b>lol</b>", "answer": "token.split", "status": "genuine", "sort": "term"}]
    gains = [
        gain(CANDIDATES, "affected", 0.02, 0.01, 0.03),
        gain(CANDIDATES, "with benigni", 0.1, 0.0, 0.2, "benigni", "accept"),
    ]
    chart = said.chart_of_words(words)
    rows = {
        "sort_rows": [{"sort": "name", "n_words": 1, "n_frequent": 1, "n_spurious": 1, "n_proposed": 1, "tokens_over": 12, "words": ["benigni"]}],
        "script_rows": [{"script": "Latin", "n_words": 40000, "n_split": 4000, "fertility": 1.25, "n_unknown": 2, "unknown_share": 0.001}],
        "character_rows": [{"character": "京", "n_unknown": 2, "n_characters": 2}], "sizes": [SIZE],
        "arms": [{"arm": CANDIDATES, "word": "benigni"}, {"arm": PLACEBO, "word": "<i>ugh"}],
        "shifts": [SHIFT, SHIFT | {"texts": "other", "n_texts": 500, "n_flips": 0, "median": None}], "gains": gains,
        "ambiguous_rows": [{"piece": "over·", "n_stems": 14, "n_examples": 18, "disagreement": 0.07, "words": ["overlord"]}],
        "opposed_rows": [{"word": "benigni", "piece": "benign·", "label": "film", "word_score": 1.0, "piece_score": -0.5, "n_words": 3}],
        "inflection_rows": [{"words": ["yay", "yays"], "tokens_over": 4}],
        "trainings": [
            {"arm": CANDIDATES, "n_seeds": 3, "tokens": 9876, "train_seconds": 12.34, "read_seconds": 0.5, "trained": "7 of 9 parameters: <u>"},
        ],
    }  # fmt: skip
    html = render(
        "vocabulary.html.jinja", config=AuditConfig(model={"path": "m"}, data={"path": "d.csv"}, name="films"),
        facts={
            "headline": said.headline(FACTS, [SIZE]), "new_rows": "", "retrained": said.conclusion(gains), "checked": said.safe([SIZE]),
            "facts": FACTS, "patch": "exports/patch.json",
        },
        rows=rows, proposed=words[:1], verdicts={"benigni": gains[1]}, shown=words[1:], num_rare=3, most=20, least=20, said=said,
        chart=chart, gains_chart=said.chart_of_gains(gains),
    )  # fmt: skip
    assert chart.startswith("<svg")
    assert "<b>lol</b>" not in html
    assert "<p>Placebo words: " in html
    assert "<i>ugh" not in html
    assert re.search(r"candidates</td>.*9,876</td>.*12\.3</td>.*0\.5</td>.*7 of 9 parameters: &lt;u&gt;", html)
    assert re.search(r"benigni.*benign·i.*no: spurious.*benignity.*accept", html, re.DOTALL)
    assert "no: the tokenizer cuts it before its vocabulary is asked" in html
    assert "token-audit vocabulary apply exports/patch.json --model FOLDER" in html
    # Drawn in colours that the style sheet of the page changes in the dark.
    known = set(re.findall(r'\[(?:fill|stroke)="(#[0-9a-f]{6})"\]', html))
    assert set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{3,6})"', chart)) <= known


def test_nothing_is_drawn_of_nothing():
    assert said.chart_of_words([]) == said.chart_of_gains([]) == ""


def test_every_rule_by_which_a_word_is_refused_has_its_answer():
    assert {f"token.{rule}" for rule in REFUSALS} <= said.ANSWERS.keys()
    assert tuple(said.METHODS) == METHODS
