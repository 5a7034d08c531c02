"""The source ``akshare`` at work: a small market, its server, and who asks it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from bj_pipeline.issues import all_issues, by_number
from bj_pipeline.metrics.changes import closes
from bj_pipeline.sources.akshare import AkShareSource
from bj_pipeline.sources.fetching import Fetcher
from bj_pipeline.sources.landing import Landing
from bj_pipeline.sources.layouts import Reading, read
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.eastmoney import Announcement, Company, Market, Result, ToLocalServer
from bj_pipeline_tests.sources.vendor_server import Request, VendorServer

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


def altered(serve: Callable[[Request], Any], change: Callable[[Any], None]):
    """Answers of the market with a change made to each document."""

    def answer(request: Request) -> object:
        document = serve(request)
        change(document)
        return document

    return answer


def prices_of(desk: Desk, issue, codes: list[str]) -> pd.DataFrame:
    quotes = desk.read(tables.RAW_QUOTES, issue, codes).frame
    universe = pd.DataFrame({"code": [f"{code}.BJ" for code in codes], "listed": None})
    return closes(universe, quotes, issue.base_date, issue.close_date).set_index("code")


def without(company: Company, *days: date) -> None:
    company.closes = {day: close for day, close in company.closes.items() if day not in days}
