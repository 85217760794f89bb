"""Two runs side by side: which ones are meant, what is told of them, and what the cause is."""

import json
import math

import pytest
from scipy import stats

from configs.errors import AuditError
from flows.compare import chosen, compare
from tasks.pages.compared import headline, told_causes
from tasks.pages.redact import Redactor
from tasks.runs.kept import Comparison, Figure, causes, change_per_1000, crossed, difference
from tests.stages.kept import FACTS, enter, verdict

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Three nights of films, and one of reviews."""
    path = tmp_path_factory.mktemp("compared") / "audits.duckdb"
    enter(path, "films_1", 1)
    enter(path, "films_2", 2, data="d2", n_findings=2, verdicts=[verdict(), verdict("zorp", per_1000=9.0, per_1000_high=12.0)],
          words={"day": (50, 0.5), "film": (80, 0.9), "zorp": (40, 0.4)}, per_1000=14.0, per_1000_low=10.0, per_1000_high=18.0)  # fmt: skip
    enter(path, "reviews_1", 3, name="reviews")
    enter(path, "films_3", 4, verdicts=())
    return path


def test_a_planted_word_is_new_and_the_data_are_the_cause(path):
    found, page = compare(path, "films_2", "last")
    assert {row["word"]: row["change"] for row in found.findings} == {"zorp": "new", "day": "as before"}
    # Other texts: how many of 1,000 hold a finding varies, too.
    earlier, later = ([1000 * end for end in stats.binomtest(n, 1000).proportion_ci(method="wilson")] for n in (5, 14))
    assert headline(found) == (
        "1 finding is new. On all findings together hang 14.0 of 1,000 predictions, before 5.0 "
        f"(+9.0, 95 % interval −{math.hypot(4, 14 - later[0], 3, earlier[1] - 5) - 9:.1f} "
        f"to +{9 + math.hypot(4, later[1] - 14, 2, 5 - earlier[0]):.1f})."
    )
    assert told_causes(found) == (
        "Of all that went in only the data differ: what has changed is due to that, or to chance."
    )
    assert not found.is_confounded
    assert page == path.parent / "films_2" / "compare" / "films_1" / "compare.html"
    text = page.read_text()
    assert "zorp" in text
    assert headline(found) in text
    facts = json.loads(page.with_name("compare.json").read_text())
    assert facts["causes"] == ["data"]
    assert "zorp" in page.with_name("findings.csv").read_text()


def test_names_are_placeholders_if_the_settings_of_the_later_run_say_so(path, monkeypatch):
    redactor = Redactor("salt", {"zorp": True, "day": False})
    monkeypatch.setattr("flows.compare.curtain_of", lambda *_: redactor)
    found, page = compare(path, "films_2", "last")
    assert {row["word"] for row in found.findings} == {redactor.text("zorp"), "day"}
    assert redactor.text("zorp") != "zorp"
    assert [each.name for each in page.parent.iterdir() if "zorp" in each.read_text()] == []


def test_what_differs_is_told_by_the_hashes_of_what_went_in():
    before = {**FACTS}
    for changed, wanted in (
        ({}, ()),
        ({"data": "d2"}, ("data",)),
        ({"model": "m2", "weights": "w2"}, ("weights",)),
        ({"model": "m2", "tokenizer": "t2"}, ("tokenizer",)),
        ({"model": "m2", "weights": "w2", "tokenizer": "t2"}, ("weights", "tokenizer")),
        # How it is read, as by fewer tokens.
        ({"model": "m2"}, ("model",)),
        ({"model": "m2", "weights": None}, ("model",)),
        ({"data": "d2", "model": "m2", "weights": "w2"}, ("data", "weights")),
        ({"settings": "s2", "versions": "v2"}, ("settings", "versions")),
    ):
        assert causes(before, {**FACTS, **changed}) == wanted


def comparison(split=(), **changed):
    return Comparison(FACTS, {**FACTS, **changed}, causes(FACTS, {**FACTS, **changed}), [], [], {}, [], [], list(split))


@pytest.mark.parametrize(
    ("changed", "said", "confounded"),
    [
        ({}, "Nothing that went in differs", False),
        ({"model": "m2", "tokenizer": "t2"}, "only the tokenizer differs", False),
        ({"model": "m2", "weights": "w2", "tokenizer": "t2"}, "The weights and the tokenizer differ: what is due to which is confounded.", True),
        (
            {"data": "d2", "model": "m2", "weights": "w2"},
            "The data and the weights differ: what is due to which is confounded. Audit the new model on the old data",
            True,
        ),
    ],
)  # fmt: skip
def test_several_causes_are_called_confounded(changed, said, confounded):
    found = comparison(**changed)
    assert said in told_causes(found)
    assert found.is_confounded == confounded


@pytest.mark.slow
def test_data_and_model_are_told_apart_where_both_models_read_both_data(tmp_path):
    path = tmp_path / "audits.duckdb"
    both = {"model": "m2", "weights": "w2"}
    enter(path, "old", 1, n_correct=900, registered=False)
    enter(path, "new", 2, data="d2", n_correct=840, registered=False, **both)
    assert compare(path, "new", "old")[0].is_confounded
    enter(path, "model", 3, n_correct=860, registered=False, **both)
    assert compare(path, "new", "old")[0].is_confounded
    enter(path, "data", 4, data="d2", n_correct=800, registered=False)
    found, _ = compare(path, "new", "old")
    assert not found.is_confounded
    assert "of −6.0 points of accuracy −6.0 are of the data and +0.0 of the model" in told_causes(found)


def test_the_other_two_runs_are_measured_alike():
    before, after = {**FACTS, "run_id": "a"}, {**FACTS, "run_id": "b", "data": "d2", "model": "m2"}
    model, data = {**after, "run_id": "m", "data": "d1"}, {**before, "run_id": "d", "data": "d2"}
    assert crossed(before, after, [model, data]) == ("m", "d")
    assert crossed(before, after, [model, {**data, "settings": "s2"}]) is None
    assert crossed(before, {**after, "model": "m1"}, [model, data]) is None


def test_an_interval_of_a_difference_needs_both():
    found = difference(Figure(5, 3, 8), Figure(9, 7, 12))
    assert found == (4, 4 - math.hypot(2, 3), 4 + math.hypot(3, 2))
    assert difference(Figure(5), Figure(9, 7, 12)) == (4, None, None)


def test_the_same_texts_are_no_other_sample():
    same = change_per_1000({**FACTS, "per_1000": 5.0}, {**FACTS, "per_1000": 6.0}, ())
    assert same == (1, 1 - math.hypot(3, 3), 1 + math.hypot(2, 2))
    others = change_per_1000(FACTS, {**FACTS, "per_1000": 6.0, "data": "d2"}, ())
    assert others.low < same.low
    assert others.high > same.high
    assert change_per_1000({**FACTS, "per_1000": None}, FACTS, ()) is None
    # Nothing of 1,000 texts: none has to hang on a finding in 1,000 others, and a few may.
    none = {**FACTS, "per_1000": 0.0, "per_1000_low": 0.0, "per_1000_high": 0.0}
    high = 1000 * stats.binomtest(0, 1000).proportion_ci(method="wilson").high
    assert change_per_1000(none, {**none, "data": "d2"}, ()) == (0, pytest.approx(-high), pytest.approx(high))


@pytest.mark.parametrize(
    ("change", "rates", "down", "up"),
    [
        # From 1 to 9; the interval of the figures alone is 8 - hypot(1, 1) to 8 + hypot(1, 1).
        ("new", (0.0, 8.0), 0, 0),
        ("stronger", (1.0, 8.0), 0, 0),
        ("only after", (0.5, 7.0), 7, 0),
        ("only after", (0.5, -1.0), 0, 0),
        # At most all that hangs on the findings of that run.
        ("only after", (0.5, 20.0), 9, 0),
        ("only after", (None, None), 9, 0),
        ("only before", (0.75, 2.0), 0, 0.75),
        ("only before", (3.0, 2.0), 0, 1),
    ],
)
def test_a_finding_of_one_run_alone_that_is_not_shown_to_be_new_may_have_done_as_much_in_the_other(
    change, rates, down, up
):
    before = {**FACTS, "per_1000": 1.0, "per_1000_low": 0.0, "per_1000_high": 2.0}
    after = {**FACTS, "per_1000": 9.0, "per_1000_low": 8.0, "per_1000_high": 10.0}
    row = {"change": change, "per_1000_before": rates[0], "per_1000_after": rates[1]}
    half = math.hypot(1, 1)
    assert change_per_1000(before, after, [row]) == (8, pytest.approx(8 - half - down), pytest.approx(8 + half + up))


@pytest.mark.parametrize(
    ("later", "earlier", "wanted"),
    [
        ("films_3", "last", ("films_3", "films_2")),
        ("latest", "last", ("films_3", "films_2")),
        # A config is its newest run.
        ("films", "reviews", ("films_3", "reviews_1")),
        ("films_1", "last", ("films_1", None)),
        ("films_1", "films_3", ("films_1", "films_3")),
    ],
)
def test_runs_are_named_by_ids_configs_and_order(path, later, earlier, wanted):
    after, before = chosen(path, later, earlier)
    assert (after["run_id"], before and before["run_id"]) == wanted


def test_a_config_file_names_its_newest_run(path, tmp_path):
    config = tmp_path / "mine.yaml"
    config.write_text("name: films\ndata: {path: x.csv}\nmodel: {path: m}\n")
    assert chosen(path, str(config), "films_1")[0]["run_id"] == "films_3"


@pytest.mark.parametrize(
    ("later", "earlier", "said"),
    [
        ("films_1", "films_1", "would be compared with itself"),
        ("film_2", "last", "No finished run begins with 'film_2'. Did you mean films_2"),
        ("films_", "last", "Several runs begin with 'films_'"),
        ("films_1", "last", "is the first finished run of films"),
    ],
)
def test_runs_that_cannot_be_compared_are_one_sentence(path, later, earlier, said):
    with pytest.raises(AuditError, match=said):
        compare(path, later, earlier)


def test_a_run_is_compared_when_nothing_but_what_is_kept_is_left(path):
    """Its tables, its folder and its entry are gone."""
    enter(path, "gone_1", 1, name="gone", registered=False)
    found, page = compare(path, "gone_1", "films_1")
    assert found.ranking["ndcg"] == pytest.approx(1)
    assert page is None


def test_a_page_holds_no_markup_of_the_data(path):
    enter(
        path,
        "markup_1",
        1,
        name="markup",
        verdicts=[verdict("<script>x</script>")],
        words={"<script>x</script>": (60, 1)},
    )
    _, page = compare(path, "markup_1", "films_1")
    assert "<script>x" not in page.read_text()
    assert "&lt;script&gt;x" in page.read_text()
