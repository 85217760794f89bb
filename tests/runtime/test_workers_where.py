"""Where jobs run, as TOKEN_AUDIT_WORKERS says. No test here starts Ray."""

import os
import sys

import pytest
import torch

from configs.errors import AuditError
from tasks.runtime import workers
from tests.runtime.jobs import done, jobs_of, write_numbers


def test_without_the_variable_jobs_run_here_in_their_order(tmp_path, monkeypatch):
    monkeypatch.delenv("TOKEN_AUDIT_WORKERS", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert done(write_numbers(), jobs_of(tmp_path, 3))["quarantined"] == 0
    assert {path.read_text().split()[-2] for path in tmp_path.iterdir()} == {str(os.getpid())}


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setenv("TOKEN_AUDIT_WORKERS", "2")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        AuditError, match=r"needs Ray, which is not installed\. Install it with `pip install 'ray\[client\]'`"
    ):
        done(None, [])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("two", "should be a number of processes, devices such as cuda:0,cuda:1, or the address"),
        ("0", "should be a number of processes"),
        ("cpu,cpu", "should be a number of processes"),
        ("cuda:0,cuda:0", "should be a number of processes"),
        ("cuda:0,cuda:9", "torch finds 2 GPUs on this machine"),
        ("3", "this machine has 2 GPUs"),
    ],
)
def test_a_place_that_is_none_is_one_sentence(monkeypatch, given, said):
    monkeypatch.setenv("TOKEN_AUDIT_WORKERS", given)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(AuditError) as caught:
        done(None, [])
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"TOKEN_AUDIT_WORKERS={given}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", ["soon", "0", "-3", "nan", "inf", "10001", "5 minutes"])
def test_a_time_limit_that_is_none_is_one_sentence_before_any_worker_starts(monkeypatch, given):
    monkeypatch.setenv("TOKEN_AUDIT_WORKERS", "2")
    monkeypatch.setenv("TOKEN_AUDIT_JOB_MINUTES", given)
    monkeypatch.setattr(workers, "_connected", lambda given: pytest.fail("connected"))
    with pytest.raises(AuditError) as caught:
        done(None, [])
    assert str(caught.value) == (
        f"TOKEN_AUDIT_JOB_MINUTES={given} should be a number of minutes, more than 0 and at most 10,000."
    )


@pytest.mark.parametrize(("given", "seconds"), [(None, 1800), ("", 1800), ("0.5", 30), (" 10000 ", 600_000)])
def test_a_worker_has_half_an_hour_for_a_job_or_as_long_as_the_variable_says(monkeypatch, given, seconds):
    monkeypatch.delenv("TOKEN_AUDIT_JOB_MINUTES", raising=False)
    if given is not None:
        monkeypatch.setenv("TOKEN_AUDIT_JOB_MINUTES", given)
    assert workers._job_seconds() == seconds


@pytest.mark.parametrize(
    ("given", "num_gpus", "device", "where"),
    [
        ("4", 0, None, ("local", 4, 0, None)),
        ("2", 2, None, ("local", 2, 2, "0,1")),
        ("4", 2, "cpu", ("local", 4, 0, None)),
        ("cuda:1", 2, None, ("local", 1, 1, "1")),
        ("cuda:2, cuda:0", 3, None, ("local", 2, 2, "2,0")),
        ("ray", 0, None, ("auto", None, None, None)),
        ("10.0.0.7:6379", 0, None, ("10.0.0.7:6379", None, None, None)),
        ("ray://head:10001", 0, None, ("ray://head:10001", None, None, None)),
    ],
)
def test_the_variable_says_where(monkeypatch, given, num_gpus, device, where):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("TOKEN_AUDIT_DEVICE", raising=False)
    if device is not None:
        monkeypatch.setenv("TOKEN_AUDIT_DEVICE", device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: num_gpus)
    monkeypatch.setattr(workers, "_num_processors", lambda: 8)
    arguments, threads, visible = workers._where(given)
    found = arguments["address"], arguments.get("num_cpus"), arguments.get("num_gpus"), visible
    assert found == where
    assert threads == (1 if where[1] is None else 8 // where[1])
