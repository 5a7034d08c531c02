"""The AI chain: its segments, and the table of its companies."""

from typing import Literal

from bj_pipeline.metrics.arithmetic import total
from bj_pipeline.report.data import ReportData
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
from bj_pipeline.report.facts import COUNT, YI_TOTAL, beside, join, say
from bj_pipeline.report.sections.company_facts import (
    company_columns,
    company_fact,
    name_cell,
    number_cell,
    other_years,
)
from bj_pipeline.report.sections.market import fact_series
from bj_pipeline.warehouse import tables


def ai_chain_section(data: ReportData) -> Section:
    """The whole part, under the topic if there is one; without charts if there are no caps."""
    title = data.labels["section.ai_chain"]
    level: Literal[1, 2] = 1 if data.topic is None else 2
    segments = list(dict.fromkeys(data.ai_chain_rows["segment"]))
    if not segments:
        nothing = Paragraph(line=say("本期没有可列入一览表的 AI 产业链公司。"))
        return Section(id="ai-chain", title=title, level=level, blocks=(nothing,))
    counts = {segment: _companies(data, segment) for segment in segments}
    listed = data.ledger.number(
        f"{tables.AI_CHAIN_METRICS}/companies",
        float(len(data.ai_chain)),
        COUNT,
        data.origin(tables.AI_CHAIN_METRICS, "", "code", "一览表中的公司数（不含 ST 公司）"),
    )
    blocks: list[Block] = [
        Paragraph(
            line=say(
                "AI 产业链覆盖{listed}公司，分属{parts}。",
                listed=listed,
                parts=join([beside(s, counts[s]) for s in segments]),
            )
        )
    ]
    if data.ai_chain["market_cap"].notna().any():
        blocks.append(
            FigureRow(
                figures=(_cap_figure(data, segments), _companies_figure(data, segments, counts))
            )
        )
    blocks.append(_table(data))
    return Section(id="ai-chain", title=title, level=level, blocks=tuple(blocks))


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
        total(caps),
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
            series=(fact_series(data.labels["market_cap"], caps, scale=1e8),),
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
            series=(
                fact_series(data.labels["companies"], [counts[segment] for segment in segments]),
            ),
            unit="家",
        ),
        source=data.own_source,
        alt="条形图：" + "，".join(f"{s} {counts[s].printed}" for s in segments) + "。",
    )


def _table_title(data: ReportData) -> str:
    """What the table shows: columns that this issue cannot fill are not promised."""
    labels = data.labels
    whole = (data.has_market_cap, data.has_pe_ttm, data.has_financials)
    if all(whole):
        return labels["table.ai_chain"]
    names = ("market_cap", "pe_ttm", "results")
    shown = [labels[name] for name, known in zip(names, whole, strict=True) if known]
    if not shown:
        return labels["table.ai_chain_names"]
    return labels.fill("table.ai_chain_some", columns=labels.listed(shown))


def _table(data: ReportData) -> Table:
    columns = company_columns(data)
    rows = []
    for row in data.ai_chain_rows.to_dict("records"):
        company = {str(key): value for key, value in row.items()}
        figures = [
            number_cell(company_fact(data, company, column, tables.AI_CHAIN_METRICS))
            for column in columns
        ]
        names = [name_cell(str(company[column])) for column in ("segment", "code", "name")]
        rows.append((*names, *figures))
    labels = data.labels
    vendors = dict.fromkeys(data.ai_chain["pe_ttm_vendor"].dropna())
    vendor = labels.listed(labels.word("vendor", str(name)) for name in vendors)
    note = "不含风险警示（ST）公司。"
    others = set(data.companies["pe_ttm_vendor"].dropna())
    if vendor and data.has_pe_ttm and others != set(vendors):
        note += f"本表 PE TTM 取自 {vendor}，与其他图表的数据商可能不同。"
    note += other_years(data, data.ai_chain_rows)
    return Table(
        id="ai_chain",
        title=_table_title(data),
        columns=(
            Column(label=labels["segment"], weight=1.5),
            Column(label=labels["code"], weight=1.2),
            Column(label=labels["company"], weight=1.1),
            *columns.values(),
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
