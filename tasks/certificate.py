"""Leaf: certificates, what they cover, and what they say about attribution methods."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from configs.schema import AuditConfig, AuditError, ConfigError, digest
from tasks.model import ModelSpec
from tasks.parts import part_file
from tasks.run import Run
from tasks.sources import dataset_fingerprint
from warehouse import Warehouse, open_warehouse


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
    shards: tuple[Path, ...]
    parts: tuple[Path, ...]


def subject(config: AuditConfig, model: ModelSpec) -> str:
    """What a certificate holds for: the data, how they are read and explained, and the kind of model.

    Two models are of a kind if their weights have the same names and shapes, whatever their values: so a model
    that was trained elsewhere from the same encoder is covered, too.
    """
    shapes: dict[str, list[int]] = {}
    for file in sorted(model.folder.glob("*.safetensors")):
        with safe_open(file, framework="np") as weights:
            shapes |= {name: list(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118 (no mapping)
    explained = config.attribution.model_dump(mode="json", include={"layer", "scalar"})
    return digest(shapes, dataset_fingerprint(config.data), config.data.text, config.data.label, explained)


def require_certifiable(config: AuditConfig) -> None:
    """
    Raises:
        ConfigError: the config has no `finetune` section, or its dataset holds pairs of texts.
    """
    if config.finetune is None:
        raise ConfigError(
            "`finetune` is missing: certify trains the classifier once more, on planted data, so it has to know the base encoder and "
            "the training rows. Audits of a finished model of that kind on the same data are covered by the certificate, too."
        )
    if config.data.pair is not None:
        raise ConfigError(f"`data.pair` is {config.data.pair!r}: certify plants into single texts, not into pairs.")


def covering(warehouse: Warehouse, wanted: str | None) -> dict[str, Any] | None:
    """The newest certificate for a subject with its figures; None if there is none."""
    if wanted is None:
        # A run of a version without certificates.
        return None
    for certificate in warehouse.rows("certify/certificate_of", {"subject": wanted}).to_pylist():
        params = {"certificate_id": certificate["certificate_id"]}
        tables = {name: warehouse.rows(f"certify/{name}", params).to_pylist() for name in ("recall", "methods")}
        (found,) = warehouse.rows("certify/false_discoveries", params).to_pylist()
        return {**certificate, **tables, **found}
    return None


def with_certified_method(config: AuditConfig, model: ModelSpec) -> AuditConfig:
    """The config with the method and the baseline that won, where it asks for them.

    Raises:
        AuditError: there is no certificate for this data and kind of model, or its model learned no shortcut.
    """
    if config.attribution.method == "listed":
        return config
    with open_warehouse(config.warehouse) as warehouse:
        found = covering(warehouse, subject(config, model))
    if found is None or found["method"] is None:
        raise AuditError(
            "attribution.method: certified needs a certificate for this kind of model on this data, and "
            f"{config.warehouse} {'holds one whose model learned no shortcut' if found else 'holds none'}. "
            "Make one with token-audit certify CONFIG, or set attribution.method: listed."
        )
    return with_method(config, found)


def with_method(config: AuditConfig, row: Mapping[str, Any]) -> AuditConfig:
    """The config with this method as the one that is added up, and with its baseline, if it needs one.

    Without integrated gradients if these have not won: they cost more than all others, and a pilot.
    """
    others = [method for method in config.attribution.methods if method not in (row["method"], "integrated_gradients")]
    chosen: dict[str, Any] = {"method": "listed", "methods": (row["method"], *others)}
    if row["baseline"] != "none":
        chosen["baseline"] = row["baseline"]
    return config.model_copy(update={"attribution": config.attribution.model_copy(update=chosen)})
