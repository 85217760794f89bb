"""A certificate: what it says, what it covers, and the method it names."""

import json
import re
from datetime import date
from pathlib import Path

import duckdb
import pytest
from safetensors.numpy import save_file

from configs.attribution import AttributionConfig
from configs.errors import AuditError, ConfigError
from configs.schema import AuditConfig
from tasks.model.spec import ModelSpec
from tasks.runs.identity import subject
from tasks.selftest.certificate import _REASONS, SHIPPED, covering, missed, require_certifiable
from tasks.selftest.method import with_method, with_method_chosen
from warehouse import open_warehouse

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WORDS = """
    certificate_id | role     | shortcut:varchar | strength:double | word  | n_examples | verdict:varchar   | has_figures | decoy_type:varchar | listed:boolean | reason:varchar
    c_1            | shortcut | single_token     | 1.0             | aa    | 20         | spurious          | true        | null               | null           | null
    c_1            | shortcut | single_token     | 1.0             | bb    | 4          | unclear           | true        | null               | null           | too few texts
    c_1            | shortcut | single_token     | 0.9             | cc    | 20         | spurious          | true        | null               | null           | null
    c_1            | shortcut | ordered_pair     | 1.0             | dd    | 20         | context-dependent | true        | null               | null           | not consistent
    c_1            | shortcut | ordered_pair     | 1.0             | ee    | 20         | null              | true        | null               | null           | not tried
    c_1            | shortcut | number_type      | 0.9             | 00/00 | 20         | unclear           | true        | null               | null           | explained
    c_1            | member   | number_type      | 0.9             | 41/52 | 1          | null              | false       | null               | null           | too few texts
    c_1            | context  | token_in_context | 1.0             | ff    | 20         | spurious          | true        | null               | null           | null
    c_1            | control  | null             | null            | gg    | 20         | genuine           | true        | null               | null           | explained
    c_1            | decoy    | null             | null            | hh    | 20         | spurious          | true        | place              | true           | null
    c_1            | decoy    | null             | null            | ii    | 20         | null              | true        | place              | false          | not tried
    c_1            | decoy    | null             | null            | jj    | 20         | unclear           | true        | mark               | false          | not shown
    c_1            | decoy    | null             | null            | kk    | 20         | null              | true        | mark               | false          | not tried
    c_1            | decoy    | null             | null            | ll    | 1          | null              | false       | mark               | false          | too few texts
    c_2            | shortcut | single_token     | 1.0             | aa    | 20         | null              | true        | null               | null           | not tried
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
        c_1            | number_type  | 0.9      | true    | 0.5            | 0.95
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
        # A group is one, whatever its members.
        ("number_type", 0.9, 0, 0.0, 0.0, True, "00/00 unclear"),
        ("ordered_pair", 1.0, 0, 0.0, 0.5, False, "dd context-dependent, ee no candidate"),
        ("single_token", 0.9, 1, 1.0, 1.0, True, "cc spurious"),
        ("single_token", 1.0, 1, 0.5, 0.5, True, "aa spurious, bb unclear"),
    ]  # fmt: skip


def test_the_false_discovery_rate_is_the_share_of_decoys_times_the_words_over_those_called_spurious(certified):
    (row,) = certified.rows("registry/false_discoveries", certificate_id="c_1")
    # One of four judged decoys; 100 words could have been called so by chance; 47 + aa + cc + ff were: 0.25 * 100 / 50.
    # Wilson's interval of 1 in 4: (1 + 1.9207 -+ 1.9600 sqrt(3/4 + 0.9604)) / 7.8415.
    assert (round(row.pop("decoy_low"), 4), round(row.pop("decoy_high"), 4)) == (0.0456, 0.6994)
    assert row == {
        "n_decoys": 4, "n_decoys_spurious": 1, "n_tested": 100, "n_flagged": 50, "decoy_fdr": 0.5, "n_controls": 1,
        "n_controls_spurious": 0,
    }  # fmt: skip
    (without,) = certified.rows("registry/false_discoveries", certificate_id="c_2")
    assert without["decoy_fdr"] is without["decoy_low"] is without["decoy_high"] is None


def test_decoys_are_counted_by_their_type_and_by_whether_a_list_holds_them(certified):
    rows = certified.rows("registry/decoys", certificate_id="c_1")
    assert [tuple(row.values()) for row in rows] == [
        ("mark", 3, 2, 0, 2, 0, None),
        ("place", 2, 2, 1, 1, 0, "hh"),
    ]


def test_what_was_learned_and_not_found_has_its_reason_as_a_sentence(certified):
    # The model did not learn the ordered pair: there was nothing to find.
    assert [(row["word"], row["shortcut"], row["sentence"]) for row in missed(certified.warehouse, "c_1")] == [
        ("00/00", "number_type", "moves predictions no more, or not surely more, than words of its meaning or type do"),
        ("bb", "single_token", "is in 4 audited texts, too few to be judged"),
    ]


def test_every_reason_of_the_query_has_a_sentence():
    sql = (ROOT / "warehouse/certify/planted_words.sql").read_text(encoding="utf-8")
    reasons = set(re.findall(r"(?:then|else) '([^']+)'", sql.split("as reason")[0].rsplit("case", 1)[1]))
    assert reasons == set(_REASONS)


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
        "attribution": {"methods": "certified"},
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
    with duckdb.connect() as connection:
        connection.execute(f"copy (select 10 as n_tested, 1 as n_spurious) to '{path}'")
    return path


def test_a_certificate_covers_models_of_the_same_shapes_on_the_same_data(config, model, tmp_path):
    assert subject(config, model) == subject(config, weights(tmp_path / "same", 1.0))
    assert subject(config, model) != subject(config, weights(tmp_path / "other", 0.0, rows=3))
    known = subject(config, model)
    pairs = config.model_copy(update={"data": config.data.model_copy(update={"pair": "second"})})
    assert subject(pairs, model) != known, "a certificate is of single texts"
    (tmp_path / "d.csv").write_text("text,label\na,neg\nc,pos\n", encoding="utf-8")
    assert subject(config, model) != known


def test_method_certified_is_the_method_and_the_baseline_of_the_newest_certificate(config, model):
    certificate(config, model, "first", "integrated_gradients", "mask")
    certificate(config, model, "second", "gradient_x_input", "none")
    chosen = with_method_chosen(config, model).attribution
    assert (chosen.methods[0], chosen.summed, chosen.baseline) == ("gradient_x_input", "gradient_x_input", "mask")
    assert set(chosen.methods) == {"gradient_x_input", "gradient_norm"}
    certificate(config, model, "third", "integrated_gradients", "zero")
    chosen = with_method_chosen(config, model).attribution
    assert (chosen.summed, chosen.baseline) == ("integrated_gradients", "zero")
    # As if it had been written so: no second run for the same scores.
    assert type(chosen).model_validate(chosen.model_dump()) == chosen


def test_without_a_certificate_the_way_out_is_one_sentence(config, model, tmp_path):
    with pytest.raises(AuditError, match=r"holds none\. Make one with token-audit certify CONFIG"):
        with_method_chosen(config, model)
    certificate(config, weights(tmp_path / "other", 0.0, rows=3), "of-another", "gradient_x_input", "none")
    with pytest.raises(AuditError, match="holds none"):
        with_method_chosen(config, model)
    certificate(config, model, "in-vain", None, None)
    with pytest.raises(AuditError, match="holds one whose model learned no shortcut"):
        with_method_chosen(config, model)


def test_what_cannot_be_certified_is_said_before_any_work(config):
    with pytest.raises(ConfigError, match="`finetune` is missing: certify trains the classifier once more"):
        require_certifiable(config)
    pairs = AuditConfig.model_validate({
        "data": {"path": "d.csv", "pair": "second", "where": {"split": "test"}}, "finetune": {"where": {"split": "train"}},
    })  # fmt: skip
    with pytest.raises(ConfigError, match=r"`data\.pair` is 'second': certify plants into single texts"):
        require_certifiable(pairs)


@pytest.mark.parametrize(
    ("layer", "methods"),
    [
        ("word_embeddings", ("relevance", "gradient_x_input", "gradient_norm")),
        ("bert.encoder.layer.1", ("relevance", "gradient_x_input")),
    ],
)
def test_no_gradient_to_the_one_hot_input_is_computed_beside_the_best_method_at_an_inner_layer(layer, methods):
    attribution = AttributionConfig(methods="certified", layer=layer)
    config = AuditConfig.model_construct(attribution=attribution)
    chosen = with_method(config, {"method": "relevance", "baseline": "none"}).attribution
    assert chosen.methods == methods
    assert AttributionConfig.model_validate(chosen.model_dump()) == chosen


# ---------------------------------------------------------------- those that are shipped


def test_a_shipped_certificate_is_taken_where_the_warehouse_has_none(config, model, tmp_path, monkeypatch):
    shipped = tmp_path / "certificates.json"
    own = {"certificate_id": "shipped", "made_at": "2026-11-30T22:00:00+00:00", "recall": []}
    shipped.write_text(json.dumps({subject(config, model): own}), encoding="utf-8")
    monkeypatch.setattr("tasks.selftest.certificate.SHIPPED", shipped)
    with open_warehouse(config.warehouse) as warehouse:
        found = covering(warehouse, subject(config, model))
        assert covering(warehouse, "another") is None
    assert found["certificate_id"] == "shipped"
    assert found["made_at"].date() == date(2026, 11, 30)
    certificate(config, model, "own", "relevance", "none")
    with open_warehouse(config.warehouse) as warehouse:
        assert covering(warehouse, subject(config, model))["certificate_id"] == "own"


@pytest.mark.parametrize("name", ["films", "reviews"])
def test_the_shipped_ones_are_of_the_configs_that_come_with_them(name):
    """A change of what is planted, or of the figures of a certificate, needs `make certificates`."""
    (own,) = [row for row in json.loads(SHIPPED.read_text(encoding="utf-8")).values() if row["name"] == name]
    kinds = {"single_token", "token_in_context", "ordered_pair", "name", "number_type", "boilerplate_line"}
    assert {row["shortcut"] for row in own["recall"]} == kinds
    assert own["n_decoys"] >= 50
    assert own["n_decoys_spurious"] <= 2
    assert own["n_controls_spurious"] == 0
    assert sum(row["n_spurious"] for row in own["recall"]) / sum(row["n_words"] for row in own["recall"]) > 0.7
