"""What several pages have in common: cells, and the table of companies."""

from collections.abc import Collection, Sequence
from typing import Literal

from bj_pipeline.metrics import changes
from bj_pipeline.report.document import House
from bj_pipeline.report.facts import CHANGE, YI, Style
from bj_pipeline.report.labels import Labels
from bj_pipeline.site.figures import moved, pe_text, printed, tone_of, with_unit
from bj_pipeline.site.history import History, Row, Series
from bj_pipeline.site.page import Cell, Column, Link, Table, Tile, company_path, sector_path
from bj_pipeline.warehouse import tables

LEFT: Literal["left"] = "left"
RIGHT: Literal["right"] = "right"


def number_cell(value: float | None, style: Style) -> Cell:
    """A number without unit."""
    return Cell(printed(value, style))


def change_cell(value: float | None) -> Cell:
    """A change, in the colour of its direction."""
    return Cell(printed(value, CHANGE), tone_of(value))


def linked(text: str, path: str) -> Cell:
    """A text that leads to a page of the site."""
    return Cell(text, links=(Link(text, path),))


def company_cell(known: Collection[str], row: Row) -> Cell:
    """A company's name, which leads to its page if its code is known."""
    code, name = row["code"], row["name"]
    return linked(name, company_path(code)) if code in known else Cell(name)


def sector_cell(series: Series, sector: str | None) -> Cell:
    """A sector, which leads to its page; a word for companies outside the pool."""
    if sector is None:
        return Cell(series.labels["site.outside"])
    if sector in series.sectors:
        return linked(sector, sector_path(sector))
    return Cell(sector)


def status(labels: Labels, row: Row) -> str:
    """What is special about a company's trading; nothing where nothing is."""
    return "" if row["status"] == changes.TRADING else labels.word("site.state", row["status"])


def titled(labels: Labels, heading: str, house: House) -> str:
    """A page's title for the browser."""
    return labels.fill("site.page_title", heading=heading, series=house.series)


def compared(labels: Labels, row: Row, column: str, label: str, style: Style) -> Tile:
    """A figure of this week beside last week's."""
    before, after = row[f"{column}_base"], row[column]
    return Tile(
        label,
        with_unit(printed(after, style), style),
        labels.fill("site.last_week_value", value=with_unit(printed(before, style), style)),
        moved(before, after, style),
    )


def companies_table(
    history: History, name: str, title: str, rows: Sequence[Row], *, with_sector: bool = False
) -> Table:
    """Companies with their figures of one issue each; with where they stand if asked for."""
    labels = history.labels
    placed = (
        Column(labels["sector"]),
        Column(labels["site.ai_chain"]),
        Column(labels["number"], "", RIGHT),
    )
    return Table(
        id=name,
        title=title,
        columns=(
            Column(labels["company"]),
            Column(labels["code"]),
            *(placed if with_sector else ()),
            Column(labels["change"], "%", RIGHT),
            Column(labels["market_cap"], "亿元", RIGHT),
            Column(labels["pe_ttm"], "X", RIGHT),
        ),
        rows=tuple(
            (
                company_cell(history.companies, row),
                Cell(row["code"]),
                *(
                    (
                        sector_cell(history.series, row["sector"]),
                        Cell(row["segment"] or ""),
                        Cell(str(row["issue"])),
                    )
                    if with_sector
                    else ()
                ),
                change_cell(row["change"]),
                number_cell(row["market_cap"], YI),
                Cell(pe_text(row)),
            )
            for row in rows
        ),
        source=tables.COMPANY_METRICS,
    )
