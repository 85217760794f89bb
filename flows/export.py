"""An audit for a tracker or a model card: one dictionary of parameters, metrics and tags, written in three ways.

A tracker's own settings say where it is (MLFLOW_TRACKING_URI, WANDB_MODE, WANDB_PROJECT); nothing is sent elsewhere.
"""

import importlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from configs.errors import AuditError
from configs.schema import AuditConfig
from flows.compare import chosen, row_of
from tasks.pages.artifacts import address_of
from tasks.runs.kept import per_1000
from tasks.runs.run import stored_run
from tasks.runtime.parts import read_manifest, write_whole
from tasks.runtime.plugins import first_line

Target = Literal["mlflow", "wandb", "card"]

PREFIX = "token-audit"
BEGIN, END = "<!-- token-audit: begin -->", "<!-- token-audit: end -->"
"""Around the section of a model card, by which the next export finds it."""


class Tracked(NamedTuple):
    """What every target is given."""

    params: dict[str, str]
    """Ids, hashes and names: what went in."""
    metrics: dict[str, float]
    tags: dict[str, str]
    finished_at: float
    """Seconds since 1970."""


class Exported(NamedTuple):
    """A run and where its files are; `config` and `folder` are None where they are gone."""

    run_id: str
    tracked: Tracked
    config: AuditConfig | None
    folder: Path | None


def find_exported(path: Path, run: str) -> Exported:
    """The run, by its id, its config or `latest`; also one that was removed, of which figures are kept.

    Raises:
        AuditError: there is no such run.
    """
    facts, _ = chosen(path, run, None)
    row = row_of(path, facts["run_id"])
    config = None if row is None else stored_run(row)[0]
    folder = None if row is None or not Path(row["folder"]).is_dir() else Path(row["folder"])
    return Exported(facts["run_id"], tracked_of(facts, config), config, folder)


def tracked_of(facts: Mapping[str, Any], config: AuditConfig | None) -> Tracked:
    """The one dictionary; `facts`: a row of warehouse/registry/kept.sql."""
    params = {name: str(facts[name]) for name in ("run_id", "name", "data", "model", "settings", "versions")}
    params |= {name: str(facts[name]) for name in ("weights", "tokenizer") if facts[name] is not None}
    if config is not None:
        params["dataset"] = str(config.data.path or f"{config.data.hub}@{config.data.revision}")
        params["classifier"] = str(config.model.path or config.model.hub or "finetune")
        params |= {f"where.{column}": json.dumps(wanted) for column, wanted in config.data.where.items()}
    metrics = {
        "texts": facts["n_texts"],
        "findings": facts["n_findings"],
        "words_used": facts["n_used"],
        "quarantined": facts["n_quarantined"],
        "rejected": facts["n_rejected"],
    }
    if facts["n_gold"]:
        metrics["accuracy"] = facts["n_correct"] / facts["n_gold"]
    if (rate := per_1000(facts)) is not None:
        metrics |= {
            f"per_1000{end}": value
            for end, value in (("", rate.value), ("_low", rate.low), ("_high", rate.high))
            if value is not None
        }
    tags = {f"{PREFIX}.run": facts["run_id"], f"{PREFIX}.config": facts["name"], f"{PREFIX}.state": facts["state"]}
    if config is not None and (address := address_of(config, facts["run_id"])) is not None:
        tags[f"{PREFIX}.report"] = address
    finished = facts["finished_at"].replace(tzinfo=UTC).timestamp()
    return Tracked(params, {name: float(value) for name, value in metrics.items()}, tags, finished)


# ---------------------------------------------------------------- MLflow


def to_mlflow(found: Exported, version: str | None = None) -> str:
    """Enter the audit as a run of the experiment `token-audit/CONFIG`, once; return where.

    `version`: MODEL/VERSION of the registry, which gets the tags, too.

    Raises:
        AuditError: MLflow is not installed, or does not take it.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow = _library("mlflow", "mlflow-skinny")
    params, metrics, tags, finished_at = found.tracked
    model, _, number = (version or "").partition("/")
    if version is not None and not (model and number):
        raise AuditError(f"--model-version {version} should be MODEL/VERSION, for example films/3.")
    with _refusals("MLflow"):
        client = mlflow.MlflowClient()
        if version is not None:
            client.get_model_version(model, number)
        name = f"{PREFIX}/{params['name']}"
        experiment = client.get_experiment_by_name(name)
        place = client.create_experiment(name) if experiment is None else experiment.experiment_id
        known = client.search_runs([place], f"tags.`{PREFIX}.run` = '{found.run_id}' and status = 'FINISHED'")
        if known:
            entered = known[0].info.run_id
        else:
            at = int(1000 * finished_at)
            entered = client.create_run(place, start_time=at, tags=tags, run_name=found.run_id).info.run_id
            entities = mlflow.entities
            client.log_batch(
                entered,
                metrics=[entities.Metric(key, value, at, 0) for key, value in metrics.items()],
                params=[entities.Param(key, value) for key, value in params.items()],
            )
            # What the report wrote, as where it is published: files of earlier commands may hold names that it hides.
            for file in _reported(found.folder):
                client.log_artifact(entered, str(file), *(["exports"] if file.parent.name == "exports" else []))
            client.set_terminated(entered, end_time=at)
        for key, value in tags.items():
            client.set_tag(entered, key, value)
            if version is not None:
                client.set_model_version_tag(model, number, key, value)
        return f"{mlflow.get_tracking_uri()}, experiment {name}, run {entered}"


def _reported(folder: Path | None) -> list[Path]:
    """The page and the exports of a run that is still there."""
    facts = None if folder is None else read_manifest(folder / "report.json")
    written = [] if facts is None else facts["written"]
    assert isinstance(written, dict | list)
    return [] if folder is None else [folder / name for name in written if (folder / name).is_file()]


# ---------------------------------------------------------------- Weights & Biases


def to_wandb(found: Exported) -> str:
    """Enter the audit as a run of Weights & Biases, offline unless WANDB_MODE says otherwise; return where.

    Raises:
        AuditError: its client is not installed, or does not take it.
    """
    wandb = _library("wandb", "wandb")
    params, metrics, tags, _ = found.tracked
    with _refusals("Weights & Biases"):
        run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PREFIX),
            mode=os.environ.get("WANDB_MODE", "offline"),
            id=found.run_id,
            name=found.run_id,
            group=params["name"],
            config=params | tags,
            tags=[tags[f"{PREFIX}.state"]],
            resume="allow",
        )
        run.log(metrics)
        run.finish()
        return str(run.dir)


# ---------------------------------------------------------------- a model card


def to_card(found: Exported, into: Path | None = None) -> list[Path]:
    """Write the section of the model card, and `.eval_results/token-audit.yaml` where the data are of the hub.

    Into the README.md of `into`, the folder of a model, where an earlier section is replaced; else into `card/` of the
    run.

    Raises:
        AuditError: the run has no section any more, or the folder cannot be written.
    """
    own = None if found.folder is None else found.folder / "exports" / "model_card.md"
    if own is None or found.folder is None or not own.is_file():
        raise AuditError(
            f"{found.run_id} has no exports/model_card.md any more. Write it: token-audit report {found.run_id}."
        )
    section = f"{BEGIN}\n{own.read_text(encoding='utf-8').rstrip()}\n{END}\n"
    folder = into or found.folder / "card"
    if into is not None and not into.is_dir():
        raise AuditError(f"--into {into} is no folder. Give that of the model, such as a clone of its repository.")
    readme = folder / "README.md"
    before = _text_of(readme) if readme.is_file() else ""
    written = [readme]
    write_whole(readme, _with_section(before, section, readme).encode())
    if entries := _eval_results(found):
        written.append(folder / ".eval_results" / "token-audit.yaml")
        write_whole(written[-1], yaml.safe_dump(entries, sort_keys=False, allow_unicode=True).encode())
    return written


def _text_of(card: Path) -> str:
    """With its own ends of lines: what stands outside the section is not ours."""
    try:
        return card.read_bytes().decode()
    except ValueError as error:
        raise AuditError(f"{card} is not written in UTF-8, as a model card is. Save it as UTF-8.") from error


def _with_section(card: str, section: str, path: Path) -> str:
    if (card.count(BEGIN), card.count(END)) not in ((0, 0), (1, 1)) or (card.find(END) < card.find(BEGIN)):
        raise AuditError(f"{path} has not one pair of {BEGIN} and {END}. Take what is left of them out.")
    if BEGIN not in card:
        return f"{card.rstrip()}\n\n{section}" if card.strip() else section
    head, rest = card.split(BEGIN)
    return head + section.rstrip("\n") + rest.split(END)[1]


def _eval_results(found: Exported) -> list[dict[str, Any]]:
    """Entries of the hub's format; none for data that are not there."""
    config, metrics = found.config, found.tracked.metrics
    if config is None or config.data.hub is None:
        return []
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    told = {
        "accuracy": "share of the texts predicted as labelled",
        "per_1000": "predictions per 1,000 texts that hang on spurious words",
    }
    entries = [
        EvalResultEntry(
            dataset_id=config.data.hub,
            task_id=f"{config.data.subset or 'default'}.{config.data.split}.{name}",
            value=round(metrics[name], 4),
            dataset_revision=config.data.revision,
            date=datetime.fromtimestamp(found.tracked.finished_at, UTC).date().isoformat(),
            source_url=found.tracked.tags.get(f"{PREFIX}.report"),
            notes=f"token-audit {found.run_id}: {said}; state {found.tracked.tags[f'{PREFIX}.state']}",
        )
        for name, said in told.items()
        if name in metrics
    ]
    found_entries: list[dict[str, Any]] = eval_result_entries_to_yaml(entries)
    return found_entries


# ---------------------------------------------------------------- libraries


def _library(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise AuditError(f"token-audit export {name} needs the package {package}: pip install {package}.") from error


@contextmanager
def _refusals(who: str) -> Iterator[None]:
    try:
        yield
    except AuditError:
        raise
    except Exception as error:  # a client may raise anything
        raise AuditError(f"{who} does not take the audit ({type(error).__name__}: {first_line(error)}).") from error
