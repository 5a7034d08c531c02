# ruff: noqa: E501 - cases are read a line each
"""Good files whose every number is known, and ways to spoil them.

What belongs here: the files as vendors write them, what they say, and the spoiling. What does not:
what must come of it (``judging``).
"""

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import openpyxl
import pandas as pd
import xlsxwriter

from bj_pipeline.sources import Delivery, layouts
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.vendor_files import ONE_SESSION, WRITERS, Rows, text

BASE, CLOSE = ONE_SESSION.base_date, ONE_SESSION.close_date
CODES = ("920493.BJ", "920002.BJ", "920799.BJ")
INDICES = ("899050.BJ", "000688.SH")

Key = tuple[object, ...]
Truth = dict[Key, dict[str, object]]


@dataclass(frozen=True)
class Good:
    """A file that says the truth.

    Attributes:
        name: As the vendor would call it.
        table: The raw table that it feeds.
        rows: Its cells.
        truth: Key of the table → values that must come out.
        numbers: Header → column of the table, for the figures that it gives.
    """

    name: str
    table: str
    rows: Rows
    truth: Truth
    numbers: dict[str, str]

    @property
    def key(self) -> list[str]:
        """What tells rows apart."""
        return [column for column in tables.key(self.table) if column != "vendor"]


def _daily() -> Good:
    closes = {code: (152.1 + at, 160.25 + at) for at, code in enumerate(CODES)}
    rows: list[list[object]] = [["ts_code", "trade_date", "close", "vol"]]
    truth: Truth = {}
    for code, pair in closes.items():
        for day, close in zip((BASE, CLOSE), pair, strict=True):
            rows.append([code, f"{day:%Y%m%d}", close, 1234.5])
            truth[code, day] = {"close": close, "volume": 123450.0}
    return Good("daily.csv", tables.RAW_QUOTES, rows, truth, {"close": "close", "vol": "volume"})


def _basic() -> Good:
    rows: list[list[object]] = [["ts_code", "trade_date", "total_share", "total_mv", "pe_ttm"]]
    truth: Truth = {}
    for at, code in enumerate(CODES):
        for day in (BASE, CLOSE):
            shares, cap, pe = 5828.25 + at, 88_000.5 + at, -33.5 + 40 * at
            rows.append([code, f"{day:%Y%m%d}", shares, cap, pe])
            truth[code, day] = {
                "total_shares": float(f"{shares}e4"),
                "market_cap": float(f"{cap}e4"),
                "pe_ttm": pe,
            }
    numbers = {"total_share": "total_shares", "total_mv": "market_cap", "pe_ttm": "pe_ttm"}
    return Good("daily_basic.csv", tables.RAW_VALUATIONS, rows, truth, numbers)


def _factors() -> Good:
    rows: list[list[object]] = [["证券代码", "日期", "收盘价(元)", "复权因子"]]
    truth: Truth = {}
    for at, code in enumerate(CODES):
        for day in (BASE, CLOSE):
            rows.append([code, day.isoformat(), 20.5 + at, 1.25 + at])
            truth[code, day] = {"close": 20.5 + at, "adj_factor": 1.25 + at}
    numbers = {"收盘价(元)": "close", "复权因子": "adj_factor"}
    return Good("行情.csv", tables.RAW_QUOTES, rows, truth, numbers)


def _wind() -> Good:
    cap, shares, pe = (
        f"总市值\n[交易日期] {CLOSE}\n[单位] 亿元",
        f"总股本\n[交易日期] {CLOSE}\n[单位] 万股",
        f"市盈率PE(TTM)\n[交易日期] {CLOSE}\n[单位] 倍",
    )
    rows: list[list[object]] = [["证券代码", "证券简称", cap, shares, pe]]
    truth: Truth = {}
    for at, code in enumerate(CODES):
        rows.append([code, "某公司", 17.605 + at, 5828.0001, 41.75 + at])
        truth[code, CLOSE] = {
            "market_cap": float(f"{17.605 + at}e8"),
            "total_shares": 58_280_001.0,
            "pe_ttm": 41.75 + at,
        }
    rows.append(["数据来源：Wind", "", "", "", ""])
    numbers = {cap: "market_cap", shares: "total_shares", pe: "pe_ttm"}
    return Good("估值.csv", tables.RAW_VALUATIONS, rows, truth, numbers)


def _value_em() -> Good:
    header = ["数据日期", "当日收盘价", "总股本", "总市值", "PE(TTM)"]
    rows: list[list[object]] = [header]
    truth: Truth = {}
    for day, close in ((BASE, 152.1), (CLOSE, 160.25)):
        rows.append([day.isoformat(), close, 58_280_001, 9_339_370_160.25, 41.75])
        truth["920493.BJ", day] = {
            "total_shares": 58_280_001.0,
            "market_cap": 9_339_370_160.25,
            "pe_ttm": 41.75,
        }
    numbers = {"总股本": "total_shares", "总市值": "market_cap", "PE(TTM)": "pe_ttm"}
    return Good("stock_value_em_920493.csv", tables.RAW_VALUATIONS, rows, truth, numbers)


def _index() -> Good:
    rows: list[list[object]] = [["ts_code", "trade_date", "close"]]
    truth: Truth = {}
    for at, code in enumerate(INDICES):
        for day in (BASE, CLOSE):
            rows.append([code, f"{day:%Y%m%d}", 1432.25 + at])
            truth[code, day] = {"close": 1432.25 + at}
    return Good("index_daily.csv", tables.RAW_INDEX_QUOTES, rows, truth, {"close": "close"})


def _income() -> Good:
    header = ["ts_code", "ann_date", "end_date", "report_type", "total_revenue", "n_income_attr_p"]
    rows: list[list[object]] = [header]
    truth: Truth = {}
    for at, code in enumerate(CODES):
        revenue, profit = 655_250_000.5 + at, -12_500_000.25 - at
        rows.append([code, "20250425", "20241231", "1", revenue, profit])
        truth[code, 2024] = {"revenue": revenue, "net_profit": profit}
    numbers = {"total_revenue": "revenue", "n_income_attr_p": "net_profit"}
    return Good("income.csv", tables.RAW_FINANCIALS, rows, truth, numbers)


def _accounts() -> Good:
    header = [
        "证券代码",
        "营业总收入(万元)\n[报告期] 2024年报",
        "归母净利润(万元)\n[报告期] 2024年报",
    ]
    rows: list[list[object]] = [header]
    truth: Truth = {}
    for at, code in enumerate(CODES):
        rows.append([code, 65525.25 + at, -1250.5 - at])
        truth[code, 2024] = {
            "revenue": float(f"{65525.25 + at}e4"),
            "net_profit": float(f"{-1250.5 - at}e4"),
        }
    numbers = {header[1]: "revenue", header[2]: "net_profit"}
    return Good("同花顺财务.csv", tables.RAW_FINANCIALS, rows, truth, numbers)


def _listings() -> Good:
    rows: list[list[object]] = [["ts_code", "name", "list_date"]]
    truth: Truth = {}
    for at, code in enumerate(CODES):
        rows.append([code, "某公司", f"2021111{at}"])
        truth[(code,)] = {"listed": dt.date(2021, 11, 10 + at), "name": "某公司"}
    return Good("stock_basic.csv", tables.RAW_LISTINGS, rows, truth, {})


def _announcements() -> Good:
    rows: list[list[object]] = [["代码", "名称", "公告标题", "公告类型", "公告日期", "网址"]]
    truth: Truth = {}
    for at, code in enumerate(CODES):
        title, url = f"第{at}号公告, “合同”", f"https://example.com/{at}"
        rows.append([code[:6], "某公司", title, "重大事项", CLOSE.isoformat(), url])
        truth[code, CLOSE, title] = {"category": "重大事项", "url": url}
    name = "stock_notice_report_20260227.csv"
    return Good(name, tables.RAW_ANNOUNCEMENTS, rows, truth, {})


GOOD = {
    good.name: good
    for good in (
        _daily(), _basic(), _factors(), _wind(), _value_em(), _index(), _income(), _accounts(),
        _listings(), _announcements(),
    )
}  # fmt: skip


def values(good: Good, *contents: bytes, names: Sequence[str] = ()) -> Truth:
    """What reading makes of contents under the good file's name (or names of their own)."""
    given = names or [good.name] * len(contents)
    deliveries = [Delivery("", name, each) for name, each in zip(given, contents, strict=True)]
    frame = layouts.read(deliveries, good.table, ONE_SESSION).frame
    columns = {column: None for row in good.truth.values() for column in row}
    return {
        tuple(row[column] for column in good.key): {column: row[column] for column in columns}
        for row in frame.astype(object).where(frame.notna(), None).to_dict("records")
    }


def with_cell(good: Good, header: str, cell: object, row: int = 1) -> Rows:
    """The rows with another cell."""
    at = good.rows[0].index(header)
    return [
        [cell if (down, across) == (row, at) else old for across, old in enumerate(cells)]
        for down, cells in enumerate(good.rows)
    ]


def key_of(good: Good, row: int = 1) -> Key:
    """The key of a row of the file."""
    return list(good.truth)[row - 1]


# --- how a number may be written ---------------------------------------------------------------

REFUSED = (
    "nan", "NaN", "inf", "-inf", "Infinity", "1e308", "-1e308", "1e999", "1e999999999",
    "1E+99999999999999999999", "9" * 40, "1,23", "12,34,567", "1.234,5", "1.2.3", "1 5", "15 25",
    "(15.25)", "15.25-", "15.25①", "15.25²", "１５.２５③", "15.25*", "15.25%", "1_5", "0x1F", "'15.25",
    "十五", "½", "٣٫٥", "–15.25", "15..25", "--15", "+-15", "15.25元整", "#REF!", "#DIV/0!", "#NAME?",
    "TRUE", "2026-02-27", "15\u200b25", "1e", "e5", ",5", "15,", "$15.25", "~15.25", ">15", "约15",
)  # fmt: skip
"""None of these is a number."""

READ = {
    "15.25": 15.25, " 15.25 ": 15.25, "+15.25": 15.25, "15.250": 15.25, "015.25": 15.25,
    "１５．２５": 15.25, "1,525": 1525.0, "1 525": 1525.0, "１，５２５": 1525.0, "1.525e1": 15.25,
    "1.525E+01": 15.25, "15.": 15.0, ".5": 0.5,
}  # fmt: skip
"""Each of these is one, and which."""

NEGATIVE = {sign + "15.25": -15.25 for sign in "-\N{MINUS SIGN}\N{SMALL HYPHEN-MINUS}－"}


# --- spoiled workbooks -------------------------------------------------------------------------


def archive(content: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """A workbook whose parts were changed."""
    source = zipfile.ZipFile(io.BytesIO(content))
    parts = {name: source.read(name) for name in source.namelist()}
    change(parts)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return target.getvalue()


def sheet_part(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook whose first sheet's markup was changed."""

    def changed(parts: dict[str, bytes]) -> None:
        name = "xl/worksheets/sheet1.xml"
        parts[name] = change(parts[name])

    return archive(content, changed)


def with_formula(rows: Rows, formula: str, result: str | float | None) -> bytes:
    """A workbook whose last cell is a formula; without a result as programs write it."""
    if result is None:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(list(row))
        book.active.cell(len(rows), len(rows[0]), formula)
        file = io.BytesIO()
        book.save(file)
        return file.getvalue()
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as made:
        sheet = made.add_worksheet()
        for down, row in enumerate(rows):
            for across, cell in enumerate(row):
                sheet.write(down, across, cell)
        sheet.write_formula(len(rows) - 1, len(rows[0]) - 1, formula, None, result)
    return file.getvalue()


def xlsx(rows: Rows) -> bytes:
    """An .xlsx workbook."""
    return WRITERS["openpyxl"][1](rows)


def xls(rows: Rows) -> bytes:
    """An .xls workbook."""
    return WRITERS["xlwt"][1](rows)


def csv(rows: Rows) -> bytes:
    """A CSV file in UTF-8."""
    return text(rows)


def frame_of(truth: Truth) -> pd.DataFrame:
    """A truth as a frame, for messages."""
    return pd.DataFrame.from_dict({str(key): row for key, row in truth.items()}, orient="index")
