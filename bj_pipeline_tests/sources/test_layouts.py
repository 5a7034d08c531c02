"""What comes out of a vendor's files: tidy tables, each number as it was written."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bj_pipeline.errors import DataError
from bj_pipeline.sources import cells
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.layout_examples import (
    BASE,
    BASIC,
    CLOSE,
    FACTORS,
    daily,
    factors,
    quotes,
    read,
    sheet,
    values,
)
from bj_pipeline_tests.sources.vendor_files import file

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
        "tushare comes first; wind is used only for 1 company" in note for note in reading.notes
    )


def test_an_announcement_listed_under_two_kinds_is_taken_once():
    header = ["代码", "名称", "公告标题", "公告类型", "公告日期", "网址"]
    rows = [["920493", "x", "关于回购的公告", kind, "2026-02-26", kind] for kind in "ab"]
    reading = read(tables.RAW_ANNOUNCEMENTS, file("n.csv", [header, *rows]))
    assert values(reading.frame, "title", "category", "url") == [("关于回购的公告", "a", "a")]


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
