"""How much ``akshare`` asks its vendor, how fast, and what happens after an interruption."""

from datetime import date, datetime

import pytest

from bj_pipeline.errors import SourceError
from bj_pipeline.issues import all_issues, by_number
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources import eastmoney
from bj_pipeline_tests.sources.akshare_desk import (
    AFTERWARDS,
    CODES,
    INDICES,
    ISSUE,
    SHANGHAI,
    Desk,
    moving,
)
from bj_pipeline_tests.sources.eastmoney import Announcement, Company, Result
from bj_pipeline_tests.sources.vendor_server import Request, Response


def test_a_backfill_of_65_issues_asks_twice_a_company(desk: Desk) -> None:
    codes = [f"9201{digit:02d}" for digit in range(10)]
    desk.market.companies += [Company(code, moving(seed)) for seed, code in enumerate(codes)]
    issues = [issue for issue in all_issues() if issue.number <= 65]
    source = desk.source(codes)
    for issue in issues:
        for table in tables.RAW_TABLES:
            source.deliver(issue, table)
    assert len(desk.asked(eastmoney.DATA_CENTRE, reportName=eastmoney.VALUATIONS)) == len(codes)
    assert len(desk.asked(eastmoney.PRICES)) == len(codes) + len(INDICES)
    assert len(desk.asked(eastmoney.DATA_CENTRE, reportName=eastmoney.RESULTS)) == 4
    days = (issues[-1].issue_date - issues[0].base_date).days - 2
    assert len(desk.asked(eastmoney.ANNOUNCEMENTS)) == days, "one a day: each fits on one page"
    assert len(desk.server.requests) == 2 * len(codes) + len(INDICES) + 4 + days


def test_two_tables_and_a_second_run_ask_for_a_company_once(desk: Desk) -> None:
    desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    desk.server.forget()
    desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)
    desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    desk.source().deliver(by_number(3), tables.RAW_QUOTES)
    assert desk.server.requests == []


def test_after_an_interruption_only_what_is_missing_is_asked_for(desk: Desk) -> None:
    broken = {"on": True}

    def answer(request: Request) -> object:
        if broken["on"] and "920003" in request.params["filter"]:
            return Response(status=500)
        return desk.market.valuations(request)

    desk.server.answer(eastmoney.DATA_CENTRE, answer)
    with pytest.raises(SourceError, match=r"stock_value_em symbol=920003: .*HTTP 500"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    broken["on"] = False
    desk.server.forget()
    assert len(desk.source().deliver(ISSUE, tables.RAW_QUOTES)) == 6
    assert len(desk.server.requests) == 2
    assert len(desk.asked(eastmoney.DATA_CENTRE, filter="920003")) == 1


def test_a_company_that_joins_is_asked_for_alone(desk: Desk) -> None:
    desk.source(CODES[:2]).deliver(ISSUE, tables.RAW_QUOTES)
    desk.server.forget()
    desk.source(CODES).deliver(ISSUE, tables.RAW_QUOTES)
    assert len(desk.server.requests) == 2


def test_a_company_that_has_left_is_not_asked_for_any_more(desk: Desk) -> None:
    source = desk.source()
    source.codes = lambda day: CODES if day < ISSUE.close_date else CODES[1:]
    source.deliver(ISSUE, tables.RAW_VALUATIONS)
    assert not desk.asked(eastmoney.DATA_CENTRE, filter="920001")
    source.deliver(by_number(64), tables.RAW_VALUATIONS)
    assert len(desk.asked(eastmoney.DATA_CENTRE, filter="920001")) == 1


def test_the_next_week_asks_anew(desk: Desk) -> None:
    desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    desk.server.forget()
    desk.moment = datetime(2026, 3, 6, 18, 0, tzinfo=SHANGHAI)
    deliveries = desk.source().deliver(by_number(66), tables.RAW_QUOTES)
    assert len(desk.server.requests) == 2 * len(CODES)
    assert {each.parameters["end"] for each in deliveries} == {"20260306"}


def test_requests_keep_a_polite_distance(desk: Desk) -> None:
    desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    # The clock stands still, so each request would have to wait for all before it.
    assert desk.waits == pytest.approx([count / 3 for count in range(1, 6)])


def test_progress_names_each_company(desk: Desk) -> None:
    seen: list[tuple[int, int, str]] = []
    source = desk.source(on_progress=lambda done, total, label: seen.append((done, total, label)))
    source.deliver(ISSUE, tables.RAW_QUOTES)
    assert seen == [(1, 3, "920001"), (2, 3, "920002"), (3, 3, "920003")]


def test_a_first_page_is_asked_for_once_and_further_pages_follow(desk: Desk) -> None:
    desk.market.results += [
        Result(f"6{number:05d}", 2024, 1e9, 1e8, date(2025, 4, 1)) for number in range(600)
    ]
    frame = desk.read(tables.RAW_FINANCIALS).frame
    pages = [
        request.params["pageNumber"]
        for request in desk.asked(eastmoney.DATA_CENTRE, filter="2024-12-31")
    ]
    assert pages == ["1", "2"]
    assert len(frame) == len(CODES)


def test_a_day_without_announcements_is_asked_for_once(desk: Desk) -> None:
    desk.source().deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)
    desk.server.forget()
    deliveries = desk.source().deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)
    assert desk.server.requests == []
    assert [each.parameters["date"] for each in deliveries] == ["20260225", "20260227"]


def test_a_day_that_was_not_over_is_asked_for_again_and_later_days_are_not(desk: Desk) -> None:
    desk.moment = datetime(2026, 2, 27, 18, 30, tzinfo=SHANGHAI)
    desk.source().deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)
    assert not desk.asked(eastmoney.ANNOUNCEMENTS, begin_time="2026-02-28")
    desk.market.announcements.append(Announcement("920003", date(2026, 2, 27), "某公司:晚间公告"))
    desk.moment = AFTERWARDS
    desk.server.forget()
    frame = desk.read(tables.RAW_ANNOUNCEMENTS).frame
    assert "某公司:晚间公告" in set(frame["title"])
    days = {request.params["begin_time"] for request in desk.asked(eastmoney.ANNOUNCEMENTS)}
    assert days == {"2026-02-27", "2026-02-28", "2026-03-01"}


def test_results_are_asked_for_each_week_until_they_are_all_out(desk: Desk) -> None:
    desk.market.results.append(Result("920001", 2025, 3e8, 2e7, date(2026, 3, 4)))
    desk.source().deliver(ISSUE, tables.RAW_FINANCIALS)
    desk.server.forget()
    desk.moment = datetime(2026, 3, 9, 8, 0, tzinfo=SHANGHAI)
    frame = desk.read(tables.RAW_FINANCIALS, by_number(66)).frame
    assert 2025 in set(frame["fiscal_year"])
    years = [request.params["filter"] for request in desk.asked(eastmoney.DATA_CENTRE)]
    assert years == ["(REPORTDATE='2025-12-31')"], "those of 2024 are final"
