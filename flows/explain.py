"""Explain single texts of a config: the stages of an audit up to its attributions, and a page of them."""

from pathlib import Path

from prefect import flow

from configs.load import load_config
from tasks.attribute import attribute_shards
from tasks.explain import Explained, write_explained
from tasks.finetune import obtain_classifier
from tasks.ingest import ingest_dataset
from tasks.runs.identity import name_run
from tasks.runs.run import locked
from tasks.selftest.certificate import with_certified_method


@flow(name="explain", validate_parameters=False)
def explain(config_path: Path, overrides: tuple[str, ...] = ()) -> Explained:
    """Explain the texts of a config; the page is `explained.html` in the folder of the run.

    The attributions are those of an audit with the same settings: neither computes them again.

    Raises:
        AuditError: with one finished sentence; `configs/errors.py` lists its kinds.
    """
    config = load_config(Path(config_path), overrides)
    model = obtain_classifier(config)
    config = with_certified_method(config, model)
    run = name_run(config, model)
    with locked(run):
        texts = ingest_dataset(config.data, model, run.storage / "shards", held_out=config.held_out)
        shards = attribute_shards(texts, model, config.attribution, run.storage / "parts")
        return write_explained(config, run, model, shards)
