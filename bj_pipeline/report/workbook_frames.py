"""How the warehouse's metrics read in the workbook: sheets, headers, units, words.

What belongs here: names and units for the tables of :mod:`bj_pipeline.warehouse.tables`. What does
not: cells and formats (:mod:`.xlsx`). A table or column that is not named here is shown under its
own name, so that a new one is never lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bj_pipeline.report.facts import CHANGE, COUNT, MULTIPLE, PLAIN, WAN, YI, Style
from bj_pipeline.warehouse import tables

YUAN = Style("元", 2)
LOSS_FLAG = "_is_loss"
"""Ending of columns that say that the number left blank in the column before it is a loss."""


@dataclass(frozen=True, slots=True)
class Header:
    """A column's header: name, and how its numbers are shown (None for words and dates)."""

    label: str
    style: Style | None = None

    @property
    def text(self) -> str:
        """Name with unit."""
        unit = self.style.unit if self.style else ""
        return f"{self.label}（{unit}）" if unit else self.label


SHEETS: Mapping[str, tuple[str, str]] = {
    tables.COMPANY_METRICS: ("公司总表", "样本池与 AI 产业链全部公司的行情、估值与业绩"),
    tables.AI_CHAIN_METRICS: ("AI产业链", "AI 产业链公司的市值、估值与业绩"),
    tables.SECTOR_METRICS: ("行业指标", "各行业的公司数、估值与市值"),
    tables.BUCKET_COUNTS: ("区间分布", "各行业按 PE TTM 与市值分区间的公司数"),
    tables.MOVERS: ("涨幅排名", "样本池与各行业的涨幅排名"),
    tables.MARKET_METRICS: ("市场指标", "样本池与主要指数"),
    tables.SECTOR_TRENDS: ("行业走势", "各行业最近各期的估值与市值"),
}
"""Sheet name and title of each table."""

_HEADERS: Mapping[str, Header] = {
    "code": Header("代码"),
    "name": Header("公司"),
    "sector": Header("行业"),
    "segment": Header("环节"),
    "status": Header("交易状态"),
    "close_base": Header("基准日收盘价", YUAN),
    "close": Header("收盘价", YUAN),
    "change": Header("本周涨跌幅", CHANGE),
    "market_cap_base": Header("上周总市值", YI),
    "market_cap": Header("本周总市值", YI),
    "pe_ttm_base": Header("上周 PE TTM", MULTIPLE),
    "pe_ttm": Header("本周 PE TTM", MULTIPLE),
    "pe_ttm_vendor": Header("PE 数据商"),
    "fiscal_year": Header("业绩年度", PLAIN),
    "revenue": Header("营业收入", YI),
    "net_profit": Header("归母净利润", WAN),
    "companies_base": Header("上周公司数", COUNT),
    "companies": Header("本周公司数", COUNT),
    "pe_ttm_median_base": Header("上周 PE TTM 中值", MULTIPLE),
    "pe_ttm_median": Header("PE TTM 中值", MULTIPLE),
    "total_market_cap_base": Header("上周总市值", YI),
    "total_market_cap": Header("总市值", YI),
    "market_cap_median_base": Header("上周市值中值", YI),
    "market_cap_median": Header("市值中值", YI),
    "measure": Header("指标"),
    "bucket": Header("区间（左闭右开）"),
    "rank": Header("名次", PLAIN),
    "metric": Header("指标"),
    "value": Header("数值（家数，或以小数表示的比例）", Style("", 4)),
    "trend_issue": Header("期号", PLAIN),
    "trend_date": Header("收盘日"),
}

_WORDS: Mapping[str, Mapping[str, str]] = {
    "status": {
        "trading": "正常交易",
        "suspended": "停牌",
        "new": "本周上市",
        "resumed": "复牌",
        "no_price": "无价格",
    },
    "measure": {"pe_ttm": "PE TTM（X）", "market_cap": "总市值（亿元）"},
    "metric": {
        "pool_size": "样本池公司数",
        "rising_companies": "上涨公司数",
        "falling_companies": "下跌公司数",
        "unchanged_companies": "持平公司数",
        "rising_share": "上涨公司占比",
        "median_change": "涨跌幅中值",
    },
}


def header(column: str) -> Header:
    """The header of a column."""
    return _HEADERS.get(column, Header(column))


def words(column: str, value: str) -> str:
    """A code word of the warehouse in the reader's language."""
    if column == "metric" and value.startswith("index_change_"):
        return f"指数涨跌幅 {value.removeprefix('index_change_')}"
    return _WORDS.get(column, {}).get(value, value)
