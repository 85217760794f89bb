"""The command `token-audit`."""

import contextlib
import importlib
import io
import os
import signal
import sys
import warnings
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from configs.load import load_config, settings
from configs.schema import AuditError, ConfigError

if TYPE_CHECKING:
    from tasks.sentences import Sentence
    from warehouse import Warehouse

app = typer.Typer(
    name="token-audit", no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False,
    help="""Audit what a text classifier leans on, over a whole labelled dataset.

    Every prediction is shared out among its tokens with gradients, the shares are added up over the dataset, and the
    words that the model uses for the wrong reason are found and proved: names, fragments, numbers, markup, punctuation.

    Start with [bold]token-audit run configs/demo.yaml[/bold], then open the report it names.

    Exit codes: 0 done, 1 the audit could not be done, 2 bad usage or config, 130 stopped by Ctrl-C.
    """,
)  # fmt: skip

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
    str, typer.Argument(metavar="RUN", help="Id of a run, its beginning, or 'latest'. See token-audit runs.")
]
_WAREHOUSE = Path("warehouse/audits.duckdb")
_NEGATIVE, _POSITIVE = "#e08214", "#4393c3"


@app.command()
def run(config: ConfigPath, overrides: Overrides = None) -> None:
    """Audit a classifier on a dataset, from the data to the report.

    An audit that was stopped goes on where it was; a repeat of a finished one does no work. Where to compute is read
    from the environment: TOKEN_AUDIT_WORKERS (a number of processes, GPUs, or the address of a Ray cluster),
    TOKEN_AUDIT_DEVICE (cpu, cuda:0, ...), TOKEN_AUDIT_BATCH_TOKENS, and PREFECT_API_URL for a
    Prefect server to report to.
    """
    with _errors_as_sentences():
        # Before anything slow starts.
        checked = load_config(config, tuple(overrides or ()))
        with _prefect("flows.audit"):
            from flows.audit import audit

            done = audit(config, tuple(overrides or ()))
        from tasks.parts import num_damaged

        with _opened(checked.warehouse) as warehouse:
            warehouse.use(done.run_id)
            _print_findings(warehouse)
        if damaged := num_damaged(done.storage):
            print(f"damaged\t{damaged} parts\tset aside as *.damaged in {done.storage}, made anew", file=sys.stderr)
        print(f"run\t{done.run_id}\nreport\t{done.folder / 'report.html'}")


@app.command()
def finetune(config: ConfigPath, overrides: Overrides = None) -> None:
    """Make the classifier of a config with a finetune section. A repeat returns the finished one."""
    with _errors_as_sentences():
        load_config(config, tuple(overrides or ()))
        with _prefect("flows.finetune"):
            from flows.finetune import finetune as finetune_flow

            model = finetune_flow(config, tuple(overrides or ()))
        print(f"model\t{model.folder}")


@app.command()
def explain(config: ConfigPath, overrides: Overrides = None) -> None:
    """Explain single texts of a dataset, token by token, on one page that works offline.

    The section [bold]explain[/bold] of CONFIG says what the page shows: a bar a token for norms of gradients
    (explain.view=bars), texts with their tokens coloured against and for a label (tokens), or a table with labels, sums
    and convergence delta (table); how scores are normalised (max, l2, none); and whether the texts that the model gets
    wrong come first. Set attribution.target=gold to read what spoke for the right answer.

    Ready configs, each a well-known tutorial: [bold]configs/source_gradients.yaml[/bold], [bold]source_inner_layer.yaml[/bold],
    [bold]source_captum_table.yaml[/bold], [bold]source_bilstm.yaml[/bold]. Texts are those of data.sample; the attributions
    are shared with [bold]token-audit run[/bold], and a repeat computes none again.
    """
    with _errors_as_sentences():
        load_config(config, tuple(overrides or ()))
        with _prefect("flows.explain"):
            from flows.explain import explain as explain_flow

            found = explain_flow(config, tuple(overrides or ()))
        print(f"accuracy\t{found.accuracy:.1%} of {found.num_texts} texts are read as labelled")
        print(f"shown\t{found.num_shown}\nexplained\t{found.page}")


@app.command()
def certify(config: ConfigPath, overrides: Overrides = None) -> None:
    """Test the audit itself on your data: plant shortcuts into a copy, train on it, see what is found.

    The classifier of the config's finetune section is trained once more, on the planted copy. The certificate says which
    attribution method ranks the planted words best, how many of them an audit calls spurious, and how much it calls so by
    chance. A self-test that was stopped goes on where it was; a repeat does no work.
    """
    with _errors_as_sentences():
        checked = load_config(config, tuple(overrides or ()))
        with _prefect("flows.certify"):
            from flows.certify import certify as certify_flow

            done = certify_flow(config, tuple(overrides or ()))
        with _opened(checked.warehouse) as warehouse:
            _print_certificate(warehouse, done.certificate_id)
        print(f"certificate\t{done.certificate_id}\nreport\t{done.report}")


@app.command()
def runs(warehouse: WarehousePath = _WAREHOUSE) -> None:
    """List the audits in a warehouse, newest first."""
    with _errors_as_sentences(), _opened(warehouse) as database:
        from tasks.run import is_locked

        rows = database.rows("registry/runs", {}).to_pylist()
        for row in rows:
            if row["status"] == "running" and not is_locked(Path(row["folder"])):
                row["status"] = "stopped"
        _print_table(
            ("run", "status", "started", "finished", "report"),
            [
                (
                    row["run_id"],
                    row["status"],
                    _time(row["started_at"]),
                    _time(row["finished_at"]),
                    str(Path(row["folder"]) / "report.html"),
                )
                for row in rows
            ],
        )


@app.command()
def show(
    run: RunName,
    word: Annotated[
        str | None, typer.Argument(help="A word, or a piece such as '·less', for its figures and its sentences.")
    ] = None,
    warehouse: WarehousePath = _WAREHOUSE,
    sentences: Annotated[int, typer.Option(min=1, max=100, help="Sentences to show.")] = 8,
) -> None:
    """Show the findings of a run, or everything about one WORD with the sentences that hold it.

    In the sentences, tokens that speak for the explained class are blue with a +, those against it orange with a -.
    """
    with _errors_as_sentences(), _opened(warehouse) as database:
        row = _find_run(database, run)
        database.use(row["run_id"])
        if word is None:
            _print_findings(database)
            return
        from tasks.run import stored_run
        from tasks.words import as_in_the_tables

        storage = stored_run(row)[1].storage
        if not (storage / "parts").is_dir():
            raise AuditError(
                f"The folder {storage} of this run is gone, and the sentences with it. Run its config again."
            )
        _print_word(database, storage, as_in_the_tables(word), sentences)


@app.command()
def report(
    run: RunName,
    open_page: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    warehouse: WarehousePath = _WAREHOUSE,
) -> None:
    """Print the path of a run's report, writing it again if it is missing or out of date."""
    with _errors_as_sentences():
        with _opened(warehouse) as database:
            row = _find_run(database, run)
            keys = database.rows("registry/stage_key", {"run_id": row["run_id"], "stage": "recommend"}).to_pylist()
        if not keys:
            raise AuditError(f"{row['run_id']} has not come as far as its report. Go on with token-audit run CONFIG.")
        from tasks.report import write_report
        from tasks.run import stored_run

        config, stored = stored_run(row)
        page = write_report.fn(config.model_copy(update={"warehouse": warehouse}), stored, keys[0]["stage_key"])
        print(page)
        if open_page and not webbrowser.open(page.as_uri()):
            raise AuditError(f"No browser could be started. Open {page} yourself.")


@app.command(name="config")
def config_command() -> None:
    """List every setting with its type, unit and default."""
    rows = list(settings())
    if not sys.stdout.isatty():
        _print_table(("setting", "type", "unit", "default", "meaning"), [tuple(row.values()) for row in rows])
        return
    console = Console()
    for row in rows:
        console.print(
            f"[bold]{escape(row['key'])}[/bold]  {escape(row['type'])}{', ' + escape(row['unit']) if row['unit'] else ''}, default {escape(row['default'])}"
        )
        console.print(f"    {escape(row['meaning'])}", highlight=False)


@contextlib.contextmanager
def _errors_as_sentences() -> Iterator[None]:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except ConfigError as error:
        _complain(str(error))
        raise typer.Exit(2) from error
    except AuditError as error:
        _complain(f"token-audit: {error}")
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        print("token-audit: stopped. Nothing is lost: the same command goes on from here.", file=sys.stderr)
        raise typer.Exit(130) from error
    except BrokenPipeError as error:
        # `token-audit config | head`: nobody reads on, and nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from error
    except OSError as error:
        # A full disk, a folder without permission: the sentence of the operating system says what and where.
        _complain(f"token-audit: {error}. Finished parts are kept; the same command goes on from here.")
        raise typer.Exit(1) from error
    except Exception as error:
        # Only what the clients of Prefect and of object stores raise when the other side refuses or goes away; a mistake of
        # ours keeps its traceback.
        from tasks.plugins import first_line

        client, reason = type(error).__module__.partition(".")[0], first_line(error)
        if client in ("prefect", "httpx"):
            _complain(
                f"token-audit: the Prefect API refuses ({reason}). Check PREFECT_API_URL and its key, or unset it."
            )
        elif client in ("botocore", "aiohttp", "gcsfs", "azure"):
            _complain(
                f"token-audit: the object store is out of reach ({reason}). Finished parts are kept; the same command goes on from here."
            )
        else:
            raise
        raise typer.Exit(1) from error


def _complain(message: str) -> None:
    """To standard error. Messages quote files and models: nothing in them may steer the terminal."""
    from tasks.sentences import visible

    print(visible(message), file=sys.stderr)


@contextlib.contextmanager
def _prefect(flow_module: str) -> Iterator[None]:
    """A Prefect server to report to, and a quiet terminal: our own lines and sentences say what happens.

    The module of the flow, with torch behind it, is imported while the server starts.
    """
    from flows.server import prefect_server

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.ExitStack() as stack:
            # Drawn on a terminal only.
            with Console(stderr=True).status("Starting"):
                stack.enter_context(prefect_server(meanwhile=lambda: importlib.import_module(flow_module)))
            yield


@contextlib.contextmanager
def _opened(path: Path) -> "Iterator[Warehouse]":
    from warehouse import open_warehouse

    with open_warehouse(path, read_only=True) as warehouse:
        yield warehouse


def _find_run(warehouse: "Warehouse", name: str) -> dict[str, Any]:
    rows = warehouse.rows("registry/runs", {}).to_pylist()
    if name == "latest" and rows:
        return dict(rows[0])
    found = [row for row in rows if row["run_id"].startswith(name)]
    exact = [row for row in found if row["run_id"] == name]
    if len(exact or found) != 1:
        known = ", ".join(row["run_id"] for row in (found or rows)[:8]) or "none"
        raise AuditError(f"{'Several runs begin' if found else 'No run begins'} with {name!r}. Runs: {known}.")
    return dict((exact or found)[0])


def _print_findings(warehouse: "Warehouse") -> None:
    rows = warehouse.rows("report/findings", {"n_rows": 12}).to_pylist()
    if not rows:
        print("findings\t0\tno word that the model uses is spurious by the rules of this audit")
        return
    if sys.stdout.isatty():
        # A terminal has room for the names of the rules; `show RUN WORD` and the report have their figures.
        header: tuple[str, ...] = ("word", "speaks for", "texts", "effect", "why spurious")
        table: list[tuple[str, ...]] = [
            (row["word"], row["label"], f"{row['n_examples']:,}", f"{row['strength']:+.2f}", _reasons(row["why"]))
            for row in rows
        ]
    else:
        header = ("word", "kind", "speaks for", "type", "examples", "effect", "severity", "why")
        table = [(
            row["word"], row["kind"], row["label"], row["type"], str(row["n_examples"]), f"{row['strength']:+.2f}",
            f"{row['severity']:.4f}", row["why"],
        ) for row in rows]  # fmt: skip
    _print_table(header, table)


def _print_certificate(warehouse: "Warehouse", certificate_id: str) -> None:
    params = {"certificate_id": certificate_id}
    _print_table(
        ("shortcut", "strength", "learned", "accuracy", "clean model", "spurious", "recall", "words"),
        [
            (
                row["shortcut"], f"{row['strength']:g}", "yes" if row["learned"] else "no", f"{row['planted_accuracy']:.2f}",
                f"{row['clean_accuracy']:.2f}", f"{row['n_spurious']}/{row['n_words']}", f"{row['recall_spurious']:.2f}", row["words"],
            )
            for row in warehouse.rows("certify/recall", params).to_pylist()
        ],
    )  # fmt: skip
    _print_table(
        ("method", "baseline", "precision@k", "lowest", "mean rank"),
        [
            (row["method"], row["baseline"], f"{row['precision_at_k']:.3f}", f"{row['lowest']:.3f}", f"{row['mean_rank']:.2f}")
            for row in warehouse.rows("certify/methods", params).to_pylist()
        ],
    )  # fmt: skip
    (found,) = warehouse.rows("certify/false_discoveries", params).to_pylist()
    rate = "unknown, there are no decoys" if found["decoy_fdr"] is None else f"{found['decoy_fdr']:.3f}"
    print(f"decoys\t{found['n_decoys_spurious']} of {found['n_decoys']} called spurious")
    print(f"controls\t{found['n_controls_spurious']} of {found['n_controls']} called spurious")
    print(f"false discovery rate\t{rate}\t{found['n_flagged']} words called spurious")


def _reasons(why: str) -> str:
    return ", ".join(part.partition(":")[0] for part in why.split("; "))


def _print_word(warehouse: "Warehouse", folder: Path, word: str, num_sentences: int) -> None:
    from tasks.sentences import sentences_with, visible

    figures = warehouse.rows("report/word", {"word": word}).to_pylist()
    kind = figures[0]["kind"] if figures else "piece" if "·" in word else "word"
    sentences = sentences_with(warehouse, folder, word, kind, num_sentences)
    if not sentences:
        raise AuditError(f"{word!r} is in none of the explained texts.")
    for fact in figures:
        rate = "" if fact["label_rate"] is None else f", {fact['label_rate']:.0%} of its examples have the label"
        waived = "" if fact["waived_by"] is None else f", waived by {fact['waived_by']}"
        lines = [
            f"{fact['word']} ({fact['kind']}, {fact['type']}) speaks for {fact['label']}",
            f"score\t{fact['mean_score']:+.3f} (95 % interval {fact['ci_low']:+.3f} to {fact['ci_high']:+.3f}, q {fact['q_value']:.2g})",
            f"examples\t{fact['n_examples']}{rate}",
            f"verdict\t{fact['verdict'] or 'not tried'}{waived}",
            *(f"rule\t{rule['rule']}: {rule['detail']}" for rule in fact["rules"] or ()),
            *(f"{effect['operator']}\t{_effect(effect)}" for effect in fact["effects"] or ()),
        ]
        print("\n".join(visible(line) for line in lines))
    if not figures:
        print(visible(f"{word}\tno figures: it is in fewer examples than aggregation.min_examples"))
    console = Console()
    for sentence in sentences:
        console.print(_coloured(sentence))


def _effect(effect: dict[str, Any]) -> str:
    interval = (
        ""
        if effect["effect_low"] is None
        else f" (95 % interval {effect['effect_low']:+.3f} to {effect['effect_high']:+.3f})"
    )
    return f"{effect['mean_effect']:+.3f} log-odds in {effect['n_trials']} texts{interval}"


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on a terminal, tab-separated lines without one. Cells hold text of the dataset: nothing in them may steer the terminal."""
    from tasks.sentences import visible

    if not sys.stdout.isatty():
        for row in (header, *rows):
            print("\t".join(visible(" ".join(str(cell).split())) for cell in row))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(visible(str(cell))) for cell in row))
    Console().print(table)


def _coloured(sentence: "Sentence") -> Text:
    """The sentence with its tokens coloured by score; the sign is written out, since colour alone does not reach everybody."""
    from tasks.sentences import visible

    largest = max((abs(piece.score) for piece in sentence.pieces if piece.score is not None), default=0.0) or 1.0
    text = Text()
    header = f"\nlabelled {sentence.gold}, read as {sentence.predicted} ({sentence.confidence:.0%} sure)\n"
    text.append(visible(header), style="dim")
    for piece in sentence.pieces:
        strength = 0.0 if piece.score is None else piece.score / largest
        shown = visible(piece.text)
        if abs(strength) < 0.15:
            text.append(shown)
        else:
            colour = _POSITIVE if strength > 0 else _NEGATIVE
            style = f"bold {colour}" if abs(strength) > 0.5 else colour
            text.append(f"{shown}{'+' if strength > 0 else '-'}", style=style)
    return text


def _time(moment: Any) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}
"""Read by Prefect and the hub's client when they are imported: no telemetry, and our own lines in the place of their logs."""


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
    # Prefect leaves daemon threads behind, and DuckDB prints pages about leaks if the interpreter is taken apart around them.
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
