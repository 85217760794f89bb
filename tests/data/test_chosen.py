"""Which rows a comparison chooses, and how dates follow the run."""

from datetime import UTC, date, datetime
from decimal import Decimal

import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import ConfigError, DataError
from configs.load import load_config
from configs.schema import AuditConfig, DataConfig
from configs.where import bounds, resolved
from flows.checked import read_config
from tasks.data.chosen import comparison
from tasks.data.hub import pinned
from tasks.runs.identity import rows_of
from tests.configs.written import MINIMAL
from tests.data.files import rows_of as read

NIGHT = date(2026, 11, 30)


def config_of(tmp_path, where, as_of=NIGHT):
    path = tmp_path / "a.yaml"
    path.write_text(f"data: {{path: x.csv, where: {where}}}\nmodel: {{path: m}}\n")
    return load_config(path, (), as_of)


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ({"at_least": 4}, [4, 5]), ({"more_than": 4}, [5]), ({"at_most": 2}, [1, 2]), ({"less_than": 2}, [1]),
        ({"at_least": 2, "less_than": 4}, [2, 3]), ({"at_least": 2.5}, [3, 4, 5]), ({"at_least": 9}, []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [int, float, str, Decimal])
def test_numbers_are_compared_as_numbers_whatever_the_file_makes_of_them(wanted, kept, kind):
    asked = comparison(wanted)
    assert [n for n in range(1, 6) if asked.holds(kind(n))] == kept
    # "10" is less than "9" as text.
    assert comparison({"more_than": 9}).holds("10")
    assert [asked.holds(missing) for missing in (None, "", " ", float("nan"))] == [False] * 4


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2026-11-28", False), ("2026-11-29", True), ("2026-11-30", False), ("2026-11-29T23:59:59", True),
        # 23:30 in New York is the next day in UTC.
        ("2026-11-29T23:30:00-05:00", False), ("2026-11-28T23:30:00-05:00", True), ("2026-11-29 12:00:00Z", True),
        (date(2026, 11, 29), True), (datetime(2026, 11, 30), False), (datetime(2026, 11, 29, 1, tzinfo=UTC), True),
        (None, False), ("", False),
    ],
)  # fmt: skip
def test_yesterday_is_from_its_midnight_to_the_next_in_utc(value, kept):
    wanted = resolved({"at": {"since": "-1 day", "before": "0 days"}}, NIGHT)["at"]
    assert bounds(wanted) == "since 2026-11-29 and before 2026-11-30"
    assert comparison(wanted).holds(value) is kept


def test_a_decimal_is_as_much_as_the_number_that_a_config_names():
    assert comparison({"at_least": 1.1}).holds(Decimal("1.10"))
    assert comparison({"at_least": 10**20}).holds(Decimal(10**20))
    assert not comparison({"at_most": 10**20}).holds(Decimal(10**20 + 1))


@pytest.mark.parametrize("value", ["1712123012345", "9999-12-31T23:00:00-05:00", 1712123012])
def test_seconds_since_1970_and_dates_beyond_the_calendar_are_no_dates(value):
    with pytest.raises(ValueError, match="which is no date such as 2026-11-29"):
        comparison({"since": "2026-11-29"}).holds(value)


def test_a_day_beyond_the_calendar_is_one_sentence():
    with pytest.raises(ConfigError, match=r"`where\.at`: -1 day from 0001-01-01 is outside the years 1 to 9999"):
        resolved({"at": {"since": "-1 day"}}, date(1, 1, 1))


def test_dates_follow_the_day_of_the_run_which_they_name(tmp_path):
    where = (
        "{date: {since: -2 weeks}, at: {before: 2026-11-01}, moment: {since: '2026-11-01T12:00:00+02:00'}, split: test}"
    )
    first = config_of(tmp_path, where)
    assert first.data.where == {
        "date": {"since": "2026-11-16"},
        "at": {"before": "2026-11-01"},
        "moment": {"since": "2026-11-01T10:00:00+00:00"},
        "split": "test",
    }
    # The same night is the same run, the next one another.
    assert rows_of(config_of(tmp_path, where).data) == rows_of(first.data)
    assert rows_of(config_of(tmp_path, where, date(2026, 12, 1)).data) != rows_of(first.data)
    # What the registry keeps is that night, whenever it is read.
    assert AuditConfig.model_validate_json(first.model_dump_json()) == first
    today = config_of(tmp_path, "{date: {since: 0 days}}", None).data.where["date"]["since"]
    assert today == datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("{n: {least: 4}}", "`data.where.n` has 'least', which compares nothing; use at_least, "),
        ("{n: {}}", "`data.where.n` is an empty comparison"),
        ("{n: {at_least: four}}", "`data.where.n` should be compared with a number, got 'four'"),
        ("{n: {at_least: true}}", "`data.where.n` should be compared with a number, got true"),
        # It could not be written into the registry.
        ("{n: {at_least: -.inf}}", "`data.where.n` should be compared with a number, got -inf"),
        ("{n: {since: yesterday}}", "`data.where.n` has since 'yesterday', which is no date such as 2026-11-29"),
        ("{n: {since: -1 month}}", "`data.where.n` has since '-1 month', which is no date"),
        ("{n: {since: -1 day, at_least: 3}}", "`data.where.n` is compared with numbers and with dates"),
        ("{n: 1.5}", "`data.where.n` should be text, a whole number, true or false, or a comparison, got 1.5"),
    ],
)
def test_a_comparison_that_is_none_is_one_sentence(tmp_path, where, said):
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path, where)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_are_chosen_by_comparisons_in_every_format(tmp_path, kind):
    table = {"text": list("abcd"), "label": ["x", "y", "x", "y"], "n": [1, 4, 5, None], "at": ["2026-11-28", "2026-11-29", "2026-11-29", None]}  # fmt: skip
    path = tmp_path / f"rows.{kind}"
    if kind == "csv":
        rows = zip(*table.values(), strict=True)
        lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
        path.write_text("\n".join(["text,label,n,at", *lines]) + "\n")
    else:
        dates = pa.array([None if at is None else date.fromisoformat(at) for at in table["at"]])
        pq.write_table(pa.table({**table, "at": dates}), path)
    labels = ("x", "y")
    assert [row.number for row in read(path, labels, where={"n": {"at_least": 4}})] == [1, 2]
    assert [row.number for row in read(path, labels, where={"n": {"more_than": 4}, "at": {"since": "2026-11-29"}})] == [
        2
    ]
    with pytest.raises(DataError, match=r"No row is left to read: none has at since 2026-12-01\. Values found: at: "):
        read(path, labels, where={"at": {"since": "2026-12-01"}})


def test_a_value_that_cannot_be_compared_is_named_with_its_row(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label,n\na,x,4\nb,y,four\n")
    with pytest.raises(DataError) as caught:
        read(path, ("x", "y"), where={"n": {"at_least": 4}})
    assert str(caught.value) == (
        f"{path}: row 2 has 'four', which is no number, in the column n that data.where compares. Correct it, or empty the "
        "cell: a row without a value is not chosen."
    )
    with pytest.raises(DataError, match="row 1 has '4', which is no date such as 2026-11-29"):
        read(path, ("x", "y"), where={"n": {"since": "2026-11-29"}})


# ---------------------------------------------------------------- a branch of the hub

COMMITS = {"main": "a" * 40, "daily": "b" * 40}


@pytest.fixture
def hub(monkeypatch):
    """A hub with a dataset of two branches; the addresses that were asked for."""
    asked = []

    class Hub:
        def dataset_info(self, name, revision, timeout):
            asked.append((name, revision))
            if revision not in COMMITS:
                raise LookupError(f"Revision {revision} does not exist")
            return type("Info", (), {"sha": COMMITS[revision]})()

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": "a proxy"})
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    return asked


def test_a_branch_is_pinned_to_its_newest_commit_and_a_commit_is_not_asked_for(tmp_path, hub):
    path = tmp_path / "a.yaml"
    path.write_text("data: {hub: owner/name, revision: branch:daily}\nmodel: {path: m}\n")
    assert read_config(path).data.revision == "b" * 40
    assert hub == [("owner/name", "daily")]
    read_config(path, ("data.revision=abcdef0",))
    assert len(hub) == 1


@pytest.mark.parametrize("section", ["data", "compare"])
def test_a_branch_that_is_not_there_is_one_sentence_that_names_its_section(tmp_path, hub, section):
    path = tmp_path / "a.yaml"
    other = (
        "compare: {hub: o/n, revision: branch:gone}"
        if section == "compare"
        else "data: {hub: o/n, revision: branch:gone}"
    )
    path.write_text(f"{other}\n{MINIMAL}" if section == "compare" else f"{other}\nmodel: {{path: m}}\n")
    with pytest.raises(DataError) as caught:
        read_config(path)
    assert str(caught.value) == (
        f"{section}.revision follows the branch gone of o/n, and its newest commit is not known (Revision gone does not "
        f"exist). Check the name, the branch and the network, or set {section}.revision to a commit."
    )


def test_without_a_network_a_branch_is_no_guess(monkeypatch, tmp_path):
    def unreachable(*args, **options):
        raise OSError("no network")

    monkeypatch.setattr("socket.create_connection", unreachable)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
    with pytest.raises(DataError, match=r"newest commit is not known \(huggingface\.co cannot be reached\)"):
        pinned(DataConfig(hub="o/n", revision="branch:main"))


@pytest.mark.parametrize("revision", ["main", "branch:", "branch:-x"])
def test_a_branch_is_followed_only_where_the_config_says_so(tmp_path, revision):
    path = tmp_path / "a.yaml"
    path.write_text(f"data: {{hub: o/n, revision: '{revision}'}}\nmodel: {{path: m}}\n")
    with pytest.raises(ConfigError, match="or branch:NAME to follow one"):
        load_config(path)
