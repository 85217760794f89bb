"""Stage: all findings taken out at once. What they do together, and the state of the audit.

Reads the tables of `warehouse/judge/`, the texts of the shards and their logits in the parts of attribution. Writes
`<run>/trials/removed.json` and builds the tables of `warehouse/remove/` from it.

The part has one table, `removed`, one row per text: `example_id`; `n_edits` and `n_controls`, places that were changed
without the findings and in the control; and `predicted`, `predicted_without` and `predicted_control`, indices of the
labels that are predicted for the text as it is, without the findings, and without as many other words.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from configs.schema import AuditConfig
from configs.section import digest
from tasks.model.spec import ModelSpec
from tasks.runs.run import Run
from tasks.runtime.bisect import Job
from tasks.runtime.parts import Shard, part_file, read_manifest
from tasks.runtime.progress import progress
from tasks.runtime.stage import stage
from tasks.runtime.workers import fan_out
from tasks.trials.operators import MAX_STAND_INS, MIN_STAND_INS
from tasks.trials.part import facts_of, trials_key
from tasks.trials.reader import texts_of
from tasks.trials.removal import planned_texts, try_removal
from tasks.trials.thresholds import state_thresholds
from warehouse import open_warehouse

MAX_TEXTS = 400
"""Most texts the findings are taken out of. Their share of all texts is known; of 400 predictions, 20 that change are
known to within 22 per 1,000 of these texts."""


@stage("remove", hours=12)
def remove_findings(config: AuditConfig, run: Run, model: ModelSpec, verdicts: str, shards: Sequence[Shard]) -> str:
    """Take the findings of the tables of key `verdicts` out of the texts unless that was done, build the tables of this
    stage, and return their key.

    Raises:
        AttributionError: a text does not fit into memory even alone.
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    texts, num_texts_with = _planned(config, run, shards)
    group = [{"held": texts, "others": []}]
    part = run.storage / "trials" / "removed.json"
    # A worker may be in another folder.
    model = replace(model, folder=model.folder.absolute())
    settled = (model, config.attribution.dtype, config.verification)
    places = [Shard(shard.texts.absolute(), shard.scores.absolute()) for shard in shards]
    if facts_of(part, trials_key(group, *settled)) is None:
        if texts:
            job = Job("removed", (group, places, *settled, part.absolute()), len(texts), partial(texts_of, group))
            with progress("remove", len(texts), "texts") as meter, fan_out() as run_everywhere:
                run_everywhere(try_removal, [job], meter)
        else:
            try_removal(group, places, *settled, part)
    return build_total(config, run, verdicts, part, num_texts_with)


def _planned(config: AuditConfig, run: Run, shards: Sequence[Shard]) -> tuple[list[dict[str, Any]], int]:
    """The texts with what to change in them, and how many texts there are that hold a finding."""
    params: dict[str, object] = {
        "token_parts": [part_file(shard.scores, "tokens") for shard in shards],
        "max_texts": MAX_TEXTS,
        "max_stand_ins": MAX_STAND_INS,
        "min_stand_ins": MIN_STAND_INS,
    }
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        warehouse.use(run.run_id)
        plan = warehouse.rows("remove/plan", params)
        params["example_ids"] = [row["example_id"] for row in plan]
        texts = planned_texts(plan, warehouse.rows("remove/others", params))
    return texts, plan[0]["n_texts_with"] if plan else 0


def build_total(config: AuditConfig, run: Run, verdicts: str, part: Path, num_texts_with: int) -> str:
    """Build the tables of this stage from its part and from the tables of key `verdicts`; return their key.

    `num_texts_with` is the number of texts that hold a finding.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    params = {
        **state_thresholds(),
        "removed_parts": [part_file(part, "removed")],
        "texts_with": num_texts_with,
        "max_documents": config.verification.max_documents,
    }
    upstream = digest(verdicts, (read_manifest(part) or {})["key"])
    with open_warehouse(config.warehouse) as warehouse:
        return warehouse.build_stage(run.run_id, "remove", ["remove/power", "remove/total"], params, upstream)
