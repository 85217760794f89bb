"""Stage: what people can do about it: vocabulary additions and labelling hints.

Builds the tables of `warehouse/recommend/`.
"""

from prefect import task
from prefect.cache_policies import NO_CACHE

from configs.schema import AuditConfig
from tasks.run import Run
from warehouse import open_warehouse


@task(name="recommend", cache_policy=NO_CACHE, timeout_seconds=2 * 3600)
def recommend_changes(config: AuditConfig, run: Run, verdicts: str) -> str:
    """Build the tables of this stage from those of key `verdicts`, and return their key.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    with open_warehouse(config.warehouse) as warehouse:
        tables = ["recommend/vocabulary_candidates", "recommend/labelling_hints"]
        return warehouse.build_stage(run.run_id, "recommend", tables, config.recommendation.model_dump(), verdicts)
