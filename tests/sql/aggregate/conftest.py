"""Fixtures of the corpus statistics."""

import pytest

from tests.sql.aggregate.corpus import MIN, PRIOR


@pytest.fixture
def build(warehouse):
    def built(corpus, *names, **params):
        corpus.insert(warehouse)
        settled = {
            "labels": corpus.labels,
            "mirrored": corpus.mirrored,
            "min_examples": MIN,
            "prior_examples": PRIOR,
            **params,
        }
        return [warehouse.build(f"aggregate/{name}", **settled) for name in names][-1]

    return built
