"""The report: sentences, findings in words, exports, and the page in a real browser.

The world of these tests is a run of twenty texts that went through the real stages. Its texts, its words and one
of its labels try everything a page or a spreadsheet could be tricked with.
"""

import csv
import importlib
import io
import json
import shutil
import sys
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files

import pyarrow as pa
import pytest

from configs.errors import AuditError
from configs.load import load_config
from tasks.aggregate import aggregate_scores
from tasks.attribution.pilot import BASELINES, PILOT
from tasks.judge import judge_candidates
from tasks.model.spec import ModelSpec
from tasks.pages.exports import to_csv
from tasks.pages.headlines import Headline, headlines
from tasks.pages.sentences import (
    Piece,
    excerpt,
    find_sentences,
    level,
    pieces_of,
    sentences_of,
    sentences_with,
    visible,
)
from tasks.recommend import recommend_changes
from tasks.report import write_report
from tasks.runs.identity import enter_run
from tasks.runs.run import Run
from tasks.runtime.parts import write_part
from tasks.screen import screen_words
from tasks.text.words import word_spans
from tasks.trials.runner import TRIAL
from tasks.verify import build_evidence
from warehouse import open_warehouse, query

EVIL = "</script><script>window.hit=1</script>"
TAG = "<img src=x onerror=window.hit=1>"
TAIL = f" \u202egnp\u202c\x07 {{{{ 7*7 }}}} javascript:window.hit=1 =1+1 {'x' * 500}"


def scores_of(word, is_good):
    """(score towards the predicted label, pieces) of a word: the tag always speaks for `good`."""
    known = {"lovely": (2.0, 1), "awful": (2.5, 2), TAG: (0.8 if is_good else -0.8, 1)}
    return known.get(word, (0.01, 1))


def text_of(i):
    """The tag is in every text, the number only in bad ones."""
    return f"{'Lovely' if i % 2 == 0 else 'Awful 1999'} film, {TAG} seen{TAIL if i < 4 else ''}"


def make_run(folder):
    """Shards and parts of twenty texts; labels in turn, the first text is read wrong, the last is cut."""
    examples, facts, tokens = [], [], []
    for i in range(20):
        is_good = i % 2 == 0
        text = text_of(i)
        examples.append({"example_id": i, "source_id": f"id-{i}", "text": text, "label_id": int(is_good and i > 0)})
        spans = [(0, 0), *word_spans(text), (0, 0)]
        total = 0.0
        for position, (start, end) in enumerate(spans[:-2] if i == 19 else spans):
            score, num_pieces = scores_of(text[start:end].lower(), is_good)
            score += 0.001 * i
            edges = [start + (end - start) * k // num_pieces for k in range(num_pieces + 1)]
            total += score if end else 0
            for k in range(num_pieces):
                tokens.append({
                    "example_id": i, "position": 2 * position + k, "token_id": 7, "token_start": edges[k], "token_end": edges[k + 1],
                    "word_start": start if end else None, "word_end": end if end else None, "gradient_norm": 0.1,
                    "gradient_x_input": score / num_pieces, "embedding_gradient_norm": None, "relevance": None, "integrated_gradients": score / num_pieces if end else 0.0, "contrast": 0.01,
                })  # fmt: skip
        examples[-1] |= {"n_tokens": 12, "n_cut": 2 if i == 19 else 0}
        facts.append({
            "example_id": i, "predicted_id": int(is_good), "target_id": int(is_good), "confidence": 0.9 + i / 1000, "score": 3.0,
            "change": total, "gap": 0.0, "special_score": 0.0, "gradients": 8, "error": None, "converged": True, "reason": None, "n_windows": 1,
        })  # fmt: skip
    integers = ("position", "token_id", "token_start", "token_end", "word_start", "word_end")
    floats = (
        "gradient_norm",
        "embedding_gradient_norm",
        "gradient_x_input",
        "relevance",
        "integrated_gradients",
        "contrast",
    )
    schema = pa.schema(
        [
            ("example_id", pa.int64()),
            *((name, pa.int32()) for name in integers),
            *((name, pa.float32()) for name in floats),
        ]
    )
    shard, part = folder / "shards" / "shard-00000.json", folder / "parts" / "part-00000.json"
    write_part(shard, {"examples": pa.Table.from_pylist(examples)}, {})
    rejected = {"example_id": [20], "source_id": ["id-20"], "text": [""], "reason": ["empty"]}
    write_part(folder / "shards" / "rejects.json", {"rows": pa.table(rejected)}, {})
    no_slices = pa.schema([("example_id", pa.int64()), ("slice", pa.string()), ("value", pa.string())]).empty_table()
    write_part(folder / "shards" / "slices.json", {"rows": no_slices}, {"slices": []})
    counts = {"num_rows": 21, "num_rejected": 1, "num_not_sampled": 0, "num_examples": 20}
    write_part(folder / "shards" / "ingest.json", {}, counts)
    write_part(part, {"tokens": pa.Table.from_pylist(tokens, schema), "examples": pa.Table.from_pylist(facts)}, {})
    plan = {
        "mode": "corpus", "rule": "drawn", "warp": "densest 3.0 times the average at 0.20 for 9 tokens", "baseline_used": "unk", "gradients": 6,
        "n_planned": 20, "noise": 0.08, "inflation": 0.003, "error_p50": 0.05, "error_p90": 0.11, "error_p99": 0.2, "width": None, "pilot_gradients": 64,
    }  # fmt: skip
    rows = [
        {"example_id": i, "n_tokens": 9, "role": "fitted" if i else "held out", "error": 0.05, "noise": 0.08}
        for i in range(2)
    ]
    agreement = [
        {"baseline_a": "mask", "baseline_b": "zero", "n_examples": 2, "rank_agreement": 0.75, "top_agreement": 0.5}
    ]
    tables = {
        "pilot": pa.Table.from_pylist(rows, schema=PILOT),
        "baselines": pa.Table.from_pylist(agreement, schema=BASELINES),
    }
    write_part(part.with_name("plan.json"), tables, plan)
    return [shard], [part]


def make_trials(folder):
    """The tag adds 0.8 to its label in every text, and flips half of those that could flip."""
    rows = [
        {
            "kind": "word", "label": "good", "word": TAG, "operator": operator, "replacement": None, "example_id": i,
            "margin_before": 1.0, "margin_after": 1.0 + sign * (0.8 + i / 1000), "predicted_before": int(sign < 0),
            "predicted_after": i % 2, "gold": 1,
        }
        for operator, sign in (("delete", -1), ("mask", -1), ("swap", -1), ("insert", 1))
        for i in range(8)
    ]  # fmt: skip
    part = folder / "trials" / "part-00000.json"
    vectors = [{"kind": "word", "label": "good", "word": TAG, "vector": [1.0, 0.0]}]
    tables = {"trials": pa.Table.from_pylist(rows, schema=TRIAL), "vectors": pa.Table.from_pylist(vectors)}
    write_part(part, tables, {"key": "k", "num_passes": 48, "num_quarantined": 0})
    return part


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Config, run and the key of its recommendations."""
    folder = tmp_path_factory.mktemp("report")
    path = folder / "audit.yaml"
    title = f"Audit of {TAG}"
    path.write_text(json.dumps({
        "warehouse": str(folder / "audits.duckdb"), "data": {"path": "texts\u202e.csv", "where": {"split": "test"}}, "model": {"path": "model"},
        "report": {"title": title, "browser_sentences": 12}, "recommendation": {"min_hint_examples": 5},
    }))  # fmt: skip
    config = load_config(path)
    run = Run("report_1", folder / "run", folder / "run", {"data": "d" * 64, "model": "m" * 64})
    shards, parts = make_run(run.folder)
    model = ModelSpec(folder / "model", 64, "m" * 64, (EVIL, "good"))
    enter_run(config, run, model)
    scores = aggregate_scores.fn(config, run, model, shards, parts)
    flags = screen_words.fn(config, run, scores)
    trials = [make_trials(run.folder)]
    verified = build_evidence(config, run, model, flags, trials)
    verdicts = judge_candidates.fn(config, run, model, verified, trials, [])
    return config, run, recommend_changes.fn(config, run, verdicts)


@pytest.fixture(scope="module")
def page_path(audited):
    return write_report.fn(*audited)


@contextmanager
def warehouse_of(audited):
    config, run, _ = audited
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        yield warehouse


# ---------------------------------------------------------------- sentences


def test_the_pieces_of_every_sentence_add_up_to_its_raw_text(audited):
    with warehouse_of(audited) as warehouse:
        sentences = sentences_of(warehouse, audited[1].folder, range(20))
    assert [sentence.text for sentence in sentences] == [text_of(i) for i in range(20)]


def test_the_text_behind_the_cut_is_kept_without_a_score(audited):
    with warehouse_of(audited) as warehouse:
        (sentence,) = sentences_of(warehouse, audited[1].folder, [19])
    assert sentence.pieces[-1] == Piece(" seen", None)
    assert sentence.num_cut == 2


def test_tokens_on_the_same_characters_become_one_piece_with_the_sum_of_their_scores():
    # A byte-level tokenizer: the space belongs to the token behind it, the emoji is three tokens.
    text = "so 🙂 ok…"
    tokens = [(0, 2, 0.5), (2, 4, 0.125), (3, 4, 0.25), (3, 4, -1.0), (4, 7, 2.0)]
    rows = [
        dict(zip(("token_start", "token_end", "score"), token, strict=True), word=None, piece=None) for token in tokens
    ]
    assert pieces_of(text, rows) == (
        Piece("so", 0.5), Piece(" ", None), Piece("🙂", -0.625), Piece(" ", None), Piece("ok", 2.0), Piece("…", None),
    )  # fmt: skip


def test_a_text_without_tokens_is_one_piece_without_a_score():
    assert pieces_of("nothing seen", []) == (Piece("nothing seen", None),)
    assert pieces_of("", []) == ()


def test_sentences_with_a_word_are_the_ones_where_it_weighs_most_and_mark_it(audited):
    with warehouse_of(audited) as warehouse:
        found = sentences_with(warehouse, audited[1].folder, "lovely", "word", 2)
    # lovely scores 2 + i / 1000 in the even texts
    assert [sentence.example_id for sentence in found] == [18, 16]
    assert [piece.text for piece in found[0].pieces if piece.focus] == ["Lovely"]
    assert found[0].predicted == "good"
    assert found[0].scale == pytest.approx(2.018)


def test_a_piece_is_marked_where_it_stands(audited):
    with warehouse_of(audited) as warehouse:
        (sentence,) = sentences_with(warehouse, audited[1].folder, "aw·", "piece", 1)
    assert [piece.text for piece in sentence.pieces if piece.focus] == ["Aw"]


def test_a_word_that_stands_nowhere_has_no_sentences(audited):
    with warehouse_of(audited) as warehouse:
        assert sentences_with(warehouse, audited[1].folder, "nowhere", "word", 3) == []
        assert find_sentences(warehouse, audited[1].folder, [], 3, mirrored=True) == {}


def test_characters_that_reorder_or_hide_are_written_out():
    assert visible("a\u202eb\x07\x1b[0m\x9b\ud800\u2066") == "a\\u202Eb␇␛[0m\\u009B\\uD800\\u2066"
    assert visible("tab\tline\nएक👩‍👧 שלום") == "tab\tline\nएक👩‍👧 שלום"


# ---------------------------------------------------------------- findings in words

OVERVIEW = {"n_used": 7}
COMMA = {
    "place": 1, "label": "good", "word": ",", "kind": "word", "type": "punctuation", "n_examples": 1200, "impact": 0.2,
    "severity": 0.2, "strength": 0.5, "necessity": 0.25, "label_rate": 0.49, "label_share": 0.48, "source_words": None,
}  # fmt: skip


def test_an_audit_without_findings_says_so_and_promises_nothing():
    (headline,) = headlines([], [], [], [], OVERVIEW, "log-odds", 0.05)
    assert headline.anchor == "spurious"
    assert headline.text.startswith("None of the 7 words and fragments the model leans on is spurious")
    assert "no proof" in headline.text


def test_a_suspect_word_is_told_with_its_figures():
    assert headlines([COMMA], [], [], [], OVERVIEW, "log-odds", 0.05) == [
        Headline(
            "Punctuation counts as evidence",
            "Taken out, masked, swapped and put in, “,” changes the log-odds of “good” by +0.50 on average; it stands in 1,200 texts. "
            "25\u202f% of the texts read as “good” flip without it. Yet 49\u202f% of its texts are “good”, against 48\u202f% of all.",
            "spurious-1",
        )
    ]


def test_suspect_words_of_one_type_share_a_headline_and_the_type_of_most_impact_leads():
    others = [COMMA | {"place": i, "word": word} for i, word in enumerate(":;!", start=3)]
    name = COMMA | {"place": 2, "word": "kim\u202e", "type": "name", "severity": 5.0}
    found = headlines([COMMA, name, *others], [], [], [], OVERVIEW, "logits", 0.05)
    assert [(headline.title, headline.anchor) for headline in found] == [
        ("Names move predictions", "spurious-2"), ("Punctuation counts as evidence", "spurious-1"),
    ]  # fmt: skip
    assert found[1].text.endswith("Also spurious: “:”, “;” and “!”.")
    assert "“kim\\u202E”" in found[0].text


TV = {
    "place": 1, "label": "bad", "word": "tv", "type": "name", "n_examples": 20, "n_label": 20, "label_share": 0.5, "label_q": 0.01,
    "mean_score": 0.02, "ci_low": -0.1, "ci_high": 0.1, "used": False,
}  # fmt: skip


def names_headline(*names):
    found = headlines([COMMA], names, [], [], OVERVIEW, "log-odds", 0.05)[1:]
    return [(headline.title, headline.text, headline.anchor) for headline in found]


def test_one_name_the_labels_lean_on_is_told_in_the_singular():
    assert names_headline(TV) == [
        (
            "A name: one-sided in the labels, hardly used by the model",
            "Texts that mention “tv” (20 of 20 bad) mostly have one label. The model does not clearly lean on it; "
            "a labelling rule could still pick it up.",
            "names",
        )
    ]


def test_several_names_are_counted_and_an_insignificant_one_is_not():
    others = [TV | {"place": 2, "word": "br", "type": "markup"}, TV | {"place": 3, "word": "kim", "used": True}]
    assert names_headline(TV, *others, TV | {"place": 4, "word": "chance", "label_q": 0.051}) == [
        (
            "Markup and names: one-sided in the labels, hardly used by the model",
            "Texts that mention “tv” (20 of 20 bad) and “br” (20 of 20 bad) mostly have one label. Of the 3 most one-sided such "
            "words the model clearly leans on 1; a labelling rule could still pick them up.",
            "names",
        )
    ]


def test_without_a_significant_name_there_is_no_headline_on_names():
    assert names_headline(TV | {"label_q": 0.051}) == []
    assert names_headline(TV | {"used": True}) == []


# ---------------------------------------------------------------- exports


def test_a_text_that_begins_like_a_formula_is_quoted_and_a_number_is_not():
    rows = pa.table({
        "text": ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "a=b", None], "number": [-1.5, 2, 3, 4, 5, 6, 7, 8],
        "list": [["=a"], [], None, ["b"], ["c"], ["d"], ["e"], ["é"]],
        "other": ["\nx", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "a\uff1d", "", None],
    })  # fmt: skip
    cells = list(csv.reader(io.StringIO(to_csv(rows).decode(), newline="")))
    assert [row[0] for row in cells] == ["text", "'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "a=b", ""]
    assert cells[1][1:3] == ["-1.5", '["=a"]']
    assert [row[3] for row in cells[1:]] == ["'\nx", "'\uff1d1", "'\uff0b1", "'\uff0d1", "'\uff20x", "a\uff1d", "", ""]
    assert cells[8][2] == '["é"]'


def test_every_table_is_exported_as_csv_and_json_with_the_same_rows(page_path):
    folder = page_path.parent / "exports"
    assert {path.stem for path in folder.iterdir()} == {
        "verdicts", "effects", "words", "word_importance", "vocabulary_candidates", "labelling_hints", "rejects",
    }  # fmt: skip
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))), path.name
    assert json.loads((folder / "rejects.json").read_text())[0]["reason"] == "empty"
    verdicts = json.loads((folder / "verdicts.json").read_text())
    assert [row["word"] for row in verdicts if row["verdict"] == "spurious"] == [TAG]


# ---------------------------------------------------------------- queries and stage


def test_the_header_of_every_query_names_the_columns_it_returns(audited):
    _, run, _ = audited
    params = {
        "run_id": run.run_id, "max_verdicts": 5, "labels": ["good"], "mirrored": True, "max_points": 9, "max_names": 5, "max_gap": 0.1, "max_gaps": 5,
        "top_words": 5, "browser_sentences": 6, "kinds": ["word"], "words": ["lovely"], "max_sentences": 2, "example_ids": [0],
        "token_parts": [str(path) for path in (run.folder / "parts").glob("*.tokens.parquet")], "word": "lovely", "n_rows": 5, "sure_q": 0.05,
    }  # fmt: skip
    with warehouse_of(audited) as warehouse:
        for file in files("warehouse").joinpath("report").iterdir():
            if file.name.endswith(".sql"):
                path = f"report/{file.name.removesuffix('.sql')}"
                assert warehouse.rows(path, params).column_names == list(query(path).columns), path


def test_a_second_call_does_no_work_and_a_changed_setting_writes_again(audited, page_path):
    config, run, key = audited
    before = page_path.stat().st_mtime_ns, page_path.read_bytes()
    assert write_report.fn(config, run, key) == page_path
    assert page_path.stat().st_mtime_ns == before[0]
    other = config.model_copy(update={"report": config.report.model_copy(update={"title": "Another title"})})
    write_report.fn(other, run, key)
    assert b"<title>Another title</title>" in page_path.read_bytes()
    write_report.fn(config, run, key)
    assert page_path.read_bytes() == before[1], "the same inputs give the same bytes"


def test_every_run_under_prefect_shows_the_findings_also_of_a_page_that_is_left_untouched(
    audited, page_path, monkeypatch
):
    shown = []
    monkeypatch.setattr("tasks.report.TaskRunContext.get", lambda: object())
    monkeypatch.setattr("tasks.report.create_table_artifact", lambda **artifact: shown.append(artifact))
    monkeypatch.setattr("tasks.report.create_link_artifact", lambda **artifact: shown.append(artifact))
    before = page_path.stat().st_mtime_ns
    for _ in range(2):
        write_report.fn(*audited)
    assert page_path.stat().st_mtime_ns == before
    assert [artifact["key"] for artifact in shown] == ["findings", "report"] * 2
    assert [row["word"] for row in shown[2]["table"]] == [TAG]
    assert shown[3]["link"] == page_path.as_uri()


def test_a_page_that_was_damaged_is_written_again(audited, page_path):
    whole = page_path.read_bytes()
    page_path.write_bytes(whole[:1000])
    write_report.fn(*audited)
    assert page_path.read_bytes() == whole


def test_the_scale_of_colours_is_symmetric_and_next_to_nothing_has_none():
    assert [level(score, 2.0) for score in (2.0, -2.0, 0.4, -0.41, 0.1, 0.0, None)] == [
        "p5",
        "n5",
        "p1",
        "n2",
        "z",
        "z",
        "z",
    ]
    assert level(0.0, 0.0) == "z"


def test_an_excerpt_keeps_the_word_in_focus_and_shows_where_it_was_cut():
    pieces = [Piece(str(i), 9.0 if i == 0 else 0.1, i == 50) for i in range(100)]
    kept = excerpt(pieces, 5)
    assert [piece.text for piece in kept] == ["… ", "48", "49", "50", "51", "52", " …"]
    assert excerpt(pieces[:5], 5) == pieces[:5]


def test_the_page_counts_what_went_in_and_what_was_left_out(page_path):
    html = page_path.read_text(encoding="utf-8")
    assert "21 rows read → 1 rejected (1 <bdi>empty</bdi>) → 0 not sampled → 20 audited → 0 quarantined" in html
    assert "1 text was too long for the model: 2 of 240 tokens were cut off" in html


def test_the_page_names_the_data_and_the_rows_that_were_chosen(page_path):
    html = page_path.read_text(encoding="utf-8")
    assert (
        "<bdi>texts\\u202E.csv</bdi>, only rows with <bdi>split</bdi> = <bdi>test</bdi>; column <bdi>text</bdi>" in html
    )


def test_the_page_says_so_where_no_word_inside_a_sentence_has_a_capital(page_path):
    html = page_path.read_text(encoding="utf-8")
    assert "Capitals say nothing in these texts</b> (none of the words inside sentences start with one)" in html


# ---------------------------------------------------------------- the page in a browser


@contextmanager
def opened(browser, path, width=1280, **options):
    """The page, with everything it complained about or asked for in `page.seen`."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    page.seen = []
    page.on("console", lambda message: page.seen.append(message.text))
    page.on("pageerror", lambda error: page.seen.append(str(error)))
    page.on("request", lambda request: page.seen.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    if options.get("java_script_enabled", True):
        page.wait_for_function(
            "document.querySelectorAll('.chart svg').length === document.querySelectorAll('.chart').length"
        )
    yield page
    context.close()


def test_the_page_draws_every_chart_asks_for_nothing_and_runs_nothing_of_the_data(browser, page_path):
    with opened(browser, page_path) as page:
        # effects, quadrant, a chart for each of the two labels, types, fragmentation, gaps, completeness
        assert page.locator(".chart svg").count() == 8
        assert page.evaluate("window.hit") is None
        assert page.locator("img, iframe, a[href^='javascript']").count() == 0
        assert page.locator("h1").inner_text() == f"Audit of {TAG}"
        assert page.locator("#spurious-1 .word").first.inner_text() == TAG
        assert "{{ 7*7 }} javascript:window.hit=1" in page.locator("#example-0").inner_text()
        assert "\\u202Egnp\\u202C␇" in page.locator("#example-0").inner_text()
        assert page.seen == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_never_scrolls_sideways(browser, page_path, width):
    with opened(browser, page_path, width) as page:
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        outside = """width => [...document.querySelectorAll('header *, nav *, main *')]
            .filter(e => !e.closest('svg') && !e.parentElement.closest('.scroll') && e.getBoundingClientRect().right > width + 0.5)
            .map(e => e.outerHTML.slice(0, 120))"""
        assert page.evaluate(outside, width) == []


@pytest.mark.parametrize("way", ["hover", "click", "keys"])
def test_a_token_shows_its_score(browser, page_path, way):
    with opened(browser, page_path) as page:
        if way == "keys":
            page.locator("#spurious-1 .text").first.focus()
            # lovely, film, the comma, the tag, seen, and back
            for key in ["ArrowRight"] * 5 + ["ArrowLeft"]:
                page.keyboard.press(key)
        else:
            getattr(page.locator("#spurious-1 i.f").first, way)()
        shown = "getComputedStyle(document.querySelector('#spurious-1 i.f'), '::after').content"
        # the tag scores 0.8 + 18 / 1000 in the last text of its label
        assert page.evaluate(shown).endswith('+0.82"')


def test_a_sentence_is_one_tab_stop(browser, page_path):
    with opened(browser, page_path) as page:
        focused = "[...document.querySelectorAll('#spurious-1 .text')].indexOf(document.activeElement)"
        page.locator("#spurious-1 .text").first.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.ariaLabel") == "Lovely +2.02"
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == 1
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.activeElement.textContent") == "seen"
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.textContent") == "seen", "a sentence ends at its last token"


def test_every_link_has_a_target_and_opens_the_sentences_behind_it(browser, page_path):
    with opened(browser, page_path) as page:
        links = page.eval_on_selector_all("a", "links => links.map(link => link.getAttribute('href'))")
        assert {"#name-1", "#word-1", "#spurious-1"} <= set(links)
        assert [link for link in links if page.locator(link).count() != 1] == []
        page.locator("a[href='#word-1']").click()
        assert page.locator("#word-1 .sentence").first.is_visible()
        assert page.locator("#word-1 .sentence").count() == 2
        page.locator("a[href='#name-1']").click()
        assert page.locator("#name-1 .sentence i.f").all_inner_texts() == ["1999", "1999"]
        assert page.locator("#hints a[href='#spurious-1']").inner_text() == TAG


def test_another_sentence_is_chosen_with_the_keyboard(browser, page_path):
    with opened(browser, page_path) as page:
        assert page.locator("#browser .example:visible").count() == 1
        assert page.locator("#example-0").is_visible(), "the one mistake comes first"
        page.locator("#choice").focus()
        page.keyboard.press("ArrowDown")
        chosen = page.locator("#choice").input_value()
        assert chosen != "example-0"
        assert page.locator(f"#{chosen}").is_visible()
        assert page.locator("#example-0").is_hidden()


def test_without_scripts_tables_and_all_sentences_are_there(browser, page_path):
    with opened(browser, page_path, java_script_enabled=False) as page:
        assert page.locator("#spurious table.found").is_visible()
        assert page.locator("#predictions table").first.is_visible()
        assert page.locator("#browser .example:visible").count() == 12
        assert page.locator("#choice").is_hidden()
        assert "needs scripts" in page.locator("#chart-quadrant").inner_text()
        assert page.locator("#labels > details:not([open]) tbody tr").count() > 3
        assert page.locator("#quality > details:not([open]) tbody tr").count() == 20
        label = page.locator("#spurious-1 i.f").first.get_attribute("aria-label")
        assert label.endswith("+0.82")


def test_a_second_dataset_is_compared_word_by_word_and_changes_nothing_else(audited, tmp_path):
    config, run, _ = audited
    config = config.model_copy(update={"warehouse": tmp_path / "compared.duckdb"})
    model = ModelSpec(tmp_path / "model", 64, "m" * 64, (EVIL, "good"))
    shards, parts = make_run(tmp_path / "data")

    def figures(compared):
        aggregate_scores.fn(config, run, model, shards, parts, compared)
        with open_warehouse(config.warehouse, read_only=True) as warehouse:
            tables = {name: warehouse._connection.sql(f'from "{run.run_id}".{name}').to_arrow_table() for name in ("stability", "word_importance")}  # fmt: skip
        return tables["stability"].to_pylist(), tables["word_importance"]

    nothing, alone = figures(None)
    found, beside = figures(make_run(tmp_path / "other"))
    assert nothing == []
    assert beside.equals(alone)
    # The second dataset is a copy of the first: every word means the same in both.
    assert found
    assert {(tuple(row["corpora"]), row["sign_flip"], row["i2"]) for row in found} == {
        (("data", "compare"), False, 0.0)
    }
    assert min(row["p_value"] for row in found) > 0.999


@pytest.mark.parametrize(
    ("rules", "caseless"),
    [
        (["name.list", "content.other"], True),
        # A word that stands at the start of sentences only is found by the list although capitals do speak.
        (["name.list", "name.casing"], False),
        (["name.list", "name.casing_and_list"], False),
        (["content.other"], False),
    ],
)
def test_capitals_say_nothing_only_where_no_name_was_found_by_them(warehouse, rules, caseless):
    warehouse.insert(
        "examples",
        "correct | converged | gradients | relative_gap | special_score | n_cut | n_tokens\ntrue | true | 5 | 0.1 | 0.0 | 0 | 9",
    )
    warehouse.insert("words", "kind | used | word\nword | true | x")
    warehouse.insert("verdicts", "kind | word | standing\nword | x | unclear")
    warehouse.insert("word_scores", "kind | word | score\nword | x | 1.0")
    warehouse.insert("word_occurrences", "surface | starts_sentence\nX | false")
    warehouse.insert("word_types", "\n".join(["rule", *rules]))
    assert [row["caseless"] for row in warehouse.rows("report/overview")] == [caseless]


# ---------------------------------------------------------------- a recogniser of the user's


@pytest.fixture
def recogniser(audited, tmp_path, monkeypatch):
    """The audited config with a recogniser whose answers a test sets, and the texts that it was given."""
    config, run, _ = audited
    (tmp_path / "my_names.py").write_text(
        "given, answer = [], None\ndef find(texts):\n    given.extend(texts)\n    return [answer(text) for text in texts]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_names", raising=False)
    module = importlib.import_module("my_names")
    flagging = config.flagging.model_copy(update={"recogniser": "my_names:find"})
    own = config.model_copy(update={"flagging": flagging, "warehouse": tmp_path / "copy.duckdb"})
    shutil.copy(config.warehouse, own.warehouse)
    return own, replace(run, folder=tmp_path), module


def test_a_recogniser_decides_what_a_word_is_and_is_asked_once(recogniser):
    config, run, module = recogniser
    module.answer = lambda text: [(text.index("film"), text.index("film") + 4, "place")]
    for _ in range(2):
        screen_words.fn(config, run, "scores")
        assert len(module.given) == 20
        with open_warehouse(config.warehouse, read_only=True) as warehouse:
            warehouse.use(run.run_id)
            types = warehouse._connection.execute("select type, rule, evidence from word_types where word = 'film'")
            assert types.fetchall() == [
                ("place", "place.ner", "the recogniser says place in 20 of 20 places, casing says nothing here")
            ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda text: [(0, 2, "person")], r"answered \(0, 2, 'person'\) for a text of \d+ characters, expected \(start, end, 'name' or 'place'\)\.$"),
        (lambda text: [(5, 5, "name")], r"answered \(5, 5, 'name'\)"),
        (lambda text: [(0, 10**6, "name")], r"answered \(0, 1000000, 'name'\)"),
        (lambda text: 1 / 0, r"my_names:find failed \(ZeroDivisionError: division by zero\)\.$"),
    ],
)  # fmt: skip
def test_a_recogniser_that_answers_something_else_is_one_clear_sentence(recogniser, answer, said):
    config, run, module = recogniser
    module.answer = answer
    with pytest.raises(AuditError, match=said):
        screen_words.fn(config, run, "scores")
    assert not (run.folder / "recognised.json").exists()
