"""Stage: compare the verdicts of the whole audit with what was planted.

Writes the part `certificate-<hash>` beside the planted copy, and enters it in the warehouse of the config:
`certificates` and `certificate_words`, `_shortcuts` and `_methods` in the schema `main`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.schema import AuditConfig
from configs.section import digest
from tasks.model.spec import ModelSpec
from tasks.runs.identity import subject
from tasks.runs.run import Run
from tasks.runtime.parts import file_hash, part_file, read_manifest, write_part
from tasks.runtime.stage import stage
from tasks.selftest.certificate import Certificate, Planted
from warehouse import open_warehouse, query


@stage("certify", hours=1)
def certify_audit(
    config: AuditConfig,
    planted: Planted,
    clean: ModelSpec,
    trained: ModelSpec,
    ranks: Path,
    best: Mapping[str, Any] | None,
    audited: AuditConfig,
    run: Run,
) -> Certificate:
    """Judge the audit `run` of the planted copy, whose settings are `audited`, and enter the certificate with the
    `best` method.

    Raises:
        WarehouseError: a database is locked.
    """
    key, manifest = _judged(planted, ranks, audited, run)
    accuracy = [
        json.loads((model.folder / "training.json").read_text())["heldout_accuracy"] for model in (clean, trained)
    ]
    certificate_id = f"{config.name}_{key[:12]}"
    params = {
        "certificate_id": certificate_id,
        "subject": subject(config, clean),
        "name": config.name,
        "folder": str(planted.folder),
        "run_id": run.run_id,
        "seed": config.certification.seed,
        **(best or {"method": None, "baseline": None}),
        "clean_accuracy": accuracy[0],
        "planted_accuracy": accuracy[1],
        "config": config.model_dump_json(),
        "unplanted": part_file(manifest, "unplanted"),
    }
    files_of = {
        "words": part_file(manifest, "planted_words"),
        **{name: part_file(ranks, name) for name in ("shortcuts", "methods")},
    }
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.run_together(
            {
                "registry/enter_certificates": params,
                **{
                    f"registry/enter_certificate_{name}": {"certificate_id": certificate_id, name: file}
                    for name, file in files_of.items()
                },
            }
        )
    return Certificate(certificate_id, run.folder / "report.html")


def _judged(planted: Planted, ranks: Path, audited: AuditConfig, run: Run) -> tuple[str, Path]:
    """Write the part with the verdicts on planted and other words, unless it exists; return its key and its
    manifest."""
    settings = audited.model_dump(mode="json", exclude={"warehouse", "output", "models", "report", "limits"})
    sql = [query(f"certify/{name}").sql for name in ("planted_words", "group_patterns", "unplanted")]
    with open_warehouse(audited.warehouse) as warehouse:
        state = warehouse.table("registry/stage_key", {"run_id": run.run_id, "stage": "recommend"})[
            "stage_key"
        ].to_pylist()
        key = digest(file_hash(ranks), run.run_id, state, settings, sql)
        manifest = planted.folder / f"certificate-{key[:12]}.json"
        if read_manifest(manifest) is None:
            warehouse.use(run.run_id)
            limits = {
                "min_examples": audited.statistics.min_examples,
                "min_effect": audited.verification.min_effect,
                "fdr": audited.statistics.fdr,
            }
            params = {"planted_words": planted.words}
            tables = {
                "planted_words": warehouse.table("certify/planted_words", {**params, **limits}),
                "unplanted": warehouse.table("certify/unplanted", params),
            }
            write_part(manifest, tables, {})
    return key, manifest
