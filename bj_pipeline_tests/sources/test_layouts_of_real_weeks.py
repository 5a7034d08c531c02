"""Files of real weeks, compared with themselves as plain pandas reads them."""

import datetime as dt
import time

import numpy as np
import pandas as pd
import pytest

from bj_pipeline import issues
from bj_pipeline.errors import DataError
from bj_pipeline.sources import layouts, spreadsheets
from bj_pipeline.sources.files import FilesSource
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.layout_examples import read, sheet, values
from bj_pipeline_tests.sources.vendor_files import ISSUE_65, MARKET, file, needs_market


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
