"""Stage: load the parts into the warehouse, and aggregate their scores by word.

Builds the tables of `warehouse/aggregate/`.
"""

import json
from collections.abc import Sequence

from configs.schema import AuditConfig
from tasks.model.spec import ModelSpec
from tasks.runs.run import BATCH_FILES, Run
from tasks.runtime.parts import Shard, part_file, read_manifest
from tasks.runtime.stage import stage
from tasks.trials.thresholds import MIN_RATE, PRIOR_EXAMPLES
from warehouse import open_warehouse

MIN_PMI = 3.0
"""Least pointwise mutual information, in nats, of neighbouring words with figures as a pair: 20 times chance."""
_SCORES = (
    "examples",
    "rejects",
    "word_occurrences",
    "piece_occurrences",
    "bigram_occurrences",
    "word_scores",
    "word_importance",
    "corpus_means",
    "corpus_facts",
)

_TABLES = (
    *_SCORES,
    "label_association",
    "minority_gap",
    "quadrants",
    "example_slices",
    "slice_importance",
    "slice_association",
    "slice_difference",
    "corpora",
    "stability",
    "attribution_quality",
    "pilot",
)


@stage("aggregate", hours=2)
def aggregate_scores(
    config: AuditConfig,
    run: Run,
    model: ModelSpec,
    shards: Sequence[Shard],
    compared: Sequence[Shard] | None = None,
) -> str:
    """Build the tables of this stage and return their key; tables that are current stay untouched.

    `compared` are the shards of the dataset of `config.compare`. Its scores get a schema of their
    own, `<run>_compare`, by the same queries.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    params, schemas = _params(config, model, shards), [""]
    with open_warehouse(config.warehouse) as warehouse:
        upstream = run.key
        if compared is not None:
            beside = f"{run.run_id}_compare"
            other = {**_params(config, model, compared), "corpus": "compare"}
            upstream = warehouse.build_stage(
                beside, "aggregate", [f"aggregate/{table}" for table in _SCORES], other, upstream
            )
            schemas.append(f'"{beside}".')
        return warehouse.build_stage(
            run.run_id,
            "aggregate",
            [f"aggregate/{table}" for table in _TABLES],
            {
                **params,
                "corpus": "data",
                "slices": list(config.data.slices),
                "corpora": [f"{schema}corpus_means" for schema in schemas],
                "facts": [f"{schema}corpus_facts" for schema in schemas],
            },
            upstream,
        )


def _params(config: AuditConfig, model: ModelSpec, shards: Sequence[Shard]) -> dict[str, object]:
    plan, texts = shards[0].scores.with_name("plan.json"), [shard.texts for shard in shards]
    return {
        "shards": [part_file(path, "examples") for path in texts],
        "reject_parts": [part_file(texts[0].with_name("rejects.json"), "rows")],
        "slice_parts": [part_file(texts[0].with_name("slices.json"), "rows")],
        "example_parts": [part_file(shard.scores, "examples") for shard in shards],
        "token_parts": [part_file(shard.scores, "tokens") for shard in shards],
        "labels": list(model.labels),
        "mirrored": config.attribution.mirrored(len(model.labels), model.head),
        "plan": json.dumps({"method": config.attribution.summed, **(read_manifest(plan) or {})}),
        "pilot_parts": [part_file(plan, "pilot")],
        **config.attribution.model_dump(include={"mode", "tolerance", "max_gap"}),
        "method": config.attribution.summed,
        "batch_files": BATCH_FILES,
        **config.statistics.model_dump(),
        "prior_examples": PRIOR_EXAMPLES,
        "min_rate": MIN_RATE,
        "min_score": config.screening.min_score,
        "min_pmi": MIN_PMI,
    }
