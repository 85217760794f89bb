"""Every ready-made config is right."""

from pathlib import Path

import datasets
import huggingface_hub
import pytest

from configs.load import load_config
from configs.schema import DataConfig
from tasks.data.sources import open_dataset
from tasks.model.spec import hub_folder

CONFIGS = Path(__file__).parents[2] / "configs"
READY = sorted(CONFIGS.glob("*.yaml"))


@pytest.mark.parametrize("path", READY, ids=lambda path: path.name)
def test_every_ready_config_is_right_and_says_what_it_is(path):
    config = load_config(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# "), "the first line says what the config audits"
    assert config.data.hub is None or (config.data.revision is not None and len(config.data.revision) == 40)


@pytest.mark.parametrize(
    ("name", "dataset", "subset", "commit", "split", "model", "model_commit", "labels"),
    [
        ("sst2", "stanfordnlp/sst2", None, "8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb", "validation",
         "distilbert/distilbert-base-uncased-finetuned-sst-2-english", "714eb0fa89d2f80546fda750413ed43d93601a13", {}),
        ("imdb", "stanfordnlp/imdb", "plain_text", "e6281661ce1c48d982bc483cf8a173c1bbeb5d31", "test",
         "distilbert/distilbert-base-uncased-finetuned-sst-2-english", "714eb0fa89d2f80546fda750413ed43d93601a13", {"neg": "NEGATIVE", "pos": "POSITIVE"}),
        ("ag_news", "fancyzhx/ag_news", None, "eb185aade064a813bc0b7f42de02595523103ca4", "test",
         "mrm8488/bert-mini-finetuned-age_news-classification", "e94b474cce6f842ee5a90daa7352f5152fac4572", {}),
    ],
)  # fmt: skip
def test_a_hub_config_asks_for_its_pinned_dataset_and_model(
    monkeypatch, tmp_path, name, dataset, subset, commit, split, model, model_commit, labels
):
    asked = {}

    def load_dataset(*args, **options):
        asked["data"] = (args, options)
        return datasets.Dataset.from_dict({"text": ["a"], "sentence": ["a"], "label": [0]})

    def snapshot_download(*args, **options):
        asked["model"] = (args, options)
        return str(tmp_path)

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    config = load_config(CONFIGS / f"{name}.yaml")
    open_dataset(config.data)
    assert hub_folder(config.model.hub, config.model.revision) == tmp_path
    assert asked["data"] == ((dataset, subset), {"split": split, "revision": commit})
    assert asked["model"][0] == (model,)
    assert asked["model"][1]["revision"] == model_commit
    assert (
        "model.safetensors" in asked["model"][1]["allow_patterns"]
        or "*.safetensors" in asked["model"][1]["allow_patterns"]
    )
    assert not any(pattern.endswith((".bin", ".py", ".h5")) for pattern in asked["model"][1]["allow_patterns"])
    assert config.data.labels == labels


def test_the_template_differs_from_a_finished_config_by_five_marked_lines():
    lines = (CONFIGS / "local_csv.yaml").read_text(encoding="utf-8").splitlines()
    marked = [
        line.strip().split(": ")[0] for line in lines if line.rstrip().endswith(tuple(f"# ({i})" for i in range(1, 6)))
    ]
    assert marked == ["name", "path", "text", "label", "path"]
    config = load_config(CONFIGS / "local_csv.yaml")
    assert config.data == DataConfig(path=Path("data/reviews.csv"))
