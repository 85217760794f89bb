"""Stage: does a run pass a policy?

Reads what the warehouse keeps of the run, by the queries of `warehouse/gate/`, and its comparison with a reference.
Writes `gate/` into the folder of the run: JUnit XML, SARIF, a summary in markdown, and the facts.
"""

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from configs.policy import CONDITIONS, METRICS, Policy, Rule
from tasks.pages.gated import Gated, Outcome, junit, line, sarif, summary
from tasks.pages.redact import Redactor
from tasks.runs.kept import MIN_TEXTS, Comparison, Figure, change_per_1000, difference, per_1000
from tasks.runtime.parts import write_whole
from tasks.runtime.stage import stage
from warehouse import Warehouse, folded, open_warehouse

MAX_SUMMARY = 2**20
"""GitHub drops a summary of more bytes."""


@dataclass(frozen=True)
class Measured:
    """A metric of a run."""

    value: Figure | None
    reference: Figure | None = None
    change: Figure | None = None
    what: str = ""
    """What it is about: words, a group."""


@stage("gate", hours=1)
def gate_run(
    path: Path,
    facts: Mapping[str, Any],
    comparison: Comparison | None,
    certificate: Mapping[str, Any] | None,
    policy: Policy,
    location: str,
    folder: Path | None = None,
    today: date | None = None,
    curtain: Redactor | None = None,
) -> Gated:
    """Judge a run by its facts; `location`: the file that a reader of the results should look at.

    Files go into `folder`, if there is one. Words leave the warehouse behind the `curtain`.

    Raises:
        WarehouseError: the database is locked.
    """
    with open_warehouse(path, read_only=True) as warehouse:
        warehouse.curtain = curtain
        gated = judged(warehouse, facts, comparison, certificate, policy, location, today or date.today())
    if folder is not None:
        _write(gated, folder / "gate")
    return gated


def judged(
    warehouse: Warehouse,
    facts: Mapping[str, Any],
    comparison: Comparison | None,
    certificate: Mapping[str, Any] | None,
    policy: Policy,
    location: str,
    today: date,
) -> Gated:
    """What becomes of each rule of the policy."""
    waived = warehouse.rows("gate/waived", {"run_id": facts["run_id"], "today": today})
    metrics = _measured(warehouse, facts, comparison, certificate, waived, today)
    outcomes = [
        _judged(name, condition, rule, metrics[name], compared=comparison is not None)
        for name, rule in policy.metrics.items()
        for condition in CONDITIONS
        if getattr(rule, condition) is not None
    ]
    outcomes += _never(warehouse, facts["run_id"], policy)
    outcomes += [_never_state(entry.state, facts["state"]) for entry in policy.never if entry.state is not None]
    new = [row for row in comparison.findings if row["change"] == "new"] if comparison else []
    reference = None if comparison is None else comparison.before["run_id"]
    return Gated(dict(facts), reference, tuple(outcomes), tuple(new), tuple(waived), location)


def _write(gated: Gated, folder: Path) -> None:
    facts = asdict(gated) | {"passed": gated.passed, "line": line(gated)}
    text = summary(gated)
    files = {
        "gate.json": json.dumps(facts, ensure_ascii=False, indent=1, default=str) + "\n",
        "junit.xml": junit(gated),
        "gate.sarif": json.dumps(sarif(gated), ensure_ascii=False, indent=1) + "\n",
        "summary.md": text,
    }
    for name, content in files.items():
        write_whole(folder / name, content.encode())
    if target := os.environ.get("GITHUB_STEP_SUMMARY"):
        step = Path(target)
        there = step.stat().st_size if step.is_file() else 0
        own = text if there + len(text.encode()) < MAX_SUMMARY else f"{line(gated)}\n"
        with step.open("a", encoding="utf-8") as file:
            file.write(own)


# ---------------------------------------------------------------- metrics


def _measured(
    warehouse: Warehouse,
    facts: Mapping[str, Any],
    comparison: Comparison | None,
    certificate: Mapping[str, Any] | None,
    waived: list[dict[str, Any]],
    today: date,
) -> dict[str, Measured]:
    """Every metric that a policy can name."""
    before = None if comparison is None else comparison.before
    expired = [row for row in waived if row["is_expired"]]
    found = {
        "per_1000": replace(
            _of(per_1000, facts, before),
            change=None if comparison is None else change_per_1000(comparison.before, facts, comparison.findings),
        ),
        "findings": _of(lambda own: Figure(own["n_findings"]), facts, before),
        "accuracy": _of(lambda own: _share(own["n_correct"], own["n_gold"]), facts, before),
        "quarantined": _of(lambda own: _share(own["n_quarantined"], own["n_read"]), facts, before),
        "rejected": _of(lambda own: _share(own["n_rejected"], own["n_read"] + own["n_rejected"]), facts, before),
        "worst_group_accuracy": _worst_group(warehouse, facts["run_id"], before),
        "expired_waivers": Measured(Figure(len(expired)), what=", ".join(row["word"] for row in expired[:9])),
        "certificate_age": Measured(
            None if certificate is None else Figure((today - certificate["made_at"].date()).days)
        ),
        "certificate_recall": Measured(None if certificate is None else _recall(certificate)),
        "new_findings": Measured(None),
        "ndcg": Measured(None),
        "rbo": Measured(None),
    }
    if comparison is not None:
        new = [f"{row['word']} → {row['label']}" for row in comparison.findings if row["change"] == "new"]
        found["new_findings"] = Measured(Figure(len(new)), what=", ".join(new[:9]))
        for name in ("ndcg", "rbo"):
            value = comparison.ranking[name]
            found[name] = Measured(None if value is None else Figure(value))
    assert found.keys() == METRICS.keys()
    return found


def _of(
    read: Callable[[Mapping[str, Any]], Figure | None], facts: Mapping[str, Any], before: Mapping[str, Any] | None
) -> Measured:
    own, reference = read(facts), None if before is None else read(before)
    change = None if own is None or reference is None else difference(reference, own)
    return Measured(own, reference, change)


def _share(count: int, whole: int) -> Figure | None:
    """With Wilson's interval, as the macros of the warehouse have it."""
    if not whole:
        return None
    share, z = count / whole, 1.959963984540054
    centre = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    return Figure(share, min(centre - half, share), max(centre + half, share))


def _worst_group(warehouse: Warehouse, run_id: str, before: Mapping[str, Any] | None) -> Measured:
    params = {"run_id": run_id, "reference": "" if before is None else before["run_id"], "min_texts": MIN_TEXTS}
    for row in warehouse.rows("gate/worst_group", params):
        own, reference = Figure(row["accuracy"], row["low"], row["high"]), None
        if (row["n_reference"] or 0) >= MIN_TEXTS:
            reference = Figure(row["reference_accuracy"], row["reference_low"], row["reference_high"])
        with_word = f"texts with {row['word']} labelled " if row["word"] else "texts labelled "
        change = None if reference is None else difference(reference, own)
        return Measured(own, reference, change, with_word + str(row["label"]))
    return Measured(None)


def _recall(certificate: Mapping[str, Any]) -> Figure | None:
    learned = [row for row in certificate["recall"] if row["learned"]]
    return _share(sum(row["n_spurious"] for row in learned), sum(row["n_words"] for row in learned))


# ---------------------------------------------------------------- rules


def _judged(name: str, condition: str, rule: Rule, measured: Measured, *, compared: bool) -> Outcome:
    metric, bound = METRICS[name], getattr(rule, condition)
    sign = 1 if metric.greater_is_better else -1
    made = (f"{name}.{condition}", metric.about)
    if not compared and (metric.compares or condition != "threshold"):
        return Outcome(*made, "skipped", "there is no reference yet")
    if measured.value is None:
        return Outcome(*made, "failed", _missing(name))
    if condition == "threshold":
        bad = sign * (_kind_end(measured.value, sign, rule) - bound) < 0
        limit = f"{'at least' if metric.greater_is_better else 'at most'} {bound:g} asked for"
        said = f"{_shown(measured.value)}, {limit}"
    else:
        if measured.change is None or measured.reference is None:
            return Outcome(*made, "skipped", f"the reference has no such figure{_about(measured)}")
        least = bound if condition == "min_absolute_change" else bound * abs(measured.reference.value)
        bad = sign * _kind_end(measured.change, sign, rule) < least
        unit = "" if condition == "min_absolute_change" else f" ({bound:+.0%} of it)"
        asked = f"{'+' if sign * least > 0 else '−'}{abs(least):.4g}{unit}"
        said = (
            f"{_shown(measured.value)} after {measured.reference.value:.4g}: change {_shown(measured.change)}, "
            f"{'at least' if sign > 0 else 'at most'} {asked} asked for"
        )
    return Outcome(*made, "failed" if bad else "passed", said + _about(measured))


def _kind_end(figure: Figure, sign: int, rule: Rule) -> float:
    """The end of the interval that speaks for the run."""
    end = figure.high if sign > 0 else figure.low
    return end if rule.significant and end is not None else figure.value


def _shown(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4g}"
    return f"{figure.value:.4g} ({figure.low:.4g} to {figure.high:.4g})"


def _about(measured: Measured) -> str:
    return f": {measured.what}" if measured.what else ""


def _missing(name: str) -> str:
    if name.startswith("certificate"):
        return "no self-test covers this run; token-audit certify CONFIG makes one"
    return "it has no figure in this run"


def _never(warehouse: Warehouse, run_id: str, policy: Policy) -> list[Outcome]:
    """One outcome for each word and type that may never be used."""
    if not policy.never:
        return []
    words = [entry.word for entry in policy.never if entry.word is not None]
    types = [entry.type for entry in policy.never if entry.type is not None]
    known = dict(zip(words, folded(words), strict=True)) if words else {}
    params = {"run_id": run_id, "words": list(known.values()), "types": types}
    rows = warehouse.rows("gate/used_words", params)
    outcomes = []
    for kind, given, entry in [("word", word, known[word]) for word in words] + [
        ("type", name, name) for name in types
    ]:
        own = [row for row in rows if (row["word"] if kind == "word" else row["type"]) == entry]
        used = [f"{row['word']} → {row['label']} ({row['effect']:+.2f} log-odds)" for row in own if row["is_used"]]
        about = f"the {kind} {given} may never move predictions"
        if used:
            said = f"moves predictions: {', '.join(used[:9])}{', ...' if len(used) > 9 else ''}"
            outcomes.append(Outcome(f"never.{kind}.{given}", about, "failed", said))
        else:
            said = "not shown to move predictions" if own else "was not tried: the model is not seen to use it"
            outcomes.append(Outcome(f"never.{kind}.{given}", about, "passed", said))
    return outcomes


def _never_state(state: str, found: str) -> Outcome:
    status: Literal["failed", "passed"] = "failed" if state == found else "passed"
    return Outcome(
        f"never.state.{state}", f"an audit may never end in the state {state}", status, f"the state is {found}"
    )
