"""A sector's page."""

from collections.abc import Sequence

from bj_pipeline.report.document import House
from bj_pipeline.report.facts import COUNT
from bj_pipeline.site.figures import (
    SECTOR,
    Measure,
    issue_label,
    issue_span,
    printed,
    trend_of,
    with_unit,
)
from bj_pipeline.site.history import History, Weeks
from bj_pipeline.site.page import Cell, Column, Page, Section, Table, Tiles, Trends, sector_path
from bj_pipeline.site.views.shared import RIGHT, companies_table, compared, number_cell, titled


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
        series=history.series,
        path=sector_path(name),
        title=titled(labels, name, house),
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
                            compared(
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
                (Trends(tuple(trend_of(history.series, weeks, one) for one in SECTOR)),),
            ),
            Section(
                "companies",
                labels["site.sector_companies"],
                (
                    companies_table(
                        history, "members", labels.fill("site.by_market_cap", issue=number), members
                    ),
                ),
            ),
            Section("issues", labels["site.history"], (_measures_table(history, weeks, SECTOR),)),
        ),
    )


def _measures_table(history: History, weeks: Weeks, measures: Sequence[Measure]) -> Table:
    """A row an issue of the site, newest first."""
    labels = history.labels
    return Table(
        id="history",
        title=labels.fill("site.newest_first", span=issue_span(labels, sorted(weeks))),
        columns=(
            Column(labels["number"], "", RIGHT),
            Column(labels["site.close_date"]),
            *(Column(one.name(labels), one.style.unit, RIGHT) for one in measures),
        ),
        rows=tuple(
            (
                Cell(edition.issue.key),
                Cell(str(edition.issue.close_date)),
                *(
                    number_cell(weeks[edition.issue.number][one.column], one.style)
                    for one in measures
                ),
            )
            for edition in reversed(history.editions)
            if edition.issue.number in weeks
        ),
        source=measures[0].table,
    )
