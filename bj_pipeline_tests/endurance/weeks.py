"""Made-up weeks with everything that a week can bring, and the whole chain of pure functions.

What belongs here: a company as a test describes it, the raw tables and curated lists of a week of
such companies, strategies that draw them, and the way from there to every table and the document.
What does not: what must hold of the result (``test_properties``, ``test_independent_arithmetic``).

Values are drawn from few and telling ones, so that ties, edges of buckets, halves of the last
printed digit, losses, blanks, suspensions and new listings meet often.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from bj_pipeline.issues import Issue, by_number, trailing
from bj_pipeline.metrics import ai_chain, buckets, company, market, rankings, sector, trends
from bj_pipeline.metrics.universe import ai_chain_classification, company_universe
from bj_pipeline.reference import ChainLink, Membership, Reference, load_reference
from bj_pipeline.report.compose import compose
from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import Document, House
from bj_pipeline.report.house import HOUSE_FILE, load_house
from bj_pipeline.report.sections.announcements import selected
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.layouts import read
from bj_pipeline.sources.registry import SAMPLE, pool_file
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline.warehouse import tables

ISSUE = by_number(65)
BEFORE, LONG_AGO = date(2026, 2, 11), date(2021, 11, 15)
DAYS = (BEFORE, ISSUE.base_date, *ISSUE.sessions)
VENDORS = ("ifind", "wind", "tushare")
CHAIN_VENDORS = ("wind", "ifind", "tushare")
SECTORS = ("电子设备", "机械设备", "信息技术")
SEGMENTS = ("算力基建", "AI应用")
RANKS = 10
TREND = 13


@dataclass(frozen=True)
class Valued:
    """What a vendor says of a company on a day; None is a blank."""

    vendor: str
    day: date
    shares: float | None = None
    cap: float | None = None
    pe: float | None = None
    is_loss: bool = False


@dataclass(frozen=True)
class Year:
    """A full year's result; None is a blank."""

    year: int
    revenue: float | None
    profit: float | None
    published: date | None


@dataclass(frozen=True)
class Company:
    """A company of a made-up week.

    Attributes:
        number: Tells companies apart; its code is made from it.
        sector: Sector in the pool; None outside it.
        segment: Segment of the AI chain; None outside it.
        listed: First trading day; None if no source gives it.
        delisted: Last trading day, if it was delisted.
        left: First day outside the pool, if it left it.
        fen: Close on each of :data:`DAYS` in fen; None without a price, 0 as some vendors write it.
        factors: Adjustment factor on each of :data:`DAYS`; None is a blank.
    """

    number: int
    name: str
    sector: str | None = SECTORS[0]
    segment: str | None = None
    listed: date | None = LONG_AGO
    delisted: date | None = None
    left: date | None = None
    fen: tuple[int | None, ...] = (1000,) * len(DAYS)
    factors: tuple[float | None, ...] = (1.0,) * len(DAYS)
    valued: tuple[Valued, ...] = ()
    years: tuple[Year, ...] = ()

    @property
    def code(self) -> str:
        return f"{920000 + self.number}.BJ"


@dataclass(frozen=True)
class Week:
    """What one issue is computed from."""

    raw: dict[str, pd.DataFrame]
    reference: Reference
    issue: Issue = ISSUE
    vendors: Sequence[str] = VENDORS
    chain_vendors: Sequence[str] = CHAIN_VENDORS
    is_sample: bool = True


def load(pool_file: Path | None = None) -> Reference:
    return load_reference(Path(tables.__file__).parents[1] / "reference", pool_file)


@cache
def curated() -> Reference:
    return load()


@cache
def _house() -> House:
    return load_house(HOUSE_FILE)


def frame(name: str, rows: list[dict[str, object]]) -> pd.DataFrame:
    columns = list(tables.columns(name))
    return pd.DataFrame([dict.fromkeys(columns) | row for row in rows], columns=columns)


def week_of(companies: Sequence[Company], points: Sequence[float] = (1000.0, 1010.0)) -> Week:
    """The raw tables and curated lists of a week in which only these companies exist.

    Args:
        companies: Their order is the order of the curated lists.
        points: Closes of every index at the base date and at the close date.
    """
    quotes = [
        {
            "code": one.code,
            "date": day,
            "close": None if fen is None else fen / 100,
            "adj_factor": factor,
        }
        for one in companies
        for day, fen, factor in zip(DAYS, one.fen, one.factors, strict=True)
        if fen is not None
    ]
    valuations = [
        {
            "code": one.code,
            "date": value.day,
            "vendor": value.vendor,
            "total_shares": value.shares,
            "market_cap": value.cap,
            "pe_ttm": value.pe,
            "pe_ttm_is_loss": value.is_loss,
        }
        for one in companies
        for value in one.valued
    ]
    years = [
        {
            "code": one.code,
            "fiscal_year": year.year,
            "revenue": year.revenue,
            "net_profit": year.profit,
            "published": year.published,
        }
        for one in companies
        for year in one.years
    ]
    listings = [
        {"code": one.code, "listed": one.listed, "delisted": one.delisted} for one in companies
    ]
    announced = [
        {"code": one.code, "date": ISSUE.close_date, "title": "关于召开股东会的公告"}
        for one in companies
        if one.number % 2
    ]
    index_days = (ISSUE.base_date, ISSUE.close_date)
    index_quotes = [
        {"code": index.code, "date": day, "close": close}
        for index in curated().indices
        for day, close in zip(index_days, points, strict=True)
    ]
    raw = {
        tables.RAW_QUOTES: frame(tables.RAW_QUOTES, quotes),
        tables.RAW_VALUATIONS: frame(tables.RAW_VALUATIONS, valuations).astype(
            {"pe_ttm_is_loss": bool}
        ),
        tables.RAW_INDEX_QUOTES: frame(tables.RAW_INDEX_QUOTES, index_quotes),
        tables.RAW_LISTINGS: frame(tables.RAW_LISTINGS, listings),
        tables.RAW_FINANCIALS: frame(tables.RAW_FINANCIALS, years),
        tables.RAW_ANNOUNCEMENTS: frame(tables.RAW_ANNOUNCEMENTS, announced),
    }
    return Week(raw, _reference(companies))


def _reference(companies: Sequence[Company]) -> Reference:
    """Curated lists; companies of long ago hold the order of sectors and segments."""
    begin, end = date(2020, 1, 1), date(2020, 1, 2)
    pool = [
        Membership(f"{929000 + place}.BJ", "旧", name, begin, end, "published")
        for place, name in enumerate(SECTORS)
    ]
    chain = [
        ChainLink(f"{929000 + place}.BJ", "旧", name, "旧", begin, end)
        for place, name in enumerate(SEGMENTS)
    ]
    for one in companies:
        if one.sector is not None:
            pool.append(Membership(one.code, one.name, one.sector, end, one.left, "sample"))
        if one.segment is not None:
            chain.append(ChainLink(one.code, one.name, one.segment, "做事", end, None))
    return replace(curated(), memberships=tuple(pool), chain=tuple(chain))


def sector_trends(week: Week, sector_metrics: pd.DataFrame) -> pd.DataFrame:
    """Trends of the issue, from sector metrics of several issues."""
    return trends.sector_trends(sector_metrics, trailing(week.issue, TREND), week.reference.sectors)


def computed(week: Week) -> dict[str, pd.DataFrame]:
    """Every table of the issue, from the raw ones to the trends."""
    issue, raw, reference = week.issue, week.raw, week.reference
    universe = company_universe(
        reference, raw[tables.RAW_LISTINGS], raw[tables.RAW_QUOTES], issue.close_date
    )
    chain = ai_chain_classification(reference, universe, issue.close_date)
    companies = company.company_metrics(
        universe,
        raw[tables.RAW_QUOTES],
        raw[tables.RAW_VALUATIONS],
        raw[tables.RAW_FINANCIALS],
        base_date=issue.base_date,
        close_date=issue.close_date,
        vendors=week.vendors,
    )
    sectors = sector.sector_metrics(companies, reference.sectors)
    edges = [
        edge
        for measure in ("pe_ttm", "market_cap")
        for edge in reference.buckets(measure, issue.close_date)
    ]
    return raw | {
        tables.COMPANY_UNIVERSE: universe,
        tables.AI_CHAIN_CLASSIFICATION: chain,
        tables.COMPANY_METRICS: companies,
        tables.AI_CHAIN_METRICS: ai_chain.ai_chain_metrics(
            chain, companies, raw[tables.RAW_VALUATIONS], issue.close_date, week.chain_vendors
        ),
        tables.SECTOR_METRICS: sectors,
        tables.BUCKET_COUNTS: buckets.bucket_counts(companies, reference.sectors, edges),
        tables.MOVERS: rankings.movers(companies, RANKS),
        tables.MARKET_METRICS: market.market_metrics(
            companies,
            raw[tables.RAW_INDEX_QUOTES],
            [index.code for index in reference.indices],
            issue.base_date,
            issue.close_date,
        ),
        tables.SECTOR_TRENDS: sector_trends(week, sectors.assign(issue=issue.number)),
    }


def sample_week(issue: Issue, deliveries: dict[str, list[Delivery]] | None = None) -> Week:
    """A week of the embedded sample, read from its files (or from these)."""
    files = deliveries or sample_files(issue)
    reference = replace(load(pool_file(SAMPLE)), chain=curated().chain)
    return Week(
        {name: read(sent, name, issue).frame for name, sent in files.items()}, reference, issue
    )


def sample_files(issue: Issue) -> dict[str, list[Delivery]]:
    """What the sample sends for each raw table."""
    return {name: SampleSource().deliver(issue, name) for name in tables.RAW_TABLES}


def document_of(week: Week, figures: dict[str, pd.DataFrame]) -> Document:
    """The report of the issue."""
    filled = {name: ("sample",) for name in tables.RAW_TABLES if len(figures[name])}
    return compose(
        ReportData(
            issue=week.issue,
            house=_house(),
            topic=None,
            companies=figures[tables.COMPANY_METRICS],
            ai_chain=figures[tables.AI_CHAIN_METRICS],
            sectors=figures[tables.SECTOR_METRICS],
            buckets=figures[tables.BUCKET_COUNTS],
            movers=figures[tables.MOVERS],
            market=figures[tables.MARKET_METRICS],
            trends=figures[tables.SECTOR_TRENDS],
            announcements=selected(
                figures[tables.RAW_ANNOUNCEMENTS],
                None,
                figures[tables.COMPANY_METRICS],
                are_known=True,
            ),
            reference=week.reference,
            vendors=filled,
            files=filled,
            is_sample=week.is_sample,
        )
    )


def examples(everyday: int, *, thorough: bool) -> settings:
    """How often a property is tried; building a week takes some hundredths of a second."""
    return settings(
        max_examples=everyday * 25 if thorough else everyday,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


_FEN = st.sampled_from([800, 801, 1000, 1001, 1250, 999, 2000, 333])
_SHARES = st.sampled_from([25_000_000, 62_500_000, 100_000_000, 50_000_001, 200_000_000, 400_000])
_PE = st.sampled_from([-5.5, -0.001, 0.0, 19.995, 20.0, 20.04, 20.06, 30.0, 50.05, 100.0, 4088.2])
_MONEY = st.sampled_from([None, 123_456_789.01, -5_000.5, 0.0, 250_000_000.0, 1e11])
_FACTORS = st.sampled_from([1.0, 1.0, 1.3, 2.0876])
_IN_WEEK = st.sampled_from([ISSUE.base_date, *ISSUE.sessions])


@st.composite
def _prices(draw: st.DrawFn) -> tuple[int | None, ...]:
    usual = [draw(_FEN) for _ in DAYS]
    gaps = draw(st.sampled_from(["none", "none", "close", "base", "week", "before", "all", "zero"]))
    empty = {
        "none": [],
        "close": [len(DAYS) - 1],
        "base": [1],
        "week": [*range(2, len(DAYS))],
        "before": [0, 1],
        "all": [*range(len(DAYS))],
        "zero": [],
    }[gaps]
    fen = [None if place in empty else price for place, price in enumerate(usual)]
    if gaps == "zero":
        fen[-1] = 0
    return tuple(fen)


@st.composite
def _factors(draw: st.DrawFn) -> tuple[float | None, ...]:
    """One factor, or a step on a day of the week (an ex-date), or none at all."""
    if draw(st.integers(0, 9)) == 0:
        return (None,) * len(DAYS)
    step = draw(st.integers(0, len(DAYS)))
    before, after = draw(_FACTORS), draw(_FACTORS)
    return tuple(before if place < step else after for place in range(len(DAYS)))


@st.composite
def _valued(draw: st.DrawFn) -> tuple[Valued, ...]:
    rows = []
    for vendor in draw(st.sets(st.sampled_from([*VENDORS, "akshare"]))):
        for day in draw(st.sets(st.sampled_from([BEFORE, ISSUE.base_date, ISSUE.close_date]))):
            kind = draw(st.sampled_from(["all", "all", "loss", "blank", "cap only", "zero shares"]))
            shares = None if kind == "cap only" else draw(_SHARES)
            rows.append(
                Valued(
                    vendor,
                    day,
                    shares=0.0 if kind == "zero shares" else shares,
                    cap=draw(st.sampled_from([None, 5e8, 2e9, 1_234_567_890.0])),
                    pe=draw(_PE) if kind in {"all", "cap only"} else None,
                    is_loss=kind == "loss",
                )
            )
    return tuple(rows)


@st.composite
def _years(draw: st.DrawFn) -> tuple[Year, ...]:
    chosen = draw(st.sets(st.sampled_from([2022, 2023, 2024, 2025])))
    published = st.sampled_from([None, date(2025, 4, 2), date(2026, 2, 27), date(2026, 4, 1)])
    return tuple(Year(y, draw(_MONEY), draw(_MONEY), draw(published)) for y in sorted(chosen))


@st.composite
def a_company(draw: st.DrawFn, number: int) -> Company:
    """One company of any kind."""
    place = st.sampled_from([*SECTORS, *SECTORS, None])
    chosen = draw(place)
    segment = draw(st.sampled_from([None, *SEGMENTS] if chosen else SEGMENTS))
    return Company(
        number=number,
        name=draw(st.sampled_from(["甲", "乙", "丙丁", "*ST戊", "ST己"])) + f"{number}号",
        sector=chosen,
        segment=segment,
        listed=draw(st.one_of(st.just(LONG_AGO), st.just(LONG_AGO), st.none(), _IN_WEEK)),
        delisted=draw(st.sampled_from([None, None, None, ISSUE.first_session, ISSUE.close_date])),
        left=draw(st.sampled_from([None, None, None, ISSUE.close_date, date(2027, 1, 1)])),
        fen=draw(_prices()),
        factors=draw(_factors()),
        valued=draw(_valued()),
        years=draw(_years()),
    )


@st.composite
def some_companies(draw: st.DrawFn, least: int = 1, most: int = 9) -> list[Company]:
    """A pool: at least one ordinary company, and up to ``most`` of any kind."""
    numbers = draw(
        st.lists(st.integers(1, 999), min_size=least, max_size=most, unique=True).map(sorted)
    )
    ordinary = Company(number=1000, name="常在", sector=draw(st.sampled_from(SECTORS)))
    return [*(draw(a_company(number)) for number in numbers), ordinary]
