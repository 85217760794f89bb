"""One sentence for each rule, the same wherever a rule is shown."""

import csv
import html
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from flows.terminal import print_findings
from flows.word import print_word
from tasks.pages.artifacts import finding_row
from tasks.pages.exports import to_csv
from tasks.pages.rules import figures_in, fired, ids, meanings, rules, sentence, title, titles, told
from tests.pages.world import PATTERN, TAG, warehouse_of
from tests.sql.screen.made import named_in, rules_of_types

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def rules_of_verdicts():
    """Ids that judge and recommend name: of what happens beside another word, the second half is the kind of contrast."""
    comparisons = re.findall(
        r"'(presence|order)'", (ROOT / "warehouse/verify/interactions.sql").read_text(encoding="utf-8")
    )
    named = (
        named_in("judge/fired")
        | named_in("recommend/labelling_hints")
        | named_in("recommend/rule_proposals")
        | named_in("trace/taught_words")
    )
    return named | {f"interaction.{comparison}" for comparison in comparisons}


def test_every_rule_that_a_query_can_name_has_a_template_and_every_template_a_rule():
    assert set(rules()) == rules_of_types() | rules_of_verdicts()
    assert len(rules_of_verdicts()) == 40
    assert not rules_of_types() & rules_of_verdicts()


def figures_written_in(code):
    """Names of the figures in every map that a query writes out."""
    maps = re.findall(r"map \{(.*?)\}", code, re.DOTALL)
    return {name for entries in maps for name in re.findall(r"'(\w+)':", entries)}


def sql(path):
    return re.sub(r"--.*", "", (ROOT / f"warehouse/{path}.sql").read_text(encoding="utf-8"))


def given(path):
    """Rule -> names of the figures that a query gives with it."""
    for part in re.split(r"\{\s*'rule':", sql(path))[1:]:
        for rule_id in re.findall(r"'([a-z]+\.[a-z_]*)'", part):
            for end in ("order", "presence") if rule_id.endswith(".") else ("",):
                yield rule_id + end, figures_written_in(part)


def test_a_template_asks_for_figures_that_its_query_gives():
    known = (
        dict(given("judge/fired"))
        | dict(given("recommend/labelling_hints"))
        | dict(given("recommend/rule_proposals"))
        | dict(given("trace/taught_words"))
    )
    assert set(known) == rules_of_verdicts()
    for rule_id in rules_of_types():
        kinds = {"bigram": "bigram_types", "piece": "piece_types", "affix": "piece_types", "fragment": "piece_types"}
        kind, _, name = rule_id.partition(".")
        known[rule_id] = figures_written_in(sql(f"screen/{kinds.get(name) or kinds.get(kind) or 'word_types'}"))
    assert len(figures_written_in(sql("screen/word_types"))) == 13
    for rule_id, rule in rules().items():
        assert figures_in(rule.title) | figures_in(re.sub(r"[\[\]]", "", rule.template)) <= known[rule_id], rule_id


def figure(name):
    """Something that fits every format of a figure of this name."""
    words = (
        "label",
        "type",
        "partner",
        "name_list",
        "place_kind",
        "word_group",
        "recognised_type",
        "identity_group",
        "affix",
        "affix_side",
    )
    pair = ("first_word", "second_word", "first_type", "second_type")
    return "x{1}[y]" if name in words + pair else 0.5 if name.startswith(("min", "label_")) else 2


@pytest.mark.parametrize("rule_id", rules())
def test_a_sentence_is_whole_with_all_of_its_figures_and_with_those_alone_that_it_needs(rule_id):
    rule = rules()[rule_id]
    needed = figures_in(re.sub(r"\[.*?\]", "", rule.template))
    every = figures_in(re.sub(r"[\[\]]", "", rule.template)) | figures_in(rule.title)
    for names in (every, needed):
        said = sentence(rule_id, {name: figure(name) if name in names else None for name in every})
        assert re.fullmatch(r"[^\[\]{}]+\.", said.replace("x{1}[y]", "")), said
        assert "None" not in said
        assert said[0].isupper() or said[0] in "“0123456789"
    assert title(rule_id, {name: figure(name) for name in every}) == rule.title.replace("{type}", "x{1}[y]")
    for name in needed:
        with pytest.raises(ValueError, match="missing"):
            sentence(rule_id, {other: None if other == name else figure(other) for other in every})


EFFECT = {"label": "good", "effect": -0.5, "effect_low": None, "effect_high": None}


def test_an_effect_is_told_by_its_mean_and_by_its_interval_where_there_is_one():
    assert sentence("effect.moves", EFFECT) == "It changes the log-odds of “good” by −0.50 on average."
    assert sentence("effect.moves", EFFECT | {"effect_low": -1.254, "effect_high": 0.0}) == (
        "It changes the log-odds of “good” by −0.50 on average (95 % interval −1.25 to +0.00)."
    )


def test_figures_of_a_rule_are_rounded_and_those_that_are_missing_left_out():
    assert sentence(
        "labels.pulled_over", {"label": "a", "n_pulled": 1200, "n_minority": 2400, "minority_gap": 0.256}
    ) == ("1,200 of 2,400 texts with it and another label are predicted as “a”, 26 points more than without it.")
    assert sentence("arm.insert", {"effect": -0.126, "low": None, "high": None, "n_texts": 2.0}) == (
        "Inserted, less placebo words at the same places: −0.13, texts: 2."
    )
    assert (
        sentence("effect.flips", {"flip_rate": 0.0416}) == "4.2 % of the predictions in its texts change when it goes."
    )
    assert sentence("control.not_passed", {"q_value": 0.0512, "fdr": 0.05}) == (
        "Its q-value for spurious is 0.051; the limit over all candidates is 0.05."
    )


def test_what_a_verdict_means_is_said_in_the_same_words_everywhere(page_path):
    assert set(meanings()) == {"spurious", "context-dependent", "genuine", "negligible", "unclear"}
    page = html.unescape(page_path.read_text(encoding="utf-8"))
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    header = (ROOT / "warehouse/judge/judged.sql").read_text(encoding="utf-8").partition("with\n")[0]
    said = " ".join(header.replace("--", " ").split())
    for verdict, meaning in meanings().items():
        assert f"<dt>A word is {verdict} if</dt><dd>{meaning}</dd>" in page
        assert f"- *{verdict}*: {meaning}." in readme
        assert f" {verdict} {meaning} " in said
    order = [re.search(rf" {verdict} {re.escape(meaning)} ", said).start() for verdict, meaning in meanings().items()]
    assert order == sorted(order)


def test_no_sentence_on_what_moves_predictions_claims_a_number_of_operators():
    assert [rule_id for rule_id, rule in rules().items() if "operator" in rule.title + rule.template] == []


def test_rules_are_told_in_their_order():
    facts = [
        {"rule": "effect.moves", "figures": [("effect", -0.5)], "words": [("label", "good")]},
        {"rule": "type.should_not_decide", "figures": None, "words": [("type", "number")]},
        {"rule": "number.date", "figures": [], "words": []},
    ]
    assert told(facts[1:]) == (
        "Its type should not decide: another word of the type in its place should make no difference. It is a date, or part of one."
    )
    assert titles(facts) == "moves predictions, number"
    assert ids(facts) == "effect.moves;type.should_not_decide;number.date"


def test_the_page_the_terminal_the_exports_and_prefect_say_the_same_of_a_verdict(audited, page_path, capsys):
    _, run, _ = audited
    with warehouse_of(audited) as warehouse:
        (row,) = (row for row in warehouse.rows("report/verdicts", {"max_verdicts": 50}) if row["word"] == TAG)
        said = [rule.sentence for rule in fired(row["rules"])]
        print_findings(warehouse)
        findings = capsys.readouterr().out
        print_word(warehouse, run.folder, TAG, 1)
        word = capsys.readouterr().out
        finding, kind, pattern = warehouse.rows("report/findings", {"n_rows": 5})
        hints = list(csv.DictReader(io.StringIO(to_csv(warehouse.table("report/export/labelling_hints", {})).decode())))
    assert len(said) > 2
    assert (kind["kind"], kind["word"]) == ("type", "markup")
    assert (pattern["kind"], pattern["word"]) == ("pattern", PATTERN)
    page = html.unescape(page_path.read_text(encoding="utf-8"))
    assert all(f"<bdi>{one}</bdi>" in page for one in said)
    assert findings.splitlines()[1].split("\t")[-1] == " ".join(said)
    assert [line.partition("\t")[2] for line in word.splitlines() if line.startswith("rule\t")] == said
    assert finding_row(finding)["why"] == " ".join(said)
    with (page_path.parent / "exports/verdicts.csv").open(encoding="utf-8", newline="") as file:
        (exported,) = (own for own in csv.DictReader(file) if own["word"] == TAG)
    assert exported["rules"] == " ".join(said)
    assert exported["rule_ids"] == ";".join(fact["rule"] for fact in row["rules"])
    own = {name for name in exported if "." in name and exported[name] == "true"}
    assert own == {fact["rule"] for fact in row["rules"]}
    assert {exported[name] for name in exported if "." in name} == {"true", "false"}, (
        "a column for each rule of the table"
    )
    records = json.loads((page_path.parent / "exports/verdicts.json").read_text(encoding="utf-8"))
    (record,) = (own for own in records if own["word"] == TAG)
    assert [fact["sentence"] for fact in record["rules"]] == said
    assert [hint["reason"] for hint in hints if hint["action"] == "drop"] == [" ".join(said)]


@pytest.mark.parametrize(
    ("num_tried", "said"), [(3, "nothing that was tried is shown to be spurious"), (0, "no word was tried")]
)
def test_without_a_finding_the_terminal_says_whether_anything_was_tried(capsys, num_tried, said):
    answers = {"report/findings": [], "report/total": [{"n_tried": num_tried}]}
    print_findings(SimpleNamespace(rows=lambda name, params: answers[name]))
    assert capsys.readouterr().out == f"findings\t0\t{said}\n"
