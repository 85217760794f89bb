"""What Prefect's pages show of an audit, in markdown: the state, the counts, the findings, and where the report is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.schema import AuditConfig
from tasks.pages.banner import Banner
from tasks.pages.gated import markdown_cell, markdown_table
from tasks.pages.rules import told
from tasks.pages.sentences import visible


def address_of(config: AuditConfig, run_id: str, page: str = "report.html") -> str | None:
    """Where a browser finds a page of a run; None where nothing serves it. The report alone is published."""
    address, is_there = config.report.address, page == "report.html" or config.report.publish_to is None
    return f"{address.rstrip('/')}/{run_id}/{page}" if address is not None and is_there else None


def place_of(config: AuditConfig, folder: Path, page: str = "report.html") -> str:
    """A link to a page of the run in this folder, where there is one to follow; else its path."""
    address = address_of(config, folder.name, page)
    return f"[{page}]({address})" if address is not None else f"`{folder / page}`"


def report_markdown(
    config: AuditConfig, folder: Path, state: Banner, facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> str:
    """Banner, counts, findings and the report; `facts`: a row of report/brief, `rows`: of report/findings."""
    predicted = facts["n_predicted"]
    right = f", {facts['n_correct'] / predicted:.1%} of {predicted:,} predicted as labelled" if predicted else ""
    parts = [
        f"**{markdown_cell(state.title)}.** {markdown_cell(state.text, 2000)}",
        f"{facts['n_texts']:,} texts{right}; {facts['n_findings']:,} findings. Run `{folder.name}`: "
        f"{place_of(config, folder)}",
    ]
    if rows:
        # Why stands in the table of findings: the sentences would be cut.
        table = [{name: cell for name, cell in finding_row(row).items() if name != "why"} for row in rows]
        parts.append(
            markdown_table(tuple(table[0]), [tuple(markdown_cell(cell) for cell in row.values()) for row in table])
        )
    return "\n\n".join(parts) + "\n"


def finding_row(row: Mapping[str, Any]) -> dict[str, str]:
    """A finding with the titles of its columns."""
    return {
        "word": visible(row["word"]),
        "pushes towards": visible(row["label"]),
        "type": row["type"],
        "texts": f"{row['n_examples']:,}",
        "effect": f"{row['effect']:+.2f} log-odds",
        "per 1,000 texts": "" if row["per_1000"] is None else f"{row['per_1000']:.1f}",
        "why": visible(told(row["rules"])),
    }
