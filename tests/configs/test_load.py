"""What a user reads who gets a setting wrong, and which of two settings wins."""

import pytest

from configs.errors import ConfigError
from configs.load import load_config, override
from tests.configs.written import MINIMAL, config_of


def test_every_mistake_is_reported_at_once_with_file_key_value_and_the_nearest_name(complaints):
    assert complaints(
        "name: My Audit\ndata: {path: x.csv, sample: lots, text: 5}\nmodel: {hub: a/b, revision: main}\n"
        "attribution: {mode: fixed, step: 3, rule: sympson, max_gap: 0, max_quarantined: 2}\nexplain: {examples: 2.5, view: }\nexpalin: {}\n"
    ) == [
        "a.yaml: `name` should be 1 to 40 of the characters a-z, 0-9, - and _, the first a letter or digit, got 'My Audit'.",
        "a.yaml: `data.text` should be text, got 5 (put it in quotes if it is meant as text).",
        "a.yaml: `data.sample` should be a whole number, got 'lots'.",
        "a.yaml: `model.revision` should be a commit, 7 to 40 hex digits (a branch or a tag can move), got 'main'.",
        "a.yaml: `attribution.rule` should be one of midpoint, gauss_legendre, trapezoid, riemann_left, riemann_right, inclusive_sum, got 'sympson'.",
        "a.yaml: `attribution.max_gap` should be more than 0, got 0.",
        "a.yaml: `attribution.max_quarantined` should be at most 1, got 2.",
        "a.yaml: `attribution.step` is not a setting. Did you mean `steps`? "
        "Known here: mode, methods, layer, baseline, scalar, target, against, dtype, seed, gradients, interval_width, tolerance, "
        "rule, steps, max_gap, max_quarantined.",
        "a.yaml: `explain.view` should be one of bars, tokens, table, got nothing.",
        "a.yaml: `explain.examples` should be a whole number, got 2.5.",
        "a.yaml: `expalin` is not a setting. Did you mean `explain`? Known here: name, title, warehouse, output, storage, models, data, compare, "
        "model, finetune, attribution, statistics, screening, verification, verdicts, waivers, explain, report, certification, limits.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("attribution: {mode: fixed, steps: 0}", "`attribution.steps` should be at least 1, got 0."),
        ("attribution: {mode: fixed, steps: 5000}", "`attribution.steps` should be at most 1024, got 5000."),
        ("attribution: {mode: fixed, max_gap: 0}", "`attribution.max_gap` should be more than 0, got 0."),
        ("attribution: {mode: fixed, max_gap: .nan}", "`attribution.max_gap` should be a finite number, got nan."),
        ("screening: {min_score: .inf}", "`screening.min_score` should be a finite number, got inf."),
        ("attribution: {mode: fixed, steps: true}", "`attribution.steps` should be a number, got true."),
        ("attribution: {mode: fixed, steps: [1, 2]}", "`attribution.steps` should be a whole number, got [1, 2]."),
        ("statistics: {fdr: low}", "`statistics.fdr` should be a number, got 'low'."),
        (
            "title: 2026-01-01",
            "`title` should be text, got datetime.date(2026, 1, 1) (put it in quotes if it is meant as text).",
        ),
        (
            f"title: {'x' * 121}",
            f"`title` should be at most 120 characters long, got '{'x' * 27}...{'x' * 28}'.",
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
            "{hub: a/b, revision: abcdef0, dialect: plain}",
            "`data` has `dialect` beside `hub`; it has no effect on a hub dataset.",
        ),
        (
            "{path: x, revision: 1234567}",
            "`data.revision` should be text, got 1234567 (put it in quotes if it is meant as text).",
        ),
        (
            "{path: x, where: {split: [a, b]}}",
            "`data.where.split` should be text, a whole number, true or false, or a comparison, got ['a', 'b'].",
        ),
        ("{path: x, where: all}", "`data.where` should be a mapping (key: value), got 'all'."),
        (
            "{path: x, labels: {a: 1}}",
            "`data.labels.a` should be text, got 1 (put it in quotes if it is meant as text).",
        ),
        (
            "{path: x, labels: {0: a, '0': b}}",
            "`data.labels` names one label twice (0); case, quotes, spaces at the ends, the encoding of accents and .0 make no difference.",
        ),
        (
            "{path: x, labels: {Pos: a, pos: b}}",
            "`data.labels` names one label twice (Pos and pos); case, quotes, spaces at the ends, the encoding of accents and .0 make no difference.",
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
            "`finetune.where` and `data.where` are the same: the model would be audited on its training rows. "
            "Without a column that names a split, set `finetune.held_out`: 0.2.",
        ),
        (
            "data: {path: x}\nfinetune: {held_out: 0.2, where: {part: train}}\n",
            "`finetune.held_out` divides the rows of `data.where`: take `finetune.where` out, or `held_out`.",
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
        ("[" * 600, "a.yaml: not valid YAML: too many levels inside each other."),
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
        "attribution.steps=32", "attribution.steps = 64", "title=a=b", "data.labels={0: neg, 1: pos}", "data.where.split=train", "finetune=null",
    )  # fmt: skip
    assert (config.attribution.steps, config.title) == (64, "a=b")
    assert (config.data.labels, config.data.where, config.finetune) == (
        {"0": "neg", "1": "pos"},
        {"split": "train"},
        None,
    )


def test_a_wrong_override_is_named_as_the_source_beside_the_mistakes_of_the_file(complaints):
    assert complaints(
        MINIMAL + "title: 5\nattribution: {mode: fixed}\n",
        "attribution.steps=x",
        "nonsense",
        "data..x=1",
        "statistics.fdr=[",
        "model.hub=a/b",
    ) == [
        "--set nonsense: should be KEY=VALUE, for example attribution.mode=document.",
        "--set data..x=1: should be KEY=VALUE, for example attribution.mode=document.",
        "--set statistics.fdr=[: not valid YAML: line 1, column 2: expected the node content, but found '<stream end>'.",
        "a.yaml: `title` should be text, got 5 (put it in quotes if it is meant as text).",
        "a.yaml with --set model.hub=a/b: `model` needs at most one of `path` and `hub`.",
        "a.yaml with --set model.hub=a/b: `model` needs `hub` and `revision` together: the commit, so that the audit can be repeated.",
        "--set attribution.steps=x: `attribution.steps` should be a whole number, got 'x'.",
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


def test_a_character_that_json_writes_in_two_halves_is_one(tmp_path):
    """JSON is YAML, and many tools write it without a character outside ASCII."""
    config = config_of(tmp_path, MINIMAL + 'explain: {"texts": ["\\ud83d\\ude42 is \\u00e9"]}\n')
    assert config.explain.texts == ("🙂 is é",)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "a: b # c = d",
        "'\"\\",
        "🙂 é \u202e\x07\x85\u2028",
        "two\nlines",
        "1999",
        "null",
        "- a",
        "{a}",
        "x" * 5000,
    ],
)
def test_what_is_typed_on_the_command_line_is_read_as_it_was_typed(tmp_path, text):
    config = config_of(tmp_path, MINIMAL, override("explain.texts", [text, "b"]))
    assert config.explain.texts == (text, "b")
