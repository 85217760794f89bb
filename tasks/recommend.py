"""Stage: recommend vocabulary additions, labelling hints and changes to the labelling rules.

Builds the tables of `warehouse/recommend/`.
"""

import json
from typing import Any

from configs.schema import AuditConfig
from tasks.data.rules import parse_rules, write_rules
from tasks.remedies.keywords import MIN_TEXTS, applied, proposals
from tasks.runs.run import Run
from tasks.runtime.stage import stage
from warehouse import open_warehouse

_LIMITS: dict[str, Any] = {
    # Longest lists: of vocabulary additions, and of keywords for each class and action.
    "max_vocabulary": 50,
    "max_hints": 30,
    # A keyword is proposed from this many examples on, if the lower bound of its label rate exceeds the share of the
    # class by `min_hint_lift`.
    "min_hint_examples": MIN_TEXTS,
    "min_hint_lift": 0.2,
    # Fewest texts with a keyword, as a name and as another word each, for it to be kept as a name.
    "min_narrow": 8,
    # Most texts that a person is asked to read.
    "max_queue": 1000,
}


_TABLES = [
    f"recommend/{name}"
    for name in ("vocabulary_candidates", "labelling_hints", "rule_proposals", "changed_rules", "relabel_queue")
]


@stage("recommend", hours=2)
def recommend_changes(config: AuditConfig, run: Run, traced: str) -> str:
    """Build the tables of this stage from those of key `traced`, and return their key.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.use(run.run_id)
        found = proposals(
            warehouse.rows("recommend/keyword_drops", _LIMITS),
            warehouse.rows("recommend/keyword_candidates", _LIMITS),
            _LIMITS["min_hint_examples"],
            _LIMITS["max_hints"],
        )
        written = [row["rules"] for row in warehouse.rows("recommend/written_rules", {})]
        changed = [write_rules(applied(parse_rules(text, "the labelling rules"), found)) for text in written]
        params = {**_LIMITS, "proposals": json.dumps(found), "changed_rules": changed[0] if changed else None}
        return warehouse.build_stage(run.run_id, "recommend", _TABLES, params, traced)
