"""The source ``akshare``, with the real package against a server on this machine."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import wraps
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from bj_pipeline.errors import ConfigurationError, DataError, NotYetAvailableError, SourceError
from bj_pipeline.issues import all_issues, by_number
from bj_pipeline.metrics.changes import closes
from bj_pipeline.sources import Delivery, akshare_client
from bj_pipeline.sources.akshare import AkShareSource
from bj_pipeline.sources.fetching import Fetcher
from bj_pipeline.sources.landing import Landing
from bj_pipeline.sources.layouts import Reading, read
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.sources import eastmoney
from bj_pipeline_tests.sources.eastmoney import (
    Announcement,
    Company,
    Market,
    Payout,
    Result,
    Suspension,
    ToLocalServer,
)
from bj_pipeline_tests.sources.vendor_files import MARKET, needs_market
from bj_pipeline_tests.sources.vendor_server import (
    EMPTY,
    HTML_INSTEAD,
    Request,
    Response,
    VendorServer,
)

pytest.importorskip("akshare", reason="the extra `akshare` is not installed")

SHANGHAI = ZoneInfo("Asia/Shanghai")
SESSIONS = [
    date(2024, 11, 21),
    date(2024, 11, 22),
    *chain.from_iterable(issue.sessions for issue in all_issues() if issue.number <= 66),
]
"""Sessions up to issue 66, from two before the first issue."""
ISSUE = by_number(65)
AFTERWARDS = datetime(2026, 3, 2, 8, 0, tzinfo=SHANGHAI)
CODES = [f"92000{digit}" for digit in range(1, 4)]
INDICES = {"899050": "0", "000300": "1", "000688": "1", "399006": "0"}


def moving(seed: int, sessions: list[date] = SESSIONS) -> dict[date, float]:
    """Closes that go their own way for each seed."""
    return {
        day: round(10 + seed + (day.toordinal() * (seed + 7) % 31) * 0.1, 2) for day in sessions
    }


def small_market() -> Market:
    companies = [Company(code, moving(seed)) for seed, code in enumerate(CODES)]
    companies += [
        Company(
            code, {day: round(100 * price, 2) for day, price in moving(seed).items()}, market=market
        )
        for seed, (code, market) in enumerate(INDICES.items(), start=20)
    ]
    return Market(
        companies,
        results=[
            Result(code, year, year * 1e5, year * 1e4, date(year + 1, 4, 20))
            for code in CODES
            for year in (2022, 2023, 2024)
        ],
        announcements=[
            Announcement("920001", date(2026, 2, 25), "某公司:关于回购股份的公告"),
            Announcement("600000", date(2026, 2, 25), "上海公司:年度报告", "年度报告全文"),
            Announcement("920002", date(2026, 2, 27), "某公司:业绩快报"),
        ],
    )


@dataclass
class Desk:
    """A source, the server that it really asks, and the market behind that server."""

    server: VendorServer
    market: Market
    landing: Landing
    waits: list[float]
    moment: datetime = AFTERWARDS

    def source(self, codes: list[str] | None = None, **options: Any) -> AkShareSource:
        wanted = tuple(f"{code}.BJ" for code in (CODES if codes is None else codes))
        fetcher = Fetcher(
            "akshare", per_minute=180, attempts=3, wait=self.waits.append, clock=lambda: 0.0
        )
        source = AkShareSource(
            self.landing, wanted, fetcher=fetcher, now=lambda: self.moment, **options
        )
        source.client.session.mount("https://", ToLocalServer(self.server))
        return source

    def read(self, table: str, issue=ISSUE, codes: list[str] | None = None) -> Reading:
        return read(self.source(codes).deliver(issue, table), table, issue)

    def asked(self, path: str, **params: str) -> list[Request]:
        return [
            request
            for request in self.server.requests
            if request.path == path
            and all(value in request.params.get(name, "") for name, value in params.items())
        ]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    market = small_market()
    landing = Landing(tmp_path / "landing", Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}"))
    with VendorServer() as server:
        market.serve(server)
        yield Desk(server, market, landing, [])


def altered(serve: Callable[[Request], Any], change: Callable[[Any], None]):
    """Answers of the market with a change made to each document."""

    def answer(request: Request) -> object:
        document = serve(request)
        change(document)
        return document

    return answer


# What a week looks like


def test_quotes_have_the_raw_close_a_factor_and_shares_traded(desk: Desk) -> None:
    frame = desk.read(tables.RAW_QUOTES).frame
    assert len(frame) == len(CODES) * 5
    row = frame.set_index(["code", "date"]).loc[("920001.BJ", ISSUE.close_date)]
    assert row["close"] == moving(0)[ISSUE.close_date]
    assert row["adj_factor"] == 1
    assert row["volume"] == 12345 * 100


def test_valuations_have_shares_market_cap_and_pe_of_both_dates(desk: Desk) -> None:
    desk.market.companies[1].pe_ttm = {ISSUE.base_date: -198.44, ISSUE.close_date: None}
    frame = desk.read(tables.RAW_VALUATIONS).frame.set_index(["code", "date"])
    assert set(frame.index.get_level_values("date")) == {ISSUE.base_date, ISSUE.close_date}
    row = frame.loc[("920001.BJ", ISSUE.close_date)]
    assert (row["total_shares"], row["pe_ttm"]) == (50_000_000, 25.5)
    assert row["market_cap"] == round(moving(0)[ISSUE.close_date] * 50_000_000, 2)
    assert frame.loc[("920002.BJ", ISSUE.base_date), "pe_ttm"] == -198.44
    assert pd.isna(frame.loc[("920002.BJ", ISSUE.close_date), "pe_ttm"])


def test_indices_are_asked_for_with_their_exchange(desk: Desk) -> None:
    shenzhen_company = Company("000688", moving(9), "国城矿业", market="0")
    desk.market.companies.insert(0, shenzhen_company)
    frame = desk.read(tables.RAW_INDEX_QUOTES).frame.set_index(["code", "date"])
    assert {request.params["secid"] for request in desk.asked(eastmoney.PRICES)} == {
        "0.899050",
        "1.000300",
        "1.000688",
        "0.399006",
    }
    assert frame.loc[("000688.SH", ISSUE.close_date), "close"] == round(
        100 * moving(22)[ISSUE.close_date], 2
    )
    assert set(frame.index.get_level_values("code")) == {
        "899050.BJ",
        "000300.SH",
        "000688.SH",
        "399006.SZ",
    }


def test_an_issue_gets_the_two_years_of_which_one_is_its_last_published(desk: Desk) -> None:
    frame = desk.read(tables.RAW_FINANCIALS).frame
    assert set(frame["fiscal_year"]) == {2024}, "nobody has published 2025 yet"
    row = frame.set_index("code").loc["920001.BJ"]
    assert (row["revenue"], row["net_profit"]) == (2024e5, 2024e4)
    assert row["published"] == date(2025, 4, 20)


def test_announcements_of_the_window_are_read_for_this_exchange_only(desk: Desk) -> None:
    frame = desk.read(tables.RAW_ANNOUNCEMENTS).frame
    assert list(frame["code"]) == ["920001.BJ", "920002.BJ"]
    assert frame.loc[0, "title"] == "某公司:关于回购股份的公告"
    assert frame.loc[0, "url"].startswith("https://data.eastmoney.com/notices/detail/920001/AN")
    days = {request.params["begin_time"] for request in desk.asked(eastmoney.ANNOUNCEMENTS)}
    assert days == {f"{date(2026, 2, 16) + timedelta(days=ahead)}" for ahead in range(14)}


def test_akshare_has_no_listings(desk: Desk) -> None:
    assert desk.source().deliver(ISSUE, tables.RAW_LISTINGS) == []
    assert desk.server.requests == []


def test_what_the_package_returned_is_landed_as_it_came(desk: Desk) -> None:
    deliveries = desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)
    content = deliveries[0].content.decode()
    assert content.splitlines()[0].startswith(
        "数据日期,当日收盘价,当日涨跌幅,总市值,流通市值,总股本"
    )
    assert len(content.splitlines()) == 1 + len(SESSIONS)
    landed = desk.landing.find("akshare", deliveries[0].interface, deliveries[0].parameters)
    assert landed is not None
    assert landed.content == deliveries[0].content
    assert landed.parameters == {"symbol": "920001", "end": "20260227"}
    assert landed.fetched_at == AFTERWARDS


# Closes, factors and changes


def prices_of(desk: Desk, issue, codes: list[str]) -> pd.DataFrame:
    quotes = desk.read(tables.RAW_QUOTES, issue, codes).frame
    universe = pd.DataFrame({"code": [f"{code}.BJ" for code in codes], "listed": None})
    return closes(universe, quotes, issue.base_date, issue.close_date).set_index("code")


def test_cash_paid_in_another_week_does_not_move_a_change(desk: Desk) -> None:
    paid = {date(2025, 6, 20): Payout(cash=0.8), date(2026, 3, 3): Payout(cash=0.9, bonus=0.4)}
    desk.market.companies[0].payouts = paid
    desk.moment = datetime(2026, 3, 7, 8, 0, tzinfo=SHANGHAI)
    expected = moving(0)[ISSUE.close_date] / moving(0)[ISSUE.base_date] - 1
    found = prices_of(desk, ISSUE, ["920001"]).loc["920001.BJ", "change"]
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_dividend_and_bonus_shares_of_the_week_are_in_its_change(desk: Desk) -> None:
    ex_date = ISSUE.sessions[1]
    paid = {date(2025, 6, 20): Payout(cash=0.8), ex_date: Payout(cash=0.5, bonus=0.4)}
    desk.market.companies[0].payouts = paid
    base = (moving(0)[ISSUE.base_date] - 0.5) / 1.4
    found = prices_of(desk, ISSUE, ["920001"]).loc["920001.BJ", "change"]
    assert found == pytest.approx(moving(0)[ISSUE.close_date] / base - 1, abs=0.01 / base)


def test_an_issue_keeps_its_own_history_when_later_ones_are_fetched(desk: Desk) -> None:
    before = desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    desk.moment = datetime(2026, 3, 7, 8, 0, tzinfo=SHANGHAI)
    desk.market.companies[0].payouts = {date(2026, 3, 3): Payout(cash=0.9)}
    later = desk.source().deliver(by_number(66), tables.RAW_QUOTES)
    assert {each.parameters["end"] for each in later} == {"20260306"}
    again = desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    assert [each.sha256 for each in again] == [each.sha256 for each in before]


# Requests: how many, how fast, and what happens after an interruption


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


# Faults of the connection


FAULTS = {
    "an empty body": EMPTY,
    "HTML instead of JSON": HTML_INSTEAD,
    "HTTP 403": Response(status=403),
    "HTTP 429": Response(status=429),
    "HTTP 500": Response(status=500),
    "a reset in mid-body": Response({"padding": "x" * 5000}, reset=True),
    "a document of another shape": Response({"data": None, "result": {}, "code": 0}),
    "an empty list, as for those who ask too often": Response(
        {"rc": 0, "data": {"code": "920001", "market": 0, "klines": []}, "result": None, "code": 1}
    ),
}
PATHS = {
    tables.RAW_VALUATIONS: eastmoney.DATA_CENTRE,
    tables.RAW_INDEX_QUOTES: eastmoney.PRICES,
    tables.RAW_FINANCIALS: eastmoney.DATA_CENTRE,
    tables.RAW_ANNOUNCEMENTS: eastmoney.ANNOUNCEMENTS,
}


def honest(desk: Desk, path: str) -> Callable[[Request], object]:
    reports = {
        eastmoney.VALUATIONS: desk.market.valuations,
        eastmoney.RESULTS: desk.market.year_results,
    }
    return {
        eastmoney.DATA_CENTRE: lambda request: reports[request.params["reportName"]](request),
        eastmoney.PRICES: desk.market.prices,
        eastmoney.ANNOUNCEMENTS: desk.market.announced,
    }[path]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("table", PATHS)
def test_a_fault_that_passes_leaves_no_trace(desk: Desk, table: str, fault: Response) -> None:
    path = PATHS[table]
    desk.server.answer(path, fault, fault, honest(desk, path))
    found = desk.read(table, codes=CODES[:1]).frame
    desk.landing = Landing(desk.landing.folder / "2", Warehouse(f"{desk.landing.warehouse.url}2"))
    pd.testing.assert_frame_equal(found, desk.read(table, codes=CODES[:1]).frame)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("table", PATHS)
def test_a_fault_that_stays_names_the_call(desk: Desk, table: str, fault: Response) -> None:
    desk.server.answer(PATHS[table], fault)
    with pytest.raises(SourceError, match=r"akshare stock_\w+ (symbol|date)=\S+.*: .*3 attempts"):
        desk.source().deliver(ISSUE, table)
    assert desk.landing.entries().empty


def test_a_server_that_never_answers_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(akshare_client, "_TIME_LIMIT", 0.05)
    over = Event()

    def silence(_request: Request) -> object:
        over.wait(10)
        return EMPTY

    desk.server.answer(eastmoney.DATA_CENTRE, silence)
    with pytest.raises(SourceError, match=r"stock_value_em symbol=920001.*Timeout"):
        desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)
    over.set()


def test_a_page_that_is_missing_is_an_error(desk: Desk) -> None:
    desk.market.results += [
        Result(f"6{number:05d}", 2024, 1e9, 1e8, date(2025, 4, 1)) for number in range(600)
    ]
    desk.server.answer(
        lambda request: request.params.get("pageNumber") == "2", Response(status=404)
    )
    with pytest.raises(SourceError, match=r"stock_yjbb_em date=20241231: .*HTTP 404"):
        desk.source().deliver(ISSUE, tables.RAW_FINANCIALS)


def test_the_package_is_left_as_it_was(desk: Desk) -> None:
    import akshare  # noqa: F401 - only where it is installed
    import requests

    desk.server.answer(eastmoney.PRICES, EMPTY)
    with pytest.raises(SourceError):
        desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)
    desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)
    for module in ("akshare.index.index_stock_zh", "akshare.request"):
        assert sys.modules[module].requests is requests


def test_without_the_package_it_says_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "akshare", None)
    with pytest.raises(ConfigurationError, match=r"bj-pipeline\[akshare\]"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)


# Answers that must not become numbers


def test_an_unknown_company_is_named(desk: Desk) -> None:
    with pytest.raises(SourceError, match=r"stock_value_em symbol=920999: .*no rows"):
        desk.source(["920999"]).deliver(ISSUE, tables.RAW_QUOTES)
    assert len(desk.server.requests) == 1, "the vendor's plain answer is not doubted"


def test_an_unknown_security_without_prices_is_named(desk: Desk) -> None:
    desk.server.answer(eastmoney.PRICES, {"rc": 100, "data": None})
    with pytest.raises(SourceError, match=r"stock_zh_a_hist symbol=920001 .*no days"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)


def test_valuations_of_another_company_are_refused(desk: Desk) -> None:
    other = desk.market.companies[1]

    def swap(document: Any) -> None:
        for row in document["result"]["data"]:
            row["SECURITY_CODE"] = other.code

    desk.server.answer(eastmoney.DATA_CENTRE, altered(desk.market.valuations, swap))
    with pytest.raises(SourceError, match="about 920002, not 920001"):
        desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)


def test_prices_of_another_security_are_refused(desk: Desk) -> None:
    shenzhen_company = Company("000688", moving(9), "国城矿业", market="0")
    lines = [f"{day},9.00,9.10,9.20,8.90,1,1,1" for day in SESSIONS]
    document = eastmoney.price_document(shenzhen_company, lines)
    desk.server.answer(lambda request: request.params.get("secid") == "1.000688", document)
    with pytest.raises(SourceError, match=r"sh000688.*about 0\.000688, not 1\.000688"):
        desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)


def test_another_companys_prices_under_the_right_code_are_refused(desk: Desk) -> None:
    impostor = replace(desk.market.companies[0], closes=moving(5))
    served = Market([impostor])
    desk.server.answer(eastmoney.PRICES, served.prices)
    with pytest.raises(SourceError, match=r"stock_zh_a_hist_920001_qfq\.csv .*another company"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    assert set(desk.landing.entries()["interface"]) == {"stock_value_em"}


def test_price_columns_that_have_moved_are_refused(desk: Desk) -> None:
    def move(document: Any) -> None:
        lines = [line.split(",") for line in document["data"]["klines"]]
        document["data"]["klines"] = [
            ",".join([day, volume, opened, close, high, low, *others])
            for day, opened, close, high, low, volume, *others in lines
        ]

    desk.server.answer(eastmoney.PRICES, altered(desk.market.prices, move))
    with pytest.raises(SourceError, match="do not lie between low and high"):
        desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)


def test_days_that_cannot_be_read_are_refused(desk: Desk) -> None:
    def blur(document: Any) -> None:
        document["data"]["klines"][3] = "soon" + document["data"]["klines"][3][10:]

    desk.server.answer(eastmoney.PRICES, altered(desk.market.prices, blur))
    with pytest.raises(SourceError, match="1 days cannot be read"):
        desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)


def test_a_renamed_valuation_is_an_error(desk: Desk) -> None:
    def rename(document: Any) -> None:
        for row in document["result"]["data"]:
            row["PE_TTM_NEW"] = row.pop("PE_TTM")

    desk.server.answer(eastmoney.DATA_CENTRE, altered(desk.market.valuations, rename))
    with pytest.raises(SourceError, match=r"stock_value_em symbol=920001: .*cannot read"):
        desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)


@pytest.mark.parametrize(
    ("table", "function", "column"),
    [
        (tables.RAW_VALUATIONS, "stock_value_em", "PE(TTM)"),
        (tables.RAW_VALUATIONS, "stock_value_em", "总市值"),
        (tables.RAW_FINANCIALS, "stock_yjbb_em", "净利润-净利润"),
        (tables.RAW_ANNOUNCEMENTS, "stock_notice_report", "公告日期"),
    ],
)
def test_a_newer_package_with_other_columns_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, table: str, function: str, column: str
) -> None:
    import akshare

    real = getattr(akshare, function)

    @wraps(real)
    def newer(**arguments: str) -> pd.DataFrame:
        return real(**arguments).rename(columns={column: "改名"})

    monkeypatch.setattr(akshare, function, newer)
    with pytest.raises(SourceError, match=rf"{function}.*{re.escape(column)}"):
        desk.source().deliver(ISSUE, table)


def test_a_package_that_asks_behind_our_back_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    import akshare

    @wraps(akshare.stock_value_em)
    def cached(symbol: str) -> pd.DataFrame:
        return pd.DataFrame({"数据日期": [ISSUE.close_date], "当日收盘价": [1.0], "代码": [symbol]})

    monkeypatch.setattr(akshare, "stock_value_em", cached)
    with pytest.raises(SourceError, match="cannot be checked"):
        desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)


def test_free_shares_in_the_place_of_total_shares_are_refused(desk: Desk) -> None:
    def mix(document: Any) -> None:
        for row in document["result"]["data"]:
            row["TOTAL_SHARES"], row["FREE_SHARES_A"] = row["FREE_SHARES_A"], row["TOTAL_SHARES"]

    desk.server.answer(eastmoney.DATA_CENTRE, altered(desk.market.valuations, mix))
    with pytest.raises(SourceError, match="总市值 is not 当日收盘价 × 总股本"):
        desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)


def test_results_whose_columns_have_moved_are_refused(desk: Desk) -> None:
    def move(document: Any) -> None:
        if document["result"]:
            document["result"]["data"] = [
                {"NEW_FIELD": 1.0} | {name: row[name] for name in list(row)[:-1]}
                for row in document["result"]["data"]
            ]

    desk.server.answer(eastmoney.DATA_CENTRE, altered(desk.market.year_results, move))
    with pytest.raises(SourceError, match=r"stock_yjbb_em date=20241231: .*have moved"):
        desk.source().deliver(ISSUE, tables.RAW_FINANCIALS)


def test_results_with_another_column_are_an_error(desk: Desk) -> None:
    def add(document: Any) -> None:
        for row in (document["result"] or {"data": []})["data"]:
            row["NEW_FIELD"] = 1.0

    desk.server.answer(eastmoney.DATA_CENTRE, altered(desk.market.year_results, add))
    with pytest.raises(SourceError, match=r"stock_yjbb_em date=20241231: .*cannot read.*Length"):
        desk.source().deliver(ISSUE, tables.RAW_FINANCIALS)


def test_a_cut_page_is_asked_for_again(desk: Desk) -> None:
    def cut(document: Any) -> None:
        document["result"]["data"] = document["result"]["data"][:-1]

    cut_short = altered(desk.market.valuations, cut)
    desk.server.answer(eastmoney.DATA_CENTRE, cut_short, desk.market.valuations)
    found = desk.source(["920001"]).deliver(ISSUE, tables.RAW_VALUATIONS)
    assert len(found[0].content.splitlines()) == 1 + len(SESSIONS)
    assert len(desk.server.requests) == 2
    desk.server.answer(eastmoney.DATA_CENTRE, cut_short)
    with pytest.raises(SourceError, match=r"rows instead of \d+: it is cut"):
        desk.source(["920002"]).deliver(ISSUE, tables.RAW_VALUATIONS)


def test_a_page_that_turns_to_nothing_is_an_error(desk: Desk) -> None:
    many = [
        Announcement("600000", date(2026, 2, 24), f"上海公司:第{number}号") for number in range(150)
    ]
    desk.market.announcements += many
    desk.server.answer(
        lambda request: request.params.get("page_index") == "2",
        {"data": None, "error": "", "success": 0},
    )
    with pytest.raises(SourceError, match=r"stock_notice_report symbol=全部 date=20260224"):
        desk.source().deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)


def test_a_page_that_the_package_drops_in_silence_is_an_error(desk: Desk) -> None:
    def unsort(document: Any) -> None:
        for item in document["data"]["list"]:
            if item["title"] == "某公司:业绩快报":
                item["columns"] = []

    desk.market.announcements.append(Announcement("920001", date(2026, 2, 27), "某公司:另一公告"))
    desk.server.answer(eastmoney.ANNOUNCEMENTS, altered(desk.market.announced, unsort))
    with pytest.raises(SourceError, match=r"stock_notice_report .*date=20260227"):
        desk.source().deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)


def test_a_title_never_goes_to_another_company(desk: Desk) -> None:
    bonds_only = Announcement(
        "", date(2026, 2, 25), "某债券:付息公告", also=(("BOND", "123456"), ("BOND", "123457"))
    )
    desk.market.announcements.insert(0, bonds_only)
    with pytest.raises(SourceError, match=r"gives '某债券:付息公告' to 920001"):
        desk.source().deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)


def test_dynamic_pe_is_never_asked_for_nor_read(desk: Desk) -> None:
    source = desk.source()
    for table in tables.RAW_TABLES:
        source.deliver(ISSUE, table)
    assert {request.path for request in desk.server.requests} == {
        eastmoney.DATA_CENTRE,
        eastmoney.PRICES,
        eastmoney.ANNOUNCEMENTS,
    }
    rows = "代码,最新价,市盈率-动态,总市值\n920001,10.0,40.1,500000000\n"
    spot = Delivery("akshare", "spot.csv", rows.encode(), "stock_bj_a_spot_em")
    with pytest.raises(DataError, match="dynamic"):
        read([spot], tables.RAW_VALUATIONS, ISSUE)


# Days that are missing


def without(company: Company, *days: date) -> None:
    company.closes = {day: close for day, close in company.closes.items() if day not in days}


def test_a_history_cut_before_the_close_date_is_not_taken_for_a_suspension(desk: Desk) -> None:
    without(desk.market.companies[1], *ISSUE.sessions[2:], *by_number(66).sessions)
    with pytest.raises(NotYetAvailableError, match=r"920002\.csv: .*end on 2026-02-25.*cut"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    assert {each["symbol"] for each in desk_parameters(desk)} == {"920001"}


def desk_parameters(desk: Desk) -> list[dict[str, str]]:
    entries = desk.landing.entries()
    histories = entries[entries["interface"] != "stock_tfp_em"]
    return [json.loads(text) for text in histories["parameters"]]


def test_prices_cut_before_the_close_date_are_not_used(desk: Desk) -> None:
    def cut(document: Any) -> None:
        document["data"]["klines"] = document["data"]["klines"][:-3]

    desk.server.answer(eastmoney.PRICES, altered(desk.market.prices, cut))
    with pytest.raises(NotYetAvailableError, match=r"stock_zh_a_hist_920001_qfq\.csv"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    with pytest.raises(NotYetAvailableError, match=r"stock_zh_index_daily_em_bj899050\.csv"):
        desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)


def test_a_suspended_company_keeps_its_last_price(desk: Desk) -> None:
    without(desk.market.companies[1], *ISSUE.sessions[2:], *by_number(66).sessions)
    desk.market.suspensions.append(Suspension("920002", ISSUE.sessions[2], None))
    prices = prices_of(desk, ISSUE, CODES)
    assert prices.loc["920002.BJ", "status"] == "suspended"
    assert prices.loc["920002.BJ", "close"] == moving(1)[ISSUE.sessions[1]]
    assert prices.loc["920001.BJ", "status"] == "trading"
    suspended = desk.asked(eastmoney.DATA_CENTRE, reportName=eastmoney.SUSPENSIONS)
    assert len(suspended) == 1, "the list of a day serves all companies"


def test_a_suspension_that_is_over_explains_nothing(desk: Desk) -> None:
    without(desk.market.companies[1], *ISSUE.sessions[2:], *by_number(66).sessions)
    over = Suspension("920002", ISSUE.sessions[1], ISSUE.sessions[2])
    desk.market.suspensions.append(over)
    with pytest.raises(NotYetAvailableError, match="no suspension"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)


def test_a_last_price_that_was_cut_off_is_not_kept_over_a_suspension(desk: Desk) -> None:
    company = desk.market.companies[0]
    without(company, *ISSUE.sessions[2:], *by_number(66).sessions)
    desk.market.suspensions.append(Suspension("920001", ISSUE.sessions[2], None))
    cut = replace(company)
    without(cut, ISSUE.sessions[1])
    desk.server.answer(
        lambda request: request.params.get("reportName") == eastmoney.VALUATIONS,
        Market([cut]).valuations,
    )
    with pytest.raises(SourceError, match=r"has 2026-02-25, which the other one lacks"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)


def test_suspensions_whose_columns_have_moved_are_refused(desk: Desk) -> None:
    without(desk.market.companies[1], *ISSUE.sessions[2:], *by_number(66).sessions)
    desk.market.suspensions.append(Suspension("920002", ISSUE.sessions[2], None))

    def swap(document: Any) -> None:
        for row in document["result"]["data"]:
            reordered = {name: row[name] for name in reversed(list(row))}
            row.clear()
            row.update(reordered)

    moved = altered(desk.market.suspended, swap)
    desk.server.answer(
        lambda request: request.params.get("reportName") == eastmoney.SUSPENSIONS, moved
    )
    with pytest.raises(SourceError, match=r"stock_tfp_em date=20260227: .*have moved"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)


def test_a_vendor_that_lags_a_day_serves_earlier_issues(desk: Desk) -> None:
    for company in desk.market.companies:
        without(company, date(2026, 3, 2), *by_number(66).sessions)
    desk.moment = datetime(2026, 3, 2, 16, 0, tzinfo=SHANGHAI)
    deliveries = desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    assert {each.parameters["end"] for each in deliveries} == {"20260227"}


def test_an_issue_whose_week_is_not_over_asks_nothing(desk: Desk) -> None:
    desk.moment = datetime(2026, 2, 27, 14, 59, tzinfo=SHANGHAI)
    with pytest.raises(NotYetAvailableError, match="2026-02-27, which closes issue 65"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    assert desk.server.requests == []


def test_todays_unfinished_day_is_not_fetched(desk: Desk) -> None:
    desk.moment = datetime(2026, 3, 3, 11, 0, tzinfo=SHANGHAI)
    desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)
    assert {request.params["end"] for request in desk.asked(eastmoney.PRICES)} == {"20260302"}


# Real values of the exchange


def market_csv(issue: int, name: str) -> pd.DataFrame:
    frame = pd.read_csv(MARKET / f"issue_{issue:03d}" / name, dtype={"trade_date": str})
    return frame.assign(
        code=frame["ts_code"].str[:6], day=pd.to_datetime(frame["trade_date"]).dt.date
    )


@needs_market
def test_issue_65_has_the_real_closes_caps_and_pe(desk: Desk) -> None:
    basic = market_csv(65, "daily_basic.csv").dropna(subset="pe_ttm")
    quotes = market_csv(65, "daily.csv")
    at_close = basic[basic["day"] == ISSUE.close_date]
    codes = sorted(at_close["code"])[::12]
    desk.market.companies = [
        Company(
            code,
            dict(zip(rows["day"], rows["close"], strict=True)),
            shares=float(at_close.set_index("code").loc[code, "total_share"]) * 1e4,
            pe_ttm=float(at_close.set_index("code").loc[code, "pe_ttm"]),
        )
        for code, rows in quotes.groupby("code")
        if code in codes
    ]
    read_quotes = desk.read(tables.RAW_QUOTES, codes=codes).frame
    expected = quotes[quotes["code"].isin(codes)].sort_values(["code", "day"])
    assert list(read_quotes["close"]) == list(expected["close"])
    found = desk.read(tables.RAW_VALUATIONS, codes=codes).frame
    found = found[found["date"] == ISSUE.close_date].set_index("vendor_code")
    wanted = at_close.set_index("ts_code").loc[found.index]
    assert found["pe_ttm"].tolist() == wanted["pe_ttm"].tolist()
    assert found["market_cap"].tolist() == pytest.approx((wanted["total_mv"] * 1e4).tolist())


@needs_market
def test_the_bonus_issue_of_920208_is_a_fall_of_5_36_percent(desk: Desk) -> None:
    issue = by_number(32)
    quotes = market_csv(32, "daily.csv")
    factors = market_csv(32, "adj_factor.csv").set_index(["code", "day"])["adj_factor"]
    pairs = pd.read_csv(
        Path(__file__).parents[2] / "bj_pipeline/reference/bse_code_mapping.csv", dtype=str
    ).set_index("new_code")["old_code"]
    old = pairs["920208"]
    rows = quotes[quotes["code"] == old]
    real = dict(zip(rows["day"], rows["close"], strict=True))

    class AsCollected(Company):
        def adjusted(self, kind: str) -> dict[date, float]:
            assert kind == "qfq"
            return {day: round(close * factors[old, day], 2) for day, close in real.items()}

    desk.market.companies = [AsCollected("920208", real)]
    desk.moment = datetime(2025, 7, 5, 8, 0, tzinfo=SHANGHAI)
    found = prices_of(desk, issue, ["920208"]).loc["920208.BJ"]
    assert f"{found['close'] / found['close_base'] - 1:.2%}" == "-34.21%"
    assert f"{found['change']:.2%}" == "-5.36%"


@needs_market
def test_920305_keeps_its_price_over_the_real_suspension(desk: Desk) -> None:
    issue = by_number(63)
    closes_of_all = pd.read_csv(MARKET / "daily_close.csv.gz", dtype={"code": str})
    rows = closes_of_all[(closes_of_all["code"] == "920305")]
    days = pd.to_datetime(rows["date"]).dt.date
    real = dict(zip(days, rows["close"], strict=True))
    desk.market.companies = [
        Company("920305", {day: close for day, close in real.items() if day <= date(2026, 2, 6)})
    ]
    desk.market.suspensions = [Suspension("920305", date(2026, 2, 5), date(2026, 2, 11))]
    desk.moment = datetime(2026, 2, 6, 18, 0, tzinfo=SHANGHAI)
    assert issue.close_date == date(2026, 2, 6)
    delivered = desk.source(["920305"]).deliver(issue, tables.RAW_VALUATIONS)
    assert delivered[0].parameters["end"] == "20260206"
    assert delivered[0].content.decode().splitlines()[-1].startswith("2026-02-04,10.0,")


@needs_market
def test_the_real_spot_list_is_refused() -> None:
    content = (MARKET / "akshare" / "stock_spot_em_20260213.csv").read_bytes()
    spot = Delivery("akshare", "spot.csv", content, "stock_bj_a_spot_em")
    with pytest.raises(DataError, match="dynamic"):
        read([spot], tables.RAW_VALUATIONS, ISSUE)
