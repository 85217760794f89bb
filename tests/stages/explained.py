"""The story of flows/explain.py without Prefect."""

import json
import re
from html import unescape

from flows.explain import explained_config
from tasks.attribute import attribute_shards
from tasks.explain import write_explained
from tasks.finetune import obtain_classifier
from tasks.ingest import ingest_dataset
from tasks.runs.identity import name_run
from tasks.runs.run import locked


def explain(config):
    """The result, and the texts of its JSON."""
    model = obtain_classifier.fn(config)
    config = explained_config(config, model)
    run = name_run(config, model)
    held_out = None if config.data.label is None else config.held_out
    with locked(run):
        texts = ingest_dataset.fn(config.data, model, run.storage / "shards", held_out=held_out, least=1)
        shards = attribute_shards.fn(texts, model, config.attribution, run.storage / "parts")
        found = write_explained.fn(config, run, model, shards)
    return found, json.loads(found.data.read_text(encoding="utf-8"))


def visible_text(page):
    html = page.read_text(encoding="utf-8")
    text = re.sub(r"<style>.*?</style>|<script>.*?</script>", "", html, flags=re.DOTALL)
    text = re.sub(r"</(?:h\d|p|td|th|li|option)>", " ", text)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", text)).split())
