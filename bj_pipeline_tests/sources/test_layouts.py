import csv
import datetime as dt
import io
import time
from decimal import Decimal

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bj_pipeline import issues
from bj_pipeline.errors import DataError
from bj_pipeline.issues import Issue
from bj_pipeline.sources import Delivery, cells, layouts, mappings, selection, spreadsheets
from bj_pipeline.sources.files import FilesSource
from bj_pipeline.sources.views import UnknownLayoutError
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.vendor_files import (
    ISSUE_65,
    MARKET,
    ONE_SESSION,
    WRITERS,
    call,
    file,
    needs_market,
    office,
    openpyxl_xlsx,
    text,
)

BASE, CLOSE = dt.date(2026, 2, 13), dt.date(2026, 2, 27)
MIDNIGHT = dt.datetime.combine(CLOSE, dt.time())
DAILY = ["ts_code", "trade_date", "close", "vol"]
BASIC = ["ts_code", "trade_date", "close", "total_share", "total_mv", "pe_ttm"]


def daily(*rows, name="daily.csv") -> Delivery:
    return file(name, [DAILY, *rows])


def quotes(code="920493.BJ", base="152.1", close="160.2"):
    return [[code, "20260213", base, "10"], [code, "20260227", close, "12"]]


def factors(*rows, name="adj_factor.csv"):
    return file(name, [["ts_code", "trade_date", "adj_factor"], *rows])


FACTORS = [["920493.BJ", "20260213", "1"], ["920493.BJ", "20260227", "1.4"]]


def read(table, *deliveries, issue=ONE_SESSION):
    return layouts.read(deliveries, table, issue)


def values(frame: pd.DataFrame, *columns) -> list[tuple]:
    """Rows as tuples, None where empty."""
    picked = frame[list(columns)].astype(object)
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in picked.to_numpy()]


# --- what comes out ---------------------------------------------------------------------------


@pytest.mark.parametrize("table", tables.RAW_TABLES)
def test_a_table_that_no_file_gives_is_empty_typed_and_said_to_be_missing(table):
    reading = read(table)
    assert tuple(reading.frame.columns) == tables.columns(table)
    assert len(reading.frame) == len(reading.files) == 0
    assert reading.notes == (f"no file gives {table}",)


def test_columns_have_tidy_types_and_rows_are_sorted_by_key():
    frame = read(tables.RAW_QUOTES, daily(*quotes("920799.BJ"), *quotes("920002.BJ"))).frame
    assert tuple(frame.columns) == tables.columns(tables.RAW_QUOTES)
    assert values(frame, "code", "date", "source_file") == [
        ("920002.BJ", BASE, "daily.csv"),
        ("920002.BJ", CLOSE, "daily.csv"),
        ("920799.BJ", BASE, "daily.csv"),
        ("920799.BJ", CLOSE, "daily.csv"),
    ]
    assert all(type(day) is dt.date for day in frame["date"])
    assert pd.api.types.is_string_dtype(frame["code"])
    assert frame["close"].dtype == frame["adj_factor"].dtype == np.float64


def test_each_file_is_listed_with_its_hash_and_the_rows_it_had_a_part_in():
    source, others = daily(*quotes(), *quotes("920002.BJ")), factors(*FACTORS)
    files = read(tables.RAW_QUOTES, source, others).files
    assert list(files.columns) == [
        "name", "vendor", "interface", "sha256", "position", "bytes", "rows",
    ]  # fmt: skip
    assert values(files, "name", "vendor", "interface", "sha256", "position", "bytes", "rows") == [
        ("daily.csv", "tushare", "daily", source.sha256, 0, len(source.content), 4),
        ("adj_factor.csv", "tushare", "adj_factor", others.sha256, 1, len(others.content), 2),
    ]


# --- Tushare ----------------------------------------------------------------------------------


def test_tushare_lots_and_ten_thousands_become_shares_and_yuan():
    basic = file(
        "daily_basic.csv",
        [
            BASIC,
            ["920493.BJ", "20260213", "1", "5828.0001", "1000.5", "7"],
            ["920493.BJ", "20260227", "1", "5828.0001", "1100.5", "-8"],
        ],
    )
    frame = read(tables.RAW_VALUATIONS, basic).frame
    assert values(frame, "vendor", "total_shares", "market_cap", "pe_ttm", "pe_ttm_is_loss") == [
        ("tushare", 58_280_001.0, 10_005_000.0, 7.0, False),
        ("tushare", 58_280_001.0, 11_005_000.0, -8.0, False),
    ]
    assert read(tables.RAW_QUOTES, daily(*quotes())).frame["volume"].tolist() == [1000.0, 1200.0]


def test_a_blank_pe_of_tushare_is_a_loss_but_not_on_a_row_without_any_figure():
    basic = file(
        "daily_basic.csv",
        [
            BASIC,
            ["920493.BJ", "20260213", "1", "2", "3", "4"],
            ["920493.BJ", "20260227", "1", "2", "3", ""],
            ["920494.BJ", "20260227", "", "", "", ""],
        ],
    )
    reading = read(tables.RAW_VALUATIONS, basic)
    assert values(reading.frame, "code", "date", "pe_ttm", "pe_ttm_is_loss") == [
        ("920493.BJ", BASE, 4.0, False),
        ("920493.BJ", CLOSE, None, True),
    ]
    assert "daily_basic.csv: 1 rows left out (920494.BJ) without a figure" in reading.notes


def test_only_full_years_are_read_and_corrected_accounts_replace_the_first_ones():
    header = [
        "ts_code",
        "ann_date",
        "f_ann_date",
        "end_date",
        "report_type",
        "total_revenue",
        "n_income_attr_p",
        "update_flag",
    ]
    income = file(
        "income.csv",
        [
            header,
            ["920493.BJ", "20250425", "20250425", "20241231", "1", "100", "10", "0"],
            ["920493.BJ", "20250425", "20251025", "20241231", "1", "101", "11", "1"],
            ["920493.BJ", "20250425", "20250425", "20241231", "6", "55", "5", "0"],
            ["920493.BJ", "20251025", "20251025", "20250930", "1", "70", "7", "0"],
        ],
    )
    reading = read(tables.RAW_FINANCIALS, income)
    assert values(reading.frame, "fiscal_year", "revenue", "net_profit", "published") == [
        (2024, 101.0, 11.0, dt.date(2025, 4, 25))
    ]
    assert "income.csv: 1 rows left out (920493.BJ) of quarters" in reading.notes


def test_full_results_of_daily_and_index_daily_are_told_apart_by_their_codes():
    header = [
        "ts_code",
        "trade_date",
        "close",
        "open",
        "high",
        "low",
        "pre_close",
        "change",
        "pct_chg",
        "vol",
        "amount",
    ]

    def result(code):
        return file("export.csv", [header, [code, "20260227", *["1"] * 9]])

    assert layouts.recognise(result("920493.BJ")).interface == "daily"
    assert layouts.recognise(result("000688.SH")).interface == "index_daily"


def test_an_index_keeps_its_code_and_a_company_is_none():
    index = [
        ["ts_code", "trade_date", "close"],
        ["000688.SH", "20260213", "1"],
        ["000688.SH", "20260227", "2"],
    ]
    assert read(tables.RAW_INDEX_QUOTES, file("index_daily.csv", index)).frame["code"].unique() == [
        "000688.SH"
    ]
    index[2][0] = "000688.SZ"
    with pytest.raises(DataError, match=r"index_daily.csv, line 3.*index's, found 000688.SZ"):
        read(tables.RAW_INDEX_QUOTES, file("index_daily.csv", index))
    index[2][0] = "000688"
    with pytest.raises(DataError, match=r"line 3.*names its exchange"):
        read(tables.RAW_INDEX_QUOTES, file("index_daily.csv", index))


def test_a_company_of_another_exchange_is_left_out_and_named():
    reading = read(tables.RAW_QUOTES, daily(*quotes(), *quotes("600000.SH"), *quotes("000688.SZ")))
    assert reading.frame["code"].unique().tolist() == ["920493.BJ"]
    assert (
        "daily.csv: 4 rows left out (600000.SH, 000688.SZ) of indices or other exchanges"
        in reading.notes
    )


def test_a_result_of_exactly_the_vendors_row_cap_was_cut():
    rows = [
        [f"92{number % 3000:04d}.BJ", day, "1", "2", "3", "4"]
        for day in ("20260213", "20260227")
        for number in range(3000)
    ]
    basic = call("tushare", "daily_basic", [BASIC, *rows])
    with pytest.raises(DataError, match=r"daily_basic.csv.*cap of 6000.*fetch fewer days"):
        read(tables.RAW_VALUATIONS, basic)
    one_less = call("tushare", "daily_basic", [BASIC, *rows[:-1]])
    assert len(read(tables.RAW_VALUATIONS, one_less).frame) == 5999


@needs_market
def test_a_result_that_was_cut_in_the_middle_of_a_day_is_refused_even_in_part():
    content = (MARKET / "traps" / "daily_basic_cut_at_row_cap.csv").read_bytes()
    week = Issue(1, "2026-W22", (dt.date(2026, 5, 27),), dt.date(2026, 5, 26))
    basic = Delivery("tushare", "daily_basic.csv", content, "daily_basic")
    with pytest.raises(DataError, match="was cut") as raised:
        read(tables.RAW_VALUATIONS, basic, issue=week)
    assert raised.value.found == "36 on 2026-05-26, 315 on another day"


# --- AkShare ----------------------------------------------------------------------------------

VALUE_EM = [
    "数据日期",
    "当日收盘价",
    "当日涨跌幅",
    "总市值",
    "流通市值",
    "总股本",
    "流通股本",
    "PE(TTM)",
    "PE(静)",
    "市净率",
    "PEG值",
    "市现率",
    "市销率",
]
HIST = [
    "日期",
    "股票代码",
    "开盘",
    "收盘",
    "最高",
    "最低",
    "成交量",
    "成交额",
    "振幅",
    "涨跌幅",
    "涨跌额",
    "换手率",
]


def value_em(code, *rows):
    filled = [
        [day, close, "", cap, "", shares, "", pe, *[""] * 5] for day, close, cap, shares, pe in rows
    ]
    return call("akshare", "stock_value_em", [VALUE_EM, *filled], symbol=code)


def hist(code, *rows, adjust=""):
    filled = [[day, code, close, close, close, close, "7", *["0"] * 5] for day, close in rows]
    parameters = {"symbol": code} | ({"adjust": adjust} if adjust else {})
    return call("akshare", "stock_zh_a_hist", [HIST, *filled], **parameters)


def test_akshare_values_of_a_company_feed_quotes_and_valuations_with_adjusted_closes_beside():
    value = value_em("920493", ["2026-02-13", 10, 1000, 100, -5], ["2026-02-27", 12, 1200, 100, ""])
    adjusted = hist("920493", ["2026-02-13", 15], ["2026-02-27", 24], adjust="hfq")
    quotes = read(tables.RAW_QUOTES, value, adjusted).frame
    assert values(quotes, "code", "close", "adj_factor", "volume", "source_file") == [
        ("920493.BJ", 10.0, 1.5, 700.0, value.name),
        ("920493.BJ", 12.0, 2.0, 700.0, value.name),
    ]
    frame = read(tables.RAW_VALUATIONS, value).frame
    assert values(frame, "vendor", "market_cap", "total_shares", "pe_ttm", "pe_ttm_is_loss") == [
        ("akshare", 1000.0, 100.0, -5.0, False),
        ("akshare", 1200.0, 100.0, None, False),
    ]


def test_files_of_many_companies_are_read_together_though_one_did_not_trade():
    traded = value_em("920493", ["2026-02-13", 10, 1, 1, 1], ["2026-02-27", 12, 1, 1, 1])
    halted = value_em("920305", ["2026-02-04", 5, 1, 1, 1])
    reading = read(tables.RAW_QUOTES, traded, halted)
    assert values(reading.frame, "code", "date", "close") == [
        ("920305.BJ", dt.date(2026, 2, 4), 5.0),
        ("920493.BJ", BASE, 10.0),
        ("920493.BJ", CLOSE, 12.0),
    ]
    assert reading.files["rows"].tolist() == [2, 1]


def test_the_unadjusted_history_gives_closes_and_must_agree_with_the_values():
    value = value_em("920493", ["2026-02-13", 10, 1, 1, 1], ["2026-02-27", 12, 1, 1, 1])
    same = hist("920493", ["2026-02-13", 10], ["2026-02-27", 12])
    assert read(tables.RAW_QUOTES, value, same).frame["close"].tolist() == [10.0, 12.0]
    other = hist("920493", ["2026-02-13", 10], ["2026-02-27", 24])
    with pytest.raises(DataError, match=r"close of 920493.BJ is 12.0 in .*line 3, found 24.0"):
        read(tables.RAW_QUOTES, value, other)


def test_adjusted_closes_below_zero_are_refused():
    value = value_em("920493", ["2026-02-13", 10, 1, 1, 1], ["2026-02-27", 12, 1, 1, 1])
    adjusted = hist("920493", ["2026-02-13", -1], ["2026-02-27", 2], adjust="qfq")
    with pytest.raises(DataError, match=r"adjusted closes are greater than zero.*后复权"):
        read(tables.RAW_QUOTES, value, adjusted)


def test_a_result_that_names_no_company_needs_the_calls_parameter():
    nameless = Delivery("akshare", "values.csv", text([VALUE_EM, ["2026-02-27", *["1"] * 12]]))
    with pytest.raises(DataError, match=r"called for one symbol.*stock_value_em_920493.csv"):
        layouts.recognise(nameless)


def test_index_histories_of_akshare_name_their_exchange_by_parameter():
    header = ["date", "open", "close", "high", "low", "volume", "amount"]
    rows = [header, ["2026-02-13", *"123456"], ["2026-02-27", *"234567"]]
    both = [
        call("akshare", "stock_zh_index_daily_em", rows, symbol=code)
        for code in ("bj899050", "sh000688")
    ]
    assert values(read(tables.RAW_INDEX_QUOTES, *both).frame, "code", "close") == [
        ("000688.SH", 2.0),
        ("000688.SH", 3.0),
        ("899050.BJ", 2.0),
        ("899050.BJ", 3.0),
    ]
    bare = call("akshare", "stock_zh_index_daily_em", rows, symbol="000688")
    with pytest.raises(DataError, match="names its exchange"):
        read(tables.RAW_INDEX_QUOTES, bare)


def test_yearly_results_of_akshare_belong_to_the_year_of_the_call():
    rows = [
        ["股票代码", "股票简称", "营业总收入-营业总收入", "净利润-净利润", "最新公告日期"],
        ["920493", "并行科技", "655000000", "12000000", "2025-04-25"],
        ["600000", "浦发银行", "1", "1", "2025-04-25"],
    ]
    year = call("akshare", "stock_yjbb_em", rows, date="20241231")
    assert values(
        read(tables.RAW_FINANCIALS, year).frame,
        "code",
        "fiscal_year",
        "revenue",
        "net_profit",
        "published",
    ) == [("920493.BJ", 2024, 655e6, 12e6, dt.date(2025, 4, 25))]
    quarter = call("akshare", "stock_yjbb_em", rows, date="20250930")
    assert read(tables.RAW_FINANCIALS, quarter).frame.empty


@needs_market
@pytest.mark.parametrize("table", [tables.RAW_QUOTES, tables.RAW_VALUATIONS])
def test_a_spot_list_is_recognised_and_refused_with_the_reason(table):
    content = (MARKET / "akshare" / "stock_spot_em_20260213.csv").read_bytes()
    spot = Delivery("", "stock_spot_em_20260213.csv", content)
    assert layouts.recognise(spot).interface == "stock_bj_a_spot_em"
    with pytest.raises(DataError, match=r"no date.*dynamic.*stock_value_em"):
        read(table, spot)


@needs_market
def test_announcements_of_the_issues_week_are_taken_from_the_real_list():
    content = (MARKET / "akshare" / "stock_notice_report_sample.csv").read_bytes()
    notices = Delivery("", "notices.csv", content)
    week = Issue(1, "2026-W30", (dt.date(2026, 7, 20), dt.date(2026, 7, 24)), dt.date(2026, 7, 17))
    reading = read(tables.RAW_ANNOUNCEMENTS, notices, issue=week)
    rows = list(csv.DictReader(content.decode().splitlines()))
    expected = [row for row in rows if "2026-07-20" <= row["公告日期"] <= "2026-07-26"]
    assert expected
    assert sorted(reading.frame["url"]) == sorted(row["网址"] for row in expected)
    assert f"notices.csv: {len(rows) - len(expected)} rows of other days left out" in reading.notes


# --- spreadsheets of Wind and iFinD -----------------------------------------------------------

WIND = [
    ["沪深京行情", None, None, None, None, None, None, None],
    [
        "总市值\n[交易日期] 2026-02-27\n[单位] 亿元",
        "证券代码",
        "证券简称",
        "收盘价\n[交易日期] 2026-02-27\n[单位] 元",
        "收盘价\n[交易日期] 2026-02-13\n[单位] 元",
        "总市值\n[交易日期] 2026-02-13\n[单位] 万元",
        "市盈率PE(TTM)\n[交易日期] 2026-02-27\n[单位] 倍",
        "总股本\n[交易日期] 2026-02-27\n[单位] 万股",
    ],
    ["1,017.6", "920493.BJ", "并行科技", 152.5, "150.00", "1,200", "－20.5", 5828],
    [7.25, 920002.0, "DR万达轴", "１０４.４４", 100, 72000, "--", "4,550.2968"],
    [None, "BJ920168", "通宝光电", 20, "--", None, "亏损", 1],
    [None, "830799", "艾融软件", None, None, None, None, None],
    ["数据来源：Wind", None, None, None, None, None, None, None],
]
WIND_QUOTES = [
    ("920002.BJ", BASE, 100.0),
    ("920002.BJ", CLOSE, 104.44),
    ("920168.BJ", CLOSE, 20.0),
    ("920493.BJ", BASE, 150.0),
    ("920493.BJ", CLOSE, 152.5),
]
WIND_VALUATIONS = [
    ("920002.BJ", BASE, None, 720_000_000.0, None, False),
    ("920002.BJ", CLOSE, 45_502_968.0, 725_000_000.0, None, False),
    ("920168.BJ", CLOSE, 10_000.0, None, None, True),
    ("920493.BJ", BASE, None, 12_000_000.0, None, False),
    ("920493.BJ", CLOSE, 58_280_000.0, 101_760_000_000.0, -20.5, False),
]


def check_wind(content: bytes, name: str) -> None:
    source = Delivery("", name, content)
    reading = read(tables.RAW_QUOTES, source)
    assert values(reading.frame, "code", "date", "close") == WIND_QUOTES
    assert any("920799" in note or "830799" in note for note in reading.notes)
    frame = read(tables.RAW_VALUATIONS, source).frame
    assert set(frame["vendor"]) == {"wind"}
    assert (
        values(frame, "code", "date", "total_shares", "market_cap", "pe_ttm", "pe_ttm_is_loss")
        == WIND_VALUATIONS
    )


@pytest.mark.parametrize("writer", WRITERS)
def test_a_wind_sheet_reads_the_same_in_every_format(writer):
    suffix, write = WRITERS[writer]
    check_wind(write(WIND), f"export{suffix}")


@pytest.mark.parametrize("suffix", ["xls", "xlsx"])
def test_a_wind_sheet_reads_the_same_from_libreoffice(suffix, tmp_path):
    check_wind(office(WIND, suffix, tmp_path / suffix), f"export.{suffix}")


def test_columns_may_come_in_any_order_and_titles_may_be_merged():
    turned = [[row[at] for at in (3, 2, 1, 7, 6, 5, 4, 0)] for row in WIND]
    turned[0] = ["沪深京行情", *[None] * 7]
    turned[-1] = ["数据来源：Wind", *[None] * 7]
    check_wind(openpyxl_xlsx(turned, merge=["A1:H1"]), "export.xlsx")


def sheet(*rows, name="wind.xlsx"):
    return Delivery("", name, openpyxl_xlsx(rows))


def test_days_below_a_merged_label_are_melted_to_rows():
    two_rows = sheet(
        ["证券代码", "证券简称", "收盘价(元)", None, "总市值（亿元）", None],
        [None, None, BASE, MIDNIGHT, "2026年2月13日", 20260227],
        ["920493.BJ", "并行科技", 1, 2, 3, 4],
    )
    assert read(tables.RAW_QUOTES, two_rows).frame["close"].tolist() == [1.0, 2.0]
    assert read(tables.RAW_VALUATIONS, two_rows).frame["market_cap"].tolist() == [3e8, 4e8]


def test_labels_may_stand_above_the_row_of_codes_and_days():
    above = sheet(
        [None, None, "收盘价", None],
        ["证券代码", "证券简称", "2026/2/13", "2026-02-27 00:00:00"],
        ["920493.BJ", "并行科技", 1, 2],
    )
    assert read(tables.RAW_QUOTES, above).frame["close"].tolist() == [1.0, 2.0]


def test_a_column_of_days_dates_the_rows():
    by_day = sheet(
        ["日期", "证券代码", "收盘价", "总市值(万元)", "收盘价(后复权)"],
        [BASE, 920493, 10, 3, 15],
        ["2026-02-27", 920493, 12, 4, 24],
    )
    frame = read(tables.RAW_QUOTES, by_day).frame
    assert values(frame, "date", "close", "adj_factor") == [(BASE, 10.0, 1.5), (CLOSE, 12.0, 2.0)]


def test_the_day_of_a_title_dates_the_columns_and_an_export_day_does_not():
    rows = [["证券代码", "总市值(亿元)"], ["920493.BJ", 1]]
    dated = sheet(["截止日期：2026-02-27", None], *rows)
    assert read(tables.RAW_VALUATIONS, dated).frame["date"].tolist() == [CLOSE]
    with pytest.raises(DataError, match="of which day it is, found 总市值"):
        layouts.recognise(sheet(["导出日期：2026-02-27", None], *rows))


@pytest.mark.parametrize("day", ["最新收盘日", "最新", "本周"])
def test_a_day_that_is_not_written_out_is_refused(day):
    vague = sheet(["证券代码", f"收盘价\n[交易日期] {day}\n[单位] 元"], ["920493.BJ", 1])
    with pytest.raises(DataError, match=f"line 1.*of which day.*{day}.*written out"):
        layouts.recognise(vague)


@pytest.mark.parametrize(
    ("header", "table", "column", "expected"),
    [
        ("总市值[单位]亿元[交易日期]20260227", "raw_valuations", "market_cap", 2e8),
        ("总市值 （万元） 2026-02-27", "raw_valuations", "market_cap", 2e4),
        ("总市值1\n[交易日期] 2026-02-27\n[单位] 元↓", "raw_valuations", "market_cap", 2.0),
        ("总市值亿元\n2026.02.27", "raw_valuations", "market_cap", 2e8),
        ("【交易日期】2026-02-27\n总市值\n【单位】百万元", "raw_valuations", "market_cap", 2e6),
        ("总股本（亿股）\n2026-02-27", "raw_valuations", "total_shares", 2e8),
        ("总股本\n[交易日期] 2026-02-27\n[单位] 手", "raw_valuations", "total_shares", 200.0),
        ("市盈率(PE,TTM)\n[交易日期]2026-02-27", "raw_valuations", "pe_ttm", 2.0),
        ("市盈率 PE（ＴＴＭ）\n2026-02-27", "raw_valuations", "pe_ttm", 2.0),
        ("市盈率\n[计算方法] TTM\n[交易日期] 2026-02-27", "raw_valuations", "pe_ttm", 2.0),
        (
            "营业总收入\n[报告期] 2024年报\n[报表类型] 合并报表\n[单位] 亿元",
            "raw_financials",
            "revenue",
            2e8,
        ),
        ("2024年营业收入(万元)", "raw_financials", "revenue", 2e4),
        (
            "归属母公司股东的净利润\n[报告期] 2024-12-31\n[单位] 元",
            "raw_financials",
            "net_profit",
            2.0,
        ),
        ("归母净利润\n[年度] 2024\n[单位] 千元", "raw_financials", "net_profit", 2e3),
    ],
)
def test_header_cells_are_understood_in_their_variants(header, table, column, expected):
    frame = read(table, sheet(["证券代码", header], ["920493.BJ", 2])).frame
    assert frame[column].tolist() == [expected]
    if table == "raw_financials":
        assert frame["fiscal_year"].tolist() == [2024]


@pytest.mark.parametrize(
    "header",
    [
        "市盈率(动态)\n2026-02-27",
        "市盈率PE(LYR)\n2026-02-27",
        "总市值(美元)\n2026-02-27",
        "净利润\n[报告期] 2024年报\n[报表类型] 母公司报表",
        "营业总收入\n[报告期] 2025三季报",
        "流通市值\n[交易日期] 2026-02-27\n[单位] 亿元",
    ],
)
def test_a_measure_that_only_looks_alike_is_left_out_and_named(header):
    alike = sheet(
        ["证券代码", "收盘价\n2026-02-27", "收盘价\n2026-02-13", header], ["920493.BJ", 1, 2, 3]
    )
    reading = read(tables.RAW_QUOTES, alike)
    named = " ".join(reading.notes)
    assert header.split("\n")[0].replace("（", "(") in named
    for table in (tables.RAW_VALUATIONS, tables.RAW_FINANCIALS):
        assert read(table, alike).frame.empty


def test_a_unit_of_another_kind_is_refused():
    wrong = sheet(["证券代码", "总股本\n[交易日期] 2026-02-27\n[单位] 亿元"], ["920493.BJ", 1])
    with pytest.raises(DataError, match=r"the unit is one of 股, 手, 万股.*found 亿元"):
        layouts.recognise(wrong)


def test_a_missing_unit_is_read_as_yuan_and_said():
    reading = read(
        tables.RAW_VALUATIONS, sheet(["代码", "总市值 2026-02-27"], ["920493", "17.6亿"])
    )
    assert reading.frame["market_cap"].tolist() == [1.76e9]
    assert any("no unit given, read as 元" in note for note in reading.notes)


def test_a_unit_inside_a_cell_must_be_that_of_the_header():
    cell = ["920493", "17.6亿"]
    with pytest.raises(
        DataError, match=r"line 2.*a unit in the cell is one of: 万元, found 17.6亿"
    ):
        read(tables.RAW_VALUATIONS, sheet(["代码", "总市值(万元) 2026-02-27"], cell))


def test_percentages_are_fractions_as_text():
    percent = cells.numbers(["3.25%", "－1,234.5％"], units={"%": 0.01})
    assert percent.tolist() == [0.0325, pytest.approx(-12.345)]


@pytest.mark.parametrize(
    ("rows", "vendor", "remark"),
    [
        (
            [["证券代码", "收盘价 2026-02-27"], ["920493.BJ", 1], ["数据来源：同花顺iFinD", None]],
            "ifind",
            None,
        ),
        ([["证券代码", "证券名称", "收盘价 2026-02-27"], ["920493.BJ", "x", 1]], "ifind", None),
        (
            [["证券代码", "收盘价 2026-02-27"], ["920493.BJ", 1]],
            "wind",
            "names no vendor; read as wind",
        ),
    ],
)
def test_the_vendor_is_told_by_footer_or_labels(rows, vendor, remark):
    layout = layouts.recognise(sheet(*rows, name="closes.xlsx"))
    assert layout.vendor == vendor
    assert remark is None or any(remark in note for note in layout.notes)
    assert layouts.recognise(sheet(*rows, name="ifind_closes.xlsx")).vendor == "ifind"


def test_summaries_and_remarks_between_and_below_the_companies_are_no_companies():
    rows = sheet(
        ["证券代码", "收盘价 2026-02-13", "收盘价 2026-02-27"],
        ["电子设备", None, None],
        ["920493.BJ", 1, 2],
        ["平均值", 1, 2],
        ["注：停牌公司取停牌前价格", None, None],
        ["920002.BJ", 5, 6],
    )
    reading = read(tables.RAW_QUOTES, rows)
    assert reading.frame["code"].unique().tolist() == ["920493.BJ"]
    assert {
        "wind.xlsx, line 2: no company, left out (电子设备)",
        "wind.xlsx, line 4: no company, left out (平均值)",
    } <= set(reading.notes)


def test_indices_and_companies_of_one_sheet_feed_their_own_tables():
    both = sheet(
        ["代码", "收盘价 2026-02-13", "收盘价 2026-02-27"],
        ["920493.BJ", 1, 2],
        ["899050.BJ", 1500, 1600],
        ["000688.SH", 1000, 1100],
    )
    assert read(tables.RAW_QUOTES, both).frame["code"].unique().tolist() == ["920493.BJ"]
    index = read(tables.RAW_INDEX_QUOTES, both).frame
    assert index["code"].unique().tolist() == ["000688.SH", "899050.BJ"]


def test_names_alone_are_refused_with_what_was_understood_and_what_was_not():
    names = sheet(["证券简称", "收盘价 2026-02-27"], ["并行科技", 1])
    with pytest.raises(UnknownLayoutError, match=r"line 1.*not understood: .*证券简称"):
        layouts.recognise(names)
    neither = sheet(["证券代码", "证券简称", "好感度"], ["920493.BJ", "并行科技", 1])
    with pytest.raises(DataError, match="understood: 证券代码, 证券简称; not understood: 好感度"):
        layouts.recognise(neither)


def test_announcements_without_a_day_are_refused():
    dayless = sheet(["代码", "公告标题", "哪天"], ["920493", "关于回购的公告", "2026-02-26"])
    with pytest.raises(DataError, match=r"raw_announcements has a column for date"):
        layouts.recognise(dayless)


def test_every_filled_sheet_of_a_workbook_is_read():
    book = openpyxl.Workbook()
    for row in (["代码", "收盘价 2026-02-13"], ["920493", 1]):
        book.active.append(row)
    second = book.create_sheet("本周")
    for row in (["代码", "收盘价 2026-02-27"], ["920493", "x"]):
        second.append(row)
    content = io.BytesIO()
    book.save(content)
    with pytest.raises(DataError, match=r"wind.xlsx \[本周\], line 2.*finite number, found x"):
        read(tables.RAW_QUOTES, Delivery("", "wind.xlsx", content.getvalue()))


# --- several files ----------------------------------------------------------------------------


def test_closes_and_factors_meet_on_company_and_day_and_a_factor_alone_is_no_quote():
    alone = ["920002.BJ", "20260227", "2"]
    reading = read(tables.RAW_QUOTES, factors(*FACTORS, alone), daily(*quotes()))
    assert values(reading.frame, "code", "close", "adj_factor", "source_file") == [
        ("920493.BJ", 152.1, 1.0, "daily.csv"),
        ("920493.BJ", 160.2, 1.4, "daily.csv"),
    ]
    assert "1 adjustment factors without a close were left out" in reading.notes


def test_a_close_without_factor_is_kept_and_named():
    reading = read(tables.RAW_QUOTES, daily(*quotes(), *quotes("920002.BJ")), factors(*FACTORS))
    assert reading.frame["adj_factor"].isna().sum() == 2
    assert "2 closes without an adjustment factor (920002.BJ)" in reading.notes


def test_repeated_rows_are_taken_once_and_said():
    reading = read(tables.RAW_QUOTES, daily(*quotes(), *quotes()))
    assert len(reading.frame) == 2
    assert "2 repeated rows were taken once" in reading.notes


def test_files_that_contradict_each_other_are_refused_with_both_lines():
    other = daily(*quotes("920002.BJ"), *quotes(close="999"), name="daily_20260227.csv")
    with pytest.raises(DataError) as raised:
        read(tables.RAW_QUOTES, daily(*quotes()), other)
    assert (raised.value.file, raised.value.row, raised.value.found) == (
        "daily_20260227.csv",
        5,
        "999.0",
    )
    assert "close of 920493.BJ is 160.2 in daily.csv, line 3" in raised.value.rule


def test_a_loss_contradicts_a_number():
    rows = [
        ["920493.BJ", "20260227", "1", "2", "3", ""],
        ["920493.BJ", "20260227", "1", "2", "3", "9"],
    ]
    with pytest.raises(DataError, match=r"pe_ttm of 920493.BJ is a loss in .*line 2, found 9.0"):
        read(tables.RAW_VALUATIONS, file("daily_basic.csv", [BASIC, *rows]))


def test_old_and_new_code_of_one_day_must_agree():
    old, new = quotes("430017.BJ"), quotes("920017.BJ")
    assert len(read(tables.RAW_QUOTES, daily(*old, *new)).frame) == 2
    with pytest.raises(DataError, match=r"agree: close of 920017.BJ"):
        read(tables.RAW_QUOTES, daily(*old, *quotes("920017.BJ", close="1")))


def test_two_vendors_may_differ_in_pe_and_both_are_kept():
    basic = file(
        "daily_basic.csv",
        [
            BASIC,
            ["920207.BJ", "20260213", "1", "2", "3", "4"],
            ["920207.BJ", "20260227", "1", "2", "3", "4088.2"],
        ],
    )
    terminal = sheet(
        ["证券代码", "市盈率(PE,TTM)\n2026-02-27"], ["920207.BJ", -198.44], name="ifind.xlsx"
    )
    frame = read(tables.RAW_VALUATIONS, basic, terminal).frame
    assert values(frame[frame["date"] == CLOSE], "vendor", "pe_ttm") == [
        ("ifind", -198.44),
        ("tushare", 4088.2),
    ]


def test_a_companys_quotes_come_from_the_first_vendor_that_has_them():
    terminal = sheet(
        ["证券代码", "收盘价 2026-02-13", "收盘价 2026-02-27"],
        ["920493.BJ", 1, 2],
        ["920002.BJ", 3, 4],
    )
    reading = read(tables.RAW_QUOTES, daily(*quotes()), terminal)
    assert values(reading.frame, "code", "close") == [
        ("920002.BJ", 3.0),
        ("920002.BJ", 4.0),
        ("920493.BJ", 152.1),
        ("920493.BJ", 160.2),
    ]
    assert any(
        "tushare comes first; wind is used only for 1 companies" in note for note in reading.notes
    )


def test_an_announcement_listed_under_two_kinds_is_taken_once():
    header = ["代码", "名称", "公告标题", "公告类型", "公告日期", "网址"]
    rows = [["920493", "x", "关于回购的公告", kind, "2026-02-26", kind] for kind in "ab"]
    reading = read(tables.RAW_ANNOUNCEMENTS, file("n.csv", [header, *rows]))
    assert values(reading.frame, "title", "category", "url") == [("关于回购的公告", "a", "a")]


# --- the issue's days -------------------------------------------------------------------------


def test_a_suspended_company_keeps_its_last_row_before_the_base_date():
    halted = [["920305.BJ", "20260203", "5", "1"], ["920305.BJ", "20260204", "6", "1"]]
    reading = read(tables.RAW_QUOTES, daily(*quotes(), *halted))
    assert values(reading.frame, "code", "date", "close")[0] == (
        "920305.BJ",
        dt.date(2026, 2, 4),
        6.0,
    )
    assert len(reading.frame) == 3
    assert "daily.csv: 1 rows of other days left out" in reading.notes


def test_factors_that_go_on_during_a_suspension_do_not_hide_the_last_price():
    halted = ["920305.BJ", "20260204", "6", "1"]
    going_on = [["920305.BJ", day, "2"] for day in ("20260204", "20260213", "20260227")]
    frame = read(tables.RAW_QUOTES, daily(*quotes(), halted), factors(*FACTORS, *going_on)).frame
    assert values(frame[frame["code"] == "920305.BJ"], "date", "close", "adj_factor") == [
        (dt.date(2026, 2, 4), 6.0, 2.0)
    ]


def test_valuations_are_those_of_base_and_close_date_or_the_last_before():
    rows = [
        ["920493.BJ", day, "1", "2", mv, "4"]
        for day, mv in (("20260212", "1"), ("20260213", "2"), ("20260226", "3"), ("20260227", "4"))
    ]
    halted = [["920305.BJ", "20260204", "1", "2", "9", "4"]]
    frame = read(
        tables.RAW_VALUATIONS, file("daily_basic.csv", [BASIC, *rows, *halted]), issue=ISSUE_65
    ).frame
    assert values(frame, "code", "date", "market_cap") == [
        ("920305.BJ", dt.date(2026, 2, 4), 9e4),
        ("920493.BJ", BASE, 2e4),
        ("920493.BJ", CLOSE, 4e4),
    ]


def test_valuations_without_the_base_date_are_not_filled_with_older_ones():
    rows = [["920493.BJ", day, "1", "2", "3", "4"] for day in ("20260206", "20260227")]
    reading = read(tables.RAW_VALUATIONS, file("daily_basic.csv", [BASIC, *rows]))
    assert reading.frame["date"].tolist() == [CLOSE]
    assert "daily_basic.csv: no rows of 2026-02-13" in reading.notes


@pytest.mark.parametrize("lost", ["20260213", "20260227"])
def test_quotes_without_base_or_close_date_are_refused_with_the_days_they_hold(lost):
    rows = [row for row in quotes() if row[1] != lost] + [["920493.BJ", "20260220", "1", "1"]]
    with pytest.raises(DataError) as raised:
        read(tables.RAW_QUOTES, daily(*rows))
    message = str(raised.value)
    assert "base date 2026-02-13 and the close date 2026-02-27 of issue 10" in message
    assert "found days 2026-02" in message
    assert "2026-02-20" in message


def test_factors_without_the_base_date_are_refused_too():
    with pytest.raises(DataError, match=r"adj_factor.csv: .*hold the base date"):
        read(tables.RAW_QUOTES, daily(*quotes()), factors(FACTORS[1]))


def test_days_that_are_missing_within_the_week_are_said():
    reading = read(tables.RAW_QUOTES, daily(*quotes()), issue=ISSUE_65)
    assert "daily.csv: no rows of 2026-02-24, 2026-02-25, 2026-02-26" in reading.notes


def test_the_days_may_come_in_several_files():
    first, second = quotes()
    frame = read(
        tables.RAW_QUOTES,
        daily(first, name="daily_20260213.csv"),
        daily(second, name="daily_20260227.csv"),
    ).frame
    assert frame["source_file"].tolist() == ["daily_20260213.csv", "daily_20260227.csv"]


def test_announcements_of_a_holiday_week_are_not_lost_between_issues():
    assert selection.announcement_window(ISSUE_65) == (dt.date(2026, 2, 16), dt.date(2026, 3, 1))
    for before, issue in zip(issues.all_issues(), issues.all_issues()[1:], strict=False):
        first, _ = selection.announcement_window(issue)
        assert first == before.issue_date + dt.timedelta(days=1)


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (["920493.BJ", "20260227", "abc", "1"], "line 4: close.*finite number, found abc"),
        (["920493.BJ", "20260227", "nan", "1"], "line 4: close.*finite number, found nan"),
        (["920493.BJ", "20260227", "inf", "1"], "line 4: close.*finite number, found inf"),
        (["920493.BJ", "20260227", "1e308", "1"], "line 4: close.*plausible size.*1e308"),
        (["920493.BJ", "20260227", "1,5", "1"], "line 4: close.*finite number, found 1,5"),
        (["920493.BJ", "20260227", "-3.2", "1"], "line 4: close.*greater than zero, found -3.2"),
        (["920493.BJ", "20260227", "0", "1"], "line 4: close.*greater than zero, found 0"),
        (["920493.BJ", "20260231", "1", "1"], "line 4: trade_date.*a day.*found 20260231"),
        (["920493.BJ", "27/02/26", "1", "1"], "line 4: trade_date.*a day.*found 27/02/26"),
        (["920493.BJ", "", "1", "1"], "line 4: trade_date.*a day is given, found a blank"),
        (["92O493.BJ", "20260227", "1", "1"], "line 4: ts_code.*six digits.*found 92O493.BJ"),
        (["", "20260227", "1", "1"], "line 4: ts_code.*six digits.*found a blank"),
        (["920493.BJ", "20260227", "1"], "line 4: every row has the header's 4 cells, found 3"),
        (["920493.BJ", "20260227", "1", "1", "1"], "line 4: every row.*found 5 cells"),
    ],
)
def test_a_bad_row_is_named_with_file_line_rule_and_remedy(row, found):
    with pytest.raises(DataError, match=rf"^daily\.csv, {found}") as raised:
        read(tables.RAW_QUOTES, daily(*quotes("920002.BJ"), row))
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (["ts_code", "trade_date", "closing", "vol"], "no close; not understood: closing"),
        (["ts_code", "trade_date", "vol", "amount"], "no close; not understood: nothing"),
        (["ts_code", "trade_date", "close", "volume"], "no vol; not understood: volume"),
        (["ts_code", "trade_date", "close", "close"], "a column stands once, found close"),
    ],
)
def test_missing_renamed_and_repeated_columns_are_named(header, found):
    with pytest.raises(DataError, match=f"daily.csv, line 1.*{found}"):
        layouts.recognise(file("daily.csv", [header, *quotes()]))


def test_columns_that_a_vendor_adds_are_left_out_and_named():
    wider = file("daily.csv", [[*DAILY, "mood"], *[[*row, "good"] for row in quotes()]])
    reading = read(tables.RAW_QUOTES, wider)
    assert len(reading.frame) == 2
    assert "daily.csv: columns that are not known were left out: mood" in reading.notes


def test_a_header_without_rows_is_refused():
    with pytest.raises(DataError, match=r"daily.csv.*found the header only"):
        layouts.recognise(daily())
    with pytest.raises(DataError, match=r"wind.xlsx, line 1.*found the header only"):
        layouts.recognise(sheet(["证券代码", "收盘价 2026-02-27"]))


def test_an_unknown_header_is_refused_with_the_layout_that_comes_closest():
    nearly = file(
        "basics.csv", [["ts_code", "trade_date", "total_share", "pe_ttm", "cap"], [1] * 5]
    )
    with pytest.raises(UnknownLayoutError) as raised:
        layouts.recognise(nearly)
    assert "close to tushare daily_basic" in raised.value.found
    assert "not understood: cap; missing: total_mv" in raised.value.found
    assert raised.value.understood == ("pe_ttm", "total_share", "trade_date", "ts_code")


def test_an_unknown_vendor_is_refused():
    with pytest.raises(DataError, match=r"the vendor is one of .*ifind.*found bloomberg"):
        layouts.recognise(Delivery("bloomberg", "a.csv", b"a,b\n1,2\n"))


def test_a_sheet_with_the_same_column_twice_is_refused():
    twice = sheet(["代码", "收盘价 2026-02-27", "收盘价\n[交易日期] 2026-02-27"], ["920493", 1, 1])
    with pytest.raises(DataError, match="a column stands once"):
        layouts.recognise(twice)


def test_a_sheets_bad_cell_is_named_by_its_row():
    header = ["代码", "收盘价 2026-02-13", "收盘价 2026-02-27"]
    bad = sheet(["标题", None, None], header, ["920493", 1, 1], ["920002", 1, "停牌"])
    with pytest.raises(DataError, match=r"wind.xlsx, line 4: 收盘价.*finite number, found 停牌"):
        read(tables.RAW_QUOTES, bad)


@pytest.mark.parametrize("day", ["20260305", "20260210"])
def test_a_bad_cell_of_another_week_does_not_stop_this_one(day):
    found = read(tables.RAW_QUOTES, daily(*quotes(), ["920493.BJ", day, "abc", "1"]))
    assert found.frame["close"].tolist() == [152.1, 160.2]
    with pytest.raises(DataError, match=r"daily.csv, line 4: close: .* found abc"):
        layouts.read(
            [daily(*quotes(), ["920493.BJ", day, "abc", "1"])],
            tables.RAW_QUOTES,
            ONE_SESSION,
            every_row=True,
        )


def test_a_bad_cell_that_may_be_the_last_price_before_a_suspension_stops_the_issue():
    rows = [
        *quotes(),
        ["920002.BJ", "20260209", "10", "1"],
        ["920002.BJ", "20260210", "abc", "1"],
    ]
    with pytest.raises(DataError, match=r"daily.csv, line 5: close: .* found abc"):
        read(tables.RAW_QUOTES, daily(*rows))


def test_a_file_of_bad_cells_is_refused_at_once():
    wrong = [["920493.BJ", "20260305", "abc", "1"]] * (layouts._WRONG_CELLS + 1)
    with pytest.raises(DataError, match="found abc"):
        read(tables.RAW_QUOTES, daily(*quotes(), *wrong))


def test_a_list_without_announcements_of_the_week_gives_an_empty_table_and_says_so():
    header = ["代码", "名称", "公告标题", "公告类型", "公告日期", "网址"]
    old = file("n.csv", [header, ["920493", "x", "公告", "a", "2025-02-26", "b"]])
    reading = read(tables.RAW_ANNOUNCEMENTS, old)
    assert reading.frame.empty
    assert tuple(reading.frame.columns) == tables.columns(tables.RAW_ANNOUNCEMENTS)
    assert reading.notes == (
        "n.csv: 1 rows of other days left out",
        "no file gives raw_announcements of issue 10",
    )


def test_a_file_that_feeds_other_tables_is_named():
    reading = read(tables.RAW_VALUATIONS, daily(*quotes()))
    assert "daily.csv: nothing for raw_valuations" in reading.notes


# --- mapping files ----------------------------------------------------------------------------


def test_a_new_vendor_is_a_mapping_file_and_no_code(tmp_path):
    shared = mappings.FOLDER / "spreadsheet.yaml"
    (tmp_path / "spreadsheet.yaml").write_bytes(shared.read_bytes())
    (tmp_path / "choice.yaml").write_text(
        "vendor: choice\nextends: spreadsheet\nspreadsheet:\n  marks: [东方财富Choice]\n"
        "  tables: {raw_valuations: {market_cap: {labels: [市值合计]}}}\n",
        encoding="utf-8",
    )
    (choice,) = mappings.vendors(tmp_path).values()
    labels = choice.spreadsheet.tables["raw_valuations"]["market_cap"].labels
    assert {"总市值", "市值合计"} <= set(labels)
    assert choice.spreadsheet.marks == ("东方财富Choice",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "vendor: x\ninterfaces: {a: {tables: {raw_quotes: {closing: {from: c, kind: text}}}}}",
            "raw_quotes has no column closing",
        ),
        (
            "vendor: x\ninterfaces: {a: {tables: {raw_quotes: {close: {from: c, kind: price}}}}}",
            "interfaces.a.tables.raw_quotes.close.kind",
        ),
        ("vendor: x\nspreadshet: {}", "spreadshet"),
        ("vendor: x\nextends: nothing", "extends names a file here, found nothing"),
        ("vendor: [x", "the file is YAML"),
        ("- x", "the file is a YAML mapping"),
    ],
)
def test_a_wrong_mapping_file_is_named_with_the_place(tmp_path, text, found):
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"^x\.yaml: .*{found}"):
        mappings.vendors(tmp_path)


# --- values -----------------------------------------------------------------------------------


@given(st.decimals(min_value="-99999999", max_value="99999999", places=4))
def test_a_number_reads_back_however_it_is_written(number: Decimal):
    wide = str.maketrans("0123456789-.,", "０１２３４５６７８９－．，")
    forms = [
        str(number),
        f"{number:,}",
        f" {number:f} ",
        f"{number:,}".translate(wide),
        f"{number:e}",
    ]
    assert cells.numbers(forms).tolist() == [float(number)] * 5


@pytest.mark.parametrize("figure", ["17.605", "0.105", "1.015", "4088.205", "173733.605"])
def test_a_sum_is_the_same_number_in_every_unit(figure):
    yuan = Decimal(figure) * 10**8
    forms = {1e8: figure, 1e4: str(Decimal(figure) * 10**4), 1: str(yuan), 100: str(yuan / 100)}
    assert {cells.numbers([text], times=times)[0] for times, text in forms.items()} == {float(yuan)}
    assert cells.numbers([float(figure)], times=1e8)[0] == float(yuan)
    assert cells.numbers([f"{figure}亿"], units={"亿": 1e8})[0] == float(yuan)


@given(st.dates(min_value=dt.date(1990, 1, 1), max_value=dt.date(2099, 12, 31)))
def test_a_day_reads_back_however_it_is_written(day: dt.date):
    written = [
        f"{day:%Y-%m-%d}",
        f"{day:%Y%m%d}",
        int(f"{day:%Y%m%d}"),
        float(f"{day:%Y%m%d}"),
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%Y-%m-%d} 00:00:00",
        day,
        dt.datetime.combine(day, dt.time(15)),
    ]
    assert cells.days(written) == [day] * 9


def test_an_excel_serial_is_a_day_in_a_workbook_and_none_in_text():
    assert cells.day(46080.0) == CLOSE
    with pytest.raises(ValueError, match="a day"):
        cells.day("46080")


# --- real weeks -------------------------------------------------------------------------------


def plain(number: int, name: str) -> pd.DataFrame:
    return pd.read_csv(
        MARKET / f"issue_{number:03d}" / name, dtype={"ts_code": str, "trade_date": str}
    )


def read_week(number: int, table: str) -> layouts.Reading:
    issue = issues.by_number(number)
    source = FilesSource(MARKET / f"issue_{number:03d}")
    return layouts.read(source.deliver(issue, table), table, issue)


@needs_market
@pytest.mark.parametrize("number", [32, 46, 64, 65])
def test_quotes_of_a_real_week_equal_the_files(number):
    frame = read_week(number, tables.RAW_QUOTES).frame
    expected = plain(number, "daily.csv").merge(
        plain(number, "adj_factor.csv"), on=["ts_code", "trade_date"], how="left"
    )
    frame["trade_date"] = [f"{day:%Y%m%d}" for day in frame["date"]]
    both = frame.merge(
        expected, left_on=["vendor_code", "trade_date"], right_on=["ts_code", "trade_date"]
    )
    assert len(frame) == len(expected) == len(both)
    assert (both["close_x"] == both["close_y"]).all()
    assert both["adj_factor_x"].equals(both["adj_factor_y"])
    assert np.allclose(both["volume"], both["vol"] * 100)


@needs_market
def test_a_company_is_one_series_across_the_code_switch():
    frame = read_week(46, tables.RAW_QUOTES).frame
    days = frame.groupby("code")["date"].agg(list)
    whole = [dt.date(2025, 9, 30), dt.date(2025, 10, 9), dt.date(2025, 10, 10)]
    assert (days.map(len) == 3).sum() == 276
    assert all(held == whole for held in days if len(held) == 3)
    assert frame["code"].str.startswith("920").all()
    at_base = frame[frame["date"] == whole[0]]
    assert at_base["vendor_code"].str.match("(83|87|43)").sum() == 247


@needs_market
def test_the_bonus_issue_of_920208_changes_by_the_adjusted_closes():
    frame = read_week(32, tables.RAW_QUOTES).frame
    company = frame[frame["code"] == "920208.BJ"].set_index("date")
    first, last = company.loc[dt.date(2025, 6, 27)], company.loc[dt.date(2025, 7, 4)]
    assert round(last["close"] / first["close"] - 1, 4) == -0.3421
    adjusted = last["close"] * last["adj_factor"] / (first["close"] * first["adj_factor"]) - 1
    assert round(adjusted, 4) == -0.0536


@needs_market
def test_valuations_listings_and_financials_of_issue_65_equal_the_files():
    frame = read_week(65, tables.RAW_VALUATIONS).frame
    expected = plain(65, "daily_basic.csv").sort_values(
        ["ts_code", "trade_date"], ignore_index=True
    )
    assert frame["code"].tolist() == expected["ts_code"].tolist()
    assert np.allclose(frame["market_cap"], expected["total_mv"] * 1e4)
    assert np.allclose(frame["total_shares"], expected["total_share"] * 1e4)
    assert frame["pe_ttm"].equals(expected["pe_ttm"])
    assert frame["pe_ttm_is_loss"].tolist() == expected["pe_ttm"].isna().tolist()
    listings = read_week(65, tables.RAW_LISTINGS).frame.set_index("code")
    assert len(listings) == 316
    assert listings.loc["920168.BJ", "listed"] == dt.date(2026, 2, 26)
    financials = read_week(65, tables.RAW_FINANCIALS).frame
    assert set(financials["fiscal_year"]) == {2024}
    assert financials["revenue"].sum() == pytest.approx(
        plain(65, "income.csv")["total_revenue"].sum()
    )


@needs_market
def test_files_of_another_week_are_refused():
    source = FilesSource(MARKET / "issue_064")
    issue = issues.by_number(65)
    with pytest.raises(DataError, match=r"close date 2026-02-27 of issue 65.*2026-02-06"):
        layouts.read(source.deliver(issue, tables.RAW_QUOTES), tables.RAW_QUOTES, issue)


@needs_market
def test_a_real_week_from_a_spreadsheet_gives_the_same_closes():
    closes = plain(65, "daily.csv").pivot_table(
        index="ts_code", columns="trade_date", values="close"
    )
    header = ["证券代码", *[f"收盘价\n[交易日期] {day}\n[单位] 元" for day in closes.columns]]
    rows = [
        [code, *[None if pd.isna(cell) else f"{cell:,}" for cell in row]]
        for code, row in zip(closes.index, closes.to_numpy().tolist(), strict=True)
    ]
    terminal = sheet(["行情"], header, *rows, ["数据来源：Wind"])
    columns = ["code", "date", "close"]
    assert (
        read(tables.RAW_QUOTES, terminal, issue=ISSUE_65)
        .frame[columns]
        .equals(read_week(65, tables.RAW_QUOTES).frame[columns])
    )


@needs_market
def test_all_files_of_issue_65_are_read_in_a_fraction_of_a_second():
    def spent() -> float:
        spreadsheets.sheets.cache_clear()
        begun = time.process_time()
        for table in tables.RAW_TABLES:
            read_week(65, table)
        return time.process_time() - begun

    # 0.07 s on an idle core; a loaded one shares its caches.
    assert min(spent() for _ in range(5)) < 0.3


def test_the_end_of_an_old_code_is_no_delisting_of_the_company():
    header = ["ts_code", "symbol", "name", "list_date", "delist_date"]
    rows = [
        ["430017.BJ", "430017", "星昊医药", "20230531", "20251009"],
        ["920493.BJ", "920493", "并行科技", "20231101", "20270104"],
    ]
    listings = read(tables.RAW_LISTINGS, file("stock_basic.csv", [header, *rows])).frame
    assert values(listings, "code", "delisted") == [
        ("920017.BJ", None),
        ("920493.BJ", dt.date(2027, 1, 4)),
    ]


def test_a_day_of_revision_does_not_hide_accounts_that_were_long_public():
    header = ["股票代码", "股票简称", "营业总收入-营业总收入", "净利润-净利润", "最新公告日期"]
    rows = [
        ["920493", "并行科技", "655000000", "12056700", "2026-01-20"],
        ["920060", "万源通", "1043000000", "123311700", "2025-03-28"],
    ]
    frame = read(tables.RAW_FINANCIALS, file("stock_yjbb_em_20241231.csv", [header, *rows])).frame
    assert values(frame, "code", "fiscal_year", "published") == [
        ("920060.BJ", 2024, dt.date(2025, 3, 28)),
        ("920493.BJ", 2024, dt.date(2025, 4, 30)),
    ]
