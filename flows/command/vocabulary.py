"""Commands that review a vocabulary and apply what comes of it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from configs.errors import ConfigError
from flows.checked import checked_config
from flows.command.audits import GROUP
from flows.command.options import (
    WAREHOUSE,
    Overrides,
    Quiet,
    Redact,
    WarehousePath,
    app,
    command,
    prefect,
    with_redaction,
)
from flows.runs import find_run, opened
from flows.terminal import errors_as_sentences, print_reviewed


class _Reviews(TyperGroup):
    """What is no command of the group is a config or a run to review."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, args if args and args[0] in self.commands else ["review", *args])


vocabulary_app = typer.Typer(
    cls=_Reviews,
    no_args_is_help=True,
    help="Find words that should be one token, and make a checkpoint in which they are.\n\n"
    "Example: [bold]token-audit vocabulary review configs/demo.yaml[/bold]",
)
app.add_typer(vocabulary_app, name="vocabulary", rich_help_panel=GROUP)


@command(GROUP, "review", vocabulary_app)
def review_command(
    source: Annotated[
        str, typer.Argument(metavar="RUN", help="Id of a run or its beginning; or a config, which is audited first.")
    ],
    train: Annotated[
        bool, typer.Option("--train", help="Prove it by retraining: with these words, without, with placebo words.")
    ] = False,
    monotone: Annotated[
        bool, typer.Option("--monotone", help="Only words of two pieces, and none that gives a text more tokens.")
    ] = False,
    added_tokens: Annotated[
        bool,
        typer.Option(
            "--added-tokens",
            help="Add words as added tokens, found before a text is cut: they may hold marks, as covid-19 does, and "
            "their neighbours may be cut otherwise. Without it: as tokens of the tokenizer's own model.",
        ),
    ] = False,
    overrides: Overrides = None,
    warehouse: WarehousePath = WAREHOUSE,
    quiet: Quiet = False,
    redact: Redact = None,
) -> None:
    """Say which words the tokenizer cuts, what that costs, and which of them should be one token.

    A config is audited first, unless that was done. The words are tried on a copy of the tokenizer: tokens saved, texts
    that would be read otherwise, new rows made in four ways and how far each moves the logits. The page is
    vocabulary.html in the folder of the run; the patch is in its exports.

    With --train, which needs a finetune section, the classifier is trained with the proposed words, with placebo words
    that are as frequent and cut into as many pieces, with all words that are cut, and without, three seeds each.

    Example: [bold]token-audit vocabulary review configs/demo.yaml[/bold]
    """
    with errors_as_sentences():
        overrides, stored = with_redaction(overrides, redact), None
        if Path(source).suffix in (".yaml", ".yml") or Path(source).is_file():
            checked_config(Path(source), overrides, f"vocabulary review{' --train' if train else ''}")
        elif overrides:
            raise ConfigError("--set and --redact are for a config: the settings of a run are those it was made with.")
        else:
            stored = warehouse
            with opened(warehouse) as database:
                find_run(database, source)
        with prefect("flows.vocabulary", quiet):
            from flows.vocabulary import review
            from tasks.extend import Ways

            ways = Ways("added_token" if added_tokens else "model", monotone)
            found = review(source, tuple(overrides), stored, train, ways)
        print_reviewed(found)


PatchPath = Annotated[Path, typer.Argument(metavar="PATCH", help="JSON file that a review wrote.")]
Target = Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Folder to write; it must not be there.")]


@command(GROUP, "apply", vocabulary_app)
def apply_command(
    patch: PatchPath,
    model: Annotated[Path, typer.Option("--model", metavar="FOLDER", help="The checkpoint, which stays as it is.")],
    target: Target,
) -> None:
    """Write a copy of a checkpoint in which the words of PATCH are one token each.

    It reads all other texts as before, and transformers loads it without this tool.

    Example: [bold]token-audit vocabulary apply vocabulary_patch.json --model my-model --to my-model-2[/bold]
    """
    with errors_as_sentences():
        from flows.vocabulary_files import apply_vocabulary
        from tasks.pages.sentences import visible

        print(visible(apply_vocabulary(patch, model, target)))


@command(GROUP, "undo", vocabulary_app)
def undo_command(
    patch: PatchPath,
    model: Annotated[Path, typer.Option("--model", metavar="FOLDER", help="A checkpoint that apply wrote.")],
    target: Target,
) -> None:
    """Write a copy of a checkpoint without the words that PATCH added: as it was before, to the byte.

    Example: [bold]token-audit vocabulary undo vocabulary_patch.json --model my-model-2 --to my-model-again[/bold]
    """
    with errors_as_sentences():
        from flows.vocabulary_files import undo_vocabulary
        from tasks.pages.sentences import visible

        print(visible(undo_vocabulary(patch, model, target)))
