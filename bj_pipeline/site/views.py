"""What each page of the site says: figures as printed, findings as titles, histories as spans.

What belongs here: one function a page, and the wording. What does not: reading (``history``),
drawing (``charts``), markup (``templates/``). Numbers are printed by the report's own styles, so
that site and report cannot round differently.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any, Literal

from bj_pipeline.metrics import changes, market
from bj_pipeline.report.data import VENDOR_NAMES
from bj_pipeline.report.document import House, Tone
from bj_pipeline.report.facts import (
    CHANGE,
    COUNT,
    MULTIPLE,
    MULTIPLE_MEDIAN,
    SHARE,
    WAN,
    YI,
    YI_TOTAL,
    Style,
)
from bj_pipeline.report.rounding import LOSS, MISSING, display, rounded
from bj_pipeline.site.charts import Point, Trend
from bj_pipeline.site.history import FORMS, Edition, History, Row, Weeks, total
from bj_pipeline.site.page import (
    AI_CHAIN,
    COMPANIES,
    INDEX,
    Cell,
    Column,
    Downloads,
    Link,
    Page,
    Points,
    Section,
    Table,
    Tile,
    Tiles,
    Trends,
    company_path,
    sector_path,
)
from bj_pipeline.warehouse import tables

YUAN = Style("元", 2)
TOP = 5

_FORM_NAMES = dict(zip(FORMS, ("网页", "PDF", "Word", "工作簿"), strict=True))
_STATUSES = {
    changes.TRADING: "",
    changes.SUSPENDED: "停牌",
    changes.NEW: "新上市",
    changes.RESUMED: "复牌",
    changes.NO_PRICE: "无价格",
}
_OUTSIDE = "样本池外"
_LEFT: Literal["left"] = "left"
_RIGHT: Literal["right"] = "right"
_BYTES_PER_MB, _BYTES_PER_KB = 1_000_000, 1_000


# ---------------------------------------------------------------- numbers


def printed(value: float | None, style: Style) -> str:
    """A number without unit, as the report prints it."""
    return display(value, style.digits, style.scale, signed=style.signed)


def with_unit(text: str, style: Style) -> str:
    """The unit behind a number; words (亏损, —) have none."""
    return f"{text}{style.unit}" if any(sign.isdigit() for sign in text) else text


def tone_of(change: float | None) -> Tone | None:
    """Colour of a change, judged on the figure as printed."""
    if change is None:
        return None
    way = market.direction(change)
    return "up" if way > 0 else "down" if way < 0 else "flat"


def moved(before: float | None, after: float | None, style: Style) -> Tone | None:
    """Which way a figure went; what prints the same is unchanged."""
    if before is None or after is None:
        return None
    old, new = (rounded(value, style.digits, style.scale) for value in (before, after))
    return "up" if new > old else "down" if new < old else "flat"


def pe_text(row: Row, column: str = "pe_ttm", style: Style = MULTIPLE) -> str:
    """PE as printed; a loss of unknown size is a word."""
    return LOSS if row[f"{column}_is_loss"] else printed(row[column], style)


def _number(value: float | None, style: Style) -> Cell:
    return Cell(printed(value, style))


def _change(value: float | None) -> Cell:
    return Cell(printed(value, CHANGE), tone_of(value))


def _linked(text: str, path: str) -> Cell:
    return Cell(text, links=(Link(text, path),))


def _company(history: History, row: Row) -> Cell:
    code, name = row["code"], row["name"]
    return _linked(name, company_path(code)) if code in history.companies else Cell(name)


def _sector(history: History, sector: str | None) -> Cell:
    if sector is None:
        return Cell(_OUTSIDE)
    if sector in history.sectors:
        return _linked(sector, sector_path(sector))
    return Cell(sector)


def _size(count: int) -> str:
    if count >= _BYTES_PER_MB:
        return f"{count / _BYTES_PER_MB:.1f} MB"
    return f"{max(1, round(count / _BYTES_PER_KB))} kB"


def _status(row: Row) -> str:
    status: str = row["status"]
    return _STATUSES.get(status, status)


def _day(value: date) -> str:
    return f"{value.year}年{value.month}月{value.day}日"


def _span(numbers: Sequence[int]) -> str:
    first, last = numbers[0], numbers[-1]
    return f"第 {first} 期" if first == last else f"第 {first}～{last} 期"


# ---------------------------------------------------------------- trends


@dataclass(frozen=True, slots=True)
class _Measure:
    """A figure that has a history: column, name, style, table, and a note for its chart."""

    column: str
    name: str
    style: Style
    table: str
    note: str = ""
    bars: bool = False
    bounds: tuple[float, float] | None = None


def _trend(history: History, weeks: Weeks, measure: _Measure) -> Trend:
    """The chart of a figure over the site's calendar."""
    style = measure.style
    points = tuple(_point(weeks.get(issue.number), measure) for issue in history.calendar)
    finding = _finding(points, measure)
    first, last = history.calendar[0], history.calendar[-1]
    kind = "柱形图" if measure.bars else "折线图"
    return Trend(
        title=f"{measure.name}{finding}",
        alt=f"{kind}：{measure.name}，{_span((first.number, last.number))}{finding}。",
        kind="bars" if measure.bars else "line",
        unit=style.unit,
        points=points,
        source=measure.table,
        note=measure.note,
        bounds=measure.bounds,
    )


def _point(row: Row | None, measure: _Measure) -> Point | None:
    value = None if row is None else row.get(measure.column)
    if value is None:
        return None
    style = measure.style
    shown = rounded(value, style.digits, style.scale)
    return Point(float(shown), with_unit(printed(value, style), style))


def _finding(points: Sequence[Point | None], measure: _Measure) -> str:
    """The last figure, and how it stands among the others."""
    known = [point for point in points if point]
    if not known:
        return "：暂无数据"
    low, high = min(known, key=_height), max(known, key=_height)
    now = known[-1]
    if len(known) == 1 or low.value == high.value:
        return f" {now.text}"
    if now.value == high.value:
        return f" {now.text}，为收录以来最高"
    if now.value == low.value:
        return f" {now.text}，为收录以来最低"
    bare = low.text.removesuffix(measure.style.unit)
    return f" {now.text}（区间 {bare}～{high.text}）"


def _height(point: Point) -> float:
    return point.value


_MARKET = (
    _Measure(market.MEDIAN_CHANGE, "涨跌幅中值", CHANGE, tables.MARKET_METRICS, bars=True),
    _Measure(
        market.RISING_SHARE, "上涨公司占比", SHARE, tables.MARKET_METRICS, bounds=(0.0, 100.0)
    ),
)
_SECTOR = (
    _Measure("pe_ttm_median", "PE TTM 中值", MULTIPLE_MEDIAN, tables.SECTOR_METRICS),
    _Measure("total_market_cap", "总市值", YI_TOTAL, tables.SECTOR_METRICS),
    _Measure("market_cap_median", "市值中值", YI_TOTAL, tables.SECTOR_METRICS),
    _Measure("companies", "公司数", COUNT, tables.SECTOR_METRICS),
)
_COMPANY = (
    _Measure("change", "周涨跌幅", CHANGE, tables.COMPANY_METRICS, bars=True),
    _Measure("market_cap", "总市值", YI, tables.COMPANY_METRICS),
    _Measure("pe_ttm", "PE TTM", MULTIPLE, tables.COMPANY_METRICS),
    _Measure("close", "收盘价", YUAN, tables.COMPANY_METRICS, note="未复权。"),
)
_CHAIN_COMPANIES = _Measure("companies", "公司数", COUNT, tables.AI_CHAIN_METRICS)


def _chain_cap(name: str) -> _Measure:
    return _Measure("market_cap", f"{name}总市值", YI_TOTAL, tables.AI_CHAIN_METRICS)


# ---------------------------------------------------------------- pages


def pages(history: History, house: House) -> Iterator[Page]:
    """Every page of the site."""
    yield index(history, house)
    yield companies(history, house)
    yield ai_chain(history, house)
    for name in history.sectors:
        yield sector(history, house, name)
    for code in history.companies:
        yield company(history, house, code)


def index(history: History, house: House) -> Page:
    """The newest issue, how the series went, and all issues."""
    newest = history.newest
    first = history.editions[0].issue
    market_weeks: Weeks = {one.issue.number: one.market for one in history.editions}
    trends = Trends(tuple(_trend(history, market_weeks, measure) for measure in _MARKET))
    return Page(
        path=INDEX,
        title=house.series,
        kicker="",
        heading=house.series,
        tag="",
        details=(
            ("收录", Cell(f"{len(history.editions)} 期")),
            ("区间", Cell(f"{_day(first.first_session)} 至 {_day(newest.issue.close_date)}")),
            ("公司", _linked(f"{len(history.companies)} 家", COMPANIES)),
        ),
        sections=(
            Section(
                "newest",
                f"最新一期：第 {newest.issue.number} 期",
                (
                    *_newest(history),
                    _sectors_table(history),
                    _movers_table(history),
                ),
            ),
            Section("trends", "市场走势", (trends,)),
            Section("issues", "各期报告", (_issues_table(history),)),
            Section(
                "disclosures", "声明", (Points(tuple(("", text) for text in house.disclosures)),)
            ),
        ),
    )


def _newest(history: History) -> Iterator[Downloads | Points | Tiles]:
    edition = history.newest
    figures = edition.market
    median = figures.get(market.MEDIAN_CHANGE)
    rising = figures.get(market.RISING_COMPANIES)
    share = with_unit(printed(figures.get(market.RISING_SHARE), SHARE), SHARE)
    size = with_unit(printed(figures.get(market.POOL_SIZE), COUNT), COUNT)
    yield Tiles(
        (
            Tile(
                "涨跌幅中值",
                with_unit(printed(median, CHANGE), CHANGE),
                f"样本池 {size}",
                tone_of(median),
            ),
            Tile("上涨公司", with_unit(printed(rising, COUNT), COUNT), f"占 {share}"),
            *(
                Tile(one.name, with_unit(printed(move, CHANGE), CHANGE), "", tone_of(move))
                for one in history.indices
                for move in [figures.get(market.index_change(one.code))]
            ),
        )
    )
    if edition.forms:
        yield Downloads(
            tuple(
                Link(link.text, link.path, _size(edition.forms[name].stat().st_size))
                for name, link in _forms(edition).items()
            )
        )
    if history.key_points:
        yield Points(tuple(history.key_points))


def _forms(edition: Edition) -> dict[str, Link]:
    return {
        name: Link(_FORM_NAMES[name], f"{edition.issue.folder}/{name}") for name in edition.forms
    }


def _sectors_table(history: History) -> Table:
    number = history.newest.issue.number
    rows = [(name, weeks[number]) for name, weeks in history.sectors.items() if number in weeks]
    return Table(
        id="sectors",
        title="各行业估值与市值",
        columns=(
            Column("行业"),
            Column("公司数", "家", _RIGHT),
            Column("上周 PE TTM 中值", "X", _RIGHT),
            Column("本周 PE TTM 中值", "X", _RIGHT),
            Column("上周总市值", "亿元", _RIGHT),
            Column("本周总市值", "亿元", _RIGHT),
        ),
        rows=tuple(
            (
                _sector(history, name),
                _number(row["companies"], COUNT),
                *_two_weeks(row, "pe_ttm_median", MULTIPLE_MEDIAN),
                *_two_weeks(row, "total_market_cap", YI_TOTAL),
            )
            for name, row in rows
        ),
        source=tables.SECTOR_METRICS,
        note="上周数据按本期样本池在基准日的口径计算。",
    )


def _two_weeks(row: Row, column: str, style: Style) -> tuple[Cell, Cell]:
    before, after = row[f"{column}_base"], row[column]
    return _number(before, style), Cell(printed(after, style), moved(before, after, style))


def _movers_table(history: History) -> Table:
    return Table(
        id="movers",
        title=f"涨幅前 {TOP} 家",
        columns=(Column("公司"), Column("代码"), Column("涨跌幅", "%", _RIGHT)),
        rows=tuple(
            (_company(history, row), Cell(row["code"]), _change(row["change"]))
            for row in history.newest.movers[:TOP]
        ),
        source=tables.MOVERS,
    )


def _issues_table(history: History) -> Table:
    return Table(
        id="all-issues",
        title=f"全部 {len(history.editions)} 期",
        columns=(
            Column("期号", "", _RIGHT),
            Column("交易日"),
            Column("专题", align=_LEFT),
            Column("涨跌幅中值", "%", _RIGHT),
            Column("上涨占比", "%", _RIGHT),
            Column("公司数", "家", _RIGHT),
            Column("报告"),
        ),
        rows=tuple(
            (
                _issue_cell(edition),
                Cell(f"{edition.issue.first_session} 至 {edition.issue.close_date}"),
                Cell(edition.subtitle or MISSING),
                _change(edition.market.get(market.MEDIAN_CHANGE)),
                _number(edition.market.get(market.RISING_SHARE), SHARE),
                _number(edition.market.get(market.POOL_SIZE), COUNT),
                Cell("" if edition.forms else MISSING, links=tuple(_forms(edition).values())),
            )
            for edition in reversed(history.editions)
        ),
        source=tables.MARKET_METRICS,
    )


def _issue_cell(edition: Edition) -> Cell:
    """The number, which leads to the report where there is one."""
    number = edition.issue.key
    forms = _forms(edition)
    return _linked(number, next(iter(forms.values())).path) if forms else Cell(number)


def companies(history: History, house: House) -> Page:
    """Every company that an issue of the site covers, as of the last one that does."""
    latest = [weeks[max(weeks)] for weeks in history.companies.values()]
    return Page(
        path=COMPANIES,
        title=f"全部公司 - {house.series}",
        kicker=house.series,
        heading="全部公司",
        tag="",
        details=(
            ("公司", Cell(f"{len(latest)} 家")),
            ("数据截至", Cell(_day(history.newest.issue.close_date))),
        ),
        sections=(
            Section(
                "companies",
                "公司名录",
                (
                    _companies_table(
                        history, "list", "每家公司最近一期的数据", latest, with_sector=True
                    ),
                ),
            ),
        ),
    )


def _companies_table(
    history: History, name: str, title: str, rows: Sequence[Row], *, with_sector: bool = False
) -> Table:
    placed = (Column("行业"), Column("AI 产业链"), Column("期号", "", _RIGHT))
    return Table(
        id=name,
        title=title,
        columns=(
            Column("公司"),
            Column("代码"),
            *(placed if with_sector else ()),
            Column("涨跌幅", "%", _RIGHT),
            Column("总市值", "亿元", _RIGHT),
            Column("PE TTM", "X", _RIGHT),
        ),
        rows=tuple(
            (
                _company(history, row),
                Cell(row["code"]),
                *(
                    (
                        _sector(history, row["sector"]),
                        Cell(row["segment"] or ""),
                        Cell(str(row["issue"])),
                    )
                    if with_sector
                    else ()
                ),
                _change(row["change"]),
                _number(row["market_cap"], YI),
                Cell(pe_text(row)),
            )
            for row in rows
        ),
        source=tables.COMPANY_METRICS,
    )


def sector(history: History, house: House, name: str) -> Page:
    """A sector over the issues, and its companies."""
    weeks = history.sectors[name]
    number = max(weeks)
    now = weeks[number]
    members = [
        rows[number]
        for rows in history.companies.values()
        if number in rows and rows[number]["sector"] == name
    ]
    members.sort(key=lambda row: (-(row["market_cap"] or 0.0), row["code"]))
    return Page(
        path=sector_path(name),
        title=f"{name} - {house.series}",
        kicker="行业",
        heading=name,
        tag=f"第 {number} 期",
        details=(
            ("公司", Cell(with_unit(printed(now["companies"], COUNT), COUNT))),
            ("收录", Cell(_span(sorted(weeks)))),
        ),
        sections=(
            Section(
                "now",
                f"第 {number} 期",
                (
                    Tiles(
                        tuple(
                            _compared(now, measure.column, measure.name, measure.style)
                            for measure in _SECTOR
                            if f"{measure.column}_base" in now
                        )
                    ),
                ),
            ),
            Section(
                "trends", "走势", (Trends(tuple(_trend(history, weeks, one) for one in _SECTOR)),)
            ),
            Section(
                "companies",
                "行业公司",
                (
                    _companies_table(
                        history, "members", f"第 {number} 期的公司，按总市值排列", members
                    ),
                ),
            ),
            Section("issues", "各期数据", (_measures_table(history, weeks, _SECTOR),)),
        ),
    )


def _compared(row: Row, column: str, label: str, style: Style) -> Tile:
    """A figure of this week beside last week's."""
    before, after = row[f"{column}_base"], row[column]
    return Tile(
        label,
        with_unit(printed(after, style), style),
        f"上周 {with_unit(printed(before, style), style)}",
        moved(before, after, style),
    )


def _measures_table(history: History, weeks: Weeks, measures: Sequence[_Measure]) -> Table:
    """A row an issue of the site, newest first."""
    return Table(
        id="history",
        title=f"{_span(sorted(weeks))}，最新在前",
        columns=(
            Column("期号", "", _RIGHT),
            Column("收盘日"),
            *(Column(one.name, one.style.unit, _RIGHT) for one in measures),
        ),
        rows=tuple(
            (
                Cell(edition.issue.key),
                Cell(str(edition.issue.close_date)),
                *(_number(weeks[edition.issue.number][one.column], one.style) for one in measures),
            )
            for edition in reversed(history.editions)
            if edition.issue.number in weeks
        ),
        source=measures[0].table,
    )


def ai_chain(history: History, house: House) -> Page:
    """The AI chain over the issues: the whole, each segment, and the companies."""
    whole = _whole_chain(history)
    number = max(whole, default=history.newest.issue.number)
    now = whole.get(number, {})
    cap = with_unit(printed(now.get("market_cap"), YI_TOTAL), YI_TOTAL)
    count = with_unit(printed(now.get("companies"), COUNT), COUNT)
    trends = (
        _trend(history, whole, _chain_cap("")),
        *(_trend(history, weeks, _chain_cap(name)) for name, weeks in history.segments.items()),
        _trend(history, whole, _CHAIN_COMPANIES),
    )
    tiles = (
        Tile("总市值", cap, count),
        *(
            Tile(
                name,
                with_unit(printed(weeks[number]["market_cap"], YI_TOTAL), YI_TOTAL),
                with_unit(printed(weeks[number]["companies"], COUNT), COUNT),
            )
            for name, weeks in history.segments.items()
            if number in weeks
        ),
    )
    return Page(
        path=AI_CHAIN,
        title=f"AI 产业链 - {house.series}",
        kicker=house.series,
        heading="AI 产业链",
        tag=f"第 {number} 期",
        details=(("公司", Cell(f"{count}，不含风险警示（ST）公司")),),
        sections=(
            Section("now", f"第 {number} 期", (Tiles(tiles),)),
            Section("trends", "走势", (Trends(trends),)),
            Section("companies", "产业链公司", (_chain_table(history, number),)),
        ),
    )


def _whole_chain(history: History) -> Weeks:
    return {
        number: {"companies": len(rows), "market_cap": total(row["market_cap"] for row in rows)}
        for number, rows in history.chain.items()
    }


def _chain_table(history: History, number: int) -> Table:
    segments = list(history.segments)
    rows = sorted(
        history.chain.get(number, ()),
        key=lambda row: (
            segments.index(row["segment"]),
            -(row["market_cap"] or 0.0),
            row["code"],
        ),
    )
    return Table(
        id="chain",
        title=f"第 {number} 期的公司，各环节内按总市值排列",
        columns=(
            Column("公司"),
            Column("代码"),
            Column("环节"),
            Column("总市值", "亿元", _RIGHT),
            Column("PE TTM", "X", _RIGHT),
            Column("财年"),
            Column("营业收入", "万元", _RIGHT),
            Column("归母净利润", "万元", _RIGHT),
        ),
        rows=tuple(
            (
                _company(history, row),
                Cell(row["code"]),
                Cell(row["segment"]),
                _number(row["market_cap"], YI),
                Cell(pe_text(row)),
                Cell(MISSING if row["fiscal_year"] is None else str(row["fiscal_year"])),
                _number(row["revenue"], WAN),
                _number(row["net_profit"], WAN),
            )
            for row in rows
        ),
        source=tables.AI_CHAIN_METRICS,
        note="不含风险警示（ST）公司；本表 PE TTM 与行业数据可能取自不同数据商。",
    )


def company(history: History, house: House, code: str) -> Page:
    """A company over the issues; its page is called by its code and shows its latest name."""
    weeks = history.companies[code]
    numbers = sorted(weeks)
    now = weeks[numbers[-1]]
    return Page(
        path=company_path(code),
        title=f"{now['name']}（{code}）- {house.series}",
        kicker="公司",
        heading=now["name"],
        tag=code,
        details=tuple(_company_details(history, now, numbers)),
        sections=(
            Section(
                "now",
                f"第 {numbers[-1]} 期",
                (Tiles(tuple(_company_tiles(now))), *_company_words(now)),
            ),
            Section("trends", "走势", (Trends(tuple(_company_trends(history, weeks))),)),
            Section("changes", "沿革", (_spans_table(history, weeks),)),
            Section("issues", "各期数据", (_weeks_table(history, weeks),)),
        ),
    )


def _company_details(
    history: History, now: Row, numbers: Sequence[int]
) -> Iterator[tuple[str, Cell]]:
    yield "行业", _sector(history, now["sector"])
    if now["segment"]:
        yield "AI 产业链", _linked(now["segment"], AI_CHAIN)
    if old := history.old_codes.get(now["code"]):
        yield "2025 年 10 月 9 日前的代码", Cell(old)
    end = "" if numbers[-1] == history.newest.issue.number else "，此后未覆盖"
    yield "收录", Cell(f"{_span(numbers)}{end}")


def _company_tiles(now: Row) -> Iterator[Tile]:
    marks = "、".join(filter(None, (_status(now), "风险警示" if now["is_st"] else "")))
    yield Tile(
        "周涨跌幅", with_unit(printed(now["change"], CHANGE), CHANGE), marks, tone_of(now["change"])
    )
    yield _compared(now, "market_cap", "总市值", YI)
    yield Tile(
        "PE TTM",
        with_unit(pe_text(now), MULTIPLE),
        f"上周 {with_unit(pe_text(now, 'pe_ttm_base'), MULTIPLE)}",
        moved(now["pe_ttm_base"], now["pe_ttm"], MULTIPLE),
    )
    yield _compared(now, "close", "收盘价", YUAN)
    if now["fiscal_year"] is not None:
        year = f"{now['fiscal_year']} 年"
        yield Tile("营业收入", with_unit(printed(now["revenue"], YI), YI), year)
        yield Tile("归母净利润", with_unit(printed(now["net_profit"], YI), YI), year)


def _company_words(now: Row) -> Iterator[Points]:
    if now["description"]:
        yield Points((("业务", now["description"]),))


def _company_trends(history: History, weeks: Weeks) -> Iterator[Trend]:
    losses = sum(row["pe_ttm_is_loss"] for row in weeks.values())
    note = f"有 {losses} 期亏损而未给出数值，图中留空。" if losses else ""
    for measure in _COMPANY:
        trend = _trend(history, weeks, measure)
        if measure.column == "pe_ttm" and note:
            yield replace(trend, note=note)
        else:
            yield trend


def _weeks_table(history: History, weeks: Weeks) -> Table:
    """A row an issue of the site that covers the company, newest first."""
    return Table(
        id="history",
        title=f"{_span(sorted(weeks))}，最新在前",
        columns=(
            Column("期号", "", _RIGHT),
            Column("收盘日"),
            Column("涨跌幅", "%", _RIGHT),
            Column("收盘价", "元", _RIGHT),
            Column("总市值", "亿元", _RIGHT),
            Column("PE TTM", "X", _RIGHT),
            Column("状态"),
        ),
        rows=tuple(
            (
                Cell(edition.issue.key),
                Cell(str(edition.issue.close_date)),
                _change(row["change"]),
                _number(row["close"], YUAN),
                _number(row["market_cap"], YI),
                Cell(pe_text(row)),
                Cell(_status(row)),
            )
            for edition in reversed(history.editions)
            if (row := weeks.get(edition.issue.number))
        ),
        source=tables.COMPANY_METRICS,
        note="收盘价未复权，涨跌幅按复权价计算。",
    )


@dataclass(frozen=True, slots=True)
class _Attribute:
    """What a company has for a time: its label, and how it is read from a row."""

    label: str
    read: Callable[[Row], Any]


_ATTRIBUTES = (
    _Attribute("名称", lambda row: row["name"]),
    _Attribute("行业", lambda row: row["sector"] or _OUTSIDE),
    _Attribute("AI 产业链", lambda row: row["segment"]),
    _Attribute("风险警示", lambda row: "是" if row["is_st"] else None),
    _Attribute("PE 来源", lambda row: VENDOR_NAMES.get(row["pe_ttm_vendor"], row["pe_ttm_vendor"])),
)


def _spans_table(history: History, weeks: Weeks) -> Table:
    """What the company was called and where it stood, each from which issue to which."""
    return Table(
        id="spans",
        title="名称、分类与数据来源",
        columns=(Column("项目"), Column("内容", align=_LEFT), Column("起"), Column("止")),
        rows=tuple(
            (Cell(one.label), Cell(str(value)), Cell(_edition(first)), Cell(_edition(last)))
            for one in _ATTRIBUTES
            for value, first, last in spans(history.editions, weeks, one.read)
        ),
        source=f"{tables.COMPANY_UNIVERSE}、{tables.AI_CHAIN_CLASSIFICATION}",
    )


def spans(
    editions: Sequence[Edition], weeks: Weeks, read: Callable[[Row], Any]
) -> Iterator[tuple[Any, Edition, Edition]]:
    """Runs of issues over which a value stayed the same: value, first issue, last issue.

    An issue that the site holds and that does not cover the company ends a run; one that the site
    does not hold says nothing.
    """

    def value(edition: Edition) -> Any:
        row = weeks.get(edition.issue.number)
        return None if row is None else read(row)

    for held, run in groupby(editions, key=value):
        if held is not None:
            covered = list(run)
            yield held, covered[0], covered[-1]


def _edition(edition: Edition) -> str:
    return f"第 {edition.issue.number} 期（{edition.issue.close_date}）"


# ---------------------------------------------------------------- search


def search_entries(history: History) -> list[list[str]]:
    """What a reader may look for: code, name, old code, earlier names, where it stands.

    The newest name is what is shown; a reader may still type an old one.
    """
    entries = []
    for code, weeks in history.companies.items():
        now = weeks[max(weeks)]
        names = dict.fromkeys(weeks[number]["name"] for number in sorted(weeks, reverse=True))
        earlier = [name for name in names if name != now["name"]]
        place = "，".join(filter(None, (now["sector"] or _OUTSIDE, now["segment"])))
        old = history.old_codes.get(code, "")
        entries.append([code, now["name"], old, "、".join(earlier), place])
    return entries
