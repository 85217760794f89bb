"""Stage: what kind of thing each word is, and which words are worth a test.

Builds the tables of `warehouse/flag/`: `word_types`, `words` (everything known about
a word, with its spuriousness and the reasons) and `candidates`.
"""

from functools import lru_cache
from importlib.resources import files

from prefect import task
from prefect.cache_policies import NO_CACHE

from configs.schema import AuditConfig
from tasks.run import Run
from warehouse import open_warehouse, seed

_MAX_SURNAMES = 5000
"""Rarer surnames add more ordinary words (best, love, grace) than names."""


@task(name="flag", cache_policy=NO_CACHE, timeout_seconds=2 * 3600)
def flag_words(config: AuditConfig, run: Run, scores: str) -> str:
    """Build the tables of this stage from those of key `scores`, and return their key.

    Raises:
        WarehouseError: the database is locked, or a table breaks one of its checks.
    """
    first_names, surnames = _names()
    params = {
        "first_names": list(first_names), "surnames": list(surnames), "function_words": seed("function_words.csv"),
        **config.flagging.model_dump(), "max_candidates": config.verification.max_candidates,
    }  # fmt: skip
    with open_warehouse(config.warehouse) as warehouse:
        return warehouse.build_stage(
            run.run_id, "flag", ["flag/word_types", "flag/words", "flag/candidates"], params, scores
        )


@lru_cache(maxsize=1)
def _names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """First names and the most common surnames of the US census, lower case, from the package `names`."""

    def listed(file: str) -> list[str]:
        lines = files("names").joinpath(file).read_text(encoding="utf-8").splitlines()
        return [line.split()[0].lower() for line in lines if line.strip()]

    first_names = sorted({*listed("dist.male.first"), *listed("dist.female.first")})
    return tuple(first_names), tuple(listed("dist.all.last")[:_MAX_SURNAMES])
