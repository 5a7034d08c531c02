"""The weekly report as an analyst makes it: pandas, matplotlib, openpyxl, python-docx.

Written as it is written at a desk, from the top down: the vendors' sheets and the analyst's own are
taken to be right, and nothing is checked or kept but the numbers that the next week's trends need.
That it makes the same exhibits as the pipeline is tested beside it.
"""
# ruff: noqa: C901, PLR0912, PLR0915 - written as it is written at a desk

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from docx import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from matplotlib import font_manager
from openpyxl import Workbook
from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.styles import Font

from bj_pipeline.report.fonts import font_file

mpl.use("Agg")
font_manager.fontManager.addfont(str(font_file()))
plt.rcParams["font.sans-serif"] = ["Noto Sans SC"]
plt.rcParams["axes.unicode_minus"] = False

SECTORS = ["电子设备", "机械设备", "信息技术", "汽车", "新能源"]
SEGMENTS = ["算力及数据服务", "算力基建", "AIPC", "AI应用", "AI电源"]
PE = [float("-inf"), 0, 20, 30, 50, 100, float("inf")]
PE_NAMES = ["<0", "0~20", "20~30", "30~50", "50~100", ">100"]
CAP = [0, 5, 10, 20, 30, 50, float("inf")]
CAP_NAMES = ["0~5", "5~10", "10~20", "20~30", "30~50", ">50"]
STEPS = [float("-inf"), -10, -8, -6, -4, -2, 0, 2, 4, 6, 8, 10, float("inf")]
STEP_NAMES = ["<-10%", *[f"{low}~{low + 2}%" for low in range(-10, 10, 2)], "≥10%"]
SOURCE = "数据来源：示例数据（模拟 iFinD 口径），示例研究所整理"
BLUE, GOLD, RED, GREEN, GREY = "#1F3A5F", "#D08A1D", "#C0392B", "#1E8449", "#B8BEC6"
COLOURS = [BLUE, GOLD, "#4B9CA8", "#8E5C86", "#7C838D"]


def make(folder: Path, number: int, base_date: str, close_date: str) -> None:
    """Make ``report.docx`` and ``report.xlsx`` of a week beside its sheets."""
    pool = pd.read_excel(folder / "公司池.xlsx", sheet_name="样本池")
    chain = pd.read_excel(folder / "公司池.xlsx", sheet_name="AI产业链")
    quotes = pd.read_excel(folder / "行情.xlsx")
    ifind = pd.read_excel(folder / "估值_iFinD.xlsx")
    wind = pd.read_excel(folder / "估值_Wind.xlsx")
    index = pd.read_excel(folder / "指数.xlsx")
    results = pd.read_excel(folder / "财务.xlsx")
    news = pd.read_excel(folder / "公告.xlsx")
    words = pd.read_excel(folder / "固定文字.xlsx")

    # 公司
    quotes = quotes.sort_values("日期")
    quotes["复权价"] = quotes["收盘价"] * quotes["复权因子"]
    last = quotes.groupby("证券代码").last()  # 停牌的沿用最后收盘价
    base = quotes[quotes["日期"] <= base_date].groupby("证券代码").last()
    names = pd.concat([pool[["证券代码", "证券简称"]], chain[["证券代码", "证券简称"]]])
    table = names.drop_duplicates("证券代码").set_index("证券代码")
    table["行业"] = pool.set_index("证券代码")["行业"]
    table["基准日收盘价"] = base["收盘价"]
    table["收盘价"] = last["收盘价"]
    table["涨跌幅"] = (last["复权价"] / base["复权价"] - 1) * 100
    for column, day in (("上周", base_date), ("本周", close_date)):
        of_day = ifind[ifind["日期"] == day].set_index("证券代码")
        table[column + "总市值"] = of_day["总市值"] / 1e8
        table[column + " PE TTM"] = of_day["市盈率TTM"]
    table["交易状态"] = (last["日期"] == close_date).map({True: "正常", False: "停牌"})
    newest = results.sort_values("报告期").groupby("证券代码").last()
    year = newest["报告期"].max()
    revenue, profit = f"{year}营业收入", f"{year}归母净利润"
    table[revenue] = newest["营业总收入"] / 1e8
    table[profit] = newest["归母净利润"] / 1e4
    table = table.reset_index().rename(columns={"证券代码": "代码", "证券简称": "公司"})
    ours = table[table["行业"].notna()]

    # 行业
    rows = []
    for sector in SECTORS:
        group = ours[ours["行业"] == sector]
        rows.append(
            {
                "行业": sector,
                "公司数": len(group),
                "上周 PE TTM 中值": group["上周 PE TTM"].median(),
                "本周 PE TTM 中值": group["本周 PE TTM"].median(),
                "上周总市值": group["上周总市值"].sum(),
                "本周总市值": group["本周总市值"].sum(),
                "上周市值中值": group["上周总市值"].median(),
                "本周市值中值": group["本周总市值"].median(),
                "涨跌幅中值": group["涨跌幅"].median(),
            }
        )
    sectors = pd.DataFrame(rows).set_index("行业")
    sectors["较上周"] = (sectors["本周总市值"] / sectors["上周总市值"] - 1) * 100

    # 走势：每周往自己的表里加五行
    history = folder.parent / "走势.xlsx"
    trend = sectors[["本周 PE TTM 中值", "本周总市值"]].reset_index()
    trend.insert(0, "收盘日", close_date)
    weeks = pd.read_excel(folder / "周历.xlsx", dtype=str)["收盘日"]
    before = sectors[["上周 PE TTM 中值", "上周总市值"]].set_axis(
        trend.columns[-2:], axis="columns"
    )
    before.insert(0, "收盘日", weeks.iloc[-2])  # 上周没出周报的，用本周表里的上周数
    known = [pd.read_excel(history)] if history.exists() else []
    trend = pd.concat([before.reset_index(), *known, trend])
    trend = trend.drop_duplicates(["收盘日", "行业"], keep="last").sort_values("收盘日")
    trend.to_excel(history, index=False)
    pe_trend = trend.pivot_table(index="收盘日", columns="行业", values="本周 PE TTM 中值")
    cap_trend = trend.pivot_table(index="收盘日", columns="行业", values="本周总市值")
    weeks = weeks[weeks >= trend["收盘日"].min()]
    pe_trend = pe_trend.reindex(weeks)[SECTORS].rename(index=lambda day: day[5:])
    cap_trend = cap_trend.reindex(weeks)[SECTORS].rename(index=lambda day: day[5:])

    # 市场
    median, risen = ours["涨跌幅"].median(), (ours["涨跌幅"].round(2) > 0).sum()
    fallen = (ours["涨跌幅"].round(2) < 0).sum()
    top = ours.sort_values("涨跌幅", ascending=False)
    indices = index.pivot_table(index="指数简称", columns="日期", values="收盘价", sort=False)
    indices = (indices[close_date] / indices[base_date] - 1) * 100
    told = "、".join(f"{name}（{change:+.2f}%）" for name, change in indices.items())
    market = (
        f"样本池{len(ours)}家公司本周涨跌幅中值为{median:+.2f}%，"
        f"其中{risen}家上涨，占{risen / len(ours):.0%}"
    )
    kinds = news["公告类型"].value_counts()
    kinds = "、".join(f"{kind}类{count}条" for kind, count in kinds.items())
    announced = f"本周收录公告{len(news)}条，涉及{news['证券代码'].nunique()}家公司，其中{kinds}。"
    most = (sectors["本周 PE TTM 中值"] / sectors["上周 PE TTM 中值"] - 1).abs().idxmax()
    risks = words[words["部分"] == "风险提示"]["文字"]

    report = Document()
    style = report.styles["Normal"]
    style.font.name, style.font.size = "Noto Sans SC", Pt(9)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), "Noto Sans SC")
    report.sections[0].header.paragraphs[0].text = f"北交所科技成长观察（第 {number} 期）"
    field(report.sections[0].footer.paragraphs[0], "PAGE")
    book = Workbook()
    contents = book.active
    contents.title = "目录"
    exhibits = []

    # 首页
    report.add_heading(f"北交所科技成长观察（第 {number} 期）", 0)
    report.add_paragraph(f"{base_date} 至 {close_date}")
    change = word(sectors.loc[most, "上周 PE TTM 中值"], sectors.loc[most, "本周 PE TTM 中值"], "X")
    for point in (
        f"{market}；{told}。",
        f"{most} PE TTM 中值变动最大，由上周的{change}。",
        announced,
        risks.iloc[0],
    ):
        report.add_paragraph(point, style="List Bullet")
    front = sectors.reset_index()
    front["PE TTM 中值"] = arrows(front["本周 PE TTM 中值"], front["上周 PE TTM 中值"])
    front["总市值"] = arrows(front["本周总市值"], front["上周总市值"])
    columns = ["行业", "公司数", "PE TTM 中值", "总市值", "较上周", "涨跌幅中值"]
    report.add_paragraph("各行业一览", style="Caption")
    add_table(report, front[columns], {"较上周": "+.2f", "涨跌幅中值": "+.2f"})
    add_sheet(book, "首页表", "各行业一览", front[columns])
    caps = sectors[["较上周"]].rename(columns={"较上周": "总市值变动"})
    best = caps["总市值变动"].idxmax()
    title = f"各行业本周总市值变动：{best}居前，{caps.loc[best, '总市值变动']:+.2f}%"
    medians = sectors[["上周 PE TTM 中值", "本周 PE TTM 中值"]].set_axis(["上周", "本周"], axis=1)
    top_pe = medians["本周"].idxmax()
    other = f"各行业 PE TTM 中值：{top_pe}最高，为 {medians.loc[top_pe, '本周']:.1f}X"
    grid = report.add_table(2, 2)
    charts = [(title, caps, "%", "+.2f"), (other, medians, "X", ".1f")]
    for at, (name, frame, unit, digits) in enumerate(charts):
        picture = draw(folder / f"首页图 {at + 1}.png", name, frame, "hbars", unit, digits)
        grid.cell(0, at).text = name
        grid.cell(1, at).paragraphs[0].add_run().add_picture(picture, width=Cm(8))
        add_sheet(book, f"首页图 {at + 1}", name, frame.reset_index(), "hbars", unit)
    report.add_page_break()
    report.add_heading("目录", 1)
    field(report.add_paragraph(), 'TOC \\o "1-2" \\h')
    report.add_heading("图表目录", 1)
    field(report.add_paragraph(), 'TOC \\h \\z \\c "图表"')
    report.add_page_break()

    def figures(*charts: tuple) -> None:
        """Charts side by side."""
        grid = report.add_table(3, len(charts))
        for at, (title, frame, kind, unit, digits) in enumerate(charts):
            name = f"图表 {len(exhibits) + 1:02d}"
            picture = draw(folder / f"{name}.png", title, frame, kind, unit, digits)
            caption(grid.cell(0, at).paragraphs[0], len(exhibits) + 1, title)
            run = grid.cell(1, at).paragraphs[0].add_run()
            run.add_picture(picture, width=Cm(8 if len(charts) > 1 else 16))
            grid.cell(2, at).text = SOURCE
            add_sheet(book, name, title, frame.reset_index(), kind, unit)
            exhibits.append((name, title))

    def shown(title: str, frame: pd.DataFrame, formats: dict[str, str], note: str = "") -> None:
        """A table with all of its rows."""
        name = f"图表 {len(exhibits) + 1:02d}"
        caption(report.add_paragraph(), len(exhibits) + 1, title)
        add_table(report, frame, formats)
        report.add_paragraph(SOURCE + (f"　注：{note}" if note else ""))
        add_sheet(book, name, title, frame)
        exhibits.append((name, title))

    # 专题
    if (folder / "专题.xlsx").exists():
        topic = pd.read_excel(folder / "专题.xlsx", sheet_name=None)
        parts = topic.pop("文字")
        charts = topic.pop("图")
        report.add_heading(f"本周专题：{parts['文字'].iloc[0]}", 1)
        for text in parts["文字"].iloc[1:]:
            report.add_paragraph(text)
        drawn = []
        for row in charts.itertuples():
            frame = topic[row.工作表].astype({topic[row.工作表].columns[0]: str})
            frame = frame.set_index(frame.columns[0])
            drawn.append((row.标题, frame, row.类型, row.单位, ".6g"))
        for at in range(0, len(drawn), 2):
            figures(*drawn[at : at + 2])

    # AI 产业链，不含 ST
    ai = chain[~chain["证券简称"].str.contains("ST")].rename(columns={"证券代码": "代码"})
    ai = ai.merge(table[["代码", "本周总市值", revenue, profit]], on="代码")
    pe = wind[wind["日期"] == close_date][["证券代码", "市盈率TTM"]]
    ai = ai.merge(pe, left_on="代码", right_on="证券代码")
    ai["环节"] = pd.Categorical(ai["环节"], SEGMENTS)
    ai = ai.sort_values(["环节", "本周总市值"], ascending=[True, False])
    ai = ai.rename(columns={"证券简称": "公司", "本周总市值": "总市值", "市盈率TTM": "PE TTM"})
    segments = ai.groupby("环节", observed=False)["总市值"].agg(["sum", "count"])
    segments.columns = ["总市值", "公司数"]
    counts = "、".join(f"{name}{count}家" for name, count in segments["公司数"].items())
    largest = segments["总市值"].idxmax()
    many = segments["公司数"].idxmax()
    report.add_heading("AI 产业链公司一览", 2)
    report.add_paragraph(f"AI 产业链覆盖{len(ai)}家公司，分属{counts}。")
    title = f"AI 产业链各环节总市值：{largest} {segments.loc[largest, '总市值']:.1f}亿元"
    other = f"AI 产业链各环节公司数：{many} {segments.loc[many, '公司数']}家"
    figures(
        (title, segments[["总市值"]], "hbars", "亿元", ".1f"),
        (other, segments[["公司数"]], "hbars", "家", ".0f"),
    )
    columns = ["环节", "代码", "公司", "总市值", "PE TTM", revenue, profit]
    shown("AI 产业链公司的市值、估值与业绩", ai[columns], {}, "不含风险警示（ST）公司。")

    # 市场
    report.add_heading("市场表现", 1)
    report.add_paragraph(f"{market}；下跌{fallen}家，持平{len(ours) - risen - fallen}家。")
    report.add_paragraph(f"涨幅居前的公司为{leaders(top.head(5))}。")
    report.add_paragraph(f"同期主要指数：{told}。")
    stopped = table[table["交易状态"] == "停牌"]["公司"]
    if len(stopped):
        report.add_paragraph(f"停牌公司沿用停牌前最后收盘价：{'、'.join(stopped)}。")
    spread = pd.cut(ours["涨跌幅"], STEPS, right=False, labels=STEP_NAMES)
    spread = spread.value_counts(sort=False).to_frame("公司数")
    compared = pd.concat([pd.Series({"样本池中值": median}), indices]).to_frame("本周涨跌幅")
    first = indices.idxmax()
    figures(
        (f"样本池涨跌幅分布：中值 {median:+.2f}%", spread, "bars", "家", ".0f"),
        (
            f"样本池与主要指数：{first}居前，{indices[first]:+.2f}%",
            *(compared, "bars", "%", "+.2f"),
        ),
    )
    ten = top.head(10).rename(columns={"本周总市值": "总市值", "本周 PE TTM": "PE TTM"})
    columns = ["代码", "公司", "行业", "涨跌幅", "总市值", "PE TTM", revenue, profit]
    note = "含风险警示（ST）公司；AI 产业链一览表不含。"
    shown("样本池涨幅前十的公司", ten[columns], {"涨跌幅": "+.2f"}, note)

    # 行业
    report.add_heading("行业观察", 1)
    counts = "、".join(f"{name}{count}家" for name, count in sectors["公司数"].items())
    report.add_paragraph(f"样本池分为{counts}。")
    columns = ["上周 PE TTM 中值", "上周总市值", "上周市值中值"]
    compared = sectors.drop(columns=["涨跌幅中值", "较上周"]).reset_index()
    for column in columns:
        this = column.replace("上周", "本周")
        compared[this] = arrows(compared[this], compared[column])
    shown("各行业公司数、估值与市值", compared, dict.fromkeys(columns, ".1f"))
    largest = sectors["本周总市值"].idxmax()
    title = f"各行业总市值：{largest}最高，为 {sectors.loc[largest, '本周总市值']:.1f}亿元"
    figures((title, cap_trend, "lines", "亿元", ".1f"))

    for sector in SECTORS:
        group = ours[ours["行业"] == sector]
        line = sectors.loc[sector]
        pe = buckets(group, " PE TTM", PE, PE_NAMES)
        cap = buckets(group, "总市值", CAP, CAP_NAMES)
        best = group.sort_values("涨跌幅", ascending=False).head(5)
        report.add_heading(sector, 2)
        report.add_paragraph(
            f"{sector}行业共{len(group)}家公司，本周涨跌幅中值为{line['涨跌幅中值']:+.2f}%。"
        )
        value = word(line["上周 PE TTM 中值"], line["本周 PE TTM 中值"], "X")
        report.add_paragraph(f"估值方面，PE TTM 中值由上周的{value}；{moved(pe, 'X')}。")
        total = word(line["上周总市值"], line["本周总市值"], "亿元")
        middle = word(line["上周市值中值"], line["本周市值中值"], "亿元")
        report.add_paragraph(
            f"市值方面，总市值由上周的{total}，市值中值由上周的{middle}；{moved(cap, '亿元')}。"
        )
        report.add_paragraph(f"个股方面，涨幅居前的为{leaders(best.head(3))}。")
        went = "升" if line["本周 PE TTM 中值"] >= line["上周 PE TTM 中值"] else "降"
        title = f"{sector} PE TTM 中值{went}至 {line['本周 PE TTM 中值']:.1f}X"
        medians = pe_trend[[sector]].rename(columns={sector: "PE TTM 中值"})
        movers = best.set_index("公司")[["涨跌幅"]].rename(columns={"涨跌幅": "本周涨跌幅"})
        leader = f"{movers.index[0]} {movers.iloc[0, 0]:+.2f}%"
        figures(
            (title, medians, "lines", "X", ".1f"),
            (f"{sector} PE TTM 分布", pe, "bars", "家", ".0f"),
        )
        figures(
            (f"{sector}市值分布", cap, "bars", "家", ".0f"),
            (f"{sector}涨幅前五：{leader}", movers, "hbars", "%", "+.2f"),
        )

    # 公告与固定文字
    report.add_heading("公司公告", 1)
    report.add_paragraph(announced)
    news = news.sort_values(["公告日期", "证券代码"])
    news["公告日期"] = news["公告日期"].str[5:]
    news = news[["公告日期", "证券代码", "证券简称", "公告类型", "公告标题"]]
    news.columns = ["日期", "代码", "公司", "类别", "内容"]
    shown("本周公告", news, {})
    for part, texts in words.groupby("部分", sort=False)["文字"]:
        report.add_heading(part, 1)
        for text in texts:
            report.add_paragraph(text, style="List Bullet" if part == "风险提示" else None)
    report.save(folder / "report.docx")

    sheet = add_sheet(book, "公司总表", "样本池与 AI 产业链全部公司", table)
    sheet.freeze_panes = "C3"
    sheet.auto_filter.ref = f"A2:{sheet.cell(2, sheet.max_column).coordinate[:-1]}{sheet.max_row}"
    for row, (name, title) in enumerate(exhibits, 1):
        contents.append([name, title])
        contents.cell(row, 1).hyperlink = f"#'{name}'!A1"
    book.save(folder / "report.xlsx")


def draw(
    path: Path,
    title: str,
    frame: pd.DataFrame,
    kind: str,
    unit: str,
    digits: str,
) -> str:
    """A chart with its values, as a picture."""
    figure, axes = plt.subplots(figsize=(3.3, 2.05))
    many = len(frame.columns)
    for at, column in enumerate(frame.columns):
        values = frame[column]
        colour = [GREY, BLUE][at] if list(frame.columns) == ["上周", "本周"] else COLOURS[at]
        if kind == "lines":
            axes.plot(range(len(frame)), values, marker="o", markersize=3, color=colour)
            axes.annotate(f"{values.iloc[-1]:{digits}}", (len(frame) - 1, values.iloc[-1]))
            continue
        if digits.startswith("+"):
            colour = [RED if value >= 0 else GREEN for value in values]
        places = [place + (at - (many - 1) / 2) * 0.8 / many for place in range(len(frame))]
        if kind == "hbars":
            bars = axes.barh(places, values, 0.8 / many, color=colour, label=column)
        else:
            bars = axes.bar(places, values, 0.8 / many, color=colour, label=column)
        axes.bar_label(bars, [f"{value:{digits}}" for value in values], fontsize=6)
    if kind == "hbars":
        axes.set_yticks(range(len(frame)), frame.index, fontsize=6)
        axes.invert_yaxis()
        axes.set_xlabel(unit, fontsize=6)
    else:
        rotation = 45 if len(frame) > 8 else 0
        axes.set_xticks(range(len(frame)), frame.index, fontsize=6, rotation=rotation)
        axes.set_ylabel(unit, fontsize=6)
    if many > 1:
        axes.legend(frame.columns, fontsize=6)
    axes.set_title(title, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=220)
    plt.close(figure)
    return str(path)


def add_table(report, frame, formats) -> None:
    """A table of the Word file: a header that comes again on each page, and all rows."""
    grid = report.add_table(1, len(frame.columns), "Light Grid Accent 1")
    for cell, column in zip(grid.rows[0].cells, frame.columns, strict=True):
        cell.text = column
    header = OxmlElement("w:tblHeader")
    grid.rows[0]._tr.get_or_add_trPr().append(header)
    for row in frame.itertuples(index=False):
        cells = grid.add_row().cells
        for cell, column, value in zip(cells, frame.columns, row, strict=True):
            if isinstance(value, float):
                cell.text = "—" if pd.isna(value) else f"{value:{formats.get(column, '.2f')}}"
            else:
                cell.text = str(value)


def add_sheet(book, name, title, frame, kind="", unit=""):
    """A sheet with an exhibit's numbers and, if it is a chart, Excel's own chart of them."""
    sheet = book.create_sheet(name)
    sheet["A1"] = title
    sheet["A1"].font = Font(bold=True)
    sheet.append([str(column) for column in frame.columns])
    for row in frame.itertuples(index=False):
        sheet.append([None if pd.isna(value) else value for value in row])
    for cell in sheet[2]:
        cell.font = Font(bold=True)
    for at, column in enumerate(frame.columns, 1):
        if pd.api.types.is_float_dtype(frame[column]):
            for row in range(3, len(frame) + 3):
                sheet.cell(row, at).number_format = "0.00"
    if kind:
        chart = LineChart() if kind == "lines" else BarChart()
        if kind == "hbars":
            chart.type = "bar"
        chart.title = title
        chart.y_axis.title = unit
        last = len(frame) + 2
        data = Reference(sheet, min_col=2, max_col=len(frame.columns), min_row=2, max_row=last)
        chart.add_data(data, titles_from_data=True)
        chart.set_categories(Reference(sheet, min_col=1, min_row=3, max_row=last))
        sheet.add_chart(chart, f"{chr(ord('C') + len(frame.columns))}3")
    return sheet


def field(paragraph, code: str) -> None:
    """A field that Word fills in: contents, page number, number of a caption."""
    run = paragraph.add_run()
    for kind in ("begin", "", "end"):
        if kind:
            part = OxmlElement("w:fldChar")
            part.set(qn("w:fldCharType"), kind)
        else:
            part = OxmlElement("w:instrText")
            part.text = code
        run._r.append(part)


def caption(paragraph, number: int, title: str) -> None:
    """Number and title of an exhibit, for the list of figures."""
    paragraph.style = "Caption"
    paragraph.add_run("图表 ")
    field(paragraph, f"SEQ 图表 \\r {number}")
    paragraph.add_run(f"　{title}")


def arrows(now: pd.Series, before: pd.Series) -> list[str]:
    """Values with an arrow up or down."""
    return [
        f"{value:.1f}" + (" ▲" if value > other else " ▼" if value < other else "")
        for value, other in zip(now.round(1), before.round(1), strict=True)
    ]


def buckets(group: pd.DataFrame, column: str, edges: list[float], names: list[str]) -> pd.DataFrame:
    """Companies in each bucket, last week and this week."""
    counts = pd.DataFrame(index=names)
    for week in ("上周", "本周"):
        into = pd.cut(group[week + column], edges, right=False, labels=names)
        counts[week] = into.value_counts(sort=False)
    return counts


def word(before: float, now: float, unit: str) -> str:
    """From last week's value to this week's."""
    went = "升" if now > before else "降"
    return f"{before:.1f}{unit}{went}至{now:.1f}{unit}（变动{now / before - 1:+.2%}）"


def moved(counts: pd.DataFrame, unit: str) -> str:
    """Which buckets gained or lost companies."""
    changed = counts[counts["上周"] != counts["本周"]]
    if changed.empty:
        return "各区间的公司数与上周一致"
    return "、".join(
        f"{name}{unit}区间{'增' if row['本周'] > row['上周'] else '减'}至{row['本周']}家"
        for name, row in changed.iterrows()
    )


def leaders(top: pd.DataFrame) -> str:
    """Names with their changes."""
    return "、".join(
        f"{name}（{change:+.2f}%）" for name, change in zip(top["公司"], top["涨跌幅"], strict=True)
    )
