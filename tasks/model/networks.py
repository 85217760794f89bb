"""Three small networks beside the classifiers of transformers, as factories for `model.factory`.

Well-known tutorials on attribution use them; they are here so that their results can be repeated and compared:
`bert_relu` (an encoder, a linear layer and a ReLU), `frozen_dense` (a dense head on all positions of an
encoder that is not trained) and `bilstm` (no transformer at all). A factory reads the sizes from the
config.json of a folder; the weights, in model.safetensors beside it, are loaded by the caller.

Shape letters: N texts, T tokens, D width, H width of one direction, K labels.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_model
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from configs.errors import ModelError
from tasks.model.pretrained import load_pretrained

Settings = dict[str, Any]
"""The content of config.json: sizes, labels, and the configuration of the encoder."""


class BertRelu(nn.Module):
    """Dropout, linear layer and ReLU over the pooled output of an encoder.

    The ReLU is part of the network in the tutorials. A logit below 0 has no gradient: a text whose logits are both
    below 0 gets no scores, and a label whose logit is below 0 for all texts is never learnt.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.bert = _encoder(settings)
        self.dropout = nn.Dropout(settings["dropout"])
        self.linear = nn.Linear(self.bert.config.hidden_size, len(settings["id2label"]))
        # With a bias of 0, about half of the labels would start where the ReLU passes no gradient.
        nn.init.ones_(self.linear.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        pooled_ND = self.bert(input_ids=input_ids, attention_mask=attention_mask).pooler_output
        return torch.relu(self.linear(self.dropout(pooled_ND)))


class FrozenDense(nn.Module):
    """A dense head over the last hidden states of all positions, padding included, of an encoder that is not
    trained."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.bert = _encoder(settings).requires_grad_(requires_grad=False)
        self.dense = nn.Linear(settings["positions"] * self.bert.config.hidden_size, settings["dense"])
        self.dropout = nn.Dropout(settings["dropout"])
        self.output = nn.Linear(settings["dense"], len(settings["id2label"]))

    def train(self, mode: bool = True) -> "FrozenDense":
        """Switch the mode of all modules but the frozen encoder, which needs no dropout."""
        super().train(mode)
        self.bert.eval()
        return self

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states_NTD = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        logits_NK: Tensor = self.output(self.dropout(torch.relu(self.dense(states_NTD.flatten(start_dim=1)))))
        return logits_NK


class BiLSTM(nn.Module):
    """Embedding, one LSTM in each direction, a dense layer with a ReLU, one output a label."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.embedding = nn.Embedding(settings["vocabulary"], settings["embedding"])
        self.lstm = nn.LSTM(settings["embedding"], settings["lstm"], bidirectional=True, batch_first=True)
        self.dense = nn.Linear(2 * settings["lstm"], settings["dense"])
        self.output = nn.Linear(settings["dense"], len(settings["id2label"]))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        # Packed, so that one direction ends at the last token and the other begins there, and neither reads padding.
        # Packing requires padding at the end, so tokens behind padding are moved to the front.
        front_NT = attention_mask.argsort(dim=1, descending=True, stable=True)
        embedded_NTD = self.embedding(input_ids)
        embedded_NTD = embedded_NTD.gather(1, front_NT[:, :, None].expand_as(embedded_NTD))
        lengths_N = attention_mask.sum(dim=1).cpu()
        packed = pack_padded_sequence(embedded_NTD, lengths_N, batch_first=True, enforce_sorted=False)
        # Each direction's state after its last step: the forward one's at the end of the text, the backward one's at
        # its start.
        _, (ends_2NH, _) = self.lstm(packed)
        logits_NK: Tensor = self.output(torch.relu(self.dense(torch.cat([ends_2NH[0], ends_2NH[1]], dim=1))))
        return logits_NK


def bert_relu(folder: Path) -> nn.Module:
    """The `BertRelu` of a folder."""
    return BertRelu(_settings_in(folder))


def frozen_dense(folder: Path) -> nn.Module:
    """The `FrozenDense` of a folder. It reads texts of exactly `positions` tokens: set `model.pad_to` to them."""
    return FrozenDense(_settings_in(folder))


def bilstm(folder: Path) -> nn.Module:
    """The `BiLSTM` of a folder."""
    return BiLSTM(_settings_in(folder))


def new_network(name: str, base: Path, labels: Sequence[str], vocabulary: int, positions: int | None) -> nn.Module:
    """A network to train: the encoder, where it has one, with the weights in `base`, the rest random.

    `positions` are those of `frozen_dense`, `vocabulary` the tokens of `bilstm`.

    Raises:
        ModelError: the encoder in `base` has no pooled output, which `bert_relu` reads.
    """
    names: Settings = {
        "network": name,
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }
    if name == "bilstm":
        return BiLSTM({**names, "vocabulary": vocabulary, "embedding": 64, "lstm": 32, "dense": 16})
    pretrained = load_pretrained("AutoModel", base, "an encoder", head_is_new=True)
    encoder = json.loads(pretrained.config.to_json_string(use_diff=False))
    network: BertRelu | FrozenDense
    if name == "bert_relu":
        if getattr(pretrained, "pooler", None) is None:
            raise ModelError(
                f"finetune.network: bert_relu reads the pooled output of its encoder, and {base.name} "
                f"({encoder['model_type']}) has none. "
                "Use a BERT model as finetune.base, or the network auto."
            )
        network = BertRelu({**names, "encoder": encoder, "dropout": 0.5})
    else:
        network = FrozenDense({**names, "encoder": encoder, "positions": positions, "dense": 128, "dropout": 0.1})
    network.bert.load_state_dict(pretrained.state_dict())
    return network


def save_network(network: nn.Module, folder: Path) -> None:
    """Write the two files that its factory and `model.safetensors` are read from."""
    save_model(network, str(folder / "model.safetensors"))
    settings = json.dumps(network.settings, indent=1, ensure_ascii=False)
    (folder / "config.json").write_text(settings, encoding="utf-8")


def _settings_in(folder: Path) -> Settings:
    settings: Settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return settings


def _encoder(settings: Settings) -> Any:
    values = {name: value for name, value in settings["encoder"].items() if name != "model_type"}
    return transformers.AutoModel.from_config(
        transformers.AutoConfig.for_model(settings["encoder"]["model_type"], **values)
    )
