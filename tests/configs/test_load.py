"""What a user reads who gets a setting wrong, and that every ready-made config is right."""

import json
from pathlib import Path

import datasets
import huggingface_hub
import pytest

from configs.errors import ConfigError
from configs.load import load_config, settings
from configs.schema import AuditConfig, DataConfig
from tasks.data.sources import open_dataset
from tasks.model.spec import hub_folder

CONFIGS = Path(__file__).parents[1] / "configs"
READY = sorted(CONFIGS.glob("*.yaml"))
MINIMAL = "data: {path: x.csv}\nmodel: {path: m}\n"


@pytest.fixture
def complaints(tmp_path):
    """The lines of the error for a YAML text and overrides, with the file's path left out."""

    def complain(text, *overrides):
        file = tmp_path / "a.yaml"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load_config(file, overrides)
        return str(caught.value).replace(str(file), "a.yaml").splitlines()

    return complain


def config_of(tmp_path, text, *overrides):
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, overrides)


# Wrong values


def test_every_mistake_is_reported_at_once_with_file_key_value_and_the_nearest_name(complaints):
    assert complaints(
        "name: My Audit\ndata: {path: x.csv, sample: lots, text: 5}\nmodel: {hub: a/b, revision: main}\n"
        "attribution: {mode: fixed, step: 3, rule: sympson, max_gap: 0, max_doublings: -1}\nreport: {top_words: 2.5, title: }\nreprot: {}\n"
    ) == [
        "a.yaml: `name` should be 1 to 40 of the characters a-z, 0-9, - and _, the first a letter or digit, got 'My Audit'.",
        "a.yaml: `data.text` should be text, got 5 (put it in quotes if it is meant as text).",
        "a.yaml: `data.sample` should be a whole number, got 'lots'.",
        "a.yaml: `model.revision` should be a commit, 7 to 40 hex digits (a branch or a tag can move), got 'main'.",
        "a.yaml: `attribution.max_doublings` should be at least 0, got -1.",
        "a.yaml: `attribution.rule` should be one of midpoint, gauss_legendre, gauss_kronrod, trapezoid, simpson, riemann_left, riemann_right, inclusive_sum, got 'sympson'.",
        "a.yaml: `attribution.max_gap` should be more than 0, got 0.",
        "a.yaml: `attribution.step` is not a setting. Did you mean `steps`? "
        "Known here: mode, methods, method, layer, baseline, baseline_sweep, scalar, target, against, dtype, seed, gradients, max_noise, interval_width, "
        "interval_examples, max_gradients, tolerance, max_doublings, rule, steps, max_gap, max_quarantined.",
        "a.yaml: `report.title` should be text, got nothing.",
        "a.yaml: `report.top_words` should be a whole number, got 2.5.",
        "a.yaml: `reprot` is not a setting. Did you mean `report`? Known here: name, warehouse, output, storage, models, data, compare, model, "
        "finetune, attribution, aggregation, flagging, verification, verdicts, waivers, recommendation, report, workers, explain, certification, limits.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("attribution: {mode: fixed, steps: 0}", "`attribution.steps` should be at least 1, got 0."),
        ("attribution: {mode: fixed, steps: 5000}", "`attribution.steps` should be at most 1024, got 5000."),
        ("attribution: {mode: fixed, max_gap: 0}", "`attribution.max_gap` should be more than 0, got 0."),
        ("attribution: {mode: fixed, max_gap: .nan}", "`attribution.max_gap` should be a finite number, got nan."),
        ("flagging: {min_score: .inf}", "`flagging.min_score` should be a finite number, got inf."),
        ("attribution: {mode: fixed, steps: true}", "`attribution.steps` should be a number, got true."),
        ("attribution: {mode: fixed, steps: [1, 2]}", "`attribution.steps` should be a whole number, got [1, 2]."),
        ("flagging: {max_q: low}", "`flagging.max_q` should be a number, got 'low'."),
        (
            "report: {title: 2026-01-01}",
            "`report.title` should be text, got datetime.date(2026, 1, 1) (put it in quotes if it is meant as text).",
        ),
        (
            f"report: {{title: {'x' * 121}}}",
            f"`report.title` should be at most 120 characters long, got '{'x' * 27}...{'x' * 28}'.",
        ),
        ("warehouse: 3", "`warehouse` should be a path, got 3."),
        ("warehouse: ''", "`warehouse` is empty; leave the line out, or give a path."),
        ("attribution: 16", "`attribution` should be a mapping of settings (key: value), got 16."),
        ("attribution:", "`attribution` should be a mapping of settings (key: value), got nothing."),
        ("1: x", "`1` is not a setting."),
        ("steps: 16", "`steps` is not a setting. Did you mean `attribution.steps`?"),
    ],
)
def test_a_wrong_value_gives_one_sentence(complaints, line, said):
    (complaint,) = complaints(MINIMAL + line)
    assert complaint.removeprefix("a.yaml: ").startswith(said)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{}", "`data` needs exactly one of `path` and `hub`."),
        ("{path: x, hub: a/b, revision: abcdef0}", "`data` needs exactly one of `path` and `hub`."),
        (
            "{hub: a/b}",
            "`data` needs `revision` beside `hub`: the commit of the dataset, so that the audit can be repeated.",
        ),
        (
            "{path: x, subset: plain}",
            "`data` has `revision` or `subset` without `hub`; they have no effect on a local file.",
        ),
        (
            "{path: x, revision: 1234567}",
            "`data.revision` should be text, got 1234567 (put it in quotes if it is meant as text).",
        ),
        (
            "{path: x, where: {split: [a, b]}}",
            "`data.where.split` should be text, a whole number, or true or false, got ['a', 'b'].",
        ),
        ("{path: x, where: all}", "`data.where` should be a mapping (key: value), got 'all'."),
        (
            "{path: x, labels: {a: 1}}",
            "`data.labels.a` should be text, got 1 (put it in quotes if it is meant as text).",
        ),
        (
            "{path: x, labels: {0: a, '0': b}}",
            "`data.labels` names one label twice (0); case, quotes and spaces at the ends make no difference.",
        ),
        (
            "{path: x, labels: {Pos: a, pos: b}}",
            "`data.labels` names one label twice (Pos and pos); case, quotes and spaces at the ends make no difference.",
        ),
        ("{path: x, labels: [a]}", "`data.labels` should be a mapping (key: value), got ['a']."),
    ],
)
def test_what_is_wrong_with_the_data_section(complaints, data, said):
    assert f"a.yaml: {said}" in complaints(f"data: {data}\nmodel: {{path: m}}\n")


def test_clashes_are_reported_beside_wrong_values(complaints):
    """Pydantic skips a model's own checks while a field is wrong: the clash would show up in the next run only."""
    assert complaints("data: {path: x, split: 5, revision: abcdef0}\n") == [
        "a.yaml: `data.split` should be text, got 5 (put it in quotes if it is meant as text).",
        "a.yaml: `data` has `revision` or `subset` without `hub`; they have no effect on a local file.",
        "a.yaml: exactly one model is needed: `model.path`, `model.hub` with `model.revision`, or a `finetune` section.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: {path: m}\n", "`data` is missing. `token-audit config` lists every setting."),
        (
            "data: {path: x}\n",
            "exactly one model is needed: `model.path`, `model.hub` with `model.revision`, or a `finetune` section.",
        ),
        (
            MINIMAL + "finetune: {where: {split: train}}\n",
            "exactly one model is needed: `model.path`, `model.hub` with `model.revision`, or a `finetune` section.",
        ),
        (
            "data: {path: x}\nmodel: {path: m, hub: a/b, revision: abcdef0}\n",
            "`model` needs at most one of `path` and `hub`.",
        ),
        (
            "data: {path: x}\nmodel: {hub: a/b}\n",
            "`model` needs `hub` and `revision` together: the commit, so that the audit can be repeated.",
        ),
        (
            "data: {path: x}\nfinetune: {}\n",
            "`finetune.where` and `data.where` are the same: the model would be audited on its training rows.",
        ),
    ],
)
def test_clashes_read_well_in_a_section_and_at_the_top(complaints, text, said):
    assert complaints(text) == [f"a.yaml: {said}"]


# Wrong files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.yaml: should be a mapping of settings (key: value), found nothing. Start from configs/demo.yaml."),
        (
            "- a\n- b\n",
            "a.yaml: should be a mapping of settings (key: value), found ['a', 'b']. Start from configs/demo.yaml.",
        ),
        (
            "name: a\ndata: {path: x}\nname: b\n",
            "a.yaml: not valid YAML: line 3, column 1: the key `name` is given twice.",
        ),
        ("data: {path: x, path: y}\n", "a.yaml: not valid YAML: line 1, column 17: the key `path` is given twice."),
        ("name: [a\n", "a.yaml: not valid YAML: line 2, column 1: expected ',' or ']', but got '<stream end>'."),
        (
            "name: a\n\tdata: b\n",
            "a.yaml: not valid YAML: line 2, column 1: found character '\\t' that cannot start any token.",
        ),
        ("data: {[1]: x}\n", "a.yaml: not valid YAML: line 1, column 8: a key should be a word or a number."),
        ("name: &x [*x]\n", "a.yaml: not valid YAML: line 1, column 7: found unconstructable recursive node."),
        ("[" * 3000, "a.yaml: not valid YAML: too many levels inside each other."),
        (
            "data: !!python/object/apply:os.system ['true']\n",
            "a.yaml: not valid YAML: line 1, column 7: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object/apply:os.system'.",
        ),
    ],
)
def test_a_file_that_is_no_config(complaints, text, said):
    assert complaints(text) == [said]


def test_a_missing_file_names_the_ready_ones(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"none\.yaml: cannot be read \(No such file or directory\)\. Ready-made configs are in .*demo\.yaml",
    ):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        load_config(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"cannot be read \(not UTF-8 text\)"):
        load_config(tmp_path / "latin.yaml")


def test_a_value_that_would_fill_the_screen_is_cut(complaints):
    bomb = "a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: &d [*c,*c,*c]\ne: &e [*d,*d,*d]\nname: *e\n"
    assert max(map(len, complaints(MINIMAL + bomb))) < 250


# Overrides


def test_overrides_are_yaml_and_win_over_the_file_and_over_earlier_ones(tmp_path):
    config = config_of(
        tmp_path, MINIMAL + "attribution: {mode: fixed, steps: 8}\n",
        "attribution.steps=32", "attribution.steps = 64", "report.title=a=b", "data.labels={0: neg, 1: pos}", "data.where.split=train", "finetune=null",
    )  # fmt: skip
    assert (config.attribution.steps, config.report.title) == (64, "a=b")
    assert (config.data.labels, config.data.where, config.finetune) == (
        {"0": "neg", "1": "pos"},
        {"split": "train"},
        None,
    )


def test_a_wrong_override_is_named_as_the_source_beside_the_mistakes_of_the_file(complaints):
    assert complaints(
        MINIMAL + "report: {title: 5}\nattribution: {mode: fixed}\n",
        "attribution.steps=x",
        "nonsense",
        "data..x=1",
        "flagging.max_q=[",
        "model.hub=a/b",
    ) == [
        "--set nonsense: should be KEY=VALUE, for example attribution.mode=document.",
        "--set data..x=1: should be KEY=VALUE, for example attribution.mode=document.",
        "--set flagging.max_q=[: not valid YAML: line 1, column 2: expected the node content, but found '<stream end>'.",
        "a.yaml with --set model.hub=a/b: `model` needs at most one of `path` and `hub`.",
        "a.yaml with --set model.hub=a/b: `model` needs `hub` and `revision` together: the commit, so that the audit can be repeated.",
        "--set attribution.steps=x: `attribution.steps` should be a whole number, got 'x'.",
        "a.yaml: `report.title` should be text, got 5 (put it in quotes if it is meant as text).",
    ]


def test_an_override_of_a_whole_section_is_the_source_of_what_is_in_it(complaints):
    assert complaints(MINIMAL, "attribution={mode: fixed, steps: 0}") == [
        "--set attribution={mode: fixed, steps: 0}: `attribution.steps` should be at least 1, got 0."
    ]


# What YAML does to names


def test_yes_and_no_are_names_and_true_and_false_are_not(tmp_path):
    """YAML 1.1 reads the labels `no` and `yes` as truth values."""
    config = config_of(
        tmp_path, "data: {path: x, labels: {no: NO, yes: off}, where: {a: on, b: true}}\nmodel: {path: m}\n"
    )
    assert config.data.labels == {"no": "NO", "yes": "off"}
    assert config.data.where == {"a": "on", "b": True}


def test_labels_of_numbers_and_truth_values_are_keyed_by_their_names(tmp_path):
    config = config_of(tmp_path, "data: {path: x, labels: {0: a, 2.0: b, true: c, ' 007': d}}\nmodel: {path: m}\n")
    assert config.data.labels == {"0": "a", "2": "b", "true": "c", " 007": "d"}


def test_a_config_survives_the_trip_through_the_registry(tmp_path):
    config = config_of(
        tmp_path, "data: {path: x, labels: {0: a, true: b}, where: {s: t, n: 1, b: false}}\nfinetune: {where: {s: u}}\n"
    )
    assert AuditConfig.model_validate_json(config.model_dump_json()) == config
    assert AuditConfig(data=config.data, finetune=config.finetune) == AuditConfig.model_validate(
        {"data": config.data, "finetune": config.finetune}
    )


def test_settings_are_frozen(tmp_path):
    config = config_of(tmp_path, MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        config.name = "other"


# The list of settings, and the ready configs


def test_every_setting_is_listed_with_type_unit_default_and_meaning():
    rows = {row["key"]: row for row in settings()}
    assert rows["attribution.steps"] == {
        "key": "attribution.steps", "type": "integer", "unit": "gradients per example, >= 1, <= 1024", "default": "16",
        "meaning": "`fixed` mode: points on the path from the baseline to the input.",
    }  # fmt: skip
    assert (rows["data.path"]["type"], rows["data.path"]["default"]) == ("path | none", "null")
    assert (rows["data.labels"]["type"], rows["attribution.rule"]["type"]) == (
        "mapping",
        "midpoint | gauss_legendre | gauss_kronrod | trapezoid | simpson | riemann_left | riemann_right | inclusive_sum",
    )
    for row in rows.values():
        assert row["meaning"][0].isupper() or row["meaning"][0] == "`", row
        assert row["meaning"].endswith("."), row
        assert row["type"], row
        assert not {"<", "class", "Annotated"} & set(row["type"].split()), row
        assert row["unit"] or row["type"] not in ("integer", "number") or row["key"].endswith("seed"), row
        json.loads(row["default"] if row["default"] != "required" else "null")


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


# Settings of the attribution that contradict each other


@pytest.mark.parametrize(
    ("attribution", "clash"),
    [
        (
            "{methods: [gradient_norm]}",
            "needs `integrated_gradients`, `gradient_x_input` or `relevance` among `methods`",
        ),
        ("{methods: [gradient_x_input, gradient_x_input]}", "names one of `methods` twice"),
        ("{layer: bert.encoder.layer.3}", "cannot take `gradient_norm` at 'bert.encoder.layer.3'"),
        ("{steps: 5}", "sets `steps`, which has an effect only in mode fixed; the mode is corpus"),
        (
            "{mode: document, gradients: 4, max_noise: 0.2}",
            "sets `gradients`, `max_noise`, which have an effect only in mode corpus",
        ),
        ("{mode: fixed, tolerance: 0.1}", "sets `tolerance`, which has an effect only in mode document"),
        (
            "{gradients: 4, max_gradients: 100}",
            "needs at most one of `gradients`, `interval_width` and `max_gradients`",
        ),
        ("{target: good, against: good}", "has the same label as `target` and as `against`"),
        ("{against: good, scalar: logit}", "has `against` beside a scalar that looks at one class"),
    ],
)
def test_settings_that_clash_are_one_sentence(complaints, attribution, clash):
    (sentence,) = complaints(f"{MINIMAL}attribution: {attribution}\n")
    assert sentence.startswith(f"a.yaml: `attribution` {clash}")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("model", "clash"),
    [
        ("{hub: a/b, revision: abcdef0, factory: 'nets:make'}", "has `factory` beside `hub`"),
        (
            "{path: m, long_texts: windows, max_tokens: 64, overlap: 40}",
            "has `overlap` 40, more than half of `max_tokens` 64",
        ),
    ],
)
def test_model_settings_that_clash_are_one_sentence(complaints, model, clash):
    (sentence,) = complaints(f"data: {{path: x.csv}}\nmodel: {model}\n")
    assert sentence.startswith(f"a.yaml: `model` {clash}")
