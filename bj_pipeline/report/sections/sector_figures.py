"""Charts of sectors: each of one sector, and all beside one another."""

import unicodedata
from collections.abc import Mapping

from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import Chart, Fact, Figure, FigureRow, Series
from bj_pipeline.report.facts import MOVED, direction
from bj_pipeline.report.rounding import YUAN_PER_YI
from bj_pipeline.report.sections.market import all_rose, fact_series, leaders, weekly_changes
from bj_pipeline.report.sections.sector_facts import (
    Bucket,
    Measure,
    bucket_facts,
    bucket_moved,
    sector_change,
    sector_fact,
    sector_median_change,
    trend_dates,
    trend_facts,
)
from bj_pipeline.warehouse import tables

CHARTED = 5
_TITLE_EMS = 23.2
"""Room for a title above a chart of half a page, behind its number."""


def overview(data: ReportData) -> FigureRow:
    """The front page's charts: how the sectors changed, and what they are worth."""
    figures = [_changes_figure(data)]
    if data.has_market_cap and data.has_pe_ttm:
        figures.append(_valuations_figure(data))
    return FigureRow(figures=tuple(figures))


def _valuations_figure(data: ReportData) -> Figure:
    """The sectors' PE medians, last week beside this week."""
    sectors = data.sector_names
    before = {sector: sector_fact(data, sector, "pe_ttm_median", base=True) for sector in sectors}
    after = {sector: sector_fact(data, sector, "pe_ttm_median") for sector in sectors}
    return Figure(
        id="overview-pe",
        title=f"各行业 PE TTM 中值{_leader(after, '最高，为 ')}",
        chart=Chart(
            kind="hbars",
            categories=tuple(sectors),
            series=_weeks(data, list(before.values()), list(after.values())),
            unit="X",
        ),
        source=data.source(tables.RAW_VALUATIONS),
        alt="条形图："
        + "，".join(f"{s} {_weeks_told(before[s], after[s])}" for s in sectors)
        + "。",
    )


def _changes_figure(data: ReportData) -> Figure:
    """How the sectors' total market caps changed, or their companies' prices."""
    sectors = data.sector_names
    if data.has_base("market_cap"):
        facts = {sector: sector_change(data, sector, "total_market_cap") for sector in sectors}
        what, measure = "总市值变动", "market_cap_change"
        source = data.source(tables.RAW_QUOTES, tables.RAW_VALUATIONS)
    else:
        facts = {sector: sector_median_change(data, sector) for sector in sectors}
        what, measure = "涨跌幅中值", "median_change"
        source = data.source(tables.RAW_QUOTES)
    return Figure(
        id="overview",
        title=f"各行业本周{what}{_leader(facts, '居前，')}",
        chart=Chart(
            kind="hbars",
            categories=tuple(sectors),
            series=(fact_series(data.labels[measure], list(facts.values()), scale=0.01),),
            unit="%",
            signed=True,
        ),
        source=source,
        alt="条形图：" + "，".join(f"{s} {f.printed}" for s, f in facts.items()) + "。",
    )


def caps_figure(data: ReportData) -> Figure:
    """How the sectors' total market caps moved over the trailing issues."""
    sectors = data.sector_names
    facts = {sector: trend_facts(data, sector, "total_market_cap") for sector in sectors}
    latest = {sector: sector_fact(data, sector, "total_market_cap") for sector in sectors}
    return Figure(
        id="sector-caps",
        title=f"各行业总市值{_leader(latest, '最高，为 ')}",
        chart=Chart(
            kind="lines",
            categories=trend_dates(data),
            series=tuple(
                fact_series(sector, facts[sector], scale=YUAN_PER_YI, role="other")
                for sector in sectors
            ),
            unit="亿元",
        ),
        source=data.source(tables.RAW_QUOTES, tables.RAW_VALUATIONS),
        alt="折线图：各行业最近各期的总市值，本期"
        + "，".join(f"{sector} {fact.printed}" for sector, fact in latest.items())
        + "。",
    )


def trend_figure(data: ReportData, sector: str) -> Figure:
    """A sector's PE median over the trailing issues."""
    before = sector_fact(data, sector, "pe_ttm_median", base=True)
    after = sector_fact(data, sector, "pe_ttm_median")
    way = direction(before, after)
    verb = "为" if way == "flat" else MOVED[way]
    finding = "" if after.value is None else f"{verb} {after.printed}"
    return Figure(
        id=f"trend-{sector}",
        title=f"{sector} PE TTM 中值{finding}",
        chart=Chart(
            kind="lines",
            categories=trend_dates(data),
            series=(
                fact_series(
                    data.labels["pe_ttm_median"], trend_facts(data, sector, "pe_ttm_median")
                ),
            ),
            unit="X",
        ),
        source=data.source(tables.RAW_VALUATIONS),
        alt=f"折线图：{sector}行业最近各期的 PE TTM 中值，本期为 {after.printed}。",
    )


def bucket_figure(data: ReportData, sector: str, measure: Measure) -> Figure:
    """How many of a sector's companies lie in each bucket, last week beside this week."""
    facts = bucket_facts(data, sector, measure)
    return Figure(
        id=f"{measure.name}-{sector}",
        title=_bucket_title(f"{sector}{measure.label}分布", measure, facts),
        chart=Chart(
            kind="bars",
            categories=tuple(f"{label}" for label, _, _ in facts),
            series=_weeks(data, [b for _, b, _ in facts if b], [after for _, _, after in facts]),
            unit="家",
        ),
        source=data.source(tables.RAW_QUOTES, tables.RAW_VALUATIONS),
        alt=f"柱状图：{sector}行业按{measure.label.rstrip()}（{measure.unit}）分区间的公司数，"
        + "，".join(f"{label} {_weeks_told(b, a)}" for label, b, a in facts)
        + "。",
        note=data.labels.fill("axis", unit=measure.unit),
    )


def _bucket_title(topic: str, measure: Measure, facts: list[Bucket]) -> str:
    """The first moves, as many as stand on one line above half a page."""
    if all(before is None for _, before, _ in facts):
        return topic.rstrip()
    opening = f"{topic}："
    gap = " " if measure.unit.isascii() else ""
    words = {"up": f"{gap}增加", "down": f"{gap}减少"}
    moves = [
        f"{label}{measure.unit}{words[way]}"
        for label, before, after in facts
        if (way := bucket_moved(before, after)) != "flat"
    ]
    for count in range(len(moves), 0, -1):
        rest = "等" if count < len(moves) else ""
        title = f"{opening}{'、'.join(moves[:count])}{rest}"
        if _ems(title) <= _TITLE_EMS:
            return title
    return f"{opening}{f'{moves[0]}等' if moves else '与上周一致'}"


def _ems(text: str) -> float:
    """Width of a title, in its size: a Chinese character is square, others are narrower."""
    return sum(1.0 if unicodedata.east_asian_width(one) in "WF" else 0.57 for one in text)


def movers_figure(data: ReportData, sector: str) -> Figure:
    """A sector's companies that changed most for the better."""
    pairs = leaders(data, sector, CHARTED)
    title = f"{sector}{'涨幅' if all_rose(pairs) else '涨跌幅'}前五"
    if pairs:
        title += f"：{pairs[0][0]} {pairs[0][1].printed}"
    return Figure(
        id=f"movers-{sector}",
        title=title,
        chart=Chart(
            kind="hbars",
            categories=tuple(name for name, _ in pairs),
            series=(weekly_changes(data, pairs),),
            unit="%",
            signed=True,
        ),
        source=data.source(tables.RAW_QUOTES),
        alt="条形图：" + "，".join(f"{name} {fact.printed}" for name, fact in pairs) + "。",
    )


def _weeks(data: ReportData, before: list[Fact], after: list[Fact]) -> tuple[Series, ...]:
    """This week's figures, behind last week's if anything is known of them."""
    series = fact_series(data.labels["this_week"], after)
    if all(fact.value is None for fact in before):
        return (series,)
    return (fact_series(data.labels["last_week"], before, role="previous"), series)


def _weeks_told(before: Fact | None, after: Fact) -> str:
    this_week = f"本周 {after.printed}"
    if before is None or before.value is None:
        return this_week
    return f"上周 {before.printed}、{this_week}"


def _leader(facts: Mapping[str, Fact], words: str) -> str:
    """The end of a title that names whose known value is highest; empty if none is known."""
    known = {name: fact.value for name, fact in facts.items() if fact.value is not None}
    if not known:
        return ""
    first = max(known, key=lambda name: known[name])
    return f"：{first}{words}{facts[first].printed}"
