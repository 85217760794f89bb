"""What the warehouse keeps of every finished run, to be compared with later ones, and what differs between two runs."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from configs.errors import AuditError
from configs.section import digest
from tasks.runs.identity import rows_of
from tasks.runs.run import stored_run
from warehouse import Warehouse, open_warehouse

_MEASURE = ("attribution", "statistics", "screening", "verification", "verdicts")
"""Sections of the settings that decide how it is measured."""
_MATHS = ("token-audit", "torch", "transformers", "tokenizers", "datasets", "numpy", "duckdb", "segmenter")
"""Packages whose version may move a figure."""


MIN_TEXTS = 10
"""Fewest texts of a group whose accuracy is told, or judged."""


class Figure(NamedTuple):
    """A number with its 95 % interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


def per_1000(facts: Mapping[str, Any]) -> Figure | None:
    """Predictions per 1,000 that hang on all findings of a run; None where that could not be measured."""
    if facts["per_1000"] is None:
        return None
    return Figure(facts["per_1000"], facts["per_1000_low"], facts["per_1000_high"])


def difference(before: Figure, after: Figure) -> Figure:
    """Of two independent figures, with its interval from both of theirs (square-and-add, Zou and Donner 2008)."""
    value = after.value - before.value
    (_, low_before, high_before), (_, low_after, high_after) = before, after
    if low_before is None or high_before is None or low_after is None or high_after is None:
        return Figure(value)
    down = math.hypot(after.value - low_after, high_before - before.value)
    up = math.hypot(high_after - after.value, before.value - low_before)
    return Figure(value, value - down, value + up)


def change_per_1000(
    before: Mapping[str, Any], after: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]
) -> Figure | None:
    """Of the predictions per 1,000 that hang on all findings, from one run to another; None where one is unknown.

    Of the same data the interval is that of the two figures. Other data are another sample of texts: how many of them
    hold a finding varies, too, which the interval of one audit takes as known. And a finding (warehouse/compare/
    finding_changes.sql) that is spurious in one run alone, and not shown to do more there, may do as much in the other:
    the interval reaches as far as it would if all of them did.
    """
    figures = per_1000(before), per_1000(after)
    if figures[0] is None or figures[1] is None:
        return None
    if before["data"] == after["data"]:
        change = difference(figures[0], figures[1])
    else:
        change = difference(_sampled(figures[0], before["n_texts"]), _sampled(figures[1], after["n_texts"]))
    if change.low is None or change.high is None:
        return change
    below = _in_one_alone("after", figures[1].value, findings)
    above = _in_one_alone("before", figures[0].value, findings)
    return Figure(change.value, change.low - below, change.high + above)


def _in_one_alone(side: str, whole: float, findings: Sequence[Mapping[str, Any]]) -> float:
    """What hangs on findings of this run alone, at most the whole; all of it where one has no figure."""
    rates = [row[f"per_1000_{side}"] for row in findings if row["change"] == f"only {side}"]
    return max(min(sum(whole if rate is None else max(rate, 0.0) for rate in rates), whole), 0.0)


def _sampled(figure: Figure, n_texts: int) -> Figure:
    """With the error of a share of so many texts (Wilson 1927) beside its own."""
    if figure.low is None or figure.high is None or not n_texts:
        return figure
    z, value = 1.959963984540054, figure.value
    share = min(max(value / 1000, 0.0), 1.0)
    centre = (share + z * z / (2 * n_texts)) / (1 + z * z / n_texts)
    half = z * math.sqrt(share * (1 - share) / n_texts + (z / (2 * n_texts)) ** 2) / (1 + z * z / n_texts)
    down, up = max(share - centre + half, 0.0), max(centre + half - share, 0.0)
    return Figure(
        value,
        value - math.hypot(value - figure.low, 1000 * down),
        value + math.hypot(figure.high - value, 1000 * up),
    )


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side: the rows of the queries in `warehouse/compare/`."""

    before: dict[str, Any]
    """Facts of the earlier run (warehouse/registry/kept.sql)."""
    after: dict[str, Any]
    causes: tuple[str, ...]
    """What differs of data, weights, tokenizer, model (where weights and tokenizer are not told apart), settings and
    versions."""
    findings: list[dict[str, Any]]
    words: list[dict[str, Any]]
    """The most telling changes of each kind, with the number of all of its kind."""
    ranking: dict[str, Any]
    labels: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    split: list[dict[str, Any]]
    """Of a change of data and model, how much is of which; empty without the other two runs."""

    @property
    def is_confounded(self) -> bool:
        """Several things differ, and nothing tells them apart."""
        return len(self.causes) > 1 and not self.split


def keep_run(path: Path, run_id: str) -> None:
    """Enter what is kept of a finished run, unless that was done.

    Raises:
        WarehouseError: the database is locked.
        AuditError: the run was made by another version of token-audit.
    """
    with open_warehouse(path) as warehouse:
        (row,) = [row for row in warehouse.rows("registry/runs", {}) if row["run_id"] == run_id]
        tables = {each["table_name"] for each in warehouse.rows("registry/comments", {"run_id": run_id})}
        if not {"examples", "word_scores", "word_importance", "verdicts", "total"} <= tables:
            raise AuditError(f"{run_id} was made by another version of token-audit. Run its config again.")
        stages = [warehouse.rows("registry/stage_key", {"run_id": run_id, "stage": name}) for name in _DECIDING]
        warehouse.keep(run_id, _facts(row), digest(stages))


_DECIDING = ("aggregate", "judge", "remove")


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    config, run = stored_run(row)
    versions = json.loads(row["versions"])
    measured = config.model_dump(mode="json", include=set(_MEASURE))
    part = () if config.held_out is None else (config.held_out, config.data.seed)
    read = config.model.model_dump(mode="json", include={"max_tokens", "long_texts", "pad_to", "head"})
    return {
        "run_id": run.run_id,
        "data": digest(run.inputs["data"], *rows_of(config.data), *part),
        "model": digest(run.inputs["model"], read),
        "weights": run.inputs.get("weights"),
        "tokenizer": run.inputs.get("tokenizer"),
        "settings": digest(measured),
        "versions": digest({name: versions.get(name) for name in _MATHS}),
        "subject": run.inputs.get("subject"),
        "min_examples": config.statistics.min_examples,
    }


def kept_runs(path: Path, run_ids: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The facts of all runs that are kept, newest first; those of `run_ids` are entered first if they are not.

    Raises:
        AuditError: one of them has not finished, or was made by another version of token-audit.
    """
    with open_warehouse(path, read_only=True) as warehouse:
        found = facts_in(warehouse)
        status = {row["run_id"]: row["status"] for row in warehouse.rows("registry/runs", {})}
    missing = set(run_ids) - {row["run_id"] for row in found}
    for run_id in sorted(missing):
        if status.get(run_id) != "finished":
            raise AuditError(f"{run_id} has not finished. Go on with token-audit run CONFIG, or name another run.")
        keep_run(path, run_id)
    if not missing:
        return found
    with open_warehouse(path, read_only=True) as warehouse:
        return facts_in(warehouse)


def facts_in(warehouse: Warehouse) -> list[dict[str, Any]]:
    """What is kept in this warehouse; nothing in one of an earlier version."""
    tables = {row["table_name"] for row in warehouse.rows("registry/comments", {"run_id": "main"})}
    return warehouse.rows("registry/kept", {}) if "run_facts" in tables else []


def causes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs between two runs, by the hashes of what went in."""
    found = ["data"] if before["data"] != after["data"] else []
    if before["model"] != after["model"]:
        if None in (before["weights"], after["weights"], before["tokenizer"], after["tokenizer"]):
            found.append("model")
        else:
            parts = [name for name in ("weights", "tokenizer") if before[name] != after[name]]
            found += parts or ["model"]
    return (*found, *(name for name in ("settings", "versions") if before[name] != after[name]))


def crossed(
    before: Mapping[str, Any], after: Mapping[str, Any], kept: Sequence[Mapping[str, Any]]
) -> tuple[str, str] | None:
    """The runs of the new model on the old data, and of the old model on the new data, measured alike; None without."""
    if before["data"] == after["data"] or before["model"] == after["model"]:
        return None
    alike = [
        row
        for row in kept
        if all(row[name] == before[name] == after[name] for name in ("settings", "versions", "labels"))
    ]
    found = [
        next((row["run_id"] for row in alike if (row["data"], row["model"]) == wanted), None)
        for wanted in ((before["data"], after["model"]), (after["data"], before["model"]))
    ]
    return None if found[0] is None or found[1] is None else (found[0], found[1])
