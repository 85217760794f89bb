"""The stage that writes the report, and what its page says."""

from tasks.report import write_report
from tests.pages.world import TAG


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


def test_every_run_under_prefect_shows_the_findings_also_of_a_page_that_is_left_untouched(
    audited, page_path, monkeypatch
):
    shown = []
    monkeypatch.setattr("tasks.report.TaskRunContext.get", lambda: object())
    monkeypatch.setattr("tasks.report.create_table_artifact", lambda **artifact: shown.append(artifact))
    monkeypatch.setattr("tasks.report.create_markdown_artifact", lambda **artifact: shown.append(artifact))
    monkeypatch.setattr("tasks.report.create_link_artifact", lambda **artifact: shown.append(artifact))
    before = page_path.stat().st_mtime_ns
    for _ in range(2):
        write_report.fn(*audited)
    assert page_path.stat().st_mtime_ns == before
    assert [artifact["key"] for artifact in shown] == ["state", "findings", "report"] * 2
    assert [row["word"] for row in shown[4]["table"]] == [TAG, "markup"]
    assert shown[5]["link"] == page_path.as_uri()


def test_a_page_that_was_damaged_is_written_again(audited, page_path):
    whole = page_path.read_bytes()
    page_path.write_bytes(whole[:1000])
    write_report.fn(*audited)
    assert page_path.read_bytes() == whole


def test_the_page_counts_what_went_in_and_what_was_left_out(page_path):
    html = page_path.read_text(encoding="utf-8")
    assert "21 rows read → 1 rejected (1 <bdi>empty</bdi>) → 0 not sampled → 20 audited → 0 quarantined" in html
    assert "1 text was too long for the model: 2 of 240 tokens were cut off" in html


def test_the_page_names_the_data_and_the_rows_that_were_chosen(page_path):
    html = page_path.read_text(encoding="utf-8")
    assert (
        "<bdi>texts\\u202E.csv</bdi>, only rows with <bdi>split</bdi> = <bdi>test</bdi>; column <bdi>text</bdi>" in html
    )


def test_the_page_says_so_where_no_word_inside_a_sentence_has_a_capital(page_path):
    html = page_path.read_text(encoding="utf-8")
    assert "Capitals say nothing in these texts</b> (none of the words inside sentences start with one)" in html
