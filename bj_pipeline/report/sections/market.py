"""Market: how the pool moved this week, beside the indices."""

from itertools import pairwise

import pandas as pd

from bj_pipeline.metrics.rankings import WHOLE_POOL
from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import (
    Block,
    Chart,
    Column,
    Fact,
    Figure,
    FigureRow,
    Line,
    Paragraph,
    Section,
    Series,
    Table,
)
from bj_pipeline.report.facts import CHANGE, COUNT, SHARE, Style, join, say, tone
from bj_pipeline.report.sections.company_facts import (
    company_columns,
    company_fact,
    name_cell,
    number_cell,
    other_years,
)
from bj_pipeline.warehouse import tables

TOP = 10
NAMED = 5
_EDGES = (-0.10, -0.08, -0.06, -0.04, -0.02, 0.0, 0.02, 0.04, 0.06, 0.08, 0.10)

_FORMULAS = {
    "pool_size": "样本池公司数",
    "rising_companies": "涨跌幅（按显示值）大于零的公司数",
    "falling_companies": "涨跌幅（按显示值）小于零的公司数",
    "unchanged_companies": "涨跌幅（按显示值）等于零的公司数",
    "rising_share": "上涨公司数 ÷ 样本池公司数",
    "median_change": "样本池公司涨跌幅的中位数",
}


def market_fact(data: ReportData, metric: str) -> Fact:
    """A figure of the whole pool, or the change of an index."""
    style: Style = CHANGE if "change" in metric and "companies" not in metric else COUNT
    if metric == "rising_share":
        style = SHARE
    formula = _FORMULAS.get(metric, "指数收盘（收盘日）÷ 指数收盘（基准日）− 1")
    return data.ledger.number(
        f"{tables.MARKET_METRICS}/{metric}",
        data.metric.get(metric),
        style,
        data.origin(tables.MARKET_METRICS, f"metric={metric}", "value", formula),
    )


def index_changes(data: ReportData) -> list[tuple[str, Fact]]:
    """Name and change of each index that the issue has."""
    return [
        (index.name, market_fact(data, f"index_change_{index.code}"))
        for index in data.reference.indices
        if pd.notna(data.metric.get(f"index_change_{index.code}"))
    ]


def breadth(data: ReportData) -> Line:
    """The sentence that sums up the pool's week."""
    return say(
        "样本池{pool}公司本周涨跌幅中值为{median}，其中{rising}上涨，占{share}",
        pool=market_fact(data, "pool_size"),
        median=market_fact(data, "median_change"),
        rising=market_fact(data, "rising_companies"),
        share=market_fact(data, "rising_share"),
    )


def leaders(data: ReportData, sector: str, depth: int) -> list[tuple[str, Fact]]:
    """Name and change of the largest movers of a sector, or of the whole pool."""
    rows = data.movers[(data.movers["sector"] == sector) & (data.movers["rank"] <= depth)]
    return [
        (str(name), company_fact(data, data.company[str(code)], "change"))
        for code, name in zip(rows["code"], rows["name"], strict=True)
    ]


def all_rose(pairs: list[tuple[str, Fact]]) -> bool:
    """Whether every change prints as a rise: leaders of a weak week may have fallen."""
    return all(tone(change) == "up" for _, change in pairs)


def listed_changes(pairs: list[tuple[str, Fact]]) -> Line:
    """``科力股份（+21.79%）、…``."""
    return join([say("{name}（{change}）", name=name, change=change) for name, change in pairs])


def market_section(data: ReportData) -> Section:
    """The whole part."""
    blocks: list[Block] = [Paragraph(line=_overview(data)), Paragraph(line=_movers_sentence(data))]
    indices = index_changes(data)
    if indices:
        blocks.append(Paragraph(line=_index_sentence(indices)))
    marked = _marked_companies(data)
    blocks += [Paragraph(line=line, style="note") for line in marked]
    distribution = _distribution(data)
    blocks.append(
        FigureRow(figures=(distribution, _index_figure(data, indices))) if indices else distribution
    )
    blocks.append(_top_table(data))
    return Section(id="market", title=data.labels["section.market"], level=1, blocks=tuple(blocks))


def _overview(data: ReportData) -> Line:
    return say(
        "{breadth}；下跌{falling}，持平{unchanged}。",
        breadth=breadth(data),
        falling=market_fact(data, "falling_companies"),
        unchanged=market_fact(data, "unchanged_companies"),
    )


def _movers_sentence(data: ReportData) -> Line:
    named = leaders(data, WHOLE_POOL, NAMED)
    if not named:
        return say("本周没有可比的个股涨跌幅。")
    what = "涨幅" if all_rose(named) else "涨跌幅"
    return say(f"{what}居前的公司为{{names}}。", names=listed_changes(named))


def _index_sentence(indices: list[tuple[str, Fact]]) -> Line:
    return say("同期主要指数：{changes}。", changes=listed_changes(indices))


def _marked_companies(data: ReportData) -> list[Line]:
    """What a reader must know of companies whose price is not an ordinary one."""
    wordings = {
        "suspended": "停牌公司沿用停牌前最后收盘价：{names}。",
        "new": "本周上市、没有基准日价格，不参与涨跌统计与排名：{names}。",
        "resumed": "基准日停牌、本期输入中没有此前价格，不参与涨跌统计与排名：{names}。",
        "no_price": "本期输入中没有价格，不参与统计：{names}。",
    }
    lines = []
    for status, wording in wordings.items():
        names = data.pool.loc[data.pool["status"] == status, "name"]
        if not names.empty:
            lines.append(say(wording, names=say("{names}", names="、".join(names))))
    return lines


def _distribution(data: ReportData) -> Figure:
    changes = data.pool["change"].dropna()
    bounds = [float("-inf"), *_EDGES, float("inf")]
    labels = [
        f"<{_EDGES[0]:.0%}",
        *(f"{low * 100:.0f}~{high * 100:.0f}%" for low, high in pairwise(_EDGES)),
        f"≥{_EDGES[-1]:.0%}",
    ]
    facts = []
    for label, low, high in zip(labels, bounds[:-1], bounds[1:], strict=True):
        count = float(((changes >= low) & (changes < high)).sum())
        origin = data.origin(
            tables.COMPANY_METRICS,
            "sector 非空",
            "change",
            f"涨跌幅在 {label} 的公司数（左闭右开）",
        )
        facts.append(data.ledger.number(f"distribution/{label}", count, COUNT, origin))
    median = market_fact(data, "median_change")
    return Figure(
        id="distribution",
        title=f"样本池涨跌幅分布：中值 {median.printed}",
        chart=Chart(
            kind="bars",
            categories=tuple(labels),
            series=(fact_series(data.labels["companies"], facts),),
            unit="家",
        ),
        source=data.source(tables.RAW_QUOTES),
        alt=f"柱状图：样本池公司本周涨跌幅的分布，中值为 {median.printed}。",
    )


def _index_figure(data: ReportData, indices: list[tuple[str, Fact]]) -> Figure:
    pairs = [(data.labels["pool_median"], market_fact(data, "median_change")), *indices]
    # Of a pool without a known change (its value is None) nothing can be said.
    best = max(pairs, key=lambda pair: float("-inf") if pair[1].value is None else pair[1].value)
    return Figure(
        id="indices",
        title=f"样本池与主要指数：{best[0]}居前，{best[1].printed}",
        chart=Chart(
            kind="bars",
            categories=tuple(name for name, _ in pairs),
            series=(weekly_changes(data, pairs),),
            unit="%",
            signed=True,
        ),
        source=data.source(tables.RAW_QUOTES, tables.RAW_INDEX_QUOTES),
        alt="柱状图：" + "，".join(f"{name} {fact.printed}" for name, fact in pairs) + "。",
    )


def fact_series(name: str, facts: list[Fact], scale: float = 1, role: str = "current") -> Series:
    """A chart's series out of facts."""
    return Series.model_validate(
        {
            "name": name,
            "values": tuple(
                None if fact.value is None else float(fact.value) / scale for fact in facts
            ),
            "labels": tuple(fact.text for fact in facts),
            "facts": tuple(fact.id for fact in facts),
            "role": role,
        }
    )


def weekly_changes(data: ReportData, pairs: list[tuple[str, Fact]]) -> Series:
    """Changes over the week as a chart's series."""
    return fact_series(data.labels["weekly_change"], [fact for _, fact in pairs], scale=0.01)


def _top_table(data: ReportData) -> Table:
    top = data.movers[(data.movers["sector"] == WHOLE_POOL) & (data.movers["rank"] <= TOP)]
    columns = company_columns(data)
    rows = []
    for code in top["code"]:
        company = data.company[str(code)]
        rows.append(
            (
                name_cell(str(company["code"])),
                name_cell(str(company["name"])),
                name_cell(str(company["sector"])),
                *(
                    number_cell(company_fact(data, company, column))
                    for column in ("change", *columns)
                ),
            )
        )
    labels = data.labels
    listed = data.companies[data.companies["code"].isin(top["code"])]
    rose = all_rose(leaders(data, WHOLE_POOL, TOP))
    return Table(
        id="top_movers",
        title=labels["table.top_movers" if rose else "table.top_changes"],
        columns=(
            Column(label=labels["code"], weight=1.3),
            Column(label=labels["company"], weight=1.2),
            Column(label=labels["sector"], weight=1.1),
            Column(label=labels["change"], unit="%", align="right"),
            *columns.values(),
        ),
        rows=tuple(rows),
        source=data.source(tables.RAW_QUOTES, tables.RAW_VALUATIONS, tables.RAW_FINANCIALS),
        note="含风险警示（ST）公司；AI 产业链一览表不含。" + other_years(data, listed),
    )
