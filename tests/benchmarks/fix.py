"""What the remedies of the demo gain, and what was forecast: `make benchmark-fix`.

`token-audit fix configs/demo.yaml`; with --every, all arms are trained as a whole. Texts that are no film and called one are put into two
groups by a rule written before any training: those that hold a keyword of the rule `film words`, and the others. Writes
tests/benchmarks/results/fix.json: `summary`, and the rows of the tables `gains` and `audited_again`.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from configs.load import load_config
from flows.fix import fix
from flows.server import prefect_server
from tasks.data.matching import Matcher
from tasks.data.rules import Rules, read_rules
from tasks.remedies.arms import AS_IT_IS, PLACEBO, TOGETHER
from warehouse import open_warehouse

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "fix.json"
CACHE = ROOT / ".benchmarks" / "fix"
TOPIC_RULE, FILM = "film words", "film"
TEXTS = """
select arm, figure, row_number, text, label, n_seeds, rights
from arm_texts
where figure = 'measured'
"""
"""With two labels, a text that is read wrongly has the other one."""


def called_films(rows: list[dict[str, Any]], rules: Rules, film: int) -> dict[str, dict[str, float]]:
    """Of each arm, the mean over seeds of the texts that are no film and called one, with and without a topic keyword."""
    topic = Matcher(Rules((rules.rule(TOPIC_RULE),)))
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["label"] == film:
            continue
        own = found.setdefault(row["arm"], {"topic": 0.0, "others": 0.0})
        wrong = sum(not right for right in row["rights"]) / row["n_seeds"]
        own["topic" if topic.matches(row["text"]) else "others"] += wrong
    return found


def summary_of(
    gains: list[dict[str, Any]], findings: list[dict[str, Any]], called: dict[str, dict[str, float]], minutes: float
) -> dict[str, Any]:
    every = {row["arm"]: row for row in gains if row["texts"] == "all"}
    best = TOGETHER if TOGETHER in every else next(arm for arm in every if arm != PLACEBO and "last layer" not in arm)
    others = called[AS_IT_IS]["others"]
    errors = [abs(row["forecast"] - row["gain"]) for row in every.values() if row["forecast"] is not None]
    before = [row for row in findings if row["change"] != "new"]
    return {
        "arm": best, **{name: every[best][name] for name in ("n_texts", "before", "after", "gain", "gain_low", "gain_high", "p_holm")},
        **{f"placebo_{name}": every[PLACEBO][name] for name in ("gain", "gain_low", "gain_high")},
        "others_before": others, "others_after": called[best]["others"], "others_placebo": called[PLACEBO]["others"],
        "others_gone": 1 - called[best]["others"] / others if others else None,
        "topic_before": called[AS_IT_IS]["topic"], "topic_after": called[best]["topic"],
        "forecast_error": sum(errors) / len(errors) if errors else None, "forecasts": len(errors),
        "findings": len(before), "findings_gone": sum(row["change"] == "gone" for row in before),
        "findings_new": len(findings) - len(before), "minutes": minutes,
    }  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, default=ROOT / "configs" / "demo.yaml")
    arguments.add_argument("--every", action="store_true", help="train every arm as a whole")
    arguments.add_argument("--set", nargs="*", default=[], help="settings, as those of token-audit")
    given = arguments.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.chdir(ROOT)
    CACHE.mkdir(parents=True, exist_ok=True)
    own = (f"warehouse={CACHE / 'audits.duckdb'}", f"output={CACHE / 'runs'}", *given.set)
    start = time.monotonic()
    with prefect_server():
        fixed = fix(given.config, own, given.every)
    minutes = (time.monotonic() - start) / 60
    config = load_config(given.config, own)
    assert config.rules is not None, "the demo has labelling rules"
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(fixed.run.run_id)
        gains, findings = (warehouse.rows(f"measure/{name}", {}) for name in ("gain_rows", "finding_rows"))
        texts = warehouse._connection.execute(TEXTS).to_arrow_table().to_pylist()
        (labels,) = warehouse._connection.execute(
            "select labels from main.runs where run_id = $run", {"run": fixed.run.run_id}
        ).fetchall()
    called = called_films(texts, read_rules(config.rules), labels[0].index(FILM))
    summary = summary_of(gains, findings, called, minutes)
    results = {"summary": summary, "called_films": called, "gains": gains, "findings": findings}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for name, value in summary.items():
        print(f"{name}\t{value}")
    for arm, counted in called.items():
        print(f"no film, called one\t{arm}\ttopic keyword {counted['topic']:.1f}\tothers {counted['others']:.1f}")


if __name__ == "__main__":
    main()
