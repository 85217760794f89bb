"""The settings of attribution: what is explained, by which methods, and how exactly."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from configs.section import Section, setting, shown

Method = Literal["integrated_gradients", "gradient_x_input", "relevance", "gradient_norm", "embedding_gradient_norm"]

SIGNED = ("integrated_gradients", "gradient_x_input", "relevance")
"""Methods whose scores have a sign, towards a label or away from it; a norm is never negative."""

ON_THE_PATH: tuple[Method, ...] = ("integrated_gradients", "gradient_x_input", "gradient_norm")
"""What `auto` computes where layer-wise relevance is not for the model or not asked for."""

Baseline = Literal["mask", "pad", "pad_everywhere", "unk", "zero", "mean"]

Rule = Literal[
    "midpoint",
    "gauss_legendre",
    "trapezoid",
    "riemann_left",
    "riemann_right",
    "inclusive_sum",
]


class AttributionConfig(Section):
    """How a prediction is attributed to its tokens. A change here is a new run."""

    mode: Literal["corpus", "document", "fixed"] = "corpus"
    """What is certified. `corpus`: figures on words, by few gradients a text at places drawn at random, so that the
    intervals hold the quadrature noise. `document`: each text's scores, within `tolerance`. `fixed`: nothing more than
    the completeness gap; `rule` and `steps` as given, to reproduce other tools."""
    methods: Annotated[tuple[Method, ...], Field(min_length=1)] | Literal["auto", "certified"] = "auto"
    """What is computed, all in one pass. The first signed one is what the audit adds up. `auto`: `relevance` where it
    is defined, unless `mode`, `layer`, `scalar`, `baseline`, `gradients` or `interval_width` is given, which ask for
    more; else integrated gradients, gradient x input and the norm of the gradient. `certified`: the signed method, and
    its baseline, that `token-audit certify` found best for this kind of model on this data. `gradient_norm` is of the
    gradient to the one-hot input, `embedding_gradient_norm` to the embedding. `relevance` is layer-wise relevance:
    gradient x input with attention weights, layer norms and ratios of activations held constant, for BERT, RoBERTa,
    XLM-RoBERTa, CamemBERT, ELECTRA, DistilBERT and DeBERTa v2."""
    layer: str = setting("word_embeddings", "module", min_length=1, max_length=200)
    """Where gradients are taken: `word_embeddings`, `embeddings` (the output of the embedding block), or the dotted
    name of an inner module, with `:input` behind it for what goes in instead of what comes out."""
    baseline: Baseline = "mask"
    """What a text is compared with: each token replaced by [MASK], padding, the unknown token, a zero embedding, or the
    mean of all embeddings. Special tokens stay, but for `pad_everywhere`, which is a text of padding alone. Without a
    mask token `mask` falls back on `unk`."""
    scalar: Literal["margin", "logit", "probability"] = "margin"
    """What is explained: the log-odds of the target class against all others, its logit, or its probability."""
    target: Annotated[str, StringConstraints(min_length=1)] = "predicted"
    """The class that is explained: `predicted`, `gold` (what pushes a misclassified text towards the right answer), or
    the name of a label."""
    against: str | None = None
    """Name of a label: explain the log-odds of the target against this one class instead of against all others."""
    dtype: Literal["float32", "bfloat16", "autocast"] = "float32"
    """Arithmetic of the model: float32, weights in bfloat16, or bfloat16 by autocast. Sums are float32 always."""
    seed: int = 0
    """Seed of the places on the path and of the pilot."""
    gradients: int | None = setting(None, "gradients per example", ge=2, le=256)
    """`corpus` mode: gradients on the path of a text. Without it, the fewest whose noise on the pilot stays under a
    tenth of the scores, or those that suit `interval_width`."""
    interval_width: float | None = setting(None, "unit of the scalar", gt=0)
    """`corpus` mode: attribute only so many texts, and so finely, that the 95 % interval of a typical word in 50 of the
    texts is no wider than this. All texts are predicted."""
    tolerance: float = setting(0.025, "share of the summed |scores|", gt=0, lt=1)
    """`document` mode: largest estimated error of a text's scores. Texts over it get more gradients, then
    quarantine."""
    rule: Rule = "midpoint"
    """`fixed` mode: quadrature rule of integrated gradients. `inclusive_sum` is the sum over linspace(0, 1, steps + 1)
    divided by steps."""
    steps: int = setting(16, "gradients per example", ge=1, le=1024)
    """`fixed` mode: points on the path from the baseline to the input."""
    max_gap: float | None = setting(None, "share of the change in the scalar", gt=0)
    """`fixed` mode: largest completeness gap |sum of scores - change| / max(|change|, 1). Without it nothing is tried
    again."""
    max_quarantined: float = setting(0.05, "share of examples, 0..1", ge=0, le=1)
    """Stop if more than this share of the examples is quarantined: their words would be missing from every figure."""

    @property
    def computed(self) -> tuple[Method, ...]:
        """The methods by name; those of a certificate have been looked up, and `auto` has met the model."""
        assert self.methods != "certified", "tasks.selftest.method.with_method_chosen comes first"
        return self.defined(ON_THE_PATH) if self.methods == "auto" else self.methods

    def defined(self, methods: Sequence[Method]) -> tuple[Method, ...]:
        """Those of the methods that the layer has: the one-hot input is before the word embeddings, so that at an inner
        layer there is no gradient to it."""
        return tuple(name for name in methods if name != "gradient_norm" or self.layer == "word_embeddings")

    @property
    def may_be_relevance(self) -> bool:
        """Whether `auto` is layer-wise relevance where that is defined for the model: no setting asks for more."""
        own = ("mode", "layer", "scalar", "baseline", "gradients", "interval_width")
        defaults = {name: field.default for name, field in type(self).model_fields.items()}
        return self.methods == "auto" and all(getattr(self, name) == defaults[name] for name in own)

    @property
    def summed(self) -> Method:
        """The method that the audit adds up over the corpus."""
        return next(method for method in self.computed if method in SIGNED)

    @property
    def adaptive(self) -> bool:
        """Whether a pilot decides where on the path gradients go, and how many."""
        return self.mode != "fixed" and "integrated_gradients" in self.computed

    def mirrored(self, num_labels: int, head: str) -> bool:
        """Whether a score towards one label is minus the score towards the other: two labels of which one is right, and
        no single logit."""
        return num_labels == 2 and self.scalar != "logit" and head != "multi_label"

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        mode, methods = given.get("mode", "corpus"), given.get("methods")
        if isinstance(methods, list | tuple) and not set(SIGNED) & {str(method) for method in methods}:
            yield (
                "needs `integrated_gradients`, `gradient_x_input` or `relevance` among `methods`: "
                "a norm has no sign, so it cannot be added up for or against a label"
            )
        if isinstance(methods, list | tuple) and len({str(method) for method in methods}) < len(methods):
            yield "names one of `methods` twice"
        layer = given.get("layer", "word_embeddings")
        if layer != "word_embeddings" and isinstance(methods, list | tuple) and "gradient_norm" in methods:
            yield (
                f"cannot take `gradient_norm` at {shown(layer)}: the one-hot input is before the word embeddings. "
                "Set `methods`, with `embedding_gradient_norm` in its place"
            )
        if given.get("target", "predicted") == given.get("against", None):
            yield "has the same label as `target` and as `against`"
        if given.get("against") is not None and given.get("scalar", "margin") != "margin":
            yield "has `against` beside a scalar that looks at one class; leave `scalar` at margin"
        where = {
            "corpus": ("gradients", "interval_width"),
            "document": ("tolerance",),
            "fixed": ("rule", "steps", "max_gap"),
        }
        for owner, names in where.items():
            # A stored config names every setting.
            set_in_vain = [name for name in names if name in given and given[name] != cls.model_fields[name].default]
            if owner != mode and mode in where and set_in_vain:
                named = ", ".join(f"`{name}`" for name in set_in_vain)
                have = "has" if len(set_in_vain) == 1 else "have"
                yield f"sets {named}, which {have} an effect only in mode {owner}; the mode is {mode}"
        if given.get("gradients") is not None and given.get("interval_width") is not None:
            yield "needs at most one of `gradients` and `interval_width`"
