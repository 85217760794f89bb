"""Labels that are probably wrong, and those that people gave, made into a new dataset."""

from pathlib import Path

from prefect import flow

from flows.audit import audit_config
from flows.checked import read_config
from tasks.data.rows import label_names
from tasks.finetune import obtain_classifier
from tasks.model.spec import resolve_model
from tasks.remedies.queue import read_relabelled
from tasks.remedies.relabel import apply_labels
from tasks.runs.run import locked
from tasks.suspect import Suspected, suspect_labels


def apply(config_path: Path, overrides: tuple[str, ...], export: Path, target: Path) -> dict[str, int]:
    """Write the dataset of a config with the labels of `export` to `target`; count where its labels are from.

    Raises:
        AuditError: with one finished sentence; nothing is half-written.
    """
    config = read_config(config_path, overrides)
    given = config.finetune is None
    labels = tuple(resolve_model(config).labels) if given else label_names(config.data, config.data.where)
    answers, num_open = read_relabelled(export, labels)
    return {**apply_labels(config, labels, answers, export, target), "unanswered": num_open}


@flow(name="suspect-labels", validate_parameters=False)
def suspect(config_path: Path, overrides: tuple[str, ...] = ()) -> Suspected:
    """Audit, unless that was done, and find the labels that are probably wrong.

    Raises:
        AuditError: with one finished sentence; `configs/errors.py` lists its kinds.
    """
    config = read_config(config_path, overrides)
    run = audit_config(config)
    model = obtain_classifier(config)
    with locked(run):
        return suspect_labels(config, run, model)
