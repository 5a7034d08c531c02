"""The days of an issue: suspensions, holidays, and days that are missing."""

import datetime as dt

import pytest

from bj_pipeline import issues
from bj_pipeline.errors import DataError
from bj_pipeline.sources import selection
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.layout_examples import (
    BASE,
    BASIC,
    CLOSE,
    FACTORS,
    daily,
    factors,
    quotes,
    read,
    values,
)
from bj_pipeline_tests.sources.vendor_files import ISSUE_65, file


def test_a_suspended_company_keeps_its_last_row_before_the_base_date():
    halted = [["920305.BJ", "20260203", "5", "1"], ["920305.BJ", "20260204", "6", "1"]]
    reading = read(tables.RAW_QUOTES, daily(*quotes(), *halted))
    assert values(reading.frame, "code", "date", "close")[0] == (
        "920305.BJ",
        dt.date(2026, 2, 4),
        6.0,
    )
    assert len(reading.frame) == 3
    assert "daily.csv: 1 row of other days left out" in reading.notes


def test_factors_that_go_on_during_a_suspension_do_not_hide_the_last_price():
    halted = ["920305.BJ", "20260204", "6", "1"]
    going_on = [["920305.BJ", day, "2"] for day in ("20260204", "20260213", "20260227")]
    frame = read(tables.RAW_QUOTES, daily(*quotes(), halted), factors(*FACTORS, *going_on)).frame
    assert values(frame[frame["code"] == "920305.BJ"], "date", "close", "adj_factor") == [
        (dt.date(2026, 2, 4), 6.0, 2.0)
    ]


def test_valuations_are_those_of_base_and_close_date_or_the_last_before():
    rows = [
        ["920493.BJ", day, "1", "2", mv, "4"]
        for day, mv in (("20260212", "1"), ("20260213", "2"), ("20260226", "3"), ("20260227", "4"))
    ]
    halted = [["920305.BJ", "20260204", "1", "2", "9", "4"]]
    frame = read(
        tables.RAW_VALUATIONS, file("daily_basic.csv", [BASIC, *rows, *halted]), issue=ISSUE_65
    ).frame
    assert values(frame, "code", "date", "market_cap") == [
        ("920305.BJ", dt.date(2026, 2, 4), 9e4),
        ("920493.BJ", BASE, 2e4),
        ("920493.BJ", CLOSE, 4e4),
    ]


def test_valuations_without_the_base_date_are_not_filled_with_older_ones():
    rows = [["920493.BJ", day, "1", "2", "3", "4"] for day in ("20260206", "20260227")]
    reading = read(tables.RAW_VALUATIONS, file("daily_basic.csv", [BASIC, *rows]))
    assert reading.frame["date"].tolist() == [CLOSE]
    assert "daily_basic.csv: no rows of 2026-02-13" in reading.notes


@pytest.mark.parametrize("lost", ["20260213", "20260227"])
def test_quotes_without_base_or_close_date_are_refused_with_the_days_they_hold(lost):
    rows = [row for row in quotes() if row[1] != lost] + [["920493.BJ", "20260220", "1", "1"]]
    with pytest.raises(DataError) as raised:
        read(tables.RAW_QUOTES, daily(*rows))
    message = str(raised.value)
    assert "base date 2026-02-13 and the close date 2026-02-27 of issue 10" in message
    assert "found days 2026-02" in message
    assert "2026-02-20" in message


def test_factors_without_the_base_date_are_refused_too():
    with pytest.raises(DataError, match=r"adj_factor.csv: .*hold the base date"):
        read(tables.RAW_QUOTES, daily(*quotes()), factors(FACTORS[1]))


def test_days_that_are_missing_within_the_week_are_said():
    reading = read(tables.RAW_QUOTES, daily(*quotes()), issue=ISSUE_65)
    assert "daily.csv: no rows of 2026-02-24, 2026-02-25, 2026-02-26" in reading.notes


def test_the_days_may_come_in_several_files():
    first, second = quotes()
    frame = read(
        tables.RAW_QUOTES,
        daily(first, name="daily_20260213.csv"),
        daily(second, name="daily_20260227.csv"),
    ).frame
    assert frame["source_file"].tolist() == ["daily_20260213.csv", "daily_20260227.csv"]


def test_announcements_of_a_holiday_week_are_not_lost_between_issues():
    assert selection.announcement_window(ISSUE_65) == (dt.date(2026, 2, 16), dt.date(2026, 3, 1))
    for before, issue in zip(issues.all_issues(), issues.all_issues()[1:], strict=False):
        first, _ = selection.announcement_window(issue)
        assert first == before.issue_date + dt.timedelta(days=1)
