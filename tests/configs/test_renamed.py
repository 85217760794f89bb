"""Settings of version 0.1 that are called otherwise, or are none any more."""

import re
from pathlib import Path

import pytest

from configs.load import RENAMED, settings
from tests.configs.written import MINIMAL

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
KEYS = {row["key"] for row in settings()}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("flagging: {max_q: 0.1}", "`flagging.max_q` is not a setting. It is `statistics.fdr` now."),
        ("report: {title: T}", "`report.title` is not a setting. It is `title` now, at the top level."),
        ("verification: {seed: 1}", "`verification.seed` is not a setting. It is a constant now."),
        (
            "workers: {job_minutes: 5}",
            "`workers.job_minutes` is not a setting. It is the environment variable TOKEN_AUDIT_JOB_MINUTES now.",
        ),
        (
            "attribution: {method: certified}",
            "`attribution.method` is not a setting. "
            "Write `attribution.methods: certified`, or list `attribution.methods`.",
        ),
        (
            "aggregation: {colour: red}",
            "`aggregation.colour` is not a setting. `token-audit config --all` lists every setting.",
        ),
        ("aggregation: {}", "`aggregation` is not a setting. `token-audit config --all` lists every setting."),
        ("aggregation: red", "`aggregation` is not a setting. `token-audit config --all` lists every setting."),
    ],
)
def test_an_old_setting_is_one_sentence_that_says_what_became_of_it(complaints, line, said):
    assert complaints(MINIMAL + line) == [f"a.yaml: {said}"]


def test_each_setting_of_a_section_that_is_gone_has_its_own_line_and_source(complaints):
    lines = complaints(MINIMAL + "flagging: {max_q: 0.1, min_score: 0.2}\n", "aggregation.sure_q=0.1")
    assert lines == [
        "a.yaml: `flagging.max_q` is not a setting. It is `statistics.fdr` now.",
        "a.yaml: `flagging.min_score` is not a setting. It is `screening.min_score` now.",
        "--set aggregation.sure_q=0.1: `aggregation.sure_q` is not a setting. It is `statistics.fdr` now.",
    ]


def test_every_old_setting_is_gone_and_every_name_that_a_hint_gives_is_a_setting():
    assert RENAMED.keys() & KEYS == set()
    named = {name for hint in RENAMED.values() for name in re.findall(r"`([a-z_.]+)[`:]", hint)}
    assert named >= {"title", "statistics.fdr", "attribution.methods"}
    assert named <= KEYS


def test_the_changelog_has_a_row_for_every_old_setting_and_its_new_name():
    text = CHANGELOG.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    told = {key: after for before, after in rows for key in re.findall(r"`([a-z_.]+)`", before)}
    assert RENAMED.keys() <= told.keys()
    for key, hint in RENAMED.items():
        if new := re.match(r"It is `([a-z_.]+)` now", hint):
            assert f"`{new[1]}`" in told[key]
        if "constant" in hint:
            assert told[key].startswith("constant")
