"""The embedded sample: a made-up market whose issue 65 reproduces the published figures.

What belongs here: one continuous daily market, held fast on issue 65's two dates by
``sample_data/companies.csv`` and filled in elsewhere by hashes, and its deliveries. What does not:
anything that only a real vendor knows. ``sample_data/README.md`` says which numbers are published
facts and which are invented.

Hashes stand in for a random generator because their values are the same on every machine and in
every version of every library.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bj_pipeline.issues import Issue, all_issues, iso_week
from bj_pipeline.sources import Delivery
from bj_pipeline.warehouse import tables

DATA = Path(__file__).parent / "sample_data"
VENDOR = "sample"
VALUATION_VENDORS = ("ifind", "wind")
ANCHOR_BASE = date(2026, 2, 13)
ANCHOR_CLOSE = date(2026, 2, 27)

_DRAWS = 32
_DRAWS_PER_DAY = 4
_REPORT_DEADLINES = ((4, 30), (8, 31), (10, 31))
_ARTIFICIAL = "929"
_FISCAL_YEARS = (2023, 2024, 2025)
_ANCHORED_YEAR = 2024

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Company:
    """A row of ``companies.csv``: money in yuan, PE by vendor at the close of issue 65."""

    code: str
    name: str
    sector: str
    listed: date
    close_base: float
    close: float
    total_shares: int
    pe: dict[str, float]
    revenue: int
    net_profit: int


@dataclass(frozen=True, slots=True)
class _Event:
    """A row of ``events.csv``.

    Attributes:
        code: Whom it happens to.
        kind: ``bonus`` (new shares for nothing), ``dividend`` or ``suspension``.
        first: Ex-date, or first day without trading.
        last: Last day without trading; the same day for the others.
        ratio: Step of the adjustment factor.
    """

    code: str
    kind: str
    first: date
    last: date
    ratio: float


@dataclass(frozen=True, slots=True)
class _Market:
    """Every company on every session; matrices are companies × days.

    Attributes:
        companies: ``companies.csv``, in its order.
        days: All sessions that any issue knows.
        position: Column of each day.
        cents: Unadjusted close in cents; a suspended company keeps its last one.
        factor: Adjustment factor.
        shares: Total shares.
        volume: Shares traded.
        pe: PE TTM by vendor.
        listed: Whether the company is listed on that day.
        trading: Whether it is listed and not suspended.
        indices: Daily closes by index code.
    """

    companies: tuple[_Company, ...]
    days: tuple[date, ...]
    position: dict[date, int]
    cents: _Ints
    factor: _Floats
    shares: _Ints
    volume: _Ints
    pe: dict[str, _Floats]
    listed: _Flags
    trading: _Flags
    indices: dict[str, _Floats]


class SampleSource:
    """The embedded source: needs no network and sends the same bytes on every call."""

    name = VENDOR
    pool_file: Path | None = DATA / "pool.csv"

    def remarks(self) -> tuple[str, ...]:
        """Nothing: all of it is used."""
        return ()

    def deliver(self, issue: Issue, table: str) -> list[Delivery]:
        """What the made-up vendors send for one raw table of one issue.

        Args:
            issue: Any issue of :func:`bj_pipeline.issues.all_issues`.
            table: A raw table of :mod:`bj_pipeline.warehouse.tables`.
        """
        return _WRITERS[table](_market(), issue)


@cache
def _market() -> _Market:
    """Build the whole market once a process."""
    companies, events, days = _companies(), _events(), _all_days()
    codes = [company.code for company in companies]
    position = {day: column for column, day in enumerate(days)}
    base, close = position[ANCHOR_BASE], position[ANCHOR_CLOSE]

    listed = np.array([[company.listed <= day for day in days] for company in companies])
    suspended = _suspended(codes, events, days)
    factor, share_growth = _corporate_actions(codes, events, days)
    shares_at_close = np.array([[company.total_shares] for company in companies])
    shares = np.rint(shares_at_close * share_growth / share_growth[:, [close]]).astype(np.int64)

    noise = _noise(codes, days)
    comparable = np.exp(
        _through(
            _company_paths(companies, noise, days),
            (base, np.log([company.close_base for company in companies])),
            (_last_traded(suspended, close), np.log([company.close for company in companies])),
        )
    )
    unadjusted = comparable * factor[:, [close]] / factor
    cents = _keep_last(np.rint(unadjusted * 100).astype(np.int64), suspended)
    return _Market(
        companies=companies,
        days=days,
        position=position,
        cents=cents,
        factor=factor,
        shares=shares,
        volume=np.rint(shares * _turnover(codes, noise) / 100).astype(np.int64) * 100,
        pe=_pe(companies, cents * shares, _earnings(codes, days), close),
        listed=listed,
        trading=listed & ~suspended,
        indices=_indices(days, base, close),
    )


def _read(file: str) -> list[dict[str, str]]:
    """Rows of one of the sample's files."""
    with (DATA / file).open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def _companies() -> tuple[_Company, ...]:
    return tuple(
        _Company(
            code=row["code"],
            name=row["name"],
            sector=row["sector"],
            listed=date.fromisoformat(row["listed"]),
            close_base=float(row["close_base"]),
            close=float(row["close"]),
            total_shares=int(row["total_shares"]),
            pe={vendor: float(row[f"pe_{vendor}"]) for vendor in VALUATION_VENDORS},
            revenue=int(row["revenue_2024"]),
            net_profit=int(row["net_profit_2024"]),
        )
        for row in _read("companies.csv")
    )


def _events() -> tuple[_Event, ...]:
    return tuple(
        _Event(
            code=row["code"],
            kind=row["kind"],
            first=date.fromisoformat(row["first"]),
            last=date.fromisoformat(row["last"]),
            ratio=float(row["ratio"]),
        )
        for row in _read("events.csv")
    )


def _all_days() -> tuple[date, ...]:
    """Every session of every issue, and the base dates before them."""
    issues = all_issues()
    sessions = {day for issue in issues for day in issue.sessions}
    return tuple(sorted(sessions | {issue.base_date for issue in issues}))


def _draws(names: Iterable[str], labels: Sequence[str]) -> _Floats:
    """Evenly spread numbers in [0, 1): names × labels × 32, each from one hash."""
    digests = b"".join(
        hashlib.blake2b(f"{name} {label}".encode(), digest_size=2 * _DRAWS).digest()
        for name in names
        for label in labels
    )
    numbers = np.frombuffer(digests, dtype="<u2").reshape(-1, len(labels), _DRAWS)
    return np.asarray(numbers / 2.0**16)


def _bell(draws: _Floats) -> _Floats:
    """A roughly normal number of variance one from the last axis's four even ones."""
    return np.asarray((draws.sum(axis=-1) - 2) * np.sqrt(3))


def _noise(names: Sequence[str], days: Sequence[date]) -> _Floats:
    """Daily shocks of variance about one, names × days, with the fat tails of real markets.

    A hash speaks for a name and a week, so that days appended later change no earlier one.
    """
    weeks = [iso_week(day) for day in days]
    unique = list(dict.fromkeys(weeks))
    draws = _draws(names, unique)[:, :, : 7 * _DRAWS_PER_DAY]
    shocks = _bell(draws.reshape(len(names), len(unique), 7, _DRAWS_PER_DAY))
    column = {week: number for number, week in enumerate(unique)}
    bell = shocks[:, [column[week] for week in weeks], [day.weekday() for day in days]]
    return np.asarray(0.5 * bell + 0.17 * bell**3)


def _wander(noise: _Floats, pull: float) -> _Floats:
    """Add up shocks over the days; ``pull`` a day draws back to zero, so that nothing explodes."""
    path = np.zeros_like(noise)
    for day in range(1, noise.shape[1]):
        path[:, day] = path[:, day - 1] * (1 - pull) + noise[:, day]
    return path


def _through(
    path: _Floats, first: tuple[int, _Floats], second: tuple[int | _Ints, _Floats]
) -> _Floats:
    """Shift paths so that each passes through its two (day, value) anchors.

    The shift is constant before the first anchor and after the second, and linear between them:
    what is published is met exactly, and the days around it keep their own moves.
    """
    rows = np.arange(len(path))
    (start, first_value), (end, second_value) = first, second
    end = np.broadcast_to(np.asarray(end), rows.shape)
    weight = ((np.arange(path.shape[1]) - start) / (end[:, None] - start)).clip(0, 1)
    first_shift = (first_value - path[rows, start])[:, None]
    second_shift = (second_value - path[rows, end])[:, None]
    return np.asarray(path + (1 - weight) * first_shift + weight * second_shift)


def _market_path(days: Sequence[date]) -> _Floats:
    """Log level of the whole market, one row."""
    return _wander(0.009 * _noise(["market"], days), pull=0.006)


def _company_paths(companies: Sequence[_Company], noise: _Floats, days: Sequence[date]) -> _Floats:
    """Log prices before anchoring: market, sector and the company's own wandering."""
    traits = _draws([company.code for company in companies], ["traits"])[:, 0, :]
    beta = 0.6 + 0.8 * traits[:, [0]]
    volatility = 0.009 + 0.012 * traits[:, [1]]
    sectors = list(dict.fromkeys(company.sector for company in companies))
    sector_paths = _wander(0.005 * _noise([f"sector {name}" for name in sectors], days), pull=0.01)
    own_sector = sector_paths[[sectors.index(company.sector) for company in companies]]
    return beta * _market_path(days) + own_sector + _wander(volatility * noise, pull=0.02)


def _turnover(codes: Sequence[str], noise: _Floats) -> _Floats:
    """Share of the company traded on a day: more on days of large moves."""
    usual = 0.004 + 0.012 * _draws(codes, ["traits"])[:, 0, [2]]
    return usual * (0.5 + np.abs(noise))


def _earnings(codes: Sequence[str], days: Sequence[date]) -> _Floats:
    """Level of trailing earnings, companies × days: a step after each reporting deadline."""
    periods = [_latest_deadline(day).isoformat() for day in days]
    unique = list(dict.fromkeys(periods))
    levels = np.exp(0.07 * _bell(_draws(codes, unique)[:, :, :_DRAWS_PER_DAY]))
    return np.asarray(levels[:, [unique.index(period) for period in periods]])


def _latest_deadline(day: date) -> date:
    """The last deadline for periodic reports before a day."""
    deadlines = [
        date(year, month, last)
        for year in (day.year - 1, day.year)
        for month, last in _REPORT_DEADLINES
    ]
    return max(deadline for deadline in deadlines if deadline < day)


def _pe(
    companies: Sequence[_Company], caps: _Ints, earnings: _Floats, close: int
) -> dict[str, _Floats]:
    """PE TTM by vendor: the anchored one, moved by market caps and earnings."""
    relative = (caps / caps[:, [close]]) / (earnings / earnings[:, [close]])
    return {
        vendor: np.array([[company.pe[vendor]] for company in companies]) * relative
        for vendor in VALUATION_VENDORS
    }


def _suspended(codes: Sequence[str], events: Sequence[_Event], days: Sequence[date]) -> _Flags:
    """Companies × days: suspended."""
    flags = np.zeros((len(codes), len(days)), dtype=np.bool_)
    for event in events:
        if event.kind == "suspension":
            flags[codes.index(event.code)] |= [event.first <= day <= event.last for day in days]
    return flags


def _corporate_actions(
    codes: Sequence[str], events: Sequence[_Event], days: Sequence[date]
) -> tuple[_Floats, _Floats]:
    """Adjustment factors and share counts relative to the first day, companies × days."""
    factor = np.ones((len(codes), len(days)))
    share_growth = np.ones_like(factor)
    for event in events:
        steps = [event.ratio if day >= event.first else 1.0 for day in days]
        factor[codes.index(event.code)] *= steps
        if event.kind == "bonus":
            share_growth[codes.index(event.code)] *= steps
    return factor, share_growth


def _last_traded(suspended: _Flags, close: int) -> _Ints:
    """Column of each company's last trade up to the close."""
    columns = np.where(suspended[:, : close + 1], 0, np.arange(close + 1))
    return np.asarray(columns.max(axis=1))


def _keep_last(cents: _Ints, suspended: _Flags) -> _Ints:
    """Carry the last close through suspensions."""
    columns = np.where(suspended, 0, np.arange(cents.shape[1]))
    return np.take_along_axis(cents, np.maximum.accumulate(columns, axis=1), axis=1)


def _indices(days: Sequence[date], base: int, close: int) -> dict[str, _Floats]:
    """Daily closes of the indices, which follow the market and themselves."""
    anchors = _read("indices.csv")
    codes = [row["code"] for row in anchors]
    paths = _through(
        0.7 * _market_path(days) + _wander(0.005 * _noise(codes, days), pull=0.01),
        (base, np.log([float(row["close_base"]) for row in anchors])),
        (close, np.log([float(row["close"]) for row in anchors])),
    )
    return dict(zip(codes, np.exp(paths), strict=True))


def _csv(name: str, table: str, header: str, rows: Iterable[str], vendor: str = VENDOR) -> Delivery:
    """One file as the made-up vendor sends it."""
    content = "\n".join([header, *rows, ""]).encode()
    return Delivery(vendor=vendor, name=name, content=content, interface=table)


def _quotes(market: _Market, issue: Issue) -> list[Delivery]:
    """Closes from the base date on; a company suspended then sends its last day before it."""
    columns = [market.position[day] for day in (issue.base_date, *issue.sessions)]
    base = columns[0]
    rows: list[str] = []
    for row, company in enumerate(market.companies):
        traded = market.trading[row]
        before = [] if traded[base] else np.flatnonzero(traded[:base])[-1:].tolist()
        rows += [
            f"{company.code},{market.days[column]},{market.cents[row, column] / 100:.2f},"
            f"{market.factor[row, column]:.6f},{market.volume[row, column]}"
            for column in [*before, *columns]
            if traded[column]
        ]
    header = "code,date,close,adj_factor,volume"
    return [_csv("sample_quotes.csv", tables.RAW_QUOTES, header, rows)]


def _valuations(market: _Market, issue: Issue) -> list[Delivery]:
    """Shares, market cap and PE at both dates, by each of the two vendors."""
    return [_valuations_of(vendor, market, issue) for vendor in VALUATION_VENDORS]


def _valuations_of(vendor: str, market: _Market, issue: Issue) -> Delivery:
    rows: list[str] = []
    for day in (issue.base_date, issue.close_date):
        column = market.position[day]
        caps = market.cents[:, column] * market.shares[:, column]
        rows += [
            f"{company.code},{day},{market.shares[row, column]},{caps[row] / 100:.2f},"
            f"{market.pe[vendor][row, column]:.4f}"
            for row, company in enumerate(market.companies)
            if market.listed[row, column]
        ]
    header = "code,date,total_shares,market_cap,pe_ttm"
    name = f"sample_valuations_{vendor}.csv"
    return _csv(name, tables.RAW_VALUATIONS, header, rows, vendor)


def _index_quotes(market: _Market, issue: Issue) -> list[Delivery]:
    """Closes of the indices from the base date on."""
    rows = [
        f"{code},{day},{closes[market.position[day]]:.2f}"
        for code, closes in market.indices.items()
        for day in (issue.base_date, *issue.sessions)
    ]
    return [_csv("sample_index_quotes.csv", tables.RAW_INDEX_QUOTES, "code,date,close", rows)]


def _listings(market: _Market, _: Issue) -> list[Delivery]:
    """Every company with its first trading day, past or to come."""
    rows = [f"{company.code},{company.name},{company.listed}" for company in market.companies]
    return [_csv("sample_listings.csv", tables.RAW_LISTINGS, "code,name,listed", rows)]


@cache
def _results() -> tuple[tuple[_Company, date, str], ...]:
    """Full-year results of every company: the company, day of publication, row of the file."""
    companies = _market().companies
    draws = _draws([company.code for company in companies], [str(year) for year in _FISCAL_YEARS])
    return tuple(
        _result(company, year, *draws[row, column, :3])
        for row, company in enumerate(companies)
        for column, year in enumerate(_FISCAL_YEARS)
    )


def _result(
    company: _Company, year: int, revenue_draw: float, profit_draw: float, day_draw: float
) -> tuple[_Company, date, str]:
    """One year: the anchored figures, or figures in their neighbourhood for the other years."""
    revenue, profit = company.revenue, company.net_profit
    if year != _ANCHORED_YEAR:
        revenue = round(revenue * (0.85 + 0.3 * revenue_draw))
        profit = round(profit * (0.7 + 0.6 * profit_draw))
    published = date(year + 1, 4, 15) + timedelta(days=int(day_draw * 15))
    return company, published, f"{company.code},{year},{revenue}.00,{profit}.00,{published}"


def _financials(_: _Market, issue: Issue) -> list[Delivery]:
    """Full years published by the close date, of companies listed by then."""
    rows = [
        row
        for company, published, row in _results()
        if company.listed <= issue.close_date and published <= issue.close_date
    ]
    header = "code,fiscal_year,revenue,net_profit,published"
    return [_csv("sample_financials.csv", tables.RAW_FINANCIALS, header, rows)]


def _announcements(market: _Market, issue: Issue) -> list[Delivery]:
    """Four to nine announcements on the week's sessions, by artificial companies only."""
    texts = _announcement_texts()
    speakers = [
        company
        for company in market.companies
        if company.code.startswith(_ARTIFICIAL) and company.listed <= issue.base_date
    ]
    draws = _draws([company.code for company in speakers], [f"announcement {issue.week}"])[:, 0, :3]
    count = 4 + int(_draws(["announcements"], [issue.week])[0, 0, 0] * 6)
    chosen = np.sort(np.argsort(draws[:, 0], kind="stable")[:count])
    rows: list[str] = []
    for company, (day_draw, text_draw) in zip(
        [speakers[number] for number in chosen], draws[chosen, 1:], strict=True
    ):
        day = issue.sessions[int(day_draw * len(issue.sessions))]
        category, title = texts[int(text_draw * len(texts))]
        rows.append(f"{company.code},{day},【示例】{title},{company.name},{category}")
    header = "code,date,title,name,category"
    return [_csv("sample_announcements.csv", tables.RAW_ANNOUNCEMENTS, header, rows)]


@cache
def _announcement_texts() -> tuple[tuple[str, str], ...]:
    """Category and title of everything that a made-up company may announce."""
    return tuple((row["category"], row["title"]) for row in _read("announcements.csv"))


_WRITERS: dict[str, Callable[[_Market, Issue], list[Delivery]]] = {
    tables.RAW_QUOTES: _quotes,
    tables.RAW_VALUATIONS: _valuations,
    tables.RAW_INDEX_QUOTES: _index_quotes,
    tables.RAW_LISTINGS: _listings,
    tables.RAW_FINANCIALS: _financials,
    tables.RAW_ANNOUNCEMENTS: _announcements,
}
