"""The application, how a command joins it, and what several commands take."""

import contextlib
import importlib
import inspect
import io
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

EXIT_CODES = (
    "Exit codes: 0 done, 1 the audit could not be done, 2 bad usage or config, 3 the gate does not pass, "
    "130 stopped by Ctrl-C."
)
"""The one place that says them; `token-audit --help` prints it."""

GATE_FAILED = 3


ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}
"""Read by Prefect and the hub's client when they are imported: no telemetry, and no logs on the terminal."""


def unwrapped(text: str) -> str:
    """Each paragraph on one line, so that it wraps at the width of the terminal and not at that of the code."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


app = typer.Typer(
    name="token-audit",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help=unwrapped(
        f"""Audit what a text classifier relies on, over a whole labelled dataset.

        Gradients attribute every prediction to its tokens, and the scores are added up over the dataset. Words that the
        model seems to use for the wrong reason (names, fragments, numbers, markup, punctuation) are found and tried on
        changed texts.

        Start with [bold]token-audit run configs/demo.yaml[/bold], then open the report it names.

        {EXIT_CODES}
        """
    ),
)


def command(group: str, name: str | None = None, into: typer.Typer = app) -> Callable[[Any], Any]:
    """Make a function a command in a group of `--help`; its docstring is the help."""

    def made(function: Any) -> Any:
        panel = None if into is not app else group
        return into.command(name, help=unwrapped(function.__doc__), rich_help_panel=panel)(function)

    return made


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"token-audit {version('token-audit')}")
        raise typer.Exit


@app.callback()
def _whole(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


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

AsJson = Annotated[bool, typer.Option("--json", help="Print the facts as JSON, and nothing else.")]

AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], help="Day that dates in data.where are relative to; today's in UTC without it."
    ),
]

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress: results and errors alone.")]

Redact = Annotated[
    Literal["names"] | None,
    typer.Option(help="Put placeholders in the place of names, in all that is written and shown (report.redact)."),
]


def with_redaction(overrides: list[str] | None, redact: str | None) -> list[str]:
    """The overrides, and that of `--redact`."""
    return [*(overrides or ()), *([f"report.redact={redact}"] if redact else ())]


RUN_HELP = "Id of a run or its beginning. Without it, or with 'latest': the last that finished. See token-audit runs."

WAREHOUSE = Path("warehouse/audits.duckdb")


@contextlib.contextmanager
def prefect(flow_module: str, quiet: bool = False) -> Iterator[None]:
    """Provide a Prefect server to report to, without the warnings of libraries on the terminal.

    The module of the flow, which imports torch, is imported while the server starts.
    """
    from flows.server import prefect_server

    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        if quiet:
            # An error is told behind this block, on the true one.
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        # The status is drawn on a terminal only.
        with Console(stderr=True).status("Starting: loading PyTorch, and waiting for Prefect's server (10 to 30 s)"):
            stack.enter_context(prefect_server(meanwhile=lambda: importlib.import_module(flow_module)))
        yield
