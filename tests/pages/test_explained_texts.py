"""Which texts the page of single texts shows, the same as JSON, and their plots."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from tasks.pages.explained import Example, Token, choose, json_of, svg_of, told_predictions
from tasks.pages.sentences import Piece

SVG = "{http://www.w3.org/2000/svg}"


def row(example_id, label, predicted, confidence):
    return {"example_id": example_id, "label_id": label, "predicted_id": predicted, "confidence": confidence}


ROWS = [row(3, 1, 1, 0.9), row(1, 0, 0, 0.6), row(2, 0, 1, 0.7), row(0, 1, 0, 0.8), row(4, 0, 1, 0.8), row(5, 1, 1, 0.5)]  # fmt: skip
"""Mistakes are 0, 4 and 2, the surest first; right answers 3 and 5 with label 1, and 1 with label 0."""


@pytest.mark.parametrize(
    ("how", "most", "expected"),
    [
        ("mistakes", 4, [[0], [4], [2], [1]]),
        ("first", 3, [[0], [1], [2]]),
        # Beside a mistake a right answer of its label; where there is none left, another one.
        ("both", 6, [[0, 3], [4, 1], [2, 5]]),
        ("both", 4, [[0, 3], [4, 1]]),
        ("both", 5, [[0, 3], [4, 1], [2]]),
        ("both", 1, [[0]]),
    ],
)
def test_mistakes_stand_beside_right_answers_come_first_or_in_the_order_of_the_dataset(how, most, expected):
    assert [[found["example_id"] for found in group] for group in choose(ROWS, most, how)] == expected


def test_few_mistakes_leave_their_room_to_right_answers():
    rows = [row(0, 0, 0, 0.9), row(1, 0, 1, 0.9), *(row(i, 0, 0, 0.9) for i in range(2, 8))]
    assert [[found["example_id"] for found in group] for group in choose(rows, 6, "both")] == [[1, 0], [2], [3], [4], [5]]  # fmt: skip


@pytest.mark.parametrize("how", ["both", "mistakes", "first"])
def test_texts_without_labels_are_no_mistakes_and_stand_in_their_order(how):
    rows = [row(i, -1, i % 2, 0.5 + 0.1 * i) for i in (2, 0, 1)]
    assert [[found["example_id"] for found in group] for group in choose(rows, 9, how)] == [[0], [1], [2]]


def test_predictions_are_counted_the_most_frequent_first():
    assert told_predictions([row(i, -1, label, 0.9) for i, label in enumerate([2, 0, 2])], "abc") == [("c", 2), ("a", 1)]  # fmt: skip


EXAMPLE = Example(
    7, "id-7", "Yup <b>", None, "good & bad", 0.98, "good & bad",
    (Token("[CLS]", 0.25, 0, 0), Token("yu", 1.0, 0, 2), Token("##p", -0.5, 2, 3), Token("<b>", 0.0, 4, 7), Token("[PAD]", 0.125, 0, 0, 79)),
    (Piece("Yup <b>", 0.0),), -1.234e-5, 0,
)  # fmt: skip


def test_the_json_has_sentence_tokens_as_the_tokenizer_spells_them_scores_label_and_prediction():
    data = json.loads(json_of([EXAMPLE], {"method": "gradient_norm"}))
    assert data == {
        "method": "gradient_norm",
        "texts": [
            {
                "id": "id-7",
                "sentence": "Yup <b>",
                "tokens": ["[CLS]", "yu", "##p", "<b>", "[PAD]"],
                "scores": [0.25, 1.0, -0.5, 0.0, 0.125],
                "spans": [[0, 0], [0, 2], [2, 3], [4, 7], [0, 0]],
                "padding": 79,
                "label": None,
                "prediction": "good & bad",
                "confidence": 0.98,
                "target": "good & bad",
                "delta": -1.23e-05,
                "tokens_cut_off": 0,
                "plot": "explained/7.svg",
            }
        ],
    }


def test_the_plot_has_a_bar_as_long_as_its_score_for_each_token_and_their_names():
    tree = ET.fromstring(svg_of(EXAMPLE, "score"))
    said = [text.text for text in tree.iter(f"{SVG}text")]
    assert [name for name in said if name in ("[CLS]", "yu", "##p", "<b>", "[PAD] × 79")] == [
        "[CLS]", "yu", "##p", "<b>", "[PAD] × 79",
    ]  # fmt: skip
    assert "read as good & bad, 98 %" in said
    bars = [path.get("d") for path in tree.iter(f"{SVG}path") if "score:" in (path.get("aria-label") or "")]
    widths = [float(re.match(r"M-?[\d.]+,-?[\d.]+h(-?[\d.]+)", bar)[1]) for bar in bars]
    longest = max(widths)
    assert [abs(width) / longest for width in widths] == pytest.approx([0.25, 1.0, 0.5, 0.0, 0.125], abs=0.01)


def test_a_plot_is_the_same_bytes_again():
    assert svg_of(EXAMPLE, "score") == svg_of(EXAMPLE, "score")
