"""The networks of the source systems: trained by the finetune stage, and explained as their sources explain them.

The oracles are Captum at the same layer, a loop over LSTM cells, a naive path sum and a naive one-hot input, on tiny encoders.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from captum.attr import LayerIntegratedGradients
from torch import nn

from configs.attribution import AttributionConfig
from configs.errors import ModelError
from tasks.attribute import attribute_shards
from tasks.model.load import load_classifier
from tasks.model.networks import BiLSTM
from tasks.runtime.parts import part_file, write_part
from tests.model.trained import POSITIONS

pytestmark = pytest.mark.slow

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
    (found,) = attribute_shards.fn([shard], spec, AttributionConfig(mode="fixed", **settings), folder)
    tokens, examples = (pq.read_table(part_file(found.scores, name)).to_pylist() for name in ("tokens", "examples"))
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


def test_the_head_of_a_frozen_encoder_reads_as_many_positions_as_the_setting_says(trained):
    classifier = load_classifier(trained("frozen_dense"))
    assert (classifier.pad_to, classifier.model.dense.in_features) == (POSITIONS, POSITIONS * 16)


def test_a_spec_differs_by_its_network(trained):
    spec = trained("bilstm")
    with pytest.raises(ModelError, match=r"does not fit the network|failed"):
        load_classifier(replace(spec, factory="tasks.model.networks:bert_relu"))
