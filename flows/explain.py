"""Explain single texts of a config: the stages of an audit up to its attributions, and a page of them."""

from pathlib import Path

from prefect import flow

from configs.schema import AuditConfig
from flows.checked import read_config
from tasks.attribute import attribute_shards
from tasks.data.typed import typed_dataset
from tasks.explain import Explained, write_explained
from tasks.finetune import obtain_classifier
from tasks.ingest import ingest_dataset
from tasks.model.spec import ModelSpec
from tasks.runs.identity import name_run
from tasks.runs.run import locked
from tasks.runtime.progress import planned
from tasks.selftest.method import with_method_chosen


@flow(name="explain", validate_parameters=False)
def explain(config_path: Path, overrides: tuple[str, ...] = ()) -> Explained:
    """Explain the texts of a config, or the sentences in it; the page is `explained.html` in the folder of the run.

    The attributions of a dataset are those of an audit with the same settings: neither computes them again.

    Raises:
        AuditError: with one finished sentence; `configs/errors.py` lists its kinds.
    """
    config = read_config(Path(config_path), overrides)
    model = obtain_classifier(config)
    config = explained_config(config, model)
    run = name_run(config, model)
    held_out = None if config.data.label is None else config.held_out
    with locked(run), planned(name=config.name):
        texts = ingest_dataset(config.data, model, run.storage / "shards", held_out=held_out, least=1)
        shards = attribute_shards(texts, model, config.attribution, run.storage / "parts")
        return write_explained(config, run, model, shards)


def explained_config(config: AuditConfig, model: ModelSpec) -> AuditConfig:
    """The config with its sentences as the dataset, and the methods that it means for its model. Texts without labels
    are explained towards the predicted class, and each for itself."""
    if config.data.label is None or config.explain.texts:
        own: dict[str, object] = {}
        if config.attribution.mode == "corpus":
            # Its few gradients a text are meant to be added up over a dataset that is audited.
            own = {"mode": "document", "gradients": None, "interval_width": None}
        if config.attribution.target == "gold":
            own["target"] = "predicted"
        config = config.model_copy(update={"attribution": config.attribution.model_copy(update=own)})
    # Methods depend on the mode; a certificate is of the dataset, not of the sentences.
    config = with_method_chosen(config, model)
    if config.explain.texts:
        config = config.model_copy(update={"data": typed_dataset(config.explain.texts, config.output / "typed")})
    return config
