"""The stage that writes the report, and what its page says."""

import re
from html import unescape

import pytest
from typer.testing import CliRunner

from configs.errors import AuditError
from configs.section import on_store
from flows.cli import app
from flows.shown import show_artifacts
from tasks.data.rules import read_rules
from tasks.pages.headlines import anchor
from tasks.publish import publish_report
from tasks.report import write_report
from tasks.runtime.parts import write_whole
from tests.pages.world import PATTERN, TAG

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_a_second_call_does_no_work_and_a_changed_setting_writes_again(audited, page_path):
    config, run, key = audited
    before = page_path.stat().st_mtime_ns, page_path.read_bytes()
    assert write_report.fn(config, run, key) == page_path
    assert page_path.stat().st_mtime_ns == before[0]
    other = config.model_copy(update={"title": "Another title"})
    write_report.fn(other, run, key)
    assert b"<title>Another title</title>" in page_path.read_bytes()
    write_report.fn(config, run, key)
    assert page_path.read_bytes() == before[1], "the same inputs give the same bytes"


@pytest.mark.parametrize(
    ("address", "place"),
    [(None, "`{folder}/report.html`"), ("https://audits.example/a/", "[report.html](https://audits.example/a/{run}/report.html)")],
)  # fmt: skip
def test_prefect_shows_state_counts_and_findings_under_keys_of_the_config(
    audited, page_path, monkeypatch, address, place
):
    config, run, _ = audited
    config = config.model_copy(
        update={"name": "my_films", "report": config.report.model_copy(update={"address": address})}
    )
    shown = []
    monkeypatch.setattr("flows.shown.FlowRunContext.get", lambda: object())
    monkeypatch.setattr("flows.shown.create_table_artifact", lambda **artifact: shown.append(artifact))
    monkeypatch.setattr("flows.shown.create_markdown_artifact", lambda **artifact: shown.append(artifact))
    show_artifacts(config, run)
    assert [artifact["key"] for artifact in shown] == ["report-my-films", "findings-my-films"]
    assert [(row["word"], row["per 1,000 texts"]) for row in shown[1]["table"]] == [
        (TAG, "250.0"),
        ("markup", "250.0"),
        (PATTERN, "225.0"),
    ]
    markdown = shown[0]["markdown"]
    # The twenty texts of the page's own counts, and a row for each finding.
    assert "20 texts, " in markdown
    assert "; 3 findings. Run " in markdown
    assert place.format(folder=run.folder, run=run.folder.name) in markdown
    assert "file://" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert [line.count("|") for line in rows] == [7] * 4


def test_a_report_is_published_page_and_manifest_last_and_a_whole_copy_is_left_alone(
    audited, page_path, tmp_path, monkeypatch
):
    _, run, _ = audited
    order = []
    monkeypatch.setattr(
        "tasks.publish.write_whole", lambda path, content: (order.append(path.name), write_whole(path, content))
    )
    page = publish_report.fn(run, tmp_path)
    assert page == tmp_path / run.folder.name / "report.html"
    assert page.read_bytes() == page_path.read_bytes()
    assert order[-2:] == ["report.html", "report.json"]
    exports = {path.name for path in (run.folder / "exports").iterdir()}
    assert {path.name for path in (page.parent / "exports").iterdir()} == exports
    order.clear()
    publish_report.fn(run, tmp_path)
    assert order == []
    # A copy that was stopped has no manifest.
    (page.parent / "report.json").unlink()
    publish_report.fn(run, tmp_path)
    assert len(order) == len(exports) + 2


def test_a_report_is_published_to_any_store(audited, page_path):
    _, run, _ = audited
    page = publish_report.fn(run, on_store("memory://published"))
    assert str(page) == f"memory://published/{run.folder.name}/report.html"
    assert page.read_bytes() == page_path.read_bytes()


def test_a_place_that_cannot_be_written_is_one_sentence(audited, page_path, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AuditError, match=r"cannot be written: (Not a directory|File exists)\. "):
        publish_report.fn(audited[1], tmp_path / "file")


def test_a_page_that_was_damaged_is_written_again(audited, page_path):
    whole = page_path.read_bytes()
    page_path.write_bytes(whole[:1000])
    write_report.fn(*audited)
    assert page_path.read_bytes() == whole


def test_the_page_counts_what_went_in_and_what_was_left_out(page_path):
    html = page_path.read_text(encoding="utf-8")
    # 30 rows of which 5 + 4 + 1 + 0 are left out, in 1 + 30 + 2 + 4 lines.
    chosen = "30 rows in the data → 5 not chosen (data.where) → 4 for training (finetune.held_out)"
    assert f"{chosen} → 1 rejected (1 <bdi>empty</bdi>) → 0 not sampled → 20 audited → 0 quarantined" in html
    assert (
        "30 in the data (37 lines, of which 1 is the header, 4 go on a text in quotes, 2 are empty), 5 not chosen"
        in html
    )
    assert "1 text was too long for the model: 2 of 240 tokens were cut off" in html
    assert "<dt>Compared before anything was stored</dt><dd>20 texts &amp; more</dd>" in html


def test_the_page_names_the_data_and_the_rows_that_were_chosen(page_path):
    html = page_path.read_text(encoding="utf-8")
    assert (
        "<bdi>texts\\u202E.csv</bdi>, only rows with <bdi>split</bdi> = <bdi>test</bdi>; column <bdi>text</bdi>" in html
    )


def test_the_page_says_so_where_no_word_inside_a_sentence_has_a_capital(page_path):
    html = page_path.read_text(encoding="utf-8")
    assert "Capitals say nothing in these texts</b> (none of the words inside sentences start with one)" in html


def text_of(html, start, end):
    """What a reader sees between two places of the page."""
    between = html.partition(start)[2].partition(end)[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", between)).split())


def test_a_finding_has_its_two_arms_their_mean_and_what_it_changes(page_path):
    html = page_path.read_text(encoding="utf-8")
    row = text_of(html, '<tbody id="' + anchor("word", TAG, "good") + '">', "sentences where it weighs most")
    # Swapped: 0.8 + i / 1000 over the even texts, inserted: over the odd ones; a quarter of 20 of 20 texts change.
    assert re.search(r"swapped for other words of its type 10 \+0\.81 \+0\.80 to \+0\.81", row)
    assert re.search(r"inserted, less placebo words 10 \+0\.81 \+0\.81 to \+0\.81", row)
    assert re.search(r"both together 20 \+0\.81 ", row)
    assert "250.0 " in row
    assert "50 % goes to 69 %" in row  # 1 / (1 + exp(-0.8095)) = 0.692
    assert not re.search(r"\d of \d operators show", html)


def test_patterns_are_findings_with_what_fills_them_and_what_carries_them(page_path):
    html = page_path.read_text(encoding="utf-8")
    table = text_of(html, '<section id="patterns">', "</section>")
    # Where it stands 0.9 + i / 1000 over the odd texts, put in 0.7 + i / 1000 over the even ones; the mean is 0.8095.
    assert re.search(
        r"awful 0 film, .* … opening, in 9 texts, .* 9 of 9 are predicted so, 50 % of all texts "
        r"\+0\.91 \+0\.91 to \+0\.91 10 texts \+0\.71 \+0\.70 to \+0\.71 10 texts \+0\.81 ",
        table,
    ), table
    assert "nearly all of it by awful 0" in table


def test_types_of_words_are_findings_of_their_own_and_identity_terms_are_always_listed(page_path):
    html = page_path.read_text(encoding="utf-8")
    table = text_of(html, '<section id="kinds">', "</section>")
    # Taken out: 0.5 + i / 1000 over 20 texts, inserted: 0.5 - i / 1000 over the odd ones; its mean 0.49975 is 0.622.
    assert re.search(
        r"markup 1 word in 20 texts good \+0\.51 \+0\.51 to \+0\.51 20 texts \+0\.49 \+0\.49 to \+0\.49 10 texts \+0\.50 ",
        table,
    )
    assert "50 % goes to 62 %" in table
    assert "spurious 1 of its 1 words tried is spurious" in table
    assert "identity term 0 words in 0 texts" in table
    assert "not judged" in table
    assert "Markup moves predictions towards “good”, whichever word it is" in unescape(html)


def test_the_page_shows_the_labelling_rules_and_names_the_one_that_taught_a_word(page_path):
    html = page_path.read_text(encoding="utf-8")
    section = text_of(html, '<section id="rules">', "</section>")
    # The phrase is in all 20 texts, of which 9 are good, and goes before awful, which is in 10.
    assert f"{TAG} for good 20 11 wrong 45 %" in section.replace("\u202f", " ")
    assert f"drop {TAG} {TAG} good" in section
    assert "exports/rules.yaml" in section
    spurious = text_of(html, '<section id="spurious">', "</section>")
    assert (
        f"It is “{TAG}” of the labelling rule “{TAG}”: 20 of 20 texts of the audit with it got the label “good”"
        in spurious
    )


def test_the_changed_rules_are_exported_and_read_back(page_path):
    changed = read_rules(page_path.parent / "exports" / "rules.yaml")
    assert [[term.text for term in rule.terms] for rule in changed.rules] == [["box office"], ["awful"]]


@pytest.mark.parametrize("has_browser", [True, False])
def test_open_opens_the_page_and_says_where_it_is(audited, page_path, monkeypatch, has_browser):
    config, run, _ = audited
    asked = []
    monkeypatch.setattr("webbrowser.open", lambda address: asked.append(address) or has_browser)
    done = CliRunner().invoke(app, ["open", run.run_id, "--warehouse", str(config.warehouse)])
    assert asked == [page_path.as_uri()]
    assert done.stdout.strip() == str(page_path)
    assert (done.exit_code, "Open" in done.stderr) == ((0, False) if has_browser else (1, True))
