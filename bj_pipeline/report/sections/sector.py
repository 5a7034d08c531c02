"""Sectors: one description that serves every sector of the pool."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bj_pipeline.metrics.arithmetic import change, median
from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import (
    Block,
    Cell,
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
    Tone,
)
from bj_pipeline.report.facts import (
    ARROWS,
    CHANGE,
    COUNT,
    MOVED,
    MULTIPLE_MEDIAN,
    YI_TOTAL,
    Style,
    beside,
    cell_text,
    direction,
    join,
    say,
)
from bj_pipeline.report.rounding import YUAN_PER_YI
from bj_pipeline.report.sections.company_facts import name_cell, number_cell
from bj_pipeline.report.sections.market import (
    all_rose,
    fact_series,
    leaders,
    listed_changes,
    weekly_changes,
)
from bj_pipeline.warehouse import tables

NAMED = 3
CHARTED = 5
_TITLE_EMS = 23.2
"""Room for a title above a chart of half a page, behind its number."""

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
class _Measure:
    """A measure that is shown in buckets."""

    name: str
    label: str
    """Latin words carry the blanks that part them from Chinese ones."""
    unit: str


_Bucket = tuple[str, Fact | None, Fact]
"""Label of a bucket, last week's count and this week's."""
_PE = _Measure("pe_ttm", " PE TTM ", "X")
_CAP = _Measure("market_cap", "市值", "亿元")


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
        blocks.append(_caps_figure(data))
    return Section(
        id="sectors", title=data.labels["section.sectors"], level=1, blocks=tuple(blocks)
    )


def sector_table(data: ReportData) -> Table:
    """All sectors: companies, PE median, total and median market cap, last week and this week."""
    labels, columns = data.labels, _first_columns(data)
    wanted = []
    if data.has_pe_ttm:
        both = data.has_base("pe_ttm")
        wanted.append(("pe_ttm_median", labels["pe_ttm_median"], "X", 1.7, both))
    if data.has_market_cap:
        both = data.has_base("market_cap")
        wanted.append(("total_market_cap", labels["market_cap"], "亿元", 1.3, both))
        wanted.append(("market_cap_median", labels["market_cap_median"], "亿元", 1.3, both))
    for _, label, unit, weight, both in wanted:
        columns += [
            Column(label=labels.fill(week, label=label), unit=unit, align="right", weight=weight)
            for week in (("of_last_week", "of_this_week") if both else ("of_this_week",))
        ]
    rows = []
    for sector in data.sector_names:
        cells = [name_cell(sector), number_cell(sector_fact(data, sector, "companies"))]
        for column, *_, both in wanted:
            before = sector_fact(data, sector, column, base=True)
            after = sector_fact(data, sector, column)
            cells += [number_cell(before)] if both else []
            cells.append(_arrow_cell(before, after))
        rows.append(tuple(cells))
    return Table(
        id="sectors",
        title=labels["table.sectors"],
        columns=tuple(columns),
        rows=tuple(rows),
        source=data.source(tables.RAW_QUOTES, tables.RAW_VALUATIONS),
    )


def front_table(data: ReportData) -> Table:
    """The front page's small table: PE median, total market cap and its change, with arrows."""
    labels, columns = data.labels, _first_columns(data)
    if data.has_pe_ttm:
        median = labels["pe_ttm_median"]
        columns.append(Column(label=median, unit="X", align="right", weight=1.3))
    if data.has_market_cap:
        cap = labels["market_cap"]
        columns.append(Column(label=cap, unit="亿元", align="right", weight=1.3))
    if data.has_base("market_cap"):
        columns.append(Column(label=labels["against_last_week"], unit="%", align="right"))
    change = labels["median_change"]
    columns.append(Column(label=change, unit="%", align="right", weight=1.2))
    rows = []
    for sector in data.sector_names:
        cells = [name_cell(sector), number_cell(sector_fact(data, sector, "companies"))]
        if data.has_pe_ttm:
            cells.append(_with_arrow(data, sector, "pe_ttm_median"))
        if data.has_market_cap:
            cells.append(_with_arrow(data, sector, "total_market_cap"))
        if data.has_base("market_cap"):
            cells.append(number_cell(sector_change(data, sector, "total_market_cap")))
        cells.append(number_cell(sector_median_change(data, sector)))
        rows.append(tuple(cells))
    return Table(
        id="front-sectors",
        title=labels["table.front_sectors"],
        columns=tuple(columns),
        rows=tuple(rows),
        source=data.source(tables.RAW_QUOTES, tables.RAW_VALUATIONS),
    )


def _first_columns(data: ReportData) -> list[Column]:
    return [
        Column(label=data.labels["sector"], weight=1.2),
        Column(label=data.labels["companies"], unit="家", align="right"),
    ]


def _with_arrow(data: ReportData, sector: str, column: str) -> Cell:
    return _arrow_cell(
        sector_fact(data, sector, column, base=True), sector_fact(data, sector, column)
    )


def _arrow_cell(before: Fact, after: Fact) -> Cell:
    if before.value is None or after.value is None:
        return Cell(line=cell_text(after))
    way = direction(before, after)
    return Cell(line=say(f"{{after}} {ARROWS[way]}", after=cell_text(after)), tone=way)


def sector_section(data: ReportData, sector: str) -> Section:
    """One sector: valuation, market cap, movers, and four charts."""
    lines = [_opening(data, sector)]
    if data.has_pe_ttm:
        lines.append(_valuation(data, sector))
    if data.has_market_cap:
        lines.append(_market_cap(data, sector))
    lines.append(_movers(data, sector))
    figures = [_movers_figure(data, sector)]
    if data.has_market_cap:
        figures.insert(0, _bucket_figure(data, sector, _CAP))
    if data.has_pe_ttm:
        figures.insert(0, _bucket_figure(data, sector, _PE))
        figures.insert(0, _trend_figure(data, sector))
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
        buckets=_bucket_words(data, sector, _PE),
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
        buckets=_bucket_words(data, sector, _CAP),
    )


def _movers(data: ReportData, sector: str) -> Line:
    named = leaders(data, sector, NAMED)
    if not named:
        return say("本周没有可比的个股涨跌幅。")
    what = "涨幅" if all_rose(named) else "涨跌幅"
    return say(f"个股方面，{what}居前的为{{names}}。", names=listed_changes(named))


def _bucket_facts(data: ReportData, sector: str, measure: _Measure) -> list[_Bucket]:
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


def _bucket_words(data: ReportData, sector: str, measure: _Measure) -> Line:
    """The clause on buckets; empty if nothing is known of last week's."""
    facts = _bucket_facts(data, sector, measure)
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
            if _bucket_moved(before, after) == way
        ]
        if moves:
            clauses.append(join(moves))
    if not clauses:
        return say("；各{label}区间的公司数与上周一致", label=measure.label)
    stays = any(_bucket_moved(before, after) == "flat" for _, before, after in facts)
    tail = "，其余区间不变" if stays else ""
    return say(
        f"；{{label}}分布上，{{clauses}}{tail}",
        label=measure.label.lstrip(),
        clauses=join(clauses, "，"),
    )


def _bucket_moved(before: Fact | None, after: Fact) -> Tone:
    return "flat" if before is None else direction(before, after)


def _trend_figure(data: ReportData, sector: str) -> Figure:
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
            categories=_trend_dates(data),
            series=(
                fact_series(
                    data.labels["pe_ttm_median"], _trend_facts(data, sector, "pe_ttm_median")
                ),
            ),
            unit="X",
        ),
        source=data.source(tables.RAW_VALUATIONS),
        alt=f"折线图：{sector}行业最近各期的 PE TTM 中值，本期为 {after.printed}。",
    )


def _caps_figure(data: ReportData) -> Figure:
    """How the sectors' total market caps moved over the trailing issues."""
    sectors = data.sector_names
    facts = {sector: _trend_facts(data, sector, "total_market_cap") for sector in sectors}
    latest = {sector: sector_fact(data, sector, "total_market_cap") for sector in sectors}
    largest = _first(latest)
    finding = f"：{largest}最高，为 {latest[largest].printed}" if largest else ""
    return Figure(
        id="sector-caps",
        title=f"各行业总市值{finding}",
        chart=Chart(
            kind="lines",
            categories=_trend_dates(data),
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


def _trend_dates(data: ReportData) -> tuple[str, ...]:
    days = data.trends.drop_duplicates("trend_issue")["trend_date"]
    return tuple(pd.Timestamp(str(day)).strftime("%m-%d") for day in days)


def _trend_facts(data: ReportData, sector: str, column: str) -> list[Fact]:
    """A sector's figure in each trailing issue; the last one is this issue's own."""
    facts = []
    for row in data.trends[data.trends["sector"] == sector].to_dict("records"):
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


def _bucket_figure(data: ReportData, sector: str, measure: _Measure) -> Figure:
    facts = _bucket_facts(data, sector, measure)
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


def _bucket_title(topic: str, measure: _Measure, facts: list[_Bucket]) -> str:
    """The first moves, as many as stand on one line above half a page."""
    if all(before is None for _, before, _ in facts):
        return topic.rstrip()
    opening = f"{topic}："
    gap = " " if measure.unit.isascii() else ""
    words = {"up": f"{gap}增加", "down": f"{gap}减少"}
    moves = [
        f"{label}{measure.unit}{words[way]}"
        for label, before, after in facts
        if (way := _bucket_moved(before, after)) != "flat"
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


def _movers_figure(data: ReportData, sector: str) -> Figure:
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
    highest = _first(after)
    finding = f"：{highest}最高，为 {after[highest].printed}" if highest else ""
    return Figure(
        id="overview-pe",
        title=f"各行业 PE TTM 中值{finding}",
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
    best = _first(facts)
    finding = f"：{best}居前，{facts[best].printed}" if best else ""
    return Figure(
        id="overview",
        title=f"各行业本周{what}{finding}",
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


def _first(facts: Mapping[str, Fact]) -> str | None:
    """Whose known value is highest."""
    known = {name: fact.value for name, fact in facts.items() if fact.value is not None}
    return max(known, key=lambda name: known[name], default=None)


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
