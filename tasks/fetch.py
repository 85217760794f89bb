"""Stage: the classifier that is audited, from its folder or from the hub."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from configs.schema import AuditConfig
from tasks.hub import is_transient
from tasks.model import ModelSpec, resolve_model


@task(
    name="fetch",
    cache_policy=NO_CACHE,
    timeout_seconds=6 * 3600,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=is_transient,
)
def fetch_classifier(config: AuditConfig) -> ModelSpec:
    """Find the model the config names under `model`; a hub model is downloaded once, at its pinned commit.

    Raises:
        ModelError: it cannot be reached, does not exist, or has no safetensors weights.
    """
    return resolve_model(config)
