"""Commands that audit, explain, mend and test."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.checked import checked_config
from flows.command.options import (
    GATE_FAILED,
    AsJson,
    AsOf,
    ConfigPath,
    Overrides,
    Quiet,
    Redact,
    command,
    prefect,
    with_redaction,
)
from flows.facts import as_json, facts_of
from flows.runs import find_run, opened, use_run
from flows.summary import print_summary
from flows.terminal import (
    errors_as_sentences,
    print_banner,
    print_certificate,
    print_findings,
    print_fixed,
    print_language,
)

GROUP = "Audit"


@command(GROUP)
def run(
    config: ConfigPath,
    overrides: Overrides = None,
    json_facts: AsJson = False,
    quiet: Quiet = False,
    redact: Redact = None,
    gate: Annotated[
        Path | None,
        typer.Option("--gate", metavar="POLICY", help="Judge it by this policy, and exit with 3 if it fails."),
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Audit a classifier on a dataset, from the data to the report.

    An audit that was stopped continues where it stopped; a repeat of a finished one does no work. Where to compute is
    read from the environment: TOKEN_AUDIT_WORKERS (a number of processes, GPUs, or the address of a Ray cluster),
    TOKEN_AUDIT_DEVICE (cpu, cuda:0, ...), TOKEN_AUDIT_BATCH_TOKENS, and PREFECT_API_URL for a Prefect server to report
    to.

    Example: [bold]token-audit run configs/demo.yaml --set data.sample=2000[/bold]
    """
    with errors_as_sentences():
        started = time.monotonic()
        overrides = with_redaction(overrides, redact)
        day = None if as_of is None else as_of.date()
        checked = checked_config(config, overrides, "run", day)
        if gate is not None:
            from configs.policy import load_policy

            load_policy(gate)
        with prefect("flows.audit", quiet):
            from flows.audit import audit
            from flows.gate import GateFailed

            # The flow itself judges, so that Prefect shows what the exit code says.
            try:
                done = audit(config, tuple(overrides), gate, day)
            except GateFailed as failed:
                done = failed.run
        from tasks.runtime.parts import num_damaged

        if damaged := num_damaged(done.storage):
            print(f"damaged\t{damaged} parts\tset aside as *.damaged in {done.storage}, made anew", file=sys.stderr)
        seconds = time.monotonic() - started
        with opened(checked.warehouse) as warehouse:
            row = find_run(warehouse, done.run_id)
            use_run(warehouse, row)
            if json_facts:
                facts = facts_of(warehouse, row) | {"seconds": round(seconds, 1)}
            elif sys.stdout.isatty():
                title = checked.title or checked.name
                print_summary(facts_of(warehouse, row), title, seconds)
                print_language(warehouse, done.run_id)
            else:
                print_banner(warehouse)
                print_language(warehouse, done.run_id)
                print_findings(warehouse)
                print(f"run\t{done.run_id}\nreport\t{done.folder / 'report.html'}")
        passed, judged = True, dict[str, Any]()
        if gate is not None:
            from flows.command.comparing import told

            files = done.folder / "gate"
            judged = json.loads((files / "gate.json").read_text(encoding="utf-8")) | {"files": files}
            passed = told(judged, files, silent=json_facts)
        if json_facts:
            print(as_json(facts | ({"gate": judged} if gate is not None else {})))
    if not passed:
        raise typer.Exit(GATE_FAILED)


@command(GROUP)
def explain(
    config: ConfigPath,
    overrides: Overrides = None,
    texts: Annotated[
        list[str] | None, typer.Option("--text", help="A sentence of yours, in the place of the dataset. Repeatable.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print tokens, scores, labels and predictions as JSON, and nothing else.")
    ] = False,
    quiet: Quiet = False,
    redact: Redact = None,
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
        from configs.load import override

        given = [*with_redaction(overrides, redact), *([override("explain.texts", texts)] if texts else ())]
        checked_config(config, given, "explain")
        with prefect("flows.explain", quiet):
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


@command(GROUP)
def certify(config: ConfigPath, overrides: Overrides = None, quiet: Quiet = False) -> None:
    """Test the audit itself on your data: plant shortcuts into a copy, train on it, and see what is found.

    The classifier of the config's finetune section is trained once more, on the planted copy. The certificate says
    which attribution method ranks the planted words best, how many of them an audit calls spurious, and how many
    harmless words it calls so by chance. A self-test that was stopped continues where it stopped; a repeat does no
    work.

    Example: [bold]token-audit certify configs/reviews.yaml[/bold]
    """
    with errors_as_sentences():
        checked = checked_config(config, overrides, "certify")
        with prefect("flows.certify", quiet):
            from flows.certify import certify as certify_flow

            done = certify_flow(config, tuple(overrides or ()))
        with opened(checked.warehouse) as warehouse:
            print_certificate(warehouse, done.certificate_id)
        print(f"certificate\t{done.certificate_id}\nreport\t{done.report}")


@command(GROUP)
def fix(
    config: ConfigPath,
    every: Annotated[bool, typer.Option("--every", help="Train every arm as a whole: slower.")] = False,
    overrides: Overrides = None,
    quiet: Quiet = False,
    redact: Redact = None,
) -> None:
    """Try what an audit proposes, by retraining: what is gained, beside a placebo.

    Needs a finetune section. The classifier is audited and trained again with each remedy (changed labelling rules,
    other words of their type in the place of spurious ones, text taken out, a last layer that unlearns a word), with
    all of them and with as many random changes, three seeds each. Of a remedy that changes texts the last layer alone
    is fitted, unless --every is given. A retraining that was stopped continues where it stopped.

    Example: [bold]token-audit fix configs/demo.yaml[/bold]
    """
    with errors_as_sentences():
        overrides = with_redaction(overrides, redact)
        checked_config(config, overrides, "fix")
        with prefect("flows.fix", quiet):
            from flows.fix import fix as fix_flow

            fixed = fix_flow(config, tuple(overrides), every)
        print_fixed(fixed)


@command(GROUP)
def finetune(config: ConfigPath, overrides: Overrides = None, quiet: Quiet = False) -> None:
    """Fine-tune the classifier of a config with a finetune section. A repeat returns the finished one.

    Example: [bold]token-audit finetune configs/demo.yaml[/bold]
    """
    with errors_as_sentences():
        checked_config(config, overrides, "finetune")
        with prefect("flows.finetune", quiet):
            from flows.finetune import finetune as finetune_flow

            model = finetune_flow(config, tuple(overrides or ()))
        print(f"model\t{model.folder}")
