"""The self-test: plant words into a copy of the user's data, and see whether an audit finds them.

The classifier of the config is trained once more, from the same start, on the planted copy. The self-test answers two
questions: which attribution method ranks the planted words on top of the texts that hold them, and which verdict the
whole audit gives each of them. Every step writes immutable files named by a hash of their inputs, so a self-test that
was stopped continues where it was, and a repeat does no work.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from prefect import flow

from configs.attribution import AttributionConfig, Baseline, Method
from configs.schema import AuditConfig
from flows.audit import audit_config
from flows.checked import read_config
from tasks.attribute import attribute_shards
from tasks.attribution.relevance import takes_relevance
from tasks.certify import certify_audit
from tasks.finetune import obtain_classifier
from tasks.ingest import ingest_dataset
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec
from tasks.plant import plant_dataset, planted_config
from tasks.rank import best_method, rank_methods
from tasks.runs.identity import name_run
from tasks.runs.run import locked
from tasks.selftest.certificate import Certificate, Planted, Probe, require_certifiable
from tasks.selftest.method import with_method
from warehouse import set_limits

_BASELINES: tuple[Baseline, ...] = ("mask", "pad", "zero")
"""Baselines that integrated gradients are tried with."""
_PROBE_STEPS = 8
"""Gradients of a probe, at the midpoints of as many steps."""


@flow(name="certify", validate_parameters=False)
def certify(config_path: Path, overrides: tuple[str, ...] = ()) -> Certificate:
    """Certify the audit of one config; the result is in its warehouse.

    Raises:
        AuditError: with one finished sentence; `configs/errors.py` lists its kinds.
    """
    config = read_config(Path(config_path), overrides)
    require_certifiable(config)
    set_limits(config.limits)
    clean = obtain_classifier(config)
    planted = plant_dataset(config, clean)
    audited = planted_config(config, planted, "audit")
    trained = obtain_classifier(audited)
    probes = [_attributed(probe, trained) for probe in _probe_configs(config, planted, trained)]
    ranks = rank_methods(config, planted, clean, probes)
    best = best_method(planted, ranks)
    if config.attribution.methods == "certified":
        audited = with_method(audited, best or {"method": "gradient_x_input", "baseline": "none"})
    run = audit_config(audited)
    return certify_audit(config, planted, clean, trained, ranks, best, audited, run)


def _probe_configs(config: AuditConfig, planted: Planted, trained: ModelSpec) -> Iterator[AuditConfig]:
    """One for each baseline. Methods that have none are computed with the first."""
    defined = config.attribution.defined(get_args(Method))
    if not takes_relevance(load_classifier(trained).model):
        defined = tuple(method for method in defined if method != "relevance")
    kept = {name: getattr(config.attribution, name) for name in ("layer", "scalar", "dtype", "seed")}
    for i, baseline in enumerate(_BASELINES):
        methods: tuple[Method, ...] = defined if i == 0 else ("integrated_gradients",)
        probe = planted_config(config, planted, "probe")
        # Ranks need no certified error, and a pilot would cost more than the probes.
        attribution = AttributionConfig(methods=methods, baseline=baseline, mode="fixed", steps=_PROBE_STEPS, **kept)
        yield probe.model_copy(update={"name": f"probe-{baseline}", "attribution": attribution})


def _attributed(config: AuditConfig, model: ModelSpec) -> Probe:
    run = name_run(config, model)
    with locked(run):
        texts = ingest_dataset(config.data, model, run.storage / "shards", held_out=config.held_out)
        shards = attribute_shards(texts, model, config.attribution, run.storage / "parts")
    return Probe(config.attribution.baseline, run, tuple(shards))
