"""A small but complete issue with invented companies, for tests of the report's forms.

It holds one of everything that a form must print, and names that are markup somewhere. What does
not belong here: figures that a test compares with published ones.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal

from bj_pipeline.report.document import (
    Bullets,
    Cell,
    Chart,
    Column,
    Document,
    Fact,
    FactRef,
    Figure,
    FigureRow,
    FrontPage,
    House,
    Inline,
    Line,
    Link,
    Paragraph,
    Section,
    Series,
    Table,
    Tone,
    Words,
    numbered,
)
from bj_pipeline.report.rounding import YUAN_PER_WAN, YUAN_PER_YI, display

HOSTILE_NAMES = (
    "*ST云创",
    "A&B <script>",
    "#let x",
    "$1$",
    '=HYPERLINK("x")',
    "[甲](b) `c` _d_",
    "@引用 <label>",
    "a\\b // c",
    "{{ 7*7 }}",
)
"""Company names that mean something to Typst, HTML, Jinja, Markdown or a spreadsheet."""

SECTOR = "机械设备"
SEGMENTS = ("算力及数据服务", "算力基建", "AIPC", "AI应用", "AI电源")
PE_BUCKETS = ("<0", "0~20", "20~30", "30~50", "50~100", ">100")
CAP_BUCKETS = ("0~5", "5~10", "10~20", "20~30", "30~50", ">50")
CHANGE_BUCKETS = (
    "<-20",
    "-20~-15",
    "-15~-10",
    "-10~-5",
    "-5~-2",
    "-2~0",
    "0~2",
    "2~5",
    "5~10",
    "10~15",
    "15~20",
    ">20",
)


class _Ledger:
    """Collects the facts of the example while its parts are written."""

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}

    def fact(
        self,
        name: str,
        value: float | None,
        digits: int = 2,
        unit: str = "",
        scale: float = 1,
        *,
        signed: bool = False,
        with_unit: bool = True,
    ) -> FactRef:
        table, _, rest = name.partition("/")
        self.facts[name] = Fact(
            id=name,
            value=value,
            text=display(value, digits, scale, signed=signed),
            unit=unit,
            table=table,
            row=rest.rpartition("/")[0] or "全部",
            column=name.rpartition("/")[2],
            formula="示例：直接取自该列",
        )
        return FactRef(fact=name, with_unit=with_unit)

    def day(self, name: str, value: date) -> FactRef:
        self.facts[name] = Fact(
            id=name,
            value=None,
            text=f"{value.year}年{value.month}月{value.day}日",
            unit="",
            table="issue",
            row="65",
            column=name.rpartition("/")[2],
            formula="交易日历",
        )
        return FactRef(fact=name)

    def series(
        self,
        name: str,
        legend: str,
        values: Sequence[float | None],
        digits: int = 0,
        unit: str = "",
        *,
        role: Literal["current", "previous", "other"] = "current",
        signed: bool = False,
    ) -> Series:
        refs = [
            self.fact(f"{name}/{at}/{legend}", value, digits, unit, signed=signed)
            for at, value in enumerate(values)
        ]
        return Series(
            name=legend,
            values=tuple(values),
            labels=tuple(self.facts[ref.fact].text for ref in refs),
            facts=tuple(ref.fact for ref in refs),
            role=role,
        )


def _line(*parts: str | Inline) -> Line:
    return tuple(Words(text=part) if isinstance(part, str) else part for part in parts)


def _name(text: str, *, strong: bool = False) -> Words:
    return Words(text=text, name=True, strong=strong)


def _cell(part: str | Inline, tone: Tone | None = None) -> Cell:
    return Cell(line=(_name(part),) if isinstance(part, str) else (part,), tone=tone)


def _moved(part: Inline, change: float) -> Cell:
    """A number and which way it went since last week."""
    tone = _tone(change)
    arrow = {"up": "▲", "down": "▼", "flat": "－"}[tone]
    return Cell(line=(part, Words(text=f" {arrow}")), tone=tone)


def _tone(value: float) -> Tone:
    return "up" if value > 0 else "down" if value < 0 else "flat"


def company_names(count: int) -> tuple[str, ...]:
    """Names of invented companies, the hostile ones first."""
    stems = "云澜星河曦禾青岚朗川远麓沐恒景砚湛卓昊越清畅格致启明宏图博观千寻"
    invented = [
        f"{stems[(2 * at) % len(stems)]}{stems[(2 * at + 1) % len(stems)]}{ending}"
        for ending in ("科技", "股份", "智能")
        for at in range(len(stems) // 2)
    ]
    return (*HOSTILE_NAMES, *invented)[:count]


def _ai_chain(ledger: _Ledger, rows: int) -> Table:
    def cells(at: int, name: str) -> Iterable[Cell]:
        code = f"929{at:03d}.BJ"
        key = f"ai_chain_metrics/{code}"
        pe_ttm = None if at == 5 else round((-1) ** (at % 7 == 3) * (18.3 + 13.37 * at), 2)
        yield _cell(code)
        yield _cell(name)
        yield _cell(SEGMENTS[at * len(SEGMENTS) // rows])
        market_cap = (5.21 + at * at * 0.77) * YUAN_PER_YI
        yield _cell(_number(f"{key}/market_cap", market_cap, YUAN_PER_YI))
        yield _cell(_number(f"{key}/pe_ttm", pe_ttm, 1))
        yield _cell(_number(f"{key}/revenue", (0.5 + at * 0.83) * YUAN_PER_YI, YUAN_PER_YI))
        profit = (-17408.17 if at == 0 else 310.42 * (at + 1)) * YUAN_PER_WAN
        yield _cell(_number(f"{key}/net_profit", profit, YUAN_PER_WAN))

    def _number(name: str, value: float | None, scale: float) -> FactRef:
        return ledger.fact(name, value, 2, "", scale, with_unit=False)

    return Table(
        id="ai-chain",
        title="AI产业链公司一览",
        columns=(
            Column(label="代码", weight=1.1),
            Column(label="简称", weight=1.3),
            Column(label="环节", weight=1.4),
            Column(label="总市值", unit="亿元", align="right"),
            Column(label="市盈率TTM", unit="X", align="right"),
            Column(label="2024年营业收入", unit="亿元", align="right", weight=1.2),
            Column(label="2024年归母净利润", unit="万元", align="right", weight=1.3),
        ),
        rows=tuple(tuple(cells(at, name)) for at, name in enumerate(company_names(rows))),
        source="数据来源：示例数据，示例研究所整理",
        note="不含风险警示公司；“—”表示无数据。",
    )


def _top_ten(ledger: _Ledger) -> Table:
    changes = (29.55, 21.79, 19.06, 14.09, 13.61, 13.48, 13.45, 11.50, 0.0, -6.92)

    def row(at: int, change: float, name: str) -> tuple[Cell, ...]:
        key = f"company_metrics/929{at:03d}.BJ"
        market_cap = ledger.fact(
            f"{key}/market_cap", (12.07 + 3 * at) * 1e8, 2, "亿元", 1e8, with_unit=False
        )
        moved = ledger.fact(
            f"{key}/change", change / 100, 2, "%", 0.01, signed=True, with_unit=False
        )
        return (
            _cell(ledger.fact(f"movers/全部/{at + 1}/rank", at + 1, 0)),
            _cell(f"929{at:03d}.BJ"),
            _cell(name),
            _cell(SECTOR),
            _cell(moved, _tone(change)),
            _cell(market_cap),
        )

    names = company_names(len(changes))
    return Table(
        id="top-ten",
        title="本周涨幅前十",
        columns=(
            Column(label="排名", align="center", weight=0.5),
            Column(label="代码"),
            Column(label="简称", weight=1.3),
            Column(label="行业"),
            Column(label="周涨跌幅", unit="%", align="right"),
            Column(label="总市值", unit="亿元", align="right"),
        ),
        rows=tuple(
            row(at, change, name)
            for at, (change, name) in enumerate(zip(changes, names, strict=True))
        ),
        source="数据来源：示例数据，示例研究所整理",
    )


def _front_sectors(ledger: _Ledger) -> Table:
    figures = {
        "电子设备": (46, 60.5, 61.0, 1475.6, 1497.6),
        "机械设备": (41, 44.0, 50.0, 1207.6, 1217.9),
        "信息技术": (25, 74.1, 72.0, 908.9, 907.4),
        "汽车": (22, 30.2, 30.4, 549.3, 552.4),
        "新能源": (19, 38.0, 38.0, 592.2, 603.7),
    }

    def row(sector: str) -> tuple[Cell, ...]:
        companies, pe_base, pe_ttm, total_base, total = figures[sector]
        key = f"sector_metrics/{sector}"

        def printed(column: str, value: float, digits: int, scale: float = 1) -> FactRef:
            return ledger.fact(f"{key}/{column}", value, digits, "", scale, with_unit=False)

        return (
            _cell(sector),
            _cell(printed("companies", companies, 0)),
            _cell(printed("pe_ttm_median_base", pe_base, 1)),
            _moved(printed("pe_ttm_median", pe_ttm, 1), pe_ttm - pe_base),
            _cell(printed("total_market_cap_base", total_base * YUAN_PER_YI, 1, YUAN_PER_YI)),
            _moved(
                printed("total_market_cap", total * YUAN_PER_YI, 1, YUAN_PER_YI),
                total - total_base,
            ),
        )

    return Table(
        id="front-sectors",
        title="五大行业一览",
        columns=(
            Column(label="行业", weight=1.2),
            Column(label="公司", unit="家", align="right", weight=0.8),
            Column(label="上周市盈率中值", unit="X", align="right"),
            Column(label="本周市盈率中值", unit="X", align="right"),
            Column(label="上周总市值", unit="亿元", align="right"),
            Column(label="本周总市值", unit="亿元", align="right"),
        ),
        rows=tuple(row(sector) for sector in figures),
        source="数据来源：示例数据，示例研究所整理",
    )


def _figure(name: str, title: str, chart: Chart, note: str = "") -> Figure:
    return Figure(
        id=name,
        title=title,
        chart=chart,
        source="数据来源：示例数据，示例研究所整理",
        alt=f"{title}：{len(chart.series)}组数据，{len(chart.categories)}个类别。",
        note=note,
    )


def _weeks(ledger: _Ledger, key: str, categories: tuple[str, ...], unit: str) -> Chart:
    previous = (0, 4, 9, 14, 11, 3)
    current = (1, 4, 10, 12, 11, 3)
    return Chart(
        kind="bars",
        categories=categories,
        series=(
            ledger.series(key, "上周", previous, role="previous", unit="家"),
            ledger.series(key, "本周", current, unit="家"),
        ),
        unit=unit,
    )


def _sector_rows(ledger: _Ledger) -> tuple[FigureRow, FigureRow]:
    medians = (38.2, 39.1, None, 41.7, 40.3, 42.8, 44.9, 43.1, None, 46.6, 45.2, 44.0, 50.0)
    first = date(2025, 12, 5)
    trend = Chart(
        kind="lines",
        categories=tuple(f"{first + timedelta(weeks=at):%m-%d}" for at in range(len(medians))),
        series=(ledger.series("sector_trends/机械设备", "机械设备", medians, 1, "X"),),
        unit="X",
    )
    movers = Chart(
        kind="hbars",
        categories=company_names(3),
        series=(
            ledger.series("movers/机械设备", "周涨跌幅", (21.79, 13.61, -0.4), 2, "%", signed=True),
        ),
        unit="%",
        signed=True,
    )
    pe_buckets = _weeks(ledger, "bucket_counts/机械设备/pe_ttm", PE_BUCKETS, "家")
    cap_buckets = _weeks(ledger, "bucket_counts/机械设备/market_cap", CAP_BUCKETS, "家")
    return (
        FigureRow(
            figures=(
                _figure(
                    "machinery-pe-trend",
                    "机械设备市盈率TTM中值走势",
                    trend,
                    "缺口为当期无数据。",
                ),
                _figure("machinery-pe-buckets", "机械设备市盈率TTM分布（X）", pe_buckets),
            )
        ),
        FigureRow(
            figures=(
                _figure("machinery-cap-buckets", "机械设备总市值分布（亿元）", cap_buckets),
                _figure("machinery-movers", "机械设备本周涨幅居前公司", movers),
            )
        ),
    )


def _sections(ledger: _Ledger, ai_rows: int) -> tuple[Section, ...]:
    distribution = Chart(
        kind="bars",
        categories=CHANGE_BUCKETS,
        series=(
            ledger.series(
                "market_metrics/distribution",
                "公司家数",
                (0, 1, 2, 6, 17, 31, 42, 33, 12, 6, 1, 2),
                unit="家",
            ),
        ),
        unit="家",
    )
    segments = Chart(
        kind="hbars",
        categories=SEGMENTS,
        series=(ledger.series("topic/segments", "总市值", (130.6, 253.8, 46.6, 310.2, 88.1), 1),),
        unit="亿元",
    )
    segment_names = Chart(
        kind="bars",
        categories=SEGMENTS,
        series=(ledger.series("topic/companies", "公司家数", (2, 4, 2, 12, 8)),),
        unit="家",
    )
    topic = Section(
        id="topic",
        title="本周专题：端侧算力的需求从何而来",
        level=1,
        blocks=(
            Paragraph(
                analyst=True,
                line=_line(
                    "示例正文。过去3年端侧推理芯片的单位成本下降约40%，",
                    Words(text="应用先行、硬件跟随", strong=True),
                    "的次序没有改变。资料见",
                    Link(text="北交所官网", url="https://www.bse.cn/"),
                    "。",
                ),
            ),
            Paragraph(
                analyst=True,
                line=_line(
                    "本段用于检验换行与标点：当一行文字恰好在引号“”或书名号《》处结束时，"
                    "版面应当避免行首出现逗号、句号；中英文混排（如 AIPC、GPU、PE TTM）之间的"
                    "间距应当一致；数字 12,345.67 不应被拆到两行。示例文字到此为止，"
                    "不构成对任何公司的评价。"
                ),
            ),
            Bullets(
                analyst=True,
                labels=("需求", "供给", "风险"),
                items=(
                    _line("终端厂商在新机型中提高内存配置。"),
                    _line("上游材料扩产周期约18个月。"),
                    _line("出口限制可能延后交付。"),
                ),
            ),
            Figure(
                id="topic-segments",
                title="AI产业链各环节总市值",
                chart=segments,
                source="数据来源：示例数据，示例研究所整理",
                alt="AI产业链五个环节的总市值，AI应用最高。",
            ),
        ),
    )
    ai_chain = Section(
        id="ai-chain",
        title="北交所AI产业链公司",
        level=2,
        blocks=(
            Paragraph(line=_line("下表按环节列出产业链公司，估值取自收盘日。")),
            _ai_chain(ledger, ai_rows),
            _figure("ai-companies", "AI产业链各环节公司家数", segment_names),
        ),
    )
    market = Section(
        id="market",
        title="市场表现",
        level=1,
        blocks=(
            Paragraph(
                line=_line(
                    "本周股票池",
                    ledger.fact("market_metrics/pool_size/value", 153, 0, "家"),
                    "公司涨跌幅中值为",
                    ledger.fact(
                        "market_metrics/median_change/value", 0.007, 2, "%", 0.01, signed=True
                    ),
                    "，其中",
                    ledger.fact("market_metrics/rising_companies/value", 96, 0, "家"),
                    "上涨，占比",
                    ledger.fact("market_metrics/rising_share/value", 0.6275, 0, "%", 0.01),
                    "；",
                    _name("北证50"),
                    "上涨",
                    ledger.fact(
                        "market_metrics/index_change_899050.BJ/value", 0.0048, 2, "%", 0.01
                    ),
                    "。",
                )
            ),
            _figure("distribution", "股票池周涨跌幅分布（%）", distribution),
            _top_ten(ledger),
        ),
    )
    sectors = Section(id="sectors", title="行业估值", level=1, blocks=())
    sector = Section(
        id="sector-machinery",
        title=SECTOR,
        level=2,
        blocks=(
            Paragraph(
                line=_line(
                    _name(SECTOR),
                    "市盈率TTM中值由",
                    FactRef(fact="sector_metrics/机械设备/pe_ttm_median_base"),
                    "升至",
                    FactRef(fact="sector_metrics/机械设备/pe_ttm_median"),
                    "，涨幅居前的公司是",
                    _name(HOSTILE_NAMES[0]),
                    "与",
                    _name(HOSTILE_NAMES[1]),
                    "。",
                )
            ),
            *_sector_rows(ledger),
        ),
    )
    announcements = Section(
        id="announcements",
        title="公告精选",
        level=1,
        blocks=(
            Bullets(
                labels=(HOSTILE_NAMES[0], HOSTILE_NAMES[2]),
                items=(
                    _line("拟投资建设数据中心配套项目。"),
                    _line("与客户签订年度供货框架协议。"),
                ),
                analyst=True,
            ),
            _announcements(ledger),
        ),
    )
    risks = Section(
        id="risks",
        title="风险提示",
        level=1,
        blocks=(
            Bullets(
                items=(
                    _line("政策变动风险：监管规则调整可能影响估值。"),
                    _line("市场流动性风险：成交清淡时价格波动加大。"),
                )
            ),
            Paragraph(line=_line("本示例不构成投资建议。"), style="note"),
        ),
    )
    return numbered((topic, ai_chain, market, sectors, sector, announcements, risks))


def _announcements(ledger: _Ledger) -> Table:
    titles = (
        "关于签订重大合同的公告",
        "二〇二五年年度业绩快报公告，附关于募集资金投资项目延期及部分募集资金用途变更的说明",
        "股东减持计划预披露公告",
    )
    return Table(
        id="announcements",
        title="本周重要公告",
        columns=(
            Column(label="日期", weight=0.8),
            Column(label="公司", weight=0.9),
            Column(label="标题", weight=3.0),
        ),
        rows=tuple(
            (
                _cell(ledger.day(f"topic/announcement/{at}", date(2026, 2, 24 + at))),
                _cell(HOSTILE_NAMES[at]),
                _cell(title),
            )
            for at, title in enumerate(titles)
        ),
        source="数据来源：示例数据，公司公告",
    )


def _front_page(ledger: _Ledger) -> FrontPage:
    indices = ("北证50", "沪深300", "科创50", "创业板指", "股票池中值")
    overview = Chart(
        kind="hbars",
        categories=indices,
        series=(
            ledger.series(
                "market_metrics/indices",
                "周涨跌幅",
                (0.48, 1.08, 1.20, -1.05, 0.70),
                2,
                "%",
                signed=True,
            ),
        ),
        unit="%",
        signed=True,
    )
    worth = Chart(
        kind="hbars",
        categories=(SECTOR, "汽车"),
        series=(
            ledger.series("sector_metrics/before", "上周", (44.0, 30.2), 1, "X"),
            ledger.series("sector_metrics/now", "本周", (50.0, 30.4), 1, "X"),
        ),
        unit="X",
    )
    fact = FactRef
    points = (
        _line("端侧推理带来新的算力需求，产业链公司估值分化。"),
        _line(
            "股票池",
            fact(fact="market_metrics/pool_size/value"),
            "公司中",
            fact(fact="market_metrics/rising_companies/value"),
            "上涨，占比",
            fact(fact="market_metrics/rising_share/value"),
            "，涨跌幅中值",
            fact(fact="market_metrics/median_change/value"),
            "。",
        ),
        _line(
            _name(SECTOR),
            "市盈率TTM中值升至",
            fact(fact="sector_metrics/机械设备/pe_ttm_median"),
            "，为五大行业中升幅最大。",
        ),
        _line(_name(HOSTILE_NAMES[0]), "拟投资建设数据中心配套项目。"),
        _line("政策变动、市场流动性与业绩不及预期。"),
    )
    return FrontPage(
        key_points=Bullets(items=points, labels=("专题", "市场", "行业", "公告", "风险")),
        sectors=_front_sectors(ledger),
        overview=FigureRow(
            figures=(
                _figure("overview", "主要指数与股票池本周涨跌幅", overview),
                _figure("overview-pe", "各行业市盈率中值", worth),
            )
        ),
    )


def example_document(*, ai_rows: int = 28) -> Document:
    """The example; every call gives an equal one.

    Args:
        ai_rows: Rows of the AI-chain table, up to 54.
    """
    ledger = _Ledger()
    sections = _sections(ledger, ai_rows)
    front_page = _front_page(ledger)
    # Sentences give units that table cells leave to the header.
    for sector in ("机械设备",):
        for column in ("pe_ttm_median_base", "pe_ttm_median"):
            name = f"sector_metrics/{sector}/{column}"
            ledger.facts[name] = ledger.facts[name].model_copy(update={"unit": "X"})
    return Document(
        issue=65,
        title="北交所科技成长周报（示例）",
        subtitle="端侧算力的需求从何而来",
        week="2026-W09",
        first_session=date(2026, 2, 24),
        close_date=date(2026, 2, 27),
        base_date=date(2026, 2, 13),
        issue_date=date(2026, 3, 1),
        publication_date=date(2026, 3, 2),
        is_sample=True,
        house=House(
            name="示例研究所",
            series="北交所科技成长周报",
            department="中小企业研究部",
            authors=("张示例", "李样本"),
            contact="research@example.com",
            accent="#1F3A5F",
            up="#C0392B",
            down="#1E8449",
            palette=("#D08A1D", "#4B9CA8", "#8E5C86", "#7C838D"),
            risks=("政策变动风险。", "市场流动性风险。"),
            disclosures=("本报告为示例，不构成投资建议。",),
        ),
        front_page=front_page,
        sections=sections,
        notices=(
            _line(_name("星河科技"), "停牌，沿用停牌前收盘价。"),
            _line("缺少两期历史数据，走势图相应留空。"),
        ),
        facts=ledger.facts,
    )
