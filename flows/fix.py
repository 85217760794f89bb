"""From finding to fix: the remedies that an audit proposes, tried by retraining.

The classifier of the config is audited, and trained again with each remedy, with all of them together and with a
placebo, three seeds each. What every arm gains is measured on the held-out texts, and the arm of all remedies is
audited again. No arm is chosen by its gain: they are settled before any is trained.
"""

from pathlib import Path
from typing import NamedTuple

from prefect import flow

from configs.errors import ConfigError
from flows.audit import audit_config
from flows.checked import read_config
from tasks.finetune import obtain_classifier
from tasks.measure import measure_gains
from tasks.propose import propose_arms
from tasks.remedies.arms import AS_IT_IS, PLACEBO
from tasks.retrain import retrain_arms
from tasks.runs.run import Run, locked


class Fixed(NamedTuple):
    """What a retraining came to."""

    run: Run
    page: Path | None
    """None where the audit proposes nothing that can be tried."""
    classifier: Path | None
    """Folder of the classifier of all remedies."""


@flow(name="fix", validate_parameters=False)
def fix(config_path: Path, overrides: tuple[str, ...] = (), every: bool = False) -> Fixed:
    """Audit, retrain with each remedy, measure, audit again; `every` arm is trained as a whole if asked for.

    Raises:
        ConfigError: the config has no `finetune` section.
        AuditError: with one finished sentence; `configs/errors.py` lists its kinds.
    """
    config = read_config(Path(config_path), overrides)
    if config.finetune is None:
        raise ConfigError(
            f"{config_path}: has no `finetune` section, so nothing says how to train the classifier again."
        )
    run = audit_config(config)
    model = obtain_classifier(config)
    proposed = propose_arms(config, run, model)
    if len(proposed.arms) == 1:
        return Fixed(run, None, None)
    kept = [arm.name for arm in proposed.arms if arm.name not in (AS_IT_IS, PLACEBO) and not arm.unlearned][-1:]
    with locked(run):
        retrained = retrain_arms(
            config, run, model, proposed.arms, proposed.found, kept[0] if kept else "", every=every
        )
    fixed = config.model_copy(update={"name": f"{config.name}-fixed", "title": None})
    again = None if retrained.best is None else audit_config(fixed, retrained.best)
    with locked(run):
        page = measure_gains(config, run, model, proposed.arms, retrained, again)
    return Fixed(run, page, None if retrained.best is None else retrained.best.folder)
