"""Facts about one company, the same wherever it is printed."""

from collections.abc import Mapping

import pandas as pd

from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import Cell, Column, Fact
from bj_pipeline.report.facts import CHANGE, MULTIPLE, WAN, YI, Style, cell_text, say, tone
from bj_pipeline.warehouse import tables

_FORMULAS = {
    "change": "复权收盘价（收盘日）÷ 复权收盘价（基准日）− 1",
    "market_cap": "收盘价（不复权）× 总股本",
    "pe_ttm": "数据商给出的 PE TTM",
    "revenue": "最近一个已披露完整年度的营业总收入",
    "net_profit": "最近一个已披露完整年度的归母净利润",
}


def company_fact(
    data: ReportData,
    row: Mapping[str, object],
    column: str,
    table: str = tables.COMPANY_METRICS,
) -> Fact:
    """One figure of a company as a fact.

    Args:
        data: The issue.
        row: The company's row of ``table``.
        column: ``change``, ``market_cap``, ``pe_ttm``, ``revenue`` or ``net_profit``.
        table: Table that the row belongs to.
    """
    styles: dict[str, Style] = {
        "change": CHANGE,
        "market_cap": YI,
        "pe_ttm": MULTIPLE,
        "revenue": YI,
        "net_profit": WAN,
    }
    value = row[column]
    return data.ledger.number(
        f"{table}/{row['code']}/{column}",
        value if isinstance(value, float) else None,
        styles[column],
        data.origin(table, f"code={row['code']}", column, _FORMULAS[column]),
        is_loss=column == "pe_ttm" and bool(row["pe_ttm_is_loss"]),
    )


def company_columns(data: ReportData) -> dict[str, Column]:
    """The columns of a table of companies that this issue can fill, by the column of the metrics.

    One that would hold nothing but ``—`` is left out; the issue's notices say so.
    """
    labels = data.labels
    columns = {
        "market_cap": Column(label=labels["market_cap"], unit="亿元", align="right"),
        "pe_ttm": Column(label=labels["pe_ttm"], unit="X", align="right"),
        "revenue": Column(label=data.of_year("revenue"), unit="亿元", align="right", weight=1.2),
        "net_profit": Column(
            label=data.of_year("net_profit"), unit="万元", align="right", weight=1.35
        ),
    }
    known = {
        "market_cap": data.has_market_cap,
        "pe_ttm": data.has_pe_ttm,
        "revenue": data.has_financials,
        "net_profit": data.has_financials,
    }
    return {name: column for name, column in columns.items() if known[name]}


def other_years(data: ReportData, rows: pd.DataFrame) -> str:
    """Which rows show another full year than the table's head says, as a note; empty if none.

    In March and April some companies have published the last year and others have not.
    """
    told = rows.dropna(subset="fiscal_year")
    told = told.assign(year=told["fiscal_year"].astype(int).astype(str))
    return "".join(
        f"{data.labels.listed(others['name'])}为 {year} 年度数据。"
        for year, others in told[told["year"] != data.fiscal_year].groupby("year")
    )


def number_cell(fact: Fact) -> Cell:
    """A table cell with a fact; a change is coloured by its sign."""
    return Cell(line=cell_text(fact), tone=tone(fact) if fact.unit == "%" else None)


def name_cell(text: str) -> Cell:
    """A table cell with data that is no number: a name, a code, a segment."""
    return Cell(line=say("{text}", text=text))
