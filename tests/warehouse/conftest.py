"""Fixtures of the tests of the warehouse."""

import shutil
import sys
from itertools import pairwise
from textwrap import dedent

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.attribution.pilot import PILOT
from tests.warehouse.helpers import REAL
from warehouse import query


@pytest.fixture
def queries(tmp_path, monkeypatch):
    """A package with the real registry and no other query; returns a function that adds one."""
    folder = tmp_path / "package"
    shutil.copytree(REAL / "registry", folder / "registry")
    for name in ("macros.sql", "registry.sql", "kept_tables.sql"):
        shutil.copy(REAL / name, folder)
    for name in ("checks", "seeds", "stage"):
        (folder / name).mkdir()

    def add(path, text):
        (folder / f"{path}.sql").write_text(dedent(text).lstrip(), encoding="utf-8")
        query.cache_clear()

    # By its name it would be the function: `warehouse.query` is that, too.
    monkeypatch.setattr(sys.modules["warehouse.query"], "files", lambda name: folder)
    query.cache_clear()
    yield add
    query.cache_clear()


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    """Shards and parts of 300 made-up examples: 60 words, a third of them in two pieces, scores of all sizes."""
    folder = tmp_path_factory.mktemp("parts")
    random = np.random.default_rng(0)
    roots = ["film", "plot", "gripp", "tedi", "nolan", "good", "bad", "not", "the", "19", "dull", "grac"]
    words = [root + ending for root in roots for ending in ("", "s", "ing", "ous", "ly")]
    shards, tokens, examples = [], [], []
    for i in range(300):
        label = int(random.integers(2))
        chosen = random.choice(len(words), 10)
        if i % 4 == 0:
            chosen[4:6] = words.index("nolan"), words.index("plots")
            chosen[chosen == words.index("gripp")] = words.index("the")
        if i % 8 == 0:
            chosen[6] = words.index("gripp")
        text, kept = "", []
        for position, word in enumerate(words[w] for w in chosen):
            shown = word.capitalize() if word.startswith("nolan") or not position else word
            start, text = len(text), f"{text}{shown} "
            cuts = [0, 4, len(shown)] if len(shown) > 5 else [0, len(shown)]
            lean = (2.0 if word.startswith(("good", "nolan")) else 0.0) * (1 if label else -1) + 0.1 * len(word)
            kept += [
                (start + a, start + b, start, start + len(shown), lean + float(random.normal()))
                for a, b in pairwise(cuts)
            ]
        scores = np.array([np.float32(score) for *_, score in kept])
        total = float(scores.astype(float).sum())
        predicted = label if random.random() < 0.8 else 1 - label
        shards.append(
            {"example_id": i, "source_id": f"s{i}", "text": text, "label_id": label, "n_tokens": len(kept), "n_cut": 0}
        )
        converged = bool(i % 50)
        facts = {
            "confidence": 0.9,
            "score": 1.0,
            "gap": 0.01,
            "special_score": 0.0,
            "gradients": 8,
            "error": None,
            "converged": converged,
            "reason": None if converged else "tolerance",
            "n_windows": 1,
        }
        examples.append(
            {"example_id": i, "predicted_id": predicted, "target_id": predicted, "change": total - 0.01, **facts}
        )
        tokens += [
            {
                "example_id": i, "position": p, "token_start": a, "token_end": b, "word_start": start, "word_end": end, "gradient_norm": abs(float(score)),
                "gradient_x_input": float(score) / 3, "relevance": None, "integrated_gradients": score, "contrast": 0.01,
            }
            for p, (a, b, start, end, score) in enumerate(kept)
        ]  # fmt: skip
    paths = {}
    for name, rows in (("shards", shards), ("example_parts", examples), ("token_parts", tokens)):
        paths[name] = []
        for number in range(3):
            path = folder / f"{name}-{number}.parquet"
            pq.write_table(pa.Table.from_pylist([row for row in rows if row["example_id"] // 100 == number]), path)
            paths[name].append(str(path))
    pilot = folder / "plan.pilot.parquet"
    pq.write_table(pa.Table.from_pylist([{"example_id": 1, "role": "held out"}], schema=PILOT), pilot)
    rejects = folder / "rejects.parquet"
    pq.write_table(pa.table({"example_id": [999], "source_id": ["s"], "text": ["=cmd"], "reason": ["empty"]}), rejects)
    slices = folder / "slices.parquet"
    halves = ["odd" if i % 2 else "even" for i in range(300)]
    pq.write_table(pa.table({"example_id": range(300), "slice": ["half"] * 300, "value": halves}), slices)
    held, others = range(4, 49, 4), range(1, 48, 4)
    placebos = [
        {"type": "name", "example_id": i, "replacement": f"placebo{k}", "label": label, "margin": sign * 0.01 * (i + k), "predicted": k % 2}
        for i in others for k in range(4) for label, sign in (("no", -1), ("yes", 1))
    ]  # fmt: skip
    type_trials = [
        {"type": "name", "example_id": i, "label": label, "margin_with": sign * 0.2, "margin_without": sign * 0.01 * i, "margin_control": sign * 0.01 * i, "predicted_with": 1, "predicted_without": i % 2}
        for i in held for label, sign in (("no", -1), ("yes", 1))
    ]  # fmt: skip
    trials = [
        {
            "kind": "word", "label": "yes", "word": "nolan", "operator": operator, "placebo_type": "name" if operator == "insert" else None,
            "replacement": replacement, "example_id": i, "margin_before": 2.0, "margin_after": 2.0 + sign * (3.0 * (i % 8 == 0) + 0.01 * i),
            "predicted_before": int(sign < 0), "predicted_after": 1, "gold": 1,
        }
        for operator, sign, replacement, texts in (("swap", -1, "Welles", held), ("swap", -2, "Hitch", held), ("insert", 1, "Nolan", others))
        for i in texts
    ]  # fmt: skip
    pattern_trials = [
        {"type": "length", "pattern": "the longest tenth", "operator": operator, "example_id": i, "label": label, "margin_with": sign * 0.2, "margin_without": sign * 0.01 * i, "margin_control": sign * 0.01 * i, "predicted_with": 1, "predicted_without": i % 2}
        for operator, texts in (("removal", held), ("insertion", others)) for i in texts for label, sign in (("no", -1), ("yes", 1))
    ]  # fmt: skip
    pattern_parts = [
        {
            "type": "shape",
            "pattern": "[a]",
            "label": "yes",
            "part": "[",
            "effect": 1.0,
            "whole_effect": 1.1,
            "n_texts": 9,
        }
    ]
    changed = {
        "placebo_parts": placebos, "type_parts": type_trials, "trial_parts": trials, "pattern_trial_parts": pattern_trials,
        "pattern_parts": pattern_parts,
    }  # fmt: skip
    for name, rows in changed.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    removed = folder / "removed.parquet"
    changes = {"example_id": range(9), "n_edits": [1] * 9, "n_controls": [1] * 9, "predicted": [1] * 9}
    changes |= {"predicted_without": [0, 0, 0, *[1] * 6], "predicted_control": [1] * 9}
    pq.write_table(pa.table(changes), removed)
    rules = {
        "rule_text_parts": [{"corpus": corpus, "example_id": i, "source_id": "s", "text": "t", "given_id": i % 2} for corpus in ("audited", "trained") for i in range(40)],
        "rule_match_parts": [
            {"corpus": corpus, "example_id": i, "rule_id": 0, "term_id": term, "label_id": 1, "match_start": 0, "match_end": 5, "surface": "Nolan", "before": "Mr", "after": None, "decides": True}
            for corpus in ("audited", "trained") for i in range(1, 40, 2) for term in (-1, 0)
        ],
        "rule_word_parts": [{"corpus": "trained", "example_id": i, "word": "nolan"} for i in range(1, 40, 2)],
        "rule_meaning_parts": [{"label": "yes", "word": "nolan", "meaning": 2.5}],
    }  # fmt: skip
    for name, rows in rules.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return {
        **paths,
        **{name: [str(folder / f"{name}.parquet")] for name in rules},
        "slice_parts": [str(slices)],
        **{name: [str(folder / f"{name}.parquet")] for name in changed},
        "removed_parts": [str(removed)],
        "reject_parts": [str(rejects)],
        "pilot_parts": [str(pilot)],
    }
