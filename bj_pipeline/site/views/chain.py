"""The page of the AI chain."""

from bj_pipeline.report.document import House
from bj_pipeline.report.facts import COUNT, WAN, YI, YI_TOTAL
from bj_pipeline.report.rounding import MISSING
from bj_pipeline.site.figures import (
    CHAIN_COMPANIES,
    chain_cap,
    issue_label,
    pe_text,
    printed,
    trend_of,
    with_unit,
)
from bj_pipeline.site.history import History, Weeks, total
from bj_pipeline.site.page import AI_CHAIN, Cell, Column, Page, Section, Table, Tile, Tiles, Trends
from bj_pipeline.site.views.shared import RIGHT, company_cell, number_cell, titled
from bj_pipeline.warehouse import tables


def ai_chain(history: History, house: House) -> Page:
    """The AI chain over the issues: the whole, each segment, and the companies."""
    labels, whole = history.labels, _whole_chain(history)
    number = max(whole, default=history.newest.issue.number)
    now = whole.get(number, {})
    cap = with_unit(printed(now.get("market_cap"), YI_TOTAL), YI_TOTAL)
    count = with_unit(printed(now.get("companies"), COUNT), COUNT)
    trends = (
        trend_of(history.series, whole, chain_cap("")),
        *(
            trend_of(history.series, weeks, chain_cap(name))
            for name, weeks in history.segments.items()
        ),
        trend_of(history.series, whole, CHAIN_COMPANIES),
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
        series=history.series,
        path=AI_CHAIN,
        title=titled(labels, labels["site.ai_chain"], house),
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
            Column(labels["market_cap"], "亿元", RIGHT),
            Column(labels["pe_ttm"], "X", RIGHT),
            Column(labels["site.year"]),
            Column(labels["revenue"], "万元", RIGHT),
            Column(labels["net_profit"], "万元", RIGHT),
        ),
        rows=tuple(
            (
                company_cell(history.companies, row),
                Cell(row["code"]),
                Cell(row["segment"]),
                number_cell(row["market_cap"], YI),
                Cell(pe_text(row)),
                Cell(MISSING if row["fiscal_year"] is None else str(row["fiscal_year"])),
                number_cell(row["revenue"], WAN),
                number_cell(row["net_profit"], WAN),
            )
            for row in rows
        ),
        source=tables.AI_CHAIN_METRICS,
        note=labels["site.chain_note"],
    )
