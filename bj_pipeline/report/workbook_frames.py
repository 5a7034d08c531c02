"""How the warehouse's metrics read in the workbook: sheets, headers, units, words.

What belongs here: order and units for the tables of :mod:`bj_pipeline.warehouse.tables`, and which
label names what. What does not: the labels (``content/labels/``), cells and formats (:mod:`.xlsx`).
A table or column without a label is shown under its own name, so that a new one is never lost.
"""

from collections.abc import Mapping

from bj_pipeline.report.facts import CHANGE, COUNT, MULTIPLE, PLAIN, WAN, YI, Style
from bj_pipeline.report.labels import Labels
from bj_pipeline.warehouse import tables

YUAN = Style("元", 2)
LOSS_FLAG = "_is_loss"
"""Ending of columns that say that the number left blank in the column before it is a loss."""


SHEETS = (
    tables.COMPANY_METRICS,
    tables.AI_CHAIN_METRICS,
    tables.SECTOR_METRICS,
    tables.BUCKET_COUNTS,
    tables.MOVERS,
    tables.MARKET_METRICS,
    tables.SECTOR_TRENDS,
)
"""Tables with a sheet, in order."""

_STYLES: Mapping[str, Style] = {
    "close_base": YUAN,
    "close": YUAN,
    "change": CHANGE,
    "market_cap_base": YI,
    "market_cap": YI,
    "pe_ttm_base": MULTIPLE,
    "pe_ttm": MULTIPLE,
    "fiscal_year": PLAIN,
    "revenue": YI,
    "net_profit": WAN,
    "companies_base": COUNT,
    "companies": COUNT,
    "pe_ttm_median_base": MULTIPLE,
    "pe_ttm_median": MULTIPLE,
    "total_market_cap_base": YI,
    "total_market_cap": YI,
    "market_cap_median_base": YI,
    "market_cap_median": YI,
    "rank": PLAIN,
    "value": Style("", 4),
    "trend_issue": PLAIN,
}


def sheet_name(labels: Labels, table: str) -> str:
    """Name of a table's sheet."""
    return labels.word("sheet", table)


def sheet_title(labels: Labels, table: str) -> str:
    """Title of a table's sheet."""
    return labels.word("sheet_title", table)


def style_of(column: str) -> Style | None:
    """How a column's numbers are shown; None for words and dates."""
    return _STYLES.get(column)


def name_of(labels: Labels, column: str) -> str:
    """A column's name."""
    return labels.word("column", column)


def header(labels: Labels, column: str) -> str:
    """A column's name with its unit."""
    style = style_of(column)
    return labels.with_unit(name_of(labels, column), style.unit if style else "")


def words(labels: Labels, column: str, value: str) -> str:
    """A code word of the warehouse in the reader's language."""
    if column == "metric" and value.startswith("index_change_"):
        return labels.fill("metric.index", code=value.removeprefix("index_change_"))
    return labels.word(column, value)
