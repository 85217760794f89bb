"""A Ray cluster of two nodes on this machine whose GPUs are names."""

import pytest

from tasks.runtime import bisect
from tests.runtime.jobs import NODE


@pytest.fixture(scope="module")
def cluster():
    # Here, since tests without Ray should not wait for its import.
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        cluster.add_node(**NODE)
    yield cluster
    cluster.shutdown()


@pytest.fixture
def workers(cluster, monkeypatch):
    """Two of them, and one retry, since a process that dies costs a second or more."""
    monkeypatch.setenv("TOKEN_AUDIT_WORKERS", cluster.address)
    monkeypatch.setattr(bisect, "RETRIES", 1)
    return cluster
