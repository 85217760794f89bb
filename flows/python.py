"""Audits and explanations from Python, with what they found as DataFrames."""

import contextlib
import hashlib
import html
import importlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from configs.errors import ConfigError
from flows.command.options import ENVIRONMENT
from flows.facts import facts_of
from flows.runs import find_run, opened, use_run
from tasks.runtime.parts import write_whole

if TYPE_CHECKING:
    import datasets
    import pandas

    Data: TypeAlias = str | Path | Mapping[str, Any] | pandas.DataFrame | datasets.Dataset

_MOST_WORDS = 1000


@dataclass(frozen=True)
class Audited:
    """A finished audit; a notebook shows its state and its findings."""

    run_id: str
    warehouse: Path
    """DuckDB file with the tables of the run."""
    facts: Mapping[str, Any] = field(repr=False)
    """What `token-audit run --json` prints."""

    @property
    def report(self) -> Path:
        """The page."""
        return Path(self.facts["report"])

    @property
    def state(self) -> str:
        """*No shortcut found*, *Minor*, *Act* or *Too little data*."""
        return str(self.facts["state"])

    @property
    def findings(self) -> "pandas.DataFrame":
        """What is spurious, strongest first; `why` holds the sentences."""
        rows = [row | {"why": " ".join(rule["sentence"] for rule in row["why"])} for row in self.facts["findings"]]
        columns = ["word", "kind", "label", "type", "n_examples", "effect", "probability_shift"]
        return _frame(rows, [*columns, "per_1000", "per_1000_low", "per_1000_high", "why"])

    @property
    def words(self) -> "pandas.DataFrame":
        """The words that push most towards each label, at most a thousand of each."""
        columns = ["label", "rank", "word", "type", "n_examples", "mean_score", "ci_low", "ci_high", "label_rate"]
        with opened(self.warehouse) as warehouse:
            use_run(warehouse, find_run(warehouse, self.run_id))
            return _frame(warehouse.rows("report/top_words", {"top_words": _MOST_WORDS}), [*columns, "verdict"])

    @property
    def verdicts(self) -> "pandas.DataFrame":
        """Everything that was tried, with its verdict and its figures."""
        with opened(self.warehouse) as warehouse:
            use_run(warehouse, find_run(warehouse, self.run_id))
            table = warehouse.table("report/export/verdicts", {})
            return _frame(table.to_pylist(), table.column_names)

    def _repr_html_(self) -> str:
        link = html.escape(self.report.as_uri())
        shown = self.findings[["word", "label", "n_examples", "effect", "per_1000"]]
        named = shown.rename(columns={"label": "pushes towards", "n_examples": "texts", "per_1000": "per 1,000"})
        table = named.to_html(index=False, float_format="{:.2f}".format, border=0) if len(shown) else ""
        return (
            f"<p><strong>{html.escape(self.state)}.</strong> {html.escape(str(self.facts['sentence']))}</p>{table}"
            f'<p><a href="{link}">Report of {html.escape(self.run_id)}</a></p>'
        )


@dataclass(frozen=True)
class Explained:
    """Explained texts; a notebook shows what is predicted, and a link to the coloured tokens."""

    report: Path
    """The page."""
    facts: Mapping[str, Any] = field(repr=False)
    """What `token-audit explain --json` prints."""

    @property
    def tokens(self) -> "pandas.DataFrame":
        """A row for each token: number of the text, token and score towards the predicted class."""
        rows = [
            {"text": i, "token": token, "score": score}
            for i, text in enumerate(self.facts["texts"])
            for token, score in zip(text["tokens"], text["scores"], strict=True)
        ]
        return _frame(rows, ["text", "token", "score"])

    @property
    def texts(self) -> "pandas.DataFrame":
        """A row for each text: the sentence, the predicted class and its confidence."""
        columns = ["sentence", "prediction", "confidence"]
        return _frame([{name: text[name] for name in columns} for text in self.facts["texts"]], columns)

    def _repr_html_(self) -> str:
        return f'{_table(self.texts)}<p><a href="{html.escape(self.report.as_uri())}">Tokens, coloured</a></p>'


def audit(
    data: "Data",
    model: str | Path | Mapping[str, Any],
    *,
    text: str = "text",
    label: str = "label",
    revision: str | None = None,
    **settings: Any,
) -> Audited:
    """Audit a classifier; a repeat of a finished audit does no work.

    `data`: a path, a DataFrame, a `datasets.Dataset`, or the section `data` of a config. `model`: a folder,
    the name of a hub model with its `revision`, or the section `model`. `settings`: the other sections of a config and
    its top-level settings, for example `name="mine", screening={"max_candidates": 100}`.

    Raises:
        AuditError: with one finished sentence.
    """
    path = _config(data, model, {"text": text, "label": label}, revision, settings)
    from flows.checked import checked_config

    checked = checked_config(path, (), "run")
    with _served("flows.audit"):
        from flows.audit import audit as flow

        done = flow(path)
    with opened(checked.warehouse) as warehouse:
        row = find_run(warehouse, done.run_id)
        use_run(warehouse, row)
        facts = facts_of(warehouse, row)
    return Audited(done.run_id, checked.warehouse.absolute(), facts)


def explain(
    texts: str | Sequence[str], model: str | Path | Mapping[str, Any], *, revision: str | None = None, **settings: Any
) -> Explained:
    """Explain single texts, token by token, towards the class that is predicted.

    `model` and `settings` as for `audit`.

    Raises:
        AuditError: with one finished sentence.
    """
    given = [texts] if isinstance(texts, str) else list(texts)
    section = {**settings.pop("explain", {}), "texts": given}
    # Typed sentences stand in the place of the dataset, which is not opened.
    data = {"path": "typed.csv", "label": None}
    path = _config(data, model, {}, revision, {**settings, "explain": section})
    from flows.checked import checked_config

    checked_config(path, (), "explain")
    with _served("flows.explain"):
        from flows.explain import explain as flow

        done = flow(path)
    return Explained(done.page, json.loads(done.data.read_text(encoding="utf-8")))


@contextlib.contextmanager
def _served(flow_module: str) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from flows.server import prefect_server

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with prefect_server(meanwhile=lambda: importlib.import_module(flow_module)):
            yield


def _config(
    data: "Data",
    model: str | Path | Mapping[str, Any],
    columns: Mapping[str, str],
    revision: str | None,
    settings: Mapping[str, Any],
) -> Path:
    """The settings as a config file in the folder of the runs, named by its content."""
    output = Path(settings.get("output", "runs"))
    whole = {"data": _data_section(data, columns, output), "model": _model_section(model, revision), **settings}
    plain = json.loads(json.dumps(whole, default=str))
    content = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).encode()
    path = output / "python" / f"{hashlib.sha256(content).hexdigest()[:12]}.yaml"
    write_whole(path, content)
    return path


def _data_section(data: "Data", columns: Mapping[str, str], output: Path) -> dict[str, Any]:
    if isinstance(data, Mapping):
        return {**columns, **data}
    if isinstance(data, str | Path):
        return {"path": str(data), **columns}
    import datasets
    import pandas

    if isinstance(data, datasets.Dataset):
        # With its class names, which a DataFrame does not hold.
        names = {name: feature for name, feature in data.features.items() if name in columns.values()}
        data = data.select_columns(list(names)).to_pandas()
        for name, feature in names.items():
            if isinstance(feature, datasets.ClassLabel):
                known = dict(enumerate(feature.names))
                data[name] = data[name].map(known)
    if not isinstance(data, pandas.DataFrame):
        raise ConfigError(
            f"data: should be a path, a DataFrame, a datasets.Dataset or a mapping, found {type(data).__name__}."
        )
    import io

    file = io.BytesIO()
    data.to_parquet(file, index=False)
    path = output / "python" / f"{hashlib.sha256(file.getvalue()).hexdigest()[:12]}.parquet"
    write_whole(path, file.getvalue())
    return {"path": str(path), **columns}


def _model_section(model: str | Path | Mapping[str, Any], revision: str | None) -> dict[str, Any]:
    if isinstance(model, Mapping):
        return dict(model)
    return {"path": str(model)} if revision is None else {"hub": str(model), "revision": revision}


def _frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> "pandas.DataFrame":
    import pandas

    return pandas.DataFrame(list(rows), columns=list(columns))


def _table(frame: "pandas.DataFrame") -> str:
    return str(frame.to_html(index=False, float_format="{:.3f}".format, border=0))
