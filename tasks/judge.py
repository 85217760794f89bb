"""Stage: from trials to verdicts.

Builds the tables of `warehouse/judge/`: `waivers`, `topics`, `named_words`, `expected_effects`, `expected_patterns`,
`grades` and `verdicts`.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from configs.schema import AuditConfig
from configs.section import label_form
from configs.waivers import Waiver
from tasks.data.rules import Rules
from tasks.data.votes import read_labelling
from tasks.model.spec import ModelSpec
from tasks.runs.run import Run
from tasks.runtime.parts import read_part
from tasks.runtime.stage import stage
from tasks.trials.expected import expected_effects
from tasks.trials.grade import Meant, grade_words
from tasks.trials.thresholds import thresholds
from tasks.trials.topics import topic_words
from warehouse import folded, open_warehouse


@stage("judge", hours=2)
def judge_candidates(
    config: AuditConfig, run: Run, model: ModelSpec, verified: str, meanings: Path, waivers: Sequence[Waiver]
) -> str:
    """Build the tables of this stage from those of key `verified` and from what words mean; return their key.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    verdicts = {
        **thresholds(config),
        "waivers": json.dumps([_row(waiver) for waiver in waivers]),
    }
    meant = {row["word"]: Meant(row["vector"], row["meaning"]) for row in read_part(meanings, "vectors").to_pylist()}
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.use(run.run_id)
        types = warehouse.rows("judge/meant_types", {"words": list(meant)})
        named = _named(config, model)
        topics = topic_words(
            [{**row, "meaning": meant[row["word"]].meaning} for row in types], model.labels, config.data.topic, named
        )
        verdicts["topics"] = json.dumps(topics)
        acting = {(row["label"], row["word"]) for row in topics}
        rows = [{"label": label, "word": word} for label, words in named.items() for word in words]
        verdicts["named_words"] = json.dumps(rows)
        dictated = {row["word"] for row in rows}
        effects = warehouse.rows("judge/word_effects", {})
        verdicts["expected_effects"] = json.dumps(_expected(meant, effects, model, acting, dictated))
        used = warehouse.rows("judge/used_words", {})
        verdicts["grades"] = json.dumps(grade_words(used, meant, model.labels, config.verification.min_effect, acting))
        tables = [
            f"judge/{name}"
            for name in (
                "waivers",
                "topics",
                "named_words",
                "expected_effects",
                "expected_patterns",
                "grades",
                "verdicts",
            )
        ]
        return warehouse.build_stage(run.run_id, "judge", tables, verdicts, verified)


def _named(config: AuditConfig, model: ModelSpec) -> dict[str, list[str]]:
    """Label -> the keywords of the labelling rules that give it."""
    labelling = None if config.rules is None else read_labelling(config.rules, config.data, model.labels)
    if not isinstance(labelling, Rules):
        return {}
    own = {label_form(label): label for label in model.labels}
    terms = [(own[label_form(rule.label)], term.text) for rule in labelling.rules for term in rule.terms]
    words = folded([text for _, text in terms])
    found: dict[str, list[str]] = {}
    for label, word in dict.fromkeys((label, word) for (label, _), word in zip(terms, words, strict=True)):
        found.setdefault(label, []).append(word)
    return found


def _expected(
    meant: Mapping[str, Meant],
    word_effects: Sequence[dict[str, Any]],
    model: ModelSpec,
    topics: Collection[tuple[str, str]],
    dictated: Collection[str],
) -> list[dict[str, object]]:
    """What is expected of each word's effect: nothing of one whose type should not decide, of the others what the words
    of similar meaning predict. Words in `dictated` predict nothing, unless they name the class (`topics`): a rule set
    the labels of their texts, whatever they mean."""
    nothing = [row for row in word_effects if row["expectation"] == "none"]
    others = [row for row in word_effects if row["expectation"] != "none" and row["word"] in meant]
    expected_N, se_N = np.zeros(0), np.zeros(0)
    if others:
        own = [meant[row["word"]] for row in others]
        labels = [model.labels.index(row["label"]) for row in others]
        known = [word.meaning[label] for word, label in zip(own, labels, strict=True) if word.meaning is not None]
        expected_N, se_N = expected_effects(
            np.array([word.vector for word in own]),
            np.array([_told(row, topics, dictated) for row in others]),
            labels,
            [row["word"] for row in others],
            len(model.labels),
            np.array(known) if len(known) == len(others) else None,
            np.array([(row["label"], row["word"]) in topics for row in others]),
        )
    figures = [(0.0, 0.0)] * len(nothing) + list(zip(expected_N.tolist(), se_N.tolist(), strict=True))
    # A linear algebra library does not promise the last digits.
    return [
        {"label": row["label"], "word": row["word"], "expected": round(expected, 6), "expected_se": round(se, 6)}
        for row, (expected, se) in zip([*nothing, *others], figures, strict=True)
    ]


def _told(row: Mapping[str, Any], topics: Collection[tuple[str, str]], dictated: Collection[str]) -> float:
    """The effect from which others are predicted; NaN for a word that predicts nothing."""
    is_ruled = row["word"] in dictated and (row["label"], row["word"]) not in topics
    return math.nan if row["effect"] is None or is_ruled else float(row["effect"])


def _row(waiver: Waiver) -> dict[str, object]:
    # Only whether it has expired goes in, not today's date, or every day would have verdicts of its own.
    return {
        "word": waiver.word,
        "label": waiver.label or "",
        "reason": waiver.reason,
        "owner": waiver.owner,
        "expires": waiver.expires.isoformat(),
        "expired": waiver.expires < date.today(),
    }
