"""Tables of all sectors, one beside the other."""

from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import Cell, Column, Fact, Table
from bj_pipeline.report.facts import ARROWS, cell_text, direction, say
from bj_pipeline.report.sections.company_facts import name_cell, number_cell
from bj_pipeline.report.sections.sector_facts import (
    sector_change,
    sector_fact,
    sector_median_change,
)
from bj_pipeline.warehouse import tables


def sector_table(data: ReportData) -> Table:
    """All sectors: companies, PE median, total and median market cap, last week and this week."""
    labels, columns = data.labels, _first_columns(data)
    wanted = []
    if data.has_pe_ttm:
        both = data.has_base("pe_ttm")
        wanted.append(("pe_ttm_median", labels["pe_ttm_median"], "X", 1.7, both))
    if data.has_market_cap:
        both = data.has_base("market_cap")
        wanted.append(("total_market_cap", labels["market_cap"], "亿元", 1.3, both))
        wanted.append(("market_cap_median", labels["market_cap_median"], "亿元", 1.3, both))
    for _, label, unit, weight, both in wanted:
        columns += [
            Column(label=labels.fill(week, label=label), unit=unit, align="right", weight=weight)
            for week in (("of_last_week", "of_this_week") if both else ("of_this_week",))
        ]
    rows = []
    for sector in data.sector_names:
        cells = [name_cell(sector), number_cell(sector_fact(data, sector, "companies"))]
        for column, *_, both in wanted:
            before = sector_fact(data, sector, column, base=True)
            after = sector_fact(data, sector, column)
            cells += [number_cell(before)] if both else []
            cells.append(_arrow_cell(before, after))
        rows.append(tuple(cells))
    return Table(
        id="sectors",
        title=labels["table.sectors"],
        columns=tuple(columns),
        rows=tuple(rows),
        source=data.source(tables.RAW_QUOTES, tables.RAW_VALUATIONS),
    )


def front_table(data: ReportData) -> Table:
    """The front page's small table: PE median, total market cap and its change, with arrows."""
    labels, columns = data.labels, _first_columns(data)
    if data.has_pe_ttm:
        median = labels["pe_ttm_median"]
        columns.append(Column(label=median, unit="X", align="right", weight=1.3))
    if data.has_market_cap:
        cap = labels["market_cap"]
        columns.append(Column(label=cap, unit="亿元", align="right", weight=1.3))
    if data.has_base("market_cap"):
        columns.append(Column(label=labels["against_last_week"], unit="%", align="right"))
    change = labels["median_change"]
    columns.append(Column(label=change, unit="%", align="right", weight=1.2))
    rows = []
    for sector in data.sector_names:
        cells = [name_cell(sector), number_cell(sector_fact(data, sector, "companies"))]
        if data.has_pe_ttm:
            cells.append(_with_arrow(data, sector, "pe_ttm_median"))
        if data.has_market_cap:
            cells.append(_with_arrow(data, sector, "total_market_cap"))
        if data.has_base("market_cap"):
            cells.append(number_cell(sector_change(data, sector, "total_market_cap")))
        cells.append(number_cell(sector_median_change(data, sector)))
        rows.append(tuple(cells))
    return Table(
        id="front-sectors",
        title=labels["table.front_sectors"],
        columns=tuple(columns),
        rows=tuple(rows),
        source=data.source(tables.RAW_QUOTES, tables.RAW_VALUATIONS),
    )


def _first_columns(data: ReportData) -> list[Column]:
    return [
        Column(label=data.labels["sector"], weight=1.2),
        Column(label=data.labels["companies"], unit="家", align="right"),
    ]


def _with_arrow(data: ReportData, sector: str, column: str) -> Cell:
    return _arrow_cell(
        sector_fact(data, sector, column, base=True), sector_fact(data, sector, column)
    )


def _arrow_cell(before: Fact, after: Fact) -> Cell:
    if before.value is None or after.value is None:
        return Cell(line=cell_text(after))
    way = direction(before, after)
    return Cell(line=say(f"{{after}} {ARROWS[way]}", after=cell_text(after)), tone=way)
