"""What is shipped for Prefect is what Prefect and the flow take: the deployment and the automations."""

import re
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from prefect import runtime
from prefect.events.schemas.automations import AutomationCore
from prefect.utilities.callables import parameter_schema

from configs.errors import ConfigError
from configs.load import load_config
from flows.audit import audit
from flows.shown import scheduled_day
from tests.configs.written import MINIMAL

ROOT = Path(__file__).parents[2]
AUTOMATIONS = sorted((ROOT / "configs/automations").glob("*.yaml"))
EVENTS = {"token-audit.audit.completed", "token-audit.finding.new", "token-audit.gate.failed"}


def automations(path):
    text = path.read_text(encoding="utf-8").replace("BLOCK_ID", str(uuid4()))
    return [AutomationCore.model_validate(each) for each in yaml.safe_load(text)["automations"]]


def test_every_automation_is_one_and_each_event_has_its_own():
    made = [each for path in AUTOMATIONS for each in automations(path)]
    assert {event for each in made for event in each.trigger.expect} == EVENTS | {"prefect.flow-run.*"}
    assert [each.enabled for each in made if "audit.completed" in str(each.trigger.expect)] == [False]
    with pytest.raises(ValueError, match="uuid"):
        AutomationCore.model_validate(yaml.safe_load(AUTOMATIONS[1].read_text(encoding="utf-8"))["automations"][0])


def test_a_template_names_what_the_payload_of_its_event_holds():
    about = (ROOT / "flows/shown.py").read_text(encoding="utf-8").split('"""')[1]
    for each in automations(ROOT / "configs/automations/notify.yaml"):
        (event,), (action,) = each.trigger.expect, each.actions
        told = re.search(rf"^- `{event}`.*?: (.*)$", about, re.MULTILINE)[1]
        named = set(re.findall(r"event\.payload\.(\w+)", f"{action.subject} {action.body}"))
        assert named
        assert named <= set(re.findall(r"\w+", told))


def test_a_run_is_crashed_only_after_several_heartbeats_that_its_deployment_asks_for():
    (crashed,) = automations(ROOT / "configs/automations/crashed.yaml")
    (deployment,) = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    seconds = int(deployment["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
    assert seconds >= 30  # Prefect refuses less
    assert crashed.trigger.within.total_seconds() >= 3 * seconds
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


def test_the_parameters_of_the_deployment_have_types_and_sentences_for_the_ui():
    (deployment,) = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    schema = parameter_schema(audit).model_dump()
    assert deployment["parameters"].keys() == schema["properties"].keys()
    assert all(
        field["description"] and ("type" in field or "anyOf" in field) for field in schema["properties"].values()
    )
    assert schema["required"] == ["config_path"]
    # What a deployment stores is JSON; the flow gets paths, and refuses what is none.
    checked = audit.validate_parameters({"config_path": "a.yaml", "overrides": ["name=b"], "gate": None})
    assert (checked["config_path"], checked["overrides"]) == (Path("a.yaml"), ("name=b",))
    with pytest.raises(Exception, match="overrides"):
        audit.validate_parameters({"config_path": "a.yaml", "overrides": 3})


def test_the_day_of_a_run_is_that_of_its_schedule_also_where_it_starts_late(monkeypatch):
    assert scheduled_day() is None
    late = datetime.fromisoformat("2026-11-29T23:30:00-05:00")
    monkeypatch.setitem(runtime.flow_run.FIELDS, "scheduled_start_time", lambda: late)
    assert scheduled_day() is None
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "nightly")
    # In UTC the next day has begun.
    assert scheduled_day() == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("address: audits.example.org", "`report.address` should be an address that begins with http:// or https://"),
        ("publish_to: s5://bucket", "`report.publish_to` cannot be reached"),
    ],
)
def test_a_place_for_reports_that_is_none_is_one_sentence(tmp_path, report, said):
    path = tmp_path / "a.yaml"
    path.write_text(f"{MINIMAL}report: {{{report}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
