"""From words that the tokenizer shatters to a better checkpoint, proven by retraining.

The words that are cut are found in a finished audit, or in one that is made first. They are tried on a copy of the
tokenizer and of the classifier before anything is trained; if asked for, the classifier is trained with them, without
them and with placebo words. The words of the arms are settled before any is trained.
"""

from pathlib import Path
from typing import NamedTuple

from prefect import flow

from configs.errors import AuditError, ConfigError
from configs.schema import AuditConfig
from flows.audit import audit_config
from flows.checked import read_config
from flows.runs import find_run, opened
from tasks.assess import assess_words
from tasks.extend import WAYS, Ways, extend_vocabulary, require_patchable
from tasks.finetune import obtain_classifier
from tasks.model.spec import ModelSpec, model_spec
from tasks.runs.run import Run, locked, stored_run
from tasks.scan import scan_tokens
from tasks.teach import teach_words


class Reviewed(NamedTuple):
    """What a review wrote."""

    run: Run
    page: Path
    patch: Path | None
    """None where no word is proposed, or other texts would be read otherwise."""


@flow(name="review-vocabulary", validate_parameters=False)
def review(
    source: str,
    overrides: tuple[str, ...] = (),
    warehouse: Path | None = None,
    train: bool = False,
    ways: Ways = WAYS,
) -> Reviewed:
    """Review the vocabulary of a run, or of a config that is audited first, unless that was done.

    Raises:
        AuditError: with one finished sentence; `configs/errors.py` lists its kinds.
    """
    config, run, model = audited(source, overrides, warehouse)
    require_patchable(config, model)
    if train and config.finetune is None:
        raise ConfigError(f"{run.run_id}: has no `finetune` section, so --train has nothing to train.")
    with locked(run):
        scanned = scan_tokens(config, run, model)
        extended = extend_vocabulary(config, run, model, scanned, ways)
        taught = teach_words(config, run, model, extended.part) if train else None
        more = () if taught is None else (taught.predictions, taught.held_out)
        page = assess_words(config, run, extended.part, extended.patch, *more)
    return Reviewed(run, page, extended.patch)


def audited(source: str, overrides: tuple[str, ...], warehouse: Path | None) -> tuple[AuditConfig, Run, ModelSpec]:
    """Settings, run and classifier of a config, which is audited unless that was done, or of a finished run.

    Raises:
        AuditError: with one finished sentence; `configs/errors.py` lists its kinds.
    """
    if warehouse is None:
        config = read_config(Path(source), overrides)
        run = audit_config(config)
        return config, run, obtain_classifier(config)
    with opened(warehouse) as database:
        row = find_run(database, source)
    if row["status"] != "finished":
        raise AuditError(f"{row['run_id']} has not come to its end. Go on with token-audit run CONFIG.")
    config, run = stored_run(row)
    config = config.model_copy(update={"warehouse": warehouse})
    return config, run, _audited_classifier(config, run)


def _audited_classifier(config: AuditConfig, run: Run) -> ModelSpec:
    """The classifier of a run, by its content: one that is trained again by other code is another.

    Raises:
        AuditError: it is gone, or has changed.
    """
    if config.finetune is None:
        model = obtain_classifier(config)
        found = [model] if model.fingerprint == run.inputs["model"] else []
    else:
        network, own = config.finetune.network, config.model
        factory = None if network == "auto" else f"tasks.model.networks:{network}"
        trained = [
            model_spec(place.parent, own.max_tokens, factory=factory, long_texts=own.long_texts, pad_to=own.pad_to)
            for place in sorted(config.models.glob(f"{config.name}_*/training.json"))
        ]
        found = [model for model in trained if model.fingerprint == run.inputs["model"]]
    if not found:
        raise AuditError(
            f"The classifier of {run.run_id} is gone, or has changed since the audit. Review its config in the place "
            "of the run: token-audit vocabulary review CONFIG."
        )
    return found[0]
