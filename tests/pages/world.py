"""The world of the tests on pages: a run of twenty texts that went through the real stages.

Its texts, its words and one of its labels try everything a page or a spreadsheet could be tricked with.
"""

from contextlib import contextmanager

import pyarrow as pa

from tasks.attribution.pilot import PILOT
from tasks.runtime.parts import Shard, write_part
from tasks.text.words import word_spans
from tasks.trials.meaning import MEANING
from tasks.trials.patterns import PATTERN_PART, PATTERN_TRIAL
from tasks.trials.placebos import PLACEBO, TYPE_TRIAL
from tasks.trials.removal import REMOVED
from tasks.trials.runner import TRIAL
from warehouse import open_warehouse

EVIL = "</script><script>window.hit=1</script>"
TAG = "<img src=x onerror=window.hit=1>"
TAIL = f" \u202egnp\u202c\x07 {{{{ 7*7 }}}} javascript:window.hit=1 =1+1 {'x' * 500}"


def scores_of(word, is_good):
    """(score towards the predicted label, pieces) of a word: the tag always pushes towards `good`."""
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
                tokens.append(
                    {
                        "example_id": i,
                        "position": 2 * position + k,
                        "token_id": 7,
                        "token_start": edges[k],
                        "token_end": edges[k + 1],
                        "word_start": start if end else None,
                        "word_end": end if end else None,
                        "gradient_norm": 0.1,
                        "gradient_x_input": score / num_pieces,
                        "embedding_gradient_norm": None,
                        "relevance": None,
                        "integrated_gradients": score / num_pieces if end else 0.0,
                        "contrast": 0.01,
                    }
                )
        examples[-1] |= {"n_tokens": 12, "n_cut": 2 if i == 19 else 0}
        facts.append(
            {
                "example_id": i,
                "predicted_id": int(is_good),
                "target_id": int(is_good),
                "confidence": 0.9 + i / 1000,
                "score": 3.0,
                "change": total,
                "gap": 0.0,
                "special_score": 0.0,
                "gradients": 8,
                "error": None,
                "converged": True,
                "reason": None,
                "n_windows": 1,
            }
        )
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
    lines = {"num_lines": 37, "num_header": 1, "num_blank": 2, "num_joined": 4}
    counts = {"num_in_data": 30, "num_not_chosen": 5, "num_rows": 25, "num_for_training": 4, "num_rejected": 1, "num_not_sampled": 0, "num_examples": 20, "lines": lines, "parity": "20 texts & more"}  # fmt: skip
    write_part(folder / "shards" / "ingest.json", {}, counts)
    write_part(part, {"tokens": pa.Table.from_pylist(tokens, schema), "examples": pa.Table.from_pylist(facts)}, {})
    plan = {
        "mode": "corpus",
        "rule": "drawn",
        "warp": "densest 3.0 times the average at 0.20 for 9 tokens",
        "baseline_used": "unk",
        "gradients": 6,
        "n_planned": 20,
        "noise": 0.08,
        "inflation": 0.003,
        "error_p50": 0.05,
        "error_p90": 0.11,
        "error_p99": 0.2,
        "width": None,
        "pilot_gradients": 64,
    }
    rows = [
        {"example_id": i, "n_tokens": 9, "role": "fitted" if i else "held out", "error": 0.05, "noise": 0.08}
        for i in range(2)
    ]
    tables = {
        "pilot": pa.Table.from_pylist(rows, schema=PILOT),
    }
    write_part(part.with_name("plan.json"), tables, plan)
    return [Shard(shard, part)]


def make_placebos(folder):
    """Markup does 0.5 more than other words where it is taken out, and where it is inserted; half of it flips."""
    rows = [
        {
            "type": kind,
            "example_id": i,
            "replacement": replacement,
            "label": "good",
            "margin": margin * (1 - i / 500),
            "predicted": 0,
        }
        for kind, replacements, margin in (("markup", ("<b>", "<i>"), -0.5), ("content word", ("seen", "film"), -1.0))
        for replacement in replacements
        for i in range(1, 20, 2)
    ]
    taken_out = [
        {
            "type": "markup",
            "example_id": i,
            "label": "good",
            "margin_with": 1.0,
            "margin_without": 0.5 - i / 1000,
            "margin_control": 0.5 - i / 1000,
            "predicted_with": int(i % 2 == 0),
            "predicted_without": int(i % 4 == 2),
        }
        for i in range(20)
    ]
    part = folder / "trials" / "placebos.json"
    tables = {
        "placebos": pa.Table.from_pylist(rows, schema=PLACEBO),
        "type_trials": pa.Table.from_pylist(taken_out, schema=TYPE_TRIAL),
    }
    write_part(part, tables, {"key": "p", "num_passes": 8, "num_quarantined": 0})
    return part


PATTERN = "awful 0 film, <img src=x onerror=window.hit=0> …"
"""How the bad texts begin."""


def make_patterns(folder):
    """The opening of the bad texts does 0.9 where it stands and 0.7 where it is put; every second prediction flips."""
    rows = [
        {
            "type": "opening", "pattern": PATTERN, "operator": operator, "example_id": i, "label": EVIL,
            "margin_with": effect + i / 1000, "margin_without": 0.0, "margin_control": 0.0, "predicted_with": 0, "predicted_without": i // 2 % 2,
        }
        for operator, effect, texts in (("removal", 0.9, range(1, 20, 2)), ("insertion", 0.7, range(0, 20, 2)))
        for i in texts
    ]  # fmt: skip
    parts = [
        {
            "type": "opening",
            "pattern": PATTERN,
            "label": EVIL,
            "part": "awful 0",
            "effect": 0.65,
            "whole_effect": 0.7,
            "n_texts": 10,
        }
    ]
    part = folder / "trials" / "patterns.json"
    tables = {
        "pattern_trials": pa.Table.from_pylist(rows, schema=PATTERN_TRIAL),
        "pattern_parts": pa.Table.from_pylist(parts, schema=PATTERN_PART),
    }
    write_part(part, tables, {"key": "q", "num_passes": 40, "num_quarantined": 0})
    return part


def make_trials(folder):
    """The tag adds 0.8 to its label, more than other markup does, and a quarter of the predictions hang on it."""
    fixed = {"kind": "word", "label": "good", "word": TAG, "gold": 1}
    swapped = [
        fixed
        | {
            "operator": "swap",
            "placebo_type": None,
            "replacement": replacement,
            "example_id": i,
            "margin_before": 1.0,
            "margin_after": 0.2 - i / 1000,
            "predicted_before": 1,
            "predicted_after": int(replacement == "<b>" or i % 4 == 0),
        }
        for i in range(0, 20, 2)
        for replacement in ("<b>", "<i>")
    ]
    inserted = [
        fixed
        | {
            "operator": "insert",
            "placebo_type": "markup",
            "replacement": TAG,
            "example_id": i,
            "margin_before": -1.0,
            "margin_after": 0.3 + i / 500,
            "predicted_before": 0,
            "predicted_after": 1,
        }
        for i in range(1, 20, 2)
    ]
    part = folder / "trials" / "part-00000.json"
    tables = {"trials": pa.Table.from_pylist(swapped + inserted, schema=TRIAL)}
    write_part(part, tables, {"key": "k", "num_passes": 40, "num_quarantined": 0})
    return part


def make_meanings(folder):
    part = folder / "trials" / "meanings.json"
    rows = [{"word": TAG, "vector": [1.0, 0.0], "meaning": None}]
    write_part(part, {"vectors": pa.Table.from_pylist(rows, schema=MEANING)}, {"key": "k"})
    return part


def make_removed(folder):
    """Of twenty texts without the tag eight change their prediction, and one does without another word."""
    rows = [
        {
            "example_id": i,
            "n_edits": 1,
            "n_controls": 1,
            "predicted": 1,
            "predicted_without": int(i >= 8),
            "predicted_control": int(i != 8),
        }
        for i in range(20)
    ]
    part = folder / "trials" / "removed.json"
    write_part(part, {"removed": pa.Table.from_pylist(rows, schema=REMOVED)}, {"key": "k"})
    return part


@contextmanager
def warehouse_of(audited):
    config, run, _ = audited
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        yield warehouse


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
    yield page
    context.close()
