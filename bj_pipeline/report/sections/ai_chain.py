"""The AI chain: its segments, and the table of its companies."""

from bj_pipeline.report.data import VENDOR_NAMES, ReportData
from bj_pipeline.report.document import (
    Block,
    Chart,
    Column,
    Fact,
    Figure,
    FigureRow,
    Paragraph,
    Section,
    Table,
)
from bj_pipeline.report.facts import COUNT, YI_TOTAL, join, say
from bj_pipeline.report.sections.company_facts import company_fact, name_cell, number_cell
from bj_pipeline.report.sections.market import fact_series
from bj_pipeline.warehouse import tables


def ai_chain_section(data: ReportData) -> Section:
    """The whole part; empty of figures where the issue has no market caps."""
    segments = list(dict.fromkeys(data.ai_chain_rows["segment"]))
    counts = {segment: _companies(data, segment) for segment in segments}
    total = data.ledger.number(
        f"{tables.AI_CHAIN_METRICS}/companies",
        float(len(data.ai_chain)),
        COUNT,
        data.origin(tables.AI_CHAIN_METRICS, "", "code", "一览表中的公司数（不含 ST 公司）"),
    )
    blocks: list[Block] = [
        Paragraph(
            line=say(
                "AI 产业链覆盖{total}公司，分属{parts}。",
                total=total,
                parts=join([say("{s}{n}", s=s, n=counts[s]) for s in segments]),
            )
        )
    ]
    if data.has_market_cap:
        blocks.append(
            FigureRow(
                figures=(_cap_figure(data, segments), _companies_figure(data, segments, counts))
            )
        )
    blocks.append(_table(data))
    return Section(id="ai-chain", title="AI 产业链公司一览", level=2, blocks=tuple(blocks))


def _companies(data: ReportData, segment: str) -> Fact:
    return data.ledger.number(
        f"{tables.AI_CHAIN_METRICS}/{segment}/companies",
        float((data.ai_chain["segment"] == segment).sum()),
        COUNT,
        data.origin(tables.AI_CHAIN_METRICS, f"segment={segment}", "code", "该环节的公司数"),
    )


def _market_cap(data: ReportData, segment: str) -> Fact:
    caps = data.ai_chain.loc[data.ai_chain["segment"] == segment, "market_cap"]
    return data.ledger.number(
        f"{tables.AI_CHAIN_METRICS}/{segment}/market_cap",
        float(caps.sum()),
        YI_TOTAL,
        data.origin(
            tables.AI_CHAIN_METRICS, f"segment={segment}", "market_cap", "该环节公司总市值之和"
        ),
    )


def _cap_figure(data: ReportData, segments: list[str]) -> Figure:
    caps = [_market_cap(data, segment) for segment in segments]
    largest = max(zip(segments, caps, strict=True), key=lambda pair: pair[1].value or 0.0)
    return Figure(
        id="ai-chain-market-cap",
        title=f"AI 产业链各环节总市值：{largest[0]} {largest[1].printed}",
        chart=Chart(
            kind="hbars",
            categories=tuple(segments),
            series=(fact_series("总市值", caps, scale=1e8),),
            unit="亿元",
        ),
        source=data.source(tables.RAW_QUOTES, tables.RAW_VALUATIONS),
        alt="条形图："
        + "，".join(f"{s} {f.printed}" for s, f in zip(segments, caps, strict=True))
        + "。",
    )


def _companies_figure(data: ReportData, segments: list[str], counts: dict[str, Fact]) -> Figure:
    largest = max(segments, key=lambda segment: counts[segment].value or 0.0)
    return Figure(
        id="ai-chain-companies",
        title=f"AI 产业链各环节公司数：{largest} {counts[largest].printed}",
        chart=Chart(
            kind="hbars",
            categories=tuple(segments),
            series=(fact_series("公司数", [counts[segment] for segment in segments]),),
            unit="家",
        ),
        source=f"数据来源：{data.house.name}整理",
        alt="条形图：" + "，".join(f"{s} {counts[s].printed}" for s in segments) + "。",
    )


def _table(data: ReportData) -> Table:
    rows = []
    for row in data.ai_chain_rows.to_dict("records"):
        company = {str(key): value for key, value in row.items()}
        figures = [
            number_cell(company_fact(data, company, column, tables.AI_CHAIN_METRICS))
            for column in ("market_cap", "pe_ttm", "revenue", "net_profit")
        ]
        names = [name_cell(str(company[column])) for column in ("segment", "code", "name")]
        rows.append((*names, *figures))
    year = data.fiscal_year
    vendors = dict.fromkeys(data.ai_chain["pe_ttm_vendor"].dropna())
    vendor = "、".join(VENDOR_NAMES.get(str(name), str(name)) for name in vendors)
    note = "不含风险警示（ST）公司。"
    if vendor:
        note += f"本表 PE TTM 取自 {vendor}，与其他图表的数据商可能不同。"
    return Table(
        id="ai_chain",
        title="AI 产业链公司的市值、估值与业绩",
        columns=(
            Column(label="环节", weight=1.5),
            Column(label="代码", weight=1.2),
            Column(label="公司", weight=1.1),
            Column(label="总市值", unit="亿元", align="right"),
            Column(label="PE TTM", unit="X", align="right"),
            Column(label=f"{year}营业收入", unit="亿元", align="right", weight=1.2),
            Column(label=f"{year}归母净利润", unit="万元", align="right", weight=1.3),
        ),
        rows=tuple(rows),
        source=data.source(
            tables.RAW_QUOTES,
            tables.RAW_VALUATIONS,
            tables.RAW_FINANCIALS,
            valuations_of=data.ai_chain,
        ),
        note=note,
    )
