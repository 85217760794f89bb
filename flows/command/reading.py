"""Commands that read what audits found."""

import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from configs.errors import AuditError, ConfigError
from flows.command.options import RUN_HELP, WAREHOUSE, AsJson, Redact, WarehousePath, command
from flows.facts import as_json, brief, facts_of, require_findings
from flows.runs import find_run, opened, removed, run_and_word, told, use_run
from flows.summary import print_runs
from flows.terminal import errors_as_sentences, print_banner, print_findings
from flows.word import print_word, word_facts

GROUP = "Read"


@command(GROUP)
def show(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help=RUN_HELP)] = None,
    word: Annotated[
        str | None,
        typer.Argument(
            metavar="WORD", help="A word, or a subword such as '·less', for its figures and sentences; alone, too."
        ),
    ] = None,
    warehouse: WarehousePath = WAREHOUSE,
    sentences: Annotated[int, typer.Option(min=1, max=100, help="Sentences to show.")] = 8,
    json_facts: AsJson = False,
    redact: Redact = None,
) -> None:
    """Show the findings of a run, or the figures of one WORD with the sentences that hold it.

    What is no name of a run is a word of the latest one. In the sentences, tokens that push towards the explained class
    are blue with a +, those that push away from it are orange with a −.

    Example: [bold]token-audit show seagal[/bold]
    """
    with errors_as_sentences(), opened(warehouse) as database:
        row, word, no_run = run_and_word(database, run, word)
        require_findings(database, row["run_id"])
        use_run(database, row, redact)
        if word is None:
            if json_facts:
                print(as_json(facts_of(database, row)))
                return
            print_banner(database)
            print_findings(database)
            return
        from tasks.runs.run import stored_run
        from warehouse import folded

        storage = stored_run(row)[1].storage
        if not (storage / "parts").is_dir():
            raise AuditError(
                f"The folder {storage} of this run is gone, and the sentences with it. Run its config again."
            )
        given = folded([word])[0]
        if json_facts:
            print(as_json({"run": row["run_id"], **word_facts(database, storage, given, sentences, no_run)}))
        else:
            print_word(database, storage, given, sentences, no_run)


@command(GROUP)
def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)] = "latest",
    open_page: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    warehouse: WarehousePath = WAREHOUSE,
    json_facts: AsJson = False,
    redact: Redact = None,
) -> None:
    """Print the path of a run's report; write it again first if it is missing or out of date.

    Example: [bold]token-audit report --open[/bold]
    """
    with errors_as_sentences():
        with opened(warehouse) as database:
            row = find_run(database, run)
            keys = database.rows("registry/stage_key", {"run_id": row["run_id"], "stage": "recommend"})
            if json_facts and keys:
                use_run(database, row, redact)
            facts = facts_of(database, row) if json_facts and keys else {}
        if not keys:
            raise AuditError(f"{row['run_id']} has not come as far as its report. Go on with token-audit run CONFIG.")
        from tasks.report import write_report
        from tasks.runs.run import stored_run

        config, stored = stored_run(row)
        wanted = config.report if redact is None else config.report.model_copy(update={"redact": redact})
        config = config.model_copy(update={"warehouse": warehouse, "report": wanted})
        page = write_report.fn(config, stored, keys[0]["stage_key"])
        print(as_json(facts | {"report": str(page)}) if json_facts else page)
        if open_page and not webbrowser.open(page.as_uri()):
            raise AuditError(f"No browser could be started. Open {page} yourself.")


@command(GROUP, "open")
def open_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)] = "latest",
    warehouse: WarehousePath = WAREHOUSE,
    redact: Redact = None,
) -> None:
    """Open the report of a run in the browser; write it again first if it is missing or out of date.

    It is a file: nothing is served, and nothing leaves this machine. Every word of the texts with its scores is in
    exports/words.json beside it, to which the page links.

    Example: [bold]token-audit open[/bold]
    """
    report(run, open_page=True, warehouse=warehouse, redact=redact)


@command(GROUP)
def runs(
    warehouse: WarehousePath = WAREHOUSE,
    json_facts: AsJson = False,
    config: Annotated[str | None, typer.Option("--config", help="Only those of this config: its file or name.")] = None,
    page: Annotated[
        Path | None, typer.Option("--page", help="Write a page over all runs of --config to this file.")
    ] = None,
) -> None:
    """List the audits in a warehouse, newest first: finished, failed and why, running, or unfinished.

    An audit is unfinished if its process was stopped or killed; token-audit run CONFIG goes on with it.

    The page has state, findings, accuracy and predictions per 1,000 over time, also of audits that were pruned.

    Example: [bold]token-audit runs --config films --page history.html[/bold]
    """
    with errors_as_sentences():
        if page is not None and config is None:
            raise ConfigError("--page needs --config: the page is over the runs of one config.")
        name = None
        if config is not None:
            from flows.compare import config_name

            name = config_name(config)
        with opened(warehouse) as database:
            found = [row for row in database.rows("registry/runs", {}) if name in (None, row["name"])]
            rows = [told(row) | (brief(database, row["run_id"]) or {}) for row in found]
        if json_facts:
            print(as_json([_listed(row) for row in rows]))
        else:
            print_runs(rows)
        if page is not None and name is not None:
            from flows.history import write_history

            write_history(warehouse, name, page)
            print(f"page\t{page}", file=sys.stderr if json_facts else sys.stdout)


def _listed(row: Mapping[str, Any]) -> dict[str, Any]:
    facts = ("run_id", "name", "status", "reason", "started_at", "finished_at", "folder")
    return {name: row.get(name) for name in (*facts, "n_texts", "n_predicted", "n_correct", "state", "n_findings")}


@command(GROUP)
def rm(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or its beginning.")],
    warehouse: WarehousePath = WAREHOUSE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a run: its folder with the report, its parts and its tables. One that is running is left alone.

    Example: [bold]token-audit rm films_1a2b[/bold]
    """
    with errors_as_sentences():
        with opened(warehouse) as database:
            row = find_run(database, run)
        if not yes:
            typer.confirm(f"Remove {row['run_id']}, its folder {row['folder']} and its tables?", abort=True)
        for gone in removed(warehouse, row):
            print(f"removed\t{gone}")


@command(GROUP)
def prune(
    keep: Annotated[int, typer.Option("--keep", help="Newest finished runs of each config that stay.")] = 30,
    parts: Annotated[int, typer.Option("--parts", help="Of these, runs whose parts stay.")] = 7,
    config: Annotated[str | None, typer.Option("--config", help="Only of this config: its file or name.")] = None,
    warehouse: WarehousePath = WAREHOUSE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it. Without it, only say what would go.")] = False,
) -> None:
    """Remove old runs, and the parts of those that are less old. Says what would go, and does it with --yes.

    Without its parts a run has its report and its tables; with them go the sentences of token-audit show. Of a run that
    is removed what is compared stays, so that the history has no holes. A run is left if it is being audited, or if a
    run that stays, or a certificate, needs a file of it.

    Example: [bold]token-audit prune --keep 30 --parts 7 --yes[/bold]
    """
    with errors_as_sentences():
        from flows.prune import planned
        from flows.prune import prune as prune_run

        size = 0
        for plan in planned(warehouse, keep, parts, config):
            reason = plan.reason or None
            if plan.what != "left":
                own = plan.size
                reason = prune_run(warehouse, plan) if yes else None
            if reason is not None:
                print(f"left\t{plan.run_id}\t{reason}")
                continue
            size += own
            print(f"{plan.what}\t{plan.run_id}\t{own / 1e6:.1f} MB\t{', '.join(map(str, plan.places))}")
        print(f"{'freed' if yes else 'would free'}\t{size / 1e6:.1f} MB{'' if yes else ' (--yes does it)'}")


@command(GROUP)
def export(
    target: Annotated[
        Literal["mlflow", "wandb", "card"],
        typer.Argument(metavar="TARGET", help="mlflow, wandb or card (of a model)."),
    ],
    run: Annotated[str, typer.Argument(metavar="RUN", help=f"{RUN_HELP} A config: its newest run.")] = "latest",
    warehouse: WarehousePath = WAREHOUSE,
    version: Annotated[
        str | None, typer.Option("--model-version", metavar="MODEL/VERSION", help="MLflow: it gets the tags, too.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="card: the folder of the model, whose README.md gets the section.")
    ] = None,
) -> None:
    """Write an audit into MLflow, Weights & Biases or a model card: ids and hashes, figures, the state.

    MLflow (pip install mlflow-skinny) is where MLFLOW_TRACKING_URI says; an audit is entered once. Weights & Biases
    (pip install wandb) is offline unless WANDB_MODE says otherwise. A card is a section of README.md, which takes the
    place of an earlier one, and [bold].eval_results/token-audit.yaml[/bold] where the data are of the hub.

    Example: [bold]token-audit export mlflow latest --model-version films/3[/bold]
    """
    with errors_as_sentences():
        if version is not None and target != "mlflow":
            raise ConfigError(
                "--model-version is of MLflow's registry: token-audit export mlflow RUN --model-version M/3."
            )
        if into is not None and target != "card":
            raise ConfigError("--into is the folder of a model card: token-audit export card RUN --into FOLDER.")
        from flows.export import find_exported, to_card, to_mlflow, to_wandb

        found = find_exported(warehouse, run)
        if target == "card":
            for path in to_card(found, into):
                print(f"written\t{path}")
        else:
            print(f"{target}\t{to_mlflow(found, version) if target == 'mlflow' else to_wandb(found)}")
