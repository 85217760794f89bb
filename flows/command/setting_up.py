"""Commands that set an audit up: settings, a first config, a look before the run, labels that come back."""

from pathlib import Path
from typing import Annotated

import typer

from configs.errors import ConfigError
from configs.load import commented_yaml, sections, settings
from configs.schema import BASIC
from flows.command.options import AsJson, ConfigPath, Overrides, app, command
from flows.facts import as_json
from flows.terminal import errors_as_sentences, print_settings, print_table

GROUP = "Set up"


@command(GROUP)
def check(config: ConfigPath, overrides: Overrides = None, json_facts: AsJson = False) -> None:
    """Look at a config, its data, labels and model before an audit, and estimate time and memory. Changes nothing.

    What is wrong is told by the sentences of token-audit run. The time is estimated from the numbers of texts, tokens
    and weights and from a short measurement of this machine, and may be half or double.

    Example: [bold]token-audit check configs/demo.yaml[/bold]
    """
    with errors_as_sentences():
        from flows.check import check_config, facts_of_check, lines_of

        found = check_config(config, list(overrides or ()))
        if json_facts:
            print(as_json(facts_of_check(found)))
            return
        print_table(("", ""), [*lines_of(found), ("ready", f"token-audit run {config}")], header=False)


@command(GROUP, "config")
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


labels_app = typer.Typer(no_args_is_help=True, help="Take labels that people gave back into a dataset.")
app.add_typer(labels_app, name="labels", rich_help_panel=GROUP)


@command(GROUP, "apply", labels_app)
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
