"""Stage: recommend vocabulary additions and labelling hints.

Builds the tables of `warehouse/recommend/`.
"""

from configs.schema import AuditConfig
from tasks.runs.run import Run
from tasks.runtime.stage import stage
from warehouse import open_warehouse

_LIMITS = {
    # Longest lists: of vocabulary additions, and of keywords for each class and action.
    "max_vocabulary": 50,
    "max_hints": 30,
    # A keyword is proposed from this many examples on, if the lower bound of its label rate exceeds the share of the
    # class by `min_hint_lift`.
    "min_hint_examples": 8,
    "min_hint_lift": 0.2,
}


@stage("recommend", hours=2)
def recommend_changes(config: AuditConfig, run: Run, verdicts: str) -> str:
    """Build the tables of this stage from those of key `verdicts`, and return their key.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    with open_warehouse(config.warehouse) as warehouse:
        tables = ["recommend/vocabulary_candidates", "recommend/labelling_hints"]
        return warehouse.build_stage(run.run_id, "recommend", tables, _LIMITS, verdicts)
