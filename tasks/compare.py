"""Stage: two finished runs side by side.

Reads what the warehouse keeps of every run (`main.run_facts` and its like), by the queries of `warehouse/compare/`:
neither the parts nor the other tables of the runs are needed. Writes a page and tables into `compare/<earlier run>/` in
the folder of the later run.

What a config names `compare` is something else: a second dataset that one audit reads beside its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.pages.compared import chart_of_changes, headline, told_causes, told_ranking
from tasks.pages.exports import to_csv
from tasks.pages.redact import Redactor
from tasks.pages.render import render
from tasks.runs.kept import MIN_TEXTS, Comparison, causes, crossed
from tasks.runtime.parts import write_whole
from tasks.runtime.stage import stage
from warehouse import Warehouse, open_warehouse

PERSISTENCE, MAX_DEPTH = 0.98, 1000
"""Rank-biased overlap: the first 50 words have 86 % of its weight. What is below the thousandth has none."""
CHANGE_FDR = 0.02
"""False discovery rate of changes among findings, unless `statistics.fdr` is smaller. A nightly gate asks 365 times a
year: at 0.05, two halves of the same texts differed in more than one pair of twenty."""
MAX_ROWS = 200
"""Words of each kind of change in the tables."""


@stage("compare", hours=1)
def compare_runs(
    path: Path,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    kept: Sequence[Mapping[str, Any]],
    fdr: float,
    folder: Path | None = None,
    curtain: Redactor | None = None,
) -> Comparison:
    """Compare two runs by their facts; `kept`: those of all runs. Pages and tables go into `folder`, if there is one.

    Words leave the warehouse behind the `curtain`.

    Raises:
        WarehouseError: the database is locked.
    """
    with open_warehouse(path, read_only=True) as warehouse:
        warehouse.curtain = curtain
        comparison = compared(warehouse, before, after, kept, fdr)
    if folder is not None:
        for name, content in _files(comparison).items():
            write_whole(folder / "compare" / before["run_id"] / name, content)
    return comparison


def compared(
    warehouse: Warehouse,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    kept: Sequence[Mapping[str, Any]],
    fdr: float,
) -> Comparison:
    """The rows of the queries, and what differs between the runs."""
    params: dict[str, Any] = {
        "before": before["run_id"],
        "after": after["run_id"],
        "fdr": fdr,
        "max_rows": MAX_ROWS,
        "p": PERSISTENCE,
        "max_depth": MAX_DEPTH,
        "min_texts": MIN_TEXTS,
    }
    others, split = crossed(before, after, kept), []
    if others is not None:
        split = warehouse.rows("compare/split", params | {"model_alone": others[0], "data_alone": others[1]})
    return Comparison(
        dict(before),
        dict(after),
        causes(before, after),
        warehouse.rows("compare/finding_changes", params | {"fdr": min(fdr, CHANGE_FDR)}),
        warehouse.rows("compare/word_changes", params),
        warehouse.rows("compare/ranking", params)[0],
        warehouse.rows("compare/label_changes", params),
        warehouse.rows("compare/group_changes", params),
        split,
    )


def _files(comparison: Comparison) -> dict[str, bytes]:
    facts = asdict(comparison) | {
        "headline": headline(comparison),
        "attribution": told_causes(comparison),
        "is_confounded": comparison.is_confounded,
    }
    files = {"compare.json": (json.dumps(facts, ensure_ascii=False, indent=1, default=str) + "\n").encode()}
    for name in ("findings", "words", "labels", "groups"):
        rows = getattr(comparison, name)
        if rows:
            files[f"{name}.csv"] = to_csv(pa.Table.from_pylist(rows))
    files["compare.html"] = render(
        "compare.html.jinja",
        comparison=comparison,
        headline=facts["headline"],
        causes=facts["attribution"],
        ranking=told_ranking(comparison),
        chart=chart_of_changes(comparison.findings),
        most=MAX_ROWS,
    ).encode()
    return files
