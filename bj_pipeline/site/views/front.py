"""The front page: the newest issue, how the series went, and all issues."""

from collections.abc import Iterator

from bj_pipeline import storage
from bj_pipeline.metrics import market
from bj_pipeline.report.document import House
from bj_pipeline.report.facts import CHANGE, COUNT, MULTIPLE_MEDIAN, SHARE, YI_TOTAL, Style
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.rounding import MISSING
from bj_pipeline.site.figures import MARKET, moved, printed, tone_of, trend_of, with_unit
from bj_pipeline.site.history import Edition, History, Row, Weeks
from bj_pipeline.site.page import (
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
)
from bj_pipeline.site.views.shared import (
    LEFT,
    RIGHT,
    change_cell,
    company_cell,
    linked,
    number_cell,
    sector_cell,
)
from bj_pipeline.warehouse import tables

TOP = 5
_BYTES_PER_MB, _BYTES_PER_KB = 1_000_000, 1_000


def index(history: History, house: House) -> Page:
    """The newest issue, how the series went, and all issues."""
    newest, labels = history.newest, history.labels
    first = history.editions[0].issue
    market_weeks: Weeks = {one.issue.number: one.market for one in history.editions}
    trends = Trends(tuple(trend_of(history.series, market_weeks, measure) for measure in MARKET))
    return Page(
        series=history.series,
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
                linked(
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
            Column(labels["companies"], "家", RIGHT),
            Column(labels.fill("of_last_week", label=pe), "X", RIGHT),
            Column(labels.fill("of_this_week", label=pe), "X", RIGHT),
            Column(labels.fill("of_last_week", label=cap), "亿元", RIGHT),
            Column(labels.fill("of_this_week", label=cap), "亿元", RIGHT),
        ),
        rows=tuple(
            (
                sector_cell(history.series, name),
                number_cell(row["companies"], COUNT),
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
    return number_cell(before, style), Cell(printed(after, style), moved(before, after, style))


def _movers_table(history: History) -> Table:
    labels = history.labels
    return Table(
        id="movers",
        title=labels.fill("site.movers_table", count=TOP),
        columns=(
            Column(labels["company"]),
            Column(labels["code"]),
            Column(labels["change"], "%", RIGHT),
        ),
        rows=tuple(
            (company_cell(history.companies, row), Cell(row["code"]), change_cell(row["change"]))
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
            Column(labels["number"], "", RIGHT),
            Column(labels["site.sessions"]),
            Column(labels["site.topic"], align=LEFT),
            Column(labels["median_change"], "%", RIGHT),
            Column(labels["site.rising_share"], "%", RIGHT),
            Column(labels["companies"], "家", RIGHT),
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
                change_cell(edition.market.get(market.MEDIAN_CHANGE)),
                number_cell(edition.market.get(market.RISING_SHARE), SHARE),
                number_cell(edition.market.get(market.POOL_SIZE), COUNT),
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
    return linked(number, next(iter(forms.values())).path) if forms else Cell(number)


def _size(count: int) -> str:
    if count >= _BYTES_PER_MB:
        return f"{count / _BYTES_PER_MB:.1f} MB"
    return f"{max(1, round(count / _BYTES_PER_KB))} kB"
