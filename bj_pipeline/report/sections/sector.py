"""Sectors: one description that serves every sector of the pool."""

from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import Block, Fact, Figure, FigureRow, Line, Paragraph, Section
from bj_pipeline.report.facts import MOVED, beside, direction, join, say
from bj_pipeline.report.sections.market import all_rose, leaders, listed_changes
from bj_pipeline.report.sections.sector_facts import (
    CAP,
    PE,
    Measure,
    bucket_facts,
    bucket_moved,
    sector_change,
    sector_fact,
    sector_median_change,
)
from bj_pipeline.report.sections.sector_figures import (
    bucket_figure,
    caps_figure,
    movers_figure,
    trend_figure,
)
from bj_pipeline.report.sections.sector_tables import sector_table

NAMED = 3


def moved(before: Fact, after: Fact) -> Line:
    """``由上周的 44.0X 升至 50.0X``; the word follows the figures as displayed.

    A figure is compared with nothing if one of the two is not known.
    """
    if after.value is None:
        return say("暂缺")
    if before.value is None:
        return say("为{after}", after=after)
    way = direction(before, after)
    if way == "flat":
        return say("与上周持平，为{after}", after=after)
    return say(f"由上周的{{before}}{MOVED[way]}{{after}}", before=before, after=after)


def sectors_overview(data: ReportData) -> Section:
    """The opening of the part, with all sectors side by side."""
    sectors = data.sector_names
    sentences = [beside(s, sector_fact(data, s, "companies")) for s in sectors]
    has_values = data.has_pe_ttm or data.has_market_cap
    # A change of prices has no value of last week beside it.
    has_base = data.has_base("pe_ttm") or data.has_base("market_cap")
    basis = "上周数据按本期样本池在基准日的口径重新计算。" if has_base else ""
    line = say(f"样本池分为{{names}}。{basis}", names=join(sentences))
    blocks: list[Block] = [Paragraph(line=line)]
    if has_values:
        blocks.append(sector_table(data))
    if data.has_market_cap:
        blocks.append(caps_figure(data))
    return Section(
        id="sectors", title=data.labels["section.sectors"], level=1, blocks=tuple(blocks)
    )


def sector_section(data: ReportData, sector: str) -> Section:
    """One sector: valuation, market cap, movers, and four charts."""
    lines = [_opening(data, sector)]
    if data.has_pe_ttm:
        lines.append(_valuation(data, sector))
    if data.has_market_cap:
        lines.append(_market_cap(data, sector))
    lines.append(_movers(data, sector))
    figures = [movers_figure(data, sector)]
    if data.has_market_cap:
        figures.insert(0, bucket_figure(data, sector, CAP))
    if data.has_pe_ttm:
        figures.insert(0, bucket_figure(data, sector, PE))
        figures.insert(0, trend_figure(data, sector))
    blocks: list[Block] = [Paragraph(line=line) for line in lines if line]
    blocks += _in_pairs(figures)
    return Section(id=f"sector-{sector}", title=sector, level=2, blocks=tuple(blocks))


def _in_pairs(figures: list[Figure]) -> list[Block]:
    pairs: list[Block] = []
    for start in range(0, len(figures), 2):
        pair = figures[start : start + 2]
        pairs.append(FigureRow(figures=tuple(pair)) if len(pair) > 1 else pair[0])
    return pairs


def _opening(data: ReportData, sector: str) -> Line:
    return say(
        "{sector}行业共{companies}公司，本周涨跌幅中值为{median}。",
        sector=sector,
        companies=sector_fact(data, sector, "companies"),
        median=sector_median_change(data, sector),
    )


def _valuation(data: ReportData, sector: str) -> Line:
    before = sector_fact(data, sector, "pe_ttm_median", base=True)
    after = sector_fact(data, sector, "pe_ttm_median")
    change = sector_change(data, sector, "pe_ttm_median")
    shown = say("（变动{change}）", change=change) if direction(before, after) != "flat" else ()
    if change.value is None:
        shown = ()
    return say(
        "估值方面，PE TTM 中值{moved}{change}{buckets}。",
        moved=moved(before, after),
        change=shown,
        buckets=_bucket_words(data, sector, PE),
    )


def _market_cap(data: ReportData, sector: str) -> Line:
    pairs = {
        column: (
            sector_fact(data, sector, column, base=True),
            sector_fact(data, sector, column),
        )
        for column in ("total_market_cap", "market_cap_median")
    }
    return say(
        "市值方面，总市值{total}，市值中值{median}{buckets}。",
        total=moved(*pairs["total_market_cap"]),
        median=moved(*pairs["market_cap_median"]),
        buckets=_bucket_words(data, sector, CAP),
    )


def _movers(data: ReportData, sector: str) -> Line:
    named = leaders(data, sector, NAMED)
    if not named:
        return say("本周没有可比的个股涨跌幅。")
    what = "涨幅" if all_rose(named) else "涨跌幅"
    return say(f"个股方面，{what}居前的为{{names}}。", names=listed_changes(named))


def _bucket_words(data: ReportData, sector: str, measure: Measure) -> Line:
    """The clause on buckets; empty if nothing is known of last week's."""
    facts = bucket_facts(data, sector, measure)
    if not data.has_base(measure.name, sector):
        return ()
    clauses = []
    for way, verb in (("up", "增至"), ("down", "减至")):
        moves = [
            say(
                f"{{bucket}}区间{verb}{{after}}",
                bucket=f"{label}{measure.unit}",
                after=after,
            )
            for label, before, after in facts
            if bucket_moved(before, after) == way
        ]
        if moves:
            clauses.append(join(moves))
    if not clauses:
        return say("；各{label}区间的公司数与上周一致", label=measure.label)
    stays = any(bucket_moved(before, after) == "flat" for _, before, after in facts)
    tail = "，其余区间不变" if stays else ""
    return say(
        f"；{{label}}分布上，{{clauses}}{tail}",
        label=measure.label.lstrip(),
        clauses=join(clauses, "，"),
    )


def sector_highlights(data: ReportData) -> Line:
    """The front page's sentence on sectors: the largest move of the PE median, or of prices."""
    sectors = data.sector_names
    if data.has_pe_ttm:
        changes = [(s, sector_change(data, s, "pe_ttm_median")) for s in sectors]
        known = [pair for pair in changes if pair[1].value is not None]
        if known:
            sector, change = max(known, key=lambda pair: abs(pair[1].value or 0.0))
            return say(
                "{sector} PE TTM 中值变动最大，{moved}（{change}）。",
                sector=sector,
                moved=moved(
                    sector_fact(data, sector, "pe_ttm_median", base=True),
                    sector_fact(data, sector, "pe_ttm_median"),
                ),
                change=change,
            )
    sector, fact = max(
        ((s, sector_median_change(data, s)) for s in sectors),
        key=lambda pair: pair[1].value if pair[1].value is not None else float("-inf"),
    )
    return say("{sector}行业表现居前，涨跌幅中值为{change}。", sector=sector, change=fact)
