"""Commands that set an audit up: settings, a first config, a look before the run, labels that come back."""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from configs.errors import ConfigError
from flows.checked import checked_config
from flows.command.options import AsJson, ConfigPath, Overrides, Quiet, Redact, app, command, prefect, with_redaction
from flows.facts import as_json
from flows.runs import near
from flows.terminal import errors_as_sentences, print_settings, print_suspected, print_table

GROUP = "Set up"


@command(GROUP)
def init(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="File to write; it must not be there.")] = Path(
        "my.yaml"
    ),
    data: Annotated[Path | None, typer.Option(help="A CSV, TSV, JSONL or Parquet file, or a folder of them.")] = None,
    text: Annotated[str | None, typer.Option(help="Column with the text.")] = None,
    label: Annotated[str | None, typer.Option(help="Column with the label.")] = None,
    model: Annotated[Path | None, typer.Option(help="Folder that save_pretrained wrote.")] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="DATA=MODEL", help="A label of the data = one of the model. Repeatable."),
    ] = None,
) -> None:
    """Write a first config: ask where data and model are, and which columns hold text and label.

    What is given by an option is not asked. Without a terminal nothing is asked, and all four options are needed.

    Example: [bold]token-audit init my.yaml --data reviews.csv --text review --label sentiment --model my-model[/bold]
    """
    with errors_as_sentences():
        if target.exists():
            raise ConfigError(f"{target} is there already, and is left as it is. Name another file.")
        from configs.schema import DataConfig, ModelConfig
        from flows.init import chosen, mapped_labels, write_config
        from tasks.data.sources import columns_at
        from tasks.model.spec import require_model_folder

        ask = _ask if _is_terminal() else None
        data = data or Path(_answer(ask, "data", "Dataset (a file, or a folder)", None))
        columns = columns_at(data)
        text = text or _answer(ask, "text", "Column with the text", "text", columns)
        label = label or _answer(ask, "label", "Column with the label", "label", columns)
        model = model or Path(_answer(ask, "model", "Folder with the model", None))
        require_model_folder(model)
        read = DataConfig(path=data, text=chosen("text", text, columns), label=chosen("label", label, columns))
        classifier = ModelConfig(path=model)
        given = dict(pair.partition("=")[::2] for pair in pairs or ())
        labels = mapped_labels(read, classifier, given, ask)
        name = re.sub(r"[^a-z0-9_-]+", "-", target.stem.lower()).strip("-_") or "audit"
        write_config(target, name, read.model_copy(update={"labels": labels}), classifier)
        print(f"written\t{target}\nnext\ttoken-audit check {shlex.quote(str(target))}")


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _ask(question: str, default: str | None, choices: list[str]) -> str:
    """Ask until the answer is one of the choices, if there are any."""
    shown = f"{question} ({', '.join(choices)})" if choices else question
    while True:
        answer = str(typer.prompt(shown, default=default if default in choices else None))
        if not choices or answer in choices:
            return answer
        print(f"{answer!r} is none of them.{near(answer, choices)}", file=sys.stderr)


def _answer(ask: Any, option: str, question: str, default: str | None, choices: Sequence[str] = ()) -> str:
    if ask is None:
        raise ConfigError(f"--{option} is missing, and nobody can be asked without a terminal.")
    return str(ask(question, default, list(choices)))


@command(GROUP)
def check(config: ConfigPath, overrides: Overrides = None, json_facts: AsJson = False) -> None:
    """Look at a config, its data, labels and model before an audit, and estimate time and memory. Changes nothing.

    What is wrong is told by the sentences of token-audit run. The time is estimated from the numbers of texts, tokens
    and weights and from a short measurement of this machine, as if nothing else ran on it, and may be half or double.

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
        str | None,
        typer.Argument(metavar="SECTION", help="Only the settings of one section, such as data or attribution."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="List every setting, not only the basic ones.")] = False,
    count: Annotated[bool, typer.Option("--count", help="Print how many settings there are.")] = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print a commented config file to start from.")] = False,
) -> None:
    """List the settings with their type, unit and default: the basic ones, those of a SECTION, or all.

    Example: [bold]token-audit config --yaml > my.yaml[/bold]
    """
    with errors_as_sentences():
        from configs.load import commented_yaml, sections, settings
        from configs.schema import BASIC

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


labels_app = typer.Typer(
    no_args_is_help=True,
    help="Find labels that are probably wrong, and take those that people gave back.\n\n"
    "Example: [bold]token-audit labels find configs/demo.yaml[/bold]",
)
app.add_typer(labels_app, name="labels", rich_help_panel=GROUP)


@command(GROUP, "find", labels_app)
def find_command(config: ConfigPath, overrides: Overrides = None, quiet: Quiet = False, redact: Redact = None) -> None:
    """Find the labels that are probably wrong, with the word that hid them, as files of labelling tools.

    Asked are the labels that the classifier is trained on, or those of the audited texts without a finetune section.
    Confident learning (cleanlab) says which are doubtful to models that never saw the text, from texts without the
    spurious words: a label that a word taught looks right as long as the word is there. Audits first, unless that was
    done.

    Example: [bold]token-audit labels find configs/demo.yaml[/bold]
    """
    with errors_as_sentences():
        overrides = with_redaction(overrides, redact)
        checked_config(config, overrides, "labels find")
        from tasks.remedies.doubts import require_cleanlab

        require_cleanlab()
        with prefect("flows.labels", quiet):
            from flows.labels import suspect

            found = suspect(config, tuple(overrides))
        print_suspected(found)


@command(GROUP, "apply", labels_app)
def apply_command(
    config: ConfigPath,
    export: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="JSON of Label Studio, or a CSV with example_id and label.")
    ],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="Parquet file to write; it must not be there.")],
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
