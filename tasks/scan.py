"""Stage: scan what the tokenizer makes of the explained texts: which words it cuts, and what their pieces decide.

Reads the tables and the attributions of a finished run, and builds the tables of `warehouse/scan/`.
"""

from configs.errors import AuditError
from configs.schema import AuditConfig
from tasks.model.pretrained import load_tokenizer
from tasks.model.spec import ModelSpec
from tasks.runs.run import Run
from tasks.runtime.parts import part_file
from tasks.runtime.stage import stage
from warehouse import open_warehouse

_TABLES = [
    f"scan/{name}"
    for name in (
        "scripts",
        "unknown_characters",
        "cut_words",
        "split_words",
        "inflections",
        "opposed_pieces",
        "ambiguous_pieces",
        "token_facts",
    )
]


@stage("scan", hours=2)
def scan_tokens(config: AuditConfig, run: Run, model: ModelSpec) -> str:
    """Build the tables of this stage and return their key; tables that are current stay untouched.

    Raises:
        AuditError: the attributions of the run are gone.
        ModelError: the tokenizer cannot be loaded.
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    parts = sorted((run.storage / "parts").glob("part-*.json"))
    if not parts:
        raise AuditError(
            f"{run.run_id} has no attributions in {run.storage / 'parts'}: they were pruned. Audit its config again."
        )
    params = {
        "token_parts": [part_file(part, "tokens") for part in parts],
        "unknown_id": load_tokenizer(model.folder).unk_token_id,
        "labels": list(model.labels),
        "mirrored": config.attribution.mirrored(len(model.labels), model.head),
    }
    with open_warehouse(config.warehouse) as warehouse:
        (row,) = warehouse.rows("registry/stage_key", {"run_id": run.run_id, "stage": "recommend"})
        return warehouse.build_stage(run.run_id, "scan", _TABLES, params, row["stage_key"])
