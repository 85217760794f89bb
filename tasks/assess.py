"""Stage: assess which words should be one token, and write it down.

Builds the tables of `warehouse/assess/` from the parts of the dry run and of the retraining, if there was one. Writes
`vocabulary.html` and `vocabulary.json` into the folder of the run, and `token_words.csv` into its exports.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from configs.schema import AuditConfig
from configs.section import digest
from tasks.pages import vocabulary as said
from tasks.pages.exports import to_csv
from tasks.pages.redact import Redactor, hide_names, redactor_of
from tasks.pages.render import render
from tasks.runs.run import Run
from tasks.runtime.parts import part_file, read_manifest, read_part, write_whole
from tasks.runtime.stage import stage
from tasks.vocabulary.choice import AS_IT_IS, CANDIDATES
from warehouse import open_warehouse

LEAST_TEXTS = 20
"""Fewest held-out texts of a word that retraining says anything of."""
MAX_WORDS, MAX_PIECES = 200, 20
"""Rows of the page; the CSV has all words."""


@stage("assess", hours=1)
def assess_words(
    config: AuditConfig,
    run: Run,
    extended: Path,
    patch: Path | None,
    predictions: Sequence[Path] = (),
    held_out: Path | None = None,
) -> Path:
    """Build the tables of this stage and write the page; return its path. `extended` is the part of the dry run.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    params: dict[str, Any] = {"word_parts": [part_file(extended, "words")]}
    tables, parts = ["assess/token_words"], [extended, *predictions]
    if held_out is not None:
        parts.append(held_out)
        tables += ["assess/token_texts", "assess/token_gains"]
        params |= {
            "prediction_parts": [part_file(part, "predictions") for part in predictions],
            "held_out_parts": [part_file(held_out, "held_out")],
            "arm_parts": [part_file(extended, "arms")],
            "base": AS_IT_IS,
            "tried": CANDIDATES,
            "least_texts": LEAST_TEXTS,
        }
    upstream = digest(*((read_manifest(part) or {})["key"] for part in parts))
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.build_stage(run.run_id, "assess", tables, params, upstream)
        warehouse.use(run.run_id)
        # First: behind the curtain the names of the run are placeholders already.
        redactor = redactor_of(config, run, warehouse)
        hide_names(warehouse, config, run)
        rows = {name: warehouse.rows(f"assess/{name}", {}) for name in _SHOWN}
        rows["gains"] = warehouse.rows("assess/gain_rows", {}) if held_out is not None else []
        words = warehouse.table("assess/word_rows", {})
    rows["words"] = _without_names(words.to_pylist(), redactor)
    for name in ("sizes", "shifts", "arms"):
        rows[name] = read_part(extended, name).to_pylist()
    rows["trainings"] = _trainings(predictions)
    if redactor is not None:
        rows["arms"] = [row | {"word": redactor.text(row["word"]), "spelling": None} for row in rows["arms"]]
        # It names the words whose rows were trained.
        rows["trainings"] = [row | {"trained": row["trained"].partition(":")[0]} for row in rows["trainings"]]
    facts = _facts(run, rows, patch)
    content = json.dumps(facts, ensure_ascii=False, indent=1, default=str) + "\n"
    write_whole(run.folder / "vocabulary.json", content.encode())
    table = words.drop_columns(["weights"]).from_pylist(
        [{key: value for key, value in row.items() if key != "weights"} for row in rows["words"]],
        schema=words.drop_columns(["weights"]).schema,
    )
    write_whole(run.folder / "exports" / "token_words.csv", to_csv(table))
    page = run.folder / "vocabulary.html"
    write_whole(page, _page(config, facts, rows).encode())
    return page


_SHOWN = ("fact_row", "script_rows", "character_rows", "sort_rows", "inflection_rows", "opposed_rows", "ambiguous_rows")
"""Queries of `warehouse/assess/` whose rows the page shows."""


def _without_names(rows: list[dict[str, Any]], redactor: Redactor | None) -> list[dict[str, Any]]:
    """The rows, of a name without its pieces, which spell it."""
    if redactor is None:
        return rows
    hidden: dict[str, Any] = {"pieces": [], "token": None, "collisions": [], "opposed": [], "ambiguous": [], "stem": ""}
    return [row | (hidden if redactor.is_placeholder(row["word"]) else {}) for row in rows]


def _trainings(predictions: Sequence[Path]) -> list[dict[str, Any]]:
    """What each arm took, in the order of the arms; seconds are the mean over its seeds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for part in predictions:
        facts: dict[str, Any] = read_manifest(part) or {}
        found.setdefault(str(facts["arm"]), []).append(facts)
    return [
        {
            "arm": arm,
            "n_seeds": len(own),
            "trained": own[0]["trained"],
            "tokens": own[0]["heldout_tokens"],
            **{name: sum(facts[name] for facts in own) / len(own) for name in ("train_seconds", "read_seconds")},
        }
        for arm, own in found.items()
    ]


def _facts(run: Run, rows: dict[str, list[dict[str, Any]]], patch: Path | None) -> dict[str, Any]:
    (fact,) = rows["fact_row"]
    return {
        "run": run.run_id,
        "headline": said.headline(fact, rows["sizes"]),
        "retrained": said.conclusion(rows["gains"]),
        "checked": said.safe(rows["sizes"]),
        "new_rows": said.said_of_rows(rows["shifts"]),
        "facts": fact,
        "sizes": rows["sizes"],
        "shifts": rows["shifts"],
        "gains": rows["gains"],
        "trainings": rows["trainings"],
        "arms": rows["arms"],
        "proposed": [row["word"] for row in rows["words"] if row["answer"] == "token.candidate"],
        "patch": None if patch is None else str(patch),
    }


def _page(config: AuditConfig, facts: dict[str, Any], rows: dict[str, list[dict[str, Any]]]) -> str:
    words, gains = rows["words"], rows["gains"]
    proposed = [row for row in words if row["answer"] == "token.candidate"]
    verdicts = {row["word"]: row for row in gains if row["word"] is not None}
    frequent = [row for row in words if row["answer"] != "token.rare"]
    return render(
        "vocabulary.html.jinja",
        config=config,
        facts=facts,
        rows=rows,
        proposed=proposed,
        verdicts=verdicts,
        shown=[row for row in frequent if row["answer"] != "token.candidate"][: MAX_WORDS - len(proposed)],
        num_rare=len(words) - len(frequent),
        most=MAX_PIECES,
        least=LEAST_TEXTS,
        said=said,
        chart=said.chart_of_words(words),
        gains_chart=said.chart_of_gains(gains),
    )
