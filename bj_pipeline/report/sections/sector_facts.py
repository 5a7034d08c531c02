"""Figures of a sector as facts, the same wherever they are printed."""

from dataclasses import dataclass

from bj_pipeline.metrics.arithmetic import change, median
from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import Fact, Tone
from bj_pipeline.report.facts import CHANGE, COUNT, MULTIPLE_MEDIAN, YI_TOTAL, Style, direction
from bj_pipeline.warehouse import tables

_STYLES: dict[str, Style] = {
    "companies": COUNT,
    "pe_ttm_median": MULTIPLE_MEDIAN,
    "total_market_cap": YI_TOTAL,
    "market_cap_median": YI_TOTAL,
}
_FORMULAS = {
    "companies": "行业内样本池公司数",
    "pe_ttm_median": "行业内公司 PE TTM 的中位数（含亏损公司的负值）",
    "total_market_cap": "行业内公司总市值之和",
    "market_cap_median": "行业内公司总市值的中位数",
}


@dataclass(frozen=True)
class Measure:
    """A measure that is shown in buckets."""

    name: str
    label: str
    """Latin words carry the blanks that part them from Chinese ones."""
    unit: str


PE = Measure("pe_ttm", " PE TTM ", "X")
CAP = Measure("market_cap", "市值", "亿元")

Bucket = tuple[str, Fact | None, Fact]
"""Label of a bucket, last week's count and this week's."""


def sector_fact(data: ReportData, sector: str, column: str, *, base: bool = False) -> Fact:
    """A figure of a sector at the close date, or at the base date."""
    stored = f"{column}_base" if base else column
    when = "基准日" if base else "收盘日"
    return data.ledger.number(
        f"{tables.SECTOR_METRICS}/{sector}/{stored}",
        float(data.sector[sector][stored]),
        _STYLES[column],
        data.origin(
            tables.SECTOR_METRICS, f"sector={sector}", stored, f"{_FORMULAS[column]}，{when}"
        ),
    )


def sector_change(data: ReportData, sector: str, column: str) -> Fact:
    """Relative change of a sector's figure over the week, from unrounded values.

    A change between a loss and a profit has no meaning as a percentage, and is missing.
    """
    before = sector_fact(data, sector, column, base=True).value
    after = sector_fact(data, sector, column).value
    known = before is not None and after is not None and before > 0 and after > 0
    return data.ledger.number(
        f"{tables.SECTOR_METRICS}/{sector}/{column}_change",
        change((after or 0) / before) if known and before else None,
        CHANGE,
        data.origin(
            tables.SECTOR_METRICS,
            f"sector={sector}",
            f"{column}, {column}_base",
            f"{column} ÷ {column}_base − 1（未四舍五入的值）",
        ),
    )


def sector_median_change(data: ReportData, sector: str) -> Fact:
    """Median change of a sector's companies."""
    changes = data.pool.loc[data.pool["sector"] == sector, "change"]
    return data.ledger.number(
        f"{tables.COMPANY_METRICS}/{sector}/change_median",
        median(changes),
        CHANGE,
        data.origin(
            tables.COMPANY_METRICS, f"sector={sector}", "change", "行业内公司涨跌幅的中位数"
        ),
    )


def bucket_facts(data: ReportData, sector: str, measure: Measure) -> list[Bucket]:
    """Label, last week's count (none if nothing is known of it) and this week's of each bucket."""
    columns = ("companies_base", "companies")
    wanted = columns if data.has_base(measure.name, sector) else columns[1:]
    facts = []
    for row in data.bucket_rows(sector, measure.name):
        label = str(row["bucket"])
        counts = [
            data.ledger.number(
                f"{tables.BUCKET_COUNTS}/{sector}/{measure.name}/{label}/{column}",
                float(str(row[column])),
                COUNT,
                data.origin(
                    tables.BUCKET_COUNTS,
                    f"sector={sector}, measure={measure.name}, bucket={label}",
                    column,
                    f"{measure.label.strip()} 在 {label}{measure.unit} 的公司数（左闭右开）",
                ),
            )
            for column in wanted
        ]
        facts.append((label, counts[0] if len(counts) > 1 else None, counts[-1]))
    return facts


def bucket_moved(before: Fact | None, after: Fact) -> Tone:
    """Which way a bucket's count went since last week; nowhere if last week's is not known."""
    return "flat" if before is None else direction(before, after)


def trend_dates(data: ReportData) -> tuple[str, ...]:
    """Month and day of each trailing issue's close date, oldest first."""
    rows = next(iter(data.trend.values()), [])
    return tuple(f"{row['trend_date']:%m-%d}" for row in rows)


def trend_facts(data: ReportData, sector: str, column: str) -> list[Fact]:
    """A sector's figure in each trailing issue; the last one is this issue's own."""
    facts = []
    for row in data.trend.get(sector, []):
        if row["trend_issue"] == data.issue.number:
            facts.append(sector_fact(data, sector, column))
            continue
        facts.append(
            data.ledger.number(
                f"{tables.SECTOR_TRENDS}/{sector}/{row['trend_issue']}/{column}",
                float(row[column]),
                _STYLES[column],
                data.origin(
                    tables.SECTOR_TRENDS,
                    f"trend_issue={row['trend_issue']}, sector={sector}",
                    column,
                    f"该期报告：{_FORMULAS[column]}",
                ),
            )
        )
    return facts
