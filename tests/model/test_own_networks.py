"""Networks that are not of transformers: a function of the user's makes them."""

import contextlib
import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from configs.errors import ModelError
from tasks.model.forward import inputs_of, plain_logits
from tasks.model.layers import WORD_EMBEDDINGS, activations, find_layer, logits_at, require_explainable
from tasks.model.load import load_classifier
from tasks.model.spec import model_spec
from tests.model.families import (
    points_of,
    texts_of_one_length,
    tokenizer_of,
)

pytestmark = pytest.mark.slow

NETWORKS = '''
import torch
from torch import nn
from transformers import BertConfig, BertModel

class BiLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(200, 16)
        self.lstm = nn.LSTM(16, 16, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(32, 4)

    def forward(self, input_ids, attention_mask):
        states, _ = self.lstm(self.embedding(input_ids))
        return self.head(self.dropout(states.mean(dim=1)))

class FixedLength(nn.Module):
    """A frozen encoder's place taken by an embedding: all positions flattened into one dense layer, padding masked."""
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(200, 6)
        self.places = nn.Embedding(16, 6)
        self.head = nn.Linear(96, 4)

    def forward(self, input_ids, attention_mask):
        states = self.words(input_ids) + self.places(torch.arange(input_ids.shape[1]))
        return self.head((states * attention_mask[:, :, None]).flatten(1))

class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(200, 8)
        self.segments = nn.Embedding(2, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(8, 4)

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        states = self.words(input_ids)
        if token_type_ids is not None:
            states = states + self.segments(token_type_ids)
        return self.head(self.encoder(src=states, src_key_padding_mask=attention_mask == 0)[:, 0])

class OnBert(nn.Module):
    def __init__(self):
        super().__init__()
        self.bert = BertModel(BertConfig(vocab_size=200, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=40))
        self.dense = nn.Linear(16, 4)

    def forward(self, input_ids, attention_mask):
        return torch.relu(self.dense(self.bert(input_ids=input_ids, attention_mask=attention_mask).pooler_output))

class Probabilities(BiLSTM):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask).softmax(dim=1)

class TwoTables(BiLSTM):
    def __init__(self):
        super().__init__()
        self.second = nn.Embedding(200, 8)

    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask) + self.second(input_ids).sum(dim=(1, 2))[:, None]

class Keeps(BiLSTM):
    """Computes a scale for each length of text once and keeps it."""
    def __init__(self):
        super().__init__()
        self.scales = {}

    def forward(self, input_ids, attention_mask):
        scale = self.scales.setdefault(input_ids.shape[1], torch.ones(4) * 2)
        return super().forward(input_ids, attention_mask) * scale

class Single(BiLSTM):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask)[:, 0]

def bilstm(folder): return BiLSTM()
def fixed(folder): return FixedLength()
def attentive(folder): return Attentive()
def on_bert(folder): return OnBert()
def probabilities(folder): return Probabilities()
def two_tables(folder): return TwoTables()
def keeps(folder): return Keeps()
def single(folder): return Single()
def reads_the_folder(folder): return BiLSTM() if (folder / "tokenizer.json").is_file() else None
def nothing(folder): return None
def failing(folder): raise RuntimeError("no\\nsuch thing")
number = 7
'''
TOPICS = ("World", "Sports", "Business", "Sci/Tech")


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """A module `my_networks` on the Python path, and a folder with its weights and a tokenizer."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "my_networks.py").write_text(NETWORKS)
    monkeypatch.syspath_prepend(str(code))
    monkeypatch.delitem(sys.modules, "my_networks", raising=False)
    yield importlib.import_module("my_networks")
    sys.modules.pop("my_networks", None)


def saved_network(folder, network, **changed):
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    weights = {name: torch.randn_like(weight) * 0.5 for name, weight in network.state_dict().items()}
    safetensors.torch.save_file(weights | changed, folder / "model.safetensors")
    tokenizer_of("bert").save_pretrained(folder)
    network.load_state_dict(weights)
    return folder


def network_spec(folder, name, labels=TOPICS, **settings):
    return model_spec(folder, 64, labels=labels, factory=f"my_networks:{name}", **settings)


@pytest.mark.parametrize(("name", "settings"), [("bilstm", {}), ("attentive", {}), ("fixed", {"pad_to": 16}), ("on_bert", {}), ("keeps", {})])  # fmt: skip
def test_a_network_of_ones_own_gives_its_own_logits_and_gradients(networks, tmp_path, name, settings):
    network = getattr(networks, name)(tmp_path).eval()
    folder = saved_network(tmp_path / "model", network)
    classifier = load_classifier(network_spec(folder, name, **settings))
    texts = texts_of_one_length(classifier)
    inputs = inputs_of(classifier, texts)
    types = {} if inputs.types_NT is None else {"token_type_ids": inputs.types_NT}
    assert bool(types) == (name == "attentive")
    logits_NK = plain_logits(classifier, inputs)
    expected_NK = network(inputs.ids_NT, inputs.mask_NT, **types)
    torch.testing.assert_close(logits_NK, expected_NK.detach(), rtol=0, atol=1e-5)
    require_explainable(classifier, WORD_EMBEDDINGS)
    points_NTD = activations(classifier, WORD_EMBEDDINGS, inputs).requires_grad_()
    (gradient_NTD,) = torch.autograd.grad(logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)[:, 2].sum(), points_NTD)  # fmt: skip
    expected_NK[:, 2].sum().backward()
    matrix = next(weight for weight in network.parameters() if weight.shape == points_of(classifier))
    for n, text in enumerate(texts):
        ordinary = [t for t in range(len(text.ids)) if not text.special[t]]
        torch.testing.assert_close(gradient_NTD[n, ordinary], matrix.grad[[text.ids[t] for t in ordinary]], rtol=1e-4, atol=1e-6)  # fmt: skip


def test_a_network_of_ones_own_is_cut_at_its_positions_and_has_its_layers(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.OnBert())
    classifier = load_classifier(network_spec(folder, "on_bert"))
    assert classifier.max_tokens == 40
    for name in ("embeddings", "bert.encoder.layer.0"):
        require_explainable(classifier, find_layer(classifier, name))


def test_layers_of_torchs_own_encoder_have_values_and_inputs_given_by_name(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.Attentive())
    classifier = load_classifier(network_spec(folder, "attentive"))
    inputs = inputs_of(classifier, texts_of_one_length(classifier))
    for name in ("encoder:input", "encoder.layers.0", "encoder.layers.1:input", "encoder"):
        layer = find_layer(classifier, name)
        require_explainable(classifier, layer)
        points_NTD = activations(classifier, layer, inputs).requires_grad_()
        logits_NK = logits_at(classifier, layer, inputs, points_NTD)
        assert torch.autograd.grad(logits_NK[:, 0].sum(), points_NTD)[0].any()


def test_a_recurrent_network_stays_in_eval_mode_and_leaves_cudnn_for_its_gradients(networks, tmp_path, monkeypatch):
    """cuDNN has no backward pass in eval mode; the device is made up, since there is none here."""
    folder = saved_network(tmp_path / "model", networks.BiLSTM())
    classifier = load_classifier(network_spec(folder, "bilstm"))
    inputs = inputs_of(classifier, texts_of_one_length(classifier))
    points_NTD = activations(classifier, WORD_EMBEDDINGS, inputs)
    asked = []

    @contextlib.contextmanager
    def flags(**settings):
        asked.append(settings)
        yield

    monkeypatch.setattr(torch.backends.cudnn, "flags", flags)
    monkeypatch.setattr(torch, "autocast", lambda *args, **options: contextlib.nullcontext())
    expected_NK = logits_at(classifier, WORD_EMBEDDINGS, inputs, points_NTD)
    assert asked == []
    there = replace(classifier, device=torch.device("cuda"))
    torch.testing.assert_close(logits_at(there, WORD_EMBEDDINGS, inputs, points_NTD), expected_NK)
    assert asked == [{"enabled": False}]
    assert not any(module.training for module in classifier.model.modules())


def test_a_network_with_a_single_output_has_two_labels(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.Single())
    classifier = load_classifier(network_spec(folder, "single", ["no", "yes"], head="sigmoid"))
    inputs = inputs_of(classifier, texts_of_one_length(classifier))
    logits_NK = plain_logits(classifier, inputs)
    torch.testing.assert_close(logits_NK[:, 1], classifier.model(inputs.ids_NT, inputs.mask_NT))
    assert logits_NK[:, 0].tolist() == [0, 0, 0]


def test_labels_of_a_network_may_come_from_a_config(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.BiLSTM())
    with pytest.raises(ModelError, match=r"model\.labels is needed"):
        network_spec(folder, "bilstm", labels=())
    (folder / "config.json").write_text(json.dumps({"id2label": {str(i): name for i, name in enumerate(TOPICS)}}))
    assert load_classifier(network_spec(folder, "bilstm", labels=())).labels == TOPICS


@pytest.mark.parametrize(
    ("factory", "settings", "sentence"),
    [
        ("no_such_module:build", {}, r"no_such_module:build cannot be imported \(ModuleNotFoundError: No module named"),
        ("my_networks:no_such", {}, r"my_networks:no_such cannot be imported \(AttributeError"),
        ("my_networks:number", {}, "my_networks:number is no function, but int"),
        ("my_networks:failing", {}, r"failed \(RuntimeError: no\)"),
        ("my_networks:nothing", {}, r"returned NoneType, expected a torch\.nn\.Module"),
        ("my_networks:on_bert", {}, r"does not fit the network of my_networks:on_bert: \S+ is missing, \S+ is missing, .* and \d+ more\."),
        ("my_networks:two_tables", {}, r"does not fit the network of my_networks:two_tables: second\.weight is missing\."),
        ("my_networks:probabilities", {}, "returns probabilities, which would go through a softmax twice"),
        ("my_networks:bilstm", {"labels": ["a", "b", "c"]}, r"for two texts the model returns \(2, 4\), expected \(2, 3\): the logits of a softmax head with the labels a, b, c"),
        ("my_networks:bilstm", {"labels": ["a", "b"], "head": "sigmoid"}, r"the model returns \(2, 4\), expected \(2, 1\)"),
        ("my_networks:single", {}, r"the model returns \(2,\), expected \(2, 4\)"),
    ],
)  # fmt: skip
def test_a_network_that_does_not_work_is_refused_in_one_sentence(networks, tmp_path, factory, settings, sentence):
    folder = saved_network(tmp_path / "model", networks.BiLSTM())
    with pytest.raises(ModelError, match=sentence) as caught:
        load_classifier(model_spec(folder, 64, **{"labels": TOPICS, **settings}, factory=factory))
    assert "\n" not in str(caught.value)


def test_weights_of_another_shape_or_too_many_are_refused(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.BiLSTM(), extra=torch.zeros(2))
    with pytest.raises(ModelError, match=r"extra has no place\."):
        load_classifier(network_spec(folder, "bilstm"))
    saved_network(tmp_path / "model", networks.BiLSTM(), **{"head.weight": torch.zeros(3, 32)})
    with pytest.raises(ModelError, match=r"size mismatch for head\.weight"):
        load_classifier(network_spec(folder, "bilstm"))


def test_a_network_of_a_fixed_length_says_that_it_needs_padding(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.FixedLength())
    with pytest.raises(ModelError, match=r"cannot read two texts of \d+ tokens .* set model\.pad_to"):
        load_classifier(network_spec(folder, "fixed"))


def test_a_network_that_looks_its_text_up_twice_is_refused(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.TwoTables())
    with pytest.raises(ModelError, match="2 embedding modules are called with the token ids, expected one"):
        load_classifier(network_spec(folder, "two_tables"))


def test_the_code_of_a_network_is_part_of_its_identity(networks, tmp_path):
    folder = saved_network(tmp_path / "model", networks.BiLSTM())
    first = network_spec(folder, "bilstm").fingerprint
    assert network_spec(folder, "bilstm").fingerprint == first
    assert network_spec(folder, "reads_the_folder").fingerprint != first
    (folder / "sizes.json").write_text("{}")
    second = network_spec(folder, "bilstm").fingerprint
    assert second != first, "the factory may read it"
    file = Path(networks.__file__)
    file.write_text(NETWORKS.replace("states.mean(dim=1)", "states.amax(dim=1)"))
    assert network_spec(folder, "bilstm").fingerprint != second


def test_so_is_the_code_it_takes_from_other_modules_of_its_package(networks, tmp_path, monkeypatch):
    folder = saved_network(tmp_path / "model", networks.BiLSTM())
    package = Path(networks.__file__).parent / "my_package"
    package.mkdir()
    for name, content in {
        "__init__": "", "network": NETWORKS, "unused": "x = 1",
        "middle": "from my_package.network import BiLSTM", "factory": "from my_package.middle import BiLSTM\ndef build(folder): return BiLSTM()",
    }.items():  # fmt: skip
        (package / f"{name}.py").write_text(content)
    spec = model_spec(folder, 64, labels=TOPICS, factory="my_package.factory:build")
    importlib.import_module("my_package.unused")
    (package / "unused.py").write_text("x = 2")
    assert model_spec(folder, 64, labels=TOPICS, factory="my_package.factory:build") == spec
    (package / "network.py").write_text(NETWORKS.replace("0.5", "0.4"))
    with pytest.raises(ModelError, match="changed while the audit was running"):
        load_classifier(spec)
    for name in [name for name in sys.modules if name.startswith("my_package")]:
        monkeypatch.delitem(sys.modules, name)
