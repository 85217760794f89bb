"""Labels that people gave, made into a new dataset."""

from pathlib import Path

from configs.load import load_config
from tasks.data.rows import label_names
from tasks.model.spec import resolve_model
from tasks.remedies.queue import read_relabelled
from tasks.remedies.relabel import apply_labels


def apply(config_path: Path, overrides: tuple[str, ...], export: Path, target: Path) -> dict[str, int]:
    """Write the dataset of a config with the labels of `export` to `target`; count where its labels are from.

    Raises:
        AuditError: with one finished sentence; nothing is half-written.
    """
    config = load_config(config_path, overrides)
    given = config.finetune is None
    labels = tuple(resolve_model(config).labels) if given else label_names(config.data, config.data.where)
    answers, num_open = read_relabelled(export, labels)
    return {**apply_labels(config, labels, answers, export, target), "unanswered": num_open}
