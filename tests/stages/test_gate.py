"""Whether an audit passes, and what people and machines read of it."""

import json
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from junitparser import JUnitXml
from sarif_pydantic import Sarif
from typer.testing import CliRunner

import flows.audit
import flows.shown
from configs.policy import DEFAULT, Never, Policy, Rule
from configs.schema import ReportConfig
from flows.cli import app
from flows.gate import gate
from tasks.gate import MAX_SUMMARY, gate_run
from tasks.pages.banner import Banner
from tasks.pages.gated import line, summary
from tasks.runs.kept import Comparison, facts_in
from tasks.runs.run import Run
from tests.stages.kept import FACTS, enter, verdict
from warehouse import open_warehouse

TODAY = date(2026, 11, 30)


def made(before=None, ndcg=0.95, findings=()):
    """A comparison with a reference of these facts."""
    return Comparison(
        {**FACTS, "run_id": "films_0", **(before or {})}, FACTS, (), list(findings), [], {"ndcg": ndcg, "rbo": 0.8}, [], [], []
    )  # fmt: skip


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """The outcomes of a policy on one run, by rule."""
    path, entered = tmp_path_factory.mktemp("judged") / "audits.duckdb", []

    def call(metrics=None, never=(), comparison=None, certificate=None, folder=None, **run):
        if entered != [run]:
            enter(path, "films_1", 1, **run, registered=False)
            entered[:] = [run]
        with open_warehouse(path, read_only=True) as warehouse:
            (facts,) = facts_in(warehouse)
        policy = Policy(metrics=metrics or {}, never=never)
        return gate_run.fn(path, facts, comparison, certificate, policy, "gate.yaml", folder, TODAY)

    return call


def statuses(gated):
    return {outcome.rule: outcome.status for outcome in gated.outcomes}


def status(gated):
    (outcome,) = gated.outcomes
    return outcome.status


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        # 5 per 1,000, 95 % interval 3 to 8.
        (Rule(threshold=2), "failed"), (Rule(threshold=4), "passed"), (Rule(threshold=4, significant=False), "failed"),
        (Rule(threshold=5, significant=False), "passed"),
    ],
)  # fmt: skip
def test_a_threshold_fails_only_where_the_whole_interval_is_beyond_it(judged, rule, wanted):
    assert status(judged({"per_1000": rule})) == wanted


@pytest.mark.parametrize(
    ("before", "rule", "wanted"),
    [
        # From 1 (0.5 to 1.5) to 5 (3 to 8): +4, from 4 - hypot(2, 0.5) = 1.94 on.
        (1.0, Rule(min_absolute_change=-1), "failed"), (1.0, Rule(min_absolute_change=-2), "passed"),
        (1.0, Rule(min_absolute_change=-3, significant=False), "failed"),
        # Of 1: more than once as much again; not more than three times.
        (1.0, Rule(min_relative_change=-1), "failed"), (1.0, Rule(min_relative_change=-3), "passed"),
        # It has to become better, and has: from 20 to 5, by 15; at least hypot(3, 0.5) less.
        (20.0, Rule(min_absolute_change=10), "passed"), (20.0, Rule(min_absolute_change=19), "failed"),
    ],
)  # fmt: skip
def test_a_change_is_judged_by_its_interval(judged, before, rule, wanted):
    reference = made({"per_1000": before, "per_1000_low": before - 0.5, "per_1000_high": before + 0.5})
    assert status(judged({"per_1000": rule}, comparison=reference)) == wanted


def test_accuracy_has_to_be_large(judged):
    # 0.9 of 1,000, Wilson 0.880 to 0.917; before 0.95, 0.935 to 0.962.
    before = made({"n_correct": 950})
    gated = judged({"accuracy": Rule(threshold=0.93, min_absolute_change=-0.01)}, comparison=before)
    assert statuses(gated) == {"accuracy.threshold": "failed", "accuracy.min_absolute_change": "failed"}


def test_without_a_reference_its_rules_are_skipped_and_named(judged):
    gated = judged(
        {
            "ndcg": Rule(threshold=0.9),
            "per_1000": Rule(threshold=20, min_absolute_change=-2),
            "new_findings": Rule(threshold=0),
        }
    )
    assert statuses(gated) == {
        "ndcg.threshold": "skipped", "per_1000.threshold": "passed", "per_1000.min_absolute_change": "skipped",
        "new_findings.threshold": "skipped",
    }  # fmt: skip
    assert line(gated) == "PASSED films_1 without a reference: no failure among 4 rules, 3 not judged. Minor."


def test_the_rule_of_clarify_is_one_line(judged):
    assert status(judged({"ndcg": Rule(threshold=0.9)}, comparison=made(ndcg=0.89))) == "failed"


def test_a_new_finding_fails_and_one_that_chance_may_have_found_does_not(judged):
    rows = [{"change": change, "kind": "word", "word": change.replace(" ", "_"), "label": "film", "type": "name",
             "effect_after": 1.0, "per_1000_after": 4.0} for change in ("new", "only after", "stronger")]  # fmt: skip
    gated = judged({"new_findings": Rule(threshold=0)}, comparison=made(findings=rows))
    assert line(gated) == (
        "FAILED films_1 against films_0: 1 of 1 rule fails. new_findings.threshold: 1, at most 0 asked for: new → film."
    )


def test_what_may_never_be_used_fails_where_it_is_used(judged):
    never = (Never(word="DAY"), Never(type="surname"), Never(word="absent"))
    gated = judged(
        never=never,
        verdicts=[verdict(), verdict("nolan", type="surname", status="unclear", effect=0.1, effect_low=-0.5)],
    )
    assert statuses(gated) == {
        "never.word.DAY": "failed",
        "never.word.absent": "passed",
        "never.type.surname": "passed",
    }
    said = {outcome.rule: outcome.said for outcome in gated.outcomes}
    assert said["never.word.DAY"] == "moves predictions: day → film (+1.00 log-odds)"
    assert said["never.word.absent"].startswith("was not tried")


@pytest.mark.parametrize(("state", "wanted"), [("Act", "failed"), ("Minor", "passed")])
def test_a_state_in_which_no_audit_may_end_fails_also_without_a_reference(judged, state, wanted):
    gated = judged(never=(Never(state="Act"),), state=state)
    assert statuses(gated) == {"never.state.Act": wanted}
    assert gated.outcomes[0].said == f"the state is {state}"


@pytest.mark.parametrize(("expires", "wanted"), [("2026-11-30", "passed"), ("2026-11-29", "failed")])
def test_an_expired_waiver_fails_and_one_that_holds_is_listed(judged, expires, wanted):
    waived = verdict(status="waived", waived_by="film desk", waiver_reason="his films", waiver_expires=expires)
    gated = judged({"expired_waivers": Rule(threshold=0)}, verdicts=[waived])
    assert status(gated) == wanted
    assert (
        f"| day | film | film desk | his films | {expires}{' **expired**' if wanted == 'failed' else ''} |"
        in summary(gated)
    )


def test_a_certificate_is_asked_for(judged):
    rules = {"certificate_age": Rule(threshold=90), "certificate_recall": Rule(threshold=0.8)}
    assert set(statuses(judged(rules)).values()) == {"failed"}
    made_at = date(2026, 9, 1)
    moment = type("Moment", (), {"date": lambda self: made_at})()
    learned = [{"learned": True, "n_words": 30, "n_spurious": 15}, {"learned": False, "n_words": 9, "n_spurious": 0}]
    gated = judged(rules, certificate={"made_at": moment, "recall": learned})
    # 15 of 30: at most 0.67; 90 days.
    assert statuses(gated) == {"certificate_age.threshold": "passed", "certificate_recall.threshold": "failed"}


def test_what_has_no_figure_does_not_pass(judged):
    gated = judged(
        {"accuracy": Rule(threshold=0.5), "per_1000": Rule(threshold=9)}, n_gold=0, n_correct=0, per_1000=None
    )
    assert set(statuses(gated).values()) == {"failed"}


# ---------------------------------------------------------------- files

STRANGE = "a\x00b|<b>`\u202e]]>"


@pytest.fixture
def files(judged, tmp_path):
    rows = [
        {
            "change": "new",
            "kind": "word",
            "word": STRANGE,
            "label": "film",
            "type": "name",
            "effect_after": 1.0,
            "per_1000_after": None,
        }
    ]
    waived = verdict("may", status="waived", waived_by="desk", waiver_reason="r", waiver_expires="2027-01-01")
    rules = {"new_findings": Rule(threshold=0), "findings": Rule(threshold=9), "accuracy": Rule(min_absolute_change=0)}
    judged(rules, comparison=made({"n_gold": 0}, findings=rows), folder=tmp_path / "run", verdicts=[verdict(), waived])
    return tmp_path / "run" / "gate"


def test_junit_has_a_test_case_for_each_rule(files):
    xml = JUnitXml.fromfile(str(files / "junit.xml"))
    (suite,) = xml
    assert {case.name: [type(result).__name__ for result in case.result] for case in suite} == {
        "new_findings.threshold": ["Failure"], "findings.threshold": [], "accuracy.min_absolute_change": ["Skipped"],
    }  # fmt: skip
    assert (suite.tests, suite.failures, suite.skipped, xml.tests) == (3, 1, 1, 3)


def test_sarif_fits_its_model_and_names_a_finding_the_same_in_every_run(files):
    text = (files / "gate.sarif").read_text()
    results = Sarif.model_validate_json(text).runs[0].results
    assert [result.rule_id for result in results] == ["new_findings.threshold", "finding.new", "finding.waived"]
    assert [result.level.value for result in results] == ["error", "warning", "note"]
    own = json.loads(text)["runs"][0]["results"]
    assert len({result["partialFingerprints"]["finding/v1"] for result in own}) == 3
    assert own[2]["suppressions"] == [{"kind": "external", "justification": "desk: r"}]
    assert own[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "gate.yaml"


def test_the_summary_is_a_table_whatever_a_word_holds(files):
    text = (files / "summary.md").read_text()
    rows = [row for row in text.splitlines() if row.startswith("| a")]
    assert len(rows) == 1
    assert "<b>" not in text
    assert "\x00" not in text
    assert "\u202e" not in text
    assert rows[0].count("|") == 6


def test_the_summary_stays_far_below_its_limit(judged):
    rows = [{"change": "new", "kind": "word", "word": f"w{i}" + "|" * 400, "label": "film" * 99, "type": "name", "effect_after": 1.0,
             "per_1000_after": 1.0} for i in range(3000)]  # fmt: skip
    text = summary(judged({"new_findings": Rule(threshold=0)}, comparison=made(findings=rows)))
    assert len(text.encode()) < MAX_SUMMARY / 2
    assert "and 2,900 more" in text


def test_the_summary_of_the_job_is_appended_or_left_to_one_line(judged, tmp_path, monkeypatch):
    target = tmp_path / "step.md"
    target.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    judged({"findings": Rule(threshold=0)}, folder=tmp_path / "run")
    assert target.read_text().startswith("before\n## token-audit: failed\n")
    target.write_text("x" * (MAX_SUMMARY - 120))
    judged({"findings": Rule(threshold=0)}, folder=tmp_path / "run")
    assert (
        target.read_text()[MAX_SUMMARY - 120 :]
        == "FAILED films_1 without a reference: 1 of 1 rule fails. findings.threshold: 1, at most 0 asked for.\n"
    )


# ---------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """The second night has a planted word; the third is as the first."""
    path = tmp_path_factory.mktemp("nights") / "audits.duckdb"
    words = {"day": (50, 0.5), "film": (80, 0.9)}
    enter(path, "films_1", 1, groups=[("", "film", 900, 800)])
    planted = [verdict(), verdict("zorp")]
    enter(
        path,
        "films_2",
        2,
        data="d2",
        verdicts=planted,
        words=words | {"zorp": (40, 0.3)},
        groups=[("", "film", 900, 800)],
    )
    enter(path, "films_3", 3, data="d3", groups=[("", "film", 900, 800)])
    return path


def called(*words):
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.mark.slow
def test_the_command_fails_with_a_code_of_its_own_and_writes_its_files(nights):
    assert called("gate", "films_1", "--warehouse", nights).exit_code == 0
    failed = called("gate", "films_2", "--warehouse", nights)
    assert failed.exit_code == 3
    assert failed.stdout.splitlines()[-1].startswith("FAILED films_2 against films_1: 1 of 8 rules fails. new_findings")
    assert {path.name for path in nights.with_name("films_2").joinpath("gate").iterdir()} == {
        "gate.json",
        "junit.xml",
        "gate.sarif",
        "summary.md",
    }
    facts = json.loads(called("gate", "films_3", "--against", "films_1", "--json", "--warehouse", nights).stdout)
    assert (facts["passed"], facts["reference"]) == (True, "films_1")


@pytest.mark.slow
def test_on_github_one_annotation_says_that_it_failed(nights, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    said = called("gate", "films_2", "--warehouse", nights)
    assert [row for row in said.stderr.splitlines() if row.startswith("::error ")] != []
    assert called("gate", "films_1", "--warehouse", nights).stderr == ""


@pytest.mark.slow
def test_a_policy_that_is_none_is_bad_usage(nights, tmp_path):
    (tmp_path / "p.yaml").write_text("metrics: {harm: {threshold: 1}}\n")
    bad = called("gate", "films_2", "--policy", tmp_path / "p.yaml", "--warehouse", nights)
    assert bad.exit_code == 2
    assert "metrics.harm is no metric" in bad.stderr


@pytest.mark.slow
def test_two_runs_are_compared_by_the_command(nights):
    said = called("compare", "films_1", "films_2", "--warehouse", nights)
    assert said.exit_code == 0
    assert said.stdout.startswith("1 finding is new.")
    assert called("compare", "films_1", "--warehouse", nights).exit_code == 2
    facts = json.loads(called("compare", "films_2", "--against", "last", "--json", "--warehouse", nights).stdout)
    assert (facts["causes"], facts["before"]["run_id"], facts["after"]["run_id"]) == (["data"], "films_1", "films_2")


@pytest.mark.slow
def test_the_file_to_look_at_is_the_policy(nights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text("metrics: {findings: {threshold: 0}}\n")
    assert gate(nights, "films_1", Path("p.yaml"))[0].location == "p.yaml"
    assert gate(nights, "films_1")[0].location == "configs/policies/gate.yaml"


@pytest.fixture
def flow(nights, monkeypatch):
    """The flow from its last stage on, for a run that is in the warehouse already; returns state and events."""
    told = {"state": "Minor", "n_texts": 1000, "n_predicted": 1000, "n_correct": 900, "n_findings": 1, "per_1000": 5.0}
    opened = nullcontext(SimpleNamespace(use=lambda _: None, rows=lambda *_: [told]))
    config = SimpleNamespace(warehouse=nights, name="films", report=ReportConfig())
    monkeypatch.setattr(flows.audit, "read_config", lambda *_: config)
    monkeypatch.setattr(flows.shown, "open_warehouse", lambda *_, **__: opened)
    monkeypatch.setattr(flows.shown, "read_banner", lambda _: Banner("Minor", "Little."))

    def call(run_id, gate=None):
        events = []
        monkeypatch.setattr(flows.shown, "emit_event", lambda name, **event: events.append((name, event)))
        run = Run(run_id, nights.parent / run_id, nights.parent / run_id, {})
        monkeypatch.setattr(flows.audit, "audit_config", lambda _: run)
        return flows.audit.audit.fn(Path("mine.yaml"), (), gate=gate), events

    return call


@pytest.mark.slow
def test_a_scheduled_audit_ends_in_a_state_of_its_name_and_fails_with_what_fails(nights, flow):
    state, events = flow("films_1", DEFAULT)
    assert (state.type.value, state.name, state.message) == ("COMPLETED", "Minor", "Minor. Little.")
    assert [name for name, _ in events] == ["token-audit.audit.completed"]
    state, events = flow("films_2", DEFAULT)
    assert (state.type.value, state.name) == ("FAILED", "Gate failed")
    assert state.message.startswith("FAILED films_2 against films_1")
    facts = json.loads((nights.parent / "films_2" / "gate" / "gate.json").read_text())
    assert facts["location"].endswith("mine.yaml")
    payload = dict(events)["token-audit.gate.failed"]["payload"]
    assert (payload["sentence"], payload["rules"], payload["against"]) == (
        state.message,
        ["new_findings.threshold"],
        "films_1",
    )


@pytest.mark.slow
def test_a_new_finding_is_an_event_once_also_without_a_gate(nights, flow):
    (nights.parent / "films_2" / "told.json").unlink(missing_ok=True)
    _, events = flow("films_2")
    assert [name for name, _ in events] == ["token-audit.finding.new", "token-audit.audit.completed"]
    new = events[0][1]
    assert new["resource"]["prefect.resource.id"] == "token-audit.run.films_2"
    assert (new["payload"]["word"], new["payload"]["against"], new["payload"]["of"]) == ("zorp", "films_1", 1)
    _, again = flow("films_2")
    assert [name for name, _ in again] == ["token-audit.audit.completed"]
    # The first run has nothing before it, and the third loses the word.
    assert [len(flow(run)[1]) for run in ("films_1", "films_3")] == [1, 1]
