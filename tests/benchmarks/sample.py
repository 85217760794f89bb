"""The spurious words of an audit as a page to read from top to bottom: `make sample`.

Audits the demo's classifier on the 8,024 film reviews that it was trained on, with the 2,017 held-out ones beside them, and
writes sample_report.md: the most severe words that are spurious, with the evidence, as the report and the tables have
them, and the words that mean something else to the model in the held-out ones. A quarter of an hour on two cores.
"""

import os
from pathlib import Path

from configs.load import load_config
from flows.audit import audit
from warehouse import open_warehouse

CONFIG = Path("configs/demo.yaml")
OVERRIDES = (
    "name=sample", "data.sample=10000", "data.where={split: train}", "verification.max_candidates=600",
    "compare={path: warehouse/seeds/movie_reviews.parquet, id: id, where: {split: test}}",
)  # fmt: skip
PAGE = Path("sample_report.md")
MOST = 50


def main() -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    run = audit(CONFIG, OVERRIDES)
    config = load_config(CONFIG, OVERRIDES)
    sure = {"sure_q": config.aggregation.sure_q}
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        findings = warehouse.rows("report/findings", {"n_rows": MOST}).to_pylist()
        (overview,) = warehouse.rows("report/overview", {}).to_pylist()
        unstable = warehouse.rows("report/unstable", {"labels": ["negative", "positive"], **sure}).to_pylist()
        trained, held_out = warehouse.rows("report/corpora", sure).to_pylist()
    lines = [
        "# What a film-review classifier leans on and should not",
        "",
        f"Run `{run.run_id}`: {trained['n_examples']:,} reviews that it was trained on, right on {trained['accuracy']:.1%}, and beside them "
        f"{held_out['n_examples']:,} held-out ones, right on {held_out['accuracy']:.1%}. Of {overview['n_used']} words and "
        f"fragments that it leans on, {overview['n_spurious']} are spurious, {overview['n_dependent']} context-dependent, {overview['n_genuine']} genuine, "
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
    differing = [
        f"`{row['word']}` ({row['label']}, {row['mean_score']:+.2f} against {row['elsewhere']:+.2f})"
        for row in unstable
    ]
    lines += [
        "",
        f"Of {trained['n_shared']} words that are frequent enough in both, {trained['n_unstable']} mean something else to the model in the "
        f"held-out reviews (mean score in the training reviews, and there){': ' + ', '.join(differing) if differing else ''}.",
    ]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(findings)} words written to {PAGE}")


if __name__ == "__main__":
    main()
