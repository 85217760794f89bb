"""Certificates: whether one covers an audit, and what it says."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from configs.errors import ConfigError
from configs.schema import AuditConfig
from tasks.runs.run import Run
from tasks.runtime.parts import Shard, part_file
from warehouse import Warehouse


@dataclass(frozen=True)
class Certificate:
    """A finished self-test, in the warehouse of its config."""

    certificate_id: str
    report: Path
    """Page of the audit of the planted copy."""


@dataclass(frozen=True)
class Planted:
    """The planted copy, by its files."""

    manifest: Path
    labels: tuple[str, ...]

    @property
    def rows(self) -> str:
        return part_file(self.manifest, "rows")

    @property
    def words(self) -> str:
        return part_file(self.manifest, "words")

    @property
    def folder(self) -> Path:
        return self.manifest.parent


@dataclass(frozen=True)
class Probe:
    """The probes, attributed from one baseline."""

    baseline: str
    run: Run
    shards: tuple[Shard, ...]


def require_certifiable(config: AuditConfig) -> None:
    """
    Raises:
        ConfigError: the config has no `finetune` section, or its dataset holds pairs of texts.
    """
    if config.finetune is None:
        raise ConfigError(
            "`finetune` is missing: certify trains the classifier once more, on planted data, "
            "so it has to know the base encoder and the training rows. "
            "Audits of a finished model of that kind on the same data are covered by the certificate, too."
        )
    if config.data.pair is not None:
        raise ConfigError(f"`data.pair` is {config.data.pair!r}: certify plants into single texts, not into pairs.")


SHIPPED = Path(__file__).parents[2] / "warehouse" / "seeds" / "certificates.json"
"""Certificates of the audits that come with the product: subject -> what `covering` returns of it."""


def covering(warehouse: Warehouse, wanted: str | None) -> dict[str, Any] | None:
    """The newest certificate for a subject with its figures, that of the warehouse before one that is shipped; None if
    there is none."""
    if wanted is None:
        # A run of a version that made no certificates.
        return None
    for certificate in warehouse.rows("registry/certificate_of", {"subject": wanted}):
        params = {"certificate_id": certificate["certificate_id"]}
        tables = {name: warehouse.rows(f"registry/{name}", params) for name in ("recall", "methods", "decoys")}
        tables["missed"] = missed(warehouse, certificate["certificate_id"])
        (found,) = warehouse.rows("registry/false_discoveries", params)
        return {**certificate, **tables, **found}
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8")).get(wanted)
    return shipped and {**shipped, "made_at": datetime.fromisoformat(shipped["made_at"])}


_REASONS = {
    "too few texts": "is in {n_examples} audited texts, too few to be judged",
    "not tried": "was not tried: other words came first",
    "not shown": "moves predictions, if at all, by less than the smallest effect that counts, or not surely by more",
    "not consistent": "pushes now towards one label and now towards another",
    "explained": "moves predictions no more, or not surely more, than words of its meaning or type do",
    "does not pass the control of false discoveries": "moves predictions, but among so many words it could be chance",
}
"""Reason of `certify/planted_words` -> what is said of the word."""


def missed(warehouse: Warehouse, certificate_id: str) -> list[dict[str, Any]]:
    """The planted words that the model learned and the audit did not find, each with why as a `sentence`."""
    rows = warehouse.rows("registry/missed", {"certificate_id": certificate_id})
    return [{**row, "sentence": _REASONS[row["reason"]].format_map(row)} for row in rows]
