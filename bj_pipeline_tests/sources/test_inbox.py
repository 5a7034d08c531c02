"""The source ``inbox``: of which issues a file speaks, and what it delivers."""

import datetime as dt

import pytest

from bj_pipeline.errors import DataError, MissingDataError, NotYetAvailableError
from bj_pipeline.issues import by_number
from bj_pipeline.sources import inbox, layouts
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse


class Clock:
    """A clock that moves on by a minute whenever it is asked."""

    def __init__(self):
        self.time = dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)

    def __call__(self):
        self.time += dt.timedelta(minutes=1)
        return self.time


@pytest.fixture
def landing(tmp_path):
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    return Landing(tmp_path / "landing", warehouse, Clock())


def days(*texts):
    return {dt.date.fromisoformat(text) for text in texts}


@pytest.mark.parametrize(
    ("held", "issues", "base_for"),
    [
        (days("2026-02-13", "2026-02-24", "2026-02-27"), {65}, set()),
        (days("2026-02-13", "2026-02-27"), {65}, set()),
        (days("2026-02-13", "2026-02-24", "2026-02-25"), {65}, set()),
        (days("2026-02-27"), {65}, {66}),
        (days("2026-02-13"), {64}, {65}),
        (days("2026-02-25"), {65}, set()),
        (days("2026-02-06", "2026-02-13", "2026-02-24", "2026-02-27"), {64, 65}, set()),
        (days("2025-01-24", "2025-01-27"), {10}, set()),
        (days("2025-01-27", "2025-02-05", "2025-02-07"), {11}, set()),
        (days("2026-02-19"), set(), set()),
        (set(), set(), set()),
    ],
)
def test_the_days_of_a_file_say_of_which_issues_it_speaks(held, issues, base_for):
    assert inbox.reported_issues(held) == (issues, base_for)


def quotes(*rows):
    lines = [f"{code},{day},{close},100" for code, day, close in rows]
    return "\n".join(["ts_code,trade_date,close,vol", *lines, ""]).encode()


WEEK = quotes(
    *(
        (f"9204{number:02d}.BJ", day, 10 + number)
        for number in range(20)
        for day in ("20260213", "20260224", "20260225", "20260226", "20260227")
    )
)


def test_the_last_price_of_a_suspended_company_does_not_make_a_file_speak_of_that_week():
    landed = inbox.understood("daily.csv", WEEK + b"920493.BJ,20260115,9,100\n")
    assert landed.parameters["issues"] == "65"


def test_announcements_belong_to_the_week_in_which_they_are_read():
    content = (
        "ts_code,ann_date,name,title,url\n"
        "920493.BJ,20260218,并行科技,节日公告,http://example.com/1\n"
    ).encode()
    assert inbox.understood("anns_d.csv", content).parameters["issues"] == "65"


def test_a_wrong_cell_is_refused_before_it_lands():
    with pytest.raises(DataError) as refusal:
        inbox.understood("daily.csv", WEEK.replace(b",10,100", b",ten,100", 1))
    assert (refusal.value.file, refusal.value.row) == ("daily.csv", 2)


def test_days_of_no_issue_are_refused_with_the_days():
    with pytest.raises(DataError, match="2019-01-04"):
        inbox.understood("daily.csv", quotes(("920493.BJ", "20190104", 10)))


def land(landing, name, content):
    return landing.store(inbox.understood(name, content))


def delivered(landing, number, table):
    source = inbox.InboxSource(landing)
    return [each.content for each in source.deliver(by_number(number), table)]


def test_an_issue_gets_the_files_that_serve_it_and_feed_the_table(landing):
    land(landing, "daily.csv", WEEK)
    assert delivered(landing, 65, tables.RAW_QUOTES) == [WEEK]
    assert delivered(landing, 64, tables.RAW_VALUATIONS) == []
    assert delivered(landing, 65, tables.RAW_FINANCIALS) == []


def test_a_newer_file_of_the_same_name_replaces_the_older_one_for_its_issue_alone(landing):
    other = WEEK.replace(b"202602", b"202601").replace(b"20260113", b"20260109")
    other = other.replace(b"20260124", b"20260112").replace(b"20260125", b"20260113")
    other = other.replace(b"20260126", b"20260114").replace(b"20260127", b"20260116")
    land(landing, "daily.csv", other)
    land(landing, "daily.csv", WEEK)
    corrected = WEEK.replace(b",10,100", b",11,100")
    land(landing, "daily.csv", corrected)
    assert delivered(landing, 65, tables.RAW_QUOTES) == [corrected]
    assert delivered(landing, 60, tables.RAW_QUOTES) == [other]
    land(landing, "daily.csv", WEEK)
    assert delivered(landing, 65, tables.RAW_QUOTES) == [WEEK]


def test_a_day_that_two_issues_share_serves_both_and_is_asked_for_by_the_one_it_closes(landing):
    friday = quotes(*((f"9204{number:02d}.BJ", "20260213", 10) for number in range(20)))
    land(landing, "daily_20260213.csv", friday)
    (arrival,) = inbox.arrivals(landing)
    assert (arrival.issues, arrival.base_for) == ({64}, {65})
    land(landing, "daily.csv", WEEK)
    assert delivered(landing, 65, tables.RAW_QUOTES) == [WEEK, friday]


def test_quotes_that_nobody_has_brought_yet_are_said_to_be_missing_not_empty(landing):
    """The last week's file holds the base date, and does not pass for this week's."""
    land(landing, "last.csv", quotes(*((f"9204{n:02d}.BJ", "20260213", 10) for n in range(20))))
    with pytest.raises(NotYetAvailableError, match=r"issue 65 \(2026-02-24 to 2026-02-27\)"):
        delivered(landing, 65, tables.RAW_QUOTES)


def test_a_withdrawn_file_is_read_no_more_until_it_comes_again(landing):
    land(landing, "daily.csv", WEEK)
    land(landing, "other.csv", WEEK.replace(b",10,100", b",11,100"))
    assert inbox.withdraw(landing, "other.csv").name == "other.csv"
    assert delivered(landing, 65, tables.RAW_QUOTES) == [WEEK]
    assert [file.name for file in inbox.in_force(inbox.arrivals(landing))] == ["daily.csv"]
    assert landing.verify() == []
    with pytest.raises(MissingDataError, match="inbox list"):
        inbox.withdraw(landing, "other.csv")
    land(landing, "other.csv", WEEK)
    assert len(delivered(landing, 65, tables.RAW_QUOTES)) == 2


def test_withdrawing_a_file_of_one_week_leaves_the_one_of_that_name_of_another_week(landing):
    friday = quotes(*((f"9204{number:02d}.BJ", "20260123", 10) for number in range(20)))
    land(landing, "daily.csv", WEEK)
    land(landing, "daily.csv", friday)
    inbox.withdraw(landing, "daily.csv", 65)
    with pytest.raises(NotYetAvailableError):
        delivered(landing, 65, tables.RAW_QUOTES)
    assert delivered(landing, 61, tables.RAW_QUOTES) == [friday]


def test_a_file_without_days_serves_every_issue(landing):
    content = "ts_code,name,list_date\n920493.BJ,并行科技,20231101\n".encode()
    land(landing, "stock_basic.csv", content)
    for number in (1, 65):
        assert delivered(landing, number, tables.RAW_LISTINGS) == [content]
    assert delivered(landing, 65, tables.RAW_VALUATIONS) == []


def test_what_other_sources_landed_is_not_delivered(landing):
    landed = land(landing, "daily.csv", WEEK)
    landing.store(layouts.Delivery("", "other.csv", WEEK))
    landing.store(layouts.Delivery("tushare", "daily.csv", WEEK, "daily"))
    assert [arrival.name for arrival in inbox.arrivals(landing)] == ["daily.csv"]
    # A run stores again what it reads: that is no new arrival.
    (again,) = inbox.InboxSource(landing).deliver(by_number(65), tables.RAW_QUOTES)
    landing.store(again)
    assert len(inbox.arrivals(landing)) == 1
    assert again.sha256 == landed.sha256


def test_what_was_delivered_reads_into_the_raw_table(landing):
    land(landing, "daily.csv", WEEK)
    sent = inbox.InboxSource(landing).deliver(by_number(65), tables.RAW_QUOTES)
    assert len(layouts.read(sent, tables.RAW_QUOTES, by_number(65)).frame) == 100
