"""The run that the tests on the report share. It is built once; a test that changes its page writes it back."""

import json

import pytest

from configs.load import load_config
from tasks import recommend
from tasks.aggregate import aggregate_scores
from tasks.judge import judge_candidates
from tasks.model.spec import ModelSpec
from tasks.recommend import recommend_changes
from tasks.remove import build_total
from tasks.report import write_report
from tasks.runs.identity import enter_run
from tasks.runs.run import Run
from tasks.screen import screen_words
from tasks.trace import trace_rules
from tasks.verify import build_evidence
from tests.pages.world import (
    EVIL,
    TAG,
    make_meanings,
    make_patterns,
    make_placebos,
    make_removed,
    make_run,
    make_trials,
)


@pytest.fixture(scope="session", autouse=True)
def few_sentences():
    """Room for fewer texts in the browser than there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.pages.assembled.BROWSER_SENTENCES", 12)
        yield


@pytest.fixture(scope="session")
def audited(tmp_path_factory):
    """Config, run and the key of its recommendations."""
    folder = tmp_path_factory.mktemp("report")
    path = folder / "audit.yaml"
    title = f"Audit of {TAG}"
    path.write_text(
        json.dumps(
            {
                "warehouse": str(folder / "audits.duckdb"),
                "data": {
                    "path": "texts\u202e.csv",
                    "where": {"split": "test"},
                    "rules": str(folder / "rules.yaml"),
                },
                "model": {"path": "model"},
                "title": title,
            }
        )
    )
    rules = [{"name": TAG, "label": "good", "phrases": [TAG, "box office"]}, {"label": EVIL, "keywords": ["awful"]}]
    (folder / "rules.yaml").write_text(json.dumps(rules))
    config = load_config(path)
    run = Run("report_1", folder / "run", folder / "run", {"data": "d" * 64, "model": "m" * 64})
    shards = make_run(run.folder)
    model = ModelSpec(folder / "model", 64, "m" * 64, (EVIL, "good"))
    enter_run(config, run, model)
    scores = aggregate_scores.fn(config, run, model, shards)
    flags = screen_words.fn(config, run, scores)
    trials = [make_placebos(run.folder), make_patterns(run.folder), make_trials(run.folder)]
    verified = build_evidence(config, run, model, flags, trials)
    verdicts = judge_candidates.fn(config, run, model, verified, make_meanings(run.folder), [])
    removed = build_total(config, run, verdicts, make_removed(run.folder), 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recommend._LIMITS, "min_hint_examples", 5)
        key = recommend_changes.fn(config, run, trace_rules.fn(config, run, model, removed))
    return config, run, key


@pytest.fixture(scope="session")
def page_path(audited):
    return write_report.fn(*audited)
