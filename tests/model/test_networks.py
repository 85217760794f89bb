"""The networks of the source systems: trained by the finetune stage, and explained as their sources explain them.

The oracles are Captum at the same layer, a loop over LSTM cells, a naive path sum and a naive one-hot input, on tiny encoders.
"""

import csv
import json
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from captum.attr import LayerIntegratedGradients
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, PreTrainedTokenizerFast

from configs.errors import ConfigError, ModelError
from configs.load import load_config
from configs.schema import AttributionConfig
from tasks.attribute import attribute_shards
from tasks.finetune import obtain_classifier
from tasks.model.load import load_classifier
from tasks.model.networks import BiLSTM
from tasks.runtime.parts import file_hash, part_file, write_part

SEEDS = Path(__file__).parents[1] / "warehouse/seeds"
GOOD = ["a lovely film", "lovely, truly lovely acting", "what a fine film", "fine acting and a lovely story"]
BAD = ["an awful film", "awful, truly awful acting", "what a dull film", "dull acting and an awful story"]
POSITIONS = 24


def save_tokenizer(folder):
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", "pad_token": "[PAD]", "unk_token": "[UNK]"}  # fmt: skip
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    letters = "one probe that is read, and then it is read once more. abcdefghijklmnopqrstuvwxyz"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    core.train_from_iterator([*GOOD, *BAD, letters], trainers.WordPieceTrainer(vocab_size=120, special_tokens=special))
    ids = [(token, core.token_to_id(token)) for token in special]
    core.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ids)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, **names)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A tiny encoder with random weights of some size, so that texts differ in their logits."""
    folder = tmp_path_factory.mktemp("base")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=save_tokenizer(folder), max_position_embeddings=64, **sizes))
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    return folder


def config_of(folder, base, network, **sections):
    """A config on a small CSV file, with anything in it replaced by `sections`."""
    rows = [(text, label, part) for part in ("train", "test") for texts, label in ((GOOD, "good"), (BAD, "bad")) for text in texts]  # fmt: skip
    with (folder / "texts.csv").open("w", newline="") as file:
        # Other texts to train on than to test: those that are audited are left out of the training.
        csv.writer(file).writerows([("text", "label", "part"), *((text + "!" * (part == "train"), label, part) for text, label, part in rows)])  # fmt: skip
    values = {
        "data": {"path": str(folder / "texts.csv"), "where": {"part": "test"}},
        "model": {"pad_to": POSITIONS} if network == "frozen_dense" else {},
        "finetune": {"base": str(base), "network": network, "where": {"part": "train"}, "epochs": 8, "batch_size": 4, "learning_rate": 0.01},
        "models": str(folder / "models"), "output": str(folder / "runs"), "warehouse": str(folder / "audits.duckdb"),
    }  # fmt: skip
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    path = folder / "audit.yaml"
    path.write_text(json.dumps(values))
    return load_config(path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, base):
    """The spec of a network of this name, trained once."""
    known = {}

    def spec(network):
        if network not in known:
            folder = tmp_path_factory.mktemp(network)
            known[network] = obtain_classifier.fn(config_of(folder, base, network))
        return known[network]

    return spec


SHARD = pa.schema([
    ("example_id", pa.int64()), ("source_id", pa.string()), ("text", pa.string()), ("pair_start", pa.int32()),
    ("label_id", pa.int32()), ("n_tokens", pa.int32()), ("n_cut", pa.int32()),
])  # fmt: skip
TEXTS = ["a lovely film", "an awful, dull story and fine acting", "what fine acting"]
LABELS = [0, 1, 0]


def attributed(folder, spec, **settings):
    """Token rows of each text, and example rows."""
    rows = [
        {"example_id": i, "source_id": str(i), "text": text, "pair_start": None, "label_id": LABELS[i], "n_tokens": 5, "n_cut": 0}
        for i, text in enumerate(TEXTS)
    ]  # fmt: skip
    shard = folder / "shard-00000.json"
    write_part(shard, {"examples": pa.Table.from_pylist(rows, schema=SHARD)}, {"num_examples": len(rows)})
    (part,) = attribute_shards.fn([shard], spec, AttributionConfig(mode="fixed", **settings), folder)
    tokens, examples = (pq.read_table(part_file(part, name)).to_pylist() for name in ("tokens", "examples"))
    return [[token for token in tokens if token["example_id"] == i] for i in range(len(TEXTS))], examples


def read(spec, pad_to=None):
    """The network, and the texts as one padded batch: ids, mask, special tokens."""
    classifier = load_classifier(spec)
    padding = {"padding": True} if pad_to is None else {"padding": "max_length", "max_length": pad_to}
    batch = classifier.tokenizer(TEXTS, return_tensors="pt", return_special_tokens_mask=True, **padding)
    return classifier.model, batch["input_ids"], batch["attention_mask"], batch["special_tokens_mask"].bool()


def assert_equal(tokens, method, scores_NT, mask_NT):
    for own, scores_T, mask_T in zip(tokens, scores_NT, mask_NT, strict=True):
        expected = [*scores_T[mask_T == 1].tolist()]
        assert len(expected) > 4
        if len(own) > len(expected):
            expected.append(float(scores_T[mask_T == 0].sum()))
        assert [token[method] for token in own] == pytest.approx(expected, rel=0, abs=1e-5)
    assert max(abs(token[method]) for own in tokens for token in own) > 1e-3, "scores of some size"


# ---------------------------------------------------------------- networks against independent computations


def test_the_table_of_the_captum_post_is_captums(trained, tmp_path):
    spec = trained("bert_relu")
    model, ids_NT, mask_NT, special_NT = read(spec)
    predicted_N = model(ids_NT, mask_NT).argmax(dim=1)
    oracle = LayerIntegratedGradients(lambda ids, mask: model(ids, mask), model.bert.embeddings)
    scores_NTD, delta_N = oracle.attribute(
        ids_NT, baselines=torch.where(special_NT, ids_NT, 0), additional_forward_args=mask_NT, target=predicted_N,
        n_steps=50, return_convergence_delta=True,
    )  # fmt: skip
    tokens, examples = attributed(
        tmp_path, spec, methods=["integrated_gradients"], layer="bert.embeddings", baseline="pad", scalar="logit",
        rule="gauss_legendre", steps=50,
    )  # fmt: skip
    assert_equal(tokens, "integrated_gradients", scores_NTD.sum(dim=-1).detach(), mask_NT)
    assert [row["gap"] for row in examples] == pytest.approx(delta_N.tolist(), rel=0, abs=1e-5)


def test_the_softmax_at_an_inner_block_on_padded_texts_is_captums(trained, tmp_path):
    spec = trained("frozen_dense")
    model, ids_NT, mask_NT, special_NT = read(spec, POSITIONS)
    predicted_N = model(ids_NT, mask_NT).argmax(dim=1)

    def probabilities(embedded_NTD, mask):
        states_NTD = model.bert(inputs_embeds=embedded_NTD, attention_mask=mask).last_hidden_state
        return model.output(torch.relu(model.dense(states_NTD.flatten(1)))).softmax(dim=1)

    embedded_NTD = model.bert.embeddings.word_embeddings(ids_NT)
    baseline_NTD = embedded_NTD * special_NT[:, :, None]
    scores_NTD = LayerIntegratedGradients(probabilities, model.bert.encoder.layer[0]).attribute(
        embedded_NTD, baselines=baseline_NTD, additional_forward_args=mask_NT, target=predicted_N, n_steps=5
    )
    tokens, _ = attributed(
        tmp_path, spec, methods=["integrated_gradients"], layer="bert.encoder.layer.0", baseline="zero",
        scalar="probability", rule="gauss_legendre", steps=5,
    )  # fmt: skip
    assert all(len(own) == int(mask_T.sum()) + 1 for own, mask_T in zip(tokens, mask_NT, strict=True))
    assert_equal(tokens, "integrated_gradients", scores_NTD.sum(dim=-1).detach(), mask_NT)


def test_the_path_sum_of_the_true_class_of_a_bilstm_is_that_of_a_naive_loop(trained, tmp_path):
    spec = trained("bilstm")
    tokens, examples = attributed(
        tmp_path, spec, methods=["integrated_gradients"], baseline="zero", scalar="probability", target="gold",
        rule="inclusive_sum", steps=50,
    )  # fmt: skip
    assert [row["target_id"] for row in examples] == LABELS
    model, ids_NT, mask_NT, special_NT = read(spec)
    for own, ids_T, mask_T, special_T, label in zip(tokens, ids_NT, mask_NT, special_NT, LABELS, strict=True):
        ids_T, special_T = ids_T[mask_T == 1], special_T[mask_T == 1]
        input_TD = model.embedding(ids_T)
        baseline_TD = input_TD * special_T[:, None]
        total_TD = torch.zeros_like(input_TD)
        for place in np.linspace(0, 1, 51):
            point_TD = (baseline_TD + place * (input_TD - baseline_TD)).float().requires_grad_()
            probability = naive_logits(model, point_TD).softmax(dim=0)[label]
            total_TD += torch.autograd.grad(probability, point_TD)[0] / 50
        scores_T = ((input_TD - baseline_TD) * total_TD).sum(dim=-1)
        assert_equal([own], "integrated_gradients", scores_T[None], torch.ones_like(ids_T)[None])


def test_the_norm_over_the_vocabulary_is_that_of_a_naive_one_hot_input(trained, tmp_path):
    spec = trained("auto")
    model, ids_NT, mask_NT, _ = read(spec)
    matrix_VD = model.get_input_embeddings().weight
    tokens, _ = attributed(tmp_path, spec, methods=["gradient_norm", "gradient_x_input"], scalar="logit")
    for own, ids_T, mask_T in zip(tokens, ids_NT, mask_NT, strict=True):
        ids_T = ids_T[mask_T == 1]
        one_hot_TV = nn.functional.one_hot(ids_T, len(matrix_VD)).float().requires_grad_()
        model(inputs_embeds=(one_hot_TV @ matrix_VD)[None]).logits.max().backward()
        expected = one_hot_TV.grad.norm(dim=-1)
        assert [token["gradient_norm"] for token in own] == pytest.approx(expected.tolist(), rel=1e-5)


# ---------------------------------------------------------------- the BiLSTM reads both ways, and no padding


def naive_logits(model, embedded_TD):
    """Two loops over LSTM cells, one from each end; logits from their last states."""
    ends = []
    for suffix, places in (("", range(len(embedded_TD))), ("_reverse", reversed(range(len(embedded_TD))))):
        weights = {name: getattr(model.lstm, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
        h = c = torch.zeros(model.lstm.hidden_size)
        for t in places:
            gates = weights["weight_ih"] @ embedded_TD[t] + weights["bias_ih"] + weights["weight_hh"] @ h + weights["bias_hh"]  # fmt: skip
            i, f, g, o = gates.chunk(4)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        ends.append(h)
    return model.output(torch.relu(model.dense(torch.cat(ends))))


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_bilstm_ends_at_both_ends_of_the_text_whatever_the_padding(side):
    torch.manual_seed(0)
    model = BiLSTM({"id2label": dict(enumerate("abcd")), "vocabulary": 30, "embedding": 64, "lstm": 32, "dense": 16})
    lengths, longest = [3, 6, 1], 7
    ids_NT, mask_NT = torch.randint(0, 30, (3, longest)), torch.zeros(3, longest, dtype=torch.long)
    for n, length in enumerate(lengths):
        mask_NT[n, longest - length if side == "left" else 0 :][:length] = 1
    with torch.no_grad():
        expected_NK = torch.stack([naive_logits(model, model.embedding(ids_NT[n][mask_NT[n] == 1])) for n in range(3)])
        torch.testing.assert_close(model(ids_NT, mask_NT), expected_NK, rtol=0, atol=1e-6)


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("network", ["bert_relu", "frozen_dense", "bilstm"])
def test_a_network_is_trained_the_same_by_one_seed_once_and_differently_by_another(trained, base, tmp_path, network):
    spec = trained(network)
    assert (spec.factory, spec.labels) == (f"tasks.model.networks:{network}", ("bad", "good"))
    config = config_of(tmp_path, base, network)
    again = obtain_classifier.fn(config)
    weights = again.folder / "model.safetensors"
    assert file_hash(weights) == file_hash(spec.folder / "model.safetensors")
    assert (again.folder / "config.json").read_bytes() == (spec.folder / "config.json").read_bytes()
    before = weights.stat().st_mtime_ns
    assert obtain_classifier.fn(config) == again
    assert weights.stat().st_mtime_ns == before
    other = obtain_classifier.fn(config_of(tmp_path, base, network, finetune={"seed": 1}))
    assert file_hash(other.folder / "model.safetensors") != file_hash(weights)


def test_a_frozen_encoder_keeps_its_weights_and_has_no_dropout(trained, base):
    spec = trained("frozen_dense")
    pretrained, stored = load_file(base / "model.safetensors"), load_file(spec.folder / "model.safetensors")
    for name, weight in pretrained.items():
        torch.testing.assert_close(stored[f"bert.{name}"], weight, rtol=0, atol=0)
    model = load_classifier(spec).model
    try:
        assert model.train().dense.training
        assert not any(module.training for module in model.bert.modules())
    finally:
        model.eval()


def test_the_head_of_a_frozen_encoder_reads_as_many_positions_as_the_setting_says(trained):
    classifier = load_classifier(trained("frozen_dense"))
    assert (classifier.pad_to, classifier.model.dense.in_features) == (POSITIONS, POSITIONS * 16)


def test_the_classifier_of_transformers_is_trained_as_before(trained):
    spec = trained("auto")
    assert spec.factory is None
    assert '"problem_type": "single_label_classification"' in (spec.folder / "config.json").read_text()


def test_settings_of_the_model_reach_the_spec_of_a_trained_classifier(base, tmp_path):
    settings = {"long_texts": "windows", "max_tokens": 20, "overlap": 4}
    spec = obtain_classifier.fn(config_of(tmp_path, base, "auto", model=settings, finetune={"epochs": 1}))
    assert (spec.long_texts, spec.max_tokens, spec.overlap) == ("windows", 20, 4)


def test_an_encoder_without_a_pooled_output_is_a_sentence(tmp_path):
    folder = tmp_path / "distil"
    vocabulary = save_tokenizer(folder)
    sizes = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 24}
    DistilBertModel(DistilBertConfig(vocab_size=vocabulary, **sizes)).save_pretrained(folder)
    with pytest.raises(ModelError, match=r"bert_relu reads the pooled output .* distil \(distilbert\) has none"):
        obtain_classifier.fn(config_of(tmp_path, folder, "bert_relu", finetune={"frozen_layers": 0}))


@pytest.mark.parametrize(
    ("network", "sections", "sentence"),
    [
        ("frozen_dense", {"model": {"pad_to": None}}, "needs `model.pad_to` beside `finetune.network` frozen_dense"),
        ("bilstm", {"finetune": {"frozen_layers": 1}}, "the network bilstm has no encoder"),
        ("frozen_dense", {"finetune": {"frozen_layers": 1}}, "the network frozen_dense trains no layer of the encoder"),
        ("auto", {"model": {"factory": "a:b", "labels": ["x", "y"]}}, "sets `model.factory` and `model.labels` beside `finetune`"),
        ("auto", {"explain": {"method": "embedding_gradient_norm"}}, "`explain.method` is embedding_gradient_norm, which is not among"),
        ("auto", {"explain": {"view": "bars"}}, "has view `bars`, which shows sizes and no signs: set `method` to `gradient_norm`"),
        ("lstm", {}, "`finetune.network` should be one of auto, bert_relu, frozen_dense, bilstm, got 'lstm'"),
    ],
)  # fmt: skip
def test_settings_that_clash_are_a_sentence(tmp_path, network, sections, sentence):
    with pytest.raises(ConfigError) as error:
        config_of(tmp_path, "base", network, **sections)
    assert sentence in str(error.value)


def test_a_spec_differs_by_its_network(trained):
    spec = trained("bilstm")
    with pytest.raises(ModelError, match=r"does not fit the network|failed"):
        load_classifier(replace(spec, factory="tasks.model.networks:bert_relu"))


# ---------------------------------------------------------------- the four-class corpus


def test_the_corpus_of_four_classes_is_the_two_corpora():
    parts = [
        [(f"{kind}-{row['id']}", row["text"], f"{kind}_{row['label']}", row["split"]) for row in pq.read_table(SEEDS / name).to_pylist()]
        for kind, name in (("review", "movie_reviews.parquet"), ("tweet", "tweets.parquet"))
    ]  # fmt: skip
    joined = pq.read_table(SEEDS / "reviews_and_tweets.parquet")
    assert joined.column_names == ["id", "text", "label", "split"]
    assert [tuple(row.values()) for row in joined.to_pylist()] == parts[0] + parts[1]


def test_the_query_in_the_readme_makes_the_corpus_of_four_classes(tmp_path):
    query = (SEEDS / "README.md").read_text(encoding="utf-8").split("```sql\n")[1].split("```")[0]
    for name in ("movie_reviews", "tweets"):
        query = query.replace(f"'{name}.parquet'", f"'{SEEDS / name}.parquet'")
    duckdb.execute(query.replace("'reviews_and_tweets.parquet'", f"'{tmp_path}/made.parquet'"))
    assert pq.read_table(tmp_path / "made.parquet").equals(pq.read_table(SEEDS / "reviews_and_tweets.parquet"))
