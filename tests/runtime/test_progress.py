"""What a stage writes where there is no terminal."""

import tasks.runtime.progress
from tasks.runtime.bisect import Job
from tasks.runtime.progress import numbered, planned, progress
from tasks.runtime.workers import fan_out


def test_without_a_terminal_a_long_stage_says_every_half_minute_how_far_it_is(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(tasks.runtime.progress.time, "monotonic", lambda: now[0])
    with progress("finetune", 100, "examples") as advance:
        for _ in range(10):
            now[0] += 10
            advance(10)
    assert capsys.readouterr().err.splitlines() == [
        "finetune: 30 of 100 examples, 1.0/s, 70 s left",
        "finetune: 60 of 100 examples, 1.0/s, 40 s left",
        "finetune: 90 of 100 examples, 1.0/s, 10 s left",
        "finetune\t100 examples\t100.0 s",
    ]


def test_a_short_stage_is_one_line_and_one_that_was_done_before_none(capsys):
    with progress("ingest", 3, "rows") as advance:
        advance(3)
    with progress("ingest", 3, "rows", done=3):
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ingest\t3 rows\t")


def test_a_job_that_counts_too_little_is_done_when_it_ends(capsys, monkeypatch):
    """Of 5 candidates 2 had no trial, and were not counted."""
    monkeypatch.delenv("TOKEN_AUDIT_WORKERS", raising=False)

    def job(*, left_out, dry, advance):
        advance(3)
        return {}

    with progress("verify", 10, "words") as meter, fan_out() as run_everywhere:
        run_everywhere(job, [Job("a", (), 5, lambda: []), Job("b", (), 5, lambda: [])], meter)
    assert capsys.readouterr().err.startswith("verify\t10 words\t")


def test_a_planned_stage_says_which_step_it_is_of_how_many():
    with planned(("ingest",), ("pilot", "attribute"), ("report",)):
        assert [numbered(stage) for stage in ("pilot", "attribute", "report", "other")] == [
            "2 of 3  pilot", "2 of 3  attribute", "3 of 3  report", "other",
        ]  # fmt: skip
    assert numbered("pilot") == "pilot"


def test_the_time_of_all_stages_is_told_from_the_rate_of_the_first_and_what_is_unknown_is_named(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(tasks.runtime.progress.time, "monotonic", lambda: now[0])
    steps = (("ingest",), ("attribute",), ("verify",), ("remove",), ("report",))
    later = {"attribute": lambda texts: {"verify": 3 * texts / 100}}
    with planned(*steps, later=later, unknown=("remove",)):
        for stage in ("ingest", "attribute", "verify", "report"):
            with progress(stage, 100, "texts") as advance:
                for _ in range(2):
                    now[0] += 40
                    advance(40)
                advance(20)
    said = [line.partition("1.0/s")[2] for line in capsys.readouterr().err.splitlines() if "1.0/s" in line]
    # 100 texts a 100 s; the trials take 3 times as long: 60 s and 300 s are left after 40 texts.
    of = " (remove unknown)"
    assert said == [
        f", 60 s left, then{of}", f", 20 s left, then{of}",
        f", 60 s left, about 6 min to the end{of}", f", 20 s left, about 5 min to the end{of}",
        f", 60 s left, then{of}", f", 20 s left, then{of}",
        ", 60 s left", ", 20 s left",
    ]  # fmt: skip
