"""The command `token-audit`."""

import contextlib
import importlib
import io
import os
import sys
import warnings
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from configs.errors import AuditError, ConfigError
from configs.load import commented_yaml, override, sections, settings
from configs.schema import BASIC
from flows.checked import checked_config
from flows.runs import find_run, opened, told
from flows.terminal import (
    errors_as_sentences,
    print_banner,
    print_certificate,
    print_findings,
    print_fixed,
    print_language,
    print_runs,
    print_settings,
    print_word,
)

if TYPE_CHECKING:
    pass

app = typer.Typer(
    name="token-audit",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="""Audit what a text classifier relies on, over a whole labelled dataset.

    Gradients attribute every prediction to its tokens, and the scores are added up over the dataset. Words that the
    model seems to use for the wrong reason (names, fragments, numbers, markup, punctuation) are found and tried on
    changed texts.

    Start with [bold]token-audit run configs/demo.yaml[/bold], then open the report it names.

    Exit codes: 0 done, 1 the audit could not be done, 2 bad usage or config, 130 stopped by Ctrl-C.
    """,
)

ConfigPath = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="YAML file with the settings; ready ones are in configs/.")
]

Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override one setting, for example --set attribution.mode=document. Repeatable.",
    ),
]

WarehousePath = Annotated[Path, typer.Option("--warehouse", help="DuckDB file with the audits.")]

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="Id of a run, its beginning, or 'latest': the last that finished. See token-audit runs."
    ),
]

_WAREHOUSE = Path("warehouse/audits.duckdb")


@app.command()
def run(config: ConfigPath, overrides: Overrides = None) -> None:
    """Audit a classifier on a dataset, from the data to the report.

    An audit that was stopped continues where it stopped; a repeat of a finished one does no work. Where to compute is
    read from the environment: TOKEN_AUDIT_WORKERS (a number of processes, GPUs, or the address of a Ray cluster),
    TOKEN_AUDIT_DEVICE (cpu, cuda:0, ...), TOKEN_AUDIT_BATCH_TOKENS, and PREFECT_API_URL for a Prefect server to report
    to.

    Example: [bold]token-audit run configs/demo.yaml --set data.sample=2000[/bold]
    """
    with errors_as_sentences():
        checked = checked_config(config, overrides, "run")
        with _prefect("flows.audit"):
            from flows.audit import audit

            done = audit(config, tuple(overrides or ()))
        from tasks.runtime.parts import num_damaged

        with opened(checked.warehouse) as warehouse:
            warehouse.use(done.run_id)
            print_banner(warehouse)
            print_language(warehouse, done.run_id)
            print_findings(warehouse)
        if damaged := num_damaged(done.storage):
            print(f"damaged\t{damaged} parts\tset aside as *.damaged in {done.storage}, made anew", file=sys.stderr)
        print(f"run\t{done.run_id}\nreport\t{done.folder / 'report.html'}")


@app.command()
def fix(
    config: ConfigPath,
    every: Annotated[bool, typer.Option("--every", help="Train every arm as a whole: slower.")] = False,
    overrides: Overrides = None,
) -> None:
    """Try what an audit proposes, by retraining: what is gained, beside a placebo.

    Needs a finetune section. The classifier is audited and trained again with each remedy (changed labelling rules,
    other words of their type in the place of spurious ones, text taken out, a last layer that unlearns a word), with
    all of them and with as many random changes, three seeds each. Of a remedy that changes texts the last layer alone
    is fitted, unless --every is given. A retraining that was stopped continues where it stopped.

    Example: [bold]token-audit fix configs/demo.yaml[/bold]
    """
    with errors_as_sentences():
        checked_config(config, overrides, "fix")
        with _prefect("flows.fix"):
            from flows.fix import fix as fix_flow

            fixed = fix_flow(config, tuple(overrides or ()), every)
        print_fixed(fixed)


@app.command()
def finetune(config: ConfigPath, overrides: Overrides = None) -> None:
    """Fine-tune the classifier of a config with a finetune section. A repeat returns the finished one.

    Example: [bold]token-audit finetune configs/demo.yaml[/bold]
    """
    with errors_as_sentences():
        checked_config(config, overrides, "finetune")
        with _prefect("flows.finetune"):
            from flows.finetune import finetune as finetune_flow

            model = finetune_flow(config, tuple(overrides or ()))
        print(f"model\t{model.folder}")


@app.command()
def explain(
    config: ConfigPath,
    overrides: Overrides = None,
    texts: Annotated[
        list[str] | None, typer.Option("--text", help="A sentence of yours, in the place of the dataset. Repeatable.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print tokens, scores, labels and predictions as JSON, and nothing else.")
    ] = False,
) -> None:
    """Explain single texts, token by token: sentences that you type, or those of a dataset.

    They are on one page that works offline. Beside it, explained.json has the sentences with their tokens, as the
    tokenizer spells them, scores, labels and predictions, and explained/ a plot of each (SVG).

    The section [bold]explain[/bold] of CONFIG sets what the page shows: one bar per token for norms of gradients
    (explain.view=bars), texts whose tokens are coloured by how they push away from or towards a label (tokens), or a
    table with labels, sums and convergence delta (table); how scores are normalised (max, l2, none); and which texts
    (explain.choose): the surest mistakes, each beside a right answer (both), mistakes first (mistakes), or the first of
    the dataset (first). Set attribution.target=gold to see what pushed towards the right answer.

    Texts need no labels: type them, or set data.label=null (and data.labels={} if it is set). The class that is
    explained is then the predicted one.

    Ready configs, each a well-known tutorial: [bold]configs/source_gradients.yaml[/bold],
    [bold]source_inner_layer.yaml[/bold], [bold]source_captum_table.yaml[/bold], [bold]source_bilstm.yaml[/bold]; with a
    network [bold]source_sst2.yaml[/bold], [bold]source_ag_news.yaml[/bold], [bold]source_bert_cased.yaml[/bold]. The
    attributions of a dataset are shared with [bold]token-audit run[/bold], and a repeat computes none again.

    Example: [bold]token-audit explain configs/demo.yaml --text "A film by Steven Seagal." --text "Not bad."[/bold]

    Example: [bold]token-audit explain my.yaml --set data.path=new.csv --set data.label=null --json > new.json[/bold]
    """
    with errors_as_sentences():
        given = [*(overrides or ()), *([override("explain.texts", texts)] if texts else ())]
        checked_config(config, given, "explain")
        with _prefect("flows.explain"):
            from flows.explain import explain as explain_flow

            found = explain_flow(config, tuple(given))
        if as_json:
            sys.stdout.write(found.data.read_text(encoding="utf-8"))
            return
        from tasks.pages.sentences import visible

        if found.accuracy is not None:
            print(f"accuracy\t{found.accuracy:.1%} of {found.num_texts} texts are read as labelled")
        for label, number in found.predictions:
            print(visible(f"read as\t{label}\t{number} of {found.num_texts} texts"))
        print(f"shown\t{found.num_shown}\njson\t{found.data}\nexplained\t{found.page}")


@app.command()
def certify(config: ConfigPath, overrides: Overrides = None) -> None:
    """Test the audit itself on your data: plant shortcuts into a copy, train on it, and see what is found.

    The classifier of the config's finetune section is trained once more, on the planted copy. The certificate says
    which attribution method ranks the planted words best, how many of them an audit calls spurious, and how many
    harmless words it calls so by chance. A self-test that was stopped continues where it stopped; a repeat does no
    work.

    Example: [bold]token-audit certify configs/reviews.yaml[/bold]
    """
    with errors_as_sentences():
        checked = checked_config(config, overrides, "certify")
        with _prefect("flows.certify"):
            from flows.certify import certify as certify_flow

            done = certify_flow(config, tuple(overrides or ()))
        with opened(checked.warehouse) as warehouse:
            print_certificate(warehouse, done.certificate_id)
        print(f"certificate\t{done.certificate_id}\nreport\t{done.report}")


@app.command()
def runs(warehouse: WarehousePath = _WAREHOUSE) -> None:
    """List the audits in a warehouse, newest first: finished, failed and why, running, or unfinished.

    An audit is unfinished if its process was stopped or killed; token-audit run CONFIG goes on with it.

    Example: [bold]token-audit runs[/bold]
    """
    with errors_as_sentences(), opened(warehouse) as database:
        print_runs(list(map(told, database.rows("registry/runs", {}))))


@app.command()
def show(
    run: RunName,
    word: Annotated[
        str | None, typer.Argument(help="A word, or a subword such as '·less', for its figures and sentences.")
    ] = None,
    warehouse: WarehousePath = _WAREHOUSE,
    sentences: Annotated[int, typer.Option(min=1, max=100, help="Sentences to show.")] = 8,
) -> None:
    """Show the findings of a run, or the figures of one WORD with the sentences that hold it.

    In the sentences, tokens that push towards the explained class are blue with a +, those that push away from it are
    orange with a -.

    Example: [bold]token-audit show latest seagal[/bold]
    """
    with errors_as_sentences(), opened(warehouse) as database:
        row = find_run(database, run)
        if not database.rows("registry/stage_key", {"run_id": row["run_id"], "stage": "remove"}):
            raise AuditError(f"{row['run_id']} has not come as far as its findings. Go on with token-audit run CONFIG.")
        database.use(row["run_id"])
        if word is None:
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
        print_word(database, storage, folded([word])[0], sentences)


@app.command()
def report(
    run: RunName,
    open_page: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    warehouse: WarehousePath = _WAREHOUSE,
) -> None:
    """Print the path of a run's report; write it again first if it is missing or out of date.

    Example: [bold]token-audit report latest --open[/bold]
    """
    with errors_as_sentences():
        with opened(warehouse) as database:
            row = find_run(database, run)
            keys = database.rows("registry/stage_key", {"run_id": row["run_id"], "stage": "recommend"})
        if not keys:
            raise AuditError(f"{row['run_id']} has not come as far as its report. Go on with token-audit run CONFIG.")
        from tasks.report import write_report
        from tasks.runs.run import stored_run

        config, stored = stored_run(row)
        page = write_report.fn(config.model_copy(update={"warehouse": warehouse}), stored, keys[0]["stage_key"])
        print(page)
        if open_page and not webbrowser.open(page.as_uri()):
            raise AuditError(f"No browser could be started. Open {page} yourself.")


labels_app = typer.Typer(no_args_is_help=True, help="Take labels that people gave back into a dataset.")
app.add_typer(labels_app, name="labels")


@labels_app.command(name="apply")
def apply_command(
    config: ConfigPath,
    export: Annotated[Path, typer.Argument(help="JSON export of Label Studio, or a CSV with example_id and label.")],
    target: Annotated[Path, typer.Argument(help="Parquet file to write; it must not be there.")],
    overrides: Overrides = None,
) -> None:
    """Write the dataset of CONFIG with the labels of EXPORT to TARGET, and where each is from to TARGET.json.

    Example: [bold]token-audit labels apply configs/demo.yaml export.json films-2.parquet[/bold]
    """
    with errors_as_sentences():
        from flows.labels import apply

        counts = apply(config, tuple(overrides or ()), export, target)
        print("\n".join(f"{name}\t{number}" for name, number in counts.items()))
        print(f"written\t{target}")


@app.command(name="config")
def config_command(
    section: Annotated[
        str | None, typer.Argument(help="Only the settings of one section, such as data or attribution.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="List every setting, not only the basic ones.")] = False,
    count: Annotated[bool, typer.Option("--count", help="Print how many settings there are.")] = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print a commented config file to start from.")] = False,
) -> None:
    """List the settings with their type, unit and default: the basic ones, those of a SECTION, or all.

    Example: [bold]token-audit config --yaml > my.yaml[/bold]
    """
    with errors_as_sentences():
        if as_yaml:
            print(commented_yaml(), end="")
            return
        rows = list(settings())
        about = sections()
        if section is not None and section not in about:
            raise ConfigError(f"{section} is no section of the settings. Sections: {', '.join(about)}.")
        chosen = [
            row
            for row in rows
            if (row["key"].startswith(f"{section}.") if section else everything or count or row["key"] in BASIC)
        ]
        if count:
            print(f"settings\t{len(chosen)}")
            return
        print_settings(chosen, {} if section or everything else about, rows)


@contextlib.contextmanager
def _prefect(flow_module: str) -> Iterator[None]:
    """Provide a Prefect server to report to, without the warnings of libraries on the terminal.

    The module of the flow, which imports torch, is imported while the server starts.
    """
    from flows.server import prefect_server

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.ExitStack() as stack:
            # The status is drawn on a terminal only.
            with Console(stderr=True).status("Starting"):
                stack.enter_context(prefect_server(meanwhile=lambda: importlib.import_module(flow_module)))
            yield


_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}
"""Read by Prefect and the hub's client when they are imported: no telemetry, and no logs on the terminal."""


def main() -> None:
    """Entry point of the command."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    code: object = 0
    try:
        app()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    # Prefect leaves daemon threads behind, and DuckDB prints pages about leaks if the interpreter is taken apart around
    # them.
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
