"""A company's page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

from bj_pipeline.issues import Issue
from bj_pipeline.report.document import House
from bj_pipeline.report.facts import CHANGE, MULTIPLE, YI
from bj_pipeline.report.labels import Labels
from bj_pipeline.site.charts import Trend
from bj_pipeline.site.figures import (
    COMPANY,
    YUAN,
    issue_label,
    issue_span,
    moved,
    pe_text,
    printed,
    tone_of,
    trend_of,
    with_unit,
)
from bj_pipeline.site.history import Company, Row, Series, Weeks
from bj_pipeline.site.page import (
    AI_CHAIN,
    Cell,
    Column,
    Page,
    Points,
    Section,
    Table,
    Tile,
    Tiles,
    Trends,
    company_path,
    whole_company_path,
)
from bj_pipeline.site.views.shared import (
    LEFT,
    RIGHT,
    change_cell,
    compared,
    linked,
    number_cell,
    sector_cell,
    status,
    titled,
)
from bj_pipeline.warehouse import tables


def company_page(company: Company, house: House) -> Page:
    """A company over the last issues; its page is called by its code and shows its latest name."""
    return _page(company, house, company_path(company.code))


def whole_company_page(company: Company, house: House) -> Page:
    """A company over all issues, where its own page does not reach back to the first."""
    return _page(company, house, whole_company_path(company.code))


def _page(company: Company, house: House, path: str) -> Page:
    series, weeks = company.series, company.weeks
    labels, last = series.labels, company.covered[1]
    now = weeks[last]
    return Page(
        series=series,
        path=path,
        title=titled(
            labels, labels.fill("site.company_title", name=now["name"], code=company.code), house
        ),
        kicker=labels["company"],
        heading=now["name"],
        tag=company.code,
        details=tuple(_details(company, now)),
        sections=(
            Section(
                "now",
                issue_label(labels, last),
                (Tiles(tuple(_tiles(labels, now))), *_words(labels, now)),
            ),
            Section("trends", labels["site.trends"], (Trends(tuple(_trends(series, weeks))),)),
            Section("changes", labels["site.changes"], (_spans_table(series, weeks),)),
            Section("issues", labels["site.history"], (_weeks_table(series, weeks),)),
        ),
    )


def _details(company: Company, now: Row) -> Iterator[tuple[str, Cell]]:
    series, labels = company.series, company.series.labels
    yield labels["sector"], sector_cell(series, now["sector"])
    if now["segment"]:
        yield labels["site.ai_chain"], linked(now["segment"], AI_CHAIN)
    if old := series.old_codes.get(company.code):
        yield labels["site.old_code"], Cell(old)
    span = issue_span(labels, company.covered)
    if company.covered[1] != series.newest:
        span = labels.fill("site.no_longer", span=span)
    is_longer = company.goes_back
    whole = linked(span, whole_company_path(company.code)) if is_longer else Cell(span)
    yield labels["site.covered"], whole


def _tiles(labels: Labels, now: Row) -> Iterator[Tile]:
    special = labels["site.special_treatment"] if now["is_st"] else ""
    yield Tile(
        labels["site.change"],
        with_unit(printed(now["change"], CHANGE), CHANGE),
        labels.listed(filter(None, (status(labels, now), special))),
        tone_of(now["change"]),
    )
    yield compared(labels, now, "market_cap", labels["market_cap"], YI)
    before = with_unit(pe_text(now, "pe_ttm_base"), MULTIPLE)
    yield Tile(
        labels["pe_ttm"],
        with_unit(pe_text(now), MULTIPLE),
        labels.fill("site.last_week_value", value=before),
        moved(now["pe_ttm_base"], now["pe_ttm"], MULTIPLE),
    )
    yield compared(labels, now, "close", labels["site.close"], YUAN)
    if now["fiscal_year"] is not None:
        year = labels.fill("site.year_of", year=now["fiscal_year"])
        yield Tile(labels["revenue"], with_unit(printed(now["revenue"], YI), YI), year)
        yield Tile(labels["net_profit"], with_unit(printed(now["net_profit"], YI), YI), year)


def _words(labels: Labels, now: Row) -> Iterator[Points]:
    if now["description"]:
        yield Points(((labels["site.business"], now["description"]),))


def _trends(series: Series, weeks: Weeks) -> Iterator[Trend]:
    losses = sum(row["pe_ttm_is_loss"] for row in weeks.values())
    note = series.labels.fill("site.losses", count=losses) if losses else ""
    for measure in COMPANY:
        trend = trend_of(series, weeks, measure)
        if measure.column == "pe_ttm" and note:
            yield replace(trend, note=note)
        else:
            yield trend


def _weeks_table(series: Series, weeks: Weeks) -> Table:
    """A row an issue of the site that covers the company, newest first."""
    labels = series.labels
    return Table(
        id="history",
        title=labels.fill("site.newest_first", span=issue_span(labels, sorted(weeks))),
        columns=(
            Column(labels["number"], "", RIGHT),
            Column(labels["site.close_date"]),
            Column(labels["change"], "%", RIGHT),
            Column(labels["site.close"], "元", RIGHT),
            Column(labels["market_cap"], "亿元", RIGHT),
            Column(labels["pe_ttm"], "X", RIGHT),
            Column(labels["site.state"]),
        ),
        rows=tuple(
            (
                Cell(issue.key),
                Cell(str(issue.close_date)),
                change_cell(row["change"]),
                number_cell(row["close"], YUAN),
                number_cell(row["market_cap"], YI),
                Cell(pe_text(row)),
                Cell(status(labels, row)),
            )
            for issue in reversed(series.issues)
            if (row := weeks.get(issue.number))
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


def _spans_table(series: Series, weeks: Weeks) -> Table:
    """What the company was called and where it stood, each from which issue to which."""
    labels = series.labels
    return Table(
        id="spans",
        title=labels["site.changes_table"],
        columns=(
            Column(labels["site.item"]),
            Column(labels["text"], align=LEFT),
            Column(labels["site.from"]),
            Column(labels["site.to"]),
        ),
        rows=tuple(
            (
                Cell(labels[one.label]),
                Cell(str(value)),
                Cell(_dated(labels, first)),
                Cell(_dated(labels, last)),
            )
            for one in _ATTRIBUTES
            for value, first, last in spans(series.issues, weeks, partial(one.read, labels))
        ),
        source=labels.listed((tables.COMPANY_UNIVERSE, tables.AI_CHAIN_CLASSIFICATION)),
    )


def spans(
    issues: Sequence[Issue], weeks: Weeks, read: Callable[[Row], Any]
) -> Iterator[tuple[Any, Issue, Issue]]:
    """Runs of issues over which a value stayed the same: value, first issue, last issue.

    An issue that the site holds and that does not cover the company ends a run; one that the site
    does not hold says nothing.
    """

    def value(issue: Issue) -> Any:
        row = weeks.get(issue.number)
        return None if row is None else read(row)

    for held, run in groupby(issues, key=value):
        if held is not None:
            covered = list(run)
            yield held, covered[0], covered[-1]


def _dated(labels: Labels, issue: Issue) -> str:
    return labels.fill("site.issue_of", issue=issue.number, date=issue.close_date)
