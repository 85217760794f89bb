"""What the commands print: tables, findings, certificates, and errors as sentences."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from configs.errors import AuditError, ConfigError

if TYPE_CHECKING:
    from flows.fix import Fixed
    from flows.vocabulary import Reviewed
    from tasks.suspect import Suspected
    from warehouse import Warehouse


@contextlib.contextmanager
def errors_as_sentences() -> Iterator[None]:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except ConfigError as error:
        complain(str(error))
        raise typer.Exit(2) from error
    except AuditError as error:
        complain(f"token-audit: {error}")
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
        complain(f"token-audit: {error}. {_what_is_kept()}")
        raise typer.Exit(1) from error
    except Exception as error:
        # Only what clients of Prefect and of object stores raise when the other side refuses or goes away; a mistake of
        # ours keeps its traceback.
        from tasks.runtime.plugins import first_line

        client, reason = type(error).__module__.partition(".")[0], first_line(error)
        if client in ("prefect", "httpx"):
            complain(
                f"token-audit: the Prefect API refuses ({reason}). Check PREFECT_API_URL and its key, or unset it."
            )
        elif client in ("botocore", "aiohttp", "gcsfs", "azure"):
            complain(f"token-audit: the object store is out of reach ({reason}). {_what_is_kept()}")
        else:
            raise
        raise typer.Exit(1) from error


def _what_is_kept() -> str:
    # Before this module is imported no part can have been made.
    parts = sys.modules.get("tasks.runtime.parts")
    return str(parts.what_is_kept()) if parts is not None else "Nothing was made yet; run the command again."


def complain(message: str) -> None:
    """To standard error. Messages quote files and models: nothing in them may steer the terminal."""
    from tasks.pages.sentences import visible

    print(visible(message), file=sys.stderr)


def print_banner(warehouse: "Warehouse") -> None:
    """The state of the audit in a title and a sentence."""
    from tasks.pages.banner import read_banner

    state = read_banner(warehouse)
    if sys.stdout.isatty():
        Console().print(Text.assemble((f"{state.title}. ", "bold"), state.text), "", sep="\n")
    else:
        print(f"state\t{state.title}\t{state.text}")


def print_language(warehouse: "Warehouse", run_id: str) -> None:
    """The languages of the texts, where a rule is off for one or a word is not what it is in English."""
    from tasks.pages.languages import language_sentences

    said, rules = language_sentences(warehouse, run_id)
    if rules:
        print(f"language\t{said}\t{rules}")


def print_findings(warehouse: "Warehouse") -> None:
    from tasks.pages.headlines import signed
    from tasks.pages.rules import titles, told

    rows = warehouse.rows("report/findings", {"n_rows": 12})
    if not rows:
        (total,) = warehouse.rows("report/total", {})
        why = "nothing that was tried is shown to be spurious" if total["n_tried"] else "no word was tried"
        print(f"findings\t0\t{why}")
        return
    if sys.stdout.isatty():
        # A terminal has room for the titles of the rules; `show RUN WORD` and the report have their figures.
        header: tuple[str, ...] = ("word", "pushes towards", "texts", "effect", "per 1,000", "why spurious")
        table: list[tuple[str, ...]] = [
            (
                row["word"],
                row["label"],
                f"{row['n_examples']:,}",
                signed(row["effect"]),
                per_1000(row),
                titles(row["rules"]),
            )
            for row in rows
        ]
    else:
        header = ("word", "kind", "pushes towards", "type", "examples", "effect", "per 1,000", "why")
        table = [
            (
                row["word"],
                row["kind"],
                row["label"],
                row["type"],
                str(row["n_examples"]),
                f"{row['effect']:+.2f}",
                per_1000(row),
                told(row["rules"]),
            )
            for row in rows
        ]
    print_table(header, table)


def per_1000(row: Mapping[str, Any]) -> str:
    return "" if row["per_1000"] is None else f"{row['per_1000']:.1f}"


def print_fixed(fixed: "Fixed") -> None:
    """What a retraining gained, a line for each arm, and where its page is."""
    if fixed.page is None:
        print("nothing to try\tthe audit finds no spurious word, no pattern and no rule to change")
        print(f"run\t{fixed.run.run_id}\nreport\t{fixed.run.folder / 'report.html'}")
        return
    facts = json.loads(fixed.page.with_suffix(".json").read_text(encoding="utf-8"))
    print(facts["headline"])
    print_table(
        ("arm", "accuracy before", "after", "gain", "95 % interval", "p (Holm)", "forecast"),
        [
            (
                row["arm"],
                f"{row['before']:.3f}",
                f"{row['after']:.3f}",
                f"{row['gain']:+.3f}",
                f"{row['gain_low']:+.3f} to {row['gain_high']:+.3f}",
                f"{row['p_holm']:.2g}",
                "" if row["forecast"] is None else f"{row['forecast']:+.3f}",
            )
            for row in facts["gains"]
            if row["texts"] == "all"
        ],
    )
    before = [row for row in facts["findings"] if row["change"] != "new"]
    gone = sum(row["change"] == "gone" for row in before)
    print(f"findings\t{gone} of {len(before)} gone, {len(facts['findings']) - len(before)} new")
    print(f"run\t{fixed.run.run_id}\nclassifier\t{fixed.classifier}\nreport\t{fixed.page}")


def print_certificate(warehouse: "Warehouse", certificate_id: str) -> None:
    params = {"certificate_id": certificate_id}
    print_table(
        ("shortcut", "strength", "learned", "accuracy", "clean model", "spurious", "recall", "words"),
        [
            (
                row["shortcut"],
                f"{row['strength']:g}",
                "yes" if row["learned"] else "no",
                f"{row['planted_accuracy']:.2f}",
                f"{row['clean_accuracy']:.2f}",
                f"{row['n_spurious']}/{row['n_words']}",
                f"{row['recall_spurious']:.2f}",
                row["words"],
            )
            for row in warehouse.rows("registry/recall", params)
        ],
    )
    print_table(
        ("method", "baseline", "precision@k", "lowest", "mean rank"),
        [
            (
                row["method"],
                row["baseline"],
                f"{row['precision_at_k']:.3f}",
                f"{row['lowest']:.3f}",
                f"{row['mean_rank']:.2f}",
            )
            for row in warehouse.rows("registry/methods", params)
        ],
    )
    _print_decoys_and_missed(warehouse, certificate_id)
    (found,) = warehouse.rows("registry/false_discoveries", params)
    low, high = found["decoy_low"], found["decoy_high"]
    interval = "" if low is None else f"\t95 % interval {low:.3f} to {high:.3f}"
    print(f"decoys\t{found['n_decoys_spurious']} of {found['n_decoys']} called spurious{interval}")
    print(f"controls\t{found['n_controls_spurious']} of {found['n_controls']} called spurious")


def _print_decoys_and_missed(warehouse: "Warehouse", certificate_id: str) -> None:
    from tasks.pages.sentences import visible
    from tasks.selftest.certificate import missed

    print_table(
        ("decoy type", "planted", "judged", "spurious", "in no list", "spurious", "words"),
        [
            (
                row["decoy_type"],
                str(row["n_planted"]),
                str(row["n_decoys"]),
                str(row["n_spurious"]),
                str(row["n_unlisted"]),
                str(row["n_unlisted_spurious"]),
                row["words"] or "",
            )
            for row in warehouse.rows("registry/decoys", {"certificate_id": certificate_id})
        ],
    )
    for row in missed(warehouse, certificate_id):
        print(visible(f"not found\t{row['word']} ({row['shortcut']}) {row['sentence']}"))


def print_suspected(found: "Suspected") -> None:
    """How many labels are suspected, the words whose texts are suspected most, and where the files are."""
    share = found.num_suspected / found.num_texts
    print(f"suspected\t{found.num_suspected} of {found.num_texts} labels ({share:.1%})")
    if found.words:
        print_table(
            ("word", "should not decide", "texts", "suspected", "odds ratio", "95 % interval"),
            [
                (
                    row["word"],
                    "yes" if row["is_finding"] else "",
                    str(row["n_texts"]),
                    str(row["n_suspected"]),
                    f"{row['odds_ratio']:.1f}",
                    f"{row['odds_ratio_low']:.1f} to {row['odds_ratio_high']:.1f}",
                )
                for row in found.words
            ],
        )
    print(f"files\t{found.folder}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, header: bool = True) -> None:
    """A table on a terminal, tab-separated lines without one.

    Cells hold text of the dataset: nothing in them may steer the terminal.
    """
    from tasks.pages.sentences import visible

    if not sys.stdout.isatty():
        for row in (columns, *rows) if header else rows:
            print("\t".join(visible(" ".join(str(cell).split())) for cell in row))
        return
    table = Table(box=None, header_style="bold", pad_edge=False, show_header=header)
    for name in columns:
        # The id of a run is copied: the other columns give way.
        table.add_column(name, overflow="fold", no_wrap=name == "run")
    for row in rows:
        table.add_row(*(escape(visible(str(cell))) for cell in row))
    Console().print(table)


def print_settings(
    chosen: Sequence[Mapping[str, str]], about: Mapping[str, str], rows: Sequence[Mapping[str, str]]
) -> None:
    """The chosen settings, and behind them the sections that hold the others."""
    if not sys.stdout.isatty():
        print_table(("setting", "type", "unit", "default", "meaning"), [tuple(row.values()) for row in chosen])
    else:
        console = Console()
        for row in chosen:
            unit = f", {escape(row['unit'])}" if row["unit"] else ""
            key, kind, default = escape(row["key"]), escape(row["type"]), escape(row["default"])
            console.print(f"[bold]{key}[/bold]  {kind}{unit}, default {default}")
            console.print(f"    {escape(row['meaning'])}", highlight=False)
    shown = {row["key"] for row in chosen}
    for name, text in about.items():
        num_left = sum(row["key"].startswith(f"{name}.") and row["key"] not in shown for row in rows)
        if num_left:
            print(f"{name}\t{num_left} more: token-audit config {name}\t{text}", file=sys.stderr)


def print_reviewed(found: "Reviewed") -> None:
    """What is cut and what more tokens would save, the words that are proposed, and where page and patch are."""
    facts = json.loads(found.page.with_suffix(".json").read_text(encoding="utf-8"))
    from tasks.pages.sentences import visible

    for name in ("headline", "checked", "new_rows", "retrained"):
        if facts[name]:
            print(visible(facts[name]))
    if facts["sizes"]:
        print_table(
            ("words as one token", "words", "tokens now", "then", "affected texts", "texts longer"),
            [
                (
                    row["arm"],
                    *(
                        f"{row[name]:,}"
                        for name in ("n_words", "tokens_before", "tokens_after", "n_affected", "n_longer")
                    ),
                )
                for row in facts["sizes"]
            ],
        )
    print(visible(f"proposed\t{', '.join(facts['proposed']) or 'none'}"))
    print(f"run\t{found.run.run_id}\nvocabulary\t{found.page}\npatch\t{found.patch or 'none'}")
