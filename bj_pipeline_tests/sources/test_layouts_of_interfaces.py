"""Results of Tushare and AkShare that somebody saved as files."""

import csv
import datetime as dt

import pytest

from bj_pipeline.errors import DataError
from bj_pipeline.issues import Issue
from bj_pipeline.sources import Delivery, layouts
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.layout_examples import (
    BASE,
    BASIC,
    CLOSE,
    daily,
    quotes,
    read,
    values,
)
from bj_pipeline_tests.sources.vendor_files import MARKET, call, file, needs_market, text

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
    assert "daily_basic.csv: 1 row left out (920494.BJ) without a figure" in reading.notes


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
    assert "income.csv: 1 row left out (920493.BJ) of quarters" in reading.notes


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
