"""What each page of the site says.

What belongs here: one function a page, and which label says what. What does not: the labels
(``content/labels/``), how a figure reads (``figures``), reading (``history``), drawing
(``charts``), markup (``templates/``).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any, Literal

from bj_pipeline import storage
from bj_pipeline.metrics import changes, market
from bj_pipeline.report.document import House
from bj_pipeline.report.facts import (
    CHANGE,
    COUNT,
    MULTIPLE,
    MULTIPLE_MEDIAN,
    SHARE,
    WAN,
    YI,
    YI_TOTAL,
    Style,
)
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.rounding import MISSING
from bj_pipeline.site.charts import Trend
from bj_pipeline.site.figures import (
    CHAIN_COMPANIES,
    COMPANY,
    MARKET,
    SECTOR,
    YUAN,
    Measure,
    chain_cap,
    issue_label,
    issue_span,
    moved,
    pe_text,
    printed,
    tone_of,
    trend_of,
    with_unit,
)
from bj_pipeline.site.history import Edition, History, Row, Weeks, total
from bj_pipeline.site.page import (
    AI_CHAIN,
    COMPANIES,
    INDEX,
    Cell,
    Column,
    Downloads,
    Link,
    Page,
    Points,
    Section,
    Table,
    Tile,
    Tiles,
    Trends,
    company_path,
    sector_path,
)
from bj_pipeline.warehouse import tables

TOP = 5

_LEFT: Literal["left"] = "left"
_RIGHT: Literal["right"] = "right"
_BYTES_PER_MB, _BYTES_PER_KB = 1_000_000, 1_000


# ---------------------------------------------------------------- cells


def _number(value: float | None, style: Style) -> Cell:
    return Cell(printed(value, style))


def _change(value: float | None) -> Cell:
    return Cell(printed(value, CHANGE), tone_of(value))


def _linked(text: str, path: str) -> Cell:
    return Cell(text, links=(Link(text, path),))


def _company(history: History, row: Row) -> Cell:
    code, name = row["code"], row["name"]
    return _linked(name, company_path(code)) if code in history.companies else Cell(name)


def _sector(history: History, sector: str | None) -> Cell:
    if sector is None:
        return Cell(history.labels["site.outside"])
    if sector in history.sectors:
        return _linked(sector, sector_path(sector))
    return Cell(sector)


def _size(count: int) -> str:
    if count >= _BYTES_PER_MB:
        return f"{count / _BYTES_PER_MB:.1f} MB"
    return f"{max(1, round(count / _BYTES_PER_KB))} kB"


def _status(labels: Labels, row: Row) -> str:
    """What is special about a company's trading; nothing where nothing is."""
    return "" if row["status"] == changes.TRADING else labels.word("site.state", row["status"])


# ---------------------------------------------------------------- pages


def _titled(labels: Labels, heading: str, house: House) -> str:
    return labels.fill("site.page_title", heading=heading, series=house.series)


def pages(history: History, house: House) -> Iterator[Page]:
    """Every page of the site."""
    yield index(history, house)
    yield companies(history, house)
    yield ai_chain(history, house)
    for name in history.sectors:
        yield sector(history, house, name)
    for code in history.companies:
        yield company(history, house, code)


def index(history: History, house: House) -> Page:
    """The newest issue, how the series went, and all issues."""
    newest, labels = history.newest, history.labels
    first = history.editions[0].issue
    market_weeks: Weeks = {one.issue.number: one.market for one in history.editions}
    trends = Trends(tuple(trend_of(history, market_weeks, measure) for measure in MARKET))
    return Page(
        path=INDEX,
        title=house.series,
        kicker="",
        heading=house.series,
        tag="",
        details=(
            (
                labels["site.covered"],
                Cell(labels.fill("site.issues_count", count=len(history.editions))),
            ),
            (labels["period"], Cell(labels.span(first.first_session, newest.issue.close_date))),
            (
                labels["company"],
                _linked(
                    labels.fill("site.companies_count", count=len(history.companies)), COMPANIES
                ),
            ),
        ),
        sections=(
            Section(
                "newest",
                labels.fill("site.newest", issue=newest.issue.number),
                (
                    *_newest(history),
                    _sectors_table(history),
                    _movers_table(history),
                ),
            ),
            Section("trends", labels["site.market_trends"], (trends,)),
            Section("issues", labels["site.all_issues"], (_issues_table(history),)),
            Section(
                "disclosures",
                labels["site.disclosures"],
                (Points(tuple(("", text) for text in house.disclosures)),),
            ),
        ),
    )


def _newest(history: History) -> Iterator[Downloads | Points | Tiles]:
    edition, labels = history.newest, history.labels
    figures = edition.market
    median = figures.get(market.MEDIAN_CHANGE)
    rising = figures.get(market.RISING_COMPANIES)
    share = with_unit(printed(figures.get(market.RISING_SHARE), SHARE), SHARE)
    size = with_unit(printed(figures.get(market.POOL_SIZE), COUNT), COUNT)
    yield Tiles(
        (
            Tile(
                labels["median_change"],
                with_unit(printed(median, CHANGE), CHANGE),
                labels.fill("site.pool", count=size),
                tone_of(median),
            ),
            Tile(
                labels["site.rising"],
                with_unit(printed(rising, COUNT), COUNT),
                labels.fill("site.rising_of_pool", share=share),
            ),
            *(
                Tile(one.name, with_unit(printed(move, CHANGE), CHANGE), "", tone_of(move))
                for one in history.indices
                for move in [figures.get(market.index_change(one.code))]
            ),
        )
    )
    if edition.forms:
        yield Downloads(
            tuple(
                Link(link.text, link.path, _size(storage.size(edition.forms[name]) or 0))
                for name, link in _forms(labels, edition).items()
            )
        )
    if history.key_points:
        yield Points(tuple(history.key_points))


def _forms(labels: Labels, edition: Edition) -> dict[str, Link]:
    return {
        name: Link(
            labels.word("site.form", name.rpartition(".")[2]), f"{edition.issue.folder}/{name}"
        )
        for name in edition.forms
    }


def _sectors_table(history: History) -> Table:
    labels, number = history.labels, history.newest.issue.number
    pe, cap = labels["pe_ttm_median"], labels["market_cap"]
    rows = [(name, weeks[number]) for name, weeks in history.sectors.items() if number in weeks]
    return Table(
        id="sectors",
        title=labels["site.sectors_table"],
        columns=(
            Column(labels["sector"]),
            Column(labels["companies"], "家", _RIGHT),
            Column(labels.fill("of_last_week", label=pe), "X", _RIGHT),
            Column(labels.fill("of_this_week", label=pe), "X", _RIGHT),
            Column(labels.fill("of_last_week", label=cap), "亿元", _RIGHT),
            Column(labels.fill("of_this_week", label=cap), "亿元", _RIGHT),
        ),
        rows=tuple(
            (
                _sector(history, name),
                _number(row["companies"], COUNT),
                *_two_weeks(row, "pe_ttm_median", MULTIPLE_MEDIAN),
                *_two_weeks(row, "total_market_cap", YI_TOTAL),
            )
            for name, row in rows
        ),
        source=tables.SECTOR_METRICS,
        note=labels["site.sectors_note"],
    )


def _two_weeks(row: Row, column: str, style: Style) -> tuple[Cell, Cell]:
    before, after = row[f"{column}_base"], row[column]
    return _number(before, style), Cell(printed(after, style), moved(before, after, style))


def _movers_table(history: History) -> Table:
    labels = history.labels
    return Table(
        id="movers",
        title=labels.fill("site.movers_table", count=TOP),
        columns=(
            Column(labels["company"]),
            Column(labels["code"]),
            Column(labels["change"], "%", _RIGHT),
        ),
        rows=tuple(
            (_company(history, row), Cell(row["code"]), _change(row["change"]))
            for row in history.newest.movers[:TOP]
        ),
        source=tables.MOVERS,
    )


def _issues_table(history: History) -> Table:
    labels = history.labels
    return Table(
        id="all-issues",
        title=labels.fill("site.issues_table", count=len(history.editions)),
        columns=(
            Column(labels["number"], "", _RIGHT),
            Column(labels["site.sessions"]),
            Column(labels["site.topic"], align=_LEFT),
            Column(labels["median_change"], "%", _RIGHT),
            Column(labels["site.rising_share"], "%", _RIGHT),
            Column(labels["companies"], "家", _RIGHT),
            Column(labels["site.reports"]),
        ),
        rows=tuple(
            (
                _issue_cell(labels, edition),
                Cell(
                    labels.fill(
                        "span", first=edition.issue.first_session, last=edition.issue.close_date
                    )
                ),
                Cell(edition.subtitle or MISSING),
                _change(edition.market.get(market.MEDIAN_CHANGE)),
                _number(edition.market.get(market.RISING_SHARE), SHARE),
                _number(edition.market.get(market.POOL_SIZE), COUNT),
                Cell(
                    "" if edition.forms else MISSING, links=tuple(_forms(labels, edition).values())
                ),
            )
            for edition in reversed(history.editions)
        ),
        source=tables.MARKET_METRICS,
    )


def _issue_cell(labels: Labels, edition: Edition) -> Cell:
    """The number, which leads to the report where there is one."""
    number = edition.issue.key
    forms = _forms(labels, edition)
    return _linked(number, next(iter(forms.values())).path) if forms else Cell(number)


def companies(history: History, house: House) -> Page:
    """Every company that an issue of the site covers, as of the last one that does."""
    labels = history.labels
    latest = [weeks[max(weeks)] for weeks in history.companies.values()]
    return Page(
        path=COMPANIES,
        title=_titled(labels, labels["site.companies"], house),
        kicker=house.series,
        heading=labels["site.companies"],
        tag="",
        details=(
            (
                labels["company"],
                Cell(labels.fill("site.companies_count", count=len(latest))),
            ),
            (labels["site.as_of"], Cell(labels.day(history.newest.issue.close_date))),
        ),
        sections=(
            Section(
                "companies",
                labels["site.directory"],
                (
                    _companies_table(
                        history, "list", labels["site.directory_table"], latest, with_sector=True
                    ),
                ),
            ),
        ),
    )


def _companies_table(
    history: History, name: str, title: str, rows: Sequence[Row], *, with_sector: bool = False
) -> Table:
    labels = history.labels
    placed = (
        Column(labels["sector"]),
        Column(labels["site.ai_chain"]),
        Column(labels["number"], "", _RIGHT),
    )
    return Table(
        id=name,
        title=title,
        columns=(
            Column(labels["company"]),
            Column(labels["code"]),
            *(placed if with_sector else ()),
            Column(labels["change"], "%", _RIGHT),
            Column(labels["market_cap"], "亿元", _RIGHT),
            Column(labels["pe_ttm"], "X", _RIGHT),
        ),
        rows=tuple(
            (
                _company(history, row),
                Cell(row["code"]),
                *(
                    (
                        _sector(history, row["sector"]),
                        Cell(row["segment"] or ""),
                        Cell(str(row["issue"])),
                    )
                    if with_sector
                    else ()
                ),
                _change(row["change"]),
                _number(row["market_cap"], YI),
                Cell(pe_text(row)),
            )
            for row in rows
        ),
        source=tables.COMPANY_METRICS,
    )


def sector(history: History, house: House, name: str) -> Page:
    """A sector over the issues, and its companies."""
    labels, weeks = history.labels, history.sectors[name]
    number = max(weeks)
    now = weeks[number]
    members = [
        rows[number]
        for rows in history.companies.values()
        if number in rows and rows[number]["sector"] == name
    ]
    members.sort(key=lambda row: (-(row["market_cap"] or 0.0), row["code"]))
    return Page(
        path=sector_path(name),
        title=_titled(labels, name, house),
        kicker=labels["sector"],
        heading=name,
        tag=issue_label(labels, number),
        details=(
            (labels["company"], Cell(with_unit(printed(now["companies"], COUNT), COUNT))),
            (labels["site.covered"], Cell(issue_span(labels, sorted(weeks)))),
        ),
        sections=(
            Section(
                "now",
                issue_label(labels, number),
                (
                    Tiles(
                        tuple(
                            _compared(
                                labels, now, measure.column, measure.name(labels), measure.style
                            )
                            for measure in SECTOR
                            if f"{measure.column}_base" in now
                        )
                    ),
                ),
            ),
            Section(
                "trends",
                labels["site.trends"],
                (Trends(tuple(trend_of(history, weeks, one) for one in SECTOR)),),
            ),
            Section(
                "companies",
                labels["site.sector_companies"],
                (
                    _companies_table(
                        history, "members", labels.fill("site.by_market_cap", issue=number), members
                    ),
                ),
            ),
            Section("issues", labels["site.history"], (_measures_table(history, weeks, SECTOR),)),
        ),
    )


def _compared(labels: Labels, row: Row, column: str, label: str, style: Style) -> Tile:
    """A figure of this week beside last week's."""
    before, after = row[f"{column}_base"], row[column]
    return Tile(
        label,
        with_unit(printed(after, style), style),
        labels.fill("site.last_week_value", value=with_unit(printed(before, style), style)),
        moved(before, after, style),
    )


def _measures_table(history: History, weeks: Weeks, measures: Sequence[Measure]) -> Table:
    """A row an issue of the site, newest first."""
    labels = history.labels
    return Table(
        id="history",
        title=labels.fill("site.newest_first", span=issue_span(labels, sorted(weeks))),
        columns=(
            Column(labels["number"], "", _RIGHT),
            Column(labels["site.close_date"]),
            *(Column(one.name(labels), one.style.unit, _RIGHT) for one in measures),
        ),
        rows=tuple(
            (
                Cell(edition.issue.key),
                Cell(str(edition.issue.close_date)),
                *(_number(weeks[edition.issue.number][one.column], one.style) for one in measures),
            )
            for edition in reversed(history.editions)
            if edition.issue.number in weeks
        ),
        source=measures[0].table,
    )


def ai_chain(history: History, house: House) -> Page:
    """The AI chain over the issues: the whole, each segment, and the companies."""
    labels, whole = history.labels, _whole_chain(history)
    number = max(whole, default=history.newest.issue.number)
    now = whole.get(number, {})
    cap = with_unit(printed(now.get("market_cap"), YI_TOTAL), YI_TOTAL)
    count = with_unit(printed(now.get("companies"), COUNT), COUNT)
    trends = (
        trend_of(history, whole, chain_cap("")),
        *(trend_of(history, weeks, chain_cap(name)) for name, weeks in history.segments.items()),
        trend_of(history, whole, CHAIN_COMPANIES),
    )
    tiles = (
        Tile(labels["market_cap"], cap, count),
        *(
            Tile(
                name,
                with_unit(printed(weeks[number]["market_cap"], YI_TOTAL), YI_TOTAL),
                with_unit(printed(weeks[number]["companies"], COUNT), COUNT),
            )
            for name, weeks in history.segments.items()
            if number in weeks
        ),
    )
    return Page(
        path=AI_CHAIN,
        title=_titled(labels, labels["site.ai_chain"], house),
        kicker=house.series,
        heading=labels["site.ai_chain"],
        tag=issue_label(labels, number),
        details=((labels["company"], Cell(labels.fill("site.without_st", count=count))),),
        sections=(
            Section("now", issue_label(labels, number), (Tiles(tiles),)),
            Section("trends", labels["site.trends"], (Trends(trends),)),
            Section("companies", labels["site.chain_companies"], (_chain_table(history, number),)),
        ),
    )


def _whole_chain(history: History) -> Weeks:
    return {
        number: {"companies": len(rows), "market_cap": total(row["market_cap"] for row in rows)}
        for number, rows in history.chain.items()
    }


def _chain_table(history: History, number: int) -> Table:
    labels, segments = history.labels, list(history.segments)
    rows = sorted(
        history.chain.get(number, ()),
        key=lambda row: (
            segments.index(row["segment"]),
            -(row["market_cap"] or 0.0),
            row["code"],
        ),
    )
    return Table(
        id="chain",
        title=labels.fill("site.chain_table", issue=number),
        columns=(
            Column(labels["company"]),
            Column(labels["code"]),
            Column(labels["segment"]),
            Column(labels["market_cap"], "亿元", _RIGHT),
            Column(labels["pe_ttm"], "X", _RIGHT),
            Column(labels["site.year"]),
            Column(labels["revenue"], "万元", _RIGHT),
            Column(labels["net_profit"], "万元", _RIGHT),
        ),
        rows=tuple(
            (
                _company(history, row),
                Cell(row["code"]),
                Cell(row["segment"]),
                _number(row["market_cap"], YI),
                Cell(pe_text(row)),
                Cell(MISSING if row["fiscal_year"] is None else str(row["fiscal_year"])),
                _number(row["revenue"], WAN),
                _number(row["net_profit"], WAN),
            )
            for row in rows
        ),
        source=tables.AI_CHAIN_METRICS,
        note=labels["site.chain_note"],
    )


def company(history: History, house: House, code: str) -> Page:
    """A company over the issues; its page is called by its code and shows its latest name."""
    labels, weeks = history.labels, history.companies[code]
    numbers = sorted(weeks)
    now = weeks[numbers[-1]]
    return Page(
        path=company_path(code),
        title=_titled(
            labels, labels.fill("site.company_title", name=now["name"], code=code), house
        ),
        kicker=labels["company"],
        heading=now["name"],
        tag=code,
        details=tuple(_company_details(history, now, numbers)),
        sections=(
            Section(
                "now",
                issue_label(labels, numbers[-1]),
                (Tiles(tuple(_company_tiles(labels, now))), *_company_words(labels, now)),
            ),
            Section(
                "trends", labels["site.trends"], (Trends(tuple(_company_trends(history, weeks))),)
            ),
            Section("changes", labels["site.changes"], (_spans_table(history, weeks),)),
            Section("issues", labels["site.history"], (_weeks_table(history, weeks),)),
        ),
    )


def _company_details(
    history: History, now: Row, numbers: Sequence[int]
) -> Iterator[tuple[str, Cell]]:
    labels = history.labels
    yield labels["sector"], _sector(history, now["sector"])
    if now["segment"]:
        yield labels["site.ai_chain"], _linked(now["segment"], AI_CHAIN)
    if old := history.old_codes.get(now["code"]):
        yield labels["site.old_code"], Cell(old)
    span = issue_span(labels, numbers)
    if numbers[-1] != history.newest.issue.number:
        span = labels.fill("site.no_longer", span=span)
    yield labels["site.covered"], Cell(span)


def _company_tiles(labels: Labels, now: Row) -> Iterator[Tile]:
    special = labels["site.special_treatment"] if now["is_st"] else ""
    yield Tile(
        labels["site.change"],
        with_unit(printed(now["change"], CHANGE), CHANGE),
        labels.listed(filter(None, (_status(labels, now), special))),
        tone_of(now["change"]),
    )
    yield _compared(labels, now, "market_cap", labels["market_cap"], YI)
    before = with_unit(pe_text(now, "pe_ttm_base"), MULTIPLE)
    yield Tile(
        labels["pe_ttm"],
        with_unit(pe_text(now), MULTIPLE),
        labels.fill("site.last_week_value", value=before),
        moved(now["pe_ttm_base"], now["pe_ttm"], MULTIPLE),
    )
    yield _compared(labels, now, "close", labels["site.close"], YUAN)
    if now["fiscal_year"] is not None:
        year = labels.fill("site.year_of", year=now["fiscal_year"])
        yield Tile(labels["revenue"], with_unit(printed(now["revenue"], YI), YI), year)
        yield Tile(labels["net_profit"], with_unit(printed(now["net_profit"], YI), YI), year)


def _company_words(labels: Labels, now: Row) -> Iterator[Points]:
    if now["description"]:
        yield Points(((labels["site.business"], now["description"]),))


def _company_trends(history: History, weeks: Weeks) -> Iterator[Trend]:
    losses = sum(row["pe_ttm_is_loss"] for row in weeks.values())
    note = history.labels.fill("site.losses", count=losses) if losses else ""
    for measure in COMPANY:
        trend = trend_of(history, weeks, measure)
        if measure.column == "pe_ttm" and note:
            yield replace(trend, note=note)
        else:
            yield trend


def _weeks_table(history: History, weeks: Weeks) -> Table:
    """A row an issue of the site that covers the company, newest first."""
    labels = history.labels
    return Table(
        id="history",
        title=labels.fill("site.newest_first", span=issue_span(labels, sorted(weeks))),
        columns=(
            Column(labels["number"], "", _RIGHT),
            Column(labels["site.close_date"]),
            Column(labels["change"], "%", _RIGHT),
            Column(labels["site.close"], "元", _RIGHT),
            Column(labels["market_cap"], "亿元", _RIGHT),
            Column(labels["pe_ttm"], "X", _RIGHT),
            Column(labels["site.state"]),
        ),
        rows=tuple(
            (
                Cell(edition.issue.key),
                Cell(str(edition.issue.close_date)),
                _change(row["change"]),
                _number(row["close"], YUAN),
                _number(row["market_cap"], YI),
                Cell(pe_text(row)),
                Cell(_status(labels, row)),
            )
            for edition in reversed(history.editions)
            if (row := weeks.get(edition.issue.number))
        ),
        source=tables.COMPANY_METRICS,
        note=labels["site.adjusted"],
    )


@dataclass(frozen=True, slots=True)
class _Attribute:
    """What a company has for a time: its label, and how it is read from a row."""

    label: str
    read: Callable[[Labels, Row], Any]


_ATTRIBUTES = (
    _Attribute("site.name", lambda _, row: row["name"]),
    _Attribute("sector", lambda labels, row: row["sector"] or labels["site.outside"]),
    _Attribute("site.ai_chain", lambda _, row: row["segment"]),
    _Attribute(
        "site.special_treatment", lambda labels, row: labels["site.yes"] if row["is_st"] else None
    ),
    _Attribute(
        "site.vendor",
        lambda labels, row: (
            labels.word("vendor", row["pe_ttm_vendor"]) if row["pe_ttm_vendor"] else None
        ),
    ),
)


def _spans_table(history: History, weeks: Weeks) -> Table:
    """What the company was called and where it stood, each from which issue to which."""
    labels = history.labels
    return Table(
        id="spans",
        title=labels["site.changes_table"],
        columns=(
            Column(labels["site.item"]),
            Column(labels["text"], align=_LEFT),
            Column(labels["site.from"]),
            Column(labels["site.to"]),
        ),
        rows=tuple(
            (
                Cell(labels[one.label]),
                Cell(str(value)),
                Cell(_edition(labels, first)),
                Cell(_edition(labels, last)),
            )
            for one in _ATTRIBUTES
            for value, first, last in spans(history.editions, weeks, partial(one.read, labels))
        ),
        source=labels.listed((tables.COMPANY_UNIVERSE, tables.AI_CHAIN_CLASSIFICATION)),
    )


def spans(
    editions: Sequence[Edition], weeks: Weeks, read: Callable[[Row], Any]
) -> Iterator[tuple[Any, Edition, Edition]]:
    """Runs of issues over which a value stayed the same: value, first issue, last issue.

    An issue that the site holds and that does not cover the company ends a run; one that the site
    does not hold says nothing.
    """

    def value(edition: Edition) -> Any:
        row = weeks.get(edition.issue.number)
        return None if row is None else read(row)

    for held, run in groupby(editions, key=value):
        if held is not None:
            covered = list(run)
            yield held, covered[0], covered[-1]


def _edition(labels: Labels, edition: Edition) -> str:
    issue = edition.issue
    return labels.fill("site.issue_of", issue=issue.number, date=issue.close_date)


# ---------------------------------------------------------------- search


def search_entries(history: History) -> list[list[str]]:
    """What a reader may look for: code, name, old code, earlier names, where it stands.

    The newest name is what is shown; a reader may still type an old one.
    """
    labels = history.labels
    entries = []
    for code, weeks in history.companies.items():
        now = weeks[max(weeks)]
        names = dict.fromkeys(weeks[number]["name"] for number in sorted(weeks, reverse=True))
        earlier = [name for name in names if name != now["name"]]
        sector = now["sector"] or labels["site.outside"]
        place = labels.listed(filter(None, (sector, now["segment"])))
        old = history.old_codes.get(code, "")
        entries.append([code, now["name"], old, labels.listed(earlier), place])
    return entries
