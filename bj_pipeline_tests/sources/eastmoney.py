"""Eastmoney's documents, as the ``akshare`` package expects them, for the local server.

What belongs here: their shape, filled from a small market that a test describes. What does not:
faults, which a test puts over these answers, and what is expected of them.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from bj_pipeline_tests.sources.vendor_server import Request, VendorServer

DATA_CENTRE = "/api/data/v1/get"
PRICES = "/api/qt/stock/kline/get"
ANNOUNCEMENTS = "/api/security/ann"

VALUATIONS = "RPT_VALUEANALYSIS_DET"
RESULTS = "RPT_LICO_FN_CPD"
SUSPENSIONS = "RPT_CUSTOM_SUSPEND_DATA_INTERFACE"

NOTHING = {
    "version": None,
    "result": None,
    "success": False,
    "message": "返回数据为空",
    "code": 9201,
}

_ADJUSTED = {"0": "", "1": "qfq", "2": "hfq"}
_SHANGHAI = "1"


@dataclass(frozen=True)
class Payout:
    """What a company paid on an ex-date.

    Attributes:
        cash: Yuan a share.
        bonus: New shares for each old one.
    """

    cash: float = 0.0
    bonus: float = 0.0


@dataclass
class Company:
    """A listed company, or an index (whose ``shares`` mean nothing).

    Attributes:
        code: Six digits.
        closes: Unadjusted closes by day; a day of suspension has none.
        name: Name.
        market: ``0`` (Beijing and Shenzhen) or ``1`` (Shanghai).
        shares: Total shares, or by day.
        pe_ttm: PE TTM, or by day.
        payouts: By ex-date.
    """

    code: str
    closes: Mapping[date, float]
    name: str = "某公司"
    market: str = "0"
    shares: float | Mapping[date, float] = 50_000_000.0
    pe_ttm: float | Mapping[date, float | None] | None = 25.5
    payouts: Mapping[date, Payout] = field(default_factory=dict)

    def adjusted(self, kind: str) -> dict[date, float]:
        """Closes adjusted as Eastmoney does it: by taking off and adding, to whole fen."""
        events = sorted(self.payouts.items())
        if kind == "qfq":
            return {day: round(self._before(events, day), 2) for day in self.closes}
        if kind == "hfq":
            return {day: round(self._since(events, day), 2) for day in self.closes}
        return dict(self.closes)

    def _before(self, events: Iterable[tuple[date, Payout]], day: date) -> float:
        price = self.closes[day]
        for ex_date, paid in events:
            if day < ex_date:
                price = (price - paid.cash) / (1 + paid.bonus)
        return price

    def _since(self, events: Sequence[tuple[date, Payout]], day: date) -> float:
        price = self.closes[day]
        for ex_date, paid in reversed(events):
            if day >= ex_date:
                price = price * (1 + paid.bonus) + paid.cash
        return price


@dataclass(frozen=True)
class Result:
    """A company's full year, in yuan."""

    code: str
    year: int
    revenue: float
    net_profit: float
    published: date


@dataclass(frozen=True)
class Suspension:
    """A window without trading; open while ``end`` is None."""

    code: str
    start: date
    end: date | None


@dataclass(frozen=True)
class Announcement:
    """An announcement, perhaps of several securities."""

    code: str
    day: date
    title: str
    kind: str = "其他"
    also: tuple[tuple[str, str], ...] = ()
    """Further securities: kind (``A`` for shares, ``BOND``, …) and code."""


@dataclass
class Market:
    """Everything that the vendor knows."""

    companies: list[Company] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    suspensions: list[Suspension] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)

    def security(self, market: str, code: str) -> Company | None:
        """The security under that code in that market."""
        found = (each for each in self.companies if (each.market, each.code) == (market, code))
        return next(found, None)

    def serve(self, server: VendorServer) -> None:
        """Answer every request of the package."""
        reports: dict[str, Callable[[Request], object]] = {
            VALUATIONS: self.valuations,
            RESULTS: self.year_results,
            SUSPENSIONS: self.suspended,
        }
        server.answer(DATA_CENTRE, lambda request: reports[request.params["reportName"]](request))
        server.answer(PRICES, self.prices)
        server.answer(ANNOUNCEMENTS, self.announced)

    def valuations(self, request: Request) -> object:
        """One company's valuations, the newest first."""
        code = _quoted(request, "SECURITY_CODE")
        company = self.security("0", code)
        rows = [] if company is None else _valuation_rows(company)
        return data_centre(rows[::-1], request)

    def year_results(self, request: Request) -> object:
        """All companies' results of one year."""
        day = date.fromisoformat(_quoted(request, "REPORTDATE"))
        rows = [_result_row(each) for each in self.results if each.year == day.year]
        return data_centre(rows, request)

    def suspended(self, request: Request) -> object:
        """Suspensions; the vendor's list for a day also names those of other days."""
        return data_centre([_suspension_row(each) for each in self.suspensions], request)

    def prices(self, request: Request) -> object:
        """One security's days in a span."""
        market, _, code = request.params["secid"].partition(".")
        company = self.security(market, code)
        if company is None:
            return {"rc": 100, "rt": 17, "svr": 1, "lt": 1, "full": 0, "data": None}
        closes = company.adjusted(_ADJUSTED[request.params["fqt"]])
        first, last = request.params["beg"], request.params["end"]
        width = sum("f51" <= name <= "f61" for name in request.params["fields2"].split(","))
        lines = [
            ",".join(line.split(",")[:width])
            for line in _price_lines(closes)
            if first <= line[:10].replace("-", "") <= last
        ]
        return price_document(company, lines)

    def announced(self, request: Request) -> object:
        """A page of a day's announcements."""
        day = date.fromisoformat(request.params["begin_time"])
        found = [announcement_item(each) for each in self.announcements if each.day == day]
        size, page = int(request.params["page_size"]), int(request.params["page_index"])
        data = {
            "list": found[(page - 1) * size : page * size],
            "page_index": page,
            "page_size": size,
            "total_hits": len(found),
        }
        return {"data": data, "error": "", "success": 1}


class ToLocalServer(HTTPAdapter):
    """Leads requests for any host to the local server, which sees the host that was meant."""

    def __init__(self, server: VendorServer) -> None:
        super().__init__()
        self._server = server

    def send(self, request: PreparedRequest, *arguments: object, **options: object) -> Response:
        scheme, _, rest = str(request.url).partition("://")
        host, slash, path = rest.partition("/")
        assert scheme == "https"
        request.headers["Host"] = host
        request.url = self._server.url + slash + path
        options["proxies"] = {}
        return super().send(request, *arguments, **options)


def data_centre(rows: Sequence[object], request: Request) -> object:
    """A page of rows of the data centre."""
    if not rows:
        return NOTHING
    size, page = int(request.params["pageSize"]), int(request.params["pageNumber"])
    result = {
        "pages": math.ceil(len(rows) / size),
        "data": rows[(page - 1) * size : page * size],
        "count": len(rows),
    }
    return {"version": "1", "result": result, "success": True, "message": "ok", "code": 0}


def price_document(company: Company, lines: Sequence[str]) -> object:
    """Days of a security."""
    data = {
        "code": company.code,
        "market": int(company.market),
        "name": company.name,
        "decimal": 2,
        "dktotal": len(company.closes),
        "preKPrice": 0.0,
        "klines": list(lines),
    }
    return {"rc": 0, "rt": 17, "svr": 1, "lt": 1, "full": 0, "dlmkts": "", "data": data}


def announcement_item(announcement: Announcement) -> dict[str, object]:
    """One announcement of a page."""
    securities = [("A,BJA", announcement.code)] if announcement.code else []
    securities += announcement.also
    return {
        "art_code": f"AN{announcement.day:%Y%m%d}{abs(hash(announcement.title)) % 10**9:09d}",
        "codes": [
            {
                "ann_type": kind,
                "inner_code": f"1{code}",
                "market_code": "0",
                "short_name": "某公司",
                "stock_code": code,
            }
            for kind, code in securities
        ],
        "columns": [{"column_code": "001002", "column_name": announcement.kind}],
        "display_time": f"{announcement.day} 18:00:00:000",
        "eiTime": f"{announcement.day} 18:00:00:000",
        "language": "0",
        "notice_date": f"{announcement.day} 00:00:00",
        "title": announcement.title,
        "title_ch": announcement.title,
        "title_en": "",
    }


def _quoted(request: Request, name: str) -> str:
    found = re.search(rf"{name}=[\"']([^\"']+)", request.params["filter"])
    assert found is not None
    return found[1]


def _at(value: object, day: date) -> object:
    return value.get(day) if isinstance(value, Mapping) else value


def _valuation_rows(company: Company) -> list[dict[str, object]]:
    days = sorted(company.closes)
    moves = {second: first for first, second in pairwise(days)}
    return [_valuation_row(company, day, moves.get(day)) for day in days]


def _valuation_row(company: Company, day: date, before: date | None) -> dict[str, object]:
    close, shares = company.closes[day], float(str(_at(company.shares, day)))
    change = 0.0 if before is None else (close / company.closes[before] - 1) * 100
    return {
        "SECURITY_CODE": company.code,
        "SECURITY_NAME_ABBR": company.name,
        "BOARD_CODE": "016014",
        "BOARD_NAME": "通用设备",
        "TRADE_DATE": f"{day} 00:00:00",
        "CLOSE_PRICE": close,
        "CHANGE_RATE": change,
        "TOTAL_MARKET_CAP": round(close * shares, 2),
        "NOTLIMITED_MARKETCAP_A": round(close * shares * 0.6, 2),
        "TOTAL_SHARES": shares,
        "FREE_SHARES_A": shares * 0.6,
        "PE_TTM": _at(company.pe_ttm, day),
        "PE_LAR": 31.7,
        "PB_MRQ": 3.2,
        "PCF_OCF_TTM": 40.1,
        "PS_TTM": 4.9,
        "PEG_CAR": 1.1,
        "SECUCODE": f"{company.code}.BJ",
    }


def _price_lines(closes: Mapping[date, float]) -> list[str]:
    """Date, open, close, high, low, lots, yuan, amplitude, change %, change, turnover."""
    lines = []
    before = None
    for day in sorted(closes):
        close = closes[day]
        opened = close if before is None else before
        high, low = max(opened, close), min(opened, close)
        before = close
        values = [opened, close, high, low]
        prices = ",".join(f"{value:.2f}" for value in values)
        lines.append(f"{day},{prices},12345,6789012.00,1.50,0.50,0.10,2.20")
    return lines


def _result_row(result: Result) -> dict[str, object]:
    """In the vendor's order: the package names these columns by their position."""
    return {
        "SECURITY_CODE": result.code,
        "SECURITY_NAME_ABBR": "某公司",
        "TRADE_MARKET_CODE": "069001017",
        "TRADE_MARKET": "北京证券交易所",
        "SECURITY_TYPE_CODE": "058001001",
        "SECURITY_TYPE": "A股",
        "UPDATE_DATE": f"{result.published} 00:00:00",
        "REPORTDATE": f"{result.year}-12-31 00:00:00",
        "BASIC_EPS": 0.71,
        "DEDUCT_BASIC_EPS": 0.6,
        "TOTAL_OPERATE_INCOME": result.revenue,
        "PARENT_NETPROFIT": result.net_profit,
        "WEIGHTAVG_ROE": 9.4,
        "YSTZ": 12.3,
        "SJLTZ": -4.5,
        "BPS": 6.7,
        "MGJYXJJE": 0.4,
        "XSMLL": 28.1,
        "YSHZ": 3.1,
        "SJLHZ": 1.2,
        "ASSIGNDSCRPT": "10派2.00元",
        "PAYYEAR": str(result.year),
        "PUBLISHNAME": "通用设备",
        "ZXGXL": 0.9,
        "NOTICE_DATE": f"{result.published} 00:00:00",
        "ORG_CODE": "10000001",
        "TRADE_MARKET_ZJG": "0801",
        "ISNEW": "1",
        "QDATE": f"{result.year}Q4",
        "DATATYPE": f"{result.year}年 年报",
        "DATAYEAR": str(result.year),
        "DATEMMDD": "年报",
        "EITIME": f"{result.published} 20:00:00",
        "SECUCODE": f"{result.code}.BJ",
        "BOARD_NAME": "通用设备",
        "ORI_BOARD_CODE": "545",
        "BOARD_CODE": "BK0545",
    }


def _suspension_row(suspension: Suspension) -> dict[str, object]:
    """In the vendor's order: the package names these columns by their position."""
    end = suspension.end
    return {
        "SECURITY_CODE": suspension.code,
        "SECURITY_NAME_ABBR": "某公司",
        "SUSPEND_START_TIME": f"{suspension.start} 09:30:00",
        "SUSPEND_END_TIME": None if end is None else f"{end} 15:00:00",
        "SUSPEND_EXPIRE": "连续停牌",
        "SUSPEND_REASON": "停牌核查",
        "TRADE_MARKET": "北京证券交易所",
        "SUSPEND_START_DATE": f"{suspension.start} 00:00:00",
        "PREDICT_RESUME_DATE": None,
        "TRADE_MARKET_CODE": "069001017",
        "SECURITY_TYPE_CODE": "058001001",
        "SECUCODE": f"{suspension.code}.BJ",
    }
