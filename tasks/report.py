"""Stage: one self-contained HTML page, and the tables as CSV and JSON.

The queries are in `warehouse/report/`; charts, words and layout are in `tasks/pages/`, a
section a file in `tasks/pages/report/`. The page fetches nothing, and its scripts are allowed
by their hash: nothing a dataset holds can run, load or reorder anything.
"""

import hashlib
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from configs.schema import AuditConfig
from configs.section import digest
from tasks.data.matching import Matcher
from tasks.data.rules import parse_rules, write_rules
from tasks.pages.assembled import render_page
from tasks.pages.banner import Banner, read_banner
from tasks.pages.exports import EXPORTS, export_tables, to_csv
from tasks.pages.model_card import model_card
from tasks.pages.redact import hide_names
from tasks.remedies.functions import functions_module
from tasks.remedies.queue import queue_files, queue_table
from tasks.runs.run import Run
from tasks.runtime.code import code_of
from tasks.runtime.parts import file_hash, part_file, read_manifest, write_part, write_whole
from tasks.runtime.progress import progress
from tasks.runtime.stage import stage
from tasks.selftest.certificate import covering
from warehouse import Warehouse, open_warehouse


@stage("report", hours=2)
def write_report(config: AuditConfig, run: Run, recommendations: str) -> Path:
    """Write `report.html` and `exports/` into the run's folder, and return the path of the page.

    Files that were made from the tables of key `recommendations`, by this code and with
    these settings, are left untouched.

    Raises:
        WarehouseError: the database is locked.
    """
    page, manifest = run.folder / "report.html", run.folder / "report.json"
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        certificate = covering(warehouse, run.inputs.get("subject"))
    certified = certificate and certificate["certificate_id"]
    key = digest(recommendations, config.title, config.report.redact, config.statistics.fdr, certified, _code())
    facts = read_manifest(manifest)
    if facts is None or facts["key"] != key or not _untouched(run.folder, facts["written"]):
        num_files = 3 * len(EXPORTS) + 2
        with progress("report", num_files, "files") as advance:
            with open_warehouse(config.warehouse, read_only=True) as warehouse:
                warehouse.use(run.run_id)
                hide_names(warehouse, config, run)
                written = {f"exports/{name}": content for name, content in export_tables(warehouse).items()}
                advance(len(written))
                written |= _labelling_files(warehouse, run)
                written["report.html"] = render_page(config, run, warehouse, certificate).encode()
                state = read_banner(warehouse)
                written["exports/model_card.md"] = _card(config, run, warehouse, state).encode()
            for name, content in written.items():
                write_whole(run.folder / name, content)
            advance(1)
        write_part(
            manifest,
            {},
            {
                "key": key,
                "state": state.title,
                "banner": state.text,
                "written": {name: hashlib.sha256(content).hexdigest() for name, content in written.items()},
            },
        )
    return page


def _card(config: AuditConfig, run: Run, warehouse: Warehouse, state: Banner) -> str:
    (overview,) = warehouse.rows("report/overview", {})
    findings = warehouse.rows("report/findings", {"n_rows": 20})
    verdicts = warehouse.rows("report/verdicts", {"max_verdicts": 50})
    waived = [row for row in verdicts if row["status"] == "waived"]
    return model_card(config, run.run_id, overview, state, findings, waived)


def _labelling_files(warehouse: Warehouse, run: Run) -> dict[str, bytes]:
    """What people take to their labelling: the changed rules, the rules as a Python module, and texts to be read."""
    found = warehouse.rows("report/changed_rules", {})
    if not found:
        return {}
    labels = warehouse.rows("report/run", {"run_id": run.run_id})[0]["labels"]
    changed = parse_rules(found[0]["changed"], "the changed rules")
    texts = part_file(run.storage / "rules" / "matches.json", "texts")
    queue = warehouse.rows("report/relabel_queue", {"rule_text_parts": [texts]})
    matcher = Matcher(changed)
    queue = [{**row, "suggested": matcher.label(row["text"])} for row in queue]
    files = {
        "rules.yaml": write_rules(changed).encode(),
        "labelling_functions.py": functions_module(changed, labels).encode(),
        "relabel_queue.csv": to_csv(queue_table(queue)),
        **queue_files(queue, labels, run.run_id),
    }
    return {f"exports/{name}": content for name, content in files.items()}


def _code() -> list[str]:
    """Everything but data and settings that the page is made of."""
    queries = [
        entry
        for folder in ("report", "report/export", "registry")
        for entry in files("warehouse").joinpath(folder).iterdir()
        if entry.name.endswith(".sql")
    ]
    sources = sorted((entry.name, hashlib.sha256(entry.read_bytes()).hexdigest()) for entry in queries)
    return [
        code_of(
            "tasks.report",
            "tasks.pages",
            "tasks.remedies",
            "tasks.selftest",
            "tasks.trials",
            "tasks.text",
            "tasks.data",
            "tasks.model",
            "tasks.attribution",
            "tasks.trials",
        ),
        *(source for _, source in sources),
        version("altair"),
        version("vl-convert-python"),
    ]


def _untouched(folder: Path, written: Any) -> bool:
    return all((folder / name).is_file() and file_hash(folder / name) == content for name, content in written.items())
