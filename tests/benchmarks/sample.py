"""The spurious words of an audit as a page to read from top to bottom: `make sample`.

Audits all held-out film reviews with the demo's classifier and writes sample_report.md: the most severe words that
are spurious, with the evidence, as the report and the tables have them.
"""

import os
from pathlib import Path

from configs.load import load_config
from flows.audit import audit
from warehouse import open_warehouse

CONFIG = Path("configs/demo.yaml")
OVERRIDES = ("name=sample", "data.sample=2017")
PAGE = Path("sample_report.md")
MOST = 50


def main() -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    run = audit(CONFIG, OVERRIDES)
    with open_warehouse(load_config(CONFIG, OVERRIDES).warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        findings = warehouse.rows("report/findings", {"n_rows": MOST}).to_pylist()
        (overview,) = warehouse.rows("report/overview", {}).to_pylist()
        (tried,) = warehouse.rows("report/verification", {}).to_pylist()
    lines = [
        "# What a film-review classifier leans on and should not",
        "",
        f"Run `{run.run_id}`: {overview['n_examples']:,} held-out reviews, right on {overview['accuracy']:.1%}. Of {tried['n_candidates']} words and "
        f"fragments that were tried, {overview['n_spurious']} are spurious, {overview['n_dependent']} context-dependent, {overview['n_genuine']} genuine, "
        f"{overview['n_unclear']} unclear. Made by `make sample`; most severe first, {MOST} at most.",
        "",
        "| | word | type | speaks for | texts | effect (log-odds) | evidence |",
        "|--|--|--|--|--|--|--|",
    ]
    for place, row in enumerate(findings, start=1):
        why = row["why"].replace("|", "\\|")
        lines.append(
            f"| {place} | `{row['word']}` | {row['type']} | {row['label']} | {row['n_examples']} | {row['strength']:+.2f} | {why} |"
        )
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(findings)} words written to {PAGE}")


if __name__ == "__main__":
    main()
