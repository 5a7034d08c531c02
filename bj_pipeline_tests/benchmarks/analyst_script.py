"""The weekly tables and charts as an analyst makes them: pandas, matplotlib, openpyxl, python-docx.

One file, one function, no tests, no checks; the vendors' files are taken to be right.
"""
# ruff: noqa: C901, PD010, PD011, PLR0912, PLR0915 - written as it is written at a desk

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from docx import Document
from docx.shared import Cm
from matplotlib import font_manager
from openpyxl import Workbook
from openpyxl.drawing.image import Image
from openpyxl.styles import Font

from bj_pipeline.report.fonts import font_file

mpl.use("Agg")
font_manager.fontManager.addfont(str(font_file()))
plt.rcParams["font.sans-serif"] = ["Noto Sans SC"]
plt.rcParams["axes.unicode_minus"] = False

PE = [float("-inf"), 0, 20, 30, 50, 100, float("inf")]
PE_NAMES = ["<0", "0~20", "20~30", "30~50", "50~100", ">100"]
CAP = [0, 5, 10, 20, 30, 50, float("inf")]
CAP_NAMES = ["0~5", "5~10", "10~20", "20~30", "30~50", ">50"]


def make(folder: Path, pool_file: str, base_date: str, close_date: str) -> None:
    """Make ``report.xlsx`` and ``report.docx`` of a week beside its vendor files."""
    pool = pd.read_csv(pool_file)
    quotes = pd.read_csv(folder / "raw_quotes.csv")
    values = pd.read_csv(folder / "raw_valuations.csv")
    index = pd.read_csv(folder / "raw_index_quotes.csv")
    results = pd.read_csv(folder / "raw_financials.csv")
    news = pd.read_csv(folder / "raw_announcements.csv")

    quotes["adjusted"] = quotes["close"] * quotes["adj_factor"]
    quotes = quotes.sort_values("date")
    base = quotes[quotes["date"] <= base_date].groupby("code")["adjusted"].last()
    last = quotes.groupby("code")["adjusted"].last()
    table = pool[["code", "name", "sector"]].set_index("code")
    table["change"] = last / base - 1
    table["close"] = quotes.groupby("code")["close"].last()
    for suffix, day in (("_base", base_date), ("", close_date)):
        of_day = values[values["date"] == day].drop_duplicates("code").set_index("code")
        table["cap" + suffix] = of_day["market_cap"] / 1e8
        table["pe" + suffix] = of_day["pe_ttm"]
    newest = results.sort_values("fiscal_year").groupby("code").last()
    table["revenue"] = newest["revenue"] / 1e8
    table["profit"] = newest["net_profit"] / 1e8
    table = table.reset_index()

    tables = {"公司": table, "公告": news}
    pictures = []

    top = table.sort_values("change", ascending=False).head(10)
    tables["涨幅前十"] = top
    indices = index.pivot(index="code", columns="date", values="close")
    indices["change"] = indices[close_date] / indices[base_date] - 1
    tables["指数"] = indices[["change"]].reset_index()
    sentence = (
        f"样本池{len(table)}家公司涨跌幅中值{table['change'].median():.2%}，"
        f"{(table['change'] > 0).sum()}家上涨，占{(table['change'] > 0).mean():.1%}。"
        f"涨幅前五为{'、'.join(top['name'].head(5))}。"
    )

    figure, axes = plt.subplots(figsize=(6.8, 2.4))
    axes.hist(table["change"].dropna() * 100, bins=11)
    axes.set_title("样本池涨跌幅分布（%）")
    pictures.append(save(figure, folder / "distribution.png"))
    figure, axes = plt.subplots(figsize=(3.3, 2.05))
    axes.bar(indices.index, indices["change"] * 100)
    axes.set_title("指数涨跌幅（%）")
    pictures.append(save(figure, folder / "indices.png"))

    history = folder.parent / "trend.csv"
    rows = []
    for sector, group in table.groupby("sector"):
        rows.append(
            {
                "week": close_date,
                "sector": sector,
                "companies": len(group),
                "pe_base": group["pe_base"].median(),
                "pe": group["pe"].median(),
                "total_base": group["cap_base"].sum(),
                "total": group["cap"].sum(),
                "median_base": group["cap_base"].median(),
                "median": group["cap"].median(),
            }
        )
    sectors = pd.DataFrame(rows)
    tables["行业"] = sectors
    trend = pd.concat([pd.read_csv(history), sectors]) if history.exists() else sectors
    trend = trend.drop_duplicates(["week", "sector"], keep="last")
    trend.to_csv(history, index=False)

    for sector, group in table.groupby("sector"):
        weeks = trend[trend["sector"] == sector].tail(13)
        for column, title in (("pe", "市盈率中值"), ("total", "总市值（亿元）")):
            figure, axes = plt.subplots(figsize=(3.3, 2.05))
            axes.plot(weeks["week"].str[5:], weeks[column], marker="o")
            axes.set_title(f"{sector}{title}")
            axes.tick_params(axis="x", rotation=45, labelsize=6)
            pictures.append(save(figure, folder / f"{sector}-{column}.png"))
        for column, edges, names, title in (
            ("pe", PE, PE_NAMES, "市盈率分布"),
            ("cap", CAP, CAP_NAMES, "市值分布"),
        ):
            now = pd.cut(group[column], edges, right=False, labels=names).value_counts(sort=False)
            before = pd.cut(group[column + "_base"], edges, right=False, labels=names)
            before = before.value_counts(sort=False)
            counts = pd.DataFrame({"区间": names, "上周": before.values, "本周": now.values})
            tables[f"{sector}{title}"] = counts
            figure, axes = plt.subplots(figsize=(3.3, 2.05))
            axes.bar([at - 0.2 for at in range(len(names))], counts["上周"], 0.4, label="上周")
            axes.bar([at + 0.2 for at in range(len(names))], counts["本周"], 0.4, label="本周")
            axes.set_xticks(range(len(names)), names, fontsize=6)
            axes.legend(fontsize=6)
            axes.set_title(f"{sector}{title}")
            pictures.append(save(figure, folder / f"{sector}-{column}-buckets.png"))
        best = group.sort_values("change", ascending=False).head(10)
        figure, axes = plt.subplots(figsize=(3.3, 2.05))
        axes.barh(best["name"], best["change"] * 100)
        axes.invert_yaxis()
        axes.tick_params(labelsize=6)
        axes.set_title(f"{sector}涨幅前十（%）")
        pictures.append(save(figure, folder / f"{sector}-movers.png"))

    book = Workbook()
    book.remove(book.active)
    for name, frame in tables.items():
        sheet = book.create_sheet(name)
        sheet.append(list(frame.columns))
        for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
            sheet.append(list(row))
        for cell in sheet[1]:
            cell.font = Font(bold=True)
    sheet = book.create_sheet("图")
    for at, picture in enumerate(pictures):
        sheet.add_image(Image(picture), f"A{1 + 18 * at}")
    book.save(folder / "report.xlsx")

    report = Document()
    report.add_heading("北交所科技成长周报", 0)
    report.add_paragraph(sentence)
    for name, frame in tables.items():
        report.add_heading(name, 1)
        shown = frame.head(30)
        grid = report.add_table(len(shown) + 1, len(frame.columns), "Table Grid")
        for cell, column in zip(grid.rows[0].cells, frame.columns, strict=True):
            cell.text = str(column)
        for row, record in zip(grid.rows[1:], shown.itertuples(index=False), strict=True):
            for cell, value in zip(row.cells, record, strict=True):
                cell.text = f"{value:.2f}" if isinstance(value, float) else str(value)
    for picture in pictures:
        report.add_picture(picture, width=Cm(8))
    report.save(folder / "report.docx")


def save(figure: plt.Figure, path: Path) -> str:
    """Write a chart for both files."""
    figure.tight_layout()
    figure.savefig(path, dpi=200)
    plt.close(figure)
    return str(path)
